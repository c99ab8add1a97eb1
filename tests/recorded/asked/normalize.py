"""Questions about L2Normalization and moments. Data only."""

from __future__ import annotations

from opcases import OpCase, ints, real

CASES = [
    OpCase("L2Normalization", "instance", {"data": real(3, 5, 7)}, add=True),
    OpCase("L2Normalization", "matrix_eps", {"data": real(3, 7)}, {"eps": "0.5"}),
    OpCase("L2Normalization", "channel", {"data": real(2, 3, 5, 7)}, {"mode": "channel"}),
    OpCase("L2Normalization", "spatial", {"data": real(2, 3, 5, 7)}, {"mode": "spatial"}),
    OpCase("L2Normalization", "f64", {"data": real(2, 11, dtype="float64")}),
    OpCase("moments", "axis", {"data": real(3, 37)}, {"axes": "(1,)"}),
    OpCase("moments", "two", {"data": real(2, 3, 5)}, {"axes": "(0, 2)"}),
    OpCase("moments", "keepdims", {"data": real(2, 3, 5)}, {"axes": "(1,)", "keepdims": "True"}),
    OpCase("moments", "all", {"data": real(3, 5)}, {"axes": "(0, 1)"}),
    OpCase("moments", "int32", {"data": ints(-9, 20, 5, 7, dtype="int32")}, {"axes": "(1,)"}, is_train=False),
    OpCase("moments", "uint8", {"data": ints(0, 12, 5, 7, dtype="uint8")}, {"axes": "(0,)"}, is_train=False),
]
