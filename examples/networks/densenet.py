"""DenseNet-BC (Huang et al., 2016): each layer reads the outputs of all layers before it in its block."""

from __future__ import annotations

import cysym as mx

from .layers import classifier, conv_norm, pool, relu, scaled

# layers of the four blocks
UNITS = {121: (6, 12, 24, 16), 169: (6, 12, 32, 32), 201: (6, 12, 48, 32)}


def norm_relu(data: mx.sym.Symbol, name: str) -> mx.sym.Symbol:
    """Return BatchNorm and ReLU."""
    net = mx.sym.BatchNorm(data, fix_gamma=False, eps=1e-5, name=name + "_bn")
    return relu(net, name + "_relu")


def get_symbol(
    num_classes: int = 1000,
    num_layers: int = 121,
    growth: int = 32,
    width: float = 1.0,
    units: tuple[int, ...] | None = None,
) -> mx.sym.Symbol:
    """Return DenseNet with bottlenecks, and transitions that halve the channels.

    Parameters
    ----------
    num_classes : int
        Units of the output layer.
    num_layers : int
        121, 169 or 201.
    growth : int
        Channels each layer adds.
    width : float
        Multiplies the growth and the channels of the first layer.
    units : tuple of int, optional
        Layers of each block, instead of those of `num_layers`.

    Returns
    -------
    Symbol
        7,978,856 parameters for 121 layers and 1000 classes.
    """
    if units is None:
        if num_layers not in UNITS:
            raise ValueError(f"no DenseNet of {num_layers} layers")
        units = UNITS[num_layers]
    added, channels = scaled(growth, width), scaled(2 * growth, width)
    net = conv_norm(mx.sym.Variable("data"), channels, 7, "stem", stride=2, pad=3, fix_gamma=False, eps=1e-5)
    net = pool(net, "max", 3, "stem_pool", stride=2, pad=1)
    for block, layers in enumerate(units, start=1):
        for index in range(layers):
            name = f"block{block}_{index}"
            new = norm_relu(net, name)
            new = conv_norm(new, 4 * added, 1, name + "_a", fix_gamma=False, eps=1e-5)
            new = mx.sym.Convolution(
                new, num_filter=added, kernel=(3, 3), pad=(1, 1), no_bias=True, name=name + "_b_conv"
            )
            net = mx.sym.Concat(net, new, name=name + "_concat")
            channels += added
        if block < len(units):
            channels //= 2
            net = norm_relu(net, f"transition{block}")
            net = mx.sym.Convolution(
                net, num_filter=channels, kernel=(1, 1), no_bias=True, name=f"transition{block}_conv"
            )
            net = pool(net, "avg", 2, f"transition{block}_pool", stride=2)
    return classifier(norm_relu(net, "last"), num_classes)
