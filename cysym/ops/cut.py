"""Parts whose place or size another input or a list of indices gives: Crop, slice_like, _split_v2.

Like the operators of slice.py, whose base they share, they have no kernel: parts are views into the input,
and the gradient of a part is zeros with the head gradient at its place.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

from ..base import MXNetError, ShapeError
from .axes import normal_axis
from .rules import Dims, ShapeRule, TypeRule, show
from .schema import Bool, Int, OpDef, Shape
from .slice import MOST_OUTPUTS, Part, Range, SliceBackward

if TYPE_CHECKING:
    from ..passes.gradient import GradContext
    from ..passes.lower import LowerContext


class _CropBackward(SliceBackward):
    differentiable = ("arg0",)


class Crop(Part):
    """Cut a window out of the last two axes of a (n, c, h, w) tensor.

    The window has the size `h_w`, or that of the last two axes of a second tensor of 4 dimensions; it starts
    at `offset` (rows, columns) or, with `center_crop`, lies in the middle. It must lie inside the data. The
    second tensor gets no gradient. (MXNet: Crop)
    """

    name = "Crop"
    variadic = "num_args"
    backward = _CropBackward

    num_args = Int(doc="Number of inputs: 1, or 2 where the second one gives the size.")
    offset = Shape((0, 0), "First row and column of the window.")
    h_w = Shape((0, 0), "Height and width of the window, where no second input gives them.")
    center_crop = Bool(False, "If set, the window lies in the middle and offset is not used.")

    def check(self) -> None:
        if self.num_args not in (1, 2):
            raise MXNetError(f"Crop takes 1 or 2 inputs, got num_args={self.num_args}")
        if len(self.offset) != 2 or len(self.h_w) != 2 or min(*self.offset, *self.h_w) < 0:
            raise ShapeError(
                f"Crop: offset and h_w are two numbers from 0 on, got offset={self.offset}, h_w={self.h_w}"
            )
        if self.num_args == 1 and 0 in self.h_w:
            raise ShapeError(f"Crop of one input needs its size: got h_w={self.h_w}")

    def starts(self, space: Dims, size: Dims) -> tuple[int, int]:
        """First row and column."""
        if self.center_crop:
            return (space[0] - size[0]) // 2, (space[1] - size[1]) // 2
        return self.offset[0], self.offset[1]

    def infer_shape(self, s: ShapeRule) -> None:
        for i, shape in enumerate(s.ins):
            if shape is not None and len(shape) != 4:
                raise ShapeError(f"Crop: input {i} must have 4 dimensions, got {show(shape)}")
        data = s.ins[0]
        size = self.h_w if self.num_args == 1 else s.ins[1] and s.ins[1][2:]
        if data is None or not size:
            return
        if min(*data[2:], *size) >= 0:
            starts = self.starts(data[2:], size)
            if any(a < 0 or a + n > d for a, n, d in zip(starts, size, data[2:], strict=True)):
                raise ShapeError(
                    f"Crop: a window of {show(size)} from {show(starts)} on does not lie inside {show(data)}"
                )
        s.meet_out(0, (*data[:2], *size))

    def ranges(self, shape: Dims, part: Dims) -> list[Range]:
        row, col = self.starts(shape[2:], part[2:])
        return [(0, shape[0], 1), (0, shape[1], 1), (row, part[2], 1), (col, part[3], 1)]


class SliceLike(Part):
    """The first elements of `data` along `axes` (default all), as many as `shape_like` has along them.

    data (2, 3, 4), shape_like (1, 2, 5), axes=(0, 1): output (1, 2, 4). The values of `shape_like` do not
    matter; it gets no gradient. (MXNet: slice_like)
    """

    name = "slice_like"
    inputs = ("data", "shape_like")

    class _Back(SliceBackward):
        differentiable = ("data",)

    backward = _Back

    axes = Shape((), "Axes to cut; negative ones count from the end; default all.")

    def infer_shape(self, s: ShapeRule) -> None:
        data, like = s.ins
        if data is None or like is None:
            return
        out = list(data)
        if not self.axes and len(data) != len(like):
            raise ShapeError(
                f"slice_like: without axes, data {show(data)} and shape_like {show(like)} must have equally "
                "many dimensions"
            )
        for a in self.axes or range(len(data)):
            axis = normal_axis(a, len(data), "axes")  # of data also where shape_like has more axes
            n = like[normal_axis(axis, len(like), "axes")]
            if n > data[axis] >= 0:
                raise ShapeError(
                    f"slice_like: axis {a} of shape_like {show(like)} is longer than in data {show(data)}"
                )
            out[axis] = n
        s.meet_out(0, tuple(out))

    def infer_type(self, t: TypeRule) -> None:
        t.same(ins=(0,))

    def ranges(self, shape: Dims, part: Dims) -> list[Range]:
        return [(0, n, 1) for n in part]


class SplitV2(OpDef):
    """Cut `data` along `axis` at `indices`, the first of which is 0, or into `sections` parts, of which the
    first ones are longer where they cannot be equal. `squeeze_axis` drops the axis where each part is 1 long.

    (5, 2) with indices=(0, 2), axis=0 gives (2, 2) and (3, 2); with sections=3: (2, 2), (2, 2), (1, 2).
    (MXNet: _split_v2, behind split_v2)
    """

    half = True

    name = "_split_v2"
    has_own_output_names = True

    indices = Shape(doc="Where the parts begin; the first is 0.")
    axis = Int(1, "Axis along which to split; negative ones count from the end.")
    squeeze_axis = Bool(
        False, "If true, removes the axis with length 1 from the shapes of the output arrays."
    )
    sections = Int(0, "Number of parts, as equal as can be; 0: cut at indices.", min=0)

    def check(self) -> None:
        n = self.sections or len(self.indices)
        if not 0 < n <= MOST_OUTPUTS:
            raise MXNetError(f"_split_v2: expected 1 to {MOST_OUTPUTS} indices or sections, got {n}")
        rising = sorted(self.indices)
        if not self.sections and (self.indices[0] != 0 or list(self.indices) != rising):
            raise ShapeError(f"_split_v2: indices must rise from 0, got {self.indices}")

    def output_names(self) -> tuple[str, ...]:
        n = self.sections or len(self.indices)
        return tuple(f"output{i}" for i in range(n)) if n > 1 else ("output",)

    def bounds(self, size: int) -> tuple[int, ...]:
        """Where each part begins, and the end."""
        n = self.sections
        if n:
            short, more = divmod(size, n)
            return tuple(i * short + min(i, more) for i in range(n + 1))
        if self.indices[-1] > size:
            raise ShapeError(f"_split_v2: indices {self.indices} reach beyond an axis of {size}")
        return (*self.indices, size)

    def infer_shape(self, s: ShapeRule) -> None:
        data = s.ins[0]
        if data is None:
            return
        axis = normal_axis(self.axis, len(data))
        if data[axis] < 0:
            return
        at = self.bounds(data[axis])
        for i, (a, b) in enumerate(pairwise(at)):
            if self.squeeze_axis and b - a != 1:
                raise ShapeError(
                    f"_split_v2: squeeze_axis needs parts of 1 along axis {axis} of {show(data)}, part {i} "
                    f"is {b - a}"
                )
            middle = () if self.squeeze_axis else (b - a,)
            s.meet_out(i, (*data[:axis], *middle, *data[axis + 1 :]))

    def gradient(self, g: GradContext) -> list[Any]:
        n = len(self.output_names())
        heads = [g.ograd(i) for i in range(n)]
        if self.squeeze_axis:
            return [g.make("stack", *heads, like=g.ins[0], num_args=n, axis=self.axis)]
        return [g.make("Concat", *heads, like=g.ins[0], num_args=n, dim=self.axis)]

    def lower(self, c: LowerContext) -> None:
        x = c.input("data", "any")
        axis = normal_axis(self.axis, len(x.shape))
        strides = x.strides[:axis] + x.strides[axis + 1 :] if self.squeeze_axis else x.strides
        for name, begin in zip(self.output_names(), self.bounds(x.shape[axis]), strict=False):
            if c.wants(name):
                c.alias(name, x, begin * x.strides[axis], strides)
