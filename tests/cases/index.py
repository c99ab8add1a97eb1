"""Cases of where, one_hot, take and pick: NumPy's indexing; indices repeat and fall outside."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import Array, Case, exactly, integers, normal

Dims = tuple[int, ...]
MOVED = ("int32", "int64", "uint8", "float16")


def inside(index: Array, n: int, mode: str) -> Array:
    whole = np.trunc(index).astype(np.int64)
    return whole % n if mode == "wrap" else np.clip(whole, 0, n - 1)


def select(condition: Array, like: Array) -> Array:
    rows = condition.reshape(condition.shape + (1,) * (like.ndim - condition.ndim))
    return np.broadcast_to(rows != 0, like.shape)


def where(shape: Dims, condition: Any, **kw: Any) -> Case:
    def gradient(ograds: list[Array], condition: Array, x: Array, y: Array) -> dict[str, Array]:
        is_x = select(condition, x)
        return {"x": np.where(is_x, ograds[0], 0), "y": np.where(is_x, 0, ograds[0])}

    make = kw.pop("make", normal)
    return Case(
        "where",
        {"condition": condition, "x": make(*shape), "y": make(*shape)},
        lambda condition, x, y: np.where(select(condition, x), x, y),
        **{"gradient": gradient, "wrt": ("x", "y"), "exact": True, **kw},
    )


def one_hot(indices: Any, depth: int, on: float = 1, off: float = 0, **params: Any) -> Case:
    def reference(indices: Array) -> Array:
        return np.where(np.trunc(indices)[..., None] == np.arange(depth), np.trunc(on), off)

    params = {"depth": depth, "on_value": on, "off_value": off, **params}
    return Case("one_hot", {"indices": indices}, reference, params, gradient=None, exact=True)


def take(shape: Dims, indices: Any, axis: int, mode: str = "clip", **kw: Any) -> Case:
    def gradient(ograds: list[Array], a: Array, indices: Array) -> dict[str, Array]:
        result = np.zeros(a.shape)
        at = axis % a.ndim
        index = (slice(None),) * at + (inside(indices, a.shape[axis], mode),)
        np.add.at(result, index, ograds[0])
        return {"a": result}

    return Case(
        "take",
        {"a": kw.pop("make", normal)(*shape), "indices": indices},
        lambda a, indices: np.take(a, inside(indices, a.shape[axis], mode), axis),
        {"axis": axis, "mode": mode},
        **{"gradient": gradient, "wrt": ("a",), **kw},
    )


def pick(shape: Dims, index: Any, axis: int, mode: str = "clip", keepdims: bool = False, **kw: Any) -> Case:
    def places(data: Array, index: Array) -> Array:
        kept = [1 if i == axis % data.ndim else d for i, d in enumerate(data.shape)]
        return inside(index, data.shape[axis], mode).reshape(kept)

    def reference(data: Array, index: Array) -> Array:
        picked = np.take_along_axis(data, places(data, index), axis)
        return picked if keepdims else picked.squeeze(axis)

    def gradient(ograds: list[Array], data: Array, index: Array) -> dict[str, Array]:
        result, at = np.zeros(data.shape), places(data, index)
        np.put_along_axis(result, at, ograds[0].reshape(at.shape), axis)
        return {"data": result}

    return Case(
        "pick",
        {"data": kw.pop("make", normal)(*shape), "index": index},
        reference,
        {"axis": axis, "mode": mode, "keepdims": keepdims},
        **{"gradient": gradient, "wrt": ("data",), "exact": True, **kw},
    )


WHOLE = {"make": integers, "gradient": None, "exact": True}
CASES = [
    where((3, 5), integers(3, 5, high=2)),
    where((3, 5), exactly([1, 0, -2])),
    where((7,), integers(7, high=2)),
    where((2, 3, 5), integers(2, 3, 5, high=2), input_dtypes={"condition": "int32"}),
    where((3, 5), integers(3, 5, high=2), dtypes=MOVED, make=integers, gradient=None),
    one_hot(exactly([[0, 5], [1, -1]]), 3),
    one_hot(exactly([0.7, 1.9, 2.0]), 3, 2, -1, dtype="int32"),
    one_hot(exactly([3, 0, 7]), 5, 1.0, 0.0, dtype="float64"),
    take((5, 3), exactly([0, 2, 0, 9, -4]), 0),
    take((5, 3), exactly([[0, 7], [-1, 2]]), 0, "wrap"),
    take((2, 5, 3), integers(2, 2, high=5), 1),
    take((2, 3, 7), exactly([6, 0, 6]), -1),
    take((11, 67), integers(29, high=11), 0, input_dtypes={"indices": "int32"}),
    take((5, 3), integers(7, high=5), 0, dtypes=MOVED, input_dtypes={"indices": "int64"}, **WHOLE),
    pick((3, 5), exactly([0, 7, -2]), 1),
    pick((3, 5), exactly([0, 7, -2]), -1, "wrap"),
    pick((2, 3, 5), integers(2, 5, high=3), 1),
    pick((2, 3, 5), integers(2, 3, 1, high=5), 2, keepdims=True),
    pick((3, 5), integers(5, high=3), 0, dtypes=MOVED, input_dtypes={"index": "float32"}, **WHOLE),
]
