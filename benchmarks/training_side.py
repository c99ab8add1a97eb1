"""One framework of the training benchmark: reads names of rows from stdin, answers milliseconds a call.

    python training_side.py cysym|mxnet|torch

cysym and MXNet run the same lines of this file; torch runs what its users would write for the same job. Runs
on Python 3.8 (MXNet's) as well. `training.py` drives it.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable
from typing import Any

import numpy as np
from peer import serve

RNG = np.random.RandomState(7)
FOLDER = tempfile.TemporaryDirectory()
SHAPES = [(64, 256)] * 50
BATCH, ROWS = 64, 6400


def real(*shape: int) -> Any:
    return RNG.standard_normal(shape).astype("float32")


def mlp(mx: Any) -> Any:
    net = mx.sym.Variable("data")
    for i, n in enumerate((128, 64)):
        net = mx.sym.FullyConnected(net, num_hidden=n, name=f"fc{i}")
        net = mx.sym.Activation(net, act_type="relu")
    return mx.sym.SoftmaxOutput(mx.sym.FullyConnected(net, num_hidden=10, name="fc2"), name="softmax")


def module(mx: Any, contexts: Any, optimizer: str = "sgd") -> Any:
    made = mx.mod.Module(mlp(mx), context=contexts)
    made.bind(data_shapes=[("data", (BATCH, 784))], label_shapes=[("softmax_label", (BATCH,))])
    made.init_params(mx.init.Xavier())
    made.init_optimizer(optimizer=optimizer, optimizer_params={"learning_rate": 0.01})
    return made


def batches(mx: Any) -> Any:
    return mx.io.NDArrayIter(real(ROWS, 784), RNG.randint(0, 10, ROWS).astype("float32"), BATCH, shuffle=True)


def epoch(mx: Any, **options: Any) -> Callable[[], Any]:
    """An epoch of Module.fit without validation: 100 batches."""
    data, made = batches(mx), module(mx, mx.cpu())

    def run() -> None:
        data.reset()
        made.fit(data, num_epoch=1, eval_metric="acc", optimizer="sgd", **options)
        mx.nd.waitall()

    return run


def step(mx: Any, contexts: Any, optimizer: str = "sgd") -> Callable[[], Any]:
    made = module(mx, contexts, optimizer)
    batch = next(iter(batches(mx)))

    def run() -> None:
        made.forward_backward(batch)
        made.update()
        mx.nd.waitall()

    return run


def update(mx: Any, name: str, **options: Any) -> Callable[[], Any]:
    """One update of 50 weights through an Updater, as Module calls it."""
    updater = mx.optimizer.get_updater(mx.optimizer.create(name, learning_rate=1e-4, wd=1e-4, **options))
    weights, grads = ([mx.nd.array(real(*s)) for s in SHAPES] for _ in "ab")
    indices = list(range(len(SHAPES)))

    def run() -> None:
        updater(indices, grads, weights)
        mx.nd.waitall()

    return run


def metric(mx: Any, made: Any, classes: int) -> Callable[[], Any]:
    labels = [mx.nd.array(RNG.randint(0, classes, 1000))]
    scores = RNG.uniform(size=(1000, classes)).astype("float32")
    predictions = [mx.nd.array(scores / scores.sum(1, keepdims=True))]

    def run() -> None:
        made.reset()
        made.update(labels, predictions)
        made.get()

    return run


def store(mx: Any) -> Callable[[], Any]:
    """Push two gradients of ten keys and pull the sums."""
    kv = mx.kv.create("local")
    keys = list(range(10))
    values = [[mx.nd.array(real(512, 512)) for _ in "ab"] for _ in keys]
    outs = [[mx.nd.zeros((512, 512)) for _ in "ab"] for _ in keys]
    kv.init(keys, [v[0] for v in values])

    def run() -> None:
        kv.push(keys, values)
        kv.pull(keys, out=outs)
        mx.nd.waitall()

    return run


def walk(mx: Any) -> Callable[[], Any]:
    data = mx.io.NDArrayIter(real(60000, 784), real(60000), BATCH)

    def run() -> None:
        data.reset()
        for batch in data:
            batch.data[0].wait_to_read()

    return run


def records(mx: Any, rewrite: bool) -> Callable[[], Any]:
    """20,000 records of 1 KiB, written or read in order."""
    path = os.path.join(FOLDER.name, "bench.rec")
    payload = RNG.bytes(1024)

    def write() -> None:
        out = mx.recordio.MXRecordIO(path, "w")
        for _ in range(20000):
            out.write(payload)
        out.close()

    def read() -> None:
        source = mx.recordio.MXRecordIO(path, "r")
        while source.read() is not None:
            pass
        source.close()

    if rewrite:
        return write
    write()
    return read


def images(mx: Any) -> Callable[[], Any]:
    """500 JPEG images of 128 x 128, decoded, cropped to 112 and batched by 50."""
    path = os.path.join(FOLDER.name, "images.rec")
    with open(os.environ["BENCH_JPEG"], "rb") as source:
        jpeg = source.read()
    out = mx.recordio.MXRecordIO(path, "w")
    for i in range(500):
        out.write(mx.recordio.pack(mx.recordio.IRHeader(0, float(i % 10), i, 0), jpeg))
    out.close()
    data = mx.io.ImageRecordIter(
        path_imgrec=path, data_shape=(3, 112, 112), batch_size=50, rand_crop=True, rand_mirror=True,
        preprocess_threads=2,
    )  # fmt: skip

    def run() -> None:
        data.reset()
        for batch in data:
            batch.data[0].wait_to_read()

    return run


def states(mx: Any) -> Callable[[], Any]:
    """Optimizer states of 50 Adam weights to bytes and back."""
    run = update(mx, "adam")
    run()
    updater = mx.optimizer.get_updater(mx.optimizer.create("adam"))
    updater([0], [mx.nd.array(real(512, 512))], [mx.nd.array(real(512, 512))])
    return lambda: updater.set_states(updater.get_states())


ROWS_OF: dict[str, Callable[[Any], Callable[[], Any]]] = {
    "Module.fit, epoch of 100 batches, MLP": epoch,
    "Module step, MLP, one context": lambda mx: step(mx, mx.cpu()),
    "Module step, MLP, two contexts": lambda mx: step(mx, [mx.cpu(0), mx.cpu(1)]),
    "Module step, MLP, Adam": lambda mx: step(mx, mx.cpu(), "adam"),
    "SGD momentum, 50 weights (64, 256)": lambda mx: update(mx, "sgd", momentum=0.9),
    "NAG, 50 weights": lambda mx: update(mx, "nag", momentum=0.9),
    "Adam, 50 weights": lambda mx: update(mx, "adam"),
    "RMSProp, 50 weights": lambda mx: update(mx, "rmsprop"),
    "AdaGrad, 50 weights": lambda mx: update(mx, "adagrad"),
    "AdaDelta, 50 weights": lambda mx: update(mx, "adadelta"),
    "Adamax, 50 weights": lambda mx: update(mx, "adamax"),
    "Nadam, 50 weights": lambda mx: update(mx, "nadam"),
    "Ftrl, 50 weights": lambda mx: update(mx, "ftrl"),
    "FTML, 50 weights": lambda mx: update(mx, "ftml"),
    "Signum, 50 weights": lambda mx: update(mx, "signum"),
    "LAMB, 50 weights": lambda mx: update(mx, "lamb"),
    "LARS, 50 weights": lambda mx: update(mx, "lars", momentum=0.9),
    "Accuracy of (1000, 1000)": lambda mx: metric(mx, mx.metric.Accuracy(), 1000),
    "TopKAccuracy 5 of (1000, 1000)": lambda mx: metric(mx, mx.metric.TopKAccuracy(top_k=5), 1000),
    "CrossEntropy of (1000, 1000)": lambda mx: metric(mx, mx.metric.CrossEntropy(), 1000),
    "F1 of (1000, 2)": lambda mx: metric(mx, mx.metric.F1(), 2),
    "kvstore push and pull, 10 keys x 2 x 1 MiB": store,
    "NDArrayIter epoch of (60000, 784), batch 64": walk,
    "RecordIO write 20,000 x 1 KiB": lambda mx: records(mx, True),
    "RecordIO read 20,000 x 1 KiB": lambda mx: records(mx, False),
    "ImageRecordIter, 500 JPEG 128 x 128": images,
    "optimizer states to bytes and back": states,
}


def torch_rows(torch: Any) -> dict[str, Callable[[], Callable[[], Any]]]:
    """The same jobs in torch's words: torch.optim as it comes, an MLP with its loss."""

    def update(kind: str, **options: Any) -> Callable[[], Any]:
        weights = [torch.nn.Parameter(torch.from_numpy(real(*s))) for s in SHAPES]
        for w in weights:
            w.grad = torch.from_numpy(real(*w.shape))
        return getattr(torch.optim, kind)(weights, lr=1e-4, weight_decay=1e-4, **options).step

    def step(kind: str = "SGD") -> Callable[[], Any]:
        linear, relu = torch.nn.Linear, torch.nn.ReLU
        net = torch.nn.Sequential(linear(784, 128), relu(), linear(128, 64), relu(), linear(64, 10))
        loss = torch.nn.CrossEntropyLoss()
        optimizer = getattr(torch.optim, kind)(net.parameters(), lr=0.01)
        x, y = torch.from_numpy(real(BATCH, 784)), torch.from_numpy(RNG.randint(0, 10, BATCH))

        def run() -> None:
            optimizer.zero_grad()
            loss(net(x), y).backward()
            optimizer.step()

        return run

    def accuracy() -> Callable[[], Any]:
        labels, scores = torch.from_numpy(RNG.randint(0, 1000, 1000)), torch.from_numpy(real(1000, 1000))
        return lambda: (scores.argmax(1) == labels).sum().item()

    return {
        "Module step, MLP, one context": step,
        "Module step, MLP, Adam": lambda: step("Adam"),
        "SGD momentum, 50 weights (64, 256)": lambda: update("SGD", momentum=0.9),
        "NAG, 50 weights": lambda: update("SGD", momentum=0.9, nesterov=True),
        "Adam, 50 weights": lambda: update("Adam"),
        "RMSProp, 50 weights": lambda: update("RMSprop"),
        "AdaGrad, 50 weights": lambda: update("Adagrad"),
        "AdaDelta, 50 weights": lambda: update("Adadelta"),
        "Adamax, 50 weights": lambda: update("Adamax"),
        "Nadam, 50 weights": lambda: update("NAdam"),
        "Accuracy of (1000, 1000)": accuracy,
    }


def main() -> None:
    """Answer until stdin ends."""
    framework = sys.argv[1]
    made: dict[str, Callable[[], Any]] = {}
    if framework == "torch":
        import torch

        torch.set_num_threads(2)
        rows: dict[str, Callable[[], Callable[[], Any]]] = torch_rows(torch)
        version = torch.__version__
    else:
        mx = __import__(framework)
        rows = {name: (lambda make=make: make(mx)) for name, make in ROWS_OF.items()}
        version = mx.__version__

    def prepare(name: str) -> Callable[[], Any] | None:
        if name not in rows:
            return None
        if name not in made:
            made[name] = rows[name]()
        return made[name]

    serve(version, prepare, warm_up=2)


if __name__ == "__main__":
    main()
