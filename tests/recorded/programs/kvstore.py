"""Key-value stores: sums over devices, updaters, optimizer states, compression, the helpers of `model`."""

import os

import numpy as np

from . import numbers, outcome, program, scratch

NAMES = (
    "local",
    "device",
    "local_update_cpu",
    "local_allreduce_cpu",
    "local_allreduce_device",
    "Local",
    "foo",
)


def _array(mx, ctx, shift=0.0, scale=1.0):
    return mx.nd.array(numbers(2, 3, shift=shift, scale=scale), ctx)


@program(cpu=True)
def what_stores_are(mx, ctx):
    found = {}
    for name in (*NAMES, "teststore"):
        kv = mx.kvstore.create(name)
        found[name] = [type(kv).__name__, kv.type, kv.rank, kv.num_workers, kv.is_capable("optimizer")]
    found["capability"] = outcome(lambda: mx.kvstore.create().is_capable("sparse"))
    found["no name"] = outcome(lambda: mx.kvstore.create(3))
    found["barrier"] = mx.kvstore.create()._barrier()
    return found


@program
def sums_and_pulls(mx, ctx):
    """A store for each number of devices: MXNet crashes when that changes."""
    found = {}
    for name in NAMES:
        seen = []
        for count in (1, 2, 3, 5, 6):
            kv = mx.kvstore.create(name)
            outs = [mx.nd.zeros((2, 3), ctx), mx.nd.zeros((2, 3), mx.cpu(1)), mx.nd.zeros((2, 3), ctx)]
            first = _array(mx, ctx)
            kv.init("a", first)
            first[:] = 9
            kv.pull("a", out=outs[0])
            seen.append(outs[0].asnumpy())
            for _ in range(2):
                kv.push("a", [_array(mx, (ctx, mx.cpu(1))[i % 2], i) for i in range(count)])
                kv.pull("a", out=outs)
                seen.append([out.asnumpy() for out in outs])
        found[name] = seen
    return found


@program
def many_keys(mx, ctx):
    found = {}
    for keys in (["x", "y", "z"], [5, 3, 9]):
        kv = mx.kvstore.create("device")
        outs = [[mx.nd.zeros((2, 3), ctx)] for _ in keys]
        kv.init(keys, [_array(mx, ctx, i) for i in range(3)])
        kv.pull(keys, out=outs)
        seen = [out[0].asnumpy() for out in outs]
        kv.push(keys, [[_array(mx, ctx, i), _array(mx, ctx, 2 * i)] for i in range(3)])
        kv.pull(tuple(keys), out=outs)
        seen += [out[0].asnumpy() for out in outs]
        kv.push([keys[0], keys[0]], [_array(mx, ctx, 3), _array(mx, ctx, 4)])
        kv.pull(keys[0], out=outs[0])
        seen.append(outs[0][0].asnumpy())
        kv.pushpull(keys[1], [_array(mx, ctx, 5), _array(mx, ctx, 6)], out=outs[1])
        seen.append(outs[1][0].asnumpy())
        both = [_array(mx, ctx, 7), _array(mx, ctx, 8)]
        kv.pushpull(keys[2], both)
        seen += both
        kv.broadcast(keys[0] * 2, _array(mx, ctx, 9), out=[outs[0][0], outs[1][0]])
        seen += [outs[0][0], outs[1][0]]
        found[str(keys[0])] = seen
    return found


@program
def element_types(mx, ctx):
    found = {}
    for dtype in ("float16", "float32", "float64", "int32"):
        kv = mx.kvstore.create()
        values = np.array([1, -2, 3])
        kv.init(1, mx.nd.array(values, ctx, dtype=dtype))
        kv.push(1, [mx.nd.array(values * 2, ctx, dtype=dtype)] * 3)
        seen = []
        for other in ("float16", "float32", "int32"):
            out = mx.nd.zeros((3,), ctx, dtype=other)
            kv.pull(1, out=out)
            seen.append(out.asnumpy())
        found[dtype] = seen
    return found


@program
def updaters(mx, ctx):
    found = {}
    for name in ("local", "device"):
        kv = mx.kvstore.create(name)
        seen = []

        def update(key, pushed, stored, seen=seen):
            seen.append([key, pushed.asnumpy(), stored.asnumpy()])
            stored += pushed * 2

        kv.init(3, _array(mx, ctx))
        kv._set_updater(update)
        out = mx.nd.zeros((2, 3), ctx)
        for count in (1, 2):
            kv.push(3, [_array(mx, ctx, i) for i in range(count)])
            kv.pull(3, out=out)
            seen.append(out.asnumpy())
        kv.pushpull(3, _array(mx, ctx, 4), out=out)
        found[name] = [seen, out]
    return found


@program
def optimizers(mx, ctx):
    found = {}
    for name in ("local", "device"):
        for keys in (["w", "b"], [0, 1]):
            kv = mx.kvstore.create(name)
            kv.init(keys, [_array(mx, ctx), _array(mx, ctx, 1)])
            kv.set_optimizer(mx.optimizer.create("adam", learning_rate=0.1))
            outs = [mx.nd.zeros((2, 3), ctx), mx.nd.zeros((2, 3), ctx)]
            for step in range(3):
                kv.push(keys, [[_array(mx, ctx, step), _array(mx, ctx, -step)]] * 2)
            kv.pull(keys, out=outs)
            found[name + str(keys[0])] = [out.asnumpy() for out in outs]
    return found


@program
def states_on_disk(mx, ctx):
    found = {}
    with scratch():
        for dump in (False, True):
            stores = []
            for _ in range(2):
                kv = mx.kvstore.create()
                kv.init("w", _array(mx, ctx))
                kv.set_optimizer(mx.optimizer.SGD(learning_rate=0.1, momentum=0.9))
                stores.append(kv)
            out = mx.nd.zeros((2, 3), ctx)
            stores[0].push("w", _array(mx, ctx, 1))
            stores[0].save_optimizer_states("kv.states", dump_optimizer=dump)
            stores[1].load_optimizer_states("kv.states")
            for kv in stores:
                kv.push("w", _array(mx, ctx, 2))
                kv.pull("w", out=out)
                found[str(dump) + str(len(found))] = out.asnumpy()
            os.remove("kv.states")
    return found


@program(differs={"no updater": "a missing optimizer is the library's error, not a failed assertion"})
def refused(mx, ctx):
    def store():
        kv = mx.kvstore.create()
        kv.init("a", _array(mx, ctx))
        return kv

    one = _array(mx, ctx)
    return {
        "twice": outcome(lambda: store().init("a", one)),
        "broadcast twice": outcome(lambda: store().broadcast("a", one, out=one)),
        "unknown push": outcome(lambda: store().push("b", one)),
        "unknown pull": outcome(lambda: store().pull("b", out=one)),
        "mixed init": outcome(lambda: store().init(3, one)),
        "mixed push": outcome(lambda: store().push(3, one)),
        "two values": outcome(lambda: store().init("c", [one, one])),
        "compression": outcome(
            lambda: mx.kvstore.create("device").set_gradient_compression({"type": "1bit"})
        ),
        "threshold": outcome(
            lambda: mx.kvstore.create("device").set_gradient_compression({"type": "2bit", "threshold": -1})
        ),
        "no type": outcome(lambda: mx.kvstore.create("device").set_gradient_compression({"threshold": 1})),
        "no updater": outcome(lambda: store().save_optimizer_states("never")),
        "abstract": outcome(lambda: mx.kvstore.KVStoreBase().pushpull("a", one)),
    }


@program
def compression(mx, ctx):
    found = {}
    for count in (1, 2):
        kv = mx.kvstore.create("device")
        kv.set_gradient_compression({"type": "2bit", "threshold": 0.5})
        kv.init("a", mx.nd.zeros((2, 3), ctx))
        out, seen = mx.nd.zeros((2, 3), ctx), []
        for step in range(5):
            kv.push("a", [_array(mx, ctx, i, 0.4 + 0.3 * step) for i in range(count)])
            kv.pull("a", out=out)
            seen.append(out.asnumpy())
        kv.set_gradient_compression({"type": "2bit", "threshold": 0.7})
        kv.pushpull("a", [_array(mx, ctx, i) for i in range(count)], out=out)
        found[str(count)] = [*seen, out.asnumpy()]
    return found


@program
def stores_of_ones_own(mx, ctx):
    class Doubling(mx.kvstore.KVStoreBase):
        def broadcast(self, key, value, out, priority=0):
            for target in out:
                target[:] = value

        def pushpull(self, key, value, out=None, priority=0):
            for source, target in zip(value, value if out is None else out):
                target[:] = source * 2

        @staticmethod
        def is_capable(capability):
            return False

    mx.kvstore.KVStoreBase.register(Doubling)
    kv = mx.kvstore.create("doubling")
    outs = [mx.nd.zeros((2, 3), ctx), mx.nd.zeros((2, 3), ctx)]
    kv.broadcast("a", _array(mx, ctx), out=outs)
    found = {"broadcast": [out.asnumpy() for out in outs], "same": type(kv) is Doubling}
    kv.pushpull("a", outs)
    found["pushpull"] = outs
    test = mx.kvstore.create("teststore")
    values = [_array(mx, ctx), _array(mx, ctx, 1)]
    test.pushpull("a", values)
    found["test store"] = values
    found["chosen"] = mx.model._create_kvstore(kv, 1, {})[1]
    del mx.kvstore.KVStoreBase.kv_registry["doubling"]
    return found


@program
def helpers_of_model(mx, ctx):
    """One step of SGD on two devices, on the store and off it."""
    found = {}
    for name, on_store in (("local", True), ("local", False), ("device", True), (None, False)):
        weights = {"w": _array(mx, mx.cpu()), "b": _array(mx, mx.cpu(), 1), "fixed": _array(mx, mx.cpu(), 2)}
        names = list(weights)
        params = [[weights[n].copyto(c) for c in (ctx, mx.cpu(1))] for n in names]
        grads = [[_array(mx, c, k + i) for i, c in enumerate((ctx, mx.cpu(1)))] for k in range(2)]
        grads.append([None, None])
        optimizer = mx.optimizer.SGD(learning_rate=0.1, momentum=0.9, wd=0.01)
        kv = mx.kvstore.create(name) if name else None
        if kv is not None:
            mx.model._initialize_kvstore(kv, params, weights, names, on_store)
        updater = mx.optimizer.get_updater(optimizer)
        if on_store:
            kv.set_optimizer(optimizer)
        for _ in range(2):
            if on_store:
                mx.model._update_params_on_kvstore(params, grads, kv, names)
            else:
                mx.model._update_params(params, grads, updater, 2, kvstore=kv, param_names=names)
        found[f"{name} {on_store}"] = [[p.asnumpy() for p in pair] for pair in params]
    chosen = {}
    arrays = {"w": mx.nd.zeros((2,))}
    for name, count in (("local", 1), ("local", 2), ("device", 2), (None, 2)):
        kv, on_store = mx.model._create_kvstore(name, count, arrays)
        chosen[f"{name} {count}"] = [kv is None, on_store]
    chosen["object"] = mx.model._create_kvstore(mx.kvstore.create(), 1, arrays)[1]
    chosen["big"] = mx.model._create_kvstore("local", 2, {"w": mx.nd.zeros((4097, 4096), dtype="int8")})[1]
    chosen["wrong"] = outcome(lambda: mx.model._create_kvstore(3, 1, arrays))
    found["chosen"] = chosen
    return found
