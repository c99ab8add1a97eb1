"""Executor.set_monitor_callback: which names are reported, in which order, with which values."""

import ctypes

import numpy as np

from . import numbers, program


def text(name):
    return name.decode() if isinstance(name, bytes) else name


def values_of(mx, array):
    """The values behind what a callback got: MXNet hands out a raw handle."""
    if not hasattr(array, "asnumpy"):
        array = mx.nd.NDArray(ctypes.cast(array, mx.base.NDArrayHandle), writable=False)
    return np.array(array.asnumpy())


def net(mx):
    S = mx.sym
    x = S.Activation(
        S.FullyConnected(S.Variable("data"), num_hidden=4, name="fc"), act_type="tanh", name="act"
    )
    x = S.BatchNorm(x, name="bn", fix_gamma=False)
    return S.LinearRegressionOutput(S.FullyConnected(x, num_hidden=2, name="out"), name="lro")


def filled(mx, ctx, symbol, **shapes):
    ex = symbol.simple_bind(ctx, **shapes)
    for i, n in enumerate(symbol.list_arguments()):
        ex.arg_dict[n][:] = numbers(*ex.arg_dict[n].shape, shift=0.1 * i)
    for n, a in ex.aux_dict.items():
        a[:] = 1 if "var" in n else 0
    return ex


def watched(mx, ctx, symbol, monitor_all, train=True, **shapes):
    """Names reported by a forward and by a backward."""
    ex, names = filled(mx, ctx, symbol, **shapes), []
    ex.set_monitor_callback(lambda name, array: names.append(text(name)), monitor_all)
    ex.forward(is_train=train)
    forward = list(names)
    del names[:]
    if train:
        ex.backward()
    mx.nd.waitall()
    return forward, list(names)


@program
def order_of_names(mx, ctx):
    return {
        "train": watched(mx, ctx, net(mx), False, data=(3, 5))[0],
        "inference": watched(mx, ctx, net(mx), False, False, data=(3, 5))[0],
    }


@program(differs={"7": "an input has its own name where MXNet's operator gives it none"})
def order_of_names_with_inputs(mx, ctx):
    return watched(mx, ctx, net(mx), True, data=(3, 5))[0]


@program
def names_of_gradient_nodes(mx, ctx):
    backward = watched(mx, ctx, net(mx), False, data=(3, 5))[1]
    nodes = ("fc_", "out_", "lro_", "act_", "bn_")
    # MXNet computes zeros as the gradient of a label, the library nothing
    return sorted(n for n in backward if n.startswith(nodes) and n != "lro_backward_output1")


@program
def several_outputs_and_hidden_ones(mx, ctx):
    S = mx.sym
    x = S.Variable("x")
    parts = S.split(x, num_outputs=2, axis=0, name="sp")
    made = [S.Dropout(parts[0], name="dr"), S.LayerNorm(parts[1], name="ln")]
    loss = S.MakeLoss(S.add_n(*made, name="sum"), name="loss")
    return watched(mx, ctx, loss, False, x=(4, 3))[0]


@program
def values_reported(mx, ctx):
    ex, seen = filled(mx, ctx, net(mx), data=(3, 5)), {}
    ex.set_monitor_callback(lambda name, array: seen.__setitem__(text(name), values_of(mx, array)))
    ex.forward(is_train=True)
    return {
        n: seen[n] for n in ("fc_output", "act_output", "bn_output", "bn_mean", "out_output", "lro_output")
    }


@program
def callbacks_replaced(mx, ctx):
    ex = (mx.sym.Variable("x") * 2).simple_bind(ctx, x=(2,))
    first, second = [], []
    ex.set_monitor_callback(lambda name, array: first.append(text(name)))
    ex.forward()
    ex.set_monitor_callback(lambda name, array: second.append(text(name)))
    ex.forward()
    return [len(first), len(second)]
