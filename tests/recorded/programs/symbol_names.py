"""Names of nodes: hints and counters, prefixes, scopes, threads, duplicates."""

# ruff: noqa: SIM300 - on which side a number stands is what is asked

import threading

import numpy as np

from . import fresh, outcome, program, says


@program(cpu=True)
@fresh
def hints_of_functions(mx, ctx):
    S = mx.sym
    x, y = S.Variable("x"), S.Variable("y")
    made = [
        S.FullyConnected(x, num_hidden=3),
        S.FullyConnected(x, num_hidden=3),
        S.SoftmaxOutput(x),
        S.Softmax(x),
        S.softmax(x),
        S.SliceChannel(x, num_outputs=2),
        S.split(x, num_outputs=2),
        S.Concat(x, y),
        S.concat(x, y),
        S.Reshape(x, shape=(1,)),
        S.reshape(x, shape=(1,)),
        x.reshape((1,)),
        S.broadcast_plus(x, y),
        S.broadcast_add(x, y),
        S.ElementWiseSum(x, y),
        S.add_n(x, y),
        S.random.uniform(shape=(2,)),
        S.random_uniform(shape=(2,)),
        S.uniform(shape=(2,)),
        S.random.normal(shape=(2,)),
        S.linalg.gemm2(x, y),
        S.linalg_gemm2(x, y),
        S.zeros((2,)),
        S.ones((2,)),
        S.arange(3),
        S.full((2,), 3),
        S.eye(3),
        S.linspace(0, 1, 3),
        S.BlockGrad(x),
        S.stop_gradient(x),
        S.Flatten(x),
        S.flatten(x),
        x.flatten(),
        S.Activation(x, act_type="relu"),
        S.relu(x),
        S.SwapAxis(x),
        S.swapaxes(x),
        S.Cast(x, dtype="int32"),
        S.cast(x, dtype="int32"),
        x.astype("int32"),
        S.zeros_like(x),
        S.max_axis(x),
        S.max(x),
        x.max(),
        S.identity(x),
        S.elemwise_add(x, y),
        S.transpose(x),
        S.Embedding(x, input_dim=3, output_dim=2),
        S.split_v2(x, 2),
        S.make_loss(x),
        S.MakeLoss(x),
        S.random.randint(0, 3, shape=(2,)),
        S.random.shuffle(x),
        S.random.multinomial(x),
        S.contrib.div_sqrt_dim(x),
        S.where(x, x, y),
    ]
    return [s.name for s in made]


@program(cpu=True)
@fresh
def hints_of_arithmetic(mx, ctx):
    S = mx.sym
    x, y = S.Variable("x"), S.Variable("y")
    made = [
        x + y,
        x - y,
        x * y,
        x / y,
        x % y,
        x**y,
        x + 1,
        1 + x,
        x - 1,
        1 - x,
        x * 2,
        2 * x,
        x / 2,
        2 / x,
        x % 2,
        2 % x,
        x**2,
        2**x,
        S.pow(2, x),
        S.pow(x, 2),
        S.pow(x, y),
        S.power(x, 2),
        -x,
        abs(x),
        x == y,
        x != y,
        x > y,
        x >= y,
        x < y,
        x <= y,
        x == 1,
        x != 1,
        x > 1,
        x >= 1,
        x < 1,
        x <= 1,
        1 < x,
        1 <= x,
        1 > x,
        1 >= x,
        1 == x,
        S.maximum(x, y),
        S.maximum(x, 1),
        S.maximum(1, x),
        S.minimum(x, y),
        S.minimum(x, 2),
        S.hypot(x, y),
        S.hypot(x, 3),
        x + np.float32(1.5),
        x * np.int64(3),
    ]
    return [s.name for s in made] + [S.maximum(1, 2), S.minimum(1, 2), S.pow(2, 3), S.hypot(3, 4)]


@program(cpu=True)
@fresh
def counters(mx, ctx):
    """A given name and a loaded file advance none; a manager has its own; a thread starts anew."""
    S = mx.sym
    x = S.Variable("x")
    found = [
        (x + 1).name,
        S.sin(x, name="mine").name,
        S.sin(x).name,
        S.sin(x, name="sin1").name,
        S.sin(x).name,
    ]
    with mx.name.NameManager():
        inner = [S.sin(x).name, S.sin(x).name]
        with mx.name.NameManager():
            inner.append(S.sin(x).name)
        inner.append(S.sin(x).name)
    found += inner
    S.load_json(S.tan(x).tojson())
    found += [S.sin(x).name, S.tan(x).name]
    from_thread = []
    thread = threading.Thread(target=lambda: from_thread.extend([S.sin(x).name, S.sin(x).name]))
    thread.start()
    thread.join()
    manager = mx.name.NameManager()
    got = [manager.get(None, "a"), manager.get(None, "a"), manager.get("b", "a"), manager.get("", "a")]
    return {
        "found": found,
        "thread": from_thread,
        "after": S.sin(x).name,
        "get": got,
        "empty name": S.sin(x, name="").name,
    }


@program(cpu=True)
@fresh
def a_manager_entered_again_goes_on(mx, ctx):
    S = mx.sym
    x, manager = S.Variable("x"), mx.name.NameManager()
    names = []
    for _ in range(2):
        with manager:
            names.append(S.sin(x).name)
    prefix = mx.name.Prefix("p_")
    for _ in range(2):
        with prefix:
            names.append(S.sin(x).name)
    return names


@program(cpu=True)
@fresh
def prefixes(mx, ctx):
    S = mx.sym
    names = []
    with mx.name.Prefix("p_"):
        v = S.Variable("v")
        names += [
            v.name,
            S.FullyConnected(v, num_hidden=2).name,
            S.FullyConnected(v, num_hidden=2, name="fc").name,
        ]
        names += [(v + v).name, (v + 1).name, abs(v).name]
        with mx.name.Prefix("q_"):
            names += [S.sin(v).name, S.sin(v, name="given").name]
        names.append(S.FullyConnected(v, num_hidden=2).name)
        listed = S.FullyConnected(v, num_hidden=2, name="two").list_arguments()
    with mx.name.Prefix("p_"):
        names.append(S.FullyConnected(v, num_hidden=2).name)
    names.append(S.FullyConnected(v, num_hidden=2).name)
    net = S.Variable("data")
    for i in range(2):
        with mx.name.Prefix(f"layer{i + 1}_"):
            net = S.FullyConnected(net, name="fc", num_hidden=10)
    return {
        "names": names,
        "listed": listed,
        "tutorial": [net.list_arguments(), net.list_outputs()],
        "given to get": mx.name.Prefix("r_").get("n", "h"),
    }


class Upper:
    """What a name manager written by a user does to names."""

    def __call__(self, mx):
        class Manager(mx.name.NameManager):
            def get(self, name, hint):
                return super().get(name, hint).upper()

        return Manager()


@program(cpu=True)
@fresh
def a_manager_of_ones_own(mx, ctx):
    x = mx.sym.Variable("x")
    with Upper()(mx):
        return [mx.sym.sin(x).name, mx.sym.sin(x, name="given").name, mx.sym.sin(x).list_outputs()]


@program(cpu=True)
@fresh
def names_of_variables(mx, ctx):
    S = mx.sym
    odd = ["", " ", "a b", "\u00fc\u65e5", 'q"', "a/b:c", "x\ny", "_", "0"]
    found = {"odd": [S.Variable(n).name for n in odd], "round": []}
    for n in odd:
        found["round"].append(S.load_json(S.Variable(n).tojson()).name)
    found["errors"] = [
        says(lambda: S.Variable(3), "Expect a string for variable `name`"),
        outcome(lambda: S.Variable()),
        outcome(lambda: S.Variable(None)),
        outcome(lambda: S.Variable(b"x")),
    ]
    found["same"] = [mx.sym is mx.symbol, S.var is S.Variable]
    found["repr"] = [
        repr(S.Variable("v")),
        repr(S.Group([S.Variable("v"), S.Variable("w") + 1])),
        repr(S.split(S.Variable("v"), num_outputs=2, name="s")),
    ]
    return found


@program(cpu=True)
@fresh
def duplicate_names(mx, ctx):
    """Legal in a graph, and to bind; what asks by name refuses."""
    S = mx.sym
    a = S.Variable("a")
    net = S.FullyConnected(a * S.Variable("a"), num_hidden=2, name="f") + S.FullyConnected(
        a, num_hidden=2, name="f"
    )
    shapes = net.infer_shape(a=(3, 4))
    values = {"a": mx.nd.ones((3, 4)), "f_weight": mx.nd.ones((2, 4)) * 2, "f_bias": mx.nd.ones((2,))}
    ex = net.bind(mx.cpu(), values)
    simple = net.simple_bind(mx.cpu(), a=(3, 4))
    return {
        "lists": [net.list_arguments(), net.list_outputs(), net.get_internals().list_outputs()],
        "shapes": shapes,
        "out": ex.forward(),
        "ambiguous": outcome(lambda: net.get_internals()["f_output"]),
        "arg_dict": says(lambda: ex.arg_dict, "Duplicate names detected"),
        "output_dict": sorted(ex.output_dict),
        "same heads": outcome(lambda: S.Group([a, a]).bind(mx.cpu(), values).output_dict),
        "simple": [list(v.shape) for v in simple.arg_arrays],
        "simple dict": says(lambda: simple.grad_dict, "Duplicate names detected"),
    }
