"""Questions about _histogram. Data only."""

from __future__ import annotations

from opcases import OpCase, ints, real, values

_TYPES = ("float16", "float64", "uint8", "int8", "int32", "int64")
_ENDS = values([0, 1, 1, 2.5, 4, 4, 5, -1, float("nan")])

CASES: list[OpCase] = [
    OpCase("_histogram", "given", {"data": _ENDS, "bins": values([0, 1, 2, 4])}, is_train=False),
    OpCase(
        "_histogram", "normal", {"data": real(7, 31), "bins": values([-3, -0.25, 0, 0.5, 3])}, is_train=False
    ),
    OpCase("_histogram", "uniform", {"data": _ENDS}, {"bin_cnt": "4", "range": "(0, 4)"}, is_train=False),
    OpCase(
        "_histogram", "seven", {"data": real(7, 31)}, {"bin_cnt": "7", "range": "(-1, 1.5)"}, is_train=False
    ),
    *(
        OpCase(
            "_histogram", dtype, {"data": ints(0, 6, 31, dtype=dtype)}, {"bin_cnt": "4", "range": "(0, 3)"},
            is_train=False,
        )
        for dtype in _TYPES
    ),
    *(
        OpCase(
            "_histogram", f"given_{dtype}",
            {"data": ints(0, 6, 31, dtype=dtype), "bins": values([0, 1, 3, 4], dtype)}, is_train=False,
        )
        for dtype in _TYPES
    ),
]  # fmt: skip
