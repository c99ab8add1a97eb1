"""Optimizers, updaters and learning rate schedules."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import numpy as np

import cysym as mx

from . import Rows

ROWS = Rows()
CLASSES = (
    "SGD",
    "NAG",
    "SGLD",
    "Signum",
    "FTML",
    "DCASGD",
    "LBSGD",
    "LARS",
    "LAMB",
    "Adam",
    "AdaGrad",
    "RMSProp",
    "AdaDelta",
    "Ftrl",
    "Adamax",
    "Nadam",
)
BASE = {
    "rescale_grad": 0.5,
    "param_idx2name": {0: "w"},
    "wd": 0.01,
    "clip_gradient": 3.0,
    "learning_rate": 0.1,
    "begin_num_update": 0,
    "multi_precision": False,
    "param_dict": {},
}


def weight(dtype: str = "float32") -> Any:
    return mx.nd.array(np.linspace(-1, 1, 6).reshape(2, 3), dtype=dtype)


def grad(dtype: str = "float32") -> Any:
    return mx.nd.array(np.linspace(-2, 1, 6).reshape(2, 3), dtype=dtype)


def steps(optimizer: Any) -> Any:
    w, updater = weight(), mx.optimizer.get_updater(optimizer)
    for _ in range(2):
        updater(0, grad(), w)
    return w


def defaults(cls: Any) -> dict[str, Any]:
    found = {n: p.default for n, p in inspect.signature(cls.__init__).parameters.items()}
    return {n: v for n, v in found.items() if v is not inspect.Parameter.empty}


for name in CLASSES:
    args = defaults(getattr(mx.optimizer, name))
    args["clip_gradient"] = 2.0
    if name == "Signum":
        args["wd_lh"] = 0.1
    ROWS.on(
        f"optimizer.{name}",
        lambda f: None,
        lambda _, name=name, **a: steps(getattr(mx.optimizer, name)(**a)),
        args,
    )
ROWS.on(
    "optimizer.SGD(base)", lambda f: None, lambda _, **a: steps(mx.optimizer.SGD(momentum=0.9, **a)), BASE
)
ROWS.on(
    "optimizer.SGD(scheduler)",
    lambda f: None,
    lambda _, **a: steps(mx.optimizer.SGD(**a)),
    lambda _: {"lr_scheduler": mx.lr_scheduler.FactorScheduler(1, 0.5), "sym": mx.sym.Variable("w")},
)
ROWS.on(
    "optimizer.create",
    lambda f: None,
    lambda _, name, **a: steps(mx.optimizer.create(name, **a)),
    {"name": "sgd", "learning_rate": 0.1},
)
ROWS.call("optimizer.get_updater", mx.optimizer.get_updater, optimizer=mx.optimizer.SGD())
ROWS.call("optimizer.register", mx.optimizer.register, klass=mx.optimizer.SGD)


# --- one update ---------------------------------------------------------------------------------------------
class Step:
    """An optimizer with a weight, and the state that belongs to it."""

    def __init__(self, name: str, precision: bool = False) -> None:
        self.optimizer = mx.optimizer.create(name, learning_rate=0.1, multi_precision=precision)
        self.w = weight("float16" if precision else "float32")
        self.g = grad("float16" if precision else "float32")
        self.s = self.optimizer.create_state_multi_precision(0, self.w)

    def __call__(self, **a: Any) -> Any:
        self.optimizer.update_multi_precision(**a)
        return self.w, self.s, self.optimizer.num_update

    def args(self) -> dict[str, Any]:
        return {"index": 0, "weight": self.w, "grad": self.g, "state": self.s}


for name in CLASSES:
    ROWS.on(
        f"{name}.update",
        lambda f, name=name: Step(name.lower()),
        lambda s, **a: s(**a),
        lambda s: s.args(),
        lambda s: (s.w, s.g, s.s, s.optimizer.num_update, s.optimizer._index_update_count),
    )
    ROWS.on(
        f"{name}.create_state",
        lambda f, name=name: Step(name.lower()),
        lambda s, **a: s.optimizer.create_state(**a),
        lambda s: {"index": 0, "weight": s.w},
    )
ROWS.on(
    "SGD.update(half)",
    lambda f: Step("sgd", True),
    lambda s, **a: s(**a),
    lambda s: s.args(),
    lambda s: (s.w, s.g, s.s, s.optimizer.num_update),
)


def settings(optimizer: Any) -> Any:
    return optimizer.lr, optimizer.lr_mult, optimizer.wd_mult


for name, arg, value in (
    ("set_learning_rate", "lr", 0.2),
    ("set_lr_mult", "args_lr_mult", {"w": 2.0, 0: 3.0}),
    ("set_wd_mult", "args_wd_mult", {"w": 2.0}),
):
    ROWS.on(
        f"Optimizer.{name}",
        lambda f: mx.optimizer.SGD(param_idx2name={0: "w"}),
        lambda o, name=name, **a: (getattr(o, name)(**a), settings(o), steps(o)),
        {arg: value},
        settings,
    )


# --- updaters -----------------------------------------------------------------------------------------------
class Updated:
    def __init__(self, folder: Path) -> None:
        self.updater = mx.optimizer.get_updater(mx.optimizer.SGD(momentum=0.9))
        self.w, self.g = weight(), grad()
        self.updater(0, self.g, self.w)
        self.saved = self.updater.get_states()

    def result(self) -> Any:
        return self.w, self.updater.states


ROWS.on(
    "Updater()",
    Updated,
    lambda u, **a: (u.updater(**a), u.result()),
    lambda u: {"index": 0, "grad": u.g, "weight": u.w},
    lambda u: u.result(),
)
ROWS.on(
    "Updater(lists)",
    Updated,
    lambda u, **a: (u.updater(**a), u.result()),
    lambda u: {"index": [0, 1], "grad": [u.g, grad()], "weight": [u.w, weight()]},
    lambda u: u.result(),
)
ROWS.on("Updater.get_states", Updated, lambda u, **a: u.updater.get_states(**a), {"dump_optimizer": True})
ROWS.on(
    "Updater.set_states",
    Updated,
    lambda u, **a: (u.updater.set_states(**a), u.updater(0, u.g, u.w), u.result()),
    lambda u: {"states": u.saved},
    lambda u: u.result(),
)
ROWS.on(
    "Updater.sync_state_context",
    Updated,
    lambda u, **a: u.updater.sync_state_context(**a),
    lambda u: {"state": u.updater.states[0], "context": mx.cpu()},
    lambda u: u.result(),
)


# --- schedules ----------------------------------------------------------------------------------------------
SCHEDULES = {
    "FactorScheduler": {"step": 2, "factor": 0.5, "stop_factor_lr": 1e-8},
    "MultiFactorScheduler": {"step": [2, 4], "factor": 0.5},
    "PolyScheduler": {"max_update": 9, "pwr": 2, "final_lr": 0.0},
    "CosineScheduler": {"max_update": 9, "final_lr": 0.0},
}
WARM = {"base_lr": 0.1, "warmup_steps": 1, "warmup_begin_lr": 0.0, "warmup_mode": "linear"}
for name, args in SCHEDULES.items():
    cls = getattr(mx.lr_scheduler, name)
    ROWS.on(
        f"lr_scheduler.{name}",
        lambda f: None,
        lambda _, cls=cls, **a: (lambda s: [s(n) for n in (0, 1, 3, 5, 100)])(cls(**a)),
        {**args, **WARM},
    )
    ROWS.on(
        f"{name}()",
        lambda f, cls=cls, args=args: cls(**args),
        lambda s, num_update: s(num_update),
        {"num_update": 3},
        lambda s: s.base_lr,
    )
