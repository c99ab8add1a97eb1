"""_histogram: how many elements fall between given or evenly spaced bounds.

Both forms look an element up among the bounds by bisection, so that counts always agree with the bounds that
are returned. Counts are 32-bit integers while they are made, as every device can add those up in any order.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np

from ..base import MXNetError, ShapeError, TypeInferenceError
from ..dtypes import CODES, TYPES
from .init import bits_of
from .rules import ShapeRule, TypeRule, is_known, show
from .schema import Floats, Int, OpDef

if TYPE_CHECKING:
    from ..passes.lower import LowerContext

INT32, INT64 = CODES["int32"], CODES["int64"]
PASSED: Final = 4096  # numbers one call passes to a kernel: what OpenCL holds as constants at the least


class Histogram(OpDef):
    """Numbers of elements of `data` in bins, and the bounds of the bins: rising `bins`, or `bin_cnt` bins of
    one width over `range`.

    data : any shape; bins : (n + 1,) of the type of data; outputs : (n,) of int64, and the bounds (n + 1,). A
    bin includes its lower bound, the last one its upper bound, too; NaN and what lies outside is not counted.
    There is no gradient. (MXNet: _histogram)
    """

    name = "_histogram"
    inputs = ("data", "bins")
    outputs = ("output0", "output1")
    has_own_output_names = True
    dtypes = ("float16", "float32", "float64", "uint8", "int8", "int32", "int64")

    bin_cnt = Int(None, "Number of bins for uniform case.")
    range_ = Floats(None, "The lower and upper range of the bins, for the uniform case.")

    def check(self) -> None:
        ends = self.range_
        if (self.bin_cnt is None) != (ends is None):
            raise MXNetError("_histogram: bin_cnt and range should both or neither be specified")
        if self.bin_cnt is None:
            return
        if self.bin_cnt < 1:
            raise MXNetError(f"_histogram: bin_cnt must be at least 1, got {self.bin_cnt}")
        if len(ends) != 2 or not all(map(math.isfinite, ends)) or ends[0] > ends[1]:
            raise MXNetError(f"_histogram: range must be two finite rising numbers, got {ends}")

    def input_names(self) -> tuple[str, ...]:
        return self.inputs if self.bin_cnt is None else self.inputs[:1]

    def infer_shape(self, s: ShapeRule) -> None:
        count = -1 if self.bin_cnt is None else self.bin_cnt
        if self.bin_cnt is None and s.ins[1] is not None:
            bins = s.ins[1]
            if len(bins) != 1 or bins[0] in (0, 1):
                raise ShapeError(f"_histogram: bins must be a vector of at least 2 bounds, got {show(bins)}")
            count = bins[0] - 1 if is_known(bins) else -1
        s.meet_out(0, (count,))
        s.meet_out(1, (count + 1 if count >= 0 else -1,))

    def infer_type(self, t: TypeRule) -> None:
        t.same(outs=(1,))
        t.meet_out(0, INT64)
        kind = None if t.ins[0] is None else np.dtype(TYPES[t.ins[0]])
        if self.range_ is not None and kind is not None and kind.kind in "iu":
            info = np.iinfo(kind)
            if any(not info.min <= end <= info.max for end in self.range_):
                raise TypeInferenceError(f"_histogram: {kind.name} cannot hold the range {self.range_}")

    def lower(self, c: LowerContext) -> None:
        x, counts, edges = c.input("data"), c.output("output0"), c.output("output1")
        n = counts.size
        if x.size > 2**31 - 1:
            raise ShapeError(f"_histogram: {x.size} elements; at most 2147483647 can be counted")
        if self.bin_cnt is None:
            c.copy(edges, c.input("bins", "any", dtype=edges.dtype))
        else:
            low, high = self.range_
            bits = [bits_of(v, edges.dtype) for v in np.linspace(low, high, n + 1).tolist()]
            for at in range(0, n + 1, PASSED):
                part = bits[at : at + PASSED]
                place = edges.view((len(part),), at * edges.itemsize)
                c.call("histogram_edges", [place], [], part, items=len(part))
        found = c.temp((n,), INT32)
        c.zero(found)
        # The zeros are an operand: it is counted up from them.
        c.call(
            "histogram", [found], [found, x, edges], [x.size, n],
            items=1, cost=(5.0 + 2 * math.log2(n + 1)) * x.size, dtype=edges.dtype,
        )  # fmt: skip
        c.cast(counts, found)
