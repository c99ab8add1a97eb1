"""Questions about grids, samplers, regions and correlation. Data only."""

from __future__ import annotations

from opcases import OpCase, real, values

ROIS = [[0, 0, 0, 10, 6], [1, 2, 1, 5, 4], [0, 3, 3, 3, 3], [1, -4, -4, 3, 3]]
NOWHERE = [[[[float("nan"), 0.1, float("inf")]], [[0.2, -0.3, 0.4]]]]

CASES: list[OpCase] = [
    OpCase("GridGenerator", "affine", {"data": real(3, 6)},
           {"transform_type": "affine", "target_shape": "(5, 7)"}, add=True),
    OpCase("GridGenerator", "warp", {"data": real(2, 2, 5, 3)}, {"transform_type": "warp"}),
    OpCase("BilinearSampler", "inside", {"data": real(2, 3, 5, 7), "grid": real(2, 2, 3, 5, scale=0.3)}),
    OpCase("BilinearSampler", "outside", {"data": real(2, 3, 5, 7), "grid": real(2, 2, 3, 5, scale=1.5)}),
    OpCase("BilinearSampler", "nan", {"data": real(1, 2, 3, 4), "grid": values(NOWHERE)}),
    OpCase("SpatialTransformer", "small", {"data": real(2, 3, 5, 7), "loc": real(2, 6, scale=0.4)},
           {"target_shape": "(3, 4)", "transform_type": "affine", "sampler_type": "bilinear"}),
    OpCase("ROIPooling", "whole", {"data": real(2, 3, 7, 11), "rois": values(ROIS)},
           {"pooled_size": "(2, 3)", "spatial_scale": "1.0"}),
    OpCase("ROIPooling", "scaled", {"data": real(2, 3, 7, 11), "rois": values(ROIS)},
           {"pooled_size": "(3, 3)", "spatial_scale": "0.7"}),
    OpCase("Correlation", "plain", {"data1": real(2, 3, 7, 5), "data2": real(2, 3, 7, 5)}),
    OpCase("Correlation", "kernel", {"data1": real(1, 2, 5, 6), "data2": real(1, 2, 5, 6)},
           {"kernel_size": "3", "max_displacement": "2", "stride2": "2", "pad_size": "3"}),
    OpCase("Correlation", "difference", {"data1": real(1, 3, 9, 8), "data2": real(1, 3, 9, 8)},
           {"max_displacement": "2", "stride1": "2", "pad_size": "2", "is_multiply": "False"}),
]  # fmt: skip
