"""FullyConnected: y = x W^T + b, with weights kept packed between runs when only inference is asked for.

Products go through `matmul` (dot.py); the kernels here are `fc_pack`, which lays an argument's weight out as
the product reads it and is skipped while the weight is unchanged, and `fc_packed`, which multiplies by it.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

from .dot import COL_STEP, blocks, matmul, pieces, sum_rows, up
from .rules import FLOATS, ShapeRule
from .schema import Backward, Bool, Int, OpDef

if TYPE_CHECKING:
    from ..passes.gradient import GradContext
    from ..passes.ir import Tensor
    from ..passes.lower import LowerContext, Need

# Weights from this many elements on are kept packed for inference: below, packing is not worth the memory.
PACK_FROM = 1 << 14


class _FullyConnectedBackward(Backward):
    def read_names(self) -> tuple[str, ...]:
        names = ["ograd"]
        if "data" in self.wanted:
            names.append("weight")
        if "weight" in self.wanted:
            names.append("data")
        return tuple(names)

    def lower(self, c: LowerContext) -> None:
        op = self.forward
        assert isinstance(op, FullyConnected)
        need = _need(op.flatten)
        g, rows, hidden, ldg = _as_rows(c.input("ograd", need), op.flatten)
        if c.wants("data"):  # dx[n][k] = sum_h g[n][h] w[h][k]
            w = c.input("weight", "batch")
            dx, _, width, ldx = _as_rows(c.output("data", need), op.flatten)
            matmul(c, dx, g, w, (rows, width, hidden), (ldg, 1), (w.batch_stride(), 1), ldx)
        if c.wants("weight"):  # dw[h][k] = sum_n g[n][h] x[n][k]
            x, _, width, ldx = _as_rows(c.input("data", need), op.flatten)
            dw = c.output("weight", "batch")
            matmul(c, dw, g, x, (hidden, width, rows), (1, ldg), (ldx, 1), dw.batch_stride())
        if c.wants("bias"):
            sum_rows(c, c.output("bias"), g, rows, hidden, ldg)

    def gradient(self, g: GradContext) -> list[Any]:
        return g.bilinear("data", "weight", "bias")


class FullyConnected(OpDef):
    """A dense layer: ``output = data . weight^T + bias``.

    With `flatten` all axes of `data` but the first are one: data (n, d1, d2, ...), weight (num_hidden, d1 *
    d2 * ...), bias (num_hidden,), output (n, num_hidden). Without, the last axis is transformed and the
    others stay: data (..., d), weight (num_hidden, d), output (..., num_hidden). With `no_bias` there is no
    bias.
    """

    name = "FullyConnected"
    dtypes = FLOATS
    inputs = ("data", "weight", "bias")
    backward = _FullyConnectedBackward

    num_hidden = Int(min=1, doc="Number of hidden nodes of the output.")
    no_bias = Bool(False, "Whether to disable bias parameter.")
    flatten = Bool(True, "Whether to collapse all but the first axis of the input data tensor.")

    def input_names(self) -> tuple[str, ...]:
        return self.inputs[:2] if self.no_bias else self.inputs

    def infer_shape(self, s: ShapeRule) -> None:
        if not self.no_bias:
            s.meet_in("bias", (self.num_hidden,))
        data = s.get("data")
        if not data:
            s.meet_in("weight", (self.num_hidden, -1))
            return
        if self.flatten:
            width = 1
            for d in data[1:]:
                width = -1 if d < 0 or width < 0 else width * d
            lead = data[:1]
        else:
            width, lead = data[-1], data[:-1]
        s.meet_in("weight", (self.num_hidden, width))
        out = s.meet_out(0, (*lead, self.num_hidden))
        if out is not None:  # the batch is the output's; never the width
            s.meet_in("data", (*out[:-1], *data[len(lead) :]))

    def lower(self, c: LowerContext) -> None:
        need = _need(self.flatten)
        x, rows, width, ldx = _as_rows(c.input("data", need), self.flatten)
        y, _, hidden, ldy = _as_rows(c.output("output", need), self.flatten)
        w = c.input("weight", "batch")
        bias = None if self.no_bias else c.input("bias")
        if c.is_argument(w) and not c.is_train and hidden * width >= PACK_FROM:
            self._lower_packed(c, y, x, w, bias, (rows, hidden, width), ldx, ldy)
        else:
            matmul(c, y, x, w, (rows, hidden, width), (ldx, 1), (1, w.batch_stride()), ldy, bias=bias)

    def _lower_packed(
        self,
        c: LowerContext,
        y: Tensor,
        x: Tensor,
        w: Tensor,
        bias: Tensor | None,
        size: tuple[int, int, int],
        ldx: int,
        ldy: int,
    ) -> None:
        rows, hidden, width = size
        if rows == 0:
            return
        packed = c.persistent((up(hidden, COL_STEP), width), w.dtype)
        panels = pieces(hidden, COL_STEP)
        c.call(
            "fc_pack", [packed], [w], [hidden, width, w.batch_stride()],
            items=panels, cost=10.0 * width, guard=w,
        )  # fmt: skip
        mb, nb = blocks(rows, hidden, width)
        ints = [rows, hidden, width, ldx, ldy, int(bias is not None), mb, nb]
        c.call(
            "fc_packed", [y], [x, packed, packed if bias is None else bias], ints,
            items=pieces(rows, mb) * pieces(hidden, nb), cost=100.0 + min(rows, mb) * nb * width / 60,
        )  # fmt: skip


def _need(flatten: bool) -> Need:
    """Rows may lie apart where the first axis counts them."""
    return "batch" if flatten else "dense"


def _as_rows(t: Tensor, flatten: bool) -> tuple[Tensor, int, int, int]:
    """The tensor, its rows, its columns and the elements from row to row."""
    if flatten:
        return t, t.shape[0], t.sample_size(), t.batch_stride()
    width = t.shape[-1]
    return t, prod(t.shape[:-1]), width, width
