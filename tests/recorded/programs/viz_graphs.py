"""`mx.viz.plot_network` over graphs of all kinds: which nodes and edges are drawn, and every label."""

import numpy as np

from . import fresh, outcome, program


def compact(dot):
    """DOT text with the attributes that all nodes and all edges have cut short."""
    text = dot.source.rstrip()
    text = text.replace("fixedsize=true height=0.8034", "F").replace("style=filled width=1.3", "S")
    return text.replace("arrowtail=open dir=back", "E").splitlines()


def of_layers(S):
    """One net for each way a label is made."""
    x = S.Variable("data")
    C = S.Convolution
    P = S.Pooling
    yield "conv", C(x, kernel=(3, 3), num_filter=8), {"data": (2, 3, 8, 8)}
    yield "conv stride", C(x, kernel=(5, 3), stride=(2, 1), num_filter=8, pad=(1, 1)), {"data": (2, 3, 9, 8)}
    yield "conv 1d", C(x, kernel=(3,), stride=(2,), num_filter=4), {"data": (2, 3, 9)}
    yield "conv 3d", C(x, kernel=(3, 2, 1), num_filter=4), {"data": (2, 3, 5, 5, 5)}
    yield "conv no stride", C(x, kernel=(1, 1), stride=(), num_filter=4, no_bias=True), {"data": (2, 3, 4, 4)}
    yield "conv group", C(x, kernel=(1, 1), num_filter=6, num_group=3, dilate=(2, 2)), {"data": (2, 3, 4, 4)}
    yield "deconv", S.Deconvolution(x, kernel=(2, 2), stride=(2, 2), num_filter=3), {"data": (2, 4, 4, 4)}
    yield "fc", S.FullyConnected(x, num_hidden=7), {"data": (2, 3, 4)}
    yield "fc open", S.FullyConnected(x, num_hidden=7, flatten=False, no_bias=True), {"data": (2, 3, 4)}
    for kind in ("relu", "sigmoid", "tanh", "softrelu", "softsign"):
        yield kind, S.Activation(x, act_type=kind), {"data": (2, 3)}
    yield "leaky", S.LeakyReLU(x), {"data": (2, 3)}
    for kind in ("leaky", "elu", "selu", "gelu", "rrelu", "prelu"):
        yield "leaky " + kind, S.LeakyReLU(x, act_type=kind, name="act"), {"data": (2, 3)}
    yield "batch norm", S.BatchNorm(x), {"data": (2, 3, 4, 4)}
    yield "layer norm", S.InstanceNorm(S.LayerNorm(x)), {"data": (2, 3, 4)}
    yield "pool", P(x, pool_type="max", kernel=(2, 2)), {"data": (2, 3, 8, 8)}
    yield "pool stride", P(x, pool_type="avg", kernel=(3, 2), stride=(2, 1)), {"data": (2, 3, 8, 8)}
    yield "pool global", P(x, pool_type="avg", global_pool=True), {"data": (2, 3, 8, 8)}
    yield "pool both", P(x, pool_type="max", global_pool=True, kernel=(7, 7)), {"data": (2, 3, 8, 8)}
    yield "pool sum", P(x, pool_type="sum", kernel=(2,), stride=()), {"data": (2, 3, 8)}
    yield "pool no window", P(x, pool_type="lp", p_value=2, kernel=(), global_pool=True), {"data": (2, 3, 4)}
    yield "concat", S.Concat(x, S.Variable("y"), dim=1), {"data": (2, 3), "y": (2, 4)}
    yield "flatten", S.Flatten(x), {"data": (2, 3, 4)}
    yield "reshape", S.Reshape(x, shape=(0, -1)), {"data": (2, 3, 4)}
    yield "small reshape", x.reshape((0, -1)), {"data": (2, 3, 4)}
    yield "softmax", S.Softmax(x), {"data": (2, 3)}
    yield "softmax output", S.SoftmaxOutput(x), {"data": (2, 3)}
    yield "soft", S.softmax(x), {"data": (2, 3)}
    yield "dropout", S.Dropout(x, p=0.2), {"data": (2, 3)}
    yield "regression", S.LinearRegressionOutput(x), {"data": (2, 3)}
    yield "embedding", S.Embedding(x, input_dim=9, output_dim=4), {"data": (2, 3)}
    yield "numbers", 1 - (x + 2) * x / 3 > x, {"data": (2, 3)}
    yield "resize", S.contrib.BilinearResize2D(x, S.Variable("like"), mode="like"), {
        "data": (2, 3, 4, 4), "like": (2, 3, 8, 8)}  # fmt: skip
    yield "upsampling", S.UpSampling(x, scale=2, sample_type="bilinear", num_filter=3), {"data": (2, 3, 4, 4)}


@program(cpu=True)
@fresh
def every_label(mx, ctx):
    """Without shapes, and with: the lines of the DOT text."""
    found = {}
    for name, net, shape in of_layers(mx.sym):
        found[name] = [
            compact(mx.viz.plot_network(net))[1:-1],
            [line for line in compact(mx.viz.plot_network(net, shape=shape)) if "->" in line],
        ]
    return found


@program(cpu=True)
@fresh
def every_type(mx, ctx):
    types = {"data": "float16"}
    found = {}
    for name, net, shape in of_layers(mx.sym):
        if name in ("conv", "fc", "leaky prelu", "flatten", "dropout", "numbers", "softmax output"):
            found[name] = [
                [line for line in compact(mx.viz.plot_network(net, dtype=types)) if "->" in line],
                [
                    line
                    for line in compact(mx.viz.plot_network(net, shape=shape, dtype=types))
                    if "->" in line
                ],
            ]
    cast = mx.sym.Cast(mx.sym.Variable("data"), dtype="int32") + mx.sym.Variable("b", dtype=np.int32)
    found["cast"] = compact(mx.viz.plot_network(cast, dtype={"data": np.float64}))
    return found


def split(mx):
    parts = mx.sym.SliceChannel(mx.sym.Variable("data"), num_outputs=3, name="cut")
    return mx.sym.Concat(parts[2], parts[0], name="swapped"), {"data": (2, 6, 4)}


def residual(mx):
    x = mx.sym.Variable("data")
    kept = mx.sym.FullyConnected(x, num_hidden=3, name="fc")
    return mx.sym.Activation(kept + x, act_type="relu", name="out"), {"data": (2, 3)}


def tied(mx):
    S = mx.sym
    w, b = S.Variable("shared_weight"), S.Variable("shared_bias")
    left = S.FullyConnected(S.Variable("left"), w, b, num_hidden=4, name="fc_left")
    right = S.FullyConnected(S.Variable("right"), w, b, num_hidden=4, name="fc_right")
    return S.SoftmaxOutput(S.Concat(left, right), S.Variable("labels"), name="softmax"), {
        "left": (3, 2), "right": (3, 2)}  # fmt: skip


def group(mx):
    S = mx.sym
    x = S.Variable("data")
    body = S.FullyConnected(x, num_hidden=3, name="body")
    return S.Group([S.SoftmaxOutput(body, name="one"), S.MakeLoss(S.sum(body), name="two"), body]), {
        "data": (2, 5)}  # fmt: skip


def twice(mx):
    x = mx.sym.Variable("data")
    return mx.sym.broadcast_mul(x, x, name="square"), {"data": (2, 3)}


def variable(mx):
    return mx.sym.Variable("data"), {"data": (2, 3)}


def weights_as_data(mx):
    """What is named like a weight is hidden, whatever it is."""
    S = mx.sym
    return S.dot(S.Variable("x_weight"), S.Variable("y_moving_mean")) + S.Variable("running_var"), {
        "x_weight": (2, 3), "y_moving_mean": (3, 4), "running_var": (2, 4)}  # fmt: skip


def unrolled(mx):
    cell = mx.rnn.LSTMCell(3, prefix="lstm_")
    outputs, _ = cell.unroll(2, mx.sym.Variable("data"), layout="NTC", merge_outputs=True)
    return outputs, {"data": (2, 2, 4)}


def attributes(mx):
    with mx.AttrScope(ctx_group="dev1", lr_mult="2"):
        x = mx.sym.Variable("data", shape=(2, 3))
        return mx.sym.FullyConnected(x, num_hidden=4, name="fc", attr={"__mood__": "angry"}), {"data": (2, 3)}


NETS = (split, residual, tied, group, twice, variable, weights_as_data, unrolled, attributes)


@program(cpu=True)
@fresh
def whole_graphs(mx, ctx):
    found = {}
    for make in NETS:
        with mx.name.NameManager():
            net, shape = make(mx)
        found[make.__name__] = [
            compact(mx.viz.plot_network(net)),
            [line for line in compact(mx.viz.plot_network(net, shape=shape)) if "->" in line],
            compact(mx.viz.plot_network(net, hide_weights=False)),
        ]
    return found


@program(cpu=True)
@fresh
def of_a_custom_operator(mx, ctx):
    class Prop(mx.operator.CustomOpProp):
        def __init__(self):
            super().__init__(need_top_grad=False)

        def list_arguments(self):
            return ["data", "label"]

        def infer_shape(self, in_shape):
            return [in_shape[0], (in_shape[0][0],)], [in_shape[0]], []

    mx.operator.register("drawn_softmax")(Prop)
    x = mx.sym.FullyConnected(mx.sym.Variable("data"), num_hidden=3, name="fc")
    net = mx.sym.Custom(data=x, op_type="drawn_softmax", name="mine") * 2
    return [compact(mx.viz.plot_network(net)), compact(mx.viz.plot_network(net, shape={"data": (2, 5)}))]


RIGHT = "an edge carries the shape of the output it comes from"
STRICT = "an output MXNet has no label for has one here"


@program(
    cpu=True,
    differs={
        "states/4": RIGHT,
        "best": STRICT,
        "default pool": "the operator's own default is drawn where MXNet wants pool_type said",
    },
)
@fresh
def where_mxnet_trips(mx, ctx):
    """Outputs with names of their own, and parameters left to their defaults."""
    S = mx.sym
    x = S.Variable("data")

    def edges(net, **more):
        return [line for line in compact(mx.viz.plot_network(net, **more)) if "->" in line]

    rnn = S.RNN(x, state_size=3, num_layers=1, mode="gru", bidirectional=True, state_outputs=True, name="rnn")
    best = S.topk(x, k=2, ret_typ="both", name="best")
    return {
        "states": edges(
            S.Group([S.tanh(rnn[0], name="a"), S.tanh(rnn[1], name="b")]), shape={"data": (5, 2, 4)}
        ),
        "best": outcome(lambda: edges(S.tanh(best[0], name="t"), shape={"data": (2, 4)})),
        "one part": outcome(
            lambda: edges(
                S.tanh(S.SliceChannel(x, num_outputs=1, name="one"), name="t"), shape={"data": (2, 4)}
            )
        ),
        "default pool": outcome(lambda: compact(mx.viz.plot_network(S.Pooling(x, kernel=(2, 2), name="p")))),
        "norm": edges(
            S.tanh(S.BatchNorm(x, output_mean_var=True, name="bn")[0], name="t"), shape={"data": (2, 3, 4)}
        ),
    }


@program(cpu=True)
@fresh
def attributes_and_names(mx, ctx):
    S = mx.sym
    net = S.Activation(S.Variable("data"), act_type="relu", name="relu")
    html = {"tooltip": "\\N", "fontname": "Fira Sans", "xlabel": "<<b>x</b>>"}
    odd = S.tanh(S.Variable("a/b c"), name="node")
    return {
        "raw": mx.viz.plot_network(net, node_attrs=html).source.rstrip(),
        "odd names": mx.viz.plot_network(odd).source.rstrip(),
        "title": [
            mx.viz.plot_network(net, title=t).source.splitlines()[0] for t in ("a b", "graph", "9", "é")
        ],
        "file": [mx.viz.plot_network(net, title="a b", save_format="svg").filename],
        "colour": mx.viz.plot_network(net, node_attrs={"fillcolor": "red", "shape": "oval"}).source.rstrip(),
        "refused": [
            outcome(lambda: mx.viz.plot_network(net, shape={"data": (2, 0)})),
            outcome(lambda: mx.viz.plot_network(net, shape={})),
            outcome(lambda: mx.viz.plot_network(net, shape={"data": [2, 3]})),
            outcome(lambda: mx.viz.plot_network(net, shape=3)),
            outcome(lambda: mx.viz.plot_network(net, dtype={})),
            outcome(lambda: mx.viz.plot_network(net, dtype={"data": "no type"})),
            outcome(lambda: mx.viz.plot_network(net, dtype={"nobody": "float32"})),
            outcome(lambda: mx.viz.plot_network(net, save_format="nonsense")),
            outcome(lambda: mx.viz.plot_network("text")),
            outcome(lambda: mx.viz.plot_network(net, node_attrs={"label": "x"})),
        ],
    }
