"""Composition by call, copies, pickles, and the operators of Python on symbols."""

# ruff: noqa: SIM300 - on which side a number stands is what is asked

import copy
import pickle

import numpy as np

from . import fresh, numbers, outcome, program, says


def tried(call):
    """As `outcome`; of a symbol its name."""
    found = outcome(call)
    return "symbol " + str(found.name) if hasattr(found, "list_arguments") else found


def layer(mx, data, name, width=3):
    return mx.sym.FullyConnected(data, num_hidden=width, name=name)


def lists(symbol):
    return [
        symbol.name,
        symbol.list_arguments(),
        symbol.list_outputs(),
        symbol.list_auxiliary_states(),
        symbol.get_internals().list_outputs(),
    ]


@program(cpu=True)
@fresh
def replacing_variables(mx, ctx):
    S = mx.sym
    x, y = S.Variable("data"), S.Variable("y")
    one = layer(mx, x, "fc1")
    two = layer(mx, S.Variable("data2"), "fc2")
    tower = S.Activation(layer(mx, layer(mx, x, "in"), "out"), act_type="tanh", name="act")
    found = {
        "tutorial": lists(two(data2=one, name="composed")),
        "untouched": lists(two),
        "no name": lists(two(data2=one)),
        "weight": lists(tower(in_weight=S.Variable("shared"), out_bias=y * 2)),
        "with itself": lists(one(data=one)),
        "several": lists((x + y)(data=y, y=x)),
        "expression": lists(one(data=x + y)),
        "used twice": lists((x * x + y)(data=one)),
        "head that is the variable's user": lists(S.sin(x, name="s")(data=S.cos(x, name="c"), name="t")),
        "nothing": lists(one()),
        "only a name": lists(one(name="other")),
        "aux": lists(S.BatchNorm(x, name="bn")(bn_moving_mean=S.Variable("mm"), bn_gamma=y)),
        "one of several outputs": lists(one(data=S.split(x, num_outputs=2, name="sp")[1])),
        "several heads of one node": lists(S.split(x, num_outputs=2, name="sp")(data=one, name="renamed")),
    }
    return found


@program(cpu=True)
@fresh
def replacing_in_groups(mx, ctx):
    S = mx.sym
    x, d = S.Variable("data"), S.Variable("D")
    one = layer(mx, x, "fc1")
    group = S.Group([one, x])
    return {
        "replaced": lists(group(data=d)),
        "renamed": lists(S.Group([S.sin(x, name="s"), one])(data=d, name="n")),
        "by an expression": lists(group(data=d * 2)),
        "name": outcome(lambda: lists(group(data=d, name="n"))),
        "of one node": lists(S.Group([one, one])(data=d)),
        "bare variables": tried(lambda: lists(S.Group([x, d])(data=S.Variable("z")))),
    }


@program(
    cpu=True,
    differs={
        "variable": "MXNet gives a graph whose variable has inputs",
        "variable by position": "MXNet gives a graph whose variable has inputs",
    },
)
@fresh
def wrong_compositions(mx, ctx):
    S = mx.sym
    x = S.Variable("data")
    one = layer(mx, x, "fc1")
    parts = S.split(x, num_outputs=2)
    return {
        "positional": says(lambda: one(x), "General composition only support kwargs for now"),
        "both": tried(lambda: one(x, data=x)),
        "no symbol": [
            says(lambda v=v: one(data=v), "Compose expect `Symbol` as arguments") for v in (3, None, "x")
        ],
        "no symbol by position": says(lambda: one(3), "Compose expect `Symbol` as arguments"),
        "unknown": says(
            lambda: one(nope=x),
            "ComposeKeyword argument name nope not found",
            "Candidate arguments",
            "[0]data",
        ),
        "unknown and known": tried(lambda: one(data=x, nope=x)),
        "input's name": tried(lambda: one(weight=x)),
        "group": says(lambda: one(data=S.Group([x, x])), "single value is required"),
        "several outputs": says(lambda: one(data=parts), "single value is required"),
        "variable": tried(lambda: x(data=one)),
        "variable by position": tried(lambda: x(one)),
        "written to": [
            says(
                lambda: S.BatchNorm(x, name="bn")(bn_moving_mean=x * 2),
                "Mutation target can only be Variable",
            ),
            says(lambda: S.BatchNorm(x, moving_var=x * 2), "Mutation target can only be Variable"),
        ],
        "after all": lists(one),
    }


@program(cpu=True)
@fresh
def composing_in_place(mx, ctx):
    S = mx.sym
    x = S.Variable("data")
    one, two = layer(mx, x, "fc1"), layer(mx, S.Variable("data2"), "fc2")
    handle = two
    result = two._compose(data2=one, name="both")
    return {
        "result": result,
        "changed": lists(two),
        "same object": handle is two,
        "other": outcome(lambda: two._compose(nope=one)),
        "still": lists(two),
    }


@program
@fresh
def composed_graphs_compute(mx, ctx):
    S = mx.sym
    x, y = S.Variable("x"), S.Variable("y")
    net = S.Group([x * x + y, S.sin(y)])(x=S.cos(y), y=x)
    a = mx.nd.array(numbers(2, 3), ctx)
    b = mx.nd.array(numbers(2, 3, shift=1), ctx)
    return {"arguments": net.list_arguments(), "values": net.eval(ctx=ctx, x=a, y=b)}


@program(cpu=True)
@fresh
def attributes_of_compositions(mx, ctx):
    def tidy(attrs):
        return {k: dict(sorted(v.items())) for k, v in sorted(attrs.items())}

    S = mx.sym
    with mx.AttrScope(ctx_group="g"):
        one = layer(mx, S.Variable("data"), "fc1")
    two = layer(mx, S.Variable("data2", lr_mult=3), "fc2")
    made = two(data2=one, name="both")
    made._set_attr(num_hidden="9")
    return {
        "made": tidy(made.attr_dict()),
        "two": tidy(two.attr_dict()),
        "one": tidy(one.attr_dict()),
        "json": two.tojson(),
    }


@program(cpu=True)
@fresh
def copies(mx, ctx):
    S = mx.sym
    x = S.Variable("x", lr_mult=2)
    net = S.BatchNorm(layer(mx, x, "fc"), name="bn")
    found = {}
    for name, made in (
        ("copy", copy.copy(net)),
        ("deepcopy", copy.deepcopy(net)),
        ("pickle", pickle.loads(pickle.dumps(net))),
    ):
        same = made.tojson() == net.tojson()
        made._set_attr(eps="0.5")
        made.get_internals()["x"]._set_attr(lr_mult="7")
        found[name] = [same, lists(made), made.attr("eps"), made.attr_dict()["x"]]
    found["original"] = [net.attr("eps"), net.attr_dict()["x"]]
    group = S.Group([net, x])
    found["group"] = [lists(copy.copy(group)), lists(pickle.loads(pickle.dumps(group)))]
    found["lists"] = [s.list_outputs() for s in copy.deepcopy([net, x])]
    found["counters"] = [S.sin(pickle.loads(pickle.dumps(S.sin(x)))).name]
    state = net.__getstate__()
    empty = S.Symbol.__new__(S.Symbol)
    empty.__setstate__(state)
    found["state"] = [sorted(state), state["handle"] == net.tojson(), lists(empty)]
    return found


@program(cpu=True)
@fresh
def protocol(mx, ctx):
    """What Python's operators refuse, and with which error."""
    S = mx.sym
    x, y = S.Variable("x"), S.Variable("y")

    def augmented(op):
        def run():
            z = x
            if op == "+":
                z += y
            elif op == "-":
                z -= 1
            elif op == "*":
                z *= y
            elif op == "/":
                z /= y
            else:
                z %= y
            return z.list_arguments()

        return run

    found = {
        "bool": [
            tried(lambda: bool(x)),
            tried(lambda: 1 if x else 2),
            tried(lambda: x in [y]),
            tried(lambda: not x),
            tried(lambda: x and y),
            tried(lambda: x in [x]),
        ],
        "hash": [says(lambda: hash(x), "unhashable"), tried(lambda: {x}), tried(lambda: {x: 1})],
        "augmented": [tried(augmented(op)) for op in "+-*/%"],
        "equal": [(x == y).name, (x == 1).list_arguments(), (x != y).name],
        "others": [says(lambda o=o: x + o, "not supported") for o in (np.ones(2), "a", None, [1], (1, 2))],
        "others left": [tried(lambda o=o: o + x) for o in (np.ones(2), "a", None, [1])],
        "others compare": [
            tried(lambda: x == "a"),
            tried(lambda: x == None),  # noqa: E711
            tried(lambda: x < np.ones(2)),
            tried(lambda: np.ones(2) * x),
        ],
        "numpy numbers": [
            (x + np.float64(1.5)).attr("scalar"),
            (np.float32(2) * x).attr("scalar"),
            tried(lambda: x + True),
            (x ** np.int32(2)).attr("scalar"),
        ],
        "numbers": [
            (x + 1).attr("scalar"),
            (x + 1.0).attr("scalar"),
            (x - 1e-20).attr("scalar"),
            (2**x).attr("scalar"),
            (-x).attr("scalar"),
        ],
        "unary": [
            tried(lambda: +x),
            tried(lambda: ~x),
            tried(lambda: x // y),
            tried(lambda: x @ y),
            tried(lambda: divmod(x, y)),
            tried(lambda: x & y),
            tried(lambda: round(x)),
            tried(lambda: float(x)),
            tried(lambda: int(x)),
        ],
        "arrays'": [
            tried(lambda n=n: getattr(x, n)())
            for n in ("wait_to_read", "asnumpy", "asscalar", "copy", "detach", "backward")
        ]
        + [says(lambda: x.asnumpy(), "Function asnumpy is not implemented for Symbol")],
        "attributes": [tried(lambda n=n: getattr(x, n)) for n in ("shape", "dtype", "T", "grad", "nope")],
        "slots": [tried(lambda: setattr(x, "foo", 1))],
        "gradient": tried(lambda: (x * y).gradient(["x"])),
        "repr": [repr(x), repr(x + y), repr(S.Group([x, x + y]))],
    }
    return found


@program
@fresh
def arithmetic_of_values(mx, ctx):
    S = mx.sym
    x, y = S.Variable("x"), S.Variable("y")
    a, b = numbers(2, 3, scale=2), numbers(2, 3, shift=2)
    nets = [
        x + y,
        x - y,
        x * y,
        x / y,
        y % 1.5,
        1.5 % y,
        y**2,
        2**x,
        y**x,
        1 - x,
        1 / y,
        -x,
        abs(x),
        x > y,
        x >= y,
        x < y,
        x <= y,
        x == x,
        x != x,
        x > 0.5,
        0.5 > x,
        x == 0.5,
        S.maximum(x, y),
        S.minimum(0.3, x),
        S.hypot(x, y),
        S.pow(2, x),
        5 % x,
        x % 2,
        x % y,
    ]
    values = {"x": mx.nd.array(a, ctx), "y": mx.nd.array(b, ctx)}
    found = [net.eval(ctx=ctx, **values)[0] for net in nets]
    whole = {
        "x": mx.nd.array([[7, -7, 5]], ctx, dtype="int32"),
        "y": mx.nd.array([[2, 2, -3]], ctx, dtype="int32"),
    }
    return {
        "float": found,
        "int": [(x / y).eval(ctx=ctx, **whole)[0], (x % y).eval(ctx=ctx, **whole)[0]],
        "unequal": says(
            lambda: (x + y).infer_shape(x=(2, 3), y=(1, 3)), "_plus", "expected [2,3], got [1,3]"
        ),
    }


@program(cpu=True)
@fresh
def debug_texts(mx, ctx):
    S = mx.sym
    a, b = S.Variable("a"), S.Variable("b")
    parts = S.split(a, num_outputs=2, name="s")
    bn = S.BatchNorm(S.BatchNorm(a, name="bn", eps=1e-3), moving_mean=b, name="bn2")
    with mx.AttrScope(__tag__="t"):
        tagged = S.sin(a, name="si")
    return [
        S.FullyConnected(a + b, num_hidden=2, name="f").debug_str(),
        a.debug_str(),
        S.Group([parts[1], a, parts[0]]).debug_str(),
        S.Group([a, b]).debug_str(),
        bn.debug_str(),
        tagged.debug_str(),
        S.zeros((2, 3)).debug_str(),
        S.Group([a]).debug_str(),
        parts.debug_str(),
    ]


@program(cpu=True)
@fresh
def texts_of_symbols(mx, ctx):
    """Saving: text, file, round trips, what is refused."""
    import tempfile

    S = mx.sym
    a, b = S.Variable("a"), S.Variable("b")
    net = S.Group([S.FullyConnected(a + b, num_hidden=2, name="f"), S.split(a, num_outputs=2)[1]])
    with tempfile.TemporaryDirectory() as folder:
        path = folder + "/net.json"
        net.save(path)
        with open(path) as f:
            text = f.read()
        again = S.load(path)
        missing = outcome(lambda: S.load(folder + "/nope.json"))
    return {
        "text": text,
        "tojson": text == net.tojson(),
        "again": [lists(again), again.tojson() == net.tojson()],
        "missing": missing,
        "errors": [
            outcome(lambda: S.load(3)),
            outcome(lambda: S.load_json(3)),
            outcome(lambda: S.load_json('{"nodes": 3}')),
            outcome(lambda: net.save(3)),
        ],
        "loaded names count on": (S.load_json((a + b).tojson()) + a).name,
    }
