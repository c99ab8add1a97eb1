"""Dense cells: RNNCell, LSTMCell and GRUCell, whose gates see all features of a step.

Each has four variables (``i2h_weight``, ``i2h_bias``, ``h2h_weight``, ``h2h_bias``), the gates one below the
other. `gates` holds the steps; `fused` has the same networks as one operator.
"""

from __future__ import annotations

from typing import Any

from ..initializer import LSTMBias
from .base import RNNParams, positive
from .gates import GRUStep, LSTMStep, PlainStep, Step
from .sequences import ops


class _DenseCell(Step):
    """Projects inputs (batch, features) and states (batch, num_hidden) by two FullyConnected layers."""

    def __init__(
        self, num_hidden: int, activation: Any, prefix: str, params: RNNParams | None, bias: Any = None
    ) -> None:
        super().__init__(prefix, params)
        positive(self, num_hidden=num_hidden)
        self._num_hidden = num_hidden
        self._activation = activation
        for name in ("i2h_weight", "h2h_weight"):
            self._params.get(name)
        self._params.get("i2h_bias", init=bias)
        self._params.get("h2h_bias")

    def _state(self) -> dict[str, Any]:
        return {"shape": (0, self._num_hidden), "__layout__": "NC"}

    def _project(self, inputs: Any, state: Any, name: str) -> tuple[Any, Any]:
        # Looked up at each step: a stack's params may have taken the place of the cell's own.
        get, units = self._params.get, self._num_hidden * len(self._gate_names)
        i2h = ops.FullyConnected(
            data=inputs, weight=get("i2h_weight"), bias=get("i2h_bias"), num_hidden=units, name=name + "i2h"
        )
        h2h = ops.FullyConnected(
            data=state, weight=get("h2h_weight"), bias=get("h2h_bias"), num_hidden=units, name=name + "h2h"
        )
        return i2h, h2h


class RNNCell(PlainStep, _DenseCell):
    """Plain recurrence: ``h' = act(W x + b + U h + c)`` with one state (batch, num_hidden).

    Parameters
    ----------
    num_hidden : int
    activation : str or callable
        An `act_type` of Activation, or a function of a symbol.
    prefix : str
    params : RNNParams, optional
        Variables to share with other cells.

    Source: MXNet's ``mx.rnn.RNNCell``; Elman, "Finding Structure in Time".

    >>> import cysym as mx
    >>> outputs, states = mx.rnn.RNNCell(4).unroll(2, [mx.sym.Variable("a"), mx.sym.Variable("b")])
    >>> outputs
    [<Symbol rnn_t0_out>, <Symbol rnn_t1_out>]
    >>> outputs[1].list_arguments()
    ['b', 'rnn_i2h_weight', 'rnn_i2h_bias', 'a', 'rnn_h2h_weight', 'rnn_h2h_bias']
    """

    def __init__(
        self,
        num_hidden: int,
        activation: Any = "tanh",
        prefix: str = "rnn_",
        params: RNNParams | None = None,
    ) -> None:
        super().__init__(num_hidden, activation, prefix, params)


class LSTMCell(LSTMStep, _DenseCell):
    """Long short-term memory: states are output and memory, both (batch, num_hidden).

    Parameters
    ----------
    num_hidden : int
    prefix : str
    params : RNNParams, optional
        Variables to share with other cells.
    forget_bias : float
        What the initializer LSTMBias gives the forget gate's part of ``i2h_bias``.

    Source: MXNet's ``mx.rnn.LSTMCell``; Hochreiter and Schmidhuber, "Long Short-Term Memory".
    """

    def __init__(
        self,
        num_hidden: int,
        prefix: str = "lstm_",
        params: RNNParams | None = None,
        forget_bias: float = 1.0,
    ) -> None:
        super().__init__(num_hidden, "tanh", prefix, params, LSTMBias(forget_bias=forget_bias))


class GRUCell(GRUStep, _DenseCell):
    """Gated recurrent unit, in cuDNN's form, with one state (batch, num_hidden).

    Parameters
    ----------
    num_hidden : int
    prefix : str
    params : RNNParams, optional
        Variables to share with other cells.

    Source: MXNet's ``mx.rnn.GRUCell``; Cho et al., "Learning Phrase Representations using RNN
    Encoder-Decoder".
    """

    _GAP = "_"

    def __init__(self, num_hidden: int, prefix: str = "gru_", params: RNNParams | None = None) -> None:
        super().__init__(num_hidden, "tanh", prefix, params)
