"""Are two arrays the same, or close enough; and if not, an error that says where they differ most.

Takes NumPy arrays, NDArrays of any context and plain numbers; differences are taken in float64, so that
unsigned numbers do not wrap around. Computes nothing with operators: what is compared comes from the caller.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..ndarray import NDArray
from .tolerance import Tolerance, get_atol, get_etol, get_rtol, get_tols

Array = np.ndarray[Any, Any]
Names = tuple[str, str]

# Arrays of more elements than this are abbreviated in a message
_THRESHOLD = 4


def as_numpy(values: Any) -> Array:
    """The values on the host."""
    return values.asnumpy() if isinstance(values, NDArray) else np.asarray(values)


def _wide(values: Array) -> Array:
    return values.astype(np.float64) if values.dtype.kind in "biuf" else values


def _close(a: Array, b: Array, rtol: float, atol: float, equal_nan: bool) -> Any:
    """Where ``|a - b| <= atol + rtol |b|``, infinities equal to themselves."""
    if rtol == 0 and atol == 0 and a.dtype.kind in "biu" and b.dtype.kind in "biu":
        return a == b  # float64 cannot tell all 64-bit integers apart
    return np.isclose(_wide(a), _wide(b), rtol=rtol, atol=atol, equal_nan=equal_nan)


def _violation(a: Array, b: Array, rtol: float, atol: float) -> Array:
    """By how many tolerances elements differ; infinity where one of them is NaN."""
    a, b = _wide(a), _wide(b)
    with np.errstate(invalid="ignore"):
        difference = np.where(a == b, 0.0, np.abs(a - b))
        ratio = difference / (atol + rtol * np.abs(b) + 1e-20)
    return np.where(np.isnan(ratio), np.inf, ratio)


def _broadcastable(a: Any, b: Any, names: Names) -> None:
    try:
        np.broadcast_shapes(np.shape(a), np.shape(b))
    except ValueError:
        raise ValueError(
            f"{names[0]} and {names[1]} could not be broadcast together: "
            f"shapes {np.shape(a)} and {np.shape(b)}"
        ) from None


def same(a: Any, b: Any) -> bool:
    """Whether two arrays have the same shape and the same elements.

    >>> same(np.ones(2), np.ones((1, 2)))
    False
    """
    return bool(np.array_equal(as_numpy(a), as_numpy(b)))


def same_array(array1: NDArray, array2: NDArray) -> bool:
    """Whether two NDArrays are the same elements of the same memory.

    MXNet finds out by adding 1 and subtracting it again; here nothing is written.
    """
    return (
        array1.shape == array2.shape
        and array1.storage is array2.storage
        and array1.offset == array2.offset
        and array1.spec[1] == array2.spec[1]
    )


def almost_equal(
    a: Any,
    b: Any,
    rtol: float | None = None,
    atol: float | None = None,
    equal_nan: bool = False,
    use_broadcast: bool = True,
) -> bool:
    """Whether two arrays are close.

    Parameters
    ----------
    a, b
        Arrays or numbers.
    rtol, atol
        Tolerances; default: those of float64, whatever the arrays' types.
    equal_nan
        Two NaN are equal.
    use_broadcast
        False: the shapes must be the same.

    Raises
    ------
    ValueError
        The shapes cannot be broadcast.
    AssertionError
        `use_broadcast` is off and the shapes differ.

    >>> almost_equal(np.array([1.0, 2.0]), np.array([1.0, 2.00001]))
    True
    """
    if not use_broadcast:
        checkShapes(a, b)
    _broadcastable(a, b, ("a", "b"))
    return bool(np.all(_close(as_numpy(a), as_numpy(b), get_rtol(rtol), get_atol(atol), equal_nan)))


def checkShapes(a: Any, b: Any) -> None:
    """Raise AssertionError unless two arrays have the same shape."""
    if np.shape(a) != np.shape(b):
        head = f"a.shape = {np.shape(a)} and b.shape = {np.shape(b)} are not equal"
        raise AssertionError(_message(head, as_numpy(a), as_numpy(b), ("a", "b")))


def locationError(a: Any, b: Any, index: Any, names: Any, maxError: bool = False) -> str:
    """One element of two arrays in words.

    Parameters
    ----------
    a, b
        Arrays.
    index
        Which element.
    names
        What the text calls the arrays.
    maxError
        Say that its error is the largest.

    >>> locationError(np.ones(2), np.zeros(2), (1,), ("got", "want"))
    'Location of error: (1,), got=1.00000000, want=0.00000000'
    """
    which = "maximum " if maxError else ""
    place = str(tuple(int(i) for i in index)) if isinstance(index, tuple) else str(index)
    one, other = as_numpy(a[index]).item(), as_numpy(b[index]).item()
    return f"Location of {which}error: {place}, {names[0]}={one:.8f}, {names[1]}={other:.8f}"


def assert_almost_equal(
    a: Any,
    b: Any,
    rtol: Tolerance = None,
    atol: Tolerance = None,
    names: Names = ("a", "b"),
    equal_nan: bool = False,
    use_broadcast: bool = True,
    mismatches: tuple[int, int] = (10, 10),
) -> None:
    """Raise AssertionError unless ``|a - b| <= atol + rtol |b|`` everywhere.

    Parameters
    ----------
    a, b
        Arrays or numbers; on different contexts, if need be.
    rtol, atol
        Numbers, or dicts from element type to number. Default: what suits the less precise of the two types.
    names
        What the message calls the arrays.
    equal_nan
        Two NaN are equal.
    use_broadcast
        False: the shapes must be the same.
    mismatches
        The first is how many elements the message lists, worst first. The second bounded MXNet's search for
        more; here all are counted at once.

    Raises
    ------
    AssertionError
        With the worst element, its place, how many elements differ, and both arrays.
    ValueError
        The shapes cannot be broadcast.

    >>> assert_almost_equal(np.float32(1.0), np.float32(1.00001))
    """
    if not use_broadcast:
        checkShapes(a, b)
    _broadcastable(a, b, names)
    rtol, atol = get_tols(a, b, rtol, atol)
    x, y = as_numpy(a), as_numpy(b)
    close = _close(x, y, rtol, atol, equal_nan)
    if not np.all(close):
        raise AssertionError(_difference(x, y, rtol, atol, names, close, mismatches[0]))


def assert_allclose(a: Any, b: Any, rtol: float = 1e-07, atol: float = 0, equal_nan: bool = True) -> None:
    """`assert_almost_equal` with NumPy's ideas of tolerance and NaN."""
    assert_almost_equal(a, b, rtol=rtol, atol=atol, equal_nan=equal_nan)


def assert_almost_equal_with_err(
    a: Any,
    b: Any,
    rtol: Tolerance = None,
    atol: Tolerance = None,
    etol: float | None = None,
    names: Names = ("a", "b"),
    equal_nan: bool = False,
    mismatches: tuple[int, int] = (10, 10),
) -> None:
    """`assert_almost_equal` that lets some elements differ.

    Parameters
    ----------
    etol
        The largest share of elements that may; default: none.
    a, b, rtol, atol, names, equal_nan, mismatches
        See `assert_almost_equal`.

    >>> assert_almost_equal_with_err(np.zeros(4), np.array([0.0, 0.0, 0.0, 9.0]), etol=0.25)
    """
    etol = get_etol(etol)
    _broadcastable(a, b, names)
    rtol, atol = get_tols(a, b, rtol, atol)
    x, y = as_numpy(a), as_numpy(b)
    close = np.asarray(_close(x, y, rtol, atol, equal_nan))
    if close.size and (close.size - np.count_nonzero(close)) / close.size > etol:
        raise AssertionError(_difference(x, y, rtol, atol, names, close, mismatches[0]))


def assert_almost_equal_ignore_nan(
    a: Any, b: Any, rtol: Tolerance = None, atol: Tolerance = None, names: Names = ("a", "b")
) -> None:
    """`assert_almost_equal` over the elements that are NaN in neither array."""
    x, y = np.array(as_numpy(a)), np.array(as_numpy(b))
    either = np.isnan(x) | np.isnan(y)
    x[either] = 0
    y[either] = 0
    assert_almost_equal(x, y, rtol, atol, names)


def compare_ndarray_tuple(t1: Any, t2: Any, rtol: Tolerance = None, atol: Tolerance = None) -> None:
    """`assert_almost_equal` over nested tuples of arrays, such as optimizer states; None is like anything.

    Parameters
    ----------
    t1, t2
        Arrays, or tuples or lists of such.
    rtol, atol
        See `assert_almost_equal`.

    Raises
    ------
    AssertionError
        Arrays differ, or one tuple is longer.
    """
    if t1 is None or t2 is None:
        return
    if isinstance(t1, tuple | list):
        if not isinstance(t2, tuple | list) or len(t1) != len(t2):
            raise AssertionError(f"{len(t1)} arrays are compared with {_count(t2)}")
        for one, other in zip(t1, t2):
            compare_ndarray_tuple(one, other, rtol, atol)
    else:
        assert_almost_equal(t1, t2, rtol=rtol, atol=atol)


def _count(value: Any) -> str:
    return str(len(value)) if isinstance(value, tuple | list) else "one array"


def _difference(
    a: Array, b: Array, rtol: float, atol: float, names: Names, close: Any, shown: int
) -> str:  # fmt: skip
    """The text of a mismatch: MXNet's two sentences, the worst elements one a line, both arrays."""
    close = np.asarray(close)
    wide_a, wide_b = np.broadcast_arrays(a, b)
    violation = np.where(close, -1.0, _violation(a, b, rtol, atol))
    if not close.shape:
        return _message(
            f"Error {float(violation):f} exceeds tolerance rtol={rtol:e}, atol={atol:e}.", a, b, names
        )
    bad = int(close.size - np.count_nonzero(close))
    # a stable order lists equal violations by position
    order = np.argsort(-violation, axis=None, kind="stable")[: max(1, min(shown, bad))]
    places = [tuple(int(i) for i in np.unravel_index(k, close.shape)) for k in order]
    lines = [
        f"Error {float(violation[places[0]]):f} exceeds tolerance rtol={rtol:e}, atol={atol:e} "
        f"(mismatch {100 * bad / close.size:f}%).",
        locationError(wide_a, wide_b, places[0], names, maxError=True),
    ]
    if shown > 0:
        lines.append(f" {bad} of {close.size} elements differ" + (", the worst:" if bad > shown else ":"))
        for place in places:
            value_a, value_b = wide_a[place].item(), wide_b[place].item()
            lines.append(
                f"  {place}: {names[0]}={value_a!r}, {names[1]}={value_b!r}, "
                f"error {float(violation[place]):g}"
            )
    return _message("\n".join(lines), a, b, names)


def _message(text: str, a: Array, b: Array, names: Names) -> str:
    with np.printoptions(threshold=_THRESHOLD, suppress=True):
        shown = "\n".join(f" {name}: {value!r}" for name, value in zip(names, (a, b)))
    separator = " " if "\n" not in text and len(text) < 59 else "\n"  # NumPy's rule for its own messages
    return f"\nItems are not equal:{separator}{text}\n{shown}"
