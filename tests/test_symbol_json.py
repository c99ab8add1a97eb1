"""The text of symbols: MXNet's own texts byte for byte, upgrades of old ones, and texts that are broken."""

from __future__ import annotations

import copy
import json
import logging
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from cysym.base import FormatError
from cysym.formats import symbol_json
from cysym.formats.symbol_json import Document, JsonNode, dumps, loads
from cysym.formats.symbol_upgrade import upgrade

RECORDED = Path(__file__).resolve().parent / "recorded"
TEXTS = {path.stem: path for path in sorted((RECORDED / "json").glob("*.json")) if path.stem != "expected"}
LEGACY = {"legacy_0_8", "legacy_0_10"}
FORMATS = json.loads((RECORDED / "formats.json").read_text())


class Operators:
    """What the upgrades here ask of the registry of operators."""

    names = {
        "Activation": ["data"],
        "BatchNorm": ["data", "gamma", "beta", "moving_mean", "moving_var"],
        "SoftmaxOutput": ["data", "label"],
        "argmax": ["data"],
        "elemwise_add": ["lhs", "rhs"],
    }

    def input_names(self, op: str, attrs: Mapping[str, str]) -> Sequence[str] | None:
        if op == "FullyConnected":
            return ["data", "weight"] if attrs.get("no_bias") == "True" else ["data", "weight", "bias"]
        if op == "LeakyReLU":
            return ["data", "gamma"] if attrs["act_type"] == "prelu" else ["data"]
        return self.names.get(op)

    def variable_attrs(self, op: str, attrs: Mapping[str, str], input_index: int) -> Mapping[str, str]:
        init = {
            ("BatchNorm", 3): '["zero", {}]',
            ("BatchNorm", 4): '["one", {}]',
            ("LeakyReLU", 1): '["Constant", {"value": 0.25}]',
        }.get((op, input_index))
        return {} if init is None else {"__init__": init}


def small() -> dict[str, Any]:
    """A sound document for tests to break."""
    return {
        "nodes": [
            {"op": "null", "name": "x", "inputs": []},
            {"op": "null", "name": "w", "attrs": {"__lr_mult__": "2"}, "inputs": []},
            {
                "op": "FullyConnected",
                "name": "fc",
                "attrs": {"num_hidden": "3"},
                "inputs": [[0, 0, 0], [1, 0]],
            },
        ],
        "arg_nodes": [0, 1],
        "node_row_ptr": [0, 1, 2, 3],
        "heads": [[2, 0, 0]],
        "attrs": {"mxnet_version": ["int", 10901]},
    }


def broken(path: str, value: Any) -> str:
    """`small` with the value at a dotted path replaced, or removed where `value` is Ellipsis."""
    document: Any = small()
    *where, last = [int(step) if step.isdigit() else step for step in path.split(".")]
    inner = document
    for step in where:
        inner = inner[step]
    if value is ...:
        del inner[last]
    else:
        inner[last] = value
    return json.dumps(document)


@pytest.mark.parametrize("name", sorted(set(TEXTS) - LEGACY))
def test_texts_of_mxnet_come_back_byte_for_byte(name: str) -> None:
    text = TEXTS[name].read_bytes()
    assert dumps(loads(text)).encode() == text


@pytest.mark.parametrize("name", FORMATS["texts"])
def test_special_layouts_come_back_byte_for_byte(name: str) -> None:
    text = FORMATS["texts"][name]
    assert dumps(loads(text)) == text


def test_a_document_says_what_the_text_says() -> None:
    document = loads(json.dumps(small()))
    assert document == Document(
        nodes=[
            JsonNode("null", "x"),
            JsonNode("null", "w", {"__lr_mult__": "2"}),
            JsonNode("FullyConnected", "fc", {"num_hidden": "3"}, [(0, 0, 0), (1, 0, 0)]),
        ],
        arg_nodes=[0, 1],
        heads=[(2, 0, 0)],
        node_row_ptr=[0, 1, 2, 3],
        attrs={"mxnet_version": ("int", 10901)},
    )
    assert (document.version, document.is_np_shape) == (10901, False)
    assert loads(broken("attrs", ...)).version == 800
    assert loads(FORMATS["texts"]["np_shape"]).is_np_shape
    inner = loads(FORMATS["texts"]["sub-graph"]).nodes[4].subgraphs[0]
    assert [node.name for node in inner.nodes][:3] == ["seq-0", "fc_weight", "fc_bias"]


def test_old_attribute_fields_are_merged() -> None:
    fields = {"param": {"a": "1", "b": "1", "c": "1"}, "attr": {"b": "2", "c": "2"}, "attrs": {"c": "3"}}
    node = {"op": "op", "name": "n", "inputs": [], "backward_source_id": -1, **fields}
    document = loads(json.dumps({"nodes": [node], "arg_nodes": [], "heads": [[0, 0]]}))
    assert document.nodes[0].attrs == {"a": "1", "b": "2", "c": "3"}


def test_control_dependencies_and_other_attributes_survive() -> None:
    nodes = [
        JsonNode("null", "x"),
        JsonNode("f", "f", inputs=[(0, 0, 0)]),
        JsonNode("g", "g", control_deps=[0, 1]),
    ]
    attrs: dict[str, Any] = {
        "kind": ("str", 'a"b'),
        "list": ("list_int", list(range(12))),
        "s": ("list_str", ["x"]),
    }
    document = Document(nodes, [0], [(2, 0, 0)], attrs=attrs)
    assert loads(dumps(document)) == document
    assert '"control_deps": [0, 1]' in dumps(document)


def test_keys_are_escaped_too() -> None:
    document = Document([JsonNode("null", "x", {'__a"\n\\__': "\x01\u00e9"})], [0], [(0, 0, 0)])
    assert loads(dumps(document)) == document


BROKEN: dict[str, tuple[str | bytes, str]] = {
    "empty": ("", "line 1, column 1"),
    "cut": (json.dumps(small())[:-30], "line 1, column"),
    "trailing": (json.dumps(small()) + "x", "Extra data"),
    "array": ("[]", r"expected an object, got \[\]"),
    "not UTF-8": (b'{"\xff": 1}', "not UTF-8: invalid start byte at byte 2"),
    "NaN": (broken("heads", float("nan")), "NaN is not JSON"),
    "digits": ("1" * 5000, "limit"),
    "surrogate": (broken("nodes.0.name", "\ud800"), "half a surrogate pair"),
    "duplicate": ('{"nodes": [], "nodes": []}', "the key 'nodes' stands twice"),
    "unknown key": (broken("extra", 1), 'Unknown field extra, candidates are: "arg_nodes", "attrs", "heads"'),
    "missing key": (broken("arg_nodes", ...), 'Missing field "arg_nodes"'),
    "unknown node key": (broken("nodes.2.extra", 1), "nodes.2. 'fc': JSONReader: Unknown field extra"),
    "missing node key": (
        broken("nodes.2.inputs", ...),
        "nodes.2. 'fc': JSONReader: Missing field \"inputs\"",
    ),
    "node": (broken("nodes.1", 7), "nodes.1.: expected an object, got 7"),
    "nodes": (broken("nodes", {}), "nodes: expected an array, got {}"),
    "op": (broken("nodes.1.op", None), "nodes.1. 'w': expected strings as op and name, got null"),
    "attribute": (
        broken("nodes.2.attrs.num_hidden", 3),
        "'fc': attrs: expected a string for 'num_hidden', got 3",
    ),
    "attributes": (broken("nodes.2.attrs", ["a"]), "'fc': attrs: expected an object"),
    "forward input": (broken("nodes.2.inputs.1", [2, 0, 0]), r"inputs.1.: .* an earlier node, 0 to 1, got 2"),
    "negative input": (broken("nodes.2.inputs.1", [-1, 0, 0]), r"inputs.1.: expected \[node id"),
    "short input": (broken("nodes.2.inputs.0", [0]), r"inputs.0.: expected \[node id, output index\]"),
    "boolean input": (broken("nodes.2.inputs.0", [True, 0, 0]), r"got \[true, 0, 0\]"),
    "huge version": (broken("nodes.2.inputs.0", [0, 0, 2**32]), "inputs.0.: expected"),
    "output of a variable": (
        broken("nodes.2.inputs.0", [0, 1, 0]),
        "the variable 'x' has one output, got index 1",
    ),
    "variable with inputs": (
        broken("nodes.1.inputs", [[0, 0, 0]]),
        "'w': a variable .* reads nothing, got 1 inputs",
    ),
    "control": (broken("nodes.2.control_deps", [2]), r"control_deps.0.: expected a node id of 0 to 1, got 2"),
    "arg_nodes op": (
        broken("arg_nodes", [0, 2]),
        "arg_nodes.1.: expected a variable, got node 2 'fc' of op Fully",
    ),
    "arg_nodes id": (broken("arg_nodes", [0, 3]), "arg_nodes.1.: expected a node id of 0 to 2, got 3"),
    "heads id": (broken("heads", [[3, 0, 0]]), "heads.0.: .* 0 to 2, got 3"),
    "no heads": (broken("heads", []), "heads: expected at least one output"),
    "row_ptr size": (broken("node_row_ptr", [0, 1]), "node_row_ptr: expected 4 entries for 3 nodes, got 2"),
    "row_ptr order": (
        broken("node_row_ptr", [0, 2, 1, 3]),
        r"node_row_ptr.2.: expected an integer from 2 on, got 1",
    ),
    "row_ptr start": (broken("node_row_ptr", [1, 2, 3, 4]), r"node_row_ptr.0.: expected 0, got 1"),
    "version": (
        broken("attrs.mxnet_version", ["int", "x"]),
        'expected .* for \'mxnet_version\', got \\["int", "x"\\]',
    ),
    "graph attribute": (broken("attrs.more", ["float", 0.5]), "for 'more', got 0.5"),
    "graph attributes": (broken("attrs.more", 5), "for 'more', got 5"),
    "sub-graph": (
        broken("nodes.2.subgraphs", [{**small(), "heads": [[9, 0, 0]]}]),
        r"nodes.2. 'fc': subgraphs.0.: heads.0.: expected the id of an earlier node, 0 to 2, got 9",
    ),
    "deep arrays": ("[" * 100_000, "nested more than 200 brackets deep"),
    "deep objects": ('{"a":' * 100_000, "nested more than 200 brackets deep"),
    "deep and closed": ('{"nodes": ' + "[" * 5000 + "]" * 5000 + "}", "nested more than 200 brackets deep"),
    "deep after a string": ('{"]\\"[": ' + "[" * 100_000, "nested more than 200 brackets deep"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_texts_give_one_clear_error(name: str) -> None:
    text, message = BROKEN[name]
    with pytest.raises(FormatError, match=message) as error:
        loads(text, "net-symbol.json")
    assert str(error.value).startswith("net-symbol.json: ")


def test_deep_nesting_cannot_overflow_the_stack() -> None:
    code = (
        "import sys; sys.setrecursionlimit(10**8)\n"
        "from cysym.formats.symbol_json import loads\n"
        "from cysym.base import FormatError\n"
        "try: loads('[' * 10**7)\n"
        "except FormatError as error: print(error)\n"
    )
    env = {"PYTHONPATH": ":".join(entry for entry in sys.path if entry)}
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env, check=False)
    assert (run.returncode, run.stdout) == (0, "JSON: nested more than 200 brackets deep\n")


def test_brackets_in_strings_are_no_nesting() -> None:
    document = Document([JsonNode("null", "[{" * 1000 + '"', {"__a__": "\\" * 999 + "["})], [0], [(0, 0, 0)])
    assert loads(dumps(document)) == document


def test_every_truncation_is_found() -> None:
    text = json.dumps(small())
    for size in range(len(text)):
        with pytest.raises(FormatError):
            loads(text[:size])


def test_a_long_chain_is_no_problem() -> None:
    count = 100_000
    nodes = [JsonNode("null", "x")]
    nodes += [JsonNode("tanh", f"t{i}", {"__a__": "1"}, [(i, 0, 0)]) for i in range(count)]
    document = Document(nodes, [0], [(count, 0, 0)], list(range(count + 2)), symbol_json.graph_attrs())
    again = loads(dumps(document))
    assert again == document
    again.attrs["mxnet_version"] = ("int", 800)
    assert len(upgrade(again, Operators()).nodes) == count + 1


def edges(document: Document) -> list[Any]:
    return [(node.op, node.name, node.attrs, node.inputs) for node in document.nodes]


@pytest.mark.parametrize("case", FORMATS["upgrades"], ids=lambda case: case["name"])
def test_old_texts_are_upgraded_as_mxnet_does(case: dict[str, Any]) -> None:
    given = loads(json.dumps(case["given"]))
    before = copy.deepcopy(given)
    result = upgrade(given, Operators())
    expected = loads(case["text"])
    assert given == before
    assert edges(result) == edges(expected)
    assert (result.heads, result.arg_nodes, result.attrs) == (
        expected.heads,
        expected.arg_nodes,
        expected.attrs,
    )


@pytest.mark.parametrize("name", sorted(LEGACY))
def test_whole_old_files_are_upgraded_as_mxnet_does(name: str) -> None:
    result = upgrade(loads(TEXTS[name].read_bytes()), Operators())
    expected = loads(TEXTS[f"{name}_upgraded"].read_bytes())
    assert edges(result) == edges(expected)
    assert (result.heads, result.arg_nodes) == (expected.heads, expected.arg_nodes)


def test_a_hidden_key_may_name_an_input_that_the_upgrade_adds() -> None:
    node = {
        "op": "BatchNorm",
        "name": "bn",
        "inputs": [[0, 0]],
        "param": {"moving_var_lr_mult": "3", "foo_lr_mult": "4"},
    }
    text = json.dumps({"nodes": [small()["nodes"][0], node], "arg_nodes": [0], "heads": [[1, 0]]})
    result = upgrade(loads(text), Operators())
    by_name = {node.name: node.attrs for node in result.nodes}
    assert by_name["bn_moving_var"] == {"__lr_mult__": "3", "__init__": '["one", {}]', "foo_lr_mult": "4"}
    # A key that names no input stays for the operator to refuse.
    assert by_name["bn"] == {"foo_lr_mult": "4"}


def test_newer_texts_warn_and_stay(caplog: pytest.LogCaptureFixture) -> None:
    newer = loads(broken("attrs.mxnet_version", ["int", 20000]))
    with caplog.at_level(logging.WARNING, logger="cysym"):
        assert upgrade(newer, Operators()) is newer
    assert "saved by MXNet version 20000 with lower version of MXNet v10901" in caplog.text


def test_hidden_keys() -> None:
    assert symbol_json.hide_attrs({"wd_mult": "1", "__lr_mult__": "2", "x": "3"}) == {
        "__wd_mult__": "1",
        "__lr_mult__": "2",
        "x": "3",
    }
    assert symbol_json.both_spellings({"__ctx_group__": "g", "__shape__": "(1,)"}) == {
        "__ctx_group__": "g",
        "ctx_group": "g",
        "__shape__": "(1,)",
    }
