"""How Symbol, NDArray, Executor and memory plan show themselves in a notebook: HTML of bounded size.

The classes' ``_repr_html_`` lead here, so nothing of this is imported before a notebook asks. Names and
numbers of users are escaped; no script, no style sheet and no other file is referred to.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..dtypes import NAMES
from .graph import Picture, SymbolLike, picture
from .layout import span
from .plan import Plan, headline, plan_svg
from .svg import render_svg, short, xml

if TYPE_CHECKING:
    from ..executor import Executor
    from ..ndarray import NDArray

MOST_NODES = 600
"""A graph with more nodes is shown as a table of its operators."""
MOST_SPAN = 15_000  # ranks that all edges pass together; half a second of layout
MOST_ROWS = 24
_EDGE_ITEMS = 4
_MOST_ITEMS = 2 * _EDGE_ITEMS + 2
_GAP = "\u2026"


def symbol_html(symbol: SymbolLike) -> str:
    """The graph of a symbol; a table of its operators where it has more than `MOST_NODES` nodes."""
    return picture_html(picture(symbol))


def picture_html(view: Picture, note: str = "") -> str:
    """Any picture, in a frame that scrolls where it is long; `note` stands below."""
    if not _is_small(view):
        return _too_large(view) + _line(note)
    frame = '<div style="max-height:720px;max-width:100%;overflow:auto">'
    return f"{frame}{render_svg(view.nodes, view.edges)}</div>{_line(note)}"


def array_html(array: NDArray) -> str:
    """The values of an array, long axes cut in the middle, and its shape, type and context."""
    kind = NAMES[array.spec[1]]
    shape = "\u00d7".join(map(str, array.shape)) or "()"
    head = f"NDArray {shape}, {kind} @{array.context}"
    values = array.asnumpy()
    if values.ndim <= 2 and values.size:
        rows = values.reshape(1, -1) if values.ndim < 2 else values
        body = _table(_cells(rows))
    else:
        with np.printoptions(edgeitems=3, threshold=200, linewidth=100):
            body = f"<pre>{xml(str(values))}</pre>"
    return f"<div>{body}{_line(head)}</div>"


def plan_html(plan: Plan) -> str:
    """The sums of a memory plan, and its picture."""
    if not plan.timeline:
        return f"<div>{_line(f'Memory plan: {headline(plan)}')}</div>"
    return (
        f"<div>{_line(f'Memory plan: {headline(plan)}')}"
        f'<div style="max-width:100%;overflow:auto">{plan_svg(plan)}</div></div>'
    )


def executor_html(executor: Executor) -> str:
    """What an executor is bound to: outputs, arguments with their gradients, auxiliary states."""
    outputs = zip(executor._symbol.list_outputs(), executor.outputs, strict=True)
    rows = [["output", xml(short(name)), *_described(array)] for name, array in outputs]
    for name, array in executor.arg_dict.items():
        gradient = " + gradient" if executor.grad_dict.get(name) is not None else ""
        rows.append([f"argument{gradient}", xml(short(name)), *_described(array)])
    rows += [["auxiliary", xml(short(name)), *_described(array)] for name, array in executor.aux_dict.items()]
    count = len(rows)
    if count > MOST_ROWS:
        rows = [*rows[: MOST_ROWS - 2], [_GAP] * 5, rows[-1]]
    table = _table([["", "name", "shape", "type", "context"], *rows], is_headed=True)
    head = f"Executor, {count} arrays. Memory plan: {headline(executor.plan)}"
    return f"<div>{_line(head)}{table}</div>"


def _described(array: NDArray) -> list[str]:
    return [
        "\u00d7".join(map(str, array.shape)) or "()",
        NAMES[array.spec[1]],
        xml(str(array.context)),
    ]


def _is_small(view: Picture) -> bool:
    if len(view.nodes) > MOST_NODES or len(view.edges) > MOST_SPAN:
        return False
    index = {node.key: i for i, node in enumerate(view.nodes)}
    edges = [(index[edge.source], index[edge.target]) for edge in view.edges]
    return span(len(index), edges) <= MOST_SPAN


def _too_large(view: Picture) -> str:
    counts = Counter(node.op for node in view.nodes if not node.is_variable)
    inputs = [node.name for node in view.nodes if node.is_variable]
    kinds = counts.most_common(MOST_ROWS)
    rows = [["operator", "nodes"], *([xml(short(op)), str(count)] for op, count in kinds)]
    if len(kinds) < len(counts):
        rows.append([f"{len(counts) - len(kinds)} others", str(counts.total() - sum(n for _, n in kinds))])
    shown = ", ".join(map(short, inputs[:8])) + (f" {_GAP}" if len(inputs) > 8 else "")
    head = (
        f"{len(view.nodes)} nodes and {len(view.edges)} edges are too many for a picture here; "
        "mx.viz.svg(symbol) draws them all."
    )
    return f"<div>{_line(head)}{_table(rows, is_headed=True)}{_line(f'Inputs: {shown}')}</div>"


def _line(text: str) -> str:
    return f'<p style="margin:4px 0;font-size:90%">{xml(text)}</p>' if text else ""


def _table(rows: Sequence[Sequence[str]], is_headed: bool = False) -> str:
    """A table of cells that are escaped already; numbers right, words left where there is a head."""
    align = "left" if is_headed else "right"
    cell = f'style="text-align:{align};padding:2px 8px;white-space:nowrap"'
    lines = []
    for i, row in enumerate(rows):
        tag = "th" if is_headed and i == 0 else "td"
        lines.append("<tr>" + "".join(f"<{tag} {cell}>{text}</{tag}>" for text in row) + "</tr>")
    return f'<table style="border-collapse:collapse">{"".join(lines)}</table>'


def _cells(values: np.ndarray[Any, Any]) -> list[list[str]]:
    """Texts of a matrix, rows and columns beyond `_MOST_ITEMS` cut in the middle."""
    rows, columns = (_places(count) for count in values.shape)
    found = []
    for i in rows:
        if i is None:
            found.append(["\u22ee"] * len(columns))
        else:
            found.append([_GAP if j is None else _number(values[i, j]) for j in columns])
    return found


def _places(count: int) -> list[int | None]:
    if count <= _MOST_ITEMS:
        return list(range(count))
    return [*range(_EDGE_ITEMS), None, *range(count - _EDGE_ITEMS, count)]


def _number(value: Any) -> str:
    return f"{float(value):.6g}" if isinstance(value, np.floating) else xml(str(value))
