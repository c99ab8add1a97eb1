"""Times MXNet 1.9.1 in its own environment; prints one JSON line, for a driver that interleaves peers.

    python mxnet_side.py --bench NAME --repeat N [--backend fastest|none|default]

MXNet runs with its subgraph backend off (`none`) and on (`default`); `fastest` asks both and keeps the
faster.
"""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import peer

CHAIN = 1000
CALLS = 1000


def chain(mx: Any) -> peer.Job:
    """A chain of 1,000 nodes, tanh and +1 in turn, on 4 floats: one executor forward."""
    net = mx.sym.Variable("data")
    for index in range(CHAIN):
        net = net + 1 if index % 2 else mx.sym.tanh(net)
    executor = net.bind(mx.cpu(), {"data": mx.nd.ones((4,))}, grad_req="null")

    def run() -> None:
        executor.forward()
        mx.nd.waitall()

    return peer.Job(run, CHAIN)


def nd_call(mx: Any) -> peer.Job:
    """`nd.relu` on 4 floats, 1,000 calls before one wait."""
    data = mx.nd.ones((4,))
    relu = mx.nd.relu

    def run() -> None:
        for _ in range(CALLS):
            relu(data)
        mx.nd.waitall()

    return peer.Job(run, CALLS)


def bind_resnet50(mx: Any) -> peer.Job:
    """`simple_bind` of ResNet-50 for training, batch 32; the Symbol is built before."""
    symbol = importlib.import_module("models").resnet50(mx)

    def run() -> None:
        symbol.simple_bind(mx.cpu(), data=(32, 3, 224, 224))

    # the zeros of the new arrays are filled in the background: waited for, but not part of binding
    return peer.Job(run, 1, mx.nd.waitall)


def bind_lstms(mx: Any) -> peer.Job:
    """`simple_bind` for training of twelve two-layer LSTMs unrolled over 10 to 21 steps, as buckets are."""

    def unrolled(steps: int) -> Any:
        stack = mx.rnn.SequentialRNNCell()
        for layer in range(2):
            stack.add(mx.rnn.LSTMCell(64, prefix=f"l{layer}_"))
        words = mx.sym.Embedding(mx.sym.Variable("data"), input_dim=100, output_dim=32, name="embed")
        outputs, _ = stack.unroll(steps, inputs=words, merge_outputs=True)
        scores = mx.sym.FullyConnected(mx.sym.Reshape(outputs, shape=(-1, 64)), num_hidden=100, name="scores")
        label = mx.sym.Reshape(mx.sym.Variable("softmax_label"), shape=(-1,))
        return mx.sym.SoftmaxOutput(scores, label, name="softmax")

    nets = [(steps, unrolled(steps)) for steps in range(10, 22)]

    def run() -> None:
        for steps, net in nets:
            net.simple_bind(mx.cpu(), data=(8, steps), softmax_label=(8, steps))

    return peer.Job(run, len(nets), mx.nd.waitall)


def mlp_step(mx: Any) -> peer.Job:
    """One training step of the perceptron 784-128-64-10, batch 64: forward, backward, plain SGD."""
    symbol = importlib.import_module("models").mlp(mx)
    req = dict.fromkeys(symbol.list_arguments(), "write")
    req["data"] = req["softmax_label"] = "null"
    executor = symbol.simple_bind(mx.cpu(), grad_req=req, data=(64, 784))
    for name, array in executor.arg_dict.items():
        array[:] = (
            mx.nd.zeros(array.shape)
            if name == "softmax_label"
            else mx.nd.random.uniform(-0.1, 0.1, array.shape)
        )
    pairs = [(executor.arg_dict[name], executor.grad_dict[name]) for name in req if req[name] == "write"]
    update = mx.nd.sgd_update

    def run() -> None:
        executor.forward(is_train=True)
        executor.backward()
        for weight, grad in pairs:
            update(weight, grad, out=weight, lr=0.01, rescale_grad=1.0 / 64)
        mx.nd.waitall()

    return peer.Job(run, 1)


BENCHES = {
    "chain": ("us", chain),
    "nd_call": ("us", nd_call),
    "bind_resnet50": ("ms", bind_resnet50),
    "rebind_resnet50": ("ms", bind_resnet50),
    "bind_lstms": ("ms", bind_lstms),
    "mlp_step": ("us", mlp_step),
    "import": ("s", None),
}


def measure(bench: str, repeat: int, backend: str) -> dict[str, Any]:
    """Time one benchmark in this process; the environment says which backend is on."""
    unit, prepare = BENCHES[bench]
    if prepare is None:
        return peer.report(
            bench, unit, peer.import_seconds("mxnet", repeat), 1, peer="mxnet", backend=backend
        )
    mx: Any = importlib.import_module("mxnet")
    job = prepare(mx)
    seconds = peer.sample(job, repeat)
    return peer.report(bench, unit, seconds, job.work, peer="mxnet", version=mx.__version__, backend=backend)


def ask(bench: str, repeat: int, backend: str) -> Any:
    """Time one benchmark in a process of its own, with the backend set: MXNet reads it only once."""
    environment = dict(os.environ, OMP_NUM_THREADS=os.environ.get("OMP_NUM_THREADS", "2"))
    environment.pop("MXNET_SUBGRAPH_BACKEND", None)
    if backend == "none":
        environment["MXNET_SUBGRAPH_BACKEND"] = "NONE"
    command = [sys.executable, str(Path(__file__).resolve()), "--bench", bench, "--repeat", str(repeat)]
    # MXNet reports its backend on stderr at every bind: shown only if the process fails
    done = subprocess.run(
        [*command, "--backend", backend, "--here", "yes"], env=environment, capture_output=True
    )
    if done.returncode != 0:
        raise SystemExit(done.stderr.decode())
    return json.loads(done.stdout.decode().splitlines()[-1])


def main() -> None:
    """Read the command line, print one line."""
    options = peer.parse(BENCHES, backend=["fastest", "none", "default"], here=["no", "yes"])
    if options.here == "yes":
        peer.show(measure(options.bench, options.repeat, options.backend))
        return
    backends = ["none", "default"] if options.backend == "fastest" else [options.backend]
    found = [ask(options.bench, options.repeat, backend) for backend in backends]
    peer.show(min(found, key=lambda document: float(document["median"])))


if __name__ == "__main__":
    main()
