"""Cases of the operators that only rename dimensions: NumPy's reshape to a target that is spelt out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from . import Array, Case, normal

INTEGERS = ("int32", "int64", "uint8", "float16")


def to(*shape: int) -> Callable[..., Array]:
    return lambda data: data.reshape(shape)


def back(ograds: list[Array], data: Array) -> dict[str, Array]:
    return {"data": ograds[0].reshape(data.shape)}


def reshape(source: tuple[int, ...], target: tuple[int, ...], **params: Any) -> Case:
    return Case("Reshape", {"data": normal(*source)}, to(*target), params=params, gradient=back, exact=True)


def rename(op: str, source: tuple[int, ...], target: tuple[int, ...], **params: Any) -> Case:
    return Case(op, {"data": normal(*source)}, to(*target), params=params, gradient=back, exact=True)


def like(lhs: tuple[int, ...], rhs: tuple[int, ...], target: tuple[int, ...], **params: Any) -> Case:
    return Case(
        "reshape_like",
        {"lhs": normal(*lhs), "rhs": normal(*rhs)},
        lambda lhs, rhs: lhs.reshape(target),
        params=params,
        gradient=lambda ograds, lhs, rhs: {"lhs": ograds[0].reshape(lhs.shape)},
        wrt=("lhs",),
        exact=True,
    )


CASES = [
    reshape((2, 3, 5), (5, 6), shape=(5, 6)),
    reshape((2, 3, 5), (6, 5), shape=(-1, 5)),
    reshape((2, 3, 4), (4, 3, 2), shape=(4, 0, 2)),
    reshape((2, 3, 5), (2, 15), shape=(0, -3)),
    reshape((2, 3, 5), (6, 5), shape=(-3, -2)),
    reshape((2, 3, 5), (1, 2, 3, 5), shape=(-4, 1, 2, -2)),
    reshape((2, 3, 5), (2, 1, 3, 5), shape=(2, -4, -1, 3, -2)),
    reshape((2, 12, 5), (2, 3, 4, 5), shape=(0, -4, 3, -1, 0)),
    reshape((2, 3, 5), (2, 3, 5, 1), shape=(-2, 1)),
    reshape((10, 5, 7), (50, 7), shape=(-1, 0), reverse=True),
    reshape((10, 5, 7), (70, 5), shape=(-1, 0)),
    reshape((2, 3, 5), (6, 5), shape=(-3, 5), reverse=True),
    reshape((2, 3, 5), (2, 15), target_shape=(0, 15)),
    reshape((2, 3, 5), (2, 15), target_shape=(7, 0), keep_highest=True),
    reshape((1, 1), (1,), shape=(1,)),
    Case(
        "Reshape",
        {"data": lambda rng: rng.integers(0, 100, (2, 3, 5)).astype(np.float64)},
        to(3, 10),
        params={"shape": (3, -1)},
        gradient=None,
        dtypes=INTEGERS,
        exact=True,
    ),
    rename("Flatten", (3, 2, 5), (3, 10)),
    rename("Flatten", (7,), (7, 1)),
    rename("expand_dims", (2, 3), (1, 2, 3), axis=0),
    rename("expand_dims", (2, 3), (2, 3, 1), axis=-1),
    rename("expand_dims", (2, 3), (2, 1, 3), axis=1),
    rename("squeeze", (1, 3, 1, 5), (3, 5)),
    rename("squeeze", (1, 3, 1, 5), (1, 3, 5), axis=2),
    rename("squeeze", (1, 3, 1), (3,), axis=(0, -1)),
    rename("squeeze", (1, 1), (1,)),
    like((2, 3, 4), (6, 4), (6, 4)),
    like((2, 3, 4), (12, 7), (2, 12), lhs_begin=1, lhs_end=3, rhs_begin=0, rhs_end=1),
    like((2, 3, 5), (6, 2), (6, 5), lhs_begin=0, lhs_end=-1, rhs_begin=0, rhs_end=-1),
]
