"""What operators that slide windows refuse, and gradients of the gradients of im2col and col2im."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from conftest import contexts

import cysym as mx

EVERYWHERE = pytest.mark.parametrize("ctx", contexts(), ids=str)
Call = Callable[[], Any]


def zeros(*shape: int, dtype: str = "float32") -> Any:
    return mx.nd.zeros(shape, dtype=dtype)


def deconvolution(*shape: int, weight: tuple[int, ...] = (2, 2, 2, 2), **params: Any) -> Call:
    return lambda: mx.nd.Deconvolution(
        zeros(*shape), zeros(*weight), **{"kernel": (2, 2), "num_filter": 2, **params}
    )


def resized(**params: Any) -> Call:
    return lambda: mx.nd.contrib.BilinearResize2D(zeros(1, 2, 3, 4), **params)


def norm(**params: Any) -> Call:
    each = [zeros(2) for _ in range(4)]
    return lambda: mx.nd.contrib.SyncBatchNorm(zeros(1, 2, 3), *each, **params)


REFUSED: dict[str, tuple[Call, str]] = {
    "rank": (deconvolution(1, 2, 3), "should be 4D"),
    "no rank": (deconvolution(1, 2, 3, 4, kernel=(2, 2, 2, 2)), "4D deconvolution not supported"),
    "groups": (deconvolution(1, 2, 3, 4, num_group=3), "must divide group size"),
    "filters": (deconvolution(1, 2, 3, 4, num_group=2, num_filter=3), "num_filter=3 for num_group=2"),
    "stride": (deconvolution(1, 2, 3, 4, stride=(2,)), "Stride must have the same number of dimensions"),
    "adj": (deconvolution(1, 2, 3, 4, adj=(1, 0)), "adj must be smaller than stride"),
    "pad": (deconvolution(1, 2, 3, 4, pad=(3, 3)), "nothing is left of the output"),
    "target": (deconvolution(1, 2, 3, 4, target_shape=(9, 9)), "too big target shape"),
    "half a target": (deconvolution(1, 2, 3, 4, target_shape=(0, 4)), "expected all sizes or none"),
    "huge stride": (deconvolution(1, 2, 3, 4, stride=(2**62, 1)), "incorrect stride size"),
    "huge phases": (deconvolution(1, 2, 2, 2, stride=(2**21,) * 2, pad=(2**20,) * 2), "too large"),
    "layout": (
        deconvolution(1, 3, 4, 2, layout="NHWC", target_shape=(4, 5)), "layout NHWC cannot be run",
    ),
    "type": (
        lambda: mx.nd.Deconvolution(
            zeros(1, 2, 3, dtype="int32"), zeros(2, 2, 2, dtype="int32"), kernel=2, num_filter=2
        ),
        "float16 or float32 or float64, got int32",
    ),
    "upsampling rank": (
        lambda: mx.nd.UpSampling(zeros(1, 2, 3), scale=2, sample_type="nearest"), "should be 4D"
    ),
    "upsampling sizes": (
        lambda: mx.nd.UpSampling(zeros(1, 2, 2, 3), zeros(1, 2, 3, 3), scale=2, sample_type="nearest"),
        "3 x 3 pixels cannot be repeated to 4 x 6",
    ),
    "upsampling scale": (
        lambda: mx.nd.UpSampling(zeros(1, 1, 1, 1), scale=1001, sample_type="nearest"), "at most 1000"
    ),
    "upsampling channels": (
        lambda: mx.nd.UpSampling(
            zeros(1, 2, 3, 3), zeros(3, 1, 4, 4), scale=2, sample_type="bilinear", num_filter=3
        ),
        "num_filter=3 must be the number of channels",
    ),
    "upsampling filters": (
        lambda: mx.nd.UpSampling(zeros(1, 2, 3, 3), zeros(2, 1, 4, 4), scale=2, sample_type="bilinear"),
        "needs num_filter",
    ),
    "im2col": (lambda: mx.nd.im2col(zeros(1, 2, 3, 4), kernel=(2, 5)), "kernel size exceed input"),
    "col2im rows": (
        lambda: mx.nd.col2im(zeros(1, 5, 6), output_size=(3, 4), kernel=(2, 2)), "multiple of 4"
    ),
    "col2im places": (
        lambda: mx.nd.col2im(zeros(1, 4, 7), output_size=(3, 4), kernel=(2, 2)), "Shape inconsistent"
    ),
    "col2im size": (
        lambda: mx.nd.col2im(zeros(1, 4, 6), output_size=(3,), kernel=(2, 2)), "Output size must have"
    ),
    "adaptive": (
        lambda: mx.nd.contrib.AdaptiveAvgPooling2D(zeros(1, 2, 3, 4), output_size=(2, 0)),
        "one or two positive numbers",
    ),
    "half a scale": (resized(scale_height=2.0), "belong together"),
    "no scale": (resized(mode="odd_scale"), "needs scale_height and scale_width"),
    "small scale": (resized(scale_height=0.1, scale_width=1.0), "makes 0 pixels of 3"),
    "endless scale": (resized(scale_height=float("inf"), scale_width=1.0), "must be positive"),
    "huge size": (resized(height=300_001), "at most 100000 of each"),
    "1D": (lambda: mx.nd.Pooling_v1(zeros(1, 2, 3), kernel=(2,)), "1D pooling not supported"),
    "1D convolution": (
        lambda: mx.nd.Convolution_v1(zeros(1, 2, 3), zeros(2, 2, 2), zeros(2), kernel=(2,), num_filter=2),
        "1D convolution not supported",
    ),
    "devices": (norm(key="n", ndev=2), "ndev=2"),
    "key": (norm(), "Required parameter key"),
    "axis": (lambda: mx.sym.BatchNorm_v1(mx.sym.Variable("data"), axis=2), "Cannot find argument 'axis'"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    call, words = REFUSED[name]
    with pytest.raises(mx.MXNetError) as caught:
        call().asnumpy()
    assert words in str(caught.value)


@EVERYWHERE
@pytest.mark.parametrize("op", ["im2col", "col2im"])
def test_gradient_of_the_gradient(op: str, ctx: Any) -> None:
    """Both are linear: with loss = sum((dx * v) for head g), the gradient with respect to g is op(v)."""
    params: dict[str, Any] = {"kernel": (2, 3), "stride": (2, 1), "pad": (1, 0)}
    shape = (2, 3, 5, 7)
    if op == "col2im":
        params["output_size"], shape = (5, 7), (2, 18, 15)
    rng = np.random.default_rng(5)
    function = getattr(mx.nd, op)
    with ctx:
        x, v = (mx.nd.array(rng.standard_normal(shape)) for _ in range(2))
        g = mx.nd.array(rng.standard_normal(function(x, **params).shape))
        x.attach_grad()
        g.attach_grad()
        with mx.autograd.record():
            y = function(x, **params)
            dx = mx.autograd.grad(y, [x], head_grads=[g], create_graph=True)[0]
            loss = (dx * v).sum()
        loss.backward()
        np.testing.assert_allclose(g.grad.asnumpy(), function(v, **params).asnumpy(), rtol=1e-5, atol=1e-5)
