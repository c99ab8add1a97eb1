"""Contexts: MXNet's names for devices, and the devices behind them.

A `Context` is a cheap, hashable name; the device is found when something is first allocated on it. ``cpu(i)``
are all host memory; ``gpu(i)`` is the i-th OpenCL device that `CYSYM_OPENCL` admits.
"""

from __future__ import annotations

import threading
from typing import Any, ClassVar

from ._core import CpuSegment, Storage, trim_host_memory
from .base import DeviceError, pickled
from .forking import free_in_child, in_child
from .suggest import did_you_mean


class CpuDevice:
    """Host memory and the C kernels; all context numbers draw from one random stream, as in MXNet."""

    kind = "cpu"
    max_alloc = 2**62
    first_seed = 0  # of the stream of a device used for the first time
    random_lock = threading.Lock()  # held by segments that draw random numbers
    _random: ClassVar[Storage | None] = None
    _lock = threading.Lock()

    def __init__(self, index: int) -> None:
        self.index = index

    def alloc(self, nbytes: int, zero: bool = False) -> Storage:
        return Storage.alloc(self, nbytes, zero)

    def read(self, storage: Storage, offset: int, nbytes: int, into: Any) -> None:
        memoryview(into)[:] = memoryview(storage)[offset : offset + nbytes]

    def write(self, storage: Storage, offset: int, data: Any) -> None:
        view = memoryview(data).cast("B")
        memoryview(storage)[offset : offset + len(view)] = view
        storage.version += 1

    def copy(self, dst: Storage, dst_off: int, src: Storage, src_off: int, nbytes: int) -> None:
        memoryview(dst)[dst_off : dst_off + nbytes] = memoryview(src)[src_off : src_off + nbytes]
        dst.version += 1

    def sync(self) -> None:
        """CPU programs are synchronous."""

    def make_segment(self, calls: list[Any], slot_of: Any) -> CpuSegment:
        segment = CpuSegment(calls, slot_of)
        if any(t.buffer.name == "random" for call in calls for t in call.outs):
            segment.lock = self.random_lock
        return segment

    def random_state(self) -> Storage:
        with self._lock:
            if CpuDevice._random is None:
                made = self.alloc(1024 * 625 * 4)
                self._run_seed(CpuDevice.first_seed, made)
                CpuDevice._random = made  # only now: a child may be forked meanwhile
            return CpuDevice._random

    def seed(self, value: int) -> None:
        self._run_seed(value, self.random_state())

    def _run_seed(self, value: int, random: Storage) -> None:
        from .passes.ir import Buffer, Call, Tensor

        buffer = Buffer("external", 1024 * 625 * 4, self, 0)
        state = Tensor(buffer, (1024, 625), 4)
        call = Call("random_seed", "f32", [state], [], [value], [], 1024, 1000.0, self)
        segment = CpuSegment([call], lambda b: 0)
        segment.bind_slot(0, random)
        segment.lock = self.random_lock
        segment.run()

    def __repr__(self) -> str:
        return f"cpu({self.index})"


_cpus: dict[int, CpuDevice] = {}
_cpus_lock = threading.Lock()
free_in_child(CpuDevice.random_lock, CpuDevice._lock, _cpus_lock)


def seed_all(value: int) -> None:
    """Restart the random streams of all devices, and of those that are yet to come."""
    with _cpus_lock:
        CpuDevice.first_seed = value
        used = [*list(_cpus.values())[:1], *_listed]  # the CPUs have one stream
    for device in used:
        device.seed(value)


_listed: list[Any] = []
in_child(_listed.clear)  # where OpenCL does not work: there is nothing to seed


def opencl_devices() -> list[Any]:
    """OpenCL devices in the order of ``gpu(i)``; empty when there is none or pyopencl is not installed."""
    try:
        from .opencl import discover
    except ImportError:  # built without the OpenCL module
        return []
    found = discover.opencl_devices()
    with _cpus_lock:
        if not _listed and CpuDevice.first_seed:  # `seed_all` came before the devices
            for device in found:
                device.seed(CpuDevice.first_seed)
        _listed[:] = found
    return list(found)


def opencl_devices_listed() -> list[Any]:
    """Those of `opencl_devices`, if anyone has asked for them yet: drivers are not loaded for nothing."""
    with _cpus_lock:
        return list(_listed)


class _HasDefault(type):
    """Metaclass of `Context`, where ``Context.default_ctx`` lives."""

    @property
    def default_ctx(cls) -> Context:
        """Context in force in this thread; assigning replaces it, until the ``with`` around it ends."""
        return current_context()

    @default_ctx.setter
    def default_ctx(cls, context: Context) -> None:
        if not isinstance(context, Context):
            raise TypeError(f"default_ctx must be a Context, got {type(context)}")
        contexts = Context._stack.__dict__.setdefault("contexts", [])
        contexts[-1:] = [context]


class Context(metaclass=_HasDefault):
    """Device name: ``cpu``, ``gpu``, ``cpu_pinned`` or ``cpu_shared`` and a number; usable in ``with``.

    >>> Context("cpu", 1), Context(2, 0).device_type
    (cpu(1), 'gpu')
    """

    devtype2str: ClassVar = {1: "cpu", 2: "gpu", 3: "cpu_pinned", 5: "cpu_shared"}
    devstr2type: ClassVar = {"cpu": 1, "gpu": 2, "cpu_pinned": 3, "cpu_shared": 5}
    _stack: ClassVar = threading.local()

    __slots__ = ("_device", "_hash", "device_id", "device_typeid")
    device_typeid: int
    device_id: int

    def __init__(self, device_type: Any, device_id: int = 0) -> None:
        if isinstance(device_type, Context):
            self.device_typeid, self.device_id = device_type.device_typeid, device_type.device_id
        else:
            try:
                code = self.devstr2type[device_type] if isinstance(device_type, str) else int(device_type)
                self.devtype2str[code]
            except (KeyError, TypeError, ValueError, OverflowError):
                raise ValueError(
                    f"unknown device type {device_type!r}{did_you_mean(device_type, self.devstr2type)}; "
                    f"expected one of {', '.join(self.devstr2type)}"
                ) from None
            if not isinstance(device_id, int) or device_id < 0:
                raise ValueError(f"device_id must be a number from 0, got {device_id!r}")
            self.device_typeid, self.device_id = code, device_id
        self._device: Any = None
        self._hash = hash((self.device_typeid, self.device_id))

    @property
    def device_type(self) -> str:
        return self.devtype2str[self.device_typeid]

    @property
    def device(self) -> Any:
        """The device behind the name.

        Raises
        ------
        DeviceError
            When there is no such OpenCL device, saying what there is.
        """
        if self._device is None:
            if self.device_typeid == 2:
                found = opencl_devices()
                if self.device_id >= len(found):
                    raise DeviceError(self._absent(found))
                self._device = found[self.device_id]
            else:
                with _cpus_lock:
                    self._device = _cpus.setdefault(self.device_id, CpuDevice(self.device_id))
        return self._device

    def _absent(self, found: list[Any]) -> str:
        have = ", ".join(f"gpu({i}) = {d.name}" for i, d in enumerate(found)) or "none"
        try:
            from .opencl.discover import why_not

            why = why_not()
        except ImportError as error:
            why = f"{error}; pip install 'cysym[opencl]'"
        return f"{self} does not exist. OpenCL devices: {have}{why and f'. {why}'}"

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        return self is other or (
            isinstance(other, Context)
            and self.device_typeid == other.device_typeid
            and self.device_id == other.device_id
        )

    def __repr__(self) -> str:
        return f"{self.device_type}({self.device_id})"

    def __reduce__(self) -> tuple[Any, ...]:
        return Context, (self.device_type, self.device_id)

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take over the content of a pickle that MXNet wrote."""
        numbers = (pickled(state, key, (int,), "a Context") for key in ("device_typeid", "device_id"))
        self.__init__(*numbers)  # type: ignore[misc]

    def __enter__(self) -> Context:
        stack = self._stack.__dict__.setdefault("contexts", [])
        stack.append(self)
        return self

    def __exit__(self, *exc: object) -> None:
        self._stack.contexts.pop()

    def empty_cache(self) -> None:
        """Give back to the system what is kept of freed arrays; OpenCL drivers keep their own."""
        trim_host_memory()


_DEFAULT = Context("cpu", 0)


def cpu(device_id: int = 0) -> Context:
    """Context of the host; all numbers share its memory."""
    return Context("cpu", device_id)


def cpu_pinned(device_id: int = 0) -> Context:
    """Same memory as `cpu` here."""
    return Context("cpu_pinned", device_id)


def gpu(device_id: int = 0) -> Context:
    """Context of the `device_id`-th OpenCL device."""
    return Context("gpu", device_id)


def num_gpus() -> int:
    """How many OpenCL devices there are."""
    return len(opencl_devices())


def gpu_memory_info(device_id: int = 0) -> tuple[int, int]:
    """(free, total) bytes of a device; OpenCL reports no free memory, so what this process holds is
    subtracted."""
    device = gpu(device_id).device
    total = int(device.memory)
    return total - int(getattr(device, "allocated", 0)), total


def current_context() -> Context:
    """Context of the innermost ``with``, else ``cpu(0)``."""
    contexts = getattr(Context._stack, "contexts", None)
    return contexts[-1] if contexts else _DEFAULT
