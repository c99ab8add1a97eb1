"""Cases of the optimizer updates: the new weight, and the states written in place."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import Array, Case, exactly, normal, uniform

State = dict[str, Array]


def clip(g: Array, params: dict[str, Any]) -> Array:
    bound = params.get("clip_gradient", -1)
    return np.clip(g, -bound, bound) if bound >= 0 else g


def sgd(params: dict[str, Any], weight: Array, grad: Array) -> State:
    lr, wd = params["lr"], params.get("wd", 0)
    return {"weight": (1 - lr * wd) * weight - lr * clip(grad * params.get("rescale_grad", 1), params)}


def momentum(params: dict[str, Any], weight: Array, grad: Array, mom: Array) -> State:
    g = clip(grad * params.get("rescale_grad", 1), params) + params.get("wd", 0) * weight
    mom = params.get("momentum", 0) * mom - params["lr"] * g
    return {"weight": weight + mom, "mom": mom}


def adam(params: dict[str, Any], weight: Array, grad: Array, mean: Array, var: Array) -> State:
    b1, b2 = params["beta1"], params["beta2"]
    g = clip(grad * params.get("rescale_grad", 1) + params.get("wd", 0) * weight, params)
    mean, var = b1 * mean + (1 - b1) * g, b2 * var + (1 - b2) * g * g
    step = params["lr"] * mean / (np.sqrt(var) + params.get("epsilon", 1e-8))
    return {"weight": weight - step, "mean": mean, "var": var}


def nag(params: dict[str, Any], weight: Array, grad: Array, mom: Array) -> State:
    g = clip(grad * params.get("rescale_grad", 1), params) + params.get("wd", 0) * weight
    mom = params["momentum"] * mom - params["lr"] * g
    return {"weight": weight + params["momentum"] * mom - params["lr"] * g, "mom": mom}


def mp_nag(params: dict[str, Any], weight: Array, grad: Array, mom: Array) -> State:
    """The momentum holds the decay of the new weight."""
    new = nag(params, weight, grad, mom)
    ahead = params["lr"] * params.get("wd", 0) * (new["weight"] - weight)
    return {"weight": new["weight"], "mom": new["mom"] - ahead}


def signsgd(params: dict[str, Any], weight: Array, grad: Array) -> State:
    lr = params["lr"]
    return {"weight": weight * (1 - lr * params.get("wd", 0)) - lr * np.sign(grad)}


def signum(params: dict[str, Any], weight: Array, grad: Array, mom: Array) -> State:
    g = clip(grad * params.get("rescale_grad", 1), params) + params.get("wd", 0) * weight
    mom = params["momentum"] * mom - (1 - params["momentum"]) * g
    lr = params["lr"]
    return {"weight": (1 - lr * params["wd_lh"]) * weight + lr * np.sign(mom), "mom": mom}


def ftrl(params: dict[str, Any], weight: Array, grad: Array, z: Array, n: Array) -> State:
    g = clip(grad * params.get("rescale_grad", 1), params)
    lr, new = params["lr"], n + g**2
    z = z + g - (np.sqrt(new) - np.sqrt(n)) / lr * weight
    slope = (params["beta"] + np.sqrt(new)) / lr + params.get("wd", 0)
    return {"weight": np.sign(z) * np.minimum(params["lamda1"] - np.abs(z), 0) / slope, "z": z, "n": new}


def rmsprop(params: dict[str, Any], weight: Array, grad: Array, n: Array) -> State:
    g = clip(grad * params.get("rescale_grad", 1) + params.get("wd", 0) * weight, params)
    n = params["gamma1"] * n + (1 - params["gamma1"]) * g**2
    limit = params["clip_weights"]
    return {
        "weight": np.clip(weight - params["lr"] * g / np.sqrt(n + params["epsilon"]), -limit, limit),
        "n": n,
    }


def graves(params: dict[str, Any], weight: Array, grad: Array, n: Array, g: Array, delta: Array) -> State:
    x = clip(grad * params.get("rescale_grad", 1) + params.get("wd", 0) * weight, params)
    keep = params["gamma1"]
    n, g = keep * n + (1 - keep) * x**2, keep * g + (1 - keep) * x
    delta = params["gamma2"] * delta - params["lr"] * x / np.sqrt(n - g**2 + params["epsilon"])
    return {"weight": weight + delta, "n": n, "g": g, "delta": delta}


def ftml(params: dict[str, Any], weight: Array, grad: Array, d: Array, v: Array, z: Array) -> State:
    b1, b2, t = params["beta1"], params["beta2"], params["t"]
    given = {"clip_gradient": params.get("clip_grad", -1)}
    g = clip(grad * params.get("rescale_grad", 1) + params.get("wd", 0) * weight, given)
    v = b2 * v + (1 - b2) * g**2
    new = (1 - b1**t) / params["lr"] * (np.sqrt(v / (1 - b2**t)) + params["epsilon"])
    z = b1 * z + (1 - b1) * g - (new - b1 * d) * weight
    return {"weight": -z / new, "d": new, "v": v, "z": z}


def lamb1(params: dict[str, Any], weight: Array, grad: Array, mean: Array, var: Array) -> State:
    b1, b2, t = params["beta1"], params["beta2"], params["t"]
    g = clip(grad * params.get("rescale_grad", 1), params)
    mean, var = b1 * mean + (1 - b1) * g, b2 * var + (1 - b2) * g**2
    one, two = (1 - b1**t, 1 - b2**t) if params.get("bias_correction", True) else (1, 1)
    step = mean / one / (np.sqrt(var / two) + params["epsilon"])
    return {"weight": step + params["wd"] * weight, "mean": mean, "var": var}


def lamb2(params: dict[str, Any], weight: Array, g: Array, r1: Array, r2: Array) -> State:
    top = r1[0]
    if params.get("lower_bound", -1) >= 0:
        top = max(top, params["lower_bound"])
    if params.get("upper_bound", -1) >= 0:
        top = min(top, params["upper_bound"])
    ratio = top / r2[0] if top and r2[0] else 1
    return {"weight": weight - params["lr"] * ratio * g}


def adamw(
    params: dict[str, Any], weight: Array, grad: Array, mean: Array, var: Array, rescale_grad: Array
) -> State:
    scale = rescale_grad[0]
    if not np.isfinite(scale) or scale == 0:
        return {"weight": weight, "mean": mean, "var": var}
    b1, b2 = params["beta1"], params["beta2"]
    g = clip(grad * scale, params)
    mean, var = b1 * mean + (1 - b1) * g, b2 * var + (1 - b2) * g**2
    step = params["lr"] * mean / (np.sqrt(var) + params["epsilon"]) + params["wd"] * weight
    return {"weight": weight - params["eta"] * step, "mean": mean, "var": var}


# Operator: rule, parameters of its own (numbers float32 holds exactly where 1 - x matters).
MOMENTS = {"beta1": 0.875, "beta2": 0.9375, "epsilon": 0.0078125}
RULES: dict[str, tuple[Any, dict[str, Any]]] = {
    "sgd_update": (sgd, {}),
    "sgd_mom_update": (momentum, {"momentum": 0.75}),
    "adam_update": (adam, {"beta1": 0.875, "beta2": 0.9375}),
    "nag_mom_update": (nag, {"momentum": 0.75}),
    "signsgd_update": (signsgd, {}),
    "signum_update": (signum, {"momentum": 0.75, "wd_lh": 0.03125}),
    "ftrl_update": (ftrl, {"lamda1": 0.3, "beta": 0.75}),
    "rmsprop_update": (rmsprop, {"gamma1": 0.875, "epsilon": 0.0078125, "clip_weights": 1.25}),
    "rmspropalex_update": (graves, {"gamma1": 0.875, "gamma2": 0.75, "epsilon": 0.0078125}),
    "ftml_update": (ftml, {"beta1": 0.625, "beta2": 0.875, "epsilon": 0.0078125, "t": 3}),
    "lamb_update_phase1": (lamb1, {**MOMENTS, "t": 3, "wd": 0.125}),
    "_adamw_update": (adamw, {**MOMENTS, "wd": 0.125, "eta": 0.75}),
}
STATES: dict[str, Any] = {
    "mom": normal, "mean": normal, "z": normal, "g": lambda *s: normal(*s, scale=0.1), "delta": normal,
    "var": lambda *s: uniform(*s, low=0.5, high=2), "n": lambda *s: uniform(*s, low=0.5, high=2),
    "d": lambda *s: uniform(*s, low=0.5, high=2), "v": lambda *s: uniform(*s, low=0.5, high=2),
}  # fmt: skip


def of(op: str, *shape: int, **params: Any) -> Case:
    rule, own = RULES[op]
    params = {**params, **own}
    states = [n for n in rule.__annotations__ if n in STATES]
    inputs = {"weight": normal(*shape), "grad": normal(*shape), **{n: STATES[n](*shape) for n in states}}
    if op == "_adamw_update":
        inputs["rescale_grad"] = exactly([params.pop("scale", 0.5)])
    return make(op, inputs, params, rule, input_dtypes=NO_DOUBLE.get(op, {}))


NO_DOUBLE = {"_adamw_update": {"rescale_grad": "float32"}}


def make(op: str, inputs: dict[str, Any], params: dict[str, Any], rule: Any, **more: Any) -> Case:
    def new(**arrays: Array) -> State:
        found: State = rule(params, **arrays)
        return found

    def after(**arrays: Array) -> State:
        return {name: array for name, array in new(**arrays).items() if name != "weight"}

    return Case(op, inputs, lambda **a: new(**a)["weight"], params, None, aux_after=after, **more)


def several(op: str, roles: tuple[str, ...], rates: dict[str, tuple[float, ...]], tail: Any = None) -> Case:
    """Two weights at once: the rule of one, applied to each."""
    base = op.removeprefix("_").removeprefix("preloaded_").removeprefix("multi_").removeprefix("mp_")
    rule, own = RULES["_adamw_update" if base == "adamw_update" else base]
    shapes = ((3, 5), (7,))
    half = "weight32" in roles
    inputs: dict[str, Any] = {}
    for shape in shapes:
        for role in roles:
            inputs[f"arg{len(inputs)}"] = STATES.get(role, normal)(*shape)
    step = len(roles)
    for maker in tail or ():
        inputs[f"arg{len(inputs)}"] = maker

    def new(**arrays: Array) -> list[State]:
        found = []
        for i in range(2):
            mine = {role: arrays[f"arg{i * step + k}"] for k, role in enumerate(roles)}
            mine["weight"] = mine.pop("weight32", mine["weight"])
            params = {**own, **common, **{name: value[i] for name, value in single.items()}}
            if base == "adamw_update":
                mine["rescale_grad"] = arrays[f"arg{2 * step}"]
            found.append(rule(params, **mine))
        return found

    def after(**arrays: Array) -> State:
        written = {}
        for i, state in enumerate(new(**arrays)):
            for k, role in enumerate(roles):
                name = "weight" if role == "weight32" else role
                if role != "weight" and name in state:
                    written[f"arg{i * step + k}"] = state[name]
        return written

    plural = {"lrs": "lr", "wds": "wd", "etas": "eta"}
    single = {plural[name]: value for name, value in rates.items()}
    common = {} if base == "adamw_update" else {"rescale_grad": 0.5, "clip_gradient": 0.75}
    own = {k: v for k, v in own.items() if k not in single}
    params = {**own, **common, **({} if op.startswith("preloaded") else rates)}
    types = {}
    if half:
        types = {n: "float32" for k, n in enumerate(inputs) if k >= 2 * step or k % step > 1}
    elif tail:
        types = {n: "float32" for k, n in enumerate(inputs) if k >= 2 * step}
    return Case(
        op, inputs, lambda **a: tuple(s["weight"] for s in new(**a)), params, None, aux_after=after,
        input_dtypes=types, dtypes=("float16",) if half else ("float32", "float64"),
    )  # fmt: skip


def lamb_of(arrays: dict[str, Array], lr: float, wd: float, t: int, params: dict[str, Any]) -> State:
    """Both phases for one weight."""
    one = lamb1({**params, "wd": wd, "t": t}, **arrays)
    weight, direction = arrays["weight"], one.pop("weight")
    norms = [np.sqrt((x**2).sum(keepdims=True)).reshape(1) for x in (weight, direction)]
    return {**lamb2({**params, "lr": lr}, weight, direction, *norms), **one}


def lamb_case(op: str, roles: tuple[str, ...]) -> Case:
    params = {**MOMENTS, "rescale_grad": 0.5, "upper_bound": 1.5}
    rates = {"learning_rates": (0.1, 0.25), "wds": (0.0, 0.125), "step_count": (1, 3)}
    inputs: dict[str, Any] = {}
    for shape in ((3, 5), (7,)):
        for role in roles:
            inputs[f"arg{len(inputs)}"] = STATES.get(role, normal)(*shape)
    step, half = len(roles), "weight32" in roles

    def new(**arrays: Array) -> list[State]:
        found = []
        for i, (lr, wd, t) in enumerate(zip(*rates.values(), strict=True)):
            mine = {role: arrays[f"arg{i * step + k}"] for k, role in enumerate(roles)}
            mine["weight"] = mine.pop("weight32", mine["weight"])
            found.append(lamb_of(mine, lr, wd, t, params))
        return found

    def after(**arrays: Array) -> State:
        return {
            f"arg{i * step + k}": state["weight" if role == "weight32" else role]
            for i, state in enumerate(new(**arrays))
            for k, role in enumerate(roles)
            if role not in ("weight", "grad")
        }

    return Case(
        op, inputs, lambda **a: tuple(s["weight"] for s in new(**a)), {**params, **rates}, None,
        aux_after=after, dtypes=("float16",) if half else ("float32", "float64"),
        input_dtypes={n: "float32" for k, n in enumerate(inputs) if k % step > 1} if half else {},
    )  # fmt: skip


def master(op: str, roles: tuple[str, ...], **params: Any) -> Case:
    """A float16 weight with a float32 copy, which is what the rule is about."""
    base = op.replace("_mp_", "_") if op.startswith("_") else op.removeprefix("mp_")
    rule, own = RULES[base]
    rule = mp_nag if base == "nag_mom_update" else rule
    params = {**params, **own}
    inputs = {r: STATES.get(r, normal)(3, 7) for r in roles}
    if base == "_adamw_update":
        inputs["rescale_grad"] = exactly([0.5])

    def new(**arrays: Array) -> State:
        weight = arrays.pop("weight32")
        found: State = rule(params, **{**arrays, "weight": weight})
        return found

    def after(**arrays: Array) -> State:
        state = new(**arrays)
        first = {} if "lamb" in op else {"weight32": state["weight"]}
        return first | {name: value for name, value in state.items() if name != "weight"}

    types = {name: "float32" for name in inputs if name not in ("weight", "grad")}
    return Case(
        op, inputs, lambda **a: new(**a)["weight"], params, None, aux_after=after,
        dtypes=("float16",), input_dtypes=types,
    )  # fmt: skip


def mp_lamb2(params: dict[str, Any], weight: Array, g: Array, r1: Array, r2: Array, weight32: Array) -> State:
    new = lamb2(params, weight32, g, r1, r2)["weight"]
    return {"weight": new, "weight32": new}


def lars(params: dict[str, Any], lrs: Array, weights: Array, grads: Array, wds: Array) -> Array:
    w, g = np.sqrt(weights), np.sqrt(grads) * params["rescale_grad"]
    scaled = lrs * params["eta"] * w / (g + wds * w + params["eps"])
    return np.where((w > 0) & (g > 0), scaled, lrs)


def accepted(op: str, **params: Any) -> dict[str, Any]:
    """What the operator calls these parameters; lamb's first phase has no rate."""
    if op == "lamb_update_phase1":
        return {k: v for k, v in params.items() if k not in ("lr", "wd")}
    if op == "ftml_update" and "clip_gradient" in params:
        params["clip_grad"] = params.pop("clip_gradient")
    if op == "_adamw_update":
        params.pop("wd", None)
        params.pop("rescale_grad", None)
    return params


CASES = [
    case
    for op in RULES
    for case in (
        of(op, 3, 5, **accepted(op, lr=0.1)),
        of(op, 17, 33, **accepted(op, lr=0.25, wd=0.01, rescale_grad=0.125)),
        of(op, 7, 11, **accepted(op, lr=0.1, wd=0.1, clip_gradient=0.5)),
        of(op, 7, **accepted(op, lr=0.1, clip_gradient=0.0)),
    )
]
NORMS = {"weight": normal(3, 5), "g": normal(3, 5), "r1": exactly([2.5]), "r2": exactly([0.75])}
RATES: dict[str, tuple[float, ...]] = {"lrs": (0.125, 0.25), "wds": (0.0, 0.0625)}
LARS = {"eta": 0.1, "eps": 0.001, "rescale_grad": 0.5}
ARRAYS = (exactly(RATES["lrs"]), exactly(RATES["wds"]))
CASES += [
    of("_adamw_update", 3, 5, lr=0.1, scale=np.inf),
    of("_adamw_update", 3, 5, lr=0.1, scale=0.0),
    of("lamb_update_phase1", 3, 5, bias_correction=False, rescale_grad=0.5),
    make("lamb_update_phase2", NORMS, {"lr": 0.1}, lamb2),
    make("lamb_update_phase2", {**NORMS, "r1": exactly([0])}, {"lr": 0.1, "lower_bound": 0.5}, lamb2),
    make("lamb_update_phase2", {**NORMS, "r2": exactly([0])}, {"lr": 0.1, "upper_bound": 1.5}, lamb2),
    make("mp_lamb_update_phase2", {**NORMS, "weight32": normal(3, 5)}, {"lr": 0.1, "upper_bound": 1.5},
         mp_lamb2, dtypes=("float16",), input_dtypes=dict.fromkeys(("g", "r1", "r2", "weight32"), "float32")),
    Case("multi_lars",
         {"lrs": uniform(5), "weights_sum_sq": exactly([1, 2, 0, 4, 5]),
          "grads_sum_sq": exactly([3, 0, 1, 2, 1]), "wds": uniform(5)},
         lambda lrs, weights_sum_sq, grads_sum_sq, wds: lars(LARS, lrs, weights_sum_sq, grads_sum_sq, wds),
         LARS, None),
    master("mp_sgd_update", ("weight", "grad", "weight32"), lr=0.1, wd=0.1),
    master("mp_sgd_mom_update", ("weight", "grad", "mom", "weight32"), lr=0.1, wd=0.1),
    master("mp_nag_mom_update", ("weight", "grad", "mom", "weight32"), lr=0.1, wd=0.1),
    master("mp_lamb_update_phase1", ("weight", "grad", "mean", "var", "weight32"), rescale_grad=0.5),
    master("_mp_adamw_update", ("weight", "grad", "mean", "var", "weight32"), lr=0.1),
]  # fmt: skip
for _mp, _end in (("", ()), ("mp_", ("weight32",))):
    for _name, _roles in (("sgd_update", ("weight", "grad")), ("sgd_mom_update", ("weight", "grad", "mom"))):
        CASES.append(several(f"multi_{_mp}{_name}", (*_roles, *_end), RATES))
        CASES.append(several(f"preloaded_multi_{_mp}{_name}", (*_roles, *_end), RATES, ARRAYS))
    _roles = ("weight", "grad", "mean", "var", *_end)
    CASES.append(
        several(f"_multi_{_mp}adamw_update", _roles, {**RATES, "etas": (0.5, 1.0)}, (exactly([0.5]),))
    )
    CASES.append(lamb_case(f"_multi_{_mp}lamb_update", _roles))
