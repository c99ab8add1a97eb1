"""The operator RNN by itself: modes, layers, directions, states, requests, arrays and recorded gradients.

MXNet's CPU ignores lengths and clipping and draws no dropout for float32: it is not asked for them.
"""

import itertools

import numpy as np

from . import numbers, outcome, program

GATES = {"rnn_relu": 1, "rnn_tanh": 1, "gru": 3, "lstm": 4}


def size_of(mode, layers, ways, width, hidden):
    """Number of parameters."""
    total = 0
    for layer in range(layers):
        inputs = width if layer == 0 else ways * hidden
        total += ways * GATES[mode] * hidden * (inputs + hidden + 2)
    return total


def values(mode, layers, ways, time=3, batch=2, width=3, hidden=4, dtype="float32"):
    """Arrays for all inputs, small enough that nothing saturates."""
    found = {
        "data": numbers(time, batch, width),
        "parameters": numbers(size_of(mode, layers, ways, width, hidden), shift=0.1, scale=0.4),
        "state": numbers(layers * ways, batch, hidden, shift=0.2, scale=0.5),
    }
    if mode == "lstm":
        found["state_cell"] = numbers(layers * ways, batch, hidden, shift=0.3, scale=0.5)
    return {k: v.astype(dtype) for k, v in found.items()}


def symbol(mx, mode, layers, ways, hidden=4, **more):
    names = ["data", "parameters", "state"] + ["state_cell"] * (mode == "lstm")
    return mx.sym.RNN(
        **{n: mx.sym.var(n) for n in names}, mode=mode, num_layers=layers, bidirectional=ways == 2,
        state_size=hidden, name="rnn", **more,
    )  # fmt: skip


def step(mx, ctx, net, given, request="write"):
    """Outputs and gradients of one training step; gradients begin at 1."""
    args = {k: mx.nd.array(v, ctx, dtype=v.dtype) for k, v in given.items()}
    grads = {k: mx.nd.ones(v.shape, ctx, dtype=v.dtype) for k, v in given.items()}
    ex = net.bind(ctx, args, grads, request)
    outs = [o.asnumpy() for o in ex.forward(is_train=True)]
    heads = [numbers(*o.shape, shift=0.4 + 0.1 * i).astype(o.dtype) for i, o in enumerate(outs)]
    ex.backward([mx.nd.array(h, ctx, dtype=h.dtype) for h in heads])
    inference = ex.forward(is_train=False)[0].asnumpy()
    return [outs, float(np.abs(inference - outs[0]).max()) < 1e-5, grads]


@program(rtol=1e-4, atol=1e-5)
def modes(mx, ctx):
    """Every mode, one and two layers, one and two directions, with and without states as outputs."""
    found = {}
    for mode, layers, ways, states in itertools.product(GATES, (1, 2), (1, 2), (False, True)):
        net = symbol(mx, mode, layers, ways, state_outputs=states)
        name = f"{mode} {layers} {ways} {states}"
        found[name] = [net.list_outputs(), step(mx, ctx, net, values(mode, layers, ways))]
    return found


@program(rtol=1e-4, atol=1e-5)
def odd_sizes(mx, ctx):
    """One step, one row, one unit, one feature, three layers; sizes that are no multiple of anything."""
    found = {}
    sizes = {"ones": (1, 1, 1, 1), "long": (7, 1, 2, 3), "wide": (2, 3, 5, 17), "flat": (1, 4, 3, 2)}
    for mode, (kind, (time, batch, width, hidden)) in itertools.product(GATES, sizes.items()):
        given = values(mode, 3, 2, time, batch, width, hidden)
        outs, same, grads = step(mx, ctx, symbol(mx, mode, 3, 2, hidden, state_outputs=True), given)
        found[f"{mode} {kind}"] = [outs, same, {k: grads[k] for k in ("data", "state")}]
    return found


@program
def double_precision(mx, ctx):
    """float64 through and through."""
    found = {}
    for mode in GATES:
        given = values(mode, 2, 2, dtype="float64")
        found[mode] = step(mx, ctx, symbol(mx, mode, 2, 2, state_outputs=True), given)
    return found


@program(rtol=1e-4, atol=1e-5)
def one_state_alone(mx, ctx):
    """A head only on the last state or the last cell: the sequence itself has no gradient from above."""
    found = {}
    for mode in GATES:
        net = symbol(mx, mode, 2, 1, state_outputs=True)
        for k in range(1, len(net.list_outputs())):
            found[f"{mode} {k}"] = step(mx, ctx, net[k] * 2, values(mode, 2, 1))
    return found


@program(rtol=1e-4, atol=1e-5)
def recorded(mx, ctx):
    """`mx.nd.RNN` alone and under autograd."""
    found = {}
    for mode in GATES:
        given = {k: mx.nd.array(v, ctx) for k, v in values(mode, 1, 2).items()}
        options = {
            "mode": mode,
            "num_layers": 1,
            "bidirectional": True,
            "state_size": 4,
            "state_outputs": True,
        }
        alone = mx.nd.RNN(*given.values(), **options)
        for a in given.values():
            a.attach_grad()
        with mx.autograd.record():
            outs = mx.nd.RNN(**given, **options)
            y = sum((o * (i + 1)).sum() for i, o in enumerate(outs))
        y.backward()
        found[mode] = [list(alone), list(outs), [a.grad for a in given.values()]]
    return found


@program(cpu=True)
def shapes_and_names(mx, ctx):
    """What follows from the data, what must be given, and names of all that is made."""
    found = {}
    for mode in GATES:
        net = mx.sym.RNN(mx.sym.var("x"), mode=mode, num_layers=2, bidirectional=True, state_size=5, name="r")
        full = mx.sym.RNN(
            mx.sym.var("x"), mode=mode, num_layers=1, state_size=5, state_outputs=True, name="r"
        )
        found[mode] = [
            net.list_arguments(), net.infer_shape(x=(7, 3, 6)), full.list_outputs(),
            full.infer_shape(x=(7, 3, 6)), outcome(lambda full=full: full.infer_shape(x=(7, 3))),
            full.infer_shape_partial(x=(0, 0, 6)),
            [[np.dtype(t).name for t in g] for g in full.infer_type(x="float64")],
        ]  # fmt: skip
    projected = mx.sym.RNN(
        mx.sym.var("x"), mode="lstm", num_layers=2, bidirectional=True, state_size=5, projection_size=3,
        state_outputs=True, name="r",
    )  # fmt: skip
    found["projected"] = projected.infer_shape(x=(7, 3, 6))
    return found


@program(rtol=1e-4, atol=1e-5)
def projected(mx, ctx):
    """An LSTM whose state is projected, for inference."""
    found = []
    for layers, ways in ((1, 1), (2, 1), (1, 2)):
        net = mx.sym.RNN(
            mx.sym.var("x"), mode="lstm", num_layers=layers, bidirectional=ways == 2, state_size=5,
            projection_size=3, state_outputs=True, name="r",
        )  # fmt: skip
        ex = net.simple_bind(ctx, x=(4, 2, 3), grad_req="null")
        for i, (_, a) in enumerate(sorted(ex.arg_dict.items())):
            a[:] = mx.nd.array(numbers(*a.shape, shift=0.1 * i, scale=0.4), ctx)
        found.append([sorted((n, list(a.shape)) for n, a in ex.arg_dict.items()), ex.forward()])
    return found
