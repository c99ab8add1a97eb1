"""`mx.context`: names of devices, scopes of them, random seeds of them."""

import copy
import pickle
import threading

import numpy as np

from . import outcome, program


@program(cpu=True)
def names_of_devices(mx, ctx):
    C = mx.Context
    some = [
        mx.cpu(),
        mx.cpu(0),
        mx.cpu(1),
        mx.gpu(),
        mx.gpu(2),
        mx.cpu_pinned(),
        C("cpu_shared", 0),
        C(mx.gpu(3), 7),
    ]
    return {
        "text": [str(c) for c in some] + [repr(c) for c in some],
        "equal": [[a == b for b in some] for a in some],
        "unequal": [mx.cpu() != mx.cpu(1), mx.cpu() == "cpu(0)", mx.cpu() is None],
        "parts": [[c.device_type, c.device_id, c.device_typeid] for c in some],
        "keys": sorted({c: str(c) for c in some}.values()),
        "tables": [C.devtype2str, C.devstr2type],
        "copies": [copy.deepcopy(c) == c and pickle.loads(pickle.dumps(c)) == c for c in some],
    }


@program(cpu=True)
def scopes(mx, ctx):
    C, seen = mx.Context, []

    def note():
        seen.append(str(mx.current_context()))

    note()
    with mx.cpu(2) as outer:
        seen.append(str(outer))
        with C("gpu", 1):
            note()
            thread = threading.Thread(target=note)
            thread.start()
            thread.join()
        note()
        seen.append(str(mx.nd.zeros((1,)).context))
        same = mx.cpu(2)
        with same, same:
            note()
        note()
    try:
        with mx.cpu(3):
            raise KeyError
    except KeyError:
        note()
    return seen


@program(cpu=True)
def default_of_a_thread(mx, ctx):
    C, seen = mx.Context, []

    def run():
        seen.append(str(C.default_ctx))
        C.default_ctx = mx.cpu(4)
        seen.append(str(mx.current_context()))
        with mx.cpu(1):
            seen.append(str(C.default_ctx))
            C.default_ctx = mx.cpu(5)
            seen.append(str(mx.current_context()))
        seen.append(str(mx.current_context()))
        seen.append(str(mx.nd.ones((2,)).context))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return [*seen, str(mx.current_context())]


@program
def seeds(mx, ctx):
    def draw():
        return mx.nd.random.uniform(0, 1, (3,), ctx=ctx).asnumpy()

    found = []
    for seed in (0, -5, 2**40, np.int32(7), True):
        mx.random.seed(seed)
        found.append(draw())
    mx.random.seed(11, ctx=ctx)
    first = draw()
    mx.random.seed(12)
    mx.random.seed(11, ctx=ctx)
    return {
        "draws": found,
        "one": first,
        "again": bool((draw() == first).all()),
        "wrong": [outcome(lambda s=s: mx.random.seed(s)) for s in ("a", 1.0, None)],
    }


@program(cpu=True)
def seed_by_name(mx, ctx):
    mx.random.seed(5, ctx="cpu")
    a = mx.random.uniform(0, 1, (3,)).asnumpy()
    mx.random.seed(5, ctx=mx.cpu())
    return [a, bool((mx.random.uniform(0, 1, (3,)).asnumpy() == a).all())]


@program(cpu=True)
def helpers(mx, ctx):
    return {
        "same": [
            getattr(mx, n) is getattr(mx.context, n) for n in ("Context", "cpu", "gpu", "current_context")
        ],
        "memory": outcome(lambda: mx.context.gpu_memory_info(1000)),
        "count": isinstance(mx.context.num_gpus(), int),
    }
