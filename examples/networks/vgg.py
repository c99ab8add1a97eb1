"""VGG (Simonyan and Zisserman, 2014): 3x3 convolutions, five poolings, three dense layers."""

from __future__ import annotations

import cysym as mx

from .layers import perceptron, pool, relu, scaled

# convolutions of the five stages: configurations A, B, D and E of the paper
REPEATS = {11: (1, 1, 2, 2, 2), 13: (2, 2, 2, 2, 2), 16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}


def get_symbol(
    num_classes: int = 1000,
    num_layers: int = 16,
    batch_norm: bool = False,
    dropout: float = 0.5,
    width: float = 1.0,
) -> mx.sym.Symbol:
    """Return VGG.

    Parameters
    ----------
    num_classes : int
        Units of the output layer.
    num_layers : int
        11, 13, 16 or 19.
    batch_norm : bool
        Put a BatchNorm between each convolution and its ReLU.
    dropout : float
        Share of hidden units dropped in training.
    width : float
        Multiplies filters and hidden units.

    Returns
    -------
    Symbol
        For data of shape (batch, 3, 224, 224) and 1000 classes 132,863,336 (11 layers) or 138,357,544 (16)
        parameters; with BatchNorm 138,365,992.
    """
    if num_layers not in REPEATS:
        raise ValueError(f"no VGG of {num_layers} layers")
    net = mx.sym.Variable("data")
    for stage, (repeats, filters) in enumerate(zip(REPEATS[num_layers], (64, 128, 256, 512, 512)), start=1):
        for index in range(1, repeats + 1):
            name = f"{stage}_{index}"
            net = mx.sym.Convolution(
                net, kernel=(3, 3), pad=(1, 1), num_filter=scaled(filters, width), name="conv" + name
            )
            if batch_norm:
                net = mx.sym.BatchNorm(net, fix_gamma=False, name="bn" + name)
            net = relu(net, "relu" + name)
        net = pool(net, "max", 2, f"pool{stage}", stride=2)
    return perceptron(net, num_classes, scaled(4096, width), dropout, first=6)
