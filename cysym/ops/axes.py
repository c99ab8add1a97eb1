"""Axis arithmetic the operators that move, join and reduce data share.

Plain functions of integers: an axis given by a user becomes one in [0, ndim), or a ShapeError that says which
parameter was wrong. No operator is registered here.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..base import ShapeError
from .rules import Dims, show


def normal_axis(axis: int, ndim: int, what: str = "axis") -> int:
    """`axis` counted from the front.

    >>> normal_axis(-1, 3)
    2
    """
    if not -ndim <= axis < ndim:
        raise ShapeError(
            f"{what} {axis} exceeds the input dimension of {ndim}: expected {-ndim} to {ndim - 1}"
        )
    return axis % ndim


def normal_axes(axes: Sequence[int], ndim: int, what: str = "axis") -> tuple[int, ...]:
    """Sorted axes counted from the front; none may come twice.

    >>> normal_axes((-1, 0), 3)
    (0, 2)
    """
    found = sorted(normal_axis(a, ndim, what) for a in axes)
    if len(set(found)) < len(found):
        raise ShapeError(f"{what} {tuple(axes)} names one dimension twice in an input of {ndim} dimensions")
    return tuple(found)


def product(shape: Sequence[int]) -> int:
    """Number of elements; -1 where a dimension is not known."""
    n = 1
    for d in shape:
        if d < 0:
            return -1
        n *= d
    return n


def check_same_size(source: Dims, target: Dims) -> None:
    """Refuse a change of shape that loses or invents elements (MXNet read beyond the buffer)."""
    a, b = product(source), product(target)
    if a >= 0 and b >= 0 and a != b:
        raise ShapeError(f"cannot reshape {show(source)} ({a} elements) into {show(target)} ({b} elements)")
