"""GridGenerator, BilinearSampler, SpatialTransformer: where to look, and looking there.

A grid holds, for each pixel of the output, the place in the input it comes from: x and y in [-1, 1]; beyond
lies zero. The kernels in c_kernels/spatial.c and cl_kernels/spatial.cl gather in the forward direction; the
gradient of the data scatters, one item a plane, so that sums have one order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base import MXNetError, ShapeError
from .rules import FLOATS, Dims, show
from .schema import Backward, Bool, Enum, OpDef, Shape

if TYPE_CHECKING:
    from ..passes.ir import Tensor
    from ..passes.lower import LowerContext
    from .rules import ShapeRule, TypeRule


def _rank(op: str, name: str, dims: Dims, rank: int, second: int = 0) -> None:
    if len(dims) != rank or (second and dims[1] not in (-1, second)):
        wanted = f"{rank} dimensions" + (f", the second of {second}" if second else "")
        raise ShapeError(f"{op}: {name} must have {wanted}, got {show(dims)}")


def _target(op: OpDef, shape: tuple[int, ...]) -> tuple[int, int]:
    if len(shape) != 2 or min(shape) < 1:
        raise MXNetError(
            f"operator {op.name}: target_shape must be two positive numbers (height, width), got {shape}"
        )
    return shape[0], shape[1]


def _emit_affine(c: LowerContext, grid: Tensor, theta: Tensor) -> None:
    """Grid (n, 2, h, w) of transformations (n, 6)."""
    n, _, h, w = grid.shape
    c.call("grid_affine", [grid], [theta], [h, w], items=n * h, cost=w * 2.0)


def _emit_affine_grad(c: LowerContext, dtheta: Tensor, dgrid: Tensor) -> None:
    n, _, h, w = dgrid.shape
    c.call("grid_affine_grad", [dtheta], [dgrid], [h, w], items=n * 2, cost=h * w * 3.0)


def _sizes(data: Tensor, grid: Tensor) -> list[int]:
    """channels, height, width of the input; height, width of the output."""
    return [*data.shape[1:], *grid.shape[2:]]


def _emit_sample(c: LowerContext, out: Tensor, data: Tensor, grid: Tensor) -> None:
    ints = _sizes(data, grid)
    cost = ints[0] * ints[4] * 4.0
    c.call("bilinear_sample", [out], [data, grid], ints, items=data.shape[0] * ints[3], cost=cost)


def _emit_sample_grad(
    c: LowerContext, dout: Tensor, data: Tensor, grid: Tensor, ddata: Tensor | None, dgrid: Tensor | None
) -> None:
    ints, n = _sizes(data, grid), data.shape[0]
    pixels = ints[3] * ints[4]
    if ddata is not None:
        c.call("bilinear_scatter", [ddata], [dout, grid], ints, items=n * ints[0], cost=pixels * 5.0)
    if dgrid is not None:
        cost = ints[0] * ints[4] * 6.0
        c.call("bilinear_slope", [dgrid], [dout, data, grid], ints, items=n * ints[3], cost=cost)


class GridGeneratorBackward(Backward):
    """Affine: sums over the grid. Warp: the gradient, scaled."""

    dtypes = FLOATS

    def lower(self, c: LowerContext) -> None:
        dgrid, ddata = c.input("ograd"), c.output("data")
        if self.values["transform_type"] == "affine":
            _emit_affine_grad(c, ddata, dgrid)
        else:
            n, _, h, w = dgrid.shape
            c.call("grid_warp_grad", [ddata], [dgrid], [h, w], items=n * h, cost=w * 2.0, inplace=[(0, 0)])


class GridGenerator(OpDef):
    """Sampling grid from a transformation or a flow.

    ``affine``: data (n, 6) are matrices [[a, b, c], [d, e, f]]; output (n, 2, h, w), ``target_shape = (h,
    w)``: ``x' = a x + b y + c``, ``y' = d x + e y + f`` over x, y evenly in [-1, 1]. ``warp``: data (n, 2, h,
    w) is a flow in pixels; output is pixel plus flow, scaled to [-1, 1]. (MXNet: GridGenerator)
    """

    name = "GridGenerator"
    dtypes = FLOATS
    backward = GridGeneratorBackward

    transform_type = Enum(("affine", "warp"), doc="what data means")
    target_shape = Shape((0, 0), "height and width of the grid, for affine")

    def counted_outputs(self) -> int:
        return 2

    def check(self) -> None:
        if self.transform_type == "affine":
            _target(self, self.target_shape)

    def infer_shape(self, s: ShapeRule) -> None:
        if self.transform_type == "affine":
            data = s.meet_in(0, None if s.ins[0] is None else s.ins[0])
            if data is not None:
                _rank(self.name, "data", data, 2, 6)
                s.meet_in(0, (data[0], 6))
                s.meet_out(0, (data[0], 2, *self.target_shape))
            return
        s.same()
        if s.ins[0] is not None:
            _rank(self.name, "data", s.ins[0], 4, 2)

    def lower(self, c: LowerContext) -> None:
        data, grid = c.input("data"), c.output()
        if self.transform_type == "affine":
            _emit_affine(c, grid, data)
        else:
            n, _, h, w = grid.shape
            c.call("grid_warp", [grid], [data], [h, w], items=n * h, cost=w * 2.0, inplace=[(0, 0)])


class BilinearSamplerBackward(Backward):
    """Scatter of the gradient, and its slope along x and y."""

    needs = ("ograd", "data", "grid")

    def lower(self, c: LowerContext) -> None:
        ddata = c.output("data") if c.wants("data") else None
        dgrid = c.output("grid") if c.wants("grid") else None
        _emit_sample_grad(c, c.input("ograd"), c.input("data"), c.input("grid"), ddata, dgrid)


class BilinearSampler(OpDef):
    """Bilinear interpolation of data at the places of a grid; zero outside.

    data (n, c, h, w), grid (n, 2, h', w') with x and y in [-1, 1]; output (n, c, h', w').
    (MXNet: BilinearSampler; Jaderberg et al. 2015)
    """

    name = "BilinearSampler"
    dtypes = FLOATS
    inputs = ("data", "grid")
    backward = BilinearSamplerBackward

    cudnn_off = Bool(None, "accepted and ignored")

    def counted_outputs(self) -> int:
        return 2

    def infer_shape(self, s: ShapeRule) -> None:
        data, grid = s.ins
        if data is not None:
            _rank(self.name, "data", data, 4)
        if grid is not None:
            _rank(self.name, "grid", grid, 4, 2)
        if data is not None and grid is not None:
            s.meet_in(1, (data[0], 2, -1, -1))
            s.meet_out(0, (data[0], data[1], grid[2], grid[3]))

    def lower(self, c: LowerContext) -> None:
        _emit_sample(c, c.output(), c.input("data"), c.input("grid"))


class SpatialTransformerBackward(Backward):
    """The grid again, then the sampler's gradients, then the transformation's."""

    needs = ("ograd", "data", "loc")

    def lower(self, c: LowerContext) -> None:
        dout, data, loc = c.input("ograd"), c.input("data"), c.input("loc")
        grid = c.temp((data.shape[0], 2, *dout.shape[2:]), data.dtype)
        _emit_affine(c, grid, loc)
        ddata = c.output("data") if c.wants("data") else None
        dgrid = c.temp(grid.shape, grid.dtype) if c.wants("loc") else None
        _emit_sample_grad(c, dout, data, grid, ddata, dgrid)
        if dgrid is not None:
            _emit_affine_grad(c, c.output("loc"), dgrid)


class SpatialTransformer(OpDef):
    """Affine transformation of each image: `GridGenerator`, then `BilinearSampler`.

    data (n, c, h, w), loc (n, 6); output (n, c, *target_shape). The only `transform_type` is "affine", the
    only `sampler_type` "bilinear". (MXNet: SpatialTransformer; Jaderberg et al. 2015)
    """

    name = "SpatialTransformer"
    dtypes = FLOATS
    inputs = ("data", "loc")
    backward = SpatialTransformerBackward

    target_shape = Shape((0, 0), "height and width of the output")
    transform_type = Enum(("affine",), doc="kind of transformation")
    sampler_type = Enum(("bilinear",), doc="kind of interpolation")
    cudnn_off = Bool(None, "accepted and ignored")

    def counted_outputs(self) -> int:
        return 3

    def check(self) -> None:
        _target(self, self.target_shape)

    def infer_shape(self, s: ShapeRule) -> None:
        data, loc = s.ins
        if loc is not None:
            _rank(self.name, "loc", loc, 2, 6)
        if data is not None:
            _rank(self.name, "data", data, 4)
            s.meet_in(1, (data[0], 6))
            s.meet_out(0, (data[0], data[1], *self.target_shape))

    def infer_type(self, t: TypeRule) -> None:
        t.same()

    def lower(self, c: LowerContext) -> None:
        data, out = c.input("data"), c.output()
        grid = c.temp((data.shape[0], 2, *out.shape[2:]), data.dtype)
        _emit_affine(c, grid, c.input("loc"))
        _emit_sample(c, out, data, grid)
