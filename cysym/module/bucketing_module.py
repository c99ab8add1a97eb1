"""BucketingModule: one network in several sizes, such as a recurrent one unrolled to several lengths.

A function makes the symbol of each size, its bucket, when a batch of that size comes. Every bucket is a
Module that shares parameters, optimizer and working memory with the default one; this class only chooses
among them.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Any, Self

import numpy as np

from .. import ndarray as nd
from .. import symbol as sym
from ..arguments import checkpoint_file, function, name_list, needs, shown
from ..base import FormatError, MXNetError
from ..checkpoint import Params, load_params
from ..context import Context
from ..initializer import Uniform
from ..io import DataBatch, DataDesc
from ..metric import EvalMetric
from ..name import NameManager
from .base_module import BaseModule
from .inputs import check_batch, check_input_names
from .module import Module


class BucketingModule(BaseModule):
    """Train and run a network whose batches come in several shapes.

    Parameters
    ----------
    sym_gen : callable
        From a bucket key to (symbol, data names, label names).
    default_bucket_key : object
        The bucket whose symbol has all parameters; the largest, so that the others fit into its memory.
    logger, context, work_load_list, fixed_param_names, state_names, group2ctxs, compression_params
        See Module.

    Raises
    ------
    ValueError
        There is no default bucket key, or a name is no argument of its symbol.
    """

    def __init__(
        self,
        sym_gen: Callable[[Any], tuple[Any, Any, Any]],
        default_bucket_key: Any = None,
        logger: Any = logging,
        context: Context | Sequence[Context] | None = None,
        work_load_list: Sequence[float] | None = None,
        fixed_param_names: Sequence[str] | None = None,
        state_names: Sequence[str] | None = None,
        group2ctxs: Any = None,
        compression_params: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(logger)
        if default_bucket_key is None:
            raise ValueError("BucketingModule needs default_bucket_key, the key of the largest bucket")
        if not isinstance(default_bucket_key, Hashable):
            raise TypeError(f"default_bucket_key must be hashable, got {shown(default_bucket_key)}")
        self._default_bucket_key = default_bucket_key
        self._sym_gen = function(sym_gen, "sym_gen")
        self._options: dict[str, Any] = {
            "logger": logger, "context": context, "work_load_list": work_load_list,
            "fixed_param_names": fixed_param_names, "state_names": state_names, "group2ctxs": group2ctxs,
            "compression_params": compression_params,
        }  # fmt: skip
        symbol, data_names, label_names = self._call_sym_gen(default_bucket_key)
        check_input_names(symbol, name_list(data_names, "data_names"), "data", True)
        check_input_names(symbol, name_list(label_names, "label_names"), "label", False)
        check_input_names(symbol, name_list(state_names, "state_names"), "state", True)
        check_input_names(symbol, name_list(fixed_param_names, "fixed_param_names"), "fixed_param", True)
        self._buckets: dict[Any, Module] = {}
        self._curr_module: Module | None = None
        self._curr_bucket_key: Any = None
        self._monitor: Any = None
        self._grad_req: Any = None

    def _call_sym_gen(self, bucket_key: Any) -> tuple[Any, Any, Any]:
        with NameManager():  # the same automatic names in every bucket
            made = self._sym_gen(bucket_key)
        if not isinstance(made, list | tuple) or len(made) != 3:
            raise TypeError(f"sym_gen must return (symbol, data_names, label_names), got {shown(made)}")
        needs(made[0], "the symbol that sym_gen returns", "a Symbol", "list_arguments", "list_outputs")
        return made[0], made[1], made[2]

    def _make(self, bucket_key: Any) -> Module:
        return Module(*self._call_sym_gen(bucket_key), **self._options)

    def _current(self, action: str, *, params: bool = False, optimizer: bool = False) -> Module:
        self._require(action, params=params, optimizer=optimizer)
        assert self._curr_module is not None
        return self._curr_module

    # ---- names and shapes: those of the current bucket -----------------------------------------------------

    @property
    def data_names(self) -> list[str]:
        """Names of the data inputs, before `bind` those of the default bucket."""
        if self.binded:
            return self._current("data_names").data_names
        return list(self._call_sym_gen(self._default_bucket_key)[1] or ())

    @property
    def output_names(self) -> list[str]:
        """Names of the outputs, before `bind` those of the default bucket."""
        if self.binded:
            return self._current("output_names").output_names
        names: list[str] = self._call_sym_gen(self._default_bucket_key)[0].list_outputs()
        return names

    @property
    def data_shapes(self) -> list[DataDesc]:
        """Descriptions of the data inputs."""
        return self._current("data_shapes").data_shapes

    @property
    def label_shapes(self) -> list[DataDesc] | None:
        """Descriptions of the labels; None without labels."""
        return self._current("label_shapes").label_shapes

    @property
    def output_shapes(self) -> list[tuple[str, tuple[int, ...]]]:
        """(name, shape) of the outputs."""
        return self._current("output_shapes").output_shapes

    @property
    def symbol(self) -> Any:
        """The symbol of the current bucket."""
        return self._current("symbol").symbol

    # ---- buckets -------------------------------------------------------------------------------------------

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
        """Bind the default bucket; the others follow when their batches come. See `Module.bind`.

        With `force_rebind` all buckets are made anew and keep the parameters.
        """
        if self.binded and not force_rebind:
            self.logger.warning("Already bound, ignoring bind()")
            return
        if shared_module is not None:
            raise MXNetError("shared_module for BucketingModule is not supported")
        key = self._default_bucket_key
        params = self.get_params() if self.params_initialized else None
        fresh = self.binded or key not in self._buckets
        module = self._make(key) if fresh else self._buckets[key]
        module.bind(data_shapes, label_shapes, for_training, inputs_need_grad, grad_req=grad_req)
        if fresh:
            self._buckets = {}
            if params is not None:
                module.init_params(None, *params)
            if self.optimizer_initialized:
                assert self._curr_module is not None
                module.borrow_optimizer(self._curr_module)
        self._buckets[key] = module
        self._curr_module, self._curr_bucket_key = module, key
        self.for_training, self.inputs_need_grad, self._grad_req = for_training, inputs_need_grad, grad_req
        self.binded = True

    def switch_bucket(
        self, bucket_key: Any, data_shapes: Sequence[Any] | None, label_shapes: Sequence[Any] | None = None
    ) -> None:
        """Make another bucket the current one, binding it if this is its first time.

        Parameters
        ----------
        bucket_key : object
        data_shapes, label_shapes : list of DataDesc or (name, shape)
            Needed the first time.
        """
        self._require("switch_bucket")
        if not isinstance(bucket_key, Hashable):
            raise TypeError(f"bucket_key must be hashable, got {shown(bucket_key)}")
        module = self._buckets.get(bucket_key)
        if module is None or not module.binded:
            if data_shapes is None:
                raise MXNetError(
                    f"bucket {bucket_key!r} is new: its batch must describe itself by provide_data and "
                    "provide_label, or data_shapes be given"
                )
            if module is None:
                module = self._make(bucket_key)
            module.bind(
                data_shapes,
                label_shapes,
                self.for_training,
                self.inputs_need_grad,
                shared_module=self._buckets[self._default_bucket_key],
                grad_req=self._grad_req,
            )
            if self._monitor is not None:
                module.install_monitor(self._monitor)
            self._buckets[bucket_key] = module
        self._curr_module, self._curr_bucket_key = module, bucket_key

    def prepare(self, data_batch: DataBatch, sparse_row_id_fn: Any = None) -> None:
        """Bind the bucket of the next batch; the current one stays current."""
        self._require("prepare", params=True)
        _check_batch(data_batch)
        before = self._curr_bucket_key
        self.switch_bucket(data_batch.bucket_key, data_batch.provide_data, data_batch.provide_label)
        try:
            self._current("prepare").prepare(data_batch, sparse_row_id_fn)
        finally:
            self.switch_bucket(before, None)

    # ---- parameters ----------------------------------------------------------------------------------------

    def get_params(self) -> tuple[Params, Params]:
        """Host copies of the parameters and auxiliary states, by name."""
        if not (self.params_initialized and self._buckets):
            self._require("get_params", params=True)
        return self._buckets[self._default_bucket_key].get_params()

    def init_params(
        self,
        initializer: Any = Uniform(0.01),  # noqa: B008 - immutable, and MXNet's documented default
        arg_params: Mapping[str, nd.NDArray] | None = None,
        aux_params: Mapping[str, nd.NDArray] | None = None,
        allow_missing: bool = False,
        force_init: bool = False,
        allow_extra: bool = False,
    ) -> None:
        """Give parameters and auxiliary states their first values; see `Module.init_params`."""
        if self.params_initialized and not force_init:
            return
        self._require("init_params")
        self._buckets[self._default_bucket_key].init_params(
            initializer, arg_params, aux_params, allow_missing, force_init, allow_extra
        )
        self.params_initialized = True

    def set_params(
        self,
        arg_params: Mapping[str, nd.NDArray] | None,
        aux_params: Mapping[str, nd.NDArray] | None,
        allow_missing: bool = False,
        force_init: bool = True,
        allow_extra: bool = False,
    ) -> None:
        """Assign parameters and auxiliary states by name; see `Module.set_params`."""
        if self.params_initialized and not force_init:
            warnings.warn(
                "Parameters already initialized and force_init=False. set_params call ignored.", stacklevel=2
            )
            return
        self._require("set_params")
        self._buckets[self._default_bucket_key].set_params(
            arg_params, aux_params, allow_missing, force_init, allow_extra
        )
        self.params_initialized = True

    def get_states(self, merge_multi_context: bool = True) -> Any:
        """The arrays of `state_names` of the current bucket."""
        return self._current("get_states", params=True).get_states(merge_multi_context)

    def set_states(self, states: Any = None, value: Any = None) -> None:
        """Fill the arrays of `state_names` of the current bucket."""
        self._current("set_states", params=True).set_states(states, value)

    def init_optimizer(
        self,
        kvstore: Any = "local",
        optimizer: Any = "sgd",
        optimizer_params: Mapping[str, Any] | Iterable[tuple[str, Any]] = (("learning_rate", 0.01),),
        force_init: bool = False,
    ) -> None:
        """Install one optimizer for all buckets; see `Module.init_optimizer`."""
        self._require("init_optimizer", params=True)
        if self.optimizer_initialized and not force_init:
            self.logger.warning("optimizer already initialized, ignoring.")
            return
        default = self._buckets[self._default_bucket_key]
        default.init_optimizer(kvstore, optimizer, optimizer_params, force_init)
        for module in self._buckets.values():
            if module is not default:
                module.borrow_optimizer(default)
        self.optimizer_initialized = True

    # ---- one batch -----------------------------------------------------------------------------------------

    def forward(self, data_batch: DataBatch, is_train: bool | None = None) -> None:
        """Compute the outputs of a batch in the bucket its `bucket_key` names."""
        self._require("forward", params=True)
        _check_batch(data_batch)
        key, before = data_batch.bucket_key, self._curr_bucket_key
        fresh = isinstance(key, Hashable) and key not in self._buckets
        self.switch_bucket(key, data_batch.provide_data, data_batch.provide_label)
        try:
            self._current("forward").forward(data_batch, is_train)
        except Exception:
            if fresh:  # a batch that describes itself wrongly must not lay down the shapes of its bucket
                self.switch_bucket(before, None)
                del self._buckets[key]
            raise

    def backward(self, out_grads: Any = None) -> None:
        """Compute the gradients in the current bucket."""
        self._current("backward", params=True).backward(out_grads)

    def update(self) -> None:
        """Let the optimizer change the parameters, with the gradients of the current bucket."""
        self._current("update", params=True, optimizer=True).update()

    def get_outputs(self, merge_multi_context: bool = True) -> Any:
        """Outputs of the last `forward`."""
        return self._current("get_outputs", params=True).get_outputs(merge_multi_context)

    def get_input_grads(self, merge_multi_context: bool = True) -> Any:
        """Gradients of the data inputs, from the last `backward`."""
        return self._current("get_input_grads", params=True).get_input_grads(merge_multi_context)

    def update_metric(self, eval_metric: EvalMetric, labels: Any, pre_sliced: bool = False) -> None:
        """Feed labels and the outputs of the last `forward` to a metric."""
        self._current("update_metric", params=True).update_metric(eval_metric, labels, pre_sliced)

    def install_monitor(self, mon: Any) -> None:
        """Let a Monitor watch all buckets, those yet to come, too."""
        self._require("install_monitor")
        needs(mon, "mon", "a Monitor", "install")
        self._monitor = mon
        for module in self._buckets.values():
            module.install_monitor(mon)

    # ---- checkpoints ---------------------------------------------------------------------------------------

    def save_checkpoint(self, prefix: str, epoch: int, remove_amp_cast: bool = False) -> None:
        """Write ``prefix-NNNN.params``, ``prefix-KEY-symbol.json`` for each bucket so far and
        ``prefix.buckets``, the list of keys.

        Raises
        ------
        MXNetError
            There is no bucket yet, or a key is no 32-bit int, which is all the list can hold. Nothing has
            been written.
        """
        if not self._buckets:
            raise MXNetError("Empty BucketingModule cannot be saved")
        for key in self._buckets:
            if not (isinstance(key, int | np.integer) and -(2**31) <= key < 2**31):
                raise MXNetError(f"save_checkpoint: bucket keys must be 32-bit ints, got {key!r}")
        self.save_params(checkpoint_file(prefix, epoch, "params"))
        for key, module in self._buckets.items():
            module.symbol.save(f"{prefix}-{key}-symbol.json", remove_amp_cast=remove_amp_cast)
        nd.save(f"{prefix}.buckets", nd.array(np.array(list(self._buckets), np.int32), dtype=np.int32))

    @classmethod
    def load(
        cls,
        prefix: str,
        epoch: int,
        sym_gen: Callable[[Any], tuple[Any, Any, Any]] | None = None,
        default_bucket_key: Any = None,
        **kwargs: Any,
    ) -> Self:
        """Make a module from what `save_checkpoint` wrote; it still has to be bound.

        Parameters
        ----------
        prefix, epoch
            As saved.
        sym_gen, default_bucket_key
            As for the constructor. Symbols come from the files; `sym_gen` gives the names of data and labels,
            and the buckets yet to come.
        **kwargs
            For the constructor.

        Raises
        ------
        FormatError
            ``prefix.buckets`` is no list of keys.
        """
        if sym_gen is None:
            raise ValueError("sym_gen is required for loading BucketingModule")
        loaded = nd.load(f"{prefix}.buckets")
        if not (isinstance(loaded, list) and len(loaded) == 1 and len(loaded[0].shape) == 1):
            raise FormatError(f"{prefix}.buckets holds no list of bucket keys")
        keys = [int(key) for key in loaded[0].asnumpy()]
        symbols = {key: sym.load(f"{prefix}-{key}-symbol.json") for key in keys}
        params = load_params(prefix, epoch)
        return cls.load_dict(symbols, sym_gen, default_bucket_key, *params, **kwargs)

    @classmethod
    def load_dict(
        cls,
        sym_dict: Mapping[Any, Any] | None = None,
        sym_gen: Callable[[Any], tuple[Any, Any, Any]] | None = None,
        default_bucket_key: Any = None,
        arg_params: Mapping[str, nd.NDArray] | None = None,
        aux_params: Mapping[str, nd.NDArray] | None = None,
        **kwargs: Any,
    ) -> Self:
        """Make a module from symbols by bucket key and parameters; it still has to be bound."""
        for name, value in (
            ("sym_dict", sym_dict), ("sym_gen", sym_gen), ("arg_params", arg_params),
            ("aux_params", aux_params), ("default_bucket_key", default_bucket_key),
        ):  # fmt: skip
            if value is None:
                raise ValueError(f"{name} is required for loading BucketingModule")
        assert sym_dict is not None
        assert sym_gen is not None
        if default_bucket_key not in sym_dict:
            raise ValueError(f"there is no bucket {default_bucket_key!r} among {list(sym_dict)}")
        module = cls(sym_gen, default_bucket_key, **kwargs)
        for key, symbol in sym_dict.items():
            _, data_names, label_names = module._call_sym_gen(key)
            module._buckets[key] = Module(symbol, data_names, label_names, **module._options)
        default = module._buckets[default_bucket_key]
        default._arg_params, default._aux_params = dict(arg_params or {}), dict(aux_params or {})
        default.params_initialized = module.params_initialized = True
        return module


def _check_batch(batch: Any) -> None:
    check_batch(batch)
    needs(batch, "data_batch", "a DataBatch with a bucket_key", "bucket_key", "provide_data", "provide_label")
