"""Cases of adaptive average pooling and bilinear resizing: both are a matrix for each direction."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import Array, Case, normal

ALL = ("float16", "float32", "float64")


def _windows(n: int, m: int) -> Array:
    """(m, n): row o averages the positions that overlap [o, o + 1) * n / m."""
    matrix = np.zeros((m, n))
    for o in range(m):
        hit = [i for i in range(n) if i * m < (o + 1) * n and (i + 1) * m > o * n]
        matrix[o, hit] = 1 / len(hit)
    return matrix


def _tents(n: int, m: int, corners: bool) -> Array:
    """(m, n): row o interpolates linearly at its place."""
    o = np.arange(m)
    place = o * (n - 1) / max(m - 1, 1) if corners or m == 1 else (o + 0.5) * n / m - 0.5
    place = np.clip(place, 0, n - 1)
    return np.maximum(0, 1 - np.abs(place[:, None] - np.arange(n)))


def _case(op: str, shape: tuple[int, ...], rows: Array, cols: Array, **more: Any) -> Case:
    def reference(data: Array, like: Array | None = None) -> Array:
        return np.einsum("nchw,yh,xw->ncyx", data, rows, cols)

    inputs = {"data": normal(*shape), **more.pop("inputs", {})}
    return Case(op, inputs, reference, **more)


def _pool(size: tuple[int, ...], *shape: int, dtypes: tuple[str, ...] = ALL[1:]) -> Case:
    height, width = ((*size, *size) or (1, 1))[:2]
    rows, cols = _windows(shape[2], height), _windows(shape[3], width)
    params = {"output_size": size} if size else {}
    return _case("_contrib_AdaptiveAvgPooling2D", shape, rows, cols, params=params, dtypes=dtypes)


def _resize(
    size: tuple[int, int], *shape: int, corners: bool = True, dtypes: tuple[str, ...] = ALL[1:], **params: Any
) -> Case:
    rows, cols = (_tents(n, m, corners) for n, m in zip(shape[2:], size, strict=True))
    if not params:
        params = {"height": size[0], "width": size[1]}
    if not corners:
        params["align_corners"] = False
    inputs = {"like": normal(3, 1, *size)} if params.get("mode") == "like" else {}
    return _case("_contrib_BilinearResize2D", shape, rows, cols, inputs=inputs, params=params, dtypes=dtypes)


CASES = [
    _pool((), 2, 3, 5, 7),
    _pool((2,), 2, 3, 5, 7, dtypes=ALL),
    _pool((3, 2), 1, 2, 7, 5),
    _pool((11, 13), 1, 2, 5, 7),
    _pool((3, 5), 1, 1, 23, 53),
    _resize((5, 7), 2, 3, 3, 4, dtypes=ALL),
    _resize((3, 2), 1, 2, 7, 5),
    _resize((1, 1), 1, 2, 3, 4),
    _resize((5, 3), 1, 2, 1, 1),
    _resize((23, 37), 1, 1, 5, 11),
    _resize((5, 7), 2, 2, 3, 4, corners=False),
    _resize((2, 3), 1, 2, 7, 11, corners=False),
    _resize((1, 19), 1, 2, 5, 3, corners=False),
    _resize((7, 1), 1, 2, 4, 4, corners=False),
    _resize((1, 1), 1, 2, 3, 4, corners=False),
    _resize((3, 4), 1, 2, 3, 4),
    _resize((2, 5), 2, 2, 3, 4, mode="like"),
    _resize((6, 8), 1, 2, 3, 4, scale_height=2.0, scale_width=2.0),
    _resize((5, 2), 1, 2, 3, 4, mode="odd_scale", scale_height=2.0, scale_width=0.5),
    _resize((2, 4), 1, 2, 3, 4, mode="to_even_down"),
    _resize((4, 4), 1, 2, 3, 4, mode="to_even_up"),
    _resize((3, 3), 1, 2, 3, 4, mode="to_odd_down"),
    _resize((3, 5), 1, 2, 3, 4, mode="to_odd_up"),
]
