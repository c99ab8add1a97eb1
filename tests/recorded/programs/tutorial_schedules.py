"""Learning rate schedules as the pages about them write them: plain functions, and classes around others.

MXNet 1.9.1 wants an attribute `base_lr` as soon as a learning rate is given, too; MXNet before 1.5 put it
there.
"""

import math

import numpy as np

from . import outcome, program


def triangle(low, high, length):
    def rate(step):
        place = step % length / length
        return low + (high - low) * (1 - abs(2 * place - 1))

    return rate


class WarmUp:
    """A schedule around another one, of no base class."""

    def __init__(self, schedule, start, length):
        self.schedule, self.start, self.length = schedule, start, length

    def __call__(self, step):
        if step <= self.length:
            return self.start + step * (self.schedule(0) - self.start) / self.length
        return self.schedule(step - self.length)


class Restarts:
    """Cosine curves one after another, each longer than the last, with `base_lr` as the top of the first."""

    def __init__(self, base_lr, length, longer):
        self.base_lr, self.length, self.longer = base_lr, length, longer

    def __call__(self, step):
        top, length = self.base_lr, self.length
        while step >= length:
            step, length, top = step - length, length * self.longer, top / 2
        return top * (1 + math.cos(math.pi * step / length)) / 2


def walk(mx, ctx, schedule, steps=8, **more):
    """Weights of some steps of SGD down a constant slope, and what the optimizer says of its rate."""
    optimizer = mx.optimizer.SGD(lr_scheduler=schedule, **more)
    update = mx.optimizer.get_updater(optimizer)
    weight, seen = mx.nd.zeros((1,), ctx), []
    for _ in range(steps):
        update(0, mx.nd.ones((1,), ctx), weight)
        seen.append(weight.asnumpy()[0])
    return seen, optimizer.learning_rate, getattr(schedule, "base_lr", None)


@program
def functions(mx, ctx):
    named = triangle(0.1, 0.9, 4)
    named.base_lr = 0.5
    return {
        "alone": walk(mx, ctx, triangle(0.1, 0.9, 4)),
        "with base_lr": walk(mx, ctx, named),
        "with another rate": walk(mx, ctx, named, learning_rate=0.25),
    }


@program
def objects(mx, ctx):
    return {
        "alone": walk(mx, ctx, WarmUp(triangle(0.1, 0.9, 4), 0.05, 3)),
        "around a factor": walk(
            mx, ctx, WarmUp(mx.lr_scheduler.FactorScheduler(2, 0.5, base_lr=0.8), 0.1, 2)
        ),
        "restarts": walk(mx, ctx, Restarts(0.5, 3, 2), learning_rate=0.25),
    }


@program(
    differs={
        "function": "a callable without base_lr is taken, as by MXNet before 1.5",
        "object": "a callable without base_lr is taken, as by MXNet before 1.5",
    }
)
def a_rate_and_no_base_lr(mx, ctx):
    return {
        "function": outcome(lambda: walk(mx, ctx, triangle(0.1, 0.9, 4), learning_rate=0.5)),
        "object": outcome(lambda: walk(mx, ctx, WarmUp(lambda n: 0.5, 0, 3), learning_rate=0.5)),
        "number": outcome(lambda: walk(mx, ctx, 3)),
    }


@program
def in_a_module(mx, ctx):
    x = np.sin(np.arange(40) * 1.3).reshape(20, 2)
    net = mx.sym.FullyConnected(mx.sym.Variable("data"), num_hidden=1, name="fc")
    net = mx.sym.LinearRegressionOutput(net, mx.sym.Variable("y"), name="out")
    module = mx.mod.Module(net, label_names=["y"], context=ctx)
    module.fit(
        mx.io.NDArrayIter(x, x.sum(1), 5, label_name="y"),
        num_epoch=2,
        eval_metric="mse",
        initializer=mx.init.Constant(0.1),
        optimizer_params={"learning_rate": 0.3, "lr_scheduler": Restarts(0.3, 3, 2)},
    )
    return {"params": module.get_params()[0], "rate": module._optimizer.learning_rate}
