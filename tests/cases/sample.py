"""Cases of the samplers with arrays as parameters: each row has its own distribution."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import Array, Case, exactly
from .random import Check, failures, gamma, gauss, moments, poisson, uniform

FLOATS = ("float32", "float64", "float16")


def rows(op: str, checks: list[Check], shape: tuple[int, ...], **inputs: list[float]) -> Case:
    """The parameters of row k are the k-th of each input, in an array of two dimensions."""

    def check(outputs: list[Array], **_: Array) -> None:
        assert outputs[0].shape == (len(checks), 1, *shape)
        for one, row in zip(checks, outputs[0], strict=True):
            one([row])

    makers = {name: exactly(np.array(values)[:, None]) for name, values in inputs.items()}
    return Case(f"_sample_{op}", makers, None, {"shape": shape}, None, dtypes=FLOATS, check=check)


def types(op: str, params: dict[str, Any], **inputs: list[float]) -> list[Case]:
    """The type asked for, one number for each parameter where no shape is given, and NaN out of range."""

    def check_one(outputs: list[Array], **_: Array) -> None:
        assert outputs[0].dtype == params.get("dtype", "float32")
        assert outputs[0].shape == (2,)
        assert not np.isnan(outputs[0][0])
        assert np.isnan(outputs[0][1])

    makers = {name: exactly(values) for name, values in inputs.items()}
    return [Case(f"_sample_{op}", makers, None, params, None, dtypes=("float32",), check=check_one)]


def check_multinomial(outputs: list[Array], data: Array) -> None:
    y = outputs[0].astype(np.int64)
    assert y.shape == (*data.shape[:-1], 7, 211)
    for row, p in zip(y.reshape(-1, 7 * 211), data.reshape(-1, data.shape[-1]), strict=True):
        seen = np.bincount(row, minlength=len(p))
        assert not seen[p == 0].any()
        n = row.size
        assert (np.abs(seen - n * p) <= 6 * np.sqrt(n * p * (1 - p)) + 1e-3 * n).all()
    if len(outputs) > 1:
        want = np.log(np.take_along_axis(data[..., None, :], y.reshape(*data.shape[:-1], -1)[..., None], -1))
        error = np.abs(outputs[1].reshape(want.shape) - want)
        assert error.max() <= 4 * np.finfo(outputs[1].dtype).eps * 3


def certain(data: Array, shape: tuple[int, ...]) -> tuple[Array, Array]:
    """All rows have one class: it is drawn, with probability 1."""
    y = np.broadcast_to(data.argmax(-1).reshape(-1, *[1] * len(shape)), (data.shape[0], *shape))
    return y, np.zeros(y.shape)


def certain_gradient(ograds: list[Array], data: Array) -> dict[str, Array]:
    return {"data": data * ograds[1].reshape(len(data), -1).sum(-1, keepdims=True)}


def check_zipfian(outputs: list[Array]) -> None:
    y, tries = outputs
    assert y.dtype == tries.dtype == np.int64
    assert y.min() >= 0
    assert y.max() < 1000
    assert all(len(set(row)) == 17 for row in y)
    assert (tries >= 17).all()
    assert abs((y == 0).any(axis=1).mean() - 0.85) < 0.15  # 1 - (1 - log 2 / log 1000)^18


P = exactly([[0.1, 0.2, 0, 0.7], [0, 0, 1, 0], [0.25, 0.25, 0.25, 0.25]])
SURE = exactly([[0, 1, 0], [1, 0, 0], [0, 0, 1], [0, 1, 0], [0, 1, 0]])

CASES = [
    rows("uniform", [uniform(0, 1), uniform(-3, 4)], (7, 211), low=[0, -3], high=[1, 4]),
    rows("normal", [gauss(0, 1), gauss(4, 0.25)], (7, 211), mu=[0, 4], sigma=[1, 0.25]),
    rows("exponential", [moments(2, 4, 6), moments(0.25, 0.0625, 6)], (7, 211), lam=[0.5, 4]),
    rows("gamma", [gamma(0.5, 2), gamma(9, 0.5)], (7, 211), alpha=[0.5, 9], beta=[2, 0.5]),
    rows("poisson", [poisson(2), poisson(64)], (7, 211), lam=[2, 64]),
    rows("negative_binomial", [failures(2.5, 0.5), failures(8, 0.25)], (7, 211), k=[2.5, 8], p=[0.5, 0.25]),
    rows(
        "generalized_negative_binomial", [poisson(3), failures(2, 0.25)], (7, 211), mu=[3, 6], alpha=[0, 0.5]
    ),
    *types("exponential", {}, lam=[1, -1]),
    *types("gamma", {"dtype": "float64"}, alpha=[1, -1], beta=[1, 1]),
    *types("poisson", {"dtype": "float16"}, lam=[1, np.inf]),
    *types("negative_binomial", {}, k=[1, 1], p=[0.5, 1.5]),
    *types("generalized_negative_binomial", {"dtype": "float64"}, mu=[1, np.nan], alpha=[0.5, 0.5]),
    *(
        Case(
            "_sample_multinomial", {"data": P}, None, {"shape": (7, 211), **params}, None,
            dtypes=FLOATS, check=check_multinomial,
        )
        for params in ({}, {"dtype": "uint8"}, {"dtype": "float64"}, {"get_prob": True})
    ),
    Case(
        "_sample_multinomial", {"data": SURE}, lambda data: certain(data, (3,)),
        {"shape": (3,), "get_prob": True}, certain_gradient, dtypes=FLOATS,
    ),
    Case(
        "_sample_multinomial", {"data": SURE}, lambda data: certain(data, (2, 3))[0],
        {"shape": (2, 3), "dtype": "float32"}, None, dtypes=FLOATS, exact=True,
    ),
    Case(
        "_sample_unique_zipfian", {}, None, {"range_max": 1000, "shape": (131, 17)}, None, dtypes=("int64",),
        check=check_zipfian,
    ),
]  # fmt: skip
