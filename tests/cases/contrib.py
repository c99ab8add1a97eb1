"""Cases of contrib's small operators and of khatri_rao."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import Array, Case, exactly, integers, normal

INTEGERS = ("int32", "int64", "int8", "uint8")


def quadratic(dtypes: tuple[str, ...], a: float, b: float, c: float) -> Case:
    whole = dtypes is INTEGERS
    return Case(
        "_contrib_quadratic", {"data": integers(3, 5, high=5) if whole else normal(3, 37)},
        lambda data: a * data**2 + b * data + c, {"a": a, "b": b, "c": c}, None if whole else "numeric",
        dtypes=dtypes, exact=whole,
    )  # fmt: skip


def straight(op: str, f: Any) -> Case:
    """The head gradient passes."""
    data = exactly([-2.5, -1.5, -0.5, -0.2, 0.0, 0.2, 0.5, 1.5, 2.5])
    return Case(op, {"data": data}, f, gradient=lambda ograds, data: {"data": ograds[0]}, exact=True)


def close(
    want: float, a: list[float], b: list[float], dtypes: Any = ("float32", "float64"), **params: Any
) -> Case:
    inputs = {"a": exactly(a), "b": exactly(b)}
    return Case("_contrib_allclose", inputs, lambda a, b: np.array([want]), params, None, dtypes=dtypes)


def khatri_rao(*rows: int, columns: int = 3) -> Case:
    def reference(**matrices: Array) -> Array:
        out = np.ones((1, columns))
        for m in matrices.values():
            out = np.stack([np.kron(out[:, j], m[:, j]) for j in range(columns)], axis=1)
        return out

    return Case(
        "khatri_rao",
        {f"arg{i}": normal(n, columns) for i, n in enumerate(rows)},
        reference,
        {"num_args": len(rows)},
    )


NAN, INF = np.nan, np.inf
CASES = [
    quadratic(("float32", "float64", "float16"), 1.5, -2.0, 0.25),
    quadratic(("float32", "float64"), 0.0, 0.0, 0.0),
    quadratic(INTEGERS, 2.0, 3.0, 1.0),
    Case("_contrib_div_sqrt_dim", {"data": normal(2, 3, 5)}, lambda data: data / np.sqrt(5)),
    Case("_contrib_div_sqrt_dim", {"data": normal(37)}, lambda data: data / np.sqrt(37)),
    Case(
        "_contrib_gradientmultiplier",
        {"data": normal(3, 5)},
        lambda data: data,
        {"scalar": -0.5},
        lambda ograds, data: {"data": -0.5 * ograds[0]},
    ),
    Case(
        "_contrib_gradientmultiplier",
        {"data": integers(3, 5)},
        lambda data: data,
        {"scalar": 3},
        None,
        dtypes=(*INTEGERS, "float16"),
        exact=True,
    ),
    Case(
        "erfinv",
        {"data": exactly([-1.0, 1.0, 2.0, -1.5, NAN, 0.0, 2.0**-60])},
        lambda data: np.array([-INF, INF, NAN, NAN, NAN, 0.0, np.sqrt(np.pi) / 2 * 2.0**-60]),
        gradient=None,
    ),
    straight("_contrib_round_ste", lambda data: np.copysign(np.floor(np.abs(data) + 0.5), data)),
    straight("_contrib_sign_ste", lambda data: np.sign(data)),
    close(1, [1.0, -2.0, 0.0], [1.0, -2.0, 0.0]),
    close(0, [1.0, -2.0, 0.0], [1.0, -2.0, 0.1]),
    close(1, [1.0, 10.0], [1.1, 11.0], rtol=0.2),
    close(1, [1.0, 10.0], [1.1, 10.1], rtol=0, atol=0.2),
    close(1, [NAN, INF, 3.0], [NAN, INF, 3.0]),
    close(0, [NAN, 3.0], [NAN, 3.0], equal_nan=False),
    close(0, [1.0, INF], [1.0, -INF]),
    close(0, [1.0, 2.0], [1.0, INF]),
    close(1, [1.0, 7.0, 100.0], [1.0, 7.0, 100.0], (*INTEGERS, "float16")),
    close(0, [1.0, 7.0, 100.0], [1.0, 7.0, 101.0], (*INTEGERS, "float16")),
    khatri_rao(2, 5),
    khatri_rao(2, 3, 5, columns=2),
    khatri_rao(7),
    khatri_rao(5, 7, columns=11),
]
