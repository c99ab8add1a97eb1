"""A run of calls on one OpenCL device: kernel objects made once, slots bound, launched by a C loop.

`Segment` has the methods of the CPU's segment, so programs drive both alike. It makes one kernel object per
call with its integers and scalars set; what changes between runs are the memory of slots and dynamic scalars.
It allocates nothing but the small arrays of integers some kernels take.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from .._core import now, profiler
from .._opencl import ClError, Launches, Memory
from ..base import DeviceError
from ..dtypes import CODES
from ..passes.ir import Buffer, Call, Tensor
from .kernels import Kernel

if TYPE_CHECKING:
    from ..provenance import Origin
    from .device import OpenCLDevice

FLOAT64 = CODES["float64"]
# Bytes of a FLOAT parameter where it is an integer; everything else is a float of 4 bytes, or a double of 8.
_INTEGERS = {"u8": 1, "i8": 1, "b8": 1, "i32": 4, "i64": 8}


class Segment:
    """Calls of one device, ready to run.

    Parameters
    ----------
    device : OpenCLDevice
        Where all of them run.
    calls : sequence of Call
        In the order to run.
    slot_of : callable
        ``slot_of(buffer) -> int``: run-time slot of a buffer, arena chunks included.

    Raises
    ------
    DeviceError
        A kernel is missing, does not compile, or declares other parameters than a call has.

    Attributes
    ----------
    writes : list of int
        Slots written.
    cost : float
        The calls' estimated nanoseconds on one processor core.
    origin : Origin or None
        Where the calls come from, for the profiler; without one no run is reported.
    """

    def __init__(self, device: OpenCLDevice, calls: Sequence[Call], slot_of: Callable[[Buffer], int]) -> None:
        device.check_usable()
        self.device = device
        self.origin: Origin | None = None
        self.cost = float(sum(c.cost * c.items for c in calls))
        self._calls = list(calls)
        self._launches = Launches(device.queue_ptr, len(self._calls))
        self._uses: dict[int, list[tuple[int, int, int]]] = {}  # slot -> (launch, argument, byte offset)
        self._needs: dict[int, int] = {}  # slot -> bytes the calls reach into it
        self._first_float: list[tuple[int, str]] = []  # per call: argument, type
        self._kept: list[Memory] = []
        self._bound: dict[int, tuple[Any, int]] = {}
        self._guards: dict[int, int] = {}  # call -> slot of its guard
        self._seen: dict[int, int] = {}  # call -> version of the guard at its last run
        writes: set[int] = set()
        for i, call in enumerate(self._calls):
            try:
                self._add(i, call, slot_of)
            except DeviceError as error:
                raise DeviceError(f"{self._describe(i)} on {device}: {error}") from None
            writes.update(slot_of(t.buffer) for t in call.outs)
        self.writes = sorted(writes)
        self._unbound = set(self._uses) | set(self._guards.values())

    def bind_slot(self, slot: int, storage: Any, offset: int = 0) -> None:
        """Point every pointer of `slot` at `storage`, `offset` bytes in; slots not used here are ignored.

        Raises
        ------
        DeviceError
            The storage is another device's, or too small for what the calls read and write.
        """
        uses = self._uses.get(slot)
        if uses is None and slot not in self._guards.values():
            return
        was = self._bound.get(slot)
        if was is not None and was[0] is storage and was[1] == offset:
            return
        memory = storage.handle
        if storage.device is not self.device or not isinstance(memory, Memory):
            raise DeviceError(f"a program of {self.device} cannot use memory of {storage.device}")
        need = self._needs.get(slot, 0)
        if offset < 0 or offset + need > storage.nbytes:
            raise DeviceError(f"slot {slot} needs {need} bytes, {storage.nbytes - offset} were bound")
        self.device.check_usable()
        for launch, arg, at in uses or ():
            self._launches.set_memory(launch, arg, memory)
            if was is None or was[1] != offset:
                self._launches.set_integer(launch, arg + 1, at + offset, 8)
            self._seen.pop(launch, None)
        for call, guard in self._guards.items():
            if guard == slot:
                self._seen.pop(call, None)
        self._bound[slot] = (storage, offset)
        self._unbound.discard(slot)

    def forget(self, slots: Iterable[int]) -> None:
        """Let go of the storages bound to `slots`; each must be bound again before the next run.

        What was launched keeps the memory it uses, so this may follow `run` at once.
        """
        for slot in slots:
            if self._bound.pop(slot, None) is not None:
                self._unbound.add(slot)

    def set_float(self, call_index: int, float_index: int, value: float) -> None:
        """Set one scalar of one call for the runs to come."""
        first, dtype = self._first_float[call_index]
        size = _INTEGERS.get(dtype)
        if size is None:
            self._launches.set_real(call_index, first + float_index, value, 8 if dtype == "f64" else 4)
        else:
            self._launches.set_integer(call_index, first + float_index, _cut(value, size), size)

    def run(self, skip_once: bool = False) -> None:
        """Enqueue every call; returns at once, the results are there when the device is read or synchronised.

        Left out are calls whose guard's storage was not written since they last ran, and, when `skip_once`,
        calls that a replay of the forward must not repeat.
        """
        self.device.check_usable()
        if self._unbound:
            raise DeviceError(f"slots {sorted(self._unbound)} of a program on {self.device} are not bound")
        ran: dict[int, int] = {}
        for i, slot in self._guards.items():
            storage = self._bound[slot][0]
            is_idle = not storage.exported and self._seen.get(i) == storage.version
            self._launches.set_idle(i, is_idle)
            if not is_idle and not (skip_once and self._calls[i].once):
                ran[i] = storage.version
        sink, stamps = profiler(), b""
        if sink is None or self.origin is None:
            failed, code = self._launches.run(skip_once)
        else:
            queue = self.device.timed_queue_ptr
            with self.device.timing:  # one run at a time: no time of another's kernels is counted here
                failed, code, stamps = self._launches.run_timed(skip_once, queue, now)
        if failed >= 0:
            self._seen.clear()
            raise DeviceError(
                f"{self._describe(failed)} on {self.device}: {ClError('clEnqueueNDRangeKernel', code)}"
            )
        self._seen.update(ran)
        if stamps:
            sink.ran(self.origin, stamps)

    def _add(self, i: int, call: Call, slot_of: Callable[[Buffer], int]) -> None:
        kernel = self.device.find_kernel(call)
        _check_parameters(kernel, call)
        program = self.device.programs.get(kernel, call.dtype)
        if not self.device.has_fp64 and kernel.has_double and any(t.dtype == FLOAT64 for t in call.ptrs):
            raise DeviceError("this device cannot compute in float64")
        if kernel.local > self.device.max_group:
            raise DeviceError(
                f"its work-groups have {kernel.local} work-items, the device allows {self.device.max_group}"
            )
        launches, arg = self._launches, 0
        size = kernel.global_size(call.items, call.ints)
        launches.set_kernel(i, program, kernel.name.encode(), size, kernel.local, call.once)
        for tensor in call.ptrs:
            slot = slot_of(tensor.buffer)
            offset = tensor.offset + (tensor.buffer.offset if tensor.buffer.kind == "arena" else 0)
            self._uses.setdefault(slot, []).append((i, arg, offset))
            if 0 not in tensor.shape:
                self._needs[slot] = max(self._needs.get(slot, 0), offset + _reach(tensor))
            launches.set_integer(i, arg + 1, offset, 8)
            arg += 2
        if kernel.ints is None:
            data = struct.pack(f"={len(call.ints)}q", *call.ints)
            packed = Memory(self.device.context_ptr, self.device.meter, len(data), data)
            self._kept.append(packed)
            launches.set_memory(i, arg, packed)
            arg += 1
        else:
            for value in call.ints:
                launches.set_integer(i, arg, value, 8)
                arg += 1
        self._first_float.append((arg, kernel.dtype_for(call.dtype) or call.dtype))
        for j, scalar in enumerate(call.floats):
            if isinstance(scalar, int | float):  # a dynamic one is set before each run
                self.set_float(i, j, scalar)
        launches.set_integer(i, arg + len(call.floats), call.items, 8)
        if call.guard is not None:
            self._guards[i] = slot_of(call.guard.buffer)

    def _describe(self, i: int) -> str:
        call = self._calls[i]
        nodes = f" of node {', '.join(call.names)}" if call.names else ""
        return f"call {i}, kernel {call.kernel}_{call.dtype}{nodes}"


def _check_parameters(kernel: Kernel, call: Call) -> None:
    """Refuse a call whose operands are not the kernel's: a wrong count would shift every later argument."""
    expected = (kernel.pointers, None if kernel.ints is None else len(kernel.ints), kernel.floats)
    got = (len(call.ptrs), None if kernel.ints is None else len(call.ints), len(call.floats))
    for what, e, g in zip(("pointers", "ints", "floats"), expected, got, strict=True):
        if e != g:
            raise DeviceError(f"the kernel in {kernel.file} takes {e} {what}, the call has {g}")


def _reach(tensor: Tensor) -> int:
    """Bytes from a tensor's first element to the end of its last; what a blocked layout pads is left out."""
    return (
        sum((d - 1) * max(s, 0) for d, s in zip(tensor.shape, tensor.strides, strict=True)) + tensor.itemsize
    )


def _cut(value: float, size: int) -> int:
    """`value` as a signed integer of `size` bytes, cut and wrapped as x86 converts a double in C."""
    whole = int(value) if abs(value) < 2.0**63 else -(2**63)
    bits = 8 * size
    return (whole + (1 << bits - 1)) % (1 << bits) - (1 << bits - 1)
