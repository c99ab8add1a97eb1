"""Where the rows of an array iterator come from: arrays in memory, or files read row by row.

`_init_data` names what a user gave and makes NDArrays of it. What reads from a file (an HDF5 data set, a
memory-mapped array) stays as it is and is read a batch at a time by `_rows`. No iterator lives here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .. import ndarray as nd
from ..arguments import shown

_ops: Any = nd  # operators are functions mypy does not see
Named = list[tuple[str, Any]]


def is_lazy(array: Any) -> bool:
    """Whether rows are read from a file when they are asked for: h5py, zarr and the like have chunks."""
    if isinstance(array, np.memmap):
        return True
    return not isinstance(array, nd.NDArray | np.ndarray) and all(
        hasattr(array, name) for name in ("chunks", "shape", "dtype", "__getitem__")
    )


def _init_data(data: Any, allow_empty: bool, default_name: str) -> Named:
    """Name the arrays a user gave and make NDArrays of those that are not read from files.

    Parameters
    ----------
    data : array, list of them, dict of str to them, or None
        Arrays are NDArrays, NumPy arrays, what converts to them, or lazily read data sets.
    allow_empty : bool
        Whether there may be none.
    default_name : str
        The name of a single array; a list gets ``_0_name``, ``_1_name`` and so on.

    Returns
    -------
    list of (str, array), sorted by name

    Raises
    ------
    TypeError
        Something is no array of numbers.
    ValueError
        There is no array, or one is a single number.
    """
    if data is None:
        data = []
    if isinstance(data, np.ndarray | nd.NDArray) or is_lazy(data):
        data = [data]
    if isinstance(data, list | tuple):
        if len(data) == 1:
            data = {default_name: data[0]}
        else:
            data = {f"_{position}_{default_name}": array for position, array in enumerate(data)}
    if not isinstance(data, Mapping):
        raise TypeError(
            f"{default_name} must be an NDArray, a numpy.ndarray or an HDF5 data set, or a list or dict of "
            f"them, got {type(data).__name__}"
        )
    if not data and not allow_empty:
        raise ValueError(f"{default_name} must hold at least one array")
    for name in data:
        if not isinstance(name, str):
            raise TypeError(f"{default_name}: names of arrays must be strings, got {shown(name)}")
    named = [(name, _as_source(name, value)) for name, value in data.items()]
    return sorted(named, key=lambda pair: pair[0])


def _as_source(name: str, value: Any) -> Any:
    if not isinstance(value, nd.NDArray):
        lazy = is_lazy(value)
        host = value if lazy else np.asarray(value)
        if np.dtype(host.dtype).kind not in "biuf":
            raise TypeError(f"array {name!r} must hold numbers, got {type(value).__name__} of {host.dtype}")
        value = value if lazy else nd.array(host)
    if len(value.shape) == 0:
        raise ValueError(f"array {name!r} is a single number; rows along a first axis are needed")
    return value


def _slice_along_batch_axis(data: Any, s: slice, batch_axis: int) -> nd.NDArray:
    """The part `s` of an array along its batch axis, as a new array: programs change batches in place."""
    if isinstance(data, nd.NDArray):
        if batch_axis == 0:  # faster than the operator
            part: nd.NDArray = data[s].copy()
            return part
        sliced: nd.NDArray = _ops.slice_axis(data, axis=batch_axis, begin=s.start, end=s.stop)
        return sliced
    return nd.array(np.asarray(data[(slice(None),) * batch_axis + (s,)]))


def _take_along_batch_axis(data: Any, rows: np.ndarray[Any, Any], batch_axis: int) -> nd.NDArray:
    """The given rows, in this order, as a new array."""
    if isinstance(data, nd.NDArray):
        places = nd.array(rows, ctx=data.context, dtype=np.int64)
        taken: nd.NDArray = _ops.take(data, places, axis=batch_axis)
        return taken
    # HDF5 reads rows in rising order only.
    order = np.argsort(rows, kind="stable")
    block = np.asarray(data[(slice(None),) * batch_axis + (rows[order],)])
    back = np.empty_like(order)
    back[order] = np.arange(len(order))
    return nd.array(np.take(block, back, axis=batch_axis))


def _concat(parts: Sequence[nd.NDArray], batch_axis: int) -> nd.NDArray:
    return nd.concatenate(list(parts), axis=batch_axis, always_copy=False)
