"""Cases of extractdiag, makediag, extracttrian, maketrian and sumlogdiag."""

from __future__ import annotations

import numpy as np

from . import Array, Case, normal

Shape = tuple[int, ...]


def _places(n: int, offset: int, lower: bool) -> tuple[Array, Array]:
    """Rows and columns of a triangle in packed order: by rows, of an upper one by columns."""
    m = n - abs(offset)
    i, k = np.tril_indices(m)
    if offset < 0 or (offset == 0 and lower):
        return i - min(offset, 0), k
    return k, i + max(offset, 0)


def _diag(op: str, shape: Shape, offset: int = 0) -> Case:
    def extract(A: Array) -> Array:
        return np.diagonal(A, offset, -2, -1)

    def make(A: Array) -> Array:
        rows = A.reshape(-1, A.shape[-1])
        found = np.array([np.diag(row, offset) for row in rows])
        return found.reshape(A.shape[:-1] + found.shape[-2:])

    reference = extract if "extract" in op else make
    return Case(op, {"A": normal(*shape)}, reference, params={"offset": offset})


def _trian(op: str, shape: Shape, offset: int = 0, lower: bool = True) -> Case:
    def extract(A: Array) -> Array:
        i, j = _places(A.shape[-1], offset, lower)
        return A[..., i, j]

    def make(A: Array) -> Array:
        n = int(np.sqrt(2 * A.shape[-1])) + abs(offset)
        i, j = _places(n, offset, lower)
        out = np.zeros((*A.shape[:-1], n, n))
        out[..., i, j] = A
        return out

    reference = extract if "extract" in op else make
    return Case(op, {"A": normal(*shape)}, reference, params={"offset": offset, "lower": lower})


def _sumlogdiag(*shape: int) -> Case:
    return Case(
        "_linalg_sumlogdiag",
        {"A": lambda rng: rng.uniform(0.5, 2, shape)},
        lambda A: np.atleast_1d(np.log(np.diagonal(A, 0, -2, -1)).sum(-1)),
    )


CASES = [
    _diag("_linalg_extractdiag", (3, 3)),
    _diag("_linalg_extractdiag", (2, 3, 5, 5), 2),
    _diag("_linalg_extractdiag", (2, 19, 19), -3),
    _diag("_linalg_makediag", (3,)),
    _diag("_linalg_makediag", (2, 3, 5), 1),
    _diag("_linalg_makediag", (2, 19), -2),
    _trian("_linalg_extracttrian", (5, 5)),
    _trian("_linalg_extracttrian", (2, 3, 5, 5), 0, False),
    _trian("_linalg_extracttrian", (2, 5, 5), 1),
    _trian("_linalg_extracttrian", (2, 19, 19), -2, False),
    _trian("_linalg_maketrian", (6,)),
    _trian("_linalg_maketrian", (2, 3, 10), 0, False),
    _trian("_linalg_maketrian", (2, 3), 2),
    _trian("_linalg_maketrian", (2, 91), -3),
    _sumlogdiag(3, 3),
    _sumlogdiag(2, 3, 5, 5),
]
