"""`python -m cysym doctor`: kernels are really run, broken drivers are survived and named, advice fits.

Drivers that crash and hang are real libraries, compiled here, that do so when they are loaded. What this
machine does not have is told to `advise` as data.
"""

from __future__ import annotations

import copy
import json
import os
import re
import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from markdown import ROOT

from cysym.cli import doctor, machine
from cysym.cli.advice import advise
from cysym.cli.child import ask

Facts = dict[str, Any]


@pytest.fixture
def opencl(monkeypatch: pytest.MonkeyPatch) -> None:
    """No choice of device or instruction set, whatever the tests were started with."""
    for name in ("CYSYM_OPENCL", "CYSYM_ISA"):
        monkeypatch.delenv(name, raising=False)


def listed(timeout: float = 60) -> Facts:
    """The part of the report that is about OpenCL, without trying any device."""
    found = doctor._opencl(timeout, lambda text: None, checks=())
    json.dumps(found)
    return found


# --- the whole ---------------------------------------------------------------------------------------------
def test_whole_report(opencl: None, tmp_path: Path) -> None:
    variables = {**os.environ, "PYTHONPATH": str(ROOT), "CYSYM_OPENCL": "all", "OMP_NUM_THREADS": "1"}
    variables.pop("CYSYM_NUM_THREADS", None)
    command = [sys.executable, "-m", "cysym", "doctor", "--json"]
    done = subprocess.run(command, cwd=tmp_path, env=variables, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(done.stdout)
    page = (ROOT / "docs" / "howto" / "opencl.md").read_text()
    keys = page.partition("its keys are")[2].partition(".\n")[0]
    assert list(report) == re.findall(r"`(\w+)`", keys)
    assert report["ok"] is True
    assert report["versions"]["mxnet"] == "1.9.1"
    assert report["threads"]["number"] == 1
    assert report["threads"]["why"] == "OMP_NUM_THREADS=1"
    assert report["build"]["kernels"] > 400
    assert report["cpu"]["isa"] in [s["name"] for s in report["cpu"]["sets"]]
    assert report["cpu"]["sets"][0]["name"] == "base"
    devices = report["opencl"]["devices"]
    assert sorted(d["context"] for d in devices) == [f"gpu({k})" for k in range(len(devices))] != []
    for tried in (*report["cpu"]["sets"], *devices):
        assert [c["name"] for c in tried["checks"]] == list(doctor.CHECKS)
        for check in tried["checks"]:
            if check["name"] == "float64" and not tried.get("float64", True):
                assert check["ok"] is None
            else:
                assert check["ok"] is True, check
                assert 0 < check["again_ms"] < 60e3


def test_report_as_text(
    opencl: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(doctor, "_SETS", ("base",))
    monkeypatch.setenv("OCL_ICD_VENDORS", "/nonexistent")
    from cysym.__main__ import main

    assert main(["doctor"]) == 0
    text = capsys.readouterr().out
    for part in (
        "python ",
        "numpy ",
        "threads ",
        "CPU: mx.cpu()",
        "kernels for base",
        "OpenCL\n",
        "Advice\n",
    ):
        assert part in text
    assert "OCL_ICD_VENDORS=/nonexistent names nothing that exists" in text
    assert text.endswith("all is well\n")


def test_timeout_must_be_a_number(capsys: pytest.CaptureFixture[str]) -> None:
    from cysym.__main__ import main

    for text in ("x", "0", "-1", "nan"):
        with pytest.raises(SystemExit) as ended:
            main(["doctor", "--timeout", text])
        assert ended.value.code == 2
        assert "number of seconds above 0" in capsys.readouterr().err


# --- what is missing or broken -----------------------------------------------------------------------------
def test_setting_leaves_out_every_device(opencl: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CYSYM_OPENCL", "none")
    found = listed()
    assert found["devices"]
    for device in found["devices"]:
        assert device["context"] is None
        assert device["usable"]
        assert "CYSYM_OPENCL='none'" in device["why_not"]
    assert not any("CYSYM_OPENCL" in line for line in advise(report(found)))
    found["setting"] = "nvidya"
    assert any("CYSYM_OPENCL=nvidya leaves out every device" in line for line in advise(report(found)))


@pytest.mark.parametrize(
    ("error", "advice"),
    [
        (
            "ModuleNotFoundError(\"No module named 'pyopencl'\", name='pyopencl')",
            "pip install 'cysym[opencl]'",
        ),
        ("ImportError('libOpenCL.so.1: cannot open shared object file')", "apt install ocl-icd-libopencl1"),
        ("RuntimeError('torn')", "pip install --force-reinstall pyopencl"),
    ],
)
def test_pyopencl_missing(
    opencl: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, error: str, advice: str
) -> None:
    (tmp_path / "pyopencl.py").write_text(f"raise {error}\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    found = listed()
    assert found["pyopencl"] is None
    assert not found["trouble"]
    (line,) = (x for x in advise(report(found)) if "pyopencl" in x)
    assert advice in line


BROKEN = {
    "crash": ("#include <stdlib.h>\nvoid f(void) { abort(); }", "crashed (SIGABRT)"),
    "hang": ("#include <unistd.h>\nvoid f(void) { for (;;) pause(); }", "no answer in 2 s"),
}


@pytest.mark.skipif(shutil.which("gcc") is None, reason="makes a library with gcc")
@pytest.mark.parametrize("kind", BROKEN)
def test_broken_driver(opencl: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, kind: str) -> None:
    code, trouble = BROKEN[kind]
    (tmp_path / "driver.c").write_text(code.replace("void f", "__attribute__((constructor)) void f"))
    library = tmp_path / "libdriver.so"
    command = ["gcc", "-shared", "-fPIC", "-o", str(library), str(tmp_path / "driver.c")]
    subprocess.run(command, check=True, timeout=60)
    (tmp_path / "bad.icd").write_text(f"{library}\n")
    (tmp_path / "good.icd").write_text("libm.so.6\n")  # loads, and is no driver
    monkeypatch.setenv("OCL_ICD_VENDORS", str(tmp_path))
    found = listed(2)
    assert found["trouble"].startswith(trouble)
    assert [row["file"] for row in found["guilty"]] == [str(tmp_path / "bad.icd")]
    (line,) = (x for x in advise(report(found)) if "bad.icd" in x)
    assert trouble in line
    assert "breaks every program" in line


def test_driver_that_does_not_load(opencl: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "gone.icd").write_text("libno-such-driver.so\n")
    monkeypatch.setenv("OCL_ICD_VENDORS", str(tmp_path))
    found = listed()
    assert not found["trouble"]
    (line,) = (x for x in advise(report(found)) if "gone.icd" in x)
    assert "libno-such-driver.so: cannot open" in line
    assert "dpkg -S" in line


# --- children ----------------------------------------------------------------------------------------------
DEVICE = """
import json, os, sys, time
for name in sys.argv[2:]:
    print(json.dumps({"begin": name}), flush=True)
    if name == "reduction": os.abort()
    if name == "float16": time.sleep(60)
    if name == "float64": raise SystemExit("gone wrong")
    print("a driver's own words")
    ok = name != "random numbers"
    print(json.dumps({"end": name, "ok": ok, "first_ms": 1.0, "again_ms": 1.0}), flush=True)
"""


def test_device_that_dies_at_some_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is charged with what happened during it, the others are tried in another child."""
    monkeypatch.setattr(doctor, "ask", partial(ask, program=("-c", DEVICE)))
    results = {c["name"]: c for c in doctor._try(["opencl"], list(doctor.CHECKS), 1.5, {})}
    assert list(results) == list(doctor.CHECKS)
    assert {name for name, c in results.items() if c["ok"]} == {
        "elementwise",
        "matrix product",
        "training step",
    }
    assert results["reduction"]["error"] == "crashed (SIGABRT)"
    assert results["float16"]["error"] == "no answer in 1.5 s"
    assert results["float64"]["error"] == "failed (status 1): gone wrong"
    assert results["random numbers"]["ok"] is False


def test_child_that_ends_early(monkeypatch: pytest.MonkeyPatch) -> None:
    for code, error in (("raise SystemExit(4)", "failed (status 4)"), ("pass", "ended without an answer")):
        monkeypatch.setattr(doctor, "ask", partial(ask, program=("-c", code)))
        results = doctor._try(["cpu"], ["elementwise", "float16"], 60, {})
        assert [(c["ok"], c["error"]) for c in results] == [(False, error)] * 2


def test_child_is_killed_with_its_children(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    code = f"""
import subprocess, sys, time
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(2); open({str(mark)!r}, 'w')"])
print('{{"begin": "x"}}', flush=True)
time.sleep(60)
"""
    answer = ask([], 0.7, program=("-c", code))
    assert answer.lines == [{"begin": "x"}]
    assert answer.trouble == "no answer in 0.7 s"
    with pytest.raises(subprocess.TimeoutExpired):
        subprocess.run([sys.executable, "-c", "import time; time.sleep(60)"], timeout=1.8)
    assert not mark.exists()


def test_wrong_numbers_are_noticed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import cysym as mx
    from cysym.cli import probe

    real = mx.nd.NDArray.asnumpy
    for factor, verdict in ((1.0, True), (1.001, False), (float("nan"), False)):
        monkeypatch.setattr(mx.nd.NDArray, "asnumpy", lambda self, f=factor: real(self) * f)
        probe.try_device(mx, mx.cpu(), ["elementwise", "matrix product", "reduction", "training step"])
        ends = [json.loads(x) for x in capsys.readouterr().out.splitlines() if '"end"' in x]
        assert [e["ok"] for e in ends] == [verdict] * 4, ends
    assert "times the allowed error" in ends[0]["error"]


# --- advice ------------------------------------------------------------------------------------------------
WELL: Facts = {
    "cpu": {"sets": [{"name": "base", "broken": False}, {"name": "avx2", "broken": False}]},
    "cache": {"folder": "/home/a/.cache", "writable": True},
    "packages": [],
    "opencl": {
        "setting": "", "pyopencl": "2026.1", "error": "", "trouble": "", "guilty": [], "is_there": True,
        "icds": {"setting": None, "place": "/etc/OpenCL/vendors", "exists": True, "files": []},
        "graphics": [], "nodes": [], "is_container": False,
        "platforms": [{"platform": "NVIDIA CUDA", "devices": 1, "error": ""}],
        "devices": [
            {"name": "NVIDIA H100", "platform": "NVIDIA CUDA", "kind": "GPU", "context": "gpu(0)",
             "usable": True, "checks": []},
        ],
    },
}  # fmt: skip


def report(opencl: Facts) -> Facts:
    return {**copy.deepcopy(WELL), "opencl": opencl}


def test_nothing_to_advise() -> None:
    assert advise(WELL) == []


def card(vendor: str) -> list[Facts]:
    return [{"bus": "0", "vendor": vendor, "device": "", "driver": None}]


def node(file: str, usable: bool = True) -> list[Facts]:
    return [{"file": file, "usable": usable, "group": "render"}]


BARE: Facts = {"platforms": [], "devices": []}
ADVICE: dict[str, tuple[Facts, list[str]]] = {
    "no platform": (BARE, ["No OpenCL platform", "pip install pocl-binary-distribution"]),
    "nvidia, no driver": ({**BARE, "graphics": card("NVIDIA")}, ["not loaded", "nvidia-opencl-icd"]),
    "nvidia, container, no gpu inside": (
        {**BARE, "graphics": card("NVIDIA"), "is_container": True},
        ["--gpus all", "NVIDIA_DRIVER_CAPABILITIES=compute,utility"],
    ),
    "nvidia, container, no icd": (
        {**BARE, "graphics": card("NVIDIA"), "is_container": True, "nodes": node("/dev/nvidiactl")},
        ["echo libnvidia-opencl.so.1 > /etc/OpenCL/vendors/nvidia.icd"],
    ),
    "amd": ({**BARE, "graphics": card("AMD")}, ["A GPU of AMD", "RUSTICL_ENABLE=radeonsi"]),
    "intel": ({**BARE, "graphics": card("Intel")}, ["A GPU of Intel", "intel-opencl-icd"]),
    "another card beside one that works": ({"graphics": card("Intel")}, ["intel-opencl-icd"]),
    "no permission": ({"nodes": node("/dev/dri/renderD128", False)}, ["usermod -aG render", "renderD128"]),
    "rusticl without drivers": (
        {"platforms": [{"platform": "rusticl", "devices": 0, "error": ""}]},
        ["RUSTICL_ENABLE", "radeonsi (AMD)"],
    ),
    "platform without hardware": (
        {"platforms": [{"platform": "AMD APP", "devices": 0, "error": "DEVICE_NOT_FOUND"}]},
        ["AMD APP has no device (DEVICE_NOT_FOUND)"],
    ),
    "import crashes": ({"pyopencl": None, "trouble": "crashed (SIGSEGV)"}, ["(SIGSEGV)", "reinstall"]),
    "listing crashes, nobody guilty": ({"trouble": "crashed (SIGSEGV)"}, ["cannot be asked", "update"]),
}  # fmt: skip


@pytest.mark.parametrize("case", ADVICE)
def test_advice(case: str) -> None:
    change, wanted = ADVICE[case]
    said = advise(report({**copy.deepcopy(WELL["opencl"]), **change}))
    assert said
    for part in wanted:
        assert any(part in line for line in said), said


def test_advice_beyond_opencl() -> None:
    facts = copy.deepcopy(WELL)
    facts["cpu"]["sets"][1]["broken"] = True
    facts["cache"]["writable"] = False
    facts["packages"] = [
        {"name": "graphviz", "version": "0.21", "extra": "viz", "for": "x", "dot": None},
        {"name": "Pillow", "version": None, "extra": "image", "for": "pictures"},
        {"name": "tqdm", "version": None, "extra": "demo", "for": "examples"},
    ]
    facts["opencl"]["devices"][0]["checks"] = [
        {"name": "float16", "ok": False},
        {"name": "float64", "ok": None},
    ]
    said = advise(facts)
    for part in ("CYSYM_ISA=base", "CYSYM_CACHE_DIR", "`dot`", "cysym[image]", "fails at float16: update"):
        assert sum(part in line for line in said) == 1, (part, said)
    assert len(said) == 5


def test_graphics_cards_are_read_from_the_bus(tmp_path: Path) -> None:
    for name, kind, vendor in (
        ("0000:00:02.0", "0x030000", "0x8086"),
        ("0000:01:00.0", "0x030200", "0x10de"),
        ("0000:02:00.0", "0x120000", "0x1002"),
        ("0000:03:00.0", "0x020000", "0x8086"),  # a network card
        ("0000:04:00.0", "0x030000", "0x1234"),
    ):
        folder = tmp_path / "sys/bus/pci/devices" / name
        folder.mkdir(parents=True)
        for file, text in (("class", kind), ("vendor", vendor), ("device", "0x1")):
            (folder / file).write_text(text + "\n")
    (tmp_path / "sys/bus/pci/devices/0000:01:00.0/driver").symlink_to(tmp_path / "nvidia")
    (tmp_path / "nvidia").mkdir()
    cards = machine.graphics(tmp_path)
    assert [c["vendor"] for c in cards] == ["Intel", "NVIDIA", "AMD", "0x1234"]
    assert [c["driver"] for c in cards] == [None, "nvidia", None, None]
    other = tmp_path / "container"
    (other / "proc/driver/nvidia").mkdir(parents=True)
    (other / "proc/driver/nvidia/version").write_text("560\n")
    assert [c["vendor"] for c in machine.graphics(other)] == ["NVIDIA"]
