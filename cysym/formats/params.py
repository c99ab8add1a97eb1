"""The NDArray list file (`.params`, `.nd`): a list of arrays and their names, as NumPy data.

Layout (little-endian): u64 0x112, u64 0, u64 count, the records, u64 name count (0 or count), then u64
length + UTF-8 bytes per name. A record is V2 (normal) or V3 (np-shape mode); V1 and V0, written by MXNet
below 1.0, are read only. This module trusts no number in a file before it has compared it with the bytes
that are left, and knows no device: device type and id are carried as the two integers the file holds. Files
are written through `atomic`.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator, Sequence
from typing import Final, NoReturn

import numpy as np
from numpy.typing import NDArray

from ..arguments import file_name
from ..base import FormatError
from ..dtypes import NAMES, SIZES, TYPES
from .atomic import write_atomic

Array = NDArray[np.generic]
Loaded = tuple[Array, int, int]

LIST_MAGIC: Final = 0x112
V1_MAGIC: Final = 0xF993FAC8
V2_MAGIC: Final = 0xF993FAC9
V3_MAGIC: Final = 0xF993FACA
CPU: Final = (1, 0)
MAX_NDIM: Final = 64  # what NumPy 2 can hold
BFLOAT16: Final = 12
_DTYPES: Final = tuple(np.dtype(t).newbyteorder("<") for t in TYPES)
_SPARSE: Final = {1: ("row_sparse", ("indices",)), 2: ("csr", ("indptr", "indices"))}


def dumps(
    arrays: Sequence[Array],
    names: Sequence[str] = (),
    np_shape: bool = False,
    contexts: Sequence[tuple[int, int]] | None = None,
) -> Iterator[bytes | memoryview]:
    """The chunks of an NDArray list file, in order.

    Parameters
    ----------
    arrays : sequence of numpy.ndarray
        Any shape, strides and byte order; element types float16/32/64, uint8, int8/32/64 and bool.
    names : sequence of str
        One per array, or none at all (such a file loads back as a list).
    np_shape : bool
        Write V3 records, which also hold shape ``()``; MXNet loads them only inside ``np_shape``.
    contexts : sequence of (device type, device id), optional
        Per array; 1 is the CPU, 2 a GPU. CPU 0 when left out.

    Returns
    -------
    iterator of bytes-like
        Contiguous arrays are handed on without a copy.

    Raises
    ------
    TypeError
        An element type MXNet's files cannot hold (bfloat16 included: cast to float32 first).
    ValueError
        As many names or contexts as arrays are needed, names must differ, or shape ``()`` outside `np_shape`.

    Notes
    -----
    Source: ``NDArray::Save`` of MXNet 1.9.1; the bytes equal what ``mx.nd.save`` writes. Everything is
    checked before the first chunk is given out.

    >>> b"".join(dumps([np.ones(1, "float32")], ["w"])).hex()[:48]
    '120100000000000000000000000000000100000000000000'
    """
    places = list(contexts) if contexts is not None else [CPU] * len(arrays)
    if names and len(names) != len(arrays):
        raise ValueError(
            f"expected one name per array or none, got {len(names)} names for {len(arrays)} arrays"
        )
    if len(places) != len(arrays):
        raise ValueError(f"expected one context per array, got {len(places)} for {len(arrays)} arrays")
    if len(set(names)) != len(names):
        twice = sorted({name for name in names if list(names).count(name) > 1})
        raise ValueError(f"names of arrays must differ, got {twice[0]!r} more than once")
    encoded = [name.encode("utf-8") for name in names]
    headers = []
    for i, (array, place) in enumerate(zip(arrays, places, strict=True)):
        label = f"array {i} {names[i]!r}" if names else f"array {i}"
        headers.append(_record_header(label, array, place, np_shape))
    return _chunks(arrays, headers, encoded)


def save(
    path: str | os.PathLike[str],
    arrays: Sequence[Array],
    names: Sequence[str] = (),
    np_shape: bool = False,
    contexts: Sequence[tuple[int, int]] | None = None,
) -> None:
    """Write `dumps` of the same arguments to the file `path`, atomically."""
    write_atomic(path, dumps(arrays, names, np_shape, contexts))


def loads(
    buffer: bytes | bytearray | memoryview, np_shape: bool = False, source: str = "buffer"
) -> tuple[list[Loaded], list[str]]:
    """Read an NDArray list file from memory.

    Parameters
    ----------
    buffer : bytes-like
        The whole file.
    np_shape : bool
        Whether np-shape mode is on: V3 records load only inside it, V0 to V2 only outside, as in MXNet.
    source : str
        What error messages call the file.

    Returns
    -------
    arrays : list of (numpy.ndarray, device type, device id)
        Own, writable arrays in native byte order.
    names : list of str
        Empty, or one per array.

    Raises
    ------
    FormatError
        The bytes are not such a file; the message says file, byte offset, record, expected and got. Also for
        sparse arrays, which cysym does not have.

    Notes
    -----
    bfloat16 records (code 12) load as float32, which holds each of their values exactly: NumPy has no such
    type. No allocation is larger than the bytes the file really has (twice that for bfloat16).
    """
    reader = _Reader(memoryview(buffer).cast("B"), source)
    magic = reader.u64("the list magic")
    if magic == int.from_bytes(LIST_MAGIC.to_bytes(8, "little"), "big"):
        reader.fail(0, "this is a big-endian file; only little-endian ones can be read")
    if magic != LIST_MAGIC:
        text = bytes(reader.view[:8])
        hint = " (a symbol's text? that is mx.sym.load's)" if text.lstrip()[:1] == b"{" else ""
        found = f"got {magic:#x}, {text!r}{hint}"
        reader.fail(0, f"not an NDArray file: expected magic {LIST_MAGIC:#x}, {found}")
    if (reserved := reader.u64("the reserved word")) != 0:
        reader.fail(8, f"the reserved word: expected 0, got {reserved}")
    # The shortest record, V0 with one dimension, is five words.
    count = reader.count("the number of arrays", 20)
    arrays: list[Loaded] = []
    sparse: list[tuple[int, int, str]] = []
    for i in range(count):
        reader.where = f"record {i} of {count}, "
        start = reader.at
        loaded = _read_record(reader, np_shape)
        if isinstance(loaded, str):
            sparse.append((i, start, loaded))
        else:
            arrays.append(loaded)
    reader.where = ""
    names = _read_names(reader, count)
    if sparse:
        i, start, what = sparse[0]
        label = f"record {i} of {count} {names[i]!r}" if names else f"record {i} of {count}"
        reader.fail(
            start, f"{label} is {what}; cysym reads dense arrays only (save it with tostype('default'))"
        )
    return arrays, names


def load(path: str | os.PathLike[str], np_shape: bool = False) -> tuple[list[Loaded], list[str]]:
    """Read the file `path` with `loads`; a file that cannot be opened is the usual OSError."""
    with open(file_name(path), "rb") as stream:
        return loads(stream.read(), np_shape, os.fspath(path))


def _record_header(label: str, array: Array, place: tuple[int, int], np_shape: bool) -> bytes:
    name = array.dtype.name
    if name not in NAMES:
        raise TypeError(f"{label} has dtype {array.dtype}; an NDArray file holds {', '.join(NAMES)}")
    if array.ndim == 0 and not np_shape:
        raise ValueError(
            f"{label} has shape (); outside np_shape a file holds no scalars: reshape it to (1,)"
        )
    dims = array.shape
    form = f"<Iii{len(dims)}qiii"
    magic = V3_MAGIC if np_shape else V2_MAGIC
    return struct.pack(form, magic, 0, len(dims), *dims, *place, NAMES.index(name))


def _chunks(
    arrays: Sequence[Array], headers: list[bytes], names: list[bytes]
) -> Iterator[bytes | memoryview]:
    yield struct.pack("<QQQ", LIST_MAGIC, 0, len(arrays))
    for array, header in zip(arrays, headers, strict=True):
        yield header
        if array.size:
            plain = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
            yield plain.reshape(-1).view(np.uint8).data
    yield struct.pack("<Q", len(names))
    for name in names:
        yield struct.pack("<Q", len(name)) + name


class _Reader:
    """A cursor over the file that never moves past the end, and says where it stood when it fails."""

    def __init__(self, view: memoryview, source: str) -> None:
        self.view = view
        self.source = source
        self.at = 0
        self.where = ""

    def fail(self, offset: int, message: str) -> NoReturn:
        raise FormatError(f"Invalid NDArray file format: {self.source}, byte {offset}: {self.where}{message}")

    @property
    def left(self) -> int:
        return len(self.view) - self.at

    def take(self, size: int, what: str) -> memoryview:
        if size > self.left:
            self.fail(self.at, f"{what} needs {size} bytes, the file has {self.left} left")
        self.at += size
        return self.view[self.at - size : self.at]

    def ints(self, form: str, what: str) -> tuple[int, ...]:
        return struct.unpack("<" + form, self.take(struct.calcsize("<" + form), what))

    def u64(self, what: str) -> int:
        return self.ints("Q", what)[0]

    def u32(self, what: str) -> int:
        return self.ints("I", what)[0]

    def i32(self, what: str) -> int:
        return self.ints("i", what)[0]

    def count(self, what: str, item_size: int) -> int:
        """A u64 that says how many items of at least `item_size` bytes follow."""
        start = self.at
        value = self.u64(what)
        if value * item_size > self.left:
            self.fail(
                start, f"{what} is {value}; the {self.left} bytes left hold at most {self.left // item_size}"
            )
        return value

    def dims(self, ndim: int, start: int, code: str, what: str) -> tuple[int, ...]:
        if not 0 <= ndim <= MAX_NDIM:
            self.fail(start, f"{what}: expected 0 to {MAX_NDIM} dimensions, got {ndim}")
        at = self.at
        dims = self.ints(f"{ndim}{code}", f"{what} of {ndim} dimensions")
        for i, dim in enumerate(dims):
            if dim < 0:
                self.fail(at + 8 * i, f"{what} {dims}: expected no dimension below 0, got {dim}")
        return dims

    def shape(self, what: str) -> tuple[int, ...]:
        start = self.at
        return self.dims(self.i32(f"the rank of {what}"), start, "q", what)

    def dtype(self, what: str) -> int:
        start = self.at
        code = self.i32(what)
        if code != BFLOAT16 and not 0 <= code < len(NAMES):
            self.fail(start, f"{what}: expected a code of 0 to {len(NAMES) - 1} or {BFLOAT16}, got {code}")
        return code

    def values(self, shape: tuple[int, ...], code: int, what: str) -> memoryview:
        # Python integers do not overflow, so a product of hostile dimensions is simply too many bytes.
        size = 2 if code == BFLOAT16 else SIZES[code]
        full = size
        for dim in shape:
            size *= dim
            full *= max(dim, 1)
        if full >= 2**63:
            # Zero dimensions hide nothing: NumPy refuses such a shape even when the array holds no value.
            self.fail(
                self.at, f"{what} of shape {shape}: its dimensions multiply to more than any array can hold"
            )
        return self.take(size, f"{what} of shape {shape}, {'bfloat16' if code == BFLOAT16 else NAMES[code]},")


def _read_record(reader: _Reader, np_shape: bool) -> Loaded | str:
    """One record; a sparse one is stepped over and described, so that its name can still be found."""
    start = reader.at
    magic = reader.u32("the record's magic")
    version = {V1_MAGIC: 1, V2_MAGIC: 2, V3_MAGIC: 3}.get(magic, 0)
    if version == 3 and not np_shape:
        reader.fail(start, "this array was saved in np-shape mode (V3): load it inside np_shape")
    if version < 3 and np_shape:
        reader.fail(
            start, f"this array was saved outside np-shape mode (V{version}): load it outside np_shape"
        )
    storage = 0
    if version >= 2:
        storage = reader.i32("the storage type")
        if storage != 0 and storage not in _SPARSE:
            reader.fail(start + 4, f"the storage type: expected 0 (dense), 1 or 2 (sparse), got {storage}")
    stored = reader.shape("the storage shape") if storage else ()
    if version == 0:
        if magic > MAX_NDIM:
            reader.fail(
                start, f"expected a record's magic (or, in old files, a rank up to 64), got {magic:#x}"
            )
        shape = reader.dims(magic, start, "I", "the shape")
    else:
        shape = reader.shape("the shape")
    if not shape and version < 3:
        reader.fail(start, "an empty record (0 dimensions outside np-shape mode) holds no array")
    device_type, device_id = reader.ints("ii", "the context")
    code = reader.dtype("the element type")
    if storage:
        return _skip_sparse(reader, storage, stored, shape, code)
    return _to_array(reader.values(shape, code, "values"), shape, code), device_type, device_id


def _skip_sparse(
    reader: _Reader, storage: int, stored: tuple[int, ...], shape: tuple[int, ...], code: int
) -> str:
    kind, parts = _SPARSE[storage]
    layouts = [
        (reader.dtype(f"the element type of {part}"), reader.shape(f"the shape of {part}")) for part in parts
    ]
    reader.values(stored, code, "values")
    for part, (part_code, part_shape) in zip(parts, layouts, strict=True):
        reader.values(part_shape, part_code, part)
    return f"a sparse array ({kind}, shape {shape}, {len(stored) and stored[0]} rows of values stored)"


def _to_array(values: memoryview, shape: tuple[int, ...], code: int) -> Array:
    if code == BFLOAT16:
        # A bfloat16 is the upper half of the float32 of the same value.
        wide = np.frombuffer(values, "<u2").astype(np.uint32)
        wide <<= 16
        widened: Array = wide.view(np.float32).reshape(shape)
        return widened
    if NAMES[code] == "bool":
        # Any other byte than 0 and 1 in a NumPy bool is undefined behaviour.
        truth: Array = (np.frombuffer(values, np.uint8) != 0).reshape(shape)
        return truth
    native: Array = np.frombuffer(values, _DTYPES[code]).astype(TYPES[code]).reshape(shape)
    return native


def _read_names(reader: _Reader, count: int) -> list[str]:
    start = reader.at
    number = reader.count("the number of names", 8)
    if number not in (0, count):
        reader.fail(start, f"the number of names: expected 0 or {count}, got {number}")
    names: list[str] = []
    seen: dict[str, int] = {}
    for i in range(number):
        reader.where = f"name {i} of {number}, "
        size = reader.count("its length", 1)
        start = reader.at
        try:
            name = str(reader.take(size, "its text"), "utf-8")
        except UnicodeDecodeError as error:
            reader.fail(start, f"expected UTF-8, got {error.reason} at byte {error.start} of it")
        if name in seen:
            reader.fail(start, f"{name!r} is also the name of record {seen[name]}")
        seen[name] = i
        names.append(name)
    reader.where = ""
    if reader.left:
        reader.fail(reader.at, f"expected the end of the file, got {reader.left} bytes more")
    return names
