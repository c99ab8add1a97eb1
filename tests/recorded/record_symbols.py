"""Records what MXNet says about the symbols of `symbols.py`: `json/*.json` and `json/expected.json`.

The text of `tojson()` goes byte for byte into `json/<name>.json`; names, attributes and inferred shapes of
all symbols go into `json/expected.json`. Hand-made files of old versions are upgraded by MXNet:
`json/legacy_*.json`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from symbols import BUILDERS, SHAPES, build, describe

_FC_08 = {
    "nodes": [
        {"op": "null", "param": {}, "name": "data", "inputs": [], "backward_source_id": -1},
        {"op": "null", "param": {}, "name": "bn_gamma", "inputs": [], "backward_source_id": -1},
        {"op": "null", "param": {}, "name": "bn_beta", "inputs": [], "backward_source_id": -1},
        {
            "op": "BatchNorm",
            "param": {"eps": "0.001", "fix_gamma": "True", "momentum": "0.9", "use_global_stats": "False"},
            "name": "bn",
            "inputs": [[0, 0], [1, 0], [2, 0]],
            "backward_source_id": -1,
        },
        {"op": "null", "param": {}, "name": "fc_weight", "inputs": [], "backward_source_id": -1},
        {"op": "null", "param": {}, "name": "fc_bias", "inputs": [], "backward_source_id": -1},
        {
            "op": "FullyConnected",
            "param": {"no_bias": "False", "num_hidden": "5"},
            "name": "fc",
            "inputs": [[3, 0], [4, 0], [5, 0]],
            "attr": {"ctx_group": "stage1", "weight_lr_mult": "0.5"},
            "backward_source_id": -1,
        },
    ],
    "arg_nodes": [0, 1, 2, 4, 5],
    "heads": [[6, 0]],
}

_FC_10 = {
    "nodes": [
        {"op": "null", "name": "data", "inputs": []},
        {"op": "null", "name": "fc_weight", "attr": {"num_hidden": "5", "lr_mult": "2"}, "inputs": []},
        {"op": "null", "name": "fc_bias", "attr": {"num_hidden": "5"}, "inputs": []},
        {
            "op": "FullyConnected",
            "name": "fc",
            "attr": {"num_hidden": "5"},
            "inputs": [[0, 0, 0], [1, 0, 0], [2, 0, 0]],
        },
    ],
    "arg_nodes": [0, 1, 2],
    "node_row_ptr": [0, 1, 2, 3, 4],
    "heads": [[3, 0, 0]],
    "attrs": {"mxnet_version": ["int", 1000]},
}

LEGACY = {"legacy_0_8": _FC_08, "legacy_0_10": _FC_10}


def _write(path: Path, text: str) -> None:
    path.write_bytes(text.encode("utf-8"))


def record(mx: Any, folder: Path) -> None:
    """Write all files of this part into `folder`."""
    folder.mkdir(exist_ok=True)
    expected = {}
    for name in BUILDERS:
        symbol = build(mx, name)
        text = symbol.tojson()
        if mx.sym.load_json(text).tojson() != text:
            raise ValueError(name + ": MXNet does not read back its own text")
        _write(folder / (name + ".json"), text)
        expected[name] = describe(symbol, SHAPES[name])
    for name, document in LEGACY.items():
        text = json.dumps(document, indent=2)
        upgraded = mx.sym.load_json(text)
        _write(folder / (name + ".json"), text)
        _write(folder / (name + "_upgraded.json"), upgraded.tojson())
        expected[name] = describe(upgraded, {"data": (2, 3)})
    _write(
        folder / "expected.json", json.dumps(expected, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    )
