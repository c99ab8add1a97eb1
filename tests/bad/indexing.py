"""Bad inputs of operators that take, place, sort, count and sample by index, and of spatial ones."""

from __future__ import annotations

import numpy as np

from cysym.base import IndexRangeError

from . import HUGE, INF, LEAST, MOST, NAN, Table, f32

ROWS = Table()
bad, nasty = ROWS.bad, ROWS.nasty
A = np.arange(6, dtype=np.float32).reshape(2, 3)

bad("take", "2x3 4", "axis", "5", axis=5)
bad("take", "2x3 4", "mode", "fold", mode="fold")
bad("take", "0x3 4", "0|empty")
bad("take", "2x3:int32 4 4", "2|indices", "3")
bad("pick", "2x3 5", r"\[5\]|5", axis=1)
bad("pick", "2x3 2", "axis", "3", axis=3)
bad("pick", "2x3 2", "mode", mode="raise")
bad("pick", "2x0 2", "0|empty", axis=1)
bad("batch_take", "2x3 3", r"\[3\]", r"2")
bad("batch_take", "2x3x4 2", "2|dim")
bad("one_hot", "3", "depth", "-1", depth=-1)
bad("one_hot", "3", "too large", depth=HUGE)
bad("one_hot", "3", "dtype", "float33", depth=2, dtype="float33")
bad("one_hot", "3", "nan", "int32", depth=2, on_value=NAN, dtype="int32")
bad("fill_element_0index", "2x3 2 3", r"\[3\]|3")
bad("fill_element_0index", "2x3 3 2", r"\[3\]|3")
bad("_onehot_encode", "3 2x4", r"2|3")
bad("where", "2x3 2x3 3x2", r"\[2,3\]", r"\[3,2\]")
bad("where", "4 2x3 2x3", r"\[4\]", "2")
bad("where", "2x3 2x3 2x3:float64", "float32", "float64")
bad("gather_nd", "2x3 3x4", "3|indices", "2")
bad("gather_nd", "2x3 -", "indices")
bad("scatter_nd", "4 2x5", r"4|5", shape=(2, 3))
bad("scatter_nd", "4 3x4", "indices|3", shape=(2, 3))
bad("scatter_nd", "4 2x4", "shape", shape=(-2, 3))
bad("scatter_nd", "4 2x4", "too large", shape=(HUGE, HUGE))
bad("_backward_gather_nd", "4 2x5", r"4|5", shape=(2, 3))
bad("_scatter_set_nd", "2x3 5 2x4", r"5|4", shape=(2, 3))
bad("_scatter_set_nd", "2x3 4 2x4", "shape", r"\[2,3\]|2", shape=(3, 2))
bad("_contrib_index_copy", "4x3 2 3x3", r"2|3")
bad("_contrib_index_copy", "4x3 2 2x4", r"3|4")
bad("_contrib_index_copy", "4x3 2x1 2x3", "index_vector|1|dim")
for name in ("sort", "argsort", "topk"):
    bad(name, "2x3", "axis", "6", axis=6)
bad("topk", "2x3", "k", "4", "3", k=4)
bad("topk", "2x3", "k", str(HUGE), k=HUGE)
bad("topk", "2x3", "ret_typ", "values", "value", ret_typ="values")
bad("topk", "2x3", "dtype", "nope", dtype="nope")
bad("argsort", "2x3", "dtype", dtype="float33")
bad("_histogram", "2x3", "bin_cnt", bin_cnt=0, range=(0.0, 1.0))
bad("_histogram", "2x3", "range", bin_cnt=3, range=(1.0, 0.0))
bad("_histogram", "2x3", "range", bin_cnt=3)
bad("_histogram", "2x3", "range", "nan|finite", bin_cnt=3, range=(NAN, 1.0))
bad("_histogram", "2x3", "bin_cnt|too large", bin_cnt=HUGE, range=(0.0, 1.0))
bad("_histogram", "2x3 1", "bins", "1|2")
bad("_ravel_multi_index", "2x3", "shape", "3|2", shape=(4, 4, 4))
bad("_ravel_multi_index", "2x3", "dimensions", r"\[-1,-1\]", shape=(-1, -1))
bad("_ravel_multi_index", "2x3", "shape", "large|overflow|product", shape=(2, HUGE))
bad("_unravel_index", "3", "shape", shape=())
bad("_unravel_index", "3", "dimensions", r"\[0,0\]", shape=(0, 0))
bad("_unravel_index", "3", "shape", "large|overflow|product", shape=(HUGE, HUGE))

# Spatial.
bad("ROIPooling", "1x2x8x8 3x4", "rois", r"\[3,4\]", "5", pooled_size=(2, 2), spatial_scale=1.0)
bad("ROIPooling", "2x8x8 3x5", "data", pooled_size=(2, 2), spatial_scale=1.0)
bad("ROIPooling", "1x2x8x8 3x5", "pooled_size", pooled_size=(0, 2), spatial_scale=1.0)
bad("ROIPooling", "1x2x8x8 3x5", "spatial_scale", pooled_size=(2, 2), spatial_scale=-1.0)
bad("ROIPooling", "1x2x8x8 3x5", "spatial_scale", r"\[0,1\]", pooled_size=(2, 2), spatial_scale=2.0)
bad("ROIPooling", "1x2x8x8 3x5", "too large|pooled_size", pooled_size=(2**31, 2**31), spatial_scale=1.0)
bad("GridGenerator", "2x5", "6", r"5", transform_type="affine", target_shape=(4, 4))
bad("GridGenerator", "2x6", "target_shape", transform_type="affine")
bad("GridGenerator", "2x3x4x4", "2|3", transform_type="warp")
bad("GridGenerator", "2x6", "transform_type", "spiral", transform_type="spiral")
bad("GridGenerator", "2x6", "large|target_shape", transform_type="affine", target_shape=(2**40, 2**40))
bad("BilinearSampler", "1x2x4x4 1x3x4x4", "grid", "3")
bad("BilinearSampler", "1x2x4x4 2x2x4x4", r"1|2")
bad("BilinearSampler", "2x4x4 1x2x4x4", "data|4")
bad("SpatialTransformer", "1x2x4x4 1x5", "loc", "5", target_shape=(4, 4), transform_type="affine",
    sampler_type="bilinear")  # fmt: skip
bad("SpatialTransformer", "1x2x4x4 1x6", "target_shape", target_shape=(-1, 4), transform_type="affine",
    sampler_type="bilinear")  # fmt: skip
bad("SpatialTransformer", "1x2x4x4 1x6", "sampler_type", target_shape=(4, 4), transform_type="affine",
    sampler_type="cubic")  # fmt: skip
bad("Correlation", "1x2x4x4 1x2x5x5", r"\[1,2,4,4\]", r"\[1,2,5,5\]")
bad("Correlation", "1x2x4x4 1x2x4x4", "kernel_size", "2|odd", kernel_size=2)
bad("Correlation", "1x2x4x4 1x2x4x4", "stride", stride1=0)
bad("Correlation", "1x2x4x4 1x2x4x4", "max_displacement|pad_size", max_displacement=9)
bad("Correlation", "1x2x4x4 1x2x4x4", "pad_size|large", pad_size=HUGE)

WILD = f32([NAN, INF, -INF, 1e30, -1e30, -1, 2, 0.9])
nasty("take", A, WILD, want=None)
nasty("take", A, WILD, want=None, mode="wrap")
nasty("take", A, np.array([LEAST, MOST, -1], np.int64), want=A[[0, 1, 0]])
nasty("take", A, np.array([LEAST, MOST, -1], np.int64), want=A[[0, 1, 1]], mode="wrap")
nasty("take", A, np.zeros((0,), np.float32), want=np.zeros((0, 3), np.float32))
nasty("pick", A, f32([NAN, 1e30]), want=None)
nasty("pick", A, np.array([LEAST, MOST], np.int64), want=f32([0, 5]))
nasty("pick", A, np.array([-1, 5], np.int64), want=f32([2, 5]), mode="wrap")
nasty("batch_take", A, np.array([-(2**31), 2**31 - 1], np.int32), want=f32([0, 5]))
nasty("one_hot", f32([NAN, INF, -1, 1, 1e30]), want=f32([[0, 0], [0, 0], [0, 0], [0, 1], [0, 0]]), depth=2)
nasty("one_hot", np.array([LEAST, MOST], np.int64), want=np.zeros((2, 3), np.float32), depth=3)
nasty("fill_element_0index", A, f32([7, 8]), f32([NAN, 1e30]), want=None)
nasty("where", f32([NAN, 0, -1]), f32([1, 2, 3]), f32([4, 5, 6]), want=f32([1, 5, 3]))
nasty("gather_nd", A, f32([WILD, WILD]), want=IndexRangeError)
nasty("gather_nd", A, np.array([[LEAST, MOST], [MOST, LEAST]], np.int64), want=IndexRangeError)
nasty("scatter_nd", f32([1, 2, 3, 4]), f32([[NAN, INF, 1e30, -1e30]]), want=IndexRangeError, shape=(3,))
nasty("scatter_nd", f32([1, 2]), np.array([[LEAST, MOST]], np.int64), want=IndexRangeError, shape=(3,))
nasty(
    "_backward_gather_nd", f32([1, 2]), np.array([[LEAST, MOST]], np.int64), want=IndexRangeError, shape=(3,)
)
nasty(
    "_contrib_index_copy",
    np.zeros((3, 1), np.float32),
    f32([NAN, 1e30]),
    f32([[1], [2]]),
    want=IndexRangeError,
)
nasty("_contrib_index_copy", np.zeros((3, 1), np.float32), np.array([LEAST, MOST], np.int64), f32([[1], [2]]),
      want=IndexRangeError)  # fmt: skip
nasty("sort", f32([3, 1, 2]), want=f32([1, 2, 3]))
nasty("sort", np.zeros((0, 3), np.float32), want=np.zeros((0, 3), np.float32))
nasty("argsort", np.full((1, 4), NAN, np.float32), want=None)
nasty("topk", f32([NAN, 1, INF, -INF]), want=None, k=4)
nasty("_histogram", f32([NAN, INF, -INF, 0.5, 1, 0]), want=None, bin_cnt=2, range=(0.0, 1.0))
nasty("_histogram", np.zeros((0,), np.float32), want=None, bin_cnt=2, range=(0.0, 1.0))
nasty("_ravel_multi_index", f32([[NAN, INF], [1e30, -1]]), want=None, shape=(3, 4))
nasty("_ravel_multi_index", np.array([[LEAST], [MOST]], np.int64), want=None, shape=(3, 4))
nasty("_unravel_index", np.array([LEAST, MOST, -1], np.int64), want=None, shape=(3, 4))
nasty("_unravel_index", f32([NAN, INF, 1e30]), want=None, shape=(3, 4))
nasty("ROIPooling", np.ones((1, 1, 4, 4), np.float32), f32([[NAN, 0, 0, 3, 3], [9, 0, 0, 3, 3],
      [-1, 0, 0, 3, 3],
      [0, -1e30, -1e30, 1e30, 1e30], [0, NAN, INF, -INF, NAN], [0, 3, 3, 0, 0]]), want=None,
      pooled_size=(2, 2), spatial_scale=1.0)  # fmt: skip
nasty("BilinearSampler", np.ones((1, 1, 3, 3), np.float32),
      f32([[[[NAN, INF, -INF, 1e30]], [[NAN, 0, 1e30, -1e30]]]]), want=None)  # fmt: skip
nasty(
    "GridGenerator",
    f32([[NAN, INF, 0, 1e30, 0, -INF]]),
    want=None,
    transform_type="affine",
    target_shape=(2, 2),
)
nasty("SpatialTransformer", np.ones((1, 1, 3, 3), np.float32), f32([[NAN, INF, 0, 1e30, 0, -INF]]), want=None,
      target_shape=(2, 2), transform_type="affine", sampler_type="bilinear")  # fmt: skip
