"""Elementwise groups: the numbered expressions of c_kernels/*.inc and lists of instructions made of them.

The three tables are read here as text, once, at import; an expression's opcode is its place when they are
read in the order unary, binary, scalar, which is how c_kernels/elementwise.c counts. A group is what one
``ew`` call computes: operators make groups of one or a few instructions, `passes.fuse` joins them,
`passes.ew_opencl` writes source for them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar

from ..base import MXNetError
from . import expr

MAX_INSTRS: Final = 32
MAX_POINTERS: Final = 12
SLOTS: Final = {"unary": "xyg", "binary": "abyg", "scalar": "xyg"}
T = TypeVar("T")
_SOURCES: Final = 4  # operands an instruction of the interpreter has room for


class Form:
    """One expression: forward of a row, or a gradient of it."""

    __slots__ = ("cost", "name", "opcode", "reads", "scalars", "slots", "text")

    def __init__(self, opcode: int, name: str, text: str, slots: str) -> None:
        self.opcode, self.name, self.text, self.slots = opcode, name, text, slots
        names = set(re.findall(r"\b[a-z]\b", text))
        self.reads = "".join(v for v in slots if v in names)  # variables read, in the order of slots
        self.scalars = 2 if "t" in names else int("s" in names)
        self.cost = expr.cost(text)

    def __repr__(self) -> str:
        return f"{self.name}: {self.text}"


class Row(NamedTuple):
    """One line of a table. ``is_part``: it is no operator of its own."""

    kind: str
    name: str
    aliases: tuple[str, ...]
    broadcast: tuple[str, ...]
    doc: str
    forward: Form
    gradients: tuple[Form, ...]
    is_part: bool


_ROW = re.compile(
    r"(?:/\*((?:(?!\*/).)*)\*/\s*)?^CS_(UNARY|BINARY|SCALAR)\((.*?)\)$(?=\s*(?:/\*|CS_|\Z))", re.M | re.S
)
_SPLIT = re.compile(r'"([^"]*)"|([(),])|([^"(),]+)')


def _columns(text: str) -> list[str]:
    """Arguments of a row: split at commas outside parentheses."""
    columns, depth, now = [], 0, ""
    for string, mark, other in _SPLIT.findall(text):
        if mark == "," and depth == 0:
            columns.append(now)
            now = ""
            continue
        depth += (mark == "(") - (mark == ")")
        now += string or mark or other
    return [" ".join(c.split()) for c in (*columns, now)]


def read_tables(texts: Sequence[tuple[str, str]]) -> list[Row]:
    """Rows of ``(kind, text of the .inc file)`` pairs, expressions numbered through.

    Raises
    ------
    ValueError
        A row has the wrong number of columns, or a name twice.
    """
    rows: list[Row] = []
    opcode = 0
    for kind, text in texts:
        n_names, suffixes = (3, ("", "_ga", "_gb")) if kind == "binary" else (2, ("", "_gx"))
        for doc, macro, inside in _ROW.findall(text):
            columns = _columns(inside)
            if macro.lower() != kind or len(columns) != n_names + len(suffixes):
                raise ValueError(f"{kind}.inc: CS_{macro}({inside}) has {len(columns)} columns")
            name, names = columns[0], columns[1].split()
            forms = [
                Form(opcode + i, name + suffix, columns[n_names + i], SLOTS[kind])
                for i, suffix in enumerate(suffixes)
            ]
            opcode += len(forms)
            is_part = names == ["-"]
            aliases = () if is_part else tuple(names)
            broadcast = tuple(columns[2].split()) if kind == "binary" else ()
            if "grammar" in doc or "CS_" in doc:  # the head of a file stands right above its first row
                doc = ""
            rows.append(
                Row(
                    kind, name, aliases, broadcast, " ".join(doc.split()), forms[0], tuple(forms[1:]), is_part
                )
            )
    names_seen = [r.name for r in rows]
    twice = {n for n in names_seen if names_seen.count(n) > 1}
    if twice:
        raise ValueError(f"rows named twice: {', '.join(sorted(twice))}")
    return rows


def _package_tables() -> list[tuple[str, str]]:
    folder = Path(__file__).parent.parent / "c_kernels"
    return [(kind, (folder / f"{kind}.inc").read_text(encoding="utf-8")) for kind in SLOTS]


ROWS: Final = {row.name: row for row in read_tables(_package_tables())}


class Instr(NamedTuple):
    """``form`` applied to values; `at` is the group's scalar its ``s`` is, ``t`` being the next."""

    form: Form
    srcs: tuple[int, ...]  # one value for each variable of form.reads
    at: int = 0


@dataclass(frozen=True, slots=True)
class EwGroup:
    """What one ``ew`` call computes, in single-assignment form.

    Value i < n_in is input i of the call; value n_in + k is the result of instruction k. ``outs`` are the
    values the call's outputs hold."""

    n_in: int
    instrs: tuple[Instr, ...]
    outs: tuple[int, ...]
    n_floats: int = 0
    _found: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)

    def once(self, function: Callable[[EwGroup], T]) -> T:
        """Value of a function of this group, computed once: a few groups stand behind most calls."""
        name = function.__name__
        if name not in self._found:
            self._found[name] = function(self)
        value: T = self._found[name]
        return value

    @property
    def cost(self) -> float:
        """Nanoseconds per element on one core, memory traffic included."""
        return self.once(EwGroup._cost)

    def _cost(self) -> float:
        return sum(i.form.cost for i in self.instrs) + 0.1 * (self.n_in + len(self.outs))

    def pairs(self) -> list[tuple[int, int]]:
        """(input, output) positions that may share memory: the input is not read after the output is
        written."""
        return self.once(EwGroup._pairs)

    def _pairs(self) -> list[tuple[int, int]]:
        last = [-1] * self.n_in
        for k, instr in enumerate(self.instrs):
            for v in instr.srcs:
                if v < self.n_in:
                    last[v] = k
        return [(i, o) for o, v in enumerate(self.outs) for i in range(self.n_in) if last[i] <= v - self.n_in]

    def code(self) -> list[int]:
        """Instructions as the interpreter reads them: opcode, dst, sources, first scalar; tiles are
        reused."""
        return self.once(EwGroup._encode)

    def _encode(self) -> list[int]:
        n_out, n_in = len(self.outs), self.n_in
        last: dict[int, int] = {}
        for k, instr in enumerate(self.instrs):
            for v in instr.srcs:
                last[v] = k
        place = {v: n_out + v for v in range(n_in)}
        place.update({v: o for o, v in enumerate(self.outs)})
        free: list[int] = []
        n_tiles = 0
        code: list[int] = []
        for k, instr in enumerate(self.instrs):
            srcs = [place[v] for v in instr.srcs]
            for v in dict.fromkeys(instr.srcs):
                if last[v] == k and place[v] >= n_out + n_in:
                    free.append(place[v])
            v = n_in + k
            if v not in place:
                if not free:
                    free.append(n_out + n_in + n_tiles)
                    n_tiles += 1
                place[v] = free.pop()
            operands = [0] * _SOURCES
            for slot, src in zip(instr.form.reads, srcs, strict=True):
                operands[instr.form.slots.index(slot)] = src
            code += [instr.form.opcode, place[v], *operands, instr.at]
        return code


@cache
def group_of(forms: tuple[Form, ...]) -> tuple[EwGroup, str]:
    """A group computing each form from shared operands, and the variables that are its inputs, in order."""
    variables = "".join(dict.fromkeys("".join(f.reads for f in forms)))
    n = len(variables)
    instrs = tuple(Instr(f, tuple(variables.index(v) for v in f.reads)) for f in forms)
    scalars = max(f.scalars for f in forms)
    return EwGroup(n, instrs, tuple(range(n, n + len(forms))), scalars), variables


@cache
def sum_group(n: int) -> EwGroup:
    """((in0 + in1) + in2) + ..."""
    add = ROWS["elemwise_add"].forward
    instrs = [Instr(add, (0, 1))] + [Instr(add, (n + k - 2, k)) for k in range(2, n)]
    return EwGroup(n, tuple(instrs), (n + len(instrs) - 1,))


# --- any expression as a group ------------------------------------------------------------------------------
@cache
def _primitives() -> dict[tuple[str, str], tuple[Form, tuple[str, ...]]]:
    """Rows that are one operation on plain variables: (operation, "v" or "c" per operand) -> (form,
    variables)."""
    found: dict[tuple[str, str], tuple[Form, tuple[str, ...]]] = {}
    for row in ROWS.values():
        tree = expr.parse(row.forward.text)
        names = tuple(t[0] for t in tree[1:] if isinstance(t, tuple) and len(t) == 1)
        if len(names) == len(tree) - 1 and len(set(names)) == len(names) and tree[0] != "K":
            found.setdefault(
                (tree[0], "".join("c" if n in "st" else "v" for n in names)), (row.forward, names)
            )
    for pattern in ("vv", "vc", "cv"):
        found["/", pattern] = found["DIV", pattern]
    found["&", "vv"] = (
        ROWS["_logical_and"].forward,
        ("a", "b"),
    )  # operands of & and | are comparisons: 0 or 1
    found["|", "vv"] = (ROWS["_logical_or"].forward, ("a", "b"))
    found["SEL", "vvv"] = (ROWS["select"].forward, ("g", "a", "b"))
    found["K", ""] = (ROWS["fill"].forward, ())
    return found


@cache
def function_rule(name: str) -> tuple[expr.Tree, ...]:
    """Derivatives of a function by its arguments a, b: the gradient column of the row that is this
    function."""
    for row in ROWS.values():
        tree = expr.parse(row.forward.text)
        slots = row.forward.slots[: len(row.gradients)]
        if row.kind != "scalar" and tree == (name, *((v,) for v in slots)):
            values: dict[str, expr.Tree] = dict(zip(slots, (("a",), ("b",)), strict=False)) | {"g": ("K", 1)}
            return tuple(expr.replace(expr.parse(f.text), values) for f in row.gradients)
    raise MXNetError(f"the derivative of {name} is not known")


def compile_tree(
    tree: expr.Tree, variables: str, scalars: Mapping[str, Any] | None = None
) -> tuple[EwGroup, list[Any]]:
    """A group computing any expression of `variables` (its inputs in order), and the scalars it needs.

    `scalars` are the values of s and t: numbers, or what stands for a number that changes from run to run.

    Raises
    ------
    MXNetError
        An operation no row of the tables stands for.
    """
    instrs: list[Instr] = []
    floats: list[Any] = []
    done: dict[expr.Tree, int] = {}
    given = scalars or {}

    def value(t: expr.Tree) -> int:
        if t[0] in variables:
            return variables.index(t[0])
        if t not in done:
            done[t] = operation(t)
        return done[t]

    def constant(t: expr.Tree) -> Any:
        return float(t[1]) if t[0] == "K" else given[t[0]]

    def operation(t: expr.Tree) -> int:
        head, args = t[0], t[1:]
        if head == "ISNAN":
            head, args = "!=", args * 2
        table = _primitives()
        srcs: dict[int, int] = {}
        if head == "K" or head in given:
            constants, head, pattern = [constant(t)], "K", ""
        else:
            pattern = "".join("c" if a[0] == "K" or a[0] in given else "v" for a in args)
            if pattern.count("c") != 1 or (head, pattern) not in table:
                pattern = "v" * len(args)
            srcs = {i: value(a) for i, (a, p) in enumerate(zip(args, pattern, strict=True)) if p == "v"}
            constants = [constant(a) for a, p in zip(args, pattern, strict=True) if p == "c"]
        if (head, pattern) not in table:
            raise MXNetError(f"no row of the elementwise tables stands for {head} of {len(args)}")
        form, names = table[head, pattern]
        by_name = {names[i]: v for i, v in srcs.items()}
        instrs.append(Instr(form, tuple(by_name[n] for n in form.reads), len(floats) if constants else 0))
        floats.extend(constants)
        return len(variables) + len(instrs) - 1

    result = value(tree)
    if result < len(variables):
        instrs.append(Instr(ROWS["copy"].forward, (result,)))
        result = len(variables) + len(instrs) - 1
    return EwGroup(len(variables), tuple(instrs), (result,), len(floats)), floats
