"""Bad inputs of layers: convolutions, pooling, norms, dropout, attention, losses, embedding."""

from __future__ import annotations

import numpy as np

from . import HUGE, INF, LEAST, MOST, NAN, Table, f32

ROWS = Table()
bad, nasty = ROWS.bad, ROWS.nasty

for name in ("Convolution", "Convolution_v1"):
    bad(name, "1x2x5x5 3x2x3x3 4", "bias", r"\[4\]", r"\[3\]", kernel=(3, 3), num_filter=3)
    bad(name, "1x2x5x5 3x1x3x3 3", "weight", r"\[3,1,3,3\]", r"\[3,2,3,3\]", kernel=(3, 3), num_filter=3)
    bad(name, "1x2x5x5 3x2x3x3 3", "pad|Padding", "-1", kernel=(3, 3), num_filter=3, pad=(-1, 0))
    bad(name, "1x2x5x5 3x2x3x3 3", "num_filter", "0", kernel=(3, 3), num_filter=0)
    bad(name, "1x2x5x5 3x2x3x3 3", "pad|Padding", str(HUGE), kernel=(3, 3), num_filter=3, pad=(HUGE, 0))
bad("Convolution", "2x5x5 3x2x3x3 3", r"4D|4 dim|\[2,5,5\]", kernel=(3, 3), num_filter=3)
bad("Convolution", "1x2x5x5 3x2x9x9 3", "kernel", kernel=(9, 9), num_filter=3)
bad("Convolution", "1x2x5x5 3x2x3x3 3", "kernel|dilate", kernel=(3, 3), num_filter=3, dilate=(2**30, 1))
bad("Convolution", "1x2x5x5 3x2x3x3 3", "[Ss]tride", "0", kernel=(3, 3), num_filter=3, stride=(0, 1))
bad("Convolution", "1x3x5x5 4x1x3x3 4", "group", "2", kernel=(3, 3), num_filter=4, num_group=2)
bad("Convolution", "1x2x5x5 3x2x3x3 3", "num_group", "0", kernel=(3, 3), num_filter=3, num_group=0)
bad("Convolution", "1x2x5x5 3x2x3x3 3", "layout", kernel=(3, 3), num_filter=3, layout="NCDHW")
bad("Convolution", "1x2x5x5 3x2x3x3 3", "layout", "CHWN", kernel=(3, 3), num_filter=3, layout="CHWN")
bad(
    "Convolution",
    "1x2x5x5:int32 3x2x3x3:int32 3:int32",
    "data",
    "float",
    "int32",
    kernel=(3, 3),
    num_filter=3,
)
bad("Convolution", "1x2x5x5 3x2x3x3:float64 3", "weight", "float64", kernel=(3, 3), num_filter=3)
bad("Deconvolution", "1x2x5x5 2x3x3x3", "adj", kernel=(3, 3), num_filter=3, stride=(2, 2), adj=(2, 2))
bad("Deconvolution", "1x2x5x5 2x3x3x3", "[Tt]arget", kernel=(3, 3), num_filter=3, target_shape=(99, 99))
bad("Deconvolution", "1x2x5x5 3x3x3x3", "weight", r"\[3,3,3,3\]", kernel=(3, 3), num_filter=3)
bad("Deconvolution", "1x2x5x5 2x3x3x3", "dim", kernel=(3, 3), num_filter=3, stride=(1, 1, 1))
bad("Deconvolution", "1x2x5x5 2x3x3x3", "too large|large", kernel=(3, 3), num_filter=3, stride=(2**30, 2**30))
bad("Deconvolution", "2x5x5 2x3x3x3", r"4D|4 dim|\[2,5,5\]", kernel=(3, 3), num_filter=3)
for name in ("Pooling", "Pooling_v1"):
    bad(name, "1x2x3x3", "kernel", "9", kernel=(9, 9))
    bad(name, "1x2x3x3", "kernel", kernel=(0, 1))
    bad(name, "1x2x3x3", "stride", kernel=(2, 2), stride=(0, 1))
    bad(name, "1x2x3x3", "pool_type", "median", kernel=(2, 2), pool_type="median")
bad("Pooling", "1x2x3x3", "pad", kernel=(2, 2), pad=(5, 0))
bad("Pooling", "2x3x3", r"4D|4 dim|\[2,3,3\]", kernel=(2, 2))
bad("Pooling", "1x2x3x3", "p_value", kernel=(2, 2), pool_type="lp")
bad("Pooling", "1x2x3x3", "kernel", kernel=(HUGE, 1))
bad("Pooling", "1x2x3x3:int32", "data", "int32", kernel=(2, 2))
bad("Pooling", "1x2x0x3", "kernel|empty|0", kernel=(2, 2))
bad("_contrib_AdaptiveAvgPooling2D", "1x2x3x3", "output_size", output_size=(0, 3))
bad("_contrib_AdaptiveAvgPooling2D", "1x2x3x3", "output_size", output_size=(1, 2, 3))
bad("_contrib_AdaptiveAvgPooling2D", "2x3x3", r"4|\[2,3,3\]", output_size=(1, 1))
bad("_contrib_AdaptiveAvgPooling2D", "1x2x3x3", "too large", output_size=(2**40, 2**40))
bad("_contrib_BilinearResize2D", "1x2x3x3", "height", height=0, width=3)
bad("_contrib_BilinearResize2D", "1x2x3x3", "scale", scale_height=-1.0, scale_width=2.0, mode="odd_scale")
bad("_contrib_BilinearResize2D", "3x3", r"4|\[3,3\]", height=2, width=2)
bad("_contrib_BilinearResize2D", "1x2x3x3", "mode", "nope", height=2, width=2, mode="nope")
bad("UpSampling", "1x2x3x3", "scale", "0", scale=0, sample_type="nearest")
bad("UpSampling", "1x2x3x3", "scale", str(HUGE), scale=HUGE, sample_type="nearest")
bad("UpSampling", "2x3x3", "4D", r"\[2,3,3\]", scale=2, sample_type="nearest")
bad("UpSampling", "1x2x0x3", "0", scale=2, sample_type="nearest")
bad("UpSampling", "1x2x3x3 1x2x4x4", "4", scale=2, sample_type="nearest")
bad("UpSampling", "1x2x3x3 2x1x4x4", "num_filter", scale=2, sample_type="bilinear", num_args=2)
bad("im2col", "1x2x3x3", "kernel", kernel=(9, 9))
bad("im2col", "2x3", r"\[2,3\]|dim", kernel=(2, 2))
bad("im2col", "1x2x3x3", "stride", kernel=(2, 2), stride=(0, 1))
bad("im2col", "1x2x3x3", "large|pad", kernel=(2, 2), pad=(2**31 - 1, 2**31 - 1))
bad("col2im", "1x8x5", r"5|4", output_size=(3, 3), kernel=(2, 2))
bad("col2im", "1x7x4", "7|kernel", output_size=(3, 3), kernel=(2, 2))
bad("col2im", "1x8x4", "output size", r"\[0,3\]", output_size=(0, 3), kernel=(2, 2))

bad("FullyConnected", "2x3 4x5 4", "weight", r"\[4,5\]", r"\[4,3\]", num_hidden=4)
bad("FullyConnected", "2x3 4x3 5", "bias", r"\[5\]", r"\[4\]", num_hidden=4)
bad("FullyConnected", "2x3 4x3 4", "num_hidden", "-4", num_hidden=-4)
bad("FullyConnected", "2x3:int32 4x3:int32 4:int32", "data", "float", "int32", num_hidden=4)
for name in ("BatchNorm", "BatchNorm_v1", "_contrib_BatchNormWithReLU"):
    bad(name, "2x3x4 4 3 3 3", "gamma", r"\[4\]", r"\[3\]")
    bad(name, "2x3x4 3 3 3 2", "moving_var", r"\[2\]", r"\[3\]")
bad("BatchNorm", "2x3x4 3 3 3 3", "axis", "5", axis=5)
bad("BatchNorm", "2x3x4:int32 3:int32 3:int32 3:int32 3:int32", "float", "int32")
bad("_contrib_SyncBatchNorm", "2x3x4 4 3 3 3", "gamma", r"\[4\]", key="k")
bad("_contrib_SyncBatchNorm", "2x3x4 3 3 3 3", "key", "required|not presented")
bad("LayerNorm", "2x3 2 3", "gamma", r"\[2\]", r"\[3\]")
bad("LayerNorm", "2x3 3 3", "axis", "4", axis=4)
bad("GroupNorm", "2x6x4 4 4", "num_groups|group", "4", num_groups=4)
bad("GroupNorm", "2x6x4 5 2", r"\[5\]", num_groups=2)
bad("GroupNorm", "2x6x4 2 2", "num_groups", "0", num_groups=0)
bad("GroupNorm", "6 1 1", "dim|3")
bad("InstanceNorm", "2x3x4 4 3", "gamma", r"\[4\]")
bad("InstanceNorm", "2 2 2", "dim|3")
bad("LRN", "1x4x2x2", "nsize", nsize=-3)
bad("Dropout", "2x3", "p", "1.5", p=1.5)
bad("Dropout", "2x3", "p", "nan", p=NAN)
bad("Dropout", "2x3", "p", "-0.1", p=-0.1)
bad("Dropout", "2x3", "mode", "never", mode="never")
bad("Dropout", "2x3", "axes|axis", "7", axes=(7,))
bad("Embedding", "3 4x2", "weight", r"\[4,2\]", r"\[5,2\]", input_dim=5, output_dim=2)
bad("Embedding", "3 5x2", "output_dim", "0", input_dim=5, output_dim=0)
bad("Embedding", "3 5x2", "input_dim", str(HUGE), input_dim=HUGE, output_dim=2)
bad("Embedding", "3 5x2", "dtype", "float33", input_dim=5, output_dim=2, dtype="float33")
bad("_contrib_SparseEmbedding", "3 4x2", "weight", r"\[4,2\]", input_dim=5, output_dim=2)
bad("IdentityAttachKLSparseReg", "2x3 4", r"\[4\]", r"\[3\]")
bad("IdentityAttachKLSparseReg", "2x3 3", "sparseness_target", "1.5", sparseness_target=1.5)

for name in ("_contrib_interleaved_matmul_selfatt_qk",):
    bad(name, "3x2x24", "heads", "0", heads=0)
    bad(name, "3x2x25", "25", "heads", heads=4)
    bad(name, "3x24", r"3|dim", r"\[3,24\]", heads=4)
bad("_contrib_interleaved_matmul_selfatt_valatt", "3x2x24 8x3x4", r"8", heads=4)
bad("_contrib_interleaved_matmul_selfatt_valatt", "3x2x24 4x3x3", r"4", "8", heads=4)
bad("_contrib_interleaved_matmul_encdec_qk", "3x2x8 5x2x15", "15|16", heads=4)
bad("_contrib_interleaved_matmul_encdec_qk", "3x2x8 5x3x16", r"2|3", heads=4)
bad("_contrib_interleaved_matmul_encdec_valatt", "5x2x16 8x3x4", r"4|5", heads=4)
bad("_contrib_interleaved_matmul_encdec_valatt", "5x2x16 8x3x5", "heads", str(HUGE), heads=HUGE)

for name in ("softmax", "log_softmax", "softmin"):
    bad(name, "2x3", "axis", "4", axis=4)
    bad(name, "2x3", "temperature", "0", temperature=0.0)
bad("softmax", "2x3 5", "length", r"\[5\]", use_length=True)
bad("softmax", "2x3:int32", "data", "int32", "float")
bad("SoftmaxActivation", "3", "channel", "2", mode="channel")
bad("SoftmaxActivation", "2x3", "mode", "row", mode="row")
bad("SoftmaxOutput", "2x3 2", "smooth_alpha", r"\[0,1\]", smooth_alpha=1.5)
bad("SoftmaxOutput", "2x3 5", "label", r"\[5\]")
bad("SoftmaxOutput", "2x3 2", "normalization", "mean", normalization="mean")
bad("SoftmaxOutput", "2x3x4 2x5", "label", r"\[2,5\]", multi_output=True)
bad("SoftmaxOutput", "2x3:int32 2:int32", "int32", "float")
bad("softmax_cross_entropy", "2x3 3", "label", r"\[3\]")
bad("softmax_cross_entropy", "2x3x4 2", "2|dim")
for name in ("LinearRegressionOutput", "LogisticRegressionOutput", "MAERegressionOutput"):
    bad(name, "2x3 4x3", "label", r"\[4,3\]")
    bad(name, "2x3 2x3", "grad_scale", "float", grad_scale="x")
bad("SVMOutput", "2x3 3", "label", r"\[3\]")
bad("SVMOutput", "2x3 2", "margin", "float", margin="wide")
bad("MakeLoss", "2x3", "normalization", "sum", normalization="sum")
bad("CTCLoss", "5x2x4 3x2", "label", r"3|2")
bad("CTCLoss", "5x2 2x2", "3|dim", r"\[5,2\]")
bad("CTCLoss", "5x2x4 2x2 3", "data_lengths", r"\[3\]", use_data_lengths=True)
bad("CTCLoss", "5x2x4 2x2", "blank_label", "middle", blank_label="middle")
bad("CTCLoss", "5x2x4 2x9", "label|9", "5")

E0 = np.zeros
nasty("Embedding", f32([NAN, INF, -INF, 1e30, -5]), f32([[1], [2]]), want=None, input_dim=2, output_dim=1)
nasty("Embedding", np.array([LEAST, MOST], np.int64), f32([[1], [2]]), want=f32([[1], [2]]), input_dim=2,
      output_dim=1)  # fmt: skip
nasty("softmax", f32([[INF, 1], [-INF, -INF], [NAN, 1]]), want=f32([[NAN, NAN]] * 3))
nasty("softmax", f32([[3e38, -3e38]]), want=f32([[1, 0]]))
nasty("softmax", E0((2, 0), np.float32), want=E0((2, 0), np.float32))
nasty("log_softmax", E0((0, 3), np.float32), want=E0((0, 3), np.float32))
nasty("softmax", f32([[1, 2]]), np.array([0], np.int32), want=f32([[0, 0]]), use_length=True)
nasty("softmax", f32([[2, 2]]), np.array([2**31 - 1], np.int32), want=f32([[0.5, 0.5]]), use_length=True)
nasty("SoftmaxOutput", f32([[0, 0]] * 4), f32([NAN, INF, -7, 1e30]), want=f32([[0.5, 0.5]] * 4))
nasty("softmax_cross_entropy", f32([[0, 0]] * 2), f32([NAN, 1e30]), want=None)
nasty("CTCLoss", np.ones((3, 2, 4), np.float32), f32([[NAN, INF], [-1e30, 99]]), want=None)
nasty("CTCLoss", np.ones((3, 1, 4), np.float32), f32([[1, 2]]), f32([1e30]), want=None, use_data_lengths=True)
nasty("CTCLoss", np.ones((3, 1, 4), np.float32), f32([[1, 2]]), f32([NAN]), want=None, use_label_lengths=True)
nasty("SVMOutput", f32([[1, 2]] * 3), f32([NAN, 1e30, -1]), want=f32([[1, 2]] * 3))
nasty("FullyConnected", E0((0, 3), np.float32), np.ones((4, 3), np.float32), np.ones(4, np.float32),
      want=E0((0, 4), np.float32), num_hidden=4)  # fmt: skip
nasty("Convolution", E0((0, 2, 5, 5), np.float32), np.ones((3, 2, 3, 3), np.float32), np.ones(3, np.float32),
      want=E0((0, 3, 3, 3), np.float32), kernel=(3, 3), num_filter=3)  # fmt: skip
nasty("Pooling", f32([[[[NAN, 1], [2, 3]]]]), want=None, kernel=(2, 2))
nasty("Pooling", E0((0, 1, 3, 3), np.float32), want=E0((0, 1, 2, 2), np.float32), kernel=(2, 2))
nasty(
    "LayerNorm",
    E0((0, 3), np.float32),
    np.ones(3, np.float32),
    E0(3, np.float32),
    want=E0((0, 3), np.float32),
)
nasty("Dropout", E0((0, 3), np.float32), want=E0((0, 3), np.float32))
nasty("Dropout", f32([1, 2]), want=f32([1, 2]), p=0.0)
