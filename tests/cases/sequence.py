"""Cases of SequenceMask, SequenceLast and SequenceReverse."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import Array, Case, exactly, integers, normal

ALL = ("float16", "float32", "float64", "uint8", "int8", "int32", "int64")


def walk(data: Array, lengths: Any, axis: int, least: int = 0) -> Any:
    """Each sample's steps, as rows of time, and how many of them it has."""
    samples = np.moveaxis(data, axis, 1)
    for n, rows in enumerate(samples):
        yield n, rows, len(rows) if lengths is None else int(np.clip(int(lengths[n]), least, len(rows)))


def mask(data: Array, sequence_length: Any = None, value: float = 0.0, axis: int = 0) -> Array:
    out = np.array(data)
    for _, rows, length in walk(out, sequence_length, axis):
        rows[length:] = value
    return out


def last(data: Array, sequence_length: Any = None, axis: int = 0) -> Array:
    return np.array([rows[length - 1] for _, rows, length in walk(data, sequence_length, axis, 1)])


def reverse(data: Array, sequence_length: Any = None) -> Array:
    out = np.array(data)
    for _, rows, length in walk(out, sequence_length, 0):
        rows[:length] = rows[:length][::-1].copy()
    return out


USED: dict[str, Any] = {"use_sequence_length": True}
LENGTHS = exactly([3, 1, 5])
LONG = exactly([2, 7, 0, 4, 9])


def case(
    op: str, data: Any, reference: Any, params: dict[str, Any], lengths: Any = None, **more: Any
) -> Case:
    inputs = {"data": data} if lengths is None else {"data": data, "sequence_length": lengths}
    return Case(op, inputs, reference, params=params, wrt=("data",), **more)


CASES = [
    case("SequenceMask", normal(5, 3, 2), mask, USED, LENGTHS),
    case(
        "SequenceMask", normal(5, 7), lambda **a: mask(**a, value=-1.5, axis=1),
        {**USED, "value": -1.5, "axis": 1}, LONG,
    ),
    case("SequenceMask", normal(2, 3), mask, {}),
    case(
        "SequenceMask", integers(5, 3, 2), lambda **a: mask(**a, value=7), {**USED, "value": 7}, LENGTHS,
        gradient=None, dtypes=ALL, input_dtypes={"sequence_length": "int32"},
    ),
    case("SequenceLast", normal(5, 3, 2), last, USED, LENGTHS),
    case("SequenceLast", normal(5, 7, 2, 3), lambda **a: last(**a, axis=1), {**USED, "axis": 1}, LONG),
    case("SequenceLast", normal(5, 7), last, {}),
    case(
        "SequenceLast", integers(5, 3), last, USED, LENGTHS,
        gradient=None, dtypes=ALL, input_dtypes={"sequence_length": "int64"},
    ),
    case("SequenceReverse", normal(5, 3, 2), reverse, USED, LENGTHS),
    case("SequenceReverse", normal(7, 5), reverse, USED, LONG),
    case("SequenceReverse", normal(5, 3, 2), reverse, {}),
    case(
        "SequenceReverse", integers(5, 3, 2), reverse, USED, LENGTHS,
        gradient=None, dtypes=ALL, input_dtypes={"sequence_length": "int32"},
    ),
]  # fmt: skip
