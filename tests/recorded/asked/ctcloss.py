"""Questions about CTCLoss. Data only."""

from __future__ import annotations

from opcases import OpCase, real, values

_LABELS = {"data": real(7, 3, 5), "label": values([[1, 2, 2], [3, 0, 0], [4, 1, 0]])}
_NOT = ("label",)
_LENGTHS = ("label", "data_lengths", "label_lengths")

CASES = [
    OpCase("CTCLoss", "first", dict(_LABELS), no_grad=_NOT, add=True),
    OpCase(
        "CTCLoss",
        "last",
        {"data": real(7, 3, 5), "label": values([[1, 2, 2], [3, -1, -1], [0, 1, -1]])},
        {"blank_label": "last"},
        no_grad=_NOT,
    ),
    OpCase("ctc_loss", "alias", {"data": real(5, 2, 3), "label": values([[1, 0], [2, 1]])}, no_grad=_NOT),
    OpCase(
        "CTCLoss",
        "data_lengths",
        {**_LABELS, "data_lengths": values([7, 3, 5])},
        {"use_data_lengths": "True"},
        no_grad=_LENGTHS[:2],
    ),
    OpCase(
        "CTCLoss",
        "lengths",
        {**_LABELS, "data_lengths": values([7, 3, 5]), "label_lengths": values([3, 1, 2])},
        {"use_data_lengths": "True", "use_label_lengths": "True"},
        no_grad=_LENGTHS,
    ),
    OpCase(
        "CTCLoss",
        "too_short",
        {"data": real(5, 2, 4), "label": values([[2, 2], [1, 3]]), "data_lengths": values([2, 3])},
        {"use_data_lengths": "True"},
        no_grad=_LENGTHS[:2],
    ),
    OpCase(
        "CTCLoss",
        "int32_labels",
        {"data": real(5, 2, 4), "label": values([[1, 2], [3, 0]], "int32")},
        no_grad=_NOT,
    ),
    OpCase(
        "CTCLoss",
        "long",
        {"data": real(19, 1, 7), "label": values([[1, 5, 5, 2, 3, 6, 4, 1, 1, 2]])},
        no_grad=_NOT,
    ),
]
