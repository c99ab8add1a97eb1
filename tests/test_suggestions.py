"""A misspelt name is answered with the one that was meant, wherever a user writes names."""

from __future__ import annotations

import re
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown import ROOT

import cysym as mx
from cysym import suggest

sym, nd = mx.sym, mx.nd
DATA = sym.Variable("data")


def net() -> Any:
    return sym.SoftmaxOutput(sym.FullyConnected(DATA, num_hidden=3, name="fc"), name="softmax")


def bound() -> Any:
    return net().simple_bind(mx.cpu(), data=(2, 4))


def module() -> Any:
    made = mx.mod.Module(net())
    made.bind([("data", (2, 4))], [("softmax_label", (2,))])
    return made


CASES: list[tuple[Callable[[], Any], type[Exception], str]] = [
    # names of modules
    (lambda: mx.smy, AttributeError, "'smy' (did you mean sym?)"),
    (lambda: mx.metrics, AttributeError, "(did you mean metric?)"),
    (lambda: sym.Convolutio, AttributeError, "'Convolutio' (did you mean Convolution?)"),
    (lambda: sym.fullyconnected, AttributeError, "(did you mean FullyConnected?)"),
    (lambda: nd.relo, AttributeError, "'relo' (did you mean relu?)"),
    (lambda: nd.random.unifrm, AttributeError, "(did you mean uniform?)"),
    (lambda: mx.io.NDArrayItr, AttributeError, "(did you mean NDArrayIter?)"),
    (lambda: mx.init.Xaver, AttributeError, "(did you mean Xavier?)"),
    (lambda: mx.mod.Modul, AttributeError, "(did you mean Module?)"),
    (lambda: mx.random.unifrm, AttributeError, "(did you mean uniform?)"),
    (lambda: mx.autograd.recrd, AttributeError, "(did you mean record?)"),
    (lambda: mx.kv.creat, AttributeError, "(did you mean create?)"),
    (lambda: mx.test_utils.asert_almost_equal, AttributeError, "(did you mean assert_almost_equal?)"),
    (lambda: sym.linalg.gem2, AttributeError, "(did you mean gemm2?)"),
    # operators' parameters, their values and inputs
    (lambda: sym.Convolution(DATA, kernel=(3, 3), num_filters=8), mx.MXNetError,
     "'num_filters' (did you mean num_filter?), Possible Arguments"),
    (lambda: nd.Convolution(nd.zeros((1, 1, 3, 3)), kernels=(3, 3)), mx.MXNetError, "(did you mean kernel?)"),
    (lambda: sym.Activation(DATA, act_type="rely"), mx.MXNetError,
     "'rely' (did you mean relu?), valid values"),
    (lambda: nd.Pooling(nd.zeros((1, 1, 3, 3)), pool_type="maxx"), mx.MXNetError,
     "'maxx' (did you mean max?)"),
    (lambda: sym.cast(DATA, dtype="flaot32"), mx.MXNetError, "'flaot32' (did you mean float32?)"),
    (lambda: sym.FullyConnected(DATA, wieght=DATA, num_hidden=3), mx.MXNetError,
     "name wieght not found (did you mean weight?)"),
    (lambda: sym.load_json(net().tojson().replace("FullyConnected", "FullyConected")), mx.MXNetError,
     "Operator FullyConected is not registered (did you mean FullyConnected?)"),
    # inputs and outputs of a symbol
    (lambda: net().infer_shape(dta=(2, 4)), mx.MXNetError, "dta not found (did you mean data?)"),
    (lambda: net().infer_shape_partial(dta=(2, 4)), mx.MXNetError, "dta not found (did you mean data?)"),
    (lambda: net().infer_type(dta="float32"), mx.MXNetError, "dta not found (did you mean data?)"),
    (lambda: net().simple_bind(mx.cpu(), dta=(2, 4)), mx.MXNetError, "dta (did you mean data?); ignored"),
    (lambda: net().plan(dta=(2, 4)), mx.MXNetError, "'dta' (did you mean data?)"),
    (lambda: net().eval(dta=nd.zeros((2, 4))), ValueError, "`data` is missing in `args` (did you mean dta?)"),
    (lambda: net().bind(mx.cpu(), {"data": nd.zeros((2, 4)), "fc_wieght": nd.zeros((3, 4))}), ValueError,
     "`fc_weight` is missing in `args` (did you mean fc_wieght?)"),
    (lambda: net()(dta=DATA), mx.MXNetError, "dta not found (did you mean data?)"),
    (lambda: net()["sofmax_output"], ValueError, '"sofmax_output" (did you mean softmax_output?)'),
    (lambda: net().get_internals()["fc_outpt"], ValueError, "(did you mean fc_output?)"),
    (lambda: net()["fc_output"], ValueError, "get_internals()['fc_output'] is one inside"),
    # an executor
    (lambda: bound().forward(dta=nd.zeros((2, 4))), TypeError, "Unknown argument dta (did you mean data?)"),
    (lambda: bound().copy_params_from({"fc_wieght": nd.zeros((3, 4))}), ValueError,
     "(did you mean fc_weight?)"),
    (lambda: (DATA + 1).simple_bind(mx.cpu(), data=(2,)).backward({"_plusscalar_output": nd.zeros((2,))}),
     mx.MXNetError, "No output is called"),
    # a module
    (lambda: mx.mod.Module(net(), data_names=["dta"]), ValueError, "did you mean one of: data"),
    (lambda: mx.mod.Module(net()).bind([("dta", (2, 4))]), ValueError,
     "'data' is missing (did you mean dta?)"),
    (lambda: module().set_params({"fc_wieght": nd.zeros((3, 4)), "fc_bias": nd.zeros((3,))}, {}),
     RuntimeError, "fc_weight is not presented: arg_params lacks it (did you mean fc_wieght?)"),
    (lambda: sym.Variable("x", lr_mul=2), ValueError, "name=lr_mul is not supported (did you mean lr_mult?)"),
    # what is found by name
    (lambda: mx.optimizer.create("adm"), ValueError, "adm (did you mean adam?)"),
    (lambda: mx.optimizer.create("sgd", learning_rat=0.1), TypeError,
     "'learning_rat' (did you mean learning_rate?)"),
    (lambda: mx.optimizer.create("sgd", momentun=0.1), TypeError, "'momentun' (did you mean momentum?)"),
    (lambda: mx.init.create("xaver"), ValueError,
     "xaver is not registered as initializer (did you mean xavier?)"),
    (lambda: mx.init.create("xavier", rnd_typ="uniform"), TypeError, "'rnd_typ' (did you mean rnd_type?)"),
    (lambda: mx.metric.create("acuracy"), ValueError, "(did you mean accuracy?)"),
    (lambda: mx.metric.create("top_k_accuracy", topk=3), TypeError, "(did you mean top_k?)"),
    (lambda: mx.profiler.set_config(profile_al=True), mx.MXNetError,
     "'profile_al' (did you mean profile_all?)"),
    (lambda: mx.io.ImageRecordIter(path_imgrecc="x"), TypeError,
     "'path_imgrecc' (did you mean path_imgrec?)"),
    (lambda: mx.Context("gpuu"), ValueError, "'gpuu' (did you mean gpu?)"),
    (lambda: nd.zeros((2,), dtype="flaot32"), TypeError, "'flaot32' (did you mean float32?)"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "kind", "text"), CASES, ids=[t for _, _, t in CASES])
def test_errors(call: Callable[[], Any], kind: type[Exception], text: str) -> None:
    with pytest.raises(kind, match=re.escape(text)):
        call()


def test_errors_leave_everything_as_it_was() -> None:
    executor = bound()
    before = {n: a.asnumpy() for n, a in executor.arg_dict.items()}
    with pytest.raises(ValueError, match="did you mean"):
        executor.copy_params_from({"fc_bias": nd.ones((3,)), "fc_wieght": nd.ones((3, 4))})
    assert all(np.array_equal(executor.arg_dict[n].asnumpy(), a) for n, a in before.items())


IGNORED: list[tuple[Callable[[], Any], str]] = [
    (lambda: net().simple_bind(mx.cpu(), data=(2, 4), fc_wieght=(3, 4)),
     "fc_wieght (did you mean fc_weight?)"),
    (lambda: net().simple_bind(mx.cpu(), data=(2, 4), grad_req={"fc_weigt": "write"}),
     "grad_req: no argument has the name fc_weigt (did you mean fc_weight?); ignored"),
    (lambda: net().simple_bind(mx.cpu(), data=(2, 4), type_dict={"dataa": "float32"}),
     "type_dict: no argument has the name dataa (did you mean data?); ignored"),
    (lambda: DATA.bind(mx.cpu(), {"data": nd.zeros((2,))}, {"datta": nd.zeros((2,))}),
     "args_grad: no argument has the name datta (did you mean data?); ignored"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "text"), IGNORED, ids=[t for _, t in IGNORED])
def test_ignored_names_are_warned_of(
    call: Callable[[], Any], text: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cysym.binding._told", set())
    call()
    assert text in caplog.text
    caplog.clear()
    call()
    assert not caplog.text  # once is enough


def test_other_names_are_ignored_as_in_mxnet(caplog: pytest.LogCaptureFixture) -> None:
    every = dict.fromkeys(net().list_arguments(), "write")
    net().simple_bind(mx.cpu(), data=(2, 4), grad_req={**every, "of_another_net": "write"})
    net().simple_bind(mx.cpu(), data=(2, 4), type_dict={"fc_weight": "float32", "zzz": "float32"})
    assert not caplog.text


def test_stores_and_labels_warn() -> None:
    with pytest.warns(UserWarning, match=re.escape("'locl' acts as 'local' (did you mean local?)")):
        mx.kv.create("locl")
    with pytest.warns(UserWarning, match="did you mean one of: softmax_label"):
        mx.mod.Module(net(), label_names=["sofmax_label"])
    with pytest.raises(ValueError, match=r"did you mean one of: fc_weight, data, softmax_label$"):
        mx.mod.Module(net(), fixed_param_names=["fc_wieght"])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for name in ("local", "device", "nccl", "local_allreduce_device", "mine"):
            mx.kv.create(name)


def test_files_that_are_there(tmp_path: Path) -> None:
    made = module()
    made.init_params()
    for epoch in (1, 2, 40):
        made.save_checkpoint(f"{tmp_path}/net", epoch)
    for call, text in [
        (
            lambda: mx.model.load_checkpoint(f"{tmp_path}/net", 3),
            "(epochs of net that are there: 0001, 0002, 0040)",
        ),
        (lambda: mx.model.load_checkpoint(f"{tmp_path}/nett", 1), "(did you mean net-symbol.json?)"),
        (
            lambda: mx.model.load_checkpoint(f"{tmp_path}/vgg", 1),
            'vgg-symbol.json": No such file or directory',
        ),
        (lambda: nd.load(f"{tmp_path}/net-0001.param"), "(did you mean net-0001.params?)"),
        (lambda: sym.load(f"{tmp_path}/none/net-symbol.json"), f"(there is no folder {tmp_path}/none)"),
        (lambda: sym.load(f"{tmp_path}/other.txt"), 'other.txt": No such file or directory'),
    ]:
        with pytest.raises(mx.MXNetError, match=re.escape(text) + "$"):
            call()
    for epoch in range(3, 12):
        made.save_checkpoint(f"{tmp_path}/net", epoch)
    assert suggest.file_hint(f"{tmp_path}/net-0099.params").endswith(
        "0001, 0002, 0003, ..., 0010, 0011, 0040)"
    )


def test_absent_names_say_why_and_guess_nothing() -> None:
    for call in (lambda: mx.gluon, lambda: mx.base.check_call, lambda: sym.contrib.box_nms):
        with pytest.raises(AttributeError) as caught:
            call()
        assert "did you mean" not in str(caught.value)
    for name in ("__wrapped__", "_smy"):  # asked for by tools, not by users
        with pytest.raises(AttributeError) as caught:
            getattr(mx, name)
        assert "did you mean" not in str(caught.value)
    assert not hasattr(mx, "smy")
    with pytest.raises(ImportError):
        exec("from cysym import smy")


# --- the function itself ------------------------------------------------------------------------------------
def test_far_names_are_not_guessed() -> None:
    assert suggest.did_you_mean("softmax", ["fc1_weight", "data"]) == ""
    assert suggest.did_you_mean("", ["a"]) == suggest.did_you_mean(None, ["a"]) == ""
    assert suggest.did_you_mean("a" * 10_000, ["a" * 9_999]) == ""
    assert suggest.did_you_mean("relu", ["relu"]) == ""  # it is known: something else is wrong
    assert suggest.did_you_mean("conv", ["conv1", "conv_22"], 2) == " (did you mean conv1 or conv_22?)"


@given(
    st.text(max_size=120),
    st.lists(st.one_of(st.text(max_size=12), st.integers()), max_size=6),
    st.integers(1, 3),
)
def test_any_name_among_any_names(name: str, names: list[Any], count: int) -> None:
    found = suggest.nearest(name, names, count)
    assert len(found) <= count
    assert set(found) <= set(names) - {name}


@given(st.text("abcdefgh_", min_size=6, max_size=20), st.data())
def test_one_wrong_letter_is_found(name: str, data: Any) -> None:
    at = data.draw(st.integers(0, len(name) - 1))
    wrong = data.draw(st.sampled_from([name[:at] + name[at + 1 :], name[:at] + "z" + name[at:]]))
    if wrong.replace("_", ""):
        assert suggest.nearest(wrong, ["0123456789", name]) == ([name] if name.strip("_") else [])


def test_other_type_errors_pass_unchanged() -> None:
    def init(self: Any, size: int) -> None:
        raise TypeError("got an unexpected keyword argument 'siz'")  # of something the constructor called

    cls = type("Made", (), {"__init__": init})
    with pytest.raises(TypeError, match=r"'siz'$"):
        suggest.call_hinted(cls, 3)


def test_a_keyword_like_none_is_answered_with_those_there_are() -> None:
    with pytest.raises(TypeError, match=r"'lr'; there are .*\bmomentum\b.*\blearning_rate\b"):
        mx.optimizer.create("sgd", lr=0.1)


# --- environment --------------------------------------------------------------------------------------------
def test_environment_variables_are_those_of_the_table() -> None:
    page = (ROOT / "docs" / "environment.md").read_text()
    assert set(suggest.ENVIRONMENT) == set(re.findall(r"^\| `(CYSYM_\w+)` \|", page, re.M))


def test_misspelt_environment_variables() -> None:
    with pytest.warns(
        UserWarning, match=r"CYSYM_NUM_THREAD means nothing \(did you mean CYSYM_NUM_THREADS\?\)"
    ):
        suggest.check_environment(["PATH", "CYSYM_NUM_THREAD"])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        suggest.check_environment([*suggest.ENVIRONMENT, "CYSYM_MXNET", "CYSYM", "OMP_NUM_THREAD"])


def test_import_looks_at_the_environment() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "always", "-c", "import cysym"],
        env={"PYTHONPATH": str(ROOT), "CYSYM_OPENCLL": "none"}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "CYSYM_OPENCLL means nothing (did you mean CYSYM_OPENCL?)" in done.stderr
    assert "<string>:1" in done.stderr  # the import's own line
