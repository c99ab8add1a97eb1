"""Callbacks: what they log, draw and save. Log texts follow MXNet 1.9.1."""

import logging
import re
import sys

import pytest

import cysym as mx
from cysym.model import BatchEndParam


@pytest.fixture
def metric():
    metric = mx.metric.create("acc")
    metric.update([mx.nd.array([1.0, 0.0])], [mx.nd.array([1.0, 1.0])])
    return metric


def test_speedometer_logs_intervals_and_clears_the_metric(caplog, metric):
    speedometer = mx.callback.Speedometer(4, frequent=2)
    with caplog.at_level(logging.INFO):
        for nbatch in range(5):
            speedometer(BatchEndParam(3, nbatch, metric, None))
    pattern = r"Epoch\[3\] Batch \[%s\]\tSpeed: (\d+\.\d\d|inf) samples/sec\taccuracy=%s"
    first, second = caplog.messages
    assert re.fullmatch(pattern % ("0-2", r"0\.500000"), first)
    assert re.fullmatch(pattern % ("2-4", "nan"), second)
    assert metric.get_global()[1] == 0.5


def test_speedometer_without_reset_or_metric(caplog, metric):
    with caplog.at_level(logging.INFO):
        for used in (metric, None):
            speedometer = mx.callback.Speedometer(4, frequent=2, auto_reset=False)
            for nbatch in range(5):
                speedometer(BatchEndParam(0, nbatch, used, None))
    assert [re.sub(r"Speed: \S+", "Speed: S", message) for message in caplog.messages] == [
        "Epoch[0] Batch [0-2]\tSpeed: S samples/sec\taccuracy=0.500000",
        "Epoch[0] Batch [0-4]\tSpeed: S samples/sec\taccuracy=0.500000",
        "Iter[0] Batch [2]\tSpeed: S samples/sec",
        "Iter[0] Batch [4]\tSpeed: S samples/sec",
    ]


def test_log_train_metric(caplog, metric):
    callback = mx.callback.log_train_metric(2, auto_reset=True)
    with caplog.at_level(logging.INFO):
        for nbatch in range(3):
            callback(BatchEndParam(1, nbatch, metric, None))
    assert caplog.messages == [
        "Iter[1] Batch[0] Train-accuracy=0.500000",
        "Iter[1] Batch[2] Train-accuracy=nan",
    ]


def test_log_validation_metrics(caplog, metric):
    with caplog.at_level(logging.INFO):
        mx.callback.LogValidationMetricsCallback()(BatchEndParam(2, 0, metric, None))
        mx.callback.LogValidationMetricsCallback()(BatchEndParam(2, 0, None, None))
    assert caplog.messages == ["Epoch[2] Validation-accuracy=0.500000"]


def test_plain_progress_bar(capsys, monkeypatch, metric):
    monkeypatch.setitem(sys.modules, "tqdm", None)
    bar = mx.callback.ProgressBar(total=4, length=8)
    for epoch in range(2):
        for nbatch in range(4):
            bar(BatchEndParam(epoch, nbatch, metric, None))
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.splitlines() == [
        "Epoch[0] [========] 100% accuracy=0.5000",
        "Epoch[1] [========] 100% accuracy=0.5000",
    ]


def test_plain_progress_bar_redraws_its_line_on_a_terminal(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm", None)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    bar = mx.callback.ProgressBar(total=2, length=4)
    bar(BatchEndParam(0, 0, None, None))
    bar(BatchEndParam(0, 1, None, None))
    assert capsys.readouterr().err == "\rEpoch[0] [==--] 50%\rEpoch[0] [====] 100%\n"


def test_tqdm_progress_bar(capsys, metric):
    pytest.importorskip("tqdm")
    bar = mx.callback.ProgressBar(total=3, length=10)
    for nbatch in range(3):
        bar(BatchEndParam(0, nbatch, metric, None))
    captured = capsys.readouterr()
    assert captured.out == ""
    last = captured.err.replace("\n", "\r").strip("\r").split("\r")[-1]
    assert "Epoch[0] 100%" in last
    assert "3/3" in last
    assert "accuracy=0.5000" in last


def test_progress_bar_needs_a_total():
    with pytest.raises(ValueError, match="total"):
        mx.callback.ProgressBar(0)


def test_checkpoint_callbacks_save_every_period(tmp_path, caplog):
    prefix = str(tmp_path / "ck")
    net = mx.sym.FullyConnected(mx.sym.Variable("data"), num_hidden=2, name="fc")
    args = {"fc_weight": mx.nd.ones((2, 3)), "fc_bias": mx.nd.zeros((2,))}
    callback = mx.callback.do_checkpoint(prefix, period=2)
    with caplog.at_level(logging.INFO):
        for epoch in range(4):
            callback(epoch, net, args, {})
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "ck-0002.params",
        "ck-0004.params",
        "ck-symbol.json",
    ]
    assert caplog.messages[0] == f'Saved checkpoint to "{prefix}-0002.params"'
    symbol, loaded, auxs = mx.model.load_checkpoint(prefix, 4)
    assert symbol.tojson() == net.tojson()
    assert loaded["fc_weight"].asnumpy().tolist() == args["fc_weight"].asnumpy().tolist()
    assert auxs == {}


def test_module_checkpoint_asks_the_module():
    calls = []

    class Recorder:
        def save_checkpoint(self, *arguments):
            calls.append(arguments)

    callback = mx.callback.module_checkpoint(Recorder(), "p", period=3, save_optimizer_states=True)
    for epoch in range(6):
        callback(epoch)
    assert calls == [("p", 3, True), ("p", 6, True)]


def test_load_params_of_files_that_are_no_checkpoint(tmp_path, caplog):
    prefix = str(tmp_path / "x")
    mx.nd.save(f"{prefix}-0001.params", [mx.nd.ones((2,))])
    with pytest.raises(mx.MXNetError, match="without names"):
        mx.model.load_params(prefix, 1)
    mx.nd.save(f"{prefix}-0002.params", {})
    with caplog.at_level(logging.WARNING):
        assert mx.model.load_params(prefix, 2) == ({}, {})
    assert "is empty" in caplog.text
    mx.nd.save(f"{prefix}-0003.params", {"arg:a:b": mx.nd.ones((2,)), "other": mx.nd.ones((2,))})
    args, _ = mx.model.load_params(prefix, 3)
    assert list(args) == ["a:b"]
