"""Tell malignant tumours from benign ones, with batches and metrics of one's own.

What it shows: a subclass of DataIter (provide_data, provide_label, reset, next) that draws as many rows of
one class as of the other into each batch, an input and a label that are not called "data" and
"softmax_label"; three ways to a metric: mx.metric.np on a function, CustomMetric, and a class of EvalMetric.

    python custom_iterator.py --num-epochs 12
"""

import argparse
import json
import logging
import os
import sys

import mxnet as mx
import numpy as np

DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "data", "breast_cancer.csv")


class BalancedIter(mx.io.DataIter):
    """Batches with the same number of rows of each class; the rarer class is gone through more than once."""

    def __init__(self, rows, classes, batch_size, batches, seed):
        super().__init__(batch_size)
        self.rows = rows
        self.members = [np.flatnonzero(classes == c) for c in (0, 1)]
        self.batches = batches
        self.random = np.random.RandomState(seed)
        self.queues = [[], []]
        self.done = 0

    @property
    def provide_data(self):
        return [mx.io.DataDesc("measures", (self.batch_size, self.rows.shape[1]))]

    @property
    def provide_label(self):
        return [mx.io.DataDesc("benign_label", (self.batch_size, 1))]

    def reset(self):
        self.done = 0

    def draw(self, c):
        """The next row of a class; all its rows come before one comes again."""
        if not self.queues[c]:
            self.queues[c] = list(self.random.permutation(self.members[c]))
        return self.queues[c].pop()

    def next(self):
        if self.done == self.batches:
            raise StopIteration
        self.done += 1
        classes = np.arange(self.batch_size) % 2
        chosen = [self.draw(c) for c in classes]
        label = classes.reshape(-1, 1).astype("float32")
        return mx.io.DataBatch(
            data=[mx.nd.array(self.rows[chosen])],
            label=[mx.nd.array(label)],
            pad=0,
            provide_data=self.provide_data,
            provide_label=self.provide_label,
        )


def recall(label, pred):
    """Share of the malignant that were found."""
    malignant = label.ravel() == 0
    return float((pred.ravel()[malignant] < 0.5).mean())


def precision(label, pred):
    """How many of those found are malignant: sum and number, as CustomMetric may be given them."""
    found = pred.ravel() < 0.5
    return float((label.ravel()[found] == 0).sum()), int(found.sum())


class Brier(mx.metric.EvalMetric):
    """Mean squared distance of the probability from what was the case."""

    def __init__(self):
        super().__init__("brier")

    def update(self, labels, preds):
        for label, pred in zip(labels, preds):
            distance = label.asnumpy().ravel() - pred.asnumpy().ravel()
            self.sum_metric += float((distance**2).sum())
            self.num_inst += distance.size


def network():
    net = mx.sym.Variable("measures")
    net = mx.sym.FullyConnected(net, num_hidden=16, name="fc1")
    net = mx.sym.Activation(net, act_type="tanh", name="tanh1")
    net = mx.sym.FullyConnected(net, num_hidden=1, name="fc2")
    return mx.sym.LogisticRegressionOutput(net, mx.sym.Variable("benign_label"), name="benign")


def parse_args():
    parser = argparse.ArgumentParser(description="an iterator and metrics of one's own")
    parser.add_argument(
        "--gpus", type=str, default="", help="devices to train on, such as 0; empty is the cpu"
    )
    parser.add_argument("--num-epochs", type=int, default=12)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--lr", type=float, default=0.03)
    parser.add_argument("--seed", type=int, default=3)
    return parser.parse_args()


def main():
    args = parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    mx.random.seed(args.seed)
    np.random.seed(args.seed)
    ctx = [mx.gpu(int(i)) for i in args.gpus.split(",")] if args.gpus else mx.cpu()

    table = np.loadtxt(DATA, delimiter=",", skiprows=1)
    classes = table[:, -1]
    held = np.arange(len(table)) % 4 == 0
    mean, deviation = table[~held, :-1].mean(0), table[~held, :-1].std(0)
    rows = ((table[:, :-1] - mean) / deviation).astype("float32")
    train = BalancedIter(rows[~held], classes[~held], args.batch_size, batches=20, seed=args.seed)
    check = mx.io.NDArrayIter(
        {"measures": rows[held]}, {"benign_label": classes[held, np.newaxis]}, args.batch_size
    )

    metrics = mx.metric.CompositeEvalMetric()
    metrics.add(mx.metric.np(recall))
    metrics.add(mx.metric.CustomMetric(precision, name="precision"))
    metrics.add(Brier())

    mod = mx.mod.Module(network(), data_names=["measures"], label_names=["benign_label"], context=ctx)
    mod.fit(
        train,
        eval_data=check,
        eval_metric=metrics,
        optimizer="adam",
        optimizer_params={"learning_rate": args.lr},
        initializer=mx.init.Xavier(),
        batch_end_callback=mx.callback.Speedometer(args.batch_size, 10, auto_reset=False),
        num_epoch=args.num_epochs,
    )
    final = dict(mod.score(check, metrics))
    probabilities = mod.predict(check).asnumpy().ravel()
    final["accuracy"] = float(((probabilities > 0.5) == (classes[held] == 1)).mean())
    print("final " + json.dumps(final))
    if final["accuracy"] < 0.92 or final["brier"] > 0.06:
        sys.exit(
            "FAILED: accuracy {accuracy:.3f} is below 0.92, or brier {brier:.3f} above 0.06".format(**final)
        )


if __name__ == "__main__":
    main()
