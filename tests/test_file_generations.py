"""Files of every MXNet generation: what is read, that MXNet reads what is written, and the rules one by one.

Texts of classic networks and of odd graphs are taken down to the layouts of older generations
(`recorded/generations.py`); MXNet 1.9.1 and cysym must make the same of them. MXNet's results are recorded as
hashes, and asked of it again where it is installed. `RULES` says for each rule of the formats what proves it.
"""

from __future__ import annotations

import hashlib
import importlib
import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from oracle import mxnet_python, run_mxnet
from recorded.generations import GENERATIONS, odd_symbols, older
from recorded.network_cases import CASES
from recorded.programs import Program

import cysym as mx

HERE = Path(__file__).parent
TRUTH = json.loads((HERE / "recorded" / "networks.json").read_text())


def sha(content: str | bytes) -> str:
    return hashlib.sha256(content.encode() if isinstance(content, str) else content).hexdigest()


@cache
def symbols() -> dict[str, Any]:
    """Classic networks at full size, and odd graphs, by name."""
    return {**{case.name: case.build(mx) for case in CASES}, **odd_symbols(mx)}


def recorded(name: str) -> dict[str, Any]:
    found: dict[str, Any] = TRUTH["networks"].get(name) or TRUTH["odd"][name]
    return found


NAMES = [*TRUTH["networks"], *TRUTH["odd"]]


# --- symbol texts -------------------------------------------------------------------------------------------
def test_names_are_those_recorded() -> None:
    assert list(symbols()) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_text_is_mxnets(name: str) -> None:
    assert sha(symbols()[name].tojson()) == recorded(name)["text"]


@pytest.mark.parametrize(
    ("name", "generation"),
    [
        *((name, generation) for name in TRUTH["networks"] for generation in ("0.8", "0.9.3", "1.0")),
        *((name, generation) for name in TRUTH["odd"] for generation in GENERATIONS),
    ],
)
def test_older_text_loads_as_in_mxnet(name: str, generation: str) -> None:
    symbol = symbols()[name]
    loaded = mx.sym.load_json(older(symbol.tojson(), symbol.list_auxiliary_states(), generation))
    assert sha(loaded.tojson()) == recorded(name)["generations"][generation]


@pytest.mark.parametrize("generation", GENERATIONS)
def test_older_text_computes_the_same(generation: str, rng: np.random.Generator) -> None:
    """In whatever layout a network is stored, it gives the same bits."""
    (case,) = [c for c in CASES if c.name == "densenet"]
    symbol = case.build(mx, full=False)
    loaded = mx.sym.load_json(older(symbol.tojson(), symbol.list_auxiliary_states(), generation))
    assert loaded.list_arguments() == symbol.list_arguments()
    assert loaded.list_auxiliary_states() == symbol.list_auxiliary_states()
    shape = (1, 3, 32, 32)
    arg_shapes, _, aux_shapes = symbol.infer_shape(data=shape)
    values = [rng.standard_normal(s).astype(np.float32) * 0.1 for s in arg_shapes]
    states = [np.full(s, 0.5, np.float32) for s in aux_shapes]
    found = []
    for s in (symbol, loaded):
        args, aux = [mx.nd.array(v) for v in values], [mx.nd.array(v) for v in states]
        found.append(s.bind(mx.cpu(), args, aux_states=aux).forward()[0].asnumpy())
    np.testing.assert_array_equal(found[0], found[1])


def test_a_layout_is_really_older() -> None:
    """The writer of these tests does what it says: keys, numbers of an entry, what is absent."""
    symbol = symbols()["hidden"]
    found = {g: json.loads(older(symbol.tojson(), symbol.list_auxiliary_states(), g)) for g in GENERATIONS}
    oldest = found["0.8"]
    assert set(oldest) == {"nodes", "arg_nodes", "heads"}
    assert not any("moving" in node["name"] for node in oldest["nodes"])
    fc = next(node for node in oldest["nodes"] if node["name"] == "fc")
    assert fc["param"] == {"num_hidden": "3"}
    assert fc["attr"] == {"ctx_group": "first", "lr_mult": "0.1"}
    assert {len(entry) for node in oldest["nodes"] for entry in node["inputs"]} == {2}
    for generation, (version, key, width) in GENERATIONS.items():
        document = found[generation]
        assert document.get("attrs", {}).get("mxnet_version", [0, None])[1] == version
        assert all(key in node for node in document["nodes"] if node["name"] == "fc")
        assert {len(entry) for entry in document["heads"]} == {width}


# --- MXNet itself, where it is installed --------------------------------------------------------------------
READER = """
import hashlib, json, os, sys
import mxnet as mx

def sha(content):
    return hashlib.sha256(content).hexdigest()

found = {}
for name in sorted(os.listdir(".")):
    if name.endswith(".json"):
        symbol = mx.sym.load(name)
        found[name] = [sha(symbol.tojson().encode()), symbol.list_arguments(), symbol.list_auxiliary_states()]
    else:
        with mx.util.np_shape(name.startswith("np")):
            loaded = mx.nd.load(name)
            pairs = loaded.items() if isinstance(loaded, dict) else enumerate(loaded)
            arrays = [[str(k), a.asnumpy(), list(a.shape)] for k, a in pairs]
            listed = [[k, a.dtype.name, shape, sha(a.tobytes())] for k, a, shape in arrays]
            found[name] = [type(loaded).__name__, sorted(listed)]
print(json.dumps(found))
"""


def arrays_to_write() -> dict[str, tuple[bool, Any]]:
    """Contents of array files by name, with whether they are written in np-shape mode."""
    x = mx.nd.array(np.random.default_rng(3).standard_normal((4, 5)).astype(np.float32))
    types = {
        t: (x * 50).astype(t) for t in ("float32", "float64", "float16", "int32", "int8", "int64", "uint8")
    }
    return {
        "types.params": (False, {**types, "bool": (x > 0).astype("bool")}),
        "list.params": (False, [x, x.T, x[1:3], x.reshape((2, 10))]),
        "single.nd": (False, x),
        "names.params": (False, {"": x, "arg:\u00fc \u65e5": x, "a" * 1000: x, "line\nend": x, "\x01": x}),
        "empty.params": (False, {}),
        "np-shapes.params": (True, {"scalar": x.sum(), "none": mx.nd.array(np.zeros((0, 3))), "some": x}),
    }


def test_mxnet_reads_what_is_written(tmp_path: Path) -> None:
    mxnet_python()  # or skip
    expected: dict[str, Any] = {}
    odd = 'q" b\\ n\n t\t one\x01 esc\x1b \u00fc \u65e5 \U0001f600'
    texts = dict(symbols())
    with mx.AttrScope(ctx_group=odd, lr_mult="2", __own__=odd):
        texts["escapes"] = mx.sym.FullyConnected(mx.sym.Variable(odd), num_hidden=2, name="f" + odd)
    for name, symbol in texts.items():
        symbol.save(str(tmp_path / f"{name}.json"))
        expected[f"{name}.json"] = [
            sha(symbol.tojson()), symbol.list_arguments(), symbol.list_auxiliary_states(),
        ]  # fmt: skip
        for generation in GENERATIONS:
            text = older(symbol.tojson(), symbol.list_auxiliary_states(), generation)
            (tmp_path / f"{name}-{generation}.json").write_text(text)
            loaded = mx.sym.load_json(text)
            expected[f"{name}-{generation}.json"] = [
                sha(loaded.tojson()), loaded.list_arguments(), loaded.list_auxiliary_states(),
            ]  # fmt: skip
    for name, (np_shape, content) in arrays_to_write().items():
        with mx.util.np_shape(np_shape):
            mx.nd.save(str(tmp_path / name), content)
            loaded = mx.nd.load(str(tmp_path / name))
        pairs: Any = loaded.items() if isinstance(loaded, dict) else enumerate(loaded)
        listed = [
            [str(k), a.asnumpy().dtype.name, list(a.shape), sha(a.asnumpy().tobytes())] for k, a in pairs
        ]
        expected[name] = [type(loaded).__name__, sorted(listed)]
    (tmp_path / "reader.py").write_text(READER)
    (tmp_path / "files").mkdir()
    for path in tmp_path.glob("*.*"):
        if path.name != "reader.py":
            path.rename(tmp_path / "files" / path.name)
    found = json.loads(run_mxnet(tmp_path / "reader.py", cwd=tmp_path / "files"))
    assert set(found) == set(expected)
    for name, want in expected.items():
        assert found[name] == want, name


# --- the rules, one by one ----------------------------------------------------------------------------------
# what MXNet does; the program it ran as well (recorded/programs), or the test that proves it
RULES = {
    "1.1 nodes in post-order, arg_nodes of both kinds, hidden outputs counted": "file_rules.order_of_nodes",
    "1.1 row pointers of every operator with hidden outputs": "symbol_files.outputs_counted_in_texts",
    "1.1 is_np_shape among the graph's attributes": "file_rules.shape_mode",
    "1.1 keys of nodes in order, canonical names, attrs sorted": "file_rules.keys_and_order",
    "1.1 version of an input that an operator changes": "file_rules.versions_of_states",
    "1.1 sub-graphs, dependencies": "test_symbol_hostile.py::test_what_no_graph_here_can_hold_is_refused",
    "1.2 ten on a line, eleven on eleven lines": "file_rules.long_lists",
    "1.2 escapes, raw control characters, UTF-8": "file_rules.escapes",
    "1.2 one entry on one line": "file_rules.keys_and_order",
    "1.3 str() of what was typed; what wrappers always store": "file_rules.values_as_typed",
    "1.3 tuples, lists, long integers, flags, refused values": "file_rules.values_parsed",
    "1.4 five hidden keys": "symbol_attrs.hidden_keys",
    "1.4 keys of Variable": "symbol_attrs.variables",
    "1.4 any __name__ passes": "symbol_attrs.dunder_keys",
    "1.4 automatic variables get their operator's attributes": "symbol_attrs.inherited_by_variables",
    "1.5 up to 0.8": "symbol_files.oldest",
    "1.5 0.9 to 1.0 and the bounds in between": "symbol_files.in_between",
    "1.5 merged fields, optional keys, newer files": "symbol_files.odd_but_sound",
    "1.5 whole networks in each layout": "test_file_generations.py::test_older_text_loads_as_in_mxnet",
    "1.5 unknown and missing keys": "file_rules.documents_refused",
    "1.5 unknown operators and parameters": "symbol_files.refused",
    "1.5 no such file": "file_rules.files_not_there",
    "1.5 names after loading": "file_rules.names_after_loading",
    "2.1 list, dict, single, empty; names; views": "file_rules.saved_bytes",
    "2.1 what save takes": "file_rules.what_save_takes",
    "2.1 wrong magic, cut files": "file_rules.bytes_refused",
    "2.1 every cut, random damage": "test_params_format.py::test_every_truncation_is_found",
    "2.2 V2 of every type": "file_rules.old_records",
    "2.2 V3 and the two modes": "file_rules.shapes_of_numpy",
    "2.2 bfloat16": "file_rules.short_floats",
    "2.2 sparse arrays": "test_recorded_files.py::test_sparse_arrays_are_refused",
    "2.3 V1 and V0, GPU contexts": "file_rules.old_records",
    "2.4 bytes of a file": "test_recorded_files.py::test_save_gives_mxnets_bytes",
    "2.5 npz and npy, here an extension": "test_numpy_files.py::test_round_trip",
    "3 names and keys of checkpoints": "file_rules.names_of_checkpoints",
    "3 a list instead of a dict": "file_rules.checkpoint_of_a_list",
    "3 keys without a kind": "file_rules.names_without_a_kind",
    "3 save_params, extra and missing ones": "module_checkpoint.parameter_files",
    "3 optimizer states": "module_checkpoint.round_trip",
    "3 a checkpoint of MXNet's through every door": "test_networks.py::test_stranded_through_a_predictor",
}


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_is_proved(rule: str) -> None:
    """The proof is there; that it holds, the proof itself says."""
    proof = RULES[rule]
    if "::" in proof:
        file, name = proof.split("::")
        assert f"\ndef {name}(" in (HERE / file).read_text()
    else:
        area, name = proof.split(".")
        assert isinstance(getattr(importlib.import_module(f"recorded.programs.{area}"), name), Program)
        assert name in json.loads((HERE / "recorded" / "programs" / f"{area}.json").read_text())
