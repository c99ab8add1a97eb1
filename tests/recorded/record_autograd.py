"""Runs autograd_programs.py under MXNet 1.9.1 and writes autograd.json: program -> list of arrays as lists.

MXNET_SUBGRAPH_BACKEND=NONE OMP_NUM_THREADS=1 python record_autograd.py
"""

import json
import os

import mxnet as mx
from autograd_programs import PROGRAMS

here = os.path.dirname(os.path.abspath(__file__))
found = {p.__name__: [a.asnumpy().tolist() for a in p(mx)] for p in PROGRAMS}
with open(os.path.join(here, "autograd.json"), "w") as f:
    json.dump({"mxnet": mx.__version__, "programs": found}, f, indent=None, separators=(",", ":"))
    f.write("\n")
