"""Pictures and tables of networks, under MXNet's names: `plot_network`, `print_summary`, and DOT text.

What is drawn comes from `viz_graph`; this module only dresses it. The graphviz package is optional and
asked for by `plot_network` alone; `viz_svg` draws without it.
"""

from __future__ import annotations

import importlib
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .viz_graph import DrawnNode, SymbolLike, entry_labels, is_weight, nodes_of, picture
from .viz_svg import svg

__all__ = ["gv_source", "plot_network", "print_summary", "svg"]

_NODE = {"shape": "box", "fixedsize": "true", "width": "1.3", "height": "0.8034", "style": "filled"}
_EDGE = {"dir": "back", "arrowtail": "open"}
_COLOURS = {
    "null": "#8dd3c7",
    **dict.fromkeys(("Convolution", "FullyConnected"), "#fb8072"),
    **dict.fromkeys(("Activation", "LeakyReLU"), "#ffffb3"),
    "BatchNorm": "#bebada",
    "Pooling": "#80b1d3",
    **dict.fromkeys(("Concat", "Flatten", "Reshape"), "#fdb462"),
    "Softmax": "#b3de69",
}
_OTHER = "#fccde5"


def plot_network(
    symbol: SymbolLike,
    title: str = "plot",
    save_format: str = "pdf",
    shape: Mapping[str, Sequence[int]] | None = None,
    dtype: Mapping[str, Any] | None = None,
    node_attrs: Mapping[str, str] | None = None,
    hide_weights: bool = True,
) -> Any:
    """A graphviz picture of `symbol`.

    Parameters
    ----------
    symbol : Symbol
    title : str
        Name of the graph and stem of the files it renders to.
    save_format : str
        What ``render()`` writes: ``pdf``, ``png``, ``svg``, ...
    shape, dtype : dict, optional
        Shapes and types of the inputs; edges are then labelled with what flows, less the batch dimension.
    node_attrs : dict, optional
        Graphviz attributes of all nodes, e.g. ``{"shape": "oval", "fixedsize": "false"}``.
    hide_weights : bool
        Leave out variables named like weights.

    Returns
    -------
    graphviz.Digraph

    Raises
    ------
    ImportError
        The package graphviz is not installed.
    TypeError, ValueError
        `symbol` is no Symbol; the shapes given are too few.

    Notes
    -----
    Source: ``mxnet.visualization.plot_network``; same nodes, labels, colours and edges, but nodes that share
    a name stay apart, and weights that are not hidden are drawn like other variables. A picture without any
    package or program: `svg`; only the DOT text: `gv_source`.
    """
    try:
        graphviz: Any = importlib.import_module("graphviz")
    except ImportError as error:
        raise ImportError(
            "plot_network needs the package graphviz: pip install cysym[viz] (cysym.viz.svg draws without it)"
        ) from error
    view = picture(symbol, shape, dtype, hide_weights)
    dot = graphviz.Digraph(name=title, format=save_format)
    for node in view.nodes:
        dot.node(graphviz.escape(node.key), **_escaped(graphviz.escape, _node_attrs(node, node_attrs)))
    for edge in view.edges:
        attrs = {**_EDGE, "label": edge.label or ""}
        # As in MXNet the edge is turned round, so that data enters at the bottom of the picture.
        dot.edge(
            graphviz.escape(edge.target), graphviz.escape(edge.source), **_escaped(graphviz.escape, attrs)
        )
    return dot


def gv_source(
    symbol: SymbolLike,
    title: str = "plot",
    shape: Mapping[str, Sequence[int]] | None = None,
    dtype: Mapping[str, Any] | None = None,
    node_attrs: Mapping[str, str] | None = None,
    hide_weights: bool = True,
) -> str:
    """The DOT text of `plot_network`, made without the graphviz package; parameters as there."""
    view = picture(symbol, shape, dtype, hide_weights)
    lines = [f"digraph {_dot_id(title)} {{"]
    lines += [f"\t{_dot_id(node.key)} {_dot_attrs(_node_attrs(node, node_attrs))}" for node in view.nodes]
    for edge in view.edges:
        attrs = {**_EDGE, "label": edge.label or ""}
        lines.append(f"\t{_dot_id(edge.target)} -> {_dot_id(edge.source)} {_dot_attrs(attrs)}")
    return "\n".join([*lines, "}\n"])


def print_summary(
    symbol: SymbolLike,
    shape: Mapping[str, Sequence[int]] | None = None,
    line_length: int = 120,
    positions: Sequence[float] = (0.44, 0.64, 0.74, 1.0),
) -> None:
    """Print a table of the layers, their output shapes (less the batch dimension) and parameter counts.

    Parameters
    ----------
    symbol : Symbol
    shape : dict, optional
        Shapes of the inputs. Without it shapes are left empty and counts are ``?``.
    line_length : int
        Width of the table in characters.
    positions : sequence of 4 floats
        Where each column ends: fractions of `line_length`, or characters when the last is above 1.

    Raises
    ------
    TypeError, ValueError
        `symbol` is no Symbol; the shapes given are too few; not four positions.

    Notes
    -----
    Source: ``mxnet.visualization.print_summary``, with these differences. Counts are sums over the shapes of
    a layer's own variables, so they hold for every operator, and a weight that layers share counts once, at
    the first of them. Every argument counts except inputs (those `shape` names) and labels (what an
    operator named ``...Output`` reads beside its data, and names that end in ``label``); auxiliary states are
    counted apart. All inputs are listed, not only a first one; labels, as there, are not.
    """
    if len(positions) != 4:
        raise ValueError(f"expected 4 positions, got {len(positions)}")
    ends = [int(line_length * p) if positions[-1] <= 1 else int(p) for p in positions]
    rule = "_" * line_length
    print(rule)
    print(_columns(("Layer (type)", "Output Shape", "Param #", "Previous Layer"), ends))
    print("=" * line_length)
    rows = list(_summary(symbol, shape))
    for i, (layer, dims, count, previous) in enumerate(rows):
        print(
            _columns(
                (layer, dims, "?" if count is None else str(count), previous[0] if previous else ""), ends
            )
        )
        for name in previous[1:]:
            print(_columns(("", "", "", name), ends))
        print(("=" if i == len(rows) - 1 else "_") * line_length)
    if shape is None:
        print("Total params: unknown (pass shape=)")
    else:
        sizes = _variable_sizes(symbol, shape)
        auxiliary = set(symbol.list_auxiliary_states())
        print(f"Total params: {sum(row[2] or 0 for row in rows)}")
        if auxiliary:
            print(f"Auxiliary states: {sum(sizes[name] for name in auxiliary)}")
    print(rule)


def _summary(
    symbol: SymbolLike, shape: Mapping[str, Sequence[int]] | None
) -> Iterator[tuple[str, str, int | None, list[str]]]:
    """(layer, output shape, parameters, names of what it reads) for each operator and input."""
    nodes = nodes_of(symbol)
    labels = entry_labels(symbol, nodes, shape, None) or {}
    sizes = _variable_sizes(symbol, shape) if shape is not None else {}
    auxiliary = set(symbol.list_auxiliary_states())
    inputs, target = _inputs(nodes, auxiliary, shape)
    counted: set[int] = set()
    for i, node in enumerate(nodes):
        is_operator = node["op"] != "null"
        if not is_operator and i not in inputs:
            continue
        count = 0
        previous = []
        for source, *_ in node["inputs"]:
            name = nodes[source]["name"]
            if nodes[source]["op"] != "null" or source in inputs:
                previous.append(name)
            elif name not in auxiliary and source not in counted | target:
                counted.add(source)
                count += sizes.get(name, 0)
        is_unknown = is_operator and shape is None
        yield f"{node['name']}({node['op']})", labels.get((i, 0), ""), None if is_unknown else count, previous


def _inputs(
    nodes: Sequence[Mapping[str, Any]], auxiliary: set[str], shape: Mapping[str, Sequence[int]] | None
) -> tuple[set[int], set[int]]:
    """Ids of the variables a user feeds: those `shape` names (else: named like no weight), and labels."""
    target = {entry[0] for node in nodes if node["op"].endswith("Output") for entry in node["inputs"][1:]}
    variables = {i for i, n in enumerate(nodes) if n["op"] == "null" and n["name"] not in auxiliary}
    labels = {i for i in variables if i in target or nodes[i]["name"].endswith("label")}
    named = {
        i for i in variables if (not is_weight(nodes[i]) if shape is None else nodes[i]["name"] in shape)
    }
    return named - labels, labels


def _variable_sizes(symbol: SymbolLike, shape: Mapping[str, Sequence[int]]) -> dict[str, int]:
    """Number of elements of each argument and auxiliary state."""
    arguments, _, auxiliary = symbol.infer_shape(**shape)
    if arguments is None:
        raise ValueError("Input shape is incomplete")
    names = [*symbol.list_arguments(), *symbol.list_auxiliary_states()]
    return {name: math.prod(dims) for name, dims in zip(names, [*arguments, *auxiliary], strict=True)}


def _columns(fields: Sequence[str], ends: Sequence[int]) -> str:
    line = ""
    for text, end in zip(fields, ends, strict=True):
        line = (line + text)[:end].ljust(end)
    return line


def _node_attrs(node: DrawnNode, extra: Mapping[str, str] | None) -> dict[str, str]:
    label = f"{node.op}\n{node.detail}" if node.detail else node.name
    if node.op == "Custom":
        label = node.attrs.get("op_type", node.name)
    attrs = {**_NODE, **(extra or {}), "label": label, "fillcolor": _COLOURS.get(node.op, _OTHER)}
    if node.is_variable:
        attrs["shape"] = "oval"
    return attrs


def _escaped(escape: Any, attrs: Mapping[str, str]) -> dict[str, str]:
    return {key: escape(value) for key, value in attrs.items()}


_DOT_ID = re.compile(r"(?:[a-zA-Z_][a-zA-Z0-9_]*|-?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?))\Z")
_DOT_WORDS = {"node", "edge", "graph", "digraph", "subgraph", "strict"}


def _dot_id(text: str) -> str:
    if _DOT_ID.match(text) and text.lower() not in _DOT_WORDS:
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _dot_attrs(attrs: Mapping[str, str]) -> str:
    label = [("label", attrs["label"])] if "label" in attrs else []
    rest = sorted(item for item in attrs.items() if item[0] != "label")
    return f"[{' '.join(f'{_dot_id(key)}={_dot_id(value)}' for key, value in label + rest)}]"
