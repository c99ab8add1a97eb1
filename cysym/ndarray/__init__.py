"""`mx.nd`: NDArray, makers, files, and one function per operator of the registry."""

from __future__ import annotations

import os
import sys
import types
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .. import util
from ..base import MXNetError
from ..context import Context, current_context
from ..dtypes import NAMES, dtype_code
from ..formats import params as _params
from ..formats.atomic import write_atomic
from ..ops.schema import OpDef, all_ops
from ..symbol.register import explain_absent, make_function, split_arguments, submodule
from . import imperative
from .ndarray import NDArray, Number, waitall

__all__ = [
    "NDArray", "arange", "array", "concatenate", "empty", "from_numpy", "full", "load", "load_frombuffer",
    "ones", "ones_like", "save", "waitall", "zeros", "zeros_like",
]  # fmt: skip

imperative.invoker = imperative.make_invoker()


def _dims(shape: Any) -> tuple[int, ...]:
    dims = (shape,) if isinstance(shape, (int, np.integer)) else tuple(shape)
    for d in dims:
        if not isinstance(d, (int, np.integer)) or isinstance(d, bool):
            raise TypeError(f"shape must be integers, got {shape!r}")
        if d < 0 or (d == 0 and not util.is_np_shape()):
            raise MXNetError(
                f"shape {dims}: dimension {d} is not a size" + ("" if d else "; use mx.util.np_shape()")
            )
    return tuple(int(d) for d in dims)


def _context(ctx: Any) -> Context:
    if ctx is None:
        return current_context()
    if not isinstance(ctx, Context):
        raise TypeError(f"ctx must be a Context, got {ctx!r}")
    return ctx


def empty(shape: Any, ctx: Any = None, dtype: Any = None, stype: Any = None) -> NDArray:
    """Array with undefined contents; float32 unless `dtype` says otherwise."""
    result: NDArray = imperative.empty(_dims(shape), _context(ctx), dtype_code(dtype or np.float32))
    return result


def zeros(shape: Any, ctx: Any = None, dtype: Any = None, stype: Any = None, **kwargs: Any) -> NDArray:
    """Array of zeros."""
    result: NDArray = imperative.empty(
        _dims(shape), _context(ctx), dtype_code(dtype or np.float32), zero=True
    )
    return result


def full(
    shape: Any, val: float, ctx: Any = None, dtype: Any = np.float32, out: NDArray | None = None
) -> NDArray:
    """Array of one value."""
    result = empty(shape, ctx, dtype) if out is None else out
    result[:] = val
    return result


def ones(shape: Any, ctx: Any = None, dtype: Any = None, **kwargs: Any) -> NDArray:
    """Array of ones."""
    return full(shape, 1, ctx, dtype or np.float32)


def array(source_array: Any, ctx: Any = None, dtype: Any = None) -> NDArray:
    """Array from anything NumPy understands; float32 unless `dtype` or an NDArray source says otherwise.

    >>> array([[1, 2], [3, 4]]).shape
    (2, 2)
    """
    if isinstance(source_array, NDArray):
        code = source_array.spec[1] if dtype is None else dtype_code(dtype)
        return source_array.as_in_context(_context(ctx)).astype(NAMES[code])
    try:
        host = np.asarray(source_array, dtype=NAMES[dtype_code(dtype or np.float32)])
    except (TypeError, ValueError) as error:
        raise TypeError(f"source_array must be array like object: {error}") from None
    if host.ndim == 0 and not util.is_np_shape():
        host = host.reshape(1)
    result: NDArray = imperative.empty(_dims(host.shape), _context(ctx), dtype_code(host.dtype))
    result._write(host)
    return result


def from_numpy(ndarray: np.ndarray, zero_copy: bool = False) -> NDArray:
    """Array with a NumPy array's own element type."""
    result: NDArray = imperative.from_numpy(np.asarray(ndarray), current_context())
    return result


def arange(
    start: float, stop: float | None = None, step: float = 1.0, repeat: int = 1, infer_range: Any = None,
    ctx: Any = None, dtype: Any = np.float32,
) -> NDArray:  # fmt: skip
    """Evenly spaced numbers, as `numpy.arange`, each repeated `repeat` times."""
    if stop is None:
        start, stop = 0, start
    return array(np.repeat(np.arange(start, stop, step), repeat), ctx, dtype)


def concatenate(arrays: Sequence[NDArray], axis: int = 0, always_copy: bool = True) -> NDArray:
    """One array of several along an axis."""
    if not arrays or any(not isinstance(a, NDArray) for a in arrays):
        raise TypeError("concatenate expects a non-empty list of NDArrays")
    if len(arrays) == 1 and not always_copy:
        return arrays[0]
    result: NDArray = sys.modules[__name__].concat(*arrays, dim=axis)
    return result


# --- files --------------------------------------------------------------------------------------------------
def save(fname: str, data: Any) -> None:
    """Write an array, a list or a dict str -> array in MXNet's format, atomically."""
    names: list[str] = []
    if isinstance(data, NDArray):
        data = [data]
    if isinstance(data, dict):
        for key, value in data.items():
            if not isinstance(key, str) or not isinstance(value, NDArray):
                raise TypeError("save only accept dict str->NDArray or list of NDArray")
        names, arrays = list(data), list(data.values())
    elif isinstance(data, list):
        if any(not isinstance(a, NDArray) for a in data):
            raise TypeError("save only accept dict str->NDArray or list of NDArray")
        arrays = data
    else:
        raise ValueError(
            "data needs to either be a NDArray, dict of str, NDArray pairs or a list of NDarrays."
        )
    write_atomic(fname, _params.dumps([a.asnumpy() for a in arrays], names, util.is_np_shape()))


def _loaded(arrays: Sequence[Any], names: Sequence[str]) -> Any:
    made = [imperative.from_numpy(a, Context("cpu", 0)) for a, *_ in arrays]
    return dict(zip(names, made)) if names else made


def load(fname: str) -> Any:
    """Arrays of a file of any MXNet version: a list, or a dict when they have names.

    Raises
    ------
    FormatError
        Naming offset, record, expected and got.
    """
    if not isinstance(fname, (str, os.PathLike)):
        raise TypeError("fname required to be a string")
    try:
        return _loaded(*_params.load(fname, util.is_np_shape()))
    except OSError as error:
        raise MXNetError(f'Open "{fname}": {error.strerror}') from error


def load_frombuffer(buf: bytes) -> Any:
    """Like `load` from bytes."""
    return _loaded(*_params.loads(buf, util.is_np_shape()))


# --- operators ----------------------------------------------------------------------------------------------
def _call(cls: type[OpDef], function_name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    out = ctx = None
    if kwargs:
        kwargs.pop("name", None)
        out = kwargs.pop("out", None)
        ctx = kwargs.pop("ctx", None)
    plain = not kwargs
    if plain:
        for a in args:
            if not isinstance(a, NDArray):
                plain = False
                break
    if plain:
        inputs: list[Any] = list(args)
        params: dict[str, Any] = {}
    else:
        if cls.variadic:
            kwargs.pop(cls.variadic, None)
        inputs, named, params = split_arguments(cls, function_name, args, kwargs, NDArray)
        if named:
            if cls.variadic:
                inputs += list(named.values())
            else:
                inputs = _ordered(cls, function_name, inputs, named)
        inputs = [a for a in inputs if a is not None]
    if inputs:
        ctx = None
    else:
        ctx = _parse_context(ctx) if isinstance(ctx, str) and ctx else ctx or current_context()
    if out is not None:
        out = [out] if isinstance(out, NDArray) else out
        if not isinstance(out, (list, tuple)) or any(not isinstance(a, NDArray) for a in out):
            raise TypeError(f"{function_name}: out must be an NDArray or a list of them, got {type(out)}")
    results = imperative.invoker.invoke(cls, inputs, params, out, ctx)
    return results[0] if len(results) == 1 else results


def _parse_context(text: str) -> Context:
    kind, _, number = text.rstrip(")").partition("(")
    return Context(kind, int(number or 0))


def _ordered(cls: type[OpDef], function_name: str, inputs: list[Any], named: Mapping[str, Any]) -> list[Any]:
    names = cls.inputs + cls.aux
    slots: dict[str, Any] = dict(zip(names, inputs))
    for key, value in named.items():
        if key not in names:
            raise MXNetError(f"{function_name}: no input named {key!r}; inputs are {', '.join(names)}")
        if key in slots:
            raise TypeError(f"{function_name} got input {key!r} twice, by position and by name")
        slots[key] = value
    return [slots[n] for n in names if n in slots]


_module = sys.modules[__name__]
_functions = {
    _name: make_function(_name, _cls, _call, __name__, "NDArray", ("out", "name"))
    for _name, _cls in all_ops().items()
}
op = _internal = submodule(__name__, "_internal", ("",), _functions)
linalg = submodule(__name__, "linalg", ("_linalg_",), _functions)
contrib = submodule(__name__, "contrib", ("_contrib_",), _functions)
image = submodule(__name__, "image", ("_image_",), _functions)
explain_absent(_module, ("",))
for _name, _cls in all_ops().items():
    _function = _functions[_name]
    if not hasattr(_module, _name):
        setattr(_module, _name, _function)
    if _name.isidentifier() and not _name.startswith("_") and not hasattr(NDArray, _name) and _cls.inputs:
        setattr(NDArray, _name, (lambda f: lambda self, *args, **kwargs: f(self, *args, **kwargs))(_function))


def _mixed(name: str, op: str, scalar_op: str, reverse_op: str) -> Any:
    """A function of two arrays or an array and a number, broadcasting."""

    def function(lhs: Any, rhs: Any) -> Any:
        call = getattr(_internal, op)
        if isinstance(lhs, NDArray) and isinstance(rhs, NDArray):
            return call(lhs, rhs)
        if isinstance(lhs, NDArray) and isinstance(rhs, Number):
            return getattr(_internal, scalar_op)(lhs, scalar=rhs)
        if isinstance(rhs, NDArray) and isinstance(lhs, Number):
            return getattr(_internal, reverse_op)(rhs, scalar=lhs)
        raise TypeError(f"{name}: types ({type(lhs)}, {type(rhs)}) not supported")

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"`{op}` of arrays and numbers, with broadcasting."
    return function


for _name, _op, _scalar, _reverse in (
    ("add", "broadcast_add", "_plus_scalar", "_plus_scalar"),
    ("subtract", "broadcast_sub", "_minus_scalar", "_rminus_scalar"),
    ("multiply", "broadcast_mul", "_mul_scalar", "_mul_scalar"),
    ("divide", "broadcast_div", "_div_scalar", "_rdiv_scalar"),
    ("true_divide", "broadcast_div", "_div_scalar", "_rdiv_scalar"),
    ("modulo", "broadcast_mod", "_mod_scalar", "_rmod_scalar"),
    ("power", "broadcast_power", "_power_scalar", "_rpower_scalar"),
    ("maximum", "broadcast_maximum", "_maximum_scalar", "_maximum_scalar"),
    ("minimum", "broadcast_minimum", "_minimum_scalar", "_minimum_scalar"),
    ("equal", "broadcast_equal", "_equal_scalar", "_equal_scalar"),
    ("not_equal", "broadcast_not_equal", "_not_equal_scalar", "_not_equal_scalar"),
    ("greater", "broadcast_greater", "_greater_scalar", "_lesser_scalar"),
    ("greater_equal", "broadcast_greater_equal", "_greater_equal_scalar", "_lesser_equal_scalar"),
    ("lesser", "broadcast_lesser", "_lesser_scalar", "_greater_scalar"),
    ("lesser_equal", "broadcast_lesser_equal", "_lesser_equal_scalar", "_greater_equal_scalar"),
):
    setattr(_module, _name, _mixed(_name, _op, _scalar, _reverse))

random = types.ModuleType(f"{__name__}.random", "Random arrays; see `mx.random`.")
sys.modules[random.__name__] = random
