"""Metrics: values over several updates, odd shapes, empty ones, both sums, names, configurations."""

import warnings

import numpy as np

from . import numbers, outcome, program


def refused(call):
    """As `outcome`, but any error will do: MXNet asserts where cysym raises ValueError or IndexError."""
    found = outcome(call)
    return "refused" if isinstance(found, str) and found.startswith("raises") else found


def scores(*shape, shift=0.0):
    """Probabilities over the second axis, no two of a row equal."""
    raw = np.exp(2 * numbers(*shape, shift=shift).astype(np.float64))
    return (raw / raw.sum(1, keepdims=True)).astype(np.float32)


def classes(n, k, step=1.7):
    """Class numbers below k without a pattern, as float32."""
    return np.floor((np.sin(np.arange(n) * step + 0.5) + 1) / 2.0001 * k).astype(np.float32)


def state(metric):
    """What a user can ask a metric."""
    text = str(metric) if getattr(metric, "num_inst", 0) else ""
    pairs = [[list(pair) for pair in f()] for f in (metric.get_name_value, metric.get_global_name_value)]
    return [list(metric.get()), list(metric.get_global()), *pairs, text]


def numbers_of(metric):
    """Local and global value."""
    return [metric.get()[1], metric.get_global()[1]]


def course(mx, ctx, metric, batches):
    """Values after each batch of (labels, predictions), then a local reset, a batch, a reset, a batch."""
    found = [numbers_of(metric)]
    put = [[[mx.nd.array(a, ctx=ctx, dtype=a.dtype) for a in side] for side in batch] for batch in batches]
    for labels, preds in put:
        metric.update(labels, preds)
        found.append(numbers_of(metric))
    metric.reset_local()
    found.append(numbers_of(metric))
    metric.update(*put[0])
    found.append(numbers_of(metric))
    metric.reset()
    found.append(numbers_of(metric))
    metric.update(*put[-1])
    found.append(numbers_of(metric))
    return found


def classified(k):
    """Three batches of k classes, the last of two outputs."""
    return [
        ([classes(7, k)], [scores(7, k)]),
        ([classes(4, k, 0.9)], [scores(4, k, shift=1)]),
        ([classes(3, k), classes(5, k, 2.3)], [scores(3, k, shift=2), scores(5, k, shift=3)]),
    ]


@program
def classification_courses(mx, ctx):
    M = mx.metric
    found = {}
    for name, arguments in (
        ("acc", {}), ("top_k_acc", {"top_k": 2}), ("top_k_accuracy", {"top_k": 3}), ("ce", {}), ("nll_loss",
        {}), ("ce", {"eps": 0.1}), ("perplexity", {"ignore_label": None}), ("perplexity",
        {"ignore_label": 2}), ("pcc", {}),
    ):  # fmt: skip
        found[f"{name} {sorted(arguments.items())}"] = course(
            mx, ctx, M.create(name, **arguments), classified(5)
        )
    return found


@program
def binary_courses(mx, ctx):
    found = {}
    for name in ("f1", "mcc"):
        for average in ("macro", "micro"):
            found[name + average] = course(mx, ctx, mx.metric.create(name, average=average), classified(2))
    found["pcc"] = course(mx, ctx, mx.metric.PCC(), classified(2))
    return found


@program(differs={f"micro/{k}/1": "MXNet's global value of micro is always 0" for k in (1, 2, 3, 4, 5, 7)})
def regression_courses(mx, ctx):
    batches = [
        ([numbers(6)], [numbers(6, shift=1)]),
        ([numbers(4, shift=2)], [numbers(4, shift=0.5)]),
        ([numbers(3, 2), numbers(5)], [numbers(3, 2, shift=3), numbers(5, shift=4)]),
    ]
    found = {
        name: course(mx, ctx, mx.metric.create(name), batches) for name in ("mae", "mse", "rmse", "pearsonr")
    }
    found["micro"] = course(mx, ctx, mx.metric.PearsonCorrelation(average="micro"), batches)
    return found


@program
def losses_and_functions(mx, ctx):
    batches = [([numbers(3)], [numbers(3, 2)]), ([numbers(4)], [numbers(4, 1, shift=2)])]

    def spread(label, pred):
        return float(np.abs(label.reshape((-1, 1)) - pred).max())

    def counted(label, pred):
        return pred.sum(), pred.shape[0]

    found = {name: course(mx, ctx, mx.metric.create(name), batches) for name in ("loss", "torch", "caffe")}
    found["function"] = course(mx, ctx, mx.metric.create(spread), batches)
    found["pair"] = course(mx, ctx, mx.metric.np(counted), batches)
    found["lambda"] = course(mx, ctx, mx.metric.CustomMetric(lambda label, pred: 1, name="one"), batches)
    extra = mx.metric.np(spread, allow_extra_outputs=True)
    extra.update([mx.nd.array(numbers(3), ctx)], [mx.nd.array(numbers(3, shift=k), ctx) for k in (1, 2, 3)])
    found["extra"] = state(extra)
    strict = mx.metric.np(spread)
    found["strict"] = outcome(lambda: strict.update([mx.nd.ones((3,), ctx)], [mx.nd.ones((3,), ctx)] * 2))
    found["names"] = [strict.name, mx.metric.create(lambda a, b: 0).name, mx.metric.np(spread, "other").name]
    found["config"] = outcome(strict.get_config)
    return found


SHAPES = [
    ((6,), (6, 4)), ((6, 1), (6, 4)), ((6,), (6,)), ((6, 1), (6, 1)), ((6, 1), (6,)), ((1, 6), (6, 4)), ((1,
    6), (1, 6)), ((2, 3), (2, 4, 3)), ((2, 3), (2, 3)), ((6,), (2, 4, 3)), ((2, 3), (6, 4)), ((6,), (5, 4)),
    ((5,), (6, 4)), ((2, 3), (2, 3, 4)), ((6,), (6, 1)), ((1,), (1, 4)), ((1,), (6, 4)), ((6, 4), (6, 4)),
]  # fmt: skip
MADE = [
    ("acc", {}), ("top_k_acc", {"top_k": 2}), ("ce", {}), ("nll_loss", {}), ("mae", {}), ("mse", {}),
    ("rmse", {}), ("pearsonr", {}), ("loss", {}),
]  # fmt: skip


def met(mx, ctx, metric, label, pred):
    """The value after one update with a label and a prediction of some shapes, each in a list."""
    n = int(np.prod(label))
    labels = mx.nd.array(classes(n, 4).reshape(label), ctx)
    preds = mx.nd.array(scores(*pred) if len(pred) > 1 else classes(pred[0], 4, 0.7), ctx)
    metric.update([labels], [preds])
    return metric.get()[1]


@program(
    differs={
        **dict.fromkeys(["top_k_acc (6,) (6,)", "top_k_acc (6, 1) (6,)"], "MXNet compares with positions"),
        "top_k_acc (1, 6) (1, 6)": "one row of six scores has one label, not six",
        **dict.fromkeys(["top_k_acc (6, 1) (6, 1)", "top_k_acc (6,) (6, 1)"], "at most k classes: all taken"),
        **dict.fromkeys(["top_k_acc (1, 6) (6, 4)", "top_k_acc (2, 3) (6, 4)"], "as many labels as rows do"),
    }
)
def odd_shapes(mx, ctx):
    found = {}
    for name, arguments in MADE:
        for label, pred in SHAPES:
            found[f"{name} {label} {pred}"] = refused(
                lambda n=name, a=arguments, s=label, p=pred: met(mx, ctx, mx.metric.create(n, **a), s, p)
            )
    return found


@program(
    differs={
        **dict.fromkeys(["(2, 3) (2, 3, 4) -1", "(6,) (2, 3, 4) -1"], "any shape of labels will do"),
        "(6,) (4, 6) 0": "MXNet looks for the classes on the last axis when it compares sizes",
    }
)
def perplexity_of_odd_shapes(mx, ctx):
    found = {}
    for label, pred, axis in (
        ((6,), (6, 4), -1), ((6,), (6, 4), 1), ((6, 1), (6, 4), -1), ((2, 3), (6, 4), -1), ((2, 3), (2, 3,
        4), -1), ((6,), (2, 3, 4), -1), ((6,), (4, 6), 0), ((4,), (4, 4), 0), ((5,), (6, 4), -1), ((6,), (6,
        4), 2),
    ):  # fmt: skip
        found[f"{label} {pred} {axis}"] = refused(
            lambda s=label, p=pred, a=axis: met(mx, ctx, mx.metric.Perplexity(None, a), s, p)
        )
    ignored = mx.metric.Perplexity(ignore_label=1)
    ignored.update([mx.nd.ones((4,), ctx)], [mx.nd.array(scores(4, 3), ctx)])
    found["all ignored"] = numbers_of(ignored)
    for pad in (-1, 0, 9):
        padded = mx.metric.Perplexity(ignore_label=pad)
        padded.update([mx.nd.array([0, 1, 2, pad, pad], ctx)], [mx.nd.array(scores(5, 3), ctx)])
        found[f"padded by {pad}"] = numbers_of(padded)
    far = mx.metric.Perplexity(ignore_label=None)
    far.update([mx.nd.array([-1, 9, 1], ctx)], [mx.nd.array(scores(3, 3), ctx)])
    found["no class"] = numbers_of(far)
    return found


@program
def axes_of_accuracy(mx, ctx):
    found = {}
    for axis, label, pred in (
        (1, (2, 3), (2, 4, 3)),
        (2, (2, 3), (2, 3, 4)),
        (-1, (2, 3), (2, 3, 4)),
        (0, (6,), (4, 6)),
    ):
        found[f"{axis} {pred}"] = met(mx, ctx, mx.metric.Accuracy(axis=axis), label, pred)
    found["no axis"] = refused(lambda: met(mx, ctx, mx.metric.Accuracy(axis=3), (6,), (6, 4)))
    return found


@program
def labels_that_are_no_class(mx, ctx):
    found = {}
    for name, arguments in (("acc", {}), ("top_k_acc", {"top_k": 2}), ("ce", {}), ("nll_loss", {})):
        for label in (-1, 3, 0.9, 250):
            metric = mx.metric.create(name, **arguments)
            labels, preds = mx.nd.array([0, label], ctx), mx.nd.array(scores(2, 3), ctx)
            found[f"{name} {label}"] = refused(
                lambda m=metric, a=labels, b=preds: m.update([a], [b]) or m.get()[1]
            )
    for name in ("f1", "mcc"):
        for labels in ([0, 1, 2], [0, 2, 2], [1, 1, 1], [0, 0, 0], [5, 5, 1]):
            metric = mx.metric.create(name)
            arrays = mx.nd.array(labels, ctx), mx.nd.array(scores(3, 2), ctx)
            found[f"{name} {labels}"] = refused(
                lambda m=metric, a=arrays: m.update([a[0]], [a[1]]) or m.get()[1]
            )
    return found


@program(differs={"ce ('int64', 'float16')": "MXNet adds up in float16"})
def element_types(mx, ctx):
    found = {}
    for name in ("acc", "ce", "mae", "mse", "loss"):
        for types in (
            ("int32", "float32"),
            ("uint8", "float64"),
            ("int64", "float16"),
            ("float64", "float32"),
        ):
            metric = mx.metric.create(name)
            label = mx.nd.array(classes(6, 2), ctx, dtype=types[0])
            pred = mx.nd.array(np.round(scores(6, 2) * 8) / 8 + 0.125, ctx, dtype=types[1])
            metric.update([label], [pred if name in ("acc", "ce") else pred[:, 0]])
            found[f"{name} {types}"] = metric.get()[1]
    return found


@program
def single_arrays(mx, ctx):
    """Arrays that are not in lists."""
    found = {}
    for name in ("acc", "ce", "mse", "pearsonr", "f1", "loss"):
        for label, pred in (((4,), (4, 2)), ((4,), (4,)), ((4, 1), (4, 2)), ((3,), (4, 2))):
            metric = mx.metric.create(name)
            arrays = mx.nd.array(classes(label[0], 2).reshape(label), ctx), mx.nd.array(scores(4, 2), ctx)
            arrays = arrays if len(pred) == 2 else (arrays[0], arrays[1][:, 1])
            key = f"{name} {label} {pred}"
            found[key] = refused(lambda m=metric, a=arrays: m.update(*a) or m.get()[1])
    return found


@program(cpu=True)
def empty_metrics(mx, ctx):
    made = [
        ("acc", {}), ("top_k_acc", {"top_k": 5}), ("f1", {}), ("mcc", {}), ("pcc", {}), ("perplexity",
        {"ignore_label": 0}), ("mae", {}), ("mse", {}), ("rmse", {}), ("ce", {}), ("nll_loss", {}),
        ("pearsonr", {}), ("loss", {}), ("torch", {}), ("caffe", {}), ("f1", {"average": "micro"}), ("mcc",
        {"average": "micro"}), ("pearsonr", {"average": "micro"}), ("acc", {"name": "mine", "axis": 2}),
        ("composite", {}), ("acc", {"output_names": ["a"], "label_names": ["b"]}),
    ]  # fmt: skip
    found = []
    for name, arguments in made:
        metric = mx.metric.create(name, **arguments)
        empty = outcome(lambda m=metric: m.update([], []) or m.get()[1])
        found.append([name, state(metric), empty, metric.output_names, metric.label_names])
    return found


@program(
    cpu=True,
    differs={
        "f1": "MXNet forgets average",
        "mcc": "MXNet forgets average",
        "pearsonr": "MXNet forgets average",
        "perplexity": "MXNet forgets the axis",
        "top_k_acc/name": "the constructor appends the number again, so MXNet's name grows",
        "again/1": "see above",
    },
)
def configurations(mx, ctx):
    made = [
        ("acc", {"axis": 2, "name": "mine"}), ("top_k_acc", {"top_k": 5}), ("f1", {"average": "micro"}),
        ("mcc", {"average": "micro"}), ("perplexity", {"ignore_label": 0, "axis": 1}), ("mae",
        {"output_names": ["a"]}), ("ce", {"eps": 0.5}), ("nll_loss", {}), ("pearsonr",
        {"average": "micro"}), ("loss", {"label_names": ["b"]}), ("pcc", {}), ("torch", {}),
    ]  # fmt: skip
    metrics = [mx.metric.create(name, **arguments) for name, arguments in made]
    found = {name: dict(sorted(m.get_config().items())) for (name, _), m in zip(made, metrics)}
    found["again"] = [mx.metric.create(**m.get_config()).name for m in metrics]
    composite = mx.metric.CompositeEvalMetric(["acc", metrics[6]], name="both")
    found["composite"] = [
        sorted(composite.get_config()),
        [c["metric"] for c in composite.get_config()["metrics"]],
    ]
    return found


@program(differs={"no child": "MXNet returns the error instead of raising it"})
def composites(mx, ctx):
    M = mx.metric
    metric = M.create(["acc", M.CrossEntropy(), lambda label, pred: 2.0, ["mae", "f1"]])
    label, pred = [mx.nd.array(classes(5, 2), ctx)], [mx.nd.array(scores(5, 2), ctx)]
    found = {"empty": state(metric)}
    metric.update(label, pred)
    metric.update(label, pred)
    found["two"] = state(metric)[:-1]
    metric.reset_local()
    metric.update(label, pred)
    found["local"] = state(metric)[:-1]
    metric.reset()
    found["reset"] = state(metric)
    metric.add("mse")
    metric.update(label, pred)
    found["added"] = state(metric)[:-1]
    found["children"] = [type(m).__name__ for m in metric.metrics]
    found["child"] = metric.get_metric(1).name
    found["no child"] = type(outcome(lambda: metric.get_metric(9))).__name__
    found["no metric"] = refused(lambda: metric.add("nope"))
    found["arguments"] = [m.axis for m in M.create(["acc", "acc"], axis=2).metrics]
    found["nothing"] = state(M.CompositeEvalMetric())
    return found


@program
def updates_by_name(mx, ctx):
    M = mx.metric
    good, bad = mx.nd.array([1, 0], ctx), mx.nd.array([0, 1], ctx)
    found = {}
    for key, arguments in (
        ("both", {"output_names": ["b"], "label_names": ["y"]}), ("output", {"output_names": ["b", "a"]}),
        ("label", {"label_names": ["x", "y"]}), ("none", {}), ("absent", {"output_names": ["nope"],
        "label_names": ["y"]}), ("absent label", {"output_names": ["b"], "label_names": ["nope"]}),
        ("uneven", {"label_names": ["x"]}),
    ):  # fmt: skip
        metric = M.Accuracy(**arguments)
        found[key] = refused(
            lambda m=metric: m.update_dict({"x": bad, "y": good}, {"a": bad, "b": good}) or m.get()[1]
        )
    both = M.CompositeEvalMetric([M.Accuracy(), M.MAE()], output_names=["b"], label_names=["x"])
    both.update_dict({"x": bad, "y": good}, {"a": bad, "b": good})
    found["composite"] = state(both)[0]
    own = M.CompositeEvalMetric(
        [M.Accuracy(output_names=["a"], label_names=["x"]), M.MAE(output_names=["b"], label_names=["y"])]
    )
    own.update_dict({"x": bad, "y": good}, {"a": bad, "b": good})
    found["children's own"] = state(own)[0]
    return found


@program
def refusals(mx, ctx):
    M = mx.metric
    one, two = mx.nd.ones((2,), ctx), mx.nd.array(scores(2, 3), ctx)
    counts = {}
    for name, arguments in [*MADE[:8], ("f1", {}), ("pcc", {}), ("perplexity", {"ignore_label": None})]:
        metric = M.create(name, **arguments)
        counts[name] = [
            refused(lambda m=metric: m.update([one], [two, two])), refused(lambda m=metric: m.update([one,
            one], [two])), metric.num_inst,
        ]  # fmt: skip
    return {
        "counts": counts, "top 1": refused(lambda: M.TopKAccuracy()),
        "unknown": refused(lambda: M.create("nope")), "number": refused(lambda: M.create(3)),
        "instance with more": refused(lambda: M.create(M.MSE(), name="x")),
        "bad argument": outcome(lambda: M.create("acc", nope=1)),
        "base": outcome(lambda: M.EvalMetric("x").update([], [])),
        "check": [ outcome(lambda: M.check_label_shapes([1, 2], [1])),
        outcome(lambda: M.check_label_shapes([1], [2])), outcome(lambda: M.check_label_shapes(one, two,
        shape=True)), len(M.check_label_shapes(one, two, wrap=True)[1]),
        outcome(lambda: M.check_label_shapes([one], two, wrap=True)), ],
    }  # fmt: skip


@program
def metrics_of_users(mx, ctx):
    class ProgramHalf(mx.metric.EvalMetric):
        def __init__(self, name="half", output_names=None, label_names=None, step=0.5):
            super().__init__(name, output_names, label_names, step=step)
            self.step = step

        def update(self, labels, preds):
            for pred in preds:
                self.sum_metric += self.step + pred.asnumpy().sum()
                self.num_inst += pred.shape[0]

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # registered by an earlier run
        mx.metric.register(mx.metric.alias("program_half")(ProgramHalf))

    class Keeps(ProgramHalf):
        def reset(self):
            self.sum_metric, self.num_inst, self.seen = 0.0, 0, []

        def get(self):
            return ["a", "b"], [self.sum_metric, float(self.num_inst)]

    pred = [mx.nd.ones((4, 2), ctx), mx.nd.ones((3, 1), ctx)]
    found = {}
    for name in ("program_half", "ProgramHalf"):
        metric = mx.metric.create(name, step=0.25)
        metric.update([], pred)
        found[name] = state(metric)
        found[name + " config"] = dict(sorted(metric.get_config().items()))
    keeps = Keeps()
    keeps.update([], pred)
    found["keeps"] = [
        [list(p) for p in keeps.get_name_value()],
        [list(p) for p in keeps.get_global_name_value()],
    ]
    found["in a list"] = list(mx.metric.create([keeps, "acc"]).get())
    return found


@program
def odd_children(mx, ctx):
    """Children that answer in tuples, that have their own get_global, whose reset_local resets everything."""

    class Tuples(mx.metric.EvalMetric):
        def __init__(self):
            super().__init__("tuples")
            self.later = 3

        def update(self, labels, preds):
            self.num_inst += 1

        def get(self):
            return ("a", "b"), (1.0, float(self.num_inst))

        def get_global(self):
            return ["whole"], [2.0]

        def reset_local(self):
            self.reset()
            self.later += 1

    child = Tuples()
    metric = mx.metric.CompositeEvalMetric([child, "mae"])
    one = [mx.nd.ones((2,), ctx)]
    metric.update(one, one)
    found = {"two": state(metric)[:-1], "later": [child.later]}
    metric.reset_local()
    found["local"], found["later"] = state(metric)[:-1], [*found["later"], child.later]
    metric.reset()
    found["reset"], found["later"] = state(metric), [*found["later"], child.later]
    return found


@program
def scores_that_are_nan(mx, ctx):
    found = {}
    rows = np.array(
        [[0.1, np.nan, 0.9, 0.2], [np.inf, 0.5, -np.inf, 0.2], [0.1, 0.2, 0.3, np.nan]], np.float32
    )
    for name, arguments in (("acc", {}), ("top_k_acc", {"top_k": 2}), ("top_k_acc", {"top_k": 3})):
        for label in range(4):
            metric = mx.metric.create(name, **arguments)
            metric.update([mx.nd.array([label] * 3, ctx)], [mx.nd.array(rows, ctx)])
            found[f"{metric.name} {label}"] = metric.get()[1]
    for name in ("ce", "perplexity", "mae", "loss"):
        metric = mx.metric.create(name, **({"ignore_label": 7} if name == "perplexity" else {}))
        labels = rows if name == "mae" else np.array([1, 2, 0], np.float32)
        with np.errstate(invalid="ignore"):  # NumPy warns of NaN in both libraries
            metric.update([mx.nd.array(labels, ctx)], [mx.nd.array(rows, ctx)])
        found[name] = numbers_of(metric)
    return found


@program
def two_classes_at_each_place(mx, ctx):
    batches = [
        ([classes(6, 2).reshape(2, 3)], [scores(2, 2, 3)]),
        ([classes(4, 2, 0.9)], [scores(4, 2, shift=1)]),
        ([classes(8, 2, 0.6).reshape(1, 2, 4), classes(3, 2)], [scores(1, 2, 2, 4), scores(3, 2, shift=2)]),
    ]
    found = {}
    for name in ("f1", "mcc"):
        for average in ("macro", "micro"):
            found[name + average] = course(mx, ctx, mx.metric.create(name, average=average), batches)
    return found
