"""Classic networks at batch 4 on the CPU, against MXNet: milliseconds, one table.

    python benchmarks/networks.py --mxnet /path/to/mxnet/python --rounds 3

Training is forward and backward of one batch, inference forward. MXNet runs with MKL-DNN. `rounds.py` says
how the programs take turns.
"""

from __future__ import annotations

from networks_side import ROWS
from rounds import main

if __name__ == "__main__":
    main(__doc__ or "", "networks_side.py", ROWS, "Classic networks", "network", "networks.md")
