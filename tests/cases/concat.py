"""Cases of Concat and stack: NumPy's concatenate and stack, and the head gradient cut apart again."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import Array, Case, Maker, integers, normal


def concat(shapes: list[tuple[int, ...]], dim: int | None, make: Any = normal, **kw: Any) -> Case:
    axis = 1 if dim is None else dim

    def reference(**inputs: Array) -> Array:
        return np.concatenate(list(inputs.values()), axis)

    def gradient(ograds: list[Array], **inputs: Array) -> dict[str, Array]:
        ends = np.cumsum([x.shape[axis] for x in inputs.values()])[:-1]
        return dict(zip(inputs, np.split(ograds[0], ends, axis), strict=True))

    inputs: dict[str, Maker] = {f"arg{i}": make(*s) for i, s in enumerate(shapes)}
    params = {"num_args": len(shapes)} | ({} if dim is None else {"dim": dim})
    return Case("Concat", inputs, reference, params, **{"gradient": gradient, "exact": True, **kw})


def stack(shape: tuple[int, ...], n: int, axis: int) -> Case:
    def gradient(ograds: list[Array], **inputs: Array) -> dict[str, Array]:
        return {name: np.take(ograds[0], i, axis) for i, name in enumerate(inputs)}

    return Case(
        "stack",
        {f"arg{i}": normal(*shape) for i in range(n)},
        lambda **inputs: np.stack(list(inputs.values()), axis),
        {"num_args": n, "axis": axis},
        gradient=gradient,
        exact=True,
    )


CASES = [
    concat([(2, 3), (2, 5)], None),
    concat([(2, 3), (5, 3), (1, 3)], 0),
    concat([(3, 2, 5), (3, 7, 5), (3, 1, 5)], 1),
    concat([(2, 3, 5), (2, 3, 7)], -1),
    concat([(7,), (3,)], 0),
    concat([(2, 3, 5)], 1),
    concat([(2, 3, 5, 7), (2, 11, 5, 7)], -3),
    concat([(2, 3), (2, 5)], 1, wrt=("arg1",)),  # the gradient of one input alone
    concat([(2, 3), (2, 5)], 1, integers, gradient=None, dtypes=("int32", "int64", "uint8", "float16")),
    Case(
        "_rnn_param_concat",
        {"arg0": normal(7), "arg1": normal(3)},
        lambda arg0, arg1: np.concatenate([arg0, arg1]),
        {"num_args": 2, "dim": 0},
        exact=True,
    ),
    stack((2, 3), 2, 0),
    stack((2, 3), 3, -1),
    stack((2, 3, 5), 2, 1),
    stack((7,), 1, 0),
]
