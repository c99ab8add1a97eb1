"""Questions about gather_nd, scatter_nd, _scatter_set_nd and index_copy. Data only."""

from __future__ import annotations

from opcases import OpCase, ints, real, values

_TWICE = values([[0, 0, 1, 0], [0, 2, 1, 0]])
_TYPES = ("float16", "float64", "uint8", "int8", "int32", "int64")
_I = ("indices",)

# MXNet's gradients of negative indices go past the ends of the array: only its values are recorded
CASES: list[OpCase] = [
    OpCase("gather_nd", "elements", {"data": real(2, 3), "indices": _TWICE}, no_grad=_I, add=True),
    OpCase("gather_nd", "rows", {"data": real(5, 3), "indices": values([[1, 0, 4, 1]])}, no_grad=_I),
    OpCase("gather_nd", "cube", {"data": real(3, 5, 7), "indices": ints(0, 3, 2, 2, 3)}, no_grad=_I),
    OpCase(
        "gather_nd", "negative", {"data": real(2, 3), "indices": values([[0, -1], [-3, -1]])}, is_train=False
    ),
    *(
        OpCase(
            "gather_nd",
            dtype,
            {"data": ints(0, 9, 3, 5, dtype=dtype), "indices": ints(0, 3, 2, 7, dtype=dtype)},
            is_train=False,
        )
        for dtype in _TYPES
    ),
    OpCase("scatter_nd", "elements", {"data": real(4), "indices": _TWICE}, {"shape": "(2, 3)"}, no_grad=_I),
    OpCase(
        "scatter_nd",
        "rows",
        {"data": real(2, 3), "indices": values([[1, 0]])},
        {"shape": "(5, 3)"},
        no_grad=_I,
        add=True,
    ),
    *(
        OpCase(
            "scatter_nd",
            dtype,
            {"data": ints(0, 9, 3, dtype=dtype), "indices": values([[4, 0, 2]], dtype)},
            {"shape": "(5,)"},
            is_train=False,
        )
        for dtype in _TYPES
    ),
    OpCase(
        "_contrib_index_copy",
        "rows",
        {"old_tensor": real(5, 3), "index_vector": values([0, 4, 2]), "new_tensor": real(3, 3)},
        no_grad=("index_vector",),
    ),
    OpCase(
        "_contrib_index_copy",
        "cube",
        {"old_tensor": real(5, 2, 3), "index_vector": values([3, 1], "int64"), "new_tensor": real(2, 2, 3)},
        no_grad=("index_vector",),
    ),
]
