"""Questions about optimizer updates beyond plain SGD and Adam, which `basics.py` asks. Data only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opcases import OpCase, positive, real, values

if TYPE_CHECKING:
    from opcases import Maker

CLIPPED = {"wd": "0.03", "rescale_grad": "0.5", "clip_gradient": "0.3"}
# operator: states (positive ones marked), parameters of its own
RULES: dict[str, tuple[tuple[str, ...], dict[str, str]]] = {
    "nag_mom_update": (("mom",), {"momentum": "0.9"}),
    "signsgd_update": ((), {}),
    "signum_update": (("mom",), {"momentum": "0.9", "wd_lh": "0.01"}),
    "ftrl_update": (("z", "+n"), {"lamda1": "0.3", "beta": "0.7"}),
    "rmsprop_update": (("+n",), {"gamma1": "0.9", "epsilon": "1e-03", "clip_weights": "1.5"}),
    "rmspropalex_update": (("+n", "g", "delta"), {"gamma1": "0.9", "gamma2": "0.8", "epsilon": "1e-03"}),
}


def steps(*shape: int, dtype: str) -> Maker:
    """Numbers both types hold: a float16 weight and its float32 copy."""
    size = shape[0] * (shape[1] if len(shape) > 1 else 1)
    return values([(k * 7 % size - size // 2) / 8 for k in range(size)], dtype, shape)


def state(name: str, *shape: int, dtype: str = "float32") -> Maker:
    """A running sum of squares is positive; others are small."""
    return positive(*shape, dtype=dtype) if name[0] == "+" else real(*shape, scale=0.1, dtype=dtype)


def update(op: str, label: str, states: tuple[str, ...], params: dict[str, str], tail: str = "") -> OpCase:
    """One weight; `tail` names a read-only input of one number."""
    inputs = {"weight": real(3, 5), "grad": real(3, 5), **{s.strip("+"): state(s, 3, 5) for s in states}}
    if tail:
        inputs[tail] = values([0.5])
    return OpCase(
        op,
        label,
        inputs,
        params,
        mode="imperative",
        mutates=("weight", *(s.strip("+") for s in states)),
        scratch=("grad",) if "adamw" in op else (),
    )


def master(op: str, states: tuple[str, ...], params: dict[str, str]) -> OpCase:
    """A float16 weight with a float32 copy."""
    inputs: dict[str, Maker] = {
        "weight": steps(3, 5, dtype="float16"),
        "grad": real(3, 5, dtype="float16"),
        **{s.strip("+"): state(s, 3, 5) for s in states},
        "weight32": steps(3, 5, dtype="float32"),
    }
    return OpCase(op, "half", inputs, params, mode="imperative",
                  mutates=("weight", *(s.strip("+") for s in states), "weight32"))  # fmt: skip


def multi(op: str, roles: tuple[str, ...], params: dict[str, str], tail: tuple[Maker, ...] = ()) -> OpCase:
    """Two weights of different shapes."""
    inputs: dict[str, Maker] = {}
    half = "weight32" in roles
    for shape in ((3, 5), (7,)):
        for role in roles:
            kind = "float16" if half and role in ("weight", "grad") else "float32"
            if half and role in ("weight", "weight32"):
                inputs[f"arg{len(inputs)}"] = steps(*shape, dtype=kind)
            else:
                inputs[f"arg{len(inputs)}"] = state("+" if role == "var" else role, *shape, dtype=kind)
    step = len(roles)
    written = [f"arg{k}" for k in range(2 * step) if roles[k % step] != "grad"]
    for maker in tail:
        inputs[f"arg{len(inputs)}"] = maker
    return OpCase(
        op, "two", inputs, params, mode="imperative", mutates=tuple(written), outs=("arg0", f"arg{step}")
    )


def _single() -> list[OpCase]:
    cases = []
    for op, (states, own) in RULES.items():
        cases.append(update(op, "plain", states, {"lr": "0.05", **own}))
        # with wd, MXNet's nag updates the momentum by the weight it has just overwritten
        decay = {**CLIPPED, "wd": "0.0"} if op == "nag_mom_update" else CLIPPED
        cases.append(update(op, "clip", states, {"lr": "0.1", **decay, **own}))
    ftml = {"lr": "0.1", "t": "3", "beta1": "0.6", "beta2": "0.9", "epsilon": "1e-03"}
    cases.append(update("ftml_update", "plain", ("+d", "+v", "z"), ftml))
    cases.append(update("ftml_update", "clip", ("+d", "+v", "z"), {**ftml, "wd": "0.03", "clip_grad": "0.3"}))
    lamb = {"t": "3", "wd": "0.1", "beta1": "0.9", "beta2": "0.9"}
    shapes = {"weight": real(3, 5), "grad": real(3, 5), "mean": real(3, 5), "var": positive(3, 5)}
    for label, more in (("plain", {}), ("raw", {"bias_correction": "False", "clip_gradient": "0.3"})):
        cases.append(OpCase("lamb_update_phase1", label, shapes, {**lamb, **more}, mode="imperative",
                            mutates=("mean", "var"), outs=()))  # fmt: skip
    for label, more in (("plain", {}), ("bounded", {"lower_bound": "0.5", "upper_bound": "1.5"})):
        inputs = {"weight": real(3, 5), "g": real(3, 5), "r1": values([2.5]), "r2": values([0.75])}
        cases.append(OpCase("lamb_update_phase2", label, inputs, {"lr": "0.1", **more}, mode="imperative",
                            mutates=("weight",)))  # fmt: skip
    adamw = {"lr": "0.1", "eta": "0.7", "wd": "0.03", "beta1": "0.9", "beta2": "0.9", "clip_gradient": "0.6"}
    cases.append(update("_adamw_update", "plain", ("mean", "+var"), adamw, "rescale_grad"))
    lars = {"eta": "0.1", "eps": "0.001", "rescale_grad": "0.5"}
    inputs = {"lrs": positive(5), "weights_sum_sq": values([1, 2, 0, 4, 5]),
              "grads_sum_sq": values([3, 0, 1, 2, 1]), "wds": positive(5)}  # fmt: skip
    cases.append(OpCase("multi_lars", "plain", inputs, lars, mode="imperative"))
    return cases


def _many() -> list[OpCase]:
    lr = {"lr": "0.1", "wd": "0.03", "rescale_grad": "0.5"}
    cases = [
        master("mp_sgd_update", (), lr),
        master("mp_sgd_mom_update", ("mom",), {**lr, "momentum": "0.9"}),
        master("mp_nag_mom_update", ("mom",), {**lr, "wd": "0.0", "momentum": "0.9"}),
    ]
    adamw = {"lr": "0.1", "eta": "0.7", "wd": "0.03", "beta2": "0.9", "epsilon": "1e-03"}
    cases.append(master("_mp_adamw_update", ("mean", "+var"), adamw))
    cases[-1].inputs["rescale_grad"] = values([0.5])
    half = {"weight": steps(3, 5, dtype="float16"), "weight32": steps(3, 5, dtype="float32")}
    moments = {"grad": real(3, 5, dtype="float16"), "mean": real(3, 5), "var": positive(3, 5)}
    inputs = {"weight": half["weight"], **moments, "weight32": half["weight32"]}
    cases.append(
        OpCase("mp_lamb_update_phase1", "half", inputs, {"t": "3", "wd": "0.1", "beta2": "0.9"},
               mode="imperative", mutates=("mean", "var"), outs=())
    )  # fmt: skip
    rates = {"lrs": "(0.1, 0.2)", "wds": "(0.0, 0.03)", "num_weights": "2"}
    sgd = {"rescale_grad": "0.5", "clip_gradient": "0.3"}
    arrays = (values([0.1, 0.2]), values([0.0, 0.03]))
    for middle in ("", "mp_"):
        end = ("weight32",) if middle else ()
        for name, roles, more in (
            ("sgd_update", ("weight", "grad"), {}),
            ("sgd_mom_update", ("weight", "grad", "mom"), {"momentum": "0.9"}),
        ):
            cases.append(multi(f"multi_{middle}{name}", roles + end, {**rates, **sgd, **more}))
            cases.append(multi(f"preloaded_multi_{middle}{name}", roles + end,
                               {"num_weights": "2", **sgd, **more}, arrays))  # fmt: skip
        roles = ("weight", "grad", "mean", "var", *end)
        adamw = {**rates, "etas": "(0.7, 1.0)", "beta2": "0.9", "epsilon": "1e-03"}
        cases.append(multi(f"_multi_{middle}adamw_update", roles, adamw, (values([0.5]),)))
        lamb = {"learning_rates": "(0.1, 0.2)", "wds": "(0.0, 0.03)", "num_tensors": "2", "beta2": "0.9",
                "step_count": "(1, 3)", "rescale_grad": "0.5", "upper_bound": "0.5"}  # fmt: skip
        cases.append(multi(f"_multi_{middle}lamb_update", roles, lamb))
    return cases


CASES: list[OpCase] = _single() + _many()
