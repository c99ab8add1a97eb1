"""What iterators hand out and promise: batches, their descriptions, and the base class.

A DataIter gives DataBatch objects of NDArrays and describes them beforehand by `provide_data` and
`provide_label`, lists of DataDesc; Module binds to those. Nothing here reads or holds data.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..arguments import shown, text


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
        try:
            if isinstance(shape, str | bytes | Mapping):
                raise TypeError
            sizes = tuple(shape)
        except (TypeError, ValueError):
            raise TypeError(
                f"DataDesc {shown(name)}: shape must be a tuple of numbers, got {shown(shape)}"
            ) from None
        self = tuple.__new__(cls, (name, sizes))
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
        return 0 if layout is None else text(layout, "layout").find("N")

    @staticmethod
    def get_list(
        shapes: Sequence[tuple[str, Sequence[int]]], types: Sequence[tuple[str, Any]] | None
    ) -> list[DataDesc]:
        """Descriptions from a list of (name, shape) and, if given, a list of (name, type)."""
        shapes = _pairs(shapes, "shapes")
        if types is None:
            return [DataDesc(name, shape) for name, shape in shapes]
        by_name = dict(_pairs(types, "types"))
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
        data = [getattr(array, "shape", array) for array in self.data or ()]
        label = [getattr(array, "shape", array) for array in self.label] if self.label else None
        return f"{type(self).__name__}: data shapes: {data} label shapes: {label}"


class DataIter:
    """Base class of iterators: define `iter_next` and `getdata` (and what else there is), or `next`.

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
        """Label arrays of the current batch; None where a subclass does not say."""
        return None

    def getindex(self) -> Any:
        """Which samples the current batch holds; None if not known."""
        return None

    def getpad(self) -> int | None:
        """How many rows of the current batch only fill it up; None where a subclass does not say."""
        return None


def _pairs(given: Any, what: str) -> list[tuple[Any, Any]]:
    found = []
    for pair in given if isinstance(given, list | tuple) else [given]:
        if not isinstance(pair, list | tuple) or len(pair) != 2 or not isinstance(pair[0], str):
            raise TypeError(f"{what} must be a list of pairs that begin with a name, got {shown(given)}")
        found.append((pair[0], pair[1]))
    return found


def next_batch(source: Any) -> Any:
    """The next batch of anything that iterates: MXNet's `next` method, or Python's protocol."""
    return source.next() if hasattr(source, "next") else next(source)
