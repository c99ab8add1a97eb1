"""Files from the network, and what is inside archives: for data sets and models of examples.

Nothing that comes from outside is trusted: only http and https are fetched, with time limits; a file appears
under its name only when it is whole; archives may write nowhere but into their folder and not swell without
bound. Unpickles nothing. Which data sets there are is in data.py.
"""

from __future__ import annotations

import contextlib
import logging
import os
import time
from collections.abc import Callable, Iterator
from typing import IO, Any

from ..base import FormatError

_TIMEOUT = 20.0  # seconds without a byte
_SLOWEST = 1000.0  # bytes a second, on average, once _PATIENCE seconds have passed
_PATIENCE = 60.0
_PAUSE = 0.25  # seconds before the second attempt, doubled for each one after it
_CHUNK = 1 << 16
# Deflate cannot do better than 1032; what claims more is made to fill a disk.
_MAX_RATIO = 1100

log = logging.getLogger(__name__)


def download(
    url: str, fname: str | None = None, dirname: str | None = None, overwrite: bool = False, retries: int = 5
) -> str:
    """Fetch a file, unless it is there already.

    Parameters
    ----------
    url
        http or https address.
    fname
        Name to save it under; default: the last part of the address.
    dirname
        Folder, made where needed; default: that of `fname`, else the working directory.
    overwrite
        Fetch it even if it is there.
    retries
        How often to try, at least once.

    Returns
    -------
    str
        Path of the file.

    Raises
    ------
    OSError
        All attempts failed: the message says how, and where to put the file by hand. Nothing is left behind.
    """
    if retries < 0:
        raise AssertionError(f"Number of retries should be at least 0, got {retries}")
    if fname is None:
        fname = url.split("?")[0].split("#")[0].rstrip("/").rsplit("/", 1)[-1]
        if not fname or ".." in fname or ":" in fname:
            raise ValueError(f"{url} ends in no file name; give fname")
    path = os.path.join(dirname, fname) if dirname is not None else fname
    if not overwrite and os.path.exists(path):
        log.info("%s exists, skipping download", path)
        return path
    if url.split(":")[0].lower() not in ("http", "https"):
        raise ValueError(f"only http and https addresses are fetched, got {url}")
    if os.path.dirname(path):
        os.makedirs(os.path.dirname(path), exist_ok=True)
    attempts = max(1, retries)
    for attempt in range(1, attempts + 1):
        try:
            _fetch(url, path)
            break
        except OSError as error:
            refused = 400 <= getattr(error, "code", 0) < 500
            if attempt == attempts or refused:
                raise OSError(
                    f"cannot download {url} ({attempt} attempt{'s' if attempt > 1 else ''}): {error}. "
                    f"Where there is no network, put the file at {os.path.abspath(path)}"
                ) from error
            log.warning("download of %s failed (%s), %d attempts left", url, error, attempts - attempt)
            time.sleep(_PAUSE * 2 ** (attempt - 1))
    log.info("downloaded %s into %s successfully", url, path)
    return path


def _fetch(url: str, path: str) -> None:
    """One attempt; every way to fail is an OSError."""
    from http.client import HTTPException
    from urllib.request import urlopen

    try:
        with urlopen(url, timeout=_TIMEOUT) as answer, whole_file(path) as out:
            expected = answer.headers.get("Content-Length")
            start = time.monotonic()
            while chunk := answer.read1(_CHUNK):
                out.write(chunk)
                passed = time.monotonic() - start
                if passed > _PATIENCE and out.tell() < passed * _SLOWEST:
                    raise OSError(f"only {out.tell()} bytes came in {passed:.0f} seconds")
            if expected is not None and out.tell() != int(expected):
                raise OSError(f"got {out.tell()} of {expected} bytes")
    except (HTTPException, ValueError) as error:
        raise OSError(f"{type(error).__name__}: {error}") from error


@contextlib.contextmanager
def whole_file(path: str) -> Iterator[IO[bytes]]:
    """A file that gets its name at the end of the block; nothing is left of it after an error."""
    import tempfile

    folder, name = os.path.split(os.path.abspath(path))
    descriptor, temporary = tempfile.mkstemp(prefix=f".{name}.", dir=folder)
    try:
        with os.fdopen(descriptor, "wb") as out:
            yield out
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(temporary, 0o666 & ~mask)
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        raise


def copy_bounded(source: Any, out: IO[bytes], limit: int, what: str) -> None:
    """Copy a decompressing stream; FormatError when it is damaged or gives more than `limit` bytes."""
    from zlib import error as zlib_error

    total = 0
    try:
        while chunk := source.read(_CHUNK):
            total += len(chunk)
            if total > limit:
                raise FormatError(f"{what} holds more than the {limit} bytes it may")
            out.write(chunk)
    except (EOFError, zlib_error) as error:
        raise FormatError(f"{what} is damaged: {error}") from error
    except OSError as error:
        if error.errno is not None:  # a full disk, not a bad stream
            raise
        raise FormatError(f"{what} is damaged: {error}") from error


def extract_zip(path: str, folder: str) -> None:
    """Extract an archive into `folder`.

    Raises
    ------
    FormatError
        It is damaged, names a place outside the folder or a link, or would grow beyond all compression. All
        names and sizes are checked before the first byte is written.
    """
    import zipfile

    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            for member in members:
                _check_member(path, member, folder)
            total, limit = sum(m.file_size for m in members), os.path.getsize(path) * _MAX_RATIO
            if total > limit:
                raise FormatError(f"{path} claims to hold {total} bytes; {limit} are the most it can")
            for member in members:
                target = os.path.join(folder, member.filename)
                if member.is_dir():
                    os.makedirs(target, exist_ok=True)
                    continue
                os.makedirs(os.path.dirname(target) or ".", exist_ok=True)
                with archive.open(member) as source, whole_file(target) as out:
                    copy_bounded(source, out, member.file_size, f"{member.filename} in {path}")
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        if isinstance(error, FormatError):
            raise
        raise FormatError(f"{path} is no zip archive that can be read: {error}") from error


def _check_member(path: str, member: Any, folder: str) -> None:
    name = member.filename
    kind = (member.external_attr >> 16) & 0o170000
    if kind not in (0, 0o100000, 0o040000):
        raise FormatError(f"{path}: {name} is a link or a device")
    parts = [p for p in name.split("/") if p not in ("", ".")]
    if not parts or os.path.isabs(name) or ".." in parts or ":" in name or "\\" in name or "\0" in name:
        raise FormatError(f"{path}: {name!r} lies outside the folder")
    inside, root = os.path.realpath(os.path.join(folder, name)), os.path.realpath(folder)
    if os.path.commonpath([inside, root]) != root:  # through a link that is there already
        raise FormatError(f"{path}: {name!r} lies outside the folder")


def extract_single(opener: Callable[..., Any], path: str, target: str) -> None:
    """Decompress a .gz or .bz2 file (`opener` is ``gzip.open`` or ``bz2.open``) into another."""
    limit = os.path.getsize(path) * _MAX_RATIO
    with opener(path, "rb") as source, whole_file(target) as out:
        copy_bounded(source, out, limit, path)


def get_zip_data(data_dir: str, url: str, data_origin_name: str) -> None:
    """Fetch a zip archive into a folder and extract it there, unless the archive is there already.

    Parameters
    ----------
    data_dir
        Folder.
    url
        Address of the archive.
    data_origin_name
        Name of the archive in the folder.
    """
    archive = os.path.join(data_dir, data_origin_name)
    if not os.path.exists(archive):
        download(url, fname=archive)
        extract_zip(archive, data_dir)


def get_bz2_data(data_dir: str, data_name: str, url: str, data_origin_name: str) -> None:
    """Fetch a bz2 file into a folder, decompress it and delete it, unless the result is there already.

    Parameters
    ----------
    data_dir
        Folder.
    data_name
        Name of the decompressed file in the folder.
    url
        Address of the compressed file.
    data_origin_name
        Name of the compressed file in the folder.
    """
    import bz2

    result, compressed = os.path.join(data_dir, data_name), os.path.join(data_dir, data_origin_name)
    if not os.path.exists(result):
        download(url, fname=compressed)
        extract_single(bz2.open, compressed, result)
        os.remove(compressed)
