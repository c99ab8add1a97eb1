"""Cases of _linalg_trmm and _linalg_trsm: each side, triangle and transposition; systems of several blocks.

The triangle that is not read holds NaN in one case of each: it must not matter.
"""

from __future__ import annotations

from itertools import product

import numpy as np

from . import Array, Case, Maker, normal

Shape = tuple[int, ...]


def triangle(*shape: int, poison: str = "") -> Maker:
    """Random matrices with a dominant diagonal; `poison` names the triangle that is NaN."""

    def make(rng: np.random.Generator) -> Array:
        n = shape[-1]
        a = rng.standard_normal(shape) / np.sqrt(n) + 2 * np.eye(n)
        if poison:
            a[
                ...,
                np.triu(np.ones((n, n), bool), 1)
                if poison == "upper"
                else np.tril(np.ones((n, n), bool), -1),
            ] = np.nan
        return a

    return make


def _op(a: Array, transpose: bool, lower: bool) -> Array:
    kept = np.tril(a) if lower else np.triu(a)
    return kept.swapaxes(-1, -2) if transpose else kept


def _case(
    op: str,
    a: Shape,
    b: Shape,
    transpose: bool,
    right: bool,
    lower: bool,
    alpha: float,
    poison: str = "",
    **kw: object,
) -> Case:
    def trmm(A: Array, B: Array) -> Array:
        t = _op(A, transpose, lower)
        return alpha * (B @ t if right else t @ B)

    def trsm(A: Array, B: Array) -> Array:
        t = _op(A, transpose, lower)
        if right:
            return alpha * np.linalg.solve(t.swapaxes(-1, -2), B.swapaxes(-1, -2)).swapaxes(-1, -2)
        return alpha * np.linalg.solve(t, B)

    params = {"transpose": transpose, "rightside": right, "lower": lower, "alpha": alpha}
    inputs = {"A": triangle(*a, poison=poison), "B": normal(*b)}
    return Case(f"_linalg_{op}", inputs, trmm if op == "trmm" else trsm, params=params, **kw)  # type: ignore[arg-type]


def _all(op: str) -> list[Case]:
    cases = []
    for transpose, right, lower in product((False, True), repeat=3):
        b = (2, 3, 5) if right else (2, 5, 3)
        cases.append(_case(op, (2, 5, 5), b, transpose, right, lower, 1.0 if lower else -0.5))
    cases += [
        _case(op, (3, 3), (3, 2), False, False, True, 1.0, "upper", wrt=("B",)),
        _case(op, (3, 3), (2, 3), True, True, False, 1.0, "lower", wrt=("B",)),
        _case(op, (131, 131), (131, 37), False, False, True, 2.0, gradient=None, tolerance=256),
        _case(op, (131, 131), (37, 131), True, True, True, 2.0, gradient=None, tolerance=256),
        _case(op, (67, 67), (3, 67), False, True, True, 0.5, gradient=None, tolerance=256),
    ]
    return cases


CASES = _all("trmm") + _all("trsm")
