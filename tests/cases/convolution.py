"""Cases of Convolution in one, two and three dimensions: stride, dilate, pad, groups and mixtures of them.

The reference adds one shifted product for each tap of the kernel, over a copy of the image with its zeros.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from . import Array, Case, normal


class _Truth:
    """Convolution and its gradients in plain NumPy, for one set of parameters."""

    def __init__(self, steps: dict[str, tuple[int, ...]], kernel: tuple[int, ...], groups: int) -> None:
        ones = (1,) * len(kernel)
        self.stride, self.dilate = steps.get("stride", ones), steps.get("dilate", ones)
        self.pad = steps.get("pad", (0,) * len(kernel))
        self.kernel, self.groups = kernel, groups

    def padded(self, data: Array) -> Array:
        return np.pad(data, [(0, 0), (0, 0), *((p, p) for p in self.pad)])

    def size(self, data: Array) -> tuple[int, ...]:
        sizes = zip(data.shape[2:], self.pad, self.kernel, self.stride, self.dilate, strict=True)
        return tuple((x + 2 * p - d * (k - 1) - 1) // s + 1 for x, p, k, s, d in sizes)

    def taps(self, size: tuple[int, ...]) -> Any:
        """(tap, its index into the padded image) for every tap."""
        for tap in np.ndindex(*self.kernel):
            steps = zip(tap, self.dilate, self.stride, size, strict=True)
            yield tap, tuple(slice(t * d, t * d + s * (o - 1) + 1, s) for t, d, s, o in steps)

    def split(self, array: Array, axis: int) -> list[Array]:
        return np.split(array, self.groups, axis)

    def forward(self, data: Array, weight: Array, bias: Array | None = None) -> Array:
        image, out = self.padded(data), np.zeros((data.shape[0], weight.shape[0], *self.size(data)))
        for tap, at in self.taps(out.shape[2:]):
            pixels = self.split(image[(slice(None), slice(None), *at)], 1)
            for y, x, w in zip(self.split(out, 1), pixels, self.split(weight, 0), strict=True):
                y += np.einsum("nc...,oc->no...", x, w[(slice(None), slice(None), *tap)])
        return out if bias is None else out + bias.reshape(-1, *(1 for _ in self.kernel))

    def gradient(
        self, ograds: tuple[Array, ...], data: Array, weight: Array, bias: Array | None = None
    ) -> dict[str, Array]:
        image, g = self.padded(data), ograds[0]
        dimage, dweight = np.zeros_like(image), np.zeros_like(weight)
        for tap, at in self.taps(g.shape[2:]):
            where, w_at = (slice(None), slice(None), *at), (slice(None), slice(None), *tap)
            parts = (self.split(a, 1) for a in (dimage[where], image[where], g))
            filters = (self.split(a, 0) for a in (dweight, weight))
            for dx, x, dy, dw, w in zip(*parts, *filters, strict=True):
                dx += np.einsum("no...,oc->nc...", dy, w[w_at])
                flat = (a.reshape(*a.shape[:2], -1) for a in (dy, x))
                dw[w_at] = np.einsum("nop,ncp->oc", *flat)
        inside = (slice(p, p + s) for p, s in zip(self.pad, data.shape[2:], strict=True))
        grads = {"data": dimage[(slice(None), slice(None), *inside)], "weight": dweight}
        return grads if bias is None else {**grads, "bias": g.sum(axis=(0, *range(2, g.ndim)))}


def _conv(
    shape: tuple[int, ...],
    filters: int,
    kernel: tuple[int, ...],
    *,
    groups: int = 1,
    no_bias: bool = False,
    numeric: bool = False,
    **steps: tuple[int, ...],
) -> Case:
    truth = _Truth(steps, kernel, groups)
    params: dict[str, Any] = {"kernel": kernel, "num_filter": filters, **steps}
    if groups > 1:
        params["num_group"] = groups
    inputs = {"data": normal(*shape), "weight": normal(filters, shape[1] // groups, *kernel)}
    if no_bias:
        params["no_bias"] = True
    else:
        inputs["bias"] = normal(filters)
    gradient = "numeric" if numeric else truth.gradient
    return Case("Convolution", inputs, truth.forward, params=params, gradient=gradient)


CASES = [
    _conv((2, 3, 7, 5), 5, (3, 2), numeric=True),
    _conv((2, 2, 5, 7), 3, (3, 3), stride=(2, 3), pad=(1, 0), numeric=True),
    _conv((2, 3, 7, 5), 5, (3, 3), pad=(1, 1)),
    _conv((2, 3, 11, 7), 2, (3, 3), stride=(2, 3), pad=(1, 0)),
    _conv((2, 3, 11, 7), 5, (3, 2), dilate=(2, 3)),
    _conv((1, 3, 13, 17), 7, (5, 5), stride=(3, 2), dilate=(2, 3), pad=(4, 5)),
    _conv((1, 2, 9, 11), 3, (3, 3), stride=(2, 2), dilate=(2, 2), pad=(2, 2)),
    _conv((2, 3, 23, 19), 7, (2, 3), stride=(4, 5), pad=(0, 1)),
    _conv((2, 6, 7, 5), 4, (3, 3), groups=2, pad=(1, 1)),
    _conv((2, 5, 7, 7), 5, (3, 3), groups=5, stride=(2, 2), no_bias=True),
    # one channel a group, without a matrix product: bands of rows, strides, dilation, taps in odd numbers
    _conv((2, 3, 9, 21), 3, (3, 3), groups=3, pad=(1, 1)),
    _conv((1, 2, 83, 103), 2, (3, 3), groups=2, pad=(1, 1), no_bias=True),
    _conv((2, 2, 13, 35), 2, (3, 4), groups=2, stride=(2, 3), dilate=(3, 2), pad=(2, 4)),
    _conv((1, 2, 6, 7), 2, (1, 2), groups=2, stride=(3, 4)),
    _conv((2, 3, 40), 3, (5,), groups=3, stride=(2,), pad=(6,)),
    # few filters, whose pixels are read where they are staged; small planes of several images in one block
    _conv((1, 3, 31, 37), 4, (5, 5), stride=(2, 2), pad=(2, 2)),
    _conv((19, 6, 4, 7), 9, (3, 3), pad=(1, 1)),
    _conv((19, 6, 7, 4), 9, (1, 1)),
    _conv((2, 5, 3, 7), 7, (1, 1)),
    _conv((2, 5, 13, 17), 7, (1, 1), stride=(2, 3), no_bias=True),
    _conv((37, 3, 5, 4), 7, (3, 3), pad=(1, 1)),
    _conv((1, 3, 11, 13), 2, (11, 13)),
    _conv((1, 19, 17, 11), 179, (3, 3), pad=(1, 1), no_bias=True),
    _conv((1, 3, 7, 401), 5, (3, 3), pad=(1, 1)),
    _conv((2, 3, 11), 5, (3,)),
    _conv((2, 3, 11), 2, (5,), stride=(2,), pad=(2,), no_bias=True),
    _conv((3, 2, 601), 5, (7,), stride=(3,), dilate=(2,), pad=(3,)),
    _conv((2, 3, 5, 7, 6), 4, (3, 2, 3), pad=(1, 0, 1)),
    _conv((1, 4, 5, 7, 11), 6, (2, 3, 2), groups=2, stride=(2, 2, 1), dilate=(1, 1, 2), pad=(1, 1, 1)),
]
