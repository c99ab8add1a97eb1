"""Methods and module functions of NDArrays: MXNet's names, signatures, results and refusals."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

import cysym as mx
from cysym.symbol.fluent import FLUENT

nd = mx.nd


def grid(ctx, *shape, dtype="float32"):
    return nd.array(np.arange(np.prod(shape)).reshape(shape), ctx=ctx, dtype=dtype)


# --- methods -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", FLUENT)
def test_fluent_methods_are_there(name):
    """`a.name(...)` is `mx.nd.name(a, ...)`, with a signature and a docstring; a Symbol has it, too."""
    method, function = getattr(nd.NDArray, name), getattr(nd, name)
    assert method.__doc__
    assert method.__name__ == name
    parameters = list(inspect.signature(method).parameters.values())
    assert parameters[0].name == "self"
    if name not in ("broadcast_like", "broadcast_to", "expand_dims", "flatten", "squeeze"):  # its own
        own = [p.name for p in inspect.signature(function).parameters.values()]
        assert [p.name for p in parameters[1:]] in (own[1:], own)
    assert callable(getattr(mx.sym.Symbol, name))


def test_fluent_methods_compute(ctx):
    a = grid(ctx, 2, 3)
    cases = [
        (a.argmax(axis=1), [2, 2]), (a.sum(axis=0), [3, 5, 7]), (a.clip(1, 4), [[1, 1, 2], [3, 4, 4]]),
        (a.slice_axis(axis=1, begin=0, end=2), [[0, 1], [3, 4]]), (a.square(), [[0, 1, 4], [9, 16, 25]]),
        (a.take(nd.array([1], ctx=ctx)), [[3, 4, 5]]), (a.swapaxes(0, 1), [[0, 3], [1, 4], [2, 5]]),
        (a.pick(nd.array([0, 2], ctx=ctx), axis=1), [0, 5]), (a.zeros_like(), [[0] * 3] * 2), (a.max(), [5]),
        (a.split(num_outputs=3, axis=1)[1], [[1], [4]]), (a.expand_dims(0), [[[0, 1, 2], [3, 4, 5]]]),
        (a.split_v2(2)[1], [[3, 4, 5]]), (a.broadcast_to(shape=(2, 3)), [[0, 1, 2], [3, 4, 5]]),
    ]  # fmt: skip
    for k, (got, want) in enumerate(cases):
        assert got.context == ctx
        assert got.asnumpy().tolist() == want, k
    out = nd.zeros((2, 3), ctx=ctx)
    assert a.square(out=out) is out
    assert out.asnumpy().sum() == 55


def test_mxnets_views_and_copies(ctx):
    """reshape is a view; expand_dims, flatten and squeeze are where `inplace` says so."""
    for change, inplace in (("expand_dims", {"axis": 0}), ("flatten", {}), ("squeeze", {})):
        for is_view in (False, True):
            a = grid(ctx, 1, 3, 2)
            part = getattr(a, change)(**inplace, inplace=is_view)
            part[:] = -1
            assert bool((a.asnumpy() == -1).any()) is is_view, change
    a = grid(ctx, 1, 3, 1)
    assert a.squeeze(axis=0, inplace=True).shape == a.squeeze(axis=0).shape == (3, 1)
    assert grid(ctx, 3).flatten().shape == grid(ctx, 3).flatten(inplace=True).shape == (3, 1)
    for inplace in (False, True):
        with pytest.raises(mx.MXNetError):
            grid(ctx, 1, 3).squeeze(axis=1, inplace=inplace)
        with pytest.raises(mx.MXNetError):
            a.expand_dims(9, inplace=inplace)


def test_reshape_refuses(ctx):
    a = grid(ctx, 2, 2)
    for wrong in ((3,), (2,), (-1, -1), (-1, 3), (-9,), (5, -4, 2, 2), (0, 0, 0), (2**40, 2**40)):
        with pytest.raises((mx.MXNetError, ValueError)):
            a.reshape(wrong)
    for call in (
        lambda: a.reshape(),
        lambda: a.reshape(shap=2),
        lambda: a.reshape(2.5, 2),
        lambda: a.reshape("x"),
    ):
        with pytest.raises(TypeError):
            call()
    assert a.reshape(shape=4).shape == a.reshape([4]).shape == (4,)
    with mx.util.np_shape():
        assert nd.zeros((0, 2), ctx=ctx).reshape((0, 2, 1)).shape == (0, 2, 1)
        assert grid(ctx, 1).reshape(()).shape == ()


def test_conversions(ctx):
    a = grid(ctx, 2, 2)
    assert a.as_nd_ndarray() is a.tostype("default") is a
    assert a.writable is True
    with pytest.raises(mx.MXNetError):
        a.tostype("csr")
    with pytest.raises(mx.MXNetError):
        a.as_np_ndarray()
    with pytest.raises(mx.MXNetError):
        a.astype("foo")
    with pytest.raises(TypeError):
        a.copyto(np.ones((2, 2)))
    with pytest.raises((mx.MXNetError, ValueError)):
        a.copyto(nd.zeros((3,), ctx=ctx))
    assert a.asnumpy().tolist() == [[0, 1], [2, 3]]


def test_in_place_refusals_leave_the_array(ctx):
    a = grid(ctx, 2)
    for other in (nd.ones((2, 2), ctx=ctx), nd.ones((3,), ctx=ctx), nd.ones((2,), ctx=ctx, dtype="int32")):
        with pytest.raises(mx.MXNetError):
            a += other
    for other in (None, "x", [1, 2], np.ones(2), 1j):
        with pytest.raises(TypeError):
            a -= other
    assert a.asnumpy().tolist() == [0, 1]
    whole = grid(ctx, 2, dtype="int32")
    same = whole
    whole += 1.5
    whole *= nd.array([2, 3], ctx=ctx, dtype="int32")
    whole %= 5
    assert same is whole
    assert whole.asnumpy().tolist() == [2, 1]


# --- functions ---------------------------------------------------------------------------------------------
def test_number_ranges(ctx):
    assert nd.linspace(0, 1, 5, ctx=ctx).asnumpy().tolist() == [0, 0.25, 0.5, 0.75, 1]
    assert nd.linspace(0, 1, 4, endpoint=False, ctx=ctx).asnumpy().tolist() == [0, 0.25, 0.5, 0.75]
    assert nd.linspace(0, 9, 4, dtype="int32", ctx=ctx).asnumpy().tolist() == [0, 3, 6, 9]
    assert nd.linspace(2, 9, 1).asnumpy().tolist() == [2]
    assert nd.linspace(2, 9, 0).shape == (0,)
    assert nd.eye(2, 3, 1, ctx=ctx, dtype="int32").asnumpy().tolist() == [[0, 1, 0], [0, 0, 1]]
    assert nd.eye(2).asnumpy().tolist() == [[1, 0], [0, 1]]
    assert nd.arange(5, 0, -2, ctx=ctx).asnumpy().tolist() == [5, 3, 1]
    assert nd.arange(3, dtype="int32").asnumpy().tolist() == [0, 1, 2]
    np.testing.assert_allclose(nd.arange(0, 1, 0.3, ctx=ctx).asnumpy(), [0, 0.3, 0.6, 0.9], 1e-6)
    for wrong in ((3, 3), (5, 2), (0, 3, 0), (np.nan,), (0, 3, 1, 0), (0, np.inf)):
        with pytest.raises(mx.MXNetError):
            nd.arange(*wrong, ctx=ctx)
    with pytest.raises(mx.MXNetError):
        nd.linspace(0, 1, -1)
    with pytest.raises(mx.MXNetError):
        nd.eye(-1)


def test_makers_refuse(ctx):
    for wrong in ((-1, 2), (0, 2), (), (2**40, 2**40)):
        for maker in (nd.zeros, nd.ones, nd.empty):
            with pytest.raises(mx.MXNetError):
                maker(wrong, ctx=ctx)
    for wrong in ((2.0,), ("2",), (True,)):
        with pytest.raises(TypeError):
            nd.zeros(wrong)
    for wrong in ("x", None, [[1], [1, 2]], 1j, [None], {}, object()):
        with pytest.raises(TypeError):
            nd.array(wrong, ctx=ctx)
    with pytest.raises(TypeError):
        nd.zeros((2,), bogus=1)
    with pytest.raises(mx.MXNetError):
        nd.zeros((2,), stype="csr")
    with pytest.raises(mx.MXNetError):
        nd.zeros((2,), dtype="complex64")
    with pytest.raises(TypeError):
        nd.zeros((2,), ctx="cpu")
    assert nd.array([], ctx=ctx).shape == (0,)
    assert nd.array([300, -1], ctx=ctx, dtype="uint8").asnumpy().tolist() == [44, 255]
    assert nd.array([nd.ones((2,)), nd.zeros((2,))]).asnumpy().tolist() == [[1, 1], [0, 0]]
    assert nd.array(np.ones((4, 4))[::2, ::-1].T, ctx=ctx).shape == (4, 2)
    out = nd.zeros((2,), ctx=ctx)
    assert nd.full((2,), 7, out=out) is out
    assert nd.ones((2,), out=out).asnumpy().tolist() == [1, 1]
    assert nd.zeros((2,), out=out).asnumpy().tolist() == [0, 0]
    assert nd.full((2,), 7, ctx=ctx, dtype="int64").dtype is np.int64


def test_moveaxis(ctx):
    a = grid(ctx, 2, 3, 4)
    for source, to in ((0, 2), (-1, 0), ([0, 1], [-1, 0]), ((2, 0), (0, 1))):
        np.testing.assert_array_equal(
            nd.moveaxis(a, source, to).asnumpy(), np.moveaxis(a.asnumpy(), source, to)
        )
    for source, to in (([0, 1], [-1]), ([0, 0], [0, 1]), (5, 1), (0, 3), ([0, 1], [1, 1])):
        with pytest.raises(ValueError):
            nd.moveaxis(a, source, to)


def test_concatenate(ctx):
    a = grid(ctx, 2, 2)
    assert nd.concatenate([a, a], axis=1).asnumpy().tolist() == [[0, 1, 0, 1], [2, 3, 2, 3]]
    assert nd.concatenate([a], always_copy=False) is a
    assert nd.concatenate((a,)) is not a
    for wrong in ([], a, [a, 1], [a, a.astype("int32")]):
        with pytest.raises(TypeError):
            nd.concatenate(wrong)
    with pytest.raises(mx.MXNetError):
        nd.concatenate([a, grid(ctx, 3, 3)])


def test_split_v2(ctx):
    a = grid(ctx, 2, 6)
    assert [p.shape for p in nd.split_v2(a, (1, 3), axis=1)] == [(2, 1), (2, 2), (2, 3)]
    assert [p.asnumpy().tolist() for p in nd.split_v2(a, 3, axis=-1)] == [
        [[0, 1], [6, 7]], [[2, 3], [8, 9]], [[4, 5], [10, 11]],
    ]  # fmt: skip
    assert [p.shape for p in nd.split_v2(a, 2, squeeze_axis=True)] == [(6,), (6,)]
    assert nd.split_v2(a, 1).shape == (2, 6)
    for wrong in (4, 0, -1, "x", [1], 2.0, True):
        with pytest.raises(ValueError):
            nd.split_v2(a, wrong, axis=1)
    with pytest.raises(ValueError):
        nd.split_v2(a, 2, axis=2)


def test_histogram(ctx):
    a = grid(ctx, 10)
    counts, edges = nd.histogram(a, bins=5, range=(0, 10))
    assert counts.asnumpy().tolist() == [2] * 5
    assert edges.asnumpy().tolist() == [0, 2, 4, 6, 8, 10]
    assert nd.histogram(a, bins=3)[0].asnumpy().tolist() == [3, 3, 4]
    assert nd.histogram(a, bins=nd.array([0, 2, 5, 10], ctx=ctx))[0].asnumpy().tolist() == [2, 3, 5]
    for wrong in ("x", 2.5, True):
        with pytest.raises(ValueError):
            nd.histogram(a, bins=wrong)


def test_onehot_encode(ctx):
    out = nd.ones((2, 3), ctx=ctx)
    assert nd.onehot_encode(nd.array([1, 0], ctx=ctx), out) is out
    assert out.asnumpy().tolist() == [[0, 1, 0], [1, 0, 0]]
    with pytest.raises(mx.MXNetError):
        nd.onehot_encode(nd.ones((2, 2), ctx=ctx), out)


def test_what_is_not_there_says_so():
    with pytest.raises(mx.MXNetError, match="imdecode"):
        nd.imdecode(b"")
    with pytest.raises(mx.MXNetError, match="Gluon"):
        nd.CachedOp(None)


PAIRS = {
    "add": np.add, "subtract": np.subtract, "multiply": np.multiply, "divide": np.divide,
    "true_divide": np.divide, "modulo": np.mod, "power": np.power, "maximum": np.maximum,
    "minimum": np.minimum, "hypot": np.hypot,
    "equal": np.equal, "not_equal": np.not_equal, "greater": np.greater, "greater_equal": np.greater_equal,
    "lesser": np.less, "lesser_equal": np.less_equal, "logical_and": np.logical_and,
    "logical_or": np.logical_or,
    "logical_xor": np.logical_xor,
}  # fmt: skip


@pytest.mark.parametrize("name", PAIRS)
def test_functions_of_arrays_and_numbers(ctx, name):
    function, want = getattr(nd, name), PAIRS[name]
    x, y = np.array([[0, 1, 2.5]], np.float32), np.array([[1], [2], [4]], np.float32)
    a, b = nd.array(x, ctx=ctx), nd.array(y, ctx=ctx)
    for got, expected in (
        (function(a, b), want(x, y)), (function(b, 2), want(y, 2)), (function(2, b), want(2, y)),
        (function(np.float32(3), b), want(3, y)), (function(b, np.int64(2)), want(y, 2)),
    ):  # fmt: skip
        assert got.dtype is np.float32
        np.testing.assert_allclose(got.asnumpy(), expected.astype(np.float32), 1e-5)
    assert function(7, 4) == want(7, 4)
    assert not isinstance(function(7, 4), nd.NDArray)
    for wrong in (None, "x", [1], np.ones(3), 1j):
        with pytest.raises(TypeError):
            function(a, wrong)
        with pytest.raises(TypeError):
            function(wrong, a)
    assert function.__doc__


def test_symbols_have_the_functions_too(ctx):
    x, a = mx.sym.Variable("x"), grid(ctx, 2, 6)
    parts = mx.sym.split_v2(x, (1, 3), axis=1)
    assert [p.shape for p in parts.eval(ctx, x=a)] == [(2, 1), (2, 2), (2, 3)]
    assert x.split_v2(2).eval(ctx, x=a)[1].asnumpy().tolist() == [[6, 7, 8, 9, 10, 11]]
    counts, edges = mx.sym.histogram(x, bins=3, range=(0, 12)).eval(ctx, x=a)
    assert counts.asnumpy().tolist() == [4, 4, 4]
    assert edges.asnumpy().tolist() == [0, 4, 8, 12]
    assert mx.sym.linspace(0, 1, 3).eval(ctx)[0].asnumpy().tolist() == [0, 0.5, 1]
    assert mx.sym.eye(2).eval(ctx)[0].asnumpy().tolist() == [[1, 0], [0, 1]]
    np.testing.assert_allclose(mx.sym.hypot(x, 3).eval(ctx, x=a)[0].asnumpy(), np.hypot(a.asnumpy(), 3), 1e-6)
    assert mx.sym.hypot(3, 4) == 5
    for wrong in ("x", [1], 2.0):
        with pytest.raises(ValueError):
            mx.sym.split_v2(x, wrong)
    for wrong in ({"bins": 3}, {"bins": "x"}):
        with pytest.raises(ValueError):
            mx.sym.histogram(x, **wrong)
