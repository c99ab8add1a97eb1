"""Runs the programs of `programs/` under MXNet 1.9.1 and writes their answers beside them.

MXNET_SUBGRAPH_BACKEND=NONE OMP_NUM_THREADS=2 python record_programs.py [AREA ...]
"""

import importlib
import json
import os
import sys
from pathlib import Path

import numpy as np
from programs import plain, programs_of
from recorder import Blob

HERE = Path(__file__).resolve().parent / "programs"


def main(areas):
    """Record the named areas, or all."""
    if os.environ.get("MXNET_SUBGRAPH_BACKEND") != "NONE":
        raise SystemExit("set MXNET_SUBGRAPH_BACKEND=NONE, see README.md")
    mx = importlib.import_module("mxnet")
    if mx.__version__ != "1.9.1":
        raise SystemExit("the recorded truth is MXNet 1.9.1's, this is " + mx.__version__)
    for area in areas or sorted(p.stem for p in HERE.glob("[a-z]*.py")):
        module, blob, lines = importlib.import_module("programs." + area), Blob(), []
        for program in programs_of(module):
            mx.random.seed(0)
            np.random.seed(0)
            answer = plain(program(mx, mx.cpu()), blob)
            lines.append(json.dumps(program.name) + ": " + json.dumps(answer, separators=(",", ":")))
        (HERE / (area + ".json")).write_text("{\n" + ",\n".join(lines) + "\n}\n")
        np.savez_compressed(HERE / (area + ".npz"), bytes=blob.to_array())
        print("recorded", area, len(lines))


if __name__ == "__main__":
    main(sys.argv[1:])
