"""Operators as methods of a Symbol, what a Symbol refuses, functions of `mx.sym` that are no operators."""

import json

import numpy as np

from . import fresh, numbers, outcome, program, says

# method: positional arguments, keyword arguments; x has shape (2, 3, 4)
METHODS = {
    "zeros_like": [((), {})],
    "ones_like": [((), {})],
    "swapaxes": [((0, 2), {}), ((), {"dim1": 1, "dim2": 2})],
    "split": [((3, 1), {}), ((), {"num_outputs": 2, "axis": 0, "squeeze_axis": True})],
    "slice_axis": [((1, 0, 2), {}), ((), {"axis": -1, "begin": 1, "end": None})],
    "clip": [((-0.5, 0.5), {}), ((), {"a_min": 0, "a_max": 1})],
    "transpose": [((), {}), (((2, 0, 1),), {}), ((), {"axes": (0, 2, 1)})],
    "flip": [((1,), {}), ((), {"axis": (0, 2)})],
    "sum": [
        ((), {}),
        ((1,), {}),
        ((), {"axis": (0, 2), "keepdims": True}),
        ((), {"axis": 1, "exclude": True}),
    ],
    "mean": [((), {}), (((0, 1),), {}), ((), {"axis": 1, "keepdims": 1})],
    "softmax": [((), {}), ((), {"axis": 1, "temperature": 2.0})],
    "log_softmax": [((), {}), ((1,), {})],
    "repeat": [((2, 1), {}), ((), {"repeats": 2})],
    "slice": [(((0, 1), (2, 3)), {}), ((), {"begin": (None, 1), "end": (None, 3), "step": (1, 2)})],
    "one_hot": [((3,), {}), ((), {"depth": 2, "on_value": 5, "off_value": -1, "dtype": "int32"})],
    "sort": [((), {}), ((1, False), {})],
    "topk": [((), {}), ((), {"k": 2, "ret_typ": "both", "axis": 1})],
    "argsort": [((), {}), ((), {"axis": 0, "is_ascend": False, "dtype": "int32"})],
    "argmax": [((), {}), ((1,), {}), ((), {"axis": 2, "keepdims": True})],
    "argmin": [((1, True), {})],
    "argmax_channel": [((), {})],
    "shape_array": [((), {})],
    "size_array": [((), {})],
    "tile": [(((2, 1, 2),), {}), ((), {"reps": (2,)})],
    "nansum": [((1,), {})],
    "prod": [((), {"axis": 0})],
    "nanprod": [((2,), {})],
    "max": [((), {}), ((1,), {})],
    "min": [((), {"axis": (1, 2)})],
    "norm": [((), {}), ((), {"ord": 1, "axis": 1}), ((2, 0), {"keepdims": True})],
    "round": [((), {})],
    "flatten": [((), {})],
    "expand_dims": [((1,), {})],
    "diag": [((), {}), ((1,), {}), ((), {"k": -1, "axis1": 0, "axis2": 2})],
    "astype": [(("int32",), {}), ((np.float64,), {}), ((), {"dtype": "float16"})],
    "reshape": [(((3, 8),), {}), ((), {"shape": (-1, 4)}), ((), {"shape": (-1, 0), "reverse": True})],
    "split_v2": [((3,), {"axis": 1}), (((1, 3),), {"axis": 2, "squeeze_axis": False})],
    "broadcast_axes": [],
    "depth_to_space": [],
    "space_to_depth": [],
    "pad": [],
}
PLAIN = (
    "sin", "cos", "tan", "exp", "log", "square", "abs", "sign", "rint", "fix", "floor", "ceil", "trunc",
    "arcsin", "arccos", "arctan", "degrees", "radians", "sinh", "cosh", "tanh", "arcsinh", "arccosh",
    "arctanh", "expm1", "log10", "log2", "log1p", "sqrt", "rsqrt", "cbrt", "rcbrt", "reciprocal",
    "relu", "sigmoid", "softmin", "squeeze",
)  # fmt: skip
OTHER = ("reshape_like", "broadcast_like", "slice_like")


def made(mx):
    """(title, symbol) for each method and way of calling it."""
    x, y = mx.sym.Variable("x"), mx.sym.Variable("y")
    for name, ways in METHODS.items():
        for args, kwargs in ways:
            yield name, getattr(x, name)(*args, **kwargs)
    for name in PLAIN:
        yield name, getattr(x, name)()
        yield name + " named", getattr(x, name)(name="mine")
    for name in OTHER:
        yield name, getattr(x, name)(y)
    yield "take", x.take(y, axis=1)
    yield "pick", x.pick(y, 2)
    yield "broadcast_to", x.slice_axis(0, 0, 1).broadcast_to((5, 3, 4))
    yield "broadcast_axes", x.slice_axis(axis=0, begin=0, end=1).broadcast_axes(axis=(0,), size=(4,))
    yield "pad", x.expand_dims(0).pad(mode="constant", pad_width=(0, 0, 0, 0, 1, 1, 2, 0), constant_value=9)
    yield "pad edge", x.expand_dims(0).pad("edge", (0, 0, 0, 0, 1, 1, 2, 0))
    yield "depth_to_space", x.reshape((1, 4, 3, 2)).depth_to_space(2)
    yield "space_to_depth", x.reshape((1, 2, 2, 6)).space_to_depth(block_size=2)


@program(cpu=True)
@fresh
def nodes(mx, ctx):
    """The graph each method builds: operator, name, parameters."""
    return [[title, json.loads(s.tojson())["nodes"][1:]] for title, s in made(mx)]


@program(rtol=2e-5, cpu=True)
@fresh
def values(mx, ctx):
    found = {}
    x = mx.nd.array(numbers(2, 3, 4), ctx)
    others = {
        "reshape_like": numbers(4, 6),
        "broadcast_like": numbers(2, 3, 4),
        "slice_like": numbers(1, 2, 2),
        "take": np.array([[0, 2], [1, 7]], np.float32),
        "pick": np.array([[0, 1, 2], [3, 2, 1]], np.float32),
    }
    for i, (title, symbol) in enumerate(made(mx)):
        arrays = {"x": x}
        if title in others:
            arrays["y"] = mx.nd.array(others[title], ctx)
        if "named" not in title:
            found[str(i) + " " + title] = [np.nan_to_num(o.asnumpy()) for o in symbol.eval(ctx=ctx, **arrays)]
    return found


@program(cpu=True)
@fresh
def refused(mx, ctx):
    """What only arrays can do, and what a Symbol has not."""
    x, found = mx.sym.Variable("x"), {}
    for name in ("wait_to_read", "asnumpy", "asscalar", "copy", "as_in_context", "detach", "backward"):
        found[name] = says(getattr(x, name), f"Function {name} is not implemented for Symbol", "NDArray")
    found["attributes"] = [hasattr(x, n) for n in ("shape", "dtype", "T", "grad", "size", "context")]
    found["reshape"] = [outcome(lambda: x.reshape(2, 3) and None), outcome(lambda: x.reshape() and None)]
    found["gradient"] = outcome(lambda: x.gradient(["x"]))
    found["recursive"] = outcome(lambda: x.list_attr(recursive=True))
    error = mx.base.NotImplementedForSymbol(x.asnumpy, None)
    found["error"] = [isinstance(error, mx.base.MXNetError), isinstance(error, NotImplementedError)]
    found["set"] = outcome(lambda: setattr(x, "name", "other"))
    found["priority"] = mx.sym.Symbol.__array_priority__
    return found


@program
@fresh
def makers(mx, ctx):
    """`zeros`, `ones`, `full`, `arange`, `linspace`, `eye`, powers, extremes: nodes and values."""
    S, x, y = mx.sym, mx.sym.Variable("x"), mx.sym.Variable("y")
    symbols = [
        S.zeros((2, 3)),
        S.zeros(4, dtype="int32"),
        S.zeros(shape=(2,), name="z", dtype=np.float64),
        S.ones((2, 2)),
        S.ones(3, dtype="uint8", name="o"),
        S.full((2, 2), 7),
        S.full((2,), -1.5, dtype="float64", name="f"),
        S.full(3, val=2, dtype=np.int32),
        S.arange(4),
        S.arange(1, 7, 2),
        S.arange(5, 0, -1.5, repeat=2, dtype="float64", name="a"),
        S.arange(0, stop=2, step=0.5),
        S.linspace(0, 1, 5),
        S.linspace(1, 2, 4, endpoint=False, name="l", dtype="float64"),
        S.eye(3),
        S.eye(2, 4, 1),
        S.eye(3, M=2, k=-1, dtype="int32"),
    ]
    of_x = [
        S.pow(x, y),
        S.pow(x, 3),
        S.pow(2, y),
        S.power(x, y),
        S.maximum(x, y),
        S.maximum(x, 0.5),
        S.maximum(0.5, y),
        S.minimum(x, y),
        S.minimum(x, 0),
        S.minimum(1, y),
        S.hypot(x, y),
        S.hypot(x, 2),
        S.hypot(2, y),
        S.split_v2(x, 3, axis=1),
        S.split_v2(x, (1,), axis=1),
        S.split_v2(x, 2, squeeze_axis=True),
        S.histogram(x, bins=4, range=(-2, 2)),
    ]
    arrays = {"x": mx.nd.array(numbers(2, 3), ctx), "y": mx.nd.array(numbers(2, 3, shift=1), ctx)}
    return {
        "nodes": [json.loads(s.tojson())["nodes"] for s in symbols],
        "values": [s.eval(ctx=ctx)[0] for s in symbols],
        "of x": [[np.nan_to_num(o.asnumpy()) for o in s.eval(ctx=ctx, **arrays)] for s in of_x],
        "names": [s.name for s in of_x],
        "numbers": [S.pow(2, 5), S.maximum(2, 5), S.minimum(2.5, 5), S.hypot(3, 4), S.power(2.0, 3)],
        "refused": [
            outcome(lambda: S.pow("a", x)),
            outcome(lambda: S.maximum(None, x)),
            outcome(lambda: S.minimum(x, "1")),
            outcome(lambda: S.hypot([1], 2)),
            outcome(lambda: S.Group([])),
            outcome(lambda: S.Group([x, 3])),
            outcome(lambda: S.Group(x)),
            outcome(lambda: S.load(3)),
            outcome(lambda: S.load_json(3)),
            outcome(lambda: S.load("nobody.json")),
        ],
    }
