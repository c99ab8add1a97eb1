"""Symbol.bind: forms of arguments, gradients, requests and states, what is shared, what is refused."""

import numpy as np

from . import numbers, outcome, program, says


def arr(mx, ctx, *values, **more):
    return mx.nd.array(values, ctx=ctx, **more)


def product(mx):
    return mx.sym.Variable("a") * mx.sym.Variable("b")


def tried(call, *fragments):
    """As `says`, "bound" for an executor."""
    found = says(call, *fragments)
    return "bound" if hasattr(found, "arg_arrays") else found


@program
def forms_of_args(mx, ctx):
    net = product(mx)
    a, b = arr(mx, ctx, 1, 2), arr(mx, ctx, 3, 4)
    return {
        "list": net.bind(ctx, [a, b]).forward(),
        "dict": net.bind(ctx, {"b": b, "a": a}).forward(),
        "surplus": net.bind(ctx, {"b": b, "a": a, "zzz": a}).forward(),
        "by name": net.bind(ctx=ctx, args=[a, b], args_grad=None, grad_req="null", aux_states=None).forward(),
        "errors": [
            tried(lambda: net.bind(ctx, [a]), "Length of args does not match the number of arguments"),
            tried(lambda: net.bind(ctx, [a, b, a]), "Length of args does not match"),
            tried(lambda: net.bind(ctx, {"a": a}), "key `b` is missing in `args`"),
            tried(lambda: net.bind(ctx, (a, b)), "Only accept list of NDArrays or dict of str to NDArray"),
            tried(lambda: net.bind(ctx, [a, None])),
            tried(lambda: net.bind(ctx, [a, np.ones(2)])),
            tried(lambda: net.bind(ctx, {"a": a, "b": None})),
            tried(lambda: net.bind(ctx, {"a": a, "b": np.ones(2)})),
            tried(lambda: net.bind(ctx, None)),
            tried(lambda: net.bind(ctx, a)),
            tried(lambda: net.bind(ctx)),
            tried(lambda: net.bind("cpu", [a, b])),
            tried(lambda: net.bind(None, [a, b])),
            tried(lambda: net.bind(args=[a, b])),
        ],
        "shapes": tried(lambda: net.bind(ctx, [a, arr(mx, ctx, 1, 2, 3)]), "expected [2], got [3]"),
        "types": tried(
            lambda: net.bind(ctx, [a, arr(mx, ctx, 1, 2, dtype="float64")]), "expected float32, got float64"
        ),
    }


@program
def arrays_are_the_callers(mx, ctx):
    net = product(mx) + mx.sym.Variable("c")
    a, b, c = arr(mx, ctx, 1, 2), arr(mx, ctx, 3, 4), arr(mx, ctx, 0, 0)
    grads = [mx.nd.zeros((2,), ctx) for _ in range(3)]
    ex = net.bind(ctx, [a, b, c], grads)
    a[:] = 10
    first = ex.forward()[0].asnumpy()
    ex.arg_dict["b"][:] = 7
    return {
        "after": first,
        "through the dict": ex.forward(),
        "b": b,
        "same": [
            ex.arg_dict["a"] is a,
            ex.arg_arrays[1] is b,
            ex.grad_arrays[0] is grads[0],
            ex.grad_dict["c"] is grads[2],
        ],
        "lists": [type(ex.arg_arrays).__name__, type(ex.outputs).__name__, type(ex.arg_dict).__name__],
    }


@program(
    differs={
        "dict with None": "None asks for no gradient in a dict as in a list",
        "without, dict": "no gradients are a dict of None",
    }
)
def forms_of_args_grad(mx, ctx):
    net = product(mx)
    values = {"a": arr(mx, ctx, 1, 2), "b": arr(mx, ctx, 3, 4)}
    head = arr(mx, ctx, 1, 10)

    def run(args_grad, **more):
        ex = net.bind(ctx, values, args_grad=args_grad, **more)
        ex.forward(is_train=True)
        ex.backward(head)
        return ex.grad_dict

    def zero():
        return mx.nd.zeros((2,), ctx)

    found = {
        "list": run([zero(), zero()]),
        "list with None": run([None, zero()]),
        "dict": run({"b": zero()}),
        "dict surplus": run({"b": zero(), "zzz": zero()}),
        "dict with None": outcome(lambda: run({"a": None, "b": zero()})),
        "all None": outcome(lambda: run([None, None])),
        "empty dict": outcome(lambda: run({})),
        "short": tried(lambda: run([zero()]), "Length of args_grad does not match"),
        "tuple": outcome(lambda: run((zero(), zero()))),
        "numpy": outcome(lambda: run([np.zeros(2), zero()])),
        "without": net.bind(ctx, values).grad_arrays,
        "without, dict": outcome(lambda: net.bind(ctx, values).grad_dict),
    }
    return found


@program(differs={"tuple": "a tuple of requests is as good as a list"})
def forms_of_grad_req(mx, ctx):
    net = product(mx)
    values = {"a": arr(mx, ctx, 1, 2), "b": arr(mx, ctx, 3, 4)}

    def run(request, drop=()):
        grads = {n: mx.nd.ones((2,), ctx) * 100 for n in "ab" if n not in drop}
        ex = net.bind(ctx, values, grads, request)
        for _ in range(2):
            ex.forward(is_train=True)
            ex.backward(arr(mx, ctx, 1, 10))
        return [grads.get(n) for n in "ab"]

    return {
        "write": run("write"),
        "add": run("add"),
        "null": run("null"),
        "list": run(["add", "null"]),
        "dict": run({"a": "write", "b": "add"}),
        "missing in dict": run({"b": "add"}),
        "unknown in dict": run({"b": "add", "zzz": "write"}),
        "add without array": run("add", drop="a"),
        "tuple": outcome(lambda: run(("write", "add"))),
        "errors": [
            tried(lambda: run("sum"), "grad_req must be in"),
            tried(lambda: run("")),
            tried(lambda: run(["write", "sum"])) != "bound",
            tried(lambda: run({"a": "sum"})) != "bound",
            tried(lambda: run(None)) != "bound",
            tried(lambda: run(3)) != "bound",
        ],
    }


@program(
    differs={"a for two": "both heads of one node count", "a for two, first": "both heads of one node count"}
)
def one_symbol_twice(mx, ctx):
    a = mx.sym.Variable("a")
    triple = a * 3
    found = {}
    for name, heads in (("a for two", (1, 10)), ("a for two, first", (1, 0))):
        grad = mx.nd.zeros((1,), ctx)
        ex = mx.sym.Group([triple, triple]).bind(ctx, [arr(mx, ctx, 1)], [grad])
        ex.forward(is_train=True)
        ex.backward([arr(mx, ctx, h) for h in heads])
        found[name] = float(grad.asscalar())
    return found


@program
def shared_arrays(mx, ctx):
    """One array for two arguments, one gradient array for two arguments, one variable used often."""
    a = mx.sym.Variable("a")
    value = arr(mx, ctx, 1, 2, 3)
    found = {}
    grads = [mx.nd.zeros((3,), ctx), mx.nd.zeros((3,), ctx)]
    ex = product(mx).bind(ctx, [value, value], grads)
    ex.forward(is_train=True)
    ex.backward(mx.nd.ones((3,), ctx))
    found["two arguments"] = [ex.outputs[0], grads]
    other = arr(mx, ctx, 4, 5, 6)
    for request in ("write", "add"):
        grad = mx.nd.zeros((3,), ctx)
        ex = product(mx).bind(ctx, [value, other], [grad, grad], request)
        ex.forward(is_train=True)
        ex.backward(mx.nd.ones((3,), ctx))
        found["one gradient, " + request] = grad
    grad = mx.nd.zeros((3,), ctx)
    ex = (a + a * a).bind(ctx, [value], [grad])
    ex.forward(is_train=True)
    ex.backward(mx.nd.ones((3,), ctx))
    found["used often"] = grad
    b = a + a * a
    found["tutorial"] = b.bind(
        ctx, {"a": mx.nd.ones((2, 3), ctx) * 2, "b": mx.nd.ones((2, 3), ctx)}
    ).forward()
    c = mx.sym.Variable("b") * mx.sym.Variable("c") + a
    two = mx.nd.ones((2, 2), ctx) * 2
    found["three names"] = c.bind(ctx, {"a": two, "b": two, "c": two}).forward()
    return found


@program
def unreached_arguments(mx, ctx):
    a, b = mx.sym.Variable("a"), mx.sym.Variable("b")
    net = a * 2 + mx.sym.BlockGrad(b)
    found = {}
    for request in ("write", "add"):
        grads = [mx.nd.ones((2,), ctx) * 5, mx.nd.ones((2,), ctx) * 5]
        ex = net.bind(ctx, [arr(mx, ctx, 1, 2), arr(mx, ctx, 3, 4)], grads, request)
        ex.forward(is_train=True)
        ex.backward(mx.nd.ones((2,), ctx))
        found[request] = grads
    parts = mx.sym.split(a, num_outputs=2, axis=0)
    grad = mx.nd.ones((4,), ctx) * 5
    ex = (parts[0] * 3).bind(ctx, [arr(mx, ctx, 1, 2, 3, 4)], [grad])
    ex.forward(is_train=True)
    ex.backward(mx.nd.ones((2,), ctx))
    found["one of two parts"] = grad
    return found


@program
def heads_that_are_variables(mx, ctx):
    a, b = mx.sym.Variable("a"), mx.sym.Variable("b")
    value = arr(mx, ctx, 1, 2)
    grads = [mx.nd.zeros((2,), ctx), mx.nd.zeros((2,), ctx)]
    ex = mx.sym.Group([a, a * b, b]).bind(ctx, [value, arr(mx, ctx, 3, 4)], grads)
    outputs = [o.asnumpy() for o in ex.forward(is_train=True)]
    ex.backward([arr(mx, ctx, 1, 1), arr(mx, ctx, 10, 10), arr(mx, ctx, 100, 100)])
    found = {"outputs": outputs, "grads": grads}
    value[:] = 9
    found["aliases"] = ex.outputs[0]
    grad = mx.nd.zeros((2,), ctx)
    alone = a.bind(ctx, [value], [grad])
    alone.forward(is_train=True)
    alone.backward(arr(mx, ctx, 3, 4))
    found["alone"] = [alone.outputs[0], grad]
    return found


@program(differs={"shape": "MXNet binds a state of the wrong shape"})
def auxiliary_states(mx, ctx):
    net = mx.sym.BatchNorm(mx.sym.Variable("x"), name="bn", fix_gamma=False)
    args = [mx.nd.array(numbers(4, 3), ctx), mx.nd.ones((3,), ctx), mx.nd.zeros((3,), ctx)]
    mean, var = mx.nd.zeros((3,), ctx), mx.nd.ones((3,), ctx)
    ex = net.bind(ctx, args, aux_states=[mean, var])
    found = {
        "list": ex.forward(),
        "dict": net.bind(
            ctx, args, aux_states={"bn_moving_var": var, "bn_moving_mean": mean, "zzz": var}
        ).forward(),
        "aux_dict": [sorted(ex.aux_dict), ex.aux_dict["bn_moving_mean"] is mean, len(ex.aux_arrays)],
        "missing": [
            tried(lambda: net.bind(ctx, args), "Length of aux_states does not match"),
            tried(lambda: net.bind(ctx, args, aux_states=[mean])),
            tried(lambda: net.bind(ctx, args, aux_states={"bn_moving_mean": mean})),
            tried(lambda: net.bind(ctx, args, aux_states=(mean, var))),
            tried(lambda: net.bind(ctx, args, aux_states=[mean, None])),
        ],
        "surplus": tried(lambda: product(mx).bind(ctx, [mean, var], aux_states=[mean])),
        "surplus dict": tried(lambda: product(mx).bind(ctx, [mean, var], aux_states={"zzz": mean})),
        "shape": tried(lambda: net.bind(ctx, args, aux_states=[mean, mx.nd.ones((4,), ctx)])) != "bound",
    }
    return found


@program
def duplicate_variables(mx, ctx):
    """Variables of one name are bound to one entry of a dict, each with its own place in a list."""
    net = mx.sym.Variable("a") * mx.sym.Variable("a")
    value = arr(mx, ctx, 3, 4)
    grad = mx.nd.zeros((2,), ctx)
    by_dict = net.bind(ctx, {"a": value}, {"a": grad}, "add")
    by_dict.forward(is_train=True)
    by_dict.backward(mx.nd.ones((2,), ctx))
    grads = [mx.nd.zeros((2,), ctx), mx.nd.zeros((2,), ctx)]
    by_list = net.bind(ctx, [value, arr(mx, ctx, 5, 6)], grads)
    by_list.forward(is_train=True)
    by_list.backward(mx.nd.ones((2,), ctx))
    return {
        "dict": [by_dict.outputs[0], grad],
        "list": [by_list.outputs[0], grads],
        "errors": [outcome(lambda: by_list.arg_dict), outcome(lambda: by_list.grad_dict)],
    }


@program
def types_of_arrays(mx, ctx):
    a = mx.sym.Variable("a")
    found = {}
    for dtype in ("float32", "float64", "int32", "uint8", "int8", "int64"):
        ex = (a * 2 + a).bind(ctx, [arr(mx, ctx, 1, 2, 3, dtype=dtype)])
        found[dtype] = ex.forward()[0]
    cast = mx.sym.Cast(a, dtype="int32").bind(ctx, [arr(mx, ctx, 1.7, -2.7)]).forward()[0]
    found["cast"] = cast
    return found


@program
def evaluating(mx, ctx):
    net = mx.sym.Group([product(mx), mx.sym.Variable("a") + 1])
    a, b = arr(mx, ctx, 1, 2), arr(mx, ctx, 3, 4)
    bn = mx.sym.BatchNorm(mx.sym.Variable("x"), name="bn")
    return {
        "list": type(net.eval(ctx=ctx, a=a, b=b)).__name__,
        "values": net.eval(ctx=ctx, a=a, b=b),
        "surplus": net.eval(ctx=ctx, a=a, b=b, c=b),
        "missing": outcome(lambda: net.eval(ctx=ctx, a=a)),
        "numpy": outcome(lambda: net.eval(ctx=ctx, a=np.ones(2), b=b)),
        "aux": outcome(lambda: bn.eval(ctx=ctx, x=mx.nd.ones((2, 3), ctx))),
    }
