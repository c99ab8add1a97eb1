"""Small networks and ways to bind, train and compare them, for the tests of contracts.

Nothing here is a test; values are NumPy arrays, so that what is compared no longer changes.
"""

from __future__ import annotations

import re

import numpy as np

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


def conv_bn_relu():
    x = mx.sym.Variable("data")
    conv = mx.sym.Convolution(x, kernel=(3, 3), pad=(1, 1), num_filter=16, name="conv")
    norm = mx.sym.BatchNorm(conv, fix_gamma=False, eps=1e-3, momentum=0.8, name="bn")
    return mx.sym.Activation(norm, act_type="relu", name="relu")


def mlp(hidden=16, name="net"):
    x = mx.sym.Variable("data")
    for k in range(3):
        x = mx.sym.Activation(mx.sym.FullyConnected(x, num_hidden=hidden, name=f"{name}{k}"), act_type="tanh")
    return mx.sym.FullyConnected(x, num_hidden=4, name=f"{name}_top")
