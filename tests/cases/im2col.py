"""Cases of im2col and col2im in one, two and three dimensions."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import Array, Case, normal

ALL = ("float16", "float32", "float64")


class _Truth:
    """A table of where in the padded image every element of every patch lies."""

    def __init__(self, size: tuple[int, ...], kernel: tuple[int, ...], steps: dict[str, Any]) -> None:
        ones = (1,) * len(kernel)
        stride, dilate = steps.get("stride", ones), steps.get("dilate", ones)
        self.pad, self.size = steps.get("pad", (0,) * len(kernel)), size
        self.whole = tuple(x + 2 * p for x, p in zip(size, self.pad, strict=True))
        axes = zip(self.whole, kernel, stride, dilate, strict=True)
        places = [range(0, x - d * (k - 1), s) for x, k, s, d in axes]
        where = np.arange(np.prod(self.whole)).reshape(self.whole)
        self.index = np.array(
            [
                [
                    where[tuple(o[i] + t * d for o, i, t, d in zip(places, at, tap, dilate, strict=True))]
                    for at in np.ndindex(*map(len, places))
                ]
                for tap in np.ndindex(*kernel)
            ]
        )

    def im2col(self, data: Array) -> Array:
        image = np.pad(data, [(0, 0), (0, 0), *((p, p) for p in self.pad)])
        found = image.reshape(*data.shape[:2], -1)[:, :, self.index]
        return found.reshape(data.shape[0], -1, self.index.shape[1])

    def col2im(self, data: Array) -> Array:
        n = data.shape[0]
        columns = data.reshape(n, -1, *self.index.shape)
        image = np.zeros((n, columns.shape[1], int(np.prod(self.whole))))
        for i in range(n):
            for c in range(columns.shape[1]):
                np.add.at(image[i, c], self.index, columns[i, c])
        inside = (slice(p, p + x) for p, x in zip(self.pad, self.size, strict=True))
        return image.reshape(n, -1, *self.whole)[(..., *inside)]


def _both(
    n: int, channels: int, size: tuple[int, ...], kernel: tuple[int, ...], **steps: tuple[int, ...]
) -> list[Case]:
    truth = _Truth(size, kernel, steps)
    params: dict[str, Any] = {"kernel": kernel, **steps}
    rows, places = truth.index.shape
    dtypes = ALL if len(kernel) == 2 and not steps else ALL[1:]
    back = {"output_size": size, **params}
    return [
        Case(
            "im2col", {"data": normal(n, channels, *size)}, truth.im2col, params=params, dtypes=dtypes,
            gradient=lambda ograds, data: {"data": truth.col2im(ograds[0])},
        ),
        Case(
            "col2im", {"data": normal(n, channels * rows, places)}, truth.col2im, params=back, dtypes=dtypes,
            gradient=lambda ograds, data: {"data": truth.im2col(ograds[0])},
        ),
    ]  # fmt: skip


CASES = [
    *_both(2, 3, (5, 7), (2, 3)),
    *_both(1, 2, (7, 5), (3, 3), stride=(2, 1), dilate=(1, 2), pad=(1, 2)),
    *_both(2, 2, (5, 11), (2, 2), stride=(3, 5), pad=(1, 0)),
    *_both(2, 3, (41,), (5,), stride=(2,), dilate=(3,), pad=(4,)),
    *_both(1, 2, (3, 4, 5), (2, 1, 3), pad=(1, 0, 1), stride=(1, 2, 2)),
]
