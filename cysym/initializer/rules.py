"""Initializers that fill one weight by a formula: constants, random draws, orthogonal bases, tents.

They define `_init_weight` only; biases and the like follow the base class's rules by name. Draws go through
`mx.random`, on the array's own device and in its own element type.
"""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np

from .. import ndarray as nd
from .. import random as _random
from ..arguments import choice, finite
from .base import Initializer, alias, register, tent


def _matrix_shape(rule: Initializer, name: str, arr: nd.NDArray) -> tuple[int, ...]:
    """The array's shape; ValueError if it has not the two axes that `rule` needs."""
    if len(arr.shape) < 2:
        raise ValueError(
            f"{type(rule).__name__} initializer cannot be applied to vector {name} of shape {arr.shape}. "
            "It requires at least 2D."
        )
    return arr.shape


@register
@alias("zeros")
class Zero(Initializer):
    """Fill with 0."""

    def __init__(self) -> None:
        super().__init__()

    def _init_weight(self, name: str, arr: nd.NDArray) -> None:
        arr[:] = 0.0


@register
@alias("ones")
class One(Initializer):
    """Fill with 1."""

    def __init__(self) -> None:
        super().__init__()

    def _init_weight(self, name: str, arr: nd.NDArray) -> None:
        arr[:] = 1.0


@register
class Constant(Initializer):
    """Fill with a number, or copy an array.

    Parameters
    ----------
    value : float, NDArray, numpy.ndarray or list
        An array has the parameter's shape.
    """

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
    """Draw from [-scale, scale).

    Parameters
    ----------
    scale : float
    """

    def __init__(self, scale: float = 0.07) -> None:
        super().__init__(scale=scale)
        self.scale = finite(scale, "scale", 0)

    def _init_weight(self, name: str, arr: nd.NDArray) -> None:
        _random.uniform(-self.scale, self.scale, out=arr)


@register
class Normal(Initializer):
    """Draw from a normal distribution of mean 0.

    Parameters
    ----------
    sigma : float
        Standard deviation.
    """

    def __init__(self, sigma: float = 0.01) -> None:
        super().__init__(sigma=sigma)
        self.sigma = finite(sigma, "sigma", 0)

    def _init_weight(self, name: str, arr: nd.NDArray) -> None:
        _random.normal(0, self.sigma, out=arr)


@register
class Orthogonal(Initializer):
    """Rows (or columns, if there are more rows) made orthonormal, times `scale`.

    The sign of each is what NumPy's LAPACK gives: a seed fixes the numbers up to these signs.

    Source: Saxe et al., "Exact solutions to the nonlinear dynamics of learning in deep linear neural
    networks".

    Parameters
    ----------
    scale : float
    rand_type : {"uniform", "normal"}
        Distribution of the matrix whose singular vectors are taken.
    """

    def __init__(self, scale: float = 1.414, rand_type: str = "uniform") -> None:
        choice(rand_type, "rand_type", ("uniform", "normal"))
        finite(scale, "scale")
        super().__init__(scale=scale, rand_type=rand_type)
        self.scale = scale
        self.rand_type = rand_type

    def _init_weight(self, name: str, arr: nd.NDArray) -> None:
        shape = _matrix_shape(self, name, arr)
        matrix = (shape[0], math.prod(shape[1:]))
        if self.rand_type == "uniform":
            drawn = _random.uniform(-1.0, 1.0, shape=matrix, ctx=arr.context).asnumpy()
        else:
            drawn = _random.normal(0.0, 1.0, shape=matrix, ctx=arr.context).asnumpy()
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

    Raises
    ------
    ValueError
        A choice is none of these (MXNet says so only when it fills the first weight).
    """

    def __init__(self, rnd_type: str = "uniform", factor_type: str = "avg", magnitude: float = 3) -> None:
        choice(rnd_type, "rnd_type", ("uniform", "gaussian"))
        choice(factor_type, "factor_type", ("avg", "in", "out"))
        super().__init__(rnd_type=rnd_type, factor_type=factor_type, magnitude=magnitude)
        if isinstance(magnitude, str):  # as it may stand in a script
            try:
                magnitude = float(magnitude)
            except ValueError:
                raise ValueError(f"magnitude must be a number, got {magnitude!r}") from None
        finite(magnitude, "magnitude", 0)
        self.rnd_type = rnd_type
        self.factor_type = factor_type
        self.magnitude = float(magnitude)

    def _init_weight(self, name: str, arr: nd.NDArray) -> None:
        shape = _matrix_shape(self, name, arr)
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

    Parameters
    ----------
    factor_type : {"avg", "in", "out"}
        See `Xavier`.
    slope : float
        Of the leaky part.
    """

    def __init__(self, factor_type: str = "avg", slope: float = 0.25) -> None:
        if abs(finite(slope, "slope")) > 1e18:
            raise ValueError(f"slope {slope} leaves no weights but 0")
        super().__init__("gaussian", factor_type, 2.0 / (1 + slope**2))
        self._kwargs = {"factor_type": factor_type, "slope": slope}


@register
class Bilinear(Initializer):
    """The kernel that makes a Deconvolution interpolate bilinearly; 4-D weights (.., .., height, width)."""

    def __init__(self) -> None:
        super().__init__()

    def _init_weight(self, name: str, arr: nd.NDArray) -> None:
        arr[:] = tent(arr.shape, name)
