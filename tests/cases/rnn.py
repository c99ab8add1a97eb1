"""Cases of RNN: steps written out in NumPy, one after the other."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import Array, Case, Maker, exactly, normal


def sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


def step(
    mode: str, x: Array, h: Array, cell: Array, weights: tuple[Array, ...], clip: Any
) -> tuple[Array, Array]:
    """The state and the cell after one step."""
    w, u, b, d = weights
    mine, theirs = x @ w.T + b, h @ u.T + d
    if mode == "lstm":
        i, f, g, o = np.split(mine + theirs, 4, axis=1)
        cell = sigmoid(f) * cell + sigmoid(i) * np.tanh(g)
        cell = cell if clip is None else np.clip(cell, *clip)
        return sigmoid(o) * np.tanh(cell), cell
    if mode == "gru":
        (r, z, n), (ur, uz, un) = np.split(mine, 3, axis=1), np.split(theirs, 3, axis=1)
        z = sigmoid(z + uz)
        return (1 - z) * np.tanh(n + sigmoid(r + ur) * un) + z * h, cell
    return np.tanh(mine + theirs) if mode == "rnn_tanh" else np.maximum(mine + theirs, 0), cell


def reference(
    data: Array,
    parameters: Array,
    state: Array,
    state_cell: Array | None = None,
    sequence_length: Array | None = None,
    *,
    mode: str,
    state_size: int,
    num_layers: int,
    bidirectional: bool = False,
    state_outputs: bool = False,
    use_sequence_length: bool = False,
    clip: Any = None,
    p: float = 0.0,
) -> tuple[Array, ...]:
    """One sample at a time, so that each may end where it likes. (`p` is not applied.)"""
    steps, batch, width = data.shape
    gates, sides = {"lstm": 4, "gru": 3}.get(mode, 1), 2 if bidirectional else 1
    rows, rest = gates * state_size, parameters
    shapes = [
        (rows, n)
        for layer in range(num_layers)
        for _ in range(sides)
        for n in (sides * state_size if layer else width, state_size)
    ]
    parts = []
    for shape in shapes + [(rows,)] * len(shapes):
        parts.append(rest[: int(np.prod(shape))].reshape(shape))
        rest = rest[parts[-1].size :]
    assert rest.size == 0
    matrices, biases = parts[: len(shapes)], parts[len(shapes) :]
    cells = state if state_cell is None else state_cell
    lengths = [steps] * batch if sequence_length is None else [min(int(n), steps) for n in sequence_length]
    last, last_cell, x = np.array(state), np.array(cells), data
    for layer in range(num_layers):
        out = np.zeros((steps, batch, sides * state_size))
        for side in range(sides):
            k = layer * sides + side
            weights = (matrices[2 * k], matrices[2 * k + 1], biases[2 * k], biases[2 * k + 1])
            for n in range(batch):
                h, cell = state[k, n : n + 1], cells[k, n : n + 1]
                for t in range(lengths[n]) if side == 0 else reversed(range(lengths[n])):
                    h, cell = step(mode, x[t, n : n + 1], h, cell, weights, clip)
                    out[t, n, side * state_size : (side + 1) * state_size] = h[0]
                last[k, n], last_cell[k, n] = h[0], cell[0]
        x = out
    more = (last, last_cell)[: 1 + (mode == "lstm")] if state_outputs else ()
    return (x, *more)


def case(
    mode: str,
    time: int,
    batch: int,
    width: int,
    hidden: int,
    layers: int = 1,
    both: bool = False,
    states: bool = False,
    lengths: list[int] | None = None,
    clip: tuple[float, float] | None = None,
    **more: Any,
) -> Case:
    gates, sides = {"lstm": 4, "gru": 3}.get(mode, 1), 2 if both else 1
    count = sum(
        sides * gates * hidden * ((sides * hidden if layer else width) + hidden + 2)
        for layer in range(layers)
    )
    inputs: dict[str, Maker] = {
        "data": normal(time, batch, width),
        "parameters": normal(count, scale=0.5),
        "state": normal(layers * sides, batch, hidden),
    }
    if mode == "lstm":
        inputs["state_cell"] = normal(layers * sides, batch, hidden)
    known: dict[str, Any] = {"mode": mode, "state_size": hidden, "num_layers": layers}
    if both:
        known["bidirectional"] = True
    if states:
        known["state_outputs"] = True
    if lengths is not None:
        known["use_sequence_length"] = True
        inputs["sequence_length"] = exactly(lengths)
    params = dict(known)
    if clip is not None:
        params.update(lstm_state_clip_min=clip[0], lstm_state_clip_max=clip[1])
    return Case(
        "RNN", inputs, lambda **arrays: reference(**arrays, **known, clip=clip), params={**params, **more},
        wrt=tuple(n for n in inputs if n != "sequence_length"), tolerance=256,
    )  # fmt: skip


CASES = [
    case("lstm", 3, 2, 5, 3, layers=2, both=True, states=True),
    case("lstm", 2, 3, 2, 17),
    case("lstm", 5, 3, 2, 3, both=True, states=True, lengths=[4, 1, 9]),
    case("lstm", 3, 2, 3, 4, states=True, clip=(-0.4, 0.5)),
    case("gru", 3, 2, 5, 3, layers=2, both=True, states=True),
    case("gru", 4, 3, 2, 3, layers=2, both=True, states=True, lengths=[2, 4, 3]),
    case("gru", 1, 3, 5, 2),
    case("rnn_tanh", 3, 2, 5, 3, layers=2, both=True, states=True),
    case("rnn_tanh", 4, 3, 2, 3, both=True, lengths=[2, 0, 3]),
    case("rnn_relu", 3, 2, 5, 3, layers=3, state_outputs=False),
]
