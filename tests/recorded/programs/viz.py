"""`mx.viz`: the DOT text of networks and tables of their layers."""

import contextlib
import io
import re
import warnings

from . import fresh, outcome, program


def lenet(mx):
    S = mx.sym
    net = S.Variable("data")
    for i, width in enumerate((4, 6)):
        net = S.Convolution(net, kernel=(5, 5), num_filter=width, name=f"conv{i}", no_bias=bool(i))
        net = S.Activation(net, act_type="tanh")
        net = S.Pooling(net, pool_type="max", kernel=(2, 2), stride=(2, 2))
    net = S.FullyConnected(S.Flatten(net), num_hidden=10, name="fc1")
    return S.SoftmaxOutput(S.FullyConnected(net, num_hidden=3, name="fc2", no_bias=True), name="softmax")


def residual(mx):
    S = mx.sym
    x = S.Variable("data")
    a = S.Convolution(x, kernel=(3, 3), num_filter=8, pad=(1, 1), stride=(2, 2), name="c1")
    a = S.LeakyReLU(S.BatchNorm(a, name="bn", fix_gamma=False), act_type="elu")
    b = S.Convolution(x, kernel=(1, 1), num_filter=8, stride=(2, 2), name="c2", no_bias=True, num_group=2)
    c = S.Concat(a + b, S.Dropout(b, p=0.3), dim=1, name="both")
    c = S.Pooling(c, pool_type="avg", global_pool=True, kernel=(1, 1))
    return S.Softmax(S.reshape(c, shape=(0, -1)), S.Variable("label"), name="out")


def lookup(mx):
    S = mx.sym
    words = S.Embedding(S.Variable("data"), input_dim=20, output_dim=4, name="embed")
    parts = S.SliceChannel(words, num_outputs=3, axis=1, squeeze_axis=True, name="cut")
    a = S.FullyConnected(parts[0], num_hidden=5, name="one")
    b = S.FullyConnected(parts[2], num_hidden=5, name="three")
    return S.Group([S.sum(a, axis=1, name="total"), S.broadcast_mul(a, b, name="times")])


def plain_weights(mx):
    """Variables named like weights that are read by other operators, too, and a net of one operator."""
    S = mx.sym
    w = S.Variable("my_weight")
    return S.dot(S.Variable("x"), w) + S.LeakyReLU(S.Variable("y")) * S.Variable("z_gamma")


NETS = {
    "lenet": (lenet, {"data": (2, 1, 28, 28)}),
    "residual": (residual, {"data": (2, 4, 8, 8)}),
    "lookup": (lookup, {"data": (2, 3)}),
    "plain_weights": (plain_weights, {"x": (2, 3), "my_weight": (3, 4), "y": (2, 4), "z_gamma": (2, 4)}),
}


@program(cpu=True)
@fresh
def pictures(mx, ctx):
    found = {}
    for name, (make, shape) in NETS.items():
        net = make(mx)
        found[name] = [
            mx.viz.plot_network(net).source.rstrip(),
            mx.viz.plot_network(net, shape=shape).source.rstrip(),
        ]
    return found


@program(cpu=True)
@fresh
def options(mx, ctx):
    net, shape = lenet(mx), NETS["lenet"][1]
    types = {"data": "float32"}
    dot = mx.viz.plot_network(net, title="my net", save_format="png")
    attrs = {"shape": "oval", "fixedsize": "false", "fontsize": "9"}
    odd = mx.sym.FullyConnected(mx.sym.Variable("data"), num_hidden=4, name="fc")
    return {
        "of the picture": [type(dot).__name__, dot.name, dot.format, dot.filename],
        "attributes": mx.viz.plot_network(net, node_attrs=attrs).source.rstrip(),
        "kept": attrs,
        "types": mx.viz.plot_network(odd, shape={"data": (2, 3)}, dtype=types).source.rstrip(),
        "types alone": mx.viz.plot_network(odd, dtype=types).source.rstrip(),
        "by position": mx.viz.plot_network(net, "t", "svg", shape, None, {"style": "dashed"}).source.rstrip(),
        "refused": [
            outcome(lambda: mx.viz.plot_network(3)),
            outcome(lambda: mx.viz.plot_network(None)),
            outcome(lambda: mx.viz.plot_network(net, shape={})),
            outcome(lambda: mx.viz.plot_network(net, shape={"softmax_label": (3,)})),
            outcome(lambda: mx.viz.plot_network(net, shape={"nobody": (3,)})),
            outcome(lambda: mx.viz.plot_network(net, shape={"data": (2, 3)})),
            outcome(lambda: mx.viz.print_summary(3)),
            outcome(lambda: mx.viz.print_summary(net, shape={})),
        ],
    }


@program(cpu=True)
@fresh
def weights_shown(mx, ctx):
    text = mx.viz.plot_network(lenet(mx), hide_weights=False).source
    return {
        "nodes": sorted(re.findall(r"^\t(\w+) \[", text, re.MULTILINE)),
        "edges": sorted(re.findall(r"^\t(\w+) -> (\w+) ", text, re.MULTILINE)),
    }


def table(mx, *args, **more):
    kept = io.StringIO()
    with contextlib.redirect_stdout(kept):
        mx.viz.print_summary(*args, **more)
    return kept.getvalue().splitlines()


OWN = "counts are sums over the shapes of a layer's own variables, also behind an output that is one of many"
LISTED = "inputs are listed, wherever they enter"
UNKNOWN = "counts without shapes are unknown, not small"


@program(
    cpu=True,
    differs={
        "residual": "auxiliary states are counted in a line of their own",
        "lookup/7": "every node's first output has its shape",
        "lookup/9": OWN,
        "lookup/13": OWN,
        "lookup/18": OWN,
        "plain_weights": LISTED,
        **{f"without shapes/{i}": UNKNOWN for i in (5, 11, 19, 21, 25)},
    },
)
@fresh
def tables(mx, ctx):
    found = {name: table(mx, make(mx), shape) for name, (make, shape) in NETS.items()}
    net, shape = lenet(mx), NETS["lenet"][1]
    found["narrow"] = table(mx, net, shape=shape, line_length=60)
    found["columns"] = table(mx, net, shape, 100, [0.3, 0.6, 0.8, 1.0])
    found["absolute"] = table(mx, net, shape=shape, line_length=90, positions=[30, 50, 60, 90])
    found["without shapes"] = table(mx, net)
    return found


APART = "nodes that share a name stay apart, so there is no cycle to warn of"


@program(cpu=True, differs={"warned": APART, "drawn/1": APART, "drawn/2": APART})
@fresh
def equal_names(mx, ctx):
    """Two nodes of one name: MXNet warns and draws one."""
    x = mx.sym.Variable("x")
    net = mx.sym.sin(x, name="a") + mx.sym.cos(x, name="a")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        text = mx.viz.plot_network(net).source
    return {
        "warned": [w.category.__name__ for w in caught if "same name" in str(w.message)],
        "drawn": sorted(re.findall(r"^\t(\w+) \[", text, re.MULTILINE)),
    }
