"""`mx.nd`: NDArray, makers, files, and one function per operator of the registry."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from .. import util
from ..arguments import file_name
from ..base import MXNetError
from ..context import Context, current_context
from ..dtypes import MX_TO_NP, NP_TO_MX
from ..formats import numpy_files
from ..formats import params as _params
from ..formats.atomic import write_atomic
from ..ops.schema import OpDef, all_ops
from ..suggest import file_hint
from ..symbol.fluent import add_methods
from ..symbol.register import explain_absent, make_function, split_arguments, submodule
from . import contrib as _contrib
from . import imperative, tape
from .exchange import from_dlpack, from_numpy, to_dlpack_for_read, to_dlpack_for_write
from .functions import (
    MIXED,
    CachedOp,
    concatenate,
    histogram,
    imdecode,
    mixed,
    moveaxis,
    onehot_encode,
    power,
    split_v2,
)
from .makers import arange, array, empty, eye, full, linspace, ones, zeros
from .masking import boolean_mask
from .ndarray import NDArray, waitall

__all__ = [
    "CachedOp", "NDArray", "arange", "array", "concatenate", "empty", "eye", "from_dlpack", "from_numpy",
    "full", "histogram", "imdecode", "linspace", "load", "load_frombuffer", "moveaxis", "onehot_encode",
    "ones", "ones_like", "save", "split_v2", "to_dlpack_for_read", "to_dlpack_for_write", "waitall", "zeros",
    "zeros_like",
]  # fmt: skip

imperative.invoker = imperative.make_invoker()


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


def _loaded(data: bytes | bytearray | memoryview, source: str = "buffer") -> Any:
    """NDArrays of the bytes of a file, of MXNet's format or NumPy's."""
    if numpy_files.is_numpy(bytes(memoryview(data).cast("B")[:8])):
        arrays, names = numpy_files.loads(data, util.is_np_shape(), source)
    else:
        arrays, listed = _params.loads(data, util.is_np_shape(), source)
        names = listed or None  # an empty dict, too, comes back as a list, as in MXNet
    made = [imperative.from_numpy(a, Context("cpu", 0)) for a, *_ in arrays]
    return made if names is None else dict(zip(names, made))


def load(fname: str) -> Any:
    """Arrays of a file of any MXNet version, or of NumPy: a list, or a dict when they have names.

    Parameters
    ----------
    fname : str or os.PathLike
        A file of ``mx.nd.save``; or, which MXNet 1.x refuses, a ``.npz`` (a dict) or ``.npy`` (a list of one)
        of numbers. The content decides, not the name.

    Raises
    ------
    FormatError
        Naming offset, record, expected and got. Files of NumPy that hold a pickle are refused unread.
    MXNetError
        The file cannot be opened.
    """
    if not isinstance(fname, (str, os.PathLike)):
        raise TypeError(f"fname required to be a string, got {fname!r}")
    try:
        with open(file_name(fname), "rb") as stream:
            return _loaded(stream.read(), os.fspath(fname))
    except OSError as error:
        near = file_hint(os.fspath(fname)) if isinstance(error, FileNotFoundError) else ""
        raise MXNetError(f'Open "{fname}": {error.strerror}{near}') from error


def load_frombuffer(buf: bytes) -> Any:
    """Like `load` from bytes."""
    if not isinstance(buf, (bytes, bytearray, memoryview)):
        raise TypeError(f"buf must be bytes, got {type(buf).__name__}")
    return _loaded(buf)


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
                op = imperative.make_op(cls, {**params}, len(inputs)) if cls.is_callback else None
                names = cls.inputs + cls.aux if op is None else op.input_names() + op.aux_names()
                inputs = _ordered(names, function_name, inputs, named)
        inputs = [a for a in inputs if a is not None]
    if inputs:
        ctx = None
    else:
        ctx = _parse_context(ctx) if isinstance(ctx, str) and ctx else ctx or current_context()
    if out is not None:
        out = [out] if isinstance(out, NDArray) else out
        if not isinstance(out, (list, tuple)) or any(not isinstance(a, NDArray) for a in out):
            raise TypeError(f"{function_name}: out must be an NDArray or a list of them, got {type(out)}")
    if out and cls.formed_by_out and not (inputs and tape.is_recording()):
        for a in out:
            tape.refuse_write(a)
        op = imperative.make_op(cls, params, len(inputs))
        return imperative.invoker.invoke_op(op, inputs, tuple(a.spec for a in out), out, out[0].context)[0]
    results = imperative.invoker.invoke(cls, inputs, params, out, ctx)
    return results[0] if len(results) == 1 else results


def _parse_context(text: str) -> Context:
    kind, _, number = text.rstrip(")").partition("(")
    return Context(kind, int(number or 0))


def _ordered(
    names: Sequence[str], function_name: str, inputs: list[Any], named: Mapping[str, Any]
) -> list[Any]:
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
_functions["_contrib_boolean_mask"] = boolean_mask
_internal = submodule(__name__, "_internal", ("",), _functions)
op = submodule(__name__, "op", ("",), {n: f for n, f in _functions.items() if not n.startswith("_")})
_internal.CachedOp = op.CachedOp = CachedOp  # type: ignore[attr-defined]
linalg = submodule(__name__, "linalg", ("_linalg_",), _functions)
contrib = submodule(__name__, "contrib", ("_contrib_",), _functions)
vars(contrib).update((_name, getattr(_contrib, _name)) for _name in _contrib.__all__)
image = submodule(__name__, "image", ("_image_",), _functions)
explain_absent(_module, ("",))
for _name, _cls in all_ops().items():
    _function = _functions[_name]
    if _name not in vars(_module):
        setattr(_module, _name, _function)
for _name, _operators in MIXED.items():
    setattr(_module, _name, mixed(_name, *_operators))
add_methods(NDArray, {**vars(_internal), "split_v2": split_v2})

# `from mxnet.ndarray import *` is how some programs get at the operators.
__all__ += sorted({
    *(_name for _name in _functions if not _name.startswith("_")), *MIXED,
    "contrib", "image", "linalg", "power", "random",
} - {*__all__})  # fmt: skip
# MXNet defines these in the module of NDArray, and programs import them from there.
_DTYPE_NP_TO_MX, _DTYPE_MX_TO_NP = NP_TO_MX, MX_TO_NP
_GRAD_REQ_MAP = {"null": 0, "write": 1, "add": 3}
_STORAGE_TYPE_STR_TO_ID = {"undefined": -1, "default": 0, "row_sparse": 1, "csr": 2}
vars(sys.modules[f"{__name__}.ndarray"]).update((_name, getattr(_module, _name)) for _name in (
    "add", "arange", "array", "concatenate", "divide", "empty", "equal", "eye", "from_dlpack", "from_numpy",
    "full", "greater", "greater_equal", "histogram", "imdecode", "lesser", "lesser_equal", "linspace",
    "logical_and", "logical_or", "logical_xor", "maximum", "minimum", "modulo", "moveaxis", "multiply",
    "not_equal", "onehot_encode", "ones", "power", "split_v2", "subtract", "to_dlpack_for_read",
    "to_dlpack_for_write", "true_divide", "zeros", "_DTYPE_MX_TO_NP", "_DTYPE_NP_TO_MX", "_GRAD_REQ_MAP",
    "_STORAGE_TYPE_STR_TO_ID",
))  # fmt: skip

from . import random, utils  # noqa: E402  # made of the functions above
