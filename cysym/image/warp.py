"""Images turned, sheared and scaled by a 2 x 3 matrix, as OpenCV's warpAffine does it; NumPy only.

The matrix says where a pixel of the input goes; it is inverted, and each output pixel looks where it came
from, in steps of 1/32 pixel. What lies outside is one constant. `record_augment` composes the matrices.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from .resize import CUBIC, LANCZOS, NEAREST, Array, cubic_weights, lanczos_weights, linear_weights

_STEPS: Final = 32  # positions within a pixel
_UNIT: Final = 1 << 10  # of OpenCV's fixed-point coordinates


def warp_affine(src: Array, matrix: Array, width: int, height: int, method: int, fill: int) -> Array:
    """A uint8 image under an affine map.

    Parameters
    ----------
    src : numpy.ndarray of uint8, (rows, columns, channels)
        The image.
    matrix : numpy.ndarray, (2, 3)
        Output (x, y) = matrix (x, y, 1); a singular one counts as 0.
    width, height : int
        Size of the result.
    method : {0, 1, 2, 3, 4}
        Nearest, bilinear, bicubic, area (which is bilinear here), Lanczos.
    fill : int
        Value of what lies outside.
    """
    x, y = _sources(matrix, width, height, _UNIT // 2 if method == NEAREST else _UNIT // _STEPS // 2)
    if method == NEAREST:
        return _looked_up(src, y // _UNIT, x // _UNIT, fill)
    step = _UNIT // _STEPS
    x, y = x // step, y // step
    weights_of, before = {CUBIC: (cubic_weights, 1), LANCZOS: (lanczos_weights, 3)}.get(
        method, (linear_weights, 0)
    )
    table = np.stack(weights_of((np.arange(_STEPS) / _STEPS).astype(np.float32)))
    along, down = table[:, x % _STEPS], table[:, y % _STEPS]
    left, top = x // _STEPS - before, y // _STEPS - before
    total: Array = np.zeros((height, width, src.shape[2]), np.float32)
    for i in range(len(table)):
        for j in range(len(table)):
            part = _looked_up(src, top + i, left + j, fill)
            total += part * (down[i] * along[j])[:, :, None].astype(np.float32)
    # Weights are 1/1024ths for two taps, so that a half is exact; OpenCV rounds it up.
    done: Array = np.floor(np.clip(total, 0, 255) + np.float32(0.5)).astype(np.uint8)
    return done


def _sources(matrix: Array, width: int, height: int, rounding: int) -> tuple[Array, Array]:
    """Where each output pixel comes from, in 1/1024 pixels, as two int64 arrays (height, width)."""
    (a, b, c), (d, e, f) = matrix.astype(np.float64).tolist()
    determinant = a * e - b * d
    scale = 1.0 / determinant if determinant else 0.0
    a, b, d, e = e * scale, -b * scale, -d * scale, a * scale
    c, f = -a * c - b * f, -d * c - e * f
    x, y = np.arange(width), np.arange(height)

    def fixed(values: Array) -> Array:
        units: Array = np.rint(values * _UNIT).astype(np.int64)
        return units

    row_x = fixed(b * y + c) + rounding
    row_y = fixed(e * y + f) + rounding
    return row_x[:, None] + fixed(a * x), row_y[:, None] + fixed(d * x)


def _looked_up(src: Array, rows: Array, columns: Array, fill: int) -> Array:
    height, width = src.shape[:2]
    outside = (rows < 0) | (rows >= height) | (columns < 0) | (columns >= width)
    found: Array = src[np.clip(rows, 0, height - 1), np.clip(columns, 0, width - 1)]
    found[outside] = fill
    return found
