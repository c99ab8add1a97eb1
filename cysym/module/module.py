"""Module: one symbol with its parameters, executor and optimizer.

Parameters exist twice: in the executor, where training changes them, and as host copies that `get_params`
brings up to date. Everything about executors goes through ExecutorGroup.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from .. import ndarray as nd
from .. import optimizer as opt
from ..base import MXNetError
from ..context import Context, cpu
from ..formats.atomic import write_atomic
from ..initializer import InitDesc, Uniform
from ..io import DataBatch, DataDesc
from ..metric import EvalMetric
from ..model import Params, load_checkpoint
from .base_module import BaseModule
from .executor_group import ExecutorGroup
from .inputs import as_descs, check_input_names, described, gradient_requests, redescribed


class Module(BaseModule):
    """Train and run one symbol.

    Parameters
    ----------
    symbol : Symbol
    data_names, label_names : list of str
        Arguments that batches fill. A label the symbol does not have is warned about and ignored.
    logger : logging.Logger or the logging module
    context : Context, or list of one
    work_load_list : list of number, optional
        One weight per context, without effect on one.
    fixed_param_names : list of str, optional
        Parameters that keep their values.
    state_names : list of str, optional
        Arguments that are neither filled by batches nor trained; see `set_states`.
    group2ctxs : dict or list of one dict, optional
        Contexts of the `ctx_group` attributes.
    compression_params : dict, optional
        For gradients sent between devices, without effect on one.

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
        contexts = (
            list(context) if isinstance(context, list | tuple) else [cpu() if context is None else context]
        )
        if len(contexts) != 1 or not isinstance(contexts[0], Context):
            raise MXNetError(f"Module runs on one context, got {contexts}")
        if work_load_list is not None and len(work_load_list) != len(contexts):
            raise ValueError(
                f"work_load_list {work_load_list} must have one number per context, {len(contexts)}"
            )
        self._context: Context = contexts[0]
        self._group2ctx = group2ctxs[0] if isinstance(group2ctxs, list | tuple) else group2ctxs
        self._symbol = symbol
        self._data_names = list(data_names or ())
        self._label_names = list(label_names or ())
        self._state_names = list(state_names or ())
        self._fixed_param_names = list(fixed_param_names or ())
        arguments = symbol.list_arguments()
        check_input_names(arguments, self._data_names, "data", True)
        check_input_names(arguments, self._label_names, "label", False)
        check_input_names(arguments, self._state_names, "state", True)
        check_input_names(arguments, self._fixed_param_names, "fixed_param", True)
        inputs = {*self._data_names, *self._label_names, *self._state_names}
        self._param_names: list[str] = [name for name in arguments if name not in inputs]
        self._aux_names: list[str] = symbol.list_auxiliary_states()
        self._output_names: list[str] = symbol.list_outputs()
        self._arg_params: Params | None = None
        self._aux_params: Params | None = None
        # The executor's values are newer than the host copies.
        self._params_dirty = False
        self._optimizer: opt.Optimizer | None = None
        self._updater: opt.Updater | None = None
        self._preload_opt_states: str | None = None
        self._group: ExecutorGroup | None = None

    @staticmethod
    def load(prefix: str, epoch: int, load_optimizer_states: bool = False, **kwargs: Any) -> Module:
        """Make a module from a checkpoint; it still has to be bound.

        Parameters
        ----------
        prefix, epoch
            ``prefix-symbol.json`` and ``prefix-NNNN.params`` are read.
        load_optimizer_states : bool
            Read ``prefix-NNNN.states`` once the optimizer is installed.
        **kwargs
            For the constructor.
        """
        symbol, args, auxs = load_checkpoint(prefix, epoch)
        module = Module(symbol=symbol, **kwargs)
        module._arg_params = args
        module._aux_params = auxs
        module.params_initialized = True
        if load_optimizer_states:
            module._preload_opt_states = f"{prefix}-{epoch:04d}.states"
        return module

    def save_checkpoint(
        self, prefix: str, epoch: int, save_optimizer_states: bool = False, remove_amp_cast: bool = True
    ) -> None:
        """Write ``prefix-symbol.json``, ``prefix-NNNN.params`` and, if asked, ``prefix-NNNN.states``.

        Each file is replaced in one step: a process killed meanwhile leaves the previous one whole.
        """
        self._require("save_checkpoint", params=True, optimizer=save_optimizer_states)
        self._symbol.save(f"{prefix}-symbol.json", remove_amp_cast=remove_amp_cast)
        params_name = f"{prefix}-{epoch:04d}.params"
        self.save_params(params_name)
        logging.info('Saved checkpoint to "%s"', params_name)
        if save_optimizer_states:
            states_name = f"{prefix}-{epoch:04d}.states"
            self.save_optimizer_states(states_name)
            logging.info('Saved optimizer state to "%s"', states_name)

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
    def data_shapes(self) -> list[DataDesc]:
        """Descriptions of the data inputs."""
        return self._bound("data_shapes").data_shapes

    @property
    def label_shapes(self) -> list[DataDesc] | None:
        """Descriptions of the labels; None without labels."""
        return self._bound("label_shapes").label_shapes

    @property
    def output_shapes(self) -> list[tuple[str, tuple[int, ...]]]:
        """(name, shape) of the outputs."""
        return self._bound("output_shapes").output_shapes()

    def _bound(self, action: str, *, params: bool = False) -> ExecutorGroup:
        self._require(action, params=params)
        assert self._group is not None
        return self._group

    # ---- binding -------------------------------------------------------------------------------------------

    def bind(
        self,
        data_shapes: Sequence[Any],
        label_shapes: Sequence[Any] | None = None,
        for_training: bool = True,
        inputs_need_grad: bool = False,
        force_rebind: bool = False,
        shared_module: BaseModule | None = None,
        grad_req: Any = "write",
    ) -> None:
        """Make the executor for these input shapes.

        Parameters
        ----------
        data_shapes, label_shapes : list of DataDesc or (name, shape)
            In the order batches hold them.
        for_training : bool
            Keep what gradients need.
        inputs_need_grad : bool
            Compute gradients of the data inputs too.
        force_rebind : bool
            Bind again, keeping the parameters; otherwise a bound module only warns.
        shared_module : Module, optional
            Use its parameters, gradients, auxiliary states and optimizer.
        grad_req : str, list or dict
            'write', 'add' or 'null', for all parameters or each argument.

        Raises
        ------
        ValueError
            The names are not those the module was made with.
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
        data_descs, label_descs = described(self._data_names, self._label_names, data_shapes, label_shapes)
        trained = set(self._param_names) - set(self._fixed_param_names)
        if inputs_need_grad:
            trained.update(self._data_names)
        requests = gradient_requests(self._symbol.list_arguments(), trained, grad_req, for_training)
        if self._group is not None and self.params_initialized:
            self.get_params()
        group = ExecutorGroup(
            self._symbol,
            self._context,
            data_descs,
            label_descs,
            self._param_names,
            requests,
            self._group2ctx,
            None if shared_module is None else shared_module._group,
        )
        if shared_module is not None:
            self._arg_params, self._aux_params = shared_module._arg_params, shared_module._aux_params
            self.params_initialized = True
            self._params_dirty = shared_module._params_dirty
        elif self.params_initialized:
            # As in MXNet, what a loaded file lacks (a label that counts as a parameter here) stays zero; we
            # say so.
            for own, bound in zip(self._host_params(), (group.param_dict(), group.aux_dict()), strict=True):
                for name, zero in _host_zeros(bound).items():
                    if name not in own:
                        self.logger.warning("%s is not among the loaded parameters and stays zero", name)
                        own[name] = zero
            group.set_params(*self._host_params())
        else:
            self._arg_params = _host_zeros(group.param_dict())
            self._aux_params = _host_zeros(group.aux_dict())
        self._group = group
        self.binded = True
        self.for_training = for_training
        self.inputs_need_grad = inputs_need_grad
        if shared_module is not None and shared_module.optimizer_initialized:
            self.borrow_optimizer(shared_module)

    def reshape(self, data_shapes: Sequence[Any], label_shapes: Sequence[Any] | None = None) -> None:
        """Go on with other input shapes and the same parameters; see `bind`."""
        group = self._bound("reshape")
        group.reshape(*described(self._data_names, self._label_names, data_shapes, label_shapes))

    # ---- parameters ----------------------------------------------------------------------------------------

    def get_params(self) -> tuple[Params, Params]:
        """Host copies of the parameters and auxiliary states, by name.

        The arrays belong to the module: the next call brings the same arrays up to date.
        """
        group = self._bound("get_params", params=True)
        if self._params_dirty:
            group.sync_params(*self._host_params())
            self._params_dirty = False
        return self._host_params()

    def _host_params(self) -> tuple[Params, Params]:
        """The host copies as they are; bind made them."""
        assert self._arg_params is not None
        assert self._aux_params is not None
        return self._arg_params, self._aux_params

    def init_params(
        self,
        initializer: Any = Uniform(0.01),  # noqa: B008 - immutable, and MXNet's documented default
        arg_params: Mapping[str, nd.NDArray] | None = None,
        aux_params: Mapping[str, nd.NDArray] | None = None,
        allow_missing: bool = False,
        force_init: bool = False,
        allow_extra: bool = False,
    ) -> None:
        """Give parameters and auxiliary states their first values.

        Parameters
        ----------
        initializer : Initializer or callable, optional
            Fills what is not given; None leaves it as it is.
        arg_params, aux_params : dict of str to NDArray, optional
            Values given. Names the symbol does not have are ignored.
        allow_missing : bool
            Values may be missing where a dict is given; the initializer fills them.
        force_init : bool
            Initialize again; otherwise an initialized module only warns.
        allow_extra : bool
            Accepted for MXNet's signature; surplus names are ignored in any case.

        Raises
        ------
        RuntimeError
            A value is missing.
        ShapeError
            A value has the wrong shape. Nothing has changed.
        """
        group = self._bound("init_params")
        if self.params_initialized and not force_init:
            warnings.warn(
                "Parameters already initialized and force_init=False. init_params call ignored.", stacklevel=2
            )
            return
        if not allow_missing:
            self._check_complete(arg_params, aux_params)
        group.check_params(arg_params or {}, aux_params or {}, allow_extra=True)
        if self.params_initialized:
            self.get_params()
        attributes = self._symbol.attr_dict()
        fresh: list[tuple[nd.NDArray, nd.NDArray]] = []
        for own, given in zip(self._host_params(), (arg_params, aux_params), strict=True):
            for name, array in sorted(own.items()):
                if given is not None and name in given:
                    fresh.append((given[name], array))
                elif initializer is not None:
                    # A failing initializer must not leave a trained network half overwritten.
                    target = nd.zeros(array.shape, dtype=array.dtype) if self.params_initialized else array
                    initializer(InitDesc(name, attributes.get(name)), target)
                    fresh.append((target, array))
        for value, array in fresh:
            if value is not array:
                value.copyto(array)
        group.set_params(*self._host_params())
        self.params_initialized = True
        self._params_dirty = False

    def _check_complete(
        self, arg_params: Mapping[str, nd.NDArray] | None, aux_params: Mapping[str, nd.NDArray] | None
    ) -> None:
        for names, given in ((self._param_names, arg_params), (self._aux_names, aux_params)):
            for name in names:
                if given is not None and name not in given:
                    raise RuntimeError(f"{name} is not presented")

    def set_params(
        self,
        arg_params: Mapping[str, nd.NDArray] | None,
        aux_params: Mapping[str, nd.NDArray] | None,
        allow_missing: bool = False,
        force_init: bool = True,
        allow_extra: bool = False,
    ) -> None:
        """Assign parameters and auxiliary states by name.

        Parameters
        ----------
        allow_missing : bool
            Names may be missing and keep their values. Surplus names then are errors unless `allow_extra`;
            without `allow_missing` they are ignored (MXNet's rule).
        force_init : bool
            Assign even if the parameters are initialized already.
        """
        if not allow_missing:
            self.init_params(None, arg_params, aux_params, allow_missing, force_init, allow_extra)
            return
        group = self._bound("set_params")
        if self.params_initialized and not force_init:
            warnings.warn(
                "Parameters already initialized and force_init=False. set_params call ignored.", stacklevel=2
            )
            return
        group.set_params(arg_params or {}, aux_params or {}, allow_extra)
        self._params_dirty = True
        self.params_initialized = True

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
        kvstore : str or None
            Any local kind; with one context the parameters are updated in place and no store is used.
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
        if kvstore is not None and not isinstance(kvstore, str):
            raise TypeError(f"kvstore must be a str or None, got {type(kvstore).__name__}")
        if kvstore is not None and "dist" in kvstore:
            raise MXNetError(f"kvstore {kvstore!r}: distributed training is not available")
        names: dict[int | str, str] = dict(enumerate(self._param_names))
        rescale_grad = 1.0 / group.batch_size
        if isinstance(optimizer, str):
            params = {"rescale_grad": rescale_grad, **dict(optimizer_params)}
            optimizer = opt.create(optimizer, sym=self._symbol, param_idx2name=names, **params)
        elif not isinstance(optimizer, opt.Optimizer):
            raise TypeError(f"optimizer must be a name or an Optimizer, got {type(optimizer).__name__}")
        else:
            if optimizer.rescale_grad != rescale_grad:
                warnings.warn(
                    f"the optimizer was made outside Module and its rescale_grad {optimizer.rescale_grad} "
                    f"is not 1.0 / batch_size = {rescale_grad}; is this intended?",
                    stacklevel=2,
                )
            if not optimizer.idx2name:
                optimizer.idx2name = names
        updater = opt.get_updater(optimizer)
        if self._preload_opt_states is not None:
            _read_states(updater, self._preload_opt_states)
            self._preload_opt_states = None
        self._optimizer, self._updater = updater.optimizer, updater
        self.optimizer_initialized = True

    def borrow_optimizer(self, shared_module: Module) -> None:
        """Use the optimizer, and its states, of another module."""
        if not shared_module.optimizer_initialized:
            raise MXNetError("borrow_optimizer: the other module has no optimizer")
        self._optimizer, self._updater = shared_module._optimizer, shared_module._updater
        self.optimizer_initialized = True

    def save_optimizer_states(self, fname: str) -> None:
        """Write the optimizer's states to a file, replacing it in one step."""
        self._require("save_optimizer_states", params=True, optimizer=True)
        assert self._updater is not None
        write_atomic(fname, self._updater.get_states())

    def load_optimizer_states(self, fname: str) -> None:
        """Take over states written by `save_optimizer_states`, here or in MXNet."""
        self._require("load_optimizer_states", params=True, optimizer=True)
        assert self._updater is not None
        _read_states(self._updater, fname)
        self._optimizer = self._updater.optimizer

    # ---- one batch -----------------------------------------------------------------------------------------

    def forward(self, data_batch: DataBatch, is_train: bool | None = None) -> None:
        """Compute the outputs of a batch; one of other shapes than bound reshapes the module first.

        Parameters
        ----------
        data_batch : DataBatch
        is_train : bool, optional
            As bound, by default.
        """
        group = self._bound("forward", params=True)
        shapes = [array.shape for array in data_batch.data or ()]
        if shapes != [desc.shape for desc in group.data_shapes]:
            self._reshape_to(group, data_batch, shapes)
        group.forward(data_batch, self.for_training if is_train is None else is_train)

    def _reshape_to(self, group: ExecutorGroup, batch: DataBatch, shapes: list[tuple[int, ...]]) -> None:
        if len(shapes) != len(group.data_shapes):
            raise MXNetError(
                f"the module needs {len(group.data_shapes)} data arrays ({', '.join(self._data_names)}), "
                f"the batch holds {len(shapes)}"
            )
        data: Any = batch.provide_data or redescribed(group.data_shapes, shapes)
        label: Any = batch.provide_label
        if not label and batch.label:
            descs = group.label_shapes or [DataDesc(name, ()) for name in self._label_names]
            label = redescribed(descs, [array.shape for array in batch.label])
        if not label:
            # Prediction without labels: no description, the executor's label array follows by inference.
            group.reshape(as_descs(data), None)
        else:
            group.reshape(*described(self._data_names, self._label_names, data, label))

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
        assert self._group is not None
        self._params_dirty = True
        self._group.update(self._updater)

    def update_metric(self, eval_metric: EvalMetric, labels: Any, pre_sliced: bool = False) -> None:
        """Feed labels and the outputs of the last `forward` to a metric."""
        group = self._bound("update_metric", params=True)
        names = self._label_names if group.label_shapes is None else [d.name for d in group.label_shapes]
        given = dict(zip(names, labels or (), strict=False))
        eval_metric.update_dict(given, dict(zip(self._output_names, group.outputs(), strict=True)))

    def get_outputs(self, merge_multi_context: bool = True) -> list[nd.NDArray]:
        """Outputs of the last `forward`; their memory is used again by the next one."""
        return self._bound("get_outputs", params=True).outputs()

    def get_input_grads(self, merge_multi_context: bool = True) -> list[nd.NDArray]:
        """Gradients of the data inputs, from the last `backward`; needs `inputs_need_grad`."""
        group = self._bound("get_input_grads", params=True)
        if not self.inputs_need_grad:
            raise MXNetError("get_input_grads: the module was bound without inputs_need_grad")
        return group.input_grads()

    def get_states(self, merge_multi_context: bool = True) -> list[nd.NDArray]:
        """The arrays of `state_names`."""
        group = self._bound("get_states", params=True)
        return [group.input_array(name) for name in self._state_names]

    def set_states(self, states: Sequence[nd.NDArray] | None = None, value: float | None = None) -> None:
        """Fill the arrays of `state_names`, each from its own array or all with one number."""
        group = self._bound("set_states", params=True)
        if (states is None) == (value is None):
            raise ValueError("set_states needs either states or value")
        targets = [group.input_array(name) for name in self._state_names]
        values: Sequence[Any] = [value] * len(targets) if states is None else states
        if len(values) != len(targets):
            raise ValueError(
                f"there are {len(targets)} states ({self._state_names}), got {len(values)} arrays"
            )
        for target, source in zip(targets, values, strict=True):
            target[:] = source

    def install_monitor(self, mon: Any) -> None:
        """Let a Monitor watch the executor."""
        self._bound("install_monitor").install_monitor(mon)


def _host_zeros(arrays: Mapping[str, nd.NDArray]) -> Params:
    return {
        name: nd.zeros(array.shape, ctx=cpu(), dtype=np.dtype(array.dtype)) for name, array in arrays.items()
    }


def _read_states(updater: opt.Updater, fname: str) -> None:
    with open(fname, "rb") as stream:
        updater.set_states(stream.read())
