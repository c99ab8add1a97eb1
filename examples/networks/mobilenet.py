"""MobileNet (Howard et al., 2017): each 3x3 convolution looks at one channel, 1x1 convolutions mix them."""

from __future__ import annotations

import cysym as mx

from .layers import classifier, conv_norm, scaled

# filters and stride of the 1x1 and 3x3 convolutions of each block
BLOCKS = (
    (64, 1),
    (128, 2),
    (128, 1),
    (256, 2),
    (256, 1),
    (512, 2),
    *[(512, 1)] * 5,
    (1024, 2),
    (1024, 1),
)


def get_symbol(num_classes: int = 1000, width: float = 1.0) -> mx.sym.Symbol:
    """Return MobileNet.

    Parameters
    ----------
    num_classes : int
        Units of the output layer.
    width : float
        The paper's multiplier of filters: 1, 0.75, 0.5 or 0.25.

    Returns
    -------
    Symbol
        4,231,976 parameters at width 1 for 1000 classes.
    """
    channels = scaled(32, width)
    net = conv_norm(mx.sym.Variable("data"), channels, 3, "conv1", stride=2, pad=1, fix_gamma=False)
    for index, (filters, stride) in enumerate(BLOCKS, start=2):
        net = conv_norm(
            net,
            channels,
            3,
            f"conv{index}_dw",
            stride=stride,
            pad=1,
            groups=channels,
            fix_gamma=False,
        )
        channels = scaled(filters, width)
        net = conv_norm(net, channels, 1, f"conv{index}_pw", fix_gamma=False)
    return classifier(net, num_classes)
