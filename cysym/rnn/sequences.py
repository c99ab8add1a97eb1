"""Sequences of symbols: one symbol with a time axis, or a list with one symbol per step, and back.

Only the conversion a cell asks for is composed, in the order MXNet composes it, since automatic names count.
Every `unroll` uses this module; it knows no cells.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import symbol as sym

ops: Any = sym  # operators are functions mypy does not see


def time_axis(layout: str) -> int:
    """Where T stands in the layout.

    >>> time_axis("NTC")
    1

    Raises
    ------
    ValueError
        Nowhere.
    """
    if not isinstance(layout, str) or "T" not in layout:
        raise ValueError(f"unroll: layout must say where time is, as NTC and TNC do, got {layout!r}")
    return layout.index("T")


def steps_of(length: Any, inputs: Any) -> int:
    """How many steps to unroll.

    Raises
    ------
    TypeError, ValueError
        `length` is no whole number, or 0 for inputs that are one symbol.
    """
    if length is None and isinstance(inputs, Sequence):
        return len(inputs)
    if isinstance(length, bool) or not hasattr(length, "__index__"):
        raise TypeError(f"unroll: length must be the number of steps, got {length!r}")
    if length < (1 if isinstance(inputs, sym.Symbol) else 0):
        raise ValueError(f"unroll: length must be positive, got {length}")
    return int(length)


def split_steps(inputs: sym.Symbol, axis: int, length: int) -> list[sym.Symbol]:
    """One symbol per step of a symbol with a time axis."""
    return list(ops.split(inputs, axis=axis, num_outputs=length, squeeze_axis=1))


def in_layout(length: Any, inputs: Any, layout: str, merge: bool | None) -> Any:
    """The sequence as one symbol (`merge` True), as a list (False) or as it is (None).

    Parameters
    ----------
    length : int or None
        The steps a list must have, or a symbol is split into.
    inputs : Symbol or sequence of Symbol
    layout : str
        Says which axis is time in a single symbol.

    Raises
    ------
    TypeError, ValueError
        These inputs are no sequence of `length` steps.
    """
    axis = time_axis(layout)
    if isinstance(inputs, sym.Symbol):
        if merge is None or merge:
            return inputs
        outputs = inputs.list_outputs()
        if len(outputs) != 1:
            raise ValueError(f"unroll takes one output or a list of steps, got a group of {len(outputs)}")
        return split_steps(inputs, axis, steps_of(length, inputs))
    if not isinstance(inputs, Sequence) or not all(isinstance(i, sym.Symbol) for i in inputs):
        raise TypeError(f"unroll: inputs must be a Symbol or a list of Symbols, got {inputs!r}")
    if length is not None and len(inputs) != length:
        raise ValueError(f"unroll: {length} steps need {length} inputs, got {len(inputs)}")
    if not merge:
        return inputs
    if not inputs:
        raise ValueError("unroll: there are no steps to merge")
    return ops.Concat(*[ops.expand_dims(i, axis=axis) for i in inputs], dim=axis)
