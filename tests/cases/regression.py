"""Cases of the regression heads, whose gradients are defined, not derived."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from . import Array, Case, Maker, exactly, normal, uniform

Heads = dict[str, tuple[Callable[[Array], Array], Callable[[Array, Array], Array]]]

HEADS: Heads = {
    "LinearRegressionOutput": (lambda x: x, lambda y, label: y - label),
    "LogisticRegressionOutput": (lambda x: 1 / (1 + np.exp(-x)), lambda y, label: y - label),
    "MAERegressionOutput": (
        lambda x: x,
        lambda y, label: np.where(y > label, 1.0, np.where(y <= label, -1.0, np.nan)),
    ),
}


def of(op: str, data: Maker, label: Maker, **params: Any) -> Case:
    show, difference = HEADS[op]

    def gradient(ograds: list[Array], data: Array, label: Array) -> dict[str, Array]:
        scale = params.get("grad_scale", 1.0) / (label.size / len(label))
        grad = difference(show(data), label.reshape(data.shape)) * scale
        return {"data": grad, "label": np.zeros(label.shape)}

    return Case(op, {"data": data, "label": label}, lambda data, label: show(data), params, gradient)


ODD = [[np.nan, 1.0, 2.0], [np.inf, -np.inf, 0.0]]

CASES = [
    case
    for op in HEADS
    for case in (
        of(op, normal(5, 3), uniform(5, 3, low=0)),
        of(op, normal(17, 33, scale=3), uniform(17, 33, low=0), grad_scale=0.3),
        of(op, normal(7, 1), uniform(7, low=0)),
        of(op, normal(2, 3, 5), uniform(2, 15, low=0), grad_scale=2.0),
        of(op, exactly([[1.0, 2.0, -3.0]]), exactly([[1.0, 3.0, -4.0]])),
        of(op, exactly(ODD), exactly([[0.0, 1.0, 3.0], [1.0, 1.0, 0.0]])),
    )
]
