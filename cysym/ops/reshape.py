"""Operators that only rename dimensions: Reshape, Flatten, expand_dims, squeeze, reshape_like.

None of them has a kernel: the output is another look into the input's memory (`LowerContext.alias`), and so
is the gradient, through `_backward_reshape`. `target_shape` decodes MXNet's special codes and is used by
NDArray, too.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..base import MXNetError, ShapeError
from .axes import check_same_size, normal_axes, normal_axis, product
from .rules import Dims, ShapeRule, TypeRule, is_known, show
from .schema import Bool, Int, OpDef, Shape

if TYPE_CHECKING:
    from ..passes.gradient import GradContext
    from ..passes.lower import LowerContext


def target_shape(codes: Sequence[int], source: Dims, reverse: bool = False) -> Dims:
    """Shape meant by MXNet's codes.

    0 copies a dimension, -1 takes what is left, -2 copies all remaining dimensions, -3 merges two, -4 splits
    one into the two numbers that follow (one may be -1). With `reverse` codes and dimensions are matched from
    the right. An unknown dimension of `source` is -1 and makes those that depend on it -1.

    >>> target_shape((-4, 1, 2, -2), (2, 3, 4)), target_shape((-1, 0), (10, 5, 4), True)
    ((1, 2, 3, 4), (50, 4))
    """
    dims, codes = (source[::-1], tuple(codes)[::-1]) if reverse else (source, tuple(codes))
    where = f"in shape {tuple(codes)[::-1] if reverse else tuple(codes)} for an input of shape {show(source)}"
    out: list[int] = []
    rest = -1  # where in `out` the code -1 stands
    i = k = 0
    while k < len(codes):
        code = codes[k]
        if (code in (0, -4) and i >= len(dims)) or (code == -3 and i + 1 >= len(dims)):
            raise ShapeError(f"code {code} has no dimension left to take {where}")
        if code == -2:
            out += dims[i:]
            i = len(dims)
        elif code == -3:
            out.append(product(dims[i : i + 2]))
            i += 2
        elif code == -4:
            out += _split(dims[i], codes[k + 1 : k + 3], where)
            i += 1
            k += 2
        elif code >= -1:
            if code == -1:
                if rest >= 0:
                    raise ShapeError(f"only one dimension can be inferred {where}")
                rest = len(out)
            out.append(dims[i] if code == 0 else code)
            i += 1
        else:
            raise ShapeError(f"code {code} means nothing {where}")
        k += 1
    if rest >= 0:
        others, total = product(out[:rest] + out[rest + 1 :]), product(source)
        if others >= 0 and total >= 0:
            if others == 0 or total % others:
                raise ShapeError(f"{total} elements cannot be divided evenly {where}")
            out[rest] = total // others
    return tuple(out[::-1] if reverse else out)


def _split(dim: int, parts: tuple[int, ...], where: str) -> tuple[int, int]:
    if len(parts) < 2 or min(parts) < -1 or max(parts) <= 0 or 0 in parts:
        raise ShapeError(f"code -4 needs two numbers behind it, at most one of them -1, {where}")
    a, b = parts
    if dim >= 0:
        a, b = (dim // b if a < 0 else a), (dim // a if b < 0 else b)
        if a * b != dim:
            raise ShapeError(f"a dimension of {dim} cannot be split into {parts[0]} and {parts[1]} {where}")
    return a, b


class _Renamed(OpDef):
    """Base: the output is the input's memory under another shape."""

    half = True

    def gradient(self, g: GradContext) -> list[Any]:
        return [g.make("_backward_reshape", g.ograd(), like=g.ins[0]), *[None] * (len(g.ins) - 1)]

    def lower(self, c: LowerContext) -> None:
        c.alias("output", self.inputs[0])


def _from_output(s: ShapeRule) -> None:
    """The only unknown dimension of the input is what the size of a known output leaves for it.

    Gluon's recurrent layers need this: they flatten weights whose number of columns nobody has declared.
    """
    data, out = s.ins[0], s.outs[0]
    if data is None or out is None or not is_known(out) or data.count(-1) != 1:
        return
    others, total = product([d for d in data if d >= 0]), product(out)
    if others == 0:
        return
    if total % others:
        raise ShapeError(f"cannot reshape {show(data)} into {show(out)}: {total} is no multiple of {others}")
    s.meet_in(0, tuple(total // others if d < 0 else d for d in data))


class _ReshapeBack(_Renamed):
    """Gradient of every operator here: the head gradient in the shape of the input."""

    name = "_backward_reshape"

    def infer_shape(self, s: ShapeRule) -> None:
        """Nothing to do: the output's shape is that of the entry it is the gradient of."""


class Reshape(_Renamed):
    """Give `data` another shape of the same number of elements, in row-major order.

    Codes in `shape`: 0 copies a dimension of the input, -1 takes what is left, -2 copies all remaining
    dimensions, -3 is the product of the next two, -4 splits one into the two numbers behind it. With
    `reverse` both are read from the right. ``Reshape((2, 3, 4), shape=(4, 0, 2))`` is (4, 3, 2); ``shape=(-4,
    1, 2, -2)`` is (1, 2, 3, 4). A shape of another size is refused.
    """

    name = "Reshape"
    aliases = ("reshape",)

    shape = Shape((), "The target shape.")
    reverse = Bool(False, "If true then the special values are inferred from right to left.")
    target_shape = Shape((), "(Deprecated) Target shape; one 0 is inferred.")
    keep_highest = Bool(False, "(Deprecated) Whether to keep the first dimension unchanged.")

    def check(self) -> None:
        if not self.shape and not self.target_shape:
            raise MXNetError("Reshape needs a shape: got shape=() and target_shape=()")
        if not self.shape:
            warnings.warn("Reshape: target_shape is deprecated, use shape", DeprecationWarning, stacklevel=2)

    def infer_shape(self, s: ShapeRule) -> None:
        data = s.ins[0]
        if data is None:
            return
        if self.shape:
            target = target_shape(self.shape, data, self.reverse)
        else:  # its 0 is what -1 is in `shape`
            codes = tuple(d or -1 for d in self.target_shape)
            target = target_shape((0, *codes[1:]) if self.keep_highest else codes, data)
        check_same_size(data, target)
        s.meet_out(0, target)
        _from_output(s)


class Flatten(_Renamed):
    """Keep the first axis and make one of all others: (n, d1, d2, ...) becomes (n, d1 * d2 * ...), (n,)
    becomes (n, 1).
    """

    name = "Flatten"
    aliases = ("flatten",)

    def infer_shape(self, s: ShapeRule) -> None:
        data = s.ins[0]
        if data:
            out = s.meet_out(0, (data[0], product(data[1:])))
            if out is not None:
                s.meet_in(0, (out[0], *data[1:]))


class ExpandDims(_Renamed):
    """Insert an axis of size 1 before `axis` (negative: counted from the end of the output's shape)."""

    name = "expand_dims"

    axis = Int(doc="Position where the new axis is inserted, -(ndim + 1) to ndim.")

    def infer_shape(self, s: ShapeRule) -> None:
        data = s.ins[0]
        if data is not None:
            at = normal_axis(self.axis, len(data) + 1)
            s.meet_out(0, (*data[:at], 1, *data[at:]))
        out = s.outs[0]
        if out is not None:
            at = normal_axis(self.axis, len(out))
            s.meet_in(0, out[:at] + out[at + 1 :])


class Squeeze(_Renamed):
    """Drop the axes listed, each of size 1; without `axis` all of size 1. At least one axis stays: (1, 1)
    gives (1,).
    """

    name = "squeeze"

    axis = Shape(None, "Axes to drop; all axes of size 1 by default.")

    def infer_shape(self, s: ShapeRule) -> None:
        data = s.ins[0]
        if data is None:
            return
        if self.axis is None:
            if not is_known(data):
                return
            out = tuple(d for d in data if d != 1)
        else:
            axes = normal_axes(self.axis, len(data))
            for a in axes:
                if data[a] not in (1, -1):
                    raise ShapeError(
                        f"cannot squeeze out axis {a} of {show(data)}: expected size 1, got {data[a]}"
                    )
            s.meet_in(0, tuple(1 if a in axes else d for a, d in enumerate(data)))
            out = tuple(d for a, d in enumerate(data) if a not in axes)
        s.meet_out(0, out or (1,))


class ReshapeLike(_Renamed):
    """Give `lhs` the shape of `rhs`; only the dimensions [lhs_begin, lhs_end) change, into [rhs_begin,
    rhs_end) of `rhs`.
    """

    name = "reshape_like"
    inputs = ("lhs", "rhs")

    lhs_begin = Int(None, "First dimension of lhs to reshape; negative from the end; default 0.")
    lhs_end = Int(None, "Behind the last dimension of lhs to reshape; default all.")
    rhs_begin = Int(None, "First dimension of rhs to take; default 0.")
    rhs_end = Int(None, "Behind the last dimension of rhs to take; default all.")

    def infer_shape(self, s: ShapeRule) -> None:
        lhs, rhs = s.ins
        if lhs is None or rhs is None:
            return
        a, b = _span(self.lhs_begin, self.lhs_end, len(lhs), "lhs")
        p, q = _span(self.rhs_begin, self.rhs_end, len(rhs), "rhs")
        target = lhs[:a] + rhs[p:q] + lhs[b:]
        check_same_size(lhs, target)
        s.meet_out(0, target)

    def infer_type(self, t: TypeRule) -> None:
        t.same(ins=(0,))


def _span(begin: int | None, end: int | None, ndim: int, which: str) -> tuple[int, int]:
    a = 0 if begin is None else begin + ndim if begin < 0 else begin
    b = ndim if end is None else end + ndim if end < 0 else end
    if not 0 <= a <= b <= ndim:
        raise ShapeError(f"{which}_begin={begin}, {which}_end={end} do not fit into {ndim} dimensions")
    return a, b
