"""Where in a user's program a node was made: kept at every node, put into words when an error needs it.

A place is a code object and an offset into its bytecode, which costs a tenth of a microsecond to take and no
frame (nor its variables) to keep. Errors of `passes.explain` print it; nothing depends on it.
"""

from __future__ import annotations

import os
import sys
from types import CodeType

Site = tuple[CodeType, int]

_PACKAGE = os.path.dirname(__file__) + os.sep
_frame = sys._getframe


def caller(depth: int) -> Site | None:
    """The place in the innermost function outside the package, None where there is none.

    Parameters
    ----------
    depth
        Functions between this one's caller and the first that may be the user's: none is looked at.
    """
    try:
        frame = _frame(depth)
    except ValueError:
        return None
    code = frame.f_code
    while code.co_filename.startswith(_PACKAGE):
        back = frame.f_back
        if back is None:
            return None
        frame, code = back, back.f_code
    return code, frame.f_lasti


def line_of(site: Site) -> int:
    """Line number of a place."""
    code, offset = site
    for start, end, line in code.co_lines():
        if start <= offset < end and line is not None:
            return line
    return code.co_firstlineno


def text(site: Site | None) -> str:
    """``train.py:12``, relative to the working directory where it lies below; "" for no place.

    >>> text(None)
    ''
    """
    if site is None:
        return ""
    path = site[0].co_filename
    try:
        inside = os.path.relpath(path)
        if os.path.isabs(path) and not inside.startswith(os.pardir):
            path = inside
    except (OSError, ValueError):  # the working directory is gone, or on another drive
        pass
    return f"{path}:{line_of(site)}"
