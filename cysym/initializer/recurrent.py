"""Initializers that know the gates of recurrent layers: LSTMBias, and FusedRNN for packed parameters.

`parts` describes the one vector the RNN operator takes: for each layer and direction the input's weight, then
the state's, each gate after gate; after all weights the biases in the same order. Nothing here needs the
operator or cells.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from .. import ndarray as nd
from ..arguments import choice, finite, number, whole
from .base import InitDesc, Initializer, create, register

# The gates by mode, in the order the RNN operator computes them.
GATES = {
    "rnn_relu": ("",),
    "rnn_tanh": ("",),
    "lstm": ("_i", "_f", "_c", "_o"),
    "gru": ("_r", "_z", "_o"),
}


def parts(
    size: int, num_hidden: int, num_layers: int, mode: str, bidirectional: bool
) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Name and shape of each part of a packed vector of `size` elements, in their order.

    The width of the input follows from the size: with d directions, g gates, h hidden units and l layers,
    ``size = d g h (input + h + 2 + (l - 1) (d h + h + 2))``.

    Raises
    ------
    ValueError
        No input width gives this size.
    """
    gates, directions = GATES[mode], ("l", "r") if bidirectional else ("l",)
    inner = num_hidden * len(directions)
    unit = inner * len(gates)
    width = size // unit - (num_layers - 1) * (inner + num_hidden + 2) - num_hidden - 2
    if size % unit or width < 1:
        raise ValueError(
            f"no {mode} with {num_layers} layers of {num_hidden} units in {len(directions)} directions has "
            f"{size} parameters"
        )
    cells = [(layer, side) for layer in range(num_layers) for side in directions]
    for layer, side in cells:
        for source, columns in (("i2h", inner if layer else width), ("h2h", num_hidden)):
            for gate in gates:
                yield f"{side}{layer}_{source}{gate}_weight", (num_hidden, columns)
    for layer, side in cells:
        for source in ("i2h", "h2h"):
            for gate in gates:
                yield f"{side}{layer}_{source}{gate}_bias", (num_hidden,)


@register
class LSTMBias(Initializer):
    """Zeros, but `forget_bias` for the forget gate, the second quarter of an LSTM cell's bias (4 h,).

    Source: Jozefowicz et al., "An Empirical Exploration of Recurrent Network Architectures".

    Parameters
    ----------
    forget_bias : float
    """

    def __init__(self, forget_bias: float = 1.0) -> None:
        super().__init__(forget_bias=forget_bias)
        self.forget_bias = number(forget_bias, "forget_bias")

    def _init_weight(self, name: str, arr: nd.NDArray) -> None:
        if arr.shape[0] % 4:
            raise ValueError(f"{name}: the bias of four gates cannot have shape {arr.shape}")
        hidden = arr.shape[0] // 4
        arr[:] = 0.0
        arr[hidden : 2 * hidden] = self.forget_bias


@register
class FusedRNN(Initializer):
    """Fill the packed parameters of a fused recurrent layer, part by part.

    Every gate's weight and bias is initialized for itself, under a name such as ``l0_i2h_f_weight``: side,
    layer, source, gate. The biases of an LSTM's forget gate become `forget_bias`.

    Parameters
    ----------
    init : Initializer, str or None
        For the parts; JSON text as `dumps` gives it, too. None: the initializer of the whole network.
    num_hidden, num_layers : int
    mode : {"rnn_relu", "rnn_tanh", "lstm", "gru"}
    bidirectional : bool
    forget_bias : float
    """

    def __init__(
        self,
        init: Any,
        num_hidden: int,
        num_layers: int,
        mode: str,
        bidirectional: bool = False,
        forget_bias: float = 1.0,
    ) -> None:
        choice(mode, "mode", tuple(GATES))
        if whole(num_hidden, "num_hidden") < 1 or whole(num_layers, "num_layers") < 1:
            raise ValueError(
                "FusedRNN needs layers and units (num_layers, num_hidden), got "
                f"{num_layers} layers of {num_hidden}"
            )
        finite(forget_bias, "forget_bias")
        inner = None if init is None else create(init)
        super().__init__(
            init=None if inner is None else inner.dumps(),
            num_hidden=num_hidden,
            num_layers=num_layers,
            mode=mode,
            bidirectional=bidirectional,
            forget_bias=forget_bias,
        )
        self._init = inner
        self._forget_bias = forget_bias
        self._layout = num_hidden, num_layers, mode, bidirectional

    def _init_weight(self, name: str, arr: nd.NDArray) -> None:
        whole = getattr(name, "global_init", None)
        init = whole if self._init is None else self._init
        if init is None or init is self:
            raise ValueError(
                f"{name}: FusedRNN(None, ...) leaves the parts to the network's initializer, there is none"
            )
        if len(arr.shape) != 1:
            raise ValueError(f"{name}: packed parameters are a vector, got shape {arr.shape}")
        at = 0
        for part, shape in list(parts(arr.size, *self._layout)):
            target = arr[at : at + math.prod(shape)].reshape(shape)
            at += target.size
            if part.endswith("_f_bias"):
                target[:] = self._forget_bias
            else:
                init(InitDesc(part, global_init=whole), target)
