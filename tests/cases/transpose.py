"""Cases of transpose and SwapAxis: small ranks with distinct primes, and sizes that cross the copy kernel's
tiles.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from . import Case, integers, normal


def transpose(shape: tuple[int, ...], axes: tuple[int, ...] | None, **kw: Any) -> Case:
    inverse = None if axes is None else tuple(np.argsort(np.array(axes) % len(axes)))
    return Case(
        "transpose",
        kw.pop("inputs", {"data": normal(*shape)}),
        lambda data: data.transpose(axes),
        params={} if axes is None else {"axes": axes},
        gradient=kw.pop("gradient", lambda ograds, data: {"data": ograds[0].transpose(inverse)}),
        exact=True,
        **kw,
    )


def swap(shape: tuple[int, ...], a: int, b: int) -> Case:
    return Case(
        "SwapAxis",
        {"data": normal(*shape)},
        lambda data: data.swapaxes(a, b),
        params={"dim1": a, "dim2": b},
        gradient=lambda ograds, data: {"data": ograds[0].swapaxes(a, b)},
        exact=True,
    )


CASES = [
    transpose((3, 5), None),
    transpose((2, 3, 5), None),
    transpose((2, 3, 5), (1, 2, 0)),
    transpose((2, 3, 5), (-1, 0, 1)),
    transpose((2, 3, 5, 7), (0, 2, 3, 1)),
    transpose((2, 3, 5, 7), (3, 1, 0, 2)),
    transpose((37, 41), (1, 0)),
    transpose((3, 17, 67), (0, 2, 1)),
    transpose((3, 1, 5), (1, 0, 2)),
    transpose((7,), None),
    transpose((2, 1, 3, 2, 5, 2), (5, 3, 1, 0, 2, 4)),
    transpose(
        (3, 19, 23),
        (2, 0, 1),
        inputs={"data": integers(3, 19, 23, high=100)},
        gradient=None,
        dtypes=("int32", "int64", "int8", "float16"),
    ),
    swap((2, 3, 5), 0, 2),
    swap((2, 3, 5, 7), 1, -1),
    swap((2, 3), 1, 1),
]
