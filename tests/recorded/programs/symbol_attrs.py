"""Attributes of symbols: scopes, hidden keys, what operators take, what variables inherit."""

import numpy as np

from . import fresh, numbers, outcome, program, says


def tidy(attrs):
    """A dict of dicts with its keys in order."""
    return {k: tidy(v) if isinstance(v, dict) else v for k, v in sorted(attrs.items())}


HIDDEN = {
    "ctx_group": "g",
    "lr_mult": "0.5",
    "wd_mult": "0.25",
    "force_mirroring": "True",
    "mirror_stage": "True",
}


@program(cpu=True)
@fresh
def values_are_texts(mx, ctx):
    S = mx.sym
    x = S.Variable("x")
    fc = S.FullyConnected(x, num_hidden=4, no_bias=True, name="fc")
    return {
        "attr": [
            fc.attr("num_hidden"),
            fc.attr("no_bias"),
            fc.attr("flatten"),
            fc.attr("nope"),
            x.attr("nope"),
        ],
        "own": [
            fc.attr("name"),
            x.attr("name"),
            S.Group([fc, x]).attr("num_hidden"),
            S.Group([fc]).attr("name"),
        ],
        "list": [tidy(fc.list_attr()), tidy(x.list_attr()), tidy(S.Group([fc, x]).list_attr())],
        "recursive": outcome(lambda: fc.list_attr(recursive=True)),
        "dict": tidy(fc.attr_dict()),
        "texts": [
            tidy(made)
            for made in [
                S.Pooling(x, kernel=(2, 3), stride=[1, 1], pool_type="avg").list_attr(),
                S.Cast(x, dtype=np.float16).list_attr(),
                S.Cast(x, dtype="float16").list_attr(),
                S.slice(x, begin=(None, 1), end=(2, None)).list_attr(),
                S.sum(x, axis=None).list_attr(),
                S.clip(x, a_min=-np.float32(1.5), a_max=1e30).list_attr(),
                S.Dropout(x, p=np.float64(0.1)).list_attr(),
                S.one_hot(x, depth=np.int64(3)).list_attr(),
                S.Cast(x, dtype=np.dtype("int8")).list_attr(),
            ]
        ],
    }


@program(cpu=True)
@fresh
def hidden_keys(mx, ctx):
    S = mx.sym
    x = S.Variable("x")
    found = {}
    ways = {
        "argument": lambda: S.FullyConnected(x, num_hidden=2, name="fc", **HIDDEN),
        "attr": lambda: S.FullyConnected(x, num_hidden=2, name="fc", attr=HIDDEN),
        "dunder": lambda: S.FullyConnected(x, num_hidden=2, name="fc", attr={"__lr_mult__": "3"}),
        "variable": lambda: S.Variable("v", attr=HIDDEN),
    }
    for name, make in ways.items():
        net = make()
        found[name] = [
            tidy(net.attr_dict()),
            tidy(net.list_attr()),
            net.attr("lr_mult"),
            net.attr("__lr_mult__"),
            net.attr("ctx_group"),
            net.attr("__ctx_group__"),
        ]
    net = S.FullyConnected(x, num_hidden=2, name="fc")
    net._set_attr(lr_mult="4", __foo__="5", mirror_stage="1")
    found["set"] = [tidy(net.attr_dict()), net.tojson()]
    with mx.AttrScope(**HIDDEN):
        scoped = S.FullyConnected(S.Variable("data"), num_hidden=2, name="fc")
    found["scope"] = tidy(scoped.attr_dict())
    found["number"] = S.FullyConnected(x, num_hidden=2, name="fc", lr_mult=2.5).attr("lr_mult")
    found["deprecated"] = [
        says(lambda: S.FullyConnected(x, num_hidden=2, weight_lr_mult=2), "deprecated"),
        outcome(lambda: S.FullyConnected(x, num_hidden=2, bias_wd_mult=2).name),
        outcome(lambda: S.FullyConnected(x, num_hidden=2, foo_lr_mult=2).name),
    ]
    return found


@program(cpu=True)
@fresh
def dunder_keys(mx, ctx):
    S = mx.sym
    x = S.Variable("x")
    made = [
        S.FullyConnected(x, num_hidden=2, name="fc", attr={"__a__": "1"}),
        S.FullyConnected(x, num_hidden=2, name="fc", __c__="3"),
        S.FullyConnected(x, name="fc", attr={"num_hidden": "5"}),
        S.FullyConnected(x, num_hidden=2, name="fc", attr={"num_hidden": "5"}),
        S.FullyConnected(x, num_hidden=2, name="fc", attr={"__n__": 3}),
    ]
    found = [tidy(net.attr_dict()) for net in made]
    errors = [
        outcome(lambda: S.FullyConnected(x, num_hidden=2, attr={"foo": "1"})),
        outcome(lambda: S.FullyConnected(x, num_hidden=2, foo="1")),
        outcome(lambda: S.FullyConnected(x, num_hidden=2, attr={"__half": "1"}).list_attr()),
        outcome(lambda: (x + x)._set_attr(foo="1")),
    ]
    return {"found": found, "errors": errors}


@program(cpu=True, differs={"errors/3": "a TypeError that says what was expected"})
@fresh
def variables(mx, ctx):
    S = mx.sym
    made = {
        "plain": S.Variable("v"),
        "any key": S.Variable("v", attr={"foo": "bar", "__baz__": "1", "num_hidden": "x"}),
        "shape": S.Variable("v", shape=(4, 0)),
        "shape list": S.Variable("v", shape=[2, 3]),
        "mults": S.Variable("v", lr_mult=2.0, wd_mult=0.5),
        "dtype": S.Variable("v", dtype="float64"),
        "dtype class": S.Variable("v", dtype=np.int32),
        "init": S.Variable("v", init=mx.init.Xavier(magnitude=2)),
        "init text": S.Variable("v", init="zeros"),
        "stype": S.Variable("v", stype="default"),
        "dunder": S.Variable("v", __foo__=3, __bar__="x"),
        "half": S.Variable("v", dtype="float16"),
        "explicit beats": S.Variable("v", attr={"__shape__": "(9,)", "lr_mult": "8"}, shape=(1,), lr_mult=3),
    }
    return {
        "made": {k: [tidy(v.attr_dict()), tidy(v.list_attr())] for k, v in made.items()},
        "json": made["mults"].tojson(),
        "errors": [
            says(
                lambda: S.Variable("v", foo=1),
                "Attribute name=foo is not supported",
                "must start and end with double underscores",
            ),
            says(lambda: S.Variable("v", attr={"a": 1}), "only accepts string values"),
            outcome(lambda: S.Variable("v", dtype="nope")),
            outcome(lambda: S.Variable("v", init=3)),
            outcome(lambda: S.Variable("v", shape="ab").list_attr()),
        ],
        "int shape": outcome(lambda: S.Variable("v", shape=5).list_attr()),
    }


@program(cpu=True, differs={"reused/3": "in MXNet a scope keeps for good what it was once nested in"})
@fresh
def scopes(mx, ctx):
    S = mx.sym
    found = {}
    with mx.AttrScope(ctx_group="a", __x__="1"):
        v = S.Variable("v")
        with mx.AttrScope(ctx_group="b", __y__="2"):
            inner = S.sin(v, name="inner")
            explicit = S.sin(v, name="explicit", attr={"__x__": "own"})
            w = S.Variable("w", attr={"ctx_group": "mine"})
        outer = S.sin(v, name="outer")
    after = S.sin(v, name="after")
    found["attrs"] = [tidy(s.attr_dict()) for s in (v, inner, explicit, w, outer, after)]
    with mx.AttrScope(foo="bar"):
        found["plain key"] = [
            S.Variable("p").attr("foo"),
            outcome(lambda: S.sin(v).name),
            outcome(lambda: (v + 1).name),
        ]
    found["restored"] = outcome(lambda: S.sin(v, name="fine").name)
    found["not text"] = [outcome(lambda: mx.AttrScope(a=1)), outcome(lambda: mx.AttrScope(a=None))]
    scope = mx.AttrScope(__k__="1")
    got = [scope.get(None), scope.get({"__k__": "2", "z": "3"}), scope.get({})]
    found["get"] = [tidy(g) for g in got]
    reused = []
    for _ in range(2):
        with scope:
            reused.append(S.Variable("r").attr("__k__"))
    with mx.AttrScope(__outer__="1"):
        with scope:
            reused.append(tidy(S.Variable("r").list_attr()))
    with scope:
        reused.append(tidy(S.Variable("r").list_attr()))
    found["reused"] = reused
    found["module"] = mx.attribute.AttrScope is mx.AttrScope
    return found


@program(cpu=True)
@fresh
def inherited_by_variables(mx, ctx):
    S = mx.sym
    x = S.Variable("x")
    with mx.AttrScope(ctx_group="dev1"):
        net = S.BatchNorm(
            S.FullyConnected(x, num_hidden=5, name="fc", lr_mult=0.1), name="bn", attr={"__t__": "1"}
        )
    mean = S.Variable("mean")
    S.BatchNorm(x, moving_mean=mean, name="other")
    prelu = S.LeakyReLU(x, act_type="prelu", name="p")
    return {
        "net": tidy(net.attr_dict()),
        "aux that a user gave": tidy(mean.attr_dict()),
        "prelu": tidy(prelu.attr_dict()),
        "loss": tidy(S.SoftmaxOutput(x, name="sm", grad_scale=2, lr_mult=3).attr_dict()),
    }


@program
@fresh
def setting_attributes(mx, ctx):
    S = mx.sym
    x = S.Variable("x")
    fc = S.FullyConnected(x, num_hidden=4, name="fc")
    above = S.sin(fc, name="s")
    fc._set_attr(num_hidden="7")
    found = {"changed": [fc.attr("num_hidden"), above.infer_shape(x=(2, 3))]}
    fc._set_attr(name="renamed")
    found["renamed"] = [fc.name, fc.list_outputs(), above.get_internals().list_outputs()]
    x._set_attr(lr_mult="3", other="text")
    found["variable"] = tidy(x.attr_dict())
    found["errors"] = [
        outcome(lambda: fc._set_attr(num_hidden=3)),
        outcome(lambda: fc._set_attr(num_hidden="abc")),
        outcome(lambda: fc._set_attr(bogus="1")),
    ]
    scaled = x * 2
    scaled._set_attr(scalar="5")
    found["value"] = scaled.eval(ctx=ctx, x=mx.nd.array(numbers(3), ctx))
    group = S.Group([S.sin(x, name="g1"), S.cos(x, name="g2")])
    found["group"] = [outcome(lambda: group._set_attr(__a__="1")), tidy(group.attr_dict())]
    return found


@program(cpu=True)
@fresh
def multipliers_reach_optimizers(mx, ctx):
    S = mx.sym
    w = S.Variable("w", lr_mult=2.0, wd_mult=0.5)
    net = S.FullyConnected(S.Variable("x"), w, num_hidden=3, name="fc", lr_mult=0.1)
    optimizer = mx.optimizer.SGD(learning_rate=1.0, sym=net, param_idx2name={0: "w", 1: "fc_bias"}, wd=1.0)
    return {"lr": sorted(optimizer.lr_mult.items()), "wd": sorted(optimizer.wd_mult.items())}


@program(cpu=True)
@fresh
def what_a_node_answers(mx, ctx):
    """Keys that are no attributes; keys meant for variables; groups of what can be walked once."""
    S = mx.sym
    x = S.Variable("x")
    parts = S.split(x, num_outputs=3, name="s")
    nodes = [x, parts, parts[1], S.sin(x), S.BatchNorm(x, name="b"), x * 2, S.Group([x, parts[2]])]

    def renamed(**attrs):
        v = S.Variable("v")
        v._set_attr(**attrs)
        return sorted(v.list_attr().items())

    def scoped():
        with mx.AttrScope(weight_lr_mult="2"):
            return S.Variable("v").list_attr()

    return {
        "answers": [[n.attr(k) for k in ("name", "op_name", "_value_index", "nope")] for n in nodes],
        "deprecated": [
            outcome(lambda: S.Variable("v", attr={"weight_lr_mult": "3"})),
            outcome(lambda: S.Variable("v", attr={"a_ctx_group": "3"})),
            outcome(lambda: S.FullyConnected(x, num_hidden=2, weight_wd_mult=3)),
            outcome(lambda: renamed(weight_lr_mult="3")),
            outcome(scoped),
        ],
        "sound": [
            S.Variable("v", __a_lr_mult__="3").list_attr(),
            S.Variable("v", attr={"lr_mult": "3"}).list_attr(),
            renamed(foo="3", lr_mult="2"),
        ],
        "groups": [
            outcome(lambda: S.Group((x, parts)).list_outputs()),
            outcome(lambda: S.Group(x)),
            outcome(lambda: S.Group(parts)),
            outcome(lambda: S.Group("ab")),
            outcome(lambda: S.Group({"a": x})),
            outcome(lambda: S.Group([[x]])),
            outcome(lambda: S.Group(range(0))),
        ],
        "left out": S.FullyConnected(x, S.Variable("w"), None, 3, True, name="f").list_arguments(),
    }
