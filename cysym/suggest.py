"""Did you mean: the one place that guesses what a misspelt name was to be.

Pure text; `difflib` is imported when a guess is asked for, which is when an error is about to be raised.
Imports nothing of the package, so anything may import it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from typing import Any

_LONGEST = 100  # a longer "name" is no typing mistake, and comparing it would take long


def nearest(name: Any, names: Iterable[Any], count: int = 1) -> list[str]:
    """The names most like `name`, best first; case and ``_`` are no difference.

    >>> nearest("num_filters", ["kernel", "num_filter", "num_group"])
    ['num_filter']
    >>> nearest("ndarrayiter", ["CSVIter", "NDArrayIter"]), nearest("smy", ["sym", "nd"])
    (['NDArrayIter'], ['sym'])
    >>> nearest("x", ["data", "weight"]), nearest(3, ["data"])
    ([], [])
    """
    if not isinstance(name, str) or not 0 < len(name) <= _LONGEST:
        return []
    from difflib import get_close_matches

    plain: dict[str, list[str]] = {}
    for known in names:
        if isinstance(known, str) and known != name:
            plain.setdefault(_plain(known), []).append(known)
    word = _plain(name)
    found = [known for close in get_close_matches(word, plain, count, 0.7) for known in plain[close]]
    if not found and len(word) <= 4:  # letters of a short word swapped
        found = [k for known, spelt in plain.items() if sorted(known) == sorted(word) for k in spelt]
    return found[:count]


def _plain(name: str) -> str:
    return name.lower().replace("_", "")


def did_you_mean(name: Any, names: Iterable[Any], count: int = 1) -> str:
    """`` (did you mean data?)`` to put behind a name nobody knows, "" where none is near.

    >>> did_you_mean("dta", ["data", "label"]), did_you_mean("q", ["data"])
    (' (did you mean data?)', '')
    """
    near = nearest(name, names, count)
    return f" (did you mean {' or '.join(near)}?)" if near else ""


def listed(names: Sequence[str]) -> str:
    """Names as an error shows them: a large net has hundreds.

    >>> listed(["a", "b"]), len(listed(["x"] * 500))
    ('a, b', 76)
    """
    first = ", ".join(names[:20])
    return f"{first}, ... ({len(names)} in all)" if len(names) > 20 else first


def file_hint(path: str) -> str:
    """What to open instead of a file that is not there: the epochs there are, or a name like it, or "".

    >>> file_hint("no_such_folder/net-0001.params")
    ' (there is no folder no_such_folder)'
    """
    folder, name = os.path.split(path)
    try:
        names = sorted(os.listdir(folder or os.curdir))
    except FileNotFoundError:
        return f" (there is no folder {folder})"
    except OSError:
        return ""
    epoch = re.fullmatch(r"(.*)-\d{4,}\.params", name)
    if epoch:
        found = [e[1] for n in names if (e := re.fullmatch(re.escape(epoch[1]) + r"-(\d{4,})\.params", n))]
        if found:
            shown = found if len(found) <= 8 else [*found[:3], "...", *found[-3:]]
            return f" (epochs of {epoch[1]} that are there: {', '.join(shown)})"
    end = "-symbol.json"
    if name.endswith(end):  # what all these names share makes none of them near
        near = nearest(name.removesuffix(end), [n.removesuffix(end) for n in names if n.endswith(end)])
        names = [*(n + end for n in near), *(n for n in names if not n.endswith(end))]
    return did_you_mean(name, names)


def call_hinted(cls: type, /, *args: Any, **kwargs: Any) -> Any:
    """``cls(*args, **kwargs)``, whose TypeError of an unknown keyword says what was meant or what there is.

    >>> class Sgd:
    ...     def __init__(self, learning_rate=0.01): pass
    >>> call_hinted(Sgd, learning_rat=1)
    Traceback (most recent call last):
    TypeError: Sgd.__init__() got an unexpected keyword argument 'learning_rat' (did you mean learning_rate?)
    >>> call_hinted(Sgd, eta=1)
    Traceback (most recent call last):
    TypeError: Sgd.__init__() got an unexpected keyword argument 'eta'; there are learning_rate
    """
    try:
        return cls(*args, **kwargs)
    except TypeError as error:
        message = str(error)
        before, found, key = message.rpartition("got an unexpected keyword argument ")
        if not found or key.strip("'") not in kwargs:
            raise
        keywords = _keywords(cls)
        hint = did_you_mean(key.strip("'"), keywords) or f"; there are {listed(keywords)}"
        raise TypeError(f"{before}{found}{key}{hint}") from None


def _keywords(cls: type) -> list[str]:
    """Keywords of the constructors of a class and its bases, to which each hands on what it does not know."""
    import inspect

    names: dict[str, None] = {}
    for base in cls.__mro__[:-1]:
        if "__init__" in vars(base):
            names.update(dict.fromkeys(inspect.signature(vars(base)["__init__"]).parameters))
    return [name for name in names if name not in ("self", "args", "kwargs")]


ENVIRONMENT = (
    "CYSYM_ABI3", "CYSYM_CACHE", "CYSYM_CACHE_DIR", "CYSYM_FUSE", "CYSYM_HOST_CACHE", "CYSYM_ISA",
    "CYSYM_LAYOUT", "CYSYM_MAX_CHUNK", "CYSYM_NUM_THREADS", "CYSYM_OPENCL", "CYSYM_PLAN_CANARIES",
    "CYSYM_PLAN_SHARE", "CYSYM_SANITIZE",
)  # fmt: skip
"""The variables of docs/environment.md that bear the library's name."""


def check_environment(names: Iterable[str]) -> None:
    """Warn of a set variable that is like one the library reads, but is none: it would be ignored."""
    for name in names:
        if name.startswith("CYSYM_") and name not in ENVIRONMENT:
            near = nearest(name[6:], [known[6:] for known in ENVIRONMENT])
            if near:
                import warnings

                text = f"the environment variable {name} means nothing (did you mean CYSYM_{near[0]}?)"
                warnings.warn(text, stacklevel=3)
