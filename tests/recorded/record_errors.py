"""Asks MXNet 1.9.1 what it says to the programs of docs/errors.md; writes `errors.json`.

Every Python block of the page is one program, run as ``train.py`` with ``import mxnet as mx``. Recorded is
what it prints and the error, without the C++ stack that some builds add; times of day are ``[00:00:00]``.

MXNET_SUBGRAPH_BACKEND=NONE OMP_NUM_THREADS=1 python record_errors.py [--print]
"""

import contextlib
import io
import json
import re
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from markdown import ROOT, blocks  # noqa: E402


def programs():
    """The page's programs, as MXNet's users write them."""
    page = [b.text for b in blocks(ROOT / "docs" / "errors.md") if b.language == "python"]
    return [text.replace("import cysym as mx", "import mxnet as mx") for text in page]


def answer(program):
    """What a program prints, and its error or that there was none."""
    printed = io.StringIO()
    try:
        with contextlib.redirect_stdout(printed):
            exec(compile(program, "train.py", "exec"), {"__name__": "__main__"})
        last = "no error"
    except Exception as error:
        last = "{}: {}".format(type(error).__name__, str(error).partition("\nStack trace:")[0])
    text = re.sub(r"\[\d\d:\d\d:\d\d\]", "[00:00:00]", printed.getvalue() + last)
    return [line.rstrip() for line in text.rstrip().splitlines()]


if __name__ == "__main__":
    found = json.dumps([{"program": p, "says": answer(p)} for p in programs()], indent=1) + "\n"
    if "--print" in sys.argv:
        print(found, end="")
    else:
        (HERE / "errors.json").write_text(found)
