"""reverse, tile and repeat: the same elements backwards or several times over.

One strided copy each, with steps below zero or of zero; the gradient of a repetition is a sum over its
copies. The kernels are those of copy.c and reduce.c.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..base import ShapeError
from .axes import normal_axis, product
from .reduce import emit_sum
from .rules import Dims, ShapeRule
from .schema import Backward, Int, OpDef, Shape

if TYPE_CHECKING:
    from ..passes.gradient import GradContext
    from ..passes.ir import Tensor
    from ..passes.lower import LowerContext


class Reverse(OpDef):
    """Reverse the order of the elements along `axis`, one axis or several. (2, 3, 5) stays (2, 3, 5). An axis
    named twice is reversed twice. (MXNet: reverse)
    """

    half = True

    name = "reverse"
    aliases = ("flip",)

    axis = Shape(doc="The axis or axes to reverse; negative ones count from the end.")

    def infer_shape(self, s: ShapeRule) -> None:
        s.same()
        if s.ins[0] is not None:
            for a in self.axis:
                normal_axis(a, len(s.ins[0]))

    def gradient(self, g: GradContext) -> list[Any]:
        return [g.make("reverse", g.ograd(), like=g.ins[0], axis=self.axis)]

    def lower(self, c: LowerContext) -> None:
        x, out = c.input("data", "any"), c.output("output", "any")
        strides, offset = list(x.strides), 0
        for a in self.axis:
            axis = normal_axis(a, len(x.shape))
            offset += (x.shape[axis] - 1) * strides[axis]
            strides[axis] = -strides[axis]
        if out.size:
            c.copy(out, x.view(x.shape, offset, tuple(strides)))


class _RepeatBackward(Backward):
    """The head gradient summed over the copies."""

    half = True

    def lower(self, c: LowerContext) -> None:
        assert isinstance(self.forward, _Repeated)
        out = c.output("data")
        split, copies = self.forward.split(out.shape)
        source, g = c.input("ograd"), c.shape("ograd")
        if product(g) == 0:
            c.zero(out)
            return
        emit_sum(c, out, source.view(split), copies)

    def gradient(self, g: GradContext) -> list[Any]:
        return g.linear()


class _Repeated(OpDef):
    """Base: seen in more dimensions, the output is the input repeated along some of them."""

    half = True
    backward = _RepeatBackward

    def split(self, shape: Dims) -> tuple[Dims, tuple[int, ...]]:
        """The output's shape with dimensions of their own for the copies, and which ones these are."""
        raise NotImplementedError

    def lower(self, c: LowerContext) -> None:
        x, out = c.input("data"), c.output()
        split, copies = self.split(x.shape)
        if not out.size:
            return
        while len(copies) > 1 and len(split) > 6:  # more dimensions than one copy walks through
            last = copies[-1]  # the innermost first: afterwards it is one with the dimension behind it
            inner = c.temp((product(x.shape) // product(split[last + 1 :]), *split[last:]), x.dtype)
            _spread(c, inner, x, (1,))
            x, copies = inner, copies[:-1]
            split = (*split[: last - 1], product(split[last - 1 :])) if last else split
        _spread(c, out.view(split), x, copies)


def _spread(c: LowerContext, out: Tensor, x: Tensor, copies: tuple[int, ...]) -> None:
    """Copy the dense `x` into `out`, repeated along the dimensions `copies`."""
    strides, step = [0] * len(out.shape), x.itemsize
    for i in range(len(out.shape) - 1, -1, -1):
        if i not in copies:
            strides[i] = step
            step *= out.shape[i]
    c.copy(out, x.view(out.shape, 0, tuple(strides)))


class Tile(_Repeated):
    """Lay `reps[i]` copies of `data` side by side along axis i. Missing dimensions or numbers are 1 in front:
    (2, 3) with reps=(2, 1, 2) is (2, 2, 6). (MXNet: tile)
    """

    name = "tile"

    reps = Shape(doc="How often each axis is repeated, from 1 on.")

    def check(self) -> None:
        if any(r < 1 for r in self.reps):
            raise ShapeError(f"tile: every number of reps must be at least 1, got {self.reps}")

    def padded(self, shape: Dims) -> tuple[Dims, Dims]:
        """Shape and numbers of copies, equally long."""
        n = max(len(shape), len(self.reps))
        return (1,) * (n - len(shape)) + shape, (1,) * (n - len(self.reps)) + self.reps

    def infer_shape(self, s: ShapeRule) -> None:
        if s.ins[0] is not None:
            pairs = zip(*self.padded(s.ins[0]), strict=True)
            s.meet_out(0, tuple(d * r if d >= 0 else -1 for d, r in pairs))

    def split(self, shape: Dims) -> tuple[Dims, tuple[int, ...]]:
        found: list[int] = []
        copies = []
        for d, r in zip(*self.padded(shape), strict=True):
            if r > 1:
                copies.append(len(found))
                found += [r, d]
            elif found:
                found[-1] *= d  # not repeated: one with the dimension before it
            else:
                found.append(d)
        return tuple(found), tuple(copies)


class Repeat(_Repeated):
    """Repeat every element `repeats` times along `axis`, or along the flattened data where there is none.

    (2, 3) with repeats=2, axis=1 is (2, 6), each element beside its copy. (MXNet: repeat)
    """

    name = "repeat"

    repeats = Int(doc="The number of repetitions of each element.", min=0)
    axis = Int(None, "The axis along which to repeat; negative ones count from the end; default: flattened.")

    def infer_shape(self, s: ShapeRule) -> None:
        data = s.ins[0]
        if data is None:
            return
        if self.axis is None:
            n = product(data)
            s.meet_out(0, (n * self.repeats if n >= 0 else -1,))
            return
        axis = normal_axis(self.axis, len(data))
        n = data[axis] * self.repeats if data[axis] >= 0 else -1
        out = s.meet_out(0, (*data[:axis], n, *data[axis + 1 :]))
        if out is not None:
            s.meet_in(0, (*out[:axis], data[axis], *out[axis + 1 :]))

    def split(self, shape: Dims) -> tuple[Dims, tuple[int, ...]]:
        axis = len(shape) - 1 if self.axis is None else normal_axis(self.axis, len(shape))
        outer, inner = product(shape[: axis + 1]), product(shape[axis + 1 :])
        return (outer, self.repeats, inner), (1,)
