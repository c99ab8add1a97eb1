"""Initial values of parameters: which rule fills an array is decided by its name or its `__init__` attribute.

An initializer is called with an InitDesc (a name carrying the variable's attributes) and writes the array in
place, drawing through the library's random streams, so a seed reproduces the same network as in MXNet.
Module.init_params calls it, parameter by parameter in the order of names.
"""

from __future__ import annotations

import json
import logging
import math
import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from . import ndarray as nd
from . import random as _random
from .registry import get_alias_func, get_create_func, get_register_func


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
        self.attrs = attrs or {}
        self.global_init = global_init
        return self


def _root_mean_square(array: Any) -> str:
    values = array.asnumpy()
    return str(float(np.linalg.norm(values.ravel()) / math.sqrt(max(values.size, 1))))


class Initializer:
    """Base class: dispatches on the end of the name; subclasses define `_init_weight`.

    Keyword arguments are kept for `dumps`, which must suffice to make the initializer again.
    """

    def __init__(self, **kwargs: Any) -> None:
        self._kwargs = kwargs
        self._verbose = False
        self._print_func: Callable[[Any], str] = _root_mean_square

    def set_verbosity(
        self, verbose: bool = False, print_func: Callable[[Any], str] | None = None
    ) -> Initializer:
        """Log each array after filling it, described by `print_func` (default: its root mean square)."""
        self._verbose = verbose
        self._print_func = _root_mean_square if print_func is None else print_func
        return self

    def dumps(self) -> str:
        """The initializer as JSON text ``[name, {arguments}]``; `create` reads it back.

        >>> Uniform(0.5).dumps()
        '["uniform", {"scale": 0.5}]'
        """
        return json.dumps([type(self).__name__.lower(), self._kwargs])

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}({', '.join(f'{key}={value!r}' for key, value in self._kwargs.items())})"
        )

    def __call__(self, desc: str, arr: nd.NDArray) -> None:
        """Fill `arr`, the parameter described by `desc`, in place.

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
            self._report(desc, own, arr)
            return
        for ending, rule in self._RULES:
            if desc.endswith(ending):
                getattr(self, f"_init_{rule}")(desc, arr)
                self._report(desc, ending, arr)
                return
        self._init_default(desc, arr)

    _RULES = (
        ("weight", "weight"),
        ("bias", "bias"),
        ("gamma", "gamma"),
        ("beta", "beta"),
        ("min", "zero"),
        ("max", "one"),
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
            Bilinear()._init_weight(name, arr)
            return
        if name.startswith("stn_loc") and name.endswith("weight"):
            self._init_zero(name, arr)
            return
        if name.startswith("stn_loc") and name.endswith("bias"):
            # The affine transformer starts as the identity map.
            arr[:] = np.array([1.0, 0.0, 0.0, 0.0, 1.0, 0.0], dtype=np.float32)
            return
        for ending, rule in self._LEGACY_RULES:
            if name.endswith(ending):
                getattr(self, f"_init_{rule}")(name, arr)
                return
        self._init_default(name, arr)

    def _report(self, desc: str, rule: str, arr: nd.NDArray) -> None:
        if self._verbose:
            logging.info("Initialized %s as %s: %s", desc, rule, self._print_func(arr))

    def _init_zero(self, _: str, arr: nd.NDArray) -> None:
        arr[:] = 0.0

    def _init_one(self, _: str, arr: nd.NDArray) -> None:
        arr[:] = 1.0

    def _init_bias(self, _: str, arr: nd.NDArray) -> None:
        arr[:] = 0.0

    def _init_gamma(self, _: str, arr: nd.NDArray) -> None:
        arr[:] = 1.0

    def _init_beta(self, _: str, arr: nd.NDArray) -> None:
        arr[:] = 0.0

    def _init_weight(self, name: str, arr: nd.NDArray) -> None:
        raise NotImplementedError(f"{type(self).__name__} must define _init_weight")

    def _init_default(self, name: str, arr: nd.NDArray) -> None:
        raise ValueError(
            f"Unknown initialization pattern for {name}. Names ending in weight, bias, gamma or beta have a "
            "default; give others their own initializer, as in mx.sym.Variable(init=mx.init.Zero())"
        )


register = get_register_func(Initializer, "initializer")
alias = get_alias_func(Initializer, "initializer")
create = get_create_func(Initializer, "initializer")


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
        self.param = {
            name[4:] if name.startswith(("arg:", "aux:")) else name: array for name, array in loaded.items()
        }
        self.default_init = default_init
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


@alias("zeros")
@register
class Zero(Initializer):
    """Fill with 0."""

    def __init__(self) -> None:
        super().__init__()

    def _init_weight(self, name: str, arr: nd.NDArray) -> None:
        arr[:] = 0.0


@alias("ones")
@register
class One(Initializer):
    """Fill with 1."""

    def __init__(self) -> None:
        super().__init__()

    def _init_weight(self, name: str, arr: nd.NDArray) -> None:
        arr[:] = 1.0


@register
class Constant(Initializer):
    """Fill with a number, or copy an array of the same shape."""

    def __init__(self, value: Any) -> None:
        super().__init__(value=value)
        self.value = value

    def _init_weight(self, name: str, arr: nd.NDArray) -> None:
        arr[:] = (
            np.asarray(self.value, dtype=arr.dtype) if isinstance(self.value, list | tuple) else self.value
        )

    def dumps(self) -> str:
        value = self.value.asnumpy() if isinstance(self.value, nd.NDArray) else self.value
        if isinstance(value, np.ndarray | np.generic):
            value = value.tolist()
        return json.dumps([type(self).__name__.lower(), {"value": value}])


@register
class Uniform(Initializer):
    """Draw from [-scale, scale)."""

    def __init__(self, scale: float = 0.07) -> None:
        super().__init__(scale=scale)
        self.scale = scale

    def _init_weight(self, name: str, arr: nd.NDArray) -> None:
        _random.uniform(-self.scale, self.scale, out=arr)


@register
class Normal(Initializer):
    """Draw from a normal distribution of mean 0 and standard deviation `sigma`."""

    def __init__(self, sigma: float = 0.01) -> None:
        super().__init__(sigma=sigma)
        self.sigma = sigma

    def _init_weight(self, name: str, arr: nd.NDArray) -> None:
        _random.normal(0, self.sigma, out=arr)


@register
class Orthogonal(Initializer):
    """Rows (or columns, if there are more rows) made orthonormal, times `scale`.

    Source: Saxe et al., "Exact solutions to the nonlinear dynamics of learning in deep linear neural
    networks".

    Parameters
    ----------
    scale : float
    rand_type : {"uniform", "normal"}
        Distribution of the matrix whose singular vectors are taken.
    """

    def __init__(self, scale: float = 1.414, rand_type: str = "uniform") -> None:
        if rand_type not in ("uniform", "normal"):
            raise ValueError(f"rand_type must be 'uniform' or 'normal', got {rand_type!r}")
        super().__init__(scale=scale, rand_type=rand_type)
        self.scale = scale
        self.rand_type = rand_type

    def _init_weight(self, name: str, arr: nd.NDArray) -> None:
        matrix = (arr.shape[0], math.prod(arr.shape[1:]))
        if self.rand_type == "uniform":
            drawn = _random.uniform(-1.0, 1.0, shape=matrix).asnumpy()
        else:
            drawn = _random.normal(0.0, 1.0, shape=matrix).asnumpy()
        left, _, right = np.linalg.svd(drawn, full_matrices=False)
        basis = left if left.shape == drawn.shape else right
        arr[:] = (self.scale * basis).reshape(arr.shape).astype(arr.dtype)


@register
class Xavier(Initializer):
    """Draw with a spread of ``sqrt(magnitude / fan)``, keeping the size of activations across layers.

    Source: Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks".

    Parameters
    ----------
    rnd_type : {"uniform", "gaussian"}
        The spread is the half width of the interval, or the standard deviation.
    factor_type : {"avg", "in", "out"}
        Fan in is the second dimension times the kernel's size, fan out the first one.
    magnitude : float
    """

    def __init__(self, rnd_type: str = "uniform", factor_type: str = "avg", magnitude: float = 3) -> None:
        if rnd_type not in ("uniform", "gaussian"):
            raise ValueError(f"rnd_type must be 'uniform' or 'gaussian', got {rnd_type!r}")
        if factor_type not in ("avg", "in", "out"):
            raise ValueError(f"factor_type must be 'avg', 'in' or 'out', got {factor_type!r}")
        super().__init__(rnd_type=rnd_type, factor_type=factor_type, magnitude=magnitude)
        self.rnd_type = rnd_type
        self.factor_type = factor_type
        self.magnitude = float(magnitude)

    def _init_weight(self, name: str, arr: nd.NDArray) -> None:
        shape = arr.shape
        if len(shape) < 2:
            raise ValueError(
                f"{type(self).__name__} initializer cannot be applied to vector {name} of shape {shape}. "
                "It requires at least 2D."
            )
        kernel = math.prod(shape[2:])
        fan_in, fan_out = shape[1] * kernel, shape[0] * kernel
        factor = {"avg": (fan_in + fan_out) / 2.0, "in": fan_in, "out": fan_out}[self.factor_type]
        scale = math.sqrt(self.magnitude / factor)
        if self.rnd_type == "uniform":
            _random.uniform(-scale, scale, out=arr)
        else:
            _random.normal(0, scale, out=arr)


@register
class MSRAPrelu(Xavier):
    """Gaussian Xavier of magnitude ``2 / (1 + slope**2)``, for networks of (leaky) ReLUs.

    Source: He et al., "Delving deep into rectifiers".
    """

    def __init__(self, factor_type: str = "avg", slope: float = 0.25) -> None:
        super().__init__("gaussian", factor_type, 2.0 / (1 + slope**2))
        self._kwargs = {"factor_type": factor_type, "slope": slope}


@register
class Bilinear(Initializer):
    """The kernel that makes a Deconvolution interpolate bilinearly; 4-D weights (.., .., height, width)."""

    def __init__(self) -> None:
        super().__init__()

    def _init_weight(self, name: str, arr: nd.NDArray) -> None:
        shape = arr.shape
        if len(shape) != 4:
            raise ValueError(f"Bilinear initializer needs a 4D weight, {name} has shape {shape}")
        # A tent of half width f around the centre c; both axes take f from the width, as MXNet does.
        f = math.ceil(shape[3] / 2.0)
        c = (2 * f - 1 - f % 2) / (2.0 * f)
        rows = 1 - np.abs(np.arange(shape[2]) / f - c)
        columns = 1 - np.abs(np.arange(shape[3]) / f - c)
        arr[:] = np.broadcast_to(np.outer(rows, columns), shape).astype(arr.dtype)
