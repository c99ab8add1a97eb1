"""Questions about _ravel_multi_index and _unravel_index. Data only."""

from __future__ import annotations

from opcases import OpCase, ints, values

_TYPES = ("float16", "float64", "uint8", "int8", "int32", "int64")
_SHAPE = {"shape": "(7, 6)"}

CASES: list[OpCase] = [
    OpCase("_ravel_multi_index", "plane", {"data": ints(0, 6, 2, 5)}, _SHAPE, is_train=False),
    OpCase("_ravel_multi_index", "cube", {"data": ints(0, 5, 3, 7)}, {"shape": "(5, 7, 11)"}, is_train=False),
    OpCase(
        "_ravel_multi_index", "outside", {"data": values([[3, 9, -1], [4, 50, 1]])}, _SHAPE, is_train=False
    ),
    OpCase("_ravel_multi_index", "open", {"data": ints(0, 9, 2, 5)}, {"shape": "(-1, 9)"}, is_train=False),
    OpCase("_unravel_index", "vector", {"data": ints(0, 42, 5)}, _SHAPE, is_train=False),
    OpCase("_unravel_index", "cube", {"data": ints(0, 385, 13)}, {"shape": "(5, 7, 11)"}, is_train=False),
    OpCase("_unravel_index", "outside", {"data": values([22, -1, 42, 100])}, _SHAPE, is_train=False),
    OpCase(
        "_unravel_index", "open", {"data": values([22, 41, 37, 100])}, {"shape": "(-1, 6)"}, is_train=False
    ),
    *(
        OpCase(op, dtype, {"data": ints(0, 6, *shape, dtype=dtype)}, _SHAPE, is_train=False)
        # of more than a vector MXNet's _unravel_index writes past its output
        for op, shape in (("_ravel_multi_index", (2, 5)), ("_unravel_index", (5,)))
        for dtype in _TYPES
    ),
]
