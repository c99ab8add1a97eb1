"""FeedForward and checkpoints: errors, devices, what MXNet gets wrong; numbers are in recorded/programs."""

from __future__ import annotations

import logging

import numpy as np
import pytest

import cysym as mx
from cysym.base import FormatError

pytestmark = pytest.mark.filterwarnings("ignore:FeedForward is deprecated")


def net(classes=3):
    out = mx.sym.FullyConnected(mx.sym.Variable("data"), num_hidden=classes, name="fc")
    return mx.sym.SoftmaxOutput(out, name="softmax")


@pytest.fixture
def data(rng):
    return rng.standard_normal((12, 5)).astype(np.float32), (np.arange(12) % 3).astype(np.float32)


def trained(data, ctx=None, batch=6, symbol=None, **kwargs):
    x, y = data
    mx.random.seed(1)
    model = mx.model.FeedForward(symbol or net(), ctx=ctx, num_epoch=2, learning_rate=0.5)
    model.fit(mx.io.NDArrayIter(x, y, batch), **kwargs)
    return model


def test_deprecation_names_module():
    with pytest.warns(DeprecationWarning, match=r"use mod\.Module"):
        mx.model.FeedForward(net())


@pytest.mark.parametrize("kvstore", ["local", "device"])
def test_two_devices_train_as_one(data, ctx, kvstore):
    """The same batch over the CPU and this device gives the parameters one CPU context gives."""
    one = trained(data)
    two = trained(data, [mx.cpu(), ctx], kvstore=kvstore)
    for name, array in one.arg_params.items():
        np.testing.assert_allclose(two.arg_params[name].asnumpy(), array.asnumpy(), 1e-5, 1e-6)
    again = trained(data, [mx.cpu(), ctx], kvstore=kvstore)
    for name, array in two.arg_params.items():
        np.testing.assert_array_equal(again.arg_params[name].asnumpy(), array.asnumpy())


def test_prediction_after_more_training_is_the_new_one(data):
    """MXNet keeps the executor, and with it the parameters, of the first prediction."""
    model = trained(data)
    before = model.predict(data[0])
    model.fit(mx.io.NDArrayIter(*data, 6))
    after = model.predict(data[0])
    assert np.abs(after - before).max() > 1e-3
    fresh = mx.model.FeedForward(net(), arg_params=model.arg_params, aux_params=model.aux_params)
    np.testing.assert_array_equal(fresh.predict(data[0]), after)


def test_buckets_of_other_sizes_share_parameters(data):
    """Buckets of smaller data work (in MXNet only those of equal size do)."""

    class Bucketed(mx.io.DataIter):
        default_bucket_key = 6

        def __init__(self):
            super().__init__(batch_size=2)
            self.provide_data, self.provide_label = [("data", (2, 6))], [("softmax_label", (2,))]
            self.at = 0

        def reset(self):
            self.at = 0

        def next(self):
            if self.at == 4:
                raise StopIteration
            self.at += 1
            key = (6, 3, 9)[self.at % 3]
            return mx.io.DataBatch(
                [mx.nd.ones((2, key))], [mx.nd.array([0, 1])], 0, None, key,
                [("data", (2, key))], [("softmax_label", (2,))],
            )  # fmt: skip

    def symbol(key):
        total = mx.sym.sum(mx.sym.Variable("data"), axis=1, keepdims=True)
        return mx.sym.SoftmaxOutput(mx.sym.FullyConnected(total, num_hidden=2, name="fc"), name="softmax")

    model = mx.model.FeedForward(symbol, num_epoch=1, learning_rate=0.1)
    model.fit(Bucketed())
    assert model.arg_params["fc_weight"].shape == (2, 1)
    assert np.isfinite(model.arg_params["fc_weight"].asnumpy()).all()


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        (lambda m, x, y: m.fit(x), ValueError, "y must be specified"),
        (lambda m, x, y: m.fit(x, y[:-1]), ValueError, "X has 12 rows, y has 11"),
        (
            lambda m, x, y: m.fit(x, np.stack([y, y], 1)),
            ValueError,
            r"one number per row, got shape \(12, 2\)",
        ),
        (lambda m, x, y: m.fit(x, list(y)), TypeError, "y must be an array when X is one, got list"),
        (lambda m, x, y: m.fit(x.tolist(), y), TypeError, "X must be a DataIter.*got list"),
        (lambda m, x, y: m.fit(x, y, eval_data="x"), TypeError, "eval_data must be a DataIter.*got str"),
        (lambda m, x, y: m.fit(x, y, eval_data=(None, y)), ValueError, "pair of data and labels"),
        (lambda m, x, y: m.fit(x, y, kvstore="dist_sync"), mx.MXNetError, "several processes"),
        (lambda m, x, y: m.fit(x, y, kvstore=3), TypeError, "kvstore must be a KVStore, a str or None"),
        (lambda m, x, y: m.fit(x, y, work_load_list=[1, 1]), ValueError, "one number per context, 1"),
        (lambda m, x, y: m.predict(x), mx.MXNetError, "no parameters; fit or load"),
        (lambda m, x, y: m.save("never"), mx.MXNetError, "no parameters to save"),
    ],
)
def test_clear_errors(data, change, error, words):
    model = mx.model.FeedForward(net(), num_epoch=1)
    with pytest.raises(error, match=words):
        change(model, *data)


def test_other_clear_errors(data):
    with pytest.raises(ValueError, match="fit needs num_epoch"):
        mx.model.FeedForward(net()).fit(*data)
    with pytest.raises(TypeError, match="must be a Symbol or make one, got int"):
        mx.model.FeedForward(3)
    with pytest.raises(TypeError, match="name or an Optimizer, got int"):
        mx.model.FeedForward(net(), num_epoch=1, optimizer=3).fit(*data)
    with pytest.raises(mx.base.ShapeError, match=r"parameter fc_bias has shape \(5,\), \(3,\) is needed"):
        mx.model.FeedForward(net(), num_epoch=1, arg_params={"fc_bias": mx.nd.zeros((5,))}).fit(*data)
    doubled = mx.sym.Variable("data") + mx.sym.Variable("data")
    with pytest.raises(ValueError, match="2 arguments are called 'data'"):
        mx.model.FeedForward(doubled)


def test_iterator_without_batches(data):
    class Empty(mx.io.NDArrayIter):
        def next(self):
            raise StopIteration

    for size in (None, 3):
        model = mx.model.FeedForward(net(), num_epoch=1, epoch_size=size)
        with pytest.raises(mx.MXNetError, match="gave no batch"):
            model.fit(Empty(*data, 6))
    with pytest.raises(mx.MXNetError, match="gave no batch"):
        trained(data).predict(Empty(*data, 6))


def test_batch_of_another_size_names_both(data):
    class Wrong(mx.io.NDArrayIter):
        def next(self):
            batch = super().next()
            batch.data = [batch.data[0][:2]]
            return batch

    with pytest.raises(mx.base.ShapeError, match="batch has 2 rows, the executors were bound for 6"):
        mx.model.FeedForward(net(), num_epoch=1).fit(Wrong(*data, 6))


def test_extra_parameters(data):
    extra = {**trained(data).arg_params, "surplus": mx.nd.ones((3,))}
    model = mx.model.FeedForward(net(), arg_params=extra, aux_params={}, allow_extra_params=True)
    assert sorted(model.arg_params) == ["fc_bias", "fc_weight"]
    assert sorted(extra) == ["fc_bias", "fc_weight", "surplus"]
    assert model.predict(data[0]).shape == (12, 3)
    with pytest.raises(ValueError, match="surplus"):
        mx.model.FeedForward(net(), arg_params=extra, aux_params={}).predict(data[0])


def test_given_parameters_are_not_trained_in_place(data):
    given = {"fc_weight": mx.nd.ones((3, 5)), "fc_bias": mx.nd.ones((3,))}
    model = mx.model.FeedForward(net(), num_epoch=1, arg_params=given, learning_rate=0.5)
    model.fit(mx.io.NDArrayIter(*data, 6))
    assert (given["fc_weight"].asnumpy() == 1).all()
    assert np.abs(model.arg_params["fc_weight"].asnumpy() - 1).max() > 1e-3


def test_initializer_attribute_wins(data):
    weight = mx.sym.Variable("fc_weight", init=mx.init.Constant(0.25))
    out = mx.sym.FullyConnected(mx.sym.Variable("data"), weight, num_hidden=3, name="fc")
    model = mx.model.FeedForward(mx.sym.SoftmaxOutput(out, name="softmax"), num_epoch=1, learning_rate=0.0)
    model.fit(mx.io.NDArrayIter(*data, 6))
    assert (model.arg_params["fc_weight"].asnumpy() == 0.25).all()


def test_optimizer_object_and_its_names(data):
    optimizer = mx.optimizer.SGD(learning_rate=0.5, rescale_grad=1 / 6)
    model = mx.model.FeedForward(net(), num_epoch=2, optimizer=optimizer)
    mx.random.seed(1)
    model.fit(mx.io.NDArrayIter(*data, 6))
    assert optimizer.idx2name == {0: "fc_weight", 1: "fc_bias"}
    for name, array in trained(data).arg_params.items():
        np.testing.assert_array_equal(model.arg_params[name].asnumpy(), array.asnumpy())


def test_monitor_sees_every_batch(data, caplog):
    with caplog.at_level(logging.INFO):
        trained(data, monitor=mx.mon.Monitor(1, pattern="fc_output"))
    assert sum("fc_output" in message for message in caplog.messages) == 4


def test_checkpoint_files(tmp_path, data):
    model = trained(data)
    prefix = str(tmp_path / "m")
    model.save(prefix, 3)
    symbol, args, auxs = mx.model.load_checkpoint(prefix, 3)
    assert symbol.tojson() == model.symbol.tojson()
    assert auxs == {}
    assert {n: a.asnumpy().tolist() for n, a in args.items()} == {
        n: a.asnumpy().tolist() for n, a in model.arg_params.items()
    }
    mx.nd.save(f"{prefix}-0004.params", [mx.nd.ones((2,))])
    with pytest.raises(FormatError, match="holds 1 arrays without names"):
        mx.model.load_params(prefix, 4)
    (tmp_path / "m-0005.params").write_bytes(b"")
    with pytest.raises(mx.MXNetError):
        mx.model.FeedForward.load(prefix, 5)
