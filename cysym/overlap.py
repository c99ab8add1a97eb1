"""Which bound arrays share bytes: found before a program is compiled, since it decides what is written when.

Looks at addresses and offsets only, reads no value and changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

from .ndarray import NDArray


def span(a: NDArray) -> tuple[int, int, int]:
    """(address space, first byte, one past the last): host arrays share one space, a device buffer is its
    own."""
    address = a.storage.address
    if address:
        return 0, address + a.offset, address + a.offset + a.nbytes
    return id(a.storage), a.offset, a.offset + a.nbytes


def overlap(a: NDArray, b: NDArray) -> bool:
    """Whether two arrays share bytes."""
    x, y = span(a), span(b)
    return x[0] == y[0] and x[1] < y[2] and y[1] < x[2]


def late_gradients(
    arrays: Sequence[NDArray], grads: Sequence[NDArray | None], requests: Sequence[str]
) -> frozenset[int]:
    """Numbers of the arguments whose gradient array shares bytes with other bound arrays.

    Such a gradient is written last of all, so that whatever else lies there is read first.
    """
    # arrays in order of their first byte: one shares bytes with an earlier one iff it starts before the
    # farthest end so far; the earlier one is then whichever reached that far
    bound = [a for a in [*arrays, *grads] if a is not None]
    shared: set[int] = set()
    place, end, owner = 0, 0, None
    for key, first, last, a in sorted(((*span(a), a) for a in bound), key=lambda s: s[:2]):
        if owner is not None and key == place and first < end:
            shared |= {id(a), id(owner)}
        if owner is None or key != place or last > end:
            place, end, owner = key, last, a
    return frozenset(
        i
        for i, (g, r) in enumerate(zip(grads, requests))
        if g is not None and r != "null" and id(g) in shared
    )
