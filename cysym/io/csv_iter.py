"""CSVIter: rows of numbers from text files, read a block of lines at a time.

Lines of plain decimal numbers are read by `_core.read_table`; from the first line that is anything else
(nan, more digits than a double holds, integers, an error) a few lines are read one by one and checked
(length, number of cells, that cells are numbers), so that errors name file, line and cell. No file is ever
held as a whole.
"""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Sequence
from typing import Any, BinaryIO

import numpy as np

from .._core import read_table
from ..arguments import file_name, shown
from ..base import FormatError
from .built import Loaded, MXDataIter, element_type, integer, warn_ignored
from .data import DataDesc

_TYPES = ("float32", "int32", "int64")
_BLOCK_BYTES = 1 << 20
_WHOLE_LINES = 1024
_CHECKED_LINES = 64  # read one by one where the plain way stopped
# No number needs more characters than this; a longer line is no row of the shape asked for.
_CELL_BYTES = 512
# Data, labels and the numbers of some rows.
_Parts = tuple[np.ndarray[Any, Any], np.ndarray[Any, Any], np.ndarray[Any, Any]]


class CSVIter(MXDataIter):
    """Iterate over the rows of CSV files.

    Parameters
    ----------
    data_csv : str
        A file, a folder (all its files, by name), or several of these with ";" between them.
    data_shape : tuple of int
        Shape of one row's data; each line holds as many numbers.
    batch_size : int
    label_csv : str, optional
        Labels, line by line with the data; without it all labels are 0.
    label_shape : tuple of int
        Shape of one row's label; (1,) gives labels of shape (batch_size,).
    round_batch : bool
        Fill the last batch up with the first rows (reported as `pad`), and start the next epoch behind those.
        Otherwise the last batch is filled up with rows of the batch before.
    dtype : {"float32", "int32", "int64"}
        Element type of data and labels.
    data_name, label_name : str
    **kwargs
        ``prefetch_buffer`` and ``ctx`` have no effect; see PrefetchingIter.

    Raises
    ------
    FormatError
        A line does not hold the numbers asked for; also from `next`, when the line is reached.
    ValueError
        A shape, the batch size or the type is none.
    OSError
        A file cannot be read.

    Notes
    -----
    Blank lines, spaces around numbers, a comma at the end of a line, a byte order mark and any line ends are
    accepted, headers and comments are not. (MXNet: CSVIter)
    """

    def __init__(
        self,
        *,
        data_csv: str,
        data_shape: Sequence[int],
        batch_size: int,
        label_csv: str | None = None,
        label_shape: Sequence[int] = (1,),
        round_batch: bool = True,
        dtype: str | None = None,
        data_name: str = "data",
        label_name: str = "softmax_label",
        **kwargs: Any,
    ) -> None:
        warn_ignored("CSVIter", kwargs)
        kind = element_type(dtype)
        if kind not in _TYPES:
            raise ValueError(f"CSVIter reads {', '.join(_TYPES)}, got dtype {dtype!r}")
        batch_size = integer(batch_size, "CSVIter: batch_size", 1)
        self._data = _Rows(data_csv, _shape(data_shape, "data_shape"), np.dtype(kind))
        one = _shape(label_shape, "label_shape")
        if isinstance(label_csv, str) and label_csv == "NULL":  # MXNet's word for none
            label_csv = None
        self._label = None if label_csv is None else _Rows(label_csv, one, np.dtype(kind))
        label_rows = () if one == (1,) else one
        super().__init__(
            DataDesc(data_name, (batch_size, *self._data.shape), np.dtype(kind).type),
            DataDesc(label_name, (batch_size, *label_rows), np.dtype(kind).type),
        )
        self._round = bool(round_batch)
        self._row = 0  # of the next row in its epoch
        self._overflow = False  # the next epoch has begun within the last batch
        self._previous: _Parts | None = None
        # Wrong files are reported here, not in the middle of training.
        for rows in (self._data, self._label):
            if rows is not None and not rows.fill():
                raise FormatError(f"CSVIter: {rows.paths[0]} holds no rows")

    def _rewind(self) -> None:
        if self._overflow and self._round:
            self._overflow = False
        else:
            self._restart()

    def _restart(self) -> None:
        self._row, self._overflow = 0, False
        self._data.rewind()
        if self._label is not None:
            self._label.rewind()

    def _load(self) -> Loaded | None:
        if self._overflow:
            return None
        parts = self._take(self.batch_size)
        got = len(parts[0])
        if got == 0:
            return None
        missing = self.batch_size - got
        if missing:
            parts = _joined(parts, self._first(missing, got) if self._round else self._stale(parts, got))
            self._overflow = True
        self._previous = parts
        data, label, samples = parts
        return Loaded(data, label, missing, samples)

    def _first(self, count: int, got: int) -> _Parts:
        """The rows the next epoch begins with."""
        self._restart()
        parts = self._take(count)
        if len(parts[0]) < count:
            raise ValueError(
                f"CSVIter: the batch size {self.batch_size} is more than twice the {got} rows of the data"
            )
        return parts

    def _stale(self, parts: _Parts, got: int) -> _Parts:
        """What stood behind row `got` in the batch before; zeros where there was none."""
        if self._previous is not None:
            data, label, samples = (part[got:] for part in self._previous)
        else:
            data, label, samples = (
                np.zeros((self.batch_size - got, *part.shape[1:]), part.dtype) for part in parts
            )
        return data, label, samples

    def _take(self, count: int) -> _Parts:
        """Up to `count` rows: data, labels, and their numbers."""
        data = self._data.take(count)
        shape = (len(data), *self.provide_label[0].shape[1:])
        if self._label is None:
            label = np.zeros(shape, data.dtype)
        else:
            label = self._label.take(len(data))
            short, long = (self._label, self._data) if len(label) < len(data) else (self._data, self._label)
            if len(label) < len(data) or (len(data) < count and self._label.fill()):
                raise FormatError(
                    f"CSVIter: {short.paths[-1]} ends after {self._row + len(label)} rows, "
                    f"{long.paths[-1]} has more"
                )
            label = label.reshape(shape)
        index = np.arange(self._row, self._row + len(data), dtype=np.uint64)
        self._row += len(data)
        return data.reshape(len(data), *self._data.shape), label, index


def _joined(first: _Parts, second: _Parts) -> _Parts:
    data, label, samples = (np.concatenate(pair) for pair in zip(first, second, strict=True))
    return data, label, samples


def _shape(given: Any, what: str) -> tuple[int, ...]:
    try:
        if not isinstance(given, list | tuple | np.ndarray):
            raise TypeError
        shape = tuple(int(n) for n in given)
    except (TypeError, ValueError, OverflowError):
        shape = ()
    if not shape or min(shape) < 1 or math.prod(shape) >= 2**60:
        raise ValueError(f"CSVIter: {what} must be a tuple of positive numbers, got {shown(given)}")
    return shape


def _files(uri: str) -> list[str]:
    found = []
    for part in file_name(uri, "data_csv and label_csv").split(";"):
        if os.path.isdir(part):
            names = sorted(os.listdir(part))
            found += [p for p in (os.path.join(part, name) for name in names) if os.path.isfile(p)]
        else:
            found.append(part)
    if not found:
        raise FileNotFoundError(f"CSVIter: the folder {uri!r} holds no file")
    for path in found:
        with open(path, "rb"):
            pass
    return found


class _Rows:
    """The rows of one or more files as numbers, a few at a time."""

    def __init__(self, uri: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        self._stream: BinaryIO | None = None
        self.paths = _files(uri)
        self.shape = shape
        self._columns = math.prod(shape)
        self._dtype = dtype
        self._longest = _CELL_BYTES * self._columns
        self.rewind()

    def rewind(self) -> None:
        """Go back to the first row."""
        self._close()
        self._file = -1
        self._line = 0
        self._block = np.empty((0, self._columns), self._dtype)
        self._error: FormatError | None = None

    def _close(self) -> None:
        if self._stream is not None:
            self._stream.close()
            self._stream = None

    __del__ = _close

    def fill(self) -> bool:
        """Whether there is another row; reads a block if needed."""
        if self._error is not None:  # rows are missing from here on
            raise self._error
        if len(self._block) == 0:
            try:
                self._block = self._read_block()
            except FormatError as error:
                self._error = error
                raise
        return len(self._block) > 0

    def take(self, count: int) -> np.ndarray[Any, Any]:
        """Up to `count` rows, fewer only at the end, (rows, columns)."""
        parts = []
        while count > 0 and self.fill():
            parts.append(self._block[:count])
            self._block = self._block[count:]
            count -= len(parts[-1])
        return np.concatenate(parts) if parts else self._block

    def _read_block(self) -> np.ndarray[Any, Any]:
        if self._stream is None and not self._open_next():
            return np.empty((0, self._columns), self._dtype)
        plain = self._read_plain()
        return plain if len(plain) else self._read_checked()

    def _read_plain(self) -> np.ndarray[Any, Any]:
        """Rows up to the first line that is no plain one; the stream stands behind them."""
        assert self._stream is not None
        if self._dtype.kind != "f" or not self._stream.seekable():
            return np.empty((0, self._columns), self._dtype)
        start = self._stream.tell()
        size = min(max(_BLOCK_BYTES, 32 * self._columns), 16 * _BLOCK_BYTES)
        text = self._stream.read(size)
        whole = text if len(text) < size else text[: text.rfind(b"\n") + 1]
        # A number takes two bytes at least, with its comma or line end; the last has none.
        rows = np.empty(((len(whole) + 1) // (2 * self._columns), self._columns), np.float32)
        used, lines, count = read_table(whole, self._columns, rows) if len(rows) else (0, 0, 0)
        self._stream.seek(start + (used if count else 0))
        self._line += lines if count else 0
        return rows[:count]

    def _read_checked(self) -> np.ndarray[Any, Any]:
        lines: list[str] = []
        places: list[tuple[str, int]] = []
        size = 0
        while size < _BLOCK_BYTES and len(lines) < (
            _CHECKED_LINES if self._dtype.kind == "f" else _WHOLE_LINES
        ):
            text = self._next_line()
            if text is None:
                break
            path = self.paths[self._file]
            cells = text.count(",") + 1
            if cells != self._columns:
                self._parse(lines, places)  # an earlier line with an error comes first
                raise FormatError(
                    f"CSVIter: {path}, line {self._line} has {cells} cells, {self._columns} are needed for "
                    f"the shape {self.shape}"
                )
            lines.append(text)
            places.append((path, self._line))
            size += len(text)
        return self._parse(lines, places)

    def _open_next(self) -> bool:
        """Open the next file; False behind the last."""
        if self._file + 1 == len(self.paths):
            return False
        self._file += 1
        self._line = 0
        self._stream = open(self.paths[self._file], "rb")  # noqa: SIM115 - read on by later calls
        return True

    def _next_line(self) -> str | None:
        """The next line that is not blank, without spaces around it and a comma at its end."""
        while True:
            if self._stream is None and not self._open_next():
                return None
            assert self._stream is not None
            raw = self._stream.readline(self._longest + 1)
            if not raw:
                self._close()
                continue
            self._line += 1
            if len(raw) > self._longest:
                raise FormatError(
                    f"CSVIter: {self.paths[self._file]}, line {self._line} is longer than {self._longest} "
                    f"bytes, too long for {self._columns} numbers"
                )
            if self._line == 1:
                raw = raw.removeprefix(b"\xef\xbb\xbf")
            # Latin-1 maps every byte, so that a wrong one is shown, not lost.
            text = raw.decode("latin-1").strip()
            if text:
                return text.removesuffix(",").rstrip() if text.count(",") == self._columns else text

    def _parse(self, lines: list[str], places: list[tuple[str, int]]) -> np.ndarray[Any, Any]:
        if not lines:
            return np.empty((0, self._columns), self._dtype)
        # NumPy may cut 1.5 down to 1 where it reads integers.
        if self._dtype.kind == "f" or not any(mark in line for line in lines for mark in ".eE"):
            with contextlib.suppress(ValueError, OverflowError):
                return np.loadtxt(lines, self._dtype, delimiter=",", ndmin=2, comments=None)
        # Integers written as 1.0, or a cell that is no number: cell by cell, to say which.
        rows = np.empty((len(lines), self._columns), self._dtype)
        for i, line in enumerate(lines):
            for j, cell in enumerate(line.split(",")):
                try:
                    rows[i, j] = _number(cell, self._dtype)
                except (ValueError, OverflowError):
                    path, number = places[i]
                    raise FormatError(
                        f"CSVIter: {path}, line {number}, cell {j + 1}: {cell.strip()[:40]!r} is no "
                        f"{self._dtype.name}{' (headers are not skipped)' if number == 1 else ''}"
                    ) from None
        return rows


def _number(cell: str, dtype: np.dtype[Any]) -> float | int:
    if "_" in cell:  # Python's spelling of digit groups, not that of files
        raise ValueError
    value = float(cell)
    if dtype.kind == "f":
        return value
    if value != math.floor(value):
        raise ValueError
    whole = int(cell) if cell.strip().lstrip("+-").isdecimal() else int(value)
    info = np.iinfo(dtype)
    if not info.min <= whole <= info.max:
        raise OverflowError
    return whole
