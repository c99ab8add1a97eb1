"""Compiled OpenCL programs on disk, so that a second process need not compile.

One file per program, named by a hash over everything its machine code depends on: source, options, device,
driver and our version. pyopencl's own cache does not serve here, as it leaves out PoCL and NVIDIA. A file
that is damaged, cut short or unreadable is as good as absent; a folder that cannot be written is no error.

``CYSYM_CACHE=0`` switches the cache off, ``CYSYM_CACHE_DIR`` moves it (default ``$XDG_CACHE_HOME/cysym``,
else ``~/.cache/cysym``; programs lie in its subfolder ``opencl``).
"""

from __future__ import annotations

import hashlib
import logging
import os
from pathlib import Path

from ..formats.atomic import write_atomic

_MAGIC = b"cysymcl1"
_log = logging.getLogger("cysym")


def folder() -> Path | None:
    """Where programs are kept, None when the cache is off."""
    if os.environ.get("CYSYM_CACHE") == "0":
        return None
    base = os.environ.get("CYSYM_CACHE_DIR")
    if base:
        return Path(base) / "opencl"
    # The XDG specification asks to ignore relative paths.
    home = Path(os.environ.get("XDG_CACHE_HOME") or "")
    try:
        return (home if home.is_absolute() else Path.home() / ".cache") / "cysym" / "opencl"
    except RuntimeError:
        return None  # no home folder: a bare container


def key(*parts: str) -> str:
    """File name for what depends on `parts`; their lengths count, so that two cuts of one text differ."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode()
        digest.update(b"%d:" % len(data))
        digest.update(data)
    return digest.hexdigest()


def load(name: str) -> bytes | None:
    """What was stored under `name`, None when there is nothing whole."""
    place = folder()
    if place is None:
        return None
    try:
        data = (place / name).read_bytes()
    except OSError:
        return None
    start = len(_MAGIC) + 32
    payload = data[start:]
    if data[: len(_MAGIC)] != _MAGIC or hashlib.sha256(payload).digest() != data[len(_MAGIC) : start]:
        _log.debug("OpenCL cache: %s is damaged and ignored", place / name)
        return None
    return payload


def store(name: str, payload: bytes) -> None:
    """Keep `payload` under `name`; readers see it whole or not at all."""
    place = folder()
    if place is None or not payload:
        return
    try:
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_atomic(place / name, (_MAGIC, hashlib.sha256(payload).digest(), payload))
    except OSError as error:
        _log.debug("OpenCL cache: cannot write %s: %s", place / name, error)
