"""The table of cases of SequenceMask, SequenceLast and SequenceReverse; data only.

Lengths are between 1 and the number of steps: MXNet reads and writes outside its arrays for others.
"""

from __future__ import annotations

from opcases import OpCase, ints, real, values

USED = {"use_sequence_length": "True"}
LENGTHS = {"sequence_length": values([3, 1, 5])}
QUIET = ("sequence_length",)

CASES: list[OpCase] = [
    OpCase("SequenceMask", "plain", {"data": real(2, 3, 5)}),
    OpCase("SequenceMask", "lengths", {"data": real(5, 3, 2), **LENGTHS}, USED, add=True, no_grad=QUIET),
    OpCase(
        "SequenceMask", "value_axis1", {"data": real(3, 5, 2, 3), **LENGTHS},
        {**USED, "value": "-1.5", "axis": "1"}, no_grad=QUIET,
    ),
    OpCase(
        "SequenceMask", "zero_length_i32",
        {"data": real(5, 2), "sequence_length": values([0, 4], dtype="int32")},
        USED, no_grad=QUIET,
    ),
    OpCase(
        "SequenceMask", "int_data", {"data": ints(-9, 9, 5, 3, dtype="int32"), **LENGTHS},
        {**USED, "value": "-7"}, mode="imperative",
    ),
    OpCase("SequenceLast", "plain", {"data": real(2, 3, 5)}),
    OpCase("SequenceLast", "matrix", {"data": real(5, 3), **LENGTHS}, USED, add=True, no_grad=QUIET),
    OpCase("SequenceLast", "lengths", {"data": real(5, 3, 2, 2), **LENGTHS}, USED, no_grad=QUIET),
    OpCase("SequenceLast", "axis1", {"data": real(3, 5, 2), **LENGTHS}, {**USED, "axis": "1"}, no_grad=QUIET),
    OpCase("SequenceReverse", "plain", {"data": real(2, 3, 5)}),
    OpCase("SequenceReverse", "lengths", {"data": real(5, 3, 2), **LENGTHS}, USED, add=True, no_grad=QUIET),
    OpCase(
        "SequenceReverse", "f64_i64",
        {"data": real(5, 2, dtype="float64"), "sequence_length": values([2, 4], dtype="int64")},
        USED, no_grad=QUIET,
    ),
]  # fmt: skip
