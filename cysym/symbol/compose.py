"""Making graph nodes from what a user writes: argument sorting, automatic names, automatic variables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from .. import attribute as _attribute
from .. import name as _name
from .._core import Node
from ..base import MXNetError
from ..callsite import caller
from ..formats.symbol_json import hide_attrs
from ..ops.schema import OpDef
from ..suggest import did_you_mean

Entry = tuple[Node, int]


def attr_text(value: Any) -> str:
    """What MXNet stores for a parameter: ``str()``, with element types by name and numbers as Python's, since
    ``(np.int64(1),)``, as NumPy 2 writes it, could not be read back."""
    if isinstance(value, type) and issubclass(value, (np.generic, int, float)):
        return np.dtype(value).name
    if isinstance(value, np.dtype):
        return value.name
    if isinstance(value, np.ndarray) and value.ndim:
        value = tuple(value)
    if isinstance(value, (tuple, list)):
        items = [v.item() if isinstance(v, np.generic) else v for v in value]
        value = items if isinstance(value, list) else tuple(items)
    return str(value)


def hint_of(function_name: str) -> str:
    """Naming hint of the function called."""
    for prefix in ("_contrib_", "_linalg_", "_sparse_", "_image_"):
        if function_name.startswith(prefix):
            function_name = function_name[len(prefix) :]
    return function_name.lower()


def refuse_deprecated(keys: Iterable[str], where: str) -> None:
    """Raise for an attribute such as ``weight_lr_mult``, which was meant for a variable of that ending."""
    for key in keys:
        for hidden in ("lr_mult", "wd_mult", "ctx_group", "force_mirroring", "mirror_stage"):
            if key.endswith("_" + hidden) and not key.startswith("__"):
                raise MXNetError(f"{key} is deprecated: set {hidden} on the variable, in {where}")


def carried(
    cls: type[OpDef], attrs: Mapping[str, str], params: Mapping[str, Any]
) -> Iterable[tuple[str, str]]:
    """The attributes an operator parses: of one without parameters only what stands in its call."""
    return attrs.items() if cls.params else ((k, v) for k, v in attrs.items() if k in params)


def make_node(
    cls: type[OpDef],
    function_name: str,
    tensors: Sequence[Entry | None],
    named: Mapping[str, Entry],
    params: Mapping[str, Any],
    name: str | None,
    attr: Mapping[str, str] | None,
    depth: int = 4,
) -> Node:
    """One operator node; inputs not given become variables named ``<node>_<input>``.

    `depth` is `callsite.caller`'s: by default that of what calls `_call`, which calls this.
    """
    given = {k: v if isinstance(v, str) else str(v) for k, v in _attribute.current().get(attr).items()}
    attrs = hide_attrs({**{k: attr_text(v) for k, v in params.items()}, **given})
    name = _name.current().get(name, hint_of(function_name))  # a call that fails from here on used it up
    strange = attrs.keys() - cls.params.keys() if attrs else None
    if strange:
        refuse_deprecated(sorted(strange), f"operator {cls.name}(name={name!r})")
    # an attribute beats the parameter of its name; an operator without parameters carries any, as in MXNet
    op = cls.make({k: v if k in given else params.get(k, v) for k, v in carried(cls, attrs, params)})
    names, aux = op.input_names(), op.aux_names()
    every = names + aux
    slots: dict[str, Entry] = dict(named)
    for position, entry in enumerate(tensors):
        if position >= len(every):
            if entry is None:  # the place of an input that the parameters have taken away
                continue
            raise TypeError(f"{function_name} takes {len(names)} tensor inputs, got {len(tensors)}")
        if entry is not None:
            key = every[position]
            if key in slots:
                raise TypeError(f"{function_name} got input {key!r} twice, by position and by name")
            slots[key] = entry
    if named and (wrong := [key for key in slots if key not in every]):
        raise MXNetError(
            f"Keyword argument name {', '.join(wrong)} not found{did_you_mean(wrong[0], every)}. Candidate "
            f"arguments: "
            f"{', '.join(every)}, in operator {cls.name}(name={name!r})"
        )
    for key in aux:
        if key in slots:
            _check_target(slots[key], key, f"{cls.name}(name={name!r})")
    inputs: list[Entry] = []
    versions: list[int] = []
    for key in every:
        entry = slots.get(key)
        if entry is None:
            if op.variadic:
                raise MXNetError(f"{function_name}(name={name!r}): input {key} is missing")
            entry = (Node(None, f"{name}_{key}", (), dict(attrs)), 0)
        node = entry[0]
        if key in aux:
            node.attrs.update(op.variable_attrs(key))
            node.mutations += 1
            versions.append(node.mutations)
        else:
            if node.op is None:
                extra = op.variable_attrs(key)
                if extra:
                    node.attrs.update(extra)
            versions.append(node.mutations if node.op is None else 0)
        inputs.append(entry)
    made = Node(op, name, inputs, attrs)
    made.where = caller(depth)
    if any(versions):
        made.versions = tuple(versions)
    return made


def _check_target(entry: Entry, key: str, where: str) -> None:
    if entry[0].op is not None:
        raise MXNetError(
            f"Mutation target can only be Variable: {key} is written to, got the output of {entry[0].name}, "
            f"in operator {where}"
        )


def copy_graph(
    heads: Sequence[Entry], replace: Mapping[Node, Entry], order: Sequence[Node], rename: Mapping[Node, str]
) -> list[Entry]:
    """A copy of the graph with some variables replaced by entries and some nodes renamed."""
    for node in order if replace else ():
        if node.op is not None:
            aux = node.op.aux_names()
            for key, (source, _) in zip(aux, node.inputs[len(node.inputs) - len(aux) :]):
                if source in replace:
                    _check_target(replace[source], key, f"{node.op.name}(name={node.name!r})")
    made: dict[Node, Entry | Node] = dict(replace)

    def entry_of(entry: Entry) -> Entry:
        new = made[entry[0]]
        return new if isinstance(new, tuple) else (new, entry[1])

    for node in order:
        if node not in made:
            copy = Node(
                node.op, rename.get(node, node.name), [entry_of(e) for e in node.inputs], dict(node.attrs)
            )
            copy.versions, copy.mutations, copy.where = node.versions, node.mutations, node.where
            made[node] = copy
    for node in order if replace else ():
        if node.op is not None and any(source in replace for source, _ in node.inputs):
            _count_again(made[node], node.op)  # type: ignore[arg-type]
    return [entry_of(e) for e in heads]


def _count_again(node: Node, op: OpDef) -> None:
    """Versions of the inputs of a node of which some were replaced: what it writes to counts once more."""
    first = len(op.input_names())
    versions = []
    for i, (source, _) in enumerate(node.inputs):
        if i >= first:
            source.mutations += 1
        versions.append(source.mutations if source.op is None else 0)
    node.versions = tuple(versions)
