"""Key-value stores: what MXNet cannot be asked about: errors, devices, what stays as it was.

Sums, updaters and compression against MXNet are in recorded/programs/kvstore.py.
"""

from __future__ import annotations

import numpy as np
import pytest

import cysym as mx
from cysym import kvstore


def read(store, key, shape=(2, 3)):
    out = mx.nd.zeros(shape)
    store.pull(key, out=out)
    return out.asnumpy()


def filled(value, ctx=None, shape=(2, 3), **kwargs):
    return mx.nd.full(shape, value, ctx=ctx or mx.cpu(), **kwargs)


@pytest.fixture
def store():
    made = kvstore.create("local")
    made.init(["a", "b"], [filled(1.0), filled(2.0)])
    return made


@pytest.mark.parametrize("name", ["dist", "dist_sync", "dist_async", "dist_device_sync", "horovod", "byteps"])
def test_distributed_stores_say_what_to_use(name):
    with pytest.raises(mx.MXNetError, match=r"several processes.*'local' or 'device'"):
        kvstore.create(name)
    with pytest.raises(mx.MXNetError, match="no server"):
        kvstore.KVStoreServer(None).run()


WRONG = {
    "pushed shape": (lambda s, x: s.push("a", filled(1, shape=(3, 2))), r"'a' has shape \(2, 3\).*\(3, 2\)"),
    "second pushed shape": (
        lambda s, x: s.push("a", [x, filled(1, shape=(6,))]),
        r"array 1 pushed has \(6,\)",
    ),
    "pulled shape": (lambda s, x: s.pull("b", out=[x, filled(1, shape=(1,))]), r"'b'.*array 1 to pull into"),
    "pushpull shape": (lambda s, x: s.pushpull("a", x, out=filled(1, shape=(1,))), "to pull into has"),
    "broadcast shape": (lambda s, x: s.broadcast("c", x, out=filled(1, shape=(1,))), "'c' has shape"),
    "unknown": (lambda s, x: s.push(["a", "zz"], [x, x]), "'zz' has no value; call init"),
    "unknown pull": (lambda s, x: s.pull(["a", "zz"], out=[x, x]), "'zz' has no value"),
    "init twice": (lambda s, x: s.init(["c", "a"], [x, x]), "duplicate init of key 'a'"),
    "init twice at once": (lambda s, x: s.init(["c", "c"], [x, x]), "duplicate init of key 'c'"),
    "mixed": (lambda s, x: s.init(["c", 3], [x, x]), "mixed key types"),
    "mixed with stored": (lambda s, x: s.push(3, x), "the store has str keys such as 'a', got 3"),
    "mixed types": (lambda s, x: s.push("a", [x, filled(1, dtype="int32")]), "types: .'float32', 'int32'"),
    "no array": (lambda s, x: s.push("a", np.ones((2, 3))), "'a' takes NDArrays, got ndarray"),
    "empty": (lambda s, x: s.push("a", []), "'a'.*is empty"),
    "too few": (lambda s, x: s.push(["a", "b"], [x]), "2 keys needs as many values, got 1"),
    "one for many": (lambda s, x: s.push(["a", "b"], x), "2 keys needs as many values, got NDArray"),
    "float key": (lambda s, x: s.push(1.5, x), "int or a str, got 1.5"),
    "no out": (lambda s, x: s.pull("a"), "needs out="),
    "sparse": (lambda s, x: s.row_sparse_pull("a", out=x, row_ids=x), "no row_sparse"),
    "compression": (lambda s, x: s.set_gradient_compression({"type": "2bit"}), "'local'; use 'device'"),
    "states": (lambda s, x: s.save_optimizer_states("never"), "call set_optimizer first"),
    "optimizer": (lambda s, x: s.set_optimizer("sgd"), "takes an Optimizer, got str"),
}


@pytest.mark.parametrize("case", WRONG)
def test_refused_calls_change_nothing(store, case):
    call, text = WRONG[case]
    x = filled(7.0)
    with pytest.raises((mx.MXNetError, TypeError, ValueError, NotImplementedError), match=text):
        call(store, x)
    assert read(store, "a").tolist() == filled(1.0).asnumpy().tolist()
    assert read(store, "b").tolist() == filled(2.0).asnumpy().tolist()
    assert x.asnumpy().tolist() == filled(7.0).asnumpy().tolist()
    assert list(store._values) == ["a", "b"]


@pytest.mark.parametrize(
    ("params", "text"),
    [
        ({"type": "1bit"}, "'2bit', got '1bit'"),
        ({"type": "2bit", "threshold": 0}, "greater than 0, got 0"),
        ({"type": "2bit", "threshold": "x"}, "greater than 0, got 'x'"),
        ({"type": "2bit", "threshold": float("inf")}, "got inf"),
        ({"type": "2bit", "treshold": 1}, "unknown parameter 'treshold'"),
        ({}, "got None"),
    ],
)
def test_refused_compression(params, text):
    store = kvstore.create("device")
    with pytest.raises(mx.MXNetError, match=text):
        store.set_gradient_compression(params)
    store.init(0, filled(0.0))
    store.push(0, filled(0.3))
    assert read(store, 0)[0, 0] == np.float32(0.3)


def test_compression_of_integers_is_refused():
    store = kvstore.create("device")
    store.set_gradient_compression({"type": "2bit"})
    store.init(0, filled(0, dtype="int32"))
    with pytest.raises(mx.MXNetError, match="needs floating-point"):
        store.push(0, filled(1, dtype="int32"))


def test_where_sums_are_made(ctx):
    seen = []
    for name in ("local", "device"):
        store = kvstore.create(name)
        store.init("w", filled(0.0))
        store.set_updater(lambda key, pushed, stored: seen.append((key, pushed.context, stored.context)))
        store.push("w", [filled(1.0, ctx), filled(1.0, mx.cpu(1))])
    assert seen == [("w", mx.cpu(), mx.cpu()), ("w", ctx, ctx)]


def test_what_was_pushed_stays_the_callers(ctx):
    for name in ("local", "device"):
        store = kvstore.create(name)
        pushed = filled(3.0, ctx)
        store.init("w", pushed)
        store.push("w", pushed)
        pushed[:] = 4.0
        assert read(store, "w")[0, 0] == 3.0
        out = filled(0.0, ctx)
        store.pull("w", out=out)
        out[:] = 5.0
        assert read(store, "w")[0, 0] == 3.0


def test_sums_have_one_order(rng, ctx):
    """Left to right, bit for bit, whatever the devices."""
    arrays = [rng.standard_normal((17, 33)).astype(np.float32) for _ in range(7)]
    want = arrays[0]
    for array in arrays[1:]:
        want = want + array
    for name in ("local", "device"):
        for places in ([ctx] * 7, [ctx, mx.cpu(1)] * 4, [mx.cpu(), ctx] * 4):
            store = kvstore.create(name)
            store.init(0, mx.nd.zeros((17, 33)))
            store.push(0, [mx.nd.array(a, c) for a, c in zip(arrays, places, strict=False)])
            np.testing.assert_array_equal(read(store, 0, (17, 33)), want)


def test_an_error_in_the_updater_reaches_the_caller(store):
    def update(key, pushed, stored):
        raise ZeroDivisionError(key)

    store.set_updater(update)
    with pytest.raises(ZeroDivisionError, match="a"):
        store.push("a", filled(1.0))
    assert read(store, "a")[0, 0] == 1.0


def test_states_of_a_plain_function_cannot_be_saved(store):
    store.set_updater(lambda key, pushed, stored: None)
    with pytest.raises(mx.MXNetError, match="has no optimizer"):
        store.load_optimizer_states("never")


def test_registry():
    class Mine(kvstore.KVStoreBase):
        pass

    assert kvstore.KVStoreBase.register(Mine) is Mine
    try:
        made = kvstore.create("MINE")
        assert type(made) is Mine
        for call in (made.broadcast, made.pushpull):
            with pytest.raises(NotImplementedError, match="Mine does not define"):
                call("a", None, None)
        for name in ("type", "rank", "num_workers"):
            with pytest.raises(NotImplementedError, match=name):
                getattr(made, name)
        with pytest.warns(UserWarning, match="overrides"):
            kvstore.KVStoreBase.register(type("Mine", (kvstore.KVStoreBase,), {}))
    finally:
        del kvstore.KVStoreBase.kv_registry["mine"]
    with pytest.raises(TypeError, match="takes a class"):
        kvstore.KVStoreBase.register(3)


def test_update_on_store_can_be_switched_off(monkeypatch):
    for value, expected in (("0", False), ("1", True)):
        monkeypatch.setenv("MXNET_UPDATE_ON_KVSTORE", value)
        assert mx.model._create_kvstore("local", 2, {"w": filled(1.0)})[1] is expected
