"""Batches, their descriptions, and the iterator over arrays in memory.

An iterator hands out DataBatch objects of NDArrays and describes them beforehand by `provide_data` and
`provide_label`; Module binds to those descriptions. Shuffling draws from NumPy's global generator, as MXNet
does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from .. import ndarray as nd


class _NameShape(NamedTuple):
    name: str
    shape: tuple[int, ...]


class DataDesc(_NameShape):
    """Name, shape, element type and layout of one input; compares and unpacks as (name, shape).

    >>> DataDesc("data", (4, 2))
    DataDesc[data,(4, 2),<class 'numpy.float32'>,NCHW]
    """

    dtype: Any
    layout: str | None

    def __new__(
        cls, name: str, shape: Sequence[int], dtype: Any = np.float32, layout: str | None = "NCHW"
    ) -> DataDesc:
        # NamedTuple's own constructor takes no subclass attributes, so the tuple is made underneath it.
        self = tuple.__new__(cls, (name, tuple(shape)))
        self.dtype = dtype
        self.layout = layout
        return self

    def __getnewargs__(self) -> tuple[Any, ...]:
        return self.name, self.shape, self.dtype, self.layout

    def __repr__(self) -> str:
        return f"DataDesc[{self.name},{self.shape},{self.dtype},{self.layout}]"

    @staticmethod
    def get_batch_axis(layout: str | None) -> int:
        """The position of the batch axis N in a layout: 0 without a layout, -1 if it has no N."""
        return 0 if layout is None else layout.find("N")

    @staticmethod
    def get_list(
        shapes: Sequence[tuple[str, Sequence[int]]], types: Sequence[tuple[str, Any]] | None
    ) -> list[DataDesc]:
        """Descriptions from a list of (name, shape) and, if given, a list of (name, type)."""
        if types is None:
            return [DataDesc(name, shape) for name, shape in shapes]
        by_name = dict(types)
        missing = [name for name, _ in shapes if name not in by_name]
        if missing:
            raise ValueError(f"no type given for {missing[0]!r}, there are {sorted(by_name)}")
        return [DataDesc(name, shape, by_name[name]) for name, shape in shapes]


class DataBatch:
    """One batch.

    Parameters
    ----------
    data, label : list of NDArray
        In the order of the descriptions.
    pad : int, optional
        How many rows at the end only fill the batch up; `Module.predict` drops them.
    index : optional
        Which samples these are.
    bucket_key : optional
        Which bucket the batch belongs to.
    provide_data, provide_label : list of DataDesc, optional
        Descriptions, where they differ from the iterator's.
    """

    def __init__(
        self,
        data: Sequence[Any] | None,
        label: Sequence[Any] | None = None,
        pad: int | None = None,
        index: Any = None,
        bucket_key: Any = None,
        provide_data: Sequence[Any] | None = None,
        provide_label: Sequence[Any] | None = None,
    ) -> None:
        for what, arrays in (("data", data), ("label", label)):
            if arrays is not None and not isinstance(arrays, list | tuple):
                raise TypeError(
                    f"{what} of a DataBatch must be a list of NDArrays, got {type(arrays).__name__}"
                )
        self.data = data
        self.label = label
        self.pad = pad
        self.index = index
        self.bucket_key = bucket_key
        self.provide_data = provide_data
        self.provide_label = provide_label

    def __str__(self) -> str:
        data = [array.shape for array in self.data or ()]
        label = [array.shape for array in self.label] if self.label else None
        return f"{type(self).__name__}: data shapes: {data} label shapes: {label}"


class DataIter:
    """Base class of iterators: define `iter_next`, `getdata` and friends, or `next`.

    A subclass has the properties (or attributes) `provide_data` and `provide_label`, lists of DataDesc.
    """

    def __init__(self, batch_size: int = 0) -> None:
        self.batch_size = batch_size

    def __iter__(self) -> Iterator[DataBatch]:
        return self

    def reset(self) -> None:
        """Go back to the first batch."""

    def next(self) -> DataBatch:
        """The next batch; StopIteration at the end."""
        if not self.iter_next():
            raise StopIteration
        return DataBatch(data=self.getdata(), label=self.getlabel(), pad=self.getpad(), index=self.getindex())

    def __next__(self) -> DataBatch:
        return self.next()

    def iter_next(self) -> bool:
        """Move to the next batch; False at the end."""
        raise NotImplementedError(f"{type(self).__name__} must define iter_next or next")

    def getdata(self) -> Any:
        """Data arrays of the current batch."""
        raise NotImplementedError(f"{type(self).__name__} must define getdata or next")

    def getlabel(self) -> Any:
        """Label arrays of the current batch."""
        raise NotImplementedError(f"{type(self).__name__} must define getlabel or next")

    def getindex(self) -> Any:
        """Which samples the current batch holds; None if not known."""
        return None

    def getpad(self) -> int | None:
        """How many rows of the current batch only fill it up."""
        raise NotImplementedError(f"{type(self).__name__} must define getpad or next")


class NDArrayIter(DataIter):
    """Iterate over arrays, row by row along their first axis.

    Parameters
    ----------
    data, label : NDArray, numpy.ndarray, list of them, or dict of str to them
        Names are `data_name` / `label_name` for one array, ``_0_data``, ``_1_data`` ... for a list, the keys
        of a dict; batches list arrays in the order of the sorted names. NumPy arrays become float32, NDArrays
        keep their type.
    batch_size : int
    shuffle : bool
        Permute the rows, with NumPy's global generator, at construction and at every reset.
    last_batch_handle : {"pad", "discard", "roll_over"}
        What becomes of rows that do not fill a batch: fill it up from the start (reported as `pad`), drop
        them, or put them before the next epoch's rows.
    data_name, label_name : str
    layout : str
        Layout of the data descriptions.

    Raises
    ------
    TypeError, ValueError
        Something is no array, there is no data, or the arrays differ in their number of rows.

    Notes
    -----
    Batches of consecutive rows are views of the arrays, not copies.
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
        super().__init__(batch_size)
        if batch_size < 1:
            raise ValueError(f"batch_size must be at least 1, got {batch_size}")
        if last_batch_handle not in ("pad", "discard", "roll_over"):
            raise ValueError(
                f"last_batch_handle must be 'pad', 'discard' or 'roll_over', got {last_batch_handle!r}"
            )
        self.data = _named_arrays(data, "data", data_name)
        self.label = _named_arrays(label, "label", label_name)
        if not self.data:
            raise ValueError("data must hold at least one array")
        self.num_data: int = self.data[0][1].shape[0]
        for name, array in self.data + self.label:
            if array.shape[0] != self.num_data:
                raise ValueError(
                    f"{name} has {array.shape[0]} rows but {self.data[0][0]} has {self.num_data}; "
                    "all arrays need the same number"
                )
        if self.num_data == 0:
            raise ValueError(f"{self.data[0][0]} has no rows")
        self.idx = np.arange(self.num_data)
        self.shuffle = shuffle
        self.last_batch_handle = last_batch_handle
        self.layout = layout
        self.cursor = -batch_size
        self._tail: tuple[list[Any], list[Any]] | None = None
        self.reset()

    @property
    def provide_data(self) -> list[DataDesc]:
        """Names, shapes and types of a batch's data arrays."""
        return [
            DataDesc(name, (self.batch_size, *array.shape[1:]), array.dtype, self.layout)
            for name, array in self.data
        ]

    @property
    def provide_label(self) -> list[DataDesc]:
        """Names, shapes and types of a batch's label arrays."""
        return [
            DataDesc(name, (self.batch_size, *array.shape[1:]), array.dtype) for name, array in self.label
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
        """Data arrays of the current batch, (batch_size, ...) each."""
        return self._rows(self.data, self._tail[0] if self._tail else None)

    def getlabel(self) -> list[Any]:
        """Label arrays of the current batch, (batch_size, ...) each."""
        return self._rows(self.label, self._tail[1] if self._tail else None)

    def getpad(self) -> int:
        """Rows of the current batch taken from elsewhere: fillers, or (roll_over) rows of the last epoch."""
        if self.cursor < 0:
            return -self.cursor
        if self.last_batch_handle == "pad":
            return max(0, self.cursor + self.batch_size - self.num_data)
        return 0

    def _rows(self, source: list[tuple[str, Any]], tail: list[Any] | None) -> list[Any]:
        start, stop = self.cursor, self.cursor + self.batch_size
        if start >= self.num_data:
            raise RuntimeError("the epoch is over; reset the iterator")
        if start < 0:
            if tail is None:
                raise RuntimeError("call next or iter_next before asking for a batch")
            return [
                nd.concatenate([kept, *self._wrapped(array, stop)], axis=0)
                for kept, (_, array) in zip(tail, source, strict=True)
            ]
        if stop <= self.num_data or self.last_batch_handle != "pad":
            return [array[start : min(stop, self.num_data)] for _, array in source]
        return [
            nd.concatenate(
                [array[start : self.num_data], *self._wrapped(array, stop - self.num_data)], axis=0
            )
            for _, array in source
        ]

    def _wrapped(self, array: Any, count: int) -> list[Any]:
        """`count` rows from the first on, starting over as often as needed (a batch may exceed the data)."""
        whole, rest = divmod(count, self.num_data)
        return [array] * whole + ([array[:rest]] if rest else [])

    def _shuffle_data(self) -> None:
        if not self.shuffle:
            return
        # Permuting the already permuted arrays by a permutation that itself is shuffled on: MXNet's order,
        # bit for bit.
        np.random.shuffle(self.idx)
        self.data = [(name, _permuted(array, self.idx)) for name, array in self.data]
        self.label = [(name, _permuted(array, self.idx)) for name, array in self.label]


def _permuted(array: Any, order: np.ndarray[Any, Any]) -> Any:
    return nd.array(array.asnumpy()[order], ctx=array.context, dtype=array.dtype)


def _named_arrays(source: Any, what: str, default_name: str) -> list[tuple[str, Any]]:
    if source is None:
        return []
    if isinstance(source, np.ndarray | nd.NDArray):
        source = [source]
    if isinstance(source, list | tuple):
        if len(source) == 1:
            source = {default_name: source[0]}
        else:
            source = {f"_{position}_{default_name}": array for position, array in enumerate(source)}
    if not isinstance(source, Mapping):
        raise TypeError(
            f"{what} must be an NDArray or a numpy.ndarray, or a list or dict of them, "
            f"got {type(source).__name__}"
        )
    arrays = {}
    for name, value in source.items():
        if not isinstance(value, nd.NDArray):
            host = np.asarray(value)
            if host.dtype.kind not in "biuf":
                raise TypeError(
                    f"{what} array {name!r} must hold numbers, got {type(value).__name__} of {host.dtype}"
                )
            value = nd.array(host)
        if len(value.shape) == 0:
            raise ValueError(f"{what} array {name!r} is a single number; rows along a first axis are needed")
        arrays[name] = value
    return sorted(arrays.items())
