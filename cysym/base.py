"""Errors and the few constants every other module shares.

Nothing here imports another module of the package, so anything may import it. Errors raised to a user are one
of these classes or the plain Python type a user expects (TypeError, ValueError, IndexError).
"""

from __future__ import annotations

import numpy as np

string_types = (str,)
numeric_types = (float, int, np.generic)
integer_types = (int, np.int32, np.int64)


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


class NotImplementedForSymbol(MXNetError):
    """A method of NDArray was called on a Symbol, which has no values."""

    def __init__(self, function: str, alias: str | None = None) -> None:
        alternative = f" (or alias {alias})" if alias else ""
        super().__init__(
            f"Function {function}{alternative} is not implemented for Symbol and only available in NDArray."
        )
