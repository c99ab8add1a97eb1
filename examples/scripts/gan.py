"""A generative adversarial network: two Modules that train against each other.

What it shows: a Module bound with inputs_need_grad=True, whose get_input_grads() is what the other one's
backward takes; gradients of two batches, made up images and real ones, added by hand before one update; an
iterator of one's own without an end; CustomMetric. After A. Radford, L. Metz and S. Chintala (2015),
"Unsupervised representation learning with deep convolutional generative adversarial networks", made small.
Success is that the mean and deviation of each pixel come twice as near to those of real digits as they were
before training, while neither network beats the other.

    python gan.py --num-epochs 20 --output gan-model
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
    """Images of 8x8 pixels from -1 to 1."""
    with np.load(DATA) as stored:
        return stored["images"].astype("float32")[:, np.newaxis] / 8 - 1


def make_symbols(ngf=16, ndf=8, eps=1e-5 + 1e-12):
    """The generator, from (n, noise, 1, 1) to (n, 1, 8, 8), and the discriminator with its loss."""
    net = mx.sym.Variable("rand")
    net = mx.sym.Deconvolution(net, name="g1", kernel=(4, 4), num_filter=ngf * 2, no_bias=True)
    net = mx.sym.BatchNorm(net, name="gbn1", fix_gamma=True, eps=eps)
    net = mx.sym.Activation(net, name="gact1", act_type="relu")
    net = mx.sym.Deconvolution(
        net, name="g2", kernel=(4, 4), stride=(2, 2), pad=(1, 1), num_filter=ngf, no_bias=True
    )
    net = mx.sym.BatchNorm(net, name="gbn2", fix_gamma=True, eps=eps)
    net = mx.sym.Activation(net, name="gact2", act_type="relu")
    net = mx.sym.Convolution(net, name="g3", kernel=(3, 3), pad=(1, 1), num_filter=1)
    gout = mx.sym.Activation(net, name="gout", act_type="tanh")

    net = mx.sym.Variable("data")
    net = mx.sym.Convolution(
        net, name="d1", kernel=(4, 4), stride=(2, 2), pad=(1, 1), num_filter=ndf, no_bias=True
    )
    net = mx.sym.LeakyReLU(net, name="dact1", act_type="leaky", slope=0.2)
    net = mx.sym.Convolution(
        net, name="d2", kernel=(4, 4), stride=(2, 2), pad=(1, 1), num_filter=ndf * 2, no_bias=True
    )
    net = mx.sym.BatchNorm(net, name="dbn2", fix_gamma=True, eps=eps)
    net = mx.sym.LeakyReLU(net, name="dact2", act_type="leaky", slope=0.2)
    net = mx.sym.FullyConnected(mx.sym.Flatten(net), name="d3", num_hidden=1)
    dloss = mx.sym.LogisticRegressionOutput(data=net, label=mx.sym.Variable("label"), name="dloss")
    return gout, dloss


class RandIter(mx.io.DataIter):
    """Noise without end."""

    def __init__(self, batch_size, ndim):
        super().__init__(batch_size)
        self.shape = (batch_size, ndim, 1, 1)
        self.provide_data = [("rand", self.shape)]
        self.provide_label = []

    def iter_next(self):
        return True

    def getdata(self):
        return [mx.random.normal(0, 1.0, shape=self.shape)]

    def getlabel(self):
        return []

    def getpad(self):
        return 0

    def getindex(self):
        return None


def moments(images):
    """Mean and deviation of every pixel."""
    images = images.reshape(len(images), -1)
    return np.concatenate([images.mean(axis=0), images.std(axis=0)])


def distance(images, others):
    """How far the moments of two sets of pictures lie apart."""
    return float(np.sqrt(np.mean((moments(images) - moments(others)) ** 2)))


def draw(module, rand_iter, batches):
    """Pictures of the generator, one after the other."""
    drawn = []
    for _ in range(batches):
        module.forward(rand_iter.next(), is_train=True)
        drawn.append(module.get_outputs()[0].asnumpy())
    return np.concatenate(drawn)


def show(images):
    """Print pictures side by side."""
    for row in np.concatenate(list(images[:, 0]), axis=1):
        print("".join(" .:-=+*#%@"[int((value + 1) * 4.99)] for value in row))


def facc(label, pred):
    return ((pred.ravel() > 0.5) == label.ravel()).mean()


def fentropy(label, pred):
    pred, label = pred.ravel(), label.ravel()
    return -(label * np.log(pred + 1e-12) + (1.0 - label) * np.log(1.0 - pred + 1e-12)).mean()


def parse_args():
    parser = argparse.ArgumentParser(
        formatter_class=argparse.ArgumentDefaultsHelpFormatter, description="learn to draw digits"
    )
    parser.add_argument("--output", default=".", help="folder for the trained networks")
    parser.add_argument("--num-epochs", type=int, default=3)
    parser.add_argument("--batch-size", type=int, default=50)
    parser.add_argument("--noise", type=int, default=16, help="random numbers that make a picture")
    parser.add_argument("--lr", type=float, default=0.005)
    parser.add_argument("--beta1", type=float, default=0.5)
    parser.add_argument("--gpus", default="", help="GPU to use, the CPU where it is empty")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


def main():
    args = parse_args()
    logging.basicConfig(level=logging.INFO)
    ctx = mx.gpu(int(args.gpus)) if args.gpus else mx.cpu()
    np.random.seed(args.seed)
    mx.random.seed(args.seed)
    if not os.path.isdir(args.output):
        os.makedirs(args.output)
    images = load_digits()
    batch_size = args.batch_size
    train_iter = mx.io.NDArrayIter(images, batch_size=batch_size, shuffle=True, last_batch_handle="discard")
    rand_iter = RandIter(batch_size, args.noise)
    label = mx.nd.zeros((batch_size, 1), ctx=ctx)
    optimizer_params = {"learning_rate": args.lr, "wd": 0.0, "beta1": args.beta1}

    symG, symD = make_symbols()
    modG = mx.mod.Module(symbol=symG, data_names=("rand",), label_names=None, context=ctx)
    modG.bind(data_shapes=rand_iter.provide_data)
    modG.init_params(initializer=mx.init.Normal(0.05))
    modG.init_optimizer(optimizer="adam", optimizer_params=optimizer_params)
    modD = mx.mod.Module(symbol=symD, data_names=("data",), label_names=("label",), context=ctx)
    modD.bind(
        data_shapes=train_iter.provide_data, label_shapes=[("label", (batch_size, 1))], inputs_need_grad=True
    )
    modD.init_params(initializer=mx.init.Normal(0.05))
    modD.init_optimizer(optimizer="adam", optimizer_params=optimizer_params)

    before = distance(draw(modG, rand_iter, 10), images)
    mG, mD, mACC = (
        mx.metric.CustomMetric(fentropy),
        mx.metric.CustomMetric(fentropy),
        mx.metric.CustomMetric(facc),
    )
    for epoch in range(args.num_epochs):
        train_iter.reset()
        for metric in (mG, mD, mACC):
            metric.reset()
        for batch in train_iter:
            modG.forward(rand_iter.next(), is_train=True)
            outG = modG.get_outputs()

            # The discriminator on pictures made up: keep its gradients ...
            label[:] = 0
            modD.forward(mx.io.DataBatch(outG, [label]), is_train=True)
            modD.backward()
            gradD = [[grad.copyto(grad.context) for grad in grads] for grads in modD._exec_group.grad_arrays]
            modD.update_metric(mD, [label])
            modD.update_metric(mACC, [label])

            # ... and add them to those of real ones.
            label[:] = 1
            batch.label = [label]
            modD.forward(batch, is_train=True)
            modD.backward()
            for gradsr, gradsf in zip(modD._exec_group.grad_arrays, gradD):
                for gradr, gradf in zip(gradsr, gradsf):
                    gradr += gradf
            modD.update()
            modD.update_metric(mD, [label])
            modD.update_metric(mACC, [label])

            # The generator learns what would have made the discriminator call its pictures real.
            modD.forward(mx.io.DataBatch(outG, [label]), is_train=True)
            modD.backward()
            diffD = modD.get_input_grads()
            modG.backward(diffD)
            modG.update()
            mG.update([label], modD.get_outputs())
        logging.info(
            "Epoch[%d] discriminator accuracy %.3f, loss %.3f; loss of the generator %.3f",
            epoch,
            mACC.get()[1],
            mD.get()[1],
            mG.get()[1],
        )

    drawn = draw(modG, rand_iter, 10)
    show(drawn[:8])
    modG.save_params(os.path.join(args.output, "generator.params"))
    modD.save_params(os.path.join(args.output, "discriminator.params"))
    final = {
        "distance": distance(drawn, images),
        "distance before training": before,
        "accuracy of the discriminator": mACC.get()[1],
        "loss of the discriminator": mD.get()[1],
        "spread": float(drawn.std(axis=0).mean() / images.std(axis=0).mean()),
    }
    print("final " + json.dumps(final))
    if final["distance"] > 0.45 * before:
        sys.exit("FAILED: distance {distance:.3f} is above 0.45 of that before training".format(**final))
    if not 0.3 < final["accuracy of the discriminator"] < 0.9:
        sys.exit("FAILED: one of the networks has beaten the other")


if __name__ == "__main__":
    main()
