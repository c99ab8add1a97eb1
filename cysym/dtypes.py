"""Element types: MXNet's codes, NumPy's types and the short names kernels carry.

One table; every other module asks it. ``code`` is what files store, ``short`` what kernel names end in.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from .base import MXNetError

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
CODES: Final = {name: code for code, name in enumerate(NAMES)}
_BY_KEY: dict[Any, int] = {**CODES, **{t: i for i, t in enumerate(TYPES)}, float: 1, int: 6, bool: 7}


def dtype_code(dtype: Any) -> int:
    """MXNet's code of anything that names an element type.

    Raises
    ------
    MXNetError
        When the type is none MXNet has.

    >>> dtype_code("float32"), dtype_code(np.int64), dtype_code(np.dtype("u1"))
    (0, 6, 3)
    """
    try:
        return _BY_KEY[dtype]
    except (KeyError, TypeError):
        pass
    try:
        return CODES[np.dtype(dtype).name]
    except (KeyError, TypeError):
        raise MXNetError(f"unknown dtype {dtype!r}; expected one of {', '.join(NAMES)}") from None
