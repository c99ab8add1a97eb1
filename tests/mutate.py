"""Good cases changed in one place: what test_bad_operators.py throws at every operator.

`changes` goes through the parameters (zero, negative, huge, NaN, tuples of other lengths), then through the
inputs (ranks, sizes, element types, no elements, NaN, infinities, least and largest whole numbers). The list
is the same in every run. Nothing here runs an operator.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from harness import Subject

from cysym.ops.schema import Bool, DType, Enum, Float, Floats, Int, OptShape, Param, Shape

INTEGERS = (0, -1, 1, 7, -7, 10**6, -(2**31), 2**40, 2**62, -(2**63), 2**63 - 1)
NUMBERS = (float("nan"), float("inf"), 0.0, -1.0, 1e300, -1e300, 1e-300)
TYPES = ("float16", "float64", "uint8", "int8", "int32", "int64", "bool")


@dataclass
class Change:
    what: str
    params: dict[str, Any]
    arrays: list[np.ndarray]
    needs_np_shape: bool


def values_for(param: Param[Any], current: Any) -> list[Any]:
    """What a user could get wrong in a parameter of this kind."""
    if isinstance(param, Int):
        return list(INTEGERS)
    if isinstance(param, (Shape, OptShape)):
        n = len(current) if isinstance(current, (tuple, list)) and current else 2
        same = [(v,) * n for v in (0, -1, -2, 7, 2**40, 2**62, -(2**63))]
        one = [(v,) + (1,) * (n - 1) for v in (0, 2**62, 10**5, -(2**63), 2**63 - 1)]
        return [(), (1,) * (n + 1), (1,) * (n - 1), (5, 4) * 9, *same, *one]
    if isinstance(param, Float):
        return list(NUMBERS)
    if isinstance(param, Floats):
        return [(), (1.0,) * 9, (float("nan"),)]
    if isinstance(param, Bool):
        return [True, False]
    if isinstance(param, Enum):
        return list(param.choices)
    return list(TYPES) if isinstance(param, DType) else []


def shapes_of(a: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    """The array with another shape."""
    yield "another axis", a[None]
    yield "one element", np.ones((1,), a.dtype)
    yield "nine axes", np.ones((2,) * 9, a.dtype)
    yield "no axis", np.ones((), a.dtype)
    if a.ndim:
        yield "an axis less", a[0]
    for axis in range(a.ndim):
        yield f"twice axis {axis}", np.concatenate([a, a], axis)
        yield f"empty axis {axis}", np.take(a, [], axis)
        yield f"one of axis {axis}", np.take(a, [0], axis)


def numbers_of(a: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    """The array with other numbers or another type."""
    if a.dtype.kind == "f":
        for value in (np.nan, np.inf, -np.inf, 3e38, -3e38, 1e19, -5.0):
            yield f"all {value}", np.full_like(a, value)
    for dtype in TYPES:
        if a.dtype != dtype:
            yield f"of {dtype}", a.astype(dtype)
    for dtype in ("uint8", "int8", "int32", "int64"):
        yield f"least {dtype}", np.full(a.shape, np.iinfo(dtype).min, dtype)
        yield f"most {dtype}", np.full(a.shape, np.iinfo(dtype).max, dtype)


def changes(subject: Subject) -> Iterator[Change]:
    case = subject.case
    arrays = list(subject.arrays("float32" if "float32" in case.dtypes else case.dtypes[0]).values())

    def change(what: str, params: dict[str, Any], changed: list[np.ndarray]) -> Change:
        return Change(what, params, changed, any(not a.ndim or not a.size for a in changed))

    for name, param in subject.op.params.items():
        if name != subject.op.variadic:
            for value in values_for(param, case.params.get(name)):
                yield change(f"{name}={value!r}", {**case.params, name: value}, arrays)
    for k, a in enumerate(arrays):
        for what, other in (*shapes_of(a), *numbers_of(a)):
            yield change(f"input {k}: {what}", case.params, [*arrays[:k], other, *arrays[k + 1 :]])
    for dtype in TYPES:
        yield change(f"all of {dtype}", case.params, [a.astype(dtype) for a in arrays])
    for dtype in ("uint8", "int8", "int32", "int64"):
        ends = np.iinfo(dtype)
        for value in (ends.min, ends.max):
            yield change(f"all {value}", case.params, [np.full(a.shape, value, dtype) for a in arrays])
    for axis in range(3):
        if arrays and all(a.ndim > axis for a in arrays):
            yield change(f"all empty in {axis}", case.params, [np.take(a, [], axis) for a in arrays])
