"""The model API of 2015, before there was a Module: mx.model.FeedForward.

What it shows: fit from NumPy arrays and from an iterator, the optimizer's parameters as plain keyword
arguments, predict, score, save and load, training that goes on from a checkpoint, and an inner layer as a
model of its own. Several devices (--gpus 0,1) share each batch.

    python feedforward.py --num-epochs 12 --output mlp-model
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


def get_mlp():
    data = mx.symbol.Variable("data")
    fc1 = mx.symbol.FullyConnected(data=data, name="fc1", num_hidden=64)
    act1 = mx.symbol.Activation(data=fc1, name="relu1", act_type="relu")
    fc2 = mx.symbol.FullyConnected(data=act1, name="fc2", num_hidden=32)
    act2 = mx.symbol.Activation(data=fc2, name="relu2", act_type="relu")
    fc3 = mx.symbol.FullyConnected(data=act2, name="fc3", num_hidden=10)
    return mx.symbol.SoftmaxOutput(data=fc3, name="softmax")


def parse_args():
    parser = argparse.ArgumentParser(
        formatter_class=argparse.ArgumentDefaultsHelpFormatter, description="digits with FeedForward"
    )
    parser.add_argument("--output", default=".", help="folder for the checkpoints")
    parser.add_argument("--num-epochs", type=int, default=12)
    parser.add_argument("--batch-size", type=int, default=50)
    parser.add_argument("--lr", type=float, default=0.1)
    parser.add_argument("--gpus", default="", help="GPUs to use, such as 0 or 0,1; the CPU where it is empty")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


def main():
    args = parse_args()
    logging.basicConfig(level=logging.INFO)
    ctx = [mx.gpu(int(i)) for i in args.gpus.split(",")] if args.gpus else mx.cpu()
    np.random.seed(args.seed)
    mx.random.seed(args.seed)
    (X, Y), (val_X, val_Y) = load_digits()
    if not os.path.isdir(args.output):
        os.makedirs(args.output)
    prefix = os.path.join(args.output, "mlp")
    val = mx.io.NDArrayIter(val_X, val_Y, batch_size=args.batch_size)

    # NumPy arrays go straight in; FeedForward shuffles and batches them.
    first = max(args.num_epochs // 2, 1)
    model = mx.model.FeedForward(
        ctx=ctx,
        symbol=get_mlp(),
        num_epoch=first,
        numpy_batch_size=args.batch_size,
        learning_rate=args.lr,
        momentum=0.9,
        wd=0.00001,
        initializer=mx.init.Xavier(factor_type="in", magnitude=2.34),
    )
    model.fit(
        X=X,
        y=Y,
        eval_data=(val_X, val_Y),
        eval_metric="acc",
        batch_end_callback=mx.callback.Speedometer(args.batch_size, 10),
        epoch_end_callback=mx.callback.do_checkpoint(prefix, first),
    )
    half_way = float(model.score(val))

    # Go on where the checkpoint stopped, from an iterator this time, with a smaller learning rate.
    train = mx.io.NDArrayIter(X, Y, batch_size=args.batch_size, shuffle=True)
    model = mx.model.FeedForward.load(
        prefix,
        first,
        ctx=ctx,
        num_epoch=args.num_epochs,
        learning_rate=args.lr / 2,
        momentum=0.9,
        lr_scheduler=mx.lr_scheduler.FactorScheduler(step=30, factor=0.7, base_lr=args.lr / 2),
    )
    model.fit(X=train, eval_data=val, eval_metric=["acc", mx.metric.create("ce")])
    accuracy = float(model.score(val))
    cross_entropy = float(model.score(val, eval_metric="ce"))

    # A saved model answers as the one in memory, for an iterator and for an array.
    model.save(prefix)
    loaded = mx.model.FeedForward.load(prefix, args.num_epochs, ctx=ctx)
    prob, _, label = loaded.predict(val, return_data=True)

    # An inner layer is a model, too; parameters it does not need are extra.
    hidden = mx.model.FeedForward(
        ctx=ctx,
        symbol=loaded.symbol.get_internals()["relu2_output"],
        numpy_batch_size=args.batch_size,
        arg_params=loaded.arg_params,
        aux_params=loaded.aux_params,
        allow_extra_params=True,
    )
    active = hidden.predict(val_X)

    final = {
        "accuracy": accuracy,
        "accuracy half-way": half_way,
        "cross-entropy": cross_entropy,
        "accuracy by hand": float((prob.argmax(axis=1) == label).mean()),
        "accuracy when loaded": float((loaded.predict(val_X).argmax(axis=1) == val_Y).mean()),
        "active": float((active > 0).mean()),
    }
    print("final " + json.dumps(final))
    if min(value for name, value in final.items() if "accuracy" in name and "half" not in name) < 0.95:
        sys.exit("FAILED: an accuracy is below 0.95")


if __name__ == "__main__":
    main()
