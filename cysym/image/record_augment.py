"""The augmentation of ImageRecordIter ("aug_default"): from a decoded image to one of the shape asked for.

Order: resize the shorter side; turn, shear and scale; pad; crop; jitter colors; shift hue, lightness,
saturation; noise along principal colors. Images are uint8 arrays (height, width, channels) throughout, red
first. Random numbers come from the generator handed in, one per image, so that threads change nothing; they
are not MXNet's. `io.image_record` calls this in its threads and normalizes afterwards.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ..base import MXNetError
from .color_space import from_hls, to_hls
from .resize import Array, resize
from .warp import warp_affine

Random = np.random.Generator

_LUMA = np.array([0.299, 0.587, 0.114], np.float32)
_EIGENVALUES = np.array([55.46, 4.794, 1.148])
_EIGENVECTORS = np.array([[-0.5675, 0.7192, 0.4009], [-0.5808, -0.0045, -0.8140], [-0.5836, -0.6948, 0.4203]])


class RecordAugmenter:
    """Callable (image, generator) -> image of `data_shape`.

    Parameters
    ----------
    params : mapping
        The parameters of ImageRecordIter by name.

    Raises
    ------
    MXNetError
        Parameters that exclude each other.
    """

    def __init__(self, params: Mapping[str, Any]) -> None:
        p = self._params = dict(params)
        self._height, self._width = p["data_shape"][1:]
        turned = p["max_rotate_angle"] > 0 or p["rotate"] > 0 or p["max_shear_ratio"] > 0
        scaled = (p["min_random_scale"], p["max_random_scale"]) != (1, 1)
        stretched = p["max_aspect_ratio"] != 0 or p["min_aspect_ratio"] is not None
        bounded = p["max_img_size"] != 1e10 or p["min_img_size"] != 0
        free = p["random_resized_crop"]
        self._warps = turned or scaled or bounded or (stretched and not free)
        sized = p["max_crop_size"] != -1 or p["min_crop_size"] != -1
        if free and (scaled or sized or p["rand_crop"]):
            raise MXNetError(
                "random_resized_crop excludes rand_crop, max_crop_size, min_crop_size, max_random_scale and "
                "min_random_scale"
            )
        if sized and not 0 < p["min_crop_size"] <= p["max_crop_size"]:
            raise MXNetError(
                f"min_crop_size and max_crop_size must be 0 < min <= max, got {p['min_crop_size']} and "
                f"{p['max_crop_size']}"
            )
        if free and not 0 < p["min_random_area"] <= p["max_random_area"]:
            raise MXNetError(
                f"min_random_area and max_random_area must be 0 < min <= max, got {p['min_random_area']} and "
                f"{p['max_random_area']}"
            )
        self._crop = self._crop_free if free else self._crop_sized if sized else self._crop_plain
        self._colors = bool(p["brightness"] or p["contrast"] or p["saturation"])
        self._hls = (p["random_h"], p["random_l"], p["random_s"])
        needs_color = self._colors or any(self._hls) or p["pca_noise"] > 0
        if needs_color and p["data_shape"][0] != 3:
            raise MXNetError(
                "brightness, contrast, saturation, random_h, random_s, random_l and pca_noise need colors; "
                f"data_shape: {p['data_shape']}"
            )

    def __call__(self, image: Array, random: Random) -> Array:
        p = self._params
        if p["resize"] != -1:
            image = self._resized_short(image, p["resize"], random)
        if self._warps:
            image = self._warped(image, random)
        if p["pad"] > 0:
            image = _padded(image, p["pad"], p["fill_value"])
        image = self._crop(image, random)
        if self._colors:
            image = self._jittered(image, random)
        if any(self._hls):
            image = self._shifted(image, random)
        if p["pca_noise"] > 0:
            image = _noisy(image, random.normal(0, p["pca_noise"], 3))
        return image

    def _method(self, old: tuple[int, int], new: tuple[int, int], random: Random) -> int:
        method: int = self._params["inter_method"]
        if method == 9:
            larger = new[0] > old[0] and new[1] > old[1]
            return 2 if larger else 3 if new[0] < old[0] and new[1] < old[1] else 1
        return int(random.integers(5)) if method == 10 else method

    def _resized(self, image: Array, height: int, width: int, random: Random) -> Array:
        if image.shape[:2] == (height, width):
            return image
        return resize(image, width, height, self._method(image.shape[:2], (height, width), random))

    def _resized_short(self, image: Array, short: int, random: Random) -> Array:
        height, width = image.shape[:2]
        if height > width:
            return self._resized(image, short * height // width, short, random)
        return self._resized(image, short, short * width // height, random)

    # --- geometry -------------------------------------------------------------------------------------------
    def _warped(self, image: Array, random: Random) -> Array:
        p = self._params
        shear = random.uniform(-p["max_shear_ratio"], p["max_shear_ratio"])
        angle = int(random.integers(-p["max_rotate_angle"], p["max_rotate_angle"] + 1))
        if p["rotate"] > 0:
            angle = p["rotate"]
        c, s = math.cos(math.radians(angle)), math.sin(math.radians(angle))
        scale = random.uniform(p["min_random_scale"], p["max_random_scale"])
        ratio = 1.0
        if not p["random_resized_crop"]:
            low, high = self._ratios()
            ratio = random.uniform(low, high)
        tall = 2 * scale / (1 + ratio)
        wide = ratio * tall
        rows, columns = image.shape[:2]
        width = max(p["min_img_size"], min(p["max_img_size"], scale * columns))
        height = max(p["min_img_size"], min(p["max_img_size"], scale * rows))
        turn = np.array([[tall * c - shear * s * wide, tall * s + shear * c * wide], [-s * wide, c * wide]])
        turn = turn.astype(np.float32)
        middle = (np.array([width, height], np.float32) - turn @ np.array([columns, rows], np.float32)) / 2
        matrix = np.concatenate([turn, middle[:, None]], 1).astype(np.float32)
        size = int(width), int(height)
        if min(size) < 1:
            raise MXNetError(f"scaling by {scale} leaves nothing of {columns} x {rows} pixels")
        method = self._method((rows, columns), (size[1], size[0]), random)
        return warp_affine(image, matrix, *size, method, p["fill_value"])

    def _ratios(self) -> tuple[float, float]:
        least, most = self._params["min_aspect_ratio"], self._params["max_aspect_ratio"]
        return (1 - most, 1 + most) if least is None else (least, most)

    def _part(self, image: Array, height: int, width: int, anywhere: bool, random: Random) -> Array:
        y, x = image.shape[0] - height, image.shape[1] - width
        if anywhere:
            y, x = int(random.integers(y + 1)), int(random.integers(x + 1))
        else:
            y, x = y // 2, x // 2
        return image[y : y + height, x : x + width]

    def _crop_plain(self, image: Array, random: Random) -> Array:
        """Of the result's size; an image that is too small is enlarged first."""
        height, width = self._height, self._width
        if image.shape[0] < height:
            wide = int(np.float32(height) / np.float32(image.shape[0]) * np.float32(image.shape[1]))
            image = self._resized(image, height, max(wide, 1), random)
        if image.shape[1] < width:
            tall = int(np.float32(width) / np.float32(image.shape[1]) * np.float32(image.shape[0]))
            image = self._resized(image, max(tall, height), width, random)
        return self._part(image, height, width, self._params["rand_crop"], random)

    def _crop_sized(self, image: Array, random: Random) -> Array:
        """A square of random size, resized."""
        p = self._params
        size = int(random.integers(p["min_crop_size"], p["max_crop_size"] + 1))
        if min(image.shape[:2]) < p["max_crop_size"]:
            raise MXNetError(
                f"max_crop_size is {p['max_crop_size']}, the image has {image.shape[1]} x {image.shape[0]}"
            )
        part = self._part(image, size, size, p["rand_crop"], random)
        return self._resized(part, self._height, self._width, random)

    def _crop_free(self, image: Array, random: Random) -> Array:
        """A part of random area and proportion, resized; after 10 that do not fit, the middle."""
        p = self._params
        rows, columns = image.shape[:2]
        low, high = (
            self._ratios() if p["max_aspect_ratio"] or p["min_aspect_ratio"] is not None else (1.0, 1.0)
        )
        for _ in range(10):
            area = random.uniform(p["min_random_area"], p["max_random_area"]) * rows * columns
            ratio = random.uniform(low, high)
            width, height = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
            if random.random() > 0.5:
                width, height = height, width
            if 0 < width <= columns and 0 < height <= rows:
                part = self._part(image, height, width, True, random)
                return self._resized(part, self._height, self._width, random)
        return self._crop_plain(image, random)

    # --- colors ---------------------------------------------------------------------------------------------
    def _jittered(self, image: Array, random: Random) -> Array:
        p = self._params
        steps: list[Callable[[Array, np.float32], Array]] = [_brighter, _contrasted, _saturated]
        amounts = (p["brightness"], p["contrast"], p["saturation"])
        for i in random.permutation(3).tolist():
            factor = np.float32(1 + random.uniform(-amounts[i], amounts[i]))
            if amounts[i]:
                image = _bytes(steps[i](image.astype(np.float32), factor))
        return image

    def _shifted(self, image: Array, random: Random) -> Array:
        hls = to_hls(image).astype(np.int64)
        shift = [int(random.uniform(-amount, amount)) for amount in self._hls]
        return from_hls(np.clip(hls + shift, 0, (180, 255, 255)).astype(np.uint8))


def _bytes(values: Array) -> Array:
    result: Array = np.rint(np.clip(values, 0, 255)).astype(np.uint8)
    return result


def _padded(image: Array, pad: int, fill: int) -> Array:
    rows, columns, channels = image.shape
    framed: Array = np.full((rows + 2 * pad, columns + 2 * pad, channels), fill, np.uint8)
    framed[pad : pad + rows, pad : pad + columns] = image
    return framed


def _brighter(image: Array, factor: np.float32) -> Array:
    return image * factor


def _contrasted(image: Array, factor: np.float32) -> Array:
    mean: Array = (image @ _LUMA).mean()
    return image * factor + (1 - factor) * mean


def _saturated(image: Array, factor: np.float32) -> Array:
    grey: Array = (image @ _LUMA)[:, :, None]
    return image * factor + (1 - factor) * grey


def _noisy(image: Array, alpha: Array) -> Array:
    return _bytes(image + _EIGENVECTORS @ (alpha * _EIGENVALUES))
