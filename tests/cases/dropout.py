"""Cases of Dropout: what every mask must satisfy. Masks themselves: test_recorded_ops."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import Array, Case, normal


def of(
    *shape: int, dropped: float = 0.5, dtypes: tuple[str, ...] = ("float32", "float64"), **params: Any
) -> Case:
    axes = params.get("axes", ())

    def check(outputs: list[Array], data: Array) -> None:
        factor = outputs[0].astype(np.float64) / data
        keep = 1 - np.float64(np.float32(dropped))
        on = factor != 0
        eps = float(np.finfo(outputs[0].dtype).eps)
        np.testing.assert_allclose(factor[on], 1 / keep if keep else 0, rtol=max(1e-6, 2 * eps))
        assert (on == on.any(axis=axes, keepdims=True)).all() if axes else True
        draws = data.size / np.prod([data.shape[a] for a in axes])
        assert abs(on.mean() - keep) <= 6 * np.sqrt(keep * (1 - keep) / draws)

    return Case(
        "Dropout",
        {"data": normal(*shape, shift=9)},
        None,
        {"p": dropped, **params},
        None,
        check=check,
        dtypes=dtypes,
    )


def identity(data: Array) -> Array:
    return data


CASES = [
    of(17, 331),
    of(17, 331, dropped=0.3),
    of(101, 7, 11, axes=(1,)),
    of(31, 17, 3, 5, axes=(2, 3), dropped=0.7),
    of(7, 101, axes=(0,), dropped=0.25),
    of(17, 331, mode="always"),
    of(7, 101, dtypes=("float16",)),
    of(31, 17, 3, axes=(2,), dropped=0.75, dtypes=("float16",)),
    Case("Dropout", {"data": normal(3, 17)}, identity, is_train=False, gradient=None, dtypes=("float16",)),
    Case("Dropout", {"data": normal(3, 17)}, identity, is_train=False, gradient=None, exact=True),
    Case("Dropout", {"data": normal(3, 17)}, identity, {"p": 0.0}, exact=True),
    Case("Dropout", {"data": normal(3, 17)}, lambda data: 0 * data, {"p": 1.0}, exact=True),
]
