"""Offsets for tensors with known lifetimes: several heuristics, the lower bound, chunked arenas.

Knows nothing of tensors: it is given sizes and closed intervals [first, last] of call numbers and returns
where each block lies. Two blocks whose intervals meet never overlap in the same chunk. Sources: greedy by
size (arXiv 2001.03288), best fit in order of birth, greedy by area (size times lifetime), as XLA's heap
simulator keeps the best of several. Where all of them miss the bound, a local search over the orders mends
what is left: deterministic, so that a plan is a function of the graph.
"""

from cpython.mem cimport PyMem_Free, PyMem_Malloc
from libc.stdint cimport int64_t, uint64_t

from .base import MXNetError

ALIGN = 64
VISITS = 30_000_000  # of blocks by the local search, about 50 ms; each try visits at most n * n
MOST_TRIES = 400


def lower_bound(list sizes, list first, list last):
    """Largest number of bytes alive at one time: no plan can need less.

    >>> lower_bound([10, 20, 5], [0, 1, 3], [1, 2, 3])
    30
    """
    events = {}
    for s, a, b in zip(sizes, first, last):
        events[a] = events.get(a, 0) + s
        events[b + 1] = events.get(b + 1, 0) - s
    live = peak = 0
    for t in sorted(events):
        live += events[t]
        peak = max(peak, live)
    return peak


cdef int64_t _place(int64_t* size, int64_t* first, int64_t* last, int64_t* order, int64_t n, int64_t* offset,
                    int64_t* by_offset) noexcept nogil:
    """Put blocks down in order, each at the tightest gap among those alive with it; returns the peak.

    `by_offset` keeps the placed blocks sorted by offset, so one pass finds every gap.
    """
    cdef int64_t peak = 0, placed = 0, i, j, b, o, at, best, best_gap, gap, end
    for i in range(n):
        b = order[i]
        at = 0
        best = -1
        best_gap = 0
        for j in range(placed):
            o = by_offset[j]
            if last[o] < first[b] or last[b] < first[o]:
                continue
            gap = offset[o] - at
            if gap >= size[b] and (best < 0 or gap < best_gap):
                best = at
                best_gap = gap
            end = offset[o] + size[o]
            if end > at:
                at = end
        if best < 0:
            best = at
        offset[b] = best
        if best + size[b] > peak:
            peak = best + size[b]
        j = placed
        while j > 0 and offset[by_offset[j - 1]] > best:
            by_offset[j] = by_offset[j - 1]
            j -= 1
        by_offset[j] = b
        placed += 1
    return peak


cdef int64_t _draw(uint64_t* state, int64_t below) noexcept nogil:
    """A number in [0, below) of Knuth's linear congruential sequence."""
    state[0] = state[0] * <uint64_t>6364136223846793005 + <uint64_t>1442695040888963407
    return <int64_t>((state[0] >> 33) % <uint64_t>below)


cdef int64_t _improve(int64_t* size, int64_t* first, int64_t* last, int64_t* order, int64_t n,
                      int64_t* offset, int64_t* scratch, int64_t* before, int64_t bound,
                      int64_t tries) noexcept nogil:
    """Move blocks that push the peak up to earlier places of the order, as long as that does no harm.

    A try moves one of the blocks that end at the peak, or one alive with it. Leaves the offsets of the last
    order that was no worse than the one before, and returns their peak.
    """
    cdef int64_t peak = _place(size, first, last, order, n, offset, scratch), _, i, top, moved, pos, to, count
    cdef uint64_t state = 1
    for _ in range(tries):
        if peak <= bound:
            break
        top = -1
        count = 0
        for i in range(n):  # one of those that end at the peak, each as likely as the others
            if offset[i] + size[i] == peak:
                count += 1
                if _draw(&state, count) == 0:
                    top = i
        moved = top
        if _draw(&state, 2):
            count = 0
            for i in range(n):
                if first[i] <= last[top] and first[top] <= last[i]:
                    count += 1
                    if _draw(&state, count) == 0:
                        moved = i
        for i in range(n):
            before[i] = order[i]
        pos = 0
        while order[pos] != moved:
            pos += 1
        to = _draw(&state, pos + 1)
        for i in range(pos, to, -1):
            order[i] = order[i - 1]
        order[to] = moved
        count = _place(size, first, last, order, n, offset, scratch)
        if count <= peak:
            peak = count
            continue
        for i in range(n):
            order[i] = before[i]
        _place(size, first, last, order, n, offset, scratch)
    return peak


def plan_offsets(list sizes, list first, list last, bint share=True):
    """Offsets of blocks in one arena.

    Parameters
    ----------
    sizes
        Bytes of each block; rounded up to 64.
    first, last
        First and last call that touch it.
    share
        False: no two blocks share a byte (debugging).

    Returns
    -------
    (offsets, peak, name of the heuristic that won)

    Raises
    ------
    MXNetError
        All blocks together have 2**63 bytes or more.
    """
    cdef int64_t n = len(sizes), i, peak, best_peak = -1, total = 0, bound, tries
    cdef int64_t* memory
    cdef list best = [], rounded = [(s + 63) // 64 * 64 for s in sizes]
    winner = "none"
    if n == 0:
        return [], 0, winner
    if not share:
        offsets = []
        for s in rounded:
            offsets.append(total)
            total += s
        return offsets, total, "no sharing"
    if sum(rounded) >= 2**63:  # no sum of some of them may overflow below
        raise MXNetError(f"tensors of {sum(rounded)} bytes in all are more than any memory holds")
    bound = lower_bound(rounded, first, last)
    memory = <int64_t*>PyMem_Malloc(7 * n * sizeof(int64_t))
    if memory == NULL:
        raise MemoryError
    cdef int64_t* size = memory
    cdef int64_t* a = memory + n
    cdef int64_t* b = memory + 2 * n
    cdef int64_t* order = memory + 3 * n
    cdef int64_t* offset = memory + 4 * n
    cdef int64_t* scratch = memory + 5 * n
    cdef int64_t* before = memory + 6 * n
    try:
        for i in range(n):
            size[i] = rounded[i]
            a[i] = first[i]
            b[i] = last[i]
        ids = list(range(n))
        rules = [
            ("size", lambda i: (-rounded[i], first[i])),
            ("birth", lambda i: (first[i], -rounded[i])),
            ("area", lambda i: (-rounded[i] * (last[i] - first[i] + 1), first[i])),
            ("lifetime", lambda i: (first[i] - last[i], -rounded[i])),
            ("death", lambda i: (-last[i], -rounded[i])),
        ]
        for name, rule in rules:
            for i, k in enumerate(sorted(ids, key=rule)):
                order[i] = k
            with nogil:
                peak = _place(size, a, b, order, n, offset, scratch)
            if best_peak < 0 or peak < best_peak:
                best_peak, winner = peak, name
                best = [offset[i] for i in range(n)]
            if best_peak <= bound:
                break
        tries = min(MOST_TRIES, VISITS // (n * n)) // len(rules)
        for name, rule in rules if best_peak > bound and tries else ():
            for i, k in enumerate(sorted(ids, key=rule)):
                order[i] = k
            with nogil:
                peak = _improve(size, a, b, order, n, offset, scratch, before, bound, tries)
            if peak < best_peak:
                best_peak, winner = peak, f"{name}, then searched"
                best = [offset[i] for i in range(n)]
            if best_peak <= bound:
                break
    finally:
        PyMem_Free(memory)
    return best, best_peak, winner


def plan_chunks(list sizes, list first, list last, int64_t capacity, bint share=True):
    """Like `plan_offsets` with arenas of at most `capacity` bytes each.

    Returns
    -------
    (chunk of each block, offsets, peak of each chunk, name of the heuristic)
    """
    offsets, peak, winner = plan_offsets(sizes, first, last, share)
    if peak <= capacity:
        return [0] * len(sizes), offsets, [peak] if sizes else [], winner
    rounded = [(s + 63) // 64 * 64 for s in sizes]
    big = max(rounded)
    if big > capacity:
        raise MXNetError(
            f"one tensor of {big} bytes exceeds the device's largest allocation of {capacity} bytes"
        )
    # First fit over chunks, largest blocks first: each chunk is planned like an arena of its own.
    chunk_of, chunks = [0] * len(sizes), []
    for i in sorted(range(len(sizes)), key=lambda i: (-rounded[i], first[i])):
        for c, members in enumerate(chunks):
            trial = members + [i]
            begin, end = [first[j] for j in trial], [last[j] for j in trial]
            if lower_bound([rounded[j] for j in trial], begin, end) > capacity:
                continue
            got = plan_offsets([sizes[j] for j in trial], begin, end, share)
            if got[1] <= capacity:
                members.append(i)
                chunk_of[i] = c
                break
        else:
            chunk_of[i] = len(chunks)
            chunks.append([i])
    result, peaks = [0] * len(sizes), []
    for members in chunks:
        begin, end = [first[j] for j in members], [last[j] for j in members]
        got = plan_offsets([sizes[j] for j in members], begin, end, share)
        for j, o in zip(members, got[0]):
            result[j] = o
        peaks.append(got[1])
    return chunk_of, result, peaks, "chunks"
