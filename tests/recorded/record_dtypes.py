"""Asks MXNet which element types each operator takes in an imperative call, and what comes out.

For the first recorded case of every operator that has inputs, the inputs are turned into each type: all that
share the first one's type, or, where MXNet refuses that, the first one alone. Each question runs in a child
process, since some crash MXNet. Writes `dtypes.json` and `dtypes.npz`.
"""

from __future__ import annotations

import json
import os
import pickle
from typing import TYPE_CHECKING, Any

import numpy as np
from opcases import OpCase, cases_of, stems
from recorder import Blob, find_operator

if TYPE_CHECKING:
    from pathlib import Path

# Their second input holds indices: changed numbers would point outside.
INDEXED = ("scatter_nd", "gather_nd", "take", "pick", "batch_take", "_contrib_index_copy")
TYPES = ("float16", "float32", "float64", "uint8", "int8", "int32", "int64")


def first_cases() -> dict[str, OpCase]:
    """Operator -> its first case that has inputs and draws nothing."""
    found: dict[str, OpCase] = {}
    for stem in stems():
        for case in cases_of(stem):
            if case.inputs and case.seed is None and case.op not in found:
                found[case.op] = case
    return dict(sorted(found.items()))


def as_type(array: Any, dtype: str) -> Any:
    """The numbers in another type: small whole ones, not negative, for integers."""
    if np.dtype(dtype).kind == "f":
        return array.astype(dtype)
    return (np.abs(np.nan_to_num(np.round(array.astype("float64") * 2))) % 7).astype(dtype)


def variants(op: str, arrays: dict[str, Any], dtype: str) -> list[dict[str, Any]]:
    """The inputs in `dtype`: all of the first one's type, or the first alone."""
    first, *rest = arrays
    kind = arrays[first].dtype
    every = {n: as_type(a, dtype) if a.dtype == kind else a for n, a in arrays.items()}
    alone = {**arrays, first: every[first]}
    return [alone] if op in INDEXED else [every, alone] if rest else [every]


def ask(mx: Any, case: OpCase, arrays: dict[str, Any]) -> list[Any] | None:
    """Outputs of one call in a child process; None where MXNet refuses or dies."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(read)
            operands = [mx.nd.array(a, dtype=a.dtype) for a in arrays.values()]
            outputs = find_operator(mx.nd, case.op)(*operands, **case.params)
            outputs = outputs if isinstance(outputs, list) else [outputs]
            answer = pickle.dumps([o.asnumpy() for o in outputs])
            with os.fdopen(write, "wb") as pipe:
                pipe.write(answer)
        finally:
            os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        answer = pipe.read()
    os.waitpid(child, 0)
    return pickle.loads(answer) if answer else None


def record(mx: Any, folder: Path) -> None:
    """Write the answers: ``{"op", "case", "types": {type: null or {"inputs", "outputs"}}}`` a line."""
    blob = Blob()
    lines = []
    for op, case in first_cases().items():
        arrays = {name: make(case.rng(name)) for name, make in case.inputs.items()}
        types: dict[str, Any] = {}
        for dtype in TYPES:
            types[dtype] = None
            for given in variants(op, arrays, dtype):
                outputs = ask(mx, case, given)
                if outputs is not None:
                    types[dtype] = {
                        "inputs": {name: blob.add(array) for name, array in given.items()},
                        "outputs": [blob.add(output) for output in outputs],
                    }
                    break
        lines.append(json.dumps({"op": op, "case": case.name, "params": case.params, "types": types}))
    (folder / "dtypes.json").write_text("[\n" + ",\n".join(lines) + "\n]\n")
    np.savez_compressed(folder / "dtypes.npz", bytes=blob.to_array())
