"""Questions about Crop, slice_like, _split_v2, reverse, tile and repeat. Data only."""

from __future__ import annotations

from opcases import OpCase, ints, real

_DATA = {"data": real(2, 3, 5)}


def _cases() -> list[OpCase]:
    image = {"arg0": real(2, 3, 7, 11)}
    pair = {**image, "arg1": real(1, 2, 3, 5)}
    cases = [
        OpCase("Crop", "size", image, {"num_args": "1", "h_w": "(3, 5)"}),
        OpCase("Crop", "offset", image, {"num_args": "1", "h_w": "(3, 5)", "offset": "(4, 6)"}),
        OpCase("Crop", "center", image, {"num_args": "1", "h_w": "(4, 2)", "center_crop": "True"}),
        OpCase("Crop", "like", pair, {"num_args": "2", "offset": "(1, 2)"}),
        OpCase("Crop", "like_center", pair, {"num_args": "2", "center_crop": "True"}),
        OpCase("slice_like", "all", {**_DATA, "shape_like": real(1, 2, 3)}, add=True),
        OpCase("slice_like", "axes", {**_DATA, "shape_like": real(1, 2, 3)}, {"axes": "(0, -1)"}),
        OpCase("slice_like", "fewer", {**_DATA, "shape_like": real(1, 2)}, {"axes": "(1,)"}),
        OpCase("slice_like", "longer", {**_DATA, "shape_like": real(2, 3, 2, 7)}, {"axes": "(-1,)"}),
        OpCase("_split_v2", "indices", _DATA, {"indices": "(0, 1, 3)", "axis": "2"}),
        OpCase("_split_v2", "one", _DATA, {"indices": "(0,)", "axis": "-1"}),
        OpCase("_split_v2", "sections", _DATA, {"indices": "()", "sections": "3", "axis": "2"}),
        OpCase(
            "_split_v2",
            "squeeze",
            _DATA,
            {"indices": "()", "sections": "3", "axis": "1", "squeeze_axis": "True"},
        ),
        OpCase("reverse", "one", _DATA, {"axis": "1"}),
        OpCase("reverse", "two", _DATA, {"axis": "(0, 2)"}),
        OpCase("reverse", "int32", {"data": ints(0, 9, 3, 5, dtype="int32")}, {"axis": "0"}),
        OpCase("reverse", "f64", {"data": real(2, 7, dtype="float64")}, {"axis": "1"}),
        OpCase("tile", "same", _DATA, {"reps": "(2, 1, 3)"}, add=True),
        OpCase("tile", "fewer", _DATA, {"reps": "(2,)"}),
        OpCase("tile", "more", {"data": real(2, 3)}, {"reps": "(2, 1, 3, 2)"}),
        OpCase("tile", "uint8", {"data": ints(0, 9, 3, 2, dtype="uint8")}, {"reps": "(2, 2)"}),
        OpCase("repeat", "flat", _DATA, {"repeats": "2"}, add=True),
        OpCase("repeat", "axis", _DATA, {"repeats": "3", "axis": "1"}),
        OpCase("repeat", "negative", _DATA, {"repeats": "2", "axis": "-1"}),
        OpCase("repeat", "int64", {"data": ints(0, 9, 3, 2, dtype="int64")}, {"repeats": "2", "axis": "0"}),
    ]
    for case in cases:
        if any(word in case.label for word in ("int", "uint")):
            case.is_train = False
    return cases


CASES: list[OpCase] = _cases()
