"""The profiler's switches: configuration, run and stop, pause and resume, files and tables.

Only this module changes the state of the one `Recorder`; every argument is checked before anything changes. A
thread writes the file from time to time while `continuous_dump` is on, and what nobody dumped is written when
the process ends.
"""

from __future__ import annotations

import atexit
import os
import threading
import time
import warnings
from dataclasses import dataclass, replace
from typing import Any

from ..base import MXNetError
from ..suggest import did_you_mean
from .recorder import Recorder
from .statistics import SORTS

recorder = Recorder()


@dataclass(frozen=True)
class Config:
    """What `set_config` sets, with MXNet's defaults."""

    profile_all: bool = False
    profile_symbolic: bool = True
    profile_imperative: bool = True
    profile_memory: bool = True
    profile_api: bool = True
    filename: str = "profile.json"
    continuous_dump: bool = True
    dump_period: float = 1.0
    aggregate_stats: bool = False
    profile_process: str = "worker"


_config = Config()
_writer: _Writer | None = None


class _Writer(threading.Thread):
    """Writes the file every now and then, if there is news; it rests ten times as long as it works."""

    def __init__(self, period: float) -> None:
        super().__init__(name="cysym-profiler", daemon=True)
        self._period = period
        self._is_over = threading.Event()

    def run(self) -> None:
        rest = self._period
        while not self._is_over.wait(rest):
            begin = time.monotonic()
            with recorder.lock:
                if self._is_over.is_set() or recorder.trace is None:
                    return
                try:
                    recorder.settle()
                    if not recorder.trace.is_written:
                        recorder.write(_config.filename, False)
                except OSError as error:
                    warnings.warn(f"the profiler cannot write and tries no more: {error}", stacklevel=1)
                    return
            rest = max(self._period, 10 * (time.monotonic() - begin))

    def end(self) -> None:
        self._is_over.set()


def _parse_bool(name: str, value: Any) -> bool:
    text = str(value).lower()
    if text in ("true", "1"):
        return True
    if text in ("false", "0"):
        return False
    raise MXNetError(f"Invalid Parameter format for {name} expect boolean but value={str(value)!r}")


def _parse(name: str, value: Any) -> Any:
    kind = type(getattr(Config, name))
    if kind is bool:
        return _parse_bool(name, value)
    if kind is float:
        try:
            return float(value)
        except (TypeError, ValueError):
            raise MXNetError(
                f"Invalid Parameter format for {name} expect float but value={str(value)!r}"
            ) from None
    if not isinstance(value, str | os.PathLike):
        raise TypeError(f"{name} must be a string, got {type(value)}")
    return os.fspath(value)


def _check_process(profile_process: Any) -> None:
    if profile_process not in ("worker", "server"):
        raise ValueError(f"profile_process must be 'worker' or 'server', got {profile_process!r}")
    if profile_process == "server":
        raise MXNetError(
            "there is no server process to profile: key-value stores live in this process; use "
            "profile_process='worker'"
        )


def set_config(**kwargs: Any) -> None:
    """Say what is recorded, and where it is written. Whatever is not named goes back to its default.

    Parameters
    ----------
    filename : str
        The trace; default ``profile.json``.
    profile_all : bool
        Everything below, whatever is said there; default False.
    profile_symbolic, profile_imperative : bool
        Operators of bound symbols; of `mx.nd` calls. Default True.
    profile_memory : bool
        Bytes in use on each device, and those of the memory plan at each call. Default True.
    profile_api : bool
        Calls of the library: a forward, a backward, an operator of `mx.nd`. Default True.
    continuous_dump : bool
        Write the file while the profiler runs, too. Default True.
    dump_period : float
        Seconds between these; default 1.
    aggregate_stats : bool
        Keep the sums `dumps` prints. Default False.
    profile_process : str
        'worker'; there is no 'server' here.

    Raises
    ------
    MXNetError
        An unknown name, or a value of another type; nothing was changed.
    """
    global _config
    changes: dict[str, Any] = {}
    known = list(Config.__dataclass_fields__)
    for name, value in kwargs.items():
        if name not in known:
            raise MXNetError(
                f"Cannot find argument {name!r}{did_you_mean(name, known)}, Possible Arguments: "
                f"{', '.join(known)}"
            )
        changes[name] = _parse(name, value)
    new = replace(Config(), **changes)
    if new.profile_process not in ("worker", "server"):
        raise MXNetError(f"Invalid Input: {new.profile_process!r}, valid values are: {{'server', 'worker'}}")
    _check_process(new.profile_process)
    if not new.filename:
        raise MXNetError("filename is empty")
    if new.continuous_dump and not 0 < new.dump_period <= threading.TIMEOUT_MAX:
        raise MXNetError(
            f"dump_period must be positive, and no eternity, with continuous_dump, got {new.dump_period}"
        )
    with recorder.lock:
        recorder.settle()  # what was recorded so far counts as the old configuration says
        _config = new
        recorder.symbolic = new.profile_all or new.profile_symbolic
        recorder.imperative = new.profile_all or new.profile_imperative
        recorder.memory = new.profile_all or new.profile_memory
        recorder.api = new.profile_all or new.profile_api
        recorder.aggregate = new.aggregate_stats
        _keep_writing()


def _keep_writing() -> None:
    """Have the thread that writes, or have it not, as configuration and state say."""
    global _writer
    if _writer is not None:
        _writer.end()
        _writer = None
    if recorder.is_running and _config.continuous_dump:
        _writer = _Writer(_config.dump_period)
        _writer.start()


def set_state(state: str = "stop", profile_process: str = "worker") -> None:
    """Start or stop recording.

    Parameters
    ----------
    state : {'run', 'stop'}
        A run continues the trace that has not been dumped to the end, or begins a new one.

    Raises
    ------
    ValueError
        Another state or process.
    MXNetError
        The process is 'server'.
    """
    if state not in ("run", "stop"):
        raise ValueError(f"state must be 'run' or 'stop', got {state!r}")
    _check_process(profile_process)
    with recorder.lock:
        if recorder.is_running != (state == "run"):
            recorder.switch(state == "run", recorder.is_paused)
            _keep_writing()


def pause(profile_process: str = "worker") -> None:
    """Record nothing until `resume`."""
    _check_process(profile_process)
    with recorder.lock:
        recorder.switch(recorder.is_running, True)


def resume(profile_process: str = "worker") -> None:
    """Take recording up again after `pause`."""
    _check_process(profile_process)
    with recorder.lock:
        recorder.switch(recorder.is_running, False)


def dump(finished: bool = True, profile_process: str = "worker") -> None:
    """Write the trace to the configured file, whole: an older file is replaced in one step.

    Parameters
    ----------
    finished : bool
        Also stop; the next run begins a new trace. With False recording goes on, and the next dump writes all
        of it again.

    Raises
    ------
    MXNetError
        The profiler has not run since the last trace was finished.
    OSError
        The file cannot be written; nothing was changed.
    """
    _check_process(profile_process)
    with recorder.lock:
        if recorder.trace is None:
            raise MXNetError("Profiler hasn't been run. Config and start profiler first")
        recorder.write(_config.filename, bool(finished))
        _keep_writing()


def dumps(reset: bool = False, format: str = "table", sort_by: str = "total", ascending: bool = False) -> str:
    """Sums of what was recorded while ``aggregate_stats`` was on, as text; "" while it is off.

    Parameters
    ----------
    reset : bool
        Start the sums anew afterwards.
    format : {'table', 'json'}
        MXNet's table, or JSON with the keys ``Time``, ``Memory`` and ``Unit``.
    sort_by : {'total', 'avg', 'min', 'max', 'count'}
        Order within a category. The total of a counter is its last value.
    ascending : bool
        The least first.

    Raises
    ------
    ValueError
        An argument has none of these values.
    """
    for name, value, allowed in (
        ("format", format, ("table", "json")),
        ("sort_by", sort_by, SORTS),
        ("ascending", ascending, (False, True)),
        ("reset", reset, (False, True)),
    ):
        if value not in allowed:
            raise ValueError(f"Invalid value provided for {name}: {value!r}. Support: {allowed}")
    with recorder.lock:
        recorder.settle()
        if not recorder.aggregate:
            return ""
        write = recorder.statistics.table if format == "table" else recorder.statistics.json
        text = write(sort_by, bool(ascending))
        if reset:
            recorder.statistics.clear()
        return text


def _deprecated(old: str, new: str) -> None:
    warnings.warn(
        f"profiler.{old}() is deprecated. Please use profiler.{new}() instead", UserWarning, stacklevel=3
    )


def profiler_set_config(mode: str = "symbolic", filename: str = "profile.json") -> None:
    """`set_config` as it was once called: `mode` is 'symbolic', 'imperative', 'api', 'memory' or 'all'."""
    _deprecated("profiler_set_config", "set_config")
    set_config(**{f"profile_{mode}": True, "filename": filename})


def profiler_set_state(state: str = "stop") -> None:
    """`set_state` as it was once called."""
    _deprecated("profiler_set_state", "set_state")
    set_state(state)


def dump_profile() -> None:
    """`dump` as it was once called."""
    _deprecated("dump_profile", "dump")
    dump(True)


def _at_exit() -> None:
    """Write what nobody has."""
    with recorder.lock:
        if recorder.trace is None:
            return
        recorder.switch(False, False)
        _keep_writing()
        recorder.settle()
        if not recorder.trace.is_written:
            try:
                recorder.write(_config.filename, True)
            except OSError as error:
                warnings.warn(f"the profiler could not write its trace: {error}", stacklevel=1)


def _after_fork() -> None:
    global _writer
    _writer = None
    recorder.after_fork()


atexit.register(_at_exit)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
