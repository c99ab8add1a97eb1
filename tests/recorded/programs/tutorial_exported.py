"""Recurrent layers as Gluon exports them: flattened weights, some of unknown width, joined to one vector."""

import numpy as np

from . import fresh, numbers, outcome, program


def layer(mx, mode, gates, units, layers, both):
    """The nodes that `export` writes for a layer; the first weights tell nothing of the input's size."""
    sides = "lr" if both else "l"
    names = [
        (f"{side}{k}_{part}", k, part) for k in range(layers) for side in sides for part in ("i2h", "h2h")
    ]
    weights, rows = [], gates * units
    for name, k, part in names:
        columns = units if part == "h2h" else 0 if k == 0 else units * len(sides)
        weight = mx.sym.Variable(name + "_weight", shape=(rows, columns), dtype="float32")
        weights.append(mx.sym.Reshape(weight, shape=(-1,)))
    for name, _, _ in names:
        weights.append(mx.sym.Reshape(mx.sym.Variable(name + "_bias", shape=(rows,)), shape=(-1,)))
    vector = mx.sym._internal._rnn_param_concat(*weights, dim=0, num_args=len(weights))
    states = [mx.sym.zeros((len(sides) * layers, 0, units)) for _ in range(2 if mode == "lstm" else 1)]
    return mx.sym.RNN(mx.sym.SwapAxis(mx.sym.Variable("data"), dim1=0, dim2=1), vector, *states, name="rnn",
                      state_size=units, num_layers=layers, mode=mode, bidirectional=both)  # fmt: skip


@program
@fresh
def recurrent_layers(mx, ctx):
    found = {}
    for name, mode, gates, layers, both in (
        ("both directions", "lstm", 4, 2, True),
        ("one direction", "gru", 3, 1, False),
        ("both of one layer", "rnn_tanh", 1, 1, True),
    ):
        net = layer(mx, mode, gates, 3, layers, both)
        arguments, outputs, _ = net.infer_shape(data=(2, 3, 4))
        executor = net.simple_bind(ctx, data=(2, 3, 4))
        for i, key in enumerate(net.list_arguments()):
            array = executor.arg_dict[key]
            array[:] = mx.nd.array(numbers(*array.shape, shift=0.1 * i, scale=0.4), ctx)
        executor.forward(is_train=True)
        executor.backward(mx.nd.ones(outputs[0], ctx))
        found[name] = {
            "shapes": dict(zip(net.list_arguments(), arguments)),
            "partly": net.infer_shape_partial(data=(2, 3, 4))[0],
            "output": executor.outputs[0],
            "gradients": [executor.grad_dict["data"], executor.grad_dict["l0_i2h_weight"]],
        }
    return found


@program(
    cpu=True,
    differs={"no multiple": "17 columns of 7 do not make 120: MXNet rounds down and fails when it binds"},
)
@fresh
def what_an_output_tells_a_reshape(mx, ctx):
    def column(given, out, **more):
        x = mx.sym.Variable("x", shape=given)
        net = mx.sym.Reshape(x, **more) if more else mx.sym.Flatten(x)
        if out:
            net = net + mx.sym.Variable("out", shape=out)
        return net.infer_shape_partial()[0]

    return {
        "vector": column((20, 0), (120,), shape=(-1,)),
        "first": column((0, 20), (120,), shape=(-1,)),
        "two unknown": column((0, 0), (120,), shape=(-1,)),
        "nothing known": column(None, (120,), shape=(-1,)),
        "with codes": column((2, 0), (2, 3), shape=(0, -1)),
        "numbers alone": column((0, 6), None, shape=(4, 3)),
        "Flatten": column((2, 3, 0), (2, 12)),
        "no multiple": outcome(lambda: column((7, 0), (120,), shape=(-1,))),
        "sizes": np.array(mx.sym.Reshape(mx.sym.Variable("x"), shape=(-1, 4)).infer_shape(x=(2, 6))[1][0]),
    }
