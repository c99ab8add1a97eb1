"""Questions about Embedding: element types of index and table. Data only."""

from __future__ import annotations

from opcases import OpCase, ints, real, values

_TYPES = ("float16", "float64", "uint8", "int8", "int32", "int64")


def _params(dtype: str) -> dict[str, str]:
    return {"input_dim": "5", "output_dim": "3", "dtype": dtype}


CASES: list[OpCase] = [
    *(
        OpCase(
            "Embedding",
            f"at_{dtype}",
            {"data": values([[0, 4, 1], [1, 9, 2]], dtype), "weight": real(5, 3)},
            _params("float32"),
            no_grad=("data",),
        )
        for dtype in _TYPES
    ),
    *(
        OpCase(
            "Embedding",
            f"of_{dtype}",
            {"data": values([[0, 4, 1], [1, 9, 2]]), "weight": ints(0, 9, 5, 3, dtype=dtype)},
            _params(dtype),
            is_train=False,
        )
        for dtype in _TYPES
    ),
    OpCase(
        "Embedding",
        "typed_weight",
        {"data": values([[0, 4, 1], [1, 9, 2]]), "weight": real(5, 3, dtype="float64")},
        _params("float32"),
        no_grad=("data",),
    ),
]
