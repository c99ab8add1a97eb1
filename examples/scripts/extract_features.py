"""Use a trained network's hidden layer as features: find the digits that are nearest to a digit.

What it shows: get_internals() and an output picked by name, a Module without labels (label_names=None) bound
for prediction, set_params from a checkpoint that knows more than the part needs (allow_extra), and predict
over an iterator whose last batch is padded. Neighbours in the features are compared with neighbours in the
pixels, on digits whose labels the network has never seen.

    python extract_features.py --layer pool2_output
"""

import argparse
import json
import logging
import os
import sys

import mxnet as mx
import numpy as np

DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "data", "digits.npz")


def network():
    net = mx.sym.Variable("data")
    for i, filters in enumerate((12, 24), start=1):
        net = mx.sym.Convolution(net, kernel=(3, 3), pad=(1, 1), num_filter=filters, name=f"conv{i}")
        net = mx.sym.LeakyReLU(net, act_type="leaky", slope=0.1, name=f"relu{i}")
        net = mx.sym.Pooling(net, kernel=(2, 2), stride=(2, 2), pool_type="max", name=f"pool{i}")
    net = mx.sym.FullyConnected(mx.sym.Flatten(net), num_hidden=64, name="fc1")
    net = mx.sym.Activation(net, act_type="tanh", name="tanh3")
    net = mx.sym.FullyConnected(net, num_hidden=10, name="fc2")
    return mx.sym.SoftmaxOutput(net, name="softmax")


def extract(prefix, epoch, layer, images, ctx, batch_size=100):
    """One row of features for each image, from a checkpoint's layer."""
    sym, arg_params, aux_params = mx.model.load_checkpoint(prefix, epoch)
    all_layers = sym.get_internals()
    print("layers:", [name for name in all_layers.list_outputs() if name.endswith("_output")])
    mod = mx.mod.Module(all_layers[layer], label_names=None, context=ctx)
    data = mx.io.NDArrayIter(images, batch_size=batch_size)
    mod.bind(for_training=False, data_shapes=data.provide_data)
    mod.set_params(arg_params, aux_params, allow_extra=True)
    return mod.predict(data).asnumpy().reshape(len(images), -1)


def nearest_accuracy(known, known_labels, asked, asked_labels):
    """How often the nearest of the known rows (by cosine) has the label of the row asked for."""
    known = known / np.linalg.norm(known, axis=1, keepdims=True)
    asked = asked / np.linalg.norm(asked, axis=1, keepdims=True)
    nearest = known_labels[asked.dot(known.T).argmax(axis=1)]
    return float((nearest == asked_labels).mean())


def parse_args():
    parser = argparse.ArgumentParser(description="features of a hidden layer")
    parser.add_argument(
        "--gpus", type=str, default="", help="devices to work on, such as 0; empty is the cpu"
    )
    parser.add_argument("--num-epochs", type=int, default=6)
    parser.add_argument("--batch-size", type=int, default=40)
    parser.add_argument("--lr", type=float, default=0.05)
    parser.add_argument("--layer", type=str, default="tanh3_output")
    parser.add_argument("--seed", type=int, default=2)
    parser.add_argument(
        "--output", type=str, default="features", help="folder of the checkpoint and features"
    )
    return parser.parse_args()


def main():
    args = parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    mx.random.seed(args.seed)
    np.random.seed(args.seed)
    ctx = [mx.gpu(int(i)) for i in args.gpus.split(",")] if args.gpus else mx.cpu()
    if not os.path.isdir(args.output):
        os.makedirs(args.output)
    prefix = os.path.join(args.output, "digits")

    with np.load(DATA) as stored:
        images = stored["images"].astype("float32")[:, np.newaxis] / 16
        labels = stored["labels"].astype("float32")
    seen = 1200
    mod = mx.mod.Module(network(), context=ctx)
    mod.fit(
        mx.io.NDArrayIter(images[:seen], labels[:seen], args.batch_size, shuffle=True),
        optimizer="nag",
        optimizer_params={"learning_rate": args.lr, "momentum": 0.9},
        initializer=mx.init.Xavier(factor_type="in", magnitude=2),
        num_epoch=args.num_epochs,
    )
    mod.save_checkpoint(prefix, args.num_epochs)

    # The rest is two halves of new digits: some with a label beside them, some whose label is asked for.
    unseen, unseen_labels = images[seen:], labels[seen:]
    features = extract(prefix, args.num_epochs, args.layer, unseen, ctx)
    np.savez(os.path.join(args.output, "features.npz"), features=features, labels=unseen_labels)
    pixels = unseen.reshape(len(unseen), -1)
    # Ten examples of each digit are known.
    known = np.concatenate([np.flatnonzero(unseen_labels == d)[:10] for d in range(10)])
    asked = np.setdiff1d(np.arange(len(unseen)), known)
    final = {"features": features.shape[1]}
    for name, rows in (("accuracy by features", features), ("accuracy by pixels", pixels)):
        final[name] = nearest_accuracy(rows[known], unseen_labels[known], rows[asked], unseen_labels[asked])
    final["mean feature"] = float(np.abs(features).mean())
    print("final " + json.dumps(final))
    if final["accuracy by features"] < max(0.92, final["accuracy by pixels"]):
        sys.exit("FAILED: accuracy {accuracy by features:.3f} is too low".format(**final))


if __name__ == "__main__":
    main()
