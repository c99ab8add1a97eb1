"""dot and batch_dot: products of matrices, and `matmul`, the call every operator makes that needs one.

The kernels are `gemm` and `sum_rows` of dot.c and dot.cl; FullyConnected uses them, too. This module decides
how a product is cut into items (`blocks`): from its sizes alone, so that results do not depend on threads. It
never looks at values or devices; `lower` hands its calls to the program.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any, ClassVar

from ..base import ShapeError
from .rules import FLOATS, ShapeRule, show
from .schema import Bool, Enum, OpDef

if TYPE_CHECKING:
    from ..passes.gradient import Entry, GradContext
    from ..passes.ir import Tensor
    from ..passes.lower import LowerContext

Flags = dict[str, bool]

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
    addend: Tensor | None = None,
    alpha: float = 1.0,
    beta: float = 1.0,
    batch: int = 1,
    batch_strides: tuple[int, int, int] = (0, 0, 0),
) -> None:
    """Emit C = alpha A B (+ beta times bias along each row, or + beta D) for `size` = (m, n, k).

    `a_strides` are the elements from A[i][k] to A[i + 1][k] and to A[i][k + 1], `b_strides` those from
    B[k][j] to B[k + 1][j] and to B[k][j + 1]; C is stored in rows `ld` elements apart. `batch_strides` are
    those of A, B and C. The matrix D, `addend`, lies like C and may be C.
    """
    m, n, k = size
    if 0 in (m, n, batch):
        return
    mb, nb = blocks(m, n, k, batch)
    plus, mode = next(((t, i) for i, t in ((1, bias), (2, addend)) if t is not None), (b, 0))
    ints = [m, n, k, *a_strides, *b_strides, ld, *batch_strides, mode, mb, nb, batch]
    c.call(
        "gemm",
        [out],
        [a, b, plus],
        ints,
        [alpha, beta],
        items=batch * pieces(m, mb) * pieces(n, nb),
        cost=100.0 + min(m, mb) * min(n, nb) * k / 60,
    )


def sum_rows(c: LowerContext, out: Tensor, x: Tensor, rows: int, cols: int, ldx: int) -> None:
    """Emit out[j] = sum over i of x[i][j], rows `ldx` elements apart."""
    c.call("sum_rows", [out], [x], [rows, cols, ldx], items=pieces(cols, 64), cost=50.0 + 2.0 * rows)


def product_gradients(g: GradContext, ta: bool, tb: bool) -> list[tuple[Entry, tuple[Entry, Entry], Flags]]:
    """Of C = op(A) op(B): the entries A and B, each with the factors and flags of its gradient's product."""
    a, b, head = g.ins[0], g.ins[1], g.ograd()

    def flags(x: bool, y: bool) -> Flags:
        return {"transpose_a": x, "transpose_b": y}

    return [
        (a, (b, head), flags(tb, True)) if ta else (a, (head, b), flags(False, not tb)),
        (b, (head, a), flags(True, ta)) if tb else (b, (a, head), flags(not ta, False)),
    ]


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


class _Product(OpDef):
    """What dot and batch_dot share."""

    inputs = ("lhs", "rhs")
    dtypes = FLOATS
    batched: ClassVar[bool]

    transpose_a = Bool(False, "If true then transpose the first input before the product.")
    transpose_b = Bool(False, "If true then transpose the second input before the product.")
    forward_stype = Enum(
        ("csr", "default", "row_sparse"),
        None,
        "Storage type of the output: accepted and ignored, every array is dense.",
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

    def gradient(self, g: GradContext) -> list[Any]:
        flags = {"transpose_a": self.transpose_a, "transpose_b": self.transpose_b}
        return [
            g.make("_backward_dot", g.ograd(), g.ins[1 - i], like=g.ins[i], side=side, **flags)
            if want
            else None
            for i, (side, want) in enumerate(zip(self.inputs, g.wants, strict=True))
        ]

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


class _DotBackward(OpDef):
    """Gradient of one operand of `dot`, `side`, made of the head gradient and the other operand."""

    name = "_backward_dot"
    inputs = ("ograd", "other")

    transpose_a, transpose_b = Bool(False), Bool(False)
    side = Enum(("lhs", "rhs"))

    def infer_shape(self, s: ShapeRule) -> None:
        """Nothing to do: the output's shape is that of the operand it is the gradient of."""

    def gradient(self, g: GradContext) -> list[Any]:
        """It is linear in both inputs: <head, d dot / d lhs> = <dot(head, rhs), ograd>."""
        flags = {"transpose_a": self.transpose_a, "transpose_b": self.transpose_b}
        first = self.side == "lhs"
        pair = (g.ograd(), g.ins[1]) if first else (g.ins[1], g.ograd())
        back = g.make(
            "_backward_dot", g.ins[0], g.ograd(), like=g.ins[1], side="rhs" if first else "lhs", **flags
        )
        return [g.make("dot", *pair, like=g.ins[0], **flags), back]

    def lower(self, c: LowerContext) -> None:
        g, other, out = c.input("ograd"), c.input("other"), c.output()
        pair = (out.shape, other.shape) if self.side == "lhs" else (other.shape, out.shape)
        lhs, rhs = _Factor(pair[0], self.transpose_a, False), _Factor(pair[1], not self.transpose_b, False)
        p, q, k = lhs.outer, rhs.outer, lhs.inner
        if self.side == "lhs":  # dA[p][k] = sum_q G[p][q] B[k][q]
            mine, theirs, g_outer, g_inner, rows, depth = lhs, rhs, q, 1, p, q
        else:  # dB[k][q] = sum_p A[p][k] G[p][q]
            mine, theirs, g_outer, g_inner, rows, depth = rhs, lhs, 1, q, q, p
        outer, inner = theirs.outer_stride, theirs.inner_stride
        if mine.inner_stride == 1:  # stored as [outer][k]: G times the other
            matmul(c, out, g, other, (rows, k, depth), (g_outer, g_inner), (outer, inner), k)
        else:  # stored as [k][outer]: the other times G transposed
            matmul(c, out, other, g, (k, rows, depth), (inner, outer), (g_inner, g_outer), rows)


class BatchDot(_Product):
    """Matrix products of two batches: (..., m, k) and (..., k, n) give (..., m, n).

    `transpose_a` and `transpose_b` swap the last two axes of an operand. All leading axes must be equal;
    three axes or more are needed.
    """

    name = "batch_dot"
    batched = True

    def gradient(self, g: GradContext) -> list[Any]:
        return [
            g.make("batch_dot", *pair, like=entry, **flags)
            for entry, pair, flags in product_gradients(g, self.transpose_a, self.transpose_b)
        ]

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


__all__ = ["BatchDot", "Dot", "blocks", "matmul", "pieces", "product_gradients", "sum_rows", "up"]
