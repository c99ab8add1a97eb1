"""Cases of Embedding. Indices have no gradient; duplicates add up, also those that clipping makes."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import Array, Case, Maker, exactly, integers, normal


def rows(data: Array, weight: Array) -> Array:
    found: Array = np.clip(np.trunc(data).astype(np.int64), 0, len(weight) - 1)
    return found


def of(data: Maker, shape: tuple[int, int], dtype: str, index: str = "") -> Case:
    def gradient(ograds: list[Array], data: Array, weight: Array) -> dict[str, Array]:
        grad = np.zeros(weight.shape)
        np.add.at(grad, rows(data, weight), ograds[0])
        return {"weight": grad}

    params: dict[str, Any] = {"input_dim": shape[0], "output_dim": shape[1], "dtype": dtype}
    is_whole = not dtype.startswith("float")
    return Case(
        "Embedding",
        {"data": data, "weight": integers(*shape) if is_whole else normal(*shape)},
        lambda data, weight: weight[rows(data, weight)],
        params,
        None if is_whole else gradient,
        wrt=("weight",),
        dtypes=(dtype,),
        input_dtypes={"data": index or dtype},
    )


CASES = [
    case
    for dtype in ("float32", "float64")
    for case in (
        of(integers(2, 7, high=5), (5, 3), dtype),
        of(exactly([[5, -1, 0], [2, 2, 1]]), (5, 3), dtype),
        of(exactly([0.9, 3.7, -0.5, 1e12]), (5, 17), dtype),
        of(integers(3, 11, low=-2, high=150), (131, 33), dtype, "int32"),
        of(integers(301, high=2), (2, 1), dtype, "int64"),
        of(exactly([2]), (3, 5), dtype),
    )
] + [
    of(integers(2, 7, high=5), (5, 3), dtype, index)
    for dtype, index in (("float16", "float16"), ("uint8", "uint8"), ("int32", "int8"), ("int64", "float32"))
]
