"""What MXNet 1.9.1 showed for each cell (`recorded/documents.json`), and how our notes compare to it.

Texts, names and JSON must be the same character for character; floating-point numbers, also printed ones,
agree to a relative 1e-5; drawings agree in nodes and edges with all their attributes, in order.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

RECORDED = Path(__file__).parent.parent / "recorded" / "documents.json"
_NUMBER = re.compile(r"(?<![\w.])-?\d+\.\d*(?:e[+-]?\d+)?")
_PADDED = re.compile(_NUMBER.pattern + " *")  # NumPy pads a number that prints shorter than its neighbours
_WORD = r'"(?:[^"\\]|\\.)*"|[^\s"=\[\]]+'


@lru_cache(maxsize=1)
def recorded() -> dict[str, list[dict[str, Any]]]:
    """Per document the notes of its runs as `Session.notes` has them, with all names after each."""
    data = json.loads(RECORDED.read_text())
    table = data.pop("table")
    for runs in data.values():
        names: dict[str, Any] = {}
        for run in runs:
            names = {**names, **run["names"]}
            run.update(_resolved({**run, "names": names}, table))
    return data


def _resolved(noted: Any, table: list[Any]) -> Any:
    if isinstance(noted, list):
        return [_resolved(v, table) for v in noted]
    if isinstance(noted, dict) and set(noted) == {"see"}:
        return table[noted["see"]]
    if isinstance(noted, dict):
        return {key: _resolved(value, table) for key, value in noted.items()}
    return noted


def differences(got: Any, want: Any, place: str = "") -> Iterator[str]:
    """Where two notes differ, a line each."""
    if isinstance(want, dict) and isinstance(got, dict) and set(got) == set(want):
        for key, value in want.items():
            if key == "Digraph":
                yield from differences(drawing(got[key]), drawing(value), f"{place}/drawing")
            else:
                yield from differences(got[key], value, f"{place}/{key}")
    elif isinstance(want, (list, tuple)) and isinstance(got, (list, tuple)) and len(got) == len(want):
        for i, (a, b) in enumerate(zip(got, want)):
            yield from differences(a, b, f"{place}/{i}")
    elif isinstance(want, float) and isinstance(got, float):
        if not close(got, want):
            yield f"{place}: {got!r} for {want!r}"
    elif place.endswith("/printed"):
        if _PADDED.sub("# ", got) != _PADDED.sub("# ", want):
            yield f"{place}: {got!r} for {want!r}"
        else:
            pairs = zip(_NUMBER.findall(got), _NUMBER.findall(want))
            yield from (f"{place}: {a} for {b}" for a, b in pairs if not close(float(a), float(b)))
    elif type(got) is not type(want) or got != want:
        yield f"{place}: {got!r} for {want!r}"


def close(got: float, want: float) -> bool:
    return math.isclose(got, want, rel_tol=1e-5, abs_tol=1e-6)


def drawing(source: str) -> dict[str, list[Any]]:
    """Nodes `[name, attributes]` and edges `[from, to, attributes]` of a DOT text, in its order."""
    nodes, edges = [], []
    # A label may hold a line end.
    for statement in re.findall(rf"^\t((?:{_WORD}|[^\S\n]|[=\[\]])+)$", source, re.M):
        head, _, tail = statement.partition(" [")
        names = [_plain(name) for name in re.findall(_WORD, head) if name != "->"]
        attributes = {k: _plain(v) for k, v in re.findall(rf"(\w+)=({_WORD})", tail)}
        if " -> " in head:
            edges.append([*names, attributes])
        else:
            nodes.append([*names, attributes])
    return {"nodes": nodes, "edges": edges}


def _plain(word: str) -> str:
    """A DOT word without quotes; a line end in a label is written as itself or as \\n."""
    if word.startswith('"'):
        word = word[1:-1].replace('\\"', '"').replace("\\n", "\n")
    return word
