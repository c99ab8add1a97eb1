"""Reads the fenced code blocks of the project's Markdown pages, and runs pages that are one session."""

from __future__ import annotations

import contextlib
import io
import os
import re
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

ROOT = Path(__file__).parent.parent


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, its text, and the paragraph's last line that stands before it."""

    language: str
    text: str
    lead: str
    line: int


def blocks(path: Path) -> list[Block]:
    """All fenced blocks of a page, in order."""
    found: list[Block] = []
    lead, language, body, start = "", "", [], -1
    for number, line in enumerate(path.read_text().splitlines(), start=1):
        if start < 0 and (fence := re.fullmatch(r"```(\w*)", line)):
            language, body, start = fence[1], [], number
        elif start >= 0 and line == "```":
            found.append(Block(language, "\n".join(body) + "\n", lead, start))
            start, lead = -1, ""
        elif start >= 0:
            body.append(line)
        elif line.strip():
            lead = line
    assert start < 0, f"{path}: the block at line {start} has no end"
    return found


def run_session(page: Path) -> int:
    """Run the Python blocks of a page as one session; each must print the text block below it.

    Returns
    -------
    int
        How many blocks there are.
    """
    found = blocks(page)
    pairs = [(a, b) for a, b in pairwise(found) if (a.language, b.language) == ("python", "text")]
    assert len(pairs) == sum(b.language == "python" for b in found), "a block of Python without its output"
    names: dict[str, object] = {}
    here = Path.cwd()
    try:
        for code, printed in pairs:
            output = io.StringIO()
            with contextlib.redirect_stdout(output):
                exec(compile(code.text, page.name, "exec"), names)
            assert output.getvalue() == printed.text, f"{page.name}:{code.line}"
    finally:
        os.chdir(here)
    return len(pairs)
