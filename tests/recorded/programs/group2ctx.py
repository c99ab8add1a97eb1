"""Model parallelism: ctx_group attributes and the contexts groups are given."""

from . import numbers, outcome, program, says


def places(mx, arrays):
    return [None if a is None else f"{a.context.device_type}({a.context.device_id})" for a in arrays]


def net(mx):
    with mx.AttrScope(ctx_group="first"):
        x = mx.sym.FullyConnected(mx.sym.Variable("data"), num_hidden=4, name="fc1")
        x = mx.sym.Activation(x, act_type="tanh", name="act")
    with mx.AttrScope(ctx_group="second"):
        x = mx.sym.FullyConnected(x, num_hidden=3, name="fc2")
    return x


@program(cpu=True)
def simple_bind_places_arrays(mx, ctx):
    groups = {"first": mx.cpu(1), "second": mx.cpu(2)}
    ex = net(mx).simple_bind(mx.cpu(0), group2ctx=groups, data=(2, 5))
    plain = net(mx).simple_bind(mx.cpu(0), data=(2, 5))
    more = net(mx).simple_bind(mx.cpu(0), group2ctx=dict(groups, nobody=mx.cpu(3)), data=(2, 5))
    return {
        "args": places(mx, ex.arg_arrays),
        "grads": places(mx, ex.grad_arrays),
        "outputs": places(mx, ex.outputs),
        "without": places(mx, plain.arg_arrays + plain.outputs),
        "surplus group": places(mx, more.outputs),
        "missing": [
            says(
                lambda g=g: net(mx).simple_bind(mx.cpu(0), group2ctx=g, data=(2, 5)),
                "simple_bind error",
                "first",
            )
            for g in ({"second": mx.cpu(3)}, {"nobody": mx.cpu(3)})
        ],
        "empty": places(mx, net(mx).simple_bind(mx.cpu(0), group2ctx={}, data=(2, 5)).outputs),
    }


@program(cpu=True)
def auxiliary_states_and_variables(mx, ctx):
    with mx.AttrScope(ctx_group="g"):
        x = mx.sym.Variable("x")
        bn = mx.sym.BatchNorm(x, name="bn")
    own = mx.sym.Variable("own", attr={"ctx_group": "h"})
    total = mx.sym.Group([bn, own * 2])
    ex = total.simple_bind(mx.cpu(0), group2ctx={"g": mx.cpu(1), "h": mx.cpu(2)}, x=(2, 3), own=(4,))
    return {
        "args": places(mx, ex.arg_arrays),
        "aux": places(mx, ex.aux_arrays),
        "outputs": places(mx, ex.outputs),
    }


@program(cpu=True)
def numbers_agree(mx, ctx):
    found = {}
    for name, groups in (("one", None), ("two", {"first": mx.cpu(1), "second": mx.cpu(2)})):
        ex = net(mx).simple_bind(mx.cpu(0), group2ctx=groups, data=(2, 5))
        for i, n in enumerate(net(mx).list_arguments()):
            ex.arg_dict[n][:] = numbers(*ex.arg_dict[n].shape, shift=0.1 * i)
        ex.forward(is_train=True)
        ex.backward(mx.nd.array(numbers(2, 3, shift=5), ex.outputs[0].context))
        found[name] = [ex.outputs[0], *ex.grad_arrays]
    return found


@program(cpu=True)
def binding_arrays_of_ones_own(mx, ctx):
    groups = {"first": mx.cpu(1), "second": mx.cpu(2)}
    symbol = net(mx)
    shapes = symbol.infer_shape(data=(2, 5))[0]
    where = [mx.cpu(1)] * 3 + [mx.cpu(2)] * 2
    args = [mx.nd.array(numbers(*s), c) for s, c in zip(shapes, where)]
    grads = [mx.nd.zeros(s, c) for s, c in zip(shapes, where)]
    ex = symbol.bind(mx.cpu(0), args, grads, group2ctx=groups)
    ex.forward(is_train=True)
    ex.backward(mx.nd.ones((2, 3), mx.cpu(2)))
    return {
        "out": ex.outputs,
        "grads": grads,
        "outputs": places(mx, ex.outputs),
        "wrong": outcome(lambda: symbol.bind(mx.cpu(0), args, group2ctx=3)) != 0,
    }
