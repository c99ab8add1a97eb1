"""Optimizers: trajectories of 20 steps, multipliers, counts, attributes, and a small net through Module."""

import warnings

import numpy as np

from . import numbers, outcome, program

NAMES = {0: "fc_weight", 1: "fc_bias", 2: "bn_gamma", 3: "out_weight"}
SHAPES = {0: (3, 4), 1: (4,), 2: (5,), 3: (1,)}
COMMON = {"wd": 0.03, "rescale_grad": 0.5, "clip_gradient": 0.7}


def flat(state):
    """Arrays of a state in order; None where there is none."""
    if isinstance(state, (list, tuple)):
        return [part for s in state for part in flat(s)]
    return [state]


def gradient(values, index, step):
    """Depends on the weight, so that every error is felt later, and has signs of its own."""
    return 0.3 * values + numbers(*values.shape, shift=0.1 * step + index, scale=0.8)


def trajectory(mx, ctx, name, dtype="float32", listed=False, show=(1, 2, 5, 20), **options):
    """Weights after some of 20 steps, states and counts at the end."""
    optimizer = mx.optimizer.create(name, param_idx2name=NAMES, **options)
    updater = mx.optimizer.get_updater(optimizer)
    weights = {i: mx.nd.array(numbers(*s, shift=i, scale=0.7), ctx, dtype) for i, s in SHAPES.items()}
    answer = {}
    for step in range(1, 21):
        grads = {
            i: mx.nd.array(gradient(w.asnumpy().astype(np.float32), i, step), ctx, dtype)
            for i, w in weights.items()
        }
        if listed:
            updater(list(weights), list(grads.values()), list(weights.values()))
        else:
            for i, w in weights.items():
                updater(i, grads[i], w)
        if step in show:
            answer[step] = [w.asnumpy() for w in weights.values()]
    answer["states"] = {
        i: [s if s is None else s.asnumpy() for s in flat(updater.states[i])] for i in weights
    }
    answer["types"] = [str(np.dtype(w.dtype)) for w in weights.values()]
    answer["counts"] = optimizer._index_update_count
    answer["updates"] = optimizer.num_update
    answer["rate"] = float(optimizer.learning_rate)
    return answer


def variants(mx, ctx, name, **cases):
    return {case: trajectory(mx, ctx, name, **options) for case, options in cases.items()}


def schedule(mx):
    return mx.lr_scheduler.FactorScheduler(step=6, factor=0.5, base_lr=0.2)


@program
def sgd(mx, ctx):
    return variants(
        mx, ctx, "sgd",
        plain={"learning_rate": 0.1},
        options=dict(COMMON, learning_rate=0.1),
        momentum=dict(COMMON, learning_rate=0.1, momentum=0.9),
        listed=dict(COMMON, learning_rate=0.1, momentum=0.9, listed=True),
        scheduled={"wd": 0.03, "momentum": 0.9, "lr_scheduler": schedule(mx)},
        no_clip={"learning_rate": 0.1, "clip_gradient": 0.0},
    )  # fmt: skip


@program
def nag(mx, ctx):
    return variants(
        mx, ctx, "nag",
        plain=dict(COMMON, learning_rate=0.1),
        momentum={"learning_rate": 0.1, "momentum": 0.9},
        decay={"learning_rate": 0.1, "momentum": 0.9, "wd": 0.4},
        options=dict(COMMON, learning_rate=0.1, momentum=0.8),
    )  # fmt: skip


@program
def signum(mx, ctx):
    return variants(
        mx, ctx, "signum",
        default={},
        plain={"learning_rate": 0.05, "momentum": 0.0, "wd": 0.1},
        options=dict(COMMON, learning_rate=0.05, wd_lh=0.02),
    )  # fmt: skip


@program
def sgld(mx, ctx):
    mx.random.seed(11)
    return variants(mx, ctx, "sgld", default={}, options=dict(COMMON, learning_rate=0.1))


@program
def dcasgd(mx, ctx):
    return variants(
        mx, ctx, "dcasgd", default={"learning_rate": 0.1}, options=dict(COMMON, learning_rate=0.1, lamda=0.5)
    )


@program(differs={"": "MXNet asks an array of several elements whether it is true"})
def dcasgd_with_momentum(mx, ctx):
    return outcome(lambda: trajectory(mx, ctx, "dcasgd", momentum=0.9))


@program
def adam(mx, ctx):
    return variants(
        mx, ctx, "adam",
        default={},
        options=dict(COMMON, learning_rate=0.1, beta1=0.8, beta2=0.95, epsilon=1e-3),
        listed=dict(COMMON, learning_rate=0.1, listed=True),
        scheduled={"lr_scheduler": schedule(mx)},
        later={"begin_num_update": 7, "learning_rate": 0.1},
    )  # fmt: skip


@program
def adagrad(mx, ctx):
    return variants(
        mx, ctx, "adagrad",
        default={"learning_rate": 0.1},
        options=dict(COMMON, learning_rate=0.1, eps=1e-3),
        nothing_passes={"learning_rate": 0.1, "clip_gradient": 0.0, "wd": 0.1},
    )  # fmt: skip


@program
def adadelta(mx, ctx):
    return variants(mx, ctx, "adadelta", default={}, options=dict(COMMON, rho=0.8, epsilon=1e-3))


@program
def rmsprop(mx, ctx):
    return variants(
        mx, ctx, "rmsprop",
        default={},
        options=dict(COMMON, learning_rate=0.05, gamma1=0.8, epsilon=1e-3, clip_weights=0.9),
        centered=dict(COMMON, learning_rate=0.01, centered=True, epsilon=1e-3),
        centered_clipped={
            "learning_rate": 0.01, "centered": True, "gamma2": 0.5, "clip_weights": 0.9, "epsilon": 1e-3,
        },
    )  # fmt: skip


@program
def ftrl(mx, ctx):
    return variants(
        mx, ctx, "ftrl",
        default={},
        options=dict(COMMON, learning_rate=0.2, lamda1=0.3, beta=0.7),
        scheduled={"lr_scheduler": mx.lr_scheduler.FactorScheduler(6, 0.5, base_lr=0.3)},
    )  # fmt: skip


@program(rtol=3e-5)
def ftml(mx, ctx):
    return variants(
        mx, ctx, "ftml",
        default={"learning_rate": 0.1},
        options=dict(COMMON, learning_rate=0.1, beta1=0.5, beta2=0.9, epsilon=1e-4),
    )  # fmt: skip


@program
def adamax(mx, ctx):
    return variants(
        mx, ctx, "adamax", default={}, options=dict(COMMON, learning_rate=0.05, beta1=0.8, beta2=0.95)
    )


@program
def nadam(mx, ctx):
    return variants(
        mx, ctx, "nadam",
        default={},
        options=dict(COMMON, learning_rate=0.05, beta1=0.8, beta2=0.95, epsilon=1e-4, schedule_decay=0.01),
    )  # fmt: skip


@program(rtol=3e-5)
def lamb(mx, ctx):
    return variants(
        mx, ctx, "lamb",
        default={},
        options=dict(COMMON, learning_rate=0.05, beta1=0.8, beta2=0.95, epsilon=1e-4),
        bounded=dict(COMMON, learning_rate=0.05, lower_bound=0.5, upper_bound=0.8),
        uncorrected={"learning_rate": 0.05, "bias_correction": False, "listed": True},
        listed=dict(COMMON, learning_rate=0.05, listed=True),
    )  # fmt: skip


@program
def lars(mx, ctx):
    return variants(
        mx, ctx, "lars",
        default={"learning_rate": 0.5},
        options=dict(COMMON, learning_rate=0.5, eta=0.1, eps=1e-3, momentum=0.9),
        listed=dict(COMMON, learning_rate=0.5, eta=0.1, momentum=0.9, listed=True),
        scheduled={"eta": 0.1, "momentum": 0.9, "lr_scheduler": schedule(mx), "listed": True},
        uncorrected={"eta": 0.1, "momentum": 0.9, "lr_scheduler": schedule(mx), "momentum_correction": False},
    )  # fmt: skip


@program
def lbsgd(mx, ctx):
    return variants(
        mx, ctx, "lbsgd",
        default={"learning_rate": 0.1},
        momentum=dict(COMMON, learning_rate=0.1, momentum=0.9),
        linear={"learning_rate": 0.02, "batch_scale": 3, "warmup_epochs": 2, "updates_per_epoch": 5},
        power={"learning_rate": 0.02, "batch_scale": 2, "warmup_strategy": "power2", "updates_per_epoch": 3},
        root={
            "learning_rate": 0.02, "batch_scale": 2, "warmup_strategy": "sqrt", "begin_epoch": 1,
            "updates_per_epoch": 3,
        },
        other={"learning_rate": 0.02, "batch_scale": 2, "warmup_strategy": "none", "updates_per_epoch": 2},
        lars=dict(COMMON, learning_rate=0.02, batch_scale=2, warmup_strategy="lars", momentum=0.5),
    )  # fmt: skip


@program
def ccsgd_and_test(mx, ctx):
    return {
        "ccsgd": trajectory(mx, ctx, "ccsgd", momentum=0.9, learning_rate=0.1),
        "test": trajectory(mx, ctx, "test", rescale_grad=0.01),
    }


@program
def group_adagrad(mx, ctx):
    optimizer = mx.optimizer.create("groupadagrad", learning_rate=0.1, rescale_grad=0.5, clip_gradient=0.3)
    updater = mx.optimizer.get_updater(optimizer)
    weight = mx.nd.array(numbers(3, 4), ctx)
    for step in range(5):
        updater(0, mx.nd.array(gradient(weight.asnumpy(), 0, step), ctx), weight)
    return {
        "weight": weight,
        "history": updater.states[0],
        "vector": "raises" in str(outcome(lambda: updater(1, mx.nd.ones((3,), ctx), mx.nd.ones((3,), ctx)))),
    }


HALF = {
    "sgd": {"learning_rate": 0.1, "wd": 0.03},
    "sgd momentum": {"learning_rate": 0.1, "momentum": 0.9, "wd": 0.03, "clip_gradient": 0.7},
    "nag": {"learning_rate": 0.1, "wd": 0.03},
    "nag momentum": {"learning_rate": 0.1, "momentum": 0.9, "wd": 0.3},
    "signum": {},
    "dcasgd": {"learning_rate": 0.1},
    "adam": {"learning_rate": 0.05, "wd": 0.03},
    "adagrad": {"learning_rate": 0.1},
    "adadelta": {},
    "rmsprop": {"learning_rate": 0.01},
    "rmsprop centered": {"learning_rate": 0.01, "centered": True, "epsilon": 1e-3},
    "ftrl": {},
    "ftml": {"learning_rate": 0.1},
    "adamax": {},
    "nadam": {},
    "lamb": {"learning_rate": 0.05, "wd": 0.03},
    "lars": {"learning_rate": 0.5, "eta": 0.1, "momentum": 0.9},
    "lars plain": {"learning_rate": 0.5, "eta": 0.1},
    "lbsgd": {"learning_rate": 0.1, "momentum": 0.9, "batch_scale": 2},
}


@program(rtol=4e-3, atol=2e-3)
def half_with_float32_copies(mx, ctx):
    """Gradients are rounded to float16, so a last bit that differs moves whole steps of that size."""
    return {
        case: trajectory(
            mx, ctx, case.split()[0], dtype="float16", multi_precision=True, show=(1, 2, 20),
            listed=case in ("sgd momentum", "lamb", "lars"), **options
        )
        for case, options in HALF.items()
    }  # fmt: skip


@program(rtol=2e-2, atol=1e-2)
def half_alone(mx, ctx):
    """MXNet computes these in float16, cysym in float32 rounded once: a few steps only."""
    found = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for case in ("sgd", "sgd momentum", "nag momentum", "adam", "signum", "adamax", "nadam", "dcasgd"):
            optimizer = mx.optimizer.create(case.split()[0], **HALF[case])
            updater = mx.optimizer.get_updater(optimizer)
            weight = mx.nd.array(numbers(3, 4), ctx, "float16")
            for step in range(3):
                updater(0, mx.nd.array(numbers(3, 4, shift=step), ctx, "float16"), weight)
            found[case] = [weight] + [s for s in flat(updater.states[0]) if s is not None]
    return found


@program
def half_warns(mx, ctx):
    found = {}
    for name in ("sgd", "nag", "adam", "lars", "lbsgd", "rmsprop"):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            optimizer = mx.optimizer.create(name)
            optimizer.create_state_multi_precision(0, mx.nd.ones((2,), ctx, "float16"))
        found[name] = any("float16" in str(w.message) for w in caught)
    return found


@program
def mixed_types_in_one_list(mx, ctx):
    """Parameters are handed over by element type; the double one is updated as double."""
    optimizer = mx.optimizer.SGD(learning_rate=0.1, momentum=0.9, multi_precision=True)
    updater = mx.optimizer.get_updater(optimizer)
    types = ("float32", "float16", "float64", "float32", "float16", "float32", "float32", "float32")
    weights = [mx.nd.array(numbers(3, shift=k), ctx, t) for k, t in enumerate(types)]
    for step in range(3):
        grads = [mx.nd.array([0.5, -1, step], ctx, t) for t in types]
        updater(list(range(8)), grads, weights)
    return {"weights": weights, "states": [len(flat(updater.states[k])) for k in range(8)]}


@program(differs={"gradient": "MXNet multiplies the caller's gradient by rescale_grad"})
def adadelta_leaves_the_gradient(mx, ctx):
    updater = mx.optimizer.get_updater(mx.optimizer.AdaDelta(rescale_grad=0.5))
    weight, grad = mx.nd.array([1.0, -2.0], ctx), mx.nd.array([4.0, 8.0], ctx)
    updater(0, grad, weight)
    return {"weight": weight, "gradient": grad}


@program(
    rtol=2e-3,
    atol=2e-3,
    differs={"half/weight": "MXNet's mp_lamb_update_phase2 never writes the copy", "half/copy": "the same"},
)
def lamb_without_updater(mx, ctx):
    """One parameter at a time, called by hand."""
    found = {}
    for label, dtype in (("single", "float32"), ("half", "float16")):
        optimizer = mx.optimizer.LAMB(learning_rate=0.1, multi_precision=True)
        weight = mx.nd.array([1.0, -2.0, 0.5], ctx, dtype)
        state = optimizer.create_state_multi_precision(0, weight)
        for _ in range(4):
            optimizer.update_multi_precision(0, weight, mx.nd.array([0.5, 1.0, -1.0], ctx, dtype), state)
        found[label] = {"weight": weight}
    found["half"]["copy"] = state[0]
    return found


@program(differs={"adamax": "MXNet divides 0 by 0, so one dead unit turns the network into NaN"})
def zero_gradients(mx, ctx):
    """What 0/0 does where no gradient has been seen yet."""
    found = {}
    for name in ("adam", "adagrad", "adadelta", "adamax", "nadam", "rmsprop", "ftrl", "ftml", "lamb", "lars"):
        updater = mx.optimizer.get_updater(mx.optimizer.create(name))
        weight = mx.nd.array([1.0, -2.0, 0.0], ctx)
        for _ in range(2):
            updater(0, mx.nd.array([0.0, 1.0, 0.0], ctx), weight)
        found[name] = weight
    return found


@program
def attributes(mx, ctx):
    """What an optimizer keeps, by name, as pickles hold it."""
    names = sorted(n for n in mx.optimizer.Optimizer.opt_registry if n in REGISTERED)
    kept = {n: dict(sorted(vars(mx.optimizer.create(n)).items())) for n in names}
    with_schedule = mx.optimizer.SGD(lr_scheduler=mx.lr_scheduler.FactorScheduler(2, base_lr=0.25))
    return {
        "kept": kept,
        "scheduled": [with_schedule.lr, with_schedule.learning_rate],
        "pickled": sorted(with_schedule.__getstate__()),
        "classes": [type(mx.optimizer.create(n)).__name__ for n in names],
    }


REGISTERED = [
    "adadelta", "adagrad", "adam", "adamax", "ccsgd", "dcasgd", "ftml", "ftrl", "groupadagrad", "lamb",
    "lars", "lbsgd", "nadam", "nag", "rmsprop", "sgd", "sgld", "signum", "test",
]  # fmt: skip


@program
def multipliers(mx, ctx):
    weight = mx.sym.Variable("fc_weight", lr_mult=3.0, wd_mult=0.5)
    scale = mx.sym.Variable("scale", wd_mult=2.0)
    net = mx.sym.FullyConnected(mx.sym.Variable("data") * scale, weight=weight, num_hidden=2, name="fc")
    names = {0: "fc_weight", 1: "fc_bias", 2: "bn_gamma", 3: "bn_beta", 4: "scale"}

    class Parameter:
        lr_mult, wd_mult = 0.25, 4.0

    found = {}
    for kind in ("sgd", "adam", "lars"):
        optimizer = mx.optimizer.create(kind, learning_rate=0.1, wd=1.0, sym=net, param_idx2name=names)

        def rates(optimizer=optimizer):
            return [
                [float(x) for x in optimizer._get_lrs([*names, 9])],
                [float(x) for x in optimizer._get_wds([*names, 9])],
                [float(optimizer._get_lr(4)), float(optimizer._get_wd(4))],
                dict(sorted((str(k), v) for k, v in optimizer.lr_mult.items())),
                dict(sorted((str(k), v) for k, v in optimizer.wd_mult.items())),
            ]

        found[kind] = [rates()]
        optimizer.set_lr_mult({"fc_bias": 0.0, 0: 1.0})
        optimizer.set_wd_mult({"scale": 3.0, 2: 0.0})
        found[kind].append(rates())
        optimizer.param_dict = {1: Parameter()}
        found[kind].append(rates())
    return found


@program
def counts(mx, ctx):
    """Updates are counted for every device apart; `num_update` is the most of any parameter."""
    optimizer = mx.optimizer.SGD(
        begin_num_update=5, lr_scheduler=mx.lr_scheduler.FactorScheduler(2, 0.5, base_lr=1)
    )
    seen = []
    for device in (0, 1, 0, 1, 1):
        optimizer._set_current_context(device)
        optimizer._update_count("a")
        optimizer._update_count([7, "b"])
        seen.append([optimizer.num_update, optimizer.learning_rate])
    return [seen, optimizer._all_index_update_counts, optimizer._index_update_count]


@program
def refusals(mx, ctx):
    scheduled = mx.optimizer.SGD(lr_scheduler=mx.lr_scheduler.FactorScheduler(2))
    free = mx.optimizer.SGD()
    free.set_learning_rate(0.5)
    base = mx.optimizer.Optimizer()
    one = mx.nd.ones((1,), ctx)

    def kind(call):
        try:
            return str(call())
        except Exception as error:
            return type(error).__name__

    return {
        "scheduled": kind(lambda: scheduled.set_learning_rate(1.0)),
        "free": free.learning_rate,
        "scale": kind(lambda: free.set_lr_scale({})),
        "unknown": kind(lambda: mx.optimizer.create("nope")),
        "keyword": kind(lambda: mx.optimizer.create("sgd", nope=1)),
        "base": kind(lambda: base.update(0, one, one, None)),
        "base state": base.create_state(0, one),
        "case": type(mx.optimizer.create("RmsProp")).__name__,
        "signum": kind(lambda: trajectory(mx, ctx, "signum", momentum=0.0, wd_lh=0.1)),
    }


@program
def user_defined(mx, ctx):
    """A class of a user's own, and one that replaces it."""

    class Halving(mx.optimizer.Optimizer):
        def create_state(self, index, weight):
            return mx.nd.zeros((1,), ctx)

        def update(self, index, weight, grad, state):
            self._update_count(index)
            state += 1
            weight[:] = weight * 0.5 - self._get_lr(index) * grad

    mx.optimizer.register(Halving)
    mx.optimizer.Optimizer.register(Halving)
    made = mx.optimizer.Optimizer.create_optimizer("halving", learning_rate=0.25, param_idx2name={0: "x"})
    made.set_lr_mult({"x": 2.0})
    updater = mx.optimizer.get_updater(made)
    weights = [mx.nd.ones((3,), ctx), mx.nd.ones((2,), ctx)]
    for _ in range(3):
        updater([0, 1], [mx.nd.ones((3,), ctx), mx.nd.ones((2,), ctx)], weights)
    updater("2", mx.nd.ones((2,), ctx), weights[1])
    del mx.optimizer.Optimizer.opt_registry["halving"]
    return {
        "weights": weights,
        "states": updater.states,
        "counts": made._index_update_count,
        "aggregate": [updater.aggregate_updates, made.aggregate_num],
    }


NETS = {
    "sgd": {"learning_rate": 0.3},
    "sgd momentum": {"learning_rate": 0.3, "momentum": 0.9, "wd": 1e-2},
    "nag": {"learning_rate": 0.3, "momentum": 0.9, "wd": 1e-2},
    "signum": {},
    "sgld": {"learning_rate": 0.05},
    "dcasgd": {"learning_rate": 0.3},
    "adam": {"learning_rate": 0.05, "wd": 1e-2},
    "adagrad": {"learning_rate": 0.3},
    "adadelta": {"epsilon": 1e-2},
    "rmsprop": {"learning_rate": 0.03},
    "rmsprop centered": {"learning_rate": 0.03, "centered": True, "epsilon": 1e-3},
    "ftrl": {"learning_rate": 0.3},
    "ftml": {"learning_rate": 0.1},
    "adamax": {"learning_rate": 0.05},
    "nadam": {"learning_rate": 0.05},
    "lamb": {"learning_rate": 0.05, "wd": 1e-2},
    "lars": {"learning_rate": 0.5, "eta": 0.1, "momentum": 0.9, "wd": 1e-2},
    "lbsgd": {"learning_rate": 0.1, "batch_scale": 2, "warmup_epochs": 1, "updates_per_epoch": 8},
    "ccsgd": {"learning_rate": 0.3, "clip_gradient": 0.5},
}


@program(rtol=1e-4, atol=2e-6)
def through_module(mx, ctx):
    """20 steps of a small net, with a schedule that no optimizer can miss."""
    net = mx.sym.Activation(mx.sym.FullyConnected(mx.sym.Variable("data"), num_hidden=5, name="a"), "tanh")
    net = mx.sym.SoftmaxOutput(mx.sym.FullyConnected(net, num_hidden=3, name="b"), name="softmax")
    label = np.arange(40) % 3
    data = numbers(40, 6, scale=0.3) + np.eye(3)[label].repeat(2, axis=1).astype(np.float32)
    shapes = {"a_weight": (5, 6), "a_bias": (5,), "b_weight": (3, 5), "b_bias": (3,)}
    start = {name: numbers(*shape, shift=k, scale=0.3) for k, (name, shape) in enumerate(shapes.items())}
    found = {}
    for case, options in NETS.items():
        mx.random.seed(3)
        feed = mx.io.NDArrayIter(data, label.astype(np.float32), batch_size=10)
        module = mx.mod.Module(net, context=ctx)
        module.bind(feed.provide_data, feed.provide_label)
        module.init_params(arg_params={k: mx.nd.array(v) for k, v in start.items()})
        options = dict(options, lr_scheduler=mx.lr_scheduler.FactorScheduler(8, 0.5))
        module.init_optimizer(optimizer=case.split()[0], optimizer_params=options)
        for _ in range(5):
            feed.reset()
            for batch in feed:
                module.forward_backward(batch)
                module.update()
        args, _ = module.get_params()
        found[case] = {name: args[name] for name in shapes}
    return found
