"""Cases of cumsum."""

from __future__ import annotations

import numpy as np

from . import Case, exactly, integers, normal

EVERY = ("float32", "float64", "float16", "int64", "int32", "int8", "uint8")
CASES = [
    Case("cumsum", {"a": normal(3, 5)}, lambda a: np.cumsum(a)),
    Case("cumsum", {"a": normal(3, 67, 2)}, lambda a: np.cumsum(a, 1), {"axis": 1}),
    Case("_np_cumsum", {"a": normal(2, 3, 71)}, lambda a: np.cumsum(a, -2), {"axis": -2}),
    Case("cumsum", {"a": integers(3, 5, high=4)}, lambda a: np.cumsum(a, 0), {"axis": 0}, None, dtypes=EVERY),
    Case(
        "cumsum",
        {"a": exactly([200, 100, 50])},
        lambda a: np.cumsum(a),
        {"dtype": "int64"},
        None,
        dtypes=("uint8",),
    ),
    Case("cumsum", {"a": exactly([1, np.inf, 2, -np.inf, 3])}, lambda a: np.cumsum(a), gradient=None),
]
