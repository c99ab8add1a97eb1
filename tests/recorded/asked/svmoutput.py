"""Questions about SVMOutput. Data only."""

from __future__ import annotations

from opcases import OpCase, ints, real, values

_MATRIX = {"data": real(7, 5), "label": ints(0, 5, 7)}

CASES = [
    OpCase("SVMOutput", "squared", dict(_MATRIX), is_loss=True),
    OpCase("SVMOutput", "linear", dict(_MATRIX), {"use_linear": "True"}, is_loss=True),
    OpCase(
        "SVMOutput",
        "margin",
        dict(_MATRIX),
        {"margin": "0.5", "regularization_coefficient": "2"},
        is_loss=True,
    ),
    OpCase("SVMOutput", "cube", {"data": real(2, 3, 5), "label": ints(0, 5, 2, 3)}, is_loss=True),
    OpCase("SVMOutput", "odd_labels", {"data": real(3, 5), "label": values([1.7, -1, 5])}, is_loss=True),
]
