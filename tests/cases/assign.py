"""Cases of _slice_assign, _slice_assign_scalar, _set_value and _copyto: NumPy's assignment to a slice."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import Array, Case, integers, normal

WHOLE = ("int32", "int64", "uint8", "int8", "float16")


def bounds(index: tuple[slice, ...]) -> dict[str, Any]:
    params = {"begin": tuple(s.start for s in index), "end": tuple(s.stop for s in index)}
    return params | {"step": tuple(s.step for s in index)} if any(s.step for s in index) else params


def assigned(lhs: Array, index: tuple[slice, ...], value: Any) -> Array:
    out = lhs.copy()
    out[index] = value
    return out


def assign(shape: tuple[int, ...], *index: slice) -> Case:
    def gradient(ograds: list[Array], lhs: Array, rhs: Array) -> dict[str, Array]:
        return {"lhs": assigned(ograds[0], index, 0), "rhs": ograds[0][index]}

    inputs = {"lhs": normal(*shape), "rhs": normal(*np.zeros(shape)[index].shape)}
    return Case(
        "_slice_assign", inputs, lambda lhs, rhs: assigned(lhs, index, rhs), bounds(index), gradient=gradient,
        exact=True,
    )  # fmt: skip


def assign_scalar(shape: tuple[int, ...], value: float, *index: slice) -> Case:
    def gradient(ograds: list[Array], data: Array) -> dict[str, Array]:
        return {"data": assigned(ograds[0], index, 0)}

    return Case(
        "_slice_assign_scalar", {"data": normal(*shape)}, lambda data: assigned(data, index, value),
        {"scalar": value, **bounds(index)}, gradient=gradient, exact=True,
    )  # fmt: skip


WINDOW = (slice(1, 3), slice(0, 2))
CASES = [
    assign((5, 7), *WINDOW),
    assign((5, 7), slice(None), slice(-2, None)),
    assign((5, 7, 3), slice(4, 0, -2), slice(1, 6, 3)),
    assign((7,), slice(2, 5)),
    Case(
        "_slice_assign",
        {"lhs": integers(5, 3), "rhs": integers(2, 2)},
        lambda lhs, rhs: assigned(lhs, WINDOW, rhs),
        bounds(WINDOW),
        gradient=None,
        exact=True,
        dtypes=WHOLE,
    ),
    assign_scalar((5, 7), 2.5, *WINDOW),
    assign_scalar((5, 7), -1.0, slice(None, None, -3)),
    assign_scalar((3, 67), 0.0, slice(1, 2)),
    Case(
        "_slice_assign_scalar",
        {"data": integers(5, 3)},
        lambda data: assigned(data, WINDOW, 2),
        {"scalar": 2.0, **bounds(WINDOW)},
        gradient=None,
        exact=True,
        dtypes=WHOLE,
    ),
    Case("_set_value", {}, lambda: np.full((1,), 3.5), {"src": 3.5}, gradient=None, dtypes=("float32",)),
    Case("_copyto", {"data": normal(3, 37)}, lambda data: data, exact=True),
    Case("_copyto", {"data": integers(2, 5)}, lambda data: data, gradient=None, exact=True, dtypes=WHOLE),
]
