"""Runs every benchmark on cysym and its peers in turn (A B A B ...) and writes one table.

    python benchmarks/run.py --mxnet /path/to/mxnet/python --torch /path/to/torch/python --rounds 5

Each peer has an environment of its own; one that is not named is left out. Figures are medians over all
rounds; the ratio is the median of the rounds' ratios, so a machine that drifts does not favour anybody. Two
threads everywhere, except the chain, which runs on one in cysym (the others do not split 4 floats).
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
BENCHES = {
    "import": "import of the package",
    "nd_call": "imperative call on 4 floats, cache hit",
    "chain": "one operator of a 1,000-node chain on 4 floats, fusion off",
    "bind_resnet50": "ResNet-50 simple_bind for training, batch 32, the first time",
    "rebind_resnet50": "ResNet-50 simple_bind for training, batch 32, again",
    "bind_lstms": "simple_bind for training of one of 12 LSTMs of 10 to 21 steps, the first time",
    "mlp_step": "training step of the MLP 784-128-64-10, batch 64, with SGD",
}
REPEAT = {"import": 3, "bind_resnet50": 5, "rebind_resnet50": 5, "bind_lstms": 3}


def ask(python: str, script: str, bench: str) -> dict[str, Any] | None:
    """One peer's figures for one benchmark; None when it has no such benchmark."""
    environment = dict(os.environ, OMP_NUM_THREADS="2", CYSYM_NUM_THREADS="2")
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed package has its bytecode
    command = [python, str(HERE / script), "--bench", bench, "--repeat", str(REPEAT.get(bench, 30))]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, cwd=HERE)
    if done.returncode:
        if "invalid choice" in done.stderr:
            return None
        raise SystemExit(f"{script} --bench {bench} failed:\n{done.stderr}")
    document: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return document


def table(results: dict[str, dict[str, list[float]]], units: dict[str, str], peers: list[str]) -> str:
    """Markdown: a row a benchmark, cysym first, each peer with its ratio."""
    head = "| benchmark | unit | cysym | " + " | ".join(f"{p} (times cysym)" for p in peers) + " |"
    lines = [head, "|" + "---|" * (3 + len(peers))]
    for bench, found in results.items():
        ours = found["cysym"]
        cells = [BENCHES[bench], units[bench], f"{statistics.median(ours):.4g}"]
        for p in peers:
            theirs = found.get(p)
            if not theirs:
                cells.append("-")
                continue
            ratio = statistics.median(t / o for t, o in zip(theirs, ours, strict=True))
            cells.append(f"{statistics.median(theirs):.4g} ({ratio:.2f})")
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    """Read the command line, run, print and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mxnet", help="Python of an environment with MXNet 1.9.1")
    parser.add_argument("--torch", help="Python of an environment with PyTorch")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--bench", action="append", choices=sorted(BENCHES))
    parser.add_argument("--out", type=Path, default=HERE / "results" / "dispatch.md")
    args = parser.parse_args()
    programs = {"cysym": (sys.executable, "cysym_side.py")}
    if args.mxnet:
        programs["mxnet"] = (args.mxnet, "mxnet_side.py")
    if args.torch:
        programs["torch"] = (args.torch, "torch_side.py")
    results: dict[str, dict[str, list[float]]] = {}
    units: dict[str, str] = {}
    versions: dict[str, str] = {}
    for bench in args.bench or BENCHES:
        results[bench] = {p: [] for p in programs}
        for _ in range(args.rounds):
            for p, (python, script) in programs.items():
                document = ask(python, script, bench)
                if document is not None:
                    results[bench][p].append(float(document["median"]))
                    units[bench] = str(document["unit"])
                    versions[p] = str(document.get("version", versions.get(p, "")))
        print(bench, {p: statistics.median(t) for p, t in results[bench].items() if t}, flush=True)
    text = table(results, units, [p for p in programs if p != "cysym"])
    named = ", ".join(f"{p} {v}" for p, v in versions.items())
    command = "python benchmarks/run.py " + " ".join(f"--{p} PYTHON" for p in programs if p != "cysym")
    note = (
        f"Medians of {args.rounds} interleaved rounds; {named}; {platform.machine()}, "
        f"{os.cpu_count()} processors, "
        f"Python {platform.python_version()}. Made by `{command} --rounds {args.rounds}`."
    )
    print(text)
    args.out.parent.mkdir(exist_ok=True)
    args.out.write_text(f"# Dispatch and binding\n\n{text}\n\n{note}\n")


if __name__ == "__main__":
    main()
