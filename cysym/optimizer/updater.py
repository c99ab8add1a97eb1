"""The updater: applies an optimizer to parameters by index and keeps each one's state.

States are made on a parameter's first update. `get_states` and `set_states` turn them into bytes and back
(see `states`); what a restored state lacks in place, the device, is mended at the parameter's next update.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import ndarray as nd
from ..arguments import needs, shown
from ..base import MXNetError
from ..context import Context
from . import states as _states
from .base import Index, Optimizer, State, check_pairs


class Updater:
    """Call it with (index, gradient, weight), single or as lists of equal length.

    Parameters
    ----------
    optimizer : Optimizer
        One whose `aggregate_num` is above 0 gets that many parameters of one element type at once.
    """

    def __init__(self, optimizer: Optimizer) -> None:
        needs(optimizer, "optimizer", "an Optimizer", "aggregate_num", "update_multi_precision")
        self.optimizer = optimizer
        self.states: dict[Index, State] = {}
        # States read from a file lie on the CPU until their parameter is next updated.
        self.states_synced: dict[Index, bool] = {}
        self.aggregate_updates = optimizer.aggregate_num > 0

    def __call__(self, index: Any, grad: Any, weight: Any) -> None:
        """Update one parameter or several in place.

        Parameters
        ----------
        index : int or str, or list of them
            What the state is kept under; bytes are decoded.
        grad, weight : NDArray, or lists of them
            The weights are written.

        Raises
        ------
        ValueError
            Lists of different lengths.
        """
        if not isinstance(index, list | tuple):
            self._one(index.decode() if isinstance(index, bytes) else index, grad, weight)
            return
        for what, given in (("grad", grad), ("weight", weight)):
            if not isinstance(given, list | tuple):
                raise TypeError(f"{what} must be a list as index is, got {shown(given)}")
        if not len(index) == len(grad) == len(weight):
            raise ValueError(
                f"an update needs lists of one length, got {len(index)} indices, {len(grad)} gradients, "
                f"{len(weight)} weights"
            )
        if not weight:
            return
        optimizer = self.optimizer
        if not _fit(weight, grad):  # the first must not be updated when the second cannot be
            check_pairs(optimizer, weight, grad)
        optimizer._set_current_context(weight[0].context.device_id)
        synced = self.states_synced
        indices: list[Index] = [i.decode() if isinstance(i, bytes) else i for i in index]
        try:
            ready = all(map(synced.get, indices))
        except TypeError:
            raise TypeError(f"index must hold ints or strings, got {shown(index)}") from None
        if not ready:
            for i, w in zip(indices, weight, strict=True):
                if not synced.get(i):
                    self._prepare(i, w)
        if self.aggregate_updates:
            self._aggregated(indices, grad, weight)
            return
        for i, g, w in zip(indices, grad, weight, strict=True):
            optimizer.update_multi_precision(i, w, g, self.states[i])

    def _one(self, index: Index, grad: Any, weight: Any) -> None:
        optimizer = self.optimizer
        if not isinstance(weight, nd.NDArray):
            raise TypeError(f"weight must be an NDArray where index is {shown(index)}, got {shown(weight)}")
        optimizer._set_current_context(weight.context.device_id)
        try:
            known = self.states_synced.get(index)
        except TypeError:
            raise TypeError(f"index must be an int or a str, or a list, got {shown(index)}") from None
        if not known:
            self._prepare(index, weight)
        state = self.states[index]
        if self.aggregate_updates:
            optimizer.update_multi_precision((index,), (weight,), (grad,), [state])
        else:
            optimizer.update_multi_precision(index, weight, grad, state)

    def _aggregated(self, indices: Sequence[Index], grads: Sequence[Any], weights: Sequence[Any]) -> None:
        """Hand parameters over in groups, a group has one element type."""
        optimizer, states = self.optimizer, self.states
        size = optimizer.aggregate_num
        groups: dict[Any, list[int]] = {}
        for k, w in enumerate(weights):
            groups.setdefault(w.dtype, []).append(k)
        for members in groups.values():
            for start in range(0, len(members), size):
                chunk = members[start : start + size]
                optimizer.update_multi_precision(
                    tuple([indices[k] for k in chunk]),
                    tuple([weights[k] for k in chunk]),
                    tuple([grads[k] for k in chunk]),
                    [states[indices[k]] for k in chunk],
                )

    def _prepare(self, index: Index, weight: nd.NDArray) -> None:
        if index in self.states:
            self._check_restored(index, weight)
            self.states[index] = self.sync_state_context(self.states[index], weight.context)
        else:
            self.states[index] = self.optimizer.create_state_multi_precision(index, weight)
        self.states_synced[index] = True

    def _check_restored(self, index: Index, weight: nd.NDArray) -> None:
        """Raise unless a state from elsewhere has the form this optimizer makes for the weight."""
        optimizer = self.optimizer
        if not type(optimizer).__module__.startswith(__package__ or ""):
            return  # a user's rule may let its states grow
        expected = _form(optimizer.create_state_multi_precision(index, weight))
        found = _form(self.states[index])
        if expected is not None and found != expected:  # one that is not needed does no harm
            raise MXNetError(
                f"parameter {index!r}: {type(optimizer).__name__} needs a state of the form {expected}, the "
                f"one given to set_states is {found}; it was saved by another optimizer, or with other "
                "settings (momentum, multi_precision, centered) or shapes"
            )

    def sync_state_context(self, state: State, context: Context) -> State:
        """The same state with its arrays on `context`."""
        if not isinstance(context, Context):
            raise TypeError(f"context must be a Context, got {shown(context)}")
        if isinstance(state, nd.NDArray):
            return state.as_in_context(context)
        if isinstance(state, list | tuple):
            try:
                return type(state)([self.sync_state_context(part, context) for part in state])
            except RecursionError:
                raise ValueError("a state must not hold itself") from None
        return state

    def get_states(self, dump_optimizer: bool = False) -> bytes:
        """The states as bytes: a dict of index to state, or a pair of that and the optimizer.

        MXNet 1.x reads them as its own (see `states` for what cannot be written).
        """
        return _states.dumps((self.states, self.optimizer) if dump_optimizer else self.states)

    def set_states(self, states: bytes) -> None:
        """Take over what `get_states`, here or in MXNet, gave.

        Raises
        ------
        FormatError
            The bytes are no such states; the updater stays as it was.
        """
        content, optimizer = _states.loads(states)
        self.states = content
        self.states_synced = dict.fromkeys(content, False)
        if optimizer is not None:
            self.optimizer = optimizer
            self.aggregate_updates = optimizer.aggregate_num > 0


def _fit(weights: Sequence[Any], grads: Sequence[Any]) -> bool:
    try:
        return [w.spec for w in weights] == [g.spec for g in grads] and [w.context for w in weights] == [
            g.context for g in grads
        ]
    except AttributeError:
        return False


def _form(state: Any) -> Any:
    """What can be compared of a state: None, the shape of an array, or a list of these."""
    if isinstance(state, list | tuple):
        return [_form(part) for part in state]
    return state.shape if isinstance(state, nd.NDArray) else None


def get_updater(optimizer: Optimizer) -> Updater:
    """An Updater of this optimizer."""
    return Updater(optimizer)
