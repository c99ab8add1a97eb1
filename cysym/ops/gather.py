"""Indexing by tuples: gather_nd, scatter_nd, _scatter_set_nd, index_copy, and what they share with take.

A column of indices becomes one number, its place in the dimensions indexed, checked on the way: a kernel
raises a flag, Python looks at the flag before anything is moved and names the culprit. Of places written
twice the last one wins, and sums of what came from one place run in order, on every device and with any
number of threads.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final

import numpy as np

from ..base import IndexRangeError, ShapeError
from ..dtypes import CODES
from ..passes.ir import num_elements
from .init import fill
from .reduce import STAND_IN
from .rules import Dims, ShapeRule, TypeRule, is_known, show
from .schema import Backward, OpDef, Shape
from .sort import sorted_order

if TYPE_CHECKING:
    from ..passes.gradient import GradContext
    from ..passes.ir import Tensor
    from ..passes.lower import LowerContext

INT32, INT64 = CODES["int32"], CODES["int64"]
CLIP, WRAP, FROM_END, STRICT = range(4)  # what flat_index makes of an index outside: the last two refuse it
# Columns of a table from which on each sums for itself; a GPU needs many of them to be busy.
COLUMNS: Final = {"cpu": 1, "opencl": 4096}
FEW: Final = 64  # indices that are quickly walked through, however few the columns


def flat_index(
    c: LowerContext, indices: Tensor, dims: Dims, mode: int, is_checked: bool = True, what: str = ""
) -> Tensor:
    """Row-major places in `dims` of the columns of `indices`, (len(dims), ...) of int64; a vector of int64.

    `FROM_END` counts negative indices from the end, `STRICT` does not; what then lies outside raises
    IndexRangeError when the program runs, before the calls that follow. Not `is_checked`, it is brought
    inside.
    """
    count = indices.size // len(dims) if dims else num_elements(indices.shape[1:])
    flat, flag = c.temp((count,), INT64), c.temp((1,), INT32)
    c.zero(flag)
    ints = [count, len(dims), mode, *dims]
    c.call("flat_index", [flat, flag], [flag, indices], ints, items=count, cost=1.0 + len(dims), dtype="any")
    if is_checked and mode in (FROM_END, STRICT) and count:
        what = what or (c.op.name if c.name == c.op.name else f"{c.op.name} (node {c.name})")

        def report(outs: list[Any], ins: list[Any]) -> None:
            if ins[0].asnumpy()[0]:
                _refuse(what, ins[1].asnumpy().reshape(len(dims), count), dims, mode)

        c.callback(report, [], [flag, indices])
    return flat


def _refuse(what: str, indices: np.ndarray, dims: Dims, mode: int) -> None:
    """Name the first index that lies outside."""
    for axis, (row, n) in enumerate(zip(indices, dims, strict=True)):
        low = -n if mode == FROM_END else 0
        wrong = np.flatnonzero((row < low) | (row >= n))
        if wrong.size:
            raise IndexRangeError(
                f"{what}: index {row[wrong[0]]} is out of bounds for axis {axis} with size {n} "
                f"(number {wrong[0]} of {row.size} indices)"
            )


def scatter_set(c: LowerContext, out: Tensor, values: Tensor, flat: Tensor, n: int) -> None:
    """Write the slices of `values` to their places in `out`, n slices that are there already."""
    if flat.size > 2**31 - 1:
        raise ShapeError(f"{c.op.name}: {flat.size} indices; at most 2147483647 can be written at once")
    if not values.size:
        return
    winner = c.temp((n,), INT32)
    fill(c, winner, -1)
    c.call(
        "scatter_winner", [winner], [winner, flat], [flat.size], items=1, cost=2.0 * flat.size, dtype="any"
    )
    ints = [out.itemsize, values.size // flat.size]
    ins = [out, values, flat, winner]
    c.call("scatter_put", [out], ins, ints, items=values.size, cost=1.0, dtype="any")


def scatter_sum(
    c: LowerContext, out: Tensor, ograd: str, flat: Tensor, lengths: tuple[int, int, int]
) -> None:
    """Sum the slices of input `ograd` (outer, count, inner) by their place into `out` (outer, n, inner)."""
    wide = STAND_IN.get(out.dtype, out.dtype)
    g = c.input(ograd, dtype=wide)
    result = out if out.dtype == wide else c.temp(out.shape, wide)
    outer, n, inner = lengths
    columns, count = outer * inner, flat.size
    if columns >= COLUMNS[c.device.kind] or count <= FEW:
        c.call("take_grad", [result], [g, flat], [n, inner, count], items=columns, cost=n + 2.0 * count)
    else:
        keys = flat
        if n < 2**31:
            keys = c.temp(flat.shape, INT32)
            c.cast(keys, flat)
        order = sorted_order(c, keys)
        c.zero(result)
        # The zeros are an operand: places nothing came from must stay.
        ins = [result, g, flat, order]
        c.call("take_grad_sorted", [result], ins, [n, inner, count], items=columns * count, cost=3.0)
    if result is not out:
        c.cast(out, result)


def _check_columns(name: str, indices: Dims, dims: Dims | None, of: str) -> None:
    if len(indices) < 2:
        raise ShapeError(f"{name} requires index tensor to have at least 2 dimensions, got {show(indices)}")
    if dims is not None and indices[0] > len(dims):
        raise ShapeError(
            f"Number of indices exceeds {of} dimension in operator {name}: the columns of indices "
            f"{show(indices)} are {indices[0]} long, {of} is {show(dims)}"
        )


def _values_shape(name: str, indices: Dims | None, dims: Dims | None, of: str) -> Dims | None:
    """Shape of what lies at the columns of `indices` in an array of shape `dims`."""
    if indices is not None:
        _check_columns(name, indices, dims, of)
    if indices is None or dims is None or indices[0] < 0:
        return None
    if 0 in dims[: indices[0]] and is_known(indices) and num_elements(indices):
        raise ShapeError(f"{name}: {of} {show(dims)} has no elements to index")
    return (*indices[1:], *dims[indices[0] :])


class _GatherNDBackward(Backward):
    """What came from one place summed up there; linear, so its own gradient gathers again."""

    needs = ("ograd", "indices")
    differentiable = ("data",)

    def lower(self, c: LowerContext) -> None:
        out, indices = c.output("data"), c.input("indices", dtype=INT64)
        dims = out.shape[: indices.shape[0]]
        flat = flat_index(c, indices, dims, FROM_END, is_checked=False)
        scatter_sum(c, out, "ograd", flat, (1, num_elements(dims), num_elements(out.shape[len(dims) :])))

    def gradient(self, g: GradContext) -> list[Any]:
        return [g.make("gather_nd", g.ograd(), g.ins[1]), None]


class GatherND(OpDef):
    """Elements or slices of `data` at the columns of `indices`: ``output[j] = data[indices[0, j], ...,
    indices[M - 1, j]]``.

    data : (d0, ..., dn); indices : (M, ...), of any type, cut towards zero, M at most the dimensions of data;
    output : indices.shape[1:] + data.shape[M:]. Negative indices count from the end; others outside raise
    IndexRangeError when the program runs. The gradient adds up what came from one place. (MXNet: gather_nd)
    """

    name = "gather_nd"
    inputs = ("data", "indices")
    half = True
    backward = _GatherNDBackward

    def infer_shape(self, s: ShapeRule) -> None:
        s.meet_out(0, _values_shape(self.name, s.ins[1], s.ins[0], "data"))

    def infer_type(self, t: TypeRule) -> None:
        t.same(ins=(0,))

    def lower(self, c: LowerContext) -> None:
        out, data, indices = c.output(), c.input("data"), c.input("indices", dtype=INT64)
        dims = data.shape[: indices.shape[0]]
        flat = flat_index(c, indices, dims, FROM_END)
        inner = num_elements(data.shape[len(dims) :])
        ints = [data.itemsize, num_elements(dims), inner, flat.size, 0]
        c.call("take", [out], [data, flat], ints, items=out.size, cost=0.8, dtype="any")


class _Scatter(OpDef):
    """Base: slices of `data` go to the columns of `indices` in a tensor of the given shape."""

    half = True
    inputs: ClassVar[tuple[str, ...]] = ("data", "indices")

    shape = Shape(doc="Shape of output.")

    def check(self) -> None:
        if any(d < 0 for d in self.shape):
            raise ShapeError(f"{self.name}: shape must be known, got {show(self.shape)}")
        num_elements(self.shape)

    def infer_shape(self, s: ShapeRule) -> None:
        indices, data = s.get("indices"), _values_shape(self.name, s.get("indices"), self.shape, "output")
        which = self.inputs.index("rhs" if "rhs" in self.inputs else "data")
        have = s.ins[which]
        if data is not None and have is not None and is_known(data) and is_known(have) and data != have:
            raise ShapeError(
                f"Invalid data, indices, and output shape combination for {self.name}: {show(have)}, "
                f"{show(indices)}, {show(self.shape)}; expected data {show(data)}"
            )
        s.meet_in(which, data)
        s.meet_out(0, self.shape)

    def infer_type(self, t: TypeRule) -> None:
        t.same(ins=(0,))

    def flat(self, c: LowerContext) -> tuple[Tensor, Dims]:
        indices = c.input("indices", dtype=INT64)
        dims = self.shape[: indices.shape[0]]
        return flat_index(c, indices, dims, FROM_END), dims


class ScatterND(_Scatter):
    """Zeros of the given shape with the slices of `data` at the columns of `indices`: ``output[indices[0, j],
    ...] = data[j]``; of slices for one place the last wins.

    data : indices.shape[1:] + shape[M:]; indices : (M, ...), negative ones count from the end, others outside
    raise IndexRangeError when the program runs. The gradient is gathered from all places. (MXNet: scatter_nd)
    """

    name = "scatter_nd"

    def lower(self, c: LowerContext) -> None:
        out, data = c.output(), c.input("data")
        flat, dims = self.flat(c)
        c.zero(out)
        scatter_set(c, out, data, flat, num_elements(dims))

    def gradient(self, g: GradContext) -> list[Any]:
        return [g.make("gather_nd", g.ograd(), g.ins[1]), None]


class AddND(_Scatter):
    """Zeros of the given shape with the slices of `data` added up at the columns of `indices`: the gradient
    of gather_nd as an operator of its own; see scatter_nd for the shapes. (MXNet: _backward_gather_nd)
    """

    name = "_backward_gather_nd"

    def lower(self, c: LowerContext) -> None:
        out = c.output()
        flat, dims = self.flat(c)
        scatter_sum(c, out, "data", flat, (1, num_elements(dims), num_elements(self.shape[len(dims) :])))

    def gradient(self, g: GradContext) -> list[Any]:
        return [g.make("gather_nd", g.ograd(), g.ins[1]), None]


class ScatterSetND(_Scatter):
    """`lhs` with the slices of `rhs` at the columns of `indices`, the last of those for one place: what an
    assignment to an indexed array does. `out` may be `lhs` itself. (MXNet: _scatter_set_nd)
    """

    name = "_scatter_set_nd"
    inputs = ("lhs", "rhs", "indices")

    def infer_shape(self, s: ShapeRule) -> None:
        super().infer_shape(s)
        s.meet_in("lhs", self.shape)

    def infer_type(self, t: TypeRule) -> None:
        t.same(ins=(0, 1))

    def lower(self, c: LowerContext) -> None:
        out, lhs, rhs = c.output(), c.input("lhs", "any"), c.input("rhs")
        flat, dims = self.flat(c)
        c.copy(out, lhs)
        scatter_set(c, out, rhs, flat, num_elements(dims))

    def gradient(self, g: GradContext) -> list[Any]:
        zeros = g.make("_zeros", like=g.ins[1])
        lhs = g.make("_scatter_set_nd", g.ograd(), zeros, g.ins[2], shape=self.shape)
        return [lhs, g.make("gather_nd", g.ograd(), g.ins[2]), None]


class IndexCopy(OpDef):
    """`old_tensor` with row ``index_vector[i]`` replaced by row i of `new_tensor`, the last of several for
    one row; an index outside raises IndexRangeError when the program runs.

    old_tensor : (n, ...); index_vector : (k,); new_tensor : (k, ...). (MXNet: _contrib_index_copy)
    """

    name = "_contrib_index_copy"
    inputs = ("old_tensor", "index_vector", "new_tensor")
    half = True

    def infer_shape(self, s: ShapeRule) -> None:
        old, index, new = s.ins
        for what, shape in (("old_tensor", old), ("new_tensor", new)):
            if shape is not None and not shape:
                raise ShapeError(f"{self.name}: {what} must have at least one dimension, got {show(shape)}")
        if old is not None:
            s.meet_in(2, (-1, *old[1:]))
            s.meet_out(0, old)
        if index is not None and len(index) != 1:
            raise ShapeError(f"{self.name}: index_vector must be a vector, got {show(index)}")
        if s.ins[2] is not None:
            count = s.meet_in(1, (s.ins[2][0],))
            s.meet_in(2, (*(count or (-1,)), *s.ins[2][1:]))

    def infer_type(self, t: TypeRule) -> None:
        t.same(ins=(0, 2))

    def lower(self, c: LowerContext) -> None:
        out, old, new = c.output(), c.input("old_tensor", "any"), c.input("new_tensor")
        index = c.input("index_vector", dtype=INT64)
        n = out.shape[0]
        flat = flat_index(c, index.view((1, index.size)), (n,), STRICT)
        c.copy(out, old)
        scatter_set(c, out, new, flat, n)

    def gradient(self, g: GradContext) -> list[Any]:
        zeros = g.make("_zeros", like=g.ins[2])
        old = g.make("_contrib_index_copy", g.ograd(), g.ins[1], zeros)
        return [old, None, g.make("take", g.ograd(), g.ins[1])]
