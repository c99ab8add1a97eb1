"""Questions about LayerNorm. Data only."""

from __future__ import annotations

from opcases import OpCase, positive, real

_LAYER = {"data": real(3, 5, 7), "gamma": positive(7), "beta": real(7)}

CASES = [
    OpCase("LayerNorm", "matrix", {"data": real(5, 37), "gamma": positive(37), "beta": real(37)}, add=True),
    OpCase("LayerNorm", "eps", dict(_LAYER), {"eps": "0.1"}),
    OpCase(
        "LayerNorm",
        "axis1",
        {"data": real(3, 5, 7), "gamma": positive(5), "beta": real(5)},
        {"axis": "1"},
    ),
    OpCase("LayerNorm", "statistics", dict(_LAYER), {"output_mean_var": "True"}),
    OpCase(
        "LayerNorm",
        "f64",
        {
            "data": real(3, 11, dtype="float64"),
            "gamma": positive(11, dtype="float64"),
            "beta": real(11, dtype="float64"),
        },
    ),
    OpCase("LayerNorm", "inference", dict(_LAYER), is_train=False),
]
