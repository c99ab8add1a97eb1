"""One network on two devices: the lower layer of an LSTM on the CPU, the upper one on an OpenCL device.

Nodes are put into groups by `AttrScope(ctx_group=...)`; binding says where each group lies (`group2ctx` of
`simple_bind`, `group2ctxs` of `Module`), and what crosses from one device to the other is copied. A language
model of characters learns a chapter of "Alice" in this way, by `Module.fit` and by a loop written out, and
again on the CPU alone. Shown is what lies on which device, and what is copied. The exit status is 1 where the
ways do not agree, or nothing was learned. Without an OpenCL device two contexts of the CPU stand in.

    python examples/model_parallel.py
"""

from __future__ import annotations

import argparse
import logging
import math
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import cysym as mx

TEXT = Path(__file__).resolve().parent / "data" / "alice.txt"
SEED = 0
LEARNING_RATE = 0.01

Groups = Mapping[str, mx.Context] | None


@dataclass(frozen=True)
class Text:
    """Rows of characters as numbers, (n, length + 1): the last is only foretold, the first only read."""

    rows: np.ndarray
    characters: int

    @staticmethod
    def load(length: int, most: int) -> Text:
        """The text in small letters, cut into rows."""
        text = " ".join(TEXT.read_text().lower().split())[: most * length + 1]
        alphabet = sorted(set(text))
        numbers = np.array([alphabet.index(c) for c in text])
        starts = np.arange((len(numbers) - 1) // length) * length
        return Text(numbers[starts[:, None] + np.arange(length + 1)], len(alphabet))

    def batches(self, size: int) -> mx.io.NDArrayIter:
        """Whole batches in the order of the text."""
        whole = self.rows[: len(self.rows) // size * size]
        return mx.io.NDArrayIter(whole[:, :-1], whole[:, 1:], size)

    def guessing(self) -> float:
        """Perplexity of who knows how often each character comes, and nothing else."""
        share = np.bincount(self.rows[:, 1:].ravel()) / self.rows[:, 1:].size
        share = share[share > 0]
        return math.exp(-(share * np.log(share)).sum())


def network(length: int, characters: int, hidden: int) -> mx.sym.Symbol:
    """Two layers of LSTM between an embedding and a softmax, each half in a group of its own."""
    with mx.AttrScope(ctx_group="lower"):
        embedded = mx.sym.Embedding(
            mx.sym.Variable("data"), input_dim=characters, output_dim=hidden, name="embed"
        )
        below, _ = mx.rnn.LSTMCell(hidden, prefix="lower_").unroll(length, embedded, merge_outputs=True)
    with mx.AttrScope(ctx_group="upper"):
        above, _ = mx.rnn.LSTMCell(hidden, prefix="upper_").unroll(length, below, merge_outputs=True)
        rows = mx.sym.Reshape(above, shape=(-1, hidden))
        scores = mx.sym.FullyConnected(rows, num_hidden=characters, name="scores")
        label = mx.sym.Reshape(mx.sym.Variable("softmax_label"), shape=(-1,))
        return mx.sym.SoftmaxOutput(scores, label, name="softmax")


def optimizer(size: int) -> mx.optimizer.Optimizer:
    """The same steps for every way of training."""
    return mx.optimizer.create("adam", learning_rate=LEARNING_RATE, rescale_grad=1 / size)


@dataclass(frozen=True)
class Learned:
    """What one way of training left behind."""

    perplexity: float
    params: dict[str, np.ndarray]
    seconds: float

    def differs_from(self, other: Learned) -> float:
        """The largest difference of a parameter."""
        return max(float(np.abs(value - other.params[name]).max()) for name, value in self.params.items())


def start(symbol: mx.sym.Symbol, batches: mx.io.NDArrayIter) -> dict[str, mx.nd.NDArray]:
    """The same first parameters for every way of training."""
    mx.random.seed(SEED)
    module = mx.mod.Module(symbol, context=mx.cpu())
    module.bind(batches.provide_data, batches.provide_label)
    module.init_params(mx.init.Xavier())
    return dict(module.get_params()[0])


def by_module(
    symbol: mx.sym.Symbol,
    groups: Groups,
    params: dict[str, mx.nd.NDArray],
    text: Text,
    args: argparse.Namespace,
) -> Learned:
    """Train with `Module.fit`."""
    module = mx.mod.Module(symbol, context=mx.cpu(), group2ctxs=groups)
    batches = text.batches(args.batch_size)
    begun = time.perf_counter()
    module.fit(
        batches,
        eval_metric=mx.metric.Perplexity(None),
        arg_params=params,
        optimizer=optimizer(args.batch_size),
        num_epoch=args.epochs,
    )
    seconds = time.perf_counter() - begun
    perplexity = module.score(batches, mx.metric.Perplexity(None))[0][1]
    return Learned(perplexity, {n: v.asnumpy() for n, v in module.get_params()[0].items()}, seconds)


def by_hand(
    executor: mx.executor.Executor, params: dict[str, mx.nd.NDArray], text: Text, args: argparse.Namespace
) -> Learned:
    """Train with `forward`, `backward` and an updater; each array is updated where it lies."""
    executor.copy_params_from(params)
    updater = mx.optimizer.get_updater(optimizer(args.batch_size))
    batches = text.batches(args.batch_size)
    begun = time.perf_counter()
    for _ in range(args.epochs):
        batches.reset()
        for batch in batches:
            executor.forward(is_train=True, data=batch.data[0], softmax_label=batch.label[0])
            executor.backward()
            for index, name in enumerate(params):
                updater(index, executor.grad_dict[name], executor.arg_dict[name])
    mx.nd.waitall()
    seconds = time.perf_counter() - begun
    metric = mx.metric.Perplexity(None)
    batches.reset()
    for batch in batches:
        metric.update(batch.label, executor.forward(data=batch.data[0], softmax_label=batch.label[0]))
    return Learned(metric.get()[1], {n: executor.arg_dict[n].asnumpy() for n in params}, seconds)


def describe(executor: mx.executor.Executor) -> list[str]:
    """What lies on which device during a step of training, and what is copied from one to the other."""
    sizes: dict[mx.Context, dict[str, int]] = {}
    for kind, arrays in (
        ("arguments", executor.arg_dict.values()),
        ("gradients", executor.grad_dict.values()),
        ("outputs", executor.outputs),
    ):
        for array in arrays:
            if array is not None:
                of_device = sizes.setdefault(array.context, {})
                of_device[kind] = of_device.get(kind, 0) + array.size * np.dtype(array.dtype).itemsize
    lines = [f"a step of training, {executor.plan.peak:,} bytes of planned memory:"]
    for context, of_device in sizes.items():
        planned = sum(executor.plan.chunks.get(context.device, []))
        parts = [f"{kind} {size:,}" for kind, size in of_device.items()]
        lines.append(f"  {context}: {', '.join(parts)}, planned {planned:,} bytes")
        names = [name for name, array in executor.arg_dict.items() if array.context == context]
        lines.append(f"    {', '.join(names)}")
    for block in executor.plan.timeline:
        if block.name.startswith("copy of "):
            lines.append(f"  to {context_of(block.device, sizes)}: {block.name}, {block.nbytes:,} bytes")
    return lines


def context_of(device: object, contexts: Mapping[mx.Context, object]) -> mx.Context:
    """The context whose device it is."""
    return next(c for c in contexts if c.device is device)


def places() -> tuple[mx.Context, mx.Context]:
    """The CPU, and the first OpenCL device; another context of the CPU where there is none."""
    if mx.context.opencl_devices():
        return mx.cpu(0), mx.gpu(0)
    print("no OpenCL device is here; a second context of the CPU stands in for it")
    return mx.cpu(0), mx.cpu(1)


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rows", type=int, default=1280, help="rows of the text to learn")
    parser.add_argument("--length", type=int, default=16, help="characters in a row")
    parser.add_argument("--hidden", type=int, default=48)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--tolerance", type=float, default=1e-3, help="by how much parameters may differ")
    parser.add_argument(
        "--learned", type=float, default=0.55, help="the largest share of guessing's perplexity"
    )
    parser.add_argument("--verbose", action="store_true", help="show the library's log")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Run everything; 0 when all ways agree and the network learned."""
    args = parse(argv)
    logging.basicConfig(level=logging.INFO if args.verbose else logging.WARNING)
    text = Text.load(args.length, args.rows)
    symbol = network(args.length, text.characters, args.hidden)
    lower, upper = places()
    groups = {"lower": lower, "upper": upper}
    params = start(symbol, text.batches(args.batch_size))

    shapes = {"data": (args.batch_size, args.length), "softmax_label": (args.batch_size, args.length)}
    requests = {n: "write" if n in params else "null" for n in symbol.list_arguments()}
    executor = symbol.simple_bind(mx.cpu(), grad_req=requests, group2ctx=groups, **shapes)
    print("\n".join(describe(executor)))

    ways = {
        "by Module on one device": by_module(symbol, None, params, text, args),
        f"by Module on {lower} and {upper}": by_module(symbol, groups, params, text, args),
        f"by hand on {lower} and {upper}": by_hand(executor, params, text, args),
    }
    guessing = text.guessing()
    one = next(iter(ways.values()))
    failures = []
    for way, learned in ways.items():
        apart = learned.differs_from(one)
        print(
            f"{way}: perplexity {learned.perplexity:.4f} after {learned.seconds:.1f} s; "
            f"parameters differ by at most {apart:.1e}"
        )
        if not apart <= args.tolerance:
            failures.append(f"{way}: parameters differ by {apart:.1e}, more than {args.tolerance}")
        most = args.learned * guessing
        if not learned.perplexity <= most:
            failures.append(f"{way}: perplexity {learned.perplexity:.2f} is above {most:.2f}")
    for failure in failures:
        print(f"FAILED: {failure}", file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
