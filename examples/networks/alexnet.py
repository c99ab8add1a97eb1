"""AlexNet (Krizhevsky, Sutskever and Hinton, 2012): local response normalization, overlapping max pooling.

With `num_group=2` three convolutions are split as the paper split them over two GPUs; MXNet's example
joined them.
"""

from __future__ import annotations

import cysym as mx

from .layers import conv_relu, perceptron, pool, scaled


def get_symbol(
    num_classes: int = 1000, num_group: int = 1, dropout: float = 0.5, width: float = 1.0
) -> mx.sym.Symbol:
    """Return AlexNet.

    Parameters
    ----------
    num_classes : int
        Units of the output layer.
    num_group : int
        Groups of the second, fourth and fifth convolution; the paper has 2.
    dropout : float
        Share of hidden units dropped in training.
    width : float
        Multiplies filters and hidden units.

    Returns
    -------
    Symbol
        For data of shape (batch, 3, 227, 227) and 1000 classes 60,965,224 parameters with 2 groups and
        62,378,344 with 1.
    """

    def conv(data: mx.sym.Symbol, index: int, filters: int, kernel: int, groups: int) -> mx.sym.Symbol:
        grouped = {} if groups == 1 else {"num_group": groups}
        count = scaled(filters, width, num_group)
        if index == 1:
            return conv_relu(data, count, kernel, str(index), stride=4, **grouped)
        return conv_relu(data, count, kernel, str(index), pad=kernel // 2, **grouped)

    net = conv(mx.sym.Variable("data"), 1, 96, 11, 1)
    net = mx.sym.LRN(net, alpha=1e-4, beta=0.75, knorm=2, nsize=5, name="norm1")
    net = pool(net, "max", 3, "pool1", stride=2)
    net = conv(net, 2, 256, 5, num_group)
    net = mx.sym.LRN(net, alpha=1e-4, beta=0.75, knorm=2, nsize=5, name="norm2")
    net = pool(net, "max", 3, "pool2", stride=2)
    net = conv(net, 3, 384, 3, 1)
    net = conv(net, 4, 384, 3, num_group)
    net = conv(net, 5, 256, 3, num_group)
    net = pool(net, "max", 3, "pool3", stride=2)
    return perceptron(net, num_classes, scaled(4096, width), dropout, first=6)
