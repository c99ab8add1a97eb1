"""What a Module is told about its inputs, checked and completed: names, descriptions, gradient requests.

Pure functions of names and shapes; no arrays, no executors. Module calls them before it binds anything.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from ..arguments import shown
from ..context import Context
from ..io import DataDesc
from ..suggest import did_you_mean, nearest

_PARAM_ENDINGS = ("_weight", "_bias", "_gamma", "_beta")


def check_input_names(symbol: Any, names: Sequence[str], typename: str, throw: bool) -> None:
    """Raise ValueError (or only warn) if a name is no argument of the symbol, suggesting those that may be
    meant."""
    arguments = symbol.list_arguments()
    for name in names:
        if name in arguments:
            continue
        # A parameter is named only where it is what was meant (fixed_param_names): there may be hundreds.
        candidates = [argument for argument in arguments if not argument.endswith(_PARAM_ENDINGS)]
        message = (
            f"Module(..., {typename}_names={shown(list(names))}): the symbol has no argument named {name!r}; "
            f"did you mean one of: {', '.join(dict.fromkeys([*nearest(name, arguments), *candidates]))}"
        )
        if throw:
            raise ValueError(message)
        warnings.warn(message, stacklevel=3)


def as_descs(shapes: Iterable[Any] | None, what: str = "data_shapes") -> list[DataDesc]:
    """Descriptions from a list of DataDesc or (name, shape, ...) tuples.

    Raises
    ------
    TypeError
        `shapes`, which the message calls `what`, is something else.
    """
    if shapes is None:
        return []
    if isinstance(shapes, str | bytes | Mapping) or not isinstance(
        shapes, Iterable
    ):  # zip(names, shapes) is fine
        raise TypeError(f"{what} must be a list of DataDesc or (name, shape), got {shown(shapes)}")
    return [desc if isinstance(desc, DataDesc) else _as_desc(desc, what) for desc in shapes]


def _as_desc(desc: Any, what: str) -> DataDesc:
    if not isinstance(desc, list | tuple) or not 2 <= len(desc) <= 4 or not isinstance(desc[0], str):
        raise TypeError(f"{what} must be a list of DataDesc or (name, shape), it holds {shown(desc)}")
    made = DataDesc(*desc)
    if not all(isinstance(n, int | np.integer) for n in made.shape):
        raise TypeError(
            f"{what}: the shape of {made.name} must be a tuple of whole numbers, got {made.shape}"
        )
    return made


def check_batch(batch: Any) -> None:
    """Raise TypeError unless this is a batch: its data (and label) lists of arrays."""
    for what in ("data", "label"):
        arrays = getattr(batch, what, None) if what == "label" else getattr(batch, what, ())
        wrong = isinstance(batch, type) or (what == "data" and not hasattr(batch, what))
        if wrong or not (arrays is None or isinstance(arrays, list | tuple)):
            raise TypeError(f"data_batch must be a DataBatch, got {shown(batch)}")
        for array in arrays or ():
            if isinstance(array, type) or not hasattr(array, "shape"):
                raise TypeError(f"data_batch: {what} must be a list of NDArrays, it holds {shown(array)}")


def check_names_match(names: Sequence[str], shapes: Sequence[Any], name: str, throw: bool) -> None:
    """Raise ValueError (or only warn) if the inputs described are not those named."""
    if sorted(names) == sorted(desc[0] for desc in shapes):
        return
    message = (
        f"Data provided by {name}_shapes don't match names specified by {name}_names "
        f"({list(shapes)} vs. {list(names)})"
    )
    given = [desc[0] for desc in shapes]
    free = [n for n in given if n not in names]
    message += "".join(f"; {n!r} is missing{did_you_mean(n, free)}" for n in names if n not in given)
    if throw:
        raise ValueError(message)
    warnings.warn(message, stacklevel=4)


def parse_data_desc(
    data_names: Sequence[str],
    label_names: Sequence[str],
    data_shapes: Sequence[Any],
    label_shapes: Sequence[Any] | None,
) -> tuple[list[DataDesc], list[DataDesc] | None]:
    """Descriptions of data and labels (None without labels), their names checked against the module's.

    Raises
    ------
    ValueError
        Data names differ; differing label names only warn.
    """
    data, label = as_descs(data_shapes), as_descs(label_shapes, "label_shapes")
    check_names_match(data_names, data, "data", True)
    check_names_match(label_names, label, "label", False)
    return data, label or None


def check_labels_reach(
    arguments: Sequence[str], label_names: Sequence[str], label: Sequence[DataDesc] | None
) -> None:
    """Raise ValueError if a label goes nowhere while one the symbol has is not described.

    It would be trained on zeros: the usual cause is an iterator whose label has another name.
    """
    described = [desc.name for desc in label or ()]
    lost = [name for name in described if name not in arguments]
    missing = [name for name in label_names if name in arguments and name not in described]
    if lost and missing:
        raise ValueError(
            f"label_shapes describes {', '.join(lost)}, which is no argument of the symbol, but not its "
            f"label {', '.join(missing)}; give the iterator that label_name"
        )


def redescribed(descs: Sequence[DataDesc], shapes: Sequence[tuple[int, ...]]) -> list[DataDesc]:
    """The same inputs with other shapes."""
    return [
        DataDesc(desc.name, shape, desc.dtype, desc.layout)
        for desc, shape in zip(descs, shapes, strict=False)
    ]


def gradient_requests(
    arguments: Sequence[str], trained: set[str], grad_req: Any, for_training: bool
) -> dict[str, str]:
    """The gradient request of every argument, from a request for all `trained` ones, a list or a dict.

    Raises
    ------
    ValueError
        A list has the wrong length, or `grad_req` is none of these.
    """
    if not for_training:
        return dict.fromkeys(arguments, "null")
    if isinstance(grad_req, list | tuple):
        if len(grad_req) != len(arguments):
            raise ValueError(f"grad_req lists {len(grad_req)} requests for {len(arguments)} arguments")
        return dict(zip(arguments, grad_req, strict=True))
    if not isinstance(grad_req, str | Mapping):
        raise ValueError(f"grad_req must be a string, list or dict, got {grad_req!r}")
    default = grad_req if isinstance(grad_req, str) else "write"
    if isinstance(grad_req, Mapping):
        for name, request in grad_req.items():
            if not isinstance(request, str):
                raise ValueError(f"grad_req of {name!r} must be a string, got {shown(request)}")
    requests = {name: default if name in trained else "null" for name in arguments}
    if isinstance(grad_req, Mapping):
        requests.update(grad_req)
    return requests


def context_groups(group2ctxs: Any, count: int) -> list[dict[str, Context] | None]:
    """The context of each `ctx_group` attribute, for each of `count` executors.

    Parameters
    ----------
    group2ctxs : None, dict or list of dict
        A dict gives each group one context for all executors, or a list of one or of `count`; a list has a
        dict of group to context per executor.

    Raises
    ------
    ValueError
        A list has another length, or something is no context.
    """
    if group2ctxs is None:
        return [None] * count
    if isinstance(group2ctxs, Mapping):
        spread = {}
        for group, contexts in group2ctxs.items():
            if not isinstance(contexts, Context | list | tuple):
                raise ValueError(f"group2ctxs: {group!r} is mapped to {shown(contexts)}, which is no Context")
            listed = [contexts] if isinstance(contexts, Context) else list(contexts)
            spread[group] = listed * count if len(listed) == 1 else listed
            if len(spread[group]) != count:
                raise ValueError(f"group2ctxs[{group!r}] has {len(listed)} contexts, expected 1 or {count}")
        groups: list[Any] = [{g: contexts[i] for g, contexts in spread.items()} for i in range(count)]
    elif isinstance(group2ctxs, list | tuple):
        if len(group2ctxs) != count:
            raise ValueError(f"group2ctxs has {len(group2ctxs)} entries for {count} contexts")
        groups = list(group2ctxs)
    else:
        raise ValueError(
            "group2ctxs must be a dict of str to Context or list of Context, or a list of dict, got "
            f"{type(group2ctxs).__name__}"
        )
    for chosen in groups:
        if not (chosen is None or isinstance(chosen, Mapping)):
            raise ValueError(f"group2ctxs must list dicts of group to Context, it holds {shown(chosen)}")
        for group, context in (chosen or {}).items():
            if not isinstance(context, Context):
                raise ValueError(f"group2ctxs: {group!r} is mapped to {context!r}, which is no Context")
    return groups
