"""Forking while threads run: a child must not wait for locks whose holders it does not have.

For locks that are held for short, inner work only; what they guard must make sense at every moment, as the
child may find it half done. Used where such a lock is made; imports nothing of the package.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any


def free_in_child(*locks: Any) -> None:
    """Have every child find these locks of `threading` free, whichever thread held them at the fork."""
    for lock in locks:
        in_child(lock._at_fork_reinit)  # as Python's own modules do


def in_child(function: Callable[[], Any]) -> None:
    """Have every child call this before anything else."""
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=function)
