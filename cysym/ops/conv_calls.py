"""ConvCalls: the kernel calls of a convolution and its gradients, for every operator made of them.

Convolution runs them forwards, Deconvolution and UpSampling the other way round: what is the gradient of the
data to the one is the output of the others. How a plane is cut into blocks is decided here from shapes alone;
kernels are in convolution.c and convolution.cl. No operator is registered here.
"""

from __future__ import annotations

from math import gcd, prod
from typing import TYPE_CHECKING, NamedTuple

from ..base import MXNetError, ShapeError
from .dot import pieces, up
from .rules import Dims, show
from .schema import OpDef

if TYPE_CHECKING:
    from ..passes.ir import Tensor
    from ..passes.lower import LowerContext

LAYOUTS = {"NCW": 1, "NCHW": 2, "NCDHW": 3, "NWC": 1, "NHWC": 2, "NDHWC": 3}
BLOCKED = "nChw16c"
MAX_CHANNELS, MAX_PIXELS, STAGE = 168, 384, 15000  # what gemm.h takes: rows, columns; room for staged pixels
FEW, FEW_TAPS, FEW_PIXELS = 4, 256, 2048  # filters whose pixels are not packed, their taps, pixels of a block
TAPS, GAP, CLOSE = range(3)  # the modes of convolution.c: how the pixels of a tap are found
SHARES = 4  # items wanted of a call: more would feed more cores, but smaller blocks cost each of them more
# The five integers of a block where depthwise.h does without; what its scratch memory has room for.
DEPTHWISE = (0, 0, 0, 0, 1)
DEPTHWISE_REACH, DEPTHWISE_WIDTH = 32, 2048
MAX_STEP = 2**31  # sizes, steps and pads stay below, so that products of two fit an int64
MAX_PHASES = 2**40


class Blocks(NamedTuple):
    """A block: its rows and columns of pixels, how the pixels of a tap are found, its images."""

    rows: int
    width: int
    mode: int
    images: int


def plane_blocks(
    size: tuple[int, int],
    taps: tuple[int, int],
    dilate: tuple[int, int],
    stride: tuple[int, int],
    images: int,
    filters: int,
) -> Blocks:
    """Blocks of planes of output pixels of `size`; all pairs are of (rows, columns).

    At most `images` small planes share one. A block's columns run through its rows, either with a gap of as
    many pixels as the taps of a row reach beyond it, computed for nothing, or with the gap taken out by a
    copy. The number of rows is the one that wastes fewest vectors. Few `filters` are made without packing
    pixels, and their blocks are larger.

    >>> plane_blocks((56, 56), (3, 3), (1, 1), (1, 1), 8, 64)
    Blocks(rows=5, width=56, mode=1, images=1)
    >>> plane_blocks((7, 7), (3, 3), (1, 1), (1, 1), 8, 64)
    Blocks(rows=7, width=7, mode=2, images=7)
    """
    height, width = max(size[0], 1), max(size[1], 1)
    cols = pieces(width, pieces(width, 256))
    reach = [(max(t, 1) - 1) * d for t, d in zip(taps, dilate, strict=True)]
    phases = prod(pieces(min(s, r + 1), gcd(s, d)) for s, r, d in zip(stride, reach, dilate, strict=True))
    halo = reach[0] // stride[0]
    pitch = cols + reach[1] // stride[1]
    is_staged = reach != [0, 0] and phases * (1 + halo) * pitch <= STAGE
    rows_staged = STAGE // (phases * pitch) - halo if is_staged else MAX_PIXELS
    if filters <= FEW and is_staged and prod(taps) <= FEW_TAPS:
        return Blocks(max(1, min(height, rows_staged, FEW_PIXELS // pitch)), cols, GAP, 1)
    small = MAX_PIXELS // (height * cols)
    if is_staged:
        small = min(small, STAGE // (phases * pitch * (height + halo)))
    if cols == width and small > 1 and images > 1:
        return Blocks(height, cols, CLOSE if is_staged else TAPS, min(images, small))

    def waste(plan: tuple[int, int]) -> float:
        """Columns computed for the whole plane; packing the weights for a block costs about 13 more."""
        mode, rows = plan
        step = pitch if mode == GAP else cols
        copied = 1.06 if mode == CLOSE else 1.0

        def block(n: int) -> float:
            return up((n - 1) * step + cols, 32) * copied + 13 if n else 0

        return height // rows * block(rows) + block(height % rows)

    plans = []
    for mode in (GAP, CLOSE) if is_staged else (TAPS,):
        most = (MAX_PIXELS - cols) // (pitch if mode == GAP else cols) + 1
        most = max(1, min(height, most, rows_staged))
        plans += [(mode, rows) for rows in range(most, max(most // 2, 1) - 1, -1)]
    mode, rows = min(plans, key=waste)
    return Blocks(rows, cols, mode, 1)


def even_rows(channels: int) -> int:
    """Rows of equal blocks that cover `channels`, whole tiles where there are several."""
    if channels <= MAX_CHANNELS:
        return channels
    return min(up(pieces(channels, pieces(channels, MAX_CHANNELS)), 14), MAX_CHANNELS)


def channel_block(channels: int, others: int) -> int:
    """Channels of a block where `others` blocks share the work already: fewer when that leaves cores idle."""
    size = even_rows(channels)
    while others * pieces(channels, size) < SHARES and size >= 56:
        size = up(size // 2, 14)
    return size


def weight_blocks(filters: int, taps: int, pixels: int, groups: int) -> tuple[int, int]:
    """Rows and columns of the blocks of a gradient of the weight.

    Both operands have to be turned, so blocks are as large as fits; they are halved while there are fewer
    than SHARES of them and each stays worth a core's while.

    >>> weight_blocks(192, 576, 12544, 1), weight_blocks(32, 1152, 12544, 1), weight_blocks(8, 9, 64, 4)
    ((98, 288), (32, 192), (8, 32))
    """
    rows = even_rows(filters)
    cols = up(pieces(taps, pieces(taps, MAX_PIXELS)), 32)
    while groups * pieces(filters, rows) * pieces(taps, cols) < SHARES and rows * cols * pixels > 2e7:
        if cols >= rows and cols > 64:
            cols = up(cols // 2, 32)
        elif rows >= 112:
            rows = up(rows // 2, 14)
        else:
            break
    return rows, cols


class ConvCalls(NamedTuple):
    """A convolution of `x` (n, c, size...) with `w` (filters, c / groups, kernel...) into `y` (n, filters,
    size'...): what to call for each of the three, given the others. All tuples have an entry a dimension.
    """

    op: OpDef
    kernel: Dims
    stride: Dims
    dilate: Dims
    pad: Dims
    groups: int

    def output(
        self,
        c: LowerContext,
        y: Tensor,
        x: Tensor,
        w: Tensor,
        bias: Tensor | None,
        stats: Tensor | None = None,
    ) -> None:
        """y, and with `stats` the statistics of its planes (see `Convolution.lower_with_stats`)."""
        ints = self._shape_ints(x, y)
        depth, height, width = _dhw(y)
        if self._is_depthwise(x, y):
            ints += [x.batch_stride(), y.batch_stride(), 0, 0, int(bias is not None), *DEPTHWISE]
            outs, ins = [y] if stats is None else [y, stats], [x, w, w if bias is None else bias]
            name = "conv_forward" if stats is None else "conv_forward_stats"
            c.call(name, outs, ins, ints, items=y.shape[0] * y.shape[1], cost=self._depthwise_cost(y))
            return
        filters = y.shape[1] // self.groups
        share = self._images(x.shape[0], filters)
        kernel, stride, dilate = (_pair(v) for v in (self.kernel, self.stride, self.dilate))
        plane = plane_blocks((height, width), kernel, dilate, stride, share, filters)
        whole = pieces(x.shape[0], plane.images) * self.groups
        many = depth * pieces(height, plane.rows) * pieces(width, plane.width)
        size = channel_block(filters, whole * (many if stats is None else 1))
        ints += [x.batch_stride(), y.batch_stride(), _layout_flag(self.op, x), _layout_flag(self.op, y)]
        ints += [int(bias is not None), size, *plane]
        blocks_of_channels = whole * pieces(filters, size)
        work = 100.0 + size * plane.images * plane.rows * plane.width * prod(w.shape[1:]) / 60
        ins = [x, w, w if bias is None else bias]
        if stats is None:
            c.call("conv_forward", [y], ins, ints, items=blocks_of_channels * many, cost=work)
        else:
            c.call(
                "conv_forward_stats", [y, stats], ins, ints, items=blocks_of_channels, cost=work * many
            )  # fmt: skip

    def data(self, c: LowerContext, x: Tensor, y: Tensor, w: Tensor, bias: Tensor | None = None) -> None:
        """x, the gradient of the data from that of the output, `y`: a product for every phase of the stride.

        `bias` (one a channel of x) is added.
        """
        stride = tuple(s if n > 1 else 1 for s, n in zip(self.stride, y.shape[2:], strict=True))
        if prod(stride) > MAX_PHASES:
            raise MXNetError(f"{self.op!r}: stride {show(stride)} is too large to be run backwards")
        ints = self._replace(stride=stride)._shape_ints(x, y)  # which of one place only does not matter
        if self._is_depthwise(x, y):
            ints += [x.batch_stride(), y.batch_stride(), 0, 0, int(bias is not None), *DEPTHWISE]
            ins, items = [y, w, w if bias is None else bias], x.shape[0] * x.shape[1]
            c.call("conv_backward_data", [x], ins, ints, items=items, cost=self._depthwise_cost(y))
            return
        depth, height, width = _dhw(x)
        sd, sh, sw = _three(stride, 1)
        kernel, dilate = (_pair(v) for v in (self.kernel, self.dilate))
        shared = gcd(sh, dilate[0]), gcd(sw, dilate[1])
        taps = pieces(kernel[0], sh // shared[0]), pieces(kernel[1], sw // shared[1])
        channels = x.shape[1] // self.groups
        size_of_phase = (pieces(height, sh), pieces(width, sw))
        share = self._images(x.shape[0], channels)
        steps = dilate[0] // shared[0], dilate[1] // shared[1]
        plane = plane_blocks(size_of_phase, taps, steps, (1, 1), share, channels)
        many = sd * sh * sw * pieces(depth, sd)
        many *= pieces(size_of_phase[0], plane.rows) * pieces(size_of_phase[1], plane.width)
        whole = pieces(x.shape[0], plane.images) * self.groups
        size = channel_block(channels, whole * many)
        ints += [x.batch_stride(), y.batch_stride(), 0, 0, int(bias is not None), size, *plane]
        pixels = size * plane.images * plane.rows * plane.width
        work = pixels * prod(w.shape) / channels / prod(stride) / self.groups
        c.call(
            "conv_backward_data", [x], [y, w, w if bias is None else bias], ints,
            items=whole * pieces(channels, size) * many, cost=100.0 + work / 60,
        )  # fmt: skip

    def weight(self, c: LowerContext, w: Tensor, y: Tensor, x: Tensor) -> None:
        """w, the gradient of the weight, `y` being that of the output: one product over all images and pixels
        a group.
        """
        if self._is_depthwise(x, y):
            ints = [*self._shape_ints(x, y), x.batch_stride(), y.batch_stride(), 0, 0, 0, *DEPTHWISE]
            cost = x.shape[0] * self._depthwise_cost(y)
            c.call("conv_backward_weight", [w], [y, x], ints, items=self.groups, cost=cost)
            return
        filters, taps = y.shape[1] // self.groups, prod(w.shape[1:])
        pixels = y.shape[0] * prod(y.shape[2:])
        rows, cols = weight_blocks(filters, taps, pixels, self.groups)
        is_plain = prod(self.kernel) * prod(self.stride) == 1 and not any(self.pad)
        mode = GAP if is_plain else TAPS
        ints = [*self._shape_ints(x, y), x.batch_stride(), y.batch_stride(), 0, 0, 0, rows, cols, 0, mode, 1]
        c.call(
            "conv_backward_weight", [w], [y, x], ints,
            items=self.groups * pieces(filters, rows) * pieces(taps, cols),
            cost=100.0 + rows * min(cols, taps) * pixels / 50,
        )  # fmt: skip

    def _is_depthwise(self, x: Tensor, y: Tensor) -> bool:
        """Whether depthwise.h does it: a channel from each channel, in two dimensions of moderate sizes."""
        if x.shape[1] != self.groups or y.shape[1] != self.groups or x.layout or y.layout:
            return False
        if len(x.shape) > 4 and (x.shape[2] > 1 or self.kernel[0] > 1 or self.pad[0] > 0):
            return False
        reach = [(k - 1) * d for k, d in zip(self.kernel, self.dilate, strict=True)]
        width = max(x.shape[-1], y.shape[-1]) + 2 * self.pad[-1]
        return max(reach) <= DEPTHWISE_REACH and max(self.stride) <= 8 and width <= DEPTHWISE_WIDTH

    def _depthwise_cost(self, y: Tensor) -> float:
        """Nanoseconds of one plane."""
        return 100.0 + prod(y.shape[2:]) * prod(self.kernel) / 30

    def _shape_ints(self, x: Tensor, y: Tensor) -> list[int]:
        """The integers every kernel starts with, three spatial dimensions each."""
        return [
            x.shape[0], self.groups, x.shape[1] // self.groups, y.shape[1] // self.groups, *_dhw(x), *_dhw(y),
            *_three(self.kernel, 1), *_three(self.stride, 1), *_three(self.dilate, 1), *_three(self.pad, 0),
        ]  # fmt: skip

    def _images(self, batch: int, channels: int) -> int:
        """Images a block may hold so that SHARES blocks or more are left to share among cores."""
        return max(1, batch * self.groups * pieces(channels, MAX_CHANNELS) // SHARES)


def bias_gradient(c: LowerContext, out: Tensor, g: Tensor) -> None:
    """Sum of the head gradient over images and pixels."""
    channels, pixels = g.shape[1], prod(g.shape[2:])
    c.call(
        "sum_channels", [out], [g], [g.shape[0], channels, pixels, g.batch_stride()],
        items=channels, cost=20.0 + g.shape[0] * (10 + pixels / 8),
    )  # fmt: skip


def check_steps(
    what: str, kernel: Dims, steps: dict[str, Dims], layout: str | None, positive: tuple[str, ...]
) -> None:
    """Refuse a rank there are no kernels for, and lengths, sizes or a layout that do not fit it.

    `steps` maps MXNet's word for each parameter to its value, empty where absent; those in `positive` may not
    be 0.
    """
    rank = len(kernel)
    if not 1 <= rank <= 3:
        raise MXNetError(f"{rank}D {what} not supported")
    for word, value in steps.items():
        if value and len(value) != rank:
            raise MXNetError(
                f"{word} must have the same number of dimensions with kernel_size, "
                f"but kernel_size is set to {show(kernel)} while {word.lower()} is {show(value)}"
            )
    for word, value in {"kernel": kernel, **steps}.items():
        low = 1 if word == "kernel" or word in positive else 0
        if any(not low <= v < MAX_STEP for v in value):
            raise MXNetError(
                f"incorrect {word.lower()} size: {show(value)}, expected {low} to {MAX_STEP - 1}"
            )
    if layout is not None and LAYOUTS[layout] != rank:
        raise MXNetError(f"layout {layout} does not fit a kernel of {rank} dimensions {show(kernel)}")


def check_groups(channels: int, filters: int, groups: int, data: Dims) -> None:
    """Refuse channels or filters that do not fall into `groups` equal parts."""
    if channels >= 0 and channels % groups:
        raise ShapeError(
            f"input num_filter must divide group size: {channels} channels of data {show(data)} for "
            f"num_group={groups}"
        )
    if filters % groups:
        raise ShapeError(
            f"output num_filter must divide group size: num_filter={filters} for num_group={groups}"
        )


def check_rank(data: Dims, rank: int) -> None:
    if len(data) != rank + 2:
        names = ("x", "y-x", "d-y-x")[rank - 1]
        raise ShapeError(f"Input data should be {rank + 2}D in batch-num_filter-{names}, got {show(data)}")


def is_last(layout: str | None) -> bool:
    """Whether channels are the last axis."""
    return layout is not None and layout.endswith("C")


def channels_first(shape: Dims, layout: str | None) -> Dims:
    return (shape[0], shape[-1], *shape[1:-1]) if is_last(layout) else shape


def channels_back(shape: Dims, layout: str | None) -> Dims:
    """The inverse of `channels_first`."""
    return (shape[0], *shape[2:], shape[1]) if is_last(layout) else shape


def check_runs(op: OpDef, layout: str | None) -> None:
    if is_last(layout):
        raise MXNetError(f"{op.name}: layout {layout} cannot be run, only NCW, NCHW and NCDHW can")


def _three(values: tuple[int, ...], fill: int) -> tuple[int, ...]:
    """Depth, height and width; what is missing in front is `fill`."""
    return (fill,) * (3 - len(values)) + values


def _pair(values: tuple[int, ...]) -> tuple[int, int]:
    """The last two of three, height and width."""
    return _three(values, 1)[1], values[-1]


def _dhw(t: Tensor) -> tuple[int, ...]:
    return _three(t.shape[2:], 1)


def _layout_flag(op: OpDef, t: Tensor) -> int:
    if t.layout and (t.layout != BLOCKED or t.shape[1] % 16):
        raise MXNetError(f"{op!r} cannot use {t!r}: layout {BLOCKED} with a multiple of 16 channels is known")
    return int(bool(t.layout))
