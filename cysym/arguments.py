"""Checks of what a user hands to the training side: file names, numbers, functions, dicts, lists of names.

Each gives the value back in the form its caller works with, or raises the Python error a user expects, which
names the argument, what it must be and what it was. Nothing here knows symbols, devices or what files hold.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

_LENGTH = 120


def shown(value: Any) -> str:
    """The value as an error shows it: its `repr`, cut short, with its type where that is not plain to see.

    >>> shown("x"), shown(None), shown(2.5), shown({1})
    ("'x'", 'None', '2.5', '{1} (set)')
    """
    try:
        text = repr(value)
    except Exception:
        text = object.__repr__(value)
    if len(text) > _LENGTH:
        text = f"{text[:_LENGTH]}..."
    plain = value is None or type(value) in (bool, int, float, str, bytes, list, tuple, dict)
    return text if plain else f"{text} ({type(value).__name__})"


def file_name(value: Any, what: str = "fname") -> str:
    """A path as text. A number is none: `open` would take it for an open file, and close that.

    >>> file_name("net.json")
    'net.json'
    """
    if not isinstance(value, str | bytes | os.PathLike):
        raise TypeError(f"{what} must be a string or a path, got {shown(value)}")
    path = os.fsdecode(value)
    if "\0" in path:
        raise ValueError(f"{what} must not contain a NUL character, got {shown(path)}")
    return path


def text(value: Any, what: str) -> str:
    """A string."""
    if not isinstance(value, str):
        raise TypeError(f"{what} must be a string, got {shown(value)}")
    return value


def fraction(value: Any, what: str) -> float:
    """A number from 0 on and below 1, such as the decay of a moving average."""
    if not 0 <= number(value, what) < 1:
        raise ValueError(f"{what} must be at least 0 and less than 1, got {shown(value)}")
    return number(value, what)


def optional_number(value: Any, what: str) -> float | None:
    """A number or None."""
    return None if value is None else number(value, what)


def number(value: Any, what: str, least: float | None = None) -> float:
    """A real number that a float can hold; NaN and the infinities are among them.

    >>> number(3, "lr")
    3
    """
    try:
        if isinstance(value, str | bytes | bytearray) or getattr(value, "ndim", None):
            raise TypeError
        as_float = float(value)
    except (TypeError, ValueError):
        raise TypeError(f"{what} must be a number, got {shown(value)}") from None
    except OverflowError:
        raise ValueError(f"{what} must be a number that a float can hold, got {shown(value)}") from None
    if least is not None and not as_float >= least:
        raise ValueError(f"{what} must be at least {least}, got {shown(value)}")
    found: float = value.item() if hasattr(value, "item") else value
    return found


def finite(value: Any, what: str, least: float | None = None) -> float:
    """A number, neither NaN nor infinite."""
    value = number(value, what, least)
    if not math.isfinite(float(value)):
        raise ValueError(f"{what} must be finite, got {shown(value)}")
    found: float = value
    return found


def whole(value: Any, what: str, least: int | None = None) -> int:
    """A whole number of 64 bits: an int or what counts as one (NumPy's too).

    >>> whole(3, "batch_size", 1)
    3
    """
    try:
        found = value.__index__()
    except (AttributeError, TypeError):
        raise TypeError(f"{what} must be a whole number, got {shown(value)}") from None
    if least is not None and found < least:
        raise ValueError(f"{what} must be at least {least}, got {found}")
    if not -(2**63) <= found < 2**63:
        raise ValueError(f"{what} must fit in 64 bits, got {shown(found)}")
    return int(found)


def function(value: Any, what: str, optional: bool = False) -> Any:
    """Something to call, or None where that is allowed."""
    if callable(value) or (optional and value is None):
        return value
    raise TypeError(f"{what} must be callable{' or None' if optional else ''}, got {shown(value)}")


def functions(value: Any, what: str) -> list[Any]:
    """The callbacks of None, one, or a list or tuple of them."""
    if value is None:
        return []
    found = list(value) if isinstance(value, list | tuple) else [value]
    for one in found:
        if not callable(one):
            raise TypeError(f"{what} must be callable, or a list of callables, got {shown(value)}")
    return found


def mapping(value: Any, what: str) -> Mapping[Any, Any]:
    """A dict; an empty one for None."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise TypeError(f"{what} must be a dict, got {shown(value)}")
    return value


def name_list(value: Any, what: str) -> list[str]:
    """A list of strings from a list, tuple or None; one string alone is a mistake, not its letters."""
    if value is None:
        return []
    if isinstance(value, str | bytes | Mapping) or not isinstance(value, Sequence):
        raise TypeError(f"{what} must be a list of strings, got {shown(value)}")
    for name in value:
        if not isinstance(name, str):
            raise TypeError(f"{what} must be a list of strings, it holds {shown(name)}")
    return list(value)


def needs(value: Any, what: str, kind: str, *attributes: str) -> Any:
    """An object (no class) with these attributes; `kind` says what it should have been."""
    if isinstance(value, type) or not all(hasattr(value, name) for name in attributes):
        raise TypeError(f"{what} must be {kind}, got {shown(value)}")
    return value


def parameters(value: Any, what: str, optional: bool = True) -> Mapping[Any, Any]:
    """A dict of str to array, an empty one for None."""
    if value is None and optional:
        return {}
    if not isinstance(value, Mapping):
        raise TypeError(f"{what} must be a dict of str to NDArray, got {shown(value)}")
    for name, array in value.items():
        if not isinstance(name, str) or isinstance(array, type) or not hasattr(array, "shape"):
            raise TypeError(
                f"{what} must be a dict of str to NDArray, it holds {shown(name)}: {shown(array)}"
            )
        if isinstance(array, np.ndarray) and array.dtype.kind not in "biuf":
            raise TypeError(f"{what}: {name} must be an array of real numbers, got {array.dtype}")
    return value


def options(value: Any, what: str) -> dict[str, Any]:
    """Keyword arguments from a dict, or from (name, value) pairs in any iterable."""
    pairs = value.items() if isinstance(value, Mapping) else value
    if isinstance(pairs, Iterable) and not isinstance(pairs, str | bytes):
        pairs = list(pairs)
    if not isinstance(pairs, list) or not all(
        isinstance(pair, list | tuple) and len(pair) == 2 and isinstance(pair[0], str) for pair in pairs
    ):
        raise TypeError(f"{what} must be a dict or a list of (name, value) pairs, got {shown(value)}")
    return dict(pairs)


def checkpoint_file(prefix: Any, epoch: Any, ending: str) -> str:
    """``prefix-NNNN.ending``.

    >>> checkpoint_file("net", 3, "params")
    'net-0003.params'
    """
    return f"{file_name(prefix, 'prefix')}-{whole(epoch, 'epoch'):04d}.{ending}"


def choice(value: Any, what: str, known: Sequence[str]) -> str:
    """One of a few words."""
    if not isinstance(value, str) or value not in known:
        words = ", ".join(map(repr, known[:-1])) + f" or {known[-1]!r}"
        raise ValueError(f"{what} must be {words}, got {shown(value)}")
    return value
