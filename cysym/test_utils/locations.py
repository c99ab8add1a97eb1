"""Values for a symbol's arguments and auxiliary states, as the checks of this package take them.

Turns lists and dicts of NumPy arrays into dicts of NDArrays on one context, refusing what does not fit the
symbol. Binds nothing.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from .. import ndarray as nd
from ..context import Context
from ..ndarray import NDArray
from ..symbol import Symbol

FLOATS = (np.float16, np.float32, np.float64)


def float_type(dtype: Any, or_asnumpy: bool = False) -> Any:
    """`dtype` as a NumPy class; "asnumpy" stays where it may (each array keeps its own type).

    Raises
    ------
    TypeError
        Anything but float16, float32 and float64.
    """
    if or_asnumpy and isinstance(dtype, str) and dtype == "asnumpy":
        return dtype
    try:
        found = None if dtype is None else np.dtype(dtype).type
    except TypeError:
        found = None
    if found not in FLOATS:
        allowed = "float16, float32, float64" + (' or "asnumpy"' if or_asnumpy else "")
        raise TypeError(f"dtype must be {allowed}, got {dtype!r}")
    return found


def array_like(values: Any, ctx: Context, dtype: Any) -> NDArray:
    """NDArray of a host array in the given type ("asnumpy": its own); an NDArray keeps its type."""
    if isinstance(values, NDArray):
        return values.as_in_context(ctx)
    values = np.asarray(values)
    result: NDArray = nd.array(values, ctx=ctx, dtype=values.dtype if isinstance(dtype, str) else dtype)
    return result


def by_name(
    given: Any, names: Sequence[str], what: str, whole: bool = True, error: type[Exception] = ValueError
) -> dict[str, Any]:
    """A list in the order of `names`, or a dict, as a dict.

    What a list holds behind the last name is left out, with a warning: MXNet's checks do so silently.

    Raises
    ------
    error
        A name is unknown; with `whole`, also one that is missing.
    TypeError
        Neither list nor dict.
    """
    if isinstance(given, Mapping):
        found = dict(given)
    elif isinstance(given, list | tuple):
        if len(given) > len(names):
            warnings.warn(
                f"{len(given)} {what} for {len(names)} names {list(names)}: the surplus is ignored",
                stacklevel=4,
            )
        found = dict(zip(names, given))
    else:
        raise TypeError(f"{what} must be a list, a tuple or a dict, got {type(given)}")
    unknown, missing = _without(found, names), _without(names, found)
    if unknown or (whole and missing):
        raise error(
            f"{what} do not match the symbol: "
            + "; ".join(
                f"{word} {', '.join(map(repr, listed))}"
                for word, listed in (("unknown", unknown), ("missing", missing if whole else []))
                if listed
            )
            + f". Names are {list(names)}"
        )
    return found


def _without(some: Iterable[str], others: Iterable[str]) -> list[str]:
    return [name for name in some if name not in set(others)]


def parse_location(sym: Symbol, location: Any, ctx: Context, dtype: Any) -> dict[str, NDArray]:
    """Arguments of a symbol as NDArrays, sorted by name."""
    found = by_name(location, sym.list_arguments(), "values of arguments")
    return {name: array_like(found[name], ctx, dtype) for name in sorted(found)}


def parse_aux_states(sym: Symbol, aux_states: Any, ctx: Context, dtype: Any) -> dict[str, NDArray] | None:
    """Auxiliary states of a symbol as new NDArrays, which training may change; None stays None."""
    if aux_states is None:
        return None
    found = by_name(aux_states, sym.list_auxiliary_states(), "values of auxiliary states")
    return {name: array_like(value, ctx, dtype).copy() for name, value in found.items()}


def requests_of(grad_req: Any, names: Sequence[str]) -> dict[str, str]:
    """`grad_req` (one for all, a list, or a dict) as a dict; arguments that a dict leaves out get null."""
    if isinstance(grad_req, str):
        found = dict.fromkeys(names, grad_req)
    else:
        found = by_name(grad_req, names, "gradient requests", whole=False, error=KeyError)
    for name, request in found.items():
        if request not in ("write", "add", "null"):
            raise KeyError(f"Invalid grad_req {request!r} for argument {name}: expected write, add or null")
    return {name: found.get(name, "null") for name in names}
