"""Proofs of the contracts between passes, programs and devices: one small test each, on every device.

What must hold is said in docs/design; here every door that later work goes through is opened once. Numbers are
checked against NumPy or against the same program compiled without the feature in question.
"""

from __future__ import annotations

import re

import numpy as np
import pytest

import cysym as mx


def load(array, ctx):
    return mx.nd.array(array, ctx=ctx, dtype=np.asarray(array).dtype)


def randoms(rng, symbol, scale=0.5, **shapes):
    """Random float32 values for every argument and auxiliary state of a symbol; variances positive."""
    arg_shapes, _, aux_shapes = symbol.infer_shape(**shapes)
    names = symbol.list_arguments() + symbol.list_auxiliary_states()
    values = {}
    for name, shape in zip(names, arg_shapes + aux_shapes, strict=True):
        value = rng.standard_normal(shape).astype(np.float32) * scale
        values[name] = np.abs(value) + 0.5 if name.endswith("var") else value
    return values


def bound(symbol, ctx, values, grad_req="write"):
    """Executor over copies of `values`, with a gradient array of 7s for every argument."""
    args = {n: load(values[n], ctx) for n in symbol.list_arguments()}
    grads = {n: mx.nd.full(a.shape, 7.0, ctx=ctx) for n, a in args.items()}
    aux = {n: load(values[n], ctx) for n in symbol.list_auxiliary_states()}
    return symbol.bind(ctx, args, grads, grad_req, aux)


def train(executor, heads=None):
    """Outputs, gradients by name and auxiliary states of one training step, as NumPy arrays."""
    outputs = [o.asnumpy() for o in executor.forward(is_train=True)]
    executor.backward(heads)
    grads = {n: g.asnumpy() for n, g in executor.grad_dict.items() if g is not None}
    return outputs, grads, {n: a.asnumpy() for n, a in executor.aux_dict.items()}


def same_bits(one, other):
    for a, b in zip(one[0], other[0], strict=True):
        np.testing.assert_array_equal(a, b)
    for k in (1, 2):
        assert one[k].keys() == other[k].keys()
        for name in one[k]:
            np.testing.assert_array_equal(one[k][name], other[k][name], err_msg=name)


def close(one, other, rtol=2e-5, atol=2e-5):
    for a, b in zip(one[0], other[0], strict=True):
        np.testing.assert_allclose(a, b, rtol, atol)
    for k in (1, 2):
        assert one[k].keys() == other[k].keys()
        for name in one[k]:
            np.testing.assert_allclose(one[k][name], other[k][name], rtol, atol, err_msg=name)


def program_text(executor):
    return executor.debug_str()


def kernels(executor):
    """Kernel names of an executor's program in order."""
    return re.findall(r"^%\d+.*? = (\w+)\(", program_text(executor), re.M)


# --- packed weights -------------------------------------------------------------------------------------------------
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
    case.weight.storage.version = version  # hide the write: what is computed now shows that nothing is packed again
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


# --- statistics in a convolution's epilogue -------------------------------------------------------------------------
def conv_bn_relu():
    x = mx.sym.Variable("data")
    conv = mx.sym.Convolution(x, kernel=(3, 3), pad=(1, 1), num_filter=16, name="conv")
    norm = mx.sym.BatchNorm(conv, fix_gamma=False, eps=1e-3, momentum=0.8, name="bn")
    return mx.sym.Activation(norm, act_type="relu", name="relu")


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


# --- ReLU behind BatchNorm computed again ---------------------------------------------------------------------------
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


# --- blocked layout -------------------------------------------------------------------------------------------------
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


# --- views ----------------------------------------------------------------------------------------------------------
def test_channel_concat_is_a_view(ctx, rng):
    x = mx.sym.Variable("data")
    parts = [
        mx.sym.Convolution(x, kernel=(1, 1), num_filter=f, no_bias=True, name=f"c{f}") for f in (3, 5)
    ]
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


# --- overlapping bound arrays ---------------------------------------------------------------------------------------
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


# --- add through views ----------------------------------------------------------------------------------------------
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


@pytest.mark.parametrize("net", [through_reshape, through_split, through_concat, through_slice, through_identity])
def test_add_through_a_view(ctx, rng, net):
    symbol, back = net(mx.sym.Variable("x"))
    shapes = {"x": (4, 6), "other": (4, 2)}
    args = {n: mx.nd.ones(shapes[n], ctx=ctx) for n in symbol.list_arguments()}
    grads = {n: mx.nd.full(shapes[n], 2.0, ctx=ctx) for n in args}
    executor = symbol.bind(ctx, args, grads, "add")
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


# --- callbacks ------------------------------------------------------------------------------------------------------
def make_nosy(ctx):
    """An operator y = 2x that calls `mx.nd`, another executor, and reads and writes arrays of its own meanwhile."""
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


# --- two devices ----------------------------------------------------------------------------------------------------
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


# --- scalars that change --------------------------------------------------------------------------------------------
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
    (x * 2.5) + 1.5  # noqa: B018
    misses = invoker.misses
    for k in range(100):
        np.testing.assert_allclose((x * (k + 0.25) + k).asnumpy(), np.arange(5) * (k + 0.25) + k, 1e-6)
    assert invoker.misses == misses


# --- shared and divided arenas --------------------------------------------------------------------------------------
def mlp(hidden=16, name="net"):
    x = mx.sym.Variable("data")
    for k in range(3):
        x = mx.sym.Activation(mx.sym.FullyConnected(x, num_hidden=hidden, name=f"{name}{k}"), act_type="tanh")
    return mx.sym.FullyConnected(x, num_hidden=4, name=f"{name}_top")


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
    (a, b), (lone_a, lone_b), heads = shared_pair(ctx, rng)
    for overwrite in (lambda: b.forward(is_train=True), lambda: b.forward(), lambda: train(b, heads[1:])):
        a.forward(is_train=True)
        before = {n: g.asnumpy() for n, g in a.grad_dict.items()}
        overwrite()
        with pytest.raises(mx.MXNetError, match=r"another executor .* overwrote .* forward\(is_train=True\) again"):
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
    with mx.executor.options(capacity=1000), pytest.raises(mx.MXNetError, match="largest allocation of 1000 bytes"):
        bound(symbol, ctx, values)


# --- backward twice -------------------------------------------------------------------------------------------------
def test_backward_twice(ctx, rng):
    """The saved values may have been overwritten: the second time forward runs again from the same random position."""
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
        net = mx.sym.broadcast_add(mx.sym.sin(net), mx.sym.Variable(f"v{k}")) * mx.sym.exp(net) + mx.sym.cos(net)
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
