"""FeedForward, the trainer from before Module, and under MXNet's names the functions of `checkpoint`.

FeedForward trains through `executor_manager` and `kvstore`.
"""

from __future__ import annotations

import logging
import time
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from . import metric as _metric
from . import ndarray as nd
from . import optimizer as opt
from . import symbol as sym
from .arguments import function, functions, needs, parameters, shown, whole
from .base import MXNetError, ShapeError
from .callback import LogValidationMetricsCallback
from .checkpoint import BatchEndParam as BatchEndParam
from .checkpoint import Params
from .checkpoint import load_checkpoint as load_checkpoint
from .checkpoint import load_params as load_params
from .checkpoint import save_checkpoint as save_checkpoint
from .context import Context, cpu
from .executor_manager import DataParallelExecutorManager, _check_arguments, _load_data
from .initializer import InitDesc, Uniform
from .io import DataDesc, NDArrayIter
from .kvstore import training as _training

# In MXNet FeedForward derives from scikit-learn's base class where that is installed; here it never does.
BASE_ESTIMATOR = object
SKLEARN_INSTALLED = False

# Programs with a training loop of their own import these under MXNet's names.
_create_kvstore = _training.create_kvstore
_initialize_kvstore = _training.initialize_kvstore
_update_params = _training.update_params
_update_params_on_kvstore = _training.update_params_on_kvstore


_LOG_VALIDATION = LogValidationMetricsCallback()


class FeedForward:
    """Train and run one symbol, in the manner of scikit-learn. Deprecated in MXNet in favour of Module.

    Parameters
    ----------
    symbol : Symbol or callable
        A callable makes the symbol of a bucket key, for iterators that have buckets.
    ctx : Context or list of Context, optional
        Devices to train on, the CPU by default; prediction uses the first.
    num_epoch : int, optional
        Where training ends; needed by `fit`.
    epoch_size : int, optional
        Batches an epoch, starting the data over as often as needed; one pass by default.
    optimizer : str or Optimizer
    initializer : Initializer
    numpy_batch_size : int
        Batch size for data given as arrays.
    arg_params, aux_params : dict of str to NDArray, optional
        Parameters to start from.
    allow_extra_params : bool
        Drop parameters the symbol does not have.
    begin_epoch : int
    **kwargs
        For the optimizer, where it is given by name; `rescale_grad` is 1 / batch size by default.

    Notes
    -----
    Inputs are what the data iterator describes; all other arguments are parameters. (MXNet:
    model.FeedForward)
    """

    def __init__(
        self,
        symbol: Any,
        ctx: Context | Sequence[Context] | None = None,
        num_epoch: int | None = None,
        epoch_size: int | None = None,
        optimizer: Any = "sgd",
        initializer: Any = Uniform(0.01),  # noqa: B008 - immutable, and MXNet's documented default
        numpy_batch_size: int = 128,
        arg_params: Mapping[str, nd.NDArray] | None = None,
        aux_params: Mapping[str, nd.NDArray] | None = None,
        allow_extra_params: bool = False,
        begin_epoch: int = 0,
        **kwargs: Any,
    ) -> None:
        warnings.warn("FeedForward is deprecated; use mod.Module instead", DeprecationWarning, stacklevel=2)
        if not isinstance(symbol, sym.Symbol) and not callable(symbol):
            raise TypeError(f"symbol must be a Symbol or make one, got {type(symbol).__name__}")
        self.sym_gen: Any = None if isinstance(symbol, sym.Symbol) else symbol
        self.symbol: Any = symbol if self.sym_gen is None else None
        given: Any = [cpu()] if ctx is None else ctx if isinstance(ctx, list | tuple) else [ctx]
        if not given or not all(isinstance(context, Context) for context in given):
            raise TypeError(f"ctx must be a Context or a list of them, got {shown(ctx)}")
        self.ctx: list[Context] = list(given)
        self.num_epoch = None if num_epoch is None else whole(num_epoch, "num_epoch")
        self.epoch_size = None if epoch_size is None else whole(epoch_size, "epoch_size", 1)
        self.optimizer = optimizer
        self.initializer = function(initializer, "initializer")
        self.numpy_batch_size = whole(numpy_batch_size, "numpy_batch_size", 1)
        self.arg_params = None if arg_params is None else dict(parameters(arg_params, "arg_params"))
        self.aux_params = None if aux_params is None else dict(parameters(aux_params, "aux_params"))
        self.allow_extra_params = allow_extra_params
        self.begin_epoch = whole(begin_epoch, "begin_epoch", 0)
        self.kwargs = dict(kwargs)
        self._pred_exec: Any = None
        self._pred_inputs: Any = None
        if self.symbol is not None:
            self._check_arguments()

    def _check_arguments(self) -> None:
        _check_arguments(self.symbol)
        if self.allow_extra_params:
            arguments, states = set(self.symbol.list_arguments()), set(self.symbol.list_auxiliary_states())
            self.arg_params = {k: v for k, v in (self.arg_params or {}).items() if k in arguments}
            self.aux_params = {k: v for k, v in (self.aux_params or {}).items() if k in states}

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_pred_exec": None, "_pred_inputs": None}

    # ---- parameters and data -------------------------------------------------------------------------------

    def _init_params(
        self, inputs: Sequence[Any], overwrite: bool = False
    ) -> tuple[list[str], list[str], list[str]]:
        """Make the parameters for these inputs, keep given values; names of arguments, parameters, states."""
        descs = [desc if isinstance(desc, DataDesc) else DataDesc(*desc) for desc in inputs]
        arg_shapes, _, aux_shapes = self.symbol.infer_shape(**{d.name: d.shape for d in descs})
        arg_types, _, aux_types = self.symbol.infer_type(**{d.name: d.dtype for d in descs})
        names = self.symbol.list_arguments()
        taken = {d.name for d in descs}
        attributes = self.symbol.attr_dict()
        made: list[Params] = []
        for given, shapes, types, wanted in (
            (self.arg_params, arg_shapes, arg_types, names),
            (self.aux_params, aux_shapes, aux_types, self.symbol.list_auxiliary_states()),
        ):
            params: Params = {}
            for name, shape, dtype in zip(wanted, shapes, types, strict=True):
                if name in taken:
                    continue
                params[name] = nd.zeros(shape, dtype=dtype)
                if given and name in given and not overwrite:
                    if given[name].shape != shape:
                        raise ShapeError(
                            f"the given parameter {name} has shape {given[name].shape}, {shape} is needed"
                        )
                    params[name][:] = given[name]
                else:
                    self.initializer(InitDesc(name, attributes.get(name)), params[name])
            made.append(params)
        self.arg_params, self.aux_params = made
        return names, list(made[0]), list(made[1])

    def _init_iter(self, X: Any, y: Any, is_train: bool) -> Any:
        """An iterator over arrays, or the iterator given."""
        if not isinstance(X, np.ndarray | nd.NDArray):
            if not (hasattr(X, "provide_data") and hasattr(X, "reset")):
                raise TypeError(
                    f"X must be a DataIter, an NDArray or a numpy.ndarray, got {type(X).__name__}"
                )
            return X
        if y is None:
            if is_train:
                raise ValueError("y must be specified when X is an array")
            y = np.zeros(X.shape[:1])
        if not isinstance(y, np.ndarray | nd.NDArray):
            raise TypeError(f"y must be an array when X is one, got {type(y).__name__}")
        if not X.shape or not y.shape:
            raise ValueError(f"X and y must have rows, got shapes {X.shape} and {y.shape}")
        if X.shape[0] != y.shape[0]:
            raise ValueError(f"X has {X.shape[0]} rows, y has {y.shape[0]}")
        if len(y.shape) == 2 and y.shape[1] == 1:
            y = y.reshape(-1)
        if len(y.shape) != 1:
            raise ValueError(f"y must hold one number per row, got shape {y.shape}")
        size = min(X.shape[0], self.numpy_batch_size)
        if is_train:
            return NDArrayIter(X, y, size, shuffle=True, last_batch_handle="roll_over")
        return NDArrayIter(X, y, size)

    def _init_eval_iter(self, eval_data: Any) -> Any:
        if not isinstance(eval_data, tuple | list):
            if eval_data is not None and not hasattr(eval_data, "provide_data"):
                raise TypeError(
                    "eval_data must be a DataIter or a pair of arrays, got " + type(eval_data).__name__
                )
            return eval_data
        if len(eval_data) != 2 or eval_data[0] is None:
            raise ValueError("eval_data must be a DataIter or a pair of data and labels")
        if eval_data[1] is None and not isinstance(eval_data[0], np.ndarray | nd.NDArray | list):
            return eval_data[0]
        if eval_data[1] is None:
            raise ValueError("eval_data must be a DataIter or a pair of data and labels, the labels are None")
        data, label = (np.array(part) if isinstance(part, list) else part for part in eval_data)
        return self._init_iter(data, label, is_train=True)

    # ---- prediction ----------------------------------------------------------------------------------------

    def _init_predictor(self, iterator: Any) -> list[nd.NDArray]:
        """Bind for the batches of an iterator; the arrays its data goes into."""
        if self.arg_params is None or self.symbol is None:
            raise MXNetError("FeedForward has no parameters; fit or load it first")
        descs = [d if isinstance(d, DataDesc) else DataDesc(*d) for d in iterator.provide_data]
        inputs = [(d.name, d.shape, np.dtype(d.dtype)) for d in descs]
        if self._pred_exec is None or self._pred_inputs != inputs:
            known = {n: self.arg_params[n] for n in self.symbol.list_arguments() if n in self.arg_params}
            shapes = {name: array.shape for name, array in known.items()}
            types = {name: array.dtype for name, array in known.items()}
            shapes.update((d.name, d.shape) for d in descs)
            types.update((d.name, d.dtype) for d in descs)
            executor = self.symbol.simple_bind(self.ctx[0], grad_req="null", type_dict=types, **shapes)
            executor.copy_params_from(self.arg_params, self.aux_params)
            self._pred_exec, self._pred_inputs = executor, inputs
        return [self._pred_exec.arg_dict[d.name] for d in descs]

    def predict(
        self, X: Any, num_batch: int | None = None, return_data: bool = False, reset: bool = True
    ) -> Any:
        """Run the symbol over data, on the first context.

        Parameters
        ----------
        X : DataIter, NDArray or numpy.ndarray
        num_batch : int, optional
            Stop after so many batches.
        return_data : bool
            Give data and labels too.
        reset : bool
            Reset the iterator before.

        Returns
        -------
        numpy.ndarray or list of them
            The outputs of all rows, without those that only fill a batch up; with `return_data` a tuple
            (outputs, data, labels).
        """
        iterator = self._init_iter(X, None, is_train=False)
        num_batch = None if num_batch is None else whole(num_batch, "num_batch")
        if reset:
            iterator.reset()
        targets = self._init_predictor(iterator)
        count = len(self.symbol.list_outputs())
        found: list[list[list[Any]]] = [[], [], []]
        for i, batch in enumerate(iterator):
            if i == num_batch:
                break
            _load_data(batch, targets)
            outputs = self._pred_exec.forward(is_train=False)
            rows = iterator.batch_size - (batch.pad or 0)
            groups = (outputs, batch.data, batch.label or ()) if return_data else (outputs,)
            for parts, arrays in zip(found, groups, strict=False):
                parts.append([array[:rows].asnumpy() for array in arrays])
        if not found[0]:
            limit = "" if num_batch is None else f" (num_batch is {num_batch})"
            raise MXNetError(f"predict: the iterator X gave no batch{limit}")
        joined = [[np.concatenate(parts) for parts in zip(*group, strict=True)] for group in found]
        assert len(joined[0]) == count
        single = [arrays[0] if len(arrays) == 1 else arrays for arrays in joined]
        return tuple(single) if return_data else single[0]

    def score(
        self,
        X: Any,
        eval_metric: Any = "acc",
        num_batch: int | None = None,
        batch_end_callback: Any = None,
        reset: bool = True,
    ) -> Any:
        """Evaluate a metric over an iterator (arrays have no labels here and score against 0).

        Returns
        -------
        float, or list of them for a metric of several values
        """
        eval_metric = _metric.create(eval_metric)
        functions(batch_end_callback, "batch_end_callback")
        num_batch = None if num_batch is None else whole(num_batch, "num_batch")
        iterator = self._init_iter(X, None, is_train=False)
        if reset:
            iterator.reset()
        targets = self._init_predictor(iterator)
        for i, batch in enumerate(iterator):
            if i == num_batch:
                break
            _load_data(batch, targets)
            eval_metric.update(batch.label, self._pred_exec.forward(is_train=False))
            _call_back(batch_end_callback, BatchEndParam(0, i, eval_metric, locals()))
        return eval_metric.get()[1]

    # ---- training ------------------------------------------------------------------------------------------

    def fit(
        self,
        X: Any,
        y: Any = None,
        eval_data: Any = None,
        eval_metric: Any = "acc",
        epoch_end_callback: Any = None,
        batch_end_callback: Any = None,
        kvstore: Any = "local",
        logger: Any = None,
        work_load_list: Sequence[float] | None = None,
        monitor: Any = None,
        eval_end_callback: Any = _LOG_VALIDATION,
        eval_batch_end_callback: Any = None,
    ) -> None:
        """Train up to epoch `num_epoch`.

        Parameters
        ----------
        X : DataIter, NDArray or numpy.ndarray
        y : NDArray or numpy.ndarray, optional
            Labels of arrays.
        eval_data : DataIter or pair of arrays, optional
            Evaluated after every epoch.
        eval_metric : str, EvalMetric or callable
        epoch_end_callback, batch_end_callback, eval_end_callback, eval_batch_end_callback : callable or list
            See `callback`.
        kvstore : str, KVStore or None
            For several contexts.
        logger : logging.Logger, optional
        work_load_list : list of number, optional
            How batches are split over the contexts.
        monitor : Monitor, optional

        Raises
        ------
        ValueError
            `num_epoch` was not given, or arrays do not fit.
        """
        if self.num_epoch is None:
            raise ValueError("fit needs num_epoch, an argument of FeedForward")
        for what, callbacks in (
            ("epoch_end_callback", epoch_end_callback), ("batch_end_callback", batch_end_callback),
            ("eval_end_callback", eval_end_callback), ("eval_batch_end_callback", eval_batch_end_callback),
        ):  # fmt: skip
            functions(callbacks, what)
        if monitor is not None:
            needs(monitor, "monitor", "a Monitor", "install", "tic", "toc_print")
        data = self._init_iter(X, y, is_train=True)
        evaluated = self._init_eval_iter(eval_data)
        if self.sym_gen is not None:
            needs(data, "X", "an iterator with a default_bucket_key for symbol", "default_bucket_key")
            self.symbol = self.sym_gen(data.default_bucket_key)
            needs(self.symbol, "what symbol(bucket key) returns", "a Symbol", "list_arguments", "simple_bind")
            self._check_arguments()
        arguments, names, states = self._init_params([*data.provide_data, *data.provide_label])
        assert self.arg_params is not None
        store, on_store = _create_kvstore(kvstore, len(self.ctx), self.arg_params)
        optimizer = self._make_optimizer(data.batch_size, names, on_store)
        self._pred_exec = None
        manager = DataParallelExecutorManager(
            self.symbol, self.ctx, data, arguments, names, states, work_load_list, logger, self.sym_gen,
        )  # fmt: skip
        if monitor is not None:
            manager.install_monitor(monitor)
        training = _Training(self, manager, optimizer, store, on_store, monitor, logger or logging)
        metric = _metric.create(eval_metric)
        data.reset()
        for epoch in range(self.begin_epoch, self.num_epoch):
            training.epoch(epoch, data, metric, batch_end_callback)
            if epoch_end_callback or epoch + 1 == self.num_epoch:
                manager.copy_to(self.arg_params, self.aux_params or {})
            _call_back(epoch_end_callback, epoch, self.symbol, self.arg_params, self.aux_params)
            if evaluated is not None:
                training.evaluate(epoch, evaluated, metric, eval_end_callback, eval_batch_end_callback)

    def _make_optimizer(self, batch_size: int, names: Sequence[str], on_store: bool) -> opt.Optimizer:
        """The optimizer, knowing the parameters' names by the indices it will be called with."""
        devices = 1 if on_store else len(self.ctx)
        indices: dict[int | str, str] = {
            i * devices + k: name for i, name in enumerate(names) for k in range(devices)
        }
        if isinstance(self.optimizer, str):
            params = {
                "rescale_grad": 1.0 / batch_size, **self.kwargs, "sym": self.symbol, "param_idx2name": indices
            }  # fmt: skip
            return opt.create(self.optimizer, **params)
        if not isinstance(self.optimizer, opt.Optimizer):
            raise TypeError(f"optimizer must be a name or an Optimizer, got {type(self.optimizer).__name__}")
        if not self.optimizer.idx2name:
            self.optimizer.idx2name = indices
        return self.optimizer

    # ---- files ---------------------------------------------------------------------------------------------

    def save(self, prefix: str, epoch: int | None = None, remove_amp_cast: bool = True) -> None:
        """Write ``prefix-symbol.json`` and ``prefix-NNNN.params``; the epoch is `num_epoch` by default."""
        epoch = self.num_epoch if epoch is None else epoch
        if epoch is None:
            raise ValueError("save needs an epoch where num_epoch was not given")
        if self.arg_params is None:
            raise MXNetError("FeedForward has no parameters to save; fit it first")
        save_checkpoint(prefix, epoch, self.symbol, self.arg_params, self.aux_params or {}, remove_amp_cast)

    @staticmethod
    def load(prefix: str, epoch: int, ctx: Any = None, **kwargs: Any) -> FeedForward:
        """Make a model from a checkpoint; training goes on from `epoch`.

        Parameters
        ----------
        prefix, epoch
            ``prefix-symbol.json`` and ``prefix-NNNN.params`` are read.
        ctx : Context or list of Context, optional
        **kwargs
            For the constructor.
        """
        symbol, args, auxs = load_checkpoint(prefix, epoch)
        return FeedForward(symbol, ctx=ctx, arg_params=args, aux_params=auxs, begin_epoch=epoch, **kwargs)

    @staticmethod
    def create(
        symbol: Any,
        X: Any,
        y: Any = None,
        ctx: Any = None,
        num_epoch: int | None = None,
        epoch_size: int | None = None,
        optimizer: Any = "sgd",
        initializer: Any = Uniform(0.01),  # noqa: B008 - immutable, and MXNet's documented default
        eval_data: Any = None,
        eval_metric: Any = "acc",
        epoch_end_callback: Any = None,
        batch_end_callback: Any = None,
        kvstore: Any = "local",
        logger: Any = None,
        work_load_list: Sequence[float] | None = None,
        eval_end_callback: Any = _LOG_VALIDATION,
        eval_batch_end_callback: Any = None,
        **kwargs: Any,
    ) -> FeedForward:
        """Make a model and `fit` it; the arguments are those of both, and of the optimizer."""
        model = FeedForward(
            symbol, ctx=ctx, num_epoch=num_epoch, epoch_size=epoch_size, optimizer=optimizer,
            initializer=initializer, **kwargs,
        )  # fmt: skip
        model.fit(
            X, y, eval_data=eval_data, eval_metric=eval_metric, epoch_end_callback=epoch_end_callback,
            batch_end_callback=batch_end_callback, kvstore=kvstore, logger=logger,
            work_load_list=work_load_list, eval_end_callback=eval_end_callback,
            eval_batch_end_callback=eval_batch_end_callback,
        )  # fmt: skip
        return model


class _Training:
    """The loops of `FeedForward.fit` over executors on several devices."""

    def __init__(
        self,
        model: FeedForward,
        manager: DataParallelExecutorManager,
        optimizer: opt.Optimizer,
        store: Any,
        on_store: bool,
        monitor: Any,
        logger: Any,
    ) -> None:
        self._size = model.epoch_size
        self._devices = len(model.ctx)
        self._manager, self._monitor, self._logger = manager, monitor, logger
        self._store, self._on_store = store, on_store
        assert model.arg_params is not None
        manager.set_params(model.arg_params, model.aux_params or {})
        self._updater = opt.get_updater(optimizer)
        if on_store:
            store.set_optimizer(optimizer)
        if store is not None:
            _initialize_kvstore(store, manager.param_arrays, model.arg_params, manager.param_names, on_store)

    def epoch(self, epoch: int, data: Any, metric: Any, batch_end_callback: Any) -> None:
        """Train for one pass over the data, or for `epoch_size` batches."""
        start = time.time()
        metric.reset()
        nbatch = passes = 0  # passes without a batch: one is the rest of the epoch before
        full = False
        while not full:
            passes += 1
            for batch in data:
                passes = 0
                self._step(batch, metric)
                nbatch += 1
                _call_back(batch_end_callback, BatchEndParam(epoch, nbatch, metric, locals()))
                full = self._size is not None and nbatch >= self._size
                if full:
                    break
            else:
                self._logger.info("Epoch[%d] Resetting Data Iterator", epoch)
                data.reset()
                if passes == 2 or (passes and self._size is None):
                    raise MXNetError("fit: the data iterator gave no batch")
                full = self._size is None or nbatch >= self._size
        self._logger.info("Epoch[%d] Time cost=%.3f", epoch, time.time() - start)

    def _step(self, batch: Any, metric: Any) -> None:
        manager = self._manager
        manager.load_data_batch(batch)
        if self._monitor is not None:
            self._monitor.tic()
        manager.forward(is_train=True)
        manager.backward()
        params, grads, names = manager.param_arrays, manager.grad_arrays, manager.param_names
        if self._on_store:
            _update_params_on_kvstore(params, grads, self._store, names)
        else:
            _update_params(params, grads, self._updater, self._devices, self._store, names)
        if self._monitor is not None:
            self._monitor.toc_print()
        manager.update_metric(metric, batch.label)

    def evaluate(self, epoch: int, data: Any, metric: Any, end_callback: Any, batch_callback: Any) -> None:
        """Feed a metric one pass over the data."""
        metric.reset()
        data.reset()
        count = 0
        for batch in data:
            self._manager.load_data_batch(batch)
            self._manager.forward(is_train=False)
            self._manager.update_metric(metric, batch.label)
            _call_back(batch_callback, BatchEndParam(epoch, count, metric, locals()))
            count += 1
        _call_back(end_callback, BatchEndParam(epoch, count, metric, locals()))
        data.reset()


def _call_back(callbacks: Any, *args: Any) -> None:
    """Call one callback, each of a list, or none."""
    for callback in callbacks if isinstance(callbacks, list | tuple) else [callbacks]:
        if callback is not None:
            callback(*args)
