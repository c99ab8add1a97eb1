"""`mx.viz.print_summary` over nets of all kinds; where MXNet counts wrongly the program says so."""

import functools
import re

from . import fresh, outcome, program
from .viz import table


def rows_of(mx, net, shape=None, **more):
    """The fields of each line of a table between the rules, and the lines below."""
    lines = table(mx, net, shape, **more)
    last = max(i for i, line in enumerate(lines) if line.startswith("="))
    fields = [re.split(r"\s{2,}", line.rstrip()) for line in lines[:last] if line.strip("_=")]
    return {"rows": fields, "below": [line for line in lines[last + 1 :] if line.strip("_")]}


def sums(mx, net, shape):
    """The lines below the table."""
    return rows_of(mx, net, shape)["below"]


def perceptron(S):
    net = S.FullyConnected(S.Variable("data"), num_hidden=16, name="fc1")
    net = S.FullyConnected(
        S.Activation(net, act_type="relu", name="relu"), num_hidden=4, name="fc2", no_bias=True
    )
    return S.SoftmaxOutput(net, name="softmax"), {"data": (2, 10)}


def convnet(S):
    net = S.Convolution(S.Variable("data"), kernel=(3, 3), num_filter=8, name="conv1")
    net = S.LRN(
        S.Pooling(net, pool_type="max", kernel=(2, 2), stride=(2, 2), name="pool"), nsize=3, name="lrn"
    )
    net = S.Convolution(net, kernel=(3, 1), num_filter=6, num_group=2, no_bias=True, name="conv2")
    net = S.Dropout(S.Flatten(net, name="flat"), p=0.5, name="drop")
    return S.LinearRegressionOutput(S.FullyConnected(net, num_hidden=1, name="fc"), name="lr"), {
        "data": (2, 3, 12, 12)}  # fmt: skip


def branches(S):
    x = S.Convolution(S.Variable("data"), kernel=(1, 1), num_filter=4, name="stem")
    a = S.Convolution(x, kernel=(3, 3), pad=(1, 1), num_filter=5, name="a")
    b = S.Convolution(S.Activation(x, act_type="relu", name="r"), kernel=(1, 1), num_filter=3, name="b")
    both = S.Concat(a, b, name="both")
    return S.Flatten(S.Pooling(both, global_pool=True, kernel=(1, 1), pool_type="avg", name="p"), name="f"), {
        "data": (2, 2, 4, 4)}  # fmt: skip


def three_dimensions(S):
    net = S.Convolution(S.Variable("data"), kernel=(2, 2, 2), num_filter=3, name="conv")
    return S.Flatten(net, name="flat"), {"data": (2, 2, 4, 4, 4)}


def words(S):
    net = S.Embedding(S.Variable("data"), input_dim=30, output_dim=6, name="embed")
    return S.sum(net, axis=(1, 2), keepdims=True, name="total"), {"data": (2, 5)}


def tanh_chain(S):
    net = S.Variable("data")
    for i in range(4):
        net = S.tanh(net, name=f"t{i}")
    return net, {"data": (2, 3)}


RIGHT = (perceptron, convnet, branches, three_dimensions, words, tanh_chain)


@program(cpu=True)
@fresh
def where_mxnet_is_right(mx, ctx):
    found = {}
    for make in RIGHT:
        net, shape = make(mx.sym)
        found[make.__name__] = table(mx, net, shape)
    return found


def normalised(S):
    net = S.Convolution(S.Variable("data"), kernel=(3, 3), num_filter=8, name="conv", no_bias=True)
    net = S.BatchNorm(net, fix_gamma=True, name="bn1")
    net = S.BatchNorm(S.Activation(net, act_type="relu", name="r"), fix_gamma=False, name="bn2")
    return S.Flatten(net, name="flat"), {"data": (2, 3, 6, 6)}


@program(cpu=True, differs={"below": "auxiliary states have a line of their own"})
@fresh
def with_batch_norm(mx, ctx):
    net, shape = normalised(mx.sym)
    return rows_of(mx, net, shape)


def two_towers(S):
    a = S.FullyConnected(S.Variable("left"), num_hidden=4, name="fa")
    b = S.FullyConnected(S.Variable("right"), num_hidden=4, name="fb")
    return S.SoftmaxOutput(S.Concat(a, b, name="both"), name="softmax"), {"left": (2, 3), "right": (2, 5)}


def tied(S):
    w = S.Variable("w_weight")
    net = S.FullyConnected(S.Variable("data"), w, num_hidden=6, no_bias=True, name="f1")
    return S.FullyConnected(net, w, num_hidden=6, no_bias=True, name="f2"), {"data": (2, 6)}


def not_flattened(S):
    net = S.Convolution(S.Variable("data"), kernel=(1, 1), num_filter=3, name="conv")
    return S.FullyConnected(net, num_hidden=2, name="fc"), {"data": (2, 2, 4, 4)}


def upwards(S):
    net = S.Deconvolution(S.Variable("data"), kernel=(2, 2), num_filter=3, no_bias=False, name="up")
    return S.LeakyReLU(net, act_type="prelu", name="p"), {"data": (2, 4, 3, 3)}


def recurrent(S):
    net = S.RNN(S.Variable("data"), state_size=4, num_layers=1, mode="lstm", name="lstm")
    return S.FullyConnected(net, num_hidden=3, name="fc", flatten=False), {"data": (5, 2, 3)}


def layer_norm(S):
    return S.LayerNorm(S.Variable("data"), name="ln"), {"data": (2, 3, 7)}


def reshaped_label(S):
    net = S.FullyConnected(S.Variable("data"), num_hidden=3, name="fc")
    return S.SoftmaxOutput(net, S.Reshape(S.Variable("label"), shape=(-1,)), name="softmax"), {
        "data": (2, 4), "label": (2, 1)}  # fmt: skip


def heads(S):
    net = S.FullyConnected(S.Variable("data"), num_hidden=3, name="fc")
    one = S.SoftmaxOutput(S.FullyConnected(net, num_hidden=2, name="fc1"), name="one")
    return S.Group([S.BlockGrad(net, name="kept"), one, S.sum(net, name="total")]), {"data": (2, 4)}


WRONG = "MXNet counts by what an operator's first axis says, ours by the shapes of its variables"

FAILS = "MXNet fails where something has one dimension only"


@program(
    cpu=True,
    differs={
        "two_towers/0": "MXNet knows only the first input's size",
        "tied/0": "a weight that layers share counts once",
        **dict.fromkeys(("not_flattened/0", "upwards/0", "recurrent/0", "layer_norm/0"), WRONG),
        "reshaped_label": FAILS,
    },
)
@fresh
def where_mxnet_is_wrong(mx, ctx):
    found = {}
    for make in (two_towers, tied, not_flattened, upwards, recurrent, layer_norm, reshaped_label, heads):
        found[make.__name__] = outcome(functools.partial(sums, mx, *make(mx.sym)))
    return found


@program(cpu=True, differs={"refused/0": FAILS})
@fresh
def layout_and_errors(mx, ctx):
    net, shape = perceptron(mx.sym)
    long = mx.sym.tanh(mx.sym.Variable("data"), name="a_name_that_is_longer_than_its_column_is_wide_" * 2)
    return {
        "cut": table(mx, long, {"data": (2, 3)}),
        "tight": table(mx, net, shape, line_length=40, positions=[0.5, 0.7, 0.8, 1.0]),
        "absolute": table(mx, net, shape, 50, [20, 30, 40, 50]),
        "refused": [
            outcome(lambda: table(mx, net, {"data": (2,)})),
            outcome(lambda: table(mx, net, {"nobody": (2, 3)})),
            outcome(lambda: table(mx, net, {"data": (0, 3)})),
            outcome(lambda: table(mx, net, {"data": [2, 3]})),
            outcome(lambda: table(mx, net, 3)),
            outcome(lambda: table(mx, "text")),
            outcome(lambda: table(mx, None, shape)),
        ],
    }
