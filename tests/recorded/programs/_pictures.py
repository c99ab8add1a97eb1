"""Pictures for the programs: PNG and BMP files made here, and the few JPEG files of `recorded/files`."""

import os
import struct
import zlib

import numpy as np

FILES = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "files")


def pixels(height, width, channels=3, seed=0):
    """A picture of noise on a slope, as uint8 (height, width, channels)."""
    place = np.arange(height * width * channels, dtype=np.float64).reshape(height, width, channels)
    noise = (np.sin(place * 12.9898 + seed * 78.233) * 43758.5453) % 1.0
    slope = np.add.outer(np.arange(height) / height, np.arange(width) / width)[:, :, None] / 2
    return np.floor(255 * (0.5 * noise + 0.5 * slope)).astype(np.uint8)


def _chunk(kind, data):
    return (
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data) & 0xFFFFFFFF)
    )


def png(image, extra=(), palette=None, depth=8):
    """An array (height, width, 1 to 4 channels) as PNG; with a palette, one channel of indices."""
    height, width, channels = image.shape
    color = 3 if palette is not None else {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    rows = image.astype(">u2" if depth == 16 else np.uint8)
    if depth < 8:
        bits = np.unpackbits(image.astype(np.uint8), axis=2)[:, :, -depth:].reshape(height, -1)
        lines = [np.packbits(line).tobytes() for line in bits]
    else:
        lines = [line.tobytes() for line in rows]
    raw = b"".join(b"\0" + line for line in lines)
    parts = [
        b"\x89PNG\r\n\x1a\n",
        _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, 0)),
    ]
    if palette is not None:
        parts.append(_chunk(b"PLTE", np.asarray(palette, np.uint8).tobytes()))
    parts += [_chunk(kind, data) for kind, data in extra]
    return b"".join([*parts, _chunk(b"IDAT", zlib.compress(raw)), _chunk(b"IEND", b"")])


def bmp(image):
    """An array (height, width, 3) as BMP."""
    height, width, _ = image.shape
    gap = b"\0" * (-3 * width % 4)
    body = b"".join(line.tobytes() + gap for line in image[::-1, :, ::-1])
    head = struct.pack("<2sIHHI", b"BM", 54 + len(body), 0, 0, 54)
    return head + struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, 0, len(body), 0, 0, 0, 0) + body


def pictures():
    """Name and content of picture files of many kinds."""
    grey, color = pixels(7, 9, 1), pixels(7, 9, 3, 1)
    wide = (np.arange(7 * 9 * 3).reshape(7, 9, 3) * 1031 + 77) % 65536
    palette = pixels(1, 16, 3, 5)[0]
    found = {
        "grey": png(grey), "grey alpha": png(pixels(7, 9, 2)), "color": png(color),
        "alpha": png(pixels(7, 9, 4)),
        "palette": png(grey // 16, palette=palette),
        "palette, transparent": png(grey // 16, [(b"tRNS", b"\0\x80")], palette),
        "bits": png(grey // 128, depth=1), "4 bits": png(grey // 16, depth=4),
        "16 bits": png(wide, depth=16), "16 bits grey": png(wide[:, :, :1], depth=16), "bmp": bmp(color),
    }  # fmt: skip
    for name in ("color", "grey", "cmyk", "progressive", "turned"):
        with open(os.path.join(FILES, name + ".jpg"), "rb") as stream:
            found[name + ".jpg"] = stream.read()
    return found
