"""Cells beyond what MXNet answers (`recorded/programs/rnn_*.py`): errors, what MXNet gets wrong, devices."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import cysym as mx
from cysym.rnn.sequences import in_layout

rnn = mx.rnn
X = mx.sym.Variable("x")

CELLS: dict[str, Callable[[], Any]] = {
    "rnn": lambda: rnn.RNNCell(3),
    "lstm": lambda: rnn.LSTMCell(3),
    "gru": lambda: rnn.GRUCell(3),
    "zoneout": lambda: rnn.ZoneoutCell(rnn.LSTMCell(3), 0.3, 0.2),
    "residual": lambda: rnn.ResidualCell(rnn.GRUCell(3)),
    "conv": lambda: rnn.ConvLSTMCell((1, 2, 4, 4), 3),
}


def stack(*cells: Any, **options: Any) -> Any:
    made = rnn.SequentialRNNCell(**options)
    for cell in cells:
        made.add(cell)
    return made


def outputs_of(symbol: Any, seed: int = 0, **shapes: tuple[int, ...]) -> list[np.ndarray]:
    """Outputs with values that depend on the names and shapes of the arguments only."""
    executor = symbol.simple_bind(mx.cpu(), grad_req="null", **shapes)
    for name in sorted(executor.arg_dict):
        array = executor.arg_dict[name]
        array[:] = np.random.default_rng([seed, len(name)]).standard_normal(array.shape)
    return [o.asnumpy() for o in executor.forward()]


# --- errors ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("call", "kind", "text"),
    [
        (lambda: rnn.LSTMCell(3.0), TypeError, "LSTMCell: num_hidden must be a whole number, got 3.0"),
        (lambda: rnn.GRUCell(0), ValueError, "GRUCell: num_hidden must be positive, got 0"),
        (lambda: rnn.RNNCell(3, params={}), TypeError, "RNNCell: params must be RNNParams, got dict"),
        (lambda: rnn.RNNCell(3, prefix=None), TypeError, "RNNCell: prefix must be a text, got None"),
        (lambda: rnn.FusedRNNCell(3, mode="elman"), ValueError, "mode must be one of rnn_relu, .* 'elman'"),
        (lambda: rnn.FusedRNNCell(3, 0), ValueError, "num_layers must be positive, got 0"),
        (lambda: rnn.DropoutCell("0.5"), TypeError, "dropout must be a number, got '0.5'"),
        (lambda: rnn.DropoutCell(1.5), ValueError, "dropout must lie between 0 and 1, got 1.5"),
        (lambda: rnn.ZoneoutCell(rnn.RNNCell(3), -0.1), ValueError, "zoneout_outputs must lie between"),
        (
            lambda: rnn.ZoneoutCell(rnn.FusedRNNCell(3)),
            TypeError,
            "FusedRNNCell 'lstm_' cannot do; unfuse it",
        ),
        (lambda: rnn.ResidualCell("lstm"), TypeError, "ResidualCell takes a cell, got str"),
        (lambda: stack("lstm"), TypeError, "SequentialRNNCell takes cells, got str"),
        (lambda: rnn.ConvRNNCell((1, 2, 4, 4), 3, (2, 3)), ValueError, "h2h_kernel must be odd"),
        (lambda: rnn.ConvRNNCell((1, 2, 4, 4), 3, (3,)), ValueError, "h2h_kernel must be 2 numbers"),
        (lambda: rnn.ConvRNNCell((1, 2, 4, 4), 3, i2h_stride=(0, 1)), ValueError, "i2h_stride must be posi"),
        (lambda: rnn.ConvRNNCell((1, 2), 3), ValueError, r"input_shape must be \(batch, channels, sizes\)"),
        (lambda: rnn.ConvRNNCell((1, 2, 4, 4), 3, i2h_kernel=(9, 9)), mx.MXNetError, "kernel size exceed"),
        (lambda: rnn.RNNCell(3).begin_state(func=3), TypeError, "RNNCell 'rnn_': func must make a state"),
        (lambda: rnn.RNNCell(3).unroll(2, None), TypeError, "Symbol or a list of Symbols, got None"),
        (lambda: rnn.RNNCell(3).unroll(2, [X]), ValueError, "2 steps need 2 inputs, got 1"),
        (lambda: rnn.RNNCell(3).unroll(2.0, X), TypeError, "length must be the number of steps, got 2.0"),
        (lambda: rnn.RNNCell(3).unroll(None, X), TypeError, "length must be the number of steps, got None"),
        (lambda: rnn.RNNCell(3).unroll(0, X), ValueError, "length must be positive, got 0"),
        (lambda: rnn.RNNCell(3).unroll(2, X, layout="NC"), ValueError, "where time is, .* got 'NC'"),
        (lambda: rnn.RNNCell(3).unroll(2, mx.sym.Group([X, X])), ValueError, "got a group of 2"),
        (lambda: rnn.RNNCell(3).unroll(0, [], merge_outputs=True), ValueError, "no steps to merge"),
        (lambda: rnn.LSTMCell(3).unroll(2, X, [X]), ValueError, "LSTMCell 'lstm_' has 2 states, got 1"),
        (lambda: rnn.LSTMCell(3)(X, 5), ValueError, "LSTMCell 'lstm_' has 2 states, got int"),
        (lambda: stack(rnn.GRUCell(3))(X, [X, X]), ValueError, "SequentialRNNCell has 1 states, got 2"),
        (lambda: rnn.FusedRNNCell(3).unroll(2, X, layout="NCT"), ValueError, "first or the second axis"),
        (
            lambda: stack(rnn.FusedRNNCell(3))(X, [X, X]),
            NotImplementedError,
            "FusedRNNCell 'lstm_' cannot be",
        ),
        (lambda: rnn.save_rnn_checkpoint([3], "p", 0, X, {}, {}), TypeError, "list of cells, got int"),
    ],
)
def test_refused(call: Callable[[], Any], kind: type[Exception], text: str) -> None:
    with pytest.raises(kind, match=text):
        call()


def test_a_cell_in_a_modifier_is_used_through_it() -> None:
    inner = rnn.GRUCell(3)
    outer = rnn.ZoneoutCell(inner, 0.1)
    with pytest.raises(ValueError, match="GRUCell 'gru_' is inside a modifier cell"):
        inner.begin_state()
    with pytest.raises(TypeError, match="func must make a state"):
        outer.begin_state(func="zeros")
    with pytest.raises(ValueError, match="inside a modifier"):  # also after the modifier's call failed
        inner.begin_state()
    with pytest.raises(ValueError, match="2 inputs, got 1"):
        rnn.ResidualCell(outer).unroll(2, [X])
    with pytest.raises(ValueError, match="ZoneoutCell is inside a modifier"):
        outer.begin_state()


@pytest.mark.parametrize("direction", ["unpack_weights", "pack_weights"])
@pytest.mark.parametrize("make", [*CELLS.values(), lambda: rnn.FusedRNNCell(3)], ids=[*CELLS, "fused"])
def test_weights_that_are_not_there(make: Callable[[], Any], direction: str) -> None:
    args = {"other": mx.nd.ones((2,))}
    with pytest.raises(KeyError, match="there is no parameter '"):
        getattr(make(), direction)(args)
    assert list(args) == ["other"]


def test_weights_of_other_sizes() -> None:
    lstm, fused = rnn.LSTMCell(3), rnn.FusedRNNCell(2, prefix="f_")
    args = {f"lstm_{s}_{k}": mx.nd.ones((13, 2)) for s in ("i2h", "h2h") for k in ("weight", "bias")}
    with pytest.raises(
        ValueError, match=r"lstm_i2h_weight: 4 gates of 3 units need 12 rows, got shape \(13, 2\)"
    ):
        lstm.unpack_weights(args)
    with pytest.raises(
        ValueError, match="no lstm with 1 layers of 2 units in 1 directions has 50 parameters"
    ):
        fused.unpack_weights({"f_parameters": mx.nd.ones((50,))})
    apart = fused.unpack_weights({"f_parameters": mx.nd.ones((56,))})
    apart["f_l0_h2h_o_weight"] = mx.nd.ones((2, 3))
    with pytest.raises(ValueError, match=r"f_l0_h2h_o_weight must have shape \(2, 2\), got \(2, 3\)"):
        fused.pack_weights(apart)
    apart["f_l0_i2h_i_weight"] = mx.nd.ones((2,))
    with pytest.raises(ValueError, match="f_l0_i2h_i_weight must be a matrix"):
        fused.pack_weights(apart)
    assert len(apart) == 16


def test_a_checkpoint_of_other_cells_is_not_written(tmp_path: Any) -> None:
    save = rnn.do_rnn_checkpoint([rnn.GRUCell(2)], str(tmp_path / "net"))
    with pytest.raises(KeyError, match="GRUCell 'gru_': there is no parameter 'gru_i2h_weight'"):
        save(0, X, {"w": mx.nd.ones((2,))}, {})
    assert not list(tmp_path.iterdir())


# --- what MXNet gets wrong ---------------------------------------------------------------------------------
def test_params_of_a_stack_replace_those_of_its_cells() -> None:
    """MXNet refuses every cell that has weights."""
    first = rnn.LSTMCell(3)
    for make in (
        lambda p: stack(rnn.LSTMCell(3), params=p),
        lambda p: stack(stack(rnn.DropoutCell(0.1), rnn.ResidualCell(rnn.LSTMCell(3))), params=p),
        lambda p: rnn.BidirectionalCell(rnn.LSTMCell(3), rnn.GRUCell(2), params=p),
    ):
        second = make(first.params)
        one, other = first.unroll(2, X)[0], second.unroll(2, X)[0]
        net = mx.sym.Group([*one, *other])
        assert net.list_arguments().count("lstm_i2h_weight") == 1
    with pytest.raises(ValueError, match="RNNCell 'rnn_' shares its own"):
        stack(rnn.RNNCell(3, params=first.params), params=first.params)


def test_modifiers_around_stacks() -> None:
    whole = rnn.ZoneoutCell(stack(rnn.GRUCell(4), rnn.ResidualCell(rnn.RNNCell(4))), 0.5, 0.5)
    begin = whole.begin_state(func=mx.sym.Variable)
    assert [s.name for s in begin] == ["gru_begin_state_0", "rnn_begin_state_0"]
    outputs, states = whole.unroll(3, X, merge_outputs=True)
    plain = stack(rnn.GRUCell(4), rnn.ResidualCell(rnn.RNNCell(4))).unroll(3, X, merge_outputs=True)
    got = outputs_of(mx.sym.Group([outputs, *states]), x=(2, 3, 4))
    want = outputs_of(mx.sym.Group([plain[0], *plain[1]]), x=(2, 3, 4))
    for a, b in zip(got, want, strict=True):  # nothing is kept back outside training
        np.testing.assert_allclose(a, b, 1e-5, 1e-6)
    with pytest.raises(TypeError, match="cannot do; unfuse it"):
        rnn.ZoneoutCell(stack(rnn.FusedRNNCell(3)))


def test_zoneout_of_images() -> None:
    cell = rnn.ZoneoutCell(rnn.ConvLSTMCell((1, 2, 4, 4), 3), 0.3, 0.2)
    net = mx.sym.Group(cell.unroll(2, X)[0])
    assert [o.shape for o in outputs_of(net, x=(2, 2, 2, 4, 4))] == [(2, 3, 4, 4)] * 2


@pytest.mark.parametrize("name", CELLS)
def test_unrolled_again_with_the_same_names(name: str) -> None:
    """As BucketingModule needs it, which finds parameters and states by name."""
    cell = CELLS[name]()
    texts = []
    for _ in range(2):
        with mx.name.NameManager():
            outputs, states = cell.unroll(3, X)
        texts.append(mx.sym.Group([*outputs, *states]).tojson())
    assert texts[0] == texts[1]


def test_channels_last() -> None:
    """The GRU's gates are cut along the channels, wherever the layout has them."""
    for make in (rnn.ConvRNNCell, rnn.ConvLSTMCell, rnn.ConvGRUCell):
        cell = make((1, 4, 5, 2), 3, conv_layout="NHWC")
        assert cell.state_shape[0] == (0, 4, 5, 3)
        outputs, states = cell.unroll(2, [X, mx.sym.Variable("y")])
        shapes = mx.sym.Group([*outputs, *states]).infer_shape(x=(2, 4, 5, 2), y=(2, 4, 5, 2))[1]
        assert set(shapes) == {(2, 4, 5, 3)}


def test_images_of_one_dimension(ctx: mx.Context) -> None:
    one = {"h2h_dilate": (1,), "i2h_kernel": (3,), "i2h_stride": (1,), "i2h_pad": (1,), "i2h_dilate": (1,)}
    cell = rnn.ConvGRUCell((1, 2, 6), 3, (5,), conv_layout="NCW", **one)
    assert cell.state_shape == [(0, 3, 6)]
    executor = cell.unroll(2, X)[0][1].simple_bind(ctx, x=(2, 2, 2, 6))
    assert executor.forward()[0].shape == (2, 3, 6)


def test_rnn_unroll() -> None:
    cell = rnn.GRUCell(3)
    with pytest.warns(DeprecationWarning, match=r"call cell\.unroll"):
        outputs, _ = rnn.rnn_unroll(cell, 2, X, layout="TNC")
    assert outputs[1].infer_shape(x=(2, 5, 4))[1] == [(5, 3)]
    with pytest.warns(DeprecationWarning, match="deprecated"):
        outputs, _ = rnn.rnn_unroll(cell, 2, input_prefix="in_")
    assert {"in_t0_data", "in_t1_data"} <= set(outputs[1].list_arguments())


# --- the rest ----------------------------------------------------------------------------------------------
def test_steps_are_what_unroll_composes() -> None:
    """A cell stepped by hand, state by state through arrays, gives what the unrolled graph gives."""
    cell = rnn.LSTMCell(3)
    whole = outputs_of(cell.unroll(4, X, merge_outputs=True)[0], x=(2, 4, 5))[0]
    cell.reset()
    begin = cell.begin_state(func=mx.sym.Variable)
    output, after = cell(X, begin)
    step = mx.sym.Group([output, *after]).simple_bind(mx.cpu(), grad_req="null", x=(2, 5))
    unrolled = cell.unroll(4, X, merge_outputs=True)[0].simple_bind(mx.cpu(), x=(2, 4, 5))
    for name in sorted(unrolled.arg_dict):
        array = unrolled.arg_dict[name]
        array[:] = np.random.default_rng([0, len(name)]).standard_normal(array.shape)
        if name != "x":
            step.arg_dict[name][:] = array
    states = [np.zeros((2, 3))] * 2
    for t in range(4):
        feed = {s.name: v for s, v in zip(begin, states, strict=True)}
        out, *states = [o.asnumpy() for o in step.forward(x=unrolled.arg_dict["x"].asnumpy()[:, t], **feed)]
        np.testing.assert_allclose(out, whole[:, t], 1e-5, 1e-6)


def test_gradients_of_an_unrolled_lstm_are_those_of_differences() -> None:
    cell = rnn.LSTMCell(2)
    net = mx.sym.sum(cell.unroll(3, X, cell.begin_state(dtype="float64"), merge_outputs=True)[0])
    shapes = dict(zip(net.list_arguments(), net.infer_shape(x=(2, 3, 2))[0], strict=True))
    rng = np.random.default_rng(1)
    location = {n: rng.standard_normal(s) for n, s in shapes.items()}
    mx.test_utils.check_numeric_gradient(net, location, rtol=1e-3, atol=1e-5, dtype=np.float64)


def test_cells_travel() -> None:
    """A pickled cell unrolls to the same graph."""
    for name, make in CELLS.items():
        cell = make()
        again = pickle.loads(pickle.dumps(cell))
        texts = []
        for one in (cell, again):
            with mx.name.NameManager():
                texts.append(mx.sym.Group(one.unroll(2, X)[0]).tojson())
        assert texts[0] == texts[1], name


def test_sequences_both_ways(ctx: mx.Context) -> None:
    data = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    for layout, axis in (("NTC", 1), ("TNC", 0)):
        length = data.shape[axis]
        parts = in_layout(length, X, layout, False)
        assert len(parts) == length
        joined = in_layout(length, parts, layout, True)
        executor = mx.sym.Group([joined, *parts]).bind(ctx, {"x": mx.nd.array(data, ctx)})
        found = [o.asnumpy() for o in executor.forward()]
        np.testing.assert_array_equal(found[0], data)
        for i, part in enumerate(found[1:]):
            np.testing.assert_array_equal(part, data.take(i, axis))
