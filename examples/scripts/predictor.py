"""The commonest program of all: load a checkpoint, put one image in, print the five likeliest classes.

What it shows: load_checkpoint, a Module without labels bound for inference, set_params of parameters that
others trained, a batch that is a plain namedtuple, batches of other sizes without binding again, and the
features of an inner layer, from get_internals(). Where no checkpoint is at hand it trains a small one first.

    python predictor.py --prefix digits-model/lenet --epoch 6 --features relu3_output
"""

import argparse
import json
import logging
import os
import sys
from collections import namedtuple

import mxnet as mx
import numpy as np

DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "data", "digits.npz")

Batch = namedtuple("Batch", ["data"])


def load_digits():
    """Images of 8x8 pixels from 0 to 1 with labels; every fifth is kept from training."""
    with np.load(DATA) as stored:
        images = stored["images"].astype("float32")[:, np.newaxis] / 16
        labels = stored["labels"].astype("float32")
    held = np.arange(len(labels)) % 5 == 0
    return (images[~held], labels[~held]), (images[held], labels[held])


def train(prefix, num_epochs, ctx, images, labels):
    """Leave prefix-symbol.json and prefix-000N.params behind."""
    data = mx.sym.Variable("data")
    net = mx.sym.Convolution(data, kernel=(3, 3), pad=(1, 1), num_filter=16, no_bias=True, name="conv1")
    net = mx.sym.BatchNorm(net, fix_gamma=False, name="bn1")
    net = mx.sym.Activation(net, act_type="relu", name="relu1")
    net = mx.sym.Pooling(net, kernel=(2, 2), stride=(2, 2), pool_type="max", name="pool1")
    net = mx.sym.Flatten(net, name="flatten")
    net = mx.sym.FullyConnected(net, num_hidden=32, name="fc1")
    net = mx.sym.Activation(net, act_type="relu", name="relu2")
    net = mx.sym.FullyConnected(net, num_hidden=10, name="fc2")
    net = mx.sym.SoftmaxOutput(net, name="softmax")
    mod = mx.mod.Module(net, context=ctx)
    mod.fit(
        mx.io.NDArrayIter(images, labels, batch_size=50, shuffle=True),
        optimizer="adam",
        optimizer_params={"learning_rate": 0.005},
        initializer=mx.init.Xavier(),
        num_epoch=num_epochs,
        epoch_end_callback=mx.callback.do_checkpoint(prefix, num_epochs),
    )


def top5(probabilities, names):
    """The five likeliest classes of one image, the likeliest first."""
    order = np.argsort(np.squeeze(probabilities))[::-1]
    for i in order[:5]:
        print(f"probability={np.squeeze(probabilities)[i]:.4f}, class={names[i]}")
    return [int(i) for i in order[:5]]


def parse_args():
    parser = argparse.ArgumentParser(
        formatter_class=argparse.ArgumentDefaultsHelpFormatter, description="predict with a trained network"
    )
    parser.add_argument("--prefix", help="checkpoint to use; a small network is trained where it is left out")
    parser.add_argument("--epoch", type=int, default=0, help="epoch of that checkpoint")
    parser.add_argument("--features", default="fc1_output", help="the layer that is looked at")
    parser.add_argument("--output", default=".", help="folder for the checkpoint that is trained here")
    parser.add_argument("--num-epochs", type=int, default=10, help="epochs of training")
    parser.add_argument("--gpus", default="", help="GPU to use, the CPU where it is empty")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


def main():
    args = parse_args()
    logging.basicConfig(level=logging.INFO)
    ctx = mx.gpu(int(args.gpus)) if args.gpus else mx.cpu()
    np.random.seed(args.seed)
    mx.random.seed(args.seed)
    (images, labels), (unseen, truth) = load_digits()
    prefix, epoch = args.prefix, args.epoch
    if prefix is None:
        if not os.path.isdir(args.output):
            os.makedirs(args.output)
        prefix, epoch = os.path.join(args.output, "digits"), args.num_epochs
        train(prefix, epoch, ctx, images, labels)

    # ---- here the predictor begins ------------------------------------------------------------------------
    sym, arg_params, aux_params = mx.model.load_checkpoint(prefix, epoch)
    mod = mx.mod.Module(symbol=sym, context=ctx, label_names=None)
    mod.bind(for_training=False, data_shapes=[("data", (1, 1, 8, 8))], label_shapes=mod._label_shapes)
    mod.set_params(arg_params, aux_params, allow_missing=True)
    names = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]

    img = unseen[0][np.newaxis, :]
    mod.forward(Batch([mx.nd.array(img)]))
    prob = mod.get_outputs()[0].asnumpy()
    first = top5(prob, names)

    # Other numbers of images. SoftmaxOutput has a label, whose shape is bound although nothing reads it; its
    # scores under a plain softmax have none, and take a batch of any size.
    scores = sym.get_children()[0]
    any_mod = mx.mod.Module(symbol=mx.sym.softmax(scores), context=ctx, label_names=None)
    any_mod.bind(for_training=False, data_shapes=[("data", (1, 1, 8, 8))])
    any_mod.set_params(arg_params, aux_params, allow_missing=True)
    any_mod.forward(Batch([mx.nd.array(unseen)]))
    probs = any_mod.get_outputs()[0].asnumpy()
    accuracy = float((probs.argmax(axis=1) == truth).mean())
    among_five = float(np.mean([t in row for t, row in zip(truth, np.argsort(probs, axis=1)[:, -5:])]))

    # Features: the network up to an inner layer; parameters above it are extra.
    all_layers = sym.get_internals()
    print(all_layers.list_outputs())
    fe_mod = mx.mod.Module(symbol=all_layers[args.features], context=ctx, label_names=None)
    fe_mod.bind(for_training=False, data_shapes=[("data", (1, 1, 8, 8))])
    fe_mod.set_params(arg_params, aux_params, allow_extra=True)
    fe_mod.forward(Batch([mx.nd.array(img)]))
    alone = fe_mod.get_outputs()[0].asnumpy()
    fe_mod.forward(Batch([mx.nd.array(unseen)]))
    features = fe_mod.get_outputs()[0].asnumpy()
    # Images whose features are nearest to each other mostly show the same digit.
    distances = ((features[:, np.newaxis] - features[np.newaxis]) ** 2).sum(axis=2)
    np.fill_diagonal(distances, np.inf)
    neighbours = float((truth[distances.argmin(axis=1)] == truth).mean())

    differs = max(float(np.abs(probs[0] - prob[0]).max()), float(np.abs(features[0] - alone[0]).max()))

    final = {
        "accuracy": accuracy,
        "accuracy of five": among_five,
        "accuracy of neighbours": neighbours,
        "probability": float(prob.max()),
        "likeliest": first[0],
        "one alone differs by": differs,
    }
    print("final " + json.dumps(final))
    if accuracy < 0.95 or neighbours < 0.95:
        sys.exit("FAILED: an accuracy is below 0.95")
    if differs > 1e-4:
        sys.exit("FAILED: one image alone gets another answer")


if __name__ == "__main__":
    main()
