"""Cases of potrf, potri, inverse, det and slogdet: small, batched, and of several panels.

A factor of the lower triangle alone has half the gradient on each side of the diagonal, as MXNet has it: the
references take the symmetric part first.
"""

from __future__ import annotations

import numpy as np

from . import Array, Case, Maker, exactly

Shape = tuple[int, ...]


def positive(*shape: int) -> Maker:
    """Symmetric, positive definite."""

    def make(rng: np.random.Generator) -> Array:
        a = rng.standard_normal(shape)
        return a @ a.swapaxes(-1, -2) / shape[-1] + np.eye(shape[-1])

    return make


def regular(*shape: int) -> Maker:
    """Condition of about ten; the permutation makes pivoting necessary."""

    def make(rng: np.random.Generator) -> Array:
        n = shape[-1]
        return 2 * np.eye(n)[rng.permutation(n)] + rng.standard_normal(shape) / (2 * np.sqrt(n))

    return make


def symmetric(a: Array) -> Array:
    """The symmetric part: differences of a function of it are shared between both triangles."""
    return (a + a.swapaxes(-1, -2)) / 2


def _potrf(*shape: int, **kw: object) -> Case:
    def reference(A: Array) -> Array:
        return np.linalg.cholesky(symmetric(A))

    return Case("_linalg_potrf", {"A": positive(*shape)}, reference, **kw)  # type: ignore[arg-type]


def _potri(*shape: int, **kw: object) -> Case:
    def reference(A: Array) -> Array:
        low = np.tril(A)
        return np.linalg.inv(low @ low.swapaxes(-1, -2))

    n = shape[-1]
    inputs = {"A": lambda rng: rng.standard_normal(shape) / (2 * np.sqrt(n)) + 2 * np.eye(n)}
    return Case("_linalg_potri", inputs, reference, **kw)  # type: ignore[arg-type]


def _inverse(*shape: int, **kw: object) -> Case:
    return Case("_linalg_inverse", {"A": regular(*shape)}, lambda A: np.linalg.inv(A), **kw)  # type: ignore[arg-type]


def _det(*shape: int) -> Case:
    return Case("_linalg_det", {"A": regular(*shape)}, lambda A: np.atleast_1d(np.linalg.det(A)))


def _slogdet(*shape: int, **kw: object) -> Case:
    def reference(A: Array) -> tuple[Array, Array]:
        sign, logarithm = np.linalg.slogdet(A)
        return np.atleast_1d(sign), np.atleast_1d(logarithm)

    return Case("_linalg_slogdet", {"A": regular(*shape)}, reference, **kw)  # type: ignore[arg-type]


_SINGULAR = [[[1.0, 2.0], [2.0, 4.0]], [[2.0, 1.0], [4.0, 3.0]]]


def _no_factor() -> list[Case]:
    """An indefinite and a singular matrix beside good ones."""
    indefinite = [[[1.0, 2.0], [2.0, 1.0]], [[4.0, 2.0], [2.0, 5.0]]]
    large = np.eye(70)
    large[3, 3] = -1
    below = np.tril(np.full((70, 70), np.nan))
    factor = np.array([[[np.nan, 0], [np.nan, np.nan]], [[2, 0], [1, 2]]])
    inverse = np.array([[[np.nan, np.nan], [np.nan, np.nan]], [[1.5, -0.5], [-2, 1]]])
    det = np.array([0.0, 2.0])

    def det_gradient(ograds: tuple[Array, ...], A: Array) -> dict[str, Array]:
        return {"A": np.array([np.zeros((2, 2)), ograds[0][1] * np.array([[3.0, -4.0], [-1.0, 2.0]])])}

    def slogdet_gradient(ograds: tuple[Array, ...], A: Array) -> dict[str, Array]:
        return {"A": np.array([np.zeros((2, 2)), ograds[1][1] * np.array([[1.5, -2.0], [-0.5, 1.0]])])}

    return [
        Case("_linalg_potrf", {"A": exactly(indefinite)}, lambda A: factor, gradient=None),
        Case("_linalg_potrf", {"A": exactly(large)}, lambda A: below, gradient=None),
        Case("_linalg_inverse", {"A": exactly(_SINGULAR)}, lambda A: inverse, gradient=None),
        Case("_linalg_det", {"A": exactly(_SINGULAR)}, lambda A: det, gradient=det_gradient),
        Case(
            "_linalg_slogdet",
            {"A": exactly(_SINGULAR)},
            lambda A: (np.array([0.0, 1.0]), np.array([-np.inf, np.log(2.0)])),
            gradient=slogdet_gradient,
        ),
    ]


CASES = [
    _potrf(3, 3),
    _potrf(2, 2, 5, 5),
    _potrf(64, 64, gradient=None),
    _potrf(2, 137, 137, gradient=None, tolerance=256),
    _potri(3, 3),
    _potri(2, 5, 5),
    _potri(67, 67, gradient=None, tolerance=256),
    _inverse(3, 3),
    _inverse(2, 3, 5, 5),
    _inverse(1, 1),
    _inverse(2, 137, 137, gradient=None, tolerance=1024),
    _det(3, 3),
    _det(2, 3, 5, 5),
    _slogdet(3, 3),
    _slogdet(2, 5, 5),
    _slogdet(131, 131, gradient=None, tolerance=256),
    *_no_factor(),
]
