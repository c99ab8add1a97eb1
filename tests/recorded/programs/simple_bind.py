"""Symbol.simple_bind: what it allocates, types, requests, errors, arrays shared with another executor."""

import numpy as np

from . import numbers, outcome, program, says


def dense(mx, width=3):
    return mx.sym.FullyConnected(mx.sym.Variable("data"), num_hidden=width, name="fc")


def tried(call, *fragments):
    """As `says`, "bound" for an executor."""
    found = says(call, *fragments)
    return "bound" if hasattr(found, "arg_arrays") else found


def types(arrays):
    return [None if a is None else np.dtype(a.dtype).name for a in arrays]


def shapes(arrays):
    return [None if a is None else list(a.shape) for a in arrays]


@program
def what_is_allocated(mx, ctx):
    net = mx.sym.SoftmaxOutput(mx.sym.BatchNorm(dense(mx), name="bn"), name="softmax")
    ex = net.simple_bind(ctx, data=(4, 5))
    inference = net.simple_bind(ctx, grad_req="null", data=(4, 5))
    return {
        "args": dict(ex.arg_dict),
        "grads": dict(ex.grad_dict),
        "aux": dict(ex.aux_dict),
        "outputs": shapes(ex.outputs),
        "types": [types(ex.arg_arrays), types(ex.grad_arrays), types(ex.aux_arrays), types(ex.outputs)],
        "no gradients": inference.grad_arrays,
        "contexts": [
            all(a.context == ctx for a in ex.arg_arrays + ex.grad_arrays + ex.aux_arrays + ex.outputs)
        ],
    }


@program
def requests(mx, ctx):
    net = dense(mx)

    def given(grad_req):
        return shapes(net.simple_bind(ctx, grad_req=grad_req, data=(2, 4)).grad_arrays)

    return {
        "texts": [given("write"), given("add"), given("null")],
        "list": [given(["null", "write", "add"])],
        "dict": [
            given({"fc_weight": "write"}),
            given({"fc_weight": "write", "zzz": "write"}),
            given({"data": "null", "fc_weight": "add", "fc_bias": "write"}),
        ],
        "errors": [
            tried(lambda: given("")),
            tried(lambda: given("sum")),
            tried(lambda: given(["write"])),
            tried(lambda: given(["write"] * 4)),
            tried(lambda: given([])),
            tried(lambda: given({})),
            tried(lambda: given({"data": "sum"})),
        ],
    }


DEFAULT = "types that nothing decides are float32, whatever else is said about types"


@program(
    differs={"unknown name": DEFAULT, "empty": DEFAULT, "variable's": "a variable's own type spreads, too"}
)
def types_of_arrays(mx, ctx):
    net = dense(mx)
    emb = mx.sym.FullyConnected(
        mx.sym.Embedding(mx.sym.Variable("i"), input_dim=5, output_dim=4, name="e"), num_hidden=2, name="f"
    )
    typed = mx.sym.FullyConnected(mx.sym.Variable("data", dtype="float64"), num_hidden=3, name="fc")
    cast = mx.sym.Cast(dense(mx), dtype="float64")
    ex = net.simple_bind(ctx, type_dict={"data": "float64"}, data=(2, 4))
    return {
        "default": types(net.simple_bind(ctx, data=(2, 4)).arg_arrays),
        "float64": [types(ex.arg_arrays), types(ex.grad_arrays), types(ex.outputs)],
        "class": types(net.simple_bind(ctx, type_dict={"data": np.float64}, data=(2, 4)).arg_arrays),
        "weight": outcome(
            lambda: types(net.simple_bind(ctx, type_dict={"fc_weight": "float64"}, data=(2, 4)).arg_arrays)
        ),
        "embedding": types(emb.simple_bind(ctx, i=(2, 3)).arg_arrays),
        "embedding of ints": types(emb.simple_bind(ctx, type_dict={"i": "int32"}, i=(2, 3)).arg_arrays),
        "cast": [types(cast.simple_bind(ctx, data=(2, 4)).outputs)],
        "unknown name": outcome(
            lambda: types(net.simple_bind(ctx, type_dict={"zzz": "float64"}, data=(2, 4)).arg_arrays)
        ),
        "variable's": outcome(lambda: types(typed.simple_bind(ctx, data=(2, 4)).arg_arrays)),
        "variable's and given": types(
            typed.simple_bind(ctx, type_dict={"data": "float64"}, data=(2, 4)).arg_arrays
        ),
        "wrong": [
            outcome(lambda: net.simple_bind(ctx, type_dict={"data": "nope"}, data=(2, 4))),
            tried(
                lambda: net.simple_bind(ctx, type_dict={"data": "float64", "fc_bias": "float32"}, data=(2, 4))
            ),
        ],
        "empty": outcome(lambda: types(net.simple_bind(ctx, type_dict={}, data=(2, 4)).arg_arrays)),
        "list": outcome(lambda: net.simple_bind(ctx, type_dict=["float64"], data=(2, 4)))
        in ("raises TypeError", "raises AttributeError", "raises ValueError"),
    }


@program(differs={"list only": "a list is a shape, too", "list beside": "a list is a shape, too"})
def what_is_ignored(mx, ctx):
    """Unknown names, and shapes that are no tuples."""
    net = dense(mx)
    whole = mx.sym.Variable("a", shape=(2, 3)) + mx.sym.Variable("b")
    return {
        "unknown": tried(lambda: net.simple_bind(ctx, data=(2, 4), zzz=(3,))),
        "unknown only": tried(lambda: net.simple_bind(ctx, dataa=(2, 4)), "simple_bind error", "data"),
        "list only": tried(lambda: net.simple_bind(ctx, data=[2, 4])),
        "list beside": tried(lambda: whole.simple_bind(ctx, b=[7])),
        "from the variable": shapes(whole.simple_bind(ctx).arg_arrays),
    }


@program
def errors(mx, ctx):
    net = dense(mx)
    return {
        "nothing": tried(lambda: net.simple_bind(ctx), "simple_bind error. Arguments:"),
        "unknown rank": tried(lambda: net.simple_bind(ctx, data=()), "simple_bind error"),
        "unknown size": tried(
            lambda: net.simple_bind(ctx, data=(2, 0)), "simple_bind error. Arguments:", "data: (2, 0)"
        ),
        "conflict": tried(
            lambda: net.simple_bind(ctx, data=(2, 4), fc_weight=(3, 5)),
            "simple_bind error",
            "data: (2, 4)",
            "fc_weight: (3, 5)",
            "Error in operator fc",
        ),
        "context": outcome(lambda: net.simple_bind(data=(2, 4))),
    }


@program
def sharing_needs_a_buffer(mx, ctx):
    net = dense(mx)
    first = net.simple_bind(ctx, data=(4, 5))
    first.arg_dict["fc_weight"][:] = 7
    alone = net.simple_bind(ctx, shared_arg_names=["fc_weight"], shared_exec=first, data=(2, 5))
    pool = {}
    shared = net.simple_bind(
        ctx, shared_arg_names=["fc_weight"], shared_exec=first, shared_buffer=pool, data=(2, 5)
    )
    found = {"alone": alone.arg_dict["fc_weight"], "shared": shared.arg_dict["fc_weight"]}
    shared.arg_dict["fc_weight"][:] = 9
    shared.grad_dict["fc_weight"][:] = 3
    found["seen"] = [first.arg_dict["fc_weight"], first.grad_dict["fc_weight"], first.arg_dict["fc_bias"]]
    found["pool"] = sorted(pool)
    found["shapes"] = {k: list(v.shape) for k, v in sorted(pool.items())}
    found["conflict"] = tried(
        lambda: net.simple_bind(
            ctx, shared_arg_names=["fc_weight"], shared_exec=first, shared_buffer={}, data=(2, 6)
        )
    )
    found["not there"] = tried(
        lambda: net.simple_bind(
            ctx, shared_arg_names=["zzz"], shared_exec=first, shared_buffer={}, data=(2, 5)
        )
    )
    other = mx.sym.FullyConnected(mx.sym.Variable("data"), num_hidden=3, name="other")
    found["not in the other"] = tried(
        lambda: other.simple_bind(
            ctx, shared_arg_names=["other_weight"], shared_exec=first, shared_buffer={}, data=(2, 5)
        )
    )
    return found


@program
def auxiliary_states_are_shared(mx, ctx):
    net = mx.sym.BatchNorm(mx.sym.Variable("x"), name="bn")
    first = net.simple_bind(ctx, x=(2, 3))
    alone = net.simple_bind(ctx, shared_exec=first, x=(4, 3))
    shared = net.simple_bind(ctx, shared_exec=first, shared_buffer={}, shared_arg_names=[], x=(4, 3))
    first.aux_dict["bn_moving_var"][:] = 5
    return [alone.aux_dict["bn_moving_var"], shared.aux_dict["bn_moving_var"]]


@program
def a_pool_of_arrays(mx, ctx):
    """Taken as views where they are large enough, else replaced."""
    net = mx.sym.sin(mx.sym.Variable("x"), name="s")
    pool = {}
    first = net.simple_bind(ctx, shared_buffer=pool, x=(4, 5))
    found = {"made": {k: list(v.shape) for k, v in sorted(pool.items())}}
    first.arg_dict["x"][:] = numbers(4, 5)
    second = net.simple_bind(ctx, shared_buffer=pool, x=(2, 3))
    found["view"] = [second.arg_dict["x"], {k: list(v.shape) for k, v in sorted(pool.items())}]
    second.arg_dict["x"][:] = 3
    found["through"] = first.arg_dict["x"]
    third = net.simple_bind(ctx, shared_buffer=pool, x=(6, 5))
    found["replaced"] = [list(third.arg_dict["x"].shape), {k: list(v.shape) for k, v in sorted(pool.items())}]
    third.arg_dict["x"][:] = 1
    found["apart"] = first.arg_dict["x"]
    found["other type"] = tried(
        lambda: net.simple_bind(ctx, shared_buffer=pool, type_dict={"x": "float64"}, x=(2, 2)), "x", "type"
    )
    given = {"x": mx.nd.array(numbers(3, 3), ctx)}
    with_given = net.simple_bind(ctx, grad_req="null", shared_buffer=given, x=(3, 3))
    found["given"] = [with_given.arg_dict["x"], sorted(given)]
    found["errors"] = [
        outcome(lambda: net.simple_bind(ctx, shared_buffer=[1], x=(2, 2))) != "bound",
        outcome(lambda: net.simple_bind(ctx, shared_buffer={"x": 3}, x=(2, 2))) != "bound",
    ]
    return found


@program
def a_head_that_is_bound(mx, ctx):
    """Outputs of one executor as arguments of another."""
    x = mx.sym.Variable("x")
    first = (x * 2).simple_bind(ctx, x=(3,))
    second = (x + 1).bind(ctx, {"x": first.outputs[0]})
    found = []
    for value in (1, 2):
        first.forward(x=np.full((3,), value, np.float32))
        found.append(second.forward()[0].asnumpy())
    return found


@program
def duplicate_variables(mx, ctx):
    net = mx.sym.Variable("a") * mx.sym.Variable("a")
    ex = net.simple_bind(ctx, a=(2, 3))
    return [shapes(ex.arg_arrays), shapes(ex.grad_arrays), outcome(lambda: ex.arg_dict)]
