"""Runs the five documents under MXNet 1.9.1, cell by cell, and writes what it shows into documents.json.

MXNET_SUBGRAPH_BACKEND=NONE OMP_NUM_THREADS=2 python record_documents.py
"""

import importlib
import json
import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from documents.extract import DOCUMENTS  # noqa: E402
from documents.session import Session  # noqa: E402


class Texts:
    """Puts what repeats (symbols, drawings) into a table; a note says `{"see": place in the table}`."""

    def __init__(self):
        self.lines, self._places = [], {}

    def of(self, noted):
        if isinstance(noted, list):
            return [self.of(v) for v in noted]
        if not isinstance(noted, dict):
            return noted
        if set(noted) & {"Symbol", "Digraph"}:
            line = json.dumps(noted)
            self._places.setdefault(line, len(self.lines))
            if self._places[line] == len(self.lines):
                self.lines.append(line)
            return {"see": self._places[line]}
        return {key: self.of(value) for key, value in noted.items()}


def main():
    """Write documents.json: per document and run of a cell what was seen, of the names those that changed."""
    if os.environ.get("MXNET_SUBGRAPH_BACKEND") != "NONE":
        raise SystemExit("set MXNET_SUBGRAPH_BACKEND=NONE, see README.md")
    mx = importlib.import_module("mxnet")
    if mx.__version__ != "1.9.1":
        raise SystemExit("the recorded truth is MXNet 1.9.1's, this is " + mx.__version__)
    texts, documents = Texts(), []
    for document in DOCUMENTS:
        before, lines = {}, []
        for seen in Session(mx, document, "import mxnet as mx").run_all().notes:
            names = seen["names"]
            changed = {k: v for k, v in names.items() if k not in before or before[k] != v}
            if set(before) - set(names):
                raise ValueError("a name is gone")
            before = names
            lines.append(json.dumps(texts.of(dict(seen, names=changed)), separators=(",", ":")))
        documents.append(json.dumps(document) + ": [\n" + ",\n".join(lines) + "\n]")
        print("recorded", document, len(lines))
    table = '"table": [\n' + ",\n".join(texts.lines) + "\n]"
    (HERE / "documents.json").write_text("{\n" + ",\n".join([*documents, table]) + "\n}\n")


if __name__ == "__main__":
    main()
