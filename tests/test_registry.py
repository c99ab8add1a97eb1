"""The registry against MXNet 1.9.1's own (recorded/registry.json): names, aliases, inputs, defaults.

Every operator of MXNet's classic namespace is either here, with all its aliases, or named with a reason in
`cysym/ops/absent.py`.
"""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from typing import Any

import pytest

import cysym as mx
from cysym.ops.absent import why_absent
from cysym.ops.schema import REQUIRED, OpDef, all_ops

RECORD = json.loads((Path(__file__).parent / "recorded" / "registry.json").read_text())
OPS = all_ops()
HERE = [entry for entry in RECORD if entry["name"] in OPS]
UNSAID = object()
# The text of MXNet's registry is another operator's; its parser takes start, stop, num, endpoint.
MISTAKEN = ("_linspace",)
TENSOR = re.compile(r"NDArray|Symbol")


def text_default(described: str) -> Any:
    """The default in a description such as ``"int, optional, default='2'"``; REQUIRED where there is none."""
    if "required" in described:
        return REQUIRED
    found = re.search(r"default=(.*)$", described)
    if found is None:
        return UNSAID
    text = found.group(1).strip()
    if text in ("''", '""'):
        return ""
    text = text.strip("'")
    if text == "None":
        return None
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text
    return tuple(value) if isinstance(value, list) else value


def same(cls: type[OpDef], name: str, theirs: Any) -> bool:
    """Whether our default parses to what MXNet's text parses to."""
    ours = cls.params[name].default
    if theirs is UNSAID or (theirs is None and ours == ()):  # an empty shape is how MXNet prints none
        return True
    if theirs is REQUIRED or ours is REQUIRED:
        return theirs is ours
    if theirs is None or ours is None:
        return theirs is ours
    parsed = cls.params[name].parse(theirs)
    if isinstance(parsed, float):
        return parsed == pytest.approx(ours, rel=1e-6)
    return bool(parsed == ours)


def test_every_operator_is_here_or_named_as_absent() -> None:
    lost = [e["name"] for e in RECORD if e["name"] not in OPS and why_absent(e["name"]) is None]
    assert not lost, f"neither registered nor explained: {', '.join(lost)}"


def test_what_is_here_is_not_called_absent() -> None:
    both = [name for name in OPS if why_absent(name) and not name.startswith("_backward")]
    assert not both


@pytest.mark.parametrize("entry", HERE, ids=[e["name"] for e in HERE])
def test_operator_is_mxnets(entry: dict[str, Any]) -> None:
    cls = OPS[entry["name"]]
    missing = [alias for alias in entry["aliases"] if OPS.get(alias) is not cls]
    assert not missing, f"aliases missing: {missing}"
    tensors = [n for n, described in entry["arguments"] if TENSOR.match(described)]
    params = {n: d for n, d in entry["arguments"] if not TENSOR.match(d)}
    params.pop(cls.variadic, None)
    if entry["name"] == "Custom" or entry["name"] in MISTAKEN:
        return
    is_list = any(TENSOR.match(d) and d.endswith("[]") for _, d in entry["arguments"])
    assert bool(cls.variadic) == bool(entry["variadic"] or is_list)
    names = (*cls.inputs, *cls.aux)
    if not cls.variadic:
        depends = cls.input_names is not OpDef.input_names  # on parameters, as LeakyReLU's gamma does
        listed = [n for n in tensors if n in names] if depends else tensors
        assert [n for n in names if n in tensors] == listed, f"inputs are {names}, MXNet's {tensors}"
    ours = [n for n in cls.params if n != cls.variadic]
    assert set(ours) >= set(params), f"parameters missing: {set(params) - set(ours)}"
    assert set(ours) <= set(params) | {"name"}, f"parameters MXNet does not have: {set(ours) - set(params)}"
    order = [n for n in params if n in cls.params]
    assert [n for n in ours if n in params] == order, f"parameters by position are {ours}, MXNet's {order}"
    wrong = {n: (cls.params[n].default, d) for n, d in params.items() if not same(cls, n, text_default(d))}
    assert not wrong, f"defaults differ (ours, MXNet's): {wrong}"


@pytest.mark.parametrize("side", ["sym", "nd"])
def test_namespaces(side: str) -> None:
    module = getattr(mx, side)
    for space, prefix in (("linalg", "_linalg_"), ("contrib", "_contrib_"), ("random", "_random_")):
        for name in OPS:
            if name.startswith(prefix) and "pdf" not in name:
                assert hasattr(getattr(module, space), name[len(prefix) :]), f"{side}.{space}: {name}"


def test_absent_operators_say_why() -> None:
    with pytest.raises(AttributeError, match="object detection is not covered"):
        mx.sym.contrib.MultiBoxPrior  # noqa: B018
    with pytest.raises(AttributeError, match="sparse storage"):
        mx.nd.cast_storage  # noqa: B018
    assert not hasattr(mx.nd, "no_such_operator")
