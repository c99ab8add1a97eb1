"""Questions about Pad, diag, depth_to_space, space_to_depth and assignments to slices. Data only."""

from __future__ import annotations

from opcases import OpCase, ints, real

_IMAGE = {"data": real(2, 3, 5, 7)}
_WIDTHS = "(0, 0, 0, 0, 1, 2, 3, 0)"


def _cases() -> list[OpCase]:
    cases = []
    for mode in ("constant", "edge", "reflect"):
        params = {"mode": mode, "pad_width": _WIDTHS}
        deep = {"mode": mode, "pad_width": "(0, 0, 0, 0, 0, 1, 1, 0, 2, 1)"}
        cases += [
            OpCase("Pad", mode, _IMAGE, params, add=True),
            OpCase("Pad", mode + "_5d", {"data": real(1, 2, 3, 2, 5)}, deep),
            OpCase(
                "Pad",
                mode + "_f64",
                {"data": real(1, 2, 3, 5, dtype="float64")},
                {**params, "pad_width": "(0, 0, 0, 0, 2, 2, 4, 4)"},
            ),
        ]
    cases += [
        OpCase("Pad", "value", _IMAGE, {"mode": "constant", "pad_width": _WIDTHS, "constant_value": "2.5"}),
        OpCase("diag", "vector", {"data": real(5)}, add=True),
        OpCase("diag", "vector_above", {"data": real(3)}, {"k": "2"}),
        OpCase("diag", "vector_below", {"data": real(3)}, {"k": "-1"}),
        OpCase("diag", "matrix", {"data": real(3, 5)}, add=True),
        OpCase("diag", "matrix_above", {"data": real(3, 5)}, {"k": "3"}),
        OpCase("diag", "matrix_below", {"data": real(5, 3)}, {"k": "-2"}),
        OpCase("diag", "cube", {"data": real(2, 3, 5)}),
        OpCase("diag", "cube_axes", {"data": real(2, 3, 5)}, {"axis1": "2", "axis2": "0", "k": "-1"}),
        OpCase("depth_to_space", "two", {"data": real(2, 12, 3, 5)}, {"block_size": "2"}, add=True),
        OpCase("depth_to_space", "three", {"data": real(1, 18, 2, 7)}, {"block_size": "3"}),
        OpCase("space_to_depth", "two", {"data": real(2, 3, 6, 10)}, {"block_size": "2"}, add=True),
        OpCase("space_to_depth", "three", {"data": real(1, 2, 9, 21)}, {"block_size": "3"}),
    ]
    window = {"begin": "(1, 0)", "end": "(3, 2)"}
    steps = {"begin": "(4, 1)", "end": "(0, 6)", "step": "(-2, 3)"}
    for label, params, shape in (("window", window, (2, 2)), ("steps", steps, (2, 2))):
        pair = {"lhs": real(5, 7), "rhs": real(*shape)}
        cases += [
            OpCase("_slice_assign", label, pair, params, is_train=False),
            OpCase(
                "_slice_assign_scalar",
                label,
                {"data": real(5, 7)},
                {"scalar": "2.5", **params},
                is_train=False,
            ),
        ]
    whole = {"data": ints(0, 9, 5, 7, dtype="int32")}
    cases.append(OpCase("_slice_assign_scalar", "int32", whole, {"scalar": "3", **window}, is_train=False))
    return cases


CASES: list[OpCase] = _cases()
