"""Asks MXNet 1.9.1 for the public names of its modules; writes `names.json`.

A name is recorded where it is defined, where a package exports it and where ``__all__`` names it, not where a
module happens to import a helper; functions and classes come with parameter names and plain defaults, classes
with their public members. Gluon, ONNX and the NumPy namespaces are recorded by module name alone.

MXNET_SUBGRAPH_BACKEND=NONE python record_names.py
"""

import ast
import importlib
import inspect
import json
import pkgutil
import re
import sys
from pathlib import Path
from types import ModuleType

HERE = Path(__file__).resolve().parent
BY_NAME = ("gluon", "onnx", "numpy", "_numpy")  # parts of a module path whose contents nobody asks for
OPERATORS = re.compile(r"mxnet(\.contrib)?\.(ndarray|symbol)(?!\.register)")  # modules that are made of them
SKIPPED = ("cython", "libmxnet", "symbol.numpy", "symbol._internal_numpy")
PLUMBING = ("_ctypes", "_cy2", "_cy3", "_ffi", "_api_internal", "_global_var")
SPECIAL = (
    "__call__",
    "__getitem__",
    "__setitem__",
    "__len__",
    "__iter__",
    "__next__",
    "__enter__",
    "__exit__",
)


def modules(root):
    """Dotted names below the package, and whether their contents are asked for."""
    found = {"": True}
    for info in pkgutil.walk_packages(root.__path__, "mxnet.", onerror=lambda name: None):
        path = info.name[len("mxnet.") :]
        parts = path.split(".")
        if any(p in PLUMBING or p.startswith("gen_") for p in parts) or path.startswith(SKIPPED):
            continue
        found[path] = not any(p.startswith(BY_NAME) for p in parts)
    return found


def bindings(module):
    """Names a module's source defines, and names it imports."""
    try:
        tree = ast.parse(inspect.getsource(module))
    except (OSError, TypeError):
        return set(), set()
    own, imported = set(), set()
    todo = list(tree.body)
    while todo:
        node = todo.pop()
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            own.add(node.name)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            imported.update((a.asname or a.name).split(".")[0] for a in node.names)
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            own.update(n.id for t in targets for n in ast.walk(t) if isinstance(n, ast.Name))
        elif isinstance(node, (ast.If, ast.Try, ast.With)):
            todo += [n for n in ast.iter_child_nodes(node) if isinstance(n, (ast.stmt, ast.ExceptHandler))]
        elif isinstance(node, ast.ExceptHandler):
            todo += node.body
    return own, imported


def plain_default(value):
    """A default as source text where that is exact, else "..."."""
    if type(value).__name__ == "_NullType":
        return "None"
    if value is None or isinstance(value, (bool, int, float, str)):
        return repr(value)
    if isinstance(value, (tuple, list)) and all(isinstance(v, (bool, int, float, str)) for v in value):
        return repr(value)
    return "..."


def parameters(function):
    """["name", "other=1", "*args", "**kwargs"], or None for what has no signature."""
    try:
        listed = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return None
    texts = []
    for p in listed:
        stars = {p.VAR_POSITIONAL: "*", p.VAR_KEYWORD: "**"}.get(p.kind, "")
        default = "" if p.default is p.empty else "=" + plain_default(p.default)
        if p.kind == p.KEYWORD_ONLY and "*" not in [t[:1] for t in texts]:
            texts.append("*")
        texts.append(stars + p.name + default)
    return texts


def members(cls):
    """Public members of a class and of its bases in MXNet."""
    found = {}
    for base in cls.__mro__:
        if not base.__module__.startswith("mxnet"):
            continue
        for name, value in vars(base).items():
            if (name.startswith("_") and name not in SPECIAL) or name in found:
                continue
            if isinstance(value, (staticmethod, classmethod)):
                found[name] = parameters(getattr(cls, name))
            elif callable(value) and not inspect.isclass(value):
                found[name] = parameters(value)
            else:
                found[name] = "property" if hasattr(value, "__get__") else "value"
    return {name: found[name] for name in sorted(found)}


def is_generated(value):
    """Whether this is an operator's function, whose parameters `registry.json` holds."""
    code = getattr(value, "__code__", None)
    return code is not None and not code.co_filename.endswith(".py")


def entry(value):
    """What is recorded of one name."""
    if inspect.isclass(value):
        if not value.__module__.startswith("mxnet"):
            return "value"
        return {"class": parameters(value), "members": members(value)}
    if callable(value):
        return {"function": parameters(value)}
    return "value"


def contents(module):
    """{"names": {name: entry}, "operators": "a b c", "modules": {name: target}} of one module."""
    own, imported = bindings(module)
    exported = set(getattr(module, "__all__", ()))
    names, operators, inner = {}, [], {}
    for name in sorted(vars(module)):
        value = vars(module)[name]
        if isinstance(value, ModuleType):
            within = hasattr(module, "__path__") and value.__name__.startswith(module.__name__ + ".")
            if within and not name.startswith("_"):
                inner[name] = value.__name__[len("mxnet.") :]
        elif is_generated(value):
            if OPERATORS.match(module.__name__):
                operators.append(name)
        elif name.startswith("_") or value is None:  # None: an optional package that is not installed
            continue
        elif name in own or name in exported:
            names[name] = entry(value)
        elif getattr(value, "__module__", None) is None or not value.__module__.startswith("mxnet"):
            continue
        elif hasattr(module, "__path__") or name not in imported:
            names[name] = entry(value)
    record = {"names": names}
    if operators:
        record["operators"] = " ".join(operators)
    if inner:
        record["modules"] = inner
        record["importable"] = [n for n in inner if importable(module.__name__ + "." + n)]
    return record


def importable(path):
    """Whether ``import path`` works."""
    try:
        importlib.import_module(path)
    except ImportError:
        return False
    return path in sys.modules


def main():
    """One line a module."""
    root = importlib.import_module("mxnet")
    if root.__version__ != "1.9.1":
        raise SystemExit("the recorded truth is MXNet 1.9.1's, this is " + root.__version__)
    lines = []
    for path, asked in sorted(modules(root).items()):
        record = {}
        if asked:
            try:
                record = contents(importlib.import_module("mxnet." + path if path else "mxnet"))
            except Exception as error:  # needs something MXNet itself does not install
                print("left out", path, type(error).__name__, error)
                continue
        lines.append(json.dumps(path) + ": " + json.dumps(record))
    (HERE / "names.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")
    print("recorded", len(lines), "modules")


if __name__ == "__main__":
    main()
