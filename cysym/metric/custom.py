"""Metrics made of something else: of other metrics, of a user's function, of outputs that are losses.

`create` is here because a function becomes a CustomMetric and a list a CompositeEvalMetric. A function gets
NumPy arrays it may keep and change: copies.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy

from .. import ndarray as nd
from ..arguments import function, shown, whole
from .base import (
    Arrays,
    EvalMetric,
    Names,
    Value,
    alias,
    check_label_shapes,
    create_registered,
    host,
    register,
)


def create(metric: Any, *args: Any, **kwargs: Any) -> EvalMetric:
    """Make a metric from a name, a metric, a function ``(label, pred) -> value``, or a list of those.

    Parameters
    ----------
    metric
        A registered name (or its JSON description), an EvalMetric, a function, or a list.
    *args, **kwargs
        For the constructor; of a list, for the constructor of each.

    >>> create("acc").name, create(["acc", "ce"]).name
    ('accuracy', 'composite')
    """
    if hasattr(metric, "list_arguments"):  # a Symbol can be called
        raise TypeError(f"metric must be a name, an EvalMetric, a function or a list of them, got {metric!r}")
    if callable(metric) and not isinstance(metric, type):
        return CustomMetric(metric, *args, **kwargs)
    if isinstance(metric, list):
        composite = CompositeEvalMetric()
        for child in metric:
            composite.add(create(child, *args, **kwargs))
        return composite
    return create_registered(metric, *args, **kwargs)


@register
@alias("composite")
class CompositeEvalMetric(EvalMetric):
    """Several metrics fed and reported together.

    Parameters
    ----------
    metrics : list of EvalMetric, str or function, optional
        The first children; `add` appends more.
    name, output_names, label_names
        See EvalMetric; names given here limit what the children may pick from.
    """

    def __init__(
        self,
        metrics: Sequence[Any] | None = None,
        name: str = "composite",
        output_names: Names = None,
        label_names: Names = None,
    ) -> None:
        if not isinstance(metrics, list | tuple | None):
            raise TypeError(f"metrics must be a list of metrics, got {shown(metrics)}")
        self.metrics: list[EvalMetric] = [create(metric) for metric in metrics or ()]
        super().__init__(name, output_names, label_names, has_global_stats=True)

    def add(self, metric: Any) -> None:
        """Append a child: a metric or whatever `create` takes."""
        self.metrics.append(create(metric))

    def get_metric(self, index: int) -> EvalMetric:
        """The child number `index`; ValueError if there is none."""
        try:
            return self.metrics[whole(index, "index")]
        except IndexError:
            raise ValueError(f"Metric index {index} is out of range 0 and {len(self.metrics)}") from None

    def update_dict(self, labels: Mapping[str, Any], preds: Mapping[str, Any]) -> None:
        if self.label_names is not None:
            labels = {name: array for name, array in labels.items() if name in self.label_names}
        if self.output_names is not None:
            preds = {name: array for name, array in preds.items() if name in self.output_names}
        for metric in self.metrics:
            metric.update_dict(labels, preds)

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
        return self._collect([metric.get() for metric in self.metrics])

    def get_global(self) -> tuple[list[str], list[float]]:
        return self._collect([metric.get_global() for metric in self.metrics])

    @staticmethod
    def _collect(parts: list[tuple[Any, Value]]) -> tuple[list[str], list[float]]:
        names: list[str] = []
        values: list[float] = []
        for name, value in parts:
            names += name if isinstance(name, list | tuple) else [name]
            values += value if isinstance(value, list | tuple | numpy.ndarray) else [value]
        return names, values

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "metrics": [metric.get_config() for metric in self.metrics]}


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
    output_names, label_names
        See `EvalMetric`.
    """

    def __init__(
        self,
        feval: Callable[[Any, Any], Any],
        name: str | None = None,
        allow_extra_outputs: bool = False,
        output_names: Names = None,
        label_names: Names = None,
    ) -> None:
        if name is None:
            name = getattr(feval, "__name__", type(feval).__name__)
            name = f"custom({name})" if "<" in name else name
        super().__init__(name, output_names, label_names, has_global_stats=True)
        self._feval = function(feval, "feval")
        self._allow_extra_outputs = allow_extra_outputs

    def update(self, labels: Arrays, preds: Arrays) -> None:
        if not self._allow_extra_outputs:
            labels, preds = check_label_shapes(labels, preds, True)
        for what, arrays in (("labels", labels), ("preds", preds)):
            if not isinstance(arrays, list | tuple):
                raise TypeError(f"{what} must be a list of NDArrays, got {shown(arrays)}")
        results = [
            self._feval(numpy.array(host(label)), numpy.array(host(pred)))
            for pred, label in zip(preds, labels, strict=False)
        ]
        for result in results:
            if isinstance(result, tuple):
                self._add(*result)
            else:
                self._add(result, 1)

    def get_config(self) -> dict[str, Any]:
        raise NotImplementedError("a CustomMetric holds a Python function and has no configuration")


def np(
    numpy_feval: Callable[[Any, Any], Any], name: str | None = None, allow_extra_outputs: bool = False
) -> CustomMetric:
    """Make a CustomMetric of a function of two NumPy arrays, label and prediction.

    Parameters
    ----------
    numpy_feval, name, allow_extra_outputs
        See `CustomMetric`.

    >>> np(lambda label, pred: abs(label - pred).max(), name="worst").name
    'worst'
    """
    function(numpy_feval, "numpy_feval")
    return CustomMetric(numpy_feval, name, allow_extra_outputs)


@register
class Loss(EvalMetric):
    """Mean of the outputs themselves, for networks whose output is a loss; labels are ignored.

    Parameters
    ----------
    name, output_names, label_names
        See `EvalMetric`.
    """

    def __init__(self, name: str = "loss", output_names: Names = None, label_names: Names = None) -> None:
        super().__init__(name, output_names, label_names, has_global_stats=True)

    def update(self, labels: Arrays, preds: Arrays) -> None:
        if not isinstance(preds, nd.NDArray | list | tuple):
            raise TypeError(f"preds must be an NDArray or a list of NDArrays, got {shown(preds)}")
        found = [host(pred) for pred in ([preds] if isinstance(preds, nd.NDArray) else preds)]
        for total, count in [(values.sum(dtype=numpy.float64), values.size) for values in found]:
            self._add(total, count)


@register
class Torch(Loss):
    """Loss under the name MXNet gave it for criterions of Torch."""

    def __init__(self, name: str = "torch", output_names: Names = None, label_names: Names = None) -> None:
        super().__init__(name, output_names, label_names)


@register
class Caffe(Loss):
    """Loss under the name MXNet gave it for criterions of Caffe."""

    def __init__(self, name: str = "caffe", output_names: Names = None, label_names: Names = None) -> None:
        super().__init__(name, output_names, label_names)
