"""Cases of amp_cast, amp_multicast, all_finite, multi_all_finite, multi_sum_sq and _square_sum."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import Array, Case, exactly, integers, normal, uniform

FLOATS = ("float32", "float64", "float16")
OTHERS = ("float64", "int32", "int64", "uint8", "int8", "bool")


def back(ograds: list[Array], **inputs: Array) -> dict[str, Array]:
    return dict(zip(inputs, ograds, strict=True))


def halves(*shape: int) -> Any:
    """Numbers every floating type holds exactly."""
    return lambda rng: rng.integers(-64, 64, shape) / 8


def both(data_0: Array, data_1: Array) -> tuple[Array, Array]:
    return data_0, data_1


def multicast(first: str, second: str, **params: Any) -> Case:
    """The types come out as inference says; the numbers stay."""
    inputs = {"data_0": halves(3, 5), "data_1": halves(7)}
    params = {"num_outputs": 2, **params}
    return Case(
        "amp_multicast", inputs, both, params, back, exact=True, dtypes=(first,),
        input_dtypes={"data_1": second},
    )  # fmt: skip


def finite(op: str, *numbers: list[float]) -> Case:
    names = ["data"] if op == "all_finite" else [f"array_{i}" for i in range(len(numbers))]
    want = float(np.isfinite(np.concatenate(numbers)).all())
    inputs = dict(zip(names, map(exactly, numbers), strict=True))
    params = {} if op == "all_finite" else {"num_arrays": len(numbers)}
    return Case(op, inputs, lambda **_: np.array([want]), params, None, exact=True, dtypes=FLOATS)


def square_sum(shape: tuple[int, ...], **params: Any) -> Case:
    axis = params.get("axis")
    if params.get("exclude"):
        axis = tuple(i for i in range(len(shape)) if i not in axis)

    def reference(data: Array) -> Array:
        return np.atleast_1d(np.square(data).sum(axis, keepdims=params.get("keepdims", False)))

    return Case("_square_sum", {"data": normal(*shape)}, reference, params)


CASES = [
    Case(
        "amp_cast",
        {"data": halves(3, 5)},
        lambda data: data,
        {"dtype": "float16"},
        back,
        exact=True,
        dtypes=("float32", "float16"),
    ),
    Case(
        "amp_cast",
        {"data": halves(3, 37)},
        lambda data: data,
        {"dtype": "float32"},
        back,
        exact=True,
        dtypes=("float32", "float16"),
    ),
    Case(
        "amp_cast",
        {"data": integers(3, 5, high=2)},
        lambda data: data,
        {"dtype": "float16"},
        None,
        exact=True,
        dtypes=OTHERS,
    ),
    multicast("float16", "float32"),
    multicast("float32", "float16", cast_narrow=True),
    multicast("float32", "float32"),
    multicast("float32", "float64"),
    finite("all_finite", [1.0, -2.0, 0.0]),
    finite("all_finite", [1.0, np.inf]),
    finite("all_finite", [np.nan, 1.0, 2.0]),
    finite("all_finite", [60000.0] * 67),
    finite("multi_all_finite", [1.0, 2.0], [3.0], [4.0, 5.0, 6.0]),
    finite("multi_all_finite", [1.0, 2.0], [3.0, -np.inf]),
    finite("multi_all_finite", [np.nan]),
    Case(
        "multi_sum_sq",
        {"array_0": normal(3, 5), "array_1": normal(7), "array_2": normal(2, 3, 41)},
        lambda **arrays: np.array([np.square(a).sum() for a in arrays.values()]),
        {"num_arrays": 3},
        gradient=None,
        dtypes=FLOATS,
    ),
    Case(
        "multi_sum_sq",
        {"array_0": uniform(5)},
        lambda array_0: np.array([(array_0**2).sum()]),
        {"num_arrays": 1},
        gradient=None,
    ),
    square_sum((3, 5), axis=(1,)),
    square_sum((2, 3, 5), axis=(0, 2), keepdims=True),
    square_sum((2, 3, 5), axis=(1,), exclude=True),
    square_sum((3, 37)),
]
