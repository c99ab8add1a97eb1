"""Runs the scripts of `examples/scripts` and writes their final metrics and seconds to `scripts.json`.

    OMP_NUM_THREADS=1 MXNET_SUBGRAPH_BACKEND=NONE PYTHON_WITH_MXNET record_scripts.py mxnet [NAME ...]
    CYSYM_NUM_THREADS=1 CYSYM_OPENCL=all PYTHON_WITH_CYSYM record_scripts.py cysym [NAME ...]
    python record_scripts.py table

The first column is the truth of `test_scripts.py`. The other two are for the table in
`docs/howto/old_scripts.md`, which `table` writes anew between its two markers.
"""

import json
import sys
from pathlib import Path

from scripts import RECORD, SCRIPTS, run, table

PAGE = Path(__file__).resolve().parents[2] / "docs" / "howto" / "old_scripts.md"
MARKER = "<!-- scripts -->\n"


def record_of(side, name):
    """What one side says: its columns of the record, the quicker one of two runs."""
    start = [sys.executable] if side == "mxnet" else [sys.executable, "-m", "cysym", "run"]
    columns = {}
    for column in ["mxnet"] if side == "mxnet" else ["cpu", "opencl"]:
        runs = [run(start, name, gpu=column == "opencl") for _ in range(2)]
        final, seconds = min(runs, key=lambda pair: pair[1])
        columns[column] = {"final": final, "seconds": seconds}
    return columns


def main(what, names):
    """Record one side's columns, or write the table."""
    if what == "table":
        before, _, after = PAGE.read_text().split(MARKER)
        PAGE.write_text(before + MARKER + table(json.loads(RECORD.read_text())) + MARKER + after)
        return
    for name in names or SCRIPTS:
        columns = record_of(what, name)
        print(name, *columns.items(), sep="\n  ")
        record = json.loads(RECORD.read_text()) if RECORD.exists() else {}
        record.setdefault(name, {}).update(columns)
        lines = [json.dumps(n) + ": " + json.dumps(record[n]) for n in SCRIPTS if n in record]
        RECORD.write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    if sys.argv[1:2] not in (["mxnet"], ["cysym"], ["table"]):
        raise SystemExit(__doc__)
    main(sys.argv[1], sys.argv[2:])
