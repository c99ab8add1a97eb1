"""What a picture of a symbol shows: its drawn nodes, their labels, and the edges with the shapes that flow.

It reads a symbol only through its public methods (JSON text, internals, inference) and decides what is
drawn; how it looks is the business of `visualization` (graphviz, tables) and `svg` (our own pictures).
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, cast

WEIGHT_SUFFIXES = (
    *("_weight", "_bias", "_beta", "_gamma"),
    *("_moving_var", "_moving_mean", "_running_var", "_running_mean"),
)


class SymbolLike(Protocol):
    """The part of a Symbol that pictures are made from."""

    @property
    def name(self) -> str | None: ...

    def tojson(self) -> str: ...

    def get_internals(self) -> SymbolLike: ...

    def list_arguments(self) -> list[str]: ...

    def list_auxiliary_states(self) -> list[str]: ...

    def infer_shape(self, **kwargs: Any) -> Any: ...

    def infer_type(self, **kwargs: Any) -> Any: ...

    def __iter__(self) -> Iterator[SymbolLike]: ...


@dataclass(frozen=True, slots=True)
class DrawnNode:
    """A node of a picture: `detail` is what matters of its parameters (``"5x5/2x2, 64"``), or empty.

    `key` tells it from all others even where two nodes share a name.
    """

    key: str
    name: str
    op: str
    detail: str
    attrs: Mapping[str, str]

    @property
    def is_variable(self) -> bool:
        """Whether it is an argument or auxiliary state."""
        return self.op == "null"

    @property
    def is_weight(self) -> bool:
        """Whether it is a variable named like a weight."""
        return self.is_variable and self.name.endswith(WEIGHT_SUFFIXES)


@dataclass(frozen=True, slots=True)
class DrawnEdge:
    """Data flowing from output `output` of the node `source` to the node `target` (both keys)."""

    source: str
    output: int
    target: str
    label: str | None


@dataclass(frozen=True, slots=True)
class Picture:
    """Nodes in the order of the symbol's text, and the edges between them."""

    nodes: list[DrawnNode]
    edges: list[DrawnEdge]


def picture(
    symbol: SymbolLike,
    shape: Mapping[str, Sequence[int]] | None = None,
    dtype: Mapping[str, Any] | None = None,
    hide_weights: bool = True,
) -> Picture:
    """What to draw of `symbol`.

    Parameters
    ----------
    symbol : Symbol
    shape, dtype : mapping, optional
        Shapes and element types of inputs, as for ``infer_shape`` and ``infer_type``; edges are then
        labelled with what flows (``64x28x28``, the batch dimension left out).
    hide_weights : bool
        Leave out variables whose names end like those of weights.

    Raises
    ------
    TypeError
        `symbol` is no Symbol.
    ValueError
        The given shapes or types do not decide all others.
    """
    nodes = nodes_of(symbol)
    flows = entry_labels(symbol, nodes, shape, dtype)
    hidden = {i for i, node in enumerate(nodes) if hide_weights and is_weight(node)}
    keys = _keys([node["name"] for node in nodes])
    drawn = [
        DrawnNode(keys[i], node["name"], node["op"], _detail(node), node.get("attrs", {}))
        for i, node in enumerate(nodes)
        if i not in hidden
    ]
    edges = [
        DrawnEdge(
            keys[entry[0]], entry[1], keys[i], flows.get((entry[0], entry[1])) if flows is not None else None
        )
        for i, node in enumerate(nodes)
        for entry in _drawn_inputs(node)
        if entry[0] not in hidden
    ]
    return Picture(drawn, edges)


def nodes_of(symbol: SymbolLike) -> list[dict[str, Any]]:
    """The `nodes` of the symbol's JSON text."""
    if not hasattr(symbol, "tojson") or not hasattr(symbol, "get_internals"):
        raise TypeError(f"symbol must be a Symbol, got {type(symbol).__name__}")
    return cast("list[dict[str, Any]]", json.loads(symbol.tojson(), strict=False)["nodes"])


def _drawn_inputs(node: Mapping[str, Any]) -> list[list[int]]:
    """As in MXNet a resized image is drawn without what only lends its size."""
    inputs: list[list[int]] = node["inputs"]
    return inputs[:1] if node["op"] == "_contrib_BilinearResize2D" else inputs


def is_weight(node: Mapping[str, Any]) -> bool:
    """Whether the node is a variable named like a weight."""
    return bool(node["op"] == "null" and node["name"].endswith(WEIGHT_SUFFIXES))


def entry_values(
    symbol: SymbolLike, nodes: list[dict[str, Any]], values: Sequence[Any]
) -> dict[tuple[int, int], Any]:
    """(node id, output index) -> value, for `values` in the order of the internals' outputs.

    Internals are matched by name and, where nodes share one, by order; entries that stay in doubt are left
    out.
    """
    by_name: dict[str, list[Any]] = {}
    for internal, value in zip(symbol.get_internals(), values, strict=True):
        by_name.setdefault(internal.name or "", []).append(value)
    owners: dict[str, list[int]] = {}
    for i, node in enumerate(nodes):
        owners.setdefault(node["name"], []).append(i)
    result: dict[tuple[int, int], Any] = {}
    for name, ids in owners.items():
        found = by_name.get(name, [])
        outputs, rest = divmod(len(found), len(ids))
        if rest == 0:
            for k, node_id in enumerate(ids):
                for output in range(outputs):
                    result[node_id, output] = found[k * outputs + output]
    return result


def entry_labels(
    symbol: SymbolLike,
    nodes: list[dict[str, Any]],
    shape: Mapping[str, Sequence[int]] | None,
    dtype: Mapping[str, Any] | None,
) -> dict[tuple[int, int], str] | None:
    """(node id, output index) -> ``"64x28x28(float32)"`` or what is known; None if neither was asked."""
    if shape is None and dtype is None:
        return None
    texts: dict[tuple[int, int], str] = {}
    if shape is not None:
        _, shapes, _ = symbol.get_internals().infer_shape(**shape)
        if shapes is None:
            raise ValueError("Input shape is incomplete")
        for entry, dims in entry_values(symbol, nodes, shapes).items():
            texts[entry] = "x".join(str(dim) for dim in dims[1:])
    if dtype is not None:
        _, types, _ = symbol.get_internals().infer_type(**dtype)
        if types is None:
            raise ValueError("Input type is incomplete")
        for entry, kind in entry_values(symbol, nodes, types).items():
            name = getattr(kind, "__name__", str(kind))
            texts[entry] = f"{texts.get(entry, '')}({name})"
    return texts


def _keys(names: list[str]) -> list[str]:
    """The names, but others where two nodes share one or DOT would read it as a port (``a:b``)."""
    count = Counter(names)
    taken = set(names)
    keys = []
    for i, name in enumerate(names):
        key = name
        if count[name] > 1 or ":" in name or not name:
            key = f"node{i}"
            while key in taken:
                key += "_"
            taken.add(key)
        keys.append(key)
    return keys


def _dims(attrs: Mapping[str, str], key: str, default: str) -> str:
    """``"(5, 5)"`` as ``"5x5"``, and the default where nothing is said."""
    return "x".join(re.findall(r"\d+", attrs[key])) if key in attrs else default


def _detail(node: Mapping[str, Any]) -> str:
    attrs: Mapping[str, str] = node.get("attrs", {})
    stride = _dims(attrs, "stride", "1")
    match node["op"]:
        case "Convolution":
            return f"{_dims(attrs, 'kernel', '?')}/{stride}, {attrs.get('num_filter', '?')}"
        case "FullyConnected":
            return attrs.get("num_hidden", "?")
        case "Activation":
            return attrs.get("act_type", "?")
        case "LeakyReLU":
            return attrs.get("act_type", "Leaky")
        case "Pooling":
            return f"{attrs.get('pool_type', 'max')}, {_dims(attrs, 'kernel', '[]')}/{stride}"
        case _:
            return ""
