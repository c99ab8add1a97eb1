"""Sentences for language models: words to numbers, and batches of sentences of similar length.

`BucketSentenceIter` makes the batches `mx.mod.BucketingModule` takes. Order is drawn from Python's and
NumPy's global generators, as in MXNet: `random.seed` and `numpy.random.seed` repeat an epoch.
"""

from __future__ import annotations

import random
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from .. import ndarray as nd
from ..io import DataBatch, DataDesc, DataIter

__all__ = ["BucketSentenceIter", "encode_sentences"]


def encode_sentences(
    sentences: Iterable[Iterable[Any]],
    vocab: dict[Any, int] | None = None,
    invalid_label: int = -1,
    invalid_key: Any = "\n",
    start_label: int = 0,
    unknown_token: Any = None,
) -> tuple[list[list[int]], dict[Any, int]]:
    r"""Words to numbers, by a vocabulary that is given or made here.

    Parameters
    ----------
    sentences : list of list of str
    vocab : dict of str to int, optional
        Default: a new one, with a number for each new word in the order they come.
    invalid_label, invalid_key
        The entry a new vocabulary begins with, for the end of a sentence and for padding.
    start_label : int
        The first number given to a word; `invalid_label` is left out.
    unknown_token : str, optional
        Stands for all words that are not in the vocabulary; gets a number no other has if it has none.

    Returns
    -------
    encoded : list of list of int
    vocab : dict of str to int
        The one given, if one was.

    Raises
    ------
    ValueError
        A word is not in the vocabulary that is given, and there is no `unknown_token`.

    Notes
    -----
    MXNet 1.9.1 numbers every occurrence of an unknown word anew, from `start_label` on.

    >>> encode_sentences([["the", "cat"], ["the", "dog"]])
    ([[0, 1], [0, 2]], {'\n': -1, 'the': 0, 'cat': 1, 'dog': 2})
    """
    is_new = vocab is None
    table: dict[Any, int] = {invalid_key: invalid_label} if vocab is None else vocab
    taken = {invalid_label, *table.values()}
    following = start_label
    encoded = []
    for sentence in sentences:
        codes = []
        for word in sentence:
            if word not in table:
                if not is_new and not unknown_token:
                    raise ValueError(f"encode_sentences: {word!r} is not in the vocabulary")
                word = unknown_token or word
                if word not in table:
                    while following in taken:
                        following += 1
                    taken.add(following)
                    table[word] = following
            codes.append(table[word])
        encoded.append(codes)
    return encoded, table


class BucketSentenceIter(DataIter):
    """Batches of encoded sentences, each batch of sentences that fit one bucket.

    A sentence goes into the shortest bucket that holds it and is filled up with `invalid_label`; the label of
    a word is the word after it. Sentences longer than all buckets are left out, with a printed warning, and
    so are those that fill no whole batch.

    Parameters
    ----------
    sentences : list of list of int
    batch_size : int
    buckets : list of int, optional
        Lengths; default: every length that `batch_size` sentences have.
    invalid_label : int
    data_name, label_name : str
    dtype : str
    layout : {"NT", "TN"}
        NT: batches are (batch_size, length), TN: (length, batch_size).

    Raises
    ------
    ValueError
        No bucket holds a sentence, or the layout is another one.

    Source: MXNet's ``mx.rnn.BucketSentenceIter``.
    """

    def __init__(
        self,
        sentences: Sequence[Sequence[int]],
        batch_size: int,
        buckets: Sequence[int] | None = None,
        invalid_label: int = -1,
        data_name: str = "data",
        label_name: str = "softmax_label",
        dtype: Any = "float32",
        layout: str = "NT",
    ) -> None:
        super().__init__()
        if layout not in ("NT", "TN"):
            raise ValueError(f"BucketSentenceIter: layout must be NT or TN, got {layout!r}")
        if batch_size < 1:
            raise ValueError(f"BucketSentenceIter: batch_size must be positive, got {batch_size}")
        lengths = [len(s) for s in sentences]
        if not buckets:
            buckets = [i for i, n in enumerate(np.bincount(lengths or [0])) if n >= batch_size]
        sizes = sorted(int(b) for b in buckets)
        rows: dict[int, list[np.ndarray]] = {size: [] for size in sizes}
        discarded = 0
        for sentence, length in zip(sentences, lengths):
            at = bisect_left(sizes, length)
            if at == len(sizes):
                discarded += 1
                continue
            row = np.full(sizes[at], invalid_label, dtype)
            row[:length] = sentence
            rows[sizes[at]].append(row)
        print(f"WARNING: discarded {discarded} sentences longer than the largest bucket.")

        self.buckets = [size for size in rows if rows[size]]
        if not self.buckets:
            raise ValueError(
                f"BucketSentenceIter: none of {len(lengths)} sentences fits a bucket; buckets are {sizes}"
                + ("" if sizes else f", as no length has {batch_size} sentences")
            )
        self.data = [np.asarray(rows[size], dtype) for size in self.buckets]
        self.batch_size = batch_size
        self.data_name = data_name
        self.label_name = label_name
        self.dtype = dtype
        self.invalid_label = invalid_label
        self.layout = layout
        self.major_axis = layout.find("N")
        self.default_bucket_key = max(self.buckets)
        whole = (batch_size, self.default_bucket_key)
        self.provide_data = self._describe(data_name, whole if layout == "NT" else whole[::-1])
        self.provide_label = self._describe(label_name, whole if layout == "NT" else whole[::-1])
        self.idx = [
            (i, first)
            for i, bucket in enumerate(self.data)
            for first in range(0, len(bucket) - batch_size + 1, batch_size)
        ]
        self.nddata: list[nd.NDArray] = []
        self.ndlabel: list[nd.NDArray] = []
        self.curr_idx = 0
        self.reset()

    def _describe(self, name: str, shape: tuple[int, ...]) -> list[DataDesc]:
        return [DataDesc(name=name, shape=shape, layout=self.layout)]

    def reset(self) -> None:
        """Begin an epoch: shuffle the order of batches, and the sentences within each bucket."""
        self.curr_idx = 0
        random.shuffle(self.idx)
        self.nddata, self.ndlabel = [], []
        for bucket in self.data:
            np.random.shuffle(bucket)
            label = np.full_like(bucket, self.invalid_label)
            label[:, :-1] = bucket[:, 1:]
            self.nddata.append(nd.array(bucket, dtype=self.dtype))
            self.ndlabel.append(nd.array(label, dtype=self.dtype))

    def next(self) -> DataBatch:
        """The next batch, with the bucket's length as `bucket_key`; StopIteration at the end."""
        if self.curr_idx == len(self.idx):
            raise StopIteration
        i, first = self.idx[self.curr_idx]
        self.curr_idx += 1
        data, label = (part[i][first : first + self.batch_size] for part in (self.nddata, self.ndlabel))
        if self.layout == "TN":
            data, label = data.T, label.T
        return DataBatch(
            [data],
            [label],
            pad=0,
            bucket_key=self.buckets[i],
            provide_data=self._describe(self.data_name, data.shape),
            provide_label=self._describe(self.label_name, label.shape),
        )
