"""What a Module is told about its inputs, checked and completed: names, descriptions, gradient requests.

Pure functions of names and shapes; no arrays, no executors. Module calls them before it binds anything.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

from ..io import DataDesc

_PARAM_ENDINGS = ("_weight", "_bias", "_gamma", "_beta")


def check_input_names(arguments: Sequence[str], names: Sequence[str], kind: str, strict: bool) -> None:
    """Raise ValueError (or only warn) if a name is no argument of the symbol, suggesting those that may be
    meant."""
    for name in names:
        if name in arguments:
            continue
        candidates = [argument for argument in arguments if not argument.endswith(_PARAM_ENDINGS)]
        message = (
            f"Module(..., {kind}_names={list(names)}): the symbol has no argument named {name!r}; "
            f"did you mean one of: {', '.join(candidates)}"
        )
        if strict:
            raise ValueError(message)
        warnings.warn(message, stacklevel=3)


def as_descs(shapes: Sequence[Any] | None) -> list[DataDesc]:
    """Descriptions from a list of DataDesc or (name, shape, ...) tuples."""
    return [desc if isinstance(desc, DataDesc) else DataDesc(*desc) for desc in shapes or ()]


def described(
    data_names: Sequence[str],
    label_names: Sequence[str],
    data_shapes: Sequence[Any],
    label_shapes: Sequence[Any] | None,
) -> tuple[list[DataDesc], list[DataDesc] | None]:
    """Descriptions of data and labels, their names checked against the module's.

    Raises
    ------
    ValueError
        Data names differ; differing label names only warn.
    """
    data, label = as_descs(data_shapes), as_descs(label_shapes)
    for what, names, descs in (("data", data_names, data), ("label", label_names, label)):
        if sorted(names) != sorted(desc.name for desc in descs):
            message = (
                f"Data provided by {what}_shapes don't match names specified by {what}_names "
                f"({descs} vs. {list(names)})"
            )
            if what == "data":
                raise ValueError(message)
            warnings.warn(message, stacklevel=4)
    return data, label or None


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
    requests = {name: default if name in trained else "null" for name in arguments}
    if isinstance(grad_req, Mapping):
        requests.update(grad_req)
    return requests
