"""NumPy's own files, `.npy` and `.npz`, read as `params` reads MXNet's: an extension, as MXNet 2 has it.

Only numbers of the element types NDArrays have; never a pickle. No number of a file is trusted before it was
compared with the bytes there are: the header of an array against the size its archive states, that size
against what its compressed bytes can hold at most. Writing is NumPy's: `numpy.savez(file, w=w.asnumpy())`.
The result goes to `mx.nd.load`.
"""

from __future__ import annotations

import io
from typing import IO, TYPE_CHECKING, Final, NoReturn

import numpy as np

from ..base import FormatError
from ..dtypes import NAMES
from .params import CPU, MAX_NDIM, Array, Loaded

if TYPE_CHECKING:
    import zipfile

NPY_MAGIC: Final = b"\x93NUMPY"
ZIP_MAGIC: Final = b"PK\x03\x04"
EMPTY_ZIP: Final = b"PK\x05\x06"
CHUNK: Final = 1 << 20
DEFLATE_RATIO: Final = 1032  # the most bytes a compressed byte can stand for
_SUFFIX: Final = ".npy"


def is_numpy(start: bytes) -> bool:
    """Whether a file that starts so is one of NumPy's; eight bytes are enough."""
    return start.startswith((NPY_MAGIC, ZIP_MAGIC, EMPTY_ZIP))


def loads(
    buffer: bytes | bytearray | memoryview, np_shape: bool = False, source: str = "buffer"
) -> tuple[list[Loaded], list[str] | None]:
    """Read a `.npy` or `.npz` file from memory.

    Parameters
    ----------
    buffer : bytes-like
        The whole file; `is_numpy` of its start holds.
    np_shape : bool
        Whether np-shape mode is on. Outside it an array of shape ``()`` becomes one of shape ``(1,)``, as
        ``mx.nd.array`` makes it.
    source : str
        What error messages call the file.

    Returns
    -------
    arrays : list of (numpy.ndarray, device type, device id)
        Own, writable arrays in C order and native byte order.
    names : list of str, or None
        Of a `.npz`: the names given to ``numpy.savez``. None for a `.npy`, which has no names.

    Raises
    ------
    FormatError
        Anything else than arrays of numbers, or bytes that do not add up; the message says file, member,
        expected and got.
    """
    size = memoryview(buffer).nbytes
    stream = io.BytesIO(buffer)
    if bytes(stream.getbuffer()[: len(NPY_MAGIC)]) == NPY_MAGIC:
        return [(_read_array(stream, size, np_shape, f"Invalid .npy file: {source}"), *CPU)], None
    return _read_archive(stream, size, np_shape, f"Invalid .npz file: {source}")


def _fail(where: str, message: str) -> NoReturn:
    raise FormatError(f"{where}: {message}")


def _read_archive(
    data: IO[bytes], size: int, np_shape: bool, where: str
) -> tuple[list[Loaded], list[str] | None]:
    import zipfile

    try:
        archive = zipfile.ZipFile(data)
        members = archive.infolist()
    except Exception as error:  # zipfile raises much besides BadZipFile where offsets lie
        _fail(where, f"not a sound zip archive: {error}")
    stored = sum(member.compress_size for member in members)
    if stored > size:
        _fail(where, f"its {len(members)} members claim {stored} bytes, the file has {size}")
    arrays: dict[str, Loaded] = {}
    for member in members:
        inside = f"{where}, member {member.filename!r}"
        _check_member(member, inside)
        name = member.filename[: -len(_SUFFIX)]
        if name in arrays:
            _fail(inside, "the archive has two arrays of this name")
        try:
            with archive.open(member) as stream:
                array = _read_array(stream, member.file_size, np_shape, inside)
        except FormatError:
            raise
        except Exception as error:  # zipfile raises much besides BadZipFile where offsets lie
            _fail(inside, f"cannot be unpacked: {error}")
        arrays[name] = (array, *CPU)
    return list(arrays.values()), list(arrays)


def _check_member(member: zipfile.ZipInfo, where: str) -> None:
    import zipfile

    if not member.filename.endswith(_SUFFIX):
        _fail(where, "expected an array, a name that ends in .npy")
    if member.flag_bits & 1:
        _fail(where, "is encrypted")
    most = {zipfile.ZIP_STORED: 1, zipfile.ZIP_DEFLATED: DEFLATE_RATIO}.get(member.compress_type)
    if most is None:
        _fail(where, f"expected compression 0 (none) or 8 (deflate), got {member.compress_type}")
    if member.file_size > most * member.compress_size:
        _fail(where, f"{member.compress_size} bytes cannot hold the {member.file_size} it claims")


def _read_array(stream: IO[bytes], size: int, np_shape: bool, where: str) -> Array:
    """The array of a `.npy` stream of `size` bytes."""
    shape, is_fortran, dtype, begin = _read_header(stream, where)
    count, full = 1, dtype.itemsize
    for dim in shape:
        count *= dim
        full *= max(dim, 1)
    # dimensions of 0 hide nothing: NumPy refuses such a shape even where the array holds no value
    if full >= 2**63:
        _fail(where, f"the dimensions of shape {shape} multiply to more than any array can hold")
    if begin + count * dtype.itemsize != size:
        _fail(
            where,
            f"values of shape {shape}, {dtype}, need {count * dtype.itemsize} bytes, "
            f"{max(size - begin, 0)} follow the header",
        )
    raw = np.empty(count * dtype.itemsize, np.uint8)
    at = 0
    while at < len(raw):
        part = stream.read(min(CHUNK, len(raw) - at))
        if not part:
            _fail(where, f"ends after {at} of {len(raw)} bytes of values")
        raw[at : at + len(part)] = np.frombuffer(part, np.uint8)
        at += len(part)
    if stream.read(1):
        _fail(where, "has more bytes than it claims")
    if dtype.kind == "b":
        raw = (raw != 0).view(np.uint8)  # any other byte than 0 and 1 in a NumPy bool is undefined behaviour
    array: Array = raw.view(dtype).reshape(shape, order="F" if is_fortran else "C")
    array = np.ascontiguousarray(array, dtype.newbyteorder("="))
    return array.reshape(shape if shape or np_shape else (1,))


def _read_header(stream: IO[bytes], where: str) -> tuple[tuple[int, ...], bool, np.dtype[np.generic], int]:
    """Shape, whether columns come first, element type, and where the values begin."""
    try:
        version = np.lib.format.read_magic(stream)
        if version not in ((1, 0), (2, 0)):
            _fail(where, f"expected version 1.0 or 2.0 of the format, got {version[0]}.{version[1]}")
        read = (
            np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        )
        counted = _Counted(stream)
        shape, is_fortran, dtype = read(counted)
    except FormatError:
        raise
    except Exception as error:  # a hostile header can make Python's parser raise almost anything
        _fail(where, f"no header of an array: {type(error).__name__}: {str(error)[:200]}")
    if dtype.hasobject:
        _fail(where, "holds Python objects (a pickle), which are never read; save an array of numbers")
    if dtype.name not in NAMES:
        _fail(where, f"has dtype {dtype}; expected one of {', '.join(NAMES)}")
    if len(shape) > MAX_NDIM or any(type(dim) is not int or dim < 0 for dim in shape):
        _fail(where, f"expected up to {MAX_NDIM} dimensions of 0 or more, got {str(shape)[:200]}")
    return shape, is_fortran, dtype, len(NPY_MAGIC) + 2 + counted.count


class _Counted:
    """Reads for NumPy and counts how much."""

    def __init__(self, stream: IO[bytes]) -> None:
        self.stream, self.count = stream, 0

    def read(self, size: int = -1, /) -> bytes:
        part = self.stream.read(size)
        self.count += len(part)
        return part
