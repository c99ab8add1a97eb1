"""Cases of where, one_hot, take, pick and MXNet's older forms: NumPy's indexing; indices repeat and fall
outside."""

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


def batch_take(a: Any, indices: Any, **kw: Any) -> Case:
    def gradient(ograds: list[Array], a: Array, indices: Array) -> dict[str, Array]:
        result = np.zeros(a.shape)
        result[np.arange(len(a)), inside(indices, a.shape[1], "clip").reshape(-1)] = ograds[0].reshape(-1)
        return {"a": result}

    def reference(a: Array, indices: Array) -> Array:
        rows = np.arange(len(a)).reshape(indices.shape)
        return a[rows, inside(indices, a.shape[1], "clip")]

    return Case(
        "batch_take",
        {"a": a, "indices": indices},
        reference,
        input_dtypes={"indices": "int32"},
        **{"gradient": gradient, "wrt": ("a",), "exact": True, **kw},
    )


def fill_element(lhs: Any, mhs: Any, rhs: Any, **kw: Any) -> Case:
    def fill(lhs: Array, mhs: Any, rhs: Array) -> Array:
        result = lhs.copy()
        result[np.arange(len(lhs)), inside(rhs, lhs.shape[1], "clip")] = mhs
        return result

    def gradient(ograds: list[Array], lhs: Array, mhs: Array, rhs: Array) -> dict[str, Array]:
        g = ograds[0]
        return {"lhs": fill(g, 0, rhs), "mhs": g[np.arange(len(g)), inside(rhs, g.shape[1], "clip")]}

    return Case(
        "fill_element_0index",
        {"lhs": lhs, "mhs": mhs, "rhs": rhs},
        fill,
        **{"gradient": gradient, "wrt": ("lhs", "mhs"), "exact": True, **kw},
    )


def onehot_encode(lhs: Any, rows: int, depth: int, **kw: Any) -> Case:
    return Case(
        "_onehot_encode",
        {"lhs": lhs, "rhs": normal(rows, depth)},
        lambda lhs, rhs: lhs[:, None] == np.arange(depth),
        **{"gradient": None, "exact": True, **kw},
    )


def argmax_channel(data: Any, **kw: Any) -> Case:
    return Case(
        "argmax_channel",
        {"data": data},
        lambda data: np.argmax(data, axis=1),
        **{"gradient": None, "exact": True, **kw},
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
    take((5, 3), exactly([[0, 4], [1, 2]]), 0, "raise"),
    take((2, 5, 3), integers(97, high=5), 1, "wrap"),
    take((5,), exactly([250, 3, 2, 3]), 0, input_dtypes={"indices": "uint8"}),
    take((5,), exactly([-9, 3, 2, 3]), 0, "wrap", input_dtypes={"indices": "int8"}),
    take((5,), integers(67, high=5), 0, "clip", input_dtypes={"indices": "float16"}),
    batch_take(normal(5, 3), exactly([0, 2, -1, 7, 1])),
    batch_take(normal(3, 2), exactly([[0], [1], [1]])),
    batch_take(integers(7, 5), integers(7, high=5), dtypes=MOVED, gradient=None),
    fill_element(normal(5, 3), normal(5), exactly([0, 2, -1, 7, 1])),
    fill_element(integers(7, 5), integers(7), integers(7, high=5), dtypes=MOVED, gradient=None),
    onehot_encode(exactly([1, 0, 7, -1]), 4, 3),
    onehot_encode(integers(31, high=5), 31, 5, input_dtypes={"lhs": "int32"}),
    argmax_channel(integers(5, 7, high=4)),
    argmax_channel(integers(3, 37, 2, high=9), dtypes=(*MOVED, "float32")),
]
