"""Callbacks: what they log (times masked), save and reset, called by hand and by Module.fit."""

import os
import re

import numpy as np

from . import logged, numbers, program, scratch


def masked(messages):
    """Messages without what no clock repeats."""
    return [re.sub(r"(Speed: |Time cost=)\S+", r"\1T", text) for text in messages]


def batch(mx, epoch, nbatch, metric):
    """What Module.fit gives a batch-end callback."""
    return mx.model.BatchEndParam(epoch=epoch, nbatch=nbatch, eval_metric=metric, locals=None)


def fed(mx, names=("acc", "ce")):
    """A metric with something in it."""
    metric = mx.metric.create(list(names))
    feed(mx, metric)
    return metric


def feed(mx, metric):
    metric.update([mx.nd.array([1, 0, 1])], [mx.nd.array([[0.25, 0.75], [0.5, 0.25], [0.75, 0.125]])])


@program(cpu=True)
def speedometers(mx, ctx):
    found = {}
    for key, arguments in (
        ("plain", {}), ("two", {"frequent": 2}), ("kept", {"frequent": 2, "auto_reset": False}), ("one",
        {"frequent": 1}),
    ):  # fmt: skip
        for metric in (fed(mx), fed(mx, ["acc"]), None):
            with logged() as messages:
                speedometer = mx.callback.Speedometer(4, **arguments)
                for epoch in range(2):
                    for nbatch in range(5):
                        speedometer(batch(mx, epoch, nbatch, metric))
                        if metric is not None:
                            feed(mx, metric)
            which = "none" if metric is None else len(metric.metrics)
            found[f"{key} {which}"] = masked(messages)
            if metric is not None:
                found[f"{key} {which} metric"] = [metric.get()[1], metric.get_global()[1]]
    return found


@program(cpu=True)
def training_metrics(mx, ctx):
    found = {}
    for period in (1, 2):
        for auto_reset in (False, True):
            metric = fed(mx)
            with logged() as messages:
                callback = mx.callback.log_train_metric(period, auto_reset)
                for nbatch in range(4):
                    callback(batch(mx, 3, nbatch, metric))
                callback(batch(mx, 3, 4, None))
            found[f"{period} {auto_reset}"] = list(messages)
            found[f"{period} {auto_reset} metric"] = [metric.get()[1], metric.get_global()[1]]
    return found


@program(cpu=True)
def validation_metrics(mx, ctx):
    with logged() as messages:
        for metric in (fed(mx), fed(mx, ["mse"] * 0 + ["acc"]), None):
            mx.callback.LogValidationMetricsCallback()(batch(mx, 2, 0, metric))
    return list(messages)


@program
def checkpoints(mx, ctx):
    net = mx.sym.FullyConnected(mx.sym.Variable("data"), num_hidden=2, name="fc")
    args = {"fc_weight": mx.nd.array(numbers(2, 3), ctx), "fc_bias": mx.nd.zeros((2,), ctx)}
    found = {}
    for period in (1, 2, 0, 2.7):
        with scratch(), logged() as messages:
            callback = mx.callback.do_checkpoint("some", period)
            for epoch in range(4):
                callback(epoch, net, args, {"m": mx.nd.ones((2,), ctx)})
            found[f"{period} files"] = sorted(os.listdir("."))
            symbol, arg, aux = mx.model.load_checkpoint("some", 4)
            found[f"{period} loaded"] = [symbol.list_arguments(), dict(sorted(arg.items())), aux]
        found[f"{period} messages"] = list(messages)
    return found


@program(cpu=True)
def checkpoints_of_modules(mx, ctx):
    calls = []

    class Recorder:
        def save_checkpoint(self, *arguments):
            calls.append(arguments)

    for arguments in ({}, {"period": 3}, {"period": 2, "save_optimizer_states": True}):
        callback = mx.callback.module_checkpoint(Recorder(), "p", **arguments)
        for epoch in range(6):
            callback(epoch)
        callback(11, "symbol", {}, {})
        calls.append("next")
    return calls


@program(rtol=1e-4)
def around_fit(mx, ctx):
    x = numbers(16, 4)
    y = (x.sum(1) > 0).astype(np.float32)
    net = mx.sym.FullyConnected(mx.sym.Variable("data"), num_hidden=2, name="fc")
    net = mx.sym.SoftmaxOutput(net, name="softmax")
    found, seen = {}, []
    with scratch(), logged() as messages:
        module = mx.mod.Module(net, context=ctx)
        module.fit(
            mx.io.NDArrayIter(x, y, 4),
            eval_data=mx.io.NDArrayIter(x, y, 8),
            eval_metric=["acc", "ce"],
            initializer=mx.init.One(),
            num_epoch=2,
            optimizer_params={"learning_rate": 0.25},
            batch_end_callback=[
                mx.callback.Speedometer(4, 2),
                mx.callback.log_train_metric(3),
                lambda p: seen.append([p.epoch, p.nbatch]),
            ],
            epoch_end_callback=[
                mx.callback.do_checkpoint("a"),
                mx.callback.module_checkpoint(module, "b", 2, True),
            ],
            eval_end_callback=mx.callback.LogValidationMetricsCallback(),
            eval_batch_end_callback=lambda p: seen.append(["eval", p.epoch, p.nbatch]),
        )
        found["files"] = sorted(os.listdir("."))
    found["seen"] = seen
    found["messages"] = [re.sub(r"\d\.\d{4,}(e-\d+)?", "N", text) for text in masked(messages)]
    found["numbers"] = [float(n) for text in masked(messages) for n in re.findall(r"\d\.\d{4,}", text)]
    found["weight"] = module.get_params()[0]["fc_weight"]
    return found
