"""softmax and its relatives: softmax, log_softmax, softmin, SoftmaxActivation.

Every one normalises lines of `n` elements that lie `inner` apart. `emit_softmax` and `emit_softmax_grad` name
the kernels (also for the loss layers, which borrow the forward pass); the numbers are made in
c_kernels/softmax.c and cl_kernels/softmax.cl.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, ClassVar, Final

from ..base import MXNetError, ShapeError
from ..dtypes import CODES, NAMES
from .schema import Backward, Bool, DType, Enum, Float, Int, OpDef

if TYPE_CHECKING:
    from ..passes.ir import Tensor
    from ..passes.lower import LowerContext
    from .rules import ShapeRule, TypeRule

PLAIN: Final = 0
LOG: Final = 1


def lines(shape: tuple[int, ...], axis: int) -> tuple[int, int, int]:
    """(outer, n, inner) of a dense tensor seen along one axis.

    >>> lines((2, 3, 5, 7), 1)
    (2, 3, 35)
    """
    return prod(shape[:axis]), shape[axis], prod(shape[axis + 1 :])


def emit_softmax(
    c: LowerContext,
    y: Tensor,
    x: Tensor,
    outer: int,
    n: int,
    inner: int,
    mode: int = PLAIN,
    scale: float = 1.0,
) -> None:
    """y = softmax(scale * x), or its logarithm, along the middle one of (outer, n, inner)."""
    cost = 2.0 * n
    if inner == 1:
        c.call("softmax_rows", [y], [x], [mode, n], [scale], items=outer, cost=cost, inplace=[(0, 0)])
    elif n:
        items = outer * inner
        c.call(
            "softmax_columns", [y], [x], [mode, n, inner], [scale], items=items, cost=cost, inplace=[(0, 0)]
        )


def emit_softmax_grad(
    c: LowerContext,
    dx: Tensor,
    dy: Tensor,
    y: Tensor,
    outer: int,
    n: int,
    inner: int,
    mode: int,
    scale: float,
) -> None:
    """Gradient of `emit_softmax` with respect to x, from its result y."""
    cost = (1.0 + mode) * n
    pairs = [(0, 0), (1, 0)]
    if inner == 1:
        c.call("softmax_rows_grad", [dx], [dy, y], [mode, n], [scale], items=outer, cost=cost, inplace=pairs)
    elif n:
        ints = [mode, n, inner]
        items = outer * inner
        c.call("softmax_columns_grad", [dx], [dy, y], ints, [scale], items=items, cost=cost, inplace=pairs)


class _Softmax(OpDef):
    """Common part: one axis, a temperature, and the type of the result."""

    mode: ClassVar[int] = PLAIN
    sign: ClassVar[float] = 1.0

    axis = Int(-1, "the axis along which to normalise")
    temperature = Float(None, "divides the data first")
    dtype = DType(None, "element type of the result; the data's when absent")
    use_length = Bool(False, "not supported: mask by the lengths in a second input", none=True)

    def check(self) -> None:
        if self.use_length:
            raise MXNetError(
                f"{self.name}: use_length=True is not supported; mask the data instead, for example "
                "with SequenceMask or where"
            )
        if self.temperature == 0:
            raise MXNetError(f"{self.name}: temperature must not be 0")
        if self.dtype is not None and self.dtype not in (
            CODES["float16"],
            CODES["float32"],
            CODES["float64"],
        ):
            raise MXNetError(
                f"{self.name}: dtype must be None, float16, float32 or float64, got {NAMES[self.dtype]}"
            )

    @property
    def scale(self) -> float:
        return self.sign / (1.0 if self.temperature is None else self.temperature)

    def infer_shape(self, s: ShapeRule) -> None:
        s.same()
        shape = s.ins[0]
        if shape is not None and not -len(shape) <= self.axis < len(shape):
            raise ShapeError(
                f"{self.name}: axis {self.axis} is out of range for data with {len(shape)} dimensions"
            )

    def infer_type(self, t: TypeRule) -> None:
        if self.dtype is None:
            t.same()
        else:
            t.meet_out(0, self.dtype)

    def lower(self, c: LowerContext) -> None:
        y = c.output()
        x = c.input("data", dtype=y.dtype)
        emit_softmax(c, y, x, *lines(x.shape, self.axis % len(x.shape)), self.mode, self.scale)


class SoftmaxBackward(Backward):
    """dx = scale * y * (dy - sum(dy * y)); of the logarithm: scale * (dy - exp(y) * sum(dy))."""

    needs = ("ograd", "output")
    forward: _Softmax

    def lower(self, c: LowerContext) -> None:
        op = self.forward
        dy, y, dx = c.input("ograd"), c.input("output"), c.output("data")
        to = dx if dx.dtype == dy.dtype else c.temp(dx.shape, dy.dtype)
        emit_softmax_grad(c, to, dy, y, *lines(y.shape, op.axis % len(y.shape)), op.mode, op.scale)
        if to is not dx:
            c.cast(dx, to)


class Softmax(_Softmax):
    """Softmax along one axis: ``output = exp(x / T) / sum(exp(x / T))``.

    ``output`` has the shape of ``data``; T is ``temperature`` (1 when absent). ``dtype`` sets another element
    type for the result. A line that holds a NaN, or nothing but -inf, becomes NaN. (MXNet: softmax)
    """

    name = "softmax"
    backward = SoftmaxBackward


class LogSoftmax(_Softmax):
    """Logarithm of the softmax along one axis: ``output = x / T - log(sum(exp(x / T)))``.

    Computed without forming the softmax, so large negative results keep their digits. (MXNet: log_softmax)
    """

    name = "log_softmax"
    mode = LOG
    backward = SoftmaxBackward


class Softmin(_Softmax):
    """Softmax of the negated data: ``output = exp(-x / T) / sum(exp(-x / T))``. (MXNet: softmin)"""

    name = "softmin"
    sign = -1.0
    backward = SoftmaxBackward


class SoftmaxActivationBackward(Backward):
    """As `SoftmaxBackward`, along the lines of the mode."""

    needs = ("ograd", "output")
    forward: SoftmaxActivation

    def lower(self, c: LowerContext) -> None:
        dy, y = c.input("ograd"), c.input("output")
        emit_softmax_grad(c, c.output("data"), dy, y, *self.forward.lines(y.shape), PLAIN, 1.0)


class SoftmaxActivation(OpDef):
    """Softmax as an activation, ``output = exp(x) / sum(exp(x))``, of the shape of ``data``.

    ``mode="instance"`` normalises along the last axis (as MXNet 1.9.1 does, whatever the rank),
    ``mode="channel"`` along axis 1. (MXNet: SoftmaxActivation)
    """

    name = "SoftmaxActivation"
    backward = SoftmaxActivationBackward

    mode = Enum(("channel", "instance"), "instance", "what is normalised together")

    def lines(self, shape: tuple[int, ...]) -> tuple[int, int, int]:
        return lines(shape, 1 if self.mode == "channel" else len(shape) - 1)

    def infer_shape(self, s: ShapeRule) -> None:
        s.same()
        shape = s.ins[0]
        least = 2 if self.mode == "channel" else 1
        if shape is not None and len(shape) < least:
            raise ShapeError(
                f"{self.name}: mode={self.mode} needs data with at least {least} dimensions, got {len(shape)}"
            )

    def lower(self, c: LowerContext) -> None:
        x = c.input("data")
        emit_softmax(c, c.output(), x, *self.lines(x.shape))
