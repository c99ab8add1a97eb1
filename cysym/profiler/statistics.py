"""Sums over what the profiler recorded, and MXNet's table and JSON of them.

Knows names and numbers only: `recorder` adds, `control.dumps` prints.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["time", "counter", "memory"]
SORTS = ("total", "avg", "min", "max", "count")
MEMORY_CATEGORY = "Device Storage"
NOTE = "\nProfile Statistics:\n\tNote the difference in units for different entries.\n"
_TIME_COLUMNS = ("Total Count", "Time (ms)", "Min Time (ms)", "Max Time (ms)", "Avg Time (ms)")
_MEMORY_COLUMNS = ("Total Count", "Min Use  (kB)", "Max Use  (kB)", "Avg Use  (kB)")


@dataclass(slots=True)
class Row:
    """One name: how often, and the sum, least and greatest of its values in the unit they are shown in."""

    kind: Kind
    count: int = 0
    sum: float = 0.0
    min: float = 0.0
    max: float = 0.0
    last: float = 0.0

    def add(self, value: float) -> None:
        self.min = value if self.count == 0 else min(self.min, value)
        self.max = value if self.count == 0 else max(self.max, value)
        self.count += 1
        self.sum += value
        self.last = value

    @property
    def avg(self) -> float:
        return self.sum / self.count

    @property
    def total(self) -> float:
        """The time spent; of a counter its last value."""
        return self.sum if self.kind == "time" else self.last


def _line(name: str, cells: Sequence[str]) -> str:
    return f"{name:<25}{' '.join([c.rjust(16) for c in cells])}\n"


class Statistics:
    """Rows by category and name."""

    def __init__(self) -> None:
        self.tables: dict[str, dict[str, Row]] = {}

    def add(self, kind: Kind, category: str, name: str, value: float) -> None:
        """Count one value: milliseconds, a counter's value or kilobytes (of 1000), by `kind`."""
        table = self.tables.setdefault(category, {})
        row = table.get(name)
        if row is None:
            row = table[name] = Row(kind)
        row.add(value)

    def mention(self, category: str) -> None:
        """A category without rows, as markers have."""
        self.tables.setdefault(category, {})

    def clear(self) -> None:
        """Forget everything."""
        self.tables.clear()

    def _sorted(self, sort_by: str, ascending: bool) -> list[tuple[str, list[tuple[str, Row]]]]:
        key: Callable[[tuple[str, Row]], Any] = lambda item: getattr(item[1], sort_by)  # noqa: E731
        return [
            (category, sorted(table.items(), key=key, reverse=not ascending))
            for category, table in sorted(self.tables.items())
        ]

    def table(self, sort_by: str, ascending: bool) -> str:
        """MXNet's table: a part for each category, in the order of their names."""
        lines = [NOTE]
        for category, rows in self._sorted(sort_by, ascending):
            is_memory = category == MEMORY_CATEGORY
            columns = _MEMORY_COLUMNS if is_memory else _TIME_COLUMNS
            lines += [f"{category}\n=================\n", _line("Name", columns)]
            lines.append(_line("----", ["-" * len(c) for c in columns]))
            for name, row in rows:
                values = [row.min, row.max, row.avg] if is_memory else [row.total, row.min, row.max, row.avg]
                lines.append(_line(name, [str(row.count), *(f"{v:.4f}" for v in values)]))
            lines.append("\n")
        return "".join(lines)

    def json(self, sort_by: str, ascending: bool) -> str:
        """MXNet's JSON: ``Time`` and ``Memory`` by category and name, and the ``Unit`` of each."""
        found: dict[str, Any] = {"Time": {}, "Memory": {}, "Unit": {"Time": "ms", "Memory": "kB"}}
        for category, rows in self._sorted(sort_by, ascending):
            is_memory = category == MEMORY_CATEGORY
            part = found["Memory" if is_memory else "Time"].setdefault(category, {})
            for name, row in rows:
                total = {} if is_memory else {"Total": row.total}
                part[name] = {
                    "Count": row.count, **total, "Min": row.min, "Max": row.max, "Avg": row.avg,
                }  # fmt: skip
        return json.dumps(found, indent=4)
