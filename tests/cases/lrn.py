"""Cases of LRN. 67 positions take two blocks; windows narrower and wider than the channels."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import Array, Case, normal


def lrn(data: Array, nsize: int, alpha: float = 1e-4, beta: float = 0.75, knorm: float = 2.0) -> Array:
    channels, reach = data.shape[1], (nsize - 1) // 2
    index = np.arange(channels)
    window = (np.abs(index[:, None] - index) <= reach).astype(np.float64)
    squares = np.einsum("cd,nd...->nc...", window, data**2)
    result: Array = data / (knorm + alpha / nsize * squares) ** beta
    return result


def of(*shape: int, **params: Any) -> Case:
    return Case("LRN", {"data": normal(*shape, scale=2)}, lambda data: lrn(data, **params), params)


CASES = [
    of(2, 7, 3, 5, nsize=5, alpha=0.5),
    of(3, 5, 67, nsize=3, alpha=1.0, beta=0.6, knorm=1.5),
    of(2, 11, nsize=1, alpha=2.0),
    of(2, 3, 5, nsize=11, alpha=1.0, beta=2.0, knorm=1.0),
    of(2, 7, 3, nsize=4, alpha=1.0),
    of(1, 3, 5, 2, nsize=3),
    Case(
        "LRN", {"data": normal(2, 5, 3)}, lambda data: lrn(data, 3), {"nsize": 3}, None, dtypes=("float16",)
    ),
]
