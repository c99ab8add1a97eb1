"""How close two arrays must be: relative and absolute tolerances by element type.

Holds numbers and picks among them; compares nothing itself (see comparison.py) and touches no device. A
tolerance that a caller gives may be a number, or a dict from element type to number.
"""

from __future__ import annotations

import numbers
from collections.abc import Mapping
from typing import Any

import numpy as np

_FLOAT64 = np.dtype(np.float64)
_EXACT = ("bool", "int8", "uint8", "int32", "uint32", "int64", "uint64")

Tolerance = float | Mapping[Any, float] | None


def default_dtype() -> type[np.float32]:
    """Element type of arrays for which nothing else is said.

    >>> default_dtype()
    <class 'numpy.float32'>
    """
    return np.float32


def _table(half: float, single: float, double: float) -> dict[np.dtype[Any], float]:
    floats = {"float16": half, "float32": single, "float64": double}
    return {np.dtype(name): value for name, value in floats.items()}


def default_rtols() -> dict[np.dtype[Any], float]:
    """Relative tolerance of each element type; 0 for integers and booleans."""
    return {**_table(1e-2, 1e-4, 1e-5), **{np.dtype(name): 0 for name in _EXACT}}


def default_atols() -> dict[np.dtype[Any], float]:
    """Absolute tolerance of each element type; 0 for integers and booleans."""
    return {**_table(1e-1, 1e-3, 1e-20), **{np.dtype(name): 0 for name in _EXACT}}


def default_numeric_eps() -> dict[np.dtype[Any], float]:
    """Step of the finite differences in each element type: powers of two, so adding one loses no bit."""
    return _table(2.0**-6, 2.0**-9, 2.0**-14)


def effective_dtype(dat: Any) -> np.dtype[Any]:
    """The element type whose tolerance `dat` is held to: its own.

    MXNet answers float16 for float32 on GPUs that round products to 10 bits. OpenCL kernels here compute
    float32 in full.
    """
    found: np.dtype[Any] = np.dtype(dat.dtype)
    return found


def get_tolerance(dat: Any, tol: Tolerance, default_tol: Mapping[Any, float]) -> float:
    """The tolerance for `dat`: `tol` itself, its entry for the element type, or else the default's entry.

    Integer types that neither dict names are compared exactly.

    Raises
    ------
    KeyError
        No entry for an element type that is no integer.

    >>> get_tolerance(np.zeros(3, np.float16), None, default_rtols())
    0.01
    """
    if isinstance(tol, numbers.Real):
        return float(tol) if isinstance(tol, np.generic) else tol
    dtype = effective_dtype(dat)
    for table in (tol or {}, default_tol):
        if not isinstance(table, Mapping):
            raise TypeError(f"a tolerance must be a number or a dict of them by element type, got {table!r}")
        found = _entry(table, dtype)
        if found is not None:
            return found
    if dtype.kind in "iu":
        return 0
    raise KeyError(f"no tolerance for element type {dtype}; give rtol and atol as numbers")


def _entry(table: Mapping[Any, float], dtype: np.dtype[Any]) -> float | None:
    """Entry of a table keyed by dtypes, or, as callers like to write, by NumPy's classes or names."""
    for key in (dtype, dtype.type, dtype.name):
        if key in table:
            return table[key]
    return None


def get_tols(x: Any, y: Any, rtol: Tolerance, atol: Tolerance) -> tuple[float, float]:
    """(rtol, atol) for comparing `x` with `y`: of the two element types the looser."""
    pair = [v if hasattr(v, "dtype") else np.asarray(v) for v in (x, y)]
    return (
        max(get_tolerance(v, rtol, default_rtols()) for v in pair),
        max(get_tolerance(v, atol, default_atols()) for v in pair),
    )


def get_atol(atol: float | None = None, dtype: Any = _FLOAT64) -> float:
    """`atol`, or the default of the element type where it is None."""
    return default_atols()[np.dtype(dtype)] if atol is None else atol


def get_rtol(rtol: float | None = None, dtype: Any = _FLOAT64) -> float:
    """`rtol`, or the default of the element type where it is None."""
    return default_rtols()[np.dtype(dtype)] if rtol is None else rtol


def get_etol(etol: float | None = None) -> float:
    """The share of elements that may differ: `etol`, or none."""
    return 0 if etol is None else etol
