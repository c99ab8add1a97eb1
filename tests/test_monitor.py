"""Monitors where MXNet cannot be asked: what callbacks get, devices, reshapes, faults."""

import numpy as np
import pytest

import cysym as mx


def double(ctx, n=4):
    """``a * 2`` bound to a constant, with its gradient."""
    args = {"a": mx.nd.full((n,), 0.25, ctx=ctx)}
    with mx.name.NameManager():
        net = mx.sym.Variable("a") * 2
    return net.bind(ctx, args, {"a": mx.nd.zeros((n,), ctx=ctx)})


def test_callbacks_get_text_and_an_array_of_their_own(ctx):
    seen = []
    executor = double(ctx)
    executor.set_monitor_callback(lambda name, array: seen.append((name, array)))
    executor.forward()
    executor.arg_dict["a"][:] = 3
    executor.forward()
    assert [type(name) for name, _ in seen] == [str, str]
    assert [array.asnumpy().tolist() for _, array in seen] == [[0.5] * 4, [6] * 4]
    assert seen[0][1].context == ctx


def test_names_and_statistics_agree_between_devices(ctx):
    rows = []
    for where in (mx.cpu(), ctx):
        monitor = mx.mon.Monitor(1)
        executor = double(where)
        monitor.install(executor)
        monitor.tic()
        executor.forward(is_train=True)
        executor.backward(mx.nd.ones((4,), ctx=where))
        rows.append(monitor.toc())
    assert rows[0] == rows[1]
    assert {name for _, name, _ in rows[0]} >= {"a"}


@pytest.mark.parametrize("dtype", ["int32", "uint8", "float64", "float16"])
def test_default_statistic_of_any_type(ctx, dtype):
    x = mx.nd.array([3, 4], ctx=ctx, dtype=dtype)
    executor = mx.sym.identity(mx.sym.Variable("x")).bind(ctx, {"x": x})
    monitor = mx.mon.Monitor(1, pattern="x")
    monitor.install(executor)
    monitor.tic()
    executor.forward()
    [(_, _, text)] = monitor.toc()
    assert float(text) == pytest.approx(5 / np.sqrt(2), rel=1e-3)


def test_statistics_may_be_numbers_and_numpy_arrays():
    executor = double(mx.cpu())
    found = []
    for stat in (lambda x: 3, lambda x: np.float32(0.1), lambda x: (x.asnumpy()[:2], 1.5)):
        monitor = mx.mon.Monitor(1, stat, pattern="a")
        monitor.install(executor)
        monitor.tic()
        executor.forward()
        found.append(monitor.toc()[0][2])
    assert found == ["3\t", "0.1\t", "[0.25 0.25]\t1.5\t"]


def test_a_statistic_that_fails_leaves_the_executor_usable(ctx):
    def fails(array):
        raise KeyError("no statistic")

    executor = double(ctx)
    monitor = mx.mon.Monitor(1, fails)
    monitor.install(executor)
    monitor.tic()
    with pytest.raises(KeyError, match="no statistic"):
        executor.forward()
    executor.set_monitor_callback(None)
    assert executor.forward()[0].asnumpy().tolist() == [0.5] * 4


def test_uninstall_forgets_an_executor():
    monitor = mx.mon.Monitor(1)
    first, second = double(mx.cpu()), double(mx.cpu())
    for executor in (first, second):
        monitor.install(executor)
    monitor.uninstall(first)
    monitor.tic()
    second.forward()
    assert [name for _, name, _ in monitor.toc()].count("a") == 1


def test_a_module_keeps_its_monitor_across_reshapes(ctx):
    net = mx.sym.FullyConnected(mx.sym.Variable("data"), num_hidden=2, name="fc")
    module = mx.mod.Module(net, label_names=None, context=ctx)
    module.bind([("data", (4, 3))], for_training=False)
    module.init_params(mx.init.One())
    monitor = mx.mon.Monitor(1, lambda x: mx.nd.array([x.shape[0]]), pattern="fc_output")
    module.install_monitor(monitor)
    rows = []
    for n in (4, 2, 5, 4):
        monitor.tic()
        module.forward(mx.io.DataBatch([mx.nd.ones((n, 3), ctx=ctx)]), is_train=False)
        rows.append([(name, float(text)) for _, name, text in monitor.toc()])
    assert rows == [[("fc_output", n)] for n in (4, 2, 5, 4)]


def test_watching_changes_no_number(ctx, rng):
    values = rng.standard_normal((5, 4)).astype(np.float32)
    data = mx.sym.Variable("data")
    x = mx.sym.FullyConnected(data, num_hidden=4, name="fc")
    net = mx.sym.sum(mx.sym.tanh(x) * data, axis=1)
    found = []
    for is_watched in (False, True):
        executor = net.simple_bind(ctx, data=(5, 4))
        executor.arg_dict["data"][:] = values
        executor.arg_dict["fc_weight"][:] = values[:4]
        if is_watched:
            mx.mon.Monitor(1, monitor_all=True).install(executor)
        executor.forward(is_train=True)
        executor.backward(mx.nd.ones((5,), ctx=ctx))
        found.append([executor.outputs[0].asnumpy(), *(g.asnumpy() for g in executor.grad_arrays)])
    for plain, watched in zip(*found, strict=True):
        np.testing.assert_allclose(watched, plain, rtol=1e-5, atol=1e-6)
