"""`AttrScope`: string attributes given to every symbol made inside a ``with``."""

from __future__ import annotations

import threading
from collections.abc import Mapping

_local = threading.local()


class AttrScope:
    """Attributes for all symbols created inside; nested scopes merge, the inner wins, an explicit one beats
    both.

    >>> with AttrScope(ctx_group="stage1"):
    ...     AttrScope.current().get(None)
    {'ctx_group': 'stage1'}
    """

    def __init__(self, **kwargs: str) -> None:
        for value in kwargs.values():
            if not isinstance(value, str):
                raise ValueError("Attributes need to be string")
        self._attr: dict[str, str] = kwargs

    def get(self, attr: Mapping[str, str] | None) -> dict[str, str]:
        """The scope's attributes, overridden by `attr`."""
        return {**self._attr, **(attr or {})}

    @staticmethod
    def current() -> AttrScope:
        """Scope of the innermost ``with`` of this thread."""
        stack: list[AttrScope] = _local.__dict__.setdefault("stack", [])
        if not stack:
            stack.append(AttrScope())
        return stack[-1]

    def __enter__(self) -> AttrScope:
        merged = AttrScope(**AttrScope.current().get(self._attr))
        _local.stack.append(merged)
        return self

    def __exit__(self, *exc: object) -> None:
        _local.stack.pop()
