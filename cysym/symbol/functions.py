"""Functions of `mx.sym` that prepare an operator's parameters: split_v2, histogram, hypot, linspace, eye.

Imported when the operators' functions are there; each call makes one node.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arguments import shown
from . import _functions, _mixed
from .symbol import Symbol


def split_v2(
    ary: Symbol, indices_or_sections: Any, axis: int = 0, squeeze_axis: bool = False, **kwargs: Any
) -> Symbol:
    """Parts of `ary` along an axis: equal ones for an int, cut in front of the indices of a tuple.

    Raises
    ------
    ValueError
        Neither an int nor a tuple.
    """
    indices: list[int] = []  # a list, as MXNet's, since its text stands in the file
    sections = 0
    if isinstance(indices_or_sections, (int, np.integer)) and not isinstance(indices_or_sections, bool):
        sections = int(indices_or_sections)
    elif isinstance(indices_or_sections, tuple):
        indices = [0, *indices_or_sections]
    else:
        raise ValueError("indices_or_sections must either int or tuple of ints")
    params = {"indices": indices, "axis": axis, "squeeze_axis": squeeze_axis, "sections": sections}
    made: Symbol = _functions["_split_v2"](ary, **params, **kwargs)
    return made


def histogram(a: Symbol, bins: Any = 10, range: Any = None, **kwargs: Any) -> Symbol:
    """Counts of the values of `a` in bins, and their edges.

    Parameters
    ----------
    bins
        Number of equal bins over `range`, or a Symbol of edges.

    Raises
    ------
    ValueError
        Bins of another kind, or a number of bins without a range: a Symbol has no values to find one.
    """
    made: Symbol
    if isinstance(bins, Symbol):
        made = _functions["_histogram"](a, bins, **kwargs)
        return made
    if isinstance(bins, bool) or not isinstance(bins, (int, np.integer)):
        raise ValueError("bins argument should be either an integer or a Symbol")
    if range is None:
        raise ValueError("null range is not supported in symbol mode")
    if not isinstance(range, list | tuple | np.ndarray) or len(range) != 2:
        raise ValueError(f"range must be a pair of numbers, got {shown(range)}")
    made = _functions["_histogram"](a, bin_cnt=int(bins), range=tuple(range), **kwargs)
    return made


def hypot(left: Any, right: Any) -> Any:
    """``sqrt(left ** 2 + right ** 2)`` of Symbols and numbers, element by element."""
    return _mixed(
        left, right, "_hypot", "_hypot_scalar", "_hypot_scalar", lambda a, b: float(np.hypot(a, b)),
        ("_hypot", "_hypotscalar", "_hypotscalar"),
    )  # fmt: skip


def linspace(
    start: float, stop: float, num: int, endpoint: bool = True, name: str | None = None, dtype: Any = None
) -> Symbol:
    """`num` evenly spaced numbers from `start` to `stop`, which is left out unless `endpoint`."""
    params = {
        "start": start,
        "stop": stop,
        "num": num,
        "endpoint": endpoint,
        "dtype": np.float32 if dtype is None else dtype,
    }
    made: Symbol = _functions["_linspace"](name=name, **params)
    return made


def eye(N: int, M: int = 0, k: int = 0, dtype: Any = None, **kwargs: Any) -> Symbol:
    """N x M array (M=0: square) of zeros with ones on diagonal `k`."""
    made: Symbol = _functions["_eye"](N=N, M=M, k=k, dtype=np.float32 if dtype is None else dtype, **kwargs)
    return made


__all__ = ["eye", "histogram", "hypot", "linspace", "split_v2"]
