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


def of_lengths(op: str, shape: tuple[int, ...], lengths: list[int], dtype: str, **params: Any) -> Case:
    """Lengths 0, negative and beyond the end included; what is masked is 0."""
    axis = params.get("axis", -1)
    left = tuple(d for i, d in enumerate(shape) if i != axis % len(shape))

    def reference(data: Array, length: Array) -> Array:
        index = np.arange(shape[axis]).reshape(
            [-1 if i == axis % len(shape) else 1 for i in range(len(shape))]
        )
        inside = index < np.expand_dims(length, axis)
        some = inside | ~inside.any(axis, keepdims=True)  # a line of nothing must not be NaN
        hidden = np.where(some, data, INF if op == "softmin" else -INF)
        return np.where(inside, FUNCTIONS[op](hidden, axis), 0.0)

    many = np.resize(lengths, left)
    inputs = {"data": normal(*shape, scale=2), "length": exactly(many)}
    params = {"use_length": True, **params}
    return Case(op, inputs, reference, params, wrt=("data",), input_dtypes={"length": dtype})


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
    of_lengths("softmax", (3, 7), [1, 7, 3], "int32"),
    of_lengths("softmax", (2, 3, 5), [2, 0, 9, -3, 4], "int64", axis=1),
    of_lengths("softmax", (5, 2, 37), [3, 5], "int32", axis=0),
    of_lengths("log_softmax", (3, 37), [11, 37, 0], "int32"),
    of_lengths("log_softmax", (2, 3, 5), [1, 3, 2], "int32", axis=1),
    of_lengths("softmin", (3, 7), [1, 7, 3], "int64"),
    Case(
        "softmax",
        {"data": normal(3, 5), "length": exactly([5, 2, 3])},
        lambda data, length: np.where(
            np.arange(5) < length[:, None], softmax(np.where(np.arange(5) < length[:, None], data, -INF)), 0
        ),
        {"use_length": True},
        None,
        dtypes=("float16",),
        input_dtypes={"length": "int32"},
    ),
    Case("softmax", {"data": normal(3, 5)}, softmax, gradient=None, dtypes=("float16",)),
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
