"""gradient: adds to a graph the nodes that compute gradients of its heads. Graph -> Graph, no shapes needed.

Walks nodes in reverse topological order; each operator's `gradient` turns the gradients of its outputs into
those of its inputs. Sums of several gradients become one `add_n` node. Nothing here knows a kernel or a
grad_req."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from .._core import Node
from ..base import MXNetError
from ..ops.schema import Backward, OpDef, find_op

Entry = tuple[Node, int]


class GradContext:
    """What an operator's `gradient` may use: forward entries, head gradients, node making.

    Attributes
    ----------
    ins, outs
        Entries of the forward node's inputs (auxiliary states included) and outputs.
    wants
        For each input, whether anybody asked for its gradient.
    """

    def __init__(self, node: Node, ograds: list[Entry | None], wants: list[bool]) -> None:
        self.node, self.ograds, self.wants = node, ograds, wants
        self.op: OpDef = node.op
        self.ins: list[Entry] = list(node.inputs)
        self.outs: list[Entry] = [(node, i) for i in range(len(self.op.output_names()))]

    def ograd(self, i: int = 0) -> Entry:
        """Gradient of output `i`; zeros when nothing flows back into it."""
        g = self.ograds[i]
        return zeros_of(self.outs[i]) if g is None else g

    def make(self, name: str, *inputs: Entry, like: Entry | None = None, **params: Any) -> Entry:
        """A node of operator `name`; `like` names an entry its (first) output has the shape and type of."""
        op = find_op(name).make(params)
        node = Node(op, f"{self.node.name}_backward", inputs)
        node.origin = self.node
        if like is not None:
            node.like = (like,)
        return (node, 0)

    def joint(self, op: OpDef, inputs: Iterable[Entry], like: Iterable[Entry]) -> Node:
        """A node of `op` with an output for each entry of `like`, whose shape and type it has."""
        node = Node(op, f"{self.node.name}_backward", tuple(inputs))
        node.like, node.origin = tuple(like), self.node
        return node

    def backward(self, cls: type[Backward]) -> list[Entry | None]:
        """One `cls` node computing every wanted gradient it can."""
        names = self.op.all_inputs()
        allowed = self.op.input_names() if cls.differentiable is None else cls.differentiable
        wanted = tuple(n for n, w in zip(names, self.wants, strict=True) if w and n in allowed)
        if not wanted:
            return [None] * len(names)
        op = cls.of(self.op, wanted)
        sources: dict[str, Entry] = dict(zip(self.op.output_names(), self.outs, strict=True))
        sources.update(zip(names, self.ins, strict=True))
        inputs = []
        for need in op.read_names():
            if need in sources:  # asked first: a gradient node has an input called ograd itself
                inputs.append(sources[need])
            else:
                inputs.append(self.ograd(int(need.removeprefix("ograd") or 0)))
        node = self.joint(op, inputs, [sources[n] for n in wanted])
        at = {n: i for i, n in enumerate(wanted)}
        return [(node, at[n]) if n in at else None for n in names]

    # --- gradients of gradient nodes ------------------------------------------------------------------------
    def linear(self) -> list[Entry | None]:
        """For a `Backward` that is a linear map of ``ograd`` and reads nothing else: its transpose, which is
        the forward operator itself."""
        op = self._backward()
        if len(self.ins) != 1 or len(op.wanted) != 1:
            raise MXNetError(f"{op!r} reads {op.input_names()} and makes {op.wanted}: no linear map of ograd")
        return [self.apply(op.forward, self.ograd(), like=self.ins[0])]

    def bilinear(self, first: str, second: str, bias: str = "") -> list[Entry | None]:
        """For the `Backward` of a product of inputs `first` and `second`, plus an optional `bias` for each of
        the last but spatial axes: everything is made of the operator and its own gradient nodes.

        With G the head gradient, dA = bwd(G, B) and dB = bwd(G, A); of heads P, Q, R at dA, dB and dbias come
        ``dG = f(P, B) + f(A, Q) + R``, ``dB = bwd(G, P)``, ``dA = bwd(G, Q)``.
        """
        op = self._backward()
        names = op.input_names()
        source = dict(zip(names, self.ins, strict=True))
        want = dict(zip(names, self.wants, strict=True))
        heads = dict(zip(op.wanted, self.ograds, strict=True))
        plain = changed(op.forward, no_bias=True) if "no_bias" in op.forward.params else op.forward
        p, q = heads.get(first), heads.get(second)
        found: dict[str, Entry | None] = {}
        g = source["ograd"]
        if want["ograd"]:
            parts = []
            if p is not None:
                parts.append(self.apply(plain, p, source[second], like=g))
            if q is not None:
                parts.append(self.apply(plain, source[first], q, like=g))
            r = heads.get(bias)
            if r is not None:
                base = _total(parts) or zeros_of(g)
                kernel = op.forward.values.get("kernel")
                if kernel:  # channels are followed by as many axes as the kernel has
                    r = self.make("Reshape", r, shape=(1, -1, *(1 for _ in kernel)))
                parts = [self.make("broadcast_add", base, r, like=g)]
            found["ograd"] = _total(parts)
        for name, other, head in ((second, first, p), (first, second, q)):
            if head is None or not want.get(name):
                continue
            made = type(op).of(plain, (name,))
            given = {"ograd": g, other: head}
            node = Node(made, f"{self.node.name}_backward", tuple(given[n] for n in made.input_names()))
            node.like, node.origin = (source[name],), self.node
            found[name] = (node, 0)
        return [found.get(n) for n in names]

    def apply(self, op: OpDef, *inputs: Entry, like: Entry) -> Entry:
        """A node of an operator at hand."""
        node = Node(op, f"{self.node.name}_backward", inputs)
        node.like, node.origin = (like,), self.node
        return (node, 0)

    def _backward(self) -> Backward:
        assert isinstance(self.op, Backward)
        return self.op


def changed(op: OpDef, **values: Any) -> OpDef:
    """The operator with some parameters changed."""
    if all(op.values[n] == v for n, v in values.items()):
        return op
    return type(op).make({**op.values, **values})


def zeros_of(entry: Entry) -> Entry:
    """A node of zeros with the shape and type of `entry`."""
    node = Node(find_op("_zeros").make({}), f"{entry[0].name}_zeros", ())
    node.like = (entry,)
    node.origin = entry[0].origin or entry[0]
    return (node, 0)


def gradient(
    order: Sequence[Node],
    heads: Sequence[Entry],
    head_grads: Sequence[Entry | None],
    wrt: Sequence[Node],
) -> list[Entry | None]:
    """Entries holding d(heads . head_grads)/d(variable) for each variable of `wrt` (None: not reached).

    `order` is a topological order of the graph of `heads`. A head whose `head_grads` entry is None is a loss
    layer. A loss layer makes its own gradient wherever it stands, as in MXNet: also where nothing flows back
    to it, below ``BlockGrad`` or ``argmax``."""
    needed: set[Node] = set(wrt)
    for node in order:
        if any(src in needed for src, _ in node.inputs):
            needed.add(node)
    sums: dict[Entry, list[Entry]] = {}
    for head, g in zip(heads, head_grads, strict=True):
        if g is not None:
            sums.setdefault(head, []).append(g)
    for node in reversed(order):
        op: OpDef | None = node.op
        if op is None or node not in needed:
            continue
        ograds = [_total(sums.get((node, i), [])) for i in range(len(op.output_names()))]
        if not op.is_loss and all(g is None for g in ograds):
            continue
        context = GradContext(node, ograds, [src in needed for src, _ in node.inputs])
        grads = op.gradient(context)
        if len(grads) != len(node.inputs):
            raise MXNetError(f"{op!r}.gradient gave {len(grads)} entries for {len(node.inputs)} inputs")
        for entry, g in zip(node.inputs, grads, strict=True):
            if g is not None and entry[0] in needed:
                sums.setdefault(entry, []).append(g)
    return [_total(sums.get((v, 0), [])) for v in wrt]


def _total(parts: list[Entry]) -> Entry | None:
    """Sum of gradients as one node; collapses the list so that it is made once."""
    if len(parts) > 1:
        op = find_op("add_n").make({"num_args": len(parts)})
        node = Node(op, f"{parts[0][0].name}_sum", tuple(parts))
        node.origin = parts[0][0].origin or parts[0][0]
        parts[:] = [(node, 0)]
    return parts[0] if parts else None
