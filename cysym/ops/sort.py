"""sort, argsort and topk: orders of the elements along an axis, stable, NaN last whichever way they run.

Each element becomes a pair of an unsigned key, which orders as the element does, and its index, so that no
two pairs are equal and every correct sorting of them is the same stable one. Chunks are sorted on their own,
then merged; where few elements are asked for, only the first of each chunk go on. `order_of` serves other
modules.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ..base import MXNetError, ShapeError
from ..dtypes import CODES, NAMES, SIZES
from ..passes.ir import num_elements
from .axes import normal_axis
from .rules import Dims, ShapeRule, TypeRule, is_known
from .schema import Backward, Bool, DType, Enum, Int, OpDef

if TYPE_CHECKING:
    from ..passes.gradient import GradContext
    from ..passes.ir import Tensor
    from ..passes.lower import LowerContext

INT32, INT64 = CODES["int32"], CODES["int64"]
SORTED: Final = ("float16", "float32", "float64", "uint8", "int8", "int32", "int64")
# Pairs sorted in one go and pairs merged by one item: what fits a core's cache, and a work-group's memory.
CHUNK: Final = {"cpu": 65536, "opencl": 1024}
TILE: Final = {"cpu": 4096, "opencl": 16}
FEW: Final = 8  # chunks are thinned out where at most an eighth of a chunk is wanted
LARGEST: Final = 2**31 - 1  # elements along the axis
# The largest n so that 0 to n - 1 are all distinct numbers of the type.
COUNTS: Final = {
    "float16": 2**11 + 1, "float32": 2**24 + 1, "float64": 2**53 + 1,
    "uint8": 256, "int8": 128, "int32": 2**31, "int64": 2**63,
}  # fmt: skip


def order_of(
    c: LowerContext, x: Tensor, lengths: tuple[int, int, int], count: int, is_ascend: bool
) -> Tensor:
    """The first `count` of the sorted pairs of each row of the dense `x`, which is (outer, n, inner).

    The result is dense (outer * inner, count, words) of int64: what the kernels of sort.c call pairs.
    """
    outer, n, inner = lengths
    rows = outer * inner
    words = 2 if SIZES[x.dtype] == 8 else 1
    chunk, tile = CHUNK[c.device.kind], TILE[c.device.kind]
    pairs = c.temp((rows, n, words), INT64)
    c.call("sort_pack", [pairs], [x], [n, inner, is_ascend], items=rows * n, cost=1.5, dtype=x.dtype)
    while n:
        chunks = -(-n // chunk)
        keep = min(chunk, n)
        if count <= keep // FEW:
            keep = count
        left = (chunks - 1) * keep + min(keep, n - (chunks - 1) * chunk)
        out = c.temp((rows, left, words), INT64)
        ints = [n, chunk, keep, left]
        cost = min(n, chunk) * (4.0 if keep < min(n, chunk) else 15.0)
        c.call("sort_chunks", [out], [pairs], ints, items=rows * chunks, cost=cost, dtype=x.dtype)
        pairs, n = out, left
        if chunks == 1:
            return pairs
        if keep == chunk:
            break
    width = chunk
    while width < n:
        out = c.temp((rows, n, words), INT64)
        items = rows * -(-n // tile)
        ints = [n, width, tile]
        c.call("sort_merge", [out], [pairs], ints, items=items, cost=4.0 * tile, dtype=x.dtype)
        pairs, width = out, width * 2
    return pairs


def sorted_order(c: LowerContext, keys: Tensor) -> Tensor:
    """int32 indices that sort the vector `keys` of int32 or int64 stably."""
    lengths = (1, keys.size, 1)
    order, values = c.temp(keys.shape, INT32), c.temp(keys.shape, keys.dtype)
    _unpack(c, values, order, order_of(c, keys, lengths, keys.size, True), keys, lengths)
    return order


def _unpack(
    c: LowerContext, values: Tensor, order: Tensor, pairs: Tensor, x: Tensor, lengths: tuple[int, int, int]
) -> None:
    outer, n, inner = lengths
    count = num_elements(order.shape) // max(outer * inner, 1)
    ints = [n, inner, count, pairs.shape[1]]
    items = outer * inner * count
    c.call("sort_unpack", [values, order], [pairs, x], ints, items=items, cost=3.0, dtype=x.dtype)


def _lengths(shape: Dims, axis: int | None) -> tuple[int, int, int]:
    """(outer, n, inner) around the axis; None flattens."""
    if axis is None:
        return 1, num_elements(shape), 1
    at = normal_axis(axis, len(shape))
    return num_elements(shape[:at]), shape[at], num_elements(shape[at + 1 :])


class _OrderGather(Backward):
    """The gradient of `_OrderBackward`: picks the values out again."""

    differentiable = ("ograd0",)

    def read_names(self) -> tuple[str, ...]:
        assert isinstance(self.forward, _OrderBackward)
        return ("ograd", self.forward.read_names()[1])

    def lower(self, c: LowerContext) -> None:
        assert isinstance(self.forward, _OrderBackward)
        order = self.forward.forward
        assert isinstance(order, _Order)
        out, g = c.output("ograd0"), c.input("ograd")
        outer, n, inner = _lengths(g.shape, order.axis)
        ins, ints = [g, c.input(self.read_names()[1])], [n, inner, out.size // max(outer * inner, 1)]
        c.call("sort_gather", [out], ins, ints, items=out.size, cost=2.0)


class _OrderBackward(Backward):
    """The head gradient of each value at the place the value came from, zeros elsewhere."""

    differentiable = ("data",)

    def read_names(self) -> tuple[str, ...]:
        return ("ograd0", self.forward.output_names()[-1])

    def lower(self, c: LowerContext) -> None:
        assert isinstance(self.forward, _Order)
        out, g = c.output("data"), c.input("ograd0")
        order = c.input(self.forward.output_names()[-1])
        outer, n, inner = _lengths(out.shape, self.forward.axis)
        c.zero(out)
        ints = [n, inner, g.size // max(outer * inner, 1)]
        # The zeros are an operand: what was not chosen must stay.
        c.call("sort_scatter", [out], [out, g, order], ints, items=g.size, cost=2.0)

    def gradient(self, g: GradContext) -> list[Any]:
        return g.backward(_OrderGather)


class _Order(OpDef):
    """Base: elements ordered along one axis. The last output is the order as int32, for the gradient."""

    dtypes = SORTED
    has_own_output_names = True

    axis = Int(
        -1,
        "Axis along which to sort; negative ones count from the end; None: the flattened input.",
        none=True,
    )

    def count(self, n: int) -> int:
        """How many are asked for of `n`."""
        return n

    def result_shape(self, s: ShapeRule) -> Dims | None:
        """Shape of values and indices, where the input is known well enough."""
        data = s.ins[0]
        if data is None:
            return None
        if self.axis is None:
            return (self.count(num_elements(data)),) if is_known(data) else None
        at = normal_axis(self.axis, len(data))
        if data[at] < 0:
            return (*data[:at], -1, *data[at + 1 :])
        return (*data[:at], self.count(data[at]), *data[at + 1 :])

    def check_indices(self, s: ShapeRule, dtype: int) -> None:
        """Refuse rows whose indices the index type cannot tell apart, or that are too long."""
        data = s.ins[0]
        if data is None or not is_known(data):
            return
        n = _lengths(data, self.axis)[1]
        if n > min(LARGEST, COUNTS.get(NAMES[dtype], 2)):
            raise ShapeError(f"{self.name}: {NAMES[dtype]} cannot hold the indices of {n} elements")

    def ordered(self, c: LowerContext, count: int) -> tuple[Tensor, Tensor, tuple[int, int, int]]:
        """Input, the first `count` sorted pairs of each row, (outer, n, inner)."""
        x = c.input("data")
        lengths = _lengths(x.shape, self.axis)
        return x, order_of(c, x, lengths, count, bool(self.values["is_ascend"])), lengths


class Sort(_Order):
    """Sorted copy of `data` along `axis`, equal elements in their order, NaN last; of the shape of `data`, or
    a vector where `axis` is None.

    The gradient goes to the places the elements came from. (MXNet: sort)
    """

    name = "sort"
    outputs = ("output0", "output1")
    backward = _OrderBackward

    is_ascend = Bool(True, "Whether to sort in ascending or descending order.")

    def num_visible(self) -> int:
        return 1

    def infer_shape(self, s: ShapeRule) -> None:
        self.check_indices(s, INT32)
        shape = s.meet_out(0, self.result_shape(s))
        if self.axis is not None:
            s.meet_in(0, shape)
        s.meet_out(1, shape)

    def infer_type(self, t: TypeRule) -> None:
        t.same(outs=(0,))
        t.meet_out(1, INT32)

    def lower(self, c: LowerContext) -> None:
        x, pairs, lengths = self.ordered(c, _lengths(c.shape("data"), self.axis)[1])
        _unpack(c, c.output("output0"), c.output("output1"), pairs, x, lengths)


class Argsort(_Order):
    """Indices along `axis` that sort `data`, equal elements in their order, NaN last; of the shape of `data`,
    or a vector where `axis` is None. There is no gradient. (MXNet: argsort)
    """

    name = "argsort"

    is_ascend = Bool(True, "Whether to sort in ascending or descending order.")
    dtype = DType(0, "Element type of the output indices.")

    def infer_shape(self, s: ShapeRule) -> None:
        self.check_indices(s, self.dtype)
        shape = s.meet_out(0, self.result_shape(s))
        if self.axis is not None:
            s.meet_in(0, shape)

    def infer_type(self, t: TypeRule) -> None:
        t.meet_out(0, self.dtype)

    def lower(self, c: LowerContext) -> None:
        x, pairs, lengths = self.ordered(c, _lengths(c.shape("data"), self.axis)[1])
        _write_indices(c, "output", x, pairs, lengths)


def _write_indices(
    c: LowerContext, name: str, x: Tensor, pairs: Tensor, lengths: tuple[int, int, int]
) -> None:
    out = c.output(name)
    order = out if out.dtype == INT32 else c.temp(out.shape, INT32)
    _unpack(c, c.temp(out.shape, x.dtype), order, pairs, x, lengths)
    if order is not out:
        c.cast(out, order)


class TopK(_Order):
    """The `k` largest elements along `axis` (the smallest where `is_ascend`), best first, the earlier one of
    equals, NaN last.

    `ret_typ` says what of them: their "value", their "indices", "both", or a "mask" of the input's shape with
    ones at their places. The other shapes are the input's with k along the axis, or (k,) where `axis` is
    None. Values have a gradient: it goes to the places they came from. (MXNet: topk)
    """

    name = "topk"

    k = Int(1, "Number of top elements to select; below 1: all of them.")
    ret_typ = Enum(("both", "indices", "mask", "value"), "indices", "The return type.")
    is_ascend = Bool(False, "Whether to choose the k smallest instead of the k largest.")
    dtype = DType(0, "Element type of the output indices.")

    def output_names(self) -> tuple[str, ...]:
        return {"both": ("output0", "output1", "output2"), "value": ("output0", "output1")}.get(
            self.ret_typ, ("output",)
        )

    def num_visible(self) -> int:
        return {"both": 2}.get(self.ret_typ, 1)

    def check(self) -> None:
        if self.ret_typ in ("both", "value"):
            self.backward = _OrderBackward  # type: ignore[misc]  # the others have no gradient
        if NAMES[self.dtype] not in COUNTS:
            raise MXNetError(f"topk: dtype must be one of {', '.join(COUNTS)}, got {NAMES[self.dtype]}")

    def count(self, n: int) -> int:
        if self.k > n:
            raise ShapeError(f"k must be smaller than {n}, get k = {self.k}")
        return n if self.k < 1 else self.k

    def infer_shape(self, s: ShapeRule) -> None:
        self.check_indices(s, self.dtype if self.ret_typ in ("both", "indices") else INT32)
        shape = self.result_shape(s)
        if self.ret_typ == "mask":
            s.meet_in(0, s.meet_out(0, s.ins[0]))
            return
        for i in range(len(s.outs)):
            s.meet_out(i, shape)

    def infer_type(self, t: TypeRule) -> None:
        if self.ret_typ == "indices":
            t.meet_out(0, self.dtype)
            return
        t.same(outs=(0,))
        if self.ret_typ == "both":
            t.meet_out(1, self.dtype)
        if self.ret_typ != "mask":
            t.meet_out(len(t.outs) - 1, INT32)

    def lower(self, c: LowerContext) -> None:
        count = self.count(_lengths(c.shape("data"), self.axis)[1])
        x, pairs, lengths = self.ordered(c, count)
        outer, n, inner = lengths
        if self.ret_typ == "indices":
            _write_indices(c, "output", x, pairs, lengths)
        elif self.ret_typ == "mask":
            out = c.output("output")
            order = c.temp((outer, count, inner), INT32)
            _unpack(c, c.temp(order.shape, x.dtype), order, pairs, x, lengths)
            c.zero(out)
            c.call("sort_mask", [out], [out, order], [n, inner, count], items=order.size, cost=1.5)
        else:
            order = c.output(self.output_names()[-1])
            _unpack(c, c.output("output0"), order, pairs, x, lengths)
            if self.ret_typ == "both":
                c.cast(c.output("output1"), order)
