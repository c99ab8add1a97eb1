"""Questions about cumsum. Data only."""

from __future__ import annotations

from opcases import OpCase, ints, real

CASES: list[OpCase] = [
    OpCase("cumsum", "flat", {"a": real(3, 5)}, add=True, add_rule=True),
    OpCase("cumsum", "axis", {"a": real(2, 3, 5)}, {"axis": "1"}),
    OpCase("cumsum", "last", {"a": real(2, 3, 5, dtype="float64")}, {"axis": "2"}),
    OpCase(
        "cumsum",
        "wide",
        {"a": ints(0, 100, 3, 5, dtype="int8")},
        {"axis": "0", "dtype": "int64"},
        is_train=False,
    ),
]
