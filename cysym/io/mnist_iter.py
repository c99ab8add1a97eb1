"""MNISTIter: images and labels from idx files, the format of the MNIST digits.

Headers are checked against the bytes that remain before anything is allocated. Pixels stay bytes until their
batch is made.
"""

from __future__ import annotations

import logging
import math
import os
import struct
from typing import Any, BinaryIO

import numpy as np

from ..arguments import file_name
from ..base import FormatError
from .built import Loaded, MXDataIter, element_type, integer, warn_ignored
from .data import DataDesc

_CHUNK = 1 << 24


class MNISTIter(MXDataIter):
    """Iterate over images and labels in idx files, plain or gzipped.

    Parameters
    ----------
    image, label : str
        Files of (n, rows, columns) bytes and of n bytes.
    batch_size : int
        Images that do not fill the last batch are left out.
    shuffle : bool
        Permute the images once, by `seed`: MXNet's order.
    flat : bool
        Give images as rows of numbers instead of (1, rows, columns).
    seed : int
    silent : bool
        Do not log what was read.
    num_parts, part_index : int
        Read only this part of so many equal ones.
    input_shape : tuple of int, optional
        Without effect, as in MXNet; images have the shape their file says.
    dtype : {"float32"}
        Pixels are divided by 256.
    data_name, label_name : str
    **kwargs
        ``prefetch_buffer`` and ``ctx`` have no effect; see PrefetchingIter.

    Raises
    ------
    FormatError
        A file is no idx file of its kind, or damaged.
    ValueError
        A part without a batch, or an option out of range.
    OSError
        A file cannot be read.
    """

    def __init__(
        self,
        *,
        image: str = "./train-images-idx3-ubyte",
        label: str = "./train-labels-idx1-ubyte",
        batch_size: int = 128,
        shuffle: bool = True,
        flat: bool = False,
        seed: int = 0,
        silent: bool = False,
        num_parts: int = 1,
        part_index: int = 0,
        input_shape: Any = None,
        dtype: str | None = None,
        data_name: str = "data",
        label_name: str = "softmax_label",
        **kwargs: Any,
    ) -> None:
        warn_ignored("MNISTIter", kwargs)
        if element_type(dtype) != "float32":
            raise ValueError(f"MNISTIter gives float32, got dtype {dtype!r}")
        batch_size = integer(batch_size, "MNISTIter: batch_size", 1)
        seed = integer(seed, "MNISTIter: seed")
        num_parts = integer(num_parts, "MNISTIter: num_parts", 1)
        part_index = integer(part_index, "MNISTIter: part_index")
        if not 0 <= part_index < num_parts:
            raise ValueError(f"MNISTIter: part_index {part_index} is not one of {num_parts} parts")
        images = read_idx(image, 3)
        labels = read_idx(label, 1)
        if len(images) != len(labels):
            raise FormatError(f"{image} holds {len(images)} images, {label} {len(labels)} labels")
        begin, end = (len(images) * part // num_parts for part in (part_index, part_index + 1))
        order = np.arange(begin, end)
        if shuffle:
            order = order[_libstdcxx_order(len(order), seed)]
        if len(order) < batch_size:
            part = f" (part_index {part_index} of num_parts {num_parts})" if num_parts > 1 else ""
            raise ValueError(f"MNISTIter: {len(order)} images do not fill a batch of {batch_size}{part}")
        self._images, self._labels, self._order = images, labels, order
        rows, columns = images.shape[1:]
        shape = (rows * columns,) if flat else (1, rows, columns)
        super().__init__(DataDesc(data_name, (batch_size, *shape)), DataDesc(label_name, (batch_size,)))
        self._row = 0
        if not silent:
            logging.info(
                "MNISTIter: load %d images, shuffle=%d, shape=%s",
                len(order), bool(shuffle), self.provide_data[0].shape,
            )  # fmt: skip

    def _rewind(self) -> None:
        self._row = 0

    def _load(self) -> Loaded | None:
        part = self._order[self._row : self._row + self.batch_size]
        if len(part) < self.batch_size:
            return None
        self._row += len(part)
        pixels = self._images[part].astype(np.float32) * np.float32(1 / 256)
        data = pixels.reshape(self.provide_data[0].shape)
        return Loaded(data, self._labels[part].astype(np.float32), 0, part.astype(np.uint64))


def read_idx(path: str, ndim: int) -> np.ndarray[Any, Any]:
    """The bytes of an idx file, plain or gzipped, with `ndim` axes.

    Raises
    ------
    FormatError
        The header or the size of the file is not what the format demands.
    """
    path = file_name(path, "image and label")
    with open(path, "rb") as plain:
        if plain.read(2) == b"\x1f\x8b":
            return _read_zipped(path, ndim)
        plain.seek(0)
        return _read_idx(plain, path, ndim, os.fstat(plain.fileno()).st_size)


def _read_zipped(path: str, ndim: int) -> np.ndarray[Any, Any]:
    import gzip
    import zlib

    try:
        with gzip.open(path) as stream:
            return _read_idx(stream, path, ndim, None)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise FormatError(f"{path}: damaged gzip file: {error}") from None


def _read_idx(stream: Any, path: str, ndim: int, size: int | None) -> np.ndarray[Any, Any]:
    """`size` is the size of the file where it is known beforehand."""
    length = 4 + 4 * ndim
    header = stream.read(length)
    if len(header) < length:
        raise FormatError(f"{path}: an idx file begins with {length} bytes, got {len(header)}")
    magic, *shape = struct.unpack(f">{1 + ndim}I", header)
    wanted = 0x0800 + ndim
    if magic != wanted:
        raise FormatError(
            f"{path}, offset 0: the magic number of bytes with {ndim} axes is {wanted:#010x}, "
            f"got {magic:#010x}"
        )
    if 0 in shape:
        raise FormatError(f"{path}, offset 4: the shape {tuple(shape)} has no elements")
    count = math.prod(shape)
    if size is not None and size - length != count:
        raise FormatError(
            f"{path}, offset {length}: the shape {tuple(shape)} needs {count} bytes, {size - length} follow"
        )
    content = _read_up_to(stream, count)
    rest = stream.read(1)
    if len(content) != count or rest:
        got = f"{len(content)}" if not rest else "more"
        raise FormatError(
            f"{path}, offset {length}: the shape {tuple(shape)} needs {count} bytes, {got} follow"
        )
    return np.frombuffer(content, np.uint8).reshape(shape)


def _read_up_to(stream: BinaryIO, count: int) -> bytearray:
    """Up to `count` bytes, allocating no more than have come."""
    content = bytearray()
    while len(content) < count:
        chunk = stream.read(min(_CHUNK, count - len(content)))
        if not chunk:
            break
        content += chunk
    return content


def _libstdcxx_order(count: int, seed: int) -> np.ndarray[Any, Any]:
    """``std::shuffle`` of 0 .. count-1 with ``std::mt19937(seed)`` as GCC 4.8 compiled it, MXNet's order.

    Position i changes places with position d, uniform in 0 .. i: d = draw // scale with scale =
    (2^32 - 1) // (i + 1); draws of at least (i + 1) * scale are drawn again.
    """
    source = np.random.RandomState(seed % 2**32)  # mt19937's own stream
    order = np.arange(count)
    draws: list[int] = []
    for i in range(1, count):
        scale = (2**32 - 1) // (i + 1)
        while True:
            if not draws:
                draws = source.randint(0, 2**32, 4096, dtype=np.uint32)[::-1].tolist()
            draw = draws.pop()
            if draw < (i + 1) * scale:
                break
        other = draw // scale
        order[i], order[other] = order[other], order[i]
    return order
