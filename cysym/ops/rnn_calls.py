"""The kernel calls of recurrent layers, forward: products over all steps as single calls, and one call a
step.

`Sizes` knows how the parameter vector and the states are laid out, `LayerCalls` holds what forward and
backward (rnn_grad.py) share. In a step's call an item is a block of units of some rows of the batch
(c_kernels/rnn.c). No operator is registered here, and no number is looked at.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..dtypes import CODES
from .dot import matmul, pieces, up
from .dropout import emit_times
from .random import generators

if TYPE_CHECKING:
    from ..passes.ir import Tensor
    from ..passes.lower import LowerContext
    from .rnn import RNN

UNITS, MAX_ROWS = 16, 64  # units of an item, most rows of one: rnn.h
ROWS_OF = {
    1: 40,
    3: 54,
    4: 42,
}  # of an item over all steps, by gates: what the register tiles divide without waste
OWN_SLICE = 10_000.0  # nanoseconds that make an item a slice of its own
INT64 = CODES["int64"]


class Weights(NamedTuple):
    """Of one layer in one direction: views into the parameter vector, or into its gradient.

    x: (gates * hidden, width of the input), h: (gates * hidden, state), r: (state, hidden) or None, biases:
    (gates * hidden,).
    """

    x: Tensor
    h: Tensor
    r: Tensor | None
    bias_x: Tensor
    bias_h: Tensor


class Sizes:
    """The numbers of an RNN: `state` columns of the state, `hidden` units, `gates` of them a unit."""

    def __init__(self, op: RNN, time: int, batch: int, width: int) -> None:
        self.op, self.time, self.batch, self.width = op, time, batch, width
        self.hidden = op.state_size
        self.state = op.state_size if op.projection_size is None else op.projection_size
        self.layers, self.directions = op.num_layers, 1 + op.bidirectional
        self.gates = {"lstm": 4, "gru": 3}.get(op.mode, 1)

    def width_of(self, layer: int) -> int:
        """Columns of a layer's input."""
        return self.directions * self.state if layer else self.width

    def _matrices(self, layer: int) -> tuple[tuple[int, int], ...]:
        rows = self.gates * self.hidden
        projection = ((self.state, self.hidden),) * (self.op.projection_size is not None)
        return ((rows, self.width_of(layer)), (rows, self.state), *projection)

    def parameters(self) -> int:
        """Length of the parameter vector."""
        matrices = sum(m * n for layer in range(min(self.layers, 2)) for m, n in self._matrices(layer))
        if self.layers > 2:
            matrices += (self.layers - 2) * sum(m * n for m, n in self._matrices(1))
        return self.directions * (matrices + 2 * self.layers * self.gates * self.hidden)

    def split(self, vector: Tensor) -> list[list[Weights]]:
        """By layer and direction."""
        at, found = 0, list[list[Weights]]()
        rows = self.gates * self.hidden

        def take(*shape: int) -> Tensor:
            nonlocal at
            view = vector.view(shape, at * vector.itemsize)
            at += view.size
            return view

        matrices = [
            [[take(*shape) for shape in self._matrices(layer)] for _ in range(self.directions)]
            for layer in range(self.layers)
        ]
        for row in matrices:
            found.append([])
            for x, h, *r in row:
                found[-1].append(Weights(x, h, r[0] if r else None, take(rows), take(rows)))
        return found


class LayerCalls:
    """What forward and backward share."""

    def __init__(self, c: LowerContext, z: Sizes) -> None:
        self.c, self.z, self.op = c, z, z.op
        self.row = z.directions * z.state  # elements from row to row of what a layer gives
        self._had: dict[tuple[str, bool], Tensor] = {}
        self.weights = z.split(self.input("parameters"))
        self.lengths = c.input("sequence_length", dtype=INT64) if self.op.use_sequence_length else None

    def input(self, name: str) -> Tensor:
        """The same tensor each time: asking the context twice may copy twice."""
        if (name, False) not in self._had:
            self._had[name, False] = self.c.input(name)
        return self._had[name, False]

    def output(self, name: str) -> Tensor:
        if (name, True) not in self._had:
            self._had[name, True] = self.c.output(name)
        return self._had[name, True]

    def initial(self, name: str, layer: int, direction: int) -> Tensor:
        return part(self.input(name), layer * self.z.directions + direction)

    def order(self, direction: int, back: bool = False) -> range:
        """Times as a direction takes them, or back."""
        n = self.z.time
        return range(n) if (direction == 0) is not back else range(n - 1, -1, -1)

    def columns(self, t: Tensor, direction: int) -> Tensor:
        """(time, batch, state) of one direction out of both side by side."""
        state = self.z.state
        return t.view((*t.shape[:2], state), direction * state * t.itemsize, t.strides)

    def cut(self, units: int, most: int, depth: int) -> tuple[int, int, float]:
        """Of a step whose items are `units` units of at most `most` rows: rows and number of items, and the
        cost of one.

        An item worth a core's while is made a slice of its own.
        """
        z = self.z
        step = pieces(z.batch, pieces(z.batch, most)) if z.batch else 1
        items = pieces(z.hidden, units) * pieces(z.batch, step)
        cost = 100.0 + step * units * (depth / 80 + 2.0 * z.gates)
        return step, items, max(cost, OWN_SLICE) if cost * items > 1.5 * OWN_SLICE else cost

    def flags(self, depth: int, second: int, ldp: int, step: int, t: int, last: int) -> list[int]:
        """The integers every kernel of a step begins with; `step` rows of the batch an item."""
        z = self.z
        return [z.batch, z.hidden, depth, second, ldp, step, t, int(self.lengths is not None), last]

    def limits(self) -> tuple[int, list[float]]:
        """How the cell is clipped, and its bounds."""
        op = self.op
        low, high = op.lstm_state_clip_min, op.lstm_state_clip_max
        if low is None or high is None:
            return 0, [0.0, 0.0]
        return 2 if op.lstm_state_clip_nan else 1, [low, high]


class RNNForwardCalls(LayerCalls):
    """Outputs, last states, and what the gradient needs of each step."""

    def run(self) -> None:
        c, z = self.c, self.z
        x = self.input("data")
        mask = self._draw() if self.op.drops() else None
        out = self.output("output")
        between = self.output("hidden") if c.wants("hidden") else None
        for layer in range(z.layers):
            if between is not None and layer < between.shape[0]:
                h = part(between, layer)
            elif layer == z.layers - 1 and self.lengths is None:
                h = out
            else:
                h = c.temp(out.shape, out.dtype)
            for direction in range(z.directions):
                self._run_layer(layer, direction, x, self.columns(h, direction))
            x = h
            if mask is not None and layer < z.layers - 1:
                x = c.temp(h.shape, h.dtype)
                emit_times(c, x, h, part(mask, layer))
        if self.lengths is not None:
            emit_mask(c, out, x, self.lengths)

    def _draw(self) -> Tensor | None:
        """What each element a layer hands on is multiplied by; nothing is dropped outside training."""
        c, z = self.c, self.z
        if not c.is_train:
            if c.wants("mask"):
                ones = self.output("mask")
                c.call("dropout_ones", [ones], [], items=ones.size, cost=0.2)
            return None
        shape = (z.layers - 1, z.time, z.batch, self.row)
        mask = self.output("mask") if c.wants("mask") else c.temp(shape, self.input("data").dtype)
        keep = np.float32(1) - np.float32(self.op.p)
        value = np.float32(1) / keep if keep > 0 else 0.0
        state = c.random_state()
        n, step = generators(mask.size)
        c.call(
            "random_mask", [mask, state], [state], [mask.size, step], [float(keep), float(value)],
            items=n, cost=1.0 * step, mutates=True,
        )  # fmt: skip
        return mask

    def _packed(self, w: Tensor) -> Tensor:
        """Weights (gates * hidden, width) as products read them, kept for inference while unchanged."""
        c, z, width = self.c, self.z, w.shape[1]
        vector = self.input("parameters")
        is_kept = c.is_argument(vector) and not c.is_train
        make = c.persistent if is_kept else c.temp
        packed = make((up(z.hidden, UNITS), z.gates, width), w.dtype)
        c.call(
            "rnn_pack", [packed], [w], [z.gates, z.hidden, width], items=pieces(z.hidden, UNITS),
            cost=1.0 * UNITS * z.gates * width, guard=vector if is_kept else None,
        )  # fmt: skip
        return packed

    def _share(self, w: Weights, x: Tensor, gates: Tensor, slots: int) -> None:
        """The input's part of the gates, of all steps."""
        z, rows, width = self.z, self.z.time * self.z.batch, w.x.shape[1]
        step = ROWS_OF[z.gates]
        self.c.call(
            "rnn_share", [gates], [x, self._packed(w.x), w.bias_x],
            [rows, z.batch, z.hidden, width, step, z.gates, slots],
            items=pieces(z.hidden, UNITS) * pieces(rows, step),
            cost=100.0 + min(step, rows) * UNITS * z.gates * (width / 80 + 1.0),
        )  # fmt: skip

    def _run_layer(self, layer: int, direction: int, x: Tensor, h: Tensor) -> None:
        c, z, op = self.c, self.z, self.op
        w = self.weights[layer][direction]
        keep = z.gates > 1 and c.wants("gates")
        slots = 4 if keep else z.gates
        if keep:
            gates = part(part(self.output("gates"), layer), direction)
        else:
            gates = c.temp((z.time, pieces(z.hidden, UNITS), z.batch, slots * UNITS), x.dtype)
        self._share(w, x, gates, slots)
        packed = self._packed(w.h)
        before, ldp = self.initial("state", layer, direction), z.state
        clip, limits = self.limits()
        if op.mode == "lstm":
            cell = self.initial("state_cell", layer, direction)
            cells = part(part(self.output("cells"), layer), direction) if c.wants("cells") else None
            carried = c.temp((z.batch, z.hidden), x.dtype)
        unprojected = c.temp((z.batch, z.hidden), x.dtype) if w.r is not None else None
        step, items, cost = self.cut(UNITS, MAX_ROWS, z.gates * z.state)
        for t in self.order(direction):
            share, to = part(gates, t), part(h, t)
            ints = self.flags(z.state, slots, ldp, step, t, z.hidden if unprojected is not None else self.row)
            ins = [share, packed, w.bias_h, before]
            lengths = packed if self.lengths is None else self.lengths
            if op.mode == "lstm":
                new = carried if cells is None else part(cells, t)
                outs = [to if unprojected is None else unprojected, new, share]
                ints += [int(keep), clip]
                c.call("rnn_lstm", outs, [*ins, cell, lengths], ints, limits, items=items, cost=cost)
                cell = new
                if unprojected is not None and w.r is not None:
                    size, ends = (z.batch, z.state, z.hidden), ((z.hidden, 1), (1, z.hidden))
                    matmul(c, to, unprojected, w.r, size, *ends, self.row)
            elif op.mode == "gru":
                c.call("rnn_gru", [to, share], [*ins, lengths], [*ints, int(keep)], items=items, cost=cost)
            else:
                ints.append(int(op.mode == "rnn_relu"))
                c.call("rnn_plain", [to], [*ins, lengths], ints, items=items, cost=cost)
            before, ldp = to, self.row
        self._give("state_output", layer, direction, before)
        if op.mode == "lstm":
            self._give("statecell_output", layer, direction, cell)

    def _give(self, name: str, layer: int, direction: int, last: Tensor) -> None:
        if self.c.wants(name):
            self.c.copy(part(self.output(name), layer * self.z.directions + direction), last)


def part(t: Tensor, i: int) -> Tensor:
    """t[i]"""
    return t.view(t.shape[1:], i * t.strides[0], t.strides[1:])


def emit_mask(c: LowerContext, out: Tensor, x: Tensor, lengths: Tensor) -> None:
    """out = x, but 0 where a sequence is over; (time, batch, columns)."""
    ints = [x.itemsize, *x.shape, 0, 1, 0]
    c.call("sequence_mask", [out], [x, lengths], ints, items=x.shape[0] * x.shape[1], cost=5.0, dtype="any")


__all__ = ["UNITS", "LayerCalls", "RNNForwardCalls", "Sizes", "Weights", "part"]
