"""np-shape mode and the border between MXNet's 0-means-unknown and the library's -1."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable
from typing import Any, TypeVar

from ._core import is_np_shape, set_np_shape
from .base import MXNetError

Dims = tuple[int, ...]
F = TypeVar("F", bound=Callable[..., Any])


class np_shape:
    """``with np_shape():`` 0-sized and 0-dimensional shapes are what NumPy means by them."""

    def __init__(self, active: bool = True) -> None:
        self._active = active

    def __enter__(self) -> np_shape:
        self._before = set_np_shape(self._active)
        return self

    def __exit__(self, *exc: object) -> None:
        set_np_shape(self._before)


def use_np_shape(function: F) -> F:
    """Decorator running a function in np-shape mode."""

    @functools.wraps(function)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        with np_shape():
            return function(*args, **kwargs)

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


__all__ = ["from_user_shape", "is_np_shape", "np_shape", "set_np_shape", "to_user_shape", "use_np_shape"]
