//! dtypes: any
/* Lookups by index or condition; see c_kernels/index.c. One work-item an element, moved as a bit pattern. */
#define INDEX_MOVE(y, yi, x, xi, size)                                                                       \
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

/* The low bytes of `bits`. */
static inline void index_put(__global uchar *y, long at, ulong bits, long size) {
    if (size == 4)
        ((__global uint *)y)[at] = (uint)bits;
    else if (size == 8)
        ((__global ulong *)y)[at] = bits;
    else if (size == 2)
        ((__global ushort *)y)[at] = (ushort)bits;
    else
        y[at] = (uchar)bits;
}

/* An index brought into [0, n): wrapped around, or moved to the nearest end. */
static inline long index_inside(long i, long n, long wraps) {
    return wraps ? (i % n + n) % n : clamp(i, (long)0, n - 1);
}

// ptr: out, condition (bytes), x, y   ints: itemsize, inner (elements a condition decides)   items: elements
__kernel void where(OUT_T(uchar, out), IN_T(uchar, condition), IN_T(uchar, x), IN_T(uchar, y), INT(itemsize),
                    INT(inner), ITEMS) {
    USE_OUT_T(uchar, out);
    USE_IN_T(uchar, condition);
    USE_IN_T(uchar, x);
    USE_IN_T(uchar, y);
    const long i = get_global_id(0);
    if (i < items)
        INDEX_MOVE(out, i, condition[i / inner] ? x : y, i, itemsize);
}

// ptr: gradient, condition (bytes), ograd   ints: itemsize, inner, of_true   items: elements
__kernel void where_grad(OUT_T(uchar, gx), IN_T(uchar, condition), IN_T(uchar, g), INT(itemsize), INT(inner),
                         INT(of_true), ITEMS) {
    USE_OUT_T(uchar, gx);
    USE_IN_T(uchar, condition);
    USE_IN_T(uchar, g);
    const long i = get_global_id(0);
    if (i >= items)
        return;
    if ((condition[i / inner] != 0) == of_true)
        INDEX_MOVE(gx, i, g, i, itemsize);
    else
        index_put(gx, i, 0, itemsize);
}

// ptr: y, indices (int64)   ints: itemsize, depth, bits of on, bits of off   items: elements of y
__kernel void one_hot(OUT_T(uchar, y), IN_T(long, index), INT(itemsize), INT(depth), INT(on), INT(off),
                      ITEMS) {
    USE_OUT_T(uchar, y);
    USE_IN_T(long, index);
    const long i = get_global_id(0);
    if (i < items)
        index_put(y, i, (ulong)(index[i / depth] == i % depth ? on : off), itemsize);
}

// ptr: y, a, indices (int64)   ints: itemsize, n, inner, count (of indices), wraps   items: elements of y
__kernel void take(OUT_T(uchar, y), IN_T(uchar, a), IN_T(long, index), INT(itemsize), INT(n), INT(inner),
                   INT(count), INT(wraps), ITEMS) {
    USE_OUT_T(uchar, y);
    USE_IN_T(uchar, a);
    USE_IN_T(long, index);
    const long i = get_global_id(0), slice = i / inner;
    if (i >= items)
        return;
    const long k = index_inside(index[slice % count], n, wraps);
    INDEX_MOVE(y, i, a, (slice / count * n + k) * inner + i % inner, itemsize);
}

// ptr: y, data, index (int64)   ints: itemsize, n, inner, wraps   items: elements of y
__kernel void pick(OUT_T(uchar, y), IN_T(uchar, x), IN_T(long, index), INT(itemsize), INT(n), INT(inner),
                   INT(wraps), ITEMS) {
    USE_OUT_T(uchar, y);
    USE_IN_T(uchar, x);
    USE_IN_T(long, index);
    const long i = get_global_id(0);
    if (i < items)
        INDEX_MOVE(y, i, x, (i / inner * n + index_inside(index[i], n, wraps)) * inner + i % inner, itemsize);
}

// ptr: gx (zeros), gx again, ograd, index (int64)   ints: itemsize, n, inner, wraps   items: elements of
// ograd
__kernel void pick_grad(OUT_T(uchar, gx), IN_T(uchar, zeros), IN_T(uchar, g), IN_T(long, index),
                        INT(itemsize), INT(n), INT(inner), INT(wraps), ITEMS) {
    USE_OUT_T(uchar, gx);
    USE_IN_T(uchar, g);
    USE_IN_T(long, index);
    const long i = get_global_id(0);
    if (i < items)
        INDEX_MOVE(gx, (i / inner * n + index_inside(index[i], n, wraps)) * inner + i % inner, g, i,
                   itemsize);
}
