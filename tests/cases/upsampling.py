"""Cases of UpSampling: repetition of one and several inputs, and the bilinear deconvolution."""

from __future__ import annotations

import numpy as np

from . import Array, Case, normal
from .deconvolution import Truth

ALL = ("float16", "float32", "float64")


def _repeat(x: Array, size: tuple[int, int]) -> Array:
    """Every pixel as often as it takes to fill `size`."""
    rows, cols = np.arange(size[0]) * x.shape[2] // size[0], np.arange(size[1]) * x.shape[3] // size[1]
    return x[:, :, rows][:, :, :, cols]


def _nearest(
    scale: int, *shapes: tuple[int, ...], mode: str = "concat", dtypes: tuple[str, ...] = ALL[1:]
) -> Case:
    size = (shapes[0][2] * scale, shapes[0][3] * scale)

    def reference(**inputs: Array) -> Array:
        images = [_repeat(inputs[f"arg{i}"], size) for i in range(len(shapes))]
        return np.concatenate(images, axis=1) if mode == "concat" else np.sum(images, axis=0)

    params = {"scale": scale, "sample_type": "nearest", "num_args": len(shapes)}
    if mode != "concat":
        params["multi_input_mode"] = mode
    inputs = {f"arg{i}": normal(*shape) for i, shape in enumerate(shapes)}
    return Case("UpSampling", inputs, reference, params=params, dtypes=dtypes)


def _bilinear(scale: int, *shape: int) -> Case:
    k, channels = 2 * scale - scale % 2, shape[1]
    pad = -(-(scale - 1) // 2)
    truth = Truth((k, k), channels, None, {"stride": (scale, scale), "pad": (pad, pad)})
    params = {"scale": scale, "sample_type": "bilinear", "num_filter": channels, "num_args": 2}
    inputs = {"data": normal(*shape), "weight": normal(channels, 1, k, k)}
    return Case("UpSampling", inputs, truth.forward, params=params, gradient=truth.gradient)


CASES = [
    _nearest(2, (2, 3, 3, 5), dtypes=ALL),
    _nearest(3, (1, 2, 7, 23)),
    _nearest(1, (2, 3, 2, 5)),
    _nearest(4, (2, 1, 3, 2), (2, 3, 6, 4), (2, 2, 12, 8), (2, 1, 3, 2)),
    _nearest(2, (2, 3, 3, 5), (2, 3, 6, 10), (2, 3, 3, 5), mode="sum"),
    _nearest(2, *[(1, 2, 2, 1)] * 13, mode="sum"),
    _bilinear(2, 2, 3, 5, 4),
    _bilinear(3, 1, 2, 3, 5),
    _bilinear(1, 2, 3, 3, 2),
]
