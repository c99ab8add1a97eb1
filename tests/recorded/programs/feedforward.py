"""FeedForward: training on arrays and iterators, on one device and two, prediction, scores and files."""

import logging
import pickle
import re
import warnings

import numpy as np

from . import logged, numbers, outcome, program, scratch


def _net(mx, classes=3):
    net = mx.sym.FullyConnected(mx.sym.Variable("data"), num_hidden=8, name="fc1")
    net = mx.sym.Activation(net, act_type="tanh", name="act")
    net = mx.sym.FullyConnected(net, num_hidden=classes, name="fc2")
    return mx.sym.SoftmaxOutput(net, name="softmax")


def _data(rows=26):
    x = numbers(rows, 5)
    return x, (np.abs(x[:, 0] * 10).astype(int) % 3).astype(np.float32)


def _model(mx, *args, **kwargs):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return mx.model.FeedForward(*args, **kwargs)


def _params(model):
    found = {name: model.arg_params[name].asnumpy() for name in sorted(model.arg_params)}
    found.update((name, model.aux_params[name].asnumpy()) for name in sorted(model.aux_params))
    return found


def _plain(messages):
    """Log lines without times, and without contexts, which are the tester's."""
    lines = [re.sub(r"cost=.*", "cost", re.sub(r"training with .*", "training", line)) for line in messages]
    return [line for line in lines if "storage type" not in line]


RTOL = 1e-4


@program(rtol=RTOL)
def fit_on_arrays(mx, ctx):
    found = {}
    x, y = _data()
    for name, kwargs in {
        "plain": {},
        "momentum": {"momentum": 0.9, "wd": 0.01},
        "adam": {"optimizer": "adam"},
        "batch": {"numpy_batch_size": 8},
        "rescaled": {"clip_gradient": 0.01},
    }.items():
        np.random.seed(1)
        mx.random.seed(1)
        options = {"num_epoch": 3, "learning_rate": 0.3, "numpy_batch_size": 10}
        options.update(kwargs)
        model = _model(mx, _net(mx), ctx=ctx, initializer=mx.init.Uniform(0.5), **options)
        model.fit(x, y.reshape(-1, 1) if name == "batch" else y)
        found[name] = [_params(model), model.predict(x), np.random.rand()]
    return found


@program(rtol=RTOL)
def fit_on_iterators(mx, ctx):
    found = {}
    x, y = _data(24)
    for name, kwargs in {
        "plain": {},
        "sized": {"epoch_size": 5},
        "sized as the data": {"epoch_size": 3},
        "short": {"epoch_size": 2},
        "begun": {"begin_epoch": 1},
    }.items():
        mx.random.seed(2)
        model = _model(mx, _net(mx), ctx=ctx, num_epoch=3, learning_rate=0.2, **kwargs)
        seen = []
        with logged() as messages:
            model.fit(
                mx.io.NDArrayIter(x, y, 8),
                eval_data=mx.io.NDArrayIter(x[:10], y[:10], 8),
                batch_end_callback=lambda p, seen=seen: seen.append([p.epoch, p.nbatch]),
                epoch_end_callback=lambda e, s, a, b, seen=seen: seen.append(
                    [e, s.name, sorted(a), sorted(b)]
                ),
                eval_end_callback=[
                    lambda p, seen=seen: seen.append([p.epoch, p.nbatch, p.eval_metric.get()[0]])
                ],
                eval_batch_end_callback=lambda p, seen=seen: seen.append(p.nbatch),
            )
        found[name] = [_params(model), seen, _plain(messages)]
    return found


@program(rtol=RTOL)
def several_devices(mx, ctx):
    """Two and three devices, with and without a store, and parameters updated on it or off it."""
    found = {}
    x, y = _data(24)
    for name, count, kwargs in (
        ("local", 2, {"kvstore": "local"}),
        ("device", 2, {"kvstore": "device"}),
        ("three", 3, {"kvstore": "local"}),
        ("loads", 2, {"kvstore": "local", "work_load_list": [1, 3]}),
    ):
        mx.random.seed(3)
        contexts = [ctx, mx.cpu(1), mx.cpu(2)][:count]
        model = _model(mx, _net(mx), ctx=contexts, num_epoch=2, learning_rate=0.2, momentum=0.9)
        model.fit(mx.io.NDArrayIter(x, y, 12), **kwargs)
        found[name] = _params(model)
    return found


@program(rtol=RTOL)
def batch_norm(mx, ctx):
    """Auxiliary states, the mean over devices of which is kept."""
    net = mx.sym.BatchNorm(mx.sym.Variable("data"), fix_gamma=False, name="bn")
    net = mx.sym.SoftmaxOutput(mx.sym.FullyConnected(net, num_hidden=3, name="fc"), name="softmax")
    x, y = _data(24)
    found = {}
    for name, contexts in (("one", [ctx]), ("two", [ctx, mx.cpu(1)])):
        mx.random.seed(4)
        model = _model(mx, net, ctx=contexts, num_epoch=2, learning_rate=0.2)
        model.fit(mx.io.NDArrayIter(x, y, 12))
        found[name] = [_params(model), model.predict(mx.io.NDArrayIter(x, y, 5))]
    return found


@program(rtol=RTOL)
def prediction(mx, ctx):
    x, y = _data(10)
    model = _model(
        mx,
        _net(mx),
        ctx=ctx,
        arg_params={
            "fc1_weight": mx.nd.array(numbers(8, 5)),
            "fc1_bias": mx.nd.array(numbers(8)),
            "fc2_weight": mx.nd.array(numbers(3, 8)),
            "fc2_bias": mx.nd.array(numbers(3)),
        },
        aux_params={},
    )
    iterator = mx.io.NDArrayIter(x, y, 4)
    found = {
        "array": model.predict(x),
        "nd": model.predict(mx.nd.array(x)),
        "iterator": model.predict(iterator),
        "again": model.predict(iterator, reset=True),
        "two batches": model.predict(iterator, num_batch=2),
        "data": model.predict(iterator, return_data=True),
        "other size": model.predict(mx.io.NDArrayIter(x, y, 3)),
        "kind": type(model.predict(x)).__name__,
        "score": model.score(iterator),
        "loss": model.score(iterator, "ce", num_batch=1),
        "both": model.score(iterator, ["acc", "ce"]),
    }
    seen = []
    model.score(iterator, batch_end_callback=lambda p: seen.append([p.epoch, p.nbatch]))
    found["seen"] = seen
    inner = _net(mx).get_internals()
    group = mx.sym.Group([inner["fc1_output"], inner["fc2_output"]])
    model = _model(mx, group, ctx=ctx, arg_params=model.arg_params, aux_params={}, allow_extra_params=True)
    found["several outputs"] = model.predict(x)
    return found


@program(rtol=RTOL, differs={"no epoch": "ValueError, not a failed assertion"})
def files(mx, ctx):
    x, y = _data(12)
    found = {}
    with scratch():
        mx.random.seed(5)
        model = _model(mx, _net(mx), ctx=ctx, num_epoch=1, learning_rate=0.1)
        with logged() as messages:
            model.fit(mx.io.NDArrayIter(x, y, 6), epoch_end_callback=mx.callback.do_checkpoint("saved"))
            model.save("own")
            model.save("own", 7)
        found["log"] = _plain(messages)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            again = mx.model.FeedForward.load("own", 7, ctx=ctx, num_epoch=8, learning_rate=0.1)
        found["loaded"] = [_params(again), again.begin_epoch, again.predict(x)]
        again.fit(mx.io.NDArrayIter(x, y, 6))
        found["trained on"] = _params(again)
        found["no epoch"] = outcome(lambda: _model(mx, _net(mx), arg_params={}).save("x") and None)
    return found


@program(rtol=RTOL)
def created(mx, ctx):
    x, y = _data(12)
    mx.random.seed(6)
    np.random.seed(6)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with logged(logging.INFO) as messages:
            model = mx.model.FeedForward.create(
                _net(mx), x, y, ctx=ctx, num_epoch=2, learning_rate=0.1, numpy_batch_size=4,
                eval_data=(x.tolist(), y.tolist()),
            )  # fmt: skip
    kinds = [w.category.__name__ for w in caught if "deprecated" in str(w.message)]
    return {
        "params": _params(model),
        "log": [line for line in _plain(messages) if "Validation" not in line],
        "deprecated": "DeprecationWarning" in kinds,
        "options": [model.num_epoch, model.epoch_size, model.numpy_batch_size, model.begin_epoch],
    }


@program(cpu=True, differs={"no epochs": "ValueError that names num_epoch"})
def refused(mx, ctx):
    x, y = _data(6)

    def fit(*args, **kwargs):
        _model(mx, _net(mx), num_epoch=1).fit(*args, **kwargs)

    twice = mx.sym.Variable("data") + mx.sym.Variable("data")
    return {
        "no labels": outcome(lambda: fit(x)),
        "labels": outcome(lambda: fit(x, y.tolist())),
        "rows": outcome(lambda: fit(x, y[:-1])),
        "columns": outcome(lambda: fit(x, np.zeros((6, 2)))),
        "list": outcome(lambda: fit(x.tolist(), y)),
        "eval": outcome(lambda: fit(x, y, eval_data=3)),
        "eval none": outcome(lambda: fit(x, y, eval_data=(None, None))),
        "eval rows": outcome(lambda: fit(x, y, eval_data=(x, y[:-1]))),
        "no epochs": outcome(lambda: _model(mx, _net(mx)).fit(x, y)),
        "predict": outcome(lambda: _model(mx, _net(mx), arg_params={}, aux_params={}).predict("x")),
        "twice": outcome(lambda: _model(mx, twice)),
        "optimizer": outcome(lambda: _model(mx, _net(mx), num_epoch=1, optimizer="none").fit(x, y)),
    }


@program(cpu=True)
def pickled(mx, ctx):
    x, y = _data(12)
    model = _model(mx, _net(mx), num_epoch=1, learning_rate=0.1)
    model.fit(mx.io.NDArrayIter(x, y, 6))
    before = model.predict(x)
    again = pickle.loads(pickle.dumps(model))
    return [np.array_equal(again.predict(x), before), again.num_epoch, sorted(again.arg_params)]


@program(rtol=RTOL)
def buckets(mx, ctx):
    """A symbol for each bucket key; parameters are shared. MXNet needs data of one size for all."""

    class Bucketed(mx.io.DataIter):
        default_bucket_key = 6

        def __init__(self):
            super().__init__(batch_size=4)
            self.provide_data = [("data", (4, 6))]
            self.provide_label = [("softmax_label", (4,))]
            self.reset()

        def reset(self):
            self.at = 0

        def next(self):
            if self.at == 4:
                raise StopIteration
            self.at += 1
            key = (6, 3)[self.at % 2]
            data = mx.nd.array(numbers(4, 6, shift=self.at))
            return mx.io.DataBatch(
                [data],
                [mx.nd.array([0, 1, 2, 0])],
                pad=0,
                bucket_key=key,
                provide_data=[("data", (4, 6))],
                provide_label=[("softmax_label", (4,))],
            )

    def make(key):
        net = mx.sym.slice_axis(mx.sym.Variable("data"), axis=1, begin=0, end=key)
        net = mx.sym.sum(net, axis=1, keepdims=True)
        return mx.sym.SoftmaxOutput(mx.sym.FullyConnected(net, num_hidden=3, name="fc"), name="softmax")

    mx.random.seed(7)
    model = _model(mx, make, ctx=[ctx, mx.cpu(1)], num_epoch=2, learning_rate=0.1)
    model.fit(Bucketed())
    return _params(model)
