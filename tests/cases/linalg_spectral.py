"""Cases of gelqf and syevd: NumPy's factors with the signs of LAPACK (LQ) and MXNet (eigenvectors)."""

from __future__ import annotations

import numpy as np

from . import Array, Case, Maker, exactly, normal
from .linalg_factor import symmetric

Shape = tuple[int, ...]


def lq(A: Array) -> tuple[Array, Array]:
    """The factors of the transpose by NumPy, which calls LAPACK, too."""
    q, r = np.linalg.qr(A.swapaxes(-1, -2))
    return q.swapaxes(-1, -2), r.swapaxes(-1, -2)


def eigen(A: Array) -> tuple[Array, Array]:
    values, vectors = np.linalg.eigh(symmetric(A))
    rows = vectors.swapaxes(-1, -2)
    largest = np.take_along_axis(rows, np.abs(rows).argmax(-1)[..., None], -1)
    return rows * np.sign(largest), values


def spread(*shape: int) -> Maker:
    """Symmetric with eigenvalues about 1 apart, so that eigenvectors are well determined."""

    def make(rng: np.random.Generator) -> Array:
        n = shape[-1]
        q = np.linalg.qr(rng.standard_normal(shape))[0]
        return (q * (np.arange(n) - n / 3)) @ q.swapaxes(-1, -2)

    return make


def _gelqf(*shape: int, **kw: object) -> Case:
    return Case("_linalg_gelqf", {"A": normal(*shape)}, lq, **kw)  # type: ignore[arg-type]


def _syevd(*shape: int, **kw: object) -> Case:
    return Case("_linalg_syevd", {"A": spread(*shape)}, eigen, **kw)  # type: ignore[arg-type]


def _is_lq(outputs: list[Array], A: Array) -> None:
    q, factor = outputs
    _is_product(q, factor @ q, A)


def _is_eigen(outputs: list[Array], A: Array) -> None:
    u, values = outputs
    assert (np.diff(values) >= 0).all()
    _is_product(u, (u.T * values) @ u, A)


def _is_product(q: Array, product: Array, a: Array) -> None:
    """`q` has orthonormal rows and the product gives `a`, to rounding."""
    small = 64 * float(np.finfo(q.dtype).eps)
    np.testing.assert_allclose(q @ q.T, np.eye(len(q)), atol=small)
    np.testing.assert_allclose(product, a, atol=small * float(np.abs(a).sum(-1).max()))


_DIAGONAL = [[[3.0, 0, 0], [0, -1, 0], [0, 0, 1]], [[0.0, 0, 0], [0, 0, 0], [0, 0, 0]]]
_VECTORS = np.array([[[0.0, 1, 0], [0, 0, 1], [1, 0, 0]], np.eye(3)])

CASES = [
    _gelqf(3, 5),
    _gelqf(2, 3, 3),
    _gelqf(2, 1, 7),
    _gelqf(1, 1),
    _gelqf(23, 37, gradient=None, tolerance=256),
    Case(
        "_linalg_gelqf",
        {"A": exactly([[3.0, 0.0], [0.0, -2.0]])},
        lambda A: (np.eye(2), np.array([[3.0, 0], [0, -2]])),
        gradient=None,
    ),
    # of rank one: what is left fades step by step, down to the smallest numbers
    Case("_linalg_gelqf", {"A": exactly(np.ones((31, 37)))}, check=_is_lq, gradient=None),
    Case("_linalg_syevd", {"A": exactly(np.ones((37, 37)))}, check=_is_eigen, gradient=None),
    _syevd(3, 3),
    _syevd(2, 5, 5),
    _syevd(1, 1),
    _syevd(2, 37, 37, gradient=None, tolerance=1024),
    Case(
        "_linalg_syevd",
        {"A": exactly(_DIAGONAL)},
        lambda A: (_VECTORS, np.array([[-1.0, 1, 3], [0, 0, 0]])),
        gradient=None,
    ),
    Case(
        "_linalg_syevd",
        {"A": exactly([[[np.inf, 0.0], [0.0, 1.0]], [[1e-30, 0.0], [0.0, 2e30]]])},
        lambda A: (
            np.array([np.full((2, 2), np.nan), np.eye(2)]),
            np.array([[np.nan, np.nan], [1e-30, 2e30]]),
        ),
        gradient=None,
    ),
]
