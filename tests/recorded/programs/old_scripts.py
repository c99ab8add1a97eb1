"""Idioms of programs that people wrote for MXNet: subclasses of Module, BaseModule, FeedForward and DataIter,
imports of everything, attributes that operators give their variables, gradients with respect to data.
"""

import warnings

import numpy as np

from . import fresh, numbers, outcome, program

RTOL = 1e-4


def _data(rows=24, classes=3):
    x = numbers(rows, 5)
    return x, (np.abs(x[:, 0] * 10).astype(int) % classes).astype(np.float32)


def _sorted(params):
    return {name: params[name].asnumpy() for name in sorted(params)}


def _student(mx, temperature):
    hidden = mx.sym.FullyConnected(mx.sym.Variable("data"), num_hidden=4, name="fc1")
    hidden = mx.sym.Activation(hidden, act_type="relu", name="relu1")
    logit = mx.sym.FullyConnected(hidden, num_hidden=3, name="fc2")
    hard = mx.sym.SoftmaxOutput(logit, mx.sym.Variable("softmax_label"), name="softmax")
    soft = mx.sym.SoftmaxActivation(mx.sym.Variable("teacher_label") / temperature)
    learned = mx.sym.SoftmaxOutput(logit / temperature, soft, grad_scale=temperature, name="learned")
    penalty = mx.sym.MakeLoss(mx.sym.mean(mx.sym.square(hidden), axis=1), grad_scale=0.01, name="penalty")
    return mx.sym.Group([hard, learned, penalty])


@program(rtol=RTOL)
def distillation(mx, ctx):
    """A Module whose forward feeds another one's outputs in as labels, and reshapes both on the way."""
    x, y = _data()

    class Student(mx.mod.Module):
        def __init__(self, symbol, teacher, **kwargs):
            super().__init__(symbol, **kwargs)
            self.teacher, self.reshaped = teacher, []

        def forward(self, data_batch, is_train=None):
            now, new = [d.shape for d in self._data_shapes], [d.shape for d in data_batch.data]
            if now != new:
                size = new[0][0]
                self.reshaped.append([list(now[0]), list(new[0])])
                described = [
                    mx.io.DataDesc(d.name, shape, d.dtype, d.layout)
                    for d, shape in zip(self._data_shapes, new)
                ]
                self.teacher.reshape(described, None)
                self.reshape(described, [("softmax_label", (size,)), ("teacher_label", (size, 3))])
            self.teacher.forward(mx.io.DataBatch(data_batch.data, None), is_train=False)
            answers = self.teacher.get_outputs()
            data_batch.label = data_batch.label[:1] + answers
            self._exec_group.forward(data_batch, is_train)

    logit = mx.sym.FullyConnected(mx.sym.Variable("data"), num_hidden=3, name="big")
    teacher = mx.mod.Module(logit, label_names=[], context=ctx)
    teacher.bind([("data", (8, 5))], for_training=False, grad_req="null")
    teacher.set_params({"big_weight": mx.nd.array(numbers(3, 5)), "big_bias": mx.nd.zeros((3,))}, {})
    mod = Student(_student(mx, 3.0), teacher, label_names=["softmax_label", "teacher_label"], context=ctx)
    mod.bind([("data", (8, 5))], [("softmax_label", (8,)), ("teacher_label", (8, 3))])
    mx.random.seed(1)
    mod.init_params(mx.init.Xavier())
    mod.init_optimizer(
        kvstore=None, optimizer=mx.optimizer.SGD(learning_rate=0.2, momentum=0.9, rescale_grad=1 / 8.0)
    )
    metric = mx.metric.CompositeEvalMetric()
    metric.add(mx.metric.Accuracy(output_names=["softmax_output"], label_names=["softmax_label"]))
    metric.add(mx.metric.Loss(output_names=["penalty_output"], label_names=[]))
    metric.add(mx.metric.CrossEntropy(output_names=["softmax_output"], label_names=["softmax_label"]))
    told = []
    for size in (8, 8, 12):
        metric.reset()
        for batch in mx.io.NDArrayIter(x, y, size):
            mod.forward_backward(batch)
            mod.update()
            mod.update_metric(metric, batch.label)
        told.append([[name, value] for name, value in metric.get_name_value()])
    return {"told": told, "reshaped": mod.reshaped, "params": _sorted(mod.get_params()[0])}


@program(rtol=RTOL)
def two_modules_as_one(mx, ctx):
    """A BaseModule of one's own: gradients are handed from one module to the other; fit, score, predict."""

    class Both(mx.mod.BaseModule):
        def __init__(self, lower, upper):
            super().__init__()
            self.lower, self.upper = lower, upper

        data_names = property(lambda self: self.lower.data_names)
        output_names = property(lambda self: self.upper.output_names)
        data_shapes = property(lambda self: self.lower.data_shapes)
        label_shapes = property(lambda self: self.upper.label_shapes)
        output_shapes = property(lambda self: self.upper.output_shapes)
        symbol = property(lambda self: self.upper.symbol)

        def get_params(self):
            lower, upper = self.lower.get_params(), self.upper.get_params()
            return dict(lower[0], **upper[0]), dict(lower[1], **upper[1])

        def init_params(self, initializer=None, arg_params=None, aux_params=None, allow_missing=False,
                        force_init=False, allow_extra=False):  # fmt: skip
            for part in (self.lower, self.upper):
                part.init_params(initializer, arg_params, aux_params, allow_missing, force_init, True)
            self.params_initialized = True

        def bind(self, data_shapes, label_shapes=None, for_training=True, inputs_need_grad=False,
                 force_rebind=False, shared_module=None, grad_req="write"):  # fmt: skip
            if not self.binded:
                self.lower.bind(data_shapes, None, for_training)
                between = [("data", self.lower.output_shapes[0][1])]
                self.upper.bind(between, label_shapes, for_training, inputs_need_grad=True)
                self.binded, self.for_training = True, for_training

        def init_optimizer(self, kvstore="local", optimizer="sgd", optimizer_params=(), force_init=False):
            for part in (self.lower, self.upper):
                part.init_optimizer(kvstore, optimizer, optimizer_params)
            self.optimizer_initialized = True

        def forward(self, data_batch, is_train=None):
            self.lower.forward(data_batch, is_train)
            self.upper.forward(mx.io.DataBatch(self.lower.get_outputs(), data_batch.label), is_train)

        def backward(self, out_grads=None):
            self.upper.backward(out_grads)
            self.lower.backward(self.upper.get_input_grads())

        def update(self):
            self.lower.update()
            self.upper.update()

        def get_outputs(self, merge_multi_context=True):
            return self.upper.get_outputs(merge_multi_context)

        def get_input_grads(self, merge_multi_context=True):
            return self.lower.get_input_grads(merge_multi_context)

        def update_metric(self, eval_metric, labels, pre_sliced=False):
            self.upper.update_metric(eval_metric, labels)

        def install_monitor(self, mon):
            self.lower.install_monitor(mon)
            self.upper.install_monitor(mon)

    x, y = _data()
    data = mx.sym.Variable("data")
    lower = mx.sym.Activation(
        mx.sym.FullyConnected(data, num_hidden=6, name="low"), act_type="tanh", name="t"
    )
    upper = mx.sym.SoftmaxOutput(mx.sym.FullyConnected(data, num_hidden=3, name="up"), name="softmax")
    both = Both(mx.mod.Module(lower, label_names=None, context=ctx), mx.mod.Module(upper, context=ctx))
    mx.random.seed(1)
    ended = []
    both.fit(
        mx.io.NDArrayIter(x, y, 8),
        num_epoch=3,
        optimizer_params={"learning_rate": 0.3},
        initializer=mx.init.Xavier(),
        epoch_end_callback=lambda epoch, symbol, args, aux: ended.append([epoch, sorted(args)]),
    )
    steps = [[out[0], batch.pad] for out, _, batch in both.iter_predict(mx.io.NDArrayIter(x[:12], y[:12], 8))]
    scores = both.score(mx.io.NDArrayIter(x, y, 8), ["acc", "ce"])
    return {
        "ended": ended,
        "params": _sorted(both.get_params()[0]),
        "score": [[name, value] for name, value in scores],
        "steps": steps,
        "predicted": both.predict(mx.io.NDArrayIter(x, y, 8)),
    }


@program(rtol=RTOL)
def a_loop_in_feedforward(mx, ctx):
    """FeedForward with another fit, made of its helpers and of the executor manager's."""
    from_manager = mx.executor_manager

    class Twice(mx.model.FeedForward):
        def fit(self, X, y):
            data = self._init_iter(X, y, is_train=True)
            arguments, names, states = self._init_params(data.provide_data + data.provide_label)
            kvstore, is_on_store = mx.model._create_kvstore("local", len(self.ctx), self.arg_params)
            optimizer = mx.optimizer.create(
                self.optimizer, rescale_grad=1.0 / data.batch_size, sym=self.symbol,
                param_idx2name=dict(enumerate(names)), **self.kwargs
            )  # fmt: skip
            manager = from_manager.DataParallelExecutorManager(
                symbol=self.symbol, ctx=self.ctx, train_data=data, arg_names=arguments, param_names=names,
                aux_names=states,
            )  # fmt: skip
            manager.set_params(self.arg_params, self.aux_params)
            updater = mx.optimizer.get_updater(optimizer)
            for _ in range(self.num_epoch):
                data.reset()
                for batch in data:
                    manager.load_data_batch(batch)
                    for _ in range(2):
                        manager.forward(is_train=True)
                        manager.backward()
                        mx.model._update_params(
                            manager.param_arrays, manager.grad_arrays, updater, len(self.ctx), kvstore,
                            manager.param_names,
                        )  # fmt: skip
            mx.nd.waitall()  # MXNet's copy_to does not wait for moving averages
            manager.copy_to(self.arg_params, self.aux_params)
            return [arguments, names, states, kvstore is None, is_on_store]

    x, y = _data()
    net = mx.sym.BatchNorm(
        mx.sym.FullyConnected(mx.sym.Variable("data"), num_hidden=4, name="fc1"), name="bn"
    )
    net = mx.sym.FullyConnected(mx.sym.Activation(net, act_type="relu"), num_hidden=3, name="fc2")
    net = mx.sym.SoftmaxOutput(net, name="softmax")
    mx.random.seed(1)
    np.random.seed(1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = Twice(
            net, ctx=ctx, num_epoch=2, numpy_batch_size=8, learning_rate=0.1, momentum=0.9,
            initializer=mx.init.Uniform(0.5),
        )  # fmt: skip
    return {
        "helpers": model.fit(x, y),
        "params": _sorted(model.arg_params),
        "states": _sorted(model.aux_params),
        "predicted": model.predict(x[:5]),
    }


@program(rtol=RTOL)
def negative_samples(mx, ctx):
    """An iterator around another, which adds a batch of pairs that do not belong together after each."""

    class WithOthers(mx.io.DataIter):
        def __init__(self, inner):
            super().__init__()
            self.inner, self.batch_size, self.waiting = inner, inner.batch_size, []

        @property
        def provide_data(self):
            return self.inner.provide_data

        @property
        def provide_label(self):
            return [("softmax_label", (self.batch_size,))]

        def reset(self):
            self.waiting = []
            self.inner.reset()

        def next(self):
            if self.waiting:
                data, label = self.waiting.pop(), 0
            else:
                data, label = self.inner.next().data, 1
                self.waiting.append([data[0], mx.nd.array(data[1].asnumpy()[::-1])])
            labels = mx.nd.array(label * np.ones(self.batch_size))
            return mx.io.DataBatch(data, [labels], pad=0)

    users, items = np.arange(24) % 6, np.arange(24) * 5 % 8
    pairs = WithOthers(mx.io.NDArrayIter({"user": users, "item": items}, batch_size=6))
    parts = []
    for name, count in (("user", 6), ("item", 8)):
        part = mx.sym.Embedding(mx.sym.Variable(name), input_dim=count, output_dim=4, name=name + "_embed")
        part = mx.sym.FullyConnected(mx.sym.Activation(part, act_type="relu") + part, num_hidden=3, name=name)
        parts.append(mx.sym.L2Normalization(part))
    near = mx.sym.Reshape(mx.sym.sum(parts[0] * parts[1], axis=1), shape=(-1,))
    net = mx.sym.LinearRegressionOutput(near, mx.sym.Variable("softmax_label"))
    mod = mx.mod.Module(net, data_names=["user", "item"], context=ctx)
    mx.random.seed(1)
    metric = mx.metric.create("rmse")
    mod.fit(
        pairs, num_epoch=2, optimizer="adam", optimizer_params={"learning_rate": 0.02},
        initializer=mx.init.Normal(0.5), eval_metric=metric,
    )  # fmt: skip
    return {"rmse": metric.get()[1], "params": _sorted(mod.get_params()[0])}


@program(rtol=RTOL)
def dreams(mx, ctx):
    """An inner layer made larger by steps on the data, and an image that misleads."""
    data = mx.sym.Variable("data")
    net = mx.sym.Convolution(data, kernel=(3, 3), num_filter=4, pad=(1, 1), name="conv")
    net = mx.sym.Pooling(mx.sym.LeakyReLU(net, act_type="elu", name="elu"), kernel=(2, 2), stride=(2, 2),
                         pool_type="avg", name="pool")  # fmt: skip
    net = mx.sym.SoftmaxOutput(mx.sym.FullyConnected(net, num_hidden=3, name="fc"), name="softmax")
    params = {"conv_weight": numbers(4, 2, 3, 3), "conv_bias": numbers(4, shift=0.1)}
    params.update(fc_weight=numbers(3, 64), fc_bias=numbers(3))
    params = {name: mx.nd.array(value) for name, value in params.items()}
    mod = mx.mod.Module(net.get_internals()["elu_output"], label_names=None, context=ctx)
    mod.bind([("data", (1, 2, 8, 8))], inputs_need_grad=True)
    mod.set_params(params, {}, allow_extra=True)
    image, seen = mx.nd.array(numbers(1, 2, 8, 8)), []
    for size in (8, 8, 12):
        if size != image.shape[2]:
            image = mx.nd.array(np.pad(image.asnumpy(), [(0, 0), (0, 0), (2, 2), (2, 2)], "edge"))
            mod.reshape([("data", (1, 2, 12, 12))])
        mod.forward(mx.io.DataBatch([image], None), is_train=True)
        mod.backward([mod.get_outputs()[0]])
        gradient = mod.get_input_grads()[0].as_in_context(image.context)
        image += gradient * (0.5 / mx.nd.abs(gradient).mean().asscalar())
        mx.nd.clip(image, -3, 3, out=image)
        seen.append(mod.get_outputs()[0].asnumpy().sum())
    arrays = {name: value.as_in_context(ctx) for name, value in params.items()}
    arrays["data"] = mx.nd.array(numbers(2, 2, 8, 8, shift=0.2), ctx=ctx)
    arrays["softmax_label"] = mx.nd.array([0, 2], ctx=ctx)
    towards = mx.nd.zeros((2, 2, 8, 8), ctx=ctx)
    executor = net.bind(ctx, arrays, {"data": towards})
    before = executor.forward(is_train=True)[0].asnumpy()
    executor.backward()
    arrays["data"][:] = arrays["data"] + mx.nd.sign(towards) * 0.3
    after = executor.forward()[0].asnumpy()
    return {"image": image, "seen": seen, "before": before, "after": after, "gradient": towards}


@program(cpu=True)
@fresh
def attributes_of_made_variables(mx, ctx):
    """Initial values that operators ask for their own inputs; a bilinear weight is one without being told."""
    data, other = mx.sym.Variable("data"), mx.sym.Variable("other")
    nets = {
        "bilinear": mx.sym.UpSampling(data, scale=2, sample_type="bilinear", num_filter=2, name="u"),
        "given": mx.sym.UpSampling(data, other, scale=2, sample_type="bilinear", num_filter=2, name="u"),
        "nearest": mx.sym.UpSampling(
            data, mx.sym.Variable("second"), scale=2, sample_type="nearest", num_args=2
        ),
        "one": mx.sym.UpSampling(data, scale=2, sample_type="nearest", num_args=1, name="n"),
        "prelu": mx.sym.LeakyReLU(data, act_type="prelu", name="l"),
        "norm": mx.sym.BatchNorm(data, moving_mean=mx.sym.Variable("mean"), name="b"),
        "sparse": mx.sym.IdentityAttachKLSparseReg(data, name="k"),
        "deconvolution": mx.sym.Deconvolution(data, kernel=(2, 2), num_filter=2, name="d"),
    }
    found = {
        name: [
            [node, attrs["__init__"]]
            for node, attrs in sorted(net.attr_dict().items())
            if "__init__" in attrs
        ]
        for name, net in nets.items()
    }
    mod = mx.mod.Module(nets["bilinear"], label_names=None)
    mod.bind([("data", (1, 2, 3, 3))], for_training=False)
    mod.init_params(mx.init.One())
    mod.forward(mx.io.DataBatch([mx.nd.array(numbers(1, 2, 3, 3))], None))
    found["weight"] = mod.get_params()[0]["u_weight"]
    found["larger"] = mod.get_outputs()[0]
    return found


@program(differs={"gamma": "MXNet's PReLU overwrites the convolution's output, which its gradient reads"})
def prelu_behind_a_convolution(mx, ctx):
    net = mx.sym.Convolution(mx.sym.Variable("data"), kernel=(3, 3), num_filter=3, name="conv")
    executor = mx.sym.LeakyReLU(net, act_type="prelu", name="act").simple_bind(ctx, data=(2, 2, 5, 5))
    for i, (_, array) in enumerate(sorted(executor.arg_dict.items())):
        array[:] = numbers(*array.shape, shift=0.1 * i)
    out = executor.forward(is_train=True)[0].asnumpy()
    executor.backward(mx.nd.array(numbers(2, 3, 3, 3, shift=0.3), ctx=ctx))
    return {"out": out, "gamma": executor.grad_dict["act_gamma"], "data": executor.grad_dict["data"]}


@program(cpu=True)
def imports_of_everything(mx, ctx):
    """What `from mxnet.symbol import *` and `from mxnet.ndarray import *` bring along."""
    names = """
        Symbol NDArray Variable Group FullyConnected Convolution SoftmaxOutput Custom Concat RNN relu abs dot
        sum zeros ones arange full maximum minimum power add subtract equal pow load save concatenate waitall
        random linalg contrib image op _internal split_v2 moveaxis elemwise_add broadcast_add random_uniform
        sample_normal adam_update CTCLoss ctc_loss UpSampling register sys np Node
    """
    everything = {"symbol": set(mx.sym.__all__), "ndarray": set(mx.nd.__all__)}
    found = {where: [name for name in names.split() if name in known] for where, known in everything.items()}
    missing = [name for where, known in everything.items() for name in known
               if name not in ("numpy", "numpy_extension", "sparse", "cast_storage")
               and not hasattr({"symbol": mx.sym, "ndarray": mx.nd}[where], name)]  # fmt: skip
    return [found, missing, outcome(lambda: mx.sym.FullyConnected.__name__)]
