"""Errors and the few constants every other module shares, and the helpers old programs import from here.

Nothing here imports another module of the package, so anything may import it. Errors raised to a user are one
of these classes or the plain Python type a user expects (TypeError, ValueError, IndexError).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, TypeVar

import numpy as np

T = TypeVar("T", bound=type[Exception])

string_types = (str,)
numeric_types = (float, int, np.generic)
integer_types = (int, np.int32, np.int64)
basestring = str
long = int
mx_real_t = np.float32


# --- errors -------------------------------------------------------------------------------------------------
class MXNetError(RuntimeError):
    """Any error of the library; the name is MXNet's so that old ``except`` clauses keep working."""


class ShapeError(MXNetError):
    """Shapes do not fit together."""


class TypeInferenceError(MXNetError):
    """Element types do not fit together."""


class IndexRangeError(MXNetError, IndexError):
    """An index, found in an array while a program ran, lies outside the array it points into."""


class DeviceError(MXNetError):
    """A device is absent, was lost, or cannot do what was asked."""


class OutOfMemoryError(MXNetError):
    """A device or the host could not give the memory asked for."""


class FormatError(MXNetError):
    """A file or text is not what its format demands."""


def pickled(state: Any, key: str, types: tuple[type, ...], what: str) -> Any:
    """What the state of a pickle that MXNet wrote holds under `key`.

    Raises
    ------
    FormatError
        There is none, or of another type.
    """
    if not isinstance(state, Mapping) or key not in state:
        raise FormatError(f"the pickle of {what} lacks {key!r}")
    if not isinstance(state[key], types):
        raise FormatError(
            f"the pickle of {what}: expected {' or '.join(t.__name__ for t in types)} under {key!r}, got "
            f"{type(state[key]).__name__}"
        )
    return state[key]


def _not_for(what: str, function: Any, alias: str | None, args: Iterable[Any]) -> str:
    name = function if isinstance(function, str) else function.__name__
    operator = f' (namely operator "{alias}")' if alias else ""
    types = ", ".join(str(type(a)) for a in args)
    given = f" with arguments ({types})" if types else ""
    return f"Function {name}{operator}{given} is not {what} and only available in NDArray."


class NotImplementedForSymbol(MXNetError):
    """A method of NDArray was called on a Symbol, which has no values.

    Parameters
    ----------
    function
        The method or its name.
    alias
        The operator a user wrote, such as ``"+="``.
    *args
        What it was called with.
    """

    def __init__(self, function: Any, alias: str | None = None, *args: Any) -> None:
        super().__init__(_not_for("implemented for Symbol", function, alias, args))


class NotSupportedForSparseNDArray(MXNetError):
    """MXNet's error of sparse arrays, which are absent here; for programs that raise or catch it."""

    def __init__(self, function: Any, alias: str | None = None, *args: Any) -> None:
        super().__init__(_not_for("supported for SparseNDArray", function, alias, args))


error_types: dict[str, type[Exception]] = {}


def register_error(func_name: Any = None, cls: type[Exception] | None = None) -> Any:
    """Enter an error class in `error_types`; a decorator, with or without a name.

    MXNet looks there for the class of an error that comes out of its C++ part by name. Errors are made in
    Python here, so the table is only kept.

    >>> register_error("LookupError", LookupError) is error_types["LookupError"]
    True
    """
    name = func_name.__name__ if isinstance(func_name, type) else func_name
    if isinstance(func_name, type):
        cls = func_name

    def enter(found: T) -> T:
        error_types[name or found.__name__] = found
        return found

    return enter if cls is None else enter(cls)


error_types["NotImplementedForSymbol"] = NotImplementedForSymbol


# --- arguments that are not given ---------------------------------------------------------------------------
class _NullType:
    """Type of `_Null`."""

    def __repr__(self) -> str:
        return "_Null"

    def __new__(cls) -> _NullType:
        return _Null

    def __reduce__(self) -> str:
        return "_Null"


_Null: Final[_NullType] = object.__new__(_NullType)
"""A parameter that is not given: operators take it for their default."""


# --- text and folders ---------------------------------------------------------------------------------------
def c_str(string: str) -> Any:
    """A `ctypes.c_char_p` of the text in UTF-8."""
    import ctypes

    if not isinstance(string, str):
        raise TypeError(f"string must be a str, got {type(string).__name__}")
    return ctypes.c_char_p(string.encode("utf-8"))


def py_str(x: bytes) -> str:
    """Text of UTF-8 bytes."""
    if not isinstance(x, bytes | bytearray):
        raise TypeError(f"x must be bytes, got {type(x).__name__}")
    return x.decode("utf-8")


def data_dir_default() -> str:
    """Folder for downloaded data where `MXNET_HOME` names none: ``~/.mxnet``, as MXNet's."""
    return os.path.join(os.path.expanduser("~"), ".mxnet")


def data_dir() -> str:
    """Folder for downloaded data: the environment's `MXNET_HOME`, else `data_dir_default`."""
    return os.environ.get("MXNET_HOME") or data_dir_default()


def build_param_doc(
    arg_names: Iterable[str], arg_types: Iterable[str], arg_descs: Iterable[str], remove_dup: bool = True
) -> str:
    """The "Parameters" section of a docstring from names, types and descriptions.

    Parameters
    ----------
    remove_dup
        Whether only the first of several parameters of one name is written.
    """
    for what, given in (("arg_names", arg_names), ("arg_types", arg_types), ("arg_descs", arg_descs)):
        if not isinstance(given, list | tuple) or not all(isinstance(text, str) for text in given):
            raise TypeError(f"{what} must be a list of strings, got {type(given).__name__}")
    lines, seen = ["Parameters", "----------"], set()
    for name, kind, text in zip(arg_names, arg_types, arg_descs):
        if name == "num_args" or (remove_dup and name in seen):
            continue
        seen.add(name)
        lines.append(f"{name} : {kind}")
        if text:
            lines.append("    " + text)
    return "\n".join(lines) + "\n"


def _as_list(obj: Any) -> list[Any] | tuple[Any, ...]:
    """The list or tuple itself, anything else in a list."""
    return obj if isinstance(obj, (list, tuple)) else [obj]


# --- properties of classes ----------------------------------------------------------------------------------
class _MXClassPropertyDescriptor:
    """What `classproperty` makes: reads, and on classes of the metaclass below sets, a value of a class."""

    def __init__(self, fget: Any, fset: Any = None) -> None:
        self.fget, self.fset = fget, fset

    def __get__(self, obj: Any, cls: type | None = None) -> Any:
        return self.fget.__get__(obj, cls or type(obj))()

    def __set__(self, obj: Any, value: Any) -> Any:
        if self.fset is None:
            raise MXNetError(f"cannot set {self.fget.__func__.__name__}: it has no setter")
        cls = obj if isinstance(obj, type) else type(obj)
        return self.fset.__get__(obj, cls)(value)

    def setter(self, func: Any) -> _MXClassPropertyDescriptor:
        """Decorator that gives the property a setter."""
        self.fset = func if isinstance(func, (classmethod, staticmethod)) else classmethod(func)
        return self


class _MXClassPropertyMetaClass(type):
    """Metaclass under which assigning to a `classproperty` calls its setter."""

    def __setattr__(cls, key: str, value: Any) -> None:
        found = cls.__dict__.get(key)
        if isinstance(found, _MXClassPropertyDescriptor) and not isinstance(
            value, _MXClassPropertyDescriptor
        ):
            found.__set__(cls, value)
        else:
            super().__setattr__(key, value)


def classproperty(func: Callable[..., Any]) -> Any:
    """Decorator for a property of a class: ``Class.name`` calls the function with the class."""
    bound = func if isinstance(func, (classmethod, staticmethod)) else classmethod(func)
    return _MXClassPropertyDescriptor(bound)


def with_metaclass(meta: type, *bases: type) -> Any:
    """A base class under which ``class X(with_metaclass(M, A))`` is made by M over A, in any Python.

    >>> class X(with_metaclass(_MXClassPropertyMetaClass, dict)): pass
    >>> type(X).__name__, X.__bases__
    ('_MXClassPropertyMetaClass', (<class 'dict'>,))
    """

    class Once(type):
        def __new__(cls, name: str, this_bases: Any, namespace: dict[str, Any]) -> Any:
            return meta(name, bases, namespace)

        @classmethod
        def __prepare__(cls, name: str, this_bases: Any, /, **kwargs: Any) -> Any:
            return meta.__prepare__(name, bases)

    return type.__new__(Once, "temporary_class", (), {})
