"""Cases of diag, depth_to_space and space_to_depth: NumPy's diag and diagonal, and blocks by
transposition.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from . import Array, Case, integers, normal

WHOLE = ("int32", "int64", "uint8", "int8", "float16")


def diag(*shape: int, **params: Any) -> Case:
    k = params.get("k", 0)

    def reference(data: Array) -> Array:
        if data.ndim == 1:
            return np.diag(data, k)
        return np.diagonal(data, k, params.get("axis1", 0), params.get("axis2", 1))

    return Case("diag", {"data": normal(*shape)}, reference, params)


def to_space(data: Array, b: int) -> Array:
    """Channel (i b + j) c + k becomes pixel (i, j) of each block of channel k."""
    n, channels, h, w = data.shape
    out = np.zeros((n, channels // b**2, h * b, w * b))
    for i in range(b):
        for j in range(b):
            first = (i * b + j) * out.shape[1]
            out[:, :, i::b, j::b] = data[:, first : first + out.shape[1]]
    return out


def to_depth(data: Array, b: int) -> Array:
    return np.concatenate([data[:, :, i::b, j::b] for i in range(b) for j in range(b)], axis=1)


def blocks(op: str, b: int, *shape: int, **kw: Any) -> Case:
    forward, back = (to_space, to_depth) if op == "depth_to_space" else (to_depth, to_space)

    def gradient(ograds: list[Array], data: Array) -> dict[str, Array]:
        return {"data": back(ograds[0], b)}

    return Case(
        op, kw.pop("inputs", {"data": normal(*shape)}), lambda data: forward(data, b), {"block_size": b},
        **{"gradient": gradient, "exact": True, **kw},
    )  # fmt: skip


CASES = [
    diag(5),
    diag(3, k=2),
    diag(3, k=-1),
    diag(3, 5),
    diag(3, 5, k=3),
    diag(5, 3, k=-2),
    diag(2, 3, 5),
    diag(2, 3, 5, axis1=1, axis2=2, k=1),
    diag(2, 3, 5, axis1=2, axis2=0, k=-1),
    diag(2, 3, 5, 7, axis1=-1, axis2=1),
    diag(67),
    Case(
        "diag",
        {"data": integers(3, 5)},
        lambda data: np.diagonal(data),
        gradient=None,
        exact=True,
        dtypes=WHOLE,
    ),
    Case("diag", {"data": integers(3)}, lambda data: np.diag(data), gradient=None, exact=True, dtypes=WHOLE),
    blocks("depth_to_space", 2, 2, 12, 3, 5),
    blocks("depth_to_space", 3, 1, 18, 2, 7),
    blocks("depth_to_space", 1, 2, 3, 5, 7),
    blocks("space_to_depth", 2, 2, 3, 6, 10),
    blocks("space_to_depth", 3, 1, 2, 9, 21),
    blocks("depth_to_space", 2, inputs={"data": integers(1, 4, 3, 5)}, gradient=None, dtypes=WHOLE),
    blocks("space_to_depth", 2, inputs={"data": integers(1, 1, 6, 2)}, gradient=None, dtypes=WHOLE),
]
