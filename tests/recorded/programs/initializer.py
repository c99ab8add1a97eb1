"""Initializers: rules by name, random draws, packed recurrent parameters, JSON texts, refusals."""

import warnings

import numpy as np

from . import logged, numbers, outcome, program, scratch


def fill(mx, ctx, init, shape=(4, 6), name="fc_weight", attrs=None, dtype="float32", seed=5):
    """An array of sevens after `init`."""
    array = mx.nd.full(shape, 7, ctx=ctx, dtype=dtype)
    mx.random.seed(seed)
    init(mx.init.InitDesc(name, attrs), array)
    return array


def sizes(array):
    """Absolute values: the signs of singular vectors differ from one LAPACK to the next."""
    return array if isinstance(array, str) else np.abs(array.asnumpy())


def refused(call):
    """As `outcome`, but any error will do: MXNet asserts where cysym raises ValueError or TypeError."""
    found = outcome(call)
    return "refused" if isinstance(found, str) and found.startswith("raises") else found


@program
def rules_by_name(mx, ctx):
    names = [
        "a_weight", "a_bias", "a_gamma", "a_beta", "a_min", "a_max", "running_mean", "a_moving_var", "zzz",
        "data", "weight_", "upsampling_weight", "upsampling0_bias", "stn_loc_weight", "stn_loc_bias",
        "admin", "a_bias_quantize", "moving_avg", "",
    ]  # fmt: skip
    init = mx.init.Constant(3)
    return {name: outcome(lambda n=name: fill(mx, ctx, init, (2, 3), n)) for name in names}


@program
def rules_of_plain_names(mx, ctx):
    names = [
        ("a_weight", (2, 3)), ("a_bias", (3,)), ("a_gamma", (3,)), ("a_beta", (3,)), ("a_min", (1,)),
        ("a_max", (1,)), ("bn_moving_mean", (3,)), ("bn_moving_var", (3,)), ("bn_moving_inv_var", (3,)),
        ("bn_moving_avg", (3,)), ("bn_running_var", (3,)), ("upsampling_weight", (2, 1, 4, 4)),
        ("upsampling0", (1, 2, 3, 5)), ("upsampling_bias", (3,)), ("stn_loc_weight", (2, 3)),
        ("stn_loc_bias", (6,)), ("stn_loc_bias", (5,)), ("zzz", (3,)),
    ]  # fmt: skip
    found, said = [], []
    for name, shape in names:
        array = mx.nd.full(shape, 7, ctx=ctx)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            found.append(refused(lambda n=name, a=array: mx.init.Constant(3)(n, a) or a))
        said.append([w.category.__name__ for w in caught if w.category is DeprecationWarning])
    return {"arrays": found, "warnings": said}


@program
def own_initializer_of_the_variable(mx, ctx):
    texts = [
        '["constant", {"value": 2.5}]', "ones", "zeros", "zero", '["uniform", {"scale": 0.5}]', "Normal",
        "xavier", '{"initializer": "one"}', "nope", '["xavier", {"nope": 1}]',
    ]  # fmt: skip
    zero = mx.init.Zero()
    found = {
        text: refused(lambda t=text: fill(mx, ctx, zero, name="a_bias", attrs={"__init__": t}))
        for text in texts
    }
    found["empty"] = fill(mx, ctx, zero, name="a_gamma", attrs={"__init__": ""})
    found["of a variable"] = mx.sym.Variable("w", init=mx.init.Xavier(magnitude=2)).attr("__init__")
    found["by name"] = mx.sym.Variable("w", init="ones").attr("__init__")
    return found


DRAWN = [
    ("uniform", {}), ("uniform", {"scale": 0.1}), ("normal", {}), ("normal", {"sigma": 0.2}), ("xavier",
    {}), ("xavier", {"rnd_type": "gaussian", "factor_type": "in", "magnitude": 2}), ("xavier",
    {"factor_type": "out", "magnitude": 2.34}), ("msraprelu", {}), ("msraprelu", {"factor_type": "in",
    "slope": 0.1}),
]  # fmt: skip


@program(rtol=2e-5, atol=2e-6)
def random_draws(mx, ctx):
    found = {}
    for name, arguments in DRAWN:
        init = mx.init.create(name, **arguments)
        for shape in ((3, 5), (2, 3, 3, 2), (7, 1)):
            found[f"{name} {sorted(arguments.items())} {shape}"] = fill(mx, ctx, init, shape)
    found["vector"] = outcome(lambda: fill(mx, ctx, mx.init.Uniform(), (5,)))
    found["vector xavier"] = outcome(lambda: fill(mx, ctx, mx.init.Xavier(), (5,)))
    found["bad factor"] = outcome(lambda: fill(mx, ctx, mx.init.Xavier(factor_type="x")))
    found["bad type"] = outcome(lambda: fill(mx, ctx, mx.init.Xavier(rnd_type="x")))
    return found


@program(rtol=2e-5, atol=2e-6)
def random_draws_follow_each_other(mx, ctx):
    """One stream through several arrays."""
    mx.random.seed(11)
    found = []
    for k, name in enumerate(("uniform", "normal", "xavier", "orthogonal", "msraprelu", "uniform")):
        array = mx.nd.zeros((3, k + 2), ctx=ctx)
        mx.init.create(name)(mx.init.InitDesc("w_weight"), array)
        found.append(sizes(array) if name == "orthogonal" else array)
    return found


@program(rtol=2e-3, atol=2e-3)
def random_draws_of_other_types(mx, ctx):
    inits = [mx.init.Uniform(1), mx.init.Normal(1), mx.init.Xavier(), mx.init.Orthogonal(), mx.init.One()]
    return {
        f"{type(init).__name__} {dtype}": sizes(fill(mx, ctx, init, (3, 4), dtype=dtype))
        for init in inits
        for dtype in ("float16", "float64")
    }


@program(rtol=1e-4, atol=1e-5)
def orthogonal_bases(mx, ctx):
    found = {}
    for shape in ((3, 5), (5, 3), (4, 4), (2, 3, 2), (6,)):
        for arguments in ({}, {"rand_type": "normal"}, {"scale": 1}):
            key = f"{shape} {sorted(arguments.items())}"
            found[key] = refused(
                lambda s=shape, a=arguments: sizes(fill(mx, ctx, mx.init.Orthogonal(**a), s))
            )
    return found


@program
def bilinear_kernels(mx, ctx):
    return [
        fill(mx, ctx, mx.init.Bilinear(), s) for s in ((1, 1, 4, 4), (2, 3, 3, 3), (1, 1, 2, 5), (2, 1, 1, 1))
    ]


@program
def constants(mx, ctx):
    values = numbers(2, 3)
    made = [
        3,
        -0.5,
        values,
        mx.nd.array(values, ctx),
        values[:1],
        mx.nd.array(values[0], ctx),
        True,
        np.float64(1.5),
    ]
    return {
        "filled": [fill(mx, ctx, mx.init.Constant(v), (2, 3)) for v in made],
        "bias stays zero": fill(mx, ctx, mx.init.Constant(3), (3,), "a_bias"),
        "own bias": fill(
            mx, ctx, mx.init.Zero(), (2,), "b_bias", {"__init__": mx.init.Constant(values[0, :2]).dumps()}
        ),
        "wrong shape": refused(lambda: fill(mx, ctx, mx.init.Constant(values), (3, 2))),
        "texts": [mx.init.Constant(v).dumps() for v in (3, -0.5, values, mx.nd.array([1, 2], ctx))],
    }


@program
def lstm_bias(mx, ctx):
    own = {"__init__": mx.init.LSTMBias(2.5).dumps()}
    return [
        fill(mx, ctx, mx.init.LSTMBias(), (8,), "lstm_weight"),
        fill(mx, ctx, mx.init.Zero(), (12,), "lstm_i2h_bias", own),
        fill(mx, ctx, mx.init.LSTMBias(), (8,), "lstm_bias"),
        mx.init.LSTMBias().dumps(),
    ]


def packed(mode, width, hidden, layers, bidirectional):
    """The number of parameters of a fused recurrent layer."""
    gates, sides = {"lstm": 4, "gru": 3}.get(mode, 1), 1 + bidirectional
    widths = [width] + [hidden * sides] * (layers - 1)
    return sum(sides * gates * hidden * (w + hidden + 2) for w in widths)


@program(rtol=2e-5, atol=2e-6)
def packed_recurrent_parameters(mx, ctx):
    found = {}
    for mode, hidden, layers, bidirectional in (
        ("lstm", 3, 2, True), ("lstm", 2, 1, False), ("gru", 3, 2, False), ("gru", 2, 2, True), ("rnn_relu",
        3, 1, True), ("rnn_tanh", 2, 3, False),
    ):  # fmt: skip
        size = packed(mode, 4, hidden, layers, bidirectional)
        for inner in (mx.init.Xavier(), mx.init.Normal(0.3), mx.init.Orthogonal(), mx.init.One()):
            init = mx.init.FusedRNN(inner, hidden, layers, mode, bidirectional, 1.5)
            key = f"{mode} {hidden} {layers} {bidirectional} {type(inner).__name__}"
            filled = fill(mx, ctx, init, (size,))
            found[key] = sizes(filled) if isinstance(inner, mx.init.Orthogonal) else filled
    return found


@program(rtol=2e-5, atol=2e-6)
def packed_parameters_by_the_network(mx, ctx):
    """FusedRNN(None) as a variable's own initializer: the parts go to the network's."""
    own = mx.init.FusedRNN(None, 3, 1, "lstm").dumps()
    size = packed("lstm", 4, 3, 1, False)
    first = fill(mx, ctx, mx.init.Xavier(), (size,), "lstm_parameters", {"__init__": own})
    network = mx.init.Mixed([".*"], [mx.init.Uniform(0.5)])
    second = fill(mx, ctx, network, (size,), "lstm_parameters", {"__init__": own})
    return {
        "xavier": first,
        "mixed": second,
        "own text": own,
        "name without rule": outcome(
            lambda: fill(mx, ctx, mx.init.FusedRNN(None, 3, 1, "lstm"), (size,), "lstm_parameters")
        ),
        "wrong size": refused(
            lambda: fill(mx, ctx, mx.init.FusedRNN(mx.init.One(), 3, 1, "lstm"), (size + 1,))
        ),
        "mode": refused(lambda: fill(mx, ctx, mx.init.FusedRNN(mx.init.One(), 3, 1, "ltsm"), (size,))),
        "nobody": refused(lambda: fill(mx, ctx, mx.init.FusedRNN(None, 3, 1, "lstm"), (size,))),
    }


@program(cpu=True)
def texts_and_equality(mx, ctx):
    I = mx.init  # noqa: E741
    made = [
        I.Zero(), I.One(), I.Constant(2), I.Uniform(), I.Uniform(0.5), I.Normal(), I.Orthogonal(),
        I.Xavier(), I.Xavier("gaussian", "in", 2.34), I.MSRAPrelu(), I.MSRAPrelu("out", 0.1), I.Bilinear(),
        I.LSTMBias(), I.FusedRNN(I.Xavier(), 3, 2, "gru", True, 0.5), I.FusedRNN(None, 3, 2, "lstm"),
    ]  # fmt: skip
    equal = [[a == b for b in made] for a in made]
    texts = [init.dumps() for init in made]
    again = [I.create(text).dumps() for text in texts if "init" not in text]
    return {
        "texts": texts,
        "again": again,
        "equal": equal,
        "same arguments": [
            I.Uniform(1) == I.Uniform(1.0),
            I.Xavier() == I.Xavier(magnitude=3),
            I.Zero() == 3,
        ],
        "hash": outcome(lambda: hash(I.Zero())),
        "subclass": isinstance(I.create("MSRAPRELU"), I.Xavier),
        "aliases": [
            type(I.create(n)).__name__
            for n in ("zeros", "ones", "Zero", "fusedrnn", "lstmbias")
            if n != "fusedrnn"
        ],
        "legacy base": I.Initializer(a=1).dumps(),
    }


@program
def loaded_values(mx, ctx):
    values = {
        "arg:fc_weight": mx.nd.array(numbers(2, 3), ctx),
        "aux:bn_mean": mx.nd.ones((3,), ctx=ctx),
        "plain": mx.nd.ones((2,), ctx=ctx),
    }
    found = {}
    with scratch(), logged() as messages:
        mx.nd.save("some.params", values)
        for key, source in (("dict", values), ("file", "some.params")):
            init = mx.init.Load(source, default_init=mx.init.One(), verbose=True)
            found[key] = [
                fill(mx, ctx, init, (2, 3)),
                fill(mx, ctx, init, (3,), "bn_mean"),
                fill(mx, ctx, init, (2,), "plain"),
            ]
            found[key + " default"] = fill(mx, ctx, init, (2, 2), "other_weight")
        found["shape"] = refused(lambda: fill(mx, ctx, mx.init.Load(values), (3, 2)))
        found["absent"] = refused(lambda: fill(mx, ctx, mx.init.Load(values), (3, 2), "other_weight"))
        found["no dict"] = refused(lambda: mx.init.Load([1]))
        found["quiet"] = fill(mx, ctx, mx.init.Load(values), (2, 3))
    found["messages"] = list(messages)
    return found


@program
def mixed_by_pattern(mx, ctx):
    init = mx.init.Mixed(["fc1", "bias", ".*"], [mx.init.One(), mx.init.Constant(4), mx.init.Zero()])
    names = ["fc1_weight", "fc1_bias", "bias_weight", "fc2_weight", "fc2_gamma", "nothing"]
    found = {name: outcome(lambda n=name: fill(mx, ctx, init, (2,), n)) for name in names}
    found["unmatched"] = outcome(
        lambda: fill(mx, ctx, mx.init.Mixed(["fc1"], [mx.init.One()]), (2,), "fc2_weight")
    )
    found["lengths"] = refused(lambda: mx.init.Mixed(["a", "b"], [mx.init.One()]))
    found["own wins"] = fill(mx, ctx, init, (2,), "fc1_weight", {"__init__": '["constant", {"value": 9}]'})
    return found


@program
def what_verbose_logs(mx, ctx):
    with logged() as messages:
        loud = mx.init.Constant(2.0).set_verbosity(True)
        for name in ("a_weight", "a_bias", "a_gamma", "a_beta", "a_min", "a_max"):
            fill(mx, ctx, loud, (4,), name)
        fill(mx, ctx, loud, (4,), "own", {"__init__": "ones"})
        own = mx.init.One().set_verbosity(True, lambda x: f"sum {x.sum().asscalar():g}")
        fill(mx, ctx, own, (4, 4))
        fill(mx, ctx, mx.init.One().set_verbosity(False), (4, 4))
        fill(mx, ctx, mx.init.One(), (4, 4))
    return list(messages)


@program
def initializers_of_users(mx, ctx):
    class ProgramSevens(mx.init.Initializer):
        def __init__(self, extra=0):
            super().__init__(extra=extra)
            self.extra = extra

        def _init_weight(self, name, arr):
            arr[:] = 7 + self.extra

        def _init_default(self, name, arr):
            arr[:] = -1

        def _init_bias(self, name, arr):
            arr[:] = 0.5

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # registered by an earlier run
        mx.init.register(mx.init.alias("program_sevens_too")(ProgramSevens))

    class Seen(mx.init.Initializer):
        def __call__(self, desc, arr):
            arr[:] = len(desc)

    return {
        "text": ProgramSevens(2).dumps(),
        "by name": fill(mx, ctx, mx.init.create("programsevens")),
        "by alias": fill(mx, ctx, mx.init.create("Program_Sevens_Too", extra=1)),
        "by attribute": fill(mx, ctx, mx.init.Zero(), name="x", attrs={"__init__": ProgramSevens(4).dumps()}),
        "default": fill(mx, ctx, ProgramSevens(), (2,), "zzz"),
        "bias": fill(mx, ctx, ProgramSevens(), (2,), "zzz_bias"),
        "called": fill(mx, ctx, Seen(), (2,), "four"),
        "abstract": outcome(lambda: fill(mx, ctx, mx.init.Initializer())),
        "parts": fill(
            mx, ctx, mx.init.FusedRNN(ProgramSevens(3), 2, 1, "lstm"), (packed("lstm", 3, 2, 1, False),)
        ),
    }


@program(cpu=True)
def descriptions(mx, ctx):
    plain, full = mx.init.InitDesc("a"), mx.init.InitDesc("b", {"k": "v"}, global_init="g")
    desc = mx.init.InitDesc("w_weight")
    init = mx.init.One()
    init(desc, mx.nd.zeros((2,)))
    return {
        "texts": [str(plain), full + "c", full.upper()],
        "attrs": [plain.attrs, full.attrs],
        "global": [plain.global_init, full.global_init, desc.global_init is init],
        "instance": isinstance(full, str),
        "no text": outcome(lambda: init(3, mx.nd.zeros((2,)))),
        "no array": outcome(lambda: init("w_weight", 3)),
    }
