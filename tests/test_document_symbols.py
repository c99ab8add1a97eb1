"""What the documents name, 1 to 34: composing symbols, and the nine pictures.

One test per feature, numbered; `test_documents.py` checks that none of the seventy is missing. Expected
values are MXNet 1.9.1's. The documents' own cells are compared as a whole in `test_documents.py`; here stand
the claims, also those a document makes in prose only.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from documents.world import seen, space

import cysym as mx

TUTORIALS = ("mail_before", "mail_after", "markdown", "page")
LAYERS = ["data", "fc1_weight", "fc1_bias", "fc2_weight", "fc2_bias", "out_label"]


def ones(*shape: int) -> Any:
    return mx.nd.ones(shape)


def test_01_one_module_two_names() -> None:
    assert mx.sym is mx.symbol


def test_02_named_free_variable() -> None:
    a = mx.sym.Variable("a")
    assert (repr(a), a.list_arguments()) == ("<Symbol a>", ["a"])
    for wrong in ((), (3,)):
        with pytest.raises(TypeError):
            mx.sym.Variable(*wrong)


def test_03_var_is_variable() -> None:
    assert mx.sym.var is mx.sym.Variable
    assert repr(space("markdown", 21)["inputs_left"]) == "<Symbol inputs_left>"


@pytest.mark.parametrize("document", [*TUTORIALS, "notebook"])
def test_04_plus_and_automatic_name(document: str) -> None:
    names = space(document, 1 if document == "notebook" else 2)
    assert repr((names["a"], names["b"], names["c"])) == "(<Symbol a>, <Symbol b>, <Symbol _plus0>)"


def test_05_names_need_not_be_unique() -> None:
    """The documents call names unique; automatic ones are, given ones are the user's business."""
    a = mx.sym.Variable("a")
    with mx.name.NameManager():
        assert len({(a + a).name for _ in range(20)}) == 20
    twins = mx.sym.Group([mx.sym.sin(a, name="t"), mx.sym.cos(a, name="t")])
    assert twins.list_outputs() == ["t_output", "t_output"]
    assert (mx.sym.Variable("x") + mx.sym.Variable("x")).list_arguments() == ["x", "x"]


@pytest.mark.parametrize("document", [*TUTORIALS, "notebook"])
def test_06_07_08_10_operators_of_the_second_cell(document: str) -> None:
    names = space(document, 2 if document == "notebook" else 3)
    assert [repr(names[n]) for n in "defg"] == [
        "<Symbol _mul0>",
        "<Symbol dot0>",
        "<Symbol reshape0>",
        "<Symbol broadcast_to0>",
    ]
    assert "_plus1" in names["f"].get_internals().list_outputs()[-2]


def test_06_times_is_elementwise() -> None:
    (product,) = space("markdown", 3)["d"].eval(a=ones(2, 3) * 3, b=ones(2, 3) * 2)
    np.testing.assert_array_equal(product.asnumpy(), np.full((2, 3), 6))


def test_07_dot_is_a_matrix_product() -> None:
    (product,) = space("markdown", 3)["e"].eval(a=ones(2, 2), b=ones(2, 2) * 2)
    np.testing.assert_array_equal(product.asnumpy(), np.full((2, 2), 4))


def test_08_reshape() -> None:
    f = space("markdown", 3)["f"]
    assert f.infer_shape(a=(2, 2), b=(2, 2)) == ([(2, 2), (2, 2)], [(1, 4)], [])


def test_09_old_spelling_of_reshape() -> None:
    a = mx.sym.Variable("a")
    with mx.name.NameManager():
        old, new = mx.sym.Reshape(a, shape=(1, 4)), mx.sym.reshape(a, shape=(1, 4))
    assert (old.name, new.name) == ("reshape0", "reshape1")
    assert space("notebook", 2)["f"].name == "reshape0"


def test_10_broadcast_to(ctx: Any) -> None:
    g = space("markdown", 3, ctx)["g"]
    (result,) = g.eval(ctx, a=mx.nd.ones((2, 2), ctx), b=mx.nd.ones((2, 2), ctx) * 2)
    np.testing.assert_array_equal(result.asnumpy(), np.full((2, 4), 6))
    with pytest.raises(mx.MXNetError, match="dot"):
        g.infer_shape(a=(2, 3), b=(2, 3))


def test_11_operators_of_arrays_on_symbols() -> None:
    a = mx.sym.Variable("a")
    values = np.array([[0.25, -2.0], [3.0, 0.0]], np.float32)
    for symbol, array in (
        (mx.sym.sin(a), mx.nd.sin(mx.nd.array(values))),
        (a.sin(), mx.nd.array(values).sin()),
        (a.reshape(shape=(4,)), mx.nd.array(values).reshape((4,))),
        (a + a, mx.nd.array(values) + mx.nd.array(values)),
        (a * a, mx.nd.array(values) * mx.nd.array(values)),
    ):
        np.testing.assert_array_equal(symbol.eval(a=mx.nd.array(values))[0].asnumpy(), array.asnumpy())
    with mx.name.NameManager():
        assert mx.sym.sin(a).name == "sin0"


def test_12_both_module_names_in_one_network() -> None:
    mixed = mx.symbol.FullyConnected(mx.sym.Variable("data"), num_hidden=2, name="fc") + mx.symbol.Variable(
        "b"
    )
    assert mixed.list_arguments() == ["data", "fc_weight", "fc_bias", "b"]


@pytest.mark.parametrize("document", [*TUTORIALS, "notebook"])
def test_13_layers(document: str) -> None:
    net = space(document, 3 if document == "notebook" else 4)["net"]
    assert (net.list_arguments(), net.list_outputs()) == (LAYERS, ["out_output"])
    shapes = [(100, 200), (128, 200), (128,), (10, 128), (10,), (100,)]
    assert net.infer_shape(data=(100, 200)) == (shapes, [(100, 10)], [])


@pytest.mark.parametrize("document", TUTORIALS)
def test_14_order_of_arguments(document: str) -> None:
    assert seen(document, 5)["values"] == [{"list": LAYERS}]


@pytest.mark.parametrize("document", TUTORIALS)
def test_15_explicit_weight(document: str) -> None:
    assert seen(document, 6)["values"] == [{"list": ["data", "myweight", "fc1_bias"]}]


@pytest.mark.parametrize("document", TUTORIALS)
def test_16_expression_as_input(document: str) -> None:
    assert seen(document, 7)["values"] == [{"list": ["data1", "data2", "fc1_weight", "fc1_bias"]}]


@pytest.mark.parametrize("document", TUTORIALS)
def test_17_symbol_called_as_a_function(document: str) -> None:
    names = space(document, 8)
    composed = names["composed"]
    assert composed.list_arguments() == ["data", "fc1_weight", "fc1_bias", "fc2_weight", "fc2_bias"]
    assert (repr(composed), composed.list_outputs()) == ("<Symbol composed>", ["composed_output"])
    assert names["net2"].list_arguments() == ["data2", "fc2_weight", "fc2_bias"]


@pytest.mark.parametrize("document", TUTORIALS)
def test_18_prefix(document: str) -> None:
    expected = ["data", *(f"layer{i}_fc_{part}" for i in (1, 2) for part in ("weight", "bias"))]
    assert seen(document, 9)["values"] == [{"list": expected}]
    assert space(document, 9)["net"].list_outputs() == ["layer2_fc_output"]
    with mx.name.Prefix("p_"):
        assert mx.sym.Variable("v").name == "v"


@pytest.mark.parametrize("document", [*TUTORIALS, "notebook"])
def test_19_factory_of_layers(document: str) -> None:
    first = "Previos Output" if document == "notebook" else "Previous Output"
    net = space(document, 4 if document == "notebook" else 10)["conv_comp"]
    assert net.list_arguments() == [
        first,
        "conv_None_weight",
        "conv_None_bias",
        "bn_None_gamma",
        "bn_None_beta",
    ]
    assert net.list_auxiliary_states() == ["bn_None_moving_mean", "bn_None_moving_var"]
    assert net.infer_shape(**{first: (128, 3, 28, 28)})[1] == [(128, 64, 11, 11)]


@pytest.mark.parametrize("document", [*TUTORIALS, "notebook"])
def test_20_inception_block(document: str) -> None:
    first = "Previos Output" if document == "notebook" else "Previous Output"
    net = space(document, 5 if document == "notebook" else 11)["in3a"]
    assert net.infer_shape(**{first: (128, 3, 28, 28)})[1] == [(128, 256, 28, 28)]
    assert (len(net.list_arguments()), len(net.list_auxiliary_states())) == (29, 14)


@pytest.mark.parametrize("document", [*TUTORIALS, "notebook"])
def test_21_22_group_of_two_losses(document: str) -> None:
    group = space(document, 6 if document == "notebook" else 12)["group"]
    assert group.list_outputs() == ["softmax_output", "regression_output"]
    labels = ["softmax_label", "regression_label"]
    assert group.list_arguments() == ["data", "fc1_weight", "fc1_bias", *labels]


def test_22_linear_regression_gradient(ctx: Any) -> None:
    net = mx.sym.LinearRegressionOutput(mx.sym.Variable("data"), name="regression")
    executor = net.simple_bind(ctx, data=(2, 2))
    executor.arg_dict["data"][:] = np.array([[1, 2], [3, 4]])
    executor.arg_dict["regression_label"][:] = np.array([[0, 2], [5, 4]])
    executor.forward(is_train=True)
    executor.backward()
    # (data - label) / elements per row
    np.testing.assert_array_equal(executor.grad_dict["data"].asnumpy(), [[0.5, 0], [-1, 0]])


def test_23_concat_joins_the_second_axis(ctx: Any) -> None:
    combined = space("markdown", 21, ctx)["combined"]
    assert combined.name == "concat0"
    assert combined.infer_shape(inputs_left=(3, 2), inputs_right=(3, 2))[1] == [(3, 4)]


def test_24_several_inputs_outputs_and_states() -> None:
    data = mx.sym.Variable("data")
    parts = mx.sym.SliceChannel(data, num_outputs=3, name="parts")
    assert parts.list_outputs() == ["parts_output0", "parts_output1", "parts_output2"]
    assert parts.infer_shape(data=(4, 6))[1] == [(4, 2)] * 3
    states = mx.sym.BatchNorm(data, name="bn").list_auxiliary_states()
    assert states == ["bn_moving_mean", "bn_moving_var"]


# --- pictures -----------------------------------------------------------------------------------------------
def test_25_picture_of_composition() -> None:
    names = space("pictures", 1)
    assert (names["C"].name, names["E"].name) == ("_mul0", "_plus0")
    assert names["E"].list_arguments() == ["A", "B", "D"]


def test_26_picture_of_a_network() -> None:
    inside = space("pictures", 2)["act1"].get_internals().list_outputs()
    assert inside == ["data", "fc1_weight", "fc1_bias", "fc1_output", "activation0_output"]


def test_27_picture_of_two_inputs() -> None:
    expected = ["data", "fc1_weight", "fc1_bias", "data2", "fc2_weight", "fc2_bias"]
    assert space("pictures", 3)["combined"].list_arguments() == expected


def test_28_bind_needs_a_context(ctx: Any) -> None:
    names = space("pictures", 4, ctx)
    with pytest.raises(TypeError, match="ctx"):
        names["E"].bind(args=[names["a"], names["b"], names["d"]])
    assert seen("pictures", 4, ctx)["values"] == [{"list": [{"NDArray": ["float32", [1], [2.0]]}]}]


def test_29_the_executor_sees_the_callers_array(ctx: Any) -> None:
    assert seen("pictures", 5, ctx)["values"][-1] == {"ndarray": ["float32", [1], [11.0]]}
    executor = space("pictures", 5, ctx)["executor"]
    array = mx.nd.array([3.0], ctx)
    again = space("pictures", 5, ctx)["E"].bind(ctx, {"A": array, "B": executor.arg_arrays[1], "D": array})
    array[:] = 7
    assert again.forward()[0].asnumpy().tolist() == [14.0]


def test_30_outputs_in_the_order_of_the_group(ctx: Any) -> None:
    assert seen("pictures", 6, ctx)["printed"] == "[11.] [10.]\n"
    group = space("pictures", 6, ctx)["G"]
    assert repr(group) == "<Symbol group [_plus0, _mul0]>"


def test_31_gradient_with_one_head(ctx: Any) -> None:
    shown = seen("pictures", 7, ctx)
    assert shown["values"][-1] == {"ndarray": ["float32", [1], [4.0]]}
    executor = space("pictures", 7, ctx)["executor"]
    assert executor.outputs[0].asnumpy().tolist() == [20.0]
    assert executor.grad_dict["B"] is None
    assert executor.grad_dict["D"] is None


def test_32_simple_bind_gives_data_a_gradient_too(ctx: Any) -> None:
    """The picture's comment says it is left out; in MXNet 1.9.1 it is not."""
    executor = space("pictures", 8, ctx)["executor"]
    shapes = [(100, 768), (128, 768), (128,)]
    assert [a.shape for a in executor.arg_arrays] == [a.shape for a in executor.grad_arrays] == shapes


def test_33_auxiliary_states(ctx: Any) -> None:
    assert seen("pictures", 9, ctx)["values"][0] == {"list": ["bn_moving_mean", "bn_moving_var"]}
    bn = space("pictures", 9, ctx)["bn"]
    args = {"data": mx.nd.ones((2, 3), ctx), "gamma": mx.nd.ones(3, ctx), "beta": mx.nd.zeros(3, ctx)}
    states = {"bn_moving_mean": mx.nd.ones(3, ctx), "bn_moving_var": mx.nd.ones(3, ctx)}
    by_name = bn.bind(ctx, args, aux_states=states)
    np.testing.assert_allclose(by_name.forward()[0].asnumpy(), np.zeros((2, 3)), atol=1e-6)
    with pytest.raises(ValueError, match="aux_states"):
        bn.bind(ctx, args)


def test_34_bind_only_what_you_need(ctx: Any) -> None:
    """The method is `forward`, and what no chosen output needs is not computed."""
    needed = mx.sym.FullyConnected(mx.sym.Variable("data"), num_hidden=8, name="needed")
    more = mx.sym.sin(mx.sym.dot(needed, mx.sym.Variable("w")))
    both = mx.sym.Group([needed, more])
    assert not hasattr(mx.executor.Executor, "Forward")
    assert both[0].list_arguments() == ["data", "needed_weight", "needed_bias"]
    one = both[0].simple_bind(ctx, grad_req="null", data=(4, 8))
    two = both.simple_bind(ctx, grad_req="null", data=(4, 8), w=(8, 512))
    assert one.plan.naive < two.plan.naive
    assert len(one.debug_str().splitlines()) < len(two.debug_str().splitlines())
    np.testing.assert_array_equal(one.forward()[0].asnumpy(), two.forward()[0].asnumpy())
