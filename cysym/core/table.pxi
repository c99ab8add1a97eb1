# Rows of numbers in text, for CSVIter.
# Part of _core.pyx, which includes it.


def read_table(text, int64_t columns, out):
    """Read plain lines of `columns` numbers into `out`: (bytes, lines, rows) read.

    `text` is bytes, `out` a writable contiguous float32 array of any number of whole rows. Reading stops
    at the first line that is anything but plain numbers; see c_runtime/table.h.
    """
    cdef Py_buffer source
    cdef Py_buffer target
    cdef cs_table found
    cdef int64_t most
    PyObject_GetBuffer(text, &source, PyBUF_ND)
    try:
        PyObject_GetBuffer(out, &target, PyBUF_WRITABLE | PyBUF_FORMAT | PyBUF_ND)
        try:
            if columns < 1 or target.itemsize != 4 or target.format[0] != c"f":
                raise ValueError("read_table fills float32 rows of at least one column")
            most = target.len // (4 * columns)
            with nogil:
                found = cs_read_table(
                    <const char*> source.buf, source.len, columns, most, <float*> target.buf
                )
        finally:
            PyBuffer_Release(&target)
    finally:
        PyBuffer_Release(&source)
    return found.used, found.lines, found.rows
