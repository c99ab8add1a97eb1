"""Operators of every family against MXNet and PyTorch: milliseconds an imperative call, one table.

    python benchmarks/operators.py --mxnet /path/to/mxnet/python --torch /path/to/torch/python --rounds 5

Results are allocated by every call. `rounds.py` says how the programs take turns.
"""

from __future__ import annotations

from operators_side import INPUTS
from rounds import main

if __name__ == "__main__":
    main(__doc__ or "", "operators_side.py", INPUTS, "Operators", "operator, float32", "operators.md")
