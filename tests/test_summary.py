"""Tables of layers: parameters against brute force, arithmetic against known totals, the command's output."""

from __future__ import annotations

import importlib
import json
import math
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import cysym as mx
from cysym.__main__ import main
from cysym.drawing.costs import Cost, cost
from cysym.drawing.layers import labels_of, layers_of
from cysym.drawing.plan import nbytes_text
from cysym.ops import all_ops
from cysym.ops.elementwise import Elementwise
from cysym.ops.schema import REQUIRED
from cysym.visualization import print_summary

ROOT = Path(__file__).parent.parent
PICTURES = json.loads((ROOT / "tests" / "recorded" / "formats.json").read_text())["pictures"]
S: Any = mx.sym
Net = tuple[Any, dict[str, tuple[int, ...]], set[str]]


@pytest.fixture(scope="module")
def models() -> dict[str, Any]:
    """The networks of the benchmarks: name -> (builder, shape of a sample)."""
    sys.path.insert(0, str(ROOT / "benchmarks"))
    try:
        return dict(importlib.import_module("models").MODELS)
    finally:
        sys.path.remove(str(ROOT / "benchmarks"))


def x() -> Any:
    return S.Variable("data")


def rnn(mode: str, **more: Any) -> Any:
    return S.RNN(x(), state_size=4, num_layers=2, mode=mode, name="rnn", **more)


def unrolled() -> Any:
    cell = mx.rnn.SequentialRNNCell()
    cell.add(mx.rnn.LSTMCell(5, prefix="a_"))
    cell.add(mx.rnn.GRUCell(4, prefix="b_"))
    return cell.unroll(3, x(), layout="NTC", merge_outputs=True)[0]


def towers() -> Any:
    a = S.FullyConnected(S.Variable("left"), num_hidden=4, name="fa")
    b = S.FullyConnected(S.Variable("right"), num_hidden=4, name="fb", no_bias=True)
    return S.SoftmaxOutput(S.Concat(a, b, name="both"), S.Variable("target"), name="softmax")


def tied() -> Any:
    w = S.Variable("w_weight")
    first = S.FullyConnected(x(), w, num_hidden=6, no_bias=True, name="f1")
    return S.FullyConnected(first, S.transpose(w), num_hidden=6, no_bias=True, name="f2")


def two_losses() -> Any:
    body = S.FullyConnected(x(), num_hidden=3, name="body")
    label = S.Reshape(S.Variable("y"), shape=(-1,))
    one = S.SoftmaxOutput(S.FullyConnected(body, num_hidden=2, name="one"), label, name="softmax")
    ctc = S.CTCLoss(S.reshape(body, shape=(4, 2, 3)), S.Variable("words"), name="ctc")
    return S.Group(
        [one, S.LinearRegressionOutput(body, name="lr"), ctc, S.Variable("kept_weight", shape=(7,))]
    )


def custom() -> Any:
    @mx.operator.register("summed_scale")
    class Prop(mx.operator.CustomOpProp):
        def list_arguments(self) -> list[str]:
            return ["data", "scale", "label"]

        def list_auxiliary_states(self) -> list[str]:
            return ["count"]

        def infer_shape(self, in_shape: Any) -> Any:
            return [in_shape[0], in_shape[0][1:], in_shape[0][:1]], [in_shape[0]], [(2,)]

    return S.Custom(S.FullyConnected(x(), num_hidden=3, name="fc"), op_type="summed_scale", name="mine")


# name -> symbol, shapes, and the arguments that are no parameters
NETS: dict[str, Any] = {
    "no bias": lambda: (S.FullyConnected(x(), num_hidden=3, no_bias=True), {"data": (2, 5)}, {"data"}),
    "flattening": lambda: (S.FullyConnected(x(), num_hidden=3), {"data": (2, 5, 4, 4)}, {"data"}),
    "groups": lambda: (
        S.Convolution(x(), kernel=(3, 3), num_filter=6, num_group=3),
        {"data": (2, 9, 5, 5)},
        {"data"},
    ),
    "deconvolution": lambda: (
        S.Deconvolution(x(), kernel=(3, 2), num_filter=6, num_group=2, no_bias=False),
        {"data": (2, 4, 5, 5)},
        {"data"},
    ),
    "norms": lambda: (
        S.LayerNorm(S.BatchNorm(S.BatchNorm(x(), fix_gamma=True), fix_gamma=False, name="b")),
        {"data": (2, 3, 4)},
        {"data"},
    ),
    "prelu": lambda: (S.LeakyReLU(x(), act_type="prelu"), {"data": (2, 3, 4)}, {"data"}),
    "embedding": lambda: (S.Embedding(x(), input_dim=9, output_dim=5), {"data": (2, 3)}, {"data"}),
    "lstm": lambda: (rnn("lstm"), {"data": (3, 2, 5)}, {"data", "rnn_state", "rnn_state_cell"}),
    "gru": lambda: (rnn("gru", bidirectional=True), {"data": (3, 2, 5)}, {"data", "rnn_state"}),
    "unrolled": lambda: (unrolled(), {"data": (2, 3, 7)}, {"data"}),
    "towers": lambda: (towers(), {"left": (2, 3), "right": (2, 5)}, {"left", "right", "target"}),
    "tied": lambda: (tied(), {"data": (2, 6)}, {"data"}),
    "losses": lambda: (
        two_losses(),
        {"data": (8, 5), "y": (8, 1), "words": (2, 3)},
        {"data", "y", "lr_label", "words"},
    ),
    "custom": lambda: (custom(), {"data": (4, 5)}, {"data", "mine_label"}),
    "given weight": lambda: (
        S.dot(x(), S.Variable("w_weight")) * S.Variable("scale"),
        {"data": (2, 3), "w_weight": (3, 4), "scale": (2, 4)},
        {"data", "scale"},
    ),
}


def brute_force(symbol: Any, shapes: Any, fed: set[str]) -> tuple[int, int]:
    """Elements of all arguments but those fed, and of the auxiliary states."""
    arguments, _, states = symbol.infer_shape(**shapes)
    sizes = zip(symbol.list_arguments(), arguments, strict=True)
    return sum(math.prod(dims) for name, dims in sizes if name not in fed), sum(map(math.prod, states))


def check_counts(symbol: Any, shapes: Any, fed: set[str]) -> None:
    layers = layers_of(symbol, shapes)
    assert (layers.params, layers.aux) == brute_force(symbol, shapes, fed)
    assert sum(row.params or 0 for row in layers.rows) == layers.params
    assert sum(row.aux or 0 for row in layers.rows) == layers.aux
    assert set(layers.fed) == fed
    assert layers.param_bytes == 4 * (layers.params or 0)


@pytest.mark.parametrize("name", NETS)
def test_counts_are_those_of_the_shapes(name: str) -> None:
    symbol, shapes, fed = NETS[name]()
    check_counts(symbol, shapes, fed)
    assert layers_of(symbol, shapes).params


def test_counts_of_the_models(models: dict[str, Any]) -> None:
    for make, sample in models.values():
        symbol = make(mx)
        check_counts(symbol, {"data": (2, *sample)}, {"data", "softmax_label"})


@pytest.mark.parametrize("name", PICTURES)
def test_counts_of_what_mxnet_has_drawn(name: str) -> None:
    given = {key: tuple(dims) for key, dims in PICTURES[name]["shape"].items()}
    symbol = mx.sym.load_json(PICTURES[name]["text"])
    check_counts(symbol, given, {*given, "softmax_label", "labels"} & set(symbol.list_arguments()))


def test_a_shared_weight_counts_where_it_is_read_first() -> None:
    symbol, shapes, _ = NETS["tied"]()
    rows = {row.name: row.params for row in layers_of(symbol, shapes).rows}
    assert (rows["f1"], rows["f2"]) == (36, 0)


def test_bytes_follow_types() -> None:
    net = S.FullyConnected(S.Cast(x(), dtype="float16"), num_hidden=3, name="fc")
    layers = layers_of(net, {"data": (2, 5)}, {"data": "float64"})
    assert (layers.param_bytes, layers.fed_bytes, layers.output_bytes) == (2 * 18, 8 * 10, 2 * 6)


def test_labels_are_known_without_shapes() -> None:
    assert labels_of(two_losses()) == ["y", "lr_label", "words"]
    assert labels_of(rnn("lstm")) == ["rnn_state", "rnn_state_cell"]


# --- the table ----------------------------------------------------------------------------------------------
def test_table_of_two_inputs_and_a_label(capsys: pytest.CaptureFixture[str]) -> None:
    print_summary(towers(), {"left": (2, 3), "right": (2, 5)}, line_length=100)
    lines = [line.split() for line in capsys.readouterr().out.splitlines() if line.strip("_=")]
    assert lines == [
        ["Layer", "(type)", "Output", "Shape", "Param", "#", "Previous", "Layer"],
        ["left(null)", "3", "0"],
        ["fa(FullyConnected)", "4", "16", "left"],
        ["right(null)", "5", "0"],
        ["fb(FullyConnected)", "4", "20", "right"],
        ["both(Concat)", "8", "0", "fa"],
        ["fb"],
        ["softmax(SoftmaxOutput)", "8", "0", "both"],
        ["Total", "params:", "36"],
    ]


def test_table_without_shapes_says_what_it_does_not_know(capsys: pytest.CaptureFixture[str]) -> None:
    words = S.Embedding(x(), input_dim=9, output_dim=5, name="embed")
    print_summary(S.FullyConnected(words, num_hidden=3, name="fc"))
    out = capsys.readouterr().out
    assert re.search(r"embed\(Embedding\) +45 +data", out)
    assert re.search(r"fc\(FullyConnected\) +\? +embed", out)
    assert "Total params: unknown (pass shape=)" in out


def test_table_refuses() -> None:
    with pytest.raises(ValueError, match="expected 4 positions, got 2"):
        print_summary(towers(), positions=[0.5, 1.0])
    with pytest.raises(TypeError, match="symbol must be a Symbol, got int"):
        print_summary(3)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="Input shape is incomplete"), pytest.warns(match="Cannot decide"):
        print_summary(towers(), {"left": (2, 3)})


# --- arithmetic ---------------------------------------------------------------------------------------------
def work(symbol: Any, **shapes: tuple[int, ...]) -> Cost:
    layers = layers_of(symbol, shapes)
    assert not layers.uncounted
    return layers.cost


@pytest.mark.parametrize(
    ("name", "millions"), [("resnet50", 4089), ("vgg16", 15470), ("lenet", 2.293), ("mlp", 0.1092)]
)
def test_multiply_adds_of_known_networks(models: dict[str, Any], name: str, millions: float) -> None:
    make, sample = models[name]
    cost = work(make(mx), data=(1, *sample))
    assert cost.multiply_adds / 1e6 == pytest.approx(millions, rel=5e-4)
    assert cost.flops == 2 * cost.multiply_adds + cost.others
    assert cost.others < cost.multiply_adds / 20


def test_multiply_adds_of_alexnet() -> None:
    """Krizhevsky's network with its two groups: 724 million, as published."""
    net = x()
    for i, (filters, kernel, stride, pad, groups) in enumerate(
        [(96, 11, 4, 0, 1), (256, 5, 1, 2, 2), (384, 3, 1, 1, 1), (384, 3, 1, 1, 2), (256, 3, 1, 1, 2)]
    ):
        net = S.Convolution(
            net,
            kernel=(kernel,) * 2,
            stride=(stride,) * 2,
            pad=(pad,) * 2,
            num_filter=filters,
            num_group=groups,
        )
        if i in (0, 1, 4):
            net = S.Pooling(net, kernel=(3, 3), stride=(2, 2), pool_type="max")
    for width in (4096, 4096, 1000):
        net = S.FullyConnected(net, num_hidden=width)
    assert work(net, data=(1, 3, 227, 227)).multiply_adds / 1e6 == pytest.approx(724, rel=1e-3)


def attention(name: str, *inputs: Any) -> Any:
    return getattr(S.contrib, f"interleaved_matmul_{name}")(*inputs, heads=3)


y = S.Variable("y")
# symbol, shapes, multiply-adds, others
SMALL = {
    "fc": (S.FullyConnected(x(), num_hidden=3), {"data": (2, 5)}, 2 * 5 * 3, 0),
    "rows": (S.FullyConnected(x(), num_hidden=3, flatten=False), {"data": (2, 7, 5)}, 14 * 5 * 3, 0),
    "conv": (
        S.Convolution(x(), kernel=(3, 2), num_filter=6, num_group=2),
        {"data": (2, 4, 5, 5)},
        2 * 3 * 4 * 6 * (2 * 3 * 2),
        0,
    ),
    "deconv": (
        S.Deconvolution(x(), kernel=(3, 2), num_filter=6, num_group=2),
        {"data": (2, 4, 5, 5)},
        2 * 25 * 4 * (3 * 3 * 2),
        0,
    ),
    "dot": (S.dot(x(), y), {"data": (2, 3, 5), "y": (5, 4, 7)}, 6 * 5 * 28, 0),
    "dot turned": (S.dot(x(), y, transpose_a=True), {"data": (5, 3), "y": (5, 4)}, 12 * 5, 0),
    "batch_dot": (S.batch_dot(x(), y, transpose_a=True), {"data": (6, 5, 3), "y": (6, 5, 4)}, 6 * 12 * 5, 0),
    "gemm": (
        S.linalg.gemm(x(), y, S.Variable("c")),
        {"data": (6, 3, 5), "y": (6, 5, 4), "c": (6, 3, 4)},
        6 * 12 * 5,
        2 * 72,
    ),
    "syrk": (S.linalg.syrk(x()), {"data": (3, 5)}, 9 * 5, 0),
    "trmm": (S.linalg.trmm(x(), y), {"data": (4, 4), "y": (4, 3)}, 3 * 10, 0),
    "rnn": (rnn("rnn_tanh"), {"data": (3, 2, 5)}, 6 * (4 * 5 + 3 * 16), 6 * 8),
    "lstm": (
        rnn("lstm", bidirectional=True),
        {"data": (3, 2, 5)},
        6 * 2 * 4 * (4 * (5 + 4) + 4 * (8 + 4)),
        6 * 16 * 9,
    ),
    "scores": (attention("selfatt_qk", x()), {"data": (5, 2, 3 * 3 * 4)}, 6 * 25 * 4, 6 * 25),
    "mixture": (
        attention("selfatt_valatt", x(), y),
        {"data": (5, 2, 3 * 3 * 4), "y": (6, 5, 5)},
        5 * 2 * 12 * 5,
        0,
    ),
    "pool": (S.Pooling(x(), kernel=(2, 3), stride=(2, 2)), {"data": (2, 3, 6, 7)}, 0, 2 * 3 * 9 * 6),
    "whole": (S.Pooling(x(), kernel=(2, 3), global_pool=True), {"data": (2, 3, 6, 7)}, 0, 2 * 3 * 42),
    "norm": (S.BatchNorm(x()), {"data": (2, 3, 4)}, 0, 2 * 24),
    "sums": (S.broadcast_add(S.add_n(x(), y, x()), S.sum(y)), {"data": (2, 3), "y": (2, 3)}, 0, 12 + 6 + 6),
    "stretched": (S.broadcast_mul(x(), y), {"data": (2, 1), "y": (1, 5)}, 0, 10),
    "moves": (S.transpose(S.Dropout(S.Flatten(x()))), {"data": (2, 3, 4)}, 0, 0),
    "upsampling": (
        S.UpSampling(x(), scale=2, sample_type="bilinear", num_filter=3),
        {"data": (2, 3, 4, 4)},
        2 * 3 * 16 * 16,
        0,
    ),
}


@pytest.mark.parametrize("name", SMALL)
def test_work_of_single_operators(name: str) -> None:
    symbol, shapes, products, others = SMALL[name]
    assert work(symbol, **shapes) == Cost(products, others)


def test_unknown_work_is_unknown() -> None:
    net = S.sort(S.FullyConnected(x(), num_hidden=3, name="fc"), name="s")
    layers = layers_of(net, {"data": (2, 5)})
    assert [row.cost for row in layers.rows] == [Cost(), Cost(30), None]
    assert layers.uncounted == ["sort"]
    assert layers.cost == Cost(30)


def test_every_elementwise_operator_costs_one_each() -> None:
    found = {op.name for op in all_ops().values() if issubclass(op, Elementwise)}
    free = {"ones_like", "zeros_like"}
    for name in found:
        op = all_ops()[name].make(
            {
                k: "relu" if k == "act_type" else 1
                for k, p in all_ops()[name].params.items()
                if p.default is REQUIRED
            }
        )
        shapes = [(2, 3)] * len(op.input_names())
        assert cost(op, shapes, [(2, 3)]) == Cost(0, 0 if name in free else 6), name
    assert len(found) > 100


# --- the command --------------------------------------------------------------------------------------------
@pytest.fixture
def lenet(tmp_path: Path, models: dict[str, Any]) -> str:
    path = tmp_path / "lenet-symbol.json"
    models["lenet"][0](mx).save(str(path))
    return str(path)


def said(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main(["summary", *words]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    return out


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main(["summary", *words]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    return err


def test_command_prints_layers_sums_and_plan(lenet: str, capsys: pytest.CaptureFixture[str]) -> None:
    out = said(capsys, lenet, "--data", "16,1,28,28")
    assert re.search(r"conv2 \(Convolution\) +16x50x8x8 +25,050 +51\.2 M +pool1\n", out)
    assert re.search(r"Parameters +431,080\n", out)
    assert re.search(r"FLOPs +73\.9 M, forward \(36\.7 M multiply-adds, two each\)\n", out)
    symbol = mx.sym.load(lenet)
    for option, request in ((), "null"), (("--train",), "write"):
        out = said(capsys, lenet, "--data", "(16, 1, 28, 28)", *option)
        requests = {n: "null" if n in ("data", "softmax_label") else request for n in symbol.list_arguments()}
        plan = symbol.plan(grad_req=requests, data=(16, 1, 28, 28))
        assert re.search(rf"planned +{nbytes_text(plan.peak)} ", out)
        assert ("gradients" in out) == bool(option)


def test_command_of_several_inputs_infers_labels(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a = S.FullyConnected(S.Variable("left"), num_hidden=4, name="fa")
    label = S.Variable("softmax_label", shape=(128,))  # of the batch it was trained with
    net = S.Group([S.SoftmaxOutput(a + S.Variable("right"), label, name="softmax"), S.sort(a, name="s")])
    net.save(str(tmp_path / "n.json"))
    out = said(capsys, str(tmp_path / "n.json"), "--input", "left=3,5", "--input", "right=3x4")
    assert "n.json: 2 outputs, left (3, 5), right (3, 4)" in out
    assert "unknown for sort" in out
    assert re.search(r"inputs, labels +120 bytes", out)
    said_no = refused(capsys, str(tmp_path / "n.json"), "--input", "left=3,5", "--input", "softmax_label=4")
    assert "softmax_label" in said_no


WRONG: dict[str, tuple[list[str], str]] = {
    "no shape": ([], "no shape is known of data; give it, as --data 1,3,224,224"),
    "too few axes": (["--data", "1,28,28"], "operator conv1: Input data should be 4D"),
    "too small": (["--data", "1,1,3,3"], "kernel size exceed input"),
    "no number": (["--data", "a,b"], "--data takes a shape of numbers above 0, as 1,3,224,224; got 'a,b'"),
    "negative": (["--input", "data=1,-3"], "got '1,-3'"),
    "nothing": (["--data", ""], "got ''"),
    "no equals sign": (["--input", "data"], "--input takes NAME=SHAPE"),
    "misspelt": (["--input", "dta=1,1,28,28"], "no input is called 'dta' (did you mean data?)"),
    "twice": (["--data", "1,1,28,28", "--input", "data=1"], "the shape of data is given twice"),
    "another label": (["--data", "4,1,28,28", "--input", "softmax_label=3"], "softmax_label has 3"),
    "huge": (["--data", "9" * 30 + ",1,28,28"], "out of range"),
    "no parameters": (["--data", "1,1,28,28", "--params", "nowhere.params"], "nowhere.params"),
}


@pytest.mark.parametrize("name", WRONG)
def test_command_refuses_in_one_line(name: str, lenet: str, capsys: pytest.CaptureFixture[str]) -> None:
    words, text = WRONG[name]
    err = refused(capsys, lenet, *words)
    assert err.startswith("python -m cysym summary: ")
    assert text in err


def test_command_refuses_files_that_are_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bad = tmp_path / "bad.json"
    for content in (b"", b"\xff\xfe", b"[]", b'{"nodes": []}', b"{"):
        bad.write_bytes(content)
        refused(capsys, str(bad), "--data", "1,2")
    assert "No such file" in refused(capsys, str(tmp_path / "none.json"))
    assert "directory" in refused(capsys, str(tmp_path))


def test_command_checks_parameters(lenet: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    symbol = mx.sym.load(lenet)
    names, (shapes, _, _) = symbol.list_arguments(), symbol.infer_shape(data=(1, 1, 28, 28))
    arrays = {
        f"arg:{n}": mx.nd.zeros(s)
        for n, s in zip(names, shapes, strict=True)
        if "_" in n and "label" not in n
    }
    path = str(tmp_path / "net.params")
    words = (lenet, "--data", "1,1,28,28", "--params", path)
    mx.nd.save(path, {**arrays, "arg:other": mx.nd.zeros(1)})
    assert "8 arrays, and they fit; the network has no use for other" in said(capsys, *words)
    mx.nd.save(path, {**arrays, "arg:fc1_bias": mx.nd.zeros(3)})
    assert "fc1_bias has shape (3,), the network expects (500,)" in refused(capsys, *words)
    mx.nd.save(path, {k: v for k, v in arrays.items() if k != "arg:fc1_bias"})
    assert "lacks 1 of the network's arrays: fc1_bias" in refused(capsys, *words)
    mx.nd.save(path, list(arrays.values()))
    assert "a list of arrays without names" in refused(capsys, *words)


def test_command_in_a_process_of_its_own(lenet: str) -> None:
    command = [sys.executable, "-m", "cysym", "summary", lenet, "--data", "1,1,28,28"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert "Parameters        431,080" in done.stdout


def test_command_before_a_reader_that_has_seen_enough(lenet: str) -> None:
    command = [sys.executable, "-m", "cysym", "summary", lenet, "--data", "1,1,28,28"]
    writer = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT)
    assert writer.stdout is not None
    writer.stdout.close()
    assert writer.stderr is not None
    assert writer.stderr.read() == b""
    assert writer.wait(60) == 0
    writer.stderr.close()
