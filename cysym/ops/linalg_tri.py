"""Triangular matrices: _linalg_trmm, _linalg_trsm, and `solve`, the substitution other factorisations use.

The other triangle of a matrix is never read. A solve of any size is cut into diagonal blocks of 64 (kernel
`trsm`, linalg_tri.c) and products in between, emitted by `matmul`: the sizes decide, never the device.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple

from ..base import ShapeError
from .dot import matmul, pieces
from .linalg import REALS, matrix_shape
from .rules import ShapeRule, show
from .schema import Bool, Float, OpDef

if TYPE_CHECKING:
    from ..passes.gradient import Entry, GradContext
    from ..passes.ir import Tensor
    from ..passes.lower import LowerContext

# Rows of a diagonal block, and right-hand sides of one item: TRSM_ROWS and TRSM_COLS of linalg_tri.c.
BLOCK, CHUNK = 64, 32


class Matrices(NamedTuple):
    """Equally spaced matrices inside a tensor; distances of rows, columns and matrices in elements."""

    tensor: Tensor
    row: int
    col: int
    batch: int

    @property
    def flipped(self) -> Matrices:
        """Their transposes: the same memory."""
        return Matrices(self.tensor, self.col, self.row, self.batch)

    def at(self, i: int, j: int) -> Matrices:
        """The part that begins in row `i` and column `j`: a pointer, the kernels are told its size."""
        offset = (i * self.row + j * self.col) * self.tensor.itemsize
        return Matrices(self.tensor.view((), offset, ()), self.row, self.col, self.batch)


def dense(t: Tensor) -> Matrices:
    """Row-major matrices, the last two axes of `t`."""
    return Matrices(t, t.shape[-1], 1, t.shape[-1] * t.shape[-2])


def subtract_product(
    c: LowerContext,
    y: Matrices,
    a: Matrices,
    b: Matrices,
    size: tuple[int, int, int],
    batch: int,
    beta: float = 1.0,
) -> None:
    """Y = beta Y - A B in place, `size` as for `matmul`."""
    if y.col != 1:
        y, a, b, size = y.flipped, b.flipped, a.flipped, (size[1], size[0], size[2])
    matmul(
        c, y.tensor, a.tensor, b.tensor, size, (a.row, a.col), (b.row, b.col), y.row,
        addend=y.tensor, alpha=-1.0, beta=beta, batch=batch, batch_strides=(a.batch, b.batch, y.batch),
    )  # fmt: skip


def solve(
    c: LowerContext,
    t: Matrices,
    x: Matrices,
    size: tuple[int, int],
    batch: int,
    *,
    lower: bool,
    unit: bool = False,
    alpha: float = 1.0,
) -> None:
    """X = T^-1 (alpha X) in place for `size` = (n, m): T n x n triangular (`unit`: ones on its diagonal)."""
    n, m = size
    starts = list(range(0, n, BLOCK))
    for k in starts if lower else starts[::-1]:
        nb = min(BLOCK, n - k)
        first, last = (0, k) if lower else (k + nb, n)  # rows already solved
        if last > first:
            here, done = x.at(k, 0), x.at(first, 0)
            subtract_product(c, here, t.at(k, first), done, (nb, m, last - first), batch, alpha)
        a, b = t.at(k, k), x.at(k, 0)
        ints = [nb, m, a.row, a.col, b.row, b.col, a.batch, b.batch, lower, unit]
        scale = 1.0 if last > first else alpha
        cost = 50.0 + nb * nb * CHUNK / 16
        items = batch * pieces(m, CHUNK)
        c.call("trsm", [b.tensor], [b.tensor, a.tensor], ints, [scale], items=items, cost=cost)


def only_lower(g: GradContext, x: Entry, lower: bool = True) -> Entry:
    """`x` with zeros in the other triangle."""
    packed = g.make("_linalg_extracttrian", x, lower=lower)
    return g.make("_linalg_maketrian", packed, lower=lower)


def mirrored(g: GradContext, x: Entry) -> Entry:
    """The symmetric matrix with the lower triangle of `x`."""
    packed = g.make("_linalg_extracttrian", x)
    halves = [g.make("_linalg_maketrian", packed, lower=lower) for lower in (True, False)]
    diagonal = g.make("_linalg_makediag", g.make("_linalg_extractdiag", x))
    return g.make("elemwise_sub", g.make("elemwise_add", *halves), diagonal)


class _Triangular(OpDef):
    """What trmm and trsm share."""

    inputs = ("A", "B")
    dtypes = REALS

    transpose = Bool(False, "Use transposed of the triangular matrix")
    rightside = Bool(False, "Multiply triangular matrix from the right to non-triangular one.")
    lower_ = Bool(True, "True if the triangular matrix is lower triangular, false if it is upper triangular.")
    alpha = Float(1.0, "Scalar factor to be applied to the result.")

    def infer_shape(self, s: ShapeRule) -> None:
        a = matrix_shape(self.name, "A", s.ins[0])
        b = matrix_shape(self.name, "B", s.ins[1], square=False)
        if a is None or b is None:
            return
        side = b[-1] if self.rightside else b[-2]
        if len(a) != len(b) or a[:-2] != b[:-2] or side != a[-1]:
            raise ShapeError(
                f"{self.name}: A {show(a)} and B {show(b)} do not fit with rightside={self.rightside}: "
                f"expected {a[-1]} {'columns' if self.rightside else 'rows'} in B and equal leading axes"
            )
        s.meet_out(0, b)

    def flags(self, **other: Any) -> dict[str, Any]:
        """Parameters of an operator on the same triangle."""
        return {"transpose": self.transpose, "rightside": self.rightside, "lower": self.lower_, **other}

    def triangle_gradient(self, g: GradContext, head: Entry, other: Entry, alpha: float) -> Entry:
        """Gradient of A where d op(A) = alpha head other^T, or alpha other^T head from the right."""
        left, right = (other, head) if self.rightside else (head, other)
        flags: dict[str, Any] = {"transpose_a": self.rightside, "transpose_b": not self.rightside}
        if self.transpose:
            left, right = right, left
        full = g.make("_linalg_gemm2", left, right, alpha=alpha, **flags)
        return only_lower(g, full, self.lower_)


class Trmm(_Triangular):
    """Product with a triangular matrix: ``alpha op(A) B``, with `rightside` ``alpha B op(A)``.

    A: (..., n, n), of which only the lower triangle is read (the upper one with ``lower=False``), op(A) = A
    or A^T (`transpose`); B and output: (..., n, m), with `rightside` (..., m, n). Source: BLAS trmm, MXNet's
    linalg_trmm.
    """

    name = "_linalg_trmm"
    aliases = ("linalg_trmm",)

    def gradient(self, g: GradContext) -> list[Any]:
        a, b = g.ins
        flags = self.flags(transpose=not self.transpose, alpha=self.alpha)
        return [
            self.triangle_gradient(g, g.ograd(), b, self.alpha),
            g.make("_linalg_trmm", a, g.ograd(), like=b, **flags),
        ]

    def lower(self, c: LowerContext) -> None:
        a, b, out = c.input("A"), c.input("B"), c.output()
        n, (m, k) = a.shape[-1], b.shape[-2:]
        t = c.temp(a.shape, a.dtype)
        c.call("tri_keep", [t], [a], [n, self.lower_], items=a.size // max(n, 1), cost=5.0 + n / 4)
        tri = dense(t).flipped if self.transpose else dense(t)
        left, right = (dense(b), tri) if self.rightside else (tri, dense(b))
        matmul(
            c, out, left.tensor, right.tensor, (m, k, n), (left.row, left.col), (right.row, right.col), k,
            alpha=self.alpha, batch=prod(b.shape[:-2]), batch_strides=(left.batch, right.batch, m * k),
        )  # fmt: skip


class Trsm(_Triangular):
    """Solves with a triangular matrix: ``op(A) X = alpha B``, with `rightside` ``X op(A) = alpha B``.

    A: (..., n, n), of which only the lower triangle is read (the upper one with ``lower=False``), op(A) = A
    or A^T (`transpose`); B and output X: (..., n, m), with `rightside` (..., m, n). A zero on the diagonal
    gives infinities and NaN. Source: BLAS trsm, MXNet's linalg_trsm.
    """

    name = "_linalg_trsm"
    aliases = ("linalg_trsm",)

    def gradient(self, g: GradContext) -> list[Any]:
        """Z = op(A)^-T G; dB = alpha Z and d op(A) = -Z X^T, from the right -X^T Z."""
        a, b = g.ins
        z = g.make("_linalg_trsm", a, g.ograd(), like=b, **self.flags(transpose=not self.transpose))
        db = z if self.alpha == 1 else g.make("_mul_scalar", z, like=b, scalar=self.alpha)
        return [self.triangle_gradient(g, z, g.outs[0], -1.0), db]

    def lower(self, c: LowerContext) -> None:
        a, b, x = c.input("A"), c.input("B"), c.output()
        batch, (rows, cols) = prod(b.shape[:-2]), b.shape[-2:]
        c.copy(x, b)
        t = dense(a).flipped if self.transpose else dense(a)
        y, size = dense(x), (rows, cols)
        if self.rightside:  # X op(A) = B is op(A)^T X^T = B^T
            t, y, size = t.flipped, y.flipped, (cols, rows)
        lower = self.lower_ != (self.transpose != self.rightside)
        if x.size:
            solve(c, t, y, size, batch, lower=lower, alpha=self.alpha)


__all__ = ["BLOCK", "Matrices", "dense", "mirrored", "only_lower", "solve", "subtract_product"]
