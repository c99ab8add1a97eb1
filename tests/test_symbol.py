"""The Symbol facade as MXNet 1.9.1 behaves: names, composition, attributes, listing, inference, protocol."""

from __future__ import annotations

import copy
import gc
import pickle
import time
import warnings
from pathlib import Path

import numpy as np
import pytest

import cysym as mx

sym = mx.sym


@pytest.fixture(autouse=True)
def fresh_names():
    with mx.name.NameManager():
        yield


def variables(text):
    return [sym.Variable(n) for n in text.split()]


# --- names -------------------------------------------------------------------------------------------------
def test_names_follow_the_function_called():
    a, b = variables("a b")
    made = {
        "_plus0": a + b, "_plusscalar0": a + 1, "_minus0": a - b, "_minusscalar0": a - 1,
        "_rminusscalar0": 1 - a, "_mul0": a * b, "_mulscalar0": 2 * a, "_mulscalar1": -a,
        "_div0": a / b, "_divscalar0": a / 2,
        "_rdivscalar0": 2 / a, "_mod0": a % b, "_modscalar0": a % 2, "_rmodscalar0": 2 % a, "_power0": a**b,
        "_powerscalar0": a**2, "_rpower_scalar0": 2**a, "_rpowerscalar0": sym.pow(2, a), "_equal0": a == b,
        "_greater_scalar0": a > 1, "_lesser_equal_scalar0": a <= 1, "_greater_scalar1": a > 1, "abs0": abs(a),
        "_maximum0": sym.maximum(a, b), "_maximumscalar0": sym.maximum(a, 1), "fullyconnected0":
        sym.FullyConnected(a, num_hidden=1), "slicechannel0": sym.SliceChannel(a, num_outputs=2),
        "split0": sym.split(a, num_outputs=2), "concat0": sym.Concat(a, b), "concat1": sym.concat(a, b),
        "reshape0": sym.Reshape(a, shape=(1,)), "reshape1": a.reshape((1,)),
        "cast0": sym.Cast(a, dtype="int32"),
        "broadcast_plus0": sym.broadcast_plus(a, b), "elementwisesum0": sym.ElementWiseSum(a, b),
        "_zeros0": sym.zeros((1,)), "_random_uniform0": sym.random.uniform(0, 1, shape=(2,)),
    }  # fmt: skip
    assert {want: s.name for want, s in made.items()} == {want: want for want in made}


def test_given_names_and_files_advance_no_counter():
    (a,) = variables("a")
    sym.tanh(a, name="tanh7")
    again = sym.load_json(sym.tanh(a, name="tanh0").tojson())
    assert again.name == "tanh0"
    assert sym.tanh(a).name == "tanh0"
    with mx.name.NameManager():
        assert sym.tanh(a).name == "tanh0"
    assert sym.tanh(a).name == "tanh1"


def test_prefix():
    a, b = variables("a b")
    with mx.name.Prefix("p_"):
        layer = sym.FullyConnected(a, num_hidden=2)
        assert layer.name == "p_fullyconnected0"
        assert layer.list_arguments() == ["a", "p_fullyconnected0_weight", "p_fullyconnected0_bias"]
        assert sym.FullyConnected(a, num_hidden=2, name="fc").name == "p_fc"
        assert (a + b).name == "p__plus0"
        assert sym.Variable("v").name == "v"
        with mx.name.Prefix("q_"):
            assert sym.tanh(a).name == "q_tanh0"
        assert sym.tanh(a).name == "p_tanh0"
    with mx.name.Prefix("p_"):
        assert sym.tanh(a).name == "p_tanh0"
    assert sym.tanh(a).name == "tanh0"


def test_names_need_not_be_unique_nor_pretty():
    a, other = sym.Variable("a"), sym.Variable("a")
    net = a * other
    assert net.list_arguments() == ["a", "a"]
    assert net.infer_shape(a=(2, 3))[1] == [(2, 3)]
    assert sym.Variable("").name == ""
    assert sym.Variable("Previous Output").name == "Previous Output"


# --- composition -------------------------------------------------------------------------------------------
def test_missing_inputs_become_variables():
    a, w = variables("a w")
    assert sym.FullyConnected(a, num_hidden=2, name="fc").list_arguments() == ["a", "fc_weight", "fc_bias"]
    assert sym.FullyConnected(a, num_hidden=2, no_bias=True, name="fc").list_arguments() == ["a", "fc_weight"]
    assert sym.FullyConnected(num_hidden=2, name="fc").list_arguments() == ["fc_data", "fc_weight", "fc_bias"]
    assert sym.FullyConnected(weight=w, data=a, num_hidden=2, name="fc").list_arguments() == [
        "a",
        "w",
        "fc_bias",
    ]
    assert sym.FullyConnected(a, None, None, 3).infer_shape(a=(1, 2))[1] == [(1, 3)]
    assert sym.SoftmaxOutput(a, name="softmax").list_arguments() == ["a", "softmax_label"]
    norm = sym.BatchNorm(a, name="bn")
    assert norm.list_arguments() == ["a", "bn_gamma", "bn_beta"]
    assert norm.list_auxiliary_states() == ["bn_moving_mean", "bn_moving_var"]
    assert norm.list_inputs() == ["a", "bn_gamma", "bn_beta", "bn_moving_mean", "bn_moving_var"]


def test_arguments_in_depth_first_order():
    a, b, x = variables("a b x")
    assert (b + a).list_arguments() == ["b", "a"]
    assert ((b * x) + (a * b)).list_arguments() == ["b", "x", "a"]
    assert sym.Group([a * a, b, a]).list_arguments() == ["a", "b"]


def test_calling_a_symbol_replaces_variables():
    one = sym.FullyConnected(sym.Variable("data"), num_hidden=10, name="fc1")
    two = sym.FullyConnected(sym.Variable("data2"), num_hidden=10, name="fc2")
    before = two.tojson()
    composed = two(data2=one, name="composed")
    assert composed.list_arguments() == ["data", "fc1_weight", "fc1_bias", "fc2_weight", "fc2_bias"]
    assert composed.list_outputs() == ["composed_output"]
    assert two.tojson() == before
    assert two(fc2_weight=one).list_arguments()[:3] == ["data2", "data", "fc1_weight"]
    assert one(data=one).list_arguments() == ["data", "fc1_weight", "fc1_bias", "fc1_weight", "fc1_bias"]
    group = sym.Group([one, sym.Variable("data")])
    assert group(data=sym.Variable("D")).list_outputs() == ["fc1_output", "D"]


def test_composed_graph_computes(ctx):
    x, y = variables("x y")
    outer = (y * y + 1)(y=x * 2)
    assert outer.eval(ctx, x=mx.nd.array([1, 3], ctx=ctx))[0].asnumpy().tolist() == [5, 37]


def test_outputs_and_internals():
    a = sym.Variable("a")
    parts = sym.split(sym.tanh(a, name="t"), num_outputs=3, name="s")
    assert len(parts) == 3
    assert parts.list_outputs() == ["s_output0", "s_output1", "s_output2"]
    assert [p.list_outputs() for p in parts] == [["s_output0"], ["s_output1"], ["s_output2"]]
    assert parts[1].name == "s"
    first, _, third = parts
    net = sym.BatchNorm(sym.Dropout(first + third, name="d"), name="bn")
    assert net.list_outputs() == ["bn_output"]
    internals = net.get_internals()
    assert internals.list_outputs() == [
        "a", "t_output", "s_output0", "s_output1", "s_output2", "_plus0_output", "d_output", "bn_gamma",
        "bn_beta", "bn_moving_mean", "bn_moving_var", "bn_output",
    ]  # fmt: skip
    assert internals["s_output1"].list_arguments() == ["a"]
    assert net.get_children().list_outputs()[0] == "d_output"
    assert a.get_children() is None
    assert a.list_outputs() == ["a"]
    assert sym.BatchNorm(a, output_mean_var=True, name="bn").list_outputs() == [
        "bn_output",
        "bn_mean",
        "bn_var",
    ]


def test_group():
    a, b = variables("a b")
    c = a * b
    group = sym.Group([c + b, c])
    assert group.list_outputs() == ["_plus0_output", "_mul0_output"]
    assert repr(group) == "<Symbol group [_plus0, _mul0]>"
    assert group.name is None
    assert repr(c) == "<Symbol _mul0>"
    assert group["_mul0_output"].name == "_mul0"
    assert group[0:1].list_outputs() == ["_plus0_output"]
    assert group[::-1].list_outputs() == ["_mul0_output", "_plus0_output"]
    assert sym.Group([sym.split(a, num_outputs=2, name="s"), b]).list_outputs() == [
        "s_output0",
        "s_output1",
        "b",
    ]
    with pytest.raises(ValueError, match="twice"):
        sym.Group([sym.tanh(a, name="twice"), sym.sin(a, name="twice")])["twice_output"]


# --- attributes --------------------------------------------------------------------------------------------
def test_attributes_are_strings():
    a = sym.Variable("a", attr={"mood": "angry"}, lr_mult=0.5, __foo__=3)
    assert (a.attr("mood"), a.attr("lr_mult"), a.attr("__foo__"), a.attr("none")) == (
        "angry",
        "0.5",
        "3",
        None,
    )
    net = sym.FullyConnected(a, num_hidden=4, name="fc", lr_mult="2")
    assert net.attr("num_hidden") == "4"
    assert net.attr_dict()["fc_weight"]["lr_mult"] == "2"
    assert net.list_attr()["num_hidden"] == "4"
    assert sym.Group([a, net]).attr("num_hidden") is None


def test_attribute_scopes():
    with mx.AttrScope(ctx_group="one", __data__="outer"):
        a = sym.Variable("a")
        with mx.AttrScope(ctx_group="two"):
            b = sym.Variable("b", attr={"__data__": "mine"})
            net = sym.FullyConnected(b, num_hidden=1, name="fc")
    assert (a.attr("ctx_group"), a.attr("__data__")) == ("one", "outer")
    assert (b.attr("ctx_group"), b.attr("__data__")) == ("two", "mine")
    assert net.attr_dict()["fc_bias"]["ctx_group"] == "two"
    assert sym.Variable("c").attr("ctx_group") is None


def test_set_attr_changes_the_operator():
    net = sym.FullyConnected(sym.Variable("a"), num_hidden=4, name="fc")
    net._set_attr(num_hidden="7")
    assert net.infer_shape(a=(2, 3))[1] == [(2, 7)]
    net._set_attr(name="other")
    assert net.list_outputs() == ["other_output"]


# --- inference ---------------------------------------------------------------------------------------------
def test_shapes_of_a_network():
    data = sym.Variable("data")
    net = sym.Convolution(data, kernel=(3, 3), num_filter=8, name="conv")
    net = sym.SoftmaxOutput(
        sym.FullyConnected(sym.BatchNorm(net, name="bn"), num_hidden=10, name="fc"), name="out"
    )
    arguments, outputs, aux = net.infer_shape(data=(2, 3, 6, 5))
    assert dict(zip(net.list_arguments(), arguments, strict=True)) == {
        "data": (2, 3, 6, 5), "conv_weight": (8, 3, 3, 3), "conv_bias": (8,), "bn_gamma": (8,),
        "bn_beta": (8,), "fc_weight": (10, 96), "fc_bias": (10,), "out_label": (2,),
    }  # fmt: skip
    assert (outputs, aux) == ([(2, 10)], [(8,), (8,)])
    assert net.infer_shape((2, 3, 6, 5))[1] == [(2, 10)]
    assert net.infer_shape(data=(2, 3, 6, 5), bn_moving_mean=(8,))[2] == [(8,), (8,)]


def test_inference_goes_both_ways():
    a, b = variables("a b")
    assert (a + b).infer_shape(a=(0, 3), b=(2, 0)) == ([(2, 3), (2, 3)], [(2, 3)], [])
    assert sym.tanh(a + sym.zeros((0, 0))).infer_shape(a=(4, 5))[1] == [(4, 5)]
    net = sym.elemwise_add(sym.tanh(a), b)
    assert net.infer_shape(b=(7, 2))[0] == [(7, 2), (7, 2)]
    labelled = sym.SoftmaxOutput(a, sym.Variable("label"), multi_output=True)
    assert labelled.infer_shape(a=(2, 3, 4))[0][1] in ((2, 4), (2, 4, 1))


def test_shape_on_the_variable():
    a = sym.Variable("a", shape=(2, 3))
    assert (a * 2).infer_shape()[1] == [(2, 3)]
    assert (a * 2).infer_shape(a=(4, 5))[1] == [(4, 5)]
    assert sym.FullyConnected(sym.Variable("x", shape=(2, 0)), num_hidden=1).infer_shape_partial()[1] == [
        (2, 1)
    ]


def test_partial_inference():
    a, b = variables("a b")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert (a + b).infer_shape(a=(0, 3)) == (None, None, None)
    assert "Cannot decide shape" in str(caught[0].message)
    assert "a: (0, 3)" in str(caught[0].message)
    assert (a + b).infer_shape_partial(a=(0, 3)) == ([(0, 3), (0, 3)], [(0, 3)], [])
    net = sym.FullyConnected(a, num_hidden=4, name="fc")
    assert net.infer_shape_partial() == ([(), (4, 0), (4,)], [()], [])
    assert net.infer_shape_partial(a=(5, 0)) == ([(5, 0), (4, 0), (4,)], [(5, 4)], [])
    assert sym.concat(a, b, dim=1).infer_shape_partial(a=(2, 3))[1] == [(2, 0)]
    turned = (sym.transpose(b) + a).infer_shape_partial(a=(2, 3))
    assert turned[1] == [(2, 3)]


def test_types():
    a, b = variables("a b")
    f32, f64, i32 = np.float32, np.float64, np.int32
    assert (a + b).infer_type(a="float64") == ([f64, f64], [f64], [])
    assert (a + b).infer_type(f32) == ([f32, f32], [f32], [])
    assert sym.cast(a, dtype="int32").infer_type(a="float32") == ([f32], [i32], [])
    norm = sym.BatchNorm(a, name="bn").infer_type(a="float16")
    assert norm == ([np.float16, f32, f32], [np.float16], [f32, f32])
    embedding = sym.Embedding(a, input_dim=3, output_dim=2, name="e").infer_type(a="int32")
    assert embedding == ([i32, f32], [f32], [])
    with pytest.warns(UserWarning, match="Cannot decide type"):
        assert (a + b).infer_type() == (None, None, None)
    assert (a + b).infer_type_partial() == ([None, None], [None], [])
    assert (sym.Variable("t", dtype="float16") * 2).infer_type()[1] == [np.float16]


def test_errors_of_inference_say_what_was_given_and_print_nothing(capsys):
    a, b = variables("a b")
    with pytest.raises(mx.MXNetError, match="_plus0") as caught:
        (a + b).infer_shape(a=(2, 3), b=(4, 3))
    assert str(caught.value).endswith("infer_shape error. Arguments:\n  a: (2, 3)\n  b: (4, 3)")
    with pytest.raises(mx.MXNetError, match=r"Arguments:\n  0: \(2, 3\)\n  1: \(4, 3\)$"):
        (a + b).infer_shape((2, 3), (4, 3))
    assert capsys.readouterr() == ("", "")


def test_positional_inference_follows_list_arguments():
    """Documented by MXNet, where it fails in every call."""
    net = sym.FullyConnected(sym.Variable("data"), num_hidden=3, name="fc")
    expected = ([(2, 5), (3, 5), (3,)], [(2, 3)], [])
    assert net.infer_shape((2, 5)) == net.infer_shape((2, 5), None, ()) == expected
    with pytest.warns(UserWarning, match=r"data: \(0, 5\)"):
        assert net.infer_shape((0, 5), (3, 0)) == (None, None, None)
    assert net.infer_shape_partial((2, 0), (0, 5)) == ([(2, 0), (3, 5), (3,)], [(2, 3)], [])
    assert net.infer_type("float64")[1] == net.infer_type(None, np.float64)[1] == [np.float64]
    assert net.infer_type_partial(None) == ([None] * 3, [None], [])
    with pytest.raises(mx.MXNetError, match="4 positional shapes for 3 arguments"):
        net.infer_shape((2, 5), None, None, (1,))


def test_setting_an_attribute_cannot_change_what_a_node_reads():
    net = sym.FullyConnected(sym.Variable("data"), num_hidden=3, name="fc")
    before = net.tojson()
    for attrs, message in (
        ({"no_bias": "True"}, "would read data, weight instead of data, weight, bias"),
        ({"num_hidden": "0"}, "greater equal to 1"), ({"lr_mult": "2", "num_hidden": "x"}, "num_hidden"),
    ):  # fmt: skip
        with pytest.raises(mx.MXNetError, match=message):
            net._set_attr(**attrs)
        assert net.tojson() == before
    with pytest.raises(ValueError, match="string"):
        net._set_attr(name="other", num_hidden=3)
    assert net.name == "fc"


# --- protocol ----------------------------------------------------------------------------------------------
def test_copies_and_pickles():
    net = sym.FullyConnected(sym.Variable("a", lr_mult=2), num_hidden=4, name="fc")
    for made in (
        copy.copy(net),
        copy.deepcopy(net),
        pickle.loads(pickle.dumps(net)),
        sym.load_json(net.tojson()),
    ):
        assert made.tojson() == net.tojson()
        made._set_attr(name="changed")
        assert net.name == "fc"
    with pytest.raises(TypeError):
        hash(net)


def test_save_and_load(tmp_path):
    net = sym.tanh(sym.Variable("a")) + 1
    path = str(tmp_path / "net.json")
    net.save(path)
    assert sym.load(path).tojson() == net.tojson()
    assert Path(path).read_text() == net.tojson()


def test_operators_compute(ctx):
    a, b = variables("a b")
    x, y = np.array([[1.5, -2, 3]], np.float32), np.array([[2, 4, -0.5]], np.float32)
    cases = {
        "+": (a + b, x + y), "1+": (1 + a, 1 + x), "-": (a - b, x - y), "1-": (1 - a, 1 - x),
        "*": (a * b, x * y), "/": (a / b, x / y), "2/": (2 / a, 2 / x), "%": (a % b, x % y),
        "5%": (5 % b, 5 % y),
        "**": (b**2, y**2), "2**": (2**a, 2**x), "-a": (-a, -x), "abs": (abs(a), abs(x)),
        "==": (a == 1.5, x == 1.5),
        "!=": (a != b, x != y), ">": (a > b, x > y), ">=": (a >= 1.5, x >= 1.5), "<": (a < b, x < y),
        "1<": (a > 1, x > 1), "<=": (a <= b, x <= y), "max": (sym.maximum(a, b), np.maximum(x, y)),
        "min": (sym.minimum(a, 1), np.minimum(x, 1)), "pow": (sym.pow(2, a), 2**x),
    }  # fmt: skip
    for what, (symbol, want) in cases.items():
        given = {n: mx.nd.array(v, ctx=ctx) for n, v in (("a", x), ("b", y)) if n in symbol.list_arguments()}
        np.testing.assert_allclose(symbol.eval(ctx, **given)[0].asnumpy(), want, 1e-5, err_msg=what)


def test_debug_str():
    a = sym.Variable("a")
    assert a.debug_str().rstrip() == "Variable:a"
    text = sym.FullyConnected(a + 1, num_hidden=2, name="f").debug_str()
    assert text.startswith("Symbol Outputs:\n\toutput[0]=f(0)\nVariable:a\n--------------------\n")
    assert (
        "Op:FullyConnected, Name=f\nInputs:\n\targ[0]=_plusscalar0(0)\n\targ[1]=f_weight(0) version=0" in text
    )
    assert "Attrs:\n\tnum_hidden=2\n" in text


def test_functions_have_docstrings_and_signatures():
    import inspect

    assert mx.symbol is mx.sym
    assert sym.var is sym.Variable
    signature = inspect.signature(sym.FullyConnected)
    assert list(signature.parameters)[:6] == ["data", "weight", "bias", "num_hidden", "no_bias", "flatten"]
    assert "num_hidden" in sym.FullyConnected.__doc__


# --- size --------------------------------------------------------------------------------------------------
def test_a_chain_of_a_hundred_thousand_nodes():
    """Builds, infers, is copied, saved, loaded and freed without recursion, each in linear time."""
    n, limit = 100_000, 60.0
    begin = time.perf_counter()
    x = sym.Variable("x")
    for _ in range(n // 2):
        x = sym.tanh(x) + 1
    assert x.infer_shape(x=(2, 3))[1] == [(2, 3)]
    assert x.infer_type(x="float32")[1] == [np.float32]
    again = sym.load_json(copy.copy(x).tojson())
    assert len(again.get_internals()) == n + 1
    del again, x
    gc.collect()
    assert time.perf_counter() - begin < limit


def test_a_long_chain_runs(ctx):
    n = 4000
    x = sym.Variable("x")
    y = x
    for _ in range(n):
        y = y + 1
    grad = mx.nd.zeros((2,), ctx=ctx)
    with mx.executor.options(fuse=False):
        executor = y.bind(ctx, {"x": mx.nd.array([1, 2], ctx=ctx)}, {"x": grad})
    assert executor.forward(is_train=True)[0].asnumpy().tolist() == [n + 1, n + 2]
    executor.backward(mx.nd.array([3, 4], ctx=ctx))
    assert grad.asnumpy().tolist() == [3, 4]
    assert executor.plan.peak <= 256


def test_numpys_functions_refuse_symbols_and_its_scalars_leave_them_operators():
    a = sym.Variable("a")
    halves = (np.float32(1) / (np.float64(2) * a)).eval(a=mx.nd.ones((2,)))[0]
    assert halves.asnumpy().tolist() == [0.5, 0.5]
    for function in (np.exp, np.add.reduce):
        with pytest.raises(TypeError, match="'Symbol' does not support ufuncs"):
            function(a)
    for make in (np.array, np.asarray, mx.nd.array):
        with pytest.raises(mx.base.NotImplementedForSymbol, match="__array__"):
            make(a)
