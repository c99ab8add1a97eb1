"""Concat and stack: several tensors become one.

An input may be made where it will lie in the output: `placement` says where that is, the place pass reserves
it, and `lower` copies only what lies elsewhere. The gradients are views into the head gradient. No kernel of
its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from ..base import ShapeError
from .axes import normal_axis
from .rules import Dims, ShapeRule, show
from .schema import Int, OpDef

if TYPE_CHECKING:
    from ..passes.gradient import GradContext
    from ..passes.ir import Tensor
    from ..passes.lower import LowerContext

Place = tuple[str, int, tuple[int, ...]]


class _Join(OpDef):
    """Base of both: inputs lie one after the other along one axis of the output."""

    half = True

    variadic = "num_args"

    num_args = Int(min=1, doc="Number of inputs to be joined.")

    def places(self, out: Tensor, shapes: Sequence[Dims]) -> Iterator[tuple[int, tuple[int, ...]]]:
        """(offset, strides) in bytes of each input inside `out`."""
        raise NotImplementedError

    def placement(self, out: Tensor, shapes: Sequence[Dims]) -> list[Place]:
        """Where each input lies inside the output.

        Parameters
        ----------
        out
            The output tensor, of any strides.
        shapes
            Shapes of the inputs, in order.

        Returns
        -------
        list of (input name, offset from `out` in bytes, strides in bytes)
        """
        return [(n, *place) for n, place in zip(self.input_names(), self.places(out, shapes), strict=True)]

    def lower(self, c: LowerContext) -> None:
        out = c.output("output", "any")
        for name, offset, strides in self.placement(out, [c.shape(n) for n in self.input_names()]):
            x = c.input(name, "any")
            y = out.view(x.shape, offset, strides)
            if (x.buffer, x.offset, x.strides) != (y.buffer, y.offset, y.strides):
                c.copy(y, x)


class Concat(_Join):
    """Join inputs along the existing axis `dim`: all other dimensions agree, the output's `dim` is the sum.

    ``Concat(a, b, dim=1)`` of (2, 3) and (2, 5) is (2, 8).
    """

    name = "Concat"
    aliases: ClassVar[tuple[str, ...]] = ("concat",)

    dim = Int(1, "The axis to be joined along.")

    def infer_shape(self, s: ShapeRule) -> None:
        known = next((x for x in [*s.outs, *s.ins] if x is not None), None)
        if known is None:
            return
        axis = normal_axis(self.dim, len(known), "dim")
        for i, x in enumerate(s.ins):
            if x is not None and len(x) != len(known):
                raise ShapeError(
                    f"Incompatible attr at {i}-th input ({s.names[i]}): expected {len(known)} dimensions "
                    f"as in {show(known)}, got {show(x)}"
                )
        free = s.meet_out(0, (-1,) * len(known))
        assert free is not None
        for i in [*range(len(s.ins))] * 2:  # the second time the earlier ones learn what a later one told
            x = s.meet_in(i, (*free[:axis], -1, *free[axis + 1 :]))
            assert x is not None
            free = (*x[:axis], free[axis], *x[axis + 1 :])
        sizes = [x[axis] for x in s.ins if x is not None]
        unknown = [i for i, n in enumerate(sizes) if n < 0]
        total = -1 if unknown else sum(sizes)
        out = s.meet_out(0, (*free[:axis], total, *free[axis + 1 :]))
        if out is not None and out[axis] >= 0 and len(unknown) == 1:
            rest = out[axis] - sum(n for n in sizes if n >= 0)
            if rest < 0:
                raise ShapeError(
                    f"inputs are longer than the output's {out[axis]} along axis {axis}: {sizes}"
                )
            s.meet_in(unknown[0], (*free[:axis], rest, *free[axis + 1 :]))

    def places(self, out: Tensor, shapes: Sequence[Dims]) -> Iterator[tuple[int, tuple[int, ...]]]:
        axis, at = normal_axis(self.dim, len(out.shape), "dim"), 0
        for shape in shapes:
            yield at * out.strides[axis], out.strides
            at += shape[axis]

    def gradient(self, g: GradContext) -> list[Any]:
        return _views(self, g, stack=False, axis=self.dim)


class RnnParamConcat(Concat):
    """`Concat`, under the name MXNet's RNN layers join their weights by. (MXNet: _rnn_param_concat)

    Inputs of unknown length share evenly what a known output leaves: they are the first layer's weights for
    both directions.
    """

    name = "_rnn_param_concat"
    aliases = ()

    def infer_shape(self, s: ShapeRule) -> None:
        super().infer_shape(s)
        out, shapes = s.outs[0], [x for x in s.ins if x is not None]
        if out is None or len(shapes) < len(s.ins):
            return
        axis = normal_axis(self.dim, len(out), "dim")
        unknown = [i for i, x in enumerate(shapes) if x[axis] < 0]
        rest = out[axis] - sum(x[axis] for x in shapes if x[axis] >= 0)
        if 1 < len(unknown) < len(shapes) and rest > 0 and rest % len(unknown) == 0:
            for i in unknown:
                x = shapes[i]
                s.meet_in(i, (*x[:axis], rest // len(unknown), *x[axis + 1 :]))


class Stack(_Join):
    """Join inputs of one shape along a new axis: two of (2, 3) with axis=1 become (2, 2, 3)."""

    name = "stack"

    axis = Int(0, "The axis in the result array along which the input arrays are stacked.")

    def infer_shape(self, s: ShapeRule) -> None:
        out, shape = s.outs[0], None
        if out is not None:
            axis = normal_axis(self.axis, len(out))
            shape = out[:axis] + out[axis + 1 :]
        for i in [*range(len(s.ins))] * 2:
            shape = s.meet_in(i, shape)
        if shape is not None:
            axis = normal_axis(self.axis, len(shape) + 1)
            s.meet_out(0, (*shape[:axis], len(s.ins), *shape[axis:]))

    def places(self, out: Tensor, shapes: Sequence[Dims]) -> Iterator[tuple[int, tuple[int, ...]]]:
        axis = normal_axis(self.axis, len(out.shape))
        for i in range(len(shapes)):
            yield i * out.strides[axis], out.strides[:axis] + out.strides[axis + 1 :]

    def gradient(self, g: GradContext) -> list[Any]:
        return _views(self, g, stack=True, axis=self.axis)


def _views(op: _Join, g: GradContext, stack: bool, axis: int) -> list[Any]:
    """One node with a view for each input, wanted or not: an offset depends on the sizes of all before it."""
    node, _ = g.make(
        "_backward_stack" if stack else "_backward_concat", g.ograd(), num_outputs=op.num_args, axis=axis
    )
    node.like = tuple(g.ins)
    return [(node, i) if wanted else None for i, wanted in enumerate(g.wants)]


class _JoinBack(OpDef):
    """Base: cuts the head gradient into views shaped like the inputs that were joined."""

    half = True

    num_outputs = Int()
    axis = Int()

    def output_names(self) -> tuple[str, ...]:
        return tuple(f"output{i}" for i in range(self.num_outputs))

    def infer_shape(self, s: ShapeRule) -> None:
        """Nothing to do: each output has the shape of the entry it is the gradient of."""


class _ConcatBack(_JoinBack):
    name = "_backward_concat"

    def gradient(self, g: GradContext) -> list[Any]:
        heads = [g.ograd(i) for i in range(self.num_outputs)]
        return [g.make("Concat", *heads, like=g.ins[0], num_args=len(heads), dim=self.axis)]

    def lower(self, c: LowerContext) -> None:
        x, at = c.input("data", "any"), 0
        axis = normal_axis(self.axis, len(x.shape))
        for name in self.output_names():
            if c.wants(name):
                c.alias(name, x, at * x.strides[axis], x.strides)
            at += c.shape(name)[axis]


class _StackBack(_JoinBack):
    name = "_backward_stack"

    def gradient(self, g: GradContext) -> list[Any]:
        heads = [g.ograd(i) for i in range(self.num_outputs)]
        return [g.make("stack", *heads, like=g.ins[0], num_args=len(heads), axis=self.axis)]

    def lower(self, c: LowerContext) -> None:
        x = c.input("data", "any")
        axis = normal_axis(self.axis, len(x.shape))
        for i, name in enumerate(self.output_names()):
            if c.wants(name):
                c.alias(name, x, i * x.strides[axis], x.strides[:axis] + x.strides[axis + 1 :])
