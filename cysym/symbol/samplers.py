"""The sampling functions of `mx.nd.random`, `mx.sym.random` and `mx.random`, made from one table.

Numbers as parameters call `_random_X`, tensors `_sample_X`. What differs between NDArrays and Symbols
(context and `out`, or name and attributes) is said by the two modules `random` that call `make_samplers`.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

import numpy as np

from ..arguments import number
from ..base import MXNetError, _Null
from ..dtypes import NAMES, dtype_code
from ..ops.schema import REQUIRED

Function = Callable[..., Any]
Finish = Callable[[dict[str, Any], bool], None]
Number = (int, float, np.generic)
P = inspect.Parameter


class _Row(NamedTuple):
    """A sampler: its parameters with defaults and what they mean, its first line."""

    parameters: dict[str, tuple[Any, str]]
    doc: str


TABLE: Final = {
    "uniform": _Row(
        {"low": (0, "Lower bound, included."), "high": (1, "Upper bound, excluded.")},
        "Numbers uniform in [low, high).",
    ),
    "normal": _Row(
        {"loc": (0, "Mean."), "scale": (1, "Standard deviation.")}, "Numbers of a normal distribution."
    ),
    "poisson": _Row({"lam": (1, "Mean, at least 0.")}, "Numbers of a Poisson distribution."),
    "exponential": _Row({"scale": (1, "Mean, above 0.")}, "Numbers of an exponential distribution."),
    "gamma": _Row(
        {"alpha": (1, "Shape, above 0."), "beta": (1, "Scale, above 0.")},
        "Numbers of a gamma distribution with mean ``alpha * beta``.",
    ),
    "negative_binomial": _Row(
        {"k": (1, "Successes waited for."), "p": (1, "Probability of a success, in (0, 1].")},
        "How many failures come before the k-th success.",
    ),
    "generalized_negative_binomial": _Row(
        {"mu": (1, "Mean, at least 0."), "alpha": (1, "Dispersion; 0 makes it Poisson's distribution.")},
        "Numbers of a Poisson distribution whose mean is gamma distributed.",
    ),
    "randint": _Row(
        {"low": (REQUIRED, "Lower bound, included."), "high": (REQUIRED, "Upper bound, excluded.")},
        "Whole numbers uniform in [low, high).",
    ),
}


def make_samplers(
    module: str,
    tensor: type,
    functions: Mapping[str, Function],
    finish: Finish,
    tail: Mapping[str, Any],
    get_prob: bool,
) -> dict[str, Function]:
    """All samplers over one kind of tensor.

    Parameters
    ----------
    module
        Name of the module they will stand in.
    tensor
        NDArray or Symbol.
    functions
        The operators by name.
    finish
        ``finish(keywords, has_tensors)`` completes the keywords of a call.
    tail
        Keywords after ``dtype``, with their defaults.
    get_prob
        Default of multinomial's ``get_prob``.
    """
    made = {name: _sampler(name, row, tensor, functions, finish, tail) for name, row in TABLE.items()}
    for function in made.values():
        function.__module__ = module
    normal = made["normal"]

    def randn(*shape: int, loc: Any = 0, scale: Any = 1, dtype: Any = None, **kwargs: Any) -> Any:
        """Numbers of a normal distribution; the dimensions of the result as separate arguments."""
        return normal(loc, scale, shape or None, dtype, **kwargs)

    def multinomial(
        data: Any, shape: Any = None, get_prob: bool = get_prob, dtype: Any = "int32", **kwargs: Any
    ) -> Any:
        """Classes drawn with the probabilities given by the last axis of `data`.

        Each row of `data` sums to one. The result has `data`'s other axes followed by `shape`; with
        `get_prob` the logarithms of the probabilities of what was drawn are a second result, with a gradient.
        """
        shape = () if shape is None or shape is _Null else shape
        keywords = {"shape": shape, "get_prob": get_prob, "dtype": _dtype(dtype)}
        return functions["_sample_multinomial"](data, **keywords, **kwargs)

    def shuffle(data: Any, **kwargs: Any) -> Any:
        """The slices of `data` along its first axis in an order left to chance."""
        return functions["_shuffle"](data, **kwargs)

    for function in (randn, multinomial, shuffle):
        function.__module__ = module
        function.__qualname__ = function.__name__
        made[function.__name__] = function
    return made


def _dtype(dtype: Any) -> str | None:
    return None if dtype is None else NAMES[dtype_code(dtype)]


def _sampler(
    name: str,
    row: _Row,
    tensor: type,
    functions: Mapping[str, Function],
    finish: Finish,
    tail: Mapping[str, Any],
) -> Function:
    kind = P.POSITIONAL_OR_KEYWORD
    parameters = [
        P(n, kind, default=P.empty if default is REQUIRED else default)
        for n, (default, _) in row.parameters.items()
    ]
    parameters += [P(n, kind, default=v) for n, v in {"shape": None, "dtype": None, **tail}.items()]
    signature = inspect.Signature([*parameters, P("kwargs", P.VAR_KEYWORD)])

    def function(*args: Any, **kwargs: Any) -> Any:
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        keywords = bound.arguments
        keywords.update(keywords.pop("kwargs"))
        keywords.update((n, None) for n in ("shape", "dtype") if keywords[n] is _Null)
        values = {n: keywords.pop(n) for n in row.parameters}
        keywords["dtype"] = _dtype(keywords["dtype"])
        has_tensors = _kind(name, values, tensor)
        if has_tensors and f"_sample_{name}" not in functions:
            raise TypeError(
                f"{name}: {' and '.join(values)} must be numbers, got {type(next(iter(values.values())))}"
            )
        if name == "exponential":
            values = {"lam": _rate(values["scale"])}
        finish(keywords, has_tensors)
        for n in ("shape", "dtype"):
            if keywords[n] is None:
                del keywords[n]
        if has_tensors:
            return functions[f"_sample_{name}"](*values.values(), **keywords)
        return functions[f"_random_{name}"](**values, **keywords)

    function.__name__ = function.__qualname__ = name
    lines = [row.doc, "", "Parameters", "----------"]
    what = "number" if name == "randint" else f"number or {tensor.__name__}"
    lines += [f"{n} : {what}\n    {text}" for n, (_, text) in row.parameters.items()]
    lines += [
        "shape : int or tuple of int",
        "    Shape of the result; of tensors as parameters, how many numbers to draw for each element.",
        "dtype : str or type",
        "    int32 (default) or int64."
        if name == "randint"
        else "    float32 (default), float16 or float64.",
    ]
    function.__doc__ = "\n".join(lines)
    function.__signature__ = signature  # type: ignore[attr-defined]
    return function


def _kind(name: str, values: Mapping[str, Any], tensor: type) -> bool:
    """Whether all parameters are tensors; mixtures and anything but numbers are refused, as MXNet does."""
    first = next(iter(values.values()))
    is_tensor = isinstance(first, tensor)
    if not is_tensor and not isinstance(first, Number):
        raise ValueError(
            f"{name}: Distribution parameters must be either {tensor.__name__} or numbers, but got "
            f"{type(first)}."
        )
    for value in values.values():
        if not isinstance(value, tensor if is_tensor else Number):
            raise AssertionError(
                f"{name}: Distribution parameters must all have the same type, but got both {type(first)} "
                f"and {type(value)}."
            )
    return is_tensor


def _rate(scale: Any) -> Any:
    if isinstance(scale, Number) and not 0 < number(scale, "exponential: scale") < math.inf:
        raise MXNetError(f"exponential: scale must be positive and finite, got {scale}")
    return 1.0 / scale
