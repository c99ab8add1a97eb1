"""The executor behind a Module: binding, loading batches, reading outputs and gradients, reshaping.

Module speaks to executors only through this class, in terms of whole batches, so that a group over several
devices can take its place. It keeps no parameters of its own: `sync_params` and `set_params` copy between the
executor and Module's dicts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .. import ndarray as nd
from ..base import MXNetError, ShapeError
from ..context import Context
from ..io import DataBatch, DataDesc
from ..model import Params
from ..monitor import Monitor


class ExecutorGroup:
    """One executor of `symbol` on `context`.

    Parameters
    ----------
    symbol : Symbol
    context : Context
    data_shapes, label_shapes : list of DataDesc
        What batches hold, in their order. Labels the symbol does not have are left out.
    param_names : list of str
        The arguments that are parameters.
    grad_req : dict of str to str
        What to do with the gradient of each argument.
    group2ctx : dict, optional
        Contexts of the `ctx_group` attributes.
    shared : ExecutorGroup, optional
        Use the parameters, their gradients and the auxiliary states of this group instead of own ones.
    """

    def __init__(
        self,
        symbol: Any,
        context: Context,
        data_shapes: Sequence[DataDesc],
        label_shapes: Sequence[DataDesc] | None,
        param_names: Sequence[str],
        grad_req: Mapping[str, str],
        group2ctx: Any = None,
        shared: ExecutorGroup | None = None,
    ) -> None:
        self.symbol = symbol
        self.context = context
        self.param_names = list(param_names)
        self.grad_req = dict(grad_req)
        self._arg_names = set(symbol.list_arguments())
        self._monitors: list[Any] = []
        self._set_shapes(data_shapes, label_shapes)
        if shared is None:
            options = {} if group2ctx is None else {"group2ctx": group2ctx}
            executor = symbol.simple_bind(
                context,
                grad_req=self.grad_req,
                type_dict=self._input_types(),
                **options,
                **self._input_shapes(),
            )
        else:
            executor = self._bind_shared(shared, group2ctx)
        # Reshaping always starts from the first executor: its memory holds the parameters.
        self._default = executor
        self._default_shapes = self._input_shapes()
        self._use(executor)

    def _set_shapes(self, data_shapes: Sequence[DataDesc], label_shapes: Sequence[DataDesc] | None) -> None:
        sizes = {}
        for desc in data_shapes:
            axis = DataDesc.get_batch_axis(desc.layout)
            if axis >= 0 and desc.shape:
                sizes[desc.name] = desc.shape[axis]
        if len(set(sizes.values())) > 1:
            raise ShapeError(f"the data inputs have different batch sizes: {sizes}")
        self.batch_size: int = next(iter(sizes.values()), 1)
        self.data_shapes = list(data_shapes)
        self.label_shapes = None if label_shapes is None else list(label_shapes)

    def _inputs(self) -> list[DataDesc]:
        return self.data_shapes + [desc for desc in self.label_shapes or () if desc.name in self._arg_names]

    def _input_shapes(self) -> dict[str, tuple[int, ...]]:
        return {desc.name: desc.shape for desc in self._inputs()}

    def _input_types(self) -> dict[str, Any]:
        return {desc.name: desc.dtype for desc in self._inputs()}

    def _bind_shared(self, shared: ExecutorGroup, group2ctx: Any) -> Any:
        """Bind with the other group's arrays for every parameter and auxiliary state both symbols have."""
        arg_shapes, _, aux_shapes = self.symbol.infer_shape(**self._input_shapes())
        if arg_shapes is None:
            raise ShapeError(
                f"bind: the shapes {self._input_shapes()} do not determine those of all parameters"
            )
        arg_names, aux_names = self.symbol.list_arguments(), self.symbol.list_auxiliary_states()
        other = shared._default
        theirs = {name: other.arg_dict[name] for name in self.param_names if name in other.arg_dict}
        types = {**self._input_types(), **{name: array.dtype for name, array in theirs.items()}}
        arg_types, _, aux_types = self.symbol.infer_type(**types)
        args = self._allocate(arg_names, arg_shapes, arg_types, theirs)
        auxs = self._allocate(aux_names, aux_shapes, aux_types, other.aux_dict)
        trained = [name for name in arg_names if self.grad_req[name] != "null"]
        known = {name: other.grad_dict[name] for name in theirs if other.grad_dict.get(name) is not None}
        grads = self._allocate(
            trained, [args[name].shape for name in trained], [args[name].dtype for name in trained], known
        )
        options = {} if group2ctx is None else {"group2ctx": group2ctx}
        return self.symbol.bind(
            self.context, args, args_grad=grads, grad_req=self.grad_req, aux_states=auxs, **options
        )

    def _allocate(
        self,
        names: Sequence[str],
        shapes: Sequence[Any],
        types: Sequence[Any] | None,
        known: Mapping[str, Any],
    ) -> Params:
        """Arrays by name: the known ones, whose shape must fit, and zeros."""
        arrays = {}
        for name, shape, dtype in zip(names, shapes, types or [np.float32] * len(names), strict=True):
            array = known[name] if name in known else nd.zeros(shape, ctx=self.context, dtype=dtype)
            if array.shape != shape:
                raise ShapeError(f"bind: shared {name} has shape {array.shape}, but {shape} is needed")
            arrays[name] = array
        return arrays

    def _use(self, executor: Any) -> None:
        """Make `executor` the current one and look its arrays up once."""
        self.executor = executor
        args, grads = executor.arg_dict, executor.grad_dict
        self.param_arrays = [args[name] for name in self.param_names]
        self._data_targets = [(desc.name, args[desc.name]) for desc in self.data_shapes]
        # None holds the place of a label the symbol does not have.
        self._label_targets = [(desc.name, args.get(desc.name)) for desc in self.label_shapes or ()]
        self._trained = [
            (index, grads[name], args[name])
            for index, name in enumerate(self.param_names)
            if grads.get(name) is not None
        ]
        self._indices = [index for index, _, _ in self._trained]
        self._grads = [grad for _, grad, _ in self._trained]
        self._weights = [weight for _, _, weight in self._trained]

    def reshape(self, data_shapes: Sequence[DataDesc], label_shapes: Sequence[DataDesc] | None) -> None:
        """Go on with other input shapes and the same parameters.

        Raises
        ------
        ShapeError
            A parameter would need another shape. The group stays as it was.
        """
        before = self.data_shapes, self.label_shapes
        try:
            self._set_shapes(
                data_shapes, self._labels_for(data_shapes) if label_shapes is None else label_shapes
            )
            executor = self._reshaped()
        except BaseException:
            self._set_shapes(*before)
            raise
        for monitor in self._monitors:
            if isinstance(monitor, Monitor):
                monitor.uninstall(self.executor)
            monitor.install(executor)
        self._use(executor)

    def _labels_for(self, data_shapes: Sequence[DataDesc]) -> list[DataDesc] | None:
        """Descriptions of the labels for other data shapes, by inference: batches to predict come without."""
        if self.label_shapes is None:
            return None
        arg_shapes, _, _ = self.symbol.infer_shape(**{desc.name: desc.shape for desc in data_shapes})
        if arg_shapes is None:
            raise ShapeError(
                f"reshape: the shapes of {list(data_shapes)} do not determine those of the labels"
            )
        inferred = dict(zip(self.symbol.list_arguments(), arg_shapes, strict=True))
        return [
            DataDesc(desc.name, inferred.get(desc.name, desc.shape), desc.dtype, desc.layout)
            for desc in self.label_shapes
        ]

    def _reshaped(self) -> Any:
        shapes = self._input_shapes()
        if shapes == self._default_shapes:
            return self._default
        arg_shapes, _, _ = self.symbol.infer_shape(**shapes)
        if arg_shapes is None:
            raise ShapeError(f"reshape: the shapes {shapes} do not determine those of all arguments")
        bound = self._default.arg_dict
        for name, shape in zip(self.symbol.list_arguments(), arg_shapes, strict=True):
            if name not in self.param_names:
                # Inputs without a description, such as recurrent states, follow by inference.
                shapes[name] = shape
            elif bound[name].shape != shape:
                raise ShapeError(
                    f"reshape: inputs {self._input_shapes()} need parameter {name} of shape {shape}, "
                    f"but it has shape {bound[name].shape}"
                )
        return self._default.reshape(partial_shaping=False, allow_up_sizing=True, **shapes)

    # ---- parameters ----------------------------------------------------------------------------------------

    def param_dict(self) -> Params:
        """The executor's own parameter arrays by name."""
        return dict(zip(self.param_names, self.param_arrays, strict=True))

    def aux_dict(self) -> Params:
        """The executor's own auxiliary states by name."""
        return dict(self.executor.aux_dict)

    def check_params(
        self, arg_params: Mapping[str, nd.NDArray], aux_params: Mapping[str, nd.NDArray], allow_extra: bool
    ) -> None:
        """Raise unless every array given has a target of its shape."""
        for given, targets in ((arg_params, self.executor.arg_dict), (aux_params, self.executor.aux_dict)):
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
        """Copy values into the executor, all or (on an error) none."""
        self.check_params(arg_params, aux_params, allow_extra)
        self.executor.copy_params_from(arg_params, aux_params, allow_extra_params=allow_extra)

    def sync_params(self, arg_params: Params, aux_params: Params) -> None:
        """Copy the executor's values into existing arrays."""
        for name, array in self.param_dict().items():
            array.copyto(arg_params[name])
        for name, array in self.aux_dict().items():
            array.copyto(aux_params[name])

    # ---- one batch -----------------------------------------------------------------------------------------

    def forward(self, data_batch: DataBatch, is_train: bool) -> None:
        """Copy the batch in and compute the outputs."""
        _load("data", data_batch.data or (), self._data_targets)
        if self._label_targets and data_batch.label:
            _load("label", data_batch.label, self._label_targets)
        self.executor.forward(is_train)

    def backward(self, out_grads: Any) -> None:
        """Compute the gradients, given those of the outputs (None for loss outputs); none if all are null."""
        if any(request != "null" for request in self.grad_req.values()):
            self.executor.backward(out_grads)

    def update(self, updater: Any) -> None:
        """Let the updater change every parameter that has a gradient."""
        updater(self._indices, self._grads, self._weights)

    def outputs(self) -> list[nd.NDArray]:
        """The executor's outputs."""
        return list(self.executor.outputs)

    def output_shapes(self) -> list[tuple[str, tuple[int, ...]]]:
        """(name, shape) of each output."""
        names = self.symbol.list_outputs()
        return [(name, out.shape) for name, out in zip(names, self.executor.outputs, strict=True)]

    def input_grads(self) -> list[nd.NDArray]:
        """Gradients of the data inputs, in batch order."""
        return [self.executor.grad_dict[desc.name] for desc in self.data_shapes]

    def input_array(self, name: str) -> nd.NDArray:
        """The executor's own array of an argument."""
        array: nd.NDArray = self.executor.arg_dict[name]
        return array

    def install_monitor(self, mon: Any) -> None:
        """Let a monitor watch the executor, across reshapes."""
        mon.install(self.executor)
        self._monitors.append(mon)


def _load(what: str, sources: Sequence[Any], targets: Sequence[tuple[str, Any]]) -> None:
    if len(sources) != len(targets):
        names = ", ".join(name for name, _ in targets)
        raise MXNetError(
            f"the module needs {len(targets)} {what} arrays ({names}), the batch holds {len(sources)}"
        )
    for source, (name, target) in zip(sources, targets, strict=True):
        if target is None:
            continue
        if source.shape != target.shape:
            raise ShapeError(f"{what} {name}: expected shape {target.shape}, got {source.shape}")
        if isinstance(source, nd.NDArray):
            source.copyto(target)
        else:
            target[:] = source
