//! dtypes: any
// Sequences of different lengths in one array, a work-item an element, moved as bits; see
// c_kernels/sequence.c.

#define SEQUENCE_MOVE(y, yi, x, xi, size)                                                                    \
    do {                                                                                                     \
        if ((size) == 4)                                                                                     \
            ((__global uint *)(y))[yi] = ((__global const uint *)(x))[xi];                                   \
        else if ((size) == 8)                                                                                \
            ((__global ulong *)(y))[yi] = ((__global const ulong *)(x))[xi];                                 \
        else if ((size) == 2)                                                                                \
            ((__global ushort *)(y))[yi] = ((__global const ushort *)(x))[xi];                               \
        else                                                                                                 \
            ((__global uchar *)(y))[yi] = ((__global const uchar *)(x))[xi];                                 \
    } while (0)

// The low bytes of `bits`.
static inline void sequence_put(__global uchar *y, long at, ulong bits, long size) {
    if (size == 4)
        ((__global uint *)y)[at] = (uint)bits;
    else if (size == 8)
        ((__global ulong *)y)[at] = bits;
    else if (size == 2)
        ((__global ushort *)y)[at] = (ushort)bits;
    else
        y[at] = (uchar)bits;
}

// Place of this work-item's element of (dim0, dim1, inner): its row, its time, its sample, and the sample's
// length.
#define SEQUENCE_PLACE(count, least)                                                                         \
    const long id = get_global_id(0);                                                                        \
    if (id >= (count) * inner)                                                                               \
        return;                                                                                              \
    const long row = id / inner, k = id % inner, steps = axis ? dim1 : dim0;                                 \
    const long time = axis ? row % dim1 : row / dim1, sample = axis ? row / dim1 : row % dim1;               \
    const long length = has_lengths ? max((long)least, min((long)lengths[sample], steps)) : steps

#define SEQUENCE_ROW(time, sample) (axis ? (sample) * dim1 + (time) : (time) * dim1 + (sample))

// ptr, ints: sequence.c
//! grid sequence_mask: items * inner, local 64
__kernel void sequence_mask(OUT_T(uchar, y), IN_T(uchar, x), IN_T(long, lengths), INT(itemsize), INT(dim0),
                            INT(dim1), INT(inner), INT(axis), INT(has_lengths), INT(bits), ITEMS) {
    USE_OUT_T(uchar, y);
    USE_IN_T(uchar, x);
    USE_IN_T(long, lengths);
    SEQUENCE_PLACE(items, 0);
    if (time < length)
        SEQUENCE_MOVE(y, id, x, id, itemsize);
    else
        sequence_put(y, id, (ulong)bits, itemsize);
}

// ptr, ints: sequence.c
//! grid sequence_reverse: items * inner, local 64
__kernel void sequence_reverse(OUT_T(uchar, y), IN_T(uchar, x), IN_T(long, lengths), INT(itemsize), INT(dim0),
                               INT(dim1), INT(inner), INT(axis), INT(has_lengths), ITEMS) {
    USE_OUT_T(uchar, y);
    USE_IN_T(uchar, x);
    USE_IN_T(long, lengths);
    SEQUENCE_PLACE(items, 0);
    const long from = SEQUENCE_ROW(time < length ? length - 1 - time : time, sample);
    SEQUENCE_MOVE(y, id, x, from * inner + k, itemsize);
}

// ptr, ints: sequence.c   items: samples
//! grid sequence_last: items * inner, local 64
__kernel void sequence_last(OUT_T(uchar, y), IN_T(uchar, x), IN_T(long, lengths), INT(itemsize), INT(dim0),
                            INT(dim1), INT(inner), INT(axis), INT(has_lengths), ITEMS) {
    USE_OUT_T(uchar, y);
    USE_IN_T(uchar, x);
    USE_IN_T(long, lengths);
    const long id = get_global_id(0);
    if (id >= items * inner)
        return;
    const long sample = id / inner, steps = axis ? dim1 : dim0;
    const long length = has_lengths ? max((long)1, min((long)lengths[sample], steps)) : steps;
    SEQUENCE_MOVE(y, id, x, SEQUENCE_ROW(length - 1, sample) * inner + id % inner, itemsize);
}

// ptr, ints: sequence.c
//! grid sequence_last_grad: items * inner, local 64
__kernel void sequence_last_grad(OUT_T(uchar, dx), IN_T(uchar, dy), IN_T(long, lengths), INT(itemsize),
                                 INT(dim0), INT(dim1), INT(inner), INT(axis), INT(has_lengths), ITEMS) {
    USE_OUT_T(uchar, dx);
    USE_IN_T(uchar, dy);
    USE_IN_T(long, lengths);
    SEQUENCE_PLACE(items, 1);
    if (time == length - 1)
        SEQUENCE_MOVE(dx, id, dy, sample * inner + k, itemsize);
    else
        sequence_put(dx, id, 0, itemsize);
}
