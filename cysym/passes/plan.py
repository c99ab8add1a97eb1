"""plan: lifetimes of arena buffers over a call list, memory shared in place, and an offset for each.

Writes `chunk` and `offset` into the buffers and returns what it decided. Knows calls and buffers, no
operator. The lower bound it reports is the largest sum, over calls, of the bytes alive then (in-place pairs
counted once): no plan for this order of calls can need less.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from .._planner import lower_bound, plan_chunks
from .ir import Buffer, Call, Tensor

CANARY_BYTES = 64


@dataclass(slots=True)
class Lifetime:
    """One block of an arena: which calls it spans and where it lies (bytes)."""

    name: str
    nbytes: int
    first: int
    last: int
    chunk: int
    offset: int
    device: Any


@dataclass(slots=True)
class Plan:
    """Memory of one program, known before anything is allocated. Sizes in bytes.

    Attributes
    ----------
    peak
        Bytes of all arena chunks together.
    lower_bound
        No plan for this order of calls needs less.
    naive
        What one allocation a tensor would take.
    timeline
        `Lifetime` of every block.
    """

    peak: int = 0
    lower_bound: int = 0
    naive: int = 0
    chunks: dict[Any, list[int]] = field(default_factory=dict)
    timeline: list[Lifetime] = field(default_factory=list)
    heuristic: str = ""
    persistent: int = 0

    def __str__(self) -> str:
        ratio = self.peak / self.lower_bound if self.lower_bound else 1.0
        head = (
            f"peak {self.peak} bytes = {ratio:.3f} x lower bound {self.lower_bound}, naive {self.naive}, "
            f"{len(self.timeline)} blocks, best heuristic: {self.heuristic}"
        )
        rows = [
            f"  [{t.first:4d} .. {t.last:4d}] chunk {t.chunk} at {t.offset:>12d}: {t.nbytes:>12d}  {t.name}"
            for t in sorted(self.timeline, key=lambda t: (t.first, t.offset))
        ]
        return "\n".join([head, *rows])

    def _repr_html_(self) -> str:
        """Picture for notebooks: one bar a block, time to the right, addresses upwards."""
        from ..drawing.notebook import plan_html

        return plan_html(self)


class _Block:
    """Buffers that share one place: in-place chains."""

    __slots__ = ("buffers", "first", "last", "nbytes")

    def __init__(self, buffer: Buffer, at: int) -> None:
        self.buffers, self.first, self.last, self.nbytes = [buffer], at, at, buffer.nbytes


def drop_dead(calls: Sequence[Call]) -> list[Call]:
    """Without the calls whose results nobody reads. Calls that write outside the arena, mutate or call back
    stay."""
    live: set[Buffer] = set()
    kept: list[Call] = []
    for call in reversed(calls):
        needed = call.mutates or call.callback is not None
        if not needed:
            needed = any(t.buffer.kind != "arena" or t.buffer in live for t in call.outs)
        if needed:
            kept.append(call)
            live.update(t.buffer for t in call.ins)
            live.update(t.buffer for t in call.work)
            # a partial write (a view) needs what else lies in the buffer, so outs never leave the live set
    return kept[::-1]


def plan(
    calls: Sequence[Call], share: bool = True, canaries: bool = False, capacity: int | None = None
) -> Plan:
    """Place every arena buffer of `calls`.

    Parameters
    ----------
    share
        False: every tensor its own memory, in-place off.
    canaries
        Leave `CANARY_BYTES` before and after every block.
    capacity
        Largest chunk in bytes; default the device's largest allocation.
    """
    block_of: dict[Buffer, _Block] = {}
    end = len(calls)
    for i, call in enumerate(calls):
        for t in call.ptrs:
            b = t.buffer
            if b.kind != "arena":
                continue
            block = block_of.get(b)
            if block is None:
                block = block_of[b] = _Block(b, i)
                if b.pinned:
                    block.first = 0
            block.last = end if b.pinned else i
    naive = sum(b.nbytes for b in block_of)
    if share:
        for i, call in enumerate(calls):
            if call.inplace:
                _merge(call, i, block_of)
    blocks = list(dict.fromkeys(block_of.values()))
    result = Plan(naive=naive)
    pad = 2 * CANARY_BYTES if canaries else 0
    for device in dict.fromkeys(b.buffers[0].device for b in blocks):
        mine = [b for b in blocks if b.buffers[0].device is device]
        sizes, first, last = [b.nbytes for b in mine], [b.first for b in mine], [b.last for b in mine]
        limit = device.max_alloc if capacity is None else capacity
        padded = [s + pad for s in sizes]
        chunk_of, offsets, peaks, result.heuristic = plan_chunks(padded, first, last, limit, share)
        result.lower_bound += lower_bound(sizes, first, last)
        result.peak += sum(peaks)
        result.chunks[device] = peaks
        for block, chunk, offset in zip(mine, chunk_of, offsets):
            for b in block.buffers:
                b.chunk, b.offset = chunk, offset + pad // 2
            name = " = ".join(b.name or "temporary" for b in block.buffers)
            result.timeline.append(
                Lifetime(name, block.nbytes, block.first, block.last, chunk, offset + pad // 2, device)
            )
    persistent = {t.buffer for c in calls for t in c.ptrs if t.buffer.kind == "persistent"}
    result.persistent = sum(b.nbytes for b in persistent)
    return result


def _covers(t: Tensor) -> bool:
    return t.offset == 0 and t.nbytes == t.buffer.nbytes and t.is_dense()


def _merge(call: Call, i: int, block_of: dict[Buffer, _Block]) -> None:
    """Let outputs take over inputs that die in this call."""
    for a, b in call.inplace:
        src, dst = call.ins[a], call.outs[b]
        if (
            src.buffer.kind != "arena"
            or dst.buffer.kind != "arena"
            or src.buffer.device is not dst.buffer.device
        ):
            continue
        x, y = block_of[src.buffer], block_of[dst.buffer]
        if x is y or x.last != i or y.first != i or x.nbytes != y.nbytes:
            continue
        if not (_covers(src) and _covers(dst)) or src.buffer.pinned or dst.buffer.pinned:
            continue
        # every other use of the dying block in this call must be allowed to share with this output, too
        others = [k for k, t in enumerate(call.ins) if t.buffer.kind == "arena" and block_of[t.buffer] is x]
        if any((k, b) not in call.inplace for k in others):
            continue
        if any(block_of.get(t.buffer) is x for t in call.work) or any(
            block_of.get(t.buffer) is x for k, t in enumerate(call.outs) if k != b
        ):
            continue
        x.buffers += y.buffers
        x.last = max(x.last, y.last)
        for buffer in y.buffers:
            block_of[buffer] = x
