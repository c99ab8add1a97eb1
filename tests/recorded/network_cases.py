"""Classic networks, values for them from formulas, and what a user sees of one training step.

`CASES` names each network of `examples/networks` at full size and as a small copy. `step` fills, trains once
and infers; it holds nothing of either framework, which comes in as `mx`. `record_networks.py` keeps MXNet's
answers, `tests/test_networks.py` compares cysym's. Runs on Python 3.8.
"""

from __future__ import annotations

import importlib
import sys
import zlib
from pathlib import Path
from typing import Any

import numpy as np

Array = Any
EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
MOMENTUM = 0.9  # of every BatchNorm here


class Case:
    """A network: its module, options and shape of one sample at full size, and those of its small copy."""

    def __init__(
        self,
        name: str,
        module: str,
        sample: tuple[int, ...],
        small: tuple[int, ...],
        parameters: int,
        options: dict[str, Any] | None = None,
        shrunk: dict[str, Any] | None = None,
        dropout: bool = False,
        batch: int = 8,
    ) -> None:
        self.name, self.module, self.parameters = name, module, parameters
        self.full_options = dict(options or {})
        self.small_options = dict(self.full_options, num_classes=10, **(shrunk or {}))
        self.full_shape, self.small_shape = (2, *sample), (batch, *small)
        self.dropout = dropout

    def __repr__(self) -> str:
        return self.name

    def build(self, mx: Any, full: bool = True, **more: Any) -> Any:
        """Return the symbol, with automatic names counted from 0."""
        options = dict(self.full_options if full else self.small_options, **more)
        with mx.name.NameManager():
            return load_network(mx, self.module).get_symbol(**options)

    def trained(self, mx: Any, full: bool) -> Any:
        """Return the symbol to train: without dropout, whose masks differ between frameworks."""
        return self.build(mx, full, **({"dropout": 0.0} if self.dropout else {}))

    def shape(self, full: bool) -> tuple[int, ...]:
        """Return the shape of the data, batch first."""
        return self.full_shape if full else self.small_shape


def load_network(mx: Any, module: str) -> Any:
    """Return a module of `examples/networks`; where cysym is absent, MXNet answers to its name."""
    if sys.modules.setdefault("cysym", mx) is not mx:
        raise ValueError(f"the networks of this process build with {sys.modules['cysym']}")
    if str(EXAMPLES) not in sys.path:
        sys.path.insert(0, str(EXAMPLES))
    return importlib.import_module("networks." + module)


IMAGE = (3, 224, 224)
# parameters: of the papers, of Caffe's and MXNet's model zoos
CASES = [
    Case("mlp", "mlp", (784,), (784,), 109386),
    Case("lenet", "lenet", (1, 28, 28), (1, 28, 28), 431080),
    Case(
        "alexnet", "alexnet", (3, 227, 227), (3, 67, 67), 62378344, shrunk={"width": 0.125}, dropout=True
    ),
    Case(
        "alexnet-groups", "alexnet", (3, 227, 227), (3, 67, 67), 60965224,
        {"num_group": 2}, {"width": 0.125}, dropout=True,
    ),
    Case("googlenet", "googlenet", IMAGE, (3, 64, 64), 6998552, shrunk={"width": 0.125}, dropout=True),
    Case("inception-bn", "inception_bn", IMAGE, (3, 64, 64), 11285224, shrunk={"width": 0.125}),
    Case("inception-v3", "inception_v3", (3, 299, 299), (3, 107, 107), 23834568, shrunk={"width": 0.125}),
    Case("resnet-18", "resnet", IMAGE, (3, 64, 64), 11689512, {"num_layers": 18}, {"width": 0.125}),
    Case("resnet-50", "resnet", IMAGE, (3, 64, 64), 25557032, {"num_layers": 50}, {"width": 0.125}),
    Case("resnet-50-v2", "resnet", IMAGE, (3, 64, 64), 25549486, {"version": 2}, {"width": 0.125}),
    Case("resnext-50", "resnext", IMAGE, (3, 64, 64), 25028904, {}, {"width": 0.25}),
    Case("vgg-11", "vgg", IMAGE, (3, 32, 32), 132863336, {"num_layers": 11}, {"width": 0.125}, dropout=True),
    Case("vgg-16", "vgg", IMAGE, (3, 32, 32), 138357544, {"num_layers": 16}, {"width": 0.125}, dropout=True),
    Case(
        "vgg-16-bn", "vgg", IMAGE, (3, 64, 64), 138365992,
        {"num_layers": 16, "batch_norm": True}, {"width": 0.125}, dropout=True,
    ),
    Case("mobilenet", "mobilenet", IMAGE, (3, 64, 64), 4231976, shrunk={"width": 0.25}),
    Case("densenet", "densenet", IMAGE, (3, 64, 64), 7978856, shrunk={"width": 0.25, "units": (3, 4, 6, 4)}),
]  # fmt: skip


def uniform(key: str, shape: tuple[int, ...], bound: float) -> Array:
    """Return float32 numbers between -bound and bound that depend on the key alone."""
    random = np.random.RandomState(zlib.crc32(key.encode()))
    values = random.random_sample(int(np.prod(shape))).astype(np.float32)
    values -= np.float32(0.5)
    values *= np.float32(2 * bound)
    return values.reshape(shape)


def value(name: str, shape: tuple[int, ...], seed: int = 0, shake: float = 0.0) -> Array:
    """Return what an argument holds, by its name; weights in He's scale, so that signals keep their size.

    Each beta is well above 0, so that few units are near ReLU's kink, where rounding decides on gradients;
    the weights of the classifiers are smaller, lest softmax saturates. `shake` moves each number of the data
    by that part of itself, up or down.
    """
    key = f"{seed}:{name}"
    if name == "softmax_label":
        return (np.arange(shape[0]) * 7 % 10).astype(np.float32)
    if name == "data":
        signs = np.sign(uniform("signs", shape, 1.0))
        return uniform(key, shape, 1.7) * (1 + np.float32(shake) * signs)
    if name.endswith("_gamma"):
        return uniform(key, shape, 0.25) + np.float32(1)
    if name.endswith("_beta"):
        return uniform(key, shape, 0.1) + np.float32(2)
    if name.endswith("_bias"):
        return uniform(key, shape, 0.1)
    bound = float(np.sqrt(6.0 / np.prod(shape[1:])))
    return uniform(key, shape, bound / 5 if name == "fc1_weight" else bound)


def initial_state(name: str, shape: tuple[int, ...]) -> Array:
    """Return what a BatchNorm's moving mean or variance begins with."""
    return np.full(shape, 1 if name.endswith("_var") else 0, np.float32)


def digest(array: Array) -> tuple[float, float]:
    """Return the norm of an array, and its product with a fixed wave: elements that change places show."""
    flat = array.astype(np.float64).ravel()
    wave = np.sin(np.arange(1, flat.size + 1, dtype=np.float64))
    return float(np.sqrt(flat @ flat)), float(flat @ wave)


def summary(probabilities: Array) -> Array:
    """Return the first ten probabilities of each sample, and the `digest` of all of them."""
    return np.array([[*row[:10], *digest(row)] for row in probabilities], np.float32)


def bind(mx: Any, ctx: Any, symbol: Any, shape: tuple[int, ...], seed: int = 0, shake: float = 0.0) -> Any:
    """Return an executor for training with every argument filled; the label alone has no gradient."""
    req = {n: "null" if n == "softmax_label" else "write" for n in symbol.list_arguments()}
    executor = symbol.simple_bind(ctx, grad_req=req, data=shape)
    for name, array in executor.arg_dict.items():
        array[:] = value(name, array.shape, seed, shake)
    for name, array in executor.aux_dict.items():
        array[:] = initial_state(name, array.shape)
    return executor


def step(
    mx: Any, ctx: Any, symbol: Any, shape: tuple[int, ...], seed: int = 0, shake: float = 0.0
) -> dict[str, Array]:
    """Return what one training step and one inference give.

    "trained" and "inferred" are a `summary` of the probabilities; "grads" has a row (norm, product with a
    wave) for each argument but the label; "states" one for each auxiliary state. The inference normalizes
    with the statistics of the step's batch, found from the moving ones: signals keep their size at any depth.
    """
    executor = bind(mx, ctx, symbol, shape, seed, shake)
    trained = executor.forward(is_train=True)[0].asnumpy()
    executor.backward()
    grads = [digest(executor.grad_dict[n].asnumpy()) for n in symbol.list_arguments() if n != "softmax_label"]
    states = []
    for name in symbol.list_auxiliary_states():
        moving = executor.aux_dict[name].asnumpy()
        states.append(digest(moving))
        first = initial_state(name, moving.shape)
        executor.aux_dict[name][:] = (moving - np.float32(MOMENTUM) * first) / np.float32(1 - MOMENTUM)
    inferred = executor.forward(is_train=False)[0].asnumpy()
    return {
        "trained": summary(trained),
        "inferred": summary(inferred),
        "grads": np.array(grads, np.float32),
        "states": np.array(states, np.float32).reshape(-1, 2),
    }


def count_parameters(symbol: Any, shape: tuple[int, ...]) -> int:
    """Return how many numbers training changes: all arguments but the data and the label."""
    shapes, _, _ = symbol.infer_shape(data=shape)
    pairs = zip(symbol.list_arguments(), shapes)
    return sum(int(np.prod(s)) for name, s in pairs if name not in ("data", "softmax_label"))
