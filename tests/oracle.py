"""Real MXNet 1.9.1, where there is one: programs that run in its interpreter and what they print.

The environment variable CYSYM_MXNET names a Python 3.8 with ``mxnet==1.9.1 numpy==1.23.5``; without it the
tests that ask here are skipped, and only MXNet's recorded answers (tests/recorded) judge.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest


def mxnet_python() -> str:
    """Path of an interpreter that imports MXNet; skips the test where none is named."""
    path = os.environ.get("CYSYM_MXNET", "")
    if not path:
        pytest.skip("CYSYM_MXNET names no Python with MXNet 1.9.1")
    return path


def run_mxnet(*arguments: str | Path, cwd: Path | None = None, timeout: float = 300) -> str:
    """What a program prints in MXNet's interpreter.

    Parameters
    ----------
    arguments
        Of the interpreter: a script and its own arguments, or ``-c`` and a text.

    Raises
    ------
    AssertionError
        The program failed; with the end of what it said.
    """
    environment = {**os.environ, "MXNET_SUBGRAPH_BACKEND": "NONE", "OMP_NUM_THREADS": "1"}
    environment.pop("PYTHONPATH", None)
    done = subprocess.run(
        [mxnet_python(), *map(str, arguments)],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        timeout=timeout,
    )
    assert done.returncode == 0, f"MXNet's side ended with {done.returncode}:\n{done.stderr[-3000:]}"
    return done.stdout
