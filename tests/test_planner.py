"""The memory planner against independent checkers.

The checkers know nothing of how a plan is made. Offsets are checked pair by pair. Whole plans are replayed:
an interpreter runs a call list once with every buffer in memory of its own and once in the planned places,
writing fingerprints of what was read instead of numbers; all that is visible outside must come out the same.
"""

from __future__ import annotations

from random import Random

import numpy as np
import pytest
import test_random_graphs as graphs
from hypothesis import given, settings
from hypothesis import strategies as st

import cysym as mx
from cysym import _planner
from cysym._planner import lower_bound, plan_offsets
from cysym.blueprint import Blueprint
from cysym.passes.ir import Buffer, Call, Tensor, dense_strides
from cysym.passes.plan import CANARY_BYTES, drop_dead, plan

SETTINGS = settings(max_examples=150, deadline=None, derandomize=True)


def up(n):
    return -(-n // 64) * 64


# --- offsets -----------------------------------------------------------------------------------------------
@st.composite
def blocks(draw, most=24):
    count = draw(st.integers(0, most))
    size = st.one_of(st.integers(0, 5), st.integers(1, 700), st.sampled_from((64, 128, 4096, 2**40)))
    sizes = draw(st.lists(size, min_size=count, max_size=count))
    first = [draw(st.integers(0, 30)) for _ in sizes]
    last = [f + draw(st.integers(0, 12)) for f in first]
    return sizes, first, last


def alive_bytes(sizes, first, last):
    """Largest sum over the calls, one call after the other."""
    return max((sum(s for s, a, b in zip(sizes, first, last) if a <= t <= b) for t in range(50)), default=0)


def check_disjoint(sizes, first, last, offsets):
    for i in range(len(sizes)):
        for j in range(i):
            together = first[i] <= last[j] and first[j] <= last[i]
            apart = offsets[i] + sizes[i] <= offsets[j] or offsets[j] + sizes[j] <= offsets[i]
            assert apart or not together, f"blocks {j} and {i} overlap while both are alive"


@SETTINGS
@given(blocks())
def test_lower_bound_is_the_largest_sum_alive(found):
    assert _planner.lower_bound(*found) == alive_bytes(*found)


@SETTINGS
@given(blocks(), st.booleans())
def test_offsets(found, share):
    sizes, first, last = found
    offsets, peak, heuristic = _planner.plan_offsets(sizes, first, last, share)
    assert len(offsets) == len(sizes)
    assert all(o >= 0 and o % 64 == 0 for o in offsets)
    assert isinstance(heuristic, str)
    check_disjoint(sizes, first, last, offsets)
    assert max((o + up(s) for o, s in zip(offsets, sizes)), default=0) == peak
    assert peak >= alive_bytes([up(s) for s in sizes], first, last)
    assert peak <= sum(map(up, sizes))
    if not share:
        check_disjoint(sizes, [0] * len(sizes), [0] * len(sizes), offsets)
    assert (offsets, peak, heuristic) == _planner.plan_offsets(sizes, first, last, share), (
        "the plan is not determined"
    )


@SETTINGS
@given(blocks(14), st.integers(0, 8), st.booleans())
def test_chunks(found, room, share):
    sizes, first, last = found
    biggest = max(map(up, sizes), default=64)
    capacity = max(64, biggest + room * 64)
    chunk_of, offsets, peaks, _ = _planner.plan_chunks(sizes, first, last, capacity, share)
    assert len(chunk_of) == len(offsets) == len(sizes)
    assert all(p <= capacity for p in peaks)
    assert set(chunk_of) == set(range(len(peaks)))
    for c, peak in enumerate(peaks):
        mine = [i for i, k in enumerate(chunk_of) if k == c]
        picked = [[values[i] for i in mine] for values in (sizes, first, last, offsets)]
        check_disjoint(*picked)
        assert all(o % 64 == 0 for o in picked[3])
        assert max(o + up(s) for o, s in zip(picked[3], picked[0])) == peak


def test_the_search_mends_what_the_orders_miss():
    """Two hundred short blocks of common sizes: no greedy order meets every bound, the search nearly all."""
    random, met = Random(1), 0
    for _ in range(20):
        sizes = [random.choice((64, 256, 1024, 4096)) * random.randint(1, 8) for _ in range(200)]
        first = [random.randint(0, 200) for _ in sizes]
        last = [f + int(random.expovariate(1 / 6)) for f in first]
        offsets, peak, _ = plan_offsets(sizes, first, last)
        assert (offsets, peak) == plan_offsets(sizes, first, last)[:2]
        met += peak == lower_bound(sizes, first, last)
    assert met >= 19


def test_a_block_larger_than_a_chunk_is_refused():
    with pytest.raises(mx.MXNetError, match=r"320 bytes exceeds .* 256 bytes"):
        _planner.plan_chunks([64, 300], [0, 0], [1, 1], 256)


def test_layers_of_a_chain_need_two_at_a_time():
    """A chain of equal tensors, each alive until the next is made, takes the room of two."""
    n = 200
    _, peak, _ = _planner.plan_offsets([1000] * n, list(range(n)), list(range(1, n + 1)))
    assert peak == 2 * up(1000)


# --- replaying call lists ----------------------------------------------------------------------------------
PRIME = np.uint64(1099511628211)


def touched(t):
    """Byte numbers of a tensor inside its buffer."""
    strides = dense_strides(t.shape, t.itemsize) if t.layout else t.strides
    at = np.full((), t.offset, np.int64)
    for d, s in zip(t.shape, strides, strict=True):
        at = at[..., None] + np.arange(d) * s
    return (at.reshape(-1, 1) + np.arange(t.itemsize)).reshape(-1)


class Machine:
    """Interprets calls over fingerprints; `planned` puts arena buffers where the plan says."""

    def __init__(self, calls, planned, seed):
        self.rng = np.random.default_rng(seed)
        self.planned = planned
        self.memory = {}
        self.seen = []  # what callbacks saw
        self.sizes = {}
        for call in calls:
            for t in call.ptrs:
                key, base = self.place(t.buffer)
                end = base + t.buffer.nbytes
                self.sizes[key] = max(self.sizes.get(key, 0), end)

    def place(self, b):
        if b.kind == "arena" and self.planned:
            assert b.offset >= 0, f"{b!r} was given no place"
            return ("arena", b.device, b.chunk), b.offset
        return (b.kind, b.slot, "") if b.kind == "external" else ("own", id(b), ""), 0

    def bytes_of(self, t):
        key, base = self.place(t.buffer)
        if key not in self.memory:
            size = self.sizes[key]
            outside = t.buffer.kind != "arena"  # bound memory begins alike, an arena begins with rubbish
            rng = np.random.default_rng(5) if outside else self.rng
            self.memory[key] = rng.integers(0, 2**63, size, np.uint64)
        return self.memory[key], base + touched(t)

    def run(self, calls, replay=False):
        for call in calls:
            if replay and call.once:
                continue
            print_ = np.uint64(len(call.outs) * 31 + len(call.kernel))
            with np.errstate(over="ignore"):
                for t in call.ins:
                    memory, at = self.bytes_of(t)
                    weights = np.arange(1, len(at) + 1, dtype=np.uint64) * PRIME
                    print_ = print_ * PRIME + (memory[at] * weights).sum(dtype=np.uint64)
                if call.callback is not None:
                    self.seen.append(int(print_))
                for k, t in enumerate(call.outs):
                    memory, at = self.bytes_of(t)
                    memory[at] = print_ * np.uint64(k + 1) + np.arange(len(at), dtype=np.uint64)
                for t in call.work:  # a kernel may leave anything in its workspace
                    memory, at = self.bytes_of(t)
                    memory[at] = self.rng.integers(0, 2**63, len(at), np.uint64)

    def outside(self):
        return {k: v.tolist() for k, v in self.memory.items() if k[0] == "external"}, self.seen


def span(t):
    at = touched(t)
    return set((t.buffer.offset + at).tolist()) if len(at) else set()


def check_calls(calls):
    """No output or workspace of a call lies over its other operands, except where it may work in place."""
    for call in calls:
        arena = [t for t in call.ptrs if t.buffer.kind == "arena"]
        places = {id(t): span(t) for t in arena}
        written = [(t, k) for k, t in enumerate(call.outs)] + [(t, -1) for t in call.work]
        for w, k in written:
            if id(w) not in places:
                continue
            for other in arena:
                same_place = (w.buffer.device, w.buffer.chunk) == (other.buffer.device, other.buffer.chunk)
                if other is w or other.buffer is w.buffer or not same_place:
                    continue
                if places[id(w)] & places[id(other)]:
                    pairs = [(i, k) for i, t in enumerate(call.ins) if t is other]
                    assert pairs, f"{call!r}: {w!r} lies over {other!r}"
                    assert all(p in call.inplace for p in pairs), f"{call!r}: {pairs} may not be in place"
                    assert (w.offset + w.buffer.offset, w.strides) == (
                        other.offset + other.buffer.offset,
                        other.strides,
                    )


def check_plan(calls, cut, result, canaries=False):
    """The planned run shows what the run without a plan shows, with a second backward by replay."""
    check_calls(calls)
    shown = []
    for planned in (False, True):
        machine = Machine(calls, planned, seed=1 + planned)
        machine.run(calls)
        machine.run(calls[:cut], replay=True)
        machine.run(calls[cut:])
        shown.append(machine.outside())
    assert shown[0] == shown[1]
    arena = {t.buffer for c in calls for t in c.ptrs if t.buffer.kind == "arena"}
    assert result.naive == sum(b.nbytes for b in arena)
    assert result.peak == sum(sum(sizes) for sizes in result.chunks.values())
    assert result.lower_bound <= result.peak
    pad = CANARY_BYTES if canaries else 0
    for b in arena:
        assert b.offset % 64 == 0
        assert b.offset >= pad
        assert b.offset + b.nbytes + pad <= result.chunks[b.device][b.chunk]


class FakeDevice:
    kind, max_alloc = "cpu", 2**62


@st.composite
def call_lists(draw):
    """Calls over arena and external buffers: views, partial writes, in-place pairs, pinned draws, dead
    results."""
    devices = [FakeDevice()] + ([FakeDevice()] if draw(st.booleans()) else [])
    externals = [
        Tensor(Buffer("external", 4 * n, devices[0], slot=i), (n,), 0) for i, n in enumerate((3, 8, 20))
    ]
    ready = list(externals)
    calls = []

    def fresh(n, pinned=False):
        b = Buffer("arena", 4 * n, draw(st.sampled_from(devices)), name=f"t{len(calls)}")
        b.pinned = pinned
        return Tensor(b, (n,), 0)

    def look(t):
        """The tensor itself, or a stretch of it, or every other element."""
        (n,) = t.shape
        how = draw(st.integers(0, 4))
        if how == 1 and n > 2 and t.is_dense():
            return t.view((n - 2,), 4)
        if how == 2 and n > 3 and t.is_dense():
            return t.view(((n + 1) // 2,), 0, (8,))
        return t

    for _ in range(draw(st.integers(1, 14))):
        ins = [look(draw(st.sampled_from(ready[-4:] + ready))) for _ in range(draw(st.integers(0, 3)))]
        once = draw(st.integers(0, 9)) == 0
        kind = draw(st.integers(0, 9))
        if kind == 0:
            outs = [draw(st.sampled_from(externals))]
        elif kind == 1 and any(t.buffer.kind == "arena" and not t.buffer.pinned for t in ready):
            # another part of what is there already, as a concatenation's inputs are written
            t = draw(st.sampled_from([t for t in ready if t.buffer.kind == "arena" and not t.buffer.pinned]))
            outs = [look(t)]
        else:
            sizes = [draw(st.sampled_from((1, 4, 8, 8, 20))) for _ in range(draw(st.integers(1, 2)))]
            outs = [fresh(n, pinned=once) for n in sizes]
        once = once and all(t.buffer.kind == "arena" and t.buffer.pinned for t in outs)
        for t in outs:
            if not once:
                t.buffer.pinned = False
        work = [fresh(draw(st.sampled_from((2, 16))))] if draw(st.integers(0, 3)) == 0 else []
        pairs = [
            (i, k)
            for i, a in enumerate(ins)
            for k, b in enumerate(outs)
            if a.shape == b.shape and a.strides == b.strides and draw(st.booleans())
        ]
        callback = (lambda outs, ins: None) if draw(st.integers(0, 9)) == 0 else None
        calls.append(
            Call(
                f"k{len(calls)}", "f32", outs, ins, [], [], 1, 1.0, devices[0], work, pairs,
                once=once, callback=callback,
            )
        )  # fmt: skip
        ready += [t for t in outs if t.buffer.kind == "arena" and t not in ready]
    return calls


@SETTINGS
@given(call_lists(), st.booleans(), st.booleans(), st.sampled_from((None, 256, 128)))
def test_plan_of_random_calls(calls, share, canaries, capacity):
    if canaries and capacity:
        capacity += 2 * CANARY_BYTES
    # replayed forward parts read only what they wrote themselves, so let the whole list be the forward part
    result = plan(calls, share, canaries, capacity)
    check_plan(calls, len(calls), result, canaries)
    if capacity is not None:
        assert all(size <= capacity for sizes in result.chunks.values() for size in sizes)


@SETTINGS
@given(call_lists())
def test_dead_calls(calls):
    """What is dropped changes nothing that can be seen, and nothing is kept that nobody reads."""
    kept = drop_dead(calls)
    assert kept == [c for c in calls if any(c is k for k in kept)]
    shown = []
    for part in (calls, kept):
        machine = Machine(calls, False, seed=1)
        for call in calls:
            for t in call.ptrs:
                machine.bytes_of(t)  # so that both begin with the same memory
        machine.run(part)
        shown.append(machine.outside())
    assert shown[0] == shown[1]
    for i, call in enumerate(kept):
        effect = call.mutates or call.callback is not None or any(t.buffer.kind != "arena" for t in call.outs)
        read = {t.buffer for later in kept[i + 1 :] for t in later.ins}
        assert effect or any(t.buffer in read for t in call.outs)


def test_work_in_place_saves_memory():
    device = FakeDevice()
    a, b, c = (Tensor(Buffer("arena", 4000, device, name=n), (1000,), 0) for n in "abc")
    out = Tensor(Buffer("external", 4000, device, slot=0), (1000,), 0)

    def call(outs, ins, pairs):
        return Call("k", "f32", outs, ins, [], [], 1, 1.0, device, inplace=pairs)

    chain = [call([a], [], []), call([b], [a], [(0, 0)]), call([c], [b], [(0, 0)]), call([out], [c], [])]
    result = plan(chain)
    assert (result.peak, result.lower_bound, result.naive) == (up(4000), 4000, 12000)
    assert a.buffer.offset == b.buffer.offset == c.buffer.offset
    # while a is read again later, b must not take its place
    result = plan([call([a], [], []), call([b], [a], [(0, 0)]), call([out], [a, b], [])])
    assert a.buffer.offset != b.buffer.offset
    assert result.peak == 2 * up(4000)


# --- programs of random graphs -----------------------------------------------------------------------------
def blueprint(net, ctx):
    symbol, shapes, requests, _ = net
    arguments, aux = symbol._variables()
    known = {n: shapes[n.name] for n in arguments + aux}
    return Blueprint(symbol._entries, arguments, aux, known, {}, [requests[n.name] for n in arguments], ctx)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(graphs.nets(), st.sampled_from(({}, {"share": False}, {"fuse": False}, {"capacity": 2048})))
def test_programs_of_random_graphs(net, options):
    with mx.executor.options(**options):
        found = blueprint(net, mx.cpu())
    for is_train in (True, False):
        calls, cut, result = found.compile(is_train)
        assert result.peak <= 1.5 * result.lower_bound + 64 * len(result.timeline) or options
        check_plan(calls, cut, result)


def test_plan_of_a_symbol_is_that_of_its_executor():
    x = mx.sym.Variable("data")
    for k in range(3):
        x = mx.sym.Activation(
            mx.sym.FullyConnected(x, num_hidden=40, name=f"fc{k}"), act_type="tanh", name=f"a{k}"
        )
    symbol = mx.sym.SoftmaxOutput(x, name="softmax")
    before = symbol.plan(mx.cpu(), data=(32, 20))
    executor = symbol.simple_bind(mx.cpu(), data=(32, 20))
    assert str(before) == str(executor.plan)
    assert before.lower_bound <= before.peak <= before.naive
    inference = symbol.plan(mx.cpu(), grad_req="null", data=(32, 20))
    assert inference.peak < before.peak
    assert before.timeline
    assert all(0 <= t.first <= t.last for t in before.timeline)
    assert "<svg" in before._repr_html_()
