"""Executors: forward and backward, their memory, head gradients, what is refused."""

import numpy as np

from . import numbers, outcome, program, says


def arr(mx, ctx, *values, **more):
    return mx.nd.array(values, ctx=ctx, **more)


def mlp(mx, layers=2):
    net = mx.sym.Variable("data")
    for i in range(layers):
        net = mx.sym.Activation(mx.sym.FullyConnected(net, num_hidden=4, name=f"fc{i}"), act_type="tanh")
    return net


def filled(mx, ctx, net, **shapes):
    """An executor of the net with values in all its arrays."""
    ex = net.simple_bind(ctx, **shapes)
    for i, name in enumerate(net.list_arguments()):
        a = ex.arg_dict[name]
        a[:] = mx.nd.array(numbers(*a.shape, shift=0.1 * i), ctx)
    return ex


@program
def gradient_requests(mx, ctx):
    a, b = mx.sym.Variable("a"), mx.sym.Variable("b")
    values = [mx.nd.array(numbers(2, 3), ctx), mx.nd.array(numbers(2, 3, shift=1), ctx)]
    found = {}
    for request in ("write", "add"):
        grads = [mx.nd.ones((2, 3), ctx), mx.nd.ones((2, 3), ctx)]
        ex = (a * b).bind(ctx, values, args_grad=grads, grad_req=request)
        for _ in range(2):
            ex.forward(is_train=True)
            ex.backward(mx.nd.array(numbers(2, 3, shift=2), ctx))
        found[request] = grads
    found["unknown"] = outcome(lambda: (a * b).bind(ctx, values, grad_req="sum"))
    found["types"] = [str(np.dtype(g.dtype)) for g in found["add"]]
    return found


@program
def forward_by_name(mx, ctx):
    ex = filled(mx, ctx, mlp(mx), data=(2, 3))
    x = numbers(2, 3, shift=3)
    found = {
        "plain": ex.forward()[0].asnumpy(),
        "NDArray": ex.forward(data=mx.nd.array(x, ctx))[0].asnumpy(),
        "array": ex.arg_dict["data"].asnumpy(),
        "numpy of doubles": ex.forward(data=x.astype(np.float64) * 2)[0].asnumpy(),
        "ints": ex.forward(data=np.arange(6).reshape(2, 3))[0].asnumpy(),
        "parameter": ex.forward(is_train=True, fc1_bias=mx.nd.ones((4,), ctx))[0].asnumpy(),
        "double": ex.forward(data=mx.nd.array(x, ctx, dtype="float64"))[0].asnumpy(),
        "type kept": str(np.dtype(ex.arg_dict["data"].dtype)),
        "errors": [
            says(
                lambda: ex.forward(data=mx.nd.ones((3, 3), ctx)),
                "Shape not match! Argument data, need: (2, 3), received:",
            ),
            outcome(lambda: ex.forward(data=np.ones((2, 4)))),
            says(lambda: ex.forward(zzz=mx.nd.ones((2, 3), ctx)), "Unknown argument zzz"),
            outcome(lambda: ex.forward(data=[[1, 2, 3], [4, 5, 6]])),
            outcome(lambda: ex.forward(data=3)),
            outcome(lambda: ex.forward(data=None)),
        ],
        "positional": ex.forward(True)[0],
    }
    return found


@program
def memory_of_outputs(mx, ctx):
    x = mx.sym.Variable("x")
    ex = mx.sym.Group([x + 1, x * x]).bind(ctx, {"x": arr(mx, ctx, 1, 2)})
    before = [o.shape for o in ex.outputs]
    first = ex.forward()
    kept = [o.asnumpy() for o in first]
    again = ex.forward(x=np.array([5, 6]))
    return {
        "before": before,
        "kept": kept,
        "first shows": first,
        "again": again,
        "outputs": ex.outputs,
        "types": [type(first).__name__, len(ex.outputs)],
    }


@program
def dicts_of_executors(mx, ctx):
    net = mx.sym.BatchNorm(mlp(mx), name="bn")
    ex = net.simple_bind(ctx, data=(2, 3))
    twice = mx.sym.Group([net, net]).simple_bind(ctx, data=(2, 3))
    return {
        "args": list(ex.arg_dict),
        "grads": list(ex.grad_dict),
        "aux": list(ex.aux_dict),
        "outputs": list(ex.output_dict),
        "shapes": [list(a.shape) for a in ex.arg_arrays + ex.grad_arrays + ex.aux_arrays + ex.outputs],
        "cached": [ex.arg_dict is ex.arg_dict, ex.aux_dict is ex.aux_dict],
        "twice": says(lambda: twice.output_dict, "Duplicate names detected"),
    }


@program
def replacing_an_entry_of_a_dict(mx, ctx):
    """It changes the dict, not the executor."""
    ex = (mx.sym.Variable("x") * 2).bind(ctx, {"x": arr(mx, ctx, 1, 2)})
    ex.arg_dict["x"] = arr(mx, ctx, 100, 200)
    return {"out": ex.forward(), "dict": ex.arg_dict["x"], "array": ex.arg_arrays[0]}


@program(differs={"missing/2": "a missing head gradient is one error, however the others are given"})
def forms_of_head_gradients(mx, ctx):
    x = mx.sym.Variable("x")
    net = mx.sym.Group([x * 2, mx.sym.sin(x, name="s")])

    def run(heads, **more):
        grad = mx.nd.zeros((2,), ctx)
        ex = net.bind(ctx, {"x": arr(mx, ctx, 1, 2)}, {"x": grad})
        ex.forward(is_train=True)
        ex.backward(heads, **more)
        return grad

    one, ten = arr(mx, ctx, 1, 1), arr(mx, ctx, 10, 10)
    names = net.list_outputs()
    with mx.name.NameManager():
        single = (x * 3).bind(ctx, {"x": one}, {"x": arr(mx, ctx, 0, 0)})
    single.forward(is_train=True)
    single.backward(ten)
    return {
        "list": run([one, ten]),
        "tuple": outcome(lambda: run((one, ten))),
        "dict": run({names[1]: ten, names[0]: one}),
        "surplus": run([one, ten, ten]),
        "single": single.grad_arrays[0],
        "is_train": run([one, ten], is_train=False),
        "missing": [
            says(lambda: run([one]), "head_gradient is required"),
            says(lambda: run(None), "head_gradient is"),
            outcome(lambda: run({names[0]: one})),
            outcome(lambda: run([])),
            outcome(lambda: run(one)),
        ],
        "wrong shape": says(lambda: run([one, arr(mx, ctx, 1, 2, 3)]), "operands shape mismatch")[0],
        "numpy": says(lambda: run([np.ones(2), ten]), "inputs must be NDArray"),
        "other": [outcome(lambda: run("text")), outcome(lambda: run(3))],
        "unknown in dict": outcome(lambda: run({names[0]: one, names[1]: ten, "zzz": one})),
    }


@program
def heads_that_are_losses(mx, ctx):
    x, y = mx.sym.Variable("x"), mx.sym.Variable("y")
    data, label = numbers(3, 4), np.array([0, 3, 1], np.float32)
    nets = {
        "SoftmaxOutput": mx.sym.SoftmaxOutput(x * 1, y),
        "Linear": mx.sym.LinearRegressionOutput(x * 1, y),
        "Logistic": mx.sym.LogisticRegressionOutput(x * 1, y),
        "MAE": mx.sym.MAERegressionOutput(x * 1, y),
        "SVM": mx.sym.SVMOutput(x * 1, y),
        "MakeLoss": mx.sym.MakeLoss(x * x),
        "make_loss": mx.sym.make_loss(x * x),
        "BlockGrad": mx.sym.BlockGrad(x * x),
    }
    found = {}
    for name, net in nets.items():
        shapes = {"x": (3, 4)}
        ex = net.simple_bind(ctx, **shapes)
        ex.arg_dict["x"][:] = data
        if "y" in ex.arg_dict:
            ex.arg_dict["y"][:] = label if ex.arg_dict["y"].shape == (3,) else numbers(3, 4, shift=2)
        ex.forward(is_train=True)
        ex.backward()
        found[name] = ex.grad_dict["x"]
    found["needed"] = [
        says(lambda one=one: one.simple_bind(ctx, x=(3, 4), y=(3,)).backward(), "head_gradient is required")
        for one in (mx.sym.softmax_cross_entropy(x, y), mx.sym.softmax(x), x * 1)
    ]
    ctc = mx.sym.CTCLoss(x, y).simple_bind(ctx, x=(5, 2, 4), y=(2, 3))
    found["needed"].append(says(lambda: ctc.backward(), "head_gradient is required"))
    return found


@program
def losses_beside_others(mx, ctx):
    """A group of a loss and a plain head needs a gradient for each, the loss ignores its own."""
    x = mx.sym.Variable("x")
    net = mx.sym.Group([mx.sym.MakeLoss(x * 3, name="l"), x * 5])
    grad = mx.nd.zeros((1,), ctx)
    ex = net.bind(ctx, {"x": arr(mx, ctx, 1)}, {"x": grad})
    ex.forward(is_train=True)
    found = {"none": outcome(lambda: ex.backward())}
    ex.backward([arr(mx, ctx, 100), arr(mx, ctx, 1)])
    found["both"] = float(grad.asscalar())
    found["first only"] = outcome(lambda: ex.backward([arr(mx, ctx, 1)]))
    losses = mx.sym.Group([mx.sym.MakeLoss(x * 3, name="l"), mx.sym.BlockGrad(x)])
    ex = losses.bind(ctx, {"x": arr(mx, ctx, 1)}, {"x": grad})
    ex.forward(is_train=True)
    ex.backward()
    found["two losses"] = float(grad.asscalar())
    return found


@program
def backward_in_other_orders(mx, ctx):
    """Without a forward, after one for inference, and again."""
    x = mx.sym.Variable("x")
    found = {}
    for name in ("without", "inference", "again"):
        grad = mx.nd.zeros((3,), ctx)
        ex = (x * x * 2).bind(ctx, {"x": arr(mx, ctx, 1, 2, 3)}, {"x": grad})
        if name != "without":
            ex.forward(is_train=name == "again")
        ex.backward(mx.nd.ones((3,), ctx))
        if name == "again":
            ex.backward(mx.nd.ones((3,), ctx) * 2)
        found[name] = grad
    return found


@program(differs={f"second/{i}": "MXNet overwrote what its first backward read" for i in range(3)}, rtol=1e-4)
def backward_again_through_many_layers(mx, ctx):
    ex = filled(mx, ctx, mlp(mx, 4), data=(2, 4))
    head = mx.nd.array(numbers(2, 4, shift=7), ctx)
    ex.forward(is_train=True)
    ex.backward(head)
    first = [ex.grad_dict[n].asnumpy() for n in ("data", "fc0_weight", "fc3_weight")]
    ex.backward(head)
    return {"first": first, "second": [ex.grad_dict[n] for n in ("data", "fc0_weight", "fc2_weight")]}


@program
def adding_gradients(mx, ctx):
    """Over several steps, with something between the argument and the loss."""
    x, y = mx.sym.Variable("x"), mx.sym.Variable("y")
    net = mx.sym.SoftmaxOutput(mx.sym.FullyConnected(x, num_hidden=3, name="fc"), y)
    ex = net.simple_bind(ctx, grad_req="add", x=(2, 4))
    for i, n in enumerate(("x", "fc_weight", "fc_bias")):
        ex.arg_dict[n][:] = numbers(*ex.arg_dict[n].shape, shift=i)
    for _ in range(3):
        ex.forward(is_train=True)
        ex.backward()
    return ex.grad_dict


@program(
    differs={
        "softmax": "a request to add is honoured next to a loss, too",
        "svm": "a request to add is honoured next to a loss, too",
        "linear": "a request to add is honoured next to a loss, too",
    }
)
def adding_gradients_right_at_a_loss(mx, ctx):
    x, y = mx.sym.Variable("x"), mx.sym.Variable("y")
    found = {}
    for name, net in (
        ("softmax", mx.sym.SoftmaxOutput(x, y)),
        ("svm", mx.sym.SVMOutput(x, y)),
        ("linear", mx.sym.LinearRegressionOutput(x, y)),
    ):
        ex = net.simple_bind(ctx, grad_req="add", x=(2, 3))
        ex.arg_dict["x"][:] = numbers(2, 3)
        for _ in range(2):
            ex.forward(is_train=True)
            ex.backward()
        found[name] = ex.grad_dict["x"]
    return found


@program
def no_gradients(mx, ctx):
    ex = mlp(mx).simple_bind(ctx, grad_req="null", data=(2, 3))
    ex.forward(is_train=True)
    return {
        "grads": ex.grad_arrays,
        "dict": ex.grad_dict,
        "backward": outcome(lambda: ex.backward(mx.nd.ones((2, 4), ctx))),
        "without heads": outcome(lambda: ex.backward()),
    }


@program
def copying_parameters(mx, ctx):
    net = mx.sym.BatchNorm(mlp(mx), name="bn")
    ex = net.simple_bind(ctx, data=(2, 3))
    weight = mx.nd.array(numbers(4, 3), ctx, dtype="float64")
    ex.copy_params_from({"fc0_weight": weight}, {"bn_moving_var": mx.nd.ones((4,), ctx) * 3})
    found = {"weight": ex.arg_dict["fc0_weight"], "aux": ex.aux_dict["bn_moving_var"]}
    found["own copy"] = ex.arg_dict["fc0_weight"] is weight
    found["errors"] = [
        says(lambda: ex.copy_params_from({"nope": weight}), 'Find name "nope" that is not in the arguments'),
        outcome(lambda: ex.copy_params_from({}, {"nope": weight})),
        outcome(lambda: ex.copy_params_from({"fc0_bias": weight})),
        outcome(lambda: ex.copy_params_from({"nope": weight}, allow_extra_params=True)),
        outcome(lambda: ex.copy_params_from({}, {"nope": weight}, allow_extra_params=True)),
    ]
    return found


@program
def optimized_symbols(mx, ctx):
    net = mlp(mx)
    ex = net.simple_bind(ctx, data=(2, 3))
    return [
        ex.get_optimized_symbol().list_arguments() == net.list_arguments(),
        isinstance(ex.debug_str(), str),
        ex.debug_str().rstrip().split("\n")[-1].split()[2:],
    ]


@program(rtol=1e-4)
def one_training_step(mx, ctx):
    """Softmax regression by hand: forward, backward, update; a BatchNorm's statistics move in backward."""
    net = mx.sym.BatchNorm(mlp(mx, 1), name="bn", fix_gamma=False, momentum=0.5)
    net = mx.sym.SoftmaxOutput(mx.sym.FullyConnected(net, num_hidden=3, name="out"), name="softmax")
    ex = filled(mx, ctx, net, data=(4, 5))
    ex.arg_dict["softmax_label"][:] = np.array([0, 2, 1, 1])
    ex.forward(is_train=True)
    mx.nd.waitall()
    moved = [ex.aux_dict["bn_moving_mean"].asnumpy()]
    ex.backward()
    mx.nd.waitall()
    moved.append(ex.aux_dict["bn_moving_mean"].asnumpy())
    for name, grad in ex.grad_dict.items():
        if name not in ("data", "softmax_label"):
            ex.arg_dict[name][:] = ex.arg_dict[name] - 0.1 * grad
    return {"moved": moved, "grads": ex.grad_dict, "out": ex.forward()[0]}


@program
def views_of_what_is_overwritten(mx, ctx):
    """A reshaped variable shows what it was at its place in the graph, though a BatchNorm writes it later."""
    S = mx.sym
    x, mean, gamma = S.Variable("x"), S.Variable("mean"), S.Variable("gamma")
    bn = S.BatchNorm(x, moving_mean=mean, name="bn", fix_gamma=False)
    product = S.broadcast_mul(S.broadcast_mul(x, x), S.reshape(mean, shape=(1, 3)))
    found = {}
    for name, heads in (("before", [product, bn]), ("after", [bn, product])):
        net = S.Group(heads)
        ex = net.simple_bind(ctx, x=(4, 3))
        ex.arg_dict["x"][:] = np.arange(12).reshape(4, 3) + 1
        ex.arg_dict["bn_gamma"][:] = 1
        ex.aux_dict["mean"][:] = 5
        ex.forward(is_train=True)
        ones, zeros = mx.nd.ones((4, 3), ctx), mx.nd.zeros((4, 3), ctx)
        ex.backward([ones, zeros] if name == "before" else [zeros, ones])
        mx.nd.waitall()
        found[name] = [ex.grad_dict["x"], ex.aux_dict["mean"]]
    view = S.reshape(gamma, shape=(1, 3))
    fixed = S.BatchNorm(x, gamma=gamma, name="fixed")
    net = S.Group([view * 2, fixed, view + 1])
    ex = net.simple_bind(ctx, x=(4, 3))
    ex.arg_dict["gamma"][:] = 7
    outputs = ex.forward(is_train=True)
    mx.nd.waitall()
    found["forward"] = [outputs[0], outputs[2], ex.arg_dict["gamma"]]
    return found
