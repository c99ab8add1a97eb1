"""Cases of Crop, slice_like and _split_v2: NumPy's indexing, and zeros around the head gradient."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import Array, Case, integers, normal

WHOLE = ("int32", "int64", "uint8", "int8", "float16")


def part(op: str, index: Any, inputs: dict[str, Any], params: dict[str, Any], **kw: Any) -> Case:
    """The first input, indexed; other inputs only give their shape."""
    first = next(iter(inputs))

    def gradient(ograds: list[Array], **arrays: Array) -> dict[str, Array]:
        found = {name: np.zeros(array.shape) for name, array in arrays.items()}
        found[first][index] = ograds[0]
        return found

    def reference(**arrays: Array) -> Array:
        return arrays[first][index]

    return Case(op, inputs, reference, params, **{"gradient": gradient, "exact": True, **kw})


def crop(rows: slice, cols: slice, like: tuple[int, ...] | None = None, **params: Any) -> Case:
    inputs = {"arg0": normal(2, 3, 7, 11)}
    if like is not None:
        inputs["arg1"] = normal(*like)
    return part("Crop", (..., rows, cols), inputs, {"num_args": len(inputs), **params})


def split(bounds: tuple[int, ...], axis: int, squeeze: bool = False, **params: Any) -> Case:
    """Parts from each bound to the next."""

    def reference(data: Array) -> tuple[Array, ...]:
        parts = np.split(data, bounds[1:-1], axis)
        return tuple(p.squeeze(axis) if squeeze else p for p in parts)

    def gradient(ograds: list[Array], data: Array) -> dict[str, Array]:
        return {"data": np.stack(ograds, axis) if squeeze else np.concatenate(ograds, axis)}

    params = {"indices": (), "axis": axis, "squeeze_axis": squeeze, **params}
    shape = [2, 3, 7]
    shape[axis] = bounds[-1]
    return Case(
        "_split_v2", {"data": normal(*shape)}, reference, params, gradient=gradient, exact=True,
        dtypes=("float32", "float64"),
    )  # fmt: skip


def pixels(**inputs: Any) -> dict[str, Any]:
    return {name: integers(*shape) for name, shape in inputs.items()}


CASES = [
    crop(slice(0, 3), slice(0, 5), h_w=(3, 5)),
    crop(slice(4, 7), slice(6, 11), h_w=(3, 5), offset=(4, 6)),
    crop(slice(2, 5), slice(3, 8), h_w=(3, 5), center_crop=True),
    crop(slice(1, 5), slice(4, 6), h_w=(4, 2), center_crop=True, offset=(1, 0)),
    crop(slice(1, 4), slice(2, 7), (5, 2, 3, 5), offset=(1, 2)),
    crop(slice(0, 7), slice(0, 11), (1, 1, 7, 11)),
    part(
        "Crop",
        (..., slice(1, 3), slice(0, 3)),
        pixels(arg0=(1, 2, 5, 3)),
        {"num_args": 1, "h_w": (2, 3), "offset": (1, 0)},
        gradient=None,
        dtypes=WHOLE,
    ),
    part("slice_like", np.s_[:1, :2, :3], {"data": normal(2, 3, 5), "shape_like": normal(1, 2, 3)}, {}),
    part(
        "slice_like",
        np.s_[:, :, :3],
        {"data": normal(2, 3, 5), "shape_like": normal(7, 1, 3)},
        {"axes": (-1,)},
    ),
    part(
        "slice_like", np.s_[:2, :3], {"data": normal(3, 5, 2), "shape_like": normal(2, 3)}, {"axes": (1, 0)}
    ),
    part(
        "slice_like", np.s_[:3, :2], pixels(data=(5, 3), shape_like=(3, 2)), {}, gradient=None, dtypes=WHOLE
    ),
    split((0, 2, 5), 0, indices=(0, 2)),
    split((0, 1, 3, 7), -1, indices=(0, 1, 3)),
    split((0, 3), 1, indices=(0,)),
    split((0, 3, 5, 7), 2, sections=3),
    split((0, 2, 4), 0, sections=2),
    split((0, 1, 2, 3), 1, squeeze=True, sections=3),
    split((0, 1, 2), 0, squeeze=True, indices=(0, 1)),
    Case(
        "_split_v2",
        {"data": integers(5, 3)},
        lambda data: (data[:1], data[1:]),
        {"indices": (0, 1), "axis": 0},
        gradient=None,
        exact=True,
        dtypes=WHOLE,
    ),
]
