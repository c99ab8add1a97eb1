"""Records `formats.json`: layouts of symbol texts, upgrades of old texts, and what MXNet's pictures show.

`texts` are `tojson()` of symbols whose layout is special; `upgrades` pairs of a hand-made old text and what
MXNet made of it; `pictures` hold for each network its text, the name and shape of every internal output,
and the DOT text of `plot_network`. Run alone, as `record_mxnet.py` is: `python record_formats.py`.
"""

from __future__ import annotations

import importlib
import json
import os
from pathlib import Path
from typing import Any

from symbols import SHAPES, build

PICTURES = ("lenet", "inception", "tied_weights")


def _node(op: str, name: str, *inputs: list[int], **fields: Any) -> dict[str, Any]:
    return dict(op=op, name=name, inputs=list(inputs), **fields)


def _document(nodes: list[dict[str, Any]], version: int | None) -> dict[str, Any]:
    document: dict[str, Any] = {
        "nodes": nodes,
        "arg_nodes": [i for i, node in enumerate(nodes) if node["op"] == "null"],
        "heads": [[len(nodes) - 1, 0]],
    }
    if version is not None:
        document["attrs"] = {"mxnet_version": ["int", version]}
    return document


def _old_documents() -> dict[str, dict[str, Any]]:
    """Texts of old versions, each showing one step of the upgrade."""
    x = _node("null", "x")
    weight_attrs = {"lr_mult": "1", "zzz_lr_mult": "7", "any": "thing"}
    fc = [x, _node("null", "w", attrs=weight_attrs), _node("null", "b")]
    batch_norm = [
        *[_node("null", name) for name in "xgbm"],
        _node("null", "v", attr={"__init__": "mine"}),
        _node("BatchNorm", "bn", *[[i, 0, int(i > 2)] for i in range(5)], attr={"eps": "0.1"}),
    ]
    batch_norm_08 = _node("BatchNorm", "bn", [0, 0], [1, 0], [2, 0], param={"eps": "0.1"})
    batch_norm_08["attr"] = {"ctx_group": "g1", "gamma_lr_mult": "0.5"}
    activation_08 = _node("Activation", "a", [3, 0], param={"act_type": "relu"})
    activation_08["attr"] = {"force_mirroring": "True"}
    argmax = [x, _node("argmax", "am", [0, 0, 0], attrs={"axis": "-1", "keepdims": "True"})]
    documents = {
        "missing inputs": _document(
            [
                _node("null", "x", param={}, attr={}, backward_source_id=-1),
                _node("null", "g", attr={"lr_mult": "2"}),
                _node("null", "b"),
                batch_norm_08,
                activation_08,
                _node("SoftmaxOutput", "sm", [4, 0], param={}),
            ],
            None,
        ),
        "prelu": _document([x, _node("LeakyReLU", "p", [0, 0], param={"act_type": "prelu"})], None),
        "no bias": _document(
            [x, _node("FullyConnected", "f", [0, 0], param={"num_hidden": "4", "no_bias": "True"})], None
        ),
        "no name": _document([x, _node("elemwise_add", "", [0, 0], param={})], None),
    }
    for version in (900, 903, 904, 10000):
        documents[f"batch norm {version}"] = _document(batch_norm, version)
    for version in (904, 905):
        documents[f"argmax {version}"] = _document(argmax, version)
    for version in (800, 10900):
        keys = {"num_hidden": "3", "weight_wd_mult": "3", "lr_mult": "2", "__lr_mult__": "5", "__o__": "6"}
        node = _node("FullyConnected", "fc", [0, 0, 0], [1, 0, 0], [2, 0, 0], attrs=keys)
        documents[f"hidden keys {version}"] = _document([*fc, node], version)
    return documents


def _foreach(mx: Any) -> Any:
    def step(data: Any, states: Any) -> Any:
        return mx.sym.FullyConnected(data, num_hidden=3, name="fc") + states[0], [states[0] * 2]

    outputs, states = mx.sym.contrib.foreach(step, mx.sym.Variable("seq"), [mx.sym.Variable("st")])
    return mx.sym.Group([outputs, states[0]])


def _kinds(mx: Any) -> Any:
    """Operators whose labels differ: one of each kind, two outputs, twice the same input."""
    net = mx.sym.Deconvolution(mx.sym.Variable("data"), kernel=(2, 2), num_filter=4, name="dc")
    net = mx.sym.LeakyReLU(net, act_type="leaky", name="lr")
    net = mx.sym.Pooling(net, global_pool=True, pool_type="avg", kernel=(1, 1), name="gp")
    net = mx.sym.Convolution(net, kernel=(1, 1), stride=(1, 1), num_filter=2, name="cc")
    net = mx.sym.BatchNorm(mx.sym.Dropout(net, name="do"), name="bn")
    halves = mx.sym.SliceChannel(mx.sym.softmax(net, name="sm"), num_outputs=2, name="sl")
    net = mx.sym.flatten(mx.sym.elemwise_add(halves[0], halves[1], name="plus"), name="fl")
    net = mx.sym.reshape(net, shape=(-1,), name="a name")
    return mx.sym.concat(net, net, dim=0, name="node")


def _picture(mx: Any, symbol: Any, shapes: dict[str, Any]) -> dict[str, Any]:
    internals = symbol.get_internals()
    _, dims, _ = internals.infer_shape(**shapes)
    arguments, _, auxiliary = symbol.infer_shape(**shapes)
    return {
        "text": symbol.tojson(),
        "shape": shapes,
        "internals": [[internal.name, shape] for internal, shape in zip(internals, dims)],
        "arguments": dict(zip(symbol.list_arguments(), arguments)),
        "auxiliary": dict(zip(symbol.list_auxiliary_states(), auxiliary)),
        "dot": mx.viz.plot_network(symbol, shape=shapes).source,
    }


def record(mx: Any, path: Path) -> None:
    """Write the table to `path`."""
    with mx.name.NameManager():
        texts = {"sub-graph": _foreach(mx).tojson()}
        with mx.util.np_shape(True):
            texts["np_shape"] = (mx.sym.Variable("q", shape=(0, 3)) + 1).tojson()
        for count in (10, 11):
            heads = [mx.sym.Variable(f"v{i}") for i in range(count)]
            texts[f"{count} heads"] = mx.sym.Group(heads).tojson()
        pictures = {name: _picture(mx, build(mx, name), SHAPES[name]) for name in PICTURES}
        pictures["kinds"] = _picture(mx, _kinds(mx), {"data": (2, 3, 8, 8)})
    upgrades = [
        {"name": name, "given": document, "text": mx.sym.load_json(json.dumps(document)).tojson()}
        for name, document in _old_documents().items()
    ]
    document = {"texts": texts, "upgrades": upgrades, "pictures": pictures}
    path.write_text(json.dumps(document, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    if os.environ.get("MXNET_SUBGRAPH_BACKEND") != "NONE":
        raise SystemExit("set MXNET_SUBGRAPH_BACKEND=NONE, as for record_mxnet.py")
    record(importlib.import_module("mxnet"), Path(__file__).resolve().parent / "formats.json")
