"""The classic networks that memory and speed are compared on: those of `examples/networks`, by short names.

Each builder takes the framework module (`mxnet` or `cysym`, the API is the same) and returns a Symbol that
ends in SoftmaxOutput. `MODELS` names them all with the shape of one sample. Nothing is bound or run here.
Runs on Python 3.8 (MXNet's) and on the project's Python.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

EXAMPLES = str(Path(__file__).resolve().parent.parent / "examples")


def network(mx: Any, name: str) -> Any:
    """Import a module of `examples/networks`, which builds with the framework `mx`.

    Those modules say `import cysym as mx`. A process that measures MXNet has no cysym, and there MXNet
    answers to that name.

    Raises
    ------
    ValueError
        The networks of this process are already those of another framework.
    """
    if sys.modules.setdefault("cysym", mx) is not mx:
        raise ValueError(f"the networks here build with {sys.modules['cysym']}, not with {mx}")
    if EXAMPLES not in sys.path:
        sys.path.insert(0, EXAMPLES)
    return importlib.import_module("networks." + name)


def mlp(mx: Any) -> Any:
    """Return the perceptron 784-128-64-10 with ReLU."""
    return network(mx, "mlp").get_symbol()


def lenet(mx: Any) -> Any:
    """Return LeNet for 28x28 images, with tanh."""
    return network(mx, "lenet").get_symbol()


def vgg16(mx: Any) -> Any:
    """Return VGG-16 without batch normalization."""
    return network(mx, "vgg").get_symbol(num_layers=16)


def inception_bn(mx: Any) -> Any:
    """Return Inception-BN for 224x224 images."""
    return network(mx, "inception_bn").get_symbol()


def resnet50(mx: Any) -> Any:
    """Return ResNet-50 for 224x224 images, 4,089 M multiply-adds (version 1, stride on the 3x3)."""
    return network(mx, "resnet").get_symbol(num_layers=50)


MODELS = {
    "mlp": (mlp, (784,)),
    "lenet": (lenet, (1, 28, 28)),
    "vgg16": (vgg16, (3, 224, 224)),
    "inception_bn": (inception_bn, (3, 224, 224)),
    "resnet50": (resnet50, (3, 224, 224)),
}
