# Declarations of the compiled core that other Cython modules use.
from libc.stdint cimport int64_t


cdef class Storage:
    cdef void* data
    cdef readonly int64_t nbytes
    cdef public int64_t version
    cdef readonly object device
    cdef readonly object handle
    cdef int kind
    cdef public bint exported
