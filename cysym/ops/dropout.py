"""Dropout: zeroes elements at random and scales the others up.

The mask comes from the device's random stream (kernel `random_mask`) and is kept as a hidden output, so
backward never draws again; a replay of the forward pass reuses it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..base import MXNetError, ShapeError
from .random import generators
from .rules import FLOATS, show
from .schema import Backward, Bool, Enum, Float, OpDef, Shape

if TYPE_CHECKING:
    from ..passes.gradient import GradContext
    from ..passes.ir import Tensor
    from ..passes.lower import LowerContext
    from .rules import ShapeRule


def emit_times(c: LowerContext, y: Tensor, x: Tensor, mask: Tensor) -> None:
    """y = x * mask, where the mask may have axes of size 1 to spread over."""
    strides = [0 if d == 1 else s for d, s in zip(mask.shape, mask.estrides, strict=True)]
    dims = list(x.shape)
    if x.shape == mask.shape:
        dims, strides = [x.size], [1]
    ints = [len(dims), *dims, *strides]
    cost = 0.5 if len(dims) == 1 else 3.0
    c.call("dropout_times", [y], [x, mask], ints, items=x.size, cost=cost, inplace=[(0, 0)])


class DropoutBackward(Backward):
    """dx = dy * mask."""

    needs = ("ograd", "mask")

    def lower(self, c: LowerContext) -> None:
        emit_times(c, c.output("data"), c.input("ograd"), c.input("mask"))

    def gradient(self, g: GradContext) -> list[Any]:
        """The same mask once more."""
        return [g.apply(self, g.ograd(), g.ins[1], like=g.ins[0]), None]


class Dropout(OpDef):
    """Keeps each element with probability 1 - p and scales it by 1 / (1 - p); zeroes the others.

    Active in training, in inference too with ``mode="always"``; otherwise ``output = data``. Each forward
    pass draws a new mask, which backward reuses: ``output = data * mask``. Along ``axes`` one draw is shared.
    With p = 1 all is zero. (MXNet: Dropout; Srivastava et al. 2014)
    """

    name = "Dropout"
    outputs = ("output", "mask")
    has_own_output_names = True
    dtypes = FLOATS
    backward = DropoutBackward
    is_random = True

    p = Float(0.5, "share of elements dropped")
    mode = Enum(("always", "training"), "training", "when to drop")
    axes = Shape((), "axes along which one draw is shared")
    cudnn_off = Bool(False, "accepted and ignored", none=True)

    def check(self) -> None:
        if not 0 <= self.p <= 1:
            raise MXNetError(
                f'value {self.p} for Parameter p exceed bound [0,1], in operator {self.name}(name="")'
            )

    def num_visible(self) -> int:
        return 1

    def infer_shape(self, s: ShapeRule) -> None:
        data = s.meet_in("data", s.outs[0])
        s.meet_out(0, data)
        if data is None:
            return
        if any(not 0 <= a < len(data) for a in self.axes):
            raise ShapeError(f"{self.name}: axes {self.axes} are out of range for data of shape {show(data)}")
        s.meet_out(1, self.mask_shape(data))

    def lower(self, c: LowerContext) -> None:
        if self.p == 0 or not (c.is_train or self.mode == "always"):  # nothing is drawn, as in MXNet
            c.alias("output", "data")
            if c.wants("mask"):
                ones = c.output("mask")
                c.call("dropout_ones", [ones], [], items=ones.size, cost=0.2)
            return
        x, state = c.input("data"), c.random_state()
        mask = c.output("mask") if c.wants("mask") else c.temp(self.mask_shape(x.shape), x.dtype)
        keep = np.float32(1) - np.float32(self.p)
        value = np.float32(1) / keep if keep > 0 else 0.0
        n, step = generators(mask.size)
        c.call(
            "random_mask", [mask, state], [state], [mask.size, step], [float(keep), float(value)],
            items=n, cost=1.0 * step, mutates=True,
        )  # fmt: skip
        emit_times(c, c.output(), x, mask)

    def mask_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(1 if i in self.axes else d for i, d in enumerate(shape))
