# Arrays to and from other libraries without a copy.
# Part of _core.pyx, which includes it.

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
