"""Data sets and models MXNet's examples fetch by name, and an iterator for speed tests.

Where a copy is on this machine nothing is fetched. Files' sizes are checked against their headers before
arrays are made of them. How files are fetched and unpacked is in fetch.py.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..base import FormatError
from ..io import DataBatch, DataIter
from .fetch import copy_bounded, download, extract_single, extract_zip

Array = np.ndarray[Any, Any]

_MNIST = {
    "train_data": "train-images-idx3-ubyte",
    "train_label": "train-labels-idx1-ubyte",
    "test_data": "t10k-images-idx3-ubyte",
    "test_label": "t10k-labels-idx1-ubyte",
}
_MNIST_URL = "http://data.mxnet.io/data/mnist/"
_CIFAR10 = ("train.rec", "test.rec", "train.lst", "test.lst")

_MODEL_URL = "http://data.mxnet.io/models/"
# name: what stands in the address before "-symbol.json", and the epoch
_MODELS = {
    "imagenet1k-inception-bn": ("imagenet/inception-bn/Inception-BN", 126),
    **{
        f"imagenet1k-resnet-{n}": (f"imagenet/resnet/{n}-layers/resnet-{n}", 0)
        for n in (18, 34, 50, 101, 152)
    },
    **{f"imagenet1k-resnext-{n}": (f"imagenet/resnext/{n}-layers/resnext-{n}", 0) for n in (50, 101)},
    "imagenet1k-resnext-101-64x4d": ("imagenet/resnext/101-layers/resnext-101-64x4d", 0),
    "imagenet11k-resnet-152": ("imagenet-11k/resnet-152/resnet-152", 0),
    "imagenet11k-place365ch-resnet-152": ("imagenet-11k-place365-ch/resnet-152", 0),
    "imagenet11k-place365ch-resnet-50": ("imagenet-11k-place365-ch/resnet-50", 0),
}


class DummyIter(DataIter):
    """The first batch of another iterator, for ever: for measuring speed without reading data.

    Parameters
    ----------
    real_iter
        Iterator that gives the batch.
    """

    def __init__(self, real_iter: Any) -> None:
        super().__init__()
        self.real_iter = real_iter
        self.provide_data = real_iter.provide_data
        self.provide_label = real_iter.provide_label
        self.batch_size = real_iter.batch_size
        self.the_batch: DataBatch = next(real_iter)

    def next(self) -> DataBatch:
        """The batch."""
        return self.the_batch


# --- MNIST --------------------------------------------------------------------------------------------------
def _local_mnist(name: str) -> str | None:
    """Path of a file of MNIST on this machine, compressed or not."""
    home = os.environ.get("MXNET_HOME") or os.path.join(os.path.expanduser("~"), ".mxnet")
    for folder in (".", "data", home, os.path.join(home, "data"), os.path.join(home, "datasets", "mnist")):
        for ending in ("", ".gz"):
            path = os.path.join(folder, name + ending)
            if os.path.isfile(path):
                return path
    return None


def _read_idx(path: str, ndim: int) -> Array:
    """Array of unsigned bytes from an idx file, compressed or not.

    Raises
    ------
    FormatError
        The file's bytes are not as many as its header says, or it is no idx file of `ndim` axes.
    """
    import gzip
    from io import BytesIO

    with gzip.open(path) if path.endswith(".gz") else open(path, "rb") as source:
        head = BytesIO()
        copy_bounded(_Limited(source, 4 + 4 * ndim), head, 4 + 4 * ndim, path)
        if head.tell() != 4 + 4 * ndim:
            raise FormatError(f"{path} ends within its header")
        magic, *shape = struct.unpack(f">{1 + ndim}I", head.getvalue())
        if magic != 0x800 + ndim:
            raise FormatError(f"{path} is no idx file of {ndim} axes: it begins with {magic:#x}")
        count = int(np.prod(shape, dtype=object))
        if count > os.path.getsize(path) * (1100 if path.endswith(".gz") else 1):
            raise FormatError(f"{path} cannot hold the {count} bytes its header claims")
        body = BytesIO()
        copy_bounded(source, body, count, path)
    if body.tell() != count:
        raise FormatError(f"{path} has {body.tell()} bytes of data, its header claims {count}")
    return np.frombuffer(body.getvalue(), np.uint8).reshape(shape)


class _Limited:
    """The first bytes of a stream."""

    def __init__(self, source: Any, count: int) -> None:
        self._source, self._left = source, count

    def read(self, count: int) -> bytes:
        found: bytes = self._source.read(min(count, self._left))
        self._left -= len(found)
        return found


def get_mnist() -> dict[str, Array]:
    """The handwritten digits of MNIST as NumPy arrays.

    Looks for the four files (``train-images-idx3-ubyte`` or ``.gz``, and so on) in the working directory, in
    ``data/``, and in ``$MXNET_HOME`` and its ``datasets/mnist`` (MXNET_HOME is ``~/.mxnet`` by default); what
    is missing is downloaded into the working directory.

    Returns
    -------
    dict
        "train_data" and "test_data", float32 of shape (n, 1, 28, 28) from 0 to 1; "train_label" and
        "test_label", int8 of shape (n,).

    Raises
    ------
    OSError
        A file is neither here nor to be had.
    FormatError
        A file is damaged.
    """
    found: dict[str, Array] = {}
    for key, name in _MNIST.items():
        path = _local_mnist(name) or download(_MNIST_URL + name + ".gz")
        if key.endswith("label"):
            found[key] = _read_idx(path, 1).astype(np.int8)
        else:
            pixels = _read_idx(path, 3)
            if pixels.shape[1:] != (28, 28):
                raise FormatError(f"{path}: pictures have shape {pixels.shape[1:]}, expected (28, 28)")
            found[key] = pixels[:, None].astype(np.float32) / 255
    for part in ("train", "test"):
        data, labels = found[f"{part}_data"], found[f"{part}_label"]
        if len(data) != len(labels):
            raise FormatError(f"MNIST: {len(data)} {part} pictures, but {len(labels)} labels")
    return found


def get_mnist_pkl() -> None:
    """Download MNIST as ``data/mnist.pkl.gz``, unless it is there.

    A pickle from the network can run any code when it is loaded; nothing here loads it. Prefer `get_mnist`.
    """
    download("http://deeplearning.net/data/mnist/mnist.pkl.gz", fname=os.path.join("data", "mnist.pkl.gz"))


def get_mnist_ubyte() -> None:
    """See to it that the four files of MNIST are in ``data/``, uncompressed.

    A copy that `get_mnist` would find is used; otherwise the archive is downloaded.
    """
    import gzip

    os.makedirs("data", exist_ok=True)
    for name in _MNIST.values():
        target = os.path.join("data", name)
        if os.path.exists(target):
            continue
        local = _local_mnist(name)
        if local is None:
            extract_zip(download("http://data.mxnet.io/mxnet/data/mnist.zip", dirname="data"), "data")
            return
        extract_single(gzip.open if local.endswith(".gz") else open, local, target)


def get_mnist_iterator(
    batch_size: int, input_shape: tuple[int, ...], num_parts: int = 1, part_index: int = 0
) -> tuple[Any, Any]:
    """Iterators over MNIST's training (shuffled) and test pictures; see `get_mnist_ubyte`.

    Parameters
    ----------
    batch_size
        Pictures in a batch.
    input_shape
        (1, 28, 28) for pictures, (784,) for flat ones.
    num_parts, part_index
        Use one of so many parts of the data.
    """
    from .. import io

    get_mnist_ubyte()
    made = [
        io.MNISTIter(
            image=os.path.join("data", _MNIST[f"{part}_data"]),
            label=os.path.join("data", _MNIST[f"{part}_label"]),
            input_shape=input_shape,
            batch_size=batch_size,
            shuffle=part == "train",
            flat=len(input_shape) != 3,
            num_parts=num_parts,
            part_index=part_index,
        )
        for part in ("train", "test")
    ]
    return made[0], made[1]


# --- others -------------------------------------------------------------------------------------------------
def get_cifar10() -> None:
    """See to it that CIFAR-10 is in ``data/cifar`` as record files; downloads and extracts it if not."""
    if not all(os.path.exists(os.path.join("data", "cifar", name)) for name in _CIFAR10):
        extract_zip(download("http://data.mxnet.io/mxnet/data/cifar10.zip", dirname="data"), "data")


def download_model(
    model_name: str, dst_dir: str = "./", meta_info: Mapping[str, Mapping[str, str]] | None = None
) -> tuple[str | None, int]:
    """Download a model of MXNet's zoo.

    Parameters
    ----------
    model_name
        Such as "imagenet1k-resnet-50".
    dst_dir
        Folder.
    meta_info
        Model name to ``{"symbol": url, "params": url}``; default: MXNet's zoo.

    Returns
    -------
    prefix, epoch
        What `mx.model.load_checkpoint` takes; (None, 0) for a name that is not known.
    """
    if meta_info is None:
        meta_info = {
            name: {
                "symbol": f"{_MODEL_URL}{path}-symbol.json",
                "params": f"{_MODEL_URL}{path}-{epoch:04d}.params",
            }
            for name, (path, epoch) in _MODELS.items()
        }
    if model_name not in meta_info:
        return None, 0
    urls = meta_info[model_name]
    for key in ("symbol", "params"):
        if key not in urls:
            raise AssertionError(f"meta_info of {model_name} has no {key!r} address")
    prefix = os.path.join(dst_dir, model_name)
    os.makedirs(dst_dir, exist_ok=True)
    download(urls["symbol"], f"{prefix}-symbol.json")
    download(urls["params"], f"{prefix}-0000.params")
    return prefix, 0


def get_im2rec_path(home_env: str = "MXNET_HOME") -> str:
    """Path of the tool im2rec.py in ``tools/`` of the folder that a variable names, default: this package.

    Raises
    ------
    OSError
        It is not there.
    """
    home = os.environ.get(home_env) or os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    places = [os.path.join(home, "tools", "im2rec.py"), os.path.join(home, "..", "..", "tools", "im2rec.py")]
    for path in places:
        if os.path.isfile(path):
            return path
    raise OSError(f"Could not find path to tools/im2rec.py in {home} (set {home_env})")
