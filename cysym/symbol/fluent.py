"""The operators NDArrays and Symbols have as methods: `a.argmax(axis=1)` is `mx.nd.argmax(a, axis=1)`.

One list, MXNet's; functions, signatures and docstrings come from the registry. Methods an array defines
itself (reshape, flatten, ...) stay as they are.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

_NAMES = """
    zeros_like ones_like pad swapaxes split slice_axis pick clip broadcast_to transpose flip sum mean sin exp
    log square softmax log_softmax
    reshape_like broadcast_axes repeat split_v2 slice slice_like take one_hot sort topk argsort argmax
    argmax_channel argmin abs sign shape_array size_array broadcast_like tile nansum prod nanprod max min norm
    round rint fix floor ceil trunc cos tan arcsin arccos arctan degrees radians sinh cosh tanh arcsinh
    arccosh arctanh expm1 log10 log2 log1p sqrt rsqrt cbrt rcbrt reciprocal relu sigmoid softmin
    depth_to_space space_to_depth diag expand_dims flatten squeeze
    """
#: MXNet's fluent methods of NDArray and Symbol
FLUENT: tuple[str, ...] = tuple(_NAMES.split())

#: methods that are operators under another name
RENAMED = {"slice_assign": "_slice_assign", "slice_assign_scalar": "_slice_assign_scalar"}


def method_of(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function as a method whose first input is the object."""

    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        return function(self, *args, **kwargs)

    method.__name__ = method.__qualname__ = function.__name__
    method.__module__ = __name__
    method.__doc__ = function.__doc__
    first, *rest = inspect.signature(function).parameters.values()
    if first.kind is inspect.Parameter.VAR_POSITIONAL:
        rest = [first, *rest]
    self_ = inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    method.__signature__ = inspect.Signature([self_, *rest])  # type: ignore[attr-defined]
    return method


def add_methods(cls: type, functions: Mapping[str, Callable[..., Any]]) -> None:
    """Give `cls` the methods of the list, from functions by name."""
    for name in (*FLUENT, *RENAMED):
        function = functions.get(RENAMED.get(name, name))
        if function is not None and name not in vars(cls):
            setattr(cls, name, method_of(function))
