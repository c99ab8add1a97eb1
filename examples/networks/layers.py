"""Layers that several of the networks share: small functions from Symbol to Symbol, no network of its own.

`width` is always the multiplier of channels a network was asked for; `scaled` applies it.
"""

from __future__ import annotations

from typing import Any

import cysym as mx


def scaled(filters: int, width: float, multiple: int = 1) -> int:
    """Return the number of channels at a width: a positive multiple of `multiple`."""
    return max(1, int(filters * width) // multiple) * multiple


def pair(value: int | tuple[int, int]) -> tuple[int, int]:
    """Return (height, width) of a window given as one number or two."""
    return (value, value) if isinstance(value, int) else value


def relu(data: mx.sym.Symbol, name: str) -> mx.sym.Symbol:
    """Return max(data, 0)."""
    return mx.sym.Activation(data, act_type="relu", name=name)


def pool(data: mx.sym.Symbol, kind: str, kernel: int, name: str, **options: Any) -> mx.sym.Symbol:
    """Return square pooling; the options stride and pad are one number each."""
    for option in ("stride", "pad"):
        if option in options:
            options[option] = pair(options[option])
    return mx.sym.Pooling(data, kernel=(kernel, kernel), pool_type=kind, name=name, **options)


def conv_relu(data: mx.sym.Symbol, filters: int, kernel: int, name: str, **options: Any) -> mx.sym.Symbol:
    """Return a convolution with bias, and ReLU; the options stride and pad are one number each."""
    for option in ("stride", "pad"):
        if option in options:
            options[option] = pair(options[option])
    net = mx.sym.Convolution(data, num_filter=filters, kernel=(kernel, kernel), name="conv" + name, **options)
    return relu(net, "relu" + name)


def conv_norm(
    data: mx.sym.Symbol,
    filters: int,
    kernel: int | tuple[int, int],
    name: str,
    stride: int = 1,
    pad: int | tuple[int, int] = 0,
    groups: int = 1,
    act: bool = True,
    **norm: Any,
) -> mx.sym.Symbol:
    """Return a convolution without bias, BatchNorm (options `norm`), and ReLU unless told otherwise."""
    grouped = {} if groups == 1 else {"num_group": groups}
    net = mx.sym.Convolution(
        data,
        num_filter=filters,
        kernel=pair(kernel),
        stride=pair(stride),
        pad=pair(pad),
        no_bias=True,
        name=name + "_conv",
        **grouped,
    )
    net = mx.sym.BatchNorm(net, name=name + "_bn", **norm)
    return relu(net, name + "_relu") if act else net


def classifier(data: mx.sym.Symbol, num_classes: int, name: str = "fc1") -> mx.sym.Symbol:
    """Return global average pooling, one dense layer and the softmax loss."""
    net = mx.sym.Pooling(data, kernel=(7, 7), global_pool=True, pool_type="avg", name="global_pool")
    net = mx.sym.Flatten(net, name="flatten")
    net = mx.sym.FullyConnected(net, num_hidden=num_classes, name=name)
    return mx.sym.SoftmaxOutput(net, name="softmax")


def perceptron(
    data: mx.sym.Symbol, num_classes: int, hidden: int, dropout: float, first: int
) -> mx.sym.Symbol:
    """Return two hidden dense layers with ReLU and dropout, the output layer and the softmax loss.

    Layers are numbered from `first` on, as AlexNet (6) and VGG (6) number theirs.
    """
    net = mx.sym.Flatten(data, name="flatten")
    for index in (first, first + 1):
        net = mx.sym.FullyConnected(net, num_hidden=hidden, name=f"fc{index}")
        net = relu(net, f"relu{index}")
        net = mx.sym.Dropout(net, p=dropout, name=f"drop{index}")
    net = mx.sym.FullyConnected(net, num_hidden=num_classes, name=f"fc{first + 2}")
    return mx.sym.SoftmaxOutput(net, name="softmax")
