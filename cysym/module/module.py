"""Module: one symbol on one or several contexts, with its parameters and an optimizer.

Every batch is divided among the contexts, each of which has an executor and its own copy of the parameters;
`DataParallelExecutorGroup` does that, `ModuleParameters` keeps the host copies, and `updates` knows how
gradients become better parameters.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .. import model as _model
from .. import ndarray as nd
from .. import optimizer as opt
from ..arguments import file_name, finite, mapping, name_list, needs, shown
from ..base import MXNetError
from ..context import Context, cpu
from ..formats.atomic import write_atomic
from ..io import DataDesc
from ..metric import EvalMetric
from .executor_group import DataParallelExecutorGroup
from .inputs import (
    as_descs,
    check_batch,
    check_input_names,
    check_labels_reach,
    parse_data_desc,
    redescribed,
)
from .parameters import ModuleParameters
from .slicing import batch_axis, part
from .updates import index_names, make_optimizer


class Module(ModuleParameters):
    """Train and run one symbol.

    Parameters
    ----------
    symbol : Symbol
    data_names, label_names : list of str
        Arguments that batches fill. A label the symbol does not have is warned about and ignored.
    logger : logging.Logger or the logging module
    context : Context, or list of Context
        With several, each computes its share of every batch; gradients are summed over all of it.
    work_load_list : list of number, optional
        The share of each context; equal by default.
    fixed_param_names : list of str, optional
        Parameters that keep their values.
    state_names : list of str, optional
        Arguments that are neither filled by batches nor trained; see `set_states`.
    group2ctxs : dict or list of dict, optional
        Contexts of the `ctx_group` attributes: for each group one context or one per entry of `context`, or
        a dict of group to context for each.
    compression_params : dict, optional
        For a ``device`` kvstore: ``{"type": "2bit", "threshold": 0.5}``.

    Raises
    ------
    ValueError
        A data, state or fixed parameter name is no argument of the symbol.
    """

    def __init__(
        self,
        symbol: Any,
        data_names: Sequence[str] | None = ("data",),
        label_names: Sequence[str] | None = ("softmax_label",),
        logger: Any = logging,
        context: Context | Sequence[Context] | None = None,
        work_load_list: Sequence[float] | None = None,
        fixed_param_names: Sequence[str] | None = None,
        state_names: Sequence[str] | None = None,
        group2ctxs: Any = None,
        compression_params: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(logger)
        needs(symbol, "Module: symbol", "a Symbol", "list_arguments", "list_auxiliary_states", "simple_bind")
        contexts: list[Any] = list(context) if isinstance(context, list | tuple) else [context]
        if context is None:
            contexts = [cpu()]
        if not contexts or not all(isinstance(ctx, Context) for ctx in contexts):
            raise MXNetError(f"Module: context must be a Context or a list of them, got {context!r}")
        if not isinstance(work_load_list, list | tuple | None):
            raise TypeError(f"work_load_list must be a list of numbers, got {shown(work_load_list)}")
        loads = [1] * len(contexts) if work_load_list is None else list(work_load_list)
        for load in loads:
            finite(load, "work_load_list: the load", 0)
        if len(loads) != len(contexts):
            raise ValueError(f"work_load_list {loads} must have one number per context, {len(contexts)}")
        self._context: list[Context] = contexts
        self._work_load_list = loads
        self._group2ctxs = group2ctxs
        self._compression_params = mapping(compression_params, "compression_params") or None
        self._symbol = symbol
        self._data_names = name_list(data_names, "data_names")
        self._label_names = name_list(label_names, "label_names")
        self._state_names = name_list(state_names, "state_names")
        self._fixed_param_names = name_list(fixed_param_names, "fixed_param_names")
        check_input_names(symbol, self._data_names, "data", True)
        check_input_names(symbol, self._label_names, "label", False)
        check_input_names(symbol, self._state_names, "state", True)
        check_input_names(symbol, self._fixed_param_names, "fixed_param", True)
        inputs = {*self._data_names, *self._label_names, *self._state_names}
        self._param_names = [name for name in symbol.list_arguments() if name not in inputs]
        self._aux_names = symbol.list_auxiliary_states()
        self._output_names: list[str] = symbol.list_outputs()
        self._optimizer: opt.Optimizer | None = None
        self._updater: opt.Updater | None = None
        self._grad_req: Any = None

    # ---- names and shapes ----------------------------------------------------------------------------------

    @property
    def data_names(self) -> list[str]:
        """Names of the data inputs."""
        return self._data_names

    @property
    def label_names(self) -> list[str]:
        """Names of the labels."""
        return self._label_names

    @property
    def output_names(self) -> list[str]:
        """Names of the outputs."""
        return self._output_names

    @property
    def _data_shapes(self) -> list[DataDesc] | None:
        return None if self._exec_group is None else self._exec_group.data_shapes

    @property
    def _label_shapes(self) -> list[DataDesc] | None:
        return None if self._exec_group is None else self._exec_group.label_shapes

    @property
    def data_shapes(self) -> list[DataDesc]:
        """Descriptions of the data inputs, of whole batches."""
        return self._bound("data_shapes").data_shapes

    @property
    def label_shapes(self) -> list[DataDesc] | None:
        """Descriptions of the labels; None without labels."""
        return self._bound("label_shapes").label_shapes

    @property
    def output_shapes(self) -> list[tuple[str, tuple[int, ...]]]:
        """(name, shape) of the outputs."""
        return self._bound("output_shapes").get_output_shapes()

    # ---- binding -------------------------------------------------------------------------------------------

    def bind(
        self,
        data_shapes: Sequence[Any],
        label_shapes: Sequence[Any] | None = None,
        for_training: bool = True,
        inputs_need_grad: bool = False,
        force_rebind: bool = False,
        shared_module: Any = None,
        grad_req: Any = "write",
    ) -> None:
        """Make the executors for these input shapes.

        Parameters
        ----------
        data_shapes, label_shapes : list of DataDesc or (name, shape)
            In the order batches hold them. A description's layout says along which axis (its N) an input is
            divided among contexts; an input whose layout has no N goes to each of them whole.
        for_training : bool
            Keep what gradients need.
        inputs_need_grad : bool
            Compute gradients of the data inputs too.
        force_rebind : bool
            Bind again, keeping the parameters; otherwise a bound module only warns.
        shared_module : Module, optional
            Use its parameters, gradients, auxiliary states, optimizer and working memory. What the one has
            saved for `backward` is gone once the other runs.
        grad_req : str, list or dict
            'write', 'add' or 'null', for all parameters or each argument.

        Raises
        ------
        ValueError
            The names are not those the module was made with, or there are fewer samples than contexts.
        MXNetError
            The shapes do not fit the symbol. The module stays as it was.
        """
        if self.binded and not force_rebind:
            self.logger.warning("Already bound, ignoring bind()")
            return
        if inputs_need_grad and not for_training:
            raise ValueError("inputs_need_grad needs for_training")
        if shared_module is not None and not (
            isinstance(shared_module, Module) and shared_module.binded and shared_module.params_initialized
        ):
            raise MXNetError("shared_module must be a bound Module with initialized parameters")
        data, label = parse_data_desc(self._data_names, self._label_names, data_shapes, label_shapes)
        check_labels_reach(self._symbol.list_arguments(), self._label_names, label)
        if self._exec_group is not None and self.params_initialized:
            self.get_params()
        group = DataParallelExecutorGroup(
            self._symbol,
            self._context,
            self._work_load_list,
            data,
            label,
            self._param_names,
            for_training,
            inputs_need_grad,
            None if shared_module is None else shared_module._exec_group,
            logger=self.logger,
            fixed_param_names=self._fixed_param_names,
            grad_req=grad_req,
            state_names=self._state_names,
            group2ctxs=self._group2ctxs,
        )
        group.spare_label_names = self._label_names
        self._adopt_params(group, shared_module)
        self._exec_group = group
        self._grad_req = grad_req
        self._total_exec_bytes = group._total_exec_bytes
        self.binded = True
        self.for_training = for_training
        self.inputs_need_grad = inputs_need_grad
        if shared_module is not None:
            self.params_initialized = True
            if shared_module.optimizer_initialized:
                self.borrow_optimizer(shared_module)

    def _reset_bind(self) -> None:
        """Forget the executors; parameters stay."""
        if self.binded and self.params_initialized:
            self.get_params()
        self.binded = False
        self._exec_group = None

    def reshape(self, data_shapes: Sequence[Any], label_shapes: Sequence[Any] | None = None) -> None:
        """Go on with other input shapes and the same parameters; see `bind`."""
        group = self._bound("reshape")
        group.reshape(*parse_data_desc(self._data_names, self._label_names, data_shapes, label_shapes))

    # ---- optimizer -----------------------------------------------------------------------------------------

    def init_optimizer(
        self,
        kvstore: Any = "local",
        optimizer: Any = "sgd",
        optimizer_params: Mapping[str, Any] | Iterable[tuple[str, Any]] = (("learning_rate", 0.01),),
        force_init: bool = False,
    ) -> None:
        """Install an optimizer.

        Parameters
        ----------
        kvstore : str, KVStore or None
            What sums the gradients of several contexts: ``local`` on the CPU, ``device`` on the first one. It
            also updates the parameters unless ``MXNET_UPDATE_ON_KVSTORE=0``. By name, it is not used for one
            context. None: every context goes its own way.
        optimizer : str or Optimizer
            A name gets `rescale_grad` = 1 / batch size unless `optimizer_params` has one.
        optimizer_params : dict or pairs
            Arguments of the optimizer named.
        force_init : bool
            Replace an optimizer; otherwise a module that has one only warns.
        """
        group = self._bound("init_optimizer", params=True)
        if self.optimizer_initialized and not force_init:
            self.logger.warning("optimizer already initialized, ignoring...")
            return
        arg_params = self.get_params()[0]
        store: Any
        store, on_store = _model._create_kvstore(kvstore, len(self._context), arg_params)
        batch_size = group.batch_size
        if store is not None and "dist" in store.type and "_sync" in store.type:
            batch_size *= store.num_workers
        names = index_names(self._param_names, len(self._context), on_store)
        optimizer = make_optimizer(optimizer, optimizer_params, self._symbol, names, 1.0 / batch_size)
        updater = None if on_store else opt.get_updater(optimizer)
        if store is not None:
            if self._compression_params:
                store.set_gradient_compression(self._compression_params)
            if on_store:
                store.set_optimizer(optimizer)
            _model._initialize_kvstore(store, group.param_arrays, arg_params, self._param_names, on_store)
        if self._preload_opt_states is not None:
            _read_states(updater, store, self._preload_opt_states)
            self._preload_opt_states = None
        self._optimizer = optimizer if updater is None else updater.optimizer
        self._updater, self._kvstore, self._update_on_kvstore = updater, store, on_store
        self.optimizer_initialized = True

    def borrow_optimizer(self, shared_module: Module) -> None:
        """Use the optimizer of another module, its states and its store."""
        if not isinstance(shared_module, Module):
            raise TypeError(f"borrow_optimizer: shared_module must be a Module, got {shown(shared_module)}")
        if not shared_module.optimizer_initialized:
            raise MXNetError("borrow_optimizer: the other module has no optimizer")
        self._optimizer, self._updater = shared_module._optimizer, shared_module._updater
        self._kvstore = shared_module._kvstore
        self._update_on_kvstore = shared_module._update_on_kvstore
        self.optimizer_initialized = True

    def save_optimizer_states(self, fname: str) -> None:
        """Write the optimizer's states to a file, replacing it in one step."""
        self._require("save_optimizer_states", params=True, optimizer=True)
        if self._updater is None:
            self._kvstore.save_optimizer_states(fname)
        else:
            write_atomic(fname, self._updater.get_states())

    def load_optimizer_states(self, fname: str) -> None:
        """Take over states written by `save_optimizer_states`, here or in MXNet."""
        self._require("load_optimizer_states", params=True, optimizer=True)
        _read_states(self._updater, self._kvstore, fname)
        if self._updater is not None:
            self._optimizer = self._updater.optimizer

    # ---- one batch -----------------------------------------------------------------------------------------

    def prepare(self, data_batch: Any, sparse_row_id_fn: Any = None) -> None:
        """Nothing to do before a batch: there are no sparse parameters, and `sparse_row_id_fn` is refused
        where it would matter."""
        self._bound("prepare")
        if sparse_row_id_fn is None:
            return
        if self._update_on_kvstore:
            raise MXNetError(
                "prepare: sparse_row_id_fn is for row_sparse parameters, which cysym does not have; "
                "leave it out"
            )
        warnings.warn(
            "Parameters are not updated in the KVStore. No need to call sparse_row_id_fn.", stacklevel=2
        )

    def forward(self, data_batch: Any, is_train: bool | None = None) -> None:
        """Compute the outputs of a batch; one of other shapes than bound reshapes the module first.

        Parameters
        ----------
        data_batch : DataBatch, or any object with `data` (and `label`); or list of DataBatch
            A list has one batch per context.
        is_train : bool, optional
            As bound, by default.
        """
        group = self._bound("forward", params=True)
        if isinstance(data_batch, list):
            if len(data_batch) != len(group.execs):
                raise ValueError(f"{len(data_batch)} batches in a list for {len(group.execs)} contexts")
            for batch in data_batch:
                check_batch(batch)
            shapes = _joined([batch.data or () for batch in data_batch], group.data_shapes)
        else:
            try:
                shapes = [array.shape for array in data_batch.data or ()]
            except (AttributeError, TypeError, ValueError, NotImplementedError):
                check_batch(data_batch)
                raise
        if shapes == group.data_sizes:
            group.forward(data_batch, is_train)
            return
        before = group.data_shapes, group.label_shapes
        self._reshape_to(group, data_batch, shapes)
        try:
            group.forward(data_batch, is_train)
        except (MXNetError, ValueError):
            group.reshape(*before)
            raise

    def _reshape_to(
        self, group: DataParallelExecutorGroup, batch: Any, shapes: list[tuple[int, ...]]
    ) -> None:
        if len(shapes) != len(group.data_shapes):
            raise MXNetError(
                f"the module needs {len(group.data_shapes)} data arrays ({', '.join(self._data_names)}), "
                f"the batch holds {len(shapes)}"
            )
        data: Any = getattr(batch, "provide_data", None) or redescribed(group.data_shapes, shapes)
        label: Any = getattr(batch, "provide_label", None)
        if not label:
            descs = group.label_shapes or [DataDesc(name, ()) for name in self._label_names]
            if isinstance(batch, list):
                label = redescribed(
                    descs, _joined([one.label or () for one in batch], group.label_shapes or ())
                )
            else:
                label = redescribed(descs, [a.shape for a in getattr(batch, "label", None) or ()])
        if not label:
            # Prediction without labels: no description, the executors' label arrays follow by inference.
            group.reshape(as_descs(data, "provide_data"), None)
        else:
            group.reshape(*parse_data_desc(self._data_names, self._label_names, data, label))

    def backward(self, out_grads: Any = None) -> None:
        """Compute the gradients.

        Parameters
        ----------
        out_grads : NDArray or list of NDArray, optional
            Gradients of the outputs; not needed where all outputs are losses.
        """
        group = self._bound("backward", params=True)
        if not self.for_training:
            raise MXNetError("backward: the module was bound with for_training=False")
        group.backward(out_grads)

    def update(self) -> None:
        """Let the optimizer change the parameters, with the gradients of the last `backward`."""
        self._require("update", params=True, optimizer=True)
        group = self._exec_group
        assert group is not None
        if group.grad_arrays is None:
            raise MXNetError("update: the module was bound with for_training=False")
        self._params_dirty = True
        if self._update_on_kvstore:
            _model._update_params_on_kvstore(
                group.param_arrays, group.grad_arrays, self._kvstore, self._param_names
            )
        elif self._kvstore is None and len(group.execs) == 1:
            group.update(self._updater)
        else:
            assert self._updater is not None
            _model._update_params(
                group.param_arrays,
                group.grad_arrays,
                updater=self._updater,
                num_device=len(group.execs),
                kvstore=self._kvstore,
                param_names=self._param_names,
            )

    def update_metric(self, eval_metric: EvalMetric, labels: Any, pre_sliced: bool = False) -> None:
        """Feed labels and the outputs of the last `forward` to a metric, once per context.

        With `pre_sliced`, `labels` has a list of labels per context.
        """
        needs(eval_metric, "eval_metric", "an EvalMetric", "update_dict")
        self._bound("update_metric", params=True).update_metric(eval_metric, labels, pre_sliced)

    def get_outputs(self, merge_multi_context: bool = True) -> Any:
        """Outputs of the last `forward`; their memory is used again by the next one.

        Returns
        -------
        list of NDArray, or list of list of NDArray
            Without `merge_multi_context` each output is a list of the contexts' shares.
        """
        return self._bound("get_outputs", params=True).get_outputs(merge_multi_context)

    def get_input_grads(self, merge_multi_context: bool = True) -> Any:
        """Gradients of the data inputs, from the last `backward`; needs `inputs_need_grad`."""
        group = self._bound("get_input_grads", params=True)
        if not self.inputs_need_grad:
            raise MXNetError("get_input_grads: the module was bound without inputs_need_grad")
        return group.get_input_grads(merge_multi_context)

    def get_states(self, merge_multi_context: bool = True) -> Any:
        """The arrays of `state_names`, whole or each context's."""
        return self._bound("get_states", params=True).get_states(merge_multi_context)

    def set_states(self, states: Sequence[Any] | None = None, value: float | None = None) -> None:
        """Fill the arrays of `state_names`: each from its own array (or a list of one per context), or all
        with one number."""
        self._bound("set_states", params=True).set_states(states, value)

    def install_monitor(self, mon: Any) -> None:
        """Let a Monitor watch the executors."""
        needs(mon, "mon", "a Monitor", "install")
        self._bound("install_monitor").install_monitor(mon)


def _joined(batches: Sequence[Sequence[nd.NDArray]], descs: Sequence[DataDesc]) -> list[tuple[int, ...]]:
    """The shapes of the inputs of one batch that a list of batches amounts to."""
    shapes = [[array.shape for array in arrays] for arrays in batches]
    if any(other != shapes[0] for other in shapes):
        raise ValueError(f"all batches of a list need arrays of the same shapes, got {shapes}")
    joined = []
    for shape, desc in zip(shapes[0], descs, strict=False):
        axis = batch_axis(desc)
        joined.append(shape if axis < 0 else part(shape, axis, slice(0, len(shapes) * shape[axis])))
    return joined


def _read_states(updater: opt.Updater | None, store: Any, fname: str) -> None:
    if updater is None:
        store.load_optimizer_states(fname)
    else:
        with open(file_name(fname), "rb") as stream:
            updater.set_states(stream.read())
