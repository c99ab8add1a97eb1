"""Orthogonal factorisations: _linalg_gelqf (LQ) and _linalg_syevd (symmetric eigenvectors).

One item, or work-group, a matrix: kernels `gelqf` and `syevd` of linalg_spectral.c. Signs are LAPACK's for LQ
and MXNet's for eigenvectors (the largest element of each is positive). Gradients are graphs of operators.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

from ..base import ShapeError
from .linalg import REALS, matrix_shape, plus_transposed
from .linalg_tri import mirrored
from .rules import ShapeRule, show
from .schema import OpDef

if TYPE_CHECKING:
    from ..passes.gradient import GradContext
    from ..passes.lower import LowerContext


class Gelqf(OpDef):
    """LQ factorisation ``A = L Q`` by Householder reflections.

    A: (..., m, n) with m <= n; outputs: Q (..., m, n) with orthonormal rows, L (..., m, m) lower triangular.
    As in LAPACK the diagonal of L has the sign opposite to that of the element reflected. The gradient needs
    A of full rank. Source: LAPACK gelqf and orglq, MXNet's linalg_gelqf.
    """

    name = "_linalg_gelqf"
    aliases = ("linalg_gelqf",)
    inputs = ("A",)
    outputs = ("output0", "output1")
    has_own_output_names = True
    dtypes = REALS

    def infer_shape(self, s: ShapeRule) -> None:
        a = matrix_shape(self.name, "A", s.ins[0], square=False)
        if a is None:
            return
        if a[-2] > a[-1]:
            raise ShapeError(f"{self.name}: A must have no more rows than columns, got {show(a)}")
        s.meet_out(0, a)
        s.meet_out(1, (*a[:-1], a[-2]))

    def gradient(self, g: GradContext) -> list[Any]:
        """L^-T (dQ + P Q), P the symmetric matrix with the lower triangle of L^T dL - dQ Q^T."""
        q, factor = g.outs
        dq, dl = g.ograd(0), g.ograd(1)
        left = g.make("_linalg_gemm2", factor, dl, transpose_a=True)
        right = g.make("_linalg_gemm2", dq, q, transpose_b=True)
        p = mirrored(g, g.make("elemwise_sub", left, right))
        inside = g.make("elemwise_add", dq, g.make("_linalg_gemm2", p, q))
        return [g.make("_linalg_trsm", factor, inside, like=g.ins[0], transpose=True)]

    def lower(self, c: LowerContext) -> None:
        a, q, factor = c.input("A"), c.output("output0"), c.output("output1")
        *lead, m, n = a.shape
        if a.size == 0:
            return
        scales = c.temp((*lead, m), a.dtype)
        items, cost = prod(lead), 100.0 + m * m * n
        c.call("gelqf", [q, factor], [a], [m, n], items=items, cost=cost, work=[scales], inplace=[(0, 0)])


class Syevd(OpDef):
    """Eigenvalues and eigenvectors of symmetric matrices: ``A = U^T diag(L) U``.

    A: (..., n, n), of which only the lower triangle is read; outputs: U (..., n, n), whose rows are the
    eigenvectors, each with its element of largest magnitude positive, and the eigenvalues L (..., n),
    ascending. Tridiagonal reduction and QL steps with implicit shifts. A matrix with NaN or infinities gives
    NaN. The gradient is symmetric; between equal eigenvalues, where U is not differentiable, it takes U for
    constant. Source: LAPACK syevd, MXNet's linalg_syevd.
    """

    name = "_linalg_syevd"
    aliases = ("linalg_syevd",)
    inputs = ("A",)
    outputs = ("output0", "output1")
    has_own_output_names = True
    dtypes = REALS

    def infer_shape(self, s: ShapeRule) -> None:
        a = matrix_shape(self.name, "A", s.ins[0])
        if a is not None:
            s.meet_out(0, a)
            s.meet_out(1, a[:-1])

    def gradient(self, g: GradContext) -> list[Any]:
        """U^T S U, S the symmetric part of diag(dL) + F o (U dU^T), F[i][j] = 1 / (L[j] - L[i]) or 0."""
        u, values = g.outs
        inside = g.make("_linalg_makediag", g.ograd(1), like=u)
        if g.ograds[0] is not None:
            column, row = g.make("expand_dims", values, axis=-1), g.make("expand_dims", values, axis=-2)
            gap = g.make("broadcast_sub", row, column, like=u)
            none = g.make("_equal_scalar", gap, scalar=0.0)  # 1 where there is no gap: 0 / 1 instead of 1 / 0
            product = g.make("_linalg_gemm2", u, g.ograd(0), transpose_b=True)
            product = g.make("elemwise_mul", product, g.make("_rminus_scalar", none, scalar=1.0))
            share = g.make("elemwise_div", product, g.make("elemwise_add", gap, none))
            half = g.make("_mul_scalar", plus_transposed(g, share), scalar=0.5)
            inside = g.make("elemwise_add", inside, half)
        left = g.make("_linalg_gemm2", u, inside, transpose_a=True)
        return [g.make("_linalg_gemm2", left, u, like=g.ins[0])]

    def lower(self, c: LowerContext) -> None:
        a, u, values = c.input("A"), c.output("output0"), c.output("output1")
        *lead, n, _ = a.shape
        if a.size == 0:
            return
        reduced, scratch = c.temp(a.shape, a.dtype), c.temp((*lead, 4, n), a.dtype)
        work, cost = [reduced, scratch], 200.0 + 4.0 * n**3
        c.call("syevd", [u, values], [a], [n], items=prod(lead), cost=cost, work=work)
