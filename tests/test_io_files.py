"""CSVIter and MNISTIter: damaged files give one clear error each, large ones are read in parts.

What whole files give is compared with MXNet in recorded/programs/io_files.py.
"""

from __future__ import annotations

import gzip
import struct

import numpy as np
import pytest

import cysym as mx
from cysym import _core
from cysym.base import FormatError


def csv(tmp_path, text, **kwargs):
    path = tmp_path / "data.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return mx.io.CSVIter(
        **{"data_csv": str(path), "data_shape": (3,), "batch_size": 2, "round_batch": False, **kwargs}
    )


GOOD = "1,2,3\n" * 4
DAMAGED_CSV = {
    "empty file": ("", "data.csv holds no rows"),
    "blank lines only": ("\n\n  \n", "holds no rows"),
    "one cell more": ("1,2,3,4\n" + GOOD, "data.csv, line 1 has 4 cells, 3 are needed"),
    "one cell less": ("1,2\n" + GOOD, "line 1 has 2 cells, 3 are needed"),
    "less in a later line": (GOOD + "1,2\n", "line 5 has 2 cells"),
    "more in a later line": (GOOD + "1,2,3,4,5\n" + GOOD, "line 5 has 5 cells"),
    "cut in a number": (GOOD + "1,2", "line 5 has 2 cells"),
    "semicolons": ("1;2;3\n", "line 1 has 1 cells"),
    "tabs": ("1\t2\t3\n", "line 1 has 1 cells"),
    "header": ("a,b,c\n" + GOOD, r"line 1, cell 1: 'a' is no float32 \(headers are not skipped\)"),
    "word": (GOOD + "1,two,3\n", "line 5, cell 2: 'two' is no float32"),
    "empty cell": (GOOD + "1,,3\n", "line 5, cell 2: '' is no float32"),
    "empty first cell": (",2,3\n", "line 1, cell 1: ''"),
    "only commas": (",,\n", "line 1, cell 1: ''"),
    "two commas at the end": ("1,2,3,,\n", "line 1 has 5 cells"),
    "comment": (GOOD + "#1,2,3\n", "line 5, cell 1: '#1'"),
    "quotes": ('"1","2","3"\n', "line 1, cell 1: '\"1\"'"),
    "hexadecimal": ("0x10,2,3\n", "cell 1: '0x10'"),
    "digit groups": ("1_000,2,3\n", "cell 1: '1_000'"),
    "decimal comma": ("1,5,2,5,3,5\n", "line 1 has 6 cells"),
    "two signs": ("--1,2,3\n", "cell 1: '--1'"),
    "two points": ("1.2.3,2,3\n", "cell 1: '1.2.3'"),
    "exponent without digits": ("1,2e,3\n", "cell 2: '2e'"),
    "complex": ("1,2j,3\n", "cell 2: '2j'"),
    "zero bytes": (b"1,\x00\x00,3\n", "line 1, cell 2"),
    "binary": (bytes(range(128, 256)), "line 1 has 1 cells"),
    "UTF-16": ("1,2,3\n".encode("utf-16"), "line 1, cell 1"),
    "other digits": ("\u0661,2,3\n".encode(), "line 1, cell 1"),
    "endless line": (b"1" * 5000, "line 1 is longer than 1536 bytes, too long for 3 numbers"),
    "endless later line": (GOOD.encode() + b"1," * 5000, "line 5 is longer than"),
}


@pytest.mark.parametrize("case", DAMAGED_CSV)
def test_damaged_csv(tmp_path, case):
    text, words = DAMAGED_CSV[case]
    with pytest.raises(FormatError, match=words) as caught:
        list(csv(tmp_path, text))
    assert "data.csv" in str(caught.value)


@pytest.mark.parametrize(
    ("cell", "dtype", "works"),
    [
        ("1.0", "int32", 1),
        ("1e3", "int32", 1000),
        ("-2147483648", "int32", -(2**31)),
        ("9007199254740993", "int64", 2**53 + 1),
        ("9223372036854775807", "int64", 2**63 - 1),
        ("+7", "int64", 7),
        ("1.5", "int32", None),
        ("2147483648", "int32", None),
        ("9223372036854775808", "int64", None),
        ("nan", "int32", None),
        ("inf", "int64", None),
        ("1e400", "int64", None),
        ("9" * 400, "int64", None),
    ],
)
def test_integers(tmp_path, cell, dtype, works):
    text = f"0,0,0\n0,{cell},0\n"
    if works is None:
        with pytest.raises(FormatError, match=f"line 2, cell 2: '{cell[:40]}' is no {dtype}"):
            csv(tmp_path, text, dtype=dtype)
    else:
        assert csv(tmp_path, text, dtype=dtype).next().data[0].asnumpy()[1, 1] == works


def test_error_far_into_a_file_stays(tmp_path):
    """Rows before the bad block come first; the error repeats until reset, nothing is skipped."""
    iterator = csv(tmp_path, "1,2,3\n" * 1500 + "4,5\n" + "1,2,3\n" * 10, batch_size=1024)
    assert iterator.next().data[0].shape == (1024, 3)
    for _ in range(2):
        with pytest.raises(FormatError, match="line 1501 has 2 cells"):
            iterator.next()
    iterator.reset()
    assert iterator.next().pad == 0


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        ("1\n2\n3\n", r"label.csv ends after 3 rows, .*data.csv has more"),
        ("1\n2\n3\n4\n5\n", r"data.csv ends after 4 rows, .*label.csv has more"),
        ("1\n2\nx\n4\n", r"label.csv, line 3, cell 1: 'x'"),
        ("1,2\n" * 4, r"label.csv, line 1 has 2 cells, 1 are needed for the shape \(1,\)"),
        ("", "label.csv holds no rows"),
    ],
)
def test_labels_that_do_not_fit(tmp_path, labels, words):
    (tmp_path / "label.csv").write_text(labels)
    with pytest.raises(FormatError, match=words):
        list(csv(tmp_path, GOOD, label_csv=str(tmp_path / "label.csv"), batch_size=3))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"data_shape": ()}, "data_shape"),
        ({"data_shape": (0,)}, "data_shape"),
        ({"data_shape": (-1,)}, "data_shape"),
        ({"data_shape": 3}, "data_shape"),
        ({"label_shape": (0,)}, "label_shape"),
        ({"batch_size": 0}, "batch_size must be at least 1"),
        ({"dtype": "float16"}, "reads float32, int32, int64"),
    ],
)
def test_csv_options(tmp_path, options, words):
    with pytest.raises(ValueError, match=words):
        csv(tmp_path, GOOD, **options)


def test_csv_of_huge_shape_allocates_nothing(tmp_path):
    with pytest.raises(FormatError, match="line 1 has 3 cells, 1000000000000 are needed"):
        csv(tmp_path, GOOD, data_shape=(10**6, 10**6))


def test_unknown_options_are_said(tmp_path):
    with pytest.warns(UserWarning, match="CSVIter has no options bach_size, treshold; they are ignored"):
        csv(tmp_path, GOOD, bach_size=3, treshold=1)


def test_csv_files_of_a_folder(tmp_path):
    folder = tmp_path / "parts"
    folder.mkdir()
    for name, value in (("b.csv", 2), ("a.csv", 1)):
        (folder / name).write_text(f"{value},{value},{value}\n" * 3)
    iterator = mx.io.CSVIter(data_csv=str(folder), data_shape=(3,), batch_size=2)
    assert [batch.data[0].asnumpy()[:, 0].tolist() for batch in iterator] == [[1, 1], [1, 2], [2, 2]]
    for missing in (str(tmp_path / "none.csv"), str(folder / "a.csv") + ";none.csv"):
        with pytest.raises(FileNotFoundError, match=r"none\.csv"):
            mx.io.CSVIter(data_csv=missing, data_shape=(3,), batch_size=2)
    with pytest.raises(FileNotFoundError, match="holds no file"):
        mx.io.CSVIter(data_csv=str(tmp_path), data_shape=(3,), batch_size=2)


def test_csv_is_read_in_blocks(tmp_path):
    """A file of many blocks gives every row once; only a block of it is held at a time."""
    values = np.arange(90000 * 3).reshape(90000, 3)
    values[70000] = 10**17 + 1  # more digits than the plain reader takes: some lines go another way
    text = "\n".join(",".join(map(str, row)) for row in values)
    assert len(text) > 3 << 19
    iterator = csv(tmp_path, text, batch_size=7000)
    got = [batch.data[0].asnumpy()[: 7000 - batch.pad] for batch in iterator]
    np.testing.assert_array_equal(np.concatenate(got), values.astype(np.float32))
    assert len(iterator._data._block) == 0
    iterator.reset()
    iterator.next()
    assert 0 < len(iterator._data._block) < 80000


def test_plain_numbers_are_read_as_numpy_reads_them():
    """The compiled reader gives the float nearest to the double NumPy reads, or stops."""
    rng = np.random.default_rng(5)
    cells = [
        f"{v:.{d}{k}}"
        for k in "efg"
        for d in range(16)
        for v in rng.standard_normal(8) * 10.0 ** rng.integers(-9, 9, 8)
    ]
    cells += ["0", "-0", "+1.5", ".5", "5.", "1e22", "1E-22", "9007199254740992", "1e38", "1e-45"]
    out = np.empty((1, 1), np.float32)
    plain = 0
    for cell in cells:
        used, lines, rows = _core.read_table(f" {cell}\t\r\n".encode(), 1, out)
        if rows:
            plain += 1
            assert (lines, used) == (1, len(cell) + 4)
            assert out[0, 0].tobytes() == np.float32(float(cell)).tobytes(), cell
    assert plain > 0.9 * len(cells)
    for odd in (
        "nan",
        "inf",
        "0x1p3",
        "1_0",
        "1e",
        "e5",
        ".",
        "-",
        "1 2",
        "1,2",
        "1;",
        "12345678901234567890",
        "1e23",
    ):
        assert _core.read_table(f"{odd}\n".encode(), 1, out) == (0, 0, 0), odd
    with pytest.raises(ValueError, match="float32"):
        _core.read_table(b"1", 1, np.empty((1, 1)))


def test_csv_batch_larger_than_the_data(tmp_path):
    with pytest.raises(ValueError, match="batch size 9 is more than twice the 4 rows"):
        list(csv(tmp_path, GOOD, batch_size=9, round_batch=True))


# --- idx ----------------------------------------------------------------------------------------------------
def images(count=4, rows=2, columns=3, magic=2051):
    return struct.pack(">IIII", magic, count, rows, columns) + bytes(range(count * rows * columns))


def labels(count=4, magic=2049):
    return struct.pack(">II", magic, count) + bytes(range(count))


def mnist(tmp_path, image, label, **kwargs):
    (tmp_path / "image").write_bytes(image)
    (tmp_path / "label").write_bytes(label)
    options = {"batch_size": 2, "shuffle": False, "silent": True, **kwargs}
    return mx.io.MNISTIter(image=str(tmp_path / "image"), label=str(tmp_path / "label"), **options)


HUGE = 2**32 - 1
DAMAGED_IDX = {
    "empty images": (b"", labels(), "image: an idx file begins with 16 bytes, got 0"),
    "empty labels": (images(), b"", "label: an idx file begins with 8 bytes, got 0"),
    "cut image header": (images()[:15], labels(), "begins with 16 bytes, got 15"),
    "cut label header": (images(), labels()[:7], "begins with 8 bytes, got 7"),
    "header only": (images()[:16], labels(), r"offset 16: the shape \(4, 2, 3\) needs 24 bytes, 0 follow"),
    "one byte less": (images()[:-1], labels(), "needs 24 bytes, 23 follow"),
    "one byte more": (images() + b"\0", labels(), "needs 24 bytes, 25 follow"),
    "one label less": (images(), labels()[:-1], r"the shape \(4,\) needs 4 bytes, 3 follow"),
    "one label more": (images(), labels() + b"\0", "needs 4 bytes, 5 follow"),
    "exchanged": (labels(), images(), "image: an idx file begins with 16 bytes, got 12"),
    "labels for images": (labels(40), labels(40), "axes is 0x00000803, got 0x00000801"),
    "images for labels": (images(), images(), "axes is 0x00000801, got 0x00000803"),
    "little endian": (struct.pack("<I", 2051) + images()[4:], labels(), "got 0x03080000"),
    "floats": (images(magic=0x0D03), labels(), "got 0x00000d03"),
    "four axes": (images(magic=2052), labels(), "got 0x00000804"),
    "text": (b"P6 2 3 255 and so on, a picture", labels(), "got 0x50362032"),
    "no images": (struct.pack(">IIII", 2051, 0, 2, 3), labels(0), r"\(0, 2, 3\) has no elements"),
    "no rows": (struct.pack(">IIII", 2051, 4, 0, 3), labels(), r"\(4, 0, 3\) has no elements"),
    "no columns": (struct.pack(">IIII", 2051, 4, 2, 0), labels(), r"\(4, 2, 0\) has no elements"),
    "no labels": (images(), struct.pack(">II", 2049, 0), r"\(0,\) has no elements"),
    "huge count": (
        struct.pack(">IIII", 2051, HUGE, 2, 3) + bytes(24),
        labels(),
        "needs 25769803770 bytes, 24",
    ),
    "huge rows": (struct.pack(">IIII", 2051, 4, HUGE, 3) + bytes(24), labels(), "needs 51539607540 bytes"),
    "huge product": (struct.pack(">IIII", 2051, HUGE, HUGE, HUGE), labels(), "needs 79228162458924105385"),
    "huge labels": (images(), struct.pack(">II", 2049, HUGE) + bytes(4), "needs 4294967295 bytes, 4 follow"),
    "fewer labels": (images(), labels(3), "image holds 4 images, .*label 3 labels"),
    "more labels": (images(), labels(5), "image holds 4 images, .*label 5 labels"),
    "cut gzip": (gzip.compress(images())[:-12], labels(), "image: damaged gzip file"),
    "spoilt gzip": (gzip.compress(images())[:-6] + bytes(6), labels(), "damaged gzip file: CRC"),
    "gzip of nothing": (gzip.compress(b""), labels(), "begins with 16 bytes, got 0"),
    "gzip header only": (b"\x1f\x8b", labels(), "damaged gzip file"),
    "gzip of less": (gzip.compress(images()[:-1]), labels(), "needs 24 bytes, 23 follow"),
    "gzip of more": (gzip.compress(images() + b"\0"), labels(), "needs 24 bytes, more follow"),
    "gzip of a huge claim": (
        gzip.compress(struct.pack(">IIII", 2051, HUGE, HUGE, 1) + bytes(9)),
        labels(),
        "needs 18446744065119617025 bytes, 9 follow",
    ),
    "zip": (b"PK\x03\x04" + bytes(60), labels(), "got 0x504b0304"),
}


@pytest.mark.parametrize("case", DAMAGED_IDX)
def test_damaged_idx(tmp_path, case):
    image, label, words = DAMAGED_IDX[case]
    with pytest.raises(FormatError, match=words) as caught:
        mnist(tmp_path, image, label)
    assert str(tmp_path) in str(caught.value)


def test_every_cut_of_an_idx_file_is_refused(tmp_path):
    whole = images()
    for length in range(len(whole)):
        with pytest.raises(FormatError, match="image"):
            mnist(tmp_path, whole[:length], labels())


def test_every_flipped_header_bit_is_refused(tmp_path):
    for bit in range(8 * 16):
        image = bytearray(images())
        image[bit // 8] ^= 1 << bit % 8
        with pytest.raises(FormatError, match=r"image.*(magic|needs|elements|holds)"):
            mnist(tmp_path, bytes(image), labels())


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"batch_size": 0}, "batch_size must be at least 1"),
        ({"batch_size": 5}, "4 images do not fill a batch of 5"),
        ({"num_parts": 2, "part_index": 2}, "part_index 2 is not one of 2 parts"),
        ({"part_index": -1}, "part_index -1"),
        ({"num_parts": 4}, "1 images do not fill a batch of 2"),
        ({"dtype": "float64"}, "gives float32"),
    ],
)
def test_mnist_options(tmp_path, options, words):
    with pytest.raises(ValueError, match=words):
        mnist(tmp_path, images(), labels(), **options)


def test_gzipped_idx_files(tmp_path):
    batch = mnist(tmp_path, gzip.compress(images()), gzip.compress(labels())).next()
    assert batch.label[0].asnumpy().tolist() == [0, 1]
    np.testing.assert_array_equal(batch.data[0].asnumpy().ravel() * 256, np.arange(12))


def test_mnist_says_which_samples_and_what_it_read(tmp_path, caplog):
    with caplog.at_level("INFO"):
        iterator = mnist(tmp_path, images(), labels(), shuffle=True, seed=3, silent=False)
    assert caplog.messages == ["MNISTIter: load 4 images, shuffle=1, shape=(2, 1, 2, 3)"]
    for batch in iterator:
        assert batch.index.dtype == np.uint64
        assert batch.index.tolist() == batch.label[0].asnumpy().tolist()


def test_no_batch_before_the_first_and_after_the_end(tmp_path):
    iterator = mnist(tmp_path, images(), labels())
    for _ in range(2):
        with pytest.raises(RuntimeError, match="no current batch"):
            iterator.getdata()
        list(iterator)
