"""Operators written in Python: how often, in which mode and with which objects their methods are called."""

import numpy as np

from . import fresh, numbers, outcome, program


def define(mx, name, forward=None, backward=None, make=None, **members):
    """Register an operator; by default it doubles. `make` replaces the class of the operator itself."""

    class Op(mx.operator.CustomOp):
        def forward(self, is_train, req, in_data, out_data, aux):
            if forward is not None:
                forward(self, is_train, req, in_data, out_data, aux)
            else:
                self.assign(out_data[0], req[0], in_data[0] * 2)

        def backward(self, req, out_grad, in_data, out_data, in_grad, aux):
            if backward is not None:
                backward(self, req, out_grad, in_data, out_data, in_grad, aux)
            else:
                self.assign(in_grad[0], req[0], out_grad[0] * 2)

    class Prop(mx.operator.CustomOpProp):
        def create_operator(self, ctx, in_shapes, in_dtypes):
            return Op() if make is None else make(ctx, in_shapes, in_dtypes)

    for key, value in members.items():
        setattr(Prop, key, value)
    mx.operator.register(name)(Prop)
    return Prop


def counter(mx, made):
    """A class of operators that multiply by how often they were called; `made` notes each new one."""

    class Counter(mx.operator.CustomOp):
        def __init__(self):
            self.calls = 0

        def forward(self, is_train, req, in_data, out_data, aux):
            self.calls += 1
            self.assign(out_data[0], req[0], in_data[0] * self.calls)

        def backward(self, req, out_grad, in_data, out_data, in_grad, aux):
            self.assign(in_grad[0], req[0], out_grad[0] * self.calls)

    def make(ctx, in_shapes, in_dtypes):
        made.append([[list(s) for s in in_shapes], list(in_dtypes)])
        return Counter()

    return make


@program
def modes(mx, ctx):
    """`is_train`, and whether the thread records and trains, inside of forward and backward."""
    seen = []

    def note(what, is_train=None):
        seen.append([what, is_train, mx.autograd.is_recording(), mx.autograd.is_training()])

    def forward(self, is_train, req, in_data, out_data, aux):
        note("forward", int(is_train))
        self.assign(out_data[0], req[0], in_data[0] * 2)

    def backward(self, req, out_grad, in_data, out_data, in_grad, aux):
        note("backward")
        self.assign(in_grad[0], req[0], out_grad[0] * 2)

    define(mx, "custom_modes", forward, backward)
    ex = mx.sym.Custom(mx.sym.var("x"), op_type="custom_modes").simple_bind(ctx, x=(2,))

    def run():
        for call in (
            lambda: ex.forward(is_train=True),
            lambda: ex.backward(mx.nd.ones((2,), ctx)),
            ex.forward,
        ):
            call()
            mx.nd.waitall()  # MXNet's executor tells a node still waiting the mode of the next run

    run()
    with mx.autograd.record():
        run()
    x = mx.nd.ones((2,), ctx)
    x.attach_grad()
    mx.nd.Custom(x, op_type="custom_modes").wait_to_read()
    with mx.autograd.record():
        y = mx.nd.Custom(x, op_type="custom_modes")
    y.backward(train_mode=False)
    x.grad.wait_to_read()
    with mx.autograd.record(train_mode=False):
        y = mx.nd.Custom(x, op_type="custom_modes")
    y.backward()
    x.grad.wait_to_read()
    with mx.autograd.train_mode():
        mx.nd.Custom(x, op_type="custom_modes").wait_to_read()
    return {"seen": seen, "outside": [mx.autograd.is_recording(), mx.autograd.is_training()]}


@program
def objects(mx, ctx):
    """One object for each executor and node, in training and inference; a new one for each reshape and each
    imperative call."""
    made = []
    define(mx, "custom_objects", make=counter(mx, made))
    net = mx.sym.Custom(mx.sym.var("x"), op_type="custom_objects")
    ex = net.simple_bind(ctx, x=(2, 3))
    ex.arg_dict["x"][:] = 1
    values = []

    def run(ex, is_train):
        values.append(float(ex.forward(is_train=is_train)[0].asnumpy()[0, 0]))

    for is_train in (False, True, True, False):
        run(ex, is_train)
    small = ex.reshape(x=(1, 3))
    run(small, False)
    run(ex, True)
    ex.backward(mx.nd.ones((2, 3), ctx))
    values.append(ex.grad_dict["x"].asnumpy())
    other = net.simple_bind(ctx, x=(2, 3))
    other.arg_dict["x"][:] = 1
    run(other, False)
    x = mx.sym.var("x")
    pair = mx.sym.Group([mx.sym.Custom(x, op_type="custom_objects") for _ in range(2)])
    both = pair.simple_bind(ctx, x=(1, 1), grad_req="null")
    both.arg_dict["x"][:] = 1
    for _ in range(2):
        values.append([a.asnumpy() for a in both.forward()])
    for _ in range(2):
        values.append(mx.nd.Custom(mx.nd.ones((1,), ctx), op_type="custom_objects"))
    return {"values": values, "made": made}


SPOILT = "MXNet's second backward reads memory that its first one wrote into"


@program(differs={"found/1/0": SPOILT, "found/2/0": SPOILT})
def backward_again(mx, ctx):
    """A second backward reads what the one forward left; no forward runs again, no state moves."""
    calls = []

    def forward(self, is_train, req, in_data, out_data, aux):
        calls.append("forward")
        aux[0][:] += 1
        self.assign(out_data[0], req[0], in_data[0] * aux[0])

    def backward(self, req, out_grad, in_data, out_data, in_grad, aux):
        calls.append("backward")
        self.assign(in_grad[0], req[0], out_grad[0] * out_data[0])

    define(
        mx, "custom_again", forward, backward, list_auxiliary_states=lambda self: ["count"],
        infer_shape=lambda self, in_shape: (in_shape, [in_shape[0]], [(1,)]),
    )  # fmt: skip
    h = mx.sym.Custom(mx.sym.sin(mx.sym.var("x")), op_type="custom_again", name="c")
    ex = (mx.sym.exp(h) * 3).simple_bind(ctx, x=(2, 2))
    ex.arg_dict["x"][:] = mx.nd.array(numbers(2, 2), ctx)
    found = []
    ex.forward(is_train=True)
    for _ in range(3):
        ex.backward(mx.nd.ones((2, 2), ctx))
        found.append([ex.grad_dict["x"].asnumpy(), ex.outputs[0].asnumpy(), ex.aux_dict["c_count"].asnumpy()])
    x = mx.nd.array(numbers(2, 2), ctx)
    x.attach_grad("add")
    count = mx.nd.zeros((1,), ctx)
    with mx.autograd.record():
        y = mx.nd.Custom(x, count, op_type="custom_again") * 2
    y.backward(retain_graph=True)
    y.backward()
    mx.nd.waitall()
    return {"found": found, "calls": calls, "grad": x.grad, "count": count}


@program
def unread_outputs(mx, ctx):
    """An output nobody reads is requested as 'null'; its array has its shape all the same."""
    seen = []

    def forward(self, is_train, req, in_data, out_data, aux):
        seen.append([list(req), [list(a.shape) for a in out_data]])
        self.assign(out_data[0], req[0], in_data[0] + 1)
        self.assign(out_data[1], req[1], in_data[0].sum())
        self.assign(out_data[2], req[2], in_data[0] * 2)

    define(
        mx, "custom_unread", forward, list_outputs=lambda self: ["a", "b", "c"],
        infer_shape=lambda self, in_shape: (in_shape, [in_shape[0], (1,), in_shape[0]], []),
    )  # fmt: skip
    net = mx.sym.Custom(mx.sym.var("x"), op_type="custom_unread", name="n")
    found = []
    for pick in (net[2], net[1], mx.sym.Group([net[0], net[2]]), net[0] + net[2], net):
        ex = pick.bind(ctx, {"x": mx.nd.array(numbers(2, 2), ctx)}, grad_req="null")
        found.append(ex.forward())
        mx.nd.waitall()
    found.append(mx.nd.Custom(mx.nd.ones((2,), ctx), op_type="custom_unread"))
    return {"found": found, "seen": seen}


@program
def arrays(mx, ctx):
    """What can be done with the arrays handed over: slices, NumPy, operators in place, methods."""
    facts = []

    def forward(self, is_train, req, in_data, out_data, aux):
        x, y = in_data[0], out_data[0]

        def grow(a):
            a += 1

        facts.append([isinstance(a, mx.nd.NDArray) for a in (x, y)] + [x.context == ctx, y.context == ctx])
        facts.append([outcome(lambda: grow(x)), outcome(lambda: grow(y)), x.grad is None, x.stype])
        y[0] = x[1]
        y[1:2] = x[0:1].asnumpy()
        y[2, 1] = 9
        y[2, 0] = x[2, 0].asscalar()
        y[2] *= 2
        y[:] = y + x.T.T.reshape((3, 2)).copy()

    def backward(self, req, out_grad, in_data, out_data, in_grad, aux):
        def grow(a):
            a *= 2

        facts.append([outcome(lambda a=a: grow(a[0])) for a in (out_grad, in_data, out_data, in_grad)])
        g = in_grad[0]
        g[:] = 0
        g[1] += out_grad[0][0]
        g[0] = out_grad[0].asnumpy()[1]
        mx.nd.elemwise_add(g, out_grad[0] * 10, out=g)

    define(mx, "custom_arrays", forward, backward)
    ex = mx.sym.Custom(mx.sym.var("x") * 1, op_type="custom_arrays").simple_bind(ctx, x=(3, 2))
    ex.arg_dict["x"][:] = mx.nd.array(numbers(3, 2), ctx)
    ex.forward(is_train=True)
    ex.backward(mx.nd.array(numbers(3, 2, shift=1), ctx))
    return {"out": ex.outputs[0], "grad": ex.grad_dict["x"], "x": ex.arg_dict["x"], "facts": facts}


@program
@fresh
def order_of_parameters(mx, ctx):
    """forward and backward are called by name: the order in which a class declares them is free."""

    class Op(mx.operator.CustomOp):
        def forward(self, out_data, in_data, aux, req, is_train):
            self.assign(out_data[0], req[0], in_data[0] * 3)

        def backward(self, in_grad, out_grad, **more):
            self.assign(in_grad[0], more["req"][0], out_grad[0] * 3)

    define(mx, "custom_order", make=lambda ctx, shapes, types: Op())
    ex = mx.sym.Custom(mx.sym.var("x"), op_type="custom_order").simple_bind(ctx, x=(2,))
    ex.arg_dict["x"][:] = 2
    ex.forward(is_train=True)
    ex.backward(mx.nd.ones((2,), ctx))
    return [ex.outputs, ex.grad_arrays]


@program(cpu=True)
def parameters(mx, ctx):
    """Every value of a keyword argument reaches the class as its text, from a symbol as from arrays."""
    asked = []

    def init(self, **more):
        mx.operator.CustomOpProp.__init__(self)
        asked.append(sorted(more.items()))

    define(mx, "custom_parameters", __init__=init)
    plain = {"a": [1, 2], "b": (1,), "c": True, "d": np.float32(2.5), "f": '\u00e9 "q" \\', "g": 1e-20}
    plain.update(i=None, s=(2, 3))
    mx.sym.Custom(mx.sym.var("x"), op_type="custom_parameters", e={"k": 1}, h=np.arange(3), **plain)
    more = asked[-1]
    mx.nd.Custom(mx.nd.ones((1,)), op_type="custom_parameters", **plain).wait_to_read()
    return [more, asked[-1]]
