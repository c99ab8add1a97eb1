"""Makes docs/ops.md: what each operator takes, on which device, and what has a gradient. Found by calling.

    CYSYM_OPENCL=all python tests/ops_table.py      (make ops-table)

Every operator's first case runs in every element type through `mx.nd`, on the CPU and on the first OpenCL
device. `test_ops_table.py` checks that the page says what is true.
"""

from __future__ import annotations

import os
import re
import sys
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

os.environ.setdefault("CYSYM_OPENCL", "all")

from harness import Subject, as_tuple, load_subjects

import cysym as mx
from cysym.dtypes import SHORT, TYPES
from cysym.ops.absent import ABSENT
from cysym.ops.schema import all_ops

PAGE = Path(__file__).resolve().parent.parent / "docs" / "ops.md"
KINDS = {short: np.dtype(kind) for short, kind in zip(SHORT, TYPES, strict=True) if short != "b8"}
FAMILY = re.compile(r"^_?(linalg|contrib|random|sample)_")
HEAD = """# Operators

Made by `make ops-table`, which calls every operator; a test compares this page with what it finds.

Each operator is `mx.sym.NAME` and `mx.nd.NAME`, under its aliases, too; names that begin with `_linalg_`,
`_contrib_` and `_random_` also stand in `mx.nd.linalg`, `mx.nd.contrib`, `mx.nd.random` and their `mx.sym`
twins. Docstrings give shapes and formulas: `help(mx.nd.topk)`.

*Types* are those of the first input (of a result, where there is no input): f16 f32 f64 u8 i8 i32 i64 for
float16 to int64. One column serves the CPU and OpenCL devices where both take the same; otherwise OpenCL's
stand behind a slash. A device without double precision refuses f64. *Gradient* names inputs that have one.

| operator | aliases | types | gradient |
|---|---|---|---|
"""
LEFT_OUT = """
## Left out

| MXNet's operators | why |
|---|---|
"""


@cache
def subjects() -> dict[str, list[Subject]]:
    """Cases by operator, as the tests have them."""
    found: dict[str, list[Subject]] = {}
    for subject in load_subjects():
        if not subject.op.name.startswith("_backward"):
            found.setdefault(subject.op.name, []).append(subject)
    return dict(sorted(found.items(), key=lambda item: (bool(FAMILY.match(item[0])), item[0].lower())))


def as_type(array: Any, kind: Any) -> Any:
    """The numbers in another type; small whole ones, not negative, for integers."""
    if kind.kind != "f":
        return (np.abs(np.nan_to_num(np.round(array * 2))) % 7).astype(kind)
    with np.errstate(over="ignore"):
        return array.astype(kind)


def takes(subject: Subject, kind: Any, ctx: Any) -> bool:
    """Whether a call with the first input (and all of its type) in this element type computes."""
    own = subject.case.dtypes[0]
    arrays = subject.arrays(own)
    if not arrays:
        arrays = {}
        if "dtype" not in subject.op.params:
            return kind == np.float32
    params = dict(subject.case.params)
    if not arrays:
        params["dtype"] = str(kind)
    base = next(iter(arrays.values())).dtype if arrays else None
    every = {n: as_type(a, kind) if a.dtype == base else a for n, a in arrays.items()}
    first = {**arrays, **dict(list(every.items())[:1])}
    for given in (every, first):
        try:
            with ctx:
                inputs = [mx.nd.array(a, ctx=ctx, dtype=a.dtype) for a in given.values()]
                for output in as_tuple(getattr(mx.nd, subject.case.op)(*inputs, **params)):
                    output.asnumpy()
        except mx.MXNetError:
            continue
        return True
    return False


def types_of(name: str, ctx: Any) -> str:
    """Element types the operator takes on the device."""
    subject = subjects()[name][0]
    found = [short for short, kind in KINDS.items() if takes(subject, kind, ctx)]
    return "all" if len(found) == len(KINDS) else " ".join(found)


def gradients_of(name: str) -> str:
    """Inputs with a gradient in any case."""
    names = dict.fromkeys(n for s in subjects()[name] if s.has_gradient for n in s.wrt)
    if all_ops()[name].variadic and names:
        return "every input" if len(names) > 1 else next(iter(names))
    return ", ".join(names)


def row(name: str, cpu: str, device: str) -> str:
    aliases = sorted(alias for alias, cls in all_ops().items() if cls.name == name and alias != name)
    types = cpu if cpu == device else f"{cpu} / {device}"
    return f"| `{name}` | {', '.join(f'`{a}`' for a in aliases)} | {types} | {gradients_of(name)} |"


def page(device: Any) -> str:
    lines = [row(name, types_of(name, mx.cpu()), types_of(name, device)) for name in subjects()]
    left_out = [f"| `{pattern}` | {reason} |" for pattern, reason in ABSENT]
    return HEAD + "\n".join(lines) + "\n" + LEFT_OUT + "\n".join(left_out) + "\n"


def main() -> None:
    devices = mx.test_utils.list_gpus()
    if not devices:
        sys.exit("no OpenCL device: CYSYM_OPENCL=all with PoCL installed admits CPUs")
    PAGE.write_text(page(mx.gpu(devices[0])))


if __name__ == "__main__":
    main()
