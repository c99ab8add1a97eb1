"""diag, depth_to_space, space_to_depth: elements found or laid down by their indices, without a kernel.

A diagonal is a view with the steps of two axes added; blocks move as one strided copy of six dimensions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..base import MXNetError, ShapeError
from .axes import normal_axis
from .rules import Dims, ShapeRule, show
from .schema import Backward, Int, OpDef

if TYPE_CHECKING:
    from ..passes.gradient import GradContext
    from ..passes.ir import Tensor
    from ..passes.lower import LowerContext


class _DiagBackward(Backward):
    """Zeros with the head gradient on the diagonal; of a vector's matrix its diagonal."""

    half = True

    def lower(self, c: LowerContext) -> None:
        op = self.forward
        assert isinstance(op, Diag)
        g, out = c.input("ograd", "any"), c.output("data", "any")
        if len(out.shape) == 1:
            c.copy(out, op.diagonal(g, out.shape))
            return
        c.zero(out)
        if g.size:
            c.copy(op.diagonal(out, g.shape), g)

    def gradient(self, g: GradContext) -> list[Any]:
        return g.linear()


class Diag(OpDef):
    """The diagonal `k` of a matrix (positive: above the main one), or the matrix with a vector on its
    diagonal.

    data (n,): output (n + |k|, n + |k|), zero elsewhere. More dimensions: the diagonals of the matrices the
    axes `axis1` and `axis2` span, as the last axis: data (2, 3, 4), axis1=1, axis2=2, k=0: (2, 3). (MXNet:
    diag)
    """

    half = True

    name = "diag"
    backward = _DiagBackward

    k = Int(0, "Diagonal in question: above the main one if positive, below if negative.")
    axis1 = Int(0, "The first axis of the matrices; not used with a vector.")
    axis2 = Int(1, "The second axis of the matrices; not used with a vector.")

    def axes(self, ndim: int) -> tuple[int, int]:
        """Rows and columns, counted from the front."""
        if ndim < 2:
            return 0, 1
        rows, cols = normal_axis(self.axis1, ndim, "axis1"), normal_axis(self.axis2, ndim, "axis2")
        if rows == cols:
            raise ShapeError(f"diag: axis1={self.axis1} and axis2={self.axis2} are the same axis")
        return rows, cols

    def infer_shape(self, s: ShapeRule) -> None:
        data = s.ins[0]
        if data is None:
            return
        if len(data) < 1:
            raise ShapeError(f"diag: data must have at least 1 dimension, got {show(data)}")
        if len(data) == 1:
            n = data[0] + abs(self.k) if data[0] >= 0 else -1
            s.meet_out(0, (n, n))
            return
        rows, cols = self.axes(len(data))
        if data[rows] < 0 or data[cols] < 0:
            return
        length = min(data[rows] - max(-self.k, 0), data[cols] - max(self.k, 0))
        if length < 0:
            raise ShapeError(f"diag: a matrix of {data[rows]} x {data[cols]} has no diagonal k={self.k}")
        s.meet_out(0, (*(d for i, d in enumerate(data) if i not in (rows, cols)), length))

    def diagonal(self, t: Tensor, shape: Dims) -> Tensor:
        """The diagonal of `t`, which has the shape `shape`, as a view."""
        rows, cols = self.axes(len(t.shape))
        offset = max(-self.k, 0) * t.strides[rows] + max(self.k, 0) * t.strides[cols]
        rest = (s for i, s in enumerate(t.strides) if i not in (rows, cols))
        return t.view(shape, offset if t.size else 0, (*rest, t.strides[rows] + t.strides[cols]))

    def lower(self, c: LowerContext) -> None:
        x = c.input("data", "any")
        if len(x.shape) == 1:
            out = c.output("output", "any")
            c.zero(out)
            c.copy(self.diagonal(out, x.shape), x)
        elif 0 not in c.shape("output"):
            look = self.diagonal(x, c.shape("output"))
            c.alias("output", x, look.offset - x.offset, look.strides)


class _Blocks(OpDef):
    """Base of the two that exchange channels and blocks of pixels."""

    half = True
    inverse = ""

    block_size = Int(doc="Height and width of the blocks.", min=1)

    def infer_shape(self, s: ShapeRule) -> None:
        for shape in (s.ins[0], s.outs[0]):
            if shape is not None and len(shape) != 4:
                raise ShapeError(f"{self.name}: data must have 4 dimensions, got {show(shape)}")
        data = s.ins[0]
        if data is not None and min(data) >= 0:
            s.meet_out(0, self.target(data))

    def target(self, data: Dims) -> Dims:
        raise NotImplementedError

    def gradient(self, g: GradContext) -> list[Any]:
        return [g.make(self.inverse, g.ograd(), like=g.ins[0], block_size=self.block_size)]


class DepthToSpace(_Blocks):
    """Spread channels over blocks of pixels: (n, c b b, h, w) becomes (n, c, h b, w b) with b = block_size.

    ``output[n, c, y b + i, x b + j] = data[n, (i b + j) c' + c, y, x]``, c' being the output's channels.
    (MXNet: depth_to_space)
    """

    name = "depth_to_space"
    inverse = "space_to_depth"

    def target(self, data: Dims) -> Dims:
        n, channels, h, w = data
        b = self.block_size
        if channels % (b * b):
            raise MXNetError(
                f"depth_to_space: {channels} channels cannot be spread over blocks of {b} x {b} pixels"
            )
        return n, channels // (b * b), h * b, w * b

    def lower(self, c: LowerContext) -> None:
        x, out, b = c.input("data"), c.output(), self.block_size
        n, channels, h, w = x.shape
        if not out.size:
            return
        seen = x.view((n, b, b, channels // (b * b), h, w))
        order = (0, 3, 4, 1, 5, 2)
        shape = tuple(seen.shape[i] for i in order)
        c.copy(out.view(shape), seen.view(shape, 0, tuple(seen.strides[i] for i in order)))


class SpaceToDepth(_Blocks):
    """Gather blocks of pixels in channels: (n, c, h, w) becomes (n, c b b, h / b, w / b); the inverse of
    `depth_to_space`. (MXNet: space_to_depth)
    """

    name = "space_to_depth"
    inverse = "depth_to_space"

    def target(self, data: Dims) -> Dims:
        n, channels, h, w = data
        b = self.block_size
        if h % b or w % b:
            raise MXNetError(f"space_to_depth: {h} x {w} pixels cannot be cut into blocks of {b} x {b}")
        return n, channels * b * b, h // b, w // b

    def lower(self, c: LowerContext) -> None:
        x, out, b = c.input("data"), c.output(), self.block_size
        n, channels, h, w = x.shape
        if not out.size:
            return
        seen = x.view((n, channels, h // b, b, w // b, b))
        order = (0, 3, 5, 1, 2, 4)
        shape = tuple(seen.shape[i] for i in order)
        c.copy(out.view(shape), seen.view(shape, 0, tuple(seen.strides[i] for i in order)))
