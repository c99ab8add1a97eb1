"""Rules by which shapes and element types spread through one node, in both directions.

A `ShapeRule` holds what is known of one node's inputs and outputs while `OpDef.infer_shape` runs; every
`meet_*` adds knowledge or raises. Inside the library an unknown dimension is -1 and an unknown rank is None.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..base import ShapeError, TypeInferenceError
from ..dtypes import NAMES

Dims = tuple[int, ...]


def show(shape: Dims | None) -> str:
    """A shape as MXNet's messages print it."""
    return "[]" if shape is None else "[" + ",".join(str(d) for d in shape) + "]"


def is_known(shape: Dims | None) -> bool:
    return shape is not None and (not shape or min(shape) >= 0)


def meet(a: Dims | None, b: Dims | None) -> Dims | None:
    """What both say together; None with both known of different rank or dimension means conflict ->
    ValueError.
    """
    if a is None:
        return b
    if b is None or a == b:
        return a
    if len(a) != len(b):
        raise ValueError
    out = []
    for x, y in zip(a, b, strict=True):
        if x >= 0 and y >= 0 and x != y:
            raise ValueError
        out.append(x if x >= 0 else y)
    return tuple(out)


def broadcast(a: Dims | None, b: Dims | None) -> Dims | None:
    """NumPy's broadcast of two partly known shapes; raises ShapeError when they cannot."""
    if a is None or b is None:
        return None
    n = max(len(a), len(b))
    pa, pb = (1,) * (n - len(a)) + a, (1,) * (n - len(b)) + b
    out = []
    for x, y in zip(pa, pb, strict=True):
        if x == y:
            out.append(x)
        elif x == 1:
            out.append(y)
        elif y == 1:
            out.append(x)
        elif x < 0:
            out.append(y)  # unknown against a size above 1 must be that size (or 1: the result is the same)
        elif y < 0:
            out.append(x)
        else:
            raise ShapeError(f"operands could not be broadcast together with shapes {show(a)} {show(b)}")
    return tuple(out)


FLOATS = ("float16", "float32", "float64")


class ShapeRule:
    """Shapes around one node. ``ins`` covers inputs then auxiliary states, ``outs`` all outputs."""

    def __init__(self, ins: list[Dims | None], outs: list[Dims | None], names: Sequence[str]) -> None:
        self.ins, self.outs, self.names = ins, outs, names

    def index(self, which: int | str) -> int:
        return which if isinstance(which, int) else list(self.names).index(which)

    def get(self, which: int | str) -> Dims | None:
        """Shape of an input by position or name."""
        return self.ins[self.index(which)]

    def meet_in(self, which: int | str, shape: Dims | None) -> Dims | None:
        i = self.index(which)
        try:
            self.ins[i] = meet(self.ins[i], shape)
        except ValueError:
            raise ShapeError(
                f"Incompatible attr at {i}-th input ({self.names[i]}): Shape inconsistent, "
                f"Provided = {show(self.ins[i])}, inferred shape={show(shape)}"
            ) from None
        return self.ins[i]

    def meet_out(self, i: int, shape: Dims | None) -> Dims | None:
        try:
            self.outs[i] = meet(self.outs[i], shape)
        except ValueError:
            raise ShapeError(
                f"Incompatible attr at {i}-th output: expected {show(shape)}, got {show(self.outs[i])}"
            ) from None
        return self.outs[i]

    def same(self, ins: Sequence[int] | None = None, outs: Sequence[int] | None = None) -> None:
        """The inputs and outputs listed (default all) have one shape."""
        count = len(self.ins)
        which = list(range(count) if ins is None else ins)
        which += [count + k for k in (range(len(self.outs)) if outs is None else outs)]
        shapes = self.ins + self.outs
        shape: Dims | None = None
        for k in which:
            if shapes[k] is None or shapes[k] == shape:
                continue
            try:
                shape = meet(shape, shapes[k])
            except ValueError:
                where = f"{k}-th input ({self.names[k]})" if k < count else f"{k - count}-th output"
                raise ShapeError(
                    f"Incompatible attr at {where}: expected {show(shape)}, got {show(shapes[k])}"
                ) from None
        for k in which:
            shapes[k] = shape
        self.ins[:], self.outs[:] = shapes[:count], shapes[count:]

    def broadcast_binary(self) -> None:
        """NumPy broadcasting of two inputs into one output."""
        self.meet_out(0, broadcast(self.ins[0], self.ins[1]))


class TypeRule:
    """Element types (MXNet codes, None unknown) around one node."""

    def __init__(self, ins: list[int | None], outs: list[int | None], names: Sequence[str]) -> None:
        self.ins, self.outs, self.names = ins, outs, names

    def index(self, which: int | str) -> int:
        return which if isinstance(which, int) else list(self.names).index(which)

    def _meet(self, values: list[int | None], i: int, code: int | None) -> None:
        have = values[i]
        if have is not None and code is not None and have != code:
            where = f"{i}-th input ({self.names[i]})" if values is self.ins else f"{i}-th output"
            raise TypeInferenceError(
                f"Incompatible attr at {where}: expected {NAMES[code]}, got {NAMES[have]}"
            )
        values[i] = have if code is None else code

    def meet_in(self, which: int | str, code: int | None) -> int | None:
        i = self.index(which)
        self._meet(self.ins, i, code)
        return self.ins[i]

    def meet_out(self, i: int, code: int | None) -> int | None:
        self._meet(self.outs, i, code)
        return self.outs[i]

    def same(self, ins: Sequence[int] | None = None, outs: Sequence[int] | None = None) -> None:
        """The inputs and outputs listed (default all) have one type."""
        ii = range(len(self.ins)) if ins is None else ins
        oo = range(len(self.outs)) if outs is None else outs
        known: int | None = None
        for i in ii:
            if known is None:
                known = self.ins[i]
        for i in oo:
            if known is None:
                known = self.outs[i]
        for i in ii:
            if self.ins[i] != known:
                self.meet_in(i, known)
        for i in oo:
            if self.outs[i] != known:
                self.meet_out(i, known)


def each(rule: Callable[[Dims], Dims]) -> Callable[[ShapeRule], None]:
    """Make an `infer_shape` of a function from the (fully known) first input's shape to the output's."""

    def infer_shape(s: ShapeRule) -> None:
        data = s.ins[0]
        if data is not None and is_known(data):
            s.meet_out(0, rule(data))

    return infer_shape
