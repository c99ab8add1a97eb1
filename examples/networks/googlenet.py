"""GoogLeNet (Szegedy et al., 2014, table 1), without the two side classifiers that only training used."""

from __future__ import annotations

import cysym as mx

from .layers import conv_relu, pool, scaled

# 1x1, 3x3 reduce, 3x3, 5x5 reduce, 5x5, pool projection
BLOCKS = {
    "3a": (64, 96, 128, 16, 32, 32),
    "3b": (128, 128, 192, 32, 96, 64),
    "4a": (192, 96, 208, 16, 48, 64),
    "4b": (160, 112, 224, 24, 64, 64),
    "4c": (128, 128, 256, 24, 64, 64),
    "4d": (112, 144, 288, 32, 64, 64),
    "4e": (256, 160, 320, 32, 128, 128),
    "5a": (256, 160, 320, 32, 128, 128),
    "5b": (384, 192, 384, 48, 128, 128),
}


def inception(data: mx.sym.Symbol, name: str, width: float) -> mx.sym.Symbol:
    """Return the four branches of a block, joined over channels."""
    one, reduce3, three, reduce5, five, projection = (scaled(n, width) for n in BLOCKS[name])
    first = conv_relu(data, one, 1, f"{name}_1x1")
    second = conv_relu(data, reduce3, 1, f"{name}_3x3_reduce")
    second = conv_relu(second, three, 3, f"{name}_3x3", pad=1)
    third = conv_relu(data, reduce5, 1, f"{name}_5x5_reduce")
    third = conv_relu(third, five, 5, f"{name}_5x5", pad=2)
    fourth = pool(data, "max", 3, f"pool{name}", stride=1, pad=1)
    fourth = conv_relu(fourth, projection, 1, f"{name}_proj")
    return mx.sym.Concat(first, second, third, fourth, name=f"concat{name}")


def get_symbol(num_classes: int = 1000, dropout: float = 0.4, width: float = 1.0) -> mx.sym.Symbol:
    """Return GoogLeNet.

    Parameters
    ----------
    num_classes : int
        Units of the output layer.
    dropout : float
        Share of pooled features dropped in training.
    width : float
        Multiplies filters.

    Returns
    -------
    Symbol
        6,998,552 parameters for data of shape (batch, 3, 224, 224) and 1000 classes. Pooling keeps the
        windows that hang over the border, as the paper's sizes need.
    """

    def halve(data: mx.sym.Symbol, name: str) -> mx.sym.Symbol:
        return pool(data, "max", 3, name, stride=2, pooling_convention="full")

    net = conv_relu(mx.sym.Variable("data"), scaled(64, width), 7, "1", stride=2, pad=3)
    net = mx.sym.LRN(halve(net, "pool1"), alpha=1e-4, beta=0.75, knorm=1, nsize=5, name="norm1")
    net = conv_relu(net, scaled(64, width), 1, "2_reduce")
    net = conv_relu(net, scaled(192, width), 3, "2", pad=1)
    net = mx.sym.LRN(net, alpha=1e-4, beta=0.75, knorm=1, nsize=5, name="norm2")
    stage = "2"
    for name in BLOCKS:
        if name[0] != stage:
            net = halve(net, f"pool{stage}")
            stage = name[0]
        net = inception(net, name, width)
    net = mx.sym.Pooling(net, kernel=(7, 7), global_pool=True, pool_type="avg", name="global_pool")
    net = mx.sym.Dropout(mx.sym.Flatten(net, name="flatten"), p=dropout, name="drop")
    net = mx.sym.FullyConnected(net, num_hidden=num_classes, name="fc1")
    return mx.sym.SoftmaxOutput(net, name="softmax")
