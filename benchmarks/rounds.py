"""Asks frameworks in turn (A B A B ...) for the milliseconds of one row at a time and writes one table.

Each framework is a program in an environment of its own that stays up: it reads names of rows from stdin and
answers medians (`peer.serve`). The ratio in the table is the median of the rounds' ratios, so a machine that
drifts does not favour anybody. Two threads everywhere.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from statistics import median
from typing import Any

HERE = Path(__file__).resolve().parent


class Program:
    """A framework in its own environment, waiting for names of rows."""

    def __init__(self, python: str, script: str, framework: str) -> None:
        environment = dict(os.environ, OMP_NUM_THREADS="2", CYSYM_NUM_THREADS="2")
        self.process = subprocess.Popen(
            [python, str(HERE / script), framework], env=environment, cwd=HERE, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        self.version = self._answer()

    def _answer(self) -> Any:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.process.args} ended with {self.process.wait()}")
        return json.loads(line)

    def ask(self, name: str) -> float | None:
        assert self.process.stdin is not None
        self.process.stdin.write(name + "\n")
        self.process.stdin.flush()
        answer: float | None = self._answer()
        return answer


def line_of(name: str, times: dict[str, list[float | None]]) -> str:
    """One row of the table."""
    ours = [t for t in times["cysym"] if t is not None]
    cells = [name, f"{median(ours):.3g}"]
    for peer in list(times)[1:]:
        theirs = [t for t in times[peer] if t is not None]
        if theirs:
            ratio = median(t / o for t, o in zip(theirs, ours, strict=True))
            cells.append(f"{median(theirs):.3g} ({ratio:.2f})")
        else:
            cells.append("-")
    return "| " + " | ".join(cells) + " |"


def main(about: str, script: str, names: Iterable[str], title: str, column: str, out: str) -> None:
    """Read the command line, ask everybody for every row, print and write the table."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mxnet", help="Python of an environment with MXNet 1.9.1")
    parser.add_argument("--torch", help="Python of an environment with PyTorch")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="", help="rows whose name contains this")
    parser.add_argument("--out", type=Path, default=HERE / "results" / out)
    args = parser.parse_args()
    programs = {"cysym": Program(sys.executable, script, "cysym")}
    for peer in ("mxnet", "torch"):
        if getattr(args, peer):
            programs[peer] = Program(getattr(args, peer), script, peer)
    peers = [f"{p} (times cysym)" for p in list(programs)[1:]]
    lines = [f"| {column} | cysym, ms | " + " | ".join(peers) + " |", "|" + "---|" * (2 + len(peers))]
    for name in names:
        if args.only in name:
            times: dict[str, list[float | None]] = {p: [] for p in programs}
            for _ in range(args.rounds):
                for peer, program in programs.items():
                    times[peer].append(program.ask(name))
            lines.append(line_of(name, times))
            print(lines[-1], flush=True)
    named = ", ".join(f"{p} {program.version}" for p, program in programs.items())
    own = Path(sys.argv[0]).name
    command = " ".join([f"python benchmarks/{own}", *(f"--{p} PYTHON" for p in list(programs)[1:])])
    note = (
        f"Medians of {args.rounds} interleaved rounds; {named}; {platform.machine()}, {os.cpu_count()} "
        f"processors, Python {platform.python_version()}. Made by `{command} --rounds {args.rounds}`."
    )
    args.out.parent.mkdir(exist_ok=True)
    args.out.write_text(f"# {title}\n\n" + "\n".join(lines) + f"\n\n{note}\n")
