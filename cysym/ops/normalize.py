"""L2Normalization and moments: made of reductions and elementwise groups, no kernels of their own.

The reductions are those of reduce.py; expressions with a reduced tensor stretch it back through strides of
0, so nothing is copied.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..base import MXNetError, ShapeError
from ..dtypes import CODES
from ..passes.ir import num_elements
from . import expr
from .axes import normal_axes
from .elementwise import emit
from .ew_group import compile_tree
from .reduce import emit as emit_reduction
from .reduce import emit_sum, spread
from .rules import FLOATS, show
from .schema import Backward, Bool, Enum, Float, OpDef, Shape

if TYPE_CHECKING:
    from ..passes.gradient import GradContext
    from ..passes.ir import Tensor
    from ..passes.lower import LowerContext
    from .rules import Dims, ShapeRule


def compute(c: LowerContext, out: Tensor, text: str, s: float = 0.0, **tensors: Tensor) -> None:
    """out = the expression `text` of the tensors (all of the shape of `out`) and the number s."""
    names = "".join(tensors)
    group, floats = compile_tree(expr.parse(text, names + "s"), names, {"s": s})
    emit(c, group, [out], list(tensors.values()), floats)


class L2Normalization(OpDef):
    """Data divided by its Euclidean norm: ``output = data / sqrt(sum(data ** 2) + eps)``.

    The sum runs over a whole sample (``mode="instance"``), over the channels of a position (``"channel"``,
    axis 1) or over the positions of a channel (``"spatial"``, axes 2 and up).

    data, output: (batch, ...); at least 3 dimensions for "channel" and "spatial". (MXNet: L2Normalization)
    """

    name = "L2Normalization"
    outputs = ("output", "norm")
    has_own_output_names = True
    dtypes = FLOATS

    eps = Float(1e-10, "added to the sum of squares")
    mode = Enum(("channel", "instance", "spatial"), "instance", "what is normalised together")

    def num_visible(self) -> int:
        return 1

    def axes(self, ndim: int) -> tuple[int, ...]:
        return {"instance": tuple(range(1, ndim)), "channel": (1,), "spatial": tuple(range(2, ndim))}[
            self.mode
        ]

    def infer_shape(self, s: ShapeRule) -> None:
        data = s.meet_in(0, s.outs[0])
        s.meet_out(0, data)
        if data is None:
            return
        least = 1 if self.mode == "instance" else 3
        if len(data) < least:
            raise ShapeError(
                f"{self.name}: data must have at least {least} dimensions in {self.mode} mode, got shape "
                f"{show(data)}"
            )
        axes = self.axes(len(data))
        s.meet_out(1, tuple(1 if i in axes else d for i, d in enumerate(data)))

    def gradient(self, g: GradContext) -> list[Any]:
        """dx = (dy - y sum(dy y)) / norm, and y times the gradient of norm where somebody has used it."""
        y, norm = g.outs
        parts = []
        if g.ograds[0] is not None:
            dy = g.ograd(0)
            axis, others = {"instance": ((0,), True), "channel": ((1,), False), "spatial": ((0, 1), True)}[
                self.mode
            ]
            products = g.make("elemwise_mul", dy, y)
            sums = g.make("sum", products, axis=axis, exclude=others, keepdims=True)
            less = g.make("elemwise_sub", dy, g.make("broadcast_mul", y, sums))
            parts.append(g.make("broadcast_div", less, norm))
        if g.ograds[1] is not None:
            parts.append(g.make("broadcast_mul", y, g.ograd(1)))
        return [g.make("add_n", *parts, num_args=len(parts))]

    def lower(self, c: LowerContext) -> None:
        x = c.input("data")
        axes = self.axes(len(x.shape))
        norm = c.output("norm") if c.wants("norm") else c.temp(c.shape("norm"), x.dtype)
        plain = c.temp(norm.shape, x.dtype)
        emit_reduction(c, "reduce_norm", plain, x, axes)
        compute(c, norm, "SQRT(x * x + s)", self.eps, x=plain)
        compute(c, c.output(), "a / b", a=x, b=spread(norm, x.shape, axes))


# Element types in which moments are not computed, and the one that stands in.
_WIDER = {
    CODES["float16"]: CODES["float32"],
    **dict.fromkeys((CODES["uint8"], CODES["int8"], CODES["bool"]), CODES["int32"]),
}


class MomentsBackward(Backward):
    """dx = (dmean + 2 dvar (x - mean)) / n."""

    needs = ("ograd0", "ograd1", "data")
    forward: Moments

    def lower(self, c: LowerContext) -> None:
        x, dx = c.input("data"), c.output("data")
        axes = normal_axes(self.forward.axes or (), len(x.shape), "moments: axes")
        mean, n = _mean(c, x, axes)
        small = [spread(t, x.shape, axes) for t in (c.input("ograd0"), c.input("ograd1"), mean)]
        a, b, y = small
        compute(c, dx, "(a + K(2) * b * (x - y)) * s", 1 / max(n, 1), a=a, b=b, x=x, y=y)


def _mean(c: LowerContext, x: Tensor, axes: Sequence[int]) -> tuple[Tensor, int]:
    """The mean over axes, and of how many elements."""
    kept = tuple(d for i, d in enumerate(x.shape) if i not in axes)
    n = num_elements([x.shape[i] for i in axes])
    mean = c.temp(kept, x.dtype)
    is_whole = x.dtype > CODES["float16"]  # the mean of nothing is NaN, which integers do not have
    emit_sum(c, mean, x, axes, max(n, 1) if is_whole else n)
    return mean, n


class Moments(OpDef):
    """Mean and variance of the elements over ``axes``: ``mean(data)`` and ``mean((data - mean) ** 2)``.

    data: any shape; both outputs: its shape without the axes, or with 1 there if ``keepdims``, and (1,) where
    no axis is left. Integers are divided towards zero. (MXNet: moments)
    """

    name = "moments"
    outputs = ("output0", "output1")
    has_own_output_names = True
    backward = MomentsBackward

    axes = Shape(None, "the axes over which to take the moments; negative ones count from the end")
    keepdims = Bool(False, "leave the axes in the results as dimensions of size one")

    def check(self) -> None:
        if not self.axes:
            raise MXNetError(
                f"{self.name}: axes must name at least one axis, got {self.axes}; name all of them for the "
                "moments of the whole array"
            )

    def infer_shape(self, s: ShapeRule) -> None:
        data = s.ins[0]
        if data is None:
            return
        axes = normal_axes(self.axes or (), len(data), f"{self.name}: axes")
        kept: Dims = tuple(d for i, d in enumerate(data) if i not in axes) or (1,)
        if self.keepdims:
            kept = tuple(1 if i in axes else d for i, d in enumerate(data))
        s.meet_out(0, kept)
        s.meet_out(1, kept)

    def lower(self, c: LowerContext) -> None:
        given = c.input("data", "any").dtype
        x = c.input("data", dtype=_WIDER.get(given, given))
        axes = normal_axes(self.axes or (), len(x.shape), "moments: axes")
        mean, n = _mean(c, x, axes)
        squares, var = c.temp(x.shape, x.dtype), c.temp(mean.shape, x.dtype)
        compute(c, squares, "(x - y) * (x - y)", x=x, y=spread(mean, x.shape, axes))
        emit_sum(c, var, squares, axes, max(n, 1) if x.dtype > CODES["float16"] else n)
        for name, t in (("output0", mean), ("output1", var)):
            if c.wants(name):
                out: Any = c.output(name)
                c.cast(out, t.view(out.shape))
