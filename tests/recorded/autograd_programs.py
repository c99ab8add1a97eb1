"""Programs of `mx.autograd` that run the same on MXNet 1.9.1 and on cysym: each gives a list of arrays.

``python record_autograd.py`` under MXNet writes what they give to autograd.json; tests/test_autograd.py runs
them again. Runs on Python 3.8.
"""

import numpy as np

PROGRAMS = []


def program(function):
    PROGRAMS.append(function)
    return function


def numbers(*shape, shift=0.0):
    """Values without a pattern that need no random stream."""
    n = int(np.prod(shape))
    return (np.sin(np.arange(n) * 1.7 + 0.3) + shift).reshape(shape).astype(np.float32)


@program
def polynomial(mx):
    x = mx.nd.array(numbers(5))
    x.attach_grad()
    with mx.autograd.record():
        y = x * x * 3 - 2 * x + 1 / (x + 4)
    y.backward()
    return [y, x.grad]


@program
def head_gradients_and_lists(mx):
    x, w = mx.nd.array(numbers(3, 4)), mx.nd.array(numbers(4, shift=2))
    for a in (x, w):
        a.attach_grad()
    with mx.autograd.record():
        first, second = mx.nd.broadcast_mul(x, w), mx.nd.log(w)
    mx.autograd.backward([first, second], [mx.nd.array(numbers(3, 4, shift=1)), None])
    return [x.grad, w.grad]


@program
def adding_up(mx):
    x = mx.nd.array(numbers(4))
    x.attach_grad("add")
    for k in range(3):
        with mx.autograd.record():
            y = mx.nd.sin(x) * (k + 1)
        y.backward()
    return [x.grad]


@program
def retained(mx):
    x = mx.nd.array(numbers(4))
    x.attach_grad()
    with mx.autograd.record():
        y = mx.nd.tanh(x) * x
    y.backward(retain_graph=True)
    once = x.grad.copy()
    y.backward(mx.nd.array([1, 2, 3, 4]))
    return [once, x.grad]


@program
def detached_and_blocked(mx):
    x = mx.nd.array(numbers(4, shift=2))
    x.attach_grad()
    with mx.autograd.record():
        y = x.detach() * x + mx.nd.BlockGrad(x * x) * x
        with mx.autograd.pause():
            z = x * 100
        y = y + z
    y.backward()
    return [y, x.grad]


@program
def views(mx):
    x = mx.nd.array(numbers(4, 6))
    x.attach_grad()
    with mx.autograd.record():
        y = x[1:3].reshape((3, 4)) * 2
        z = x[0] * x[3]
        w = x.reshape((-1,)).expand_dims(0).flatten().astype("float64").astype("float32")
        total = y.sum() + z.sum() + (w * w).sum()
    total.backward()
    return [total, x.grad]


@program
def picked(mx):
    x = mx.nd.array(numbers(5, 3))
    x.attach_grad()
    with mx.autograd.record():
        y = x[mx.nd.array([0, 2, 2, 4])]
        z = x[:, 1] * x[::2].sum()
        total = (y * y).sum() + z.sum()
    total.backward()
    return [total, x.grad]


@program
def network_with_loss_layer(mx):
    x, label = mx.nd.array(numbers(4, 6)), mx.nd.array([0, 2, 1, 1])
    params = [mx.nd.array(numbers(*s) * 0.5) for s in ((5, 6), (5,), (3, 5), (3,))]
    for p in params:
        p.attach_grad()
    with mx.autograd.record():
        h = mx.nd.Activation(mx.nd.FullyConnected(x, params[0], params[1], num_hidden=5), act_type="relu")
        out = mx.nd.SoftmaxOutput(mx.nd.FullyConnected(h, params[2], params[3], num_hidden=3), label)
    out.backward()
    return [out] + [p.grad for p in params]


@program
def convolution_and_pooling(mx):
    x = mx.nd.array(numbers(2, 3, 6, 6))
    w, b = mx.nd.array(numbers(4, 3, 3, 3) * 0.3), mx.nd.array(numbers(4))
    for a in (x, w, b):
        a.attach_grad()
    with mx.autograd.record():
        y = mx.nd.Convolution(x, w, b, kernel=(3, 3), num_filter=4, pad=(1, 1))
        y = mx.nd.Pooling(mx.nd.relu(y), kernel=(2, 2), stride=(2, 2), pool_type="max")
        loss = mx.nd.mean(y * y)
    loss.backward()
    return [loss, x.grad, w.grad, b.grad]


@program
def batch_normalisation(mx):
    x = mx.nd.array(numbers(4, 3, 2, 2, shift=1))
    gamma, beta = mx.nd.array([1, 2, 3]), mx.nd.array([0, 1, -1])
    mean, var = mx.nd.zeros((3,)), mx.nd.ones((3,))
    for a in (x, gamma, beta):
        a.attach_grad()
    with mx.autograd.record():
        y = mx.nd.BatchNorm(x, gamma, beta, mean, var, fix_gamma=False, momentum=0.8)
        loss = (y * mx.nd.array(numbers(4, 3, 2, 2)[::-1] ** 3)).sum()
    loss.backward()
    return [loss, x.grad, gamma.grad, beta.grad, mean, var]


@program
def predicting(mx):
    x = mx.nd.array(numbers(4, 3))
    gamma, beta = mx.nd.ones((3,)), mx.nd.zeros((3,))
    mean, var = mx.nd.array([0.1, 0.2, 0.3]), mx.nd.array([1, 2, 3])
    x.attach_grad()
    with mx.autograd.record(train_mode=False):
        y = mx.nd.Dropout(mx.nd.BatchNorm(x, gamma, beta, mean, var), p=0.5)
        y = y * y
    y.backward(train_mode=False)
    return [y, x.grad, mean, var]


@program
def second_derivatives(mx):
    x = mx.nd.array(numbers(5, shift=2))
    x.attach_grad()
    with mx.autograd.record():
        y = mx.nd.sin(mx.nd.sigmoid(mx.nd.log(x)))
        g = mx.autograd.grad(y, [x], create_graph=True, retain_graph=True)[0]
    g.backward(mx.nd.array(numbers(5, shift=1)))
    return [g, x.grad]


@program
def scalars_and_comparisons(mx):
    x = mx.nd.array(numbers(6))
    x.attach_grad()
    with mx.autograd.record():
        y = (2 - x) / 3 + 5 / (x + 9) + 2**x + (x + 3) ** 1.5 + (x > 0) * x - mx.nd.maximum(x, 0.2)
    y.backward()
    return [y, x.grad]


@program
def custom_function(mx):
    class Sigmoid(mx.autograd.Function):
        def forward(self, x):
            y = 1 / (1 + mx.nd.exp(-x))
            self.save_for_backward(y)
            return y

        def backward(self, dy):
            (y,) = self.saved_tensors
            return dy * y * (1 - y)

    x = mx.nd.array(numbers(4))
    x.attach_grad()
    with mx.autograd.record():
        y = Sigmoid()(x * 2) * 3
    y.backward()
    return [y, x.grad]


@program
def split_and_joined(mx):
    x = mx.nd.array(numbers(4, 6))
    x.attach_grad()
    with mx.autograd.record():
        a, b, _ = mx.nd.split(x, num_outputs=3, axis=1)
        y = mx.nd.concat(mx.nd.softmax(a), mx.nd.log_softmax(b), dim=1)
        loss = (y * mx.nd.array(numbers(4, 4, shift=1))).sum()
    loss.backward()
    return [loss, x.grad]
