"""Questions about loss heads of other types than float32. Data only."""

from __future__ import annotations

from opcases import OpCase, real, values

CASES: list[OpCase] = [
    *(
        OpCase(op, dtype, {"data": values([[3, -1, 3], [2, 5, -4]], dtype)}, is_loss=True)
        for op in ("make_loss",)
        for dtype in ("int32", "int64", "uint8", "float16")
    ),
    OpCase("MakeLoss", "half", {"data": real(2, 3, dtype="float16")}, {"grad_scale": "3"}, is_loss=True),
    OpCase(
        "MakeLoss",
        "half_valid",
        {"data": real(2, 3, dtype="float16")},
        {"normalization": "valid", "grad_scale": "3"},
        is_loss=True,
    ),
]
