"""RecordIO: damaged files, offsets, forked and pickled copies, and what every file written must satisfy.

That the bytes are MXNet's is shown by `recorded/programs/recordio.py`.
"""

from __future__ import annotations

import os
import pickle
import re
import struct
import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cysym as mx
from cysym.base import FormatError
from cysym.formats import recordio as fmt

MAGIC = struct.pack("<I", fmt.MAGIC)
PAYLOADS = [b"", b"abc", b"0123" + MAGIC + b"4567" + MAGIC, b"x" * 33, MAGIC * 2 + b"end", b"last"]


def head(flag: int, length: int, magic: int = fmt.MAGIC) -> bytes:
    return struct.pack("<II", magic, flag << 29 | length)


def written(path: Path, payloads: list[bytes]) -> bytes:
    with mx.recordio.MXRecordIO(path, "w") as record:
        for payload in payloads:
            record.write(payload)
    return path.read_bytes()


def read_all(path: Path) -> list[bytes]:
    with mx.recordio.MXRecordIO(path, "r") as record:
        return list(iter(record.read, None))


def heads(data: bytes) -> list[int]:
    """Offsets of all parts."""
    found, at = [], 0
    while at < len(data):
        found.append(at)
        at += 8 + ((struct.unpack_from("<I", data, at + 4)[0] & fmt.MAX_LENGTH) + 3 & -4)
    return found


def mutations() -> dict[str, bytes]:
    """Damaged versions of one file, by what was done to it."""
    good = b"".join(fmt.encode(p) for p in PAYLOADS)
    found = {}
    for cut in [*range(1, len(good), 5), len(good) - 1, len(good) - 2]:
        # A file that ends between two records is whole.
        if cut not in heads(good) or struct.unpack_from("<I", good, cut + 4)[0] >> 29 not in (0, 1):
            found[f"cut at {cut}"] = good[:cut]
    for number, at in enumerate(heads(good)):
        for byte in range(4):
            found[f"magic of part {number}, byte {byte}"] = (
                good[: at + byte] + bytes([good[at + byte] ^ 0x40]) + good[at + byte + 1 :]
            )
        word = struct.unpack_from("<I", good, at + 4)[0]
        for flag in range(8):
            # Whole and first, or middle and last, differ by what follows only.
            if flag != word >> 29 and not (flag in (0, 1) and word >> 29 == 0 and flag == 0):
                found[f"flag of part {number}: {flag}"] = (
                    good[: at + 4] + struct.pack("<I", flag << 29 | word & fmt.MAX_LENGTH) + good[at + 8 :]
                )
        for length in (fmt.MAX_LENGTH, len(good)):
            found[f"length of part {number}: {length}"] = (
                good[: at + 4] + struct.pack("<I", word & ~fmt.MAX_LENGTH | length) + good[at + 8 :]
            )
    found["part of 3 bytes in a chain"] = head(1, 3) + b"abc\0" + head(3, 0)
    found["chain without an end"] = head(1, 0) + head(2, 0) * 5000
    found["chain of beginnings"] = head(1, 0) * 50
    found["middle first"] = head(2, 0) + head(3, 0)
    found["zeros"] = b"\0" * 64
    found["another format"] = b"\x89PNG\r\n\x1a\n" + b"\0" * 50
    found["swapped bytes"] = struct.pack(">II", fmt.MAGIC, 4) + b"abcd"
    return found


DAMAGED = mutations()


def test_there_are_many_damaged_files():
    assert len(DAMAGED) > 150


@pytest.mark.parametrize("name", DAMAGED)
def test_damaged_file_is_one_clear_error(tmp_path, name):
    path = tmp_path / "bad.rec"
    path.write_bytes(DAMAGED[name])
    record = mx.recordio.MXRecordIO(path, "r")
    good = []
    tracemalloc.start()
    try:
        with pytest.raises(FormatError, match=rf"{re.escape(str(path))}, offset \d+: ") as first:
            good.extend(iter(record.read, None))
        assert tracemalloc.get_traced_memory()[1] < 1 << 20  # no length is believed before it is checked
    finally:
        tracemalloc.stop()
    with pytest.raises(FormatError) as again:
        record.read()
    assert str(again.value) == str(first.value)  # the position stayed
    offset = int(re.search(r"offset (\d+)", str(first.value))[1])
    assert offset <= len(DAMAGED[name])
    assert len(good) <= len(PAYLOADS)


@pytest.mark.parametrize("name", [n for n in DAMAGED if not n.startswith("length of part")])
def test_damaged_file_is_found_by_skipping(tmp_path, name):
    path = tmp_path / "bad.rec"
    path.write_bytes(DAMAGED[name])
    reader = fmt.RecordReader(path)
    with pytest.raises(FormatError):
        reader.offsets()
    assert reader.tell() == 0
    reader.close()


def test_parts_longer_than_any_record(tmp_path):
    """A sparse file whose parts, each possible, add up to more than a record can hold."""
    path = tmp_path / "long.rec"
    with open(path, "wb") as stream:
        at = 0
        for flag in (1, 2, 3):
            stream.seek(at)
            stream.write(head(flag, 300 << 20))
            at += 8 + (300 << 20)
        stream.truncate(at)
    reader = fmt.RecordReader(path)
    with pytest.raises(FormatError, match="offset 0: the parts of a record have more than"):
        reader.skip()
    reader.close()


def test_too_long_for_a_record(monkeypatch):
    monkeypatch.setattr(fmt, "MAX_LENGTH", 1000)
    assert len(fmt.encode(b"x" * 1000)) == 1008
    with pytest.raises(ValueError, match="at most 1000 bytes, this one has 1001"):
        fmt.encode(b"x" * 1001)


def test_growing_file(tmp_path):
    path = tmp_path / "a.rec"
    path.write_bytes(fmt.encode(b"one"))
    record = mx.recordio.MXRecordIO(path, "r")
    assert (record.read(), record.read()) == (b"one", None)
    with open(path, "ab") as stream:
        stream.write(fmt.encode(b"two" * 100))
    assert (record.read(), record.read()) == (b"two" * 100, None)
    record.close()


# --- index -------------------------------------------------------------------------------------------------
BAD_INDEX = {
    "empty line": "0\t0\n\n", "one column": "0\n", "no key": "\t0\n", "text key": "a\t0\n",
    "text offset": "0\tb\n",
    "negative": "0\t-4\n", "fraction": "0\t1.5\n", "underscore": "0\t1_2\n", "outside": "0\t{size}\n",
    "far outside": "0\t" + "9" * 30 + "\n", "endless digits": "0\t" + "1" * 100_000 + "\n", "spaces": "0 0\n",
    "second line": "0\t0\n1\tx\n", "other digits": "0\t\u0663\n", "key of spaces": "  \t0\n",
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_INDEX)
def test_bad_index(tmp_path, name):
    size = len(written(tmp_path / "a.rec", PAYLOADS))
    index = tmp_path / "a.idx"
    index.write_text(BAD_INDEX[name].format(size=size) if "{" in BAD_INDEX[name] else BAD_INDEX[name])
    with pytest.raises(FormatError, match=rf"{re.escape(str(index))}, offset \d+: line ") as caught:
        mx.recordio.MXIndexedRecordIO(index, tmp_path / "a.rec", "r")
    assert len(str(caught.value)) < 400


def test_index_of_bytes(tmp_path):
    written(tmp_path / "a.rec", PAYLOADS)
    (tmp_path / "a.idx").write_bytes(bytes(range(128, 256)))
    with pytest.raises(FormatError, match=r"a\.idx, offset 0: line "):
        mx.recordio.MXIndexedRecordIO(tmp_path / "a.idx", tmp_path / "a.rec", "r")


@pytest.mark.parametrize("offset", [1, 4, 8, 12, 16])
def test_index_that_points_beside_a_record(tmp_path, offset):
    written(tmp_path / "a.rec", PAYLOADS)
    (tmp_path / "a.idx").write_text(f"0\t0\n1\t{offset}\n")
    record = mx.recordio.MXIndexedRecordIO(tmp_path / "a.idx", tmp_path / "a.rec", "r")
    if offset == 8:
        assert record.read_idx(1) == b"abc"  # there is one
    else:
        with pytest.raises(FormatError, match=rf"a\.rec, offset {offset}: "):
            record.read_idx(1)
    assert record.read_idx(0) == b""
    record.close()


def test_index_into_the_middle_of_a_chain(tmp_path):
    data = written(tmp_path / "a.rec", PAYLOADS)
    middle = next(at for at in heads(data) if struct.unpack_from("<I", data, at + 4)[0] >> 29 == 2)
    (tmp_path / "a.idx").write_text(f"7\t{middle}\n")
    with mx.recordio.MXIndexedRecordIO(tmp_path / "a.idx", tmp_path / "a.rec", "r") as record:
        with pytest.raises(FormatError, match=rf"offset {middle}: expected part flag 0 or 1"):
            record.read_idx(7)
        with pytest.raises(KeyError, match="no key 8"):
            record.seek(8)


def test_index_is_missing(tmp_path):
    written(tmp_path / "a.rec", PAYLOADS)
    with pytest.raises(FileNotFoundError):
        mx.recordio.MXIndexedRecordIO(tmp_path / "a.idx", tmp_path / "a.rec", "r")


def test_keys_that_cannot_be_written(tmp_path):
    with mx.recordio.MXIndexedRecordIO(tmp_path / "a.idx", tmp_path / "a.rec", "w", key_type=str) as record:
        for key in ("a\tb", "a\nb", " a", "a\r"):
            with pytest.raises(ValueError, match="cannot be written"):
                record.write_idx(key, b"lost")
        with pytest.raises(TypeError, match="written from bytes, got str"):
            record.write_idx("good", "text")
        assert (record.tell(), record.keys) == (0, [])
        record.write_idx("good", bytearray(b"kept"))
    assert read_all(tmp_path / "a.rec") == [b"kept"]
    assert (tmp_path / "a.idx").read_text() == "good\t0\n"


# --- modes -------------------------------------------------------------------------------------------------
def test_modes(tmp_path):
    writer = mx.recordio.MXRecordIO(tmp_path / "a.rec", "w")
    with pytest.raises(mx.MXNetError, match=r"a\.rec cannot be read: it is open for writing"):
        writer.read()
    with pytest.raises(mx.MXNetError, match=r"close\(\) it first"):
        pickle.dumps(writer)
    writer.write(memoryview(b"abc"))
    writer.close()
    with pytest.raises(mx.MXNetError, match="cannot be written: it is closed"):
        writer.write(b"x")
    with mx.recordio.MXRecordIO(tmp_path / "a.rec", "r") as reader:
        with pytest.raises(mx.MXNetError, match="cannot be written: it is open for reading"):
            reader.write(b"x")
        assert reader.read() == b"abc"
    with pytest.raises(mx.MXNetError, match="cannot be read: it is closed"):
        reader.read()
    reader.reset()
    assert reader.read() == b"abc"
    copy = pickle.loads(pickle.dumps(reader))
    assert (copy.read(), reader.read()) == (b"abc", None)
    copy.close()
    reader.close()
    writer.reset()  # a writer's reset empties the file
    writer.close()
    assert (tmp_path / "a.rec").read_bytes() == b""


def test_disk_that_is_full():
    if not os.path.exists("/dev/full"):
        pytest.skip("no /dev/full")
    record = mx.recordio.MXRecordIO("/dev/full", "w")
    record.write(b"x")
    with pytest.raises(OSError, match="/dev/full"):
        record.close()
    assert not record.is_open


FORK = """
import os, sys
import cysym.recordio as r
from cysym.base import MXNetError
w = r.MXIndexedRecordIO("a.idx", "a.rec", "w")
w.write_idx(0, b"zero")
if os.fork() == 0:
    try:
        w.write(b"child")
    except MXNetError:
        w.close()
        del w
        sys.exit(0)
    os._exit(1)
assert os.wait()[1] == 0
w.write_idx(1, b"one")
w.close()
q = r.MXIndexedRecordIO("a.idx", "a.rec", "r")
assert q.read() == b"zero"
if os.fork() == 0:
    try:
        q.read()
    except MXNetError as error:
        assert "reset()" in str(error)
        assert q.read_idx(1) == b"one" and q.read() is None  # reopened, the parent's place is its own
        os._exit(0)
    os._exit(1)
assert os.wait()[1] == 0
assert [q.read(), q.read()] == [b"one", None]
"""


def test_fork(tmp_path):
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", FORK], cwd=tmp_path, env=environment, check=True, timeout=60)
    assert read_all(tmp_path / "a.rec") == [b"zero", b"one"]
    assert (tmp_path / "a.idx").read_text() == "0\t0\n1\t12\n"


# --- packed records ----------------------------------------------------------------------------------------
def test_unpack_of_lies():
    for record in (
        b"",
        b"x" * 23,
        struct.pack("<IfQQ", 1, 0, 7, 0),
        struct.pack("<IfQQ", 2**32 - 1, 0, 7, 0) + b"1234",
    ):
        with pytest.raises(FormatError, match="packed record"):
            mx.recordio.unpack(record)


@pytest.mark.parametrize("header", [(0, 1.0, -1, 0), (0, 1.0, 2**64, 0), (0, 1.0, "a", 0), (0, 1e39, 0, 0)])
def test_pack_of_what_does_not_fit(header):
    with pytest.raises(ValueError, match="cannot pack"):
        mx.recordio.pack(header, b"")


# --- properties --------------------------------------------------------------------------------------------
PIECES = st.sampled_from([b"", b"a", b"bcd", b"efgh", MAGIC, MAGIC[:2], MAGIC[1:], bytes(12), b"\n" * 5])
RECORDS = st.lists(st.lists(PIECES, max_size=8).map(b"".join), max_size=8)


@settings(max_examples=150, deadline=None)
@given(records=RECORDS, parts=st.integers(1, 5))
def test_what_is_written_is_read(tmp_path_factory, records, parts):
    path = tmp_path_factory.mktemp("rec") / "a.rec"
    data = written(path, records)
    assert len(data) % 4 == 0
    assert read_all(path) == records
    # The magic stands at a multiple of 4 only where a part begins, so that readers can find their place.
    assert [at for at in range(0, len(data), 4) if data[at : at + 4] == MAGIC] == heads(data)
    reader = fmt.RecordReader(path)
    offsets = reader.offsets()
    shared = []
    for part in range(parts):
        reader.seek_start(len(data) * part // parts)
        end = len(data) * (part + 1) // parts
        shared += reader.offsets((end + 3) & -4 if part + 1 < parts else None)
    assert shared == offsets
    reader.close()


def test_finding_a_start_across_buffers(tmp_path):
    """The magic may lie across the end of a block that is searched."""
    for size in range(65536 - 24, 65536 + 12, 4):
        path = tmp_path / "a.rec"
        written(path, [bytes(size), b"second"])
        reader = fmt.RecordReader(path)
        reader.seek_start(4)
        assert reader.read() == b"second"
        reader.close()


@pytest.mark.parametrize("image", [np.zeros((2, 3, 3), np.uint8), np.full((4, 5), 200, np.uint8)])
def test_packed_images(image):
    pytest.importorskip("PIL")
    record = mx.recordio.pack_img(mx.recordio.IRHeader(0, 5.0, 6, 0), image, quality=3, img_fmt=".png")
    header, found = mx.recordio.unpack_img(record)
    assert (header.label, header.id) == (5.0, 6)
    np.testing.assert_array_equal(found, image)


def test_packed_colors_are_blue_first():
    pytest.importorskip("PIL")
    blue = np.zeros((8, 8, 3), np.uint8)
    blue[:, :, 0] = 250
    for form in (".jpg", ".png", ".JPEG"):
        record = mx.recordio.pack_img((0, [1, 2], 3, 0), blue, img_fmt=form)
        header, found = mx.recordio.unpack_img(record, 1)
        assert header.label.tolist() == [1, 2]
        assert np.abs(found.astype(int) - blue).max() <= 4
        rgb = mx.image.imdecode(mx.recordio.unpack(record)[1]).asnumpy()
        assert rgb[0, 0, 2] > 200 > rgb[0, 0, 0]
    assert mx.recordio.unpack_img(record, 0)[1].shape == (8, 8)
    with pytest.raises(mx.MXNetError, match="record 7: cannot decode an image"):
        mx.recordio.unpack_img(mx.recordio.pack((0, 1, 7, 0), b"no image"))


@pytest.mark.parametrize(
    ("image", "form", "text"),
    [
        (np.zeros((2, 2, 4), np.uint8), ".jpg", "JPEG image has shape"),
        (np.zeros((2, 2, 3), np.float32), ".png", "of uint8, got float32"),
        (np.zeros((2, 2, 3), np.uint8), ".gif", "img_fmt must be"),
        (np.zeros((0, 2, 3), np.uint8), ".png", "PNG image has shape"),
    ],
)
def test_images_that_cannot_be_packed(image, form, text):
    pytest.importorskip("PIL")
    with pytest.raises(ValueError, match=text):
        mx.recordio.pack_img((0, 1, 2, 3), image, img_fmt=form)
