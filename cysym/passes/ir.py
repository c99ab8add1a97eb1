"""The call list: what `lower` makes of a graph, and what the planner and the devices read.

Plain data. A `Buffer` is a stretch of memory somebody owns; a `Tensor` is a typed, strided look into one; a
`Call` is one kernel launch on tensors. Sizes and strides are bytes, 64-bit; nothing here allocates.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from math import prod
from typing import Any, Literal, NamedTuple

from ..base import ShapeError
from ..dtypes import NAMES, SHORT, SIZES

Kind = Literal["arena", "external", "constant", "persistent"]
MAX_BYTES = 2**62


def num_elements(shape: Sequence[int]) -> int:
    """Product of dimensions, refused where its bytes could leave 62 bits."""
    n = prod(shape)
    if n > MAX_BYTES // 8:
        raise ShapeError(f"a tensor of shape {tuple(shape)} is too large")
    return n


@lru_cache(4096)  # a graph has few shapes, and each of its tensors asks
def dense_strides(shape: tuple[int, ...], itemsize: int) -> tuple[int, ...]:
    """Row-major strides in bytes."""
    out = [0] * len(shape)
    step = itemsize
    for i in range(len(shape) - 1, -1, -1):
        out[i] = step
        step *= max(shape[i], 1)
    return tuple(out)


class Buffer:
    """Memory with one owner. ``slot`` is its run-time slot when external, constant or persistent."""

    __slots__ = ("chunk", "device", "kind", "name", "nbytes", "offset", "pinned", "slot")

    def __init__(self, kind: Kind, nbytes: int, device: Any, slot: int = -1, name: str = "") -> None:
        self.kind: Kind = kind
        self.nbytes = nbytes
        self.device = device
        self.slot = slot
        self.name = name
        self.pinned = False  # lives to the end of the run (random draws, kept for a replay)
        self.chunk = 0  # filled by the planner
        self.offset = -1

    def __repr__(self) -> str:
        return f"{self.kind}:{self.name or self.slot}[{self.nbytes}]"


class Tensor:
    """A typed look into a buffer. ``layout`` is "" for plain row-major order or "nChw16c" for channel
    blocks."""

    __slots__ = ("buffer", "dtype", "layout", "offset", "shape", "strides")

    def __init__(
        self,
        buffer: Buffer,
        shape: tuple[int, ...],
        dtype: int,
        offset: int = 0,
        strides: tuple[int, ...] | None = None,
        layout: str = "",
    ) -> None:
        self.buffer, self.shape, self.dtype, self.offset, self.layout = buffer, shape, dtype, offset, layout
        self.strides = dense_strides(shape, SIZES[dtype]) if strides is None else strides

    @property
    def size(self) -> int:
        return num_elements(self.shape)

    @property
    def itemsize(self) -> int:
        return SIZES[self.dtype]

    @property
    def nbytes(self) -> int:
        return self.size * self.itemsize

    @property
    def estrides(self) -> tuple[int, ...]:
        """Strides in elements, as kernels take them."""
        itemsize = SIZES[self.dtype]
        return tuple([s // itemsize for s in self.strides])

    def is_dense(self) -> bool:
        """Row-major without gaps (strides of 1-sized dimensions do not matter)."""
        step = SIZES[self.dtype]
        if self.strides == dense_strides(self.shape, step):
            return True
        for d, s in zip(reversed(self.shape), reversed(self.strides), strict=True):
            if d != 1:
                if s != step and 0 not in self.shape:
                    return False
                step *= d
        return True

    def is_batch_dense(self) -> bool:
        """Every sample (index of the first axis) is dense; samples may lie apart."""
        if len(self.shape) < 1:
            return True
        return Tensor(self.buffer, self.shape[1:], self.dtype, 0, self.strides[1:]).is_dense()

    def batch_stride(self) -> int:
        """Elements from one sample to the next."""
        return self.strides[0] // self.itemsize if self.shape and self.shape[0] != 1 else self.sample_size()

    def sample_size(self) -> int:
        return num_elements(self.shape[1:])

    def view(self, shape: tuple[int, ...], offset: int = 0, strides: tuple[int, ...] | None = None) -> Tensor:
        """Another look into the same buffer, `offset` bytes after this one's start."""
        return Tensor(self.buffer, shape, self.dtype, self.offset + offset, strides, self.layout)

    def __repr__(self) -> str:
        gaps = "" if self.is_dense() else f" strides={self.strides}"
        at = f"+{self.offset}" if self.offset else ""
        kind = f"{NAMES[self.dtype]}{list(self.shape)}{self.layout and ' ' + self.layout}"
        return f"{kind}@{self.buffer!r}{at}{gaps}"


class Dynamic(NamedTuple):
    """A scalar that may change from run to run: parameter `param` of graph node `node` (item `index` of it
    where it is a tuple), and what it is at first."""

    node: int
    param: str
    value: float = 0.0
    index: int = -1  # type: ignore[assignment]


@dataclass(slots=True)
class Call:
    """One kernel launch.

    ``ptrs`` = outputs, inputs, workspaces, in that order. ``items`` independent pieces of about ``cost``
    nanoseconds each on one core. ``inplace`` pairs (input position, output position) may share memory.
    ``guard`` is a tensor whose storage's write version decides whether the call is needed at all. ``once``
    calls are skipped by a replay.
    """

    kernel: str
    dtype: str
    outs: list[Tensor]
    ins: list[Tensor]
    ints: list[int]
    floats: list[float | Dynamic]
    items: int
    cost: float
    device: Any
    work: list[Tensor] = field(default_factory=list)
    inplace: list[tuple[int, int]] = field(default_factory=list)
    guard: Tensor | None = None
    once: bool = False
    mutates: bool = False  # writes an auxiliary state or another input: order against its readers matters
    callback: Callable[..., None] | None = None
    names: tuple[str, ...] = ()  # graph nodes it came from
    source: Any = None  # generated kernels: what the device needs to make them (an elementwise group)
    ops: tuple[Any, ...] = ()  # the operators of these nodes

    @property
    def ptrs(self) -> list[Tensor]:
        return self.outs + self.ins + self.work

    def __repr__(self) -> str:
        args = ", ".join(map(repr, self.ins + self.work))
        flags = " guarded" * (self.guard is not None) + " once" * self.once
        outs = ", ".join(map(repr, self.outs))
        return f"{outs} = {self.kernel}_{self.dtype}({args}) ints={self.ints} floats={self.floats}{flags}"


def short(dtype: int) -> str:
    return SHORT[dtype]
