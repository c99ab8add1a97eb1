"""Questions about sort, argsort and topk. Data only."""

from __future__ import annotations

from opcases import OpCase, distinct, ints, real

_TIES = ints(0, 4, 3, 11)
_TYPES = ("float64", "int32", "uint8", "int8", "int64")


def _typed(op: str, of: str, **params: str) -> OpCase:
    return OpCase(op, of, {"data": ints(0, 99, 3, 7, dtype=of)}, params, is_train=False)


CASES: list[OpCase] = [
    # MXNet has no gradient for the symbol sort: only its values are recorded
    OpCase("sort", "rows", {"data": distinct(3, 7)}, is_train=False),
    OpCase(
        "sort", "down_axis0", {"data": distinct(3, 7)}, {"axis": "0", "is_ascend": "False"}, is_train=False
    ),
    OpCase("sort", "middle", {"data": distinct(2, 5, 3)}, {"axis": "1"}, is_train=False),
    OpCase("sort", "flat", {"data": distinct(2, 5, 3)}, {"axis": "None"}, is_train=False),
    *(_typed("sort", dtype) for dtype in _TYPES),
    OpCase("argsort", "rows", {"data": _TIES}, is_train=False),
    OpCase("argsort", "down", {"data": _TIES}, {"is_ascend": "False"}, is_train=False),
    OpCase("argsort", "axis0_int32", {"data": _TIES}, {"axis": "0", "dtype": "int32"}, is_train=False),
    OpCase(
        "argsort",
        "flat_float64",
        {"data": distinct(3, 11)},
        {"axis": "None", "dtype": "float64"},
        is_train=False,
    ),
    *(_typed("argsort", dtype, is_ascend="False") for dtype in _TYPES),
    OpCase("topk", "default", {"data": _TIES}),
    *(OpCase("topk", kind, {"data": real(3, 11)}, {"k": "3", "ret_typ": kind}) for kind in ("value", "mask")),
    OpCase("topk", "indices", {"data": _TIES}, {"k": "4", "dtype": "int32"}, is_train=False),
    OpCase("topk", "both", {"data": real(3, 11)}, {"k": "3", "ret_typ": "both"}, add=True),
    OpCase("topk", "both_up", {"data": _TIES}, {"k": "5", "ret_typ": "both", "is_ascend": "True"}),
    OpCase("topk", "axis1", {"data": real(2, 7, 3)}, {"k": "2", "ret_typ": "value", "axis": "1"}),
    OpCase("topk", "all", {"data": real(3, 5)}, {"k": "0", "ret_typ": "value"}),
    OpCase("topk", "flat", {"data": real(3, 5)}, {"k": "4", "ret_typ": "both", "axis": "None"}),
    OpCase("topk", "flat_mask", {"data": _TIES}, {"k": "4", "ret_typ": "mask", "axis": "None"}),
    *(_typed("topk", dtype, k="3", ret_typ="both", dtype="int32") for dtype in ("float16", *_TYPES)),
]
