"""The executors behind a Module, one per context: loading batches, running, reading what came out.

Module speaks to executors only through `DataParallelExecutorGroup`, in terms of whole batches; `slicing` cuts
them and joins the results, `group_binding` has made the executors. Names and arguments are MXNet's, since
programs reach for ``module._exec_group``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .. import ndarray as nd
from ..arguments import needs, shown
from ..base import MXNetError, ShapeError
from ..executor_manager import _split_input_slice as _split_input_slice
from .group_binding import Descs, GroupBinding
from .helpers import load_data, load_general, load_label, merge_multi_context
from .inputs import check_batch, context_groups
from .slicing import assign, extents, merge, merged_shape, take

# MXNet's names: programs with a group of their own import them from here.
_load_data, _load_general, _load_label = load_data, load_general, load_label
_merge_multi_context, _prepare_group2ctxs = merge_multi_context, context_groups


class DataParallelExecutorGroup(GroupBinding):
    """Executors of one symbol, each with its share of every batch and its own copy of the parameters.

    Parameters
    ----------
    symbol : Symbol
    contexts : list of Context
    workload : list of number, optional
        The share of each context; equal by default.
    data_shapes, label_shapes : list of DataDesc or (name, shape)
        What batches hold, in their order. Labels the symbol does not have are left out.
    param_names : list of str
        The arguments that are parameters.
    for_training, inputs_need_grad : bool
        Whether to compute gradients, and those of the data.
    shared_group : DataParallelExecutorGroup, optional
        Use the parameters, their gradients, the auxiliary states and the working memory of this group.
    logger : logging.Logger or the logging module
    fixed_param_names : list of str, optional
        Parameters without gradients.
    grad_req : str, list or dict
        'write', 'add' or 'null', for all parameters or each argument.
    state_names : list of str, optional
        Arguments that are neither filled by batches nor trained.
    group2ctxs : dict or list of dict, optional
        Contexts of the `ctx_group` attributes; see `inputs.context_groups`.

    Attributes
    ----------
    execs : list of Executor
    param_arrays, grad_arrays, aux_arrays, state_arrays : list of list of NDArray
        One list per name, with an array for each context. `grad_arrays` is None unless for training.
    data_arrays, label_arrays : list of list of (slice, NDArray)
    batch_size : int
    slices : list of slice, or None where no input has a batch axis
    """

    # ---- one batch -----------------------------------------------------------------------------------------

    def forward(self, data_batch: Any, is_train: bool | None = None) -> None:
        """Copy a batch in, each context its share, and compute the outputs.

        Parameters
        ----------
        data_batch : DataBatch, or list of DataBatch
            A list has one batch per context, each of that context's size.
        is_train : bool, optional
            `for_training` by default.

        Raises
        ------
        ShapeError
            The batch holds something else than was bound. Nothing has been copied.
        """
        shares = self._pieces(data_batch) if isinstance(data_batch, list) else self._shares(data_batch)
        train = self.for_training if is_train is None else is_train
        for i in self._order:
            for source, target in shares[i]:
                if isinstance(source, nd.NDArray):
                    source.copyto(target)
                else:
                    target[:] = source
            self.execs[i].forward(train)

    def _shares(self, batch: Any) -> list[list[tuple[Any, nd.NDArray]]]:
        """What to copy where, for each executor, of a whole batch."""
        sources, sizes, feeds = list(batch.data or ()), self.data_sizes, self._data_feeds
        label = getattr(batch, "label", None) if self.label_shapes else None
        if label:
            sources += label[: len(self.label_shapes or ())]  # as in MXNet, surplus labels are for others
            sizes, feeds = self._sizes, self._feeds
        try:
            shapes = [source.shape for source in sources]
        except AttributeError:
            check_batch(batch)
            raise
        if shapes != sizes:
            self._refuse("data", batch.data or (), self.data_shapes)
            self._refuse("label", label or (), self.label_shapes or ())
        if len(self.execs) == 1:
            # The targets of labels follow those of data; without labels they are left.
            return [[(s, t) for s, t in zip(sources, self._targets, strict=False) if t is not None]]
        return [
            [
                (take(source, axis, piece), target)
                for source, (axis, piece, target) in zip(sources, own, strict=True)
                if target is not None
            ]
            for own in feeds
        ]

    def _refuse(self, what: str, sources: Sequence[Any], descs: Descs) -> None:
        """Say what does not fit, if something does not."""
        if len(sources) != len(descs):
            raise MXNetError(
                f"the module needs {len(descs)} {what} arrays ({', '.join(desc.name for desc in descs)}), "
                f"the batch holds {len(sources)}"
            )
        for source, desc in zip(sources, descs, strict=True):
            if source.shape != desc.shape:
                raise ShapeError(f"{what} {desc.name}: expected shape {desc.shape}, got {source.shape}")

    def _pieces(self, batches: Sequence[Any]) -> list[list[tuple[Any, nd.NDArray]]]:
        """What to copy where of a list of batches, one per executor."""
        if len(batches) != len(self.execs):
            raise ValueError(f"{len(batches)} batches in a list for {len(self.execs)} contexts")
        names = [desc.name for desc in [*self.data_shapes, *(self.label_shapes or ())]]
        shares = []
        for i, batch in enumerate(batches):
            sources = [*(batch.data or ()), *((batch.label or ()) if self.label_shapes else ())]
            targets = [target for _, _, target in self._feeds[i]][: len(sources)]
            if len(sources) not in (len(self.data_shapes), len(names)):
                raise MXNetError(f"batch {i} of the list holds {len(sources)} arrays for {', '.join(names)}")
            for name, source, target in zip(names, sources, targets, strict=False):
                if target is not None and source.shape != target.shape:
                    raise ShapeError(
                        f"batch {i} of the list: {name} has shape {source.shape}, expected {target.shape}"
                    )
            shares.append([(s, t) for s, t in zip(sources, targets, strict=True) if t is not None])
        return shares

    def backward(self, out_grads: Any = None) -> None:
        """Compute the gradients.

        Parameters
        ----------
        out_grads : NDArray, or list or dict of NDArray, optional
            Gradients of the whole batch's outputs, as `get_outputs` gives them; None for loss outputs.
        """
        if not self.for_training:
            raise MXNetError("backward: the executors were bound with for_training=False")
        shares = self._head_shares(out_grads)
        for i in self._order:
            self.execs[i].backward(shares[i])

    def _head_shares(self, out_grads: Any) -> list[Any]:
        count = len(self.execs)
        if out_grads is None or count == 1:
            return [out_grads] * count
        if isinstance(out_grads, Mapping):
            unknown = sorted(set(out_grads) - set(self.output_names))
            if unknown:
                raise MXNetError(f"backward: no output named {unknown[0]!r}; outputs are {self.output_names}")
            out_grads = [out_grads.get(name) for name in self.output_names]
        heads = [out_grads] if isinstance(out_grads, nd.NDArray) else list(out_grads)
        shares: list[Any] = [[] for _ in range(count)]
        for name, axis, parts, grad in zip(
            self.output_names, self.output_layouts, self.get_outputs(False), heads, strict=False
        ):
            places, whole = extents(parts, axis), merged_shape(parts, axis)
            if isinstance(grad, nd.NDArray) and grad.shape != whole:
                raise ShapeError(f"head gradient of {name} has shape {grad.shape}, its output {whole}")
            for own, place in zip(shares, places, strict=True):
                own.append(None if grad is None else take(grad, axis, place))
        return shares

    def update(self, updater: Any) -> None:
        """Let an updater change every parameter that has a gradient; for one context, without a store."""
        updater(self._indices, self._grads, self._weights)

    def get_outputs(self, merge_multi_context: bool = True, begin: int = 0, end: int | None = None) -> Any:
        """Outputs `begin` to `end` (all by default) of the last `forward`.

        Returns
        -------
        list of NDArray, or list of list of NDArray
            Whole outputs, or each context's share of each. Their memory is used again by the next `forward`.
        """
        if merge_multi_context and len(self.execs) == 1:
            return self.execs[0].outputs[begin:end]
        outputs = [executor.outputs[begin:end] for executor in self.execs]
        by_output = [list(parts) for parts in zip(*outputs, strict=True)]
        if not merge_multi_context:
            return by_output
        return [
            merge(parts, axis) for parts, axis in zip(by_output, self.output_layouts[begin:end], strict=True)
        ]

    def get_output_shapes(self) -> list[tuple[str, tuple[int, ...]]]:
        """(name, shape) of each whole output."""
        outputs = zip(self.output_names, self.get_outputs(False), self.output_layouts, strict=True)
        return [(name, merged_shape(parts, axis)) for name, parts, axis in outputs]

    def get_input_grads(self, merge_multi_context: bool = True) -> Any:
        """Gradients of the data, whole or each context's share of each."""
        if self.input_grad_arrays is None:
            raise MXNetError("get_input_grads: the executors were bound without inputs_need_grad")
        if not merge_multi_context:
            return [list(parts) for parts in self.input_grad_arrays]
        return [
            merge(parts, axis) for parts, axis in zip(self.input_grad_arrays, self.data_layouts, strict=True)
        ]

    def get_states(self, merge_multi_context: bool = True) -> Any:
        """The state arrays, joined along their first axis, or each context's of each."""
        if not merge_multi_context:
            return [list(parts) for parts in self.state_arrays]
        return [merge(parts, 0) for parts in self.state_arrays]

    def set_states(self, states: Sequence[Any] | None = None, value: float | None = None) -> None:
        """Fill the state arrays: all with one number, or each from a whole array or a list of one per
        context."""
        if (states is None) == (value is None):
            raise ValueError("set_states needs either states or value")
        if states is None:
            for parts in self.state_arrays:
                for target in parts:
                    target[:] = value
            return
        if not isinstance(states, list | tuple):
            raise TypeError(f"states must be a list of NDArrays, got {shown(states)}")
        if len(states) != len(self.state_arrays):
            raise ValueError(
                f"there are {len(self.state_arrays)} states ({self.state_names}), got {len(states)} arrays"
            )
        jobs: list[tuple[Any, nd.NDArray]] = []
        for name, given, parts in zip(self.state_names, states, self.state_arrays, strict=True):
            for one in given if isinstance(given, list | tuple) else [given]:
                needs(one, f"states: {name}", "an NDArray, or a list of one per context", "shape", "dtype")
            own = given if isinstance(given, list | tuple) else [take(given, 0, p) for p in extents(parts, 0)]
            shapes = [array.shape for array in own], [array.shape for array in parts]
            if shapes[0] != shapes[1]:
                raise ShapeError(f"set_states: {name} needs arrays of shapes {shapes[1]}, got {shapes[0]}")
            jobs += zip(own, parts, strict=True)
        for source, target in jobs:
            assign(source, target)

    def update_metric(self, eval_metric: Any, labels: Any, pre_sliced: bool = False) -> None:
        """Feed labels and the outputs of the last `forward` to a metric, context by context.

        Parameters
        ----------
        eval_metric : EvalMetric
        labels : list of NDArray
            Of the whole batch; with `pre_sliced` a list of such lists, one per context.
        """
        if not isinstance(labels, list | tuple | None) or (pre_sliced and labels is None):
            raise TypeError(f"labels must be a list of NDArrays, got {shown(labels)}")
        if pre_sliced and not all(isinstance(own, list | tuple) for own in labels or ()):
            raise TypeError("labels: with pre_sliced, it must be a list of labels for every context")
        labels = labels or ()
        for label in [one for own in labels for one in own] if pre_sliced else labels:
            needs(label, "labels", "a list of NDArrays", "shape")
        if pre_sliced and len(labels) != len(self.execs):
            raise ValueError(f"{len(labels)} lists of labels for {len(self.execs)} contexts")
        names = self.label_names or self.spare_label_names
        axes = self.label_layouts or [0] * len(names)
        for i, executor in enumerate(self.execs):
            own = labels[i] if pre_sliced else labels
            if not pre_sliced and len(self.execs) > 1 and self.slices is not None:
                own = [take(label, axis, self.slices[i]) for label, axis in zip(own, axes, strict=False)]
            outputs = zip(self.output_names, executor.outputs, strict=True)
            eval_metric.update_dict(dict(zip(names, own, strict=False)), dict(outputs))

    def install_monitor(self, mon: Any) -> None:
        """Let a monitor watch the executors, across reshapes."""
        for executor in self.execs:
            mon.install(executor)
        self._monitors.append(mon)
