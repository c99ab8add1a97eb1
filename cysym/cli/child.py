"""A question asked in a process of its own, so that a driver that crashes or hangs takes nothing with it.

`ask` starts ``python -m cysym.cli.probe`` and collects what it answers, one JSON object a line, until it ends
or is silent for too long. What the answers mean is the caller's business.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Any

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


@dataclass(frozen=True)
class Answer:
    """What a child said before it ended.

    Attributes
    ----------
    lines : list of dict
        Its answers, in order.
    trouble : str
        "" when it ended well; else "crashed (SIGSEGV)", "failed (status 1)", "no answer in 60 s".
    last_words : str
        The end of what it wrote to standard error.
    """

    lines: list[dict[str, Any]]
    trouble: str
    last_words: str


def ask(
    question: Sequence[str],
    timeout: float,
    environment: Mapping[str, str] | None = None,
    program: Sequence[str] = ("-m", "cysym.cli.probe"),
) -> Answer:
    """Ask a child.

    Parameters
    ----------
    question
        Arguments of the program.
    timeout
        Seconds of silence after which the child and its children are killed.
    environment
        Variables to set for it.
    program
        What Python runs.
    """
    variables = {**os.environ, **(environment or {})}
    # The same package as this one, also where the caller found it without an installation.
    variables["PYTHONPATH"] = os.pathsep.join(p for p in (os.environ.get("PYTHONPATH"), ROOT) if p)
    with tempfile.TemporaryFile() as errors:
        child = subprocess.Popen(
            [sys.executable, *program, *question],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            env=variables,
            start_new_session=True,
        )
        assert child.stdout is not None
        try:
            lines, is_silent = _listen(child.stdout, timeout)
            if not is_silent:
                try:
                    child.wait(timeout)
                except subprocess.TimeoutExpired:  # it closed its output and hangs while it ends
                    is_silent = True
        finally:
            _kill(child)
        errors.seek(0)
        last_words = errors.read()[-2000:].decode(errors="replace").strip()
    if is_silent:
        return Answer(lines, f"no answer in {timeout:g} s", last_words)
    return Answer(lines, _trouble(child.returncode), last_words)


def _listen(stream: IO[bytes], timeout: float) -> tuple[list[dict[str, Any]], bool]:
    """The JSON objects of a stream, and whether it fell silent before its end."""
    said: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()

    def read() -> None:
        for line in stream:
            said.put(line)
        said.put(None)

    threading.Thread(target=read, daemon=True).start()
    lines: list[dict[str, Any]] = []
    while True:
        try:
            line = said.get(timeout=timeout)
        except queue.Empty:
            return lines, True
        if line is None:
            return lines, False
        try:
            value = json.loads(line)
        except ValueError:
            continue  # drivers print to standard output, too
        if isinstance(value, dict):
            lines.append(value)


def _kill(child: subprocess.Popen[bytes]) -> None:
    if child.poll() is None:
        if hasattr(os, "killpg"):
            os.killpg(child.pid, signal.SIGKILL)
        else:
            child.kill()
        child.wait()


def _trouble(status: int) -> str:
    if status == 0:
        return ""
    if status > 0:
        return f"failed (status {status})"
    try:
        return f"crashed ({signal.Signals(-status).name})"
    except ValueError:
        return f"crashed (signal {-status})"
