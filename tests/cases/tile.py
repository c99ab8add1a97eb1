"""Cases of reverse, tile and repeat: NumPy's functions of the same names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from . import Array, Case, integers, normal

WHOLE = ("int32", "int64", "uint8", "int8", "float16", "bool")


def flip(shape: tuple[int, ...], axis: Any) -> Case:
    def gradient(ograds: list[Array], data: Array) -> dict[str, Array]:
        return {"data": np.flip(ograds[0], axis)}

    return Case(
        "reverse", {"data": normal(*shape)}, lambda data: np.flip(data, axis), {"axis": axis},
        gradient=gradient, exact=True,
    )  # fmt: skip


def moved(op: str, f: Callable[[Array], Array], params: dict[str, Any]) -> list[Case]:
    """Only bytes move: all element types."""
    inputs = {"data": integers(3, 5, high=2)}
    return [Case(op, inputs, f, params, gradient=None, exact=True, dtypes=WHOLE)]


def tile(shape: tuple[int, ...], *reps: int) -> Case:
    return Case("tile", {"data": normal(*shape)}, lambda data: np.tile(data, reps), {"reps": reps})


def repeat(shape: tuple[int, ...], n: int, **params: Any) -> Case:
    axis = params.get("axis")
    return Case(
        "repeat", {"data": normal(*shape)}, lambda data: data.repeat(n, axis), {"repeats": n, **params}
    )


CASES = [
    flip((7,), 0),
    flip((2, 3, 5), (0, 2)),
    flip((2, 3, 5), -1),
    flip((3, 1, 67), (1, 2)),
    *moved("reverse", lambda data: data[::-1, ::-1], {"axis": (0, 1)}),
    tile((2, 3), 2, 5),
    tile((2, 3), 3),
    tile((3,), 2, 1, 2),
    tile((2, 3), 1, 2, 1, 2),
    tile((2, 3, 1, 2), 2, 1, 3, 1),
    tile((1, 2, 1, 2, 3), 3, 2, 2, 2, 2),
    tile((2, 3), 1, 1),
    tile((5, 33), 2, 3),
    *moved("tile", lambda data: np.tile(data, (2, 3)), {"reps": (2, 3)}),
    repeat((2, 3), 2),
    repeat((2, 3), 3, axis=1),
    repeat((2, 3, 5), 2, axis=-3),
    repeat((2, 3, 5), 1, axis=1),
    repeat((3, 37), 2, axis=0),
    *moved("repeat", lambda data: data.repeat(2, 0), {"repeats": 2, "axis": 0}),
]
