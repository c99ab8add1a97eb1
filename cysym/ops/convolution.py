"""Convolution of one, two or three spatial dimensions, its gradients, and what it offers beyond MXNet.

Two doors for later passes: inputs and outputs may lie in blocks of 16 channels (`Tensor.layout` "nChw16c"),
and `Convolution.lower_with_stats` also leaves mean and variance of every output plane. The kernel calls are
made in `conv_calls`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..base import MXNetError, ShapeError
from .conv_calls import (
    ConvCalls,
    bias_gradient,
    channels_back,
    channels_first,
    check_groups,
    check_rank,
    check_runs,
    check_steps,
)
from .rules import FLOATS, Dims, ShapeRule, show
from .schema import Backward, Bool, Enum, Int, OpDef, Shape

if TYPE_CHECKING:
    from ..passes.gradient import GradContext
    from ..passes.ir import Tensor
    from ..passes.lower import LowerContext


class _ConvolutionBackward(Backward):
    def read_names(self) -> tuple[str, ...]:
        names = ["ograd"]
        if "data" in self.wanted:
            names.append("weight")
        if "weight" in self.wanted:
            names.append("data")
        return tuple(names)

    def lower(self, c: LowerContext) -> None:
        op = self.forward
        assert isinstance(op, Convolution)
        calls, g = op.calls(), c.input("ograd", "batch")
        if c.wants("data"):
            calls.data(c, c.output("data", "batch"), g, c.input("weight"))
        if c.wants("weight"):
            calls.weight(c, c.output("weight"), g, c.input("data", "batch"))
        if c.wants("bias"):
            bias_gradient(c, c.output("bias"), g)

    def gradient(self, g: GradContext) -> list[Any]:
        return g.bilinear("data", "weight", "bias")


class Convolution(OpDef):
    """Cross-correlation of `data` with `num_filter` kernels.

    With one, two or three entries in `kernel`: data (n, c, spatial...), weight (num_filter, c / num_group,
    kernel...), bias (num_filter,), output (n, num_filter, spatial'...) with ``spatial' = floor((spatial + 2 *
    pad - dilate * (kernel - 1) - 1) / stride) + 1``; ``output[n, f, y, x] = bias[f] + sum over c, i, j of
    weight[f, c, i, j] * data[n, c, y * stride + i * dilate - pad, x * stride + j * dilate - pad]``, pixels
    outside of data being zero. With `num_group` > 1 channels and filters fall into groups that do not see
    each other. Layouts with channels last can be inferred but, as in MXNet on a CPU, not run.
    """

    name = "Convolution"
    inputs = ("data", "weight", "bias")
    blocked_inputs = ("data",)
    blocked_outputs = ("output",)
    backward = _ConvolutionBackward
    dtypes = FLOATS

    kernel = Shape(doc="Convolution kernel size: (w,), (h, w) or (d, h, w).")
    stride = Shape((), "Convolution stride: (w,), (h, w) or (d, h, w). Defaults to 1 for each dimension.")
    dilate = Shape((), "Convolution dilate: (w,), (h, w) or (d, h, w). Defaults to 1 for each dimension.")
    pad = Shape((), "Zero pad for convolution: (w,), (h, w) or (d, h, w). Defaults to no padding.")
    num_filter = Int(min=1, doc="Convolution filter(channel) number.")
    num_group = Int(1, min=1, doc="Number of group partitions.")
    workspace = Int(1024, min=0, doc="Accepted and not used: workspaces are part of the memory plan.")
    no_bias = Bool(False, "Whether to disable bias parameter.")
    cudnn_tune = Enum(("fastest", "limited_workspace", "off"), None, "Accepted and not used.")
    cudnn_off = Bool(False, "Accepted and not used.")
    layout = Enum(
        ("NCDHW", "NCHW", "NCW", "NDHWC", "NHWC"), None,
        "Layout of data, weight and output; by default NCW, NCHW or NCDHW.",
    )  # fmt: skip

    def check(self) -> None:
        steps = {"Stride": self.stride, "Dilate": self.dilate, "Padding": self.pad}
        check_steps("convolution", self.kernel, steps, self.layout, ("Stride", "Dilate"))

    def input_names(self) -> tuple[str, ...]:
        return self.inputs[:2] if self.no_bias else self.inputs

    def calls(self) -> ConvCalls:
        """What lowers it, stride, dilate and pad with defaults filled in."""
        check_runs(self, self.layout)
        ones = (1,) * len(self.kernel)
        stride, dilate, pad = self.stride or ones, self.dilate or ones, self.pad or (0,) * len(ones)
        return ConvCalls(self, self.kernel, stride, dilate, pad, self.num_group)

    # --- shapes ---------------------------------------------------------------------------------------------
    def infer_shape(self, s: ShapeRule) -> None:
        def back(shape: Dims) -> Dims:
            return channels_back(shape, self.layout)

        if not self.no_bias:
            s.meet_in("bias", (self.num_filter,))
        data = s.get("data")
        if data is None:
            s.meet_in("weight", back((self.num_filter, -1, *self.kernel)))
            return
        check_rank(data, len(self.kernel))
        n, channels, *size = channels_first(data, self.layout)
        check_groups(channels, self.num_filter, self.num_group, data)
        per_group = channels // self.num_group if channels >= 0 else -1
        s.meet_in("weight", back((self.num_filter, per_group, *self.kernel)))
        ones = (1,) * len(size)
        stride, dilate, pad = self.stride or ones, self.dilate or ones, self.pad or (0,) * len(size)
        reach = [d * (k - 1) + 1 for k, d in zip(self.kernel, dilate, strict=True)]
        for x, r, p in zip(size, reach, pad, strict=True):
            if x >= 0 and r > x + 2 * p:
                raise ShapeError(
                    f"kernel size exceed input: a dilated kernel of {show(tuple(reach))} "
                    f"on data {show(data)} padded by {show(pad)}"
                )
        out = [
            (x + 2 * p - r) // t + 1 if x >= 0 else -1
            for x, r, t, p in zip(size, reach, stride, pad, strict=True)
        ]
        known = s.meet_out(0, back((n, self.num_filter, *out)))
        if known is not None:  # the batch, and where the stride is 1 the size, follow from the output
            n, _, *out = channels_first(known, self.layout)
            size = [
                o + r - 1 - 2 * p if t == 1 and o >= 0 else x
                for x, o, r, t, p in zip(size, out, reach, stride, pad, strict=True)
            ]
            s.meet_in("data", back((n, channels, *size)))

    # --- kernels --------------------------------------------------------------------------------------------
    def lower(self, c: LowerContext) -> None:
        self._lower_forward(c, None)

    def lower_with_stats(self, c: LowerContext, stats: Tensor) -> None:
        """As `lower`, and leave statistics of the output in `stats`, a dense tensor (n, num_filter, 2).

        ``stats[n, f]`` holds mean and sum of squared deviations from it over the pixels of one output plane,
        bias included. Planes are merged by Chan's formula: with equal counts m, the deviations of two planes
        join to ``M2 = M2a + M2b + (mean_a - mean_b)**2 * m / 2``.
        """
        filters = c.shape("output")[1]
        if stats.shape != (c.shape("output")[0], filters, 2) or not stats.is_dense():
            raise MXNetError(f"{self!r}: statistics need a dense tensor (batch, {filters}, 2), got {stats!r}")
        self._lower_forward(c, stats)

    def _lower_forward(self, c: LowerContext, stats: Tensor | None) -> None:
        calls = self.calls()
        x, w, y = c.input("data", "blocked"), c.input("weight"), c.output("output", "blocked")
        calls.output(c, y, x, w, None if self.no_bias else c.input("bias"), stats)
