"""Cases of softmax, log_softmax, softmin and SoftmaxActivation.

Rows of 1, 3, 17, 33 and 67 elements take every way through the kernels (rows turned side by side, whole
vectors, tails); other axes take the column kernels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from . import Array, Case, exactly, normal


def softmax(data: Array, axis: int = -1) -> Array:
    e = np.exp(data - data.max(axis=axis, keepdims=True))
    result: Array = e / e.sum(axis=axis, keepdims=True)
    return result


def log_softmax(data: Array, axis: int = -1) -> Array:
    x = data - data.max(axis=axis, keepdims=True)
    result: Array = x - np.log(np.exp(x).sum(axis=axis, keepdims=True))
    return result


def softmin(data: Array, axis: int = -1) -> Array:
    return softmax(-data, axis)


def of(op: str, function: Callable[..., Array], shape: tuple[int, ...], **params: Any) -> Case:
    axis, heat = params.get("axis", -1), params.get("temperature", 1.0)
    return Case(op, {"data": normal(*shape, scale=2)}, lambda data: function(data / heat, axis), params)


INF, NAN = np.inf, np.nan
ODD = [[1.0, -INF, 3.0], [INF, 0.0, 0.0], [-INF, -INF, -INF], [NAN, 1.0, 1.0], [0.0, -200.0, -90.0]]
FUNCTIONS = {"softmax": softmax, "log_softmax": log_softmax, "softmin": softmin}

CASES = [
    case
    for op, function in FUNCTIONS.items()
    for case in (
        of(op, function, (3, 5)),
        of(op, function, (19, 17)),
        of(op, function, (5, 33)),
        of(op, function, (3, 67), temperature=0.5),
        of(op, function, (7, 1)),
        of(op, function, (2, 3, 5), axis=1),
        of(op, function, (3, 2, 37), axis=1, temperature=3.0),
        of(op, function, (67, 3), axis=0),
        Case(op, {"data": normal(2, 5003, scale=3)}, function, gradient=None),
        Case(op, {"data": exactly([[1e4, 1e4 + 1, -1e4], [-88, -90, 88]])}, function, gradient=None),
    )
]
CASES += [
    Case("softmax", {"data": exactly(ODD)}, softmax, gradient=None),
    Case("log_softmax", {"data": exactly(ODD)}, log_softmax, gradient=None),
    Case(
        "softmax",
        {"data": exactly(np.transpose(ODD))},
        lambda data: softmax(data, 0),
        {"axis": 0},
        gradient=None,
    ),
    Case("softmax", {"data": normal(3, 5)}, softmax, {"dtype": "float64"}, dtypes=("float32",), tolerance=1),
    Case("SoftmaxActivation", {"data": normal(3, 17)}, softmax),
    Case("SoftmaxActivation", {"data": normal(2, 3, 5)}, softmax),
    Case(
        "SoftmaxActivation",
        {"data": normal(2, 3, 5, 7)},
        lambda data: softmax(data, 1),
        {"mode": "channel"},
    ),
]
