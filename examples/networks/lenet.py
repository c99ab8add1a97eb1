"""LeNet (LeCun, Bottou, Bengio and Haffner, 1998) with the sizes and the tanh of MXNet's example."""

from __future__ import annotations

import cysym as mx

from .layers import pool, scaled


def get_symbol(num_classes: int = 10, width: float = 1.0) -> mx.sym.Symbol:
    """Return LeNet.

    Parameters
    ----------
    num_classes : int
        Units of the output layer.
    width : float
        Multiplies filters and hidden units.

    Returns
    -------
    Symbol
        431,080 parameters for data of shape (batch, 1, 28, 28) and 10 classes.
    """
    net = mx.sym.Variable("data")
    for index, filters in enumerate((20, 50), start=1):
        net = mx.sym.Convolution(net, kernel=(5, 5), num_filter=scaled(filters, width), name=f"conv{index}")
        net = mx.sym.Activation(net, act_type="tanh", name=f"tanh{index}")
        net = pool(net, "max", 2, f"pool{index}", stride=2)
    net = mx.sym.Flatten(net, name="flatten")
    net = mx.sym.FullyConnected(net, num_hidden=scaled(500, width), name="fc1")
    net = mx.sym.Activation(net, act_type="tanh", name="tanh3")
    net = mx.sym.FullyConnected(net, num_hidden=num_classes, name="fc2")
    return mx.sym.SoftmaxOutput(net, name="softmax")
