"""Cases of FullyConnected: flattened or not, with and without bias, weights large enough to be packed."""

from __future__ import annotations

from math import prod
from typing import Any

from . import Array, Case, normal


def _dense(
    shape: tuple[int, ...], hidden: int, flatten: bool = True, no_bias: bool = False, is_train: bool = True
) -> Case:
    width = prod(shape[1:]) if flatten else shape[-1]

    def reference(data: Array, weight: Array, bias: Array | None = None) -> Array:
        rows = data.reshape(shape[0], width) if flatten else data
        return rows @ weight.T + (0 if bias is None else bias)

    def gradient(
        ograds: tuple[Array, ...], data: Array, weight: Array, bias: Array | None = None
    ) -> dict[str, Array]:
        g, x = ograds[0].reshape(-1, hidden), data.reshape(-1, width)
        grads = {"data": (g @ weight).reshape(shape), "weight": g.T @ x}
        return grads if bias is None else {**grads, "bias": g.sum(axis=0)}

    params: dict[str, Any] = {"num_hidden": hidden}
    if not flatten:
        params["flatten"] = False
    inputs = {"data": normal(*shape), "weight": normal(hidden, width)}
    if no_bias:
        params["no_bias"] = True
    else:
        inputs["bias"] = normal(hidden)
    return Case(
        "FullyConnected",
        inputs,
        reference,
        params=params,
        gradient=gradient if is_train else None,
        is_train=is_train,
    )


CASES = [
    _dense((3, 5), 7),
    _dense((5, 3), 2, no_bias=True),
    _dense((2, 3, 5, 7), 11),
    _dense((2, 3, 5), 7, flatten=False),
    _dense((7,), 3),
    _dense((7,), 3, flatten=False),
    _dense((1, 1), 1),
    _dense((17, 31), 37, no_bias=True),
    _dense((5, 3, 173), 131),
    _dense((29, 277), 67, is_train=False),
    _dense((1, 521), 37, is_train=False, no_bias=True),
    _dense((3, 5, 331), 53, flatten=False, is_train=False),
]
