"""Executor.reshape: what stays the same memory, what must be allowed, what is refused."""

import numpy as np

from . import numbers, program, says


def dense(mx):
    return mx.sym.FullyConnected(mx.sym.Variable("data"), num_hidden=3, name="fc")


def shapes(ex):
    return [list(a.shape) for a in ex.arg_arrays + ex.outputs]


def tried(call, *fragments):
    """As `says`, shapes for an executor."""
    found = says(call, *fragments)
    return shapes(found) if hasattr(found, "arg_arrays") else found


def filled(mx, ctx, net, **sizes):
    ex = net.simple_bind(ctx, **sizes)
    for i, (_, a) in enumerate(sorted(ex.arg_dict.items())):
        a[:] = numbers(*a.shape, shift=0.1 * i)
    return ex


@program
def smaller(mx, ctx):
    ex = filled(mx, ctx, dense(mx), data=(4, 5))
    less = ex.reshape(data=(2, 5))
    found = {"shapes": shapes(less), "out": less.forward()[0].asnumpy(), "whole": ex.forward()[0].asnumpy()}
    less.arg_dict["data"][:] = 1
    less.arg_dict["fc_bias"][:] = 2
    found["seen"] = [ex.arg_dict["data"], ex.arg_dict["fc_bias"]]
    less.forward(is_train=True)
    less.backward(mx.nd.ones((2, 3), ctx))
    found["grads"] = [ex.grad_dict["fc_weight"], less.grad_dict["data"], ex.grad_dict["data"].asnumpy()[:2]]
    found["another executor"] = less is ex
    found["same size"] = shapes(ex.reshape(data=(4, 5)))
    found["other form"] = tried(lambda: ex.reshape(data=(2, 5)).reshape(data=(1, 5)))
    found["back"] = tried(lambda: less.reshape(data=(4, 5), allow_up_sizing=True))
    return found


@program
def larger(mx, ctx):
    ex = filled(mx, ctx, dense(mx), data=(2, 5))
    more = ex.reshape(allow_up_sizing=True, data=(3, 5))
    more.forward(data=numbers(3, 5, shift=1))
    return {
        "refused": tried(lambda: ex.reshape(data=(3, 5)), "allow_up_sizing=True"),
        "shapes": shapes(more),
        "out": more.outputs[0],
        "weight": more.arg_dict["fc_weight"] is not None,
        "shared": [np.array_equal(more.arg_dict["fc_weight"].asnumpy(), ex.arg_dict["fc_weight"].asnumpy())],
    }


@program
def what_was_not_said(mx, ctx):
    """An argument nobody named that would change needs partial_shaping."""
    net = mx.sym.SoftmaxOutput(dense(mx), name="softmax")
    ex = filled(mx, ctx, net, data=(4, 5))
    return {
        "label": tried(lambda: ex.reshape(data=(2, 5)), "softmax_label", "partial_shaping=True"),
        "allowed": tried(lambda: ex.reshape(partial_shaping=True, data=(2, 5))),
        "given": tried(lambda: ex.reshape(data=(2, 5), softmax_label=(2,))),
        "weight": tried(lambda: ex.reshape(data=(4, 3)), "fc_weight"),
        "weight allowed": tried(lambda: ex.reshape(partial_shaping=True, data=(4, 3))),
        "weight larger": tried(lambda: ex.reshape(partial_shaping=True, data=(4, 9)), "allow_up_sizing"),
        "weight larger allowed": tried(lambda: ex.reshape(True, True, data=(4, 9))),
    }


@program
def odd_calls(mx, ctx):
    ex = filled(mx, ctx, dense(mx), data=(4, 5))
    return {
        "nothing": tried(lambda: ex.reshape()),
        "unknown": tried(lambda: ex.reshape(data=(4, 5), zzz=(3,))),
        "unknown and smaller": tried(lambda: ex.reshape(data=(2, 5), zzz=(3,))),
        "conflict": tried(lambda: ex.reshape(data=(2, 5), fc_weight=(3, 7))),
        "still": ex.forward(),
    }


@program
def with_auxiliary_states(mx, ctx):
    net = mx.sym.BatchNorm(mx.sym.Variable("x"), name="bn", fix_gamma=False)
    ex = net.simple_bind(ctx, x=(4, 3))
    ex.arg_dict["x"][:] = numbers(4, 3)
    ex.arg_dict["bn_gamma"][:] = 1
    ex.aux_dict["bn_moving_var"][:] = 2
    less = ex.reshape(x=(2, 3))
    less.forward(is_train=True)
    less.backward(mx.nd.ones((2, 3), ctx))
    mx.nd.waitall()
    return {
        "moved": [ex.aux_dict["bn_moving_mean"], ex.aux_dict["bn_moving_var"]],
        "other channels": tried(lambda: ex.reshape(x=(4, 2))),
    }


@program
def with_requests(mx, ctx):
    net = dense(mx)
    ex = net.simple_bind(ctx, grad_req={"fc_weight": "add"}, data=(4, 5))
    ex.arg_dict["data"][:] = numbers(4, 5)
    for e in (ex.reshape(data=(2, 5)), ex):
        e.forward(is_train=True)
        e.backward(mx.nd.ones(e.outputs[0].shape, ctx))
    bare = net.bind(ctx, [mx.nd.ones((4, 5), ctx), mx.nd.ones((3, 5), ctx), mx.nd.zeros((3,), ctx)])
    return {
        "added": ex.grad_dict["fc_weight"],
        "others": [ex.grad_dict["data"], ex.grad_dict["fc_bias"]],
        "without gradients": bare.reshape(data=(2, 5)).forward(),
    }
