"""Inference of shapes and types: forms, both directions, what stays unknown, warnings and errors."""

import contextlib
import io
import warnings

import numpy as np

from . import fresh, outcome, program, says


def heard(call):
    """What a call gives or raises, and the texts of its warnings, less what cysym advises below them."""
    with warnings.catch_warnings(record=True) as caught, contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("always")
        found = says(call)
    return [found, [[w.category.__name__, str(w.message).partition("\n  hint: ")[0]] for w in caught]]


def quiet(call, *fragments):
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        return says(call, *fragments)


def named(types):
    """Types as texts."""
    if types is None or isinstance(types, str):
        return types
    return [
        named(t) if isinstance(t, (list, tuple)) else (None if t is None else np.dtype(t).name) for t in types
    ]


@program(cpu=True, differs={"aux wrong, unnoticed by MXNet/0": "a contradiction is an error"})
@fresh
def shapes_of_a_network(mx, ctx):
    S = mx.sym
    x = S.Variable("data")
    net = S.Convolution(x, kernel=(3, 3), num_filter=4, pad=(1, 1), name="c")
    net = S.BatchNorm(net, name="bn")
    net = S.Pooling(S.Activation(net, act_type="relu"), kernel=(2, 2), stride=(2, 2), pool_type="max")
    net = S.SoftmaxOutput(S.FullyConnected(net, num_hidden=10, name="fc"), name="softmax")
    whole = net.infer_shape(data=(2, 3, 8, 8))
    internals = net.get_internals()
    return {
        "whole": whole,
        "internals": internals.infer_shape(data=(2, 3, 8, 8))[1],
        "aux by name": heard(lambda: net.infer_shape(data=(2, 3, 8, 8), bn_moving_mean=(4,))),
        "aux wrong, unnoticed by MXNet": heard(
            lambda: net.infer_shape(data=(2, 3, 8, 8), bn_moving_mean=(5,))
        ),
        "given twice over": net.infer_shape(data=(2, 3, 8, 8), fc_weight=(10, 64))[1],
        "types": [type(whole).__name__, type(whole[0]).__name__, type(whole[0][0]).__name__],
    }


@program(cpu=True, differs={"none/0": "None is an unknown shape by name as it is by position"})
@fresh
def forms_of_arguments(mx, ctx):
    S = mx.sym
    a, b = S.Variable("a"), S.Variable("b")
    net = a + b
    return {
        "list": heard(lambda: net.infer_shape(a=[2, 3])),
        "number": heard(lambda: net.infer_shape(a=3)),
        "numpy": heard(lambda: net.infer_shape(a=(np.int64(2), np.int32(3)))),
        "text": heard(lambda: net.infer_shape(a="ab")),
        "none": heard(lambda: net.infer_shape(a=None, b=(2, 3))),
        "empty": heard(lambda: net.infer_shape(a=(), b=(2, 3))),
        "unknown name": [
            quiet(lambda: net.infer_shape(zzz=(2,)), "InferShapeKeyword argument name zzz not found"),
            quiet(lambda: net.infer_type(zzz="float32"), "argument name zzz not found"),
        ],
        "both": [
            outcome(lambda: net.infer_shape((2,), b=(2,))),
            outcome(lambda: net.infer_type("int8", b="int8")),
        ],
        "minus": heard(lambda: net.infer_shape(a=(-1, 3), b=(2, -1))),
        "float": heard(lambda: net.infer_shape(a=(2.5, 3))),
        "nothing": heard(lambda: net.infer_shape()),
        "partial nothing": heard(lambda: net.infer_shape_partial()),
        "wrong in partial": [
            quiet(lambda: net.infer_shape_partial(a=[2])),
            outcome(lambda: net.infer_shape_partial(z=(2,))),
        ],
        "variable": heard(lambda: a.infer_shape(a=(2, 3))),
        "operator's name": outcome(lambda: net.infer_shape(_plus0=(2,))),
    }


@program(cpu=True)
@fresh
def unknown_shapes(mx, ctx):
    S = mx.sym
    a, b = S.Variable("a"), S.Variable("b")
    fc = S.FullyConnected(a, num_hidden=3, name="fc")
    return {
        "missing": heard(lambda: S.dot(a, b).infer_shape()),
        "half": heard(lambda: (a + b).infer_shape(a=(0, 3))),
        "partial half": heard(lambda: (a + b).infer_shape_partial(a=(0, 3))),
        "partial missing": heard(lambda: S.dot(a, b).infer_shape_partial()),
        "partial data": heard(lambda: fc.infer_shape_partial(a=(0, 4))),
        "partial complete": heard(lambda: fc.infer_shape_partial(a=(2, 4))),
        "batch unknown": heard(lambda: S.SoftmaxOutput(fc, name="s").infer_shape_partial(a=(0, 4))),
        "types": named(heard(lambda: (a + b).infer_type())[0]),
        "types warn": heard(lambda: (a + b).infer_type())[1],
        "types partial": named((a + b).infer_type_partial()),
    }


@program(cpu=True)
@fresh
def both_directions(mx, ctx):
    S = mx.sym
    a, b = S.Variable("a"), S.Variable("b")
    cases = {
        "elementwise": ((a + b), {"a": (0, 3), "b": (2, 0)}),
        "through": (S.sin(S.cos(a)) * b, {"b": (2, 3)}),
        "activation": (S.Activation(a, act_type="tanh") + b, {"b": (2, 3)}),
        "identity": (S.identity(a) + b, {"b": (4,)}),
        "zeros": (S.zeros((0, 3)) + a, {"a": (2, 3)}),
        "ones in the middle": (S.zeros((2, 0)) + a, {"a": (2, 5)}),
        "reshape": (S.Reshape(a, shape=(3, 2)) + b, {"b": (3, 2)}),
        "slices": (S.split(a, num_outputs=2)[0] + b, {"b": (2, 3)}),
        "label": (S.SoftmaxOutput(a, name="s"), {"s_label": (4,)}),
        "add_n": (S.add_n(a, b, S.Variable("c")), {"b": (2, 3)}),
        "broadcast": (S.broadcast_add(a, b), {"b": (2, 3)}),
        "scalar": (a * 2 + b, {"b": (7,)}),
        "chain": (S.sin(a) + S.cos(b) + S.Variable("c"), {"c": (3, 0), "a": (0, 5)}),
        "embedding": (S.Embedding(a, input_dim=3, output_dim=4, name="e"), {"a": (2, 2)}),
        "cast": (S.Cast(a, dtype="int32") + S.Cast(b, dtype="int32"), {"b": (2, 2)}),
        "block": (S.BlockGrad(a) * b, {"b": (2, 2)}),
        "concat": (S.Concat(a, b, dim=1), {"a": (2, 3), "b": (2, 4)}),
        "like": (S.zeros_like(a) + b, {"b": (2, 5)}),
    }
    found = {}
    for name, (net, shapes) in cases.items():
        found[name] = [
            heard(lambda net=net, shapes=shapes: net.infer_shape(**shapes)),
            quiet(lambda net=net, shapes=shapes: net.infer_shape_partial(**shapes)),
        ]
    return found


FURTHER = "follows from what is known, though MXNet's operator does not say it"


@program(
    cpu=True,
    differs=dict.fromkeys(
        ("fc", "fc alone", "fc weight", "dropout", "bn", "where", "stack", "conv"), FURTHER
    ),
)
@fresh
def further_than_mxnet(mx, ctx):
    S = mx.sym
    a, b = S.Variable("a"), S.Variable("b")
    fc = S.FullyConnected(a, num_hidden=3, name="fc")
    cases = {
        "fc": (fc + b, {"b": (2, 3)}),
        "fc alone": (fc, {}),
        "fc weight": (fc, {"fc_weight": (3, 5)}),
        "dropout": (S.Dropout(a) + b, {"b": (2, 3)}),
        "bn": (S.BatchNorm(a, name="bn") + b, {"b": (2, 3)}),
        "where": (S.where(a, b, S.Variable("c")), {"c": (2, 2)}),
        "stack": (S.stack(a, b), {"b": (2, 2)}),
        "conv": (S.Convolution(a, kernel=(3, 3), num_filter=4, name="c"), {"c_weight": (4, 3, 3, 3)}),
    }
    return {name: str(net.infer_shape_partial(**shapes)) for name, (net, shapes) in cases.items()}


UNKNOWN = "MXNet raises or reports a wrong size where nothing can be known"


@program(
    cpu=True,
    differs={"transpose": UNKNOWN, "through fc": UNKNOWN, "concat": UNKNOWN},
)
@fresh
def unknown_where_mxnet_errs(mx, ctx):
    S = mx.sym
    a, y = S.Variable("a"), S.Variable("y")
    fc = S.FullyConnected(a, num_hidden=3, name="fc")
    return {
        "transpose": quiet(lambda: (S.transpose(y) + a).infer_shape_partial(a=(2, 3))),
        "through fc": quiet(lambda: fc.infer_shape_partial(a=(5, 0))),
        "concat": str(quiet(lambda: S.Concat(a, y, dim=1).infer_shape_partial(a=(2, 3)))),
    }


@program(cpu=True)
@fresh
def labels(mx, ctx):
    S = mx.sym
    x = S.Variable("x")
    cases = [
        (S.SoftmaxOutput(x, name="l"), (4, 3)),
        (S.SoftmaxOutput(x, multi_output=True, name="l"), (4, 3, 5)),
        (S.SoftmaxOutput(x, multi_output=True, name="l"), (4, 3, 5, 2)),
        (S.SoftmaxOutput(x, name="l"), (4, 3, 5)),
        (S.SoftmaxOutput(x, preserve_shape=True, name="l"), (4, 3, 5)),
        (S.LinearRegressionOutput(x, name="l"), (4, 3)),
        (S.LinearRegressionOutput(x, name="l"), (4, 1)),
        (S.LinearRegressionOutput(x, name="l"), (4,)),
        (S.LogisticRegressionOutput(x, name="l"), (4, 2)),
        (S.MAERegressionOutput(x, name="l"), (4, 1)),
        (S.SVMOutput(x, name="l"), (4, 3)),
    ]
    found = [net.infer_shape(x=shape) for net, shape in cases]
    own = [
        quiet(lambda: S.SoftmaxOutput(x, name="l").infer_shape(x=(4, 3), l_label=(4, 3))),
        quiet(lambda: S.SoftmaxOutput(x, name="l").infer_shape(x=(4, 3), l_label=(5,))),
        quiet(lambda: S.LinearRegressionOutput(x, name="l").infer_shape(x=(4, 3), l_label=(12,))),
        quiet(lambda: S.LinearRegressionOutput(x, name="l").infer_shape(x=(4, 1), l_label=(4, 1))),
        quiet(lambda: S.LinearRegressionOutput(x, name="l").infer_shape(x=(4, 3), l_label=(5,))),
    ]
    return {"found": found, "own": own}


@program(cpu=True)
@fresh
def shapes_on_variables(mx, ctx):
    S = mx.sym
    v = S.Variable("v", shape=(2, 3))
    part = S.Variable("p", shape=(0, 5))
    weight = S.Variable("w", shape=(7, 4))
    return {
        "used": (v + S.Variable("a")).infer_shape(),
        "beaten": (v + S.Variable("a")).infer_shape(v=(4, 5)),
        "part": heard(lambda: (part + S.Variable("a")).infer_shape(a=(3, 0))),
        "conflict": quiet(lambda: (v + S.Variable("a")).infer_shape(a=(9, 9))),
        "weight": quiet(
            lambda: S.FullyConnected(S.Variable("d"), weight, num_hidden=7, name="f").infer_shape(d=(2, 4))
        ),
        "weight wrong": quiet(
            lambda: S.FullyConnected(S.Variable("d"), weight, num_hidden=7, name="f").infer_shape(d=(2, 5))
        ),
        "types": named((S.Variable("t", dtype="float64") + S.Variable("a")).infer_type()),
        "types beaten": named((S.Variable("t", dtype="float64") + S.Variable("a")).infer_type(t="float32")),
    }


@program(cpu=True)
@fresh
def messages_of_shapes(mx, ctx):
    S = mx.sym
    a, b = S.Variable("a"), S.Variable("b")
    fc = S.FullyConnected(a, num_hidden=1000, name="fc1")
    return [
        quiet(
            lambda: fc.infer_shape(a=(2, 100), fc1_weight=(1, 100)),
            "Error in operator fc1",
            "Shape inconsistent, Provided = [1,100]",
            "inferred shape=",
        ),
        quiet(
            lambda: (a + b).infer_shape(a=(2, 3), b=(1, 3)),
            "Error in operator",
            "at 1-th input",
            "expected [2,3], got [1,3]",
        ),
        quiet(
            lambda: S.dot(a, b, name="d").infer_shape(a=(2, 3), b=(4, 5)), "dot shape error: [2,3] X [4,5]"
        ),
        quiet(
            lambda: S.broadcast_add(a, b, name="d").infer_shape(a=(2, 3), b=(4, 3)),
            "operands could not be broadcast together with shapes [2,3] [4,3]",
        ),
        quiet(lambda: S.Concat(a, b, dim=1).infer_shape(a=(2, 3), b=(4, 3)), "concat0"),
        quiet(lambda: S.split(a, num_outputs=2).infer_shape(a=(2, 3)), "split0"),
    ]


@program(cpu=True)
@fresh
def errors_say_what_was_given(mx, ctx):
    """MXNet prints it; the library prints nothing and says it in the error."""
    S = mx.sym
    a, b = S.Variable("a"), S.Variable("b")
    with contextlib.redirect_stdout(io.StringIO()) as out:
        try:
            (a + b).infer_shape(a=(2, 3), b=(1, 3))
            text = "no error"
        except mx.base.MXNetError as error:
            text = out.getvalue() + str(error)
    return [part in text for part in ("infer_shape error. Arguments:", "a: (2, 3)", "b: (1, 3)")]


@program(cpu=True)
@fresh
def types_of_a_network(mx, ctx):
    S = mx.sym
    x, y, i = S.Variable("x"), S.Variable("y"), S.Variable("i")
    fc = S.FullyConnected(x, num_hidden=3, name="fc")
    cases = [
        (fc, {"x": "float64"}),
        (fc, {"fc_weight": "float16"}),
        (fc, {}),
        (x + y, {"y": "int32"}),
        (S.Cast(x, dtype="int8"), {"x": "float32"}),
        (S.Cast(x, dtype="int8") + y, {"x": "float32"}),
        (S.Cast(x, dtype="int8") + y, {}),
        (S.BatchNorm(x, name="bn"), {"x": "float16"}),
        (S.BatchNorm(x, name="bn"), {"x": "float64"}),
        (S.BatchNorm(x, name="bn"), {"x": "float32"}),
        (S.Embedding(i, input_dim=3, output_dim=2, name="e"), {"i": "int32"}),
        (S.Embedding(i, input_dim=3, output_dim=2, dtype="float64", name="e"), {"i": "float32"}),
        (S.one_hot(i, depth=3), {"i": "int32"}),
        (S.topk(x), {"x": "float64"}),
        (S.argsort(x), {"x": "float64"}),
        (S.topk(x, ret_typ="both"), {"x": "float16"}),
        (x > y, {"x": "float64"}),
        (S.argmax(x), {"x": "float64"}),
        (S.zeros((2,)), {}),
        (S.random.uniform(shape=(2,)), {}),
        (S.zeros((2,), dtype="int32") + x, {}),
        (S.take(x, i), {"x": "float64", "i": "int32"}),
        (S.SoftmaxOutput(x, name="s"), {"x": "float16"}),
        (S.SoftmaxOutput(x, name="s"), {"x": "float64"}),
        (S.Dropout(x), {"x": "float16"}),
        (S.Convolution(x, kernel=(1, 1), num_filter=2, name="c"), {"x": "float16"}),
        (S.where(i, x, y), {"i": "int32", "y": "float64"}),
        (S.Concat(x, y), {"y": "float64"}),
        (S.LeakyReLU(x, act_type="prelu", name="l"), {"x": "float16"}),
        (S.sum(x), {"x": "int32"}),
        (S.dot(x, y), {"x": "float64"}),
        (S.LayerNorm(x, name="ln"), {"x": "float16"}),
        (x * 2, {"x": "int32"}),
        (S.SliceChannel(x, num_outputs=2), {"x": "int8"}),
        (S.arange(3) + x, {}),
    ]
    found = [named(heard(lambda net=net, t=t: net.infer_type(**t))[0]) for net, t in cases]
    partial = [named(quiet(lambda net=net, t=t: net.infer_type_partial(**t))) for net, t in cases]
    return {"found": found, "partial": partial}


@program(
    cpu=True,
    differs={
        "bad/1": "a type nobody has is an error",
        "take without index type": "what is not known stays unknown",
        "embedding without": "what is not known stays unknown",
    },
)
@fresh
def forms_of_types(mx, ctx):
    S = mx.sym
    a, b = S.Variable("a"), S.Variable("b")
    net = a + b
    result = net.infer_type(a=np.float32)
    return {
        "forms": [
            named(net.infer_type(a=t)) for t in (np.float64, "float64", np.dtype("float64"), float, np.int32)
        ],
        "class": [result[0][0] is np.float32, type(result).__name__],
        "conflict": says(lambda: net.infer_type(a="float32", b="float64"), "expected float32, got float64"),
        "bad": [outcome(lambda: net.infer_type(a="nope")), outcome(lambda: net.infer_type(a="complex64"))],
        "warning": heard(lambda: S.FullyConnected(a, num_hidden=2, name="f").infer_type())[1],
        "take without index type": quiet(lambda: named(S.take(a, b).infer_type(a="float32"))),
        "embedding without": quiet(
            lambda: named(S.Embedding(a, input_dim=2, output_dim=2, name="e").infer_type())
        ),
    }


@program(cpu=True)
@fresh
def a_long_chain(mx, ctx):
    x = mx.sym.Variable("x")
    net = x
    for _ in range(3000):
        net = net + 1
    ex = net.bind(mx.cpu(), {"x": mx.nd.zeros((2,))})
    return [net.infer_shape(x=(2,))[1], len(net.get_internals().list_outputs()), ex.forward()[0]]
