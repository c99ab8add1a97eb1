"""The example of model parallelism runs, small: what it prints, and that it says when ways disagree."""

from __future__ import annotations

import re
import sys
from typing import Any

import numpy as np
import pytest
from markdown import ROOT

import cysym as mx

sys.path.insert(0, str(ROOT / "examples"))

import model_parallel

SMALL = ["--rows", "512", "--length", "8", "--hidden", "16", "--epochs", "5"]


def pairs() -> list[Any]:
    """Places of the two halves: two contexts of the CPU, and the CPU with an OpenCL device."""
    found = [(mx.cpu(0), mx.cpu(1))]
    if mx.context.opencl_devices():
        found += [(mx.cpu(0), mx.gpu(0)), (mx.gpu(0), mx.cpu(0))]
    return found


@pytest.mark.parametrize("places", pairs(), ids=str)
def test_ways_agree_and_learn(
    places: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model_parallel, "places", lambda: places)
    assert model_parallel.main([*SMALL, "--learned", "0.9"]) == 0
    printed, failed = capsys.readouterr()
    assert not failed
    lower, upper = map(str, places)
    assert f"  {lower}: arguments" in printed
    assert (
        "    data, embed_weight, lower_i2h_weight, lower_i2h_bias, lower_h2h_weight, lower_h2h_bias\n"
        in printed
    )
    assert re.search(rf"  {re.escape(upper)}: arguments [\d,]+, gradients [\d,]+, outputs", printed)
    # What crosses is one array of every step's states upwards, and its gradient downwards.
    states = 32 * 8 * 16 * 4
    crossing = sorted(line for line in printed.splitlines() if line.startswith("  to "))
    assert [line.split(": copy of ")[0] for line in crossing] == sorted([f"  to {lower}", f"  to {upper}"])
    assert all(line.endswith(f", {states:,} bytes") for line in crossing)
    found = [float(p) for p in re.findall(r"perplexity ([\d.]+)", printed)]
    assert len(found) == 3
    assert found == pytest.approx([found[0]] * 3, rel=1e-3)


def test_places_are_two(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    lower, upper = model_parallel.places()
    assert lower == mx.cpu(0)
    assert upper == (mx.gpu(0) if mx.context.opencl_devices() else mx.cpu(1))
    monkeypatch.setattr(mx.context, "opencl_devices", list)
    capsys.readouterr()
    assert model_parallel.places() == (mx.cpu(0), mx.cpu(1))
    assert "no OpenCL device is here" in capsys.readouterr().out


def test_it_says_what_failed(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_parallel, "places", lambda: (mx.cpu(0), mx.cpu(1)))
    assert model_parallel.main([*SMALL, "--learned", "0.1", "--tolerance", "-1"]) == 1
    failed = capsys.readouterr().err.splitlines()
    assert len(failed) == 6
    assert failed[0] == "FAILED: by Module on one device: parameters differ by 0.0e+00, more than -1.0"
    assert re.fullmatch(r"FAILED: by Module on one device: perplexity [\d.]+ is above 1\.\d\d", failed[1])


def test_guessing_knows_only_frequencies() -> None:
    text = model_parallel.Text(np.array([[0, 1, 2, 3], [3, 0, 1, 2]]), 4)  # 2 once of six, 1 twice, ...
    _, counts = np.unique(text.rows[:, 1:], return_counts=True)
    share = counts / 6
    assert text.guessing() == pytest.approx(float(np.prod(share**-share)))
    same = model_parallel.Text(np.array([[1, 2, 2, 2]]), 3)
    assert same.guessing() == pytest.approx(1.0)
