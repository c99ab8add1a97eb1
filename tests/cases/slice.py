"""Cases of SliceChannel, slice_axis and slice: NumPy's indexing, and zeros around the head gradient."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import Array, Case, integers, normal


def split(shape: tuple[int, ...], n: int, axis: int = 1, squeeze: bool = False, **kw: Any) -> Case:
    def reference(data: Array) -> tuple[Array, ...]:
        parts = np.split(data, n, axis)
        return tuple(p.squeeze(axis) if squeeze else p for p in parts)

    def gradient(ograds: list[Array], data: Array) -> dict[str, Array]:
        return {"data": np.stack(ograds, axis) if squeeze else np.concatenate(ograds, axis)}

    params = {"num_outputs": n, "axis": axis, "squeeze_axis": squeeze}
    return Case(
        "SliceChannel",
        {"data": normal(*shape)},
        reference,
        params,
        **{"gradient": gradient, "exact": True, **kw},
    )


def part(op: str, shape: tuple[int, ...], index: tuple[Any, ...], params: dict[str, Any], **kw: Any) -> Case:
    def gradient(ograds: list[Array], data: Array) -> dict[str, Array]:
        full = np.zeros(data.shape)
        full[index] = ograds[0]
        return {"data": full}

    inputs = kw.pop("inputs", {"data": normal(*shape)})
    return Case(op, inputs, lambda data: data[index], params, **{"gradient": gradient, "exact": True, **kw})


ALL = slice(None)


def slice_axis(shape: tuple[int, ...], axis: int, begin: int, end: int | None) -> Case:
    index = (ALL,) * (axis % len(shape)) + (slice(begin, end),)
    return part("slice_axis", shape, index, {"axis": axis, "begin": begin, "end": end})


def slices(
    shape: tuple[int, ...], begin: tuple[Any, ...], end: tuple[Any, ...], *step: Any, **kw: Any
) -> Case:
    index = tuple(slice(*bounds) for bounds in zip(begin, end, step or (None,) * len(begin), strict=True))
    params = {"begin": begin, "end": end} | ({"step": step} if step else {})
    return part("slice", shape, index, params, **kw)


CASES = [
    split((2, 6, 5), 3),
    split((2, 6, 5), 2, axis=-2),
    split((4, 3, 5), 2, axis=0),
    split((2, 3, 5), 3, squeeze=True),
    split((2, 3, 5), 5, axis=-1, squeeze=True),
    split((2, 3, 5), 1),
    slice_axis((2, 3, 5), 1, 1, None),
    slice_axis((2, 3, 5), -1, -4, -1),
    slice_axis((7, 3), 0, 2, 5),
    slice_axis((2, 3, 5), 2, 0, 5),
    slices((2, 3, 5), (0, 1), (2, 3)),
    slices((2, 3, 5), (None, -2, 1), (None, None, 9)),
    slices((7, 5), (1,), (6,), 2),
    slices((7, 5), (None, None), (None, None), -1, -2),
    slices((7, 5), (5, 4), (1, 0), -2, -1),
    slices((7, 11), (1, 2), (None, -1), 3, 2),
    slices((7, 3), (-9,), (3,)),
    slices(
        (7, 5),
        (1, 0),
        (6, 4),
        inputs={"data": integers(7, 5)},
        gradient=None,
        dtypes=("int32", "int64", "uint8"),
    ),
]
