"""Asks MXNet 1.9.1 about classic networks: `networks.json`, `networks.npz`, the checkpoint in `networks/`.

    MXNET_MKLDNN_ENABLED=0 MXNET_SUBGRAPH_BACKEND=NONE OMP_NUM_THREADS=2 python record_networks.py [stranded]

For each case of `network_cases.py`: the hash of its text, MXNet's memory plan, what one training step gives,
and how much that changes when MXNet's data move by a millionth. Where a ReLU or a maximum switches sides,
gradients jump: of a few seeds the one with the least such jumps is taken. Texts in the layouts of older
generations are loaded and hashed. MKL-DNN is off: gradients of its LRN are wrong by 1e-3 in these networks.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import os
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
from generations import GENERATIONS, odd_symbols, older
from network_cases import CASES, Case, count_parameters, load_network, step, uniform, value

HERE = Path(__file__).resolve().parent
SHAKES = (1e-6, -1e-6, 3e-6)
SEEDS = 8
PLANNED = 8  # samples of the memory plan
STRANDED = {"num_classes": 4, "width": 1 / 32}


def sha(text: str) -> str:
    """Return the hash of a text."""
    return hashlib.sha256(text.encode()).hexdigest()


def spread(one: dict[str, Any], other: dict[str, Any]) -> float:
    """Return by how much the gradients of two steps differ: the largest part of a gradient's norm."""
    norms = one["grads"][:, 0]
    change = np.abs(one["grads"] - other["grads"]).max(axis=1)
    return float((change / (norms + 1e-3 * norms.max())).max())


def ask(mx: Any, case: Case, full: bool) -> tuple[int, float, dict[str, Any]]:
    """Return the seed taken, how much MXNet's own gradients move, and the answers."""
    symbol, shape = case.trained(mx, full), case.shape(full)
    best: tuple[int, float, dict[str, Any]] = (0, np.inf, {})
    for seed in range(1 if full else SEEDS):
        found = step(mx, mx.cpu(), symbol, shape, seed)
        moves = max(spread(found, step(mx, mx.cpu(), symbol, shape, seed, shake)) for shake in SHAKES)
        if moves < best[1]:
            best = (seed, moves, found)
        if moves < 1e-4:
            break
    return best


def planned_mib(mx: Any, symbol: Any, shape: tuple[int, ...], train: bool) -> int:
    """Return the size of MXNet's pool of intermediate results, in MiB."""
    req = {
        n: "write" if train and n not in ("data", "softmax_label") else "null"
        for n in symbol.list_arguments()
    }
    text = symbol.simple_bind(mx.cpu(), grad_req=req, data=shape).debug_str()
    found = re.search(r"Total (\d+) MB allocated", text)
    if found is None:
        raise ValueError("debug_str has no total")
    return int(found.group(1))


def upgraded(mx: Any, symbol: Any) -> dict[str, str]:
    """Return the hash of what MXNet makes of the symbol's text in each older layout."""
    text, states = symbol.tojson(), symbol.list_auxiliary_states()
    return {g: sha(mx.sym.load_json(older(text, states, g)).tojson()) for g in GENERATIONS}


def describe(mx: Any, case: Case) -> dict[str, Any]:
    """Return what is recorded of a network's graph."""
    symbol = case.build(mx)
    shape = (PLANNED, *case.full_shape[1:])
    return {
        "text": sha(symbol.tojson()),
        "small_text": sha(case.build(mx, full=False).tojson()),
        "parameters": count_parameters(symbol, shape),
        "mib": {
            "train": planned_mib(mx, symbol, shape, True),
            "infer": planned_mib(mx, symbol, shape, False),
        },
        "generations": upgraded(mx, symbol),
    }


def strand(mx: Any, folder: Path) -> dict[str, Any]:
    """Save a small MobileNet as MXNet does; return what it predicts for a batch."""
    folder.mkdir(exist_ok=True)
    with mx.name.NameManager():
        symbol = load_network(mx, "mobilenet").get_symbol(**STRANDED)
    module = mx.mod.Module(symbol, context=mx.cpu())
    shape = (3, 3, 32, 32)
    module.bind([("data", shape)], [("softmax_label", shape[:1])])
    arg_shapes, _, aux_shapes = symbol.infer_shape(data=shape)
    args = dict(zip(symbol.list_arguments(), arg_shapes))
    states = dict(zip(symbol.list_auxiliary_states(), aux_shapes))
    for name in ("data", "softmax_label"):
        del args[name]
    module.set_params(
        {n: mx.nd.array(value(n, s)) for n, s in args.items()},
        {n: mx.nd.array(np.abs(uniform(n, s, 1.0)) + np.float32(0.5)) for n, s in states.items()},
    )
    module.init_optimizer(optimizer="sgd", optimizer_params={"momentum": 0.9})
    batch = mx.io.DataBatch(
        [mx.nd.array(value("data", shape))], [mx.nd.array(value("softmax_label", shape[:1]))]
    )
    module.forward_backward(batch)
    module.update()  # so that there are states of the optimizer
    module.save_checkpoint(str(folder / "mobilenet"), 12, save_optimizer_states=True)
    module = mx.mod.Module.load(str(folder / "mobilenet"), 12)
    module.bind([("data", shape)], [("softmax_label", shape[:1])], for_training=False)
    module.forward(batch)
    return {"shape": list(shape), "output": module.get_outputs()[0].asnumpy().tolist()}


def main(parts: list[str]) -> None:
    """Write the files; with the part "stranded" only the checkpoint."""
    if os.environ.get("MXNET_SUBGRAPH_BACKEND") != "NONE" or os.environ.get("MXNET_MKLDNN_ENABLED") != "0":
        raise SystemExit("set MXNET_SUBGRAPH_BACKEND=NONE and MXNET_MKLDNN_ENABLED=0")
    os.environ["MXNET_STORAGE_FALLBACK_LOG_VERBOSE"] = "0"
    mx: Any = importlib.import_module("mxnet")
    if mx.__version__ != "1.9.1":
        raise SystemExit("the recorded truth is MXNet 1.9.1's, this is " + mx.__version__)
    arrays: dict[str, Any] = {}
    networks: dict[str, Any] = {}
    path = HERE / "networks.json"
    if parts == ["stranded"]:
        document = json.loads(path.read_text())
        document["stranded"] = strand(mx, HERE / "networks")
        path.write_text(json.dumps(document, indent=1) + "\n")
        return
    for case in CASES:
        networks[case.name] = described = describe(mx, case)
        for size in ("small", "full"):
            seed, moves, found = ask(mx, case, size == "full")
            described[size] = {"seed": seed, "moves": float(f"{moves:.1e}")}
            arrays.update({f"{case.name}/{size}/{key}": array for key, array in found.items()})
        print(case.name, described["small"], described["full"], file=sys.stderr)
    document = {
        "networks": networks,
        "odd": {
            name: {"text": sha(symbol.tojson()), "generations": upgraded(mx, symbol)}
            for name, symbol in odd_symbols(mx).items()
        },
        "stranded": strand(mx, HERE / "networks"),
    }
    path.write_text(json.dumps(document, indent=1) + "\n")
    np.savez_compressed(HERE / "networks.npz", **arrays)


if __name__ == "__main__":
    main(sys.argv[1:])
