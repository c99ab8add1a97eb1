"""RecordIO files: their bytes, the index, reading in any order, packed headers, copies of readers."""

import pickle
import struct

import numpy as np

from . import outcome, program, scratch

MAGIC = struct.pack("<I", 0xCED7230A)
PAYLOADS = [
    b"", b"a", b"ab", b"abc", b"abcd", MAGIC, b"ab" + MAGIC, b"abcd" + MAGIC, b"abcd" + MAGIC + b"x",
    MAGIC + MAGIC, b"abcd" + MAGIC * 2 + b"efg", MAGIC[:3], MAGIC + b"abc", b"abcde" + MAGIC * 3,
    MAGIC * 5 + b"z", bytes(range(256)) * 3,
]  # fmt: skip


def content(name):
    with open(name, "rb") as stream:
        return stream.read()


def all_of(record):
    return list(iter(record.read, None))


@program(cpu=True)
def bytes_of_a_file(mx, ctx):
    with scratch():
        record = mx.recordio.MXRecordIO("a.rec", "w")
        for payload in PAYLOADS:
            record.write(payload)
        record.close()
        record.close()
        reader = mx.recordio.MXRecordIO("a.rec", "r")
        first = all_of(reader)
        after = [reader.read(), reader.read()]
        reader.reset()
        return {"bytes": content("a.rec"), "read": first == PAYLOADS, "after": after, "again": reader.read(),
                "writable": reader.writable, "open": reader.is_open, "flag": reader.flag}  # fmt: skip


@program(cpu=True)
def index(mx, ctx):
    with scratch():
        record = mx.recordio.MXIndexedRecordIO("b.idx", "b.rec", "w")
        places = []
        for key in (3, 1, 4, 1, 5):
            places.append(record.tell())
            record.write_idx(key, b"record %d" % key + MAGIC)
        record.write(b"without a key")
        record.write_idx("92", b"key of digits")
        bad = outcome(lambda: record.write_idx("x", b"lost"))
        record.close()
        reader = mx.recordio.MXIndexedRecordIO("b.idx", "b.rec", "r")
        found = {"bytes": content("b.rec"), "text": content("b.idx"), "places": places, "bad key": bad,
                 "keys": reader.keys, "idx": sorted(reader.idx.items())}  # fmt: skip
        found["4"] = reader.read_idx(4)
        found["next"] = [reader.read(), reader.read(), reader.read(), reader.read()]
        reader.seek(3)
        found["sought"] = reader.read()
        found["no key"] = outcome(lambda: reader.read_idx(7))
        found["reset"] = (reader.reset(), reader.read())[1]
        text = mx.recordio.MXIndexedRecordIO("c.idx", "c.rec", "w", key_type=str)
        text.write_idx("ab c", b"1")
        text.write_idx(7, b"2")
        text.close()
        text = mx.recordio.MXIndexedRecordIO("c.idx", "c.rec", "r", key_type=str)
        found["text keys"] = [text.keys, text.read_idx("7"), text.read_idx("ab c")]
        return found


SAYS_WHY = "MXNetError instead of an AssertionError without a text"
MODES = {
    "original": "pickling closes MXNet's original, ours stays open",
    "missing": "FileNotFoundError says more than MXNetError",
    "read a writer": SAYS_WHY,
    "write a reader": SAYS_WHY,
}


@program(cpu=True, differs=MODES)
def modes_and_copies(mx, ctx):
    with scratch():
        record = mx.recordio.MXIndexedRecordIO("b.idx", "b.rec", "w")
        for key in range(4):
            record.write_idx(key, b"%d" % key)
        found = {"read a writer": outcome(record.read)}
        record.close()
        found["closed writer"] = outcome(lambda: record.write(b"x"))
        reader = mx.recordio.MXIndexedRecordIO("b.idx", "b.rec", "r")
        found["write a reader"] = outcome(lambda: reader.write(b"x"))
        reader.read_idx(2)
        copy = pickle.loads(pickle.dumps(reader))
        found["copy"] = [copy.read(), copy.read_idx(3), copy.keys]
        found["original"] = outcome(reader.read)
        reader.close()
        found["closed"] = outcome(reader.read)
        closed = pickle.loads(pickle.dumps(reader))
        found["copy of a closed one"] = [closed.is_open, outcome(closed.read)]
        found["flag"] = outcome(lambda: mx.recordio.MXRecordIO("b.rec", "rb"))
        found["missing"] = outcome(lambda: mx.recordio.MXRecordIO("none.rec", "r"))
        found["text"] = outcome(lambda: mx.recordio.MXRecordIO("d.rec", "w").write("text"))
        return found


@program(cpu=True, differs={"negative": "ValueError naming the header, not struct.error",
                            "short": "FormatError (a RuntimeError), not struct.error",
                            "few labels": "FormatError (a RuntimeError)"})  # fmt: skip
def packed_headers(mx, ctx):
    r = mx.recordio
    headers = [
        r.IRHeader(0, 3.0, 7, 0), r.IRHeader(5, 2, 7, 1), r.IRHeader(0, [1, 2, 3.5], 7, 0), (0, True, 1, 2),
        r.IRHeader(0, np.float32(2.5), 2**63, 9), r.IRHeader(3, np.arange(4).reshape(2, 2), 1, 0),
        r.IRHeader(0, [], 1, 2), r.IRHeader(0, (1.5,), 1, 2), (1, np.int64(3), 4, 5),
    ]  # fmt: skip
    packed = [r.pack(h, b"image") for h in headers]
    found = {"packed": packed, "fields": list(r.IRHeader._fields)}
    found["unpacked"] = [[h.flag, h.label, h.id, h.id2, s] for h, s in map(r.unpack, packed)]
    found["name"] = str(r.IRHeader(0, 1.0, 2, 3))
    found["negative"] = outcome(lambda: r.pack(r.IRHeader(0, 1.0, -1, 0), b""))
    found["text"] = outcome(lambda: r.pack(r.IRHeader(0, 1.0, 1, 0), "text"))
    found["short"] = outcome(lambda: r.unpack(b"abc"))
    found["few labels"] = outcome(lambda: r.unpack(struct.pack("<IfQQ", 5, 0, 0, 0) + b"1234"))
    return found
