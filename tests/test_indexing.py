"""Indexing operators: what generated cases cannot show.

Errors that come while a program runs, results whose shape depends on values, sorting of long rows.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from conftest import contexts

import cysym as mx
from cysym.base import IndexRangeError
from cysym.ops import gather, sort

EVERYWHERE = pytest.mark.parametrize("ctx", contexts(), ids=str)
NAN = float("nan")


def array(values: Any, ctx: Any, dtype: str = "float32") -> Any:
    return mx.nd.array(values, ctx=ctx, dtype=dtype)


# Operator, parameters, inputs, what the message says.
OUTSIDE: list[tuple[str, dict[str, Any], list[Any], str]] = [
    (
        "gather_nd",
        {},
        [np.ones((2, 3)), [[0, 2], [0, 0]]],
        "gather_nd: index 2 .* axis 0 with size 2 .number 1",
    ),
    ("gather_nd", {}, [np.ones((2, 3)), [[0], [-4]]], "index -4 is out of bounds for axis 1 with size 3"),
    ("gather_nd", {}, [np.ones((2, 3)), [[NAN], [0]]], "out of bounds for axis 0"),
    ("gather_nd", {}, [np.ones((2, 3)), [[1e30], [0]]], "out of bounds for axis 0"),
    ("scatter_nd", {"shape": (2, 3)}, [[1.0], [[0], [3]]], "scatter_nd: index 3 .* axis 1"),
    ("_backward_gather_nd", {"shape": (2, 3)}, [[1.0], [[0], [3]]], "index 3"),
    ("_scatter_set_nd", {"shape": (2, 3)}, [np.ones((2, 3)), [1.0], [[-3], [0]]], "index -3"),
    ("take", {"mode": "raise"}, [np.ones(3), [0, 3]], "take operator contains indices out of bound: index 3"),
    ("take", {"mode": "raise", "axis": 1}, [np.ones((2, 3)), [-1]], "index -1"),
    ("_contrib_index_copy", {}, [np.ones((2, 3)), [2], np.ones((1, 3))], "_contrib_index_copy: index 2"),
]


@EVERYWHERE
@pytest.mark.parametrize(("op", "params", "inputs", "message"), OUTSIDE)
def test_an_index_outside(op: str, params: Any, inputs: Any, message: str, ctx: Any) -> None:
    """One error that is an IndexError, too; `out=` keeps what it held; the next call works."""
    arrays = [array(values, ctx) for values in inputs]
    function = getattr(mx.nd, op, None) or getattr(mx.nd._internal, op)
    with pytest.raises(IndexRangeError, match=message) as raised:
        function(*arrays, **params)
    assert isinstance(raised.value, IndexError)
    assert isinstance(raised.value, mx.MXNetError)
    at = 2 if op == "_scatter_set_nd" else 1
    good = list(arrays)
    good[at] = mx.nd.zeros_like(arrays[at])
    place = mx.nd.full(function(*good, **params).shape, 7, ctx=ctx)
    with pytest.raises(IndexRangeError):
        function(*arrays, **params, out=place)
    assert (place.asnumpy() == 7).all()
    function(*good, **params, out=place)
    assert not (place.asnumpy() == 7).any()


@EVERYWHERE
def test_an_index_outside_inside_a_graph(ctx: Any) -> None:
    """The node is named, and the executor goes on working."""
    x, i = mx.sym.Variable("x"), mx.sym.Variable("i")
    total = mx.sym.sum(mx.sym.take(x, i, mode="raise", name="taken"))
    net = mx.sym.broadcast_add(mx.sym.gather_nd(x * 2, i, name="lookup"), total)
    executor = net.simple_bind(ctx, x=(5,), i=(1, 2))
    executor.arg_dict["x"][:] = np.arange(5)
    for wrong, node in ((7, "lookup"), (-1, "taken")):
        executor.arg_dict["i"][:] = np.array([[1, wrong]])
        with pytest.raises(IndexRangeError, match=rf"\(node {node}\): index {wrong}"):
            executor.forward(is_train=True)
    executor.arg_dict["i"][:] = np.array([[1, 4]])
    np.testing.assert_array_equal(executor.forward(is_train=True)[0].asnumpy(), [7, 13])
    executor.backward(array([1, 10], ctx))
    np.testing.assert_array_equal(executor.grad_dict["x"].asnumpy(), [0, 13, 0, 0, 31])


SHAPES: list[tuple[str, dict[str, Any], list[tuple[int, ...]], str]] = [
    ("gather_nd", {}, [(2, 3), (2,)], "at least 2 dimensions"),
    ("gather_nd", {}, [(2, 3), (3, 1)], "Number of indices exceeds data dimension"),
    ("scatter_nd", {"shape": (2, 3)}, [(2,), (3, 2)], "Number of indices exceeds output dimension"),
    ("scatter_nd", {"shape": (2, 3)}, [(3,), (2, 2)], "Invalid data, indices, and output shape combination"),
    ("scatter_nd", {"shape": (2**40, 2**40)}, [(2,), (2, 2)], "too large"),
    ("_scatter_set_nd", {"shape": (2, 3)}, [(2, 4), (2,), (2, 2)], "Shape inconsistent"),
    ("batch_take", {}, [(2, 3, 4), (2,)], "2 dimensions"),
    ("_contrib_index_copy", {}, [(5, 3), (2,), (3, 3)], "Shape inconsistent"),
    ("_contrib_index_copy", {}, [(5, 3), (2, 1), (2, 3)], "vector"),
    ("fill_element_0index", {}, [(3, 3), (2,), (3,)], "Shape inconsistent"),
    ("argmax_channel", {}, [(3,)], "axis 1"),
    ("sort", {"axis": 2}, [(3, 4)], "axis 2 exceeds"),
    ("topk", {"k": 9}, [(3, 4)], "k must be smaller than 4, get k = 9"),
    ("topk", {"axis": -3}, [(3, 4)], "axis -3 exceeds"),
    ("argsort", {"dtype": "uint8"}, [(257,)], "uint8 cannot hold the indices of 257 elements"),
    ("_ravel_multi_index", {"shape": (7, 6)}, [(3,)], "two-dimensional"),
    ("_ravel_multi_index", {"shape": (7, 6)}, [(3, 2)], "does not match shape parameter"),
    ("_ravel_multi_index", {}, [(3, 2)], "Empty shape"),
    ("_unravel_index", {"shape": (7, 0)}, [(3,)], "above 0"),
    ("_histogram", {"bin_cnt": 4}, [(3,)], "both or neither"),
    ("_histogram", {"bin_cnt": 0, "range": (0, 1)}, [(3,)], "at least 1"),
    ("_histogram", {"bin_cnt": 2, "range": (1, 0)}, [(3,)], "two finite rising numbers"),
    ("_histogram", {}, [(3,), (1,)], "at least 2 bounds"),
]


@pytest.mark.parametrize(("op", "params", "shapes", "message"), SHAPES)
def test_what_does_not_fit(op: str, params: Any, shapes: Any, message: str) -> None:
    """One error, the same for arrays and, where the shapes matter, for symbols."""
    function = getattr(mx.nd._internal, op)
    with pytest.raises(mx.MXNetError, match=message):
        function(*(mx.nd.zeros(shape) for shape in shapes), **params)
    variables = [mx.sym.Variable(f"v{k}") for k in range(len(shapes))]
    given = {f"v{k}": shape for k, shape in enumerate(shapes)}
    with pytest.raises(mx.MXNetError, match=message):
        getattr(mx.sym._internal, op)(*variables, **params).infer_shape(**given)


def test_a_range_beyond_the_type() -> None:
    with pytest.raises(mx.MXNetError, match="uint8 cannot hold the range"):
        mx.nd._internal._histogram(mx.nd.zeros((3,), dtype="uint8"), bin_cnt=2, range=(-1, 5))


@EVERYWHERE
def test_boolean_mask(ctx: Any) -> None:
    data = array(np.arange(15).reshape(5, 3), ctx)
    mask = array([0, 1, NAN, 0, -2], ctx)
    np.testing.assert_array_equal(mx.nd.contrib.boolean_mask(data, mask).asnumpy(), data.asnumpy()[[1, 2, 4]])
    columns = mx.nd.contrib.boolean_mask(data, array([1, 0, 1], ctx, "int32"), axis=1)
    np.testing.assert_array_equal(columns.asnumpy(), data.asnumpy()[:, [0, 2]])
    assert mx.nd.contrib.boolean_mask(data, mx.nd.zeros_like(mask)).shape == (0, 3)
    with pytest.raises(mx.MXNetError, match="index must have shape"):
        mx.nd.contrib.boolean_mask(data, array([1, 0], ctx))
    with pytest.raises(mx.MXNetError, match="axis 2"):
        mx.nd.contrib.boolean_mask(data, mask, axis=2)
    with pytest.raises(AttributeError, match="depends on data"):
        mx.sym.contrib.boolean_mask  # noqa: B018


@EVERYWHERE
def test_boolean_mask_has_a_gradient(ctx: Any) -> None:
    data = array([1, 2, 3], ctx)
    data.attach_grad()
    with mx.autograd.record():
        result = mx.nd.contrib.boolean_mask(data * data, array([1, 0, 1], ctx))
    result.backward()
    np.testing.assert_array_equal(data.grad.asnumpy(), [2, 0, 6])


@EVERYWHERE
@pytest.mark.parametrize("dtype", ["float32", "float64", "uint8", "int64"])
@pytest.mark.parametrize("is_ascend", [True, False])
def test_many_chunks(dtype: str, is_ascend: bool, ctx: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows of several chunks are merged, or thinned out when few are wanted: one stable order."""
    monkeypatch.setitem(sort.CHUNK, "cpu", 64)
    monkeypatch.setitem(sort.TILE, "cpu", 8)
    mx.nd.imperative.invoker.clear()
    rng = np.random.default_rng(11)
    n = 1061 if ctx == mx.cpu() else 5003
    values = rng.integers(0, 200, (3, n)).astype(dtype)
    if values.dtype.kind == "f":
        values[1, ::7], values[2, 5], values[0, 9] = NAN, -np.inf, np.inf
    order = np.argsort(values if is_ascend else -values.astype(np.float64), axis=1, kind="stable")
    x = array(values, ctx, dtype)
    got = mx.nd.argsort(x, is_ascend=is_ascend, dtype="int32").asnumpy()
    np.testing.assert_array_equal(got, order)
    for k in (1, 3, 8, 9, 200):
        first = mx.nd.topk(x, k=k, is_ascend=is_ascend, dtype="int32").asnumpy()
        np.testing.assert_array_equal(first, order[:, :k])
    mx.nd.imperative.invoker.clear()


@EVERYWHERE
@pytest.mark.parametrize("mode", ["clip", "wrap"])
def test_sums_by_sorting_are_the_sums_in_order(mode: str, ctx: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways to the gradient of take add up what came from one place in the same order: bit for bit."""
    rng = np.random.default_rng(5)
    i, g = rng.integers(-3, 20, 301), rng.standard_normal((2, 301, 3))
    found = []
    for columns in (0, 2**40):
        monkeypatch.setitem(gather.COLUMNS, ctx.device.kind, columns)
        taken = mx.sym.take(mx.sym.Variable("a"), mx.sym.Variable("i"), axis=1, mode=mode)
        executor = taken.simple_bind(ctx, grad_req={"a": "write", "i": "null"}, a=(2, 17, 3), i=(301,))
        executor.arg_dict["i"][:] = i
        executor.forward(is_train=True)
        executor.backward(array(g, ctx))
        found.append(executor.grad_dict["a"].asnumpy())
    want = np.zeros((2, 17, 3))
    np.add.at(want, (slice(None), np.clip(i, 0, 16) if mode == "clip" else i % 17), g)
    np.testing.assert_allclose(found[0], want, atol=1e-5)
    assert found[0].tobytes() == found[1].tobytes()


@EVERYWHERE
def test_nothing_at_all(ctx: Any) -> None:
    """Empty arrays go through."""
    with mx.util.np_shape():
        nothing = mx.nd.zeros((3, 0), ctx=ctx)
        assert mx.nd.sort(nothing).shape == (3, 0)
        assert mx.nd.argsort(nothing, axis=0).shape == (3, 0)
        none = mx.nd.zeros((2, 0), ctx=ctx)
        assert mx.nd.gather_nd(mx.nd.ones((2, 3), ctx=ctx), none).shape == (0,)
        assert (mx.nd.scatter_nd(mx.nd.zeros((0,), ctx=ctx), none, shape=(2, 3)).asnumpy() == 0).all()
        assert mx.nd.take(mx.nd.ones((2, 3), ctx=ctx), mx.nd.zeros((0,), ctx=ctx), mode="raise").shape == (
            0,
            3,
        )
        with pytest.raises(mx.MXNetError, match="no elements"):
            mx.nd.take(nothing, mx.nd.zeros((1,), ctx=ctx), axis=1)
        with pytest.raises(mx.MXNetError, match="k must be smaller"):
            mx.nd.topk(nothing)
        counts, _ = mx.nd._internal._histogram(nothing, bin_cnt=3, range=(0, 1))
        assert counts.asnumpy().tolist() == [0, 0, 0]


# Function, inputs, the gradient of |gradient of |output|^2|^2: 8 times the inputs where a place is read once.
TWICE: list[tuple[str, Any, list[Any], list[Any]]] = [
    ("take", lambda a: mx.nd.take(a, mx.nd.array([0, 2, 2], a.ctx)), [[1, 2, 3]], [[8, 0, 96]]),
    ("gather_nd", lambda a: mx.nd.gather_nd(a, mx.nd.array([[0, 2, 2]], a.ctx)), [[1, 2, 3]], [[8, 0, 96]]),
    (
        "where",
        lambda a, b: mx.nd.where(mx.nd.array([1, 0], a.ctx), a, b),
        [[1, 2], [4, 5]],
        [[8, 0], [0, 40]],
    ),
    ("pick", lambda a: mx.nd.pick(a, mx.nd.array([1, 0], a.ctx)), [[[1, 2], [3, 4]]], [[[0, 16], [24, 0]]]),
    (
        "batch_take",
        lambda a: mx.nd.batch_take(a, mx.nd.array([1, 0], a.ctx, "int32")),
        [[[1, 2], [3, 4]]],
        [[[0, 16], [24, 0]]],
    ),
    ("sort", lambda a: mx.nd.sort(a, is_ascend=False), [[3, 1, 2]], [[24, 8, 16]]),
    ("topk", lambda a: mx.nd.topk(a, k=2, ret_typ="value"), [[3, 1, 2]], [[24, 0, 16]]),
    (
        "Embedding",
        lambda w: mx.nd.Embedding(mx.nd.array([0, 0], w.ctx), w, input_dim=2, output_dim=1),
        [[[1], [2]]],
        [[[32], [0]]],
    ),
    (
        "scatter_nd",
        lambda a: mx.nd.scatter_nd(a, mx.nd.array([[0, 2]], a.ctx), shape=(4,)),
        [[1, 2]],
        [[8, 16]],
    ),
    (
        "index_copy",
        lambda a, b: mx.nd.contrib.index_copy(a, mx.nd.array([1], a.ctx), b),
        [[1, 2, 3], [7]],
        [[8, 0, 24], [56]],
    ),
    (
        "fill_element_0index",
        lambda a, b: mx.nd.fill_element_0index(a, b, mx.nd.array([1, 0], a.ctx)),
        [[[1, 2], [3, 4]], [5, 6]],
        [[[8, 0], [0, 32]], [40, 48]],
    ),
]


@EVERYWHERE
@pytest.mark.parametrize(
    ("function", "inputs", "want"), [row[1:] for row in TWICE], ids=[r[0] for r in TWICE]
)
def test_gradients_of_gradients(function: Any, inputs: Any, want: Any, ctx: Any) -> None:
    arrays = [array(values, ctx) for values in inputs]
    for a in arrays:
        a.attach_grad()
    with mx.autograd.record():
        output = function(*arrays)
        grads = mx.autograd.grad((output * output).sum(), arrays, create_graph=True, retain_graph=True)
        total = sum([(g * g).sum() for g in grads[1:]], (grads[0] * grads[0]).sum())
    total.backward()
    for a, expected in zip(arrays, want, strict=True):
        np.testing.assert_array_equal(a.grad.asnumpy(), expected)
