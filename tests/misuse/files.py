"""Iterators, record files and the arrays that travel in them."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np

import cysym as mx

from . import Rows

ROWS = Rows()
X = np.arange(24, dtype=np.float32).reshape(6, 4)
Y = np.arange(6, dtype=np.float32)

ROWS.on(
    "io.NDArrayIter",
    lambda f: None,
    lambda _, **a: (it := mx.io.NDArrayIter(**a), it.provide_data, it)[1:],
    {
        "data": X,
        "label": Y,
        "batch_size": 4,
        "shuffle": False,
        "last_batch_handle": "pad",
        "data_name": "data",
        "label_name": "softmax_label",
        "layout": "NCHW",
    },
)
ROWS.on(
    "io.NDArrayIter(dict)",
    lambda f: None,
    lambda _, **a: (it := mx.io.NDArrayIter(**a), it.provide_data, it)[1:],
    lambda _: {
        "data": {"a": X, "b": mx.nd.array(X)},
        "label": [Y],
        "batch_size": 4,
        "shuffle": True,
        "last_batch_handle": "roll_over",
    },
)
ROWS.call("io.DataDesc", mx.io.DataDesc, name="data", shape=(2, 3), dtype=np.float32, layout="NCHW")
ROWS.call("DataDesc.get_batch_axis", mx.io.DataDesc.get_batch_axis, layout="NCHW")
ROWS.call(
    "DataDesc.get_list", mx.io.DataDesc.get_list, shapes=[("data", (2, 3))], types=[("data", "float32")]
)
ROWS.call(
    "io.DataBatch",
    lambda **a: str(mx.io.DataBatch(**a)),
    data=[mx.nd.ones((2, 3))],
    label=[mx.nd.ones((2,))],
    pad=0,
    index=None,
    bucket_key=None,
    provide_data=None,
    provide_label=None,
)
ROWS.on(
    "io.ResizeIter",
    lambda f: None,
    lambda _, **a: mx.io.ResizeIter(**a),
    lambda _: {"data_iter": mx.io.NDArrayIter(X, Y, 2), "size": 5, "reset_internal": True},
    skip=("size",),
)


def prefetched(_: Any, **a: Any) -> Any:
    it = mx.io.PrefetchingIter(**a)
    return [(b.data, b.label, b.pad) for b in it], [d[:2] for d in it.provide_data]


ROWS.on(
    "io.PrefetchingIter",
    lambda f: None,
    prefetched,
    lambda _: {"iters": [mx.io.NDArrayIter(X, Y, 2)], "rename_data": [{"data": "d"}], "rename_label": None},
)


def tables(folder: Path) -> Path:
    np.savetxt(folder / "x.csv", X, "%g", ",")
    np.savetxt(folder / "y.csv", Y, "%g", ",")
    return folder


ROWS.on(
    "io.CSVIter",
    tables,
    lambda f, **a: mx.io.CSVIter(**a),
    lambda f: {
        "data_csv": str(f / "x.csv"),
        "data_shape": (2, 2),
        "batch_size": 4,
        "label_csv": str(f / "y.csv"),
        "label_shape": (1,),
        "round_batch": True,
        "dtype": "float32",
        "data_name": "d",
        "label_name": "l",
    },
)


def digits(folder: Path) -> Path:
    (folder / "images").write_bytes(struct.pack(">iiii", 2051, 6, 3, 2) + bytes(range(36)))
    (folder / "labels").write_bytes(struct.pack(">ii", 2049, 6) + bytes(range(6)))
    return folder


ROWS.on(
    "io.MNISTIter",
    digits,
    lambda f, **a: mx.io.MNISTIter(**a),
    lambda f: {
        "image": str(f / "images"),
        "label": str(f / "labels"),
        "batch_size": 2,
        "shuffle": True,
        "flat": False,
        "seed": 3,
        "silent": True,
        "num_parts": 1,
        "part_index": 0,
        "input_shape": (1, 3, 2),
        "dtype": "float32",
        "data_name": "d",
        "label_name": "l",
    },
)


# --- records ------------------------------------------------------------------------------------------------
def records(folder: Path) -> Path:
    with mx.recordio.MXIndexedRecordIO(str(folder / "r.idx"), str(folder / "r.rec"), "w") as writer:
        for i in range(3):
            writer.write_idx(i, b"record %d" % i)
    return folder


def content(folder: Path) -> Any:
    return [(folder / n).read_bytes() for n in ("r.rec", "r.idx")]


def read_all(reader: Any) -> Any:
    with reader:
        return [reader.read() for _ in range(4)]


ROWS.on(
    "recordio.MXRecordIO",
    records,
    lambda f, **a: read_all(mx.recordio.MXRecordIO(**a)),
    lambda f: {"uri": str(f / "r.rec"), "flag": "r"},
    content,
)
ROWS.on(
    "recordio.MXIndexedRecordIO",
    records,
    lambda f, **a: read_all(mx.recordio.MXIndexedRecordIO(**a)),
    lambda f: {"idx_path": str(f / "r.idx"), "uri": str(f / "r.rec"), "flag": "r", "key_type": int},
    content,
    skip=("flag",),
)


class Open:
    """An open file of records."""

    def __init__(self, folder: Path, flag: str) -> None:
        records(folder)
        self.folder, self.flag = folder, flag
        if flag == "w":
            self.file = mx.recordio.MXIndexedRecordIO(str(folder / "n.idx"), str(folder / "n.rec"), "w")
        else:
            self.file = mx.recordio.MXIndexedRecordIO(str(folder / "r.idx"), str(folder / "r.rec"), "r")


def written(made: Any) -> Any:
    made.file.close()
    return [(made.folder / n).read_bytes() for n in ("n.rec", "n.idx")]


ROWS.on("MXIndexedRecordIO.read_idx", lambda f: Open(f, "r"), lambda o, **a: o.file.read_idx(**a), {"idx": 1})
ROWS.on(
    "MXIndexedRecordIO.seek",
    lambda f: Open(f, "r"),
    lambda o, **a: (o.file.seek(**a), o.file.read()),
    {"idx": 1},
)
ROWS.on(
    "MXIndexedRecordIO.write_idx",
    lambda f: Open(f, "w"),
    lambda o, **a: (o.file.write_idx(**a), written(o))[1],
    {"idx": 5, "buf": b"abc"},
    lambda o: o.file.tell(),
)
ROWS.on(
    "MXRecordIO.write",
    lambda f: Open(f, "w"),
    lambda o, **a: (o.file.write(**a), written(o))[1],
    {"buf": b"abc"},
    lambda o: o.file.tell(),
)
HEADER = mx.recordio.IRHeader(0, 3.0, 7, 0)
ROWS.call("recordio.pack", mx.recordio.pack, header=HEADER, s=b"abc")
ROWS.call("recordio.unpack", mx.recordio.unpack, s=mx.recordio.pack(HEADER, b"abc"))
PICTURE = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
ROWS.call("recordio.pack_img", mx.recordio.pack_img, header=HEADER, img=PICTURE, quality=95, img_fmt=".png")
ROWS.call(
    "recordio.unpack_img",
    mx.recordio.unpack_img,
    s=mx.recordio.pack_img(HEADER, PICTURE, 9, ".png"),
    iscolor=-1,
)


# --- arrays in files ----------------------------------------------------------------------------------------
def stored(folder: Path) -> Path:
    mx.nd.save(str(folder / "good"), {"a": mx.nd.ones((2,))})
    return folder


ROWS.on(
    "nd.save",
    stored,
    lambda f, **a: (mx.nd.save(**a), mx.nd.load(str(f / "good"))),
    lambda f: {"fname": str(f / "good"), "data": {"a": mx.nd.ones((2,))}},
    lambda f: (f / "good").read_bytes(),
)
ROWS.on("nd.load", stored, lambda f, **a: mx.nd.load(**a), lambda f: {"fname": str(f / "good")})
ROWS.call(
    "nd.load_frombuffer",
    mx.nd.load_frombuffer,
    buf=b"".join(
        bytes(c)
        for c in __import__("cysym.formats.params", fromlist=["dumps"]).dumps([np.ones(2, np.float32)], ["a"])
    ),
)
