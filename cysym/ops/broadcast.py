"""broadcast_to, broadcast_axis, broadcast_like: dimensions of size 1 repeated.

One strided copy, read through strides of zero; the gradient is summed back (`reduce_to`). Elementwise
operators that broadcast do so themselves (elementwise.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..base import ShapeError
from .axes import normal_axis
from .reduce import reduce_to
from .rules import Dims, ShapeRule, TypeRule, show
from .schema import Backward, OpDef, Shape

if TYPE_CHECKING:
    from ..passes.gradient import GradContext
    from ..passes.lower import LowerContext


def _stretch(shape: Dims, target: Dims, what: str) -> Dims:
    """`target`, with -1 where it follows from neither; refuses what is no broadcast."""
    if len(shape) != len(target):
        raise ShapeError(
            f"{what} {show(target)} has {len(target)} dimensions, the input {show(shape)} has {len(shape)}"
        )
    for d, n in zip(shape, target, strict=True):
        if d >= 0 and n >= 0 and d not in (1, n):
            raise ShapeError(f"an input of shape {show(shape)} cannot be broadcast to {what} {show(target)}")
    return tuple(d if n < 0 and d != 1 else n for d, n in zip(shape, target, strict=True))


class _BroadcastBackward(Backward):
    """The head gradient summed over the repeated axes."""

    half = True

    def lower(self, c: LowerContext) -> None:
        (name,) = self.wanted
        reduce_to(c, c.output(name), c.input("ograd", "any"))

    def gradient(self, g: GradContext) -> list[Any]:
        """Repeated again."""
        return [g.make("broadcast_like", g.ograd(), g.ins[0], like=g.ins[0])]


class _Broadcast(OpDef):
    """Base: the input read through strides of zero."""

    half = True

    backward = _BroadcastBackward

    def lower(self, c: LowerContext) -> None:
        x, out = c.input(self.inputs[0], "any"), c.output("output", "any")
        strides = tuple(s if d == n else 0 for s, d, n in zip(x.strides, x.shape, out.shape, strict=True))
        c.copy(out, x.view(out.shape, 0, strides))


class BroadcastTo(_Broadcast):
    """Repeat axes of size 1 so that `data` gets the shape `shape`, in which 0 keeps the input's dimension.

    (2, 1, 3) with shape=(0, 5, 0) is (2, 5, 3). The gradient is the sum over the repeated axes.
    """

    name = "broadcast_to"

    shape = Shape((), "The shape of the desired array; 0 keeps the dimension of the input.")

    def infer_shape(self, s: ShapeRule) -> None:
        data = s.ins[0]
        if data is None:
            return
        if len(self.shape) != len(data):
            _stretch(data, self.shape, "shape")
        target = tuple(n or d for n, d in zip(self.shape, data, strict=True))
        s.meet_out(0, _stretch(data, target, "shape"))


class BroadcastAxis(_Broadcast):
    """Repeat each axis of size 1 listed in `axis` as often as `size` says: (2, 1, 3), axis=1, size=5 is (2,
    5, 3).
    """

    name = "broadcast_axis"
    aliases = ("broadcast_axes",)

    axis = Shape((), "The axes to perform the broadcasting.")
    size = Shape((), "Target sizes of the broadcasting axes.")

    def check(self) -> None:
        if len(self.axis) != len(self.size):
            raise ShapeError(f"broadcast_axis: axis={self.axis} and size={self.size} must be equally long")

    def infer_shape(self, s: ShapeRule) -> None:
        data = s.ins[0]
        if data is None:
            return
        out = list(data)
        for a, n in zip(self.axis, self.size, strict=True):
            at = normal_axis(a, len(data))
            if out[at] not in (1, -1):
                raise ShapeError(f"broadcasting axis {a} of {show(data)} must have size 1, got {out[at]}")
            out[at] = n
        s.meet_out(0, tuple(out))


class BroadcastLike(_Broadcast):
    """Repeat axes of size 1 of `lhs` so that it gets the shape of `rhs`, or only its axes `lhs_axes` the
    sizes of the axes `rhs_axes` of `rhs`. The values of `rhs` do not matter.
    """

    name = "broadcast_like"
    inputs = ("lhs", "rhs")

    lhs_axes = Shape(None, "Axes to perform broadcast on in the first input array.")
    rhs_axes = Shape(None, "Axes to copy from the second input array.")

    class _Back(_BroadcastBackward):
        differentiable = ("lhs",)

    backward = _Back

    def check(self) -> None:
        if (self.lhs_axes is None) != (self.rhs_axes is None) or len(self.lhs_axes or ()) != len(
            self.rhs_axes or ()
        ):
            raise ShapeError(
                f"broadcast_like: lhs_axes={self.lhs_axes} and rhs_axes={self.rhs_axes} must be equally long"
            )

    def infer_shape(self, s: ShapeRule) -> None:
        lhs, rhs = s.ins
        if lhs is None or rhs is None:
            return
        target = list(lhs)
        if self.lhs_axes is None:
            target = list(rhs)
        else:
            for a, b in zip(self.lhs_axes, self.rhs_axes, strict=True):
                target[normal_axis(a, len(lhs), "lhs_axes")] = rhs[normal_axis(b, len(rhs), "rhs_axes")]
        s.meet_out(0, _stretch(lhs, tuple(target), "rhs"))

    def infer_type(self, t: TypeRule) -> None:
        t.same(ins=(0,))
