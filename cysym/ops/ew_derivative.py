"""Derivatives of elementwise gradients, of any order: one node an input, holding one expression.

The gradient node of an elementwise operator is a few expressions, linear in its head gradient. Its own
gradient by input v is the sum of h_k * d expression_k / d v over its outputs k, again an expression, whose
node can be differentiated in turn. Nothing here knows a kernel: `lower` hands compiled expressions to
`elementwise.emit`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from ..base import MXNetError
from . import expr
from .elementwise import BroadcastOp, Elementwise, ElementwiseBackward, LeakyReLU, lower_summed, spread
from .elementwise import emit as emit_group
from .ew_group import MAX_INSTRS, MAX_POINTERS, compile_tree, function_rule
from .schema import OpDef

if TYPE_CHECKING:
    from ..passes.gradient import Entry, GradContext
    from ..passes.ir import Tensor
    from ..passes.lower import LowerContext
    from .rules import ShapeRule, TypeRule

HEADS: Final = "PQRTUVWZBCDFGHJM"  # variables of head gradients; K is the constant
ZERO: Final[expr.Tree] = ("K", 0)
# Variables of parts of a long expression: no letter of a function, no variable of a row.
PARTS: Final = "αβγδεζηθικλμνξοπρστυφχψω"


class Derivative(OpDef):
    """One expression of tensors that broadcast together, summed to the shape of what it is the gradient of.

    `letters` are the expression's variables, one for each input; s and t are the scalars of `forward`, the
    operator at the bottom of it all.
    """

    half = True

    forward: Elementwise
    tree: expr.Tree
    letters: str

    @classmethod
    def of(cls, forward: Elementwise, tree: expr.Tree, letters: str) -> Derivative:
        """The node's operator."""
        self = cls.__new__(cls)
        self.forward, self.tree, self.letters, self.values = forward, tree, letters, forward.values
        self.key = (cls, forward.key, tree, letters)
        return self

    def input_names(self) -> tuple[str, ...]:
        return tuple(self.letters)

    def infer_shape(self, s: ShapeRule) -> None:
        """Nothing to do: the output is like the entry it is the gradient of."""

    def infer_type(self, t: TypeRule) -> None:
        """Nothing to do, as for shapes."""

    def gradient(self, g: GradContext) -> list[Any]:
        return differentiate(g, self.forward, [self.tree], self.letters)

    def lower(self, c: LowerContext) -> None:
        tensors = {v: c.input(v, "any") for v in self.letters}
        out = c.output("output", "any")
        shape = _common([t.shape for t in (*tensors.values(), out)])
        scalars = dict(zip("st", self.forward.numbers(c), strict=False))
        wide = {v: spread(t, shape) for v, t in tensors.items()}
        tree, used = _fit(c, self.tree, wide, shape, scalars, out.dtype)
        group, floats = compile_tree(tree, "".join(used), scalars)
        if out.shape == shape:
            emit_group(c, group, [out], list(used.values()), floats)
        elif not used:  # a constant
            full = c.temp(shape, out.dtype)
            emit_group(c, group, [full], [], floats)
            lower_summed(c, "output", group, [full], shape, [], True)
        else:
            lower_summed(c, "output", group, list(used.values()), shape, floats)

    def __repr__(self) -> str:
        return f"derivative of {self.forward!r}"


def of_backward(g: GradContext) -> list[Any]:
    """Gradients of an `ElementwiseBackward` node."""
    op = g.op
    assert isinstance(op, ElementwiseBackward)
    forward = op.forward
    is_plain = type(forward).lower_gradients in (Elementwise.lower_gradients, BroadcastOp.lower_gradients)
    if not is_plain and not (isinstance(forward, LeakyReLU) and forward.act_type != "prelu"):
        raise MXNetError(f"Operator {forward!r} is not twice differentiable")
    letter = {name: v for v, name in op.tensor_names.items()}
    trees = [expr.parse(form.text) for form in op.forms]
    return differentiate(g, forward, trees, "".join(letter[n] for n in op.input_names()))


def differentiate(
    g: GradContext, forward: Elementwise, trees: Sequence[expr.Tree], letters: str
) -> list[Entry | None]:
    """One `Derivative` node for each wanted input of a node whose output k is ``trees[k]`` of `letters`."""
    from .._core import Node

    free = [v for v in HEADS if v not in letters]
    if len(free) < len(trees):
        raise MXNetError(f"derivatives of {forward!r} of so high an order are not supported")
    entries: dict[str, Entry] = dict(zip(letters, g.ins, strict=True))
    heads = [(v, h) for v, h in zip(free, g.ograds, strict=False)]
    entries.update((v, h) for v, h in heads if h is not None)
    found: list[Entry | None] = []
    for letter, want, source in zip(letters, g.wants, g.ins, strict=True):
        total = ZERO
        for (v, h), tree in zip(heads, trees, strict=True):
            part = ZERO if h is None or not want else _derivative(forward, tree, letter)
            if part != ZERO:
                part = (v,) if part == ("K", 1) else ("*", (v,), part)
                total = part if total == ZERO else ("+", total, part)
        if total == ZERO:
            found.append(None)
            continue
        used = "".join(v for v in entries if _mentions(total, v))
        op = Derivative.of(forward, total, used)
        node = Node(op, f"{g.node.name}_backward", [entries[v] for v in used])
        node.like, node.origin = (source,), g.node
        found.append((node, 0))
    return found


def _derivative(forward: Elementwise, tree: expr.Tree, letter: str) -> expr.Tree:
    try:
        return expr.derivative(tree, letter, function_rule)
    except MXNetError as error:
        raise MXNetError(f"Operator {forward!r} is not as often differentiable: {error}") from None


def _fit(
    c: LowerContext, tree: expr.Tree, tensors: Mapping[str, Tensor], shape: tuple[int, ...],
    scalars: Mapping[str, Any], dtype: int,
) -> tuple[expr.Tree, dict[str, Tensor]]:  # fmt: skip
    """The expression cut down to what one group holds: its arguments go to temporaries where it is longer.

    Returns the expression and the tensors it reads, by variable.
    """
    used = {v: t for v, t in tensors.items() if _mentions(tree, v)}
    group, _ = compile_tree(tree, "".join(used), scalars)
    if len(group.instrs) <= MAX_INSTRS and len(used) < MAX_POINTERS:
        return tree, used
    args: list[expr.Tree] = []
    given: dict[str, Tensor] = {}
    for i, arg in enumerate(tree[1:]):
        if arg[0] == "K" or len(arg) == 1:
            args.append(arg)
            given.update({arg[0]: tensors[arg[0]]} if arg[0] in tensors else {})
            continue
        part, reads = _fit(c, arg, tensors, shape, scalars, dtype)
        small, floats = compile_tree(part, "".join(reads), scalars)
        made = c.temp(shape, dtype)
        emit_group(c, small, [made], list(reads.values()), floats)
        args.append((PARTS[i],))
        given[PARTS[i]] = made
    return (tree[0], *args), given


def _common(shapes: Sequence[tuple[int, ...]]) -> tuple[int, ...]:
    """The shape all of these broadcast to."""
    ndim = max(len(s) for s in shapes)
    padded = [(1,) * (ndim - len(s)) + s for s in shapes]
    return tuple(next((d for d in dims if d != 1), 1) for dims in zip(*padded, strict=True))


def _mentions(tree: expr.Tree, variable: str) -> bool:
    return tree == (variable,) or any(_mentions(t, variable) for t in tree[1:] if isinstance(t, tuple))
