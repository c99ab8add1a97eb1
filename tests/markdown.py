"""Reads the fenced code blocks of the project's Markdown pages, for tests that run them."""

from __future__ import annotations

import re
from dataclasses import dataclass
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
