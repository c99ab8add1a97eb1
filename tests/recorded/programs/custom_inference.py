"""Operators written in Python: shapes and element types they infer, and from what."""

import numpy as np

from . import fresh, outcome, program
from .custom_calls import define


def types_of(groups):
    """Names of element types, group by group."""
    return [None if g is None else [np.dtype(t).name for t in g] for g in groups]


@program
def no_inputs(mx, ctx):
    """An operator without inputs is a constant; its shapes and types come from the class alone."""

    def forward(self, is_train, req, in_data, out_data, aux):
        self.assign(out_data[0], req[0], mx.nd.arange(6, ctx=ctx).reshape((2, 3)))

    define(
        mx, "custom_constant", forward, lambda *args: None, list_arguments=lambda self: [],
        infer_shape=lambda self, in_shape: ([], [(2, 3)], []),
        infer_type=lambda self, in_type: ([], [np.float32], []),
    )  # fmt: skip
    net = mx.sym.Custom(op_type="custom_constant", name="c")
    ex = (net * mx.sym.var("x")).simple_bind(ctx, x=(2, 3))
    ex.arg_dict["x"][:] = 2
    ex.forward(is_train=True)
    ex.backward(mx.nd.ones((2, 3), ctx))
    alone = net.simple_bind(ctx).forward()
    return [
        net.list_arguments(),
        net.infer_shape(),
        types_of(net.infer_type()),
        ex.outputs,
        ex.grad_arrays,
        alone,
    ]


@program(cpu=True)
@fresh
def shapes(mx, ctx):
    """What infer_shape is asked and may answer: lists, tuples, arrays, the list it was given changed."""
    asked = []

    def noting(answer):
        def infer_shape(self, in_shape):
            asked.append([type(in_shape).__name__, [[type(s).__name__, list(s)] for s in in_shape]])
            return answer(in_shape)

        return infer_shape

    def changed(in_shape):
        in_shape[1] = (in_shape[0][0],)
        return in_shape, [in_shape[0]], []

    kinds = {
        "tuples": lambda s: ((s[0], (3,)), (tuple(s[0]),), ()),
        "two": lambda s: ([s[0], [3]], [s[0]]),
        "array": lambda s: ([s[0], np.array([3])], [np.array(s[0])], []),
        "changed": changed,
        "from the second": lambda s: ([s[1], s[1]], [s[1]], []),
        "fixed": lambda s: ([(4, 2), (5,)], [(6,)], []),
        "one list": lambda s: (s,),
        "four lists": lambda s: (s, [s[0]], [], []),
        "too few": lambda s: (s[:1], [s[0]], []),
        "too many": lambda s: (s, [s[0], s[0]], []),
        "none": lambda s: None,
        "text": lambda s: (s, ["ab"], []),
        "raises": lambda s: s[0][5],
    }
    found = {}
    for kind, answer in kinds.items():
        define(mx, "custom_shapes", list_arguments=lambda self: ["a", "b"], infer_shape=noting(answer))
        net = mx.sym.Custom(mx.sym.var("a"), mx.sym.var("b"), op_type="custom_shapes")
        given = {"b": (2, 3)} if kind == "from the second" else {} if kind == "fixed" else {"a": (2, 3)}
        del asked[:]
        found[kind] = [outcome(lambda net=net, given=given: net.infer_shape(**given)), asked[:1]]
    return found


@program(cpu=True)
def contradictions(mx, ctx):
    """A shape or type the class answers must agree with what is known."""
    define(mx, "custom_square", infer_shape=lambda self, s: ([[s[0][0], s[0][0]]], [s[0]], []))
    define(mx, "custom_single", infer_type=lambda self, t: ([np.float32], [np.float32], []))
    x = mx.sym.var("x")
    square, single = (mx.sym.Custom(x, op_type="custom_" + k) for k in ("square", "single"))
    twice = mx.sym.elemwise_add(square, mx.sym.var("y"))
    return [
        outcome(lambda: square.infer_shape(x=(2, 3))),
        outcome(lambda: square.infer_shape(x=(3, 3))),
        outcome(lambda: single.infer_type(x="float64")),
        outcome(lambda: types_of(single.infer_type())),
        outcome(lambda: twice.infer_shape(x=(2, 2), y=(2, 3))),
        outcome(lambda: twice.infer_shape(x=(2, 2))),
    ]


@program
def types(mx, ctx):
    """Mixed types of inputs, outputs and auxiliary states; types not known yet are None."""
    asked, seen = [], []

    def infer_type(self, in_type):
        asked.append([None if t is None else np.dtype(t).name for t in in_type])
        second = np.int32 if in_type[1] is None else in_type[1]
        return (in_type[0], second), (np.float64, in_type[0]), (np.float32,)

    def forward(self, is_train, req, in_data, out_data, aux):
        seen.append([np.dtype(a.dtype).name for a in in_data + out_data + aux])
        aux[0][:] += 1
        self.assign(out_data[0], req[0], in_data[0].astype("float64") + in_data[1].astype("float64"))
        self.assign(out_data[1], req[1], in_data[0] * 2)

    def backward(self, req, out_grad, in_data, out_data, in_grad, aux):
        seen.append([np.dtype(a.dtype).name for a in out_grad + in_grad])
        self.assign(in_grad[0], req[0], out_grad[0].astype(in_grad[0].dtype) + 2 * out_grad[1])
        self.assign(in_grad[1], req[1], 0)

    define(
        mx, "custom_mixed", forward, backward, list_arguments=lambda self: ["a", "b"],
        list_outputs=lambda self: ["sum", "twice"], list_auxiliary_states=lambda self: ["count"],
        infer_shape=lambda self, s: ([s[0], s[0]], [s[0], s[0]], [(1,)]), infer_type=infer_type,
    )  # fmt: skip
    net = mx.sym.Custom(mx.sym.var("a"), mx.sym.var("b"), op_type="custom_mixed", name="m")
    found = {
        "infer": [types_of(net.infer_type(a=kind)) for kind in ("float16", "float32", "float64", "uint8")]
    }
    found["both"] = types_of(net.infer_type(a="float16", b="int64"))
    found["second"] = outcome(lambda: types_of(net.infer_type(b="int64")))
    for kind in ("float16", "float32", "float64"):
        arrays = [mx.nd.array([1, 2, 3], ctx, dtype=kind), mx.nd.array([4, 5, 6], ctx, dtype="int32")]
        found[kind] = list(mx.nd.Custom(*arrays, mx.nd.zeros((1,), ctx), op_type="custom_mixed"))
    x = mx.nd.array([1, 2, 3], ctx, dtype="float64")
    x.attach_grad()
    with mx.autograd.record():
        a, b = mx.nd.Custom(x, arrays[1], mx.nd.zeros((1,), ctx), op_type="custom_mixed")
        y = a * b
    y.backward()
    found["grad"] = x.grad
    found["seen"] = seen
    found["asked"] = asked[:4]
    return found


@program
def type_answers(mx, ctx):
    """What infer_type may answer."""
    answers = {
        "class": lambda t: (t, [np.float64], []),
        "two lists": lambda t: (t, [np.float64]),
        "tuples": lambda t: (tuple(t), (np.float64,), ()),
        "one list": lambda t: (t,),
        "too few": lambda t: (t, [], []),
        "none": lambda t: None,
        "raises": lambda t: t[7],
        "no type": lambda t: (t, [mx], []),
    }
    found = {}
    for kind, answer in answers.items():
        define(
            mx, "custom_answers", lambda self, is_train, req, x, y, aux: self.assign(y[0], req[0], 1.5),
            infer_type=lambda self, t, answer=answer: answer(t),
        )  # fmt: skip
        found[kind] = outcome(lambda: mx.nd.Custom(mx.nd.ones((2,), ctx), op_type="custom_answers").asnumpy())
    return found


@program
def names_of_outputs(mx, ctx):
    """An output may be called like an input; backward reads the right one of the two."""

    def backward(self, req, out_grad, in_data, out_data, in_grad, aux):
        self.assign(in_grad[0], req[0], out_grad[0] * (in_data[0] + 10 * out_data[0]))

    define(mx, "custom_named", None, backward, list_outputs=lambda self: ["data"])
    net = mx.sym.Custom(mx.sym.var("x"), op_type="custom_named", name="n")
    ex = net.simple_bind(ctx, x=(2,))
    ex.arg_dict["x"][:] = 3
    ex.forward(is_train=True)
    ex.backward(mx.nd.ones((2,), ctx))
    return [net.list_outputs(), net.get_internals().list_outputs(), ex.outputs, ex.grad_arrays]
