"""The same bits for any number of threads and from run to run, on each device: whole training steps."""

from __future__ import annotations

import hashlib
import subprocess
import sys

import numpy as np
import pytest

import cysym as mx


def mlp():
    x = mx.sym.Variable("data")
    for k, hidden in enumerate((256, 128)):
        x = mx.sym.Activation(mx.sym.FullyConnected(x, num_hidden=hidden, name=f"fc{k}"), act_type="relu")
    x = mx.sym.Dropout(x, p=0.3)
    return mx.sym.SoftmaxOutput(mx.sym.FullyConnected(x, num_hidden=10, name="top"), name="softmax"), (
        64,
        300,
    )


def lenet():
    x = mx.sym.Variable("data")
    for k, filters in enumerate((20, 50)):
        x = mx.sym.Convolution(x, kernel=(5, 5), pad=(2, 2), num_filter=filters, name=f"conv{k}")
        x = mx.sym.BatchNorm(x, fix_gamma=False, name=f"bn{k}")
        x = mx.sym.Activation(x, act_type="tanh")
        x = mx.sym.Pooling(x, kernel=(2, 2), stride=(2, 2), pool_type="max")
    x = mx.sym.Activation(mx.sym.FullyConnected(x, num_hidden=100, name="fc"), act_type="tanh")
    x = mx.sym.FullyConnected(x, num_hidden=10, name="top")
    return mx.sym.SoftmaxOutput(x, name="softmax"), (32, 1, 16, 16)


NETS = {"mlp": mlp, "lenet": lenet}


def steps(name, ctx, count=3):
    """Outputs, gradients and states of a few steps of SGD with momentum, in one digest a step."""
    symbol, shape = NETS[name]()
    rng = np.random.default_rng(1)
    executor = symbol.simple_bind(ctx, data=shape)
    for key in symbol.list_arguments():
        array = executor.arg_dict[key]
        array[:] = rng.uniform(-0.1, 0.1, array.shape).astype(np.float32)
    executor.arg_dict["data"][:] = rng.uniform(-1, 1, shape).astype(np.float32)
    executor.arg_dict["softmax_label"][:] = rng.integers(0, 10, shape[0])
    momentum = {k: mx.nd.zeros(a.shape, ctx=ctx) for k, a in executor.arg_dict.items()}
    mx.random.seed(3)
    digests = []
    for _ in range(count):
        executor.forward(is_train=True)
        executor.backward()
        digest = hashlib.sha256()
        for array in [*executor.outputs, *executor.grad_arrays, *executor.aux_arrays]:
            host = array.asnumpy()
            assert np.isfinite(host).all()
            digest.update(host.tobytes())
        digests.append(digest.hexdigest())
        for key, weight in executor.arg_dict.items():
            if key not in ("data", "softmax_label"):
                mx.nd.sgd_mom_update(
                    weight, executor.grad_dict[key], momentum[key], lr=0.05, momentum=0.9,
                    rescale_grad=1 / shape[0], out=weight,
                )  # fmt: skip
    return digests


@pytest.mark.parametrize("name", NETS)
def test_threads_change_no_bit(name):
    found = {}
    for threads in (1, 2, 3, 4):
        mx._core.set_num_threads(threads)
        assert mx._core.get_num_threads() == threads
        found[threads] = steps(name, mx.cpu())
    assert len(set(found[1])) == len(found[1]), "training changed nothing"
    assert found[2] == found[3] == found[4] == found[1]


@pytest.mark.parametrize("name", NETS)
def test_run_to_run(ctx, name):
    assert steps(name, ctx) == steps(name, ctx)


def test_process_to_process(ctx):
    """Another process, with another hash seed, computes the same bits."""
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import test_determinism as t, cysym as mx;"
        f"print(*t.steps('mlp', mx.{ctx}))"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, __file__.rpartition("/")[0]], capture_output=True, text=True, timeout=120
    )
    assert run.stdout.split() == steps("mlp", ctx), run.stderr
