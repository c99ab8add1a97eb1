"""Cases of the samplers with numbers as parameters: properties. Streams: test_recorded_ops; distributions:
test_random."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from . import Array, Case, normal

Check = Callable[..., None]


def uniform(low: float, high: float) -> Check:
    def check(outputs: list[Array], **_: Array) -> None:
        x = outputs[0].astype(np.float64)
        n, width = x.size, high - low
        assert low <= x.min() < low + 20 * width / n
        assert high >= x.max() > high - 20 * width / n
        moments((low + high) / 2, width**2 / 12, -1.2)(outputs)
        if outputs[0].dtype != np.float16:
            assert len(np.unique(outputs[0])) > 0.9 * n

    return check


def gauss(loc: float, scale: float) -> Check:
    def check(outputs: list[Array], **_: Array) -> None:
        z = (outputs[0].astype(np.float64) - loc) / scale
        n = z.size
        assert abs((z**3).mean()) < 6 * np.sqrt(15 / n)
        assert abs((np.abs(z) < 1).mean() - 0.682689) < 6 * 0.47 / np.sqrt(n)
        moments(loc, scale**2, 0)(outputs)

    return check


def moments(mean: float, variance: float, kurtosis: float, is_whole: bool = False) -> Check:
    """Mean and variance within six standard errors; `kurtosis` is the excess, which bounds the latter."""

    def check(outputs: list[Array], **_: Array) -> None:
        x = outputs[0].astype(np.float64)
        n, wide = x.size, 1e-3 if outputs[0].dtype == np.float16 else 0
        assert abs(x.mean() - mean) <= 6 * np.sqrt(variance / n) + wide * abs(mean)
        assert abs(x.var() - variance) <= (6 * np.sqrt((kurtosis + 2) / n) + wide) * variance
        if is_whole:
            assert (x == np.floor(x)).all()
            assert (x >= 0).all()

    return check


def gamma(alpha: float, beta: float) -> Check:
    return moments(alpha * beta, alpha * beta**2, 6 / alpha)


def poisson(lam: float) -> Check:
    return moments(lam, lam, 1 / lam, True)


def failures(k: float, p: float) -> Check:
    """Of the negative binomial distribution."""
    return moments(k * (1 - p) / p, k * (1 - p) / p**2, 6 / k + p**2 / (k * (1 - p)), True)


def whole(low: int, high: int) -> Check:
    def check(outputs: list[Array], **_: Array) -> None:
        x = outputs[0]
        assert low <= x.min()
        assert x.max() < high
        n = high - low
        moments((low + high - 1) / 2, (n * n - 1) / 12, -1.2)(outputs)

    return check


ROWS: tuple[tuple[str, dict[str, Any], Check], ...] = (
    ("uniform", {}, uniform(0, 1)),
    ("uniform", {"low": -2.0, "high": 3.0}, uniform(-2, 3)),
    ("normal", {}, gauss(0, 1)),
    ("normal", {"loc": 5.0, "scale": 0.5}, gauss(5, 0.5)),
    ("exponential", {"lam": 2.0}, moments(0.5, 0.25, 6)),
    ("gamma", {"alpha": 0.4, "beta": 3.0}, gamma(0.4, 3)),
    ("gamma", {"alpha": 5.0}, gamma(5, 1)),
    ("poisson", {"lam": 3.0}, poisson(3)),
    ("poisson", {"lam": 50.0}, poisson(50)),
    ("negative_binomial", {"k": 4, "p": 0.3}, failures(4, 0.3)),
    ("generalized_negative_binomial", {"mu": 6.0, "alpha": 0.5}, failures(2, 0.25)),
    ("generalized_negative_binomial", {"mu": 6.0, "alpha": 0.0}, poisson(6)),
)
SHAPES = {"uniform": ((211,), (67, 997)), "normal": ((211,), (67, 997))}


def cases() -> list[Case]:
    found = []
    for name, params, check in ROWS:
        for dtype in ("float32", "float64", "float16"):
            for shape in SHAPES.get(name, ((41, 211),)):
                if len(shape) == 1 and params:
                    continue
                given = {"shape": shape, "dtype": dtype, **params}
                found.append(Case(f"_random_{name}", {}, None, given, None, dtypes=(dtype,), check=check))
        like: dict[str, Any] = {"dtypes": ("float32", "float64", "float16"), "check": check}
        found.append(Case(f"_random_{name}_like", {"data": normal(41, 211)}, None, params, None, **like))
    for dtype, low, high in (("int32", -7, 100), ("int64", -(2**40), 2**40), ("int32", -(2**31), 2**31)):
        given = {"low": low, "high": high, "shape": (41, 211), "dtype": dtype}
        found.append(Case("_random_randint", {}, None, given, None, dtypes=(dtype,), check=whole(low, high)))
    return found


CASES = cases()
