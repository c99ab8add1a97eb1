"""The examples run, small: what they print, leave behind and return."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from markdown import ROOT

import cysym as mx

sys.path.insert(0, str(ROOT / "examples"))

import digits


def run(output: Path, ctx: Any, *options: str) -> int:
    device = "opencl" if ctx.device_type == "gpu" else "cpu"
    return digits.main(["--output", str(output), "--devices", device, *options])


def test_digits_are_learned(tmp_path: Path, ctx: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path, ctx, "--networks", "mlp", "--epochs", "4", "--accuracy", "0.93") == 0
    printed, bars = capsys.readouterr()
    assert f"mlp on {ctx}: accuracy 0.9" in printed
    assert "the same from its checkpoint" in printed
    assert "1.000 x the lower bound" in printed
    assert "Epoch[3] 100%" in bars
    prefix = f"mlp-{ctx.device_type}"
    made = {p.name for p in tmp_path.iterdir()}
    assert made == {"mlp.svg", "mlp.gv", f"{prefix}-symbol.json", f"{prefix}-0004.params"}
    assert (tmp_path / "mlp.svg").read_text().startswith("<svg")
    assert "fc1" in (tmp_path / "mlp.gv").read_text()
    symbol, args, aux = mx.model.load_checkpoint(str(tmp_path / prefix), 4)
    assert symbol.list_arguments() == digits.mlp().list_arguments()
    assert args["fc1_weight"].shape == (128, 64)
    assert not aux


def test_digits_says_when_it_failed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path, mx.cpu(), "--networks", "mlp", "--epochs", "1", "--accuracy", "1.01") == 1
    assert "FAILED: mlp on cpu(0): accuracy below 1.01" in capsys.readouterr().err


def test_devices_agree_on_lenet(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if not mx.context.opencl_devices():
        pytest.skip("no OpenCL device")
    options = ["--networks", "lenet", "--epochs", "1", "--accuracy", "0.5", "--tolerance", "1e-3"]
    assert digits.main(["--output", str(tmp_path), *options]) == 0
    assert "lenet: probabilities on the two devices differ by at most" in capsys.readouterr().out
