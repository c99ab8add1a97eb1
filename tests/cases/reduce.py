"""Cases of the reductions: every way axes can lie, long rows, NaN, ties, zeros and integers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from . import Array, Case, Maker, exactly, integers, normal

Axis = int | tuple[int, ...] | None


def shown(result: Array) -> Array:
    """MXNet has no 0-dimensional result."""
    return np.reshape(result, (1,)) if np.ndim(result) == 0 else result


def case(
    op: str,
    function: Callable[..., Array],
    make: Maker,
    axis: Axis = None,
    keepdims: bool = False,
    exclude: tuple[int, ...] | None = None,
    **kw: Any,
) -> Case:
    """`exclude` is what a user passes as axis together with exclude=True; `axis` the axes that are then
    reduced.
    """
    params: dict[str, Any] = {} if axis is None else {"axis": axis}
    if exclude is not None:
        params = {"axis": exclude, "exclude": True}
    if keepdims:
        params["keepdims"] = True
    params.update(kw.pop("params", {}))

    def reference(data: Array) -> Array:
        return shown(function(data, axis=axis, keepdims=keepdims))

    return Case(op, {"data": make}, reference, params, **kw)


def equal_gradient(function: Callable[..., Array], axis: Axis) -> Callable[..., dict[str, Array]]:
    def gradient(ograds: list[Array], data: Array) -> dict[str, Array]:
        extreme = function(data, axis=axis, keepdims=True)
        return {"data": (data == extreme) * np.reshape(ograds[0], extreme.shape)}

    return gradient


def exact_sum(data: Array, axis: Axis, keepdims: bool) -> Array:
    """NumPy adds rows one after the other in float64, which is no better than what is tested here."""
    return data.astype(np.longdouble).sum(axis, keepdims=keepdims).astype(np.float64)


def l1(data: Array, axis: Axis, keepdims: bool) -> Array:
    return np.abs(data).sum(axis, keepdims=keepdims)


def l2(data: Array, axis: Axis, keepdims: bool) -> Array:
    return np.sqrt((data * data).sum(axis, keepdims=keepdims))


def int_mean(data: Array, axis: Axis, keepdims: bool) -> Array:
    return np.trunc(data.mean(axis, keepdims=keepdims))


def positions(function: Callable[..., Array]) -> Callable[..., Array]:
    return lambda data, axis, keepdims: function(data, axis, keepdims=keepdims)


def distinct(*shape: int) -> Maker:
    """Every number once, so that extremes are unique."""
    return lambda rng: rng.permutation(int(np.prod(shape))).reshape(shape) / 7.0


def nan_sum_gradient(ograds: list[Array], data: Array) -> dict[str, Array]:
    return {"data": np.where(np.isnan(data), 0, ograds[0][:, None])}


def product_gradient(ograds: list[Array], data: Array) -> dict[str, Array]:
    """Product of the others in each row, spelt out; NaN counts as one and gets no gradient."""
    clean = np.where(np.isnan(data), 1, data)
    others = [np.delete(clean, j, 1).prod(1) for j in range(data.shape[1])]
    return {"data": np.where(np.isnan(data), 0, np.stack(others, 1) * ograds[0][:, None])}


WHOLE = ("int32", "int64")
SMALL = ("uint8", "int8", "float16")
HOLES = [[1.0, np.nan, 3.0], [np.nan, np.nan, np.nan], [2.0, -5.0, 0.5]]
ZEROS = [[2.0, 0.0, 3.0], [0.0, 0.0, 3.0], [4.0, 2.0, -5.0]]
SPECIAL = [[1.0, np.inf, 2.0], [np.nan, 1.0, 2.0], [1.0, 2.0, np.nan], [-np.inf, -np.inf, -np.inf]]
TIES = [[1.0, 3.0, 3.0], [2.0, 2.0, 2.0], [5.0, 1.0, 0.0]]

SUMS = [
    case("sum", np.sum, normal(3, 5)),
    case("sum", np.sum, normal(2, 3, 5, 7), 1),
    case("sum", np.sum, normal(2, 3, 5, 7), -1, keepdims=True),
    case("sum", np.sum, normal(2, 3, 5, 7), (0, 2, 3)),
    case("sum", np.sum, normal(2, 3, 5, 7), (1, -1), keepdims=True),
    case("sum", np.sum, normal(2, 3, 5, 7), (1, 3), exclude=(0, 2)),
    case("sum", np.sum, normal(2, 3, 5), (0, 2), exclude=(-2,), keepdims=True),
    case("sum", np.sum, normal(2, 1, 5), 1),
    case("sum", np.sum, normal(7), 0),
    case("sum", np.sum, normal(2, 3, 2, 5, 2, 3), (0, 2, 4)),
    # Long ones: float32 must not lose to the number of terms.
    case("sum", exact_sum, normal(13, 4099, shift=1), 1, gradient=None, tolerance=4),
    case("sum", exact_sum, normal(2053, 131, shift=1), 0, gradient=None, tolerance=4),
    case("sum", exact_sum, normal(70001, shift=100), gradient=None, tolerance=4),
    case("sum", exact_sum, normal(30011, 3, shift=10), 0, gradient=None, tolerance=4),
    case("sum", exact_sum, normal(5, 31, 1031, shift=1), (0, 2), gradient=None, tolerance=4),
    case(
        "sum", np.sum, integers(5, 7, 11, low=-50, high=50), (0, 2), dtypes=WHOLE, gradient=None, exact=True
    ),
    case("sum", np.sum, integers(40, 67), dtypes=WHOLE, gradient=None, exact=True),
    case("sum", np.sum, integers(5, 7, high=5), 1, dtypes=SMALL, gradient=None, exact=True),
    case("sum", np.sum, exactly(SPECIAL), 1, gradient=None),
    case("mean", np.mean, normal(3, 5)),
    case("mean", np.mean, normal(2, 3, 5, 7), (0, 2, 3)),
    case("mean", np.mean, normal(2, 3, 5), 1, keepdims=True),
    case("mean", np.mean, normal(3, 5, 7), (0, 2), exclude=(1,)),
    case("mean", np.mean, normal(40009, shift=3), gradient=None, tolerance=8),
    case("mean", int_mean, integers(5, 7, low=-20), 1, dtypes=WHOLE, gradient=None, exact=True),
]

EXTREMES = [
    built
    for op, function in (("max", np.max), ("min", np.min))
    for built in (
        case(op, function, distinct(2, 3, 5), 1),
        case(op, function, distinct(3, 41), 1, keepdims=True),
        case(op, function, distinct(2, 3, 5, 7), (0, 2)),
        case(op, function, exactly(TIES), 1, gradient=equal_gradient(function, 1)),
        case(op, function, exactly(TIES), gradient=equal_gradient(function, None)),
        case(op, function, exactly(SPECIAL), 1, gradient=None),
        case(op, function, distinct(65537), gradient=None),
        case(op, function, distinct(3, 257, 139), 1, gradient=None),
        case(op, function, integers(5, 7, low=-50, high=50), 0, dtypes=WHOLE, gradient=None, exact=True),
        case(op, function, integers(5, 37, high=50), 1, dtypes=SMALL, gradient=None, exact=True),
    )
]

PRODUCTS = [
    case("prod", np.prod, normal(2, 3, 5), 1),
    case("prod", np.prod, normal(3, 5)),
    case("prod", np.prod, exactly(ZEROS), 1, gradient=product_gradient),
    case("prod", np.prod, integers(3, 5, low=1, high=4), 1, dtypes=WHOLE, gradient=None, exact=True),
    case("nansum", np.nansum, exactly(HOLES), 1, gradient=nan_sum_gradient),
    case("nansum", np.nansum, normal(2, 3, 5), (0, 2)),
    case("nanprod", np.nanprod, exactly(HOLES), 1, gradient=product_gradient),
    case("nanprod", np.nanprod, exactly(ZEROS), 1, gradient=product_gradient),
    case("nanprod", np.nanprod, normal(2, 3, 5), 0),
    case("nanprod", np.nanprod, normal(1009, scale=1e-2, shift=1), gradient=None),
]

NORMS = [
    case("norm", l2, normal(3, 5)),
    case("norm", l2, normal(2, 3, 5), 1),
    case("norm", l2, normal(2, 3, 5), (0, 2), keepdims=True),
    case("norm", l2, normal(50021), gradient=None),
    case("norm", l1, normal(3, 5), params={"ord": 1}),
    case("norm", l1, normal(2, 3, 5), -1, params={"ord": 1}),
    case("norm", l2, normal(3, 5), 1, params={"out_dtype": "float64"}),
]

ARGS = [
    built
    for op, function in (("argmax", np.argmax), ("argmin", np.argmin))
    for built in (
        case(op, positions(function), normal(3, 5), 1, gradient=None, exact=True),
        case(op, positions(function), normal(2, 3, 5), -2, gradient=None, exact=True),
        case(op, positions(function), normal(2, 3, 5), 0, keepdims=True, gradient=None, exact=True),
        case(op, positions(function), normal(3, 5), gradient=None, exact=True),
        case(op, positions(function), exactly(TIES), 1, gradient=None, exact=True),
        case(op, positions(function), exactly(SPECIAL), 1, gradient=None, exact=True),
        case(op, positions(function), integers(3, 7), 1, dtypes=(*WHOLE, *SMALL), gradient=None, exact=True),
    )
]

CASES = [*SUMS, *EXTREMES, *PRODUCTS, *NORMS, *ARGS]
