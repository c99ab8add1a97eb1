"""Diagonals and packed triangles of matrices: extractdiag, makediag, extracttrian, maketrian, sumlogdiag.

A diagonal is a strided look at a matrix: reading it is a view, writing it a copy into zeros, without kernels.
Triangles are packed and unpacked by the kernels of linalg_diag.c. Each pair is its own gradient.
"""

from __future__ import annotations

from math import isqrt, prod
from typing import TYPE_CHECKING, Any

from ..base import ShapeError
from .linalg import REALS, matrix_shape
from .rules import Dims, ShapeRule, is_known, show
from .schema import Bool, Int, OpDef

if TYPE_CHECKING:
    from ..passes.gradient import GradContext
    from ..passes.ir import Tensor
    from ..passes.lower import LowerContext


def _diagonal(t: Tensor, offset: int) -> tuple[Dims, int, tuple[int, ...]]:
    """Shape, offset and strides (bytes) of a diagonal of dense matrices."""
    *lead, rows, cols = t.strides
    shape = (*t.shape[:-2], t.shape[-1] - abs(offset))
    return shape, max(offset, 0) * cols + max(-offset, 0) * rows, (*lead, rows + cols)


class _Extract(OpDef):
    inputs = ("A",)
    dtypes = REALS
    inverse = ""

    offset = Int(0, "Offset of the diagonal versus the main diagonal. 0 is the main one, positive is above.")

    def length(self, n: int) -> int:
        return n

    def infer_shape(self, s: ShapeRule) -> None:
        a = matrix_shape(self.name, "A", s.ins[0])
        if a is None:
            return
        n = a[-1] - abs(self.offset)
        if n < 0 or (n == 0 and self.offset):  # a matrix of nothing has a diagonal of nothing
            raise ShapeError(
                f"{self.name}: offset {self.offset} is outside a {a[-1]} x {a[-1]} matrix; "
                f"expected less than {a[-1]} in magnitude"
            )
        s.meet_out(0, (*a[:-2], self.length(n)))

    def gradient(self, g: GradContext) -> list[Any]:
        return [g.make(self.inverse, g.ograd(), like=g.ins[0], **self.values)]


class _Make(OpDef):
    inputs = ("A",)
    dtypes = REALS
    inverse = ""

    offset = Int(0, "Offset of the diagonal versus the main diagonal. 0 is the main one, positive is above.")

    def size(self, length: int) -> int:
        return length

    def infer_shape(self, s: ShapeRule) -> None:
        a = s.ins[0]
        if a is None:
            return
        if not a:
            raise ShapeError(f"{self.name}: A must have at least 1 dimension, got {show(a)}")
        if is_known(a):
            n = self.size(a[-1]) + abs(self.offset)
            s.meet_out(0, (*a[:-1], n, n))

    def gradient(self, g: GradContext) -> list[Any]:
        return [g.make(self.inverse, g.ograd(), like=g.ins[0], **self.values)]


class ExtractDiag(_Extract):
    """A diagonal of every matrix: A (..., n, n) gives (..., n - abs(offset)). Source: MXNet's
    linalg_extractdiag.
    """

    name = "_linalg_extractdiag"
    aliases = ("linalg_extractdiag",)
    inverse = "_linalg_makediag"

    def lower(self, c: LowerContext) -> None:
        a = c.input("A")
        _, offset, strides = _diagonal(a, self.offset)
        c.alias("output", a, offset, strides)


class MakeDiag(_Make):
    """Matrices of zeros with one diagonal given: A (..., n) gives (..., m, m), m = n + abs(offset). Source:
    MXNet's linalg_makediag.
    """

    name = "_linalg_makediag"
    aliases = ("linalg_makediag",)
    inverse = "_linalg_extractdiag"

    def lower(self, c: LowerContext) -> None:
        out = c.output()
        c.zero(out)
        if c.shape("A")[-1]:
            c.copy(out.view(*_diagonal(out, self.offset)), c.input("A", "any"))


class ExtractTrian(_Extract):
    """A triangle of every matrix as a vector, row by row (of an upper one column by column).

    A (..., n, n) gives (..., m (m + 1) / 2), m = n - abs(offset). Offset 0 takes the triangle `lower` names,
    its diagonal included; a positive offset the upper triangle that begins at that diagonal, a negative one
    the lower. Source: MXNet's linalg_extracttrian.
    """

    name = "_linalg_extracttrian"
    aliases = ("linalg_extracttrian",)
    inverse = "_linalg_maketrian"

    lower_ = Bool(
        True, "Refer to the lower triangular matrix if lower=true, otherwise to the upper triangular."
    )

    def length(self, n: int) -> int:
        return n * (n + 1) // 2

    def lower(self, c: LowerContext) -> None:
        a, out = c.input("A"), c.output()
        n = a.shape[-1]
        ints = [n, self.offset, self.lower_ if self.offset == 0 else self.offset < 0, out.shape[-1]]
        c.call("trian_pack", [out], [a], ints, items=prod(a.shape[:-1]), cost=5.0 + n / 2)


class MakeTrian(_Make):
    """Matrices of zeros with one triangle given as a vector: the inverse of extracttrian.

    A (..., m (m + 1) / 2) gives (..., n, n), n = m + abs(offset). Source: MXNet's linalg_maketrian.
    """

    name = "_linalg_maketrian"
    aliases = ("linalg_maketrian",)
    inverse = "_linalg_extracttrian"

    lower_ = Bool(
        True, "Refer to the lower triangular matrix if lower=true, otherwise to the upper triangular."
    )

    def size(self, length: int) -> int:
        m = (isqrt(8 * length + 1) - 1) // 2
        if m * (m + 1) // 2 != length:
            raise ShapeError(
                f"{self.name}: the last axis of A must be m (m + 1) / 2 = 1, 3, 6, ..., got {length}"
            )
        return m

    def lower(self, c: LowerContext) -> None:
        a, out = c.input("A"), c.output()
        n = out.shape[-1]
        ints = [n, self.offset, self.lower_ if self.offset == 0 else self.offset < 0, a.shape[-1]]
        c.call("trian_unpack", [out], [a], ints, items=prod(out.shape[:-1]), cost=5.0 + n / 2)


class SumLogDiag(OpDef):
    """Sum of the logarithms of the diagonal: A (..., n, n) gives (...), a single matrix gives (1,). Half the
    log-determinant where A is a Cholesky factor. Source: MXNet's linalg_sumlogdiag.
    """

    name = "_linalg_sumlogdiag"
    aliases = ("linalg_sumlogdiag",)
    inputs = ("A",)
    dtypes = REALS

    def infer_shape(self, s: ShapeRule) -> None:
        a = matrix_shape(self.name, "A", s.ins[0])
        if a is not None:
            s.meet_out(0, a[:-2] or (1,))

    def gradient(self, g: GradContext) -> list[Any]:
        diagonal = g.make("_linalg_extractdiag", g.ins[0])
        first = g.make("slice_axis", diagonal, axis=-1, begin=0, end=1)
        share = g.make("broadcast_div", g.make("reshape_like", g.ograd(), first), diagonal)
        return [g.make("_linalg_makediag", share, like=g.ins[0])]

    def lower(self, c: LowerContext) -> None:
        a = c.input("A")
        n = a.shape[-1]
        c.call("sumlogdiag", [c.output()], [a], [n], items=prod(a.shape[:-2]), cost=10.0 + 10 * n)
