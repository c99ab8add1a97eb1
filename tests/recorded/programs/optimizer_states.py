"""Files of optimizer states: written half way, read by a fresh updater, and training goes on."""

import warnings

import numpy as np

from . import numbers, program

OPTIMIZERS = {
    "sgd": {},
    "sgd momentum": {"momentum": 0.9},
    "nag": {"momentum": 0.9, "wd": 0.1},
    "signum": {},
    "sgld": {},
    "dcasgd": {},
    "adam": {},
    "adagrad": {},
    "adadelta": {},
    "rmsprop": {},
    "rmsprop centered": {"centered": True, "epsilon": 1e-3},
    "ftrl": {},
    "ftml": {},
    "adamax": {},
    "nadam": {},
    "lamb": {},
    "lars": {"momentum": 0.9, "eta": 0.1},
    "lbsgd": {"momentum": 0.9, "batch_scale": 2},
    "ccsgd": {"momentum": 0.5},
    "test": {"rescale_grad": 0.1},
}


def steps(mx, ctx, updater, weights, first, last):
    for step in range(first, last):
        for i, w in enumerate(weights):
            updater(i, mx.nd.array(numbers(*w.shape, shift=step + i), ctx, w.dtype), w)


def made(mx, case, **more):
    return mx.optimizer.get_updater(mx.optimizer.create(case.split()[0], **dict(OPTIMIZERS[case], **more)))


def half_way(mx, ctx, case, dtype="float32", **more):
    """An updater after two steps, and its weights."""
    updater = made(mx, case, **more)
    weights = [mx.nd.array(numbers(2, 3), ctx, dtype), mx.nd.array(numbers(2, shift=1), ctx, dtype)]
    steps(mx, ctx, updater, weights, 0, 2)
    return updater, weights


@program
def goes_on(mx, ctx):
    """States alone: the counts start anew, as they do in MXNet."""
    found = {}
    for case in OPTIMIZERS:
        mx.random.seed(5)
        updater, weights = half_way(mx, ctx, case)
        fresh = made(mx, case)
        fresh.set_states(updater.get_states())
        steps(mx, ctx, fresh, weights, 2, 5)
        found[case] = [weights, fresh.optimizer.num_update]
    return found


@program
def goes_on_with_the_optimizer(mx, ctx):
    found = {}
    for case in OPTIMIZERS:
        mx.random.seed(5)
        schedule = mx.lr_scheduler.FactorScheduler(2, 0.5, base_lr=0.1)
        names = {0: "a_weight", 1: "b_bias"}
        updater, weights = half_way(mx, ctx, case, param_idx2name=names, lr_scheduler=schedule)
        fresh = made(mx, case)
        fresh.set_states(updater.get_states(dump_optimizer=True))
        steps(mx, ctx, fresh, weights, 2, 5)
        found[case] = [
            weights, fresh.optimizer.num_update, fresh.optimizer is updater.optimizer,
            fresh.optimizer.learning_rate, dict(sorted(fresh.optimizer.wd_mult.items())),
        ]  # fmt: skip
    return found


def half_updater(mx, ctx, case):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return half_way(mx, ctx, case, "float16", multi_precision=True)


@program(rtol=3e-3, atol=2e-3)
def goes_on_in_half(mx, ctx):
    found = {}
    for case in ("sgd", "sgd momentum", "nag", "adam", "lamb", "rmsprop centered", "lars"):
        updater, weights = half_updater(mx, ctx, case)
        fresh = made(mx, case, multi_precision=True)
        fresh.set_states(updater.get_states())
        steps(mx, ctx, fresh, weights, 2, 4)
        found[case] = [weights, [str(np.dtype(w.dtype)) for w in weights]]
    return found


OTHERWISE = "the same content in other instructions: a test reads MXNet's bytes"


@program(cpu=True, differs={f"{case}/{kind}": OTHERWISE for case in OPTIMIZERS for kind in ("plain", "pair")})
def files(mx, ctx):
    """What is written, for a test to read; with the weights then, so that it can go on."""
    found = {}
    for case in OPTIMIZERS:
        mx.random.seed(5)
        schedule = mx.lr_scheduler.MultiFactorScheduler([1, 3], 0.5, base_lr=0.1)
        updater, weights = half_way(mx, ctx, case, lr_scheduler=schedule)
        found[case] = {
            "plain": updater.get_states(), "pair": updater.get_states(dump_optimizer=True),
            "weights": weights,
        }  # fmt: skip
    return found


@program(
    cpu=True,
    rtol=3e-3,
    atol=2e-3,
    differs={f"{case}/plain": OTHERWISE for case in ("sgd momentum", "sgd", "nag", "adam", "lamb")},
)
def half_files(mx, ctx):
    found = {}
    for case in ("sgd momentum", "sgd", "nag", "adam", "lamb"):
        updater, weights = half_updater(mx, ctx, case)
        found[case] = {"plain": updater.get_states(), "weights": weights}
    return found
