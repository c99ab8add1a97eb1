"""Modules of every kind, FeedForward, checkpoints and the old executor manager."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np

import cysym as mx

from . import Rows

ROWS = Rows()
X = np.linspace(-1, 1, 24).reshape(6, 4).astype("float32")
Y = np.array([0, 1, 2, 0, 1, 2], np.float32)
DATA, LABEL = [("data", (2, 4))], [("softmax_label", (2,))]


def mlp(bucket: Any = None) -> Any:
    with mx.name.NameManager():
        hidden = mx.sym.FullyConnected(mx.sym.Variable("data"), num_hidden=3, name="fc")
        return mx.sym.SoftmaxOutput(mx.sym.BatchNorm(hidden, name="bn"), name="softmax")


def feed(rows: int = 6) -> Any:
    return mx.io.NDArrayIter(X[:rows], Y[:rows], 2)


def batch() -> Any:
    return mx.io.DataBatch([mx.nd.array(X[:2])], [mx.nd.array(Y[:2])])


def args_of() -> dict[str, Any]:
    return {
        "fc_weight": mx.nd.array(np.linspace(-1, 1, 12).reshape(3, 4)),
        "fc_bias": mx.nd.zeros((3,)),
        "bn_gamma": mx.nd.ones((3,)),
        "bn_beta": mx.nd.zeros((3,)),
    }


def aux_of() -> dict[str, Any]:
    return {"bn_moving_mean": mx.nd.zeros((3,)), "bn_moving_var": mx.nd.ones((3,))}


def plain(folder: Path | None = None) -> Any:
    made = mx.mod.Module(mlp())
    made.folder = folder
    return made


def bound(folder: Path | None = None) -> Any:
    made = plain(folder)
    made.bind(DATA, LABEL, inputs_need_grad=True)
    return made


def filled(folder: Path | None = None) -> Any:
    made = bound(folder)
    made.init_params(None, args_of(), aux_of())
    return made


def ready(folder: Path | None = None) -> Any:
    made = filled(folder)
    made.init_optimizer(optimizer="sgd", optimizer_params={"learning_rate": 0.5, "momentum": 0.9})
    made.forward_backward(batch())
    made.update()
    made.forward_backward(batch())
    return made


def saved(folder: Path) -> Any:
    made = ready(folder)
    made.save_checkpoint(str(folder / "good"), 1, save_optimizer_states=True)
    return made


def values(module: Any) -> Any:
    """Whatever of it can be asked."""
    found: list[Any] = [
        module.binded,
        module.params_initialized,
        module.optimizer_initialized,
        module.for_training,
    ]
    if module.binded:
        found += [module.data_shapes, module.label_shapes, module.output_shapes]
    if module.params_initialized:
        found += [dict(sorted(d.items())) for d in module.get_params()]
    if getattr(module, "folder", None) is not None:
        found.append(sorted(p.name for p in module.folder.iterdir() if p.name.startswith("good")))
    return found


def goes(module: Any) -> Any:
    """What the module computes."""
    if not module.params_initialized:
        module.init_params(None, args_of(), aux_of())
    module.forward(batch(), is_train=False)
    return module.get_outputs(), values(module)


def train(module: Any) -> Any:
    if not module.optimizer_initialized:
        module.init_optimizer()
    module.forward_backward(batch())
    module.update()
    return goes(module)


def quiet(call: Any) -> Any:
    def made(*args: Any, **kwargs: Any) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return call(*args, **kwargs)

    return made


def own(name: str, make: Any, args: Any, call: Any = None, **more: Any) -> None:
    call = call or (lambda m, **a: (getattr(m, name)(**a), values(m)))
    more.setdefault("state", values)
    ROWS.on(f"Module.{name}", make, quiet(call), args, **more)


# --- Module -------------------------------------------------------------------------------------------------
def constructed(_: Any, **a: Any) -> Any:
    made = mx.mod.Module(**a)
    return made.data_names, made.label_names, made.output_names, made._param_names


ROWS.on(
    "Module",
    lambda f: None,
    quiet(constructed),
    lambda _: {
        "symbol": mlp(),
        "data_names": ("data",),
        "label_names": ["softmax_label"],
        "context": [mx.cpu()],
        "work_load_list": [1],
        "fixed_param_names": ["fc_bias"],
        "state_names": None,
        "group2ctxs": None,
        "compression_params": None,
    },
)
own(
    "bind",
    plain,
    {
        "data_shapes": DATA,
        "label_shapes": LABEL,
        "for_training": True,
        "inputs_need_grad": True,
        "force_rebind": False,
        "grad_req": "write",
    },
)
own(
    "bind(shared)",
    plain,
    lambda m: {
        "data_shapes": DATA,
        "label_shapes": LABEL,
        "shared_module": filled(),
        "grad_req": {"fc_weight": "add"},
    },
    lambda m, **a: (m.bind(**a), values(m)),
)
own(
    "init_params",
    bound,
    lambda m: {
        "initializer": mx.init.Uniform(0.1),
        "arg_params": args_of(),
        "aux_params": aux_of(),
        "allow_missing": True,
        "force_init": False,
        "allow_extra": False,
    },
)
for missing in (False, True):
    own(
        f"set_params({missing})",
        filled,
        lambda m, missing=missing: {
            "arg_params": args_of(),
            "aux_params": aux_of(),
            "allow_missing": missing,
            "force_init": True,
            "allow_extra": False,
        },
        lambda m, **a: (m.set_params(**a), goes(m)),
        raises=(RuntimeError,),
    )
own(
    "init_optimizer",
    filled,
    lambda m: {
        "kvstore": "local",
        "optimizer": "sgd",
        "optimizer_params": {"learning_rate": 0.1},
        "force_init": False,
    },
    lambda m, **a: (m.init_optimizer(**a), m.optimizer_initialized),
)
own(
    "init_optimizer(objects)",
    filled,
    lambda m: {"kvstore": mx.kv.create("device"), "optimizer": mx.optimizer.SGD(), "optimizer_params": ()},
    lambda m, **a: (m.init_optimizer(**a), train(m)),
)
own(
    "reshape",
    ready,
    {"data_shapes": [("data", (3, 4))], "label_shapes": [("softmax_label", (3,))]},
    lambda m, **a: (m.reshape(**a), train(m)),
)
own(
    "forward",
    ready,
    lambda m: {"data_batch": batch(), "is_train": True},
    lambda m, **a: (m.forward(**a), m.get_outputs()),
)
own(
    "forward(list)",
    ready,
    lambda m: {"data_batch": [batch()]},
    lambda m, **a: (m.forward(**a), m.get_outputs()),
)
own(
    "forward(data)",
    ready,
    lambda m: {"data": [mx.nd.array(X[:2])], "label": [mx.nd.array(Y[:2])]},
    lambda m, **a: (m.forward(mx.io.DataBatch(**a), is_train=True), m.get_outputs()),
)
own(
    "backward",
    ready,
    lambda m: {"out_grads": [mx.nd.ones((2, 3))]},
    lambda m, **a: (m.backward(**a), m.get_input_grads()),
)
own(
    "prepare",
    ready,
    lambda m: {"data_batch": batch(), "sparse_row_id_fn": None},
    lambda m, **a: m.prepare(**a),
)
own("get_outputs", ready, {"merge_multi_context": True}, lambda m, **a: m.get_outputs(**a))
own("get_input_grads", ready, {"merge_multi_context": True}, lambda m, **a: m.get_input_grads(**a))
own(
    "update_metric",
    ready,
    lambda m: {"eval_metric": mx.metric.Accuracy(), "labels": [mx.nd.array(Y[:2])], "pre_sliced": False},
    lambda m, eval_metric, **a: (m.update_metric(eval_metric, **a), eval_metric),
)
own(
    "install_monitor",
    ready,
    lambda m: {"mon": mx.mon.Monitor(1)},
    lambda m, **a: (m.install_monitor(**a), goes(m)),
)
own(
    "borrow_optimizer",
    filled,
    lambda m: {"shared_module": ready()},
    lambda m, **a: (m.borrow_optimizer(**a), train(m)),
)


def with_states(folder: Path) -> Any:
    with mx.name.NameManager():
        net = mx.sym.Variable("data") * mx.sym.Variable("s")
    made = mx.mod.Module(net, label_names=None, state_names=["s"])
    made.bind([("data", (2, 4))], for_training=False)
    made.init_params()
    return made


own(
    "set_states",
    with_states,
    lambda m: {"states": [mx.nd.ones((2, 4))]},
    lambda m, **a: (m.set_states(**a), m.get_states()),
    state=lambda m: m.get_states(),
)
own(
    "set_states(value)",
    with_states,
    lambda m: {"value": 3},
    lambda m, **a: (m.set_states(**a), m.get_states()),
    state=lambda m: m.get_states(),
)
own("get_states", with_states, {"merge_multi_context": True}, lambda m, **a: m.get_states(**a))
own(
    "fit",
    filled,
    lambda m: {
        "train_data": feed(),
        "eval_data": feed(4),
        "eval_metric": "acc",
        "epoch_end_callback": lambda *a: None,
        "batch_end_callback": [lambda *a: None],
        "kvstore": "local",
        "optimizer": "sgd",
        "optimizer_params": (("learning_rate", 0.1),),
        "eval_end_callback": lambda *a: None,
        "eval_batch_end_callback": lambda *a: None,
        "initializer": mx.init.One(),
        "arg_params": args_of(),
        "aux_params": aux_of(),
        "allow_missing": False,
        "force_rebind": False,
        "force_init": False,
        "begin_epoch": 0,
        "num_epoch": 1,
        "validation_metric": "ce",
        "monitor": None,
        "sparse_row_id_fn": None,
    },
    lambda m, **a: (m.fit(**a), goes(m)),
    state=lambda m: m.data_shapes,
    endless=("num_epoch",),
    raises=(RuntimeError,),
)
own(
    "score",
    ready,
    lambda m: {
        "eval_data": feed(),
        "eval_metric": "acc",
        "num_batch": 2,
        "batch_end_callback": lambda p: None,
        "score_end_callback": lambda p: None,
        "reset": True,
        "epoch": 0,
        "sparse_row_id_fn": None,
    },
    lambda m, **a: m.score(**a),
    state=lambda m: m.get_params(),
)
own(
    "predict",
    ready,
    lambda m: {
        "eval_data": feed(),
        "num_batch": 2,
        "merge_batches": True,
        "reset": True,
        "always_output_list": False,
    },
    lambda m, **a: m.predict(**a),
    state=lambda m: m.get_params(),
)
own(
    "iter_predict",
    ready,
    lambda m: {"eval_data": feed(), "num_batch": 2, "reset": True},
    lambda m, **a: [o for o, _, _ in m.iter_predict(**a)],
    state=lambda m: m.get_params(),
)


# --- files --------------------------------------------------------------------------------------------------
own(
    "save_checkpoint",
    saved,
    lambda m: {
        "prefix": str(m.folder / "p"),
        "epoch": 3,
        "save_optimizer_states": True,
        "remove_amp_cast": True,
    },
)
own("save_params", saved, lambda m: {"fname": str(m.folder / "p")})
own("load_params", saved, lambda m: {"fname": str(m.folder / "good-0001.params")})
own("save_optimizer_states", saved, lambda m: {"fname": str(m.folder / "p")})
own(
    "load_optimizer_states",
    saved,
    lambda m: {"fname": str(m.folder / "good-0001.states")},
    lambda m, **a: (m.load_optimizer_states(**a), train(m)),
)


def reloaded(m: Any, **a: Any) -> Any:
    made = mx.mod.Module.load(**a)
    made.bind(DATA, LABEL)
    made.init_optimizer(optimizer="sgd", optimizer_params={"learning_rate": 0.5, "momentum": 0.9})
    return train(made)


own(
    "load",
    saved,
    lambda m: {
        "prefix": str(m.folder / "good"),
        "epoch": 1,
        "load_optimizer_states": True,
        "context": mx.cpu(),
    },
    reloaded,
)
ROWS.on(
    "model.load_checkpoint",
    saved,
    lambda m, **a: mx.model.load_checkpoint(**a),
    lambda m: {"prefix": str(m.folder / "good"), "epoch": 1},
)
ROWS.on(
    "model.load_params",
    saved,
    lambda m, **a: mx.model.load_params(**a),
    lambda m: {"prefix": str(m.folder / "good"), "epoch": 1},
)
ROWS.on(
    "model.save_checkpoint",
    saved,
    lambda m, prefix, **a: (mx.model.save_checkpoint(prefix, **a), mx.model.load_checkpoint(prefix, 2)),
    lambda m: {
        "prefix": str(m.folder / "p"),
        "epoch": 2,
        "symbol": mlp(),
        "arg_params": args_of(),
        "aux_params": aux_of(),
        "remove_amp_cast": True,
    },
    values,
)


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
    lambda m: {"X": feed(), "eval_metric": "acc", "num_batch": 2, "batch_end_callback": None, "reset": True},
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
