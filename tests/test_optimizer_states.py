"""Files of optimizer states: MXNet's are read, ours are MXNet's, and hostile ones do nothing but raise."""

import io
import json
import os
import pickle
import pickletools
import struct
import sys
import tracemalloc
import types
from pathlib import Path

import numpy as np
import pytest
from recorded.loader import _reader
from recorded.programs import optimizer_states as programs

import cysym as mx
from cysym.base import FormatError
from cysym.optimizer import states as files

FOLDER = Path(__file__).parent / "recorded" / "programs"
ANSWERS = json.loads((FOLDER / "optimizer_states.json").read_text())


def recorded(program, case, kind):
    """What MXNet 1.9.1 wrote."""
    return bytes.fromhex(ANSWERS[program]["dict"][case]["dict"][kind]["bytes"])


def recorded_weights(program, case, ctx, dtype):
    array = _reader(FOLDER / "optimizer_states.npz")
    entries = ANSWERS[program]["dict"][case]["dict"]["weights"]
    return [mx.nd.array(array(entry["array"]), ctx, dtype) for entry in entries]


def same(one, other):
    """States equal but for rounding."""
    if isinstance(one, mx.nd.NDArray):
        assert one.dtype == other.dtype
        np.testing.assert_allclose(one.asnumpy(), other.asnumpy(), rtol=2e-5, atol=1e-6)
    elif isinstance(one, list | tuple):
        assert (type(one), len(one)) == (type(other), len(other))
        for a, b in zip(one, other, strict=True):
            same(a, b)
    else:
        assert one == other


# --- what MXNet wrote ---------------------------------------------------------------------------------------
@pytest.mark.parametrize("case", programs.OPTIMIZERS)
def test_mxnet_states_are_read_and_training_goes_on(case):
    ctx = mx.cpu()
    mx.random.seed(5)
    ours, _ = programs.half_way(
        mx, ctx, case, lr_scheduler=mx.lr_scheduler.MultiFactorScheduler([1, 3], 0.5, base_lr=0.1)
    )
    after = {}
    for kind in ("plain", "pair"):
        updater = programs.made(mx, case)
        updater.set_states(recorded("files", case, kind))
        assert list(updater.states) == list(ours.states)
        for index, state in updater.states.items():
            same(state, ours.states[index])
        mx.random.seed(6)
        after[kind] = recorded_weights("files", case, ctx, "float32")
        programs.steps(mx, ctx, updater, after[kind], 2, 4)
        assert all(np.isfinite(w.asnumpy()).all() for w in after[kind])
    restored = updater.optimizer
    assert type(restored) is type(ours.optimizer)
    programs.steps(mx, ctx, ours, [w.copy() for w in after["pair"]], 2, 4)
    names = sorted(set(vars(ours.optimizer)) - {"lr_scheduler", "cumgrads"})
    assert {n: vars(restored)[n] for n in names} == {n: vars(ours.optimizer)[n] for n in names}
    assert vars(restored.lr_scheduler) == vars(ours.optimizer.lr_scheduler)
    assert restored._index_update_count is restored._all_index_update_counts[0]


@pytest.mark.parametrize("case", ANSWERS["half_files"]["dict"])
def test_mxnet_states_of_float16_weights_are_read(case):
    ctx = mx.cpu()
    ours, weights = programs.half_updater(mx, ctx, case)
    updater = programs.made(mx, case, multi_precision=True)
    updater.set_states(recorded("half_files", case, "plain"))
    programs.steps(mx, ctx, updater, recorded_weights("half_files", case, ctx, "float16"), 2, 3)
    programs.steps(mx, ctx, ours, weights, 2, 3)
    for index, state in ours.states.items():
        flat, other = ([s for s in _flat(x) if s is not None] for x in (state, updater.states[index]))
        assert len(flat) == len(other)
        for a, b in zip(flat, other, strict=True):
            np.testing.assert_allclose(a.asnumpy(), b.asnumpy(), rtol=3e-3, atol=2e-3)


def _flat(state):
    return [part for s in state for part in _flat(s)] if isinstance(state, list | tuple) else [state]


def test_states_move_to_the_device_of_their_parameter(ctx):
    updater, weights = programs.half_way(mx, ctx, "adam")
    fresh = programs.made(mx, "adam")
    fresh.set_states(updater.get_states())
    assert fresh.states[0][0].context == mx.cpu()
    programs.steps(mx, ctx, fresh, weights, 2, 3)
    assert {s.context for s in fresh.states[0]} == {ctx}


# --- what we write ------------------------------------------------------------------------------------------
class _Stub:
    """What `pickle.loads` makes of MXNet's names where MXNet is absent: objects that keep their state."""

    def __init__(self, *arguments):
        self.arguments = arguments

    def __setstate__(self, state):
        self.state = state


@pytest.fixture
def stubs(monkeypatch):
    def module(name, **content):
        made = types.ModuleType(name)
        vars(made).update(content)
        monkeypatch.setitem(sys.modules, name, made)

    for name in ("mxnet", "mxnet.ndarray", "mxnet.optimizer"):
        module(name)
    module("mxnet.ndarray.ndarray", NDArray=type("NDArray", (_Stub,), {}))
    module("mxnet.optimizer.optimizer", **{n: type(n, (_Stub,), {}) for n in ("SGD", "LAMB")})
    module("mxnet.lr_scheduler", FactorScheduler=type("FactorScheduler", (_Stub,), {}))


def test_a_file_of_ours_names_mxnet_only(stubs):
    """Python's own unpickler, as in MXNet, finds MXNet's classes in it and their attributes."""
    schedule = mx.lr_scheduler.FactorScheduler(2, 0.5, base_lr=0.1)
    updater, _ = programs.half_way(mx, mx.cpu(), "sgd momentum", lr_scheduler=schedule)
    data = updater.get_states(dump_optimizer=True)
    states, optimizer = pickle.loads(data)
    assert type(optimizer).__module__ + type(optimizer).__name__ == __name__ + "SGD"
    assert sorted(optimizer.state) == sorted(set(vars(updater.optimizer)) - {"param_dict"})
    assert optimizer.state["_index_update_count"] is optimizer.state["_all_index_update_counts"][0]
    assert optimizer.state["lr_scheduler"].state == vars(schedule)
    for index, state in states.items():
        assert state.arguments == (None,)
        assert type(state.state["handle"]) is bytearray
        record = updater.states[index].asnumpy().tobytes()
        assert state.state["handle"].endswith(record)
    strings = [a for op, a, _ in pickletools.genops(data) if "UNICODE" in op.name]
    assert not [s for s in strings if s.startswith("cysym")]


def test_every_kind_of_content_survives(ctx):
    content = {
        0: None, "name": (mx.nd.array([[1.0, 2.0]], ctx), None, [3]),
        7: [mx.nd.array([1, 2], ctx, t) for t in ("float64", "float16", "int64", "uint8")],
        2**40: (True, -5, 2**70, 0.1, "text é", {"deep": {1.5: ()}}), -1: (np.float32(0.5), np.int64(-3)),
    }  # fmt: skip
    found, optimizer = files.loads(files.dumps(content))
    assert optimizer is None
    assert list(found) == list(content)
    np.testing.assert_array_equal(found["name"][0].asnumpy(), [[1.0, 2.0]])
    assert [a.dtype for a in found[7]] == [a.dtype for a in content[7]]
    assert found[2**40] == content[2**40]
    assert found[-1] == (0.5, -3)


def test_what_a_file_cannot_hold_is_refused_by_name():
    optimizer = mx.optimizer.SGD()
    updater = mx.optimizer.get_updater(optimizer)
    optimizer.hook = lambda: None
    with pytest.raises(mx.MXNetError, match=r"SGD/hook.*function"):
        updater.get_states(dump_optimizer=True)
    updater.states[3] = {1, 2}
    with pytest.raises(mx.MXNetError, match=r"states/3.*set"):
        updater.get_states()
    updater.states[3] = loop = []
    loop.append((loop,))
    restored = mx.optimizer.get_updater(optimizer)
    with pytest.raises(FormatError, match=r"within each other|unfolds"):
        restored.set_states(updater.get_states())
    deep = ()
    for _ in range(100):
        deep = (deep,)
    updater.states[3] = deep
    with pytest.raises(mx.MXNetError, match="within each other"):
        updater.get_states()


def test_a_users_optimizer_comes_back_where_it_is_registered():
    @mx.optimizer.register
    class Kept(mx.optimizer.Optimizer):
        def __init__(self, strength, **kwargs):
            super().__init__(**kwargs)
            self.strength = strength

        def update(self, index, weight, grad, state):
            self._update_count(index)
            weight -= self.strength * grad

    updater = mx.optimizer.get_updater(Kept(0.5, wd=0.25, param_dict={0: object()}))
    updater(0, mx.nd.ones((2,)), mx.nd.ones((2,)))
    # a class within a function has no name of its own: as pickle, only the first part would be found
    data = updater.get_states(dump_optimizer=True).replace(
        b"test_a_users_optimizer_comes_back_where_it_is_registered.<locals>.Kept", b"Kept"
    )
    length = struct.pack("<I", len(Kept.__qualname__))
    data = data.replace(b"X" + length + b"Kept", b"X" + struct.pack("<I", 4) + b"Kept")
    fresh = mx.optimizer.get_updater(mx.optimizer.SGD(momentum=0.9))
    try:
        fresh.set_states(data)
        assert (fresh.optimizer.strength, fresh.optimizer.wd, fresh.optimizer.num_update) == (0.5, 0.25, 1)
        assert fresh.optimizer.param_dict == {}
        assert not fresh.aggregate_updates
    finally:
        del mx.optimizer.Optimizer.opt_registry["kept"]
    with pytest.raises(FormatError, match=r"Kept is no number"):
        fresh.set_states(data)


def test_optimizers_and_schedulers_are_picklable():
    """Python's pickle and copy, too, leave the live parameters out."""
    optimizer = mx.optimizer.Adam(lr_scheduler=mx.lr_scheduler.PolyScheduler(9), param_dict={0: object()})
    copy = pickle.loads(pickle.dumps(optimizer))
    assert copy.param_dict == {}
    assert vars(copy.lr_scheduler) == vars(optimizer.lr_scheduler)


# --- other pickles of plain data ----------------------------------------------------------------------------
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_numpy_states_of_every_protocol(protocol):
    fortran = np.asfortranarray(np.arange(6, dtype=">f8").reshape(2, 3))
    content = {
        0: None, 1: np.arange(3, dtype="float32"), "x": (np.float64(2), [1, 2.5, True, -7, 2**40]),
        2: fortran, 3: np.array([[True, False]]), 4: np.int64(-4), "ü": "ß", 5: np.zeros((0, 2)),
    }  # fmt: skip
    found, _ = files.loads(pickle.dumps(content, protocol=protocol))
    assert found[0] is None
    assert found["x"] == (2.0, [1, 2.5, True, -7, 2**40])
    for key in (1, 2, 3, 5):
        np.testing.assert_array_equal(found[key].asnumpy(), content[key])
        assert found[key].dtype == content[key].dtype.newbyteorder("=")
    assert (found[4], found["ü"]) == (-4, "ß")


def test_cysym_arrays_pickled_by_python():
    """`pickle.dumps(updater.states)` by hand."""
    state = {0: (mx.nd.array([1.0, 2.0]), None)}
    found, _ = files.loads(pickle.dumps(state))
    assert found[0][0].asnumpy().tolist() == [1.0, 2.0]


def test_a_python_2_pickle_of_mxnet():
    """Old quoted strings, classes by line, bytearrays as text: what MXNet 1.0 wrote with cPickle."""
    record = files.dumps({0: mx.nd.array([1.5, -2.0])})
    raw = record[record.index(b"\xc9\xfa\x93\xf9") :][: 4 + 4 + 4 + 8 + 8 + 4 + 8]
    quoted = repr(raw)[1:].encode()
    data = (
        b"(dp0\nI0\nccopy_reg\n_reconstructor\np1\n(cmxnet.ndarray.ndarray\nNDArray\np2\nc__builtin__\nobject\n"
        b"p3\nNtp4\nRp5\n(dp6\nS'handle'\np7\nS" + quoted + b"\np8\nsbs."
    )
    found, _ = files.loads(data)
    assert found[0].asnumpy().tolist() == [1.5, -2.0]


# --- hostile ones -------------------------------------------------------------------------------------------
class _Call:
    def __init__(self, function, *arguments):
        self.parts = function, arguments

    def __reduce__(self):
        return self.parts


class _Persistent(pickle.Pickler):
    def persistent_id(self, obj):
        return "elsewhere" if obj == 42 else None


def persistent():
    stream = io.BytesIO()
    _Persistent(stream, 2).dump({0: 42})
    return stream.getvalue()


def nested(count, opening=b"]", closing=b"a"):
    return b"\x80\x04}K\x00" + opening * count + closing * (count - 1) + b"s."


def bomb(levels=60):
    """Lists of two times the same list, of two times the same list, ..."""
    return b"\x80\x04}K\x00]\x94" + b"".join(b"]\x94(h%ch%ce" % (k, k) for k in range(levels)) + b"s."


def array_state(shape, dtype="f4", raw=b"", fortran=False):
    """NumPy's pickle of an array with any shape, type and content."""
    made = np.zeros(0, "f4").__reduce__()[0]
    state = (1, shape, np.dtype(dtype), fortran, raw)
    return pickle.dumps({0: _State(made, (np.ndarray, (0,), b"b"), state)}, 4)


class _State:
    def __init__(self, *parts):
        self.parts = parts

    def __reduce__(self):
        return self.parts


GLOBAL = b"\x80\x04}K\x00c"
MARKER = "cysym_hostile_pickle_ran"
HOSTILE = {
    "system": pickle.dumps({0: _Call(os.system, f"touch {MARKER}")}),
    "system by line": GLOBAL + f"posix\nsystem\n(V touch {MARKER}\ntRs.".encode(),
    "eval": pickle.dumps({0: _Call(eval, f"open({MARKER!r}, 'w')")}),
    "exec": pickle.dumps({0: _Call(exec, f"open({MARKER!r}, 'w')")}, 2),
    "getattr": pickle.dumps({0: _Call(getattr, dict, "clear")}),
    "import": GLOBAL + b"builtins\n__import__\n(Vos\ntRs.",
    "chain": GLOBAL + b"builtins\ngetattr\n(cos\nsystem\nV__call__\ntRs.",
    "dotted name": b"\x80\x04}K\x00\x8c\x05numpy\x8c\x0adtype.type\x93)Rs.",
    "numpy load": GLOBAL + b"numpy\nload\n(Vx\ntRs.",
    "numpy testing": GLOBAL + b"numpy.testing._private.utils\nrunstring\n(V1\n}tRs.",
    "our function": GLOBAL + b"cysym.optimizer.states\nloads\n(Vx\ntRs.",
    "our class": GLOBAL + b"cysym.optimizer.updater\nUpdater\n)\x81s.",
    "a class as state": pickle.dumps({0: mx.optimizer.Updater}),
    "a name as state": GLOBAL + b"numpy\nndarray\ns.",
    "object of old": b"\x80\x02}K\x00(ios\nsystem\ns.",
    "object of class": b"\x80\x02}K\x00(cos\nsystem\nVls\nos.",
    "persistent": persistent(),
    "persistent line": b"}K\x00Pelsewhere\ns.",
    "extension": b"\x80\x02}K\x00\x82\x01s.",
    "extension 2": b"\x80\x02}K\x00\x83\x01\x01s.",
    "extension 4": b"\x80\x02}K\x00\x84\x01\x00\x00\x00s.",
    "outside buffer": b"\x80\x05}K\x00\x97s.",
    "set": pickle.dumps({0: {1, 2}}, 4),
    "frozenset": pickle.dumps({0: frozenset((1, 2))}, 4),
    "bytes": pickle.dumps({0: b"abc"}, 4),
    "complex": pickle.dumps({0: 1j}, 4),
    "slice": pickle.dumps({0: _Call(slice, 1)}, 4),
    "huge bytes": b"\x80\x04}K\x00\x8e" + struct.pack("<Q", 2**60) + b"abcs.",
    "huge bytearray": b"\x80\x05}K\x00\x96" + struct.pack("<Q", 2**62) + b"abcs.",
    "huge text": b"\x80\x04}K\x00\x8d" + struct.pack("<Q", 2**60) + b"abcs.",
    "huge text 4": b"\x80\x04}K\x00X" + struct.pack("<I", 2**31) + b"abcs.",
    "huge bytes 4": b"\x80\x04}K\x00B" + struct.pack("<I", 2**32 - 1) + b"abcs.",
    "huge old bytes": b"\x80\x02}K\x00T" + struct.pack("<i", 2**31 - 1) + b"abcs.",
    "negative bytes": b"\x80\x02}K\x00T" + struct.pack("<i", -4) + b"abcs.",
    "huge number": b"\x80\x02}K\x00\x8b" + struct.pack("<i", 2**31 - 1) + b"abcs.",
    "negative number": b"\x80\x02}K\x00\x8b" + struct.pack("<i", -1) + b"abcs.",
    "digits": b"}K\x00L" + b"9" * 100_000 + b"L\ns.",
    "huge frame": b"\x80\x04\x95" + struct.pack("<Q", 2**60) + b"}.",
    "huge memo": b"\x80\x04}r" + struct.pack("<I", 2**32 - 1) + b"K\x00js.",
    "missing memo": b"\x80\x04}K\x00h\x07s.",
    "memo of a mark": b"\x80\x04}(q\x00.",
    "memo of nothing": b"\x80\x04\x94.",
    "recursion": nested(20_000),
    "tuples": b"\x80\x04}K\x00)" + b"\x85" * 20_000 + b"s.",
    "itself": b"\x80\x04}\x94K\x00h\x00s.",
    "list in itself": b"\x80\x04}K\x00]\x94h\x00as.",
    "bomb": bomb(),
    "array bomb": None,
    "object array": pickle.dumps({0: np.array([os.system, "ls"], dtype=object)}, 4),
    "object array by hand": array_state((1,), "O", [1]),
    "structured array": pickle.dumps({0: np.zeros(2, [("a", "f4"), ("b", "O")])}, 4),
    "dates": pickle.dumps({0: np.zeros(2, "M8[s]")}, 4),
    "texts": pickle.dumps({0: np.array(["ab"])}, 4),
    "complex array": pickle.dumps({0: np.zeros(2, "c8")}, 4),
    "array of 16-bit words": pickle.dumps({0: np.zeros(2, "u2")}, 4),
    "array too large": array_state((2**39, 2**39), raw=b"\x00" * 4),
    "array too small": array_state((1,), raw=b"\x00" * 64),
    "negative shape": array_state((-1, -4), raw=b"\x00" * 16),
    "axes": array_state((1,) * 64, raw=b"\x00" * 4),
    "float shape": array_state((1.0,), raw=b"\x00" * 4),
    "array of a subclass": GLOBAL
    + b"numpy.core.multiarray\n_reconstruct\n(cnumpy\nmatrix\nK\x00\x85C\x01btRs.",
    "array without state": GLOBAL
    + b"numpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\nK\x00\x85C\x01btRs.",
    "ndarray made": GLOBAL + b"numpy\nndarray\n(K\x09\x85tRs.",
    "scalar of object": GLOBAL
    + b"numpy.core.multiarray\nscalar\n(cnumpy\ndtype\n(VO\nI0\nI1\ntRC\x04abcdtRs.",
    "dtype state": GLOBAL + b"numpy\ndtype\n(Vf4\nI0\nI1\ntR(I3\nV<\nVx\nNNI-1\nI-1\nI0\ntbs.",
    "mxnet array of number": GLOBAL + b"mxnet.ndarray.ndarray\nNDArray\n(K\x07tRs.",
    "mxnet array unfinished": GLOBAL + b"mxnet.ndarray.ndarray\nNDArray\n(NtRs.",
    "mxnet array empty": GLOBAL + b"mxnet.ndarray.ndarray\nNDArray\n(NtR}bs.",
    "mxnet array of text": GLOBAL + b"mxnet.ndarray.ndarray\nNDArray\n(NtR}Vhandle\nVxyz\nsbs.",
    "mxnet array of numbers": GLOBAL + b"mxnet.ndarray.ndarray\nNDArray\n(NtR}Vhandle\nK\x01sbs.",
    "state of a dict": b"\x80\x04}K\x00}}bs.",
    "call of a number": b"\x80\x04}K\x00K\x01)Rs.",
    "call without arguments": GLOBAL + b"builtins\nbytearray\nNRs.",
    "bytearray of size": GLOBAL + b"builtins\nbytearray\n(J\xff\xff\xff\x7ftRs.",
    "dict by keywords": GLOBAL + b"collections\nOrderedDict\n(](K\x01K\x02eatRs.",
    "key tuple": b"\x80\x04})K\x00s.",
    "key dict": b"\x80\x04}}K\x00s.",
    "odd dict": b"\x80\x04}(K\x00u.",
    "pop": b"\x80\x04}K\x000.",
    "two values": b"\x80\x04}}.",
    "nothing": b"\x80\x04.",
    "a mark": b"\x80\x04(.",
    "protocol": b"\x80\x09}.",
    "no end": b"\x80\x04}",
    "no dict": pickle.dumps([1, 2]),
    "a pair of dicts": pickle.dumps(({}, {})),
    "three": pickle.dumps(({}, {}, {})),
    "text escape": b"}K\x00V\\u12\ns.",
    "text not UTF-8": b"}K\x00\x8c\x01\xffs.",
    "quoted code": b"}K\x00S__import__('os').system('x')\ns.",
    "wrong float": b"}K\x00Fabc\ns.",
    "wrong int": b"}K\x00Iabc\ns.",
    "empty": b"",
    "no pickle": b"not a pickle",
    "zeros": bytes(100),
}


def _array_bomb():
    """One long content, made into an array again and again."""
    raw = np.zeros(50_000, "f4").tobytes()
    head = b"\x80\x04}\x8e" + struct.pack("<Q", len(raw)) + raw + b"q\x05cnumpy\ndtype\n(Vf4\nI0\nI1\ntR"
    head += b"(I3\nV<\nNNNI-1\nI-1\nI0\ntbq\x06"
    one = b"cnumpy.core.numeric\n_frombuffer\n(h\x05h\x06M\x50\xc3\x85VC\ntR"
    return head.replace(b"}\x8e", b"\x8e", 1) + b"(" + one * 2000 + b"l."


HOSTILE["array bomb"] = _array_bomb()


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_files_raise_and_do_nothing(kind, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    updater = mx.optimizer.get_updater(mx.optimizer.SGD(momentum=0.9))
    updater(0, mx.nd.ones((2,)), mx.nd.ones((2,)))
    before, states, optimizer = updater.states[0].asnumpy(), updater.states, updater.optimizer
    modules = set(sys.modules)
    tracemalloc.start()
    try:
        with pytest.raises(FormatError, match="optimizer states"):
            updater.set_states(HOSTILE[kind])
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 40 * len(HOSTILE[kind]) + 2_000_000
    assert not list(tmp_path.iterdir())
    assert (updater.states, updater.optimizer, updater.states_synced) == (states, optimizer, {0: True})
    np.testing.assert_array_equal(updater.states[0].asnumpy(), before)
    assert set(sys.modules) == modules


def pair(module, name, attributes):
    """States with an object of a class and attributes of our choice."""
    body = pickle.dumps(attributes, 2)[2:-1]
    return b"\x80\x02}c" + f"{module}\n{name}\n".encode() + b")\x81" + body + b"b\x86."


MXNET = "mxnet.optimizer.optimizer"
PAIRS = {
    "not registered": pair(MXNET, "Nope", {}),
    "a base": pair("builtins", "object", {}),
    "registered elsewhere": pair("os", "SGD", {}),
    "the updater": pair(MXNET, "Updater", {}),
    "a scheduler": pair("mxnet.lr_scheduler", "FactorScheduler", {"step": 1}),
    "a method": pair(MXNET, "SGD", {"update": 1}),
    "a property": pair(MXNET, "SGD", {"learning_rate": 1}),
    "the registry": pair(MXNET, "SGD", {"opt_registry": {}}),
    "a dunder": pair(MXNET, "SGD", {"__class__": 1}),
    "no identifier": pair(MXNET, "SGD", {"a b": 1}),
    "a number as name": pair(MXNET, "SGD", {5: 1}),
    "a list of attributes": pair(MXNET, "SGD", [1]),
    "text as rate": pair(MXNET, "SGD", {"lr": "0.1"}),
    "list as decay": pair(MXNET, "SGD", {"wd": [1]}),
    "count of texts": pair(MXNET, "SGD", {"_index_update_count": {0: "1"}}),
    "names of numbers": pair(MXNET, "SGD", {"idx2name": {0: 1}}),
    "multipliers": pair(MXNET, "SGD", {"lr_mult": {"a": "b"}}),
    "scheduler of text": pair(MXNET, "SGD", {"lr_scheduler": "x"}),
    "aggregation": pair(MXNET, "SGD", {"aggregate_num": 0.5}),
}


@pytest.mark.parametrize("kind", PAIRS)
def test_hostile_optimizers_are_refused(kind):
    updater = mx.optimizer.get_updater(mx.optimizer.SGD(momentum=0.9))
    optimizer = updater.optimizer
    with pytest.raises(FormatError, match="optimizer states"):
        updater.set_states(PAIRS[kind])
    assert updater.optimizer is optimizer


def test_one_state_for_many_optimizers_is_refused():
    """Else the work would grow with the square of the file."""
    attributes = {f"a{k}": k for k in range(300)}
    body = pickle.dumps(attributes, 2)[2:-1]
    one = b"cmxnet.optimizer.optimizer\nSGD\n)\x81h\x00b"
    data = b"\x80\x02(" + body.replace(b"}q\x00", b"}r\xff\xff\xff\x7f", 1) + b"q\x00" + one * 300 + b"l."
    with pytest.raises(FormatError, match="unfolds"):
        files.loads(data)


def test_an_optimizer_with_arguments_is_refused():
    data = pair(MXNET, "SGD", {}).replace(b")\x81", b"(K\x01t\x81")
    with pytest.raises(FormatError, match="arguments"):
        files.loads(data)


def test_an_optimizer_of_an_older_file_gets_what_it_lacks():
    """MXNet below 1.5 kept fewer attributes, in another module."""
    found = files.loads(pair("mxnet.optimizer", "SGD", {"lr": 0.5, "_index_update_count": {0: 3}}))[1]
    assert (found.lr, found.momentum, found.aggregate_num) == (0.5, 0.0, 4)
    assert found._all_index_update_counts == {0: {0: 3}}
    found.update(0, mx.nd.ones((1,)), mx.nd.ones((1,)), None)
    assert found._index_update_count == {0: 4}


def test_damaged_files_never_crash():
    """Every cut, and every byte changed, of a real file: read or refused, nothing else."""
    data = recorded("files", "sgd momentum", "pair")
    for end in range(len(data)):
        with pytest.raises(FormatError):
            files.loads(data[:end])
    outcomes = set()
    for at in range(len(data)):
        for change in (1, 0x80, 0xFF):
            damaged = bytearray(data)
            damaged[at] ^= change
            try:
                files.loads(bytes(damaged))
                outcomes.add("read")
            except FormatError:
                outcomes.add("refused")
    assert outcomes == {"read", "refused"}


def test_only_bytes_are_states():
    updater = mx.optimizer.get_updater(mx.optimizer.SGD())
    with pytest.raises(TypeError, match="bytes"):
        updater.set_states({0: None})
