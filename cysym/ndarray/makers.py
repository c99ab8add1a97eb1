"""Functions that make arrays: empty, zeros, ones, full, array, arange, linspace, eye.

A dimension 0 is refused outside `np_shape`, as in MXNet. Values are made by operators on the device, or on
the host and written once.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import util
from ..base import MXNetError
from ..context import Context, current_context
from ..dtypes import NAMES, dtype_code
from ..ops.schema import find_op
from . import imperative
from .access import to_host
from .indexing import MOST_DIMS
from .ndarray import NDArray


def dims_of(shape: Any) -> tuple[int, ...]:
    """Shape as a tuple of int.

    Raises
    ------
    TypeError, MXNetError
        Something else than whole numbers; a size below 1 (below 0 under `np_shape`).
    """
    dims = (shape,) if isinstance(shape, (int, np.integer)) else tuple(shape)
    for d in dims:
        if not isinstance(d, (int, np.integer)) or isinstance(d, bool):
            raise TypeError(f"shape must be integers, got {shape!r}")
        if d < 0 or (d == 0 and not util.is_np_shape()):
            raise MXNetError(
                f"shape {dims}: dimension {d} is not a size" + ("" if d else "; use mx.util.np_shape()")
            )
    if len(dims) > MOST_DIMS:
        raise MXNetError(f"a shape of {len(dims)} dimensions; the limit is {MOST_DIMS}")
    if not dims and not util.is_np_shape():
        raise MXNetError("shape () needs mx.util.np_shape()")
    return tuple(int(d) for d in dims)


def context_of(ctx: Any) -> Context:
    """`ctx`, or the current context for None."""
    if ctx is None:
        return current_context()
    if not isinstance(ctx, Context):
        raise TypeError(f"ctx must be a Context, got {ctx!r}")
    return ctx


def _dense(stype: Any) -> None:
    if stype not in (None, "default"):
        raise MXNetError(f"storage type {stype!r} is not supported; arrays are dense ('default')")


def _out(name: str, kwargs: dict[str, Any]) -> Any:
    """`out` among the keywords; a `name` is accepted and ignored, as for operators."""
    out = kwargs.pop("out", None)
    kwargs.pop("name", None)
    if kwargs:
        raise TypeError(f"{name}() got unexpected keyword arguments {', '.join(kwargs)}")
    return out


def empty(shape: Any, ctx: Any = None, dtype: Any = None, stype: Any = None) -> NDArray:
    """Array with undefined contents.

    Parameters
    ----------
    shape : int or tuple of int
        Sizes of the dimensions.
    ctx : Context, optional
        Device; the current context unless given.
    dtype : dtype or str, optional
        Type of the elements; float32 unless given.
    stype : optional
        Storage type; only dense arrays (None, ``'default'``) are made.

    Raises
    ------
    MXNetError
        A size below 1, an unknown type, a sparse storage type.
    TypeError
        `shape` holds something else than whole numbers, or `ctx` is no Context.
    """
    _dense(stype)
    result: NDArray = imperative.empty(dims_of(shape), context_of(ctx), dtype_code(dtype or np.float32))
    return result


def zeros(shape: Any, ctx: Any = None, dtype: Any = None, stype: Any = None, **kwargs: Any) -> NDArray:
    """Array of zeros, with the parameters of `empty`; `out` is filled instead where given.

    >>> zeros((2, 3), dtype="int32").dtype
    <class 'numpy.int32'>
    """
    _dense(stype)
    out = _out("zeros", kwargs)
    if out is not None:
        return full(shape, 0, ctx, dtype, out)
    code = dtype_code(dtype or np.float32)
    result: NDArray = imperative.empty(dims_of(shape), context_of(ctx), code, zero=True)
    return result


def full(
    shape: Any, val: float, ctx: Any = None, dtype: Any = np.float32, out: NDArray | None = None
) -> NDArray:
    """Array of one value.

    Parameters
    ----------
    shape, ctx, dtype
        As for `empty`.
    val : float
        Value of all elements.
    out : NDArray, optional
        Filled and returned instead of a new array.
    """
    result = empty(shape, ctx, dtype) if out is None else out
    result[:] = val
    return result


def ones(shape: Any, ctx: Any = None, dtype: Any = None, **kwargs: Any) -> NDArray:
    """Array of ones, with the parameters of `empty`; `out` is filled instead where given."""
    return full(shape, 1, ctx, dtype or np.float32, _out("ones", kwargs))


def array(source_array: Any, ctx: Any = None, dtype: Any = None) -> NDArray:
    """Array from anything NumPy understands.

    Parameters
    ----------
    source_array : array_like
        An NDArray, a NumPy array, a number, a (nested) list of numbers.
    ctx : Context, optional
        Device; the current context unless given.
    dtype : dtype or str, optional
        Type of the elements. Unless given, that of `source_array` where it is an NDArray, else float32,
        whatever NumPy would make of it.

    Returns
    -------
    NDArray
        A copy; a number gives shape (1,).

    Raises
    ------
    TypeError
        `source_array` is no array of numbers.

    >>> array([[1, 2], [3, 4]]).shape
    (2, 2)
    """
    if isinstance(source_array, NDArray):
        code = source_array.spec[1] if dtype is None else dtype_code(dtype)
        return source_array.as_in_context(context_of(ctx)).astype(NAMES[code])
    host = to_host(source_array, dtype_code(dtype or np.float32))
    if host.ndim == 0 and not util.is_np_shape():
        host = host.reshape(1)
    result: NDArray = imperative.from_numpy(host, context_of(ctx))
    return result


def _run(name: str, ctx: Any, params: dict[str, Any]) -> NDArray:
    result: NDArray = imperative.invoker.invoke(find_op(name), [], params, None, context_of(ctx))[0]
    return result


def arange(
    start: float, stop: float | None = None, step: float = 1.0, repeat: int = 1, infer_range: Any = None,
    ctx: Any = None, dtype: Any = np.float32,
) -> NDArray:  # fmt: skip
    """Evenly spaced numbers from `start` to below `stop`, each repeated `repeat` times.

    ``arange(n)`` counts from 0 to n - 1. An empty range is an MXNetError, as in MXNet. `infer_range` is
    accepted and has no meaning here: there is no consumer to take the length from.
    """
    if stop is None:
        start, stop = 0, start
    code = dtype_code(dtype or np.float32)
    params = {"start": start, "stop": stop, "step": step, "repeat": repeat, "dtype": NAMES[code]}
    return _run("_arange", ctx, params)


def linspace(
    start: float, stop: float, num: int, endpoint: bool = True, ctx: Any = None, dtype: Any = np.float32
) -> NDArray:
    """`num` evenly spaced numbers from `start` to `stop`, which is left out unless `endpoint`."""
    if isinstance(num, bool) or not isinstance(num, (int, np.integer)) or num < 0:
        raise MXNetError(f"linspace: num must be a whole number from 0, got {num!r}")
    try:
        values = np.linspace(start, stop, int(num), bool(endpoint))
    except (MemoryError, ValueError) as error:
        raise MXNetError(f"linspace: no {num} numbers from {start!r} to {stop!r}: {error}") from None
    return array(values, ctx, dtype)


def eye(N: int, M: int = 0, k: int = 0, ctx: Any = None, dtype: Any = None, **kwargs: Any) -> NDArray:
    """N x M array (M=0: square) of zeros with ones on diagonal `k`; `kwargs` are those of operator `_eye`."""
    from . import _internal

    params = {"N": N, "M": M, "k": k, "dtype": NAMES[dtype_code(dtype or np.float32)]}
    made: NDArray = _internal._eye(**params, ctx=ctx, **kwargs)
    return made


__all__ = [
    "arange", "array", "context_of", "dims_of", "empty", "eye", "full", "linspace", "ones", "zeros",
]  # fmt: skip
