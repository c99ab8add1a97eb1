"""Modules written in Python: no symbol, no executor, just functions of NDArrays.

PythonModule is a base class whose parameters and optimizer are nothing at all; PythonLossModule is the one
most often wanted, a loss whose gradient a function computes, at the end of a SequentialModule.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from .. import ndarray as nd
from ..arguments import name_list, shown, text
from ..base import MXNetError
from ..checkpoint import Params
from ..initializer import Uniform
from ..metric import EvalMetric
from .base_module import BaseModule
from .inputs import as_descs, check_batch


class PythonModule(BaseModule):
    """Base class of modules written in Python; define `_compute_output_shapes`, `forward`, `backward`,
    `get_outputs` and `get_input_grads`.

    Parameters
    ----------
    data_names, label_names, output_names : list of str
        `label_names` may be None.
    logger : logging.Logger or the logging module
    """

    def __init__(
        self,
        data_names: Sequence[str],
        label_names: Sequence[str] | None,
        output_names: Sequence[str],
        logger: Any = logging,
    ) -> None:
        super().__init__(logger)
        self._data_names = name_list(data_names, "data_names")
        self._label_names = None if label_names is None else name_list(label_names, "label_names")
        self._output_names = name_list(output_names, "output_names")
        self._data_shapes: Any = None
        self._label_shapes: Any = None
        self._output_shapes: Any = None

    @property
    def data_names(self) -> list[str]:
        """Names of the data inputs."""
        return self._data_names

    @property
    def output_names(self) -> list[str]:
        """Names of the outputs."""
        return self._output_names

    @property
    def data_shapes(self) -> Any:
        """Descriptions of the data inputs; None before `bind`."""
        return self._data_shapes

    @property
    def label_shapes(self) -> Any:
        """Descriptions of the labels; None without labels."""
        return self._label_shapes

    @property
    def output_shapes(self) -> Any:
        """(name, shape) of the outputs; None before `bind`."""
        return self._output_shapes

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
        """Take note of the shapes.

        Raises
        ------
        MXNetError
            Gradients are not to be written, or the inputs are not those named. The module stays as it was.
        """
        if self.binded and not force_rebind:
            self.logger.warning("Already bound, ignoring bind()")
            return
        if not isinstance(grad_req, str) or grad_req != "write":
            raise MXNetError(
                f"a Python module only writes gradients, grad_req {shown(grad_req)} is not supported"
            )
        if data_shapes is None:
            raise TypeError("data_shapes must be a list of DataDesc or (name, shape), got None")
        as_descs(data_shapes)
        as_descs(label_shapes, "label_shapes")
        for what, names, shapes in (
            ("data", self._data_names, data_shapes),
            ("label", self._label_names, label_shapes),
        ):
            if shapes is not None and [desc[0] for desc in shapes] != names:
                raise MXNetError(f"{what}_shapes {shown(list(shapes))} are not those of {what}_names {names}")
        before = self._data_shapes, self._label_shapes
        self._data_shapes, self._label_shapes = data_shapes, label_shapes
        try:
            self._output_shapes = self._compute_output_shapes()
        except BaseException:
            self._data_shapes, self._label_shapes = before
            raise
        self.for_training, self.inputs_need_grad = for_training, inputs_need_grad
        self.binded = True

    def _compute_output_shapes(self) -> Any:
        """(name, shape) of the outputs, from `data_shapes` and `label_shapes`; for a subclass to define."""
        raise self._abstract("_compute_output_shapes")

    def get_params(self) -> tuple[Params, Params]:
        """No parameters; a subclass may have some."""
        return {}, {}

    def init_params(
        self,
        initializer: Any = Uniform(0.01),  # noqa: B008 - immutable, and MXNet's documented default
        arg_params: Mapping[str, nd.NDArray] | None = None,
        aux_params: Mapping[str, nd.NDArray] | None = None,
        allow_missing: bool = False,
        force_init: bool = False,
        allow_extra: bool = False,
    ) -> None:
        """Nothing to initialize; a subclass may have parameters."""
        self.params_initialized = True

    def init_optimizer(
        self,
        kvstore: Any = "local",
        optimizer: Any = "sgd",
        optimizer_params: Mapping[str, Any] | Iterable[tuple[str, Any]] = (("learning_rate", 0.01),),
        force_init: bool = False,
    ) -> None:
        """Nothing to optimize; a subclass may have parameters."""
        self.optimizer_initialized = True

    def update(self) -> None:
        """Nothing to update; a subclass may have parameters."""

    def update_metric(self, eval_metric: EvalMetric, labels: Any, pre_sliced: bool = False) -> None:
        """Feed labels and outputs to a metric; nothing without labels."""
        if self._label_shapes is None:
            return
        if pre_sliced:
            raise RuntimeError(f"{type(self).__name__} does not support presliced labels")
        eval_metric.update(labels, self.get_outputs())


class PythonLossModule(PythonModule):
    """A loss computed in Python: hands its input, the scores, on and computes their gradient.

    Parameters
    ----------
    name : str
        The output is called ``name_output``.
    data_names, label_names : sequence of one str
    logger : logging.Logger or the logging module
    grad_func : callable, optional
        From (scores, labels) to the gradient of the scores, an NDArray or a NumPy array. A subclass may
        define `_backward_impl` instead, which sets ``self._scores_grad``.
    """

    def __init__(
        self,
        name: str = "pyloss",
        data_names: Sequence[str] = ("data",),
        label_names: Sequence[str] = ("softmax_label",),
        logger: Any = logging,
        grad_func: Callable[[Any, Any], Any] | None = None,
    ) -> None:
        super().__init__(data_names, label_names, [text(name, "name") + "_output"], logger)
        if len(self._data_names) != 1 or len(self._label_names or ()) != 1:
            raise ValueError(
                f"a loss has one input and one label, got data_names {shown(data_names)} and label_names "
                f"{shown(label_names)}"
            )
        if grad_func is not None and not callable(grad_func):
            raise TypeError(f"grad_func must be callable, got {type(grad_func).__name__}")
        self._name = name
        self._scores: Any = None
        self._labels: Any = None
        self._scores_grad: Any = None
        self._grad_func = grad_func

    def _compute_output_shapes(self) -> Any:
        return [(self._name + "_output", self._data_shapes[0][1])]

    def forward(self, data_batch: Any, is_train: bool | None = None) -> None:
        """Keep the scores, and for training the labels."""
        check_batch(data_batch)
        if not data_batch.data:
            raise MXNetError("forward: the data_batch holds no data, a loss takes one array")
        training = self.for_training if is_train is None else is_train
        if training and not data_batch.label:
            raise MXNetError("forward: the data_batch holds no label, which training needs")
        self._scores = data_batch.data[0]
        if training:
            self._labels = data_batch.label[0]

    def get_outputs(self, merge_multi_context: bool = True) -> Any:
        """The scores."""
        return [self._scores] if merge_multi_context else [[self._scores]]

    def backward(self, out_grads: Any = None) -> None:
        """Compute the gradient of the scores; a loss takes no `out_grads`."""
        if out_grads is not None:
            raise MXNetError("For a loss module, out_grads should be None")
        if not self.for_training:
            raise MXNetError("backward: the module was bound with for_training=False")
        self._backward_impl()

    def _backward_impl(self) -> None:
        if self._grad_func is None:
            raise NotImplementedError(f"{type(self).__name__} needs grad_func, or must define _backward_impl")
        grad = self._grad_func(self._scores, self._labels)
        self._scores_grad = grad if isinstance(grad, nd.NDArray) else nd.array(grad)

    def get_input_grads(self, merge_multi_context: bool = True) -> Any:
        """The gradient of the scores."""
        return [self._scores_grad] if merge_multi_context else [[self._scores_grad]]

    def install_monitor(self, mon: Any) -> None:
        """There is no executor to watch."""
        raise NotImplementedError(f"{type(self).__name__} has no executor that a monitor could watch")
