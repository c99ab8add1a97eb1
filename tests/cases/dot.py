"""Cases of dot and batch_dot: every transposition and rank, sizes that leave part of a tile or a slice."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from . import Array, Case, exactly, normal


def _dot(a: tuple[int, ...], b: tuple[int, ...], ta: bool = False, tb: bool = False) -> Case:
    def matrices(lhs: Array, rhs: Array) -> tuple[Array, Array]:
        left = lhs.reshape(a[0], -1).T if ta else lhs.reshape(-1, a[-1])
        right = rhs.reshape(-1, b[-1]).T if tb else rhs.reshape(b[0], -1)
        return left, right

    def reference(lhs: Array, rhs: Array) -> Array:
        left, right = matrices(lhs, rhs)
        outer = (a[1:] if ta else a[:-1]) + (b[:-1] if tb else b[1:])
        return (left @ right).reshape(outer or (1,))

    def gradient(ograds: tuple[Array, ...], lhs: Array, rhs: Array) -> dict[str, Array]:
        left, right = matrices(lhs, rhs)
        g = ograds[0].reshape(left.shape[0], right.shape[1])
        dl, dr = g @ right.T, left.T @ g
        return {"lhs": (dl.T if ta else dl).reshape(a), "rhs": (dr.T if tb else dr).reshape(b)}

    params = {name: True for name, flag in (("transpose_a", ta), ("transpose_b", tb)) if flag}
    return Case("dot", {"lhs": normal(*a), "rhs": normal(*b)}, reference, params=params, gradient=gradient)


def _batch_dot(a: tuple[int, ...], b: tuple[int, ...], ta: bool = False, tb: bool = False) -> Case:
    def reference(lhs: Array, rhs: Array) -> Array:
        return np.matmul(lhs.swapaxes(-1, -2) if ta else lhs, rhs.swapaxes(-1, -2) if tb else rhs)

    params = {name: True for name, flag in (("transpose_a", ta), ("transpose_b", tb)) if flag}
    return Case("batch_dot", {"lhs": normal(*a), "rhs": normal(*b)}, reference, params=params)


def _not_finite() -> Case:
    """NaN and infinity reach the elements of their rows and columns, and no others."""
    left = [[1.0, np.nan, 2.0], [0.5, 1.0, -1.0], [np.inf, 1.0, 2.0], [1.0, 2.0, 3.0]]
    right = [[1.0, 2.0], [3.0, 4.0], [-np.inf, 5.0]]
    inputs = {"lhs": exactly(left), "rhs": exactly(right)}
    return Case("dot", inputs, lambda lhs, rhs: lhs @ rhs, gradient=None)


def _half(case: Case) -> Case:
    return replace(case, dtypes=("float16", "float32", "float64"))


CASES = [
    _half(_dot((3, 5), (5, 7))),
    _dot((5, 3), (5, 7), ta=True),
    _dot((3, 5), (7, 5), tb=True),
    _dot((5, 3), (7, 5), ta=True, tb=True),
    _dot((7,), (7,)),
    _dot((3, 5), (5,)),
    _dot((5,), (5, 3)),
    _dot((2, 3, 5), (5, 7)),
    _dot((2, 3, 5), (2, 7), ta=True),
    _dot((2, 5), (7, 3, 5), tb=True),
    _dot((1, 1), (1, 1)),
    _dot((1, 521), (521, 37)),
    _dot((67, 41), (41, 73)),
    _dot((41, 67), (73, 41), ta=True, tb=True),
    _dot((173, 19), (19, 389)),
    _not_finite(),
    _half(_batch_dot((2, 3, 5), (2, 5, 7))),
    _batch_dot((2, 5, 3), (2, 5, 7), ta=True),
    _batch_dot((2, 3, 5), (2, 7, 5), tb=True),
    _batch_dot((2, 5, 3), (2, 7, 5), ta=True, tb=True),
    _batch_dot((3, 2, 7, 5), (3, 2, 5, 11)),
]
