"""Cases of sort, argsort and topk: NumPy's stable sort; ties, NaN and infinities, short rows, long rows,
axes.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from . import Array, Case, Maker, exactly, integers, normal

TYPES = ("float32", "int32", "uint8", "int64", "float16")
NAN, INF = float("nan"), float("inf")
SPECIAL = exactly([[3, NAN, 1, -INF, -0.0, 0.0], [INF, 2, NAN, 2, NAN, -1]])


def order(data: Array, axis: int | None, is_ascend: bool) -> Array:
    """Indices of a stable sort, NaN last either way; the result is flat where axis is None."""
    flat = data.reshape(-1) if axis is None else data
    return np.argsort(flat if is_ascend else -flat, axis=-1 if axis is None else axis, kind="stable")


def chosen(data: Array, places: Array, axis: int | None) -> Array:
    return data.reshape(-1)[places] if axis is None else np.take_along_axis(data, places, axis)


def put(shape: Any, places: Array, values: Any, axis: int | None) -> Array:
    result = np.zeros(int(np.prod(shape)) if axis is None else shape)
    np.put_along_axis(result, places, values, 0 if axis is None else axis)
    return result.reshape(shape)


def sort(data: Maker, axis: int | None = -1, is_ascend: bool = True, **kw: Any) -> Case:
    def gradient(ograds: list[Array], data: Array) -> dict[str, Array]:
        return {"data": put(data.shape, order(data, axis, is_ascend), ograds[0], axis)}

    return Case(
        "sort",
        {"data": data},
        lambda data: chosen(data, order(data, axis, is_ascend), axis),
        {"axis": axis, "is_ascend": is_ascend},
        **{"gradient": gradient, "exact": True, **kw},
    )


def argsort(data: Maker, axis: int | None = -1, is_ascend: bool = True, dtype: str = "", **kw: Any) -> Case:
    params: dict[str, Any] = {"axis": axis, "is_ascend": is_ascend}
    if dtype:
        params["dtype"] = dtype
    return Case(
        "argsort",
        {"data": data},
        lambda data: order(data, axis, is_ascend),
        params,
        gradient=None,
        exact=True,
        **kw,
    )


def topk(
    data: Maker,
    k: int,
    ret_typ: str,
    axis: int | None = -1,
    is_ascend: bool = False,
    dtype: str = "",
    **kw: Any,
) -> Case:
    def first(data: Array) -> Array:
        places = order(data, axis, is_ascend)
        along = 0 if axis is None else axis
        return np.take(places, range(k if k > 0 else places.shape[along]), along)

    def reference(data: Array) -> Any:
        places = first(data)
        values = chosen(data, places, axis)
        mask = put(data.shape, places, 1, axis)
        return {"value": values, "indices": places, "both": (values, places), "mask": mask}[ret_typ]

    def gradient(ograds: list[Array], data: Array) -> dict[str, Array]:
        return {"data": put(data.shape, first(data), ograds[0], axis)}

    params: dict[str, Any] = {"k": k, "ret_typ": ret_typ, "axis": axis, "is_ascend": is_ascend}
    if dtype:
        params["dtype"] = dtype
    has_gradient = ret_typ in ("value", "both")
    return Case(
        "topk",
        {"data": data},
        reference,
        params,
        **{"gradient": gradient if has_gradient else None, "exact": True, **kw},
    )


WHOLE: dict[str, Any] = {"gradient": None, "dtypes": TYPES}
CASES = [
    sort(normal(3, 37)),
    sort(normal(3, 5), axis=0, is_ascend=False),
    sort(normal(2, 67, 3), axis=1),
    sort(normal(2, 3, 5), axis=None),
    sort(SPECIAL),
    sort(SPECIAL, is_ascend=False),
    sort(integers(3, 41, high=9), **WHOLE),
    sort(integers(5, 3, high=9), axis=0, is_ascend=False, **WHOLE),
    sort(integers(2, 3001, low=-120, high=120), gradient=None, dtypes=("float32", "int8", "int32")),
    argsort(normal(3, 37)),
    argsort(integers(2, 300, high=5), is_ascend=False),
    argsort(integers(2, 53, 3, high=5), axis=1, dtype="int32"),
    argsort(integers(7, 3, high=3), axis=None, dtype="float64"),
    argsort(SPECIAL, is_ascend=False, dtype="uint8"),
    argsort(integers(3, 1201, high=9), dtype="int64", dtypes=("float32", "uint8", "int64")),
    topk(normal(3, 37), 5, "value"),
    topk(normal(3, 11), 3, "both", is_ascend=True),
    topk(normal(2, 7, 3), 2, "both", axis=1, dtype="int32"),
    topk(normal(3, 5), 0, "value"),
    topk(normal(3, 5), 4, "value", axis=None),
    topk(integers(3, 19, high=3), 7, "indices"),
    topk(integers(3, 2049, low=-100, high=100), 3, "indices", dtypes=("float32", "int32", "int64")),
    topk(integers(2, 3001, low=-100, high=100), 200, "indices", is_ascend=True, dtype="int32"),
    topk(SPECIAL, 4, "both", gradient=None),
    topk(integers(5, 7, high=3), 2, "mask", dtypes=TYPES),
    topk(integers(5, 7, high=3), 9, "mask", axis=None),
    topk(integers(5, 7, high=3), 3, "mask", axis=0),
]
