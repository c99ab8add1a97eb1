"""Operators written in Python inside of networks: modules, several contexts, other operators, autograd."""

import copy
import pickle

import numpy as np

from . import fresh, numbers, program
from .custom_calls import define


@program
def nested(mx, ctx):
    """A custom operator that calls another one, imperatively and through an executor of its own."""

    def forward(self, is_train, req, in_data, out_data, aux):
        self.assign(out_data[0], req[0], mx.nd.Custom(in_data[0], op_type="custom_inner") + 1)

    def backward(self, req, out_grad, in_data, out_data, in_grad, aux):
        inner = mx.sym.Custom(mx.sym.var("g"), op_type="custom_inner")
        ex = inner.bind(ctx, {"g": out_grad[0].copy()}, grad_req="null")
        self.assign(in_grad[0], req[0], ex.forward()[0])

    define(mx, "custom_inner")
    define(mx, "custom_outer", forward, backward)
    net = mx.sym.Custom(mx.sym.sin(mx.sym.var("x")), op_type="custom_outer")
    ex = net.simple_bind(ctx, x=(2, 2))
    ex.arg_dict["x"][:] = mx.nd.array(numbers(2, 2), ctx)
    ex.forward(is_train=True)
    ex.backward(mx.nd.array(numbers(2, 2, shift=1), ctx))
    return [ex.outputs, ex.grad_arrays]


@program
def autograd_inside(mx, ctx):
    """backward by recording what forward does once more, on a copy and on the input itself."""

    def compute(x):
        return mx.nd.sin(x) * x + mx.nd.dot(x, x)

    def forward(self, is_train, req, in_data, out_data, aux):
        self.assign(out_data[0], req[0], compute(in_data[0]))

    found = []
    for take in (lambda a: a.copy(), lambda a: a):

        def backward(self, req, out_grad, in_data, out_data, in_grad, aux, take=take):
            x = take(in_data[0])
            x.attach_grad()
            with mx.autograd.record():
                y = compute(x)
            y.backward(out_grad[0])
            self.assign(in_grad[0], req[0], x.grad)

        define(mx, "custom_recording", forward, backward)
        x = mx.nd.array(numbers(2, 2), ctx)
        x.attach_grad()
        with mx.autograd.record():
            y = mx.nd.Custom(x * 2, op_type="custom_recording") * 3
        y.backward()
        ex = mx.sym.Custom(mx.sym.var("x") * 2, op_type="custom_recording").simple_bind(ctx, x=(2, 2))
        ex.arg_dict["x"][:] = x
        ex.forward(is_train=True)
        ex.backward(mx.nd.ones((2, 2), ctx) * 3)
        found.append([y, x.grad, ex.outputs, ex.grad_arrays])
    return found


@program
def requests_to_add(mx, ctx):
    """``grad_req='add'`` with an input used twice, by one node and by two."""

    def forward(self, is_train, req, in_data, out_data, aux):
        self.assign(out_data[0], req[0], in_data[0] * in_data[1])

    def backward(self, req, out_grad, in_data, out_data, in_grad, aux):
        self.assign(in_grad[0], req[0], out_grad[0] * in_data[1])
        self.assign(in_grad[1], req[1], out_grad[0] * in_data[0])

    define(mx, "custom_product", forward, backward, list_arguments=lambda self: ["a", "b"])
    x, w = mx.sym.var("x"), mx.sym.var("w")
    nets = {
        "one node": mx.sym.Custom(x, x, op_type="custom_product"),
        "two nodes": mx.sym.Custom(x, w, op_type="custom_product")
        + mx.sym.Custom(w, x, op_type="custom_product"),
        "and more": mx.sym.Custom(x, w, op_type="custom_product") * x,
    }
    found = {}
    for kind, net in nets.items():
        for request in ("write", "add", {"x": "add", "w": "null"}):
            request = request if "w" in net.list_arguments() or isinstance(request, str) else {"x": "add"}
            args = {n: mx.nd.array(numbers(2, 2, shift=i), ctx) for i, n in enumerate(net.list_arguments())}
            grads = {n: mx.nd.ones((2, 2), ctx) * 100 for n in args}
            ex = net.bind(ctx, args, grads, request)
            for _ in range(2):
                ex.forward(is_train=True)
                ex.backward(mx.nd.array(numbers(2, 2, shift=3), ctx))
            found[f"{kind} {request}"] = grads
    a = mx.nd.array(numbers(2), ctx)
    a.attach_grad("add")
    for _ in range(2):
        with mx.autograd.record():
            y = mx.nd.Custom(a, a, op_type="custom_product") + a
        y.backward()
    found["recorded"] = a.grad
    return found


@program
def kept_by_files(mx, ctx):
    """Symbols with custom operators are saved, pickled and copied with all their attributes."""

    def init(self, factor="1"):
        mx.operator.CustomOpProp.__init__(self)
        self.factor = float(factor)

    class Scale(mx.operator.CustomOp):
        def __init__(self, factor):
            self.factor = factor

        def forward(self, is_train, req, in_data, out_data, aux):
            self.assign(out_data[0], req[0], in_data[0] * self.factor)

    Prop = define(mx, "custom_kept", __init__=init)
    Prop.create_operator = lambda self, ctx, shapes, types: Scale(self.factor)
    net = mx.sym.Custom(mx.sym.var("x"), op_type="custom_kept", factor=2.5, name="c") + 1
    found = []
    for made in (mx.sym.load_json(net.tojson()), pickle.loads(pickle.dumps(net)), copy.deepcopy(net)):
        ex = made.bind(ctx, {"x": mx.nd.array(numbers(2), ctx)}, grad_req="null")
        found.append([ex.forward(), made.tojson() == net.tojson(), sorted(made.attr_dict()["c"].items())])
    return found


def scaled_net(mx):
    """fc, then a learned factor with a count of the forward runs, then a regression."""

    class Scale(mx.operator.CustomOp):
        def forward(self, is_train, req, in_data, out_data, aux):
            if is_train:
                aux[0][:] += 1
            self.assign(out_data[0], req[0], in_data[0] * in_data[1].asnumpy()[0])

        def backward(self, req, out_grad, in_data, out_data, in_grad, aux):
            self.assign(in_grad[0], req[0], out_grad[0] * in_data[1].asnumpy()[0])
            self.assign(in_grad[1], req[1], mx.nd.sum(out_grad[0] * in_data[0]))

    define(
        mx, "custom_scale", make=lambda ctx, shapes, types: Scale(),
        list_arguments=lambda self: ["data", "scale_weight"],
        list_auxiliary_states=lambda self: ["count"],
        infer_shape=lambda self, s: ([s[0], (1,)], [s[0]], [(1,)]),
        infer_type=lambda self, t: ([t[0], t[0]], [t[0]], [t[0]]),
    )  # fmt: skip
    fc = mx.sym.FullyConnected(mx.sym.var("data"), num_hidden=2, name="fc")
    count = mx.sym.var("count", init=mx.init.Zero())
    scaled = mx.sym.Custom(data=fc, count=count, op_type="custom_scale", name="sc")
    return mx.sym.LinearRegressionOutput(scaled, name="out")


@program(rtol=1e-4)
def modules(mx, ctx):
    """Module.fit with parameters and a state of the operator, on one context and on two."""
    found = {}
    for contexts in ([ctx], [ctx, ctx] if ctx.device_type == "gpu" else [mx.cpu(0), mx.cpu(1)]):
        it = mx.io.NDArrayIter(numbers(8, 3), numbers(8, 2), batch_size=4, label_name="out_label")
        mod = mx.mod.Module(scaled_net(mx), label_names=["out_label"], context=contexts)
        mod.fit(
            it, num_epoch=2, initializer=mx.init.Constant(0.5), eval_metric="mse",
            optimizer_params={"learning_rate": 0.1},
        )  # fmt: skip
        it.reset()
        found[str(len(contexts))] = [list(mod.get_params()), mod.predict(it), mod.score(it, "mse")]
    return found


@program(rtol=1e-4)
def buckets(mx, ctx):
    """BucketingModule over lengths: an operator object for each length, one set of parameters."""
    made = []

    class Sum(mx.operator.CustomOp):
        def forward(self, is_train, req, in_data, out_data, aux):
            self.assign(out_data[0], req[0], in_data[0].sum(axis=1, keepdims=True))

        def backward(self, req, out_grad, in_data, out_data, in_grad, aux):
            self.assign(in_grad[0], req[0], mx.nd.broadcast_to(out_grad[0], in_data[0].shape))

    def make(ctx, shapes, types):
        made.append([list(s) for s in shapes])
        return Sum()

    define(mx, "custom_sum", make=make, infer_shape=lambda self, s: (s, [(s[0][0], 1)], []))

    def net(length):
        h = mx.sym.Custom(mx.sym.var("data") * 1, op_type="custom_sum", name="s")
        h = mx.sym.FullyConnected(h, num_hidden=2, name="fc")
        return mx.sym.SoftmaxOutput(h, name="softmax"), ["data"], ["softmax_label"]

    mod = mx.mod.BucketingModule(net, default_bucket_key=5, context=ctx)
    mod.bind([("data", (2, 5))], [("softmax_label", (2,))])
    mod.init_params(mx.init.Constant(0.3))
    mod.init_optimizer(optimizer_params={"learning_rate": 0.5})
    outputs = []
    for length in (5, 3, 5, 3):
        batch = mx.io.DataBatch(
            [mx.nd.array(numbers(2, length))], [mx.nd.array([0, 1])], bucket_key=length,
            provide_data=[("data", (2, length))], provide_label=[("softmax_label", (2,))],
        )  # fmt: skip
        mod.forward(batch, is_train=True)
        mod.backward()
        mod.update()
        outputs.append(mod.get_outputs()[0].asnumpy())
    return {"outputs": outputs, "made": made, "params": mod.get_params()[0]}


@program
@fresh
def detached(mx, ctx):
    """A node without a backward behind BlockGrad; a node between two losses; a node that makes a label."""

    class Threshold(mx.operator.CustomOp):
        def forward(self, is_train, req, in_data, out_data, aux):
            self.assign(out_data[0], req[0], (in_data[0].asnumpy() > 0).astype(np.float32))

    define(mx, "custom_threshold", make=lambda ctx, shapes, types: Threshold())
    x = mx.sym.var("x")
    label = mx.sym.BlockGrad(mx.sym.Custom(x, op_type="custom_threshold"))
    net = mx.sym.Group([mx.sym.LogisticRegressionOutput(x, label), mx.sym.MakeLoss(mx.sym.sum(x * label))])
    ex = net.simple_bind(ctx, x=(2, 3))
    ex.arg_dict["x"][:] = mx.nd.array(numbers(2, 3), ctx)
    ex.forward(is_train=True)
    ex.backward()
    return [ex.outputs, ex.grad_arrays]
