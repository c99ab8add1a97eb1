"""Binding the executors behind a Module, one per context, and copying parameters into and out of them.

The half of `DataParallelExecutorGroup` that knows names, shapes and arrays; it never runs anything. `slicing`
says which share of a batch an executor is bound for. Parameters are kept by Module: `get_params` and
`set_params` copy between the executors and its dicts.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .. import ndarray as nd
from ..base import MXNetError, ShapeError
from ..checkpoint import Params
from ..context import Context
from ..dtypes import NAMES
from ..io import DataDesc
from .inputs import as_descs, context_groups, gradient_requests
from .slicing import Division, divide, part

Descs = Sequence[DataDesc]


class GroupBinding:
    """What binding needs of a group of executors; the arguments and attributes are explained there."""

    def __init__(
        self,
        symbol: Any,
        contexts: Sequence[Context],
        workload: Sequence[float] | None,
        data_shapes: Sequence[Any],
        label_shapes: Sequence[Any] | None,
        param_names: Sequence[str],
        for_training: bool,
        inputs_need_grad: bool,
        shared_group: GroupBinding | None = None,
        logger: Any = logging,
        fixed_param_names: Sequence[str] | None = None,
        grad_req: Any = "write",
        state_names: Sequence[str] | None = None,
        group2ctxs: Any = None,
    ) -> None:
        self.symbol, self.contexts, self.logger = symbol, list(contexts), logger
        self.workload = [1] * len(self.contexts) if workload is None else list(workload)
        self.arg_names: list[str] = symbol.list_arguments()
        self.aux_names: list[str] = symbol.list_auxiliary_states()
        self.output_names: list[str] = symbol.list_outputs()
        self.num_outputs = len(self.output_names)
        self.param_names = list(param_names)
        self.fixed_param_names = list(fixed_param_names or ())
        self.state_names = list(state_names or ())
        self.for_training, self.inputs_need_grad = for_training, inputs_need_grad
        self.group2ctxs = context_groups(group2ctxs, len(self.contexts))
        data, label = (
            as_descs(data_shapes),
            None if label_shapes is None else as_descs(label_shapes, "label_shapes"),
        )
        trained = set(self.param_names) - set(self.fixed_param_names)
        if inputs_need_grad:
            trained.update(desc.name for desc in data)
        self.grad_req = gradient_requests(self.arg_names, trained, grad_req, for_training)
        self.output_layouts = [
            DataDesc.get_batch_axis(symbol[index].attr("__layout__")) for index in range(self.num_outputs)
        ]
        # Work for OpenCL goes out first: it runs while the CPU's executors, which are waited for, compute.
        self._order = sorted(range(len(self.contexts)), key=lambda i: self.contexts[i].device.kind == "cpu")
        self._monitors: list[Any] = []
        # Names of labels given to `update_metric` where none were described; Module sets its own.
        self.spare_label_names: list[str] = []
        self._default_execs: list[Any] = []
        # Inputs of the groups that share, by name and context: one after the other runs, in the same memory.
        self.shared_data_arrays: list[dict[str, nd.NDArray]] = (
            [{} for _ in self.contexts] if shared_group is None else shared_group.shared_data_arrays
        )
        self.execs: list[Any] = []
        self.bind_exec(data, label, shared_group)

    # ---- binding -------------------------------------------------------------------------------------------

    def decide_slices(self, data_shapes: Sequence[Any]) -> list[int]:
        """The batch axis of each input described; sets `batch_size` and `slices`."""
        division = divide(as_descs(data_shapes), None, self.workload)
        self.batch_size, self.slices = division.batch_size, division.slices
        return division.data_axes

    def bind_exec(
        self,
        data_shapes: Sequence[Any],
        label_shapes: Sequence[Any] | None,
        shared_group: GroupBinding | None = None,
        reshape: bool = False,
    ) -> None:
        """Make the executors for these inputs, anew or (with `reshape`) from those there are.

        Raises
        ------
        ShapeError, ValueError
            The inputs do not fit the symbol, each other or the contexts. The group stays as it was.
        """
        data, label = (
            as_descs(data_shapes),
            None if label_shapes is None else as_descs(label_shapes, "label_shapes"),
        )
        division = divide(data, label, self.workload)
        if shared_group is not None:
            self._check_shared(shared_group)
        executors = []
        for i in range(len(self.contexts)):
            descs = self._part(data, label, division, i)
            if reshape:
                executors.append(self._reshaped(self._default_execs[i], descs))
            else:
                executors.append(self._bind_ith_exec(i, descs, shared_group))
        before, self.execs = self.execs, executors
        if not reshape:
            # Reshaping always starts from the first executors: their memory holds the parameters.
            self._default_execs = list(executors)
        self.batch_size, self.slices = division.batch_size, division.slices
        self.data_shapes, self.label_shapes = data, label
        self.data_layouts, self.label_layouts = division.data_axes, division.label_axes
        self.data_names = [desc.name for desc in data]
        self.label_names = None if label is None else [desc.name for desc in label]
        self._total_exec_bytes = sum(executor.plan.peak for executor in executors)
        self._collect_arrays()
        for monitor in self._monitors:
            for old, new in zip(before, executors, strict=True):
                if hasattr(monitor, "uninstall"):
                    monitor.uninstall(old)
                monitor.install(new)

    def _check_shared(self, other: GroupBinding) -> None:
        if len(other.execs) < len(self.contexts):
            raise ValueError(
                f"the group to share with has {len(other.execs)} executors, {len(self.contexts)} are needed"
            )
        known = other.param_names + other.aux_names
        for name in self.param_names + self.aux_names:
            if name not in known:
                raise MXNetError(
                    f"parameter {name} is not among those of the module to share with, which has "
                    f"{', '.join(known)}"
                )

    def _part(
        self, data: Descs, label: Descs | None, division: Division, i: int
    ) -> tuple[list[DataDesc], list[DataDesc]]:
        """What the i-th context gets of the inputs the symbol has."""
        piece = None if division.slices is None else division.slices[i]

        def own(descs: Descs, axes: Sequence[int]) -> list[DataDesc]:
            return [
                DataDesc(desc.name, part(desc.shape, axis, piece), desc.dtype, desc.layout)
                for desc, axis in zip(descs, axes, strict=True)
                if desc.name in self.arg_names
            ]

        return own(data, division.data_axes), own(label or (), division.label_axes)

    def _bind_ith_exec(
        self,
        i: int,
        descs: tuple[list[DataDesc], list[DataDesc]],
        shared_group: GroupBinding | None,
    ) -> Any:
        data, label = descs
        attributes = self.symbol.attr_dict()
        types: dict[str, Any] = {desc.name: desc.dtype for desc in [*data, *label]}
        for desc in data:
            # A type the variable itself was given wins over the iterator's, which is cast.
            code = attributes.get(desc.name, {}).get("__dtype__", "-1")
            if code != "-1":
                types[desc.name] = np.dtype(NAMES[int(code)])
        return self.symbol.simple_bind(
            self.contexts[i],
            grad_req=self.grad_req,
            type_dict=types,
            group2ctx=self.group2ctxs[i],
            shared_arg_names=self.param_names,
            shared_exec=None if shared_group is None else shared_group._default_execs[i],
            shared_buffer=self._pool(i, types),
            **{desc.name: desc.shape for desc in [*data, *label]},
        )

    def _pool(self, i: int, types: Mapping[str, Any]) -> dict[str, nd.NDArray]:
        """Memory for inputs, shared where the types agree."""
        pool = self.shared_data_arrays[i]
        fits = all(
            np.dtype(pool[name].dtype) == np.dtype(dtype) for name, dtype in types.items() if name in pool
        )
        return pool if fits else {}

    def _reshaped(self, executor: Any, descs: tuple[list[DataDesc], list[DataDesc]]) -> Any:
        shapes = {desc.name: desc.shape for part_ in descs for desc in part_}
        bound = executor.arg_dict
        if all(bound[name].shape == shape for name, shape in shapes.items()):
            return executor
        arg_shapes, _, _ = self.symbol.infer_shape(**shapes)
        if arg_shapes is None:
            raise ShapeError(f"reshape: the shapes {shapes} do not determine those of all arguments")
        inputs = dict(shapes)
        for name, shape in zip(self.arg_names, arg_shapes, strict=True):
            if name not in self.param_names:
                # Inputs without a description, such as recurrent states, follow by inference.
                shapes[name] = shape
            elif bound[name].shape != shape:
                raise ShapeError(
                    f"reshape: inputs {inputs} need parameter {name} of shape {shape}, but it has shape "
                    f"{bound[name].shape}"
                )
        return executor.reshape(partial_shaping=False, allow_up_sizing=True, **shapes)

    def reshape(self, data_shapes: Sequence[Any], label_shapes: Sequence[Any] | None) -> None:
        """Go on with other input shapes and the same parameters.

        Without `label_shapes`, labels there are follow by inference: batches to predict come without.

        Raises
        ------
        ShapeError
            A parameter would need another shape. The group stays as it was.
        """
        data = as_descs(data_shapes)
        label = self._labels_for(data) if label_shapes is None else as_descs(label_shapes, "label_shapes")
        if _described(data) != _described(self.data_shapes) or _described(label) != _described(
            self.label_shapes
        ):
            self.bind_exec(data, label, reshape=True)

    def _labels_for(self, data: Descs) -> list[DataDesc] | None:
        if self.label_shapes is None:
            return None
        arg_shapes, _, _ = self.symbol.infer_shape(**{desc.name: desc.shape for desc in data})
        if arg_shapes is None:
            raise ShapeError(f"reshape: the shapes of {list(data)} do not determine those of the labels")
        inferred = dict(zip(self.arg_names, arg_shapes, strict=True))
        return [
            DataDesc(desc.name, inferred.get(desc.name, desc.shape), desc.dtype, desc.layout)
            for desc in self.label_shapes
        ]

    def _collect_arrays(self) -> None:
        """Look the executors' arrays up, once for all batches to come."""
        args = [executor.arg_dict for executor in self.execs]
        pieces = self.slices or [slice(i, i + 1) for i in range(len(self.execs))]

        def inputs(descs: Descs) -> list[list[tuple[slice, Any]]]:
            # None holds the place of a label the symbol does not have.
            return [[(p, a.get(d.name)) for p, a in zip(pieces, args, strict=True)] for d in descs]

        self.data_arrays = inputs(self.data_shapes)
        self.label_arrays = None if self.label_shapes is None else inputs(self.label_shapes)
        self.param_arrays = [[a[name] for a in args] for name in self.param_names]
        self.state_arrays = [[a[name] for a in args] for name in self.state_names]
        self.aux_arrays = [[executor.aux_dict[name] for executor in self.execs] for name in self.aux_names]
        grads = [executor.grad_dict for executor in self.execs]

        def gradients(names: Sequence[str]) -> list[list[Any]]:
            return [[by_name.get(name) for by_name in grads] for name in names]

        self.grad_arrays = gradients(self.param_names) if self.for_training else None
        self.input_grad_arrays = gradients(self.data_names) if self.inputs_need_grad else None
        self.data_sizes = [desc.shape for desc in self.data_shapes]
        self._sizes = self.data_sizes + [desc.shape for desc in self.label_shapes or ()]
        # What to copy where: for each executor the (axis, piece, array) of each input, without, with labels.
        self._data_feeds = self._where(self.data_arrays, self.data_layouts)
        labels = self._where(self.label_arrays or [], self.label_layouts)
        self._feeds = [data + label for data, label in zip(self._data_feeds, labels, strict=True)]
        if len(self.execs) == 1:
            self._targets = [target for _, _, target in self._feeds[0]]
            first = self.grad_arrays or []
            self._indices = [i for i, (grad,) in enumerate(first) if grad is not None]
            self._grads = [first[i][0] for i in self._indices]
            self._weights = [self.param_arrays[i][0] for i in self._indices]

    def _where(
        self, arrays: Sequence[Sequence[tuple[slice, Any]]], axes: Sequence[int]
    ) -> list[list[tuple[int, slice, Any]]]:
        return [
            [(axis, *targets[i]) for targets, axis in zip(arrays, axes, strict=True)]
            for i in range(len(self.execs))
        ]

    # ---- parameters ----------------------------------------------------------------------------------------

    def check_params(
        self, arg_params: Mapping[str, nd.NDArray], aux_params: Mapping[str, nd.NDArray], allow_extra: bool
    ) -> None:
        """Raise unless every array given has a target of its shape."""
        executor = self.execs[0]
        for given, targets in ((arg_params, executor.arg_dict), (aux_params, executor.aux_dict)):
            for name, array in given.items():
                target = targets.get(name)
                if target is None:
                    if not allow_extra:
                        raise ValueError(f'Find name "{name}" that is not in the arguments')
                elif target.shape != array.shape:
                    raise ShapeError(f"parameter {name}: expected shape {target.shape}, got {array.shape}")

    def set_params(
        self,
        arg_params: Mapping[str, nd.NDArray],
        aux_params: Mapping[str, nd.NDArray],
        allow_extra: bool = False,
    ) -> None:
        """Copy values into every executor, all or (on an error) none."""
        self.check_params(arg_params, aux_params, allow_extra)
        for executor in self.execs:
            executor.copy_params_from(arg_params, aux_params, allow_extra_params=allow_extra)

    def get_params(self, arg_params: Params, aux_params: Params) -> None:
        """Copy the executors' values, their mean where there are several, into existing arrays.

        Means are computed in float64: values that are equal everywhere stay what they are.
        """
        for names, blocks, host in (
            (self.param_names, self.param_arrays, arg_params),
            (self.aux_names, self.aux_arrays, aux_params),
        ):
            for name, block in zip(names, blocks, strict=True):
                if len(block) == 1:
                    block[0].copyto(host[name])
                    continue
                mean = np.mean([array.asnumpy() for array in block], axis=0, dtype=np.float64)
                host[name][:] = mean.astype(block[0].dtype)


def _described(descs: Descs | None) -> list[tuple[Any, ...]] | None:
    """What binding depends on; descriptions themselves compare by name and shape only."""
    return None if descs is None else [(*desc, desc.layout) for desc in descs]
