"""Cells made of cells: SequentialRNNCell stacks them, BidirectionalCell runs two in opposite directions.

They have no weights of their own: `params` collects those of the cells within. `modifiers` holds what changes
a single cell.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .. import ndarray as nd
from .. import symbol as sym
from .base import Args, BaseRNNCell, RNNParams
from .sequences import in_layout, ops, steps_of, time_axis


class _Composite(BaseRNNCell):
    """Weights and states of a list of cells, in its order."""

    _cells: list[BaseRNNCell]

    def __init__(self, params: RNNParams | None) -> None:
        super().__init__("", params)
        self._override_cell_params = params is not None
        self._cells = []

    def _adopt(self, *cells: BaseRNNCell) -> None:
        """Append cells and collect their variables; those given to this cell take the place of theirs.

        Raises
        ------
        TypeError, ValueError
            One is no cell, or both it and this one were given params.
        """
        for cell in cells:
            if not isinstance(cell, BaseRNNCell):
                raise TypeError(f"{type(self).__name__} takes cells, got {type(cell).__name__}")
            if self._override_cell_params and not cell._own_params:
                raise ValueError(
                    f"give params to {type(self).__name__} or to the cells in it, not both: "
                    f"{cell._title()} shares its own"
                )
        for cell in cells:
            if self._override_cell_params:
                cell._share(self._params)
        for cell in cells:
            self._cells.append(cell)
            self._params._params.update(cell.params._params)

    @property
    def state_info(self) -> list[dict[str, Any]]:
        return [info for cell in self._cells for info in cell.state_info]

    def begin_state(self, func: Callable[..., Any] = ops.zeros, **kwargs: Any) -> Any:
        """States of all cells before the first step, in one list; see `BaseRNNCell.begin_state`."""
        self._check_not_modified()
        return [state for cell in self._cells for state in cell.begin_state(func=func, **kwargs)]

    def unpack_weights(self, args: Mapping[str, nd.NDArray]) -> Args:
        """Split the weights of all cells within; see `BaseRNNCell.unpack_weights`."""
        args = dict(args)
        for cell in self._cells:
            args = cell.unpack_weights(args)
        return args

    def pack_weights(self, args: Mapping[str, nd.NDArray]) -> Args:
        """Join the weights of all cells within; see `BaseRNNCell.pack_weights`."""
        args = dict(args)
        for cell in self._cells:
            args = cell.pack_weights(args)
        return args


class SequentialRNNCell(_Composite):
    """A stack: each cell's output is the next one's input.

    Parameters
    ----------
    params : RNNParams, optional
        Variables that take the place of equally named ones of the cells.

    Source: MXNet's ``mx.rnn.SequentialRNNCell``.

    >>> import cysym as mx
    >>> stack = mx.rnn.SequentialRNNCell()
    >>> stack.add(mx.rnn.LSTMCell(8, prefix="lstm0_"))
    >>> stack.add(mx.rnn.DropoutCell(0.5))
    >>> stack.add(mx.rnn.LSTMCell(4, prefix="lstm1_"))
    >>> stack.state_shape
    [(0, 8), (0, 8), (0, 4), (0, 4)]
    """

    def __init__(self, params: RNNParams | None = None) -> None:
        super().__init__(params)

    def add(self, cell: BaseRNNCell) -> None:
        """Put a cell on top.

        Raises
        ------
        TypeError, ValueError
            It is no cell, or both it and the stack were given params.
        """
        self._adopt(cell)

    @property
    def _can_step(self) -> bool:
        return all(cell._can_step for cell in self._cells)

    def __call__(self, inputs: sym.Symbol, states: Any) -> tuple[Any, Any]:
        self._check_states(states)
        for cell in self._cells:
            if not cell._can_step:
                raise NotImplementedError(f"{cell._title()} cannot be stepped; unroll the stack instead")
        self._counter += 1
        after: list[Any] = []
        at = 0
        for cell in self._cells:
            count = len(cell.state_info)
            inputs, given = cell(inputs, states[at : at + count])
            at += count
            after += given
        return inputs, after

    def unroll(
        self,
        length: int | None,
        inputs: Any,
        begin_state: Any = None,
        layout: str = "NTC",
        merge_outputs: bool | None = None,
    ) -> tuple[Any, Any]:
        """Unroll cell after cell over the whole sequence; see `BaseRNNCell.unroll`."""
        self.reset()
        states = self.begin_state() if begin_state is None else begin_state
        self._check_states(states)
        after: list[Any] = []
        at = 0
        for i, cell in enumerate(self._cells, start=1):
            count = len(cell.state_info)
            inputs, given = cell.unroll(
                length,
                inputs=inputs,
                begin_state=states[at : at + count],
                layout=layout,
                merge_outputs=merge_outputs if i == len(self._cells) else None,
            )
            at += count
            after.extend(given)
        return inputs, after


class BidirectionalCell(_Composite):
    """One cell from the first step to the last, another back; the output of a step is both, joined.

    The states `unroll` returns are a list of two lists.

    Parameters
    ----------
    l_cell, r_cell : BaseRNNCell
        Forward and backward.
    params : RNNParams, optional
        Variables that take the place of equally named ones of the cells.
    output_prefix : str
        Stands before the names of the outputs.

    Source: MXNet's ``mx.rnn.BidirectionalCell``; Schuster and Paliwal, "Bidirectional Recurrent Neural
    Networks".
    """

    def __init__(
        self,
        l_cell: BaseRNNCell,
        r_cell: BaseRNNCell,
        params: RNNParams | None = None,
        output_prefix: str = "bi_",
    ) -> None:
        super().__init__(params)
        self._output_prefix = output_prefix
        self._adopt(l_cell, r_cell)

    @property
    def _can_step(self) -> bool:
        return False

    def __call__(self, inputs: sym.Symbol, states: Any) -> tuple[Any, Any]:
        """Not possible: the way back begins at the end.

        Raises
        ------
        NotImplementedError
        """
        raise NotImplementedError("BidirectionalCell cannot be stepped; unroll it")

    def unroll(
        self,
        length: int | None,
        inputs: Any,
        begin_state: Any = None,
        layout: str = "NTC",
        merge_outputs: bool | None = None,
    ) -> tuple[Any, Any]:
        """Unroll both cells over the whole sequence; see `BaseRNNCell.unroll`."""
        self.reset()
        axis, count = time_axis(layout), steps_of(length, inputs)
        each = in_layout(length, inputs, layout, False)
        states = self.begin_state() if begin_state is None else begin_state
        self._check_states(states)
        l_cell, r_cell = self._cells
        own = len(l_cell.state_info)
        options: dict[str, Any] = {"layout": layout, "merge_outputs": merge_outputs}
        there, l_states = l_cell.unroll(length, inputs=each, begin_state=states[:own], **options)
        back, r_states = r_cell.unroll(length, inputs=each[::-1], begin_state=states[own:], **options)
        after = [l_states, r_states]
        if merge_outputs is None:
            merge_outputs = isinstance(there, sym.Symbol) and isinstance(back, sym.Symbol)
        if merge_outputs:
            back = ops.reverse(back, axis=axis)
            return ops.Concat(there, back, dim=2, name=f"{self._output_prefix}out"), after
        there, back = (
            list(ops.SliceChannel(s, axis=axis, num_outputs=count, squeeze_axis=1))
            if isinstance(s, sym.Symbol)
            else s
            for s in (there, back)
        )
        outputs = [
            ops.Concat(a, b, dim=1, name=f"{self._output_prefix}t{i}")
            for i, (a, b) in enumerate(zip(there, reversed(back), strict=True))
        ]
        return outputs, after
