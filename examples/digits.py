"""Learn handwritten digits with two networks on two devices, from the same code and the same seeds.

The data are the 1,797 scans of 8x8 pixels that come with scikit-learn. A two-layer network and a LeNet learn
on the CPU and on the first OpenCL device; each is saved, loaded again and must give the same answers.
Pictures of the networks and the checkpoints are left in the output folder. The exit status is 1 where an
accuracy is too low or answers differ.

    python examples/digits.py --output demo-output
"""

from __future__ import annotations

import argparse
import logging
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import cysym as mx

CLASSES = 10
SEED = 0
CHECK_BATCH = 60  # divides the 360 scans kept, so none counts twice


def mlp() -> mx.sym.Symbol:
    """The two-layer network of MXNet's Symbol tutorial."""
    net = mx.sym.Variable("data")
    net = mx.sym.FullyConnected(net, name="fc1", num_hidden=128)
    net = mx.sym.Activation(net, name="relu1", act_type="relu")
    net = mx.sym.FullyConnected(net, name="fc2", num_hidden=CLASSES)
    return mx.sym.SoftmaxOutput(net, name="softmax")


def lenet() -> mx.sym.Symbol:
    """LeNet; its convolutions pad, so that 8x8 pixels suffice."""
    net = mx.sym.Variable("data")
    for i, filters in enumerate((20, 50), start=1):
        net = mx.sym.Convolution(net, name=f"conv{i}", kernel=(5, 5), pad=(2, 2), num_filter=filters)
        net = mx.sym.Activation(net, name=f"tanh{i}", act_type="tanh")
        net = mx.sym.Pooling(net, name=f"pool{i}", pool_type="max", kernel=(2, 2), stride=(2, 2))
    net = mx.sym.Flatten(net, name="flatten")
    net = mx.sym.FullyConnected(net, name="fc1", num_hidden=200)
    net = mx.sym.Activation(net, name="tanh3", act_type="tanh")
    net = mx.sym.FullyConnected(net, name="fc2", num_hidden=CLASSES)
    return mx.sym.SoftmaxOutput(net, name="softmax")


@dataclass(frozen=True)
class Network:
    """How one network is made and trained."""

    make: Callable[[], mx.sym.Symbol]
    epochs: int
    weight_decay: float


NETWORKS = {"mlp": Network(mlp, 15, 3e-3), "lenet": Network(lenet, 8, 1e-4)}


@dataclass(frozen=True)
class Digits:
    """Images (n, 1, 8, 8) from -1 to 1 and labels, split so that every digit has its share on both sides."""

    train: tuple[np.ndarray, np.ndarray]
    check: tuple[np.ndarray, np.ndarray]

    @staticmethod
    def load() -> Digits:
        """The scans, 20 % of them kept for validation."""
        from sklearn.datasets import load_digits
        from sklearn.model_selection import train_test_split

        bunch = load_digits()
        images = (bunch.images[:, None] / 8 - 1).astype(np.float32)
        labels = bunch.target.astype(np.float32)
        parts = train_test_split(images, labels, test_size=0.2, random_state=SEED, stratify=labels)
        return Digits((parts[0], parts[2]), (parts[1], parts[3]))


@dataclass
class Result:
    """What one training gave."""

    accuracy: float
    answers: np.ndarray
    seconds: float
    is_reload_equal: bool


def train(name: str, ctx: mx.Context, data: Digits, args: argparse.Namespace) -> Result:
    """Train, save, load and evaluate one network on one device."""
    recipe = NETWORKS[name]
    epochs = args.epochs or recipe.epochs
    # NDArrayIter shuffles with NumPy's numbers, initializers draw from the library's own stream.
    np.random.seed(SEED)
    mx.random.seed(SEED)
    batches = mx.io.NDArrayIter(*data.train, batch_size=args.batch_size, shuffle=True)
    check = mx.io.NDArrayIter(*data.check, batch_size=CHECK_BATCH)
    per_epoch = -(-batches.num_data // args.batch_size)
    # The learning rate halves three times on the way.
    rates = mx.lr_scheduler.FactorScheduler(step=per_epoch * max(1, epochs // 4), factor=0.5, base_lr=0.1)
    prefix = str(args.output / f"{name}-{ctx.device_type}")
    module = mx.mod.Module(recipe.make(), context=ctx)
    begun = time.perf_counter()
    module.fit(
        batches,
        eval_metric="acc",
        initializer=mx.init.Xavier(),
        optimizer="sgd",
        optimizer_params={
            "learning_rate": 0.1,
            "lr_scheduler": rates,
            "momentum": 0.9,
            "wd": recipe.weight_decay,
        },
        batch_end_callback=mx.callback.ProgressBar(per_epoch, length=30),
        epoch_end_callback=mx.callback.do_checkpoint(prefix, period=epochs),
        num_epoch=epochs,
    )
    seconds = time.perf_counter() - begun
    accuracy = module.score(check, "acc")[0][1]
    answers = module.predict(check).asnumpy()

    again = mx.mod.Module.load(prefix, epochs, context=ctx)
    again.bind(check.provide_data, check.provide_label, for_training=False)
    is_equal = again.score(check, "acc")[0][1] == accuracy
    is_equal = is_equal and np.array_equal(again.predict(check).asnumpy(), answers)
    return Result(accuracy, answers, seconds, is_equal)


def describe(name: str, ctx: mx.Context, batch_size: int) -> str:
    """The memory plan of a training step, known before anything is allocated."""
    plan = NETWORKS[name].make().plan(ctx, data=(batch_size, 1, 8, 8))
    return (
        f"{name}: beside arguments and outputs, a training step of {batch_size} images needs "
        f"{plan.peak:,} bytes, {plan.peak / plan.lower_bound:.3f} x the lower bound of {plan.lower_bound:,} "
        f"(one allocation a tensor: {plan.naive:,})"
    )


def draw(name: str, output: Path, batch_size: int) -> None:
    """The network's picture by the library's own renderer, and as text for graphviz."""
    symbol = NETWORKS[name].make()
    shape = {"data": (batch_size, 1, 8, 8)}
    (output / f"{name}.svg").write_text(mx.viz.svg(symbol, shape=shape))
    (output / f"{name}.gv").write_text(mx.viz.gv_source(symbol, title=name, shape=shape))


def devices(wanted: str) -> list[mx.Context]:
    """The CPU and the first OpenCL device, as far as wanted.

    Raises
    ------
    DeviceError
        OpenCL is wanted and there is no device.
    """
    found = []
    if wanted in ("both", "cpu"):
        found.append(mx.cpu())
    if wanted in ("both", "opencl"):
        found.append(mx.gpu(0))
    for ctx in found:
        print(f"{ctx}: {getattr(ctx.device, 'name', mx._core.ISA + ' kernels')}")
    return found


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--output", type=Path, default=Path("demo-output"), help="folder for what is made")
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, default=list(NETWORKS))
    parser.add_argument("--devices", choices=("both", "cpu", "opencl"), default="both")
    parser.add_argument("--epochs", type=int, help="default: mlp 15, lenet 8")
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--accuracy", type=float, default=0.97, help="the least that counts as learned")
    parser.add_argument("--tolerance", type=float, default=0.01, help="by how much devices may differ")
    parser.add_argument("--verbose", action="store_true", help="show the library's log")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Run everything; 0 when all went as it should."""
    args = parse(argv)
    logging.basicConfig(level=logging.INFO if args.verbose else logging.WARNING)
    args.output.mkdir(parents=True, exist_ok=True)
    begun = time.perf_counter()
    data = Digits.load()
    print(f"{len(data.train[1])} digits to learn, {len(data.check[1])} to check with")
    contexts = devices(args.devices)
    failures: list[str] = []

    def expect(is_true: bool, what: str) -> None:
        if not is_true:
            failures.append(what)

    for name in args.networks:
        draw(name, args.output, args.batch_size)
        print(f"\n{describe(name, contexts[0], args.batch_size)}")
        results: dict[Any, Result] = {}
        for ctx in contexts:
            print(f"{name} on {ctx}", flush=True)
            result = results[ctx] = train(name, ctx, data, args)
            print(
                f"{name} on {ctx}: accuracy {result.accuracy:.4f} after {result.seconds:.1f} s, "
                f"{'the same' if result.is_reload_equal else 'NOT the same'} from its checkpoint",
                flush=True,
            )
            expect(result.accuracy >= args.accuracy, f"{name} on {ctx}: accuracy below {args.accuracy}")
            expect(result.is_reload_equal, f"{name} on {ctx}: the checkpoint gives other answers")
        if len(results) == 2:
            one, other = results.values()
            apart = float(np.abs(one.answers - other.answers).max())
            print(f"{name}: probabilities on the two devices differ by at most {apart:.1e}")
            expect(apart <= args.tolerance, f"{name}: the devices differ by {apart:.1e}")

    print(f"\n{time.perf_counter() - begun:.1f} s in all; see {args.output}/:")
    print(" ", ", ".join(sorted(p.name for p in args.output.iterdir())))
    for failure in failures:
        print(f"FAILED: {failure}", file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
