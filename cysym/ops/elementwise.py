"""Elementwise operators: every row of c_kernels/*.inc that is no mere part, and the operators that choose
among rows.

An operator here is a row: its expression is the kernel, its gradient column the backward node. `lower` emits
``ew`` calls whose source is an `EwGroup`; the pass `fuse` joins neighbours. No arithmetic stands in this
file. The same function with broadcasting is one class more (`BroadcastOp`): its gradients are summed back to
the input's shape."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Final

from ..base import MXNetError
from ..dtypes import CODES, NAMES
from . import expr
from .ew_group import MAX_POINTERS, ROWS, EwGroup, Form, Row, compile_tree, group_of, sum_group
from .rules import FLOATS, ShapeRule, TypeRule, is_known, show
from .schema import REQUIRED, Backward, Bool, Enum, Float, Int, OpDef

if TYPE_CHECKING:
    from ..passes.gradient import GradContext
    from ..passes.ir import Dynamic, Tensor
    from ..passes.lower import LowerContext

    Number = float | Dynamic


# Element types without a kernel of their own, and the one that stands in.
STAND_IN: Final = {CODES["float16"]: CODES["float32"], CODES["bool"]: CODES["uint8"]}


def emit(
    c: LowerContext,
    group: EwGroup,
    outs: Sequence[Tensor],
    ins: Sequence[Tensor],
    floats: Sequence[Number] = (),
) -> None:
    """One ``ew`` call; every tensor has the shape of the outputs (broadcast ones with strides of 0).

    float16 is computed in float32 and bool in uint8, with casts before and after.
    """
    wide = STAND_IN.get(outs[0].dtype)
    if wide is not None:
        wide_ins = [c.temp(t.shape, wide) for t in ins]
        wide_outs = [c.temp(t.shape, wide) for t in outs]
        for dst, src in zip(wide_ins, ins, strict=True):
            c.cast(dst, src)
        emit(c, group, wide_outs, wide_ins, floats)
        for dst, src in zip(outs, wide_outs, strict=True):
            c.cast(dst, src)
        return
    pairs = [(i, o) for i, o in group.pairs() if ins[i].strides == outs[o].strides]
    c.call(
        "ew", outs, ins, floats=floats, items=outs[0].size, cost=group.cost, inplace=pairs, source=group
    )  # fmt: skip


def spread(t: Tensor, shape: tuple[int, ...]) -> Tensor:
    """A tensor seen in the shape it broadcasts to."""
    if t.shape == shape:
        return t
    missing = len(shape) - len(t.shape)
    steps = [0 if d == 1 != n else s for d, s, n in zip(t.shape, t.strides, shape[missing:], strict=True)]
    return t.view(shape, 0, (0,) * missing + tuple(steps))


@cache
def _variables(kind: str, inputs: tuple[str, ...]) -> Mapping[str, str]:
    """Variable of a row of this kind -> input."""
    return dict(zip("ab" if kind == "binary" else "x", inputs, strict=True))


class ElementwiseBackward(Backward):
    """Gradients of an elementwise operator, one expression for each; reads only what the expressions name."""

    half = True

    name = ""
    forward: Elementwise
    is_elementwise = True

    @cached_property
    def forms(self) -> tuple[Form, ...]:
        """The expressions of the gradients wanted."""
        names = self.forward.input_names()
        gradients = self.forward.the_row().gradients
        return tuple([gradients[names.index(w)] for w in self.wanted])

    @cached_property
    def tensor_names(self) -> dict[str, str]:
        """Variable of an expression -> input of this node."""
        return {**self.forward.variables(), "y": "output", "g": "ograd"}

    @cached_property
    def _reads(self) -> tuple[str, ...]:
        names = self.tensor_names
        return tuple(dict.fromkeys([names[v] for f in self.forms for v in f.reads]))

    def read_names(self) -> tuple[str, ...]:
        return self._reads

    def lower(self, c: LowerContext) -> None:
        self.forward.lower_gradients(c, self)

    def gradient(self, g: GradContext) -> list[Any]:
        from .ew_derivative import of_backward

        return of_backward(g)


class Elementwise(OpDef):
    """Base: an operator that is one row of the tables."""

    half = True

    row: ClassVar[Row]
    scalars: ClassVar[tuple[str, ...]] = ()  # parameters that are the row's s and t
    is_elementwise = True

    def the_row(self) -> Row:
        """The row; depends on parameters where one chooses among rows."""
        return self.row

    def variables(self) -> Mapping[str, str]:
        """Variable of the row -> input."""
        return _variables(self.the_row().kind, self.input_names())

    def numbers(self, c: LowerContext) -> list[Number]:
        """Values of s and t."""
        return [c.dynamic(n) if self.params[n].dynamic else self.values[n] for n in self.scalars]

    def operand(self, c: LowerContext, name: str, shape: tuple[int, ...]) -> Tensor:
        """An input as the expression sees it: in the shape of the result."""
        return c.input(name, "any")

    def lower(self, c: LowerContext) -> None:
        self.lower_form(c, self.the_row().forward, "output")

    def lower_form(self, c: LowerContext, form: Form, output: str) -> None:
        out = c.output(output, "any")
        group, reads = group_of((form,))
        names = self.variables()
        ins = [self.operand(c, names[v], out.shape) for v in reads]
        emit(c, group, [out], ins, self.numbers(c)[: form.scalars])

    def lower_gradients(self, c: LowerContext, node: ElementwiseBackward) -> None:
        """All gradients wanted, in one call."""
        group, reads = group_of(node.forms)
        names = node.tensor_names
        outs = [c.output(w, "any") for w in node.wanted]
        kind = c.input("ograd", "any").dtype  # not the data's where a number made whole data floating
        ins = [c.input(names[v], "any", kind) for v in reads]
        wide = [out if out.dtype == kind else c.temp(out.shape, kind) for out in outs]
        emit(c, group, wide, ins, self.numbers(c)[: group.n_floats])
        for out, result in zip(outs, wide, strict=True):
            if out is not result:
                c.cast(out, result)

    def gradient(self, g: GradContext) -> list[Any]:
        """The head gradient itself where the expression is ``g``, none where it is 0, else a node."""
        grads: list[Any] = [None] * len(g.ins)
        wants = [w and f.text != "K(0)" for w, f in zip(g.wants, self.the_row().gradients, strict=True)]
        for i, form in enumerate(self.the_row().gradients):
            if wants[i] and form.text == "g" and self.passes_through():
                grads[i], wants[i] = g.ograd(), False
        g.wants = wants
        rest = g.backward(ElementwiseBackward)
        return [have or made for have, made in zip(grads, rest, strict=True)]

    def passes_through(self) -> bool:
        """Whether a gradient that is the head gradient has the input's shape, too."""
        return True


class ScalarOp(Elementwise):
    """Base of the functions of a tensor and a number."""

    scalars = ("scalar",)
    scalar = Float(1.0, "the number; read anew at each run", dynamic=True)
    is_int = Bool(True, "whether the number is a whole one; False: whole data give a float64 result")

    def infer_type(self, t: TypeRule) -> None:
        """Floating types stay; whole numbers do with a whole number, of which bool makes int64."""
        known = t.ins[0]
        if known is None:
            t.meet_in(0, t.outs[0])
        elif NAMES[known] in FLOATS:
            t.same()
        elif not self.is_int:
            t.meet_out(0, CODES["float64"])
        else:
            t.meet_out(0, CODES["int64"] if NAMES[known] == "bool" else known)

    def operand(self, c: LowerContext, name: str, shape: tuple[int, ...]) -> Tensor:
        return c.input(name, "any", c.output("output", "any").dtype)

    def passes_through(self) -> bool:
        return self.is_int


class BinaryOp(Elementwise):
    inputs = ("lhs", "rhs")


class BroadcastOp(Elementwise):
    """Base of the functions of two tensors that are stretched to a common shape, as NumPy does."""

    inputs = ("lhs", "rhs")

    def infer_shape(self, s: ShapeRule) -> None:
        s.broadcast_binary()

    def operand(self, c: LowerContext, name: str, shape: tuple[int, ...]) -> Tensor:
        return spread(c.input(name, "any"), shape)

    def passes_through(self) -> bool:
        return False

    def lower_gradients(self, c: LowerContext, node: ElementwiseBackward) -> None:
        """Each gradient in the shape of the result, then summed over the axes its input was stretched
        along."""
        sources = node.tensor_names
        shape = c.shape("ograd")
        for wanted, form in zip(node.wanted, node.forms, strict=True):
            group, reads = group_of((form,))
            ins = [spread(c.input(sources[v], "any"), shape) for v in reads]
            lower_summed(c, wanted, group, ins, shape, self.numbers(c)[: form.scalars], form.text == "g")


def lower_summed(
    c: LowerContext,
    output: str,
    group: EwGroup,
    ins: Sequence[Tensor],
    shape: tuple[int, ...],
    floats: Sequence[Number],
    is_identity: bool = False,
) -> None:
    """Output = the group's value, of `shape`, summed over the axes along which the output was broadcast."""
    to = c.shape(output)
    if is_identity and to == shape:
        c.alias(output, ins[0])
        return
    if to == shape:
        emit(c, group, [c.output(output, "any")], ins, floats)
        return
    from .reduce import emit_sum

    full = ins[0]
    if not is_identity:
        full = c.temp(shape, c.output(output).dtype)
        emit(c, group, [full], ins, floats)
    padded = (1,) * (len(shape) - len(to)) + to
    axes = tuple(i for i, (d, n) in enumerate(zip(padded, shape, strict=True)) if d == 1 != n)
    emit_sum(c, c.output(output), full, axes)


# --- operators that choose a row by a parameter, or name the row's numbers ----------------------------------
class Activation(Elementwise):
    """Activation function ``act_type`` of every element: relu, sigmoid, tanh, softrelu ``log(1 + exp(x))``,
    softsign ``x / (1 + |x|)``. data: any shape; output: the same. (MXNet: Activation)"""

    name = "Activation"
    act_type = Enum(("relu", "sigmoid", "softrelu", "softsign", "tanh"), REQUIRED, "which function")

    def the_row(self) -> Row:
        return ROWS[self.act_type]


class Clip(Elementwise):
    """Values limited to [a_min, a_max]; NaN stays. The gradient is 1 inside and at the bounds, 0 outside.
    data: any shape; output: the same. (MXNet: clip)"""

    name = "clip"
    row = ROWS["clip"]
    scalars = ("a_min", "a_max")
    a_min = Float(REQUIRED, "lower bound")
    a_max = Float(REQUIRED, "upper bound")


class HardSigmoid(Elementwise):
    """``clip(alpha * x + beta, 0, 1)``. data: any shape; output: the same. (MXNet: hard_sigmoid)"""

    name = "hard_sigmoid"
    row = ROWS["hard_sigmoid"]
    scalars = ("alpha", "beta")
    alpha = Float(0.2, "slope")
    beta = Float(0.5, "value at 0")


class SmoothL1(Elementwise):
    """``(s x)^2 / 2`` where ``|x| < 1 / s^2``, else ``|x| - 0.5 / s^2``, with s = scalar.
    data: any shape; output: the same. (MXNet: smooth_l1)"""

    name = "smooth_l1"
    row = ROWS["smooth_l1"]
    scalars = ("scalar",)
    scalar = Float(1.0, "where the parabola meets the line", dynamic=True)


class LeakyReLU(Elementwise):
    """Leaky rectifiers ``act_type``: leaky ``x > 0 ? x : slope * x``; prelu, the same with a learned slope
    ``gamma`` per channel (axis 1); elu ``x > 0 ? x : slope * (exp(x) - 1)``; selu; gelu ``x * (1 + erf(x /
    sqrt(2))) / 2``; rrelu, leaky with a slope that is drawn for each element in training, uniformly between
    the bounds, and is their mean in inference; its second output, ``mask``, is what elements were multiplied
    by.

    data: any shape; gamma: (channels,), (1,) or the shape of data; output: the shape of data. (MXNet:
    LeakyReLU)"""

    name = "LeakyReLU"
    has_own_output_names = True
    dtypes = FLOATS
    act_type = Enum(("elu", "gelu", "leaky", "prelu", "rrelu", "selu"), "leaky", "which function")
    slope = Float(0.25, "slope below 0 (leaky, elu)")
    lower_bound = Float(0.125, "lower bound of the random slope (rrelu)")
    upper_bound = Float(0.334, "upper bound of the random slope (rrelu)")

    def check(self) -> None:
        if self.act_type == "rrelu":
            self.is_random = True  # type: ignore[misc]

    def the_row(self) -> Row:
        return ROWS["leaky" if self.act_type == "rrelu" else self.act_type]

    def input_names(self) -> tuple[str, ...]:
        return ("data", "gamma") if self.act_type == "prelu" else ("data",)

    def output_names(self) -> tuple[str, ...]:
        return ("output", "mask") if self.act_type == "rrelu" else ("output",)

    def variable_attrs(self, input_name: str) -> dict[str, str]:
        return {"__init__": '["Constant", {"value": 0.25}]'} if input_name == "gamma" else {}

    def numbers(self, c: LowerContext) -> list[Number]:
        if self.act_type == "rrelu":
            return [(self.lower_bound + self.upper_bound) / 2]
        return [self.slope]

    def infer_shape(self, s: ShapeRule) -> None:
        data = s.meet_out(0, s.ins[0])
        s.meet_in(0, data)
        if self.act_type == "rrelu":
            s.meet_out(1, data)
        if self.act_type != "prelu" or data is None:
            return
        channels = data[1:2] or data[:1]
        gamma = s.ins[1]
        if gamma is None:
            s.meet_in(1, channels)
        elif is_known(gamma) and is_known(data) and gamma not in ((1,), channels, data):
            raise MXNetError(
                f"LeakyReLU: gamma has shape {show(gamma)}, expected {show(channels)}, [1] or {show(data)}"
            )

    def operand(self, c: LowerContext, name: str, shape: tuple[int, ...]) -> Tensor:
        t = c.input(name, "any")
        if name != "gamma" or t.shape == shape:
            return t
        steps = [0] * len(shape)
        if t.shape != (1,):
            steps[min(1, len(shape) - 1)] = t.strides[0]
        return t.view(shape, 0, tuple(steps))

    def lower(self, c: LowerContext) -> None:
        if self.act_type == "rrelu" and c.is_train:
            self.lower_random(c)
            return
        super().lower(c)
        if self.act_type == "rrelu" and c.wants("mask"):  # what each element was multiplied by
            x, ones = c.input("data", "any"), c.temp(c.shape("data"), c.output("mask").dtype)
            emit(c, group_of((ROWS["ones_like"].forward,))[0], [ones], [])
            group, _ = group_of((ROWS["leaky"].gradients[0],))
            emit(c, group, [c.output("mask", "any")], [x, ones], self.numbers(c))

    def lower_random(self, c: LowerContext) -> None:
        """mask = x > 0 ? 1 : drawn slope; output = x * mask."""
        from .random import generators

        x, state = c.input("data", "any"), c.random_state()
        mask = c.output("mask", "any") if c.wants("mask") else c.temp(x.shape, x.dtype)
        slopes = c.temp(x.shape, STAND_IN.get(x.dtype, x.dtype))
        n, step = generators(x.size)
        bounds = [self.lower_bound, self.upper_bound - self.lower_bound]
        ints = [x.size, step]
        c.call("random_uniform", [slopes, state], [state], ints, bounds, items=n, cost=step, mutates=True)
        group, floats = compile_tree(expr.parse("SEL(x > K(0), K(1), a)", "xa"), "xa")
        emit(c, group, [mask], [x, slopes], floats)
        emit(c, group_of((ROWS["elemwise_mul"].forward,))[0], [c.output("output", "any")], [x, mask])

    def gradient(self, g: GradContext) -> list[Any]:
        if self.act_type == "rrelu":
            return [g.make("elemwise_mul", g.ograd(), g.outs[1])]
        return super().gradient(g)

    def lower_gradients(self, c: LowerContext, node: ElementwiseBackward) -> None:
        if self.act_type != "prelu":
            return super().lower_gradients(c, node)
        sources = node.tensor_names
        shape = c.shape("ograd")
        for wanted, form in zip(node.wanted, node.forms, strict=True):
            group, reads = group_of((form,))
            ins = [self.operand(c, sources[v], shape) for v in reads]
            if wanted == "data" or c.shape(wanted) == shape:
                emit(c, group, [c.output(wanted, "any")], ins)
            else:
                from .reduce import emit_sum

                out = c.output(wanted)
                full = c.temp(shape, out.dtype)
                emit(c, group, [full], ins)
                channel = min(1, len(shape) - 1) if out.shape != (1,) else -1
                emit_sum(c, out, full, tuple(i for i in range(len(shape)) if i != channel))
        return None


class AddN(OpDef):
    """Sum of any number of tensors of one shape, added from left to right. (MXNet: add_n)"""

    half = True

    name = "add_n"
    aliases = ("ElementWiseSum",)
    variadic = "num_args"
    is_elementwise = True
    num_args = Int(REQUIRED, "number of inputs", min=1)

    def gradient(self, g: GradContext) -> list[Any]:
        return [g.ograd() if want else None for want in g.wants]

    def lower(self, c: LowerContext) -> None:
        ins = c.inputs("any")
        if len(ins) == 1:
            c.alias("output", ins[0])
            return
        out = c.output("output", "any")
        most = MAX_POINTERS - 1
        while len(ins) > most:
            part = c.temp(out.shape, out.dtype)
            emit(c, sum_group(most), [part], ins[:most])
            ins = [part, *ins[most:]]
        emit(c, sum_group(len(ins)), [out], ins)


# --- one class for every other row --------------------------------------------------------------------------
def _doc(names: Sequence[str], row: Row, shapes: str) -> str:
    """Documentation of a generated operator, made of its expressions."""
    arguments = {"unary": "data", "binary": "lhs, rhs", "scalar": "data, scalar"}[row.kind]
    words = dict(zip("ab" if row.kind == "binary" else "xs", arguments.split(", "), strict=False))
    words |= {"y": "output", "g": "ograd"}

    def show_form(form: Form) -> str:
        return expr.readable(expr.substitute(form.text, words))

    lines = [f"Elementwise ``output = {show_form(row.forward)}``. {row.doc}".rstrip(), "", shapes, ""]
    for name, form in zip(arguments.split(", "), row.gradients, strict=False):
        is_zero = form.text == "K(0)"
        lines.append(f"Gradient of {name}: " + ("none." if is_zero else f"``{show_form(form)}``."))
    return "\n".join([*lines, "", f"(MXNet: {names[0]})"])


def _define() -> None:
    """Register the operators of all rows; a class costs microseconds, so this happens at import."""
    bases: Final = {"unary": Elementwise, "binary": BinaryOp, "scalar": ScalarOp}
    same = {
        "unary": "data: any shape; output: the same.",
        "binary": "lhs, rhs and output have one shape; see the broadcast_ operators for others.",
        "scalar": "data: any shape; output: the same.",
    }
    stretched = "lhs, rhs: shapes that broadcast together as NumPy's do; output: the common shape."
    for row in ROWS.values():
        if not row.is_part:
            names = (row.name, *row.aliases)
            _make(bases[row.kind], names, row, _doc(names, row, same[row.kind]))
        if row.broadcast:
            _make(BroadcastOp, row.broadcast, row, _doc(row.broadcast, row, stretched))


def _make(base: type[Elementwise], names: Sequence[str], row: Row, doc: str) -> None:
    body = {"name": names[0], "aliases": tuple(names[1:]), "row": row, "__doc__": doc, "__module__": __name__}
    type(names[0], (base,), body)


_define()
