"""`mx.profiler`: what ran when, on which device, and how long it took.

`control` holds the switches, `objects` what a program measures itself, `recorder` collects, `trace` writes
Chrome's JSON, `statistics` sums up. Segments of `program.py`, `opencl/` and the core tell the recorder what
they run while it is on; while it is off they look at one pointer and do nothing.
"""

from __future__ import annotations

from typing import Any

from .control import (
    dump,
    dump_profile,
    dumps,
    pause,
    profiler_set_config,
    profiler_set_state,
    resume,
    set_config,
    set_state,
)
from .objects import Counter, Domain, Event, Frame, Marker, Task

__all__ = [
    "Counter", "Domain", "Event", "Frame", "Marker", "Task", "dump", "dump_profile", "dumps", "pause",
    "profiler_set_config", "profiler_set_state", "resume", "set_config", "set_kvstore_handle", "set_state",
]  # fmt: skip

profiler_kvstore_handle: Any = None


def set_kvstore_handle(handle: Any) -> None:
    """Note the key-value store whose servers are to be profiled. There are none here: nothing uses it."""
    global profiler_kvstore_handle
    profiler_kvstore_handle = handle
