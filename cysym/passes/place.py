"""place: where each node of a graph runs, when groups of nodes (``ctx_group``) are given places of their own.

A place is whatever the caller means by one (a Context); this pass only hands them on. The result decides the
devices of calls and the contexts of outputs; copies between devices are made when calls are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

from .._core import Node
from ..base import MXNetError

T = TypeVar("T")
GROUP = "__ctx_group__"


def place(
    order: Sequence[Node], groups: Mapping[str, T], default: T, bound: Mapping[Node, T]
) -> dict[Node, T]:
    """Place of every node.

    A node goes to its group's place. Without a group a variable lies where its array does (`bound`) or at the
    default, an operator runs where its first input is, and one without inputs where it is read.

    Parameters
    ----------
    order
        The nodes, inputs first.
    groups
        Places by name of a group.
    bound
        Places of variables that have an array already.

    Raises
    ------
    MXNetError
        A node's group has no place.

    Notes
    -----
    Source: ``nnvm::pass::PlaceDevice`` of MXNet 1.9.1.
    """
    found: dict[Node, T] = {}
    for node in order:
        group = node.attrs.get(GROUP)
        if group is not None:
            if group not in groups:
                raise MXNetError(
                    f"group2ctx has no context for the group {group!r} of node {node.name}; "
                    f"it has {', '.join(map(repr, groups))}"
                )
            found[node] = groups[group]
        elif node.op is None:
            found[node] = bound.get(node, default)
        elif node.inputs and node.inputs[0][0] in found:
            found[node] = found[node.inputs[0][0]]
    for node in reversed(order):
        here = found.setdefault(node, default)
        for source, _ in node.inputs:
            found.setdefault(source, here)
    return found


def place_of(node: Node, placed: Mapping[Node, T], default: T) -> T:
    """Place of any node: a gradient node goes with the node it belongs to, another with its first input."""
    while True:
        at = node.origin or node
        if at in placed:
            return placed[at]
        if not node.inputs:
            return default
        node = node.inputs[0][0]
