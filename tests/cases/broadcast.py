"""Cases of broadcast_to, broadcast_axis and broadcast_like: NumPy's broadcast_to, numeric gradients (sums
back).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from . import Case, integers, normal

Dims = tuple[int, ...]


def to(source: Dims, target: Dims, shape: Dims) -> Case:
    return Case(
        "broadcast_to",
        {"data": normal(*source)},
        lambda data: np.broadcast_to(data, target),
        {"shape": shape},
    )


def axis(source: Dims, target: Dims, **params: Any) -> Case:
    return Case(
        "broadcast_axis", {"data": normal(*source)}, lambda data: np.broadcast_to(data, target), params
    )


def like(source: Dims, other: Dims, target: Dims, **params: Any) -> Case:
    return Case(
        "broadcast_like",
        {"lhs": normal(*source), "rhs": normal(*other)},
        lambda lhs, rhs: np.broadcast_to(lhs, target),
        params,
        wrt=("lhs",),
    )


CASES = [
    to((2, 1, 3), (2, 5, 3), (2, 5, 3)),
    to((2, 1, 3), (2, 5, 3), (0, 5, 0)),
    to((1, 3, 1), (2, 3, 5), (2, 3, 5)),
    to((1,), (7,), (7,)),
    to((2, 3), (2, 3), (2, 3)),
    axis((2, 1, 3), (2, 5, 3), axis=1, size=5),
    axis((1, 3, 1), (2, 3, 5), axis=(2, 0), size=(5, 2)),
    axis((2, 1), (2, 7), axis=(-1,), size=(7,)),
    like((2, 1, 3), (2, 5, 3), (2, 5, 3)),
    like((1, 2, 3), (5, 11, 7), (7, 2, 3), lhs_axes=(0,), rhs_axes=(-1,)),
    Case(
        "broadcast_to",
        {"data": integers(3, 1, 2)},
        lambda data: np.broadcast_to(data, (3, 5, 2)),
        {"shape": (3, 5, 2)},
        gradient=None,
        dtypes=("int32", "int64", "uint8", "float16"),
        exact=True,
    ),
]
