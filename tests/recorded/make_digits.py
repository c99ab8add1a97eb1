"""Makes `digits.npz` from scikit-learn's `load_digits`: 640 scans of 8x8 pixels in 0..16, with their labels.

Run once, in an environment with scikit-learn; the first 64 rows of each of the ten classes, in the original
order.
"""

from __future__ import annotations

import importlib
from pathlib import Path

import numpy as np


def main() -> None:
    """Write the file next to this script."""
    images, labels = importlib.import_module("sklearn.datasets").load_digits(return_X_y=True)
    rows = np.sort(np.concatenate([np.flatnonzero(labels == digit)[:64] for digit in range(10)]))
    path = Path(__file__).with_name("digits.npz")
    np.savez_compressed(path, images=images[rows].astype(np.uint8), labels=labels[rows].astype(np.uint8))


if __name__ == "__main__":
    main()
