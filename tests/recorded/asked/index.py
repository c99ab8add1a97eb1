"""Questions about take, pick, where, one_hot and their older forms. Data only."""

from __future__ import annotations

from opcases import OpCase, ints, real, values

_TYPES = ("float16", "float64", "uint8", "int8", "int32", "int64")
_OUTSIDE = values([0, 2, 0, 9, -4])


def _take(label: str, dtype: str, index: str, **params: str) -> OpCase:
    inputs = {"a": ints(0, 9, 5, 3, dtype=dtype), "indices": values([[0, 4], [1, 2]], index)}
    return OpCase("take", label, inputs, params, is_train=False)


def _pick(label: str, dtype: str, index: str) -> OpCase:
    inputs = {"data": ints(0, 9, 5, 3, dtype=dtype), "index": values([0, 2, 1, 1, 0], index)}
    return OpCase("pick", label, inputs, is_train=False)


def _where(label: str, dtype: str, condition: str) -> OpCase:
    inputs = {
        "condition": values([1, 0, 2], condition),
        "x": ints(0, 9, 3, 5, dtype=dtype),
        "y": ints(0, 9, 3, 5, dtype=dtype),
    }
    return OpCase("where", label, inputs, is_train=False)


CASES: list[OpCase] = [
    OpCase(
        "take",
        "raise",
        {"a": real(5, 3), "indices": values([4, 0, 4])},
        {"mode": "raise"},
        no_grad=("indices",),
    ),
    OpCase(
        "take",
        "wrap_axis1",
        {"a": real(2, 5, 3), "indices": _OUTSIDE},
        {"mode": "wrap", "axis": "1"},
        no_grad=("indices",),
    ),
    *(_take(f"of_{dtype}", dtype, "float32") for dtype in _TYPES),
    *(_take(f"at_{dtype}", "float32", dtype) for dtype in _TYPES),
    *(_pick(f"of_{dtype}", dtype, "float32") for dtype in _TYPES),
    *(_pick(f"at_{dtype}", "float32", dtype) for dtype in _TYPES),
    *(_where(f"of_{dtype}", dtype, "float32") for dtype in _TYPES),
    *(_where(f"by_{dtype}", "float32", dtype) for dtype in _TYPES),
    *(
        OpCase(
            "one_hot",
            f"to_{dtype}",
            {"indices": values([0, 2, 5, -1], "float32")},
            {"depth": "3", "on_value": "7", "off_value": "2", "dtype": dtype},
            is_train=False,
        )
        for dtype in _TYPES
    ),
    *(
        OpCase(
            "one_hot", f"of_{dtype}", {"indices": values([0, 2, 5], dtype)}, {"depth": "3"}, is_train=False
        )
        for dtype in _TYPES
    ),
    OpCase(
        "batch_take",
        "outside",
        {"a": real(5, 3), "indices": values([0, 2, -1, 7, 1], "int32")},
        is_train=False,
    ),
    OpCase(
        "batch_take", "column", {"a": real(3, 2), "indices": values([[0], [1], [1]], "int32")}, is_train=False
    ),
    *(
        OpCase(
            "batch_take",
            dtype,
            {"a": ints(0, 9, 3, 2, dtype=dtype), "indices": values([0, 1, 1], "int32")},
            is_train=False,
        )
        for dtype in _TYPES
    ),
    OpCase("argmax_channel", "rows", {"data": ints(0, 5, 7, 5)}, is_train=False),
    OpCase("argmax_channel", "cube", {"data": ints(0, 5, 3, 7, 2)}, is_train=False),
    *(
        OpCase("argmax_channel", dtype, {"data": ints(0, 5, 3, 7, dtype=dtype)}, is_train=False)
        for dtype in _TYPES
    ),
    OpCase(
        "fill_element_0index",
        "rows",
        {"lhs": real(3, 5), "mhs": real(3), "rhs": values([1, 4, 0])},
        mode="imperative",
        is_train=False,
    ),
    OpCase(
        "_onehot_encode",
        "rows",
        {"lhs": values([1, 0, 7]), "rhs": real(3, 4)},
        mode="imperative",
        is_train=False,
    ),
]
