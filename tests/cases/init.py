"""Cases of the creation operators: NumPy's functions of the same names, in the types that differ in size."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from . import Array, Case


def made(op: str, reference: Callable[[], Array], **params: Any) -> Case:
    """The element type is a parameter: one run each."""
    return Case(op, {}, reference, params, gradient=None, dtypes=("float32",), exact=True)


TYPES = ("float32", "float64", "float16", "int32", "uint8", "int64")
CASES = [
    *(made("_zeros", lambda: np.zeros((2, 3, 5)), shape=(2, 3, 5), dtype=t) for t in TYPES),
    *(made("_ones", lambda: np.ones((7, 3)), shape=(7, 3), dtype=t) for t in TYPES),
    *(made("_full", lambda: np.full((2, 67), 5.0), shape=(2, 67), value=5, dtype=t) for t in TYPES),
    made("_full", lambda: np.full((3,), -2.5), shape=(3,), value=-2.5),
    made("_full", lambda: np.full((3,), np.inf), shape=(3,), value=np.inf),
    made("_full", lambda: np.full((3,), 3.0), shape=(3,), value=3.7, dtype="int32"),
    made("_full", lambda: np.full((3,), -3.0), shape=(3,), value=-3.7, dtype="int64"),
    *(made("_eye", lambda: np.eye(3, 5, 1), N=3, M=5, k=1, dtype=t) for t in TYPES),
    made("_eye", lambda: np.eye(3), N=3),
    made("_eye", lambda: np.eye(5, 3, -2), N=5, M=3, k=-2),
    made("_eye", lambda: np.zeros((2, 3)), N=2, M=3, k=7),
    *(made("_arange", lambda: np.arange(2.0, 19.0, 3.0), start=2, stop=19, step=3, dtype=t) for t in TYPES),
    made("_arange", lambda: np.arange(5.0), start=5),
    made("_arange", lambda: np.arange(1.0, 7.0, 2.0).repeat(3), start=1, stop=7, step=2, repeat=3),
    made("_arange", lambda: np.arange(5.0, 1.0, -1.0), start=5, stop=1, step=-1),
    made("_arange", lambda: np.arange(0, 2, 0.25), start=0, stop=2, step=0.25),
    made("_arange", lambda: np.arange(0, 4, 0.5) // 1, start=0, stop=4, step=0.5, dtype="int32"),
]
