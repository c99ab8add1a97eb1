"""Cases of grids, bilinear sampling and transformations: the formulas, pixel by pixel."""

from __future__ import annotations

from itertools import product

import numpy as np

from . import Array, Case, Maker, normal, uniform


def affine(theta: Array, h: int, w: int) -> Array:
    y, x = np.meshgrid(np.linspace(-1, 1, h), np.linspace(-1, 1, w), indexing="ij")
    base = np.stack([x.ravel(), y.ravel(), np.ones(h * w)])
    return (theta.reshape(-1, 2, 3) @ base).reshape(-1, 2, h, w)


def warp(data: Array) -> Array:
    h, w = data.shape[2:]
    y, x = np.meshgrid(np.arange(h), np.arange(w), indexing="ij")
    pixels = data + np.stack([x, y])
    return pixels / (np.array([w - 1, h - 1]).reshape(1, 2, 1, 1) / 2) - 1


def sample(data: Array, grid: Array) -> Array:
    n, ch, h, w = data.shape
    out = np.zeros((n, ch, *grid.shape[2:]))
    for b, i, j in product(range(n), range(grid.shape[2]), range(grid.shape[3])):
        x, y = (grid[b, 0, i, j] + 1) * (w - 1) / 2, (grid[b, 1, i, j] + 1) * (h - 1) / 2
        for r, s in product(
            range(int(np.floor(y)), int(np.floor(y)) + 2), range(int(np.floor(x)), int(np.floor(x)) + 2)
        ):
            if 0 <= r < h and 0 <= s < w:
                out[b, :, i, j] += data[b, :, r, s] * (1 - abs(y - r)) * (1 - abs(x - s))
    return out


def places(n: int, h: int, w: int, far: float) -> Maker:
    return uniform(n, 2, h, w, low=-far, high=far)


CASES = [
    Case("GridGenerator", {"data": normal(3, 6)}, lambda data: affine(data, 5, 7),
         {"transform_type": "affine", "target_shape": (5, 7)}),
    Case("GridGenerator", {"data": normal(1, 6)}, lambda data: affine(data, 11, 13),
         {"transform_type": "affine", "target_shape": (11, 13)}),
    Case("GridGenerator", {"data": normal(2, 2, 5, 3)}, warp, {"transform_type": "warp"}),
    Case("BilinearSampler", {"data": normal(2, 3, 5, 7), "grid": places(2, 3, 5, 1.3)}, sample),
    Case("BilinearSampler", {"data": normal(1, 2, 3, 4), "grid": places(1, 11, 2, 2.0)}, sample),
    Case("SpatialTransformer", {"data": normal(2, 3, 5, 7), "loc": normal(2, 6, scale=0.5)},
         lambda data, loc: sample(data, affine(loc, 3, 4)),
         {"target_shape": (3, 4), "transform_type": "affine", "sampler_type": "bilinear"}),
]  # fmt: skip
