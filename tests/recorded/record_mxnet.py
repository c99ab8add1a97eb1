"""Asks MXNet 1.9.1 for the recorded truth and writes the data files next to itself.

    MXNET_SUBGRAPH_BACKEND=NONE OMP_NUM_THREADS=2 python record_mxnet.py [PART ...]

The parts: ops (ops:STEM for one module of `asked/`), registry, dtypes, symbols, files, memory,
trajectories; without one, all.

Needs Python 3.8 with `mxnet==1.9.1 numpy==1.23.5`; imports only these and the scripts beside it. `README.md`
describes the files; `loader.py` reads them.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import record_dtypes
import record_files
import record_memory
import record_registry
import record_symbols
import record_trajectories
from opcases import cases_of, stems
from recorder import Blob, record_case

HERE = Path(__file__).resolve().parent


def record_ops(mx: Any, folder: Path, only: str = "") -> None:
    """Write `STEM.json`, one case per line, and `STEM.npz`, which holds all arrays as one byte string."""
    for stem in [only] if only else stems():
        blob = Blob()
        lines = [json.dumps(record_case(mx, case, blob), separators=(",", ":")) for case in cases_of(stem)]
        (folder / f"{stem}.json").write_text("[\n" + ",\n".join(lines) + "\n]\n")
        np.savez_compressed(folder / f"{stem}.npz", bytes=blob.to_array())


def main(parts: list[str]) -> None:
    """Record the named parts, or all."""
    jobs: dict[str, Any] = {
        "ops": (record_ops, HERE / "ops"),
        "registry": (record_registry.record, HERE / "registry.json"),
        "dtypes": (record_dtypes.record, HERE),
        "symbols": (record_symbols.record, HERE / "json"),
        "files": (record_files.record, HERE / "files"),
        "memory": (record_memory.record, HERE / "memory.json"),
        "trajectories": (record_trajectories.record, HERE),
    }
    unknown = sorted({part.split(":")[0] for part in parts} - set(jobs))
    if unknown:
        raise SystemExit("unknown part {}; the parts are {}".format(", ".join(unknown), ", ".join(jobs)))
    if os.environ.get("MXNET_SUBGRAPH_BACKEND") != "NONE":
        raise SystemExit(
            "set MXNET_SUBGRAPH_BACKEND=NONE: with its fusing backend MXNet gives other names and bits"
        )
    mx: Any = importlib.import_module("mxnet")
    if mx.__version__ != "1.9.1":
        raise SystemExit("the recorded truth is MXNet 1.9.1's, this is " + mx.__version__)
    for part in parts or list(jobs):
        name, _, only = part.partition(":")
        job, target = jobs[name]
        job(mx, target, *([only] if only else []))
        print("recorded", part)


if __name__ == "__main__":
    main(sys.argv[1:])
