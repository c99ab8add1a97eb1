"""ROIPooling: maxima over a grid of cells of each region of interest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base import MXNetError, ShapeError
from ..dtypes import CODES
from .rules import FLOATS, show
from .schema import Backward, Float, OpDef, Shape

if TYPE_CHECKING:
    from ..passes.lower import LowerContext
    from .rules import ShapeRule, TypeRule


class ROIPoolingBackward(Backward):
    """Each maximum sends its gradient to where it was found; regions are not differentiated (zeros)."""

    needs = ("ograd", "rois", "max_idx")
    differentiable = ("data", "rois")

    def lower(self, c: LowerContext) -> None:
        if c.wants("rois"):
            c.zero(c.output("rois", "any"))
        if not c.wants("data"):
            return
        ddata, dout, rois = c.output("data"), c.input("ograd"), c.input("rois")
        n, channels, h, w = ddata.shape
        cells = dout.shape[2] * dout.shape[3]
        ints = [n, channels, h * w, rois.shape[0], cells]
        cost = h * w + rois.shape[0] * cells * 2.0
        c.call("roi_scatter", [ddata], [dout, rois, c.input("max_idx")], ints, items=n * channels, cost=cost)


class ROIPooling(OpDef):
    """Maximum of each of ``pooled_size`` cells of each region.

    data (n, c, h, w); rois (r, 5): image number, x1, y1, x2, y2 in image coordinates, times
    ``spatial_scale`` rounded to pixels, corners included; output (r, c, *pooled_size). Empty cells, and
    regions whose image number does not exist, are 0. (MXNet: ROIPooling; Girshick 2015)
    """

    name = "ROIPooling"
    dtypes = FLOATS
    inputs = ("data", "rois")
    outputs = ("output", "max_idx")
    has_own_output_names = True
    backward = ROIPoolingBackward

    pooled_size = Shape(doc="height and width of the output")
    spatial_scale = Float(doc="pixels of data per unit of the regions", within=(0.0, 1.0))

    def num_visible(self) -> int:
        return 1

    def check(self) -> None:
        if len(self.pooled_size) != 2 or min(self.pooled_size) < 1:
            raise MXNetError(
                f"operator ROIPooling: pooled_size must be two positive numbers, got {self.pooled_size}"
            )

    def infer_shape(self, s: ShapeRule) -> None:
        data, rois = s.ins
        if data is not None and len(data) != 4:
            raise ShapeError(f"ROIPooling: data must have 4 dimensions, got {show(data)}")
        if rois is not None and (len(rois) != 2 or rois[1] not in (-1, 5)):
            raise ShapeError(
                f"ROIPooling: rois must be (regions, 5): image, x1, y1, x2, y2; got {show(rois)}"
            )
        if data is not None and rois is not None:
            for k in (0, 1):
                s.meet_out(k, (rois[0], data[1], *self.pooled_size))

    def infer_type(self, t: TypeRule) -> None:
        t.same([0, 1], [0])
        t.meet_out(1, CODES["int32"])

    def lower(self, c: LowerContext) -> None:
        data, rois, out, where = c.input("data"), c.input("rois"), c.output(), c.output("max_idx")
        n, channels, h, w = data.shape
        ints = [n, channels, h, w, *self.pooled_size]
        cells = self.pooled_size[0] * self.pooled_size[1]
        c.call(
            "roi_pool", [out, where], [data, rois], ints, [self.spatial_scale],
            items=rois.shape[0] * channels, cost=cells * 10.0 + h * w * 0.3, dtype=out.dtype,
        )  # fmt: skip
