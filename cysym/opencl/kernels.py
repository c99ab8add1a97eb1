"""The table of OpenCL kernels: what the .cl files declare, read from their text.

Every ``__kernel void NAME(`` in a .cl file of `cl_kernels` (or of a folder added for tests) is a kernel; its
parameter macros and its ``//! grid`` line say how to launch it. Only text is handled here: `programs` builds
it, `segment` launches it.
"""

from __future__ import annotations

import ast
import os
import re
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from ..base import DeviceError

LOCAL = 64  # work-group size of a kernel that asks for none: few distinct sizes, since PoCL compiles for each
MAX_LOCAL = 256
_KERNEL = re.compile(r"__kernel\s+(?:__attribute__\s*\(\(\w+\([^)]*\)\)\)\s*)?void\s+(\w+)\s*\(")
_PARAM = re.compile(r"\b(OUT_T|IN_T|OUT|IN|INTS|INT|FLOAT|ITEMS)\b(?:\s*\(([^()]*)\))?")
_DTYPES = re.compile(r"^//! dtypes:(.*)$", re.M)
_GRID = re.compile(r"^\s*//! grid (\w+):(.*)$", re.M)
_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.S)
_INCLUDE = re.compile(r'^#include "(\w+\.inc)"$', re.M)
_ORDER = {"OUT": 0, "IN": 0, "OUT_T": 0, "IN_T": 0, "INT": 1, "INTS": 1, "FLOAT": 2, "ITEMS": 3}


@dataclass(frozen=True)
class Kernel:
    """One kernel as its file declares it.

    ``ints`` are the names of the integer parameters, None when the kernel takes them all as one array (INTS).
    ``grid`` is the expression of the global size, an empty string meaning one work-item per item.
    ``has_double``: the file names the type, so that one looking at no element type may compute in it.
    """

    name: str
    file: str
    text: str
    dtypes: tuple[str, ...]
    pointers: int
    ints: tuple[str, ...] | None
    floats: int
    grid: str
    local: int
    has_double: bool

    def global_size(self, items: int, ints: list[int]) -> int:
        """Work-items to launch, a multiple of the local size and at least one group."""
        size = items
        if self.grid:
            names = {"items": items, **dict(zip(self.ints or (), ints, strict=False))}
            size = _evaluate(
                ast.parse(self.grid, mode="eval").body, names, f"{self.file}: grid of {self.name}"
            )
        return max((size + self.local - 1) // self.local, 1) * self.local

    def dtype_for(self, dtype: str) -> str | None:
        """Element type to build the file for, None when it has no version for `dtype`."""
        if dtype in self.dtypes:
            return dtype
        return "any" if "any" in self.dtypes else None


class Table:
    """All kernels of some folders, by name. A folder is read once, when it is added.

    Raises
    ------
    DeviceError
        A file lacks its ``//! dtypes`` line, declares a parameter list or grid that is no such thing, or two
        files hold a kernel of one name.
    """

    def __init__(self) -> None:
        self.kernels: dict[str, Kernel] = {}
        self.preamble = ""

    def add_package(self) -> None:
        """Add the kernels that come with the package."""
        for entry in sorted(files("cysym").joinpath("cl_kernels").iterdir(), key=lambda e: e.name):
            if entry.name == "preamble.cl":
                self.preamble = entry.read_text(encoding="utf-8")
            elif entry.name.endswith(".cl"):
                self._add(entry.name, _INCLUDE.sub(_included, entry.read_text(encoding="utf-8")))

    def add_folder(self, folder: str | os.PathLike[str]) -> None:
        """Add the .cl files of another folder (tests, experiments)."""
        for path in sorted(Path(folder).glob("*.cl")):
            self._add(path.name, path.read_text(encoding="utf-8"))

    def _add(self, file: str, text: str) -> None:
        for kernel in scan(file, text):
            there = self.kernels.get(kernel.name)
            if there is not None and (there.file, there.text) != (file, text):
                raise DeviceError(f"OpenCL kernel {kernel.name} is in {there.file} and in {file}")
            self.kernels[kernel.name] = kernel


def _included(match: re.Match[str]) -> str:
    """Text that a .cl file shares with the CPU's kernels: an .inc file of `c_kernels`."""
    return files("cysym").joinpath("c_kernels", match.group(1)).read_text(encoding="utf-8")


def scan(file: str, text: str) -> list[Kernel]:
    """Kernels declared in the text of one .cl file.

    >>> head = "//! dtypes: f32\\n//! grid f: items * n, local 32\\n"
    >>> k = scan("f.cl", head + "__kernel void f(OUT(y), INT(n), ITEMS) {}")
    >>> k[0].ints, k[0].local, k[0].global_size(3, [10])
    (('n',), 32, 32)
    """
    dtypes = _DTYPES.search(text)
    grids = dict(_GRID.findall(text))
    code = _COMMENT.sub(" ", text)
    kernels = []
    for match in _KERNEL.finditer(code):
        name = match.group(1)
        if dtypes is None:
            raise DeviceError(f"{file}: no '//! dtypes:' line")
        pointers, ints, floats = _parameters(file, name, code[match.end() : code.find("{", match.end())])
        grid, local = _grid(file, name, grids.pop(name, ""), ints)
        kernels.append(
            Kernel(
                name,
                file,
                text,
                tuple(dtypes.group(1).split()),
                pointers,
                ints,
                floats,
                grid,
                local,
                re.search(r"\bdouble\b", code) is not None,
            )
        )
    if grids:
        raise DeviceError(f"{file}: a '//! grid' line for {', '.join(grids)}, but no such kernel")
    return kernels


def _parameters(file: str, name: str, text: str) -> tuple[int, tuple[str, ...] | None, int]:
    """(pointers, names of ints or None for an array of them, floats) of a parameter list."""
    found = _PARAM.findall(text)
    kinds = [kind for kind, _ in found]
    ranks = [_ORDER[kind] for kind in kinds]
    # What is left when the macros are gone must be punctuation, or a parameter was written by hand.
    rest = re.sub(r"[\s,()]", "", _PARAM.sub("", text))
    if rest or ranks != sorted(ranks) or kinds.count("ITEMS") != 1 or kinds.count("INTS") > 1:
        raise DeviceError(
            f"{file}: kernel {name} must take OUT/IN pointers, then INT or INTS, then FLOAT, then ITEMS"
        )
    if "INTS" in kinds and "INT" in kinds:
        raise DeviceError(f"{file}: kernel {name} mixes INT and INTS")
    ints = None if "INTS" in kinds else tuple(arg.strip() for kind, arg in found if kind == "INT")
    return ranks.count(0), ints, kinds.count("FLOAT")


def _grid(file: str, name: str, text: str, ints: tuple[str, ...] | None) -> tuple[str, int]:
    """(expression, local size) of a ``//! grid`` line."""
    expression, local = text.strip(), LOCAL
    if "," in expression:
        expression, _, last = (part.strip() for part in expression.partition(","))
        match = re.fullmatch(r"local\s+(\d+)", last)
        local = int(match.group(1)) if match else 0
    if not 1 <= local <= MAX_LOCAL:
        raise DeviceError(
            f"{file}: grid of {name}: expected 'local' and a number from 1 to {MAX_LOCAL}: {text!r}"
        )
    if expression:
        try:
            tree = ast.parse(expression, mode="eval").body
        except SyntaxError as error:
            raise DeviceError(f"{file}: grid of {name}: {error.msg} in {expression!r}") from None
        _evaluate(tree, dict.fromkeys((*(ints or ()), "items"), 1), f"{file}: grid of {name}")
    return expression, local


def _evaluate(tree: ast.expr, names: dict[str, int], where: str) -> int:
    """Value of an expression of names, whole numbers, ``*``, ``+`` and ``/`` (cut, as in C)."""
    match tree:
        case ast.Constant(value=int(value)):
            return value
        case ast.Name(id=name) if name in names:
            return names[name]
        case ast.BinOp(left, ast.Mult() | ast.Add() | ast.Div() | ast.FloorDiv() as op, right):
            a, b = _evaluate(left, names, where), _evaluate(right, names, where)
            return a * b if isinstance(op, ast.Mult) else a + b if isinstance(op, ast.Add) else a // b
    known = ", ".join(names)
    raise DeviceError(f"{where}: {ast.unparse(tree)!r} is not made of numbers, *, +, / and {known}")
