"""Functions of `mx.nd` that are no operator of their own: arithmetic of arrays and numbers, moveaxis,
concatenate, split_v2, histogram and the like.

Everything ends in operators of the registry, so that it is recorded and runs where its arrays are.
"""

from __future__ import annotations

import operator as op
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import numpy as np

from ..base import MXNetError
from ..ops.schema import find_op
from . import imperative
from .makers import array
from .ndarray import NDArray, Number


def _run(name: str, inputs: list[NDArray], out: list[NDArray] | None = None, **params: Any) -> list[NDArray]:
    results: list[NDArray] = imperative.invoker.invoke(find_op(name), inputs, params, out)
    return results


def _several(results: list[NDArray]) -> Any:
    return results[0] if len(results) == 1 else results


def concatenate(arrays: Sequence[NDArray], axis: int = 0, always_copy: bool = True) -> NDArray:
    """One array of several along an axis; a single one is returned as it is where `always_copy` is not set.

    Raises
    ------
    TypeError
        No list of NDArrays, an empty one, or different element types.
    """
    if not isinstance(arrays, (list, tuple)) or not arrays or any(not isinstance(a, NDArray) for a in arrays):
        raise TypeError("concatenate expects a non-empty list of NDArrays")
    if len({a.dtype for a in arrays}) > 1:
        raise TypeError(f"concatenate: element types differ: {', '.join(a.dtype.__name__ for a in arrays)}")
    if len(arrays) == 1 and not always_copy:
        return arrays[0]
    return _run("Concat", list(arrays), dim=axis)[0]


def _axes(what: str, given: Any, ndim: int) -> list[int]:
    axes = [given] if isinstance(given, (int, np.integer)) else list(given)
    found = []
    for a in axes:
        a = op.index(a)
        if not -ndim <= a < ndim:
            raise ValueError(f"{what}: axis {a} is out of range for {ndim} axes")
        found.append(a % ndim)
    if len(set(found)) != len(found):
        raise ValueError(f"{what}: repeated axis in {given}")
    return found


def moveaxis(tensor: NDArray, source: Any, destination: Any) -> NDArray:
    """Axes `source` moved to places `destination` (an int or equally long lists), the others in order.

    >>> from cysym import nd
    >>> nd.moveaxis(nd.zeros((2, 3, 4)), 0, 2).shape
    (3, 4, 2)
    """
    start = _axes("source", source, tensor.ndim)
    end = _axes("destination", destination, tensor.ndim)
    if len(start) != len(end):
        raise ValueError("`source` and `destination` arguments must have the same number of elements")
    order = [a for a in range(tensor.ndim) if a not in start]
    for to, a in sorted(zip(end, start, strict=True)):
        order.insert(to, a)
    return _run("transpose", [tensor], axes=tuple(order))[0]


def split_v2(
    ary: NDArray, indices_or_sections: int | Sequence[int], axis: int = 0, squeeze_axis: bool = False
) -> Any:
    """Parts of an array along an axis: equal ones for an int, cut in front of the indices of a tuple.

    Raises
    ------
    ValueError
        Neither int nor tuple, or the axis cannot be divided equally.
    """
    params: dict[str, Any] = {"axis": axis, "squeeze_axis": squeeze_axis}
    at = _axes("split_v2", axis, ary.ndim)[0]
    if isinstance(indices_or_sections, (int, np.integer)) and not isinstance(indices_or_sections, bool):
        n = int(indices_or_sections)
        if n < 1 or ary.shape[at] % n:
            raise ValueError(
                f"array split of axis {axis} with size {ary.shape[at]} into {n} does not result in an equal "
                f"division"
            )
        params |= {"indices": (), "sections": n}
    elif isinstance(indices_or_sections, tuple):
        params |= {"indices": (0, *indices_or_sections), "sections": 0}
    else:
        raise ValueError("indices_or_sections must either int or tuple of ints")
    return _several(_run("_split_v2", [ary], **params))


def histogram(a: NDArray, bins: Any = 10, range: Any = None) -> Sequence[NDArray]:
    """Counts of the values of `a` in bins, and the edges of these.

    Parameters
    ----------
    bins
        Number of equal bins over `range`, or an NDArray of edges. Without `range` they go from the least to
        the largest value, and counts and edges are NumPy's as float32, a tuple: as MXNet has it.
    """
    if isinstance(bins, NDArray):
        return _run("_histogram", [a, bins])
    if isinstance(bins, bool) or not isinstance(bins, (int, np.integer)):
        raise ValueError("bins argument should be either an integer or an NDArray")
    if range is None:
        counts, edges = np.histogram(a.asnumpy(), bins=int(bins))
        return array(counts, a.context), array(edges, a.context)
    return _run("_histogram", [a], bin_cnt=int(bins), range=tuple(range))


def onehot_encode(indices: NDArray, out: NDArray) -> NDArray:
    """Rows of `out` with a one at the index and zeros elsewhere (deprecated; use `one_hot`)."""
    if out.ndim != 2 or indices.ndim != 1:
        raise MXNetError(
            f"onehot_encode: expected indices (n,) and out (n, depth), got {indices.shape}, {out.shape}"
        )
    dtype = out.dtype.__name__
    return _run("one_hot", [indices], [out], depth=out.shape[1], dtype=dtype)[0]


def imdecode(
    str_img: Any, clip_rect: Any = (0, 0, 0, 0), out: Any = None, index: int = 0, channels: int = 3,
    mean: Any = None,
) -> NoReturn:  # fmt: skip
    """Not supported, and failing in MXNet 1.9.1, too: `mx.image.imdecode` decodes images.

    Raises
    ------
    MXNetError
        Always.
    """
    raise MXNetError(
        "mx.nd.imdecode is not supported; use mx.image.imdecode, then crop and subtract the mean"
    )


class CachedOp:
    """Not supported: it belongs to Gluon's hybrid blocks. Bind a Symbol instead."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise MXNetError("CachedOp belongs to Gluon, which is not supported; bind a Symbol instead")


def mixed(name: str, tensor: str, scalar: str, reverse: str, numbers: Callable[[Any, Any], Any]) -> Any:
    """A function of two arrays, an array and a number either way round, or two numbers."""

    def function(lhs: Any, rhs: Any) -> Any:
        if isinstance(lhs, NDArray) and isinstance(rhs, NDArray):
            return _run(tensor, [lhs, rhs])[0]
        if isinstance(lhs, NDArray) and isinstance(rhs, Number):
            return _run(scalar, [lhs], scalar=float(rhs))[0]
        if isinstance(rhs, NDArray) and isinstance(lhs, Number):
            return _run(reverse, [rhs], scalar=float(lhs))[0]
        if isinstance(lhs, Number) and isinstance(rhs, Number):
            return numbers(lhs, rhs)
        wrong = lhs if not isinstance(lhs, (NDArray, *Number)) else rhs
        raise TypeError(f"{name}: type {type(wrong)} not supported")

    function.__name__ = function.__qualname__ = name
    function.__module__ = __name__
    function.__doc__ = (
        f"`{tensor}` of arrays and numbers, element by element with broadcasting.\n\n"
        "Parameters\n----------\nlhs, rhs : NDArray or number\n    A number takes the array's element type."
        "\n\nReturns\n-------\nNDArray, or a number where both are numbers"
    )
    return function


def _truth(function: Callable[[bool, bool], bool]) -> Callable[[Any, Any], int]:
    return lambda a, b: int(function(bool(a), bool(b)))


def _compare(function: Callable[[Any, Any], Any]) -> Callable[[Any, Any], int]:
    return lambda a, b: int(function(a, b))


#: name -> operators for two arrays, array and number, number and array; function of two numbers
MIXED: dict[str, tuple[str, str, str, Callable[[Any, Any], Any]]] = {
    "add": ("broadcast_add", "_plus_scalar", "_plus_scalar", op.add),
    "subtract": ("broadcast_sub", "_minus_scalar", "_rminus_scalar", op.sub),
    "multiply": ("broadcast_mul", "_mul_scalar", "_mul_scalar", op.mul),
    "divide": ("broadcast_div", "_div_scalar", "_rdiv_scalar", op.truediv),
    "true_divide": ("broadcast_div", "_div_scalar", "_rdiv_scalar", op.truediv),
    "modulo": ("broadcast_mod", "_mod_scalar", "_rmod_scalar", op.mod),
    "maximum": ("broadcast_maximum", "_maximum_scalar", "_maximum_scalar", max),
    "minimum": ("broadcast_minimum", "_minimum_scalar", "_minimum_scalar", min),
    "hypot": ("broadcast_hypot", "_hypot_scalar", "_hypot_scalar", np.hypot),
    "equal": ("broadcast_equal", "_equal_scalar", "_equal_scalar", _compare(op.eq)),
    "not_equal": ("broadcast_not_equal", "_not_equal_scalar", "_not_equal_scalar", _compare(op.ne)),
    "greater": ("broadcast_greater", "_greater_scalar", "_lesser_scalar", _compare(op.gt)),
    "greater_equal": (
        "broadcast_greater_equal", "_greater_equal_scalar", "_lesser_equal_scalar", _compare(op.ge),
    ),
    "lesser": ("broadcast_lesser", "_lesser_scalar", "_greater_scalar", _compare(op.lt)),
    "lesser_equal": (
        "broadcast_lesser_equal", "_lesser_equal_scalar", "_greater_equal_scalar", _compare(op.le),
    ),
    "logical_and": ("broadcast_logical_and", "_logical_and_scalar", "_logical_and_scalar", _truth(op.and_)),
    "logical_or": ("broadcast_logical_or", "_logical_or_scalar", "_logical_or_scalar", _truth(op.or_)),
    "logical_xor": ("broadcast_logical_xor", "_logical_xor_scalar", "_logical_xor_scalar", _truth(op.xor)),
}  # fmt: skip

_power = mixed("power", "broadcast_power", "_power_scalar", "_rpower_scalar", op.pow)


def power(base: Any, exp: Any) -> Any:
    """``base ** exp`` of arrays and numbers, element by element with broadcasting.

    Parameters
    ----------
    base, exp : NDArray or number
        A number takes the array's element type.

    Returns
    -------
    NDArray, or a number where both are numbers
    """
    return _power(base, exp)
