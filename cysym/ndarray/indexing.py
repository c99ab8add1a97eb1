"""What an index means: NumPy's rules, for one shape, as ranges of axes and arrays of indices.

Pure arithmetic on keys and shapes: no element of an indexed array is read here (index arrays are, to check
them). `Selection` is what comes out; `access` reads and writes through it.
"""

from __future__ import annotations

import operator
from typing import Any, Final, NamedTuple

import numpy as np

from .._core import ArrayBase

NEW_AXIS: Final = -1
INDEXED: Final = -2
MOST_DIMS: Final = 64  # what NumPy can hold
Range = tuple[int, int, int]
"""First index, number of indices and step along one axis."""

_REACH = 2.0**62


class Selection(NamedTuple):
    """Part of an array of a known shape.

    Attributes
    ----------
    shape
        Shape of the part, as NumPy has it.
    ranges
        One `Range` an axis of the array; the whole axis where arrays index it.
    layout
        What each axis of the part comes from: an axis of the array, `NEW_AXIS`, or `INDEXED` for all axes of
        the index arrays together.
    axes, indices
        Axes indexed by arrays, and those arrays: int64, inside the axis, all of one shape.
    key
        The same as a key NumPy takes.
    """

    shape: tuple[int, ...]
    ranges: tuple[Range, ...]
    layout: tuple[int, ...]
    axes: tuple[int, ...]
    indices: tuple[np.ndarray, ...]
    key: tuple[Any, ...]

    def offset(self, dims: tuple[int, ...]) -> int | None:
        """First element where the part of an array of shape `dims` lies without gaps, else None."""
        if self.axes:
            return None
        if 0 in self.shape:
            return 0
        at, step, expected = 0, 1, 1
        for d, (first, n, every) in zip(reversed(dims), reversed(self.ranges), strict=True):
            if n != 1:
                if step * every != expected:
                    return None
                expected *= n
            at += first * step
            step *= d
        return at


def select(key: Any, shape: tuple[int, ...]) -> Selection:
    """The part of an array of shape `shape` that `key` names.

    Parameters
    ----------
    key
        int, slice, None, Ellipsis, index array (list, NumPy or NDArray; floats are cut), boolean mask (an
        array of dtype bool), or a tuple of those.

    Raises
    ------
    IndexError
        An index outside its axis, too many indices, two ellipses, a mask of another shape, something that is
        no index, index arrays that do not broadcast.
    ValueError, TypeError
        A slice with a step of 0, or not of integers.
    """
    if type(key) in (int, slice):  # the frequent cases, made short
        if shape:
            return _first_axis(key, shape)
        if key == slice(None):
            key = ()  # MXNet lets [:] name a scalar
    items = [_item(k) for k in (key if isinstance(key, tuple) else (key,))]
    flat: list[Any] = []
    for item in items:  # a mask stands for one index array an axis it covers
        if isinstance(item, np.ndarray) and item.dtype == np.bool_:
            axis = _axes_before(flat, items, len(shape))
            if item.shape != shape[axis : axis + item.ndim]:
                raise IndexError(
                    f"a mask of shape {item.shape} does not match {shape[axis : axis + item.ndim]}, the axes "
                    f"it indexes of an array of shape {shape}"
                )
            flat.extend(item.nonzero())
        else:
            flat.append(item)
    if sum(k is Ellipsis for k in flat) > 1:
        raise IndexError("an index can only have a single ellipsis ('...')")
    missing = len(shape) - sum(k is not None and k is not Ellipsis for k in flat)
    if missing < 0:
        raise IndexError(f"too many indices ({len(shape) - missing}) for array with {len(shape)} dimensions")
    if Ellipsis not in [k for k in flat if not isinstance(k, np.ndarray)]:
        flat.append(Ellipsis)
    return _resolve(flat, shape, any(isinstance(k, np.ndarray) for k in flat))


def _first_axis(key: int | slice, shape: tuple[int, ...]) -> Selection:
    n, rest = shape[0], tuple([(0, d, 1) for d in shape[1:]])
    if isinstance(key, int):
        at = _inside(key, 0, n)
        return Selection(shape[1:], ((at, 1, 1), *rest), tuple(range(1, len(shape))), (), (), (at,))
    r = range_of(key, n)
    return Selection((r[1], *shape[1:]), (r, *rest), tuple(range(len(shape))), (), (), (_as_slice(r),))


def _axes_before(done: list[Any], items: list[Any], ndim: int) -> int:
    """Axis the next item of the key begins at."""
    used = sum(k is not None and k is not Ellipsis for k in done)
    if any(k is Ellipsis for k in done):
        used += ndim - sum(_width(k) for k in items)
    return max(used, 0)


def _width(item: Any) -> int:
    if item is None or item is Ellipsis:
        return 0
    return item.ndim if isinstance(item, np.ndarray) and item.dtype == np.bool_ else 1


def _item(item: Any) -> Any:
    """None, Ellipsis, slice, int, or an array of int64 or bool."""
    if item is None or item is Ellipsis or isinstance(item, slice):
        return item
    if isinstance(item, (bool, np.bool_)):
        raise IndexError(f"{item} is not an index; expected an int, or an array of dtype bool as a mask")
    if not isinstance(item, (ArrayBase, np.ndarray, list, tuple, range)):
        try:
            return operator.index(item)
        except TypeError:
            raise IndexError(
                f"NDArray does not support slicing with key {str(item)[:60]!r} of type {type(item)}"
            ) from None
    try:
        array = np.asarray(item)
    except (ValueError, TypeError, BufferError) as error:
        raise IndexError(f"a {type(item).__name__} is not an array of indices: {error}") from None
    if array.size == 0 and array.dtype.kind == "f":
        array = array.astype(np.int64)
    if array.dtype.kind == "f":
        # NaN fails both comparisons.
        if not bool(((array > -_REACH) & (array < _REACH)).all()):
            raise IndexError("an index array holds NaN or a number outside any array")
        array = array.astype(np.int64)
    elif array.dtype.kind == "u":
        if array.size and int(array.max()) >= 2**62:
            raise IndexError(f"index {int(array.max())} is out of bounds")
        array = array.astype(np.int64)
    elif array.dtype.kind == "i":
        array = array.astype(np.int64)
    elif array.dtype != np.bool_:
        raise IndexError(f"an array of {array.dtype} is no index; expected integers or bool")
    if array.ndim == 0:
        return _item(array[()])
    return array


def _inside(index: int, axis: int, n: int) -> int:
    if not -n <= index < n:
        raise IndexError(f"index {index} is out of bounds for axis {axis} with size {n}")
    return index + n if index < 0 else index


def range_of(s: slice, n: int) -> Range:
    """What a slice means along an axis of n."""
    indices = range(*s.indices(n))
    return (indices.start if len(indices) else 0, len(indices), indices.step)


def _as_slice(r: Range) -> slice:
    """The slice of a range; one that runs down to the first element has no end."""
    end = r[0] + r[1] * r[2]
    return slice(r[0], None if end < 0 else end, r[2])


def _resolve(items: list[Any], shape: tuple[int, ...], is_advanced: bool) -> Selection:
    """Items with one ellipsis, as many as the axes need; beside index arrays an int counts as one of them."""
    ranges: list[Range] = []
    layout: list[int] = []
    key: list[Any] = []
    axes: list[int] = []
    arrays: list[np.ndarray] = []
    places: list[int] = []
    rest = len(shape) - sum(k is not None and k is not Ellipsis for k in items)
    for place, item in enumerate(items):
        axis = len(ranges)
        if item is None:
            layout.append(NEW_AXIS)
            key.append(None)
        elif item is Ellipsis:
            layout.extend(range(axis, axis + rest))
            ranges.extend((0, n, 1) for n in shape[axis : axis + rest])
            key.append(Ellipsis)
        elif isinstance(item, slice):
            layout.append(axis)
            ranges.append(range_of(item, shape[axis]))
            key.append(_as_slice(ranges[-1]))
        elif not is_advanced:
            ranges.append((_inside(item, axis, shape[axis]), 1, 1))
            key.append(ranges[-1][0])
        else:
            if not axes:
                layout.append(INDEXED)
            axes.append(axis)
            arrays.append(_checked(item, axis, shape[axis]))
            places.append(place)
            ranges.append((0, shape[axis], 1))
            key.append(arrays[-1])
    if places and places[-1] - places[0] != len(places) - 1:
        layout.remove(INDEXED)  # something stands between the index arrays: their axes come first
        layout.insert(0, INDEXED)
    try:
        together = tuple(np.broadcast_arrays(*arrays)) if arrays else ()
    except (ValueError, RuntimeError):  # the latter beyond NumPy's 32 dimensions
        shapes = " ".join(str(a.shape) for a in arrays)
        raise IndexError(f"index arrays of shapes {shapes} are not broadcastable to one shape") from None
    found: list[int] = []
    for k in layout:
        found.extend(together[0].shape if k == INDEXED else (1 if k == NEW_AXIS else ranges[k][1],))
    if len(found) > MOST_DIMS:
        raise IndexError(f"this index makes {len(found)} dimensions; the limit is {MOST_DIMS}")
    return Selection(tuple(found), tuple(ranges), tuple(layout), tuple(axes), together, tuple(key))


def _checked(index: Any, axis: int, n: int) -> np.ndarray:
    """Indices as int64, all of them from 0 to n - 1."""
    array = np.asarray(_inside(index, axis, n) if isinstance(index, int) else index, np.int64)
    if array.size:
        for bound in (int(array.min()), int(array.max())):
            _inside(bound, axis, n)
    return np.where(array < 0, array + n, array)
