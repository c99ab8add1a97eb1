"""Operators behind writing into arrays: _slice_assign, _slice_assign_scalar, _set_value, _copyto.

In a graph nothing is overwritten: they make a new tensor with part of it replaced. Ranges are those of
`slice`; copies and fills are those of copy.c.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .init import FLOAT32, fill
from .rules import Dims, ShapeRule, TypeRule, is_known
from .schema import Float, Int, OpDef
from .slice import Slice, look

if TYPE_CHECKING:
    from ..passes.gradient import GradContext
    from ..passes.ir import Tensor
    from ..passes.lower import LowerContext


class _Assign(Slice):
    """Base: a copy of the first input, of which a part is replaced."""

    backward = None

    def part(self, shape: Dims) -> Dims:
        return tuple(n for _, n, _ in self.ranges(shape))

    def place(self, c: LowerContext) -> Tensor:
        """The output, holding the first input; returns the part to be replaced."""
        x, out = c.input(self.inputs[0], "any"), c.output("output", "any")
        c.copy(out, x)
        part = self.part(out.shape)
        return look(out, self.ranges(out.shape), part)

    def inside(self) -> dict[str, Any]:
        """Parameters of the range."""
        return {n: self.values[n] for n in ("begin", "end", "step")}

    def without(self, g: GradContext) -> Any:
        """The head gradient, zero where the part was replaced."""
        return g.make("_slice_assign_scalar", g.ograd(), like=g.ins[0], scalar=0.0, **self.inside())


class SliceAssign(_Assign):
    """`lhs` with the elements ``begin:end:step`` replaced by `rhs`, which has the shape of ``slice(lhs)``.

    The gradient of `lhs` is zero at the replaced elements, that of `rhs` is the head gradient there. (MXNet:
    _slice_assign)
    """

    name = "_slice_assign"
    aliases = ("_crop_assign",)
    inputs = ("lhs", "rhs")

    def infer_shape(self, s: ShapeRule) -> None:
        shape = s.meet_out(0, s.meet_in(0, s.outs[0]))
        if shape is not None and is_known(shape):
            s.meet_in(1, self.part(shape))

    def gradient(self, g: GradContext) -> list[Any]:
        rhs = g.make("slice", g.ograd(), like=g.ins[1], **self.inside()) if g.wants[1] else None
        return [self.without(g) if g.wants[0] else None, rhs]

    def lower(self, c: LowerContext) -> None:
        place = self.place(c)
        if place.size:
            c.copy(place, c.input("rhs", "any"))


class SliceAssignScalar(_Assign):
    """`data` with the elements ``begin:end:step`` replaced by the number `scalar`. The gradient is zero
    there. (MXNet: _slice_assign_scalar)
    """

    name = "_slice_assign_scalar"
    leading = ("scalar",)
    aliases = ("_crop_assign_scalar",)

    scalar = Float(0.0, "The number to write.")

    def infer_shape(self, s: ShapeRule) -> None:
        s.same()
        if s.ins[0] is not None and is_known(s.ins[0]):
            self.ranges(s.ins[0])  # refuses ranges the data does not have

    def gradient(self, g: GradContext) -> list[Any]:
        return [self.without(g)]

    def lower(self, c: LowerContext) -> None:
        place = self.place(c)
        if place.size:
            fill(c, place, self.scalar)


class SetValue(OpDef):
    """The number `src` at every place of ``out=``, or as a float32 tensor of shape (1,). No gradient. (MXNet:
    _set_value)
    """

    half = True
    formed_by_out = True

    name = "_set_value"
    inputs = ()

    src = Float(doc="The number.")

    def infer_shape(self, s: ShapeRule) -> None:
        if s.outs[0] is None:
            s.meet_out(0, (1,))

    def infer_type(self, t: TypeRule) -> None:
        if t.outs[0] is None:
            t.meet_out(0, FLOAT32)

    def lower(self, c: LowerContext) -> None:
        fill(c, c.output("output", "any"), self.src)


class CopyTo(OpDef):
    """A copy of the data, in the element type of what it is written to where that is known. (MXNet:
    _copyto)
    """

    half = True
    formed_by_out = True

    name = "_copyto"

    def infer_type(self, t: TypeRule) -> None:
        if None in (t.ins[0], t.outs[0]):
            t.same()

    def gradient(self, g: GradContext) -> list[Any]:
        return [g.make("_backward_cast", g.ograd(), like=g.ins[0])]

    def lower(self, c: LowerContext) -> None:
        x, out = c.input("data", "any"), c.output("output", "any")
        if x.dtype == out.dtype:
            c.copy(out, x)
        else:
            c.cast(out, x)


class ResetArrays(OpDef):
    """Zero every array where it lies; there is no output. (MXNet: reset_arrays)"""

    half = True

    name = "reset_arrays"
    variadic = "num_arrays"
    outputs = ()

    num_arrays = Int(doc="Number of arrays.", min=1)

    def check(self) -> None:
        self.mutates = {"forward": self.input_names()}  # type: ignore[misc]

    def input_names(self) -> tuple[str, ...]:
        return tuple(f"array_{i}" for i in range(self.num_arrays))

    def infer_shape(self, s: ShapeRule) -> None:
        """Any shapes will do."""

    def infer_type(self, t: TypeRule) -> None:
        """Any types will do."""

    def lower(self, c: LowerContext) -> None:
        for name in self.input_names():
            c.zero(c.input(name, "any"))
