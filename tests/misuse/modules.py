"""Module and its checkpoints."""

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
    lambda m, prefix, epoch, **a: (
        mx.model.save_checkpoint(prefix, epoch, **a),
        mx.model.load_checkpoint(prefix, epoch),
    ),
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
