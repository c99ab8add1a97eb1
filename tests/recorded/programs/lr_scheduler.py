"""Learning rate schedules: the rates of many updates, what they log, keep and refuse."""

import pickle

from . import logged, program

SCHEDULES = {
    "factor": ("FactorScheduler", {"step": 3, "factor": 0.5, "base_lr": 1}),
    "factor default": ("FactorScheduler", {"step": 2}),
    "factor stops": ("FactorScheduler", {"step": 1, "factor": 0.1, "stop_factor_lr": 0.005, "base_lr": 0.5}),
    "factor warm": (
        "FactorScheduler",
        {"step": 2, "factor": 0.5, "base_lr": 1, "warmup_steps": 5, "warmup_begin_lr": 0.2},
    ),
    "factor constant": (
        "FactorScheduler",
        {"step": 4, "factor": 0.5, "warmup_steps": 3, "warmup_begin_lr": 0.001, "warmup_mode": "constant"},
    ),
    "steps": ("MultiFactorScheduler", {"step": [2, 5, 9], "factor": 0.1, "base_lr": 1}),
    "steps default": ("MultiFactorScheduler", {"step": [1]}),
    "steps warm": (
        "MultiFactorScheduler",
        {"step": [4, 6], "factor": 0.5, "base_lr": 0.4, "warmup_steps": 4, "warmup_begin_lr": 0.1},
    ),
    "poly": ("PolyScheduler", {"max_update": 8}),
    "poly warm": (
        "PolyScheduler",
        {
            "max_update": 10,
            "base_lr": 1,
            "pwr": 3,
            "final_lr": 0.1,
            "warmup_steps": 3,
            "warmup_begin_lr": 0.2,
        },
    ),
    "poly root": ("PolyScheduler", {"max_update": 7, "base_lr": 2, "pwr": 0.5, "final_lr": 0.5}),
    "cosine": ("CosineScheduler", {"max_update": 9}),
    "cosine warm": (
        "CosineScheduler",
        {"max_update": 11, "base_lr": 0.3, "final_lr": 0.01, "warmup_steps": 2, "warmup_mode": "constant"},
    ),
}


def rates(schedule, updates):
    return [float(schedule(n)) for n in updates]


def kept(schedule):
    return dict(sorted(vars(schedule).items()))


@program(cpu=True)
def every_update(mx, ctx):
    found = {}
    for case, (name, options) in SCHEDULES.items():
        schedule = getattr(mx.lr_scheduler, name)(**options)
        first = kept(schedule)
        with logged() as messages:
            found[case] = [rates(schedule, range(1, 16)), first, kept(schedule)]
        found[case].append(list(messages))
    return found


@program(cpu=True)
def positional(mx, ctx):
    s = mx.lr_scheduler
    made = [
        s.LRScheduler(0.5, 4, 0.1, "constant"),
        s.FactorScheduler(2, 0.5, 0.1, 1.0, 3, 0.2, "linear"),
        s.MultiFactorScheduler([2, 3], 0.5, 1.0, 3, 0.2, "linear"),
        s.PolyScheduler(9, 1.0, 3, 0.1, 3, 0.2, "linear"),
        s.CosineScheduler(9, 1.0, 0.1, 3, 0.2, "linear"),
    ]
    return [[type(x).__name__, kept(x), x.get_warmup_lr(2)] for x in made]


@program(cpu=True)
def jumps_and_repeats(mx, ctx):
    """As when training goes on from a checkpoint, and with two parameters a step."""
    s = mx.lr_scheduler
    return {
        "factor": rates(s.FactorScheduler(2, 0.5, base_lr=1), [7, 7, 8, 3, 9]),
        "steps": rates(s.MultiFactorScheduler([2, 4, 6], 0.5, base_lr=1), [5, 5, 3, 7, 20]),
        "poly": rates(s.PolyScheduler(10, base_lr=1), [4, 4, 2, 10, 11]),
        "cosine": rates(s.CosineScheduler(10, base_lr=1), [4, 4, 2, 10, 11]),
        "zero": rates(s.FactorScheduler(2, 0.5, base_lr=1), [0, 0]),
    }


@program(
    cpu=True,
    differs={
        "poly/0": "MXNet keeps the first rate when it never saw the last update",
        "cosine/0": "the same",
    },
)
def beyond_the_end(mx, ctx):
    s = mx.lr_scheduler
    return {
        "poly": rates(s.PolyScheduler(10, base_lr=1, final_lr=0.25), [15]),
        "cosine": rates(s.CosineScheduler(10, base_lr=1, final_lr=0.25), [15]),
    }


@program(cpu=True)
def pickled_half_way(mx, ctx):
    found = {}
    for case, (name, options) in SCHEDULES.items():
        schedule = getattr(mx.lr_scheduler, name)(**options)
        rates(schedule, range(1, 6))
        found[case] = rates(pickle.loads(pickle.dumps(schedule)), range(6, 13))
    return found


@program(cpu=True)
def with_optimizers(mx, ctx):
    """Which of two rates wins, and where it is kept."""
    s, found = mx.lr_scheduler, {}
    for case, rate in (("none", None), ("same", 0.25), ("other", 0.5)):
        schedule = s.FactorScheduler(2, 0.5, base_lr=0.25)
        optimizer = mx.optimizer.SGD(learning_rate=rate, lr_scheduler=schedule)
        weight = mx.nd.ones((1,), ctx)
        seen = []
        for _ in range(6):
            optimizer.update(0, weight, mx.nd.ones((1,), ctx), None)
            seen.append(float(weight.asnumpy()[0]))
        found[case] = [seen, optimizer.lr, schedule.base_lr, optimizer.learning_rate]
    poly = s.PolyScheduler(10, base_lr=0.25)
    mx.optimizer.SGD(learning_rate=0.5, lr_scheduler=poly)
    found["poly keeps its own"] = [poly.base_lr, poly.base_lr_orig, poly(5)]
    found["ftrl"] = mx.optimizer.Ftrl(lr_scheduler=s.FactorScheduler(2, base_lr=0.25)).learning_rate
    return found


def kind(call):
    try:
        call()
    except Exception as error:
        return type(error).__name__
    return "accepted"


CLEARER = "an assertion in MXNet"


@program(
    cpu=True,
    differs={
        "warmup float": CLEARER, "steps tuple": "taken here", "steps empty": CLEARER, "poly float": CLEARER,
        "cosine float": CLEARER, "warm as long": "divides by 0 later in MXNet",
    },
)  # fmt: skip
def refusals(mx, ctx):
    s = mx.lr_scheduler
    return {
        "warmup float": kind(lambda: s.FactorScheduler(1, warmup_steps=1.5)),
        "warmup negative": kind(lambda: s.FactorScheduler(1, warmup_steps=-1)),
        "warmup above": kind(lambda: s.FactorScheduler(1, warmup_begin_lr=1.0)),
        "warmup mode": kind(lambda: s.FactorScheduler(1, warmup_mode="x")),
        "factor step": kind(lambda: s.FactorScheduler(0)),
        "factor above": kind(lambda: s.FactorScheduler(1, 1.5)),
        "factor one": kind(lambda: s.FactorScheduler(1, 1.0)),
        "steps falling": kind(lambda: s.MultiFactorScheduler([3, 2])),
        "steps equal": kind(lambda: s.MultiFactorScheduler([3, 3])),
        "steps zero": kind(lambda: s.MultiFactorScheduler([0, 3])),
        "steps tuple": kind(lambda: s.MultiFactorScheduler((2, 3))),
        "steps empty": kind(lambda: s.MultiFactorScheduler([])),
        "steps above": kind(lambda: s.MultiFactorScheduler([1], 1.5)),
        "poly zero": kind(lambda: s.PolyScheduler(0)),
        "poly float": kind(lambda: s.PolyScheduler(2.0)),
        "cosine zero": kind(lambda: s.CosineScheduler(0)),
        "cosine float": kind(lambda: s.CosineScheduler(2.0)),
        "warm as long": kind(lambda: s.PolyScheduler(5, warmup_steps=5)),
        "base": kind(lambda: s.LRScheduler()(1)),
        "no step": kind(lambda: s.FactorScheduler()),
    }
