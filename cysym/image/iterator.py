"""ImageIter: batches of images from a RecordIO file, from an image list, or from a list in memory.

It reads, decodes and augments one image after the other in the calling thread; `io.ImageRecordIter` is the
one with threads. Subclasses may replace each step (`next_sample`, `imdecode`, `augmentation_transform`, ...).
Batches are put together in NumPy and become NDArrays at the end.
"""

from __future__ import annotations

import logging
import os
import random
from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import ndarray as nd
from .. import recordio
from ..base import FormatError, MXNetError, numeric_types
from ..io.data import DataBatch, DataDesc, DataIter
from ..ndarray import NDArray
from .augmenters import CreateAugmenter
from .functions import imdecode

_LABEL_TYPES = ("int32", "float32", "int64", "float64")


class ImageIter(DataIter):
    """Iterates over images, decoded and augmented, in batches (images, 3, height, width) of float32.

    Parameters
    ----------
    batch_size : int
        Images per batch.
    data_shape : tuple
        (3, height, width) of an image in the batch.
    label_width : int
        Numbers per label.
    path_imgrec : str, optional
        A RecordIO file.
    path_imglist : str, optional
        A text file with a line ``key <tab> label ... <tab> file name`` per image. With `path_imgrec`, the
        labels of its records.
    path_root : str, optional
        The folder that file names start from.
    path_imgidx : str, optional
        The index of the RecordIO file; needed to shuffle or to read a part.
    shuffle : bool
        A new order, drawn from Python's `random`, in each pass.
    part_index, num_parts : int
        Read only the `part_index`-th of `num_parts` equal parts.
    aug_list : list of Augmenter, optional
        `CreateAugmenter(data_shape, **kwargs)` if left out.
    imglist : list, optional
        ``[label ..., file name]`` per image.
    data_name, label_name : str
        Names in `provide_data` and `provide_label`.
    dtype : {'float32', 'int32', 'int64', 'float64'}
        What labels of an image list are converted to before they become float32.
    last_batch_handle : {'pad', 'discard', 'roll_over'}
        The last batch of a pass is filled up from the beginning; left out; or kept until the next pass.

    Raises
    ------
    ImportError
        When the first image is decoded: Pillow is absent.
    FormatError
        A line of the list or index is not what it should be.
    MXNetError
        By `next`: an image cannot be decoded, its label has another width, its augmented shape another size.
    """

    def __init__(
        self, batch_size: int, data_shape: Sequence[int], label_width: int = 1,
        path_imgrec: str | None = None, path_imglist: str | None = None, path_root: str | None = None,
        path_imgidx: str | None = None,
        shuffle: bool = False, part_index: int = 0, num_parts: int = 1, aug_list: Any = None,
        imglist: list[Any] | None = None, data_name: str = "data", label_name: str = "softmax_label",
        dtype: str = "float32", last_batch_handle: str = "pad", **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(batch_size)
        if not (path_imgrec or path_imglist or isinstance(imglist, list)):
            raise ValueError("images come from path_imgrec, path_imglist or imglist (a list): give one")
        if dtype not in _LABEL_TYPES:
            raise ValueError(f"dtype of labels must be one of {_LABEL_TYPES}, got {dtype!r}")
        if last_batch_handle not in ("pad", "discard", "roll_over"):
            raise ValueError(
                f"last_batch_handle must be pad, discard or roll_over, got {last_batch_handle!r}"
            )
        if not 0 <= part_index < num_parts:
            raise ValueError(f"part_index must be in 0..{num_parts - 1} (num_parts - 1), got {part_index}")
        self.check_data_shape(data_shape)
        self.data_shape = tuple(data_shape)
        self.label_width = label_width
        self.path_root = path_root
        self.shuffle = shuffle
        self.last_batch_handle = last_batch_handle
        self.imgrec: Any = None
        self.imgidx: list[Any] | None = None
        if path_imgrec and path_imgidx:
            self.imgrec = recordio.MXIndexedRecordIO(path_imgidx, path_imgrec, "r")
            self.imgidx = list(self.imgrec.keys)
        elif path_imgrec:
            self.imgrec = recordio.MXRecordIO(path_imgrec, "r")
        self.imglist: dict[Any, tuple[Any, str]] | None = None
        if path_imglist:
            self.imglist = _read_list(path_imglist, dtype)
        elif isinstance(imglist, list):
            self.imglist = _number_list(imglist, dtype)
        if self.imgrec is None:
            self.seq: list[Any] | None = list(self.imglist or ())
        elif self.imgidx is not None:
            self.seq = self.imgidx
        elif shuffle or num_parts > 1 or self.imglist is not None:
            raise ValueError("to shuffle a .rec file, read a part of it or give it a list needs path_imgidx")
        else:
            self.seq = None
        if num_parts > 1 and self.seq is not None:
            share = len(self.seq) // num_parts
            self.seq = self.seq[part_index * share : (part_index + 1) * share]
        self.num_image = None if self.seq is None else len(self.seq)
        if aug_list is not None and kwargs:
            raise TypeError(f"aug_list leaves no meaning to {sorted(kwargs)}")
        self.auglist = CreateAugmenter(data_shape, **kwargs) if aug_list is None else aug_list
        self.provide_data = [DataDesc(data_name, (batch_size, *self.data_shape))]
        wide = (label_width,) if label_width > 1 else ()
        self.provide_label = [DataDesc(label_name, (batch_size, *wide))]
        self.cur = 0
        self._exhausted = False
        self._begun: tuple[Any, Any, int] | None = None  # a batch that waits for the next pass
        self._sample: Any = None
        self.reset()

    # --- passes ---------------------------------------------------------------------------------------------
    def reset(self) -> None:
        """Begin the next pass; a batch that 'roll_over' kept is filled up by it."""
        if self.shuffle and self.seq is not None:
            random.shuffle(self.seq)
        if self._begun is None:
            self._rewind()

    def hard_reset(self) -> None:
        """Begin from nothing, without what 'roll_over' kept."""
        self._begun = None
        if self.shuffle and self.seq is not None:
            random.shuffle(self.seq)
        self._rewind()

    def _rewind(self) -> None:
        if self.imgrec is not None:
            self.imgrec.reset()
        self.cur = 0
        self._exhausted = False

    def next_sample(self) -> tuple[Any, bytes]:
        """Label and encoded bytes of the next image; StopIteration behind the last one."""
        if self._exhausted:
            raise StopIteration
        if self.seq is None:
            record = self.imgrec.read()
            self._sample = self.cur
            self.cur += 1
        elif self.cur < len(self.seq):
            self._sample = self.seq[self.cur]
            self.cur += 1
            if self.imgrec is None:
                label, name = (self.imglist or {})[self._sample]
                return label, self.read_image(name)
            record = self.imgrec.read_idx(self._sample)
        else:
            record = None
        if record is None:
            if self.last_batch_handle != "discard":
                self._rewind()
            raise StopIteration
        try:
            header, image = recordio.unpack(record)
        except FormatError as error:
            raise FormatError(f"{self._place()}: {error}") from error
        if self.imglist is None:
            return header.label, image
        if self._sample not in self.imglist:
            raise MXNetError(f"{self._place()}: the image list has no such key")
        return self.imglist[self._sample][0], image

    def _place(self) -> str:
        if self.imgrec is not None:
            return f"record {self._sample} of {self.imgrec.uri}"
        return f"image {(self.imglist or {})[self._sample][1]}"

    # --- batches --------------------------------------------------------------------------------------------
    def _new_batch(self) -> tuple[Any, Any]:
        data = np.zeros((self.batch_size, *self.data_shape), np.float32)
        return data, np.zeros(self.provide_label[0].shape, np.float32)

    def _fill(self, data: Any, label: Any, start: int) -> int:
        """Put samples into rows from `start` on until the batch is full or the pass ends; the next row."""
        row = start
        while row < self.batch_size:
            try:
                target, encoded = self.next_sample()
            except StopIteration:
                break
            image = self.imdecode(encoded)
            try:
                self.check_valid_image([image])
            except RuntimeError as error:
                logging.debug("Invalid image, skipping:  %s", error)
                continue
            done = self.postprocess_data(self.augmentation_transform(image))
            self._put(data, row, done, "image")
            self._put(label, row, target, "label")
            row += 1
        return row

    def _put(self, batch: Any, row: int, value: Any, what: str) -> None:
        host = value.asnumpy() if isinstance(value, NDArray) else np.asarray(value)
        want = batch.shape[1:]
        if host.shape != want and not (host.size == 1 and batch[row].size == 1):
            raise MXNetError(f"{self._place()}: expected the {what} in shape {want}, got {host.shape}")
        batch[row] = host.reshape(want)

    def next(self) -> DataBatch:
        """The next batch; its `pad` rows at the end come from the pass's beginning."""
        if self._begun is None:
            data, label = self._new_batch()
            rows = self._fill(data, label, 0)
            if rows == 0:
                raise StopIteration
        else:
            data, label, rows = self._begun
        pad = self.batch_size - rows
        if pad:
            if self.last_batch_handle == "discard":
                raise StopIteration
            if self.last_batch_handle == "roll_over" and self._begun is None:
                self._begun = data, label, rows
                raise StopIteration
            self._fill(data, label, rows)
            self._begun = None
            self._exhausted = self.last_batch_handle == "pad"
        return DataBatch([nd.array(data)], [nd.array(label)], pad=pad)

    # --- steps ----------------------------------------------------------------------------------------------
    def check_data_shape(self, data_shape: Sequence[int]) -> None:
        """ValueError unless it is (3, height, width)."""
        if len(data_shape) != 3:
            raise ValueError(f"data_shape should have length 3, with dimensions CxHxW, got {data_shape}")
        if data_shape[0] != 3:
            raise ValueError(f"data_shape should have 3 channels, got {data_shape}")

    def check_valid_image(self, data: Sequence[Any]) -> None:
        """RuntimeError if there is no image in `data`; such a sample is passed over."""
        if len(data[0].shape) == 0:
            raise RuntimeError("Data shape is wrong")

    def imdecode(self, s: bytes) -> NDArray:
        """The image in `s`, (height, width, 3) of uint8."""
        try:
            return imdecode(s)
        except MXNetError as error:
            raise MXNetError(f"{self._place()}: {error}") from error

    def read_image(self, fname: str) -> bytes:
        """The content of an image file below `path_root`."""
        with open(os.path.join(self.path_root or "", fname), "rb") as stream:
            return stream.read()

    def augmentation_transform(self, data: NDArray) -> NDArray:
        """The image after all augmenters."""
        for aug in self.auglist:
            data = aug(data)
        return data

    def postprocess_data(self, datum: NDArray) -> NDArray:
        """The image as it stands in the batch: (channels, height, width)."""
        return nd.array(np.ascontiguousarray(datum.asnumpy().transpose(2, 0, 1)), dtype=datum.dtype)


def read_image_list(path: str) -> list[tuple[int, list[float], str]]:
    """Key, labels and file name of each line of a `.lst` file.

    Raises
    ------
    FormatError
        A line is not ``key <tab> label ... <tab> file name``.
    """
    found = []
    with open(path, "rb") as stream:
        for number, line in enumerate(stream, 1):
            try:
                fields = line.decode().strip().split("\t")
                if len(fields) < 3:
                    raise ValueError("expected: key <tab> label ... <tab> file name")
                found.append((int(fields[0]), [float(f) for f in fields[1:-1]], fields[-1]))
            except ValueError as error:
                raise FormatError(f"{path}, line {number}: {line[:60]!r}: {error}") from error
    return found


def _read_list(path: str, dtype: str) -> dict[Any, tuple[Any, str]]:
    return {key: (np.array(labels).astype(dtype), name) for key, labels, name in read_image_list(path)}


def _number_list(images: list[Any], dtype: str) -> dict[Any, tuple[Any, str]]:
    """Keys '1', '2', ... for a list in memory."""
    found: dict[Any, tuple[Any, str]] = {}
    for number, image in enumerate(images, 1):
        if len(image) < 2 or not isinstance(image[-1], str | os.PathLike):
            raise ValueError(f"image {number} of imglist must be [label ..., file name], got {image!r}")
        if len(image) > 2:
            label = image[:-1]
        else:
            label = [image[0]] if isinstance(image[0], numeric_types) else image[0]
        found[str(number)] = (np.asarray(label, dtype), os.fspath(image[-1]))
    return found
