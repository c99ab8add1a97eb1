"""Cases of _ravel_multi_index and _unravel_index: NumPy's, and what the formulas give outside the shape."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import Array, Case, Maker, exactly, integers

TYPES = ("float32", "float64", "int32", "int64", "uint8", "float16")


def strides(shape: tuple[int, ...]) -> Array:
    return np.cumprod([1, *shape[:0:-1]])[::-1]


def ravel(data: Maker, shape: tuple[int, ...], **kw: Any) -> Case:
    return Case(
        "_ravel_multi_index",
        {"data": data},
        lambda data: strides(shape) @ data,
        {"shape": shape},
        **{"gradient": None, "exact": True, **kw},
    )


def unravel(data: Maker, shape: tuple[int, ...], **kw: Any) -> Case:
    def reference(data: Array) -> Array:
        rest = np.abs(data)
        out = []
        for d in shape[:0:-1]:
            out.append(rest % d)
            rest = rest // d
        return np.stack([rest, *out[::-1]]) * np.sign(data)  # division cuts towards zero

    return Case(
        "_unravel_index",
        {"data": data},
        reference,
        {"shape": shape},
        **{"gradient": None, "exact": True, **kw},
    )


CASES = [
    ravel(integers(2, 5, high=6), (7, 6), dtypes=TYPES),
    ravel(exactly([[3, 9, -1], [4, 50, 1]]), (-1, 6)),
    ravel(integers(3, 67, high=5), (5, 7, 11)),
    unravel(integers(5, high=42), (7, 6), dtypes=TYPES),
    unravel(exactly([[22, -1, 42], [100, 0, 41]]), (-1, 6)),
    unravel(integers(3, 67, high=385), (5, 7, 11)),
]
