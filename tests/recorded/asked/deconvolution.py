"""Questions about Deconvolution. Data only: MXNet runs a target_shape if pad is what follows from it."""

from __future__ import annotations

from typing import Any

from opcases import OpCase, real


def _case(
    label: str, channels: int, size: tuple[int, ...], filters: int, params: dict[str, str], **more: Any
) -> OpCase:
    dtype = str(more.pop("dtype", "float32"))
    groups = int(params.get("num_group", "1"))
    kernel = tuple(int(k) for k in params["kernel"].strip("(,)").split(","))
    inputs = {
        "data": real(2, channels, *size, dtype=dtype),
        "weight": real(channels, filters // groups, *kernel, dtype=dtype),
    }
    if params.get("no_bias") == "False":
        inputs["bias"] = real(filters, dtype=dtype)
    return OpCase("Deconvolution", label, inputs, dict(params, num_filter=str(filters)), **more)


CASES: list[OpCase] = [
    _case("plain", 3, (5, 4), 2, {"kernel": "(3, 2)"}, add=True),
    _case("bias", 3, (5, 4), 2, {"kernel": "(3, 3)", "no_bias": "False"}),
    _case("stride_pad", 3, (5, 7), 5, {"kernel": "(4, 4)", "stride": "(2, 2)", "pad": "(1, 1)"}),
    _case("adj", 3, (3, 4), 2, {"kernel": "(3, 3)", "stride": "(2, 3)", "pad": "(1, 0)", "adj": "(1, 2)"}),
    _case("dilate", 3, (4, 5), 2, {"kernel": "(2, 3)", "dilate": "(3, 2)"}),
    _case(
        "groups", 6, (5, 4), 4, {"kernel": "(3, 3)", "num_group": "2", "stride": "(2, 1)", "no_bias": "False"}
    ),
    _case(
        "target",
        3,
        (5, 7),
        2,
        {"kernel": "(5, 5)", "stride": "(2, 3)", "target_shape": "(11, 19)", "pad": "(1, 2)"},
    ),
    _case("f64", 3, (5, 4), 2, {"kernel": "(3, 2)", "stride": "(2, 2)", "no_bias": "False"}, dtype="float64"),
    _case("one_d", 3, (11,), 5, {"kernel": "(3,)", "stride": "(2,)", "pad": "(1,)", "no_bias": "False"}),
    _case("three_d", 2, (3, 4, 5), 3, {"kernel": "(2, 3, 2)", "stride": "(2, 1, 2)", "pad": "(0, 1, 0)"}),
]
