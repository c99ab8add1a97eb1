"""Evaluation metrics: running averages of how well predictions match labels.

Every metric keeps two sums: the local one, which Speedometer clears after each report, and the global one of
the whole epoch. Values are computed with NumPy on host copies; nothing here touches a graph or a device.
Module.score and Module.fit feed them through `update_dict`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import numpy

from . import ndarray as nd
from .registry import get_alias_func, get_create_func, get_register_func

Arrays = Any  # an NDArray, or a list of NDArrays, one per label or output
Value = Any  # a float, or a list of floats for a composite metric


def check_label_shapes(
    labels: Arrays, preds: Arrays, wrap: bool = False, shape: bool = False
) -> tuple[Arrays, Arrays]:
    """Check that labels and predictions correspond, one to one.

    Parameters
    ----------
    labels, preds : NDArray or list of NDArray
        Compared by length, or by shape when `shape` is set.
    wrap : bool
        Return single arrays as lists of one.

    Raises
    ------
    ValueError
        They do not correspond.
    """
    if wrap:
        labels = [labels] if isinstance(labels, nd.NDArray) else labels
        preds = [preds] if isinstance(preds, nd.NDArray) else preds
    expected, got = (labels.shape, preds.shape) if shape else (len(labels), len(preds))
    if expected != got:
        raise ValueError(f"Shape of labels {expected} does not match shape of predictions {got}")
    return labels, preds


class EvalMetric:
    """Base class: a sum and a count, locally and globally.

    Parameters
    ----------
    name : str
        What reports call the metric.
    output_names, label_names : list of str or None
        Which outputs and labels `update_dict` picks; all of them by default.
    """

    def __init__(
        self,
        name: str,
        output_names: Sequence[str] | None = None,
        label_names: Sequence[str] | None = None,
        **kwargs: Any,
    ) -> None:
        self.name = str(name)
        self.output_names = output_names
        self.label_names = label_names
        # MXNet's keyword; whether get_global differs from get. All our own metrics keep both sums.
        self._has_global_stats = bool(kwargs.pop("has_global_stats", False))
        self._kwargs = kwargs
        self.reset()

    def __str__(self) -> str:
        return f"EvalMetric: {dict(self.get_name_value())}"

    def get_config(self) -> dict[str, Any]:
        """The arguments this metric was made with; ``create(**config)`` makes another."""
        return {
            **self._kwargs,
            "metric": type(self).__name__,
            "name": self.name,
            "output_names": self.output_names,
            "label_names": self.label_names,
        }

    def update_dict(self, label: Mapping[str, Any], pred: Mapping[str, Any]) -> None:
        """Take one batch in, labels and outputs given by name."""
        outputs = _pick(pred, self.output_names, "output", self.name)
        labels = _pick(label, self.label_names, "label", self.name)
        self.update(labels, outputs)

    def update(self, labels: Arrays, preds: Arrays) -> None:
        """Take one batch in: labels and predictions, lists of equal length."""
        raise NotImplementedError(f"{type(self).__name__} must define update")

    def reset(self) -> None:
        """Forget everything."""
        self.num_inst: float = 0
        self.sum_metric: float = 0.0
        self.global_num_inst: float = 0
        self.global_sum_metric: float = 0.0

    def reset_local(self) -> None:
        """Forget the local sum only."""
        self.num_inst = 0
        self.sum_metric = 0.0

    def _add(self, total: float, count: float) -> None:
        self.sum_metric += total
        self.global_sum_metric += total
        self.num_inst += count
        self.global_num_inst += count

    def _average(self, total: float, count: float) -> float:
        return total / count if count else math.nan

    def get(self) -> tuple[Any, Value]:
        """Name and value since the last `reset_local`; nan before the first batch."""
        return self.name, self._average(self.sum_metric, self.num_inst)

    def get_global(self) -> tuple[Any, Value]:
        """Name and value since the last `reset`."""
        if not self._has_global_stats:
            return self.get()
        return self.name, self._average(self.global_sum_metric, self.global_num_inst)

    def get_name_value(self) -> list[tuple[str, float]]:
        """The (name, value) pairs of `get`, always a list."""
        return _pairs(*self.get())

    def get_global_name_value(self) -> list[tuple[str, float]]:
        """The (name, value) pairs of `get_global`, always a list."""
        return _pairs(*self.get_global())


def _pick(arrays: Mapping[str, Any], names: Sequence[str] | None, kind: str, metric: str) -> list[Any]:
    if names is None:
        return list(arrays.values())
    missing = [name for name in names if name not in arrays]
    if missing:
        raise ValueError(f"metric {metric}: no {kind} named {missing[0]!r}, there are {list(arrays)}")
    return [arrays[name] for name in names]


def _pairs(name: Any, value: Any) -> list[tuple[str, float]]:
    names = name if isinstance(name, list) else [name]
    values = value if isinstance(value, list) else [value]
    return list(zip(names, values, strict=True))


register = get_register_func(EvalMetric, "metric")
alias = get_alias_func(EvalMetric, "metric")
_create = get_create_func(EvalMetric, "metric")


def create(metric: Any, *args: Any, **kwargs: Any) -> EvalMetric:
    """Make a metric from a name, a metric, a function ``(label, pred) -> value``, or a list of those.

    >>> create("acc").name, create(["acc", "ce"]).name
    ('accuracy', 'composite')
    """
    if callable(metric) and not isinstance(metric, type):
        return CustomMetric(metric, *args, **kwargs)
    if isinstance(metric, list):
        composite = CompositeEvalMetric()
        for child in metric:
            composite.add(create(child, *args, **kwargs))
        return composite
    return _create(metric, *args, **kwargs)


@alias("composite")
@register
class CompositeEvalMetric(EvalMetric):
    """Several metrics fed and reported together.

    Parameters
    ----------
    metrics : list of EvalMetric, str or function, optional
        The first children; `add` appends more.
    """

    def __init__(
        self,
        metrics: Sequence[Any] | None = None,
        name: str = "composite",
        output_names: Sequence[str] | None = None,
        label_names: Sequence[str] | None = None,
    ) -> None:
        self.metrics: list[EvalMetric] = [create(metric) for metric in metrics or ()]
        super().__init__(name, output_names, label_names, has_global_stats=True)

    def add(self, metric: Any) -> None:
        """Append a child: a metric or whatever `create` takes."""
        self.metrics.append(create(metric))

    def get_metric(self, index: int) -> EvalMetric:
        """The child number `index`; ValueError if there is none."""
        try:
            return self.metrics[index]
        except IndexError:
            raise ValueError(f"Metric index {index} is out of range 0 and {len(self.metrics)}") from None

    def update_dict(self, label: Mapping[str, Any], pred: Mapping[str, Any]) -> None:
        if self.label_names is not None:
            label = {name: array for name, array in label.items() if name in self.label_names}
        if self.output_names is not None:
            pred = {name: array for name, array in pred.items() if name in self.output_names}
        for metric in self.metrics:
            metric.update_dict(label, pred)

    def update(self, labels: Arrays, preds: Arrays) -> None:
        for metric in self.metrics:
            metric.update(labels, preds)

    def reset(self) -> None:
        for metric in self.metrics:
            metric.reset()

    def reset_local(self) -> None:
        for metric in self.metrics:
            metric.reset_local()

    def get(self) -> tuple[list[str], list[float]]:
        return self._collect([metric.get_name_value() for metric in self.metrics])

    def get_global(self) -> tuple[list[str], list[float]]:
        return self._collect([metric.get_global_name_value() for metric in self.metrics])

    @staticmethod
    def _collect(parts: list[list[tuple[str, float]]]) -> tuple[list[str], list[float]]:
        return [name for part in parts for name, _ in part], [value for part in parts for _, value in part]

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "metrics": [metric.get_config() for metric in self.metrics]}


def _host(array: Any) -> numpy.ndarray[Any, Any]:
    return cast(
        "numpy.ndarray[Any, Any]", array.asnumpy() if isinstance(array, nd.NDArray) else numpy.asarray(array)
    )


@alias("acc")
@register
class Accuracy(EvalMetric):
    """Share of predictions equal to their label.

    Parameters
    ----------
    axis : int
        The class axis. Predictions of the label's own shape are taken as class numbers, others are reduced by
        argmax along this axis.
    """

    def __init__(
        self,
        axis: int = 1,
        name: str = "accuracy",
        output_names: Sequence[str] | None = None,
        label_names: Sequence[str] | None = None,
    ) -> None:
        super().__init__(name, output_names, label_names, axis=axis, has_global_stats=True)
        self.axis = axis

    def update(self, labels: Arrays, preds: Arrays) -> None:
        labels, preds = check_label_shapes(labels, preds, True)
        for label, pred in zip(labels, preds, strict=True):
            truth, guess = _host(label), _host(pred)
            if guess.shape != truth.shape:
                guess = guess.argmax(axis=self.axis)
            truth = truth.astype(numpy.int32).ravel()
            guess = guess.astype(numpy.int32).ravel()
            check_label_shapes(truth, guess, shape=True)
            self._add(int(numpy.count_nonzero(truth == guess)), truth.size)


@alias("top_k_accuracy", "top_k_acc")
@register
class TopKAccuracy(EvalMetric):
    """Share of labels among the `top_k` (>= 2) most probable classes; predictions are (n, classes)."""

    def __init__(
        self,
        top_k: int = 1,
        name: str = "top_k_accuracy",
        output_names: Sequence[str] | None = None,
        label_names: Sequence[str] | None = None,
    ) -> None:
        if top_k <= 1:
            raise ValueError(f"top_k must be at least 2, got {top_k}; use Accuracy for 1")
        super().__init__(f"{name}_{top_k}", output_names, label_names, top_k=top_k, has_global_stats=True)
        self.top_k = top_k

    def get_config(self) -> dict[str, Any]:
        # The constructor appends the _k to the name, so the configuration must not hold it.
        return {**super().get_config(), "name": self.name.removesuffix(f"_{self.top_k}")}

    def update(self, labels: Arrays, preds: Arrays) -> None:
        labels, preds = check_label_shapes(labels, preds, True)
        for label, pred in zip(labels, preds, strict=True):
            guess, truth = _host(pred), _host(label).astype(numpy.int32).ravel()
            hits: numpy.ndarray[Any, Any]
            if guess.ndim > 2:
                raise ValueError(f"{self.name}: predictions must have 1 or 2 axes, got shape {guess.shape}")
            if guess.ndim == 1:
                hits = guess.astype(numpy.int32)[:, None]
            else:
                k = min(self.top_k, guess.shape[1])
                hits = numpy.argpartition(guess.astype(numpy.float32), -k, axis=1)[:, -k:]
            check_label_shapes(truth, hits)
            self._add(int(numpy.count_nonzero(hits == truth[:, None])), truth.size)


@alias("ce")
@register
class CrossEntropy(EvalMetric):
    """Mean of ``-log(p[label] + eps)`` over samples; predictions are (n, classes) probabilities."""

    def __init__(
        self,
        eps: float = 1e-12,
        name: str = "cross-entropy",
        output_names: Sequence[str] | None = None,
        label_names: Sequence[str] | None = None,
    ) -> None:
        super().__init__(name, output_names, label_names, eps=eps, has_global_stats=True)
        self.eps = eps

    def update(self, labels: Arrays, preds: Arrays) -> None:
        labels, preds = check_label_shapes(labels, preds, True)
        for label, pred in zip(labels, preds, strict=True):
            truth, guess = _host(label).ravel(), _host(pred)
            if guess.ndim != 2 or truth.shape[0] != guess.shape[0]:
                raise ValueError(
                    f"{self.name}: {truth.shape[0]} labels need predictions of shape "
                    f"({truth.shape[0]}, classes), got {guess.shape}"
                )
            prob = guess[numpy.arange(truth.shape[0]), truth.astype(numpy.int64)]
            self._add(float((-numpy.log(prob + self.eps)).sum()), truth.shape[0])


class _Regression(EvalMetric):
    """Mean over batches of an error of label and prediction, both as columns if one-dimensional."""

    def _error(self, difference: numpy.ndarray[Any, Any]) -> float:
        raise NotImplementedError

    def update(self, labels: Arrays, preds: Arrays) -> None:
        labels, preds = check_label_shapes(labels, preds, True)
        for label, pred in zip(labels, preds, strict=True):
            truth, guess = _host(label), _host(pred)
            truth = truth[:, None] if truth.ndim == 1 else truth
            guess = guess[:, None] if guess.ndim == 1 else guess
            self._add(self._error(truth - guess), 1)


@register
class MAE(_Regression):
    """Mean absolute error, averaged over batches."""

    def __init__(
        self,
        name: str = "mae",
        output_names: Sequence[str] | None = None,
        label_names: Sequence[str] | None = None,
    ) -> None:
        super().__init__(name, output_names, label_names, has_global_stats=True)

    def _error(self, difference: numpy.ndarray[Any, Any]) -> float:
        return float(numpy.abs(difference).mean())


@register
class MSE(_Regression):
    """Mean squared error, averaged over batches."""

    def __init__(
        self,
        name: str = "mse",
        output_names: Sequence[str] | None = None,
        label_names: Sequence[str] | None = None,
    ) -> None:
        super().__init__(name, output_names, label_names, has_global_stats=True)

    def _error(self, difference: numpy.ndarray[Any, Any]) -> float:
        return float((difference**2).mean())


@register
class RMSE(_Regression):
    """Root of the mean squared error of each batch, averaged over batches."""

    def __init__(
        self,
        name: str = "rmse",
        output_names: Sequence[str] | None = None,
        label_names: Sequence[str] | None = None,
    ) -> None:
        super().__init__(name, output_names, label_names, has_global_stats=True)

    def _error(self, difference: numpy.ndarray[Any, Any]) -> float:
        return float(numpy.sqrt((difference**2).mean()))


@register
class Loss(EvalMetric):
    """Mean of the outputs themselves, for networks whose output is a loss; labels are ignored."""

    def __init__(
        self,
        name: str = "loss",
        output_names: Sequence[str] | None = None,
        label_names: Sequence[str] | None = None,
    ) -> None:
        super().__init__(name, output_names, label_names, has_global_stats=True)

    def update(self, labels: Arrays, preds: Arrays) -> None:
        for pred in [preds] if isinstance(preds, nd.NDArray) else preds:
            values = _host(pred)
            self._add(float(values.sum(dtype=numpy.float64)), values.size)


@register
class CustomMetric(EvalMetric):
    """A metric computed by a function of two NumPy arrays.

    Parameters
    ----------
    feval : callable
        ``feval(label, pred)`` returns a number (counted as one instance) or a tuple (sum, count).
    name : str, optional
        Defaults to the function's own name; ``custom(<lambda>)`` for a lambda.
    allow_extra_outputs : bool
        Accept more outputs than labels; the surplus is ignored.
    """

    def __init__(
        self,
        feval: Callable[[Any, Any], Any],
        name: str | None = None,
        allow_extra_outputs: bool = False,
        output_names: Sequence[str] | None = None,
        label_names: Sequence[str] | None = None,
    ) -> None:
        if name is None:
            name = getattr(feval, "__name__", type(feval).__name__)
            name = f"custom({name})" if "<" in name else name
        super().__init__(name, output_names, label_names, has_global_stats=True)
        self._feval = feval
        self._allow_extra_outputs = allow_extra_outputs

    def update(self, labels: Arrays, preds: Arrays) -> None:
        if not self._allow_extra_outputs:
            labels, preds = check_label_shapes(labels, preds, True)
        for pred, label in zip(preds, labels, strict=False):
            result = self._feval(_host(label), _host(pred))
            if isinstance(result, tuple):
                self._add(*result)
            else:
                self._add(result, 1)

    def get_config(self) -> dict[str, Any]:
        raise NotImplementedError("a CustomMetric holds a Python function and has no configuration")


def np(
    numpy_feval: Callable[[Any, Any], Any], name: str | None = None, allow_extra_outputs: bool = False
) -> CustomMetric:
    """Make a CustomMetric of a function of two NumPy arrays, label and prediction."""
    return CustomMetric(numpy_feval, name, allow_extra_outputs)
