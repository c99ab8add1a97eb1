"""FusedRNNCell: whole layers of recurrent cells as one node, the operator RNN.

Its weights are one vector, whose parts `initializer.recurrent.parts` describes; `unfuse` gives the same
network as a stack of `cells`, with which it shares checkpoints through `unpack_weights` and `pack_weights`.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from typing import Any

from .. import ndarray as nd
from .. import symbol as sym
from ..initializer import FusedRNN
from ..initializer.recurrent import GATES, parts
from .base import Args, BaseRNNCell, RNNParams, positive
from .cells import GRUCell, LSTMCell, RNNCell
from .modifiers import DropoutCell
from .sequences import in_layout, ops, time_axis
from .stacks import BidirectionalCell, SequentialRNNCell


class FusedRNNCell(BaseRNNCell):
    """One or several recurrent layers, computed by the operator RNN; only whole sequences.

    States are (directions * num_layers, batch, num_hidden). Its only variable is ``parameters``.

    Parameters
    ----------
    num_hidden : int
    num_layers : int
    mode : {"rnn_relu", "rnn_tanh", "lstm", "gru"}
    bidirectional : bool
        Outputs then have ``2 * num_hidden`` features.
    dropout : float
        Fraction of each layer's input, beside the first one's, that is dropped in training.
    get_next_state : bool
        Whether `unroll` gives the states after the last step; otherwise its list of states is empty.
    forget_bias : float
        What the initializer gives the forget gates of an LSTM.
    prefix : str, optional
        Default: the mode and an underscore.
    params : RNNParams, optional
        Variables to share with other cells.

    Raises
    ------
    TypeError, ValueError
        An unknown mode, or no layers or units.

    Source: MXNet's ``mx.rnn.FusedRNNCell``.
    """

    def __init__(
        self,
        num_hidden: int,
        num_layers: int = 1,
        mode: str = "lstm",
        bidirectional: bool = False,
        dropout: float = 0.0,
        get_next_state: bool = False,
        forget_bias: float = 1.0,
        prefix: str | None = None,
        params: RNNParams | None = None,
    ) -> None:
        super().__init__(f"{mode}_" if prefix is None else prefix, params)
        if mode not in GATES:
            raise ValueError(f"FusedRNNCell: mode must be one of {', '.join(GATES)}, got {mode!r}")
        positive(self, num_hidden=num_hidden, num_layers=num_layers)
        self._num_hidden = num_hidden
        self._num_layers = num_layers
        self._mode = mode
        self._bidirectional = bidirectional
        self._dropout = dropout
        self._get_next_state = get_next_state
        self._forget_bias = forget_bias
        self._params.get(
            "parameters", init=FusedRNN(None, num_hidden, num_layers, mode, bidirectional, forget_bias)
        )

    @property
    def _parameter(self) -> Any:
        return self._params.get("parameters")

    @property
    def _directions(self) -> int:
        return 2 if self._bidirectional else 1

    @property
    def state_info(self) -> list[dict[str, Any]]:
        shape = (self._directions * self._num_layers, 0, self._num_hidden)
        return [{"shape": shape, "__layout__": "LNC"} for _ in range(2 if self._mode == "lstm" else 1)]

    @property
    def _gate_names(self) -> tuple[str, ...]:
        return GATES[self._mode]

    @property
    def _num_gates(self) -> int:  # MXNet's name: initializers of users' own divide the vector by it
        return len(self._gate_names)

    @property
    def _can_step(self) -> bool:
        return False

    # --- weights ------------------------------------------------------------------------------------------
    def _parts(self, size: int) -> list[tuple[str, tuple[int, ...]]]:
        """Name and shape of each part of a vector of `size` parameters."""
        found = parts(size, self._num_hidden, self._num_layers, self._mode, bool(self._bidirectional))
        return [(self._prefix + name, shape) for name, shape in found]

    def unpack_weights(self, args: Mapping[str, nd.NDArray]) -> Args:
        """Split the vector into the matrices and biases of all layers, directions and gates.

        Parameters
        ----------
        args : dict of str to NDArray
            Parameters of a network; it stays as it is.

        Returns
        -------
        dict
            Of copies, such as ``lstm_l0_i2h_f_weight`` (l or r, layer, source, gate); other entries as they
            were. They are what the cells of `unfuse` unpack to.

        Raises
        ------
        KeyError
            The vector is not in `args`.
        ValueError
            Its size is that of no such network.
        """
        args = dict(args)
        name = self._parameter.name
        if name not in args:
            raise KeyError(f"{self._title()}: there is no parameter {name!r}")
        vector = args.pop(name)
        at = 0
        for part, shape in self._parts(vector.size):
            size = math.prod(shape)
            args[part] = vector[at : at + size].reshape(shape).copy()
            at += size
        return args

    def pack_weights(self, args: Mapping[str, nd.NDArray]) -> Args:
        """Join what `unpack_weights` split.

        Parameters
        ----------
        args : dict of str to NDArray
            With the matrices and biases of all layers, directions and gates; it stays as it is.

        Returns
        -------
        dict

        Raises
        ------
        KeyError
            A part is not in `args`.
        ValueError
            A part has another shape than its layer needs.
        """
        args = dict(args)
        hidden, inner = self._num_hidden, self._num_hidden * self._directions
        first = f"l0_i2h{self._gate_names[0]}_weight"
        if self._prefix + first not in args:
            raise KeyError(f"{self._title()}: there is no parameter {self._prefix + first!r}")
        shape = args[self._prefix + first].shape
        if len(shape) != 2:
            raise ValueError(f"{self._prefix + first} must be a matrix, got shape {shape}")
        width = shape[1] + hidden + 2 + (self._num_layers - 1) * (inner + hidden + 2)
        vectors = []
        for part, wanted in self._parts(width * inner * self._num_gates):
            array = self._take(args, part.removeprefix(self._prefix))
            if array.shape != wanted:
                raise ValueError(f"{part} must have shape {wanted}, got {array.shape}")
            vectors.append(array.reshape((-1,)))
        args[self._parameter.name] = nd.concatenate(vectors)
        return args

    # --- composition --------------------------------------------------------------------------------------
    def __call__(self, inputs: sym.Symbol, states: Any) -> tuple[Any, Any]:
        """Not possible: all steps are one node.

        Raises
        ------
        NotImplementedError
        """
        raise NotImplementedError("FusedRNNCell cannot be stepped; unroll it, or step the cells of unfuse()")

    def unroll(
        self,
        length: int | None,
        inputs: Any,
        begin_state: Any = None,
        layout: str = "NTC",
        merge_outputs: bool | None = None,
    ) -> tuple[Any, Any]:
        """Compose all steps as one node; see `BaseRNNCell.unroll`.

        The operator wants time first: inputs in the layout NTC are transposed, with a warning. The length
        is that of the inputs and may be None where nothing has to be split.
        """
        self.reset()
        axis = time_axis(layout)
        if axis > 1:
            raise ValueError(
                f"FusedRNNCell: time must be the first or the second axis, got layout {layout!r}"
            )
        states = self.begin_state() if begin_state is None else begin_state
        self._check_states(states)
        inputs = in_layout(length, inputs, layout, True)
        if axis == 1:
            warnings.warn(
                "FusedRNNCell transposes sequences in layout NTC; TNC spares the copies", stacklevel=2
            )
            inputs = ops.swapaxes(inputs, dim1=0, dim2=1)
        rnn = ops.RNN(
            data=inputs,
            parameters=self._parameter,
            state_size=self._num_hidden,
            num_layers=self._num_layers,
            bidirectional=self._bidirectional,
            p=self._dropout,
            state_outputs=self._get_next_state,
            mode=self._mode,
            name=f"{self._prefix}rnn",
            **dict(zip(("state", "state_cell"), states, strict=False)),
        )
        outputs, after = rnn, []
        if self._get_next_state:
            outputs, *after = rnn
            for state in after:
                state._set_attr(__layout__="LNC")
        if axis == 1:
            outputs = ops.swapaxes(outputs, dim1=0, dim2=1)
        return in_layout(length, outputs, layout, merge_outputs), after

    def unfuse(self) -> SequentialRNNCell:
        """The same network as a stack of single cells, which can be stepped and looked into.

        Returns
        -------
        SequentialRNNCell
            With the names `unpack_weights` gives; its LSTM cells have this one's `forget_bias`.
        """
        stack = SequentialRNNCell()
        for layer in range(self._num_layers):
            cell = self._single(f"l{layer}_")
            if self._bidirectional:
                cell = BidirectionalCell(
                    cell, self._single(f"r{layer}_"), output_prefix=f"{self._prefix}bi_l{layer}_"
                )
            stack.add(cell)
            if self._dropout > 0 and layer != self._num_layers - 1:
                stack.add(DropoutCell(self._dropout, prefix=f"{self._prefix}_dropout{layer}_"))
        return stack

    def _single(self, name: str) -> BaseRNNCell:
        """One layer in one direction."""
        hidden, prefix = self._num_hidden, self._prefix + name
        if self._mode == "lstm":
            return LSTMCell(hidden, prefix=prefix, forget_bias=self._forget_bias)
        if self._mode == "gru":
            return GRUCell(hidden, prefix=prefix)
        return RNNCell(hidden, activation=self._mode.removeprefix("rnn_"), prefix=prefix)
