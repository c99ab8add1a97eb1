"""Operators written in Python: what their methods are asked, what they are given, what becomes of it."""

import json

import numpy as np

from . import fresh, logged, numbers, outcome, program


def scale(mx, name, notes=None, requests=None, **members):
    """Register an operator of two inputs, `data * weight * factor`, that notes what it is asked."""
    notes = [] if notes is None else notes

    class Scale(mx.operator.CustomOp):
        def __init__(self, factor):
            self.factor = factor

        def forward(self, is_train, req, in_data, out_data, aux):
            notes.append(["forward", int(is_train), list(req), len(in_data), len(out_data), len(aux)])
            self.assign(out_data[0], req[0], in_data[0] * in_data[1] * self.factor)

        def backward(self, req, out_grad, in_data, out_data, in_grad, aux):
            notes.append(
                ["backward", list(req), len(out_grad), len(in_data), len(out_data), len(in_grad), len(aux)]
            )
            self.assign(in_grad[0], req[0], out_grad[0] * in_data[1] * self.factor)
            self.assign(in_grad[1], req[1], out_grad[0] * in_data[0] * self.factor)

    class Prop(mx.operator.CustomOpProp):
        def __init__(self, factor="1", **more):
            super().__init__(need_top_grad=True)
            notes.append(["init", [type(factor).__name__, factor], sorted(more.items())])
            self.factor = float(factor)

        def list_arguments(self):
            return ["data", "weight"]

        def create_operator(self, ctx, in_shapes, in_dtypes):
            notes.append(["create", type(ctx).__name__, [list(s) for s in in_shapes], list(in_dtypes)])
            return Scale(self.factor)

    for key, value in members.items():
        setattr(Prop, key, value)
    assert mx.operator.register(name)(Prop) is Prop
    return notes


@program(cpu=True)
@fresh
def names(mx, ctx):
    """Inputs left out become variables; parameters reach the class as text; files keep them."""
    notes = scale(mx, "custom_names")
    x = mx.sym.Variable("x")
    first = mx.sym.Custom(x, op_type="custom_names", factor=2.5)
    named = mx.sym.Custom(data=x, weight=first, op_type="custom_names", name="n", factor=(1, 2)[1], size=None)
    with mx.AttrScope(ctx_group="g", __tag__="t"):
        scoped = mx.sym.Custom(x, op_type="custom_names", lr_mult=3)
    with mx.name.Prefix("p_"):
        prefixed = mx.sym.Custom(op_type="custom_names")
    again = mx.sym.load_json(named.tojson())
    return {
        "notes": next(n for n in notes if n[0] == "init"),
        "names": [s.name for s in (first, named, scoped, prefixed)],
        "arguments": [s.list_arguments() for s in (first, named, scoped, prefixed, again)],
        "outputs": [s.list_outputs() for s in (first, named, prefixed, again)],
        "attrs": [sorted(s.list_attr().items()) for s in (first, named, scoped)],
        "of all": [[k, sorted(v.items())] for k, v in sorted(scoped.attr_dict().items())],
        "json": json.loads(named.tojson())["nodes"],
        "shapes": first.infer_shape(x=(2, 3), custom0_weight=(2, 3)),
        "refused": [
            outcome(lambda: mx.sym.Custom(x, op_type="custom_nobody")),
            outcome(lambda: mx.sym.Custom(3, op_type="custom_names")),
            outcome(lambda: mx.nd.Custom(mx.nd.ones((1,)), op_type="custom_nobody")),
        ],
    }


ADDED = "what backward writes is added by the graph around it, so it is always told 'write'"
TOLD = ("add add/2/{}/1/0", "add add/2/{}/1/1", "null add/2/{}/1/1", "add write/2/{}/1/0")


@program(differs={place.format(i): ADDED for place in TOLD for i in (1, 3)})
def requests(mx, ctx):
    """What forward and backward are told and given, for each request for gradients."""
    found = {}
    x, w = numbers(2, 3), numbers(2, 3, shift=1)
    for request in (["write", "write"], ["add", "add"], ["write", "null"], ["null", "add"], ["add", "write"]):
        notes = scale(mx, "custom_requests")
        net = mx.sym.Custom(mx.sym.var("data"), mx.sym.var("weight"), op_type="custom_requests", factor=2)
        grads = [mx.nd.ones((2, 3), ctx) * 10 for _ in request]
        arrays = [mx.nd.array(x, ctx), mx.nd.array(w, ctx)]
        ex = net.bind(ctx, arrays, args_grad=grads, grad_req=request)
        for _ in range(2):
            out = ex.forward(is_train=True)[0].asnumpy()
            ex.backward(mx.nd.array(numbers(2, 3, shift=2), ctx))
            mx.nd.waitall()
        ex.forward(is_train=False)[0].wait_to_read()
        found[" ".join(request)] = [out, grads, [n for n in notes if n[0] in ("forward", "backward")]]
        found[" ".join(request)] += [n for n in notes if n[0] == "create"][-1:]
    return found


@program
def assigning(mx, ctx):
    """`CustomOp.assign` for each request, from each kind of source."""
    op, found = mx.operator.CustomOp(), {}
    sources = {
        "array": lambda: mx.nd.array(numbers(2, 3), ctx),
        "number": lambda: 2.5,
        "row": lambda: mx.nd.array(numbers(1, 3), ctx),
        "numpy": lambda: numbers(2, 3),
        "double": lambda: mx.nd.array(numbers(2, 3), ctx, dtype="float64"),
    }
    for request in ("null", "write", "inplace", "add"):
        for kind, make in sources.items():
            dst = mx.nd.ones((2, 3), ctx)
            done = outcome(lambda r=request, d=dst, m=make: op.assign(d, r, m()))
            found[request + " " + kind] = [done, dst]
    return found


@program
def dependencies(mx, ctx):
    """Lists that backward gets, by what the class says backward reads."""
    found = {}
    kinds = {
        "all": lambda self, out_grad, in_data, out_data: list(out_grad) + list(in_data) + list(out_data),
        "head": lambda self, out_grad, in_data, out_data: [*out_grad, in_data[0], in_data[1]],
    }
    for kind, declare in kinds.items():
        asked = []

        def noted(self, out_grad, in_data, out_data, declare=declare, asked=asked):
            asked.append([list(out_grad), list(in_data), list(out_data)])
            return declare(self, out_grad, in_data, out_data)

        notes = scale(mx, "custom_dependencies", declare_backward_dependency=noted)
        net = mx.sym.Custom(mx.sym.var("data"), mx.sym.var("weight"), op_type="custom_dependencies")
        ex = net.simple_bind(ctx, data=(2, 2), weight=(2, 2))
        ex.arg_dict["data"][:] = 2
        ex.arg_dict["weight"][:] = 3
        ex.forward(is_train=True)
        ex.backward(mx.nd.ones((2, 2), ctx))
        mx.nd.waitall()
        found[kind] = [ex.outputs, [n for n in notes if n[0] == "backward"][:1], asked[:1], ex.grad_arrays]
    base = mx.operator.CustomOpProp
    found["default"] = [
        base(need_top_grad=top).declare_backward_dependency([0, 1], [2, 3], [4, 5]) for top in (True, False)
    ]
    return found


@program(cpu=True)
def defaults(mx, ctx):
    """What the base class answers by itself."""
    prop = mx.operator.CustomOpProp()
    return {
        "need": [prop.need_top_grad_, mx.operator.CustomOpProp(False).need_top_grad_],
        "names": [prop.list_arguments(), prop.list_outputs(), prop.list_auxiliary_states()],
        "shape": prop.infer_shape([[2, 3]]),
        "type": [[np.dtype(t).name for t in group] for group in prop.infer_type([np.float16, np.int32])],
        "operator": type(prop.create_operator(mx.cpu(), [[2]], [0])).__name__,
        "listed": sorted(
            n for n in mx.operator.get_all_registered_operators() if n in ("Custom", "dot", "_plus")
        ),
    }


@program
def losses(mx, ctx):
    """A softmax with its own gradient: no head gradient is asked for."""

    class Softmax(mx.operator.CustomOp):
        def forward(self, is_train, req, in_data, out_data, aux):
            scores = in_data[0].asnumpy()
            odds = np.exp(scores - scores.max(axis=1, keepdims=True))
            self.assign(out_data[0], req[0], mx.nd.array(odds / odds.sum(axis=1, keepdims=True)))

        def backward(self, req, out_grad, in_data, out_data, in_grad, aux):
            truth = np.eye(3, dtype=np.float32)[in_data[1].asnumpy().astype(np.int64)]
            self.assign(in_grad[0], req[0], out_data[0] - mx.nd.array(truth, ctx=out_data[0].context))

    @mx.operator.register("custom_softmax")
    class SoftmaxProp(mx.operator.CustomOpProp):
        def __init__(self):
            super().__init__(need_top_grad=False)

        def list_arguments(self):
            return ["data", "label"]

        def infer_shape(self, in_shape):
            return [in_shape[0], (in_shape[0][0],)], [in_shape[0]], []

        def infer_type(self, in_type):
            return in_type, [in_type[0]], []

        def create_operator(self, ctx, shapes, dtypes):
            return Softmax()

    fc = mx.sym.FullyConnected(mx.sym.var("data"), name="fc", num_hidden=3)
    net = mx.sym.Custom(fc, name="softmax", op_type="custom_softmax")
    ex = net.simple_bind(ctx, data=(4, 2))
    for i, a in enumerate(ex.arg_arrays):
        a[:] = mx.nd.array(numbers(*a.shape, shift=i), ctx)
    ex.arg_dict["softmax_label"][:] = mx.nd.array([0, 1, 2, 1], ctx)
    ex.forward(is_train=True)
    ex.backward()
    grads = {n: g for n, g in ex.grad_dict.items() if n != "softmax_label"}
    it = mx.io.NDArrayIter(numbers(8, 2), np.arange(8) % 3, batch_size=4)
    mod = mx.mod.Module(net, context=ctx)
    with logged() as lines:
        mod.fit(it, num_epoch=2, initializer=mx.init.One(), optimizer_params={"learning_rate": 0.5})
    return {
        "arguments": net.list_arguments(),
        "shapes": net.infer_shape(data=(4, 2)),
        "outputs": ex.outputs,
        "grads": grads,
        "trained": mod.get_params()[0],
        "accuracy": [line for line in lines if "accuracy" in line],
    }


@program
def auxiliary_states(mx, ctx):
    """A running mean: written in forward while training, in backward counted."""

    class Mean(mx.operator.CustomOp):
        def forward(self, is_train, req, in_data, out_data, aux):
            if is_train:
                aux[0][:] = aux[0] * 0.5 + in_data[0].mean(axis=0) * 0.5
            self.assign(out_data[0], req[0], in_data[0] - aux[0].reshape((1, -1)))

        def backward(self, req, out_grad, in_data, out_data, in_grad, aux):
            aux[1][:] += 1
            self.assign(in_grad[0], req[0], out_grad[0])

    @mx.operator.register("custom_mean")
    class MeanProp(mx.operator.CustomOpProp):
        def list_auxiliary_states(self):
            return ["mean", "count"]

        def infer_shape(self, in_shape):
            return in_shape, [in_shape[0]], [(in_shape[0][1],), (1,)]

        def create_operator(self, ctx, shapes, dtypes):
            return Mean()

    net = mx.sym.Custom(mx.sym.var("data"), op_type="custom_mean", name="m")
    ex = net.simple_bind(ctx, data=(4, 3))
    seen = []
    for i, train in enumerate((True, False, True)):
        ex.forward(is_train=train, data=mx.nd.array(numbers(4, 3, shift=i), ctx))
        if train:
            ex.backward(mx.nd.ones((4, 3), ctx))
        mx.nd.waitall()
        seen.append([ex.outputs[0].asnumpy()] + [a.asnumpy() for a in ex.aux_arrays])
    return {
        "lists": [net.list_arguments(), net.list_auxiliary_states(), net.list_outputs()],
        "shapes": net.infer_shape(data=(4, 3)),
        "types": [[np.dtype(t).name for t in g] for g in net.infer_type(data="float64")],
        "seen": seen,
        "grads": ex.grad_dict,
    }


@program
def several_outputs(mx, ctx):
    """Heads that nobody reads count as zero; outputs have the names the class gives them."""

    class Both(mx.operator.CustomOp):
        def forward(self, is_train, req, in_data, out_data, aux):
            self.assign(out_data[0], req[0], in_data[0] + in_data[1])
            self.assign(out_data[1], req[1], in_data[0] * in_data[1])

        def backward(self, req, out_grad, in_data, out_data, in_grad, aux):
            a, b = in_data
            self.assign(in_grad[0], req[0], out_grad[0] + out_grad[1] * b)
            self.assign(in_grad[1], req[1], out_grad[0] + out_grad[1] * a)

    @mx.operator.register("custom_both")
    class BothProp(mx.operator.CustomOpProp):
        def list_arguments(self):
            return ["a", "b"]

        def list_outputs(self):
            return ["sum", "product"]

        def infer_shape(self, in_shape):
            return in_shape, [in_shape[0], in_shape[0]]

        def create_operator(self, ctx, shapes, dtypes):
            return Both()

    both = mx.sym.Custom(a=mx.sym.var("a"), b=mx.sym.var("b"), op_type="custom_both", name="both")
    found = {
        "outputs": [both.list_outputs(), len(both), both["both_product"].list_outputs(), both[0].name],
        "internals": both.get_internals().list_outputs(),
        "shapes": both.infer_shape(a=(2, 2), b=(2, 2)),
    }
    heads = {"both": both, "sum": both[0], "product": both[1] * 2, "twice": mx.sym.Group([both[1], both[1]])}
    for kind, net in heads.items():
        ex = net.simple_bind(ctx, a=(2, 2), b=(2, 2))
        ex.arg_dict["a"][:] = mx.nd.array(numbers(2, 2), ctx)
        ex.arg_dict["b"][:] = mx.nd.array(numbers(2, 2, shift=1), ctx)
        ex.forward(is_train=True)
        if kind != "twice":
            ex.backward([mx.nd.ones((2, 2), ctx) for _ in net])
        found[kind] = [ex.outputs, ex.grad_arrays]
    return found


@program
def imperative(mx, ctx):
    """`mx.nd.Custom` alone and under autograd; the current context within is that of the arrays."""
    seen = []

    class Square(mx.operator.CustomOp):
        def forward(self, is_train, req, in_data, out_data, aux):
            seen.append([int(is_train), mx.current_context() == ctx, mx.nd.zeros((1,)).context == ctx])
            self.assign(out_data[0], req[0], in_data[0] ** 2)

        def backward(self, req, out_grad, in_data, out_data, in_grad, aux):
            seen.append([mx.current_context() == ctx, in_data[0].context == ctx])
            self.assign(in_grad[0], req[0], 2 * in_data[0] * out_grad[0])

    @mx.operator.register("custom_square")
    class SquareProp(mx.operator.CustomOpProp):
        def create_operator(self, ctx, shapes, dtypes):
            return Square()

    x = mx.nd.array(numbers(2, 3), ctx)
    alone = mx.nd.Custom(x, op_type="custom_square")
    alone.wait_to_read()
    x.attach_grad()
    with mx.autograd.record():
        y = mx.nd.Custom(x, op_type="custom_square") * 3
    y.backward()
    x.grad.wait_to_read()
    return {"alone": alone, "y": y, "grad": x.grad, "seen": seen}


@program
def types(mx, ctx):
    """What `infer_type` is asked and may answer; half and double arrays reach the class as they are."""
    asked = []

    def noted(self, in_type):
        asked.append([np.dtype(t).name for t in in_type])
        return in_type, [np.float32], []

    seen = []

    class Cast(mx.operator.CustomOp):
        def forward(self, is_train, req, in_data, out_data, aux):
            seen.append([np.dtype(in_data[0].dtype).name, np.dtype(out_data[0].dtype).name])
            self.assign(out_data[0], req[0], in_data[0].astype("float32"))

    @mx.operator.register("custom_cast")
    class CastProp(mx.operator.CustomOpProp):
        infer_type = noted

        def create_operator(self, ctx, shapes, dtypes):
            return Cast()

    net = mx.sym.Custom(mx.sym.var("data"), op_type="custom_cast")
    found = {}
    for kind in ("float16", "float64", "int32", "uint8"):
        answer = [[np.dtype(t).name for t in g] for g in net.infer_type(data=kind)]
        x = mx.nd.array([1, 2, 3], ctx, dtype=kind)
        out = net.bind(ctx, [x], grad_req="null").forward()[0]
        found[kind] = [answer, out]
    return [found, asked[0], seen]


@program
def inside_a_net(mx, ctx):
    """Between layers, shared weights, reshaped, with several calls of one executor."""
    scale(mx, "custom_inside")
    x = mx.sym.var("data")
    h = mx.sym.Activation(mx.sym.FullyConnected(x, num_hidden=4, name="fc1"), act_type="tanh")
    g = mx.sym.var("g", shape=(2, 4))
    h = mx.sym.Custom(h, g, op_type="custom_inside", factor=0.5, name="scale")
    h = mx.sym.Custom(h, mx.sym.sin(g), op_type="custom_inside", name="scale2") + h
    net = mx.sym.LinearRegressionOutput(mx.sym.FullyConnected(h, num_hidden=1, name="fc2"), name="out")
    ex = net.simple_bind(ctx, data=(2, 3))
    for i, a in enumerate(ex.arg_arrays):
        a[:] = mx.nd.array(numbers(*a.shape, shift=0.2 * i), ctx)
    steps = []
    for _ in range(3):
        ex.forward(is_train=True)
        ex.backward()
        for name, grad in ex.grad_dict.items():
            if name not in ("data", "out_label"):
                ex.arg_dict[name][:] -= 0.1 * grad
        steps.append(ex.outputs[0].asnumpy())
    return {"steps": steps, "weights": ex.arg_dict, "infer": net.infer_shape(data=(2, 3))}
