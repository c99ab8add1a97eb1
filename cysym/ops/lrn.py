"""LRN: every element divided by a power of the squares of its neighbours among the channels.

The numbers are made in c_kernels/lrn.c and cl_kernels/lrn.cl; the denominators before the power are kept as
a hidden output for backward.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Final

from ..base import MXNetError, ShapeError
from .rules import FLOATS, show
from .schema import Backward, Float, Int, OpDef

if TYPE_CHECKING:
    from ..passes.lower import LowerContext
    from .rules import Dims, ShapeRule

BLOCK: Final = 64  # neighbouring positions of one item; the kernels know the number


class LRNBackward(Backward):
    """dx = dy norm^-beta - 2 alpha beta / nsize x (sum over the window of dy y / norm)."""

    needs = ("ograd", "data", "output", "norm")
    forward: LRN

    def lower(self, c: LowerContext) -> None:
        op, x = self.forward, c.input("data")
        ins = [c.input("ograd"), x, c.input("output"), c.input("norm")]
        ints, items, cost = op.walk(x.shape)
        factor = 2 * op.alpha * op.beta / op.nsize
        c.call("lrn_grad", [c.output("data")], ins, ints, [factor, op.beta], items=items, cost=2 * cost)


class LRN(OpDef):
    """Local response normalisation across channels.

    ``output = data / (knorm + alpha / nsize * sum(data ** 2)) ** beta``, where the sum runs over the channel
    itself and ``(nsize - 1) // 2`` channels on either side, as far as there are any.

    data, output: (batch, channels, ...). (MXNet: LRN; Krizhevsky et al. 2012)
    """

    name = "LRN"
    outputs = ("output", "norm")
    has_own_output_names = True
    dtypes = FLOATS
    backward = LRNBackward

    alpha = Float(1e-4, "factor of the mean square")
    beta = Float(0.75, "the power")
    knorm = Float(2.0, "added to the mean square")
    nsize = Int(doc="width of the window, in channels", min=0)

    def check(self) -> None:
        if self.nsize < 1:
            raise MXNetError(f"{self.name}: nsize must be at least 1, got {self.nsize}")

    def num_visible(self) -> int:
        return 1

    def infer_shape(self, s: ShapeRule) -> None:
        s.same()
        data = s.ins[0]
        if data is not None and len(data) < 2:
            raise ShapeError(f"{self.name}: data must have at least 2 dimensions, got shape {show(data)}")

    def walk(self, shape: Dims) -> tuple[list[int], int, float]:
        """Integers of the kernels, items and their cost."""
        channels, inner = shape[1], prod(shape[2:])
        half = min((self.nsize - 1) // 2, channels)
        cost = min(BLOCK, inner) * channels * (2.0 + 0.1 * half)
        return [channels, inner, half], shape[0] * -(-inner // BLOCK), cost

    def lower(self, c: LowerContext) -> None:
        x, y = c.input("data"), c.output()
        norm = c.output("norm") if c.wants("norm") else c.temp(x.shape, x.dtype)
        ints, items, cost = self.walk(x.shape)
        floats = [self.alpha / self.nsize, self.knorm, self.beta]
        c.call("lrn", [y, norm], [x], ints, floats, items=items, cost=cost)
