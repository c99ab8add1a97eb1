"""Cases of Deconvolution in one, two and three dimensions.

The reference stamps: every tap of the kernel adds its product with the whole image to a strided slice of a
canvas, from which the padding is cut.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from . import Array, Case, normal


class Truth:
    """Deconvolution and its gradients in plain NumPy, for one set of parameters."""

    def __init__(
        self, kernel: tuple[int, ...], groups: int, size: tuple[int, ...] | None, steps: dict[str, Any]
    ) -> None:
        ones, zeros = (1,) * len(kernel), (0,) * len(kernel)
        self.stride, self.dilate = steps.get("stride", ones), steps.get("dilate", ones)
        self.pad, self.adj = steps.get("pad", zeros), steps.get("adj", zeros)
        self.kernel, self.groups, self.size = kernel, groups, size

    def canvas(self, data: Array) -> tuple[tuple[int, ...], tuple[slice, ...]]:
        """Size of what all stamps and `adj` cover, and the slice of it that is the output."""
        steps = zip(data.shape[2:], self.stride, self.dilate, self.kernel, strict=True)
        full = [(x - 1) * s + d * (k - 1) + 1 for x, s, d, k in steps]
        pad, adj = self.pad, self.adj
        if self.size is not None:
            rest = [f - t for f, t in zip(full, self.size, strict=True)]
            pad, adj = [-(-r // 2) for r in rest], [r % 2 for r in rest]
        whole = tuple(f + a for f, a in zip(full, adj, strict=True))
        return whole, tuple(slice(p, w - p) for p, w in zip(pad, whole, strict=True))

    def taps(self, data: Array) -> Any:
        """(tap, where it stamps the image on the canvas) for every tap."""
        for tap in np.ndindex(*self.kernel):
            steps = zip(tap, self.dilate, self.stride, data.shape[2:], strict=True)
            yield tap, tuple(slice(t * d, t * d + s * (x - 1) + 1, s) for t, d, s, x in steps)

    def grouped(self, data: Array, weight: Array) -> tuple[Array, Array]:
        """Channels as (group, channel of it)."""
        g = self.groups
        return (
            data.reshape(data.shape[0], g, -1, *data.shape[2:]),
            weight.reshape(g, -1, weight.shape[1], *weight.shape[2:]),
        )

    def forward(self, data: Array, weight: Array, bias: Array | None = None) -> Array:
        whole, inside = self.canvas(data)
        x, w = self.grouped(data, weight)
        canvas = np.zeros((data.shape[0], self.groups, w.shape[2], *whole))
        for tap, at in self.taps(data):
            canvas[(..., *at)] += np.einsum("ngc...,gcf->ngf...", x, w[(..., *tap)])
        out = canvas.reshape(data.shape[0], -1, *whole)[(..., *inside)]
        return out if bias is None else out + bias.reshape(-1, *(1 for _ in self.kernel))

    def gradient(
        self, ograds: tuple[Array, ...], data: Array, weight: Array, bias: Array | None = None
    ) -> dict[str, Array]:
        whole, inside = self.canvas(data)
        x, w = self.grouped(data, weight)
        canvas = np.zeros((data.shape[0], self.groups * w.shape[2], *whole))
        canvas[(..., *inside)] = ograds[0]
        canvas = canvas.reshape(data.shape[0], self.groups, -1, *whole)
        dx, dw = np.zeros_like(x), np.zeros_like(w)
        for tap, at in self.taps(data):
            stamp = canvas[(..., *at)]
            dx += np.einsum("ngf...,gcf->ngc...", stamp, w[(..., *tap)])
            flat = [a.reshape(*a.shape[:3], -1) for a in (x, stamp)]
            dw[(..., *tap)] = np.einsum("ngcp,ngfp->gcf", *flat)
        grads = {"data": dx.reshape(data.shape), "weight": dw.reshape(weight.shape)}
        sums = ograds[0].sum(axis=(0, *range(2, ograds[0].ndim)))
        return grads if bias is None else {**grads, "bias": sums}


def _deconv(
    shape: tuple[int, ...],
    filters: int,
    kernel: tuple[int, ...],
    *,
    groups: int = 1,
    bias: bool = False,
    numeric: bool = False,
    target: tuple[int, ...] | None = None,
    dtypes: tuple[str, ...] = ("float32", "float64"),
    **steps: tuple[int, ...],
) -> Case:
    truth = Truth(kernel, groups, target, steps)
    params: dict[str, Any] = {"kernel": kernel, "num_filter": filters, **steps}
    if groups > 1:
        params["num_group"] = groups
    if target is not None:
        params["target_shape"] = target
    inputs = {"data": normal(*shape), "weight": normal(shape[1], filters // groups, *kernel)}
    if bias:
        params["no_bias"] = False
        inputs["bias"] = normal(filters)
    gradient = "numeric" if numeric else truth.gradient
    return Case("Deconvolution", inputs, truth.forward, params=params, gradient=gradient, dtypes=dtypes)


CASES = [
    _deconv((2, 3, 5, 4), 2, (3, 2), numeric=True),
    _deconv((2, 2, 3, 4), 3, (3, 3), stride=(2, 3), pad=(1, 0), adj=(1, 2), bias=True, numeric=True),
    _deconv((2, 3, 7, 5), 5, (4, 4), stride=(2, 2), pad=(1, 1), bias=True),
    _deconv((1, 3, 5, 7), 2, (3, 2), dilate=(2, 3), stride=(3, 2)),
    _deconv((2, 6, 5, 7), 4, (3, 3), groups=2, stride=(2, 1), pad=(0, 1), bias=True),
    _deconv((2, 5, 3, 4), 5, (2, 3), groups=5, stride=(1, 2)),
    _deconv((2, 3, 5, 4), 2, (3, 5), stride=(2, 3), pad=(1, 1), target=(10, 12)),
    _deconv((1, 7, 5, 3), 3, (1, 1), stride=(2, 2), dtypes=("float16", "float32", "float64")),
    _deconv((1, 19, 17, 11), 37, (3, 3), pad=(1, 1), bias=True),
    _deconv((2, 3, 11), 5, (3,), bias=True),
    _deconv((2, 3, 53), 2, (5,), stride=(3,), dilate=(2,), pad=(4,), adj=(2,)),
    _deconv(
        (1, 4, 3, 4, 5), 6, (2, 3, 2), groups=2, stride=(2, 2, 1), pad=(0, 1, 1), adj=(1, 0, 0), bias=True
    ),
]
