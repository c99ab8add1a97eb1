"""Executor: a symbol bound to arrays. Runs programs over slots; knows no operator and no kernel.

Made by `binding`. Programs are made on first need: inference and training, plain and monitored; all write the
same output arrays. The lock of the arena makes concurrent calls wait for each other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

import numpy as np

from ._core import Node
from .arguments import function, shown
from .base import MXNetError, ShapeError
from .blueprint import Blueprint, options
from .context import Context
from .dtypes import NAMES
from .ndarray import NDArray, imperative
from .ops.schema import Backward
from .overlap import late_gradients, overlap
from .passes.ir import Call, Tensor
from .passes.plan import Plan
from .program import Arena, Program
from .reuse import blueprint_of
from .suggest import did_you_mean, listed
from .symbol.symbol import Symbol, output_name

__all__ = ["Executor", "options"]

Monitor = Callable[[str, NDArray], None]


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
        blueprint: Blueprint | None = None,
    ) -> None:
        """`blueprint` is what the arrays were made for, if there is one: nothing is inferred again."""
        self._symbol, self._ctx, self._group2ctx = symbol, ctx, dict(group2ctx or {})
        self.arg_arrays = list(args)
        self.grad_arrays: list[NDArray | None] | None = None if grads is None else list(grads)
        self.aux_arrays = list(aux)
        self._requests = list(requests)
        arguments, aux_nodes = symbol._variables()
        values = dict(zip(arguments + aux_nodes, self.arg_arrays + self.aux_arrays))
        self._late: frozenset[int] = frozenset()
        if self.grad_arrays is not None:
            self._late = late_gradients(self.arg_arrays + self.aux_arrays, self.grad_arrays, self._requests)
        if blueprint is None:
            blueprint = blueprint_of(
                symbol._entries, arguments, aux_nodes, {n: a.shape for n, a in values.items()},
                {n: a.spec[1] for n, a in values.items()}, self._requests, ctx, self._group2ctx,
                {n: a.context for n, a in values.items()} if self._group2ctx else None,
            )  # fmt: skip
        self._blueprint = blueprint
        self._check_arrays()
        self._arena = Arena() if arena is None else arena
        self._programs: dict[tuple[bool, bool], Program] = {}
        self._monitor: Monitor | None = None
        self._monitor_all = False
        self._token: object = None
        self._saved = False
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

    def _make_outputs(self) -> list[NDArray]:
        b = self._blueprint
        values = dict(zip(b.variables, self.arg_arrays + self.aux_arrays))
        outputs = []
        for node, k in b.heads:
            if node.op is None:
                outputs.append(values[node])
            else:
                outputs.append(imperative.empty(b.shape_of(node, k), b.context_of(node), b.type_of(node, k)))
        return outputs

    # --- programs -------------------------------------------------------------------------------------------
    def _program(self, is_train: bool) -> Program:
        key = (is_train, self._monitor is not None)
        program = self._programs.get(key)
        if program is None:
            observe = self._observe if self._monitor is not None else None
            calls, cut, plan = self._blueprint.compile(is_train, observe, self._late)
            program = Program(
                calls, cut, plan, self._arena, self._blueprint.first_free_slot, imperative.wrap,
                self._blueprint.options.canaries,
            )  # fmt: skip
            program.graph = self._blueprint.graph
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
            reports.append((_reported_name(node, k), t))
        calls = []
        for name, t in reports:

            def report(_: Any, arrays: Any, name: str = name) -> None:
                if self._monitor is not None:
                    self._monitor(name, arrays[0].copy())

            calls.append(
                Call(
                    "callback", "any", [], [t], [], [], 1, 1e3, t.buffer.device, callback=report,
                    names=(node.name,),
                )
            )  # fmt: skip
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
        for name, value in kwargs.items():
            self._check_assignment(name, value)
        with self._arena:
            program = self._program(bool(is_train))
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
        return self.outputs

    def _stamp(self) -> None:
        """Say, before a run that may fail half way, that whatever was saved in the arena is gone."""
        self._saved = False
        self._token = self._arena.stamp = object()

    def _check_assignment(self, name: str, value: Any) -> None:
        found = self.arg_dict.get(name)
        if found is None:
            near = did_you_mean(name, self.arg_dict)
            raise TypeError(f"Unknown argument {name}{near}; arguments are {listed(list(self.arg_dict))}")
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
            losses. Those beyond the outputs are ignored.

        Raises
        ------
        MXNetError
            A head that is no loss has no gradient, or one of another shape.
        TypeError
            A head gradient is no NDArray.
        """
        b = self._blueprint
        if not b.wants_gradient:
            return  # as in MXNet: nobody asked for a gradient
        grads = self._head_gradients(out_grads)
        with self._arena:
            # what forward saved lies where its own program put it: a monitor may have come or gone since
            program = self._ran if self._drew and self._ran is not None else self._program(True)
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
            given = [out_grads.get(n) for n in self._symbol.list_outputs()]
        elif isinstance(out_grads, (list, tuple)):
            given = list(out_grads)
        else:
            raise TypeError(
                f"inputs must be NDArray, a list or a dict of NDArray, got {shown(out_grads)} as out_grads"
            )
        result = {}
        for i in needed:
            g = given[i] if i < len(given) else None
            if g is None:
                outputs = self._symbol.list_outputs()
                other = [k for k in out_grads if k not in outputs] if isinstance(out_grads, dict) else []
                other_names = [f"{k!r}{did_you_mean(k, outputs)}" for k in other]
                raise MXNetError(
                    "Because the last operator is not Loss function, head_gradient is required when calling "
                    f"backward. Output {i} ({outputs[i]}) has none; call backward(out_grads=...)"
                    + (f". No output is called {', '.join(other_names)}" if other_names else "")
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
            if any(other is not None and overlap(g, other) for other in self.grad_arrays or ()):
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
        """Copy arrays, NDArrays or NumPy's, into arguments and auxiliary states by name, casting.

        Raises
        ------
        ValueError
            Nobody has that name, unless `allow_extra_params`.
        MXNetError, TypeError
            Another shape; no array. Whatever is raised, nothing was copied.
        """
        jobs = []
        for kind, params, mine in (
            ("arguments", _params(arg_params, "arg_params"), self.arg_dict),
            ("auxiliary states", _params(aux_params, "aux_params"), self.aux_dict),
        ):
            for name, value in params.items():
                if isinstance(name, str) and name in mine:
                    if not isinstance(value, (NDArray, np.ndarray)):
                        raise TypeError(f"copy_params_from: {name} must be an array, got {type(value)}")
                    if isinstance(value, np.ndarray) and value.dtype.kind not in "biuf":
                        raise TypeError(
                            f"copy_params_from: {name}: an array of {value.dtype} holds no real numbers"
                        )
                    if mine[name].shape != value.shape:
                        raise MXNetError(
                            f"copy_params_from: {name} has shape {value.shape}, expected {mine[name].shape}"
                        )
                    jobs.append((value, mine[name]))
                elif not allow_extra_params:
                    near = did_you_mean(name, [n for n in mine if n not in params])
                    raise ValueError(f'Find name "{name}" that is not in the {kind}{near}')
        for value, target in jobs:
            target[:] = value

    def set_monitor_callback(self, callback: Monitor | None, monitor_all: bool = False) -> None:
        """``callback(name, array)`` for every node output, hidden ones too, in execution order; None ends it.

        Gradient nodes report as ``<node>_backward_output<i>``, for the i-th input of the node (without a
        number where it has one input); `monitor_all` adds the inputs as ``<node>_<input>``, variables under
        their own name as well.
        """
        function(callback, "callback", optional=True)
        self._monitor, self._monitor_all = callback, bool(monitor_all)
        self._programs = {k: p for k, p in self._programs.items() if not k[1]}

    def reshape(
        self, partial_shaping: bool = False, allow_up_sizing: bool = False, **kwargs: Any
    ) -> Executor:
        """Executor for other input shapes that shares what it can: unchanged arrays, smaller ones as views.

        Parameters
        ----------
        partial_shaping
            Let arguments that were not named change, too.
        allow_up_sizing
            Allocate arrays that have to grow, with zeros in them.
        **kwargs
            New shapes by name; a name nobody has is ignored with a warning.

        Raises
        ------
        MXNetError
            An array would have to change or to grow without leave, or the shapes contradict each other; this
            executor stays as it was.
        """
        from .binding import reshape

        return reshape(self, partial_shaping, allow_up_sizing, kwargs)

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

    def _repr_html_(self) -> str:
        """Table of the bound arrays for notebooks, and the sums of the memory plan."""
        from .drawing.notebook import executor_html

        return executor_html(self)

    def get_optimized_symbol(self) -> Symbol:
        """The symbol itself: programs are optimized below it."""
        return self._symbol


def _params(given: Any, what: str) -> Mapping[str, Any]:
    if given is not None and not isinstance(given, Mapping):
        raise TypeError(f"copy_params_from: {what} must be a dict of str to NDArray, got {shown(given)}")
    return given or {}


def _reported_name(node: Node, k: int) -> str:
    """What a monitor calls output `k` of a node."""
    if node.origin is None:
        return output_name(node, k)
    op = node.op
    if isinstance(op, Backward):
        names = op.forward.input_names() + op.forward.aux_names()
        k, count = names.index(op.wanted[k]), len(names)
    else:
        count = len(op.output_names())
    return f"{node.name}_output" + (str(k) if count > 1 else "")
