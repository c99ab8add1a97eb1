"""Cases of the products _linalg_gemm2, _linalg_gemm and _linalg_syrk."""

from __future__ import annotations

import numpy as np

from . import Array, Case, normal

Shape = tuple[int, ...]


def product(
    a: Array, b: Array, ta: bool = False, tb: bool = False, alpha: float = 1, axis: int = -2
) -> Array:
    """By matmul with the rows moved to the last axis but one."""
    a, b = np.moveaxis(a, axis, -2), np.moveaxis(b, axis, -2)
    found = np.matmul(a.swapaxes(-1, -2) if ta else a, b.swapaxes(-1, -2) if tb else b)
    return alpha * np.moveaxis(found, -2, axis)


def _params(ta: bool, tb: bool, **other: float) -> dict[str, object]:
    return {"transpose_a": ta, "transpose_b": tb, **other}


def _gemm2(
    a: Shape,
    b: Shape,
    ta: bool = False,
    tb: bool = False,
    alpha: float = 1.0,
    axis: int = -2,
    half: bool = False,
) -> Case:
    return Case(
        "_linalg_gemm2",
        {"A": normal(*a), "B": normal(*b)},
        lambda A, B: product(A, B, ta, tb, alpha, axis),
        params=_params(ta, tb, alpha=alpha, axis=axis),
        dtypes=("float16", "float32", "float64") if half else ("float32", "float64"),
    )


def _gemm(
    a: Shape, b: Shape, c: Shape, ta: bool, tb: bool, alpha: float, beta: float, axis: int = -2
) -> Case:
    return Case(
        "_linalg_gemm",
        {"A": normal(*a), "B": normal(*b), "C": normal(*c)},
        lambda A, B, C: product(A, B, ta, tb, alpha, axis) + beta * C,
        params=_params(ta, tb, alpha=alpha, beta=beta, axis=axis),
    )


def _syrk(shape: Shape, transpose: bool, alpha: float) -> Case:
    return Case(
        "_linalg_syrk",
        {"A": normal(*shape)},
        lambda A: product(A, A, transpose, not transpose, alpha),
        params={"transpose": transpose, "alpha": alpha},
    )


CASES = [
    _gemm2((3, 5), (5, 7), half=True),
    _gemm2((2, 5, 3), (2, 5, 7), ta=True, alpha=-0.5),
    _gemm2((2, 3, 3, 5), (2, 3, 7, 5), tb=True),
    _gemm2((2, 5, 3), (2, 7, 5), ta=True, tb=True, alpha=2.0),
    _gemm2((3, 2, 5), (5, 2, 7), axis=0),
    _gemm2((2, 3, 5, 7), (2, 11, 5, 7), tb=True, axis=1, alpha=3.0),
    _gemm2((2, 5, 3, 7), (2, 5, 3, 11), ta=True, axis=-3),
    _gemm2((67, 41), (41, 37), alpha=0.25),
    _gemm((3, 5), (5, 7), (3, 7), False, False, 1.0, 1.0),
    _gemm((2, 5, 3), (2, 7, 5), (2, 3, 7), True, True, 2.0, -0.5),
    _gemm((3, 2, 5), (5, 2, 7), (3, 2, 7), False, False, 0.5, 3.0, axis=0),
    _gemm((2, 3, 5, 7), (2, 7, 5, 2), (2, 3, 5, 2), False, False, 0.5, 2.0, axis=1),
    _gemm((41, 19), (37, 19), (41, 37), False, True, -1.0, 0.0),
    _syrk((3, 5), False, 1.0),
    _syrk((2, 5, 3), True, -2.0),
    _syrk((2, 1, 3, 2), False, 0.5),
    _syrk((37, 5), False, 1.0),
]
