"""`mx.random`, `mx.nd.random` and `mx.sym.random`: the nodes they make, types, shapes, seeded numbers."""

import json

import numpy as np

from . import fresh, outcome, program, says

# sampler: parameters as numbers
NUMBERS = {
    "uniform": [(), (-1, 2)],
    "normal": [(), (3, 0.5)],
    "exponential": [(), (2.0,)],
    "gamma": [(), (2, 0.5)],
    "poisson": [(), (4,)],
    "negative_binomial": [(3, 0.4)],
    "generalized_negative_binomial": [(2.0, 0.3)],
    "randint": [(-2, 9)],
}
# parameters as arrays
ARRAYS = {
    "uniform": ([0, 1, 5], [1, 3, 5.5]),
    "normal": ([0, 10, 100], [1, 0.1, 2]),
    "exponential": ([1, 2, 10],),
    "gamma": ([1, 2, 9], [1, 0.5, 2]),
    "poisson": ([1, 4, 20],),
    "negative_binomial": ([2, 5, 9], [0.5, 0.3, 0.8]),
    "generalized_negative_binomial": ([2, 3, 4], [0.2, 0.5, 0.1]),
}
EXACT = ("uniform", "normal", "exponential", "gamma", "poisson", "randint")


@program(cpu=True)
@fresh
def nodes(mx, ctx):
    R, found = mx.sym.random, {}
    for name, ways in NUMBERS.items():
        for parameters in ways:
            s = getattr(R, name)(*parameters, shape=(2, 3))
            found[name + str(parameters)] = json.loads(s.tojson())["nodes"]
        if name != "randint":
            typed = getattr(R, name)(*ways[-1], shape=4, dtype="float64", name="mine")
            found[name + " typed"] = json.loads(typed.tojson())["nodes"]
    for name, parameters in ARRAYS.items():
        variables = [mx.sym.Variable(f"v{i}") for i in range(len(parameters))]
        s = getattr(R, name)(*variables, shape=(2,))
        plain = getattr(R, name)(*variables)
        found[name + " of symbols"] = [
            json.loads(s.tojson())["nodes"][-1],
            json.loads(plain.tojson())["nodes"][-1],
            s.infer_shape(**{v.name: (3,) for v in variables}),
            plain.infer_shape(**{v.name: (3, 2) for v in variables}),
            [np.dtype(t).name for t in s.infer_type(v0="float32")[1]],
        ]
    found["randn"] = json.loads(R.randn(2, 3, loc=1, scale=2).tojson())["nodes"]
    found["randint"] = json.loads(R.randint(0, 9, shape=2, dtype="int64").tojson())["nodes"]
    found["multinomial"] = [
        json.loads(R.multinomial(mx.sym.Variable("p"), shape=4, get_prob=p).tojson())["nodes"]
        for p in (True, False)
    ]
    found["shuffle"] = json.loads(R.shuffle(mx.sym.Variable("x")).tojson())["nodes"]
    found["like"] = [json.loads(R.normal_like(mx.sym.Variable("x"), loc=2).tojson())["nodes"]]
    return found


@program(rtol=1e-5)
def seeded_numbers(mx, ctx):
    """Draws of numbers: the same through all three modules, and in a graph."""
    found = {}
    for name in EXACT:
        parameters = NUMBERS[name][-1]
        draws = []
        for module in (mx.random, mx.nd.random):
            mx.random.seed(7)
            draws.append(getattr(module, name)(*parameters, shape=(2, 3), ctx=mx.cpu()).asnumpy())
        mx.random.seed(7)
        graph = getattr(mx.sym.random, name)(*parameters, shape=(2, 3))
        draws.append(graph.bind(mx.cpu(), {}).forward()[0].asnumpy())
        found[name] = [draws[0], (draws[0] == draws[1]).all() and (draws[0] == draws[2]).all()]
    mx.random.seed(7)
    found["randn"] = [mx.random.randn(2, 2), mx.nd.random.randn(3, loc=5, scale=0.1)]
    return found


@program
def of_arrays(mx, ctx):
    """Shapes and types for arrays as parameters, the mean of many draws, and gradients that are zero."""
    mx.random.seed(3)
    found = {}
    for name, parameters in ARRAYS.items():
        arrays = [mx.nd.array(p, ctx) for p in parameters]
        variables = [mx.sym.Variable(f"v{i}") for i in range(len(parameters))]
        drawn = getattr(mx.nd.random, name)(*arrays, shape=(2, 2))
        s = getattr(mx.sym.random, name)(*variables, shape=4000)
        values = s.bind(ctx, arrays).forward()[0].asnumpy()
        plain = getattr(mx.nd.random, name)(*arrays)
        means = values.mean(axis=1)
        found[name] = [
            list(drawn.shape), np.dtype(drawn.dtype).name, list(plain.shape), str(drawn.context == ctx),
            [round(float(np.log(m + 1)), 0) for m in means],
        ]  # fmt: skip
    return found


@program
def multinomial(mx, ctx):
    mx.random.seed(5)
    p = mx.nd.array([[0, 1, 0], [0, 0, 1]], ctx)
    one = mx.nd.random.multinomial(p)
    many = mx.nd.random.multinomial(p, shape=(2, 2), dtype="float32")
    drawn, logs = mx.nd.random.multinomial(p, get_prob=True)
    row = mx.random.multinomial(mx.nd.array([0, 0, 1.0], ctx), shape=3)
    s = mx.sym.random.multinomial(mx.sym.Variable("p"), shape=3, get_prob=False)
    order = mx.nd.random.shuffle(mx.nd.array(np.arange(12).reshape(6, 2), ctx)).asnumpy()
    return {
        "one": one, "many": many, "drawn": drawn, "logs": logs, "row": row,
        "graph": s.bind(ctx, [p]).forward(),
        "shuffled": [sorted(order[:, 0].tolist()), (order[:, 1] - order[:, 0]).tolist()],
    }  # fmt: skip


@program
def options(mx, ctx):
    """Types, contexts, `out`, and what is refused."""
    R = mx.random
    out = mx.nd.zeros((3,), ctx)
    result = R.uniform(5, 6, out=out)
    with ctx:
        here = R.normal(shape=(2,)).context == ctx
    mx.random.seed(9)
    types = [
        np.dtype(R.uniform(shape=(2,), dtype=t).dtype).name
        for t in ("float16", "float32", "float64", np.float64)
    ] + [np.dtype(R.randint(0, 5, shape=(2,), dtype=t).dtype).name for t in ("int32", "int64")]
    x = mx.nd.zeros((2, 3), ctx)
    return {
        "out": [result is out, bool((out.asnumpy() >= 5).all())],
        "context": [here, R.uniform(shape=(1,), ctx=ctx).context == ctx],
        "types": types,
        "shapes": [list(R.uniform(shape=s).shape) for s in (3, (3,), (2, 0, 1)[:1], [2, 2])]
        + [list(R.uniform().shape)],
        "like": [list(mx.nd.random.uniform_like(x, 0, 1).shape), list(mx.nd.random.poisson_like(x, 3).shape)],
        "same": [R.seed.__name__, mx.rnd is mx.random],
        "refused": [
            outcome(lambda: R.uniform("a", 1)),
            outcome(lambda: R.uniform(mx.nd.zeros((2,)), 1)),
            outcome(lambda: R.normal(0, None)),
            outcome(lambda: R.randint()),
            outcome(lambda: R.randint(0.5, 3)),
            outcome(lambda: R.poisson(lam="x")),
            outcome(lambda: mx.sym.random.uniform(mx.sym.Variable("x"), 1)),
            outcome(lambda: mx.sym.random.normal(mx.nd.zeros((1,)), mx.nd.zeros((1,)))),
            outcome(lambda: R.multinomial(3)),
            says(lambda: R.seed("x"), "int"),
        ],
    }
