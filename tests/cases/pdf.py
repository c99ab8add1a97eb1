"""Cases of _random_pdf_*, against densities written with SciPy-free NumPy and `math`."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from . import Array, Case, Maker, integers, uniform

lgamma = np.vectorize(math.lgamma, otypes=[np.float64])


def spread(parameter: Array, sample: Array) -> Array:
    return parameter.reshape(parameter.shape + (1,) * (sample.ndim - parameter.ndim))


def failures(x: Array, k: Array, p: Array) -> Array:
    return np.exp(lgamma(x + k) - lgamma(x + 1) - lgamma(k)) * p**k * (1 - p) ** x


Density = Callable[..., Array]
DENSITIES: dict[str, tuple[Density, Maker, dict[str, tuple[float, float]]]] = {
    "uniform": (
        lambda x, low, high: 1 / (high - low) + 0 * x,
        uniform(3, 5, 7, low=0, high=1),
        {"low": (-2, 0), "high": (1, 3)},
    ),
    "normal": (
        lambda x, mu, sigma: np.exp(-(((x - mu) / sigma) ** 2) / 2) / sigma / np.sqrt(2 * np.pi),
        uniform(3, 5, 7, low=-2, high=2),
        {"mu": (-1, 1), "sigma": (0.5, 2)},
    ),
    "exponential": (
        lambda x, lam: lam * np.exp(-lam * x),
        uniform(3, 5, 7, low=0, high=2),
        {"lam": (0.5, 3)},
    ),
    "gamma": (
        lambda x, alpha, beta: beta**alpha * x ** (alpha - 1) * np.exp(-beta * x - lgamma(alpha)),
        uniform(3, 5, 7, low=0.5, high=2),
        {"alpha": (0.5, 3), "beta": (0.5, 2)},
    ),
    "poisson": (
        lambda x, lam: lam**x * np.exp(-lam - lgamma(x + 1)),
        integers(3, 5, 7, low=0, high=6),
        {"lam": (0.5, 4)},
    ),
    "negative_binomial": (
        failures,
        integers(3, 5, 7, low=0, high=6),
        {"k": (1, 4), "p": (0.2, 0.8)},
    ),
    "generalized_negative_binomial": (
        lambda x, mu, alpha: failures(x, 1 / alpha, 1 / (mu * alpha + 1)),
        integers(3, 5, 7, low=0, high=6),
        {"mu": (0.5, 4), "alpha": (0.3, 2)},
    ),
}
WITH_SAMPLE = ("uniform", "normal", "exponential", "gamma")  # the others are no functions of real samples


def reference(density: Density, is_log: bool) -> Callable[..., Array]:
    def function(sample: Array, **parameters: Array) -> Array:
        y = density(sample, *(spread(p, sample) for p in parameters.values()))
        return np.log(y) if is_log else y

    return function


def dirichlet(sample: Array, alpha: Array, is_log: bool = False) -> Array:
    a = alpha.reshape(alpha.shape[:-1] + (1,) * (sample.ndim - alpha.ndim) + alpha.shape[-1:])
    y = ((a - 1) * np.log(sample) - lgamma(a)).sum(-1) + lgamma(a.sum(-1))
    return np.atleast_1d(y if is_log else np.exp(y))


def of(name: str, is_log: bool, rank: int) -> Case:
    density, sample, ranges = DENSITIES[name]
    inputs = {"sample": sample}
    for parameter, (low, high) in ranges.items():
        inputs[parameter] = uniform(*(3, 5, 7)[:rank], low=low, high=high)
    params: dict[str, Any] = {"is_log": True} if is_log else {}
    wrt = tuple(inputs) if name in WITH_SAMPLE else tuple(ranges)
    types = ("float32", "float64", "float16") if rank == 1 else ("float32", "float64")
    return Case(f"_random_pdf_{name}", inputs, reference(density, is_log), params, wrt=wrt, dtypes=types,
                tolerance=128)  # fmt: skip


CASES = [of(name, is_log, rank) for name in DENSITIES for is_log, rank in ((False, 1), (True, 2), (False, 3))]
_X, _A = {"low": 0.1, "high": 0.9}, {"low": 0.5, "high": 3.0}
CASES += [
    Case("_random_pdf_dirichlet", {"sample": uniform(2, 7, 5, 3, **_X), "alpha": uniform(2, 3, **_A)},
         dirichlet, tolerance=128),
    Case("_random_pdf_dirichlet", {"sample": uniform(7, 3, **_X), "alpha": uniform(7, 3, **_A)},
         lambda sample, alpha: dirichlet(sample, alpha, True), {"is_log": True}, tolerance=128),
    Case("_random_pdf_dirichlet", {"sample": uniform(3, **_X), "alpha": uniform(3, **_A)}, dirichlet,
         tolerance=128),
]  # fmt: skip
