"""Cases of the optimizer updates: the new weight, and the states written in place."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import Array, Case, normal, uniform

State = dict[str, Array]


def clip(g: Array, params: dict[str, Any]) -> Array:
    bound = params.get("clip_gradient", -1)
    return np.clip(g, -bound, bound) if bound >= 0 else g


def sgd(params: dict[str, Any], weight: Array, grad: Array) -> State:
    lr, wd = params["lr"], params.get("wd", 0)
    return {"weight": (1 - lr * wd) * weight - lr * clip(grad * params.get("rescale_grad", 1), params)}


def momentum(params: dict[str, Any], weight: Array, grad: Array, mom: Array) -> State:
    g = clip(grad * params.get("rescale_grad", 1), params) + params.get("wd", 0) * weight
    mom = params.get("momentum", 0) * mom - params["lr"] * g
    return {"weight": weight + mom, "mom": mom}


def adam(params: dict[str, Any], weight: Array, grad: Array, mean: Array, var: Array) -> State:
    b1, b2 = params["beta1"], params["beta2"]
    g = clip(grad * params.get("rescale_grad", 1) + params.get("wd", 0) * weight, params)
    mean, var = b1 * mean + (1 - b1) * g, b2 * var + (1 - b2) * g * g
    step = params["lr"] * mean / (np.sqrt(var) + params.get("epsilon", 1e-8))
    return {"weight": weight - step, "mean": mean, "var": var}


RULES: dict[str, Any] = {"sgd_update": sgd, "sgd_mom_update": momentum, "adam_update": adam}


def of(op: str, *shape: int, **params: Any) -> Case:
    inputs = {"weight": normal(*shape), "grad": normal(*shape)}
    if op == "sgd_mom_update":
        params["momentum"] = 0.75
        inputs["mom"] = normal(*shape)
    if op == "adam_update":  # float32 cannot hold 1 - 0.999 well; these it holds exactly
        params.update(beta1=0.875, beta2=0.9375)
        inputs.update(mean=normal(*shape), var=uniform(*shape, low=0.5, high=2))

    def new(**arrays: Array) -> State:
        found: State = RULES[op](params, **arrays)
        return found

    def after(**arrays: Array) -> State:
        return {name: array for name, array in new(**arrays).items() if name != "weight"}

    return Case(op, inputs, lambda **arrays: new(**arrays)["weight"], params, None, aux_after=after)


CASES = [
    case
    for op in RULES
    for case in (
        of(op, 3, 5, lr=0.1),
        of(op, 17, 33, lr=0.25, wd=0.01, rescale_grad=0.125),
        of(op, 7, 11, lr=0.1, wd=0.1, clip_gradient=0.5),
        of(op, 7, lr=0.1, clip_gradient=0.0),
    )
]
