"""Metrics of numbers against numbers: MAE, MSE, RMSE, PearsonCorrelation.

Errors are computed in float32, or wider where labels or predictions are. MAE, MSE and RMSE average over
batches, not samples, as MXNet's do.
"""

from __future__ import annotations

import math
from typing import Any

import numpy

from ..arguments import choice
from .base import Arrays, EvalMetric, Host, Names, PairMetric, alias, check_label_shapes, host, register


class _Regression(PairMetric):
    """Mean over batches of an error of label and prediction, both as columns if one-dimensional."""

    def _error(self, difference: Host) -> float:
        raise NotImplementedError

    def _measure(self, label: Any, pred: Any) -> tuple[float, int]:
        truth, guess = host(label), host(pred)
        truth = truth[:, None] if truth.ndim == 1 else truth
        guess = guess[:, None] if guess.ndim == 1 else guess
        try:
            wide = numpy.result_type(truth, guess, numpy.float32)
            difference: Host = numpy.subtract(truth, guess, dtype=wide)
        except ValueError:
            raise ValueError(
                f"{self.name}: labels of shape {label.shape} do not fit predictions of shape {pred.shape}"
            ) from None
        return self._error(difference), 1


@register
class MAE(_Regression):
    """Mean absolute error, averaged over batches.

    Parameters
    ----------
    name, output_names, label_names
        See `EvalMetric`.
    """

    def __init__(self, name: str = "mae", output_names: Names = None, label_names: Names = None) -> None:
        super().__init__(name, output_names, label_names, has_global_stats=True)

    def _error(self, difference: Host) -> float:
        return float(numpy.abs(difference, out=difference).mean())


@register
class MSE(_Regression):
    """Mean squared error, averaged over batches.

    Parameters
    ----------
    name, output_names, label_names
        See `EvalMetric`.
    """

    def __init__(self, name: str = "mse", output_names: Names = None, label_names: Names = None) -> None:
        super().__init__(name, output_names, label_names, has_global_stats=True)

    def _error(self, difference: Host) -> float:
        return float(numpy.square(difference, out=difference).mean())


@register
class RMSE(_Regression):
    """Root of the mean squared error of each batch, averaged over batches.

    Parameters
    ----------
    name, output_names, label_names
        See `EvalMetric`.
    """

    def __init__(self, name: str = "rmse", output_names: Names = None, label_names: Names = None) -> None:
        super().__init__(name, output_names, label_names, has_global_stats=True)

    def _error(self, difference: Host) -> float:
        return float(numpy.sqrt(numpy.square(difference, out=difference).mean()))


@register
@alias("pearsonr")
class PearsonCorrelation(EvalMetric):
    """Correlation of labels and predictions of equal shape: ``cov(y, p) / (std(y) std(p))``.

    Parameters
    ----------
    average : {"macro", "micro"}
        Mean of the correlations of all label arrays, or one correlation of all samples since the last
        `reset`; `reset_local` clears the former only.
    name, output_names, label_names
        See `EvalMetric`.
    """

    def __init__(
        self,
        name: str = "pearsonr",
        output_names: Names = None,
        label_names: Names = None,
        average: str = "macro",
    ) -> None:
        choice(average, f"{name}: average", ("macro", "micro"))
        self.average = average
        super().__init__(name, output_names, label_names, average=average, has_global_stats=True)

    def reset(self) -> None:
        super().reset()
        self.reset_micro()

    def reset_micro(self) -> None:
        """Forget what "micro" has collected: counts, means, sums of squares, covariance."""
        self._label_nums = self._pred_nums = 0
        self._mean_l = self._mean_p = 0.0
        self._sse_l = self._sse_p = 0.0
        self._conv = 0.0

    def update_variance(self, new_values: Host, *aggregate: Any) -> tuple[int, float, float]:
        """Take more values into a running variance, by Welford's formula.

        Parameters
        ----------
        new_values : numpy.ndarray, (n,)
        *aggregate
            Count, mean and sum of squared deviations before.

        Returns
        -------
        tuple
            The three after.
        """
        count, mean, deviation = aggregate
        delta = new_values - mean
        count += len(new_values)
        mean += float((delta / count).sum())
        deviation += float((delta * (new_values - mean)).sum())
        return count, mean, deviation

    def update_cov(self, label: Host, pred: Host) -> None:
        """Add to the covariance; call it when the labels' mean is the new one, the predictions' the old."""
        self._conv += float(((label - self._mean_l) * (pred - self._mean_p)).sum())

    def update(self, labels: Arrays, preds: Arrays) -> None:
        """Take one batch in: labels and predictions of equal shapes, else ValueError."""
        labels, preds = check_label_shapes(labels, preds, True)
        pairs = []
        for label, pred in zip(labels, preds, strict=True):
            check_label_shapes(label, pred, False, True)
            pairs.append((_flat(label), _flat(pred)))
        for truth, guess in pairs:
            if self.average == "macro":
                with numpy.errstate(invalid="ignore", divide="ignore"):  # a constant array correlates as nan
                    self._add(float(numpy.corrcoef(guess, truth)[0, 1]), 1)
                continue
            self._label_nums, self._mean_l, self._sse_l = self.update_variance(
                truth, self._label_nums, self._mean_l, self._sse_l
            )
            self.update_cov(truth, guess)
            self._pred_nums, self._mean_p, self._sse_p = self.update_variance(
                guess, self._pred_nums, self._mean_p, self._sse_p
            )
            self.num_inst += 1
            self.global_num_inst += 1

    def _average(self, total: Any, count: Any) -> Any:
        if self.average == "macro" or not count:
            return super()._average(total, count)
        spread = math.sqrt(self._sse_p) * math.sqrt(self._sse_l)
        return self._conv / spread if spread else math.nan


def _flat(array: Any) -> Host:
    return host(array).ravel().astype(numpy.float64)
