"""Pictures and tables of networks, under MXNet's names: `plot_network`, `print_summary`, and DOT text.

What is drawn comes from `drawing.graph` and is dressed by `drawing.dot` or `drawing.svg`; what is listed
comes from `drawing.layers`. The package graphviz is optional and asked for by `plot_network` alone.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from .drawing.dot import digraph_class, dot_text, drawn
from .drawing.graph import SymbolLike, picture
from .drawing.layers import layers_of
from .drawing.svg import svg
from .symbol import Symbol

__all__ = ["gv_source", "layers_of", "plot_network", "print_summary", "svg"]


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
    Source: ``mxnet.visualization.plot_network``; same DOT text, but nodes that share a name stay apart, and
    an edge is labelled with the output it comes from, whatever the operator calls it. ``render()`` and
    ``view()`` need Graphviz' program ``dot``; in a notebook the picture shows itself without. A picture
    without any package or program: `svg`; only the DOT text: `gv_source`.
    """
    digraph = digraph_class()
    return drawn(
        digraph(name=title, format=save_format), picture(symbol, shape, dtype, hide_weights), node_attrs
    )


def gv_source(
    symbol: SymbolLike,
    title: str = "plot",
    shape: Mapping[str, Sequence[int]] | None = None,
    dtype: Mapping[str, Any] | None = None,
    node_attrs: Mapping[str, str] | None = None,
    hide_weights: bool = True,
) -> str:
    """The DOT text of `plot_network`, made without the graphviz package; parameters as there."""
    return dot_text(title, picture(symbol, shape, dtype, hide_weights), node_attrs)


def print_summary(
    symbol: Symbol,
    shape: Mapping[str, Sequence[int]] | None = None,
    line_length: int = 120,
    positions: Sequence[float] = (0.44, 0.64, 0.74, 1.0),
) -> None:
    """Print a table of the layers, their output shapes (less the batch dimension) and parameter counts.

    Parameters
    ----------
    symbol : Symbol
    shape : dict, optional
        Shapes of the inputs. Without it shapes are left empty, and counts that depend on them are ``?``.
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
    the first of them. Every argument counts except inputs (those `shape` names, unless they are called like
    parameters), labels (what loss layers read beside their data, and names that end in ``label``) and states
    of recurrent layers; auxiliary states are counted apart. All inputs are listed, not only a first one;
    labels, as there, are not.
    """
    if len(positions) != 4:
        raise ValueError(f"expected 4 positions, got {len(positions)}")
    if not all(map(math.isfinite, positions)):
        raise ValueError(f"positions must be finite, got {tuple(positions)}")
    ends = [int(line_length * p) if positions[-1] <= 1 else int(p) for p in positions]
    layers = layers_of(symbol, shape)
    rule = "_" * line_length
    print(rule)
    print(columns(("Layer (type)", "Output Shape", "Param #", "Previous Layer"), ends))
    print("=" * line_length)
    for i, row in enumerate(layers.rows):
        dims = "x".join(map(str, (row.shape or ())[1:])) if shape is not None else ""
        count = "?" if row.params is None else str(row.params)
        first = row.previous[0] if row.previous else ""
        print(columns((f"{row.name}({row.op})", dims, count, first), ends))
        for name in row.previous[1:]:
            print(columns(("", "", "", name), ends))
        print(("=" if i == len(layers.rows) - 1 else "_") * line_length)
    print(f"Total params: {'unknown (pass shape=)' if layers.params is None else layers.params}")
    if layers.aux:
        print(f"Auxiliary states: {layers.aux}")
    print(rule)


def columns(fields: Sequence[str], ends: Sequence[int]) -> str:
    """Fields side by side, each cut and filled to where its column ends."""
    line = ""
    for text, end in zip(fields, ends, strict=True):
        line = (line + text)[:end].ljust(end)
    return line
