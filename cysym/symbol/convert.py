"""Between graph nodes and the plain documents of `formats.symbol_json`, and MXNet's debug text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .. import util
from .._core import Graph, Node, topological
from ..base import FormatError, MXNetError
from ..collector import paused
from ..formats import symbol_json, symbol_upgrade
from ..formats.symbol_json import Document, JsonNode, hide_attrs
from ..ops.absent import why_absent
from ..ops.schema import OpDef, find_op

Entry = tuple[Node, int]

__all__ = ["debug_text", "from_json", "hide_attrs", "to_json", "without_amp_casts"]

_AMP = ("amp_cast", "amp_multicast")


def without_amp_casts(heads: Sequence[Entry]) -> Sequence[Entry]:
    """The heads of a copy of the graph whose nodes read past the casts of automatic mixed precision; a cast
    that is a head itself stays."""
    order = topological(heads)
    if not any(node.op is not None and node.op.name in _AMP for node in order):
        return heads
    made: dict[Node, Node] = {}

    def past(entry: Entry) -> Entry:
        node, k = entry
        while node.op is not None and node.op.name in _AMP:
            node, k = node.inputs[k]
        return made.get(node, node), k

    for node in order:
        inputs = tuple(past(entry) for entry in node.inputs)
        if inputs != node.inputs:
            made[node] = Node(node.op, node.name, inputs, dict(node.attrs))
            made[node].versions = node.versions
    return [(made.get(node, node), k) for node, k in heads]


def to_json(heads: Sequence[Entry]) -> str:
    """MXNet 1.9.1's text of a graph."""
    graph = Graph(heads)
    nodes, row = [], [0]
    for node in graph.nodes:
        row.append(row[-1] + (1 if node.op is None else node.op.counted_outputs()))
        versions = node.versions or (0,) * len(node.inputs)
        inputs = [(graph.ids[src], k, v) for (src, k), v in zip(node.inputs, versions)]
        nodes.append(
            JsonNode("null" if node.op is None else node.op.name, node.name, dict(node.attrs), inputs)
        )
    document = Document(
        nodes=nodes,
        arg_nodes=[i for i, n in enumerate(graph.nodes) if n.op is None],
        heads=[(graph.ids[n], k, 0) for n, k in heads],
        node_row_ptr=row,
        attrs=symbol_json.graph_attrs(util.is_np_shape()),
    )
    return symbol_json.dumps(document)


COUNTS = (
    "num_args",
    "num_arrays",
    "num_outputs",
    "num_weights",
)  # parameters that say how many inputs there are
MOST_INPUTS = 1 << 16  # an operator that says more must list them: names are made for each


def _parsed(op: str, attrs: Mapping[str, str], inputs: int) -> OpDef:
    """The operator of a file's node, refused if it counts many more inputs than the file lists."""
    cls = find_op(op)
    for key in COUNTS:
        text = attrs.get(key, "")
        if text.isdecimal() and (len(text) > 18 or int(text) > max(inputs, MOST_INPUTS)):
            raise FormatError(f"{key}={text[:40]} is out of range for a node of {inputs} inputs")
    return cls.make(attrs if cls.params else {})  # one without parameters carries any attribute, as in MXNet


class _Registry:
    """What the upgrade of old files asks about operators; what is wrong shows when they are made."""

    def input_names(self, op: str, attrs: Mapping[str, str]) -> Sequence[str] | None:
        try:
            made = _parsed(op, attrs, 0)
        except MXNetError:
            return None
        return made.input_names() + made.aux_names()

    def variable_attrs(self, op: str, attrs: Mapping[str, str], input_index: int) -> Mapping[str, str]:
        names = self.input_names(op, attrs) or ()
        if input_index >= len(names):
            return {}
        return _parsed(op, attrs, 0).variable_attrs(names[input_index])


@paused()
def from_json(text: str | bytes, source: str = "JSON") -> list[Entry]:
    """Entries of the heads; every operator and parameter is checked.

    Raises
    ------
    FormatError
        The text is no symbol, or holds what no graph here can: sub-graphs, control dependencies.
    MXNetError
        An operator is unknown, or refuses its parameters.
    """
    document = symbol_upgrade.upgrade(symbol_json.loads(text, source), _Registry())
    nodes: list[Node] = []
    for i, raw in enumerate(document.nodes):
        op: OpDef | None = None
        if raw.op != "null":
            try:
                if raw.control_deps:
                    raise FormatError("control dependencies are not covered: a user's graph has none")
                op = _parsed(raw.op, raw.attrs, len(raw.inputs))
            except MXNetError as error:
                reason = why_absent(raw.op)
                raise type(error)(
                    f"Failed loading Op {raw.name} of type {raw.op}: {error}"
                    f"{f' ({reason})' if reason else ''} (node {i} of {source})"
                ) from None
        if raw.subgraphs or (op is None and raw.control_deps):
            what = "sub-graphs" if raw.subgraphs else "control dependencies"
            raise FormatError(f"{source}: node {i} ({raw.name}, {raw.op}) has {what}, which are not covered")
        inputs = [(nodes[j], k) for j, k, _ in raw.inputs]
        if op is not None:
            expected, aux = op.all_inputs(), op.aux_names()
            if len(inputs) != len(expected):
                raise FormatError(
                    f"{source}: node {i} ({raw.name}, {raw.op}) has {len(inputs)} inputs, expected "
                    f"{len(expected)}: {', '.join(expected)}"
                )
            for key, (src, _) in zip(aux, inputs[len(expected) - len(aux) :]):
                if src.op is not None:
                    raise FormatError(
                        f"{source}: node {i} ({raw.name}, {raw.op}) writes to its input {key}, which must be "
                        f"a variable, got node {src.name}"
                    )
        for (src, k), (j, _, _) in zip(inputs, raw.inputs):
            limit = 1 if src.op is None else len(src.op.output_names())
            if k >= limit:
                raise FormatError(
                    f"{source}: node {i} ({raw.name}) reads output {k} of node {j} ({src.name}), "
                    f"which has {limit}"
                )
        node = Node(op, raw.name, inputs, dict(raw.attrs))
        versions = tuple([v for _, _, v in raw.inputs])
        if any(versions):
            node.versions = versions
            for (src, _), v in zip(inputs, versions):
                src.mutations = max(src.mutations, v)
        nodes.append(node)
    heads = []
    for j, k, _ in document.heads:
        node = nodes[j]
        limit = 1 if node.op is None else len(node.op.output_names())
        if k >= limit:
            raise FormatError(f"{source}: head reads output {k} of node {j} ({node.name}), which has {limit}")
        heads.append((node, k))
    if not heads:
        raise FormatError(f"{source}: the graph has no heads")
    return heads


def debug_text(heads: Sequence[Entry]) -> str:
    """MXNet's `debug_str`."""
    if len(heads) == 1 and not heads[0][0].inputs:
        node = heads[0][0]
        return f"Variable:{node.name}\n" if node.op is None else f"AtomicFunctor  Op:{node.op.name}\n"
    lines = ["Symbol Outputs:"]
    lines += [f"\toutput[{i}]={node.name}({k})" for i, (node, k) in enumerate(heads)]
    for node in Graph(heads).nodes:
        if node.op is None:
            lines.append(f"Variable:{node.name}")
            continue
        lines += ["--------------------", f"Op:{node.op.name}, Name={node.name}", "Inputs:"]
        versions: Any = node.versions or (0,) * len(node.inputs)
        for i, ((src, k), v) in enumerate(zip(node.inputs, versions)):
            version = f" version={v}" if src.op is None else ""
            lines.append(f"\targ[{i}]={src.name}({k}){version}")
        if node.attrs:
            lines.append("Attrs:")
            lines += [f"\t{k}={v}" for k, v in sorted(node.attrs.items())]
    return "\n".join(lines) + "\n"
