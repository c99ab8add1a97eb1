"""Cases of the random samplers: properties. The numbers themselves: test_recorded_ops."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import Array, Case


def uniform(low: float, high: float) -> Any:
    def check(outputs: list[Array]) -> None:
        x = outputs[0].astype(np.float64)
        n, width = x.size, high - low
        assert low <= x.min() < low + 20 * width / n
        assert high >= x.max() > high - 20 * width / n
        assert abs(x.mean() - (low + high) / 2) < 6 * width / np.sqrt(12 * n)
        assert abs(x.var() - width**2 / 12) < 6 * width**2 / np.sqrt(180 * n)
        assert len(np.unique(outputs[0])) > 0.9 * n

    return check


def normal(loc: float, scale: float) -> Any:
    def check(outputs: list[Array]) -> None:
        z = (outputs[0].astype(np.float64) - loc) / scale
        n = z.size
        assert abs(z.mean()) < 6 / np.sqrt(n)
        assert abs(z.var() - 1) < 6 * np.sqrt(2 / n)
        assert abs((z**3).mean()) < 6 * np.sqrt(15 / n)
        assert abs((np.abs(z) < 1).mean() - 0.682689) < 6 * 0.47 / np.sqrt(n)
        assert len(np.unique(outputs[0])) > 0.9 * n

    return check


CASES = [
    Case(op, {}, None, {"shape": shape, "dtype": dtype, **params}, None, dtypes=(dtype,), check=check)
    for dtype in ("float32", "float64")
    for op, params, shape, check in (
        ("_random_uniform", {}, (211,), uniform(0, 1)),
        ("_random_uniform", {"low": -2.0, "high": 3.0}, (67, 997), uniform(-2, 3)),
        ("_random_normal", {}, (211,), normal(0, 1)),
        ("_random_normal", {"loc": 5.0, "scale": 0.5}, (67, 997), normal(5, 0.5)),
    )
]
