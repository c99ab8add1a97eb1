"""RNN against the same network unrolled, and what no case shows: dropout, lengths, weights, threads."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from conftest import contexts

import cysym as mx

Array = np.ndarray
MODES = ("lstm", "gru", "rnn_tanh", "rnn_relu")
GATES = {"lstm": 4, "gru": 3, "rnn_tanh": 1, "rnn_relu": 1}
TIME, BATCH, WIDTH, HIDDEN = 4, 3, 5, 17


def parameters_of(mode: str, width: int, hidden: int, layers: int = 1, sides: int = 1) -> int:
    rows = GATES[mode] * hidden
    return sum(sides * rows * ((sides * hidden if layer else width) + hidden + 2) for layer in range(layers))


def unrolled(mode: str, layers: int, sides: int) -> Any:
    """FullyConnected, Activation and elementwise nodes, weights cut out of the one vector."""
    s = mx.sym
    vector, rows = s.Variable("r_parameters"), GATES[mode] * HIDDEN
    at = 0

    def take(*shape: int) -> Any:
        nonlocal at
        at += int(np.prod(shape))
        return s.reshape(s.slice_axis(vector, axis=0, begin=at - int(np.prod(shape)), end=at), shape=shape)

    cells = [(layer, side) for layer in range(layers) for side in range(sides)]
    weights = {
        (layer, side): (take(rows, sides * HIDDEN if layer else WIDTH), take(rows, HIDDEN))
        for layer, side in cells
    }
    biases = {cell: (take(rows), take(rows)) for cell in cells}

    def dense(x: Any, cell: tuple[int, int], which: int) -> list[Any]:
        y = s.FullyConnected(x, weights[cell][which], biases[cell][which], num_hidden=rows)
        return list(s.split(y, num_outputs=GATES[mode], axis=1)) if GATES[mode] > 1 else [y]

    def step(x: Any, h: Any, c: Any, cell: tuple[int, int]) -> tuple[Any, Any]:
        mine, theirs = dense(x, cell, 0), dense(h, cell, 1)
        if mode == "lstm":
            i, f, g, o = (a + b for a, b in zip(mine, theirs, strict=True))
            c = s.sigmoid(f) * c + s.sigmoid(i) * s.tanh(g)
            return s.sigmoid(o) * s.tanh(c), c
        if mode == "gru":
            r, z = (s.sigmoid(a + b) for a, b in zip(mine[:2], theirs[:2], strict=True))
            return (1 - z) * s.tanh(mine[2] + r * theirs[2]) + z * h, c
        return s.Activation(mine[0] + theirs[0], act_type=mode.removeprefix("rnn_")), c

    state, state_cell = s.Variable("r_state"), s.Variable("r_state_cell")
    xs = list(s.split(s.Variable("data"), num_outputs=TIME, axis=0, squeeze_axis=True))
    last, last_cell = [], []
    for layer in range(layers):
        found = []
        for side in range(sides):
            row = layer * sides + side
            h = s.reshape(s.slice_axis(state, axis=0, begin=row, end=row + 1), shape=(BATCH, HIDDEN))
            c = s.reshape(s.slice_axis(state_cell, axis=0, begin=row, end=row + 1), shape=(BATCH, HIDDEN))
            hs = []
            for x in xs if side == 0 else reversed(xs):
                h, c = step(x, h, c, (layer, side))
                hs.append(h)
            found.append(hs if side == 0 else hs[::-1])
            last.append(h)
            last_cell.append(c)
        xs = [s.concat(*pair, dim=1) if sides == 2 else pair[0] for pair in zip(*found, strict=True)]
    heads = [s.stack(*xs, axis=0), s.stack(*last, axis=0)]
    return s.Group([*heads, s.stack(*last_cell, axis=0)] if mode == "lstm" else heads)


def arrays(mode: str, layers: int, sides: int, dtype: str = "float32") -> dict[str, Array]:
    rng = np.random.default_rng(7)
    states = (layers * sides, BATCH, HIDDEN)
    found = {
        "data": rng.standard_normal((TIME, BATCH, WIDTH)),
        "r_parameters": rng.standard_normal(parameters_of(mode, WIDTH, HIDDEN, layers, sides)) * 0.3,
        "r_state": rng.standard_normal(states),
    }
    if mode == "lstm":
        found["r_state_cell"] = rng.standard_normal(states)
    return {name: a.astype(dtype) for name, a in found.items()}


def run(symbol: Any, inputs: dict[str, Array], ctx: Any, heads: list[Array] | None = None) -> tuple[Any, Any]:
    """Outputs and gradients; heads of ones of rising size unless given."""
    args = {n: mx.nd.array(a, ctx=ctx, dtype=a.dtype) for n, a in inputs.items()}
    grads = {n: mx.nd.zeros(a.shape, ctx=ctx, dtype=a.dtype) for n, a in inputs.items()}
    executor = symbol.bind(ctx, args, grads)
    outputs = [o.asnumpy() for o in executor.forward(is_train=True)]
    if heads is None:
        heads = [np.linspace(-1, 1, o.size).reshape(o.shape).astype(o.dtype) for o in outputs]
    executor.backward([mx.nd.array(h, ctx=ctx, dtype=h.dtype) for h in heads])
    return outputs, {n: g.asnumpy() for n, g in grads.items()}


def rnn(mode: str, hidden: int = HIDDEN, layers: int = 1, **params: Any) -> Any:
    data = mx.sym.Variable("data")
    return mx.sym.RNN(data, state_size=hidden, num_layers=layers, mode=mode, name="r", **params)


@pytest.mark.parametrize("ctx", contexts(), ids=str)
@pytest.mark.parametrize("mode", MODES)
def test_equals_the_unrolled_network(mode: str, ctx: Any) -> None:
    inputs = arrays(mode, 2, 2)
    outputs, grads = run(rnn(mode, layers=2, bidirectional=True, state_outputs=True), inputs, ctx)
    wanted, wanted_grads = run(unrolled(mode, 2, 2), inputs, ctx)
    for got, want in zip(outputs, wanted, strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-5)
    for name, want in wanted_grads.items():
        np.testing.assert_allclose(grads[name], want, rtol=1e-3, atol=1e-4 * np.abs(want).max(), err_msg=name)


@pytest.mark.parametrize("mode", MODES)
def test_reverse_direction_is_a_reversed_sequence(mode: str) -> None:
    """With lengths: both directions are one direction, on the data and on the data reversed."""
    inputs = arrays(mode, 1, 2)
    lengths = np.array([4, 1, 2], np.float32)
    both = rnn(mode, bidirectional=True, state_outputs=True, use_sequence_length=True)
    outputs, _ = run(both, {**inputs, "r_sequence_length": lengths}, mx.cpu())
    rows = GATES[mode] * HIDDEN
    vector = inputs["r_parameters"]
    matrices, biases = vector[: -4 * rows].reshape(2, -1), vector[-4 * rows :].reshape(2, -1)
    at = mx.nd.array(lengths)
    for side in (0, 1):
        args = [inputs["data"], np.concatenate([matrices[side], biases[side]])]
        args += [inputs[n][side : side + 1] for n in ("r_state", "r_state_cell") if n in inputs]
        x, *rest = [mx.nd.array(a) for a in args]
        if side == 1:
            x = mx.nd.SequenceReverse(x, at, use_sequence_length=True)
        y, *last = mx.nd.RNN(
            x, *rest, sequence_length=at, mode=mode, state_size=HIDDEN, num_layers=1, state_outputs=True,
            use_sequence_length=True,
        )  # fmt: skip
        if side == 1:
            y = mx.nd.SequenceReverse(y, at, use_sequence_length=True)
        np.testing.assert_array_equal(outputs[0][:, :, side * HIDDEN : (side + 1) * HIDDEN], y.asnumpy())
        for got, want in zip(outputs[1:], last, strict=True):
            np.testing.assert_array_equal(got[side], want.asnumpy()[0])


@pytest.mark.parametrize("ctx", contexts(), ids=str)
def test_gradient_of_the_last_state_alone(ctx: Any) -> None:
    """Nothing flows back into the output: the same as a head gradient of zeros."""
    inputs = arrays("lstm", 1, 1)
    net = rnn("lstm", state_outputs=True)
    head = np.linspace(-1, 1, BATCH * HIDDEN).reshape(1, BATCH, HIDDEN).astype(np.float32)
    _, grads = run(net[1], inputs, ctx, [head])
    zeros = np.zeros((TIME, BATCH, HIDDEN), np.float32)
    _, wanted = run(net, inputs, ctx, [zeros, head, np.zeros_like(head)])
    for name, want in wanted.items():
        assert np.abs(want).max() > 0
        np.testing.assert_array_equal(grads[name], want)


def passing(layers: int) -> Array:
    """Parameters by which rnn_relu hands on what it gets."""
    n = 8
    one = np.concatenate([np.eye(n).ravel(), np.zeros(n * n)])
    return np.concatenate([np.tile(one, layers), np.zeros(2 * n * layers)]).astype(np.float32)


@pytest.mark.parametrize("ctx", contexts(), ids=str)
def test_dropout_between_layers(ctx: Any) -> None:
    """Drawn at each forward pass, kept for backward, only in training, not behind the last layer."""
    net = rnn("rnn_relu", 8, 2, p=0.25)
    executor = net.simple_bind(ctx, data=(50, 10, 8))
    executor.arg_dict["data"][:] = 1
    executor.arg_dict["r_parameters"][:] = passing(2)
    first = executor.forward(is_train=True)[0].asnumpy()
    assert set(np.unique(first)) == {0, np.float32(1) / np.float32(0.75)}
    assert abs((first == 0).mean() - 0.25) < 0.03
    for _ in range(2):
        executor.backward([mx.nd.ones(first.shape, ctx=ctx)])
        np.testing.assert_array_equal(executor.grad_dict["data"].asnumpy(), first)
    assert (executor.forward(is_train=True)[0].asnumpy() != first).any()
    assert (executor.forward(is_train=False)[0].asnumpy() == 1).all()
    mx.random.seed(3)
    again = [executor.forward(is_train=True)[0].asnumpy()]
    mx.random.seed(3)
    again.append(executor.forward(is_train=True)[0].asnumpy())
    np.testing.assert_array_equal(*again)


def test_dropout_of_everything_and_under_record() -> None:
    x, states = mx.nd.ones((3, 2, 8)), mx.nd.zeros((2, 2, 8))
    params: dict[str, Any] = {"mode": "rnn_relu", "state_size": 8, "num_layers": 2}
    vector = mx.nd.array(passing(2))
    x.attach_grad()
    for train, p, want in ((True, 1.0, 0), (False, 1.0, 1), (False, 0.5, 1)):
        with mx.autograd.record(train_mode=train):
            y = mx.nd.RNN(x, vector, states, p=p, **params)
        y.backward()
        assert (y.asnumpy() == want).all()
        assert (x.grad.asnumpy() == want).all()
    assert (mx.nd.RNN(x, vector, states, p=1.0, **params).asnumpy() == 1).all()


def test_packed_weights_follow_the_parameters() -> None:
    """Inference keeps weights packed from run to run; a change is seen, from wherever it comes."""
    inputs = arrays("gru", 1, 1)
    executor = rnn("gru").simple_bind(mx.cpu(), grad_req="null", data=inputs["data"].shape)
    executor.copy_params_from({n: mx.nd.array(a) for n, a in inputs.items() if n != "data"})
    data = mx.nd.array(inputs["data"])
    outputs = []
    for scale in (1.0, 1.0, 0.5):
        executor.arg_dict["r_parameters"][:] = mx.nd.array(inputs["r_parameters"] * scale)
        outputs.append(executor.forward(is_train=False, data=data)[0].asnumpy())
        fresh = mx.nd.RNN(
            data, executor.arg_dict["r_parameters"], executor.arg_dict["r_state"],
            mode="gru", state_size=HIDDEN, num_layers=1,
        )  # fmt: skip
        np.testing.assert_array_equal(outputs[-1], fresh.asnumpy())
    np.testing.assert_array_equal(outputs[0], outputs[1])
    assert (outputs[1] != outputs[2]).any()


@pytest.mark.parametrize("mode", MODES)
def test_threads_do_not_matter(mode: str) -> None:
    """Sizes at which every call is shared, with blocks of units and of rows that are cut off."""
    time, batch, width, hidden = 3, 70, 90, 200
    rng = np.random.default_rng(1)
    symbol = rnn(mode, hidden, state_outputs=True)
    shapes, _, _ = symbol.infer_shape(data=(time, batch, width))
    inputs = {
        n: (rng.standard_normal(shape) * 0.2).astype(np.float32)
        for n, shape in zip(symbol.list_arguments(), shapes, strict=True)
    }
    found = []
    for threads in (1, 2, 4):
        mx._core.set_num_threads(threads)
        outputs, grads = run(symbol, inputs, mx.cpu())
        found.append([*outputs, *grads.values()])
    for other in found[1:]:
        for a, b in zip(found[0], other, strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("ctx", contexts(), ids=str)
def test_half_precision_is_float32_rounded_once(ctx: Any) -> None:
    inputs = arrays("lstm", 2, 1, "float16")
    net = rnn("lstm", layers=2, state_outputs=True)
    outputs, grads = run(net, inputs, ctx)
    heads = [np.linspace(-1, 1, o.size).reshape(o.shape).astype(np.float16) for o in outputs]
    wide = {n: a.astype(np.float32) for n, a in inputs.items()}
    wanted, wanted_grads = run(net, wide, ctx, [h.astype(np.float32) for h in heads])
    for got, want in zip(outputs, wanted, strict=True):
        np.testing.assert_array_equal(got, want.astype(np.float16))
    for name, want in wanted_grads.items():
        np.testing.assert_allclose(grads[name], want.astype(np.float16), rtol=2e-2, atol=2e-2, err_msg=name)


def test_a_batch_of_nothing() -> None:
    with mx.util.np_shape():
        inputs = {n: a[:, :0] if a.ndim == 3 else a for n, a in arrays("gru", 1, 1).items()}
        outputs, grads = run(rnn("gru", state_outputs=True), inputs, mx.cpu())
    assert [o.shape for o in outputs] == [(TIME, 0, HIDDEN), (1, 0, HIDDEN)]
    assert not grads["r_parameters"].any()


def test_what_is_refused() -> None:
    net = rnn("lstm", 4, projection_size=2)
    executor = net.simple_bind(mx.cpu(), data=(3, 2, 5))
    with pytest.raises(mx.MXNetError, match="projection_size=2 is for inference only"):
        executor.forward(is_train=True)
    assert executor.forward(is_train=False)[0].shape == (3, 2, 2)
    inputs = [mx.nd.array(a) for a in arrays("gru", 1, 1).values()]
    inputs[0].attach_grad()
    with mx.autograd.record():
        y = mx.nd.RNN(*inputs, mode="gru", state_size=HIDDEN, num_layers=1)
        (dx,) = mx.autograd.grad(y, [inputs[0]], create_graph=True, retain_graph=True)
    with pytest.raises(mx.MXNetError, match="RNN is not twice differentiable"):
        dx.backward()
