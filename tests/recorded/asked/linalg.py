"""Questions about products of matrices: gemm2, gemm, syrk; and dot of the ranks it takes. Data only."""

from __future__ import annotations

from opcases import OpCase, real


def _two(label: str, a: tuple[int, ...], b: tuple[int, ...], dtype: str = "float32", **params: str) -> OpCase:
    inputs = {"A": real(*a, dtype=dtype), "B": real(*b, dtype=dtype)}
    return OpCase("_linalg_gemm2", label, inputs, params, add=label == "matrix", add_rule=True)


def _three(label: str, a: tuple[int, ...], b: tuple[int, ...], c: tuple[int, ...], **params: str) -> OpCase:
    return OpCase("_linalg_gemm", label, {"A": real(*a), "B": real(*b), "C": real(*c)}, params)


def _dot(op: str, label: str, a: tuple[int, ...], b: tuple[int, ...], **params: str) -> OpCase:
    return OpCase(op, label, {"lhs": real(*a), "rhs": real(*b)}, params)


CASES = [
    _two("matrix", (3, 5), (5, 7)),
    _two("batch_ta", (2, 5, 3), (2, 5, 7), transpose_a="True", alpha="0.5"),
    _two("batch_tb_f64", (2, 3, 5), (2, 7, 5), "float64", transpose_b="True"),
    _two("batch_both", (2, 2, 5, 3), (2, 2, 7, 5), transpose_a="True", transpose_b="True"),
    _two("axis_0", (3, 2, 5), (5, 2, 7), axis="0"),
    _two("axis_1", (2, 3, 5, 7), (2, 7, 5, 2), axis="1"),
    _two("axis_-3_tb", (2, 3, 5, 7), (2, 11, 5, 7), axis="-3", transpose_b="True"),
    _three("matrix", (3, 5), (5, 7), (3, 7)),
    _three(
        "scaled", (2, 5, 3), (2, 7, 5), (2, 3, 7), transpose_a="1", transpose_b="1", alpha="2", beta="-0.5"
    ),
    _three("axis_0", (3, 2, 5), (5, 2, 7), (3, 2, 7), axis="0", beta="3"),
    OpCase("_linalg_syrk", "matrix", {"A": real(3, 5)}),
    OpCase("_linalg_syrk", "transpose", {"A": real(2, 5, 3)}, {"transpose": "True", "alpha": "-2"}),
    OpCase("_linalg_syrk", "batch_f64", {"A": real(2, 3, 2, 5, dtype="float64")}),
    _dot("dot", "ranks_3_2", (2, 3, 5), (5, 7)),
    _dot("dot", "ranks_3_3", (2, 3, 5), (5, 2, 3)),
    _dot("dot", "ranks_3_2_ta", (5, 2, 3), (5, 7), transpose_a="True"),
    _dot("dot", "ranks_2_3_tb", (2, 5), (7, 3, 5), transpose_b="True"),
    _dot("dot", "vector_matrix_tb", (5,), (3, 5), transpose_b="True"),
    _dot("dot", "matrix_vector", (3, 5), (5,)),
    _dot("batch_dot", "rank_4", (2, 3, 5, 7), (2, 3, 7, 2)),
    _dot("batch_dot", "rank_4_both", (2, 3, 7, 5), (2, 3, 2, 7), transpose_a="True", transpose_b="True"),
]
