"""The kernel calls of recurrent layers, backward: through time step by step, then products over all steps.

Of a layer's gates the gradients of all steps stand in one matrix, from which those of weights, biases and
input come at one go. The forward calls, and what both share, are in rnn_calls.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .dot import COL_STEP, MAX_COLS, pieces, sum_rows, up
from .dropout import emit_times
from .rnn_calls import MAX_ROWS, ROWS_OF, UNITS, LayerCalls, part

if TYPE_CHECKING:
    from ..passes.ir import Tensor

# Weights that stay in a core's second-level cache are read again for every 12 rows, which a register tile
# holds; larger ones are read once for all rows.
SECOND_LEVEL, FEW_ROWS = 1 << 20, 12


class RNNBackwardCalls(LayerCalls):
    """Gradients of data, parameters and first states; only those asked for."""

    def run(self) -> None:
        c, z = self.c, self.z
        self.grads = z.split(self.output("parameters")) if c.wants("parameters") else None
        mask = self.input("mask") if self.op.drops() else None
        dy = self.input("ograd0")
        for layer in reversed(range(z.layers)):
            below = self.input("data") if layer == 0 else part(self.input("hidden"), layer - 1)
            x = below
            if layer and mask is not None and self.grads is not None:
                x = c.temp(below.shape, below.dtype)
                emit_times(c, x, below, part(mask, layer - 1))
            dx = None
            if layer:
                dx = c.temp(below.shape, below.dtype)
            elif c.wants("data"):
                dx = self.output("data")
            for direction in range(z.directions):
                self._run_layer(layer, direction, x, dx, self.columns(dy, direction))
            if dx is not None:
                if layer and mask is not None:
                    emit_times(c, dx, dx, part(mask, layer - 1))
                dy = dx

    def _packed(self, w: Tensor, shift: int = 0) -> Tensor:
        """Weights (rows, columns) as products with their columns read them, rows in a circle from `shift`."""
        rows, columns = w.shape
        packed = self.c.temp((up(columns, UNITS), rows), w.dtype)
        items = pieces(columns, UNITS)
        self.c.call("rnn_pack_back", [packed], [w], [rows, columns, shift], items=items, cost=4.0 * rows)
        return packed

    def _states(self, layer: int, direction: int) -> Tensor:
        """(time, batch, state) of one layer and direction, not cut off by lengths."""
        z = self.z
        is_top = layer == z.layers - 1 and self.lengths is None
        return self.columns(self.input("output") if is_top else part(self.input("hidden"), layer), direction)

    def _run_layer(self, layer: int, direction: int, x: Tensor, dx: Tensor | None, dy: Tensor) -> None:
        """`d` holds the gradients of the gates of all steps, (time, batch, gates): of a GRU those of n, r, z,
        m, where the first three are the input's share and the last three the state's.
        """
        c, z = self.c, self.z
        w, rows, width = self.weights[layer][direction], z.gates * z.hidden, z.width_of(layer)
        is_gru = self.op.mode == "gru"
        ldg = padded(rows + is_gru * z.hidden)
        d = c.temp((z.time, z.batch, ldg), dy.dtype)
        share = d.view((z.time, z.batch, rows), is_gru * z.hidden * d.itemsize, d.strides)
        packed = self._packed(w.h)
        carry = self._run_steps(layer, direction, packed, d, share, dy)
        steps = z.time * z.batch
        if dx is not None:
            back = self._packed(w.x, 2 * z.hidden if is_gru else 0)
            self._back(dx, d, back, steps, rows, ldg, dx if direction else None)
        if self.grads is not None:
            g = self.grads[layer][direction]
            for first, at, n in ((0, z.hidden, 2), (2, 0, 1)) if is_gru else ((0, 0, z.gates),):
                n, to = n * z.hidden, first * z.hidden
                mine = d.view((n,), at * d.itemsize)
                out = g.x.view((n, width), to * width * d.itemsize)
                self._product(out, mine, x, steps, ldg, width)
                sum_rows(c, g.bias_x.view((n,), to * d.itemsize), mine, steps, n, ldg)
            self._grad_of_recurrence(g.h, layer, direction, share, ldg)
            if is_gru:
                sum_rows(c, g.bias_h, share, steps, rows, ldg)
            else:
                c.copy(g.bias_h, g.bias_x)
        if c.wants("state"):
            first_step = part(share, z.time - 1 if direction else 0)
            out = part(self.output("state"), layer * z.directions + direction)
            self._back(out, first_step, packed, z.batch, rows, ldg, carry)

    def _back(
        self, out: Tensor, d: Tensor, packed: Tensor, rows: int, depth: int, ldd: int, addend: Tensor | None
    ) -> None:
        """out (rows, columns) = d times packed weights, + an addend that lies like out and may be out."""
        columns, step = out.shape[-1], ROWS_OF[4]
        self.c.call(
            "rnn_back", [out], [d, packed, d if addend is None else addend],
            [rows, columns, depth, ldd, step, int(addend is not None)],
            items=pieces(columns, 4 * UNITS) * pieces(rows, step),
            cost=100.0 + min(step, rows) * 4 * UNITS * (depth / 80 + 1.0),
        )  # fmt: skip

    def _grad_of_recurrence(self, out: Tensor, layer: int, direction: int, share: Tensor, ldg: int) -> None:
        """The weights of the state: first the step that saw the initial state, then all others."""
        z, h = self.z, self._states(layer, direction)
        first, rest = (z.time - 1, 0) if direction else (0, 1)
        initial = self.initial("state", layer, direction)
        self._product(out, part(share, first), initial, z.batch, ldg, z.hidden)
        if z.time > 1:
            left, right = part(share, rest), part(h, 1 - rest)
            self._product(out, left, right, (z.time - 1) * z.batch, ldg, self.row, adds=True)

    def _product(
        self, out: Tensor, d: Tensor, x: Tensor, depth: int, ldd: int, ldx: int, adds: bool = False
    ) -> None:
        """out = d^T x over `depth` rows, + out: long, and cut into few blocks, as d is read from far away."""
        m, n = out.shape
        mb = min((84, 98, 112), key=lambda size: pieces(m, size) * size)
        nb = up(pieces(n, pieces(n, MAX_COLS)), COL_STEP)
        ints = [m, n, depth, 1, ldd, ldx, 1, n, 0, 0, 0, 2 * adds, mb, nb, 1]
        self.c.call(
            "gemm", [out], [d, x, out if adds else x], ints, [1.0, 1.0], items=pieces(m, mb) * pieces(n, nb),
            cost=100.0 + min(m, mb) * min(n, nb) * depth / 60,
        )  # fmt: skip

    def _run_steps(
        self, layer: int, direction: int, packed: Tensor, d: Tensor, share: Tensor, dy: Tensor
    ) -> Tensor | None:
        """Gradients of the gates of all steps. Returns what goes to the initial state besides."""
        c, z, op = self.c, self.z, self.op
        row, ldg = layer * z.directions + direction, d.shape[2]
        lengths = packed if self.lengths is None else self.lengths
        given = part(self.input("ograd1"), row) if op.state_outputs else None
        keeps = self.lengths is not None or op.mode == "gru"
        carry = c.temp((z.batch, z.hidden), dy.dtype) if keeps else None
        h, start = self._states(layer, direction), self.initial("state", layer, direction)
        clip, limits = self.limits()
        if z.gates > 1:
            gates = part(part(self.input("gates"), layer), direction)
        if op.mode == "lstm":
            cells = part(part(self.input("cells"), layer), direction)
            start_cell = self.initial("state_cell", layer, direction)
            dcell = part(self.input("ograd2"), row) if op.state_outputs else None
            dcell_to = c.temp((z.batch, z.hidden), dy.dtype)
        full = z.gates * z.hidden
        is_near = full * z.hidden * d.itemsize <= SECOND_LEVEL
        step, items, cost = self.cut(2 * UNITS, FEW_ROWS if is_near else MAX_ROWS, full)
        after, depth = packed, 0
        times = self.order(direction, back=True)
        for t in times:
            previous, is_first = (t + 1 if direction else t - 1), t == times[-1]
            carried = given if depth == 0 else carry
            ldp = z.hidden if op.mode == "gru" and is_first else self.row
            ints = [*self.flags(depth, self.row, ldp, step, t, ldg), int(carried is not None)]
            to = part(d, t)
            ins = [after, packed, part(dy, t), packed if carried is None else carried, lengths]
            carry_to = to if carry is None else carry
            if op.mode == "lstm":
                if is_first and c.wants("state_cell"):
                    dcell_to = part(self.output("state_cell"), row)
                cell = start_cell if is_first else part(cells, previous)
                ins += [part(gates, t), part(cells, t), cell, packed if dcell is None else dcell]
                ints += [int(dcell is not None), clip]
                c.call("rnn_lstm_grad", [to, dcell_to, carry_to], ins, ints, limits, items=items, cost=cost)
                dcell = dcell_to
            elif op.mode == "gru":
                ins += [part(gates, t), start if is_first else part(h, previous)]
                c.call("rnn_gru_grad", [to, carry_to], ins, ints, items=items, cost=cost)
            else:
                ints.append(int(op.mode == "rnn_relu"))
                c.call("rnn_plain_grad", [to, carry_to], [*ins, part(h, t)], ints, items=items, cost=cost)
            after, depth = part(share, t), full
        return carry


def padded(columns: int) -> int:
    """Elements from row to row: no multiple of 128, as such rows would share few places in a cache."""
    return columns + UNITS if columns % 128 == 0 else columns


__all__ = ["RNNBackwardCalls"]
