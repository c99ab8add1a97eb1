"""A trace in the making: events become lines of Chrome's JSON in a temporary file, and files whole.

The format is Google's "Trace Event Format", which chrome://tracing and Perfetto open: every process there is
a device or a domain, every track a thread or a queue. Times are microseconds since the trace began.
`recorder` adds events; nothing here asks what time it is.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator, Sequence
from json.encoder import encode_basestring_ascii as quoted
from typing import Any, NamedTuple

from ..formats.atomic import write_atomic
from ..provenance import Label

IN_MEMORY = 16 << 20  # bytes of events kept out of the temporary file
CHUNK = 1 << 20
QUEUE = 0  # track of what a device itself has timed


class Group(NamedTuple):
    """Neighbouring calls of one operator and its nodes: numbers of the calls, and their text in a trace."""

    name: str
    calls: range
    event: str
    kernels: tuple[str, ...]  # one for each call; empty where there is one call alone
    live: tuple[int, ...]


def groups_of(labels: Sequence[Label], mode: str) -> list[Group]:
    """The calls of a segment by operator; what is the same in every run is put into words here."""
    found, first = [], 0
    for end in range(1, len(labels) + 1):
        if end < len(labels) and labels[end][:2] == labels[first][:2]:
            continue
        name, nodes, kernel, _ = labels[first]
        part = labels[first:end]
        args: dict[str, Any] = {"mode": mode}
        if nodes:
            args["nodes"] = nodes
        if len(part) == 1:
            args["kernel"] = kernel
        event = f'"name":{quoted(name)},"cat":"operator","args":{json.dumps(args)}'
        kernels = tuple(f'"name":{quoted(p.kernel)},"cat":"kernel"' for p in part) if len(part) > 1 else ()
        found.append(Group(name, range(first, end), event, kernels, tuple(p.live for p in part)))
        first = end
    return found


class Trace:
    """Events of one profile.

    Parameters
    ----------
    zero
        The moment it begins, nanoseconds of the profiler's clock.

    Attributes
    ----------
    is_written
        Whether the last file written has every event.
    """

    def __init__(self, zero: int) -> None:
        self.zero = zero
        self.is_written = False
        self._file = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115 - closed by `close`
        self._processes: dict[str, int] = {}
        self._labels: dict[str, str] = {}
        self._tracks: dict[tuple[int, int], str] = {}
        self._live: dict[str, int] = {}

    def close(self) -> None:
        """Forget the events."""
        self._file.close()

    def process(self, name: str, label: str = "") -> int:
        """Number of a process; its name, and a word about it, stand in the file."""
        pid = self._processes.setdefault(name, len(self._processes))
        if label:
            self._labels[name] = label
        return pid

    def _place(self, process: str, tid: int, thread: str) -> str:
        pid = self.process(process)
        self._tracks.setdefault((pid, tid), thread)
        return f'"pid":{pid},"tid":{tid}'

    def _at(self, ns: int) -> str:
        return f'"ts":{(ns - self.zero) / 1000:.3f}'

    def _write(self, lines: Sequence[str]) -> None:
        if lines:
            self._file.write("".join([f",\n{line}" for line in lines]).encode())
            self.is_written = False

    def calls_of(self, group: Group, stamps: Sequence[int]) -> list[int]:
        """The calls that ran, not before the trace began: a run may be under way as another trace ends."""
        return [i for i in group.calls if stamps[2 * i + 1] and stamps[2 * i] >= self.zero]

    # --- kinds of events ------------------------------------------------------------------------------------
    def calls(
        self, groups: Sequence[Group], stamps: Sequence[int], process: str, tid: int, thread: str,
        has_memory: bool,
    ) -> None:  # fmt: skip
        """A segment's run: pairs "B", "E" for each operator and, where it has several, for each kernel.

        `stamps` are begin and end of each call, both 0 for one that was left out. With `has_memory` a plan's
        bytes are counted ("C") whenever they change.
        """
        lines: list[str] = []
        place = self._place(process, tid, thread)
        for group in groups:
            ran = self.calls_of(group, stamps)
            if not ran:
                continue
            lines.append(f'{{{group.event},"ph":"B",{self._at(stamps[2 * ran[0]])},{place}}}')
            for i in ran:
                k = i - group.calls.start
                if has_memory and group.live[k] not in (-1, self._live.get(process)):
                    self._live[process] = group.live[k]
                    lines.append(self._count(f"Arena: {process}", stamps[2 * i], group.live[k], tid))
                if group.kernels:
                    event = group.kernels[k]
                    lines.append(f'{{{event},"ph":"B",{self._at(stamps[2 * i])},{place}}}')
                    lines.append(f'{{{event},"ph":"E",{self._at(stamps[2 * i + 1])},{place}}}')
            lines.append(f'{{{group.event},"ph":"E",{self._at(stamps[2 * ran[-1] + 1])},{place}}}')
        self._write(lines)

    def _count(self, name: str, ns: int, value: int, tid: int, category: str = "Device Storage") -> str:
        pid = self.process(category)
        return (
            f'{{"name":{quoted(name)},"cat":{quoted(category)},"ph":"C",{self._at(ns)},'
            f'"args":{{{quoted(name)}:{value}}},"pid":{pid},"tid":{tid}}}'
        )

    def count(self, category: str, name: str, ns: int, value: int, tid: int) -> None:
        """A counter has a new value ("C")."""
        self._write([self._count(name, ns, value, tid, category)])

    def span(
        self, process: str, category: str, name: str, begin: int, end: int, tid: int, thread: str,
        number: int = -1, args: Sequence[str] = (),
    ) -> None:  # fmt: skip
        """Something that took a while: on the thread's own track ("B", "E"), or with a `number` on one of its
        own ("b", "e"), where it may overlap others. `args` are nodes that need no call."""
        place = self._place(process, tid, thread)
        event = f'"name":{quoted(name)},"cat":{quoted(category)}'
        more = f',"args":{{"views":[{",".join(map(quoted, args))}]}}' if args else ""
        if number >= 0:
            place += f',"id":{number}'
        first, last = ("B", "E") if number < 0 else ("b", "e")
        begin = max(begin, self.zero)
        self._write(
            [
                f'{{{event}{more},"ph":"{first}",{self._at(begin)},{place}}}',
                f'{{{event},"ph":"{last}",{self._at(end)},{place}}}',
            ]
        )

    def mark(self, category: str, name: str, scope: str, ns: int, tid: int, thread: str) -> None:
        """An instant ("i"); `scope` is "g", "p" or "t"."""
        place = self._place(category, tid, thread)
        event = f'"name":{quoted(name)},"cat":{quoted(category)}'
        self._write([f'{{{event},"ph":"i","s":"{scope}",{self._at(ns)},{place}}}'])

    # --- files ----------------------------------------------------------------------------------------------
    def write(self, path: str | os.PathLike[str]) -> None:
        """Write everything there is so far, as a whole file; an older one of that name is replaced at once.

        Raises
        ------
        OSError
            The file cannot be written; the older one is as it was.
        """
        write_atomic(path, self._chunks())
        self.is_written = True

    def _metadata(self) -> Iterator[str]:
        def meta(what: str, pid: int, key: str, value: Any, more: str = "") -> str:
            text = quoted(value) if isinstance(value, str) else str(value)
            return f'{{"name":"{what}","ph":"M","pid":{pid}{more},"args":{{"{key}":{text}}}}}'

        for name, pid in self._processes.items():
            yield meta("process_name", pid, "name", name)
            yield meta("process_sort_index", pid, "sort_index", pid)
            if name in self._labels:
                yield meta("process_labels", pid, "labels", self._labels[name])
        for (pid, tid), thread in self._tracks.items():
            yield meta("thread_name", pid, "name", thread, f',"tid":{tid}')

    def _chunks(self) -> Iterator[bytes]:
        yield b'{"traceEvents":[\n' + ",\n".join(self._metadata()).encode()
        self._file.seek(0)
        try:
            while chunk := self._file.read(CHUNK):
                yield chunk
        finally:
            self._file.seek(0, os.SEEK_END)
        yield b'\n],\n"displayTimeUnit":"ms"}\n'
