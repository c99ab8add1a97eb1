"""Small operators of MXNet's contrib corner: quadratic, div_sqrt_dim, gradientmultiplier, allclose, and
khatri_rao.

All are elementwise expressions on strided views (elementwise.c), a reduction behind them in some.
"""

from __future__ import annotations

from math import sqrt
from typing import TYPE_CHECKING, Any

from ..base import ShapeError
from ..dtypes import CODES
from ..passes.ir import num_elements
from . import expr
from .elementwise import emit
from .ew_group import ROWS, compile_tree, group_of
from .reduce import emit as reduce
from .reduce import emit_sum
from .rules import ShapeRule, TypeRule, show
from .schema import Backward, Bool, Float, Int, OpDef

if TYPE_CHECKING:
    from ..passes.gradient import GradContext
    from ..passes.ir import Tensor
    from ..passes.lower import LowerContext

FLOAT32, FLOAT64, UINT8 = CODES["float32"], CODES["float64"], CODES["uint8"]


class Quadratic(OpDef):
    """``output = a * data * data + b * data + c``, element by element. (MXNet: _contrib_quadratic)"""

    half = True

    name = "_contrib_quadratic"

    a = Float(0.0, "Coefficient of the square.")
    b = Float(0.0, "Coefficient of the element.")
    c = Float(0.0, "Constant.")

    def gradient(self, g: GradContext) -> list[Any]:
        slope = g.make("_contrib_quadratic", g.ins[0], a=0.0, b=2 * self.a, c=self.b)
        return [g.make("elemwise_mul", g.ograd(), slope)]

    def lower(self, c: LowerContext) -> None:
        x = c.input("data", "any")
        inner = ("+", ("*", ("x",), ("K", self.a)), ("K", self.b))
        group, floats = compile_tree(("+", ("*", ("x",), inner), ("K", self.c)), "x")
        emit(c, group, [c.output("output", "any")], [x], floats)


class DivSqrtDim(OpDef):
    """`data` divided by the square root of the length of its last axis. (MXNet: _contrib_div_sqrt_dim)"""

    half = True

    name = "_contrib_div_sqrt_dim"

    def infer_shape(self, s: ShapeRule) -> None:
        s.same()
        if s.ins[0] == ():
            raise ShapeError("_contrib_div_sqrt_dim: data must have at least 1 dimension, got []")

    def gradient(self, g: GradContext) -> list[Any]:
        return [g.make("_contrib_div_sqrt_dim", g.ograd(), like=g.ins[0])]

    def lower(self, c: LowerContext) -> None:
        x = c.input("data", "any")
        group, _ = group_of((ROWS["_div_scalar"].forward,))
        emit(c, group, [c.output("output", "any")], [x], [sqrt(x.shape[-1])])


class GradientMultiplier(OpDef):
    """The data itself; its gradient is the head gradient times `scalar`, which may be negative. (MXNet:
    _contrib_gradientmultiplier)
    """

    half = True

    name = "_contrib_gradientmultiplier"

    scalar = Float(1.0, "Factor of the gradient.")
    is_int = Bool(True, "Accepted for MXNet's sake.")

    def gradient(self, g: GradContext) -> list[Any]:
        return [g.make("_mul_scalar", g.ograd(), like=g.ins[0], scalar=self.scalar)]

    def lower(self, c: LowerContext) -> None:
        c.alias("output", "data")


class AllClose(OpDef):
    """1 if everywhere ``|a - b| <= atol + rtol * |b|`` or a equals b, else 0: a uint8 tensor of shape (1,).

    NaN equals NaN with `equal_nan` only; an infinity equals itself only. No gradient. (MXNet:
    _contrib_allclose)
    """

    half = True

    name = "_contrib_allclose"
    inputs = ("a", "b")

    rtol = Float(1e-5, "Relative tolerance.")
    atol = Float(1e-8, "Absolute tolerance.")
    equal_nan = Bool(True, "Whether NaN equals NaN.")

    def infer_shape(self, s: ShapeRule) -> None:
        s.meet_in(1, s.meet_in(0, s.ins[1]))
        s.meet_out(0, (1,))

    def infer_type(self, t: TypeRule) -> None:
        t.same(outs=())
        t.meet_out(0, UINT8)

    def lower(self, c: LowerContext) -> None:
        kind = c.input("a", "any").dtype
        wide = kind if kind in (FLOAT32, FLOAT64) else FLOAT64 if kind in _WHOLE else FLOAT32
        a, b = c.input("a", "any", dtype=wide), c.input("b", "any", dtype=wide)
        near = "(ABS(a - b) <= t + s * ABS(b)) & (b - b == K(0))"
        text = f"(a == b) | {near}" + (" | (a != a) & (b != b)" if self.equal_nan else "")
        group, floats = compile_tree(expr.parse(text), "ab", {"s": self.rtol, "t": self.atol})
        flags, out = c.temp(a.shape, wide), c.output()
        if not a.size:
            emit(c, group_of((ROWS["ones_like"].forward,))[0], [out], [])
            return
        emit(c, group, [flags], [a, b], floats)
        total = c.temp((1,), wide)
        reduce(c, "reduce_min", total, flags, range(len(a.shape)))
        c.cast(out, total)


_WHOLE = (CODES["int32"], CODES["int64"])


def _rows(t: Tensor, k: int, n: int) -> tuple[int, ...]:
    """Strides that show matrix `k` of `n` as part of their product (rows 0, ..., rows n - 1, columns)."""
    return (*(t.strides[0] * (i == k) for i in range(n)), t.strides[1])


class _KhatriRaoBackward(Backward):
    """The head gradient times the other matrices, summed over their rows."""

    needs = ("ograd",)

    def read_names(self) -> tuple[str, ...]:
        return ("ograd", *self.forward.input_names())

    def lower(self, c: LowerContext) -> None:
        names = self.forward.input_names()
        ins, n = [c.input(name, "any") for name in names], len(names)
        full = (*(x.shape[0] for x in ins), ins[0].shape[1])
        times, _ = group_of((ROWS["elemwise_mul"].forward,))
        for wanted in self.wanted:
            at = names.index(wanted)
            part = c.input("ograd").view(full)
            for k, x in enumerate(ins):
                if k != at:
                    product = c.temp(full, x.dtype)
                    emit(c, times, [product], [part, x.view(full, 0, _rows(x, k, n))])
                    part = product
            emit_sum(c, c.output(wanted), part, tuple(i for i in range(n) if i != at))


class KhatriRao(OpDef):
    """Column-wise Kronecker product: column j of the output is the Kronecker product of the columns j of all
    matrices. Inputs (m1, n), ..., (mk, n); output (m1 ... mk, n). (MXNet: khatri_rao)
    """

    name = "khatri_rao"
    variadic = "num_args"
    backward = _KhatriRaoBackward

    num_args = Int(doc="Number of matrices.", min=1)

    def infer_shape(self, s: ShapeRule) -> None:
        for i, shape in enumerate(s.ins):
            if shape is not None and len(shape) != 2:
                raise ShapeError(f"khatri_rao: input {i} must be a matrix, got {show(shape)}")
        known = [*s.ins, *s.outs]
        columns = next((x[1] for x in known if x is not None and x[1] >= 0), -1)
        ins = [s.meet_in(i, (-1, columns)) for i in range(len(s.ins))]
        rows = [x[0] for x in ins if x is not None]
        s.meet_out(0, (num_elements(rows) if min(rows) >= 0 else -1, columns))

    def lower(self, c: LowerContext) -> None:
        ins, out = c.inputs("any"), c.output()
        times, _ = group_of((ROWS["elemwise_mul"].forward,))
        total = ins[0]
        if len(ins) == 1:
            c.copy(out, total)
        for k, x in enumerate(ins[1:], 2):
            rows, columns = total.shape
            shape = (rows, x.shape[0], columns)
            last = k == len(ins)
            y = out.view(shape) if last else c.temp(shape, x.dtype)
            emit(c, times, [y], [total.view(shape, 0, _rows(total, 0, 2)), x.view(shape, 0, _rows(x, 1, 2))])
            total = y.view((rows * x.shape[0], columns))
