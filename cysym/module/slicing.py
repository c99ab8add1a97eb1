"""How a batch is divided among contexts and put together again.

Functions of shapes, slices and arrays; no executors. `DataParallelExecutorGroup` asks `divide` who gets which
samples, `take` cuts them out of what a batch holds, and `merge` joins what the contexts computed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from .. import ndarray as nd
from ..base import ShapeError
from ..executor_manager import _split_input_slice
from ..io import DataDesc

_ops: Any = nd  # operators are functions mypy does not see


class Division(NamedTuple):
    """A batch divided: `slices` has one entry per context, or is None where no input has a batch axis."""

    batch_size: int
    slices: list[slice] | None
    data_axes: list[int]
    label_axes: list[int]


def batch_axis(desc: DataDesc) -> int:
    """The axis along which an input is divided; -1 where every context gets all of it."""
    axis = DataDesc.get_batch_axis(desc.layout)
    return axis if axis < len(desc.shape) else -1


def divide(data: Sequence[DataDesc], label: Sequence[DataDesc] | None, workload: Sequence[float]) -> Division:
    """Who gets which samples of a batch.

    Raises
    ------
    ShapeError
        The inputs have different batch sizes.
    ValueError
        There are fewer samples than contexts.
    """
    descs = [*data, *(label or ())]
    axes = [batch_axis(desc) for desc in descs]
    sizes = {desc.name: desc.shape[axis] for desc, axis in zip(descs, axes, strict=True) if axis >= 0}
    if len(set(sizes.values())) > 1:
        raise ShapeError(f"all data must have the same batch size, but the batch sizes are {sizes}")
    size = next(iter(sizes.values()), None)
    slices = None
    if size is not None:
        slices = [slice(0, size)] if len(workload) == 1 else _split_input_slice(size, workload)
    # Without a batch axis a batch counts as one sample.
    return Division(1 if size is None else size, slices, axes[: len(data)], axes[len(data) :])


def part(shape: tuple[int, ...], axis: int, piece: slice | None) -> tuple[int, ...]:
    """The shape of a piece of an array of this shape."""
    if axis < 0 or piece is None:
        return shape
    return (*shape[:axis], piece.stop - piece.start, *shape[axis + 1 :])


def take(source: Any, axis: int, piece: slice | None) -> Any:
    """A piece of an array: itself where it is all of it, a view along the first axis, else a copy."""
    if axis < 0 or piece is None or (piece.start == 0 and piece.stop == source.shape[axis]):
        return source
    if axis and isinstance(source, nd.NDArray):
        return _ops.slice_axis(source, axis=axis, begin=piece.start, end=piece.stop)
    return source[(*[slice(None)] * axis, piece)] if axis else source[piece]


def merge(parts: Sequence[nd.NDArray | None], axis: int) -> Any:
    """One array from the contexts' parts, on the first one's context; None where nothing was computed.

    With a negative axis all parts are taken to be the same.
    """
    first = parts[0]
    if first is None or len(parts) == 1 or axis < 0:
        return first
    arrays = [array if array.ndim else array.reshape((1,)) for array in parts if array is not None]
    return _ops.concat(*[array.as_in_context(first.context) for array in arrays], dim=axis)


def extents(parts: Sequence[nd.NDArray], axis: int) -> list[slice | None]:
    """Where each part lies in what `merge` makes of them."""
    if axis < 0:
        return [None] * len(parts)
    places: list[slice | None] = []
    end = 0
    for array in parts:
        begin, end = end, end + (array.shape[axis] if array.ndim else 1)
        places.append(slice(begin, end))
    return places


def merged_shape(parts: Sequence[nd.NDArray], axis: int) -> tuple[int, ...]:
    """The shape of what `merge` makes of the parts."""
    shape = parts[0].shape
    if len(parts) == 1 or axis < 0:
        return shape
    return part(shape or (1,), axis, slice(0, sum(array.shape[axis] if array.ndim else 1 for array in parts)))


def assign(source: Any, target: nd.NDArray) -> None:
    """Copy an NDArray or a NumPy array into an array, across devices and element types."""
    if isinstance(source, nd.NDArray):
        source.copyto(target)
    else:
        target[:] = source
