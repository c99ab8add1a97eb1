"""Functions on images as NDArrays (height, width, channels): decode, resize, crop, pad, normalize, rotate.

Pixels are computed by `codec` and `resize` in NumPy and put on the device the source came from; random
choices draw from Python's `random` in MXNet's order, so that a seeded program crops where it did. The
augmenters call these functions; nothing here keeps a state.
"""

from __future__ import annotations

import math
import os
import random
import warnings
from collections.abc import Sequence
from numbers import Number
from typing import Any

import numpy as np
from numpy.typing import NDArray as Host

from .. import ndarray as nd
from ..base import MXNetError, numeric_types
from ..context import cpu
from ..ndarray import NDArray, imperative
from . import codec
from .resize import METHODS
from .resize import resize as resize_pixels

Size = Sequence[int]
Box = tuple[int, int, int, int]
_TYPES = (np.uint8, np.float32, np.float64)


def _made(pixels: Host[Any], like: NDArray | None, out: NDArray | None) -> NDArray:
    if out is None:
        result: NDArray = imperative.from_numpy(pixels, cpu() if like is None else like.context)
        return result
    if not isinstance(out, NDArray) or out.shape != pixels.shape or out.dtype != pixels.dtype.type:
        found = f"{out.shape} {np.dtype(out.dtype)}" if isinstance(out, NDArray) else type(out).__name__
        raise MXNetError(f"out must be an NDArray {pixels.shape} {pixels.dtype}, got {found}")
    out[:] = pixels
    return out


def _pixels(src: Any, operator: str) -> Host[Any]:
    if not isinstance(src, NDArray):
        raise TypeError(f"{operator}: src must be an NDArray, got {type(src).__name__}")
    if src.ndim != 3 or not src.size:
        raise MXNetError(f"{operator}: src must have shape (height, width, channels), got {src.shape}")
    if src.dtype not in _TYPES:
        raise MXNetError(f"{operator}: src must be uint8, float32 or float64, got {np.dtype(src.dtype)}")
    return src.asnumpy()


def imdecode(buf: Any, flag: int = 1, to_rgb: bool = True, out: NDArray | None = None) -> NDArray:
    """Decode an image file held in memory (MXNet `_cvimdecode`).

    Parameters
    ----------
    buf : bytes, bytearray, numpy.ndarray or NDArray of uint8
        The file: JPEG, PNG, BMP, TIFF, WebP or PNM.
    flag : {1, 0}
        Color (3 channels) or grey (1 channel).
    to_rgb : bool
        Red first; otherwise blue first.
    out : NDArray, optional
        Where to put the result.

    Returns
    -------
    NDArray of uint8, (height, width, channels)

    Raises
    ------
    ImportError
        Pillow is absent.
    ValueError
        `buf` is of another type.
    MXNetError
        The buffer is empty or no image that can be decoded, or `flag` is another number.
    """
    if isinstance(buf, NDArray):
        buf = buf.asnumpy()
    if isinstance(buf, np.ndarray):
        if buf.dtype != np.uint8:
            raise MXNetError(f"imdecode: buf must be an array of uint8, got {buf.dtype}")
        buf = buf.tobytes()
    if not isinstance(buf, bytes | bytearray):
        raise ValueError(
            f"imdecode: buf must be bytes, bytearray or an array of uint8, got {type(buf).__name__}"
        )
    return _decoded(buf, flag, to_rgb, out)


def _decoded(data: bytes | bytearray, flag: int, to_rgb: bool, out: NDArray | None) -> NDArray:
    if flag not in (0, 1):
        raise MXNetError(f"imdecode: flag must be 1 (color) or 0 (grey), got {flag!r}")
    pixels = codec.decode_image(bytes(data), flag)
    return _made(pixels if to_rgb else np.ascontiguousarray(pixels[:, :, ::-1]), None, out)


def imread(
    filename: str | os.PathLike[str], flag: int = 1, to_rgb: bool = True, out: NDArray | None = None
) -> NDArray:
    """Read and decode an image file; parameters and result as those of `imdecode` (MXNet `_cvimread`).

    Raises
    ------
    OSError
        The file cannot be read.
    MXNetError
        It is no image that can be decoded.
    """
    with open(filename, "rb") as stream:
        data = stream.read()
    try:
        return _decoded(data, flag, to_rgb, out)
    except MXNetError as error:
        raise type(error)(f"{os.fspath(filename)}: {error}") from error


def imresize(src: NDArray, w: int, h: int, interp: int = 1, out: NDArray | None = None) -> NDArray:
    """An image in the size `w` x `h` (MXNet `_cvimresize`).

    Parameters
    ----------
    src : NDArray of uint8, float32 or float64, (height, width, channels)
        The image.
    w, h : int
        New width and height.
    interp : {0, 1, 2, 3, 4}
        Nearest, bilinear, bicubic, area (averages when it shrinks), Lanczos over 8 x 8 pixels.
    out : NDArray, optional
        Where to put the result.

    Returns
    -------
    NDArray, (h, w, channels)

    Raises
    ------
    MXNetError
        Another shape, type or method.
    """
    pixels = _pixels(src, "imresize")
    if interp not in METHODS:
        raise MXNetError(f"imresize: interp must be one of {METHODS}, got {interp!r}")
    if int(w) < 1 or int(h) < 1:
        raise MXNetError(f"imresize: w and h must be positive, got {w} and {h}")
    return _made(resize_pixels(pixels, int(w), int(h), interp), src, out)


# OpenCV's border types; 16 (isolated) changes nothing here, where no image is part of a larger one.
_BORDERS = {1: "edge", 2: "symmetric", 3: "wrap", 4: "reflect"}


def copyMakeBorder(
    src: NDArray, top: int, bot: int, left: int, right: int, type: int = 0, value: float = 0.0,
    values: Sequence[float] = (), out: NDArray | None = None,
) -> NDArray:  # fmt: skip
    """An image with a border around it (MXNet `_cvcopyMakeBorder`).

    Parameters
    ----------
    src : NDArray, (height, width, channels)
        The image.
    top, bot, left, right : int
        Rows and columns to add.
    type : {0, 1, 2, 3, 4}
        Constant, the edge repeated, mirrored with the edge, the other side, mirrored without the edge.
    value : float
        The constant, in all channels.
    values : sequence of float
        The constant per channel; missing ones are 0.
    out : NDArray, optional
        Where to put the result.

    Raises
    ------
    MXNetError
        Another shape, type or border, or a negative number of rows.
    """
    pixels = _pixels(src, "copyMakeBorder")
    if min(top, bot, left, right) < 0:
        raise MXNetError(f"copyMakeBorder: borders must not be negative, got {(top, bot, left, right)}")
    widths = ((int(top), int(bot)), (int(left), int(right)), (0, 0))
    kind = int(type) & ~16
    if kind in _BORDERS:
        return _made(np.pad(pixels, widths, _BORDERS[kind]), src, out)  # type: ignore[call-overload]
    if kind:
        raise MXNetError(f"copyMakeBorder: type must be 0 (constant) or one of {_BORDERS}, got {type}")
    channels = pixels.shape[2]
    fill = (list(values) + [0.0] * channels)[:channels] if len(values) else [value] * channels
    color = np.asarray(fill, np.float64)
    if pixels.dtype == np.uint8:
        color = np.rint(np.clip(color, 0, 255))
    shape = (pixels.shape[0] + top + bot, pixels.shape[1] + left + right, channels)
    framed = np.empty(shape, pixels.dtype)
    framed[:] = color
    framed[top : shape[0] - bot, left : shape[1] - right] = pixels
    return _made(framed, src, out)


def scale_down(src_size: Size, size: Size) -> tuple[int, int]:
    """`size` (width, height), shrunk in proportion until it fits into `src_size`.

    >>> scale_down((640, 480), (720, 120))
    (640, 106)
    """
    width, height = size
    most_width, most_height = src_size
    if most_height < height:
        width, height = float(width * most_height) / height, most_height  # type: ignore[assignment]
    if most_width < width:
        width, height = most_width, float(height * most_width) / width  # type: ignore[assignment]
    return int(width), int(height)


def _get_interp_method(interp: int, sizes: Size = ()) -> int:
    """`interp` if it is 0 to 4; for 9 what suits `sizes` (old, new height and width); for 10 a random one."""
    if interp == 9:
        if not sizes:
            return 2
        old_height, old_width, height, width = sizes
        if height > old_height and width > old_width:
            return 2
        return 3 if height < old_height and width < old_width else 1
    if interp == 10:
        return random.randint(0, 4)
    if interp not in METHODS:
        raise ValueError(f"interp must be one of {METHODS}, 9 (by size) or 10 (random), got {interp}")
    return interp


def resize_short(src: NDArray, size: int, interp: int = 2) -> NDArray:
    """An image whose shorter side is `size`, in the same proportion (the longer one rounded down)."""
    height, width = src.shape[:2]
    if height > width:
        new_height, new_width = size * height // width, size
    else:
        new_height, new_width = size, size * width // height
    method = _get_interp_method(interp, (height, width, new_height, new_width))
    return imresize(src, new_width, new_height, method)


def fixed_crop(
    src: NDArray, x0: int, y0: int, w: int, h: int, size: Size | None = None, interp: int = 2
) -> NDArray:
    """The part `w` x `h` from column `x0` and row `y0` on, resized to `size` (width, height) if given."""
    part: NDArray = src[y0 : y0 + h, x0 : x0 + w]
    if size is None or (w, h) == tuple(size):
        return part
    method = _get_interp_method(interp, (h, w, size[1], size[0]))
    return imresize(part, size[0], size[1], method)


def random_crop(src: NDArray, size: Size, interp: int = 2) -> tuple[NDArray, Box]:
    """A part of `size` (width, height) anywhere; an image that is too small is enlarged.

    Returns
    -------
    NDArray, (x0, y0, width, height)
        The part and where it was.
    """
    height, width = src.shape[:2]
    w, h = scale_down((width, height), size)
    x0 = random.randint(0, width - w)
    y0 = random.randint(0, height - h)
    return fixed_crop(src, x0, y0, w, h, size, interp), (x0, y0, w, h)


def center_crop(src: NDArray, size: Size, interp: int = 2) -> tuple[NDArray, Box]:
    """The middle part of `size` (width, height), and where it was; see `random_crop`."""
    height, width = src.shape[:2]
    w, h = scale_down((width, height), size)
    x0, y0 = (width - w) // 2, (height - h) // 2
    return fixed_crop(src, x0, y0, w, h, size, interp), (x0, y0, w, h)


def color_normalize(src: NDArray, mean: Any, std: Any = None) -> NDArray:
    """Subtract `mean` from `src`, divide it by `std` (each may be None), in place; returns `src`."""
    if mean is not None:
        src -= mean
    if std is not None:
        src /= std
    return src


def random_size_crop(
    src: NDArray, size: Size, area: Any, ratio: tuple[float, float], interp: int = 2, **kwargs: Any
) -> tuple[NDArray, Box]:
    """A part of random area and proportion, resized to `size`, and where it was.

    Parameters
    ----------
    src : NDArray, (height, width, channels)
        The image.
    size : (width, height)
        Of the result.
    area : float or (float, float)
        Bounds of the part's share of the image; one number is the lower bound.
    ratio : (float, float)
        Bounds of width / height, whose logarithm is drawn.
    interp : int
        See `imresize`; 9 by size, 10 random.

    Notes
    -----
    After 10 draws that do not fit into the image it is `center_crop`.
    """
    area = _area_bounds(area, kwargs)
    height, width = src.shape[:2]
    low, high = np.log(ratio[0]), np.log(ratio[1])
    for _ in range(10):
        target = random.uniform(area[0], area[1]) * (height * width)
        proportion = np.exp(random.uniform(low, high))
        w = round(float(np.sqrt(target * proportion)))
        h = round(float(np.sqrt(target / proportion)))
        if w <= width and h <= height:
            x0 = random.randint(0, width - w)
            y0 = random.randint(0, height - h)
            return fixed_crop(src, x0, y0, w, h, size, interp), (x0, y0, w, h)
    return center_crop(src, size, interp)


def _area_bounds(area: Any, kwargs: dict[str, Any]) -> tuple[Any, Any]:
    if "min_area" in kwargs:
        warnings.warn("`min_area` is deprecated, use `area`", DeprecationWarning, stacklevel=3)
        area = kwargs.pop("min_area")
    if kwargs:
        raise TypeError(f"unexpected arguments {sorted(kwargs)}")
    low, high = (area, 1.0) if isinstance(area, numeric_types) else area
    return low, high


def imrotate(src: NDArray, rotation_degrees: Any, zoom_in: bool = False, zoom_out: bool = False) -> NDArray:
    """Images turned around their centres, sampled bilinearly; what comes from outside is 0.

    Parameters
    ----------
    src : NDArray of float32, (channels, height, width) or (images, channels, height, width)
        At least 2 x 2 pixels.
    rotation_degrees : float, or array of one per image
        Clockwise.
    zoom_in : bool
        Enlarge until nothing comes from outside.
    zoom_out : bool
        Shrink until no part of the image is lost.

    Raises
    ------
    TypeError
        `src` is not float32, or several angles are given for one image.
    ValueError
        Another shape or number of angles, or both zooms.
    """
    if zoom_in and zoom_out:
        raise ValueError("imrotate: zoom_in and zoom_out exclude each other")
    if src.dtype is not np.float32:
        raise TypeError(f"imrotate: src must be float32, got {np.dtype(src.dtype)}")
    if src.ndim not in (3, 4) or min(src.shape[-2:]) < 2:
        raise ValueError(
            "imrotate: src must be (channels, height, width) or (images, channels, height, width) with 2 x 2 "
            f"pixels or more, got {src.shape}"
        )
    if src.ndim == 3 and not isinstance(rotation_degrees, Number):
        raise TypeError(f"imrotate: one image takes one angle, got {type(rotation_degrees).__name__}")
    images = src.expand_dims(axis=0) if src.ndim == 3 else src
    if hasattr(rotation_degrees, "asnumpy"):
        rotation_degrees = rotation_degrees.asnumpy()
    angles = np.asarray(rotation_degrees, np.float64)
    if angles.ndim == 0:
        angles = np.full(images.shape[0], angles)
    if angles.shape != images.shape[:1]:
        raise ValueError(f"imrotate: {images.shape[0]} images take as many angles, got {angles.shape}")
    height, width = images.shape[2:]
    grids = [_rotation(math.radians(a), height, width, zoom_in, zoom_out) for a in angles.tolist()]
    grid = imperative.from_numpy(np.stack(grids).astype(np.float32), src.context)
    turned: NDArray = getattr(nd, "BilinearSampler")(images, grid)  # noqa: B009  (made of the registry)
    return turned[0] if src.ndim == 3 else turned


def _rotation(angle: float, height: int, width: int, zoom_in: bool, zoom_out: bool) -> Host[np.float64]:
    """Where each pixel of the turned image comes from, as BilinearSampler's grid (2, height, width)."""
    c, s = math.cos(angle), math.sin(angle)
    half_y, half_x = (height - 1) / 2, (width - 1) / 2
    y = np.arange(height)[:, None] - half_y
    x = np.arange(width)[None, :] - half_x
    # The sides of the upright rectangle around the turned image.
    around_x, around_y = width * abs(c) + height * abs(s), width * abs(s) + height * abs(c)
    scale = 1.0
    if zoom_out:
        scale = max(around_x / width, around_y / height)
    elif zoom_in:
        scale = min(width / around_x, height / around_y)
    return scale * np.stack([(x * c - y * s) / half_x, (x * s + y * c) / half_y])


def random_rotate(
    src: NDArray, angle_limits: tuple[float, float], zoom_in: bool = False, zoom_out: bool = False
) -> NDArray:
    """`imrotate` by angles drawn from NumPy's global generator between the two limits."""
    count = None if src.ndim == 3 else src.shape[0]
    return imrotate(src, np.random.uniform(*angle_limits, size=count), zoom_in, zoom_out)
