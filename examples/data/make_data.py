"""Makes the data files of this folder from their sources; README.md says where each comes from.

    python make_data.py alice29.txt

It needs scikit-learn (whose package carries the three tables) and the text of the book, which the source
distribution of Brotli 1.1.0 on PyPI holds as tests/testdata/alice29.txt. Nothing is downloaded here.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent


def digits() -> None:
    """The scans and their labels, one byte a number."""
    images, labels = importlib.import_module("sklearn.datasets").load_digits(return_X_y=True)
    np.savez_compressed(
        HERE / "digits.npz", images=images.astype(np.uint8).reshape(-1, 8, 8), labels=labels.astype(np.uint8)
    )


def table(name: str, columns: int) -> None:
    """The first columns of a table and its class, the last column, under one line of names."""
    loaded = getattr(importlib.import_module("sklearn.datasets"), "load_" + name)()
    names = [str(n).replace("/", "_").replace(" ", "_") for n in loaded.feature_names[:columns]]
    lines = [",".join([*names, "class"])]
    for row, target in zip(loaded.data[:, :columns], loaded.target, strict=True):
        lines.append(",".join([*(f"{value:g}" for value in row), str(target)]))
    (HERE / (name + ".csv")).write_text("\n".join(lines) + "\n")


def alice(source: Path) -> None:
    """Chapters I to III of the book, without the spaces that centre its headings."""
    lines = [line.rstrip() for line in source.read_text("ascii").splitlines()]
    chapters = [i for i, line in enumerate(lines) if "CHAPTER" in line]
    kept = [line.strip() for line in lines[chapters[0] : chapters[3]]]
    text = "\n".join(kept).strip()
    while "\n\n\n" in text:
        text = text.replace("\n\n\n", "\n\n")
    (HERE / "alice.txt").write_text(text + "\n")


if __name__ == "__main__":
    digits()
    table("wine", 13)
    table("breast_cancer", 10)
    alice(Path(sys.argv[1]))
