"""Cases of GroupNorm and InstanceNorm. Rows of 10 to 105 elements: tails, one and several blocks of lanes."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import Array, Case, normal


def groupnorm(data: Array, gamma: Array, beta: Array, groups: int, eps: float) -> Array:
    rows = data.reshape(data.shape[0], groups, -1)
    centred = rows - rows.mean(2, keepdims=True)
    scaled = centred / np.sqrt((centred**2).mean(2, keepdims=True) + eps)
    return (scaled * gamma[:, None] + beta[:, None]).reshape(data.shape)


def of_group(op: str, groups: int, *shape: int, eps: float = 1e-5, **params: Any) -> Case:
    inputs = {"data": normal(*shape, shift=0.5), "gamma": normal(groups), "beta": normal(groups)}
    params = {**params, "eps": eps}
    return Case(op, inputs, lambda **x: groupnorm(**x, groups=groups, eps=eps), params)


CASES = [
    of_group("GroupNorm", 3, 2, 6, 5, num_groups=3),
    of_group("GroupNorm", 1, 2, 3, 5, 7),
    of_group("GroupNorm", 5, 3, 5, 2, 2, num_groups=5, eps=0.1),
    Case(
        "GroupNorm",
        {"data": normal(2, 6, 5), "gamma": normal(2), "beta": normal(2)},
        lambda **x: (
            groupnorm(**x, groups=2, eps=1e-5),
            x["data"].reshape(2, 2, 15).mean(2),
            np.sqrt(x["data"].reshape(2, 2, 15).var(2) + 1e-5),
        ),
        {"num_groups": 2, "output_mean_var": True},
        gradient=None,
    ),
    of_group("InstanceNorm", 3, 2, 3, 67, eps=1e-3),
    of_group("InstanceNorm", 5, 3, 5, 2, 7, eps=0.1),
]
