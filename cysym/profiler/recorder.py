"""The recorder: is told what runs, keeps it in a queue, and settles it into a trace and into sums.

While it is the core's sink, segments, devices and the user's own objects call its short methods, from any
thread; each only appends to a queue. `settle` empties the queue, under a lock. `control` says when.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from .._core import held_bytes, now, set_profiler
from ..provenance import Label, Origin
from .statistics import MEMORY_CATEGORY, Statistics
from .trace import QUEUE, Group, Trace, groups_of

API = "MXNET" + "_C_API"  # in two parts: it is no environment variable, as other such names here are


def process_of(device: Any) -> str:
    """MXNet's name of a device's process: ``cpu/0``, ``gpu/1``."""
    return f"{'cpu' if device.kind == 'cpu' else 'gpu'}/{device.index}"


class Recorder:
    """What the profiler knows. One serves the whole process.

    Attributes
    ----------
    symbolic, imperative, memory, api, aggregate
        What is recorded.
    is_running, is_paused
        Recording is on while it is running and not paused.
    trace
        The trace being made: from the first run to the dump that finishes it, else None.
    statistics
        Sums since they were last cleared.
    lock
        Held while the trace, the sums or the state change.
    """

    def __init__(self) -> None:
        self.symbolic = self.imperative = self.memory = self.api = True
        self.aggregate = False
        self.is_running = self.is_paused = False
        self.trace: Trace | None = None
        self.statistics = Statistics()
        self.lock = threading.RLock()
        self._events: deque[Callable[[Trace], None]] = deque()
        self._threads: dict[int, str] = {}
        self._bytes: dict[str, int] = {}
        self._groups: dict[int, tuple[list[Label], list[Group]]] = {}

    @property
    def is_active(self) -> bool:
        """Whether what happens now is recorded."""
        return self.is_running and not self.is_paused

    # --- called by whatever runs, in any thread -------------------------------------------------------------
    def thread(self) -> int:
        """Number of the calling thread; its name is noted."""
        tid = threading.get_native_id()
        if tid not in self._threads:
            self._threads[tid] = threading.current_thread().name
        return tid

    def ran(self, origin: Origin, stamps: bytes) -> None:
        """A segment ran: begin and end of each call as 64-bit numbers, both 0 for one left out."""
        if self.symbolic if origin.mode == "symbolic" else self.imperative:
            device, labels, mode = origin.device, origin.labels, origin.mode
            tid = self.thread() if device.kind == "cpu" else QUEUE
            has_memory = self.memory
            self._events.append(
                lambda trace: self._calls(trace, labels, mode, device, stamps, tid, has_memory)
            )
        if self.memory:
            self.allocated(origin.device)

    def ran_here(self, origin: Origin, begin: int) -> None:
        """A segment that is one step of Python, a copy or a callback, ran from `begin` until now."""
        end, tid = now(), self.thread()
        if self.symbolic if origin.mode == "symbolic" else self.imperative:
            labels, mode, process = origin.labels, origin.mode, process_of(origin.device)
            self._events.append(
                lambda trace: self._groups_ran(trace, labels, mode, process, (begin, end), tid, False)
            )

    def copied(self, device: Any, name: str, begin: int) -> None:
        """The host copied from or to a device."""
        if self.symbolic or self.imperative:
            end, tid = now(), self.thread()
            self._events.append(
                lambda trace: self._operator(trace, process_of(device), name, begin, end, tid)
            )

    def invoked(self, name: str, begin: int, views: Sequence[str] = ()) -> None:
        """The library was called from `begin` until now; `views` are nodes that needed no kernel."""
        if self.api:
            end, tid = now(), self.thread()
            self._events.append(lambda trace: self._span(trace, API, API, name, begin, end, tid, tid, views))

    def allocated(self, device: Any) -> None:
        """A device's memory in use may have changed."""
        if self.memory:
            at, is_cpu = now(), device.kind == "cpu"
            process = "cpu/0" if is_cpu else process_of(device)  # all cpu(i) are one memory
            nbytes = held_bytes() if is_cpu else device.allocated
            if self._bytes.get(process) != nbytes:
                self._bytes[process] = nbytes
                tid = self.thread()
                self._events.append(lambda trace: self._memory(trace, f"Memory: {process}", at, nbytes, tid))

    # --- called by the user's objects -----------------------------------------------------------------------
    def span(self, process: str, category: str, name: str, begin: int, number: int) -> None:
        """A task, a frame (`number` 0 and up) or an event (-1) lasted from `begin` until now."""
        end, tid = now(), self.thread()
        self._events.append(
            lambda trace: self._span(trace, process, category, name, begin, end, tid, number, ())
        )

    def counted(self, category: str, name: str, value: int) -> None:
        """A counter has a new value."""
        at, tid = now(), self.thread()

        def settle(trace: Trace) -> None:
            trace.count(category, name, at, value, tid)
            if self.aggregate:
                self.statistics.add("counter", category, name, value)

        self._events.append(settle)

    def marked(self, category: str, name: str, scope: str) -> None:
        """An instant is marked."""
        at, tid = now(), self.thread()

        def settle(trace: Trace) -> None:
            trace.mark(category, name, scope, at, tid, self._threads[tid])
            if self.aggregate:
                self.statistics.mention(category)

        self._events.append(settle)

    # --- from the queue into the trace and the sums ---------------------------------------------------------
    def settle(self) -> None:
        """Empty the queue of what is in it now. The caller holds the lock."""
        for _ in range(len(self._events)):
            event = self._events.popleft()
            if self.trace is not None:
                event(self.trace)

    def _calls(
        self, trace: Trace, labels: list[Label], mode: str, device: Any, stamps: bytes, tid: int,
        has_memory: bool,
    ) -> None:  # fmt: skip
        process = process_of(device)
        if device.kind != "cpu":
            trace.process(process, str(device.name))
        times = memoryview(stamps).cast("q")
        self._groups_ran(trace, labels, mode, process, times, tid, has_memory)

    def _groups_ran(
        self, trace: Trace, labels: list[Label], mode: str, process: str, times: Sequence[int], tid: int,
        has_memory: bool,
    ) -> None:  # fmt: skip
        known = self._groups.get(id(labels))
        if known is None:  # the list is kept with its groups: its id stays its own
            known = self._groups[id(labels)] = (labels, groups_of(labels, mode))
        groups = known[1]
        trace.calls(groups, times, process, tid, self._threads.get(tid, "queue"), has_memory)
        if self.aggregate:
            for group in groups:
                ran = trace.calls_of(group, times)
                if ran:
                    ms = (times[2 * ran[-1] + 1] - times[2 * ran[0]]) / 1e6
                    self.statistics.add("time", "operator", group.name, ms)
                    for i in ran if has_memory else ():
                        live = group.live[i - group.calls.start]
                        if live >= 0:
                            self.statistics.add("memory", MEMORY_CATEGORY, f"Arena: {process}", live / 1000)

    def _operator(self, trace: Trace, process: str, name: str, begin: int, end: int, tid: int) -> None:
        trace.span(process, "operator", name, begin, end, tid, self._threads[tid])
        if self.aggregate:
            self.statistics.add("time", "operator", name, (end - begin) / 1e6)

    def _span(
        self, trace: Trace, process: str, category: str, name: str, begin: int, end: int, tid: int,
        number: int, views: Sequence[str],
    ) -> None:  # fmt: skip
        trace.span(process, category, name, begin, end, tid, self._threads[tid], number, views)
        if self.aggregate:
            self.statistics.add("time", category, name, (end - max(begin, trace.zero)) / 1e6)

    def _memory(self, trace: Trace, name: str, at: int, nbytes: int, tid: int) -> None:
        trace.count(MEMORY_CATEGORY, name, at, nbytes, tid)
        if self.aggregate:
            self.statistics.add("memory", MEMORY_CATEGORY, name, nbytes / 1000)

    # --- on and off -----------------------------------------------------------------------------------------
    def switch(self, is_running: bool, is_paused: bool) -> None:
        """Set both states; the first run begins a trace. The caller holds the lock."""
        if is_running and self.trace is None:
            self._bytes.clear()
            self._events.clear()
            self.trace = Trace(now())
        self.is_running, self.is_paused = is_running, is_paused
        set_profiler(self if self.is_active else None)

    def write(self, path: str | os.PathLike[str], is_last: bool) -> None:
        """Write the trace; with `is_last`, stop and let go of it. The caller holds the lock.

        Raises
        ------
        OSError
            Nothing was written, and everything goes on as before.
        """
        assert self.trace is not None
        if is_last:
            set_profiler(None)  # what comes now belongs to nobody
        try:
            self.settle()
            self.trace.write(path)
        except BaseException:
            self.switch(self.is_running, self.is_paused)
            raise
        if is_last:
            self.drop()

    def drop(self) -> None:
        """Stop, and forget the trace; the sums stay. The caller holds the lock."""
        self.switch(False, self.is_paused)
        self._events.clear()
        self._groups.clear()
        if self.trace is not None:
            self.trace.close()
            self.trace = None

    def after_fork(self) -> None:
        """In a child: profile nothing, and leave the parent's file alone."""
        self.lock = threading.RLock()
        self._events.clear()
        self._groups.clear()
        self._threads.clear()
        self.trace = None
        self.switch(False, False)
