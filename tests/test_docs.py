"""The documents hold: the README's code prints what it says, links lead somewhere, the table of environment
variables is complete.
"""

from __future__ import annotations

import doctest
import importlib
import os
import pkgutil
import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from markdown import ROOT, blocks

import cysym

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def test_readme_prints_what_it_says(tmp_path: Path) -> None:
    found = blocks(ROOT / "README.md")
    pairs = [(a, b) for a, b in pairwise(found) if (a.language, b.language) == ("python", "text")]
    assert len(pairs) == sum(b.language == "python" for b in found) >= 1
    for code, printed in pairs:
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", code.text],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout == printed.text


def test_training_prints_what_it_says(capsys: pytest.CaptureFixture[str]) -> None:
    found = blocks(ROOT / "docs" / "howto" / "training.md")
    pairs = [(a, b) for a, b in pairwise(found) if (a.language, b.language) == ("python", "text")]
    assert len(pairs) == sum(b.language == "python" for b in found) >= 5
    names: dict[str, object] = {}
    here = Path.cwd()
    try:
        for code, printed in pairs:
            exec(compile(code.text, "training.md", "exec"), names)
            assert capsys.readouterr().out == printed.text
    finally:
        os.chdir(here)


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)", page.read_text()):
        if not target.startswith("http"):
            assert (page.parent / target).exists(), f"{page}: {target}"


def test_every_variable_is_in_the_table() -> None:
    """What the sources read from the environment, and nothing else, stands in docs/environment.md."""
    sources = [
        p
        for p in (ROOT / "cysym").rglob("*")
        if p.suffix in (".py", ".pyx", ".pxi") or p.parent.name == "c_runtime"
    ]
    read = set()
    for path in [*sources, ROOT / "setup.py"]:
        read |= set(re.findall(r"\"((?:CYSYM|OMP|MXNET)_[A-Z_0-9]+)\"", path.read_text()))
    listed = set(re.findall(r"^\| `(\w+)` \|", (ROOT / "docs" / "environment.md").read_text(), re.M))
    assert read == listed


def test_examples_of_docstrings() -> None:
    """Every `>>>` line of the package prints what stands below it."""
    tried = 0
    for found in pkgutil.walk_packages(cysym.__path__, "cysym."):
        if found.name.rpartition(".")[2] != "__main__":
            result = doctest.testmod(importlib.import_module(found.name))
            assert result.failed == 0, found.name
            tried += result.attempted
    assert tried > 100
