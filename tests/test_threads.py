"""Threads, forks, interrupts and sudden death: what a process may do to the library, on each device.

Everything that could hang runs in a subprocess with a time limit.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time

import numpy as np
import pytest

import cysym as mx

LIMIT = 120  # seconds a subprocess may take, the first compilation of OpenCL programs included


def net(hidden):
    x = mx.sym.Variable("data")
    x = mx.sym.Activation(mx.sym.FullyConnected(x, num_hidden=hidden, name="fc1"), act_type="tanh")
    return mx.sym.FullyConnected(x, num_hidden=5, name="fc2")


def executor_for(ctx, hidden, batch=16):
    symbol = net(hidden)
    executor = symbol.simple_bind(ctx, data=(batch, 12))
    rng = np.random.default_rng(hidden)
    for array in executor.arg_arrays:
        array[:] = rng.uniform(-0.5, 0.5, array.shape).astype(np.float32)
    return executor


def step(executor, head):
    output = executor.forward(is_train=True)[0].asnumpy()
    executor.backward(head)
    return [output, *(g.asnumpy() for g in executor.grad_arrays)]


def in_threads(*functions):
    """Run functions at once; the first exception of any is raised here."""
    errors = []

    def guarded(function):
        try:
            function()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=guarded, args=(f,), daemon=True) for f in functions]
    for t in threads:
        t.start()
    for t in threads:
        t.join(LIMIT)
        assert not t.is_alive(), "a thread hangs"
    if errors:
        raise errors[0]


def test_two_threads_run_two_executors(ctx):
    mx._core.set_num_threads(2)
    work = []
    for hidden in (64, 96):
        executor = executor_for(ctx, hidden)
        head = mx.nd.full((16, 5), 0.5, ctx=ctx)
        work.append((executor, head, step(executor, head)))

    def repeat(executor, head, want):
        for _ in range(30):
            for a, b in zip(step(executor, head), want, strict=True):
                np.testing.assert_array_equal(a, b)

    in_threads(*(lambda w=w: repeat(*w) for w in work))


def test_two_threads_run_one_executor(ctx):
    """Runs of one executor wait for each other: what is there at the end is the result of a whole run."""
    executor = executor_for(ctx, 64)
    head = mx.nd.full((16, 5), 0.5, ctx=ctx)
    want = step(executor, head)

    def repeat():
        for _ in range(30):
            executor.forward(is_train=True)
            executor.backward(head)
            np.testing.assert_array_equal(executor.outputs[0].asnumpy(), want[0])

    in_threads(repeat, repeat)
    for g, w in zip(executor.grad_arrays, want[1:], strict=True):
        np.testing.assert_array_equal(g.asnumpy(), w)


def test_two_threads_bind_run_and_call(ctx):
    """Composing, binding and imperative calls at once, cold caches included."""

    def repeat(seed):
        for k in range(8):
            executor = executor_for(ctx, 8 + seed + k)
            step(executor, mx.nd.ones((16, 5), ctx=ctx))
            x = mx.nd.full((3, 4 + k), seed, ctx=ctx)
            assert (x * 2 + k).asnumpy().tolist() == [[seed * 2 + k] * (4 + k)] * 3

    in_threads(lambda: repeat(0), lambda: repeat(10))


def test_names_are_counted_per_thread():
    found = []
    with mx.name.NameManager():
        x = mx.sym.Variable("x")
        assert mx.sym.tanh(x).name == "tanh0"
        in_threads(lambda: found.append(mx.sym.tanh(x).name))
        assert mx.sym.tanh(x).name == "tanh1"
    assert found == ["tanh0"]


def test_long_runs_let_other_threads_go_on():
    """The interpreter is free while kernels run."""
    a = mx.nd.ones((700, 700))
    mx.nd.dot(a, a)
    ticks, done = [], threading.Event()

    def tick():
        while not done.is_set():
            ticks.append(time.perf_counter())
            time.sleep(0.001)

    thread = threading.Thread(target=tick, daemon=True)
    thread.start()
    chain = a
    begin = time.perf_counter()
    while time.perf_counter() - begin < 0.3:
        chain = mx.nd.dot(a, chain) * 1e-3
    done.set()
    thread.join(10)
    assert len(ticks) > 10


# --- fork --------------------------------------------------------------------------------------------------
def script(text, *arguments, env=None):
    """Run a script in its own process; its output, or a failure that shows what it said."""
    run = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(text), *map(str, arguments)],
        capture_output=True, text=True, timeout=LIMIT, env={**os.environ, **(env or {})},
    )  # fmt: skip
    assert run.returncode == 0, f"exit {run.returncode}\n{run.stdout}\n{run.stderr}"
    return run.stdout


FORK = """
    import os, sys, signal, numpy as np, cysym as mx
    ctx = eval("mx." + sys.argv[1])
    mx._core.set_num_threads(2)
    x = mx.sym.Variable("data")
    net = mx.sym.FullyConnected(mx.sym.tanh(mx.sym.FullyConnected(x, num_hidden=600)), num_hidden=300)
    def make(c):
        e = net.simple_bind(c, data=(64, 400))
        for i, a in enumerate(e.arg_arrays):
            a[:] = (np.arange(a.size).reshape(a.shape) * (i + 1) % 17 / 170 - 0.05).astype(np.float32)
        return e
    def run(e):
        e.forward(is_train=True)
        e.backward(mx.nd.ones((64, 300), ctx=e.outputs[0].context))
        return [a.asnumpy() for a in [*e.outputs, *e.grad_arrays]]
    e = make(ctx)
    want, on_cpu = run(e), run(make(mx.cpu()))
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        signal.alarm(60)
        code = 0
        def same(got, want):
            return all(np.array_equal(a, b) for a, b in zip(got, want, strict=True))
        try:
            if ctx.device_type == "cpu":
                assert same(run(e), want)
            else:
                actions = {
                    "run": lambda: run(e), "read": lambda: e.outputs[0].asnumpy(),
                    "write": lambda: e.arg_arrays[0].__setitem__(slice(None), 1.0),
                    "make": lambda: mx.nd.ones((3,), ctx=ctx), "bind": lambda: make(ctx),
                    "call": lambda: mx.nd.tanh(e.arg_arrays[0]),
                }
                for what, action in actions.items():
                    try:
                        action()
                        print(what, "worked in the child"); code = 3
                    except mx.base.DeviceError as error:
                        if "fork" not in str(error):
                            print(what, error); code = 4
            assert same(run(make(mx.cpu())), on_cpu)
            assert float(mx.nd.sum(mx.nd.ones((9,))).asscalar()) == 9
        except BaseException:
            import traceback; traceback.print_exc(); code = 5
        sys.stdout.flush()
        os._exit(code)
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == 0, os.waitstatus_to_exitcode(status)
    assert all(np.array_equal(a, b) for a, b in zip(run(e), want, strict=True))
    print("parent and child agree")
"""


def test_fork(ctx):
    """In a forked child the CPU works and OpenCL says that it cannot; the parent goes on."""
    assert "parent and child agree" in script(FORK, ctx)


def test_fork_before_anything_ran():
    code = """
        import os, cysym as mx
        pid = os.fork()
        x = mx.nd.ones((300, 300))
        assert mx.nd.dot(x, x).asnumpy()[0, 0] == 300
        if pid == 0:
            os._exit(0)
        assert os.waitpid(pid, 0)[1] == 0
    """
    script(code)


# --- interrupts and death ----------------------------------------------------------------------------------
FIT = """
    import logging, os, signal, sys, threading, time, numpy as np, cysym as mx
    ctx = eval("mx." + sys.argv[1])
    x = mx.sym.Variable("data")
    net = mx.sym.SoftmaxOutput(mx.sym.FullyConnected(mx.sym.tanh(
        mx.sym.FullyConnected(x, num_hidden=64, name="fc1")), num_hidden=10, name="fc2"), name="softmax")
    rng = np.random.default_rng(0)
    data = mx.io.NDArrayIter(rng.random((640, 20), np.float32), rng.integers(0, 10, 640).astype("f"), 64)
    module = mx.mod.Module(net, context=ctx)
"""


def test_interrupt_during_fit(ctx):
    code = (
        FIT
        + """
    begun = threading.Event()
    def interrupt():
        begun.wait(); time.sleep(0.2)
        os.kill(os.getpid(), signal.SIGINT)
    threading.Thread(target=interrupt, daemon=True).start()
    try:
        module.fit(data, num_epoch=10**6, batch_end_callback=lambda p: begun.set())
        print("was not interrupted")
    except KeyboardInterrupt:
        pass
    args, aux = module.get_params()
    assert all(np.isfinite(a.asnumpy()).all() for a in args.values())
    assert np.isfinite(module.get_outputs()[0].asnumpy()).all()
    data.reset()  # the interrupt may have come at the end of an epoch
    module.fit(data, num_epoch=1)
    print("goes on:", module.score(data, "acc")[0][0])
    """
    )
    assert "goes on: accuracy" in script(code, ctx)


def test_death_while_saving_a_checkpoint(tmp_path):
    """Killed at any moment, the file is a whole checkpoint, this one or the one before."""
    code = (
        FIT
        + """
    module.bind(data.provide_data, data.provide_label)
    module.init_params()
    print("ready", flush=True)
    k = 0.0
    while True:
        k += 1
        module.set_params({n: mx.nd.full(a.shape, k) for n, a in module.get_params()[0].items()}, {})
        module.save_checkpoint(sys.argv[2], 1)
        print("saved", flush=True)
    """
    )
    prefix = tmp_path / "net"
    for delay in (0.0, 0.013, 0.031):
        process = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(code), "cpu(0)", str(prefix)],
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            for line in process.stdout:
                if line == "saved\n":
                    break
            time.sleep(delay)
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait(LIMIT)
            process.stdout.close()
        symbol, args, _ = mx.model.load_checkpoint(str(prefix), 1)
        assert symbol.list_arguments() == [
            "data",
            "fc1_weight",
            "fc1_bias",
            "fc2_weight",
            "fc2_bias",
            "softmax_label",
        ]
        assert set(args) == set(symbol.list_arguments()) - {"data", "softmax_label"}
        values = {float(v) for a in args.values() for v in np.unique(a.asnumpy())}
        assert len(values) == 1
        assert values.pop() >= 1


@pytest.mark.parametrize("threads", [0, -1])
def test_number_of_threads_must_be_positive(threads):
    with pytest.raises(ValueError, match="at least 1"):
        mx._core.set_num_threads(threads)
