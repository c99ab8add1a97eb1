"""Cases of SoftmaxOutput, whose gradient is defined by parameters and labels, not by its output."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import Array, Case, Maker, exactly, integers, normal
from .softmax import softmax


def lines(data: Array, params: dict[str, Any]) -> tuple[int, int, int]:
    """(outer, classes, inner): what is normalised together."""
    shape = data.shape
    if params.get("multi_output"):
        return shape[0], shape[1], int(np.prod(shape[2:]))
    if params.get("preserve_shape"):
        return int(np.prod(shape[:-1])), shape[-1], 1
    return shape[0], int(np.prod(shape[1:])), 1


def of(data: Maker, label: Maker, dtypes: tuple[str, ...] = ("float32", "float64"), **params: Any) -> Case:
    def forward(data: Array, label: Array) -> Array:
        return softmax(data.reshape(lines(data, params)), 1).reshape(data.shape)

    def gradient(ograds: list[Array], data: Array, label: Array) -> dict[str, Array]:
        outer, n, inner = lines(data, params)
        p = forward(data, label).reshape(outer, n, inner)
        scale = params.get("grad_scale", 1.0)
        if label.shape == data.shape:
            grad = (p - label.reshape(p.shape)) * scale
        else:
            classes = np.trunc(label.reshape(outer, 1, inner))
            hit = classes == np.arange(n)[None, :, None]
            alpha = 0.0 if params.get("multi_output") else params.get("smooth_alpha", 0.0)
            grad = (p - np.where(hit, 1 - alpha, alpha / (n - 1))) * scale
            ignored = params.get("ignore_label", -1)
            if params.get("use_ignore"):
                grad = np.where(classes == ignored, 0, grad)
            norm = params.get("normalization", "null")
            if norm == "valid":
                grad /= max((classes != ignored).sum(), 1)
            else:
                grad /= (inner if params.get("multi_output") else 1) * (outer if norm == "batch" else 1)
        grad = grad.reshape(data.shape)
        if params.get("out_grad"):
            grad = grad * ograds[0]
        return {"data": grad, "label": np.zeros(label.shape)}

    return Case("SoftmaxOutput", {"data": data, "label": label}, forward, params, gradient, dtypes=dtypes)


def shares(*shape: int) -> Maker:
    """Rows of probabilities."""
    return lambda rng: rng.dirichlet(np.ones(shape[-1]), shape[:-1])


FLAT = (normal(5, 3), integers(5, high=3))
HOLES = (normal(7, 3), exactly([0, -1, 2, -1, 1, 2, 0]))
WIDE = (normal(17, 33), integers(17, low=-1, high=33))
DEEP = (normal(2, 3, 5), integers(2, 5, low=-1, high=3))

CASES = [
    of(*FLAT),
    of(*WIDE),
    of(*FLAT, normalization="batch", grad_scale=2.5),
    of(*HOLES, normalization="valid"),
    of(*HOLES, use_ignore=True),
    of(*HOLES, use_ignore=True, normalization="valid"),
    of(*HOLES, use_ignore=True, normalization="batch"),
    of(*FLAT, use_ignore=True, ignore_label=2, normalization="valid"),
    of(normal(2, 3), exactly([-1, -1]), use_ignore=True, normalization="valid"),
    of(normal(5, 3), exactly([7, 2, -1, 1.7, -0.5])),
    of(*WIDE, smooth_alpha=0.1),
    of(*HOLES, smooth_alpha=0.1, use_ignore=True, normalization="valid"),
    of(*DEEP, multi_output=True),
    of(*DEEP, multi_output=True, normalization="batch"),
    of(*DEEP, multi_output=True, normalization="valid", use_ignore=True),
    of(*DEEP, multi_output=True, use_ignore=True, smooth_alpha=0.2, grad_scale=0.5),
    of(normal(2, 3, 5, 7), integers(2, 35, high=3), multi_output=True),
    of(normal(2, 3, 5, 7), integers(2, 5, 7, high=3), multi_output=True),
    of(normal(3, 2, 307), integers(3, 307, high=2), multi_output=True),
    of(normal(2, 5, 3), integers(2, 5, high=3), preserve_shape=True),
    of(normal(2, 5, 3), integers(2, 5, high=3), preserve_shape=True, normalization="batch"),
    of(normal(5, 3), shares(5, 3), grad_scale=0.5, normalization="batch"),
    of(normal(5, 17), integers(5, high=17), out_grad=True),
    of(normal(2, 3, 5), integers(2, 5, high=3), out_grad=True, multi_output=True),
]


def cross_entropy(data: Array, label: Array) -> Array:
    picked = [p[int(k)] if 0 <= k < len(p) else 0.0 for p, k in zip(softmax(data), label, strict=True)]
    return np.array([-np.log(np.maximum(picked, 1e-8)).sum()])


def cross_entropy_gradient(ograds: list[Array], data: Array, label: Array) -> dict[str, Array]:
    hit = np.trunc(label)[:, None] == np.arange(data.shape[1])
    return {"data": (softmax(data) - hit) * ograds[0]}


CASES += [
    Case("softmax_cross_entropy", {"data": normal(*shape), "label": label}, cross_entropy, {}, gradient, wrt)
    for shape, label, gradient, wrt in [
        ((7, 5), integers(7, high=5), "numeric", ("data",)),
        ((67, 37), integers(67, high=37), cross_entropy_gradient, ("data",)),
        ((3, 2), exactly([1, -1, 7]), cross_entropy_gradient, ("data",)),
    ]
]
CASES += [
    Case(
        "softmax_cross_entropy",
        {"data": exactly([[0, 200, 1], [0, 1, 2]]), "label": exactly([0, 1.7])},
        cross_entropy,
        {},
        cross_entropy_gradient,
        ("data",),
        dtypes=dtypes,
    )
    for dtypes in (("float32", "float64"), ("float16",))
]
