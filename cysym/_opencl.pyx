# cython: boundscheck=False, wraparound=False, initializedcheck=False, auto_pickle=False
"""The OpenCL C API as the device needs it: memory, programs and the launch loop, all called without the GIL.

`load` takes the addresses of the functions, looked up in the one loader pyopencl has opened. Contexts, queues
and devices come in as the integers pyopencl keeps (`int_ptr`). Operators, tensors and files are unknown here:
the package `opencl` knows them. After a fork, or once the process is ending, nothing is released any more: a
driver's threads are gone then, and a release could wait for them for ever.
"""

from cpython.buffer cimport PyBUF_SIMPLE, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_AsString, PyBytes_FromStringAndSize
from libc.stddef cimport size_t
from libc.stdint cimport int8_t, int32_t, int64_t, uint32_t, uint64_t, uintptr_t
from libc.stdlib cimport calloc, free

cimport cython

from .base import DeviceError

ctypedef int32_t cl_int
ctypedef uint32_t cl_uint
ctypedef uint64_t cl_bits
ctypedef void *cl_obj

ctypedef cl_obj (*create_buffer_t)(cl_obj, cl_bits, size_t, void *, cl_int *) noexcept nogil
ctypedef cl_obj (*source_t)(cl_obj, cl_uint, const char **, const size_t *, cl_int *) noexcept nogil
ctypedef cl_obj (*binary_t)(
    cl_obj, cl_uint, const cl_obj *, const size_t *, const char **, cl_int *, cl_int *) noexcept nogil
ctypedef cl_int (*build_t)(cl_obj, cl_uint, const cl_obj *, const char *, void *, void *) noexcept nogil
ctypedef cl_int (*build_info_t)(cl_obj, cl_obj, cl_uint, size_t, void *, size_t *) noexcept nogil
ctypedef cl_int (*info_t)(cl_obj, cl_uint, size_t, void *, size_t *) noexcept nogil
ctypedef cl_obj (*create_kernel_t)(cl_obj, const char *, cl_int *) noexcept nogil
ctypedef cl_int (*set_arg_t)(cl_obj, cl_uint, size_t, const void *) noexcept nogil
ctypedef cl_int (*launch_t)(
    cl_obj, cl_obj, cl_uint, const size_t *, const size_t *, const size_t *,
    cl_uint, const void *, void **) noexcept nogil
ctypedef cl_int (*read_t)(
    cl_obj, cl_obj, cl_uint, size_t, size_t, void *, cl_uint, const void *, void **) noexcept nogil
ctypedef cl_int (*write_t)(
    cl_obj, cl_obj, cl_uint, size_t, size_t, const void *, cl_uint, const void *, void **) noexcept nogil
ctypedef cl_int (*copy_t)(
    cl_obj, cl_obj, cl_obj, size_t, size_t, size_t, cl_uint, const void *, void **) noexcept nogil
ctypedef cl_int (*fill_t)(
    cl_obj, cl_obj, const void *, size_t, size_t, size_t, cl_uint, const void *, void **) noexcept nogil
ctypedef cl_int (*one_t)(cl_obj) noexcept nogil
ctypedef cl_int (*event_info_t)(cl_obj, cl_uint, size_t, void *, size_t *) noexcept nogil

cdef struct Api:
    create_buffer_t create_buffer
    source_t create_with_source
    binary_t create_with_binary
    build_t build
    build_info_t build_info
    info_t program_info
    create_kernel_t create_kernel
    set_arg_t set_arg
    launch_t launch
    read_t read
    write_t write
    copy_t copy
    fill_t fill
    one_t flush
    one_t finish
    one_t release_memory
    one_t release_program
    one_t release_kernel
    event_info_t event_info
    one_t release_event

cdef Api api
cdef bint is_loaded = False
cdef bint may_release = True

FUNCTIONS = (
    "clCreateBuffer", "clCreateProgramWithSource", "clCreateProgramWithBinary", "clBuildProgram",
    "clGetProgramBuildInfo", "clGetProgramInfo", "clCreateKernel", "clSetKernelArg", "clEnqueueNDRangeKernel",
    "clEnqueueReadBuffer", "clEnqueueWriteBuffer", "clEnqueueCopyBuffer", "clEnqueueFillBuffer", "clFlush",
    "clFinish", "clReleaseMemObject", "clReleaseProgram", "clReleaseKernel", "clGetEventProfilingInfo",
    "clReleaseEvent",
)

cdef enum:
    CL_MEM_READ_WRITE = 1
    CL_MEM_COPY_HOST_PTR = 32
    CL_PROGRAM_BINARY_SIZES = 0x1165
    CL_PROGRAM_BINARIES = 0x1166
    CL_PROGRAM_BUILD_LOG = 0x1183
    CL_PROFILING_COMMAND_QUEUED = 0x1280
    CL_PROFILING_COMMAND_START = 0x1282
    CL_PROFILING_COMMAND_END = 0x1283
    FLUSH_EVERY = 64  # launches handed to the device at once, so that it starts while more are enqueued

_NAMES = {
    -1: "DEVICE_NOT_FOUND", -2: "DEVICE_NOT_AVAILABLE", -3: "COMPILER_NOT_AVAILABLE",
    -4: "MEM_OBJECT_ALLOCATION_FAILURE", -5: "OUT_OF_RESOURCES", -6: "OUT_OF_HOST_MEMORY",
    -7: "PROFILING_INFO_NOT_AVAILABLE", -8: "MEM_COPY_OVERLAP",
    -11: "BUILD_PROGRAM_FAILURE", -12: "MAP_FAILURE",
    -13: "MISALIGNED_SUB_BUFFER_OFFSET", -14: "EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST",
    -30: "INVALID_VALUE", -33: "INVALID_DEVICE", -34: "INVALID_CONTEXT", -36: "INVALID_COMMAND_QUEUE",
    -38: "INVALID_MEM_OBJECT", -42: "INVALID_BINARY", -43: "INVALID_BUILD_OPTIONS",
    -44: "INVALID_PROGRAM", -45: "INVALID_PROGRAM_EXECUTABLE", -46: "INVALID_KERNEL_NAME",
    -47: "INVALID_KERNEL_DEFINITION", -48: "INVALID_KERNEL", -49: "INVALID_ARG_INDEX",
    -50: "INVALID_ARG_VALUE", -51: "INVALID_ARG_SIZE", -52: "INVALID_KERNEL_ARGS",
    -53: "INVALID_WORK_DIMENSION", -54: "INVALID_WORK_GROUP_SIZE", -55: "INVALID_WORK_ITEM_SIZE",
    -56: "INVALID_GLOBAL_OFFSET", -59: "INVALID_OPERATION", -61: "INVALID_BUFFER_SIZE",
    -63: "INVALID_GLOBAL_WORK_SIZE", -9999: "ILLEGAL_READ_OR_WRITE (NVIDIA)",
}


class ClError(DeviceError):
    """An OpenCL function returned an error code.

    Attributes
    ----------
    code : int
        OpenCL's number.
    """

    def __init__(self, routine, code, detail=""):
        name = _NAMES.get(code)
        what = f"CL_{name} ({code})" if name else f"error {code}"
        super().__init__(f"{routine} failed: {what}{detail and ': ' + detail}")
        self.code = code


cdef int check(cl_int code, str routine) except -1:
    if code != 0:
        raise ClError(routine, code)
    return 0


def load(addresses):
    """Take the addresses of `FUNCTIONS`, in their order; only the first call counts."""
    global is_loaded
    if is_loaded:
        return
    if len(addresses) != len(FUNCTIONS):
        raise ValueError(f"expected {len(FUNCTIONS)} addresses, got {len(addresses)}")
    cdef uintptr_t[20] a
    cdef int i
    for i in range(20):
        a[i] = addresses[i]
        if a[i] == 0:
            raise DeviceError(f"the OpenCL library has no function {FUNCTIONS[i]}")
    api.create_buffer = <create_buffer_t>a[0]
    api.create_with_source = <source_t>a[1]
    api.create_with_binary = <binary_t>a[2]
    api.build = <build_t>a[3]
    api.build_info = <build_info_t>a[4]
    api.program_info = <info_t>a[5]
    api.create_kernel = <create_kernel_t>a[6]
    api.set_arg = <set_arg_t>a[7]
    api.launch = <launch_t>a[8]
    api.read = <read_t>a[9]
    api.write = <write_t>a[10]
    api.copy = <copy_t>a[11]
    api.fill = <fill_t>a[12]
    api.flush = <one_t>a[13]
    api.finish = <one_t>a[14]
    api.release_memory = <one_t>a[15]
    api.release_program = <one_t>a[16]
    api.release_kernel = <one_t>a[17]
    api.event_info = <event_info_t>a[18]
    api.release_event = <one_t>a[19]
    is_loaded = True


def opencl_devices():
    """The devices of this machine: `opencl.discover.opencl_devices`, loaded on first use."""
    from .opencl.discover import opencl_devices as listed

    return listed()


def why_not():
    """Why there are no more of them: `opencl.discover.why_not`."""
    from .opencl.discover import why_not as reasons

    return reasons()


def stop_releasing():
    """Leave every object to the operating system from now on (a forked child, the end of the process)."""
    global may_release
    may_release = False


@cython.final
cdef class Meter:
    """How many bytes of a device this process holds."""

    cdef readonly int64_t allocated


@cython.final
cdef class Memory:
    """One buffer of a device, released with its last reference. Commands under way keep their own.

    `data`, when given, is what it holds from the start: that needs no queue, so nothing waits.
    """

    cdef cl_obj mem
    cdef Meter meter
    cdef readonly size_t nbytes

    def __init__(self, uintptr_t context, Meter meter not None, size_t nbytes, bytes data=None):
        if not is_loaded:
            raise DeviceError("OpenCL is not loaded")
        if self.mem != NULL:
            raise DeviceError("this memory is made already")
        if data is not None and <size_t>len(data) < nbytes:
            raise ValueError(f"{len(data)} bytes cannot fill a buffer of {nbytes}")
        cdef cl_int code = 0
        cdef cl_obj ctx = <cl_obj>context
        cdef cl_bits flags = CL_MEM_READ_WRITE
        cdef char *text = NULL
        cdef size_t size = nbytes if nbytes > 0 else 1  # OpenCL has no empty buffers
        if data is not None and nbytes > 0:
            flags |= CL_MEM_COPY_HOST_PTR
            text = data
        with nogil:
            self.mem = api.create_buffer(ctx, flags, size, text, &code)
        if code != 0:
            self.mem = NULL
            raise ClError("clCreateBuffer", code)
        self.nbytes = nbytes
        self.meter = meter
        meter.allocated += nbytes

    @property
    def int_ptr(self):
        """The cl_mem as an integer, as pyopencl's objects have it."""
        return <uintptr_t>self.mem

    def __dealloc__(self):
        if self.mem != NULL:
            self.meter.allocated -= self.nbytes
            if may_release:
                with nogil:
                    api.release_memory(self.mem)


cdef int check_range(Memory memory, size_t offset, size_t nbytes) except -1:
    if offset > memory.nbytes or nbytes > memory.nbytes - offset:
        raise DeviceError(f"bytes {offset}..{offset + nbytes} lie outside a buffer of {memory.nbytes} bytes")
    return 0


def read(uintptr_t queue, Memory memory not None, size_t offset, size_t nbytes, into):
    """Copy device memory into a writable buffer of exactly or more than `nbytes`; waits for it."""
    check_range(memory, offset, nbytes)
    cdef Py_buffer view
    cdef cl_int code = 0
    PyObject_GetBuffer(into, &view, PyBUF_WRITABLE)
    try:
        if <size_t>view.len < nbytes:
            raise DeviceError(f"cannot read {nbytes} bytes into a buffer of {view.len}")
        if nbytes:
            with nogil:
                code = api.read(<cl_obj>queue, memory.mem, 1, offset, nbytes, view.buf, 0, NULL, NULL)
    finally:
        PyBuffer_Release(&view)
    check(code, "clEnqueueReadBuffer")


def write(uintptr_t queue, Memory memory not None, size_t offset, data):
    """Copy a whole buffer of the host to the device; `data` may change when this returns."""
    cdef Py_buffer view
    cdef cl_int code = 0
    PyObject_GetBuffer(data, &view, PyBUF_SIMPLE)
    try:
        check_range(memory, offset, view.len)
        if view.len:
            with nogil:
                code = api.write(<cl_obj>queue, memory.mem, 1, offset, view.len, view.buf, 0, NULL, NULL)
    finally:
        PyBuffer_Release(&view)
    check(code, "clEnqueueWriteBuffer")


def copy(uintptr_t queue, Memory dst not None, size_t dst_offset, Memory src not None, size_t src_offset,
         size_t nbytes):
    """Copy between two buffers of one device, in the order of its queue."""
    check_range(dst, dst_offset, nbytes)
    check_range(src, src_offset, nbytes)
    cdef cl_int code = 0
    if nbytes:
        with nogil:
            code = api.copy(<cl_obj>queue, src.mem, dst.mem, src_offset, dst_offset, nbytes, 0, NULL, NULL)
            if code == 0:
                code = api.flush(<cl_obj>queue)
    check(code, "clEnqueueCopyBuffer")


def zero(uintptr_t queue, Memory memory not None):
    """Fill a whole buffer with zeros."""
    cdef uint64_t[2] zeros = [0, 0]
    cdef size_t pattern = 16 if memory.nbytes % 16 == 0 else 4 if memory.nbytes % 4 == 0 else 1
    cdef cl_int code = 0
    if memory.nbytes:
        with nogil:
            code = api.fill(<cl_obj>queue, memory.mem, zeros, pattern, 0, memory.nbytes, 0, NULL, NULL)
            if code == 0:
                code = api.flush(<cl_obj>queue)
    check(code, "clEnqueueFillBuffer")


def finish(uintptr_t queue):
    """Wait until the queue is empty."""
    cdef cl_int code
    with nogil:
        code = api.finish(<cl_obj>queue)
    check(code, "clFinish")


@cython.final
cdef class Program:
    """A built program. `build` from source, or `restore` from what `binary` once returned."""

    cdef cl_obj prog
    cdef cl_obj device

    def __dealloc__(self):
        if self.prog != NULL and may_release:
            with nogil:
                api.release_program(self.prog)

    @staticmethod
    def build(uintptr_t context, uintptr_t device, bytes source not None, bytes options not None):
        """Compile; a failure is a `ClError` whose text ends with the compiler's log."""
        cdef Program self = Program.__new__(Program)
        cdef const char *text = source
        cdef size_t size = len(source)
        cdef cl_int code = 0
        self.device = <cl_obj>device
        self.prog = api.create_with_source(<cl_obj>context, 1, &text, &size, &code)
        check(code, "clCreateProgramWithSource")
        self.finish_build(options)
        return self

    @staticmethod
    def restore(uintptr_t context, uintptr_t device, bytes binary not None, bytes options not None):
        """Make a program of a binary for this very device and driver; refused binaries are a `ClError`."""
        cdef Program self = Program.__new__(Program)
        cdef const char *text = binary
        cdef size_t size = len(binary)
        cdef cl_int code = 0
        cdef cl_int status = 0
        self.device = <cl_obj>device
        self.prog = api.create_with_binary(<cl_obj>context, 1, &self.device, &size, &text, &status, &code)
        check(code, "clCreateProgramWithBinary")
        check(status, "clCreateProgramWithBinary")
        self.finish_build(options)
        return self

    cdef int finish_build(self, bytes options) except -1:
        cdef const char *text = options
        cdef cl_int code
        with nogil:
            code = api.build(self.prog, 1, &self.device, text, NULL, NULL)
        if code != 0:
            raise ClError("clBuildProgram", code, "\n" + self.log())
        return 0

    def log(self):
        """What the compiler said."""
        cdef size_t size = 0
        if api.build_info(self.prog, self.device, CL_PROGRAM_BUILD_LOG, 0, NULL, &size) != 0 or size == 0:
            return ""
        text = PyBytes_FromStringAndSize(NULL, size)
        cdef char *at = PyBytes_AsString(text)
        if api.build_info(self.prog, self.device, CL_PROGRAM_BUILD_LOG, size, at, NULL) != 0:
            return ""
        return text.rstrip(b"\0 \n").decode("utf-8", "replace")

    def binary(self):
        """The built program as bytes; empty where the driver gives none."""
        cdef size_t size = 0
        cdef cl_int code = api.program_info(self.prog, CL_PROGRAM_BINARY_SIZES, sizeof(size_t), &size, NULL)
        if code != 0 or size == 0:
            return b""
        data = PyBytes_FromStringAndSize(NULL, size)
        cdef char *at = PyBytes_AsString(data)
        if api.program_info(self.prog, CL_PROGRAM_BINARIES, sizeof(char *), &at, NULL) != 0:
            return b""
        return data


cdef struct Launch:
    cl_obj kernel
    size_t global_size
    size_t local_size
    bint is_once
    bint is_idle  # a guarded call whose source has not changed


@cython.final
cdef class Launches:
    """The launches of one segment: kernel objects with their arguments set, run by one loop.

    Two threads must not use one object at once (kernel arguments are state); their owner's lock sees to that.
    """

    cdef Launch *launch
    cdef readonly int count
    cdef cl_obj queue

    def __init__(self, uintptr_t queue, int count):
        if self.launch != NULL:
            raise DeviceError("these launches are made already")
        self.launch = <Launch *>calloc(count if count > 0 else 1, sizeof(Launch))
        if self.launch == NULL:
            raise MemoryError()
        self.count = count
        self.queue = <cl_obj>queue

    def __dealloc__(self):
        cdef int i
        if self.launch != NULL:
            if may_release:
                for i in range(self.count):
                    if self.launch[i].kernel != NULL:
                        api.release_kernel(self.launch[i].kernel)
            free(self.launch)

    cdef Launch *at(self, int i) except NULL:
        if i < 0 or i >= self.count:
            raise IndexError(f"launch {i} of {self.count}")
        return self.launch + i

    def set_kernel(self, int i, Program program not None, bytes name not None, size_t global_size,
                   size_t local_size, bint is_once):
        """Make a kernel object for launch `i` and say how it is launched."""
        cdef Launch *one = self.at(i)
        cdef cl_int code = 0
        cdef const char *text = name
        with nogil:
            one.kernel = api.create_kernel(program.prog, text, &code)
        check(code, "clCreateKernel")
        one.global_size, one.local_size, one.is_once = global_size, local_size, is_once

    def set_memory(self, int i, cl_uint arg, Memory memory not None):
        """Set a pointer. The caller keeps `memory` alive: a kernel object does not."""
        check(api.set_arg(self.at(i).kernel, arg, sizeof(cl_obj), &memory.mem), "clSetKernelArg")

    def set_integer(self, int i, cl_uint arg, int64_t value, int size):
        """Set an integer argument of 1, 4 or 8 bytes."""
        cdef int8_t v1 = <int8_t>value
        cdef int32_t v4 = <int32_t>value
        cdef const void *p
        if size == 8:
            p = &value
        elif size == 4:
            p = &v4
        elif size == 1:
            p = &v1
        else:
            raise ValueError(f"an integer argument of {size} bytes")
        check(api.set_arg(self.at(i).kernel, arg, size, p), "clSetKernelArg")

    def set_real(self, int i, cl_uint arg, double value, int size):
        """Set a floating-point argument of 4 or 8 bytes."""
        cdef float v4 = <float>value
        if size != 4 and size != 8:
            raise ValueError(f"a floating-point argument of {size} bytes")
        cdef const void *p = &value if size == 8 else <void *>&v4
        check(api.set_arg(self.at(i).kernel, arg, size, p), "clSetKernelArg")

    def set_idle(self, int i, bint is_idle):
        """Whether the next run leaves launch `i` out."""
        self.at(i).is_idle = is_idle

    def run(self, bint skip_once):
        """Enqueue everything in order.

        Returns
        -------
        tuple of int
            (position of the launch that failed, OpenCL's code); (-1, 0) when all were taken.
        """
        cdef int i, pending = 0
        cdef cl_int code = 0
        cdef Launch *one
        with nogil:
            for i in range(self.count):
                one = self.launch + i
                if one.is_idle or (skip_once and one.is_once):
                    continue
                code = api.launch(
                    self.queue, one.kernel, 1, NULL, &one.global_size, &one.local_size, 0, NULL, NULL)
                if code != 0:
                    break
                pending += 1
                if pending == FLUSH_EVERY:
                    pending = 0
                    code = api.flush(self.queue)
                    if code != 0:
                        break
            else:
                i = -1
                if pending:
                    code = api.flush(self.queue)
        return (i, code)

    def run_timed(self, bint skip_once, uintptr_t queue, now):
        """What `run` does, on an in-order queue that takes times; both queues are empty before and after.

        Parameters
        ----------
        queue
            A queue of the same context made with CL_QUEUE_PROFILING_ENABLE.
        now
            ``now() -> int``: nanoseconds of the host's clock.

        Returns
        -------
        tuple of int, int, bytes
            What `run` returns, and when each launch began and ended on the device: two 64-bit numbers each,
            in nanoseconds of the host's clock, both 0 for a launch that was left out.
        """
        cdef int i, at = -1, pending = 0
        cdef cl_int code = 0, worst = 0
        cdef Launch *one
        cdef cl_obj side = <cl_obj>queue
        stamps = bytes(2 * self.count * sizeof(int64_t))
        cdef int64_t *stamp = <int64_t *>PyBytes_AsString(stamps)
        cdef cl_obj *events = <cl_obj *>calloc(self.count if self.count > 0 else 1, sizeof(cl_obj))
        cdef int64_t before, after
        if events == NULL:
            raise MemoryError()
        with nogil:
            code = api.finish(self.queue)
        try:
            check(code, "clFinish")
            before = now()
            with nogil:
                for i in range(self.count):
                    one = self.launch + i
                    if one.is_idle or (skip_once and one.is_once):
                        continue
                    code = api.launch(
                        side, one.kernel, 1, NULL, &one.global_size, &one.local_size, 0, NULL,
                        <void **>&events[i])
                    if code != 0:
                        at = i
                        break
                    pending += 1
                    if pending == FLUSH_EVERY:
                        pending = 0
                        api.flush(side)
                worst = api.finish(side)
            check(worst, "clFinish")
            after = now()
            check(read_times(events, self.count, before, after, stamp), "clGetEventProfilingInfo")
        finally:
            for i in range(self.count):
                if events[i] != NULL:
                    api.release_event(events[i])
            free(events)
        return (at, code, stamps)


cdef cl_int read_times(cl_obj *events, int count, int64_t before, int64_t after, int64_t *stamp) noexcept:
    """Begin and end of each event on the host's clock, which read `before` and `after` around them all.

    The device's clock starts anywhere: the first command was put into the queue right after `before`. Clocks
    that drift apart are held within the two readings and in the queue's order.
    """
    cdef int i
    cdef cl_int code
    cdef uint64_t queued = 0, start = 0, end = 0
    cdef int64_t shift = 0, last = before
    cdef bint has_shift = False
    for i in range(count):
        if events[i] == NULL:
            continue
        code = api.event_info(events[i], CL_PROFILING_COMMAND_START, 8, &start, NULL)
        if code == 0:
            code = api.event_info(events[i], CL_PROFILING_COMMAND_END, 8, &end, NULL)
        if code == 0 and not has_shift:
            code = api.event_info(events[i], CL_PROFILING_COMMAND_QUEUED, 8, &queued, NULL)
            if queued == 0 or queued > start:
                queued = start  # drivers that do not tell
            shift = before - <int64_t>queued
            has_shift = True
        if code != 0:
            return code
        stamp[2 * i] = min(max(<int64_t>start + shift, last), after)
        last = stamp[2 * i + 1] = min(max(<int64_t>end + shift, stamp[2 * i]), after)
    return 0
