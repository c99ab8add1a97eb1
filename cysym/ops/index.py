"""Operators that look elements up by index or condition: where, one_hot, take, pick.

Indices of any type are read as int64 (cast first, cut towards zero); values are moved as bit patterns, so
every element type is served. `clip` brings an index to the nearest end, `wrap` counts on from the other one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base import ShapeError
from ..dtypes import CODES
from ..passes.ir import num_elements
from .axes import normal_axis
from .init import bits_of
from .reduce import STAND_IN
from .rules import Dims, ShapeRule, TypeRule, is_known, show
from .schema import Backward, Bool, DType, Enum, Float, Int, OpDef

if TYPE_CHECKING:
    from ..passes.ir import Tensor
    from ..passes.lower import LowerContext

INT64, BOOL = CODES["int64"], CODES["bool"]


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
    """Rows of the head gradient added up where they were taken from, in the order of the indices."""

    half = True

    needs = ("ograd", "indices")
    differentiable = ("a",)

    def lower(self, c: LowerContext) -> None:
        assert isinstance(self.forward, Take)
        out, g, indices = c.output("a"), c.input("ograd"), _indices(c, "indices")
        wide = STAND_IN.get(out.dtype, out.dtype)
        result = out if wide == out.dtype else c.temp(out.shape, wide)
        g = g if wide == g.dtype else c.input("ograd", dtype=wide)
        axis = normal_axis(self.forward.axis, len(out.shape))
        outer, n, inner = _lookup(out.shape, axis)
        ints = [n, inner, indices.size, self.forward.mode == "wrap"]
        cost = n + 2.0 * indices.size
        c.call("take_grad", [result], [g, indices], ints, items=outer * inner, cost=cost)
        if result is not out:
            c.cast(out, result)


class Take(OpDef):
    """Slices of `a` along `axis` at `indices`: a (n, d) with indices (k, l), axis=0 gives (k, l, d).

    mode "clip": an index out of range is moved to the nearest end; "wrap": it counts on from the other end.
    "raise" needs to look at the values while it runs, which a planned program does not, and is refused.
    """

    half = True

    name = "take"
    inputs = ("a", "indices")
    backward = _TakeBackward

    axis = Int(0, "The axis of input array to be taken; negative ones count from the end.")
    mode = Enum(("clip", "raise", "wrap"), "clip", "How an index out of bounds behaves.")

    def check(self) -> None:
        if self.mode == "raise":
            raise ShapeError("take: mode='raise' is not supported; expected 'clip' or 'wrap'")

    def infer_shape(self, s: ShapeRule) -> None:
        a, indices = s.ins
        if a is not None and indices is not None:
            axis = normal_axis(self.axis, len(a))
            s.meet_out(0, a[:axis] + indices + a[axis + 1 :])

    def infer_type(self, t: TypeRule) -> None:
        t.same(ins=(0,))

    def lower(self, c: LowerContext) -> None:
        out, a, indices = c.output(), c.input("a"), _indices(c, "indices")
        _, n, inner = _lookup(a.shape, normal_axis(self.axis, len(a.shape)))
        if n == 0 and out.size:
            raise ShapeError(f"take: axis {self.axis} of {show(a.shape)} has no elements to take")
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


class Pick(OpDef):
    """One element along `axis` for each position of the other axes: data (n, d) with index (n,), axis=1 gives
    (n,).
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
        if index is not None:
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
