"""`mx.error`: MXNet's structured errors. The library's own classes are in `base`."""

from __future__ import annotations

from .base import MXNetError, error_types, register_error

__all__ = ["InternalError", "MXNetError", "register"]

register = register_error


@register_error
class InternalError(MXNetError):
    """A fault of the library itself, not of the program.

    >>> raise InternalError("arena 3 is missing")
    Traceback (most recent call last):
        ...
    cysym.error.InternalError: arena 3 is missing
    This is a fault of cysym, not of your program: please report it with the lines above.
    """

    def __init__(self, msg: str) -> None:
        hint = "This is a fault of cysym, not of your program: please report it with the lines above."
        super().__init__(msg if hint in msg else f"{msg}\n{hint}")


error_types.update({
    e.__name__: e for e in (ValueError, TypeError, AttributeError, IndexError, NotImplementedError)
})  # fmt: skip
