"""Products of batches of matrices: _linalg_gemm2, _linalg_gemm and _linalg_syrk.

All three are one call of `matmul` (dot.py); there is no kernel of this name. Leading axes count matrices.
With `axis` the rows of a matrix run along another axis; operands whose batch then lies on both sides of the
rows are copied into order first.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple

from ..base import ShapeError
from .dot import matmul, product_gradients
from .rules import FLOATS, Dims, ShapeRule, is_known, show
from .schema import Bool, Float, Int, OpDef

if TYPE_CHECKING:
    from ..passes.gradient import Entry, GradContext
    from ..passes.ir import Tensor
    from ..passes.lower import LowerContext

REALS: tuple[str, ...] = ("float32", "float64")


def matrix_shape(name: str, what: str, shape: Dims | None, square: bool = True) -> Dims | None:
    """`shape` if all of it is known; refused if it does not end in the two axes of a (square) matrix."""
    if shape is None:
        return None
    kind = "square matrices (..., n, n)" if square else "matrices (..., m, n)"
    if len(shape) < 2 or (square and shape[-1] != shape[-2] and min(shape[-2:]) >= 0):
        raise ShapeError(f"{name}: {what} must be a tensor of {kind}, got {show(shape)}")
    return shape if is_known(shape) else None


def plus_transposed(g: GradContext, x: Entry) -> Entry:
    """x + x^T of every matrix."""
    return g.make("elemwise_add", x, g.make("SwapAxis", x, dim1=-2, dim2=-1))


class _Placed(NamedTuple):
    """A batch of matrices in memory: the distances (in elements) of rows and of matrices."""

    tensor: Tensor
    rows: int
    cols: int
    row: int
    batch: int
    copy_to: Tensor | None = None

    def strides(self, transposed: bool) -> tuple[int, int]:
        return (1, self.row) if transposed else (self.row, 1)

    def size(self, transposed: bool) -> tuple[int, int]:
        return (self.cols, self.rows) if transposed else (self.rows, self.cols)


def _place(c: LowerContext, t: Tensor, axis: int, is_output: bool = False) -> _Placed:
    """`t`, whose rows run along `axis`, as evenly spaced matrices; an output is copied back by the caller."""
    *_, cols = t.shape
    rows, before, between = t.shape[axis], prod(t.shape[:axis]), prod(t.shape[axis + 1 : -1])
    if before == 1 or between == 1:
        return _Placed(t, rows, cols, between * cols, rows * cols if between == 1 else cols)
    order = [i for i in range(len(t.shape) - 1) if i != axis] + [axis, len(t.shape) - 1]
    shape = tuple(t.shape[i] for i in order)
    look, tmp = t.view(shape, 0, tuple(t.strides[i] for i in order)), c.temp(shape, t.dtype)
    if not is_output:
        c.copy(tmp, look)
    return _Placed(tmp, rows, cols, cols, rows * cols, look if is_output else None)


class _Gemm(OpDef):
    """What gemm and gemm2 share."""

    outputs = ("output",)
    dtypes = REALS

    transpose_a = Bool(False, "Multiply with transposed of first input (A).")
    transpose_b = Bool(False, "Multiply with transposed of second input (B).")
    alpha = Float(1.0, "Scalar factor multiplied with A*B.")
    axis = Int(-2, "Axis corresponding to the matrix rows.")

    def row_axis(self, ndim: int) -> int:
        axis = self.axis + ndim if self.axis < 0 else self.axis
        if not 0 <= axis < ndim - 1:
            raise ShapeError(
                f"{self.name}: axis {self.axis} is no row axis of {ndim} dimensions; "
                f"expected 0 to {ndim - 2} or {-ndim} to -2"
            )
        return axis

    def infer_shape(self, s: ShapeRule) -> None:
        shapes = [matrix_shape(self.name, n, s.get(i), square=False) for i, n in enumerate("AB")]
        a, b = shapes
        if a is None or b is None:
            return
        if len(a) != len(b):
            raise ShapeError(
                f"{self.name}: A and B need the same number of dimensions, got {show(a)} and {show(b)}"
            )
        axis = self.row_axis(len(a))
        (m, ka) = (a[-1], a[axis]) if self.transpose_a else (a[axis], a[-1])
        (kb, n) = (b[-1], b[axis]) if self.transpose_b else (b[axis], b[-1])
        rest = [(a[i], b[i]) for i in range(len(a) - 1) if i != axis]
        if ka != kb or any(x != y for x, y in rest):
            flags = f"transpose_a={self.transpose_a}, transpose_b={self.transpose_b}, axis={self.axis}"
            raise ShapeError(
                f"{self.name}: A {show(a)} and B {show(b)} cannot be multiplied ({flags}): the inner "
                f"dimensions are {ka} and {kb}, all others but rows and columns must be equal"
            )
        out = s.meet_out(0, (*a[:axis], m, *a[axis + 1 : -1], n))
        if len(self.inputs) == 3:
            s.meet_in(2, out)

    def gradient(self, g: GradContext) -> list[Any]:
        scale = {"alpha": self.alpha, "axis": self.axis}
        return [
            g.make("_linalg_gemm2", *pair, like=entry, **flags, **scale)
            for entry, pair, flags in product_gradients(g, self.transpose_a, self.transpose_b)
        ]

    def lower(self, c: LowerContext) -> None:
        out = c.output()
        axis = self.row_axis(len(out.shape))
        a, b = (_place(c, c.input(n), axis) for n in "AB")
        y = _place(c, out, axis, is_output=True)
        addend, beta = self.addend(c, axis)
        (m, k), n = a.size(self.transpose_a), b.size(self.transpose_b)[1]
        matmul(
            c, y.tensor, a.tensor, b.tensor, (m, n, k),
            a.strides(self.transpose_a), b.strides(self.transpose_b), y.row,
            addend=addend, alpha=self.alpha, beta=beta,
            batch=out.size // max(m * n, 1), batch_strides=(a.batch, b.batch, y.batch),
        )  # fmt: skip
        if y.copy_to is not None:
            c.copy(y.copy_to, y.tensor)

    def addend(self, c: LowerContext, axis: int) -> tuple[Tensor | None, float]:
        return None, 1.0


class Gemm2(_Gemm):
    """Matrix product ``output = alpha op(A) op(B)``, op(X) = X or X^T.

    A: (..., m, k), B: (..., k, n), output: (..., m, n), the axes in front being equal. With `axis` the rows
    of all three run along that axis instead of the last but one. Source: MXNet's linalg_gemm2.
    """

    name = "_linalg_gemm2"
    aliases = ("linalg_gemm2",)
    inputs = ("A", "B")
    dtypes = FLOATS


class Gemm(_Gemm):
    """Matrix product and sum ``output = alpha op(A) op(B) + beta C``, op(X) = X or X^T.

    A: (..., m, k), B: (..., k, n), C and output: (..., m, n), the axes in front being equal. With `axis` the
    rows of all four run along that axis instead of the last but one. Source: MXNet's linalg_gemm.
    """

    name = "_linalg_gemm"
    leading = ("transpose_a", "transpose_b", "alpha", "beta")
    aliases = ("linalg_gemm",)
    inputs = ("A", "B", "C")

    beta = Float(1.0, "Scalar factor multiplied with C.")

    def gradient(self, g: GradContext) -> list[Any]:
        c = g.make("_mul_scalar", g.ograd(), like=g.ins[2], scalar=self.beta)
        return [*super().gradient(g), c]

    def addend(self, c: LowerContext, axis: int) -> tuple[Tensor | None, float]:
        return _place(c, c.input("C"), axis).tensor, self.beta


class Syrk(OpDef):
    """Product of a matrix and its transpose: ``alpha A A^T``, or ``alpha A^T A`` with `transpose`.

    A: (..., m, n), output: (..., m, m), with `transpose` (..., n, n). Source: BLAS syrk, MXNet's linalg_syrk.
    """

    name = "_linalg_syrk"
    aliases = ("linalg_syrk",)
    inputs = ("A",)
    dtypes = REALS

    transpose = Bool(False, "Use transpose of input matrix.")
    alpha = Float(1.0, "Scalar factor to be applied to the result.")

    def infer_shape(self, s: ShapeRule) -> None:
        a = matrix_shape(self.name, "A", s.ins[0], square=False)
        if a is not None:
            size = a[-1] if self.transpose else a[-2]
            s.meet_out(0, (*a[:-2], size, size))

    def gradient(self, g: GradContext) -> list[Any]:
        head = plus_transposed(g, g.ograd())
        pair = (g.ins[0], head) if self.transpose else (head, g.ins[0])
        return [g.make("_linalg_gemm2", *pair, like=g.ins[0], alpha=self.alpha)]

    def lower(self, c: LowerContext) -> None:
        a = c.input("A")
        *lead, m, n = a.shape
        left, right = ((1, n), (n, 1)) if self.transpose else ((n, 1), (1, n))
        size = (n, n, m) if self.transpose else (m, m, n)
        strides = (m * n, m * n, size[0] ** 2)
        matmul(
            c, c.output(), a, a, size, left, right, size[0],
            alpha=self.alpha, batch=prod(lead), batch_strides=strides,
        )  # fmt: skip


__all__ = ["REALS", "matrix_shape", "plus_transposed"]
