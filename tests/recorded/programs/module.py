"""Module on one context: its life, its loops, what it is told and what it says."""

import re
import warnings
from collections import namedtuple

import numpy as np

from . import logged, numbers, outcome, program

SHAPES, LABELS = [("data", (4, 3))], [("softmax_label", (4,))]
ROWS = numbers(10, 3)
CLASSES = np.array([0, 1, 2, 1, 0, 2, 2, 1, 0, 1], dtype=np.float32)


def mlp(mx, hidden=5):
    net = mx.sym.FullyConnected(mx.sym.Variable("data"), num_hidden=hidden, name="fc1")
    net = mx.sym.Activation(net, act_type="tanh", name="act")
    net = mx.sym.FullyConnected(net, num_hidden=3, name="fc2")
    return mx.sym.SoftmaxOutput(net, name="softmax")


def weights(mx):
    shapes = {"fc1_weight": (5, 3), "fc1_bias": (5,), "fc2_weight": (3, 5), "fc2_bias": (3,)}
    return {n: mx.nd.array(numbers(*s, shift=0.1 * i, scale=0.5)) for i, (n, s) in enumerate(shapes.items())}


def batch(mx, start=0, stop=4, labels=True):
    label = [mx.nd.array(CLASSES[start:stop])] if labels else None
    return mx.io.DataBatch([mx.nd.array(ROWS[start:stop])], label)


def ready(mx, ctx, optimizer="sgd", params=(("learning_rate", 0.5),), **options):
    module = mx.mod.Module(mlp(mx), context=ctx)
    module.bind(SHAPES, LABELS, **options)
    module.init_params(arg_params=weights(mx), aux_params={})
    module.init_optimizer(optimizer=optimizer, optimizer_params=params)
    return module


def iterator(mx, size=4, **options):
    return mx.io.NDArrayIter(ROWS, CLASSES, size, **options)


def arguments(module):
    return {name: array.asnumpy() for name, array in sorted(module.get_params()[0].items())}


def refused(call):
    """Whether a call raises: MXNet asserts where cysym says what is wrong."""
    try:
        call()
    except Exception:
        return True
    return False


def timeless(messages):
    return [re.sub(r"cost=[0-9.]+", "cost=", message) for message in messages]


@program
def life_cycle(mx, ctx):
    module = mx.mod.Module(mlp(mx), context=ctx)

    def flags():
        return [module.binded, module.params_initialized, module.optimizer_initialized, module.for_training]

    found = {"names": [module.data_names, module.label_names, module.output_names], "new": flags()}
    found["private before"] = [module._data_shapes, module._label_shapes, module._arg_params]
    module.bind(SHAPES, LABELS)
    found["bound"] = flags()
    found["shapes"] = [str(module.data_shapes), str(module.label_shapes), module.output_shapes]
    found["private"] = [str(module._data_shapes), str(module._label_shapes), module._param_names]
    found["zero"] = {n: v.asnumpy() for n, v in sorted(module._arg_params.items())}
    module.init_params(arg_params=weights(mx), aux_params={})
    module.init_optimizer()
    found["ready"] = flags()
    found["optimizer"] = [module._optimizer.rescale_grad, module._optimizer.idx2name, module._optimizer.lr]
    found["store"] = [module._kvstore, module._update_on_kvstore, len(module._context)]
    found["symbol"] = module.symbol.list_arguments()
    return found


@program
def three_steps(mx, ctx):
    module = ready(mx, ctx, params={"learning_rate": 0.5, "momentum": 0.9, "wd": 0.01})
    found = []
    for start in (0, 4, 2):
        module.forward_backward(batch(mx, start, start + 4))
        group = module._exec_group
        found.append([module.get_outputs()[0].asnumpy(), [g[0].asnumpy() for g in group.grad_arrays]])
        module.update()
    return [*found, arguments(module)]


@program
def fit_logs_and_calls_back(mx, ctx):
    calls = []

    def at_batch(param):
        keys = {"self", "data_batch", "nbatch", "epoch", "eval_metric", "train_data"}
        calls.append(["batch", param.epoch, param.nbatch, sorted(keys - set(param.locals))])

    def at_epoch(epoch, symbol, args, auxs):
        calls.append(["epoch", epoch, symbol.list_outputs(), sorted(args), sorted(auxs)])

    module = mx.mod.Module(mlp(mx), context=ctx)
    with logged() as messages:
        module.fit(
            iterator(mx), eval_data=iterator(mx), eval_metric=["acc", "ce"], validation_metric="mse",
            batch_end_callback=[at_batch], epoch_end_callback=at_epoch,
            eval_end_callback=lambda p: calls.append(["scored", p.epoch, p.nbatch]),
            eval_batch_end_callback=lambda p: calls.append(["eval", p.epoch, p.nbatch]),
            optimizer_params={"learning_rate": 0.5}, arg_params=weights(mx), aux_params={},
            begin_epoch=2, num_epoch=4,
        )  # fmt: skip
    return {"log": timeless(messages), "calls": calls, "after": arguments(module)}


@program
def second_fit(mx, ctx):
    module = mx.mod.Module(mlp(mx), context=ctx)
    module.fit(iterator(mx), num_epoch=1, arg_params=weights(mx), aux_params={})
    with logged() as messages, warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        module.fit(iterator(mx), num_epoch=1, arg_params=weights(mx), aux_params={})
    texts = [str(w.message) for w in warned if "init_params" in str(w.message)]
    again = [timeless(messages), texts, module._optimizer.num_update]
    module.fit(iterator(mx, 5), num_epoch=1, force_rebind=True, force_init=True, arg_params=weights(mx))
    return [*again, module._exec_group.batch_size, arguments(module)]


@program
def fit_with_what_is_missing(mx, ctx):
    def train(**options):
        module = mx.mod.Module(mlp(mx), context=ctx)
        with logged():
            module.fit(iterator(mx), initializer=mx.init.One(), **options)
        return {n: v.ravel()[:2] for n, v in arguments(module).items()}

    part = {"fc1_weight": weights(mx)["fc1_weight"]}
    return {
        "no epochs": refused(train),
        "part": outcome(lambda: train(num_epoch=1, arg_params=part, aux_params={})),
        "missing allowed": train(num_epoch=1, arg_params=part, aux_params={}, allow_missing=True),
        "none": train(num_epoch=1),
        "zero epochs": train(num_epoch=0, arg_params=weights(mx)),
    }


@program
def prediction(mx, ctx):
    module = ready(mx, ctx, for_training=False)
    found = {
        "whole": module.predict(iterator(mx)),
        "batches": [[o.asnumpy() for o in b] for b in module.predict(iterator(mx), merge_batches=False)],
        "listed": [o.asnumpy() for o in module.predict(iterator(mx), always_output_list=True)],
        "two": module.predict(iterator(mx), num_batch=2),
        "array": module.predict(ROWS[:4]).asnumpy(),
        "other": outcome(lambda: module.predict([ROWS])),
    }
    found["iterated"] = [
        [i, [o.asnumpy() for o in outs], b.pad]
        for outs, i, b in module.iter_predict(iterator(mx), num_batch=3)
    ]
    started = iterator(mx)
    started.next()
    found["without reset"] = module.predict(started, reset=False).shape
    return found


@program
def scoring(mx, ctx):
    module = ready(mx, ctx, for_training=False)
    calls = []
    scores = module.score(
        iterator(mx), ["acc", mx.metric.CrossEntropy(), "top_k_accuracy"][:2], num_batch=2, epoch=7,
        batch_end_callback=[lambda p: calls.append([p.epoch, p.nbatch, p.eval_metric.get()])],
        score_end_callback=lambda p: calls.append([p.epoch, p.nbatch]),
    )  # fmt: skip
    metric = mx.metric.create("acc")
    module.score(iterator(mx), metric)
    return [scores, calls, metric.get(), module.score(iterator(mx), mx.metric.np(lambda a, b: a.sum()))]


@program
def assigning_parameters(mx, ctx):
    module = ready(mx, ctx)
    given = weights(mx)
    extra = dict(given, zz=mx.nd.ones((2,)))
    part = {"fc2_bias": mx.nd.ones((3,))}
    found = {
        "extra": outcome(lambda: module.set_params(extra, {})),
        "extra, missing allowed": outcome(lambda: module.set_params(extra, {}, allow_missing=True)),
        "extra allowed": outcome(lambda: module.set_params(extra, {}, allow_missing=True, allow_extra=True)),
        "missing": outcome(lambda: module.set_params(part, {})),
        "part": outcome(lambda: module.set_params(part, {}, allow_missing=True)),
        "shape": outcome(lambda: module.set_params(dict(given, fc2_bias=mx.nd.ones((4,))), {})),
    }
    module.set_params(given, {})
    module.set_params(part, {}, allow_missing=True)
    found["after part"] = arguments(module)
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        module.set_params({}, {}, allow_missing=True, force_init=False)
        module.set_params(given, {}, force_init=False)
        module.init_params(mx.init.Zero())
    found["ignored"] = [str(w.message) for w in warned]
    module.init_params(mx.init.One(), force_init=True)
    found["again"] = arguments(module)
    module.init_params(mx.init.Zero(), arg_params=part, allow_missing=True, force_init=True)
    found["completed"] = arguments(module)
    return found


@program
def first_values(mx, ctx):
    module = mx.mod.Module(mlp(mx), context=ctx)
    module.bind(SHAPES, LABELS)
    mx.random.seed(11)
    module.init_params()
    first = arguments(module)
    mx.random.seed(11)
    module.init_params(mx.init.Xavier(), force_init=True)
    mixed = mx.init.Mixed([".*bias", ".*"], [mx.init.Constant(2), mx.init.Normal(0.5)])
    second = arguments(module)
    module.init_params(mixed, force_init=True)
    return [first, second, arguments(module)]


@program
def other_batch_sizes(mx, ctx):
    module = ready(mx, ctx)
    shapes, found = [], []
    for start, stop in ((0, 4), (2, 5), (0, 8), (0, 4), (4, 5)):
        module.forward(batch(mx, start, stop))
        module.backward()
        module.update()
        found.append(module.get_outputs()[0].asnumpy())
        shapes.append([str(module.data_shapes), str(module.label_shapes), module.output_shapes])
    module.reshape([("data", (6, 3))], [("softmax_label", (6,))])
    shapes.append([str(module.data_shapes), module.output_shapes, module._exec_group.batch_size])
    told = batch(mx, 0, 2)
    told.provide_data, told.provide_label = [("data", (2, 3))], [("softmax_label", (2,))]
    module.forward(told, is_train=False)
    shapes.append(module.output_shapes)
    return [shapes, found, arguments(module)]


@program
def predictor(mx, ctx):
    """The commonest idiom: no labels anywhere, a named tuple as batch."""
    Batch = namedtuple("Batch", ["data"])
    module = mx.mod.Module(mlp(mx), label_names=None, context=ctx)
    module.bind(for_training=False, data_shapes=[("data", (1, 3))], label_shapes=module._label_shapes)
    module.set_params(weights(mx), {}, allow_missing=True)
    found = []
    for row in range(3):
        module.forward(Batch([mx.nd.array(ROWS[row : row + 1])]))
        found.append(module.get_outputs()[0].asnumpy())
    return [found, module.label_shapes, sorted(module.get_params()[0])]


@program
def features(mx, ctx):
    """A layer inside as output: parameters behind it are surplus."""
    inner = mlp(mx).get_internals()["act_output"]
    module = mx.mod.Module(inner, label_names=None, context=ctx)
    module.bind([("data", (2, 3))], for_training=False)
    module.set_params(weights(mx), {})
    module.forward(mx.io.DataBatch([mx.nd.array(ROWS[:2])]), is_train=False)
    strict = outcome(lambda: module.set_params(weights(mx), {}, allow_missing=True))
    return [module.output_shapes, module.get_outputs()[0], sorted(module.get_params()[0]), strict]


@program
def gradients(mx, ctx):
    data, other = mx.sym.Variable("data"), mx.sym.Variable("other")
    net = mx.sym.FullyConnected(data * other, num_hidden=2, name="fc")
    inputs = [("data", (2, 3)), ("other", (2, 3))]
    values = [mx.nd.array(numbers(2, 3)), mx.nd.array(numbers(2, 3, shift=1))]
    params = {"fc_weight": mx.nd.array(numbers(2, 3)), "fc_bias": mx.nd.zeros((2,))}
    head = mx.nd.array(numbers(2, 2, shift=2), ctx)
    found = {}
    requests = {
        "write": "write",
        "add": "add",
        "list": ["write", "null", "add", "write"],
        "dict": {"other": "null", "fc_weight": "add"},
    }
    for kind, grad_req in requests.items():
        for fixed in (None, ["fc_bias"]):
            module = mx.mod.Module(net, ["data", "other"], None, context=ctx, fixed_param_names=fixed)
            module.bind(inputs, inputs_need_grad=True, grad_req=grad_req)
            module.init_params(arg_params=params, aux_params={})
            for _ in range(2):
                module.forward(mx.io.DataBatch(values), is_train=True)
                module.backward([head])
            group = module._exec_group
            found[kind + str(fixed)] = {
                "inputs": module.get_input_grads(),
                "params": [g[0] for g in group.grad_arrays],
                "requests": dict(sorted(group.grad_req.items())),
            }
    return found


@program
def sharing(mx, ctx):
    module = ready(mx, ctx)
    other = mx.mod.Module(mlp(mx), context=ctx)
    other.bind([("data", (2, 3))], [("softmax_label", (2,))], shared_module=module)
    found = [other.params_initialized, other.optimizer_initialized, other._optimizer is module._optimizer]
    other.forward_backward(batch(mx, 0, 2))
    other.update()
    module.forward_backward(batch(mx, 2, 6))
    module.update()
    found.append(module._exec_group.param_arrays[0][0])
    found.append(other._exec_group.param_arrays[0][0])
    third = mx.mod.Module(mlp(mx), context=ctx)
    third.bind(SHAPES, LABELS)
    third.init_params(arg_params=weights(mx), aux_params={})
    third.borrow_optimizer(module)
    third.forward_backward(batch(mx))
    third.update()
    found.append(refused(lambda: third.bind([])))
    return [*found, third._optimizer is module._optimizer, arguments(third)]


@program
def states(mx, ctx):
    data, state = mx.sym.Variable("data"), mx.sym.Variable("state")
    net = mx.sym.FullyConnected(mx.sym.elemwise_add(data, state), num_hidden=1, no_bias=True, name="fc")
    module = mx.mod.Module(net, label_names=None, state_names=["state"], context=ctx)
    module.bind([("data", (2, 3))])
    module.init_params(mx.init.One())
    found = [sorted(module.get_params()[0])]
    one = mx.io.DataBatch([mx.nd.ones((2, 3))])
    module.set_states(value=2)
    module.forward(one)
    found.append([module.get_outputs()[0].asnumpy(), module.get_states(merge_multi_context=False)[0][0]])
    module.set_states(states=[[mx.nd.array(numbers(2, 3))]])
    module.forward(one)
    found.append(module.get_outputs()[0])
    found.append([refused(module.set_states), refused(lambda: module.set_states([], 3))])
    return found


@program
def two_heads(mx, ctx):
    data = mx.sym.Variable("data")
    left = mx.sym.SoftmaxOutput(mx.sym.FullyConnected(data, num_hidden=3, name="a"), name="softmax")
    right = mx.sym.LinearRegressionOutput(mx.sym.FullyConnected(data, num_hidden=1, name="b"), name="lr")
    net = mx.sym.Group([left, right])
    labels = {"softmax_label": CLASSES, "lr_label": numbers(10, 1)}
    rows = mx.io.NDArrayIter({"data": ROWS}, labels, 5)
    module = mx.mod.Module(net, label_names=["softmax_label", "lr_label"], context=ctx)

    def hits(label, pred):
        return float((label == pred.argmax(1)).mean()) if pred.shape[1] == 3 else float(pred.mean())

    metric = mx.metric.CompositeEvalMetric()
    metric.add(mx.metric.CustomMetric(hits, output_names=["softmax_output"], label_names=["softmax_label"]))
    metric.add(mx.metric.MSE(output_names=["lr_output"], label_names=["lr_label"]))
    with logged() as messages:
        module.fit(rows, eval_metric=metric, num_epoch=2, initializer=mx.init.Constant(0.1))
    outputs = module.predict(rows)
    return [timeless(messages), [o.asnumpy() for o in outputs], module.output_shapes, arguments(module)]


@program
def optimizers_and_names(mx, ctx):
    data = mx.sym.Variable("data")
    slow = mx.sym.Variable("fc_weight", lr_mult=0.1, wd_mult=0)
    net = mx.sym.FullyConnected(data, weight=slow, num_hidden=3, name="fc")
    module = mx.mod.Module(mx.sym.SoftmaxOutput(net, name="softmax"), context=ctx)
    module.bind(SHAPES, LABELS)
    module.init_params(mx.init.One())
    module.init_optimizer(optimizer_params={"learning_rate": 0.5, "wd": 0.1, "rescale_grad": 1.0})
    module.forward_backward(batch(mx))
    module.update()
    found = {"scaled": arguments(module), "rescale": module._optimizer.rescale_grad}
    with warnings.catch_warnings(record=True) as warned, logged() as messages:
        warnings.simplefilter("always")
        module.init_optimizer(optimizer="adam")
        module.init_optimizer(optimizer=mx.optimizer.SGD(), force_init=True)
    found["said"] = [messages, [str(w.message) for w in warned]]
    found["own"] = [module._optimizer.idx2name, module._optimizer.rescale_grad]
    found["wrong"] = [
        refused(lambda: module.init_optimizer(optimizer=3, force_init=True)),
        outcome(lambda: module.init_optimizer(optimizer="nope", force_init=True)),
        outcome(lambda: module.init_optimizer(kvstore=3, force_init=True)),
    ]
    schedule = mx.lr_scheduler.FactorScheduler(2, 0.5, base_lr=0.4)
    params = {"lr_scheduler": schedule, "learning_rate": 0.4}
    module.init_optimizer(optimizer_params=params, force_init=True)
    rates = []
    for _ in range(5):
        module.forward_backward(batch(mx))
        module.update()
        rates.append(schedule(module._optimizer.num_update))
    return dict(found, rates=rates, after=arguments(module))


@program
def a_store_for_one_context(mx, ctx):
    """A store given as an object is used even there."""
    store = mx.kv.create("local")
    module = mx.mod.Module(mlp(mx), context=ctx)
    module.bind(SHAPES, LABELS)
    module.init_params(arg_params=weights(mx), aux_params={})
    module.init_optimizer(kvstore=store, optimizer_params={"learning_rate": 0.5, "momentum": 0.9})
    for start in (0, 4):
        module.forward_backward(batch(mx, start, start + 4))
        module.update()
    pulled = mx.nd.zeros((3,))
    store.pull("fc2_bias", out=pulled)
    return [module._kvstore is store, module._update_on_kvstore, module._updater, pulled, arguments(module)]


@program
def names_are_checked(mx, ctx):
    def said(call):
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            result = outcome(lambda: call() and None)
        return [result, len([w for w in warned if issubclass(w.category, UserWarning)])]

    net = mlp(mx)
    return {
        "data": said(lambda: mx.mod.Module(net, ["dat"])),
        "label": said(lambda: mx.mod.Module(net, label_names=["lab"])),
        "state": said(lambda: mx.mod.Module(net, state_names=["s"])),
        "fixed": said(lambda: mx.mod.Module(net, fixed_param_names=["f"])),
        "bind data": said(lambda: mx.mod.Module(net).bind([("dat", (4, 3))], LABELS)),
        "bind label": said(lambda: mx.mod.Module(net).bind(SHAPES)),
        "loads": refused(lambda: mx.mod.Module(net, work_load_list=[1, 2])),
    }


@program
def steps_out_of_order(mx, ctx):
    module, found = mx.mod.Module(mlp(mx), context=ctx), []
    calls = [
        lambda: module.forward(batch(mx)), module.backward, module.update, module.get_params,
        lambda: module.data_shapes, lambda: module.output_shapes, module.get_outputs,
        lambda: module.predict(iterator(mx)), lambda: module.score(iterator(mx), "acc"),
        lambda: module.reshape(SHAPES, LABELS), module.get_input_grads, lambda: module.prepare(batch(mx)),
    ]  # fmt: skip
    for _ in range(3):
        found.append([refused(call) for call in calls])
        if not module.binded:
            module.bind(SHAPES, LABELS)
        elif not module.params_initialized:
            module.init_params()
    return found


@program
def a_module_of_ones_own(mx, ctx):
    """A subclass of BaseModule that is no Module: linear regression in NumPy."""

    class Line(mx.mod.BaseModule):
        data_names, output_names = ["data"], ["line_output"]

        def bind(self, data_shapes, label_shapes=None, for_training=True, **options):
            self.shapes, self.binded, self.for_training = [data_shapes, label_shapes], True, for_training
            self.calls = ["bind"]

        data_shapes = property(lambda self: self.shapes[0])
        label_shapes = property(lambda self: self.shapes[1])

        def init_params(self, initializer=None, arg_params=None, aux_params=None, **options):
            self.calls.append("init")
            if arg_params is None:
                self.slope = mx.nd.zeros((3, 1))
                initializer(mx.init.InitDesc("slope_weight"), self.slope)
            self.params_initialized = True

        def get_params(self):
            return {"slope_weight": self.slope}, {}

        def init_optimizer(self, **options):
            self.calls.append(sorted(options))
            self.optimizer_initialized = True

        def forward(self, data_batch, is_train=None):
            self.rows, self.label = data_batch.data[0], data_batch.label
            self.out = mx.nd.dot(self.rows, self.slope)

        def backward(self, out_grads=None):
            self.grad = mx.nd.dot(self.rows, self.out - self.label[0].reshape((-1, 1)), transpose_a=True)

        def update(self):
            self.slope -= 0.05 * self.grad

        def update_metric(self, eval_metric, labels, pre_sliced=False):
            eval_metric.update([label.reshape((-1, 1)) for label in labels], [self.out])

        def get_outputs(self, merge_multi_context=True):
            return [self.out]

    module = Line()
    with logged() as messages, warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        module.fit(
            iterator(mx, 5), eval_data=iterator(mx, 5), eval_metric="mse", num_epoch=2,
            initializer=mx.init.Constant(0.5),
        )  # fmt: skip
        module.prepare(batch(mx), lambda b: {})
    texts = [str(w.message) for w in warned if "sparse" in str(w.message)]
    empty = [module.get_states(merge_multi_context=False), refused(lambda: module.set_states(value=1))]
    bare = mx.mod.BaseModule()
    abstract = [
        outcome(call)
        for call in (
            lambda: bare.data_names, lambda: bare.output_shapes, lambda: bare.bind([]), bare.get_params,
            bare.init_params, bare.init_optimizer, lambda: bare.forward(None), bare.backward, bare.update,
            lambda: bare.update_metric(None, []), bare.get_outputs, bare.get_input_grads,
            lambda: bare.install_monitor(None),
        )
    ]  # fmt: skip
    return [
        timeless(messages),
        module.calls,
        module.predict(iterator(mx)),
        texts,
        empty,
        abstract,
        bare.symbol,
    ]


@program
def monitoring(mx, ctx):
    module = ready(mx, ctx)
    monitor = mx.mon.Monitor(2, stat_func=lambda x: x.sum(), pattern="fc2.*|softmax_output", sort=True)
    module.install_monitor(monitor)
    found = []
    for _ in range(3):
        monitor.tic()
        module.forward(batch(mx), is_train=False)
        found.append([[step, name, float(text)] for step, name, text in monitor.toc()])
    return found


@program
def helpers_that_old_modules_import(mx, ctx):
    from_base, group = mx.module.base_module, mx.module.executor_group
    described = from_base._parse_data_desc(["data"], ["softmax_label"], SHAPES, LABELS)
    net = mlp(mx)
    made = group.DataParallelExecutorGroup(
        net, [ctx], [1], described[0], described[1], [n for n in net.list_arguments() if n[:2] == "fc"],
        True, False, fixed_param_names=["fc1_bias"],
    )  # fmt: skip
    made.set_params(weights(mx), {})
    made.forward(batch(mx), is_train=True)
    made.backward()
    metric = mx.metric.create("ce")
    made.update_metric(metric, batch(mx).label, False)
    copies = {n: mx.nd.zeros(v.shape) for n, v in weights(mx).items()}
    made.get_params(copies, {})
    found = {
        "described": str(described),
        "names": [made.data_names, made.label_names, made.output_names, made.param_names, made.arg_names],
        "sizes": [made.batch_size, [[s.start, s.stop] for s in made.slices], made.num_outputs],
        "layouts": [made.data_layouts, made.label_layouts, made.output_layouts],
        "grads": [None if g[0] is None else g[0].asnumpy() for g in made.grad_arrays],
        "outputs": [o.asnumpy() for o in made.get_outputs()],
        "shapes": made.get_output_shapes(),
        "unmerged": made.get_outputs(merge_multi_context=False)[0][0],
        "some": len(made.get_outputs(begin=0, end=1)),
        "metric": metric.get(),
        "copied": copies,
        "executor": [sorted(made.execs[0].arg_dict), made.data_arrays[0][0][1].shape],
    }
    made.reshape([mx.io.DataDesc("data", (2, 3))], [mx.io.DataDesc("softmax_label", (2,))])
    return dict(found, reshaped=[made.batch_size, made.get_output_shapes()])
