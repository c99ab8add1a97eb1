"""NDArrays and other libraries: NumPy, the buffer protocol, DLPack, pickle, copies, files."""

from __future__ import annotations

import copy
import ctypes
import gc
import operator
import pickle
import struct
import weakref

import numpy as np
import pytest

import cysym as mx

nd = mx.nd
DTYPES = ("float32", "float64", "float16", "uint8", "int32", "int8", "int64", "bool")


def grid(ctx, *shape, dtype="float32"):
    return nd.array(np.arange(np.prod(shape)).reshape(shape), ctx=ctx, dtype=dtype)


def is_host(ctx):
    return ctx.device.kind == "cpu"


# --- NumPy -------------------------------------------------------------------------------------------------
def test_array_protocol(ctx):
    a = grid(ctx, 2, 3)
    assert np.array(a).tolist() == np.asarray(a).tolist() == [[0, 1, 2], [3, 4, 5]]
    own = np.array(a)
    own[:] = 9
    assert a.asnumpy().sum() == 15
    assert np.asarray(a, dtype="int64").dtype == np.int64
    assert np.array(a, dtype="int8", copy=True).dtype == np.int8
    assert a.__array__(np.float64, copy=True).dtype == np.float64
    if is_host(ctx):
        seen = np.array(a, copy=False)
        seen[0, 0] = 7
        assert a[0, 0].asscalar() == 7
        np.asarray(a)[1, 2] = 8
        assert a[1, 2].asscalar() == 8
        a.__array__(copy=False)[0, 1] = 6
        assert a[0, 1].asscalar() == 6
        with pytest.raises(ValueError, match="copy"):
            a.__array__(np.float64, copy=False)
    else:
        with pytest.raises((ValueError, BufferError)):
            np.array(a, copy=False)
        with pytest.raises(ValueError, match="copy"):
            a.__array__(copy=False)


def test_numpy_leaves_operators_to_the_array(ctx):
    a = grid(ctx, 3)
    for got, want in (
        (np.float32(2) * a, [0, 2, 4]), (a * np.float32(2), [0, 2, 4]), (np.int64(2) - a, [2, 1, 0]),
        (np.float64(1) > a, [1, 0, 0]), (np.float64(1) == a, [0, 1, 0]), (np.bool_(True) + a, [1, 2, 3]),
    ):  # fmt: skip
        assert isinstance(got, nd.NDArray)
        assert (got.asnumpy().tolist(), got.dtype) == (want, np.float32)
    for wrong in (np.ones(3), None, "x", 1j, [1, 2, 3], np.complex64(1)):
        for function in (operator.add, operator.eq, operator.mul, operator.lt):
            with pytest.raises(TypeError):
                function(a, wrong)
            with pytest.raises(TypeError):
                function(wrong, a)
    with pytest.raises(TypeError):
        np.add(a, 1)


def test_no_number_by_accident(ctx):
    """The buffer protocol must not let `float` and `int` read bytes as text."""
    one = nd.array([1], ctx=ctx)
    for convert in (float, int):
        with pytest.raises(TypeError, match="asscalar"):
            convert(one)
    with pytest.raises(TypeError):
        [1, 2][one]
    with pytest.raises(ValueError, match="scalar"):
        grid(ctx, 2).asscalar()
    with pytest.raises(ValueError, match="ambiguous"):
        bool(grid(ctx, 2))
    assert 1 in grid(ctx, 3)
    assert 5 not in grid(ctx, 3)


@pytest.mark.parametrize("dtype", DTYPES)
def test_from_numpy(dtype):
    source = np.arange(6).reshape(2, 3).astype(dtype)
    copied = nd.from_numpy(source, zero_copy=False)
    assert (copied.dtype, copied.asnumpy().tolist()) == (source.dtype, source.tolist())
    assert source.flags.writeable
    shared = nd.from_numpy(source)
    assert not source.flags.writeable
    shared[0] = 1
    assert source[0].tolist() == np.ones(3, dtype).tolist()
    address, want = source.__array_interface__["data"][0], source.tolist()
    del source
    gc.collect()
    assert shared.asnumpy().tolist() == want
    assert memoryview(shared).nbytes == shared.nbytes
    assert np.asarray(shared).__array_interface__["data"][0] == address


def test_from_numpy_refuses():
    for wrong in (
        np.ones((4, 4))[:, ::2],
        np.ones((4, 4)).T,
        np.ones(3, ">f4"),
        np.frombuffer(bytes(8), "f4"),
    ):
        with pytest.raises((ValueError, mx.MXNetError)):
            nd.from_numpy(wrong)
    assert nd.from_numpy(np.ones((4, 4))[:, ::2], zero_copy=False).shape == (4, 2)
    assert nd.from_numpy(np.frombuffer(bytes(8), "f4"), zero_copy=False).shape == (2,)
    with pytest.raises(TypeError):
        nd.from_numpy([1, 2])
    with pytest.raises(mx.MXNetError):
        nd.from_numpy(np.ones(2, complex))
    unaligned = np.frombuffer(bytearray(9), np.uint8)[1:].view("f4")
    with pytest.raises(ValueError, match="aligned"):
        nd.from_numpy(unaligned)


# --- buffer protocol ---------------------------------------------------------------------------------------
@pytest.mark.parametrize("dtype", DTYPES)
def test_memoryview(dtype):
    a = grid(mx.cpu(), 4, 3, dtype=dtype)
    view = memoryview(a[1:])
    assert (view.shape, view.strides, view.readonly) == ((3, 3), (3 * view.itemsize, view.itemsize), False)
    assert np.asarray(view).dtype == np.dtype(dtype)
    assert np.asarray(view).tolist() == a.asnumpy()[1:].tolist()
    np.asarray(view)[0, 0] = np.asarray(view)[2, 2]
    assert a[1, 0].asscalar() == a[3, 2].asscalar()
    del a
    gc.collect()
    assert len(view.tobytes()) == 9 * view.itemsize
    assert bytes(nd.array([1, 2], dtype="uint8")) == b"\x01\x02"


def test_buffers_of_odd_shapes():
    with mx.util.np_shape():
        assert memoryview(nd.zeros((0, 3))).shape == (0, 3)
        scalar = nd.array(2.5)
        assert memoryview(scalar).tolist() == 2.5
        assert np.asarray(scalar).shape == ()


def test_a_packed_weight_sees_writes_through_a_buffer(rng):
    x, weight = rng.standard_normal((4, 160)).astype(np.float32), nd.ones((160, 160))
    dense = mx.sym.FullyConnected(mx.sym.Variable("x"), num_hidden=160, no_bias=True, name="fc")
    executor = dense.bind(mx.cpu(), {"x": nd.array(x), "fc_weight": weight})
    seen = np.asarray(weight)
    for value in (1.0, 2.0, -0.5):
        seen[:] = value
        got = executor.forward()[0].asnumpy()
        np.testing.assert_allclose(got, np.repeat(x.sum(1, keepdims=True) * value, 160, 1), 1e-4, 1e-3)


def test_device_memory_is_not_lent(ctx):
    a = grid(ctx, 2)
    if is_host(ctx):
        return
    for ask in (memoryview, bytes, np.from_dlpack, nd.to_dlpack_for_read, lambda a: a.__dlpack__()):
        with pytest.raises((BufferError, RuntimeError, TypeError), match=r"gpu\(0\)|device|buffer|DLPack"):
            ask(a)
    assert a.__dlpack_device__() == (4, 0)


# --- DLPack ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("dtype", DTYPES)
def test_dlpack_with_numpy(dtype):
    a = grid(mx.cpu(), 4, 3, dtype=dtype)
    seen = np.from_dlpack(a[1:])
    assert (seen.dtype, seen.shape) == (np.dtype(dtype), (3, 3))
    a[1:] = 1
    assert seen.tolist() == np.ones((3, 3), dtype).tolist()
    del a
    gc.collect()
    assert seen.sum() == 9
    source = np.arange(6).reshape(2, 3).astype(dtype)
    taken = nd.from_dlpack(source)
    assert (taken.dtype, taken.asnumpy().tolist()) == (source.dtype, source.tolist())
    taken[0] = 1
    assert source[0].tolist() == np.ones(3, dtype).tolist()


def test_dlpack_keeps_owners_alive():
    class Owned(np.ndarray):
        pass

    source = np.arange(1000.0).view(Owned)
    watch = weakref.ref(source)
    taken = nd.from_dlpack(source)
    row = taken[10:20]
    del source, taken
    gc.collect()
    assert row.asnumpy().tolist() == list(range(10, 20))
    assert watch() is not None
    del row
    gc.collect()
    assert watch() is None


def test_dlpack_capsules():
    a = grid(mx.cpu(), 3)
    for capsule in (a.to_dlpack_for_read(), a.to_dlpack_for_write(), nd.to_dlpack_for_read(a),
                    nd.to_dlpack_for_write(a), a.__dlpack__(), a.__dlpack__(max_version=(1, 0))):  # fmt: skip
        taken = nd.from_dlpack(capsule)
        taken += 1
        with pytest.raises(ValueError, match="once"):
            nd.from_dlpack(capsule)
    assert a.asnumpy().tolist() == [6, 7, 8]
    assert "dltensor_versioned" in repr(a.__dlpack__(max_version=(1, 1)))
    assert '"dltensor"' in repr(a.__dlpack__(max_version=(0, 8)))
    for _ in range(100):
        a.__dlpack__()  # never used
        a.__dlpack__(max_version=(1, 0))
    copied = nd.from_dlpack(a.__dlpack__(copy=True))
    copied[:] = 0
    assert a.asnumpy().sum() == 21
    assert a.__dlpack_device__() == (1, 0)
    for wrong in ({"stream": 1}, {"dl_device": (2, 0)}):
        with pytest.raises(BufferError):
            a.__dlpack__(**wrong)
    for wrong in (3, None, "x", object()):
        with pytest.raises(TypeError):
            nd.from_dlpack(wrong)


def test_dlpack_refuses():
    read_only = np.ones(3)
    read_only.flags.writeable = False
    for source in (np.ones((4, 4))[:, ::2], np.ones((4, 4)).T, np.ones(2, np.uint16), np.ones(2, complex),
                   read_only, np.frombuffer(bytearray(9), np.uint8)[1:].view("f4")):  # fmt: skip
        with pytest.raises(BufferError):
            nd.from_dlpack(source)
    # A dimension of size 1 may have any stride.
    assert nd.from_dlpack(np.ones((4, 4))[:, :1][:1]).shape == (1, 1)
    with mx.util.np_shape():
        assert nd.from_dlpack(np.ones((0, 3))).shape == (0, 3)
        assert nd.from_dlpack(np.array(2.0)).shape == ()
    assert nd.from_dlpack(np.array(2.0)).shape == (1,)


def test_memory_known_under_two_arrays():
    """`out` that overlaps an input through another storage is noticed."""
    a = grid(mx.cpu(), 5)
    same = nd.from_dlpack(a)
    nd.broadcast_add(a[:4], a[:4], out=same[1:])
    assert a.asnumpy().tolist() == [0, 0, 2, 4, 6]
    nd.broadcast_add(same[:4], same[:4], out=a[1:])
    assert a.asnumpy().tolist() == [0, 0, 0, 4, 8]
    b = grid(mx.cpu(), 3, 3)
    twin = nd.from_dlpack(b)
    twin[:] = b.T
    assert b.asnumpy().tolist() == [[0, 3, 6], [1, 4, 7], [2, 5, 8]]
    c = grid(mx.cpu(), 2, 2)
    nd.transpose(c, out=nd.from_dlpack(c))
    assert c.asnumpy().tolist() == [[0, 2], [1, 3]]


def test_dlpack_with_torch():
    torch = pytest.importorskip("torch")
    a = grid(mx.cpu(), 2, 3)
    tensor = torch.from_dlpack(a)
    tensor += 1
    assert a.asnumpy().tolist() == [[1, 2, 3], [4, 5, 6]]
    del a
    gc.collect()
    assert float(tensor.sum()) == 21
    back = nd.from_dlpack(tensor)
    back *= 2
    assert float(tensor.sum()) == 42
    del tensor
    gc.collect()
    assert back.asnumpy().sum() == 42
    with pytest.raises(BufferError):
        nd.from_dlpack(torch.ones(2, 3).T)


# --- pickle and copies -------------------------------------------------------------------------------------
def test_pickle_and_copies(ctx):
    a = grid(ctx, 2, 3, dtype="int8")
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        b = pickle.loads(pickle.dumps(a[1:], protocol))
        assert (b.context, b.dtype, b.asnumpy().tolist()) == (ctx, np.int8, [[3, 4, 5]])
    for duplicate in (copy.copy(a), copy.deepcopy(a), copy.deepcopy({"a": [a]})["a"][0]):
        duplicate[:] = 0
        assert a.asnumpy().sum() == 15
        assert duplicate.context == ctx
    with mx.util.np_shape():
        assert pickle.loads(pickle.dumps(nd.zeros((0, 2), ctx=ctx))).shape == (0, 2)
        assert pickle.loads(pickle.dumps(nd.array(1.5, ctx=ctx))).asscalar() == 1.5
    symbol = mx.sym.Variable("x") * 2
    assert pickle.loads(pickle.dumps(symbol)).tojson() == symbol.tojson()
    assert pickle.loads(pickle.dumps(ctx)) == ctx
    executor = symbol.bind(ctx, {"x": nd.ones((2,), ctx=ctx)})
    with pytest.raises(TypeError, match="save its symbol"):
        pickle.dumps(executor)


def test_pickle_from_a_device_that_is_gone():
    function, (array, _, _) = nd.ones((2,)).__reduce__()
    with pytest.warns(UserWarning, match=r"gpu\(999\)"):
        assert function(array, "gpu", 999).context == mx.cpu()


# --- files -------------------------------------------------------------------------------------------------
def test_files_hold_every_type(ctx, tmp_path):
    path = str(tmp_path / "all.nd")
    arrays = {f"arg:{d} é": grid(ctx, 2, 3, dtype=d) for d in DTYPES}
    nd.save(path, arrays)
    found = nd.load(path)
    assert list(found) == list(arrays)
    for name, array in arrays.items():
        assert found[name].dtype is array.dtype
        np.testing.assert_array_equal(found[name].asnumpy(), array.asnumpy())
    nd.save(path, list(arrays.values()))
    assert [a.dtype for a in nd.load(path)] == [a.dtype for a in arrays.values()]
    nd.save(path, [])
    assert nd.load(path) == []
    with open(path, "rb") as stream:
        assert nd.load_frombuffer(stream.read()) == []


def test_files_of_np_shape(tmp_path):
    path = str(tmp_path / "odd.nd")
    with mx.util.np_shape():
        nd.save(path, {"scalar": nd.array(2.5), "none": nd.zeros((0, 3)), "one": nd.ones((2,))})
        found = nd.load(path)
        assert {k: v.shape for k, v in found.items()} == {"scalar": (), "none": (0, 3), "one": (2,)}
        scalar = nd.array(2.5)
    with pytest.raises(mx.MXNetError, match="np_shape"):
        nd.load(path)
    with pytest.raises(ValueError, match="np_shape"):
        nd.save(path, [scalar])
    nd.save(path, nd.ones((2,)))
    with mx.util.np_shape(), pytest.raises(mx.MXNetError, match="np"):
        nd.load(path)


def test_files_refuse(tmp_path):
    path = str(tmp_path / "a.nd")
    a = nd.ones((2,))
    for wrong, error in (
        ((a,), ValueError),
        (3, ValueError),
        ([a, 1], TypeError),
        ({1: a}, TypeError),
        ({"a": 1}, TypeError),
    ):
        with pytest.raises(error):
            nd.save(path, wrong)
    with pytest.raises(mx.MXNetError, match="Open"):
        nd.load(str(tmp_path / "absent"))
    with pytest.raises(TypeError):
        nd.load(3)
    for buffer, words in (
        (b"", "8 bytes"),
        (struct.pack(">QQQ", 0x112, 0, 0), "big-endian"), (b"\x93NUMPY" + bytes(40), "Invalid .npy file"),
        (struct.pack("<QQQ", 0x112, 0, 2**60), "hold at most"),
        (struct.pack("<QQQIii2qiii", 0x112, 0, 1, 0xF993FAC9, 0, 2, 2**40, 2**40, 1, 0, 0), "array can hold"),
        (struct.pack("<QQQIii1qiii", 0x112, 0, 1, 0xF993FAC9, 0, 1, -5, 1, 0, 0), "below 0"),
        (struct.pack("<QQQIii1qiii", 0x112, 0, 1, 0xF993FAC9, 0, 1, 1, 1, 0, 99), "element type"),
        (struct.pack("<QQQIii1qiii", 0x112, 0, 1, 0xF993FAC9, 1, 1, 1, 1, 0, 0), "needs"),
    ):  # fmt: skip
        with pytest.raises(mx.MXNetError, match=words):
            nd.load_frombuffer(buffer)
    with pytest.raises(TypeError):
        nd.load_frombuffer("text")


# --- memory nobody owns ------------------------------------------------------------------------------------
class Tensor(ctypes.Structure):
    """DLTensor of the DLPack format."""

    _fields_ = (
        ("data", ctypes.c_void_p), ("device_type", ctypes.c_int32), ("device_id", ctypes.c_int32),
        ("ndim", ctypes.c_int32), ("code", ctypes.c_uint8), ("bits", ctypes.c_uint8),
        ("lanes", ctypes.c_uint16), ("shape", ctypes.POINTER(ctypes.c_int64)),
        ("strides", ctypes.POINTER(ctypes.c_int64)),
        ("byte_offset", ctypes.c_uint64), ("owner", ctypes.c_void_p), ("deleter", ctypes.c_void_p),
    )  # fmt: skip


def handmade(sizes, **facts):
    """A capsule as a careless library might make it, and what must live as long."""
    memory = (ctypes.c_float * 16)(*range(16))
    dims = (ctypes.c_int64 * max(len(sizes), 1))(*sizes)
    tensor = Tensor(data=ctypes.addressof(memory), device_type=1, ndim=len(sizes), code=2, bits=32, lanes=1)
    tensor.shape = ctypes.cast(dims, ctypes.POINTER(ctypes.c_int64))
    for name, value in facts.items():
        setattr(tensor, name, value)
    make = ctypes.pythonapi.PyCapsule_New
    make.restype, make.argtypes = ctypes.py_object, [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
    return make(ctypes.addressof(tensor), b"dltensor", None), (memory, dims, tensor)


def test_careless_capsules():
    capsule, kept = handmade((2, 3))
    assert nd.from_dlpack(capsule).asnumpy().tolist() == [[0, 1, 2], [3, 4, 5]]
    capsule, kept = handmade((2,), byte_offset=8)
    assert nd.from_dlpack(capsule).asnumpy().tolist() == [2, 3]
    for shape, facts in (
        ((2, -3), {}), ((2**40, 2**40), {}), ((2,), {"ndim": -1}), ((2,), {"ndim": 1000}),
        ((2,), {"lanes": 4}),
        ((2,), {"device_type": 2}), ((2,), {"byte_offset": 1}), ((2,), {"data": None}), ((2,), {"bits": 24}),
        ((2,), {"shape": None}),
    ):  # fmt: skip
        capsule, kept = handmade(shape, **facts)
        with pytest.raises(BufferError):
            nd.from_dlpack(capsule)
        del capsule, kept


def test_an_array_cannot_reach_beyond_its_storage():
    with pytest.raises(BufferError):
        nd.NDArray(nd.ones((2,)).storage, 0, (10**9,), 0, mx.cpu())
    empty = nd.NDArray.__new__(nd.NDArray)
    for ask in (memoryview, repr, np.from_dlpack, lambda x: x[0], lambda x: x + 1, lambda x: x.asnumpy()):
        with pytest.raises((TypeError, AttributeError, mx.MXNetError)):
            ask(empty)
