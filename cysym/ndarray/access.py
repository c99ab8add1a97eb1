"""Reading and writing parts of arrays: `a[key]` and `a[key] = value`.

`indexing` says what a key means. Here the part is a view where its elements lie without gaps; otherwise host
memory is indexed by NumPy in place, and memory of a device, or an array being recorded, by the operators
slice, transpose, take and reshape. Elements never travel to the host and back; only index arrays pass through
it, which is where they are checked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from .. import util
from .._core import ArrayBase
from ..dtypes import NAMES, TYPES
from ..ops.schema import find_op
from ..passes.ir import dense_strides, num_elements
from . import imperative, tape
from .assign import AssignAt, AssignRange
from .indexing import INDEXED, NEW_AXIS, Selection, range_of, select

if TYPE_CHECKING:
    from .ndarray import NDArray

T = TypeVar("T", bound="NDArray")
Dims = tuple[int, ...]


# --- host values --------------------------------------------------------------------------------------------
def host_view(array: NDArray) -> np.ndarray:
    """The elements of an array in host memory, as NumPy sees them there."""
    return np.ndarray(array.shape, TYPES[array.spec[1]], memoryview(array.storage), array.offset)


def on_host(array: NDArray) -> bool:
    """Whether `host_view` may be used."""
    return bool(array.storage.address)


def to_host(value: Any, code: int) -> np.ndarray:
    """A number or anything array-like as a NumPy array of an element type, cast as the operator Cast does.

    Raises
    ------
    TypeError
        Text, complex numbers, ragged lists, None.
    """
    try:
        found = np.asarray(value)
    except (ValueError, TypeError, OverflowError) as error:
        raise TypeError(f"{str(value)[:60]!r} is not array-like: {error}") from None
    if found.dtype.kind not in "biuf" or found.dtype.itemsize > 8:
        raise TypeError(
            f"object {str(value)[:60]!r} of type {type(value)} is not array-like: its elements are "
            f"{found.dtype}, expected numbers"
        )
    wanted = np.dtype(TYPES[code])
    if found.dtype.kind == "f" and wanted.kind in "iu":
        # What lies outside becomes the smallest integer, of 32 bits for narrow types: see c_kernels/cast.c.
        wide = np.int64 if wanted.itemsize == 8 else np.int32
        edge = 2.0 ** (8 * np.dtype(wide).itemsize - 1)
        inside = (found > -edge) & (found < edge)
        whole = np.where(inside, found, 0).astype(wide)
        return np.where(inside, whole, np.iinfo(wide).min).astype(wanted)
    with np.errstate(all="ignore"):
        return found.astype(wanted, copy=False)


# --- reading ------------------------------------------------------------------------------------------------
def getitem(array: NDArray, key: Any) -> NDArray:
    """Part of an array: a view where it lies without gaps, else a copy on the same device."""
    dims = array.shape
    if array.entry is None and dims:  # the frequent cases, made short
        n, rest = dims[0], dims[1:]
        if type(key) is int and -n <= key < n:
            return array._view(rest or (() if util.is_np_shape() else (1,)), key % n * num_elements(rest))
        if type(key) is slice:
            first, count, step = range_of(key, n)
            if step == 1:
                return array._view((count, *rest), first * num_elements(rest))
    made: NDArray
    part = select(key, dims)
    shape = part.shape or (() if util.is_np_shape() else (1,))
    if tape.is_recorded(array):
        made = _picked(array, part, shape)
        if made is array:  # all of it: another object, as always
            made = tape.record_view("Reshape", array, array._view(shape, 0), shape=shape)
        return made
    at = part.offset(dims)
    if at is not None:
        return array._view(shape, at)
    if on_host(array):
        made = imperative.empty(shape, array.context, array.spec[1])
        host_view(made)[...] = host_view(array)[part.key].reshape(shape)
        return made
    return _picked(array, part, shape)


def _op(name: str, *inputs: Any, **params: Any) -> Any:
    return imperative.invoker.invoke(find_op(name), list(inputs), params)[0]


def _shaped(array: T, shape: Dims) -> T:
    if array.shape == shape:
        return array
    view = array._view(shape, 0)
    return tape.record_view("Reshape", array, view, shape=shape)  # type: ignore[return-value]


def _picked(array: NDArray, part: Selection, shape: Dims) -> NDArray:
    """The part by operators, which stay on the device and are recorded."""
    if 0 in shape:
        empty: NDArray = imperative.empty(shape, array.context, array.spec[1])
        return empty
    if not shape:  # Reshape cannot make a scalar
        place = imperative.from_numpy(np.asarray(part.offset(array.shape), np.int64), array.context)
        scalar: NDArray = _op("take", _shaped(array, (array.size,)), place)
        return scalar
    if any(r != (0, n, 1) for r, n in zip(part.ranges, array.shape, strict=True)):
        ends: list[int | None] = [first + n * step for first, n, step in part.ranges]
        array = _op(
            "slice", array, begin=tuple(r[0] for r in part.ranges),
            end=tuple(None if end is not None and end < 0 else end for end in ends),
            step=tuple(r[2] for r in part.ranges),
        )  # fmt: skip
    if not part.axes:
        return _shaped(array, shape)
    front = part.layout[0] == INDEXED
    axes = part.axes
    if front and axes != tuple(range(len(axes))):
        order = (*axes, *(i for i in range(array.ndim) if i not in axes))
        array = _op("transpose", array, axes=order)
        axes = tuple(range(len(axes)))
    dims = array.shape
    place, behind = axes[0], axes[-1] + 1
    flat = np.zeros(part.indices[0].shape, np.int64)
    for axis, index in zip(axes, part.indices, strict=True):
        flat = flat * dims[axis] + index
    merged = _shaped(array, (*dims[:place], num_elements(dims[place:behind]), *dims[behind:]))
    at = imperative.from_numpy(flat.reshape(-1), array.context)
    taken: NDArray = _op("take", merged, at, axis=place)
    return _shaped(taken, shape)


# --- writing ------------------------------------------------------------------------------------------------
def setitem(array: NDArray, key: Any, value: Any) -> None:
    """Write numbers, an array-like or an NDArray into a part of an array, broadcasting and casting.

    Raises
    ------
    ValueError
        The value does not broadcast to the part.
    TypeError
        The value is no number and no array of numbers.
    """
    part = select(key, array.shape)
    is_array = isinstance(value, ArrayBase)
    if not is_array:
        value = to_host(value, array.spec[1])
    given = _fitted(value.shape, part.shape)
    if 0 in part.shape:
        return
    if on_host(array):
        _write_host(array, part, value, given)
    else:
        if not is_array:
            value = imperative.from_numpy(value.reshape(given), array.context)
        _write_device(array, part, value, given)


def _fitted(given: Dims, wanted: Dims) -> Dims:
    """`given` without surplus leading ones, if it broadcasts to `wanted`."""
    short = given
    while len(short) > len(wanted) and short[0] == 1:
        short = short[1:]
    pad = len(wanted) - len(short)
    if pad < 0 or any(g not in (1, w) for g, w in zip(short, wanted[pad:], strict=True)):
        raise ValueError(f"cannot broadcast a value of shape {given} to the part's shape {wanted}")
    return short


def _write_host(array: NDArray, part: Selection, value: Any, given: Dims) -> None:
    if not isinstance(value, np.ndarray):
        value = tape.bare(value).astype(NAMES[array.spec[1]], copy=False)
        value = host_view(value) if on_host(value) else value.asnumpy()
    target = host_view(array)
    if np.may_share_memory(value, target):  # NumPy does not notice every overlap
        value = value.copy()
    target[part.key] = value.reshape(given)
    array.storage.version += 1


def _write_device(array: NDArray, part: Selection, value: NDArray, given: Dims) -> None:
    value = tape.bare(value).as_in_context(array.context).astype(NAMES[array.spec[1]], copy=False)
    value = _shaped(value, given)
    if value.storage is array.storage:
        value = value.copy()
    if part.axes:
        _scatter(array, part, value)
        return
    dims = [1] * array.ndim  # of the value, by axes of the array
    padded = (1,) * (len(part.shape) - len(given)) + given
    for axis, n in zip(part.layout, padded, strict=True):
        if axis != NEW_AXIS:
            dims[axis] = n
    first, sizes, steps = (tuple(r[i] for r in part.ranges) for i in range(3))
    params = {"first": first, "sizes": sizes, "steps": steps}
    imperative.invoker.invoke(AssignRange, [tape.bare(array), _shaped(value, tuple(dims))], params)


def _scatter(array: NDArray, part: Selection, value: NDArray) -> None:
    if value.size > 1 and value.shape != part.shape:
        padded = (1,) * (len(part.shape) - value.ndim) + value.shape
        value = _op("broadcast_to", _shaped(value, padded), shape=part.shape)
    strides = dense_strides(array.shape, 1)
    flat = np.zeros(part.indices[0].shape, np.int64)
    for axis, index in zip(part.axes, part.indices, strict=True):
        flat = flat + index * strides[axis]
    flat = _last_ones(flat.reshape(-1))
    middle = part.layout.index(INDEXED)
    sides = [[k for k in axes if k != NEW_AXIS] for axes in (part.layout[:middle], part.layout[middle + 1 :])]
    ranges = part.ranges
    start = sum(first * s for (first, _, _), s in zip(ranges, strides, strict=True))
    params = {
        "start": start,
        "before": tuple(ranges[k][1] for k in sides[0]),
        "after": tuple(ranges[k][1] for k in sides[1]),
        "strides": tuple(ranges[k][2] * strides[k] for k in (*sides[0], *sides[1])),
    }
    at = imperative.from_numpy(flat, array.context)
    imperative.invoker.invoke(AssignAt, [tape.bare(array), at, value], params)


def _last_ones(places: np.ndarray) -> np.ndarray:
    """Places with all but the last occurrence of each made -1: as in NumPy the last write wins."""
    _, last = np.unique(places[::-1], return_index=True)
    kept = np.full_like(places, -1)
    last = len(places) - 1 - last
    kept[last] = places[last]
    return kept


__all__ = ["getitem", "host_view", "on_host", "setitem", "to_host"]
