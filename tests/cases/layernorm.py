"""Cases of LayerNorm. Rows of 1, 7, 37 and 131 elements take tails, one and
several blocks of lanes; 67 rows make several parts of the sums for gamma and beta."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import Array, Case, normal


def layernorm(data: Array, gamma: Array, beta: Array, axis: int = -1, eps: float = 1e-5) -> Array:
    shape = [1] * data.ndim
    shape[axis] = -1
    centred = data - data.mean(axis, keepdims=True)
    std = np.sqrt((centred**2).mean(axis, keepdims=True) + eps)
    result: Array = centred / std * gamma.reshape(shape) + beta.reshape(shape)
    return result


def statistics(data: Array, gamma: Array, beta: Array, axis: int = -1) -> tuple[Array, Array, Array]:
    std = np.sqrt(data.var(axis, keepdims=True) + 1e-5)
    return layernorm(data, gamma, beta, axis), data.mean(axis, keepdims=True), std


def of_layer(*shape: int, shift: float = 0.0, tolerance: float = 64.0, **params: Any) -> Case:
    axis, eps = params.get("axis", -1), params.get("eps", 1e-5)
    inputs = {"data": normal(*shape, shift=shift), "gamma": normal(shape[axis]), "beta": normal(shape[axis])}
    return Case(
        "LayerNorm", inputs, lambda **x: layernorm(**x, axis=axis, eps=eps), params, tolerance=tolerance
    )


def no_gradient_of_statistics(
    ograds: list[Array], data: Array, gamma: Array, beta: Array
) -> dict[str, Array]:
    n, g = data.shape[-1], ograds[0]
    std = np.sqrt(data.var(-1, keepdims=True) + 1e-5)
    unit = (data - data.mean(-1, keepdims=True)) / std
    within = np.eye(n) - (1 + unit[..., :, None] * unit[..., None, :]) / n  # of one row, symmetric
    along = np.einsum("...ij,...j->...i", within, g * gamma) / std
    return {"data": along, "gamma": (g * unit).sum((0, 1)), "beta": g.sum((0, 1))}


INPUTS = {"data": normal(2, 3, 5), "gamma": normal(5), "beta": normal(5)}

CASES = [
    of_layer(3, 37),
    of_layer(5, 131, eps=0.1),
    of_layer(67, 7),
    of_layer(2, 3, 5, axis=1),
    of_layer(5, 2, 3, axis=0),
    of_layer(2, 3, 5, 7, axis=-2),
    of_layer(11),
    # Rows of one element: gradients are 0 but for rounding.
    Case(
        "LayerNorm", {"data": normal(3, 1), "gamma": normal(1), "beta": normal(1)}, layernorm, gradient=None
    ),
    # A mean 1000 deviations away: the inputs' own rounding is all that may be seen.
    Case(
        "LayerNorm",
        {"data": normal(2, 1009, shift=1000), "gamma": normal(1009), "beta": normal(1009)},
        layernorm,
        gradient=None,
        tolerance=256,
    ),
    Case("LayerNorm", INPUTS, statistics, {"output_mean_var": True}, no_gradient_of_statistics),
    Case("LayerNorm", INPUTS, layernorm, dtypes=("float16",), gradient=None),
]
