"""The records ImageRecordIter reads: which part of the file, in which order, with which labels.

A source hands out one record after the other (bytes, with the number of its image) and starts over when told
to; the shuffled order of a pass is MXNet's for the same seed, as far as MXNet reads the file in one chunk.
Images stay encoded here.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import recordio
from ..base import FormatError, MXNetError
from ..formats.recordio import RecordReader

_SEED_OFFSET = 111  # MXNet's parser adds it to the seed


class RecordSource:
    """The records of one part of a file.

    Parameters
    ----------
    path : str
        The `.rec` file.
    index_path : str
        Its index; with it parts have equal numbers of records, without it about equal numbers of bytes.
    part, parts : int
        Which part of how many.
    shuffle : bool
        Another order in each pass.
    seed : int
        Decides on the orders.
    """

    def __init__(self, path: str, index_path: str, part: int, parts: int, shuffle: bool, seed: int) -> None:
        self.path = path
        self._reader = RecordReader(path)
        size = self._reader.size()
        self._offsets: list[int] | None = None
        share = ((size + parts - 1) // parts + 3) & -4
        self._start, self._end = min(share * part, size), min(share * (part + 1), size)
        if parts > 1 and not index_path:
            self._reader.seek_start(self._start)
            self._start = self._reader.tell()
        if index_path:
            with recordio.MXIndexedRecordIO(index_path, path, "r") as indexed:
                offsets = sorted(indexed.idx.values())
            share = (len(offsets) + parts - 1) // parts
            self._offsets = offsets[share * part : share * (part + 1)]
        elif shuffle:
            self._reader.seek(self._start)
            self._offsets = self._reader.offsets(self._end)
        self._random = np.random.RandomState(_SEED_OFFSET + seed) if shuffle else None
        self._order: list[int] | None = None
        self._next = 0
        self.rewind()

    def rewind(self) -> None:
        """Start a pass; a shuffled one has a new order."""
        self._next = 0
        if self._offsets is None:
            self._reader.seek(self._start)
        else:
            self._order = self._offsets
            if self._random is not None:
                self._order = [self._offsets[i] for i in shuffled(len(self._offsets), self._random)]

    def read(self) -> tuple[bytes, int] | None:
        """The next record and the offset it stands at; None at the end of the pass."""
        if self._order is not None:
            if self._next == len(self._order):
                return None
            self._reader.seek(self._order[self._next])
        elif self._reader.tell() >= self._end:
            return None
        at = self._reader.tell()
        record = self._reader.read()
        if record is None:
            return None
        self._next += 1
        return record, at

    def close(self) -> None:
        """Close the file."""
        self._reader.close()


def shuffled(count: int, random: np.random.RandomState) -> list[int]:
    """0 .. count - 1 in random order: libstdc++'s std::shuffle of GCC 4 to 6 on a 32-bit Mersenne Twister."""
    order = list(range(count))
    if count < 2:
        return order
    bits: Any = random._bit_generator
    draws: list[int] = []
    for i in range(1, count):
        step = 0xFFFFFFFF // (i + 1)
        while True:
            if not draws:
                draws = bits.random_raw(min(count - i, 1 << 16)).tolist()[::-1]
            place = draws.pop() // step
            if place <= i:
                break
        order[i], order[place] = order[place], order[i]
    return order


class Labels:
    """The label of each record: its own, or that of an image list.

    Parameters
    ----------
    path : str
        The `.rec` file, for messages.
    list_path : str
        The image list; '' if records have their own labels.
    width : int
        Numbers per label.
    """

    def __init__(self, path: str, list_path: str, width: int) -> None:
        self._path, self._list_path, self._width = path, list_path, width
        self._listed: dict[int, list[float]] | None = None
        if list_path:
            from ..image.iterator import read_image_list

            self._listed = {key: labels for key, labels, _ in read_image_list(list_path)}

    def unpack(self, record: bytes, at: int) -> tuple[int, Any, bytes]:
        """Number of the image, label and encoded image of the record at offset `at`."""
        try:
            header, image = recordio.unpack(record)
        except FormatError as error:
            raise FormatError(f"{self._path}, offset {at}: {error}") from error
        number = int(header.id)
        label: NDArray[Any] = np.atleast_1d(np.asarray(header.label, np.float32))
        if self._listed is not None:
            if number not in self._listed:
                raise MXNetError(
                    f"{self._list_path}: no label for image {number} of {self._path}, offset {at}"
                )
            label = np.asarray(self._listed[number][: self._width], np.float32)
        if label.size != self._width:
            raise MXNetError(
                f"{self._list_path or self._path}: image {number} has {label.size} labels, label_width is "
                f"{self._width}"
            )
        return number, label, image
