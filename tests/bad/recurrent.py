"""Bad inputs of RNN, SequenceMask, SequenceLast and SequenceReverse."""

from __future__ import annotations

import numpy as np

from . import HUGE, INF, LEAST, MOST, NAN, Table, f32

ROWS = Table()
bad, nasty = ROWS.bad, ROWS.nasty

# lstm, 3 units, of data (5, 2, 7): 4 * 3 * (7 + 3 + 2) = 144 parameters
LSTM = {"mode": "lstm", "state_size": 3, "num_layers": 1}
GRU = {"mode": "gru", "state_size": 3, "num_layers": 1}
GOOD = "5x2x7 144 1x2x3 1x2x3"

bad("RNN", "5x2 144 1x2x3 1x2x3", "data", "sequence length", r"\[5,2\]", **LSTM)
bad("RNN", "5x2x7 143 1x2x3 1x2x3", "parameters", r"\[143\]", r"\[144\]", **LSTM)
bad("RNN", "5x2x7 12x12 1x2x3 1x2x3", "parameters", r"\[12,12\]", r"\[144\]", **LSTM)
bad("RNN", "5x2x7 144 1x1x3 1x2x3", "state", r"\[1,1,3\]", r"\[1,2,3\]", **LSTM)
bad("RNN", "5x2x7 144 1x2x3 1x2x4", "state_cell", r"\[1,2,4\]", r"\[1,2,3\]", **LSTM)
bad("RNN", "5x2x7 108 1x2x3 1x2x3", "", **GRU)
bad("RNN", "5x2x7 108 2x2x3", "state", r"\[2,2,3\]", r"\[1,2,3\]", **GRU)
bad("RNN", "5x2x7 108 1x2x3 3", "sequence_length", r"\[3\]", r"\[2\]", use_sequence_length=True, **GRU)
bad("RNN", "0x2x7 144 1x2x3 1x2x3", "at least one step", r"\[0,2,7\]", **LSTM)
bad("RNN", "5x2x0 60 1x2x3 1x2x3", "at least one feature|feature", r"\[5,2,0\]", **LSTM)
bad("RNN", "5x2x7:int32 144:int32 1x2x3:int32 1x2x3:int32", "data", "float", "int32", **LSTM)
bad("RNN", "5x2x7 144:float64 1x2x3 1x2x3", "parameters", "float64", **LSTM)
bad("RNN", GOOD, "mode", "ltsm", **{**LSTM, "mode": "ltsm"})
bad("RNN", GOOD, "state_size", "0", **{**LSTM, "state_size": 0})
bad("RNN", GOOD, "state_size", **{**LSTM, "state_size": HUGE})
bad("RNN", GOOD, "num_layers", "0", **{**LSTM, "num_layers": 0})
bad("RNN", GOOD, "num_layers", **{**LSTM, "num_layers": HUGE})
bad("RNN", GOOD, "parameters|large", **{**LSTM, "num_layers": 2**30, "state_size": 2**30})
bad("RNN", GOOD, "p", "1.5", p=1.5, **LSTM)
bad("RNN", GOOD, "p", "nan", p=NAN, **LSTM)
bad("RNN", GOOD, "lstm_state_clip_max", "together", lstm_state_clip_min=-1.0, **LSTM)
bad("RNN", GOOD, "at most", "2", lstm_state_clip_min=2.0, lstm_state_clip_max=1.0, **LSTM)
bad("RNN", GOOD, "at most", "nan", lstm_state_clip_min=NAN, lstm_state_clip_max=1.0, **LSTM)
bad("RNN", GOOD, "projection_size", "0", projection_size=0, **LSTM)
bad("RNN", GOOD, "projection_size", "144", projection_size=2, **LSTM)
bad("RNN", "5x2x7 108 1x2x2", "projection_size", "lstm", "gru", projection_size=2, **GRU)

for name in ("SequenceMask", "SequenceLast", "SequenceReverse"):
    bad(name, "5", "2 dimensions", r"\[5\]")
    bad(name, "5x3", "axis", "2", axis=2)
    bad(name, "5x3", "axis", "-1", axis=-1)
    bad(name, "5x3 5", "sequence_length", r"\[5\]", r"\[3\]", use_sequence_length=True)
    bad(name, "5x3 3x1", "sequence_length", r"\[3,1\]", r"\[3\]", use_sequence_length=True)
    bad(name, "5x3 3", "")
bad("SequenceReverse", "5x3", "axis", "1", axis=1)
bad("SequenceMask", "5x3 3", "sequence_length", r"\[5\]", use_sequence_length=True, axis=1)
bad("SequenceMask", "5x3", "value", "x", value="x")
bad("SequenceLast", "0x3", "at least one step", r"\[0,3\]")

DATA = np.arange(6, dtype=np.float32).reshape(3, 2)
USED = {"use_sequence_length": True}
for lengths in (f32([NAN, INF]), f32([-INF, -3]), np.array([LEAST, MOST])):
    for name in ("SequenceMask", "SequenceLast", "SequenceReverse"):
        nasty(name, DATA, lengths, want=None, **USED)
nasty("SequenceMask", DATA, f32([0, 9]), want=f32([[0, 1], [0, 3], [0, 5]]), **USED)
nasty("SequenceLast", DATA, f32([0, 9]), want=f32([0, 5]), **USED)
nasty("SequenceReverse", DATA, f32([0, 9]), want=f32([[0, 5], [2, 3], [4, 1]]), **USED)
nasty(
    "SequenceMask",
    DATA.astype(np.int8),
    f32([1, 1]),
    want=np.array([[0, 1], [127, 127], [127, 127]], np.int8),
    value=1e30,
    **USED,
)
nasty(
    "SequenceMask",
    DATA.astype(np.uint8),
    f32([1, 1]),
    want=np.array([[0, 1], [0, 0], [0, 0]], np.uint8),
    value=NAN,
    **USED,
)
nasty(
    "SequenceMask",
    np.zeros((3, 0, 2), np.float32),
    np.zeros(0, np.float32),
    want=np.zeros((3, 0, 2), np.float32),
    **USED,
)
nasty("SequenceReverse", np.zeros((0, 2), np.float32), f32([1, 2]), want=np.zeros((0, 2), np.float32), **USED)
nasty("SequenceLast", np.zeros((3, 2, 0), np.float32), f32([1, 2]), want=np.zeros((2, 0), np.float32), **USED)

STATE = np.zeros((1, 2, 3), np.float32)
for number in (NAN, INF, -INF, 1e38):
    nasty(
        "RNN",
        np.full((5, 2, 7), number, np.float32),
        np.ones(144, np.float32),
        STATE,
        STATE,
        want=None,
        **LSTM,
    )
for lengths in (f32([NAN, INF]), np.array([LEAST, MOST])):
    nasty(
        "RNN",
        np.ones((5, 2, 7), np.float32),
        np.ones(108, np.float32),
        STATE,
        lengths,
        want=None,
        bidirectional=False,
        **USED,
        **GRU,
    )
nasty(
    "RNN",
    np.ones((5, 0, 7), np.float32),
    np.ones(144, np.float32),
    STATE[:, :0],
    STATE[:, :0],
    want=np.zeros((5, 0, 3), np.float32),
    **LSTM,
)
