"""_shuffle: the first axis in an order left to chance.

A permutation is drawn on the device (four kernels of c_kernels/random.c), then rows are moved as bytes
(c_kernels/shuffle.c). The permutation is a hidden output, by which the gradient finds its way back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base import ShapeError
from ..dtypes import CODES
from .random import generators
from .schema import Backward, OpDef

if TYPE_CHECKING:
    from ..passes.ir import Tensor
    from ..passes.lower import LowerContext
    from .rules import ShapeRule, TypeRule

INT64 = CODES["int64"]
HEAPS = 64
SMALL = 4096  # up to here one heap: nothing to deal


def emit_rows(c: LowerContext, y: Tensor, x: Tensor, order: Tensor, is_back: bool) -> None:
    """``y[i] = x[order[i]]``, or back: ``y[order[i]] = x[i]``; rows of any type."""
    if not x.size:
        return
    rows = order.size
    nbytes = x.size // rows * x.itemsize
    c.call("shuffle_rows", [y], [x, order], [nbytes, is_back], items=rows, cost=3.0 + nbytes / 8, dtype="any")


class ShuffleBackward(Backward):
    """dx[order[i]] = dy[i]."""

    half = True
    needs = ("ograd", "order")

    def lower(self, c: LowerContext) -> None:
        emit_rows(c, c.output("data"), c.input("ograd"), c.input("order"), True)


class Shuffle(OpDef):
    """The slices of ``data`` along its first axis in an order left to chance, every order equally likely.

    output: shape and type of ``data``; the content of each slice stays as it is. Up to 4,096 slices by Fisher
    and Yates; more are first dealt to 64 heaps by chance (Rao 1961, Sandelius 1962). The gradient puts
    the slices of the head gradient back. (MXNet: _shuffle)
    """

    name = "_shuffle"
    aliases = ("shuffle",)
    outputs = ("output", "order")
    has_own_output_names = True
    is_random = True
    half = True
    backward = ShuffleBackward

    def num_visible(self) -> int:
        return 1

    def infer_shape(self, s: ShapeRule) -> None:
        data = s.meet_in("data", s.outs[0])
        s.meet_out(0, data)
        if data is None:
            return
        if not data:
            raise ShapeError(f"{self.name}: data must have at least one dimension, got []")
        s.meet_out(1, data[:1])

    def infer_type(self, t: TypeRule) -> None:
        t.same(outs=[0])
        t.meet_out(1, INT64)

    def lower(self, c: LowerContext) -> None:
        x, y, state = c.input("data"), c.output(), c.random_state()
        size = x.shape[0]
        order = c.output("order") if c.wants("order") else c.temp((size,), INT64)
        if not x.size:
            return
        n, step = generators(size)
        heaps = 1 if size <= SMALL else HEAPS
        heap, ends = c.temp((size,), CODES["int32"]), c.temp((heaps,), INT64)
        counts, starts = c.temp((n, heaps), INT64), c.temp((n, heaps), INT64)
        if heaps > 1:
            c.call(
                "shuffle_deal", [heap, counts, state], [state], [size, step, heaps], items=n, cost=4.0 * step,
                dtype="f32", mutates=True,
            )  # fmt: skip
            c.call(
                "shuffle_places", [starts, ends], [counts], [heaps, n], items=1, cost=2.0 * n * heaps,
                dtype="f32",
            )  # fmt: skip
            c.call(
                "shuffle_lay", [order, starts], [starts, heap], [size, step, heaps], items=n, cost=4.0 * step,
                dtype="f32", mutates=True,
            )  # fmt: skip
        else:
            c.call("arange", [order], [], [1, 0, 1], [0.0, 1.0], items=size, cost=0.5)
            c.call("arange", [ends], [], [1, size, 0], [0.0, 0.0], items=1, cost=0.5)
        c.call(
            "shuffle_mix", [order, state], [order, state, ends], items=heaps, cost=20.0 * size / heaps,
            dtype="f32", mutates=True,
        )  # fmt: skip
        emit_rows(c, y, x, order, False)
