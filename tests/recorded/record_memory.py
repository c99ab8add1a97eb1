"""Records how much memory MXNet plans for classic networks: `memory.json`.

`Executor.debug_str()` ends in "Total N MB allocated": the pool of intermediate results in MiB, rounded
down, without arguments, gradients and outputs. Only binds; nothing runs. The networks are those of
`benchmarks/models.py`.
"""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path
from typing import Any

CASES = (
    ("mlp", 64),
    ("mlp", 8192),
    ("lenet", 64),
    ("lenet", 512),
    ("vgg16", 8),
    ("inception_bn", 32),
    ("resnet50", 32),
)


def _load_models(repository: Path) -> Any:
    spec = importlib.util.spec_from_file_location("models", repository / "benchmarks" / "models.py")
    if spec is None or spec.loader is None:
        raise FileNotFoundError(f"benchmarks/models.py under {repository}")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def record(mx: Any, path: Path) -> None:
    """Write the table to `path`."""
    models = _load_models(path.resolve().parents[2])
    rows = []
    for name, batch in CASES:
        builder, sample = models.MODELS[name]
        symbol = builder(mx)
        for train in (True, False):
            req = {
                argument: "write" if train and argument not in ("data", "softmax_label") else "null"
                for argument in symbol.list_arguments()
            }
            shape = (batch, *sample)
            executor = symbol.simple_bind(mx.cpu(), grad_req=req, data=shape)
            found = re.search(r"Total (\d+) MB allocated", executor.debug_str())
            if found is None:
                raise ValueError("no total in debug_str of " + name)
            rows.append({"model": name, "data": list(shape), "train": train, "mib": int(found.group(1))})
    path.write_text("[\n " + ",\n ".join(json.dumps(row) for row in rows) + "\n]\n")
