"""The matrix products of multi-head attention: _contrib_interleaved_matmul_selfatt_* and _encdec_*.

Projections of all heads lie interleaved in one tensor, (length, batch, heads * k * d) with k = 3 for queries,
keys and values, 2 for keys and values, 1 for queries. Each product is one `matmul` (dot.py) that reads and
writes them where they lie: a head of a sample is a matrix whose rows are `batch * heads * k * d` apart.
"""

from __future__ import annotations

from math import sqrt
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from ..base import ShapeError
from .dot import matmul
from .rules import FLOATS, Dims, ShapeRule, is_known, show
from .schema import Backward, Int, OpDef

if TYPE_CHECKING:
    from ..passes.gradient import Entry, GradContext
    from ..passes.ir import Tensor
    from ..passes.lower import LowerContext


class _Heads(NamedTuple):
    """One part (queries, keys or values) of a tensor as a batch of matrices (length, d)."""

    tensor: Tensor
    length: int
    depth: int
    row: int
    step: int


def _heads(t: Tensor, heads: int, parts: int, part: int) -> _Heads:
    length, batch, width = t.shape
    depth = width // (heads * parts)
    look = t.view((), part * depth * t.itemsize, ())
    return _Heads(look, length, depth, batch * width, parts * depth)


class _Attention(OpDef):
    """What the four products share: where their operands lie."""

    dtypes = FLOATS
    # (input, parts, part) of queries, keys and values
    places: ClassVar[dict[str, tuple[str, int, int]]] = {}

    heads = Int(doc="Set number of heads.", min=1)

    def place(self, role: str, t: Tensor) -> _Heads:
        _, parts, part = self.places[role]
        return _heads(t, self.heads, parts, part)

    def projection(self, s: ShapeRule, name: str, parts: int) -> Dims | None:
        """Shape of an interleaved input, checked."""
        shape = s.get(name)
        if shape is None or not is_known(shape):
            return None
        if len(shape) != 3 or shape[2] % (self.heads * parts):
            raise ShapeError(
                f"{self.name}: {name} must be (length, batch, heads * {parts} * head_dim) with "
                f"heads={self.heads}, got {show(shape)}"
            )
        return shape

    def must_agree(self, what: str, a: int, b: int) -> None:
        if a != b:
            raise ShapeError(f"{self.name}: {what} must be equal, got {a} and {b}")


class _AttentionBackward(Backward):
    """Of a product: the gradient of one operand is made of the other; of a lone operand, of itself."""

    def read_names(self) -> tuple[str, ...]:
        other = dict(zip(self.forward.inputs, reversed(self.forward.inputs), strict=True))
        return ("ograd", *sorted({other[n] for n in self.wanted}))

    def gradient(self, g: GradContext) -> list[Entry | None]:
        """Of f(X) = Q K^T, quadratic in its only operand: the head P at dX moves the head gradient by
        Q(X) K(P)^T + Q(P) K(X)^T = (f(X + P) - f(X - P)) / 2, and X by the same gradient node of P."""
        names = self.forward.inputs
        if len(names) == 2:
            return g.bilinear(*names)
        (head, x), p = g.ins, g.ograd()
        ends = [g.apply(self.forward, g.make(op, x, p), like=head) for op in ("elemwise_add", "elemwise_sub")]
        both = g.make("_mul_scalar", g.make("elemwise_sub", *ends), like=head, scalar=0.5)
        return [both, g.apply(self, head, p, like=x)]


class _ScoresBackward(_AttentionBackward):
    """dQ = scale dS K, dK = scale dS^T Q, each where its operand lies; parts not used get zeros."""

    def lower(self, c: LowerContext) -> None:
        op = self.forward
        assert isinstance(op, _Scores)
        g = c.input("ograd")
        batch, tq, tk = g.shape
        outs = {name: c.output(name) for name in self.wanted if c.wants(name)}
        for name, out in outs.items():
            if op.places["keys"][1] > 1 and name == op.places["keys"][0]:
                c.zero(out)
        for mine, other, size, strides in (
            ("queries", "keys", (tq, tk), (tk, 1)),
            ("keys", "queries", (tk, tq), (1, tk)),
        ):
            name = op.places[mine][0]
            if name not in outs:
                continue
            y, x = op.place(mine, outs[name]), op.place(other, c.input(op.places[other][0]))
            matmul(
                c, y.tensor, g, x.tensor, (size[0], y.depth, size[1]), strides, (x.row, 1), y.row,
                alpha=1 / sqrt(y.depth or 1), batch=batch, batch_strides=(tq * tk, x.step, y.step),
            )  # fmt: skip


class _Scores(_Attention):
    """Queries times transposed keys over the root of their depth."""

    backward = _ScoresBackward

    def lower(self, c: LowerContext) -> None:
        q = self.place("queries", c.input(self.places["queries"][0]))
        k = self.place("keys", c.input(self.places["keys"][0]))
        out = c.output()
        size = (q.length, k.length, q.depth)
        matmul(
            c, out, q.tensor, k.tensor, size, (q.row, 1), (1, k.row), k.length, alpha=1 / sqrt(q.depth or 1),
            batch=out.shape[0], batch_strides=(q.step, k.step, q.length * k.length),
        )  # fmt: skip


class _MixBackward(_AttentionBackward):
    """dA = dO V^T and dV = A^T dO where the values lie; queries and keys get zeros."""

    def lower(self, c: LowerContext) -> None:
        op = self.forward
        assert isinstance(op, _Mix)
        o = _heads(c.input("ograd"), op.heads, 1, 0)
        source = op.inputs[0]
        if c.wants("attention"):
            da = c.output("attention")
            batch, tq, tk = da.shape
            v = op.place("values", c.input(source))
            matmul(
                c, da, o.tensor, v.tensor, (tq, tk, o.depth), (o.row, 1), (1, v.row), tk,
                batch=batch, batch_strides=(o.step, v.step, tq * tk),
            )  # fmt: skip
        if c.wants(source):
            attention, dx = c.input("attention"), c.output(source)
            batch, tq, tk = attention.shape
            c.zero(dx)
            v = op.place("values", dx)
            matmul(
                c, v.tensor, attention, o.tensor, (tk, v.depth, tq), (1, tk), (o.row, 1), v.row,
                batch=batch, batch_strides=(tq * tk, o.step, v.step),
            )  # fmt: skip


class _Mix(_Attention):
    """Attention times values."""

    backward = _MixBackward

    def infer_shape(self, s: ShapeRule) -> None:
        source, parts = self.inputs[0], self.places["values"][1]
        x, a = self.projection(s, source, parts), s.get("attention")
        if x is None or a is None or not is_known(a):
            return
        if len(a) != 3:
            raise ShapeError(f"{self.name}: attention must be (batch * heads, queries, keys), got {show(a)}")
        self.must_agree(f"batch * heads of {source} and attention.shape[0]", x[1] * self.heads, a[0])
        self.must_agree(f"{source}.shape[0] and attention.shape[2]", x[0], a[2])
        if len(self.places) == 3:
            self.must_agree(f"{source}.shape[0] and attention.shape[1]", x[0], a[1])
        s.meet_out(0, (a[1], x[1], x[2] // parts))

    def lower(self, c: LowerContext) -> None:
        attention = c.input("attention")
        batch, tq, tk = attention.shape
        v = self.place("values", c.input(self.inputs[0]))
        o = _heads(c.output(), self.heads, 1, 0)
        matmul(
            c, o.tensor, attention, v.tensor, (tq, v.depth, tk), (tk, 1), (v.row, 1), o.row,
            batch=batch, batch_strides=(tq * tk, v.step, o.step),
        )  # fmt: skip


_SELF = {name: ("queries_keys_values", 3, i) for i, name in enumerate(("queries", "keys", "values"))}
_ENCDEC = {"queries": ("queries", 1, 0), "keys": ("keys_values", 2, 0), "values": ("keys_values", 2, 1)}


class SelfattQK(_Scores):
    """Scores of self-attention: ``Q K^T / sqrt(d)`` of every head.

    queries_keys_values: (length, batch, heads * 3 * d), a head's query, key and value side by side; output:
    (batch * heads, length, length).
    """

    name = "_contrib_interleaved_matmul_selfatt_qk"
    inputs = ("queries_keys_values",)
    places = _SELF

    def infer_shape(self, s: ShapeRule) -> None:
        x = self.projection(s, "queries_keys_values", 3)
        if x is not None:
            s.meet_out(0, (x[1] * self.heads, x[0], x[0]))


class SelfattValatt(_Mix):
    """Self-attention's mixture of values: ``attention V`` of every head.

    queries_keys_values: (length, batch, heads * 3 * d), a head's query, key and value side by side;
    attention: (batch * heads, length, length); output: (length, batch, heads * d).
    """

    name = "_contrib_interleaved_matmul_selfatt_valatt"
    inputs = ("queries_keys_values", "attention")
    places = _SELF


class EncdecQK(_Scores):
    """Scores of attention to another sequence: ``Q K^T / sqrt(d)`` of every head.

    queries: (n, batch, heads * d); keys_values: (length, batch, heads * 2 * d), a head's key and value side
    by side; output: (batch * heads, n, length).
    """

    name = "_contrib_interleaved_matmul_encdec_qk"
    inputs = ("queries", "keys_values")
    places = _ENCDEC

    def infer_shape(self, s: ShapeRule) -> None:
        q, kv = self.projection(s, "queries", 1), self.projection(s, "keys_values", 2)
        if q is None or kv is None:
            return
        self.must_agree("queries.shape[1] and keys_values.shape[1]", q[1], kv[1])
        self.must_agree("2 * queries.shape[2] and keys_values.shape[2]", 2 * q[2], kv[2])
        s.meet_out(0, (q[1] * self.heads, q[0], kv[0]))


class EncdecValatt(_Mix):
    """Mixture of another sequence's values: ``attention V`` of every head.

    keys_values: (length, batch, heads * 2 * d), a head's key and value side by side; attention: (batch *
    heads, n, length); output: (n, batch, heads * d).
    """

    name = "_contrib_interleaved_matmul_encdec_valatt"
    inputs = ("keys_values", "attention")
    places = {"values": ("keys_values", 2, 1)}
