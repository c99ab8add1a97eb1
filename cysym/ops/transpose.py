"""transpose and SwapAxis: axes in another order, written out densely.

The work is one strided copy (kernel `copy`, which moves 16 x 16 tiles when the fastest dimensions of both
sides differ); where only axes of size 1 change places, the output is a view and nothing is moved.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..base import ShapeError
from .axes import normal_axis
from .rules import Dims, ShapeRule
from .schema import Int, OpDef, Shape

if TYPE_CHECKING:
    from ..passes.gradient import GradContext
    from ..passes.lower import LowerContext


def _permute(c: LowerContext, order: tuple[int, ...]) -> None:
    x = c.input("data", "any")
    shape = tuple(x.shape[i] for i in order)
    strides = tuple(x.strides[i] for i in order)
    moved = [i for i in order if x.shape[i] != 1]
    if moved == sorted(moved):
        c.alias("output", x, strides=strides)
    else:
        c.copy(c.output("output", "any"), x.view(shape, 0, strides))


class Transpose(OpDef):
    """Permute the axes of `data`: axis i of the output is axis ``axes[i]`` of the input; reversed order by
    default.
    """

    half = True

    name = "transpose"

    axes = Shape((), "Target axis order. By default the axes are inverted.")

    def order(self, ndim: int) -> tuple[int, ...]:
        """Input axis of each output axis."""
        if not self.axes:
            return tuple(range(ndim))[::-1]
        order = tuple(normal_axis(a, ndim, "axes") for a in self.axes) if len(self.axes) == ndim else ()
        if sorted(order) != list(range(ndim)):
            raise ShapeError(f"axes {self.axes} is no order of the {ndim} axes of the input")
        return order

    def infer_shape(self, s: ShapeRule) -> None:
        data, out = s.ins[0], s.outs[0]
        if data is None and out is not None:
            data = (-1,) * len(out)
        if data is None:
            return
        order = self.order(len(data))
        out = s.meet_out(0, tuple(data[i] for i in order))
        if out is not None:
            back = [-1] * len(order)
            for at, axis in enumerate(order):
                back[axis] = out[at]
            s.meet_in(0, tuple(back))

    def gradient(self, g: GradContext) -> list[Any]:
        ndim = len(self.axes)
        inverse = tuple(sorted(range(ndim), key=lambda i: self.axes[i] % ndim))  # () undoes ()
        return [g.make("transpose", g.ograd(), like=g.ins[0], axes=inverse)]

    def lower(self, c: LowerContext) -> None:
        _permute(c, self.order(len(c.shape("data"))))


class SwapAxis(OpDef):
    """Exchange the axes `dim1` and `dim2` of `data`."""

    half = True

    name = "SwapAxis"
    aliases = ("swapaxes",)

    dim1 = Int(0, "The first axis to be swapped.")
    dim2 = Int(0, "The second axis to be swapped.")

    def _swap(self, shape: Dims) -> Dims:
        a, b = normal_axis(self.dim1, len(shape), "dim1"), normal_axis(self.dim2, len(shape), "dim2")
        out = list(shape)
        out[a], out[b] = out[b], out[a]
        return tuple(out)

    def infer_shape(self, s: ShapeRule) -> None:
        if s.ins[0] is not None:
            s.meet_out(0, self._swap(s.ins[0]))
        if s.outs[0] is not None:
            s.meet_in(0, self._swap(s.outs[0]))

    def gradient(self, g: GradContext) -> list[Any]:
        return [g.make("SwapAxis", g.ograd(), dim1=self.dim1, dim2=self.dim2)]

    def lower(self, c: LowerContext) -> None:
        _permute(c, self._swap(tuple(range(len(c.shape("data"))))))
