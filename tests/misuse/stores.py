"""Key-value stores and what updates parameters through them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cysym as mx

from . import Rows

ROWS = Rows()


def ones(n: int = 1) -> Any:
    return mx.nd.full((2, 3), n)


def store(folder: Path) -> Any:
    made = mx.kv.create("local")
    made.init(["v", "w"], [ones(), ones()])
    return made


def trained(folder: Path) -> Any:
    made = store(folder)
    made.set_optimizer(mx.optimizer.create("sgd", learning_rate=0.1, momentum=0.9))
    made.push("w", mx.nd.ones((2, 3)))
    return made


def values(kv: Any) -> Any:
    out = mx.nd.zeros((2, 3)), mx.nd.zeros((2, 3))
    kv.pull("v", out[0])
    kv.pull("w", out[1])
    return out


def own(name: str, args: Any, call: Any, make: Any = store, **more: Any) -> None:
    ROWS.on(f"KVStore.{name}", make, call, args, values, **more)


ROWS.call("kv.create", mx.kv.create, name="local")
ROWS.on(
    "KVStore.init",
    lambda f: mx.kv.create("local"),
    lambda kv, **a: kv.init(**a),
    lambda kv: {"key": 9, "value": ones()},
)
ROWS.on(
    "KVStore.init(lists)",
    lambda f: mx.kv.create("device"),
    lambda kv, **a: kv.init(**a),
    lambda kv: {"key": ["a", "b"], "value": [ones(), ones()]},
)
own(
    "push",
    lambda kv: {"key": "w", "value": ones(5), "priority": 0},
    lambda kv, **a: (kv.push(**a), values(kv)),
)
own(
    "push(lists)",
    lambda kv: {"key": ["v", "v"], "value": [[ones(), ones()], [ones(), ones()]]},
    lambda kv, **a: (kv.push(**a), values(kv)),
)
own(
    "push(trained)",
    lambda kv: {"key": "w", "value": ones(5)},
    lambda kv, **a: (kv.push(**a), values(kv)),
    trained,
)
own(
    "pull",
    lambda kv: {"key": "w", "out": ones(9), "priority": 0, "ignore_sparse": True},
    lambda kv, **a: (kv.pull(**a), a["out"]),
)
own(
    "pull(lists)",
    lambda kv: {"key": ["v", "v"], "out": [[ones(), ones()], [ones(), ones()]]},
    lambda kv, **a: (kv.pull(**a), a["out"]),
)
own(
    "pushpull",
    lambda kv: {"key": "w", "value": ones(5), "out": ones(9), "priority": 0},
    lambda kv, **a: (kv.pushpull(**a), a["out"], values(kv)),
)
own(
    "broadcast",
    lambda kv: {"key": "n", "value": ones(5), "out": ones(9), "priority": 0},
    lambda kv, **a: (kv.broadcast(**a), a["out"]),
)
own("row_sparse_pull", lambda kv: {"key": "w", "out": ones(), "row_ids": ones()}, lambda kv, **a: None)
own(
    "set_gradient_compression",
    {"compression_params": {"type": "2bit", "threshold": 0.5}},
    lambda kv, **a: (kv.set_gradient_compression(**a), kv.push("w", [ones(3), ones(4)]), values(kv)),
    lambda f: (kv := mx.kv.create("device"), kv.init(["v", "w"], [ones(), ones()]))[0],
)
own(
    "set_optimizer",
    lambda kv: {"optimizer": mx.optimizer.create("sgd", learning_rate=0.1)},
    lambda kv, **a: (kv.set_optimizer(**a), kv.push("w", ones()), values(kv)),
)


def into(key: Any, pushed: Any, stored: Any) -> None:
    stored += pushed


own(
    "_set_updater",
    {"updater": into},
    lambda kv, updater: (kv._set_updater(updater), kv.push("w", ones()), values(kv)),
)
own("is_capable", {"capability": "optimizer"}, lambda kv, **a: kv.is_capable(**a))


def stated(folder: Path) -> Any:
    made = trained(folder)
    made.folder = folder
    made.save_optimizer_states(str(folder / "good.states"))
    return made


own(
    "save_optimizer_states",
    lambda kv: {"fname": str(kv.folder / "s"), "dump_optimizer": True},
    lambda kv, **a: kv.save_optimizer_states(**a),
    stated,
)
own(
    "load_optimizer_states",
    lambda kv: {"fname": str(kv.folder / "good.states")},
    lambda kv, **a: (kv.load_optimizer_states(**a), kv.push("w", ones()), values(kv)),
    stated,
)
