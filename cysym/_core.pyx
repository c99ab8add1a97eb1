# cython: freethreading_compatible=False
"""Compiled core: graph nodes, memory, the CPU segment of a program, and the fast path of imperative calls.

The only hot Cython. Nothing here knows an operator: nodes hold an `OpDef` as an opaque object, segments hold
kernel pointers found by name in the table of the chosen instruction set. Where data goes next: `executor.py`
and `ndarray/` drive the segments made here.
"""

import os

from cpython.buffer cimport PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from libc.stdint cimport int32_t, int64_t, uintptr_t
from libc.stdlib cimport free
from libc.string cimport memset

from .base import DeviceError, MXNetError, OutOfMemoryError
from .dtypes import NAMES

cdef extern from "sys/mman.h" nogil:
    void* mmap(void* addr, size_t length, int prot, int flags, int fd, int64_t offset)
    int munmap(void* addr, size_t length)
    int madvise(void* addr, size_t length, int advice)
    int PROT_READ
    int PROT_WRITE
    int MAP_PRIVATE
    int MAP_ANONYMOUS
    int MADV_HUGEPAGE
    void* MAP_FAILED

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
        """`nbytes` of 64-byte aligned host memory; large zeroed blocks cost nothing until touched."""
        cdef Storage s = Storage.__new__(Storage)
        cdef int64_t size = nbytes if nbytes > 0 else 1
        s.device = device
        s.nbytes = nbytes
        if nbytes < 0:
            raise OutOfMemoryError(f"cannot allocate {nbytes} bytes")
        if size >= MAP_FROM:
            s.data = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
            if s.data == MAP_FAILED:
                s.data = NULL
                raise OutOfMemoryError(f"cannot allocate {nbytes} bytes of host memory")
            s.kind = OWN_MAP
            if size >= 4 * MAP_FROM:
                madvise(s.data, size, MADV_HUGEPAGE)
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
                munmap(self.data, self.nbytes)

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
    cdef int64_t* float_at      # first float of each call
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
        self.floats = <double*>PyMem_Malloc(max(n_float, 1) * sizeof(double))
        self.patch_at = <int64_t*>PyMem_Malloc(max(n_ptr, 1) * sizeof(int64_t))
        self.patch_offset = <int64_t*>PyMem_Malloc(max(n_ptr, 1) * sizeof(int64_t))
        self.float_at = <int64_t*>PyMem_Malloc(max(self.count, 1) * sizeof(int64_t))
        if (self.steps == NULL or self.ptrs == NULL or self.ints == NULL or self.floats == NULL
                or self.patch_at == NULL or self.patch_offset == NULL or self.float_at == NULL):
            raise MemoryError
        memset(self.steps, 0, self.count * sizeof(cs_step))
        self.guards = {}
        self.bound = {}
        self.total_cost = 0
        by_slot = {}
        written = set()
        for i in range(self.count):
            c = calls[i]
            s = self.steps + i
            s.fn = <cs_kernel_fn><uintptr_t>find_kernel(c.kernel, c.dtype)
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
        guarded = self.guards.get(slot)
        if guarded is None and (slot >= self.n_slots or self.slot_first[slot] == self.slot_first[slot + 1]):
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

    cpdef set_float(self, int64_t call, int64_t at, double value):
        """Set one scalar of one call for the runs to come."""
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
cdef class ArrayBase:
    """What the fast path needs of an NDArray: storage, byte offset, hashable (shape, dtype code, context)."""

    cdef public Storage storage
    cdef public int64_t offset
    cdef public tuple spec

    def __init__(self, Storage storage, int64_t offset, tuple shape, int dtype, context):
        self.storage = storage
        self.offset = offset
        self.spec = (shape, dtype, context)

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
    cdef tuple dynamic          # (call index, float index, parameter name, default)
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


cdef class Invoker:
    """Runs operators imperatively: (operator, static parameters, specs) -> cached call.

    Parameters
    ----------
    lower
        ``lower(op class, static kwargs, dynamic kwargs, specs, is_train) -> CachedCall``, called on a miss.
    array_type
        Class of the results.
    """

    cdef dict cache
    cdef object lower, array_type
    cdef public bint is_train
    cdef public object recorder   # autograd's hook: called with (op class, kwargs, inputs, outputs) when set
    cdef readonly int64_t misses
    cdef readonly int64_t held    # bytes of workspaces made since the cache was last empty

    def __init__(self, lower, array_type):
        self.cache = {}
        self.lower = lower
        self.array_type = array_type

    def clear(self):
        """Forget every cached call."""
        self.cache.clear()
        self.held = 0

    def invoke(self, cls, list inputs, dict kwargs, out=None, context=None):
        """Outputs (visible ones) as a list; `out` is None or a list of arrays to write into."""
        cdef list free_list, results = []
        cdef CachedCall call
        cdef ArrayBase a, o
        cdef Storage s
        cdef Py_ssize_t i, n = len(inputs)
        cdef bint direct
        cdef dict dyn = None
        dynamic_names = cls.dynamic_names
        if dynamic_names and kwargs:
            dyn = {}
            static = {}
            for name, value in kwargs.items():
                if name in dynamic_names:
                    dyn[name] = value
                else:
                    static[name] = value
            kwargs = static
        if n == 1:
            key = (cls, self.is_train, context, (<ArrayBase>inputs[0]).spec)
        elif n == 2:
            key = (cls, self.is_train, context, (<ArrayBase>inputs[0]).spec, (<ArrayBase>inputs[1]).spec)
        else:
            key = (cls, self.is_train, context, *[(<ArrayBase>x).spec for x in inputs])
        if kwargs:
            key = (key, tuple(kwargs.items()), tuple(map(type, kwargs.values())))  # 1, 1.0 and True are equal
        try:
            free_list = self.cache.get(key)
        except TypeError:  # an unhashable parameter, as a list; an array's text may leave numbers out
            kwargs = {k: v.tolist() if hasattr(v, "tolist") else v for k, v in kwargs.items()}
            key = (key[0], repr(kwargs))
            free_list = self.cache.get(key)
        if free_list is None or not free_list:
            self.misses += 1
            specs = [(<ArrayBase>x).spec for x in inputs]
            call = self.lower(cls, kwargs, dyn or {}, specs, self.is_train, context)
            if free_list is None:
                if len(self.cache) >= 8192 or self.held + call.held > HELD:
                    self.clear()
                free_list = self.cache[key] = []
            self.held += call.held
            if call.held > HELD:
                free_list = []
        else:
            call = free_list.pop()
        if cls.is_callback:
            free_list.clear()
            free_list = []  # the user's object may keep state: each call has its own, as in MXNet
        if out is not None and len(out) > len(call.specs):
            free_list.append(call)
            raise MXNetError(
                f"operator {cls.name}: {len(out)} out arrays given, it has {len(call.specs)} outputs"
            )
        segment = call.segment
        direct = call.cpu is not None
        for i in range(n):
            a = inputs[i]
            if a.storage is None:
                raise MXNetError(f"operator {cls.name}: input {i} is an array without memory")
            if direct:
                if a.storage.data == NULL:
                    raise DeviceError(f"operator {cls.name}: input {i} lies on {a.spec[2]}")
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
                        f"operator {cls.name}: out array {i} is {a.spec[0]} {NAMES[a.spec[1]]} on "
                        f"{a.spec[2]}, expected {call.specs[i][0]} "
                        f"{NAMES[call.specs[i][1]]} on {call.specs[i][2]}"
                    )
                if a.storage is None:
                    raise MXNetError(f"operator {cls.name}: out array {i} is an array without memory")
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
            for at, j, name, default in call.dynamic:
                value = default if dyn is None else dyn.get(name, default)
                if type(value) is not float:
                    if value is REQUIRED:
                        if direct:
                            free_list.append(call)
                        raise MXNetError(
                            f"Required parameter {name} is not presented, in operator {cls.name}"
                        )
                    value = cls.params[name].parse(value)
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

    cdef bint _may_write(self, CachedCall call, list inputs, ArrayBase target, Py_ssize_t which):
        """Whether output `which` may go straight into `target`: it meets no input but those declared so."""
        cdef Py_ssize_t i
        cdef ArrayBase a
        cdef int64_t t0 = target.offset, t1 = target.offset + call.nbytes[which]
        for i in range(len(inputs)):
            a = inputs[i]
            if a.storage is target.storage or (a.storage.data != NULL and a.storage.kind == OWN_BUFFER):
                if a.storage is target.storage and a.offset == target.offset and (i, which) in call.inplace:
                    continue
                if a.storage is not target.storage:
                    return False
                if a.offset < t1 and t0 < a.offset + _spec_bytes(a.spec):
                    return False
        return True


cdef int64_t _spec_bytes(tuple spec):
    cdef int64_t n = _SIZES[spec[1]]
    for d in spec[0]:
        n *= d
    return n


from .dtypes import SIZES as _SIZES
from .ops.schema import REQUIRED

_load_kernels()
set_num_threads(_default_threads())
