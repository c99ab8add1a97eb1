"""dot and batch_dot: products of matrices, and `matmul`, the call every operator makes that needs one.

The kernels are `gemm` and `sum_rows` of dot.c and dot.cl; FullyConnected uses them, too. This module decides
how a product is cut into items (`blocks`): from its sizes alone, so that results do not depend on threads. It
never looks at values or devices; `lower` hands its calls to the program.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, ClassVar

from ..base import MXNetError, ShapeError
from .rules import ShapeRule, show
from .schema import Backward, Bool, Enum, OpDef

if TYPE_CHECKING:
    from ..passes.ir import Tensor
    from ..passes.lower import LowerContext

# What gemm.h has scratch memory for, and what its panels divide without waste (84 = 6 * 14 rows, 32 columns).
MAX_ROWS, MAX_COLS, ROW_STEP, COL_STEP = 168, 384, 84, 32
# An item of its own is worth this many multiplications (20 microseconds of a core) and this area: in smaller
# blocks packing the operands costs as much as multiplying them.
ITEM_WORK, ITEM_AREA = 3_000_000, 4096


def up(n: int, step: int) -> int:
    """`n` rounded up to a multiple of `step`."""
    return -(-n // step) * step


def pieces(n: int, size: int) -> int:
    """How many pieces of `size` cover `n`."""
    return -(-n // size)


def blocks(m: int, n: int, k: int, batch: int = 1) -> tuple[int, int]:
    """Rows and columns of the blocks an m x n product over k is cut into.

    Large blocks pack each operand seldom, many blocks feed many cores: halve while there are few items and
    each of them stays worth the trouble.

    >>> blocks(64, 128, 784), blocks(512, 512, 512), blocks(1, 10, 10)
    ((64, 64), (168, 128), (1, 32))
    """
    mb = m if m <= MAX_ROWS else up(pieces(m, pieces(m, MAX_ROWS)), ROW_STEP)
    nb = up(pieces(n, pieces(n, MAX_COLS)), COL_STEP)
    while batch * pieces(m, mb) * pieces(n, nb) < 16:
        if mb * nb * k < 2 * ITEM_WORK or mb * nb < 2 * ITEM_AREA:
            break
        if nb >= mb and nb > COL_STEP:
            nb = up(nb // 2, COL_STEP)
        elif mb > ROW_STEP:
            mb = up(mb // 2, ROW_STEP)
        else:
            break
    return mb, nb


def matmul(
    c: LowerContext,
    out: Tensor,
    a: Tensor,
    b: Tensor,
    size: tuple[int, int, int],
    a_strides: tuple[int, int],
    b_strides: tuple[int, int],
    ld: int,
    *,
    bias: Tensor | None = None,
    batch: int = 1,
    batch_strides: tuple[int, int, int] = (0, 0, 0),
) -> None:
    """Emit C = A B (+ bias along each row) for `size` = (m, n, k).

    `a_strides` are the elements from A[i][k] to A[i + 1][k] and to A[i][k + 1], `b_strides` those from
    B[k][j] to B[k + 1][j] and to B[k][j + 1]; C is stored in rows `ld` elements apart. `batch_strides` are
    those of A, B and C.
    """
    m, n, k = size
    if 0 in (m, n, batch):
        return
    mb, nb = blocks(m, n, k, batch)
    ints = [m, n, k, *a_strides, *b_strides, ld, *batch_strides, int(bias is not None), mb, nb, batch]
    c.call(
        "gemm",
        [out],
        [a, b, b if bias is None else bias],
        ints,
        items=batch * pieces(m, mb) * pieces(n, nb),
        cost=100.0 + min(m, mb) * min(n, nb) * k / 60,
    )


def sum_rows(c: LowerContext, out: Tensor, x: Tensor, rows: int, cols: int, ldx: int) -> None:
    """Emit out[j] = sum over i of x[i][j], rows `ldx` elements apart."""
    c.call("sum_rows", [out], [x], [rows, cols, ldx], items=pieces(cols, 64), cost=50.0 + 2.0 * rows)


class _Factor:
    """One operand as a batch of matrices: dimensions left over, the one summed over, their strides."""

    def __init__(self, shape: tuple[int, ...], contract_first: bool, batched: bool) -> None:
        split = len(shape) - 2 if batched else 0
        inside = shape[split:]
        self.batch = prod(shape[:split])
        self.inner = inside[0] if contract_first else inside[-1]
        self.outer = prod(inside[1:] if contract_first else inside[:-1])
        self.outer_stride, self.inner_stride = (1, self.outer) if contract_first else (self.inner, 1)
        self.batch_stride = self.outer * self.inner


class _DotBackward(Backward):
    needs = ("ograd", "lhs", "rhs")

    def read_names(self) -> tuple[str, ...]:
        other = {"lhs": "rhs", "rhs": "lhs"}
        return ("ograd", *sorted({other[n] for n in self.wanted}))

    def lower(self, c: LowerContext) -> None:
        op = self.forward
        assert isinstance(op, _Product)
        g = c.input("ograd")
        for name in filter(c.wants, self.wanted):
            out = c.output(name)
            other = c.input("rhs" if name == "lhs" else "lhs")
            lhs, rhs = op.factors(*((out.shape, other.shape) if name == "lhs" else (other.shape, out.shape)))
            p, q, k = lhs.outer, rhs.outer, lhs.inner
            if name == "lhs":  # dA[p][k] = sum_q G[p][q] B[k][q]
                mine, theirs, g_outer, g_inner, rows, depth = lhs, rhs, q, 1, p, q
            else:  # dB[k][q] = sum_p A[p][k] G[p][q]
                mine, theirs, g_outer, g_inner, rows, depth = rhs, lhs, 1, q, q, p
            strides = (p * q, theirs.batch_stride)
            if mine.inner_stride == 1:  # stored as [outer][k]: G times the other
                matmul(
                    c, out, g, other, (rows, k, depth),
                    (g_outer, g_inner), (theirs.outer_stride, theirs.inner_stride), k,
                    batch=lhs.batch, batch_strides=(*strides, mine.batch_stride),
                )  # fmt: skip
            else:  # stored as [k][outer]: the other times G transposed
                matmul(
                    c, out, other, g, (k, rows, depth),
                    (theirs.inner_stride, theirs.outer_stride), (g_inner, g_outer), rows,
                    batch=lhs.batch, batch_strides=(strides[1], strides[0], mine.batch_stride),
                )  # fmt: skip


class _Product(OpDef):
    """What dot and batch_dot share."""

    inputs = ("lhs", "rhs")
    backward = _DotBackward
    batched: ClassVar[bool]

    transpose_a = Bool(False, "If true then transpose the first input before the product.")
    transpose_b = Bool(False, "If true then transpose the second input before the product.")
    forward_stype = Enum(
        ("csr", "default", "row_sparse"),
        None,
        "Storage type of the output; only the default one exists here.",
    )

    def check(self) -> None:
        if self.forward_stype not in (None, "default"):
            raise MXNetError(
                f"{self.name}: forward_stype {self.forward_stype!r} asks for sparse storage, "
                "which is not supported; expected None or 'default'"
            )

    def factors(self, lhs: tuple[int, ...], rhs: tuple[int, ...]) -> tuple[_Factor, _Factor]:
        """Both operands as matrices."""
        return _Factor(lhs, self.transpose_a, self.batched), _Factor(rhs, not self.transpose_b, self.batched)

    def lower(self, c: LowerContext) -> None:
        lhs, rhs, out = c.input("lhs"), c.input("rhs"), c.output()
        a, b = self.factors(lhs.shape, rhs.shape)
        matmul(
            c, out, lhs, rhs, (a.outer, b.outer, a.inner),
            (a.outer_stride, a.inner_stride), (b.inner_stride, b.outer_stride), b.outer,
            batch=a.batch, batch_strides=(a.batch_stride, b.batch_stride, a.outer * b.outer),
        )  # fmt: skip


class Dot(_Product):
    """Product of two arrays: the last axis of `lhs` is summed against the first axis of `rhs`.

    For shapes (a..., k) and (k, b...) the result has shape (a..., b...), that of two vectors (1,).
    `transpose_a` sums over the first axis of `lhs`, `transpose_b` over the last one of `rhs`.
    """

    name = "dot"
    batched = False

    def infer_shape(self, s: ShapeRule) -> None:
        a, b = s.get(0), s.get(1)
        if a is None or b is None:
            return
        ia, ib = (0 if self.transpose_a else -1), (-1 if self.transpose_b else 0)
        if not a or not b or (a[ia] != b[ib] and a[ia] >= 0 and b[ib] >= 0):
            raise ShapeError(f"dot shape error: {show(a)} X {show(b)}")
        k = max(a[ia], b[ib])
        outer_a = a[1:] if self.transpose_a else a[:-1]
        outer_b = b[:-1] if self.transpose_b else b[1:]
        s.meet_in(0, (k, *outer_a) if self.transpose_a else (*outer_a, k))
        s.meet_in(1, (*outer_b, k) if self.transpose_b else (k, *outer_b))
        s.meet_out(0, (outer_a + outer_b) or (1,))


class BatchDot(_Product):
    """Matrix products of two batches: (..., m, k) and (..., k, n) give (..., m, n).

    `transpose_a` and `transpose_b` swap the last two axes of an operand. All leading axes must be equal;
    three axes or more are needed.
    """

    name = "batch_dot"
    batched = True

    def infer_shape(self, s: ShapeRule) -> None:
        a, b = s.get(0), s.get(1)
        if a is None or b is None:
            return
        if len(a) < 3 or len(b) < 3 or len(a) != len(b):
            raise ShapeError(
                f"batch_dot currently only support N-D*N-D array (N >= 3){show(a)} v.s. {show(b)}"
            )
        flags = f"{show(a)} X {show(b)} trans_a={int(self.transpose_a)} trans_b={int(self.transpose_b)}"
        if any(x != y for x, y in zip(a[:-2], b[:-2], strict=True) if x >= 0 and y >= 0):
            raise ShapeError(f"batch_dot shape error (the leading batch dimensions must be equal): {flags}")
        m, ka = (a[-1], a[-2]) if self.transpose_a else (a[-2], a[-1])
        kb, n = (b[-1], b[-2]) if self.transpose_b else (b[-2], b[-1])
        if ka != kb and ka >= 0 and kb >= 0:
            raise ShapeError(f"batch_dot shape error (shape mismatch): {flags}")
        k, lead = max(ka, kb), tuple(max(x, y) for x, y in zip(a[:-2], b[:-2], strict=True))
        s.meet_in(0, (*lead, k, m) if self.transpose_a else (*lead, m, k))
        s.meet_in(1, (*lead, n, k) if self.transpose_b else (*lead, k, n))
        s.meet_out(0, (*lead, m, n))


__all__ = ["BatchDot", "Dot", "blocks", "matmul", "pieces", "sum_rows", "up"]
