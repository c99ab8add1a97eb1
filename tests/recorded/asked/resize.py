"""Questions about adaptive average pooling and bilinear resizing. Data only.

No float64 resizing: MXNet places its pixels in float32 there.
"""

from __future__ import annotations

from opcases import OpCase, real

_POOL, _RESIZE = "_contrib_AdaptiveAvgPooling2D", "_contrib_BilinearResize2D"


def _resize(label: str, *shape: int, **params: str) -> OpCase:
    return OpCase(_RESIZE, label, {"data": real(*shape)}, params)


CASES: list[OpCase] = [
    OpCase(_POOL, "global", {"data": real(2, 3, 5, 7)}, {}, add=True),
    OpCase(_POOL, "square", {"data": real(2, 3, 5, 7)}, {"output_size": "(3,)"}),
    OpCase(_POOL, "sides", {"data": real(2, 3, 7, 5)}, {"output_size": "(3, 2)"}),
    OpCase(_POOL, "larger", {"data": real(1, 2, 5, 7, dtype="float64")}, {"output_size": "(11, 13)"}),
    OpCase(_RESIZE, "size", {"data": real(2, 3, 3, 5)}, {"height": "7", "width": "11"}, add=True),
    _resize("smaller", 2, 3, 11, 7, height="3", width="5"),
    _resize("default", 2, 3, 5, 7),
    _resize("pixels", 2, 3, 3, 5, height="7", width="11", align_corners="False"),
    _resize("pixels_smaller", 2, 3, 11, 7, height="3", width="2", align_corners="False"),
    _resize("pixels_column", 1, 2, 4, 4, height="7", width="1", align_corners="False"),
    _resize("scale", 2, 3, 5, 7, scale_height="2.5", scale_width="0.5"),
    _resize("odd_scale", 2, 3, 5, 4, mode="odd_scale", scale_height="2.0", scale_width="1.5"),
    _resize("to_even_down", 1, 2, 5, 4, mode="to_even_down"),
    _resize("to_even_up", 1, 2, 5, 4, mode="to_even_up"),
    _resize("to_odd_down", 1, 2, 5, 4, mode="to_odd_down"),
    _resize("to_odd_up", 1, 2, 5, 4, mode="to_odd_up"),
    OpCase(_RESIZE, "like", {"data": real(2, 3, 5, 7), "like": real(2, 1, 3, 11)}, {"mode": "like"}),
]
