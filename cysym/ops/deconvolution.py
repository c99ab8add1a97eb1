"""Deconvolution: a convolution run backwards. Its output is the gradient of a convolution's data.

So its kernels are those of `conv_calls` with the roles exchanged: the gradient of the data is a convolution
of the head gradient, that of the weight the weight gradient of that convolution. No kernel of its own.
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
    from ..passes.lower import LowerContext


class DeconvolutionBackward(Backward):
    """ddata = conv(dy, weight), dweight = gradient of that convolution's weight, dbias = sums of dy."""

    forward: Deconvolution

    def read_names(self) -> tuple[str, ...]:
        weight = ("weight",) if "data" in self.wanted else ()
        return ("ograd", *weight, *(("data",) if "weight" in self.wanted else ()))

    def lower(self, c: LowerContext) -> None:
        g = c.input("ograd", "batch")
        if c.wants("bias"):
            bias_gradient(c, c.output("bias"), g)
        if c.wants("data"):
            calls = self.forward.calls(c.shape("data")[2:])
            calls.output(c, c.output("data", "batch"), g, c.input("weight"), None)
        if c.wants("weight"):
            x = c.input("data", "batch")
            self.forward.calls(x.shape[2:]).weight(c, c.output("weight"), x, g)

    def gradient(self, g: GradContext) -> list[Any]:
        return g.bilinear("data", "weight", "bias")


class Deconvolution(OpDef):
    """Transposed convolution: every pixel of `data` stamps the kernel, weighted, onto the output.

    With one, two or three entries in `kernel`: data (n, c, spatial...), weight (c, num_filter / num_group,
    kernel...), bias (num_filter,) unless `no_bias` (the default), output (n, num_filter, spatial'...) with
    ``spatial' = (spatial - 1) * stride + dilate * (kernel - 1) + 1 - 2 * pad + adj``. Pixel ``[n, f, y *
    stride + i * dilate - pad, x * stride + j * dilate - pad]`` of the output is the sum of ``weight[c, f, i,
    j] * data[n, c, y, x]`` over all c, y, x, i, j that lead there. `target_shape` names spatial' itself, and
    pad and adj are not looked at: what the stamps reach beyond it, ``rest``, gives ``pad = ceil(rest / 2)``
    and ``adj = rest % 2``. Layouts with channels last can be inferred but, as in MXNet on a CPU, not run.
    (MXNet: Deconvolution; Zeiler et al. 2010)
    """

    name = "Deconvolution"
    inputs = ("data", "weight", "bias")
    backward = DeconvolutionBackward
    dtypes = FLOATS

    kernel = Shape(doc="Kernel size: (w,), (h, w) or (d, h, w).")
    stride = Shape((), "Pixels of the output from one stamp to the next, 1 by default.")
    dilate = Shape((), "Pixels of the output from one tap to the next, 1 by default.")
    pad = Shape((), "Pixels cut from both ends of the output, none by default.")
    adj = Shape((), "Pixels added at the end of the output, below stride; none by default.")
    target_shape = Shape((), "Spatial size of the output; pad and adj follow from it.")
    num_filter = Int(min=1, doc="Number of output channels.")
    num_group = Int(1, min=1, doc="Number of groups of channels that do not see each other.")
    workspace = Int(512, min=0, doc="Accepted and not used: workspaces are part of the memory plan.")
    no_bias = Bool(True, "Whether there is no bias.")
    cudnn_tune = Enum(("fastest", "limited_workspace", "off"), None, "Accepted and not used.")
    cudnn_off = Bool(False, "Accepted and not used.")
    layout = Enum(
        ("NCDHW", "NCHW", "NCW", "NDHWC", "NHWC"), None,
        "Layout of data, weight and output; by default NCW, NCHW or NCDHW.",
    )  # fmt: skip

    def check(self) -> None:
        steps = {
            "Stride": self.stride, "Dilate": self.dilate, "Padding": self.pad, "Adjustment": self.adj,
            "Target shape": self.target_shape,
        }  # fmt: skip
        check_steps("deconvolution", self.kernel, steps, self.layout, ("Stride", "Dilate"))
        if any(self.target_shape) and not all(self.target_shape):
            raise MXNetError(f"incorrect target_shape: {show(self.target_shape)}, expected all sizes or none")

    def input_names(self) -> tuple[str, ...]:
        return self.inputs[:2] if self.no_bias else self.inputs

    def _margins(self, size: Dims) -> tuple[Dims, Dims, Dims]:
        """Pad, adj and the output's size for spatial `size` of the data; -1 where that is not known."""
        rank = len(size)
        stride, dilate = self.stride or (1,) * rank, self.dilate or (1,) * rank
        zero = (0,) * rank
        full = [  # what the stamps cover
            (x - 1) * s + d * (k - 1) + 1 if x >= 0 else -1
            for x, s, d, k in zip(size, stride, dilate, self.kernel, strict=True)
        ]
        if any(self.target_shape):
            rest = [f - t if f >= 0 else 0 for f, t in zip(full, self.target_shape, strict=True)]
            if any(r < 0 for r in rest):
                raise ShapeError(
                    f"too big target shape: {show(self.target_shape)}, at most {show(tuple(full))}"
                )
            pad, adj = tuple((r + 1) // 2 for r in rest), tuple(r % 2 for r in rest)
        else:
            pad, adj = self.pad or zero, self.adj or zero
        for a, s in zip(adj, stride, strict=True):
            if a >= s:
                raise ShapeError(f"adj must be smaller than stride: adj {show(adj)}, stride {show(stride)}")
        out = tuple(f - 2 * p + a if f >= 0 else -1 for f, p, a in zip(full, pad, adj, strict=True))
        if any(f >= 0 and o < 1 for f, o in zip(full, out, strict=True)):
            raise ShapeError(
                f"nothing is left of the output: pad {show(pad)} cuts {show(tuple(full))} to {show(out)}"
            )
        return pad, adj, out

    def calls(self, size: Dims) -> ConvCalls:
        """The convolution this one reverses, for spatial `size` of the data."""
        check_runs(self, self.layout)
        ones = (1,) * len(self.kernel)
        pad = self._margins(size)[0]
        return ConvCalls(self, self.kernel, self.stride or ones, self.dilate or ones, pad, self.num_group)

    def infer_shape(self, s: ShapeRule) -> None:
        def back(shape: Dims) -> Dims:
            return channels_back(shape, self.layout)

        if not self.no_bias:
            s.meet_in("bias", (self.num_filter,))
        data, per_group = s.get("data"), self.num_filter // self.num_group
        if data is None:
            s.meet_in("weight", back((-1, per_group, *self.kernel)))
            return
        check_rank(data, len(self.kernel))
        n, channels, *size = channels_first(data, self.layout)
        check_groups(channels, self.num_filter, self.num_group, data)
        if channels == 0 or 0 in size:
            raise ShapeError(f"data must have channels and pixels, got {show(data)}")
        s.meet_in("weight", back((channels, per_group, *self.kernel)))
        known = s.meet_out(0, back((n, self.num_filter, *self._margins(tuple(size))[2])))
        if known is not None:  # the batch follows from the output
            s.meet_in("data", back((known[0], channels, *size)))

    def lower(self, c: LowerContext) -> None:
        x, w, y = c.input("data", "batch"), c.input("weight"), c.output("output", "batch")
        self.calls(x.shape[2:]).data(c, y, x, w, None if self.no_bias else c.input("bias"))
