"""Cases of Pad: numpy.pad."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import Array, Case, integers, normal

WHOLE = ("int32", "int64", "uint8", "int8", "float16")


def pad(mode: str, shape: tuple[int, ...], *widths: int, value: float = 0.0, **kw: Any) -> Case:
    pad_width = (0, 0, 0, 0, *widths)
    pairs = list(zip(pad_width[::2], pad_width[1::2], strict=True))

    def reference(data: Array) -> Array:
        if mode == "constant":
            return np.pad(data, pairs, constant_values=value)
        return np.pad(data, pairs, mode="edge" if mode == "edge" else "reflect")

    params = {"mode": mode, "pad_width": pad_width} | ({"constant_value": value} if value else {})
    return Case("Pad", kw.pop("inputs", {"data": normal(*shape)}), reference, params, **kw)


CASES = [
    pad("constant", (2, 3, 5, 7), 1, 2, 3, 0, value=1.5),
    pad("constant", (1, 2, 3, 2, 5), 0, 1, 2, 0, 1, 1),
    pad("constant", (2, 3, 5, 7), 0, 0, 0, 0),
    pad("edge", (2, 3, 5, 7), 1, 2, 3, 0),
    pad("edge", (2, 1, 3, 1), 4, 5, 2, 3),
    pad("edge", (1, 2, 3, 2, 5), 0, 1, 2, 0, 1, 1),
    pad("edge", (2, 3, 5, 7), 0, 0, 0, 0),
    pad("reflect", (2, 3, 5, 7), 1, 2, 3, 0),
    pad("reflect", (2, 1, 3, 2), 2, 2, 1, 1),
    pad("reflect", (1, 2, 3, 2, 5), 0, 1, 1, 0, 4, 3),
    pad("reflect", (2, 3, 3, 41), 2, 0, 7, 9),
    *(
        pad(
            mode,
            (),
            1,
            2,
            2,
            1,
            value=value,
            inputs={"data": integers(1, 2, 3, 5)},
            gradient=None,
            exact=True,
            dtypes=WHOLE,
        )
        for mode, value in (("constant", 7.0), ("edge", 0.0), ("reflect", 0.0))
    ),
]
