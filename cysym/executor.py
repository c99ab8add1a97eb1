"""Executor: a symbol bound to arrays. Runs programs over slots; knows no operator and no kernel.

Programs are made on first need: inference and training, plain and monitored. All write the same output
arrays. One lock an executor and one an arena make concurrent calls wait for each other.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

import numpy as np

from . import util
from ._core import Node
from .base import MXNetError, ShapeError
from .blueprint import Blueprint, options
from .context import Context, current_context
from .dtypes import NAMES, dtype_code
from .ndarray import NDArray, imperative
from .passes.ir import Call, Tensor, num_elements
from .passes.plan import Plan
from .program import Arena, Program
from .symbol.symbol import Symbol, output_name

__all__ = ["Executor", "options"]

Monitor = Callable[[str, NDArray], None]
REQUESTS = {"null": 0, "write": 1, "add": 3}


class Executor:
    """Made by `Symbol.bind` and `Symbol.simple_bind`.

    Attributes
    ----------
    arg_arrays, grad_arrays, aux_arrays
        Lists in the order of `list_arguments` / `list_auxiliary_states`; a gradient may be None.
    outputs
        Output arrays; their memory is reused by the next forward.
    """

    def __reduce__(self) -> NoReturn:
        raise TypeError("an Executor cannot be pickled; save its symbol and its arrays, and bind again")

    def __init__(
        self,
        symbol: Symbol,
        ctx: Context,
        args: Sequence[NDArray],
        grads: Sequence[NDArray | None] | None,
        requests: Sequence[str],
        aux: Sequence[NDArray],
        group2ctx: Mapping[str, Context] | None = None,
        arena: Arena | None = None,
    ) -> None:
        self._symbol, self._ctx, self._group2ctx = symbol, ctx, dict(group2ctx or {})
        self.arg_arrays = list(args)
        self.grad_arrays: list[NDArray | None] | None = None if grads is None else list(grads)
        self.aux_arrays = list(aux)
        self._requests = list(requests)
        arguments, aux_nodes = symbol._variables()
        groups = {k: c.device for k, c in self._group2ctx.items()}
        values = dict(zip(arguments + aux_nodes, self.arg_arrays + self.aux_arrays))
        self._blueprint = Blueprint(
            symbol._entries, arguments, aux_nodes, {n: a.shape for n, a in values.items()},
            {n: a.spec[1] for n, a in values.items()}, self._requests, ctx.device, groups,
            self._overlapping(),
        )  # fmt: skip
        self._check_arrays()
        self._arena = Arena() if arena is None else arena
        self._lock = threading.RLock()
        self._programs: dict[tuple[bool, bool], Program] = {}
        self._monitor: Monitor | None = None
        self._monitor_all = False
        self._token: object = None
        self._saved = False
        self._was_train = False
        self._drew = False
        self._ran: Program | None = None
        self._outputs = self._make_outputs()
        self._slots: dict[int, NDArray] = {}
        b = self._blueprint
        for i, a in enumerate(self.arg_arrays + self.aux_arrays):
            self._slots[i] = a
        for i, g in enumerate(self.grad_arrays or ()):
            if g is not None:
                self._slots[b.grad_slot + i] = g
        for i, o in enumerate(self._outputs):
            self._slots[b.out_slot + i] = o
        self._dicts: dict[str, dict[str, Any]] = {}
        self._program(b.wants_gradient)

    # --- construction ---------------------------------------------------------------------------------------
    def _overlapping(self) -> frozenset[int]:
        """Arguments whose gradient array shares bytes with other bound arrays: it is written last of all."""
        if self.grad_arrays is None:
            return frozenset()
        # arrays in order of their first byte: one shares bytes with an earlier one iff it starts before the
        # farthest end so far; the earlier one is then whichever reached that far
        bound = [a for a in [*self.arg_arrays, *self.aux_arrays, *self.grad_arrays] if a is not None]
        shared: set[int] = set()
        place, end, owner = 0, 0, None
        for key, first, last, a in sorted(((*_span(a), a) for a in bound), key=lambda s: s[:2]):
            if owner is not None and key == place and first < end:
                shared |= {id(a), id(owner)}
            if owner is None or key != place or last > end:
                place, end, owner = key, last, a
        return frozenset(
            i
            for i, (g, r) in enumerate(zip(self.grad_arrays, self._requests))
            if g is not None and r != "null" and id(g) in shared
        )

    def _check_arrays(self) -> None:
        b = self._blueprint
        for kind, nodes, arrays in (
            ("argument", b.arguments, self.arg_arrays),
            ("auxiliary", b.aux, self.aux_arrays),
        ):
            for node, a in zip(nodes, arrays):
                if a.shape != b.shape_of(node):
                    raise ShapeError(
                        f"bind: {kind} {node.name} has shape {a.shape}, expected {b.shape_of(node)}"
                    )
                if a.context.device is not b.device_of(node):
                    raise MXNetError(
                        f"bind: {kind} {node.name} is on {a.context}, but the graph runs it on "
                        f"{b.device_of(node)!r}"
                    )
        for node, g, r in zip(b.arguments, self.grad_arrays or (), self._requests):
            if g is None or r == "null":
                continue
            if g.shape != b.shape_of(node) or g.spec[1] != b.type_of(node):
                raise ShapeError(
                    f"bind: gradient array of {node.name} is {g.shape} {NAMES[g.spec[1]]}, expected "
                    f"{b.shape_of(node)} {NAMES[b.type_of(node)]}"
                )
            if g.context.device is not b.device_of(node):
                raise MXNetError(
                    f"bind: gradient array of {node.name} is on {g.context}, not with its argument"
                )

    def _context_of(self, node: Node) -> Context:
        origin = node.origin or node
        return self._group2ctx.get(origin.attrs.get("__ctx_group__", ""), self._ctx)

    def _make_outputs(self) -> list[NDArray]:
        b = self._blueprint
        values = dict(zip(b.variables, self.arg_arrays + self.aux_arrays))
        outputs = []
        for node, k in b.heads:
            if node.op is None:
                outputs.append(values[node])
            else:
                outputs.append(
                    imperative.empty(b.shape_of(node, k), self._context_of(node), b.type_of(node, k))
                )
        return outputs

    # --- programs -------------------------------------------------------------------------------------------
    def _program(self, is_train: bool) -> Program:
        key = (is_train, self._monitor is not None)
        program = self._programs.get(key)
        if program is None:
            observe = self._observe if self._monitor is not None else None
            calls, cut, plan = self._blueprint.compile(is_train, observe)
            program = Program(
                calls, cut, plan, self._arena, self._blueprint.first_free_slot, imperative.wrap,
                self._blueprint.options.canaries,
            )  # fmt: skip
            for slot, a in self._slots.items():
                program.bind(slot, a.storage, a.offset)
            self._programs[key] = program
        return program

    def _observe(self, node: Node, ins: dict[str, Tensor], outs: dict[str, Tensor]) -> list[Call]:
        """Callback calls that report a node's tensors right after it ran."""
        reports: list[tuple[str, Tensor]] = []
        if self._monitor_all and node.origin is None:
            for (src, _), (name, t) in zip(node.inputs, ins.items()):
                if src.op is None:
                    reports.append((src.name, t))
                reports.append((f"{node.name}_{name}", t))
        for k, t in enumerate(outs.values()):
            reports.append((output_name(node, k) if node.origin is None else f"{node.name}_output{k}", t))
        calls = []
        for name, t in reports:

            def report(_: Any, arrays: Any, name: str = name) -> None:
                if self._monitor is not None:
                    self._monitor(name, arrays[0].copy())

            calls.append(
                Call(
                    "callback",
                    "any",
                    [],
                    [t],
                    [],
                    [],
                    1,
                    1e3,
                    t.buffer.device,
                    callback=report,
                    names=(node.name,),
                )
            )
        return calls

    def _bump(self, slots: Sequence[int]) -> None:
        for slot in slots:
            a = self._slots.get(slot)
            if a is not None:
                a.storage.version += 1

    def forward(self, is_train: bool = False, **kwargs: Any) -> list[NDArray]:
        """Compute the outputs.

        Parameters
        ----------
        is_train
            Training behaviour of Dropout, BatchNorm, ...; saves what `backward` needs.
        **kwargs
            Arrays copied into arguments of these names first.
        """
        self._arena.refuse_nested()
        with self._lock:
            for name, value in kwargs.items():
                self._check_assignment(name, value)
            program = self._program(bool(is_train))
            with self._arena:
                for name, value in kwargs.items():
                    self.arg_dict[name][:] = value
                self._stamp()
                self._drew = False
                try:
                    program.run_forward()
                finally:  # what a failed run wrote is written, too
                    self._bump(program.forward_writes)
            self._saved = self._drew = bool(is_train)
            self._ran = program
            self._was_train = bool(is_train)
        return self.outputs

    def _stamp(self) -> None:
        """Say, before a run that may fail half way, that whatever was saved in the arena is gone."""
        self._saved = False
        self._token = self._arena.stamp = object()

    def _check_assignment(self, name: str, value: Any) -> None:
        found = self.arg_dict.get(name)
        if found is None:
            raise TypeError(f"Unknown argument {name}; arguments are {', '.join(self.arg_dict)}")
        if not isinstance(value, (NDArray, np.ndarray)):
            raise ValueError(
                f"only accept keyword argument of NDArrays and numpy.ndarray, got {type(value)} for {name}"
            )
        if found.shape != value.shape:
            raise ValueError(
                f"Shape not match! Argument {name}, need: {found.shape}, received: {value.shape}"
            )
        if isinstance(value, np.ndarray) and value.dtype.kind not in "biuf":
            raise TypeError(f"argument {name}: an array of {value.dtype} does not hold real numbers")

    def backward(self, out_grads: Any = None, is_train: bool = True) -> None:
        """Compute the gradients of the arguments.

        Parameters
        ----------
        out_grads
            Head gradients: an NDArray, a list, or a dict by output name; may be left out when all heads are
            losses.
        """
        b = self._blueprint
        if not b.wants_gradient:
            return  # as in MXNet: nobody asked for a gradient
        self._arena.refuse_nested()
        with self._lock:
            grads = self._head_gradients(out_grads)
            # what forward saved lies where its own program put it: a monitor may have come or gone since
            program = self._ran if self._drew and self._ran is not None else self._program(True)
            with self._arena:
                needed = self._saved or (self._drew and program.draws)
                if needed and self._arena.stamp is not self._token:
                    raise MXNetError(
                        "backward: another executor that shares this one's memory ran since forward and "
                        "overwrote what forward saved; call forward(is_train=True) again"
                    )
                for i, g in grads.items():
                    program.bind(b.ograd_slot + i, g.storage, g.offset)
                if not self._saved:
                    # what forward saved is consumed, or forward ran for inference: compute it again, and keep
                    # the random draws of the last training forward if there was one
                    self._stamp()
                    program.run_forward(replay=self._drew)
                    self._drew, self._ran = True, program
                    self._bump(program.forward_writes)
                self._saved = False
                try:
                    program.run_backward()
                finally:
                    self._bump(program.backward_writes)

    def _head_gradients(self, out_grads: Any) -> dict[int, NDArray]:
        b = self._blueprint
        needed = [i for i, g in enumerate(b.head_grads) if g is not None]
        if out_grads is None:
            given: list[Any] = []
        elif isinstance(out_grads, NDArray):
            given = [out_grads]
        elif isinstance(out_grads, dict):
            names = self._symbol.list_outputs()
            for key in out_grads:
                if key not in names:
                    raise MXNetError(f"backward: no output named {key!r}; outputs are {names}")
            given = [out_grads.get(n) for n in names]
        elif isinstance(out_grads, (list, tuple)):
            given = list(out_grads)
        else:
            raise TypeError("inputs must be NDArray, a list or a dict of NDArray")
        result = {}
        for i in needed:
            g = given[i] if i < len(given) else None
            if g is None:
                raise MXNetError(
                    "Because the last operator is not Loss function, head_gradient is required when calling "
                    f"backward. Output {i} ({self._symbol.list_outputs()[i]}) has none; "
                    "call backward(out_grads=...)"
                )
            if not isinstance(g, NDArray):
                raise TypeError(f"inputs must be NDArray, got {type(g)} as head gradient {i}")
            out = self._outputs[i]
            if g.shape != out.shape:
                raise ShapeError(
                    f"operands shape mismatch: head gradient {i} has shape {g.shape}, its output {out.shape}"
                )
            if g.spec[1] != out.spec[1]:
                g = g.astype(NAMES[out.spec[1]])
            g = g.as_in_context(out.context)
            if any(other is not None and _overlap(g, other) for other in self.grad_arrays or ()):
                g = g.copy()  # it must be read to the end while gradients are written
            result[i] = g
        return result

    # --- arrays ---------------------------------------------------------------------------------------------
    @property
    def outputs(self) -> list[NDArray]:
        """Outputs of the last forward."""
        return list(self._outputs)

    def _dict(self, which: str, names: Sequence[str], arrays: Sequence[Any]) -> dict[str, Any]:
        if which not in self._dicts:
            if len(set(names)) != len(names):
                twice = sorted({n for n in names if list(names).count(n) > 1})
                raise ValueError(f"Duplicate names detected, {twice}")
            self._dicts[which] = dict(zip(names, arrays))
        return self._dicts[which]

    @property
    def arg_dict(self) -> dict[str, NDArray]:
        """Arguments by name."""
        return self._dict(
            "arg", self._symbol.list_arguments() if "arg" not in self._dicts else (), self.arg_arrays
        )

    @property
    def grad_dict(self) -> dict[str, NDArray | None]:
        """Gradients by argument name."""
        names = self._symbol.list_arguments() if "grad" not in self._dicts else ()
        return self._dict("grad", names, self.grad_arrays or [None] * len(self.arg_arrays))

    @property
    def aux_dict(self) -> dict[str, NDArray]:
        """Auxiliary states by name."""
        names = self._symbol.list_auxiliary_states() if "aux" not in self._dicts else ()
        return self._dict("aux", names, self.aux_arrays)

    @property
    def output_dict(self) -> dict[str, NDArray]:
        """Outputs by name."""
        return self._dict("out", self._symbol.list_outputs(), self._outputs)

    def copy_params_from(
        self, arg_params: Mapping[str, NDArray], aux_params: Mapping[str, NDArray] | None = None,
        allow_extra_params: bool = False,
    ) -> None:  # fmt: skip
        """Copy arrays into arguments and auxiliary states by name, casting."""
        jobs = []
        for kind, params, mine in (
            ("arguments", arg_params, self.arg_dict),
            ("auxiliary states", aux_params or {}, self.aux_dict),
        ):
            for name, value in params.items():
                if name in mine:
                    if mine[name].shape != value.shape:
                        raise MXNetError(
                            f"copy_params_from: {name} has shape {value.shape}, expected {mine[name].shape}"
                        )
                    jobs.append((value, mine[name]))
                elif not allow_extra_params:
                    raise ValueError(f'Find name "{name}" that is not in the {kind}')
        for value, target in jobs:
            value.copyto(target)

    def set_monitor_callback(self, callback: Monitor | None, monitor_all: bool = False) -> None:
        """``callback(name, array)`` for every node output (with `monitor_all` inputs, too) in execution
        order."""
        with self._lock:
            self._monitor, self._monitor_all = callback, monitor_all
            self._programs = {k: p for k, p in self._programs.items() if not k[1]}

    def reshape(
        self, partial_shaping: bool = False, allow_up_sizing: bool = False, **kwargs: Any
    ) -> Executor:
        """Executor for other input shapes that shares what it can: unchanged arrays, smaller ones as
        views."""
        b = self._blueprint
        names = [v.name for v in b.variables]
        known = {
            v: util.from_user_shape(tuple(kwargs[v.name]), v.name) for v in b.variables if v.name in kwargs
        }
        unknown = [k for k in kwargs if k not in names]
        if unknown:
            raise MXNetError(f"reshape: no argument named {', '.join(unknown)}")
        fresh = Blueprint(
            b.heads, b.arguments, b.aux, known, {v: b.type_of(v) for v in b.variables}, self._requests,
            self._ctx.device, {k: c.device for k, c in self._group2ctx.items()},
        )  # fmt: skip

        def fit(node: Node, array: NDArray, given: bool) -> NDArray:
            shape = fresh.shape_of(node)
            if shape == array.shape:
                return array
            if not given and not partial_shaping:
                raise MXNetError(
                    f"Shape of unspecifie arg: {node.name} changed from {array.shape} to {shape}. This can "
                    "cause the new executor to not share parameters with the old one. Please check for "
                    "error in network. If this is intended, set partial_shaping=True to suppress this "
                    "warning."
                )
            if num_elements(shape) <= array.size:
                return array._view(shape, 0)
            if not allow_up_sizing:
                raise MXNetError(
                    f"New shape of arg: {node.name} is larger than original: {shape} > {array.shape}. Set "
                    "allow_up_sizing=True to enable allocation of new arrays."
                )
            made: NDArray = imperative.empty(shape, array.context, array.spec[1], zero=True)
            return made

        args = [fit(v, a, v.name in kwargs) for v, a in zip(b.arguments, self.arg_arrays)]
        aux = [fit(v, a, v.name in kwargs) for v, a in zip(b.aux, self.aux_arrays)]
        grads = None
        if self.grad_arrays is not None:
            grads = [
                None if g is None else fit(v, g, v.name in kwargs)
                for v, g in zip(b.arguments, self.grad_arrays)
            ]
        return Executor(
            self._symbol, self._ctx, args, grads, self._requests, aux, self._group2ctx, self._arena
        )

    @property
    def plan(self) -> Plan:
        """Memory plan of the training program if gradients were asked for, else of the inference program."""
        return self._program(self._blueprint.wants_gradient).plan

    def debug_str(self) -> str:
        """Program and memory plan as text, with MXNet's last lines."""
        program = self._program(self._blueprint.wants_gradient)
        megabytes = program.plan.peak >> 20
        totals = f"Total {megabytes} MB allocated\nTotal 0 TempSpace resource requested\n"
        return f"{program}\n{program.plan}\n{totals}"

    def get_optimized_symbol(self) -> Symbol:
        """The symbol itself: programs are optimized below it."""
        return self._symbol


def _span(a: NDArray) -> tuple[int, int, int]:
    """(address space, first byte, one past the last): host arrays share one space, a device buffer is its
    own."""
    address = a.storage.address
    if address:
        return 0, address + a.offset, address + a.offset + a.nbytes
    return id(a.storage), a.offset, a.offset + a.nbytes


def _overlap(a: NDArray, b: NDArray) -> bool:
    """Whether two arrays share bytes."""
    x, y = _span(a), _span(b)
    return x[0] == y[0] and x[1] < y[2] and y[1] < x[2]


# --- binding ------------------------------------------------------------------------------------------------
def _arrays(given: Any, names: Sequence[str], what: str, allow_missing: bool) -> list[Any]:
    """List in the order of `names` from a list or dict, checked as MXNet checks."""
    if isinstance(given, (list,)):
        if len(given) != len(names):
            raise ValueError(
                f"Length of {what} does not match the number of arguments: {len(given)} for {len(names)} "
                f"({names})"
            )
        values = list(given)
    elif isinstance(given, dict):
        values = []
        for name in names:
            if name not in given and not allow_missing:
                raise ValueError(f"key `{name}` is missing in `{what}`")
            values.append(given.get(name))
    else:
        raise TypeError("Only accept list of NDArrays or dict of str to NDArray")
    for name, value in zip(names, values):
        if not isinstance(value, NDArray) and not (value is None and allow_missing):
            raise TypeError(
                f"Only accept list of NDArrays or dict of str to NDArray; {what} {name} is {type(value)}"
            )
    return values


def _requests(grad_req: Any, names: Sequence[str]) -> list[str]:
    if isinstance(grad_req, str):
        if grad_req not in REQUESTS:
            raise ValueError(f"grad_req must be in {REQUESTS}, got {grad_req!r}")
        return [grad_req] * len(names)
    if isinstance(grad_req, (list, tuple)):
        result = list(grad_req)
        if len(result) != len(names):
            raise ValueError(f"grad_req has {len(result)} entries for {len(names)} arguments ({list(names)})")
    elif isinstance(grad_req, dict):
        result = [grad_req.get(n, "null") for n in names]
    else:
        raise TypeError(f"grad_req must be str, list or dict, got {type(grad_req)}")
    for name, request in zip(names, result):
        if request not in REQUESTS:
            raise ValueError(f"grad_req of {name} must be in {REQUESTS}, got {request!r}")
    return result


def bind(
    symbol: Symbol, ctx: Any, args: Any, args_grad: Any, grad_req: Any, aux_states: Any, group2ctx: Any,
    shared_exec: Any,
) -> Executor:  # fmt: skip
    """Implementation of `Symbol.bind`."""
    if not isinstance(ctx, Context):
        raise TypeError(f"Context type error: ctx must be a Context, got {ctx!r}")
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
    if group2ctx is not None and not isinstance(group2ctx, dict):
        raise TypeError("group2ctx must be a dict of str to Context")
    arena = shared_exec._arena if shared_exec is not None else None
    return Executor(symbol, ctx, values, grads, requests, aux, group2ctx, arena)


def _shape_kwargs(symbol: Symbol, shapes: Mapping[str, Any]) -> dict[Node, Any]:
    """Shapes given by name; MXNet ignores unknown names and values that are no tuples."""
    arguments, aux = symbol._variables()
    known = {}
    for node in arguments + aux:
        shape = shapes.get(node.name)
        if isinstance(shape, (tuple, list)) and len(shape):
            known[node] = util.from_user_shape(tuple(shape), node.name)
    return known


def _draft(
    symbol: Symbol, ctx: Context, grad_req: Any, type_dict: Any, group2ctx: Any, shapes: Mapping[str, Any]
) -> tuple[Blueprint, list[str]]:
    arguments, aux = symbol._variables()
    requests = _requests(grad_req, [n.name for n in arguments])
    types = {n: dtype_code(type_dict[n.name]) for n in arguments + aux if type_dict and n.name in type_dict}
    groups = {k: c.device for k, c in (group2ctx or {}).items()}
    known = _shape_kwargs(symbol, shapes)
    return Blueprint(symbol._entries, arguments, aux, known, types, requests, ctx.device, groups), requests


def plan_of(symbol: Symbol, ctx: Any, grad_req: Any, type_dict: Any, shapes: Mapping[str, Any]) -> Plan:
    """Implementation of `Symbol.plan`."""
    names = [n.name for nodes in symbol._variables() for n in nodes]
    for key, value in shapes.items():
        if key not in names:
            raise MXNetError(f"plan: no argument named {key!r}; arguments are {', '.join(names)}")
        if not isinstance(value, (tuple, list)):
            raise TypeError(f"plan: shape of {key} must be a tuple, got {value!r}")
    draft, _ = _draft(symbol, ctx or current_context(), grad_req, type_dict, None, shapes)
    return draft.compile(draft.wants_gradient)[2]


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
    if not isinstance(ctx, Context):
        raise TypeError(f"Context type error: ctx must be a Context, got {ctx!r}")
    try:
        draft, requests = _draft(symbol, ctx, grad_req, type_dict, group2ctx, shapes)
        groups: dict[str, Context] = dict(group2ctx or {})
        shared_args = set(shared_arg_names or ())
        reuse = shared_exec is not None and shared_buffer is not None

        def place(node: Node, role: str) -> NDArray:
            shape, code = draft.shape_of(node), draft.type_of(node)
            context = groups.get(node.attrs.get("__ctx_group__", ""), ctx)
            if reuse and (node.name in shared_args or role == "aux"):
                source = {
                    "arg": shared_exec.arg_dict,
                    "grad": shared_exec.grad_dict,
                    "aux": shared_exec.aux_dict,
                }
                found = source[role].get(node.name)
                if found is not None:
                    if found.shape != shape or found.spec[1] != code:
                        raise ShapeError(
                            f"shared {role} {node.name} has shape {found.shape}, expected {shape}"
                        )
                    array: NDArray = found
                    return array
            if shared_buffer is not None and role != "aux":
                key = node.name if role == "arg" else f"grad of {node.name}"
                found = shared_buffer.get(key)
                if found is not None and found.spec[1] == code and found.size >= num_elements(shape):
                    view: NDArray = found._view(shape, 0)
                    return view
                shared_buffer[key] = imperative.empty(shape, context, code, zero=True)
                array = shared_buffer[key]
                return array
            array = imperative.empty(shape, context, code, zero=True)
            return array

        args = [place(n, "arg") for n in draft.arguments]
        grads = [None if r == "null" else place(n, "grad") for n, r in zip(draft.arguments, requests)]
        aux = [place(n, "aux") for n in draft.aux]
        arena = shared_exec._arena if shared_exec is not None else None
        return Executor(symbol, ctx, args, grads, requests, aux, groups, arena)
    except (MXNetError, ValueError) as error:
        given = "\n".join(f"{k}: {v}" for k, v in shapes.items())
        kind = type(error) if isinstance(error, MXNetError) else MXNetError
        raise kind(f"simple_bind error. Arguments:\n{given}\n{error}") from error
