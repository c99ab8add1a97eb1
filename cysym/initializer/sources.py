"""Initializers that choose: among saved arrays (Load), or among other initializers by name (Mixed).

They are callables of (name, array) like every initializer, but no subclasses of Initializer and registered
under no name: their arguments do not fit into a text.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping, Sequence

from .. import ndarray as nd
from ..arguments import function, parameters, shown


class Load:
    """Take values from a saved file or a dict; what is missing there goes to `default_init`.

    Parameters
    ----------
    param : str or dict of str to NDArray
        A file for `nd.load`, or its content; ``arg:`` and ``aux:`` prefixes are dropped.
    default_init : callable, optional
        Initializer of the names not found.
    verbose : bool
        Log where each value came from.
    """

    def __init__(
        self,
        param: str | Mapping[str, nd.NDArray],
        default_init: Callable[[str, nd.NDArray], None] | None = None,
        verbose: bool = False,
    ) -> None:
        loaded = nd.load(param) if isinstance(param, str) else param
        if not isinstance(loaded, Mapping):
            raise TypeError(f"Load needs named arrays (a dict), got {type(loaded).__name__}")
        parameters(loaded, "param")
        self.param = {
            name[4:] if name.startswith(("arg:", "aux:")) else name: array for name, array in loaded.items()
        }
        self.default_init = function(default_init, "default_init", optional=True)
        self.verbose = verbose

    def __call__(self, name: str, arr: nd.NDArray) -> None:
        if name in self.param:
            value = self.param[name]
            if value.shape != arr.shape:
                raise ValueError(
                    f"Parameter {name} cannot be initialized from loading: expected shape {arr.shape}, "
                    f"loaded {value.shape}"
                )
            arr[:] = value
            if self.verbose:
                logging.info("Initialized %s by loading", name)
            return
        if self.default_init is None:
            raise ValueError(
                f"Cannot initialize {name}: not among the loaded parameters, and no default_init given"
            )
        self.default_init(name, arr)
        if self.verbose:
            logging.info("Initialized %s by default", name)


class Mixed:
    """Choose the initializer by the first regular expression matching the start of the name.

    Parameters
    ----------
    patterns : list of str
    initializers : list of Initializer
        As many as patterns; end with ``".*"`` to have a default.
    """

    def __init__(
        self, patterns: Sequence[str], initializers: Sequence[Callable[[str, nd.NDArray], None]]
    ) -> None:
        for what, given in (("patterns", patterns), ("initializers", initializers)):
            if not isinstance(given, list | tuple):
                raise TypeError(f"{what} must be a list, got {shown(given)}")
        for pattern in patterns:
            if not isinstance(pattern, str | re.Pattern):
                raise TypeError(f"patterns must be a list of strings, it holds {shown(pattern)}")
        for init in initializers:
            function(init, "every entry of initializers")
        if len(patterns) != len(initializers):
            raise ValueError(f"Mixed got {len(patterns)} patterns but {len(initializers)} initializers")
        self.map = [(re.compile(p), init) for p, init in zip(patterns, initializers, strict=True)]

    def __call__(self, name: str, arr: nd.NDArray) -> None:
        for pattern, init in self.map:
            if pattern.match(name):
                init(name, arr)
                return
        raise ValueError(
            f'Parameter name {name} did not match any pattern; a last pattern ".*" serves as default'
        )
