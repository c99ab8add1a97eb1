"""Iterators over arrays and over iterators, descriptions and batches: what they give, batch by batch."""

import copy
import pickle

import numpy as np

from . import numbers, outcome, program


def _batch(batch, names=("data", "label")):
    found = [[array.asnumpy() for array in getattr(batch, name) or ()] for name in names]
    return [*found, batch.pad, batch.index is None]


def _epochs(iterator, count=3, hard=()):
    found = []
    for epoch in range(count):
        found.append([_batch(batch) for batch in iterator])
        iterator.hard_reset() if epoch in hard else iterator.reset()
    return found


def _described(iterator):
    return [str(desc) for desc in iterator.provide_data + iterator.provide_label]


HANDLES = ("pad", "discard", "roll_over")


@program(cpu=True)
def last_batches(mx, ctx):
    """Rows that do not fill a batch; MXNet cannot roll over into a batch larger than the data."""
    found = {}
    for rows, size in ((7, 3), (6, 3), (5, 5), (1, 1), (4, 3), (3, 7), (10, 4)):
        for handle in HANDLES:
            if handle == "roll_over" and size > rows:
                continue
            iterator = mx.io.NDArrayIter(
                numbers(rows, 2), np.arange(rows), batch_size=size, last_batch_handle=handle
            )
            found[f"{rows} {size} {handle}"] = [_described(iterator), _epochs(iterator, 4)]
    return found


@program(cpu=True)
def shuffled(mx, ctx):
    found = {}
    for handle in HANDLES:
        np.random.seed(42)
        iterator = mx.io.NDArrayIter(
            {"b": numbers(7, 2), "a": np.arange(7)},
            np.arange(7),
            batch_size=3,
            shuffle=True,
            last_batch_handle=handle,
        )
        found[handle] = _epochs(iterator, 4, hard=(1,))
        found[handle + " next draw"] = np.random.rand()
    return found


DTYPES = ("float16", "float32", "float64", "uint8", "int32", "int64")


@program
def where_and_what(mx, ctx):
    """Element types, contexts and names of what is given."""
    found = {}
    for dtype in DTYPES:
        values = np.arange(10).reshape(5, 2).astype(dtype)
        for kind, data in (("numpy", values), ("nd", mx.nd.array(values, ctx, dtype=dtype))):
            iterator = mx.io.NDArrayIter(data, values[:, 0], 2, data_name="x", label_name="y")
            found[dtype + kind] = [_described(iterator), [_batch(batch) for batch in iterator]]
    return found


@program(differs=dict.fromkeys(DTYPES[::2], "shuffling keeps element types, MXNet gives float32"))
def shuffled_types(mx, ctx):
    found = {}
    for dtype in ("float32", *DTYPES[::2]):
        values = mx.nd.array(np.arange(10).reshape(5, 2), ctx, dtype=dtype)
        np.random.seed(3)
        iterator = mx.io.NDArrayIter(values, None, 2, shuffle=True)
        found[dtype] = np.dtype(iterator.provide_data[0].dtype).name
        found[dtype + " values"] = [batch.data[0].asnumpy().astype(np.float32) for batch in iterator]
    return found


@program(cpu=True)
def names(mx, ctx):
    a, b = numbers(4, 2), numbers(4, 3)
    label = np.arange(4)
    given = {
        "one": mx.io.NDArrayIter(a, label, 2),
        "list of one": mx.io.NDArrayIter([a], [label], 2),
        "list": mx.io.NDArrayIter([a, b], [label, label + 1], 2),
        "dict": mx.io.NDArrayIter({"z": a, "y": b}, {"q": label, "p": label}, 2),
        "no label": mx.io.NDArrayIter(a, None, 2),
        "empty label": mx.io.NDArrayIter(a, [], 2),
        "named": mx.io.NDArrayIter(a, label, 2, data_name="in", label_name="out"),
        "many": mx.io.NDArrayIter([a] * 11, batch_size=2),
        "python lists": mx.io.NDArrayIter({"d": [[1, 2], [3, 4]]}, {"l": [1, 2]}, 2),
    }
    return {key: [_described(it), [_batch(b) for b in it]] for key, it in given.items()}


@program(cpu=True)
def step_by_step(mx, ctx):
    iterator = mx.io.NDArrayIter(numbers(5, 2), np.arange(5), 2)
    found = []
    while iterator.iter_next():
        found.append([iterator.getdata(), iterator.getlabel(), iterator.getpad(), iterator.getindex()])
    found.append(outcome(iterator.next))
    found.append(outcome(iterator.next))
    iterator.reset()
    found.append(_batch(iterator.next()))
    iterator.reset()
    found.append(len(list(iterator)))
    found.append(len(list(iterator)))
    found.append([iterator.num_data, iterator.batch_size, iterator.cursor])
    return found


@program(cpu=True)
def other_batch_axis(mx, ctx):
    iterator = mx.io.NDArrayIter(
        {"x": numbers(4, 4, 3)}, {"y": numbers(4, 4)}, batch_size=2, layout="TNC", last_batch_handle="pad"
    )
    return [_described(iterator), [_batch(batch) for batch in iterator]]


@program(
    cpu=True,
    differs={
        "no data": "TypeError, not a failed assertion",
        "empty": "ValueError, not a failed assertion",
        "rows": "arrays of different lengths are refused at once",
        "handle": "an unknown last_batch_handle is refused at once",
        "size": "a batch size of 0 is refused",
    },
)
def refused(mx, ctx):
    x = numbers(4, 2)
    return {
        "no data": outcome(lambda: mx.io.NDArrayIter(None)),
        "empty": outcome(lambda: mx.io.NDArrayIter([])),
        "text": outcome(lambda: mx.io.NDArrayIter("x")),
        "texts": outcome(lambda: mx.io.NDArrayIter(["x", "y"])),
        "rows": outcome(lambda: [mx.io.NDArrayIter(x, np.arange(3), 2), None][1]),
        "handle": outcome(lambda: [mx.io.NDArrayIter(x, None, 2, last_batch_handle="keep"), None][1]),
        "size": outcome(lambda: [mx.io.NDArrayIter(x, None, 0), None][1]),
    }


@program(cpu=True)
def descriptions(mx, ctx):
    desc = mx.io.DataDesc("data", (4, 2), np.int32, "NT")
    copies = [pickle.loads(pickle.dumps(desc)), copy.copy(desc), copy.deepcopy(desc)]
    name, shape = desc
    return {
        "text": [str(desc), repr(mx.io.DataDesc("x", (1,)))],
        "parts": [name, list(shape), np.dtype(desc.dtype).name, desc.layout, len(desc), desc[0]],
        "equal": [desc == ("data", (4, 2)), desc == mx.io.DataDesc("data", (4, 2)), desc != ("d", (4, 2))],
        "hash": hash(desc) == hash(("data", (4, 2))),
        "axis": [mx.io.DataDesc.get_batch_axis(layout) for layout in ("NCHW", "TNC", None, "TC")],
        "list": [
            str(d) for d in mx.io.DataDesc.get_list([("a", (1,)), ("b", (2,))], [("b", "int8"), ("a", "x")])
        ],
        "untyped": [str(d) for d in mx.io.DataDesc.get_list([("a", (1,)), ("b", (2,))], None)],
        "copies": [c == desc for c in copies],
    }


@program(cpu=True, differs={"refused": "TypeError, not a failed assertion"})
def batches(mx, ctx):
    x, y = mx.nd.zeros((2, 3)), mx.nd.zeros((2,))
    full = mx.io.DataBatch([x, x], [y], pad=1, index=[3, 4], bucket_key=7, provide_data=[("x", (2, 3))])
    return {
        "text": [str(full), str(mx.io.DataBatch([x])), str(mx.io.DataBatch((x,), (y,)))],
        "parts": [full.pad, full.index, full.bucket_key, full.provide_data[0][0], full.provide_label],
        "refused": outcome(lambda: mx.io.DataBatch(x)),
    }


@program(cpu=True)
def resized(mx, ctx):
    found = {}
    for size in (1, 3, 4, 7):
        for internal in (True, False):
            inner = mx.io.NDArrayIter(numbers(7, 2), np.arange(7), 3)
            iterator = mx.io.ResizeIter(inner, size, reset_internal=internal)
            epochs = []
            for _ in range(3):
                epochs.append([_batch(batch) for batch in iterator])
                iterator.reset()
            found[f"{size} {internal}"] = [_described(iterator), iterator.batch_size, epochs]
    return found


@program(cpu=True)
def prefetched(mx, ctx):
    found = {}
    renames = {
        "rename_data": [{"data": "p"}, {"x": "q"}],
        "rename_label": [{"softmax_label": "r"}, {"y": "s"}],
    }
    for key in ("one", "two", "renamed"):
        first = mx.io.NDArrayIter(numbers(7, 2), np.arange(7), 3)
        second = mx.io.NDArrayIter({"x": numbers(7, 3)}, {"y": np.arange(7) * 2}, 3)
        iters = first if key == "one" else [first, second]
        iterator = mx.io.PrefetchingIter(iters, **(renames if key == "renamed" else {}))
        epochs = []
        for _ in range(2):
            epochs.append([_batch(batch) for batch in iterator])
            epochs.append(outcome(iterator.next))
            iterator.reset()
        batch = iterator.next()
        described = [str(desc) for desc in batch.provide_data + batch.provide_label]
        found[key] = [_described(iterator), iterator.batch_size, epochs, described]
    return found


class _Counting:
    """What a custom iterator often is: no subclass, only the methods."""

    def __init__(self, mx, count):
        self.mx, self.count, self.batch_size = mx, count, 2
        self.provide_data = [("data", (2, 3))]
        self.provide_label = [("softmax_label", (2,))]
        self.reset()

    def __iter__(self):
        return self

    def reset(self):
        self.at = 0

    def __next__(self):
        return self.next()

    def next(self):
        if self.at == self.count:
            raise StopIteration
        self.at += 1
        return self.mx.io.DataBatch(
            [self.mx.nd.full((2, 3), self.at)], [self.mx.nd.full((2,), -self.at)], pad=self.at % 2, index=None
        )


@program(cpu=True)
def custom(mx, ctx):
    class Half(mx.io.DataIter):
        """Only iter_next and getdata are defined."""

        def __init__(self):
            super().__init__(batch_size=4)
            self.at = 0

        def iter_next(self):
            self.at += 1
            return self.at < 3

        def getdata(self):
            return [mx.nd.full((4,), self.at)]

    found = {"half": [[_batch(b)[:3], b.label is None] for b in Half()]}
    plain = _Counting(mx, 3)
    found["resized"] = [_batch(b) for b in mx.io.ResizeIter(plain, 5)]
    plain.reset()
    found["prefetched"] = [_batch(b) for b in mx.io.PrefetchingIter(plain)]
    x = mx.sym.Variable("data")
    net = mx.sym.SoftmaxOutput(mx.sym.FullyConnected(x, num_hidden=2, name="fc"), name="softmax")
    module = mx.mod.Module(net)
    plain.reset()
    module.bind(plain.provide_data, plain.provide_label)
    module.init_params(mx.init.One())
    found["scored"] = module.score(plain, "acc")
    found["predicted"] = module.predict(mx.io.ResizeIter(plain, 3))
    return found
