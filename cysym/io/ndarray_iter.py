"""The iterator over arrays in memory, and over data sets read from files.

Batches are copies, which programs may change. A shuffled iterator keeps the order of the rows, never a second
copy of the arrays, and gathers each batch. Shuffling draws from NumPy's global generator, as MXNet does.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import ndarray as nd
from ..arguments import text, whole
from .data import DataBatch, DataDesc, DataIter
from .utils import Named, _concat, _init_data, _slice_along_batch_axis, _take_along_batch_axis

# A batch that repeats the data more often than this is a mistake, and may be one that no memory holds.
_MOST_ROWS = 1 << 16


class NDArrayIter(DataIter):
    """Iterate over arrays, row by row along their batch axis.

    Parameters
    ----------
    data, label : NDArray, numpy.ndarray, list of them, or dict of str to them
        Names are `data_name` / `label_name` for one array, ``_0_data``, ``_1_data`` ... for a list, the keys
        of a dict; batches list arrays in the order of the sorted names. NumPy arrays become float32, NDArrays
        keep their type. HDF5 data sets and ``numpy.memmap`` are read a batch at a time, as float32.
    batch_size : int
    shuffle : bool
        Permute the rows, with NumPy's global generator, at construction and at every reset.
    last_batch_handle : {"pad", "discard", "roll_over"}
        What becomes of rows that do not fill a batch: fill it up from the start (reported as `pad`), drop
        them, or put them before the next epoch's rows (which then reports how many they are as `pad`); where
        all rows do not fill a batch they wait for as many epochs as it takes.
    data_name, label_name : str
    layout : str
        Its letter N is the batch axis of all arrays.

    Raises
    ------
    TypeError, ValueError
        Something is no array, there is no data, or the arrays differ in their number of rows.

    Notes
    -----
    Batches are copies: a program may change them in place.

    Examples
    --------
    >>> import numpy as np
    >>> import cysym as mx
    >>> batches = mx.io.NDArrayIter(np.arange(10).reshape(5, 2), np.arange(5), batch_size=2)
    >>> [(batch.label[0].asnumpy().tolist(), batch.pad) for batch in batches]
    [([0.0, 1.0], 0), ([2.0, 3.0], 0), ([4.0, 0.0], 1)]
    """

    def __init__(
        self,
        data: Any,
        label: Any = None,
        batch_size: int = 1,
        shuffle: bool = False,
        last_batch_handle: str = "pad",
        data_name: str = "data",
        label_name: str = "softmax_label",
        layout: str = "NCHW",
    ) -> None:
        batch_size = whole(batch_size, "batch_size", 1)
        super().__init__(batch_size)
        if text(last_batch_handle, "last_batch_handle") not in ("pad", "discard", "roll_over"):
            raise ValueError(
                f"last_batch_handle must be 'pad', 'discard' or 'roll_over', got {last_batch_handle!r}"
            )
        text(data_name, "data_name")
        text(label_name, "label_name")
        self._axis = DataDesc.get_batch_axis(layout)
        if self._axis < 0:
            raise ValueError(f"the layout {layout!r} has no batch axis N")
        self.data: Named = _init_data(data, allow_empty=False, default_name=data_name)
        self.label: Named = _init_data(label, allow_empty=True, default_name=label_name)
        self.num_data = self._count_rows()
        if last_batch_handle == "pad" and batch_size > _MOST_ROWS * self.num_data:
            raise ValueError(f"batch_size is {batch_size}, the data has only {self.num_data} rows to fill it")
        self.idx = np.arange(self.num_data)
        self.shuffle = shuffle
        self.last_batch_handle = last_batch_handle
        self.layout = layout
        self.cursor = -batch_size
        # Where each row of this epoch lies in the arrays; None: in its place.
        self._order: np.ndarray[Any, Any] | None = None
        self._tail: tuple[list[Any], list[Any]] | None = None
        self.reset()

    def _count_rows(self) -> int:
        first = self.data[0][0]
        counts = {}
        for name, array in self.data + self.label:
            if len(array.shape) <= self._axis:
                raise ValueError(f"{name} has shape {array.shape}, its batch axis would be {self._axis}")
            counts[name] = array.shape[self._axis]
            if counts[name] != counts[first]:
                raise ValueError(
                    f"{name} has {counts[name]} rows but {first} has {counts[first]}; "
                    "all arrays need the same number"
                )
        if counts[first] == 0:
            raise ValueError(f"{first} has no rows")
        return int(counts[first])

    @property
    def data_list(self) -> list[Any]:
        """All arrays, those of the data before those of the labels."""
        return [array for _, array in self.data + self.label]

    @property
    def num_source(self) -> int:
        """How many arrays there are."""
        return len(self.data) + len(self.label)

    @property
    def provide_data(self) -> list[DataDesc]:
        """Names, shapes and types of a batch's data arrays."""
        return self._described(self.data)

    @property
    def provide_label(self) -> list[DataDesc]:
        """Names, shapes and types of a batch's label arrays."""
        return self._described(self.label)

    def _described(self, source: Named) -> list[DataDesc]:
        axis = self._axis
        return [
            DataDesc(
                name,
                (*array.shape[:axis], self.batch_size, *array.shape[axis + 1 :]),
                array.dtype if isinstance(array, nd.NDArray) else np.float32,
                self.layout,
            )
            for name, array in source
        ]

    def hard_reset(self) -> None:
        """Start anew, dropping rows kept by roll_over."""
        self._shuffle_data()
        self.cursor = -self.batch_size
        self._tail = None

    def reset(self) -> None:
        """Start the next epoch."""
        self._shuffle_data()
        if self._tail is not None and self.num_data - self.batch_size < self.cursor < self.num_data:
            # The kept rows count as lying before row 0.
            self.cursor -= self.num_data + self.batch_size
        else:
            self.cursor = -self.batch_size
            self._tail = None

    def iter_next(self) -> bool:
        """Move to the next batch; False at the end."""
        self.cursor += self.batch_size
        return self.cursor < self.num_data

    def next(self) -> DataBatch:
        """The next batch; StopIteration at the end."""
        if not self.iter_next():
            raise StopIteration
        missing = self.cursor + self.batch_size - self.num_data
        if missing > 0 and self.last_batch_handle != "pad":
            if self.last_batch_handle == "roll_over":
                self._tail = self.getdata(), self.getlabel()
            raise StopIteration
        return DataBatch(data=self.getdata(), label=self.getlabel(), pad=self.getpad(), index=None)

    def getdata(self) -> list[Any]:
        """Data arrays of the current batch, `batch_size` rows each."""
        return self._batch(self.data, self._tail[0] if self._tail else None)

    def getlabel(self) -> list[Any]:
        """Label arrays of the current batch, `batch_size` rows each."""
        return self._batch(self.label, self._tail[1] if self._tail else None)

    def getpad(self) -> int:
        """Rows of the current batch taken from elsewhere: fillers, or (roll_over) rows of the last epoch."""
        if self.cursor < 0:
            return -self.cursor
        if self.last_batch_handle == "pad":
            return max(0, self.cursor + self.batch_size - self.num_data)
        return 0

    def _batch(self, source: Named, tail: list[Any] | None) -> list[Any]:
        start, stop = self.cursor, self.cursor + self.batch_size
        if start >= self.num_data:
            raise RuntimeError("the epoch is over; reset the iterator")
        if start < 0:
            if tail is None:
                raise RuntimeError("call next or iter_next before asking for a batch")
            # Fewer rows than a batch lacks: they join the kept ones, for yet another epoch.
            return [
                _concat([kept, self._rows(array, 0, min(stop, self.num_data))], self._axis)
                for kept, (_, array) in zip(tail, source, strict=True)
            ]
        if stop <= self.num_data or self.last_batch_handle != "pad":
            return [self._rows(array, start, min(stop, self.num_data)) for _, array in source]
        return [
            _concat(
                [self._rows(array, start, self.num_data), *self._wrapped(array, stop - self.num_data)],
                self._axis,
            )
            for _, array in source
        ]

    def _wrapped(self, array: Any, count: int) -> list[Any]:
        """`count` rows from the first on, starting over as often as needed (a batch may exceed the data)."""
        whole, rest = divmod(count, self.num_data)
        parts = [self._rows(array, 0, self.num_data)] * whole if whole else []
        return [*parts, self._rows(array, 0, rest)] if rest else parts

    def _rows(self, array: Any, start: int, stop: int) -> Any:
        if self._order is None:
            return _slice_along_batch_axis(array, slice(start, stop), self._axis)
        return _take_along_batch_axis(array, self._order[start:stop], self._axis)

    def _shuffle_data(self) -> None:
        if not self.shuffle:
            return
        # Permuting the already permuted rows by a permutation that itself is shuffled on: MXNet's order, bit
        # for bit.
        np.random.shuffle(self.idx)
        self._order = self.idx.copy() if self._order is None else self._order[self.idx]
