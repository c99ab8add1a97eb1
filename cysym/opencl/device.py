"""One OpenCL device: memory, copies, random state, and segments of calls, all on one in-order queue.

The context and the queue are pyopencl's, opened when they are first needed; everything else goes through
`_opencl`. Work is asynchronous until `read` or `sync`. A process forked from one that has listed devices
cannot use them: every method then raises at once, where the driver would wait for threads that are gone.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import threading
from collections.abc import Callable, Sequence
from typing import Any, Literal

from .. import _opencl
from .._core import Storage, now, profiler
from ..base import DeviceError, OutOfMemoryError
from ..dtypes import CODES
from ..passes.ir import Buffer, Call, Tensor
from ..version import __version__
from .kernels import Kernel, Table, scan
from .programs import Programs
from .segment import Segment

_OUT_OF_MEMORY = (-4, -5, -6, -61)  # allocation failure, resources, host memory, invalid buffer size
_CPU = 2  # CL_DEVICE_TYPE_CPU
GENERATORS = 1024
STATE_WORDS = 625  # the state of a Mersenne twister and its position
ClStorage = Storage

_table: Table | None = None
_table_lock = threading.Lock()


def kernel_table() -> Table:
    """The kernels of the package, read when they are first asked for."""
    global _table
    with _table_lock:
        if _table is None:
            table = Table()
            table.add_package()
            _table = table
        return _table


class OpenCLDevice:
    """A device as `opencl_devices` lists it.

    Attributes
    ----------
    name, platform : str
        As the driver tells them.
    index : int
        Its place in the list: ``gpu(index)``.
    kind : str
        "opencl".
    is_cpu : bool
        Whether the device is a CPU in OpenCL's dress.
    has_fp64 : bool
        Whether it computes in float64.
    memory : int
        Bytes of device memory in all.
    max_alloc : int
        Largest single allocation in bytes; larger arenas must be split.
    max_group : int
        Most work-items of a work-group.
    """

    kind: Literal["opencl"] = "opencl"

    def __init__(self, index: int, raw: Any, name: str, platform: str) -> None:
        self.index, self.name, self.platform = index, name, platform
        self.is_cpu = bool(int(raw.type) & _CPU)
        extensions = raw.extensions.split()
        self.has_fp64 = "cl_khr_fp64" in extensions or bool(raw.double_fp_config)
        self.has_fp16 = "cl_khr_fp16" in extensions
        self.memory = int(raw.global_mem_size)
        self.max_alloc = int(raw.max_mem_alloc_size)
        self.max_group = int(raw.max_work_group_size)
        self.device_ptr: int = raw.int_ptr
        self.meter = _opencl.Meter()
        self._raw = raw
        self._pid = os.getpid()
        self._lock = threading.RLock()
        self.timing = threading.Lock()  # held while the profiler times a run
        self._opened: _Opened | None = None
        self._seed = 0
        self._random: Storage | None = None
        self._generated: dict[str, Kernel] = {}

    def __repr__(self) -> str:
        return f"gpu({self.index}) [{self.name}, {self.platform}]"

    @property
    def allocated(self) -> int:
        """Bytes this process holds of the device's memory."""
        return self.meter.allocated

    def check_usable(self) -> None:
        """Raise DeviceError in a process forked after the devices were listed."""
        if os.getpid() != self._pid:
            raise DeviceError(
                f"{self}: OpenCL cannot be used after a fork; use the CPU in this process, or start it with "
                "multiprocessing's 'spawn' method"
            )

    # --- handles --------------------------------------------------------------------------------------------
    def _open(self) -> _Opened:
        self.check_usable()
        if self._opened is None:
            with self._lock:
                if self._opened is None:
                    self._opened = _Opened(self, self._raw)
        return self._opened

    @property
    def context_ptr(self) -> int:
        """The cl_context as an integer."""
        return self._open().context

    @property
    def queue_ptr(self) -> int:
        """The cl_command_queue as an integer."""
        return self._open().queue

    @property
    def timed_queue_ptr(self) -> int:
        """A second in-order queue, whose commands note when they ran; made when the profiler needs it."""
        with self._lock:
            return self._open().timed_queue

    @property
    def programs(self) -> Programs:
        """The programs built for this device."""
        return self._open().programs

    # --- memory ---------------------------------------------------------------------------------------------
    def alloc(self, nbytes: int, zero: bool = False) -> Storage:
        """Memory of this device, zeroed or with undefined content.

        Raises
        ------
        OutOfMemoryError
            The device cannot give that much, in all or in one piece.
        """
        try:
            memory = _opencl.Memory(self._open().context, self.meter, nbytes)
            if zero:
                _opencl.zero(self.queue_ptr, memory)
        except _opencl.ClError as error:
            if error.code in _OUT_OF_MEMORY:
                raise OutOfMemoryError(
                    f"{self} cannot allocate {nbytes} bytes (largest single allocation {self.max_alloc}): "
                    f"{error}"
                ) from None
            raise
        except OverflowError:
            raise OutOfMemoryError(f"{self} cannot allocate {nbytes} bytes") from None
        sink = profiler()
        if sink is not None:
            sink.allocated(self)
        return Storage.wrap(self, nbytes, memory)

    def read(self, storage: Any, offset: int, nbytes: int, into: Any) -> None:
        """Copy `nbytes` from `offset` of a storage into a contiguous buffer, after all work before it."""
        sink = profiler()
        begin = 0 if sink is None else now()
        _opencl.read(self._open().queue, self._memory(storage), offset, nbytes, into)
        if sink is not None:
            sink.copied(self, "CopyGPU2CPU", begin)

    def write(self, storage: Any, offset: int, data: Any) -> None:
        """Copy a contiguous buffer to `offset` of a storage, after all work before it."""
        sink = profiler()
        begin = 0 if sink is None else now()
        _opencl.write(self._open().queue, self._memory(storage), offset, data)
        storage.version += 1
        if sink is not None:
            sink.copied(self, "CopyCPU2GPU", begin)

    def copy(self, dst: Any, dst_off: int, src: Any, src_off: int, nbytes: int) -> None:
        """Copy between two storages of this device; ranges of one storage may overlap."""
        to, of, queue = self._memory(dst), self._memory(src), self._open().queue
        if to is of and abs(dst_off - src_off) < nbytes:  # OpenCL refuses these
            if dst_off != src_off:
                between = self._memory(self.alloc(nbytes))
                _opencl.copy(queue, between, 0, of, src_off, nbytes)
                _opencl.copy(queue, to, dst_off, between, 0, nbytes)
        else:
            _opencl.copy(queue, to, dst_off, of, src_off, nbytes)
        dst.version += 1

    def sync(self) -> None:
        """Wait until everything asked of this device is done."""
        self.check_usable()
        if self._opened is not None:
            _opencl.finish(self._opened.queue)

    def drain(self) -> None:
        """What `sync` does, at exit: silent in a forked child and when the device is lost."""
        if self._opened is not None and os.getpid() == self._pid:
            with contextlib.suppress(DeviceError):
                _opencl.finish(self._opened.queue)

    def _memory(self, storage: Any) -> _opencl.Memory:
        memory = storage.handle
        if storage.device is not self or not isinstance(memory, _opencl.Memory):
            raise DeviceError(f"{self} cannot use memory of {storage.device}")
        return memory

    # --- programs -------------------------------------------------------------------------------------------
    def make_segment(self, calls: Sequence[Call], slot_of: Callable[[Buffer], int]) -> Segment:
        """Calls of this device, ready to run; see `Segment`."""
        return Segment(self, calls, slot_of)

    def find_kernel(self, call: Call) -> Kernel:
        """The kernel a call names, or the one generated for it.

        Raises
        ------
        DeviceError
            No file declares it.
        """
        if call.source is not None:
            return self._generated_kernel(call)
        kernel = kernel_table().kernels.get(call.kernel)
        if kernel is None:
            raise DeviceError(
                f"there is no OpenCL kernel {call.kernel!r}; a file of cl_kernels must declare "
                f"'__kernel void {call.kernel}('"
            )
        return kernel

    def _generated_kernel(self, call: Call) -> Kernel:
        from ..passes.ew_opencl import source

        text = source(call.source, call.dtype)
        kernel = self._generated.get(text)
        if kernel is None:
            (kernel,) = scan(f"generated {call.kernel}", text)
            self._generated[text] = kernel
        return kernel

    # --- random numbers -------------------------------------------------------------------------------------
    def random_state(self) -> Storage:
        """1024 Mersenne twisters, uint32 [1024][625], seeded when first asked for."""
        with self._lock:
            if self._random is None:
                state = self.alloc(GENERATORS * STATE_WORDS * 4)
                self._seed_state(state)
                self._random = state
            return self._random

    def seed(self, n: int) -> None:
        """Start MXNet's random stream of seed `n` for this device."""
        with self._lock:
            self._seed = int(n)
            if self._random is not None:
                self._seed_state(self._random)

    def _seed_state(self, state: Storage) -> None:
        buffer = Buffer("external", GENERATORS * STATE_WORDS * 4, self, 0, "random state")
        words = Tensor(buffer, (GENERATORS, STATE_WORDS), CODES["int32"])
        call = Call("random_seed", "f32", [words], [], [self._seed], [], GENERATORS, 1.0, self)
        segment = self.make_segment([call], lambda _: 0)
        segment.bind_slot(0, state)
        segment.run()
        state.version += 1


class _Opened:
    """The context, the queue and the programs of a device in use."""

    def __init__(self, device: OpenCLDevice, raw: Any) -> None:
        cl = importlib.import_module("pyopencl")
        try:
            self._context = cl.Context([raw])
            self._queue = cl.CommandQueue(self._context, raw)
        except cl.Error as error:
            raise DeviceError(f"{device} cannot be opened: {error}") from None
        self._raw, self._device = raw, device
        self._timed: Any = None
        self.context: int = self._context.int_ptr
        self.queue: int = self._queue.int_ptr
        platform = raw.platform
        identity = (
            platform.name, platform.version, raw.name, raw.vendor, raw.version, raw.driver_version,
            __version__,
        )  # fmt: skip
        self.programs = Programs(
            kernel_table(),
            self.context,
            device.device_ptr,
            identity,
            has_fp64=device.has_fp64,
            has_fp16=device.has_fp16,
            is_cpu=device.is_cpu,
            # PoCL restores a program from its own cache in 25 ms; asking it for a binary takes up to a
            # second, as it then compiles every kernel for every work-group size.
            is_caching=platform.name.strip() == "Portable Computing Language",
        )

    @property
    def timed_queue(self) -> int:
        """The queue that takes times, as an integer."""
        if self._timed is None:
            cl = importlib.import_module("pyopencl")
            enable = cl.command_queue_properties.PROFILING_ENABLE
            try:
                self._timed = cl.CommandQueue(self._context, self._raw, properties=enable)
            except cl.Error as error:
                raise DeviceError(f"{self._device} cannot be profiled: {error}") from None
        return int(self._timed.int_ptr)
