"""Questions about functions of one, two or a scalar argument, with and without broadcasting. Data only.

Inputs lie away from poles and kinks, where float32 decides; special values are asked in `basics.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from opcases import OpCase, positive, real, values

if TYPE_CHECKING:
    import numpy as np
    from opcases import Maker


def between(low: float, high: float, *shape: int, dtype: str = "float32") -> Maker:
    """Uniform numbers."""

    def make(rng: np.random.RandomState) -> np.ndarray:
        return rng.uniform(low, high, shape).astype(dtype)

    return make


UNARY = {
    "arccos": (-0.9, 0.9), "arccosh": (1.2, 5), "arcsin": (-0.9, 0.9), "arcsinh": (-5, 5), "arctan": (-5, 5),
    "arctanh": (-0.9, 0.9), "cbrt": (0.2, 8), "ceil": (-4, 4), "cosh": (-3, 3), "degrees": (-4, 4),
    "erf": (-3, 3), "expm1": (-3, 3), "fix": (-4, 4), "floor": (-4, 4), "gamma": (0.4, 5),
    "gammaln": (0.4, 9), "log10": (0.2, 9), "log1p": (-0.8, 9), "log2": (0.2, 9), "logical_not": (-1, 1),
    "radians": (-180, 180), "rcbrt": (0.2, 8), "reciprocal": (0.3, 4), "rint": (-4, 4), "round": (-4, 4),
    "rsqrt": (0.2, 8), "sign": (-2, 2), "sinh": (-3, 3), "softsign": (-3, 3), "tan": (-1.3, 1.3),
    "trunc": (-4, 4), "hard_sigmoid": (-4, 4), "_copy": (-3, 3), "smooth_l1": (-3, 3),
}  # fmt: skip
# In float64 MXNet computes these with float32 constants: good to 1e-8 only.
SINGLE = ("degrees", "erf", "gamma", "gammaln", "hard_sigmoid", "radians")
HALVES = [-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 0.0, -0.0]
COMPARE = ("_equal", "_not_equal", "_greater", "_greater_equal", "_lesser", "_lesser_equal")
LOGICAL = ("_logical_and", "_logical_or", "_logical_xor")
SMALL = [[-1, 0, 1, 2, 0], [2, 2, -1, 0, 0], [1, -2, 0, 1, 1]]
OTHER = [[1, 0, 2, 2, -1], [0, 2, -1, 1, 0], [1, 1, 0, -2, 0]]


def _unary() -> list[OpCase]:
    cases = []
    for op, (low, high) in UNARY.items():
        # floor, ceil and their like have no gradient in MXNet's registry: backward raises there
        cases.append(OpCase(op, "interval", {"data": between(low, high, 3, 7)}))
        if op in SINGLE:
            continue
        cases.append(OpCase(op, "f64", {"data": between(low, high, 5, dtype="float64")}))
    cases += [
        OpCase(op, "halves", {"data": values(HALVES)}) for op in ("rint", "round", "fix", "floor", "ceil")
    ]
    cases.append(OpCase("hard_sigmoid", "slope", {"data": real(3, 5)}, {"alpha": "0.3", "beta": "0.25"}))
    cases.append(OpCase("smooth_l1", "sigma", {"data": real(3, 5)}, {"scalar": "2.0"}))
    return cases


def _binary() -> list[OpCase]:
    pair = {"lhs": values(SMALL), "rhs": values(OTHER)}
    cases = [OpCase(op, "small", pair) for op in (*COMPARE, *LOGICAL)]
    cases += [
        OpCase(op + "_scalar", "small", {"data": values(SMALL)}, {"scalar": "1.0"})
        for op in (*COMPARE, *LOGICAL)
    ]
    apart = {"lhs": real(3, 5), "rhs": real(3, 5)}
    cases += [OpCase(op, "random", apart) for op in ("_maximum", "_minimum", "_hypot")]
    cases.append(OpCase("_mod", "random", {"lhs": between(-9, 9, 3, 5), "rhs": positive(3, 5)}))
    cases.append(OpCase("_power", "random", {"lhs": positive(3, 5), "rhs": real(3, 5)}))
    for op in ("_maximum", "_minimum", "_hypot"):
        cases.append(OpCase(op + "_scalar", "random", {"data": real(3, 5)}, {"scalar": "0.3"}))
    cases.append(OpCase("_mod_scalar", "random", {"data": between(-9, 9, 3, 5)}, {"scalar": "2.25"}))
    cases.append(OpCase("_rmod_scalar", "random", {"data": positive(3, 5)}, {"scalar": "7.5"}))
    return cases


def _broadcast() -> list[OpCase]:
    cases = []
    for op in ("equal", "not_equal", "greater", "greater_equal", "lesser", "lesser_equal",
               "logical_and", "logical_or", "logical_xor"):  # fmt: skip
        inputs = {"lhs": values(SMALL), "rhs": values([[1, 0, 2, -1, 1]])}
        cases.append(OpCase("broadcast_" + op, "row", inputs))
        cases.append(
            OpCase("broadcast_" + op, "both", {"lhs": values([[1], [0], [2]]), "rhs": values([[0, 1, 2]])})
        )
    cases.append(OpCase("broadcast_hypot", "both", {"lhs": real(3, 1, 5), "rhs": real(1, 2, 5)}))
    cases.append(OpCase("broadcast_mod", "row", {"lhs": between(-9, 9, 3, 5), "rhs": positive(1, 5)}))
    cases.append(OpCase("broadcast_power", "column", {"lhs": positive(3, 5), "rhs": real(3, 1)}))
    cases.append(
        OpCase("broadcast_axis", "two", {"data": real(1, 3, 1)}, {"axis": "(0, 2)", "size": "(2, 5)"})
    )
    cases.append(OpCase("broadcast_like", "whole", {"lhs": real(1, 3), "rhs": real(2, 3)}))
    cases.append(
        OpCase("broadcast_like", "axes", {"lhs": real(1, 3, 1), "rhs": real(5, 2)},
               {"lhs_axes": "(0, 2)", "rhs_axes": "(1, 0)"})
    )  # fmt: skip
    return cases


CASES: list[OpCase] = _unary() + _binary() + _broadcast()
