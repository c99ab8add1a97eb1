"""Names that old programs use and today's NumPy no longer has: ``numpy.int``, ``numpy.Inf`` and such.

`install` lets NumPy answer for them, never for a name it still has; ``numpy.fromstring`` reads bytes again,
as programs that read MNIST ask it to. The first use writes one warning. Only `cysym.install_as_mxnet` calls
this, when it is asked to; the library itself uses none of these names.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable
from typing import Any, Final

import numpy as np

__all__ = ["NAMES", "install"]

_log = logging.getLogger("cysym")
_has_warned = False


def _asscalar(a: Any) -> Any:
    return a.item()


def _asfarray(a: Any, dtype: Any = np.float64) -> Any:
    return np.asarray(a, dtype if np.issubdtype(dtype, np.inexact) else np.float64)


def _in1d(ar1: Any, ar2: Any, assume_unique: bool = False, invert: bool = False, **more: Any) -> Any:
    return np.isin(np.ravel(ar1), ar2, assume_unique, invert, **more)


_text_fromstring: Final = np.fromstring


def _fromstring(string: Any, dtype: Any = float, count: int = -1, *, sep: str = "", like: Any = None) -> Any:
    if sep:
        return _text_fromstring(string, dtype, count, sep=sep, like=like)
    _warn_once("fromstring for bytes")
    data = string.encode("latin-1") if isinstance(string, str) else string
    return np.frombuffer(data, dtype, count, like=like).copy()  # what frombuffer gives cannot be written to


# Removed from NumPy in 1.23 (asscalar), 1.24 (Python's types), 2.0 and 2.4; each means what it did.
NAMES: Final[dict[str, Any]] = {
    "bool": bool, "int": int, "float": float, "complex": complex, "object": object, "str": str,
    "unicode": str, "long": int,
    "float_": np.float64, "complex_": np.complex128, "string_": np.bytes_, "unicode_": np.str_,
    "Inf": np.inf, "Infinity": np.inf, "infty": np.inf, "PINF": np.inf, "NINF": -np.inf,
    "NaN": np.nan, "NAN": np.nan,
    "alltrue": np.all, "sometrue": np.any, "product": np.prod, "cumproduct": np.cumprod,
    "round_": np.round, "row_stack": np.vstack, "in1d": _in1d, "asscalar": _asscalar, "asfarray": _asfarray,
    "trapz": getattr(np, "trapezoid", None) or getattr(np, "trapz", None),
}  # fmt: skip


def install(quiet: bool = False) -> None:
    """Let NumPy have the names of `NAMES` it lacks: ``numpy.zeros(2, numpy.float)`` works again.

    Parameters
    ----------
    quiet
        Write no warning: the process that spawned this one does.
    """
    global _has_warned
    _has_warned = _has_warned or quiet
    names = vars(np)
    before: Callable[[str], Any] | None = names.get("__getattr__")
    if getattr(before, "is_of_cysym", False):
        return

    def __getattr__(name: str) -> Any:
        if name in NAMES:
            _warn_once(name)
            return NAMES[name]
        if before is None:
            raise AttributeError(f"module 'numpy' has no attribute {name!r}", name=name, obj=np)
        return before(name)

    __getattr__.is_of_cysym = True  # type: ignore[attr-defined] # so that a second call finds it
    names["__getattr__"] = __getattr__
    names["fromstring"] = _fromstring


def _warn_once(name: str) -> None:
    global _has_warned
    if not _has_warned:
        _has_warned = True
        frame = sys._getframe(2)
        _log.warning(
            "%s:%d uses numpy.%s, which NumPy %s no longer has; it and others mean here what they did",
            os.path.relpath(frame.f_code.co_filename), frame.f_lineno, name, np.__version__,
        )  # fmt: skip
