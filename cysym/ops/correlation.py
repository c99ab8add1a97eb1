"""Correlation: likeness of patches of two images at all displacements of a neighbourhood."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base import MXNetError, ShapeError
from .rules import FLOATS, show
from .schema import Backward, Bool, Int, OpDef

if TYPE_CHECKING:
    from ..passes.lower import LowerContext
    from .rules import ShapeRule


def _ints(op: OpDef, shape: tuple[int, ...], out: tuple[int, ...]) -> list[int]:
    v = op.values
    radius = v["max_displacement"] // v["stride2"]
    return [
        *shape[1:], *out[1:], v["kernel_size"], v["max_displacement"], v["stride1"], v["stride2"],
        v["pad_size"], radius, int(v["is_multiply"]),
    ]  # fmt: skip


class CorrelationBackward(Backward):
    """Every product sends its share back to both factors; one item a plane."""

    needs = ("ograd", "data1", "data2")

    def lower(self, c: LowerContext) -> None:
        dout, data1, data2 = c.input("ograd"), c.input("data1"), c.input("data2")
        ints = _ints(self, data1.shape, dout.shape)
        n, channels = data1.shape[:2]
        cost = 3.0 * dout.size / max(n, 1) * self.values["kernel_size"] ** 2
        for second, name in enumerate(("data1", "data2")):
            if c.wants(name):
                c.call(
                    "correlation_grad", [c.output(name)], [dout, data1, data2], [*ints, second],
                    items=n * channels, cost=cost,
                )  # fmt: skip


class Correlation(OpDef):
    """Mean over a patch and all channels of products (or absolute differences) of two images.

    data1, data2 (n, c, h, w), padded by ``pad_size``; one output channel for each of ``(2 * (max_displacement
    // stride2) + 1) ** 2`` displacements of the second patch; patches of ``kernel_size`` (odd) every
    ``stride1`` pixels. (MXNet: Correlation; Dosovitskiy et al. 2015)
    """

    name = "Correlation"
    dtypes = FLOATS
    inputs = ("data1", "data2")
    backward = CorrelationBackward

    kernel_size = Int(1, "side of a patch, odd", min=0)
    max_displacement = Int(1, "greatest displacement", min=0)
    stride1 = Int(1, "step of the patches", min=0)
    stride2 = Int(1, "step of the displacements", min=0)
    pad_size = Int(0, "zeros around both images", min=0)
    is_multiply = Bool(True, "products; otherwise absolute differences")

    def counted_outputs(self) -> int:
        return 3

    def check(self) -> None:
        if self.kernel_size % 2 == 0:
            raise MXNetError(f"operator Correlation: kernel_size must be odd, got {self.kernel_size}")
        for name in ("stride1", "stride2"):
            if self.values[name] < 1:
                raise MXNetError(f"operator Correlation: {name} must be at least 1, got {self.values[name]}")
        if max(self.max_displacement, self.pad_size, self.kernel_size) > 1 << 20:
            raise MXNetError("operator Correlation: kernel_size, max_displacement and pad_size end at 2**20")

    def infer_shape(self, s: ShapeRule) -> None:
        s.same([0, 1], [])
        data = s.ins[0]
        if data is None:
            return
        if len(data) != 4:
            raise ShapeError(f"Correlation: data1 must have 4 dimensions, got {show(data)}")
        border = self.max_displacement + (self.kernel_size - 1) // 2
        sizes = []
        for what, dim in zip(("height", "width"), data[2:], strict=True):
            inner = dim + 2 * self.pad_size - 2 * border
            if dim >= 0 and inner < 1:
                raise ShapeError(
                    f"Correlation: {what} {dim} with pad_size {self.pad_size} leaves no room for "
                    f"max_displacement {self.max_displacement} and kernel_size {self.kernel_size}"
                )
            sizes.append(-1 if dim < 0 else -(-inner // self.stride1))
        side = 2 * (self.max_displacement // self.stride2) + 1
        s.meet_out(0, (data[0], side * side, *sizes))

    def lower(self, c: LowerContext) -> None:
        data, out = c.input("data1"), c.output()
        cost = data.shape[1] * self.kernel_size**2 * out.shape[3] * 1.0
        items = out.shape[0] * out.shape[1] * out.shape[2]
        c.call(
            "correlation", [out], [data, c.input("data2")], _ints(self, data.shape, out.shape), items=items,
            cost=cost,
        )  # fmt: skip
