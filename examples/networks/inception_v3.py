"""Inception-v3 (Szegedy et al., 2015) for images of 299 x 299, without the side classifier.

The blocks are those of the paper's figures 5, 6 and 7: factorised 5x5, 1x7 and 7x1, and 1x3 beside 3x1.
"""

from __future__ import annotations

import cysym as mx

from .layers import classifier, conv_norm, pool, scaled


class Blocks:
    """Makes blocks at one width; a branch is a list of (filters, kernel), padded to keep the image's size."""

    def __init__(self, width: float) -> None:
        self.width = width

    def conv(
        self,
        data: mx.sym.Symbol,
        filters: int,
        kernel: int | tuple[int, int],
        name: str,
        stride: int = 1,
        keep: bool = True,
    ) -> mx.sym.Symbol:
        """Return convolution, BatchNorm and ReLU."""
        high, wide = (kernel, kernel) if isinstance(kernel, int) else kernel
        pad = (high // 2, wide // 2) if keep else 0
        count = scaled(filters, self.width)
        return conv_norm(data, count, kernel, name, stride=stride, pad=pad, fix_gamma=True, eps=0.001)

    def branch(
        self,
        data: mx.sym.Symbol,
        steps: list[tuple[int, int | tuple[int, int]]],
        name: str,
        halve: bool = False,
    ) -> mx.sym.Symbol:
        """Return a chain of convolutions; with `halve` the last one has stride 2 and no padding."""
        for index, (filters, kernel) in enumerate(steps):
            is_last = halve and index == len(steps) - 1
            step = 2 if is_last else 1
            data = self.conv(data, filters, kernel, f"{name}_{index}", stride=step, keep=not is_last)
        return data

    def figure5(self, data: mx.sym.Symbol, name: str, projection: int) -> mx.sym.Symbol:
        """Return a block on 35 x 35: 1x1, 5x5, double 3x3 and average pooling."""
        pooled = pool(data, "avg", 3, name + "_pool", stride=1, pad=1)
        parts = [
            self.branch(data, [(64, 1)], name + "_one"),
            self.branch(data, [(48, 1), (64, 5)], name + "_five"),
            self.branch(data, [(64, 1), (96, 3), (96, 3)], name + "_double"),
            self.branch(pooled, [(projection, 1)], name + "_proj"),
        ]
        return mx.sym.Concat(*parts, name=name + "_concat")

    def figure6(self, data: mx.sym.Symbol, name: str, narrow: int) -> mx.sym.Symbol:
        """Return a block on 17 x 17: windows of 7 x 7 as rows and columns."""
        row, column = (1, 7), (7, 1)
        pooled = pool(data, "avg", 3, name + "_pool", stride=1, pad=1)
        double = [(narrow, 1), (narrow, column), (narrow, row), (narrow, column), (192, row)]
        parts = [
            self.branch(data, [(192, 1)], name + "_one"),
            self.branch(data, [(narrow, 1), (narrow, row), (192, column)], name + "_seven"),
            self.branch(data, double, name + "_double"),
            self.branch(pooled, [(192, 1)], name + "_proj"),
        ]
        return mx.sym.Concat(*parts, name=name + "_concat")

    def figure7(self, data: mx.sym.Symbol, name: str, kind: str) -> mx.sym.Symbol:
        """Return a block on 8 x 8: branches that end in a row and a column side by side."""
        pooled = pool(data, kind, 3, name + "_pool", stride=1, pad=1)
        three = self.branch(data, [(384, 1)], name + "_three")
        double = self.branch(data, [(448, 1), (384, 3)], name + "_double")
        parts = [
            self.branch(data, [(320, 1)], name + "_one"),
            self.conv(three, 384, (1, 3), name + "_three_row"),
            self.conv(three, 384, (3, 1), name + "_three_column"),
            self.conv(double, 384, (1, 3), name + "_double_row"),
            self.conv(double, 384, (3, 1), name + "_double_column"),
            self.branch(pooled, [(192, 1)], name + "_proj"),
        ]
        return mx.sym.Concat(*parts, name=name + "_concat")


def get_symbol(num_classes: int = 1000, width: float = 1.0) -> mx.sym.Symbol:
    """Return Inception-v3.

    Parameters
    ----------
    num_classes : int
        Units of the output layer.
    width : float
        Multiplies filters.

    Returns
    -------
    Symbol
        23,834,568 parameters for data of shape (batch, 3, 299, 299) and 1000 classes. Images of 75 x 75 and
        more will do.
    """
    make = Blocks(width)
    net = make.conv(mx.sym.Variable("data"), 32, 3, "stem1", stride=2, keep=False)
    net = make.conv(net, 32, 3, "stem2", keep=False)
    net = make.conv(net, 64, 3, "stem3")
    net = pool(net, "max", 3, "pool1", stride=2)
    net = make.conv(net, 80, 1, "stem4", keep=False)
    net = make.conv(net, 192, 3, "stem5", keep=False)
    net = pool(net, "max", 3, "pool2", stride=2)
    for index, projection in enumerate((32, 64, 64)):
        net = make.figure5(net, f"mixed{index}", projection)
    net = mx.sym.Concat(
        make.branch(net, [(384, 3)], "mixed3_three", halve=True),
        make.branch(net, [(64, 1), (96, 3), (96, 3)], "mixed3_double", halve=True),
        pool(net, "max", 3, "mixed3_pool", stride=2),
        name="mixed3_concat",
    )
    for index, narrow in enumerate((128, 160, 160, 192), start=4):
        net = make.figure6(net, f"mixed{index}", narrow)
    net = mx.sym.Concat(
        make.branch(net, [(192, 1), (320, 3)], "mixed8_three", halve=True),
        make.branch(net, [(192, 1), (192, (1, 7)), (192, (7, 1)), (192, 3)], "mixed8_seven", halve=True),
        pool(net, "max", 3, "mixed8_pool", stride=2),
        name="mixed8_concat",
    )
    for index, kind in ((9, "avg"), (10, "max")):
        net = make.figure7(net, f"mixed{index}", kind)
    return classifier(net, num_classes)
