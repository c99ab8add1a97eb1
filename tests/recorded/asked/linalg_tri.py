"""Questions about triangular products and solves, diagonals and packed triangles. Data only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from opcases import OpCase, positive, real

if TYPE_CHECKING:
    from opcases import Maker


def _triangle(*shape: int, dtype: str = "float32") -> Maker:
    """A dominant diagonal and a full matrix: the other triangle must not matter."""

    def make(rng: np.random.RandomState) -> Any:
        return (rng.standard_normal(shape) / 2 + 2 * np.eye(shape[-1])).astype(dtype)

    return make


def _sided(op: str) -> list[OpCase]:
    cases = [
        OpCase(op, "default", {"A": _triangle(3, 3), "B": real(3, 5)}),
        OpCase(op, "f64", {"A": _triangle(2, 3, 3, dtype="float64"), "B": real(2, 3, 5, dtype="float64")}),
    ]
    for k in range(1, 8):
        flags = {"transpose": str(k & 1 > 0), "rightside": str(k & 2 > 0), "lower": str(k & 4 == 0)}
        b = (2, 5, 3) if k & 2 else (2, 3, 5)
        cases.append(
            OpCase(op, f"flags_{k}", {"A": _triangle(2, 3, 3), "B": real(*b)}, {**flags, "alpha": "-0.5"})
        )
    return cases


def _trian(offset: int, lower: str) -> list[OpCase]:
    params, label = {"offset": str(offset), "lower": lower}, f"offset_{offset}_{lower}"
    return [
        OpCase("_linalg_extracttrian", label, {"A": real(2, 5, 5)}, params),
        OpCase("_linalg_maketrian", label, {"A": real(2, 6)}, params),
    ]


CASES = [
    *_sided("_linalg_trmm"),
    *_sided("_linalg_trsm"),
    OpCase("_linalg_extractdiag", "matrix", {"A": real(3, 3)}),
    OpCase("_linalg_extractdiag", "above", {"A": real(2, 5, 5)}, {"offset": "2"}),
    OpCase("_linalg_extractdiag", "below_f64", {"A": real(2, 3, 5, 5, dtype="float64")}, {"offset": "-1"}),
    OpCase("_linalg_makediag", "vector", {"A": real(3)}),
    OpCase("_linalg_makediag", "above", {"A": real(2, 3)}, {"offset": "1"}),
    OpCase("_linalg_makediag", "below", {"A": real(2, 3, 5)}, {"offset": "-2"}),
    OpCase("_linalg_extracttrian", "matrix", {"A": real(3, 3)}),
    OpCase("_linalg_maketrian", "vector", {"A": real(10)}),
    *_trian(0, "False"),
    *_trian(1, "True"),
    *_trian(-2, "False"),
    OpCase("_linalg_sumlogdiag", "matrix", {"A": positive(3, 3)}),
    OpCase("_linalg_sumlogdiag", "batch", {"A": positive(2, 3, 5, 5)}),
]
