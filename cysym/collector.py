"""collector: Python's cycle collector, paused while a large graph is built.

The collector starts whenever some hundred containers were made, and walks through all there are again and
again. Loading a file or compiling a program makes many thousands that all stay, so there is nothing for it to
find: it took half the time of a large load, an eighth of a bind.
"""

from __future__ import annotations

import gc
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_lock = threading.Lock()
_pauses = 0  # that have begun and not ended, in all threads
_resume = False  # whether the last of them to end starts the collector again


@contextmanager
def paused() -> Iterator[None]:
    """``with paused():`` or ``@paused()``: no cycle is collected meanwhile, in no thread of the process.

    A collector the user has switched off stays off.
    """
    global _pauses, _resume
    with _lock:
        if _pauses == 0:
            _resume = gc.isenabled()
            gc.disable()
        _pauses += 1
    try:
        yield
    finally:
        with _lock:
            _pauses = max(0, _pauses - 1)  # none to end in a child that was forked within one
            if _pauses == 0 and _resume:
                gc.enable()


def _after_fork() -> None:
    """Of the threads that may have been in a pause, the child has none or the one that runs on."""
    global _lock, _pauses
    _lock = threading.Lock()
    if _pauses:
        _pauses = 0
        if _resume:
            gc.enable()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
