"""Cases of MakeLoss, make_loss, BlockGrad and _copy."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import Array, Case, Maker, exactly, normal


def identity(data: Array) -> Array:
    return data


def constant(value: float) -> Any:
    return lambda ograds, data: {"data": np.full(data.shape, value)}


def of(data: Maker, **params: Any) -> Case:
    def gradient(ograds: list[Array], data: Array) -> dict[str, Array]:
        share = {
            "null": 1,
            "batch": data[..., 0].size,
            "valid": max((data > params.get("valid_thresh", 0)).sum(), 1),
        }
        value = params.get("grad_scale", 1.0) / share[params.get("normalization", "null")]
        return {"data": np.full(data.shape, value)}

    return Case("MakeLoss", {"data": data}, identity, params, gradient)


CASES = [
    of(normal(3, 5), grad_scale=0.7),
    of(normal(7, 3), normalization="batch", grad_scale=3.0),
    of(normal(2, 3, 5), normalization="batch", grad_scale=3.0),
    of(normal(4), normalization="batch"),
    of(normal(17, 33), normalization="valid"),
    of(
        exactly([[0.5, np.nan, 2.0], [1.0, -1.0, np.inf]]),
        normalization="valid",
        valid_thresh=0.5,
        grad_scale=2.0,
    ),
    of(normal(3, 5), normalization="valid", valid_thresh=50.0),
    Case("make_loss", {"data": normal(3, 5)}, identity, gradient=constant(1.0)),
    Case("BlockGrad", {"data": normal(3, 17)}, identity, gradient=constant(0.0)),
    Case("_copy", {"data": normal(3, 17)}, identity, exact=True),
]
