"""What commands print: texts with names from files and the environment in them, made harmless.

No such name commands the terminal, ends a line, or cannot be encoded. Used by `summary` and `doctor`.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TextIO


def show(stream: TextIO, lines: Sequence[str]) -> None:
    """Write lines."""
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="backslashreplace")  # a terminal that knows ASCII only
    print("\n".join(map(visible, lines)), file=stream, flush=True)


def visible(text: str) -> str:
    r"""Text without control characters.

    >>> print(visible("fc\n1"))
    fc\n1
    """
    return text if text.isprintable() else "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
