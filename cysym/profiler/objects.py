"""What a program measures itself: `Domain`, `Task`, `Frame`, `Event`, `Counter`, `Marker`.

They are recorded while the profiler runs and is not paused, and cost next to nothing otherwise. The times go
to the one `Recorder`; how they look in a file is `trace`'s business.
"""

from __future__ import annotations

import itertools
from typing import Any

from .._core import now
from ..base import MXNetError
from .control import recorder

_numbers = itertools.count(1)
_SCOPES = {"global": "g", "process": "p", "thread": "t", "task": "p", "marker": "p"}


def _check_name(name: Any) -> str:
    if not isinstance(name, str):
        raise TypeError(f"a name must be a string, got {type(name)}")
    return name


class Domain:
    """A group of tasks, frames, counters and markers: a process of its own in a trace viewer.

    Parameters
    ----------
    name : str
        Its name, and the category of all that belongs to it.
    """

    def __init__(self, name: str) -> None:
        self.name = _check_name(name)

    def __str__(self) -> str:
        return self.name

    def new_task(self, name: str) -> Task:
        """A `Task` of this domain."""
        return Task(self, name)

    def new_frame(self, name: str) -> Frame:
        """A `Frame` of this domain."""
        return Frame(self, name)

    def new_counter(self, name: str, value: Any = None) -> Counter:
        """A `Counter` of this domain, with a first value if one is given."""
        return Counter(self, name, value)

    def new_marker(self, name: str) -> Marker:
        """A `Marker` of this domain."""
        return Marker(self, name)


def _check_domain(domain: Any) -> Domain:
    if not isinstance(domain, Domain):
        raise TypeError(f"expected a profiler.Domain, got {type(domain)}")
    return domain


class _Duration:
    """From `start` to `stop`; ``with`` does both."""

    name: str
    _begin: int | None = None

    def start(self) -> None:
        """Begin now; when it had begun already, that is forgotten."""
        self._begin = now()

    def stop(self) -> None:
        """End now, and record the time since `start`; nothing happens without one."""
        begin, self._begin = self._begin, None
        if begin is not None and recorder.is_active:
            self._record(begin)

    def _record(self, begin: int) -> None:
        raise NotImplementedError

    def __enter__(self) -> Any:
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()

    def __str__(self) -> str:
        return self.name


class Task(_Duration):
    """A piece of work. Tasks nest and overlap as they like; each has a track of its own.

    Parameters
    ----------
    domain : Domain
    name : str

    Raises
    ------
    TypeError
        `domain` is no Domain, or `name` no string.
    """

    def __init__(self, domain: Domain, name: str) -> None:
        self.domain, self.name = _check_domain(domain), _check_name(name)
        self._number = next(_numbers)

    def _record(self, begin: int) -> None:
        recorder.span(str(self.domain), str(self.domain), self.name, begin, self._number)


class Frame(_Duration):
    """One pass of something that repeats, as a batch; listed apart from tasks, as ``domain,frame``.

    Parameters
    ----------
    domain : Domain
    name : str

    Raises
    ------
    TypeError
        `domain` is no Domain, or `name` no string.
    """

    def __init__(self, domain: Domain, name: str) -> None:
        self.domain, self.name = _check_domain(domain), _check_name(name)
        self._number = next(_numbers)

    def _record(self, begin: int) -> None:
        category = f"{self.domain},frame"
        recorder.span(category, category, self.name, begin, self._number)


class Event(_Duration):
    """A stretch of one thread's time. Events of a thread may nest, but not overlap otherwise.

    Parameters
    ----------
    name : str

    Raises
    ------
    TypeError
        `name` is no string.
    """

    def __init__(self, name: str) -> None:
        self.name = _check_name(name)

    def _record(self, begin: int) -> None:
        recorder.span("event", "event", self.name, begin, -1)


class Counter:
    """A whole number whose changes are recorded; ``counter += 1`` and ``-=`` work, too.

    Parameters
    ----------
    domain : Domain
    name : str
    value : int, optional
        First value. Without one it starts from 0, unrecorded.

    Raises
    ------
    TypeError, ValueError
        `domain` is no Domain, `name` no string, `value` no number.
    """

    def __init__(self, domain: Domain, name: str, value: Any = None) -> None:
        self.domain, self.name = _check_domain(domain), _check_name(name)
        self._value = 0
        if value is not None:
            self.set_value(value)

    def set_value(self, value: Any) -> None:
        """Set the value; a fraction is cut off."""
        self._value = int(value)
        if recorder.is_active:
            recorder.counted(str(self.domain), self.name, self._value)

    def increment(self, delta: Any = 1) -> None:
        """Add `delta`."""
        self.set_value(self._value + int(delta))

    def decrement(self, delta: Any = 1) -> None:
        """Subtract `delta`."""
        self.set_value(self._value - int(delta))

    def __iadd__(self, delta: Any) -> Counter:
        self.increment(delta)
        return self

    def __isub__(self, delta: Any) -> Counter:
        self.decrement(delta)
        return self

    def __str__(self) -> str:
        return self.name


class Marker:
    """An instant in time.

    Parameters
    ----------
    domain : Domain
    name : str

    Raises
    ------
    TypeError
        `domain` is no Domain, or `name` no string.
    """

    def __init__(self, domain: Domain, name: str) -> None:
        self.domain, self.name = _check_domain(domain), _check_name(name)

    def mark(self, scope: str = "process") -> None:
        """Record this moment.

        Parameters
        ----------
        scope : {'global', 'process', 'thread', 'task', 'marker'}
            How far the mark reaches in a viewer; the last two reach as far as 'process', as in MXNet.

        Raises
        ------
        MXNetError
            Another scope.
        """
        if scope not in _SCOPES:
            raise MXNetError(f"Invalid Input: {scope!r}, valid values are: {', '.join(sorted(_SCOPES))}")
        if recorder.is_active:
            recorder.marked(f"{self.domain},instant_marker", self.name, _SCOPES[scope])

    def __str__(self) -> str:
        return self.name
