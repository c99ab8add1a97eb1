"""Builders of the symbols whose JSON text, names and shapes are recorded from MXNet.

Each builder takes the framework module (`mxnet` or `cysym`, the API is the same) and returns one Symbol.
Build through `build`, which starts fresh automatic names. `SHAPES` holds the input shapes for inference.
Runs on Python 3.8 (MXNet's) and on the project's Python.
"""

from __future__ import annotations

from typing import Any


def auto_names(mx: Any) -> Any:
    """Operators and functions without a name; aliases share or split their counters."""
    a, b = mx.sym.Variable("a"), mx.sym.Variable("b")
    total = (a + b) * a - b / a
    product = mx.sym.dot(a, b)
    flat = mx.sym.reshape(total + product, shape=(1, 4))
    wide = mx.sym.broadcast_to(flat, shape=(2, 4))
    again = mx.sym.Reshape(wide, shape=(4, 2))
    return mx.sym.concat(again, mx.sym.Concat(again, again, dim=1), dim=1) ** 2


def scalars(mx: Any) -> Any:
    """Numbers on either side of every arithmetic operator, ints and floats, printed as typed."""
    x = mx.sym.Variable("x")
    net = 1 + x
    net = 2.5 - net
    net = net * -3
    net = net / 1e-5
    net = 1e20 / net
    net = net**2
    net = 2**net
    net = net - 0.1
    return abs(-net)


def prefix(mx: Any) -> Any:
    """Name prefixes: given and generated names, not variables; the inner scope wins."""
    net = mx.sym.Variable("data")
    for index in range(2):
        with mx.name.Prefix(f"layer{index}_"):
            net = mx.sym.FullyConnected(net, name="fc", num_hidden=5)
            net = mx.sym.Activation(net, act_type="relu")
            with mx.name.Prefix("inner_"):
                net = net + mx.sym.Variable(f"shift{index}")
    return net


def group(mx: Any) -> Any:
    """Two losses on one trunk, and the trunk itself, as a Group."""
    net = mx.sym.Variable("data")
    net = mx.sym.FullyConnected(data=net, name="fc1", num_hidden=7)
    net = mx.sym.Activation(data=net, name="relu1", act_type="relu")
    first = mx.sym.SoftmaxOutput(data=net, name="softmax")
    second = mx.sym.LinearRegressionOutput(data=net, name="regression")
    return mx.sym.Group([first, second, mx.sym.BlockGrad(net)])


def batch_norms(mx: Any) -> Any:
    """BatchNorm with automatic and with given auxiliary variables: versions and `__init__` attributes."""
    net = mx.sym.BatchNorm(mx.sym.Variable("data"), name="bn1", fix_gamma=False, eps=2e-5, momentum=0.9)
    mean, variance = mx.sym.Variable("mean"), mx.sym.Variable("variance")
    return mx.sym.BatchNorm(net, moving_mean=mean, moving_var=variance, name="bn2", axis=-1)


def shared_batch_norm(mx: Any) -> Any:
    """Three BatchNorms over the same statistics: the versions rise."""
    gamma, beta = mx.sym.Variable("gamma"), mx.sym.Variable("beta")
    mean, variance = mx.sym.Variable("mean"), mx.sym.Variable("variance")
    net = mx.sym.Variable("data")
    for _ in range(3):
        net = mx.sym.BatchNorm(net, gamma, beta, mean, variance, fix_gamma=False)
    return net


def slices(mx: Any) -> Any:
    """A multi-output operator: one output used twice, one alone, one not at all, and as a head."""
    parts = mx.sym.SliceChannel(mx.sym.Variable("data"), num_outputs=3, name="parts")
    halves = mx.sym.split(parts[2], num_outputs=2, axis=0, squeeze_axis=True)
    return mx.sym.Group([parts[0] * parts[0], parts, halves[1]])


def many_heads(mx: Any) -> Any:
    """Thirteen heads: lists of eleven and more entries break into lines."""
    return mx.sym.SliceChannel(mx.sym.Variable("data"), num_outputs=13, name="slice")


def many_inputs(mx: Any) -> Any:
    """Concat of twelve, add_n of eleven and of ten inputs."""
    inputs = [mx.sym.Variable(f"in{index}") for index in range(12)]
    joined = mx.sym.Concat(*inputs, dim=0, name="joined")
    eleven = mx.sym.add_n(*inputs[:11], name="eleven")
    return mx.sym.Group([joined, eleven, mx.sym.ElementWiseSum(*inputs[:10])])


def variable_attributes(mx: Any) -> Any:
    """Variables that carry shape, type, multipliers, initializer and attributes of their own."""
    data = mx.sym.Variable("data", shape=(3, 0), dtype="float32", attr={"note": "free text"})
    weight = mx.sym.Variable("weight", lr_mult=2.0, wd_mult=0.5, init=mx.init.Xavier(magnitude=2.34))
    bias = mx.sym.Variable("bias", init=mx.init.Zero(), __layout__="C", lr_mult=1)
    return mx.sym.FullyConnected(data, weight, bias, num_hidden=5, name="fc", attr={"__tag__": "last"})


def scoped_attributes(mx: Any) -> Any:
    """AttrScope and hidden keys on operators: inherited by the variables made for them."""
    data = mx.sym.Variable("data")
    with mx.AttrScope(ctx_group="dev1", __stage__="1"):
        net = mx.sym.FullyConnected(data, num_hidden=5, name="fc1", lr_mult=0.1)
        with mx.AttrScope(ctx_group="dev2"):
            net = mx.sym.FullyConnected(net, num_hidden=3, name="fc2", attr={"mirror_stage": "True"})
    return net


def escapes(mx: Any) -> Any:
    """Names and attributes that need escapes in JSON, or must stay as they are."""
    first = mx.sym.Variable('quote " backslash \\', attr={"text": "line\nbreak\ttab\rreturn / slash"})
    second = mx.sym.Variable("\u00fcml\u00e4ut \u65e5\u672c", attr={"empty": "", "odd": "\x01 <&> {}[]"})
    return mx.sym.elemwise_add(first, second, name="sum of 'two'")


def composed(mx: Any) -> Any:
    """A symbol called on another one, with the head renamed."""
    inner = mx.sym.FullyConnected(mx.sym.Variable("data"), name="fc1", num_hidden=5)
    outer = mx.sym.FullyConnected(mx.sym.Variable("data2"), name="fc2", num_hidden=3)
    outer = mx.sym.Activation(outer, act_type="tanh", name="act")
    return outer(data2=inner, name="composed")


def tied_weights(mx: Any) -> Any:
    """Two layers over one weight and bias."""
    weight, bias = mx.sym.var("shared_weight"), mx.sym.var("shared_bias")
    sides = []
    for side in ("left", "right"):
        data = mx.sym.var("inputs_" + side)
        sides.append(mx.sym.FullyConnected(data, weight, bias, num_hidden=4, name="fc_" + side))
    return mx.sym.SoftmaxOutput(mx.sym.concat(*sides), mx.sym.var("labels"), name="softmax")


def parameters(mx: Any) -> Any:
    """Tuples, lists, booleans, None and types as parameters: printed as passed."""
    net = mx.sym.Embedding(mx.sym.Variable("data"), input_dim=11, output_dim=6, name="embed")
    net = mx.sym.transpose(net, axes=(0, 2, 1))
    net = mx.sym.Pooling(net, kernel=[2], stride=(1,), pool_type="avg", count_include_pad=False)
    net = mx.sym.Dropout(net, p=0.25, axes=(2,))
    net = mx.sym.sum(net, axis=(1,), keepdims=True)
    net = mx.sym.slice_axis(net, axis=2, begin=0, end=None)
    net = mx.sym.Cast(net, dtype="float64")
    net = mx.sym.expand_dims(mx.sym.SwapAxis(net, dim1=0, dim2=2), axis=-1)
    return mx.sym.mean(mx.sym.Flatten(net))


def mlp(mx: Any) -> Any:
    """The perceptron 64-128-64-10 of the digits."""
    net = mx.sym.Variable("data")
    for index, width in enumerate((128, 64), start=1):
        net = mx.sym.FullyConnected(net, num_hidden=width, name=f"fc{index}")
        net = mx.sym.Activation(net, act_type="relu", name=f"relu{index}")
    net = mx.sym.FullyConnected(net, num_hidden=10, name="fc3")
    return mx.sym.SoftmaxOutput(net, name="softmax")


def lenet(mx: Any) -> Any:
    """LeNet for 8x8 images: the first convolution pads them to 12x12."""
    net = mx.sym.Variable("data")
    for index, (filters, width, pad) in enumerate([(20, 5, 2), (50, 3, 1)], start=1):
        net = mx.sym.Convolution(
            net, kernel=(width, width), pad=(pad, pad), num_filter=filters, name=f"conv{index}"
        )
        net = mx.sym.Activation(net, act_type="tanh", name=f"tanh{index}")
        net = mx.sym.Pooling(net, pool_type="max", kernel=(2, 2), stride=(2, 2), name=f"pool{index}")
    net = mx.sym.FullyConnected(mx.sym.Flatten(net), num_hidden=64, name="fc1")
    net = mx.sym.Activation(net, act_type="tanh", name="tanh3")
    net = mx.sym.FullyConnected(net, num_hidden=10, name="fc2")
    return mx.sym.SoftmaxOutput(net, name="softmax")


def _conv_factory(mx: Any, data: Any, filters: int, width: int, name: str, pad: int = 0) -> Any:
    net = mx.sym.Convolution(
        data=data,
        num_filter=filters,
        kernel=(width, width),
        stride=(1, 1),
        pad=(pad, pad),
        name="conv_" + name,
    )
    net = mx.sym.BatchNorm(data=net, name="bn_" + name)
    return mx.sym.Activation(data=net, act_type="relu", name="relu_" + name)


def inception(mx: Any) -> Any:
    """The inception module of the Symbol tutorial, on a variable with a space in its name."""
    data = mx.sym.Variable(name="Previous Output")
    one = _conv_factory(mx, data, 64, 1, "in3a_1x1")
    three = _conv_factory(mx, data, 64, 1, "in3a_3x3_reduce")
    three = _conv_factory(mx, three, 64, 3, "in3a_3x3", pad=1)
    double = _conv_factory(mx, data, 64, 1, "in3a_double_3x3_reduce")
    double = _conv_factory(mx, double, 96, 3, "in3a_double_3x3_0", pad=1)
    double = _conv_factory(mx, double, 96, 3, "in3a_double_3x3_1", pad=1)
    pooled = mx.sym.Pooling(
        data=data, kernel=(3, 3), stride=(1, 1), pad=(1, 1), pool_type="avg", name="avg_pool_in3a_pool"
    )
    projected = _conv_factory(mx, pooled, 32, 1, "in3a_proj")
    return mx.sym.Concat(one, three, double, projected, name="ch_concat_in3a_chconcat")


BUILDERS = {
    function.__name__: function
    for function in (
        auto_names,
        scalars,
        prefix,
        group,
        batch_norms,
        shared_batch_norm,
        slices,
        many_heads,
        many_inputs,
        variable_attributes,
        scoped_attributes,
        escapes,
        composed,
        tied_weights,
        parameters,
        mlp,
        lenet,
        inception,
    )
}

SHAPES: dict[str, dict[str, tuple[int, ...]]] = {
    "auto_names": {"a": (2, 2)},
    "scalars": {"x": (3, 5)},
    "prefix": {"data": (2, 3)},
    "group": {"data": (2, 3)},
    "batch_norms": {"data": (2, 3, 5)},
    "shared_batch_norm": {"data": (2, 3, 5, 7)},
    "slices": {"data": (2, 6, 5)},
    "many_heads": {"data": (2, 13, 3)},
    "many_inputs": {f"in{index}": (3, 2) for index in range(12)},
    "variable_attributes": {"data": (3, 7)},
    "scoped_attributes": {"data": (2, 7)},
    "escapes": {'quote " backslash \\': (3, 0), "\u00fcml\u00e4ut \u65e5\u672c": (0, 5)},
    "composed": {"data": (2, 7)},
    "tied_weights": {"inputs_left": (3, 2), "inputs_right": (3, 2)},
    "parameters": {"data": (3, 5)},
    "mlp": {"data": (64, 64)},
    "lenet": {"data": (64, 1, 8, 8)},
    "inception": {"Previous Output": (128, 3, 28, 28)},
}


def build(mx: Any, name: str) -> Any:
    """Build the symbol `name` of `BUILDERS` under fresh automatic names."""
    with mx.name.NameManager():
        return BUILDERS[name](mx)


def _lists(shapes: Any) -> Any:
    return None if shapes is None else [list(shape) for shape in shapes]


def describe(symbol: Any, shapes: dict[str, tuple[int, ...]]) -> dict[str, Any]:
    """Return everything a symbol says about itself, as JSON can hold it."""
    args, outputs, aux = symbol.infer_shape(**shapes)
    return {
        "name": symbol.name,
        "arguments": symbol.list_arguments(),
        "outputs": symbol.list_outputs(),
        "aux": symbol.list_auxiliary_states(),
        "internals": symbol.get_internals().list_outputs(),
        "attr_dict": symbol.attr_dict(),
        "infer_shape": {
            "given": {name: list(shape) for name, shape in shapes.items()},
            "arguments": _lists(args),
            "outputs": _lists(outputs),
            "aux": _lists(aux),
        },
    }
