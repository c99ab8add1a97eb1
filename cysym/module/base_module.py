"""The training, scoring and prediction loops, over the steps that a subclass defines.

BaseModule owns the order of things; it touches no executor and no operator. Module fills in the steps for one
symbol. MXNet's helpers with an underscore stay importable from here, as modules of users' own do.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from .. import metric as _metric
from .. import ndarray as nd
from ..arguments import functions, needs, options, whole
from ..checkpoint import BatchEndParam, pack_params, unpack_params
from ..initializer import Uniform
from ..io import DataBatch, DataIter
from .inputs import check_input_names, check_names_match, parse_data_desc
from .steps import ModuleSteps

_check_input_names, _check_names_match = check_input_names, check_names_match
_parse_data_desc = parse_data_desc


def _as_list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]


def _call_all(callbacks: Any, *args: Any) -> None:
    if callbacks is not None:
        for callback in _as_list(callbacks):
            callback(*args)


def _check_data(data: Any, what: str) -> None:
    needs(data, what, "a DataIter", "reset", "__iter__")


def _labels(batch: Any) -> tuple[Any, bool]:
    """What `update_metric` takes of a batch: the labels, of a list of batches those of each."""
    if isinstance(batch, list):
        return [one.label for one in batch], True
    return batch.label, False


class BaseModule(ModuleSteps):
    """Base class of modules.

    The life of a module: `bind` shapes, `init_params`, `init_optimizer`, then `forward`, `backward`, `update`
    per batch; `fit` does all of it. A module of one's own defines these steps.

    Parameters
    ----------
    logger : logging.Logger or the logging module
    """

    # ---- loops ---------------------------------------------------------------------------------------------

    def forward_backward(self, data_batch: DataBatch) -> None:
        """`forward` in training mode, then `backward`."""
        self.forward(data_batch, is_train=True)
        self.backward()

    def score(
        self,
        eval_data: DataIter,
        eval_metric: Any,
        num_batch: int | None = None,
        batch_end_callback: Any = None,
        score_end_callback: Any = None,
        reset: bool = True,
        epoch: int = 0,
        sparse_row_id_fn: Any = None,
    ) -> list[tuple[str, float]]:
        """Run over an iterator and evaluate.

        Parameters
        ----------
        eval_data : DataIter
        eval_metric : EvalMetric, or whatever `metric.create` takes
        num_batch : int, optional
            Stop after so many batches.
        batch_end_callback, score_end_callback : callable or list of callable, optional
            Called with a BatchEndParam.
        reset : bool
            Reset the iterator first.
        epoch : int
            Passed to the callbacks.

        Returns
        -------
        list of (name, value)
        """
        self._require("score", params=True)
        _check_data(eval_data, "eval_data")
        functions(batch_end_callback, "batch_end_callback")
        functions(score_end_callback, "score_end_callback")
        num_batch = None if num_batch is None else whole(num_batch, "num_batch")
        if reset:
            eval_data.reset()
        eval_metric = _metric.create(eval_metric)
        eval_metric.reset()
        actual_num_batch = 0
        for nbatch, eval_batch in enumerate(eval_data):
            if nbatch == num_batch:
                break
            self.prepare(eval_batch, sparse_row_id_fn)
            self.forward(eval_batch, is_train=False)
            self.update_metric(eval_metric, *_labels(eval_batch))
            _call_all(batch_end_callback, BatchEndParam(epoch, nbatch, eval_metric, locals()))
            actual_num_batch += 1
        _call_all(score_end_callback, BatchEndParam(epoch, actual_num_batch, eval_metric, locals()))
        values: list[tuple[str, float]] = eval_metric.get_name_value()
        return values

    def iter_predict(
        self,
        eval_data: DataIter,
        num_batch: int | None = None,
        reset: bool = True,
        sparse_row_id_fn: Any = None,
    ) -> Iterator[tuple[list[nd.NDArray], int, DataBatch]]:
        """Yield (outputs without padding, batch number, batch) for each batch.

        The outputs live in the executor's memory and change with the next batch.
        """
        self._require("iter_predict", params=True)
        _check_data(eval_data, "eval_data")
        num_batch = None if num_batch is None else whole(num_batch, "num_batch")
        if reset:
            eval_data.reset()
        for nbatch, eval_batch in enumerate(eval_data):
            if nbatch == num_batch:
                break
            if isinstance(eval_batch, list):
                raise TypeError("prediction takes one DataBatch at a time, the iterator gave a list of them")
            self.prepare(eval_batch, sparse_row_id_fn)
            self.forward(eval_batch, is_train=False)
            outputs = self.get_outputs()
            if eval_batch.pad:
                outputs = [out[0 : out.shape[0] - eval_batch.pad] for out in outputs]
            yield outputs, nbatch, eval_batch

    def predict(
        self,
        eval_data: Any,
        num_batch: int | None = None,
        merge_batches: bool = True,
        reset: bool = True,
        always_output_list: bool = False,
        sparse_row_id_fn: Any = None,
    ) -> Any:
        """Run over an iterator, or one array, and collect the outputs.

        Parameters
        ----------
        eval_data : DataIter, NDArray or numpy.ndarray
            An array is one batch of the first data input.
        num_batch : int, optional
            Stop after so many batches.
        merge_batches : bool
            Join the batches of each output along the first axis; else a list of lists of outputs.
        reset : bool
            Reset the iterator first.
        always_output_list : bool
            A list even for a single output.

        Returns
        -------
        NDArray, list of NDArray, or list of list of NDArray
            Rows that only padded a batch are dropped.

        Raises
        ------
        ValueError
            `eval_data` is none of these.
        """
        self._require("predict", params=True)
        if isinstance(eval_data, np.ndarray | nd.NDArray):
            batch = nd.array(eval_data) if isinstance(eval_data, np.ndarray) else eval_data
            if not eval_data.shape:
                raise ValueError(f"eval_data must be a batch, got an array of shape {eval_data.shape}")
            self.forward(DataBatch([batch]), is_train=False)
            return self.get_outputs()[0].copy()
        if not isinstance(eval_data, DataIter):
            raise ValueError(f"eval_data must be of type NDArray or DataIter, got {type(eval_data).__name__}")
        batches = [
            [out.copy() for out in outputs]
            for outputs, _, _ in self.iter_predict(eval_data, num_batch, reset, sparse_row_id_fn)
        ]
        if not batches or not merge_batches:
            return batches
        if any(len(outputs) != len(batches[0]) for outputs in batches):
            raise ValueError(
                "batches have different numbers of outputs and cannot be merged; set merge_batches=False"
            )
        merged = [nd.concatenate(list(parts), axis=0) for parts in zip(*batches, strict=True)]
        return merged[0] if len(merged) == 1 and not always_output_list else merged

    def fit(
        self,
        train_data: DataIter,
        eval_data: DataIter | None = None,
        eval_metric: Any = "acc",
        epoch_end_callback: Any = None,
        batch_end_callback: Any = None,
        kvstore: Any = "local",
        optimizer: Any = "sgd",
        optimizer_params: Mapping[str, Any] | Iterable[tuple[str, Any]] = (("learning_rate", 0.01),),
        eval_end_callback: Any = None,
        eval_batch_end_callback: Any = None,
        initializer: Any = Uniform(0.01),  # noqa: B008 - immutable, and MXNet's documented default
        arg_params: Mapping[str, nd.NDArray] | None = None,
        aux_params: Mapping[str, nd.NDArray] | None = None,
        allow_missing: bool = False,
        force_rebind: bool = False,
        force_init: bool = False,
        begin_epoch: int = 0,
        num_epoch: int | None = None,
        validation_metric: Any = None,
        monitor: Any = None,
        sparse_row_id_fn: Any = None,
    ) -> None:
        """Train: bind, initialize and run the epochs.

        A module already bound, initialized or with an optimizer keeps what it has (with a warning), unless a
        `force_*` argument says otherwise.

        Parameters
        ----------
        train_data, eval_data : DataIter
            `eval_data` is scored after each epoch.
        eval_metric, validation_metric : EvalMetric, or whatever `metric.create` takes
            For training and, if different, for `eval_data`.
        epoch_end_callback : callable or list of callable
            Called with (epoch, symbol, arg_params, aux_params).
        batch_end_callback, eval_batch_end_callback, eval_end_callback : callable or list of callable
            Called with a BatchEndParam.
        kvstore, optimizer, optimizer_params
            See `init_optimizer`.
        initializer, arg_params, aux_params, allow_missing, force_init
            See `init_params`.
        force_rebind : bool
            See `bind`.
        begin_epoch, num_epoch : int
            Epochs are numbered from the first up to, not including, the second.
        monitor : Monitor, optional
            Watch the executor.

        Raises
        ------
        ValueError
            `num_epoch` is missing, or the iterator has no batch.
        """
        if num_epoch is None:
            raise ValueError("fit needs num_epoch, the number of epochs")
        num_epoch, begin_epoch = whole(num_epoch, "num_epoch"), whole(begin_epoch, "begin_epoch", 0)
        needs(train_data, "train_data", "a DataIter", "provide_data", "provide_label", "__iter__")
        if eval_data is not None:
            _check_data(eval_data, "eval_data")
        for what, callbacks in (
            ("epoch_end_callback", epoch_end_callback), ("batch_end_callback", batch_end_callback),
            ("eval_end_callback", eval_end_callback), ("eval_batch_end_callback", eval_batch_end_callback),
        ):  # fmt: skip
            functions(callbacks, what)
        if monitor is not None:
            needs(monitor, "monitor", "a Monitor", "install", "tic", "toc_print")
        options(optimizer_params, "optimizer_params")
        self.bind(
            data_shapes=train_data.provide_data,  # type: ignore[attr-defined]
            label_shapes=train_data.provide_label,  # type: ignore[attr-defined]
            for_training=True,
            force_rebind=force_rebind,
        )
        if monitor is not None:
            self.install_monitor(monitor)
        self.init_params(
            initializer=initializer,
            arg_params=arg_params,
            aux_params=aux_params,
            allow_missing=allow_missing,
            force_init=force_init,
        )
        self.init_optimizer(kvstore=kvstore, optimizer=optimizer, optimizer_params=optimizer_params)
        if validation_metric is None:
            validation_metric = eval_metric
        validation_metric = _metric.create(validation_metric)
        eval_metric = _metric.create(eval_metric)

        for epoch in range(begin_epoch, num_epoch):
            tic = time.time()
            eval_metric.reset()
            batches = iter(train_data)
            next_data_batch: Any = next(batches, None)
            if next_data_batch is None:
                raise ValueError(f"train_data gave no batch in epoch {epoch}")
            nbatch = 0
            train_values: list[tuple[str, float]] = []
            end_of_batch = False  # these local names are MXNet's: callbacks look into BatchEndParam.locals
            while not end_of_batch:
                data_batch = next_data_batch
                if monitor is not None:
                    monitor.tic()
                self.forward_backward(data_batch)
                self.update()
                self.update_metric(eval_metric, *_labels(data_batch))
                # The next batch is fetched before the callbacks see this one, so that the last is known to be
                # it: Speedometer may clear the metric, and the epoch's values must be taken before.
                next_data_batch = next(batches, None)
                end_of_batch = next_data_batch is None
                if not end_of_batch:
                    self.prepare(next_data_batch, sparse_row_id_fn)
                if monitor is not None:
                    monitor.toc_print()
                if end_of_batch:
                    train_values = eval_metric.get_global_name_value()
                if batch_end_callback is not None:  # locals() has its price
                    _call_all(batch_end_callback, BatchEndParam(epoch, nbatch, eval_metric, locals()))
                nbatch += 1
            for name, value in train_values:
                self.logger.info("Epoch[%d] Train-%s=%f", epoch, name, value)
            self.logger.info("Epoch[%d] Time cost=%.3f", epoch, time.time() - tic)
            # Contexts go on with the mean of their auxiliary states.
            arg_params, aux_params = self.get_params()
            self.set_params(arg_params, aux_params)
            _call_all(epoch_end_callback, epoch, self.symbol, arg_params, aux_params)
            if eval_data is not None:
                scores = self.score(
                    eval_data,
                    validation_metric,
                    score_end_callback=eval_end_callback,
                    batch_end_callback=eval_batch_end_callback,
                    epoch=epoch,
                )
                for name, value in scores:
                    self.logger.info("Epoch[%d] Validation-%s=%f", epoch, name, value)
            train_data.reset()

    # ---- parameters ----------------------------------------------------------------------------------------

    def save_params(self, fname: str) -> None:
        """Write all parameters and auxiliary states to a file, replacing it in one step."""
        nd.save(fname, pack_params(*self.get_params()))

    def load_params(self, fname: str) -> None:
        """Assign what `save_params` wrote; ValueError if the file holds something else."""
        loaded = nd.load(fname)
        for key in loaded if isinstance(loaded, dict) else ():
            if key.partition(":")[0] not in ("arg", "aux"):
                raise ValueError(f"Invalid param file {fname}: {key!r} is neither arg:NAME nor aux:NAME")
        self.set_params(*unpack_params(loaded, fname))
