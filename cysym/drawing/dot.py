"""Pictures as Graphviz wants them: DOT text, and the `graphviz.Digraph` that `plot_network` hands out.

Labels, colours and attributes are MXNet's. What is drawn is decided in `graph`; the package graphviz is
imported only when a `Digraph` is asked for.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import re
from collections.abc import Iterator, Mapping
from typing import Any

from ..arguments import shown
from .graph import DrawnNode, Picture

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


def dot_text(title: str, view: Picture, node_attrs: Mapping[str, str] | None = None) -> str:
    """The picture as DOT text."""
    lines = [f"digraph {_dot_id(title)} {{"]
    for node in view.nodes:
        if _is_declared(node):
            attrs = _node_attrs(node, node_attrs)
            attrs["label"] = _escape(attrs["label"])
            lines.append(f"\t{_dot_id(_escape(node.key))} {_dot_attrs(attrs)}")
    for edge in view.edges:
        # As in MXNet the edge is turned round, so that data enters at the bottom of the picture.
        ends = f"{_dot_id(_escape(edge.target))} -> {_dot_id(_escape(edge.source))}"
        lines.append(f"\t{ends} {_dot_attrs({**_EDGE, 'label': _escape(edge.label or '')})}")
    return "\n".join([*lines, "}\n"])


def drawn(dot: Any, view: Picture, node_attrs: Mapping[str, str] | None = None) -> Any:
    """The same in a `graphviz.Digraph`, which is returned."""
    escape = _graphviz().escape
    for node in view.nodes:
        if _is_declared(node):
            attrs = _node_attrs(node, node_attrs)
            dot.node(escape(node.key), **{**attrs, "label": escape(attrs["label"])})
    for edge in view.edges:
        dot.edge(escape(edge.target), escape(edge.source), label=escape(edge.label or ""), **_EDGE)
    dot.keep(view)
    return dot


def _graphviz() -> Any:
    try:
        return importlib.import_module("graphviz")
    except ImportError as error:
        raise ImportError(
            "plot_network needs the package graphviz: pip install 'cysym[viz]' (mx.viz.svg draws without it)"
        ) from error


@functools.cache
def digraph_class() -> Any:
    """`graphviz.Digraph` that knows what to do where Graphviz' program ``dot`` is missing."""
    graphviz = _graphviz()
    base: Any = graphviz.Digraph

    class Digraph(base):  # type: ignore[misc]
        """A picture of a network. `render` and `view` need the program ``dot``, a notebook does not."""

        _drawn: tuple[str, Picture] | None = None

        def keep(self, view: Picture) -> None:
            """Remember what is drawn, for a notebook without ``dot``."""
            self._drawn = (self.source, view)

        def pipe(self, *args: Any, **kwargs: Any) -> Any:
            """As `graphviz.Digraph.pipe`."""
            with _explained(graphviz):
                return super().pipe(*args, **kwargs)

        def render(self, *args: Any, **kwargs: Any) -> Any:
            """As `graphviz.Digraph.render`."""
            with _explained(graphviz):
                return super().render(*args, **kwargs)

        def _repr_mimebundle_(self, *args: Any, **kwargs: Any) -> Any:
            try:
                return super()._repr_mimebundle_(*args, **kwargs)
            except graphviz.ExecutableNotFound:
                if self._drawn is None or self._drawn[0] != self.source:
                    raise  # somebody has added to it: a picture of something else would be worse than none
                from .notebook import picture_html

                return {"text/html": picture_html(self._drawn[1], "drawn by cysym, as dot was not found")}

    Digraph.__module__, Digraph.__qualname__ = __name__, "Digraph"
    return Digraph


@contextlib.contextmanager
def _explained(graphviz: Any) -> Iterator[None]:
    """An error that Graphviz is missing keeps its class and says how to get it and what works without."""
    try:
        yield
    except graphviz.ExecutableNotFound as error:
        error.args = (
            "the program dot was not found: install Graphviz (apt install graphviz, brew install graphviz, "
            "conda install graphviz, or graphviz.org/download). Without it mx.viz.svg(symbol) gives the "
            "picture as SVG text, and a Symbol shows itself in a notebook",
        )
        raise


def _is_declared(node: DrawnNode) -> bool:
    """Weights that are shown are plain ovals, as MXNet draws them: they stand in no line of their own."""
    return not node.is_weight or node.key != node.name


def _node_attrs(node: DrawnNode, extra: Mapping[str, str] | None) -> dict[str, str]:
    if not isinstance(extra, Mapping | None):
        raise TypeError(f"node_attrs must be a dict of attributes of Graphviz, got {shown(extra)}")
    if extra and not extra.keys().isdisjoint(("label", "name")):
        raise TypeError("node_attrs are for all nodes: each has a name and a label of its own")
    label = f"{node.op}\n{node.detail}" if node.detail else node.name
    if node.op == "Custom":
        label = node.attrs.get("op_type", node.name)
    attrs = {**_NODE, **(extra or {}), "label": label, "fillcolor": _COLOURS.get(node.op, _OTHER)}
    if node.is_variable:
        attrs["shape"] = "oval"
    return attrs


_DOT_ID = re.compile(r"(?:[a-zA-Z_][a-zA-Z0-9_]*|-?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?))\Z")
_DOT_HTML = re.compile(r"<.*>\Z", re.DOTALL)
_BARE_QUOTE, _QUOTED = re.compile(r'(?<!\\)((?:\\\\)*)"'), r"\1\""
_DOT_WORDS = {"node", "edge", "graph", "digraph", "subgraph", "strict"}


class _Literal(str):
    """Text that DOT is to show as it is, whatever stands in it."""


def _escape(text: str) -> str:
    return _Literal(text.replace("\\", "\\\\"))


def _dot_id(text: str) -> str:
    if _DOT_ID.match(text) and text.lower() not in _DOT_WORDS:
        return text
    if _DOT_HTML.match(text) and not isinstance(text, _Literal):
        return text
    return f'"{_BARE_QUOTE.sub(_QUOTED, text)}"'


def _dot_attrs(attrs: Mapping[str, str]) -> str:
    label = [("label", attrs["label"])] if "label" in attrs else []
    rest = sorted(item for item in attrs.items() if item[0] != "label")
    return f"[{' '.join(f'{_dot_id(key)}={_dot_id(value)}' for key, value in label + rest)}]"
