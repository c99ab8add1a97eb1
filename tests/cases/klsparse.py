"""Cases of IdentityAttachKLSparseReg: the gradient from its definition, the running mean afterwards."""

from __future__ import annotations

from typing import Any

from . import Array, Case, uniform


def of(*shape: int, dtypes: tuple[str, ...] = ("float32", "float64"), **params: Any) -> Case:
    target, penalty = params.get("sparseness_target", 0.1), params.get("penalty", 0.001)
    momentum = params.get("momentum", 0.9)
    others = (0, *range(2, len(shape)))

    def after(data: Array, moving_avg: Array) -> dict[str, Array]:
        return {"moving_avg": momentum * moving_avg + (1 - momentum) * data.mean(others)}

    def gradient(ograds: list[Array], data: Array, moving_avg: Array) -> dict[str, Array]:
        mean = after(data, moving_avg)["moving_avg"].reshape([-1] + [1] * (len(shape) - 2))
        return {"data": ograds[0] + penalty * ((1 - target) / (1 - mean) - target / mean)}

    return Case(
        "IdentityAttachKLSparseReg",
        {"data": uniform(*shape, low=0.05, high=0.95)},
        lambda data, moving_avg: data,
        params,
        gradient,
        aux={"moving_avg": uniform(shape[1], low=0.2, high=0.7)},
        aux_after=after,
        dtypes=dtypes,
    )


CASES = [
    of(7, 5, penalty=0.5),
    of(3, 37, sparseness_target=0.3, penalty=1.0, momentum=0.5),
    of(2, 3, 5, 7, penalty=0.25, momentum=0.0),
    of(5, 3, penalty=0.5, dtypes=("float16",)),
]
