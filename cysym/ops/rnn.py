"""RNN: recurrent layers over whole sequences, plain, LSTM and GRU, stacked and in one or both directions.

What the operator is: parameters, shapes, types, and the tensors its gradient needs. The calls it is made of
stand in rnn_calls.py, the kernels in c_kernels/rnn.c and cl_kernels/rnn.cl.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..base import MXNetError, ShapeError
from ..dtypes import CODES
from .dot import pieces
from .rnn_calls import UNITS, RNNForwardCalls, Sizes
from .rnn_grad import RNNBackwardCalls
from .rules import FLOATS, show
from .schema import Backward, Bool, Enum, Float, Int, OpDef

if TYPE_CHECKING:
    from ..passes.lower import LowerContext
    from .rules import ShapeRule, TypeRule

HALF, FLOAT = CODES["float16"], CODES["float32"]
MAX_SIZE = 2**31


def refuse_training(c: LowerContext, outputs: tuple[str, ...]) -> None:
    """An error when it is run, not before: networks are bound for training and then used for inference."""
    size = c.op.values["projection_size"]

    def refuse(outs: Any, ins: Any) -> None:
        raise MXNetError(
            f"RNN: projection_size={size} is for inference only, as on MXNet's CPU; train without"
        )

    c.callback(refuse, [c.output(name) for name in outputs], [])


class RNNBackward(Backward):
    """Back through time, layer after layer from the last; see rnn_calls.py."""

    differentiable = ("data", "parameters", "state", "state_cell")

    def read_names(self) -> tuple[str, ...]:
        op = self.forward
        assert isinstance(op, RNN)
        ograds = tuple(f"ograd{i}" for i in range(op.num_visible()))
        tops = () if op.use_sequence_length else ("output",)
        return (*ograds, *op.input_names(), *tops, *op.output_names()[op.num_visible() :])

    def lower(self, c: LowerContext) -> None:
        op = self.forward
        assert isinstance(op, RNN)
        if op.projection_size is not None:
            refuse_training(c, self.wanted)
            return
        RNNBackwardCalls(c, op.sizes(c.shape("data"))).run()


class RNN(OpDef):
    """Recurrent layers over whole sequences.

    With x the input of a layer at one time, h the state before, W, b the weights and biases of the input and
    U, d those of the state, a step is, by ``mode``:

    - ``rnn_tanh``, ``rnn_relu``: ``h = act(W x + b + U h + d)``
    - ``lstm``: ``i, f, o = sigmoid(W x + b + U h + d)``, ``g = tanh(...)`` likewise; ``c = f c + i g``; ``h =
      o tanh(c)``
    - ``gru``: ``r, z = sigmoid(W x + b + U h + d)``; ``n = tanh(W x + b + r (U h + d))``; ``h = (1 - z) n + z
      h``

    ``parameters`` is one vector: for each layer and direction W then U, gate after gate (i, f, g, o or r, z,
    n); then for each layer and direction b then d. The input of a layer is the output of the one below, both
    directions side by side, in training with a share ``p`` of it dropped.

    With `use_sequence_length` a sequence ends after ``sequence_length`` steps: its output is 0 from there on,
    its last state is that of its last step, and the reverse direction begins there. Lengths beyond the data
    are cut to it.

    data: (time, batch, input); state, and state_cell for lstm: (layers * directions, batch, state_size);
    sequence_length: (batch,), an input only with `use_sequence_length`; output: (time, batch, directions *
    state_size), with `state_outputs` followed by the last state and for lstm the last cell. With
    ``projection_size`` p (lstm, inference only) h is multiplied by a matrix (p, state_size) that follows U,
    and state and output have p columns.

    (MXNet: RNN; Hochreiter and Schmidhuber 1997, Cho et al. 2014. MXNet's CPU ignores sequence lengths,
    clipping, and for float32 ``p``; here they do what MXNet documents.)
    """

    name = "RNN"
    inputs = ("data", "parameters", "state", "state_cell", "sequence_length")
    has_own_output_names = True
    dtypes = FLOATS
    backward = RNNBackward

    state_size = Int(min=1, doc="size of the state of each layer")
    num_layers = Int(min=1, doc="number of stacked layers")
    bidirectional = Bool(False, "whether each layer also runs backwards in time")
    mode = Enum(("gru", "lstm", "rnn_relu", "rnn_tanh"), doc="the kind of step")
    p = Float(0.0, "share of each layer's output but the last that is dropped in training", within=(0, 1))
    state_outputs = Bool(False, "whether the last states are outputs, too")
    projection_size = Int(None, "columns an LSTM's state is projected to", min=1)
    lstm_state_clip_min = Float(None, "smallest value of an LSTM's cell; needs lstm_state_clip_max")
    lstm_state_clip_max = Float(None, "largest value of an LSTM's cell; needs lstm_state_clip_min")
    lstm_state_clip_nan = Bool(False, "whether clipping turns NaN into lstm_state_clip_min")
    use_sequence_length = Bool(False, "whether the input sequence_length says how long each sequence is")

    @classmethod
    def make(cls, attrs: Mapping[str, Any]) -> OpDef:
        """One that will drop is random: it keeps what it drew to the end of the run."""
        op = super().make(attrs)
        assert isinstance(op, RNN)
        if cls is RNN and op.drops():
            return _RNNWithDropout.make(attrs)
        return op

    def check(self) -> None:
        if self.projection_size is not None and (self.mode != "lstm" or self.use_sequence_length):
            kind = "use_sequence_length" if self.mode == "lstm" else f"mode {self.mode}"
            raise MXNetError(
                f"{self.name}: projection_size is for mode lstm without lengths only, got {kind}"
            )
        low, high = self.lstm_state_clip_min, self.lstm_state_clip_max
        if (low is None) != (high is None):
            raise MXNetError(
                f"{self.name}: lstm_state_clip_min and lstm_state_clip_max must be given together, "
                f"got {low} and {high}"
            )
        if low is not None and not low <= high:
            raise MXNetError(
                f"{self.name}: lstm_state_clip_min must be at most lstm_state_clip_max, got {low} and {high}"
            )
        if max(self.state_size, self.num_layers, self.projection_size or 0) >= MAX_SIZE:
            raise MXNetError(
                f"{self.name}: state_size, num_layers and projection_size must be below {MAX_SIZE}"
            )

    def drops(self) -> bool:
        return self.p > 0 and self.num_layers > 1

    def input_names(self) -> tuple[str, ...]:
        cell = ("state_cell",) * (self.mode == "lstm")
        return ("data", "parameters", "state", *cell, *("sequence_length",) * self.use_sequence_length)

    def num_visible(self) -> int:
        return 1 + (1 + (self.mode == "lstm")) * self.state_outputs

    def counted_outputs(self) -> int:
        return self.num_visible()

    def output_names(self) -> tuple[str, ...]:
        """Behind those a user sees: what `saved_shapes` lists."""
        visible = ("output", "state_output", "statecell_output")[: self.num_visible()]
        return (*visible, *self.saved_shapes(self.sizes((0, 0, 0))))

    def sizes(self, data: tuple[int, ...]) -> Sizes:
        return Sizes(self, *data)

    def saved_shapes(self, z: Sizes) -> dict[str, tuple[int, ...]]:
        """What the gradient needs besides inputs and outputs."""
        found: dict[str, tuple[int, ...]] = {}
        if z.gates > 1:
            found["gates"] = (z.layers, z.directions, z.time, pieces(z.hidden, UNITS), z.batch, 4 * UNITS)
        if self.mode == "lstm":
            found["cells"] = (z.layers, z.directions, z.time, z.batch, z.hidden)
        between = (z.layers - 1, z.time, z.batch, z.directions * z.state)
        if self.use_sequence_length:  # states, not cut off as the output is
            found["hidden"] = (z.layers, *between[1:])
        elif z.layers > 1:
            found["hidden"] = between
        if self.drops():
            found["mask"] = between
        return found

    def infer_shape(self, s: ShapeRule) -> None:
        z = self.sizes((-1, -1, -1))
        for i in range(self.num_visible()):
            out = s.outs[i]
            if out is not None and len(out) != 3:
                raise ShapeError(f"{self.name}: output {i} must have 3 dimensions, got shape {show(out)}")
        top = s.outs[0]
        data = s.get("data")
        if data is not None and len(data) != 3:
            raise ShapeError(
                f"{self.name}: input data must be (sequence length, batch size, input size), "
                f"got shape {show(data)}"
            )
        if top is not None:
            data = s.meet_in("data", (top[0], top[1], -1))
        if data is None:
            return
        time, batch, width = data
        z = self.sizes((time, batch, width))
        if 0 in (time, width):
            raise ShapeError(
                f"{self.name}: data must have at least one step and one feature, got shape {show(data)}"
            )
        s.meet_in("parameters", (-1 if width < 0 else z.parameters(),))
        states = (z.layers * z.directions, batch, z.state)
        cells = (*states[:2], z.hidden)
        s.meet_in("state", states)
        if self.mode == "lstm":
            s.meet_in("state_cell", cells)
        if self.use_sequence_length:
            s.meet_in("sequence_length", (batch,))
        visible = [(time, batch, z.directions * z.state), states, cells][: self.num_visible()]
        for i, shape in enumerate((*visible, *self.saved_shapes(z).values())):
            s.meet_out(i, tuple(-1 if d < 0 else d for d in shape))

    def infer_type(self, t: TypeRule) -> None:
        names = self.input_names()
        n = len(names) - self.use_sequence_length
        t.same(range(n), range(self.num_visible()))
        if t.ins[0] is None:
            return
        if self.use_sequence_length and t.ins[n] is None:
            t.meet_in(n, t.ins[0])
        for i in range(self.num_visible(), len(t.outs)):
            t.meet_out(i, FLOAT if t.ins[0] == HALF else t.ins[0])

    def lower(self, c: LowerContext) -> None:
        if c.is_train and self.projection_size is not None:
            refuse_training(c, self.output_names())
            return
        RNNForwardCalls(c, self.sizes(c.shape("data"))).run()


class _RNNWithDropout(RNN):
    is_random = True
