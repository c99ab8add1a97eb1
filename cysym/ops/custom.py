"""Operator `Custom`: a user's Python class as a graph node, run as a callback between kernels.

The user's classes live in `cysym.operator`; this module only asks them for names, shapes and types, and
lowers to a callback. On a device other than the CPU the arrays cross to the host only when the user's code
reads them. Whatever the user's code raises leaves here as one MXNetError with that error as its cause.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..arguments import shown
from ..base import MXNetError
from ..dtypes import TYPES, UnknownTypeError, dtype_code
from ..suggest import did_you_mean
from .rules import ShapeRule, TypeRule, is_known
from .schema import Backward, OpDef, Str

if TYPE_CHECKING:
    from ..passes.gradient import GradContext
    from ..passes.lower import LowerContext

PROPERTIES: dict[str, type[Any]] = {}
_MOST_DIMS = 64  # of any array NumPy can hold
_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep


def _place(error: BaseException) -> str:
    """`` (file.py:12 in forward)``: the first line of the user's own that the error came through."""
    trace = error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        if not code.co_filename.startswith(_PACKAGE):
            return f" ({os.path.basename(code.co_filename)}:{trace.tb_lineno} in {code.co_name})"
        trace = trace.tb_next
    return ""


def _guard(who: str, what: str, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Run the user's code; whatever it raises becomes one error that names operator, method and line."""
    try:
        return function(*args, **kwargs)
    except Exception as error:
        try:
            said = str(error)
        except Exception:  # an error may be unable to say what it is
            said = ""
        text = f"{type(error).__name__}: {said}" if said else type(error).__name__
        raise MXNetError(f"Custom operator {who}: {what} raised {text}{_place(error)}") from error


def _kept(who: str, method: str, lists: Mapping[str, tuple[Sequence[Any], Sequence[Any]]]) -> None:
    """Refuse results put into a list instead of into the array that stood there: nobody would ever see them.

    `lists` has by name what was handed over and what stands there now; a view of the array is fine.
    """
    for name, (given, found) in lists.items():
        for i, (array, now) in enumerate(zip(given, found)):
            if now is not array and getattr(now, "storage", None) is not array.storage:
                raise MXNetError(
                    f"Custom operator {who}: {method} replaced {name}[{i}] by {type(now).__name__} instead "
                    f"of writing into it; use self.assign({name}[{i}], req[{i}], ...) or {name}[{i}][:] = ..."
                )


class CustomBackward(Backward):
    """Calls the user's ``backward``. Reads by position: an output may be called like an input."""

    half = True

    def read_names(self) -> tuple[str, ...]:
        f = self.forward
        assert isinstance(f, Custom)
        groups = {"in": f.input_names(), "out": f.output_names(), "aux": f.aux_names()}
        heads = tuple(f"ograd{i}" for i in f.heads_read)
        return heads + tuple(f"{group}{i}" for group, names in groups.items() for i in range(len(names)))

    def lower(self, c: LowerContext) -> None:
        from ..lent import lend, surroundings

        f = self.forward
        assert isinstance(f, Custom)
        operator, who, device, is_train = c.shared["operator"], f.who(c), c.device, c.is_train
        names = f.input_names()
        n_head, n_in, n_out = len(f.heads_read), len(names), len(f.output_names())
        reads = [c.input(name) for name in self.read_names()]
        data, outputs = reads[n_head : n_head + n_in], reads[n_head + n_in : n_head + n_in + n_out]
        aux = reads[n_head + n_in + n_out :]
        wanted = [c.wants(n) for n in names]
        grads = [c.output(n) if w else c.temp(t.shape, t.dtype) for n, w, t in zip(names, wanted, data)]
        requests = ["write" if w else "null" for w in wanted]

        def run(outs: Sequence[Any], ins: Sequence[Any]) -> None:
            lent = lend(ins)
            top: list[Any] = [None] * n_out  # a head the class does not ask for has its place, but no array
            for i, head in zip(f.heads_read, lent):
                top[i] = head
            rest, in_grad, states = lent[n_head:], list(outs[:n_in]), list(outs[n_in:])
            with surroundings(device, is_train):
                _guard(
                    who, "backward", operator.backward, req=list(requests), out_grad=top,
                    in_data=rest[:n_in], out_data=rest[n_in:], in_grad=in_grad, aux=states,
                )  # fmt: skip
            _kept(who, "backward", {"in_grad": (outs, in_grad), "aux": (outs[n_in:], states)})

        c.callback(run, [*grads, *aux], [*reads[:n_head], *data, *outputs])


class Custom(OpDef):
    """Apply an operator written in Python and registered with `mx.operator.register`.

    All further keyword arguments reach the property's ``__init__`` as strings.
    """

    half = True

    name = "Custom"
    inputs = ()
    is_callback = True
    backward = CustomBackward
    op_type = Str(doc="Name under which the property class is registered.")

    prop: Any
    heads_read: tuple[int, ...]

    @classmethod
    def make(cls, attrs: Mapping[str, Any]) -> OpDef:
        own = {k: v for k, v in attrs.items() if not (k.startswith("__") and k.endswith("__"))}
        if "op_type" not in own:
            raise MXNetError(
                'Required parameter op_type of string is not presented, in operator Custom(name="")'
            )
        op_type = str(own.pop("op_type"))
        if op_type not in PROPERTIES:
            known = ", ".join(sorted(PROPERTIES)) or "none"
            raise MXNetError(
                f"Cannot find custom operator {op_type}{did_you_mean(op_type, PROPERTIES)}; "
                f"registered with mx.operator.register are: {known}"
            )
        own = {k: str(v) for k, v in own.items()}
        made = _guard(repr(op_type), "__init__", PROPERTIES[op_type], **own)
        return cls.around(op_type, made, tuple(sorted(own.items())))

    @classmethod
    def around(cls, op_type: str, prop: Any, key: tuple[Any, ...]) -> Custom:
        """The operator of a property object; `key` tells it from others of its class."""
        self = cls.__new__(cls)
        self.values, self.prop = {"op_type": op_type}, prop
        self.key = (cls, op_type, key, type(prop))
        for names in ([*self.input_names(), *self.aux_names()], self.output_names()):
            if len(set(names)) != len(names):
                raise MXNetError(
                    f"Custom operator {op_type!r}: two arguments or auxiliary states, or two outputs, have "
                    f"one name: {', '.join(names)}"
                )
        if not self.output_names():
            raise MXNetError(f"Custom operator {op_type!r}: list_outputs names no output")
        self.heads_read = self._heads_read()
        self.is_loss = not self.heads_read  # type: ignore[misc]
        self.mutates = {"forward": self.aux_names()} if self.aux_names() else {}  # type: ignore[misc]
        return self

    def who(self, c: LowerContext | None = None) -> str:
        """What errors call this operator, with its node where that has a name of its own."""
        node = "" if c is None or c.name == self.name else f" (node {c.name.removesuffix('_backward')})"
        return repr(self.values["op_type"]) + node

    def _ask(self, method: str, *args: Any) -> Any:
        return _guard(self.who(), method, getattr(self.prop, method), *args)

    def _names(self, method: str) -> tuple[str, ...]:
        names = self._ask(method)
        if not isinstance(names, (list, tuple)) or not all(isinstance(n, str) for n in names):
            raise MXNetError(
                f"Custom operator {self.who()}: {method} must return a list of names, got {shown(names)}"
            )
        return tuple(names)

    def input_names(self) -> tuple[str, ...]:
        return self._names("list_arguments")

    def aux_names(self) -> tuple[str, ...]:
        return self._names("list_auxiliary_states")

    def output_names(self) -> tuple[str, ...]:
        return self._names("list_outputs")

    has_own_output_names = True

    def _heads_read(self) -> tuple[int, ...]:
        """Head gradients that the class declares its ``backward`` to read, by number."""
        n_out, n_in = len(self.output_names()), len(self.input_names())
        ids = list(range(2 * n_out + n_in))
        declared = self._ask(
            "declare_backward_dependency", ids[:n_out], ids[n_out : n_out + n_in], ids[n_out + n_in :]
        )
        if not isinstance(declared, (list, tuple, set, frozenset)):
            raise MXNetError(
                f"Custom operator {self.who()}: declare_backward_dependency must return a list of the "
                f"numbers given, got {shown(declared)}"
            )
        return tuple(i for i in ids[:n_out] if i in declared)

    # --- inference ------------------------------------------------------------------------------------------
    def _lists(self, method: str, given: list[Any], n_out: int, n_aux: int) -> tuple[list[Any], list[Any]]:
        """What an inference of the class answers: of inputs and auxiliary states, and of outputs."""
        n_in, lists = len(given), (list, tuple)
        result = self._ask(method, given)
        if not isinstance(result, lists) or len(result) not in (2, 3):
            raise MXNetError(
                f"Custom operator {self.who()}: {method} must return 2 or 3 lists (inputs, outputs, "
                f"auxiliary states), got {shown(result)}"
            )
        inputs, outputs, aux = (*result, []) if len(result) == 2 else result
        for what, got, want in (
            ("inputs", inputs, n_in),
            ("outputs", outputs, n_out),
            ("auxiliary states", aux, n_aux),
        ):
            if not isinstance(got, lists) or len(got) != want:
                raise MXNetError(
                    f"Custom operator {self.who()}: {method} must return a list for {want} {what}, "
                    f"got {shown(got)}"
                )
        return [*inputs, *aux], [*outputs]

    def infer_shape(self, s: ShapeRule) -> None:
        n = len(self.input_names())
        given = [list(d) if d is not None and is_known(d) else [] for d in s.ins[:n]]
        settled = not n or is_known(s.ins[0])
        try:
            inputs, outputs = self._lists("infer_shape", given, len(s.outs), len(s.ins) - n)
        except MXNetError:
            if settled:
                raise
            return  # the class computes with the shape of its first input, which nobody knows yet
        for i, shape in enumerate(inputs):
            dims = self._dims(shape)
            if dims or s.ins[i] == ():
                s.meet_in(i, dims)
        for i, shape in enumerate(outputs):
            dims = self._dims(shape)
            if dims or settled:
                s.meet_out(i, dims)

    def _dims(self, shape: Any) -> tuple[int, ...]:
        try:
            if len(shape) <= _MOST_DIMS:
                dims = tuple(int(d) for d in shape)
                if dims == tuple(shape) and max(dims, default=0) < 2**63:  # no text, and no half
                    return dims
        except (TypeError, ValueError, OverflowError):
            pass
        raise MXNetError(
            f"Custom operator {self.who()}: infer_shape gave {shown(shape)}, which is no shape of up to "
            f"{_MOST_DIMS} whole numbers"
        )

    def infer_type(self, t: TypeRule) -> None:
        n = len(self.input_names())
        given = [None if code is None else TYPES[code] for code in t.ins[:n]]
        try:
            inputs, outputs = self._lists("infer_type", given, len(t.outs), len(t.ins) - n)
        except MXNetError:
            if not n or t.ins[0] is not None:
                raise
            return
        for meet, kinds in ((t.meet_in, inputs), (t.meet_out, outputs)):
            for i, kind in enumerate(kinds):
                if kind is not None:
                    meet(i, self._code(kind))

    def _code(self, kind: Any) -> int:
        try:
            return dtype_code(kind)
        except UnknownTypeError as error:
            raise MXNetError(f"Custom operator {self.who()}: infer_type: {error}") from None

    # --- computation ----------------------------------------------------------------------------------------
    def gradient(self, g: GradContext) -> list[Any]:
        names = self.input_names()
        n = len(names)
        wanted = [i for i in range(n) if g.wants[i]]
        if not wanted:
            return [None] * len(g.ins)
        op = CustomBackward.of(self, tuple(names[i] for i in wanted))
        inputs = (*(g.ograd(i) for i in self.heads_read), *g.ins[:n], *g.outs, *g.ins[n:])
        node = g.joint(op, inputs, [g.ins[i] for i in wanted])
        return [(node, wanted.index(i)) if i in wanted else None for i in range(len(g.ins))]

    def _operator(self, c: LowerContext, data: Sequence[Any]) -> Any:
        """The user's object that computes: one for each executor, whichever way it runs."""
        from ..lent import context_of

        if "operator" not in c.shared:
            made = _guard(
                self.who(c), "create_operator", self.prop.create_operator, context_of(c.device),
                [list(t.shape) for t in data], [t.dtype for t in data],
            )  # fmt: skip
            for method in ("forward", "backward"):
                if not callable(getattr(made, method, None)):
                    raise MXNetError(
                        f"Custom operator {self.who(c)}: create_operator must return an "
                        f"mx.operator.CustomOp, got {shown(made)}, which has no {method}"
                    )
            c.shared["operator"] = made
        return c.shared["operator"]

    def lower(self, c: LowerContext) -> None:
        from ..lent import lend, surroundings

        names = self.input_names()
        data, aux = [c.input(n) for n in names], [c.input(n) for n in self.aux_names()]
        outs = [c.output(n) for n in self.output_names()]
        requests = ["write" if c.wants(n) else "null" for n in self.output_names()]
        operator, who = self._operator(c, data), self.who(c)
        n_out, device, is_train = len(outs), c.device, c.is_train

        def run(written: Sequence[Any], read: Sequence[Any]) -> None:
            out_data, states = list(written[:n_out]), list(written[n_out:])
            with surroundings(device, is_train):
                _guard(
                    who, "forward", operator.forward, is_train=int(is_train), req=list(requests),
                    in_data=lend(read), out_data=out_data, aux=states,
                )  # fmt: skip
            _kept(who, "forward", {"out_data": (written, out_data), "aux": (written[n_out:], states)})

        c.callback(run, [*outs, *aux], data)
