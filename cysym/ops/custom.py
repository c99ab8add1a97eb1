"""Operator `Custom`: a user's Python class as a graph node, run as a callback between kernels.

The user's classes live in `cysym.operator`; this module only asks them for names, shapes and types, and
lowers to a callback. On a device other than the CPU the arrays cross to the host only when the user's code
reads them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..base import MXNetError
from ..dtypes import TYPES, dtype_code
from .rules import ShapeRule, TypeRule, is_known
from .schema import Backward, OpDef, Str

if TYPE_CHECKING:
    from ..passes.lower import LowerContext

PROPERTIES: dict[str, type[Any]] = {}


def _guard(op_type: str, what: str, function: Any, *args: Any) -> Any:
    """Run the user's code; whatever it raises becomes one error that names operator and method."""
    try:
        return function(*args)
    except MXNetError:
        raise
    except Exception as error:
        raise MXNetError(
            f"Custom operator {op_type}: {what} raised {type(error).__name__}: {error}"
        ) from error


class CustomBackward(Backward):
    """Calls the user's ``backward``."""

    half = True

    def read_names(self) -> tuple[str, ...]:
        f = self.forward
        assert isinstance(f, Custom)
        heads = tuple(f"ograd{i}" for i in f.heads_read)
        return heads + f.input_names() + f.output_names() + f.aux_names()

    def lower(self, c: LowerContext) -> None:
        f = self.forward
        assert isinstance(f, Custom)
        operator = c.shared["operator"]
        names, out_names, aux_names = f.input_names(), f.output_names(), f.aux_names()
        heads = [c.input(f"ograd{i}") for i in f.heads_read]
        data, outputs, aux = ([c.input(n) for n in group] for group in (names, out_names, aux_names))
        wanted = [c.wants(n) for n in names]
        grads = [c.output(n) if w else c.temp(t.shape, t.dtype) for n, w, t in zip(names, wanted, data)]
        requests = ["write" if w else "null" for w in wanted]
        n_grad, n_head, n_in, n_out = len(grads), len(heads), len(data), len(outputs)

        def run(outs: Sequence[Any], ins: Sequence[Any]) -> None:
            top: list[Any] = [None] * n_out  # a head the class does not ask for has its place, but no array
            for i, head in zip(f.heads_read, ins):
                top[i] = head
            rest = ins[n_head:]
            with outs[0].context:
                _guard(
                    f.op_type, "backward", operator.backward, list(requests), top, list(rest[:n_in]),
                    list(rest[n_in : n_in + n_out]), list(outs[:n_grad]), list(outs[n_grad:]),
                )  # fmt: skip

        c.callback(run, [*grads, *aux], [*heads, *data, *outputs])


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
            raise MXNetError(f"Cannot find custom operator {op_type}; registered are: {known}")
        self = cls.__new__(cls)
        self.values = {"op_type": op_type}
        self.prop = _guard(
            op_type, "__init__", lambda: PROPERTIES[op_type](**{k: str(v) for k, v in own.items()})
        )
        self.key = (cls, op_type, tuple(sorted((k, str(v)) for k, v in own.items())), PROPERTIES[op_type])
        names = [*self.input_names(), *self.aux_names(), *self.output_names()]
        if len(set(names)) != len(names):
            raise MXNetError(
                f"Custom operator {op_type}: argument, output and auxiliary names must differ: {names}"
            )
        self.heads_read = self._heads_read()
        self.is_loss = not self.heads_read  # type: ignore[misc]
        self.mutates = {"forward": self.aux_names()} if self.aux_names() else {}  # type: ignore[misc]
        return self

    def _names(self, method: str) -> tuple[str, ...]:
        names = _guard(self.op_type, method, getattr(self.prop, method))
        if not isinstance(names, (list, tuple)) or not all(isinstance(n, str) for n in names):
            raise MXNetError(
                f"Custom operator {self.op_type}: {method} must return a list of names, got {names!r}"
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
        declared = _guard(
            self.op_type, "declare_backward_dependency", self.prop.declare_backward_dependency,
            ids[:n_out], ids[n_out : n_out + n_in], ids[n_out + n_in :],
        )  # fmt: skip
        return tuple(i for i in ids[:n_out] if i in declared)

    def _lists(
        self, method: str, result: Any, n_in: int, n_out: int, n_aux: int
    ) -> tuple[list[Any], list[Any]]:
        """What an inference of the class answered: of inputs and auxiliary states, and of outputs."""
        lists = (list, tuple)
        if not isinstance(result, lists) or len(result) not in (2, 3):
            raise MXNetError(
                f"Custom operator {self.op_type}: {method} must return 2 or 3 lists, got {result!r}"
            )
        inputs, outputs, aux = (*result, []) if len(result) == 2 else result
        for what, got, want in (
            ("inputs", inputs, n_in),
            ("outputs", outputs, n_out),
            ("auxiliary states", aux, n_aux),
        ):
            if not isinstance(got, lists) or len(got) != want:
                raise MXNetError(
                    f"Custom operator {self.op_type}: {method} must return a list for {want} {what}, "
                    f"got {got!r}"
                )
        return [*inputs, *aux], [*outputs]

    def infer_shape(self, s: ShapeRule) -> None:
        n = len(self.input_names())
        if not s.ins or not is_known(s.ins[0]):
            return
        given = [list(d) if d is not None and is_known(d) else [] for d in s.ins[:n]]
        result = _guard(self.op_type, "infer_shape", self.prop.infer_shape, given)
        inputs, outputs = self._lists("infer_shape", result, n, len(s.outs), len(s.ins) - n)
        for i, shape in enumerate(inputs):
            dims = self._dims(shape)
            if dims or s.ins[i] == ():
                s.meet_in(i, dims)
        for i, shape in enumerate(outputs):
            s.meet_out(i, self._dims(shape))

    def _dims(self, shape: Any) -> tuple[int, ...]:
        try:
            return tuple(int(d) for d in shape)
        except (TypeError, ValueError):
            raise MXNetError(
                f"Custom operator {self.op_type}: infer_shape gave {shape!r}, which is no shape"
            ) from None

    def infer_type(self, t: TypeRule) -> None:
        n = len(self.input_names())
        if not t.ins or t.ins[0] is None:
            return
        first = TYPES[t.ins[0]]
        given = [first if code is None else TYPES[code] for code in t.ins[:n]]
        result = _guard(self.op_type, "infer_type", self.prop.infer_type, given)
        inputs, outputs = self._lists("infer_type", result, n, len(t.outs), len(t.ins) - n)
        for i, kind in enumerate(inputs):
            t.meet_in(i, dtype_code(kind))
        for i, kind in enumerate(outputs):
            t.meet_out(i, dtype_code(kind))

    def lower(self, c: LowerContext) -> None:
        names = self.input_names()
        data, aux = [c.input(n) for n in names], [c.input(n) for n in self.aux_names()]
        outs = [c.output(n) for n in self.output_names()]
        context = self.prop._context(c.device)
        operator = _guard(
            self.op_type, "create_operator", self.prop.create_operator, context,
            [list(t.shape) for t in data], [t.dtype for t in data],
        )  # fmt: skip
        c.shared["operator"] = operator
        n_out, is_train = len(outs), c.is_train

        def run(written: Sequence[Any], read: Sequence[Any]) -> None:
            with context:
                _guard(
                    self.op_type, "forward", operator.forward, int(is_train), ["write"] * n_out, list(read),
                    list(written[:n_out]), list(written[n_out:]),
                )  # fmt: skip

        c.callback(run, [*outs, *aux], data)
