"""Gradients of gradients: `autograd.grad(create_graph=True)` against differences of first gradients."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from harness import as_tuple
from test_autograd import Scaled, variable
from test_autograd_graphs import SUBJECTS

from cysym import autograd as ag
from cysym import nd
from cysym.base import MXNetError

Function = Callable[..., Any]
UNARY = [
    "exp", "log", "log2", "log10", "log1p", "expm1", "sin", "cos", "tan", "arcsin", "arccos", "arctan",
    "sinh", "cosh", "tanh", "arcsinh", "arctanh", "sqrt", "rsqrt", "cbrt", "rcbrt", "square", "reciprocal",
    "sigmoid", "relu", "softsign", "erf", "abs",
]  # fmt: skip
TWICE: dict[str, tuple[Function, list[tuple[int, ...]]]] = {
    **{name: (getattr(nd, name), [(2, 3)]) for name in UNARY},
    "arccosh": (lambda a: nd.arccosh(a + 1), [(2, 3)]),
    "softrelu": (lambda a: nd.Activation(a, act_type="softrelu"), [(2, 3)]),
    "linear": (lambda a: nd.radians(nd.identity(-a) ** 2) + nd.degrees(a * a), [(2, 3)]),
    "elu": (lambda a: nd.LeakyReLU(a - 0.5, act_type="elu"), [(2, 3)]),
    "gelu": (lambda a: nd.LeakyReLU(a - 0.5, act_type="gelu"), [(2, 3)]),
    "smooth_l1": (lambda a: nd.smooth_l1(a - 0.5, scalar=2.0), [(2, 3)]),
    "scalars": (lambda a: 2 / (a**3 + 1) + 3**a - (1 - a) * 5, [(2, 3)]),
    "elemwise": (lambda a, b: nd.elemwise_mul(a, b) / (a + b), [(2, 3), (2, 3)]),
    "broadcast_mul": (lambda a, b: a * b, [(2, 3), (3,)]),
    "broadcast_div": (lambda a, b: a / b, [(2, 1), (2, 3)]),
    "broadcast_power": (lambda a, b: a**b, [(2, 3), (1, 3)]),
    "broadcast_hypot": (nd.broadcast_hypot, [(2, 3), (3,)]),
    "broadcast_to": (lambda a: nd.broadcast_to(a * a, shape=(4, 3)) ** 2, [(1, 3)]),
    "maximum": (lambda a, b: nd.maximum(a * a, b) ** 2, [(2, 3), (2, 3)]),
    "where": (lambda a, b: nd.where(nd.array([1, 0]), a * b, b * b), [(2, 3), (2, 3)]),
    "add_n": (lambda a, b: nd.add_n(a * b, a, b * b), [(2, 3), (2, 3)]),
    "dot": (lambda a, b: nd.dot(a, b, transpose_a=True), [(3, 2), (3, 4)]),
    "batch_dot": (lambda a, b: nd.batch_dot(a, b, transpose_b=True), [(2, 2, 3), (2, 4, 3)]),
    "FullyConnected": (lambda x, w, b: nd.tanh(nd.FullyConnected(x, w, b, num_hidden=4)),
                       [(2, 3), (4, 3), (4,)]),
    "bias": (lambda x, b: nd.exp(nd.FullyConnected(x, nd.ones((2, 3), dtype="float64"), b, num_hidden=2)),
             [(2, 3), (2,)]),
    "Convolution": (lambda x, w, b: nd.tanh(nd.Convolution(x, w, b, num_filter=2, kernel=(2, 2), pad=(1, 0))),
                    [(1, 2, 3, 3), (2, 2, 2, 2), (2,)]),
    "Deconvolution": (lambda x, w: nd.sin(nd.Deconvolution(x, w, num_filter=2, kernel=(2, 2), stride=(1, 2))),
                      [(1, 2, 2, 3), (2, 2, 2, 2)]),
    "sum": (lambda a: nd.sum(a * a, axis=1) ** 2, [(2, 3)]),
    "mean": (lambda a: nd.mean(a * a, axis=0, keepdims=True) ** 2, [(2, 3)]),
    "max": (lambda a: nd.max(a * a, axis=1) ** 3, [(2, 3)]),
    "nansum": (lambda a: nd.nansum(a * a, axis=1, exclude=True) ** 2, [(2, 3)]),
    "norm": (lambda a: nd.norm(a * a, axis=1, keepdims=True), [(2, 3)]),
    "norm_of_all": (nd.norm, [(2, 3)]),
    "softmax": (lambda a: nd.softmax(a * a, axis=1), [(2, 3)]),
    "log_softmax": (lambda a: nd.log_softmax(a * a, axis=0, temperature=2.0), [(2, 3)]),
    "Pooling": (lambda a: nd.Pooling(a * a, pool_type="avg", kernel=(2, 2)) ** 2, [(1, 1, 3, 3)]),
    "Embedding": (lambda w: nd.take(w * w, nd.array([0, 1, 0])) ** 2, [(2, 3)]),
    "slices": (lambda a: a[0] ** 3 * a[1:2] + a[:, 1:2] ** 2 * a.T.reshape((2, 3)), [(2, 3)]),
    "concat": (
lambda a, b: nd.concat(a * b, b * a, dim=0) ** 2, [(2, 3), (2, 3)]),
}  # fmt: skip


def first_gradients(function: Function, inputs: list[Any], head: Any, create_graph: bool = False) -> Any:
    for a in inputs:
        a.attach_grad()
    with ag.record():
        y = function(*inputs)
        return ag.grad(y, inputs, head_grads=head(y), create_graph=create_graph)


@pytest.mark.parametrize("name", TWICE)
def test_second_derivatives(name: str, rng: np.random.Generator) -> None:
    """d/dx of sum(w * gradient) against central differences of the first gradient."""
    function, shapes = TWICE[name]
    points = [rng.uniform(0.3, 0.8, s) for s in shapes]
    weights = [nd.array(rng.standard_normal(s), dtype="float64") for s in shapes]
    drawn: list[Any] = []

    def head(y: Any) -> Any:
        if not drawn:
            drawn.append(nd.array(rng.standard_normal(y.shape), dtype="float64"))
        return drawn[0]

    def load(at: list[Any]) -> list[Any]:
        return [nd.array(p, dtype="float64") for p in at]

    inputs = load(points)
    found = first_gradients(function, inputs, head, create_graph=True)
    ag.backward(found, weights)
    for i, point in enumerate(points):
        want = np.zeros(point.shape)
        for at in np.ndindex(*point.shape):
            ends = []
            for step in (1e-5, -1e-5):
                moved = [p.copy() for p in points]
                moved[i][at] += step
                grads = first_gradients(function, load(moved), head)
                ends.append(sum(float((g * w).sum().asscalar()) for g, w in zip(grads, weights, strict=True)))
            want[at] = (ends[0] - ends[1]) / 2e-5
        got = inputs[i].grad.asnumpy()
        assert np.abs(got - want).max() <= 1e-6 * max(1.0, np.abs(want).max()), f"input {i}: {got} {want}"


SMOOTH = [
    s for s in SUBJECTS if s.case.gradient == "numeric" and "float64" in s.case.dtypes and not s.op.is_loss
]


@pytest.mark.parametrize("subject", SMOOTH, ids=str)
def test_every_operator_twice(subject: Any) -> None:
    """Along one direction the second derivative is that of the first gradients, or is refused."""
    rng = np.random.default_rng(5)
    start = subject.arrays("float64")

    def gradients(values: dict[str, Any], create_graph: bool) -> tuple[dict[str, Any], list[Any]]:
        inputs = {name: nd.array(v, dtype=v.dtype) for name, v in values.items()}
        for name in subject.wrt:
            inputs[name].attach_grad()
        subject.seed()
        with ag.record():
            made = as_tuple(getattr(nd, subject.case.op)(*inputs.values(), **subject.case.params))
            draw = np.random.default_rng(9)
            heads = [nd.array(draw.standard_normal(m.shape), dtype=m.dtype) for m in made]
            wrt = [inputs[name] for name in subject.wrt]
            return inputs, ag.grad(list(made), wrt, heads, create_graph=create_graph)

    inputs, found = gradients(start, True)
    weights = [rng.standard_normal(g.shape) for g in found]
    along = {name: rng.standard_normal(start[name].shape) for name in subject.wrt}
    if subject.op.name in ("_linalg_potrf", "_linalg_syevd"):  # functions of symmetric matrices
        along = {name: v + v.swapaxes(-1, -2) for name, v in along.items()}
    ends = []
    for step in (1e-5, -1e-5):
        moved = {name: v + step * along[name] if name in along else v for name, v in start.items()}
        ends.append(sum(float((g.asnumpy() * w).sum()) for g, w in zip(gradients(moved, False)[1], weights)))
    want = (ends[0] - ends[1]) / 2e-5
    try:
        ag.backward(found, [nd.array(w, dtype=g.dtype) for w, g in zip(weights, found, strict=True)])
    except MXNetError as error:
        refused = str(error)
    else:
        refused = ""
    if refused:
        is_linear = "There are no inputs in computation graph" in refused and abs(want) < 1e-5
        assert is_linear or re.search(rf"{subject.op.name}\b.*(not .*differentiable|not supported)", refused)
        return
    have = sum(float((inputs[n].grad.asnumpy() * v).sum()) for n, v in along.items())
    assert abs(have - want) <= 1e-5 * max(1.0, abs(want))


def test_third_and_fourth_derivatives(ctx: Any) -> None:
    x = variable([0.5, 1.0, 1.5], ctx, dtype="float64")
    with ag.record():
        y = x**5 * nd.ones((2, 3), ctx=ctx, dtype="float64")
        for _ in range(4):
            y = ag.grad(y, x, create_graph=True)[0]
    np.testing.assert_allclose(y.asnumpy(), 2 * 120 * x.asnumpy(), rtol=1e-12)
    with ag.record():
        y = nd.sin(x) * nd.exp(x)
        for _ in range(3):
            y = ag.grad(y, x, create_graph=True)[0]
    want = 2 * np.exp(x.asnumpy()) * (np.cos(x.asnumpy()) - np.sin(x.asnumpy()))
    np.testing.assert_allclose(y.asnumpy(), want, rtol=1e-12)


def test_gradient_penalty(ctx: Any) -> None:
    """The norm of a gradient as part of a loss, by hand: y = sum(w x^2), |dy/dx|^2 = sum(4 w^2 x^2)."""
    x, w = variable([1.0, 2.0], ctx), variable([3.0, 5.0], ctx)
    with ag.record():
        y = w * x * x
        g = ag.grad(y, [x], create_graph=True)[0]
        loss = y.sum() + (g * g).sum()
    loss.backward()
    np.testing.assert_allclose(x.grad.asnumpy(), [6 + 8 * 9, 20 + 8 * 25 * 2], rtol=1e-6)
    np.testing.assert_allclose(w.grad.asnumpy(), [1 + 8 * 3, 4 + 8 * 5 * 4], rtol=1e-6)


@pytest.mark.parametrize(
    ("name", "function", "shape"),
    [
        ("BatchNorm", lambda x: nd.BatchNorm(x, *(nd.ones((3,)) for _ in range(4))), (2, 3)),
        ("Pooling", lambda x: nd.Pooling(x, kernel=(2, 2), pool_type="max"), (1, 1, 3, 3)),
        ("gamma", nd.gamma, (2, 3)),
        ("prod", lambda x: nd.prod(x, axis=1), (2, 3)),
        ("Scaled", lambda x: Scaled()(x, x)[0], (2, 3)),
    ],
)
def test_what_is_not_twice_differentiable(name: str, function: Function, shape: tuple[int, ...]) -> None:
    x = variable(np.linspace(0.1, 1, int(np.prod(shape))).reshape(shape))
    with ag.record():
        g = ag.grad(function(x * x), [x], create_graph=True)[0]
    with pytest.raises(MXNetError, match=f"{name}.*differentiable"):
        g.backward()
    assert not x.grad.asnumpy().any()
