"""Cholesky and LU: _linalg_potrf, potri, inverse, det and slogdet.

Panels of 64 columns are factorised by the kernels of linalg_factor.c, one item a matrix; the rest is `solve`
(linalg_tri.py) and products. Nothing is looked at while a program runs, so what MXNet's CPU refuses with an
error (an indefinite matrix, a singular one) becomes NaN in that matrix. Gradients are graphs of operators.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

from ..dtypes import CODES
from .dot import matmul, pieces
from .linalg import REALS, matrix_shape, plus_transposed
from .linalg_tri import BLOCK, Matrices, dense, mirrored, only_lower, solve, subtract_product
from .rules import ShapeRule
from .schema import OpDef

if TYPE_CHECKING:
    from ..passes.gradient import Entry, GradContext
    from ..passes.ir import Tensor
    from ..passes.lower import LowerContext

INT32 = CODES["int32"]


class _Square(OpDef):
    """Square matrices (..., n, n) in, as many out."""

    inputs = ("A",)
    dtypes = REALS

    def infer_shape(self, s: ShapeRule) -> None:
        s.same()
        matrix_shape(self.name, "A", s.ins[0])


class Potrf(_Square):
    """Cholesky factorisation ``A = L L^T``: the lower triangular L of symmetric, positive definite A.

    A and output: (..., n, n). Only the lower triangle of A is read; its gradient is symmetric. The triangle
    of a matrix that is not positive definite is NaN (MXNet raises an error). Source: LAPACK potrf, MXNet's
    linalg_potrf.
    """

    name = "_linalg_potrf"
    aliases = ("linalg_potrf",)

    def gradient(self, g: GradContext) -> list[Any]:
        """1/2 L^-T P L^-1, P the symmetric matrix with the lower triangle of L^T dL."""
        factor = g.outs[0]
        p = mirrored(g, g.make("_linalg_gemm2", factor, g.ograd(), transpose_a=True))
        half = g.make("_linalg_trsm", factor, p, rightside=True, alpha=0.5)
        return [g.make("_linalg_trsm", factor, half, like=g.ins[0], transpose=True)]

    def lower(self, c: LowerContext) -> None:
        a, y = c.input("A"), c.output()
        *lead, n, _ = a.shape
        batch = prod(lead)
        if a.size == 0:
            return
        if n <= BLOCK:
            _potrf_block(c, dense(y), dense(a), n, batch)
            return
        c.copy(y, a)
        whole = dense(y)
        for k in range(0, n, BLOCK):
            nb, below = min(BLOCK, n - k), min(k + BLOCK, n)
            if k:  # the strip A[k:, k:k + nb] minus L[k:, :k] L[k:k + nb, :k]^T
                rows = whole.at(k, 0)
                subtract_product(c, whole.at(k, k), rows, rows.flipped, (n - k, nb, k), batch)
            block = whole.at(k, k)
            _potrf_block(c, block, block, nb, batch)
            if below < n:  # X L^T = B is L X^T = B^T
                solve(c, block, whole.at(below, k).flipped, (nb, n - below), batch, lower=True)
        c.call("potrf_finish", [y], [y], [n], items=batch * n, cost=5.0 + n / 8, inplace=[(0, 0)])


def _potrf_block(c: LowerContext, y: Matrices, x: Matrices, n: int, batch: int) -> None:
    ints = [n, y.row, y.batch, x.row, x.batch]
    c.call("potrf_block", [y.tensor], [x.tensor], ints, items=batch, cost=50.0 + n**3 / 12, inplace=[(0, 0)])


class Potri(_Square):
    """Inverse from a Cholesky factor: ``(L L^T)^-1`` for lower triangular L.

    A, which is L, and output: (..., n, n). Only the lower triangle is read. A zero on its diagonal makes the
    matrix infinite or NaN (MXNet raises an error). Source: LAPACK potri, MXNet's linalg_potri.
    """

    name = "_linalg_potri"
    aliases = ("linalg_potri",)

    def gradient(self, g: GradContext) -> list[Any]:
        """The lower triangle of -B (G + G^T) L^-T, B the output."""
        product = g.make("_linalg_gemm2", g.outs[0], plus_transposed(g, g.ograd()))
        flags = {"rightside": True, "transpose": True, "alpha": -1.0}
        return [only_lower(g, g.make("_linalg_trsm", g.ins[0], product, like=g.ins[0], **flags))]

    def lower(self, c: LowerContext) -> None:
        a, y = c.input("A"), c.output()
        *lead, n, _ = a.shape
        batch = prod(lead)
        if a.size == 0:
            return
        inverse = c.temp(a.shape, a.dtype)
        c.call("identity_matrix", [inverse], [], [n], items=batch * n, cost=5.0 + n / 8)
        solve(c, dense(a), dense(inverse), (n, n), batch, lower=True)
        x = dense(inverse)
        matmul(
            c, y, inverse, inverse, (n, n, n), (1, x.row), (x.row, 1), n,
            batch=batch, batch_strides=(x.batch, x.batch, x.batch),
        )  # fmt: skip


def factorise(c: LowerContext, a: Tensor) -> tuple[Tensor, Tensor]:
    """P A = L U with partial pivoting: L (its diagonal of ones not stored) and U in one matrix, and int32
    (batch, 2, n): the row exchanged with row k in step k, and the row of A that became row i.
    """
    *lead, n, _ = a.shape
    batch = prod(lead)
    lu, pivots = c.temp(a.shape, a.dtype), c.temp((batch, 2, n), INT32)
    c.copy(lu, a)
    whole = dense(lu)
    for k in range(0, n, BLOCK):
        nb, after = min(BLOCK, n - k), min(k + BLOCK, n)
        cost = 100.0 + nb * nb * (n - k) / 4
        c.call("lu_panel", [lu, pivots], [lu, pivots], [n, k, nb], items=batch, cost=cost)
        if n > nb:
            items = batch * pieces(n, BLOCK)
            c.call("lu_exchange", [lu], [lu, pivots], [n, k, nb], items=items, cost=50.0 + 10 * nb)
        if after < n:
            beside, below, rest = whole.at(k, after), whole.at(after, k), whole.at(after, after)
            solve(c, whole.at(k, k), beside, (nb, n - after), batch, lower=True, unit=True)
            subtract_product(c, rest, below, beside, (n - after, n - after, nb), batch)
    return lu, pivots


class Inverse(_Square):
    """Inverse of every matrix: A and output (..., n, n), by LU factorisation with partial pivoting.

    A singular matrix (a pivot is exactly zero) gives NaN (MXNet raises an error). Source: MXNet's
    linalg_inverse.
    """

    name = "_linalg_inverse"
    aliases = ("linalg_inverse",)

    def gradient(self, g: GradContext) -> list[Any]:
        """-B^T G B^T, B the output."""
        left = g.make("_linalg_gemm2", g.outs[0], g.ograd(), transpose_a=True)
        return [g.make("_linalg_gemm2", left, g.outs[0], like=g.ins[0], transpose_b=True, alpha=-1.0)]

    def lower(self, c: LowerContext) -> None:
        a = c.input("A")
        *lead, n, _ = a.shape
        batch = prod(lead)
        if a.size == 0:
            return
        y = c.output()
        lu, pivots = factorise(c, a)
        c.call("lu_identity", [y], [lu, pivots], [n], items=batch, cost=20.0 + n * n / 8)
        solve(c, dense(lu), dense(y), (n, n), batch, lower=True, unit=True)
        solve(c, dense(lu), dense(y), (n, n), batch, lower=False)


class _Determinant(OpDef):
    inputs = ("A",)
    has_own_output_names = True
    dtypes = REALS

    def infer_shape(self, s: ShapeRule) -> None:
        a = matrix_shape(self.name, "A", s.ins[0])
        if a is not None:
            for i in range(len(self.outputs)):
                s.meet_out(i, a[:-2] or (1,))

    def scaled_inverse(self, g: GradContext, factor: Entry, test: Entry) -> Entry:
        """factor A^-T; zeros, as MXNet has it, where `test` is zero. `factor` and `test` are one a matrix."""
        a = g.ins[0]
        first = g.make("slice_axis", a, axis=-1, begin=0, end=1)
        first = g.make("slice_axis", first, axis=-2, begin=0, end=1)
        factor, test = (g.make("reshape_like", e, first) for e in (factor, test))
        inverse = g.make("SwapAxis", g.make("_linalg_inverse", a), dim1=-2, dim2=-1)
        zero = g.make("zeros_like", a)
        regular = g.make("broadcast_add", zero, g.make("_not_equal_scalar", test, scalar=0.0))
        return g.make("where", regular, g.make("broadcast_mul", inverse, factor), zero, like=a)

    def lower(self, c: LowerContext) -> None:
        a = c.input("A")
        n = a.shape[-1]
        lu, pivots = factorise(c, a)
        outs = [c.output(o) for o in self.outputs]
        kernel = "lu_det" if len(outs) == 1 else "lu_slogdet"
        c.call(kernel, outs, [lu, pivots], [n], items=prod(a.shape[:-2]), cost=10.0 + 10 * n)


class Det(_Determinant):
    """Determinant of every matrix: A (..., n, n) gives (...), a single matrix gives (1,).

    The gradient of a singular matrix is zero. Source: MXNet's linalg_det.
    """

    name = "_linalg_det"
    aliases = ("linalg_det",)
    outputs = ("output0",)

    def gradient(self, g: GradContext) -> list[Any]:
        return [self.scaled_inverse(g, g.make("elemwise_mul", g.ograd(), g.outs[0]), g.outs[0])]


class SLogDet(_Determinant):
    """Sign of the determinant and logarithm of its absolute value: A (..., n, n) gives twice (...), a single
    matrix twice (1,). The sign of a singular matrix is 0, its logarithm -inf, its gradient zero; signs have
    no gradient. Source: MXNet's linalg_slogdet.
    """

    name = "_linalg_slogdet"
    aliases = ("linalg_slogdet",)
    outputs = ("output0", "output1")

    def gradient(self, g: GradContext) -> list[Any]:
        return [self.scaled_inverse(g, g.ograd(1), g.outs[0])]
