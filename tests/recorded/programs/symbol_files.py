"""Symbol texts of every generation: what loading makes of them, what saving writes, what is refused."""

import json

from . import fresh, outcome, program, scratch


def text(nodes, version=None, heads=None, **more):
    """A symbol's text of nodes given as (op, name, inputs, further fields)."""
    listed = []
    for op, name, inputs, fields in nodes:
        listed.append(dict({"op": op, "name": name, "inputs": inputs}, **fields))
    whole = {
        "nodes": listed,
        "arg_nodes": [i for i, n in enumerate(nodes) if n[0] == "null"],
        "heads": heads or [[len(nodes) - 1, 0]],
    }
    if version is not None:
        whole["attrs"] = {"mxnet_version": ["int", version]}
    whole.update(more)
    return json.dumps(whole)


def seen(symbol):
    attrs = {k: dict(sorted(v.items())) for k, v in sorted(symbol.attr_dict().items())}
    return [
        symbol.tojson(),
        symbol.list_arguments(),
        symbol.list_auxiliary_states(),
        symbol.list_outputs(),
        attrs,
    ]


FC = ("FullyConnected", "fc", [[0, 0], [1, 0], [2, 0]])
VARIABLES = [("null", "data", [], {}), ("null", "fc_weight", [], {}), ("null", "fc_bias", [], {})]


@program(cpu=True)
def oldest(mx, ctx):
    """0.8: `param` and `attr`, entries of two numbers, no auxiliary states, no version."""
    load = mx.sym.load_json
    plain = {"param": {"num_hidden": "4"}, "backward_source_id": -1}
    tagged = dict(plain, attr={"lr_mult": "2", "weight_lr_mult": "3", "ctx_group": "g", "__note__": "x"})
    norm = [
        ("null", "data", [], {}),
        ("null", "bn_gamma", [], {"attr": {"lr_mult": "0"}}),
        ("null", "bn_beta", [], {}),
        ("BatchNorm", "bn", [[0, 0], [1, 0], [2, 0]], {"param": {"eps": "0.1", "fix_gamma": "False"}}),
    ]
    alone = [("null", "x", [], {}), ("FullyConnected", "f", [[0, 0]], {"param": {"num_hidden": "2"}})]
    loss = [("null", "x", [], {}), ("SoftmaxOutput", "sm", [[0, 0]], {"param": {}})]
    return {
        "plain": seen(load(text([*VARIABLES, (*FC, plain)]))),
        "tagged": seen(load(text([*VARIABLES, (*FC, tagged)]))),
        "norm": seen(load(text(norm))),
        "inputs made": [seen(load(text(n))) for n in (alone, loss)],
        "shared made inputs": seen(
            load(text([*norm, ("tanh", "t", [[3, 0]], {}), ("sin", "s", [[4, 0]], {})]))
        ),
    }


@program(cpu=True)
def in_between(mx, ctx):
    """0.9 to 1.0: `attr` holds all, entries of three numbers."""
    load = mx.sym.load_json
    found = {}
    for version in (900, 903, 904, 905, 1000, 10000, 10901):
        norm = [
            ("null", "data", [], {"attr": {"lr_mult": "2"}}),
            ("null", "g", [], {}),
            ("null", "b", [], {}),
            ("null", "m", [], {}),
            ("null", "v", [], {}),
            (
                "BatchNorm",
                "bn",
                [[0, 0, 0], [1, 0, 0], [2, 0, 0], [3, 0, 1], [4, 0, 1]],
                {
                    "attr": {"eps": "0.001", "__wd_mult__": "1", "gamma_lr_mult": "5"}
                    if version < 10901
                    else {}
                },
            ),
        ]
        found[str(version)] = seen(load(text(norm, version)))
        both = [("null", "x", [], {}), ("argmax", "a", [[0, 0, 0]], {"attr": {"axis": "-1"}})]
        found[f"argmax {version}"] = load(text(both, version)).attr("axis")
    return found


@program(cpu=True)
def odd_but_sound(mx, ctx):
    load = mx.sym.load_json
    fields = {"param": {"num_hidden": "1"}, "attr": {"num_hidden": "2"}, "attrs": {"num_hidden": "3"}}
    extra = [
        ("null", "x", [], {"attrs": {"foo": "bar"}}),
        ("tanh", "t", [[0, 0, 0]], {"attrs": {"foo": "bar"}}),
    ]
    parts = [("null", "x", [], {}), ("SliceChannel", "s", [[0, 0, 0]], {"attrs": {"num_outputs": "2"}})]
    dead = [("null", "x", [], {}), ("null", "unused", [], {}), ("tanh", "t", [[0, 0, 0]], {})]
    return {
        "merged": seen(load(text([*VARIABLES, (*FC, fields)], 10901))),
        "attributes of an operator without parameters": seen(load(text(extra, 10901))),
        "several heads": seen(load(text(parts, 10901, heads=[[1, 1, 0], [0, 0, 0], [1, 0, 0]]))),
        "not reached": seen(load(text(dead, 10901))),
        "row pointer": seen(load(text(dead, 10901, node_row_ptr=[0, 1, 2, 3]))),
        "duplicate names": seen(
            load(
                text(
                    [
                        ("null", "x", [], {}),
                        ("null", "x", [], {}),
                        ("elemwise_add", "x", [[0, 0, 0], [1, 0, 0]], {}),
                    ],
                    10901,
                )
            )
        ),
        "alias": load(
            text([("null", "x", [], {}), ("concat", "c", [[0, 0, 0]], {"attrs": {"num_args": "1"}})], 10901)
        ).tojson(),
        "newer": seen(load(text(extra, 20000))),
    }


@program(cpu=True, differs={"not JSON": "MXNet cannot decode the text of its own error"})
def refused(mx, ctx):
    load = mx.sym.load_json
    x = ("null", "x", [], {})
    cases = {
        "unknown operator": text([x, ("nosuchop", "n", [[0, 0, 0]], {})], 10901),
        "unknown parameter": text([*VARIABLES, (*FC, {"attrs": {"num_hidden": "3", "foo": "1"}})], 10901),
        "missing parameter": text([*VARIABLES, (*FC, {})], 10901),
        "bad parameter": text([*VARIABLES, (*FC, {"attrs": {"num_hidden": "x"}})], 10901),
        "unknown field": text([x], 10901, extra=1),
        "unknown field of a node": text([("null", "x", [], {"extra": 1})], 10901),
        "no nodes": "{}",
        "not JSON": "{",
        "a list": "[]",
    }
    return {name: outcome(lambda t=t: load(t).name) for name, t in cases.items()}


@program(cpu=True)
def outputs_counted_in_texts(mx, ctx):
    """Those of operators with hidden outputs, which are not always those this library hides."""
    S, x = mx.sym, mx.sym.Variable("x")
    affine = {"target_shape": (2, 2), "transform_type": "affine"}
    nodes = [
        S.Dropout(x), S.BatchNorm(x), S.LayerNorm(x), S.GroupNorm(x), S.InstanceNorm(x), S.L2Normalization(x),
        S.LRN(x, nsize=3), S.LeakyReLU(x, act_type="rrelu"), S.topk(x), S.norm(x), S.linalg.syevd(x),
        S.GridGenerator(x, **affine), S.SpatialTransformer(x, x, sampler_type="bilinear", **affine),
        S.BilinearSampler(x, x), S.Correlation(x, x), S.CTCLoss(x, x),
        S.ROIPooling(x, x, pooled_size=(2, 2), spatial_scale=1.0),
        S.RNN(x, mode="lstm", state_size=2, num_layers=2, p=0.5),
        S.RNN(x, mode="gru", state_size=2, num_layers=2, bidirectional=True, state_outputs=True),
    ]  # fmt: skip
    return [json.loads(node.tojson())["node_row_ptr"] for node in nodes]


@program(cpu=True)
@fresh
def casts_of_mixed_precision(mx, ctx):
    """Files are written without them unless one asks for them; heads and the symbol itself keep them."""
    S = mx.sym
    x, y = S.Variable("x"), S.Variable("y")
    pair = S.amp_multicast(x, y, num_outputs=2, name="m")
    parts = S.split(x, num_outputs=2, name="p")
    nets = {
        "one": S.FullyConnected(S.amp_cast(x, dtype="float16"), num_hidden=2, name="f"),
        "two": pair[0] + pair[1],
        "head": S.amp_cast(S.sin(S.amp_cast(x, dtype="float16")), dtype="float32", name="c"),
        "heads": pair,
        "group": S.Group([S.sin(pair[1]), S.amp_cast(S.cos(x), dtype="float16"), x]),
        "chain": S.sin(S.amp_cast(S.amp_cast(x, dtype="float16"), dtype="float32")),
        "outputs": S.elemwise_add(*S.amp_multicast(parts[1], parts[0], num_outputs=2)),
        "states": S.BatchNorm(S.amp_cast(x, dtype="float16"), name="b"),
    }
    found = {}
    for name, net in nets.items():
        before = net.get_internals().list_outputs()
        texts = [json.loads(net.tojson()), json.loads(net.tojson(remove_amp_cast=False))]
        assert net.get_internals().list_outputs() == before
        with scratch():
            net.save("a.json")
            net.save("b.json", False)
            mx.model.save_checkpoint("c", 1, net, {}, {}, remove_amp_cast=False)
            same = [
                S.load(f).tojson(False) == net.tojson(k) for f, k in (("a.json", True), ("b.json", False))
            ]
            same.append(S.load("c-symbol.json").tojson(False) == net.tojson(False))
        found[name] = [[t["nodes"], t["heads"], t["arg_nodes"], t["node_row_ptr"]] for t in texts] + same
    return found
