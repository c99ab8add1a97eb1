"""Bad inputs of elementwise operators, casts, reductions and what makes arrays of numbers."""

from __future__ import annotations

import numpy as np

from . import HUGE, INF, LEAST, MOST, NAN, Table, f32

ROWS = Table()
bad, nasty = ROWS.bad, ROWS.nasty

# Two tensors of different shapes: every operator of two tensors, element by element and broadcasting.
for name in (
    "elemwise_add", "elemwise_sub", "elemwise_mul", "elemwise_div", "_mod", "_power", "_hypot", "_maximum",
    "_minimum", "_equal", "_not_equal", "_greater", "_greater_equal", "_lesser", "_lesser_equal",
    "_logical_and", "_logical_or", "_logical_xor", "_grad_add", "_scatter_elemwise_div",
):  # fmt: skip
    bad(name, "2x3 1x3", r"1-th input", r"\[2,3\]", r"\[1,3\]")
for name in (
    "broadcast_add", "broadcast_sub", "broadcast_mul", "broadcast_div", "broadcast_mod", "broadcast_power",
    "broadcast_hypot", "broadcast_maximum", "broadcast_minimum", "broadcast_equal", "broadcast_not_equal",
    "broadcast_greater", "broadcast_greater_equal", "broadcast_lesser", "broadcast_lesser_equal",
    "broadcast_logical_and", "broadcast_logical_or", "broadcast_logical_xor",
):  # fmt: skip
    bad(name, "2x3 4x3", r"broadcast", r"\[2,3\]", r"\[4,3\]")
for name in ("elemwise_add", "broadcast_mul", "_maximum", "_power", "_grad_add"):
    bad(name, "2x3:float64 2x3", "1-th input", r"\(rhs\)", "float64", "float32")
bad("broadcast_add", "0x3 2x3", "broadcast", r"\[0,3\]")
bad("broadcast_add", "2x3x4 2x4", "broadcast", r"\[2,3,4\]", r"\[2,4\]")

# One tensor and a number.
for name in (
    "_plus_scalar", "_minus_scalar", "_rminus_scalar", "_mul_scalar", "_div_scalar", "_rdiv_scalar",
    "_mod_scalar", "_rmod_scalar", "_power_scalar", "_rpower_scalar", "_hypot_scalar", "_maximum_scalar",
    "_minimum_scalar", "_equal_scalar", "_not_equal_scalar", "_greater_scalar", "_greater_equal_scalar",
    "_lesser_scalar", "_lesser_equal_scalar", "_logical_and_scalar", "_logical_or_scalar",
    "_logical_xor_scalar", "_scatter_plus_scalar", "_scatter_minus_scalar", "_contrib_gradientmultiplier",
):  # fmt: skip
    bad(name, "2x3", "scalar", "float", "much", scalar="much")
bad("smooth_l1", "2x3", "scalar", "float", scalar="x")
bad("clip", "2x3", "a_max", "not presented|required", a_min=0)
bad("clip", "2x3", "a_min", "float", a_min=None, a_max=1)
bad("clip", "2x3", "a_min", "float", a_min=[1], a_max=1)
bad("hard_sigmoid", "2x3", "alpha", "float", alpha="steep")
bad("Activation", "2x3", "act_type", "gelu", "relu", act_type="gelu")
bad("LeakyReLU", "2x3", "act_type", "relu6", "leaky", act_type="relu6")
bad("LeakyReLU", "2x3", "slope", "float", act_type="leaky", slope="x")
bad("LeakyReLU", "2x3x4 5", "gamma", r"\[5\]", r"\[3\]|3", act_type="prelu")
bad("add_n", "2x3 2x3 3x2", "2-th input", r"\[2,3\]", r"\[3,2\]")
bad("add_n", "2x3 2x3:float64", "1-th input", "float32", "float64")
bad("_contrib_quadratic", "2x3", "float", "b", b="x")
bad("_contrib_allclose", "2x3 3x2", r"\[2,3\]", r"\[3,2\]")
bad("_contrib_allclose", "2x3 2x3", "rtol", "float", rtol="tight")
bad("khatri_rao", "2x3 2x4", r"\[2,3\]|3", r"\[2,4\]|4")
bad("khatri_rao", "2 2", r"\[2\]", "matrix")
for name in (
    "BlockGrad", "_copy", "make_loss", "zeros_like", "ones_like", "negative", "relu", "erf",
    "_contrib_round_ste", "_contrib_sign_ste", "arccos", "arccosh", "arcsin", "arcsinh", "arctan",
    "arctanh", "cbrt", "ceil", "cos", "cosh", "degrees", "exp", "expm1", "fix", "floor", "gamma",
    "gammaln", "log10", "log1p", "log2", "logical_not", "radians", "rcbrt", "reciprocal", "rint", "round",
    "rsqrt", "sigmoid", "sign", "sin", "sinh", "softsign", "sqrt", "tan", "trunc",
):  # fmt: skip
    bad(name, "2x3 2x3", "data|1", "2")

# Types.
bad("Cast", "2x3", "dtype", "not presented|required")
bad("Cast", "2x3", "dtype", "complex64", dtype="complex64")
bad("Cast", "2x3", "dtype", "float33", dtype="float33")
bad("amp_cast", "2x3", "dtype", "nope", dtype="nope")
bad("all_finite", "2x3:int32", "data", "float", "int32")
bad("multi_all_finite", "2x3 2x3:int8", "int8", "float")
bad("amp_multicast", "2x3", "cast_narrow", "boolean", cast_narrow="x")
bad("multi_sum_sq", "2x3 2x3:float64", "float32", "float64")
bad("multi_sum_sq", "2:int32 3:int32", "float", "int32")

# Reductions.
for name in ("sum", "mean", "max", "min", "prod", "nansum", "nanprod", "_square_sum"):
    bad(name, "2x3", "axis", "2", "expected -2 to 1", axis=2)
bad("sum", "2x3", "axis", r"\(1, -1\)|twice", axis=(1, -1))
bad("sum", "2x3", "axis", str(LEAST), "expected -2 to 1", axis=LEAST)
bad("mean", "2x3", "axis", "Shape", "x", axis="x")
bad("mean", "2x3", "axis", "1.5", axis=1.5)
bad("argmax", "2x3", "axis", "7", "expected -2 to 1", axis=7)
bad("argmin", "2x3", "axis", str(MOST), axis=MOST)
bad("max", "0x3", "nothing", r"\(0, 3\)", axis=0)
bad("min", "0:int32", "nothing", r"\(0,\)")
bad("argmax", "0x3", "0|empty", axis=0)
bad("argmin", "0x3", "0|empty", axis=0)
bad("argmax_channel", "3", "2|dim")
bad("norm", "2x3", "ord", "3", "1|2", ord=3)
bad("norm", "2x3", "axis", "5", axis=5)
bad("moments", "2x3", "axes|axis", "4", axes=(4,))
bad("L2Normalization", "2x3", "mode", "channel", "3|dim", mode="channel")

bad("_backward_cast", "2x3 2x3", "data|1", "2")
bad("reset_arrays", "", "num_arrays", "0|1")

# Making.
bad("_zeros", "", "shape", "-3", shape=(2, -3))
bad("_zeros", "", "too large", shape=(HUGE, HUGE))
bad("_ones", "", "too large", shape=(2**31, 2**31, 2**31))
bad("_full", "", "value", "required|not presented", shape=(2,))
bad("_full", "", "dtype", "float33", shape=(2,), value=1, dtype="float33")
bad("_eye", "", "N", "-1|greater", N=-1)
bad("_eye", "", "too large", N=2**40, M=2**40)
bad("_arange", "", "start", "required|not presented", stop=3)
bad("_arange", "", "range", r"\(5", start=5, stop=1)
bad("_arange", "", "step|range", "0", start=0, stop=1, step=0)
bad("_arange", "", "repeat", start=0, stop=1, repeat=0)
bad("_arange", "", "too large", start=0, stop=4, repeat=HUGE)
bad("_arange", "", "start", "nan|finite", start=NAN, stop=1)
bad("_linspace", "", "num", "-1", start=0, stop=1, num=-1)
bad("_linspace", "", "start", "inf", start=INF, stop=1, num=3)
bad("_linspace", "", "too large", start=0, stop=1, num=HUGE)
bad("_zeros_without_dtype", "", "too large", shape=(HUGE, 3))
bad("_set_value", "", "src", "required|not presented")
bad("_identity_with_attr_like_rhs", "2x3 3x2", r"\[2,3\]", r"\[3,2\]")
bad("_contrib_arange_like", "2x3", "axis", "5", axis=5)
bad("_contrib_arange_like", "2x3", "repeat", repeat=0)
bad("_contrib_arange_like", "2x3", "step", "nan|finite", step=NAN)
bad("_contrib_index_array", "2x3", "axes|axis", "2", axes=(2,))

# Numbers without arithmetic sense.
nasty("_div_scalar", np.array([7, -7], np.int32), want=np.array([0, 0], np.int32), scalar=0)
nasty("_mod_scalar", np.array([7, -7], np.int32), want=np.array([0, 0], np.int32), scalar=0)
nasty("broadcast_div", np.array([LEAST], np.int64), np.array([-1], np.int64), want=np.array([LEAST]))
nasty("broadcast_mod", np.array([LEAST], np.int64), np.array([-1], np.int64), want=np.array([0]))
nasty("broadcast_add", np.array([MOST], np.int64), np.array([1], np.int64), want=np.array([LEAST]))
nasty(
    "broadcast_mul", np.array([2**31 - 1], np.int32), np.array([2], np.int32), want=np.array([-2], np.int32)
)
nasty("negative", np.array([LEAST, 5], np.int64), want=np.array([LEAST, -5]))
nasty("abs", np.array([-128, -5], np.int8), want=np.array([-128, 5], np.int8))
nasty("square", np.array([2**16], np.int32), want=np.array([0], np.int32))
nasty("sum", np.full(3, MOST, np.int64), want=np.array([MOST - 2]))
nasty("prod", np.full(3, 2**22, np.int64), want=np.array([0]))
nasty("Cast", f32([NAN, INF, -INF, 3e9]), want=np.full(4, -(2**31), np.int32), dtype="int32")
nasty("Cast", f32([NAN, INF, 1e30]), want=np.full(3, LEAST), dtype="int64")
nasty("Cast", f32([NAN, 256.5, -1.5]), want=np.array([0, 0, 255], np.uint8), dtype="uint8")
nasty("erfinv", f32([2, -2, 1, -1, NAN]), want=f32([NAN, NAN, INF, -INF, NAN]))
nasty("log", f32([0, -1, NAN, INF]), want=f32([-INF, NAN, NAN, INF]))
nasty("broadcast_power", f32([0, -1, NAN, INF]), f32([-1, 0.5, 0, 0]), want=f32([INF, NAN, 1, 1]))
nasty("clip", f32([NAN, INF, -INF]), want=f32([NAN, 1, -1]), a_min=-1, a_max=1)
nasty("max", f32([1, NAN, 3]), want=f32([NAN]))
nasty("nansum", f32([NAN, NAN]), want=f32([0]))
nasty("sum", np.zeros((0, 3), np.float32), want=np.zeros(3, np.float32), axis=0)
nasty("prod", np.zeros((0, 3), np.float32), want=np.ones(3, np.float32), axis=0)
nasty("sum", np.zeros((2, 0, 3), np.float32), want=np.zeros((2, 0), np.float32), axis=2)
nasty("tanh", np.zeros((2, 0), np.float32), want=np.zeros((2, 0), np.float32))
nasty("broadcast_add", np.zeros((0, 3), np.float32), f32([[1, 2, 3]]), want=np.zeros((0, 3), np.float32))
nasty("add_n", *[np.zeros((0,), np.float32)] * 2, want=np.zeros((0,), np.float32))
nasty("shape_array", np.zeros((2, 0, 3), np.float32), want=np.array([2, 0, 3]))
nasty("size_array", np.zeros((2, 0, 3), np.float32), want=np.array([0]))
nasty("all_finite", np.zeros((0,), np.float32), want=f32([1]))
nasty("_contrib_allclose", f32([NAN]), f32([NAN]), want=f32([1]))
nasty("_contrib_div_sqrt_dim", np.zeros((2, 0), np.float32), want=np.zeros((2, 0), np.float32))
