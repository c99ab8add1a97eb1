"""Every instruction set that was built and that this processor has gives the same numbers within rounding."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import numpy as np
import pytest

PROGRAM = """
import json
import numpy as np
import cysym as mx

data = mx.sym.Variable("data")
net = mx.sym.Convolution(data, num_filter=17, kernel=(3, 3), pad=(1, 1), name="conv")
net = mx.sym.Pooling(mx.sym.Activation(net, act_type="tanh"), kernel=(2, 2), stride=(2, 2), pool_type="max")
net = mx.sym.SoftmaxOutput(mx.sym.FullyConnected(net, num_hidden=13, name="fc"), name="softmax")
executor = net.simple_bind(mx.cpu(), data=(5, 3, 14, 14))
rng = np.random.default_rng(7)
for name, array in executor.arg_dict.items():
    array[:] = rng.integers(0, 13, array.shape) if "label" in name else rng.standard_normal(array.shape) * 0.2
executor.forward(is_train=True)
executor.backward()
values = [executor.outputs[0].asnumpy(), *(g.asnumpy() for g in executor.grad_arrays)]
print(json.dumps({"isa": mx._core.ISA, "values": [v.ravel().tolist() for v in values]}))
"""


def run(isa: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "CYSYM_ISA": isa}
    return subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, timeout=120
    )


@pytest.fixture(scope="module")
def baseline() -> list[np.ndarray]:
    done = run("base")
    assert done.returncode == 0, done.stderr
    return [np.array(v) for v in json.loads(done.stdout)["values"]]


@pytest.mark.parametrize("isa", ["avx2", "avx512"])
def test_same_numbers(isa: str, baseline: list[np.ndarray]) -> None:
    done = run(isa)
    if "this processor offers only" in done.stderr:
        pytest.skip(done.stderr.splitlines()[-1])
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["isa"] == isa
    for got, want in zip(document["values"], baseline, strict=True):
        np.testing.assert_allclose(got, want, rtol=0, atol=64 * 2**-24 * max(1.0, float(np.abs(want).max())))


def test_unknown_name_is_refused() -> None:
    done = run("avx1024")
    assert done.returncode != 0
    assert "CYSYM_ISA='avx1024' is not one of base, avx2, avx512" in done.stderr
