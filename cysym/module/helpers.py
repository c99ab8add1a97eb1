"""MXNet's helpers for loading batches and joining outputs, for groups of executors that programs write.

Modules here do not call them: `DataParallelExecutorGroup` looks its targets up once, not for each batch. They
are importable from `executor_group`, where such programs find them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import ndarray as nd
from .slicing import assign, merge, take


def load_general(data: Sequence[Any], targets: Sequence[Any], major_axis: Sequence[int]) -> None:
    """Copy arrays into their targets.

    Parameters
    ----------
    data : list of NDArray, or of list of them
    targets : list of NDArray, of list of (slice, NDArray), or of list of NDArray
        For each array: all of it, a piece for each context, or (where `data` has a list) one each.
    major_axis : list of int
        The axis along which pieces are cut; all of the array goes everywhere where it is negative.
    """
    for source, target, axis in zip(data, targets, major_axis, strict=False):
        if isinstance(target, nd.NDArray):
            assign(source, target)
        elif isinstance(source, list | tuple):
            for one, own in zip(source, target, strict=True):
                assign(one, own)
        else:
            for piece, own in target:
                assign(take(source, axis, piece), own)


def _load(batch: Any, what: str, targets: Sequence[Any], major_axis: Sequence[int]) -> None:
    if isinstance(batch, list):
        by_input = [[getattr(one, what)[i] for one in batch] for i in range(len(targets))]
        load_general(by_input, [[own for _, own in target] for target in targets], major_axis)
    else:
        load_general(getattr(batch, what), targets, major_axis)


def load_data(batch: Any, targets: Sequence[Any], major_axis: Sequence[int]) -> None:
    """Copy the data of a batch, or of a list with one batch per context; see `load_general`."""
    _load(batch, "data", targets, major_axis)


def load_label(batch: Any, targets: Sequence[Any], major_axis: Sequence[int]) -> None:
    """Copy the labels of a batch, or of a list with one batch per context; see `load_general`."""
    _load(batch, "label", targets, major_axis)


def merge_multi_context(outputs: Sequence[Sequence[nd.NDArray]], major_axis: Sequence[int]) -> list[Any]:
    """Join what the contexts computed, output by output; the first one's where the axis is negative."""
    return [merge(parts, axis) for parts, axis in zip(outputs, major_axis, strict=False)]
