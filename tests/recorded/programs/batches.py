"""Batches that a program changes in place, as training with noise or adversarial examples does."""

import os
import struct

import numpy as np

from . import numbers, program, scratch


def epochs(iterator):
    """An epoch whose batches are overwritten one by one, and the epoch after it."""
    found = []
    for _ in range(2):
        for batch in iterator:
            found.append([a.asnumpy() for a in batch.data + batch.label] + [batch.pad])
            for a in batch.data + batch.label:
                a[:] = -7
        iterator.reset()
    return found


@program(cpu=True)
def arrays(mx, ctx):
    rows, labels = numbers(7, 2), np.arange(7)
    found = {}
    for name, source in {
        "NumPy": rows,
        "NDArray": mx.nd.array(rows),
        "dict": {"a": rows, "b": -rows},
    }.items():
        found[name] = epochs(mx.io.NDArrayIter(source, labels, 3))
    for handle in ("discard", "roll_over"):
        found[handle] = epochs(mx.io.NDArrayIter(rows, labels, 3, last_batch_handle=handle))
    np.random.seed(3)
    found["shuffled"] = epochs(mx.io.NDArrayIter(rows, labels, 3, shuffle=True, last_batch_handle="discard"))
    found["the source"] = rows
    return found


@program(cpu=True)
def files(mx, ctx):
    with scratch() as folder:
        images, labels, table = (os.path.join(folder, name) for name in ("images", "labels", "rows.csv"))
        with open(images, "wb") as f:
            f.write(struct.pack(">IIII", 2051, 6, 2, 2) + bytes(range(24)))
        with open(labels, "wb") as f:
            f.write(struct.pack(">II", 2049, 6) + bytes(range(6)))
        np.savetxt(table, np.arange(12).reshape(6, 2), delimiter=",")
        return {
            "idx": epochs(
                mx.io.MNISTIter(image=images, label=labels, batch_size=3, shuffle=False, silent=True)
            ),
            "csv": epochs(mx.io.CSVIter(data_csv=table, data_shape=(2,), batch_size=3)),
            "ahead": epochs(mx.io.PrefetchingIter(mx.io.NDArrayIter(numbers(6, 2), np.arange(6), 3))),
        }
