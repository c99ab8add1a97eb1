"""Indexing of NDArrays: reads, writes, views and refusals, against NumPy and as MXNet 1.9.1 answers."""

from __future__ import annotations

from unittest import mock

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import cysym as mx

nd = mx.nd
EXAMPLES = 300


def grid(ctx, *shape, dtype="float32"):
    return nd.array(np.arange(np.prod(shape)).reshape(shape), ctx=ctx, dtype=dtype)


# --- views -------------------------------------------------------------------------------------------------
VIEWS = [
    ((2, 3, 4), (1, 1), True),
    ((2, 3, 4), (1, slice(0, 2)), True),
    ((2, 3, 4), (slice(None), 1), False),
    ((1, 3, 4), (slice(None), 1), True),
    ((2, 3, 4), (slice(0, 1), slice(1, 3)), True),
    ((2, 3, 4), (1, slice(1, 2), slice(0, 2)), True),
    ((2, 3, 4), (1, 1, 1), True),
    ((2, 3, 4), (None, 1), True),
    ((2, 3, 4), (), True),
    ((2, 3, 4), Ellipsis, True),
    ((2, 3, 4), slice(None, None, -1), False),
    ((2, 3, 4), slice(0, 1, 2), True),
    ((2, 3, 4), slice(1, 0, -1), True),
    ((2, 3, 1), (slice(None), slice(None), 0), True),
    ((2, 3, 4), (1, slice(None, None, 2)), False),
    ((2, 3, 1), (1, slice(None), slice(None, None, -1)), True),
    ((2, 3, 4), [0], False),
    ((2, 3, 4), np.array([True, False]), False),
]


@pytest.mark.parametrize(("shape", "key", "is_view"), VIEWS)
def test_views_are_mxnets(ctx, shape, key, is_view):
    a = grid(ctx, *shape)
    part = a[key]
    assert part.shape == (np.zeros(shape)[key].shape or (1,))
    part[:] = -5
    assert bool((a.asnumpy() == -5).any()) is is_view
    assert (part.asnumpy() == -5).all()


def test_a_view_outlives_its_base(ctx):
    rows = [grid(ctx, 300, 300)[i] for i in range(4)]
    rows[2][:] = 1
    for i, row in enumerate(rows):
        assert row.asnumpy().tolist() == ([1.0] * 300 if i == 2 else list(range(300 * i, 300 * i + 300)))


# --- what counts as an index -------------------------------------------------------------------------------
def test_masks_and_float_indices(ctx):
    a = grid(ctx, 3, 2)
    mask = np.array([True, False, True])
    for key in (mask, nd.array(mask, ctx=ctx, dtype="bool"), mask.tolist()):
        assert a[key].asnumpy().tolist() == [[0, 1], [4, 5]]
    both = a.asnumpy() > 2
    assert a[both].asnumpy().tolist() == [3, 4, 5]
    a[both] = -1
    assert a.asnumpy().tolist() == [[0, 1], [2, -1], [-1, -1]]
    # MXNet: a comparison gives numbers 0 and 1, which are indices of rows.
    assert (a > 0).dtype is np.float32
    assert a[a > 0].shape == (3, 2, 2)
    assert a[nd.array([0.9, -1.0], ctx=ctx)].asnumpy().tolist() == [[0, 1], [-1, -1]]


def test_kinds_of_index_arrays(ctx):
    a = grid(ctx, 3, 2)
    want = [[4, 5], [0, 1]]
    for key in (
        [2, 0], np.array([2, 0]), np.array([2, 0], np.uint8), np.array([-1.0, -3.0]), range(2, -1, -2),
        nd.array([2, 0], ctx=ctx), nd.array([2, 0]), nd.array([2, 0], ctx=ctx, dtype="int64"),
    ):  # fmt: skip
        assert a[key].asnumpy().tolist() == want, key
    assert a[np.int64(1)].shape == a[np.array(1)].shape == (2,)
    assert a[[[0, 1], [1, 0]]].shape == (2, 2, 2)
    assert a[[]].shape == a[np.zeros(0)].shape == (0, 2)


def test_zero_and_no_dimensions(ctx):
    a = grid(ctx, 2, 3)
    for key in (slice(0, 0), slice(5, 9), (slice(None), slice(2, 1)), np.zeros((2, 3), bool)):
        assert a[key].shape == np.zeros((2, 3))[key].shape
        a[key] = 7
    assert a.asnumpy().sum() == 15
    assert a[1, 2].shape == (1,)
    with mx.util.np_shape():
        assert a[1, 2].shape == a[1][2].shape == ()
        scalar = nd.array(3.0, ctx=ctx)
        assert scalar.shape == scalar[()].shape == ()
        scalar[:] = 5
        assert scalar[:].asscalar() == 5
        scalar[()] = 4
        assert scalar.asscalar() == 4
        assert scalar[None].shape == (1,)
        for wrong in (len, list, lambda s: s[0]):
            with pytest.raises((TypeError, IndexError)):
                wrong(scalar)
        none = nd.zeros((0, 3), ctx=ctx)
        assert none[:, 1].shape == (0,)
        assert none[[], 1].shape == (0,)
        with pytest.raises(IndexError):
            none[0]


# --- assignment --------------------------------------------------------------------------------------------
def test_values_that_broadcast(ctx):
    for value in (
        5, 2.5, True, np.float64(3), np.int64(2), np.array(3), [9, 8, 7], (9, 8, 7), [[1], [2]],
        np.ones((1, 1, 3)),
        nd.array([9, 8, 7], ctx=ctx), nd.array([9, 8, 7]), nd.ones((1, 1, 3), ctx=ctx),
        nd.array([[1, 2, 3]], ctx=ctx, dtype="int32"),
    ):  # fmt: skip
        plain = np.asarray(value)
        for key in (slice(None), (slice(None), slice(None, None, -1)), ([1, 0],)):
            a, want = grid(ctx, 2, 3), np.arange(6, dtype=np.float32).reshape(2, 3)
            a[key] = value
            want[key] = plain
            np.testing.assert_array_equal(a.asnumpy(), want)


def test_values_are_cast_as_mxnet_casts(ctx):
    cases = [
        ("int32", 2.9, 2), ("uint8", -1, 255), ("uint8", 300, 44), ("uint8", 300.5, 44),
        ("int32", np.nan, -(2**31)),
        ("int64", 2**53 + 1, 2**53 + 1), ("bool", 3, True), ("float16", 1e6, np.inf), ("int8", [200], -56),
    ]  # fmt: skip
    for dtype, value, want in cases:
        for key in (slice(None), (slice(None), 1), ([0, 1], [2, 2])):
            a = nd.zeros((2, 3), ctx=ctx, dtype=dtype)
            a[key] = value
            assert (a[key].asnumpy() == want).all(), (dtype, value)


def test_overlapping_assignment(ctx):
    """A value that shares memory with its target is read before it is overwritten, as in NumPy."""
    for target, source in (
        (slice(1, None), slice(0, -1)), (slice(0, -1), slice(1, None)),
        (slice(None, None, 2), slice(1, 6)), ([5, 1, 3, 4], slice(2, 6)),
    ):  # fmt: skip
        a, want = grid(ctx, 10), np.arange(10, dtype=np.float32)
        a[target] = a[source]
        want[target] = want[source].copy()
        np.testing.assert_array_equal(a.asnumpy(), want, err_msg=str(target))
    a, want = grid(ctx, 3, 3), np.arange(9, dtype=np.float32).reshape(3, 3)
    a[:] = a[0]
    want[:] = want[0].copy()
    np.testing.assert_array_equal(a.asnumpy(), want)
    b = grid(ctx, 3, 3)
    b[:, 1] = b[0]
    assert b.asnumpy()[:, 1].tolist() == [0, 1, 2]


def test_the_last_of_several_writes_stays(ctx):
    a = nd.zeros((4,), ctx=ctx)
    a[[1, 1, 3, 1]] = [5, 6, 7, 8]
    assert a.asnumpy().tolist() == [0, 8, 0, 7]
    a[[-1, 3]] = [1, 2]
    assert a.asnumpy()[3] == 2


# --- refusals ----------------------------------------------------------------------------------------------
REFUSED_KEYS = [
    (5, IndexError), (-3, IndexError), (10**30, IndexError), ((0, 5), IndexError), ((0,) * 4, IndexError),
    ((Ellipsis, Ellipsis), IndexError), ([5], IndexError), ([-3], IndexError), ([0, 2], IndexError),
    (np.array([np.nan]), IndexError), (np.array([1e300]), IndexError),
    (np.array([2**63], np.uint64), IndexError),
    (np.array([True, False, True]), IndexError), (np.ones((2, 4), bool), IndexError), ([2**40], IndexError),
    (1.0, IndexError), ("x", IndexError), (True, IndexError), (np.array(["x"]), IndexError),
    ([[1], [1, 2]], IndexError),
    (([0, 1], [0, 1, 2]), IndexError), (slice(None, None, 0), ValueError), (slice(1, 2.0), TypeError),
    ({1: 2}, IndexError), (1j, IndexError), ([None], IndexError), ([slice(1)], IndexError),
]  # fmt: skip


@pytest.mark.parametrize(("key", "error"), REFUSED_KEYS, ids=[str(k)[:30] for k, _ in REFUSED_KEYS])
def test_refused_indices(ctx, key, error):
    a = grid(ctx, 2, 3, 4)
    with pytest.raises(error):
        a[key]
    with pytest.raises(error):
        a[key] = 1
    with pytest.raises(error):
        a[key] = a
    assert a.asnumpy().tolist() == grid(ctx, 2, 3, 4).asnumpy().tolist()


def test_index_arrays_of_a_device_are_checked(ctx):
    a = grid(ctx, 2, 3)
    for wrong in ([2], [-3], [np.nan], [np.inf]):
        with pytest.raises(IndexError):
            a[nd.array(wrong, ctx=ctx)]
        with pytest.raises(IndexError):
            a[nd.array(wrong, ctx=ctx)] = 1


def test_refused_values(ctx):
    a = grid(ctx, 2, 3)
    for key in (slice(None), (slice(None), 1), ([0, 1],)):
        for value, error in (
            (None, TypeError), ("x", TypeError), (1j, TypeError), ([[1], [1, 2]], TypeError), ({}, TypeError),
            ([1, 2, 3, 4], ValueError), (np.ones((3, 3)), ValueError), (nd.ones((4,), ctx=ctx), ValueError),
            (np.ones((2, 2, 3)), ValueError), (np.ones(0), ValueError), (10**400, TypeError),
        ):  # fmt: skip
            with pytest.raises(error):
                a[key] = value
    assert a.asnumpy().tolist() == [[0, 1, 2], [3, 4, 5]]


# --- against NumPy -----------------------------------------------------------------------------------------
@st.composite
def shapes(draw):
    ndim = draw(st.sampled_from([3, 2, 4, 3, 4, 2, 1, 0]))
    return tuple(draw(st.sampled_from([3, 2, 4, 5, 1, 3, 2, 4, 5, 3, 0])) for _ in range(ndim))


def ints(n):
    return st.integers(-n, n - 1) if n else st.just(0)  # which is refused


@st.composite
def index_arrays(draw, n, together):
    shape = draw(st.sampled_from(together))
    values = draw(st.lists(ints(n), min_size=int(np.prod(shape)), max_size=int(np.prod(shape))))
    array = np.array(values, dtype=draw(st.sampled_from([np.int64, np.int32, np.float32]))).reshape(shape)
    return array.tolist() if array.dtype != np.float32 and draw(st.booleans()) else array


def slices(n):
    end = st.none() | st.integers(-n - 2, n + 2)
    return st.builds(slice, end, end, st.none() | st.integers(-3, 3).filter(bool))


@st.composite
def cases(draw, advanced):
    """A shape and a key for it."""
    shape = draw(shapes())
    core = draw(st.sampled_from([(1,), (2,), (3,), (2, 2)]))
    together = [core, core, (1,), core[-1:]]
    used = draw(st.sampled_from([len(shape)] * 4 + list(range(len(shape)))))
    gap = draw(st.integers(0, used)) if draw(st.booleans()) else None
    axes = list(range(used)) if gap is None else [*range(gap), *range(len(shape) - used + gap, len(shape))]
    items = []
    k = 0
    while k < len(axes):
        n = shape[axes[k]]
        choice = [slices(n), ints(n)]
        if advanced:
            choice = [index_arrays(n, together), *choice, index_arrays(n, together)]
        item = draw(choice[draw(st.sampled_from(range(len(choice))))])
        if advanced and draw(st.integers(0, 9)) == 0:
            some = draw(st.integers(1, 2))
            block = [shape[x] for x in axes[k : k + some]]
            whole = axes[k : k + some] == list(range(axes[k], axes[k] + some))
            if len(block) == some and whole and core != (2, 2):
                mask = np.zeros(block, bool)
                mask.reshape(-1)[: min(core[0], mask.size)] = True
                if mask.sum() in (1, core[0]):
                    items.append(mask)
                    k += some
                    continue
        items.append(item)
        k += 1
    if gap is not None:
        at = sum(x < gap for x in axes)
        items.insert(min(at, len(items)), Ellipsis)
    for _ in range(draw(st.sampled_from([0, 0, 1, 2]))):
        items.insert(draw(st.integers(0, len(items))), None)
    key = tuple(items)
    if len(key) == 1 and draw(st.booleans()):
        key = key[0]
    return shape, key


def as_numpy_key(key):
    def one(item):
        found = np.asarray(item) if isinstance(item, (list, np.ndarray)) else item
        return found.astype(np.int64) if isinstance(found, np.ndarray) and found.dtype.kind == "f" else found

    return tuple(one(k) for k in key) if isinstance(key, tuple) else one(key)


def check_read(ctx, shape, key, dtype):
    plain = np.arange(np.prod(shape, dtype=int)).reshape(shape).astype(dtype)
    with mx.util.np_shape():
        a = nd.array(plain, ctx=ctx, dtype=dtype)
        plain_key = as_numpy_key(key)
        try:
            want = plain[plain_key]
        except IndexError:
            with pytest.raises(IndexError):
                a[key]
            return
        got = a[key]
        assert (got.shape, got.dtype, got.context) == (want.shape, plain.dtype, ctx)
        np.testing.assert_array_equal(got.asnumpy(), want)


def check_write(ctx, shape, key, dtype, choose):
    plain = np.arange(np.prod(shape, dtype=int)).reshape(shape).astype(dtype)
    with mx.util.np_shape():
        a = nd.array(plain, ctx=ctx, dtype=dtype)
        plain_key = as_numpy_key(key)
        try:
            part = plain[plain_key].shape
        except IndexError:
            return
        small = tuple(1 if choose(2) == 0 else d for d in part)[choose(len(part) + 1) if part else 0 :]
        value = (np.arange(np.prod(small, dtype=int)) + 50).reshape(small).astype(np.float32)
        kind = choose(4)
        if kind == 0:
            value = np.float32(77)
            given = 77.0
        elif kind == 1:
            given = nd.array(value, ctx=ctx)
        elif kind == 2:
            given = nd.array(value, dtype="int32")
        else:
            given = value
        plain[plain_key] = value
        a[key] = given
        np.testing.assert_array_equal(a.asnumpy(), plain)


DTYPES = st.sampled_from(["float32", "int8", "int64", "float16"])
quick = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
thorough = settings(quick, max_examples=5000)


@st.composite
def accesses(draw):
    advanced = draw(st.sampled_from([True, True, False]))
    shape, key = draw(cases(advanced))
    return shape, key, draw(DTYPES), draw(st.lists(st.integers(0, 1000), min_size=12, max_size=12))


def chooser(numbers):
    left = list(numbers)
    return lambda n: left.pop() % n if left else 0


def check(ctx, access):
    shape, key, dtype, numbers = access
    check_read(ctx, shape, key, dtype)
    check_write(ctx, shape, key, dtype, chooser(numbers))


@quick
@given(access=accesses())
def test_indexing_is_numpys(ctx, access):
    check(ctx, access)


@quick
@given(access=accesses())
def test_operators_index_as_numpy_does(access):
    """The way devices go, taken on the CPU."""
    with mock.patch.object(mx.nd.access, "on_host", return_value=False):
        check(mx.cpu(), access)


@pytest.mark.slow
@thorough
@given(access=accesses())
def test_indexing_is_numpys_thoroughly(ctx, access):
    check(ctx, access)


@quick
@given(access=accesses())
def test_recorded_reads_are_the_same(ctx, access):
    """While recording, reads go through operators on the CPU, too, and have gradients."""
    shape, key, _, _ = access
    if 0 in shape or not shape:
        return
    plain = np.arange(np.prod(shape)).reshape(shape).astype(np.float32)
    plain_key = as_numpy_key(key)
    try:
        want = plain[plain_key]
    except IndexError:
        return
    with mx.util.np_shape():
        a = nd.array(plain, ctx=ctx)
        a.attach_grad()
        with mx.autograd.record():
            part = a[key]
            head = part * 2
        np.testing.assert_array_equal(part.asnumpy(), want)
        if want.size == 0:
            return
        head.backward()
        counts = np.zeros(shape, np.float32)
        np.add.at(counts, plain_key, 2)
        np.testing.assert_array_equal(a.grad.asnumpy(), counts)


# --- where it happens --------------------------------------------------------------------------------------
def test_elements_stay_on_the_device(ctx, monkeypatch):
    """Of parts read and written on a device, only index arrays and host values pass through the host."""
    if ctx.device.kind == "cpu":
        pytest.skip("host memory")
    a, rows = grid(ctx, 40, 50, 2), nd.zeros((50, 2), ctx=ctx)

    def refuse(*args):
        raise AssertionError("elements were read back")

    written = []
    write = ctx.device.write
    with monkeypatch.context() as m:
        m.setattr(type(ctx.device), "read", refuse)
        m.setattr(
            type(ctx.device), "write", lambda self, s, o, data: (written.append(len(data)), write(s, o, data))
        )
        parts = [a[:, 3], a[::-2], a[[1, 2, 39]], a[:, [0, 1], [1, 0]], a[5:7], a[..., None, 0]]
        a[:, 3] = rows[:40]
        a[[1, 2]] = rows
        a[:, 7] = 3.5
        a[0] = a[1]
        a[1:3, 5] = rows[5:7]
    assert max(written) < 1000
    monkeypatch.undo()
    want = np.arange(4000, dtype=np.float32).reshape(40, 50, 2)
    keys = [(slice(None), 3), slice(None, None, -2), [1, 2, 39], (slice(None), [0, 1], [1, 0]), slice(5, 7)]
    for part, key in zip(parts[:4], keys[:4]):
        np.testing.assert_array_equal(part.asnumpy(), want[key])
    want[:, 3], want[[1, 2]], want[:, 7], want[1:3, 5] = 0, 0, 3.5, 0
    want[0] = want[1]
    np.testing.assert_array_equal(a.asnumpy(), want)


def test_all_of_a_recorded_array_is_another_object(ctx):
    a = grid(ctx, 2, 3)
    a.attach_grad()
    with mx.autograd.record():
        b = a[:]
        assert b is not a
        c = (b * b).sum()
    c.backward()
    np.testing.assert_array_equal(a.grad.asnumpy(), 2 * a.asnumpy())
