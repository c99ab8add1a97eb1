"""Checkpoints of networks with recurrent cells: files hold one matrix per gate, memory the packed weights.

So a network trained with FusedRNNCell can be loaded with the cells it unfuses to, and the other way round.
`model` writes and reads the files.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .. import ndarray as nd
from .. import symbol as sym
from ..checkpoint import load_checkpoint, save_checkpoint
from .base import BaseRNNCell

Cells = BaseRNNCell | Sequence[BaseRNNCell]

__all__ = ["do_rnn_checkpoint", "load_rnn_checkpoint", "rnn_unroll", "save_rnn_checkpoint"]


def _each(cells: Cells) -> Sequence[BaseRNNCell]:
    """The cells as a list.

    Raises
    ------
    TypeError
        There is something else among them.
    """
    given = [cells] if isinstance(cells, BaseRNNCell) else list(cells)
    for cell in given:
        if not isinstance(cell, BaseRNNCell):
            raise TypeError(f"expected a cell or a list of cells, got {type(cell).__name__}")
    return given


def rnn_unroll(
    cell: BaseRNNCell,
    length: int,
    inputs: Any = None,
    begin_state: Any = None,
    input_prefix: str = "",
    layout: str = "NTC",
) -> tuple[Any, Any]:
    """``cell.unroll(length, inputs, begin_state, layout)``; deprecated.

    Without inputs there are variables ``t0_data``, ``t1_data`` and so on, behind `input_prefix`. (In MXNet
    1.9.1 the function is there but always fails.)

    Returns
    -------
    outputs, states
        See `BaseRNNCell.unroll`.
    """
    warnings.warn("rnn_unroll is deprecated; call cell.unroll", DeprecationWarning, stacklevel=2)
    if inputs is None:
        inputs = [sym.Variable(f"{input_prefix}t{i}_data") for i in range(length)]
    return cell.unroll(length, inputs=inputs, begin_state=begin_state, layout=layout)


def save_rnn_checkpoint(
    cells: Cells,
    prefix: str,
    epoch: int,
    symbol: Any,
    arg_params: Mapping[str, nd.NDArray],
    aux_params: Mapping[str, nd.NDArray],
) -> None:
    """Write ``prefix-symbol.json`` and ``prefix-EPOCH.params``, the weights of the cells unpacked.

    Parameters
    ----------
    cells : BaseRNNCell or list of BaseRNNCell
        All cells the network was unrolled from.
    prefix : str
        What the files' names begin with.
    epoch : int
    symbol : Symbol
    arg_params, aux_params : dict of str to NDArray
        They stay as they are.

    Raises
    ------
    KeyError, ValueError
        The parameters are not those of the cells; nothing is written.
    """
    args: Any = arg_params
    for cell in _each(cells):
        args = cell.unpack_weights(args)
    save_checkpoint(prefix, epoch, symbol, args, aux_params)


def load_rnn_checkpoint(
    cells: Cells, prefix: str, epoch: int
) -> tuple[sym.Symbol, dict[str, nd.NDArray], dict[str, nd.NDArray]]:
    """Read what `save_rnn_checkpoint` wrote, the weights packed as these cells need them.

    Parameters
    ----------
    cells : BaseRNNCell or list of BaseRNNCell
        Those of the network the parameters are for, which may be the fused or unfused form of the saved one.
    prefix : str
    epoch : int

    Returns
    -------
    symbol, arg_params, aux_params

    Raises
    ------
    KeyError, ValueError
        The file does not hold the cells' parameters.
    """
    symbol, args, aux = load_checkpoint(prefix, epoch)
    for cell in _each(cells):
        args = cell.pack_weights(args)
    return symbol, args, aux


def do_rnn_checkpoint(cells: Cells, prefix: str, period: int = 1) -> Callable[..., None]:
    """A function for `fit`'s `epoch_end_callback` that saves the network with `save_rnn_checkpoint`.

    Parameters
    ----------
    cells : BaseRNNCell or list of BaseRNNCell
    prefix : str
    period : int
        Save after every so many epochs.
    """
    period = max(1, int(period))
    cells = _each(cells)

    def save(iter_no: int, sym: Any = None, arg: Any = None, aux: Any = None) -> None:
        if (iter_no + 1) % period == 0:
            save_rnn_checkpoint(cells, prefix, iter_no + 1, sym, arg, aux)

    return save
