"""Metrics, initializers, callbacks and monitors."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

import cysym as mx

from . import Rows
from .optimizers import defaults

ROWS = Rows()
SCORES = np.array([[0.1, 0.7, 0.2], [0.8, 0.1, 0.1], [0.3, 0.3, 0.4], [0.2, 0.5, 0.3]], np.float32)
CLASSES = np.array([1, 0, 1, 2], np.float32)
BINARY = np.array([[0.3, 0.7], [0.8, 0.2], [0.6, 0.4], [0.2, 0.8]], np.float32)
SIGNS = np.array([1, 0, 1, 1], np.float32)
METRICS: dict[str, tuple[dict[str, Any], Any, Any]] = {
    "Accuracy": ({}, CLASSES, SCORES),
    "TopKAccuracy": ({"top_k": 2}, CLASSES, SCORES),
    "F1": ({}, SIGNS, BINARY),
    "MCC": ({}, SIGNS, BINARY),
    "Perplexity": ({"ignore_label": None}, CLASSES, SCORES),
    "MAE": ({}, SCORES + 1, SCORES),
    "MSE": ({}, SCORES + 1, SCORES),
    "RMSE": ({}, SCORES + 1, SCORES),
    "CrossEntropy": ({}, CLASSES, SCORES),
    "NegativeLogLikelihood": ({}, CLASSES, SCORES),
    "PearsonCorrelation": ({}, SCORES**2, SCORES),
    "PCC": ({}, CLASSES, SCORES),
    "Loss": ({}, CLASSES, SCORES),
}


def shown(metric: Any) -> Any:
    return metric.get(), metric.get_global(), metric.get_name_value()


def fed(metric: Any, label: Any, pred: Any) -> Any:
    metric.update([mx.nd.array(label)], [mx.nd.array(pred)])
    return shown(metric)


for name, (args, label, pred) in METRICS.items():
    cls = getattr(mx.metric, name)

    def build(f: Any, cls: Any = cls, args: Any = args, label: Any = label, pred: Any = pred) -> Any:
        made = cls(**args)
        made.update([mx.nd.array(label)], [mx.nd.array(pred)])
        return made

    ROWS.on(
        f"metric.{name}",
        lambda f: None,
        lambda _, cls=cls, label=label, pred=pred, **a: fed(cls(**a), label, pred),
        {**defaults(cls), **args},
    )
    ROWS.on(
        f"{name}.update",
        build,
        lambda m, **a: (m.update(**a), shown(m)),
        lambda m, label=label, pred=pred: {"labels": [mx.nd.array(label)], "preds": [mx.nd.array(pred)]},
        shown,
    )
    ROWS.on(
        f"{name}.update(one)",
        build,
        lambda m, label, pred: (m.update([label], [pred]), shown(m)),
        lambda m, label=label, pred=pred: {"label": mx.nd.array(label), "pred": mx.nd.array(pred)},
        shown,
    )
    ROWS.on(
        f"{name}.update_dict",
        build,
        lambda m, **a: (m.update_dict(**a), shown(m)),
        lambda m, label=label, pred=pred: {
            "label": {"l": mx.nd.array(label)},
            "pred": {"p": mx.nd.array(pred)},
        },
        shown,
    )
ROWS.on(
    "metric.CompositeEvalMetric",
    lambda f: None,
    lambda _, **a: fed(mx.metric.CompositeEvalMetric(**a), CLASSES, SCORES),
    {"metrics": ["acc", "ce"], "name": "composite", "output_names": None, "label_names": None},
)


def both(folder: Path) -> Any:
    return mx.metric.CompositeEvalMetric(["acc", "ce"])


ROWS.on(
    "CompositeEvalMetric.add", both, lambda m, **a: (m.add(**a), len(m.metrics)), {"metric": "acc"}, shown
)
ROWS.on("CompositeEvalMetric.get_metric", both, lambda m, **a: m.get_metric(**a), {"index": 1}, shown)
ROWS.on(
    "CompositeEvalMetric.update",
    both,
    lambda m, **a: (m.update(**a), shown(m)),
    lambda m: {"labels": [mx.nd.array(CLASSES)], "preds": [mx.nd.array(SCORES)]},
    shown,
)


def feval(label: Any, pred: Any) -> Any:
    return float(np.abs(pred).sum())


ROWS.on(
    "metric.CustomMetric",
    lambda f: None,
    lambda _, **a: fed(mx.metric.CustomMetric(**a), CLASSES, SCORES),
    {"feval": feval, "name": "n", "allow_extra_outputs": False, "output_names": None, "label_names": None},
)
ROWS.on(
    "CustomMetric.update",
    lambda f: mx.metric.CustomMetric(feval),
    lambda m, **a: (m.update(**a), shown(m)),
    lambda m: {"labels": [mx.nd.array(CLASSES)], "preds": [mx.nd.array(SCORES)]},
    shown,
)
ROWS.on(
    "metric.np",
    lambda f: None,
    lambda _, **a: fed(mx.metric.np(**a), CLASSES, SCORES),
    {"numpy_feval": feval, "name": "n", "allow_extra_outputs": False},
)
ROWS.on(
    "metric.create",
    lambda f: None,
    lambda _, metric, **a: fed(mx.metric.create(metric, **a), CLASSES, SCORES),
    {"metric": "acc", "name": "n"},
)
ROWS.on(
    "metric.create(list)",
    lambda f: None,
    lambda _, **a: fed(mx.metric.create(**a), CLASSES, SCORES),
    {"metric": ["acc", "ce"]},
)
ROWS.call(
    "metric.check_label_shapes",
    mx.metric.check_label_shapes,
    labels=[mx.nd.ones((2,))],
    preds=[mx.nd.ones((2,))],
    wrap=True,
    shape=False,
)

# --- initializers -------------------------------------------------------------------------------------------
INITIALIZERS: dict[str, dict[str, Any]] = {
    "Zero": {},
    "One": {},
    "Constant": {"value": 2.0},
    "Uniform": {"scale": 0.1},
    "Normal": {"sigma": 0.1},
    "Orthogonal": {"scale": 1.4, "rand_type": "uniform"},
    "LSTMBias": {"forget_bias": 1.0},
    "Bilinear": {},
    "Xavier": {"rnd_type": "uniform", "factor_type": "avg", "magnitude": 3},
    "MSRAPrelu": {"factor_type": "avg", "slope": 0.25},
}


def fills(init: Any, shape: Any = (4, 2, 3, 3), name: str = "fc_weight") -> Any:
    out = mx.nd.zeros(shape)
    init(mx.init.InitDesc(name), out)
    return out, init.dumps() if hasattr(init, "dumps") else None


for name, args in INITIALIZERS.items():
    cls = getattr(mx.init, name)
    ROWS.on(f"init.{name}", lambda f: None, lambda _, cls=cls, **a: fills(cls(**a)), args)
    ROWS.on(
        f"{name}()",
        lambda f, cls=cls, args=args: cls(**args),
        lambda i, desc, arr: (i(desc, arr), arr)[1],
        lambda i: {"desc": mx.init.InitDesc("fc_weight"), "arr": mx.nd.zeros((4, 2, 3, 3))},
    )
ROWS.on(
    "init.InitDesc",
    lambda f: mx.init.Zero(),
    lambda i, **a: (d := mx.init.InitDesc(**a), i(d, o := mx.nd.ones((2,))), o)[2],
    {"name": "fc_weight", "attrs": {"__init__": '["one", {}]'}, "global_init": None},
)
ROWS.on(
    "init.Load",
    lambda f: None,
    lambda _, **a: fills(mx.init.Load(**a), (2, 3)),
    lambda _: {
        "param": {"arg:fc_weight": mx.nd.ones((2, 3))},
        "default_init": mx.init.One(),
        "verbose": False,
    },
)
ROWS.on(
    "init.Mixed",
    lambda f: None,
    lambda _, **a: fills(mx.init.Mixed(**a)),
    lambda _: {"patterns": [".*bias", ".*"], "initializers": [mx.init.Zero(), mx.init.One()]},
)
ROWS.on(
    "init.FusedRNN",
    lambda f: None,
    lambda _, **a: type(mx.init.FusedRNN(**a)).__name__,
    {
        "init": mx.init.One(),
        "num_hidden": 3,
        "num_layers": 1,
        "mode": "lstm",
        "bidirectional": False,
        "forget_bias": 1.0,
    },
)
ROWS.on(
    "Initializer.set_verbosity",
    lambda f: mx.init.One(),
    lambda i, **a: fills(i.set_verbosity(**a)),
    {"verbose": True, "print_func": lambda x: ""},
)
ROWS.call("init.register", mx.init.register, klass=mx.init.One)
if hasattr(mx.init, "create"):
    ROWS.on(
        "init.create",
        lambda f: None,
        lambda _, name, **a: fills(mx.init.create(name, **a)),
        {"name": "uniform", "scale": 0.1},
    )


# --- callbacks ----------------------------------------------------------------------------------------------
def event(**changes: Any) -> Any:
    metric = mx.metric.Accuracy()
    metric.update([mx.nd.array(CLASSES)], [mx.nd.array(SCORES)])
    return SimpleNamespace(**{"epoch": 0, "nbatch": 3, "eval_metric": metric, "locals": None, **changes})


ROWS.on(
    "callback.Speedometer",
    lambda f: None,
    lambda _, **a: (s := mx.callback.Speedometer(**a), [s(event(nbatch=i)) for i in range(5)])[1],
    {"batch_size": 4, "frequent": 2, "auto_reset": True},
)
ROWS.on(
    "callback.ProgressBar",
    lambda f: None,
    lambda _, **a: mx.callback.ProgressBar(**a)(event()),
    {"total": 10, "length": 20},
)
ROWS.on(
    "callback.log_train_metric",
    lambda f: None,
    lambda _, **a: mx.callback.log_train_metric(**a)(event()),
    {"period": 3, "auto_reset": False},
)
ROWS.on(
    "callback.do_checkpoint",
    lambda f: f,
    lambda f, prefix, period: (
        mx.callback.do_checkpoint(prefix, period)(1, mx.sym.Variable("x"), {"x": mx.nd.ones((1,))}, {}),
        sorted(p.name for p in f.glob("good*")),
    )[1],
    lambda f: {"prefix": str(f / "good"), "period": 1},
)
ROWS.on(
    "callback.module_checkpoint",
    lambda f: f,
    lambda f, **a: type(mx.callback.module_checkpoint(**a)).__name__,
    lambda f: {
        "mod": mx.mod.Module(mx.sym.Variable("data")),
        "prefix": str(f / "good"),
        "period": 1,
        "save_optimizer_states": False,
    },
)


# --- monitors -----------------------------------------------------------------------------------------------
def watched(_: Any, **a: Any) -> Any:
    with mx.name.NameManager():
        net = mx.sym.tanh(mx.sym.Variable("x"), name="t")
    bound = net.simple_bind(mx.cpu(), x=(2, 3))
    monitor = mx.mon.Monitor(**a)
    monitor.install(bound)
    try:
        monitor.tic()
        bound.forward()
        return monitor.toc()
    finally:
        monitor.uninstall(bound) if hasattr(monitor, "uninstall") else None


ROWS.on(
    "Monitor",
    lambda f: None,
    watched,
    {"interval": 1, "stat_func": lambda x: x, "pattern": ".*", "sort": True, "monitor_all": True},
)
ROWS.on(
    "Monitor.install",
    lambda f: mx.mon.Monitor(1),
    lambda m, **a: (m.install(**a), len(m.exes)),
    lambda m: {"exe": mx.sym.Variable("x").simple_bind(mx.cpu(), x=(1,))},
    lambda m: len(m.exes),
)
