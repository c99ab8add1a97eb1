"""`.npy` and `.npz` files: NumPy's own arrays, and files that lie about themselves."""

from __future__ import annotations

import io
import pickle
import random
import struct
import tracemalloc
import warnings
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cysym as mx
from cysym.base import FormatError

TYPES = ("float32", "float64", "float16", "uint8", "int32", "int8", "int64", "bool")


def npy(array: Any, **options: Any) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array, **options)
    return stream.getvalue()


def npz(compressed: bool = False, **arrays: Any) -> bytes:
    stream = io.BytesIO()
    (np.savez_compressed if compressed else np.savez)(stream, **arrays)
    return stream.getvalue()


def header(text: str, version: bytes = b"\x01\x00") -> bytes:
    """The bytes of a `.npy` up to its values."""
    raw = text.encode("latin1") + b"\n"
    return b"\x93NUMPY" + version + struct.pack("<H" if version[:1] == b"\x01" else "<I", len(raw)) + raw


def archive(*members: tuple[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    stream = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(stream, "w", method) as made:
        warnings.simplefilter("ignore")  # of names given twice
        for name, content in members:
            made.writestr(name, content)
    return stream.getvalue()


@pytest.mark.parametrize("compressed", [False, True])
def test_round_trip(compressed: bool, tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    base = rng.standard_normal((3, 4, 5)) * 9
    arrays = {t: base.astype(t) for t in TYPES}
    arrays |= {"turned": base.T, "sliced": base[::2, 1:], "big-endian": base.astype(">f4"), "none": base[:0]}
    path = tmp_path / "parameters.anything"  # the content decides, not the name
    path.write_bytes(npz(compressed, **arrays))
    for loaded in (mx.nd.load(str(path)), mx.nd.load(path), mx.nd.load_frombuffer(path.read_bytes())):
        assert list(loaded) == list(arrays)
        for name, array in arrays.items():
            assert loaded[name].dtype == array.dtype.newbyteorder("=")
            np.testing.assert_array_equal(loaded[name].asnumpy(), array)
            loaded[name][:] = 1  # its own memory


def test_one_array_is_a_list(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.arange(6.0).reshape(2, 3))
    (loaded,) = mx.nd.load(tmp_path / "a.npy")
    np.testing.assert_array_equal(loaded.asnumpy(), np.arange(6.0).reshape(2, 3))


def test_written_by_numpy_from_ndarrays(tmp_path: Path) -> None:
    """The way out that the documents show."""
    arrays = {"arg:w": mx.nd.ones((2, 3)), "aux:m": mx.nd.zeros((1,), dtype="int8")}
    np.savez(tmp_path / "net.npz", **{name: array.asnumpy() for name, array in arrays.items()})
    loaded = mx.nd.load(str(tmp_path / "net.npz"))
    assert {n: (a.shape, a.dtype) for n, a in loaded.items()} == {
        n: (a.shape, a.dtype) for n, a in arrays.items()
    }


def test_shapes_in_both_modes() -> None:
    data = npz(scalar=np.float32(2.5), none=np.zeros((0, 3), "int8"))
    outside = mx.nd.load_frombuffer(data)
    assert [a.shape for a in outside.values()] == [(1,), (0, 3)]
    assert outside["scalar"].asnumpy() == 2.5
    with mx.util.np_shape(True):
        assert [a.shape for a in mx.nd.load_frombuffer(data).values()] == [(), (0, 3)]


def test_no_arrays_and_names_without_letters() -> None:
    assert mx.nd.load_frombuffer(npz()) == {}
    assert list(mx.nd.load_frombuffer(archive((".npy", npy(np.ones(1)))))) == [""]
    assert list(mx.nd.load_frombuffer(archive(("a/b.npy", npy(np.ones(1)))))) == ["a/b"]


def test_odd_bytes_of_bools_become_true() -> None:
    data = npy(np.array([True, False, True]))[:-3] + b"\x00\x02\xff"
    (loaded,) = mx.nd.load_frombuffer(data)
    assert loaded.asnumpy().view(np.uint8).tolist() == [0, 1, 1]


class Bomb:
    """Its pickle, where anything unpickles it, leaves a mark."""

    fired: list[bool] = []

    def __reduce__(self) -> Any:
        return Bomb.fired.append, (True,)


def test_pickles_are_never_read() -> None:
    array = np.empty(1, object)
    array[0] = Bomb()
    data = npy(array, allow_pickle=True)
    for content in (data, archive(("w.npy", data)), archive(("w.pkl", pickle.dumps(Bomb())))):
        with pytest.raises(FormatError):
            mx.nd.load_frombuffer(content)
    assert not Bomb.fired


FLOATS = "{'descr': '<f4', 'fortran_order': False, 'shape': %s, }"
SOUND = npz(w=np.arange(100, dtype="float32"), b=np.arange(3))


def patched(data: bytes, old: bytes, new: bytes) -> bytes:
    assert len(old) == len(new)
    assert old in data
    return data.replace(old, new)


def claiming(size: int) -> bytes:
    """An archive of one deflated member that claims `size` bytes."""
    zeros = header(FLOATS % f"({size // 4},)") + bytes(400)
    data = archive(("w.npy", zeros), method=zipfile.ZIP_DEFLATED)
    return patched(data, struct.pack("<I", len(zeros)), struct.pack("<I", size))


LIES: dict[str, tuple[bytes, str]] = {
    "objects": (npy(np.array([None]), allow_pickle=True), r"\.npy file: here: holds Python objects"),
    "text": (npy(np.array(["a"])), "has dtype <U1; expected one of float32"),
    "uint16": (npy(np.arange(3, dtype="u2")), "has dtype uint16"),
    "complex": (npy(np.ones(2, "complex64")), "has dtype complex64"),
    "fields": (npy(np.zeros(2, [("a", "f4")])), "has dtype"),
    "version": (header(FLOATS % "(1,)", b"\x03\x00"), r"version 1.0 or 2.0 .*got 3.0"),
    "short header": (header(FLOATS % "(1,)")[:20], "no header of an array"),
    "code": (header("__import__('os').system('true')"), "no header of an array"),
    "deep": (header("(" * 4000 + ")" * 4000), "no header of an array"),
    "long": (header(FLOATS % ("(1," + " " * 70000 + ")"), b"\x02\x00"), "no header of an array"),
    "negative": (header(FLOATS % "(-1, 4)") + bytes(16), "dimensions of 0 or more"),
    "flags": (header(FLOATS % "(True,)") + bytes(4), "dimensions of 0 or more"),
    "many": (header(FLOATS % ("(" + "1," * 65 + ")")) + bytes(4), "up to 64 dimensions"),
    "huge": (header(FLOATS % f"({2**40},)") + bytes(16), "need 4398046511104 bytes, 16 follow"),
    "overflow": (header(FLOATS % f"({2**33}, {2**33})") + bytes(16), "more than any array can hold"),
    "hidden by 0": (header(FLOATS % f"(0, {2**62})"), "more than any array can hold"),
    "few": (npy(np.ones(5))[:-1], "need 40 bytes, 39 follow"),
    "more": (npy(np.ones(5)) + b"x", "need 40 bytes, 41 follow"),
    "cut archive": (SOUND[:-30], r"\.npz file: here: not a sound zip archive"),
    "no directory": (SOUND[:300], "not a sound zip archive"),
    "not an array": (archive(("readme.txt", b"hello")), "member 'readme.txt': expected an array"),
    "no magic": (archive(("w.npy", b"hello" * 20)), "member 'w.npy': no header of an array"),
    "two of a name": (archive(("w.npy", npy(1.0)), ("w.npy", npy(2.0))), "two arrays of this name"),
    "bzip2": (archive(("w.npy", npy(1.0)), method=zipfile.ZIP_BZIP2), "expected compression 0 .* got 12"),
    "damage": (
        patched(SOUND, np.float32(7).tobytes(), np.float32(8).tobytes()),
        "member 'w.npy': .*Bad CRC",
    ),
    "claims": (claiming(2**30), r"cannot hold the 1073741824 it claims"),
}


@pytest.fixture
def no_big_allocation() -> Iterator[None]:
    tracemalloc.start()
    yield
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4_000_000


@pytest.mark.usefixtures("no_big_allocation")
@pytest.mark.parametrize("name", LIES)
def test_lies_are_found_before_allocating(name: str, tmp_path: Path) -> None:
    data, message = LIES[name]
    path = tmp_path / "here"
    path.write_bytes(data)
    with pytest.raises(FormatError, match=message.replace("here", str(path))):
        mx.nd.load(str(path))


@pytest.mark.usefixtures("no_big_allocation")
def test_members_that_overlap() -> None:
    """Many entries of the directory that share one member's bytes: each small file would unpack again."""
    data = npy(np.zeros(20000))
    one = archive(("w.npy", data))
    with zipfile.ZipFile(io.BytesIO(one)) as made:
        start = made.start_dir
    entry, end = one[start:-22], one[-22:]
    entries = [entry.replace(b"w.npy", b"%05d" % i).replace(b"\x05\x00", b"\x09\x00", 1) for i in range(9)]
    entries = [e[:46] + b"%05d.npy" % i + e[46 + 5 :] for i, e in enumerate(entries)]
    whole = b"".join(entries)
    tail = end[:8] + struct.pack("<HHII", 9, 9, len(whole), start) + end[20:]
    with pytest.raises(FormatError, match=r"its 9 members claim \d+ bytes"):
        mx.nd.load_frombuffer(one[:start] + whole + tail)


@pytest.mark.usefixtures("no_big_allocation")
@pytest.mark.parametrize("compressed", [False, True])
def test_every_cut_is_found(compressed: bool) -> None:
    for data in (npz(compressed, a=np.arange(7.0), b=np.ones((2, 2), "int8")), npy(np.arange(7.0))):
        for size in range(len(data)):
            with pytest.raises(FormatError):
                mx.nd.load_frombuffer(data[:size])


@pytest.mark.usefixtures("no_big_allocation")
@pytest.mark.filterwarnings("ignore")
def test_random_damage_never_does_anything_else() -> None:
    rng = random.Random(5)
    refused = 0
    for data in (npz(True, a=np.arange(50.0)), npz(a=np.arange(9, dtype="int8")), npy(np.arange(9.0))):
        for _ in range(300):
            damaged = bytearray(data)
            for _ in range(rng.randrange(1, 4)):
                at, size = rng.randrange(len(data)), rng.choice((1, 2, 4, 8))
                damaged[at : at + size] = rng.choice((rng.randbytes(size), b"\xff" * size, bytes(size)))
            try:
                mx.nd.load_frombuffer(bytes(damaged))
            except FormatError:
                refused += 1
    assert refused > 400
