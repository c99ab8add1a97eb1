"""The operator functions of `mx.sym`, made from the registry with real signatures and docstrings."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Mapping
from functools import cache
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from .. import absent
from ..base import MXNetError, _Null
from ..dtypes import NAMES
from ..ops.absent import why_absent
from ..ops.schema import REQUIRED, DType, Enum, OpDef
from ..ops.schema import Param as OpParam

Param = inspect.Parameter


@cache  # an operator's aliases share it
def signature_of(cls: type[OpDef], tail: tuple[str, ...]) -> inspect.Signature:
    """Inputs, parameters with their defaults, then `tail` keywords."""
    parameters = []
    kind: Any = Param.POSITIONAL_OR_KEYWORD
    if cls.variadic:
        parameters.append(Param("data", Param.VAR_POSITIONAL))
        kind = Param.KEYWORD_ONLY
    else:
        parameters += [Param(n, kind, default=None) for n in cls.inputs + cls.aux]
    for name, p in cls.params.items():
        if name != cls.variadic:
            parameters.append(Param(name, kind, default=None if p.default is REQUIRED else default_of(p)))
    seen: set[str] = set()
    unique = [p for p in parameters if p.name.isidentifier() and not (p.name in seen or seen.add(p.name))]  # type: ignore[func-returns-value]
    unique += [Param(n, Param.KEYWORD_ONLY, default=None) for n in tail if n not in seen]
    return inspect.Signature([*unique, Param("kwargs", Param.VAR_KEYWORD)])


def default_of(p: OpParam[Any]) -> Any:
    """A parameter's default as a user writes it: element types by name."""
    return NAMES[p.default] if isinstance(p, DType) and isinstance(p.default, int) else p.default


@cache
def doc_of(cls: type[OpDef], result: str) -> str:
    """NumPy-style docstring of the generated function."""
    lines = [inspect.cleandoc(cls.__doc__ or cls.name), "", "Parameters", "----------"]
    if cls.variadic:
        lines.append(f"*data : {result}\n    The inputs.")
    else:
        lines += [f"{n} : {result}\n    Input." for n in cls.inputs + cls.aux]
    for name, p in cls.params.items():
        if name == cls.variadic:  # counted, not given
            continue
        kind = f"{{{', '.join(map(repr, p.choices))}}}" if isinstance(p, Enum) else p.kind
        default = "required" if p.default is REQUIRED else f"optional, default={default_of(p)!r}"
        lines.append(f"{name} : {kind}, {default}\n    {p.doc}".rstrip())
    lines += ["", "Returns", "-------", result]
    return "\n".join(lines)


def make_function(
    name: str, cls: type[OpDef], call: Callable[..., Any], module: str, result: str, tail: tuple[str, ...]
) -> Callable[..., Any]:
    """A function ``name(*args, **kwargs)`` forwarding to ``call(cls, name, args, kwargs)``."""

    def function(*args: Any, **kwargs: Any) -> Any:
        return call(cls, name, args, kwargs)

    function.__name__ = function.__qualname__ = name
    function.__module__ = module
    function.__doc__ = doc_of(cls, result)  # type: ignore[arg-type]
    function.__signature__ = signature_of(cls, tail)  # type: ignore[arg-type, attr-defined]
    return function


def submodule(
    parent: str, name: str, prefixes: tuple[str, ...], functions: Mapping[str, Callable[..., Any]]
) -> ModuleType:
    """A module ``parent.name``: the functions whose names begin with one of `prefixes`, which is dropped."""
    module = ModuleType(f"{parent}.{name}", f"Operators of `{name}`: names that begin with {prefixes[0]}.")
    module.__spec__ = ModuleSpec(module.__name__, None)  # `importlib` asks even those it did not import
    for prefix in prefixes:
        for full, function in functions.items():
            if full.startswith(prefix):
                setattr(module, full[len(prefix) :], function)
    explain_absent(module, prefixes)
    sys.modules[module.__name__] = module
    return module


def explain_absent(module: ModuleType, prefixes: tuple[str, ...]) -> None:
    """Let the module say why an operator of MXNet is not there."""

    def why(name: str) -> str | None:
        reasons = filter(None, (why_absent(prefix + name) for prefix in prefixes))
        reason = next(reasons, None)
        return reason and f"MXNet has it, but {reason} (see docs/ops.md)"

    absent.explain(module, why)


def split_arguments(
    cls: type[OpDef], function_name: str, args: tuple[Any, ...], kwargs: dict[str, Any], tensor_type: type
) -> tuple[list[Any], dict[str, Any], dict[str, Any]]:
    """Positional tensors, tensors by name, parameters. Tensors come first, then parameters in signature
    order."""
    positional: list[Any] = []
    names = [n for n in cls.params if n != cls.variadic]
    expected = None if cls.variadic else len(cls.inputs) + len(cls.aux)
    rest: list[Any] = []
    for i, a in enumerate(args):
        if isinstance(a, tensor_type) or (a is None and (expected is None or i < expected)):
            if rest:
                raise TypeError(f"{function_name}: a tensor follows a parameter at position {i}")
            positional.append(a)
        elif not cls.variadic and i < len(cls.inputs) and not (len(names) and len(positional) >= 1):
            raise AssertionError(
                f"Argument {cls.inputs[i]} must be {tensor_type.__name__} instances, but got {str(a)[:80]}"
            )
        elif cls.variadic or cls.is_callback:
            raise AssertionError(
                f"Positional arguments must have {tensor_type.__name__} type, but got {str(a)[:80]}"
            )
        else:
            rest.append(a)
    params: dict[str, Any] = {}
    if len(rest) > len(names):
        raise TypeError(f"{function_name} takes at most {len(names)} parameters, got {len(rest)} positional")
    for n, value in zip(names, rest):
        if value is not _Null and (value is not None or cls.params[n].none):
            params[n] = value
    named: dict[str, Any] = {}
    for key, value in kwargs.items():
        if isinstance(value, tensor_type):
            named[key] = value
        elif value is _Null:
            continue
        elif value is None:
            if cls.is_callback:  # a user's class is to read what its user wrote
                params[key] = "None"
            elif key in cls.params and cls.params[key].none:
                params[key] = value
        elif key in cls.inputs or key in cls.aux:
            if key in cls.params:
                params[key] = value
            else:
                raise AssertionError(
                    f"Argument {key} must be {tensor_type.__name__} instances, but got {str(value)[:80]}"
                )
        else:
            if key in params:
                raise MXNetError(f"{function_name}: parameter {key} given twice")
            params[key] = value
    return positional, named, params
