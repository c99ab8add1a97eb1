"""Cases of the _v1 layers and of contrib's variants: those of the layer they derive from, and others."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import numpy as np

from . import Array, Case, Maker, batchnorm, convolution, embedding, exactly, integers, normal

ALL = ("float16", "float32", "float64")


# --- batch normalisation ------------------------------------------------------------------------------------
def _variance(op: str, case: Case, **more: Any) -> Case:
    """The case with the variance as third output."""
    eps = case.params.get("eps", batchnorm.EPS)

    def reference(**inputs: Array) -> Any:
        assert case.reference is not None
        out = case.reference(**inputs)
        return (*out[:2], 1 / out[2] ** 2 - eps) if isinstance(out, tuple) else out

    return replace(case, op=op, params={**case.params, **more}, reference=reference)


def _with_relu(case: Case) -> Case:
    def reference(**inputs: Array) -> Any:
        assert case.reference is not None
        out = case.reference(**inputs)
        return (np.maximum(out[0], 0), *out[1:]) if isinstance(out, tuple) else np.maximum(out, 0)

    def gradient(ograds: list[Array], **inputs: Array) -> dict[str, Array]:
        assert case.reference is not None
        assert callable(case.gradient)
        out = case.reference(**inputs)
        positive = (out[0] if isinstance(out, tuple) else out) > 0
        return case.gradient([ograds[0] * positive], **inputs)

    return replace(case, op="_contrib_BatchNormWithReLU", reference=reference, gradient=gradient)


def _norms() -> list[Case]:
    of, free = batchnorm.of, batchnorm.FREE
    plain = [
        of(2, 3, 5, 7),
        of(2, 3, 5, 7, **free, eps=2e-5, momentum=0.5, output_mean_var=True),
        of(5, 17, **free),
        of(2, 3, 5, 7, **free, is_train=False, output_mean_var=True),
        of(2, 3, 5, use_global_stats=True),
    ]
    return [
        *(_variance("BatchNorm_v1", case) for case in plain),
        *(_variance("_contrib_SyncBatchNorm", case, key="norm") for case in plain),
        *(_with_relu(case) for case in [*plain, of(2, 7, 11, **free, axis=-1)]),
    ]


# --- pooling ------------------------------------------------------------------------------------------------
def _windows(shape: tuple[int, ...], params: dict[str, Any]) -> Any:
    """(place, padded positions of its window along each axis): an index past the padding is left out."""
    rank = len(shape)
    whole = bool(params.get("global_pool"))
    kernel = shape if whole else params["kernel"]
    stride = (1,) * rank if whole else params.get("stride", (1,) * rank)
    pad = (0,) * rank if whole else params.get("pad", (0,) * rank)
    rooms = [n + 2 * p - k for n, p, k in zip(shape, pad, kernel, strict=True)]
    up = params.get("pooling_convention") == "full"
    out = [(-(-room // s) if up else room // s) + 1 for room, s in zip(rooms, stride, strict=True)]
    for place in itertools.product(*map(range, out)):
        starts = [o * s for o, s in zip(place, stride, strict=True)]
        yield place, tuple(slice(a, a + k) for a, k in zip(starts, kernel, strict=True))


def _pool(
    shape: tuple[int, ...], data: Maker | None = None, dtypes: tuple[str, ...] = ALL[1:], **params: Any
) -> Case:
    kind = params.get("pool_type", "max")
    pad = (0,) * (len(shape) - 2) if params.get("global_pool") else params.get("pad", (0,) * (len(shape) - 2))
    size = np.prod(shape[2:] if params.get("global_pool") else params["kernel"])
    found = list(_windows(shape[2:], params))
    outs = tuple(np.array([place for place, _ in found]).max(axis=0) + 1)
    margin = [(0, 0), (0, 0), *((p, p) for p in pad)]
    inside = tuple(slice(p, p + n) for p, n in zip(pad, shape[2:], strict=True))

    def reference(data: Array) -> Array:
        image, y = np.pad(data, margin), np.zeros((*shape[:2], *outs))
        for place, at in found:
            w = image[(..., *at)].reshape(*shape[:2], -1)
            y[(..., *place)] = w.max(axis=2, initial=-np.inf) if kind == "max" else w.sum(axis=2)
        return y / size if kind == "avg" else y

    def gradient(ograds: list[Array], data: Array) -> dict[str, Array]:
        """Of maxima: every element that equals it gets all of it."""
        image, y = np.pad(data, margin), reference(data)
        dx = np.zeros_like(image)
        for place, at in found:
            g, most = (a[(..., *place)].reshape(*shape[:2], *(1 for _ in outs)) for a in (ograds[0], y))
            dx[(..., *at)] += g * (image[(..., *at)] == most) if kind == "max" else g
        dx = dx[(..., *inside)]
        return {"data": dx / size if kind == "avg" else dx}

    inputs = {"data": data or normal(*shape)}
    return Case("Pooling_v1", inputs, reference, params=params, gradient=gradient, dtypes=dtypes)


_FULL = {"pooling_convention": "full"}

CASES = [
    *(
        replace(case, op="Convolution_v1")
        for case in convolution.CASES
        if len(case.params["kernel"]) > 1 and case.params["num_filter"] < 100
    ),
    *(replace(case, op="_contrib_SparseEmbedding") for case in embedding.CASES[:4]),
    *_norms(),
    _pool((2, 3, 5, 7), kernel=(2, 3), dtypes=ALL),
    _pool((2, 3, 5, 7), kernel=(3, 3), stride=(2, 2), pad=(1, 2)),
    _pool((2, 2, 5, 7), integers(2, 2, 5, 7, low=-2, high=3), kernel=(2, 2), pad=(1, 1)),
    _pool(
        (2, 2, 5, 7), integers(2, 2, 5, 7, low=-5, high=-1), kernel=(3, 2), stride=(2, 3), pad=(1, 0), **_FULL
    ),
    _pool((1, 2, 5, 23), pool_type="avg", kernel=(2, 2), stride=(2, 2), pad=(1, 1), **_FULL),
    _pool((1, 2, 5, 7), pool_type="avg", kernel=(3, 2), stride=(2, 3)),
    _pool((1, 2, 5, 7), pool_type="sum", kernel=(3, 2), pad=(1, 1), **_FULL, stride=(2, 2)),
    _pool((2, 3, 5, 7), pool_type="avg", global_pool=True),
    _pool((2, 3, 5, 7), integers(2, 3, 5, 7, low=-9, high=-1), global_pool=True, kernel=(2, 2), pad=(1, 1)),
    _pool((1, 2, 3, 5, 7), kernel=(2, 3, 2), stride=(1, 2, 2), pad=(1, 1, 0)),
    _pool((1, 2, 3, 5, 7), pool_type="avg", kernel=(2, 3, 2), pad=(1, 0, 1)),
    _pool((1, 1, 2, 2), exactly([[[[-1, -2], [-3, -4]]]]), kernel=(2, 2), stride=(1, 1), pad=(1, 1)),
]
