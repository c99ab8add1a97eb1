"""Cells that change what passes through: DropoutCell, and ZoneoutCell and ResidualCell around another cell.

A cell inside a modifier must not be used by itself any more. None has weights of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from .. import ndarray as nd
from .. import symbol as sym
from .base import Args, BaseRNNCell, RNNParams
from .sequences import in_layout, ops


def _fraction(cell: str, name: str, value: Any) -> float:
    """A probability as a float."""
    if isinstance(value, bool) or not hasattr(value, "__float__"):
        raise TypeError(f"{cell}: {name} must be a number, got {value!r}")
    if not 0 <= value <= 1:
        raise ValueError(f"{cell}: {name} must lie between 0 and 1, got {value}")
    return float(value)


class DropoutCell(BaseRNNCell):
    """Drops elements of its input in training; has no states.

    Parameters
    ----------
    dropout : float
        Fraction of elements that become 0; the others are scaled by ``1 / (1 - dropout)``.
    prefix : str
    params : RNNParams, optional

    Source: MXNet's ``mx.rnn.DropoutCell``.
    """

    def __init__(self, dropout: float, prefix: str = "dropout_", params: RNNParams | None = None) -> None:
        super().__init__(prefix, params)
        _fraction("DropoutCell", "dropout", dropout)
        self.dropout = dropout

    @property
    def state_info(self) -> list[dict[str, Any]]:
        return []

    def __call__(self, inputs: sym.Symbol, states: Any) -> tuple[Any, Any]:
        self._check_states(states)
        if self.dropout > 0:
            inputs = ops.Dropout(data=inputs, p=self.dropout)
        return inputs, states

    def unroll(
        self,
        length: int | None,
        inputs: Any,
        begin_state: Any = None,
        layout: str = "NTC",
        merge_outputs: bool | None = None,
    ) -> tuple[Any, Any]:
        """Drop out of a whole sequence: at once if it is one symbol; see `BaseRNNCell.unroll`."""
        self.reset()
        inputs = in_layout(length, inputs, layout, merge_outputs)
        if isinstance(inputs, sym.Symbol):
            return self(inputs, [])
        return super().unroll(length, inputs, begin_state, layout, merge_outputs)


class ModifierCell(BaseRNNCell):
    """Base of cells around another cell, with its weights and states.

    Parameters
    ----------
    base_cell : BaseRNNCell
        From now on used through this cell only.

    Source: MXNet's ``mx.rnn.ModifierCell``.
    """

    base_cell: BaseRNNCell

    def __init__(self, base_cell: BaseRNNCell) -> None:
        if not isinstance(base_cell, BaseRNNCell):
            raise TypeError(f"{type(self).__name__} takes a cell, got {type(base_cell).__name__}")
        self.base_cell = base_cell
        super().__init__()
        base_cell._modified = True

    def reset(self) -> None:
        """Count steps and states from 0 again, here and in the cell within."""
        super().reset()
        self.base_cell.reset()

    @property
    def _can_step(self) -> bool:
        return self.base_cell._can_step

    def _share(self, params: RNNParams) -> None:
        self.base_cell._share(params)

    @property
    def params(self) -> RNNParams:
        """The variables of the cell within."""
        self._own_params = False
        return self.base_cell.params

    @property
    def state_info(self) -> list[dict[str, Any]]:
        return self.base_cell.state_info

    def begin_state(self, init_sym: Callable[..., Any] = ops.zeros, **kwargs: Any) -> Any:  # type: ignore[override]
        """States of the cell within before the first step; see `BaseRNNCell.begin_state`.

        The function that makes them may be given as `init_sym` or, as to other cells, as `func`.
        """
        self._check_not_modified()
        with self._opened():
            return self.base_cell.begin_state(func=kwargs.pop("func", init_sym), **kwargs)

    @contextmanager
    def _opened(self) -> Iterator[None]:
        """Let the cell within be used for itself for a while."""
        self.base_cell._modified = False
        try:
            yield
        finally:
            self.base_cell._modified = True

    def unpack_weights(self, args: Mapping[str, nd.NDArray]) -> Args:
        """Split the weights of the cell within; see `BaseRNNCell.unpack_weights`."""
        return self.base_cell.unpack_weights(args)

    def pack_weights(self, args: Mapping[str, nd.NDArray]) -> Args:
        """Join the weights of the cell within; see `BaseRNNCell.pack_weights`."""
        return self.base_cell.pack_weights(args)


class ZoneoutCell(ModifierCell):
    """Keeps random elements of outputs and states as they were a step before, in training.

    Parameters
    ----------
    base_cell : BaseRNNCell
        One that can be stepped.
    zoneout_outputs, zoneout_states : float
        Fraction of elements that are kept from the step before; 0 before the first one's output.

    Raises
    ------
    TypeError
        `base_cell` only unrolls whole sequences: FusedRNNCell (unfuse it) and BidirectionalCell (put
        ZoneoutCells around the cells in it).

    Source: MXNet's ``mx.rnn.ZoneoutCell``; Krueger et al., "Zoneout: Regularizing RNNs by Randomly
    Preserving Hidden Activations".
    """

    def __init__(
        self, base_cell: BaseRNNCell, zoneout_outputs: float = 0.0, zoneout_states: float = 0.0
    ) -> None:
        if isinstance(base_cell, BaseRNNCell) and not base_cell._can_step:
            raise TypeError(
                f"ZoneoutCell steps the cell within, which {base_cell._title()} cannot do; unfuse it or "
                "put ZoneoutCells around the cells in it"
            )
        _fraction("ZoneoutCell", "zoneout_outputs", zoneout_outputs)
        _fraction("ZoneoutCell", "zoneout_states", zoneout_states)
        super().__init__(base_cell)
        self.zoneout_outputs = zoneout_outputs
        self.zoneout_states = zoneout_states

    def reset(self) -> None:
        """Forget the last output, and count from 0 again."""
        super().reset()
        self.prev_output: Any = None

    def __call__(self, inputs: sym.Symbol, states: Any) -> tuple[Any, Any]:
        output, after = self.base_cell(inputs, states)
        before = self.prev_output
        if before is None:
            shapes = self.state_shape
            before = ops.zeros((0,) * (len(shapes[0]) if shapes else 2))
        if self.zoneout_outputs != 0:
            output = self._mix(self.zoneout_outputs, output, before)
        if self.zoneout_states != 0:
            after = [self._mix(self.zoneout_states, new, old) for new, old in zip(after, states, strict=True)]
        self.prev_output = output
        return output, after

    def _mix(self, fraction: float, new: Any, old: Any) -> Any:
        """`new`, but `old` where dropout of ones gives 0; outside training it drops nothing."""
        mask = ops.Dropout(ops.ones_like(new), p=fraction)
        return ops.where(mask, new, old)


class ResidualCell(ModifierCell):
    """Adds its input to the output of the cell within; both have the same number of features.

    Parameters
    ----------
    base_cell : BaseRNNCell

    Source: MXNet's ``mx.rnn.ResidualCell``; Wu et al., "Google's Neural Machine Translation System".
    """

    def __call__(self, inputs: sym.Symbol, states: Any) -> tuple[Any, Any]:
        output, after = self.base_cell(inputs, states)
        return self._add(output, inputs), after

    def unroll(
        self,
        length: int | None,
        inputs: Any,
        begin_state: Any = None,
        layout: str = "NTC",
        merge_outputs: bool | None = None,
    ) -> tuple[Any, Any]:
        """Unroll the cell within, then add the inputs; see `BaseRNNCell.unroll`."""
        self.reset()
        with self._opened():
            outputs, states = self.base_cell.unroll(
                length, inputs=inputs, begin_state=begin_state, layout=layout, merge_outputs=merge_outputs
            )
        if merge_outputs is None:
            merge_outputs = isinstance(outputs, sym.Symbol)
        inputs = in_layout(length, inputs, layout, merge_outputs)
        if merge_outputs:
            return self._add(outputs, inputs), states
        return [self._add(a, b) for a, b in zip(outputs, inputs, strict=True)], states

    def _add(self, output: Any, inputs: Any) -> Any:
        return ops.elemwise_add(output, inputs, name=f"{output.name}_plus_residual")
