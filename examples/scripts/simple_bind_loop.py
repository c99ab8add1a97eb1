"""A training loop without Module: simple_bind, arrays filled by hand, a hand-written update.

What it shows: what an executor holds (arg_dict, grad_dict, aux_dict, outputs), initializers called on arrays,
forward(is_train=True) and backward(), plain SGD written on the arrays themselves, then the same with
mx.optimizer.get_updater, and Executor.reshape, which shares the parameters, for the smaller last batch.

    python simple_bind_loop.py --num-epochs 8 --lr 0.1
"""

import argparse
import json
import logging
import os
import sys
import time

import mxnet as mx
import numpy as np

DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "data", "digits.npz")


def load_digits():
    """Images of 8x8 pixels from 0 to 1 with labels; every fifth is kept from training."""
    with np.load(DATA) as stored:
        images = stored["images"].astype("float32")[:, np.newaxis] / 16
        labels = stored["labels"].astype("float32")
    held = np.arange(len(labels)) % 5 == 0
    return (images[~held], labels[~held]), (images[held], labels[held])


def get_symbol():
    net = mx.symbol.Variable("data")
    for i, num_filter in enumerate((8, 16)):
        net = mx.symbol.Convolution(
            data=net, num_filter=num_filter, kernel=(3, 3), pad=(1, 1), name=f"conv{i}"
        )
        net = mx.symbol.BatchNorm(data=net, fix_gamma=False, name=f"bn{i}")
        net = mx.symbol.Activation(data=net, act_type="relu", name=f"relu{i}")
        net = mx.symbol.Pooling(data=net, kernel=(2, 2), stride=(2, 2), pool_type="max", name=f"pool{i}")
    net = mx.symbol.Flatten(net)
    net = mx.symbol.FullyConnected(net, num_hidden=10, name="fc")
    return mx.symbol.SoftmaxOutput(net, mx.symbol.Variable("softmax_label"), name="softmax")


def sgd_by_hand(executor, inputs, lr, batch_size):
    """w <- w - lr / batch_size * gradient, for everything that is learned."""
    for name, gradient in executor.grad_dict.items():
        if name not in inputs:
            executor.arg_dict[name][:] -= lr / batch_size * gradient


def evaluate(executor, images, labels, batch_size):
    """Accuracy and mean loss; the last batch is a smaller executor on the same parameters."""
    right, loss = 0, 0.0
    for begin in range(0, len(images), batch_size):
        x, y = images[begin : begin + batch_size], labels[begin : begin + batch_size].astype(int)
        if len(x) < batch_size:
            executor = executor.reshape(partial_shaping=True, data=x.shape, softmax_label=(len(x),))
        prob = executor.forward(is_train=False, data=mx.nd.array(x))[0].asnumpy()
        right += (prob.argmax(axis=1) == y).sum()
        loss -= np.log(prob[np.arange(len(y)), y] + 1e-8).sum()
    return float(right) / len(images), float(loss) / len(images)


def parse_args():
    parser = argparse.ArgumentParser(
        formatter_class=argparse.ArgumentDefaultsHelpFormatter, description="digits, the loop by hand"
    )
    parser.add_argument("--num-epochs", type=int, default=8)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--lr", type=float, default=0.1)
    parser.add_argument("--gpus", default="", help="GPU to use, the CPU where it is empty")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


def main():
    args = parse_args()
    logging.basicConfig(level=logging.INFO)
    ctx = mx.gpu(int(args.gpus)) if args.gpus else mx.cpu()
    np.random.seed(args.seed)
    mx.random.seed(args.seed)
    (images, labels), (val_images, val_labels) = load_digits()
    batch_size = args.batch_size

    net = get_symbol()
    inputs = {"data": (batch_size, 1, 8, 8), "softmax_label": (batch_size,)}
    executor = net.simple_bind(
        ctx=ctx, grad_req={n: "null" if n in inputs else "write" for n in net.list_arguments()}, **inputs
    )
    args_of, aux_of = executor.arg_dict, executor.aux_dict
    init = mx.init.Xavier(factor_type="in", magnitude=2.34)
    for name in sorted(args_of):
        if name not in inputs:
            init(mx.init.InitDesc(name), args_of[name])
    for name in sorted(aux_of):
        aux_of[name][:] = 1 if name.endswith("moving_var") else 0
    learned = [n for n in net.list_arguments() if n not in inputs]
    print("learned:", {n: args_of[n].shape for n in learned})

    # The first half is plain SGD; the second has momentum, from the library.
    optimizer = mx.optimizer.create(
        "sgd",
        learning_rate=args.lr / 4,
        momentum=0.9,
        wd=1e-4,
        rescale_grad=1.0 / batch_size,
        param_idx2name=dict(enumerate(learned)),
        sym=net,
    )
    updater = mx.optimizer.get_updater(optimizer)
    history = []
    for epoch in range(args.num_epochs):
        tic = time.time()
        order = np.random.permutation(len(images))
        for begin in range(0, len(images), batch_size):
            rows = order[begin : begin + batch_size]
            step = executor
            if len(rows) < batch_size:
                step = executor.reshape(
                    partial_shaping=True, data=(len(rows), 1, 8, 8), softmax_label=(len(rows),)
                )
            step.arg_dict["data"][:] = images[rows]
            step.arg_dict["softmax_label"][:] = labels[rows]
            step.forward(is_train=True)
            step.backward()
            if epoch < args.num_epochs // 2:
                sgd_by_hand(step, inputs, args.lr, len(rows))
            else:
                for index, name in enumerate(learned):
                    updater(index, step.grad_dict[name], step.arg_dict[name])
        accuracy, loss = evaluate(executor, val_images, val_labels, batch_size)
        history.append(loss)
        logging.info(
            "Epoch[%d] Time cost=%.3f Validation-accuracy=%f Validation-loss=%f",
            epoch,
            time.time() - tic,
            accuracy,
            loss,
        )

    final = {
        "accuracy": accuracy,
        "loss": loss,
        "loss after one epoch": history[0],
        "momentum": float(sum(mx.nd.norm(state).asscalar() for state in updater.states.values())),
    }
    print("final " + json.dumps(final))
    if accuracy < 0.95 or not loss < history[0]:
        sys.exit("FAILED: accuracy {accuracy:.3f} is below 0.95, or the loss has not fallen".format(**final))


if __name__ == "__main__":
    main()
