"""Text of graph, program and memory plan of three small nets, compared line by line with stored files.

A change of a pass shows here as a diff to read. To accept it: ``CYSYM_GOLDEN=write pytest
tests/test_golden.py``.
"""

from __future__ import annotations

import difflib
import os
import pathlib
import re

import pytest

import cysym as mx

FOLDER = pathlib.Path(__file__).parent / "golden"


def mlp():
    """Dense layers, fused activations, a loss; training with one gradient added and one left out."""
    x = mx.sym.Variable("data")
    hidden = mx.sym.Activation(
        mx.sym.FullyConnected(x, num_hidden=8, name="fc1"), act_type="relu", name="relu1"
    )
    hidden = mx.sym.broadcast_mul(mx.sym.tanh(hidden, name="tanh1"), mx.sym.Variable("scale"), name="scaled")
    net = mx.sym.SoftmaxOutput(mx.sym.FullyConnected(hidden, num_hidden=3, name="fc2"), name="softmax")
    requests = dict.fromkeys(net.list_arguments(), "write") | {
        "data": "null",
        "softmax_label": "null",
        "scale": "add",
    }
    return net, requests, {"data": (4, 6), "scale": (1, 8)}


def convolutions():
    """Statistics from the convolution's epilogue, BatchNorm, pooling."""
    x = mx.sym.Variable("data")
    net = mx.sym.Convolution(x, kernel=(3, 3), pad=(1, 1), num_filter=16, no_bias=True, name="conv")
    net = mx.sym.BatchNorm(net, fix_gamma=False, name="bn")
    net = mx.sym.Activation(net, act_type="relu", name="relu")
    net = mx.sym.Pooling(net, kernel=(2, 2), stride=(2, 2), pool_type="max", name="pool")
    requests = dict.fromkeys(net.list_arguments(), "write") | {"data": "null"}
    return net, requests, {"data": (2, 3, 6, 6)}


def views():
    """Split, concat and reshape without copies, a saved random mask, inference only."""
    x = mx.sym.Variable("data")
    low, high = mx.sym.split(mx.sym.sigmoid(x, name="gate"), num_outputs=2, axis=1, name="split")
    parts = [mx.sym.square(low, name="square"), mx.sym.elemwise_mul(low, high, name="product")]
    joined = mx.sym.Dropout(mx.sym.concat(*parts, dim=1, name="joined"), p=0.25, name="drop")
    net = mx.sym.transpose(
        mx.sym.reshape(joined, shape=(0, 2, 2), name="reshaped"), axes=(0, 2, 1), name="out"
    )
    return net, "null", {"data": (3, 4)}


@pytest.mark.parametrize("make", [mlp, convolutions, views], ids=lambda make: make.__name__)
def test_text_of_graph_program_and_plan(make):
    symbol, requests, shapes = make()
    executor = symbol.simple_bind(mx.cpu(), grad_req=requests, **shapes)
    got = f"{symbol._graph()}\n\n{executor.debug_str()}"
    # an elementwise group's integers hold numbers of operators, which change whenever one is added
    got = re.sub(r"^(.* = ew_\w+\(.*) ints=\[[\d, ]*\]", r"\1", got, flags=re.M)
    path = FOLDER / f"{make.__name__}.txt"
    if os.environ.get("CYSYM_GOLDEN") == "write":
        FOLDER.mkdir(exist_ok=True)
        path.write_text(got)
    want = path.read_text()
    if got != want:
        diff = difflib.unified_diff(want.splitlines(), got.splitlines(), str(path), "now", lineterm="", n=1)
        pytest.fail("\n".join(diff), pytrace=False)
