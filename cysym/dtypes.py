"""Element types: MXNet's codes, NumPy's types and the short names kernels carry.

One table; every other module asks it. ``code`` is what files store, ``short`` what kernel names end in.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from .arguments import shown
from .base import MXNetError
from .suggest import did_you_mean

NAMES: Final = ("float32", "float64", "float16", "uint8", "int32", "int8", "int64", "bool")
SHORT: Final = ("f32", "f64", "f16", "u8", "i32", "i8", "i64", "b8")
SIZES: Final = (4, 8, 2, 1, 4, 1, 8, 1)
TYPES: Final[tuple[type[np.generic], ...]] = (
    np.float32,
    np.float64,
    np.float16,
    np.uint8,
    np.int32,
    np.int8,
    np.int64,
    np.bool_,
)
# MXNet's tables of the same, which programs import from `mx.nd.ndarray`; -1 is no type.
MX_TO_NP: Final[dict[int, Any]] = {-1: None, **dict(enumerate(TYPES))}
NP_TO_MX: Final = {t: code for code, t in MX_TO_NP.items()}
CODES: Final = {name: code for code, name in enumerate(NAMES)}
_BY_KEY: dict[Any, int] = {**CODES, **{t: i for i, t in enumerate(TYPES)}, float: 1, int: 6, bool: 7}


class UnknownTypeError(MXNetError, TypeError):
    """What should name an element type does not."""


def dtype_code(dtype: Any) -> int:
    """MXNet's code of anything that names an element type.

    Raises
    ------
    UnknownTypeError
        When the type is none MXNet has: a MXNetError and, as `numpy.dtype` raises, a TypeError.

    >>> dtype_code("float32"), dtype_code(np.int64), dtype_code(np.dtype("u1"))
    (0, 6, 3)
    """
    try:
        return _BY_KEY[dtype]
    except (KeyError, TypeError):
        pass
    try:
        return CODES[np.dtype(dtype).name]
    except Exception:  # NumPy parses much: it raises SyntaxError, ValueError, RecursionError as well
        raise UnknownTypeError(
            f"unknown dtype {shown(dtype)}{did_you_mean(dtype, NAMES)}; expected one of {', '.join(NAMES)}"
        ) from None
