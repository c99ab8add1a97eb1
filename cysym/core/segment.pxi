# CPU kernels found by name, and a planned stretch of calls that runs without Python.
# Part of _core.pyx, which includes it.

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
            if not text.isdigit() or len(text) > 6 or int(text) < 1:
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
    cdef public object origin   # `provenance.Origin` of the calls; without one no run is reported

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
        if _sink is not None and self.origin is not None:
            status = self.run_timed(skip, _sink)
        elif self.lock is not None:
            with self.lock, nogil:
                status = cs_run(self.steps, self.count, skip)
        elif self.total_cost < 3000:
            status = cs_run(self.steps, self.count, skip)
        else:
            with nogil:
                status = cs_run(self.steps, self.count, skip)
        if status:
            raise OutOfMemoryError("no memory for a thread's scratch buffer")

    cdef int run_timed(self, int skip, sink) except -2:
        """What `run` does, and `sink` is told when each call began and ended."""
        cdef int status
        stamps = PyBytes_FromStringAndSize(NULL, 2 * self.count * sizeof(int64_t))
        cdef int64_t* at = <int64_t*>PyBytes_AsString(stamps)
        if self.lock is not None:
            with self.lock, nogil:
                status = cs_run_timed(self.steps, self.count, skip, at)
        else:
            with nogil:
                status = cs_run_timed(self.steps, self.count, skip, at)
        if status == 0:
            sink.ran(self.origin, stamps)
        return status

    @property
    def cost(self):
        """Estimated nanoseconds on one core."""
        return self.total_cost
