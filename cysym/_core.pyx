# cython: freethreading_compatible=False
"""Compiled core: graph nodes, memory, the CPU segment of a program, and the fast path of imperative calls.

The only hot Cython. Nothing here knows an operator: nodes hold an `OpDef` as an opaque object, segments hold
kernel pointers found by name in the table of the chosen instruction set. Where data goes next: `executor.py`
and `ndarray/` drive the segments made here.
"""

import os

cimport cython
from cpython.buffer cimport (
    PyBUF_F_CONTIGUOUS, PyBUF_FORMAT, PyBUF_ND, PyBUF_STRIDES, PyBUF_WRITABLE, PyBuffer_Release,
    PyObject_GetBuffer,
)
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from cpython.object cimport PyObject
from cpython.pycapsule cimport (
    PyCapsule_GetPointer, PyCapsule_IsValid, PyCapsule_New, PyCapsule_SetName,
)
from cpython.ref cimport Py_DECREF, Py_INCREF
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t, uintptr_t
from libc.stdlib cimport free, malloc
from libc.string cimport memset

from .base import DeviceError, MXNetError, OutOfMemoryError
from .dtypes import NAMES

cdef extern from "hostmem.h" nogil:
    void* cs_host_alloc(int64_t size, int zero)
    void cs_host_free(void* data, int64_t size)
    int64_t cs_host_trim()
    void cs_host_limit(int64_t bytes)

cdef extern from "stdlib.h" nogil:
    int posix_memalign(void** memptr, size_t alignment, size_t size)

cdef extern from "runtime.h" nogil:
    ctypedef struct cs_call:
        void** ptr
        const int64_t* ints
        const double* floats
        int64_t items

    ctypedef void (*cs_kernel_fn)(const cs_call*, int64_t, int64_t)

    ctypedef struct cs_entry:
        const char* name
        const char* dtype
        cs_kernel_fn fn

    ctypedef struct cs_step:
        cs_call call
        cs_kernel_fn fn
        int64_t grain
        const int64_t* guard
        int64_t seen
        int32_t once
        int32_t parallel

    int cs_run(cs_step* steps, int64_t count, int skip_once)
    void cs_set_threads(int n)
    int cs_get_threads()
    const cs_entry* cs_kernel_table(const char* isa, int64_t* count)
    const char* cs_best_isa()


cdef extern from *:
    """
    static _Thread_local int cs_recording = 0;
    static _Thread_local int cs_training = 0;
    static _Thread_local int cs_np_shape = 0;
    """
    int cs_recording
    int cs_training
    int cs_np_shape
    bint __builtin_mul_overflow(int64_t, int64_t, int64_t*)
    bint signbit(double)


# --- graph --------------------------------------------------------------------------------------------------
cdef int64_t _sequence = 0
cdef list _trash = []
cdef bint _draining = False


cdef void _bury(tuple inputs):
    """Let go of a dead node's inputs without recursing: chains of any length are freed in a loop."""
    global _draining
    _trash.append(inputs)
    inputs = None
    if _draining:
        return
    _draining = True
    while _trash:
        _trash.pop()
    _draining = False


cdef class Node:
    """One operator application or variable of a graph.

    Attributes
    ----------
    op
        `OpDef` instance, or None for a variable.
    name
        Name of the node.
    attrs
        What the user wrote, as strings (operator parameters and attributes), as files store it.
    inputs
        Tuple of (Node, output index).
    like
        Entries whose shape and type the outputs have (gradient nodes), or None.
    versions
        Per input, the mutation count MXNet's JSON stores; empty means all zero.
    mutations
        Of a variable: how many nodes that mutate it were composed so far.
    origin
        Of a gradient node: the forward node it belongs to (device, provenance).
    seq
        Creation number; creation order is a topological order.
    """

    cdef public object op
    cdef public str name
    cdef public dict attrs
    cdef public tuple inputs
    cdef public tuple like
    cdef public tuple versions
    cdef public int mutations
    cdef public object origin
    cdef readonly int64_t seq

    def __init__(self, op, str name, inputs=(), dict attrs=None):
        global _sequence
        _sequence += 1
        self.seq = _sequence
        self.op = op
        self.name = name
        self.inputs = tuple(inputs)
        self.attrs = {} if attrs is None else attrs
        self.versions = ()

    def __dealloc__(self):
        if self.inputs is not None and len(self.inputs):
            _bury(self.inputs)

    def __repr__(self):
        return f"<Node {self.name}>"


def topological(heads):
    """Nodes reachable from the (node, index) entries, inputs first, in MXNet's depth-first post-order."""
    cdef list order = [], stack = []
    cdef set seen = set()
    cdef Node node
    cdef tuple inputs
    cdef Py_ssize_t at
    for head in heads:
        node = head[0]
        if node in seen:
            continue
        seen.add(node)
        stack.append((node, 0))
        while stack:
            node, at = stack.pop()
            inputs = node.inputs
            while at < len(inputs):
                child = (<tuple>inputs[at])[0]
                at += 1
                if child not in seen:
                    seen.add(child)
                    stack.append((node, at))
                    stack.append((child, 0))
                    break
            else:
                order.append(node)
    return order


cdef class Graph:
    """Immutable view of everything reachable from some heads, with dense ids.

    Attributes
    ----------
    nodes
        Nodes in topological (MXNet's depth-first post-) order; a node's id is its place here.
    row
        Entry id of output k of node i is ``row[i] + k``; ``row[-1]`` is the number of entries.
    inputs
        Entry ids each node reads.
    heads
        Entry ids of the heads.
    """

    cdef readonly list nodes, row, inputs, heads
    cdef readonly dict ids

    def __init__(self, heads, order=None):
        cdef Node node
        self.nodes = topological(heads) if order is None else list(order)
        self.ids = {node: i for i, node in enumerate(self.nodes)}
        self.row = [0]
        for node in self.nodes:
            self.row.append(self.row[-1] + (1 if node.op is None else len(node.op.output_names())))
        row, ids = self.row, self.ids
        self.inputs = [tuple([row[ids[n]] + k for n, k in node.inputs]) for node in self.nodes]
        self.heads = [row[ids[n]] + k for n, k in heads]

    def entry(self, entry):
        """Dense id of a (node, output index) pair."""
        return self.row[self.ids[entry[0]]] + entry[1]

    def __str__(self):
        lines = []
        for i, node in enumerate(self.nodes):
            op = "variable" if node.op is None else repr(node.op)
            args = ", ".join([f"%{e}" for e in self.inputs[i]])
            lines.append(f"%{self.row[i]} = {node.name}: {op}({args})")
        lines.append("heads " + ", ".join([f"%{e}" for e in self.heads]))
        return "\n".join(lines)


# --- memory -------------------------------------------------------------------------------------------------
cdef enum:
    OWN_HEAP = 0
    OWN_MAP = 1
    OWN_BUFFER = 2
    OWN_HANDLE = 3

cdef int64_t MAP_FROM = 1 << 20


cdef class _Held:
    """A Py_buffer kept alive for a storage that lies in somebody else's memory."""
    cdef Py_buffer view
    cdef bint held

    def __dealloc__(self):
        if self.held:
            PyBuffer_Release(&self.view)


cdef class Storage:
    """Memory on one device with a write version that every writer moves on.

    `alloc` makes host memory, `wrap` holds a device's own handle, `from_buffer` borrows a writable buffer.
    """

    def __cinit__(self):
        self.data = NULL
        self.kind = OWN_HANDLE

    def __init__(self):
        raise TypeError("use Storage.alloc, Storage.wrap or Storage.from_buffer")

    @staticmethod
    def alloc(device, int64_t nbytes, bint zero=False):
        """`nbytes` of 64-byte aligned host memory."""
        cdef Storage s = Storage.__new__(Storage)
        cdef int64_t size = nbytes if nbytes > 0 else 1
        s.device = device
        s.nbytes = nbytes
        if nbytes < 0:
            raise OutOfMemoryError(f"cannot allocate {nbytes} bytes")
        if size >= MAP_FROM:
            s.data = cs_host_alloc(size, zero)
            if s.data == NULL:
                raise OutOfMemoryError(f"cannot allocate {nbytes} bytes of host memory")
            s.kind = OWN_MAP
        else:
            if posix_memalign(&s.data, 64, size):
                s.data = NULL
                raise OutOfMemoryError(f"cannot allocate {nbytes} bytes of host memory")
            s.kind = OWN_HEAP
            if zero:
                memset(s.data, 0, size)
        return s

    @staticmethod
    def wrap(device, int64_t nbytes, handle):
        """A storage over a device's own memory object."""
        cdef Storage s = Storage.__new__(Storage)
        s.device = device
        s.nbytes = nbytes
        s.handle = handle
        return s

    @staticmethod
    def from_buffer(device, obj):
        """Host storage inside a writable contiguous buffer; the buffer's owner keeps writing rights."""
        cdef Storage s = Storage.__new__(Storage)
        cdef _Held held = _Held.__new__(_Held)
        PyObject_GetBuffer(obj, &held.view, PyBUF_WRITABLE)
        held.held = True
        s.device = device
        s.nbytes = held.view.len
        s.data = held.view.buf
        s.kind = OWN_BUFFER
        s.handle = held
        s.exported = True
        return s

    def __dealloc__(self):
        if self.data != NULL:
            if self.kind == OWN_HEAP:
                free(self.data)
            elif self.kind == OWN_MAP:
                cs_host_free(self.data, self.nbytes)

    def __getbuffer__(self, Py_buffer* buffer, int flags):
        if self.data == NULL:
            raise BufferError("this storage does not lie in host memory")
        buffer.buf = self.data
        buffer.obj = self
        buffer.len = self.nbytes
        buffer.readonly = 0
        buffer.itemsize = 1
        buffer.format = b"B"
        buffer.ndim = 1
        buffer.shape = <Py_ssize_t*>&self.nbytes
        buffer.strides = NULL
        buffer.suboffsets = NULL
        buffer.internal = NULL

    def __releasebuffer__(self, Py_buffer* buffer):
        pass

    @property
    def address(self):
        """Address in host memory, 0 when on a device."""
        return <uintptr_t>self.data

    def __repr__(self):
        return f"<Storage {self.nbytes} bytes on {self.device!r}, version {self.version}>"


def trim_host_memory():
    """Return the blocks kept for later arrays to the system; how many bytes that were."""
    return cs_host_trim()


def limit_host_memory(int64_t nbytes):
    """Keep at most `nbytes` of freed blocks for later arrays."""
    if nbytes < 0:
        raise ValueError(f"a limit in bytes is not negative, got {nbytes}")
    cs_host_limit(nbytes)


# --- DLPack -------------------------------------------------------------------------------------------------
# Structures of the DLPack exchange format (https://dmlc.github.io/dlpack), versions 0.x and 1.x.
cdef struct _DLTensor:
    void* data
    int32_t device_type
    int32_t device_id
    int32_t ndim
    uint8_t code
    uint8_t bits
    uint16_t lanes
    int64_t* shape
    int64_t* strides
    uint64_t byte_offset

cdef struct _DLManaged:
    _DLTensor tensor
    void* owner
    void (*deleter)(_DLManaged*) noexcept nogil

cdef struct _DLVersioned:
    uint32_t major
    uint32_t minor
    void* owner
    void (*deleter)(_DLVersioned*) noexcept nogil
    uint64_t flags
    _DLTensor tensor

cdef extern from "Python.h":
    int Py_IsInitialized() nogil

cdef enum:
    DL_CPU = 1
    DL_READ_ONLY = 1

# (DLPack type code, bits) by element type code: float, float, float, unsigned, signed, signed, signed, bool.
cdef list _DL_TYPES = [(2, 32), (2, 64), (2, 16), (1, 8), (0, 32), (0, 8), (0, 64), (6, 8)]


cdef void _let_go(void* owner) noexcept with gil:
    Py_DECREF(<object>owner)


cdef void _delete_managed(_DLManaged* m) noexcept nogil:
    if Py_IsInitialized():  # a consumer may outlive the interpreter; the memory is then the system's to free
        _let_go(m.owner)
    free(m)


cdef void _delete_versioned(_DLVersioned* m) noexcept nogil:
    if Py_IsInitialized():
        _let_go(m.owner)
    free(m)


cdef void _unused_managed(object capsule) noexcept:
    cdef _DLManaged* m
    if PyCapsule_IsValid(capsule, "dltensor"):  # a consumer renames it
        m = <_DLManaged*>PyCapsule_GetPointer(capsule, "dltensor")
        m.deleter(m)


cdef void _unused_versioned(object capsule) noexcept:
    cdef _DLVersioned* m
    if PyCapsule_IsValid(capsule, "dltensor_versioned"):
        m = <_DLVersioned*>PyCapsule_GetPointer(capsule, "dltensor_versioned")
        m.deleter(m)


cdef int _fill_tensor(_DLTensor* t, int64_t* dims, Storage s, int64_t offset, tuple spec) except -1:
    cdef Py_ssize_t i, n = len(spec[0])
    cdef int64_t step = 1
    for i in range(n - 1, -1, -1):
        dims[i] = spec[0][i]
        dims[n + i] = step
        step *= dims[i]
    t.data = <char*>s.data + offset
    t.device_type, t.device_id, t.ndim = DL_CPU, 0, n
    t.code, t.bits = _DL_TYPES[spec[1]]
    t.lanes, t.byte_offset = 1, 0
    t.shape, t.strides = dims, dims + n
    s.exported = True
    return 0


def to_dlpack(ArrayBase array not None, bint versioned):
    """Capsule over an array's host memory, which it keeps alive; ``dltensor`` or ``dltensor_versioned``."""
    cdef Storage s = array.storage
    cdef _DLManaged* m
    cdef _DLVersioned* v
    cdef size_t dims = 2 * len(array.spec[0]) * sizeof(int64_t)
    if s is None or s.data == NULL:
        raise BufferError(f"an array on {array.spec[2]} has no host memory to hand out; copy it to cpu()")
    if versioned:
        v = <_DLVersioned*>malloc(sizeof(_DLVersioned) + dims)
        if v == NULL:
            raise MemoryError
        _fill_tensor(&v.tensor, <int64_t*>(v + 1), s, array.offset, array.spec)
        v.major, v.minor, v.flags, v.owner, v.deleter = 1, 0, 0, <void*>s, _delete_versioned
        Py_INCREF(s)
        return PyCapsule_New(v, "dltensor_versioned", _unused_versioned)
    m = <_DLManaged*>malloc(sizeof(_DLManaged) + dims)
    if m == NULL:
        raise MemoryError
    _fill_tensor(&m.tensor, <int64_t*>(m + 1), s, array.offset, array.spec)
    m.owner, m.deleter = <void*>s, _delete_managed
    Py_INCREF(s)
    return PyCapsule_New(m, "dltensor", _unused_managed)


cdef class _Imported:
    """A tensor taken over from another library, given back when the last array over it dies."""
    cdef _DLManaged* managed
    cdef _DLVersioned* versioned

    def __dealloc__(self):
        if self.managed != NULL and self.managed.deleter != NULL:
            self.managed.deleter(self.managed)
        if self.versioned != NULL and self.versioned.deleter != NULL:
            self.versioned.deleter(self.versioned)


def from_dlpack(capsule, device):
    """(storage, shape, element type code) of a DLPack capsule, which is used up, without a copy.

    Raises
    ------
    BufferError
        The tensor is not in host memory, not dense, read-only, misaligned, or of a type unknown here. The
        capsule is left as it was.
    """
    cdef _DLManaged* m = NULL
    cdef _DLVersioned* v = NULL
    cdef _DLTensor* t
    cdef _Imported owner
    cdef Storage s
    cdef Py_ssize_t i
    cdef int64_t step = 1
    if PyCapsule_IsValid(capsule, "dltensor_versioned"):
        v = <_DLVersioned*>PyCapsule_GetPointer(capsule, "dltensor_versioned")
        if v.major != 1:
            raise BufferError(f"DLPack version {v.major}.{v.minor} is unknown; expected 1.x")
        if v.flags & DL_READ_ONLY:
            raise BufferError("the tensor is read-only and an NDArray is not; copy it")
        t = &v.tensor
    elif PyCapsule_IsValid(capsule, "dltensor"):
        m = <_DLManaged*>PyCapsule_GetPointer(capsule, "dltensor")
        t = &m.tensor
    else:
        raise ValueError("expected a DLPack capsule that nobody has used yet; each can be used once")
    if t.device_type != DL_CPU:
        raise BufferError(f"the tensor lies on DLPack device type {t.device_type}; expected {DL_CPU} (CPU)")
    if t.lanes != 1 or (t.code, t.bits) not in _DL_TYPES:
        raise BufferError(f"DLPack type (code {t.code}, {t.bits} bits, {t.lanes} lanes) is not among "
                          f"{', '.join(NAMES)}")
    code = _DL_TYPES.index((t.code, t.bits))
    if not 0 <= t.ndim <= 64 or (t.ndim and t.shape == NULL):
        raise BufferError(f"a tensor of {t.ndim} dimensions; expected at most 64")
    shape = tuple([t.shape[i] for i in range(t.ndim)])
    size = 1
    for d in shape:
        if d < 0:
            raise BufferError(f"a tensor of shape {shape}")
        size *= d
    if size >= 2**59:
        raise BufferError(f"a tensor of shape {shape} is too large")
    if t.strides != NULL and size:
        for i in range(t.ndim - 1, -1, -1):
            if t.shape[i] != 1 and t.strides[i] != step:
                strides = [t.strides[j] for j in range(t.ndim)]
                raise BufferError(f"a tensor of shape {shape} with strides {strides} is not dense in C "
                                  "order: copy it")
            step *= t.shape[i]
    address = <uintptr_t>t.data + t.byte_offset
    if size and (t.data == NULL or address % <int64_t>_SIZES[code]):
        raise BufferError(f"a tensor at address {address:#x}; expected a multiple of {_SIZES[code]}")
    if size:
        s = Storage.__new__(Storage)
        s.device = device
        s.nbytes = size * _SIZES[code]
        s.data = <char*>t.data + t.byte_offset
        s.kind = OWN_BUFFER
        s.exported = True
        owner = _Imported.__new__(_Imported)
        s.handle = owner
    else:
        s = Storage.alloc(device, 0)
        owner = _Imported.__new__(_Imported)
    PyCapsule_SetName(capsule, "used_dltensor" if m != NULL else "used_dltensor_versioned")
    owner.managed, owner.versioned = m, v
    return s, shape, code


# --- CPU kernels --------------------------------------------------------------------------------------------
cdef dict _kernels = {}
ISA = ""


def _load_kernels():
    global ISA
    cdef int64_t count = 0, i
    cdef const cs_entry* table
    name = os.environ.get("CYSYM_ISA") or cs_best_isa().decode()
    best = ["base", "avx2", "avx512"]
    encoded = name.encode()
    table = cs_kernel_table(encoded, &count)
    if table == NULL or name not in best:
        raise ImportError(f"CYSYM_ISA={name!r} is not one of {', '.join(best)}")
    if best.index(name) > best.index(cs_best_isa().decode()):
        raise ImportError(f"CYSYM_ISA={name!r}, but this processor offers only {cs_best_isa().decode()!r}")
    for i in range(count):
        _kernels[table[i].name.decode(), table[i].dtype.decode()] = <uintptr_t>table[i].fn
    ISA = name


def kernel_names():
    """(name, element type) of every CPU kernel built in."""
    return set(_kernels)


def find_kernel(str name, str dtype):
    """Pointer of a kernel as an integer; kernels blind to the element type are found under any."""
    fn = _kernels.get((name, dtype))
    if fn is None:
        fn = _kernels.get((name, "any"))
    if fn is None:
        raise MXNetError(f"no CPU kernel {name!r} for element type {dtype!r} (expected in c_kernels/)")
    return fn


def set_num_threads(int n):
    """Threads the CPU kernels may use, the caller's included; results never depend on it."""
    if n < 1:
        raise ValueError(f"number of threads must be at least 1, got {n}")
    cs_set_threads(n)


def _default_cache():
    """CYSYM_HOST_CACHE in MiB, as bytes; 256 MiB without it."""
    text = os.environ.get("CYSYM_HOST_CACHE", "256").strip()
    if not text.isdigit() or len(text) > 9:
        raise ImportError(f"CYSYM_HOST_CACHE={text!r} is no number of MiB")
    return int(text) << 20


def _default_threads():
    """CYSYM_NUM_THREADS, else OMP_NUM_THREADS, else the processors this process may use.

    Affinity and cgroup quota count.
    """
    for name in ("CYSYM_NUM_THREADS", "OMP_NUM_THREADS"):
        text = os.environ.get(name, "").partition(",")[0].strip()
        if text:
            if not text.isdigit() or int(text) < 1:
                raise ImportError(f"{name}={text!r} is no number of threads")
            return int(text)
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        with open("/sys/fs/cgroup/cpu.max") as f:
            quota, period = f.read().split()[:2]
        if quota != "max":
            count = min(count, max(1, -(-int(quota) // int(period))))
    except (OSError, ValueError):
        pass
    return count


def get_num_threads():
    return cs_get_threads()


# Cost model of slicing, in nanoseconds: below PARALLEL_FROM a call is not worth sharing.
cdef double PARALLEL_FROM = 20e3
cdef double SLICE = 10e3
cdef int64_t MAX_SLICES = 64


cdef class CpuSegment:
    """A run of consecutive kernel calls on the CPU: flat C arrays, run without the interpreter lock.

    Pointers are (slot, byte offset) pairs; `bind_slot` points all of a slot's users at a storage.
    """

    cdef cs_step* steps
    cdef int64_t count
    cdef void** ptrs
    cdef int64_t* ints
    cdef double* floats
    cdef int64_t* patch_at      # index into ptrs, grouped by slot
    cdef int64_t* patch_offset
    cdef int64_t* float_at      # first float of each call, and their number
    cdef int64_t* slot_first    # patches of slot s: slot_first[s] .. slot_first[s + 1]
    cdef int64_t n_slots
    cdef dict guards            # slot -> list of call indices
    cdef dict bound             # slot -> Storage, kept alive
    cdef double total_cost
    cdef readonly list writes   # slots written
    cdef public object lock     # held while running: kernels here share the device's random state

    def __cinit__(self):
        self.steps = NULL
        self.ptrs = NULL
        self.ints = NULL
        self.floats = NULL
        self.patch_at = NULL
        self.patch_offset = NULL
        self.float_at = NULL
        self.slot_first = NULL

    def __init__(self, list calls, slot_of):
        """`calls`: `passes.ir.Call`s; ``slot_of(buffer) -> int``."""
        cdef int64_t n_ptr = 0, n_int = 0, n_float = 0, i, p = 0, k = 0, f = 0, j, slices
        cdef cs_step* s
        self.count = len(calls)
        lists = []
        for c in calls:
            ptrs = c.ptrs
            lists.append(ptrs)
            n_ptr += len(ptrs)
            n_int += len(c.ints)
            n_float += len(c.floats)
        self.steps = <cs_step*>PyMem_Malloc(max(self.count, 1) * sizeof(cs_step))
        self.ptrs = <void**>PyMem_Malloc(max(n_ptr, 1) * sizeof(void*))
        self.ints = <int64_t*>PyMem_Malloc(max(n_int, 1) * sizeof(int64_t))
        # two more: a step of an elementwise group looks at two numbers, whether its expression has any or not
        self.floats = <double*>PyMem_Malloc((n_float + 2) * sizeof(double))
        self.patch_at = <int64_t*>PyMem_Malloc(max(n_ptr, 1) * sizeof(int64_t))
        self.patch_offset = <int64_t*>PyMem_Malloc(max(n_ptr, 1) * sizeof(int64_t))
        self.float_at = <int64_t*>PyMem_Malloc((self.count + 1) * sizeof(int64_t))
        if (self.steps == NULL or self.ptrs == NULL or self.ints == NULL or self.floats == NULL
                or self.patch_at == NULL or self.patch_offset == NULL or self.float_at == NULL):
            raise MemoryError
        memset(self.floats, 0, (n_float + 2) * sizeof(double))
        memset(self.steps, 0, self.count * sizeof(cs_step))
        self.guards = {}
        self.bound = {}
        self.total_cost = 0
        by_slot = {}
        written = set()
        for i in range(self.count):
            c = calls[i]
            s = self.steps + i
            try:
                s.fn = <cs_kernel_fn><uintptr_t>find_kernel(c.kernel, c.dtype)
            except MXNetError as error:
                raise MXNetError(f"{', '.join(c.names)}: {error}") from None
            s.call.ptr = self.ptrs + p
            s.call.ints = self.ints + k
            s.call.floats = self.floats + f
            s.call.items = c.items
            s.once = c.once
            s.seen = -1
            self.float_at[i] = f
            cost = c.cost * c.items
            self.total_cost += cost
            s.grain = c.items
            if cost > PARALLEL_FROM and c.items > 1:
                slices = min(MAX_SLICES, <int64_t>(cost / SLICE), c.items)
                s.grain = (c.items + slices - 1) // slices
                s.parallel = 1
            if c.guard is not None:
                self.guards.setdefault(slot_of(c.guard.buffer), []).append(i)
            outs = len(c.outs)
            for j, t in enumerate(lists[i]):
                slot = slot_of(t.buffer)
                offset = t.offset + (t.buffer.offset if t.buffer.kind == "arena" else 0)
                by_slot.setdefault(slot, []).append((p + j, offset))
                if j < outs:
                    written.add(slot)
            p += len(lists[i])
            for v in c.ints:
                self.ints[k] = v
                k += 1
            for v in c.floats:
                self.floats[f] = v if isinstance(v, (float, int)) else 0.0
                f += 1
        self.float_at[self.count] = f
        self.n_slots = max(by_slot) + 1 if by_slot else 0
        self.slot_first = <int64_t*>PyMem_Malloc((self.n_slots + 1) * sizeof(int64_t))
        if self.slot_first == NULL:
            raise MemoryError
        j = 0
        for i in range(self.n_slots):
            self.slot_first[i] = j
            for at, offset in by_slot.get(i, ()):
                self.patch_at[j] = at
                self.patch_offset[j] = offset
                j += 1
        self.slot_first[self.n_slots] = j
        self.writes = sorted(written)

    def __dealloc__(self):
        PyMem_Free(self.steps)
        PyMem_Free(self.ptrs)
        PyMem_Free(self.ints)
        PyMem_Free(self.floats)
        PyMem_Free(self.patch_at)
        PyMem_Free(self.patch_offset)
        PyMem_Free(self.float_at)
        PyMem_Free(self.slot_first)

    cdef inline void point(self, int64_t slot, char* base) noexcept:
        """Point a slot's users at memory the caller keeps alive while the segment runs."""
        cdef int64_t i
        if slot < self.n_slots:
            for i in range(self.slot_first[slot], self.slot_first[slot + 1]):
                self.ptrs[self.patch_at[i]] = base + self.patch_offset[i]

    cpdef bind_slot(self, int64_t slot, Storage storage, int64_t offset=0):
        """Point every pointer of `slot` at `storage`, `offset` bytes in; a slot it lacks is ignored."""
        cdef int64_t i
        cdef bint is_used
        guarded = self.guards.get(slot)
        is_used = 0 <= slot < self.n_slots and self.slot_first[slot] < self.slot_first[slot + 1]
        if guarded is None and not is_used:
            return
        if storage is None:
            raise DeviceError(f"no memory was bound to slot {slot}")
        if storage.data == NULL:
            raise DeviceError(f"a CPU program cannot read memory of {storage.device!r}")
        self.point(slot, <char*>storage.data + offset)
        self.bound[slot] = storage
        if guarded is not None:
            for i in guarded:
                self.steps[i].guard = &storage.version
                self.steps[i].seen = -1

    def forget(self, slots):
        """Let go of the storages bound to `slots`; each must be bound again before the next run."""
        for slot in slots:
            self.bound.pop(slot, None)

    cpdef set_float(self, int64_t call, int64_t at, double value):
        """Set one scalar of one call for the runs to come."""
        if not (0 <= call < self.count and 0 <= at < self.float_at[call + 1] - self.float_at[call]):
            raise IndexError(f"no scalar {at} in call {call} of {self.count}")
        self.floats[self.float_at[call] + at] = value

    cpdef run(self, bint skip_once=False):
        """Run all calls; blocks until done."""
        cdef int status
        cdef int skip = skip_once
        for storage in self.bound.values() if self.guards else ():
            if (<Storage>storage).exported:
                (<Storage>storage).version += 1
        if self.lock is not None:
            with self.lock, nogil:
                status = cs_run(self.steps, self.count, skip)
        elif self.total_cost < 3000:
            status = cs_run(self.steps, self.count, skip)
        else:
            with nogil:
                status = cs_run(self.steps, self.count, skip)
        if status:
            raise OutOfMemoryError("no memory for a thread's scratch buffer")

    @property
    def cost(self):
        """Estimated nanoseconds on one core."""
        return self.total_cost


# --- imperative calls ---------------------------------------------------------------------------------------
def is_recording():
    """Whether this thread records its imperative calls."""
    return cs_recording != 0


def set_recording(bint on):
    """Switch recording of this thread on or off; what it was before."""
    global cs_recording
    before = cs_recording != 0
    cs_recording = on
    return before


def is_training():
    """Whether this thread's imperative calls behave as in training."""
    return cs_training != 0


def set_training(bint on):
    """Switch training behaviour of this thread on or off; what it was before."""
    global cs_training
    before = cs_training != 0
    cs_training = on
    return before


cdef class Scope:
    """``with Scope(recording, training):`` sets both for this thread, None leaves one as it is.

    What was before is put back on exit. No Python code runs here, so that an interrupt comes before or after
    all of it.
    """

    cdef object recording, training
    cdef list before

    def __init__(self, recording, training):
        self.recording = recording
        self.training = training
        self.before = []

    def __enter__(self):
        global cs_recording, cs_training
        self.before.append((cs_recording, cs_training))
        if self.recording is not None:
            cs_recording = bool(self.recording)
        if self.training is not None:
            cs_training = bool(self.training)

    def __exit__(self, *error):
        global cs_recording, cs_training
        cs_recording, cs_training = self.before.pop()


def is_np_shape():
    """Whether 0 is a size (and () a scalar) rather than 'unknown', in this thread."""
    return cs_np_shape != 0


def set_np_shape(bint active):
    """Switch np-shape mode of this thread on or off; what it was before."""
    global cs_np_shape
    before = cs_np_shape != 0
    cs_np_shape = active
    return before


cdef struct _Look:
    # What one exported buffer holds: its storage, and the dims and strides it points at.
    PyObject* storage
    Py_ssize_t dims[1]


# Letters of the buffer protocol, by element type code.
cdef const char* _FORMATS[8]
_FORMATS[:] = [b"f", b"d", b"e", b"B", b"i", b"b", b"l" if sizeof(long) == 8 else b"q", b"?"]


cdef int64_t _spec_bytes(tuple spec) except -1:
    """Size of an array's elements."""
    cdef int64_t n, dim
    cdef Py_ssize_t code = spec[1]
    if not 0 <= code < len(_SIZES):
        raise ValueError(f"{code} is no element type")
    n = _SIZES[code]
    for d in <tuple?>spec[0]:
        dim = d
        if dim < 0 or __builtin_mul_overflow(n, dim, &n):
            raise ValueError(f"{spec[0]} is no shape of an array in memory")
    return n


@cython.auto_pickle(False)
cdef class ArrayBase:
    """What the fast path needs of an NDArray: storage, byte offset, hashable (shape, dtype code, context).

    They never change and never reach beyond the storage; a storage of None is an array without memory.
    `entry` is the (node, output index) of the recorded graph this array is the value of, or None.
    """

    cdef readonly Storage storage
    cdef readonly int64_t offset
    cdef readonly tuple spec
    cdef public object entry

    def __init__(self, Storage storage, int64_t offset, tuple shape, int dtype, context):
        self._place(storage, offset, (shape, dtype, context))

    cdef int _place(self, Storage storage, int64_t offset, tuple spec) except -1:
        cdef int64_t size = _spec_bytes(spec)
        if storage is not None and (offset < 0 or offset > storage.nbytes - size):
            raise BufferError(
                f"{size} bytes from {offset} on do not lie in a storage of {storage.nbytes} bytes"
            )
        self.storage, self.offset, self.spec = storage, offset, spec
        return 0

    @property
    def shape(self):
        """Tuple of int."""
        return self.spec[0]

    @property
    def context(self):
        """Context the array lives on."""
        return self.spec[2]

    @property
    def ctx(self):
        """Same as `context`."""
        return self.spec[2]

    def __getbuffer__(self, Py_buffer* buffer, int flags):
        """The array's own memory, writable, in C order (PEP 3118); it lives as long as the view."""
        cdef Storage s = self.storage
        cdef tuple shape = self.spec[0]
        cdef Py_ssize_t i, ndim = len(shape), itemsize = _SIZES[self.spec[1]], step = itemsize
        cdef _Look* look
        if s is None or s.data == NULL:
            raise BufferError(f"an array on {self.spec[2]} has no host memory to look into; use asnumpy()")
        if (flags & PyBUF_F_CONTIGUOUS) == PyBUF_F_CONTIGUOUS and ndim > 1:
            raise BufferError("an NDArray lies in C order, not in Fortran order")
        look = <_Look*>PyMem_Malloc(sizeof(_Look) + 2 * ndim * sizeof(Py_ssize_t))
        if look == NULL:
            raise MemoryError
        look.storage = <PyObject*>s
        Py_INCREF(s)
        for i in range(ndim - 1, -1, -1):
            look.dims[i] = shape[i]
            look.dims[ndim + i] = step
            step *= look.dims[i]
        s.exported = True
        buffer.buf = <char*>s.data + self.offset
        buffer.obj = self
        buffer.len = step
        buffer.readonly = 0
        buffer.itemsize = itemsize
        buffer.format = <char*>_FORMATS[<int>self.spec[1]] if flags & PyBUF_FORMAT else NULL
        buffer.ndim = ndim
        buffer.shape = look.dims if flags & PyBUF_ND else NULL
        buffer.strides = look.dims + ndim if (flags & PyBUF_STRIDES) == PyBUF_STRIDES else NULL
        buffer.suboffsets = NULL
        buffer.internal = look

    def __releasebuffer__(self, Py_buffer* buffer):
        cdef _Look* look = <_Look*>buffer.internal
        Py_DECREF(<object>look.storage)
        PyMem_Free(look)


def array_over(cls, Storage storage, int64_t offset, tuple spec):
    """Array of class `cls` over memory at hand: the specification is (shape, dtype code, context)."""
    cdef ArrayBase array = cls.__new__(cls)
    array._place(storage, offset, spec)
    return array


cdef class CachedCall:
    """One operator with static parameters, shapes, types and device fixed: lowered once, run many times.

    Slots: inputs first, then outputs, then whatever `fixed` binds for good. One instance serves one call at a
    time (the fast path takes it from a free list).
    """

    cdef object segment
    cdef CpuSegment cpu
    cdef tuple specs            # spec of each output
    cdef tuple nbytes           # bytes of each output
    cdef tuple mutated          # positions of inputs written
    cdef tuple dynamic          # (call, float, parameter name, default, item of a tuple or -1, its length)
    cdef int64_t n_in
    cdef public int64_t held    # bytes of its workspaces
    cdef readonly frozenset inplace   # (input, output) pairs that may share memory

    def __init__(self, segment, int64_t n_in, specs, nbytes, mutated, dynamic, inplace, fixed):
        self.segment = segment
        self.cpu = segment if isinstance(segment, CpuSegment) else None
        self.n_in = n_in
        self.specs = tuple(specs)
        self.nbytes = tuple(nbytes)
        self.mutated = tuple(mutated)
        self.dynamic = tuple(dynamic)
        self.inplace = frozenset(inplace)
        for slot, storage in fixed:
            segment.bind_slot(slot, storage)


cdef int64_t HELD = 256 << 20    # bytes of workspaces the cache may keep


cdef object _kind(value):
    """What equality leaves out: the type, and the sign of zero."""
    cdef type t = type(value)
    if t is float:
        return "-0.0" if <double>value == 0 and signbit(<double>value) else t
    if t is int or t is str or t is bool:
        return t
    if t is tuple:
        return tuple([_kind(v) for v in <tuple>value])
    return (t, repr(value)) if hasattr(t, "tolist") else t  # NumPy's numbers have signs, too


cpdef tuple key_of(dict params):
    """Parameters as a part of a key: two are equal only where no operator can tell them apart."""
    return tuple(params.items()), tuple([_kind(v) for v in params.values()])


cdef inline tuple _spec_of(array):
    if not isinstance(array, ArrayBase):
        raise TypeError(f"an operator takes NDArrays, got {type(array)}")
    return (<ArrayBase>array).spec


cdef class Invoker:
    """Runs operators imperatively: (operator, static parameters, specs) -> cached call.

    Parameters
    ----------
    lower
        ``lower(op class, static kwargs, dynamic kwargs, specs, is_train, context) -> CachedCall``, called on
        a miss.
    lower_op
        ``lower_op(op, specs, likes, is_train, context, whole, shared) -> CachedCall``, the same for
        `invoke_op`.
    array_type
        Class of the results.

    Attributes
    ----------
    recorder
        ``recorder(op class, inputs, kwargs, out, context)`` of `autograd`, asked first while this thread
        records: the outputs, or None where there is nothing to record.
    """

    cdef dict cache
    cdef object lower, lower_op, array_type
    cdef public object recorder
    cdef readonly int64_t misses
    cdef readonly int64_t held    # bytes of workspaces made since the cache was last empty

    def __init__(self, lower, lower_op, array_type):
        self.cache = {}
        self.lower = lower
        self.lower_op = lower_op
        self.array_type = array_type

    def clear(self):
        """Forget every cached call."""
        self.cache.clear()
        self.held = 0

    def invoke(self, cls, list inputs, dict kwargs, out=None, context=None):
        """Outputs (visible ones) as a list; `out` is None or a list of arrays to write into."""
        cdef list free_list
        cdef CachedCall call
        cdef Py_ssize_t n = len(inputs)
        cdef bint is_train = cs_training
        cdef int mode = cs_training | cs_np_shape << 1
        cdef dict dyn = None
        if cs_recording and self.recorder is not None:
            recorded = self.recorder(cls, inputs, kwargs, out, context)
            if recorded is not None:
                return recorded
        dynamic_names = cls.dynamic_names if kwargs else None
        if dynamic_names:
            dyn = {}
            static = {}
            for name, value in kwargs.items():
                if name in dynamic_names:
                    dyn[name] = value
                else:
                    static[name] = value
            kwargs = static
        if n == 1:
            key = (cls, mode, context, _spec_of(inputs[0]))
        elif n == 2:
            key = (cls, mode, context, _spec_of(inputs[0]), _spec_of(inputs[1]))
        else:
            key = (cls, mode, context, *[_spec_of(x) for x in inputs])
        if kwargs:
            key = (key, key_of(kwargs))
        try:
            free_list = self.cache.get(key)
        except TypeError:  # an unhashable parameter, as a list; an array's text may leave numbers out
            kwargs = {k: v.tolist() if hasattr(v, "tolist") else v for k, v in kwargs.items()}
            key = (key[0], repr(kwargs))
            free_list = self.cache.get(key)
        if free_list is None or not free_list:
            specs = [_spec_of(x) for x in inputs]
            call = self.lower(cls, kwargs, dyn or {}, specs, is_train, context)
            free_list = self._keep(key, free_list, call)
            if cls.is_callback:
                free_list = []  # the user's object may keep state: each call has its own, as in MXNet
        else:
            call = free_list.pop()
        return self._run(cls, call, free_list, inputs, out, dyn, False)

    def invoke_op(
        self, op, list inputs, tuple likes=(), out=None, context=None, bint whole=False, shared=None
    ):
        """Like `invoke` for an operator instance, gradient nodes included.

        Parameters
        ----------
        likes
            Specs the first outputs have, where the operator itself does not tell (gradient nodes).
        whole
            Return the hidden outputs, too.
        shared
            Dictionary a forward and its backward leave things for each other in; such calls are not cached.
        """
        cdef list free_list = None
        cdef CachedCall call
        cdef bint is_train = cs_training
        cdef list specs = [_spec_of(x) for x in inputs]
        if shared is not None:
            call = self.lower_op(op, specs, likes, is_train, context, whole, shared)
            return self._run(type(op), call, [], inputs, out, op.values, True)
        key = (op.key, cs_training | cs_np_shape << 1, whole, context, likes, *specs)
        free_list = self.cache.get(key)
        if free_list is None or not free_list:
            call = self.lower_op(op, specs, likes, is_train, context, whole, None)
            free_list = self._keep(key, free_list, call)
        else:
            call = free_list.pop()
        return self._run(type(op), call, free_list, inputs, out, op.values, True)

    cdef list _keep(self, key, list free_list, CachedCall call):
        """Account for a call just made; the list it goes back to."""
        self.misses += 1
        if free_list is None:
            if len(self.cache) >= 8192 or self.held + call.held > HELD:
                self.clear()
            free_list = self.cache[key] = []
        self.held += call.held
        return [] if call.held > HELD else free_list

    cdef list _run(
        self, cls, CachedCall call, list free_list, list inputs, out, dict dyn, bint is_parsed
    ):
        """Bind, run and give the call back to `free_list`."""
        cdef list results = []
        cdef ArrayBase a, o
        cdef Storage s
        cdef Py_ssize_t i, n = len(inputs)
        cdef bint direct
        if out is not None and len(out) > len(call.specs):
            free_list.append(call)
            raise MXNetError(
                f"operator {_name(cls)}: {len(out)} out arrays given, it has {len(call.specs)} outputs"
            )
        segment = call.segment
        direct = call.cpu is not None
        for i in range(n):
            a = inputs[i]
            if a.storage is None:
                raise MXNetError(f"operator {_name(cls)}: input {i} is an array without memory")
            if direct:
                if a.storage.data == NULL:
                    raise DeviceError(f"operator {_name(cls)}: input {i} lies on {a.spec[2]}")
                call.cpu.point(i, <char*>a.storage.data + a.offset)
            else:
                segment.bind_slot(i, a.storage, a.offset)
        copies = None
        for i in range(len(call.specs)):
            target = None
            if out is not None and i < len(out):
                target = out[i]
                a = target
                if a.spec != call.specs[i]:
                    if direct:  # else arrays are bound to it: let go
                        free_list.append(call)
                    raise MXNetError(
                        f"operator {_name(cls)}: out array {i} is {a.spec[0]} {NAMES[a.spec[1]]} on "
                        f"{a.spec[2]}, expected {call.specs[i][0]} "
                        f"{NAMES[call.specs[i][1]]} on {call.specs[i][2]}"
                    )
                if a.storage is None:
                    raise MXNetError(f"operator {_name(cls)}: out array {i} is an array without memory")
                if not self._may_write(call, inputs, a, i):
                    copies = [] if copies is None else copies
                    copies.append(i)
                    target = None
            if target is None:
                o = self.array_type.__new__(self.array_type)
                o.spec = call.specs[i]
                if direct:
                    s = Storage.alloc((<tuple>o.spec)[2].device, call.nbytes[i])
                else:
                    s = (<tuple>o.spec)[2].device.alloc(call.nbytes[i])
                o.storage = s
            else:
                o = target
            results.append(o)
            if direct:
                call.cpu.point(call.n_in + i, <char*>o.storage.data + o.offset)
            else:
                segment.bind_slot(call.n_in + i, o.storage, o.offset)
        if call.dynamic:
            tuples = None
            for at, j, param, default, item, length in call.dynamic:
                value = default if dyn is None else dyn.get(param, default)
                if type(value) is not float:
                    if value is REQUIRED:
                        if direct:
                            free_list.append(call)
                        raise MXNetError(
                            f"Required parameter {param} is not presented, in operator {_name(cls)}"
                        )
                    if item >= 0:
                        if tuples is None:
                            tuples = {}
                        if param not in tuples:
                            tuples[param] = self._dynamic_tuple(cls, param, value, length)
                        value = tuples[param][item]
                    elif is_parsed:
                        value = float(value)
                    else:
                        value = cls.params[param].parse(value)
                segment.set_float(at, j, value)
        if direct:
            call.cpu.run()
        else:
            segment.run(False)
            segment.forget(range(n + len(call.specs)))
        for i in call.mutated:
            (<ArrayBase>inputs[i]).storage.version += 1
        for o in results:
            o.storage.version += 1
        if copies is not None:
            for i in copies:
                results[i].copyto(out[i])
                results[i] = out[i]
        free_list.append(call)
        return results

    def _dynamic_tuple(self, cls, param, value, length):
        """A tuple read at each run, as numbers."""
        values = cls.params[param].parse(value)
        if len(values) != length:
            raise MXNetError(
                f"{param} has {len(values)} numbers, expected {length}, in operator {_name(cls)}"
            )
        return values

    cdef bint _may_write(self, CachedCall call, list inputs, ArrayBase target, Py_ssize_t which):
        """Whether output `which` may go straight into `target`: it meets no input but those declared so."""
        cdef Py_ssize_t i
        cdef ArrayBase a
        cdef int64_t at, start = target.offset, size = call.nbytes[which]
        if target.storage.data != NULL:  # host memory may be known under several storages: compare addresses
            start += <int64_t><uintptr_t>target.storage.data
        for i in range(len(inputs)):
            a = inputs[i]
            at = a.offset
            if a.storage.data != NULL:
                at += <int64_t><uintptr_t>a.storage.data
            elif a.storage is not target.storage:
                continue
            if at == start and (i, which) in call.inplace:
                continue
            if at < start + size and start < at + _spec_bytes(a.spec):
                return False
        return True


cdef str _name(cls):
    return cls.name or cls.__name__


from .dtypes import SIZES as _SIZES
from .ops.schema import REQUIRED

_load_kernels()
set_num_threads(_default_threads())
limit_host_memory(_default_cache())
