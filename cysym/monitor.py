"""Watching the inside of a network: a statistic of every node output each few batches.

A Monitor hooks itself into executors and collects (step, name, text) rows between `tic` and `toc`. It reads
arrays and changes none. Executors call `stat_helper(name, array)` with a str and an NDArray, a copy of its
own (MXNet's pass bytes and a raw handle).
"""

from __future__ import annotations

import logging
import math
import re
from collections.abc import Callable
from typing import Any

import numpy as np

from . import ndarray as nd
from .arguments import function, needs, shown, whole


def _default_stat(array: nd.NDArray) -> nd.NDArray:
    values: Any = array if np.dtype(array.dtype).kind == "f" else array.astype("float32")
    found: nd.NDArray = values.norm() / math.sqrt(max(array.size, 1))
    return found


class Monitor:
    """Collect statistics of node outputs, arguments and auxiliary states.

    Parameters
    ----------
    interval : int
        Number of batches between collections.
    stat_func : callable, optional
        From an NDArray to a statistic, an NDArray or a list of them; ``norm(x) / sqrt(x.size)`` by default.
    pattern : str
        Regular expression the start of a name must match, ".*weight|.*output" for example. Gradients are
        named after the node that is differentiated: "fc_backward_output1".
    sort : bool
        Sort the rows of a step by name.
    monitor_all : bool
        Watch the inputs of nodes too.

    >>> import cysym as mx
    >>> net = mx.sym.relu(mx.sym.Variable("x"), name="act")
    >>> executor = net.bind(mx.cpu(), {"x": mx.nd.ones((4,))})
    >>> monitor = Monitor(interval=1)
    >>> monitor.install(executor)
    >>> monitor.tic()
    >>> _ = executor.forward()
    >>> [name for step, name, text in monitor.toc()]
    ['act_output', 'x']
    """

    def __init__(
        self,
        interval: int,
        stat_func: Callable[[nd.NDArray], Any] | None = None,
        pattern: str = ".*",
        sort: bool = False,
        monitor_all: bool = False,
    ) -> None:
        self.interval = whole(interval, "interval", 1)
        self.stat_func = function(stat_func, "stat_func", optional=True) or _default_stat
        self.activated = False
        self.queue: list[tuple[int, str, Any]] = []
        self.step = 0
        self.exes: list[Any] = []
        if not isinstance(pattern, str | re.Pattern):
            raise TypeError(f"pattern must be a regular expression, got {shown(pattern)}")
        try:
            self.re_prog = re.compile(pattern)
        except re.error as error:
            raise ValueError(f"pattern {pattern!r} is no regular expression: {error}") from None
        self.sort = sort
        self.monitor_all = monitor_all

    def stat_helper(self, name: str, array: nd.NDArray) -> None:
        """Take one array in; executors call this for each node output."""
        if self.activated and self.re_prog.match(name):
            self.queue.append((self.step, name, self.stat_func(array)))

    def install(self, exe: Any) -> None:
        """Watch an executor."""
        needs(exe, "exe", "an Executor", "set_monitor_callback", "arg_arrays", "aux_arrays")
        exe.set_monitor_callback(self.stat_helper, self.monitor_all)
        self.exes.append(exe)

    def uninstall(self, exe: Any) -> None:
        """Stop watching an executor that is no longer used."""
        self.exes = [other for other in self.exes if other is not exe]

    def tic(self) -> None:
        """Begin a batch; collect if its turn has come."""
        if self.step % self.interval == 0:
            self.queue = []
            self.activated = True
        self.step += 1

    def toc(self) -> list[tuple[int, str, str]]:
        """End the batch; the rows collected, empty if it was not its turn.

        Node outputs come in the order they were computed, then all arguments and auxiliary states; a text
        holds each number of the statistic, or each array, with a tab behind it.
        """
        if not self.activated:
            return []
        for exe in self.exes:
            arguments = zip(exe._symbol.list_arguments(), exe.arg_arrays, strict=True)
            states = zip(exe._symbol.list_auxiliary_states(), exe.aux_arrays, strict=True)
            for name, array in [*arguments, *states]:
                self.stat_helper(name, array)
        self.activated = False
        rows = sorted(self.queue, key=lambda row: row[1]) if self.sort else self.queue
        self.queue = []
        return [(step, name, _text(value)) for step, name, value in rows]

    def toc_print(self) -> None:
        """End the batch and log the rows."""
        for step, name, text in self.toc():
            logging.info("Batch: %7d %-30s %s", step, name, text)


def _text(value: Any) -> str:
    values = value if isinstance(value, list | tuple) else [value]
    hosts = [np.asarray(item.asnumpy() if isinstance(item, nd.NDArray) else item) for item in values]
    # str, not format: the digits of a float32 are then its own
    return "".join(str(host.reshape(-1)[0] if host.shape in ((), (1,)) else host) + "\t" for host in hosts)
