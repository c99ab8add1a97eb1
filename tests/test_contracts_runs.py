"""Proofs of the contracts of running programs: one small test each, on every device.

Callbacks that use the library, two devices, scalars that change, shared and divided arenas, backward twice,
runs that fail half way.
"""

from __future__ import annotations

import numpy as np
import pytest
from nets import bound, close, conv_bn_relu, load, mlp, randoms, same_bits, train

import cysym as mx


# --- callbacks ---------------------------------------------------------------------------------------------
def make_nosy(ctx):
    """An operator y = 2x that calls `mx.nd` and another executor meanwhile."""
    v = mx.sym.Variable("v")
    helper = mx.sym.FullyConnected(v, num_hidden=3, no_bias=True, name="fc").simple_bind(ctx, v=(4, 3))
    helper.arg_dict["fc_weight"][:] = 2 * np.eye(3, dtype=np.float32)

    class Nosy(mx.operator.CustomOp):
        def forward(self, is_train, req, in_data, out_data, aux):
            doubled = helper.forward(v=in_data[0])[0]
            again = mx.nd.broadcast_add(in_data[0], in_data[0])
            assert np.array_equal(doubled.asnumpy(), again.asnumpy())
            self.assign(out_data[0], req[0], doubled)

        def backward(self, req, out_grad, in_data, out_data, in_grad, aux):
            helper.forward(is_train=True, v=in_data[0])
            helper.backward(out_grad[0])
            self.assign(in_grad[0], req[0], helper.grad_dict["v"] + 0 * mx.nd.sum(out_data[0]))

    @mx.operator.register("test_contracts_nosy")
    class NosyProp(mx.operator.CustomOpProp):
        def create_operator(self, ctx, in_shapes, in_dtypes):
            return Nosy()

    return NosyProp


def test_custom_operator_calls_the_library(ctx, rng):
    make_nosy(ctx)
    x = mx.sym.Variable("x")
    symbol = mx.sym.tanh(mx.sym.Custom(mx.sym.tanh(x), op_type="test_contracts_nosy", name="nosy"))
    values = {"x": rng.standard_normal((4, 3)).astype(np.float32)}
    head = rng.standard_normal((4, 3)).astype(np.float32)
    outputs, grads, _ = train(bound(symbol, ctx, values), [load(head, ctx)])
    inner = np.tanh(values["x"])
    np.testing.assert_allclose(outputs[0], np.tanh(2 * inner), 1e-5, 1e-5)
    want = head * (1 - np.tanh(2 * inner) ** 2) * 2 * (1 - inner**2)
    np.testing.assert_allclose(grads["x"], want, 1e-4, 1e-5)


def test_custom_operator_that_raises(ctx):
    class Broken(mx.operator.CustomOp):
        def forward(self, is_train, req, in_data, out_data, aux):
            if in_data[0].asnumpy().sum() > 0:
                raise KeyError("a fault of the user")
            self.assign(out_data[0], req[0], in_data[0])

    @mx.operator.register("test_contracts_broken")
    class BrokenProp(mx.operator.CustomOpProp):
        def create_operator(self, ctx, in_shapes, in_dtypes):
            return Broken()

    symbol = mx.sym.Custom(mx.sym.Variable("x"), op_type="test_contracts_broken", name="bad") + 1
    x = mx.nd.ones((3,), ctx=ctx)
    executor = symbol.bind(ctx, {"x": x})
    with pytest.raises(Exception, match="a fault of the user"):
        executor.forward()[0].asnumpy()
    x[:] = -1
    assert executor.forward()[0].asnumpy().tolist() == [0, 0, 0]


@pytest.mark.parametrize("monitor_all", [False, True])
def test_monitor_callback_calls_the_library(ctx, rng, monitor_all):
    x = mx.sym.Variable("x")
    symbol = mx.sym.tanh(mx.sym.FullyConnected(x, num_hidden=4, name="fc") * 2, name="head")
    values = randoms(rng, symbol, x=(3, 5))
    other = bound(symbol, ctx, values, "null")
    executor = bound(symbol, ctx, values)
    head = [load(np.ones((3, 4), np.float32), ctx)]
    plain = train(executor, head)
    seen = {}

    def watch(name, array):
        assert isinstance(name, str)
        assert isinstance(array, mx.nd.NDArray)
        other.forward()
        seen[name] = float(mx.nd.sum(mx.nd.broadcast_mul(array, array)).asscalar())

    executor.set_monitor_callback(watch, monitor_all)
    same_or_close = train(executor, head)
    close(plain, same_or_close)
    assert {"fc_output", "head_output"} <= seen.keys()
    assert {"x", "fc_data", "fc_weight", "head_data"} <= seen.keys() or not monitor_all
    np.testing.assert_allclose(seen["head_output"], (plain[0][0] ** 2).sum(), 1e-4)
    executor.set_monitor_callback(None)
    same_bits(plain, train(executor, head))


# --- two devices -------------------------------------------------------------------------------------------
def two_device_contexts():
    pairs = [(mx.cpu(), mx.cpu(1))]
    if mx.context.opencl_devices():
        pairs += [(mx.cpu(), mx.gpu(0)), (mx.gpu(0), mx.cpu())]
    return pairs


@pytest.mark.parametrize("pair", two_device_contexts(), ids=str)
def test_program_on_two_devices(rng, pair):
    with mx.AttrScope(ctx_group="low"):
        x = mx.sym.Variable("x")
        low = mx.sym.tanh(mx.sym.FullyConnected(x, num_hidden=6, name="fc1"))
    with mx.AttrScope(ctx_group="high"):
        symbol = mx.sym.SoftmaxOutput(mx.sym.FullyConnected(low, num_hidden=3, name="fc2"), name="softmax")
    groups = dict(zip(("low", "high"), pair, strict=True))
    values = randoms(rng, symbol, x=(4, 5))
    values["softmax_label"] = np.array([0, 2, 1, 1], np.float32)
    plain = symbol.simple_bind(mx.cpu(), x=(4, 5))
    split = symbol.simple_bind(pair[0], group2ctx=groups, x=(4, 5))
    for executor in (plain, split):
        for name, value in values.items():
            executor.arg_dict[name][:] = value
    assert split.arg_dict["fc1_weight"].context == pair[0]
    assert split.arg_dict["fc2_weight"].context == pair[1]
    assert split.grad_dict["fc2_weight"].context == pair[1]
    one, two = train(plain), train(split)
    assert split.outputs[0].context == pair[1]
    assert one[0][0].max() < 0.99
    close(one, two, 1e-5, 1e-6)


# --- scalars that change -----------------------------------------------------------------------------------
def test_changing_learning_rate_lowers_nothing_anew(ctx):
    w, g = mx.nd.full((7,), 3.0, ctx=ctx), mx.nd.full((7,), 0.5, ctx=ctx)
    invoker = mx.nd.imperative.invoker
    mx.nd.sgd_update(w, g, lr=0.1, wd=0.0, out=w)
    misses, total = invoker.misses, 0.1
    for k in range(1, 101):
        mx.nd.sgd_update(w, g, lr=0.001 * k, wd=0.0, out=w)
        total += 0.001 * k
    assert invoker.misses == misses
    np.testing.assert_allclose(w.asnumpy(), 3 - 0.5 * total, 1e-5)


def test_changing_scalar_lowers_nothing_anew(ctx):
    x = mx.nd.arange(5, ctx=ctx)
    invoker = mx.nd.imperative.invoker
    assert ((x * 2.5) + 1.5).shape == (5,)
    misses = invoker.misses
    for k in range(100):
        np.testing.assert_allclose((x * (k + 0.25) + k).asnumpy(), np.arange(5) * (k + 0.25) + k, 1e-6)
    assert invoker.misses == misses


# --- shared and divided arenas -----------------------------------------------------------------------------
def shared_pair(ctx, rng):
    first, second = mlp(16, "one"), mlp(24, "two")
    values = randoms(rng, first, data=(5, 6)), randoms(rng, second, data=(7, 6))
    alone = [bound(s, ctx, v) for s, v in zip((first, second), values, strict=True)]
    a = alone[0]
    args = {n: load(v, ctx) for n, v in values[1].items()}
    grads = {n: mx.nd.zeros(v.shape, ctx=ctx) for n, v in values[1].items()}
    b = second.bind(ctx, args, grads, shared_exec=a)
    heads = [load(rng.standard_normal((n, 4)).astype(np.float32), ctx) for n in (5, 7)]
    return (a, b), [bound(s, ctx, v) for s, v in zip((first, second), values, strict=True)], heads


def test_two_executors_share_an_arena(ctx, rng):
    (a, b), (lone_a, lone_b), heads = shared_pair(ctx, rng)
    want_a, want_b = train(lone_a, heads[:1]), train(lone_b, heads[1:])
    for _ in range(3):
        same_bits(train(a, heads[:1]), want_a)
        same_bits(train(b, heads[1:]), want_b)
        np.testing.assert_allclose(a.forward()[0].asnumpy(), want_a[0][0], 1e-5, 1e-5)


def test_backward_notices_that_another_executor_ran(ctx, rng):
    (a, b), (lone_a, _), heads = shared_pair(ctx, rng)
    for overwrite in (lambda: b.forward(is_train=True), lambda: b.forward(), lambda: train(b, heads[1:])):
        a.forward(is_train=True)
        before = {n: g.asnumpy() for n, g in a.grad_dict.items()}
        overwrite()
        with pytest.raises(
            mx.MXNetError, match=r"another executor .* overwrote .* forward\(is_train=True\) again"
        ):
            a.backward(heads[0])
        for name, grad in a.grad_dict.items():
            np.testing.assert_array_equal(grad.asnumpy(), before[name])
        same_bits(train(a, heads[:1]), train(lone_a, heads[:1]))
    # a second backward replays the forward by itself, which takes the memory from the other executor
    a.forward(is_train=True)
    a.backward(heads[0])
    b.forward(is_train=True)
    a.backward(heads[0])
    with pytest.raises(mx.MXNetError, match="overwrote"):
        b.backward(heads[1])


def test_arena_in_several_chunks(ctx, rng):
    symbol = mlp(64)
    values = randoms(rng, symbol, data=(32, 6))
    head = [load(rng.standard_normal((32, 4)).astype(np.float32), ctx)]
    one = bound(symbol, ctx, values)
    want = train(one, head)
    with mx.executor.options(capacity=3 * 32 * 64 * 4):
        executor = bound(symbol, ctx, values)
        sizes = [size for chunks in executor.plan.chunks.values() for size in chunks]
        assert len(sizes) >= 2
        assert max(sizes) <= 3 * 32 * 64 * 4
        assert "chunk 1" in str(executor.plan)
        same_bits(train(executor, head), want)
        same_bits(train(executor, head), want)
    with (
        mx.executor.options(capacity=1000),
        pytest.raises(mx.MXNetError, match="largest allocation of 1000 bytes"),
    ):
        bound(symbol, ctx, values)


# --- backward twice ----------------------------------------------------------------------------------------
def test_backward_twice(ctx, rng):
    """The saved values are gone: the second time forward runs again from the same random position."""
    x = mx.sym.Variable("data")
    net = mx.sym.Dropout(mx.sym.FullyConnected(x, num_hidden=24, name="fc1"), p=0.4)
    for k in range(4):
        net = mx.sym.tanh(mx.sym.FullyConnected(net, num_hidden=24, name=f"deep{k}"))
    net = mx.sym.Dropout(net, p=0.3)
    values = randoms(rng, net, data=(6, 10))
    executor = bound(net, ctx, values)
    mx.random.seed(5)
    output = executor.forward(is_train=True)[0]
    first_output = output.asnumpy()
    assert (first_output == 0).any()
    head = load(rng.standard_normal((6, 24)).astype(np.float32), ctx)
    found = []
    for _ in range(3):
        executor.backward(head)
        found.append({n: g.asnumpy() for n, g in executor.grad_dict.items()})
        for g in executor.grad_dict.values():
            g[:] = 99
    np.testing.assert_array_equal(output.asnumpy(), first_output)
    for later in found[1:]:
        for name, grad in later.items():
            np.testing.assert_array_equal(grad, found[0][name], err_msg=name)
    assert not np.array_equal(executor.forward(is_train=True)[0].asnumpy(), first_output)


def test_replay_leaves_the_random_stream_where_it_was(ctx):
    x = mx.sym.Variable("x")
    net = mx.sym.Dropout(mx.sym.tanh(x), p=0.5)
    executor = bound(net, ctx, {"x": np.ones((40,), np.float32)})
    draws = []
    for times in (1, 3):
        mx.random.seed(11)
        executor.forward(is_train=True)
        for _ in range(times):
            executor.backward(mx.nd.ones((40,), ctx=ctx))
        draws.append(executor.forward(is_train=True)[0].asnumpy())
    np.testing.assert_array_equal(*draws)


def test_moving_statistics_move_once_a_backward(ctx, rng):
    """As in MXNet: not in forward, once in each backward, not after an inference forward."""
    symbol = conv_bn_relu()
    values = randoms(rng, symbol, data=(2, 3, 6, 5))
    executor = bound(symbol, ctx, values)
    head = [load(rng.standard_normal((2, 16, 6, 5)).astype(np.float32), ctx)]
    mean = executor.aux_dict["bn_moving_mean"]
    start = mean.asnumpy()
    executor.forward(is_train=True)
    executor.forward(is_train=True)
    executor.forward(is_train=False)
    np.testing.assert_array_equal(mean.asnumpy(), start)
    _, first, _ = train(executor, head)
    once = mean.asnumpy()
    batch = (once - 0.8 * start) / 0.2
    executor.backward(head)
    np.testing.assert_allclose(mean.asnumpy(), 0.8 * once + 0.2 * batch, 1e-4, 1e-5)
    for name, grad in executor.grad_dict.items():
        np.testing.assert_array_equal(grad.asnumpy(), first[name], err_msg=name)


def test_fixed_gamma_is_overwritten_with_one(ctx):
    x = mx.sym.Variable("x")
    executor = mx.sym.BatchNorm(x, name="bn").simple_bind(ctx, x=(4, 3))
    executor.aux_dict["bn_moving_var"][:] = 1
    executor.forward()
    assert executor.arg_dict["bn_gamma"].asnumpy().tolist() == [1, 1, 1]
    executor.arg_dict["bn_gamma"][:] = 5
    executor.forward(is_train=True)
    executor.backward(mx.nd.ones((4, 3), ctx=ctx))
    assert executor.arg_dict["bn_gamma"].asnumpy().tolist() == [1, 1, 1]
    assert executor.grad_dict["bn_gamma"].asnumpy().tolist() == [0, 0, 0]


def test_monitor_set_between_forward_and_backward(ctx, rng):
    """Backward belongs to the program that ran forward, not to the one that would run now."""
    net = conv_bn_relu()
    for k in range(3):
        net = mx.sym.broadcast_add(mx.sym.sin(net), mx.sym.Variable(f"v{k}")) * mx.sym.exp(net) + mx.sym.cos(
            net
        )
    net = mx.sym.Dropout(mx.sym.FullyConnected(net, num_hidden=18, name="fc"), p=0.5)
    values = randoms(rng, net, 0.1, data=(4, 3, 5, 5), v0=(1, 16, 1, 1), v1=(1, 1, 5, 5), v2=(4, 16, 1, 5))
    head = load(rng.standard_normal((4, 18)).astype(np.float32), ctx)
    plain, watched = bound(net, ctx, values), bound(net, ctx, values)
    for monitor in (lambda name, array: None, None):
        mx.random.seed(2)
        plain.forward(is_train=True)
        plain.backward(head)
        mx.random.seed(2)
        watched.forward(is_train=True)
        watched.set_monitor_callback(monitor)
        for _ in range(2):
            watched.backward(head)
            for name, grad in watched.grad_dict.items():
                want = plain.grad_dict[name].asnumpy()
                np.testing.assert_allclose(grad.asnumpy(), want, 1e-3, 1e-3, err_msg=name)


def test_random_draws_are_not_lost_in_a_shared_arena(ctx, rng):
    """A second backward repeats the draws of forward; where another executor overwrote them it says so."""
    x = mx.sym.Variable("data")
    net = mx.sym.Dropout(mx.sym.FullyConnected(x, num_hidden=64, name="fc"), p=0.5)
    other = mlp(64)
    head = mx.nd.ones((8, 64), ctx=ctx)
    first = bound(net, ctx, randoms(rng, net, data=(8, 6)))
    args = {n: load(v, ctx) for n, v in randoms(rng, other, data=(9, 6)).items()}
    second = other.bind(ctx, args, shared_exec=first)
    first.forward(is_train=True)
    first.backward(head)
    want = first.grad_dict["fc_bias"].asnumpy()
    first.backward(head)
    np.testing.assert_array_equal(first.grad_dict["fc_bias"].asnumpy(), want)
    second.forward()
    with pytest.raises(mx.MXNetError, match="another executor"):
        first.backward(head)
    train(first, head)


def test_backward_after_a_forward_that_failed(ctx):
    """What the failed run overwrote is computed again, with new random draws."""

    class Sometimes(mx.operator.CustomOp):
        def forward(self, is_train, req, in_data, out_data, aux):
            if np.abs(in_data[0].asnumpy()).max() > 0.5:
                raise KeyError("a fault of the user")
            self.assign(out_data[0], req[0], in_data[0])

        def backward(self, req, out_grad, in_data, out_data, in_grad, aux):
            self.assign(in_grad[0], req[0], out_grad[0])

    @mx.operator.register("test_contracts_sometimes")
    class SometimesProp(mx.operator.CustomOpProp):
        def create_operator(self, ctx, in_shapes, in_dtypes):
            return Sometimes()

    x = mx.sym.Variable("x")
    custom = mx.sym.Custom(mx.sym.tanh(mx.sym.sin(mx.sym.exp(x))), op_type="test_contracts_sometimes")
    net = mx.sym.Dropout(mx.sym.tanh(custom) * 2, p=0.5)
    args, grads = {"x": mx.nd.full((4, 4), -3.0, ctx=ctx)}, {"x": mx.nd.zeros((4, 4), ctx=ctx)}
    executor = net.bind(ctx, args, grads)
    head = mx.nd.ones((4, 4), ctx=ctx)
    mx.random.seed(4)
    want = train(executor, head)[1]["x"]
    mx.random.seed(4)
    executor.forward(is_train=True)
    executor.backward(head)
    args["x"][:] = 30.0
    with pytest.raises(Exception, match="a fault of the user"):
        executor.forward(is_train=True)
    args["x"][:] = -3.0
    mx.random.seed(4)
    for _ in range(2):
        executor.backward(head)
        np.testing.assert_array_equal(grads["x"].asnumpy(), want)


def test_failed_run_in_a_shared_arena(ctx):
    class Fails(mx.operator.CustomOp):
        def forward(self, is_train, req, in_data, out_data, aux):
            raise KeyError("a fault of the user")

    @mx.operator.register("test_contracts_fails")
    class FailsProp(mx.operator.CustomOpProp):
        def create_operator(self, ctx, in_shapes, in_dtypes):
            return Fails()

    x = mx.sym.Variable("x")
    good = bound(mx.sym.tanh(mx.sym.sin(mx.sym.tanh(x))), ctx, {"x": np.full((4, 4), 0.3, np.float32)})
    bad = mx.sym.tanh(mx.sym.Custom(mx.sym.exp(mx.sym.exp(x)), op_type="test_contracts_fails")).bind(
        ctx, {"x": mx.nd.ones((4, 4), ctx=ctx)}, shared_exec=good
    )
    head = mx.nd.ones((4, 4), ctx=ctx)
    want = train(good, head)[1]["x"]
    good.forward(is_train=True)
    with pytest.raises(Exception, match="a fault of the user"):
        bad.forward()
    with pytest.raises(mx.MXNetError, match="another executor"):
        good.backward(head)
    np.testing.assert_array_equal(train(good, head)[1]["x"], want)


def test_unused_outputs_of_a_custom_operator(ctx):
    """They get zeros as head gradients; a request to add reaches the operator as a plain write."""
    seen = {}

    class Pair(mx.operator.CustomOp):
        def forward(self, is_train, req, in_data, out_data, aux):
            self.assign(out_data[0], req[0], in_data[0] * 2)
            self.assign(out_data[1], req[1], in_data[0] * 3)

        def backward(self, req, out_grad, in_data, out_data, in_grad, aux):
            seen["unused"] = out_grad[1].asnumpy().tolist()
            self.assign(in_grad[0], req[0], out_grad[0] * 2 + out_grad[1] * 3)

    @mx.operator.register("test_contracts_pair")
    class PairProp(mx.operator.CustomOpProp):
        def list_outputs(self):
            return ["double", "triple"]

        def create_operator(self, ctx, in_shapes, in_dtypes):
            return Pair()

    x = mx.sym.Variable("x")
    pair = mx.sym.Custom(x, op_type="test_contracts_pair", name="pair")
    assert len(pair) == 2
    grad = mx.nd.full((2,), 10.0, ctx=ctx)
    executor = (pair[0] + 1).bind(ctx, {"x": mx.nd.ones((2,), ctx=ctx)}, {"x": grad}, "add")
    assert executor.forward(is_train=True)[0].asnumpy().tolist() == [3, 3]
    executor.backward(mx.nd.ones((2,), ctx=ctx))
    assert seen["unused"] == [0, 0]
    assert grad.asnumpy().tolist() == [12, 12]
