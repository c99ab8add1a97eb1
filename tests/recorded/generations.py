"""Rewrites today's symbol texts in the layouts of older MXNet generations.

`older` takes a text of MXNet 1.9.1 down to one of `GENERATIONS`: where the keys stand, how many numbers an
entry has, what was not stored at all. `odd_symbols` are small graphs of what classic networks do not use. The
recorder and the tests both import this; it needs neither framework. Runs on Python 3.8.
"""

from __future__ import annotations

import json
import re
from typing import Any

HIDDEN = ("ctx_group", "lr_mult", "wd_mult", "force_mirroring", "mirror_stage")
# name: version in the file (None: none), key of attributes, numbers of an entry
GENERATIONS = {
    "0.8": (None, "param", 2),
    "0.9.0": (900, "attr", 3),
    "0.9.3": (903, "attr", 2),
    "0.9.4": (904, "attr", 3),
    "0.9.5": (905, "attr", 3),
    "0.11": (1100, "attr", 3),
    "1.0": (10000, "attrs", 3),
    "1.5": (10500, "attrs", 2),
}


def _split(node: dict[str, Any]) -> tuple[dict[str, str], dict[str, str]]:
    """Parameters of the operator, and the user's tags with hidden keys as the user wrote them."""
    params, tags = {}, {}
    for key, text in node.get("attrs", {}).items():
        if key.startswith("__") and key.endswith("__"):
            plain = key[2:-2]
            tags[plain if plain in HIDDEN else key] = text
        elif node["op"] != "null":
            params[key] = text
    return params, tags


def _node(node: dict[str, Any], key: str, version: int | None) -> dict[str, Any]:
    attrs = dict(node.get("attrs", {}))
    if node["op"] in ("argmax", "argmin") and (version is None or version < 905):
        attrs.setdefault("axis", "-1")  # all axes, then
    made = {"op": node["op"], "name": node["name"], "inputs": node["inputs"]}
    if key == "param":
        params, tags = _split(dict(node, attrs=attrs))
        made.update(param=params, backward_source_id=-1, **({"attr": tags} if tags else {}))
    elif attrs:
        made[key] = attrs
    return made


def older(text: str, states: list[str], generation: str) -> str:
    """Return the text in the layout of a generation.

    Parameters
    ----------
    text : str
        Of ``Symbol.tojson()``.
    states : list of str
        Names of the auxiliary states, which 0.8 did not store.
    generation : str
        A key of `GENERATIONS`.

    Returns
    -------
    str
        What MXNet upgrades on loading: no row pointers where there were none, ids counted anew. Control
        characters stand raw in it, as MXNet writes them.
    """
    version, key, width = GENERATIONS[generation]
    document = json.loads(text, strict=False)
    gone = set(states) if key == "param" else set()
    kept = [i for i, n in enumerate(document["nodes"]) if not (n["op"] == "null" and n["name"] in gone)]
    moved = {old: new for new, old in enumerate(kept)}

    def entries(listed: list[list[int]]) -> list[list[int]]:
        return [[moved[e[0]], *e[1:width]] for e in listed if e[0] in moved]

    nodes = [_node(document["nodes"][i], key, version) for i in kept]
    for node in nodes:
        node["inputs"] = entries(node["inputs"])
    made: dict[str, Any] = {
        "nodes": nodes,
        "arg_nodes": [i for i, n in enumerate(nodes) if n["op"] == "null"],
        "heads": entries(document["heads"]),
    }
    if version is not None:
        made["node_row_ptr"] = document["node_row_ptr"]
        made["attrs"] = {"mxnet_version": ["int", version]}
    written = json.dumps(made, indent=2, ensure_ascii=False)
    return re.sub(r"\\u(00[01][0-9a-f])", lambda found: chr(int(found.group(1), 16)), written)


def odd_symbols(mx: Any) -> dict[str, Any]:
    """Return small graphs by name: what old files hold and classic networks do not."""
    S = mx.sym
    with mx.name.NameManager():
        x, y = S.Variable("x"), S.Variable("y", lr_mult=2.0, wd_mult=0.5, shape=(2, 3))
        with mx.AttrScope(ctx_group="first", lr_mult="0.1"):
            layer = S.FullyConnected(x, num_hidden=3, name="fc")
        norm = S.BatchNorm(layer, name="bn", attr={"wd_mult": "0"})
        first = S.BatchNorm(x, *[S.Variable(n) for n in "gbmv"], name="one")
        parts = S.SliceChannel(norm, num_outputs=3, name="parts")
        return {
            "hidden": norm + y,
            "group": S.Group([parts[2], S.argmax(norm, name="all"), S.argmin(norm, axis=-1, name="last"), y]),
            "axis": S.argmax(S.Group([x])[0], axis=1, keepdims=True, name="one"),
            "slope": S.LeakyReLU(x, act_type="prelu", name="slope"),
            "shared": S.BatchNorm(first, *[S.Variable(n + "2") for n in "gbmv"], name="two"),
            "loss": S.SoftmaxOutput(S.Embedding(x, input_dim=7, output_dim=2, name="embed"), name="softmax"),
        }  # fmt: skip
