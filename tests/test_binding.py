"""What binding promises beyond MXNet: checked names, failures without traces, mixed devices, no hanging."""

from __future__ import annotations

import logging
import threading

import numpy as np
import pytest
from conftest import contexts

import cysym as mx

sym = mx.sym


@pytest.fixture(autouse=True)
def fresh_names():
    with mx.name.NameManager():
        yield


def dense(width=3):
    return sym.FullyConnected(sym.Variable("data"), num_hidden=width, name="fc")


def typed(ctx, values, dtype="float32"):
    return mx.nd.array(values, ctx=ctx, dtype=dtype)


# --- names that do not count -------------------------------------------------------------------------------
def test_misspelt_names_are_in_the_error_with_the_right_one():
    with pytest.raises(mx.MXNetError, match=r"dataa \(did you mean data\?\)") as caught:
        dense().simple_bind(mx.cpu(), dataa=(2, 4))
    assert str(caught.value).startswith("simple_bind error. Arguments:\ndataa: (2, 4)\n")
    with pytest.raises(mx.MXNetError, match="ignored: data"):
        dense().simple_bind(mx.cpu(), data=7)
    with pytest.raises(mx.MXNetError, match=r"no argument named 'dat' \(did you mean data\?\)"):
        dense().plan(dat=(2, 4))
    array = mx.nd.ones((2, 4))
    with pytest.raises(
        ValueError, match=r"key `fc_weight` is missing in `args` \(did you mean fc_weigth\?\)"
    ):
        dense().bind(mx.cpu(), {"data": array, "fc_weigth": mx.nd.ones((3, 4)), "fc_bias": mx.nd.ones((3,))})


def test_ignored_names_are_said_once(caplog):
    net = dense()
    with caplog.at_level(logging.WARNING, logger="cysym"):
        for _ in range(3):
            executor = net.simple_bind(mx.cpu(), data=(2, 4), fc_wieght=(3, 4), nonsense=(1,))
    assert [r.getMessage() for r in caplog.records] == [
        "simple_bind: no argument or auxiliary state has the name fc_wieght (did you mean fc_weight?), "
        "nonsense; ignored"
    ]
    caplog.clear()
    with caplog.at_level(logging.WARNING, logger="cysym"):
        assert executor.reshape(data=(1, 4), dota=(3, 3)).arg_dict["data"].shape == (1, 4)
    assert "dota (did you mean data?)" in caplog.text


# --- failures change nothing -------------------------------------------------------------------------------
def test_a_failed_bind_leaves_the_pool_alone(ctx):
    net = dense()
    pool = {"data": mx.nd.ones((2, 2), ctx)}
    cases = {
        "type": {"type_dict": {"data": "float64"}, "data": (1, 2)},
        "shape": {"data": (4, 5), "fc_weight": (3, 9)},
        "request": {"data": (4, 5), "grad_req": "sum"},
        "group": {"data": (4, 5), "grad_req": ["write"]},
    }
    for name, more in cases.items():
        with pytest.raises(mx.MXNetError, match="simple_bind error"):
            net.simple_bind(ctx, shared_buffer=pool, **more)
        assert list(pool) == ["data"], name
        assert pool["data"].shape == (2, 2)
    for wrong in ([], "pool", 3):
        with pytest.raises(TypeError, match="shared_buffer"):
            net.simple_bind(ctx, shared_buffer=wrong, data=(2, 4))
    with pytest.raises(TypeError, match=r"shared_buffer\['data'\] must be an NDArray"):
        net.simple_bind(ctx, shared_buffer={"data": np.ones(8)}, data=(2, 4))
    with pytest.raises(TypeError, match="shared_exec must be an Executor"):
        net.simple_bind(ctx, shared_exec=3, data=(2, 4))
    with pytest.raises(TypeError, match="type_dict"):
        net.simple_bind(ctx, type_dict=["float32"], data=(2, 4))
    with pytest.raises(TypeError, match="group2ctx"):
        net.simple_bind(ctx, group2ctx={"a": "cpu"}, data=(2, 4))


def test_a_failed_reshape_leaves_the_executor_alone(ctx):
    executor = dense().simple_bind(ctx, data=(4, 5))
    executor.arg_dict["data"][:] = 1
    executor.arg_dict["fc_weight"][:] = 1
    for shapes, message in (
        ({"data": (9, 5)}, "allow_up_sizing"),
        ({"data": (2, 4)}, "partial_shaping"),
        ({"data": (2, 5), "fc_weight": (3, 4)}, "fc_weight"),
        ({"data": (2, -4)}, "out of range"),
    ):
        with pytest.raises(mx.MXNetError, match=message):
            executor.reshape(**shapes)
    with pytest.raises(TypeError, match="data must be a tuple"):
        executor.reshape(data=5)
    assert executor.forward()[0].asnumpy().tolist() == [[5] * 3] * 4


def test_parameters_are_copied_all_or_none(ctx):
    executor = dense().simple_bind(ctx, data=(2, 4))
    good = np.arange(12.0).reshape(3, 4)
    for bad, error in (((1, 2, 3), TypeError), (np.ones(4), mx.MXNetError), (None, TypeError)):
        with pytest.raises(error, match="fc_bias"):
            executor.copy_params_from({"fc_weight": good, "fc_bias": bad})
        assert not executor.arg_dict["fc_weight"].asnumpy().any()
    executor.copy_params_from({"fc_weight": good, "fc_bias": mx.nd.ones((3,), dtype="int32")})
    assert executor.arg_dict["fc_weight"].asnumpy().tolist() == good.tolist()
    assert executor.arg_dict["fc_bias"].asnumpy().tolist() == [1, 1, 1]


def test_wrong_gradient_arrays_are_refused(ctx):
    """MXNet writes into them, whatever their size."""
    a = sym.Variable("a")
    value = typed(ctx, [1, 2, 3])
    for bad in (mx.nd.zeros((2,), ctx), mx.nd.zeros((3, 1), ctx), mx.nd.zeros((3,), ctx, dtype="float64")):
        with pytest.raises(mx.MXNetError, match="gradient array of a"):
            (a * 2).bind(ctx, [value], [bad])
    with pytest.raises(ValueError, match="grad_req has 1 entries for 2 arguments"):
        (a * sym.Variable("b")).bind(ctx, [value, value], [value, value], ["write"])
    with pytest.raises(ValueError, match="grad_req of b must be in"):
        (a * sym.Variable("b")).bind(ctx, [value, value], [value, value], ["write", "sum"])


# --- groups over devices -----------------------------------------------------------------------------------
def parallel():
    with mx.AttrScope(ctx_group="first"):
        net = sym.Activation(dense(4), act_type="tanh", name="act")
    with mx.AttrScope(ctx_group="second"):
        net = sym.BatchNorm(sym.FullyConnected(net, num_hidden=3, name="fc2"), name="bn", fix_gamma=False)
    return net * 2


@pytest.mark.parametrize("order", [(0, 1), (1, 0), (1, 1)])
def test_groups_on_several_devices_compute_the_same(order, rng):
    devices = [contexts()[k % len(contexts())] for k in order]
    groups = dict(zip(("first", "second"), devices))
    net = parallel()
    values = {
        n: rng.standard_normal(s).astype(np.float32)
        for n, s in zip(net.list_arguments(), net.infer_shape(data=(5, 4))[0])
    }
    head = rng.standard_normal((5, 3)).astype(np.float32)
    found = []
    for given in (None, groups):
        executor = net.simple_bind(mx.cpu(), group2ctx=given, data=(5, 4))
        for name, value in values.items():
            executor.arg_dict[name][:] = value
        executor.aux_dict["bn_moving_var"][:] = 1
        out = executor.forward(is_train=True)[0]
        executor.backward(mx.nd.array(head, out.context))
        found.append(
            [out.asnumpy(), *(g.asnumpy() for g in executor.grad_arrays), executor.aux_arrays[0].asnumpy()]
        )
    for one, two in zip(*found):
        np.testing.assert_allclose(two, one, 1e-4, 1e-5)
    places = {n: a.context for n, a in executor.arg_dict.items()}
    assert places["fc_weight"] == devices[0]
    assert places["fc2_bias"] == places["bn_gamma"] == executor.aux_arrays[1].context == devices[1]
    assert places["data"] == devices[0]  # made inside the first group
    assert executor.outputs[0].context == devices[1]  # an operator of no group goes with its first input
    for name, grad in executor.grad_dict.items():
        assert grad.context == places[name]
    smaller = executor.reshape(data=(2, 4))
    np.testing.assert_allclose(
        smaller.forward(data=values["data"][:2])[0].asnumpy(),
        executor.forward(data=values["data"])[0].asnumpy()[:2],
        1e-4,
        1e-5,
    )
    assert smaller.outputs[0].context == devices[1]


def test_a_group_without_a_context_is_an_error():
    with pytest.raises(mx.MXNetError, match=r"no context for the group 'second' of node \w+; it has 'first'"):
        parallel().simple_bind(mx.cpu(), group2ctx={"first": mx.cpu()}, data=(2, 4))
    assert parallel().simple_bind(mx.cpu(), data=(2, 4)).outputs[0].shape == (2, 3)


def test_operators_without_inputs_run_where_they_are_read():
    other = contexts()[-1]
    with mx.AttrScope(ctx_group="g"):
        x = sym.Variable("x")
    made = sym.zeros((2, 3), name="z")
    net = sym.Group([x + made, sym.ones((2,), name="alone")])
    executor = net.simple_bind(mx.cpu(), group2ctx={"g": other}, x=(2, 3))
    with_inside = net.get_internals()["z_output"].simple_bind(mx.cpu(), group2ctx={"g": other})
    assert [o.context for o in executor.outputs] == [other, mx.cpu()]
    assert [o.asnumpy().sum() for o in executor.forward()] == [0, 2]
    assert with_inside.outputs[0].context == mx.cpu()


def test_bound_variables_of_no_group_stay_where_they_lie(ctx):
    """With groups an argument outside all of them may lie on any device."""
    x, w = sym.Variable("x"), sym.Variable("w", attr={"ctx_group": "g"})
    net = sym.broadcast_mul(w, x)
    args = {"x": typed(ctx, [1, 2]), "w": typed(mx.cpu(), [3, 4])}
    grads = {n: mx.nd.zeros_like(a) for n, a in args.items()}
    executor = net.bind(mx.cpu(), args, grads, group2ctx={"g": mx.cpu()})
    assert executor.forward(is_train=True)[0].asnumpy().tolist() == [3, 8]
    executor.backward(mx.nd.ones((2,)))
    assert [grads[n].asnumpy().tolist() for n in "xw"] == [[3, 4], [1, 2]]
    assert grads["x"].context == ctx


# --- threads -----------------------------------------------------------------------------------------------
def test_two_executors_that_run_each_other_do_not_hang():
    """Each runs the other from its callback, in two threads: one of them is told, the other ends."""
    x = sym.Variable("x")
    one, two = (x * 2).simple_bind(mx.cpu(), x=(2,)), (x * 3).simple_bind(mx.cpu(), x=(2,))
    meet, inside = threading.Barrier(2), threading.local()
    told = []

    def other(executor):
        def callback(name, array):
            if not getattr(inside, "callback", False):
                inside.callback = True
                meet.wait(10)
                executor.forward()

        return callback

    one.set_monitor_callback(other(two))
    two.set_monitor_callback(other(one))

    def run(executor):
        try:
            executor.forward()
        except mx.MXNetError as error:
            told.append(str(error))

    threads = [threading.Thread(target=run, args=(e,), daemon=True) for e in (one, two)]
    for t in threads:
        t.start()
    for t in threads:
        t.join(20)
    assert not any(t.is_alive() for t in threads)
    assert any("deadlock" in text for text in told), told
    one.set_monitor_callback(None)
    two.set_monitor_callback(None)
    assert one.forward(x=np.ones(2))[0].asnumpy().tolist() == [2, 2]
    assert two.forward(x=np.ones(2))[0].asnumpy().tolist() == [3, 3]


def test_many_threads_share_one_executor(rng):
    """Calls wait for each other; every result is that of some call."""
    executor = (sym.Variable("x") * 2).simple_bind(mx.cpu(), grad_req="null", x=(64,))
    wrong = []

    def run(value):
        for _ in range(50):
            got = set(executor.forward(x=np.full(64, value, np.float32))[0].asnumpy().tolist())
            if not got <= {2.0, 4.0, 6.0, 8.0}:
                wrong.append(got)

    threads = [threading.Thread(target=run, args=(float(v),)) for v in (1, 2, 3, 4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join(60)
    assert not wrong
