"""reuse: blueprints of recent binds, for the same graph bound again in the same way.

A blueprint holds what binding found out and what was compiled, and nothing of an executor: no array, no
arena, no slot's storage. So executors of one graph, shapes, types, requests, device and options may share
one, as when a module is reshaped back and forth, or a cell of a notebook is run again. A symbol can be
changed after it was bound, so a found blueprint is compared with its graph, node by node, before it is handed
out.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import astuple
from typing import Any

from ._core import Node
from .blueprint import Blueprint, Entry, current_options
from .context import Context
from .forking import free_in_child
from .ops.rules import Dims
from .util import is_np_shape

ENTRIES = 16  # blueprints that are kept
NODES = 6000  # of all graphs that are kept: their call lists take some 20 MB

_lock = threading.Lock()
free_in_child(_lock)
_recent: OrderedDict[Any, tuple[Blueprint, list[Any]]] = OrderedDict()


def blueprint_of(
    heads: Sequence[Entry],
    arguments: Sequence[Node],
    aux: Sequence[Node],
    shapes: Mapping[Node, Dims | None],
    types: Mapping[Node, int | None],
    requests: Sequence[str],
    context: Context,
    groups: Mapping[str, Context] | None = None,
    bound: Mapping[Node, Context] | None = None,
) -> Blueprint:
    """A `Blueprint` of these arguments: one that is kept, or a new one.

    Never shared are those of several devices, and those with operators written in Python: what such an
    operator's object keeps belongs to one executor.
    """
    if groups:
        return Blueprint(heads, arguments, aux, shapes, types, requests, context, groups, bound)
    variables = (*arguments, *aux)
    key = (
        tuple(heads), variables, tuple(map(shapes.get, variables)), tuple(map(types.get, variables)),
        tuple(requests), context, context.device, astuple(current_options()), is_np_shape(),
    )  # fmt: skip
    with _lock:
        found = _recent.get(key)
        if found is not None:
            _recent.move_to_end(key)
    if found is not None and found[1] == _facts(found[0]):
        return found[0]
    made = Blueprint(heads, arguments, aux, shapes, types, requests, context)
    nodes = made.graph.nodes
    if len(nodes) <= NODES and not any(node.op is not None and node.op.is_callback for node in nodes):
        with _lock:
            _recent[key] = made, _facts(made)
            _recent.move_to_end(key)
            while len(_recent) > ENTRIES or sum(len(b.graph.nodes) for b, _ in _recent.values()) > NODES:
                _recent.popitem(last=False)
    return made


def _facts(blueprint: Blueprint) -> list[Any]:
    """All of a graph's nodes that binding looks at."""
    return [
        (node.op, node.name, node.inputs, dict(node.attrs) if node.op is None else None)
        for node in blueprint.graph.nodes
    ]


def forget() -> None:
    """Keep nothing."""
    with _lock:
        _recent.clear()
