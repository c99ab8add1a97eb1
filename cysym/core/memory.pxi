# Memory on one device, with its write version and the buffer protocol.
# Part of _core.pyx, which includes it.

cdef enum:
    OWN_HEAP = 0
    OWN_MAP = 1
    OWN_BUFFER = 2
    OWN_HANDLE = 3

cdef int64_t MAP_FROM = 1 << 20
cdef int64_t _held_bytes = 0    # of all storages in host memory; read and written under the interpreter lock


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
        global _held_bytes
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
        _held_bytes += nbytes
        if _sink is not None:
            _sink.allocated(device)
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
        global _held_bytes
        if self.data != NULL:
            if self.kind == OWN_HEAP or self.kind == OWN_MAP:
                _held_bytes -= self.nbytes
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


def held_bytes():
    """Bytes of host memory that arrays and arenas hold."""
    return _held_bytes


def trim_host_memory():
    """Return the blocks kept for later arrays to the system; how many bytes that were."""
    return cs_host_trim()


def limit_host_memory(int64_t nbytes):
    """Keep at most `nbytes` of freed blocks for later arrays."""
    if nbytes < 0:
        raise ValueError(f"a limit in bytes is not negative, got {nbytes}")
    cs_host_limit(nbytes)
