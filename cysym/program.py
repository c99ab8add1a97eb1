"""Programs: planned call lists made into segments that run, and the arenas they run in.

A `Program` owns nothing a user bound: slots are pointed at storages by the executor. Segments are CPU or
OpenCL runs of kernels, copies between devices, and Python callbacks between them.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

from ._core import Graph, Storage, now, profiler
from .base import MXNetError
from .forking import free_in_child
from .passes.ir import Buffer, Call, Dynamic, Tensor
from .passes.plan import CANARY_BYTES, Plan
from .provenance import Origin

CANARY = bytes(range(160, 160 + CANARY_BYTES))


_registry = threading.Lock()
free_in_child(_registry)
_waiting: dict[int, Arena] = {}  # thread -> the arena it waits for


class Arena:
    """Memory programs share, one at a time: chunks per device, grown on demand.

    ``with arena:`` is one run; a callback of that run must not start another one in the same memory, and may
    wait for another arena only if nobody there waits for it in turn. `stamp` names the last forward run, so
    that a backward notices when another executor overwrote what it saved.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._runner = 0
        self.chunks: dict[tuple[Any, int], Storage] = {}
        self.stamp: object = None
        self.generation = 0

    def refuse_nested(self) -> None:
        """Raise when this very thread is running in here: ask before any lock is taken."""
        if self._runner == threading.get_ident():
            raise MXNetError(
                "an executor was run from a callback of a run that uses the same memory: a custom operator "
                "or a monitor may only run executors that share none with the one calling it"
            )

    def __enter__(self) -> None:
        self.refuse_nested()
        if not self._lock.acquire(blocking=False):
            self._wait()
        self._runner = threading.get_ident()

    def _wait(self) -> None:
        """Wait for the lock, unless that would be for ever: two runs whose callbacks run each other."""
        me = threading.get_ident()
        with _registry:
            # whoever comes last into a circle of waiting threads sees all of it
            arena: Arena | None = self
            seen: set[Arena] = set()
            while arena is not None and arena not in seen:
                seen.add(arena)
                if arena._runner == me:
                    raise MXNetError(
                        "deadlock: this run's callback runs an executor whose own callback, in another "
                        "thread, waits for this run; callbacks of two executors must not run each other"
                    )
                arena = _waiting.get(arena._runner)
            _waiting[me] = self
        try:
            self._lock.acquire()
        finally:
            with _registry:
                del _waiting[me]

    def __exit__(self, *exc: object) -> None:
        self._runner = 0
        self._lock.release()

    def reserve(self, plan: Plan) -> None:
        """Make every chunk at least as large as the plan needs."""
        for device, sizes in plan.chunks.items():
            for i, size in enumerate(sizes):
                have = self.chunks.get((device, i))
                if have is None or have.nbytes < size:
                    self.chunks[device, i] = device.alloc(size)
                    self.generation += 1

    @property
    def nbytes(self) -> int:
        return sum(s.nbytes for s in self.chunks.values())


class CopySegment:
    """A dense tensor carried from one device to another through host memory."""

    def __init__(self, call: Call, slot_of: Callable[[Buffer], int]) -> None:
        self.src, self.dst = call.ins[0], call.outs[0]
        self.slots = (slot_of(self.src.buffer), slot_of(self.dst.buffer))
        self.places: list[Any] = [None, None]
        self.writes = [self.slots[1]]
        self.origin: Origin | None = None

    def bind_slot(self, slot: int, storage: Storage, offset: int = 0) -> None:
        for k in (0, 1):
            if self.slots[k] == slot:
                self.places[k] = (storage, offset + absolute(self.src if k == 0 else self.dst))

    def run(self, skip_once: bool = False) -> None:
        sink = profiler()
        begin = 0 if sink is None else now()
        (s, s_at), (d, d_at) = self.places
        staging = bytearray(self.src.nbytes)
        s.device.read(s, s_at, len(staging), staging)
        d.device.write(d, d_at, staging)
        if sink is not None and self.origin is not None:
            sink.ran_here(self.origin, begin)

    def set_float(self, call: int, at: int, value: float) -> None:
        """Copies have no scalars."""


class CallbackSegment:
    """A Python function between kernels; it gets NDArrays over the very memory the kernels use."""

    def __init__(self, call: Call, slot_of: Callable[[Buffer], int], wrap: Callable[..., Any]) -> None:
        self.call, self.wrap = call, wrap
        self.tensors = call.outs + call.ins
        self.slots = [slot_of(t.buffer) for t in self.tensors]
        self.places: list[Any] = [None] * len(self.tensors)
        self.writes = self.slots[: len(call.outs)]
        self.origin: Origin | None = None

    def bind_slot(self, slot: int, storage: Storage, offset: int = 0) -> None:
        for k, s in enumerate(self.slots):
            if s == slot:
                self.places[k] = (storage, offset + absolute(self.tensors[k]))

    def run(self, skip_once: bool = False) -> None:
        if skip_once and self.call.once:
            return
        sink = profiler()
        begin = 0 if sink is None else now()
        arrays = [self.wrap(*place, t) for place, t in zip(self.places, self.tensors)]
        assert self.call.callback is not None
        n = len(self.call.outs)
        try:
            self.call.callback(arrays[:n], arrays[n:])
        finally:  # what a failed call wrote is written, too
            for storage, _ in self.places[:n]:
                storage.version += 1
        if sink is not None and self.origin is not None:
            sink.ran_here(self.origin, begin)

    def forget(self, slots: Sequence[int]) -> None:
        """Let go of the memory bound to `slots`."""
        self.places = [None if s in slots else p for s, p in zip(self.slots, self.places)]

    def set_float(self, call: int, at: int, value: float) -> None:
        """Callbacks have no scalars."""


class Chain:
    """Segments of one imperative call, one after the other, seen as one."""

    def __init__(
        self, calls: Sequence[Call], slot_of: Callable[[Buffer], int], wrap: Callable[..., Any]
    ) -> None:
        self.segments: list[Any] = []
        self._home: list[tuple[Any, int]] = []  # of each call: its segment, its number there
        start = 0
        for end in range(1, len(calls) + 1):
            call, is_last = calls[end - 1], end == len(calls)
            if not is_last and call.callback is None and calls[end].callback is None:
                continue
            part = list(calls[start:end])
            if call.callback is None:
                segment = call.device.make_segment(part, slot_of)
            else:
                segment = CallbackSegment(call, slot_of, wrap)
            segment.origin = Origin(part, "imperative", call.device)
            self.segments.append(segment)
            self._home += [(segment, k) for k in range(len(part))]
            start = end

    def bind_slot(self, slot: int, storage: Storage, offset: int = 0) -> None:
        for segment in self.segments:
            segment.bind_slot(slot, storage, offset)

    def set_float(self, call: int, at: int, value: float) -> None:
        segment, k = self._home[call]
        segment.set_float(k, at, value)

    def run(self, skip_once: bool = False) -> None:
        for segment in self.segments:
            segment.run(skip_once)

    def forget(self, slots: Sequence[int]) -> None:
        """Let go of the memory bound to `slots`."""
        for segment in self.segments:
            segment.forget(slots)


def absolute(t: Tensor) -> int:
    """Byte offset of a tensor inside its slot."""
    return t.offset + (t.buffer.offset if t.buffer.kind == "arena" else 0)


class Program:
    """Calls with memory planned, cut into a forward and a backward part, ready to bind and run.

    Parameters
    ----------
    calls, cut
        All calls in order; those from `cut` on are the backward part.
    plan
        From `passes.plan.plan` over the same calls.
    first_free_slot
        Slots from here on are given to arena chunks, persistent buffers and random states.
    wrap
        ``wrap(storage, byte offset, tensor) -> NDArray`` for callbacks.
    """

    def __init__(
        self,
        calls: Sequence[Call],
        cut: int,
        plan: Plan,
        arena: Arena,
        first_free_slot: int,
        wrap: Callable[..., Any],
        canaries: bool = False,
    ) -> None:
        self.calls, self.cut, self.plan, self.arena = list(calls), cut, plan, arena
        self.canaries = canaries
        self.graph: Graph | None = None  # what it was compiled from, where somebody has told
        self._silent: tuple[str, ...] | None = None
        self.draws = any(
            call.once for call in self.calls[:cut]
        )  # a replay needs random numbers kept in the arena
        self._next = first_free_slot
        self._chunk_slots: dict[tuple[Any, int], int] = {}
        self._owned: dict[Buffer, tuple[int, Storage]] = {}
        self.forward_segments = self._segments(self.calls[:cut], wrap)
        self.backward_segments = self._segments(self.calls[cut:], wrap)
        self._generation = -1
        self.written_slots = sorted({s for seg in self.segments for s in seg.writes if s < first_free_slot})
        self.forward_writes = sorted(
            {s for seg in self.forward_segments for s in seg.writes if s < first_free_slot}
        )
        self.backward_writes = sorted(
            {s for seg in self.backward_segments for s in seg.writes if s < first_free_slot}
        )
        for segment, part in self._parts:
            for k, call in enumerate(part):
                for j, f in enumerate(call.floats):
                    if isinstance(f, Dynamic):
                        segment.set_float(k, j, f.value)
        for slot, storage in self._owned.values():
            self.bind(slot, storage)

    @property
    def segments(self) -> list[Any]:
        return self.forward_segments + self.backward_segments

    def _slot_of(self, buffer: Buffer) -> int:
        if buffer.kind == "external":
            return buffer.slot
        if buffer.kind == "arena":
            key = (buffer.device, buffer.chunk)
            if key not in self._chunk_slots:
                self._chunk_slots[key] = self._take()
            return self._chunk_slots[key]
        if buffer not in self._owned:
            storage = (
                buffer.device.random_state()
                if buffer.name == "random"
                else buffer.device.alloc(buffer.nbytes)
            )
            self._owned[buffer] = (self._take(), storage)
        return self._owned[buffer][0]

    def _take(self) -> int:
        self._next += 1
        return self._next - 1

    def _segments(self, calls: list[Call], wrap: Callable[..., Any]) -> list[Any]:
        segments: list[Any] = []
        parts: list[tuple[Any, list[Call]]] = getattr(self, "_parts", [])
        before = sum(len(part) for _, part in parts)
        i = 0
        while i < len(calls):
            call = calls[i]
            j = i + 1
            if call.kernel == "device_copy":
                segments.append(CopySegment(call, self._slot_of))
            elif call.callback is not None:
                segments.append(CallbackSegment(call, self._slot_of, wrap))
            else:
                while (
                    j < len(calls)
                    and calls[j].device is call.device
                    and calls[j].callback is None
                    and calls[j].kernel != "device_copy"
                ):
                    j += 1
                segments.append(call.device.make_segment(calls[i:j], self._slot_of))
            device = call.outs[0].buffer.device if call.device is None else call.device
            segments[-1].origin = Origin(calls[i:j], "symbolic", device, self.plan, before + i)
            parts.append((segments[-1], calls[i:j]))
            i = j
        self._parts = parts
        return segments

    def bind(self, slot: int, storage: Storage, offset: int = 0) -> None:
        """Point all users of a slot at a storage."""
        for segment in self.segments:
            segment.bind_slot(slot, storage, offset)

    def _bind_arena(self) -> None:
        self.arena.reserve(self.plan)
        if self._generation != self.arena.generation:
            for key, slot in self._chunk_slots.items():
                self.bind(slot, self.arena.chunks[key])
            self._generation = self.arena.generation

    def run_forward(self, replay: bool = False) -> None:
        """Run the forward part; the caller holds the arena's lock. A replay redraws no random number."""
        self._bind_arena()
        if self.canaries:
            self._lay_canaries()
        self._run("MXExecutorForward", self.forward_segments, replay)

    def run_backward(self) -> None:
        self._bind_arena()
        self._run("MXExecutorBackwardEx", self.backward_segments, False)

    def _run(self, name: str, segments: list[Any], replay: bool) -> None:
        sink = profiler()
        begin = 0 if sink is None else now()
        for segment in segments:
            segment.run(replay)
        if self.canaries:
            self._check_canaries()
        if sink is not None:
            sink.invoked(name, begin, self._silent_nodes())

    def _silent_nodes(self) -> tuple[str, ...]:
        """Nodes no call comes from: views of their inputs, and what nobody reads."""
        if self._silent is None:
            heard = {name for call in self.calls for name in call.names}
            nodes = [] if self.graph is None else self.graph.nodes
            self._silent = tuple(n.name for n in nodes if n.op is not None and n.name not in heard)
        return self._silent

    def _canary_places(self) -> list[tuple[Storage, int, str]]:
        places = []
        for t in self.plan.timeline:
            storage = self.arena.chunks[t.device, t.chunk]
            places.append((storage, t.offset - CANARY_BYTES, t.name))
            places.append((storage, t.offset + t.nbytes, t.name))
        return places

    def _lay_canaries(self) -> None:
        for storage, at, _ in self._canary_places():
            storage.device.write(storage, at, CANARY)

    def _check_canaries(self) -> None:
        got = bytearray(CANARY_BYTES)
        for storage, at, name in self._canary_places():
            storage.device.read(storage, at, CANARY_BYTES, got)
            if bytes(got) != CANARY:
                raise MXNetError(f"memory next to {name} was overwritten: a kernel wrote outside its output")

    def __str__(self) -> str:
        lines = [f"%{i}{' [backward]' if i >= self.cut else ''} {c!r}" for i, c in enumerate(self.calls)]
        return "\n".join(lines)
