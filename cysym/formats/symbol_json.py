"""The text of a symbol (`-symbol.json`): read strictly, written byte for byte as MXNet 1.9.1 does.

A `Document` is the file as data: nodes in order, ids and strings, nothing an operator means. `loads` checks
every id and type, `dumps` lays the text out as dmlc's JSONWriter does. This module knows no operator and no
graph; files older than 1.9.1 go through `symbol_upgrade`, then the Symbol facade turns the document into
graph nodes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NoReturn

from ..base import FormatError

MXNET_VERSION: Final = 10901
FIRST_VERSION: Final = 800  # what a file without a version is: 0.8.0
MAX_DEPTH: Final = 200  # brackets; a control-flow operator inside another one adds four
VARIABLE: Final = "null"
HIDDEN_KEYS: Final = ("ctx_group", "lr_mult", "wd_mult", "force_mirroring", "mirror_stage")

AttrValue = int | str | list[int] | list[str]
Entry = tuple[int, int, int]


@dataclass(slots=True)
class JsonNode:
    """One node: an operator's canonical name (or ``"null"``, a variable), its strings and what it reads.

    `inputs` holds (node id, output index, version); `control_deps` node ids; `subgraphs` whole documents, for
    control-flow operators.
    """

    op: str
    name: str
    attrs: dict[str, str] = field(default_factory=dict)
    inputs: list[Entry] = field(default_factory=list)
    control_deps: list[int] = field(default_factory=list)
    subgraphs: list[Document] = field(default_factory=list)

    @property
    def is_variable(self) -> bool:
        """Whether the node is an argument or auxiliary state rather than an operator."""
        return self.op == VARIABLE


@dataclass(slots=True)
class Document:
    """A whole graph: `nodes` in an order where inputs come first, and `heads`, the symbol's outputs.

    `arg_nodes` are the ids of the variables. `node_row_ptr` counts all outputs, hidden ones included, as a
    prefix sum (None where the file has none). `attrs` maps to (type name, value), as in ``{"mxnet_version":
    ("int", 10901)}``.
    """

    nodes: list[JsonNode]
    arg_nodes: list[int]
    heads: list[Entry]
    node_row_ptr: list[int] | None = None
    attrs: dict[str, tuple[str, AttrValue]] = field(default_factory=dict)

    @property
    def version(self) -> int:
        """The version that wrote it, major * 10000 + minor * 100 + patch; 800 when the file does not say."""
        value = self.attrs.get("mxnet_version", ("int", FIRST_VERSION))[1]
        return value if isinstance(value, int) else FIRST_VERSION

    @property
    def is_np_shape(self) -> bool:
        """Whether it was saved in np-shape mode."""
        return self.attrs.get("is_np_shape", ("int", 0))[1] == 1


def graph_attrs(np_shape: bool = False) -> dict[str, tuple[str, AttrValue]]:
    """The `Document.attrs` of a graph saved today.

    >>> graph_attrs()
    {'mxnet_version': ('int', 10901)}
    """
    attrs: dict[str, tuple[str, AttrValue]] = {"is_np_shape": ("int", 1)} if np_shape else {}
    attrs["mxnet_version"] = ("int", MXNET_VERSION)
    return attrs


def hide_attrs(attrs: Mapping[str, str]) -> dict[str, str]:
    """`attrs` with the hidden keys spelt as they are stored.

    >>> hide_attrs({"lr_mult": "2.0", "num_hidden": "3"})
    {'__lr_mult__': '2.0', 'num_hidden': '3'}
    """
    return {f"__{key}__" if key in HIDDEN_KEYS else key: value for key, value in attrs.items()}


def both_spellings(attrs: Mapping[str, str]) -> dict[str, str]:
    """`attrs` as ``Symbol.attr_dict`` reports them: hidden keys under ``__key__`` and under ``key``.

    >>> both_spellings({"__lr_mult__": "2.0"})
    {'__lr_mult__': '2.0', 'lr_mult': '2.0'}
    """
    plain = {key: attrs[f"__{key}__"] for key in HIDDEN_KEYS if f"__{key}__" in attrs}
    return {**attrs, **plain}


def loads(text: str | bytes, source: str = "JSON") -> Document:
    """Read the text of a symbol.

    Parameters
    ----------
    text : str or bytes
        Of any MXNet version from 0.8 on; bytes must be UTF-8.
    source : str
        What error messages call the text: a file name.

    Returns
    -------
    Document
        With `param`, `attr` and `attrs` merged (the later name wins) and two-entry inputs given version 0.

    Raises
    ------
    FormatError
        Not JSON, a key twice, an unknown or missing field, a wrong type, or an id that points nowhere; the
        message says where. Never a RecursionError, however deep the text nests.

    Notes
    -----
    Source: ``nnvm::pass::LoadJSON`` of MXNet 1.9.1, which is more lenient in what can only be damage:
    inputs of variables, inputs that point forward, duplicate keys, text after the end, no heads.
    """
    if isinstance(text, bytes):
        try:
            text = text.decode("utf-8")
        except UnicodeDecodeError as error:
            raise FormatError(f"{source}: not UTF-8: {error.reason} at byte {error.start}") from None
    try:
        _check_depth(text)
        # strict=False: MXNet writes control characters raw.
        raw = json.loads(text, object_pairs_hook=_object, parse_constant=_refuse_constant, strict=False)
        if "\\u" in text:
            # Only an escape can bring half a surrogate pair, which no file could be written with again.
            json.dumps(raw, ensure_ascii=False).encode("utf-8")
        return _document(raw)
    except _Bad as bad:
        raise FormatError(f"{source}: {bad}") from None
    except json.JSONDecodeError as error:
        raise FormatError(f"{source}: line {error.lineno}, column {error.colno}: {error.msg}") from None
    except UnicodeEncodeError:
        raise FormatError(f"{source}: a string holds half a surrogate pair") from None
    except RecursionError:
        raise FormatError(f"{source}: nested too deeply for the stack that is left") from None
    except ValueError as error:  # an integer of more digits than Python converts
        raise FormatError(f"{source}: {error}") from None


class _Bad(Exception):
    """What is wrong, with the path below the document; `loads` puts the file's name before it."""

    def within(self, place: str) -> _Bad:
        return _Bad(f"{place}: {self}")


def _bad(message: str) -> NoReturn:
    raise _Bad(message)


_STRINGS = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_NOT_BRACKETS = bytes(c for c in range(256) if c not in b"[]{}")


def _check_depth(text: str) -> None:
    """Refuse nesting that would overflow the C stack of `json`, whose own guard a caller can have raised.

    Removing innermost pairs of brackets MAX_DEPTH times leaves nothing of a sound document; the number of
    openers that stay bounds the depth `json` can still reach.
    """
    brackets = _STRINGS.sub("", text).encode("utf-8", "replace").translate(None, _NOT_BRACKETS)
    for _ in range(MAX_DEPTH):
        size = len(brackets)
        brackets = brackets.replace(b"[]", b"").replace(b"{}", b"")
        if len(brackets) == size:
            break
    if brackets.count(b"[") + brackets.count(b"{") > MAX_DEPTH:
        _bad(f"nested more than {MAX_DEPTH} brackets deep")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        _bad(f"the key {twice!r} stands twice in one object")
    return result


def _refuse_constant(text: str) -> NoReturn:
    _bad(f"{text} is not JSON")


_GRAPH_FIELDS = {"nodes": True, "arg_nodes": True, "heads": True, "node_row_ptr": False, "attrs": False}
_NODE_FIELDS = dict.fromkeys(("op", "name", "inputs"), True) | dict.fromkeys(
    ("attrs", "attr", "param", "control_deps", "subgraphs", "backward_source_id"), False
)


def _fields(raw: Any, fields: Mapping[str, bool]) -> dict[str, Any]:
    """An object whose keys are all in `fields`, and that has those marked True; the words are MXNet's."""
    if type(raw) is not dict:
        _bad(f"expected an object, got {_show(raw)}")
    for key in raw:
        if key not in fields:
            candidates = ", ".join(f'"{name}"' for name in sorted(fields))
            _bad(f"JSONReader: Unknown field {key}, candidates are: {candidates}")
    for key, is_required in fields.items():
        if is_required and key not in raw:
            _bad(f'JSONReader: Missing field "{key}"')
    return raw


def _show(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else text[:57] + "..."


def _list(raw: Any, what: str) -> list[Any]:
    if type(raw) is not list:
        _bad(f"{what}: expected an array, got {_show(raw)}")
    return raw


def _ids(raw: Any, what: str, bound: int) -> list[int]:
    for i, value in enumerate(_list(raw, what)):
        if type(value) is not int or not 0 <= value < bound:
            _bad(f"{what}[{i}]: expected a node id of 0 to {bound - 1}, got {_show(value)}")
    ids: list[int] = raw
    return ids


def _document(raw: Any) -> Document:
    fields = _fields(raw, _GRAPH_FIELDS)
    nodes: list[JsonNode] = []
    for i, item in enumerate(_list(fields["nodes"], "nodes")):
        try:
            nodes.append(_node(item, nodes))
        except _Bad as bad:
            name = item.get("name") if type(item) is dict else None
            raise bad.within(f"nodes[{i}]" + (f" {name!r}" if type(name) is str else "")) from None
    arg_nodes = _ids(fields["arg_nodes"], "arg_nodes", len(nodes))
    for i, node in enumerate(arg_nodes):
        if not nodes[node].is_variable:
            _bad(
                f"arg_nodes[{i}]: expected a variable, got node {node} "
                f"{nodes[node].name!r} of op {nodes[node].op}"
            )
    heads = [_entry(item, nodes, f"heads[{i}]") for i, item in enumerate(_list(fields["heads"], "heads"))]
    if not heads:
        _bad("heads: expected at least one output, got none")
    row_ptr = _row_ptr(fields["node_row_ptr"], len(nodes)) if "node_row_ptr" in fields else None
    return Document(nodes, arg_nodes, heads, row_ptr, _graph_attrs(fields.get("attrs", {})))


def _node(raw: Any, earlier: list[JsonNode]) -> JsonNode:
    fields = _fields(raw, _NODE_FIELDS)
    op, name = fields["op"], fields["name"]
    if type(op) is not str or type(name) is not str:
        _bad(f"expected strings as op and name, got {_show(op)} and {_show(name)}")
    attrs: dict[str, str] = {}
    for key in ("param", "attr", "attrs"):
        if key in fields:
            attrs.update(_strings(fields[key], key))
    inputs = [
        _entry(item, earlier, f"inputs[{i}]") for i, item in enumerate(_list(fields["inputs"], "inputs"))
    ]
    if inputs and op == VARIABLE:
        _bad(f"a variable (op null) reads nothing, got {len(inputs)} inputs")
    control = _ids(fields["control_deps"], "control_deps", len(earlier)) if "control_deps" in fields else []
    subgraphs = []
    for i, item in enumerate(_list(fields.get("subgraphs", []), "subgraphs")):
        try:
            subgraphs.append(_document(item))
        except _Bad as bad:
            raise bad.within(f"subgraphs[{i}]") from None
    return JsonNode(op, name, attrs, inputs, control, subgraphs)


def _strings(raw: Any, what: str) -> dict[str, str]:
    if type(raw) is not dict:
        _bad(f"{what}: expected an object, got {_show(raw)}")
    for key, value in raw.items():
        if type(value) is not str:
            _bad(f"{what}: expected a string for {key!r}, got {_show(value)}")
    strings: dict[str, str] = raw
    return strings


def _is_id(value: Any) -> bool:
    return type(value) is int and 0 <= value < 2**32


def _entry(raw: Any, nodes: list[JsonNode], what: str) -> Entry:
    if type(raw) is not list or len(raw) not in (2, 3) or not all(map(_is_id, raw)):
        _bad(
            f"{what}: expected [node id, output index] or [node id, output index, version], got {_show(raw)}"
        )
    node, index = raw[0], raw[1]
    if node >= len(nodes):
        _bad(f"{what}: expected the id of an earlier node, 0 to {len(nodes) - 1}, got {node}")
    if index and nodes[node].is_variable:
        _bad(f"{what}: the variable {nodes[node].name!r} has one output, got index {index}")
    return node, index, raw[2] if len(raw) == 3 else 0


def _row_ptr(raw: Any, count: int) -> list[int]:
    row_ptr = _list(raw, "node_row_ptr")
    if len(row_ptr) != count + 1:
        _bad(f"node_row_ptr: expected {count + 1} entries for {count} nodes, got {len(row_ptr)}")
    last = 0
    for i, value in enumerate(row_ptr):
        if type(value) is not int or value < last or (i == 0 and value != 0):
            bounds = f"an integer from {last} on" if i else "0"
            _bad(f"node_row_ptr[{i}]: expected {bounds}, got {_show(value)}")
        last = value
    return row_ptr


def _graph_attrs(raw: Any) -> dict[str, tuple[str, AttrValue]]:
    if type(raw) is not dict:
        _bad(f"attrs: expected an object, got {_show(raw)}")
    attrs: dict[str, tuple[str, AttrValue]] = {}
    for key, pair in raw.items():
        if type(pair) is not list or len(pair) != 2 or type(pair[0]) is not str:
            _bad(f'attrs: expected ["type", value] for {key!r}, got {_show(pair)}')
        kind, value = pair
        items = value if type(value) is list else [value]
        if not (all(type(item) is int for item in items) or all(type(item) is str for item in items)):
            _bad(
                f"attrs: expected an integer, a string or an array of one of them for {key!r}, "
                f"got {_show(value)}"
            )
        if key == "mxnet_version" and (kind != "int" or type(value) is not int or value < 0):
            _bad(f'attrs: expected ["int", number] for {key!r}, got {_show(pair)}')
        attrs[key] = (kind, value)
    return attrs


def dumps(document: Document) -> str:
    """The text of `document`, byte for byte as MXNet 1.9.1 lays it out.

    Raises
    ------
    FormatError
        Sub-graphs nested deeper than `loads` would read.

    Notes
    -----
    Two spaces of indent, items end with comma and space, arrays of more than ten numbers (or inputs, or
    heads) have one item a line, objects of one entry stand on one line. Unlike MXNet, keys are escaped as
    values are: there a quote in a key gives a file nobody can read.
    """
    parts: list[str] = []
    _write_document(document, 0, parts)
    return "".join(parts)


_ESCAPES = {ord('"'): '\\"', ord("\\"): "\\\\", ord("\n"): "\\n", ord("\t"): "\\t", ord("\r"): "\\r"}
_TO_ESCAPE = re.compile(r'["\\\n\t\r]')


def _quote(text: str) -> str:
    return f'"{text.translate(_ESCAPES)}"' if _TO_ESCAPE.search(text) else f'"{text}"'


def _lines(brackets: str, items: Iterable[str], depth: int) -> str:
    """The items, one a line, between two brackets at nesting `depth`."""
    pad = "\n" + "  " * (depth + 1)
    body = f", {pad}".join(items)
    return f"{brackets[0]}{pad}{body}\n{'  ' * depth}{brackets[1]}" if body else brackets


def _array(items: list[str], depth: int) -> str:
    return _lines("[]", items, depth) if len(items) > 10 else f"[{', '.join(items)}]"


def _map(items: Mapping[str, str], depth: int) -> str:
    """An object with its keys in the order of their UTF-8 bytes, which is that of their code points."""
    pairs = [f"{_quote(key)}: {items[key]}" for key in sorted(items)]
    return _lines("{}", pairs, depth) if len(pairs) > 1 else f"{{{''.join(pairs)}}}"


def _entries(entries: list[Entry], depth: int) -> str:
    return _array([f"[{node}, {index}, {version}]" for node, index, version in entries], depth)


def _numbers(values: list[int], depth: int) -> str:
    return _array(list(map(str, values)), depth)


def _write_document(document: Document, depth: int, parts: list[str]) -> None:
    if depth > MAX_DEPTH:
        raise FormatError(f"sub-graphs nest more than {MAX_DEPTH // 4} deep")
    pad = "  " * (depth + 1)
    parts.append(f'{{\n{pad}"nodes": [')
    for i, node in enumerate(document.nodes):
        parts.append(f"{', ' if i else ''}\n{pad}  ")
        _write_node(node, depth + 2, parts)
    parts.append(f"\n{pad}]" if document.nodes else "]")
    parts.append(f', \n{pad}"arg_nodes": {_numbers(document.arg_nodes, depth + 1)}')
    if document.node_row_ptr is not None:
        parts.append(f', \n{pad}"node_row_ptr": {_numbers(document.node_row_ptr, depth + 1)}')
    parts.append(f', \n{pad}"heads": {_entries(document.heads, depth + 1)}')
    if document.attrs:
        attrs = {
            key: f"[{_quote(kind)}, {_any(value, depth + 3)}]"
            for key, (kind, value) in document.attrs.items()
        }
        parts.append(f', \n{pad}"attrs": {_map(attrs, depth + 1)}')
    parts.append(f"\n{'  ' * depth}}}")


def _write_node(node: JsonNode, depth: int, parts: list[str]) -> None:
    pad = "  " * (depth + 1)
    parts.append(f'{{\n{pad}"op": {_quote(node.op)}, \n{pad}"name": {_quote(node.name)}')
    if node.attrs:
        parts.append(f', \n{pad}"attrs": {_map({k: _quote(v) for k, v in node.attrs.items()}, depth + 1)}')
    parts.append(f', \n{pad}"inputs": {_entries(node.inputs, depth + 1)}')
    if node.control_deps:
        parts.append(f', \n{pad}"control_deps": {_numbers(node.control_deps, depth + 1)}')
    if node.subgraphs:
        parts.append(f', \n{pad}"subgraphs": [')
        for i, subgraph in enumerate(node.subgraphs):
            parts.append(f"{', ' if i else ''}\n{pad}  ")
            _write_document(subgraph, depth + 2, parts)
        parts.append(f"\n{pad}]")
    parts.append(f"\n{'  ' * depth}}}")


def _any(value: AttrValue, depth: int) -> str:
    if isinstance(value, list):
        if value and isinstance(value[0], str):
            return _lines("[]", [_quote(str(item)) for item in value], depth)
        return _array([str(item) for item in value], depth)
    return _quote(value) if isinstance(value, str) else str(value)
