"""fuse: neighbouring elementwise calls become one call, so that what lies between them never reaches memory.

Call list -> call list, before the plan. A producer joins a consumer by moving down to the consumer's place;
it may when nothing in between touches what it writes or writes what it reads. What is read elsewhere, too,
stays an output of the joint call. `finalize` then turns each group and the strides of its tensors into the
integers the kernel reads."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..base import MXNetError
from ..ops.ew_group import MAX_INSTRS, MAX_POINTERS, EwGroup, Instr
from .ir import Buffer, Call, Dynamic, Tensor
from .lower import collapse

MAX_NDIM = 16  # of the interpreter in c_kernels/elementwise.c


class _Node:
    """A call of the list, or several joined: where it stands now and what it does."""

    __slots__ = ("at", "call", "into", "reads", "writes")

    def __init__(self, call: Call, at: int) -> None:
        self.call, self.at = call, at
        self.into: _Node | None = None
        self.reads = {t.buffer for t in (*call.ins, *call.work)}
        self.writes = {t.buffer for t in (*call.outs, *call.work)}

    def now(self) -> _Node:
        """The node this one has become part of."""
        node = self
        while node.into is not None:
            node = node.into
        return node


class _Fusion:
    """State of one pass over a call list."""

    def __init__(self, calls: Sequence[Call], is_live_outside: Callable[[Buffer], bool]) -> None:
        self.is_live_outside = is_live_outside
        self.nodes = [_Node(call, i) for i, call in enumerate(calls)]
        self.users: dict[Buffer, list[_Node]] = {}
        self.writers: dict[Buffer, list[_Node]] = {}
        self.barriers = [i for i, call in enumerate(calls) if call.callback is not None]
        for node in self.nodes:
            for buffer in node.writes:
                self.writers.setdefault(buffer, []).append(node)
            for buffer in node.reads | node.writes:
                self.users.setdefault(buffer, []).append(node)

    def run(self) -> list[Call]:
        for node in self.nodes:
            if isinstance(node.call.source, EwGroup) and not _is_special(node.call):
                self.absorb_producers(node)
        return [node.call for node in self.nodes if node.into is None]

    def absorb_producers(self, node: _Node) -> None:
        """Join the calls whose results `node` reads, theirs were joined before."""
        refused: set[_Node] = set()
        while True:
            producer = next((p for p in self.producers(node) if p not in refused), None)
            if producer is None:
                return
            joint = self.join(producer, node)
            if joint is None:
                refused.add(producer)
            else:
                producer.into = node
                node.call = joint
                node.reads = {t.buffer for t in joint.ins}
                node.writes = {t.buffer for t in joint.outs}

    def producers(self, node: _Node) -> list[_Node]:
        found = []
        for t in node.call.ins:
            for writer in self.writers.get(t.buffer, ()):
                writer = writer.now()
                is_fusable = isinstance(writer.call.source, EwGroup) and not _is_special(writer.call)
                if is_fusable and writer.at < node.at and writer not in found:
                    found.append(writer)
        return found

    def join(self, producer: _Node, node: _Node) -> Call | None:
        """The joint call at the place of `node`, or None where it would not compute the same or would not
        pay."""
        p, c = producer.call, node.call
        if p.dtype != c.dtype or p.device is not c.device or p.items != c.items:
            return None
        if not self.may_move(producer, node):
            return None
        if p.outs[0].shape != c.outs[0].shape:
            p, c = _reshape(p, c)
            if p.outs[0].shape != c.outs[0].shape:
                return None
        links = _links(p, c)
        if not links:
            return None
        keep = [self.is_needed(t, producer, node) for t in p.outs]
        is_adjacent = self.is_adjacent(producer, node)
        if not is_adjacent and (all(keep) or self.bytes_gained(producer, node, keep) < 0):
            return None
        joint = _join_calls(p, c, links, keep)
        if len(joint.source.instrs) > MAX_INSTRS or len(joint.ptrs) > MAX_POINTERS:
            return None
        return joint

    def may_move(self, producer: _Node, node: _Node) -> bool:
        """Whether the producer may run right before `node` instead: nothing between touches what it writes,
        writes what it reads, or may look at anything."""
        if any(producer.at < b < node.at for b in self.barriers):
            return False
        users = [u for b in producer.writes for u in self.users[b]]
        users += [w for b in producer.reads for w in self.writers.get(b, ())]
        return not any(producer.at < u.now().at < node.at for u in users)

    def is_needed(self, out: Tensor, producer: _Node, node: _Node) -> bool:
        """Whether anyone but the two reads this result."""
        b = out.buffer
        if b.kind != "arena" or b.pinned or self.is_live_outside(b):
            return True
        return any(u.now() not in (producer, node) for u in self.users[b])

    def is_adjacent(self, producer: _Node, node: _Node) -> bool:
        """Whether nothing runs between the two."""
        return all(n.into is not None for n in self.nodes[producer.at + 1 : node.at])

    def bytes_gained(self, producer: _Node, node: _Node, keep: Sequence[bool]) -> int:
        """Memory over the stretch from producer to node: results that vanish, less inputs that now live as
        long."""
        gained = sum(t.buffer.nbytes for t, k in zip(producer.call.outs, keep, strict=True) if not k)
        for b in producer.reads:
            if b.kind == "arena" and max(u.now().at for u in self.users[b]) < node.at:
                gained -= b.nbytes
        return gained


def fuse(calls: Sequence[Call], is_live_outside: Callable[[Buffer], bool]) -> list[Call]:
    """Join elementwise calls.

    Parameters
    ----------
    calls
        In the order they run.
    is_live_outside
        Whether a buffer's content is wanted after the list has run.
    """
    return _Fusion(calls, is_live_outside).run()


def _is_special(call: Call) -> bool:
    return call.guard is not None or call.once or call.mutates or call.callback is not None


def _same_look(a: Tensor, b: Tensor) -> bool:
    return (
        a.buffer is b.buffer
        and a.offset == b.offset
        and a.dtype == b.dtype
        and a.shape == b.shape
        and (a.strides == b.strides or (a.is_dense() and b.is_dense()))
        and a.layout == b.layout
    )


def _reshape(p: Call, c: Call) -> tuple[Call, Call]:
    """One of two calls seen in the other's shape, where all its tensors are dense."""
    for call, other in ((p, c), (c, p)):
        if all(t.shape == call.outs[0].shape and t.is_dense() and not t.layout for t in call.ptrs):
            shape = other.outs[0].shape
            seen = _copy(call, [t.view(shape) for t in call.outs], [t.view(shape) for t in call.ins])
            return (seen, c) if call is p else (p, seen)
    return p, c


def _links(p: Call, c: Call) -> dict[int, int]:
    """Input of c -> output of p it is; empty where they share memory in any other way."""
    links: dict[int, int] = {}
    written = {t.buffer: k for k, t in enumerate(p.outs)}
    for i, t in enumerate(c.ins):
        k = written.get(t.buffer)
        if k is None:
            continue
        if not _same_look(p.outs[k], t):
            return {}
        links[i] = k
    taken = {t.buffer for t in p.ptrs}
    if len(written) != len(p.outs) or any(t.buffer in taken for t in c.outs):
        return {}
    return links


def _copy(call: Call, outs: list[Tensor], ins: list[Tensor]) -> Call:
    return Call(
        call.kernel, call.dtype, outs, ins, call.ints, call.floats, call.items, call.cost, call.device,
        inplace=call.inplace, names=call.names, source=call.source,
    )  # fmt: skip


def _join_calls(p: Call, c: Call, links: dict[int, int], keep: Sequence[bool]) -> Call:
    """p, then c, as one call: values renumbered, inputs both read and equal scalars taken once."""
    gp: EwGroup = p.source
    gc: EwGroup = c.source
    ins: list[Tensor] = list(p.ins)
    of_c: dict[int, int | tuple[int]] = {}  # value of c -> input, or (value of p,)
    for i, t in enumerate(c.ins):
        if i in links:
            of_c[i] = (gp.outs[links[i]],)
            continue
        have = next((k for k, s in enumerate(ins) if _same_look(s, t)), None)
        if have is None:
            have = len(ins)
            ins.append(t)
        of_c[i] = have
    n_in, shift = len(ins), len(ins) - gp.n_in
    floats: list[float | Dynamic] = list(p.floats)
    at_floats = _find_run(floats, c.floats)
    if at_floats < 0:
        at_floats = len(floats)
        floats += c.floats

    def value_p(v: int) -> int:
        return v if v < gp.n_in else v + shift

    def value_c(v: int) -> int:
        if v >= gc.n_in:
            return n_in + len(gp.instrs) + v - gc.n_in
        source = of_c[v]
        if isinstance(source, tuple):
            return value_p(source[0])
        return source

    instrs = [Instr(i.form, tuple(map(value_p, i.srcs)), i.at) for i in gp.instrs]
    instrs += [Instr(i.form, tuple(map(value_c, i.srcs)), i.at + at_floats) for i in gc.instrs]
    outs = [t for t, k in zip(p.outs, keep, strict=True) if k] + c.outs
    values = [value_p(v) for v, k in zip(gp.outs, keep, strict=True) if k] + [value_c(v) for v in gc.outs]
    group = _intern(EwGroup(n_in, tuple(instrs), tuple(values), len(floats)))
    names = (*p.names, *(n for n in c.names if n not in p.names))
    pairs = [(i, o) for i, o in group.pairs() if ins[i].strides == outs[o].strides]
    return Call(
        "ew", c.dtype, outs, ins, [], floats, c.items, group.cost, c.device,
        inplace=pairs, names=names, source=group,
    )  # fmt: skip


def _find_run(have: Sequence[Any], want: Sequence[Any]) -> int:
    """Where `want` stands in `have`, -1 if nowhere."""
    n = len(want)
    return next((k for k in range(len(have) - n + 1) if list(have[k : k + n]) == list(want)), -1)


_groups: dict[EwGroup, EwGroup] = {}


def _intern(group: EwGroup) -> EwGroup:
    """Equal groups are one object: its code and its OpenCL source are made once."""
    if len(_groups) > 4096:
        _groups.clear()
    return _groups.setdefault(group, group)


def finalize(calls: Sequence[Call]) -> None:
    """Fill in ``ints`` of every elementwise call: sizes, strides and instructions as the kernel reads them.

    Raises
    ------
    MXNetError
        A tensor has more dimensions, after merging neighbours, than the kernel walks.
    """
    for call in calls:
        if isinstance(call.source, EwGroup):
            call.ints = _ints(call, call.source)


def _ints(call: Call, group: EwGroup) -> list[int]:
    tensors = call.outs + call.ins
    head = [len(call.outs), len(call.ins), len(group.instrs)]
    strides = tensors[0].strides
    if tensors[0].is_dense() and all(t.strides == strides or t.is_dense() for t in tensors):
        return [*head, 0, *group.code()]
    dims, steps = collapse(tensors[0].shape, *[t.estrides for t in tensors])
    if len(dims) > MAX_NDIM:
        raise MXNetError(
            f"elementwise operation of {', '.join(call.names)}: {len(dims)} dimensions that cannot merge, "
            f"at most {MAX_NDIM} are supported"
        )
    return [*head, len(dims), *dims, *(s for step in steps for s in step), *group.code()]
