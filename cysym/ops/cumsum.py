"""cumsum: running sums along an axis. The numbers are made in c_kernels/cumsum.c and cl_kernels/cumsum.cl."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

from ..base import MXNetError
from ..dtypes import CODES
from .axes import normal_axis
from .rules import is_known
from .schema import DType, Int, OpDef

if TYPE_CHECKING:
    from ..passes.gradient import GradContext
    from ..passes.ir import Tensor
    from ..passes.lower import LowerContext
    from .rules import ShapeRule, TypeRule


def _emit(c: LowerContext, out: Tensor, data: Tensor, axis: int | None, reverse: bool) -> None:
    shape = data.shape if axis is not None else (data.size,)
    at = normal_axis(axis or 0, len(shape))
    outer, n, inner = prod(shape[:at]), shape[at], prod(shape[at + 1 :])
    blocks = -(-inner // 64)
    c.call("cumsum", [out], [data], [n, inner, int(reverse)], items=outer * blocks, cost=n * min(inner, 64))


class _CumsumBack(OpDef):
    """Running sums from the other end, in the shape and type of what was summed."""

    name = "_backward_cumsum"
    axis = Int(None)

    def infer_shape(self, s: ShapeRule) -> None:
        """The output has the shape of the forward input."""

    def infer_type(self, t: TypeRule) -> None:
        """As for shapes."""

    def gradient(self, g: GradContext) -> list[Any]:
        return [g.make("_np_cumsum", g.ograd(), like=g.ins[0], axis=self.axis)]

    def lower(self, c: LowerContext) -> None:
        out = c.output()
        ograd = c.input("data", dtype=out.dtype)
        _emit(c, out, ograd.view(out.shape, 0, None), self.axis, reverse=True)


class Cumsum(OpDef):
    """Running sums: ``output[..., k, ...] = a[..., 0, ...] + ... + a[..., k, ...]`` along ``axis``.

    Without an axis, of all elements in row-major order, as one dimension. ``dtype`` is the type of the result
    and of the sums; by default that of `a`, int64 for bool. Whole numbers wrap around. (MXNet, NumPy: cumsum)
    """

    name = "_np_cumsum"
    aliases = ("cumsum",)
    inputs = ("a",)

    axis = Int(None, "Axis to sum along; None: all elements as one row.")
    dtype = DType(None, "Type of the result; None: the input's.")

    def check(self) -> None:
        if self.dtype == CODES["bool"]:
            raise MXNetError("operator _np_cumsum: dtype must be a type of numbers, got bool")

    def infer_shape(self, s: ShapeRule) -> None:
        data = s.ins[0]
        if data is None:
            return
        if self.axis is not None:
            normal_axis(self.axis, len(data))
            s.meet_out(0, data)
        elif is_known(data):
            s.meet_out(0, (prod(data),))

    def infer_type(self, t: TypeRule) -> None:
        if self.dtype is not None:
            t.meet_out(0, self.dtype)
        elif t.ins[0] is not None:
            t.meet_out(0, CODES["int64"] if t.ins[0] == CODES["bool"] else t.ins[0])

    def gradient(self, g: GradContext) -> list[Any]:
        return [g.make("_backward_cumsum", g.ograd(), like=g.ins[0], axis=self.axis)]

    def lower(self, c: LowerContext) -> None:
        out = c.output()
        _emit(c, out, c.input("a", dtype=out.dtype), self.axis, reverse=False)
