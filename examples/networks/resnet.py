"""Residual networks: the first form (He et al., 2015) and the second, activations first (He et al., 2016).

The stride of a bottleneck sits on its 3x3 convolution, as in later practice.
"""

from __future__ import annotations

from typing import Any

import cysym as mx

from .layers import classifier, conv_norm, pool, relu, scaled

NORM: dict[str, Any] = {"fix_gamma": False, "eps": 2e-5, "momentum": 0.9}
# blocks of the four stages, and whether a block is a bottleneck
UNITS = {
    18: ((2, 2, 2, 2), False),
    34: ((3, 4, 6, 3), False),
    50: ((3, 4, 6, 3), True),
    101: ((3, 4, 23, 3), True),
    152: ((3, 8, 36, 3), True),
}


def block_v1(
    data: mx.sym.Symbol,
    name: str,
    filters: int,
    stride: int,
    project: bool,
    bottleneck: bool,
    inner: int = 0,
    groups: int = 1,
) -> mx.sym.Symbol:
    """Return a block of the first form.

    `filters` channels leave it; in between a bottleneck has `inner`, by default a quarter of them.
    """
    if bottleneck:
        inner = inner or filters // 4
        net = conv_norm(data, inner, 1, name + "_a", **NORM)
        net = conv_norm(net, inner, 3, name + "_b", stride=stride, pad=1, groups=groups, **NORM)
        net = conv_norm(net, filters, 1, name + "_c", act=False, **NORM)
    else:
        net = conv_norm(data, filters, 3, name + "_a", stride=stride, pad=1, **NORM)
        net = conv_norm(net, filters, 3, name + "_b", pad=1, act=False, **NORM)
    if project:
        data = conv_norm(data, filters, 1, name + "_skip", stride=stride, act=False, **NORM)
    return relu(net + data, name + "_relu")


def block_v2(
    data: mx.sym.Symbol, name: str, filters: int, stride: int, project: bool, bottleneck: bool
) -> mx.sym.Symbol:
    """Return a block of the second form: each convolution follows its BatchNorm and ReLU."""
    first = mx.sym.BatchNorm(data, name=name + "_bn1", **NORM)
    first = relu(first, name + "_relu1")
    if bottleneck:
        net = conv_norm(first, filters // 4, 1, name + "_a", **NORM)
        net = conv_norm(net, filters // 4, 3, name + "_b", stride=stride, pad=1, **NORM)
    else:
        net = conv_norm(first, filters, 3, name + "_a", stride=stride, pad=1, **NORM)
    kernel, pad = ((1, 1), (0, 0)) if bottleneck else ((3, 3), (1, 1))
    net = mx.sym.Convolution(
        net, num_filter=filters, kernel=kernel, pad=pad, no_bias=True, name=name + "_conv"
    )
    if project:
        data = mx.sym.Convolution(
            first,
            num_filter=filters,
            kernel=(1, 1),
            stride=(stride, stride),
            no_bias=True,
            name=name + "_skip",
        )
    return net + data


def get_symbol(
    num_classes: int = 1000, num_layers: int = 50, version: int = 1, width: float = 1.0
) -> mx.sym.Symbol:
    """Return a residual network for images of 224 x 224.

    Parameters
    ----------
    num_classes : int
        Units of the output layer.
    num_layers : int
        18, 34, 50, 101 or 152.
    version : int
        1: convolution, BatchNorm, ReLU. 2: BatchNorm, ReLU, convolution, after a BatchNorm of the data.
    width : float
        Multiplies filters.

    Returns
    -------
    Symbol
        For 1000 classes 11,689,512 parameters (18 layers, version 1), 25,557,032 (50, 1) or 25,549,486
        (50, 2).
    """
    if num_layers not in UNITS or version not in (1, 2):
        raise ValueError(f"no ResNet of {num_layers} layers, version {version}")
    units, bottleneck = UNITS[num_layers]
    block = block_v1 if version == 1 else block_v2
    net = mx.sym.Variable("data")
    if version == 2:
        net = mx.sym.BatchNorm(net, name="bn_data", **dict(NORM, fix_gamma=True))
    net = conv_norm(net, scaled(64, width), 7, "stem", stride=2, pad=3, **NORM)
    net = pool(net, "max", 3, "stem_pool", stride=2, pad=1)
    for stage, blocks in enumerate(units, start=1):
        filters = scaled(64 * 2 ** (stage - 1), width) * (4 if bottleneck else 1)
        for index in range(blocks):
            stride = 2 if stage > 1 and index == 0 else 1
            project = index == 0 and (bottleneck or stage > 1)
            net = block(net, f"stage{stage}_{index}", filters, stride, project, bottleneck)
    if version == 2:
        net = relu(mx.sym.BatchNorm(net, name="bn1", **NORM), "relu1")
    return classifier(net, num_classes)
