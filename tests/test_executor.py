"""The Executor facade as MXNet 1.9.1 behaves: binding, running, gradients, sharing, reshaping, monitoring."""

from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest

import cysym as mx

sym = mx.sym


@pytest.fixture(autouse=True)
def fresh_names():
    with mx.name.NameManager():
        yield


def arr(ctx, *values, dtype="float32"):
    return mx.nd.array(values, ctx=ctx, dtype=dtype)


def dense():
    x = sym.Variable("data")
    return sym.FullyConnected(sym.tanh(x, name="act"), num_hidden=3, name="fc")


# --- binding -----------------------------------------------------------------------------------------------
def test_bind_sees_the_callers_arrays(ctx):
    """The tutorials' picture: written after bind, seen by forward."""
    a, b, d = (sym.Variable(n) for n in "ABD")
    c = a * b
    group = sym.Group([c + d, c])
    x, one = mx.nd.empty((1,), ctx=ctx), mx.nd.ones((1,), ctx=ctx)
    executor = group.bind(ctx=ctx, args={"A": x, "B": one, "D": one, "unknown": one})
    x[:] = 10
    assert [o.asnumpy().tolist() for o in executor.forward()] == [[11], [10]]
    assert executor.arg_dict["A"] is x
    assert executor.arg_arrays == [x, one, one] or all(
        p is q for p, q in zip(executor.arg_arrays, [x, one, one])
    )
    listed = group.bind(ctx, [x, one, one])
    assert listed.forward()[0].asnumpy().tolist() == [11]


def test_gradient_of_the_tutorial(ctx):
    """20 and 4: forward without is_train, backward with one head gradient."""
    a, b, d = (sym.Variable(n) for n in "ABD")
    grad = mx.nd.zeros((1,), ctx=ctx)
    executor = (a * b * d).bind(
        ctx, {"A": arr(ctx, 10), "B": arr(ctx, 1), "D": arr(ctx, 2)}, args_grad={"A": grad}
    )
    assert executor.forward()[0].asnumpy().tolist() == [20]
    executor.backward(out_grads=arr(ctx, 2))
    assert grad.asnumpy().tolist() == [4]
    assert executor.grad_dict["A"] is grad
    assert executor.grad_dict["B"] is None


def test_backward_without_any_forward(ctx):
    x = sym.Variable("x")
    grad = mx.nd.zeros((3,), ctx=ctx)
    executor = (x * x).bind(ctx, {"x": arr(ctx, 1, 2, 3)}, {"x": grad})
    executor.backward(mx.nd.ones((3,), ctx=ctx))
    assert grad.asnumpy().tolist() == [2, 4, 6]


def test_one_variable_used_often_sums_its_gradients(ctx):
    a = sym.Variable("a")
    grad = mx.nd.zeros((3,), ctx=ctx)
    executor = (a + a * a).bind(ctx, {"a": arr(ctx, 1, 2, 3)}, {"a": grad})
    executor.forward(is_train=True)
    executor.backward(mx.nd.ones((3,), ctx=ctx))
    assert grad.asnumpy().tolist() == [3, 5, 7]


def test_the_same_head_twice_counts_both_gradients(ctx):
    a = sym.Variable("a")
    square = a * 3
    grad = mx.nd.zeros((1,), ctx=ctx)
    executor = sym.Group([square, square]).bind(ctx, {"a": arr(ctx, 1)}, {"a": grad})
    outputs = executor.forward(is_train=True)
    assert [o.asnumpy().tolist() for o in outputs] == [[3], [3]]
    executor.backward([arr(ctx, 1), arr(ctx, 10)])
    assert grad.asnumpy().tolist() == [33]


def test_requests(ctx):
    a, b, c = (sym.Variable(n) for n in "abc")
    net = a * b + sym.BlockGrad(c)
    values = {n: arr(ctx, k + 2.0) for k, n in enumerate("abc")}

    def run(request):
        grads = {n: arr(ctx, 100) for n in "abc"}
        executor = net.bind(ctx, values, grads, request)
        executor.forward(is_train=True)
        executor.backward(arr(ctx, 1))
        executor.backward(arr(ctx, 1))
        return [grads[n].asscalar() for n in "abc"]

    assert run("write") == [3, 2, 0]  # what no gradient reaches is zero
    assert run("add") == [106, 104, 100]
    assert run("null") == [100, 100, 100]
    assert run(["add", "write", "null"]) == [106, 2, 100]
    assert run({"b": "add"}) == [100, 104, 100]


def test_simple_bind(ctx):
    net = sym.SoftmaxOutput(sym.BatchNorm(dense(), name="bn"), name="softmax")
    executor = net.simple_bind(ctx, data=(4, 5), unknown=(1,))
    assert {n: a.shape for n, a in executor.arg_dict.items()} == {
        "data": (4, 5), "fc_weight": (3, 5), "fc_bias": (3,), "bn_gamma": (3,), "bn_beta": (3,),
        "softmax_label": (4,),
    }  # fmt: skip
    for array in [*executor.arg_arrays, *executor.grad_arrays, *executor.aux_arrays]:
        assert array.context == ctx
        assert not array.asnumpy().any()
    assert list(executor.aux_dict) == ["bn_moving_mean", "bn_moving_var"]
    executor = net.simple_bind(ctx, grad_req={"fc_weight": "write"}, data=(4, 5))
    assert [n for n, g in executor.grad_dict.items() if g is not None] == ["fc_weight"]
    executor = dense().simple_bind(ctx, type_dict={"data": "float64"}, data=(2, 2))
    assert {a.dtype for a in executor.arg_arrays} == {np.float64}
    assert executor.forward()[0].dtype is np.float64


# --- running -----------------------------------------------------------------------------------------------
def test_forward_takes_arrays_by_name(ctx):
    executor = dense().simple_bind(ctx, data=(2, 4))
    weight = np.arange(12, dtype=np.float64).reshape(3, 4)
    out = executor.forward(data=mx.nd.ones((2, 4)), fc_weight=weight, is_train=False)
    np.testing.assert_allclose(out[0].asnumpy(), np.tanh(np.ones((2, 4))) @ weight.T, 1e-5)
    assert executor.arg_dict["fc_weight"].asnumpy().tolist() == weight.tolist()


def test_memory_of_outputs_is_used_again(ctx):
    x = sym.Variable("x")
    executor = (x + 1).bind(ctx, {"x": arr(ctx, 1, 2)})
    first = executor.forward()[0]
    kept = first.asnumpy()
    second = executor.forward(x=np.array([5, 6]))[0]
    assert second.storage is first.storage
    assert first.asnumpy().tolist() == [6, 7]
    assert kept.tolist() == [2, 3]
    assert executor.outputs[0].asnumpy().tolist() == [6, 7]
    assert list(executor.output_dict) == ["_plusscalar0_output"]


def test_head_gradients(ctx):
    x = sym.Variable("x")
    net = sym.Group([x * 2, sym.MakeLoss(x * 3, name="loss"), x * 5])
    grad = mx.nd.zeros((1,), ctx=ctx)
    executor = net.bind(ctx, {"x": arr(ctx, 1)}, {"x": grad})
    one = arr(ctx, 1)
    executor.forward(is_train=True)
    executor.backward([one, one, one, one])  # a surplus one is ignored
    assert grad.asscalar() == 10
    names = net.list_outputs()
    executor.backward({names[0]: arr(ctx, 10), names[1]: one, names[2]: one})
    assert grad.asscalar() == 28
    loss = sym.SoftmaxOutput(x, name="softmax")
    executor = loss.simple_bind(ctx, x=(2, 3))
    executor.forward(is_train=True)
    executor.backward()
    np.testing.assert_allclose(executor.grad_dict["x"].asnumpy(), [[-2 / 3, 1 / 3, 1 / 3]] * 2, 1e-5)
    assert not executor.grad_dict["softmax_label"].asnumpy().any()


def test_no_gradients_asked_for(ctx):
    executor = dense().simple_bind(ctx, grad_req="null", data=(2, 4))
    executor.forward(is_train=True)
    executor.backward(mx.nd.ones((2, 3), ctx=ctx))
    assert all(g is None for g in executor.grad_arrays)


def test_outputs_that_are_arguments(ctx):
    x = sym.Variable("x")
    a = arr(ctx, 1, 2)
    executor = x.bind(ctx, {"x": a})
    assert executor.forward()[0].asnumpy().tolist() == [1, 2]
    a[:] = 3
    assert executor.forward()[0].asnumpy().tolist() == [3, 3]
    twice = sym.Group([x, x + 1, x]).bind(ctx, {"x": a})
    assert [o.asnumpy().tolist() for o in twice.forward()] == [[3, 3], [4, 4], [3, 3]]


def test_internals_as_outputs(ctx):
    net = dense()
    internals = net.get_internals()
    executor = internals["act_output"].bind(ctx, {"data": arr(ctx, 0.5)})
    np.testing.assert_allclose(executor.forward()[0].asnumpy(), [np.tanh(0.5)], 1e-6)


def test_eval(ctx):
    a, b = sym.Variable("a"), sym.Variable("b")
    found = (a + b).eval(ctx=ctx, a=mx.nd.ones((2, 3), ctx=ctx), b=mx.nd.ones((2, 3), ctx=ctx))
    assert isinstance(found, list)
    assert found[0].asnumpy().tolist() == [[2, 2, 2]] * 2


# --- copying, sharing, reshaping ---------------------------------------------------------------------------
def test_copy_params_from(ctx):
    executor = dense().simple_bind(ctx, data=(2, 4))
    weight = mx.nd.ones((3, 4), dtype="float64")
    executor.copy_params_from({"fc_weight": weight})
    assert executor.arg_dict["fc_weight"].dtype is np.float32
    assert executor.arg_dict["fc_weight"].asnumpy().tolist() == [[1] * 4] * 3
    executor.copy_params_from({"fc_bias": mx.nd.ones((3,)), "nope": weight}, allow_extra_params=True)
    assert executor.arg_dict["fc_bias"].asnumpy().tolist() == [1, 1, 1]


def test_reshape_shares_memory(ctx):
    executor = dense().simple_bind(ctx, data=(4, 5))
    smaller = executor.reshape(data=(2, 5))
    assert smaller.arg_dict["fc_weight"] is executor.arg_dict["fc_weight"]
    assert smaller.arg_dict["data"].shape == (2, 5)
    executor.arg_dict["data"][:] = np.arange(20).reshape(4, 5) / 20
    executor.arg_dict["fc_weight"][:] = 1
    assert smaller.arg_dict["data"].asnumpy().tolist() == executor.arg_dict["data"].asnumpy()[:2].tolist()
    both = executor.forward()[0].asnumpy(), smaller.forward()[0].asnumpy()
    np.testing.assert_allclose(both[0][:2], both[1], 1e-6)
    smaller.forward(is_train=True)
    smaller.backward(mx.nd.ones((2, 3), ctx=ctx))
    assert smaller.grad_dict["fc_weight"] is executor.grad_dict["fc_weight"]
    larger = executor.reshape(allow_up_sizing=True, data=(9, 5))
    assert larger.forward()[0].shape == (9, 3)
    wider = executor.reshape(partial_shaping=True, allow_up_sizing=True, data=(4, 6))
    assert wider.arg_dict["fc_weight"].shape == (3, 6)


def test_shared_buffer(ctx):
    pool: dict = {}
    first = dense().simple_bind(ctx, shared_buffer=pool, data=(4, 5))
    assert set(pool) == {
        "data",
        "fc_weight",
        "fc_bias",
        "grad of data",
        "grad of fc_weight",
        "grad of fc_bias",
    }
    second = dense().simple_bind(
        ctx, shared_exec=first, shared_arg_names=["fc_weight", "fc_bias"], shared_buffer=pool, data=(2, 5)
    )
    assert second.arg_dict["fc_weight"] is first.arg_dict["fc_weight"]
    assert second.grad_dict["fc_bias"] is first.grad_dict["fc_bias"]
    first.arg_dict["data"][:] = 0.25
    assert second.arg_dict["data"].asnumpy().tolist() == [[0.25] * 5] * 2
    with pytest.raises(RuntimeError, match="fc_weight"):
        dense().simple_bind(
            ctx, shared_exec=first, shared_arg_names=["fc_weight"], shared_buffer=pool, data=(2, 6)
        )


def test_duplicate_names(ctx):
    net = sym.Variable("a") * sym.Variable("a")
    executor = net.bind(ctx, {"a": arr(ctx, 3)})
    assert executor.forward()[0].asnumpy().tolist() == [9]
    with pytest.raises(ValueError, match="Duplicate names"):
        executor.arg_dict  # noqa: B018


# --- monitor -----------------------------------------------------------------------------------------------
def test_monitor_sees_nodes_in_order(ctx):
    net = sym.BatchNorm(dense(), name="bn")
    executor = net.simple_bind(ctx, data=(2, 4))
    names = []
    executor.set_monitor_callback(lambda name, array: names.append(name))
    executor.forward(is_train=True)
    assert names == ["act_output", "fc_output", "bn_output", "bn_mean", "bn_var"]
    names.clear()
    executor.set_monitor_callback(lambda name, array: names.append(name), monitor_all=True)
    executor.forward()
    start = [
        "data",
        "act_data",
        "act_output",
        "fc_data",
        "fc_weight",
        "fc_weight",
        "fc_bias",
        "fc_bias",
        "fc_output",
    ]
    assert names[: len(start)] == start
    executor.set_monitor_callback(None)
    names.clear()
    executor.forward()
    assert not names


def test_monitored_values_are_right_under_in_place_work(ctx, rng):
    """Ten operators that work in place one after the other: each value seen is that of its time."""
    x = sym.Variable("x")
    net, want = x, rng.uniform(-1, 1, (3, 4)).astype(np.float32)
    given, expected = want, {}
    for k in range(10):
        net = sym.sin(net, name=f"s{k}") if k % 2 else sym.square(net, name=f"s{k}")
        want = np.sin(want) if k % 2 else want * want
        expected[f"s{k}_output"] = want
    executor = net.bind(ctx, {"x": mx.nd.array(given, ctx=ctx)})
    seen = {}
    executor.set_monitor_callback(lambda name, array: seen.__setitem__(name, array))
    executor.forward()
    assert seen.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_allclose(seen[name].asnumpy(), value, 1e-5, err_msg=name)


def test_exception_in_a_monitor_callback(ctx):
    executor = dense().simple_bind(ctx, data=(2, 4))

    def fail(name, array):
        raise KeyError(name)

    executor.set_monitor_callback(fail)
    with pytest.raises(KeyError, match="act_output"):
        executor.forward()
    executor.set_monitor_callback(None)
    assert executor.forward()[0].asnumpy().tolist() == [[0] * 3] * 2


# --- life --------------------------------------------------------------------------------------------------
def test_executors_are_freed(ctx):
    """Nothing keeps an executor, its arena and its arrays alive, not even programs with callbacks."""
    executor = dense().simple_bind(ctx, data=(2, 4))
    executor.set_monitor_callback(lambda name, array: None)
    executor.forward(is_train=True)
    executor.backward(mx.nd.ones((2, 3), ctx=ctx))
    watch = weakref.ref(executor)
    del executor
    gc.collect()
    assert watch() is None


def test_outputs_outlive_the_executor(ctx):
    x = sym.Variable("x")
    output = (x + 1).bind(ctx, {"x": arr(ctx, 1, 2)}).forward()[0]
    gc.collect()
    assert output.asnumpy().tolist() == [2, 3]


def test_debug_str(ctx):
    executor = dense().simple_bind(ctx, data=(2, 4))
    text = executor.debug_str()
    assert "fc_weight" in text
    assert "lower bound" in text
    assert text.rstrip().endswith("TempSpace resource requested")


def test_both_widths_of_float(ctx):
    x = sym.Variable("x")
    net = sym.sum(sym.square(x) * 2)
    for dtype in ("float64", "float32"):
        a = mx.nd.array([1, 2, 3], ctx=ctx, dtype=dtype)
        grad = mx.nd.zeros((3,), ctx=ctx, dtype=dtype)
        executor = net.bind(ctx, {"x": a}, {"x": grad})
        assert executor.forward(is_train=True)[0].asnumpy().tolist() == [28]
        assert executor.outputs[0].dtype is np.dtype(dtype).type
        executor.backward(mx.nd.ones((1,), ctx=ctx, dtype=dtype))
        assert grad.asnumpy().tolist() == [4, 8, 12]
