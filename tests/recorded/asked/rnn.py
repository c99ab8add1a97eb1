"""The table of cases of RNN; data only.

MXNet's CPU ignores sequence lengths and the bounds of cells, and for float32 drops nothing, so these are
asked with values that change nothing. It has no training with a projection.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from opcases import OpCase, real, values

if TYPE_CHECKING:
    from opcases import Maker


def _case(
    label: str,
    mode: str,
    size: tuple[int, int, int, int],
    layers: int = 1,
    sides: int = 1,
    states: bool = False,
    projection: int = 0,
    dtype: str = "float32",
    add: bool = False,
    **params: str,
) -> OpCase:
    """`size`: time, batch, input, hidden."""
    time, batch, width, hidden = size
    rows = {"lstm": 4, "gru": 3}.get(mode, 1) * hidden
    state = projection or hidden
    count = 0
    for layer in range(layers):
        below = sides * state if layer else width
        count += sides * (rows * (below + state + 2) + projection * hidden)
    inputs: dict[str, Maker] = {
        "data": real(time, batch, width, dtype=dtype),
        "parameters": real(count, scale=0.5, dtype=dtype),
        "state": real(layers * sides, batch, state, dtype=dtype),
    }
    if mode == "lstm":
        inputs["state_cell"] = real(layers * sides, batch, hidden, dtype=dtype)
    known = {"mode": mode, "state_size": str(hidden), "num_layers": str(layers)}
    if sides == 2:
        known["bidirectional"] = "True"
    if states:
        known["state_outputs"] = "True"
    if projection:
        known["projection_size"] = str(projection)
    if "use_sequence_length" in params:
        inputs["sequence_length"] = values([time] * batch)
    known.update(params)
    quiet = tuple(inputs) if projection else tuple(n for n in inputs if n == "sequence_length")
    # symbols of MXNet take the fourth input by position for state_cell, whether there is one or not
    how = "imperative" if "sequence_length" in inputs and mode != "lstm" else "symbol"
    return OpCase("RNN", label, inputs, known, is_train=not projection, add=add, no_grad=quiet, mode=how)


CASES: list[OpCase] = [
    *(
        case
        for mode in ("lstm", "gru", "rnn_tanh", "rnn_relu")
        for case in (
            _case(mode + "_one", mode, (3, 2, 5, 7), add=mode == "lstm"),
            _case(mode + "_states", mode, (2, 3, 5, 11), states=True),
            _case(mode + "_both", mode, (3, 2, 5, 3), sides=2),
            _case(mode + "_deep", mode, (5, 2, 3, 4), layers=2, sides=2, states=True),
        )
    ),
    _case("lstm_f64", "lstm", (3, 2, 5, 3), layers=2, states=True, dtype="float64"),
    _case("gru_f64", "gru", (3, 2, 5, 3), layers=3, states=True, dtype="float64"),
    _case("lstm_lengths", "lstm", (3, 2, 5, 3), states=True, use_sequence_length="True"),
    _case("rnn_lengths", "rnn_tanh", (3, 2, 5, 3), sides=2, use_sequence_length="True"),
    _case(
        "lstm_wide_clip",
        "lstm",
        (3, 2, 5, 3),
        states=True,
        lstm_state_clip_min="-50",
        lstm_state_clip_max="50",
    ),
    _case("lstm_p_of_one_layer", "lstm", (3, 2, 5, 3), p="0.5"),
    _case("projection", "lstm", (3, 2, 5, 7), states=True, projection=3),
    _case("projection_deep", "lstm", (3, 2, 5, 3), layers=3, sides=2, states=True, projection=2),
]
