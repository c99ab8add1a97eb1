"""Cases of CTCLoss: the reference adds up every path through the classes, one by one."""

from __future__ import annotations

from itertools import product
from math import log
from typing import Any

import numpy as np

from . import Array, Case, Maker, exactly, normal
from .softmax import softmax


def collapsed(path: tuple[int, ...], blank: int) -> tuple[int, ...]:
    """What a path spells: repetitions joined, then blanks dropped."""
    return tuple(k for i, k in enumerate(path) if k != blank and (i == 0 or path[i - 1] != k))


def ctc(
    data: Array,
    label: Array,
    data_lengths: Array | None = None,
    label_lengths: Array | None = None,
    last: bool = False,
) -> Array:
    time, batch, classes = data.shape
    p, losses = softmax(data), np.zeros(batch)
    for n in range(batch):
        steps = time if data_lengths is None else int(np.clip(data_lengths[n], 0, time))
        wanted = [int(k) for k in label[n]]
        if label_lengths is not None:
            wanted = wanted[: int(label_lengths[n])]
        elif (-1 if last else 0) in wanted:
            wanted = wanted[: wanted.index(-1 if last else 0)]
        total = sum(
            np.prod([p[t, n, k] for t, k in enumerate(path)])
            for path in product(range(classes), repeat=steps)
            if collapsed(path, classes - 1 if last else 0) == tuple(wanted)
        )
        losses[n] = -np.log(total) if total else 0.0
    return losses


def of(
    shape: tuple[int, int, int], label: Any, data_lengths: Any = None, label_lengths: Any = None, **more: Any
) -> Case:
    inputs: dict[str, Maker] = {"data": normal(*shape, scale=2), "label": exactly(label)}
    params: dict[str, Any] = {}
    if data_lengths is not None:
        inputs["data_lengths"], params["use_data_lengths"] = exactly(data_lengths), True
    if label_lengths is not None:
        inputs["label_lengths"], params["use_label_lengths"] = exactly(label_lengths), True
    if more.pop("last", False):
        params["blank_label"] = "last"
    last = "blank_label" in params
    return Case("CTCLoss", inputs, lambda **x: ctc(**x, last=last), params, wrt=("data",), **more)


LONG = [[1, 2, 2, 1, 3] * 7]


def long_check(outputs: list[Array], data: Array, label: Array) -> None:
    """Uniform classes: the number of alignments follows from a recursion on whole numbers, exactly."""
    time, _, classes = data.shape
    symbols = [0]
    for k in label[0]:
        symbols += [int(k), 0]
    ways = [1, 1] + [0] * (len(symbols) - 2)
    for _ in range(time - 1):
        ways = [
            ways[s]
            + (ways[s - 1] if s > 0 else 0)
            + (ways[s - 2] if s > 1 and symbols[s] and symbols[s] != symbols[s - 2] else 0)
            for s in range(len(symbols))
        ]
    want = time * log(classes) - log(ways[-1] + ways[-2])
    np.testing.assert_allclose(outputs[0], [want], rtol=64 * float(np.finfo(outputs[0].dtype).eps))


CASES = [
    of((5, 3, 4), [[1, 2], [3, 0], [2, 2]]),
    of((5, 3, 3), [[1, 0], [0, 1], [1, -1]], last=True),
    of((5, 3, 3), [[1, 2], [2, 0], [0, 0]], data_lengths=[5, 2, 3]),
    of((5, 4, 3), [[1, 2, 1], [1, 1, 0], [1, 1, 1], [2, 1, 0]], label_lengths=[3, 2, 3, 0]),
    # Too short for its labels, no steps, a length beyond the data.
    of((4, 3, 3), [[1, 1], [2, 1], [1, 2]], data_lengths=[2, 0, 9], label_lengths=[2, 1, 2]),
    of((3, 2, 3), [[1, 2], [2, 0]], input_dtypes={"label": "int32"}),
    of((3, 2, 3), [[1, 2], [2, 0]], dtypes=("float16",), gradient=None),
    Case(
        "CTCLoss",
        {"data": lambda rng: np.zeros((131, 1, 5)), "label": exactly(LONG)},
        None,
        gradient=None,
        check=long_check,
    ),
    Case(
        "CTCLoss",
        {"data": normal(3, 3, 3), "label": exactly([[1, 7], [np.nan, 1], [-2, 1]])},
        lambda data, label: np.full(3, np.nan),
        {},
        lambda ograds, data, label: {"data": np.full(data.shape, np.nan)},
        ("data",),
    ),
]
