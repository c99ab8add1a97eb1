"""Symbols, scopes, binding and executors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

import cysym as mx

from . import Rows

ROWS = Rows()
sym = mx.sym


def net(folder: Path | None = None) -> Any:
    with mx.name.NameManager():
        hidden = sym.tanh(sym.Variable("data"), name="act")
        return sym.FullyConnected(hidden, num_hidden=3, name="fc")


def arrays() -> dict[str, Any]:
    return {
        "data": mx.nd.array(np.arange(8).reshape(2, 4) / 8),
        "fc_weight": mx.nd.full((3, 4), 0.25),
        "fc_bias": mx.nd.ones((3,)),
    }


def executor(folder: Path) -> Any:
    return net().bind(mx.cpu(), arrays(), {n: mx.nd.zeros(a.shape) for n, a in arrays().items()})


def outputs_of(bound: Any) -> Any:
    return [bound, bound.forward(is_train=False)]


# --- making -------------------------------------------------------------------------------------------------
ROWS.call(
    "sym.Variable",
    sym.Variable,
    name="v",
    attr={"__a__": "b"},
    shape=(2, 3),
    lr_mult=2.0,
    wd_mult=0.5,
    dtype="float32",
    init="zeros",
    stype="default",
)
ROWS.on("sym.Group", net, lambda n, symbols: sym.Group(symbols), lambda n: {"symbols": [n, n]})
ROWS.call("sym.load_json", sym.load_json, json_str=net().tojson())


def saved(folder: Path) -> Any:
    net().save(str(folder / "net.json"))
    return folder


ROWS.on("sym.load", saved, lambda f, fname: sym.load(fname), lambda f: {"fname": str(f / "net.json")})
ROWS.on(
    "Symbol.save",
    saved,
    lambda f, **a: (net().save(**a), sym.load(str(f / "net.json")))[1],
    lambda f: {"fname": str(f / "net.json"), "remove_amp_cast": True},
    lambda f: (f / "net.json").read_text(),
)
ROWS.on("Symbol.tojson", net, lambda n, **a: n.tojson(**a), {"remove_amp_cast": True})
for name, args in {
    "zeros": {"shape": (2, 3), "dtype": "float32"},
    "ones": {"shape": (2, 3), "dtype": "float32"},
    "full": {"shape": (2, 3), "val": 2.0, "dtype": "float32"},
    "arange": {
        "start": 0,
        "stop": 6,
        "step": 2,
        "repeat": 1,
        "infer_range": False,
        "name": "a",
        "dtype": "int32",
    },
    "eye": {"N": 2, "M": 3, "k": 0, "dtype": "float32"},
    "linspace": {"start": 0, "stop": 1, "num": 5, "endpoint": True, "name": "a", "dtype": "float32"},
}.items():
    ROWS.on(
        f"sym.{name}",
        net,
        lambda n, _name=name, **a: [o.asnumpy() for o in getattr(sym, _name)(**a).eval()],
        args,
    )
for name in ("pow", "power", "maximum", "minimum", "hypot", "modulo", "true_divide", "equal", "logical_and"):
    if hasattr(sym, name):
        first, second = ("base", "exp") if name in ("pow", "power") else ("left", "right")
        ROWS.on(
            f"sym.{name}",
            net,
            lambda n, name=name, **a: getattr(sym, name)(*a.values()),
            lambda n, first=first, second=second: {first: n, second: 2.0},
        )
ROWS.on(
    "sym.histogram",
    net,
    lambda n, **a: sym.histogram(**a),
    lambda n: {"a": n, "bins": 4, "range": (0.0, 1.0)},
)
ROWS.on(
    "sym.split_v2",
    net,
    lambda n, data, **a: sym.split_v2(data, **a),
    lambda n: {"data": n, "indices_or_sections": (1, 2), "axis": 1, "squeeze_axis": False},
)
ROWS.on("sym.concat", net, lambda n, a, **k: sym.concat(n, a, **k), lambda n: {"a": n, "dim": 1, "name": "c"})
ROWS.on(
    "sym.FullyConnected",
    net,
    lambda n, **a: sym.FullyConnected(**a),
    lambda n: {
        "data": n,
        "weight": sym.Variable("w"),
        "num_hidden": 3,
        "no_bias": True,
        "flatten": True,
        "name": "f",
        "attr": {"__a__": "b"},
    },
)
for name, args in {
    "uniform": {"low": 0.0, "high": 1.0},
    "normal": {"loc": 0.0, "scale": 1.0},
    "exponential": {"scale": 1.0},
    "gamma": {"alpha": 1.0, "beta": 1.0},
    "poisson": {"lam": 1.0},
    "negative_binomial": {"k": 1, "p": 0.5},
    "generalized_negative_binomial": {"mu": 1.0, "alpha": 1.0},
    "randint": {"low": 0, "high": 4},
}.items():
    ROWS.on(
        f"sym.random.{name}",
        net,
        lambda n, name=name, **a: getattr(sym.random, name)(**a),
        {**args, "shape": (2, 3), "dtype": "int32" if name == "randint" else "float32"},
    )
ROWS.on("sym.random.shuffle", net, lambda n, **a: sym.random.shuffle(**a), lambda n: {"data": n})
ROWS.on(
    "sym.random.multinomial",
    net,
    lambda n, **a: sym.random.multinomial(**a),
    lambda n: {"data": n, "shape": (2,), "get_prob": False, "dtype": "int32"},
)
ROWS.on(
    "sym.contrib.rand_zipfian",
    net,
    lambda n, **a: sym.contrib.rand_zipfian(**a),
    lambda n: {"true_classes": n, "num_sampled": 3, "range_max": 5},
)


# --- using --------------------------------------------------------------------------------------------------
def text(n: Any) -> Any:
    return n.tojson()


def method(name: str, args: Any, **more: Any) -> None:
    ROWS.on(f"Symbol.{name}", net, lambda n, **a: getattr(n, name)(**a), args, text, **more)


ROWS.on("Symbol[]", net, lambda n, index: n[index], {"index": 0}, text)
ROWS.on("Symbol()", net, lambda n, **a: n(**a), lambda n: {"data": sym.Variable("x"), "name": "new"}, text)
ROWS.on("Symbol+", net, lambda n, other: n + other, lambda n: {"other": n}, text)
ROWS.on("Symbol**", net, lambda n, other: n**other, lambda n: {"other": 2}, text)
ROWS.on("Symbol<", net, lambda n, other: n < other, lambda n: {"other": 2}, text)
method("attr", {"key": "__a__"})
method("list_attr", {"recursive": False})
for name in ("infer_shape", "infer_shape_partial"):
    method(name, {"data": (2, 4), "fc_bias": (3,)})
for name in ("infer_type", "infer_type_partial"):
    method(name, {"data": "float64"})
ROWS.on(
    "Symbol.infer_shape(*)",
    net,
    lambda n, data, weight: n.infer_shape(data, weight),
    {"data": (2, 4), "weight": (3, 4)},
)
ROWS.on("Symbol._set_attr", net, lambda n, **a: n._set_attr(**a), {"__key__": "value"}, text)
ROWS.on(
    "Symbol.bind",
    net,
    lambda n, **a: outputs_of(n.bind(**a)),
    lambda n: {
        "ctx": mx.cpu(),
        "args": arrays(),
        "args_grad": arrays(),
        "grad_req": "write",
        "aux_states": {},
        "group2ctx": {"g": mx.cpu()},
        "shared_exec": None,
    },
    text,
)
ROWS.on(
    "Symbol.bind(lists)",
    net,
    lambda n, **a: outputs_of(n.bind(ctx=mx.cpu(), **a)),
    lambda n: {
        "args": list(arrays().values()),
        "args_grad": list(arrays().values()),
        "grad_req": ["write", "add", "null"],
        "aux_states": [],
    },
    text,
)
ROWS.on(
    "Symbol.simple_bind",
    net,
    lambda n, **a: outputs_of(n.simple_bind(**a)),
    lambda n: {
        "ctx": mx.cpu(),
        "grad_req": {"data": "write"},
        "type_dict": {"data": "float32"},
        "stype_dict": None,
        "group2ctx": None,
        "shared_arg_names": ["fc_weight"],
        "shared_exec": net().simple_bind(mx.cpu(), data=(2, 4)),
        "shared_buffer": {},
        "data": (2, 4),
    },
    text,
)
method("plan", {"ctx": mx.cpu(), "grad_req": "write", "type_dict": {"data": "float32"}, "data": (2, 4)})
method("eval", lambda n: {"ctx": mx.cpu(), **arrays()})
method(
    "optimize_for",
    lambda n: {
        "backend": "default",
        "args": arrays(),
        "aux": {},
        "ctx": mx.cpu(),
        "shape_dict": {},
        "type_dict": {},
        "stype_dict": {},
        "skip_infer": False,
    },
)
method("get_backend_symbol", {"backend": "default"})
ROWS.on("Symbol.astype", net, lambda n, dtype: n.astype(dtype), {"dtype": "float64"}, text)
ROWS.on("Symbol.reshape", net, lambda n, shape: n.reshape(shape), {"shape": (-1, 2)}, text)
method("slice_axis", {"axis": 1, "begin": 0, "end": 2})
method("broadcast_to", {"shape": (2, 3)})
method("transpose", {"axes": (1, 0)})
method("split_v2", {"indices_or_sections": 3, "axis": 1, "squeeze_axis": False})
method("expand_dims", {"axis": 0, "inplace": False})
method("squeeze", {"axis": None, "inplace": False})
method("flatten", {"inplace": False})


# --- scopes -------------------------------------------------------------------------------------------------
def scoped(scope: Any) -> Any:
    with scope, mx.name.NameManager():
        return sym.tanh(sym.Variable("x"))


ROWS.on("AttrScope", net, lambda n, **a: scoped(mx.AttrScope(**a)), {"__key__": "value", "ctx_group": "g"})
ROWS.on("AttrScope.get", net, lambda n, **a: mx.AttrScope(x="1").get(**a), {"attr": {"a": "b"}})
ROWS.on("NameManager.get", net, lambda n, **a: mx.name.NameManager().get(**a), {"name": None, "hint": "fc"})
ROWS.on("name.Prefix", net, lambda n, **a: scoped(mx.name.Prefix(**a)), {"prefix": "p_"})


# --- executors ----------------------------------------------------------------------------------------------
def ran(folder: Path) -> Any:
    bound = executor(folder)
    bound.forward(is_train=True)
    return bound


def whole(bound: Any) -> Any:
    return bound


def own(name: str, args: Any, call: Any = None, **more: Any) -> None:
    ROWS.on(f"Executor.{name}", ran, call or (lambda e, **a: getattr(e, name)(**a)), args, whole, **more)


own("forward", lambda e: {"is_train": True, "data": mx.nd.ones((2, 4)), "fc_bias": np.ones(3)})
own(
    "backward",
    lambda e: {"out_grads": [mx.nd.ones((2, 3))], "is_train": True},
    lambda e, **a: (e.backward(**a), e.grad_dict)[1],
)
own(
    "backward(dict)",
    lambda e: {"out_grads": {"fc_output": mx.nd.ones((2, 3))}},
    lambda e, **a: (e.backward(**a), e.grad_dict)[1],
)
own(
    "copy_params_from",
    lambda e: {"arg_params": arrays(), "aux_params": {}, "allow_extra_params": False},
    lambda e, **a: (e.copy_params_from(**a), e)[1],
)
own(
    "reshape",
    {"partial_shaping": False, "allow_up_sizing": True, "data": (4, 4)},
    lambda e, **a: outputs_of(e.reshape(**a)),
)


def watched(bound: Any, callback: Any, monitor_all: Any) -> Any:
    bound.set_monitor_callback(callback, monitor_all)
    try:
        return bound.forward(is_train=True)
    finally:
        bound.set_monitor_callback(None)


own("set_monitor_callback", {"callback": lambda name, array: None, "monitor_all": True}, watched)


OF_NUMBERS = ("sym.pow", "sym.power", "sym.hypot")  # of two numbers they are Python's own

# MXNet raises AssertionError where an input is no Symbol, and a warning for what it has given up.
for row in ROWS.rows:
    if row.name.startswith("sym.") or row.name == "Symbol.list_attr":
        row.raises, row.lax = (AssertionError, DeprecationWarning), row.name in OF_NUMBERS
        row.endless = ("N", "M", "num", "repeat", "stop", "shape")
