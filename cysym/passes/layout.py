"""layout: which activations lie in channel blocks (nChw16c) between the operators that can read and write
them.

An operator says so by ``blocked_inputs`` and ``blocked_outputs`` (names). Arguments, outputs and everything a
plain operator reads stay NCHW; a reader that cannot take blocks gets a reordered copy from
`LowerContext.input`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._core import Graph

if TYPE_CHECKING:
    from .pipeline import Lowering

BLOCK = 16


def choose_blocked(graph: Graph, state: Lowering) -> None:
    """Mark the tensors of entries that are better kept in blocks; call after placement, before lowering."""
    consumers: dict[int, list[bool]] = {}
    for i, node in enumerate(graph.nodes):
        if node.op is None:
            continue
        allowed = getattr(node.op, "blocked_inputs", ())
        names = node.op.input_names() + node.op.aux_names()
        is_gradient = node.origin is not None
        for name, e in zip(names, graph.inputs[i], strict=True):
            consumers.setdefault(e, []).append(name in allowed or is_gradient)
    heads = set(graph.heads)
    for i, node in enumerate(graph.nodes):
        if node.op is None:
            continue
        for name in getattr(node.op, "blocked_outputs", ()):
            e = graph.row[i] + node.op.output_names().index(name)
            tensor = state.tensor(e)
            shape = tensor.shape
            if e in heads or id(tensor) in state.placed or len(shape) != 4 or shape[1] % BLOCK:
                continue
            if consumers.get(e) and all(consumers[e]):
                tensor.layout = "nChw16c"
