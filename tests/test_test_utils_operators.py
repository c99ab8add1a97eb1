"""mx.test_utils at work, as in a user's own test suite: gradients by finite differences in float64, and all
contexts and element types against each other, over operators and nets of many kinds.
"""

from __future__ import annotations

import numpy as np
import pytest
from conftest import contexts

import cysym as mx
from cysym.test_utils import check_consistency, check_numeric_gradient, check_symbolic_backward, random_arrays

S = mx.sym
x, y, w = S.Variable("x"), S.Variable("y"), S.Variable("w")


def away(*shape):
    """Distinct numbers at least 0.02 from 0 and each other: no kink or tie within a finite difference."""
    count = int(np.prod(shape))
    steps = np.linspace(-1.5, 1.5, 2 * count)[::2] + 0.03
    return np.random.permutation(steps).reshape(shape)


def normal(*shape):
    return random_arrays(shape).astype(np.float64)


def positive(*shape):
    return np.random.uniform(0.3, 2.0, shape)


def spd(n):
    a = normal(2, n, n)
    return a @ a.transpose(0, 2, 1) + 2 * np.eye(n)


def lower(n):
    return np.tril(normal(2, n, n)) * 0.5 + 2 * np.eye(n)


def whole(high, *shape):
    """Whole numbers below `high`."""
    return lambda: np.random.randint(0, high, shape).astype(np.float64)


def maker(make, *shape):
    return lambda: make(*shape)


n_ = lambda *s: maker(normal, *s)  # noqa: E731
a_ = lambda *s: maker(away, *s)  # noqa: E731
p_ = lambda *s: maker(positive, *s)  # noqa: E731

# name: symbol, its arguments (in list_arguments order), and the arguments whose gradient there is (None: all)
OPERATORS = {
    "activations": (S.tanh(x) * S.sigmoid(x) + S.Activation(x, act_type="softsign"), [n_(3, 5)], None),
    "relu": (S.relu(x) + S.abs(x) + S.clip(x, -1.0, 1.0), [a_(3, 5)], None),
    "special": (S.erf(x) + S.gamma(x) + S.gammaln(x) + S.rsqrt(x) + S.cbrt(x), [p_(3, 5)], None),
    "inverse hyperbolic": (S.arctanh(x * 0.4) + S.arcsinh(x) + S.arccosh(x + 2), [p_(7)], None),
    "LeakyReLU": (
        S.LeakyReLU(x, act_type="elu", slope=0.3) + S.LeakyReLU(x, act_type="gelu")
        + S.LeakyReLU(x, act_type="selu"),
        [a_(3, 5)], None,
    ),
    "prelu": (S.LeakyReLU(x, gamma=w, act_type="prelu"), [a_(2, 3, 4), n_(3)], None),
    "smooth_l1": (S.smooth_l1(x, scalar=1.7), [a_(11)], None),
    "broadcast": (S.broadcast_mul(x, y) + S.broadcast_div(x, S.exp(y)), [n_(2, 3, 1), n_(1, 3, 4)], None),
    "power": (S.broadcast_power(x, y) + S.broadcast_hypot(x, y), [p_(2, 3), p_(2, 1)], None),
    "maximum": (S.broadcast_maximum(x, y) - S.broadcast_minimum(x, y) * 2, [a_(3, 5), n_(3, 1)], None),
    "where": (S.where(y, x, x * x), [n_(3, 5), whole(2, 3, 5)], ["x"]),
    "sums": (S.sum(x, axis=(0, 2)) * S.mean(x, axis=1, exclude=True), [n_(2, 3, 4)], None),
    "prod": (S.prod(x, axis=1) + S.nansum(x, axis=1), [n_(3, 4)], None),
    "max": (S.max(x, axis=1) - S.min(x, axis=1), [a_(3, 7)], None),
    "norm": (S.norm(x, axis=1) + S.norm(x, ord=1, axis=1), [a_(3, 4)], None),
    "moments": (S.moments(x, axes=(0,))[1], [n_(5, 3)], None),
    "cumsum": (S.cumsum(x * x, axis=1), [n_(3, 4)], None),
    "softmax": (S.softmax(x, axis=1, temperature=1.5), [n_(3, 5)], None),
    "log_softmax": (S.log_softmax(x) + S.softmin(x), [n_(3, 5)], None),
    "dot": (S.dot(x, y, transpose_a=True) + S.dot(x, y, transpose_a=True) ** 2, [n_(3, 2), n_(3, 5)], None),
    "batch_dot": (S.batch_dot(x, y, transpose_b=True), [n_(2, 3, 4), n_(2, 5, 4)], None),
    "gemm": (S.linalg_gemm(x, y, w, alpha=1.5, beta=-0.5), [n_(2, 3, 4), n_(2, 4, 5), n_(2, 3, 5)], None),
    "syrk": (S.linalg_syrk(x, transpose=True, alpha=0.7), [n_(2, 3, 4)], None),
    "trsm": (S.linalg_trsm(x, y, alpha=2.0), [lambda: lower(3), n_(2, 3, 4)], None),
    "inverse": (S.linalg_inverse(x), [lambda: spd(3)], None),
    "determinant": (S.linalg_det(x) + S.linalg_slogdet(x)[1], [lambda: spd(3)], None),
    "khatri_rao": (S.khatri_rao(x, y), [n_(2, 3), n_(4, 3)], None),
    "FullyConnected": (
        S.FullyConnected(x, num_hidden=3, flatten=False, name="fc"), [n_(2, 4, 5), n_(3, 5), n_(3)], None,
    ),
    "Convolution": (
        S.Convolution(
            x, kernel=(3, 2), stride=(2, 1), dilate=(1, 2), pad=(1, 1), num_filter=4, num_group=2, name="c"),
        [n_(2, 4, 5, 6), n_(4, 2, 3, 2), n_(4)], None,
    ),
    "Convolution 1d": (
        S.Convolution(x, kernel=(3,), pad=(1,), num_filter=2, no_bias=True, name="c"),
        [n_(2, 3, 7), n_(2, 3, 3)], None,
    ),
    "Convolution 3d": (
        S.Convolution(x, kernel=(2, 2, 2), num_filter=2, name="c"),
        [n_(1, 2, 3, 3, 4), n_(2, 2, 2, 2, 2), n_(2)], None,
    ),
    "Deconvolution": (
        S.Deconvolution(
            x, kernel=(3, 3), stride=(2, 2), pad=(1, 1), adj=(1, 0), num_filter=2, no_bias=False, name="d"),
        [n_(2, 3, 3, 2), n_(3, 2, 3, 3), n_(2)], None,
    ),
    "Pooling": (
        S.Pooling(x, kernel=(3, 2), stride=(2, 2), pad=(1, 0), pool_type="avg", count_include_pad=False)
        + S.Pooling(x, kernel=(3, 2), stride=(2, 2), pad=(1, 0), pool_type="max"),
        [a_(2, 2, 5, 4)], None,
    ),
    "Pooling lp": (S.Pooling(x, kernel=(2, 2), pool_type="lp", p_value=3), [p_(1, 2, 4, 5)], None),
    "LayerNorm": (S.LayerNorm(x, axis=1, eps=1e-3, name="n"), [n_(2, 5, 3), n_(5), n_(5)], None),
    "InstanceNorm": (S.InstanceNorm(x, eps=1e-3, name="n"), [n_(2, 3, 5), n_(3), n_(3)], None),
    "GroupNorm": (S.GroupNorm(x, num_groups=2, eps=1e-3, name="n"), [n_(2, 4, 5), n_(2), n_(2)], None),
    "L2Normalization": (S.L2Normalization(x, mode="channel"), [n_(2, 3, 4)], None),
    "LRN": (S.LRN(x, nsize=3, alpha=0.5, beta=0.6, knorm=1.5), [n_(2, 5, 2, 3)], None),
    "Embedding": (
        S.Embedding(x, input_dim=6, output_dim=3, name="e"), [whole(6, 4, 2), n_(6, 3)], ["e_weight"],
    ),
    "take": (S.take(x, y, axis=1, mode="wrap"), [n_(3, 5, 2), whole(9, 4)], ["x"]),
    "gather_nd": (S.gather_nd(x, y), [n_(3, 4, 2), whole(3, 2, 5)], ["x"]),
    "pick": (S.pick(x, y, axis=1, keepdims=True), [n_(4, 5), whole(5, 4)], ["x"]),
    "sort": (S.sort(x, axis=0) + S.reverse(x, axis=1), [a_(4, 5)], None),
    "topk": (S.topk(x, k=3, ret_typ="value"), [a_(3, 7)], None),
    "slices": (
        S.slice(x, begin=(4, 0), end=(None, 3), step=(-2, 1)) * S.slice_axis(x, axis=1, begin=1, end=4).slice(
            begin=(1, 0), end=(4, 3)), [n_(5, 4)], None,
    ),
    "concat": (S.concat(x, S.transpose(y), x * 2, dim=1), [n_(2, 3), n_(4, 2)], None),
    "split": (S.split(x, num_outputs=3, axis=1)[1] ** 2, [n_(2, 6)], None),
    "moves": (
        S.transpose(S.reshape(x, shape=(-4, 2, 2, -2)), axes=(2, 0, 3, 1)) * 2, [n_(4, 3, 5)], None,
    ),
    "copies": (S.repeat(S.tile(x, reps=(2, 1, 3)), repeats=2, axis=1) * 3, [n_(2, 3, 2)], None),
    "pad": (
        S.Pad(x, mode="reflect", pad_width=(0, 0, 0, 0, 1, 2, 2, 1)), [n_(1, 2, 3, 4)], None,
    ),
    "layout": (S.depth_to_space(x, block_size=2) + 0.5, [n_(1, 8, 2, 3)], None),
    "UpSampling": (S.UpSampling(x, scale=2, sample_type="nearest"), [n_(1, 2, 3, 4)], None),
    "resize": (S.contrib.BilinearResize2D(x, height=5, width=7), [n_(1, 2, 3, 4)], None),
    "adaptive": (S.contrib.AdaptiveAvgPooling2D(x, output_size=(2, 3)), [n_(1, 2, 5, 4)], None),
    "GridGenerator": (S.GridGenerator(x, transform_type="affine", target_shape=(3, 4)), [n_(2, 6)], None),
    "BilinearSampler": (
        S.BilinearSampler(x, y), [n_(1, 2, 4, 5), lambda: np.random.uniform(-0.9, 0.9, (1, 2, 3, 3))], None,
    ),
    "CTCLoss": (S.CTCLoss(x, y), [n_(6, 2, 4), lambda: np.array([[1.0, 2], [3, 0]])], ["x"]),
    "im2col": (S.im2col(x, kernel=(2, 3), stride=(1, 2), pad=(1, 0)), [n_(2, 2, 4, 5)], None),
    "Correlation": (
        S.Correlation(x, y, kernel_size=1, max_displacement=2, stride1=1, stride2=1, pad_size=2),
        [n_(1, 3, 4, 5), n_(1, 3, 4, 5)], None,
    ),
    "attention": (S.contrib.interleaved_matmul_selfatt_qk(x, heads=2), [n_(3, 2, 12)], None),
}  # fmt: skip


@pytest.mark.parametrize("name", OPERATORS)
def test_gradient(name):
    symbol, makers, nodes = OPERATORS[name]
    np.random.seed(len(name))
    location = [make() for make in makers]
    with mx.cpu():
        check_numeric_gradient(
            symbol, location, numeric_eps=2e-4, rtol=1e-5, atol=1e-6, grad_nodes=nodes, dtype=np.float64
        )


@pytest.mark.parametrize("name", ["FullyConnected", "Convolution", "BilinearSampler"])
def test_gradient_on_every_device(name, ctx):
    symbol, makers, nodes = OPERATORS[name]
    np.random.seed(1)
    requests = dict.fromkeys(nodes or symbol.list_arguments(), "add")
    check_numeric_gradient(
        symbol,
        [make() for make in makers],
        rtol=1e-5,
        atol=1e-6,
        grad_nodes=requests,
        dtype=np.float64,
        ctx=ctx,
    )


def everywhere(**shapes):
    """CPU and OpenCL device, in float64 and float32."""
    return [
        {"ctx": ctx, **shapes, "type_dict": dict.fromkeys(shapes, kind)}
        for ctx in contexts()
        for kind in (np.float64, np.float32)
    ]


# Enough to see that devices are compared at all; each of the others compiles OpenCL programs for a second.
QUICK = {
    "Convolution", "Deconvolution", "Embedding", "FullyConnected", "GroupNorm", "attention", "batch_dot",
    "copies",
    "deep and shared", "gather_nd", "gemm", "khatri_rao", "layout", "moves", "recurrent", "slices", "softmax",
}  # fmt: skip


def marked(names):
    return [pytest.param(n, marks=[] if n in QUICK else [pytest.mark.slow]) for n in names]


@pytest.mark.parametrize("name", marked(OPERATORS))
def test_devices_agree(name):
    symbol, makers, nodes = OPERATORS[name]
    np.random.seed(len(name))
    values = {n: make().astype(np.float32) for n, make in zip(symbol.list_arguments(), makers)}
    requests = "write" if nodes is None else {n: "write" if n in nodes else "null" for n in values}
    check_consistency(
        symbol, everywhere(**{n: v.shape for n, v in values.items()}), arg_params=values, grad_req=requests,
        rtol={np.dtype("float32"): 1e-4, np.dtype("float64"): 1e-9},
        atol={np.dtype("float32"): 1e-4, np.dtype("float64"): 1e-10},
    )  # fmt: skip


def bn_net():
    data = S.Variable("data")
    body = S.Convolution(data, kernel=(3, 3), pad=(1, 1), num_filter=4, name="c1")
    body = S.Activation(S.BatchNorm(body, fix_gamma=False, name="bn"), act_type="relu")
    short = S.Convolution(data, kernel=(1, 1), num_filter=4, no_bias=True, name="c2")
    body = S.Pooling(body + short, kernel=(2, 2), stride=(2, 2), pool_type="avg")
    return S.SoftmaxOutput(
        S.FullyConnected(body, num_hidden=3, name="fc"), S.Variable("label"), name="softmax"
    )


def recurrent_net():
    state, parts = S.Variable("state"), S.split(S.Variable("data"), num_outputs=3, axis=1, squeeze_axis=True)
    shared = {n: S.Variable(n) for n in ("wi", "wh", "b")}
    for part in parts:
        moved = S.FullyConnected(part, weight=shared["wi"], bias=shared["b"], num_hidden=4)
        state = S.tanh(moved + S.FullyConnected(state, weight=shared["wh"], num_hidden=4, no_bias=True))
    return S.LinearRegressionOutput(state, S.Variable("label"), name="out")


NETS = {
    "batch normalisation": (bn_net(), {"data": (2, 3, 6, 6), "label": (2,)}, {"label": [0, 2]}),
    "recurrent": (recurrent_net(), {"data": (2, 3, 5), "state": (2, 4), "label": (2, 4)}, {}),
    "two losses": (
        S.Group([
            S.LogisticRegressionOutput(S.FullyConnected(x, num_hidden=2, name="fc"), y),
            S.MAERegressionOutput(x * 0.5, w), S.make_loss(S.sum(S.square(x))),
        ]), {"x": (3, 4), "y": (3, 2), "w": (3, 4)}, {},
    ),
    "deep and shared": (
        S.dot(S.LayerNorm(S.dot(x, y) + x, name="n"), y), {"x": (4, 4), "y": (4, 4)}, {},
    ),
}  # fmt: skip


@pytest.mark.parametrize("request_", ["write", "add"])
@pytest.mark.parametrize("name", marked(NETS))
def test_devices_agree_on_nets(name, request_):
    symbol, shapes, values = NETS[name]
    np.random.seed(5)
    aux = {n: 1.0 for n in symbol.list_auxiliary_states() if n.endswith("var")}
    check_consistency(
        symbol, everywhere(**shapes), scale=0.5, grad_req=request_, aux_params=aux, rand_type=np.float32,
        arg_params={n: np.array(v, np.float32) for n, v in values.items()},
        rtol={np.dtype("float64"): 1e-9}, atol={np.dtype("float64"): 1e-10},
    )  # fmt: skip


def test_half_precision_agrees_with_single():
    """As MXNet's users test float16: against float32 and float64, at float16's tolerances."""
    symbol = S.FullyConnected(S.relu(S.broadcast_mul(x, y)), num_hidden=3, name="fc")
    half = [
        {"ctx": c, "x": (2, 5), "y": (1, 5), "type_dict": {"x": "float16", "y": "float16"}}
        for c in contexts()
    ]
    np.random.seed(3)
    check_consistency(symbol, [*everywhere(x=(2, 5), y=(1, 5)), *half], rand_type=np.float16)


def test_gradient_of_a_loss_by_hand(ctx):
    """check_symbolic_backward with a formula: the gradient of SoftmaxOutput is p - y."""
    logits, labels = random_arrays((4, 3)), np.array([0, 2, 1, 1])
    p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    check_symbolic_backward(
        S.SoftmaxOutput(x, y), [logits, labels], None, {"x": p - np.eye(3)[labels]},
        grad_req={"x": "write", "y": "null"},
        ctx=ctx,
    )  # fmt: skip
