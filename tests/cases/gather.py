"""Cases of gather_nd, scatter_nd, _scatter_set_nd, _backward_gather_nd and index_copy: NumPy's indexing by
tuples; places repeat, indices count from either end.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from . import Array, Case, Maker, exactly, integers, normal

Dims = tuple[int, ...]
MOVED = ("int32", "int64", "uint8", "float16")


def places(indices: Array) -> tuple[Array, ...]:
    return tuple(np.trunc(indices).astype(np.int64))


def put(target: Array, indices: Array, values: Array) -> Array:
    """The last of several values for one place stays."""
    m = len(indices)
    columns = np.stack([i.reshape(-1) for i in places(indices)], axis=1).reshape(-1, m)
    for column, value in zip(columns, values.reshape(-1, *target.shape[m:]), strict=True):
        target[tuple(column)] = value
    return target


def add(shape: Dims, indices: Array, values: Array) -> Array:
    result = np.zeros(shape)
    np.add.at(result, places(indices), values)
    return result


def gather_nd(shape: Dims, indices: Maker, make: Any = normal, **kw: Any) -> Case:
    def gradient(ograds: list[Array], data: Array, indices: Array) -> dict[str, Array]:
        return {"data": add(data.shape, indices, ograds[0])}

    return Case(
        "gather_nd",
        {"data": make(*shape), "indices": indices},
        lambda data, indices: data[places(indices)],
        **{"gradient": gradient, "wrt": ("data",), **kw},
    )


def scatter_nd(data: Maker, indices: Maker, shape: Dims, **kw: Any) -> Case:
    def gradient(ograds: list[Array], data: Array, indices: Array) -> dict[str, Array]:
        return {"data": ograds[0][places(indices)]}

    return Case(
        "scatter_nd",
        {"data": data, "indices": indices},
        lambda data, indices: put(np.zeros(shape), indices, data),
        {"shape": shape},
        **{"gradient": gradient, "wrt": ("data",), "exact": True, **kw},
    )


def add_nd(data: Maker, indices: Maker, shape: Dims, **kw: Any) -> Case:
    return Case(
        "_backward_gather_nd",
        {"data": data, "indices": indices},
        lambda data, indices: add(shape, indices, data),
        {"shape": shape},
        **{"wrt": ("data",), **kw},
    )


def set_nd(shape: Dims, rhs: Maker, indices: Maker, make: Any = normal, **kw: Any) -> Case:
    def gradient(ograds: list[Array], lhs: Array, rhs: Array, indices: Array) -> dict[str, Array]:
        return {
            "lhs": put(ograds[0].copy(), indices, np.zeros(rhs.shape)),
            "rhs": ograds[0][places(indices)],
        }

    return Case(
        "_scatter_set_nd",
        {"lhs": make(*shape), "rhs": rhs, "indices": indices},
        lambda lhs, rhs, indices: put(lhs.copy(), indices, rhs),
        {"shape": shape},
        **{"gradient": gradient, "wrt": ("lhs", "rhs"), "exact": True, **kw},
    )


def index_copy(old: Maker, index: Maker, new: Maker, **kw: Any) -> Case:
    def gradient(
        ograds: list[Array], old_tensor: Array, index_vector: Array, new_tensor: Array
    ) -> dict[str, Array]:
        rows = index_vector.astype(np.int64)
        kept = ograds[0].copy()
        kept[rows] = 0
        return {"old_tensor": kept, "new_tensor": ograds[0][rows]}

    return Case(
        "_contrib_index_copy",
        {"old_tensor": old, "index_vector": index, "new_tensor": new},
        lambda old_tensor, index_vector, new_tensor: put(old_tensor.copy(), index_vector[None], new_tensor),
        **{"gradient": gradient, "wrt": ("old_tensor", "new_tensor"), "exact": True, **kw},
    )


WHOLE: dict[str, Any] = {"gradient": None, "exact": True, "dtypes": MOVED}
TWICE = exactly([[0, 0, 1, 0, -1], [0, 2, 1.7, 0, -3]])  # (0, 0) and (1, 0) of a (2, 3)
CASES = [
    gather_nd((2, 3), TWICE),
    gather_nd((5, 3), exactly([[1, 0, -5, 4]])),
    gather_nd((3, 5, 7), integers(2, 2, 3, high=3)),
    gather_nd((3, 5, 2), integers(3, 97, high=2), input_dtypes={"indices": "int32"}),
    gather_nd((131, 3), integers(1, 211, low=-131, high=131)),
    gather_nd((3, 5), integers(2, 7, high=3), integers, input_dtypes={"indices": "int64"}, **WHOLE),
    scatter_nd(normal(5), TWICE, (2, 3)),
    scatter_nd(normal(2, 3), exactly([[1, 0]]), (5, 3)),
    scatter_nd(normal(2, 3, 7), integers(2, 2, 3, high=3), (3, 5, 7)),
    scatter_nd(integers(101), integers(2, 101, high=5), (5, 7), input_dtypes={"indices": "uint8"}, **WHOLE),
    add_nd(normal(5), TWICE, (2, 3)),
    add_nd(normal(211, 3), integers(1, 211, high=7), (7, 3)),
    add_nd(integers(101, 3, high=3), integers(1, 101, high=7), (7, 3), **WHOLE),
    set_nd((2, 3), normal(5), TWICE),
    set_nd((5, 3), normal(3, 3), exactly([[-1, 0, 4]])),
    set_nd((5, 7), integers(101), integers(2, 101, high=5), integers, **WHOLE),
    index_copy(normal(5, 3), exactly([0, 4, 2]), normal(3, 3)),
    index_copy(normal(7), exactly([1, 5]), normal(2), input_dtypes={"index_vector": "int64"}),
    index_copy(integers(5, 3), exactly([0, 0, 2]), integers(3, 3), **WHOLE),
]
