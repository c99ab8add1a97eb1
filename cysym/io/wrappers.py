"""Iterators over iterators: another number of batches an epoch, and batches made ahead in threads.

They take any iterator: a DataIter or an object with `next`, `reset`, `provide_data` and `provide_label`. What
a wrapped iterator raises reaches the caller of `next`.
"""

from __future__ import annotations

import contextlib
import os
import queue
import threading
import weakref
from collections.abc import Mapping, Sequence
from typing import Any

from ..arguments import shown, whole
from ..base import MXNetError
from .data import DataBatch, DataDesc, DataIter, next_batch


class ResizeIter(DataIter):
    """Give `size` batches an epoch, starting the wrapped iterator over as often as needed.

    Parameters
    ----------
    data_iter : DataIter
    size : int
        Batches an epoch.
    reset_internal : bool
        Whether `reset` also resets the wrapped iterator; otherwise it goes on where it is.
    """

    def __init__(self, data_iter: Any, size: int, reset_internal: bool = True) -> None:
        _check_iterator(data_iter, "data_iter")
        super().__init__(data_iter.batch_size)
        self.data_iter = data_iter
        self.size = whole(size, "size", 0)
        self.reset_internal = reset_internal
        self.cur = 0
        self.current_batch: Any = None
        self.provide_data = data_iter.provide_data
        self.provide_label = data_iter.provide_label
        if hasattr(data_iter, "default_bucket_key"):
            self.default_bucket_key = data_iter.default_bucket_key

    def reset(self) -> None:
        """Start the next epoch."""
        self.cur = 0
        if self.reset_internal:
            self.data_iter.reset()

    def iter_next(self) -> bool:
        """Move to the next batch; False once `size` batches are given."""
        if self.cur == self.size:
            return False
        # An NDArrayIter that rolls over may need several passes to fill a batch, a row each at least.
        for _ in range(1 + max(1, self.batch_size or 0)):
            try:
                self.current_batch = next_batch(self.data_iter)
                break
            except StopIteration:
                self.data_iter.reset()
        else:
            raise MXNetError(
                f"ResizeIter: {type(self.data_iter).__name__} has no batch after reset, "
                f"{self.size} are needed"
            )
        self.cur += 1
        return True

    def next(self) -> Any:
        """The next batch, as the wrapped iterator made it; StopIteration at the end."""
        if not self.iter_next():
            raise StopIteration
        return self.current_batch

    def getdata(self) -> Any:
        """Data arrays of the current batch."""
        return self.current_batch.data

    def getlabel(self) -> Any:
        """Label arrays of the current batch."""
        return self.current_batch.label

    def getindex(self) -> Any:
        """Which samples the current batch holds."""
        return self.current_batch.index

    def getpad(self) -> int | None:
        """How many rows of the current batch only fill it up."""
        pad: int | None = self.current_batch.pad
        return pad


class PrefetchingIter(DataIter):
    """Make batches ahead, a thread for each wrapped iterator; several iterators give one joint batch.

    Parameters
    ----------
    iters : DataIter or list of them
        They need batches of one size, equally many.
    rename_data, rename_label : list of dict, optional
        New names of the data and labels, one dict an iterator.

    Raises
    ------
    MXNetError
        From `next`: the iterators end at different batches, or fill batches up differently.

    Notes
    -----
    An error in a wrapped iterator is raised by `next`, and the next call goes on behind it. Threads end with
    the iterator, and are started anew in a forked process.
    """

    def __init__(self, iters: Any, rename_data: Any = None, rename_label: Any = None) -> None:
        super().__init__()
        self.iters: list[Any] = list(iters) if isinstance(iters, list | tuple) else [iters]
        self.n_iter = len(self.iters)
        if not self.iters:
            raise ValueError("PrefetchingIter needs at least one iterator")
        for source in self.iters:
            _check_iterator(source, "iters", ("provide_data", "provide_label"))
        self.rename_data = self._names(rename_data, "rename_data")
        self.rename_label = self._names(rename_label, "rename_label")
        described = self.provide_data
        if not described or not described[0].shape:
            raise ValueError(f"iters: {shown(self.iters[0])} describes no batch: provide_data is {described}")
        self.provide_label  # noqa: B018  - wrong names are reported here
        self.batch_size = described[0].shape[0]
        self.current_batch: DataBatch | None = None
        self._ahead = [_Ahead(source) for source in self.iters]
        # The threads know the wrapped iterators only, so that dropping this one ends them.
        weakref.finalize(self, _stop_all, self._ahead)
        for ahead in self._ahead:
            ahead.request()

    def _names(self, given: Any, what: str) -> list[Mapping[str, str]] | None:
        if given is None:
            return None
        names = list(given) if isinstance(given, list | tuple) else [given]
        if not all(isinstance(name, Mapping) for name in names):
            raise TypeError(f"{what} must be a dict or a list of dicts, got {shown(given)}")
        if len(names) != self.n_iter:
            raise ValueError(f"{what} needs one dict per iterator, {self.n_iter}, got {len(names)}")
        return names

    @property
    def provide_data(self) -> list[DataDesc]:
        """Descriptions of the data of all iterators."""
        return self._described([source.provide_data for source in self.iters], self.rename_data)

    @property
    def provide_label(self) -> list[DataDesc]:
        """Descriptions of the labels of all iterators."""
        return self._described([source.provide_label for source in self.iters], self.rename_label)

    def _described(
        self, lists: Sequence[Sequence[Any]], rename: list[Mapping[str, str]] | None
    ) -> list[DataDesc]:
        found = []
        for i, descs in enumerate(lists):
            for given in descs or ():
                desc = given if isinstance(given, DataDesc) else DataDesc(*given)
                if rename is not None:
                    if desc.name not in rename[i]:
                        raise ValueError(
                            f"iterator {i} has {desc.name!r}, which is not renamed; given are "
                            f"{list(rename[i])}"
                        )
                    desc = DataDesc(rename[i][desc.name], desc.shape, desc.dtype, desc.layout)
                found.append(desc)
        return found

    def reset(self) -> None:
        """Start the next epoch; a batch in the making is finished and dropped."""
        for ahead in self._ahead:
            ahead.drop()
        for source in self.iters:
            source.reset()
        for ahead in self._ahead:
            ahead.request()

    def iter_next(self) -> bool:
        """Move to the next batch; False at the end."""
        batches = [ahead.wait() for ahead in self._ahead]
        ended = [i for i, batch in enumerate(batches) if batch is None]
        if len(ended) == len(batches):
            return False
        if ended:
            raise MXNetError(
                f"PrefetchingIter: iterator {ended[0]} is at its end, others are not; they need equally many "
                "batches"
            )
        pads = [batch.pad for batch in batches]
        if any(pad != pads[0] for pad in pads):
            raise MXNetError(f"PrefetchingIter: the iterators fill up batches by different counts: {pads}")
        self.current_batch = DataBatch(
            [array for batch in batches for array in batch.data],
            [array for batch in batches for array in batch.label or ()],
            pads[0],
            batches[0].index,
            bucket_key=getattr(batches[0], "bucket_key", None),
            provide_data=self.provide_data,
            provide_label=self.provide_label,
        )
        for ahead in self._ahead:
            ahead.taken()
            ahead.request()
        return True

    def next(self) -> DataBatch:
        """The next batch; StopIteration at the end."""
        if not self.iter_next():
            raise StopIteration
        return self._current()

    def _current(self) -> DataBatch:
        if self.current_batch is None:
            raise RuntimeError("call next or iter_next before asking for a batch")
        return self.current_batch

    def getdata(self) -> Any:
        """Data arrays of the current batch."""
        return self._current().data

    def getlabel(self) -> Any:
        """Label arrays of the current batch."""
        return self._current().label

    def getindex(self) -> Any:
        """Which samples the current batch of the first iterator holds."""
        return self._current().index

    def getpad(self) -> int | None:
        """How many rows of the current batch only fill it up."""
        return self._current().pad


def _check_iterator(
    source: Any, what: str, needs: Sequence[str] = ("batch_size", "provide_data", "provide_label")
) -> None:
    if isinstance(source, type) or not all(hasattr(source, name) for name in needs):
        raise TypeError(f"{what} must be an iterator with {', '.join(needs)}, got {shown(source)}")


_END = object()


class _Ahead:
    """One iterator and the thread that asks it for a batch: `request`, then `wait`, then `taken`."""

    def __init__(self, source: Any) -> None:
        self._source = source
        self._result: Any = None  # a batch, _END or an exception
        self._asked = False
        self._start()

    def _start(self) -> None:
        self._process = os.getpid()
        self._requests: queue.SimpleQueue[bool] = queue.SimpleQueue()
        self._results: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._thread = threading.Thread(
            target=_serve, args=(self._source, self._requests, self._results), daemon=True
        )
        self._thread.start()

    def _restart_if_forked(self) -> None:
        if self._process == os.getpid():
            return
        # A forked process has no threads. What ours had ready is in the old queue.
        if self._asked:
            with contextlib.suppress(queue.Empty):
                self._result = self._results.get_nowait()
        self._asked = False
        self._start()

    def request(self) -> None:
        """Let the thread make the next batch, unless one is there or the end is reached."""
        self._restart_if_forked()
        if self._result is None and not self._asked:
            self._asked = True
            self._requests.put(True)

    def wait(self) -> Any:
        """The batch, None at the end, or the iterator's error raised; the batch stays until `taken`."""
        self.request()
        if self._result is None:
            self._result = self._results.get()
            self._asked = False
        if isinstance(self._result, BaseException):
            error, self._result = self._result, None
            raise error
        return None if self._result is _END else self._result

    def taken(self) -> None:
        """Make room for the next batch."""
        self._result = None

    def drop(self) -> None:
        """Forget what was made, waiting for what is being made."""
        self._restart_if_forked()
        if self._asked:
            self._results.get()
            self._asked = False
        self._result = None

    def stop(self) -> None:
        """End the thread."""
        if self._process == os.getpid():
            self._requests.put(False)
            # From within the thread itself (the last reference died there) there is nothing to wait for.
            if self._thread is not threading.current_thread():
                self._thread.join(5)


def _serve(source: Any, requests: queue.SimpleQueue[bool], results: queue.SimpleQueue[Any]) -> None:
    while requests.get():
        result: Any
        try:
            result = next_batch(source)
        except StopIteration:
            result = _END
        except BaseException as error:  # raised again where the batch is asked for
            result = error
        results.put(result)
        del result


def _stop_all(all_ahead: Sequence[_Ahead]) -> None:
    for ahead in all_ahead:
        ahead.stop()
