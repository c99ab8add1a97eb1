"""The half of Module that keeps its parameters: host copies, first values, assignment, checkpoints.

Parameters exist once per context, where training changes them, and once more here on the host; `get_params`
brings the host copies up to date. Nothing here binds or runs anything: that is Module's own half.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Mapping
from typing import Any, Self

import numpy as np

from .. import ndarray as nd
from ..arguments import checkpoint_file, function, parameters
from ..checkpoint import Params, load_checkpoint
from ..context import cpu
from ..initializer import InitDesc, Uniform
from ..suggest import did_you_mean
from .base_module import BaseModule
from .executor_group import DataParallelExecutorGroup
from .slicing import assign
from .updates import refresh_store


class ModuleParameters(BaseModule):
    """What Module does with parameters."""

    _param_names: list[str]
    _aux_names: list[str]

    def __init__(self, logger: Any = logging) -> None:
        super().__init__(logger)
        self._arg_params: Params | None = None
        self._aux_params: Params | None = None
        # The executors' values are newer than the host copies.
        self._params_dirty = False
        # Another module trains the same arrays and the same host copies: ours may be old at any time.
        self._params_shared = False
        self._kvstore: Any = None
        self._update_on_kvstore: bool | None = None
        self._preload_opt_states: str | None = None
        self._exec_group: DataParallelExecutorGroup | None = None

    def _bound(self, action: str, *, params: bool = False) -> DataParallelExecutorGroup:
        self._require(action, params=params)
        assert self._exec_group is not None
        return self._exec_group

    # ---- checkpoints ---------------------------------------------------------------------------------------

    @classmethod
    def load(cls, prefix: str, epoch: int, load_optimizer_states: bool = False, **kwargs: Any) -> Self:
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
        module = cls(symbol=symbol, **kwargs)  # type: ignore[call-arg]
        module._arg_params, module._aux_params = args, auxs
        module.params_initialized = True
        if load_optimizer_states:
            module._preload_opt_states = checkpoint_file(prefix, epoch, "states")
        return module

    def save_checkpoint(
        self, prefix: str, epoch: int, save_optimizer_states: bool = False, remove_amp_cast: bool = True
    ) -> None:
        """Write ``prefix-symbol.json``, ``prefix-NNNN.params`` and, if asked, ``prefix-NNNN.states``.

        Each file is replaced in one step: a process killed meanwhile leaves the previous one whole.
        """
        if save_optimizer_states:
            self._require("save_checkpoint", params=True, optimizer=True)
        params_name = checkpoint_file(prefix, epoch, "params")
        self.get_params()
        self._symbol.save(f"{prefix}-symbol.json", remove_amp_cast=remove_amp_cast)
        self.save_params(params_name)
        logging.info('Saved checkpoint to "%s"', params_name)
        if save_optimizer_states:
            states_name = checkpoint_file(prefix, epoch, "states")
            self.save_optimizer_states(states_name)
            logging.info('Saved optimizer state to "%s"', states_name)

    def save_optimizer_states(self, fname: str) -> None:
        """Write the optimizer's states to a file."""
        raise self._abstract("save_optimizer_states")

    # ---- values --------------------------------------------------------------------------------------------

    def get_params(self) -> tuple[Params, Params]:
        """Host copies of the parameters and auxiliary states, by name; the mean where contexts differ.

        The arrays belong to the module: the next call brings the same arrays up to date.
        """
        if self.binded or not self.params_initialized:
            self._bound("get_params", params=True)
            if self._params_dirty or self._params_shared:
                self._sync_params_from_devices()
        return self._host_params()

    def _host_params(self) -> tuple[Params, Params]:
        """The host copies as they are; bind or load made them."""
        assert self._arg_params is not None
        assert self._aux_params is not None
        return self._arg_params, self._aux_params

    def _sync_params_from_devices(self) -> None:
        assert self._exec_group is not None
        self._exec_group.get_params(*self._host_params())
        self._params_dirty = False

    def _adopt_params(self, group: DataParallelExecutorGroup, shared: ModuleParameters | None) -> None:
        """Bring host copies and the parameters of a group just bound together."""
        if shared is not None:
            self._arg_params, self._aux_params = shared._arg_params, shared._aux_params
            self._params_shared = shared._params_shared = True
            return
        if self._params_shared:
            # Bound again, and alone: from here on with host copies of its own.
            args, auxs = self._host_params()
            self._arg_params = {name: args[name].copy() for name in group.param_names}
            self._aux_params = {name: auxs[name].copy() for name in group.aux_names}
            self._params_shared = False
        elif not self.params_initialized:
            self._arg_params = _host_zeros(group.param_names, group.param_arrays)
            self._aux_params = _host_zeros(group.aux_names, group.aux_arrays)
            return
        group.check_params(*self._host_params(), allow_extra=False)
        for own, names, arrays in zip(
            self._host_params(),
            (group.param_names, group.aux_names),
            (group.param_arrays, group.aux_arrays),
            strict=True,
        ):
            # As in MXNet, what a loaded file lacks stays zero; we say so, but for the label of a predictor
            # (label_names=None), which counts as a parameter and is in no file.
            for name, zero in _host_zeros(names, arrays).items():
                if name not in own:
                    if not name.endswith("label"):
                        self.logger.warning("%s is not among the loaded parameters and stays zero", name)
                    own[name] = zero
        group.set_params(*self._host_params())

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
        if self.params_initialized and not force_init:
            warnings.warn(
                "Parameters already initialized and force_init=False. init_params call ignored.", stacklevel=2
            )
            return
        group = self._bound("init_params")
        if initializer is not None:
            function(initializer, "initializer", optional=True)
        parameters(arg_params, "arg_params")
        parameters(aux_params, "aux_params")
        if not allow_missing:
            for what, names, given in (
                ("arg_params", self._param_names, arg_params),
                ("aux_params", self._aux_names, aux_params),
            ):
                for name in names:
                    if name not in given if given is not None else initializer is None:
                        near = did_you_mean(name, [key for key in given or () if key not in names])
                        raise RuntimeError(
                            f"{name} is not presented: {what} lacks it{near}, and allow_missing is not set"
                        )
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
                assign(value, array)
        group.set_params(*self._host_params(), allow_extra=self._params_shared)
        self._refresh_store(self._host_params()[0])
        self.params_initialized = True
        self._params_dirty = False

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

        Notes
        -----
        A kvstore that updates the parameters gets the values, too (in MXNet its old ones come back with the
        next `update`); one of a class of your own keeps what it has.
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
        args = parameters(arg_params, "arg_params")
        group.set_params(args, parameters(aux_params, "aux_params"), allow_extra)
        self._refresh_store(args)
        self._params_dirty = True
        self.params_initialized = True

    def _refresh_store(self, arg_params: Mapping[str, nd.NDArray]) -> None:
        if self._update_on_kvstore:
            refresh_store(self._kvstore, arg_params)


def _host_zeros(names: list[str], arrays: list[list[nd.NDArray]]) -> Params:
    return {
        name: nd.zeros(block[0].shape, ctx=cpu(), dtype=np.dtype(block[0].dtype))
        for name, block in zip(names, arrays, strict=True)
    }
