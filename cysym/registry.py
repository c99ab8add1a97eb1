"""Name tables of user-extensible classes: metrics, initializers, optimizers.

`get_register_func`, `get_alias_func` and `get_create_func` make the three functions such a module publishes
over one table per base class. Names are compared in lower case. This module knows none of the classes it
lists and imports nothing of the package but `suggest`; the public modules call it once, at import.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from typing import Any, TypeVar

from .suggest import call_hinted, did_you_mean

T = TypeVar("T")

_tables: dict[type, dict[str, type]] = {}


def get_registry(base_class: type) -> dict[str, type]:
    """A copy of the name table of `base_class`: lower-case name to class."""
    return dict(_tables.get(base_class, {}))


def get_register_func(base_class: type[T], nickname: str) -> Callable[..., type[T]]:
    """Make ``register(klass, name=None)`` for the subclasses of `base_class`.

    Parameters
    ----------
    base_class : type
        What every registered class must derive from.
    nickname : str
        The word for one such thing in messages, "metric" for example.
    """
    table = _tables.setdefault(base_class, {})

    def register(klass: type[T], name: str | None = None) -> type[T]:
        if not (isinstance(klass, type) and issubclass(klass, base_class)):
            raise TypeError(
                f"can only register subclasses of {base_class.__name__} as {nickname}, got {klass!r}"
            )
        key = (klass.__name__ if name is None else name).lower()
        previous = table.get(key)
        if previous is not None and previous is not klass:
            warnings.warn(
                f"new {nickname} {klass.__module__}.{klass.__name__} registered with name {key} is "
                f"overriding existing {nickname} {previous.__module__}.{previous.__name__}",
                UserWarning,
                stacklevel=2,
            )
        table[key] = klass
        return klass

    register.__doc__ = f"""Register a subclass of {base_class.__name__} so that `create` finds it by name.

    Usable as a class decorator. The name is the class name in lower case unless `name` is given; a name
    already taken is overridden with a warning.
    """
    return register


def get_alias_func(base_class: type[T], nickname: str) -> Callable[..., Callable[[type[T]], type[T]]]:
    """Make ``alias(*names)``, a class decorator registering a class under further names."""
    register = get_register_func(base_class, nickname)

    def alias(*aliases: str) -> Callable[[type[T]], type[T]]:
        def decorate(klass: type[T]) -> type[T]:
            for name in aliases:
                register(klass, name)
            return klass

        return decorate

    alias.__doc__ = f"Class decorator registering a {nickname} under each of the given names."
    return alias


def get_create_func(base_class: type[T], nickname: str) -> Callable[..., T]:
    """Make ``create(spec, ...)``: an instance of `base_class` from whatever describes one.

    The description may be an instance (returned as it is), a registered name followed by constructor
    arguments, a dict holding the name under `nickname`, or the JSON text of a dict or of ``[name,
    {arguments}]``.
    """
    table = _tables.setdefault(base_class, {})

    def create(*args: Any, **kwargs: Any) -> T:
        if args:
            spec, args = args[0], args[1:]
        elif nickname in kwargs:
            spec = kwargs.pop(nickname)
        else:
            raise TypeError(f"create needs the name of a {nickname}")
        if isinstance(spec, base_class):
            if args or kwargs:
                raise TypeError(f"a {nickname} instance was given, so no further arguments are allowed")
            return spec
        if isinstance(spec, dict):
            if nickname not in spec or not all(isinstance(key, str) for key in spec):
                raise TypeError(
                    f"a {nickname} is described by a dict of its arguments with its name under {nickname!r}, "
                    f"got {spec!r}"
                )
            return create(**spec)
        if not isinstance(spec, str):
            raise TypeError(f"expected the name of a {nickname} or a {base_class.__name__}, got {spec!r}")
        text = spec.lstrip()
        if text[:1] in ("[", "{"):
            if args or kwargs:
                raise TypeError(
                    f"{nickname} {spec!r} carries its own arguments, so no further ones are allowed"
                )
            return _create_from_json(text)
        klass = table.get(spec.lower())
        if klass is None:
            raise ValueError(
                f"{spec or repr(spec)} is not registered as {nickname}{did_you_mean(spec, table)}; known "
                f"are: {', '.join(sorted(table))}"
            )
        instance: T = call_hinted(klass, *args, **kwargs)
        return instance

    def _create_from_json(text: str) -> T:
        try:
            parsed = json.loads(text)
        except ValueError as error:
            raise ValueError(f"{nickname} description {text!r} is not valid JSON: {error}") from None
        if isinstance(parsed, dict) and nickname in parsed:
            return create(**parsed)
        if (
            isinstance(parsed, list)
            and len(parsed) == 2
            and isinstance(parsed[0], str)
            and isinstance(parsed[1], dict)
        ):
            return create(parsed[0], **parsed[1])
        raise ValueError(f"{nickname} description {text!r} is neither [name, {{arguments}}] nor an object")

    create.__doc__ = f"Make a {nickname} from a name, an instance, a dict or a JSON description."
    return create
