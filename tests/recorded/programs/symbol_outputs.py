"""What symbols list: outputs, arguments and states in order, internals, picked outputs, groups."""

from . import fresh, outcome, program, says


@program(cpu=True)
@fresh
def outputs_of_operators(mx, ctx):
    S = mx.sym
    x, y = S.Variable("x"), S.Variable("y")
    made = [
        x,
        S.sin(x, name="n"),
        S.split(x, num_outputs=3, name="s"),
        S.BatchNorm(x, name="b"),
        S.BatchNorm(x, output_mean_var=True, name="b"),
        S.Dropout(x, name="d"),
        S.make_loss(x, name="m"),
        S.MakeLoss(x, name="M"),
        S.sort(x, name="so"),
        S.topk(x, name="t"),
        S.topk(x, ret_typ="value", name="t"),
        S.topk(x, ret_typ="both", name="t"),
        S.topk(x, ret_typ="mask", name="t"),
        S.argsort(x, name="as"),
        S.LRN(x, nsize=3, name="l"),
        S.L2Normalization(x, name="l2"),
        S.LayerNorm(x, name="ln"),
        S.LayerNorm(x, output_mean_var=True, name="ln"),
        S.InstanceNorm(x, name="in"),
        S.GroupNorm(x, name="gn"),
        S.Pooling(x, kernel=(2, 2), name="p"),
        S.SpatialTransformer(
            x, y, target_shape=(2, 2), transform_type="affine", sampler_type="bilinear", name="st"
        ),
        S.LeakyReLU(x, name="lr"),
        S.LeakyReLU(x, act_type="rrelu", name="rr"),
        S.LeakyReLU(x, act_type="prelu", name="pr"),
        S.SoftmaxOutput(x, name="sm"),
        S.CTCLoss(x, y, name="c"),
        S.split(x, num_outputs=1, name="one"),
        S.split_v2(x, 2),
        S.Concat(x, y, name="cc"),
        S.BlockGrad(x, name="bg"),
        S.linalg.gelqf(x, name="lq"),
        S.random.multinomial(x, get_prob=True, name="mu"),
    ]
    return [[s.list_outputs(), len(s), s.list_arguments(), s.list_auxiliary_states()] for s in made]


@program(cpu=True)
@fresh
def orders_of_lists(mx, ctx):
    S = mx.sym
    a, b, x = S.Variable("a"), S.Variable("b"), S.Variable("x")
    nets = {
        "sum": b + a,
        "nested": (b * x) + (a * b),
        "kwargs": S.FullyConnected(bias=a, weight=b, data=x, num_hidden=3, name="f"),
        "group": S.Group([a * b, x, b + x, a]),
        "aux": S.BatchNorm(S.BatchNorm(x, name="b1") + x, name="b2"),
        "aux also read": S.Group([S.BatchNorm(x, moving_mean=a, name="b1"), a * b]),
        "diamond": S.Group([S.sin(x + a, name="n1") * S.cos(x, name="n2"), S.tan(b)]),
    }
    found = {}
    for name, net in nets.items():
        found[name] = [
            net.list_arguments(),
            net.list_auxiliary_states(),
            net.list_inputs(),
            net.list_outputs(),
            net.get_internals().list_outputs(),
            net.name,
        ]
    return found


@program(cpu=True)
@fresh
def internals_and_children(mx, ctx):
    S = mx.sym
    x = S.Variable("x")
    fc = S.FullyConnected(x, num_hidden=4, name="fc1")
    bn = S.BatchNorm(fc, name="bn")
    parts = S.split(bn, num_outputs=2, name="sp")
    net = S.Group([parts[1] * 2, parts[0], S.Dropout(x, name="dr")])
    internals = net.get_internals()
    found = {
        "outputs": internals.list_outputs(),
        "picked": [
            internals["fc1_output"].list_arguments(),
            internals["bn_gamma"].name,
            internals["fc1_output"].name,
            internals[0].name,
        ],
        "len": len(internals),
        "children": net.get_children().list_outputs(),
        "of parts": parts.get_children().list_outputs(),
        "of one part": parts[0].get_children().list_outputs(),
        "of bn": bn.get_children().list_outputs(),
        "of children": bn.get_children().get_children().list_outputs(),
        "of a variable": x.get_children(),
        "of variables": S.Group([x, S.Variable("y")]).get_children(),
        "of a maker": S.zeros((2,)).get_children(),
        "of a shared head": S.Group([fc, fc, fc + 1]).get_children().list_outputs(),
        "cut": internals["bn_output"].get_internals().list_outputs(),
    }
    return found


@program(
    cpu=True,
    differs={
        f"ends of slices/{i}": "negative ends count from the back, far ones are clipped" for i in range(3)
    },
)
@fresh
def picking_outputs(mx, ctx):
    S = mx.sym
    x = S.Variable("x")
    parts = S.split(x, num_outputs=4, name="s")
    group = S.Group([x, S.sin(x, name="n"), parts, S.sin(x, name="n")])
    first, second = S.split(x, num_outputs=2, name="two")
    return {
        "int": [parts[1].name, parts[1].list_outputs(), len(parts[1]), x[0].name, group[3].list_outputs()],
        "text": [parts["s_output2"].list_outputs(), x["x"].name],
        "slices": [
            parts[1:3].list_outputs(),
            parts[:].list_outputs(),
            parts[::2].list_outputs(),
            parts[1:2].list_outputs(),
            len(parts[1:2]),
        ],
        "ends of slices": [
            outcome(lambda: parts[:-1].list_outputs()),
            outcome(lambda: parts[-2:].list_outputs()),
            outcome(lambda: parts[1:100].list_outputs()),
            outcome(lambda: parts[2:1]),
        ],
        "errors": [
            outcome(lambda: parts[-1]),
            outcome(lambda: parts[4]),
            outcome(lambda: parts[1.0]),
            says(lambda: parts["nope"], 'Cannot find output that matches name "nope"'),
            outcome(lambda: parts["s"]),
            outcome(lambda: group["n_output"]),
            outcome(lambda: parts[None]),
        ],
        "loop": [p.list_outputs() for p in parts],
        "unpacked": [first.list_outputs(), second.list_outputs()],
        "len": [len(x), len(parts), len(group), len(S.BatchNorm(x)), len(S.topk(x, ret_typ="both"))],
        "group name": [group.name, parts.name, S.Group([x]).name, S.Group([parts[0], parts[2]]).name],
    }


@program(cpu=True)
@fresh
def groups(mx, ctx):
    S = mx.sym
    x = S.Variable("x")
    parts = S.split(x, num_outputs=2, name="s")
    twice = S.Group([x, x])
    return {
        "flat": S.Group([S.Group([x, parts]), S.sin(x, name="n")]).list_outputs(),
        "tuple": outcome(lambda: S.Group((x, parts)).list_outputs()),
        "twice": [twice.list_outputs(), twice.list_arguments(), twice.name],
        "errors": [
            outcome(lambda: S.Group([])),
            outcome(lambda: S.Group([x, 3])),
            outcome(lambda: S.Group([None])),
            outcome(lambda: S.Group(3)),
            outcome(lambda: S.Group()),
        ],
        "attr": [
            S.Group([x, parts]).attr("num_outputs"),
            parts.attr("num_outputs"),
            parts[1].attr("num_outputs"),
        ],
    }
