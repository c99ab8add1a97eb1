"""The documents as cysym runs them: a session per document and device, kept for all tests.

`session` runs a document once, `seen` and `space` give what a cell showed and which names there were then.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import cysym as mx

from .session import Session

# Where the documents choose the CPU, or Module takes it because nothing is said. Random numbers stay on the
# stream MXNet drew them from: each device has one of its own, and Module draws weights on the CPU's.
ON_OPENCL = [
    ("mx.cpu()", "mx.gpu(0)"),
    ("mx.mod.Module(", "mx.mod.Module(context=mx.gpu(0), "),
    ("mx.random.uniform(", "mx.random.uniform(ctx=mx.cpu(), "),
]


@cache
def session(document: str, device: str) -> Session:
    """A document run from top to bottom on a device, `cpu(0)` or `gpu(0)`."""
    chosen = mx.cpu() if device == "cpu(0)" else mx.gpu(0)
    with chosen:
        return Session(mx, document, "import cysym as mx", ON_OPENCL if device != "cpu(0)" else []).run_all()


def _run(document: str, cell: int, device: str) -> int:
    """The last run of a cell: the mended one where there are two."""
    return max(i for i, n in enumerate(session(document, device).notes) if n["cell"] == cell)


def seen(document: str, cell: int, device: Any = "cpu(0)") -> dict[str, Any]:
    """What a cell showed, as `Session` notes it."""
    return session(document, str(device)).notes[_run(document, cell, str(device))]


def space(document: str, cell: int, device: Any = "cpu(0)") -> dict[str, Any]:
    """The names of a document after a cell, with their values."""
    return session(document, str(device)).spaces[_run(document, cell, str(device))]
