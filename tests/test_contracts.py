"""Proofs of the contracts between passes and devices: one small test each, on every device.

Here are memory and layout: packed weights, epilogues, recomputation, blocked layouts, views, overlapping
arrays, requests to add. `test_contracts_runs.py` holds what happens when programs run.
"""

from __future__ import annotations

import re

import numpy as np
import pytest
from nets import bound, close, conv_bn_relu, kernels, load, program_text, randoms, same_bits, train

import cysym as mx


# --- packed weights ----------------------------------------------------------------------------------------
class Packed:
    """A dense layer for inference whose weight, the middle third of a larger array, is kept packed."""

    def __init__(self, ctx, rng):
        self.ctx = ctx
        self.x = rng.standard_normal((4, 160)).astype(np.float32)
        self.store = load(rng.standard_normal((3, 160, 160)).astype(np.float32), ctx)
        self.weight = self.store[1]
        symbol = mx.sym.FullyConnected(mx.sym.Variable("x"), num_hidden=160, no_bias=True, name="fc")
        self.executor = symbol.bind(ctx, {"x": load(self.x, ctx), "fc_weight": self.weight})

    def check(self):
        want = self.x @ self.weight.asnumpy().T
        np.testing.assert_allclose(self.executor.forward()[0].asnumpy(), want, 1e-4, 1e-4)


def test_packed_weight_is_packed_once(ctx, rng):
    case = Packed(ctx, rng)
    assert any("pack" in k for k in kernels(case.executor))
    case.check()
    before = case.executor.outputs[0].asnumpy()
    version = case.weight.storage.version
    case.weight[:] = 1.0
    case.weight.storage.version = (
        version  # hide the write: what is computed now shows that nothing is packed again
    )
    np.testing.assert_array_equal(case.executor.forward()[0].asnumpy(), before)
    case.weight.storage.version += 1
    case.check()


def _other_executor(case):
    """An executor whose gradient array is the packed weight's memory."""
    a, b = mx.sym.Variable("a"), mx.sym.Variable("b")
    args = {"a": mx.nd.full((160, 160), 2.0, ctx=case.ctx), "b": mx.nd.full((160, 160), 0.25, ctx=case.ctx)}
    executor = (a * b).bind(case.ctx, args, {"a": case.weight})
    executor.forward(is_train=True)
    executor.backward(mx.nd.ones((160, 160), ctx=case.ctx))
    assert case.weight.asnumpy()[3, 4] == 0.25


WRITERS = {
    "assignment": lambda c: c.weight.__setitem__(slice(None), 2.0),
    "row": lambda c: c.weight.__setitem__(7, 3.0),
    "element": lambda c: c.weight.__setitem__((5, 6), 30.0),
    "view": lambda c: c.weight.reshape((-1,))[10:5000].__setitem__(slice(None), -1.0),
    "whole array": lambda c: c.store.__setitem__(slice(None), 0.5),
    "copyto": lambda c: mx.nd.full((160, 160), 4.0, ctx=c.ctx).copyto(c.weight),
    "out=": lambda c: mx.nd.sgd_update(c.weight, c.weight, lr=0.5, out=c.weight),
    "+=": lambda c: c.weight.__iadd__(1.0),
    "own executor": lambda c: c.executor.forward(fc_weight=np.full((160, 160), 0.125, np.float32)),
    "copy_params_from": lambda c: c.executor.copy_params_from({"fc_weight": mx.nd.ones((160, 160))}),
    "another executor": _other_executor,
}


@pytest.mark.parametrize("writer", WRITERS)
def test_packed_weight_is_refreshed(ctx, rng, writer):
    case = Packed(ctx, rng)
    case.check()
    before = case.weight.asnumpy()
    WRITERS[writer](case)
    assert not np.array_equal(case.weight.asnumpy(), before)
    case.check()


def test_packed_weight_that_another_executor_computes(ctx, rng):
    """The weight is an output of an executor: each of its runs is a write."""
    x = rng.standard_normal((2, 160)).astype(np.float32)
    source = load(rng.standard_normal((160, 160)).astype(np.float32), ctx)
    maker = (mx.sym.Variable("source") * 2).bind(ctx, {"source": source})
    dense = mx.sym.FullyConnected(mx.sym.Variable("x"), num_hidden=160, no_bias=True, name="fc")
    executor = dense.bind(ctx, {"x": load(x, ctx), "fc_weight": maker.outputs[0]})
    for value in (1.0, 0.5, -0.25):
        source[:] = value
        maker.forward()
        want = np.repeat(x.sum(1, keepdims=True) * 2 * value, 160, 1)
        np.testing.assert_allclose(executor.forward()[0].asnumpy(), want, 1e-4, 1e-4)


# --- statistics in a convolution's epilogue ----------------------------------------------------------------
def test_batchnorm_statistics_from_the_convolution(ctx, rng):
    symbol = conv_bn_relu()
    values = randoms(rng, symbol, data=(3, 5, 9, 7))
    values["conv_bias"] += 20.0  # a mean far from 0, where sums of squares would lose all digits
    head = [load(rng.standard_normal((3, 16, 9, 7)).astype(np.float32), ctx)]
    found = {}
    for epilogue in (True, False):
        with mx.executor.options(epilogue=epilogue):
            executor = bound(symbol, ctx, values)
            names = kernels(executor)
            assert ("conv_forward_stats_f32" in names) is epilogue, names
            assert ("bn_stats_f32" in names) is not epilogue, names
            found[epilogue] = train(executor, head)
            executor.forward(is_train=False)
    close(found[True], found[False], 1e-4, 1e-4)
    conv = mx.sym.Convolution(mx.sym.Variable("data"), kernel=(3, 3), pad=(1, 1), num_filter=16, name="conv")
    plane = conv.eval(ctx, **{n: load(values[n], ctx) for n in conv.list_arguments()})[0].asnumpy()
    mean = plane.astype(np.float64).mean((0, 2, 3))
    moved = 0.8 * values["bn_moving_mean"] + 0.2 * mean
    np.testing.assert_allclose(found[True][2]["bn_moving_mean"], moved, 1e-5)


def test_inference_takes_no_statistics_from_the_convolution(ctx, rng):
    symbol = conv_bn_relu()
    values = randoms(rng, symbol, data=(2, 4, 6, 6))
    with mx.executor.options(epilogue=True):
        executor = bound(symbol, ctx, values, "null")
    assert "conv_forward_f32" in kernels(executor)
    assert not any("stats" in k for k in kernels(executor))


# --- ReLU behind BatchNorm computed again ------------------------------------------------------------------
def test_recomputation_gives_the_same_bits(ctx, rng):
    relu = conv_bn_relu()
    symbol = mx.sym.Convolution(relu, kernel=(1, 1), num_filter=4, name="top")
    symbol = mx.sym.Pooling(symbol, global_pool=True, pool_type="avg", kernel=(1, 1), name="pool")
    shape = (4, 3, 64, 64)  # 16 channels of it are 1 MiB, from where on it is worth while
    values = randoms(rng, symbol, data=shape)
    head = [load(rng.standard_normal((4, 4, 1, 1)).astype(np.float32), ctx)]
    found, peak = {}, {}
    for recompute in (True, False):
        with mx.executor.options(recompute=recompute):
            executor = bound(symbol, ctx, values)
        assert ("bn_again" in program_text(executor)) is recompute
        found[recompute] = train(executor, head)
        peak[recompute] = executor.plan.peak
    same_bits(found[True], found[False])
    assert peak[True] <= peak[False]


# --- blocked layout ----------------------------------------------------------------------------------------
@pytest.mark.parametrize("between", ["conv", "relu"])
def test_blocked_tensor_between_plain_heads(ctx, rng, between):
    x = mx.sym.Variable("data")
    first = mx.sym.Convolution(x, kernel=(3, 3), pad=(1, 1), num_filter=32, name="first")
    middle = mx.sym.Convolution(first, kernel=(3, 3), pad=(1, 1), num_filter=16, name="middle")
    if between == "relu":
        middle = mx.sym.Activation(middle, act_type="relu", name="relu")
    last = mx.sym.Convolution(middle, kernel=(1, 1), num_filter=16, no_bias=True, name="last")
    symbol = mx.sym.Group([first, last])
    values = randoms(rng, symbol, 0.2, data=(2, 16, 7, 5))
    head = [load(rng.standard_normal((2, f, 7, 5)).astype(np.float32), ctx) for f in (32, 16)]
    found = {}
    for blocked in (True, False):
        with mx.executor.options(blocked=blocked):
            executor = bound(symbol, ctx, values)
        text = program_text(executor)
        if between == "conv" or not blocked:
            assert ("nChw16c@arena:middle" in text) is blocked, text
        assert not re.search(r"nChw16c@external", text), "what a user sees stays in plain order"
        found[blocked] = train(executor, head)
        inference = [o.asnumpy() for o in executor.forward()]
        np.testing.assert_allclose(inference[1], found[blocked][0][1], 1e-4, 1e-5)
    close(found[True], found[False], 1e-4, 1e-5)


# --- views -------------------------------------------------------------------------------------------------
def test_channel_concat_is_a_view(ctx, rng):
    x = mx.sym.Variable("data")
    parts = [mx.sym.Convolution(x, kernel=(1, 1), num_filter=f, no_bias=True, name=f"c{f}") for f in (3, 5)]
    pooled = mx.sym.Pooling(x, kernel=(3, 3), pad=(1, 1), pool_type="max", name="pool")
    joined = mx.sym.Concat(*parts, pooled, dim=1, name="joined")
    symbol = mx.sym.Activation(joined, act_type="tanh", name="out")
    values = randoms(rng, symbol, data=(3, 4, 5, 6))
    executor = bound(symbol, ctx, values)
    assert not any(k.startswith("copy") for k in kernels(executor)), kernels(executor)
    head = rng.standard_normal((3, 12, 5, 6)).astype(np.float32)
    outputs, grads, _ = train(executor, [load(head, ctx)])
    want = np.concatenate(
        [np.einsum("nchw,fc->nfhw", values["data"], values[f"c{f}_weight"][:, :, 0, 0]) for f in (3, 5)], 1
    )
    np.testing.assert_allclose(outputs[0][:, :8], np.tanh(want), 1e-5, 1e-5)
    inner = head * (1 - outputs[0] ** 2)
    np.testing.assert_allclose(
        grads["c5_weight"][:, :, 0, 0], np.einsum("nfhw,nchw->fc", inner[:, 3:8], values["data"]), 1e-4, 1e-4
    )


def test_split_is_a_view(ctx, rng):
    x = mx.sym.Variable("data")
    low, high = mx.sym.split(x * 1.5, num_outputs=2, axis=1, name="split")
    symbol = mx.sym.FullyConnected(mx.sym.tanh(low) * high, num_hidden=3, name="fc")
    values = randoms(rng, symbol, data=(4, 6, 2))
    executor = bound(symbol, ctx, values, "null")
    assert not any(k.startswith("copy") for k in kernels(executor)), kernels(executor)
    got = executor.forward()[0].asnumpy()
    y = values["data"] * 1.5
    want = (np.tanh(y[:, :3]) * y[:, 3:]).reshape(4, 6) @ values["fc_weight"].T + values["fc_bias"]
    np.testing.assert_allclose(got, want, 1e-5, 1e-5)


# --- overlapping bound arrays ------------------------------------------------------------------------------
def overlap_net():
    a, b, c = (mx.sym.Variable(n) for n in "abc")
    return mx.sym.tanh(a * b) + mx.sym.reshape(b, shape=(0, 0)) * c


def overlap_truth(values, head):
    a, b, c = (values[n].astype(np.float64) for n in "abc")
    inner = head * (1 - np.tanh(a * b) ** 2)
    return {"a": inner * b, "b": inner * a + head * c, "c": head * b}


@pytest.mark.parametrize("fuse", [True, False])
@pytest.mark.parametrize("where", [(n, m, skip) for n in "abc" for m in "abc" for skip in (0, 3)])
def test_gradient_array_over_an_argument(ctx, rng, where, fuse):
    owner, under, skip = where
    values = {n: rng.standard_normal((5, 4)).astype(np.float32) for n in "abc"}
    head = rng.standard_normal((5, 4)).astype(np.float32)
    stores = {n: mx.nd.zeros((8, 4), ctx=ctx) for n in "abc"}
    args = {n: stores[n][:5] for n in "abc"}
    for n in "abc":
        args[n][:] = values[n]
    grads = {n: mx.nd.zeros((5, 4), ctx=ctx) for n in "abc"}
    grads[owner] = stores[under][skip : skip + 5]
    with mx.executor.options(fuse=fuse):
        executor = overlap_net().bind(ctx, args, grads)
    executor.forward(is_train=True)
    executor.backward(load(head, ctx))
    for name, want in overlap_truth(values, head).items():
        np.testing.assert_allclose(grads[name].asnumpy(), want, 1e-5, 1e-6, err_msg=name)


def test_gradient_added_to_an_argument(ctx, rng):
    """`add` into the argument's own memory: one step of gradient ascent in place."""
    values = {n: rng.standard_normal((5, 4)).astype(np.float32) for n in "abc"}
    head = rng.standard_normal((5, 4)).astype(np.float32)
    args = {n: load(v, ctx) for n, v in values.items()}
    executor = overlap_net().bind(ctx, args, dict(args), "add")
    executor.forward(is_train=True)
    executor.backward(load(head, ctx))
    for name, want in overlap_truth(values, head).items():
        np.testing.assert_allclose(args[name].asnumpy(), values[name] + want, 1e-5, 1e-6, err_msg=name)


@pytest.mark.parametrize("req", ["write", "add"])
def test_one_gradient_array_for_two_arguments(ctx, rng, req):
    """The last one wins under 'write', 'add' sums."""
    values = {n: rng.standard_normal((3, 4)).astype(np.float32) for n in "abc"}
    head = rng.standard_normal((3, 4)).astype(np.float32)
    shared = mx.nd.full((3, 4), 2.0, ctx=ctx)
    executor = overlap_net().bind(
        ctx, {n: load(v, ctx) for n, v in values.items()}, {"a": shared, "b": shared}, req
    )
    executor.forward(is_train=True)
    executor.backward(load(head, ctx))
    truth = overlap_truth(values, head)
    want = truth["b"] if req == "write" else 2 + truth["a"] + truth["b"]
    np.testing.assert_allclose(shared.asnumpy(), want, 1e-5, 1e-6)


def test_head_gradient_over_a_gradient_array(ctx, rng):
    values = {n: rng.standard_normal((3, 4)).astype(np.float32) for n in "abc"}
    head = rng.standard_normal((3, 4)).astype(np.float32)
    args = {n: load(v, ctx) for n, v in values.items()}
    grads = {n: mx.nd.zeros((3, 4), ctx=ctx) for n in "abc"}
    executor = overlap_net().bind(ctx, args, grads)
    executor.forward(is_train=True)
    for owner in "abc":
        grads[owner][:] = head
        executor.backward(grads[owner])
        for name, want in overlap_truth(values, head).items():
            np.testing.assert_allclose(grads[name].asnumpy(), want, 1e-5, 1e-6, err_msg=name)


def test_one_array_for_two_arguments(ctx):
    a = mx.nd.array([1, 2, 3], ctx=ctx)
    grads = {n: mx.nd.zeros((3,), ctx=ctx) for n in "xy"}
    executor = (mx.sym.Variable("x") * mx.sym.Variable("y")).bind(ctx, {"x": a, "y": a}, grads)
    assert executor.forward(is_train=True)[0].asnumpy().tolist() == [1, 4, 9]
    executor.backward(mx.nd.ones((3,), ctx=ctx))
    assert [grads[n].asnumpy().tolist() for n in "xy"] == [[1, 2, 3], [1, 2, 3]]


# --- add through views -------------------------------------------------------------------------------------
def through_reshape(x):
    return mx.sym.reshape(x, shape=(3, 8)), lambda g: g.reshape(4, 6)


def through_split(x):
    first, second = mx.sym.split(x, num_outputs=2, axis=1)
    return first - 2 * second, lambda g: np.concatenate([g, -2 * g], 1)


def through_concat(x):
    y = mx.sym.Variable("other")
    return mx.sym.concat(y, x, dim=1), lambda g: g[:, 2:]


def through_slice(x):
    def back(g):
        full = np.zeros((4, 6), g.dtype)
        full[1:3] = g
        return full

    return mx.sym.slice_axis(x, axis=0, begin=1, end=3), back


def through_identity(x):
    return mx.sym.identity(x), lambda g: g


@pytest.mark.parametrize("others", [True, False], ids=["all", "only"])
@pytest.mark.parametrize(
    "net", [through_reshape, through_split, through_concat, through_slice, through_identity]
)
def test_add_through_a_view(ctx, rng, net, others):
    symbol, back = net(mx.sym.Variable("x"))
    shapes = {"x": (4, 6), "other": (4, 2)}
    args = {n: mx.nd.ones(shapes[n], ctx=ctx) for n in symbol.list_arguments()}
    grads = {n: mx.nd.full(shapes[n], 2.0, ctx=ctx) for n in args}
    executor = symbol.bind(ctx, args, grads, "add" if others else {"x": "add"})
    output = executor.forward(is_train=True)[0]
    head = rng.standard_normal(output.shape).astype(np.float32)
    for times in (1, 2, 3):
        executor.backward(load(head, ctx))
        np.testing.assert_allclose(grads["x"].asnumpy(), 2 + times * back(head), 1e-5, 1e-5)


def test_head_that_is_a_variable(ctx):
    """Its output is the bound array, its head gradient is added to what comes through the graph."""
    a = mx.sym.Variable("a")
    x = mx.nd.array([1, 2, 3], ctx=ctx)
    for req, want in (("write", [32, 34, 36]), ("add", [37, 39, 41])):
        grad = mx.nd.full((3,), 5.0, ctx=ctx)
        executor = mx.sym.Group([a, a * a]).bind(ctx, {"a": x}, {"a": grad}, req)
        outputs = executor.forward(is_train=True)
        assert outputs[0].asnumpy().tolist() == [1, 2, 3]
        assert outputs[1].asnumpy().tolist() == [1, 4, 9]
        executor.backward([mx.nd.full((3,), 30.0, ctx=ctx), mx.nd.ones((3,), ctx=ctx)])
        assert grad.asnumpy().tolist() == want
