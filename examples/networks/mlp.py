"""The perceptron 784-128-64-10 of MXNet's first example; takes vectors, or images of 784 pixels."""

from __future__ import annotations

import cysym as mx

from .layers import relu, scaled


def get_symbol(num_classes: int = 10, width: float = 1.0) -> mx.sym.Symbol:
    """Return the perceptron with two hidden layers of ReLU units.

    Parameters
    ----------
    num_classes : int
        Units of the output layer.
    width : float
        Multiplies the units of the hidden layers.

    Returns
    -------
    Symbol
        109,386 parameters for data of shape (batch, 784) and 10 classes.
    """
    net = mx.sym.Variable("data")
    for index, units in enumerate((128, 64), start=1):
        net = mx.sym.FullyConnected(net, num_hidden=scaled(units, width), name=f"fc{index}")
        net = relu(net, f"relu{index}")
    net = mx.sym.FullyConnected(net, num_hidden=num_classes, name="fc3")
    return mx.sym.SoftmaxOutput(net, name="softmax")
