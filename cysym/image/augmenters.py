"""Augmenters: objects that take an image (height, width, channels) and give one, and `CreateAugmenter`.

Each keeps its parameters for `dumps`. Colors are changed in place in the array that comes in, as MXNet does,
so hand in a copy of what you keep. Random choices draw from Python's `random` (lighting: NumPy's generator)
in MXNet's order. ImageIter calls them one after the other.
"""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import ndarray as nd
from ..base import MXNetError
from ..ndarray import NDArray
from .functions import (
    Size,
    _area_bounds,
    _get_interp_method,
    center_crop,
    color_normalize,
    imresize,
    random_crop,
    random_size_crop,
    resize_short,
)

_LUMA = (0.299, 0.587, 0.114)
# Principal components of ImageNet's colors, its mean and deviation (Krizhevsky 2012 and common use).
_EIGENVALUES = (55.46, 4.794, 1.148)
_EIGENVECTORS = ((-0.5675, 0.7192, 0.4009), (-0.5808, -0.0045, -0.8140), (-0.5836, -0.6948, 0.4203))
MEAN = (123.68, 116.28, 103.53)
STD = (58.395, 57.12, 57.375)


def _plain(value: Any) -> Any:
    if isinstance(value, NDArray):
        value = value.asnumpy()
    return value.tolist() if isinstance(value, np.ndarray) else value


class Augmenter:
    """What all augmenters are: callable on an image, with parameters that `dumps` writes."""

    def __init__(self, **kwargs: Any) -> None:
        self._kwargs = {key: _plain(value) for key, value in kwargs.items()}

    def dumps(self) -> Any:
        """Name and parameters as JSON text; augmenters made of others give a list [name, their dumps].

        >>> CastAug().dumps()
        '["castaug", {"type": "float32"}]'
        """
        return json.dumps([type(self).__name__.lower(), self._kwargs])

    def __call__(self, src: NDArray) -> NDArray:
        raise NotImplementedError(f"{type(self).__name__} does not say what it does to an image")


class SequentialAug(Augmenter):
    """Augmenters one after the other."""

    def __init__(self, ts: Sequence[Augmenter]) -> None:
        super().__init__()
        self.ts = ts

    def dumps(self) -> Any:
        return [type(self).__name__.lower(), [t.dumps() for t in self.ts]]

    def __call__(self, src: NDArray) -> NDArray:
        for t in self.ts:
            src = t(src)
        return src


class RandomOrderAug(Augmenter):
    """Augmenters in an order drawn anew for each image."""

    def __init__(self, ts: Sequence[Augmenter]) -> None:
        super().__init__()
        self.ts = list(ts)

    def dumps(self) -> Any:
        return [type(self).__name__.lower(), [t.dumps() for t in self.ts]]

    def __call__(self, src: NDArray) -> NDArray:
        random.shuffle(self.ts)
        for t in self.ts:
            src = t(src)
        return src


class _SizedAug(Augmenter):
    """What the augmenters with a size and an interpolation share."""

    def __init__(self, size: Any, interp: int = 2) -> None:
        super().__init__(size=size, interp=interp)
        self.size = size
        self.interp = interp


class ResizeAug(_SizedAug):
    """The shorter side becomes `size`; see `resize_short`."""

    def __call__(self, src: NDArray) -> NDArray:
        return resize_short(src, self.size, self.interp)


class ForceResizeAug(_SizedAug):
    """The image becomes `size` (width, height), whatever its proportion."""

    def __call__(self, src: NDArray) -> NDArray:
        sizes = (src.shape[0], src.shape[1], self.size[1], self.size[0])
        return imresize(src, self.size[0], self.size[1], _get_interp_method(self.interp, sizes))


class RandomCropAug(_SizedAug):
    """A part of `size` (width, height) anywhere; see `random_crop`."""

    def __call__(self, src: NDArray) -> NDArray:
        return random_crop(src, self.size, self.interp)[0]


class CenterCropAug(_SizedAug):
    """The middle part of `size` (width, height); see `center_crop`."""

    def __call__(self, src: NDArray) -> NDArray:
        return center_crop(src, self.size, self.interp)[0]


class RandomSizedCropAug(Augmenter):
    """A part of random area and proportion, resized to `size`; see `random_size_crop`."""

    def __init__(
        self, size: Size, area: Any, ratio: tuple[float, float], interp: int = 2, **kwargs: Any
    ) -> None:
        super().__init__(size=size, area=area, ratio=ratio, interp=interp)
        self.size, self.ratio, self.interp = size, ratio, interp
        self.area = _area_bounds(area, kwargs)

    def __call__(self, src: NDArray) -> NDArray:
        return random_size_crop(src, self.size, self.area, self.ratio, self.interp)[0]


def _need_floats(src: NDArray, augmenter: Augmenter) -> None:
    if np.dtype(src.dtype).kind != "f":
        name = type(augmenter).__name__
        raise MXNetError(
            f"{name} changes colors of a float image, got {np.dtype(src.dtype)}; cast it first (CastAug)"
        )


class BrightnessJitterAug(Augmenter):
    """Colors times 1 + a number from [-brightness, brightness]."""

    def __init__(self, brightness: float) -> None:
        super().__init__(brightness=brightness)
        self.brightness = brightness

    def __call__(self, src: NDArray) -> NDArray:
        _need_floats(src, self)
        src *= 1.0 + random.uniform(-self.brightness, self.brightness)
        return src


class ContrastJitterAug(Augmenter):
    """Mixed with the mean brightness of the image: alpha src + (1 - alpha) mean, alpha about 1."""

    def __init__(self, contrast: float) -> None:
        super().__init__(contrast=contrast)
        self.contrast = contrast

    def __call__(self, src: NDArray) -> NDArray:
        _need_floats(src, self)
        alpha = 1.0 + random.uniform(-self.contrast, self.contrast)
        grey = src.asnumpy() @ np.array(_LUMA, np.float32)
        src *= alpha
        src += (1.0 - alpha) * float(grey.mean())
        return src


class SaturationJitterAug(Augmenter):
    """Mixed with the grey image: alpha src + (1 - alpha) grey, alpha about 1."""

    def __init__(self, saturation: float) -> None:
        super().__init__(saturation=saturation)
        self.saturation = saturation

    def __call__(self, src: NDArray) -> NDArray:
        _need_floats(src, self)
        alpha = 1.0 + random.uniform(-self.saturation, self.saturation)
        grey = src.asnumpy() @ np.array(_LUMA, np.float32) * np.float32(1.0 - alpha)
        src *= alpha
        src += nd.array(grey[:, :, None], ctx=src.context)
        return src


class HueJitterAug(Augmenter):
    """Colors turned in the YIQ plane by a part of pi from [-hue, hue]; gives a new array."""

    # Rounded as MXNet rounds them: their product is not quite the identity.
    _TO_YIQ = np.array([[0.299, 0.587, 0.114], [0.596, -0.274, -0.321], [0.211, -0.523, 0.311]])
    _FROM_YIQ = np.array([[1.0, 0.956, 0.621], [1.0, -0.272, -0.647], [1.0, -1.107, 1.705]])

    def __init__(self, hue: float) -> None:
        super().__init__(hue=hue)
        self.hue = hue

    def __call__(self, src: NDArray) -> NDArray:
        _need_floats(src, self)
        angle = random.uniform(-self.hue, self.hue) * np.pi
        c, s = np.cos(angle), np.sin(angle)
        turn = np.array([[1.0, 0.0, 0.0], [0.0, c, -s], [0.0, s, c]])
        return _mixed(src, (self._FROM_YIQ @ turn @ self._TO_YIQ).T)


def _mixed(src: NDArray, matrix: Any) -> NDArray:
    """Each pixel's colors times a matrix, as a new array."""
    return nd.array(src.asnumpy() @ np.asarray(matrix, np.float32), ctx=src.context)


class ColorJitterAug(RandomOrderAug):
    """Brightness, contrast and saturation, each if not 0, in random order."""

    def __init__(self, brightness: float, contrast: float, saturation: float) -> None:
        parts = (
            (BrightnessJitterAug, brightness),
            (ContrastJitterAug, contrast),
            (SaturationJitterAug, saturation),
        )
        super().__init__([make(amount) for make, amount in parts if amount > 0])


class LightingAug(Augmenter):
    """Noise along the principal components of the colors, drawn from NumPy's global generator.

    Parameters
    ----------
    alphastd : float
        Deviation of the three factors.
    eigval, eigvec : array, (3,) and (3, 3)
        Of the colors' covariance.
    """

    def __init__(self, alphastd: float, eigval: Any, eigvec: Any) -> None:
        super().__init__(alphastd=alphastd, eigval=eigval, eigvec=eigvec)
        self.alphastd, self.eigval, self.eigvec = alphastd, eigval, eigvec

    def __call__(self, src: NDArray) -> NDArray:
        _need_floats(src, self)
        alpha = np.random.normal(0, self.alphastd, size=(3,))
        src += nd.array(np.dot(np.asarray(self.eigvec) * alpha, np.asarray(self.eigval)), ctx=src.context)
        return src


class ColorNormalizeAug(Augmenter):
    """Minus `mean`, divided by `std` (arrays of 3 or 1 numbers, or None)."""

    def __init__(self, mean: Any, std: Any) -> None:
        super().__init__(mean=mean, std=std)
        self.mean = mean if mean is None or isinstance(mean, NDArray) else nd.array(mean)
        self.std = std if std is None or isinstance(std, NDArray) else nd.array(std)

    def __call__(self, src: NDArray) -> NDArray:
        return color_normalize(src, self.mean, self.std)


class RandomGrayAug(Augmenter):
    """Grey (0.21 R + 0.72 G + 0.07 B in all channels) with probability `p`."""

    def __init__(self, p: float) -> None:
        super().__init__(p=p)
        self.p = p

    def __call__(self, src: NDArray) -> NDArray:
        _need_floats(src, self)
        if random.random() < self.p:
            return _mixed(src, np.repeat([[0.21], [0.72], [0.07]], 3, 1))
        return src


class HorizontalFlipAug(Augmenter):
    """Left and right exchanged with probability `p`."""

    def __init__(self, p: float) -> None:
        super().__init__(p=p)
        self.p = p

    def __call__(self, src: NDArray) -> NDArray:
        if random.random() < self.p:
            return _flipped(src)
        return src


def _flipped(src: NDArray) -> NDArray:
    return nd.array(np.ascontiguousarray(src.asnumpy()[:, ::-1]), ctx=src.context, dtype=src.dtype)


class CastAug(Augmenter):
    """Another element type."""

    def __init__(self, typ: Any = "float32") -> None:
        super().__init__(type=typ)
        self.typ = typ

    def __call__(self, src: NDArray) -> NDArray:
        return src.astype(self.typ)


def _statistic(value: Any, standard: tuple[float, ...], name: str) -> Any:
    """`standard` for True; otherwise None or an array of 1 or 3 numbers."""
    if value is True:
        return np.array(standard)
    if value is None or value is False:
        return None
    if not isinstance(value, np.ndarray | NDArray) or not value.shape or value.shape[0] not in (1, 3):
        raise ValueError(f"{name} must be True, None or an array of 1 or 3 numbers, got {value!r}")
    return value


def color_augmenters(
    brightness: float, contrast: float, saturation: float, hue: float, pca_noise: float, rand_gray: float,
    mean: Any, std: Any,
) -> list[Augmenter]:  # fmt: skip
    """The augmenters behind the cast to float32, which images and images with boxes have in common."""
    found: list[Augmenter] = []
    if brightness or contrast or saturation:
        found.append(ColorJitterAug(brightness, contrast, saturation))
    if hue:
        found.append(HueJitterAug(hue))
    if pca_noise > 0:
        found.append(LightingAug(pca_noise, np.array(_EIGENVALUES), np.array(_EIGENVECTORS)))
    if rand_gray > 0:
        found.append(RandomGrayAug(rand_gray))
    if mean is not None or std is not None:
        found.append(ColorNormalizeAug(mean, std))
    return found


def CreateAugmenter(
    data_shape: Sequence[int], resize: int = 0, rand_crop: bool = False, rand_resize: bool = False,
    rand_mirror: bool = False, mean: Any = None, std: Any = None, brightness: float = 0, contrast: float = 0,
    saturation: float = 0, hue: float = 0, pca_noise: float = 0, rand_gray: float = 0, inter_method: int = 2,
) -> list[Augmenter]:  # fmt: skip
    """The usual list of augmenters.

    Parameters
    ----------
    data_shape : (channels, height, width)
        Of the result.
    resize : int
        Resize the shorter side to this first, unless 0.
    rand_crop : bool
        Crop anywhere instead of in the middle.
    rand_resize : bool
        Crop with random area (8 % or more) and proportion (3:4 to 4:3); `rand_crop` must be set.
    rand_mirror : bool
        Exchange left and right of every second image.
    mean, std : True or array of 1 or 3 numbers, optional
        Subtract, divide by; True: ImageNet's.
    brightness, contrast, saturation, hue : float
        How far each may change.
    pca_noise : float
        Deviation of noise along the colors' principal components.
    rand_gray : float
        Probability of grey.
    inter_method : int
        0 nearest, 1 bilinear, 2 bicubic, 3 area, 4 Lanczos, 9 by size, 10 random.

    Raises
    ------
    ValueError
        `rand_resize` without `rand_crop`, or no such `mean` or `std`.

    Examples
    --------
    >>> [type(a).__name__ for a in CreateAugmenter((3, 32, 32), resize=40, rand_mirror=True)]
    ['ResizeAug', 'CenterCropAug', 'HorizontalFlipAug', 'CastAug']
    """
    size = (data_shape[2], data_shape[1])
    found: list[Augmenter] = []
    if resize > 0:
        found.append(ResizeAug(resize, inter_method))
    if rand_resize:
        if not rand_crop:
            raise ValueError("rand_resize needs rand_crop=True")
        found.append(RandomSizedCropAug(size, 0.08, (3.0 / 4.0, 4.0 / 3.0), inter_method))
    elif rand_crop:
        found.append(RandomCropAug(size, inter_method))
    else:
        found.append(CenterCropAug(size, inter_method))
    if rand_mirror:
        found.append(HorizontalFlipAug(0.5))
    found.append(CastAug())
    mean, std = _statistic(mean, MEAN, "mean"), _statistic(std, STD, "std")
    mean, std = (nd.array(v) if isinstance(v, np.ndarray) else v for v in (mean, std))
    return found + color_augmenters(brightness, contrast, saturation, hue, pca_noise, rand_gray, mean, std)
