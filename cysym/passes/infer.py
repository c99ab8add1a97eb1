"""infer: shapes and element types of every entry of a graph, in both directions, to a fixpoint.

Reads the operators' rules, changes no graph. Who set each shape first is kept, so that an error can name the
chain of nodes that led to it. Inside, an unknown dimension is -1 and an unknown rank None.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..base import MXNetError, ShapeError, TypeInferenceError
from ..dtypes import NAMES
from ..ops.rules import Dims, ShapeRule, TypeRule, is_known, meet, show

if TYPE_CHECKING:
    from .._core import Graph, Node

Origins = dict[int, int]


def infer_shapes(graph: Graph, known: Mapping[int, Dims | None]) -> tuple[list[Dims | None], Origins]:
    """Shape per entry, as far as it follows.

    Parameters
    ----------
    known
        Entry id -> shape (-1 for an unknown dimension).

    Returns
    -------
    shapes, origins
        ``origins[entry]`` is the node whose rule made the entry known; -1 for one that was given.

    Raises
    ------
    ShapeError
        Naming the node, its operator, its inputs' shapes and where they came from.
    """
    shapes: list[Dims | None] = [None] * graph.row[-1]
    origins: Origins = {}
    for entry, shape in known.items():
        shapes[entry] = shape
        origins[entry] = -1
    for i, node in enumerate(graph.nodes):
        text = node.attrs.get("__shape__") if node.op is None else None
        if text is not None and shapes[graph.row[i]] is None:
            shapes[graph.row[i]] = parse_shape(text, node.name)
            origins[graph.row[i]] = i
    _fixpoint(graph, shapes, origins, ShapeRule, "infer_shape", is_known, show)
    return shapes, origins


def infer_types(graph: Graph, known: Mapping[int, int | None]) -> tuple[list[int | None], Origins]:
    """Element type code per entry, like `infer_shapes`."""
    types: list[int | None] = [None] * graph.row[-1]
    origins: Origins = {}
    for entry, code in known.items():
        types[entry] = code
        origins[entry] = -1
    for i, node in enumerate(graph.nodes):
        text = node.attrs.get("__dtype__") if node.op is None else None
        if text is not None and types[graph.row[i]] is None:
            types[graph.row[i]] = _parse_code(text, node.name)
            origins[graph.row[i]] = i
    _fixpoint(
        graph, types, origins, TypeRule, "infer_type", lambda t: t is not None,
        lambda t: "unknown" if t is None else NAMES[t],
    )  # fmt: skip
    return types, origins


def parse_shape(text: str, name: str) -> Dims:
    """A ``__shape__`` attribute; MXNet's 0 for unknown becomes -1."""
    try:
        value: Any = ast.literal_eval(text) if len(text) < 4096 else None
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
        value = None
    dims = [value] if isinstance(value, int) else value
    if not isinstance(dims, (tuple, list)) or any(type(d) is not int or d >= 2**62 for d in dims):
        shown = text if len(text) <= 200 else f"{text[:200]}..."
        raise MXNetError(f"variable {name}: __shape__ = {shown!r} is no shape")
    return tuple(d if d > 0 else -1 for d in dims)


def _parse_code(text: str, name: str) -> int | None:
    try:
        code = int(text)
    except ValueError:
        code = -2
    if code == -1:
        return None
    if not 0 <= code < len(NAMES):
        raise MXNetError(f"variable {name}: __dtype__ = {text!r} is no element type")
    return code


def _fixpoint(
    graph: Graph, values: list[Any], origins: Origins, rule: Any, method: str, done: Any, text: Any
) -> None:
    """Sweep forwards and backwards over the nodes until no rule adds anything."""
    nodes, row, inputs = graph.nodes, graph.row, graph.inputs
    names: list[tuple[str, ...]] = [
        () if n.op is None else n.op.input_names() + n.op.aux_names() for n in nodes
    ]
    pending = [i for i, n in enumerate(nodes) if n.op is not None]
    forward = True
    while pending:
        changed = False
        rest: list[int] = []
        for i in pending if forward else reversed(pending):
            node = nodes[i]
            first, last = row[i], row[i + 1]
            ins, outs = [values[e] for e in inputs[i]], values[first:last]
            r = rule(list(ins), list(outs), names[i])
            try:
                if node.like is not None:
                    _meet_like(graph, node, r, values, method)
                getattr(node.op, method)(r)
                if method == "infer_type":
                    node.op.check_type(r)
            except (ShapeError, TypeInferenceError) as error:
                raise _explain(graph, i, error, values, origins, text) from None
            if r.ins != ins:
                for e, have, new in zip(inputs[i], ins, r.ins):
                    if have != new:
                        # an entry may stand twice among the inputs: both must agree with what came first
                        if values[e] is not have and values[e] != new:
                            try:
                                new = meet(values[e], new) if method == "infer_shape" else values[e]
                            except ValueError:
                                problem = ShapeError(
                                    f"one input used twice: expected {text(new)}, got {text(values[e])}"
                                )
                                raise _explain(graph, i, problem, values, origins, text) from None
                        values[e] = new
                        origins.setdefault(e, i)
                        changed = True
            if r.outs != outs:
                values[first:last] = r.outs
                for k, (have, new) in enumerate(zip(outs, r.outs)):
                    if have != new:
                        origins.setdefault(first + k, i)
                changed = True
            if not (all(map(done, r.outs)) and all(map(done, r.ins))):
                rest.append(i)
        if not changed:
            break
        pending = rest if forward else rest[::-1]
        forward = not forward


def _meet_like(graph: Graph, node: Node, r: Any, values: list[Any], method: str) -> None:
    """Outputs of gradient nodes have the shape and type of the entries they are gradients of."""
    for k, entry in enumerate(node.like or ()):
        if entry[0] in graph.ids:
            r.meet_out(k, values[graph.entry(entry)])


def _explain(
    graph: Graph, i: int, error: MXNetError, values: list[Any], origins: Origins, text: Any
) -> MXNetError:
    """The error with the node, its operator, and each input's value and where it came from."""
    node = graph.nodes[i]
    entry_node = [n for n in range(len(graph.nodes)) for _ in range(graph.row[n], graph.row[n + 1])]
    lines = [f"Error in operator {node.name}: {error}", f"  node {node.name} = {node.op!r}"]
    for name, e in zip(node.op.input_names() + node.op.aux_names(), graph.inputs[i]):
        source = origins.get(e)
        if source is None:
            came = "not known"
        elif source == -1:
            came = "given by the caller"
        else:
            came = f"set by {graph.nodes[source].name}"
        lines.append(f"  input {name} <- {graph.nodes[entry_node[e]].name}: {text(values[e])} ({came})")
    return type(error)("\n".join(lines))
