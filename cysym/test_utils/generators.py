"""Does a generator of random numbers have the distribution it claims? Means, variances and chi-square tests.

`generator(n)` gives n numbers as an NDArray, a NumPy array or a list. The chi-square distribution is computed
here (Abramowitz & Stegun 6.5), so SciPy is not needed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from .comparison import as_numpy

Array = np.ndarray[Any, Any]
Generator = Callable[[int], Any]


def gen_buckets_probs_with_ppf(
    ppf: Callable[[float], float], nbuckets: int
) -> tuple[list[tuple[float, float]], list[float]]:
    """Buckets of equal probability under the distribution with this quantile function.

    Parameters
    ----------
    ppf
        Quantile function, the inverse of the cumulative distribution function.
    nbuckets
        How many buckets, at least 1.

    Returns
    -------
    buckets, probs
        (low, high) of each, and its probability.

    >>> gen_buckets_probs_with_ppf(lambda p: 10 * p, 2)
    ([(0.0, 5.0), (5.0, 10.0)], [0.5, 0.5])
    """
    if nbuckets < 1:
        raise AssertionError(f"nbuckets must be at least 1, got {nbuckets}")
    edges = [ppf(i / float(nbuckets)) for i in range(nbuckets + 1)]
    return list(pairwise(edges)), [1.0 / nbuckets] * nbuckets


def mean_check(generator: Generator, mu: float, sigma: float, nsamples: int = 1000000) -> bool:
    """Whether the mean of `nsamples` numbers lies within three of its standard deviations of `mu`.

    Three deviations, ``3 sigma / sqrt(n)``, are exceeded by one right generator in 370.
    """
    mean = as_numpy(generator(nsamples)).mean()
    return bool(abs(mean - mu) < 3 * sigma / math.sqrt(nsamples))


def var_check(generator: Generator, sigma: float, nsamples: int = 1000000) -> bool:
    """Whether the sample variance lies within three of its standard deviations of ``sigma ** 2``.

    The deviation, ``sigma^2 sqrt(2 / (n - 1))``, is that of normal numbers.
    """
    variance = as_numpy(generator(nsamples)).var(ddof=1)
    return bool(abs(variance - sigma**2) < 3 * sigma**2 * math.sqrt(2 / (nsamples - 1)))


def chi_square_check(
    generator: Generator, buckets: list[Any], probs: Sequence[float], nsamples: int = 1000000
) -> tuple[float, Array, Array]:
    """Pearson's chi-square test of a generator.

    Parameters
    ----------
    generator
        Function of the number of samples.
    buckets
        Continuous distributions: (low, high) of each half-open interval, in ascending order, together
        covering all values. Discrete ones: the values.
    probs
        Probability of each bucket.
    nsamples
        Numbers to draw.

    Returns
    -------
    p, obs_freq, expected_freq
        Probability that a right generator deviates this much, how many samples each bucket got, and how many
        it was expected to get. A sample outside all buckets is counted nowhere.

    Raises
    ------
    AssertionError
        Buckets overlap, are out of order, or are not as many as probabilities.
    """
    if not isinstance(buckets, list) or len(buckets) != len(probs) or not buckets:
        raise AssertionError(
            f"buckets must be a list, one entry a probability, got {type(buckets)} and {len(probs)}"
        )
    samples = as_numpy(generator(nsamples))
    expected = (nsamples * np.asarray(probs, dtype=np.float32)).astype(np.int32)
    if isinstance(buckets[0], list | tuple):
        # float32, in which samples mostly come: an edge must not fall between two of their values
        edges = np.array(buckets, dtype=np.float32).ravel()
        if edges.size != 2 * len(buckets) or np.any(np.diff(edges) < 0):
            raise AssertionError(f"buckets must be ascending pairs without overlap, got {buckets}")
        places = np.searchsorted(edges, samples, side="right")
        observed = np.array([(places == 2 * i + 1).sum() for i in range(len(buckets))])
    else:
        observed = np.array([(samples == value).sum() for value in buckets])
    with np.errstate(divide="ignore", invalid="ignore"):
        statistic = float(np.sum((observed - expected) ** 2.0 / expected))
    return _chi_square_tail(statistic, len(buckets) - 1), observed, expected


def verify_generator(
    generator: Generator,
    buckets: list[Any],
    probs: Sequence[float],
    nsamples: int = 1000000,
    nrepeat: int = 5,
    success_rate: float = 0.2,
    alpha: float = 0.05,
) -> list[float]:
    """Raise AssertionError unless enough of `nrepeat` chi-square tests give a p above `alpha`.

    Parameters
    ----------
    generator, buckets, probs, nsamples
        See `chi_square_check`.
    nrepeat
        Tests to run.
    success_rate
        Share of them that must succeed.
    alpha
        Probability at which a right generator fails one test.

    Returns
    -------
    list
        p of each test.
    """
    results = [chi_square_check(generator, buckets, probs, nsamples) for _ in range(nrepeat)]
    found = [p for p, _, _ in results]
    if sum(p > alpha for p in found) < nrepeat * success_rate:
        observed, expected = [r[1] for r in results], [r[2] for r in results]
        raise AssertionError(
            f"Generator test fails, Chi-square p={found}, obs_freq={observed}, expected_freq={expected}."
            f"\nbuckets={buckets}, probs={probs}"
        )
    return found


def _chi_square_tail(x: float, freedom: int) -> float:
    """P(chi-square of `freedom` degrees > x) = Q(freedom / 2, x / 2), the upper incomplete gamma function."""
    if math.isnan(x):
        return math.nan  # a bucket of probability 0 that got nothing
    if freedom == 0:
        return 1.0 if x == 0 else 0.0
    a, x = freedom / 2, x / 2
    if x <= 0:
        return 1.0
    if math.isinf(x):
        return 0.0
    front = math.exp(a * math.log(x) - x - math.lgamma(a))
    if x < a + 1:  # P by its power series, 6.5.29
        term = total = 1 / a
        n = a
        while term > total * 1e-17:
            n += 1
            term *= x / n
            total += term
        return 1 - front * total
    # Q by its continued fraction, 6.5.31, evaluated with Lentz's method
    b = x + 1 - a
    c, d = math.inf, 1 / b
    h = d
    for i in range(1, 100000):
        step = -i * (i - a)
        b += 2
        d = 1 / (step * d + b)
        c = b + step / c
        h *= c * d
        if abs(c * d - 1) < 1e-15:
            break
    return front * h
