"""BucketingModule, SequentialModule, PythonModule and PythonLossModule."""

import os

import numpy as np

from . import logged, numbers, outcome, program, scratch
from .module import CLASSES, LABELS, ROWS, SHAPES, arguments, batch, iterator, refused, timeless


def unrolled(mx):
    """The same layer applied once per time step, to (batch, steps, 2), and the mean of what comes out."""

    def make(steps):
        data = mx.sym.Variable("data")
        weight, bias = mx.sym.Variable("step_weight"), mx.sym.Variable("step_bias")
        parts = mx.sym.SliceChannel(data, num_outputs=steps, axis=1, squeeze_axis=True, name="steps")
        state = None
        for t in range(steps):
            part = parts[t] if state is None else parts[t] + state
            layer = mx.sym.FullyConnected(part, weight=weight, bias=bias, num_hidden=2, name="t" + str(t))
            state = mx.sym.Activation(layer, act_type="tanh")
        net = mx.sym.FullyConnected(state, num_hidden=3, name="out")
        return mx.sym.SoftmaxOutput(net, name="softmax"), ("data",), ("softmax_label",)

    return make


def sequence(mx, steps, size=4, shift=0):
    shapes = [("data", (size, steps, 2))], [("softmax_label", (size,))]
    return mx.io.DataBatch(
        [mx.nd.array(numbers(size, steps, 2, shift=shift))], [mx.nd.array(CLASSES[:size])], bucket_key=steps,
        pad=0, provide_data=shapes[0], provide_label=shapes[1],
    )  # fmt: skip


class Sequences:
    """What makes an iterator of buckets; a subclass of DataIter is made where the framework is known."""

    def __new__(cls, mx):
        class Iterator(mx.io.DataIter):
            default_bucket_key = 4
            provide_data, provide_label = [("data", (4, 4, 2))], [("softmax_label", (4,))]

            def reset(self):
                self.left = [4, 3, 4, 2, 3]

            def next(self):
                if not self.left:
                    raise StopIteration
                return sequence(mx, self.left.pop(0), shift=0.1 * len(self.left))

        made = Iterator()
        made.reset()
        return made


def bucketing(mx, ctx, **options):
    return mx.mod.BucketingModule(unrolled(mx), 4, context=ctx, **options)


def first_weights(mx):
    shapes = {"step_weight": (2, 2), "step_bias": (2,), "out_weight": (3, 2), "out_bias": (3,)}
    return {n: mx.nd.array(numbers(*s, shift=0.2 * i)) for i, (n, s) in enumerate(shapes.items())}


@program
def buckets_by_hand(mx, ctx):
    module = bucketing(mx, ctx)
    found = {"before": [list(module.data_names), module.output_names, refused(lambda: module.symbol)]}
    one = sequence(mx, 4)
    module.bind(one.provide_data, one.provide_label)
    found["bound"] = [str(module.data_shapes[0][1]), module.output_shapes, module._curr_bucket_key]
    module.init_params(arg_params=first_weights(mx), aux_params={})
    module.init_optimizer(optimizer_params={"learning_rate": 0.5, "momentum": 0.9})
    outputs = []
    for step, steps in enumerate((4, 2, 3, 2, 4)):
        given = sequence(mx, steps, shift=0.1 * step)
        module.prepare(given)
        kept = module._curr_bucket_key
        module.forward(given)
        module.backward()
        module.update()
        outputs.append([kept, module._curr_bucket_key, module.get_outputs()[0].asnumpy()])
    found["outputs"] = outputs
    found["after"] = arguments(module)
    found["buckets"] = sorted(module._buckets)
    module.switch_bucket(3, None)
    found["switched"] = [module._curr_bucket_key, len(module.symbol.list_arguments())]
    module.forward(sequence(mx, 3, size=2), is_train=False)
    found["other size"] = module.output_shapes
    found["refused"] = [
        refused(lambda: mx.mod.BucketingModule(unrolled(mx))),
        refused(lambda: module.switch_bucket(5, None)),
        outcome(lambda: mx.mod.BucketingModule(unrolled(mx), 4, fixed_param_names=["nope"])),
    ]
    return found


@program
def buckets_fit(mx, ctx):
    module = bucketing(mx, ctx)
    with logged() as messages:
        module.fit(
            Sequences(mx), eval_data=Sequences(mx), num_epoch=2, eval_metric="ce",
            optimizer="adam", optimizer_params={"learning_rate": 0.1},
            arg_params=first_weights(mx), aux_params={},
        )  # fmt: skip
        again = module.score(Sequences(mx), "ce")
        module.bind([("data", (2, 4, 2))], [("softmax_label", (2,))])
        module.init_optimizer()
    before = arguments(module)
    module.bind([("data", (2, 4, 2))], [("softmax_label", (2,))], force_rebind=True)
    shapes = [str(module.data_shapes[0][1]), module.optimizer_initialized, sorted(module._buckets)]
    return [timeless(messages), before, arguments(module), again, shapes]


@program
def buckets_on_two_contexts(mx, ctx):
    module = bucketing(mx, [ctx, mx.cpu(1)], fixed_param_names=["out_bias"])
    with logged() as messages:
        module.fit(
            Sequences(mx), num_epoch=2, eval_metric="ce", arg_params=first_weights(mx), aux_params={},
            optimizer_params={"learning_rate": 0.5, "momentum": 0.9},
        )  # fmt: skip
    return [timeless(messages), arguments(module)]


@program
def buckets_in_files(mx, ctx):
    module = bucketing(mx, ctx)
    with logged():
        module.fit(Sequences(mx), num_epoch=1, arg_params=first_weights(mx), aux_params={})
    with scratch():
        module.save_checkpoint("net", 1)
        files = sorted(os.listdir("."))
        keys = mx.nd.load("net.buckets")[0]
        again = mx.mod.BucketingModule.load("net", 1, unrolled(mx), 4, context=ctx)
        wrong = refused(lambda: mx.mod.BucketingModule.load("net", 1))
    symbols = {key: unrolled(mx)(key)[0] for key in (4, 3)}
    third = mx.mod.BucketingModule.load_dict(symbols, unrolled(mx), 4, *module.get_params(), context=ctx)
    found = [files, sorted(keys.asnumpy().tolist()), str(np.dtype(keys.dtype)), wrong]
    for loaded in (again, third):
        found.append([loaded.binded, loaded.params_initialized, sorted(loaded._buckets)])
        loaded.bind([("data", (4, 4, 2))], [("softmax_label", (4,))], for_training=False)
        loaded.forward(sequence(mx, 3), is_train=False)
        found.append([loaded.get_outputs()[0].asnumpy(), arguments(loaded)])
    return found


@program
def buckets_watched(mx, ctx):
    module = bucketing(mx, ctx)
    one = sequence(mx, 4)
    module.bind(one.provide_data, one.provide_label)
    module.init_params(arg_params=first_weights(mx), aux_params={})
    monitor = mx.mon.Monitor(1, stat_func=lambda x: x.sum(), pattern="softmax_output")
    module.install_monitor(monitor)
    found = []
    for steps in (4, 2):
        monitor.tic()
        module.forward(sequence(mx, steps), is_train=False)
        found.append([[step, name, float(text)] for step, name, text in monitor.toc()])
    return found


def halves(mx):
    features = mx.sym.FullyConnected(mx.sym.Variable("data"), num_hidden=4, name="fc1")
    features = mx.sym.Activation(features, act_type="tanh", name="act")
    top = mx.sym.FullyConnected(mx.sym.Variable("features"), num_hidden=3, name="fc2")
    return features, mx.sym.SoftmaxOutput(top, name="softmax")


@program
def chain(mx, ctx):
    first, second = halves(mx)
    module = mx.mod.SequentialModule()
    found = {"empty": [module.data_names, module.output_names, refused(lambda: module.bind(SHAPES))]}
    module.add(mx.mod.Module(first, label_names=None, context=ctx))
    last = mx.mod.Module(second, data_names=["features"], context=ctx)
    found["self"] = module.add(last, take_labels=True, auto_wiring=True) is module
    found["typo"] = refused(lambda: mx.mod.SequentialModule().add(last, take_label=True))
    found["names"] = [module.data_names, module.output_names]
    with logged() as messages:
        module.fit(
            iterator(mx), eval_data=iterator(mx), num_epoch=2, eval_metric=["acc", "ce"],
            initializer=mx.init.Constant(0.1), optimizer_params={"learning_rate": 0.5, "momentum": 0.9},
        )  # fmt: skip
    found["log"] = timeless(messages)
    found["after"] = arguments(module)
    found["shapes"] = [str(module.data_shapes), str(module.label_shapes), module.output_shapes]
    found["predicted"] = module.predict(iterator(mx))
    module.bind(SHAPES, LABELS, inputs_need_grad=True, force_rebind=True)
    module.forward_backward(batch(mx))
    found["inputs"] = module._modules[0].get_input_grads()  # MXNet's chain forgets inputs_need_grad
    found["rebound"] = arguments(module)
    return found


@program
def chain_with_names_twice(mx, ctx):
    net = mx.sym.FullyConnected(mx.sym.Variable("data"), num_hidden=3, name="fc")
    module = mx.mod.SequentialModule()
    for _ in range(2):
        module.add(mx.mod.Module(net, label_names=None, context=ctx), auto_wiring=True)
    module.bind([("data", (2, 3))])
    return [refused(module.init_params), module.params_initialized, refused(lambda: module.forward(None))]


@program
def loss_in_python(mx, ctx):
    """The gradient of a hinge loss, from a function of NDArrays and from one of NumPy arrays."""

    def hinge(scores, labels):
        scores, labels = scores.asnumpy(), labels.asnumpy().astype(int)
        own = scores[np.arange(len(labels)), labels][:, None]
        grad = (scores - own + 1 > 0).astype("float32")
        grad[np.arange(len(labels)), labels] = 1 - grad.sum(1)
        return grad

    features, _ = halves(mx)
    found = []
    for function in (hinge, lambda scores, labels: mx.nd.array(hinge(scores, labels))):
        module = mx.mod.SequentialModule()
        net = mx.sym.FullyConnected(features, num_hidden=3, name="fc2")
        module.add(mx.mod.Module(net, label_names=None, context=ctx))
        module.add(mx.mod.PythonLossModule(grad_func=function), take_labels=True, auto_wiring=True)
        with logged() as messages:
            module.fit(iterator(mx), num_epoch=2, initializer=mx.init.Constant(0.1), eval_metric="acc")
        found.append([timeless(messages), arguments(module), module.output_shapes, module.output_names])
    return found


@program
def python_modules(mx, ctx):
    loss = mx.mod.PythonLossModule("mine")
    found = {
        "names": [loss.data_names, loss.output_names],
        "unbound": [loss.data_shapes, loss.label_shapes, loss.output_shapes, loss.get_params()],
        "data": refused(lambda: loss.bind([("dat", (2, 3))])),
        "label": refused(lambda: loss.bind([("data", (2, 3))], [("lab", (2,))])),
        "request": refused(lambda: loss.bind([("data", (2, 3))], grad_req="add")),
    }
    loss.bind([("data", (2, 3))], [("softmax_label", (2,))])
    loss.init_params()
    loss.init_optimizer()
    loss.forward(mx.io.DataBatch([mx.nd.array(ROWS[:2])], [mx.nd.array(CLASSES[:2])]))
    loss.update()
    metric = mx.metric.create("acc")
    loss.update_metric(metric, [mx.nd.array(CLASSES[:2])])
    found["shapes"] = [loss.output_shapes, loss.get_outputs()[0].asnumpy(), metric.get()]
    found["no gradient"] = outcome(loss.backward)
    found["monitor"] = outcome(lambda: loss.install_monitor(None))
    found["heads"] = refused(lambda: loss.backward([mx.nd.ones((2, 3))]))
    found["sliced"] = outcome(lambda: loss.update_metric(metric, [], True))
    found["two inputs"] = refused(lambda: mx.mod.PythonLossModule(data_names=["a", "b"]))
    bare = mx.mod.PythonModule(("a",), ("b",), ["c"])
    found["bare"] = [bare.data_names, outcome(lambda: bare.bind([("a", (1,))])), outcome(bare.backward)]
    return found
