"""Questions about im2col and col2im. Data only: MXNet can run them in two dimensions alone."""

from __future__ import annotations

from opcases import OpCase, real

_STEPS = {"kernel": "(3, 2)", "stride": "(2, 1)", "dilate": "(1, 2)", "pad": "(2, 1)"}

CASES: list[OpCase] = [
    OpCase("im2col", "plain", {"data": real(2, 3, 5, 7)}, {"kernel": "(2, 3)"}, add=True),
    OpCase("im2col", "steps", {"data": real(2, 3, 7, 5)}, _STEPS),
    OpCase("im2col", "f64", {"data": real(1, 2, 5, 7, dtype="float64")}, _STEPS),
    OpCase(
        "col2im", "plain", {"data": real(2, 18, 20)}, {"output_size": "(5, 7)", "kernel": "(2, 3)"}, add=True
    ),
    OpCase("col2im", "steps", {"data": real(2, 18, 25)}, dict(_STEPS, output_size="(7, 5)")),
    OpCase("col2im", "f64", {"data": real(1, 12, 25, dtype="float64")}, dict(_STEPS, output_size="(7, 5)")),
]
