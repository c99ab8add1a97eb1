"""A stacked autoencoder: layers are trained one after the other, then all of them together.

What it shows: regression outputs (LinearRegressionOutput, MAERegressionOutput), one variable used twice (each
layer of the decoder has the transposed weight of the encoder's), lr_mult on a variable and set_lr_mult of an
optimizer, parameters handed from module to module, Dropout as noise. After P. Vincent et al. (2010), "Stacked
denoising autoencoders". Success is a squared error on other digits well below that of as many principal
components.

    python autoencoder.py --dims 64,100,40,6 --noise 0.1
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
    """Rows of 64 pixels from 0 to 1; every fifth is kept from training."""
    with np.load(DATA) as stored:
        rows = stored["images"].reshape(-1, 64).astype("float32") / 16
    held = np.arange(len(rows)) % 5 == 0
    return rows[~held], rows[held]


def parameters(net):
    """Names of what is learned, in the order of the optimizer's numbers."""
    return [name for name in net.list_arguments() if name not in ("data", "target")]


class AutoEncoder:
    """The layers, their symbols and what they have learned."""

    def __init__(self, dims, ctx):
        self.dims, self.ctx, self.params = dims, ctx, {}
        self.weights = [mx.sym.Variable(f"layer{i}_weight") for i in range(len(dims) - 1)]

    def encode(self, net, i):
        bias = mx.sym.Variable(f"encoder{i}_bias", lr_mult=2.0)
        net = mx.sym.FullyConnected(
            net, weight=self.weights[i], bias=bias, num_hidden=self.dims[i + 1], name=f"encoder{i}"
        )
        # The code itself may have any sign.
        if i == len(self.dims) - 2:
            return net
        return mx.sym.Activation(net, act_type="relu", name=f"encoder{i}_relu")

    def decode(self, net, i):
        bias = mx.sym.Variable(f"decoder{i}_bias", lr_mult=2.0)
        net = mx.sym.FullyConnected(
            net,
            weight=mx.sym.transpose(self.weights[i]),
            bias=bias,
            num_hidden=self.dims[i],
            name=f"decoder{i}",
        )
        return net if i == 0 else mx.sym.Activation(net, act_type="relu", name=f"decoder{i}_relu")

    def encoder(self):
        net = mx.sym.Variable("data")
        for i in range(len(self.weights)):
            net = self.encode(net, i)
        return net

    def whole(self):
        net = self.encoder()
        for i in reversed(range(len(self.weights))):
            net = self.decode(net, i)
        return net

    def fit(self, net, rows, num_epochs, batch_size, optimizer, metric):
        """Learn to give rows back; what was learned before is where it begins."""
        train = mx.io.NDArrayIter(rows, {"target": rows}, batch_size, shuffle=True)
        mod = mx.mod.Module(net, label_names=("target",), context=self.ctx)
        mod.fit(
            train,
            eval_metric=metric,
            num_epoch=num_epochs,
            optimizer=optimizer,
            initializer=mx.init.Xavier(),
            arg_params=self.params,
            allow_missing=True,
        )
        self.params.update(mod.get_params()[0])
        return mod

    def apply(self, net, rows, batch_size):
        """What a network without a loss makes of rows."""
        mod = mx.mod.Module(net, label_names=None, context=self.ctx)
        batches = mx.io.NDArrayIter(rows, batch_size=batch_size)
        mod.bind(batches.provide_data, for_training=False)
        mod.set_params(self.params, {}, allow_extra=True)
        return mod.predict(batches).asnumpy()


def squared_error(found, wanted):
    """The mean over all pixels."""
    return float(np.mean((found - wanted) ** 2))


def principal_components(rows, others, count):
    """Squared error of others, packed into as many principal components of rows."""
    mean = rows.mean(axis=0)
    axes = np.linalg.svd(rows - mean, full_matrices=False)[2][:count]
    return squared_error((others - mean).dot(axes.T).dot(axes), others - mean)


def parse_args():
    parser = argparse.ArgumentParser(
        formatter_class=argparse.ArgumentDefaultsHelpFormatter, description="pack digits into a few numbers"
    )
    parser.add_argument("--output", default=".", help="folder for the trained network")
    parser.add_argument(
        "--num-epochs", type=int, default=20, help="epochs of the last training; layers have a third"
    )
    parser.add_argument("--batch-size", type=int, default=50)
    parser.add_argument("--dims", default="64,100,40,6", help="numbers in each layer")
    parser.add_argument(
        "--noise", type=float, default=0.1, help="share of inputs that is hidden from a layer"
    )
    parser.add_argument("--gpus", default="", help="GPUs to use, such as 0 or 0,1; the CPU where it is empty")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


def main():
    args = parse_args()
    logging.basicConfig(level=logging.INFO)
    ctx = [mx.gpu(int(i)) for i in args.gpus.split(",")] if args.gpus else mx.cpu()
    np.random.seed(args.seed)
    mx.random.seed(args.seed)
    if not os.path.isdir(args.output):
        os.makedirs(args.output)
    rows, others = load_digits()
    model = AutoEncoder([int(n) for n in args.dims.split(",")], ctx)
    target = mx.sym.Variable("target")

    # One layer at a time: each learns to give back what the ones below make of the digits.
    features, losses = rows, []
    for i in range(len(model.weights)):
        noisy = mx.sym.Dropout(mx.sym.Variable("data"), p=args.noise)
        net = mx.sym.LinearRegressionOutput(model.decode(model.encode(noisy, i), i), target, name="rec")
        metric = mx.metric.MSE()
        # With the symbol the optimizer knows the lr_mult of its variables.
        optimizer = mx.optimizer.create(
            "adam",
            learning_rate=0.003,
            sym=net,
            rescale_grad=1.0 / args.batch_size,
            param_idx2name=dict(enumerate(parameters(net))),
        )
        model.fit(net, features, max(1, args.num_epochs // 3), args.batch_size, optimizer, metric)
        losses.append(metric.get()[1])
        features = model.apply(model.encode(mx.sym.Variable("data"), i), features, args.batch_size)
        logging.info("layer %d: %s", i, features.shape)

    # All layers at once, the lowest half as fast.
    whole = model.whole()
    stacked = squared_error(model.apply(whole, others, args.batch_size), others)
    net = mx.sym.MAERegressionOutput(whole, target, name="rec")
    optimizer = mx.optimizer.create(
        "adam",
        learning_rate=0.002,
        rescale_grad=1.0 / args.batch_size,
        param_idx2name=dict(enumerate(parameters(net))),
    )
    optimizer.set_lr_mult({"layer0_weight": 0.5})
    model.fit(net, rows, args.num_epochs, args.batch_size, optimizer, mx.metric.MAE())
    mx.nd.save(os.path.join(args.output, "autoencoder.params"), model.params)

    final = {
        "squared error": squared_error(model.apply(whole, others, args.batch_size), others),
        "squared error before fine-tuning": stacked,
        "squared error of principal components": principal_components(rows, others, model.dims[-1]),
    }
    for i, loss in enumerate(losses):
        final[f"loss of layer {i}"] = loss
    final["deviation of the code"] = float(model.apply(model.encoder(), others, args.batch_size).std())
    print("final " + json.dumps(final))
    others = [value for name, value in final.items() if name.startswith("squared error ")]
    if final["squared error"] > 0.8 * min(others):
        sys.exit("FAILED: principal components, or layers trained alone, do nearly as well")


if __name__ == "__main__":
    main()
