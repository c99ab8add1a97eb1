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

import numpy as np
import pytest
from markdown import ROOT, blocks, run_session

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


@pytest.mark.parametrize("name", ["autograd", "custom_operators", "files", "training"])
def test_the_page_prints_what_it_says(name: str) -> None:
    np.random.seed(0)
    assert run_session(ROOT / "docs" / "howto" / f"{name}.md") >= 4


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
