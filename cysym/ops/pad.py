"""Pad: a border around the inner axes of a tensor, by a constant, the edge or a reflection.

Forward is a fill and strided copies, a border reading what the axis before has already padded; the gradient
of a constant border is a slice, that of the others adds the border up (kernel `pad_fold` in pad.c, an axis
each).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..base import ShapeError
from ..passes.ir import num_elements
from .init import fill
from .rules import ShapeRule, show
from .schema import Backward, Enum, Float, OpDef, Shape

if TYPE_CHECKING:
    from ..passes.gradient import GradContext
    from ..passes.ir import Tensor
    from ..passes.lower import LowerContext


class _PadBackward(Backward):
    """The head gradient with its border added to the elements it was copied from, the last axis first."""

    def lower(self, c: LowerContext) -> None:
        op = self.forward
        assert isinstance(op, Pad)
        g, out = c.input("ograd"), c.output("data")
        axes = [a for a in range(len(out.shape)) if any(op.width(a))][::-1]
        if not axes:
            c.copy(out, g)
        for axis in axes:
            before, after = op.width(axis)
            shape = (*g.shape[:axis], out.shape[axis], *g.shape[axis + 1 :])
            y = out if axis == axes[-1] else c.temp(shape, out.dtype)
            ints = [shape[axis], before, after, num_elements(shape[axis + 1 :]), op.mode == "reflect"]
            c.call("pad_fold", [y], [g], ints, items=y.size, cost=1.5)
            g = y

    def gradient(self, g: GradContext) -> list[Any]:
        return g.linear()


class Pad(OpDef):
    """Pad the axes from the third one on of a tensor of 4 or 5 dimensions.

    ``pad_width`` lists the widths before and after each axis, those of the first two axes being 0: (2, 3, 5,
    7) with pad_width=(0, 0, 0, 0, 1, 1, 2, 3) is (2, 3, 7, 12). mode "constant" writes `constant_value`,
    "edge" repeats the element at the edge, "reflect" mirrors at it and needs widths below the axis' length.
    (MXNet: Pad)
    """

    half = True

    name = "Pad"
    aliases = ("pad",)

    mode = Enum(("constant", "edge", "reflect"), doc="What the border is made of.")
    pad_width = Shape(doc="Widths before and after each axis, from 0 on; 0 for the first two axes.")
    constant_value = Float(0.0, "The border's value in mode constant.")

    def check(self) -> None:
        width = self.pad_width
        if len(width) not in (8, 10) or min(width) < 0 or any(width[:4]):
            raise ShapeError(
                f"Pad: pad_width must be 8 or 10 numbers (2 an axis) from 0 on, the first four 0, got {width}"
            )

    def width(self, axis: int) -> tuple[int, int]:
        return self.pad_width[2 * axis], self.pad_width[2 * axis + 1]

    def infer_shape(self, s: ShapeRule) -> None:
        data = s.ins[0]
        if data is None:
            return
        if 2 * len(data) != len(self.pad_width):
            raise ShapeError(
                f"Pad: pad_width={self.pad_width} is for {len(self.pad_width) // 2} dimensions, data has the "
                f"shape {show(data)}"
            )
        for axis, d in enumerate(data):
            least = 0 if self.mode == "constant" else 1 if self.mode == "edge" else max(self.width(axis)) + 1
            if 0 <= d < least and any(self.width(axis)):
                raise ShapeError(
                    f"Pad: mode {self.mode} with widths {self.width(axis)} needs an axis {axis} of at least "
                    f"{least}, got {show(data)}"
                )
        s.meet_out(0, tuple(d + sum(self.width(a)) if d >= 0 else -1 for a, d in enumerate(data)))
        out = s.outs[0]
        if out is not None:
            s.meet_in(0, tuple(d - sum(self.width(a)) if d >= 0 else -1 for a, d in enumerate(out)))

    def gradient(self, g: GradContext) -> list[Any]:
        if self.mode != "constant":
            return g.backward(_PadBackward)
        axes = range(len(self.pad_width) // 2)
        begin = tuple(self.width(a)[0] for a in axes)
        end = tuple(-self.width(a)[1] or None for a in axes)
        return [g.make("slice", g.ograd(), like=g.ins[0], begin=begin, end=end)]

    def lower(self, c: LowerContext) -> None:
        x, out = c.input("data", "any"), c.output("output", "any")
        if not out.size:
            return
        axes = range(len(x.shape))
        inside = sum(self.width(a)[0] * out.strides[a] for a in axes)
        if self.mode == "constant" and x.shape != out.shape:
            fill(c, out, self.constant_value)
        if x.size:
            c.copy(out.view(x.shape, inside, out.strides), x)
        if self.mode != "constant":
            shape = list(x.shape)  # of what is there already: axes before are padded, the others not
            for axis in axes:
                self.border(c, out, inside, tuple(shape), axis)
                inside -= self.width(axis)[0] * out.strides[axis]
                shape[axis] = out.shape[axis]

    def border(self, c: LowerContext, out: Tensor, inside: int, shape: tuple[int, ...], axis: int) -> None:
        """Both borders along one axis, from the elements of `shape` that lie `inside` bytes behind out's
        start.
        """
        step, n = out.strides[axis], shape[axis]
        before, after = self.width(axis)
        mirror = self.mode == "reflect"
        strides = list(out.strides)
        strides[axis] = -step if mirror else 0
        for width, to, at in ((before, -before, before if mirror else 0), (after, n, n - 1 - mirror)):
            if width:
                part = (*shape[:axis], width, *shape[axis + 1 :])
                source = out.view(part, inside + at * step, tuple(strides))
                c.copy(out.view(part, inside + to * step, out.strides), source)
