"""Questions about reductions of whole numbers: MXNet differentiates them, too. Data only."""

from __future__ import annotations

from opcases import OpCase, ints, values

_TIES = [[3, -1, 3], [2, 5, -4]]

CASES: list[OpCase] = [
    *(
        OpCase(op, dtype, {"data": values(_TIES, dtype)}, {"axis": "1"}, add=True)
        for op in ("max", "min", "prod", "nanprod", "nansum")
        for dtype in ("int32", "int64", "int8")
    ),
    OpCase("norm", "order1_int32", {"data": ints(1, 9, 3, 5, dtype="int32")}, {"ord": "1", "axis": "0"}),
]
