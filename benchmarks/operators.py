"""Operators of every family against MXNet and PyTorch: milliseconds an imperative call, one table.

    python benchmarks/operators.py --mxnet /path/to/mxnet/python --torch /path/to/torch/python --rounds 5

All programs stay up; each round asks them in turn (A B A B ...) for the median of one operator. The ratio is
the median of the rounds' ratios. Two threads everywhere, results allocated by every call.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
from pathlib import Path
from statistics import median
from typing import Any

from operators_side import INPUTS

HERE = Path(__file__).resolve().parent


class Program:
    """A framework in its own environment, waiting for operator names."""

    def __init__(self, python: str, framework: str) -> None:
        environment = dict(os.environ, OMP_NUM_THREADS="2", CYSYM_NUM_THREADS="2")
        command = [python, str(HERE / "operators_side.py"), framework]
        self.process = subprocess.Popen(
            command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=HERE
        )
        self.version = self._answer()

    def _answer(self) -> Any:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.process.args} ended with {self.process.wait()}")
        return json.loads(line)

    def ask(self, operator: str) -> float | None:
        assert self.process.stdin is not None
        self.process.stdin.write(operator + "\n")
        self.process.stdin.flush()
        answer: float | None = self._answer()
        return answer


def row(operator: str, times: dict[str, list[float | None]]) -> str:
    ours = [t for t in times["cysym"] if t is not None]
    cells = [operator, f"{median(ours):.3g}"]
    for peer in list(times)[1:]:
        theirs = [t for t in times[peer] if t is not None]
        if theirs:
            ratio = median(t / o for t, o in zip(theirs, ours, strict=True))
            cells.append(f"{median(theirs):.3g} ({ratio:.2f})")
        else:
            cells.append("-")
    return "| " + " | ".join(cells) + " |"


def main() -> None:
    """Read the command line, run, print and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mxnet", help="Python of an environment with MXNet 1.9.1")
    parser.add_argument("--torch", help="Python of an environment with PyTorch")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="", help="operators whose name contains this")
    parser.add_argument("--out", type=Path, default=HERE / "results" / "operators.md")
    args = parser.parse_args()
    programs = {"cysym": Program(sys.executable, "cysym")}
    for peer in ("mxnet", "torch"):
        if getattr(args, peer):
            programs[peer] = Program(getattr(args, peer), peer)
    peers = [f"{p} (times cysym)" for p in list(programs)[1:]]
    lines = ["| operator, float32 | cysym, ms | " + " | ".join(peers) + " |", "|" + "---|" * (2 + len(peers))]
    for operator in INPUTS:
        if args.only in operator:
            times: dict[str, list[float | None]] = {p: [] for p in programs}
            for _ in range(args.rounds):
                for name, program in programs.items():
                    times[name].append(program.ask(operator))
            lines.append(row(operator, times))
            print(lines[-1], flush=True)
    named = ", ".join(f"{p} {program.version}" for p, program in programs.items())
    command = " ".join(["python benchmarks/operators.py", *(f"--{p} PYTHON" for p in list(programs)[1:])])
    note = (
        f"Medians of {args.rounds} interleaved rounds; {named}; {platform.machine()}, {os.cpu_count()} "
        f"processors, Python {platform.python_version()}. Made by `{command} --rounds {args.rounds}`."
    )
    args.out.parent.mkdir(exist_ok=True)
    args.out.write_text("# Operators\n\n" + "\n".join(lines) + f"\n\n{note}\n")


if __name__ == "__main__":
    main()
