"""ResNeXt (Xie et al., 2016): residual networks whose 3x3 convolutions are split into many groups."""

from __future__ import annotations

import cysym as mx

from .layers import classifier, conv_norm, pool, scaled
from .resnet import NORM, UNITS, block_v1


def get_symbol(
    num_classes: int = 1000,
    num_layers: int = 50,
    num_group: int = 32,
    group_width: int = 4,
    width: float = 1.0,
) -> mx.sym.Symbol:
    """Return ResNeXt for images of 224 x 224.

    Parameters
    ----------
    num_classes : int
        Units of the output layer.
    num_layers : int
        50, 101 or 152.
    num_group : int
        Groups of a block's 3x3 convolution, the paper's cardinality.
    group_width : int
        Channels of a group in the first stage.
    width : float
        Multiplies filters; those of a group stay at least 1.

    Returns
    -------
    Symbol
        25,028,904 parameters for 50 layers, 32 groups of 4 and 1000 classes.
    """
    if num_layers not in UNITS or not UNITS[num_layers][1]:
        raise ValueError(f"no ResNeXt of {num_layers} layers")
    net = mx.sym.Variable("data")
    net = conv_norm(net, scaled(64, width), 7, "stem", stride=2, pad=3, **NORM)
    net = pool(net, "max", 3, "stem_pool", stride=2, pad=1)
    for stage, blocks in enumerate(UNITS[num_layers][0], start=1):
        filters = scaled(256 * 2 ** (stage - 1), width)
        inner = scaled(num_group * group_width * 2 ** (stage - 1), width, num_group)
        for index in range(blocks):
            stride = 2 if stage > 1 and index == 0 else 1
            net = block_v1(net, f"stage{stage}_{index}", filters, stride, index == 0, True, inner, num_group)
    return classifier(net, num_classes)
