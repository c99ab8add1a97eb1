"""Creation operators: _zeros, _ones, _full, _arange, _eye.

They have no inputs. In `shape` -1 is an unknown dimension, found by inference, and so is MXNet's 0 unless
`np_shape` is on; without a shape, shape and type both come from elsewhere: what the node is used with, or the
entry it is made like. Fills are bit patterns handed to the kernel `fill` (copy.c); only `arange` computes.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from ..base import MXNetError
from ..dtypes import CODES, TYPES
from .rules import ShapeRule, TypeRule
from .schema import Bool, DType, Float, Int, OpDef, Shape, Str

if TYPE_CHECKING:
    from ..passes.ir import Tensor
    from ..passes.lower import LowerContext

FLOAT32, FLOAT64, INT64 = CODES["float32"], CODES["float64"], CODES["int64"]


def bits_of(value: float, dtype: int) -> int:
    """Bit pattern of `value` in an element type, as a 64-bit integer; refuses what the type cannot hold.

    >>> hex(bits_of(1.0, 0)), bits_of(-1, 3)
    ('0x3f800000', 255)
    """
    kind = np.dtype(TYPES[dtype])
    if kind.kind in "iu":
        if not math.isfinite(value):
            raise MXNetError(f"{value} has no value in {kind.name}")
        bits = int(value) & (2 ** (8 * kind.itemsize) - 1)
    else:
        with np.errstate(over="ignore"):
            bits = int.from_bytes(np.array(value).astype(kind).tobytes(), "little")
    return int(bits - 2**64 if bits >= 2**63 else bits)


def fill(c: LowerContext, out: Tensor, value: float) -> None:
    """Set every element of `out` (any strides)."""
    from ..passes.lower import _strided_ints

    bits = bits_of(value, out.dtype)
    if bits:
        ints = [out.itemsize, bits, *_strided_ints(out)]
        c.call("fill", [out], [], ints, items=out.size, cost=0.2, dtype="any")
    else:
        c.zero(out)


def count(c: LowerContext, out: Tensor, start: float, step: float, repeat: int = 1) -> None:
    """Element i of the dense `out` becomes ``start + (i // repeat) * step``; exact where all are whole."""
    if out.size <= repeat:
        step = 0.0  # one value only: a step beyond 64 bits does not matter
    whole = all(n == int(n) and -(2.0**63) <= n < 2.0**63 for n in (start, step))
    is_float = out.dtype in (FLOAT32, FLOAT64)
    kind = out.dtype if is_float else INT64 if whole and out.dtype != CODES["float16"] else FLOAT32
    result = out if kind == out.dtype else c.temp(out.shape, kind)
    numbers = [int(start), int(step)] if kind == INT64 else [0, 0]
    c.call("arange", [result], [], [repeat, *numbers], [start, step], items=out.size, cost=0.5)
    if result is not out:
        c.cast(out, result)


class Creation(OpDef):
    """Base: a shape, a device and a type."""

    half = True

    inputs = ()

    shape = Shape((), "The shape of the output; 0 (under np_shape -1) where a dimension is to be inferred.")
    ctx = Str("", "Context of output, in format [cpu|gpu](n).")
    dtype = DType(0, "Target data type.")

    def infer_shape(self, s: ShapeRule) -> None:
        from ..util import is_np_shape  # which imports this package

        if self.shape:
            s.meet_out(0, self.shape if is_np_shape() else tuple(d or -1 for d in self.shape))

    def infer_type(self, t: TypeRule) -> None:
        if self.shape:
            t.meet_out(0, self.dtype)


class Zeros(Creation):
    """A tensor of zeros of the given shape and type."""

    name = "_zeros"

    def lower(self, c: LowerContext) -> None:
        c.zero(c.output("output", "any"))


class Ones(Creation):
    """A tensor of ones of the given shape and type."""

    name = "_ones"

    def lower(self, c: LowerContext) -> None:
        fill(c, c.output("output", "any"), 1)


class Full(Creation):
    """A tensor of the given shape and type with every element equal to `value`."""

    name = "_full"

    value = Float(doc="Value with which to fill the output tensor.")

    def lower(self, c: LowerContext) -> None:
        fill(c, c.output("output", "any"), self.value)


class Eye(OpDef):
    """Ones on the diagonal `k` (positive: above the main one) of an N by M matrix of zeros; M = 0 means N."""

    half = True

    name = "_eye"
    inputs = ()

    N = Int(min=1, doc="Number of rows in the output.")
    M = Int(0, "Number of columns in the output; 0: as many as rows.", min=0)
    k = Int(0, "Index of the diagonal: 0 the main one, positive above, negative below.")
    ctx = Str("", "Context of output, in format [cpu|gpu](n).")
    dtype = DType(0, "Target data type.")

    def infer_shape(self, s: ShapeRule) -> None:
        s.meet_out(0, (self.N, self.M or self.N))

    def infer_type(self, t: TypeRule) -> None:
        t.meet_out(0, self.dtype)

    def lower(self, c: LowerContext) -> None:
        out = c.output("output", "any")
        c.zero(out)
        row, col = max(-self.k, 0), max(self.k, 0)
        length = min(out.shape[0] - row, out.shape[1] - col)
        if length > 0:
            down, right = out.strides
            fill(c, out.view((length,), row * down + col * right, (down + right,)), 1)


class Arange(OpDef):
    """Numbers from `start` to below `stop` by `step`, each `repeat` times; ``_arange(start=5)`` counts 0 to
    4.

    With `infer_range` and no stop the length comes from what the output is used with.
    """

    half = True

    name = "_arange"
    inputs = ()

    start = Float(
        doc="Start of the interval, which includes it; without `stop` it is the end and 0 the start."
    )
    stop = Float(None, "End of interval. The interval does not include this value.")
    step = Float(1.0, "Spacing between values.")
    repeat = Int(1, "The repeating time of all elements.", min=1)
    infer_range = Bool(
        False, "When set to True, infer the stop position from the start, step, repeat, and output size."
    )
    ctx = Str("", "Context of output, in format [cpu|gpu](n).")
    dtype = DType(0, "Target data type.")

    def check(self) -> None:
        if not (math.isfinite(self.start) and math.isfinite(self.step)) or self.step == 0:
            raise MXNetError(
                f"_arange: start and step must be finite and step not 0, got {self.start}, {self.step}"
            )
        start, stop = self.bounds()
        if stop is not None and not 0 < (stop - start) / self.step < math.inf:
            raise MXNetError(f"Invalid range (start, stop, step) = ({start}, {stop}, {self.step})")

    def bounds(self) -> tuple[float, float | None]:
        if self.stop is None and not self.infer_range:
            return 0.0, self.start
        return self.start, self.stop

    def infer_shape(self, s: ShapeRule) -> None:
        start, stop = self.bounds()
        length = -1 if stop is None else math.ceil((stop - start) / self.step) * self.repeat
        s.meet_out(0, (length,))

    def infer_type(self, t: TypeRule) -> None:
        t.meet_out(0, self.dtype)

    def lower(self, c: LowerContext) -> None:
        count(c, c.output(), self.bounds()[0], self.step, self.repeat)
