"""Samplers: right in distribution, the same numbers everywhere, and clear about bad parameters.

Seeds are fixed, so a test passes always or never; limits are at about one in a thousand. What MXNet draws
from the same seeds stands in recorded/ops/random.json.
"""

from __future__ import annotations

import itertools
import math
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import pytest
from conftest import contexts

import cysym as mx

Array = np.ndarray
Call = Callable[[], Any]
N = 20011


@pytest.fixture(autouse=True)
def _threads() -> Iterator[None]:
    yield
    mx._core.set_num_threads(2)


# --- two tests of fit ---------------------------------------------------------------------------------------
def assert_continuous(x: Array, cdf: Callable[[Array], Array]) -> None:
    """Kolmogorov and Smirnov: the largest distance of the two distribution functions."""
    x = np.sort(x.astype(np.float64).ravel())
    n, p = x.size, cdf(x)
    distance = max((np.arange(1, n + 1) / n - p).max(), (p - np.arange(n) / n).max())
    assert distance * math.sqrt(n) < 1.95


def assert_discrete(x: Array, pmf: Callable[[Array], Array], low: int = 0) -> None:
    """Pearson's chi-square over values; those expected fewer than ten times are put together."""
    x = x.astype(np.int64).ravel() - low
    seen = np.bincount(x).astype(np.float64)
    expected = x.size * pmf(np.arange(seen.size) + low)
    assert not seen[expected == 0].any()
    often = expected >= 10
    counts, means = list(seen[often]), list(expected[often])
    rest = x.size - sum(means)
    if rest >= 5:
        counts.append(seen[~often].sum())
        means.append(rest)
    chi = sum((s - e) ** 2 / e for s, e in zip(counts, means, strict=True))
    freedom = len(counts) - 1
    # Wilson and Hilferty: the cube root of chi-square over its mean is about normal
    z = ((chi / freedom) ** (1 / 3) - (1 - 2 / (9 * freedom))) / math.sqrt(2 / (9 * freedom))
    assert z < 3.1, (chi, freedom)


def integral(density: Callable[[Array], Array], low: float, high: float) -> Callable[[Array], Array]:
    """Distribution function of a density, by the midpoint rule."""
    edges = np.linspace(low, high, 200001)
    steps = density((edges[1:] + edges[:-1]) / 2) * (edges[1] - edges[0])
    sums = np.concatenate([[0], np.cumsum(steps)])
    return lambda x: np.interp(x, edges, sums)


erf = np.vectorize(math.erf, otypes=[np.float64])
lgamma = np.vectorize(math.lgamma, otypes=[np.float64])


def gamma_cdf(alpha: float, beta: float) -> Callable[[Array], Array]:
    """Below shape 1 integrated in t with x = t^(1 / alpha), where the density has no pole."""
    if alpha >= 1:
        cdf = integral(
            lambda v: np.exp((alpha - 1) * np.log(v) - v - math.lgamma(alpha)),
            0,
            alpha + 12 * math.sqrt(alpha) + 30,
        )
        return lambda x: cdf(x / beta)
    top = (alpha + 12 * math.sqrt(alpha) + 30) ** alpha
    scale = math.exp(-math.lgamma(alpha + 1))
    cdf = integral(lambda t: np.exp(-(t ** (1 / alpha))) * scale, 0, top)
    return lambda x: cdf((x / beta) ** alpha)


def poisson_pmf(lam: float) -> Callable[[Array], Array]:
    return lambda k: np.exp(k * math.log(lam) - lam - lgamma(k + 1))


def failures_pmf(k: float, p: float) -> Callable[[Array], Array]:
    return lambda x: np.exp(
        lgamma(x + k) - lgamma(x + 1) - math.lgamma(k) + k * math.log(p) + x * math.log1p(-p)
    )


FITS: list[tuple[str, dict[str, float], Callable[[Array], None]]] = [
    ("uniform", {"low": -2, "high": 5}, lambda x: assert_continuous(x, lambda v: (v + 2) / 7)),
    ("normal", {"loc": 3, "scale": 2},
     lambda x: assert_continuous(x, lambda v: (1 + erf((v - 3) / math.sqrt(8))) / 2)),
    ("exponential", {"lam": 0.25}, lambda x: assert_continuous(x, lambda v: -np.expm1(-v / 4))),
    *(("gamma", {"alpha": a, "beta": b}, partial(assert_continuous, cdf=gamma_cdf(a, b)))
      for a, b in ((0.3, 2.0), (1.0, 1.0), (2.5, 0.5), (9.0, 3.0))),
    *(("poisson", {"lam": lam}, partial(assert_discrete, pmf=poisson_pmf(lam)))
      for lam in (0.2, 5.0, 11.9, 12.0, 40.0, 3000.0)),
    *(("negative_binomial", {"k": k, "p": p}, partial(assert_discrete, pmf=failures_pmf(k, p)))
      for k, p in ((1, 0.3), (12, 0.2))),
    *(("generalized_negative_binomial", {"mu": mu, "alpha": a},
       partial(assert_discrete, pmf=failures_pmf(1 / a, 1 / (mu * a + 1))))
      for mu, a in ((2.0, 0.5), (30.0, 2.0))),
    ("generalized_negative_binomial", {"mu": 7.0, "alpha": 0.0},
     partial(assert_discrete, pmf=poisson_pmf(7.0))),
]  # fmt: skip
FIT_IDS = [f"{name}-{'-'.join(map(str, p.values()))}" for name, p, _ in FITS]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("name", "params", "fits"), FITS, ids=FIT_IDS)
def test_distribution(ctx: Any, name: str, params: dict[str, float], fits: Any, dtype: str) -> None:
    mx.random.seed(101)
    draw = getattr(mx.nd._internal, f"_random_{name}")
    fits(draw(**params, shape=(N,), dtype=dtype, ctx=ctx).asnumpy())


@pytest.mark.parametrize(("name", "params", "fits"), FITS, ids=FIT_IDS)
def test_distribution_of_arrays(ctx: Any, name: str, params: dict[str, float], fits: Any) -> None:
    """The parameters stand second in arrays of three, with others around them."""
    mx.random.seed(102)
    arrays = [mx.nd.array([0.5, value, 0.75], ctx=ctx) for value in params.values()]
    numbers = getattr(mx.nd._internal, f"_sample_{name}")(*arrays, shape=(N,)).asnumpy()
    assert numbers.shape == (3, N)
    fits(numbers[1])


@pytest.mark.parametrize("dtype", ["int32", "int64"])
def test_randint(ctx: Any, dtype: str) -> None:
    mx.random.seed(103)
    x = mx.nd.random.randint(-7, 30, (N,), dtype, ctx=ctx).asnumpy()
    assert x.dtype == dtype
    assert_discrete(x, lambda v: np.where((v >= -7) & (v < 30), 1 / 37, 0), low=-7)


def test_randint_of_the_widest_ranges(ctx: Any) -> None:
    mx.random.seed(104)
    for low, high in ((-(2**63), 2**63 - 1), (-(2**62), 2**62), (0, 2**62 - 1)):
        x = mx.nd.random.randint(low, high, (N,), "int64", ctx=ctx).asnumpy().astype(np.float64)
        assert_continuous(x, lambda v, a=low, b=high: (v - a) / (b - a))  # type: ignore[misc]
    x = mx.nd.random.randint(-(2**31), 2**31, (N,), ctx=ctx).asnumpy()
    assert_continuous(x, lambda v: (v + 2**31) / 2**32)


def test_multinomial(ctx: Any) -> None:
    """Rows that sum to one, and one that does not: what is missing goes to the last class that can be."""
    p = np.array([[0.05, 0, 0.15, 0.5, 0.3, 0], [0, 1, 0, 0, 0, 0], [0.25, 0, 0.25, 0, 0, 0]])
    mx.random.seed(105)
    y = mx.nd.random.multinomial(mx.nd.array(p, ctx=ctx), shape=(N,)).asnumpy()
    assert_discrete(y[0], lambda k: p[0][k])
    assert (y[1] == 1).all()
    assert_discrete(y[2], lambda k: np.array([0.25, 0, 0.75, 0, 0, 0])[k])


def test_gradient_of_multinomial(ctx: Any) -> None:
    p = np.array([[0.2, 0.3, 0.5], [0.6, 0.4, 0]])
    data = mx.nd.array(p, ctx=ctx)
    data.attach_grad()
    heads = np.random.default_rng(3).standard_normal((2, 4, 5)).astype(np.float32)
    mx.random.seed(106)
    with mx.autograd.record():
        y, log_p = mx.nd.random.multinomial(data, shape=(4, 5), get_prob=True)
    log_p.backward(mx.nd.array(heads, ctx=ctx))
    drawn = y.asnumpy()
    want = np.zeros((2, 3))
    for row, k in itertools.product(range(2), range(3)):
        want[row, k] = heads[row][drawn[row] == k].sum() / (p[row, k] or 1)
    np.testing.assert_allclose(data.grad.asnumpy(), want, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(log_p.asnumpy()[0], np.log(p[0])[drawn[0]], rtol=1e-5)


def test_zipfian(ctx: Any) -> None:
    """One number a row is no more than exp(u log range), rounded."""
    mx.random.seed(107)
    with ctx:
        y, tries = mx.nd._internal._sample_unique_zipfian(range_max=50, shape=(N, 1))
    assert (tries.asnumpy() == 1).all()

    def pmf(k: Array) -> Array:
        low, high = np.maximum(k + 0.5, 1), np.minimum(k + 1.5, 50)
        return np.log(high / low) / math.log(50)

    assert_discrete(y.asnumpy(), pmf)


def test_every_order_is_alike_likely(ctx: Any) -> None:
    mx.random.seed(108)
    orders = {order: k for k, order in enumerate(itertools.permutations(range(4)))}
    data = mx.nd.array(range(4), ctx=ctx)
    found = [orders[tuple(mx.nd.random.shuffle(data).asnumpy().astype(int))] for _ in range(2000)]
    assert_discrete(np.array(found), lambda k: np.where(k < 24, 1 / 24, 0))


def test_shuffle_of_many(ctx: Any) -> None:
    """Dealt to heaps first: where a slice comes from says nothing about where it goes."""
    mx.random.seed(109)
    n = 20000
    data = mx.nd.array(np.arange(n), ctx=ctx, dtype="int32")
    order = mx.nd.random.shuffle(data).asnumpy()
    np.testing.assert_array_equal(np.sort(order), np.arange(n))
    places = (order // 1000) * 20 + np.arange(n) // 1000
    assert_discrete(places, lambda k: np.where(k < 400, 1 / 400, 0))
    assert_discrete(np.sign(np.diff(order)) + 1, lambda k: np.where(k == 1, 0, 0.5))


def test_gradient_of_shuffle(ctx: Any) -> None:
    data = mx.nd.array(np.arange(21).reshape(7, 3), ctx=ctx)
    data.attach_grad()
    with mx.autograd.record():
        y = mx.nd.random.shuffle(data)
    y.backward(y * 10)
    np.testing.assert_array_equal(data.grad.asnumpy(), data.asnumpy() * 10)


# --- the same numbers everywhere ----------------------------------------------------------------------------
def streams(ctx: Any) -> list[Array]:
    """Numbers of every sampler, in sizes for one generator, for some, and for all of them."""
    mx.random.seed(7)
    found = []
    with ctx:
        for size in (1, 65, 70001):
            for name, params, _ in FITS[:: 1 if size < 100 else 2]:
                draw = getattr(mx.nd._internal, f"_random_{name}")
                types = ("float32", "float64", "float16") if size == 65 else ("float32",)
                found += [draw(**params, shape=(size,), dtype=t) for t in types]
            found.append(mx.nd.random.randint(-5, 2**40, (size,), "int64"))
            found.append(mx.nd.random.shuffle(mx.nd.arange(size)))
            found += mx.nd.random.multinomial(mx.nd.array([0.25, 0.5, 0.25]), size, get_prob=True)
        found.append(mx.nd.random.gamma(mx.nd.array([0.5, 3]), mx.nd.array([1, 2]), 700))
        found += mx.nd._internal._sample_unique_zipfian(range_max=500, shape=(1500, 7))
    return [a.asnumpy() for a in found]


def assert_same(got: list[Array], want: list[Array]) -> None:
    for k, (a, b) in enumerate(zip(got, want, strict=True)):
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a, b, err_msg=f"stream {k}")


def test_devices_draw_the_same_numbers() -> None:
    """Also those that go through logarithms, and those that take a number of draws left to chance.

    `log_p` of a multinomial alone is a logarithm of the device's own.
    """
    first, *others = [streams(ctx) for ctx in (*contexts(), mx.cpu(3))]
    for other in others:
        for k, (a, b) in enumerate(zip(other, first, strict=True)):
            if a.dtype == np.float32 and (b <= 0).all():
                np.testing.assert_allclose(a, b, rtol=1e-6, err_msg=f"stream {k}")
            else:
                np.testing.assert_array_equal(a, b, err_msg=f"stream {k}")


def test_threads_change_no_number() -> None:
    found = []
    for threads in (1, 2, 4):
        mx._core.set_num_threads(threads)
        found.append(streams(mx.cpu()))
    assert_same(found[1], found[0])
    assert_same(found[2], found[0])


def test_a_graph_draws_what_calls_draw(ctx: Any) -> None:
    mx.random.seed(5)
    want = [mx.nd.random.gamma(2, 3, (131,), ctx=ctx), mx.nd.random.poisson(4, (7, 3), ctx=ctx)]
    net = mx.sym.Group([mx.sym.random.gamma(2, 3, (131,)), mx.sym.random.poisson(4, (7, 3))])
    executor = net.bind(ctx, {})
    mx.random.seed(5)
    got = executor.forward()
    assert_same([a.asnumpy() for a in got], [a.asnumpy() for a in want])


def test_seeds(ctx: Any) -> None:
    def draw() -> Array:
        numbers: Array = mx.nd.random.gamma(2, 3, (100,), ctx=ctx).asnumpy()
        return numbers

    mx.random.seed(5)
    first, second = draw(), draw()
    mx.random.seed(6)
    other = draw()
    mx.random.seed(5, ctx)
    np.testing.assert_array_equal(draw(), first)
    np.testing.assert_array_equal(draw(), second)
    assert not np.isin(first, np.concatenate([second, other])).any()


def test_cpu_contexts_draw_from_one_stream() -> None:
    """As in MXNet: which CPU context draws makes no difference, used before the seed or not."""

    def drawn(*contexts: int) -> list[list[float]]:
        mx.random.seed(12)
        return [mx.nd.random.uniform(shape=(9,), ctx=mx.cpu(i)).asnumpy().tolist() for i in contexts]

    assert drawn(41, 0, 3) == drawn(0, 0, 0)


def test_contexts_of_one_module_drop_different_units() -> None:
    """Two contexts of a Module do not repeat each other's dropout masks."""
    net = mx.sym.Dropout(mx.sym.Variable("data"), p=0.5)
    module = mx.mod.Module(net, label_names=None, context=[mx.cpu(0), mx.cpu(1)])
    module.bind([("data", (2, 200))])
    module.init_params()
    mx.random.seed(3)
    module.forward(mx.io.DataBatch([mx.nd.ones((2, 200))]), is_train=True)
    first, second = module.get_outputs()[0].asnumpy()
    assert (first != second).any()


def test_threads_share_a_stream_without_losing_a_number(ctx: Any) -> None:
    """Two threads at once get, row by row, what one thread gets: no row twice, none torn."""
    times, shape = 60, (3, 211)
    mx.random.seed(13)
    want = {mx.nd.random.normal(shape=shape, ctx=ctx).asnumpy().tobytes() for _ in range(2 * times)}
    mx.random.seed(13)
    found: list[bytes] = []

    def draw() -> None:
        for _ in range(times):
            found.append(mx.nd.random.normal(shape=shape, ctx=ctx).asnumpy().tobytes())

    workers = [threading.Thread(target=draw) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(found) == 2 * times
    assert set(found) == want


# --- how they are called ------------------------------------------------------------------------------------
def test_out_gives_shape_type_and_context(ctx: Any) -> None:
    out = mx.nd.zeros((3, 5), ctx=ctx, dtype="float64")
    mx.random.seed(3)
    result = mx.nd.random.exponential(2, out=out)
    assert result is out
    mx.random.seed(3)
    want = mx.nd.random.exponential(2, (3, 5), "float64", ctx)
    np.testing.assert_array_equal(out.asnumpy(), want.asnumpy())


def test_samplers_stand_in_three_modules() -> None:
    names = {"uniform", "normal", "randn", "randint", "poisson", "exponential", "gamma", "multinomial",
             "negative_binomial", "generalized_negative_binomial", "shuffle"}  # fmt: skip
    for module in (mx.random, mx.nd.random, mx.sym.random):
        assert names <= set(module.__all__)
        assert all(callable(getattr(module, name)) and getattr(module, name).__doc__ for name in names)
    assert mx.random.gamma is mx.nd.random.gamma
    with pytest.raises(AttributeError, match="nonsense"):
        mx.nd.random.nonsense  # noqa: B018


def test_symbols_as_parameters(ctx: Any) -> None:
    net = mx.sym.random.exponential(mx.sym.Variable("scale"), shape=(N,))
    assert mx.sym.random.exponential(2, (3,)).list_attr()["lam"] == "0.5"
    executor = net.bind(ctx, {"scale": mx.nd.array([0.5, 8], ctx=ctx)})
    mx.random.seed(14)
    x = executor.forward()[0].asnumpy()
    assert_continuous(x[1], lambda v: -np.expm1(-v / 8))


def test_like_takes_shape_and_type(ctx: Any) -> None:
    data = mx.nd.zeros((2, 3), ctx=ctx, dtype="float64")
    mx.random.seed(15)
    x = mx.nd.random.normal_like(data, loc=4)
    assert (x.shape, x.dtype, x.context) == ((2, 3), np.float64, ctx)
    mx.random.seed(15)
    np.testing.assert_array_equal(x.asnumpy(), mx.nd.random.normal(4, 1, (2, 3), "float64", ctx).asnumpy())


def test_empty_shapes(ctx: Any) -> None:
    with mx.util.np_shape(), ctx:
        assert mx.nd.random.gamma(2, shape=(0, 3)).shape == (0, 3)
        assert mx.nd.random.shuffle(mx.nd.zeros((0, 3))).shape == (0, 3)
        assert mx.nd.random.shuffle(mx.nd.zeros((3, 0))).shape == (3, 0)
        assert mx.nd.random.multinomial(mx.nd.zeros((0, 3)), 2).shape == (0, 2)
        assert mx.nd.random.poisson(mx.nd.zeros((0, 3)), 2).shape == (0, 3, 2)
        assert mx.nd.random_pdf_poisson(mx.nd.zeros((2, 0)), mx.nd.ones(2)).shape == (2, 0)
        with pytest.raises(mx.MXNetError, match="at least one component"):
            mx.nd.random_pdf_dirichlet(mx.nd.zeros((2, 0)), mx.nd.zeros((2, 0)))
        data = mx.nd.zeros((3, 0))
        data.attach_grad()
        with mx.autograd.record():
            y = mx.nd.random.shuffle(data)
        y.backward()
        assert data.grad.shape == (3, 0)


R = mx.nd.random
ONES = [1.0, 1.0]
WRONG: list[tuple[Any, str, Call]] = [
    (mx.MXNetError, "lam >= 0.*-1", lambda: R.poisson(-1)),
    (mx.MXNetError, "finite", lambda: R.poisson(math.nan)),
    (mx.MXNetError, "finite", lambda: R.uniform(0, math.inf)),
    (mx.MXNetError, "low <= high", lambda: R.uniform(2, 1)),
    (mx.MXNetError, "scale > 0", lambda: R.normal(0, -1)),
    (mx.MXNetError, "scale must be positive.*0", lambda: R.exponential(0)),
    (mx.MXNetError, "alpha > 0", lambda: R.gamma(0)),
    (mx.MXNetError, "beta > 0", lambda: R.gamma(1, -2)),
    (mx.MXNetError, "k >= 0", lambda: R.negative_binomial(-3, 0.5)),
    (mx.MXNetError, "0 < p <= 1.*1.5", lambda: R.negative_binomial(1, 1.5)),
    (mx.MXNetError, "0 < p <= 1", lambda: R.negative_binomial(1, 0)),
    (mx.MXNetError, "alpha >= 0", lambda: R.generalized_negative_binomial(1, -1)),
    (mx.MXNetError, "low < high.*5.*5", lambda: R.randint(5, 5)),
    (mx.MXNetError, "int32", lambda: R.randint(0, 2**40)),
    (mx.MXNetError, "2.5", lambda: R.randint(0, 2.5)),
    (TypeError, "must be numbers", lambda: R.randint(mx.nd.ones(2), mx.nd.ones(2))),
    (TypeError, "high", lambda: R.randint(3)),
    (mx.MXNetError, "float32.*float64|dtype", lambda: R.uniform(dtype="int32")),
    (mx.MXNetError, "too large", lambda: R.normal(shape=(2**40, 2**40))),
    (mx.MXNetError, "too large", lambda: R.normal(mx.nd.ones(2), mx.nd.ones(2), shape=(2**40, 2**40))),
    (mx.MXNetError, "-3", lambda: R.gamma(shape=(2, -3))),
    (mx.MXNetError, "at least 1.*-3", lambda: mx.sym.random.poisson(mx.sym.Variable("a"), -3)),
    (AssertionError, "same type", lambda: R.uniform(mx.nd.ones(2), 3)),
    (AssertionError, "same type", lambda: R.uniform(0, mx.nd.ones(2))),
    (AssertionError, "same type", lambda: mx.sym.random.normal(mx.sym.Variable("a"), 1)),
    (ValueError, "NDArray or numbers", lambda: R.uniform("low")),
    (mx.MXNetError, r"\(2,\).*\(3,\)", lambda: R.gamma(mx.nd.ones(2), mx.nd.ones(3))),
    (TypeError, "ctx", lambda: R.uniform(ctx="gpu(0)")),
    (TypeError, "out", lambda: R.uniform(out=[1.0])),
    (mx.MXNetError, "out has shape", lambda: R.uniform(out=mx.nd.zeros(3), shape=4)),
    (mx.MXNetError, "float32 vs float64", lambda: R.uniform(out=mx.nd.zeros(3), dtype="float64")),
    (mx.MXNetError, "foo", lambda: R.uniform(foo=3)),
    (mx.MXNetError, "float16 or float32 or float64, got int32",
     lambda: R.normal_like(mx.nd.zeros(3, dtype="int32"))),
    (mx.MXNetError, "float16 or float32 or float64, got int32",
     lambda: R.multinomial(mx.nd.ones(3, dtype="int32"))),
    (mx.MXNetError, "256 classes", lambda: R.multinomial(mx.nd.ones(300), dtype="uint8")),
    (mx.MXNetError, "int8", lambda: R.multinomial(mx.nd.ones(3), dtype="int8")),
    (mx.MXNetError, "rows", lambda: mx.nd._internal._sample_unique_zipfian(range_max=5, shape=(3,))),
    (mx.MXNetError, "6 distinct", lambda: mx.nd._internal._sample_unique_zipfian(range_max=5, shape=(3, 6))),
    (mx.MXNetError, "below 2.31", lambda: mx.nd._internal._sample_unique_zipfian(
        range_max=2**40, shape=(3, 6))),
    (mx.MXNetError, "front of the samples", lambda: mx.nd.random_pdf_normal(
        mx.nd.ones((3, 2)), mx.nd.ones(2), mx.nd.ones(2))),
    (mx.MXNetError, "without the last axis", lambda: mx.nd.random_pdf_dirichlet(
        mx.nd.ones((2, 3)), mx.nd.ones(2))),
    (ValueError, "seed_state", lambda: mx.random.seed(1.5)),
    (ValueError, "64 bits", lambda: mx.random.seed(2**64)),
    (TypeError, "ctx", lambda: mx.random.seed(1, 3)),
]  # fmt: skip


@pytest.mark.parametrize(
    ("error", "text", "call"), WRONG, ids=[f"{k}-{t}" for k, (_, t, _) in enumerate(WRONG)]
)
def test_wrong(error: Any, text: str, call: Call) -> None:
    with pytest.raises(error, match=f"(?s){text}"):
        call()


def test_dropout_of_nothing_draws_nothing(ctx: Any) -> None:
    """With p = 0 the numbers that follow are those of a program without the layer, as in MXNet 1.9.1."""
    x = mx.sym.Variable("x")
    found = []
    for net in (mx.sym.Dropout(x, p=0.0), mx.sym.identity(x)):
        mx.random.seed(1)
        executor = net.simple_bind(ctx, x=(3, 5))
        executor.forward(is_train=True, x=np.arange(15, dtype=np.float32).reshape(3, 5))
        executor.backward(mx.nd.ones((3, 5), ctx))
        drawn = mx.nd.random.uniform(shape=(4,), ctx=ctx)
        found.append([a.asnumpy() for a in (executor.outputs[0], executor.grad_dict["x"], drawn)])
    for a, b in zip(*found, strict=True):
        np.testing.assert_array_equal(a, b)


def test_seeds_load_no_driver_and_reach_devices_listed_later() -> None:
    program = """
import sys
import cysym as mx
mx.random.seed(7)
mx.nd.waitall()
assert "pyopencl" not in sys.modules
if mx.context.num_gpus():
    late = mx.nd.random.uniform(shape=(5,), ctx=mx.gpu(0)).asnumpy()
    mx.random.seed(7)
    again = mx.nd.random.uniform(shape=(5,), ctx=mx.gpu(0)).asnumpy()
    assert (late == again).all(), (late, again)
    mx.nd.waitall()
print("well")
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120)
    assert done.stdout == "well\n", done.stderr
