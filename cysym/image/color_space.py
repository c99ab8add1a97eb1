"""Colors as hue, lightness and saturation (HLS) in bytes, and back: hue in 2-degree steps, the rest to 255.

Formulas: Smith 1978; hue 0 is red, grows to 180. Arrays of uint8 with red first go in and out; used by
`record_augment`.
"""

from __future__ import annotations

import numpy as np

from .resize import Array


def to_hls(image: Array) -> Array:
    """Hue (0..179), lightness, saturation of red, green, blue; uint8, (..., 3).

    >>> to_hls(np.array([[255, 0, 0], [0, 0, 255], [100, 100, 100]], np.uint8)).tolist()
    [[0, 128, 255], [120, 128, 255], [0, 100, 0]]
    """
    color = image.astype(np.float32) / np.float32(255)
    red, green, blue = color[..., 0], color[..., 1], color[..., 2]
    most, least = color.max(-1), color.min(-1)
    spread = most - least
    lightness = (most + least) / 2
    some = np.where(spread > 0, spread, 1)
    hue = np.where(most == red, (green - blue) / some, 4 + (red - green) / some)
    hue = np.where((most == green) & (most != red), 2 + (blue - red) / some, hue)
    hue = np.where(spread > 0, hue * 30, 0)
    hue = np.where(hue < 0, hue + 180, hue)
    below = np.where(lightness < 0.5, most + least, 2 - most - least)
    saturation = np.where(spread > 0, spread / np.where(below > 0, below, 1), 0)
    hue = np.rint(hue) % 180
    return np.stack([hue, np.rint(lightness * 255), np.rint(saturation * 255)], -1).astype(np.uint8)


def from_hls(image: Array) -> Array:
    """Red, green, blue of hue (0..180), lightness, saturation; uint8, (..., 3).

    >>> from_hls(np.array([[120, 128, 255], [0, 100, 0]], np.uint8)).tolist()
    [[1, 1, 255], [100, 100, 100]]
    """
    hue = image[..., 0].astype(np.float32) / np.float32(30)
    lightness = image[..., 1].astype(np.float32) / np.float32(255)
    saturation = image[..., 2].astype(np.float32) / np.float32(255)
    high = np.where(
        lightness <= 0.5, lightness * (1 + saturation), lightness + saturation - lightness * saturation
    )
    low = 2 * lightness - high
    channels = []
    for shift in (2, 0, -2):
        at = (hue + shift) % 6
        # Rises over the first sixth, stays for two, falls over the fourth, stays low.
        level = np.clip(np.minimum(at, 4 - at), 0, 1)
        channels.append(low + (high - low) * level)
    color: Array = np.rint(np.clip(np.stack(channels, -1) * 255, 0, 255)).astype(np.uint8)
    return color
