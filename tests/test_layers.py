"""The rooms of the library and which may know which: walks the imports and includes and holds the rules."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent / "cysym"

# room -> what its modules must not import at run time (prefixes inside the package)
FORBIDDEN = {
    "ops": (
        "_core",
        "_planner",
        "_opencl",
        "opencl",
        "ndarray",
        "symbol",
        "executor",
        "context",
        "passes",
        "module",
    ),
    "passes": (
        "ndarray",
        "symbol",
        "executor",
        "program",
        "context",
        "opencl",
        "_opencl",
        "module",
        "blueprint",
    ),
    "formats": ("_core", "ndarray", "symbol", "executor", "passes", "ops", "context"),
    "symbol": ("ndarray", "module", "program", "opencl", "_opencl"),
    "opencl": ("ndarray", "symbol", "executor", "module", "program"),
    "ndarray": ("executor", "module", "blueprint"),
}


PLAIN_DATA = {"passes.ir"}  # the vocabulary of `lower`: knows nothing itself


def run_time_imports(path: Path) -> list[tuple[int, str]]:
    """(line, module inside the package) of imports at module level, those for type checkers only left out."""
    found = []
    package = path.relative_to(ROOT).parent.parts

    def visit(body: list[ast.stmt]) -> None:
        for node in body:
            if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
                continue
            if isinstance(node, ast.ImportFrom) and node.level:
                base = package[: len(package) - node.level + 1]
                parts = [*base, *(node.module.split(".") if node.module else [])]
                names = [".".join(parts)] if node.module else [".".join([*parts, a.name]) for a in node.names]
                found.extend((node.lineno, n) for n in names)
            elif isinstance(node, (ast.If, ast.Try)):
                visit(node.body)

    visit(ast.parse(path.read_text()).body)
    return found


@pytest.mark.parametrize("room", FORBIDDEN)
def test_rooms_do_not_look_upwards(room: str) -> None:
    wrong = []
    files = list((ROOT / room).rglob("*.py"))
    assert files
    for path in files:
        for line, module in run_time_imports(path):
            if module.split(".")[0] in FORBIDDEN[room] and module not in PLAIN_DATA:
                wrong.append(f"{path.relative_to(ROOT)}:{line} imports {module}")
    assert not wrong, "\n".join(wrong)


def test_kernels_know_no_python() -> None:
    for path in [*(ROOT / "c_kernels").iterdir(), *(ROOT / "c_runtime").iterdir()]:
        if path.suffix in (".c", ".h", ".inc"):
            assert not re.search(r"#include\s*[<\"]Python\.h", path.read_text()), path


def test_every_kernel_stands_on_both_shelves() -> None:
    """A kernel an operator may call exists for the CPU and for OpenCL under one name."""
    cpu, gpu = set(), set()
    for path in (ROOT / "c_kernels").glob("*.c"):
        cpu.update(re.findall(r"^CS_KERNEL\((\w+)\)", path.read_text(), re.M))
    for path in (ROOT / "cl_kernels").glob("*.cl"):
        gpu.update(re.findall(r"__kernel void (\w+)\(", path.read_text()))
    generated = {"ew"}  # made from the expression on OpenCL
    assert cpu - gpu - generated == set()
    assert gpu - cpu == set()


def test_one_stem_four_shelves() -> None:
    """A kernel file's stem is an operator file's (a long family may keep its gradients in a file beside it),
    but for data movement, which no operator names."""
    stems = {p.stem for p in (ROOT / "ops").glob("*.py")}
    for shelf in ("c_kernels/*.c", "cl_kernels/*.cl"):
        for path in ROOT.glob(shelf):
            assert path.stem.removesuffix("_grad") in stems | {"copy", "preamble"}, path
