"""softmax and its relatives: softmax, log_softmax, softmin, SoftmaxActivation.

Every one normalises lines of `n` elements that lie `inner` apart. `emit_softmax` and `emit_softmax_grad` name
the kernels (also for the loss layers, which borrow the forward pass); the numbers are made in
c_kernels/softmax.c and cl_kernels/softmax.cl. With lengths, what lies beyond is masked before and after.
"""

from __future__ import annotations

from math import inf, prod
from typing import TYPE_CHECKING, Any, ClassVar, Final

from ..base import MXNetError, ShapeError, TypeInferenceError
from ..dtypes import CODES, NAMES
from .axes import normal_axis
from .rules import FLOATS
from .schema import Backward, Bool, DType, Enum, Float, Int, OpDef

if TYPE_CHECKING:
    from ..passes.gradient import GradContext
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


def emit_mask(c: LowerContext, y: Tensor, x: Tensor, length: Tensor, axis: int, fill: float) -> None:
    """y = x where the index along the axis is below the line's length, `fill` elsewhere."""
    _, n, inner = lines(x.shape, axis)
    c.call("softmax_mask", [y], [x, length], [n, inner], [fill], items=x.size, cost=1.0, inplace=[(0, 0)])


class _Softmax(OpDef):
    """Common part: one axis, a temperature, lengths, and the type of the result."""

    mode: ClassVar[int] = PLAIN
    sign: ClassVar[float] = 1.0
    dtypes = FLOATS

    axis = Int(-1, "the axis along which to normalise")
    temperature = Float(None, "divides the data first")
    dtype = DType(None, "element type of the result; the data's when absent")
    use_length = Bool(
        False, "only the first ``length`` elements of each line count; others give 0", none=True
    )

    def check(self) -> None:
        if self.temperature == 0:
            raise MXNetError(f"{self.name}: temperature must not be 0")
        if self.dtype is not None and NAMES[self.dtype] not in FLOATS:
            raise MXNetError(
                f"{self.name}: dtype must be None, float16, float32 or float64, got {NAMES[self.dtype]}"
            )

    @property
    def scale(self) -> float:
        return self.sign / (1.0 if self.temperature is None else self.temperature)

    def input_names(self) -> tuple[str, ...]:
        return ("data", "length") if self.use_length else ("data",)

    def infer_shape(self, s: ShapeRule) -> None:
        shape = s.meet_in(0, s.outs[0])
        s.meet_out(0, shape)
        if shape is None:
            return
        if not -len(shape) <= self.axis < len(shape):
            raise ShapeError(
                f"{self.name}: axis {self.axis} is out of range for data with {len(shape)} dimensions"
            )
        if self.use_length:
            axis = normal_axis(self.axis, len(shape))
            length = s.meet_in(1, (*shape[:axis], *shape[axis + 1 :]) or (1,))
            if length is not None and len(shape) > 1:
                s.meet_in(0, (*length[:axis], shape[axis], *length[axis:]))
                s.meet_out(0, s.ins[0])

    def infer_type(self, t: TypeRule) -> None:
        if self.dtype is None:
            t.same([0], [0])
        else:
            t.meet_out(0, self.dtype)
        if self.use_length:
            if t.ins[1] is None:
                t.meet_in(1, CODES["int32"])
            elif t.ins[1] not in (CODES["int32"], CODES["int64"]):
                raise TypeInferenceError(f"{self.name}: length must be int32 or int64, got {NAMES[t.ins[1]]}")

    def lower(self, c: LowerContext) -> None:
        y = c.output()
        x = c.input("data", dtype=y.dtype)
        axis = self.axis % len(x.shape)
        if not self.use_length:
            emit_softmax(c, y, x, *lines(x.shape, axis), self.mode, self.scale)
            return
        length = c.input("length", dtype=CODES["int64"])
        masked, full = c.temp(x.shape, x.dtype), c.temp(x.shape, x.dtype)
        emit_mask(c, masked, x, length, axis, -inf if self.scale > 0 else inf)
        emit_softmax(c, full, masked, *lines(x.shape, axis), self.mode, self.scale)
        emit_mask(c, y, full, length, axis, 0.0)


class SoftmaxBackward(Backward):
    """dx = scale * y * (dy - sum(dy * y)); of the logarithm: scale * (dy - exp(y) * sum(dy)).

    Beyond a line's length dy counts as 0, and dx is 0.
    """

    forward: _Softmax
    differentiable = ("data",)

    def read_names(self) -> tuple[str, ...]:
        return ("ograd", "output", "length") if self.forward.use_length else ("ograd", "output")

    def gradient(self, g: GradContext) -> list[Any]:
        """Of a gradient: with h the head gradient and t = sum along the axis, the plain softmax passes
        scale y (h - t(h y)) to dy and scale (h dy - h t(dy y) - dy t(h y)) to y; the logarithm
        scale (h - t(h exp(y))) and -scale h exp(y) t(dy).
        """
        op = self.forward
        if op.use_length or op.dtype is not None:
            raise MXNetError(f"second derivatives of {op.name} with use_length or dtype are not supported")
        h, dy, y = g.ograd(), *g.ins

        def times(a: Any, b: Any) -> Any:
            return g.make("elemwise_mul", a, b)

        def total(a: Any) -> Any:
            return g.make("sum", a, axis=(op.axis,), keepdims=True)

        def scaled(a: Any, factor: float) -> Any:
            return g.make("_mul_scalar", a, scalar=factor)

        if op.mode == LOG:
            p = times(h, g.make("exp", y))
            to_dy = g.make("broadcast_sub", h, total(p))
            to_y = g.make("broadcast_mul", p, total(dy))
            return [scaled(to_dy, op.scale), scaled(to_y, -op.scale)]
        to_dy = times(y, g.make("broadcast_sub", h, total(times(h, y))))
        less = g.make("broadcast_sub", dy, total(times(dy, y)))
        to_y = g.make("elemwise_sub", times(h, less), g.make("broadcast_mul", dy, total(times(h, y))))
        return [scaled(to_dy, op.scale), scaled(to_y, op.scale)]

    def lower(self, c: LowerContext) -> None:
        op = self.forward
        dy, y, dx = c.input("ograd"), c.input("output"), c.output("data")
        axis = op.axis % len(y.shape)
        to = dx if dx.dtype == dy.dtype else c.temp(dx.shape, dy.dtype)
        if op.use_length:
            length, masked = c.input("length", dtype=CODES["int64"]), c.temp(dy.shape, dy.dtype)
            emit_mask(c, masked, dy, length, axis, 0.0)
            dy = masked
        emit_softmax_grad(c, to, dy, y, *lines(y.shape, axis), op.mode, op.scale)
        if op.use_length:
            emit_mask(c, to, to, length, axis, 0.0)
        if to is not dx:
            c.cast(dx, to)


class Softmax(_Softmax):
    """Softmax along one axis: ``output = exp(x / T) / sum(exp(x / T))``.

    ``output`` has the shape of ``data``; T is ``temperature`` (1 when absent). ``dtype`` sets another element
    type for the result. A line that holds a NaN, or nothing but -inf, becomes NaN. With ``use_length`` a
    second input ``length`` (int32 or int64, the shape of data without the axis) says how many elements of
    each line count; the others give 0. (MXNet: softmax)
    """

    name = "softmax"
    backward = SoftmaxBackward


class LogSoftmax(_Softmax):
    """Logarithm of the softmax along one axis: ``output = x / T - log(sum(exp(x / T)))``.

    Computed without forming the softmax, so large negative results keep their digits. ``use_length`` as in
    softmax: elements beyond the length give 0. (MXNet: log_softmax)
    """

    name = "log_softmax"
    mode = LOG
    backward = SoftmaxBackward


class Softmin(_Softmax):
    """Softmax of the negated data: ``output = exp(-x / T) / sum(exp(-x / T))``; parameters as in softmax.
    (MXNet: softmin)"""

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
    dtypes = FLOATS
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
