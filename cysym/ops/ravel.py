"""_ravel_multi_index and _unravel_index: tuples of indices and places in row-major order.

Computed in int64 whatever the element type, which is cast on the way in and out. Nothing is checked against
the shape but the number of its dimensions: the numbers follow from the formula, as in MXNet.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base import ShapeError
from ..dtypes import CODES
from ..passes.ir import num_elements
from .rules import ShapeRule, show
from .schema import OpDef, Shape

if TYPE_CHECKING:
    from ..passes.lower import LowerContext

INT64 = CODES["int64"]


class _Places(OpDef):
    """Base: a row-major array of the given shape."""

    half = True

    shape = Shape(None, "Shape of the array into which the multi-indices apply.")

    def check(self) -> None:
        if not self.shape:
            raise ShapeError(f"Empty shape parameter for operator {self.name}")
        if any(d < 1 for d in self.shape[1:]):
            raise ShapeError(
                f"{self.name}: all dimensions but the first must be known and above 0, got {show(self.shape)}"
            )
        num_elements(self.shape[1:])

    def emit(self, c: LowerContext, kernel: str, items: int) -> None:
        out, x = c.output(), c.input("data", dtype=INT64)
        result = out if out.dtype == INT64 else c.temp(out.shape, INT64)
        ints = [items, len(self.shape), *self.shape]
        c.call(kernel, [result], [x], ints, items=items, cost=2.0 * len(self.shape), dtype="any")
        if result is not out:
            c.cast(out, result)


class RavelMultiIndex(_Places):
    """Places in a row-major array of `shape` of the columns of `data`: (2, n) with shape (7, 6) gives (n,) of
    ``6 * data[0] + data[1]``. The first dimension may be -1. There is no gradient. (MXNet:
    _ravel_multi_index)
    """

    name = "_ravel_multi_index"
    aliases = ("ravel_multi_index",)

    def infer_shape(self, s: ShapeRule) -> None:
        data = s.ins[0]
        if data is not None and len(data) != 2:
            raise ShapeError(f"Input to ravel operator must be two-dimensional, got {show(data)}")
        if data is not None and data[0] not in (-1, len(self.shape)):
            raise ShapeError(
                f"First dimension of input of ravel operator does not match shape parameter dimension: "
                f"input {show(data)}, shape {show(self.shape)}"
            )
        out = s.meet_out(0, None if data is None else data[1:])
        s.meet_in(0, (len(self.shape), -1 if out is None else out[0]))

    def lower(self, c: LowerContext) -> None:
        self.emit(c, "ravel", c.shape("output")[0])


class UnravelIndex(_Places):
    """Indices in an array of `shape` of the places `data` in row-major order: (n,) with shape (7, 6) gives
    (2, n) of ``data / 6`` and ``data % 6``. The first dimension may be -1. There is no gradient. (MXNet:
    _unravel_index)
    """

    name = "_unravel_index"
    aliases = ("unravel_index",)

    def infer_shape(self, s: ShapeRule) -> None:
        if s.ins[0] is not None:
            s.meet_out(0, (len(self.shape), *s.ins[0]))
        elif s.outs[0] is not None:
            s.meet_in(0, s.outs[0][1:])

    def lower(self, c: LowerContext) -> None:
        self.emit(c, "unravel", num_elements(c.shape("data")))
