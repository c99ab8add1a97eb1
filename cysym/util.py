"""np-shape mode, the border between MXNet's 0-means-unknown and our -1, and helpers of `mxnet.util`.

MXNet's other mode, arrays of its NumPy namespace, does not exist here: asking for it is an error, asking for
its absence is fine. Shapes go from here to `passes`.
"""

from __future__ import annotations

import functools
import inspect
import operator
import os
from collections.abc import Callable
from typing import Any, Final, NoReturn, TypeVar

from ._core import is_np_shape, set_np_shape
from .arguments import file_name, shown
from .base import MXNetError

Dims = tuple[int, ...]
F = TypeVar("F", bound=Callable[..., Any])

__all__ = [
    "from_user_shape", "get_cuda_compute_capability", "get_gpu_count", "get_gpu_memory", "getenv",
    "is_np_array", "is_np_shape", "makedirs", "np_array", "np_shape", "np_ufunc_legal_option", "reset_np",
    "set_module", "set_np", "set_np_shape", "setenv", "to_user_shape", "use_np", "use_np_array",
    "use_np_shape", "wrap_np_binary_func", "wrap_np_unary_func",
]  # fmt: skip


# --- np-shape -----------------------------------------------------------------------------------------------
class np_shape:
    """``with np_shape():`` 0-sized and 0-dimensional shapes are what NumPy means by them."""

    def __init__(self, active: bool = True) -> None:
        self._active = active

    def __enter__(self) -> np_shape:
        self._before = set_np_shape(self._active)
        return self

    def __exit__(self, *exc: object) -> None:
        set_np_shape(self._before)


def use_np_shape(func: F) -> F:
    """Decorator: a function, or every method, property and static method of a class, runs in np-shape mode.

    >>> @use_np_shape
    ... def mode():
    ...     return is_np_shape()
    >>> mode(), is_np_shape()
    (True, False)

    Raises
    ------
    TypeError
        Neither a class nor callable.
    """
    if isinstance(func, type):
        for name, member in list(vars(func).items()):
            if isinstance(member, (staticmethod, classmethod)):
                setattr(func, name, type(member)(use_np_shape(member.__func__)))
            elif isinstance(member, property):
                fget, fset, fdel = (f and use_np_shape(f) for f in (member.fget, member.fset, member.fdel))
                setattr(func, name, property(fget, fset, fdel, member.__doc__))  # type: ignore[arg-type]
            elif inspect.isfunction(member):
                setattr(func, name, use_np_shape(member))
        return func
    if not callable(func):
        raise TypeError(f"use_np_shape can only decorate classes and callable objects, got {type(func)}")

    @functools.wraps(func)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        with np_shape():
            return func(*args, **kwargs)

    return wrapped  # type: ignore[return-value]


def from_user_shape(shape: tuple[Any, ...], what: str) -> Dims:
    """Shape as the library holds it: -1 for unknown."""
    dims = []
    for d in shape:
        try:
            size = operator.index(d)
        except TypeError:
            raise TypeError(f"shape of {what}: dimensions must be int, got {d!r}") from None
        if size < -1 or size >= 2**62:
            raise MXNetError(f"shape of {what}: dimension {size} is out of range in {tuple(shape)}")
        dims.append(-1 if size == 0 and not is_np_shape() else size)
    return tuple(dims)


def to_user_shape(shape: Dims | None) -> Dims:
    """Shape as MXNet shows it: () for an unknown rank, 0 (or -1 under np-shape) for an unknown dimension."""
    if shape is None:
        return ()
    if is_np_shape():
        return shape
    return tuple(0 if d < 0 else d for d in shape)


# --- arrays of MXNet's NumPy namespace ----------------------------------------------------------------------
def _no_np_array(name: str) -> NoReturn:
    from .absent import why_absent

    raise NotImplementedError(
        f"{name}: {why_absent('np')}. Shapes as in NumPy are there: np_shape, use_np_shape, set_np_shape"
    )


def is_np_array() -> bool:
    """Always False: arrays of MXNet's NumPy namespace are not covered."""
    return False


class np_array:
    """``with np_array(False):`` changes nothing; ``np_array(True)`` is a NotImplementedError."""

    def __init__(self, active: bool = True) -> None:
        if active:
            _no_np_array("np_array")

    def __enter__(self) -> np_array:
        return self

    def __exit__(self, *exc: object) -> None:
        """Nothing to undo."""


def use_np_array(func: Any) -> NoReturn:
    """NotImplementedError: arrays of MXNet's NumPy namespace are not covered."""
    _no_np_array("use_np_array")


def use_np(func: Any) -> NoReturn:
    """NotImplementedError: arrays of MXNet's NumPy namespace are not covered; see `use_np_shape`."""
    _no_np_array("use_np")


def set_np(shape: bool = True, array: bool = True) -> None:
    """Turn np-shape mode on or off.

    Raises
    ------
    NotImplementedError
        For ``array=True``: arrays of MXNet's NumPy namespace are not covered.
    ValueError
        For ``array=True`` without `shape`, as in MXNet.
    """
    if array and not shape:
        raise ValueError("NumPy Shape semantics is required in using NumPy array semantics.")
    if array:
        _no_np_array("set_np(array=True)")
    set_np_shape(shape)


def reset_np() -> None:
    """Turn np-shape mode off."""
    set_np(shape=False, array=False)


# --- options of NumPy's ufuncs ------------------------------------------------------------------------------
_DEFAULT_OPTIONS: Final = {
    "where": True, "casting": "same_kind", "order": "K", "dtype": None, "subok": True,
}  # fmt: skip
_CASTING: Final = ("no", "equiv", "safe", "same_kind", "unsafe")


def np_ufunc_legal_option(key: str, value: Any) -> bool:
    """Whether NumPy's ufuncs know the keyword `key` and `value` may stand there, as MXNet judges it: any
    `where`, any text as `order`.

    >>> np_ufunc_legal_option("casting", "safe"), np_ufunc_legal_option("casting", "x")
    (True, False)
    """
    if key == "casting":
        return value in _CASTING
    if key == "order":
        return isinstance(value, str)
    if key == "subok":
        return isinstance(value, bool)
    if key == "dtype":
        import numpy as np

        return value in {"int8", "uint8", "int32", "int64", "float16", "float32", "float64"} or value in (
            np.int8, np.uint8, np.int32, np.int64, np.float16, np.float32, np.float64,
        )  # fmt: skip
    return key == "where"


def _check_options(name: str, options: dict[str, Any]) -> None:
    for key, value in options.items():
        if key not in _DEFAULT_OPTIONS:
            raise TypeError(f"{key} is an invalid keyword to function {name!r}")
        if value != _DEFAULT_OPTIONS[key]:
            if not np_ufunc_legal_option(key, value):
                raise TypeError(f"{key}={value} is not understood by function {name!r}")
            raise NotImplementedError(f"{key}={value} is not implemented for function {name!r}")


def wrap_np_unary_func(func: F) -> F:
    """Decorator of an element-wise function ``f(x, out=None)``: takes NumPy's ufunc keywords at their
    defaults.

    Raises
    ------
    TypeError, NotImplementedError
        In a call, for a keyword or value NumPy does not know, and for one that is not the default.
    """

    @functools.wraps(func)
    def wrapped(x: Any, out: Any = None, **kwargs: Any) -> Any:
        _check_options(func.__name__, kwargs)
        return func(x, out=out)

    return wrapped  # type: ignore[return-value]


def wrap_np_binary_func(func: F) -> F:
    """Decorator of an element-wise function ``f(x1, x2, out=None)``; see `wrap_np_unary_func`."""

    @functools.wraps(func)
    def wrapped(x1: Any, x2: Any, out: Any = None, **kwargs: Any) -> Any:
        _check_options(func.__name__, kwargs)
        return func(x1, x2, out=out)

    return wrapped  # type: ignore[return-value]


# --- devices, environment, files ----------------------------------------------------------------------------
def get_gpu_count() -> int:
    """How many OpenCL devices there are."""
    from .context import num_gpus

    return num_gpus()


def get_gpu_memory(gpu_dev_id: int) -> tuple[int, int]:
    """(free, total) bytes of an OpenCL device; see `context.gpu_memory_info`."""
    from .context import gpu_memory_info

    return gpu_memory_info(gpu_dev_id)


def get_cuda_compute_capability(ctx: Any) -> NoReturn:
    """Always an error: GPUs are reached through OpenCL, which has no compute capability.

    Raises
    ------
    ValueError
        `ctx` is no GPU.
    MXNetError
        It is one.
    """
    if getattr(ctx, "device_type", None) != "gpu":
        raise ValueError(f"Expecting a gpu context to get cuda compute capability, while received ctx {ctx}")
    raise MXNetError(f"{ctx} is an OpenCL device: it has no CUDA compute capability")


def getenv(name: str) -> str | None:
    """Value of an environment variable as C code of this process sees it; None where it is not set."""
    import ctypes

    find = ctypes.CDLL(None).getenv
    find.restype = ctypes.c_char_p
    found: bytes | None = find(os.fsencode(name))
    return None if found is None else os.fsdecode(found)


def setenv(name: str, value: str | None) -> None:
    """Set an environment variable for Python and C code of this process; None removes it."""
    if not _variable(name, "name") or "=" in name:
        raise ValueError(f"illegal environment variable name {name!r}")
    if value is None:
        os.environ.pop(name, None)
        os.unsetenv(name)
    else:
        os.environ[name] = _variable(value, "value")


def _variable(value: Any, what: str) -> str:
    if not isinstance(value, str) or "\0" in value:
        raise TypeError(f"{what} of an environment variable must be a string without NUL, got {shown(value)}")
    return value


def makedirs(d: str) -> None:
    """Make a folder and those above it; one that is there stays."""
    os.makedirs(os.path.expanduser(file_name(d, "d")), exist_ok=True)


def set_module(module: str) -> Callable[[F], F]:
    """Decorator that sets ``__module__`` of a function or class."""

    def mark(func: F) -> F:
        if module is not None:
            func.__module__ = module
        return func

    return mark
