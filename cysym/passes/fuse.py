"""fuse: neighbouring elementwise calls become one call, so that what lies between them never reaches memory.

Call list -> call list, before the plan. A producer joins a consumer by moving down to the consumer's place;
it may when nothing in between touches what it writes or writes what it reads. What is read elsewhere, too,
stays an output of the joint call. `finalize` then turns each group and the strides of its tensors into the
integers the kernel reads."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from itertools import zip_longest
from typing import Any

from ..base import MXNetError
from ..ops.ew_group import MAX_INSTRS, MAX_POINTERS, EwGroup, Instr
from .ir import Buffer, Call, Tensor
from .lower import collapse

MAX_NDIM = 16  # of the interpreter in c_kernels/elementwise.c


class _Draft:
    """An elementwise group being put together. Value k >= 0 is the result of instruction k, ~i is input i."""

    __slots__ = ("call", "floats", "ins", "instrs", "names", "outs", "values")

    def __init__(self, call: Call) -> None:
        group: EwGroup = call.source
        instrs, values = group.once(_relative)
        self.call = call
        self.ins, self.outs, self.floats = list(call.ins), list(call.outs), list(call.floats)
        self.instrs, self.values = list(instrs), list(values)
        self.names = dict(zip_longest(call.names, call.ops))

    def finish(self) -> Call:
        """The call that computes the group."""
        if len(self.instrs) == len(self.call.source.instrs):
            return self.call  # nothing was joined
        n = len(self.ins)
        instrs = tuple([
            Instr(form, tuple([v + n if v >= 0 else ~v for v in srcs]), at) for form, srcs, at in self.instrs
        ])  # fmt: skip
        values = tuple([v + n if v >= 0 else ~v for v in self.values])
        group = _intern(EwGroup(n, instrs, values, len(self.floats)))
        pairs = [(i, o) for i, o in group.pairs() if self.ins[i].strides == self.outs[o].strides]
        call = self.call
        return Call(
            "ew", call.dtype, self.outs, self.ins, [], self.floats, call.items, group.cost, call.device,
            inplace=pairs, names=tuple(self.names), source=group, ops=tuple(self.names.values()),
        )  # fmt: skip

    def is_flat(self) -> bool:
        """Whether every tensor is dense and of one shape, so that the shape is only a name."""
        shape = self.outs[0].shape
        return all(t.shape == shape and t.is_dense() and not t.layout for t in (*self.outs, *self.ins))

    def reshape(self, shape: tuple[int, ...]) -> None:
        self.outs = [t.view(shape) for t in self.outs]
        self.ins = [t.view(shape) for t in self.ins]

    def extend(self, other: _Draft, links: dict[int, int], keep: Sequence[bool]) -> bool:
        """Put `other` behind this group, `links` telling which of its inputs are outputs of this one; outputs
        that are not to `keep` become mere values. False, and nothing changed, where the limits forbid it."""
        place: dict[int, int] = {}
        added: list[Tensor] = []
        for i, t in enumerate(other.ins):
            if i in links:
                place[~i] = self.values[links[i]]
                continue
            inputs = (*self.ins, *added)
            have = next((k for k, s in enumerate(inputs) if _same_look(s, t)), len(inputs))
            if have == len(inputs):
                added.append(t)
            place[~i] = ~have
        pointers = len(self.ins) + len(added) + sum(keep) + len(other.outs)
        shift = len(self.instrs)
        if shift + len(other.instrs) > MAX_INSTRS or pointers > MAX_POINTERS:
            return False
        at = _find_run(self.floats, other.floats)
        if at < 0:
            at = len(self.floats)
            self.floats += other.floats
        for form, srcs, first in other.instrs:
            moved = tuple([v + shift if v >= 0 else place[v] for v in srcs])
            self.instrs.append(Instr(form, moved, first + at))
        values = [v + shift if v >= 0 else place[v] for v in other.values]
        self.values = [v for v, k in zip(self.values, keep, strict=True) if k] + values
        self.outs = [t for t, k in zip(self.outs, keep, strict=True) if k] + other.outs
        self.ins += added
        self.names.update(other.names)
        return True


def _relative(group: EwGroup) -> tuple[list[Instr], list[int]]:
    """Instructions and outputs of a group as a draft counts values."""
    n = group.n_in
    place = [*(~i for i in range(n)), *range(len(group.instrs))]
    instrs = [Instr(form, tuple([place[v] for v in srcs]), at) for form, srcs, at in group.instrs]
    return instrs, [place[v] for v in group.outs]


class _Node:
    """A call of the list, or several joined: where it stands now and, once it was visited and if it may be
    joined with others, its draft."""

    __slots__ = ("at", "call", "draft", "into")

    def __init__(self, call: Call, at: int) -> None:
        self.call, self.at = call, at
        self.into: _Node | None = None
        self.draft: _Draft | None = None

    def now(self) -> _Node:
        """The node this one has become part of."""
        if self.into is None:
            return self
        node = self.into
        while node.into is not None:
            node = node.into
        self.into = node  # the next one to ask has a shorter way
        return node


class _Fusion:
    """State of one pass over a call list."""

    def __init__(self, calls: Sequence[Call], is_live_outside: Callable[[Buffer], bool]) -> None:
        self.is_live_outside = is_live_outside
        self.nodes = [_Node(call, i) for i, call in enumerate(calls)]
        self.users: defaultdict[Buffer, list[_Node]] = defaultdict(list)
        self.writers: defaultdict[Buffer, list[_Node]] = defaultdict(list)
        self.barriers = [i for i, call in enumerate(calls) if call.callback is not None]
        for node in self.nodes:
            call = node.call
            writes = {t.buffer for t in (*call.outs, *call.work)}
            for buffer in writes:
                self.writers[buffer].append(node)
                self.users[buffer].append(node)
            for buffer in {t.buffer for t in call.ins} - writes:
                self.users[buffer].append(node)

    def run(self) -> list[Call]:
        for node in self.nodes:
            if isinstance(node.call.source, EwGroup) and not _is_special(node.call):
                node.draft = _Draft(node.call)
                self.absorb_producers(node)
        left = [node for node in self.nodes if node.into is None]
        return [node.call if node.draft is None else node.draft.finish() for node in left]

    def absorb_producers(self, node: _Node) -> None:
        """Join the calls whose results `node` reads; theirs were joined before."""
        refused: set[_Node] = set()
        while (producer := self.producer(node, refused)) is not None:
            if not self.join(producer, node):
                refused.add(producer)

    def producer(self, node: _Node, refused: set[_Node]) -> _Node | None:
        """An elementwise node before `node` that writes one of its inputs."""
        assert node.draft is not None
        for t in node.draft.ins:
            for writer in self.writers.get(t.buffer, ()):
                writer = writer.now()
                if writer.draft is not None and writer.at < node.at and writer not in refused:
                    return writer
        return None

    def join(self, producer: _Node, node: _Node) -> bool:
        """Make one node of the two, at the place of `node`, where that computes the same and pays."""
        p, c = producer.draft, node.draft
        assert p is not None and c is not None  # noqa: PT018
        if (p.call.dtype, p.call.items) != (c.call.dtype, c.call.items) or p.call.device is not c.call.device:
            return False
        if not self.may_move(producer, node):
            return False
        if p.outs[0].shape != c.outs[0].shape:
            if p.is_flat():
                p.reshape(c.outs[0].shape)
            elif c.is_flat():
                c.reshape(p.outs[0].shape)
            else:
                return False
        links = _links(p, c)
        if not links:
            return False
        keep = [self.is_needed(t, producer, node) for t in p.outs]
        if not self.is_adjacent(producer, node) and (
            all(keep) or self.bytes_gained(producer, node, keep) < 0
        ):
            return False
        if not p.extend(c, links, keep):
            return False
        producer.into, node.draft = node, p
        return True

    def may_move(self, producer: _Node, node: _Node) -> bool:
        """Whether the producer may run right before `node` instead: nothing between touches what it writes,
        writes what it reads, or may look at anything."""
        assert producer.draft is not None
        begin, end = producer.at, node.at
        if any(begin < b < end for b in self.barriers):
            return False
        for t in producer.draft.outs:
            for user in self.users[t.buffer]:
                if begin < user.now().at < end:
                    return False
        for t in producer.draft.ins:
            for writer in self.writers.get(t.buffer, ()):
                if begin < writer.now().at < end:
                    return False
        return True

    def is_needed(self, out: Tensor, producer: _Node, node: _Node) -> bool:
        """Whether anyone but the two reads this result."""
        b = out.buffer
        if b.kind != "arena" or b.pinned or self.is_live_outside(b):
            return True
        return any(u.now() not in (producer, node) for u in self.users[b])

    def is_adjacent(self, producer: _Node, node: _Node) -> bool:
        """Whether nothing runs between the two."""
        nodes = self.nodes
        return all(nodes[k].into is not None for k in range(producer.at + 1, node.at))

    def bytes_gained(self, producer: _Node, node: _Node, keep: Sequence[bool]) -> int:
        """Memory over the stretch from producer to node: results that vanish, less inputs that now live as
        long."""
        assert producer.draft is not None
        gained = sum(t.buffer.nbytes for t, k in zip(producer.draft.outs, keep, strict=True) if not k)
        for b in {t.buffer for t in producer.draft.ins}:
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


def _links(p: _Draft, c: _Draft) -> dict[int, int]:
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
    taken = {t.buffer for t in (*p.outs, *p.ins)}
    if len(written) != len(p.outs) or any(t.buffer in taken for t in c.outs):
        return {}
    return links


def _find_run(have: list[Any], want: list[Any]) -> int:
    """Where `want` stands in `have`, -1 if nowhere."""
    n = len(want)
    if n == 0:
        return 0
    return next((k for k, x in enumerate(have) if x == want[0] and have[k : k + n] == want), -1)


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
