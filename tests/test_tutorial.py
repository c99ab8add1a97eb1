"""docs/tutorial/symbol.md holds: its code prints what stands below it, and draws the pictures beside it.

`python tests/test_tutorial.py` draws the pictures anew.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import shutil
import tempfile
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from markdown import ROOT, blocks

import cysym as mx

PAGE = ROOT / "docs" / "tutorial" / "symbol.md"


def run_page(folder: Path, device: str = "mx.cpu()") -> tuple[list[list[str]], list[list[str]]]:
    """Run the page's code in a folder: what each block printed, and what the page says it prints.

    A block without a text below it prints nothing. With another `device`, it stands where the page says
    `mx.cpu()` and is the place where arrays are made.
    """
    found = [b for b in blocks(PAGE) if b.language in ("python", "text")]
    assert found[-1].language == "text"
    printed, said = [], []
    names: dict[str, Any] = {}
    here = Path.cwd()
    os.chdir(folder)
    try:
        with mx.name.NameManager(), eval(device, {"mx": mx}):
            for block, below in pairwise(found):
                if block.language != "python":
                    continue
                said.append(_lines(below.text if below.language == "text" else ""))
                output = io.StringIO()
                with contextlib.redirect_stdout(output):
                    exec(
                        compile(block.text.replace("mx.cpu()", device), f"{PAGE.name}:{block.line}", "exec"),
                        names,
                    )
                printed.append(_lines(output.getvalue()))
    finally:
        os.chdir(here)
    return printed, said


def _lines(text: str) -> list[str]:
    """A page keeps no blanks at the end of a line."""
    return [line.rstrip() for line in text.splitlines()]


def test_code_prints_what_the_page_says_and_draws_its_pictures(tmp_path: Path) -> None:
    pytest.importorskip("graphviz")
    printed, said = run_page(tmp_path)
    assert printed == said
    assert len(said) > 25
    pictures = {path.name: path.read_text() for path in tmp_path.glob("*.svg")}
    shown = re.findall(r"^!\[.{20,}\]\((\w+\.svg)\)$", PAGE.read_text(), re.M)
    assert sorted(pictures) == sorted(shown) == sorted(p.name for p in PAGE.parent.glob("*.svg"))
    for name, text in pictures.items():
        assert (PAGE.parent / name).read_text() == text, f"{name}: run `python tests/test_tutorial.py`"


@pytest.mark.skipif(not mx.context.opencl_devices(), reason="no OpenCL device")
def test_the_same_on_an_opencl_device(tmp_path: Path) -> None:
    pytest.importorskip("graphviz")
    printed, said = run_page(tmp_path, "mx.gpu(0)")
    assert printed == said


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        run_page(Path(folder))
        for made in Path(folder).glob("*.svg"):
            shutil.copy(made, PAGE.parent)
