"""Normalisation and loss operators where a case with a reference cannot reach: masks that are drawn, float16
beside float32, empty arrays, and parameters and shapes that must be refused.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from conftest import contexts

import cysym as mx
from cysym import nd
from cysym.base import MXNetError

EVERYWHERE = pytest.mark.parametrize("ctx", contexts(), ids=str)
BOUNDS = {"act_type": "rrelu", "lower_bound": 0.25, "upper_bound": 0.75}


def trained(symbol: Any, ctx: Any, data: Any, head: Any) -> tuple[list[Any], Any]:
    """Outputs and gradient of one training step, from the random stream's start."""
    mx.random.seed(11)
    x = nd.array(data, ctx=ctx, dtype=data.dtype)
    grad = nd.zeros(data.shape, ctx=ctx, dtype=data.dtype)
    executor = symbol.bind(ctx, {"data": x}, {"data": grad})
    outputs = [o.asnumpy() for o in executor.forward(is_train=True)]
    heads = [nd.array(head, ctx=ctx, dtype=data.dtype) for _ in outputs]
    executor.backward(heads)
    return outputs, grad.asnumpy()


@EVERYWHERE
@pytest.mark.parametrize("dtype", ["float32", "float64", "float16"])
def test_random_slopes_are_kept_for_the_gradient(ctx: Any, dtype: str, rng: np.random.Generator) -> None:
    symbol = mx.sym.LeakyReLU(mx.sym.Variable("data"), **BOUNDS)
    data, head = (rng.standard_normal((7, 131)).astype(dtype) for _ in range(2))
    (output, mask), grad = trained(symbol, ctx, data, head)
    assert 0.25 <= mask[data <= 0].min() < 0.3 < 0.7 < mask[data <= 0].max() <= 0.75
    np.testing.assert_array_equal(output, data * mask)
    np.testing.assert_array_equal(grad, head * mask)


@EVERYWHERE
def test_random_slopes_are_drawn_anew(ctx: Any) -> None:
    executor = mx.sym.LeakyReLU(mx.sym.Variable("data"), **BOUNDS).simple_bind(ctx, data=(5, 7))
    executor.arg_dict["data"][:] = -1
    first, second = (executor.forward(is_train=True)[0].asnumpy() for _ in range(2))
    assert (first != second).any()
    executor.backward([nd.ones((5, 7), ctx=ctx), nd.zeros((5, 7), ctx=ctx)])
    np.testing.assert_array_equal(executor.grad_dict["data"].asnumpy(), -second)
    np.testing.assert_array_equal(executor.forward(is_train=False)[0].asnumpy(), np.full((5, 7), -0.5))


@EVERYWHERE
@pytest.mark.parametrize("axes", [(), (0,)])
def test_dropout_of_float16_draws_the_mask_of_float32(
    ctx: Any, axes: tuple[int, ...], rng: np.random.Generator
) -> None:
    symbol = mx.sym.Dropout(mx.sym.Variable("data"), p=0.5, axes=axes)
    data, head = (rng.integers(1, 9, (17, 131)) for _ in range(2))
    (single,), single_grad = trained(symbol, ctx, data.astype(np.float32), head)
    (half,), half_grad = trained(symbol, ctx, data.astype(np.float16), head)
    assert half.dtype == half_grad.dtype == np.float16
    np.testing.assert_array_equal(half, single)  # small whole numbers doubled: exact in both
    np.testing.assert_array_equal(half_grad, single_grad)


@EVERYWHERE
def test_layernorm_of_float16_has_single_statistics(ctx: Any) -> None:
    """Sums beyond 65504 and squares below the smallest half: only wider statistics survive."""
    data = np.full((2, 300), 1000, np.float16)
    data[:, ::2] += 1
    tiny = (np.arange(300) % 2 * 1e-4).astype(np.float16)[None]
    ones, zeros = (nd.array(np.full(300, v), ctx=ctx, dtype="float16") for v in (1, 0))
    out = nd.LayerNorm(nd.array(data, ctx=ctx, dtype="float16"), ones, zeros).asnumpy()
    np.testing.assert_allclose(np.abs(out), 1, rtol=1e-3)
    out = nd.LayerNorm(nd.array(tiny, ctx=ctx, dtype="float16"), ones, zeros, eps=1e-12).asnumpy()
    np.testing.assert_allclose(np.abs(out), 1, rtol=1e-3)


def layernorm_gradients(arrays: list[Any], head: Any, create_graph: bool = False) -> Any:
    for array in arrays:
        array.attach_grad()
    with mx.autograd.record():
        y = nd.LayerNorm(*arrays, eps=0.1)
        return mx.autograd.grad(y, arrays, head_grads=head, create_graph=create_graph)


@pytest.mark.parametrize("used", [(0,), (1,), (2,), (0, 1, 2)], ids=str)
def test_layernorm_twice(used: tuple[int, ...], rng: np.random.Generator) -> None:
    """d/d(inputs, head) of sum(weight * gradient) against central differences of the gradients."""
    shapes = [(2, 3, 5), (5,), (5,), (2, 3, 5)]
    points = [rng.standard_normal(shape) for shape in shapes]
    weights = [rng.standard_normal(shape) for shape in shapes[:3]]

    def load(array: Any) -> Any:
        return nd.array(array, dtype="float64")

    def weighted(at: list[Any]) -> float:
        *arrays, head = map(load, at)
        found = layernorm_gradients(arrays, head)
        return sum(float((found[k].asnumpy() * weights[k]).sum()) for k in used)

    *arrays, head = map(load, points)
    head.attach_grad()
    with mx.autograd.record():
        first = layernorm_gradients(arrays, head, create_graph=True)
        total = sum((first[k] * load(weights[k])).sum() for k in used)
    total.backward()
    for k, array in enumerate([*arrays, head]):
        want = np.zeros(points[k].size)
        for i in range(want.size):
            ends = []
            for step in (1e-5, -1e-5):
                moved = [p.copy() for p in points]
                moved[k].reshape(-1)[i] += step
                ends.append(weighted(moved))
            want[i] = (ends[0] - ends[1]) / 2e-5
        np.testing.assert_allclose(array.grad.asnumpy().reshape(-1), want, atol=1e-7)


@EVERYWHERE
def test_long_ctc_keeps_its_digits(ctx: Any, rng: np.random.Generator) -> None:
    """500 steps in float32 against float64: gradients are shares, no large logarithm may blur them."""
    data, label = rng.standard_normal((500, 1, 31)).astype(np.float32) * 3, rng.integers(1, 31, (1, 70))
    found = {}
    for dtype in ("float32", "float64"):
        x = nd.array(data, ctx=ctx, dtype=dtype)
        grad = nd.zeros(data.shape, ctx=ctx, dtype=dtype)
        symbol = mx.sym.ctc_loss(mx.sym.Variable("x"), mx.sym.Variable("label"))
        executor = symbol.bind(ctx, {"x": x, "label": nd.array(label, ctx=ctx, dtype=dtype)}, {"x": grad})
        loss = executor.forward(is_train=True)[0].asnumpy()
        executor.backward(nd.ones((1,), ctx=ctx, dtype=dtype))
        found[dtype] = loss, grad.asnumpy()
    np.testing.assert_allclose(found["float32"][0], found["float64"][0], rtol=1e-6)
    np.testing.assert_allclose(found["float32"][1], found["float64"][1], atol=4e-5)
    np.testing.assert_allclose(found["float32"][1].sum(2), 0, atol=4e-5)


LARGE: list[tuple[str, dict[str, Any], dict[str, tuple[int, ...]]]] = [
    ("LayerNorm", {}, {"data": (331, 211)}),
    ("GroupNorm", {"num_groups": 3}, {"data": (31, 6, 37, 11)}),
    ("LRN", {"nsize": 5, "alpha": 1.0}, {"data": (13, 17, 19, 23)}),
    ("SVMOutput", {}, {"data": (331, 211)}),
    ("CTCLoss", {}, {"data": (37, 53, 11), "label": (53, 7)}),
]


@pytest.mark.parametrize(("op", "params", "shapes"), LARGE, ids=[row[0] for row in LARGE])
def test_threads_change_no_bit(op: str, params: dict[str, Any], shapes: dict[str, Any]) -> None:
    symbol = getattr(mx.sym, op)(name="op", **{n: mx.sym.Variable(n) for n in shapes}, **params)

    def run(threads: int) -> list[Any]:
        mx._core.set_num_threads(threads)
        rng = np.random.default_rng(5)
        executor = symbol.simple_bind(mx.cpu(), **shapes)
        for array in executor.arg_arrays:
            array[:] = np.abs(rng.standard_normal(array.shape) * 3)
        outputs = executor.forward(is_train=True)
        executor.backward([nd.array(rng.standard_normal(o.shape)) for o in outputs])
        return [a.asnumpy() for a in (*outputs, *executor.grad_arrays)]

    alone = run(1)
    for threads in (2, 4):
        for got, want in zip(run(threads), alone, strict=True):
            assert got.tobytes() == want.tobytes()


# Operator, shapes of the inputs, parameters, words of the error.
REFUSED: list[tuple[str, list[tuple[int, ...]], dict[str, Any], str]] = [
    ("LayerNorm", [(2, 3), (3,), (3,)], {"axis": 2}, "axis 2"),
    ("LayerNorm", [(2, 3), (2,), (3,)], {}, r"Provided = \[2\], inferred shape=\[3\]"),
    ("LayerNorm", [(2, 3), (3,), (3,)], {"eps": "much"}, "eps expect float"),
    ("GroupNorm", [(2, 5, 3), (2,), (2,)], {"num_groups": 2}, "num_groups=2 must divide"),
    ("GroupNorm", [(2, 4, 3), (4,), (4,)], {"num_groups": 2}, r"inferred shape=\[2\]"),
    ("GroupNorm", [(2, 4), (2,), (2,)], {"num_groups": 2}, "at least 3 dimensions"),
    ("GroupNorm", [(2, 4, 3), (2,), (2,)], {"num_groups": 0}, "num_groups must be at least 1"),
    ("InstanceNorm", [(2, 3), (3,), (3,)], {}, "at least 3 dimensions"),
    ("InstanceNorm", [(2, 3, 5), (5,), (5,)], {}, r"inferred shape=\[3\]"),
    ("LRN", [(5,)], {"nsize": 3}, "at least 2 dimensions"),
    ("LRN", [(2, 5)], {"nsize": 0}, "nsize must be at least 1"),
    ("LRN", [(2, 5)], {}, "nsize"),
    ("L2Normalization", [(2, 5)], {"mode": "channel"}, "at least 3 dimensions in channel mode"),
    ("L2Normalization", [(2, 5, 3)], {"mode": "rows"}, "valid values are"),
    ("moments", [(2, 5)], {}, "at least one axis"),
    ("moments", [(2, 5)], {"axes": (2,)}, "axes 2"),
    ("moments", [(2, 5)], {"axes": (0, -2)}, "twice"),
    ("SVMOutput", [(2, 5), (3,)], {}, r"Provided = \[3\], inferred shape=\[2\]"),
    ("SVMOutput", [(5,), (1,)], {}, "at least 2 dimensions"),
    ("softmax_cross_entropy", [(2, 5, 3), (2,)], {}, "data must have 2 dimensions"),
    ("softmax_cross_entropy", [(2, 5), (2, 1)], {}, "label must have 1 dimension"),
    ("softmax_cross_entropy", [(2, 5), (3,)], {}, r"Provided = \[3\], inferred shape=\[2\]"),
    ("IdentityAttachKLSparseReg", [(5,), (5,)], {}, "at least 2 dimensions"),
    ("IdentityAttachKLSparseReg", [(2, 5), (5,)], {"momentum": 1.5}, "momentum"),
    ("IdentityAttachKLSparseReg", [(2, 5), (2,)], {}, r"inferred shape=\[5\]"),
    ("CTCLoss", [(5, 4), (4, 2)], {}, "must be .time, batch, classes"),
    ("CTCLoss", [(5, 4, 3), (4,)], {}, "label must be .batch, labels"),
    ("CTCLoss", [(5, 4, 3), (3, 2)], {}, r"Provided = \[3,2\], inferred shape=\[4,-1\]"),
    ("CTCLoss", [(2, 4, 3), (4, 3)], {}, "3 labels a sample, but data only 2"),
    ("CTCLoss", [(5, 4, 3), (4, 2), (3,)], {"use_data_lengths": True}, r"inferred shape=\[4\]"),
    ("CTCLoss", [(5, 4, 3), (4, 2)], {"blank_label": "middle"}, "valid values are"),
    ("softmax", [(2, 5)], {"axis": 2}, "axis 2"),
    ("softmax", [(2, 5), (2,)], {"use_length": True}, "length must be int32 or int64, got float32"),
    ("softmax", [(2, 5), (5,)], {"use_length": True}, r"inferred shape=\[2\]"),
    ("LeakyReLU", [(2, 5)], {"act_type": "swish"}, "valid values are"),
]


@EVERYWHERE
@pytest.mark.parametrize(("op", "shapes", "params", "words"), REFUSED, ids=lambda v: str(v)[:40])
def test_refused(
    op: str, shapes: list[tuple[int, ...]], params: dict[str, Any], words: str, ctx: Any
) -> None:
    arrays = [nd.ones(shape, ctx=ctx) for shape in shapes]
    with pytest.raises(MXNetError, match=words):
        getattr(nd, op)(*arrays, **params)
    for array in arrays:
        assert (array.asnumpy() == 1).all()


FLOATING = [
    "LayerNorm",
    "GroupNorm",
    "InstanceNorm",
    "LRN",
    "L2Normalization",
    "softmax",
    "Dropout",
    "LeakyReLU",
]


@pytest.mark.parametrize("op", FLOATING)
def test_whole_numbers_are_refused(op: str) -> None:
    extra = 2 if op.endswith("Norm") else 0
    params = {"nsize": 3} if op == "LRN" else {}
    arrays = [nd.ones((2, 1, 1), dtype="int32"), *(nd.ones((1,), dtype="int32") for _ in range(extra))]
    with pytest.raises(MXNetError, match=f"{op}.*float16 or float32 or float64, got int32"):
        getattr(nd, op)(*arrays, **params)


EMPTY: list[tuple[str, list[tuple[int, ...]], dict[str, Any]]] = [
    ("LayerNorm", [(0, 3), (3,), (3,)], {}),
    ("LayerNorm", [(2, 0), (0,), (0,)], {}),
    ("GroupNorm", [(0, 4, 3), (2,), (2,)], {"num_groups": 2}),
    ("GroupNorm", [(2, 4, 0), (2,), (2,)], {"num_groups": 2}),
    ("InstanceNorm", [(2, 0, 3), (0,), (0,)], {}),
    ("LRN", [(0, 3, 5)], {"nsize": 3}),
    ("LRN", [(2, 0, 5)], {"nsize": 3}),
    ("LRN", [(2, 3, 0)], {"nsize": 3}),
    ("L2Normalization", [(0, 3)], {}),
    ("L2Normalization", [(2, 0)], {}),
    ("moments", [(0, 3)], {"axes": (1,)}),
    ("moments", [(3, 0)], {"axes": (1,)}),
    ("SVMOutput", [(0, 3), (0,)], {}),
    ("SVMOutput", [(2, 0), (2,)], {}),
    ("softmax_cross_entropy", [(0, 3), (0,)], {}),
    ("softmax_cross_entropy", [(2, 0), (2,)], {}),
    ("CTCLoss", [(0, 2, 3), (2, 0)], {}),
    ("CTCLoss", [(5, 0, 3), (0, 2)], {}),
    ("CTCLoss", [(5, 2, 3), (2, 0)], {}),
    ("IdentityAttachKLSparseReg", [(0, 3), (3,)], {}),
    ("softmax", [(2, 0)], {}),
    ("softmax", [(0, 3)], {"axis": 0}),
    ("LeakyReLU", [(0, 3)], BOUNDS),
    ("Dropout", [(0, 3)], {}),
]


@EVERYWHERE
@pytest.mark.parametrize(("op", "shapes", "params"), EMPTY, ids=lambda v: str(v)[:40])
def test_empty(op: str, shapes: list[tuple[int, ...]], params: dict[str, Any], ctx: Any) -> None:
    """Forward and backward over nothing: right shapes, no crash."""
    with mx.util.np_shape(True):
        names = [f"in{i}" for i in range(len(shapes))]
        symbol = getattr(mx.sym, op)(*(mx.sym.Variable(n) for n in names), name="op", **params)
        arrays = {n: nd.zeros(shape, ctx=ctx) for n, shape in zip(names, shapes, strict=True)}
        aux = {n: arrays.pop(n) for n in symbol.list_auxiliary_states()}
        grads = {"in0": nd.ones(shapes[0], ctx=ctx)}
        executor = symbol.bind(
            ctx, arrays, grads, {n: "write" if n in grads else "null" for n in arrays}, aux
        )
        outputs = executor.forward(is_train=True)
        _, shapes_out, _ = symbol.infer_shape(**{n: a.shape for n, a in arrays.items()})
        assert [o.asnumpy().shape for o in outputs] == [tuple(s) for s in shapes_out]
        executor.backward([nd.ones(o.shape, ctx=ctx) for o in outputs])
        assert executor.grad_dict["in0"].asnumpy().shape == shapes[0]
