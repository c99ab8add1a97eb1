"""Metrics of two classes, 1 against the rest: F1 and the Matthews correlation coefficient.

Both count true and false positives and negatives. "macro" averages the value over updates, "micro" computes
one value from all counts since the reset.
"""

from __future__ import annotations

import math
from typing import Any

import numpy

from ..arguments import choice
from .base import Arrays, EvalMetric, Names, argmax, check_label_shapes, host, register


class BinaryCounts:
    """Four counts and the ratios made of them; a ratio without cases is 0."""

    def __init__(self) -> None:
        self.true_positives = 0
        self.false_positives = 0
        self.false_negatives = 0
        self.true_negatives = 0

    def add(self, other: BinaryCounts) -> None:
        """Take another's counts in."""
        self.true_positives += other.true_positives
        self.false_positives += other.false_positives
        self.false_negatives += other.false_negatives
        self.true_negatives += other.true_negatives

    @property
    def total_examples(self) -> int:
        """Number of samples counted."""
        return self.true_positives + self.false_positives + self.false_negatives + self.true_negatives

    @property
    def precision(self) -> float:
        """Share of the predicted positives that are positive."""
        return self.true_positives / max(self.true_positives + self.false_positives, 1)

    @property
    def recall(self) -> float:
        """Share of the positives that were predicted."""
        return self.true_positives / max(self.true_positives + self.false_negatives, 1)

    @property
    def fscore(self) -> float:
        """Harmonic mean of precision and recall: ``2 TP / (2 TP + FP + FN)``."""
        wrong = self.false_positives + self.false_negatives
        return 2 * self.true_positives / max(2 * self.true_positives + wrong, 1)

    def matthewscc(self) -> float:
        """``(TP TN - FP FN) / sqrt((TP+FP)(TP+FN)(TN+FP)(TN+FN))``, sums of 0 left out of the product."""
        tp, fp = self.true_positives, self.false_positives
        fn, tn = self.false_negatives, self.true_negatives
        sums = [total for total in (tp + fp, tp + fn, tn + fp, tn + fn) if total]
        return (tp * tn - fp * fn) / math.sqrt(math.prod(sums))


class _Binary(EvalMetric):
    metrics: BinaryCounts
    _global_metrics: BinaryCounts

    def __init__(self, name: str, output_names: Names, label_names: Names, average: str) -> None:
        choice(average, f"{name}: average", ("macro", "micro"))
        self.average = average
        super().__init__(name, output_names, label_names, average=average, has_global_stats=True)

    def _score(self, counts: BinaryCounts) -> float:
        raise NotImplementedError

    def update(self, labels: Arrays, preds: Arrays) -> None:
        """Take one batch in: labels of at most two kinds, 1 being the positive one, and scores (n, 2, ...).

        Raises
        ------
        ValueError
            More than two kinds of labels, or lengths that differ.
        """
        labels, preds = check_label_shapes(labels, preds, True)
        found = BinaryCounts()
        for label, pred in zip(labels, preds, strict=True):
            found.add(self._count(label, pred))
        self.metrics.add(found)
        self._global_metrics.add(found)
        if self.average == "macro":
            self._add(self._score(found), 1)
            self.metrics, self._global_metrics = BinaryCounts(), BinaryCounts()
            return
        self.num_inst = self.metrics.total_examples
        self.sum_metric = self._score(self.metrics) * self.num_inst
        self.global_num_inst = self._global_metrics.total_examples
        self.global_sum_metric = self._score(self._global_metrics) * self.global_num_inst

    def _count(self, label: Any, pred: Any) -> BinaryCounts:
        truth, shape = host(label).astype(numpy.int32).ravel(), pred.shape
        if len(shape) < 2 or shape[0] * math.prod(shape[2:]) != truth.size:
            raise ValueError(
                f"{self.name}: Shape of labels {label.shape} does not match shape of predictions "
                f"{shape}, which must be scores of two classes along axis 1 for {truth.size} labels"
            )
        if numpy.unique(truth).size > 2:
            raise ValueError(
                f"{type(self).__name__} currently only supports binary classification, got labels "
                f"{numpy.unique(truth)[:5].tolist()}"
            )
        guess, truth = argmax(pred, 1).ravel() == 1, truth == 1
        counts = BinaryCounts()
        counts.true_positives = int(numpy.count_nonzero(guess & truth))
        counts.false_positives = int(numpy.count_nonzero(guess & ~truth))
        counts.false_negatives = int(numpy.count_nonzero(~guess & truth))
        counts.true_negatives = truth.size - int(numpy.count_nonzero(guess | truth))
        return counts

    def reset(self) -> None:
        super().reset()
        self.metrics, self._global_metrics = BinaryCounts(), BinaryCounts()

    def reset_local(self) -> None:
        super().reset_local()
        self.metrics = BinaryCounts()


@register
class F1(_Binary):
    """F1 score, the harmonic mean of precision and recall, of a binary classification.

    Parameters
    ----------
    average : {"macro", "micro"}
        Mean of the scores of all updates, or one score of all samples.
    name, output_names, label_names
        See `EvalMetric`.
    """

    def __init__(
        self,
        name: str = "f1",
        output_names: Names = None,
        label_names: Names = None,
        average: str = "macro",
    ) -> None:
        super().__init__(name, output_names, label_names, average)

    def _score(self, counts: BinaryCounts) -> float:
        return counts.fscore


@register
class MCC(_Binary):
    """Matthews correlation coefficient of a binary classification: 1 perfect, 0 chance, -1 all wrong.

    Parameters
    ----------
    average : {"macro", "micro"}
        Mean of the coefficients of all updates, or one of all samples.
    name, output_names, label_names
        See `EvalMetric`.
    """

    def __init__(
        self,
        name: str = "mcc",
        output_names: Names = None,
        label_names: Names = None,
        average: str = "macro",
    ) -> None:
        super().__init__(name, output_names, label_names, average)

    def _score(self, counts: BinaryCounts) -> float:
        return counts.matthewscc()
