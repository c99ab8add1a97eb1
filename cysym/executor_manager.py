"""Data parallelism by hand: one executor a device, each with its slice of the batch.

FeedForward trains through DataParallelExecutorManager, and older programs do so themselves; Module has its
own group and only shares `_split_input_slice`. Names and arguments are MXNet's. Sums of gradients are left to
a kvstore or to the caller.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from . import ndarray as nd
from .arguments import finite, function, name_list, needs, shown
from .base import ShapeError
from .context import Context, cpu
from .symbol import Symbol

Targets = nd.NDArray | Sequence[tuple[slice, nd.NDArray]]


def _split_input_slice(batch_size: int, work_load_list: Sequence[float]) -> list[slice]:
    """The slice of a batch that each device gets, in proportion to its work load.

    Parameters
    ----------
    batch_size : int
    work_load_list : list of number
        One weight a device; counts are rounded to even where they fall between, and the last device gets
        what remains.

    Raises
    ------
    ValueError
        A device would get nothing.

    Examples
    --------
    >>> _split_input_slice(10, [1, 1, 3])
    [slice(0, 2, None), slice(2, 4, None), slice(4, 10, None)]
    """
    for load in work_load_list:
        finite(load, "work_load_list: a work load")
    total = sum(work_load_list)
    if not work_load_list or total <= 0 or min(work_load_list) < 0:
        raise ValueError(f"work loads must be numbers >= 0 with a positive sum, got {list(work_load_list)}")
    counts = [round(load * batch_size / total) for load in work_load_list]
    counts[-1] += max(0, batch_size - sum(counts))
    slices: list[slice] = []
    end = 0
    for count in counts:
        begin, end = end, min(end + count, batch_size)
        if begin >= end:
            raise ValueError(
                f"Too many slices: a batch of {batch_size} over the work loads {list(work_load_list)} leaves "
                f"device {len(slices)} without rows"
            )
        slices.append(slice(begin, end))
    return slices


def _check_arguments(symbol: Symbol) -> None:
    """ValueError if two arguments, or two auxiliary states, have one name."""
    for what, names in (
        ("argument", symbol.list_arguments()),
        ("auxiliary state", symbol.list_auxiliary_states()),
    ):
        for name, count in Counter(names).items():
            if count > 1:
                raise ValueError(
                    f"{count} {what}s are called {name!r}; give each a name of its own. All are {names}"
                )


def _load_general(data: Iterable[Any], targets: Iterable[Targets]) -> None:
    """Copy each array of a batch into its target, whole or slice by slice."""
    for source, target in zip(data, targets, strict=False):
        if isinstance(target, nd.NDArray):
            source.copyto(target)
            continue
        rows = target[-1][0].stop
        if source.shape[0] != rows:
            raise ShapeError(f"the batch has {source.shape[0]} rows, the executors were bound for {rows}")
        for part, array in target:
            source[part].copyto(array)


def _load_data(batch: Any, targets: Iterable[Targets]) -> None:
    """Copy the data of a batch."""
    _load_general(batch.data, targets)


def _load_label(batch: Any, targets: Iterable[Targets]) -> None:
    """Copy the labels of a batch."""
    _load_general(batch.label, targets)


def _bind_exec(
    sym: Symbol,
    ctx: Context,
    input_shapes: Mapping[str, tuple[int, ...]],
    param_names: Sequence[str],
    need_grad: bool | set[str] = False,
    base_exec: Any = None,
    input_types: Mapping[str, Any] | None = None,
) -> Any:
    """An executor on `ctx` with arrays of zeros, or with the parameters and gradients of `base_exec`."""
    arg_shapes, _, aux_shapes = sym.infer_shape(**input_shapes)
    arg_types, _, aux_types = sym.infer_type(**(input_types or dict.fromkeys(input_shapes, np.float32)))
    names = sym.list_arguments()
    if need_grad is True:
        need_grad = set(names) - set(input_shapes)
    wanted = need_grad or set()
    args: dict[str, nd.NDArray] = {}
    grads: dict[str, nd.NDArray] = {}
    for name, shape, dtype in zip(names, arg_shapes, arg_types, strict=True):
        shared = base_exec is not None and name in param_names
        args[name] = base_exec.arg_dict[name] if shared else nd.zeros(shape, ctx, dtype)
        if args[name].shape != shape:
            raise ShapeError(f"the shared parameter {name} has shape {args[name].shape}, {shape} is needed")
        if name in wanted:
            grads[name] = base_exec.grad_dict[name] if shared else nd.zeros(shape, ctx, dtype)
    if base_exec is None:
        auxs = [nd.zeros(shape, ctx, dtype) for shape, dtype in zip(aux_shapes, aux_types, strict=True)]
    else:
        auxs = list(base_exec.aux_arrays)
    requests = {name: "write" if name in wanted else "null" for name in names}
    return sym.bind(ctx, args, grads, requests, auxs)


class DataParallelExecutorGroup:
    """One executor a device for one symbol, and lists of their arrays, an entry a device.

    Parameters
    ----------
    sym : Symbol
    arg_names, param_names : list of str
        All arguments, and those that are trained.
    ctx : list of Context
    slices : list of slice
        The rows of a batch each device works on.
    train_data : object with provide_data and provide_label
        An iterator or a batch.
    shared_group : DataParallelExecutorGroup, optional
        Use its parameters, gradients and auxiliary states.
    """

    def __init__(
        self,
        sym: Symbol,
        arg_names: Sequence[str],
        param_names: Sequence[str],
        ctx: Sequence[Context],
        slices: Sequence[slice],
        train_data: Any,
        shared_group: DataParallelExecutorGroup | None = None,
    ) -> None:
        _check_arguments(sym)
        inputs = [*train_data.provide_data, *train_data.provide_label]
        self.slices = list(slices)
        self.data_names = [desc[0] for desc in train_data.provide_data]
        self.label_names = [desc[0] for desc in train_data.provide_label]
        self.aux_names = sym.list_auxiliary_states()
        self.param_idx = [i for i, name in enumerate(arg_names) if name in param_names]
        self.param_names = [arg_names[i] for i in self.param_idx]
        types = {desc[0]: getattr(desc, "dtype", np.float32) for desc in inputs}
        self.train_execs: list[Any] = [
            _bind_exec(
                sym,
                context,
                {desc[0]: (part.stop - part.start, *desc[1][1:]) for desc in inputs},
                self.param_names,
                need_grad=True,
                base_exec=shared_group.train_execs[device] if shared_group is not None else None,
                input_types=types,
            )
            for device, (context, part) in enumerate(zip(ctx, slices, strict=True))
        ]
        self.data_arrays = [self._sliced(name) for name in self.data_names]
        self.label_arrays = [self._sliced(name) for name in self.label_names]
        self.param_arrays = [[e.arg_arrays[i] for e in self.train_execs] for i in self.param_idx]
        self.grad_arrays = [[e.grad_arrays[i] for e in self.train_execs] for i in self.param_idx]
        self.aux_arrays = [[e.aux_arrays[i] for e in self.train_execs] for i in range(len(self.aux_names))]

    def _sliced(self, name: str) -> list[tuple[slice, nd.NDArray]]:
        return [(part, e.arg_dict[name]) for part, e in zip(self.slices, self.train_execs, strict=True)]

    def load_data_batch(self, data_batch: Any) -> None:
        """Give each executor its rows of the batch."""
        _load_data(data_batch, self.data_arrays)
        _load_label(data_batch, self.label_arrays)

    def forward(self, is_train: bool = False) -> None:
        """Run all executors."""
        for executor in self.train_execs:
            executor.forward(is_train=is_train)

    def backward(self) -> None:
        """Compute the gradients on all executors."""
        for executor in self.train_execs:
            executor.backward()

    def update_metric(self, metric: Any, labels: Sequence[Any], pre_sliced: bool = False) -> None:
        """Feed a metric the outputs of each device with its rows of the labels.

        Parameters
        ----------
        metric : EvalMetric
        labels : list of NDArray, or with `pre_sliced` such a list a device
        """
        for device, (executor, part) in enumerate(zip(self.train_execs, self.slices, strict=True)):
            own = labels[device] if pre_sliced else [label[part] for label in labels]
            metric.update(own, executor.outputs)


class DataParallelExecutorManager:
    """Executors on several devices as one: parameters in, batches through, parameters out.

    Parameters
    ----------
    symbol : Symbol
    ctx : list of Context
    train_data : DataIter
        Describes the batches.
    arg_names, param_names, aux_names : list of str
    work_load_list : list of number, optional
        How the batch is split; evenly by default.
    logger : logging.Logger, optional
    sym_gen : callable, optional
        Bucket key to symbol; batches then name their bucket and groups are made as keys appear.
    """

    def __init__(
        self,
        symbol: Symbol,
        ctx: Sequence[Context],
        train_data: Any,
        arg_names: Sequence[str],
        param_names: Sequence[str],
        aux_names: Sequence[str],
        work_load_list: Sequence[float] | None = None,
        logger: Any = None,
        sym_gen: Callable[[Any], Symbol] | None = None,
    ) -> None:
        needs(symbol, "symbol", "a Symbol", "list_arguments", "list_auxiliary_states", "bind")
        if not isinstance(ctx, list | tuple) or not all(isinstance(context, Context) for context in ctx):
            raise TypeError(f"ctx must be a list of Context, got {shown(ctx)}")
        needs(train_data, "train_data", "a DataIter", "batch_size", "provide_data", "provide_label")
        arg_names, param_names = name_list(arg_names, "arg_names"), name_list(param_names, "param_names")
        aux_names = name_list(aux_names, "aux_names")
        if arg_names != symbol.list_arguments():
            raise ValueError(
                f"arg_names must be those of the symbol, {symbol.list_arguments()}, got {arg_names}"
            )
        if sym_gen is not None:
            function(sym_gen, "sym_gen")
            needs(train_data, "train_data", "an iterator with buckets, for sym_gen", "default_bucket_key")
        loads = [1] * len(ctx) if work_load_list is None else work_load_list
        if not isinstance(loads, list | tuple) or len(loads) != len(ctx):
            raise ValueError(f"work_load_list {loads} must have one number per context, {len(ctx)}")
        (logger or logging).info("Start training with %s", str(list(ctx)))
        self.slices = _split_input_slice(train_data.batch_size, loads)
        self.arg_names = arg_names
        self.param_names = param_names
        self.aux_names = aux_names
        self.ctx = ctx
        self.symbol = symbol
        self.sym_gen = sym_gen
        self.execgrp = DataParallelExecutorGroup(symbol, arg_names, param_names, ctx, self.slices, train_data)
        self.curr_execgrp = self.execgrp
        self.execgrp_bucket: dict[Any, DataParallelExecutorGroup] = {}
        if sym_gen is not None:
            self.execgrp_bucket[train_data.default_bucket_key] = self.execgrp

    def install_monitor(self, monitor: Any) -> None:
        """Let a Monitor watch all executors."""
        if self.sym_gen is not None:
            raise NotImplementedError("a monitor cannot be installed where sym_gen makes executors later")
        for executor in self.execgrp.train_execs:
            monitor.install(executor)

    def set_params(self, arg_params: Mapping[str, Any], aux_params: Mapping[str, Any]) -> None:
        """Copy parameters and auxiliary states to all devices."""
        for executor in self.execgrp.train_execs:
            executor.copy_params_from(arg_params, aux_params)

    def copy_to(self, arg_params: Mapping[str, Any], aux_params: Mapping[str, Any]) -> None:
        """Write the means over the devices into these arrays."""
        jobs = (
            ("arg_params", self.execgrp.param_names, self.param_arrays, arg_params),
            ("aux_params", self.aux_names, self.aux_arrays, aux_params),
        )
        for what, wanted, blocks, targets in jobs:
            if not isinstance(targets, Mapping):
                raise TypeError(f"{what} must be a dict of str to NDArray, got {shown(targets)}")
            for name, block in zip(wanted, blocks, strict=True):
                if not isinstance(targets.get(name), nd.NDArray):
                    raise KeyError(f"{what} needs an NDArray named {name!r}, got {shown(targets.get(name))}")
                if targets[name].shape != block[0].shape:
                    raise ShapeError(
                        f"{what}: {name} has shape {targets[name].shape}, expected {block[0].shape}"
                    )
        for _, wanted, blocks, targets in jobs:
            for name, block in zip(wanted, blocks, strict=True):
                total: Any = block[0].copyto(cpu())
                for array in block[1:]:
                    total += array.as_in_context(cpu())
                (total / len(block) if len(block) > 1 else total).copyto(targets[name])

    @property
    def param_arrays(self) -> list[list[Any]]:
        """For each parameter its arrays, one a device."""
        return self.execgrp.param_arrays

    @property
    def grad_arrays(self) -> list[list[Any]]:
        """For each parameter its gradients, one a device."""
        return self.execgrp.grad_arrays

    @property
    def aux_arrays(self) -> list[list[Any]]:
        """For each auxiliary state its arrays, one a device."""
        return self.execgrp.aux_arrays

    def load_data_batch(self, data_batch: Any) -> None:
        """Give each executor its rows; with `sym_gen`, those of the batch's bucket."""
        arrays = getattr(data_batch, "data", None)
        if not isinstance(arrays, list | tuple):
            raise TypeError(f"data_batch must be a DataBatch, got {shown(data_batch)}")
        for array in arrays:
            needs(array, "data_batch: data", "a list of NDArrays", "shape", "copyto")
        if self.sym_gen is not None:
            key = data_batch.bucket_key
            if key not in self.execgrp_bucket:
                self.execgrp_bucket[key] = DataParallelExecutorGroup(
                    self.sym_gen(key),
                    self.arg_names,
                    self.param_names,
                    self.ctx,
                    self.slices,
                    data_batch,
                    shared_group=self.execgrp,
                )
            self.curr_execgrp = self.execgrp_bucket[key]
        self.curr_execgrp.load_data_batch(data_batch)

    def forward(self, is_train: bool = False) -> None:
        """Run the executors of the current batch."""
        self.curr_execgrp.forward(is_train=is_train)

    def backward(self) -> None:
        """Compute the gradients for the current batch."""
        self.curr_execgrp.backward()

    def update_metric(self, metric: Any, labels: Sequence[Any], pre_sliced: bool = False) -> None:
        """Feed a metric the outputs of the current batch."""
        self.curr_execgrp.update_metric(metric, labels, pre_sliced)
