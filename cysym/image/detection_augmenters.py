"""Augmenters for images with boxes: an image and its labels go in, both come out changed alike.

Labels are NumPy arrays (objects, 5 or more): class, left, top, right, bottom as parts of width and height,
and whatever follows. Random choices draw from Python's `random` in MXNet's order. `detection_iterator` feeds
them.
"""

from __future__ import annotations

import json
import math
import random
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray as Host

from ..base import numeric_types
from ..ndarray import NDArray
from .augmenters import (
    MEAN,
    STD,
    Augmenter,
    CastAug,
    ForceResizeAug,
    ResizeAug,
    _flipped,
    _plain,
    _statistic,
    color_augmenters,
)
from .functions import copyMakeBorder, fixed_crop

Labels = Host[Any]
Box = tuple[int, int, int, int]


class DetAugmenter:
    """What all of them are: callable on (image, labels), with parameters that `dumps` writes."""

    def __init__(self, **kwargs: Any) -> None:
        self._kwargs = {key: _plain(value) for key, value in kwargs.items()}

    def dumps(self) -> Any:
        """Name and parameters as JSON text; augmenters made of others give a list [name, their dumps]."""
        return json.dumps([type(self).__name__.lower(), self._kwargs])

    def __call__(self, src: NDArray, label: Labels) -> tuple[NDArray, Labels]:
        raise NotImplementedError(f"{type(self).__name__} does not say what it does to an image")


class DetBorrowAug(DetAugmenter):
    """An Augmenter that leaves boxes where they are (colors, sizes)."""

    def __init__(self, augmenter: Augmenter) -> None:
        if not isinstance(augmenter, Augmenter):
            raise TypeError(f"DetBorrowAug borrows an Augmenter, got {type(augmenter).__name__}")
        super().__init__(augmenter=augmenter.dumps())
        self.augmenter = augmenter

    def dumps(self) -> Any:
        return [type(self).__name__.lower(), self.augmenter.dumps()]

    def __call__(self, src: NDArray, label: Labels) -> tuple[NDArray, Labels]:
        return self.augmenter(src), label


class DetRandomSelectAug(DetAugmenter):
    """One of several, drawn for each image, or none with probability `skip_prob`."""

    def __init__(self, aug_list: Any, skip_prob: float = 0) -> None:
        super().__init__(skip_prob=skip_prob)
        choices = list(aug_list) if isinstance(aug_list, list | tuple) else [aug_list]
        for choice in choices:
            if not isinstance(choice, DetAugmenter):
                raise ValueError(
                    f"DetRandomSelectAug chooses among DetAugmenters, got {type(choice).__name__}"
                )
        self.aug_list = choices
        self.skip_prob = skip_prob if choices else 1

    def dumps(self) -> Any:
        return [type(self).__name__.lower(), [x.dumps() for x in self.aug_list]]

    def __call__(self, src: NDArray, label: Labels) -> tuple[NDArray, Labels]:
        if random.random() < self.skip_prob:
            return src, label
        random.shuffle(self.aug_list)
        result: tuple[NDArray, Labels] = self.aug_list[0](src, label)
        return result


class DetHorizontalFlipAug(DetAugmenter):
    """Left and right exchanged with probability `p`."""

    def __init__(self, p: float) -> None:
        super().__init__(p=p)
        self.p = p

    def __call__(self, src: NDArray, label: Labels) -> tuple[NDArray, Labels]:
        if random.random() < self.p:
            src = _flipped(src)
            label[:, (1, 3)] = 1.0 - label[:, (3, 1)]
        return src, label


def _bounds(value: Any, name: str) -> tuple[Any, Any]:
    pair = (value, value) if isinstance(value, numeric_types) else value
    if isinstance(pair, tuple | list) and len(pair) == 2 and all(isinstance(v, numeric_types) for v in pair):
        return pair[0], pair[1]
    raise ValueError(f"{name} must be a number or two, got {value!r}")


def _areas(boxes: Labels) -> Labels:
    width, height = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    area: Labels = np.maximum(0, height) * np.maximum(0, width)
    return area


class _RandomBoxAug(DetAugmenter):
    """What cropping and padding share: bounds of area and proportion, and whether they make sense."""

    def __init__(self, least: float, **kwargs: Any) -> None:
        for name in ("aspect_ratio_range", "area_range"):
            kwargs[name] = _bounds(kwargs[name], name)
        super().__init__(**kwargs)
        self.aspect_ratio_range, self.area_range = kwargs["aspect_ratio_range"], kwargs["area_range"]
        self.max_attempts = kwargs["max_attempts"]
        self.enabled = True
        self._check(least)

    def _check(self, least: float) -> None:
        """Warn and do nothing from now on if there is nothing to draw from, as MXNet means to do."""
        low, high = self.area_range
        for name, wrong in (
            ("area_range", high <= least or low > high),
            ("aspect_ratio_range", not 0 < self.aspect_ratio_range[0] <= self.aspect_ratio_range[1]),
        ):
            if wrong:
                text = f"{type(self).__name__} does nothing: {name} is {getattr(self, name)}"
                warnings.warn(text, stacklevel=4)
                self.enabled = False
                return

    def _ratios(self, height: int, width: int) -> Any:
        """One drawn proportion and the heights of the least and largest area per attempt."""
        if not self.enabled or height <= 0 or width <= 0:
            return
        least, most = (a * height * width for a in self.area_range)
        for _ in range(self.max_attempts):
            ratio = random.uniform(*self.aspect_ratio_range)
            if ratio > 0:
                yield ratio, round(math.sqrt(least / ratio)), round(math.sqrt(most / ratio))


class DetRandomCropAug(_RandomBoxAug):
    """A part that keeps enough of the objects it cuts; objects that lose too much are given up.

    Parameters
    ----------
    min_object_covered : float
        Of each object that the part touches, at least this share lies inside.
    aspect_ratio_range, area_range : (float, float) or float
        Bounds of the part's proportion and share of the image.
    min_eject_coverage : float
        An object with a smaller share inside loses its label.
    max_attempts : int
        Draws before the image stays as it is.
    """

    def __init__(
        self, min_object_covered: float = 0.1, aspect_ratio_range: Any = (0.75, 1.33),
        area_range: Any = (0.05, 1.0), min_eject_coverage: float = 0.3, max_attempts: int = 50,
    ) -> None:  # fmt: skip
        super().__init__(
            0.0, min_object_covered=min_object_covered, aspect_ratio_range=aspect_ratio_range,
            area_range=area_range, min_eject_coverage=min_eject_coverage, max_attempts=max_attempts,
        )  # fmt: skip
        self.min_object_covered, self.min_eject_coverage = min_object_covered, min_eject_coverage

    def __call__(self, src: NDArray, label: Labels) -> tuple[NDArray, Labels]:
        found = self._random_crop_proposal(label, src.shape[0], src.shape[1])
        if found is None:
            return src, label
        (x, y, w, h), label = found
        return fixed_crop(src, x, y, w, h), label

    def _random_crop_proposal(self, label: Labels, height: int, width: int) -> tuple[Box, Labels] | None:
        least, most = (a * height * width for a in self.area_range)
        for ratio, low, high in self._ratios(height, width):
            if round(high * ratio) > width:
                high = int((width + 0.4999999) / ratio)
            high = min(high, height)
            h = random.randint(low, high) if low < high else high
            w = round(h * ratio)
            # Rounding may have left the bounds of the area by one row.
            if w * h < least:
                h += 1
                w = round(h * ratio)
            if w * h > most:
                h -= 1
                w = round(h * ratio)
            if not (least <= w * h <= most and 0 <= w <= width and 0 <= h <= height):
                continue
            y = random.randint(0, height - h)
            x = random.randint(0, width - w)
            if self._keeps_objects(label, (x, y, w, h), height, width):
                cropped = self._update_labels(label, (x, y, w, h), height, width)
                if cropped is not None:
                    return (x, y, w, h), cropped
        return None

    def _keeps_objects(self, label: Labels, box: Box, height: int, width: int) -> bool:
        x, y, w, h = box
        if w * h < 2:
            return False
        areas = _areas(label[:, 1:5])
        large = areas * (width * height) > 2
        if not large.any():
            return False
        inside = label[large, 1:5].copy()
        inside[:, (0, 1)] = np.maximum(inside[:, (0, 1)], (x / width, y / height))
        inside[:, (2, 3)] = np.minimum(inside[:, (2, 3)], ((x + w) / width, (y + h) / height))
        covered = _areas(inside) / areas[large]
        covered = covered[covered > 0]
        return covered.size > 0 and bool(covered.min() > self.min_object_covered)

    def _update_labels(self, label: Labels, box: Box, height: int, width: int) -> Labels | None:
        x, y, w, h = box[0] / width, box[1] / height, box[2] / width, box[3] / height
        out = label.copy()
        out[:, (1, 3)] = (out[:, (1, 3)] - x) / w
        out[:, (2, 4)] = (out[:, (2, 4)] - y) / h
        out[:, 1:5] = np.clip(out[:, 1:5], 0, 1)
        whole = _areas(label[:, 1:5])
        kept = _areas(out[:, 1:5]) * (w * h) > self.min_eject_coverage * whole
        kept &= (out[:, 3] > out[:, 1]) & (out[:, 4] > out[:, 2])
        return out[kept] if kept.any() else None


class DetRandomPadAug(_RandomBoxAug):
    """The image somewhere in a larger one of one color.

    Parameters
    ----------
    aspect_ratio_range, area_range : (float, float) or float
        Bounds of the larger image's proportion and of its area in images.
    max_attempts : int
        Draws before the image stays as it is.
    pad_val : tuple of float
        The color.
    """

    def __init__(
        self, aspect_ratio_range: Any = (0.75, 1.33), area_range: Any = (1.0, 3.0), max_attempts: int = 50,
        pad_val: Any = (128, 128, 128),
    ) -> None:  # fmt: skip
        pad_val = (pad_val,) * 3 if isinstance(pad_val, numeric_types) else pad_val
        super().__init__(
            1.0, aspect_ratio_range=aspect_ratio_range, area_range=area_range, max_attempts=max_attempts,
            pad_val=pad_val,
        )  # fmt: skip
        self.pad_val = pad_val

    def __call__(self, src: NDArray, label: Labels) -> tuple[NDArray, Labels]:
        height, width = src.shape[:2]
        found = self._random_pad_proposal(height, width)
        if found is None:
            return src, label
        x, y, w, h = found
        framed = copyMakeBorder(src, y, h - y - height, x, w - x - width, values=self.pad_val)
        out = label.copy()
        out[:, (1, 3)] = (out[:, (1, 3)] * width + x) / w
        out[:, (2, 4)] = (out[:, (2, 4)] * height + y) / h
        return framed, out

    def _random_pad_proposal(self, height: int, width: int) -> Box | None:
        for ratio, low, high in self._ratios(height, width):
            if round(low * ratio) < width:
                low = int((width + 0.499999) / ratio)
            low = max(low, height)
            h = random.randint(low, high) if low < high else high
            w = round(h * ratio)
            if h - height < 2 or w - width < 2:
                continue
            y = random.randint(0, h - height)
            x = random.randint(0, w - width)
            return x, y, w, h
        return None


def CreateMultiRandCropAugmenter(
    min_object_covered: Any = 0.1, aspect_ratio_range: Any = (0.75, 1.33), area_range: Any = (0.05, 1.0),
    min_eject_coverage: Any = 0.3, max_attempts: Any = 50, skip_prob: float = 0,
) -> DetRandomSelectAug:  # fmt: skip
    """A choice among several DetRandomCropAug: each parameter may be a list, one entry per augmenter.

    Raises
    ------
    ValueError
        Lists of different lengths.
    """
    given = (min_object_covered, aspect_ratio_range, area_range, min_eject_coverage, max_attempts)
    columns = [p if isinstance(p, list) else [p] for p in given]
    count = max(len(column) for column in columns)
    for column in columns:
        if len(column) not in (1, count):
            raise ValueError(f"parameters must be single values or lists of {count}, got {column!r}")
    rows = zip(*(column if len(column) == count else column * count for column in columns))
    return DetRandomSelectAug([DetRandomCropAug(*row) for row in rows], skip_prob)


def CreateDetAugmenter(
    data_shape: Sequence[int], resize: int = 0, rand_crop: float = 0, rand_pad: float = 0,
    rand_gray: float = 0, rand_mirror: bool = False, mean: Any = None, std: Any = None,
    brightness: float = 0, contrast: float = 0,
    saturation: float = 0, pca_noise: float = 0, hue: float = 0, inter_method: int = 2,
    min_object_covered: Any = 0.1, aspect_ratio_range: Any = (0.75, 1.33), area_range: Any = (0.05, 3.0),
    min_eject_coverage: Any = 0.3, max_attempts: Any = 50, pad_val: Any = (127, 127, 127),
) -> list[DetAugmenter]:  # fmt: skip
    """The usual list of augmenters for images with boxes.

    Parameters
    ----------
    rand_crop, rand_pad : float
        Probability of a DetRandomCropAug, a DetRandomPadAug.
    data_shape, resize, rand_gray, rand_mirror, mean, std, brightness, contrast, saturation, pca_noise, hue,
    inter_method
        As in `CreateAugmenter`; the image becomes `data_shape` whatever its proportion.
    min_object_covered, aspect_ratio_range, area_range, min_eject_coverage, max_attempts, pad_val
        See `DetRandomCropAug` and `DetRandomPadAug`.
    """
    found: list[DetAugmenter] = []
    if resize > 0:
        found.append(DetBorrowAug(ResizeAug(resize, inter_method)))
    if rand_crop > 0:
        found.append(
            CreateMultiRandCropAugmenter(
                min_object_covered,
                aspect_ratio_range,
                area_range,
                min_eject_coverage,
                max_attempts,
                1 - rand_crop,
            )
        )
    if rand_mirror:
        found.append(DetHorizontalFlipAug(0.5))
    if rand_pad > 0:
        pad = DetRandomPadAug(
            aspect_ratio_range, (1.0, _bounds(area_range, "area_range")[1]), max_attempts, pad_val
        )
        found.append(DetRandomSelectAug([pad], 1 - rand_pad))
    found.append(DetBorrowAug(ForceResizeAug((data_shape[2], data_shape[1]), inter_method)))
    found.append(DetBorrowAug(CastAug()))
    mean, std = _statistic(mean, MEAN, "mean"), _statistic(std, STD, "std")
    colors = color_augmenters(brightness, contrast, saturation, hue, pca_noise, rand_gray, mean, std)
    return found + [DetBorrowAug(a) for a in colors]
