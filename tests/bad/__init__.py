"""What a bad input of an operator is. One module a family beside this file lists its rows.

A `Bad` row must be refused; a `Nasty` row is legal but unkind and has a result. test_bad_operators.py runs
all of them imperatively, with ``out=``, and as symbols, on every device. Nothing here asserts anything.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

NAN, INF = float("nan"), float("inf")
HUGE = 2**62  # times anything leaves 64 bits
LEAST, MOST = -(2**63), 2**63 - 1


@dataclass(frozen=True)
class Bad:
    """A call that must fail.

    Parameters
    ----------
    op
        Operator, as in ``mx.nd`` and ``mx.sym``.
    inputs
        The arrays, as text: ``"2x3 5:int32 0x4"`` is three arrays, the second of int32; ``"-"`` has no axes.
    texts
        Patterns the error's text must match, besides the operator's name.
    params
        As a user passes them.
    """

    op: str
    inputs: str
    texts: tuple[str, ...]
    params: dict[str, Any] = field(default_factory=dict)

    @property
    def id(self) -> str:
        inside = ",".join(f"{k}={v}" for k, v in self.params.items())
        return f"{self.op}[{self.inputs}]({inside})".replace(" ", ",")[:100]

    @property
    def needs_np_shape(self) -> bool:
        return any(0 in dims or not dims for dims, _ in self.specs())

    def specs(self) -> list[tuple[tuple[int, ...], str]]:
        found = []
        for word in self.inputs.split():
            dims, _, dtype = word.partition(":")
            shape = () if dims == "-" else tuple(int(d) for d in dims.split("x"))
            found.append((shape, dtype or "float32"))
        return found

    def arrays(self) -> list[np.ndarray]:
        """Whole numbers from 1 on, of period 7."""
        return [(np.arange(int(np.prod(s))) % 7 + 1).reshape(s).astype(t) for s, t in self.specs()]


@dataclass(frozen=True)
class Nasty:
    """A call that looks dangerous and must give `want`: an array, a list of arrays, the class of an error
    that only the values cause, or None (what comes out is not laid down; it must come out unharmed).
    """

    op: str
    inputs: tuple[Any, ...]
    want: Any
    params: dict[str, Any] = field(default_factory=dict)

    @property
    def id(self) -> str:
        inside = ",".join(f"{k}={v}" for k, v in self.params.items())
        shapes = ",".join("x".join(map(str, np.shape(a))) for a in self.inputs)
        return f"{self.op}[{shapes}]({inside})".replace(" ", "")[:80]


class Table(list[Any]):
    """Rows of a module: ``bad("dot", "2x3 4x5", "lhs", transpose_a=True)`` appends one."""

    def bad(self, op: str, inputs: str, *texts: str, **params: Any) -> None:
        self.append(Bad(op, inputs, texts, params))

    def nasty(self, op: str, *inputs: Any, want: Any, **params: Any) -> None:
        self.append(Nasty(op, inputs, want, params))


def f32(values: Any) -> np.ndarray:
    return np.array(values, np.float32)
