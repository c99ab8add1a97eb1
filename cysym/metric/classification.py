"""Metrics that compare class numbers: Accuracy, TopKAccuracy, PCC.

Predictions are probabilities or scores per class, reduced here to class numbers; the numbers of both sides
are compared as int32. On an OpenCL device argmax of large arrays runs there.
"""

from __future__ import annotations

import math
from typing import Any

import numpy

from .. import ndarray as nd
from ..arguments import whole
from ..context import cpu
from .base import (
    Arrays,
    EvalMetric,
    Host,
    Names,
    PairMetric,
    alias,
    argmax,
    check_label_shapes,
    host,
    register,
)


def _numbers(array: Any) -> Host:
    return host(array).astype(numpy.int32).ravel()


def _match(truth: Host, guess: Host, name: str) -> None:
    if truth.size != guess.size:
        raise ValueError(
            f"{name}: Shape of labels {truth.shape} does not match shape of predictions {guess.shape}"
        )


@register
@alias("acc")
class Accuracy(PairMetric):
    """Share of predictions equal to their label.

    Parameters
    ----------
    axis : int
        The class axis. Predictions of the label's own shape are taken as class numbers, others are reduced by
        argmax along this axis.
    name, output_names, label_names
        See `EvalMetric`.

    >>> metric = Accuracy()
    >>> metric.update([nd.array([0, 1])], [nd.array([[0.9, 0.1], [0.6, 0.4]])])
    >>> metric.get()
    ('accuracy', 0.5)
    """

    def __init__(
        self,
        axis: int = 1,
        name: str = "accuracy",
        output_names: Names = None,
        label_names: Names = None,
    ) -> None:
        if axis is not None:
            whole(axis, "axis")
        super().__init__(name, output_names, label_names, axis=axis, has_global_stats=True)
        self.axis = axis

    def _measure(self, label: Any, pred: Any) -> tuple[float, int]:
        truth = _numbers(label)
        if pred.shape == label.shape:
            guess = _numbers(pred)
        else:
            rank = len(pred.shape)
            if self.axis is not None and not -rank <= self.axis < rank:
                raise ValueError(f"{self.name}: preds of shape {pred.shape} have no axis {self.axis}")
            guess = argmax(pred, self.axis).ravel()
        _match(truth, guess, self.name if self.axis == 1 else f"{self.name} (axis={self.axis})")
        return int(numpy.count_nonzero(truth == guess)), truth.size


@register
@alias("top_k_accuracy", "top_k_acc")
class TopKAccuracy(PairMetric):
    """Share of labels among the `top_k` most probable classes.

    Predictions are (n, classes), or class numbers (n,). Of equal scores the lower class numbers are taken
    first (MXNet's choice there is its NumPy's); NaN counts as the best.

    Parameters
    ----------
    top_k : int
        At least 2; where there are fewer classes all of them count.
    name : str
        Reports append ``_<top_k>`` to it.
    output_names, label_names
        See `EvalMetric`.
    """

    def __init__(
        self,
        top_k: int = 1,
        name: str = "top_k_accuracy",
        output_names: Names = None,
        label_names: Names = None,
    ) -> None:
        if whole(top_k, "top_k") <= 1:
            raise ValueError(f"top_k must be at least 2, got {top_k}; use Accuracy for 1")
        super().__init__(f"{name}_{top_k}", output_names, label_names, top_k=top_k, has_global_stats=True)
        self.top_k = top_k

    def get_config(self) -> dict[str, Any]:
        # The constructor appends the _k to the name, so the configuration must not hold it.
        return {**super().get_config(), "name": self.name.removesuffix(f"_{self.top_k}")}

    def _measure(self, label: Any, pred: Any) -> tuple[float, int]:
        truth, rank = _numbers(label), len(pred.shape)
        if not 1 <= rank <= 2:
            raise ValueError(f"{self.name}: predictions must have 1 or 2 axes, got shape {pred.shape}")
        if rank == 1:
            hits = _numbers(pred)[:, None]
        elif self.top_k >= pred.shape[1]:
            hits = numpy.broadcast_to(numpy.arange(pred.shape[1], dtype=numpy.int32), pred.shape)
        else:
            # on the host: there the few best of a row are found without sorting it
            scores: Any = pred.as_in_context(cpu()) if isinstance(pred, nd.NDArray) else nd.array(pred)
            broken = numpy.isnan(host(scores))
            if broken.any():  # NaN is the best for argmax and in MXNet, the worst for topk
                scores = nd.array(numpy.where(broken, numpy.inf, host(scores)), dtype=scores.dtype)
            hits = host(scores.topk(k=self.top_k, axis=1, dtype="int32"))
        _match(truth, hits[:, 0], self.name)
        return int(numpy.count_nonzero(hits == truth[:, None])), truth.size


@register
class PCC(EvalMetric):
    """Matthews correlation of any number of classes, from the confusion matrix of all samples.

    ``PCC = (n tr(C) - sum_k p_k t_k) / sqrt((n^2 - sum p_k^2) (n^2 - sum t_k^2))`` with the matrix C, its
    total n, and how often each class was predicted (p) and true (t). 1 at best; nan where all samples or all
    predictions are of one class. Source: the R_K statistic, Gorodkin, "Comparing two K-category assignments".

    Parameters
    ----------
    name, output_names, label_names
        See `EvalMetric`.
    has_global_stats : bool
        Whether `get_global` looks back to the last `reset`, or is the same as `get`.

    Attributes
    ----------
    k : int
        Number of classes seen so far, at least 2.
    lcm, gcm : numpy.ndarray
        Local and global confusion matrix, (k, k): rows predicted, columns true.
    """

    lcm: Host
    gcm: Host

    def __init__(
        self,
        name: str = "pcc",
        output_names: Names = None,
        label_names: Names = None,
        has_global_stats: bool = True,
    ) -> None:
        self.k = 2
        super().__init__(name, output_names, label_names, has_global_stats=has_global_stats)

    def update(self, labels: Arrays, preds: Arrays) -> None:
        """Take one batch in: class numbers, and as many class numbers or scores (n, classes, ...).

        Raises
        ------
        ValueError
            A class number is below 0, or there are not as many predictions as labels.
        """
        labels, preds = check_label_shapes(labels, preds, True)
        pairs = []
        for label, pred in zip(labels, preds, strict=True):
            truth = _numbers(label)
            is_number = pred.shape == label.shape
            if not is_number and len(pred.shape) < 2:
                raise ValueError(
                    f"{self.name}: preds must be class numbers or scores, got shape {pred.shape}"
                )
            guess = _numbers(pred) if is_number else argmax(pred, 1).ravel().astype(numpy.int32)
            _match(truth, guess, self.name)
            lowest = min(truth.min(initial=0), guess.min(initial=0))
            if lowest < 0:
                raise ValueError(f"{self.name}: class numbers must not be negative, got {lowest}")
            pairs.append((guess, truth))
        for guess, truth in pairs:
            self._grow(1 + int(max(truth.max(initial=0), guess.max(initial=0))))
            counts = numpy.bincount(guess.astype(numpy.int64) * self.k + truth, minlength=self.k**2)
            self.lcm += counts.reshape(self.k, self.k)
            self.gcm += counts.reshape(self.k, self.k)
        self.num_inst += 1
        self.global_num_inst += 1

    def _grow(self, k: int) -> None:
        if k > self.k:
            margin = (0, k - self.k)
            self.lcm = numpy.pad(self.lcm, (margin, margin))
            self.gcm = numpy.pad(self.gcm, (margin, margin))
            self.k = k

    @property
    def sum_metric(self) -> float:
        """The local value times the number of updates."""
        return _correlation(self.lcm) * float(self.num_inst)

    @property
    def global_sum_metric(self) -> float:
        """The global value times the number of updates."""
        return _correlation(self.gcm) * float(self.global_num_inst)

    def reset(self) -> None:
        self.global_num_inst = 0
        self.gcm = numpy.zeros((self.k, self.k))
        self.reset_local()

    def reset_local(self) -> None:
        self.num_inst = 0
        self.lcm = numpy.zeros((self.k, self.k))


def _correlation(matrix: Host) -> float:
    n, predicted, true = matrix.sum(), matrix.sum(axis=1), matrix.sum(axis=0)
    spread = float((predicted * (n - predicted)).sum()) * float((true * (n - true)).sum())
    if spread == 0:
        return math.nan
    return float((matrix.diagonal() * n - predicted * true).sum()) / math.sqrt(spread)
