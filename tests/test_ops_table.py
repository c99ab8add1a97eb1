"""docs/ops.md says what is true: each row is made again and compared."""

from __future__ import annotations

import pytest
from conftest import contexts
from ops_table import LEFT_OUT, PAGE, row, subjects, types_of

import cysym as mx
from cysym.ops.absent import ABSENT

TEXT = PAGE.read_text()
ROWS = {line.split("`")[1]: line for line in TEXT.split(LEFT_OUT)[0].splitlines() if line.startswith("| `")}
CPU, *DEVICES = contexts()


def test_every_operator_has_a_row_and_no_other() -> None:
    assert list(ROWS) == list(subjects())
    for pattern, reason in ABSENT:
        assert f"| `{pattern}` | {reason} |" in TEXT


@pytest.mark.parametrize("name", subjects())
def test_row(name: str) -> None:
    """Aliases, types on the CPU, gradients; the OpenCL half is the slow test's."""
    types = ROWS[name].split("|")[3].strip()
    _, _, device = types.partition(" / ")
    assert row(name, types_of(name, mx.cpu()), device or types_of(name, mx.cpu())) == ROWS[name]


@pytest.mark.slow
@pytest.mark.skipif(not DEVICES, reason="no OpenCL device")
@pytest.mark.parametrize("name", subjects())
def test_types_on_opencl(name: str) -> None:
    cpu, _, device = ROWS[name].split("|")[3].strip().partition(" / ")
    assert types_of(name, DEVICES[0]) == (device or cpu)
