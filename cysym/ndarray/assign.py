"""Operators that write into a part of an array where it lies, for `a[key] = value` on a device.

They are not in the registry: they have no outputs and change their input, so that no graph may hold them.
`access` invokes them with a checked `Selection`; nothing is checked again here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from ..base import ShapeError
from ..ops.schema import Int, OpDef, Shape
from ..passes.ir import num_elements
from ..passes.lower import collapse

if TYPE_CHECKING:
    from ..ops.rules import ShapeRule, TypeRule
    from ..passes.lower import LowerContext

DIMS = 8  # of the kernel `scatter`


class _Assign(OpDef):
    half = True
    outputs = ()
    mutates: ClassVar[dict[str, tuple[str, ...]]] = {"forward": ("data",)}

    def infer_shape(self, s: ShapeRule) -> None:
        """Nothing to find out: there is no output."""

    def infer_type(self, t: TypeRule) -> None:
        """Nothing to find out: there is no output."""


class AssignRange(_Assign):
    """``data[first : first + sizes * steps : steps] = value`` on every axis.

    `value` has data's type and rank; each of its dimensions is that of the part or 1.
    """

    inputs = ("data", "value")

    first = Shape(doc="First index on each axis.")
    sizes = Shape(doc="Number of indices on each axis.")
    steps = Shape(doc="Distance of indices on each axis.")

    def lower(self, c: LowerContext) -> None:
        data, value = c.input("data", "any"), c.input("value", "any")
        offset = sum(at * s for at, s in zip(self.first, data.strides, strict=True))
        strides = tuple(step * s for step, s in zip(self.steps, data.strides, strict=True))
        spread = tuple(0 if d == 1 else s for d, s in zip(value.shape, value.strides, strict=True))
        c.copy(data.view(self.sizes, offset, strides), value.view(self.sizes, 0, spread))


class AssignAt(_Assign):
    """Elements of `value` go to the places `at`, counted in elements of `data`; -1 is left out.

    The part has the dimensions ``before``, those of `at` (flattened), ``after``; ``strides`` are those of
    before and after in data, in elements. `value` is dense, or a single element for all.
    """

    inputs = ("data", "at", "value")

    start = Int(doc="Element of data that index 0 of every range means.")
    before = Shape((), "Sizes of the ranges in front of the index arrays.")
    after = Shape((), "Sizes of the ranges behind them.")
    strides = Shape((), "Strides of both in data, in elements.")

    def lower(self, c: LowerContext) -> None:
        data, at, value = c.input("data"), c.input("at"), c.input("value")
        k = len(self.before)
        head, (head_steps,) = collapse(self.before, self.strides[:k])
        tail, (tail_steps,) = collapse(self.after, self.strides[k:])
        dims = [*head, at.size, *tail]
        if len(dims) > DIMS:
            raise ShapeError(f"this index walks through {len(dims)} separate dimensions; the limit is {DIMS}")
        pad = DIMS - len(dims)
        steps = [*head_steps, 0, *tail_steps]
        ints = [
            data.itemsize, value.size > 1, self.start, pad + len(head), *[1] * pad, *dims, *[0] * pad, *steps,
        ]  # fmt: skip
        c.call(
            "scatter", [data], [data, at, value], ints, items=num_elements(dims), cost=2.0, dtype="any",
            mutates=True,
        )  # fmt: skip


for _cls in (AssignRange, AssignAt):
    _cls.name = f"_{_cls.__name__}"  # set here, where it enters no registry
