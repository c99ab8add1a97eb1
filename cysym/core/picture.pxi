# Images of bytes in another size, for image/resize.py.
# Part of _core.pyx, which includes it.


def resize_bytes(
    src, int64_t width, down_places, down_weights, along_places, along_weights, bint two_steps, out,
):
    """Resize rows of `width` bytes by tables of taps; see c_runtime/picture.h.

    Places are int64 arrays (taps, outputs), weights int32 arrays of the same shape; `out` is writable.
    """
    cdef Py_buffer views[6]
    cdef cs_taps down, along
    cdef void* work
    cdef int opened = 0
    cdef int i, pair
    try:
        for given in (src, down_places, down_weights, along_places, along_weights):
            PyObject_GetBuffer(given, &views[opened], PyBUF_ND)
            opened += 1
        PyObject_GetBuffer(out, &views[opened], PyBUF_WRITABLE | PyBUF_ND)
        opened += 1
        for i in range(1, 5):
            if views[i].ndim != 2 or views[i].itemsize != (8 if i & 1 else 4):
                raise ValueError("tables of taps are int64 places and int32 weights, (taps, outputs)")
            pair = (i - 1) | 1
            if views[i].shape[0] != views[pair].shape[0] or views[i].shape[1] != views[pair].shape[1]:
                raise ValueError("places and weights of taps differ in shape")
        down.taps, down.count = views[1].shape[0], views[1].shape[1]
        down.places, down.weights = <const int64_t*> views[1].buf, <const int32_t*> views[2].buf
        along.taps, along.count = views[3].shape[0], views[3].shape[1]
        along.places, along.weights = <const int64_t*> views[3].buf, <const int32_t*> views[4].buf
        if width < 1 or views[0].len < width or views[5].len != down.count * along.count:
            raise ValueError("the image and the result do not fit the tables of taps")
        if not cs_taps_fit(&down, views[0].len // width) or not cs_taps_fit(&along, width):
            raise ValueError("a tap lies outside of the image")
        work = malloc((down.taps + 1) * along.count * 4 + down.taps * 8)
        if work == NULL:
            raise MemoryError()
        with nogil:
            cs_resize(
                <const uint8_t*> views[0].buf, width, &down, &along, two_steps, work,
                <uint8_t*> views[5].buf,
            )
        free(work)
    finally:
        for i in range(opened):
            PyBuffer_Release(&views[i])
