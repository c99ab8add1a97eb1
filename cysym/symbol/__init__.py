"""`mx.sym`: Symbol, variables, groups, files, and one function per operator of the registry."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from .. import attribute as _attribute
from .. import ops as _ops
from .._core import Node
from ..arguments import file_name, number, shown
from ..base import MXNetError
from ..callsite import caller
from ..dtypes import dtype_code
from ..formats.symbol_json import hide_attrs
from ..ops.schema import OpDef, all_ops, find_op
from ..suggest import did_you_mean, file_hint
from . import convert
from .compose import attr_text, make_node, refuse_deprecated
from .conversions import METHODS
from .fluent import add_methods
from .register import explain_absent, make_function, split_arguments, submodule
from .symbol import Number, Symbol
from .zipfian import rand_zipfian

__all__ = [
    "Group", "Symbol", "Variable", "eye", "histogram", "hypot", "linspace", "load", "load_json", "split_v2",
    "var",
]  # fmt: skip


_OF_VARIABLES = ("attr", "shape", "lr_mult", "wd_mult", "dtype", "init", "stype")


def Variable(
    name: str,
    attr: Mapping[str, str] | None = None,
    shape: Any = None,
    lr_mult: float | None = None,
    wd_mult: float | None = None,
    dtype: Any = None,
    init: Any = None,
    stype: Any = None,
    **kwargs: Any,
) -> Symbol:
    """A free variable of a graph.

    Parameters
    ----------
    name
        Its name; need not be unique, though binding then becomes ambiguous.
    attr
        String attributes.
    shape, dtype
        Used by inference; 0 is an unknown dimension.
    lr_mult, wd_mult, init
        Kept as attributes for optimizers and initializers.
    **kwargs
        Further attributes, written ``__like_this__``.

    >>> Variable("data")
    <Symbol data>
    """
    if not isinstance(name, str):
        raise TypeError("Expect a string for variable `name`")
    attrs = _attribute.current().get(attr)
    for value in attrs.values():
        if not isinstance(value, str):
            raise ValueError("Set Attr only accepts string values")
    attrs = hide_attrs(attrs)
    refuse_deprecated(attrs, f"variable {name}")
    if shape is not None:
        attrs["__shape__"] = attr_text(shape)
    if lr_mult is not None:
        attrs["__lr_mult__"] = str(lr_mult)
    if wd_mult is not None:
        attrs["__wd_mult__"] = str(wd_mult)
    if dtype is not None:
        attrs["__dtype__"] = str(dtype_code(dtype))
    if init is not None:
        if not isinstance(init, str) and (
            isinstance(init, type) or not callable(getattr(init, "dumps", None))
        ):
            raise TypeError(f"variable {name}: init must be an Initializer or its name, got {shown(init)}")
        written = init if isinstance(init, str) else init.dumps()
        if not isinstance(written, str):  # dumps of something else, NumPy's arrays have one
            raise TypeError(f"variable {name}: init must be an Initializer or its name, got {shown(init)}")
        attrs["__init__"] = written
    if stype is not None:
        codes = {"default": "0", "row_sparse": "1", "csr": "2"}
        if not isinstance(stype, str) or stype not in codes:
            raise MXNetError(f"variable {name}: unknown storage type, stype={shown(stype)}")
        attrs["__storage_type__"] = codes[stype]
    for key, value in kwargs.items():
        if not (key.startswith("__") and key.endswith("__")):
            raise ValueError(
                f"Attribute name={key} is not supported{did_you_mean(key, _OF_VARIABLES)}. Additional "
                "attributes must start and end with double underscores, e.g, __yourattr__"
            )
        attrs[key] = str(value)
    node = Node(None, name, (), attrs)
    node.where = caller(2)
    return Symbol([(node, 0)])


var = Variable


def Group(symbols: Sequence[Symbol], create_fn: Any = Symbol) -> Symbol:
    """One symbol with all outputs of the list, in order."""
    if isinstance(symbols, Symbol):
        raise MXNetError(f"Group: expected a list of symbols, got one symbol, {symbols!r}")
    listed = isinstance(symbols, list | tuple | Iterator)
    found = list(symbols) if listed else []
    if not found or any(not isinstance(s, Symbol) for s in found):
        raise TypeError(f"Expected a list of symbols as input, got {shown(symbols)}")
    result: Symbol = create_fn([e for s in found for e in s._entries])
    return result


def load(fname: str) -> Symbol:
    """Symbol of a JSON file, of any MXNet version.

    Raises
    ------
    MXNetError
        The file is absent, or is no symbol, naming what is wrong where.
    """
    if not isinstance(fname, str) and not hasattr(fname, "__fspath__"):
        raise TypeError(f"fname need to be string, got {shown(fname)}")
    path = file_name(fname)
    try:
        with open(path, "rb") as f:
            text = f.read()
    except OSError as error:
        near = file_hint(path) if isinstance(error, FileNotFoundError) else ""
        raise MXNetError(f'Open "{fname}": {error.strerror}{near}') from error
    return Symbol(convert.from_json(text, str(fname)))


def load_json(json_str: str) -> Symbol:
    """Symbol of JSON text."""
    if not isinstance(json_str, str):
        raise TypeError("json_str required to be string")
    return Symbol(convert.from_json(json_str))


def _call(cls: type[OpDef], function_name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Symbol:
    name = kwargs.pop("name", None)
    attr = kwargs.pop("attr", None)
    if cls.variadic:
        kwargs.pop(cls.variadic, None)
    tensors, named, params = split_arguments(cls, function_name, args, kwargs, Symbol)
    if cls.variadic:
        if named:
            tensors += [named.pop(k) for k in list(named)]
        params[cls.variadic] = cls.count_of(len(tensors))
    entries = [None if t is None else t._single(f"input {i}" if i else "data") for i, t in enumerate(tensors)]
    node = make_node(
        cls, function_name, entries, {k: v._single(k) for k, v in named.items()}, params, name, attr
    )
    if not node.op.num_visible():
        raise MXNetError(f"operator {cls.name} has no output to compose: call mx.nd.{cls.name}")
    return Symbol([(node, k) for k in range(node.op.num_visible())])


def _creation(op: str, name: str | None, **params: Any) -> Symbol:
    return _call(find_op(op), op, (), {"name": name, **params})


def _type_text(dtype: Any) -> str:
    """Text of an element type, float32 by default."""
    return attr_text(np.float32 if dtype is None else dtype)


def zeros(shape: Any, dtype: Any = None, **kwargs: Any) -> Symbol:
    """Zeros; a 0 in `shape` is inferred later."""
    return _creation(
        "_zeros",
        kwargs.pop("name", None),
        shape=shape,
        dtype=_type_text(dtype),
        **kwargs,
    )


def ones(shape: Any, dtype: Any = None, **kwargs: Any) -> Symbol:
    """Ones; a 0 in `shape` is inferred later."""
    return _creation(
        "_ones",
        kwargs.pop("name", None),
        shape=shape,
        dtype=_type_text(dtype),
        **kwargs,
    )


def full(shape: Any, val: float, dtype: Any = None, **kwargs: Any) -> Symbol:
    """A constant."""
    return _creation(
        "_full",
        kwargs.pop("name", None),
        shape=shape,
        value=float(number(val, "val")),
        dtype=_type_text(dtype),
        **kwargs,
    )


def arange(
    start: float, stop: float | None = None, step: float = 1.0, repeat: int = 1, infer_range: bool = False,
    name: str | None = None, dtype: Any = None,
) -> Symbol:  # fmt: skip
    """Evenly spaced numbers, as `numpy.arange`, each repeated `repeat` times."""
    return _creation(
        "_arange", name, start=start, stop=stop, step=step, repeat=repeat, infer_range=infer_range,
        dtype=_type_text(dtype),
    )  # fmt: skip


def _mixed(
    left: Any, right: Any, op: str, left_scalar: str, right_scalar: str, both: Any, hints: Sequence[str]
) -> Any:
    if isinstance(left, Symbol) and isinstance(right, Symbol):
        return left._op(op, hints[0], right)
    if isinstance(left, Symbol) and isinstance(right, Number):
        return left._op(left_scalar, hints[1], scalar=right)
    if isinstance(right, Symbol) and isinstance(left, Number):
        return right._op(right_scalar, hints[2], scalar=left)
    if isinstance(left, Number) and isinstance(right, Number):
        return both(left, right)
    raise TypeError(f"types ({type(left)}, {type(right)}) not supported")


def pow(base: Any, exp: Any) -> Any:
    """``base ** exp`` of Symbols and numbers, element by element."""
    return _mixed(
        base, exp, "_power", "_power_scalar", "_rpower_scalar", lambda a, b: a**b,
        ("_power", "_powerscalar", "_rpowerscalar"),
    )  # fmt: skip


power = pow


def maximum(left: Any, right: Any) -> Any:
    """Element-wise maximum of Symbols and numbers."""
    return _mixed(
        left, right, "_maximum", "_maximum_scalar", "_maximum_scalar", lambda a, b: a if a > b else b,
        ("_maximum", "_maximumscalar", "_maximumscalar"),
    )  # fmt: skip


def minimum(left: Any, right: Any) -> Any:
    """Element-wise minimum of Symbols and numbers."""
    return _mixed(
        left, right, "_minimum", "_minimum_scalar", "_minimum_scalar", lambda a, b: a if a < b else b,
        ("_minimum", "_minimumscalar", "_minimumscalar"),
    )  # fmt: skip


_module = sys.modules[__name__]
_functions = {
    _name: make_function(_name, _cls, _call, __name__, "Symbol", ("name", "attr"))
    for _name, _cls in _ops.all_ops().items()
}
_internal = submodule(__name__, "_internal", ("",), _functions)
op = submodule(__name__, "op", ("",), {n: f for n, f in _functions.items() if not n.startswith("_")})
for _name, _cls in _ops.all_ops().items():
    _function = _functions[_name]
    if _name not in vars(_module):
        setattr(_module, _name, _function)
linalg = submodule(__name__, "linalg", ("_linalg_",), _functions)
contrib = submodule(__name__, "contrib", ("_contrib_",), _functions)
contrib.rand_zipfian = rand_zipfian  # type: ignore[attr-defined]
image = submodule(__name__, "image", ("_image_",), _functions)
explain_absent(_module, ("",))
from . import random  # noqa: E402  # made of the functions above
from .functions import eye, histogram, hypot, linspace, split_v2  # noqa: E402

for _name, _method in METHODS.items():
    setattr(Symbol, _name, _method)
add_methods(Symbol, {**_functions, "split_v2": split_v2})
# `from mxnet.symbol import *` is how some programs get at the operators.
__all__ += sorted({
    *(_name for _name in _functions if not _name.startswith("_")),
    "arange", "contrib", "full", "image", "linalg", "maximum", "minimum", "ones", "pow", "power", "random",
    "zeros",
} - {*__all__})  # fmt: skip
# MXNet defines these in the module of Symbol, and programs import them from there.
vars(sys.modules[f"{__name__}.symbol"]).update((_name, getattr(_module, _name)) for _name in (
    "Group", "Variable", "arange", "eye", "full", "histogram", "hypot", "linspace", "load", "load_json",
    "maximum", "minimum", "ones", "pow", "power", "split_v2", "var", "zeros",
))  # fmt: skip
