"""SequenceMask, SequenceLast and SequenceReverse: what depends on where each sequence of a batch ends.

Rows are moved as bytes by c_kernels/sequence.c and cl_kernels/sequence.cl, whatever their type. Gradients are
the operators themselves, but that of SequenceLast, which puts rows back.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ..base import ShapeError
from ..dtypes import CODES, NAMES
from .rules import show
from .schema import Backward, Bool, Float, Int, OpDef

if TYPE_CHECKING:
    from ..passes.gradient import Entry, GradContext
    from ..passes.ir import Tensor
    from ..passes.lower import LowerContext
    from .rules import ShapeRule, TypeRule

INT64 = CODES["int64"]


def emit_rows(
    c: LowerContext, kernel: str, out: Tensor, x: Tensor, axis: int, lengths: Tensor | None, *more: int
) -> None:
    """A kernel of sequence.c: rows of what follows the two axes, `axis` being that of time."""
    shape = max(x.shape, out.shape, key=len)
    inner = prod(shape[2:])
    if not prod(shape):
        return
    ins = [x, x if lengths is None else lengths]
    ints = [x.itemsize, shape[0], shape[1], inner, axis, int(lengths is not None), *more]
    items = prod(out.shape) // inner
    c.call(kernel, [out], ins, ints, items=items, cost=3.0 + inner * x.itemsize / 8, dtype="any")


def bits_of(value: float, dtype: int) -> int:
    """The bits of a number in an element type; what an integer cannot hold goes to its nearest end."""
    kind = np.dtype(NAMES[dtype])
    if kind.kind in "iu":
        ends = np.iinfo(kind)
        value = (
            0
            if value != value
            else max(int(ends.min), min(int(ends.max), int(max(min(value, 2.0**64), -(2.0**64)))))
        )
    with np.errstate(over="ignore"):
        return int.from_bytes(np.array(value, kind).tobytes(), "little", signed=True)


class _Sequence(OpDef):
    """What the three share."""

    inputs = ("data", "sequence_length")
    half = True
    last_axis: ClassVar[int] = 1

    use_sequence_length = Bool(False, "whether the input sequence_length says how long each sequence is")
    axis = Int(0, "the axis of time: 0 or 1; the other one of the two is that of the batch")

    def input_names(self) -> tuple[str, ...]:
        return self.inputs if self.use_sequence_length else self.inputs[:1]

    def check_axes(self, s: ShapeRule) -> tuple[int, ...] | None:
        if not 0 <= self.axis <= self.last_axis:
            expected = "0 or 1" if self.last_axis else "0"
            raise ShapeError(f"{self.name}: axis must be {expected}, got {self.axis}")
        data = s.get("data")
        if data is None:
            return None
        if len(data) < 2:
            raise ShapeError(f"{self.name}: data must have at least 2 dimensions, got shape {show(data)}")
        if self.use_sequence_length:
            s.meet_in("sequence_length", (data[1 - self.axis],))
        return data

    def infer_shape(self, s: ShapeRule) -> None:
        s.same([0], [0])
        self.check_axes(s)

    def infer_type(self, t: TypeRule) -> None:
        t.same([0], [0])
        if self.use_sequence_length and t.ins[1] is None:
            t.meet_in(1, t.ins[0])

    def lengths(self, c: LowerContext) -> Tensor | None:
        return c.input("sequence_length", dtype=INT64) if self.use_sequence_length else None

    def again(self, g: GradContext, **more: Any) -> list[Entry | None]:
        """The gradient is the operator itself, of the head gradient."""
        params = {"use_sequence_length": self.use_sequence_length, "axis": self.axis, **more}
        made = g.make(self.name, g.ograd(), *g.ins[1:], like=g.ins[0], **params)
        return [made, *(None for _ in g.ins[1:])]


class SequenceMask(_Sequence):
    """``data`` with ``value`` in place of every step beyond the end of its sequence.

    data: (time, batch, ...) or with ``axis=1`` (batch, time, ...); sequence_length: (batch,), an input only
    with `use_sequence_length`, without which output = data; output: shape of data. (MXNet: SequenceMask)
    """

    name = "SequenceMask"
    leading = ("use_sequence_length", "value")

    value = Float(0.0, "what stands beyond the end")

    def gradient(self, g: GradContext) -> list[Any]:
        return self.again(g, value=0.0)

    def lower(self, c: LowerContext) -> None:
        lengths = self.lengths(c)
        if lengths is None:
            c.alias("output", "data")
            return
        x = c.input("data")
        emit_rows(c, "sequence_mask", c.output(), x, self.axis, lengths, bits_of(self.value, x.dtype))


class SequenceReverse(_Sequence):
    """``data`` with the steps of each sequence in reverse order; what lies beyond its end stays where it is.

    data: (time, batch, ...); sequence_length: (batch,), an input only with `use_sequence_length`, without
    which all steps are reversed; output: shape of data. Lengths beyond the data are cut to it. (MXNet:
    SequenceReverse)
    """

    name = "SequenceReverse"
    last_axis = 0

    def gradient(self, g: GradContext) -> list[Any]:
        return self.again(g)

    def lower(self, c: LowerContext) -> None:
        emit_rows(c, "sequence_reverse", c.output(), c.input("data"), self.axis, self.lengths(c))


class SequenceLastBackward(Backward):
    """The head gradient at the last step of each sequence, zeros elsewhere."""

    half = True
    differentiable = ("data",)

    def read_names(self) -> tuple[str, ...]:
        return ("ograd", *self.forward.input_names()[1:])

    def lower(self, c: LowerContext) -> None:
        op = self.forward
        assert isinstance(op, SequenceLast)
        emit_rows(c, "sequence_last_grad", c.output("data"), c.input("ograd"), op.axis, op.lengths(c))

    def gradient(self, g: GradContext) -> list[Any]:
        """Linear in the head gradient: the operator itself."""
        made = g.apply(self.forward, g.ograd(), *g.ins[1:], like=g.ins[0])
        return [made, *(None for _ in g.ins[1:])]


class SequenceLast(_Sequence):
    """The last step of each sequence.

    data: (time, batch, ...) or with ``axis=1`` (batch, time, ...); sequence_length: (batch,), an input only
    with `use_sequence_length`, without which all sequences end with the data; output: (batch, ...). Lengths
    are brought between 1 and the steps there are. (MXNet: SequenceLast)
    """

    name = "SequenceLast"
    backward = SequenceLastBackward

    def infer_shape(self, s: ShapeRule) -> None:
        data = self.check_axes(s)
        if data is None:
            return
        if data[self.axis] == 0:
            raise ShapeError(f"{self.name}: data must have at least one step, got shape {show(data)}")
        out = s.meet_out(0, (data[1 - self.axis], *data[2:]))
        if out is not None:
            steps = data[self.axis]
            s.meet_in("data", (out[0], steps, *out[1:]) if self.axis else (steps, *out))

    def lower(self, c: LowerContext) -> None:
        emit_rows(c, "sequence_last", c.output(), c.input("data"), self.axis, self.lengths(c))
