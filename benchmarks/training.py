"""What training does around the operators, against MXNet and PyTorch: milliseconds, one table.

    python benchmarks/training.py --mxnet /path/to/mxnet/python --torch /path/to/torch/python --rounds 5

Module steps and epochs, every optimizer, metrics, kvstore, iterators and files. cysym and MXNet run the same
lines. Needs Pillow for the JPEG that the image iterators read. `rounds.py` says how the programs take turns.
"""

from __future__ import annotations

import os
import tempfile

import numpy as np
from PIL import Image
from rounds import main
from training_side import ROWS_OF

if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        os.environ["BENCH_JPEG"] = os.path.join(folder, "bench.jpg")
        y, x = np.mgrid[:128, :128]
        waves = [np.sin(x / (7 + c)) * np.cos(y / (11 - c)) * 100 + 128 for c in range(3)]
        Image.fromarray(np.stack(waves, -1).astype(np.uint8)).save(os.environ["BENCH_JPEG"], quality=90)
        main(__doc__ or "", "training_side.py", ROWS_OF, "Training", "job", "training.md")
