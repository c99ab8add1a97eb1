"""What `doctor` has done in a child process: ``python -m cysym.cli.probe`` lists OpenCL or tries a device.

Answers are JSON objects, one a line: ``begin`` names what is tried before it is, so that the one that asks
knows where a crash happened. Numbers are checked against NumPy's. Nothing here is imported by the library.
"""

from __future__ import annotations

import ctypes
import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any, Final

import numpy as np

Check = Callable[[Any, Any], float]
_OF: Final = np.random.RandomState


def say(**facts: Any) -> None:
    """One answer."""
    print(json.dumps(facts), flush=True)


# --- what is tried: each returns its largest error, in units of what is allowed ----------------------------
def _worst(got: Any, want: Any, allowed: float) -> float:
    want = np.asarray(want, np.float64)
    error = np.abs(np.asarray(got, np.float64) - want) / (allowed * np.maximum(1, np.abs(want)))
    return float(np.nan_to_num(error, nan=np.inf).max())


def _elementwise(mx: Any, ctx: Any) -> float:
    x = _OF(0).uniform(-3, 3, 5000).astype(np.float32)
    got = mx.nd.tanh(mx.nd.array(x, ctx=ctx) * 2 + 1).asnumpy()
    return _worst(got, np.tanh(x.astype(np.float64) * 2 + 1), 1e-5)


def _product(mx: Any, ctx: Any) -> float:
    a, b = _OF(1).uniform(-1, 1, (150, 70)), _OF(2).uniform(-1, 1, (70, 90))
    got = mx.nd.dot(mx.nd.array(a, ctx=ctx), mx.nd.array(b, ctx=ctx)).asnumpy()
    return _worst(got, a.astype(np.float32).astype(np.float64) @ b.astype(np.float32), 1e-4)


def _reduction(mx: Any, ctx: Any) -> float:
    x = _OF(3).uniform(-1, 1, (30, 2000)).astype(np.float32)
    array = mx.nd.array(x, ctx=ctx)
    sums = _worst(mx.nd.sum(array, axis=1).asnumpy(), x.astype(np.float64).sum(1), 1e-4)
    return max(sums, _worst(mx.nd.max(array, axis=0).asnumpy(), x.max(0), 1e-7))


def _random(mx: Any, ctx: Any) -> float:
    """Uniform numbers, the same after the same seed, and the same on every device."""
    mx.random.seed(9)
    first = mx.nd.random.uniform(shape=(3000,), ctx=ctx).asnumpy()
    mx.random.seed(9)
    again = mx.nd.random.uniform(shape=(3000,), ctx=ctx).asnumpy()
    mx.random.seed(9)
    host = mx.nd.random.uniform(shape=(3000,), ctx=mx.cpu()).asnumpy()
    spread = _worst(np.array([first.mean(), first.var()]), [0.5, 1 / 12], 0.05)
    return max(spread, _worst(again, first, 1e-7), _worst(first, host, 1e-6))


def _training(mx: Any, ctx: Any) -> float:
    """A convolution, pooling and a dense layer: its gradients against finite differences in float64."""
    net = mx.sym.Convolution(mx.sym.Variable("data"), kernel=(3, 3), num_filter=4, name="conv")
    net = mx.sym.Pooling(
        mx.sym.Activation(net, act_type="tanh"), kernel=(2, 2), stride=(2, 2), pool_type="avg"
    )
    net = mx.sym.FullyConnected(net, num_hidden=3, name="fc")
    executor = net.simple_bind(ctx, data=(2, 1, 8, 8))
    values = {n: _OF(i).uniform(-1, 1, a.shape) for i, (n, a) in enumerate(executor.arg_dict.items())}
    for name, value in values.items():
        executor.arg_dict[name][:] = value
    output = executor.forward(is_train=True)[0].asnumpy()
    executor.backward(mx.nd.ones(output.shape, ctx=ctx))

    def reference(v: dict[str, Any]) -> Any:
        windows = np.lib.stride_tricks.sliding_window_view(v["data"], (3, 3), (2, 3))[:, 0]
        maps = np.einsum("nyxij,fij->nfyx", windows, v["conv_weight"][:, 0])
        maps = np.tanh(maps + v["conv_bias"][:, None, None])
        pooled = maps.reshape(2, 4, 3, 2, 3, 2).mean((3, 5)).reshape(2, -1)
        return pooled @ v["fc_weight"].T + v["fc_bias"]

    worst = _worst(output, reference(values), 1e-4)
    for name in ("conv_weight", "fc_weight", "data"):
        way = _OF(7).uniform(-1, 1, values[name].shape)
        up, down = ({**values, name: values[name] + step * way} for step in (1e-5, -1e-5))
        slope = (reference(up).sum() - reference(down).sum()) / 2e-5
        got = (executor.grad_dict[name].asnumpy().astype(np.float64) * way).sum()
        worst = max(worst, _worst(got, slope, 1e-3))
    return worst


def _in_type(dtype: str, allowed: float) -> Check:
    def check(mx: Any, ctx: Any) -> float:
        x = (np.arange(600) % 37 - 18).astype(dtype).reshape(20, 30) / 8
        array = mx.nd.array(x, ctx=ctx, dtype=dtype)
        kept = _worst(array.asnumpy(), x, 1e-12)
        product = mx.nd.dot(array, mx.nd.array(x.T, ctx=ctx, dtype=dtype)).asnumpy()
        return max(kept, _worst(product, x.astype(np.float64) @ x.T.astype(np.float64), allowed))

    return check


CHECKS: Final[dict[str, Check]] = {
    "elementwise": _elementwise,
    "matrix product": _product,
    "reduction": _reduction,
    "random numbers": _random,
    "training step": _training,
    "float16": _in_type("float16", 2e-2),
    "float64": _in_type("float64", 1e-12),
}


def try_device(mx: Any, ctx: Any, names: list[str]) -> None:
    """Run checks by name; one line before and one behind each."""
    for name in names:
        say(begin=name)
        try:
            start = time.perf_counter()
            worst = CHECKS[name](mx, ctx)
            first = time.perf_counter() - start
            start = time.perf_counter()
            CHECKS[name](mx, ctx)
            second = time.perf_counter() - start
        except Exception as error:  # whatever a driver thinks of
            text = f"{type(error).__name__}: {error}".partition("\n")[0]
            say(end=name, ok=False, error=text)
            continue
        facts = {"first_ms": round(first * 1e3, 2), "again_ms": round(second * 1e3, 2)}
        if worst <= 1:
            say(end=name, ok=True, **facts)
        else:
            say(end=name, ok=False, error=f"wrong numbers: {worst:.3g} times the allowed error", **facts)


def _try_cpu(names: list[str]) -> None:
    # mx.random.seed asks for all devices; a driver's crash must not look like the CPU's.
    sys.modules["pyopencl"] = None  # type: ignore[assignment]
    import cysym as mx
    from cysym import _core

    say(isa=_core.ISA)
    try_device(mx, mx.cpu(), names)


def _try_opencl(address: list[str], names: list[str]) -> None:
    """The device of a platform's and a device's place in pyopencl's lists."""
    import pyopencl as cl

    import cysym as mx
    from cysym.opencl import opencl_devices

    platform, place = map(int, address)
    wanted = cl.get_platforms()[platform].get_devices()[place].int_ptr
    (index,) = (d.index for d in opencl_devices() if d.device_ptr == wanted)
    context = mx.gpu(index)
    device = context.device
    if "float64" in names and not device.has_fp64:
        say(begin="float64")
        say(end="float64", ok=None, error="the device has no float64")
        names = [n for n in names if n != "float64"]
    try_device(mx, context, names)


# --- what there is -----------------------------------------------------------------------------------------
def _list() -> None:
    setting = os.environ.get("CYSYM_OPENCL", "")
    say(begin="import pyopencl")
    try:
        import pyopencl as cl
    except Exception as error:  # an ImportError, or what its libraries raise
        say(missing=f"{type(error).__name__}: {error}", is_there=not isinstance(error, ModuleNotFoundError))
        return
    from cysym.opencl.discover import Found, choose

    say(pyopencl=cl.VERSION_TEXT, library=_loader(cl))
    say(begin="ask for platforms")
    try:
        platforms = cl.get_platforms()
    except cl.Error as error:
        say(no_platform=str(error))
        platforms = []
    found: list[Found] = []
    facts: list[dict[str, Any]] = []
    for p, platform in enumerate(platforms):
        name = platform.name.strip()
        say(begin=f"ask platform {name} for devices")
        error_text = ""
        try:
            devices = platform.get_devices()
        except cl.Error as error:
            devices, error_text = [], str(error)
        say(platform=name, version=platform.version.strip(), vendor=platform.vendor.strip(),
            devices=len(devices), error=error_text)  # fmt: skip
        for d, device in enumerate(devices):
            one = Found(name, platform.version, device.name.strip(), device.version, int(device.type), device)
            found.append(one)
            facts.append(_describe(cl, one, [p, d]))
    taken, _ = choose([f for f, told in zip(found, facts) if told["available"]], setting)
    order = {id(f): k for k, f in enumerate(taken)}
    usable = {id(f) for f in choose(found, "all")[0]}
    for one, told in zip(found, facts):
        reasons = choose([one], setting)[1]
        told["context"] = f"gpu({order[id(one)]})" if id(one) in order else None
        told["usable"] = told["available"] and id(one) in usable
        told["why_not"] = "not available" if not told["available"] else "".join(reasons).partition(": ")[2]
        say(device=told)


def _describe(cl: Any, found: Any, address: list[int]) -> dict[str, Any]:
    device = found.raw
    extensions = device.extensions.split()
    kinds = {2: "CPU", 4: "GPU", 8: "accelerator", 16: "custom"}
    return {
        "address": address,
        "name": found.name,
        "platform": found.platform,
        "vendor": device.vendor.strip(),
        "driver": device.driver_version.strip(),
        "version": device.version.strip(),
        "kind": " ".join(text for bit, text in kinds.items() if found.kind & bit),
        "units": int(device.max_compute_units),
        "clock_mhz": int(device.max_clock_frequency),
        "memory": int(device.global_mem_size),
        "max_alloc": int(device.max_mem_alloc_size),
        "local_memory": int(device.local_mem_size),
        "max_group": int(device.max_work_group_size),
        "float64": "cl_khr_fp64" in extensions or bool(device.double_fp_config),
        "float16": "cl_khr_fp16" in extensions,
        "available": bool(device.available),
    }


def _loader(cl: Any) -> str:
    """File of the OpenCL library that pyopencl is linked with, as the system tells it."""
    try:
        with open("/proc/self/maps") as maps:
            paths = [line.split(maxsplit=5)[-1].strip() for line in maps]
    except OSError:
        return str(cl._cl.__file__)
    return next((p for p in paths if "libOpenCL" in os.path.basename(p)), str(cl._cl.__file__))


def _load(libraries: list[str]) -> None:
    """Load drivers by the names their .icd files give."""
    for name in libraries:
        say(begin=name)
        try:
            ctypes.CDLL(name)
        except OSError as error:
            say(end=name, error=str(error))
        else:
            say(end=name, error="")


def main(arguments: list[str]) -> None:
    """Answer one question."""
    what, *rest = arguments
    if what == "cpu":
        _try_cpu(rest)
    elif what == "opencl":
        _try_opencl(rest[:2], rest[2:])
    elif what == "list":
        _list()
    elif what == "load":
        _load(rest)
    else:
        raise SystemExit(f"unknown question {what!r}")


if __name__ == "__main__":
    main(sys.argv[1:])
