"""Inception-BN (Ioffe and Szegedy, 2015) in the sizes of MXNet's example."""

from __future__ import annotations

import cysym as mx

from .layers import classifier, conv_norm, pool, scaled

# 1x1, 3x3 reduce, 3x3, double 3x3 reduce, double 3x3, kind of pooling, pool projection;
# blocks without 1x1 and projection halve the image
BLOCKS = {
    "3a": (64, 64, 64, 64, 96, "avg", 32),
    "3b": (64, 64, 96, 64, 96, "avg", 64),
    "3c": (0, 128, 160, 64, 96, "max", 0),
    "4a": (224, 64, 96, 96, 128, "avg", 128),
    "4b": (192, 96, 128, 96, 128, "avg", 128),
    "4c": (160, 128, 160, 128, 160, "avg", 128),
    "4d": (96, 128, 192, 160, 192, "avg", 128),
    "4e": (0, 128, 192, 192, 256, "max", 0),
    "5a": (352, 192, 320, 160, 224, "avg", 128),
    "5b": (352, 192, 320, 192, 224, "max", 128),
}


def inception(data: mx.sym.Symbol, name: str, width: float) -> mx.sym.Symbol:
    """Return the branches of a block, joined over channels."""
    one, reduce3, three, reduce_double, double, kind, projection = BLOCKS[name]
    stride = 1 if one else 2

    def conv(net: mx.sym.Symbol, filters: int, kernel: int, branch: str, step: int = 1) -> mx.sym.Symbol:
        count = scaled(filters, width)
        return conv_norm(net, count, kernel, f"{name}_{branch}", stride=step, pad=kernel // 2)

    left = conv(data, reduce3, 1, "3x3_reduce")
    left = conv(left, three, 3, "3x3", stride)
    right = conv(data, reduce_double, 1, "double_reduce")
    right = conv(right, double, 3, "double_0")
    right = conv(right, double, 3, "double_1", stride)
    last = pool(data, kind, 3, f"{name}_pool", stride=stride, pad=1)
    if not one:
        return mx.sym.Concat(left, right, last, name=f"{name}_concat")
    last = conv(last, projection, 1, "proj")
    return mx.sym.Concat(conv(data, one, 1, "1x1"), left, right, last, name=f"{name}_concat")


def get_symbol(num_classes: int = 1000, width: float = 1.0) -> mx.sym.Symbol:
    """Return Inception-BN.

    Parameters
    ----------
    num_classes : int
        Units of the output layer.
    width : float
        Multiplies filters.

    Returns
    -------
    Symbol
        11,285,224 parameters for data of shape (batch, 3, 224, 224) and 1000 classes.
    """
    net = conv_norm(mx.sym.Variable("data"), scaled(64, width), 7, "1", stride=2, pad=3)
    net = pool(net, "max", 3, "pool1", stride=2)
    net = conv_norm(net, scaled(64, width), 1, "2_reduce")
    net = conv_norm(net, scaled(192, width), 3, "2", pad=1)
    net = pool(net, "max", 3, "pool2", stride=2)
    for name in BLOCKS:
        net = inception(net, name, width)
    return classifier(net, num_classes)
