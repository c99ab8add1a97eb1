"""`AttrScope`: string attributes given to every symbol made inside a ``with``.

Holds each thread's stack of scopes; `symbol.compose` and `Variable` ask the innermost one.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping

from .arguments import mapping, shown

_local = threading.local()

__all__ = ["AttrScope"]


def current() -> AttrScope:
    """Scope of the innermost ``with`` of this thread."""
    stack: list[AttrScope] = _local.__dict__.setdefault("stack", [])
    if not stack:
        stack.append(AttrScope())
    return stack[-1]


class _HasCurrent(type):
    """Metaclass of `AttrScope`, where ``AttrScope.current`` lives."""

    @property
    def current(cls) -> AttrScope:
        """Scope in force in this thread; assigning replaces it, until the ``with`` around it ends."""
        return current()

    @current.setter
    def current(cls, scope: AttrScope) -> None:
        current()
        _local.stack[-1] = scope


class AttrScope(metaclass=_HasCurrent):
    """Attributes for all symbols created inside; nested scopes merge, the inner wins, an explicit one beats
    both. A subclass may override `get`.

    >>> with AttrScope(ctx_group="stage1"):
    ...     AttrScope.current.get(None)
    {'ctx_group': 'stage1'}
    """

    def __init__(self, **kwargs: str) -> None:
        for key, value in kwargs.items():
            if not isinstance(value, str):
                raise ValueError(f"Attributes need to be string, {key} is {shown(value)}")
        self._attr: dict[str, str] = kwargs
        self._before: list[dict[str, str]] = []  # own attributes of the scopes entered and not yet left

    def get(self, attr: Mapping[str, str] | None) -> dict[str, str]:
        """The scope's attributes, overridden by `attr`."""
        if attr is not None and not all(isinstance(key, str) for key in mapping(attr, "attr")):
            raise TypeError(f"attr must be a dict with strings as keys, got {shown(attr)}")
        return {**self._attr, **(attr or {})}

    def __enter__(self) -> AttrScope:
        outer = current()
        self._before.append(self._attr)
        self._attr = {**outer._attr, **self._attr}
        _local.stack.append(self)
        return self

    def __exit__(self, *exc: object) -> None:
        _local.stack.pop()
        self._attr = self._before.pop()
