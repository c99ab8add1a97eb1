"""Cases of Cast: every pair of element types, with the values where types part ways (wrapping, cutting,
overflow).
"""

from __future__ import annotations

import numpy as np

from . import Array, Case, exactly, normal

EDGES = [-1.0, 300.5, -1.7, 1.7, 0.0, 0.99, 65000.0, 255.0, -128.0, 127.5, 2049.0, 70000.0, -3.0]


def whole(data: Array, bits: int, signed: bool) -> Array:
    """Cut towards zero into 32 bits, the smallest integer if out of range; then keep the low bits."""
    limit = 2.0**31
    is_inside = np.abs(data) < limit
    low = np.where(is_inside, np.where(is_inside, data, 0).astype(np.int64), int(-limit)) & (2**bits - 1)
    return np.where(signed & (low >= 2 ** (bits - 1)), low - 2**bits, low).astype(np.float64)


def half(data: Array) -> Array:
    with np.errstate(over="ignore"):
        return data.astype(np.float16).astype(np.float64)


RULES = {
    "float32": lambda data: data.astype(np.float32).astype(np.float64),
    "float64": lambda data: data,
    "float16": half,
    "uint8": lambda data: whole(data, 8, False),
    "int8": lambda data: whole(data, 8, True),
    "int32": lambda data: whole(data, 32, True),
    "int64": lambda data: np.where(np.isinf(data), -(2.0**63), np.trunc(data)),
    "bool": lambda data: (data != 0).astype(np.float64),
}
SOURCES = ("float32", "float64", "float16", "int32", "int64", "uint8", "int8")


def back(ograds: list[Array], data: Array) -> dict[str, Array]:
    return {"data": ograds[0]}


CASES = [
    *(
        Case(
            "Cast", {"data": exactly(EDGES)}, rule, {"dtype": name}, gradient=None, dtypes=SOURCES, exact=True
        )
        for name, rule in RULES.items()
    ),
    Case(
        "Cast",
        {"data": normal(3, 211, scale=100)},
        RULES["int32"],
        {"dtype": "int32"},
        gradient=None,
        exact=True,
    ),
    Case("Cast", {"data": normal(7, 5)}, RULES["float64"], {"dtype": "float64"}, gradient=back),
    Case("Cast", {"data": normal(7, 5)}, RULES["float32"], {"dtype": "float32"}, gradient=back),
]
