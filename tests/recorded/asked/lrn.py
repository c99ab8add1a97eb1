"""Questions about LRN. Data only."""

from __future__ import annotations

from opcases import OpCase, real

CASES = [
    OpCase("LRN", "plain", {"data": real(2, 7, 3, 5, scale=2.0)}, {"nsize": "5", "alpha": "0.5"}, add=True),
    OpCase(
        "LRN",
        "all",
        {"data": real(2, 5, 3, 7)},
        {"nsize": "3", "alpha": "1", "beta": "0.6", "knorm": "1.5"},
    ),
    OpCase("LRN", "defaults", {"data": real(2, 5, 3, 2, scale=30.0)}, {"nsize": "5"}),
    OpCase("LRN", "even", {"data": real(2, 7, 3, 2)}, {"nsize": "4", "alpha": "1"}),
    OpCase("LRN", "wider_than_channels", {"data": real(2, 3, 5, 2)}, {"nsize": "11", "alpha": "1"}),
]
