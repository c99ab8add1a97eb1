"""Blueprints shared by executors that bind one graph in one way: when they are, when they must not be, and
that executors sharing one keep nothing in common but their program's text.
"""

from __future__ import annotations

import threading

import numpy as np
import pytest
from nets import load

import cysym as mx
from cysym import reuse


@pytest.fixture(autouse=True)
def nothing_kept():
    reuse.forget()
    yield
    reuse.forget()


def net():
    x = mx.sym.FullyConnected(mx.sym.Variable("data"), num_hidden=6, name="fc")
    return mx.sym.tanh(x, name="tanh") * mx.sym.Variable("scale")


SHAPES = {"data": (4, 5), "scale": (4, 6)}


def calls_of(executor):
    return executor._program(executor._blueprint.wants_gradient).calls


def is_shared(a, b):
    """Whether two executors run the very same calls."""
    return all(x is y for x, y in zip(calls_of(a), calls_of(b), strict=True))


def train(executor, head):
    out = executor.forward(is_train=True)[0].asnumpy()
    executor.backward(head)
    return out, {n: g.asnumpy() for n, g in executor.grad_dict.items()}


def test_executors_of_one_graph_share_a_program_and_no_memory(ctx, rng):
    """Two executors with values of their own, run turn by turn, give what each gives alone."""
    symbol, head = net(), load(rng.standard_normal((4, 6)).astype(np.float32), ctx)
    values = [
        {n: rng.standard_normal(s).astype(np.float32) for n, s in zip(symbol.list_arguments(), shapes)}
        for shapes in [symbol.infer_shape(**SHAPES)[0]] * 2
    ]

    def bound(i):
        executor = symbol.simple_bind(ctx, **SHAPES)
        executor.copy_params_from(values[i])
        return executor

    want = []
    for i in (0, 1):
        reuse.forget()
        want.append(train(bound(i), head))
    reuse.forget()
    a, b = bound(0), bound(1)
    assert is_shared(a, b)
    first = a.forward(is_train=True)[0].asnumpy()
    second = train(b, head)
    a.backward(head)
    got = [(first, {n: g.asnumpy() for n, g in a.grad_dict.items()}), second]
    for (out, grads), (want_out, want_grads) in zip(got, want, strict=True):
        np.testing.assert_array_equal(out, want_out)
        for name, g in grads.items():
            np.testing.assert_array_equal(g, want_grads[name])


def test_bind_and_reshape_share(ctx):
    symbol = net()
    a = symbol.simple_bind(ctx, **SHAPES)
    small = a.reshape(data=(2, 5), scale=(2, 6))
    back = small.reshape(data=(4, 5), scale=(4, 6), allow_up_sizing=True)
    again = back.reshape(data=(2, 5), scale=(2, 6))
    assert not is_shared(a, small)
    assert again._blueprint is small._blueprint
    b = symbol.bind(ctx, a.arg_dict, a.grad_dict)
    c = symbol.bind(ctx, a.arg_dict, a.grad_dict)
    assert is_shared(b, c)
    assert not is_shared(symbol.bind(ctx, a.arg_dict, a.grad_dict, "add"), c)


SYMBOL = mx.sym.broadcast_mul(mx.sym.tanh(mx.sym.Variable("data")), mx.sym.Variable("scale"))
WAYS = {
    "shape": {"scale": (4, 6)},
    "type": {"type_dict": {"data": "float64"}},
    "request": {"grad_req": {"data": "write"}},
    "device": {"ctx": mx.cpu(1)},
}


@pytest.mark.parametrize("way", WAYS)
def test_another_way_of_binding_is_another_program(way):
    plain = {"ctx": mx.cpu(), "data": (4, 6), "scale": (1, 6)}
    a, b, c = (SYMBOL.simple_bind(**(plain | change)) for change in ({}, WAYS[way], {}))
    assert a._blueprint is c._blueprint is not b._blueprint


def test_meaning_of_zero_is_part_of_the_way():
    plain = SYMBOL.simple_bind(mx.cpu(), data=(4, 6), scale=(1, 6))
    with mx.util.np_shape(True):
        assert SYMBOL.simple_bind(mx.cpu(), data=(4, 6), scale=(1, 6))._blueprint is not plain._blueprint


def test_options_are_part_of_the_way():
    symbol = net()
    a = symbol.simple_bind(mx.cpu(), **SHAPES)
    with mx.executor.options(fuse=False):
        b = symbol.simple_bind(mx.cpu(), **SHAPES)
        c = symbol.simple_bind(mx.cpu(), **SHAPES)
    assert len(calls_of(b)) > len(calls_of(a))
    assert is_shared(b, c)


def test_a_symbol_that_changed_is_compiled_anew():
    x = mx.sym.Variable("x", shape=(2, 3))
    y = mx.sym.Activation(x, act_type="relu", name="act")
    net = mx.sym.Group([y * 2])
    a = net.simple_bind(mx.cpu())
    assert net.simple_bind(mx.cpu())._blueprint is a._blueprint
    x._set_attr(__shape__="(4, 3)")
    b = net.simple_bind(mx.cpu())
    assert b.outputs[0].shape == (4, 3)
    y._set_attr(act_type="tanh")
    c = net.simple_bind(mx.cpu())
    c.arg_dict["x"][:] = 1.0
    np.testing.assert_allclose(c.forward()[0].asnumpy(), np.full((4, 3), 2 * np.tanh(1.0)), 1e-6)
    y._set_attr(name="renamed")
    d = net.simple_bind(mx.cpu())
    assert "renamed" in d.debug_str()
    assert "renamed" not in c.debug_str()


def test_variables_that_were_exchanged():
    """Two symbols of equal nodes but other variables are two graphs."""
    a, b = (mx.sym.tanh(mx.sym.Variable("x"), name="t").simple_bind(mx.cpu(), x=(2,)) for _ in range(2))
    assert a._blueprint is not b._blueprint


def test_gradients_in_memory_of_arguments(ctx):
    """Which gradient arrays overlap bound memory is asked of every executor."""
    x, y = mx.sym.Variable("x"), mx.sym.Variable("y")
    symbol = mx.sym.elemwise_mul(x, y)
    args = [load(np.array(v, np.float32), ctx) for v in ([2, 3], [5, 7])]
    apart = symbol.bind(ctx, args, [mx.nd.zeros(2, ctx), mx.nd.zeros(2, ctx)])
    over = symbol.bind(ctx, args, [args[1], args[0]])
    assert apart._blueprint is over._blueprint
    head = mx.nd.ones(2, ctx)
    for executor in (apart, over):
        executor.forward(is_train=True)
        executor.backward(head)
        found = [g.asnumpy().tolist() for g in executor.grad_arrays]
        assert found == [[5, 7], [2, 3]]


def test_packed_weights_are_of_one_executor(ctx, rng):
    symbol = mx.sym.FullyConnected(mx.sym.Variable("x"), num_hidden=160, no_bias=True, name="fc")
    x = rng.standard_normal((4, 160)).astype(np.float32)
    weights = [rng.standard_normal((160, 160)).astype(np.float32) for _ in range(2)]
    bound = [symbol.bind(ctx, {"x": load(x, ctx), "fc_weight": load(w, ctx)}) for w in weights]
    assert is_shared(*bound)
    for _ in range(2):
        for executor, w in zip(bound, weights, strict=True):
            np.testing.assert_allclose(executor.forward()[0].asnumpy(), x @ w.T, 1e-4, 1e-4)


def test_random_masks_are_of_one_executor(ctx):
    symbol = mx.sym.Dropout(mx.sym.Variable("x"), p=0.5)
    a, b = (symbol.simple_bind(ctx, x=(64,)) for _ in range(2))
    assert is_shared(a, b)
    ones = mx.nd.ones(64, ctx)
    masks = []
    for executor in (a, b):
        executor.arg_dict["x"][:] = 1.0
        masks.append(executor.forward(is_train=True)[0].asnumpy())
    assert not np.array_equal(*masks)
    for executor, mask in zip((a, b), masks, strict=True):
        executor.backward(ones)
        np.testing.assert_array_equal(executor.grad_arrays[0].asnumpy(), mask)
        executor.backward(ones)  # the forward part is replayed with the mask that was drawn
        np.testing.assert_array_equal(executor.grad_arrays[0].asnumpy(), mask)


def test_operators_in_python_are_never_shared():
    made = []

    class Op(mx.operator.CustomOp):
        def forward(self, is_train, req, in_data, out_data, aux):
            self.assign(out_data[0], req[0], in_data[0])

    @mx.operator.register("reuse_counted")
    class Prop(mx.operator.CustomOpProp):
        def create_operator(self, ctx, shapes, types):
            made.append(Op())
            return made[-1]

    symbol = mx.sym.Custom(mx.sym.Variable("x"), op_type="reuse_counted")
    a, b = (symbol.simple_bind(mx.cpu(), grad_req="null", x=(3,)) for _ in range(2))
    assert a._blueprint is not b._blueprint
    a.forward(), b.forward()
    assert len(made) == 2


def test_monitors_are_of_one_executor():
    symbol = net()
    a, b = (symbol.simple_bind(mx.cpu(), **SHAPES) for _ in range(2))
    heard = []
    a.set_monitor_callback(lambda name, array: heard.append(name))
    b.forward()
    assert not heard
    a.forward()
    assert "tanh_output" in heard


def test_little_is_kept():
    for k in range(reuse.ENTRIES + 5):
        net().simple_bind(mx.cpu(), data=(k + 1, 5), scale=(k + 1, 6))
    assert len(reuse._recent) == reuse.ENTRIES
    x = mx.sym.Variable("x")
    for _ in range(reuse.NODES + 1):
        x = x + 1.0
    executor = x.simple_bind(mx.cpu(), grad_req="null", x=(1,))
    assert executor.forward()[0].asscalar() == reuse.NODES + 1
    assert len(reuse._recent) == reuse.ENTRIES


def test_executors_bound_and_run_in_threads(rng):
    symbol, found, begin = net(), {}, threading.Barrier(4)
    value = rng.standard_normal((4, 5)).astype(np.float32)

    def work(k):
        begin.wait()
        for _ in range(3):
            executor = symbol.simple_bind(mx.cpu(), **SHAPES)
            executor.copy_params_from({"data": value, "scale": np.full((4, 6), k, np.float32)})
            executor.copy_params_from({"fc_weight": np.full((6, 5), 0.1, np.float32)})
            found[k] = executor.forward()[0].asnumpy()

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    for k in range(4):
        np.testing.assert_array_equal(found[k], found[1] * k)
