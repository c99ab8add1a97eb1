"""Identities that differ in their gradient: MakeLoss, make_loss, BlockGrad, _copy.

Forward is a view of the input. A loss's gradient is a number, the same for every element; with "valid"
normalisation a kernel counts first.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

from ..dtypes import CODES
from .schema import Backward, Enum, Float, OpDef

if TYPE_CHECKING:
    from ..passes.gradient import GradContext
    from ..passes.ir import Tensor
    from ..passes.lower import LowerContext

FLOAT32, FLOAT64 = CODES["float32"], CODES["float64"]


def _share(c: LowerContext, dx: Tensor, value: float, norm: Tensor | None = None) -> None:
    """Write ``value``, or ``value / norm``, everywhere; whole numbers are cut from float32 results."""
    kind = dx.dtype if dx.dtype in (FLOAT32, FLOAT64) else FLOAT32
    wide = dx if dx.dtype == kind else c.temp(dx.shape, kind)
    if norm is None:
        c.call("makeloss_fill", [wide], [], [], [value], items=dx.size, cost=0.2)
    else:
        c.call("makeloss_share", [wide], [norm], [], [value], items=dx.size, cost=0.2)
    if wide is not dx:
        c.cast(dx, wide)


class _Identity(OpDef):
    half = True

    def lower(self, c: LowerContext) -> None:
        c.alias(self.outputs[0], "data")


class MakeLossBackward(Backward):
    """dx = grad_scale, divided by the batch size or the number of valid elements."""

    half = True

    needs = ()
    forward: MakeLoss

    def read_names(self) -> tuple[str, ...]:
        return ("data",) if self.forward.normalization == "valid" else ()

    def lower(self, c: LowerContext) -> None:
        op, dx = self.forward, c.output("data")
        if op.normalization == "valid":
            x = c.input("data", dtype=FLOAT64 if dx.dtype == FLOAT64 else FLOAT32)
            norm = c.temp((1,), x.dtype)
            c.call("makeloss_count", [norm], [x], [x.size], [op.valid_thresh], items=1, cost=0.5 * x.size)
            _share(c, dx, op.grad_scale, norm)
            return
        batch = prod(dx.shape[:-1]) if op.normalization == "batch" else 1
        _share(c, dx, op.grad_scale / max(batch, 1))


class MakeLoss(_Identity):
    """Makes any expression a loss: ``output = data``, gradient ``grad_scale`` for every element.

    The gradient is divided by the number of rows, all axes but the last, with ``normalization="batch"``, by
    the number of elements above ``valid_thresh`` (at least 1) with ``"valid"``. Head gradients are not used.
    (MXNet: MakeLoss)
    """

    name = "MakeLoss"
    backward = MakeLossBackward
    is_loss = True

    grad_scale = Float(1.0, "the gradient")
    valid_thresh = Float(0.0, "elements above it are valid")
    normalization = Enum(("batch", "null", "valid"), "null", "what the gradient is divided by")


class OnesBackward(Backward):
    """dx = 1."""

    half = True

    needs = ()

    def lower(self, c: LowerContext) -> None:
        _share(c, c.output("data"), 1.0)


class MakeLossLower(_Identity):
    """Makes any expression a loss: ``loss = data``, gradient 1 for every element.

    Head gradients are not used. (MXNet: make_loss)
    """

    name = "make_loss"
    outputs = ("loss",)
    has_own_output_names = True
    backward = OnesBackward
    is_loss = True


class BlockGrad(_Identity):
    """Passes the data on, ``output = data``, and lets no gradient flow back. (MXNet: BlockGrad)"""

    name = "BlockGrad"
    aliases = ("stop_gradient",)
    is_loss = True


class Copy(_Identity):
    """The data itself: ``output = data``. (MXNet: _copy)"""

    name = "_copy"
    aliases = ("identity",)

    def gradient(self, g: GradContext) -> list[Any]:
        return [g.ograd()]
