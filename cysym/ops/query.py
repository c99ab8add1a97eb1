"""Operators that ask only for a tensor's shape, or for none: shape_array, size_array, _contrib_index_array,
_contrib_arange_like, _linspace, _zeros_without_dtype, _identity_with_attr_like_rhs.

Shapes are known before anything runs, so that their outputs are fills and counts (copy.c, init.c). None has a
gradient but the last, which passes its first input on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..base import MXNetError
from ..dtypes import CODES, NAMES
from ..passes.ir import num_elements
from .axes import normal_axis
from .init import Creation, count, fill
from .rules import ShapeRule, TypeRule
from .schema import Bool, DType, Float, Int, OpDef, Shape, Str

if TYPE_CHECKING:
    from ..passes.gradient import GradContext
    from ..passes.lower import LowerContext

INT64 = CODES["int64"]
NUMBERS = tuple(name for name in NAMES if name != "bool")


class _Query(OpDef):
    """Base: the values of the input do not matter, the output is int64."""

    half = True

    def infer_type(self, t: TypeRule) -> None:
        t.meet_out(0, INT64)


class ShapeArray(_Query):
    """The shape of `data` as an int64 tensor: (2, 3, 5) gives [2, 3, 5]. (MXNet: shape_array)"""

    name = "shape_array"

    def infer_shape(self, s: ShapeRule) -> None:
        if s.ins[0] is not None:
            s.meet_out(0, (len(s.ins[0]),))

    def lower(self, c: LowerContext) -> None:
        out = c.output()
        for i, d in enumerate(c.shape("data")):
            fill(c, out.view((1,), i * out.itemsize), d)


class SizeArray(_Query):
    """The number of elements of `data` as an int64 tensor of shape (1,). (MXNet: size_array)"""

    name = "size_array"

    def infer_shape(self, s: ShapeRule) -> None:
        s.meet_out(0, (1,))

    def lower(self, c: LowerContext) -> None:
        fill(c, c.output(), num_elements(c.shape("data")))


class IndexArray(_Query):
    """The indices of every element of `data`: (d1, ..., dn) gives (d1, ..., dn, n), int64, whose last axis
    holds the index along each axis, or along those listed in `axes`, in their order. (MXNet:
    _contrib_index_array)
    """

    name = "_contrib_index_array"

    axes = Shape(None, "The axes to include; negative ones count from the end; default all.")

    def the_axes(self, ndim: int) -> tuple[int, ...]:
        return tuple(range(ndim) if self.axes is None else (normal_axis(a, ndim, "axes") for a in self.axes))

    def infer_shape(self, s: ShapeRule) -> None:
        if s.ins[0] is not None:
            s.meet_out(0, (*s.ins[0], len(self.the_axes(len(s.ins[0])))))

    def lower(self, c: LowerContext) -> None:
        out, shape = c.output("output", "any"), c.shape("data")
        if not out.size:
            return
        for k, axis in enumerate(self.the_axes(len(shape))):
            numbers = c.temp((shape[axis],), INT64)
            count(c, numbers, 0, 1)
            steps = tuple(numbers.itemsize * (i == axis) for i in range(len(shape)))
            column = out.view(shape, k * out.strides[-1], out.strides[:-1])
            c.copy(column, numbers.view(shape, 0, steps))


class ArangeLike(OpDef):
    """Numbers from `start` by `step`, each `repeat` times, in the shape of `data` or, with an `axis`, as a
    vector as long as that axis. The type is that of the data, whose values do not matter. (MXNet:
    _contrib_arange_like)
    """

    name = "_contrib_arange_like"
    dtypes = NUMBERS

    start = Float(0.0, "Start of the numbers.")
    step = Float(1.0, "Spacing between values.")
    repeat = Int(1, "The repeating time of all elements.", min=1)
    ctx = Str("", "Context of output, in format [cpu|gpu](n).")
    axis = Int(None, "Axis whose length is taken; default: as many numbers as elements, in data's shape.")

    def check(self) -> None:
        _check_finite(self.name, start=self.start, step=self.step)

    def infer_shape(self, s: ShapeRule) -> None:
        data = s.ins[0]
        if data is not None:
            s.meet_out(0, data if self.axis is None else (data[normal_axis(self.axis, len(data))],))

    def lower(self, c: LowerContext) -> None:
        count(c, c.output(), self.start, self.step, self.repeat)


class Linspace(OpDef):
    """`num` numbers evenly spaced from `start` to `stop`, which is the last one if `endpoint`. (MXNet:
    _linspace)
    """

    name = "_linspace"
    inputs = ()
    dtypes = NUMBERS

    start = Float(doc="The starting value of the sequence.")
    stop = Float(doc="The ending value of the sequence.")
    num = Int(doc="Number of samples to generate.", min=0)
    endpoint = Bool(True, "If True, stop is the last sample. Otherwise, it is not included.")
    ctx = Str("", "Context of output, in format [cpu|gpu](n).")
    dtype = DType(0, "Target data type.")

    def check(self) -> None:
        _check_finite(self.name, start=self.start, stop=self.stop)

    def infer_shape(self, s: ShapeRule) -> None:
        s.meet_out(0, (self.num,))

    def infer_type(self, t: TypeRule) -> None:
        t.meet_out(0, self.dtype)

    def lower(self, c: LowerContext) -> None:
        parts = self.num - 1 if self.endpoint else self.num
        count(c, c.output(), self.start, (self.stop - self.start) / parts if parts > 0 else 0.0)


def _check_finite(name: str, **numbers: float) -> None:
    for what, value in numbers.items():
        if not np.isfinite(value):
            raise MXNetError(f"{name}: {what} must be finite, got {value}")


class ZerosWithoutDtype(Creation):
    """Zeros of the given shape; without a `dtype` they have the type of what they are used with. (MXNet:
    _zeros_without_dtype)
    """

    half = True

    name = "_zeros_without_dtype"

    shape = Shape(None, "The shape of the output; 0 where a dimension is to be inferred.")
    dtype = Int(-1, "Number of the target data type; -1: inferred.")

    def check(self) -> None:
        if not -1 <= self.dtype < len(NAMES):
            raise MXNetError(f"_zeros_without_dtype: dtype must be -1 to {len(NAMES) - 1}, got {self.dtype}")

    def infer_type(self, t: TypeRule) -> None:
        if self.dtype >= 0:
            t.meet_out(0, self.dtype)

    def lower(self, c: LowerContext) -> None:
        c.zero(c.output("output", "any"))


class IdentityLike(OpDef):
    """`lhs` itself; its shape and type are those of `rhs`, whose values do not matter. The gradient goes to
    lhs. (MXNet: _identity_with_attr_like_rhs)
    """

    half = True

    name = "_identity_with_attr_like_rhs"
    inputs = ("lhs", "rhs")

    def gradient(self, g: GradContext) -> list[Any]:
        return [g.ograd(), None]

    def lower(self, c: LowerContext) -> None:
        c.alias("output", "lhs")
