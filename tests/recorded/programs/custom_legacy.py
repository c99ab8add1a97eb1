"""Python operators of the first generation, as far as MXNet 1.9.1 still runs them: one input each.

With two inputs MXNet reads freed memory when it infers shapes and crashes now and then; a NDArrayOp without
head gradients fails there. `tests/test_python_ops.py` holds what cannot be recorded.
"""

import json
import warnings

import numpy as np

from . import fresh, numbers, outcome, program


def quiet(function):
    """Without the warnings that the classes are old."""

    def wrapped(mx, ctx):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return function(mx, ctx)

    wrapped.__name__ = function.__name__
    return wrapped


def doubling(mx, base, notes, need_top_grad=True, **members):
    """An operator that doubles and notes what its methods are given."""

    class Double(getattr(mx.operator, base)):
        def __init__(self):
            super().__init__(need_top_grad)

        def forward(self, in_data, out_data):
            notes.append(["forward"] + [[list(a.shape) for a in group] for group in (in_data, out_data)])
            out_data[0][:] = in_data[0] * 2

        def backward(self, out_grad, in_data, out_data, in_grad):
            notes.append(["backward"] + [len(group) for group in (out_grad, in_data, out_data, in_grad)])
            in_grad[0][:] = out_grad[0] * out_data[0] if need_top_grad else out_data[0] + 1

    for key, value in members.items():
        setattr(Double, key, value)
    return Double()


def run(mx, ctx, net):
    """One step of training: outputs and gradient."""
    ex = net.simple_bind(ctx, x=(2, 3))
    ex.arg_dict["x"][:] = mx.nd.array(numbers(2, 3), ctx)
    ex.forward(is_train=True)
    ex.backward(mx.nd.array(numbers(2, 3, shift=1), ctx))
    mx.nd.waitall()
    return [ex.outputs, ex.grad_arrays]


@program(cpu=True)
def warned(mx, ctx):
    """Every class says that it is old."""
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        for name in ("PythonOp", "NumpyOp", "NDArrayOp"):
            getattr(mx.operator, name)()
    return [[str(w.message), w.category.__name__] for w in seen]


@program(cpu=True)
@fresh
@quiet
def symbols(mx, ctx):
    """Names, arguments, outputs and attributes of the nodes."""
    found = {}
    for base in ("NumpyOp", "NDArrayOp"):
        op = doubling(mx, base, [], list_arguments=lambda self: ["data", "label"])
        x = mx.sym.var("x")
        nets = [op(x), op(data=x, name="d"), op.get_symbol(x, x), op(x, name="e", lr_mult=2)]
        nodes = [json.loads(net.tojson())["nodes"] for net in nets]
        found[base] = [
            [[n.name, n.list_arguments(), n.list_outputs()] for n in nets],
            [
                [[m["name"], m["op"], sorted(set(m.get("attrs", {})) - {"info"})] for m in group]
                for group in nodes
            ],
            [sorted(set(n.list_attr()) - {"info"}) for n in nets],
        ]
    return found


@program(cpu=True)
@quiet
def defaults(mx, ctx):
    """What the base class does by itself."""
    found = []
    for base in ("NumpyOp", "NDArrayOp"):
        op = getattr(mx.operator, base)()
        found.append([op.list_arguments(), op.list_outputs(), op.infer_shape([[2, 3]]), op.need_top_grad()])
    found.append(mx.operator.NDArrayOp(False).declare_backward_dependency([0], [1], [2]))
    found.append(mx.operator.NDArrayOp().declare_backward_dependency([0], [1], [2]))
    found.append(outcome(lambda: mx.operator.PythonOp()(mx.sym.var("x"))))
    return found


@program
@quiet
def computing(mx, ctx):
    """Both kinds inside of a graph; what a class leaves out copies forward and gives ones backward."""
    found = {}
    for base in ("NumpyOp", "NDArrayOp"):
        notes = []
        x = mx.sym.sin(mx.sym.var("x"))
        kinds = {"double": doubling(mx, base, notes)(x, name="d") * 3}
        if base == "NumpyOp":
            kinds["loss"] = doubling(mx, base, notes, need_top_grad=False)(x)
            kinds["plain"] = mx.operator.NumpyOp()(x)
        for kind, net in kinds.items():
            found[base + " " + kind] = run(mx, ctx, net)
        found[base + " notes"] = notes
    return found


@program
@quiet
def several_outputs(mx, ctx):
    """A NDArrayOp with two outputs of one shape."""

    class Both(mx.operator.NDArrayOp):
        def list_outputs(self):
            return ["p", "q"]

        def infer_shape(self, in_shape):
            return in_shape, [in_shape[0], in_shape[0]]

        def forward(self, in_data, out_data):
            out_data[0][:] = in_data[0] * 2
            out_data[1][:] = in_data[0] + 1

        def backward(self, out_grad, in_data, out_data, in_grad):
            in_grad[0][:] = out_grad[0] * 2 + out_grad[1]

    net = Both()(mx.sym.var("x"), name="b")
    found = [net.list_outputs()]
    for head in (net[0] + net[1] * 3, net[0] * net[1]):
        found.append(run(mx, ctx, head))
    return found


@program(rtol=1e-4)
@quiet
def trained(mx, ctx):
    """The softmax of MXNet's old examples as the output of a network that is trained."""

    class Softmax(mx.operator.NumpyOp):
        def __init__(self):
            super().__init__(False)

        def infer_shape(self, in_shape):
            return [in_shape[0]], [in_shape[0]]

        def forward(self, in_data, out_data):
            x, y = in_data[0], out_data[0]
            y[:] = np.exp(x - x.max(axis=1, keepdims=True))
            y /= y.sum(axis=1, keepdims=True)

        def backward(self, out_grad, in_data, out_data, in_grad):
            in_grad[0][:] = out_data[0]
            in_grad[0][np.arange(4), np.arange(4) % 3] -= 1.0

    fc = mx.sym.FullyConnected(mx.sym.var("data"), num_hidden=3, name="fc")
    net = Softmax()(data=fc, name="softmax")
    mod = mx.mod.Module(net, label_names=None, context=ctx)
    mod.bind([("data", (4, 2))], None)
    mod.init_params(mx.init.One())
    mod.init_optimizer(optimizer_params={"learning_rate": 0.5})
    for i in range(3):
        mod.forward(mx.io.DataBatch([mx.nd.array(numbers(4, 2, shift=i))], None), is_train=True)
        mod.backward()
        mod.update()
    return [mod.get_params()[0], mod.get_outputs()]
