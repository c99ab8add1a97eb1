"""What every metric has: a sum and a count, locally and globally, a name, and a place in the registry.

`PairMetric` is the base of metrics that are a sum over (label, prediction) pairs; it adds a batch only when
all its pairs could be measured. `host` gives the numbers of an array without copying where they already lie
in host memory: what it returns is for reading.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy

from .. import ndarray as nd
from ..arguments import shown
from ..ndarray.access import host_view, on_host
from ..registry import get_alias_func, get_create_func, get_register_func

Arrays = Any  # an NDArray, or a list of NDArrays, one per label or output
Value = Any  # a float, or a list of floats for a composite metric
Host = numpy.ndarray[Any, Any]
Names = Sequence[str] | None


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
    for what, given in (("labels", labels), ("preds", preds)):
        if not isinstance(given, nd.NDArray | numpy.ndarray | list | tuple):
            raise TypeError(f"{what} must be an NDArray or a list of NDArrays, got {shown(given)}")
        if shape and not hasattr(given, "shape"):
            raise TypeError(f"{what} must be an NDArray where shapes are compared, got {shown(given)}")
    expected, got = (labels.shape, preds.shape) if shape else (len(labels), len(preds))
    if expected != got:
        raise ValueError(f"Shape of labels {expected} does not match shape of predictions {got}")
    if wrap:
        labels = [labels] if isinstance(labels, nd.NDArray) else labels
        preds = [preds] if isinstance(preds, nd.NDArray) else preds
        for what, arrays in (("labels", labels), ("preds", preds)):
            for array in arrays:
                if not isinstance(array, nd.NDArray | numpy.ndarray):
                    raise TypeError(f"{what} must be a list of NDArrays, it holds {shown(array)}")
        if not shape and len(labels) != len(preds):  # an array of n rows against a list of n arrays
            raise ValueError(
                f"Shape of labels: {len(labels)} arrays do not match {len(preds)} arrays of predictions"
            )
    return labels, preds


def host(array: Any) -> Host:
    """The numbers of an NDArray (or of anything array-like) for reading: a view where no copy is needed."""
    if not isinstance(array, nd.NDArray):
        if not isinstance(array, numpy.ndarray | numpy.generic | list | tuple | int | float):
            raise TypeError(f"a metric is computed of arrays of numbers, got {shown(array)}")
        values: Host = numpy.asarray(array)
        if values.dtype.kind not in "biuf":
            raise TypeError(f"a metric is computed of arrays of numbers, got {shown(array)}, {values.dtype}")
        return values
    found: Host = host_view(array) if on_host(array) else array.asnumpy()
    return found


def is_far(array: Any) -> bool:
    """Whether an array lies on a device and is so large that reducing it there beats fetching it."""
    return isinstance(array, nd.NDArray) and not on_host(array) and array.size > 1 << 15


def argmax(pred: Any, axis: int) -> Host:
    """Class numbers along an axis; of many scores a device finds them itself, so that only they travel."""
    found: Host
    if is_far(pred):
        found = pred.argmax(axis=axis).asnumpy()
        return found
    found = host(pred).argmax(axis=axis)
    return found


class EvalMetric:
    """Base class: a sum and a count, locally and globally.

    Parameters
    ----------
    name : str
        What reports call the metric.
    output_names, label_names : list of str or None
        Which outputs and labels `update_dict` picks; all of them by default.
    """

    # Numbers, but of a user's own metric whatever it adds up; properties in PCC.
    num_inst: Any
    sum_metric: Any
    global_num_inst: Any
    global_sum_metric: Any

    def __init__(
        self, name: str, output_names: Names = None, label_names: Names = None, **kwargs: Any
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
        """Take one batch in, labels and outputs given by name.

        Parameters
        ----------
        label, pred : dict of str to NDArray
            `label_names` and `output_names` say which count, and in which order; all of them by default.

        Raises
        ------
        ValueError
            One of `output_names` or `label_names` is not there.
        """
        for what, arrays in (("label", label), ("pred", pred)):
            if not isinstance(arrays, Mapping):
                raise TypeError(
                    f"metric {self.name}: {what} must be a dict of str to NDArray, got {shown(arrays)}"
                )
        outputs = _pick(pred, self.output_names, "output", self.name)
        labels = _pick(label, self.label_names, "label", self.name)
        self.update(labels, outputs)

    def update(self, labels: Arrays, preds: Arrays) -> None:
        """Take one batch in.

        Parameters
        ----------
        labels, preds : list of NDArray, or NDArray
            As many labels as predictions.
        """
        raise NotImplementedError(f"{type(self).__name__} must define update")

    def reset(self) -> None:
        """Forget everything."""
        # not self.reset_local(), as in MXNet: a user's own may call reset, or need what __init__ sets later
        EvalMetric.reset_local(self)
        self.global_num_inst = 0
        self.global_sum_metric = numpy.float64(0)

    def reset_local(self) -> None:
        """Forget the local sum only."""
        self.num_inst = 0
        # NumPy's own float64: a user's metric that adds float32 scalars to it keeps double precision.
        self.sum_metric = numpy.float64(0)

    def _add(self, total: Any, count: Any) -> None:
        self.sum_metric += total
        self.global_sum_metric += total
        self.num_inst += count
        self.global_num_inst += count

    def _average(self, total: Any, count: Any) -> Any:
        if not count:
            return math.nan
        value = total / count
        return value.item() if isinstance(value, numpy.generic) else value

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
        return _pairs(*self.get_global()) if self._has_global_stats else self.get_name_value()


class PairMetric(EvalMetric):
    """A metric that is the sum of what each (label, prediction) pair gives, divided by the counts' sum."""

    def _measure(self, label: Any, pred: Any) -> tuple[float, int]:
        """What one pair adds to sum and count."""
        raise NotImplementedError

    def update(self, labels: Arrays, preds: Arrays) -> None:
        labels, preds = check_label_shapes(labels, preds, True)
        for total, count in [self._measure(*pair) for pair in zip(labels, preds, strict=True)]:
            self._add(total, count)


def _pick(arrays: Mapping[str, Any], names: Names, kind: str, metric: str) -> list[Any]:
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
create_registered = get_create_func(EvalMetric, "metric")
