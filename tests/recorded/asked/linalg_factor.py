"""Questions about Cholesky, LU, LQ and eigenvectors of well-conditioned matrices. Data only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from opcases import OpCase, real, values

if TYPE_CHECKING:
    from opcases import Maker


def _definite(*shape: int, dtype: str = "float32") -> Maker:
    """Symmetric, positive definite."""

    def make(rng: np.random.RandomState) -> Any:
        a = rng.standard_normal(shape)
        return (np.matmul(a, a.swapaxes(-1, -2)) / shape[-1] + np.eye(shape[-1])).astype(dtype)

    return make


def _spread(*shape: int, dtype: str = "float32") -> Maker:
    """Symmetric with eigenvalues one apart."""

    def make(rng: np.random.RandomState) -> Any:
        out = np.zeros(shape)
        for at in np.ndindex(*shape[:-2]):
            q = np.linalg.qr(rng.standard_normal(shape[-2:]))[0]
            out[at] = np.matmul(q * (np.arange(shape[-1]) - 0.7), q.T)
        return out.astype(dtype)

    return make


def _regular(*shape: int, dtype: str = "float32") -> Maker:
    """Needs pivoting, has a condition of a few."""

    def make(rng: np.random.RandomState) -> Any:
        n = shape[-1]
        return (2 * np.eye(n)[::-1] + rng.standard_normal(shape) / (2 * np.sqrt(n))).astype(dtype)

    return make


def _both(op: str, maker: Any) -> list[OpCase]:
    return [
        OpCase(op, "matrix", {"A": maker(3, 3)}),
        OpCase(op, "batch", {"A": maker(2, 5, 5)}),
        OpCase(op, "batch_f64", {"A": maker(2, 3, 4, 4, dtype="float64")}),
    ]


_SINGULAR = values([[[1, 2], [2, 4]], [[2, 1], [4, 3]]])

CASES = [
    *_both("_linalg_potrf", _definite),
    *_both("_linalg_potri", _regular),
    *_both("_linalg_inverse", _regular),
    *_both("_linalg_det", _regular),
    *_both("_linalg_slogdet", _regular),
    *_both("_linalg_gelqf", real),
    *_both("_linalg_syevd", _spread),
    OpCase("_linalg_gelqf", "wide_f64", {"A": real(2, 3, 7, dtype="float64")}),
    OpCase("_linalg_potrf", "lower_f64", {"A": values([[4, 99], [2, 5]], "float64")}),
    OpCase("_linalg_syevd", "lower_f64", {"A": values([[2, 99], [1, 3]], "float64")}),
    OpCase("_linalg_det", "singular", {"A": _SINGULAR}),
    OpCase("_linalg_slogdet", "singular", {"A": _SINGULAR}),
]
