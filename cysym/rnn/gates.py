"""What the gates of a step compute, for dense and convolutional cells alike: plain, LSTM and GRU steps.

A step is mixed into a cell that has `_project`, which makes the input's and the state's share of all gates,
and `_state`, which describes one state. The order in which nodes are made decides their automatic names and
is MXNet's.
"""

from __future__ import annotations

from typing import Any

from .. import symbol as sym
from .base import BaseRNNCell
from .sequences import ops


class Step(BaseRNNCell):
    """A cell whose step begins with two projections; what they mean is the subclasses' matter."""

    _activation: Any
    _STATES: int
    # Arguments that cut the projections into gates, beside their number.
    _cut: dict[str, Any] = {}

    @property
    def state_info(self) -> list[dict[str, Any]]:
        return [self._state() for _ in range(self._STATES)]

    def _state(self) -> dict[str, Any]:
        raise NotImplementedError

    def _project(self, inputs: Any, state: Any, name: str) -> tuple[Any, Any]:
        raise NotImplementedError


class PlainStep(Step):
    """h' = act(i2h + h2h)."""

    _STATES = 1

    @property
    def _gate_names(self) -> tuple[str, ...]:
        return ("",)

    def __call__(self, inputs: sym.Symbol, states: Any) -> tuple[Any, Any]:
        name = self._next_step(states)
        i2h, h2h = self._project(inputs, states[0], name)
        output = self._get_activation(i2h + h2h, self._activation, name=name + "out")
        return output, [output]


class LSTMStep(Step):
    """i, f, o = sigmoid, g = act of i2h + h2h; c' = f c + i g; h' = o act(c')."""

    _STATES = 2

    @property
    def _gate_names(self) -> tuple[str, ...]:
        return ("_i", "_f", "_c", "_o")

    def __call__(self, inputs: sym.Symbol, states: Any) -> tuple[Any, Any]:
        name = self._next_step(states)
        i2h, h2h = self._project(inputs, states[0], name)
        i, f, c, o = ops.SliceChannel(i2h + h2h, num_outputs=4, name=name + "slice", **self._cut)
        i = ops.Activation(i, act_type="sigmoid", name=name + "i")
        f = ops.Activation(f, act_type="sigmoid", name=name + "f")
        c = self._get_activation(c, self._activation, name=name + "c")
        o = ops.Activation(o, act_type="sigmoid", name=name + "o")
        cell = ops._internal._plus(f * states[1], i * c, name=name + "state")
        output = ops._internal._mul(o, self._get_activation(cell, self._activation), name=name + "out")
        return output, [output, cell]


class GRUStep(Step):
    """r, z = sigmoid(i2h + h2h); n = act(i2h_n + r h2h_n); h' = (1 - z) n + z h.

    The reset gate acts behind the state's projection, as in cuDNN, not before it as in Cho et al. (2014).
    """

    _STATES = 1
    # Between a step's name and those of its projections: MXNet's dense cell doubles the underscore.
    _GAP = ""

    @property
    def _gate_names(self) -> tuple[str, ...]:
        return ("_r", "_z", "_o")

    def __call__(self, inputs: sym.Symbol, states: Any) -> tuple[Any, Any]:
        name = self._next_step(states)
        before = states[0]
        i2h, h2h = self._project(inputs, before, name + self._GAP)
        ir, iz, i2h = ops.SliceChannel(i2h, num_outputs=3, name=name + "_i2h_slice", **self._cut)
        hr, hz, h2h = ops.SliceChannel(h2h, num_outputs=3, name=name + "_h2h_slice", **self._cut)
        reset = ops.Activation(ir + hr, act_type="sigmoid", name=name + "_r_act")
        update = ops.Activation(iz + hz, act_type="sigmoid", name=name + "_z_act")
        new = self._get_activation(i2h + reset * h2h, self._activation, name=name + "_h_act")
        output = ops._internal._plus((1.0 - update) * new, update * before, name=name + "out")
        return output, [output]
