"""UpSampling: images a whole number of times as large, by repetition or by a deconvolution.

Repetition is the gradient of pooling by sums, and its gradient is that pooling, so the kernels are those of
`pooling`; the bilinear mode uses those of `conv_calls`. No kernel of its own.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Final

from ..base import MXNetError, ShapeError
from .conv_calls import ConvCalls
from .elementwise import emit
from .ew_group import MAX_POINTERS, sum_group
from .rules import FLOATS, Dims, ShapeRule, show
from .schema import Backward, Enum, Int, OpDef

if TYPE_CHECKING:
    from ..passes.ir import Tensor
    from ..passes.lower import LowerContext

MAX_SCALE: Final = 1000


class UpSamplingBackward(Backward):
    """Repetition: every pixel's gradient is the sum over its copies. Bilinear: that of a deconvolution."""

    forward: UpSampling

    def read_names(self) -> tuple[str, ...]:
        if not self.forward.is_bilinear:
            return ("ograd", *self.forward.input_names()[:-1])  # their numbers of channels
        weight = ("weight",) if "data" in self.wanted else ()
        return ("ograd", *weight, *(("data",) if "weight" in self.wanted else ()))

    def lower(self, c: LowerContext) -> None:
        op, g = self.forward, c.input("ograd", "batch")
        if not op.is_bilinear:
            self._lower_nearest(c, g)
            return
        if c.wants("data"):
            op.calls().output(c, c.output("data", "batch"), g, c.input("weight"), None)
        if c.wants("weight"):
            op.calls().weight(c, c.output("weight"), c.input("data", "batch"), g)

    def _lower_nearest(self, c: LowerContext, g: Tensor) -> None:
        op, at = self.forward, 0
        left = set(self.wanted)
        for name in op.input_names():
            channels = c.shape(name)[1]
            if name in left:
                dx = c.output(name, "batch")
                op.pool(c, "pool_sum", dx, op.part(g, at, channels), dx)
                left.remove(name)
            if not left:
                break
            at += channels if op.multi_input_mode == "concat" else 0


class UpSampling(OpDef):
    """Images `scale` times as large in both directions.

    ``sample_type="nearest"`` repeats every pixel. Of several inputs (batch, channels, height, width) the
    first one's size times `scale` is the output's, the others are repeated as often as it takes to fill it;
    then they are joined along the channels, or added with ``multi_input_mode="sum"``. ``"bilinear"`` takes
    data (batch, num_filter, height, width) and a weight (num_filter, 1, k, k), ``k = 2 * scale - scale % 2``,
    and is Deconvolution with stride `scale`, pad ``ceil((scale - 1) / 2)`` and a group a channel; what it
    interpolates is up to the weight (`mx.init.Bilinear`). (MXNet: UpSampling)
    """

    name = "UpSampling"
    variadic = "num_args"
    backward = UpSamplingBackward
    dtypes = FLOATS

    scale = Int(min=1, doc="Pixels made of one, in each direction; at most 1000.")
    num_filter = Int(0, min=0, doc="Channels of the data, bilinear only.")
    sample_type = Enum(("bilinear", "nearest"), doc="How pixels are made.")
    multi_input_mode = Enum(("concat", "sum"), "concat", "What is done with several inputs, nearest only.")
    num_args = Int(min=1, doc="Number of inputs; with bilinear the weight may be counted.")
    workspace = Int(512, min=0, doc="Accepted and not used.")

    def check(self) -> None:
        if self.scale > MAX_SCALE:
            raise MXNetError(f"{self.name}: scale must be at most {MAX_SCALE}, got {self.scale}")
        if self.is_bilinear:
            self.variadic = ""  # type: ignore[misc]
            if self.num_args > 2:
                raise MXNetError(f"{self.name}: bilinear takes data and weight, got {self.num_args} inputs")
            if self.num_filter < 1:
                raise MXNetError(
                    f"{self.name}: bilinear needs num_filter, the number of channels of the data"
                )

    @property
    def is_bilinear(self) -> bool:
        return self.sample_type == "bilinear"

    def input_names(self) -> tuple[str, ...]:
        return ("data", "weight") if self.is_bilinear else super().input_names()

    def variable_attrs(self, input_name: str) -> dict[str, str]:
        # MXNet marks the second input, whether it is a weight or not.
        is_second = self.input_names()[1:2] == (input_name,)
        return {"__init__": '["bilinear", {}]'} if is_second else {}

    def calls(self) -> ConvCalls:
        """The convolution that the bilinear mode reverses."""
        s = self.scale
        kernel = 2 * s - s % 2
        return ConvCalls(self, (kernel, kernel), (s, s), (1, 1), (s // 2, s // 2), self.num_filter)

    def infer_shape(self, s: ShapeRule) -> None:
        if self.is_bilinear:
            s.meet_in("weight", (self.num_filter, 1, *self.calls().kernel))
        for name, data in zip(s.names, s.ins, strict=True):
            if data is not None and len(data) != 4:
                raise ShapeError(
                    f"{self.name}: input {name} should be 4D in (batch, channel, y, x), got {show(data)}"
                )
        first = s.ins[0]
        if first is None:
            return
        batch, channels, *size = first
        height, width = (x * self.scale if x >= 0 else -1 for x in size)
        if self.is_bilinear:
            if channels not in (-1, self.num_filter):
                raise ShapeError(
                    f"{self.name}: num_filter={self.num_filter} must be the number of channels of data "
                    f"{show(first)}"
                )
            s.meet_out(0, (batch, self.num_filter, height, width))
            return
        total = 0
        for i, data in enumerate(s.ins):
            joined = self.multi_input_mode == "concat"
            data = s.meet_in(i, (batch, -1 if joined else channels, -1, -1))
            if data is None or -1 in data:
                total = -1
                continue
            total = total + data[1] if total >= 0 else -1
            if height >= 0 and width >= 0:
                self._times(s.names[i], data, height, width)
        s.meet_out(0, (batch, total if self.multi_input_mode == "concat" else channels, height, width))

    def _times(self, name: str, data: Dims, height: int, width: int) -> int:
        """How often the pixels of an input are repeated."""
        y, x = data[2:]
        times = height // y if y else 0
        if (times * y, times * x) != (height, width) or times < 1:
            raise ShapeError(
                f"{self.name}: input {name} of {y} x {x} pixels cannot be repeated to {height} x {width}"
            )
        return times

    def part(self, t: Tensor, at: int, channels: int) -> Tensor:
        """Channels from `at` on, of an output or its gradient."""
        return t.view((t.shape[0], channels, *t.shape[2:]), at * t.strides[1], t.strides)

    def pool(self, c: LowerContext, kernel: str, out: Tensor, x: Tensor, y: Tensor) -> None:
        """Pool the large image `x` by sums into the small `y`, or the gradient of that: `out` is either."""
        if 0 in x.shape:
            return
        times = x.shape[3] // y.shape[3]
        ints = [x.shape[1], x.batch_stride(), y.batch_stride(), 1, *x.shape[2:], 1, *y.shape[2:]]
        ints += [1, times, times, 1, times, times, 0, 0, 0, 0]
        planes = x.shape[0] * x.shape[1]
        c.call(kernel, [out], [y if out is x else x], ints, items=planes, cost=1.0 * prod(x.shape[2:]))

    def lower(self, c: LowerContext) -> None:
        y = c.output("output", "batch")
        if self.is_bilinear:
            self.calls().data(c, y, c.input("data", "batch"), c.input("weight"))
            return
        at, parts = 0, []
        for name in self.input_names():
            x = c.input(name, "batch")
            if self.multi_input_mode == "concat" or self.num_args == 1:
                part = self.part(y, at, x.shape[1])
                at += x.shape[1]
            else:
                part = c.temp(y.shape, y.dtype)
                parts.append(part)
            self.pool(c, "pool_sum_grad", part, part, x)
            if len(parts) == MAX_POINTERS - 1:  # as many as one sum can read
                parts = [self._sum(c, c.temp(y.shape, y.dtype), parts)]
        if parts:
            self._sum(c, y, parts)

    def _sum(self, c: LowerContext, out: Tensor, parts: list[Tensor]) -> Tensor:
        emit(c, sum_group(len(parts)), [out], parts)
        return out
