"""Binding: from what a user gives `bind`, `simple_bind` and `reshape` to an Executor over arrays.

Checks and sorts arguments, infers what was not said, allocates or shares arrays. An error leaves everything
as it was; nothing here runs a program.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from . import util
from ._core import Node
from .arguments import name_list
from .base import MXNetError, ShapeError, TypeInferenceError
from .blueprint import Blueprint
from .context import Context, current_context
from .dtypes import NAMES, dtype_code
from .executor import Executor
from .ndarray import NDArray, imperative
from .passes.ir import num_elements
from .passes.plan import Plan
from .reuse import blueprint_of
from .suggest import did_you_mean, listed
from .symbol.symbol import Symbol

REQUESTS = {"null": 0, "write": 1, "add": 3}
_LOG = logging.getLogger("cysym")
_told: set[str] = set()  # what was already warned about


# --- what users give ----------------------------------------------------------------------------------------
def _arrays(given: Any, names: Sequence[str], what: str, allow_missing: bool) -> list[Any]:
    """List in the order of `names` from a list or dict, checked as MXNet checks."""
    if isinstance(given, list):
        if len(given) != len(names):
            raise ValueError(
                f"Length of {what} does not match the number of arguments: {len(given)} for {len(names)} "
                f"({names})"
            )
        values = list(given)
    elif isinstance(given, dict):
        values = []
        if allow_missing:
            _misspelt(given, names, what)
        for name in names:
            if name not in given and not allow_missing:
                raise ValueError(f"key `{name}` is missing in `{what}`{_meant(name, given, names)}")
            values.append(given.get(name))
    else:
        raise TypeError(
            f"Only accept list of NDArrays or dict of str to NDArray as {what}, got {type(given)}"
        )
    for name, value in zip(names, values):
        if not isinstance(value, NDArray) and not (value is None and allow_missing):
            raise TypeError(
                f"Only accept list of NDArrays or dict of str to NDArray; {what} {name} is {type(value)}"
            )
    return values


def _requests(grad_req: Any, names: Sequence[str]) -> list[str]:
    if isinstance(grad_req, str):
        if grad_req not in REQUESTS:
            near = did_you_mean(grad_req, REQUESTS)
            raise ValueError(f"grad_req must be in {REQUESTS}, got {grad_req!r}{near}")
        return [grad_req] * len(names)
    if isinstance(grad_req, (list, tuple)):
        result = list(grad_req)
        if len(result) != len(names):
            raise ValueError(f"grad_req has {len(result)} entries for {len(names)} arguments ({list(names)})")
    elif isinstance(grad_req, dict):
        _misspelt(grad_req, names, "grad_req")
        result = [grad_req.get(n, "null") for n in names]
    else:
        raise TypeError(f"grad_req must be str, list or dict, got {type(grad_req)}")
    for name, request in zip(names, result):
        if not isinstance(request, str) or request not in REQUESTS:
            near = did_you_mean(request, REQUESTS)
            raise ValueError(f"grad_req of {name} must be in {REQUESTS}, got {request!r}{near}")
    return result


def _meant(name: str, given: Mapping[Any, Any], names: Sequence[str]) -> str:
    """A key that was given, that nobody else has, and that may be a missing name."""
    return did_you_mean(name, [key for key in given if key not in names])


def _misspelt(given: Mapping[Any, Any], names: Sequence[str], what: str) -> None:
    """Warn of keys nobody has that are near a name without one. MXNet ignores any other, and so do we."""
    if all(map(names.__contains__, given)):
        return
    free = [name for name in names if name not in given]
    notes = [f"{key}{hint}" for key in given if key not in names and (hint := did_you_mean(key, free))]
    if notes:
        _warn(f"{what}: no argument has the name {', '.join(notes)}; ignored")


def _dict(given: Any, what: str) -> dict[str, Any]:
    """A dict, or an empty one for None."""
    if given is None:
        return {}
    if not isinstance(given, dict):
        raise TypeError(f"{what} must be a dict, got {type(given)}")
    return given


def _contexts(group2ctx: Any) -> dict[str, Context]:
    groups = _dict(group2ctx, "group2ctx")
    for name, context in groups.items():
        if not isinstance(context, Context):
            raise TypeError(f"group2ctx must be a dict of str to Context, {name!r} is {context!r}")
    return groups


def _check_context(ctx: Any) -> None:
    if not isinstance(ctx, Context):
        raise TypeError(f"Context type error: ctx must be a Context, got {ctx!r}")


def _shapes(variables: Sequence[Node], shapes: Mapping[str, Any], what: str) -> tuple[dict[Node, Any], str]:
    """Known shape by variable, and what to say about names and values that do not count, "" if all do.

    MXNet ignores both silently; here an error mentions them, or a warning if there is none.
    """
    known, names = {}, set()
    for node in variables:
        names.add(node.name)
        shape = shapes.get(node.name)
        if isinstance(shape, (tuple, list)) and (len(shape) or util.is_np_shape()):
            known[node] = util.from_user_shape(tuple(shape), node.name)
    notes = [f"{key}{did_you_mean(key, names)}" for key in shapes if key not in names]
    wrong = [key for key, shape in shapes.items() if key in names and not isinstance(shape, (tuple, list))]
    text = f"{what}: no argument or auxiliary state has the name {', '.join(notes)}; ignored" if notes else ""
    if wrong:
        text += ("; " if text else f"{what}: ") + f"no shape (a tuple) and ignored: {', '.join(wrong)}"
    return known, text


def _warn(text: str) -> None:
    """Log a text about ignored names, once in this process."""
    if text and text not in _told:
        if len(_told) > 1000:
            _told.clear()
        _told.add(text)
        _LOG.warning("%s", text)


# --- bind ---------------------------------------------------------------------------------------------------
def bind(
    symbol: Symbol, ctx: Any, args: Any, args_grad: Any, grad_req: Any, aux_states: Any, group2ctx: Any,
    shared_exec: Any,
) -> Executor:  # fmt: skip
    """Implementation of `Symbol.bind`."""
    _check_context(ctx)
    arguments, aux_nodes = symbol._variables()
    names, aux_names = [n.name for n in arguments], [n.name for n in aux_nodes]
    values = _arrays(args, names, "args", False)
    requests = _requests(grad_req, names)
    grads = None
    if args_grad is not None:
        grads = _arrays(args_grad, names, "args_grad", True)
        requests = ["null" if g is None else r for g, r in zip(grads, requests)]
    else:
        requests = ["null"] * len(names)
    aux = _arrays([] if aux_states is None else aux_states, aux_names, "aux_states", False)
    return Executor(symbol, ctx, values, grads, requests, aux, _contexts(group2ctx), _arena_of(shared_exec))


def _arena_of(shared_exec: Any) -> Any:
    if shared_exec is None:
        return None
    if not isinstance(shared_exec, Executor):
        raise TypeError(f"shared_exec must be an Executor, got {type(shared_exec)}")
    return shared_exec._arena


# --- simple_bind --------------------------------------------------------------------------------------------
def _draft(
    symbol: Symbol,
    ctx: Context,
    requests: Sequence[str],
    type_dict: Any,
    groups: Any,
    known: Mapping[Node, Any],
) -> Blueprint:
    arguments, aux = symbol._variables()
    given = _dict(type_dict, "type_dict")
    _misspelt(given, [n.name for n in arguments + aux], "type_dict")
    types = {n: dtype_code(given[n.name]) for n in arguments + aux if n.name in given}
    return blueprint_of(symbol._entries, arguments, aux, known, types, requests, ctx, groups)


def plan_of(symbol: Symbol, ctx: Any, grad_req: Any, type_dict: Any, shapes: Mapping[str, Any]) -> Plan:
    """Implementation of `Symbol.plan`."""
    arguments, aux = symbol._variables()
    names = [n.name for n in arguments + aux]
    for key, value in shapes.items():
        if key not in names:
            raise MXNetError(
                f"plan: no argument named {key!r}{did_you_mean(key, names)}; arguments are {listed(names)}"
            )
        if not isinstance(value, (tuple, list)):
            raise TypeError(f"plan: shape of {key} must be a tuple, got {value!r}")
    requests = _requests(grad_req, [n.name for n in arguments])
    known, _ = _shapes(arguments + aux, shapes, "plan")
    ctx = current_context() if ctx is None else ctx
    _check_context(ctx)
    draft = _draft(symbol, ctx, requests, type_dict, None, known)
    return draft.compile(draft.wants_gradient)[2]


class _Sharing:
    """Arrays of `simple_bind`: from another executor, from a pool of the user's, or new ones.

    The pool is changed only by `settle`, when all else has worked.
    """

    def __init__(self, draft: Blueprint, names: Any, executor: Executor | None, pool: Any) -> None:
        self.draft, self.pool = draft, pool
        self.fresh: dict[str, NDArray] = {}
        # What is shared by name never lies in the pool, even where there is nothing to share it with yet.
        self.names = set(names or ())
        self.source: dict[str, Mapping[str, NDArray | None]] = {}
        if executor is not None and pool is not None:  # without a pool MXNet shares nothing
            self.source = {"arg": executor.arg_dict, "grad": executor.grad_dict, "aux": executor.aux_dict}

    def array(self, node: Node, role: str) -> NDArray:
        """The array of one argument, gradient or auxiliary state."""
        shape, code = self.draft.shape_of(node), self.draft.type_of(node)
        context = self.draft.context_of(node)
        if self.source and (role == "aux" or node.name in self.names):
            if role == "arg" and node.name not in self.source["arg"]:
                raise MXNetError(
                    f"shared_arg_names has {node.name}, but shared_exec has no argument of that name"
                    f"{did_you_mean(node.name, self.source['arg'])}"
                )
            found = self.source[role].get(node.name)
            if found is not None:
                self._check(f"shared {role} {node.name}", found, code, context)
                if found.shape != shape:
                    raise ShapeError(f"shared {role} {node.name} has shape {found.shape}, expected {shape}")
                return found
        key = node.name if role == "arg" else f"grad of {node.name}"
        if self.pool is None or role == "aux" or node.name in self.names:
            return self._new(shape, code, context)
        found = self.fresh.get(key, self.pool.get(key))
        if found is not None:
            if not isinstance(found, NDArray):
                raise TypeError(f"shared_buffer[{key!r}] must be an NDArray, got {type(found)}")
            self._check(f"shared_buffer[{key!r}]", found, code, context)
            if found.size >= num_elements(shape):
                view: NDArray = found._view(shape, 0)
                return view
            _LOG.info("shared_buffer[%r] of %s is too small for %s: replaced", key, found.shape, shape)
        made = self.fresh[key] = self._new(shape, code, context)
        return made

    @staticmethod
    def _new(shape: tuple[int, ...], code: int, context: Context) -> NDArray:
        made: NDArray = imperative.empty(shape, context, code, zero=True)
        return made

    @staticmethod
    def _check(what: str, found: NDArray, code: int, context: Context) -> None:
        if found.spec[1] != code:
            raise TypeInferenceError(f"{what} has type {NAMES[found.spec[1]]}, expected {NAMES[code]}")
        if found.context.device is not context.device:
            raise MXNetError(f"{what} is on {found.context}, expected it on {context}")

    def settle(self) -> None:
        """Give the pool what was made for it."""
        if self.fresh:
            self.pool.update(self.fresh)


def simple_bind(
    symbol: Symbol,
    ctx: Any,
    grad_req: Any,
    type_dict: Any,
    group2ctx: Any,
    shared_arg_names: Any,
    shared_exec: Any,
    shared_buffer: Any,
    shapes: Mapping[str, Any],
) -> Executor:
    """Implementation of `Symbol.simple_bind`."""
    _check_context(ctx)
    groups = _contexts(group2ctx)
    arena = _arena_of(shared_exec)
    pool = None if shared_buffer is None else _dict(shared_buffer, "shared_buffer")
    shared_arg_names = name_list(shared_arg_names, "shared_arg_names")
    arguments, aux_nodes = symbol._variables()
    ignored = ""
    try:
        requests = _requests(grad_req, [n.name for n in arguments])
        if grad_req == {} and arguments:
            raise MXNetError("grad_req is an empty dict; grad_req='null' asks for no gradients")
        known, ignored = _shapes(arguments + aux_nodes, shapes, "simple_bind")
        draft = _draft(symbol, ctx, requests, type_dict, groups, known)
        sharing = _Sharing(draft, shared_arg_names, shared_exec, pool)
        args = [sharing.array(n, "arg") for n in draft.arguments]
        grads = [None if r == "null" else sharing.array(n, "grad") for n, r in zip(draft.arguments, requests)]
        aux = [sharing.array(n, "aux") for n in draft.aux]
        # with groups, where an array lies decides where nodes of no group run: that is placed again
        blueprint = None if groups else draft
        executor = Executor(symbol, ctx, args, grads, requests, aux, groups, arena, blueprint)
    except (MXNetError, ValueError) as error:
        given = "\n".join(f"{k}: {v}" for k, v in shapes.items())
        kind = type(error) if isinstance(error, MXNetError) else MXNetError
        note = f"\n{ignored}" if ignored else ""
        raise kind(f"simple_bind error. Arguments:\n{given}\n{error}{note}") from error.__cause__
    sharing.settle()
    _warn(ignored)
    return executor


# --- reshape ------------------------------------------------------------------------------------------------
def reshape(
    executor: Executor, partial_shaping: bool, allow_up_sizing: bool, shapes: Mapping[str, Any]
) -> Executor:
    """Implementation of `Executor.reshape`."""
    b = executor._blueprint
    for name, shape in shapes.items():
        if not isinstance(shape, (tuple, list)):
            raise TypeError(f"reshape: the shape of {name} must be a tuple, got {shape!r}")
    known, ignored = _shapes(b.variables, shapes, "reshape")
    types = {v: b.type_of(v) for v in b.variables}
    arrays = [*executor.arg_arrays, *executor.aux_arrays]
    bound = {v: a.context for v, a in zip(b.variables, arrays)}
    try:
        fresh = blueprint_of(
            b.heads, b.arguments, b.aux, known, types, executor._requests, executor._ctx, executor._group2ctx,
            bound,
        )  # fmt: skip
    except MXNetError as error:
        raise type(error)(f"{error}\n{ignored}" if ignored else str(error)) from None

    def fit(node: Node, array: NDArray) -> NDArray:
        shape = fresh.shape_of(node)
        if shape == array.shape:
            return array
        if node.name not in shapes and not partial_shaping:
            raise MXNetError(
                f"Shape of unspecifie arg: {node.name} changed from {array.shape} to {shape}. This can cause "
                "the new executor to not share parameters with the old one. Please check for error in "
                "network. If this is intended, set partial_shaping=True to suppress this warning."
            )
        if num_elements(shape) <= array.size:
            view: NDArray = array._view(shape, 0)
            return view
        if not allow_up_sizing:
            raise MXNetError(
                f"New shape of arg: {node.name} is larger than original: {shape} > {array.shape}. Set "
                "allow_up_sizing=True to enable allocation of new arrays."
            )
        made: NDArray = imperative.empty(shape, array.context, array.spec[1], zero=True)
        return made

    args = [fit(v, a) for v, a in zip(b.arguments, executor.arg_arrays)]
    aux = [fit(v, a) for v, a in zip(b.aux, executor.aux_arrays)]
    grads = None
    if executor.grad_arrays is not None:
        grads = [None if g is None else fit(v, g) for v, g in zip(b.arguments, executor.grad_arrays)]
    made = Executor(
        executor._symbol, executor._ctx, args, grads, executor._requests, aux, executor._group2ctx,
        executor._arena, fresh,
    )  # fmt: skip
    _warn(ignored)
    return made


__all__ = ["bind", "plan_of", "reshape", "simple_bind"]
