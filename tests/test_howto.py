"""docs/howto/add_an_operator.md holds: a copy of the repository is edited as the page says, built, and the
page's tests and code are run there.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from markdown import ROOT, Block, blocks

PAGE = ROOT / "docs" / "howto" / "add_an_operator.md"
COPIED = ("cysym", "tests", "build", "setup.py", "pyproject.toml", "README.md", "LICENSE")


def edit(copy: Path, block: Block) -> None:
    """Do with a block what the line before it says."""
    if match := re.fullmatch(r"New file `(.+)`:", block.lead):
        path = copy / match[1]
        assert not path.exists()
        path.write_text(block.text)
    elif match := re.fullmatch(r"Append to `(.+)`:", block.lead):
        path = copy / match[1]
        path.write_text(path.read_text() + block.text)
    elif match := re.fullmatch(r"In `(.+)`, after the line `(.+)`:", block.lead):
        path = copy / match[1]
        text = path.read_text()
        assert text.count(match[2] + "\n") == 1
        path.write_text(text.replace(match[2] + "\n", match[2] + "\n" + block.text))
    else:
        raise AssertionError(f"line {block.line}: what to do with this block? {block.lead!r}")


def run(copy: Path, *command: str) -> str:
    done = subprocess.run(
        command, cwd=copy, env={**os.environ, "PYTHONPATH": str(copy)}, capture_output=True, text=True
    )
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
    return done.stdout


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The repository with the page's files in it, built. Objects that are there already are used again."""
    copy = tmp_path_factory.mktemp("howto") / "cysym"
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(
                source, copy / name, ignore=shutil.ignore_patterns("__pycache__", "*.so", "recorded")
            )
        elif source.exists():
            shutil.copy2(source, copy / name)
    for block in blocks(PAGE):
        if block.language in ("c", "python") and block.lead.endswith("`:"):
            edit(copy, block)
    run(copy, sys.executable, "setup.py", "-q", "build_ext", "--inplace")
    return copy


def test_the_operators_pass_the_generated_suite(copy: Path) -> None:
    (shell,) = [b for b in blocks(PAGE) if b.language == "sh"]
    chosen = re.search(r'-k "(.+)"', shell.text)
    assert chosen
    output = run(copy, sys.executable, "-m", "pytest", "tests/test_operators.py", "-k", chosen[1])
    count = re.search(r"(\d+) passed", output)
    assert count
    assert int(count[1]) >= 30, output


def test_the_code_prints_what_the_page_says(copy: Path) -> None:
    *_, code, printed = blocks(PAGE)
    assert (code.language, printed.language) == ("python", "text")
    assert run(copy, sys.executable, "-c", code.text) == printed.text
