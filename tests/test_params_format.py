"""The NDArray list file: MXNet's own files, round trips, and files that lie about themselves."""

from __future__ import annotations

import json
import os
import random
import signal
import stat
import struct
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cysym.base import FormatError
from cysym.formats import params
from cysym.formats.atomic import write_atomic

FILES = Path(__file__).resolve().parent / "recorded" / "files"
EXPECTED = json.loads((FILES / "expected.json").read_text())["files"]
DTYPES = ("float32", "float64", "float16", "uint8", "int32", "int8", "int64", "bool")
V2 = params.V2_MAGIC


def text(arrays: list[Any], names: list[str] | None = None, np_shape: bool = False) -> bytes:
    return b"".join(params.dumps(arrays, names or [], np_shape))


def record(
    shape: tuple[int, ...],
    data: bytes,
    code: int = 0,
    magic: int = V2,
    storage: int = 0,
    context: Any = (1, 0),
) -> bytes:
    head = struct.pack("<Ii", magic, storage) if magic > params.V1_MAGIC else struct.pack("<I", magic)
    return head + struct.pack(f"<i{len(shape)}qiii", len(shape), *shape, *context, code) + data


def container(*records: bytes, names: bytes = struct.pack("<Q", 0)) -> bytes:
    return struct.pack("<QQQ", 0x112, 0, len(records)) + b"".join(records) + names


@pytest.mark.parametrize("name", sorted(set(EXPECTED) - {"row_sparse.params"}))
def test_reads_what_mxnet_wrote(name: str) -> None:
    loaded, names = params.load(FILES / name)
    expected = EXPECTED[name]
    # MXNet's own reader gives an empty dictionary back as a list.
    entries = [expected[key] for key in names] if isinstance(expected, dict) else expected
    assert sorted(names) == (sorted(expected) if isinstance(expected, dict) else [])
    assert len(loaded) == len(entries)
    for (array, *context), entry in zip(loaded, entries, strict=True):
        assert (str(array.dtype), list(array.shape)) == (entry["dtype"], entry["shape"])
        np.testing.assert_array_equal(array.ravel(), np.array(entry["values"], entry["dtype"]))
        assert array.flags.writeable
        assert context == ([2, 3] if name == "v0_gpu.params" else [1, 0])


@pytest.mark.parametrize(
    "name", sorted(set(EXPECTED) - {"row_sparse.params", "v0.params", "v0_gpu.params", "v1.params"})
)
def test_writes_the_bytes_mxnet_wrote(name: str) -> None:
    loaded, names = params.load(FILES / name)
    assert text([array for array, _, _ in loaded], names) == (FILES / name).read_bytes()


def test_sparse_arrays_are_refused_by_name() -> None:
    with pytest.raises(
        FormatError, match=r"row_sparse.params, byte 24: record 0 of 1 'r' is a sparse array \(row_sparse"
    ):
        params.load(FILES / "row_sparse.params")
    csr = struct.pack("<Ii", V2, 2) + struct.pack("<iq", 1, 2) + struct.pack("<i2q", 2, 2, 3)
    csr += struct.pack("<iii", 1, 0, 0) + struct.pack("<iiq", 6, 1, 3) + struct.pack("<iiq", 6, 1, 2)
    csr += np.float32([1, 2]).tobytes() + np.int64([0, 1, 2]).tobytes() + np.int64([0, 2]).tobytes()
    with pytest.raises(FormatError, match=r"record 1 of 2 is a sparse array \(csr, shape \(2, 3\)"):
        params.loads(container(record((1,), bytes(4)), csr))


def test_round_trip_of_types_strides_and_byte_orders() -> None:
    rng = np.random.default_rng(0)
    arrays = [(rng.standard_normal((2, 3, 5)) * 9).astype(dtype) for dtype in DTYPES]
    arrays += [arrays[0].T, arrays[1][::-1, 1:, ::2], arrays[4].astype(">i4"), np.empty((0, 7), "float32")]
    names = [f"arg:{i}-\u00fc\u65e5" for i in range(len(arrays))]
    loaded, read_names = params.loads(text(arrays, names))
    assert read_names == names
    for array, (read, *context) in zip(arrays, loaded, strict=True):
        np.testing.assert_array_equal(array, read)
        assert (read.dtype, context) == (array.dtype.newbyteorder("="), [1, 0])


def test_contexts_are_carried() -> None:
    data = b"".join(params.dumps([np.ones(1, "f4")] * 2, contexts=[(2, 3), (1, 0)]))
    assert [tuple(context) for _, *context in params.loads(data)[0]] == [(2, 3), (1, 0)]


def test_np_shape_mode_is_kept_apart() -> None:
    arrays = [np.array(2.5, "float32"), np.empty((0, 3), "int8")]
    data = text(arrays, np_shape=True)
    loaded, _ = params.loads(data, np_shape=True)
    assert [array.shape for array, _, _ in loaded] == [(), (0, 3)]
    assert loaded[0][0] == 2.5
    with pytest.raises(FormatError, match=r"\(V3\): load it inside np_shape"):
        params.loads(data)
    for name in ("dict.params", "v1.params", "v0.params"):
        with pytest.raises(FormatError, match="load it outside np_shape"):
            params.load(FILES / name, np_shape=True)
    with pytest.raises(ValueError, match=r"array 0 'x' has shape \(\)"):
        params.dumps(arrays[:1], ["x"])


def test_bfloat16_is_widened() -> None:
    values = np.array([1.0, -2.5, 3.140625, np.inf], "float32")
    half = (values.view("<u4") >> 16).astype("<u2").tobytes()
    ((array, _, _),), _ = params.loads(container(record((2, 2), half, code=params.BFLOAT16)))
    assert array.dtype == np.float32
    np.testing.assert_array_equal(array.ravel(), values)


def test_odd_bool_bytes_become_true() -> None:
    ((array, _, _),), _ = params.loads(container(record((3,), b"\x00\x01\x07", code=7)))
    assert array.view(np.uint8).tolist() == [0, 1, 1]


@pytest.mark.parametrize(
    "bad", [np.ones(2, "complex64"), np.ones(2, "uint16"), np.array(["a"]), np.ones(2, "M8[s]")]
)
def test_other_types_are_refused_before_a_byte_is_written(bad: Any, tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="array 1 'b' has dtype"):
        params.save(tmp_path / "x", [np.ones(1), bad], ["a", "b"])
    assert list(tmp_path.iterdir()) == []


def test_names_must_fit() -> None:
    one = np.ones(1)
    with pytest.raises(ValueError, match="got 1 names for 2 arrays"):
        params.dumps([one, one], ["a"])
    with pytest.raises(ValueError, match="'a' more than once"):
        params.dumps([one, one], ["a", "a"])
    with pytest.raises(ValueError, match="expected one context per array, got 1 for 2"):
        params.dumps([one, one], contexts=[(1, 0)])


def small_file() -> bytes:
    return text(
        [np.arange(6, dtype="float32").reshape(2, 3), np.arange(3, dtype="uint8")], ["arg:w", "aux:m"]
    )


HUGE = 2**62
LIES: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "byte 0: the list magic needs 8 bytes, the file has 0"),
    "text": (b'{"nodes": []}   ', "byte 0: not an NDArray file"),
    "big-endian": (struct.pack(">Q", 0x112) + small_file()[8:], "big-endian"),
    "reserved": (struct.pack("<QQQ", 0x112, 5, 0) + bytes(8), "byte 8: the reserved word: expected 0, got 5"),
    "count": (
        struct.pack("<QQQ", 0x112, 0, 2**64 - 1) + bytes(64),
        "byte 16: the number of arrays is 18446744073709551615",
    ),
    "record magic": (
        container(struct.pack("<I", 0xF993FACB) + bytes(60)),
        "record 0 of 1, expected a record's magic",
    ),
    "storage": (
        container(record((2,), bytes(8), storage=3)),
        "byte 28: record 0 of 1, the storage type: expected 0",
    ),
    "negative rank": (container(struct.pack("<Iii", V2, 0, -1) + bytes(60)), "byte 32: .*, got -1"),
    "huge rank": (
        container(struct.pack("<Iii", V2, 0, 2**31 - 1) + bytes(60)),
        "0 to 64 dimensions, got 2147483647",
    ),
    "huge old rank": (container(struct.pack("<I", 65) + bytes(600)), "got 0x41"),
    "no array": (container(struct.pack("<Iii", V2, 0, 0) + bytes(30)), "0 dimensions outside np-shape mode"),
    "negative dim": (
        container(record((2, -3), bytes(24))),
        r"byte 44: .*\(2, -3\): expected no dimension below 0",
    ),
    "huge dim": (
        container(record((2**40,), bytes(24))),
        "byte 56: .* needs 4398046511104 bytes, the file has 32",
    ),
    "overflowing dims": (container(record((2**33, 2**33), bytes(24))), r"shape \(8589934592, 8589934592\)"),
    "wrapping to 0": (container(record((2**32, 2**32), b"", code=3)), r"multiply to more than any array"),
    "hidden by 0": (container(record((0, HUGE, HUGE), b"")), "multiply to more than any array"),
    "dtype": (container(record((2,), bytes(8), code=8)), "byte 52: .*expected a code of 0 to 7 or 12, got 8"),
    "negative dtype": (container(record((2,), bytes(8), code=-1)), "got -1"),
    "name count": (
        container(record((1,), bytes(4)), names=struct.pack("<QQQ", 2, 0, 0)),
        "expected 0 or 1, got 2",
    ),
    "huge name count": (
        container(record((1,), bytes(4)), names=struct.pack("<Q", 2**63)),
        "the number of names is 9223",
    ),
    "name length": (
        container(record((1,), bytes(4)), names=struct.pack("<QQ", 1, 2**63) + b"ab"),
        "name 0 of 1, its length is 9223372036854775808; the 2 bytes left",
    ),
    "name bytes": (
        container(record((1,), bytes(4)), names=struct.pack("<QQ", 1, 1) + b"\xff"),
        "expected UTF-8",
    ),
    "equal names": (
        container(*[record((1,), bytes(4))] * 2, names=struct.pack("<QQcQc", 2, 1, b"a", 1, b"a")),
        "name 1 of 2, 'a' is also the name of record 0",
    ),
    "more bytes": (small_file() + b"x", "expected the end of the file, got 1 bytes more"),
    "sparse, huge": (
        container(struct.pack("<Iiiqiqiii", V2, 1, 1, HUGE, 1, HUGE, 1, 0, 0) + struct.pack("<iiq", 6, 1, 1)),
        "values of shape",
    ),
}


@pytest.fixture
def no_big_allocation() -> Iterator[None]:
    tracemalloc.start()
    yield
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2_000_000


@pytest.mark.usefixtures("no_big_allocation")
@pytest.mark.parametrize("name", LIES)
def test_lies_are_found_before_allocating(name: str) -> None:
    data, message = LIES[name]
    with pytest.raises(FormatError, match=message) as error:
        params.loads(data, source="net.params")
    assert "net.params, byte " in str(error.value)


@pytest.mark.usefixtures("no_big_allocation")
@pytest.mark.parametrize("name", ["ours", "v0.params", "v1.params", "dict.params", "row_sparse.params"])
def test_every_truncation_is_found(name: str) -> None:
    data = small_file() if name == "ours" else (FILES / name).read_bytes()
    assert len(data) > 100
    for size in range(len(data)):
        with pytest.raises(FormatError, match="Invalid NDArray file format: buffer, byte"):
            params.loads(data[:size])


@pytest.mark.usefixtures("no_big_allocation")
def test_random_damage_never_does_anything_else() -> None:
    rng = random.Random(3)
    refused = 0
    for data in (
        small_file(),
        (FILES / "v0.params").read_bytes(),
        (FILES / "row_sparse.params").read_bytes(),
    ):
        for _ in range(400):
            damaged = bytearray(data)
            at = rng.randrange(len(data))
            size = rng.choice((1, 4, 8))
            damaged[at : at + size] = rng.choice((rng.randbytes(size), b"\xff" * size, b"\x00" * size))
            try:
                params.loads(bytes(damaged))
            except FormatError:
                refused += 1
    assert refused > 400


def test_a_missing_file_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        params.load(tmp_path / "no.params")
    with pytest.raises(FileNotFoundError, match=r"no/x\.params"):
        params.save(tmp_path / "no" / "x.params", [np.ones(1)])
    with pytest.raises(IsADirectoryError):
        params.save(tmp_path, [np.ones(1)])


def test_a_failing_writer_leaves_the_old_file_alone(tmp_path: Path) -> None:
    target = tmp_path / "f"
    target.write_bytes(b"old")

    def chunks() -> Iterator[bytes]:
        yield b"new" * 100000
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_atomic(target, chunks())
    assert target.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["f"]


@pytest.mark.skipif(os.name != "posix", reason="modes and links are POSIX matters")
def test_modes_and_links_are_kept(tmp_path: Path) -> None:
    target = tmp_path / "real"
    target.write_bytes(b"old")
    target.chmod(0o640)
    (tmp_path / "link").symlink_to(target)
    write_atomic(tmp_path / "link", b"new")
    assert target.read_bytes() == b"new"
    assert (tmp_path / "link").is_symlink()
    assert stat.S_IMODE(target.stat().st_mode) == 0o640
    before = os.umask(0o027)
    try:
        write_atomic(tmp_path / "fresh", [b"a", memoryview(b"b"), bytearray(b"c")])
    finally:
        os.umask(before)
    assert (tmp_path / "fresh").read_bytes() == b"abc"
    assert stat.S_IMODE((tmp_path / "fresh").stat().st_mode) == 0o640


SAVE_FOREVER = """
import sys
import numpy as np
from cysym.formats import params
for i in range(10**9):
    params.save(sys.argv[1], [np.full(200_000 + i % 7, i, "float64"), np.full(3, i, "int64")], ["w", "i"])
    if not i:
        print("ready", flush=True)
"""


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL")
def test_killed_while_saving_the_file_stays_whole(tmp_path: Path) -> None:
    target = tmp_path / "net.params"
    rng = random.Random(5)
    path = os.pathsep.join(entry for entry in sys.path if entry)
    for _ in range(8):
        command = [sys.executable, "-c", SAVE_FOREVER, str(target)]
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": path}
        ) as child:
            assert child.stdout is not None
            assert child.stdout.readline() == b"ready\n"
            time.sleep(rng.uniform(0.0, 0.06))
            child.send_signal(signal.SIGKILL)
        ((weights, _, _), (step, _, _)), names = params.load(target)
        assert names == ["w", "i"]
        assert (weights == step[0]).all()
        assert weights.size == 200_000 + step[0] % 7
