"""Cast: the same values in another element type.

The kernel `cast` knows all pairs of types and any strides; equal types are a view. The gradient is cast back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .rules import TypeRule
from .schema import DType, OpDef

if TYPE_CHECKING:
    from ..passes.gradient import GradContext
    from ..passes.lower import LowerContext


def convert(c: LowerContext, source: str = "data", output: str = "output") -> None:
    """Make `output` the values of `source` in its own type."""
    x, y = c.input(source, "any"), c.output(output, "any")
    if x.dtype == y.dtype:
        c.alias(output, x)
    else:
        c.cast(y, x)


class Cast(OpDef):
    """Convert the elements of `data` to type `dtype`; the shape stays.

    Floats are cut towards zero on their way to integers, integers keep their low bits (float to uint8: -1
    becomes 255, 300.5 becomes 44), float16 overflows to infinity, bool is "not zero". The gradient is cast
    back.
    """

    half = True

    name = "Cast"
    aliases = ("cast",)

    dtype = DType(doc="Output data type.")

    def infer_type(self, t: TypeRule) -> None:
        t.meet_out(0, self.dtype)

    def gradient(self, g: GradContext) -> list[Any]:
        return [g.make("_backward_cast", g.ograd(), like=g.ins[0])]

    def lower(self, c: LowerContext) -> None:
        convert(c)


class _CastBack(OpDef):
    """Gradient of `Cast`: the head gradient in the type of the input."""

    half = True

    name = "_backward_cast"

    def infer_type(self, t: TypeRule) -> None:
        """Nothing to do: the output's type is that of the entry it is the gradient of."""

    def gradient(self, g: GradContext) -> list[Any]:
        return [g.make("_backward_cast", g.ograd(), like=g.ins[0])]

    def lower(self, c: LowerContext) -> None:
        convert(c)
