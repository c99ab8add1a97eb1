"""What a module can do: its flags, and the steps that a subclass defines.

No loops and no executors. `BaseModule` adds training, scoring and prediction over these steps; a module of
one's own derives from BaseModule and defines them.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .. import metric as _metric
from .. import ndarray as nd
from ..base import MXNetError
from ..checkpoint import Params
from ..initializer import Uniform
from ..io import DataBatch


class ModuleSteps:
    """The steps of a module's life; see BaseModule."""

    def __init__(self, logger: Any = logging) -> None:
        self.logger = logger
        self.binded = False
        self.for_training = False
        self.inputs_need_grad = False
        self.params_initialized = False
        self.optimizer_initialized = False
        self._symbol: Any = None

    def _require(self, action: str, *, params: bool = False, optimizer: bool = False) -> None:
        """Raise MXNetError if `action` comes before the steps it needs."""
        if not self.binded:
            raise MXNetError(f"{action}: the module is not bound yet; call bind first")
        if params and not self.params_initialized:
            raise MXNetError(f"{action}: the parameters are not initialized yet; call init_params first")
        if optimizer and not self.optimizer_initialized:
            raise MXNetError(f"{action}: there is no optimizer yet; call init_optimizer first")

    def _abstract(self, name: str) -> NotImplementedError:
        return NotImplementedError(f"{type(self).__name__} must define {name}")

    @property
    def symbol(self) -> Any:
        """The symbol, None for a module without one."""
        return self._symbol

    @property
    def data_names(self) -> list[str]:
        """Names of the data inputs."""
        raise self._abstract("data_names")

    @property
    def output_names(self) -> list[str]:
        """Names of the outputs."""
        raise self._abstract("output_names")

    @property
    def data_shapes(self) -> Any:
        """Descriptions of the data inputs."""
        raise self._abstract("data_shapes")

    @property
    def label_shapes(self) -> Any:
        """Descriptions of the labels; None without labels."""
        raise self._abstract("label_shapes")

    @property
    def output_shapes(self) -> Any:
        """(name, shape) of the outputs."""
        raise self._abstract("output_shapes")

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
        """Allocate for these input shapes."""
        raise self._abstract("bind")

    def get_params(self) -> tuple[Params, Params]:
        """Copies of the parameters and auxiliary states, by name."""
        raise self._abstract("get_params")

    def init_params(
        self,
        initializer: Any = Uniform(0.01),  # noqa: B008
        arg_params: Mapping[str, nd.NDArray] | None = None,
        aux_params: Mapping[str, nd.NDArray] | None = None,
        allow_missing: bool = False,
        force_init: bool = False,
        allow_extra: bool = False,
    ) -> None:
        """Give parameters and auxiliary states their first values."""
        raise self._abstract("init_params")

    def set_params(
        self,
        arg_params: Mapping[str, nd.NDArray] | None,
        aux_params: Mapping[str, nd.NDArray] | None,
        allow_missing: bool = False,
        force_init: bool = True,
        allow_extra: bool = False,
    ) -> None:
        """Assign parameters and auxiliary states by name; see `init_params`."""
        self.init_params(
            initializer=None,
            arg_params=arg_params,
            aux_params=aux_params,
            allow_missing=allow_missing,
            force_init=force_init,
            allow_extra=allow_extra,
        )

    def init_optimizer(
        self,
        kvstore: Any = "local",
        optimizer: Any = "sgd",
        optimizer_params: Mapping[str, Any] | Iterable[tuple[str, Any]] = (("learning_rate", 0.01),),
        force_init: bool = False,
    ) -> None:
        """Install an optimizer."""
        raise self._abstract("init_optimizer")

    def prepare(self, data_batch: DataBatch, sparse_row_id_fn: Any = None) -> None:
        """Get ready for a batch before its `forward`; most modules have nothing to do."""
        if sparse_row_id_fn is not None:
            warnings.warn("sparse_row_id_fn is not invoked for BaseModule.", stacklevel=2)

    def forward(self, data_batch: DataBatch, is_train: bool | None = None) -> None:
        """Compute the outputs."""
        raise self._abstract("forward")

    def backward(self, out_grads: Any = None) -> None:
        """Compute the gradients."""
        raise self._abstract("backward")

    def update(self) -> None:
        """Let the optimizer change the parameters."""
        raise self._abstract("update")

    def update_metric(self, eval_metric: _metric.EvalMetric, labels: Any, pre_sliced: bool = False) -> None:
        """Feed labels and the outputs of the last `forward` to a metric."""
        raise self._abstract("update_metric")

    def get_outputs(self, merge_multi_context: bool = True) -> Any:
        """Outputs of the last `forward`."""
        raise self._abstract("get_outputs")

    def get_input_grads(self, merge_multi_context: bool = True) -> Any:
        """Gradients of the data inputs, from the last `backward`."""
        raise self._abstract("get_input_grads")

    def get_states(self, merge_multi_context: bool = True) -> Any:
        """The arrays of the states; most modules have none."""
        self._require("get_states", params=True)
        return []

    def set_states(self, states: Any = None, value: Any = None) -> None:
        """Fill the arrays of the states; most modules have none."""
        self._require("set_states", params=True)
        if states or value:
            raise ValueError(f"{type(self).__name__} has no states to set")

    def install_monitor(self, mon: Any) -> None:
        """Let a Monitor watch the executors."""
        raise self._abstract("install_monitor")
