"""What the documents name, 35 to 70: inference, execution, files, training, drawings, custom operators.

One test per feature, numbered; `test_documents.py` checks that none of the seventy is missing. Expected
values are MXNet 1.9.1's.
"""

from __future__ import annotations

import json
import pickle
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from documents.extract import cells_of, notebook_outputs, read
from documents.truth import drawing
from documents.world import seen, space
from oracle import run_mxnet

import cysym as mx

TUTORIALS = ("mail_before", "mail_after", "markdown", "page")
NEWEST = ("mail_after", "markdown")
WITH_NOTEBOOK = [*TUTORIALS, "notebook"]
FLOATS = {"code": "numpy.float32"}


def at(document: str, cell: int, notebook: int) -> int:
    """The notebook counts its cells otherwise than the tutorials."""
    return notebook if document == "notebook" else cell


def simple_net() -> Any:
    net = mx.sym.FullyConnected(mx.sym.Variable("data"), num_hidden=3, name="fc")
    return mx.sym.SoftmaxOutput(mx.sym.Activation(net, act_type="tanh", name="act"), name="softmax")


# --- inference and execution --------------------------------------------------------------------------------
@pytest.mark.parametrize("document", WITH_NOTEBOOK)
def test_35_shape_inference(document: str) -> None:
    shapes = {"dict": [["a", {"tuple": [2, 3]}], ["b", {"tuple": [2, 3]}]]}
    found = seen(document, at(document, 13, 7))["values"][0]
    assert found == {
        "dict": [["input", shapes], ["output", {"dict": [["_plus0_output", {"tuple": [2, 3]}]]}]]
    }


@pytest.mark.parametrize("document", TUTORIALS)
def test_36_type_inference(document: str) -> None:
    types = {"dict": [["a", FLOATS], ["b", FLOATS]]}
    assert seen(document, 13)["values"][1] == {
        "dict": [["input", types], ["output", {"dict": [["_plus0_output", FLOATS]]}]]
    }


@pytest.mark.parametrize("document", WITH_NOTEBOOK)
def test_37_third_part_of_inference(document: str) -> None:
    assert space(document, at(document, 13, 7))["_"] == []
    normed = mx.sym.BatchNorm(mx.sym.Variable("data"), name="bn")
    assert normed.infer_shape(data=(2, 5))[2] == [(5,), (5,)]


@pytest.mark.parametrize("document", WITH_NOTEBOOK)
def test_38_bind_and_forward(document: str, ctx: Any) -> None:
    printed = seen(document, at(document, 14, 8), ctx)["printed"]
    assert printed == "number of outputs = 1\nthe first output = \n[[2. 2. 2.]\n [2. 2. 2.]]\n"


def test_39_print_statement_of_python_2() -> None:
    with pytest.raises(SyntaxError):
        compile(cells_of("notebook")[7].text, "In [8]", "exec")
    assert "SyntaxError" in notebook_outputs()[8]


def test_40_lists_as_shapes_and_a_context_behind(ctx: Any) -> None:
    array = mx.nd.ones([3, 4], ctx) * 2
    assert (array.shape, array.context, array.asnumpy().sum()) == ((3, 4), ctx, 24)


@pytest.mark.parametrize("document", ["notebook", "mail_before", "page"])
def test_41_gpu_old_form(document: str, ctx: Any) -> None:
    shown = seen(document, at(document, 15, 9), ctx)
    assert shown["values"][-1] == {"ndarray": ["float32", [3, 4], [5.0] * 12]}


@pytest.mark.parametrize("document", NEWEST)
def test_42_gpu_new_form(document: str) -> None:
    gpus = list(mx.test_utils.list_gpus())
    assert gpus == list(range(len(mx.context.opencl_devices())))
    names = space(document, 15)
    assert names["gpu_device"] == names["ex_gpu"].outputs[0].context == (mx.gpu(0) if gpus else mx.cpu(0))


@pytest.mark.parametrize("document", TUTORIALS)
def test_43_eval_gives_a_list(document: str, ctx: Any) -> None:
    outputs = space(document, 16, ctx)["ex"]
    assert (type(outputs), len(outputs)) == (list, 1)
    np.testing.assert_array_equal(outputs[0].asnumpy(), np.full((2, 3), 2))


def test_44_simple_bind_forward_backward(ctx: Any) -> None:
    executor = simple_net().simple_bind(ctx, data=(4, 5))
    assert executor.arg_dict["fc_weight"].shape == (3, 5)
    executor.arg_dict["data"][:] = 1
    executor.arg_dict["softmax_label"][:] = 1
    executor.forward(is_train=True)
    np.testing.assert_allclose(executor.outputs[0].asnumpy(), np.full((4, 3), 1 / 3), rtol=1e-6)
    executor.backward()
    # four rows of p - [label == class], tanh'(0) = 1
    np.testing.assert_allclose(executor.grad_dict["fc_bias"].asnumpy(), [4 / 3, -8 / 3, 4 / 3], rtol=1e-5)


def test_45_differentiation_is_automatic(ctx: Any) -> None:
    """Against finite differences of the whole graph."""
    a, b = mx.sym.Variable("a"), mx.sym.Variable("b")
    rng = np.random.default_rng(3)
    where = {"a": rng.standard_normal((2, 3)), "b": rng.standard_normal((3, 2))}
    mx.test_utils.check_numeric_gradient(
        mx.sym.sin(mx.sym.dot(a, b)) * 3, where, ctx=ctx, rtol=1e-2, atol=1e-3
    )


# --- files, types, sharing, training ------------------------------------------------------------------------
def test_46_json_text() -> None:
    """The notebook's text itself, but for the number of the version."""
    text = notebook_outputs()[10].removesuffix("True").rstrip("\n")
    assert space("notebook", 10)["c"].tojson() == text.replace("10000", "10901")
    graph = json.loads(text)
    assert graph["nodes"][2]["inputs"] == [[0, 0, 0], [1, 0, 0]]
    assert (graph["arg_nodes"], graph["node_row_ptr"], graph["heads"]) == ([0, 1], [0, 1, 2, 3], [[2, 0, 0]])


@pytest.mark.parametrize("document", WITH_NOTEBOOK)
def test_47_save_and_load(document: str, tmp_path: Path) -> None:
    cell = at(document, 17, 10)
    assert seen(document, cell)["values"] == [True]
    for symbol in (space(document, cell)["c"], space(document, at(document, 11, 5))["in3a"]):
        symbol.save(str(tmp_path / "symbol.json"))
        again = mx.sym.load(str(tmp_path / "symbol.json"))
        assert (again.tojson(), again.list_arguments()) == (symbol.tojson(), symbol.list_arguments())


def test_47_mxnet_loads_what_we_save(tmp_path: Path) -> None:
    symbol = space("markdown", 11)["in3a"]
    symbol.save(str(tmp_path / "symbol.json"))
    code = "import mxnet as mx; print(mx.sym.load('symbol.json').list_arguments())"
    assert run_mxnet("-c", code, cwd=tmp_path).strip() == repr(symbol.list_arguments())


def test_48_pickle() -> None:
    for document, cell, name in (("markdown", 4, "net"), ("markdown", 11, "in3a"), ("notebook", 6, "group")):
        symbol = space(document, cell)[name]
        assert pickle.loads(pickle.dumps(symbol)).tojson() == symbol.tojson()


def test_49_binary_files_of_arrays(ctx: Any, tmp_path: Path) -> None:
    path = str(tmp_path / "arrays.nd")
    arrays = {"a": mx.nd.array([[1, 2]], ctx), "b": mx.nd.ones(3, ctx, dtype="float16")}
    mx.nd.save(path, arrays)
    assert Path(path).read_bytes()[:8] == (0x112).to_bytes(8, "little")
    loaded = mx.nd.load(path)
    assert {k: (v.dtype, v.asnumpy().tolist()) for k, v in loaded.items()} == {
        "a": (np.float32, [[1, 2]]),
        "b": (np.float16, [1, 1, 1]),
    }


@pytest.mark.parametrize("document", WITH_NOTEBOOK)
def test_50_cast(document: str, ctx: Any) -> None:
    cell = at(document, 18, 14)
    lines = seen(document, cell)["printed"].splitlines()
    assert lines == [
        "{'input': [<class 'numpy.float32'>], 'output': [<class 'numpy.float16'>]}",
        "{'input': [<class 'numpy.int32'>], 'output': [<class 'numpy.uint8'>]}",
    ]
    names = space(document, cell, ctx)
    assert (names["b"].name, names["c"].name) == ("cast0", "cast1")
    (result,) = names["c"].eval(ctx, data=mx.nd.array([0, 200, 7], ctx, dtype="int32"))
    assert (result.dtype, result.asnumpy().tolist()) == (np.uint8, [0, 200, 7])


def test_51_one_array_for_three_arguments(ctx: Any) -> None:
    assert seen("notebook", 15, ctx)["values"][-1] == {"ndarray": ["float32", [2, 3], [6.0] * 6]}


@pytest.mark.parametrize("document", TUTORIALS)
def test_52_a_key_that_is_no_argument(document: str, ctx: Any) -> None:
    names = space(document, 19, ctx)
    assert seen(document, 19, ctx)["values"][-1] == {"ndarray": ["float32", [2, 3], [6.0] * 6]}
    assert names["b"].list_arguments() == ["a"]


@pytest.mark.parametrize("document", NEWEST)
def test_53_tied_weights(document: str, ctx: Any) -> None:
    names = space(document, 22, ctx)
    expected = ["inputs_left", "shared_weight", "shared_bias", "inputs_right", "labels"]
    assert names["output"].list_arguments() == expected
    assert sorted(names["model"].get_params()[0]) == ["shared_bias", "shared_weight"]
    # One array serves both layers: the same rows left and right give the same halves.
    rows = mx.nd.array([[0.1, 0.2], [0.3, 0.4]], ctx)
    weight, bias = (
        names["model"].get_params()[0][f"shared_{p}"].as_in_context(ctx) for p in ("weight", "bias")
    )
    (both,) = names["combined"].eval(
        ctx, inputs_left=rows, inputs_right=rows, shared_weight=weight, shared_bias=bias
    )
    np.testing.assert_array_equal(both.asnumpy()[:, :2], both.asnumpy()[:, 2:])


def test_54_random_numbers_and_arrays_of_lists(ctx: Any) -> None:
    values = space("markdown", 20, ctx)["train_data1"].asnumpy()
    assert (values.shape, values.dtype) == ((4, 2), np.float32)
    assert ((values >= 0) & (values < 1)).all()
    assert len(np.unique(values)) == 8
    label = space("markdown", 20, ctx)["train_label"]
    assert (label.dtype, label.asnumpy().tolist()) == (np.float32, [0, 1, 0, 1])


def test_55_iterator_pads_the_last_batch() -> None:
    train = space("markdown", 20)["train_iter"]
    assert [repr(d) for d in train.provide_data] == [
        f"DataDesc[inputs_{side},(3, 2),<class 'numpy.float32'>,NCHW]" for side in ("left", "right")
    ]
    train.reset()
    batches = [(b.pad, b.label[0].asnumpy().tolist(), b.data[0].asnumpy()) for b in train]
    assert [pad for pad, _, _ in batches] == [0, 2]
    # Four samples in batches of three: the second begins with the fourth and goes on with the first two.
    np.testing.assert_array_equal(batches[1][2][1:], batches[0][2][:2])
    assert batches[1][1][1:] == batches[0][1][:2]


def test_56_module() -> None:
    model = space("markdown", 22)["model"]
    assert (model.data_names, model.label_names) == (["inputs_left", "inputs_right"], ["labels"])
    assert model.output_names == ["softmax_output"]


@pytest.mark.parametrize("document", NEWEST)
def test_57_fit_logs(document: str, ctx: Any) -> None:
    logged = seen(document, 22, ctx)["logged"]
    assert [re.sub(r"=.*", "", line) for line in logged] == [
        "Epoch[0] Train-accuracy",
        "Epoch[0] Time cost",
        "Epoch[0] Validation-accuracy",
    ]


@pytest.mark.parametrize("document", NEWEST)
def test_58_predict(document: str, ctx: Any) -> None:
    result = space(document, 22, ctx)["result"]
    assert (result.shape, result.dtype) == ((3, 4), np.float32)
    np.testing.assert_allclose(result.sum(axis=1), 1, rtol=1e-6)
    np.testing.assert_allclose(result, 0.25, atol=0.01)


def test_59_module_wraps_what_symbols_do(ctx: Any) -> None:
    """The same numbers from Module as from bind and forward by hand; `mx.mod` is `mx.module`."""
    assert mx.mod is mx.module
    net, x = simple_net(), np.linspace(-1, 1, 10, dtype=np.float32).reshape(2, 5)
    module = mx.mod.Module(net, context=ctx)
    module.bind([("data", (2, 5))], [("softmax_label", (2,))], for_training=False)
    module.init_params(mx.init.Uniform(0.5))
    module.forward(mx.io.DataBatch([mx.nd.array(x)], [mx.nd.zeros(2)]))
    arrays = {k: v.as_in_context(ctx) for k, v in module.get_params()[0].items()}
    arrays.update(data=mx.nd.array(x, ctx), softmax_label=mx.nd.zeros(2, ctx))
    by_hand = net.bind(ctx, arrays).forward()[0].asnumpy()
    np.testing.assert_array_equal(module.get_outputs()[0].asnumpy(), by_hand)


# --- drawings -----------------------------------------------------------------------------------------------
def drawn(document: str, cell: int) -> dict[str, list[Any]]:
    return drawing(seen(document, cell)["values"][-1]["Digraph"])


def test_60_plot_of_the_first_graph() -> None:
    view = drawn("notebook", 2)
    assert [name for name, _ in view["nodes"]] == [
        "a",
        "b",
        "_mul0",
        "dot0",
        "_plus1",
        "reshape0",
        "broadcast_to0",
    ]
    assert [f"{a}->{b}" for a, b, _ in view["edges"]] == re.findall(r"\w+->\w+", notebook_outputs()[2])
    shapes = {name: (attributes["shape"], attributes["fixedsize"]) for name, attributes in view["nodes"]}
    assert (shapes["a"], shapes["dot0"]) == (("oval", "true"), ("box", "true"))


@pytest.mark.parametrize("document", ["mail_before", *NEWEST])
def test_61_attributes_for_all_nodes(document: str) -> None:
    for cell in (3, 4, 10, 11):
        assert all(
            (attributes["shape"], attributes["fixedsize"]) == ("oval", "false")
            for _, attributes in drawn(document, cell)["nodes"]
        )
    assert "node_attrs" not in read("page") + read("notebook")


def test_62_shapes_at_edges() -> None:
    edges = {f"{a}->{b}": attributes["label"] for a, b, attributes in drawn("notebook", 3)["edges"]}
    assert edges == {
        "fc1->data": "200",
        "relu1->fc1": "128",
        "fc2->relu1": "128",
        "out->fc2": "10",
        "out->out_label": "",
    }


def test_63_labels_of_nodes() -> None:
    labels = {name: a["label"] for cell in (3, 4, 5) for name, a in drawn("notebook", cell)["nodes"]}
    assert labels["fc1"] == "FullyConnected\n128"
    assert labels["relu1"] == "Activation\nrelu"
    assert labels["conv_None"] == "Convolution\n7x7/2x2, 64"
    assert labels["avg_pool_in3a_pool"] == "Pooling\navg, 3x3/1x1"
    assert all(labels[name] == name for name in ("bn_None", "ch_concat_in3a_chconcat", "out", "data"))


def test_64_weights_are_hidden() -> None:
    net = space("notebook", 3)["net"]
    hidden = {name for name, _ in drawn("notebook", 3)["nodes"]}
    assert hidden == {"data", "fc1", "relu1", "fc2", "out_label", "out"}
    edges = drawing(mx.viz.plot_network(net, hide_weights=False).source)["edges"]
    shown = {name for edge in edges for name in edge[:2]}
    assert shown - hidden == {"fc1_weight", "fc1_bias", "fc2_weight", "fc2_bias"}


def test_65_plot_of_the_inception_block() -> None:
    edges = [f"{a}->{b} {attributes['label']}" for a, b, attributes in drawn("notebook", 5)["edges"]]
    shown = re.findall(r"(\w+->(?:Previos Output|\w+) [\dx]+)", notebook_outputs()[5])
    assert (edges, len(edges)) == (shown, 26)


# --- custom operators ---------------------------------------------------------------------------------------
def test_66_custom_operator(ctx: Any) -> None:
    names = space("notebook", 13, ctx)
    x, label = names["x"].asnumpy(), names["label"].asnumpy().astype(int)
    wanted = np.exp(x) / np.exp(x).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(names["ex_custom"].outputs[0].asnumpy(), wanted, rtol=1e-5)
    np.testing.assert_allclose(names["gx"].asnumpy(), wanted - np.eye(3)[label], rtol=1e-5, atol=1e-7)


def test_66_as_printed_it_misses_numpy(ctx: Any) -> None:
    """MXNet raises the same class, with the operator's own traceback on its error stream."""
    names = {"mx": mx}
    exec(cells_of("notebook")[10].text, names)
    exec(cells_of("notebook")[11].text.replace('"softmax"', '"softmax_without_numpy"'), names)
    net = mx.sym.Custom(mx.sym.Variable("data"), op_type="softmax_without_numpy")
    executor = net.simple_bind(ctx, data=(2, 3))
    with pytest.raises(mx.MXNetError, match="name 'np' is not defined"):
        executor.forward()[0].asnumpy()
    names["np"] = np
    np.testing.assert_allclose(executor.forward()[0].asnumpy(), np.full((2, 3), 1 / 3), rtol=1e-6)


def test_67_what_the_property_class_says() -> None:
    prop = space("notebook", 12)["SoftmaxProp"]()
    assert (prop.list_arguments(), prop.list_outputs()) == (["data", "label"], ["output"])
    assert prop.infer_shape([(4, 3), None]) == ([(4, 3), (4,)], [(4, 3)], [])
    assert prop.need_top_grad_ is False
    assert prop.declare_backward_dependency([1], [2, 3], [4]) == [2, 3, 4]
    # The registered name is no rival of the built-in operator.
    data = mx.sym.Variable("data")
    with mx.name.NameManager():
        assert mx.sym.softmax(data).name == "softmax0"
    assert mx.sym.softmax(data).list_arguments() == ["data"]


def test_68_symbol_of_a_custom_operator() -> None:
    net = space("notebook", 13)["net"]
    assert (repr(net), net.list_arguments()) == ("<Symbol custom0>", ["prev_input", "custom0_label"])
    assert net.list_outputs() == ["custom0_output"]
    assert net.infer_shape(prev_input=(4, 3)) == ([(4, 3), (4,)], [(4, 3)], [])
    # The operator assigns nothing to its second input's gradient: the caller's ones stay.
    assert space("notebook", 13)["glabel"].asnumpy().tolist() == [1, 1, 1, 1]


@pytest.mark.parametrize(("req", "wanted"), [("write", 5), ("inplace", 5), ("add", 7), ("null", 2)])
def test_69_what_assign_does(req: str, wanted: float, ctx: Any) -> None:
    array = mx.nd.full((2,), 2, ctx)
    mx.operator.CustomOp().assign(array, req, mx.nd.full((2,), 5, ctx))
    assert array.asnumpy().tolist() == [wanted, wanted]


def test_69_added_gradients(ctx: Any) -> None:
    names = space("notebook", 13, ctx)
    gradient = mx.nd.ones((4, 3), ctx)
    executor = names["net"].bind(
        ctx,
        {"prev_input": names["x"], "custom0_label": names["label"]},
        {"prev_input": gradient},
        {"prev_input": "add", "custom0_label": "null"},
    )
    executor.forward(is_train=True)
    executor.backward()
    np.testing.assert_allclose(gradient.asnumpy(), 1 + names["gx"].asnumpy(), rtol=1e-5, atol=1e-6)


def test_70_operators_in_python_inside_a_network(ctx: Any) -> None:
    """The texts only say that it can be done: trained through, it gives SoftmaxOutput's gradients."""
    names = space("notebook", 13)
    assert names["SoftmaxProp"]
    fc = mx.sym.FullyConnected(mx.sym.Variable("data"), num_hidden=3, name="fc")
    label = mx.sym.Variable("label")
    found = []
    for net in (mx.sym.Custom(fc, label, op_type="softmax"), mx.sym.SoftmaxOutput(fc, label)):
        executor = net.simple_bind(ctx, data=(4, 5), label=(4,))
        executor.arg_dict["data"][:] = np.linspace(-1, 1, 20).reshape(4, 5)
        executor.arg_dict["fc_weight"][:] = np.linspace(1, -0.5, 15).reshape(3, 5)
        executor.arg_dict["label"][:] = np.array([0, 2, 1, 1])
        executor.forward(is_train=True)
        executor.backward()
        found.append(executor.grad_dict["fc_weight"].asnumpy())
    np.testing.assert_allclose(*found, rtol=1e-4, atol=1e-6)


# --- what the documents say of the whole --------------------------------------------------------------------
def test_memory_is_recycled(ctx: Any) -> None:
    """Symbols need less memory, the documents say: less than with a place of its own for every tensor."""
    net = space("markdown", 11)["in3a"]
    shape = {"Previous Output": (2, 3, 28, 28)}
    for req in ("null", "write"):
        plan = net.plan(ctx, grad_req=req, **shape)
        assert plan.lower_bound <= plan.peak < 0.8 * plan.naive
