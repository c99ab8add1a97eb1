"""Image files decoded and encoded through Pillow, which is imported here and only when it is needed.

Bytes become uint8 arrays (height, width, channels), red first, as OpenCV inside MXNet made them: alpha is
dropped and not blended, 16 bits become 8, an EXIF orientation is obeyed on request only, grey values come out
of the same integer formulas. A damaged file is one MXNetError. NDArrays are made of the arrays elsewhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from ..base import MXNetError

if TYPE_CHECKING:
    from PIL import Image

Array = NDArray[np.uint8]

# Only what OpenCV reads, too: Pillow knows formats that start other programs.
FORMATS: Final = ("JPEG", "PNG", "BMP", "TIFF", "WEBP", "PPM")
GREY, COLOR, UNCHANGED = 0, 1, -1
_ORIENTATION: Final = 0x0112
_GREY_MODES: Final = ("1", "L", "I;16", "I;16B", "I;16L", "I")


def pillow() -> Any:
    """The module PIL.Image.

    Raises
    ------
    ImportError
        Pillow is not installed.
    """
    try:
        from PIL import Image
    except ImportError as error:
        raise ImportError('images are read and written by Pillow: pip install "cysym[image]"') from error
    return Image


def decode_image(data: bytes | memoryview, flag: int = COLOR, upright: bool = False) -> Array:
    """Decode an image file held in memory.

    Parameters
    ----------
    data : bytes-like
        The file: JPEG, PNG, BMP, TIFF, WebP or PNM.
    flag : {0, 1, -1}
        Grey; red, green, blue; or as stored (1, 3 or, with alpha, 4 channels).
    upright : bool
        Turn a JPEG as its EXIF orientation says: OpenCV does when ImageRecordIter calls it, and not when
        `imdecode` does.

    Returns
    -------
    numpy.ndarray of uint8, (height, width, channels)

    Raises
    ------
    ImportError
        Pillow is absent.
    MXNetError
        Empty, of no known format, damaged, cut off, or larger than twice `PIL.Image.MAX_IMAGE_PIXELS`.

    Notes
    -----
    OpenCV fills a JPEG that was cut off with grey; so does Pillow after
    ``PIL.ImageFile.LOAD_TRUNCATED_IMAGES = True``.
    """
    if flag not in (GREY, COLOR, UNCHANGED):
        raise ValueError(f"flag must be 1 (color), 0 (grey) or -1 (as stored), got {flag!r}")
    if not len(data):
        raise MXNetError("cannot decode an image: the buffer is empty")
    from io import BytesIO

    library = pillow()
    try:
        with library.open(BytesIO(data), formats=FORMATS) as image:
            pixels = _pixels(image, flag)
            return _turned(image, pixels) if upright and flag != UNCHANGED else pixels
    except MXNetError:
        raise
    except Exception as error:
        # Decoders of damaged files raise what they stumble over: OSError, SyntaxError, struct.error, ...
        what = "no image of a known format" if isinstance(error, library.UnidentifiedImageError) else error
        known = ", ".join(FORMATS)
        raise MXNetError(f"cannot decode an image of {len(data)} bytes ({known}): {what}") from error


def _pixels(image: Image.Image, flag: int) -> Array:
    kind = image.format
    if flag == GREY and kind == "JPEG" and image.mode in ("L", "RGB"):
        image.draft("L", None)  # the file's own luminance, never turned into colors
    image.load()
    mode = image.mode
    if mode.startswith("I"):
        if kind not in ("PNG", "PPM", "TIFF") or (mode == "I" and kind == "TIFF"):
            raise MXNetError(f"cannot decode a {kind} image of 32-bit integers")
        return _with_channels(np.asarray(image).astype(np.uint32) >> 8, flag)
    if mode == "CMYK":
        return _from_cmyk(255 - np.asarray(image), flag)
    if mode in _GREY_MODES:
        return _with_channels(np.asarray(image.convert("L")), flag)
    if mode == "LA" and flag != UNCHANGED:
        return _with_channels(np.asarray(image.convert("L")), flag)
    if mode not in ("LA", "P", "PA", "RGB", "RGBA", "RGBX", "YCbCr"):
        raise MXNetError(f"cannot decode a {kind} image with pixels of mode {mode}")
    alpha = mode in ("LA", "PA", "RGBA") or (mode == "P" and "transparency" in image.info)
    if not (alpha and flag == UNCHANGED):
        alpha = False
        image.info.pop("transparency", None)  # it is dropped, and Pillow need not warn of it
    color = np.asarray(image.convert("RGBA" if alpha else "RGB"))
    return _grey(color, kind == "PNG") if flag == GREY else color


def _turned(image: Image.Image, pixels: Array) -> Array:
    """The pixels as a viewer shows them."""
    if image.format != "JPEG" or "exif" not in image.info:
        return pixels
    try:
        orientation = image.getexif().get(_ORIENTATION, 1)
    except Exception:  # whatever a damaged EXIF block makes its reader stumble over: pixels are not in it
        return pixels
    if orientation in (5, 6, 7, 8):
        pixels = pixels.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return np.ascontiguousarray(pixels)


def _with_channels(grey: NDArray[Any], flag: int) -> Array:
    plane = grey.astype(np.uint8)[:, :, None]
    return np.repeat(plane, 3, 2) if flag == COLOR else plane


def _grey(color: Array, png: bool) -> Array:
    """0.299 R + 0.587 G + 0.114 B: libpng keeps 15 bits and cuts off, OpenCV keeps 14 and rounds."""
    red, green, blue = (color[:, :, i].astype(np.int32) for i in range(3))
    if png:
        total = 9797 * red + 19234 * green + 3737 * blue >> 15
    else:
        total = 4899 * red + 9617 * green + 1868 * blue + 8192 >> 14
    return total.astype(np.uint8)[:, :, None]


def _from_cmyk(ink: Array, flag: int) -> Array:
    """From inks stored inverted, as Adobe's programs do: color = ink K / 256, in integers."""
    black = ink[:, :, 3:].astype(np.int32)
    color = (black - ((255 - ink[:, :, :3].astype(np.int32)) * black >> 8)).astype(np.uint8)
    return _grey(color, False) if flag == GREY else color


def encode_image(image: Any, suffix: str, quality: int) -> bytes:
    """Encode an image, channels in the order blue, green, red (alpha), as JPEG or PNG.

    Parameters
    ----------
    image : array of uint8, (height, width), (height, width, 1), (height, width, 3) or (height, width, 4)
        The image; JPEG has no alpha.
    suffix : {'.jpg', '.jpeg', '.png'}
        The format, in any case.
    quality : int
        JPEG quality up to 100; PNG compression up to 9. Larger numbers count as these.

    Raises
    ------
    ImportError
        Pillow is absent.
    ValueError
        Another shape, type or suffix.
    """
    from io import BytesIO

    array = np.asarray(image.asnumpy() if hasattr(image, "asnumpy") else image)
    kind = {".jpg": "JPEG", ".jpeg": "JPEG", ".png": "PNG"}.get(suffix.lower())
    if kind is None:
        raise ValueError(f"img_fmt must be .jpg, .jpeg or .png, got {suffix!r}")
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    channels = array.shape[2] if array.ndim == 3 else 1
    allowed = (1, 3) if kind == "JPEG" else (1, 3, 4)
    if array.ndim not in (2, 3) or channels not in allowed or not array.size:
        raise ValueError(f"img: a {kind} image has shape (height, width, {allowed}), got {array.shape}")
    if array.dtype != np.uint8:
        raise ValueError(f"img: an image to encode is of uint8, got {array.dtype}")
    if channels > 1:
        array = array[:, :, [2, 1, 0, 3][:channels]]
    picture = pillow().fromarray(np.ascontiguousarray(array))
    stream = BytesIO()
    if kind == "JPEG":
        picture.save(stream, kind, quality=min(max(quality, 0), 100))
    else:
        picture.save(stream, kind, compress_level=min(max(quality, 0), 9))
    return stream.getvalue()
