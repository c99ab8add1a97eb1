"""Images resized in NumPy the way OpenCV does it, so that old programs see the pixels they saw.

Unlike Pillow's filters these do not widen when an image shrinks (`AREA` is there for that). Each method is a
table of taps per output row and column: where to look and with what weight; uint8 images are computed with
OpenCV's 11-bit integer weights, others with floating-point ones. Arrays (height, width, channels) go in and
out; NDArrays and files are unknown here.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .._core import resize_bytes

Array = NDArray[Any]

NEAREST, LINEAR, CUBIC, AREA, LANCZOS = range(5)
METHODS: Final = {NEAREST: "nearest", LINEAR: "bilinear", CUBIC: "bicubic", AREA: "area", LANCZOS: "Lanczos"}
_BITS: Final = 11  # of the fraction in an integer weight


class Taps(NamedTuple):
    """Per output position: which inputs to read (int64, outputs x taps), and their weights (float32)."""

    places: Array
    weights: Array


def resize(src: Array, width: int, height: int, method: int = LINEAR) -> Array:
    """An image in another size.

    Parameters
    ----------
    src : numpy.ndarray, (height, width, channels)
        uint8, float32 or float64.
    width, height : int
        The new size, positive.
    method : {0, 1, 2, 3, 4}
        Nearest, bilinear, bicubic, area, Lanczos (8 taps).

    Returns
    -------
    numpy.ndarray, (height, width, channels)
        A new array of the same type; uint8 is rounded and saturated.
    """
    rows, columns = src.shape[:2]
    if (rows, columns) == (height, width):
        return src.copy()
    if method == NEAREST:
        return np.ascontiguousarray(src[_nearest(rows, height)][:, _nearest(columns, width)])
    # OpenCV's own order of questions: halving is averaging, and area is only for shrinking.
    shrinks = width <= columns and height <= rows
    whole = shrinks and columns % width == 0 and rows % height == 0
    halves = (rows, columns) == (2 * height, 2 * width)
    channels = src.shape[2]
    if shrinks and (method == AREA or (method == LINEAR and halves)):
        if whole:
            return _block_mean(src, rows // height, columns // width)
        table, run = _area, _weighted
    else:
        table = {LINEAR: _linear, CUBIC: _cubic, AREA: _area_enlarged, LANCZOS: _lanczos}[method]
        fixed = _fixed_linear if method in (LINEAR, AREA) else _fixed
        run = fixed if src.dtype == np.uint8 else _weighted
    integer = run is not _weighted
    down = _prepared(table, rows, height, 0, integer)
    along = _prepared(table, columns, width, channels, integer)
    return run(src.reshape(rows, -1), down, along).reshape(height, width, channels)


@lru_cache(maxsize=256)
def _prepared(table: Callable[[int, int], Taps], old: int, new: int, channels: int, integer: bool) -> Taps:
    """A table, taps first: for rows (`channels` 0), or for columns of that many interleaved channels."""
    places, weights = table(old, new)
    if channels:
        places, weights = _one_at_border(Taps(places, weights))
        places = (places[:, None] * channels + np.arange(channels)[:, None]).reshape(-1, places.shape[1])
        weights = np.repeat(weights, channels, 0)
    if integer:
        weights = np.rint(weights * np.float32(1 << _BITS)).astype(np.int32)
    used = weights.any(0)
    return Taps(np.ascontiguousarray(places.T[used]), np.ascontiguousarray(weights.T[used]))


def _scale(old: int, new: int) -> float:
    # As the reciprocal of the reciprocal: the last bit decides which side of a pixel border is taken.
    return 1.0 / (new / old)


def _nearest(old: int, new: int) -> Array:
    place: Array = np.floor(np.arange(new) * _scale(old, new)).astype(np.int64)
    return np.minimum(place, old - 1)


def _places(old: int, new: int) -> tuple[Array, Array]:
    """The input pixel left of each output pixel's centre, and the distance from it in [0, 1)."""
    at = ((np.arange(new) + 0.5) * _scale(old, new) - 0.5).astype(np.float32)
    left = np.floor(at)
    return left.astype(np.int64), at - left


def _taps(old: int, left: Array, before: int, weights: list[Array]) -> Taps:
    """Taps around `left`, beginning `before` pixels ahead of it; pixels outside repeat the border."""
    index = left[:, None] + np.arange(-before, len(weights) - before)
    return Taps(np.clip(index, 0, old - 1), np.stack(weights, 1).astype(np.float32))


def _linear(old: int, new: int) -> Taps:
    left, t = _places(old, new)
    return _taps(old, left, 0, linear_weights(t))


def _one_at_border(taps: Taps) -> Taps:
    """Bilinear taps that read one border pixel twice read it once: OpenCV does so along rows, not columns.

    The sum is the same but for the rounding of its parts.
    """
    index, weight = taps
    if index.shape[1] == 2:
        same = (index[:, 0] == index[:, 1])[:, None]
        weight = np.where(same, np.array([1, 0], np.float32), weight)
    return Taps(index, weight)


def _area_enlarged(old: int, new: int) -> Taps:
    """Bilinear, but an output pixel that lies within one input pixel is that pixel."""
    scale = _scale(old, new)
    out = np.arange(new)
    left = np.floor(out * scale).astype(np.int64)
    t = ((out + 1) - (left + 1) * (new / old)).astype(np.float32)
    t = np.where(t <= 0, np.float32(0), t - np.floor(t))
    return _taps(old, left, 0, [1 - t, t])


def _cubic(old: int, new: int) -> Taps:
    left, t = _places(old, new)
    return _taps(old, left, 1, cubic_weights(t))


def _lanczos(old: int, new: int) -> Taps:
    left, t = _places(old, new)
    return _taps(old, left, 3, lanczos_weights(t))


def linear_weights(t: Array) -> list[Array]:
    """Of the 2 nearest pixels, `t` behind the first."""
    return [1 - t, t]


def cubic_weights(t: Array) -> list[Array]:
    """Of the 4 nearest pixels, `t` behind the second: Keys' cubic convolution with a = -0.75."""
    a = np.float32(-0.75)

    def near(x: Array) -> Array:
        return ((a + 2) * x - (a + 3)) * x * x + 1

    first = ((a * (t + 1) - 5 * a) * (t + 1) + 8 * a) * (t + 1) - 4 * a
    second, third = near(t), near(1 - t)
    return [first, second, third, 1 - first - second - third]


def lanczos_weights(t: Array) -> list[Array]:
    """Of the 8 nearest pixels, `t` behind the fourth: sinc(x) sinc(x / 4), made to sum to 1."""
    distance = t[:, None].astype(np.float64) - np.arange(-3, 5)
    weight = np.sinc(distance) * np.sinc(distance / 4)
    weight /= weight.sum(1, keepdims=True)
    return list(weight.T)


def _area(old: int, new: int) -> Taps:
    """The share of each input pixel in the stretch of the input that one output pixel covers."""
    scale = _scale(old, new)
    begin = np.arange(new) * scale
    end = np.minimum(begin + scale, old)
    first = np.floor(begin + 1e-3).astype(np.int64)
    index = first[:, None] + np.arange(int(np.ceil(scale)) + 1)
    cover = np.minimum(index + 1, end[:, None]) - np.maximum(index, begin[:, None])
    cover = np.where(cover > 1e-3, cover, 0)
    weight = cover / cover.sum(1, keepdims=True)
    return Taps(np.minimum(index, old - 1), weight.astype(np.float32))


def _block_mean(src: Array, down: int, along: int) -> Array:
    """The mean of blocks of `down` x `along` pixels."""
    wide = np.int64 if src.dtype == np.uint8 else src.dtype
    total: Array = np.zeros((src.shape[0] // down, src.shape[1] // along, src.shape[2]), wide)
    for i in range(down):
        for j in range(along):
            total += src[i::down, j::along]
    if src.dtype != np.uint8:
        total *= 1 / (down * along)
        return total
    if down == along == 2:
        total = (total + 2) >> 2  # a half counts up in OpenCV's code for this case
    else:
        total = np.rint(total.astype(np.float32) * np.float32(1 / (down * along)))
    return total.astype(np.uint8)


def _weighted(src: Array, down: Taps, along: Taps) -> Array:
    """Floating point: along the rows, then down the columns."""
    kind = np.float64 if src.dtype == np.float64 else np.float32
    rows = _sum(src, Taps(along.places, along.weights.astype(kind)), 1)
    done = _sum(rows, Taps(down.places, down.weights.astype(kind)[:, :, None]), 0)
    return np.rint(np.clip(done, 0, 255)).astype(np.uint8) if src.dtype == np.uint8 else done


def _sum(src: Array, taps: Taps, axis: int) -> Array:
    """What the taps find along an axis of `src`, weighted."""
    src = src.astype(taps.weights.dtype, copy=False)
    total: Array | None = None
    for place, weight in zip(*taps):
        part = src.take(place, axis, mode="clip")
        part *= weight
        total = part if total is None else np.add(total, part, out=total)
    assert total is not None  # weights sum to 1
    return total


def _fixed_linear(src: Array, down: Taps, along: Taps) -> Array:
    """Bytes, two taps each way: 11 bits of fraction after the first pass, 4 dropped, the upper half kept."""
    return _bytes(src, down, along, True)


def _fixed(src: Array, down: Taps, along: Taps) -> Array:
    """Bytes, more taps: 11 bits each way, one rounding at the end."""
    return _bytes(src, down, along, False)


def _bytes(src: Array, down: Taps, along: Taps, two_steps: bool) -> Array:
    src = np.ascontiguousarray(src)
    out = np.empty((down.places.shape[1], along.places.shape[1]), np.uint8)
    resize_bytes(src, src.shape[1], *down, *along, two_steps, out)
    return out
