"""Cases of the operators that only ask for a shape: NumPy's counterparts."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import Array, Case, integers, normal

TYPES = ("float32", "float64", "float16", "int32", "int64", "uint8", "int8", "bool")


def query(op: str, shape: tuple[int, ...], want: Any, **params: Any) -> Case:
    inputs = {"data": integers(*shape, high=2)}
    return Case(op, inputs, lambda data: np.array(want), params, gradient=None, exact=True, dtypes=TYPES)


def index_array(shape: tuple[int, ...], *axes: int) -> Case:
    which = axes or range(len(shape))
    want = np.stack([np.indices(shape)[a] for a in which], axis=-1)
    return query("_contrib_index_array", shape, want, **({"axes": axes} if axes else {}))


def arange_like(
    shape: tuple[int, ...], want: Array, dtypes: tuple[str, ...] = TYPES[:-1], **params: Any
) -> Case:
    inputs = {"data": normal(*shape)}
    return Case("_contrib_arange_like", inputs, lambda data: want, params, gradient=None, dtypes=dtypes)


def linspace(start: float, stop: float, num: int, endpoint: bool = True, dtype: str = "float32") -> Case:
    params = {"start": start, "stop": stop, "num": num, "endpoint": endpoint, "dtype": dtype}
    want = np.linspace(start, stop, num, endpoint, dtype=dtype)
    return Case("_linspace", {}, lambda: want, params, gradient=None, dtypes=("float32",))


CASES = [
    query("shape_array", (2, 3, 5), [2, 3, 5]),
    query("shape_array", (7,), [7]),
    query("size_array", (2, 3, 5), [30]),
    index_array((2, 3)),
    index_array((2, 3, 5), 2, 0),
    index_array((7, 11), -1),
    arange_like((2, 3), np.arange(6).reshape(2, 3)),
    arange_like((2, 3), np.arange(3), axis=-1),
    arange_like((2, 3, 5), 2 + 0.5 * np.arange(30).reshape(2, 3, 5), TYPES[:2], start=2, step=0.5),
    arange_like((7, 3), np.arange(21).reshape(7, 3) // 4, repeat=4),
    linspace(0, 1, 5),
    linspace(0, 1, 5, False),
    linspace(3, -2, 11, True, "float64"),
    linspace(2, 9, 1),
    linspace(0, 12, 5, True, "int32"),
    linspace(0, 12, 5, True, "float16"),
    Case(
        "_zeros_without_dtype",
        {},
        lambda: np.zeros((2, 3)),
        {"shape": (2, 3), "dtype": 0},
        gradient=None,
        exact=True,
        dtypes=("float32",),
    ),
    Case(
        "_zeros_without_dtype",
        {},
        lambda: np.zeros((2, 3)),
        {"shape": (2, 3), "dtype": 4},
        gradient=None,
        exact=True,
        dtypes=("float32",),
    ),
    Case(
        "_identity_with_attr_like_rhs",
        {"lhs": normal(2, 3), "rhs": normal(2, 3)},
        lambda lhs, rhs: lhs,
        gradient=lambda ograds, lhs, rhs: {"lhs": ograds[0], "rhs": np.zeros((2, 3))},
        exact=True,
    ),
]
