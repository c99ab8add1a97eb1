"""Automatic names of graph nodes: a counter per hint, per manager, per thread.

Holds each thread's stack of managers; `symbol.compose` asks the innermost one for every node it makes.
"""

from __future__ import annotations

import threading

from .arguments import shown

__all__ = ["NameManager", "Prefix", "current"]

_local = threading.local()


def current() -> NameManager:
    """Manager of the innermost ``with`` of this thread."""
    stack: list[NameManager] = _local.__dict__.setdefault("stack", [])
    if not stack:
        stack.append(NameManager())
    return stack[-1]


class _HasCurrent(type):
    """Metaclass of `NameManager`, where ``NameManager.current`` lives."""

    @property
    def current(cls) -> NameManager:
        """Manager in force in this thread; assigning replaces it, until the ``with`` around it ends."""
        return current()

    @current.setter
    def current(cls, manager: NameManager) -> None:
        current()
        _local.stack[-1] = manager


class NameManager(metaclass=_HasCurrent):
    """Gives a name to every node that has none; entering it starts fresh counters.

    >>> manager = NameManager()
    >>> manager.get(None, "fc"), manager.get(None, "fc"), manager.get("mine", "fc"), manager.get(None, "fc")
    ('fc0', 'fc1', 'mine', 'fc2')
    """

    def __init__(self) -> None:
        self._counter: dict[str, int] = {}

    def get(self, name: str | None, hint: str) -> str:
        """`name` if given, which advances no counter, else the next name of `hint`."""
        if name is not None and not isinstance(name, str):
            raise TypeError(f"name must be a string, got {shown(name)}")
        if name:
            return name
        if not isinstance(hint, str):
            raise TypeError(f"hint must be a string, got {shown(hint)}")
        count = self._counter.get(hint, 0)
        self._counter[hint] = count + 1
        return f"{hint}{count}"

    def __enter__(self) -> NameManager:
        current()
        _local.stack.append(self)
        return self

    def __exit__(self, *exc: object) -> None:
        _local.stack.pop()


class Prefix(NameManager):
    """Puts a prefix before every given or generated node name (not before Variables); nesting does not add
    up."""

    def __init__(self, prefix: str) -> None:
        super().__init__()
        self._prefix = prefix

    def get(self, name: str | None, hint: str) -> str:
        return self._prefix + super().get(name, hint)
