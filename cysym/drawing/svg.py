"""Pictures of networks as SVG text, without any package or program: boxes, edges, shapes at outputs.

`graph` says what is drawn and `layout` where; this module measures text, draws boxes and curves,
and knows nothing of operators beyond the colour of their kind.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from .graph import DrawnEdge, DrawnNode, SymbolLike, picture
from .layout import Layout, layered

_MARGIN = 16.0
_PAD = 14.0
_STEM = 17.0  # straight start of an edge, where its label stands
_TIP = 7.0  # straight end of an edge, covered by the arrow head
_NAME_SIZE, _DETAIL_SIZE, _LABEL_SIZE = 13.0, 11.0, 10.5
_LONGEST = 34
_LONGEST_TIP = 300  # of a line
FONT = "Helvetica, Arial, 'Liberation Sans', 'DejaVu Sans', sans-serif"

# Fill and outline by kind of operator.
_VARIABLE = ("#eef2f7", "#8a9bb0")
_OTHER = ("#f4f4f2", "#9b9b93")
_KINDS: tuple[tuple[str, tuple[str, str]], ...] = (
    (r".*output|.*loss", ("#fce0e8", "#cc6687")),
    (r".*convolution|fullyconnected|.*dot|rnn|embedding", ("#ffe6d9", "#d9825b")),
    (r"activation|.*relu|.*sigmoid|tanh|.*elu|.*soft(max|sign|plus)", ("#fff5cc", "#c9a227")),
    (r".*norm", ("#ebe5f9", "#8c74c9")),
    (r".*pooling|dropout", ("#dcecfb", "#5a93c8")),
    (r"concat|flatten|reshape|transpose|slice|split|stack|expand_dims|squeeze", ("#e5f3dd", "#78a858")),
)
_KIND = [(re.compile(rf"(?:{pattern})\w*\Z", re.IGNORECASE), colours) for pattern, colours in _KINDS]

# Advance widths of Helvetica in 1/1000 em; other characters count as wide ones.
_WIDTHS = {
    **dict.fromkeys("ijl'|", 230),
    **dict.fromkeys("ft!.,:;/\\ I[]()", 300),
    **dict.fromkeys('r-*"`{}', 370),
    **dict.fromkeys("sczkvxyJ", 510),
    **dict.fromkeys("abdeghnopquL0123456789_#$?+<=>~", 560),
    **dict.fromkeys("FTZABEKPSVXYw", 680),
    **dict.fromkeys("CDHNRUGOQ", 760),
}


def svg(
    symbol: SymbolLike,
    shape: Mapping[str, Sequence[int]] | None = None,
    hide_weights: bool = True,
    dtype: Mapping[str, Any] | None = None,
) -> str:
    """A picture of `symbol` as SVG text; parameters and errors as for `plot_network`.

    Data flows downwards; hovering over a box shows the operator's parameters.
    """
    view = picture(symbol, shape, dtype, hide_weights)
    return render_svg(view.nodes, view.edges)


def render_svg(nodes: Sequence[DrawnNode], edges: Sequence[DrawnEdge]) -> str:
    """SVG text of any nodes and edges.

    Raises
    ------
    ValueError
        An edge names a node that is not there, or the edges form a cycle.
    """
    index = {node.key: i for i, node in enumerate(nodes)}
    for edge in edges:
        for key in (edge.source, edge.target):
            if key not in index:
                raise ValueError(f"an edge names the node {key!r}, which is not in the picture")
    pairs = [(index[edge.source], index[edge.target]) for edge in edges]
    labels = _output_labels(edges, index)
    boxes = [_measure(node, labels.get(i, {}).values()) for i, node in enumerate(nodes)]
    # The label stands right of its port, so a box claims that much room on both sides.
    claims = []
    for i, (width, height) in enumerate(boxes):
        texts = [text_width(text, _LABEL_SIZE) for text in labels.get(i, {}).values()]
        claims.append((max([width, *(2 * text + 20 for text in texts)]), height))
    layout = layered(claims, pairs, gap_y=48.0 if labels else 40.0, leans=_leans(edges, pairs))
    corner, across, down = px(-_MARGIN), px(layout.width + 2 * _MARGIN), px(layout.height + 2 * _MARGIN)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{across}" height="{down}" font-family="{FONT}" '
        f'viewBox="{corner} {corner} {across} {down}" text-anchor="middle" role="img">',
        f'<rect x="{corner}" y="{corner}" width="{across}" height="{down}" fill="#fff"/>',
        '<g fill="none" stroke="#7d8590" stroke-width="1.4">',
        *_edge_paths(edges, pairs, layout, boxes),
        "</g>",
    ]
    for i, node in enumerate(nodes):
        parts += _box(node, layout.x[i], layout.y[i], *boxes[i])
    parts += _label_texts(labels, edges, pairs, layout, boxes)
    parts.append("</svg>\n")
    return "\n".join(parts)


def _output_labels(edges: Iterable[DrawnEdge], index: Mapping[str, int]) -> dict[int, dict[int, str]]:
    """Node -> output -> text: all edges of one output carry the same data, so it is written once."""
    labels: dict[int, dict[int, str]] = {}
    for edge in edges:
        if edge.label:
            labels.setdefault(index[edge.source], {})[edge.output] = edge.label.replace("x", "\u00d7")
    return labels


def _lines(node: DrawnNode) -> tuple[str, str]:
    if node.is_variable:
        return short(node.name), ""
    kind = node.attrs.get("op_type", node.op) if node.op == "Custom" else node.op
    detail = re.sub(r"(?<=\d)x(?=\d)", "\u00d7", node.detail)
    if node.op == "Pooling" and node.attrs.get("global_pool") in ("True", "1", "true"):
        detail = f"{detail.split(',')[0]}, global"
    return short(node.name or kind), short(f"{kind} {detail}".strip())


def short(text: str) -> str:
    """The text, or its ends where it is too long for a box."""
    if len(text) <= _LONGEST:
        return text
    half = (_LONGEST - 1) // 2
    return f"{text[:half]}\u2026{text[-half:]}"


def text_width(text: str, size: float) -> float:
    """About as wide as any sans-serif font sets it."""
    # 8 % more than Helvetica, for the wider fonts that stand in for it.
    return sum(_WIDTHS.get(c, 860) for c in text) * size * 1.08 / 1000


def _measure(node: DrawnNode, labels: Collection[str]) -> tuple[float, float]:
    """Width and height of a box; one with several labelled outputs has room for the labels side by side."""
    name, detail = _lines(node)
    width = max(text_width(name, _NAME_SIZE) * 1.06, text_width(detail, _DETAIL_SIZE)) + 2 * _PAD
    if len(labels) > 1:
        width = max(width, len(labels) * (max(text_width(text, _LABEL_SIZE) for text in labels) + 14) + 24)
    return max(width, 64.0), 42.0 if detail else 28.0


def _box(node: DrawnNode, x: float, y: float, width: float, height: float) -> list[str]:
    fill, outline = _colours(node)
    name, detail = _lines(node)
    weight = "400" if node.is_variable else "600"
    said = [f"{key} = {value}" for key, value in sorted(node.attrs.items())]
    tip = "\n".join(line[:_LONGEST_TIP] for line in [f"{node.name} ({node.op})", *said])
    parts = [
        f"<g><title>{xml(tip)}</title>",
        f'<rect x="{px(x - width / 2)}" y="{px(y)}" width="{px(width)}" height="{px(height)}" '
        f'rx="{14 if node.is_variable else 7}" fill="{fill}" stroke="{outline}" stroke-width="1.3"/>',
        f'<text x="{px(x)}" y="{px(y + 18.5)}" font-size="{px(_NAME_SIZE)}" font-weight="{weight}" '
        f'fill="#1f2328">{xml(name)}</text>',
    ]
    if detail:
        parts.append(
            f'<text x="{px(x)}" y="{px(y + 33.5)}" font-size="{px(_DETAIL_SIZE)}" '
            f'fill="#4a5058">{xml(detail)}</text>'
        )
    return [*parts, "</g>"]


def _colours(node: DrawnNode) -> tuple[str, str]:
    if node.is_variable:
        return _VARIABLE
    return next((colours for pattern, colours in _KIND if pattern.match(node.op)), _OTHER)


def _ports(edges: Sequence[DrawnEdge], pairs: Sequence[tuple[int, int]]) -> dict[int, list[int]]:
    """Node -> its outputs that are used, in order."""
    used: dict[int, set[int]] = {}
    for edge, (source, _) in zip(edges, pairs, strict=True):
        used.setdefault(source, set()).add(edge.output)
    return {node: sorted(outputs) for node, outputs in used.items()}


def _leans(edges: Sequence[DrawnEdge], pairs: Sequence[tuple[int, int]]) -> list[float]:
    """Where along the side of its source each edge leaves, -0.5 to 0.5."""
    ports = _ports(edges, pairs)
    leans = []
    for edge, (source, _) in zip(edges, pairs, strict=True):
        outputs = ports[source]
        leans.append((outputs.index(edge.output) + 0.5) / len(outputs) - 0.5)
    return leans


def _spread(count: int, rank: int, width: float, step: float) -> float:
    """Offset from the middle of the `rank`-th of `count` ports on a side of `width`."""
    step = min(step, (width - 24.0) / count)
    return (rank - (count - 1) / 2) * step


def _starts(
    edges: Sequence[DrawnEdge],
    pairs: Sequence[tuple[int, int]],
    layout: Layout,
    boxes: Sequence[tuple[float, float]],
) -> list[float]:
    """Where each edge leaves its source: one port for each output that is used."""
    ports = _ports(edges, pairs)
    starts = []
    for edge, (source, _) in zip(edges, pairs, strict=True):
        outputs = ports[source]
        offset = _spread(len(outputs), outputs.index(edge.output), boxes[source][0], boxes[source][0])
        starts.append(layout.x[source] + offset)
    return starts


def _ends(
    pairs: Sequence[tuple[int, int]], layout: Layout, boxes: Sequence[tuple[float, float]]
) -> list[float]:
    """Where each edge enters its target: side by side, in the order in which the edges come from above."""
    arriving: dict[int, list[int]] = {}
    for i, (_, target) in enumerate(pairs):
        arriving.setdefault(target, []).append(i)
    ends = [0.0] * len(pairs)
    for target, incoming in arriving.items():
        incoming.sort(key=lambda i: layout.routes[i][-1][0] if layout.routes[i] else layout.x[pairs[i][0]])
        for rank, i in enumerate(incoming):
            ends[i] = layout.x[target] + _spread(len(incoming), rank, boxes[target][0], 20.0)
    return ends


def _edge_paths(
    edges: Sequence[DrawnEdge],
    pairs: Sequence[tuple[int, int]],
    layout: Layout,
    boxes: Sequence[tuple[float, float]],
) -> list[str]:
    """Curves that bend only between ranks, where no boxes are; each ends in an arrow head."""
    starts, ends = _starts(edges, pairs, layout, boxes), _ends(pairs, layout, boxes)
    paths = []
    for i, (source, target) in enumerate(pairs):
        x = starts[i]
        bottom = layout.y[source] + boxes[source][1]
        at = layout.floors[source] + _STEM
        path = [f"M{px(x)} {px(bottom)}V{px(at)}"]
        for next_x, top, floor in layout.routes[i]:
            path.append(_bend(x, at, next_x, top))
            x, at = next_x, floor + _STEM
            path.append(f"V{px(at)}")
        top = layout.y[target]
        path.append(_bend(x, at, ends[i], layout.ceilings[target] - _TIP))
        path.append(f"V{px(top - _TIP)}")
        paths.append(f'<path d="{"".join(path)}"/>')
        tip = f"M{px(ends[i])} {px(top)}l-3.6 -8h7.2z"
        paths.append(f'<path d="{tip}" fill="#7d8590" stroke="none"/>')
    return paths


def _bend(x0: float, y0: float, x1: float, y1: float) -> str:
    """A cubic curve that starts and ends vertically."""
    if abs(x1 - x0) < 0.05:
        return f"V{px(y1)}"
    middle = (y0 + y1) / 2
    return f"C{px(x0)} {px(middle)} {px(x1)} {px(middle)} {px(x1)} {px(y1)}"


def _label_texts(
    labels: Mapping[int, Mapping[int, str]],
    edges: Sequence[DrawnEdge],
    pairs: Sequence[tuple[int, int]],
    layout: Layout,
    boxes: Sequence[tuple[float, float]],
) -> list[str]:
    starts = _starts(edges, pairs, layout, boxes)
    parts = []
    written: set[tuple[int, int]] = set()
    for i, (edge, (source, _)) in enumerate(zip(edges, pairs, strict=True)):
        text = labels.get(source, {}).get(edge.output)
        if text is None or (source, edge.output) in written:
            continue
        written.add((source, edge.output))
        y = layout.y[source] + boxes[source][1] + 13.0
        parts.append(
            f'<text x="{px(starts[i] + 6)}" y="{px(y)}" font-size="{px(_LABEL_SIZE)}" text-anchor="start" '
            f'fill="#57606a">{xml(text)}</text>'
        )
    return parts


def px(value: float) -> str:
    """A coordinate with at most one decimal."""
    text = f"{value:.1f}"
    return text.removesuffix(".0") if text != "-0.0" else "0"


_XML = {ord("&"): "&amp;", ord("<"): "&lt;", ord(">"): "&gt;", ord('"'): "&quot;"}
# XML 1.0 has no way to write most control characters.
_NO_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def xml(text: str) -> str:
    """Text as XML and HTML can hold it, between tags and in attributes."""
    return _NO_XML.sub("\ufffd", text).translate(_XML)
