"""`mx.engine`: MXNet's knobs for bundling operators. Accepted, and without effect.

MXNet's engine puts up to `size` operators into one task to save scheduling. Here a bound graph is one list of
kernel calls made beforehand and an imperative call runs at once, so there is nothing to bundle; the size is
kept, because programs restore what they found.
"""

from __future__ import annotations

from .arguments import whole

__all__ = ["bulk", "set_bulk_size"]

_size = 0  # what MXNet 1.9.1 starts with


def set_bulk_size(size: int) -> int:
    """Note a bulk size.

    Returns
    -------
    int
        The size before, 0 at first.

    Raises
    ------
    TypeError
        Not a whole number.
    ValueError
        Negative.
    """
    global _size
    wanted = whole(size, "size", 0)
    before, _size = _size, wanted
    return before


class _Bulk:
    def __init__(self, size: int) -> None:
        self._size = size

    def __enter__(self) -> _Bulk:
        self._before = set_bulk_size(self._size)
        return self

    def __exit__(self, *exc: object) -> None:
        set_bulk_size(self._before)


def bulk(size: int) -> _Bulk:
    """Scope with a bulk size: ``with mx.engine.bulk(10): ...``; the former one comes back at its end."""
    return _Bulk(size)
