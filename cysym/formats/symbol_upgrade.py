"""Bringing a symbol's document from the version that wrote it to 1.9.1, in MXNet's own steps.

It edits documents only; what an operator's inputs are called is asked of an `OpInfo`, which the registry of
operators answers, so this module imports no operator. The result goes to the Symbol facade, which parses
parameters.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from .symbol_json import HIDDEN_KEYS, MXNET_VERSION, VARIABLE, Document, Entry, JsonNode, hide_attrs

_LOG = logging.getLogger("cysym")


class OpInfo(Protocol):
    """What the upgrade has to know of operators."""

    def input_names(self, op: str, attrs: Mapping[str, str]) -> Sequence[str] | None:
        """Names of all inputs, auxiliary states last, for these parameters; None for an unknown operator."""
        ...

    def variable_attrs(self, op: str, attrs: Mapping[str, str], input_index: int) -> Mapping[str, str]:
        """What the operator writes into a variable at that input when composed: BatchNorm's ``__init__``."""
        ...


def upgrade(document: Document, op_info: OpInfo) -> Document:
    """A document as 1.9.1 would have written it; `document` itself stays as it is.

    A file of the current or a newer version (a warning says so) comes back unchanged. Older ones get hidden
    keys under their stored names (``lr_mult`` of an operator or variable becomes ``__lr_mult__``,
    ``weight_lr_mult`` of an operator moves to that variable); below 0.9.0 the inputs that files did not
    store, below 0.9.4 the attributes operators write into their variables, below 0.9.5 ``axis = -1`` of
    argmax and argmin meaning all axes.

    Notes
    -----
    Source: ``legacy_json_util.cc`` of MXNet 1.9.1; sub-graphs (new in 1.3) are left alone there too. A key
    like ``foo_lr_mult`` that names no input stays, for the operator's own parameters to refuse.
    """
    version = document.version
    if version > MXNET_VERSION:
        _LOG.warning(
            "loading symbol saved by MXNet version %d with lower version of MXNet v%d. "
            "May cause undefined behavior.",
            version,
            MXNET_VERSION,
        )
    if version >= MXNET_VERSION:
        return document
    text = f"v{version // 10000}.{version // 100 % 100}.{version % 100}"
    _LOG.info("Loading symbol saved by previous version %s. Attempting to upgrade...", text)
    nodes = [replace(node, attrs=dict(node.attrs), inputs=list(node.inputs)) for node in document.nodes]
    pending = _hide_keys(nodes, op_info, version)
    result = replace(document, nodes=nodes, attrs={**document.attrs, "mxnet_version": ("int", MXNET_VERSION)})
    if version < 900:
        result = _add_inputs(result, op_info, pending)
    if version < 904:
        _write_variable_attrs(result.nodes, op_info)
    if version < 905:
        for node in result.nodes:
            if node.op in ("argmax", "argmin") and node.attrs.get("axis") == "-1":
                del node.attrs["axis"]
    _LOG.info("Symbol successfully upgraded!")
    return result


def _hide_keys(nodes: list[JsonNode], op_info: OpInfo, version: int) -> dict[tuple[int, int], dict[str, str]]:
    """Rename hidden keys in place; returns those for inputs that exist only after `_add_inputs`."""
    pending: dict[tuple[int, int], dict[str, str]] = {}
    for i, node in enumerate(nodes):
        plain: dict[str, str] = {key: node.attrs.pop(key) for key in HIDDEN_KEYS if key in node.attrs}
        node.attrs.update(hide_attrs(plain))
        if node.is_variable:
            continue
        prefixed = [key for key in node.attrs if key.endswith(tuple(f"_{hidden}" for hidden in HIDDEN_KEYS))]
        if not prefixed:
            continue
        attrs = {key: value for key, value in node.attrs.items() if key not in prefixed}
        names = list(op_info.input_names(node.op, attrs) or ())
        for key in prefixed:
            hidden = next(hidden for hidden in HIDDEN_KEYS if key.endswith(f"_{hidden}"))
            name = key[: -len(hidden) - 1]
            if name not in names:
                continue
            index = names.index(name)
            if index < len(node.inputs):
                variable = nodes[node.inputs[index][0]]
                if variable.is_variable:
                    variable.attrs[f"__{hidden}__"] = node.attrs.pop(key)
            elif version < 900:
                pending.setdefault((i, index), {})[f"__{hidden}__"] = node.attrs.pop(key)
    return pending


def _add_inputs(
    document: Document, op_info: OpInfo, pending: dict[tuple[int, int], dict[str, str]]
) -> Document:
    """Give each operator its missing trailing inputs as variables, right before it; ids move accordingly."""
    nodes: list[JsonNode] = []
    moved: list[int] = []

    def follow(entry: Entry) -> Entry:
        return moved[entry[0]], entry[1], entry[2]

    for i, node in enumerate(document.nodes):
        node.inputs = [follow(entry) for entry in node.inputs]
        node.control_deps = [moved[dep] for dep in node.control_deps]
        names = () if node.is_variable else op_info.input_names(node.op, node.attrs) or ()
        for index in range(len(node.inputs), len(names)):
            name = f"{node.name}_{names[index]}" if node.name else names[index]
            node.inputs.append((len(nodes), 0, 0))
            nodes.append(JsonNode(VARIABLE, name, {**node.attrs, **pending.get((i, index), {})}))
        moved.append(len(nodes))
        nodes.append(node)
    if len(nodes) == len(document.nodes):
        return document
    variables = [i for i, node in enumerate(nodes) if node.is_variable]
    # How many outputs an operator hides is not known here: the writer makes the row pointer anew.
    return replace(
        document, nodes=nodes, arg_nodes=variables, heads=list(map(follow, document.heads)), node_row_ptr=None
    )


def _write_variable_attrs(nodes: list[JsonNode], op_info: OpInfo) -> None:
    for node in nodes:
        if node.is_variable:
            continue
        for index, (source, _, _) in enumerate(node.inputs):
            if nodes[source].is_variable:
                for key, value in op_info.variable_attrs(node.op, node.attrs, index).items():
                    nodes[source].attrs.setdefault(key, value)
