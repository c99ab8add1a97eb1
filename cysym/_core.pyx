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
from cpython.bytes cimport PyBytes_AsString, PyBytes_FromStringAndSize
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

cdef extern from "picture.h" nogil:
    ctypedef struct cs_taps:
        int64_t count
        int64_t taps
        const int64_t* places
        const int32_t* weights

    int cs_taps_fit(const cs_taps* taps, int64_t inputs)
    void cs_resize(
        const uint8_t* src, int64_t width, const cs_taps* down, const cs_taps* along, int two_steps,
        void* work, uint8_t* out,
    )

cdef extern from "table.h" nogil:
    ctypedef struct cs_table:
        int64_t used
        int64_t lines
        int64_t rows

    cs_table cs_read_table(const char* text, int64_t size, int64_t columns, int64_t most, float* out)

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
    int cs_run_timed(cs_step* steps, int64_t count, int skip_once, int64_t* stamps)
    int64_t cs_now()
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

# The parts, in the order they need each other.
include "core/graph.pxi"
include "core/profile.pxi"
include "core/memory.pxi"
include "core/dlpack.pxi"
include "core/segment.pxi"
include "core/invoker.pxi"
include "core/table.pxi"
include "core/picture.pxi"

from .dtypes import SIZES as _SIZES
from .ops.schema import REQUIRED

_load_kernels()
set_num_threads(_default_threads())
limit_host_memory(_default_cache())
