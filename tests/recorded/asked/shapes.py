"""Questions about reductions, shapes and creation beyond those of `basics.py`. Data only."""

from __future__ import annotations

from opcases import OpCase, distinct, positive, real, values

NAN = float("nan")


def _reductions() -> list[OpCase]:
    cases: list[OpCase] = []
    holes = values([[1, NAN, 2], [NAN, NAN, 3], [0.5, -1, NAN]])
    for op in ("nansum", "nanprod"):
        cases.append(OpCase(op, "all", {"data": holes}))
        cases.append(OpCase(op, "axis", {"data": holes}, {"axis": "1", "keepdims": "True"}))
    cases.append(OpCase("prod", "axes", {"data": positive(2, 3, 5)}, {"axis": "(0, 2)"}))
    cases.append(OpCase("prod", "exclude", {"data": positive(2, 3, 5)}, {"axis": "1", "exclude": "True"}))
    kept = {"axis": "(0, 2)", "keepdims": "True"}
    for order in ("1", "2"):
        params = {"ord": order}
        cases.append(OpCase("norm", "all_" + order, {"data": real(3, 5)}, params))
        cases.append(OpCase("norm", "axis_" + order, {"data": real(2, 3, 5)}, {**params, **kept}))
    cases.append(OpCase("argmin", "all", {"data": distinct(3, 5)}))
    cases.append(OpCase("argmin", "axis", {"data": distinct(2, 3, 5)}, {"axis": "1", "keepdims": "True"}))
    return cases


def _shapes() -> list[OpCase]:
    cube = {"data": real(3, 5, 7)}
    return [
        OpCase("slice", "plain", cube, {"begin": "(1, 0, 2)", "end": "(3, 4, 7)"}),
        OpCase("slice", "steps", cube,
               {"begin": "(None, 4, -1)", "end": "(None, 0, None)", "step": "(2, -2, -3)"}),
        OpCase("slice", "short", cube, {"begin": "(1,)", "end": "(2,)"}),
        OpCase("squeeze", "all", {"data": real(1, 3, 1, 5)}),
        OpCase("squeeze", "axis", {"data": real(1, 3, 1, 5)}, {"axis": "2"}),
        OpCase("stack", "first", {"arg0": real(3, 5), "arg1": real(3, 5)}, {"axis": "0", "num_args": "2"}),
        OpCase("stack", "last", {"arg0": real(3, 5), "arg1": real(3, 5)}, {"axis": "-1", "num_args": "2"}),
        OpCase("reshape_like", "whole", {"lhs": real(6, 5), "rhs": real(2, 3, 5)}),
        OpCase("reshape_like", "part", {"lhs": real(6, 5), "rhs": real(2, 3, 7)},
               {"lhs_begin": "0", "lhs_end": "1", "rhs_begin": "0", "rhs_end": "2"}),
    ]  # fmt: skip


def _creation() -> list[OpCase]:
    asked = [
        ("_zeros", "plain", {"shape": "(2, 3)"}),
        ("_zeros", "int8", {"shape": "(5,)", "dtype": "int8"}),
        ("_ones", "plain", {"shape": "(2, 3)"}),
        ("_ones", "f16", {"shape": "(2,)", "dtype": "float16"}),
        ("_full", "plain", {"shape": "(2, 3)", "value": "2.5"}),
        ("_full", "int64", {"shape": "(3,)", "value": "7", "dtype": "int64"}),
        ("_eye", "wide", {"N": "3", "M": "5", "k": "1"}),
        ("_eye", "low", {"N": "4", "k": "-2", "dtype": "int32"}),
        ("_arange", "stop", {"start": "0", "stop": "7"}),
        ("_arange", "step", {"start": "2", "stop": "-3", "step": "-0.75", "repeat": "2"}),
        ("_arange", "int", {"start": "3", "stop": "11", "step": "3", "dtype": "int32"}),
    ]
    return [OpCase(op, label, {}, params, mode="imperative") for op, label, params in asked]


CASES: list[OpCase] = _reductions() + _shapes() + _creation()
