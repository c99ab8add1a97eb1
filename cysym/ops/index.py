"""Operators that look elements up by index or condition: where, one_hot, take, pick and MXNet's older forms.

Indices of any type are read as int64 (cast first, cut towards zero); values are moved as bit patterns, so
every element type is served. `clip` brings an index to the nearest end, `wrap` counts on from the other one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..base import ShapeError
from ..dtypes import CODES
from ..passes.ir import num_elements
from .axes import normal_axis
from .gather import CLIP, STRICT, WRAP, flat_index, scatter_sum
from .init import bits_of
from .reduce import STAND_IN
from .rules import Dims, ShapeRule, TypeRule, is_known, show
from .schema import Backward, Bool, DType, Enum, Float, Int, OpDef

if TYPE_CHECKING:
    from ..passes.gradient import GradContext
    from ..passes.ir import Tensor
    from ..passes.lower import LowerContext

INT32, INT64, BOOL = CODES["int32"], CODES["int64"], CODES["bool"]


class _WhereBackward(Backward):
    """The head gradient where the branch was taken, zeros elsewhere; the condition has none."""

    half = True

    needs = ("ograd", "condition")
    differentiable = ("x", "y")

    def lower(self, c: LowerContext) -> None:
        g, condition = c.input("ograd"), c.input("condition", dtype=BOOL)
        inner = g.size // max(condition.size, 1)
        for name in self.wanted:
            out = c.output(name)
            ints = [g.itemsize, inner, name == "x"]
            c.call("where_grad", [out], [condition, g], ints, items=out.size, cost=0.6, dtype="any")

    def gradient(self, g: GradContext) -> list[Any]:
        """Of what `x` and `y` were given, each where its branch was taken."""
        parts = [
            g.ograd(self.wanted.index(n)) if n in self.wanted else g.make("_zeros", like=g.ins[0])
            for n in ("x", "y")
        ]
        return [g.make("where", g.ins[1], *parts), None]


class Where(OpDef):
    """``x`` where `condition` is not zero, ``y`` elsewhere. `condition` has the shape of x and y, or is a
    vector that selects whole rows (entries of the first axis).
    """

    half = True

    name = "where"
    inputs = ("condition", "x", "y")
    backward = _WhereBackward

    def infer_shape(self, s: ShapeRule) -> None:
        condition = s.ins[0]
        shape = s.outs[0]
        for i in (1, 2, 1):
            shape = s.meet_in(i, shape)
        s.meet_out(0, shape)
        if shape is None or condition is None:
            return
        if len(condition) == 1:
            s.meet_in(0, shape[:1])
        else:
            s.meet_in(0, shape)

    def infer_type(self, t: TypeRule) -> None:
        t.same(ins=(1, 2))

    def lower(self, c: LowerContext) -> None:
        x, y, condition = c.input("x"), c.input("y"), c.input("condition", dtype=BOOL)
        inner = x.size // max(condition.size, 1)
        out = c.output()
        c.call("where", [out], [condition, x, y], [x.itemsize, inner], items=x.size, cost=0.6, dtype="any")


class OneHot(OpDef):
    """Vectors of `depth` numbers with `on_value` at the index and `off_value` elsewhere: shape (...) gives
    (..., depth). An index out of range gives `off_value` only.
    """

    half = True

    name = "one_hot"
    inputs = ("indices",)

    depth = Int(doc="Depth of the one hot dimension.", min=0)
    on_value = Float(1.0, "The value assigned to the locations represented by indices.")
    off_value = Float(0.0, "The value assigned to all other locations.")
    dtype = DType(0, "DType of the output.")

    def infer_shape(self, s: ShapeRule) -> None:
        if s.ins[0] is not None:
            s.meet_out(0, (*s.ins[0], self.depth))

    def infer_type(self, t: TypeRule) -> None:
        t.meet_out(0, self.dtype)

    def lower(self, c: LowerContext) -> None:
        out = c.output()
        bits = [bits_of(v, out.dtype) for v in (self.on_value, self.off_value)]
        indices = c.input("indices", dtype=INT64)
        ints = [out.itemsize, self.depth, *bits]
        c.call("one_hot", [out], [indices], ints, items=out.size, cost=0.6, dtype="any")


def _lookup(shape: Dims, axis: int) -> tuple[int, int, int]:
    """(outer, n, inner) around an axis."""
    return num_elements(shape[:axis]), shape[axis], num_elements(shape[axis + 1 :])


def _indices(c: LowerContext, name: str) -> Tensor:
    return c.input(name, dtype=INT64)


class _TakeBackward(Backward):
    """Slices of the head gradient added up where they were taken from, in the order of the indices."""

    half = True
    needs = ("ograd", "indices")
    differentiable = ("a",)

    def lower(self, c: LowerContext) -> None:
        assert isinstance(self.forward, Take)
        out, indices = c.output("a"), _indices(c, "indices")
        lengths = _lookup(out.shape, normal_axis(self.forward.axis, len(out.shape)))
        mode = WRAP if self.forward.mode == "wrap" else CLIP
        flat = flat_index(c, indices.view((1, indices.size)), lengths[1:2], mode)
        scatter_sum(c, out, "ograd", flat, lengths)

    def gradient(self, g: GradContext) -> list[Any]:
        return [g.make("take", g.ograd(), g.ins[1], **self.forward.values), None]


class Take(OpDef):
    """Slices of `a` along `axis` at `indices`: a (n, d) with indices (k, l), axis=0 gives (k, l, d).

    mode "clip": an index out of range is moved to the nearest end; "wrap": it counts on from the other end;
    "raise": it raises IndexRangeError when the program runs, a negative one too.
    """

    half = True

    name = "take"
    inputs = ("a", "indices")
    backward = _TakeBackward

    axis = Int(0, "The axis of input array to be taken; negative ones count from the end.")
    mode = Enum(("clip", "raise", "wrap"), "clip", "How an index out of bounds behaves.")

    def infer_shape(self, s: ShapeRule) -> None:
        a, indices = s.ins
        if a is not None and indices is not None:
            axis = normal_axis(self.axis, len(a))
            if a[axis] == 0 and is_known(indices) and num_elements(indices):
                raise ShapeError(f"take: axis {self.axis} of {show(a)} has no elements to take")
            s.meet_out(0, a[:axis] + indices + a[axis + 1 :])

    def infer_type(self, t: TypeRule) -> None:
        t.same(ins=(0,))

    def lower(self, c: LowerContext) -> None:
        out, a, indices = c.output(), c.input("a"), _indices(c, "indices")
        _, n, inner = _lookup(a.shape, normal_axis(self.axis, len(a.shape)))
        if self.mode == "raise":
            node = "" if c.name == self.name else f" (node {c.name})"
            what = f"take operator contains indices out of bound{node}"
            indices = flat_index(c, indices.view((1, indices.size)), (n,), STRICT, what=what)
        ints = [a.itemsize, n, inner, indices.size, self.mode == "wrap"]
        c.call("take", [out], [a, indices], ints, items=out.size, cost=0.8, dtype="any")


class _PickBackward(Backward):
    """Zeros with the head gradient at the picked elements."""

    half = True

    needs = ("ograd", "index")
    differentiable = ("data",)

    def lower(self, c: LowerContext) -> None:
        assert isinstance(self.forward, Pick)
        out, g, index = c.output("data"), c.input("ograd"), _indices(c, "index")
        outer, n, inner = _lookup(out.shape, normal_axis(self.forward.axis, len(out.shape)))
        c.zero(out)
        ints = [out.itemsize, n, inner, self.forward.mode == "wrap"]
        # The zeros are an operand: what is not picked must stay.
        c.call("pick_grad", [out], [out, g, index], ints, items=outer * inner, cost=2.0, dtype="any")

    def gradient(self, g: GradContext) -> list[Any]:
        return [g.make("pick", g.ograd(), g.ins[1], **self.forward.values), None]


class Pick(OpDef):
    """One element along `axis` for each position of the other axes: data (n, d) with index (n,), axis=1 gives
    (n,).

    mode "clip": an index out of range is moved to the nearest end; "wrap": it counts on from the other end.
    """

    half = True

    name = "pick"
    aliases = ("choose_element_0index",)
    inputs = ("data", "index")
    backward = _PickBackward

    axis = Int(-1, "The axis to pick the elements; negative ones count from the end.")
    keepdims = Bool(False, "If true, the picked axis is left in the result with size one.")
    mode = Enum(("clip", "wrap"), "clip", "How an index out of bounds behaves.")

    def infer_shape(self, s: ShapeRule) -> None:
        data, index = s.ins
        if data is None:
            return
        axis = normal_axis(self.axis, len(data))
        gone, kept = data[:axis] + data[axis + 1 :], (*data[:axis], 1, *data[axis + 1 :])
        if index is None:
            s.meet_in(1, kept if self.keepdims else gone)
        else:
            s.meet_in(1, kept if len(index) == len(data) else gone)
        if is_known(data) and data[axis] == 0 and num_elements(gone):
            raise ShapeError(f"pick: axis {self.axis} of {show(data)} has no elements to pick from")
        s.meet_out(0, kept if self.keepdims else gone or (1,))

    def infer_type(self, t: TypeRule) -> None:
        t.same(ins=(0,))

    def lower(self, c: LowerContext) -> None:
        out, data, index = c.output(), c.input("data"), _indices(c, "index")
        _, n, inner = _lookup(data.shape, normal_axis(self.axis, len(data.shape)))
        ints = [data.itemsize, n, inner, self.mode == "wrap"]
        c.call("pick", [out], [data, index], ints, items=out.size, cost=2.0, dtype="any")


class _BatchTakeBackward(_PickBackward):
    """As of pick along the last axis."""

    needs = ("ograd", "indices")
    differentiable = ("a",)

    def lower(self, c: LowerContext) -> None:
        out, g, index = c.output("a"), c.input("ograd"), _indices(c, "indices")
        c.zero(out)
        ints = [out.itemsize, out.shape[1], 1, False]
        # The zeros are an operand: what is not picked must stay.
        c.call("pick_grad", [out], [out, g, index], ints, items=g.size, cost=2.0, dtype="any")

    def gradient(self, g: GradContext) -> list[Any]:
        return [g.make("batch_take", g.ograd(), g.ins[1]), None]


class BatchTake(OpDef):
    """One element of each row: ``output[i] = a[i, indices[i]]``, indices outside moved to the nearest end.

    a : (n, k); indices : n of int32, of any shape; output : of the shape of indices. The older form of pick.
    (MXNet: batch_take)
    """

    half = True
    name = "batch_take"
    inputs = ("a", "indices")
    backward = _BatchTakeBackward

    def infer_shape(self, s: ShapeRule) -> None:
        a, indices = s.ins
        if a is not None and len(a) != 2:
            raise ShapeError(f"batch_take: a must have 2 dimensions, got {show(a)}")
        if a is not None and indices is not None and is_known(a) and is_known(indices):
            if num_elements(indices) != a[0]:
                raise ShapeError(f"batch_take: expected {a[0]} indices for a {show(a)}, got {show(indices)}")
            if a[1] == 0 and a[0]:
                raise ShapeError(f"batch_take: the rows of a {show(a)} have no elements to take")
        s.meet_in(1, s.meet_out(0, indices))

    def infer_type(self, t: TypeRule) -> None:
        t.same(ins=(0,))
        t.meet_in(1, INT32)

    def lower(self, c: LowerContext) -> None:
        out, a, index = c.output(), c.input("a"), _indices(c, "indices")
        ints = [a.itemsize, a.shape[1], 1, False]
        c.call("pick", [out], [a, index], ints, items=out.size, cost=2.0, dtype="any")


class FillElement(OpDef):
    """`lhs` with one element of each row replaced: ``output[i, rhs[i]] = mhs[i]``, indices outside moved to
    the nearest end.

    lhs : (n, k); mhs : (n,); rhs : (n,). (MXNet: fill_element_0index)
    """

    half = True
    name = "fill_element_0index"
    inputs = ("lhs", "mhs", "rhs")

    def infer_shape(self, s: ShapeRule) -> None:
        lhs = s.meet_in(0, s.outs[0])
        if lhs is None:
            return
        if len(lhs) != 2 or (lhs[1] == 0 and lhs[0]):
            raise ShapeError(f"fill_element_0index: lhs must be rows of elements, got {show(lhs)}")
        s.meet_out(0, lhs)
        for which in (1, 2):
            s.meet_in(which, lhs[:1])

    def infer_type(self, t: TypeRule) -> None:
        t.same(ins=(0, 1))

    def lower(self, c: LowerContext) -> None:
        out, lhs, values, index = c.output(), c.input("lhs", "any"), c.input("mhs"), _indices(c, "rhs")
        c.copy(out, lhs)
        ints = [out.itemsize, out.shape[1], 1, False]
        # The copy is an operand: what is not replaced must stay.
        c.call("pick_grad", [out], [out, values, index], ints, items=values.size, cost=2.0, dtype="any")

    def gradient(self, g: GradContext) -> list[Any]:
        zeros = g.make("_zeros", like=g.ins[1])
        lhs = g.make("fill_element_0index", g.ograd(), zeros, g.ins[2])
        return [lhs, g.make("pick", g.ograd(), g.ins[2]), None]


class OneHotEncode(OpDef):
    """One-hot rows for the indices `lhs`, in the shape and type of `rhs`: (n,) and (n, depth) give (n,
    depth); an index outside gives zeros. The older form of one_hot. (MXNet: _onehot_encode)
    """

    half = True
    name = "_onehot_encode"
    inputs = ("lhs", "rhs")

    def infer_shape(self, s: ShapeRule) -> None:
        rhs = s.meet_in(1, s.outs[0])
        if rhs is None:
            return
        if len(rhs) != 2:
            raise ShapeError(f"_onehot_encode: rhs must have 2 dimensions, got {show(rhs)}")
        s.meet_in(0, rhs[:1])
        s.meet_out(0, rhs)

    def infer_type(self, t: TypeRule) -> None:
        t.same(ins=(1,))

    def lower(self, c: LowerContext) -> None:
        out = c.output()
        ints = [out.itemsize, out.shape[1], bits_of(1, out.dtype), 0]
        c.call("one_hot", [out], [_indices(c, "lhs")], ints, items=out.size, cost=0.6, dtype="any")


class ArgmaxChannel(OpDef):
    """Index of the largest element along axis 1, the first of several, in the type of the input: (n, c, ...)
    gives (n, ...). (MXNet: argmax_channel)
    """

    half = True
    name = "argmax_channel"

    def infer_shape(self, s: ShapeRule) -> None:
        data = s.ins[0]
        if data is None:
            return
        normal_axis(1, len(data))
        if data[1] == 0:
            raise ShapeError(f"argmax_channel of nothing: the input has shape {show(data)}")
        s.meet_out(0, data[:1] + data[2:])

    def lower(self, c: LowerContext) -> None:
        out = c.output()
        wide = STAND_IN.get(out.dtype, out.dtype)
        x = c.input("data", dtype=wide)
        result = out if out.dtype == wide else c.temp(out.shape, wide)
        ints = [x.shape[1], num_elements(x.shape[2:])]
        c.call("argmax", [result], [x], ints, items=out.size, cost=5.0 + x.shape[1])
        if result is not out:
            c.cast(out, result)
