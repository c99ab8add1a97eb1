"""Cases of L2Normalization and moments."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import Array, Case, integers, normal


def l2(data: Array, axes: tuple[int, ...], eps: float = 1e-10) -> Array:
    result: Array = data / np.sqrt((data**2).sum(axes, keepdims=True) + eps)
    return result


def of(shape: tuple[int, ...], axes: tuple[int, ...], **params: Any) -> Case:
    eps = params.get("eps", 1e-10)
    return Case("L2Normalization", {"data": normal(*shape)}, lambda data: l2(data, axes, eps), params)


def moments(data: Array, axes: tuple[int, ...], keepdims: bool = False) -> tuple[Array, Array]:
    mean, var = data.mean(axes, keepdims=keepdims), data.var(axes, keepdims=keepdims)
    return np.atleast_1d(mean), np.atleast_1d(var)


def of_moments(*shape: int, **params: Any) -> Case:
    return Case("moments", {"data": normal(*shape, shift=0.5)}, lambda data: moments(data, **params), params)


def whole(data: Array) -> tuple[Array, Array]:
    """Of whole numbers: everything divided towards zero, deviations from the truncated mean."""
    n = data.shape[1]
    mean = np.trunc(data.sum(1) / n)
    return mean, np.trunc(((data - mean[:, None]) ** 2).sum(1) / n)


CASES = [
    of((3, 37), (1,)),
    of((2, 3, 5, 7), (1, 2, 3), eps=0.5),
    of((2, 7, 5), (1,), mode="channel"),
    of((2, 3, 5, 7), (1,), mode="channel", eps=0.1),
    of((2, 3, 5, 7), (2, 3), mode="spatial"),
    of((5,), ()),
    Case(
        "L2Normalization", {"data": normal(2, 5)}, lambda data: l2(data, (1,)), {}, None, dtypes=("float16",)
    ),
    of_moments(3, 37, axes=(1,)),
    of_moments(2, 3, 5, axes=(-1, 0)),
    of_moments(2, 3, 5, axes=(1,), keepdims=True),
    of_moments(3, 5, axes=(0, 1)),
    Case(
        "moments",
        {"data": integers(5, 7, high=12)},
        whole,
        {"axes": (1,)},
        None,
        dtypes=("uint8", "int8", "int32", "int64"),
        exact=True,
    ),
    Case(
        "moments",
        {"data": normal(5, 7)},
        lambda data: moments(data, (1,)),
        {"axes": (1,)},
        None,
        dtypes=("float16",),
    ),
]
