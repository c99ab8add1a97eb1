"""The dispatch of initializers: own initializer of the variable, else a rule by the end of the name.

`Initializer` is what users derive from; `register`, `alias` and `create` make it known by name. A name given
as plain str, not InitDesc, follows MXNet's older and longer list of rules, with a deprecation warning.
"""

from __future__ import annotations

import json
import logging
import math
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from .. import ndarray as nd
from .. import random as _random
from ..arguments import function, mapping
from ..registry import get_alias_func, get_create_func, get_register_func


class InitDesc(str):
    """A parameter's name together with its variable's attributes.

    Parameters
    ----------
    name : str
    attrs : dict of str to str, optional
        The attributes; `__init__` names an initializer that wins over the rules by name.
    global_init : Initializer, optional
        The initializer of the whole network, for composite initializers to fall back on.
    """

    attrs: Mapping[str, str]
    global_init: Any

    def __new__(cls, name: str, attrs: Mapping[str, str] | None = None, global_init: Any = None) -> InitDesc:
        self = super().__new__(cls, name)
        self.attrs = mapping(attrs, "attrs")
        self.global_init = global_init
        return self


def _root_mean_square(array: Any) -> str:
    return str((array.norm() / math.sqrt(max(array.size, 1))).asscalar())


def tent(shape: tuple[int, ...], name: str) -> np.ndarray:
    """The kernel of bilinear interpolation for a 4-D weight (.., .., height, width); ValueError for others.

    A tent of half width f around the centre c; both axes take f from the width, as MXNet does.
    """
    if len(shape) != 4:
        raise ValueError(f"Bilinear initializer needs a 4D weight, {name} has shape {shape}")
    f = math.ceil(shape[3] / 2.0)
    c = (2 * f - 1 - f % 2) / (2.0 * f)
    rows = 1 - np.abs(np.arange(shape[2]) / f - c)
    columns = 1 - np.abs(np.arange(shape[3]) / f - c)
    return np.broadcast_to(np.outer(rows, columns).astype(np.float32), shape)


class Initializer:
    """Base class: dispatches on the end of the name; subclasses define `_init_weight`.

    Names ending in weight, bias (0), gamma (1), beta (0), min (0) and max (1) have a rule, each a method
    ``_init_<rule>(desc, array)`` that a subclass may override; others raise ValueError in `_init_default`.
    Keyword arguments are kept for `dumps`, which must suffice to make the initializer again. Initializers of
    one class with equal arguments are equal.
    """

    def __init__(self, **kwargs: Any) -> None:
        self._kwargs = kwargs
        self._verbose = False
        self._print_func: Callable[[Any], str] = _root_mean_square

    def set_verbosity(
        self, verbose: bool = False, print_func: Callable[[Any], str] | None = None
    ) -> Initializer:
        """Log each array after filling it.

        Parameters
        ----------
        verbose : bool
        print_func : callable, optional
            From an NDArray to the text that describes it; its root mean square by default.

        Returns
        -------
        Initializer
            This one.
        """
        self._verbose = verbose
        self._print_func = function(print_func, "print_func", optional=True) or _root_mean_square
        return self

    def dumps(self) -> str:
        """The initializer as JSON text ``[name, {arguments}]``; `create` reads it back.

        >>> import cysym as mx
        >>> mx.init.Uniform(0.5).dumps()
        '["uniform", {"scale": 0.5}]'
        """
        return json.dumps([type(self).__name__.lower(), self._kwargs])

    def __repr__(self) -> str:
        arguments = ", ".join(f"{key}={value!r}" for key, value in self._kwargs.items())
        return f"{type(self).__name__}({arguments})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Initializer):
            return NotImplemented
        mine, others = self._kwargs, other._kwargs
        return (
            type(self) is type(other)
            and mine.keys() == others.keys()
            and all(_is_equal(value, others[key]) for key, value in mine.items())
        )

    __hash__ = None  # type: ignore[assignment] # arguments may change; so it is in MXNet

    def __call__(self, desc: str, arr: nd.NDArray) -> None:
        """Fill a parameter in place.

        Parameters
        ----------
        desc : InitDesc, or str
            Its name and attributes.
        arr : NDArray

        Raises
        ------
        ValueError
            The name matches no rule and the variable names no initializer of its own.
        """
        if not isinstance(desc, str):
            raise TypeError(f"desc must be an InitDesc, got {type(desc).__name__}")
        if not isinstance(arr, nd.NDArray):
            raise TypeError(f"{desc}: expected an NDArray to initialize, got {type(arr).__name__}")
        if not isinstance(desc, InitDesc):
            self._legacy_init(desc, arr)
            return
        if desc.global_init is None:
            desc.global_init = self
        own = desc.attrs.get("__init__", "")
        if own:
            create(own)._init_weight(desc, arr)
            self._verbose_print(desc, own, arr)
            return
        for ending, rule in self._RULES:
            if desc.endswith(ending):
                getattr(self, f"_init_{rule}")(desc, arr)
                self._verbose_print(desc, ending, arr)
                return
        self._init_default(desc, arr)

    _RULES = (
        ("weight", "weight"),
        ("bias", "bias"),
        ("gamma", "gamma"),
        ("beta", "beta"),
        ("min", "zero"),
        ("max", "one"),
        ("weight_quantize", "quantized_weight"),
        ("bias_quantize", "quantized_bias"),
    )
    # Names given as a plain str predate InitDesc and know more patterns: (ending, rule), first match wins.
    _LEGACY_RULES = (
        ("bias", "bias"),
        ("gamma", "gamma"),
        ("beta", "beta"),
        ("weight", "weight"),
        ("moving_mean", "zero"),
        ("moving_var", "one"),
        ("moving_inv_var", "zero"),
        ("moving_avg", "zero"),
        ("min", "zero"),
        ("max", "one"),
    )

    def _legacy_init(self, name: str, arr: nd.NDArray) -> None:
        warnings.warn(
            "calling an initializer with a plain str is deprecated; give a mx.init.InitDesc",
            DeprecationWarning,
            stacklevel=3,
        )
        if name.startswith("upsampling"):
            self._init_bilinear(name, arr)
            return
        if name.startswith("stn_loc") and name.endswith("weight"):
            self._init_zero(name, arr)
            return
        if name.startswith("stn_loc") and name.endswith("bias"):
            self._init_loc_bias(name, arr)
            return
        for ending, rule in self._LEGACY_RULES:
            if name.endswith(ending):
                getattr(self, f"_init_{rule}")(name, arr)
                return
        self._init_default(name, arr)

    def _verbose_print(self, desc: str, init: str, arr: nd.NDArray) -> None:
        if self._verbose:
            logging.info("Initialized %s as %s: %s", desc, init, self._print_func(arr))

    def _init_bilinear(self, name: str, arr: nd.NDArray) -> None:
        arr[:] = tent(arr.shape, name)

    def _init_loc_bias(self, name: str, arr: nd.NDArray) -> None:
        # The affine transformer starts as the identity map.
        if arr.shape != (6,):
            raise ValueError(f"{name}: an affine transformation has 6 numbers, got shape {arr.shape}")
        arr[:] = np.array([1, 0, 0, 0, 1, 0], dtype=np.float32)

    def _init_zero(self, _: str, arr: nd.NDArray) -> None:
        arr[:] = 0.0

    def _init_one(self, _: str, arr: nd.NDArray) -> None:
        arr[:] = 1.0

    def _init_bias(self, _: str, arr: nd.NDArray) -> None:
        arr[:] = 0.0

    def _init_quantized_bias(self, _: str, arr: nd.NDArray) -> None:
        arr[:] = 0

    def _init_gamma(self, _: str, arr: nd.NDArray) -> None:
        arr[:] = 1.0

    def _init_beta(self, _: str, arr: nd.NDArray) -> None:
        arr[:] = 0.0

    def _init_weight(self, name: str, arr: nd.NDArray) -> None:
        raise NotImplementedError(f"{type(self).__name__} must define _init_weight")

    def _init_quantized_weight(self, _: str, arr: nd.NDArray) -> None:
        # MXNet's rule: one number for the whole array
        arr[:] = int(_random.randint(-127, 127, dtype="int32", ctx=arr.context).asscalar())

    def _init_default(self, name: str, _: nd.NDArray) -> None:
        raise ValueError(
            f"Unknown initialization pattern for {name or repr(name)}. Names ending in weight, bias, "
            "gamma or beta have a default; give others their own initializer, as in "
            "mx.sym.Variable(init=mx.init.Zero())"
        )


def _is_equal(a: Any, b: Any) -> bool:
    """Equality of arguments, arrays element by element."""
    a, b = (value.asnumpy() if isinstance(value, nd.NDArray) else value for value in (a, b))
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        return np.array_equal(a, b)
    return bool(a == b)


register = get_register_func(Initializer, "initializer")
alias = get_alias_func(Initializer, "initializer")
create = get_create_func(Initializer, "initializer")
