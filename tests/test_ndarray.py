"""NDArray as MXNet 1.9.1 behaves, on every device: making, views, arithmetic, copies, files."""

from __future__ import annotations

import pickle
import resource

import numpy as np
import pytest

import cysym as mx

nd = mx.nd


def grid(ctx, *shape, dtype="float32"):
    return nd.array(np.arange(np.prod(shape)).reshape(shape), ctx=ctx, dtype=dtype)


# --- making ------------------------------------------------------------------------------------------------
def test_makers(ctx):
    assert nd.zeros((2, 3), ctx=ctx).asnumpy().tolist() == [[0, 0, 0]] * 2
    assert nd.ones([2, 3], ctx).asnumpy().tolist() == [[1, 1, 1]] * 2
    assert nd.full((2,), 2.5, ctx=ctx).asnumpy().tolist() == [2.5, 2.5]
    assert nd.empty(3, ctx=ctx).shape == (3,)
    assert nd.arange(4, ctx=ctx).asnumpy().tolist() == [0, 1, 2, 3]
    assert nd.arange(1, 7, 2, repeat=2, ctx=ctx).asnumpy().tolist() == [1, 1, 3, 3, 5, 5]
    for made in (nd.zeros((2,), ctx=ctx), nd.arange(3, ctx=ctx), nd.array([1], ctx=ctx)):
        assert made.context == ctx
        assert made.dtype is np.float32
    with ctx:
        assert nd.zeros((1,)).context == ctx


def test_array_is_float32_unless_told(ctx):
    assert nd.array(np.arange(3), ctx=ctx).dtype is np.float32
    assert nd.array(np.arange(3.0), ctx=ctx).dtype is np.float32
    assert nd.array([1, 2], ctx=ctx, dtype="int32").dtype is np.int32
    whole = nd.array([1, 2], ctx=ctx, dtype=np.uint8)
    assert nd.array(whole, ctx=ctx).dtype is np.uint8
    assert nd.array(3.0, ctx=ctx).shape == (1,)


def test_facts(ctx):
    a = grid(ctx, 2, 3, 4)
    assert (a.shape, a.size, a.ndim, len(a), a.stype) == ((2, 3, 4), 24, 3, 2, "default")
    assert (a.context, a.ctx) == (ctx, ctx)
    assert a.T.shape == (4, 3, 2)
    assert a.nbytes == 96


def test_printing(ctx):
    assert repr(nd.ones((2, 3), ctx=ctx)) == f"\n[[1. 1. 1.]\n [1. 1. 1.]]\n<NDArray 2x3 @{ctx}>"
    assert repr(nd.array([1, 2], ctx=ctx, dtype="int32")) == f"\n[1 2]\n<NDArray 2 @{ctx}>"


# --- views and indices -------------------------------------------------------------------------------------
def test_rows_are_views(ctx):
    a = grid(ctx, 4, 3)
    a[1][:] = -1
    a[2:4][0][1:] = 7
    a[-1] = 9
    assert a.asnumpy().tolist() == [[0, 1, 2], [-1, -1, -1], [6, 7, 7], [9, 9, 9]]
    flat = a.reshape((12,))
    flat[0] = 5
    assert a[0].asnumpy().tolist() == [5, 1, 2]
    a.reshape((2, -1)).reshape((-1,))[1:2] = 6
    assert flat[1].asscalar() == 6
    assert a[0][0].shape == (1,)


def test_other_indices_are_copies(ctx):
    a = grid(ctx, 3, 4)
    column = a[:, 1]
    assert column.asnumpy().tolist() == [1, 5, 9]
    column[:] = 0
    picked = a[nd.array([2, 0], ctx=ctx)]
    picked[:] = 0
    assert a.asnumpy().tolist() == np.arange(12).reshape(3, 4).tolist()
    assert a[::2].asnumpy().tolist() == [[0, 1, 2, 3], [8, 9, 10, 11]]
    assert a[1, 2].asnumpy().tolist() == [6]
    assert a[..., -1].asnumpy().tolist() == [3, 7, 11]
    assert a[[0, 2], [1, 3]].asnumpy().tolist() == [1, 11]
    assert a[1:, 2:].context == ctx


def test_assignment(ctx):
    a = nd.zeros((3, 4), ctx=ctx)
    a[:] = np.arange(4)
    a[1] = nd.array([9, 9, 9, 9], ctx=ctx)
    a[:, 0] = [5, 6, 7]
    a[2, 1:3] = -1
    a[0, 3] = 0.5
    assert a.asnumpy().tolist() == [[5, 1, 2, 0.5], [6, 9, 9, 9], [7, -1, -1, 3]]
    a[:] = nd.ones((3, 4))  # from the host
    assert a.asnumpy().sum() == 12
    whole = nd.zeros((2,), ctx=ctx, dtype="int32")
    whole[:] = 2.9
    assert whole.asnumpy().tolist() == [2, 2]


def test_iteration(ctx):
    assert [row.asnumpy().tolist() for row in grid(ctx, 2, 2)] == [[0, 1], [2, 3]]


def test_reshape_codes(ctx):
    a = grid(ctx, 2, 3, 4)
    cases = {
        (4, 0, 2): (4, 3, 2), (0, -3): (2, 12), (-3, -2): (6, 4), (-4, 1, 2, -2): (1, 2, 3, 4),
        (2, -4, -1, 3, -2): (2, 1, 3, 4), (-1,): (24,), (0, 0, -1): (2, 3, 4),
    }  # fmt: skip
    for codes, shape in cases.items():
        assert a.reshape(codes).shape == shape
        assert a.reshape(shape=codes).shape == shape
    assert a.reshape(6, 4).shape == (6, 4)
    assert grid(ctx, 10, 5, 4).reshape((-1, 0), reverse=True).shape == (50, 4)
    assert a.expand_dims(1).shape == (2, 1, 3, 4)
    assert a.flatten().shape == (2, 12)


# --- arithmetic --------------------------------------------------------------------------------------------
def test_operators_broadcast(ctx):
    x, y = np.arange(6, dtype=np.float32).reshape(2, 3) - 2.5, np.array([[2], [-3]], np.float32)
    a, b = nd.array(x, ctx=ctx), nd.array(y, ctx=ctx)
    cases = [
        (a + b, x + y), (a - b, x - y), (a * b, x * y), (a / b, x / y), (a % b, x % y), (b**2, y**2),
        (2**a, 2**x),
        (1 - a, 1 - x), (1 / b, 1 / y), (5 % b, 5 % y), (-a, -x), (abs(a), abs(x)), (a > b, x > y),
        (a >= 0.5, x >= 0.5),
        (a < b, x < y), (a <= b, x <= y), (a == b, x == y), (a != b, x != y),
        (nd.maximum(a, b), np.maximum(x, y)),
        (nd.add(1, a), 1 + x), (nd.power(2, a), 2**x), (nd.minimum(a, 0), np.minimum(x, 0)),
    ]  # fmt: skip
    for k, (got, want) in enumerate(cases):
        assert got.context == ctx
        np.testing.assert_allclose(got.asnumpy(), want, 1e-5, 1e-6, err_msg=str(k))


def test_arithmetic_in_place(ctx):
    a = grid(ctx, 2, 3)
    view, same = a[1], a
    a += 1
    a *= nd.array([1, 2, 3], ctx=ctx)
    a -= nd.ones((2, 3), ctx=ctx)
    a /= 2
    assert same is a
    want = ((np.arange(6).reshape(2, 3) + 1) * [1, 2, 3] - 1) / 2
    np.testing.assert_allclose(a.asnumpy(), want)
    np.testing.assert_allclose(view.asnumpy(), want[1])


def test_type_of_the_array_rules(ctx):
    whole = nd.array([1, 2], ctx=ctx, dtype="int32")
    assert (whole + 1.5).asnumpy().tolist() == [2, 3]
    assert (whole + 1.5).dtype is np.int32
    assert (whole / 2).asnumpy().tolist() == [0, 1]
    assert nd.array([1.9, -1.9], ctx=ctx).astype("int32").asnumpy().tolist() == [1, -1]
    assert nd.array([-1, 300.5], ctx=ctx).astype("uint8").asnumpy().tolist() == [255, 44]


def test_out_and_aliases(ctx):
    """`out` may be an input, a view of one, or overlap it."""
    a = grid(ctx, 3, 3)
    nd.dot(a, a, out=a)
    np.testing.assert_array_equal(a.asnumpy(), np.arange(9).reshape(3, 3) @ np.arange(9).reshape(3, 3))
    b = grid(ctx, 5)
    nd.broadcast_add(b[:4], b[:4], out=b[1:])
    assert b.asnumpy().tolist() == [0, 0, 2, 4, 6]
    c = grid(ctx, 2, 2)
    nd.transpose(c, out=c)
    assert c.asnumpy().tolist() == [[0, 2], [1, 3]]
    d = nd.zeros((2, 2), ctx=ctx)
    assert nd.concat(c[0], c[1], dim=0, out=d.reshape((4,))).asnumpy().tolist() == [0, 2, 1, 3]
    assert d.asnumpy().tolist() == [[0, 2], [1, 3]]


def test_methods_are_operators(ctx):
    a = grid(ctx, 2, 3)
    assert a.sum().asscalar() == 15
    assert a.sum().shape == (1,)
    assert a.mean(axis=1).asnumpy().tolist() == [1, 4]
    assert a.transpose().shape == (3, 2)
    assert nd.dot(a, a.T).asnumpy().tolist() == [[5, 14], [14, 50]]
    assert nd.concatenate([a, a], axis=0).shape == (4, 3)
    assert [p.asnumpy().tolist() for p in nd.split(a, num_outputs=3, axis=1)] == [
        [[0], [3]],
        [[1], [4]],
        [[2], [5]],
    ]


def test_results_are_new_arrays(ctx):
    """A cached call hands out fresh memory each time."""
    a = grid(ctx, 4)
    first = a * 2
    second = a * 3
    assert first.asnumpy().tolist() == [0, 2, 4, 6]
    assert second.asnumpy().tolist() == [0, 3, 6, 9]
    same = nd.identity(a)
    same[:] = 5
    assert a.asnumpy().tolist() == [0, 1, 2, 3]
    shape_only = nd.reshape(a, shape=(2, 2))
    assert shape_only.asnumpy().tolist() == [[0, 1], [2, 3]]


def test_truth_and_scalars(ctx):
    assert bool(nd.ones((1,), ctx=ctx))
    assert not bool(nd.zeros((1,), ctx=ctx))
    assert nd.array([2.5], ctx=ctx).asscalar() == 2.5
    a = nd.ones((1,), ctx=ctx)
    assert len({a, a}) == 1


# --- copies ------------------------------------------------------------------------------------------------
def test_copies(ctx):
    a = grid(ctx, 2, 2)
    b = a.copy()
    b[:] = 0
    assert a.asnumpy().sum() == 6
    target = nd.zeros((2, 2), ctx=ctx, dtype="int32")
    assert (a + 0.75).copyto(target) is target
    assert target.asnumpy().tolist() == [[0, 1], [2, 3]]
    assert a.as_in_context(ctx) is a
    host = a.as_in_context(mx.cpu(3))
    assert host.context == mx.cpu(3)
    assert host.asnumpy().tolist() == a.asnumpy().tolist()
    assert host.copyto(ctx).context == ctx
    assert a.astype("float32", copy=False) is a
    assert a.astype("float32") is not a
    a.wait_to_read()
    nd.waitall()


def test_numpy_sees_the_array(ctx):
    a = grid(ctx, 2, 2)
    assert np.asarray(a).tolist() == [[0, 1], [2, 3]]
    assert np.array(a, dtype="int64").dtype == np.int64
    host = a.asnumpy()
    host[:] = 9
    assert a.asnumpy().sum() == 6
    mixed = np.ones((2, 2), np.float32)
    with pytest.raises(TypeError):
        mixed + a


def test_pickle(ctx):
    a = pickle.loads(pickle.dumps(grid(ctx, 2, 2, dtype="int32")))
    assert (a.context, a.dtype, a.asnumpy().tolist()) == (ctx, np.int32, [[0, 1], [2, 3]])


def test_files(ctx, tmp_path):
    path = str(tmp_path / "a.nd")
    nd.save(path, {"a": grid(ctx, 2, 2), "b": grid(ctx, 3)[1:]})
    found = nd.load(path)
    assert found["a"].asnumpy().tolist() == [[0, 1], [2, 3]]
    assert found["b"].asnumpy().tolist() == [1, 2]
    assert found["a"].context == mx.cpu()
    nd.save(path, grid(ctx, 2))
    assert [a.asnumpy().tolist() for a in nd.load(path)] == [[0, 1]]


def test_empty_arrays_under_np_shape(ctx):
    with mx.util.np_shape():
        a = nd.zeros((0, 3), ctx=ctx)
        assert a.asnumpy().shape == (0, 3)
        assert (a + 1).shape == (0, 3)
        assert nd.concat(a, nd.ones((2, 3), ctx=ctx), dim=0).asnumpy().tolist() == [[1, 1, 1]] * 2


def test_random_numbers_are_mxnets():
    """MXNet's stream: MT19937 with seed s * 127 + i for generator i, one draw over 2^32 a number."""
    mx.random.seed(7)
    got = mx.nd.random.uniform(0, 1, shape=(128,)).asnumpy()
    want = []
    for i in range(2):
        draws = np.random.RandomState(7 * 127 + i).randint(0, 2**32, 64, dtype=np.uint64)
        want += [float(np.float32(np.float32(d) * np.float32(2.0**-32))) for d in draws]
    np.testing.assert_allclose(got, want, 1e-7)
    assert got.min() >= 0
    assert got.max() < 1


def test_memory_is_given_back(ctx):
    """Arrays die with their last reference, arguments and results of cached calls included."""
    megabytes = 8
    a = nd.ones((megabytes << 18,), ctx=ctx)
    (a * 2).wait_to_read()
    device = ctx.device
    if device.kind == "cpu":
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    else:
        before = device.allocated >> 20
    for k in range(50):
        ((a * k) + 1).wait_to_read()
    if device.kind == "cpu":
        after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    else:
        after = device.allocated >> 20
    assert after - before < 10 * megabytes
