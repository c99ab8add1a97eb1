"""infer: shapes and element types of every entry of a graph, in both directions, to a fixpoint.

Reads the operators' rules, changes no graph. Who set each shape first is kept, so that an error can name the
chain of nodes that led to it. Inside, an unknown dimension is -1 and an unknown rank None.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..base import MXNetError, ShapeError
from ..dtypes import NAMES
from ..ops.rules import Dims, ShapeRule, TypeRule, is_known, meet, show
from ..ops.schema import Backward
from .explain import GIVEN, explain

if TYPE_CHECKING:
    from .._core import Graph, Node

Origins = dict[int, int]


def infer_shapes(
    graph: Graph, known: Mapping[int, Dims | None], first: int = 0
) -> tuple[list[Dims | None], Origins]:
    """Shape per entry, as far as it follows.

    Parameters
    ----------
    known
        Entry id -> shape (-1 for an unknown dimension).
    first
        The nodes before this one are decided: every entry around them is known, no rule is asked again.

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
        origins[entry] = GIVEN
    for i, node in enumerate(graph.nodes):
        text = node.attrs.get("__shape__") if node.op is None else None
        if text is not None and shapes[graph.row[i]] is None:
            shapes[graph.row[i]] = parse_shape(text, node.name)
            origins[graph.row[i]] = i
    _fixpoint(graph, first, shapes, origins, known, ShapeRule, "infer_shape", _all_known, show)
    return shapes, origins


def infer_types(
    graph: Graph, known: Mapping[int, int | None], first: int = 0
) -> tuple[list[int | None], Origins]:
    """Element type code per entry, like `infer_shapes`."""
    types: list[int | None] = [None] * graph.row[-1]
    origins: Origins = {}
    for entry, code in known.items():
        types[entry] = code
        origins[entry] = GIVEN
    for i, node in enumerate(graph.nodes):
        text = node.attrs.get("__dtype__") if node.op is None else None
        if text is not None and types[graph.row[i]] is None:
            types[graph.row[i]] = _parse_code(text, node.name)
            origins[graph.row[i]] = i
    _fixpoint(
        graph, first, types, origins, known, TypeRule, "infer_type", lambda codes: None not in codes,
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
    graph: Graph, begin: int, values: list[Any], origins: Origins, known: Mapping[int, Any], rule: Any,
    method: str, done: Any, text: Any,
) -> None:  # fmt: skip
    """Sweep forwards and backwards over the nodes until no rule adds anything."""
    nodes, row, inputs = graph.nodes, graph.row, graph.inputs
    word = "shape" if method == "infer_shape" else "dtype"
    pending = [
        i for i in range(begin, len(nodes))
        if nodes[i].op is not None and not _is_like_others(graph, i, values, method)
    ]  # fmt: skip
    forward = True
    while pending:
        changed = False
        rest: list[int] = []
        for i in pending if forward else reversed(pending):
            node = nodes[i]
            first, last = row[i], row[i + 1]
            ins, outs = [values[e] for e in inputs[i]], values[first:last]
            r = rule(list(ins), list(outs), node.op.all_inputs())
            try:
                if node.like is not None:
                    _meet_like(graph, node, r, values, method)
                getattr(node.op, method)(r)
                if method == "infer_type":
                    node.op.check_type(r)
            except MXNetError as error:
                raise explain(graph, i, error, values, origins, known, word) from error.__cause__
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
                                raise explain(graph, i, problem, values, origins, known, word) from None
                        values[e] = new
                        origins.setdefault(e, i)
                        changed = True
            if r.outs != outs:
                values[first:last] = r.outs
                for k, (have, new) in enumerate(zip(outs, r.outs)):
                    if have != new:
                        origins.setdefault(first + k, i)
                changed = True
            if not (done(r.outs) and done(r.ins)):
                rest.append(i)
        if not changed:
            break
        pending = rest if forward else rest[::-1]
        forward = not forward


def _all_known(shapes: list[Dims | None]) -> bool:
    return all(map(is_known, shapes))


def _is_like_others(graph: Graph, i: int, values: list[Any], method: str) -> bool:
    """Whether node `i` is a gradient node whose operator adds nothing to what its outputs are like, which is
    known and noted."""
    node = graph.nodes[i]
    if node.like is None or node.op.dtypes is not None:
        return False
    if getattr(type(node.op), method) is not getattr(Backward, method):
        return False
    likes = [values[graph.entry(entry)] if entry[0] in graph.ids else None for entry in node.like]
    if None in likes or len(likes) != graph.row[i + 1] - graph.row[i]:
        return False
    values[graph.row[i] : graph.row[i + 1]] = likes
    return True


def _meet_like(graph: Graph, node: Node, r: Any, values: list[Any], method: str) -> None:
    """Outputs of gradient nodes have the shape and type of the entries they are gradients of."""
    for k, entry in enumerate(node.like or ()):
        if entry[0] in graph.ids:
            r.meet_out(k, values[graph.entry(entry)])
