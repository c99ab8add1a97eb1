"""Names old programs import: MXNet 1.9.1's inventory (`recorded/names.json`), walked name by name.

Each name is at the same path with parameters a call by position or keyword can rely on, or `cysym.absent`
says why not, in the error a program meets.
"""

from __future__ import annotations

import ast
import importlib
import importlib.util
import inspect
import json
import re
import subprocess
import sys
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest

import cysym as mx
from cysym.absent import MODULES, NAMES, AbsentError, why_absent
from cysym.ops.absent import why_absent as why_operator_absent

INVENTORY: dict[str, Any] = json.loads((Path(__file__).parent / "recorded" / "names.json").read_text())
PRESENT = [path for path in INVENTORY if why_absent(path) is None]
ABSENT = [path for path in INVENTORY if why_absent(path) is not None]

# Made from handles of MXNet's C interface; here by other functions only.
FROM_HANDLES = {"NDArray", "Symbol", "Executor", "CachedOp", "MXDataIter"}


# Nodes of gradients, fused ones and those of the NumPy namespace, all made by MXNet itself.
MADE_BY_MXNET = ("_np", "_backward", "backward_", "_sg_", "_FusedOp", "_contrib_backward")


def module_of(path: str) -> Any:
    return importlib.import_module(f"cysym.{path}" if path else "cysym")


def dotted(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def parameters(function: Any) -> list[inspect.Parameter] | None:
    try:
        return list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return None


def incompatible(wanted: list[str] | None, function: Any) -> str | None:
    """Why a call that MXNet's parameters allow would not be understood, None where it would.

    Where MXNet takes ``*args`` it hands them on, to parameters `recorded/registry.json` has.
    """
    have = parameters(function)
    if wanted is None or have is None or any(w.startswith("*") and w.strip("*") == "args" for w in wanted):
        return None
    text = f"MXNet ({', '.join(wanted)}), here ({', '.join(map(str, have))})"
    kinds = {p.kind for p in have}
    ordered = [p for p in have if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    named = {p.name: p for p in have if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}
    by_position, expected = True, set()
    for position, item in enumerate(wanted):
        name, optional, default = item.partition("=")
        if item.startswith("**"):
            if inspect.Parameter.VAR_KEYWORD not in kinds:
                return f"no **: {text}"
        elif item.startswith("*"):
            by_position = False
            if item != "*" and inspect.Parameter.VAR_POSITIONAL not in kinds:
                return f"no *: {text}"
        elif by_position and (position >= len(ordered) or name not in ("_", ordered[position].name)):
            return f"{name} is not parameter {position}: {text}"
        elif name not in named and name != "_":
            return f"no {name}: {text}"
        elif optional and named[name].default is inspect.Parameter.empty:
            return f"{name} is required: {text}"
        elif optional and default not in ("...", "None") and not same_default(named[name].default, default):
            return f"another default of {name}: {text}"
        else:
            expected.add(ordered[position].name if by_position else name)
    more = [p for p in have if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD) and p.name not in expected]
    required = [p.name for p in more if p.default is p.empty]
    return f"{', '.join(required)} required: {text}" if required else None


def same_default(ours: Any, default: str) -> bool:
    wanted = ast.literal_eval(default)
    if isinstance(wanted, list):
        wanted, ours = tuple(wanted), tuple(ours)
    return bool(ours == wanted)


def faults_of_class(path: str, name: str, record: dict[str, Any], cls: Any) -> list[str]:
    faults = []
    if name not in FROM_HANDLES:
        why = incompatible(record["class"], cls)
        faults += [f"{path}.{name}(): {why}"] if why else []
    for member, wanted in record["members"].items():
        where = dotted(path, f"{name}.{member}")
        found = getattr(cls, member, None)
        if found is None and not hasattr(cls, member):
            if why_absent(where) is None and member not in instance_names(cls):
                faults.append(f"{where} is missing")
        elif isinstance(wanted, list) and not member.startswith("__"):
            why = incompatible(wanted, found)
            faults += [f"{where}: {why}"] if why else []
    return faults


def instance_names(cls: Any) -> set[str]:
    """Attributes the source of a class sets on its instances."""
    found: set[str] = set()
    for base in cls.__mro__:
        found.update(getattr(base, "__annotations__", ()))
        found.update(getattr(base, "__slots__", ()))
        init = vars(base).get("__init__")
        found.update(getattr(getattr(init, "__code__", None), "co_names", ()))
    return found


def faults_of(path: str) -> list[str]:
    module, record, faults = module_of(path), INVENTORY[path], []
    for name, entry in record["names"].items():
        where = dotted(path, name)
        if reason_of(path, name) is not None:
            continue
        if not hasattr(module, name):
            faults.append(f"{where} is missing")
            continue
        found = getattr(module, name)
        if entry == "value":
            continue
        if "class" in entry:
            if isinstance(found, type):
                faults += faults_of_class(path, name, entry, found)
            else:
                faults.append(f"{where} is no class")
        else:
            why = incompatible(entry["function"], found)
            faults += [f"{where}: {why}"] if why else []
    return faults


def reason_of(path: str, name: str) -> str | None:
    """Why a name is left out, as a name of a module or as an operator."""
    kinds = ("contrib", "image", "linalg", "random")
    operator = "".join(f"_{k}_" for k in kinds if k in path.split(".")) + name
    return why_absent(dotted(path, name)) or why_operator_absent(operator)


@pytest.mark.parametrize("path", PRESENT, ids=lambda p: p or "mxnet")
def test_names_of_a_module(path: str) -> None:
    faults = faults_of(path)
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize("path", [p for p in PRESENT if "operators" in INVENTORY[p]])
def test_operators_of_a_module(path: str) -> None:
    """Every function MXNet generates is there, or the error for it says why not."""
    module, silent, lost = module_of(path), [], []
    for name in INVENTORY[path]["operators"].split():
        if hasattr(module, name) or name.startswith(MADE_BY_MXNET):
            continue
        reason = reason_of(path, name)
        if reason is None:
            lost.append(name)
        else:
            with pytest.raises(AttributeError) as raised:
                getattr(module, name)
            silent += [] if reason in str(raised.value) else [name]
    assert not lost
    assert not silent


@pytest.mark.parametrize(
    "path", [p for p in PRESENT if "modules" in INVENTORY[p]], ids=lambda p: p or "mxnet"
)
def test_modules_within_a_module(path: str) -> None:
    """Aliases give the module they stand for; what can be imported in MXNet by a statement can be here."""
    module = module_of(path)
    for name, target in INVENTORY[path]["modules"].items():
        if why_absent(dotted(path, name)) is None:
            found = getattr(module, name)
            assert inspect.ismodule(found), name
            assert found is module_of(target), f"{dotted(path, name)} is another module than {target}"
    for name in INVENTORY[path]["importable"]:
        if why_absent(dotted(path, name)) is None:
            assert module_of(dotted(path, name)) is getattr(module, name)


# --- what is absent -----------------------------------------------------------------------------------------
@pytest.mark.parametrize("path", ABSENT)
def test_import_of_an_absent_module(path: str) -> None:
    reason = why_absent(path)
    assert reason is not None
    with pytest.raises(ImportError) as raised:
        module_of(path)
    assert isinstance(raised.value, NotImplementedError)
    assert reason in str(raised.value)
    parent, _, name = path.rpartition(".")
    if why_absent(parent) is None:
        with pytest.raises(ImportError) as raised:
            exec(f"from {'.'.join(filter(None, ('cysym', parent)))} import {name}")
        assert reason in str(raised.value)
        module = module_of(parent)
        assert not hasattr(module, name)
        assert name not in dir(module)
        with pytest.raises(NotImplementedError, match=re.escape(reason)):
            getattr(module, name)


def test_every_absent_module_is_one_of_mxnet() -> None:
    """A pattern that names nothing in MXNet is a slip of the pen."""
    known = set(INVENTORY) | {dotted(p, m) for p in INVENTORY for m in INVENTORY[p].get("modules", ())}
    plumbing = {"libmxnet", "_ctypes", "_ffi"}
    stray = [p for p, _ in MODULES if not any(fnmatchcase(path, p) for path in known) and p not in plumbing]
    assert not stray


def test_every_absent_name_is_one_of_mxnet() -> None:
    known = set()
    for path in PRESENT:
        for name, entry in INVENTORY[path]["names"].items():
            known.add(dotted(path, name))
            if "members" in entry:
                known.update(dotted(path, f"{name}.{m}") for m in entry["members"])
    public = [p for p, _ in NAMES if not p.rpartition(".")[2].startswith("_")]
    stray = [p for p in public if not any(fnmatchcase(path, p) for path in known)]
    assert not stray


@pytest.mark.parametrize(
    ("path", "name"),
    [(p, n) for p in PRESENT for n in INVENTORY[p]["names"] if why_absent(dotted(p, n)) is not None],
)
def test_absent_name(path: str, name: str) -> None:
    reason = why_absent(dotted(path, name))
    assert reason is not None
    module = module_of(path)
    assert not hasattr(module, name)
    with pytest.raises(AbsentError, match=re.escape(reason)):
        getattr(module, name)
    with pytest.raises(ImportError, match=re.escape(reason)):
        exec(f"from cysym.{path} import {name}")


@pytest.mark.parametrize("thing", [mx.nd.zeros((1,)), mx.sym.var("a"), mx.operator.CustomOpProp()], ids=type)
def test_absent_member(thing: Any) -> None:
    name = "infer_storage_type" if isinstance(thing, mx.operator.CustomOpProp) else "handle"
    assert not hasattr(thing, name)
    with pytest.raises(NotImplementedError, match="left out"):
        getattr(thing, name)


def test_a_name_nobody_ever_had() -> None:
    with pytest.raises(AttributeError, match=r"^module 'cysym' has no attribute 'nonsense'$"):
        mx.nonsense  # noqa: B018
    with pytest.raises(AttributeError, match=r"^module 'cysym.base' has no attribute 'nonsense'$"):
        mx.base.nonsense  # noqa: B018
    with pytest.raises(ModuleNotFoundError, match=r"No module named 'cysym\.nonsense'"):
        importlib.import_module("cysym.nonsense")


def test_other_packages_are_imported_as_ever() -> None:
    """The package's finder answers for nobody else."""
    with pytest.raises(ModuleNotFoundError, match="No module named 'gluon'"):
        importlib.import_module("gluon")
    assert importlib.util.find_spec("cysymgluon") is None


# --- the package itself -------------------------------------------------------------------------------------
def test_dir_and_all() -> None:
    assert set(mx.__all__) <= set(dir(mx))
    for name in dir(mx):
        assert hasattr(mx, name), name


def test_training_is_imported_when_it_is_asked_for() -> None:
    script = (
        "import sys, cysym as mx;"
        "late = {'cysym.' + m for m in 'module optimizer metric io image test_utils visualization'.split()};"
        "assert not late & set(sys.modules);"
        "assert mx.mod.Module is sys.modules['cysym.module'].Module; assert mx.viz is mx.visualization;"
        "assert 'PIL' not in sys.modules and 'multiprocessing' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)


def test_versions() -> None:
    assert mx.mxnet_version == mx.libinfo.__version__ == "1.9.1"
    assert mx.__version__ == importlib.import_module("cysym.version").__version__
