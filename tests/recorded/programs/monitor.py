"""Monitors: rows of tic and toc, patterns, order, intervals, statistics, several executors, Module."""

import re

import numpy as np

from . import logged, numbers, program


def net(mx):
    """A dense layer with batch normalization under a loss."""
    x = mx.sym.FullyConnected(mx.sym.Variable("data"), num_hidden=3, name="fc")
    x = mx.sym.BatchNorm(x, name="bn", fix_gamma=False)
    return mx.sym.SoftmaxOutput(mx.sym.tanh(x, name="act"), name="softmax")


def executor(mx, ctx, symbol=None, n=4):
    """The net bound to values without a pattern."""
    found = (symbol or net(mx)).simple_bind(ctx, data=(n, 5))
    for k, (name, array) in enumerate(found.arg_dict.items()):
        array[:] = numbers(*array.shape, shift=k % 3) if name != "softmax_label" else np.arange(n) % 3
    for array in found.aux_dict.values():
        array[:] = 1
    return found


def table(rows):
    """Rows as [step, name, number of the text]."""
    return [[step, name, [float(v) for v in re.findall(r"[-+.\de]+", text)]] for step, name, text in rows]


def forward_only(rows):
    """Rows of nodes that are not gradients."""
    return [row for row in rows if "backward" not in row[1]]


@program(rtol=1e-4, atol=1e-5)
def rows_of_one_batch(mx, ctx):
    found = {}
    for key, arguments in (
        ("all", {}),
        ("sorted", {"sort": True}),
        ("weights", {"pattern": ".*weight|.*bias"}),
        ("anchored", {"pattern": "output"}),
        ("outputs", {"pattern": ".*output"}),
        ("nothing", {"pattern": "nope"}),
        ("gradients", {"pattern": "fc_backward.*"}),
        ("bn", {"pattern": "bn_(mean|var|output|moving_var)", "sort": True}),
    ):
        ex = executor(mx, ctx)
        monitor = mx.mon.Monitor(1, **arguments)
        monitor.install(ex)
        monitor.tic()
        ex.forward(is_train=True)
        ex.backward()
        mx.nd.waitall()  # MXNet's batch normalization moves its averages behind the engine's back
        rows = table(monitor.toc())
        found[key] = rows if key == "gradients" else forward_only(rows)
    return found


@program(rtol=1e-4, atol=1e-5)
def steps_and_intervals(mx, ctx):
    ex = executor(mx, ctx)
    monitor = mx.mon.Monitor(3, pattern="(softmax_output|fc_weight)")
    monitor.install(ex)
    found = [monitor.toc()]
    for _ in range(7):
        monitor.tic()
        ex.forward()
        found.append(table(monitor.toc()))
        found.append(monitor.toc())
    ex.forward()
    found.append([monitor.step, monitor.activated, len(monitor.queue), monitor.interval])
    return found


@program(rtol=1e-4, atol=1e-5)
def statistics_of_users(mx, ctx):
    ex = executor(mx, ctx)
    found = {}
    for key, stat in (
        ("mean", lambda x: x.mean()),
        ("list", lambda x: [x.max(), x.min()]),
        ("first", lambda x: x.reshape((-1,))[:2]),
        ("same", lambda x: x * 1),
        ("rows", lambda x: x.sum(axis=0)),
    ):
        monitor = mx.mon.Monitor(1, stat, pattern="(fc_bias|bn_gamma|fc_output)$")
        monitor.install(ex)
        monitor.tic()
        ex.forward()
        rows = monitor.toc()
        found[key] = table(rows)
        found[key + " tabs"] = [text.count("\t") for _, _, text in rows]
    return found


@program
def exact_texts(mx, ctx):
    ex = (mx.sym.Variable("a") * 2).bind(ctx, {"a": mx.nd.full((4,), 0.25, ctx)})
    monitor = mx.mon.Monitor(1, sort=True, pattern="a")
    two = mx.mon.Monitor(1, lambda x: [x.max(), x[:2], x.reshape((2, 2))], pattern="a")
    found = []
    with logged() as messages:
        for one in (monitor, two):
            one.install(ex)
            one.tic()
            ex.forward()
            found.append([list(row) for row in one.toc()])
            one.tic()
            ex.forward()
            one.toc_print()
            one.toc_print()
    return {"rows": found, "messages": list(messages)}


@program(rtol=1e-4, atol=1e-5)
def several_executors(mx, ctx):
    first, second = executor(mx, ctx), executor(mx, ctx, n=2)
    monitor = mx.mon.Monitor(1, pattern="(softmax_output|fc_bias|bn_moving_mean)")
    monitor.install(first)
    monitor.install(second)
    monitor.tic()
    second.forward()
    first.forward(is_train=True)
    found = [table(monitor.toc())]
    shared = mx.sym.Variable("w")
    ex = (shared * shared + mx.sym.Variable("v", shape=(2,))).bind(
        ctx, {"w": mx.nd.ones((2,), ctx), "v": mx.nd.ones((2,), ctx)}
    )
    other = mx.mon.Monitor(1, pattern="^[vw]$")
    other.install(ex)
    other.tic()
    ex.forward()
    return [*found, table(other.toc())]


@program(rtol=1e-4, atol=1e-5)
def inputs_too(mx, ctx):
    data = mx.sym.Variable("data")
    x = mx.sym.FullyConnected(data, num_hidden=3, name="fc")
    x = mx.sym.FullyConnected(x, num_hidden=2, no_bias=True, name="top")
    ex = x.simple_bind(ctx, data=(2, 4), grad_req="null")
    for k, array in enumerate(ex.arg_arrays):
        array[:] = numbers(*array.shape, shift=k)
    found = []
    for monitor_all in (True, False):
        monitor = mx.mon.Monitor(1, monitor_all=monitor_all)
        monitor.install(ex)
        monitor.tic()
        ex.forward()
        found.append(table(monitor.toc()))
    return found


@program(rtol=1e-4, atol=1e-5)
def installed_in_a_module(mx, ctx):
    x = numbers(8, 5)
    module = mx.mod.Module(net(mx), context=ctx)
    monitor = mx.mon.Monitor(2, pattern="(softmax_output|fc_weight|fc_output)", sort=True)
    with logged() as messages:
        module.fit(
            mx.io.NDArrayIter(x, np.arange(8) % 3, 4),
            initializer=mx.init.One(),
            num_epoch=2,
            optimizer_params={"learning_rate": 0.25},
            monitor=monitor,
        )
    lines = [text for text in messages if text.startswith("Batch:")]
    return {
        "texts": [re.sub(r"\d+\.\d+(e-\d+)?", "N", text) for text in lines],
        "numbers": [float(n) for text in lines for n in re.findall(r"\d+\.\d+", text)],
    }
