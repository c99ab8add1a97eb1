"""Times PyTorch in its own environment; prints one JSON line, for a driver that interleaves peers.

    python torch_side.py --bench chain|nd_call|import|mlp_step --repeat N

Eager mode, 2 threads unless OMP_NUM_THREADS says otherwise; the work is that of `mxnet_side.py`.
"""

from __future__ import annotations

import importlib
import os
from typing import Any

import peer

CHAIN = 1000
CALLS = 1000


def chain(torch: Any) -> peer.Job:
    """1,000 operators, tanh and +1 in turn, on 4 floats, without autograd."""
    data = torch.ones(4)
    tanh = torch.tanh

    def run() -> None:
        with torch.inference_mode():
            net = data
            for _ in range(CHAIN // 2):
                net = tanh(net) + 1

    return peer.Job(run, CHAIN)


def nd_call(torch: Any) -> peer.Job:
    """`torch.relu` on 4 floats, 1,000 calls, without autograd."""
    data = torch.ones(4)
    relu = torch.relu

    def run() -> None:
        with torch.inference_mode():
            for _ in range(CALLS):
                relu(data)

    return peer.Job(run, CALLS)


def mlp_step(torch: Any) -> peer.Job:
    """One training step of the perceptron 784-128-64-10, batch 64: forward, backward, plain SGD."""
    nn = torch.nn
    net = nn.Sequential(nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10))
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
    data, label = torch.rand(64, 784), torch.zeros(64, dtype=torch.long)
    loss = nn.CrossEntropyLoss()

    def run() -> None:
        optimizer.zero_grad()
        loss(net(data), label).backward()
        optimizer.step()

    return peer.Job(run, 1)


BENCHES = {
    "chain": ("us", chain),
    "nd_call": ("us", nd_call),
    "mlp_step": ("us", mlp_step),
    "import": ("s", None),
}


def main() -> None:
    """Read the command line, print one line."""
    options = peer.parse(BENCHES)
    unit, prepare = BENCHES[options.bench]
    if prepare is None:
        seconds = peer.import_seconds("torch", options.repeat)
        peer.show(peer.report(options.bench, unit, seconds, 1, peer="torch"))
        return
    torch: Any = importlib.import_module("torch")
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "2")))
    job = prepare(torch)
    seconds = peer.sample(job, options.repeat)
    peer.show(peer.report(options.bench, unit, seconds, job.work, peer="torch", version=torch.__version__))


if __name__ == "__main__":
    main()
