"""explain: an inference error in full: node, operator, line of the program, and where each input comes from.

Reads what `infer` found up to the error and the order in which it found it, changes nothing. An input's chain
goes from what set its value, node by node, back to a variable, and who gave that one its value.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .. import callsite
from ..base import MXNetError, ShapeError, TypeInferenceError
from ..dtypes import NAMES
from ..ops.rules import Dims
from .hints import shape_hint, type_hint

if TYPE_CHECKING:
    from .._core import Graph, Node

GIVEN = -1
_HEAD, _TAIL = 5, 3  # steps of a long chain that are shown
_WIDTH = 160
_MOST = 40  # inputs that are all told of


def dims(shape: Dims | None) -> str:
    """A shape as a user writes it, ``?`` for a dimension that is not known.

    >>> dims((2, -1)), dims((3,)), dims(None)
    ('(2, ?)', '(3,)', 'unknown')
    """
    if shape is None:
        return "unknown"
    inside = ", ".join("?" if d < 0 else str(d) for d in shape)
    return f"({inside},)" if len(shape) == 1 else f"({inside})"


def type_name(code: int | None) -> str:
    """An element type by name.

    >>> type_name(0), type_name(None)
    ('float32', 'unknown')
    """
    return "unknown" if code is None else NAMES[code]


def operator(op: Any) -> str:
    """An operator with its parameters, cut where they are long."""
    text = repr(op).removesuffix("()")
    return text if len(text) <= _WIDTH else f"{text[:_WIDTH]}...)"


def made_at(node: Node, word: str = "made at") -> str:
    """``, made at train.py:12`` of a node, "" where its line is not known."""
    site = callsite.text(node.where)
    return f", {word} {site}" if site else ""


class _Chains:
    """Values of a graph in the middle of inference."""

    def __init__(
        self,
        graph: Graph,
        values: Sequence[Any],
        origins: Mapping[int, int],
        known: Mapping[int, Any],
        word: str,
    ) -> None:
        self.graph, self.values, self.origins, self.known, self.word = graph, values, origins, known, word
        self.show: Callable[[Any], str] = dims if word == "shape" else type_name
        self.time = {entry: k for k, entry in enumerate(origins)}  # a dict keeps the order of its making
        self.owner = [n for n in range(len(graph.nodes)) for _ in range(graph.row[n], graph.row[n + 1])]

    def name(self, entry: int) -> str:
        i = self.owner[entry]
        node = self.graph.nodes[i]
        if node.op is None or len(node.op.output_names()) == 1:
            return node.name
        return f"{node.name}[{entry - self.graph.row[i]}]"

    def value(self, entry: int) -> str:
        """Name, value and, of a variable, who said so."""
        node, source = self.graph.nodes[self.owner[entry]], self.origins.get(entry)
        text = f"{self.name(entry)}: {self.show(self.values[entry])}"
        if source is None:
            return text
        if source == GIVEN:
            given = self.known.get(entry)
            part = "" if given == self.values[entry] else f" as {self.show(given)}"
            return f"{text}, given by the caller{part}"
        if self.graph.nodes[source] is node and node.op is None:
            key = self.word
            said = node.attrs.get(f"__{key}__", "") if key == "shape" else repr(self.show(self.values[entry]))
            return f"{text}, declared by Variable({node.name!r}, {key}={said[:_WIDTH]}){made_at(node, 'at')}"
        return text

    def _causes(self, node: int, entry: int) -> list[int]:
        """Entries around a node that were known before `entry` became known by its rule: inputs first."""
        graph, now = self.graph, self.time[entry]
        around = [*graph.inputs[node], *range(graph.row[node], graph.row[node + 1])]
        return [
            e for e in dict.fromkeys(around)
            if e != entry and self.time.get(e, now) < now and self.origins[e] != node
        ]  # fmt: skip

    def chain(self, entry: int) -> list[str]:
        """From the entry backwards, one line a step."""
        steps: list[str] = []
        seen: set[int] = set()
        while entry not in seen:
            seen.add(entry)
            source = self.origins.get(entry, GIVEN)
            node = self.graph.nodes[source] if source != GIVEN else None
            if node is None or node.op is None:
                break
            causes = self._causes(source, entry)
            forward = source == self.owner[entry]
            what = operator(node.op) if forward else f"needed by {node.name} = {operator(node.op)}"
            if not causes:
                steps.append(what)
                break
            shown = causes[:1]
            names = node.op.input_names()
            if forward and (node.op.variadic or set(names) >= {"lhs", "rhs"}):
                shown = causes[:2]
            of = " and ".join(self.value(e) for e in shown)
            if len(shown) > 1 and len(causes) > 2:
                of += f" and {len(causes) - 2} more"
            steps.append(f"{what} {'of' if forward else 'beside'} {of}")
            entry = causes[0]
        if len(steps) > _HEAD + _TAIL + 1:
            left = len(steps) - _HEAD - _TAIL
            steps[_HEAD:-_TAIL] = [f"... {left} more steps ..."]
        return [f"      <- {step}" for step in steps]


def explain(
    graph: Graph, i: int, error: MXNetError, values: Sequence[Any], origins: Mapping[int, int],
    known: Mapping[int, Any], word: str,
) -> MXNetError:  # fmt: skip
    """The error with the node, its operator, and each input's value and where it came from.

    Parameters
    ----------
    i
        The node whose rule refused.
    origins
        Node whose rule made each entry known, in the order in which they became known.
    known
        What the caller gave.
    word
        ``"shape"`` or ``"dtype"``: what the values are.
    """
    node, shapes = graph.nodes[i], word == "shape"
    chains = _Chains(graph, values, origins, known, word)
    lines = [
        f"Error in operator {node.name}: {error}",
        f"  node {node.name} = {operator(node.op)}{made_at(node)}",
    ]
    names = node.op.input_names() + node.op.aux_names()
    listed = _listed([values[e] for e in graph.inputs[i]])
    for k in listed:
        e = graph.inputs[i][k]
        lines += [f"  input {names[k]} <- {chains.value(e)}", *chains.chain(e)]
    if len(listed) < len(names):
        lines.append(f"  and {len(names) - len(listed)} more inputs")
    for k, e in enumerate(range(graph.row[i], graph.row[i + 1])):
        if origins.get(e, i) != i:  # the rule met what was already known of an output
            lines += [f"  output {node.op.output_names()[k]}: {chains.value(e)}", *chains.chain(e)]
    ins = dict(zip(names, (values[e] for e in graph.inputs[i])))
    sources = {name: chains.name(e) for name, e in zip(names, graph.inputs[i])}
    hint = shape_hint(node.op, ins, sources) if shapes else type_hint(node.op, ins, sources)
    if hint:
        lines.append(f"  hint: {hint}")
    return _error_like(error, word)("\n".join(lines))


def _listed(values: Sequence[Any]) -> Sequence[int]:
    """Which of a node's inputs to tell of: all, or of very many the first and those that first differ."""
    if len(values) <= _MOST:
        return range(len(values))
    usual = next((v for v in values if v is not None), None)
    others = [k for k in range(_HEAD, len(values)) if values[k] not in (None, usual)]
    return [*range(_HEAD), *others[:_HEAD]]


def _error_like(error: MXNetError, word: str) -> type[MXNetError]:
    kind = type(error)
    return kind if kind is not MXNetError else ShapeError if word == "shape" else TypeInferenceError


def explain_call(
    op: Any, error: MXNetError, names: Sequence[str], specs: Sequence[Sequence[Any]], word: str
) -> MXNetError:
    """The same of an operator called on arrays, of which `specs` has shape and type."""
    shapes, types = [spec[0] for spec in specs], [spec[1] for spec in specs]
    lines = [f"Error in operator {op.name}: {error}", f"  called {operator(op)}"]
    lines += [f"  input {n}: {dims(s)} {type_name(t)}" for n, s, t in zip(names, shapes, types)]
    sources = {name: name for name in names}
    if word == "shape":
        hint = shape_hint(op, dict(zip(names, shapes)), sources)
    else:
        hint = type_hint(op, dict(zip(names, types)), sources)
    if hint:
        lines.append(f"  hint: {hint}")
    return _error_like(error, word)("\n".join(lines))


def with_arguments(
    error: MXNetError, method: str, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> MXNetError:
    """The error, and below it what the method was called with, which MXNet prints."""
    pairs = enumerate(args) if args else kwargs.items()
    given = "".join(f"\n  {k}: {getattr(v, '__name__', v)}" for k, v in pairs)
    return type(error)(f"{error}\n{method} error. Arguments:{given}")


def advice(graph: Graph, shapes: Sequence[Any]) -> str:
    """Which variables to give when some shapes are not known, "" when all are.

    A layer's own parameters, and labels, follow from its data: they are named apart.
    """
    roots: dict[str, None] = {}
    follow: dict[str, None] = {}
    for i, node in enumerate(graph.nodes):
        if node.op is None:
            continue
        for k, e in enumerate(graph.inputs[i]):
            shape = shapes[e]
            source = node.inputs[k][0]
            if source.op is not None or (shape is not None and all(d >= 0 for d in shape)):
                continue
            made = k > 0 and source.name.startswith(f"{node.name}_")
            (follow if made else roots).setdefault(source.name)
    if len(graph.nodes) == 1:  # a bare variable
        roots.setdefault(graph.nodes[0].name)
    for name in roots:
        follow.pop(name, None)
    if not roots:
        return f"give {', '.join(follow)}" if follow else ""
    text = f"give {', '.join(f'{name}=(...)' for name in roots)}"
    return f"{text}; {', '.join(follow)} may follow from it" if follow else text
