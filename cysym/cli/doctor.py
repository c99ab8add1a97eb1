"""``python -m cysym doctor``: what is here, what works, and what to do about the rest.

Facts come from `machine`, what is tried runs in children (`child`, `probe`), what to do is said by `advice`.
This file puts the report together and prints it, as text while it grows or as one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from . import machine, terminal
from .advice import advise
from .child import Answer, ask

HELP: Final = "what is installed, what works on each device, and how to mend the rest"
CHECKS: Final = (
    "elementwise", "matrix product", "reduction", "random numbers", "training step", "float16", "float64",
)  # fmt: skip
_SETS: Final = ("base", "avx2", "avx512")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``--json`` and ``--timeout``."""
    parser.description = (
        "Runs kernels on the CPU and on every OpenCL device, each in a process of its own, and checks the "
        "numbers. Status 0: all is well (no GPU is no fault); 1: something is broken."
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument(
        "--timeout", type=_seconds, default=60.0, metavar="SECONDS", help="wait so long for one answer (60)"
    )


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 1e6:
        raise argparse.ArgumentTypeError(f"expected a number of seconds above 0, got {text!r}")
    return value


def _show(text: str) -> None:
    terminal.show(sys.stdout, text.split("\n"))


def main(args: argparse.Namespace) -> int:
    """Print the report; 0 when nothing is broken, else 1."""
    show: Callable[[str], None] = (lambda text: None) if args.json else _show
    report = examine(args.timeout, show)
    if args.json:
        print(json.dumps(report, indent=2))
    return 0 if report["ok"] else 1


def examine(timeout: float, show: Callable[[str], None] = lambda text: None) -> dict[str, Any]:
    """The report as plain data, its sections shown as they are found."""
    report: dict[str, Any] = {"ok": False}
    for name, find, text in (
        ("versions", machine.versions, _versions_text),
        ("build", machine.build, _build_text),
        ("threads", machine.threads, _threads_text),
        ("memory", machine.memory, _memory_text),
        ("cache", machine.cache, _cache_text),
        ("packages", machine.packages, _packages_text),
        ("cpu", lambda: _cpu(timeout), _cpu_text),
    ):
        report[name] = find()
        show(text(report[name]))
    show("\nOpenCL")
    report["opencl"] = _opencl(timeout, show)
    report["advice"] = advise(report)
    report["ok"] = not (
        any(s["broken"] for s in report["cpu"]["sets"])
        or report["opencl"]["trouble"]
        or any(d["broken"] for d in report["opencl"]["devices"] if d["context"])
    )
    lines = "".join(f"\n  {i}. {text}" for i, text in enumerate(report["advice"], 1)) or "\n  nothing to do"
    show(f"\nAdvice{lines}")
    show("\nall is well" if report["ok"] else "\nsomething is broken")
    return report


# --- what is tried -----------------------------------------------------------------------------------------
def _try(
    question: list[str], names: list[str], timeout: float, environment: dict[str, str]
) -> list[dict[str, Any]]:
    """Results of checks; a child that dies at one is followed by another for the rest."""
    results: dict[str, dict[str, Any]] = {}
    while left := [n for n in names if n not in results]:
        answer = ask([*question, *left], timeout, environment)
        begun = None
        for line in answer.lines:
            if "begin" in line:
                begun = line["begin"]
            elif "end" in line:
                facts = {k: v for k, v in line.items() if k != "end"}
                results[line["end"]] = {"name": line["end"], "error": "", **facts}
                begun = None
        if begun is not None:
            results[begun] = {"name": begun, "ok": False, "error": _why(answer)}
        elif any(n not in results for n in left):  # it never got to the next one
            for name in left:
                results.setdefault(name, {"name": name, "ok": False, "error": _why(answer)})
    return [results[n] for n in names]


def _why(answer: Answer) -> str:
    last = answer.last_words.splitlines()[-1:] if answer.trouble.startswith("failed") else []
    return ": ".join([answer.trouble or "ended without an answer", *last])


def _cpu(timeout: float) -> dict[str, Any]:
    from .._core import ISA

    sets = []
    for name in _SETS:
        checks = _try(["cpu"], list(CHECKS), timeout, {"CYSYM_ISA": name})
        if any("CYSYM_ISA=" in c["error"] for c in checks):
            continue  # this processor or this build has it not
        sets.append({"name": name, "checks": checks, "broken": any(c["ok"] is False for c in checks)})
    why = (
        f"CYSYM_ISA={os.environ['CYSYM_ISA']}"
        if os.environ.get("CYSYM_ISA")
        else "the best this processor has"
    )
    return {"isa": ISA, "why": why, "sets": sets}


def _opencl(timeout: float, show: Callable[[str], None], checks: Sequence[str] = CHECKS) -> dict[str, Any]:
    answer = ask(["list"], timeout)
    said: dict[str, Any] = {}
    for line in answer.lines:
        said.update((k, v) for k, v in line.items() if k not in ("platform", "device"))
    found: dict[str, Any] = {
        "setting": os.environ.get("CYSYM_OPENCL", ""),
        "pyopencl": said.get("pyopencl"),
        "library": said.get("library"),
        "error": said.get("missing") or said.get("no_platform") or "",
        "is_there": said.get("is_there", True),
        "trouble": f"{_why(answer)}, at: {said.get('begin', 'the start')}" if answer.trouble else "",
        "platforms": [line for line in answer.lines if "platform" in line],
        "devices": [line["device"] for line in answer.lines if "device" in line],
        "icds": machine.icds(),
        "graphics": machine.graphics(),
        "nodes": machine.nodes(),
        "is_container": machine.is_container(),
    }
    if found["pyopencl"]:
        (_find_guilty if found["trouble"] else _load_drivers)(found["icds"]["files"], timeout)
    found["guilty"] = [row for row in found["icds"]["files"] if row["is_guilty"]]
    show(_platforms_text(found))
    for device in found["devices"]:
        if device["usable"]:
            place = [str(n) for n in device["address"]]
            # Programs are to be compiled, not found; and devices that are not chosen are tried too.
            variables = {"CYSYM_OPENCL": "all", "CYSYM_CACHE": "0"}
            device["checks"] = _try(["opencl", *place], list(checks), timeout, variables)
        else:
            device["checks"] = []
        device["broken"] = any(c["ok"] is False for c in device["checks"])
        show(_device_text(device))
    return found


def _load_drivers(files: list[dict[str, Any]], timeout: float) -> None:
    """Note with each .icd file why its library does not load, "" where it does."""
    answer = ask(["load", *(row["library"] for row in files)], timeout)
    errors = {line["end"]: line["error"] for line in answer.lines if "end" in line}
    for row in files:
        row["error"] = errors.get(row["library"], _why(answer))


def _find_guilty(files: list[dict[str, Any]], timeout: float) -> None:
    """Note with each .icd file whether it alone breaks the listing of devices, and how."""
    for row in files:
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "one.icd").write_text(row["library"] + "\n")
            answer = ask(["list"], timeout, {"OCL_ICD_VENDORS": folder})
        row.update(error=_why(answer) if answer.trouble else "", is_guilty=bool(answer.trouble))


# --- text --------------------------------------------------------------------------------------------------
def _row(name: str, text: str) -> str:
    return f"  {name:<18}{text}"


def _bytes(count: int | None) -> str:
    if count is None:
        return "?"
    return f"{count / 2**30:.1f} GiB" if count >= 2**30 else f"{count / 2**20:.1f} MiB"


def _versions_text(v: dict[str, Any]) -> str:
    rows = [_row(name, v[name]) for name in ("python", "numpy", "platform", "processor", "folder")]
    return "\n".join([f"cysym {v['cysym']}, the interface of MXNet {v['mxnet']}", *rows])


def _build_text(b: dict[str, Any]) -> str:
    kind = "stable ABI of Python 3.11" if b["stable_abi"] else "this Python only"
    made = f"{b['compiler']}; {kind}; {b['kernels']} CPU kernels{'; sanitized' if b['sanitized'] else ''}"
    return _row("compiled with", made)


def _threads_text(t: dict[str, Any]) -> str:
    quota = f", quota {t['quota']}" if t["quota"] and not t["quota"].startswith("max") else ""
    return _row(
        "threads", f"{t['number']} ({t['why']}; {t['may_use']} of {t['processors']} processors{quota})"
    )


def _memory_text(m: dict[str, Any]) -> str:
    limit = f", limited to {_bytes(m['limit'])}" if m["limit"] else ""
    size = f"{_bytes(m['available'])} free of {_bytes(m['total'])}{limit}"
    return _row("memory", f"{size}; {m['kept_mib']} MiB kept for new arrays")


def _cache_text(c: dict[str, Any]) -> str:
    if c["folder"] is None:
        return _row("program cache", f"none ({c['why']})")
    state = "" if c["writable"] else ", cannot be written"
    return _row("program cache", f"{c['folder']}: {c['programs']} programs, {_bytes(c['bytes'])}{state}")


def _packages_text(packages: list[dict[str, Any]]) -> str:
    rows = []
    for p in packages:
        dot = f", dot {p['dot'] or 'missing'}" if "dot" in p and p["version"] else ""
        rows.append(_row(p["name"], f"{p['version'] or 'missing'}{dot} ({p['for']})"))
    return "\n".join(rows)


def _checks_text(checks: list[dict[str, Any]], indent: str) -> str:
    rows = []
    for c in checks:
        if c["ok"]:
            extra = c["first_ms"] - c["again_ms"]
            compiled = f", {extra:.0f} ms more the first time" if extra >= 20 else ""
            rows.append(f"{indent}{c['name']:<16}ok, {c['again_ms']:.1f} ms{compiled}")
        else:
            word = "FAILED" if c["ok"] is False else "no"
            rows.append(f"{indent}{c['name']:<16}{word}: {c['error']}")
    return "\n".join(rows)


def _cpu_text(cpu: dict[str, Any]) -> str:
    rows = ["\nCPU: mx.cpu()", _row("instruction set", f"{cpu['isa']} ({cpu['why']})")]
    for one in cpu["sets"]:
        if one["name"] == cpu["isa"] or one["broken"]:
            rows += [
                f"  kernels for {one['name']}, run and checked against NumPy",
                _checks_text(one["checks"], "    "),
            ]
        else:
            rows.append(f"  kernels for {one['name']} run and checked: ok")
    return "\n".join(rows)


def _platforms_text(o: dict[str, Any]) -> str:
    rows = []
    if o["pyopencl"]:
        rows += [_row("pyopencl", o["pyopencl"]), _row("loader", o["library"])]
    else:
        rows.append(_row("pyopencl", f"missing: {o['error'] or o['trouble']}"))
    rows.append(_row("CYSYM_OPENCL", o["setting"] or "not set: GPUs and accelerators"))
    for row in o["icds"]["files"]:
        rows.append(_row("driver", f"{row['file']}: {row['library']}{', BROKEN' if row['error'] else ''}"))
    if not o["icds"]["exists"]:
        rows.append(_row("drivers", f"{o['icds']['place']} does not exist"))
    for card in o["graphics"]:
        rows.append(
            _row("graphics card", f"{card['vendor']} {card['device']} (driver: {card['driver'] or 'none'})")
        )
    for node in o["nodes"]:
        may = "usable" if node["usable"] else "NOT usable by this user"
        rows.append(_row("device file", f"{node['file']}, group {node['group']}: {may}"))
    if o["trouble"]:
        rows.append(_row("BROKEN", f"listing the devices: {o['trouble']}"))
    for platform in o["platforms"]:
        count = f"{platform['devices']} device{'' if platform['devices'] == 1 else 's'}"
        rows.append(_row("platform", f"{platform['platform']}, {platform['version']}: {count}"))
    if not o["platforms"] and o["pyopencl"] and not o["trouble"]:
        rows.append(_row("platform", f"none ({o['error'] or 'no driver'})"))
    return "\n".join(rows)


def _device_text(d: dict[str, Any]) -> str:
    where = f"mx.{d['context']}" if d["context"] else f"not chosen ({d['why_not']})"
    floats = " ".join(f"{name}: {'yes' if d[name] else 'no'}" for name in ("float64", "float16"))
    rows = [
        f"\n{d['name']} ({d['platform']}): {where}",
        _row("kind", f"{d['kind']}, {d['units']} compute units, {d['clock_mhz']} MHz, driver {d['driver']}"),
        _row("version", d["version"]),
        _row("memory", f"{_bytes(d['memory'])}, at most {_bytes(d['max_alloc'])} in one piece"),
        _row("arithmetic", f"{floats} (float16 is stored and computed in float32 without it)"),
    ]
    return "\n".join([*rows, _checks_text(d["checks"], "    ")] if d["checks"] else rows)
