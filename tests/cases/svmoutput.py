"""Cases of SVMOutput: gradients from the definition; scores are kept off the kinks by chance."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import Array, Case, Maker, exactly, integers, normal


def of(data: Maker, label: Maker, dtypes: tuple[str, ...] = ("float32", "float64"), **params: Any) -> Case:
    margin, factor = params.get("margin", 1.0), params.get("regularization_coefficient", 1.0)

    def gradient(ograds: list[Array], data: Array, label: Array) -> dict[str, Array]:
        hit = np.trunc(label)[..., None] == np.arange(data.shape[-1])
        side = np.where(hit, -1.0, 1.0)
        inside = np.maximum(margin + side * data, 0)
        slope = (inside > 0) * 1.0 if params.get("use_linear") else 2 * inside
        return {"data": side * slope * factor, "label": np.zeros_like(label)}

    return Case(
        "SVMOutput", {"data": data, "label": label}, lambda data, label: data, params, gradient, dtypes=dtypes
    )


CASES = [
    of(normal(7, 5), integers(7, high=5)),
    of(normal(3, 37), integers(3, high=37), margin=0.5, regularization_coefficient=2.0),
    of(normal(7, 5), integers(7, high=5), use_linear=True, margin=1.5, regularization_coefficient=0.25),
    of(normal(2, 3, 5), integers(2, 3, high=5)),
    of(normal(5, 3), exactly([1.7, -1, 3, np.nan, 0.2])),
    of(normal(3, 5), integers(3, high=5), ("float16",)),
]
