"""The scripts of `examples/scripts`, which say `import mxnet as mx`, run unchanged and give MXNet's metrics.

`recorded/scripts.py` lists them with their tolerances, `recorded/scripts.json` holds what MXNet 1.9.1 gave.
Each runs in a process of its own through `python -m cysym run`, on the CPU and on the OpenCL device.
"""

from __future__ import annotations

import ast
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from markdown import ROOT
from oracle import mxnet_python, run_mxnet
from recorded.scripts import FOLDER, RECORD, SCRIPTS, final, run, started, table

PAGE = ROOT / "docs" / "howto" / "old_scripts.md"
START = [sys.executable, "-m", "cysym", "run"]


def recorded() -> dict[str, Any]:
    record: dict[str, Any] = json.loads(RECORD.read_text())
    return record


@pytest.mark.parametrize("name", SCRIPTS)
def test_metrics_are_those_of_mxnet(name: str, ctx: Any) -> None:
    got, _ = run(START, name, gpu=ctx.device_type == "gpu")
    differences = SCRIPTS[name].differences(got, recorded()[name]["mxnet"]["final"])
    assert not differences, "\n".join(differences)


@pytest.mark.parametrize("name", SCRIPTS)
def test_mxnet_still_says_so(name: str, tmp_path: Path) -> None:
    mxnet_python()
    printed = run_mxnet(FOLDER / f"{name}.py", *SCRIPTS[name].arguments, cwd=tmp_path)
    differences = SCRIPTS[name].differences(final(printed), recorded()[name]["mxnet"]["final"])
    assert not differences, "\n".join(differences)


def test_every_script_is_listed_and_recorded() -> None:
    assert sorted(p.stem for p in FOLDER.glob("*.py")) == sorted(SCRIPTS)
    assert list(recorded()) == list(SCRIPTS)
    for name, columns in recorded().items():
        assert set(columns) == {"mxnet", "cpu", "opencl"}, name


@pytest.mark.parametrize("name", SCRIPTS)
def test_script_is_old_and_unchanged(name: str) -> None:
    """It says `import mxnet as mx`, knows nothing of cysym, and Python 3.8 can read it."""
    text = (FOLDER / f"{name}.py").read_text()
    tree = ast.parse(text, feature_version=(3, 8))
    assert "import mxnet as mx\n" in text
    assert "cysym" not in text
    assert len((ast.get_docstring(tree) or "").splitlines()) >= 3


@pytest.mark.parametrize("name", SCRIPTS)
def test_script_says_when_it_is_not_good_enough(name: str) -> None:
    done = started(START, name, *SCRIPTS[name].worse)
    assert done.returncode == 1, done.stderr
    assert done.stderr.splitlines()[-1].startswith("FAILED: "), done.stderr
    final(done.stdout)


def test_table_in_the_documents_is_the_record() -> None:
    parts = PAGE.read_text().split("<!-- scripts -->\n")
    assert len(parts) == 3
    assert parts[1] == table(recorded())
    for name, columns in recorded().items():
        for side in ("cpu", "opencl"):
            differences = SCRIPTS[name].differences(columns[side]["final"], columns["mxnet"]["final"])
            assert not differences, f"{name} on {side}: {differences}"
