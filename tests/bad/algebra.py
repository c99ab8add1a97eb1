"""Bad inputs of matrix products, factorisations, samplers, densities and optimizer updates."""

from __future__ import annotations

import numpy as np

from . import HUGE, INF, LEAST, MOST, NAN, Table, f32

ROWS = Table()
bad, nasty = ROWS.bad, ROWS.nasty

bad("dot", "2x3 4x5", r"\[2,3\]", r"\[4,5\]")
bad("dot", "2x3 2x5", "3|2", transpose_b=True)
bad("dot", "2x3 3", "transpose_a", "boolean", transpose_a="maybe")
bad("dot", "- 3", "shape", r"\[\]", r"\[3\]")
bad("dot", "2x3 3x2:float64", "float32", "float64")
bad("_backward_dot", "2x3 4x5", "side", "middle", side="middle")
bad("batch_dot", "2x3x4 2x5x6", r"\[2,3,4\]|4", r"\[2,5,6\]|5")
bad("batch_dot", "2x3x4 3x4x5", "2", "3")
bad("batch_dot", "3x4 4x5", "3|dim", r"\[3,4\]")
bad("_linalg_gemm2", "2x3 4x5", "3", "4")
bad("_linalg_gemm2", "2x2x3 3x3x4", "2", "3")
bad("_linalg_gemm2", "3 3x4", "2|dim", r"\[3\]")
bad("_linalg_gemm2", "2x3 3x4", "axis", "7", axis=7)
bad("_linalg_gemm", "2x3 3x4 2x5", "5|C", "4")
bad("_linalg_gemm", "2x3 3x4 2x4", "alpha", "float", alpha="x")
bad("_linalg_syrk", "3", "2|dim", r"\[3\]")
bad("_linalg_syrk", "2x3:int32", "int32", "float")
for name in ("_linalg_potrf", "_linalg_potri", "_linalg_inverse", "_linalg_det", "_linalg_slogdet",
             "_linalg_syevd", "_linalg_sumlogdiag"):  # fmt: skip
    bad(name, "2x3", r"\[2,3\]|2", "square|equal")
    bad(name, "3", r"\[3\]", "2|dim|matri")
    bad(name, "2x2:int32", "int32", "float")
bad("_linalg_gelqf", "3x2", r"\[3,2\]|3", "2")
bad("_linalg_gelqf", "3", r"\[3\]", "2|dim|matri")
for name in ("_linalg_trmm", "_linalg_trsm"):
    bad(name, "3x3 4x2", "3", "4")
    bad(name, "2x3 3x2", "square|equal|2", "3")
    bad(name, "3x3 2x4", "3", "4", rightside=True)
    bad(name, "2x3x3 3x3x2", "2", "3")
bad("_linalg_extractdiag", "2x3", "square|equal|2", "3")
bad("_linalg_extractdiag", "3x3", "offset", "3", offset=3)
bad("_linalg_extractdiag", "3x3", "offset", str(LEAST), offset=LEAST)
bad("_linalg_makediag", "-", "dim|1")
bad("_linalg_makediag", "3", "too large", offset=HUGE)
bad("_linalg_extracttrian", "3x3", "offset", "5", offset=5)
bad("_linalg_extracttrian", "2x3", "square|equal|2", "3")
bad("_linalg_maketrian", "4", "4|triang")
bad("_linalg_maketrian", "3", "too large|offset|triang", offset=MOST)

# Random numbers.
for name, param, value in (
    ("uniform", "low", NAN), ("normal", "scale", -1.0), ("exponential", "lam", 0.0), ("gamma", "alpha", -1.0),
    ("poisson", "lam", -1.0), ("negative_binomial", "p", 1.5), ("generalized_negative_binomial", "mu", -1.0),
):  # fmt: skip
    bad(f"_random_{name}", "", param, str(value), **{param: value, "shape": (2,)})
    bad(f"_random_{name}_like", "2x3", param, str(value), **{param: value})
    bad(f"_random_{name}", "", "too large", shape=(HUGE, HUGE))
bad("_random_uniform", "", "low", "high", low=2.0, high=1.0, shape=(2,))
bad("_random_uniform", "", "float32", "1e\\+300", high=1e300, shape=(2,))
bad("_random_uniform", "", "dtype|float", "int32", shape=(2,), dtype="int32")
bad("_random_normal", "", "shape", "-2", shape=(-2,))
bad("_random_gamma", "", "beta", "inf", beta=INF, shape=(2,))
bad("_random_negative_binomial", "", "k", "-1", k=-1, shape=(2,))
bad("_random_randint", "", "low", "high", low=5, high=5, shape=(2,))
bad("_random_randint", "", "low", "1.5", low=1.5, high=5, shape=(2,))
bad("_random_randint", "", "dtype|int", "float32", low=0, high=5, shape=(2,), dtype="float32")
bad("_random_randint", "", "high", str(2**70), low=0, high=2**70, shape=(2,))
for name, inputs in (
    ("uniform", "2 3"), ("normal", "2 3"), ("gamma", "2 3"), ("negative_binomial", "2 3"),
    ("generalized_negative_binomial", "2 3"),
):  # fmt: skip
    bad(f"_sample_{name}", inputs, r"\[2\]", r"\[3\]")
for name in ("exponential", "poisson"):
    bad(f"_sample_{name}", "2", "too large", shape=(HUGE, 8))
bad("_sample_uniform", "2 2", "shape", "-3", shape=(-3,))
bad("_sample_multinomial", "2x3", "dtype", dtype="float33")
bad("_sample_multinomial", "2x3", "shape|too large", shape=(HUGE, 8))
bad("_sample_multinomial", "2x0", "0|empty")
bad("_sample_unique_zipfian", "", "range_max", "0", range_max=0, shape=(2, 3))
bad("_sample_unique_zipfian", "", "range_max|unique|3", range_max=3, shape=(2, 9))
bad("_shuffle", "-", "dim|0")
for name, inputs in (
    ("uniform", "2x5 3 3"), ("normal", "2x5 3 3"), ("gamma", "2x5 3 3"), ("negative_binomial", "2x5 3 3"),
    ("generalized_negative_binomial", "2x5 3 3"), ("exponential", "2x5 3"), ("poisson", "2x5 3"),
):  # fmt: skip
    bad(f"_random_pdf_{name}", inputs, r"\[2,5\]|2", r"\[3\]|3")
bad("_random_pdf_normal", "2x5 2 3", r"\[2\]|2", r"\[3\]|3")
bad("_random_pdf_dirichlet", "2x5x3 2x4", r"3", r"4")
bad("_random_pdf_dirichlet", "3 3x3", r"3|dim")

# Optimizer updates: every state has the weight's shape, learning rates are numbers.
for name, count in (
    ("sgd_update", 2), ("sgd_mom_update", 3), ("nag_mom_update", 3), ("signsgd_update", 2),
    ("signum_update", 3),
    ("adam_update", 4), ("ftrl_update", 4), ("rmsprop_update", 3), ("rmspropalex_update", 5),
):  # fmt: skip
    bad(name, " ".join(["2x3"] * (count - 1) + ["3x2"]), r"\[2,3\]", r"\[3,2\]", lr=0.1)
    bad(name, " ".join(["2x3"] * count), "lr", "required|not presented")
    bad(name, " ".join(["2x3"] * count), "lr", "float", "quick", lr="quick")
bad("ftml_update", "2x3 2x3 2x3 2x3 3x2", r"\[2,3\]", r"\[3,2\]", lr=0.1, t=1)
bad("ftml_update", "2x3 2x3 2x3 2x3 2x3", "t", "int", lr=0.1, t=1.5)
bad("ftml_update", "2x3 2x3 2x3 2x3 2x3", "beta1", r"\[0,1\]", lr=0.1, t=1, beta1=1.5)
bad("lamb_update_phase1", "2x3 2x3 2x3 3x2", r"\[2,3\]", r"\[3,2\]", t=1, wd=0.0)
bad("lamb_update_phase2", "2x3 3x2 1 1", r"\[2,3\]", r"\[3,2\]", lr=0.1)
bad("lamb_update_phase2", "2x3 2x3 2 1", r"\[2\]|2", lr=0.1)
bad("_adamw_update", "2x3 2x3 2x3 3x2 1", r"\[2,3\]", r"\[3,2\]", lr=0.1, eta=1.0)
bad("_adamw_update", "2x3 2x3 2x3 2x3 2", "rescale_grad|1", r"\[2\]|2", lr=0.1, eta=1.0)
bad("_adamw_update", "2x3 2x3 2x3 2x3 1", "eta", "required|not presented", lr=0.1)
bad("mp_sgd_update", "2x3:float16 2x3:float16 3x2", r"\[2,3\]", r"\[3,2\]", lr=0.1)
bad("mp_sgd_update", "2x3:float16 2x3:float16 2x3:float16", "weight32", "float32", "float16", lr=0.1)
bad("mp_sgd_mom_update", "2x3:float16 2x3:float16 2x3 3x2", r"\[2,3\]", r"\[3,2\]", lr=0.1)
bad("mp_nag_mom_update", "2x3:float16 2x3:float16 3x2 2x3", r"\[2,3\]", r"\[3,2\]", lr=0.1)
bad("_mp_adamw_update", "2x3:float16 2x3:float16 2x3 2x3 3x2 1", r"\[2,3\]", r"\[3,2\]", lr=0.1, eta=1.0)
bad("mp_lamb_update_phase1", "2x3:float16 2x3:float16 2x3 2x3 3x2", r"\[2,3\]", r"\[3,2\]", t=1, wd=0.0)
bad("mp_lamb_update_phase2", "2x3:float16 2x3 1 1 3x2", r"\[2,3\]", r"\[3,2\]", lr=0.1)
for name, each in (
    ("multi_sgd_update", 2), ("multi_mp_sgd_update", 3), ("multi_sgd_mom_update", 3),
    ("multi_mp_sgd_mom_update", 4),
):  # fmt: skip
    bad(name, " ".join(["2x3"] * each), "lrs", "2", lrs=(0.1, 0.2), wds=(0.0, 0.0), num_weights=1)
    bad(name, " ".join(["2x3"] * each), "wds", "0|1", lrs=(0.1,), wds=(), num_weights=1)
    bad(name, " ".join(["2x3"] * (each + 1)), str(each + 1), lrs=(0.1,), wds=(0.0,), num_weights=1)
for name, each in (
    ("preloaded_multi_sgd_update", 2), ("preloaded_multi_mp_sgd_update", 3),
    ("preloaded_multi_sgd_mom_update", 3), ("preloaded_multi_mp_sgd_mom_update", 4),
):  # fmt: skip
    bad(name, " ".join(["2x3"] * each + ["2", "1"]), r"\[2\]|2|float16", num_weights=1)
for name, each in (("_multi_adamw_update", 4), ("_multi_mp_adamw_update", 5)):
    bad(
        name, " ".join(["2x3"] * each + ["1"]), "etas", lrs=(0.1,), wds=(0.0,), etas=(1.0, 1.0), num_weights=1
    )
for name, each in (("_multi_lamb_update", 4), ("_multi_mp_lamb_update", 5)):
    bad(name, " ".join(["2x3"] * each), "step_count", learning_rates=(0.1,), wds=(0.0,), step_count=(1, 2),
        num_tensors=1)  # fmt: skip
bad("multi_lars", "3 3 2 3", r"\[3\]", r"\[2\]", eta=0.1, eps=1e-8)

S = np.array([[1, 2], [2, 1]], np.float32)  # not positive definite
nasty("_linalg_potrf", S, want=None)
nasty("_linalg_potrf", np.full((2, 2), NAN, np.float32), want=None)
nasty("_linalg_inverse", np.zeros((2, 2), np.float32), want=None)
nasty("_linalg_det", np.zeros((2, 2), np.float32), want=f32([0]))
nasty("_linalg_slogdet", np.zeros((2, 2), np.float32), want=None)
nasty("_linalg_syevd", np.full((2, 2), NAN, np.float32), want=None)
nasty("_linalg_syevd", f32([[INF, 1], [1, -INF]]), want=None)
nasty("_linalg_gelqf", np.zeros((2, 3), np.float32), want=None)
nasty("_linalg_trsm", np.zeros((2, 2), np.float32), np.ones((2, 1), np.float32), want=None)
nasty("_linalg_sumlogdiag", f32([[-1, 0], [0, 1]]), want=f32([NAN]))
nasty("dot", np.zeros((2, 0), np.float32), np.zeros((0, 3), np.float32), want=np.zeros((2, 3), np.float32))
nasty("batch_dot", np.zeros((0, 2, 3), np.float32), np.zeros((0, 3, 4), np.float32),
      want=np.zeros((0, 2, 4), np.float32))  # fmt: skip
nasty("_linalg_gemm2", np.zeros((2, 0), np.float32), np.zeros((0, 3), np.float32),
      want=np.zeros((2, 3), np.float32))  # fmt: skip
nasty("_linalg_inverse", np.zeros((0, 3, 3), np.float32), want=np.zeros((0, 3, 3), np.float32))
nasty("_sample_poisson", f32([NAN, -1, INF, 1e30, 0]), want=None)
nasty("_sample_gamma", f32([NAN, -1, INF, 0]), f32([1, 1, 1, -1]), want=None)
nasty("_sample_negative_binomial", f32([NAN, 1e30, -1]), f32([0.5, 0, 2]), want=None)
nasty("_sample_generalized_negative_binomial", f32([NAN, 1e30, -1]), f32([INF, 0, -2]), want=None)
nasty("_sample_exponential", f32([0, -1, NAN]), want=None)
nasty("_sample_multinomial", f32([[NAN, 1], [0, 0], [-1, 2], [INF, 1]]), want=None)
nasty("_random_randint", want=None, low=LEAST, high=MOST, shape=(3,), dtype="int64")
nasty("_random_poisson", want=None, lam=1e30, shape=(3,))
nasty("_random_pdf_poisson", f32([[NAN, INF, -1]]), f32([1e30]), want=None)
nasty("_random_pdf_gamma", f32([[0, -1, INF]]), f32([-1]), f32([0]), want=None)
nasty("_random_pdf_dirichlet", f32([[[0, 1], [NAN, 2]]]), f32([[0, -1]]), want=None)
nasty("_shuffle", np.zeros((0, 3), np.float32), want=np.zeros((0, 3), np.float32))
