"""Convolution of one, two or three spatial dimensions, its gradients, and what it offers beyond MXNet.

Two doors for later passes: inputs and outputs may lie in blocks of 16 channels (`Tensor.layout` "nChw16c"),
and `Convolution.lower_with_stats` also leaves mean and variance of every output plane. How a plane is cut
into blocks is decided here from shapes alone; kernels are in convolution.c and convolution.cl.
"""

from __future__ import annotations

from math import gcd, prod
from typing import TYPE_CHECKING, NamedTuple

from ..base import MXNetError, ShapeError
from .dot import blocks, pieces, up
from .rules import ShapeRule, show
from .schema import Backward, Bool, Enum, Int, OpDef, Shape

if TYPE_CHECKING:
    from ..passes.ir import Tensor
    from ..passes.lower import LowerContext

LAYOUTS = {"NCW": 1, "NCHW": 2, "NCDHW": 3, "NWC": 1, "NHWC": 2, "NDHWC": 3}
BLOCKED = "nChw16c"
MAX_CHANNELS, MAX_PIXELS, STAGE = (
    168,
    384,
    16384,
)  # limits of gemm.h: rows and columns of a block, staging room


class Blocks(NamedTuple):
    """A block: its rows and columns of pixels, the taps of a kernel row staged together, its images."""

    rows: int
    width: int
    span: int
    images: int


def plane_blocks(size: tuple[int, int], taps: int, dilate: int, stride: int, images: int) -> Blocks:
    """Blocks of planes of output pixels of `size`, for `taps` in a row of the kernel.

    At most `images` small planes share one. A block's columns run through its rows with a gap of as many
    pixels as the taps of a row reach beyond it, so the gap is kept small against the width, and the number of
    rows is the one that wastes fewest vectors.

    >>> plane_blocks((56, 56), 3, 1, 1, 8), plane_blocks((7, 7), 3, 1, 1, 8)
    (Blocks(rows=5, width=56, span=3, images=1), Blocks(rows=7, width=7, span=3, images=6))
    """
    height, width = max(size[0], 1), max(size[1], 1)
    cols = pieces(width, pieces(width, 256))
    reach = max(2, cols // 4)
    span = max(1, min(taps, ((reach + 1) * stride - 1) // dilate + 1))

    def pitch(s: int) -> int:
        return cols + (s - 1) * dilate // stride

    def planes(s: int) -> int:
        return pieces(min(stride, (s - 1) * dilate + 1), gcd(stride, dilate))

    while span > 1 and planes(span) * pitch(span) > STAGE:
        span //= 2
    step = pitch(span)
    fitting = min((MAX_PIXELS - cols) // step + 1, STAGE // (planes(span) * step))
    if cols == width and 2 * height <= fitting and images > 1:
        return Blocks(height, cols, span, min(images, fitting // height))
    most = max(1, min(height, fitting))

    def waste(rows: int) -> int:
        """Columns computed for the whole plane; packing the weights for a block costs about 13 more."""
        left = height % rows
        return height // rows * (up((rows - 1) * step + cols, 32) + 13) + (
            up((left - 1) * step + cols, 32) + 13 if left else 0
        )

    return Blocks(min(range(most, max(most // 2, 1) - 1, -1), key=waste), cols, span, 1)


def channel_block(channels: int, others: int) -> int:
    """Channels of a block where `others` blocks share the work already: fewer when that leaves cores idle."""
    size = (
        channels
        if channels <= MAX_CHANNELS
        else min(up(pieces(channels, pieces(channels, MAX_CHANNELS)), 14), 168)
    )
    while others * pieces(channels, size) < 8 and size >= 56:
        size = up(size // 2, 14)
    return size


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
        g = c.input("ograd", "batch")
        if c.wants("data"):
            dx = c.output("data", "batch")
            op.emit_data_gradient(c, dx, g, c.input("weight"))
        if c.wants("weight"):
            op.emit_weight_gradient(c, c.output("weight"), g, c.input("data", "batch"))
        if c.wants("bias"):
            channels, pixels = g.shape[1], prod(g.shape[2:])
            c.call(
                "sum_channels", [c.output("bias")], [g], [g.shape[0], channels, pixels, g.batch_stride()],
                items=channels, cost=20.0 + g.shape[0] * (10 + pixels / 8),
            )  # fmt: skip


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
        rank = len(self.kernel)
        if not 1 <= rank <= 3:
            raise MXNetError(f"{rank}D convolution not supported")
        words = (("Stride", self.stride), ("Dilate", self.dilate), ("Padding", self.pad))
        for word, value in words:
            if value and len(value) != rank:
                raise MXNetError(
                    f"{word} must have the same number of dimensions with kernel_size, "
                    f"but kernel_size is set to {show(self.kernel)} while {word.lower()} is {show(value)}"
                )
        for word, value in (("kernel", self.kernel), ("stride", self.stride), ("dilate", self.dilate)):
            if any(v <= 0 for v in value):
                raise MXNetError(f"incorrect {word} size: {show(value)}")
        if self.layout is not None and LAYOUTS[self.layout] != rank:
            raise MXNetError(
                f"layout {self.layout} does not fit a kernel of {rank} dimensions {show(self.kernel)}"
            )

    def input_names(self) -> tuple[str, ...]:
        return self.inputs[:2] if self.no_bias else self.inputs

    def steps(self) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
        """Stride, dilate and pad with defaults filled in."""
        rank = len(self.kernel)
        return self.stride or (1,) * rank, self.dilate or (1,) * rank, self.pad or (0,) * rank

    # --- shapes ---------------------------------------------------------------------------------------------
    def infer_shape(self, s: ShapeRule) -> None:
        last = self.layout is not None and self.layout.endswith("C")
        rank = len(self.kernel)

        def first(shape: tuple[int, ...]) -> tuple[int, ...]:
            return (shape[0], shape[-1], *shape[1:-1]) if last else shape

        def back(shape: tuple[int, ...]) -> tuple[int, ...]:
            return (shape[0], *shape[2:], shape[1]) if last else shape

        if not self.no_bias:
            s.meet_in("bias", (self.num_filter,))
        data = s.get("data")
        if data is None:
            s.meet_in("weight", back((self.num_filter, -1, *self.kernel)))
            return
        if len(data) != rank + 2:
            names = ("x", "y-x", "d-y-x")[rank - 1]
            raise ShapeError(
                f"Input data should be {rank + 2}D in batch-num_filter-{names}, got {show(data)}"
            )
        n, channels, *size = first(data)
        if channels >= 0 and channels % self.num_group:
            raise ShapeError(
                f"input num_filter must divide group size: {channels} channels of data {show(data)} for "
                f"num_group={self.num_group}"
            )
        if self.num_filter % self.num_group:
            raise ShapeError(
                f"output num_filter must divide group size: num_filter={self.num_filter} for "
                f"num_group={self.num_group}"
            )
        per_group = channels // self.num_group if channels >= 0 else -1
        s.meet_in("weight", back((self.num_filter, per_group, *self.kernel)))
        stride, dilate, pad = self.steps()
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
            n, _, *out = first(known)
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
        x, w, y = c.input("data", "blocked"), c.input("weight"), c.output("output", "blocked")
        bias = w if self.no_bias else c.input("bias")
        ints = self._shape_ints(x, y)
        stride, dilate, _ = self.steps()
        depth, height, width = _dhw(y)
        filters = self.num_filter // self.num_group
        share = self._images(x.shape[0], filters)
        plane = plane_blocks((height, width), self.kernel[-1], dilate[-1], stride[-1], share)
        whole = pieces(x.shape[0], plane.images) * self.num_group
        many = depth * pieces(height, plane.rows) * pieces(width, plane.width)
        size = channel_block(filters, whole * (many if stats is None else 1))
        ints += [x.batch_stride(), y.batch_stride(), _layout_flag(self, x), _layout_flag(self, y)]
        ints += [int(not self.no_bias), size, *plane]
        blocks_of_channels = whole * pieces(filters, size)
        work = 100.0 + size * plane.images * plane.rows * plane.width * prod(w.shape[1:]) / 60
        if stats is None:
            c.call("conv_forward", [y], [x, w, bias], ints, items=blocks_of_channels * many, cost=work)
        else:
            c.call(
                "conv_forward_stats",
                [y, stats],
                [x, w, bias],
                ints,
                items=blocks_of_channels,
                cost=work * many,
            )

    def emit_data_gradient(self, c: LowerContext, dx: Tensor, g: Tensor, w: Tensor) -> None:
        """dx from the head gradient `g`: a product for every phase of the stride."""
        ints = self._shape_ints(dx, g)
        stride, dilate, _ = self.steps()
        depth, height, width = _dhw(dx)
        sd, sh, sw = _three(stride, 1)
        shared = gcd(sw, dilate[-1])
        taps = pieces(self.kernel[-1], sw // shared)
        channels = dx.shape[1] // self.num_group
        size_of_phase = (pieces(height, sh), pieces(width, sw))
        plane = plane_blocks(
            size_of_phase, taps, dilate[-1] // shared, 1, self._images(dx.shape[0], channels)
        )
        many = sd * sh * sw * pieces(depth, sd)
        many *= pieces(size_of_phase[0], plane.rows) * pieces(size_of_phase[1], plane.width)
        whole = pieces(dx.shape[0], plane.images) * self.num_group
        size = channel_block(channels, whole * many)
        ints += [dx.batch_stride(), g.batch_stride(), 0, 0, 0, size, *plane]
        work = (
            size
            * plane.images
            * plane.rows
            * plane.width
            * prod(w.shape)
            / channels
            / prod(stride)
            / self.num_group
        )
        c.call(
            "conv_backward_data", [dx], [g, w], ints,
            items=whole * pieces(channels, size) * many, cost=100.0 + work / 60,
        )  # fmt: skip

    def emit_weight_gradient(self, c: LowerContext, dw: Tensor, g: Tensor, x: Tensor) -> None:
        """Gradient of the weight: one product over all images and pixels a group."""
        filters, taps = self.num_filter // self.num_group, prod(dw.shape[1:])
        pixels = g.shape[0] * prod(g.shape[2:])
        rows, cols = blocks(filters, taps, pixels, self.num_group)
        ints = [*self._shape_ints(x, g), x.batch_stride(), g.batch_stride(), 0, 0, 0, rows, cols, 0, 0, 1]
        c.call(
            "conv_backward_weight", [dw], [g, x], ints,
            items=self.num_group * pieces(filters, rows) * pieces(taps, cols),
            cost=100.0 + rows * min(cols, taps) * pixels / 50,
        )  # fmt: skip

    def _shape_ints(self, x: Tensor, y: Tensor) -> list[int]:
        """The integers every kernel starts with, three spatial dimensions each."""
        stride, dilate, pad = self.steps()
        groups = self.num_group
        if self.layout is not None and self.layout.endswith("C"):
            raise MXNetError(f"Convolution: layout {self.layout} cannot be run, only NCW, NCHW and NCDHW can")
        return [
            x.shape[0], groups, x.shape[1] // groups, y.shape[1] // groups, *_dhw(x), *_dhw(y),
            *_three(self.kernel, 1), *_three(stride, 1), *_three(dilate, 1), *_three(pad, 0),
        ]  # fmt: skip

    def _images(self, batch: int, channels: int) -> int:
        """Images a block may hold so that eight or more are left to share among cores."""
        return max(1, batch * self.num_group * pieces(channels, MAX_CHANNELS) // 8)


def _three(values: tuple[int, ...], fill: int) -> tuple[int, ...]:
    """Depth, height and width; what is missing in front is `fill`."""
    return (fill,) * (3 - len(values)) + values


def _dhw(t: Tensor) -> tuple[int, ...]:
    return _three(t.shape[2:], 1)


def _layout_flag(op: OpDef, t: Tensor) -> int:
    if t.layout and (t.layout != BLOCKED or t.shape[1] % 16):
        raise MXNetError(f"{op!r} cannot use {t!r}: layout {BLOCKED} with a multiple of 16 channels is known")
    return int(bool(t.layout))


__all__ = ["BLOCKED", "Convolution", "plane_blocks"]
