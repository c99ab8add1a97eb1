"""Questions about softmax with lengths and softmax_cross_entropy; the rest of the family is in layers.

Data only."""

from __future__ import annotations

from opcases import OpCase, ints, real, values

_USE = {"use_length": "True"}

CASES = [
    OpCase(
        "softmax",
        "length_" + label,
        {"data": real(2, 3, 5), "length": values(lengths, dtype)},
        {**_USE, **params},
        no_grad=("length",),
    )
    for label, lengths, dtype, params in [
        ("rows", [[1, 5, 3], [2, 0, 4]], "int32", {}),
        ("axis1", [[1, 3, 2, 0, 3], [3, 3, 1, 2, 2]], "int64", {"axis": "1"}),
        ("axis0", [[1, 2, 2, 0, 2]] * 3, "int32", {"axis": "0"}),
        ("hot", [[1, 5, 3], [2, 0, 4]], "int32", {"temperature": "2"}),
    ]
]
CASES += [
    OpCase(
        "softmax_cross_entropy", "plain", {"data": real(7, 5), "label": ints(0, 5, 7)}, no_grad=("label",)
    ),
    OpCase(
        "softmax_cross_entropy",
        "cut",
        {"data": values([[0, 200, 1], [0, 1, 2]]), "label": values([0, 1.7])},
        no_grad=("label",),
    ),
    OpCase(
        "softmax_cross_entropy",
        "f64",
        {"data": real(3, 37, dtype="float64"), "label": ints(0, 37, 3, dtype="float64")},
        no_grad=("label",),
    ),
    OpCase("softmin", "last", {"data": real(3, 7)}),
    OpCase("softmin", "axis", {"data": real(3, 7, 5)}, {"axis": "1", "temperature": "2.0"}),
]
