"""The base of the iterators that read files: CSVIter, MNISTIter and those over image records.

A subclass loads one batch at a time as host arrays; this class turns them into NDArrays and speaks MXNet's
protocol for such iterators: `getdata` and `getlabel` give one array, batches hold lists of one. Reading and
checking files is the subclass's part.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from .. import ndarray as nd
from ..arguments import whole
from ..dtypes import NAMES, dtype_code
from .data import DataBatch, DataDesc, DataIter

# What MXNet's file iterators all take and what has no effect here: batches are loaded when they are asked
# for; PrefetchingIter loads ahead.
IGNORED = ("ctx", "prefetch_buffer")


class Loaded(NamedTuple):
    """One batch as a subclass read it; the arrays are NumPy's or NDArrays, `pad` counts filling rows."""

    data: Any
    label: Any
    pad: int
    samples: np.ndarray[Any, Any] | None


class MXDataIter(DataIter):
    """Base class of iterators that read files; define `_load` and `_rewind`.

    Parameters
    ----------
    data, label : DataDesc
        What every batch has.
    """

    def __init__(self, data: DataDesc, label: DataDesc) -> None:
        super().__init__(data.shape[0])
        self.provide_data = [data]
        self.provide_label = [label]
        self._loaded: Loaded | None = None
        self._skip_load = False

    def _load(self) -> Loaded | None:
        """The next batch; None at the end."""
        raise NotImplementedError(f"{type(self).__name__} must define _load")

    def _rewind(self) -> None:
        """Start the next epoch."""
        raise NotImplementedError(f"{type(self).__name__} must define _rewind")

    def reset(self) -> None:
        """Start the next epoch."""
        self._loaded = None
        self._rewind()

    def iter_next(self) -> bool:
        """Move to the next batch; False at the end."""
        if self._skip_load and self._loaded is not None:
            return True
        loaded = self._load()
        if loaded is None:
            self._loaded = None
            return False
        self._loaded = loaded._replace(data=_as_nd(loaded.data), label=_as_nd(loaded.label))
        return True

    def next(self) -> DataBatch:
        """The next batch; StopIteration at the end."""
        if not self.iter_next():
            raise StopIteration
        return DataBatch([self.getdata()], [self.getlabel()], self.getpad(), self.getindex())

    def _current(self) -> Loaded:
        if self._loaded is None:
            raise RuntimeError("there is no current batch; call next or iter_next, or reset after the end")
        return self._loaded

    def getdata(self) -> nd.NDArray:
        """Data of the current batch, one array."""
        array: nd.NDArray = self._current().data
        return array

    def getlabel(self) -> nd.NDArray:
        """Labels of the current batch, one array."""
        array: nd.NDArray = self._current().label
        return array

    def getindex(self) -> np.ndarray[Any, Any] | None:
        """Which samples the current batch holds, as uint64."""
        return self._current().samples

    def getpad(self) -> int:
        """How many rows of the current batch only fill it up."""
        return self._current().pad

    def debug_skip_load(self) -> None:
        """From now on give one batch again and again, to time everything but loading."""
        self._skip_load = True
        logging.info("%s: debug_skip_load is on, the same batch is given every time", type(self).__name__)


def integer(value: Any, what: str, least: int | None = None) -> int:
    """A whole number, or the text of one as old scripts pass it."""
    if isinstance(value, str) and value.strip().lstrip("-").isdigit() and len(value) < 20:
        value = int(value)
    return whole(value, what, least)


def element_type(dtype: Any) -> str:
    """Name of the element type asked for; float32 for None."""
    if dtype is None or (isinstance(dtype, str) and dtype == "None"):
        return "float32"
    return NAMES[dtype_code(dtype)]


def warn_ignored(name: str, surplus: Mapping[str, Any]) -> None:
    """Say which options have no effect, other than those that only set how fast batches are loaded."""
    unknown = sorted(set(surplus) - set(IGNORED))
    if unknown:
        warnings.warn(f"{name} has no options {', '.join(unknown)}; they are ignored", stacklevel=3)


def _as_nd(array: Any) -> nd.NDArray:
    return array if isinstance(array, nd.NDArray) else nd.array(array, dtype=array.dtype)
