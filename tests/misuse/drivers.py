"""Modules of modules, modules in Python, FeedForward and the old executor manager."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cysym as mx

from . import Rows
from .modules import DATA, LABEL, X, Y, args_of, aux_of, batch, feed, mlp, quiet, saved

ROWS = Rows()


# --- several modules ----------------------------------------------------------------------------------------
def generate(key: Any) -> Any:
    with mx.name.NameManager():
        data = mx.sym.Variable("data")
        hidden = mx.sym.FullyConnected(mx.sym.sum(data, axis=1, keepdims=True), num_hidden=3, name="fc")
        return mx.sym.SoftmaxOutput(hidden, name="softmax"), ("data",), ("softmax_label",)


def bucketed(folder: Path) -> Any:
    made = mx.mod.BucketingModule(generate, 4)
    made.bind(DATA, LABEL)
    made.init_params(mx.init.One())
    made.init_optimizer()
    return made


def bucket_batch(key: int = 2) -> Any:
    return mx.io.DataBatch(
        [mx.nd.ones((2, key))],
        [mx.nd.zeros((2,))],
        bucket_key=key,
        provide_data=[("data", (2, key))],
        provide_label=[("softmax_label", (2,))],
    )


def through(module: Any) -> Any:
    for key in (4, 2):
        module.forward(bucket_batch(key))
        module.backward()
        module.update()
    return module.get_outputs(), module.get_params()


def bucket_values(module: Any) -> Any:
    module.switch_bucket(4, None)
    return module.get_params(), module.data_shapes, module.output_shapes


def assembled(_: Any, **a: Any) -> Any:
    made = mx.mod.BucketingModule(**a)
    made.bind(DATA, LABEL)
    made.init_params(mx.init.One())
    made.init_optimizer()
    return made.get_params(), made.data_shapes, made.output_shapes


ROWS.on(
    "BucketingModule",
    lambda f: None,
    quiet(assembled),
    lambda _: {
        "sym_gen": generate,
        "default_bucket_key": 4,
        "context": mx.cpu(),
        "work_load_list": None,
        "fixed_param_names": ["fc_bias"],
        "state_names": None,
        "group2ctxs": None,
        "compression_params": None,
    },
)


def of_buckets(name: str, args: Any, call: Any = None, raises: Any = ()) -> None:
    call = call or (lambda m, **a: (getattr(m, name)(**a), bucket_values(m)))
    ROWS.on(f"BucketingModule.{name}", bucketed, quiet(call), args, bucket_values, raises)


of_buckets("switch_bucket", {"bucket_key": 2, "data_shapes": [("data", (2, 2))], "label_shapes": LABEL})
of_buckets("forward", lambda m: {"data_batch": bucket_batch(3), "is_train": True})
of_buckets("prepare", lambda m: {"data_batch": bucket_batch(3), "sparse_row_id_fn": None})
of_buckets(
    "forward(batch)",
    lambda m: {
        "data": [mx.nd.ones((2, 3))],
        "label": [mx.nd.zeros((2,))],
        "bucket_key": 3,
        "provide_data": [("data", (2, 3))],
        "provide_label": LABEL,
    },
    lambda m, **a: (m.forward(mx.io.DataBatch(**a)), through(m)),
)
ROWS.on(
    "BucketingModule.bind",
    lambda f: mx.mod.BucketingModule(generate, 4),
    quiet(lambda m, **a: (m.bind(**a), m.output_shapes)),
    {"data_shapes": DATA, "label_shapes": LABEL, "force_rebind": True, "grad_req": "write"},
)
of_buckets(
    "set_params",
    lambda m: {
        "arg_params": {"fc_weight": mx.nd.ones((3, 1)), "fc_bias": mx.nd.ones((3,))},
        "aux_params": {},
        "allow_missing": False,
    },
    raises=(RuntimeError,),
)
of_buckets(
    "init_optimizer", {"kvstore": "local", "optimizer": "adam", "optimizer_params": (), "force_init": True}
)
of_buckets(
    "update_metric",
    lambda m: {"eval_metric": mx.metric.Accuracy(), "labels": [mx.nd.zeros((2,))]},
    lambda m, eval_metric, labels: (
        m.forward(bucket_batch()),
        m.update_metric(eval_metric, labels),
        eval_metric,
    ),
)
of_buckets("install_monitor", lambda m: {"mon": mx.mon.Monitor(1)})


def chain(folder: Path) -> Any:
    made = mx.mod.SequentialModule()
    with mx.name.NameManager():
        first = mx.sym.FullyConnected(mx.sym.Variable("data"), num_hidden=4, name="first")
    made.add(mx.mod.Module(first, label_names=None))
    return made


def chained(m: Any) -> Any:
    m.bind(DATA, LABEL)
    m.init_params(mx.init.One())
    m.init_optimizer()
    m.forward_backward(batch())
    m.update()
    return m.get_outputs(), m.get_params()


ROWS.on(
    "SequentialModule.add",
    chain,
    quiet(lambda m, **a: (m.add(**a), m.output_names)),
    lambda m: {"module": mx.mod.Module(mlp()), "take_labels": True, "auto_wiring": True},
)


def linked(folder: Path) -> Any:
    made = chain(folder)
    return made.add(mx.mod.Module(mlp()), take_labels=True, auto_wiring=True)


ROWS.on(
    "SequentialModule.bind",
    linked,
    quiet(lambda m, **a: (m.bind(**a), m.output_shapes)),
    {
        "data_shapes": DATA,
        "label_shapes": LABEL,
        "for_training": True,
        "inputs_need_grad": False,
        "force_rebind": False,
        "shared_module": None,
        "grad_req": "write",
    },
)
ROWS.on(
    "SequentialModule.init_params",
    lambda f: (m := linked(f), m.bind(DATA, LABEL))[0],
    quiet(lambda m, **a: (m.init_params(**a), m.get_params())),
    lambda m: {
        "initializer": mx.init.One(),
        "arg_params": args_of(),
        "aux_params": aux_of(),
        "allow_missing": True,
        "force_init": False,
    },
    raises=(RuntimeError,),
)


def losing(folder: Path) -> Any:
    made = mx.mod.PythonLossModule(data_names=["data"], grad_func=lambda scores, labels: scores - 1)
    made.bind([("data", (2, 3))], LABEL)
    made.init_params()
    return made


ROWS.on(
    "PythonLossModule",
    lambda f: None,
    lambda _, **a: (
        m := mx.mod.PythonLossModule(**a),
        m.bind([("data", (2, 4))], LABEL),
        m.init_params(),
        m.forward(batch()),
        m.get_outputs(),
        m.backward(),
        m.get_input_grads(),
    )[4:],
    lambda _: {
        "name": "loss",
        "data_names": ["data"],
        "label_names": ["softmax_label"],
        "grad_func": lambda s, y: s + 1,
    },
)
ROWS.on(
    "PythonLossModule.forward",
    losing,
    lambda m, **a: (m.forward(**a), m.get_outputs()),
    lambda m: {"data_batch": batch(), "is_train": True},
)
ROWS.on(
    "PythonModule.bind",
    lambda f: mx.mod.PythonLossModule(),
    lambda m, **a: (m.bind(**a), m.data_shapes, m.label_shapes),
    {
        "data_shapes": [("data", (2, 3))],
        "label_shapes": LABEL,
        "for_training": True,
        "inputs_need_grad": False,
        "force_rebind": False,
        "shared_module": None,
        "grad_req": "write",
    },
    lambda m: m.binded,
)


# --- FeedForward --------------------------------------------------------------------------------------------
def forward_net(folder: Path | None) -> Any:
    made = mx.model.FeedForward(
        mlp(), num_epoch=1, arg_params=args_of(), aux_params=aux_of(), numpy_batch_size=2, learning_rate=0.1
    )
    made.folder = folder
    return made


def feed_values(m: Any) -> Any:
    return m.arg_params, m.aux_params


ROWS.on(
    "FeedForward",
    lambda f: None,
    quiet(lambda _, **a: (m := mx.model.FeedForward(**a), m.fit(X, Y), feed_values(m))[-1]),
    lambda _: {
        "symbol": mlp(),
        "ctx": [mx.cpu()],
        "num_epoch": 1,
        "epoch_size": None,
        "optimizer": "sgd",
        "initializer": mx.init.One(),
        "numpy_batch_size": 2,
        "arg_params": args_of(),
        "aux_params": aux_of(),
        "allow_extra_params": False,
        "begin_epoch": 0,
        "learning_rate": 0.1,
    },
    endless=("num_epoch", "epoch_size"),
)
ROWS.on(
    "FeedForward.fit",
    forward_net,
    quiet(lambda m, **a: (m.fit(**a), feed_values(m))),
    lambda m: {
        "X": X,
        "y": Y,
        "eval_data": (X, Y),
        "eval_metric": "acc",
        "epoch_end_callback": lambda *a: None,
        "batch_end_callback": lambda p: None,
        "kvstore": "local",
        "work_load_list": None,
        "monitor": None,
        "eval_end_callback": lambda p: None,
        "eval_batch_end_callback": lambda p: None,
    },
)
ROWS.on(
    "FeedForward.predict",
    forward_net,
    quiet(lambda m, **a: m.predict(**a)),
    lambda m: {"X": X, "num_batch": 2, "return_data": False, "reset": True},
    feed_values,
)
ROWS.on(
    "FeedForward.score",
    forward_net,
    quiet(lambda m, **a: m.score(**a)),
    lambda m: {
        "X": feed(),
        "eval_metric": "acc",
        "num_batch": 2,
        "batch_end_callback": lambda p: None,
        "reset": True,
    },
    feed_values,
)
ROWS.on(
    "FeedForward.save",
    forward_net,
    quiet(lambda m, **a: m.save(**a)),
    lambda m: {"prefix": str(m.folder / "p"), "epoch": 1, "remove_amp_cast": True},
    feed_values,
)
ROWS.on(
    "FeedForward.load",
    saved,
    quiet(lambda m, **a: feed_values(mx.model.FeedForward.load(**a))),
    lambda m: {"prefix": str(m.folder / "good"), "epoch": 1, "ctx": mx.cpu()},
)


# --- the old manager ----------------------------------------------------------------------------------------
def manager_args() -> dict[str, Any]:
    return {
        "symbol": mlp(),
        "ctx": [mx.cpu()],
        "train_data": feed(),
        "arg_names": mlp().list_arguments(),
        "param_names": list(args_of()),
        "aux_names": list(aux_of()),
        "work_load_list": [1],
        "sym_gen": None,
    }


def manages(m: Any) -> Any:
    m.set_params(args_of(), aux_of())
    m.load_data_batch(batch())
    m.forward(is_train=True)
    m.backward()
    return m.grad_arrays


def manager(folder: Path) -> Any:
    a = manager_args()
    made = mx.executor_manager.DataParallelExecutorManager(
        a["symbol"], a["ctx"], a["train_data"], a["arg_names"], a["param_names"], a["aux_names"]
    )
    made.set_params(args_of(), aux_of())
    return made


ROWS.on(
    "DataParallelExecutorManager",
    lambda f: None,
    quiet(lambda _, **a: manages(mx.executor_manager.DataParallelExecutorManager(**a))),
    lambda _: manager_args(),
)
ROWS.on(
    "DataParallelExecutorManager.set_params",
    manager,
    lambda m, **a: (m.set_params(**a), manages(m)),
    lambda m: {"arg_params": args_of(), "aux_params": aux_of()},
)
ROWS.on(
    "DataParallelExecutorManager.load_data_batch",
    manager,
    lambda m, **a: (m.load_data_batch(**a), m.forward(), manages(m)),
    lambda m: {"data_batch": batch()},
)
ROWS.on(
    "DataParallelExecutorManager.copy_to",
    manager,
    lambda m, arg_params, aux_params: (m.copy_to(arg_params, aux_params), arg_params, aux_params),
    lambda m: {"arg_params": args_of(), "aux_params": aux_of()},
)
