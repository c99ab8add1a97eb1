"""Gradients of recorded arrays: gradient nodes from `passes.gradient`, run one after the other.

The same operators and the same gradient nodes as a symbol's executor, without its planning: each node is one
cached imperative call. With `create_graph` the calls are recorded as well, so that gradients have gradients.
Arrays to write into, requests and freeing the graph are `autograd`'s business.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .._core import Node, Scope, topological
from ..base import MXNetError
from ..dtypes import NAMES
from ..ops.schema import find_op
from ..passes.gradient import Entry, gradient
from . import imperative, tape
from .tape import TapeNode

if TYPE_CHECKING:
    from .ndarray import NDArray

UNRECORDED = (
    "Cannot differentiate node because it is not in a computational graph. You need to set is_recording to "
    "true or use autograd.record() to save computational graphs for backward. If you want to differentiate "
    "the same graph twice, you need to pass retain_graph=True to backward."
)


def graph_of(heads: Sequence[NDArray]) -> list[Node]:
    """Recorded nodes the heads come from, inputs first.

    Raises
    ------
    MXNetError
        A head was not recorded, or its graph was freed.
    """
    entries = []
    for head in heads:
        entry = tape.entry_of(head)
        if entry is None:
            raise MXNetError(UNRECORDED)
        entries.append(entry)
    order = topological(entries)
    for node in order:
        if node.specs is None:  # type: ignore[attr-defined]
            raise MXNetError(
                "Cannot differentiate: part of the computational graph was freed by an earlier backward. If "
                "you want to differentiate the same graph twice, you need to pass retain_graph=True to "
                "backward."
            )
    return order


def head_gradient(head: NDArray, given: NDArray | None, at: int) -> NDArray:
    """The gradient of one head: ones, or what was given."""
    if given is None:
        op = find_op("_ones").make({"shape": head.shape, "dtype": NAMES[head.spec[1]]})
        ones: NDArray = imperative.invoker.invoke_op(op, [], (head.spec,))[0]
        return ones
    if given.shape != head.shape:
        raise MXNetError(
            f"head gradient {at} has shape {given.shape}, expected that of its head, {head.shape}"
        )
    if given.spec[1] != head.spec[1] or given.spec[2] != head.spec[2]:
        raise MXNetError(
            f"head gradient {at} is {given.dtype.__name__} on {given.context}, expected "
            f"{head.dtype.__name__} on {head.context} as its head"
        )
    return given


def compute(
    order: Sequence[Node],
    heads: Sequence[NDArray],
    head_grads: Sequence[NDArray],
    wrt: Sequence[TapeNode],
    is_train: bool,
    create_graph: bool,
) -> list[NDArray | None]:
    """Gradients of ``sum(heads * head_grads)`` by variables; None for those nothing flows back to.

    The arrays may share memory with each other, with `head_grads` and with recorded arrays.
    """
    with Scope(create_graph, is_train):
        seeds: list[Entry | None] = []
        for g in head_grads:
            entry = tape.entry_of(g) if create_graph else None
            entry = tape.constant(g) if entry is None else entry
            entry[0].saved[entry[1]] = tape.bare(g)  # type: ignore[attr-defined]
            seeds.append(entry)
        made = gradient(order, [head.entry for head in heads], seeds, wrt)  # type: ignore[misc]
        return _Run(create_graph).results(made)


class _Run:
    """Values of gradient nodes, let go of after their last use."""

    def __init__(self, create_graph: bool) -> None:
        self.create_graph = create_graph
        self.values: dict[Entry, NDArray] = {}
        self.uses: dict[Entry, int] = {}
        self.specs: dict[Entry, Any] = {}

    def results(self, wanted: Sequence[Entry | None]) -> list[NDArray | None]:
        """Run what the wanted entries need."""
        nodes: list[Node] = []
        seen: set[Node] = set()
        stack = [e for e in wanted if e is not None]
        for entry in stack:
            self.uses[entry] = self.uses.get(entry, 0) + 1
        while stack:
            node = stack.pop()[0]
            if node in seen or isinstance(node, TapeNode):
                continue
            seen.add(node)
            nodes.append(node)
            for entry in node.inputs:
                self.uses[entry] = self.uses.get(entry, 0) + 1
                stack.append(entry)
        nodes.sort(key=lambda n: n.seq)  # made after their inputs
        for node in nodes:
            self.run(node)
        return [None if e is None else self.take(e) for e in wanted]

    def take(self, entry: Entry) -> NDArray:
        """Value of an entry somebody reads; with `create_graph`, with its place in the graph."""
        node = entry[0]
        if isinstance(node, TapeNode):
            value = tape.value_of(entry)
            if self.create_graph:
                value = tape.bare(value)
                value.entry = entry
            return value
        self.uses[entry] -= 1
        return self.values[entry] if self.uses[entry] else self.values.pop(entry)

    def spec(self, entry: Entry) -> Any:
        """Shape, type and context of an entry, None where it was not computed."""
        node, k = entry
        if isinstance(node, TapeNode):
            assert node.specs is not None
            return node.specs[k]
        return self.specs.get(entry)

    def run(self, node: Node) -> None:
        likes = tuple([self.spec(e) for e in node.like]) if node.like else ()
        inputs = [self.take(e) for e in node.inputs]
        origin = node.origin
        shared = origin.shared if isinstance(origin, TapeNode) else None
        function = tape.run_recorded if self.create_graph else tape.execute
        for k, value in enumerate(function(node.op, inputs, likes, shared)):
            self.specs[node, k] = value.spec
            if (node, k) in self.uses:
                self.values[node, k] = value


__all__ = ["compute", "graph_of", "head_gradient"]
