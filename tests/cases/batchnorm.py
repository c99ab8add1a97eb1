"""Cases of BatchNorm: batch and moving statistics, fixed and free gamma, every place of the channels.

The auxiliary states move in backward; a fixed gamma is overwritten with 1."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import Array, Case, normal, uniform

EPS = 0.0010000000474974513  # MXNet's default: the float32 nearest 0.001


def of(
    *shape: int, shift: float = 0.0, is_train: bool = True, tolerance: float = 64.0, **params: Any
) -> Case:
    axis = params.get("axis", 1) % len(shape)
    channels = shape[axis]
    others = tuple(i for i in range(len(shape)) if i != axis)
    spread = [channels if i == axis else 1 for i in range(len(shape))]
    is_fixed = params.get("fix_gamma", True)
    is_batch = is_train and not params.get("use_global_stats")
    momentum = params.get("momentum", 0.9)

    def reference(data: Array, gamma: Array, beta: Array, moving_mean: Array, moving_var: Array) -> Any:
        mean = data.mean(axis=others) if is_batch else moving_mean
        var = data.var(axis=others) if is_batch else moving_var
        scale = 1 / np.sqrt(var + params.get("eps", EPS))
        out = (data - mean.reshape(spread)) * scale.reshape(spread)
        out = out * (1 if is_fixed else gamma.reshape(spread)) + beta.reshape(spread)
        return (out, mean, scale) if params.get("output_mean_var") else out

    def gradient(ograds: list[Array], **inputs: Array) -> dict[str, Array]:
        """As in Ioffe and Szegedy; what flows into the outputs mean and var is left out, as MXNet does."""
        data, moving = inputs["data"], (inputs["moving_mean"], inputs["moving_var"])
        mean, var = (data.mean(axis=others), data.var(axis=others)) if is_batch else moving
        scale = (1 / np.sqrt(var + params.get("eps", EPS))).reshape(spread)
        unit = (data - mean.reshape(spread)) * scale
        gamma = np.ones(spread) if is_fixed else inputs["gamma"].reshape(spread)
        dy = ograds[0]
        dx = dy
        if is_batch:
            inner = dy.mean(axis=others, keepdims=True) + unit * (dy * unit).mean(axis=others, keepdims=True)
            dx = dy - inner
        dgamma = np.zeros(channels) if is_fixed else (dy * unit).sum(axis=others)
        return {"data": gamma * scale * dx, "gamma": dgamma, "beta": dy.sum(axis=others)}

    def aux_after(data: Array, moving_mean: Array, moving_var: Array, **rest: Array) -> dict[str, Array]:
        after = {"gamma": np.ones(channels)} if is_fixed else {"gamma": rest["gamma"]}
        if is_batch:
            for name, old, new in (
                ("moving_mean", moving_mean, data.mean(axis=others)),
                ("moving_var", moving_var, data.var(axis=others)),
            ):
                after[name] = old * momentum + new * (1 - momentum)
        else:
            after.update(moving_mean=moving_mean, moving_var=moving_var)
        return after

    vector = uniform(channels, low=0.5, high=2)
    return Case(
        "BatchNorm",
        {"data": normal(*shape, scale=2, shift=shift), "gamma": vector, "beta": normal(channels)},
        reference,
        params,
        gradient,
        aux={"moving_mean": normal(channels), "moving_var": vector},
        aux_after=aux_after,
        is_train=is_train,
        tolerance=tolerance,
    )


FREE: dict[str, Any] = {"fix_gamma": False}

CASES = [
    of(2, 3, 5, 7),
    of(2, 3, 5, 7, **FREE, eps=2e-5, momentum=0.5),
    of(2, 3, 5, 7, **FREE, is_train=False),
    of(2, 3, 5, 7, is_train=False),
    of(2, 3, 5, 7, **FREE, use_global_stats=True),
    of(2, 3, 5, 7, use_global_stats=True),
    of(2, 3, 5, 7, **FREE, output_mean_var=True),
    of(17, 33, **FREE),
    of(131, 7, **FREE),
    of(5, 67, 3, **FREE),
    of(2, 7, 11, **FREE, axis=-1),
    of(3, 5, 7, **FREE, axis=0),
    of(2, 3, 37, 41, **FREE),
    of(1, 5, **FREE),
    of(11, 3, 17, shift=1000.0, **FREE, tolerance=4096.0),
]
