"""Iterators over files: CSV and idx, batch by batch, epoch by epoch."""

import struct

import numpy as np

from . import outcome, program, scratch


def _write(name, text):
    with open(name, "wb") as stream:
        stream.write(text.encode("utf-8") if isinstance(text, str) else text)
    return name


def _rows(count, columns, start=0):
    return "".join(",".join(str(start + 10 * i + j) for j in range(columns)) + "\n" for i in range(count))


def _batch(batch):
    return [batch.data[0].asnumpy(), batch.label[0].asnumpy(), batch.pad]


def _epochs(iterator, count=3, index=True):
    found = []
    for _ in range(count):
        found.append([[*_batch(b), b.index.astype(np.int64) if index else None] for b in iterator])
        iterator.reset()
    return [[str(d) for d in iterator.provide_data + iterator.provide_label], iterator.batch_size, found]


@program(cpu=True)
def csv(mx, ctx):
    found = {}
    with scratch():
        data = _write("data.csv", _rows(7, 3))
        label, labels = _write("label.csv", _rows(7, 1, 100)), _write("labels.csv", _rows(7, 2, 100))
        for name, kwargs in {
            "plain": {},
            "kept": {"round_batch": False},
            "label": {"label_csv": label},
            "label shape": {"label_csv": label, "label_shape": (1,)},
            "labels": {"label_csv": labels, "label_shape": (2,), "data_shape": (3, 1)},
            "int32": {"dtype": "int32"},
            "int64": {"dtype": "int64", "label_csv": label},
            "float32": {"dtype": "float32"},
            "even": {"batch_size": 7},
            "ones": {"batch_size": 1},
            "large": {"batch_size": 8},
            "named": {"data_name": "x", "label_name": "y"},
            "prefetch": {"prefetch_buffer": 1},
        }.items():
            given = {"data_csv": data, "data_shape": (3,), "batch_size": 3}
            given.update(kwargs)
            found[name] = _epochs(mx.io.CSVIter(**given))
    return found


TEXTS = {
    "blank lines": "1,2,3\n\n4,5,6\r\n7,8,9",
    "comma at the end": "1,2,3,\n4,5,6,\n7,8,9,\n",
    "spaces": "1, 2 ,3\n 4,5e1,-6.5\n+7,.5,8.\n",
    "not finite": "nan,inf,-inf\n4,5,6\n0,0,0\n",
    "mark": "\ufeff1,2,3\n4,5,6\n7,8,9\n",
    "carriage returns": "1,2,3\r4,5,6\r7,8,9\r",
}


@program(
    cpu=True, differs={"carriage returns": "a file with old Mac line ends is one line, which is refused"}
)
def csv_texts(mx, ctx):
    found = {}
    with scratch():
        for name, text in TEXTS.items():
            _write("data.csv", text)
            found[name] = outcome(
                lambda: _epochs(mx.io.CSVIter(data_csv="data.csv", data_shape=(3,), batch_size=3), 1)
            )
        _write("more.csv", _rows(2, 3, 50))
        _write("data.csv", _rows(3, 3))
        both = mx.io.CSVIter(data_csv="data.csv;more.csv", data_shape=(3,), batch_size=2)
        found["two files"] = _epochs(both, 2)
    return found


def _all(make):
    """Whether an iterator can be made and read to its end, or what it raises."""
    return outcome(lambda: len(list(make())))


BAD = {
    "more columns": "1,2,3,4\n5,6,7,8\n",
    "fewer columns": "1,2\n3,4\n",
    "short row": "1,2,3\n4,5\n",
    "text": "1,abc,3\n4,5,6\n",
    "header": "a,b,c\n1,2,3\n",
}


@program(cpu=True, differs={"missing": "a missing file is FileNotFoundError, an OSError"})
def csv_refused(mx, ctx):
    found = {}
    with scratch():
        for name, text in BAD.items():
            _write("data.csv", text)
            found[name] = _all(lambda: mx.io.CSVIter(data_csv="data.csv", data_shape=(3,), batch_size=2))
        found["missing"] = _all(lambda: mx.io.CSVIter(data_csv="no.csv", data_shape=(3,), batch_size=2))
        _write("data.csv", _rows(4, 3))
        _write("label.csv", _rows(3, 1))
        found["labels end"] = _all(
            lambda: mx.io.CSVIter(data_csv="data.csv", data_shape=(3,), batch_size=2, label_csv="label.csv")
        )
    return found


def _digits(count):
    images = (np.arange(count)[:, None, None] * 7 + np.arange(6).reshape(2, 3)).astype(np.uint8)
    _write("images", struct.pack(">IIII", 2051, count, 2, 3) + images.tobytes())
    _write("labels", struct.pack(">II", 2049, count) + (np.arange(count) % 10).astype(np.uint8).tobytes())


@program(cpu=True)
def mnist(mx, ctx):
    found = {}
    with scratch():
        _digits(10)
        for name, kwargs in {
            "plain": {"shuffle": False},
            "flat": {"shuffle": False, "flat": True},
            "shuffled": {},
            "seed 7": {"seed": 7, "shuffle": True},
            "part 0": {"shuffle": False, "num_parts": 3, "part_index": 0},
            "part 2": {"shuffle": False, "num_parts": 3, "part_index": 2},
            "shuffled part": {"num_parts": 2, "part_index": 1, "seed": 3},
            "shape": {"shuffle": False, "input_shape": (6,)},
            "named": {"data_name": "x", "label_name": "y", "prefetch_buffer": 2},
        }.items():
            iterator = mx.io.MNISTIter(image="images", label="labels", batch_size=3, silent=True, **kwargs)
            found[name] = _epochs(iterator, 2, index=False)
    return found


@program(cpu=True)
def mnist_order(mx, ctx):
    """The order of more images than one block of random numbers has."""
    with scratch():
        _write("images", struct.pack(">IIII", 2051, 70000, 1, 1) + bytes(70000))
        labels = (np.arange(70000) * 7 // 11 % 251).astype(np.uint8)
        _write("labels", struct.pack(">II", 2049, 70000) + labels.tobytes())
        found = []
        for seed in (0, 1, 12345):
            iterator = mx.io.MNISTIter(
                image="images", label="labels", batch_size=70000, seed=seed, silent=True
            )
            order = iterator.next().label[0].asnumpy().astype(np.int64)
            weights = np.arange(1, 70001, dtype=np.int64) % 10007
            found.append([order[:8], order[-8:], int((order * weights).sum())])
        return found


@program(cpu=True)
def protocol(mx, ctx):
    """`getdata` of an iterator over files is one array; a batch holds a list."""
    with scratch():
        _digits(6)
        iterator = mx.io.MNISTIter(image="images", label="labels", batch_size=2, shuffle=False, silent=True)
        batch = iterator.next()
        found = [isinstance(iterator, mx.io.DataIter), isinstance(iterator, mx.io.MXDataIter)]
        found += [len(batch.data), len(batch.label), iterator.getpad()]
        found += [iterator.getdata(), iterator.getlabel(), bool(iterator.iter_next()), iterator.getlabel()]
        found.append(len(list(iterator)))
        found.append(outcome(iterator.next))
        iterator.reset()
        iterator.debug_skip_load()
        found += [iterator.next().label[0].asnumpy() for _ in range(2)]
        return found
