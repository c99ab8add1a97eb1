"""pipeline: a graph with shapes and devices becomes a planned call list.

place -> lower -> fuse -> drop dead calls -> finalize -> plan. Each step is one function; this file only
strings them together and keeps the book of which entry lies in which tensor. It allocates nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .._core import Graph, Node
from ..base import MXNetError
from ..dtypes import SIZES
from ..ops.schema import OpDef, find_op
from . import fuse as fuse_pass
from .ir import Buffer, Call, Tensor, num_elements
from .layout import choose_blocked
from .lower import LowerContext, widened
from .plan import Plan, drop_dead, plan

Entry = tuple[Node, int]
Observer = Callable[[Node, dict[str, Tensor], dict[str, Tensor]], "list[Call]"]


@dataclass(slots=True)
class Options:
    """What may vary between programs of one graph."""

    is_train: bool = False
    fuse: bool = True
    share: bool = True
    canaries: bool = False
    capacity: int | None = None
    blocked: bool = False
    epilogue: bool = True
    recompute: bool = True
    reorder: bool = True
    reorder_above: int = 8 << 20


@dataclass(slots=True)
class Wishes:
    """Where entries come from and have to end up: external tensors by role.

    ``given``: entries that lie in bound memory (variables, head gradients). ``write``: (entry, tensor) to be
    computed into that memory. ``add``: (entry, tensor) to be added to what is there. ``zero``: tensors to be
    filled with zeros. ``late``: as ``write``, but only when all else is computed, for memory that overlaps
    other bound memory; ``alone``: targets of ``add`` that overlap so, whose additions must not be joined with
    anything.
    """

    given: dict[Entry, Tensor]
    write: list[tuple[Entry, Tensor]] = field(default_factory=list)
    add: list[tuple[Entry, Tensor]] = field(default_factory=list)
    zero: list[Tensor] = field(default_factory=list)
    late: list[tuple[Entry, Tensor]] = field(default_factory=list)
    alone: list[Tensor] = field(default_factory=list)


class Lowering:
    """State of lowering one graph: tensors of entries, emitted calls."""

    def __init__(
        self,
        graph: Graph,
        shapes: Sequence[Any],
        types: Sequence[Any],
        device_of: Callable[[Node], Any],
        options: Options,
        shared: dict[Node, dict[Any, Any]],
    ) -> None:
        self.graph, self.shapes, self.types, self.device_of, self.options = (
            graph,
            shapes,
            types,
            device_of,
            options,
        )
        self.calls: list[Call] = []
        self.tensors: list[Tensor | None] = [None] * graph.row[-1]
        self.placed: set[int] = set()  # ids of tensors that must stay where they are
        self.copies: dict[tuple[int, Any], Tensor] = {}
        self.random: dict[Any, Tensor] = {}
        self.readers: list[int] = [0] * graph.row[-1]
        self.stats: dict[Node, Tensor] = {}
        self.changing: frozenset[Buffer] = frozenset()  # bound memory some node writes: no view may show it
        for ins in graph.inputs:
            for e in ins:
                self.readers[e] += 1
        for e in graph.heads:
            self.readers[e] += 1
        self.current: Node | None = None
        self.shared = shared  # by forward node

    # --- services of LowerContext ---------------------------------------------------------------------------
    def emit(self, call: Call) -> None:
        self.calls.append(call)

    def new_buffer(self, kind: Any, nbytes: int, device: Any) -> Buffer:
        name = self.current.name if self.current is not None else ""
        return Buffer(kind, nbytes, device, name=name)

    def is_placed(self, t: Tensor) -> bool:
        return id(t) in self.placed

    def random_state(self, device: Any) -> Tensor:
        if device not in self.random:
            buffer = Buffer("constant", 1024 * 625 * 4, device, name="random")
            self.random[device] = Tensor(buffer, (1024, 625), 4)
        return self.random[device]

    # --- placement ------------------------------------------------------------------------------------------
    def place(self, wishes: Wishes) -> None:
        """Give every entry its tensor: bound memory first, then inside the outputs of concatenations, then
        the arena."""
        graph = self.graph
        for entry, tensor in wishes.given.items():
            if entry[0] in graph.ids:
                e = graph.entry(entry)
                self.tensors[e] = tensor
                self.placed.add(id(tensor))
        self.changing = self._changing()
        for entry, tensor in wishes.write:
            e = graph.entry(entry)
            node = entry[0]
            if node.op is None or node.op.is_callback or self.device_of(node) is not tensor.buffer.device:
                continue
            if self.tensors[e] is None:
                self.tensors[e] = Tensor(tensor.buffer, tensor.shape, tensor.dtype, tensor.offset)
                self.placed.add(id(self.tensors[e]))
        for i in range(len(graph.nodes) - 1, -1, -1):
            node = graph.nodes[i]
            if node.op is None:
                continue
            for k in range(graph.row[i + 1] - graph.row[i]):
                e = graph.row[i] + k
                if self.tensors[e] is None:
                    self.tensors[e] = self.arena_tensor(node, k, e)
            if hasattr(node.op, "placement"):
                self._place_inputs(node, i)

    def _changing(self) -> frozenset[Buffer]:
        """Buffers of the variables that operators of this graph write to, in whichever phase."""
        found = set()
        for node, entries in zip(self.graph.nodes, self.graph.inputs):
            if node.op is None or not node.op.mutates:
                continue
            written = {name for names in node.op.mutates.values() for name in names}
            for name, e in zip(node.op.all_inputs(), entries):
                tensor = self.tensors[e]
                if name in written and tensor is not None:
                    found.add(tensor.buffer)
        return frozenset(found)

    def arena_tensor(self, node: Node, k: int, e: int) -> Tensor:
        shape, dtype = self.shapes[e], self.types[e]
        names = node.op.output_names()
        label = node.name if len(names) == 1 else f"{node.name}.{names[k]}"
        tensor = Tensor(Buffer("arena", 0, self.device_of(node), name=label), shape, dtype)
        tensor.buffer.nbytes = num_elements(shape) * SIZES[dtype]
        tensor.buffer.pinned = (node.op.is_random or node.op.is_callback) and self.options.is_train
        return tensor

    def _place_inputs(self, node: Node, i: int) -> None:
        """Let a concatenation's inputs be computed where they are wanted."""
        out = self.tensors[self.graph.row[i]]
        assert out is not None
        names = node.op.input_names()
        shapes = [self.shapes[e] for e in self.graph.inputs[i]]
        for name, offset, strides in node.op.placement(out, shapes):
            src, k = node.inputs[names.index(name)]
            e = self.graph.entry((src, k))
            if (
                src.op is None
                or self.tensors[e] is not None
                or src.op.is_random
                or src.op.is_callback
                or self.device_of(src) is not out.buffer.device
            ):
                continue
            self.tensors[e] = Tensor(out.buffer, self.shapes[e], self.types[e], out.offset + offset, strides)
            self.placed.add(id(self.tensors[e]))

    # --- lowering -------------------------------------------------------------------------------------------
    def tensor(self, e: int) -> Tensor:
        t = self.tensors[e]
        if t is None:
            raise MXNetError(f"internal error: entry {e} has no memory")
        return t

    def on_device(self, e: int, device: Any) -> Tensor:
        """The entry's tensor on `device`, carried over once if it lies elsewhere."""
        t = self.tensor(e)
        if t.buffer.device is device:
            return t
        if (e, device) not in self.copies:
            if not t.is_dense():
                t = self._dense(t)
            buffer = Buffer("arena", t.nbytes, device, name=f"copy of {t.buffer.name}")
            copy = Tensor(buffer, t.shape, t.dtype)
            self.emit(Call("device_copy", "any", [copy], [t], [], [], 1, 1e4, None, names=("device_copy",)))
            self.copies[e, device] = copy
        return self.copies[e, device]

    def _readable(self, t: Tensor) -> Tensor:
        return t if t.is_dense() and not t.layout else self._dense(t)

    def _dense(self, t: Tensor) -> Tensor:
        context = self.context(find_op("_copy").make({}), "copy", -1, {}, {}, t.buffer.device)
        if t.layout:
            return context.plain(t)
        out = context.temp(t.shape, t.dtype)
        context.copy(out, t)
        return out

    def context(
        self, op: OpDef, name: str, i: int, ins: dict[str, Tensor], outs: dict[str, Tensor], device: Any,
        read: frozenset[str] | None = None,
    ) -> LowerContext:  # fmt: skip
        context = LowerContext(
            op, name, i, ins, outs, device, self.options.is_train, self.calls.append, self.new_buffer,
            self.random_state, self.is_placed, read,
        )  # fmt: skip
        context.changing = self.changing
        if self.current is not None:
            context.shared = self.shared.setdefault(self.current.origin or self.current, {})
        return context

    def lower(self, i: int, observe: Observer | None = None) -> None:
        """Emit the calls of node `i`."""
        node = self.graph.nodes[i]
        op: OpDef = node.op
        self.current = node
        device = self.device_of(node)
        entries = self.graph.inputs[i]
        ins = {n: self.on_device(e, device) for n, e in zip(op.all_inputs(), entries, strict=True)}
        out_names = op.output_names()
        first = self.graph.row[i]
        outs = {n: self.tensor(first + k) for k, n in enumerate(out_names)}
        readers = self.readers[first : first + len(out_names)]
        read = None
        if observe is None and not all(readers):
            read = frozenset([n for n, count in zip(out_names, readers) if count])
        context = self.context(op, node.name, i, ins, outs, device, read)
        try:
            if node in self.stats and hasattr(op, "lower_with_stats"):
                op.lower_with_stats(context, self.stats[node])
            elif node in self.stats:
                op.lower_from_stats(context, self.stats[node])  # type: ignore[attr-defined]
            else:
                op.lower(context)
        except MXNetError as error:
            raise type(error)(f"node {node.name} ({op!r}) on {device!r}: {error}") from error
        context.finish()
        if observe is not None:
            ready = [{n: self._readable(t) for n, t in side.items()} for side in (ins, outs)]
            for call in observe(node, *ready):
                self.emit(call)
        self.current = None

    def pair_statistics(self) -> None:
        """Let a convolution's epilogue hand the statistics of its output to the BatchNorm behind it."""
        for i, node in enumerate(self.graph.nodes):
            if node.op is None or not hasattr(node.op, "lower_from_stats"):
                continue
            if not self.options.is_train or not node.op.wants_stats():
                continue
            src, k = node.inputs[0]
            if src.op is None or k != 0 or not hasattr(src.op, "lower_with_stats") or src in self.stats:
                continue
            e = self.graph.inputs[i][0]
            shape = self.shapes[e]
            if len(shape) < 3 or self.device_of(src) is not self.device_of(node):
                continue
            stats_shape = (shape[0], shape[1], 2)
            buffer = Buffer("arena", 0, self.device_of(node), name=f"{src.name}.stats")
            stats = Tensor(buffer, stats_shape, widened(self.types[e]))
            buffer.nbytes = stats.nbytes
            self.stats[src] = stats
            self.stats[node] = stats


def compile_calls(
    graph: Graph,
    shapes: Sequence[Any],
    types: Sequence[Any],
    order: Sequence[int],
    forward_count: int,
    wishes: Wishes,
    device_of: Callable[[Node], Any],
    options: Options,
    observe: Observer | None = None,
    shared: dict[Node, dict[Any, Any]] | None = None,
) -> tuple[list[Call], int, Plan]:
    """Calls of the nodes in `order`, where the backward part begins, and the plan.

    The first `forward_count` nodes of `order` are the forward part; `shared` is what nodes keep from one
    compilation to the next.
    """
    state = Lowering(graph, shapes, types, device_of, options, {} if shared is None else shared)
    state.place(wishes)
    if options.blocked:
        choose_blocked(graph, state)
    if options.epilogue and observe is None:
        state.pair_statistics()
    for i in order[:forward_count]:
        if graph.nodes[i].op is not None:
            state.lower(i, observe)
    heads = {graph.nodes[i] for i in order[:forward_count]}
    _settle(state, wishes, lambda entry: entry[0] in heads)
    cut_call = len(state.calls)
    for i in order[forward_count:]:
        if graph.nodes[i].op is not None:
            state.lower(i, observe)
    _settle(state, wishes, lambda entry: entry[0] not in heads)
    for tensor in wishes.zero:
        state.context(find_op("_copy").make({}), "zero", -1, {}, {}, tensor.buffer.device).zero(tensor)
    forward, backward = state.calls[:cut_call], state.calls[cut_call:]
    if options.fuse and observe is None:
        saved = {t.buffer for c in backward for t in c.ins}
        forward = fuse_pass.fuse(forward, lambda b: b.kind != "arena" or b in saved or b.pinned)
        backward = fuse_pass.fuse(backward, lambda b: b.kind != "arena" or b.pinned)
    marker = Call("cut", "any", [], [], [], [], 0, 0.0, None, mutates=True)
    kept = drop_dead([*forward, marker, *backward])
    cut = next(i for i, c in enumerate(kept) if c is marker)
    calls = kept[:cut] + kept[cut + 1 :]
    fuse_pass.finalize(calls)
    result = plan(calls, options.share, options.canaries, options.capacity)
    return calls, cut, result


def _settle(state: Lowering, wishes: Wishes, mine: Callable[[Entry], bool]) -> None:
    """Bring entries to where the user wants them when they were not computed there: copies and additions."""
    identity = find_op("_copy").make({})
    for entry, target in wishes.write + wishes.late:
        if not mine(entry):
            continue
        device = target.buffer.device
        t = state.on_device(state.graph.entry(entry), device)
        if t.buffer is target.buffer and t.offset == target.offset:
            continue
        context = state.context(identity, f"{entry[0].name}_output", -1, {}, {}, device)
        if t.layout:
            t = context.plain(t)
        context.copy(target, t)
    for entry, target in wishes.add:
        if not mine(entry):
            continue
        device = target.buffer.device
        add = find_op("elemwise_add").make({})
        t = state.on_device(state.graph.entry(entry), device)
        context = state.context(
            add, f"{entry[0].name}_add", -1, {"lhs": target, "rhs": t}, {"output": target}, device
        )
        add.lower(context)
        context.finish()
        if target in wishes.alone:
            state.calls[-1].mutates = True


def backward_order(graph: Graph, forward: Mapping[Node, int], early: Mapping[Node, float]) -> list[int]:
    """Gradient nodes in the order they were made: reverse-mode order, each sum as soon as its parts are
    there.

    `early` gives recomputed nodes, made afterwards, their place just before their first reader.
    """
    rest = [(early.get(node, node.seq), i) for i, node in enumerate(graph.nodes) if node not in forward]
    return [i for _, i in sorted(rest)]


__all__ = ["Lowering", "Options", "Wishes", "compile_calls"]
