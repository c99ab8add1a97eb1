"""The same function under the paths old programs take, and the corners of `mx.contrib` that exist."""

import importlib
import json

import numpy as np

from . import numbers, outcome, program


@program
def arrays_by_every_path(mx, ctx):
    low = importlib.import_module(mx.__name__ + ".ndarray.ndarray")
    utils = importlib.import_module(mx.__name__ + ".ndarray.utils")
    internal = importlib.import_module(mx.__name__ + ".ndarray._internal")
    op = importlib.import_module(mx.__name__ + ".ndarray.op")
    x = low.array([[1, 2, 3], [4, 5, 6]], ctx=ctx)
    return {
        "makers": [
            low.zeros((2,), ctx),
            low.ones((2,), ctx),
            low.full((2,), 3, ctx),
            low.arange(3, ctx=ctx),
            low.linspace(0, 1, 3, ctx=ctx),
            low.eye(2, ctx=ctx),
            utils.zeros((2,), ctx),
            low.eye(2, 3, 1, ctx),
            utils.array([1, 2], ctx),
        ],
        "functions": [
            low.add(x, 1),
            low.power(base=x, exp=2),
            low.maximum(2, x),
            low.modulo(x, 2),
            low.equal(x, 2),
            low.concatenate([x, x], axis=1),
            low.moveaxis(x, 0, 1),
            low.true_divide(x, 2),
        ],
        "split": low.split_v2(x, 3, axis=1),
        "histogram": list(low.histogram(x, bins=3, range=(0, 6))),
        "operators": [
            internal._plus_scalar(x, scalar=2),
            internal._mul_scalar(x, 2.0),
            op.sum(x, axis=1),
            op.FullyConnected(x, x, num_hidden=2, no_bias=True),
            mx.nd.op.exp(x),
        ],
        "classes": [
            low.NDArray is mx.nd.NDArray,
            mx.ndarray is mx.nd,
            mx.nd.ndarray.array is mx.nd.array or mx.nd.utils.array is mx.nd.array,
        ],
        "tables": [
            [
                low._DTYPE_NP_TO_MX[np.dtype(t).type]
                for t in ("float32", "float64", "float16", "uint8", "int32")
            ],
            [np.dtype(low._DTYPE_MX_TO_NP[i]).name for i in range(8)],
            low._DTYPE_NP_TO_MX[None],
            low._GRAD_REQ_MAP,
            low._STORAGE_TYPE_STR_TO_ID,
        ],
        "eye": low.eye(2, ctx=ctx, out=low.zeros((2, 2), ctx)),
    }


@program(cpu=True)
def symbols_by_every_path(mx, ctx):
    low = importlib.import_module(mx.__name__ + ".symbol.symbol")
    internal = importlib.import_module(mx.__name__ + ".symbol._internal")
    op = importlib.import_module(mx.__name__ + ".symbol.op")
    with mx.name.NameManager():
        x = low.Variable("x")
        made = [
            low.pow(x, 2),
            low.maximum(x, 1),
            low.hypot(x, 3),
            low.zeros((2,)),
            low.arange(3),
            low.eye(2),
            internal._plus_scalar(x, scalar=2),
            op.exp(x),
            low.Group([x, low.var("y")]),
            low.load_json(x.tojson()),
            low.full((2,), 1),
            low.linspace(0, 1, 3),
            low.split_v2(x, 2),
        ]
    return {
        "names": [s.name for s in made],
        "outputs": [s.list_outputs() for s in made],
        "classes": [low.Symbol is mx.sym.Symbol, mx.sym is mx.symbol, low.var is mx.sym.Variable],
    }


@program
def methods_of_arrays(mx, ctx):
    x = mx.nd.array(numbers(1, 3), ctx=ctx)
    y = mx.nd.array(numbers(2, 3), ctx=ctx)
    return {
        "like": [x.broadcast_like(y), x.broadcast_like(other=y)],
        "assign": [
            y.slice_assign_scalar(5, (0, 0), (1, 2), (1, 1)) is y,
            y.copy(),
            y.slice_assign_scalar(value=5.5, begin=(0, 0), end=(2, 3), step=(1, 2)) is y,
            y.copy(),
            y.slice_assign(x, (1, 0), (2, 3), (1, 1)) is y,
            y,
        ],
        "self": x.as_nd_ndarray() is x,
        "from_numpy": mx.nd.from_numpy(np.arange(3.0), zero_copy=False, array_cls=mx.nd.NDArray),
    }


@program(cpu=True)
def methods_of_symbols(mx, ctx):
    with mx.name.NameManager():
        x = mx.sym.Variable("x")
        made = [
            x.flatten(inplace=True),
            x.expand_dims(1, inplace=True),
            x.expand_dims(axis=0),
            x.squeeze(1, inplace=True),
            x.squeeze(),
            x.flatten(name="f"),
            x.squeeze(axis=(0, 2)),
        ]
        fused = mx.sym.exp(x).get_backend_symbol("MKLDNN")
    return {
        "json": [json.loads(s.tojson())["nodes"][1] for s in made],
        "self": [x.as_nd_ndarray().name, type(x.as_nd_ndarray()).__name__],
        "backend": [fused.name, fused.list_arguments()],
        "unknown backend": outcome(lambda: x.get_backend_symbol("nonsense")),
    }


@program(differs={"kept": "what was before comes back whole, MXNet sets training to what recording was"})
def first_autograd(mx, ctx):
    old = mx.contrib.autograd
    x, y = mx.nd.array([1, 2, 3], ctx=ctx), mx.nd.array([4, 5, 6], ctx=ctx)
    gx = mx.nd.zeros((3,), ctx=ctx)
    old.mark_variables([x], [gx])
    with old.train_section():
        states = [mx.autograd.is_training(), mx.autograd.is_recording()]
        z = x * x + y
        with old.test_section():
            states += [mx.autograd.is_training(), mx.autograd.is_recording()]
        states += [mx.autograd.is_training(), mx.autograd.is_recording()]
    old.compute_gradient([z])
    both = old.grad_and_loss(lambda a, b: a * b + a)
    second = old.grad_and_loss(lambda a, b: a * b + a, argnum=1)
    several = old.grad_and_loss(lambda a, b: a * b + a, argnum=[1, 0])
    gradients, loss = both(x, y)
    with mx.autograd.train_mode():
        with old.test_section():
            pass
        kept = mx.autograd.is_training()
    return {
        "gradient": gx,
        "states": states,
        "both": [*gradients, loss],
        "second": second(x, y)[0],
        "several": several(x, y)[0],
        "grad": old.grad(lambda a: a * a * 2)(x),
        "kept": kept,
        "previous": [old.set_is_training(True), old.set_is_training(False), mx.autograd.is_training()],
        "wrong": outcome(lambda: both(x, 3.0)) is not None,
    }


@program
def candidates_of_a_sampled_softmax(mx, ctx):
    mx.random.seed(1)
    with ctx:
        arrays = mx.nd.contrib.rand_zipfian(mx.nd.array([3, 0, 7]), 6, 8)
    with mx.name.NameManager():
        symbols = mx.sym.contrib.rand_zipfian(mx.sym.Variable("t"), 6, 8)
    return {"arrays": list(arrays), "json": json.loads(mx.sym.Group(list(symbols)).tojson())["nodes"]}


@program
def adamw_by_position(mx, ctx):
    w, g, m, v = (mx.nd.array(np.abs(numbers(2, 3, shift=i)), ctx=ctx) for i in range(4))
    a = mx.nd.contrib.adamw_update(w, g.copy(), m, v, 0.5, 0.1, 1.0, 0.8, 0.99, 1e-6, 0.01, -1)
    b = mx.nd.contrib.adamw_update(w, g, m, v, 0.5, lr=0.1, eta=1.0, wd=0.1, out=w)
    return {"first": a, "second": b, "mean": m, "var": v}


@program(cpu=True)
def scopes_of_names_and_attributes(mx, ctx):
    A, N = mx.AttrScope, mx.name.NameManager

    class Marked(A):
        def get(self, attr):
            found = dict(super().get(attr))
            found["mark"] = "yes"
            return found

    scope = A(a="1")
    with A(b="2"):
        with scope as entered:
            found = {
                "entered": entered is scope,
                "current": A.current is scope,
                "get": A.current.get({"c": "3"}),
            }
            found["variable"] = sorted(mx.sym.Variable("v").list_attr().items())
    with Marked(x="y"):
        found["subclass"] = sorted(mx.sym.Variable("v").list_attr().items())
    with N():
        with mx.name.Prefix("p_") as prefix:
            found["prefix"] = [
                N.current is prefix,
                N.current.get(None, "fc"),
                mx.sym.exp(mx.sym.Variable("x")).name,
            ]
        N.current = mx.name.Prefix("q_")
        found["set"] = mx.sym.exp(mx.sym.Variable("x")).name
    with A(z="1"):
        A.current = A(w="2")
        found["set scope"] = mx.sym.Variable("v").list_attr()
    found["after"] = [mx.sym.Variable("v").list_attr(), A.current.get(None)]
    return found
