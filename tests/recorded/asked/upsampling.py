"""Questions about UpSampling. Data only."""

from __future__ import annotations

from opcases import OpCase, real

_NEAREST = {"sample_type": "nearest"}
_SUM = dict(_NEAREST, multi_input_mode="sum")


def _bilinear(label: str, scale: int, *shape: int) -> OpCase:
    k = 2 * scale - scale % 2
    inputs = {"data": real(*shape), "weight": real(shape[1], 1, k, k)}
    params = {"sample_type": "bilinear", "scale": str(scale), "num_filter": str(shape[1]), "num_args": "2"}
    return OpCase("UpSampling", label, inputs, params)


CASES: list[OpCase] = [
    OpCase("UpSampling", "one", {"arg0": real(2, 3, 5, 7)}, dict(_NEAREST, scale="2"), add=True),
    OpCase("UpSampling", "f64", {"arg0": real(2, 3, 5, 7, dtype="float64")}, dict(_NEAREST, scale="3")),
    OpCase(
        "UpSampling",
        "joined",
        {"arg0": real(2, 3, 3, 5), "arg1": real(2, 2, 6, 10), "arg2": real(2, 1, 12, 20)},
        dict(_NEAREST, scale="4", num_args="3"),
    ),
    OpCase(
        "UpSampling",
        "added",
        {"arg0": real(2, 3, 3, 5), "arg1": real(2, 3, 6, 10)},
        dict(_SUM, scale="2", num_args="2"),
    ),
    _bilinear("bilinear_1", 1, 2, 3, 5, 4),
    _bilinear("bilinear_2", 2, 2, 3, 5, 4),
    _bilinear("bilinear_3", 3, 2, 2, 3, 5),
]
