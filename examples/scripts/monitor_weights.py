"""Watch a network learn with mx.mon.Monitor, and find out why one does not.

What it shows: a monitor of every n-th batch in Module.fit, a pattern for what it looks at, statistics of
one's own, install_monitor with tic and toc in a loop of one's own, and what the numbers mean: started with
weights that are too large, sigmoids are saturated (nearly all their outputs are 0 or 1), hardly any gradient
passes them, and the lower layers stay as they are.

    python monitor_weights.py --interval 10
"""

import argparse
import json
import logging
import os
import sys

import mxnet as mx
import numpy as np

DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "data", "digits.npz")


def load_digits():
    """Rows of 64 pixels from 0 to 1 with labels; every fifth is kept from training."""
    with np.load(DATA) as stored:
        rows = stored["images"].reshape(-1, 64).astype("float32") / 16
        labels = stored["labels"].astype("float32")
    held = np.arange(len(labels)) % 5 == 0
    return (rows[~held], labels[~held]), (rows[held], labels[held])


def get_symbol():
    net = mx.sym.Variable("data")
    for i in (1, 2):
        net = mx.sym.FullyConnected(net, num_hidden=32, name=f"fc{i}")
        net = mx.sym.Activation(net, act_type="sigmoid", name=f"sigmoid{i}")
    net = mx.sym.FullyConnected(net, num_hidden=10, name="fc3")
    return mx.sym.SoftmaxOutput(net, name="softmax")


def saturated(array):
    """Share of a sigmoid's outputs within 0.02 of 0 or 1."""
    return (mx.nd.abs(array - 0.5) > 0.48).mean()


def norm_stat(array):
    """Length of a vector of ordinary entries."""
    return mx.nd.norm(array) / np.sqrt(array.size)


class Reports(logging.Handler):
    """Keeps what a monitor logs: batch, array, numbers."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def emit(self, record):
        words = record.getMessage().split()
        if words[0] == "Batch:":
            self.seen.append((int(words[1]), words[2], [float(word) for word in words[3:]]))

    def last(self, name):
        return [numbers for _, array, numbers in self.seen if array == name][-1][0]


def train(initializer, args, train_data, val_data, ctx):
    """Fit while a monitor looks on; the module, what was reported, and the accuracy."""
    np.random.seed(args.seed)
    mx.random.seed(args.seed)
    reports = Reports()
    logging.getLogger().addHandler(reports)
    mod = mx.mod.Module(get_symbol(), context=ctx)
    mod.fit(
        mx.io.NDArrayIter(*train_data, batch_size=args.batch_size, shuffle=True),
        num_epoch=args.num_epochs,
        initializer=initializer,
        optimizer="sgd",
        optimizer_params={"learning_rate": 0.2, "momentum": 0.9},
        monitor=mx.mon.Monitor(args.interval, saturated, pattern="sigmoid.*_output", sort=True),
    )
    logging.getLogger().removeHandler(reports)
    score = mod.score(mx.io.NDArrayIter(*val_data, batch_size=99), "acc")
    return mod, reports, float(dict(score)["accuracy"])


def movement(mod, args, train_data, batches=5):
    """How far each weight moves in a few more batches, as a share of its length, by another monitor."""
    mon = mx.mon.Monitor(1, norm_stat, pattern="fc[0-9]_weight")
    mod.install_monitor(mon)
    before = {name: array.asnumpy() for name, array in mod.get_params()[0].items()}
    names = set()
    for batch, _ in zip(mx.io.NDArrayIter(*train_data, batch_size=args.batch_size), range(batches)):
        mon.tic()
        mod.forward_backward(batch)
        mod.update()
        for step, name, value in mon.toc():
            logging.info("%d %s %s", step, name, value.strip())
            names.add(name)
    after = mod.get_params()[0]
    return {
        name: float(np.linalg.norm(after[name].asnumpy() - before[name]) / np.linalg.norm(before[name]))
        for name in sorted(names)
    }


def parse_args():
    parser = argparse.ArgumentParser(
        formatter_class=argparse.ArgumentDefaultsHelpFormatter, description="a monitor finds saturated layers"
    )
    parser.add_argument("--num-epochs", type=int, default=8)
    parser.add_argument("--batch-size", type=int, default=50)
    parser.add_argument("--interval", type=int, default=30, help="batches from one look to the next")
    parser.add_argument("--gpus", default="", help="GPU to use, the CPU where it is empty")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


def main():
    args = parse_args()
    logging.basicConfig(level=logging.INFO)
    ctx = mx.gpu(int(args.gpus)) if args.gpus else mx.cpu()
    train_data, val_data = load_digits()

    final = {}
    for kind, initializer in (("large", mx.init.Normal(3.0)), ("xavier", mx.init.Xavier())):
        mod, reports, accuracy = train(initializer, args, train_data, val_data, ctx)
        final["accuracy, " + kind] = accuracy
        final["reports, " + kind] = len(reports.seen)
        for layer in ("sigmoid1", "sigmoid2"):
            final[f"saturated {layer}, {kind}"] = reports.last(layer + "_output")
        for name, value in movement(mod, args, train_data).items():
            final[f"moved {name}, {kind}"] = value
        print(
            "{}: {:.0%} and {:.0%} of the sigmoids are saturated, accuracy {:.3f}".format(
                kind, final["saturated sigmoid1, " + kind], final["saturated sigmoid2, " + kind], accuracy
            )
        )

    print("final " + json.dumps(final))
    if final["accuracy, xavier"] < 0.9:
        sys.exit("FAILED: accuracy {:.3f} is below 0.9".format(final["accuracy, xavier"]))
    if not final["saturated sigmoid1, large"] > 0.5 > 2 * final["saturated sigmoid1, xavier"]:
        sys.exit("FAILED: the monitor finds neither start more saturated than the other")


if __name__ == "__main__":
    main()
