"""Metrics of the probability given to the true class: CrossEntropy, NegativeLogLikelihood, Perplexity.

Of large predictions only these probabilities travel from an OpenCL device. Logarithms are taken in float32,
or in the predictions' own type where that is wider, sums in float64.
"""

from __future__ import annotations

import math
from typing import Any

import numpy

from .. import ndarray as nd
from ..arguments import number, whole
from .base import (
    Arrays,
    EvalMetric,
    Host,
    Names,
    PairMetric,
    alias,
    check_label_shapes,
    host,
    is_far,
    register,
)


def _picked(pred: Any, index: Host, axis: int) -> Host:
    """The entries of `pred` at the (valid) positions `index` along `axis`."""
    if is_far(pred):
        at = nd.array(index, ctx=pred.context, dtype="int32")
        found: Host = pred.pick(at, axis=axis).asnumpy()
    else:
        values = host(pred)
        found = numpy.take_along_axis(values, numpy.expand_dims(index, axis), axis).squeeze(axis)
    return found.astype(numpy.promote_types(found.dtype, numpy.float32), copy=False)


class _LogLikelihood(PairMetric):
    def __init__(self, eps: float, name: str, output_names: Names, label_names: Names) -> None:
        number(eps, "eps")
        super().__init__(name, output_names, label_names, eps=eps, has_global_stats=True)
        self.eps = eps

    def _measure(self, label: Any, pred: Any) -> tuple[float, int]:
        truth = host(label).ravel().astype(numpy.int64)
        if len(pred.shape) != 2 or truth.size != pred.shape[0]:
            raise ValueError(
                f"{self.name}: {truth.size} labels need predictions of shape ({truth.size}, classes), "
                f"got {pred.shape}"
            )
        classes = pred.shape[1]
        bad = numpy.flatnonzero((truth < -classes) | (truth >= classes))
        if bad.size:
            raise IndexError(
                f"{self.name}: label {truth[bad[0]]} of row {bad[0]} is none of {classes} classes"
            )
        prob = _picked(pred, truth % classes, 1)
        return -numpy.log(prob + self.eps).sum(dtype=numpy.float64), truth.size


@register
@alias("ce")
class CrossEntropy(_LogLikelihood):
    """Mean of ``-log(p[label] + eps)`` over samples; predictions are (n, classes) probabilities.

    Labels below 0 count from the last class, as in MXNet; others that are no class raise IndexError.

    Parameters
    ----------
    eps : float
        Keeps the logarithm finite where the true class got probability 0.
    name, output_names, label_names
        See `EvalMetric`.
    """

    def __init__(
        self,
        eps: float = 1e-12,
        name: str = "cross-entropy",
        output_names: Names = None,
        label_names: Names = None,
    ) -> None:
        super().__init__(eps, name, output_names, label_names)


@register
@alias("nll_loss")
class NegativeLogLikelihood(_LogLikelihood):
    """The same number as CrossEntropy under another name, as in MXNet.

    Parameters
    ----------
    eps, name, output_names, label_names
        See `CrossEntropy`.
    """

    def __init__(
        self,
        eps: float = 1e-12,
        name: str = "nll-loss",
        output_names: Names = None,
        label_names: Names = None,
    ) -> None:
        super().__init__(eps, name, output_names, label_names)


@register
class Perplexity(EvalMetric):
    """``exp`` of the mean of ``-log(max(p[label], 1e-10))`` over samples.

    Parameters
    ----------
    ignore_label : int or None
        Samples with this label, padding for example, do not count.
    axis : int
        The class axis of the predictions; labels have as many elements as there are positions off it.
        Labels that are no class count as the nearest one, as in MXNet.
    name, output_names, label_names
        See `EvalMetric`.
    """

    def __init__(
        self,
        ignore_label: int | None,
        axis: int = -1,
        name: str = "perplexity",
        output_names: Names = None,
        label_names: Names = None,
    ) -> None:
        super().__init__(name, output_names, label_names, ignore_label=ignore_label, has_global_stats=True)
        self.ignore_label = None if ignore_label is None else number(ignore_label, "ignore_label")
        self.axis = whole(axis, "axis")
        self._kwargs["axis"] = axis

    def update(self, labels: Arrays, preds: Arrays) -> None:
        labels, preds = check_label_shapes(labels, preds, True)
        loss, count = 0.0, 0
        for label, pred in zip(labels, preds, strict=True):
            part, size = self._measure(label, pred)
            loss, count = loss + part, count + size
        self._add(loss, count)

    def _measure(self, label: Any, pred: Any) -> tuple[float, int]:
        rank = len(pred.shape)
        if not -rank <= self.axis < rank:
            raise ValueError(f"{self.name}: predictions of shape {pred.shape} have no axis {self.axis}")
        axis = self.axis % rank
        rest = pred.shape[:axis] + pred.shape[axis + 1 :]
        truth = host(label)
        if truth.size != math.prod(rest):
            raise ValueError(
                f"{self.name}: labels of shape {truth.shape} do not fit predictions of shape {pred.shape} "
                f"with classes along axis {self.axis}"
            )
        truth = truth.reshape(rest)
        index = truth.astype(numpy.int64).clip(0, pred.shape[axis] - 1)
        loss = -numpy.log(numpy.maximum(_picked(pred, index, axis), 1e-10))
        if self.ignore_label is None:
            return loss.sum(dtype=numpy.float64), truth.size
        counts = truth != self.ignore_label
        return loss.sum(dtype=numpy.float64, where=counts), int(numpy.count_nonzero(counts))

    def _average(self, total: Any, count: Any) -> Any:
        return math.exp(total / count) if count else math.nan
