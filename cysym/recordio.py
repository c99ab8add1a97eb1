"""RecordIO files (`.rec`, `.idx`) as users read and write them, and images packed into records.

The bytes of a record are `formats.recordio`'s affair; here are the files, their index, what happens to them
in forked and unpickled copies, and the 24-byte header in front of an image. Images themselves are encoded and
decoded by `image.codec`, which is imported only when asked for.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Hashable
from numbers import Number
from typing import Any, NamedTuple, NoReturn, Self

import numpy as np
from numpy.typing import NDArray

from .arguments import file_name, function, shown, text, whole
from .base import FormatError, MXNetError
from .formats.recordio import Appender, RecordReader, encode


class MXRecordIO:
    """A RecordIO file, read from its beginning or written anew; may be used in a ``with`` statement.

    Parameters
    ----------
    uri : str or os.PathLike
        The `.rec` file.
    flag : {'r', 'w'}
        Read it, or write it (what it held is lost).

    Raises
    ------
    OSError
        The file cannot be opened.
    ValueError
        Another `flag`.

    Notes
    -----
    A forked process has to `reset` a reader before it reads on. A reader may be pickled, the copy begins at
    the first record; a writer only when it is closed, since the copy would empty the file. Source: MXNet
    `recordio.MXRecordIO`, whose files are the same byte for byte.

    Examples
    --------
    >>> import tempfile, os
    >>> folder = tempfile.TemporaryDirectory()
    >>> with MXRecordIO(os.path.join(folder.name, "a.rec"), "w") as record:
    ...     record.write(b"one")
    >>> with MXRecordIO(os.path.join(folder.name, "a.rec"), "r") as record:
    ...     record.read(), record.read()
    (b'one', None)
    """

    def __init__(self, uri: str | os.PathLike[str], flag: str) -> None:
        self.is_open = False
        self.pid: int | None = None
        self.uri = file_name(uri, "uri")
        self.flag = flag
        self._reader: RecordReader | None = None
        self._writer: Appender | None = None
        self.open()

    def open(self) -> None:
        """Open the file (again); a file to write is emptied."""
        if not isinstance(self.flag, str) or self.flag not in ("r", "w"):
            raise ValueError(f"flag must be 'r' or 'w', got {self.flag!r}")
        self.close()
        if self.flag == "r":
            self._reader = RecordReader(self.uri)
        else:
            self._writer = Appender(self.uri)
        self.pid = os.getpid()
        self.is_open = True

    @property
    def writable(self) -> bool:
        """Whether the file is written."""
        return self.flag == "w"

    def close(self) -> None:
        """Write what is pending and close the file; a second call does nothing."""
        if not self.is_open:
            return
        self.is_open, self.pid = False, None
        file = self._reader or self._writer
        self._reader = self._writer = None
        if file is not None:
            file.close()

    def reset(self) -> None:
        """Go back to the first record; a file opened with 'w' is emptied."""
        self.close()
        self.open()

    def write(self, buf: bytes | bytearray | memoryview) -> None:
        """Append `buf` as one record.

        Raises
        ------
        MXNetError
            The file is closed, was opened for reading, or belongs to the process this one was forked from.
        ValueError
            `buf` is longer than 2^29 - 1 bytes.
        """
        self._for_writing().append(encode(_as_bytes(buf)))

    def read(self) -> bytes | None:
        """The next record, None behind the last.

        Raises
        ------
        MXNetError
            The file is closed, was opened for writing, or belongs to the process this one was forked from.
        FormatError
            What comes next in the file is no whole record; the position stays.
        """
        if self._reader is None or self.pid != os.getpid():
            self._refuse("read")
        return self._reader.read()

    def _for_writing(self) -> Appender:
        if self._writer is None or self.pid != os.getpid():
            self._refuse("written")
        return self._writer

    def _refuse(self, action: str) -> NoReturn:
        mode = {"r": "reading", "w": "writing"}[self.flag]
        if not self.is_open:
            raise MXNetError(f"{self.uri} cannot be {action}: it is closed")
        if self.pid != os.getpid():
            raise MXNetError(
                f"{self.uri} cannot be {action}: process {self.pid} opened it and this is {os.getpid()}; "
                "reset() a reader first"
            )
        raise MXNetError(f"{self.uri} cannot be {action}: it is open for {mode}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def __del__(self) -> None:
        # __init__ may have failed before there was anything to close.
        if getattr(self, "is_open", False):
            self.close()

    def __getstate__(self) -> dict[str, Any]:
        if self.is_open and self.writable:
            raise MXNetError(f"{self.uri} is open for writing, a copy would empty it: close() it first")
        return self.__dict__ | {"_reader": None, "_writer": None, "pid": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, is_open=False)
        if state["is_open"]:
            self.open()


class MXIndexedRecordIO(MXRecordIO):
    """A RecordIO file with an index, so that records are read by key in any order.

    Parameters
    ----------
    idx_path : str or os.PathLike
        The `.idx` file: a line ``key <tab> offset`` per record.
    uri : str or os.PathLike
        The `.rec` file.
    flag : {'r', 'w'}
        Read both files, or write both (what they held is lost).
    key_type : callable
        What makes a key of the text in the index; `str` is its inverse.

    Attributes
    ----------
    keys : list
        In the order of the index.
    idx : dict
        Offset of each key; the last one counts when a key stands twice.

    Raises
    ------
    FormatError
        A line of the index is no key and offset, or points behind the end of the `.rec` file.
    """

    def __init__(
        self,
        idx_path: str | os.PathLike[str],
        uri: str | os.PathLike[str],
        flag: str,
        key_type: Callable[[Any], Any] = int,
    ) -> None:
        self.idx_path = file_name(idx_path, "idx_path")
        self.idx: dict[Any, int] = {}
        self.keys: list[Any] = []
        self.key_type = function(key_type, "key_type")
        self.fidx: Appender | None = None
        super().__init__(uri, flag)

    def open(self) -> None:
        """Open both files (again); files to write are emptied."""
        super().open()
        self.idx, self.keys = {}, []
        try:
            if self._reader is None:
                self.fidx = Appender(self.idx_path)
            else:
                self._load_index(self._reader.size())
        except BaseException:
            self.close()
            raise

    def _load_index(self, size: int) -> None:
        at = 0
        with open(self.idx_path, "rb") as stream:
            for line in stream:
                try:
                    fields = line.decode().strip().split("\t")
                    if len(fields) < 2 or not (fields[1].isascii() and fields[1].isdigit()):
                        raise ValueError("expected: key <tab> offset")
                    # The file has no place with more digits; int() of a million of them would take minutes.
                    offset = int(fields[1]) if len(fields[1]) < 20 else size
                    if offset >= size:
                        raise ValueError(f"the offset lies behind the end of {self.uri}, {size} bytes long")
                    key = self.key_type(fields[0])
                except (ValueError, TypeError) as error:
                    raise FormatError(f"{self.idx_path}, offset {at}: line {line[:60]!r}: {error}") from error
                self.idx[key] = offset
                self.keys.append(key)
                at += len(line)

    def close(self) -> None:
        """Write what is pending and close both files."""
        super().close()
        fidx, self.fidx = self.fidx, None
        if fidx is not None:
            fidx.close()

    def seek(self, idx: Any) -> None:
        """Make the record of key `idx` the next one; a forked process gets its own view of the file.

        Raises
        ------
        KeyError
            No such key.
        MXNetError
            The file is closed or open for writing.
        """
        if self.is_open and not self.writable and self.pid != os.getpid():
            self.reset()
        if self._reader is None:
            self._refuse("read")
        if not isinstance(idx, Hashable) or idx not in self.idx:
            raise KeyError(f"{self.idx_path} has no key {idx!r}")
        self._reader.seek(self.idx[idx])

    def tell(self) -> int:
        """Offset the next record will be written at."""
        return self._for_writing().position

    def read_idx(self, idx: Any) -> bytes | None:
        """The record of key `idx`.

        Raises
        ------
        KeyError
            No such key.
        FormatError
            No whole record stands at its offset.
        """
        self.seek(idx)
        return self.read()

    def write_idx(self, idx: Any, buf: bytes | bytearray | memoryview) -> None:
        """Append a record and note its offset under the key `idx`.

        Raises
        ------
        ValueError, TypeError
            `key_type` refuses `idx`, or the key's text holds a tab or line break; nothing is written.
        """
        writer, data = self._for_writing(), encode(_as_bytes(buf))
        try:
            key = self.key_type(idx)
        except (TypeError, ValueError, OverflowError) as error:
            kind = getattr(self.key_type, "__name__", "key_type")
            raise ValueError(f"idx must be something {kind} takes, got {shown(idx)}: {error}") from error
        text = str(key)
        if text != text.strip() or any(c in text for c in "\t\n\r"):
            raise ValueError(
                f"key {text!r} cannot be written to {self.idx_path}: no outer blanks, tabs, line breaks"
            )
        offset = writer.position
        writer.append(data)
        if self.fidx is not None:
            self.fidx.append(f"{text}\t{offset}\n".encode())
        self.idx[key] = offset
        self.keys.append(key)


def _as_bytes(buf: bytes | bytearray | memoryview) -> bytes:
    if isinstance(buf, bytes):
        return buf
    if isinstance(buf, bytearray | memoryview):
        return bytes(buf)
    raise TypeError(f"a record is written from bytes, got {type(buf).__name__}")


class HEADER(NamedTuple):
    """What stands in front of an image in its record.

    Attributes
    ----------
    flag : int
        0: `label` is one number. n > 0: it is an array of n numbers, stored behind the header.
    label : float or array of float32
        The label.
    id, id2 : int
        The number of the image, and its higher half (0 as a rule).
    """

    flag: Any
    label: Any
    id: Any
    id2: Any


IRHeader = HEADER
_HEADER = struct.Struct("<IfQQ")


def pack(header: Any, s: bytes) -> bytes:
    """Header and bytes as one record.

    Parameters
    ----------
    header : IRHeader or tuple
        Flag (replaced by the number of labels), label (a number or an array of any shape), id, id2.
    s : bytes
        What follows, an encoded image as a rule.

    Raises
    ------
    ValueError
        A field is no number or too large for its place (id: 64 bits without sign).

    Examples
    --------
    >>> unpack(pack(IRHeader(0, 4.0, 2574, 0), b"image"))
    (HEADER(flag=0, label=4.0, id=2574, id2=0), b'image')
    """
    if not isinstance(header, list | tuple) or len(header) != len(HEADER._fields):
        raise TypeError(f"header must be an IRHeader (flag, label, id, id2), got {shown(header)}")
    fields = IRHeader(*header)
    labels = b""
    if isinstance(fields.label, Number):
        fields = fields._replace(flag=0)
    else:
        array = np.asarray(fields.label, dtype="<f4")
        fields, labels = fields._replace(flag=array.size, label=0), array.tobytes()
    try:
        head = _HEADER.pack(*fields)
    except (struct.error, OverflowError) as error:
        raise ValueError(f"cannot pack {fields}: {error}") from error
    return head + labels + _as_bytes(s)


def unpack(s: bytes) -> tuple[HEADER, bytes]:
    """Header and remaining bytes of a record made by `pack`.

    Raises
    ------
    FormatError
        The record is shorter than its header or its labels.
    """
    if not isinstance(s, bytes | bytearray | memoryview):
        raise TypeError(f"s must be the bytes of a packed record, got {shown(s)}")
    if len(s) < _HEADER.size:
        raise FormatError(
            f"a packed record has a header of {_HEADER.size} bytes, this one has {len(s)} in all"
        )
    header = IRHeader(*_HEADER.unpack_from(s))
    at = _HEADER.size
    if header.flag:
        if header.flag > (len(s) - at) // 4:
            raise FormatError(
                f"packed record {header.id} says it has {header.flag} labels of 4 bytes, "
                f"{len(s) - at} bytes are left"
            )
        header = header._replace(label=np.frombuffer(s, "<f4", header.flag, at))
        at += 4 * header.flag
    return header, s[at:]


def pack_img(header: Any, img: Any, quality: int = 95, img_fmt: str = ".jpg") -> bytes:
    """Header and an image, encoded, as one record.

    Parameters
    ----------
    header : IRHeader or tuple
        See `pack`.
    img : numpy.ndarray of uint8, (height, width, 3), (height, width, 4) or (height, width[, 1])
        The image, its channels in the order blue, green, red (alpha).
    quality : int
        1 to 100 for JPEG, compression 0 to 9 for PNG (more counts as 9).
    img_fmt : {'.jpg', '.jpeg', '.png'}
        The format.

    Raises
    ------
    ImportError
        Pillow is absent.
    ValueError
        Not such an image, or another format.
    """
    from .image.codec import encode_image

    text(img_fmt, "img_fmt")
    return pack(header, encode_image(img, img_fmt, whole(quality, "quality")))


def unpack_img(s: bytes, iscolor: int = -1) -> tuple[HEADER, NDArray[np.uint8]]:
    """Header and decoded image of a record made by `pack_img`.

    Parameters
    ----------
    s : bytes
        The record.
    iscolor : int
        1: (height, width, 3) blue, green, red; 0: (height, width), grey; -1: as it was stored.

    Raises
    ------
    ImportError
        Pillow is absent.
    FormatError
        The header is damaged.
    MXNetError
        The image is.
    """
    from .image.codec import decode_image

    header, data = unpack(s)
    whole(iscolor, "iscolor")
    try:
        image = decode_image(data, iscolor)
    except MXNetError as error:
        raise type(error)(f"record {header.id}: {error}") from error
    if image.shape[2] == 1:
        return header, image[:, :, 0]
    order = [2, 1, 0, 3][: image.shape[2]]
    return header, np.ascontiguousarray(image[:, :, order])
