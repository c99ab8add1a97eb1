"""The updater: applies an optimizer to parameters by index and keeps each one's state.

States are made on a parameter's first update. `get_states` and `set_states` turn them into bytes and back
(see `states`); what a restored state lacks in place, the device, is mended at the parameter's next update.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import ndarray as nd
from ..base import FormatError
from ..context import Context
from . import states as _states
from .optimizer import Index, Optimizer, State


class Updater:
    """Call it with (index, gradient, weight), single or as lists of equal length."""

    def __init__(self, optimizer: Optimizer) -> None:
        self.optimizer = optimizer
        self.states: dict[Index, State] = {}
        # States read from a file lie on the CPU until their parameter is next updated.
        self.states_synced: dict[Index, bool] = {}

    def __call__(
        self,
        index: Index | Sequence[Index],
        grad: Any,
        weight: Any,
    ) -> None:
        """Update one parameter or several in place; `grad` and `weight` are NDArrays, or lists of them."""
        if isinstance(index, list | tuple):
            for i, g, w in zip(index, grad, weight, strict=True):
                self._update(i, g, w)
        else:
            self._update(index, grad, weight)

    def _update(self, index: Any, grad: Any, weight: Any) -> None:
        state = self.states[index] if self.states_synced.get(index) else self._prepare(index, weight)
        self.optimizer.update_multi_precision(index, weight, grad, state)

    def _prepare(self, index: Index, weight: nd.NDArray) -> State:
        if index in self.states:
            self.states[index] = self.sync_state_context(self.states[index], weight.context)
        else:
            self.states[index] = self.optimizer.create_state_multi_precision(index, weight)
        self.states_synced[index] = True
        return self.states[index]

    def sync_state_context(self, state: State, context: Context) -> State:
        """The same state with its arrays on `context`."""
        if isinstance(state, nd.NDArray):
            return state.as_in_context(context)
        if isinstance(state, list | tuple):
            return type(state)([self.sync_state_context(part, context) for part in state])
        return state

    def get_states(self, dump_optimizer: bool = False) -> bytes:
        """The states as bytes: a dict of index to state, or a pair of that and the optimizer."""
        return _states.dumps((self.states, self.optimizer) if dump_optimizer else self.states)

    def set_states(self, states: bytes) -> None:
        """Take over what `get_states`, here or in MXNet, gave.

        Raises
        ------
        FormatError
            The bytes are no such states; the updater stays as it was.
        """
        content = _states.loads(states)
        optimizer = self.optimizer
        if isinstance(content, tuple) and len(content) == 2:
            content, optimizer = content
        if not isinstance(content, dict) or not isinstance(optimizer, Optimizer):
            raise FormatError(f"optimizer states hold a {type(content).__name__} instead of a dict of states")
        self.states, self.optimizer = content, optimizer
        self.states_synced = dict.fromkeys(content, False)


def get_updater(optimizer: Optimizer) -> Updater:
    """An Updater of this optimizer."""
    return Updater(optimizer)
