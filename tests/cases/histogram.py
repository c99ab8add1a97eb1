"""Cases of _histogram: NumPy's, on bounds every type can hold; NaN, ends, and elements outside."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import Array, Case, Maker, exactly, integers, normal

TYPES = ("float32", "float64", "float16", "int32", "int64", "uint8")


def count(data: Array, bins: Array) -> tuple[Array, Array]:
    inside = data[~np.isnan(data)]
    return np.histogram(inside, bins)[0], bins


def given(data: Maker, bins: Maker, **kw: Any) -> Case:
    return Case("_histogram", {"data": data, "bins": bins}, count, **{"gradient": None, "exact": True, **kw})


def uniform(data: Maker, bin_cnt: int, ends: tuple[float, float], **kw: Any) -> Case:
    return Case(
        "_histogram",
        {"data": data},
        lambda data: count(data, np.linspace(*ends, bin_cnt + 1)),
        {"bin_cnt": bin_cnt, "range": ends},
        **{"gradient": None, "exact": True, **kw},
    )


ENDS = exactly([0, 1, 1, 2.5, 4, 4, 5, -1, float("nan")])
CASES = [
    given(ENDS, exactly([0, 1, 2, 4])),
    given(normal(7, 31), exactly([-3, -0.25, 0, 0.5, 3])),
    given(integers(211, high=9), exactly([1, 3, 4, 8]), dtypes=TYPES),
    uniform(ENDS, 4, (0, 4)),
    uniform(normal(5, 61), 16, (-2, 2)),
    uniform(integers(211, high=9), 8, (0, 8), dtypes=TYPES),
    uniform(normal(3, 401, scale=300.0), 5000, (-625, 625), dtypes=("float64",)),
]
