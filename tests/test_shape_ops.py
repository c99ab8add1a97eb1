"""What operator cases cannot say of the operators that move, cut and query: bad input, `out=`, empty arrays,
types that follow from a number, second derivatives of linear maps whose place another input gives.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import cysym as mx

nd, internal, contrib = mx.nd, mx.nd._internal, mx.nd.contrib
CUBE = (2, 3, 4)
IMAGE = (1, 2, 5, 7)
MATRIX = (2, 3)


def crop(*shapes: tuple[int, ...], **params: Any) -> Callable[[], Any]:
    return lambda: nd.Crop(*map(nd.ones, shapes), **params)


def call(space: Any, op: str, shape: tuple[int, ...] = MATRIX, dtype: str = "float32", **params: Any) -> Any:
    return lambda: getattr(space, op)(nd.ones(shape, dtype=dtype), **params)


def pair(space: Any, op: str, a: tuple[int, ...], b: tuple[int, ...], *types: str, **params: Any) -> Any:
    first, second = types or ("float32", "float32")
    return lambda: getattr(space, op)(nd.ones(a, dtype=first), nd.ones(b, dtype=second), **params)


def pad(shape: tuple[int, ...], *width: int, mode: str = "constant") -> Callable[[], Any]:
    return call(nd, "Pad", shape, mode=mode, pad_width=width)


def split(indices: tuple[int, ...], **params: Any) -> Callable[[], Any]:
    return call(internal, "_split_v2", indices=indices, **params)


BAD: list[tuple[Callable[[], Any], str]] = [
    (crop(IMAGE, h_w=(9, 2)), "[9,2] from [0,0] on does not lie inside [1,2,5,7]"),
    (crop(IMAGE, h_w=(2, 2), offset=(4, 0)), "does not lie inside"),
    (crop(IMAGE, (1, 1, 9, 9), center_crop=True), "[9,9] from [-2,-1] on does not lie inside"),
    (crop(IMAGE), "Crop of one input needs its size"),
    (crop(CUBE, h_w=(2, 2)), "input 0 must have 4 dimensions, got [2,3,4]"),
    (crop(IMAGE, (9, 9)), "input 1 must have 4 dimensions, got [9,9]"),
    (crop(IMAGE, IMAGE, IMAGE), "1 or 2 inputs, got num_args=3"),
    (crop(IMAGE, h_w=(2, 2), offset=(-1, 0)), "two numbers from 0 on, got offset=(-1, 0)"),
    (pad(CUBE, *[0] * 6), "must be 8 or 10 numbers"),
    (pad(IMAGE, 1, *[0] * 7), "the first four 0, got (1, 0"),
    (pad(IMAGE, 0, 0, 0, 0, -1, 0, 0, 0), "from 0 on"),
    (pad(IMAGE, *[0] * 10), "for 5 dimensions, data has the shape [1,2,5,7]"),
    (pad(IMAGE, 0, 0, 0, 0, 5, 0, 0, 0, mode="reflect"), "axis 2 of at least 6, got [1,2,5,7]"),
    (pad(IMAGE, *[0] * 8, mode="wrap"), "valid values are: {'constant', 'edge', 'reflect'}"),
    (pad(IMAGE, 0, 0, 0, 0, 2**62, 0, 2**62, 0), "too large"),
    (call(nd, "reverse", CUBE, axis=3), "axis 3 exceeds the input dimension of 3"),
    (call(nd, "reverse", CUBE, axis=(0, -4)), "axis -4 exceeds"),
    (call(nd, "tile", reps=(0, 2)), "at least 1, got (0, 2)"),
    (call(nd, "tile", reps=(2**40, 2**40)), "too large"),
    (call(nd, "repeat", repeats=-1), "repeats should be greater equal to 0"),
    (call(nd, "repeat", repeats=2, axis=2), "axis 2 exceeds"),
    (call(nd, "repeat", repeats=2**62), "too large"),
    (split((1,)), "indices must rise from 0, got (1,)"),
    (split(()), "1 to 65536 indices or sections, got 0"),
    (split((0, 2, 1)), "indices must rise from 0"),
    (split((0, 9)), "reach beyond an axis of 3"),
    (split((0, 2), squeeze_axis=True), "part 0 is 2"),
    (split((), sections=2**20), "got 1048576"),
    (split((0, 1), axis=5), "axis 5 exceeds"),
    (pair(nd, "slice_like", CUBE, MATRIX), "must have equally many dimensions"),
    (pair(nd, "slice_like", CUBE, (5, 3, 4)), "axis 0 of shape_like [5,3,4] is longer"),
    (pair(nd, "slice_like", CUBE, MATRIX, axes=(2,)), "axes 2 exceeds the input dimension of 2"),
    (pair(internal, "_slice_assign", MATRIX, (1, 3), begin=(0, 1), end=(1, 3)), "inferred shape=[1,2]"),
    (pair(internal, "_slice_assign", MATRIX, MATRIX, begin=(0, 0, 0), end=(1, 1, 1)), "more entries than"),
    (pair(internal, "_slice_assign", MATRIX, MATRIX, begin=(0,), end=(1,), step=(0,)), "step cannot be 0"),
    (
        pair(internal, "_slice_assign", MATRIX, MATRIX, "float32", "int32", begin=(), end=()),
        "expected float32, got int32",
    ),
    (
        call(internal, "_slice_assign_scalar", dtype="int32", scalar=np.nan, begin=(0,), end=(1,)),
        "nan has no value in int32",
    ),
    (call(nd, "diag", k=9), "a matrix of 2 x 3 has no diagonal k=9"),
    (call(nd, "diag", CUBE, axis1=1), "axis1=1 and axis2=1 are the same axis"),
    (call(nd, "diag", CUBE, axis1=5), "axis1 5 exceeds"),
    (call(nd, "diag", (2,), k=2**40), "too large"),
    (call(nd, "depth_to_space", IMAGE, block_size=2), "2 channels cannot be spread over blocks of 2 x 2"),
    (call(nd, "space_to_depth", IMAGE, block_size=2), "5 x 7 pixels cannot be cut into blocks of 2 x 2"),
    (call(nd, "space_to_depth", CUBE, block_size=1), "must have 4 dimensions, got [2,3,4]"),
    (call(nd, "depth_to_space", IMAGE, block_size=0), "block_size should be greater equal to 1"),
    (call(contrib, "index_array", axes=(5,)), "axes 5 exceeds"),
    (call(contrib, "arange_like", axis=2), "axis 2 exceeds"),
    (call(contrib, "arange_like", repeat=0), "repeat should be greater equal to 1"),
    (call(contrib, "arange_like", step=np.inf), "step must be finite, got inf"),
    (call(contrib, "arange_like", dtype="bool"), "got bool"),
    (lambda: internal._linspace(start=0, stop=1, num=-1), "num should be greater equal to 0"),
    (lambda: internal._linspace(start=0, stop=np.nan, num=2), "stop must be finite, got nan"),
    (lambda: internal._linspace(start=0, stop=1, num=2**62), "too large"),
    (lambda: internal._zeros_without_dtype(shape=(2,), dtype=99), "dtype must be -1 to 7, got 99"),
    (call(nd, "amp_cast"), "Required parameter dtype"),
    (lambda: nd.amp_multicast(), "num_outputs should be greater equal to 1"),
    (call(nd, "all_finite", dtype="int32"), "must be float16 or float32 or float64, got int32"),
    (call(nd, "all_finite", init_output=False), "init_output=False is not supported"),
    (pair(nd, "multi_all_finite", MATRIX, MATRIX, "float32", "float64"), "expected float32, got float64"),
    (call(nd, "multi_sum_sq", dtype="int64"), "got int64"),
    (pair(contrib, "allclose", MATRIX, (2, 2)), "Shape inconsistent"),
    (pair(nd, "khatri_rao", MATRIX, (2, 2)), "inferred shape=[-1,3]"),
    (call(nd, "khatri_rao", CUBE), "input 0 must be a matrix, got [2,3,4]"),
    (pair(internal, "_identity_with_attr_like_rhs", MATRIX, (3, 2)), "expected [2,3], got [3,2]"),
]


@pytest.mark.parametrize(("action", "words"), BAD, ids=[f"{i}-{w[:30]}" for i, (_, w) in enumerate(BAD)])
def test_bad_input(action: Callable[[], Any], words: str) -> None:
    with pytest.raises(mx.MXNetError, match=re.escape(words)):
        action()


@pytest.mark.parametrize("dtype", ["float32", "int32", "float16", "bool"])
def test_out_gives_shape_and_type(dtype: str, ctx: Any) -> None:
    out = nd.zeros(MATRIX, ctx=ctx, dtype=dtype)
    assert internal._set_value(src=3.75, out=out) is out
    np.testing.assert_array_equal(out.asnumpy(), np.full(MATRIX, 3.75).astype(dtype))
    values = np.array([[1, 2.5, 0], [4, 5, 6]], np.float32)
    internal._copyto(nd.array(values, ctx=ctx), out=out)
    np.testing.assert_array_equal(out.asnumpy(), values.astype(dtype))
    with pytest.raises(mx.MXNetError, match=re.escape("expected [2,3], got [3,2]")):
        internal._copyto(out, out=nd.zeros((3, 2), ctx=ctx))


def test_reset_arrays_writes_where_they_lie(ctx: Any) -> None:
    arrays = [nd.ones((2, 3), ctx=ctx), nd.ones((7,), ctx=ctx, dtype="int32"), nd.ones((5,), ctx=ctx)]
    assert nd.reset_arrays(*arrays[:2], arrays[2][1:3], num_arrays=3) == []
    assert [a.asnumpy().sum() for a in arrays] == [0, 0, 3]


@pytest.mark.parametrize(
    ("source", "is_int", "result"),
    [
        ("int32", True, "int32"), ("int32", False, "float64"), ("bool", True, "int64"),
        ("bool", False, "float64"), ("float16", False, "float16"), ("float32", False, "float32"),
    ],
)  # fmt: skip
def test_a_number_decides_the_type(source: str, is_int: bool, result: str, ctx: Any) -> None:
    data = np.array([0, 1, 1], source)
    symbol = mx.sym._internal._mul_scalar(mx.sym.Variable("x"), scalar=2.5, is_int=is_int)
    x, gradient = nd.array(data, ctx=ctx, dtype=source), nd.zeros((3,), ctx=ctx, dtype=source)
    executor = symbol.bind(ctx, {"x": x}, {"x": gradient})
    output = executor.forward(is_train=True)[0]
    number = int(2.5) if np.dtype(result).kind == "i" else 2.5
    assert output.dtype == np.dtype(result)
    np.testing.assert_array_equal(output.asnumpy(), data.astype(result) * number)
    executor.backward(nd.ones((3,), ctx=ctx, dtype=result))
    np.testing.assert_array_equal(gradient.asnumpy(), np.full(3, number).astype(source))


@pytest.mark.parametrize("shape", [(0,), (0, 3), (2, 0), (2, 0, 3)])
def test_nothing_is_moved(shape: tuple[int, ...], ctx: Any) -> None:
    with mx.util.np_shape(True):
        x = nd.zeros(shape, ctx=ctx)
        host = np.zeros(shape)
        assert nd.reverse(x, axis=0).shape == shape
        assert nd.tile(x, reps=(2, 3)).shape == np.tile(host, (2, 3)).shape
        assert nd.repeat(x, repeats=2).shape == (0,)
        assert nd.repeat(x, repeats=2, axis=0).shape == host.repeat(2, 0).shape
        assert nd.shape_array(x).asnumpy().tolist() == list(shape)
        assert nd.size_array(x).asnumpy().tolist() == [0]
        assert contrib.index_array(x).shape == (*shape, len(shape))
        assert nd.all_finite(x).asnumpy().tolist() == [1]
        assert nd.multi_sum_sq(x).asnumpy().tolist() == [0]
        assert contrib.allclose(x, x).asnumpy().tolist() == [1]
        if len(shape) > 1:
            image = nd.zeros((1, 1, *shape[-2:]), ctx=ctx)
            padded = nd.Pad(image, mode="constant", pad_width=(0, 0, 0, 0, 1, 1, 2, 0), constant_value=7)
            assert (padded.asnumpy() == 7).all()


@pytest.mark.parametrize("op", ["Crop", "slice_like"])
def test_second_derivative_where_another_input_tells_the_part(op: str, ctx: Any) -> None:
    """y = part(x)^2: the gradient of sum(P * dx) by x is 2 P inside the part, nothing outside."""
    x, like = nd.array(np.arange(1.0, 13).reshape(1, 1, 3, 4), ctx=ctx), nd.ones((1, 1, 2, 3), ctx=ctx)
    p = nd.array(np.arange(12.0).reshape(x.shape) - 5, ctx=ctx)
    x.attach_grad()
    with mx.autograd.record():
        y = nd.square(getattr(nd, op)(x, like)).sum()
        (dx,) = mx.autograd.grad([y], [x], create_graph=True, retain_graph=True)
        total = (dx * p).sum()
    total.backward()
    want = np.zeros(x.shape)
    want[..., :2, :3] = 2 * p.asnumpy()[..., :2, :3]
    np.testing.assert_array_equal(x.grad.asnumpy(), want)
