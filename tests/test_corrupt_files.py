"""Damaged files of every format: each gives one clear error, allocates nothing large and changes nothing.

A good file of each format is made small, then cut short at many places, and every integer in it that says a
size, a count or a kind is set to values that cannot be. All of it runs under a limit of address space, so a
size believed before it is checked fails as MemoryError, which is no clear error. Tests beside each reader say
more about single faults; here all formats face the same treatment.
"""

from __future__ import annotations

import gzip
import io
import json
import os
import pickle
import resource
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cysym as mx
from cysym.formats import params as params_format
from cysym.formats.recordio import encode

HUGE = [2**63 - 1, 2**62, 2**48, 2**40 + 1]
ROOM = 512 << 20


@pytest.fixture(autouse=True)
def little_memory() -> Iterator[None]:
    """Half a gigabyte more than the process has now."""
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (used + ROOM, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_AS, before)


def cuts(data: bytes, count: int, keep: Callable[[int], bool] = lambda n: True) -> list[tuple[str, bytes]]:
    """The data cut short at about `count` places, evenly; places where it would be whole are left out."""
    places = sorted({len(data) * i // (count + 1) for i in range(1, count + 1)})
    return [(f"cut at {n}", data[:n]) for n in places if keep(n)]


def patched(data: bytes, offset: int, form: str, values: list[int]) -> list[tuple[str, bytes]]:
    """The data with the integer at `offset` replaced."""
    size = struct.calcsize(form)
    found = []
    for value in values:
        value %= 1 << (8 * size)
        packed = struct.pack(form.replace("q", "Q").replace("i", "I"), value)
        found.append((f"{value} at {offset}", data[:offset] + packed + data[offset + size :]))
    return found


# --- .params ------------------------------------------------------------------------------------------------
def params() -> list[tuple[str, bytes]]:
    arrays = [np.arange(6, dtype=np.float32).reshape(2, 3), np.arange(4, dtype=np.uint8)]
    data = b"".join(bytes(chunk) for chunk in params_format.dumps(arrays, ["arg:w", "b:m"]))
    damaged = cuts(data, 30)
    damaged += patched(data, 0, "<q", [0, 0x113])
    damaged += patched(data, 16, "<q", [*HUGE, 3])
    damaged += patched(data, 24, "<i", [0x12345678, 0xF993FAC0])
    damaged += patched(data, 28, "<i", [9])
    damaged += patched(data, 32, "<i", [2**31 - 1, -1, 1000])
    damaged += patched(data, 36, "<q", [*HUGE, -1])
    damaged += patched(data, 44, "<q", [*HUGE, -5])
    damaged += patched(data, 60, "<i", [99, -1])
    names = len(data) - 8 - 3 - 8 - 5 - 8
    assert struct.unpack_from("<Q", data, names)[0] == 2
    damaged += patched(data, names, "<q", [*HUGE, 1])
    damaged += patched(data, names + 8, "<q", HUGE)
    return damaged


def read_params(path: Path) -> None:
    mx.nd.load(str(path))


# --- symbol JSON --------------------------------------------------------------------------------------------
def symbols() -> list[tuple[str, bytes]]:
    x = mx.sym.Variable("x", shape=(2, 3))
    net = mx.sym.BatchNorm(mx.sym.FullyConnected(x, num_hidden=4, name="fc"), name="bn")
    text = net.tojson()
    damaged = cuts(text.encode(), 25)
    document = json.loads(text)

    def change(what: str, edit: Callable[[Any], Any]) -> None:
        copy = json.loads(text)
        edit(copy)
        damaged.append((what, json.dumps(copy).encode()))

    last = len(document["nodes"]) - 1
    for wrong in (-1, last + 1, 2**70, 1.5, "0", None, [], True):
        change(f"head {wrong!r}", lambda d, w=wrong: d["heads"][0].__setitem__(0, w))
        change(f"input {wrong!r}", lambda d, w=wrong: d["nodes"][last]["inputs"][0].__setitem__(0, w))
    for wrong in (-1, last + 1, "0"):
        change(f"arg_nodes {wrong!r}", lambda d, w=wrong: d["arg_nodes"].__setitem__(0, w))
    change("an input that comes later", lambda d: d["nodes"][3]["inputs"][0].__setitem__(0, last))
    change("itself as input", lambda d: d["nodes"][last]["inputs"][0].__setitem__(0, last))
    for wrong in ("no_such_op", 3, None, ["FullyConnected"]):
        change(f"op {wrong!r}", lambda d, w=wrong: d["nodes"][last].__setitem__("op", w))
    change("no nodes", lambda d: d.pop("nodes"))
    change("no heads", lambda d: d.pop("heads"))
    change("nodes no list", lambda d: d.__setitem__("nodes", {}))
    change("attrs no strings", lambda d: d["nodes"][3].__setitem__("attrs", {"num_hidden": 4}))
    change("a parameter of no number", lambda d: d["nodes"][3].__setitem__("attrs", {"num_hidden": "many"}))
    damaged.append(("deep", b"[" * 100000))
    damaged.append(("deep objects", b'{"nodes": ' + b'{"a": ' * 50000))
    damaged.append(("no text", bytes(range(128, 256))))
    damaged.append(("empty", b""))
    damaged.append(("NaN", b'{"nodes": NaN}'))
    return damaged


def read_symbol(path: Path) -> None:
    mx.sym.load(str(path))


# --- optimizer states ---------------------------------------------------------------------------------------
class _Runs:
    """Pickles as a call of `os.system`."""

    def __reduce__(self) -> Any:
        return os.system, ("echo this must not run >&2; exit 1",)


def states() -> list[tuple[str, bytes]]:
    updater = mx.optimizer.get_updater(mx.optimizer.create("adam"))
    updater(0, mx.nd.ones((2, 3)), mx.nd.ones((2, 3)))
    data = updater.get_states()
    damaged = cuts(data, 25)
    for what, content in {
        "a call": _Runs(),
        "a call inside": {0: (None, _Runs())},
        "a function": {0: len},
        "a class": {0: io.BytesIO},
        "a module's member": {0: pickle.loads},
        "a list": [1, 2],
        "a number": 3,
        "a set of keys": {1, 2},
        "objects": {0: np.array([len, None], dtype=object)},
    }.items():
        damaged.append((what, pickle.dumps(content, protocol=4)))
    for size in (2**31 - 1, 2**40, 2**60):
        damaged.append((f"bytes of {size}", b"\x80\x04\x8e" + struct.pack("<Q", size) + b"abc."))
        damaged.append((f"text of {size}", b"\x80\x04\x8d" + struct.pack("<Q", size) + b"abc."))
        damaged.append((f"frame of {size}", b"\x80\x04\x95" + struct.pack("<Q", size) + b"}."))
    damaged.append(("deep", b"\x80\x04" + b"]" * 200000 + b"a" * 199999 + b"."))
    return damaged


def read_states(path: Path) -> None:
    updater = mx.optimizer.get_updater(mx.optimizer.create("adam"))
    updater(0, mx.nd.ones((2, 3)), mx.nd.ones((2, 3)))
    before = dict(updater.states)
    try:
        updater.set_states(path.read_bytes())
    finally:
        assert isinstance(updater.states, dict), "what was there is gone"
        assert [id(s) for s in updater.states.values()] == [id(s) for s in before.values()]


# --- RecordIO -----------------------------------------------------------------------------------------------
def records() -> list[tuple[str, bytes]]:
    data, ends = b"", []
    for payload in (b"abc", b"x" * 20, b"d\x0a\x23\xd7\xce12345678"):
        data += bytes(encode(payload))
        ends.append(len(data))
    damaged = cuts(data, 25, lambda n: n not in ends)
    damaged += patched(data, 0, "<i", [0, 0xCED7230B])
    damaged += patched(data, 4, "<i", [2**29 - 1, 1000, (1 << 29) | 3, (2 << 29) | 3, (3 << 29) | 3, 7 << 29])
    return damaged


def read_records(path: Path) -> None:
    with mx.recordio.MXRecordIO(str(path), "r") as reader:
        while reader.read() is not None:
            pass


# --- idx files of images (MNIST's) --------------------------------------------------------------------------
def images() -> list[tuple[str, bytes]]:
    data = struct.pack(">iiii", 2051, 4, 6, 5) + bytes(120)
    damaged = cuts(data, 15)
    damaged += [(f"gzip {what}", gzip.compress(cut)) for what, cut in cuts(data, 5)]
    for offset in (0, 4, 8, 12):
        for value in (0, -1, 2**31 - 1, 2**30, 77):
            damaged.append(
                (f"{value} at {offset}", data[:offset] + struct.pack(">i", value) + data[offset + 4 :])
            )
    return damaged


def read_images(path: Path) -> None:
    labels = path.with_name("labels")
    labels.write_bytes(struct.pack(">ii", 2049, 4) + bytes(4))
    mx.io.MNISTIter(image=str(path), label=str(labels), batch_size=2, silent=True)


# --- CSV ----------------------------------------------------------------------------------------------------
def tables() -> list[tuple[str, bytes]]:
    rows = [b"1,2,3", b"4,5,6", b"7,8,9", b"10,11,12"]
    damaged = []
    for wrong in (
        b"4,5",
        b"4,5,6,7",
        b"4,x,6",
        b"4,,6",
        b"4 5 6",
        b"\xff\xfe,1,2",
        b"4,5,0x6",
        b"4,5,6;",
        b"nan()",
    ):
        for place in (0, 1, 3):
            damaged.append(
                (f"{wrong!r} in row {place}", b"\n".join([*rows[:place], wrong, *rows[place + 1 :]]))
            )
    damaged.append(("empty", b""))
    damaged.append(("zeros", bytes(4096)))
    damaged.append(("one endless row", b"1," * 100000))
    return damaged


def read_table(path: Path) -> None:
    for _ in mx.io.CSVIter(data_csv=str(path), data_shape=(3,), batch_size=2):
        pass


FORMATS = {
    "params": (params, read_params),
    "symbol": (symbols, read_symbol),
    "states": (states, read_states),
    "records": (records, read_records),
    "images": (images, read_images),
    "tables": (tables, read_table),
}


@pytest.mark.parametrize("name", FORMATS)
def test_damaged_files(name: str, tmp_path: Path) -> None:
    """Every damaged file is refused by an error that says something of the file."""
    damaged, read = FORMATS[name]
    wrong = []
    for i, (what, data) in enumerate(damaged()):
        path = tmp_path / f"{name}-{i}"
        path.write_bytes(data)
        try:
            read(path)
        except mx.MXNetError as error:
            text = str(error)
            if len(text) < 15 or len(text) > 1000:
                wrong.append(f"{what}: an unclear error: {text[:200]!r}")
        except Exception as error:
            wrong.append(f"{what}: {type(error).__name__}: {error}"[:300])
        else:
            wrong.append(f"{what}: read without an error")
    assert not wrong, "\n".join(wrong)


def test_there_are_two_hundred() -> None:
    counts = {name: len(damaged()) for name, (damaged, _) in FORMATS.items()}
    assert sum(counts.values()) >= 200, counts
    assert min(counts.values()) >= 20, counts
