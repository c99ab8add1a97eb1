"""Classic networks of `examples/networks`: MXNet's texts, sizes, memory, numbers, gradients on every device.

What MXNet 1.9.1 says is recorded (`recorded/record_networks.py`). Small copies run always; at full size, 224
or 299 pixels, they run where slow tests do.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections import namedtuple
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import contexts
from recorded.network_cases import CASES, Case, count_parameters, load_network, step, value

import cysym as mx

RECORDED = Path(__file__).parent / "recorded"
TRUTH = json.loads((RECORDED / "networks.json").read_text())
CHECKPOINT = str(RECORDED / "networks" / "mobilenet")
EPOCH = 12
# of a device that may be a CPU: those that take seconds there
FULL_ON_DEVICE = ("mlp", "lenet", "alexnet-groups", "googlenet", "resnet-18")
PLANNED = 8  # samples of the memory plan


@cache
def answers(name: str, size: str) -> dict[str, Any]:
    with np.load(RECORDED / "networks.npz") as found:
        return {key: found[f"{name}/{size}/{key}"] for key in ("trained", "inferred", "grads", "states")}


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def test_every_network_is_recorded() -> None:
    assert [case.name for case in CASES] == list(TRUTH["networks"])


@pytest.mark.parametrize("case", CASES, ids=repr)
def test_text_is_mxnets(case: Case) -> None:
    assert sha(case.build(mx).tojson()) == TRUTH["networks"][case.name]["text"]
    assert sha(case.build(mx, full=False).tojson()) == TRUTH["networks"][case.name]["small_text"]


@pytest.mark.parametrize("case", CASES, ids=repr)
def test_number_of_parameters_is_the_papers(case: Case) -> None:
    """`case.parameters` comes from the literature, the recorded number from MXNet's inference of shapes."""
    found = count_parameters(case.build(mx), case.full_shape)
    assert found == case.parameters == TRUTH["networks"][case.name]["parameters"]


def test_biases_of_inception_bn() -> None:
    """Other zoos keep a bias beside each beta: 11,295,240 parameters."""
    (case,) = [c for c in CASES if c.name == "inception-bn"]
    symbol = case.build(mx)
    shapes = zip(symbol.list_arguments(), symbol.infer_shape(data=case.full_shape)[0])
    assert case.parameters + sum(s[0] for name, s in shapes if name.endswith("_beta")) == 11_295_240


@pytest.mark.parametrize(
    ("module", "options"),
    [
        ("resnet", {"num_layers": 20}),
        ("resnet", {"version": 3}),
        ("resnext", {"num_layers": 18}),
        ("vgg", {"num_layers": 12}),
        ("densenet", {"num_layers": 100}),
    ],
)
def test_unknown_depths_are_refused(module: str, options: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="no "):
        load_network(mx, module).get_symbol(**options)


@pytest.mark.parametrize("train", [True, False], ids=["train", "infer"])
@pytest.mark.parametrize("case", CASES, ids=repr)
def test_plan_is_near_its_bound_and_below_mxnets(case: Case, train: bool) -> None:
    symbol = case.build(mx)
    req = {
        n: "write" if train and n not in ("data", "softmax_label") else "null"
        for n in symbol.list_arguments()
    }
    plan = symbol.plan(mx.cpu(), grad_req=req, data=(PLANNED, *case.full_shape[1:]))
    assert 0 < plan.lower_bound <= plan.peak <= 1.02 * plan.lower_bound
    theirs = TRUTH["networks"][case.name]["mib"]["train" if train else "infer"]
    assert plan.peak < (theirs + 1) * 2**20  # MXNet's number is rounded down


def assert_same_step(case: Case, ctx: Any, full: bool) -> None:
    """Compare one training step with MXNet's.

    Gradients may differ by what MXNet's own do, ten times over, when its data move by a millionth: where a
    ReLU or a maximum switches sides, no two ways of rounding give the same. At full size, with millions of
    units, some always do.
    """
    size = "full" if full else "small"
    facts, want = TRUTH["networks"][case.name][size], answers(case.name, size)
    got = step(mx, ctx, case.trained(mx, full), case.shape(full), facts["seed"])
    for key in ("trained", "inferred"):
        np.testing.assert_allclose(got[key], want[key], rtol=1e-4, atol=1e-6, err_msg=key)
    norms = want["grads"][:, :1]
    change = np.abs(got["grads"] - want["grads"]) / (norms + 1e-3 * norms.max())
    assert change.max() <= max(5e-5, 10 * facts["moves"])
    scale = np.abs(want["states"][:, :1])
    assert (np.abs(got["states"] - want["states"]) <= 5e-5 * (scale + 1e-2)).all()


@pytest.mark.parametrize("case", CASES, ids=repr)
def test_small_copy_trains_as_in_mxnet(case: Case, ctx: Any) -> None:
    assert_same_step(case, ctx, full=False)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("case", CASES, ids=repr)
def test_full_size_trains_as_in_mxnet(case: Case) -> None:
    assert_same_step(case, mx.cpu(), full=True)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("case", [c for c in CASES if c.name in FULL_ON_DEVICE], ids=repr)
@pytest.mark.parametrize("ctx", contexts()[1:], ids=str)
def test_full_size_on_a_device(case: Case, ctx: Any) -> None:
    assert_same_step(case, ctx, full=True)


# --- a checkpoint that MXNet left behind --------------------------------------------------------------------
class Stranded:
    """The recorded checkpoint's batch and what MXNet predicted for it."""

    def __init__(self) -> None:
        self.shape = tuple(TRUTH["stranded"]["shape"])
        self.data = value("data", self.shape)
        self.output = np.array(TRUTH["stranded"]["output"], np.float32)

    def check(self, output: Any) -> None:
        np.testing.assert_allclose(np.asarray(output), self.output, rtol=2e-5, atol=1e-6)


@pytest.fixture
def stranded() -> Stranded:
    return Stranded()


def test_stranded_symbol_is_the_builders() -> None:
    with mx.name.NameManager():
        built = load_network(mx, "mobilenet").get_symbol(num_classes=4, width=1 / 32)
    assert Path(CHECKPOINT + "-symbol.json").read_text() == built.tojson()


def test_stranded_through_bind(stranded: Stranded, ctx: Any) -> None:
    symbol, args, aux = mx.model.load_checkpoint(CHECKPOINT, EPOCH)
    label = mx.nd.zeros(stranded.shape[:1], ctx=ctx)
    values = {"data": mx.nd.array(stranded.data, ctx=ctx), "softmax_label": label}
    values.update({name: array.as_in_context(ctx) for name, array in args.items()})
    states = {name: array.as_in_context(ctx) for name, array in aux.items()}
    stranded.check(symbol.bind(ctx, values, aux_states=states).forward()[0].asnumpy())


def test_stranded_through_module(stranded: Stranded, ctx: Any) -> None:
    module = mx.mod.Module.load(CHECKPOINT, EPOCH, load_optimizer_states=True, context=ctx)
    module.bind([("data", stranded.shape)], [("softmax_label", stranded.shape[:1])])
    module.init_optimizer(optimizer="sgd", optimizer_params={"momentum": 0.9})
    batch = mx.io.DataBatch([mx.nd.array(stranded.data)], [mx.nd.zeros(stranded.shape[:1])])
    module.forward(batch, is_train=False)
    stranded.check(module.get_outputs()[0].asnumpy())
    module.forward_backward(batch)
    module.update()
    assert np.isfinite(module.get_outputs()[0].asnumpy()).all()


def test_stranded_through_feedforward(stranded: Stranded, ctx: Any) -> None:
    model = mx.model.FeedForward.load(CHECKPOINT, EPOCH, ctx=ctx, numpy_batch_size=len(stranded.data))
    stranded.check(model.predict(stranded.data))


def test_stranded_through_a_predictor(stranded: Stranded, ctx: Any) -> None:
    """The commonest idiom: no labels, a batch that is any object with `data`, parameters possibly missing."""
    symbol, args, aux = mx.model.load_checkpoint(CHECKPOINT, EPOCH)
    module = mx.mod.Module(symbol=symbol, context=ctx, label_names=None)
    module.bind(for_training=False, data_shapes=[("data", stranded.shape)], label_shapes=module._label_shapes)
    module.set_params(args, aux, allow_missing=True)
    batch = namedtuple("Batch", ["data"])
    module.forward(batch([mx.nd.array(stranded.data)]))
    stranded.check(module.get_outputs()[0].asnumpy())


def test_features_of_a_stranded_network(stranded: Stranded) -> None:
    """All layers but the last, as those fine-tune who have other classes."""
    symbol, args, aux = mx.model.load_checkpoint(CHECKPOINT, EPOCH)
    features = symbol.get_internals()["flatten_output"]
    module = mx.mod.Module(features, label_names=None)
    module.bind([("data", stranded.shape)], for_training=False)
    module.set_params(args, aux, allow_extra=True)
    module.forward(mx.io.DataBatch([mx.nd.array(stranded.data)]), is_train=False)
    got = module.get_outputs()[0].asnumpy().astype(np.float64)
    logits = got @ args["fc1_weight"].asnumpy().T.astype(np.float64) + args["fc1_bias"].asnumpy()
    softmax = np.exp(logits - logits.max(1, keepdims=True))
    stranded.check(softmax / softmax.sum(1, keepdims=True))


def test_saved_again_the_bytes_are_mxnets(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        mx.model.save_checkpoint(
            str(tmp_path / "mobilenet"), EPOCH, *mx.model.load_checkpoint(CHECKPOINT, EPOCH)
        )
    assert "mobilenet-0012.params" in caplog.text
    for name in ("mobilenet-symbol.json", "mobilenet-0012.params"):
        assert (tmp_path / name).read_bytes() == (RECORDED / "networks" / name).read_bytes(), name
