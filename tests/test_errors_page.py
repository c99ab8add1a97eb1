"""docs/errors.md: what its ten programs say here, and what MXNet 1.9.1 was recorded to say, stand there."""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest
from markdown import ROOT, blocks
from oracle import run_mxnet

import cysym as mx

RECORDED = ROOT / "tests" / "recorded"
sys.path.insert(0, str(RECORDED))
from record_errors import answer, programs  # noqa: E402

PAGE = blocks(ROOT / "docs" / "errors.md")
FIRST = [k for k, block in enumerate(PAGE) if block.language == "python"]
ENTRIES: list[dict[str, Any]] = json.loads((RECORDED / "errors.json").read_text())


def same(shown: list[str], said: list[str]) -> bool:
    """Whether the page shows the lines, where its line ``...`` stands for any number of them."""
    if not shown or not said:
        return all(line == "..." for line in shown) and not said
    if shown[0] == "...":
        return same(shown[1:], said) or same(shown, said[1:])
    return shown[0] == said[0] and same(shown[1:], said[1:])


def test_comparison_can_fail() -> None:
    assert same(["a", "...", "d"], ["a", "b", "c", "d"])
    assert not same(["a", "...", "d"], ["a", "b"])
    assert not same(["a"], ["b"])
    assert not same(["a"], ["a", "b"])


@pytest.mark.parametrize("number", range(len(FIRST)))
def test_both_sides_stand_on_the_page(number: int) -> None:
    program, theirs, ours = PAGE[FIRST[number] : FIRST[number] + 3]
    assert (theirs.lead, ours.lead) == ("MXNet 1.9.1:", "cysym:")
    with mx.name.NameManager():  # counts from 0, as in a process of its own
        said = answer(program.text)
    assert said != ["no error"]
    assert same(ours.text.splitlines(), said), "\n".join(said)
    assert same(theirs.text.splitlines(), ENTRIES[number]["says"])


def test_recorded_programs_are_those_of_the_page() -> None:
    assert len(FIRST) == 10
    assert [entry["program"] for entry in ENTRIES] == programs()


def test_mxnet_says_what_was_recorded() -> None:
    assert json.loads(run_mxnet(RECORDED / "record_errors.py", "--print")) == ENTRIES
