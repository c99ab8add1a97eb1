"""One framework of the networks benchmark: reads names of rows from stdin, answers milliseconds a call.

    python networks_side.py cysym|mxnet

Both run the same lines: networks of `examples/networks` at batch 4, bound with `simple_bind`. Runs on Python
3.8 (MXNet's) as well. `networks.py` drives it.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
from models import network
from peer import serve

BATCH = 4
NETWORKS: dict[str, tuple[str, dict[str, int], int]] = {
    "AlexNet": ("alexnet", {}, 224),
    "GoogLeNet": ("googlenet", {}, 224),
    "Inception-BN": ("inception_bn", {}, 224),
    "Inception-v3": ("inception_v3", {}, 299),
    "ResNet-50": ("resnet", {"num_layers": 50}, 224),
    "ResNeXt-50": ("resnext", {}, 224),
    "VGG-16": ("vgg", {"num_layers": 16}, 224),
    "MobileNet": ("mobilenet", {}, 224),
    "DenseNet-121": ("densenet", {}, 224),
}
ROWS = [f"{name}, {mode}" for name in NETWORKS for mode in ("training", "inference")]


def job(mx: Any, row: str) -> Callable[[], None]:
    """Forward and backward of one batch, or inference of it."""
    name, mode = row.split(", ")
    module, options, size = NETWORKS[name]
    symbol = network(mx, module).get_symbol(1000, **options)
    train = mode == "training"
    executor = symbol.simple_bind(
        mx.cpu(), grad_req="write" if train else "null", data=(BATCH, 3, size, size)
    )
    numbers = np.random.RandomState(7)
    for key, array in executor.arg_dict.items():
        array[:] = numbers.standard_normal(array.shape).astype("float32") * (1 if key == "data" else 0.05)
    executor.arg_dict["softmax_label"][:] = 1

    def run() -> None:
        executor.forward(is_train=train)
        if train:
            executor.backward()
        mx.nd.waitall()

    return run


def main() -> None:
    """Answer until stdin ends; one network is kept at a time."""
    mx = importlib.import_module(sys.argv[1])
    if not hasattr(mx, "sym"):  # another framework of `make bench`
        serve(mx.__version__, lambda row: None)
        return
    made: dict[str, Callable[[], None]] = {}

    def prepare(row: str) -> Callable[[], None]:
        if row not in made:
            made.clear()
            made[row] = job(mx, row)
        return made[row]

    serve(mx.__version__, prepare, warm_up=1)


if __name__ == "__main__":
    main()
