"""Cases of Pooling: every kind of window over one, two and three axes, against a loop over windows.

Maxima have ties (whole numbers) whose gradient must go to the first place; sums and averages are
differentiated numerically."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np

from . import Array, Case, Maker, exactly, integers, normal, uniform

Window = tuple[tuple[int, ...], tuple[slice, ...], int]


def windows(shape: tuple[int, ...], params: dict[str, Any]) -> Iterator[Window]:
    """(place in the output, slices of the input, what an average divides by), for the spatial axes."""
    rank = len(shape)
    is_global = params.get("global_pool")
    kernel = shape if is_global else params["kernel"]
    stride = (1,) * rank if is_global else params.get("stride", (1,) * rank)
    pad = (0,) * rank if is_global else params.get("pad", (0,) * rank)
    up = params.get("pooling_convention") == "full"
    room = [n + 2 * p - k for n, p, k in zip(shape, pad, kernel, strict=True)]
    out = [(-(-r // s) if up else r // s) + 1 for r, s in zip(room, stride, strict=True)]
    counts_pad = params.get("count_include_pad", True)
    for place in itertools.product(*map(range, out)):
        parts, size = [], 1
        for o, n, k, s, p in zip(place, shape, kernel, stride, pad, strict=True):
            start = o * s - p
            parts.append(slice(max(start, 0), max(min(start + k, n), 0)))
            real = max(parts[-1].stop - parts[-1].start, 0)
            size *= min(start + k, n + p) - start if counts_pad else real
        yield place, tuple(parts), size


def first(params: dict[str, Any], data: Array) -> Any:
    return np.moveaxis(data, -1, 1) if params.get("layout", "").endswith("C") else data


def last(params: dict[str, Any], data: Array) -> Array:
    return np.moveaxis(data, 1, -1) if params.get("layout", "").endswith("C") else data


def pool(params: dict[str, Any], data: Array) -> Array:
    x = first(params, data)
    kind = params.get("pool_type", "max")
    found = {}
    for place, parts, size in windows(x.shape[2:], params):
        w = x[:, :, *parts].reshape(*x.shape[:2], -1)
        if kind == "max":
            found[place] = w.max(axis=2, initial=-np.inf)
        elif kind == "lp":
            p = params["p_value"]
            found[place] = np.cbrt((w**3).sum(axis=2)) if p == 3 else (w**p).sum(axis=2) ** (1 / p)
        else:
            found[place] = w.sum(axis=2) / (max(size, 1) if kind == "avg" else 1)
    out: Any = np.zeros((*x.shape[:2], *(n + 1 for n in max(found))))
    for place, value in found.items():
        out[:, :, *place] = value
    return last(params, out)


def max_gradient(params: dict[str, Any], ograd: Array, data: Array) -> Array:
    x, dy = first(params, data), first(params, ograd)
    dx: Any = np.zeros(x.shape)
    for place, parts, _ in windows(x.shape[2:], params):
        w = x[:, :, *parts].reshape(*x.shape[:2], -1)
        is_first = np.arange(w.shape[2]) == w.argmax(axis=2)[..., None]
        into = dx[:, :, *parts]  # a view
        into += (is_first * dy[:, :, *place][..., None]).reshape(into.shape)
    return last(params, dx)


def of(data: Maker, **params: Any) -> Case:
    def gradient(ograds: list[Array], data: Array) -> dict[str, Array]:
        return {"data": max_gradient(params, ograds[0], data)}

    how: Any = gradient if params.get("pool_type", "max") == "max" else "numeric"
    return Case("Pooling", {"data": data}, lambda data: pool(params, data), params, how)


NAN, INF = np.nan, np.inf
ODD = [[[[NAN, 1, 2], [0, -1, NAN], [-INF, -INF, -INF], [-INF, 5, INF]]]]
SHAPES: list[tuple[tuple[int, ...], dict[str, Any]]] = [
    ((2, 3, 7, 5), {"kernel": (2, 2), "stride": (2, 2)}),
    ((2, 3, 7, 5), {"kernel": (2, 2), "stride": (2, 2), "pooling_convention": "full"}),
    ((2, 3, 7, 5), {"kernel": (3, 2), "stride": (2, 3), "pad": (1, 1)}),
    ((1, 2, 11, 17), {"kernel": (3, 3), "pad": (1, 1)}),
    ((1, 2, 7, 33), {"kernel": (3, 3), "stride": (2, 2), "pad": (1, 1), "pooling_convention": "full"}),
    ((2, 3, 5, 7), {"kernel": (2, 3), "layout": "NHWC"}),
    ((2, 3, 5, 7), {"global_pool": True}),
    ((2, 3, 11), {"kernel": (3,), "stride": (2,), "pad": (1,)}),
    ((2, 17, 3), {"global_pool": True, "layout": "NWC"}),
    ((1, 2, 3, 5, 7), {"kernel": (2, 3, 2), "stride": (1, 2, 2), "pad": (1, 1, 0)}),
    ((1, 1, 17, 13), {"kernel": (9, 9), "stride": (3, 2), "pad": (4, 3)}),
]

CASES = [of(integers(*shape, high=5), **params) for shape, params in SHAPES]
CASES += [of(normal(*shape), pool_type=kind, **params) for shape, params in SHAPES for kind in ("avg", "sum")]
CASES += [
    of(normal(*shape), pool_type="avg", count_include_pad=False, **params)
    for shape, params in SHAPES[2:5] + SHAPES[-1:]
]
CASES += [
    of(uniform(*shape, low=0.2), pool_type="lp", p_value=p, **params)
    for shape, params in SHAPES[:3]
    for p in (1, 2, 3)
]
CASES += [
    of(integers(1, 2, 311, 5, high=9), kernel=(2, 2), stride=(2, 1)),
    of(normal(1, 2, 3, 601), kernel=(3, 3), pad=(1, 1)),
    of(exactly(ODD), kernel=(2, 2)),
    Case(
        "Pooling",
        {"data": exactly(ODD)},
        lambda data: pool({"global_pool": True, "pool_type": "sum"}, data),
        {"global_pool": True, "pool_type": "sum"},
        None,
    ),
]
