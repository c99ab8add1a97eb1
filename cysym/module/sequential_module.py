"""SequentialModule: modules in a chain, each fed with the outputs of the one before.

It owns nothing but the order: every module keeps its own parameters and optimizer. A symbol composed of the
same parts is faster; this is for parts that are no symbols, such as a PythonLossModule at the end.
"""

from __future__ import annotations

import copy
import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

from .. import ndarray as nd
from ..arguments import needs
from ..base import MXNetError
from ..checkpoint import Params
from ..initializer import Uniform
from ..metric import EvalMetric
from .base_module import BaseModule
from .inputs import as_descs, check_batch


class SequentialModule(BaseModule):
    """A chain of modules.

    Parameters
    ----------
    logger : logging.Logger or the logging module

    Examples
    --------
    >>> import cysym as mx
    >>> features = mx.sym.FullyConnected(mx.sym.Variable("data"), num_hidden=2, name="fc")
    >>> chain = mx.mod.SequentialModule()
    >>> _ = chain.add(mx.mod.Module(features, label_names=None))
    >>> _ = chain.add(mx.mod.PythonLossModule(), take_labels=True, auto_wiring=True)
    >>> chain.bind([("data", (4, 3))], [("softmax_label", (4,))])
    >>> chain.output_shapes
    [('pyloss_output', (4, 2))]
    """

    META_TAKE_LABELS: ClassVar = "take_labels"
    META_AUTO_WIRING: ClassVar = "auto_wiring"

    def __init__(self, logger: Any = logging) -> None:
        super().__init__(logger)
        self._modules: list[Any] = []
        self._metas: list[dict[str, Any]] = []
        self._label_shapes: Any = None

    def add(self, module: Any, **kwargs: Any) -> SequentialModule:
        """Put a module at the end; the chain has to be bound again.

        Parameters
        ----------
        module : BaseModule
        take_labels : bool
            Hand it the labels of the batch, and its outputs to the metric.
        auto_wiring : bool
            Rename the outputs before it to its data names, in order.

        Returns
        -------
        SequentialModule
            This one.
        """
        needs(module, "module", "a module", "bind", "forward", "output_names")
        known = {self.META_TAKE_LABELS, self.META_AUTO_WIRING}
        unknown = sorted(set(kwargs) - known)
        if unknown:
            raise ValueError(f'Unknown meta "{unknown[0]}", a typo? Known are {", ".join(sorted(known))}')
        self._modules.append(module)
        self._metas.append(kwargs)
        self.binded = self.params_initialized = self.optimizer_initialized = False
        return self

    # ---- names and shapes ----------------------------------------------------------------------------------

    @property
    def data_names(self) -> list[str]:
        """Names of the first module's data inputs."""
        return self._modules[0].data_names if self._modules else []

    @property
    def output_names(self) -> list[str]:
        """Names of the last module's outputs."""
        return self._modules[-1].output_names if self._modules else []

    @property
    def data_shapes(self) -> Any:
        """Descriptions of the first module's data inputs."""
        self._require("data_shapes")
        return self._modules[0].data_shapes

    @property
    def label_shapes(self) -> Any:
        """Descriptions of the labels; None if no module takes them."""
        self._require("label_shapes")
        return self._label_shapes

    @property
    def output_shapes(self) -> Any:
        """(name, shape) of the last module's outputs."""
        self._require("output_shapes")
        return self._modules[-1].output_shapes

    # ---- steps ---------------------------------------------------------------------------------------------

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
        """Bind every module to the output shapes of the one before; see `Module.bind`."""
        if self.binded and not force_rebind:
            self.logger.warning("Already bound, ignoring bind()")
            return
        if inputs_need_grad and not for_training:
            raise ValueError("inputs_need_grad needs for_training")
        if shared_module is not None:
            raise MXNetError("shared_module for SequentialModule is not supported")
        if not self._modules:
            raise MXNetError("bind: the SequentialModule is empty; add modules first")
        as_descs(data_shapes)
        as_descs(label_shapes, "label_shapes")
        shapes = data_shapes
        for i, (module, meta) in enumerate(zip(self._modules, self._metas, strict=True)):
            if meta.get(self.META_AUTO_WIRING):
                names = module.data_names
                if len(names) != len(shapes):
                    raise MXNetError(f"module {i} takes {list(names)}, but is given {list(shapes)}")
                shapes = [(name, desc[1]) for name, desc in zip(names, shapes, strict=True)]
            module.bind(
                data_shapes=shapes,
                label_shapes=label_shapes if meta.get(self.META_TAKE_LABELS) else None,
                for_training=for_training,
                inputs_need_grad=inputs_need_grad or (for_training and i > 0),
                force_rebind=force_rebind,
                shared_module=None,
                grad_req=grad_req,
            )
            shapes = module.output_shapes
        taken = any(meta.get(self.META_TAKE_LABELS) for meta in self._metas)
        self._label_shapes = label_shapes if taken else None
        self.for_training, self.inputs_need_grad = for_training, inputs_need_grad
        self.binded = True

    def get_params(self) -> tuple[Params, Params]:
        """The parameters and auxiliary states of all modules, by name."""
        self._require("get_params", params=True)
        args: Params = {}
        auxs: Params = {}
        for module in self._modules:
            own_args, own_auxs = module.get_params()
            args.update(own_args)
            auxs.update(own_auxs)
        return args, auxs

    def init_params(
        self,
        initializer: Any = Uniform(0.01),  # noqa: B008 - immutable, and MXNet's documented default
        arg_params: Mapping[str, nd.NDArray] | None = None,
        aux_params: Mapping[str, nd.NDArray] | None = None,
        allow_missing: bool = False,
        force_init: bool = False,
        allow_extra: bool = False,
    ) -> None:
        """Give the parameters of all modules their first values; see `Module.init_params`.

        Raises
        ------
        MXNetError
            Two modules have parameters of one name.
        """
        if self.params_initialized and not force_init:
            return
        self._require("init_params")
        owners: dict[tuple[str, str], int] = {}
        for i, module in enumerate(self._modules):
            module.init_params(
                initializer=initializer,
                arg_params=arg_params,
                aux_params=aux_params,
                allow_missing=allow_missing,
                force_init=force_init,
                allow_extra=allow_extra,
            )
            for kind, params in zip(("arg", "aux"), module.get_params(), strict=True):
                for name in params:
                    first = owners.setdefault((kind, name), i)
                    if first != i:
                        raise MXNetError(
                            f"Duplicated parameter names: {name!r} of module {i} "
                            f"({type(module).__name__}) is also in module {first}"
                        )
        self.params_initialized = True

    def init_optimizer(
        self,
        kvstore: Any = "local",
        optimizer: Any = "sgd",
        optimizer_params: Mapping[str, Any] | Iterable[tuple[str, Any]] = (("learning_rate", 0.01),),
        force_init: bool = False,
    ) -> None:
        """Install an optimizer in every module; see `Module.init_optimizer`."""
        self._require("init_optimizer", params=True)
        if self.optimizer_initialized and not force_init:
            self.logger.warning("optimizer already initialized, ignoring.")
            return
        for module in self._modules:
            module.init_optimizer(
                kvstore=kvstore,
                optimizer=optimizer,
                optimizer_params=optimizer_params,
                force_init=force_init,
            )
        self.optimizer_initialized = True

    def forward(self, data_batch: Any, is_train: bool | None = None) -> None:
        """Compute the outputs, from the first module to the last."""
        self._require("forward", params=True)
        check_batch(data_batch)
        data_batch = copy.copy(data_batch)
        for i, module in enumerate(self._modules):
            if i:
                before = self._modules[i - 1]
                data_batch.data = before.get_outputs()
                if hasattr(data_batch, "provide_data"):
                    names = self._modules[i].data_names
                    if not self._metas[i].get(self.META_AUTO_WIRING):
                        names = [name for name, _ in before.output_shapes]
                    data_batch.provide_data = [
                        (name, array.shape) for name, array in zip(names, data_batch.data, strict=True)
                    ]
            module.forward(data_batch, is_train=is_train)

    def backward(self, out_grads: Any = None) -> None:
        """Compute the gradients, from the last module to the first."""
        self._require("backward", params=True)
        for i in reversed(range(len(self._modules))):
            self._modules[i].backward(out_grads=out_grads)
            if i:
                out_grads = self._modules[i].get_input_grads()

    def update(self) -> None:
        """Let every module's optimizer change its parameters."""
        self._require("update", params=True, optimizer=True)
        for module in self._modules:
            module.update()

    def get_outputs(self, merge_multi_context: bool = True) -> Any:
        """Outputs of the last module."""
        self._require("get_outputs", params=True)
        return self._modules[-1].get_outputs(merge_multi_context=merge_multi_context)

    def get_input_grads(self, merge_multi_context: bool = True) -> Any:
        """Gradients of the first module's data."""
        self._require("get_input_grads", params=True)
        if not self.inputs_need_grad:
            raise MXNetError("get_input_grads: the module was bound without inputs_need_grad")
        return self._modules[0].get_input_grads(merge_multi_context=merge_multi_context)

    def update_metric(self, eval_metric: EvalMetric, labels: Any, pre_sliced: bool = False) -> None:
        """Feed labels and the outputs of the modules that take labels to a metric."""
        self._require("update_metric", params=True)
        for module, meta in zip(self._modules, self._metas, strict=True):
            if meta.get(self.META_TAKE_LABELS):
                module.update_metric(eval_metric, labels, pre_sliced)

    def install_monitor(self, mon: Any) -> None:
        """Let a Monitor watch every module."""
        self._require("install_monitor")
        for module in self._modules:
            module.install_monitor(mon)
