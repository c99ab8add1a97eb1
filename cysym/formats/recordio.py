"""The RecordIO byte format: records one behind the other in a file, each a multiple of 4 bytes.

A part is u32 magic 0xced7230a, u32 flag << 29 | length, the bytes, zeros up to a multiple of 4. A record is
one part with flag 0, unless its bytes hold the magic at a multiple of 4: then it is cut there, the magic left
out, and its parts carry 1 (first), 2 (middle) and 3 (last). This module compares each length with the bytes
that are left before it reads, and knows nothing of what records hold; `recordio` is what users call.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from typing import Final, NoReturn

from ..arguments import file_name
from ..base import FormatError

Path = str | os.PathLike[str]

MAGIC: Final = 0xCED7230A
MAX_LENGTH: Final = (1 << 29) - 1
_MAGIC_BYTES: Final = struct.pack("<I", MAGIC)
_HEAD: Final = struct.Struct("<II")
_READ_BUFFER: Final = 1 << 16
_WRITE_BUFFER: Final = 1 << 18
_PADDING: Final = (b"", b"\0\0\0", b"\0\0", b"\0")
WHOLE, FIRST, MIDDLE, LAST = range(4)


def encode(payload: bytes) -> bytes:
    """The bytes that hold one record.

    Raises
    ------
    ValueError
        The record is longer than 2^29 - 1 bytes, more than a length field can say.
    """
    length = len(payload)
    if length > MAX_LENGTH:
        raise ValueError(f"a record holds at most {MAX_LENGTH} bytes, this one has {length}")
    cuts = list(_magics(payload))
    if not cuts:
        return b"".join((_HEAD.pack(MAGIC, length), payload, _PADDING[length & 3]))
    chunks: list[bytes] = []
    start = 0
    for cut in cuts:
        chunks += (_HEAD.pack(MAGIC, (MIDDLE if chunks else FIRST) << 29 | cut - start), payload[start:cut])
        start = cut + 4
    chunks += (_HEAD.pack(MAGIC, LAST << 29 | length - start), payload[start:], _PADDING[length & 3])
    return b"".join(chunks)


def _magics(payload: bytes) -> Iterator[int]:
    """Where the magic stands at a multiple of 4."""
    at = payload.find(_MAGIC_BYTES)
    while at >= 0:
        if at & 3 == 0:
            yield at
            at = payload.find(_MAGIC_BYTES, at + 4)
        else:
            at = payload.find(_MAGIC_BYTES, at + 1)


class Appender:
    """A new file that bytes are appended to; a process forked meanwhile never writes what it inherited.

    A buffered file of Python's would be flushed by the child, too, and each byte stand in the file twice.
    """

    def __init__(self, path: Path) -> None:
        self._path = file_name(path, "uri")
        self._file = open(self._path, "wb", buffering=0)  # noqa: SIM115  (closed by close)
        self._pid = os.getpid()
        self._pending = bytearray()
        self.position = 0

    def append(self, data: bytes) -> None:
        """Add `data` behind what is there."""
        self._pending += data
        self.position += len(data)
        if len(self._pending) >= _WRITE_BUFFER:
            self.flush()

    def flush(self) -> None:
        """Hand everything to the operating system."""
        if self._pid != os.getpid():
            return
        while self._pending:
            try:
                done = self._file.write(self._pending)
            except OSError as error:
                raise OSError(error.errno, error.strerror, self._path) from error
            del self._pending[: done or 0]

    def close(self) -> None:
        """Flush and close; a second call does nothing."""
        if not self._file.closed:
            try:
                self.flush()
            finally:
                self._file.close()


class RecordReader:
    """Reads the records of one file, in order or from an offset.

    Parameters
    ----------
    path : str or os.PathLike
        The `.rec` file.

    Raises
    ------
    OSError
        The file cannot be opened.
    FormatError
        By `read`, `skip`, `offsets`: what stands at the position is no whole record. The position stays.
    """

    def __init__(self, path: Path) -> None:
        self._path = file_name(path, "uri")
        self._file = open(self._path, "rb", buffering=_READ_BUFFER)  # noqa: SIM115  (closed by close)
        self._at = 0
        self._size = self.size()

    def size(self) -> int:
        """Length of the file in bytes, now."""
        return os.fstat(self._file.fileno()).st_size

    def tell(self) -> int:
        """Offset of the next record."""
        return self._at

    def seek(self, offset: int) -> None:
        """Make the record at `offset` the next one; `read` says whether there is one."""
        if not 0 <= offset <= self._known(offset):
            self._fail(offset, f"the offset lies outside the file of {self._size} bytes")
        self._file.seek(offset)
        self._at = offset

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def read(self) -> bytes | None:
        """The next record, or None at the end of the file."""
        start = self._at
        head = self._file.read(8)
        if len(head) == 8:
            magic, word = _HEAD.unpack(head)
            # The usual record, one part that is wholly there; everything else takes the long way.
            if magic == MAGIC and word <= MAX_LENGTH:
                padded = (word + 3) & -4
                if padded <= self._size - start - 8:
                    body = self._file.read(padded)
                    if len(body) == padded:
                        self._at = start + 8 + padded
                        return body if padded == word else body[:word]
        elif not head:
            return None
        return self._read_parts(start)

    def skip(self) -> bool:
        """Pass over the next record without reading it; False at the end of the file."""
        start = self._at
        try:
            at, total, parts = start, -4, 0
            while True:
                head = self._head(start, at, parts)
                if head is None:
                    return False
                flag, length = head
                at += 8 + ((length + 3) & -4)
                total, parts = self._sum(start, total, length), parts + 1
                if flag in (WHOLE, LAST):
                    break
        except BaseException:
            self._file.seek(start)
            raise
        self._file.seek(at)
        self._at = at
        return True

    def offsets(self, end: int | None = None) -> list[int]:
        """Offsets of all records from the present position on that begin before `end`; the position stays."""
        start, found = self._at, []
        try:
            while end is None or self._at < end:
                at = self._at
                if not self.skip():
                    break
                found.append(at)
        finally:
            self.seek(start)
        return found

    def seek_start(self, offset: int) -> None:
        """Go to the first record that begins at `offset` or behind it (to the end, if there is none).

        Several readers share a file this way: the magic never stands at a multiple of 4 inside a part.
        """
        at = (offset + 3) & -4
        self._file.seek(at)
        size, kept = self._known(at), b""
        while True:
            block = kept + self._file.read(_READ_BUFFER)
            for place in _magics(block):
                head = block[place : place + 8]
                if len(head) == 8 and _HEAD.unpack(head)[1] >> 29 in (WHOLE, FIRST):
                    return self.seek(at + place)
            if len(block) < 8 + len(kept):
                return self.seek(size)
            keep = 4 + (len(block) & 3)
            at, kept = at + len(block) - keep, block[-keep:]

    def _read_parts(self, start: int) -> bytes | None:
        parts: list[bytes] = []
        at, total = start, -4
        try:
            self._file.seek(start)
            while True:
                head = self._head(start, at, len(parts))
                if head is None:
                    return None
                flag, length = head
                total = self._sum(start, total, length)
                padded = (length + 3) & -4
                body = self._file.read(padded)
                if len(body) != padded:
                    self._fail(at, f"the file ends {padded - len(body)} bytes before its record does")
                parts.append(body[:length])
                at += 8 + padded
                if flag in (WHOLE, LAST):
                    break
        except BaseException:
            self._file.seek(start)
            raise
        self._at = at
        return _MAGIC_BYTES.join(parts)

    def _head(self, start: int, at: int, parts: int) -> tuple[int, int] | None:
        """Flag and length of the part at `at`, the `parts`-th of its record; None at the end of the file."""
        self._file.seek(at)
        head = self._file.read(8)
        if not head and not parts:
            return None
        if len(head) < 8:
            where = f"in part {parts} of the record at {start}" if parts else "in the head of a record"
            self._fail(at, f"the file ends {where}")
        magic, word = _HEAD.unpack(head)
        if magic != MAGIC:
            self._fail(at, f"no record begins here: expected the magic {MAGIC:#010x}, got {magic:#010x}")
        flag, length = word >> 29, word & MAX_LENGTH
        if flag not in ((MIDDLE, LAST) if parts else (WHOLE, FIRST)):
            want = "2 or 3 (a further part)" if parts else "0 or 1 (the start of a record)"
            self._fail(at, f"expected part flag {want}, got {flag}")
        padded, left = (length + 3) & -4, self._known(at + 8 + ((length + 3) & -4)) - at - 8
        if padded > left:
            self._fail(at, f"the record says {length} bytes (with padding {padded}), {left} are left")
        if flag in (FIRST, MIDDLE) and length & 3:
            self._fail(at, f"a record is cut after a multiple of 4 bytes, not after {length}")
        return flag, length

    def _sum(self, start: int, total: int, length: int) -> int:
        total += 4 + length
        if total > MAX_LENGTH:
            self._fail(start, f"the parts of a record have more than {MAX_LENGTH} bytes")
        return total

    def _known(self, end: int) -> int:
        """The size of the file; asked for again when `end` lies behind it, as the file may have grown."""
        if end > self._size:
            self._size = self.size()
        return self._size

    def _fail(self, offset: int, text: str) -> NoReturn:
        raise FormatError(f"{self._path}, offset {offset}: {text}")
