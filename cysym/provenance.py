"""Where the calls of a segment come from: operators, graph nodes, and the memory alive meanwhile.

Every segment carries one `Origin`; nothing in it is worked out before the profiler first asks. Runs nothing
and knows no device's API. What is made here goes to `profiler.recorder`, together with the times of a run.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

if TYPE_CHECKING:
    from .passes.ir import Call
    from .passes.plan import Plan

Mode = Literal["symbolic", "imperative"]
SHOWN = 4  # operators of a joint call that are named one by one
_OTHERS = {"device_copy": "_CrossDeviceCopy", "callback": "Monitor"}  # calls no operator stands for


class Label(NamedTuple):
    """What one kernel call is for.

    ``name`` is the operator, ``[a,b]`` where one call computes several as in MXNet's own traces; ``live`` the
    bytes of the plan's blocks alive during the call, -1 where there is no plan.
    """

    name: str
    nodes: tuple[str, ...]
    kernel: str
    live: int = -1


def operator_name(op: Any) -> str:
    """MXNet's name of an operator, gradient operators included.

    >>> from cysym.ops.schema import find_op
    >>> operator_name(find_op("relu").make({}))
    'relu'
    """
    forward = getattr(op, "forward", None)
    if forward is not None:
        return f"_backward_{operator_name(forward)}"
    return op.name or type(op).__name__


def _kernel(name: str, dtype: str) -> str:
    return name if dtype == "any" else f"{name}_{dtype}"


def _joint_name(call: Call) -> str:
    names = [operator_name(op) for op in call.ops if op is not None]
    names = names or [_OTHERS.get(call.kernel, call.kernel)]
    if len(names) == 1:
        return names[0]
    short = [name if n == 1 else f"{name}*{n}" for name, n in ((k, len(list(g))) for k, g in groupby(names))]
    more = [f"{len(short) - SHOWN + 1} more"] if len(short) > SHOWN else []
    return f"[{','.join(short[: SHOWN - 1] + more if more else short)}]"


class Origin:
    """Of the calls of one segment.

    Parameters
    ----------
    calls
        The segment's, on one device.
    mode
        Of a bound symbol, or of an imperative call (whose one operator stands for the nodes).
    device
        Where they run.
    plan, first
        The plan of the program they belong to, and the number of the first of them in it.
    """

    __slots__ = ("_calls", "_first", "_labels", "_plan", "device", "mode")

    def __init__(
        self, calls: Sequence[Call], mode: Mode, device: Any, plan: Plan | None = None, first: int = 0
    ) -> None:
        self.mode, self.device = mode, device
        self._plan, self._first = plan, first
        # Of an imperative call no tensor is kept: thousands of them are in the cache.
        self._calls: Sequence[Any] = (
            calls if mode == "symbolic" else [(_joint_name(c), c.kernel, c.dtype) for c in calls]
        )
        self._labels: list[Label] | None = None

    @property
    def labels(self) -> list[Label]:
        """One for each call; made when first asked for, and the same list ever after."""
        if self._labels is None:
            if self.mode == "imperative":
                self._labels = [Label(name, (), _kernel(k, d)) for name, k, d in self._calls]
            else:
                live = self._live()
                self._labels = [
                    Label(_joint_name(call), call.names, _kernel(call.kernel, call.dtype), n)
                    for call, n in zip(self._calls, live)
                ]
            self._calls, self._plan = (), None
        return self._labels

    def _live(self) -> list[int]:
        """Bytes of the plan's blocks on this device alive during each call."""
        count = len(self._calls)
        if self._plan is None:
            return [-1] * count
        steps = [0] * (count + 1)
        for block in self._plan.timeline:
            first, last = max(block.first - self._first, 0), min(block.last - self._first, count - 1)
            if block.device is self.device and first <= last:
                steps[first] += block.nbytes
                steps[last + 1] -= block.nbytes
        total, found = 0, []
        for step in steps[:count]:
            total += step
            found.append(total)
        return found
