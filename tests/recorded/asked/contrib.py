"""Questions about shape queries, mixed precision, contrib's small operators and khatri_rao. Data only."""

from __future__ import annotations

from opcases import OpCase, ints, real, values

_DATA = {"data": real(2, 3, 5)}
_SMALL = values([-0.99, -0.7, -0.25, 0.0, 0.1, 0.5, 0.9])


def _forward(op: str, label: str, inputs: dict, params: dict) -> OpCase:
    return OpCase(op, label, inputs, params, is_train=False)


CASES: list[OpCase] = [
    _forward("shape_array", "cube", _DATA, {}),
    _forward("size_array", "cube", _DATA, {}),
    _forward("_contrib_index_array", "all", {"data": real(2, 3)}, {}),
    _forward("_contrib_index_array", "axes", _DATA, {"axes": "(2, 0)"}),
    _forward("_contrib_arange_like", "all", _DATA, {"start": "2", "step": "0.5"}),
    _forward("_contrib_arange_like", "axis", _DATA, {"axis": "-1"}),
    _forward("_contrib_arange_like", "repeat", _DATA, {"repeat": "4"}),
    _forward("_contrib_arange_like", "f64", {"data": real(7, dtype="float64")}, {"step": "-1.5"}),
    _forward("_linspace", "ends", {}, {"start": "0", "stop": "1", "num": "5"}),
    _forward("_linspace", "open", {}, {"start": "0", "stop": "1", "num": "5", "endpoint": "False"}),
    _forward("_linspace", "f64", {}, {"start": "3", "stop": "-2", "num": "11", "dtype": "float64"}),
    _forward("_linspace", "int32", {}, {"start": "0", "stop": "10", "num": "5", "dtype": "int32"}),
    _forward("amp_cast", "int32", {"data": ints(0, 9, 3, 5, dtype="int32")}, {"dtype": "float16"}),
    _forward("all_finite", "yes", _DATA, {}),
    _forward("all_finite", "no", {"data": values([1.0, float("inf")])}, {}),
    _forward("multi_all_finite", "yes", {"array_0": real(3), "array_1": real(2, 5)}, {"num_arrays": "2"}),
    _forward(
        "multi_all_finite",
        "no",
        {"array_0": real(3), "array_1": values([float("nan")])},
        {"num_arrays": "2"},
    ),
    _forward("multi_sum_sq", "two", {"array_0": real(3), "array_1": real(2, 5)}, {"num_arrays": "2"}),
    OpCase("_contrib_quadratic", "real", _DATA, {"a": "1.5", "b": "-2", "c": "0.25"}, add=True),
    _forward(
        "_contrib_quadratic",
        "int32",
        {"data": ints(0, 9, 3, 5, dtype="int32")},
        {"a": "2", "b": "3", "c": "1"},
    ),
    OpCase("_contrib_div_sqrt_dim", "cube", _DATA, {}, add=True),
    OpCase("_contrib_gradientmultiplier", "minus", _DATA, {"scalar": "-0.5"}, add=True),
    OpCase("_contrib_round_ste", "halves", {"data": values([-2.5, -1.5, -0.5, 0.2, 0.5, 1.5])}),
    OpCase("_contrib_sign_ste", "signs", {"data": values([-2.5, 0.0, 0.2])}),
    OpCase("_identity_with_attr_like_rhs", "pair", {"lhs": real(2, 3), "rhs": real(2, 3)}),
    OpCase("_grad_add", "pair", {"lhs": real(2, 3), "rhs": real(2, 3)}, is_train=False),
    OpCase("_scatter_plus_scalar", "dense", {"data": real(2, 3)}, {"scalar": "1.5"}),
    OpCase("_scatter_minus_scalar", "dense", {"data": real(2, 3)}, {"scalar": "1.5"}),
    OpCase("_scatter_elemwise_div", "dense", {"lhs": real(2, 3), "rhs": real(2, 3)}),
    OpCase("erfinv", "small", {"data": _SMALL}, add=True),
    _forward("erfinv", "ends", {"data": values([-1.0, 1.0, 2.0, float("nan")])}, {}),
    _forward("khatri_rao", "two", {"arg0": real(2, 3), "arg1": real(5, 3)}, {}),
    _forward("khatri_rao", "three", {"arg0": real(2, 3), "arg1": real(5, 3), "arg2": real(7, 3)}, {}),
    OpCase("_rnn_param_concat", "vectors", {"arg0": real(3), "arg1": real(5)}, {"dim": "0", "num_args": "2"}),
    OpCase(
        "amp_multicast", "same", {"arg0": real(2, 3), "arg1": real(5)}, {"num_outputs": "2"}, is_train=False
    ),
]
