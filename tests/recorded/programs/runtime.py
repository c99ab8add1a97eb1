"""`mx.runtime`, `mx.engine`, `mx.libinfo`, `mx.misc`."""

from . import logged, outcome, program, says


@program(
    cpu=True,
    differs={"on": "no oneDNN, no BLAS library, no cluster here", "known": "OPENCL and AVX512 are more"},
)
def features(mx, ctx):
    found = mx.runtime.Features()
    listed = mx.runtime.feature_list()
    return {
        "type": type(found).__name__,
        "known": sorted(found),
        "order": list(found)[:32],
        "on": sorted(n for n in found if found.is_enabled(n) and not n.startswith("CPU") and n != "F16C"),
        "cuda": [
            found.is_enabled("CUDA"),
            found.is_enabled("cuda"),
            found["CUDA"].enabled,
            found["CUDA"].name,
        ],
        "text": [repr(found["CUDA"]), str(found["OPENMP"]), repr(found).startswith("[✖ CUDA, ✖ CUDNN")],
        "unknown": says(lambda: found.is_enabled("NOPE"), "NOPE", "CUDA"),
        "key": outcome(lambda: found["cuda"]),
        "list": [f.name for f in listed[:3]],
        "instance": mx.runtime.Features.instance is not None,
    }


@program(cpu=True)
def bulks(mx, ctx):
    first = mx.engine.set_bulk_size(15)
    seen = [mx.engine.set_bulk_size(3)]
    with mx.engine.bulk(10) as scope:
        seen += [scope is None, mx.engine.set_bulk_size(12)]
        x = mx.nd.zeros((2,))
        for _ in range(20):
            x += 1
    seen += [mx.engine.set_bulk_size(first)]
    return {"seen": seen, "x": x, "wrong": outcome(lambda: mx.engine.set_bulk_size("a"))}


@program(cpu=True)
def libraries(mx, ctx):
    import os

    paths = mx.libinfo.find_lib_path()
    return {
        "files": [isinstance(paths, list), all(os.path.isfile(p) for p in paths), len(paths) > 0],
        "none": outcome(lambda: mx.libinfo.find_conf_path()),
        "version": mx.libinfo.__version__,
    }


@program(cpu=True)
def first_schedule(mx, ctx):
    import importlib

    misc = importlib.import_module(mx.__name__ + ".misc")
    schedule = misc.FactorScheduler(10, 0.5)
    schedule.base_lr = 0.2
    with logged() as messages:
        rates = [schedule(i) for i in (0, 9, 10, 11, 25, 40)]
    return {
        "rates": rates,
        "messages": len(messages),
        "wrong": [
            outcome(lambda: misc.FactorScheduler(0)),
            outcome(lambda: misc.FactorScheduler(1, 1.0)),
            outcome(lambda: misc.LearningRateScheduler()(1)),
        ],
    }
