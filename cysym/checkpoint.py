"""Checkpoints, and the record that batch-end callbacks are given.

A checkpoint is ``prefix-symbol.json``, the graph, and ``prefix-0001.params``, the arrays under ``arg:`` and
``aux:`` names, byte for byte as MXNet 1.x writes them. Module, FeedForward, the callbacks and `mx.rnn` share
these functions; `mx.model` shows them under MXNet's names.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, NamedTuple

from . import ndarray as nd
from . import symbol as sym
from .arguments import checkpoint_file, needs, parameters, shown
from .base import FormatError
from .context import cpu

Params = dict[str, nd.NDArray]


class BatchEndParam(NamedTuple):
    """What a batch-end callback is called with.

    Attributes
    ----------
    epoch, nbatch : int
        Counted from 0.
    eval_metric : EvalMetric
        Of the epoch so far.
    locals : dict, optional
        Local variables of the loop that calls.
    """

    epoch: int
    nbatch: int
    eval_metric: Any
    locals: dict[str, Any] | None


def pack_params(arg_params: Mapping[str, nd.NDArray], aux_params: Mapping[str, nd.NDArray]) -> Params:
    """Arguments and auxiliary states in one dict, as parameter files hold them, on the CPU."""
    for params in (arg_params, aux_params):
        for name, array in params.items():
            if not isinstance(array, nd.NDArray):
                raise TypeError(f"parameter {name} must be an NDArray to be saved, got {shown(array)}")
    packed = {f"arg:{name}": array.as_in_context(cpu()) for name, array in arg_params.items()}
    packed.update((f"aux:{name}", array.as_in_context(cpu())) for name, array in aux_params.items())
    return packed


def unpack_params(loaded: Any, fname: str) -> tuple[Params, Params]:
    """Arguments and auxiliary states from the content of the parameter file `fname`.

    Raises
    ------
    FormatError
        The file holds arrays without names.
    """
    if not loaded:
        logging.warning("Params file '%s' is empty", fname)
        return {}, {}
    if not isinstance(loaded, dict):
        raise FormatError(f"params file {fname!r} holds {len(loaded)} arrays without names")
    args, auxs = {}, {}
    for key, array in loaded.items():
        kind, _, name = key.partition(":")
        if kind == "arg":
            args[name] = array
        elif kind == "aux":
            auxs[name] = array
    return args, auxs


def save_checkpoint(
    prefix: str,
    epoch: int,
    symbol: sym.Symbol | None,
    arg_params: Mapping[str, nd.NDArray],
    aux_params: Mapping[str, nd.NDArray],
    remove_amp_cast: bool = True,
) -> None:
    """Write ``prefix-symbol.json`` (unless `symbol` is None) and ``prefix-NNNN.params``.

    Each file is replaced in one step: a process killed meanwhile leaves the previous one whole.

    Parameters
    ----------
    prefix : str
        What the names of the files begin with, folder included.
    epoch : int
        Number in the name of the parameter file.
    symbol : Symbol, optional
        The network.
    arg_params, aux_params : dict of str to NDArray
        Values by name.
    remove_amp_cast : bool
        Leave out the casts that MXNet's mixed precision puts in.
    """
    fname = checkpoint_file(prefix, epoch, "params")
    packed = pack_params(parameters(arg_params, "arg_params"), parameters(aux_params, "aux_params"))
    if symbol is not None:
        needs(symbol, "symbol", "a Symbol or None", "save", "tojson")
        symbol.save(f"{prefix}-symbol.json", remove_amp_cast=remove_amp_cast)
    nd.save(fname, packed)
    logging.info('Saved checkpoint to "%s"', fname)


def load_params(prefix: str, epoch: int) -> tuple[Params, Params]:
    """Arguments and auxiliary states of ``prefix-NNNN.params``."""
    fname = checkpoint_file(prefix, epoch, "params")
    return unpack_params(nd.load(fname), fname)


def load_checkpoint(prefix: str, epoch: int) -> tuple[sym.Symbol, Params, Params]:
    """Symbol, arguments and auxiliary states of a checkpoint.

    Parameters
    ----------
    prefix : str
        What the names of the files begin with, folder included.
    epoch : int
        Number in the name of the parameter file.

    Returns
    -------
    symbol : Symbol
        Of ``prefix-symbol.json``.
    arg_params, aux_params : dict of str to NDArray
        Of ``prefix-NNNN.params``, on the CPU.

    Raises
    ------
    MXNetError
        A file is absent or damaged, naming what is wrong where.
    """
    checkpoint_file(prefix, epoch, "params")
    symbol = sym.load(f"{prefix}-symbol.json")
    return (symbol, *load_params(prefix, epoch))
