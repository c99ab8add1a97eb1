"""The layers of a symbol as a table knows them: shapes, parameters, cost, and what each one reads.

Reads nodes and inference, binds nothing. Which variables are parameters is decided here and nowhere else;
`print_summary` and ``python -m cysym summary`` print what `layers_of` gives.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .._core import topological
from ..dtypes import SIZES, dtype_code
from ..symbol import Symbol
from ..util import is_np_shape
from .costs import Cost, cost

if TYPE_CHECKING:
    from .._core import Node

Dims = tuple[int, ...]
Entry = tuple["Node", int]

# Inputs of operators that are fed with every batch, and names of what is learned.
_FED = frozenset(("label", "state", "state_cell", "sequence_length", "data_lengths", "label_lengths"))
_LEARNED = frozenset(("weight", "bias", "gamma", "beta", "parameters"))


@dataclass(slots=True)
class Layer:
    """An operator, or an input of the network (its `op` is ``null``).

    Attributes
    ----------
    shape
        Of the first output, batch included; None where it is unknown.
    params
        Elements of the parameters this layer is the first to read; None where a shape is unknown.
    aux
        The same of its auxiliary states.
    cost
        Of one forward pass; None where it is unknown.
    previous
        Names of the layers it reads, inputs among them.
    """

    name: str
    op: str
    shape: Dims | None
    params: int | None = 0
    aux: int | None = 0
    cost: Cost | None = field(default_factory=Cost)
    previous: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Layers:
    """All layers in the order they are computed, and their sums. Bytes are exact where types are inferred,
    else those of float32; a sum is None where a part of it is unknown.

    Attributes
    ----------
    fed, fed_bytes
        Names and size of the arguments that come with each batch: inputs, labels, states.
    """

    rows: list[Layer]
    params: int | None
    aux: int | None
    param_bytes: int | None
    aux_bytes: int | None
    fed: list[str]
    fed_bytes: int | None
    output_bytes: int | None

    @property
    def cost(self) -> Cost:
        """Of all layers whose cost is known."""
        return sum((row.cost for row in self.rows if row.cost is not None), Cost())

    @property
    def uncounted(self) -> list[str]:
        """Operators of layers whose cost is not known, each once."""
        return sorted({row.op for row in self.rows if row.cost is None})


def layers_of(
    symbol: Symbol,
    shape: Mapping[str, Sequence[int]] | None = None,
    dtype: Mapping[str, Any] | None = None,
) -> Layers:
    """The layers of `symbol`.

    Parameters
    ----------
    symbol : Symbol
    shape : mapping, optional
        Shapes of inputs by name. Without it sizes are known only where they follow from the operators alone.
    dtype : mapping, optional
        Element types of inputs by name.

    Raises
    ------
    TypeError
        `symbol` is no Symbol.
    ValueError
        `shape` does not decide all other shapes.
    """
    if not isinstance(symbol, Symbol):
        raise TypeError(f"symbol must be a Symbol, got {type(symbol).__name__}")
    order = topological(symbol._entries)
    shapes = _shapes(symbol, shape)
    types = _types(symbol, dtype)
    learned, fed = _roles(symbol, order, shape)
    aux = symbol._aux_nodes(order)
    unread: set[Node] = learned | aux
    rows: list[Layer] = []
    others = [v for v in order if v.op is None and v not in learned and v not in aux]
    read = {source for node in order for source, _ in node.inputs}
    for node in order:
        if node.op is None:
            if (node not in unread and node not in fed) or node not in read:
                row = Layer(node.name, "null", shapes.get((node, 0)))
                if node in unread:  # a parameter that is nothing but an output
                    row.params = _size(shapes, node)
                    unread.discard(node)
                rows.append(row)
            continue
        own = list(dict.fromkeys(source for source, _ in node.inputs if source in unread))
        unread.difference_update(own)
        hidden = learned | aux | fed
        rows.append(
            Layer(
                node.name,
                node.op.name,
                shapes.get((node, 0)),
                _total([_size(shapes, v) for v in own if v in learned]),
                _total([_size(shapes, v) for v in own if v in aux]),
                _cost(node, shapes),
                [source.name for source, _ in node.inputs if source not in hidden],
            )
        )
    return Layers(
        rows,
        _total([_size(shapes, v) for v in learned]),
        _total([_size(shapes, v) for v in aux]),
        _total([_nbytes(shapes, types, (v, 0)) for v in learned]),
        _total([_nbytes(shapes, types, (v, 0)) for v in aux]),
        [v.name for v in others],
        _total([_nbytes(shapes, types, (v, 0)) for v in others]),
        _total([_nbytes(shapes, types, entry) for entry in symbol._entries]),
    )


def labels_of(symbol: Symbol) -> list[str]:
    """Names of the arguments that come with each batch and follow from the data: labels, states, lengths."""
    order = topological(symbol._entries)
    _, fed = _roles(symbol, order, None)
    return [node.name for node in order if node in fed]


def _shapes(symbol: Symbol, given: Mapping[str, Sequence[int]] | None) -> dict[Entry, Dims]:
    """Shape of each visible output, of variables too, as far as it is known."""
    internals = symbol.get_internals()
    if given is None:
        _, found, _ = internals.infer_shape_partial()
    else:
        _, found, _ = internals.infer_shape(**given)
        if found is None:
            raise ValueError("Input shape is incomplete")
    least = 0 if is_np_shape() else 1
    pairs = zip(internals._entries, found, strict=True)
    return {e: dims for e, dims in pairs if (dims or is_np_shape()) and all(d >= least for d in dims)}


def _types(symbol: Symbol, given: Mapping[str, Any] | None) -> dict[Entry, Any]:
    internals = symbol.get_internals()
    _, found, _ = internals.infer_type_partial(**(given or {}))
    return dict(zip(internals._entries, found, strict=True))


def _roles(
    symbol: Symbol, order: Sequence[Node], given: Mapping[str, Sequence[int]] | None
) -> tuple[set[Node], set[Node]]:
    """Variables that are parameters, and those that come with a batch without being named (labels, states).

    What all ways lead to inputs such as ``label`` comes with the batch, also through operators (a label that
    is reshaped first); so does what is called so. Of the rest an input is what `given` names, or, where
    nothing was given, what is not called like a parameter.
    """
    heads = {node for node, _ in symbol._entries}
    is_fed = {node: node not in heads for node in order}
    used: set[Node] = set()
    for node in reversed(order):
        if node.op is None:
            continue
        is_fed[node] = is_fed[node] and node in used
        names = node.op.input_names() + node.op.aux_names()
        for (source, _), name in zip(node.inputs, names, strict=True):
            used.add(source)
            if name not in _FED and not is_fed[node]:
                is_fed[source] = False
    learned: set[Node] = set()
    fed: set[Node] = set()
    aux = symbol._aux_nodes(order)
    for node in order:
        if node.op is not None or node in aux:
            continue
        is_called_learned = node.name.rpartition("_")[2] in _LEARNED
        if (is_fed[node] and node in used) or node.name.endswith("label"):
            fed.add(node)
        elif is_called_learned or (given is not None and node.name not in given):
            learned.add(node)
    return learned, fed


def _cost(node: Node, shapes: Mapping[Entry, Dims]) -> Cost | None:
    inputs = [shapes.get(entry) for entry in node.inputs]
    output = shapes.get((node, 0))
    known = [dims for dims in inputs if dims is not None]
    if output is None or len(known) < len(inputs):
        return None
    return cost(node.op, known, [output])


def _size(shapes: Mapping[Entry, Dims], variable: Node) -> int | None:
    dims = shapes.get((variable, 0))
    return None if dims is None else math.prod(dims)


def _nbytes(shapes: Mapping[Entry, Dims], types: Mapping[Entry, Any], entry: Entry) -> int | None:
    dims, kind = shapes.get(entry), types.get(entry)
    return None if dims is None else math.prod(dims) * SIZES[0 if kind is None else dtype_code(kind)]


def _total(parts: Sequence[int | None]) -> int | None:
    known = [part for part in parts if part is not None]
    return sum(known) if len(known) == len(parts) else None
