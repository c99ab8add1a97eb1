"""Cases of Correlation: patches of two padded images compared one by one."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np

from . import Array, Case, normal


def correlate(
    data1: Array, data2: Array, kernel_size: int = 1, max_displacement: int = 1, stride1: int = 1,
    stride2: int = 1, pad_size: int = 0, is_multiply: bool = True,
) -> Array:  # fmt: skip
    far, k = max_displacement, kernel_size
    edge = ((0, 0), (0, 0), (pad_size, pad_size), (pad_size, pad_size))
    # the second patch may begin outside the padded image: more zeros around it
    more = ((0, 0), (0, 0), (far, far + k), (far, far + k))
    a, b = np.pad(np.pad(data1, edge), more), np.pad(np.pad(data2, edge), more)
    h, w = (d + 2 * pad_size - 2 * (far + (k - 1) // 2) for d in data1.shape[2:])
    rows, columns = range(0, h, stride1), range(0, w, stride1)
    radius = far // stride2
    ways = list(product(range(-radius, radius + 1), repeat=2))
    out = np.zeros((len(data1), len(ways), len(rows), len(columns)))
    for (c, (dy, dx)), (i, y), (j, x) in product(enumerate(ways), enumerate(rows), enumerate(columns)):
        top, left = y + 2 * far, x + 2 * far
        p = a[:, :, top : top + k, left : left + k]
        top, left = top + dy * stride2, left + dx * stride2
        q = b[:, :, top : top + k, left : left + k]
        out[:, c, i, j] = (p * q if is_multiply else np.abs(p - q)).mean((1, 2, 3))
    return out


def of(shape: tuple[int, ...], **params: Any) -> Case:
    inputs = {"data1": normal(*shape), "data2": normal(*shape)}
    return Case("Correlation", inputs, lambda data1, data2: correlate(data1, data2, **params), params)


CASES = [
    of((2, 3, 7, 5)),
    of((1, 2, 5, 6), kernel_size=3, max_displacement=2, stride2=2, pad_size=3),
    of((1, 3, 9, 8), max_displacement=2, stride1=2, pad_size=1, is_multiply=False),
]
