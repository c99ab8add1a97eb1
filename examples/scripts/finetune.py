"""Learn from few examples which digits are odd, with the convolutions of a network that tells digits apart.

What it shows: load_checkpoint, a part of a network by get_internals()["flatten_output"], a new FullyConnected
head on it, fixed_param_names for what must not move, fit with arg_params and allow_missing=True, and lr_mult
of a Variable. The fixed parameters are compared before and after; a network that starts from nothing, with as
many examples and epochs, is the measure.

    python finetune.py --num-epochs 10 --examples 60
"""

import argparse
import json
import logging
import os
import sys

import mxnet as mx
import numpy as np

DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "data", "digits.npz")
FIXED = ["conv1_weight", "conv1_bias", "conv2_weight", "conv2_bias"]


def network(classes):
    net = mx.sym.Variable("data")
    net = mx.sym.Convolution(net, kernel=(3, 3), pad=(1, 1), num_filter=16, name="conv1")
    net = mx.sym.BatchNorm(net, fix_gamma=False, momentum=0.9, name="bn1")
    net = mx.sym.Activation(net, act_type="relu", name="relu1")
    net = mx.sym.Pooling(net, kernel=(2, 2), stride=(2, 2), pool_type="max", name="pool1")
    net = mx.sym.Convolution(net, kernel=(3, 3), num_filter=32, name="conv2")
    net = mx.sym.Activation(net, act_type="relu", name="relu2")
    net = mx.sym.Flatten(net, name="flatten")
    net = mx.sym.FullyConnected(net, num_hidden=classes, name="fc1")
    return mx.sym.SoftmaxOutput(net, name="softmax")


def get_fine_tune_model(symbol, arg_params, num_classes, layer_name="flatten"):
    """The network up to a layer with a new head, and the parameters of what was kept."""
    all_layers = symbol.get_internals()
    net = all_layers[layer_name + "_output"]
    # The head is new: it may move faster than what it stands on.
    weight = mx.sym.Variable("fc_new_weight", lr_mult=2.0)
    net = mx.sym.FullyConnected(net, weight=weight, num_hidden=num_classes, name="fc_new")
    net = mx.sym.SoftmaxOutput(net, name="softmax")
    kept = {name: value for name, value in arg_params.items() if not name.startswith("fc1")}
    return net, kept


def digits():
    """All images and their labels."""
    with np.load(DATA) as stored:
        return stored["images"].astype("float32")[:, np.newaxis] / 16, stored["labels"].astype("float32")


def parse_args():
    parser = argparse.ArgumentParser(
        description="fine-tune a network", formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument(
        "--gpus", type=str, default="", help="devices to train on, such as 0; empty is the cpu"
    )
    parser.add_argument("--num-epochs", type=int, default=8, help="of fine-tuning")
    parser.add_argument("--examples", type=int, default=60, help="to learn the new digits from")
    parser.add_argument("--batch-size", type=int, default=20)
    parser.add_argument("--lr", type=float, default=0.01)
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--output", type=str, default="finetune-model", help="folder of the checkpoints")
    return parser.parse_args()


def main():
    args = parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    mx.random.seed(args.seed)
    np.random.seed(args.seed)
    ctx = [mx.gpu(int(i)) for i in args.gpus.split(",")] if args.gpus else mx.cpu()
    if not os.path.isdir(args.output):
        os.makedirs(args.output)

    def fit(mod, data, num_epoch, lr, **given):
        train = mx.io.NDArrayIter(data[0], data[1], args.batch_size, shuffle=True)
        mod.fit(
            train,
            num_epoch=num_epoch,
            optimizer_params={"learning_rate": lr, "momentum": 0.9},
            initializer=mx.init.Xavier(rnd_type="gaussian", factor_type="in", magnitude=2),
            **given,
        )
        return mod

    def accuracy(mod, data):
        return mod.score(mx.io.NDArrayIter(data[0], data[1], args.batch_size), "acc")[0][1]

    images, labels = digits()
    known, few = 1000, slice(1000, 1000 + args.examples)
    others = slice(1000 + args.examples, None)
    final = {}
    prefix = os.path.join(args.output, "digits")
    old = fit(
        mx.mod.Module(network(10), context=ctx),
        (images[:known], labels[:known]),
        4,
        0.05,
        epoch_end_callback=mx.callback.do_checkpoint(prefix, period=4),
    )
    final["digits"] = accuracy(old, (images[others], labels[others]))

    odd = labels % 2
    sym, arg_params, aux_params = mx.model.load_checkpoint(prefix, 4)
    net, new_args = get_fine_tune_model(sym, arg_params, 2)
    print("new parameters:", sorted(set(net.list_arguments()) - set(new_args) - {"data", "softmax_label"}))
    tuned = mx.mod.Module(net, context=ctx, fixed_param_names=FIXED)
    fit(
        tuned,
        (images[few], odd[few]),
        args.num_epochs,
        args.lr,
        arg_params=new_args,
        aux_params=aux_params,
        allow_missing=True,
    )
    final["odd, fine-tuned"] = accuracy(tuned, (images[others], odd[others]))

    nothing = mx.mod.Module(network(2), context=ctx)
    fit(nothing, (images[few], odd[few]), args.num_epochs, 0.02)
    final["odd, from nothing"] = accuracy(nothing, (images[others], odd[others]))

    after, states = tuned.get_params()
    final["fixed parameters moved"] = max(
        float(np.abs(after[name].asnumpy() - arg_params[name].asnumpy()).max()) for name in FIXED
    )
    # Running means are no parameters: fixing a BatchNorm's gamma and beta does not hold them.
    mean = "bn1_moving_mean"
    final["running mean moved"] = float(np.abs(states[mean].asnumpy() - aux_params[mean].asnumpy()).max())
    print("final " + json.dumps(final))
    if final["fixed parameters moved"] != 0:
        sys.exit("FAILED: fixed parameters moved")
    if final["odd, fine-tuned"] < max(0.9, final["odd, from nothing"]):
        sys.exit("FAILED: accuracy {:.3f} is below 0.9, or of no use".format(final["odd, fine-tuned"]))


if __name__ == "__main__":
    main()
