"""Operators that take parts of a tensor: SliceChannel, slice_axis, slice.

Parts are views (offset and byte strides) at any batch size; only a backwards step is copied. The gradient of
a part is zeros with the head gradient copied to its place; that of SliceChannel joins the head gradients
again (`Concat`, `stack`), which places them without a copy where it can.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from ..base import MXNetError, ShapeError
from .axes import normal_axis
from .rules import Dims, ShapeRule, show
from .schema import Backward, Bool, Int, OpDef, OptShape

if TYPE_CHECKING:
    from ..passes.gradient import GradContext
    from ..passes.ir import Tensor
    from ..passes.lower import LowerContext

MOST_OUTPUTS = 1 << 16  # every output is an entry of the graph, read or not

Range = tuple[int, int, int]
"""First index, number of indices and step along one dimension."""


class SliceChannel(OpDef):
    """Cut `data` along `axis` into `num_outputs` equal parts; `squeeze_axis` drops the axis where each part
    is 1 long.

    (2, 6, 5) with num_outputs=3, axis=1 gives three of (2, 2, 5).
    """

    half = True

    name = "SliceChannel"
    aliases = ("split",)
    has_own_output_names = True

    num_outputs = Int(min=1, doc="Number of splits; must divide the length of the axis.")
    axis = Int(1, "Axis along which to split.")
    squeeze_axis = Bool(
        False, "If true, removes the axis with length 1 from the shapes of the output arrays."
    )

    def check(self) -> None:
        if self.num_outputs > MOST_OUTPUTS:
            raise MXNetError(
                f"value {self.num_outputs} for Parameter num_outputs should be at most {MOST_OUTPUTS}"
            )

    def output_names(self) -> tuple[str, ...]:
        return tuple(f"output{i}" for i in range(self.num_outputs))

    def infer_shape(self, s: ShapeRule) -> None:
        data = s.ins[0]
        if data is None:
            return
        axis, n = normal_axis(self.axis, len(data)), self.num_outputs
        if data[axis] >= 0 and (data[axis] % n or (self.squeeze_axis and data[axis] != n)):
            how = "into parts of 1 (squeeze_axis)" if self.squeeze_axis else "evenly"
            raise ShapeError(f"cannot split axis {axis} of {show(data)} {how}: num_outputs is {n}")
        part = [data[axis] // n if data[axis] >= 0 else -1]
        shape = (*data[:axis], *([] if self.squeeze_axis else part), *data[axis + 1 :])
        for i in range(n):
            s.meet_out(i, shape)

    def gradient(self, g: GradContext) -> list[Any]:
        heads, n = [g.ograd(i) for i in range(self.num_outputs)], self.num_outputs
        if self.squeeze_axis:
            return [g.make("stack", *heads, like=g.ins[0], num_args=n, axis=self.axis)]
        return [g.make("Concat", *heads, like=g.ins[0], num_args=n, dim=self.axis)]

    def lower(self, c: LowerContext) -> None:
        x = c.input("data", "any")
        axis = normal_axis(self.axis, len(x.shape))
        part = x.shape[axis] // self.num_outputs
        strides = x.strides[:axis] + x.strides[axis + 1 :] if self.squeeze_axis else x.strides
        for i, name in enumerate(self.output_names()):
            if c.wants(name):
                c.alias(name, x, i * part * x.strides[axis], strides)


class SliceBackward(Backward):
    """Zeros with the head gradient at the place of the slice."""

    half = True

    def lower(self, c: LowerContext) -> None:
        assert isinstance(self.forward, Part)
        g, out = c.input("ograd", "any"), c.output(self.wanted[0], "any")
        if g.shape != out.shape:
            c.zero(out)
        if g.size:
            c.copy(look(out, self.forward.ranges(out.shape, g.shape), g.shape), g)

    def gradient(self, g: GradContext) -> list[Any]:
        return g.linear() if len(self.forward.input_names()) == 1 else g.backward(_SliceAgain)


class _SliceAgain(Backward):
    """Gradient of the gradient where another input tells the part: that part of the head gradient."""

    half = True
    needs = ("ograd0",)  # "ograd" is the node's own input

    def lower(self, c: LowerContext) -> None:
        part = self.forward.forward if isinstance(self.forward, SliceBackward) else None
        assert isinstance(part, Part)
        take_part(c, part, c.input("ograd0", "any"), "ograd")


class Part(OpDef):
    """Base: one range of indices for each dimension of the first input."""

    half = True

    backward: ClassVar[type[Backward] | None] = SliceBackward

    def ranges(self, shape: Dims, part: Dims) -> list[Range]:
        """Ranges in a tensor of `shape`, of which the output has the shape `part`."""
        raise NotImplementedError

    def lower(self, c: LowerContext) -> None:
        take_part(c, self, c.input(self.input_names()[0], "any"), "output")


def look(t: Tensor, ranges: list[Range], part: Dims) -> Tensor:
    """The elements of `t` in the ranges, as a tensor of shape `part`."""
    offset = sum(first * s for (first, _, _), s in zip(ranges, t.strides, strict=True))
    return t.view(part, offset, tuple(s * step for (_, _, step), s in zip(ranges, t.strides, strict=True)))


def take_part(c: LowerContext, part: Part, x: Tensor, output: str) -> None:
    """Make `output` the part of `x`: a view where no step goes backwards."""
    shape = c.shape(output)
    ranges = part.ranges(x.shape, shape)
    if all(step > 0 for _, _, step in ranges):
        seen = look(x, ranges, shape)
        c.alias(output, x, seen.offset - x.offset, seen.strides)
    else:
        c.copy(c.output(output, "any"), look(x, ranges, shape))


class SliceAxis(Part):
    """Indices [begin, end) of one axis: (2, 3, 5) with axis=1, begin=1, end=None gives (2, 2, 5). Negative
    indices count from the end; the range may be neither empty nor reach beyond the axis.
    """

    name = "slice_axis"

    axis = Int(doc="Axis along which to be sliced, supports negative indexes.")
    begin = Int(doc="The beginning index along the axis to be sliced, supports negative indexes.")
    end = Int(
        none=True,
        doc="The ending index along the axis to be sliced, supports negative indexes; None: to the end.",
    )

    def bounds(self, size: int) -> tuple[int, int]:
        """First index and number of indices."""
        begin = self.begin + size if self.begin < 0 else self.begin
        end = size if self.end is None else self.end + size if self.end < 0 else self.end
        if not 0 <= begin < end <= size:
            raise ShapeError(
                f"slice_axis: begin={self.begin}, end={self.end} is no range in an axis of {size}"
            )
        return begin, end - begin

    def infer_shape(self, s: ShapeRule) -> None:
        data = s.ins[0]
        if data is None:
            return
        axis = normal_axis(self.axis, len(data))
        size = self.bounds(data[axis])[1] if data[axis] >= 0 else -1
        out = s.meet_out(0, (*data[:axis], size, *data[axis + 1 :]))
        if out is not None:
            s.meet_in(0, (*out[:axis], data[axis], *out[axis + 1 :]))

    def ranges(self, shape: Dims, part: Dims = ()) -> list[Range]:
        axis = normal_axis(self.axis, len(shape))
        first, n = self.bounds(shape[axis])
        return [(first, n, 1) if i == axis else (0, d, 1) for i, d in enumerate(shape)]


class Slice(Part):
    """Indices ``begin[i]:end[i]:step[i]`` of the leading axes, as Python slices: None and negative numbers
    are allowed, ends are clipped. (2, 3, 5) with begin=(0, 1), end=(2, None) gives (2, 2, 5).
    """

    name = "slice"
    aliases = ("crop",)

    begin = OptShape(doc="Starting indices for the slice operation, supports negative indices.")
    end = OptShape(doc="Ending indices for the slice operation, supports negative indices.")
    step = OptShape((), "Step for the slice operation, supports negative values.")

    def check(self) -> None:
        n = len(self.begin)
        if len(self.end) != n or len(self.step) not in (0, n):
            raise ShapeError(
                f"{self.name}: begin, end and step must be equally long: got {self.begin}, {self.end}, "
                f"{self.step}"
            )
        if 0 in self.step:
            raise ShapeError(f"{self.name}: step cannot be 0: got step={self.step}")

    def ranges(self, shape: Dims, part: Dims = ()) -> list[Range]:
        if len(self.begin) > len(shape):
            raise ShapeError(
                f"{self.name}: begin={self.begin} has more entries than the input's {show(shape)} dimensions"
            )
        found = []
        for i, d in enumerate(shape):
            if i < len(self.begin):
                step = (self.step[i] if self.step else None) or 1
                indices = range(*slice(self.begin[i], self.end[i], step).indices(d))
                some = len(indices)  # of one index the step does not matter, and times a stride may overflow
                found.append((indices.start if some else 0, some, step if some > 1 else 1))
            else:
                found.append((0, d, 1))
        return found

    def infer_shape(self, s: ShapeRule) -> None:
        data = s.ins[0]
        if data is None:
            return
        known = [max(d, 0) for d in data]
        sizes = [n for _, n, _ in self.ranges(tuple(known))]
        out = s.meet_out(0, tuple(n if d >= 0 else -1 for n, d in zip(sizes, data, strict=True)))
        if out is not None:
            s.meet_in(0, data[: len(self.begin)] + out[len(self.begin) :])
