"""Train a small LeNet on handwritten digits with Module.fit, stop half-way, and go on from the checkpoint.

What it shows: NDArrayIter, Xavier, SGD with a MultiFactorScheduler, several metrics at once, the callbacks
Speedometer and module_checkpoint, and how a second Module takes over: Module.load with the optimizer's
states, then fit with begin_epoch. The scheduler counts updates, so the second half is told where it begins.

    python train_digits.py --num-epochs 8 --output digits-model
"""

import argparse
import json
import logging
import os
import sys

import mxnet as mx
import numpy as np

DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "data", "digits.npz")


def lenet(classes):
    """Two convolutions with pooling between them, and two fully connected layers."""
    net = mx.sym.Variable("data")
    net = mx.sym.Convolution(net, kernel=(3, 3), pad=(1, 1), num_filter=16, name="conv1")
    net = mx.sym.Activation(net, act_type="relu", name="relu1")
    net = mx.sym.Pooling(net, kernel=(2, 2), stride=(2, 2), pool_type="max", name="pool1")
    net = mx.sym.Convolution(net, kernel=(3, 3), num_filter=32, name="conv2")
    net = mx.sym.Activation(net, act_type="relu", name="relu2")
    net = mx.sym.Flatten(net, name="flatten")
    net = mx.sym.FullyConnected(net, num_hidden=64, name="fc1")
    net = mx.sym.Activation(net, act_type="relu", name="relu3")
    net = mx.sym.FullyConnected(net, num_hidden=classes, name="fc2")
    return mx.sym.SoftmaxOutput(net, name="softmax")


def iterators(batch_size):
    """Training batches, shuffled once, and those of every fifth image, which training does not see."""
    with np.load(DATA) as stored:
        images = stored["images"].astype("float32")[:, np.newaxis] / 16
        labels = stored["labels"].astype("float32")
    held = np.arange(len(labels)) % 5 == 0
    train = mx.io.NDArrayIter(images[~held], labels[~held], batch_size, shuffle=True)
    check = mx.io.NDArrayIter(images[held], labels[held], batch_size)
    return train, check


def parse_args():
    parser = argparse.ArgumentParser(
        description="train LeNet on digits", formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument(
        "--gpus", type=str, default="", help="devices to train on, such as 0; empty is the cpu"
    )
    parser.add_argument("--num-epochs", type=int, default=6)
    parser.add_argument("--batch-size", type=int, default=48)
    parser.add_argument("--lr", type=float, default=0.1)
    parser.add_argument("--lr-step-epochs", type=str, default="3,5", help="epochs after which the rate falls")
    parser.add_argument("--lr-factor", type=float, default=0.3)
    parser.add_argument("--disp-batches", type=int, default=10)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--output", type=str, default="digits-model", help="folder of the checkpoints")
    return parser.parse_args()


def main():
    args = parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)-15s %(message)s")
    mx.random.seed(args.seed)
    np.random.seed(args.seed)
    devices = [mx.gpu(int(i)) for i in args.gpus.split(",")] if args.gpus else mx.cpu()
    if not os.path.isdir(args.output):
        os.makedirs(args.output)
    prefix = os.path.join(args.output, "lenet")

    train, check = iterators(args.batch_size)
    per_epoch = int(np.ceil(train.num_data / args.batch_size))
    steps = [per_epoch * int(epoch) for epoch in args.lr_step_epochs.split(",")]
    half = max(args.num_epochs // 2, 1)

    def fit(mod, begin, end, **given):
        mod.fit(
            train,
            eval_data=check,
            eval_metric=["accuracy", mx.metric.CrossEntropy(), mx.metric.TopKAccuracy(top_k=3)],
            optimizer="sgd",
            optimizer_params={
                "learning_rate": args.lr,
                "momentum": 0.9,
                "wd": 1e-4,
                "lr_scheduler": mx.lr_scheduler.MultiFactorScheduler(steps, factor=args.lr_factor),
                "begin_num_update": begin * per_epoch,
            },
            batch_end_callback=mx.callback.Speedometer(args.batch_size, args.disp_batches),
            epoch_end_callback=mx.callback.module_checkpoint(mod, prefix, save_optimizer_states=True),
            begin_epoch=begin,
            num_epoch=end,
            **given,
        )

    first = mx.mod.Module(lenet(10), context=devices)
    fit(first, 0, half, initializer=mx.init.Xavier(factor_type="in", magnitude=2.0))

    second = mx.mod.Module.load(prefix, half, load_optimizer_states=True, context=devices)
    fit(second, half, args.num_epochs)

    final = dict(second.score(check, ["accuracy", mx.metric.CrossEntropy(), mx.metric.TopKAccuracy(top_k=3)]))
    symbol, arg_params, aux_params = mx.model.load_checkpoint(prefix, args.num_epochs)
    again = mx.mod.Module(symbol, context=devices)
    again.bind(check.provide_data, check.provide_label, for_training=False)
    again.set_params(arg_params, aux_params)
    final["accuracy from checkpoint"] = again.score(check, "acc")[0][1]
    print("final " + json.dumps(final))
    if final["accuracy"] < 0.97 or final["accuracy from checkpoint"] != final["accuracy"]:
        sys.exit("FAILED: accuracy {accuracy:.3f} is below 0.97, or not the checkpoint's".format(**final))


if __name__ == "__main__":
    main()
