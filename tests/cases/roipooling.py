"""Cases of ROIPooling: cells of regions, their maxima and where these are."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import Array, Case, exactly, normal


def cells(data: Array, rois: Array, size: tuple[int, int], scale: float) -> Any:
    """Yield region, cell and the slices of the plane it covers."""
    h, w = data.shape[2:]
    for r, roi in enumerate(rois):
        x1, y1, x2, y2 = (int(np.copysign(np.floor(abs(v * scale) + 0.5), v)) for v in roi[1:])
        sides = max(y2 - y1 + 1, 1) / size[0], max(x2 - x1 + 1, 1) / size[1]
        for i, j in np.ndindex(size):
            rows = (int(np.floor(i * sides[0])) + y1, int(np.ceil((i + 1) * sides[0])) + y1)
            columns = (int(np.floor(j * sides[1])) + x1, int(np.ceil((j + 1) * sides[1])) + x1)
            box = np.clip([*rows], 0, h), np.clip([*columns], 0, w)
            yield r, i, j, int(roi[0]), slice(*box[0]), slice(*box[1])


def pool(data: Array, rois: Array, size: tuple[int, int], scale: float) -> Array:
    out = np.zeros((len(rois), data.shape[1], *size))
    for r, i, j, image, rows, columns in cells(data, rois, size, scale):
        part = data[image, :, rows, columns]
        if part.size and 0 <= image < len(data):
            out[r, :, i, j] = part.max((1, 2))
    return out


def of(size: tuple[int, int], scale: float, regions: list[list[float]]) -> Case:
    def gradient(ograds: list[Array], data: Array, rois: Array) -> dict[str, Array]:
        found = np.zeros_like(data)
        for r, i, j, image, rows, columns in cells(data, rois, size, scale):
            part = data[image, :, rows, columns]
            for k in range(data.shape[1] if part.size else 0):
                y, x = np.unravel_index(part[k].argmax(), part[k].shape)
                found[image, k, rows.start + y, columns.start + x] += ograds[0][r, k, i, j]
        return {"data": found, "rois": np.zeros_like(rois)}

    return Case(
        "ROIPooling", {"data": normal(2, 3, 7, 11), "rois": exactly(regions)},
        lambda data, rois: pool(data, rois, size, scale),
        {"pooled_size": size, "spatial_scale": scale}, gradient,
    )  # fmt: skip


CASES = [
    of((2, 3), 1.0, [[0, 0, 0, 10, 6], [1, 2, 1, 5, 4], [0, 3, 3, 3, 3]]),
    of((3, 3), 0.5, [[1, 0, 0, 30, 30], [0, 2.2, 2.6, 9.7, 9.1], [1, -4, -4, 3, 3], [1, 50, 50, 60, 60]]),
]
