"""Questions about IdentityAttachKLSparseReg. Data only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opcases import OpCase, positive

if TYPE_CHECKING:
    from opcases import Maker


def _share(*shape: int) -> Maker:
    """Numbers in (0.1, 0.8)."""
    make = positive(*shape)
    return lambda rng: make(rng) / 3


_PARAMS = {"sparseness_target": "0.2", "penalty": "0.5", "momentum": "0.8"}

CASES = [
    OpCase(
        "IdentityAttachKLSparseReg",
        label,
        {"data": _share(*shape), "moving_avg": _share(shape[1])},
        params,
        aux=("moving_avg",),
        backwards=backwards,
    )
    for label, shape, params, backwards in [
        ("defaults", (7, 5), {}, 1),
        ("all", (7, 5), _PARAMS, 1),
        ("twice", (7, 5), _PARAMS, 2),
    ]
]
