"""What Python operators are handed: the program's memory as arrays to read, and the context they are on.

Used between the callbacks of `ops.custom` and the user's classes of both generations; computes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn

from ._core import Scope, array_over
from .context import Context
from .ndarray import NDArray


class Lent(NDArray):
    """An array a Python operator is to read: as in MXNet, ``a += 1`` is refused."""

    __slots__ = ()

    @property
    def writable(self) -> bool:
        """Always False."""
        return False

    def _refuse(self, other: Any) -> NoReturn:
        raise ValueError(
            "trying to change a readonly NDArray: an input or a head gradient of a custom operator is not to "
            "be changed in place; compute with a copy (a = a + 1, or a.copy())"
        )

    __iadd__ = __isub__ = __imul__ = __itruediv__ = __imod__ = _refuse


def lend(arrays: Sequence[NDArray]) -> list[NDArray]:
    """The same memory, to be read."""
    return [array_over(Lent, a.storage, a.offset, a.spec) for a in arrays]


def context_of(device: Any) -> Context:
    """The context of a device; the graph below knows devices only."""
    return Context("cpu" if device.kind == "cpu" else "gpu", device.index)


@contextmanager
def surroundings(device: Any, is_train: bool) -> Iterator[None]:
    """What the user's code runs in: the device's context, no recording, training or not."""
    with context_of(device), Scope(False, is_train):
        yield
