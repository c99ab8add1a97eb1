"""One network, two answers about a wine: which grower made it, and how much alcohol is in it.

What it shows: a Group of SoftmaxOutput and LinearRegressionOutput over shared layers, grad_scale to weigh the
second loss, an NDArrayIter with two labels by name, a metric of one's own that follows both, and metrics of
the library that are told their output and label by output_names and label_names.

    python two_losses.py --num-epochs 12
"""

import argparse
import json
import logging
import os
import sys

import mxnet as mx
import numpy as np

DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "data", "wine.csv")
ALCOHOL = 0  # its column


class GrowerAndAlcohol(mx.metric.EvalMetric):
    """Two numbers in one metric: the share of right growers, and the mean absolute error of the alcohol.

    It takes labels and outputs by name: an iterator sorts the labels of a dictionary, alcohol before grower,
    whereas the network's outputs come in the order of the Group.
    """

    def __init__(self):
        super().__init__("grower_and_alcohol")

    def reset(self):
        self.right = self.error = 0.0
        self.rows = 0

    def update_dict(self, label, pred):
        probabilities, guess = pred["grower_output"].asnumpy(), pred["alcohol_output"].asnumpy()
        grower, alcohol = label["grower_label"].asnumpy(), label["alcohol_label"].asnumpy()
        self.right += float((probabilities.argmax(axis=1) == grower).sum())
        self.error += float(np.abs(guess - alcohol).sum())
        self.rows += len(grower)

    def get(self):
        rows = max(self.rows, 1)
        return ["grower_accuracy", "alcohol_error"], [self.right / rows, self.error / rows]

    def get_name_value(self):
        return list(zip(*self.get()))


def network(weight):
    """Shared layers, then a head for each question; `weight` is what the second counts for."""
    net = mx.sym.Variable("data")
    net = mx.sym.FullyConnected(net, num_hidden=24, name="shared1")
    net = mx.sym.Activation(net, act_type="relu", name="relu1")
    net = mx.sym.FullyConnected(net, num_hidden=16, name="shared2")
    net = mx.sym.Activation(net, act_type="relu", name="relu2")
    grower = mx.sym.FullyConnected(net, num_hidden=3, name="grower_fc")
    grower = mx.sym.SoftmaxOutput(grower, name="grower")
    alcohol = mx.sym.FullyConnected(net, num_hidden=1, name="alcohol_fc")
    alcohol = mx.sym.LinearRegressionOutput(alcohol, name="alcohol", grad_scale=weight)
    return mx.sym.Group([grower, alcohol])


def tables():
    """Rows without the alcohol, growers, alcohol, and which rows are held back."""
    table = np.loadtxt(DATA, delimiter=",", skiprows=1).astype("float32")
    grower, alcohol = table[:, -1], table[:, ALCOHOL : ALCOHOL + 1]
    rows = np.delete(table[:, :-1], ALCOHOL, axis=1)
    rows = (rows - rows.mean(axis=0)) / rows.std(axis=0)
    alcohol = (alcohol - 13) / 0.8  # about -2 to 2
    return rows, grower, alcohol, np.arange(len(table)) % 4 == 3


def iterator(rows, grower, alcohol, batch_size, shuffle=False):
    labels = {"grower_label": grower, "alcohol_label": alcohol}
    return mx.io.NDArrayIter({"data": rows}, labels, batch_size, shuffle=shuffle)


def parse_args():
    parser = argparse.ArgumentParser(description="two losses on shared layers")
    parser.add_argument(
        "--gpus", type=str, default="", help="devices to train on, such as 0; empty is the cpu"
    )
    parser.add_argument("--num-epochs", type=int, default=12)
    parser.add_argument("--batch-size", type=int, default=19)
    parser.add_argument("--lr", type=float, default=0.02)
    parser.add_argument("--weight", type=float, default=0.3, help="of the second loss")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def main():
    args = parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    mx.random.seed(args.seed)
    np.random.seed(args.seed)
    ctx = [mx.gpu(int(i)) for i in args.gpus.split(",")] if args.gpus else mx.cpu()

    rows, grower, alcohol, held = tables()
    train = iterator(rows[~held], grower[~held], alcohol[~held], args.batch_size, shuffle=True)
    check = iterator(rows[held], grower[held], alcohol[held], batch_size=int(held.sum()))

    net = network(args.weight)
    print("outputs:", net.list_outputs())
    mod = mx.mod.Module(net, context=ctx, label_names=[d.name for d in train.provide_label])
    mod.fit(
        train,
        eval_data=check,
        eval_metric=GrowerAndAlcohol(),
        optimizer="sgd",
        optimizer_params=(("learning_rate", args.lr), ("momentum", 0.9), ("wd", 1e-3)),
        initializer=mx.init.Xavier(magnitude=2),
        batch_end_callback=mx.callback.log_train_metric(5),
        num_epoch=args.num_epochs,
    )

    final = dict(mod.score(check, GrowerAndAlcohol()))
    both = mx.metric.CompositeEvalMetric(
        [
            mx.metric.CrossEntropy(output_names=["grower_output"], label_names=["grower_label"]),
            mx.metric.RMSE(output_names=["alcohol_output"], label_names=["alcohol_label"]),
        ]
    )
    final.update(mod.score(check, both))
    print("final " + json.dumps(final))
    if final["grower_accuracy"] < 0.95 or final["alcohol_error"] > 0.5:
        sys.exit(f"FAILED: accuracy below 0.95 or error above 0.5: {final}")


if __name__ == "__main__":
    main()
