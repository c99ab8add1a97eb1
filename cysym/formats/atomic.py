"""Writing a file so that a reader only ever sees the old content or the new one, whole.

The bytes go to a temporary file in the target's own folder, are forced to the disk, and only then take the
target's name (`os.replace`, atomic on one file system). This module knows no format; `params` and
`symbol_json` hand it their chunks.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterable

from ..arguments import file_name

Chunk = bytes | bytearray | memoryview
_BINARY = getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)


def write_atomic(path: str | os.PathLike[str], data: Chunk | Iterable[Chunk]) -> None:
    """Replace the content of the file `path` in one step.

    Parameters
    ----------
    path : str or os.PathLike
        The target. A symbolic link is followed. A file that exists keeps its permissions.
    data : bytes-like or iterable of bytes-like
        The whole content, or its chunks in order; chunks are asked for one at a time.

    Raises
    ------
    TypeError, ValueError
        `path` is no path.
    OSError
        The folder does not exist, the disk is full, ...; the message names `path`.
    Exception
        Whatever the iterable raises.

    Notes
    -----
    On any failure, and if the process is killed, the previous file stays as it was. A killed process may
    leave a `.cysym-*.tmp` file behind in the folder. Devices and pipes (`/dev/stdout`) cannot be replaced
    and are written directly.
    """
    path = file_name(path)
    target = os.path.realpath(path)
    chunks: Iterable[Chunk] = (data,) if isinstance(data, bytes | bytearray | memoryview) else data
    try:
        mode = os.stat(target).st_mode
    except FileNotFoundError:
        mode = None
    if mode is not None and stat.S_ISDIR(mode):
        raise IsADirectoryError(f"cannot write {path!r}: it is a folder")
    if mode is not None and not stat.S_ISREG(mode):
        with open(target, "wb") as stream:
            stream.writelines(chunks)
        return
    folder = os.path.dirname(target)
    temporary = os.path.join(folder, f".cysym-{os.getpid()}-{os.urandom(6).hex()}.tmp")
    try:
        # Mode 0o666 less the umask is what open() would give; tempfile's 0o600 would surprise other readers.
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _BINARY, 0o666)
    except OSError as error:
        raise _renamed(error, path) from error
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.writelines(chunks)
            stream.flush()
            if mode is not None and hasattr(os, "fchmod"):
                os.fchmod(stream.fileno(), stat.S_IMODE(mode))
            os.fsync(stream.fileno())
        os.replace(temporary, target)
    except BaseException as error:
        _remove(temporary)
        if isinstance(error, OSError):
            raise _renamed(error, path) from error
        raise
    _sync_folder(folder)


def _renamed(error: OSError, path: str | os.PathLike[str]) -> OSError:
    """The same error, naming the file the caller asked for instead of our temporary one."""
    if error.errno is None:
        return error
    return OSError(error.errno, error.strerror, os.fspath(path))


def _remove(path: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)


def _sync_folder(folder: str) -> None:
    """Force the new directory entry to the disk, where folders can be opened for that (not on Windows)."""
    if os.name != "posix":
        return
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        # A folder may be writable but not readable; the file itself is already safe.
        return
    try:
        # Some network file systems refuse to sync a folder.
        with contextlib.suppress(OSError):
            os.fsync(handle)
    finally:
        os.close(handle)
