//! dtypes: any
/* The library's own data movement; see c_kernels/copy.c. One work-item an element, which is moved as a bit
 * pattern. */

/* Offsets of element `i` in both operands. `p`: ndim, dims[6], strides[6] of y, strides[6] of x. */
static inline void copy_find(long i, long items, __constant long *p, long *y, long *x) {
    long rest = i;
    *y = *x = 0;
    for (int d = 6; d > 6 - p[0]; d--) {
        long dim = p[d];
        long above = items <= INT_MAX ? (long)((uint)rest / (uint)dim) : rest / dim;
        *y += (rest - above * dim) * p[d + 6];
        *x += (rest - above * dim) * p[d + 12];
        rest = above;
    }
}

#define COPY_MOVE(T, y, yi, x, xi) ((__global T *)(y))[yi] = ((__global const T *)(x))[xi]

// ptr: y, x   ints: itemsize, ndim, dims[6], y strides[6], x strides[6]   items: elements
__kernel void copy(OUT_T(uchar, y), IN_T(uchar, x), INTS, ITEMS) {
    USE_OUT_T(uchar, y);
    USE_IN_T(uchar, x);
    const long i = get_global_id(0);
    if (i >= items)
        return;
    long yi, xi;
    copy_find(i, items, ints + 1, &yi, &xi);
    if (ints[0] == 4)
        COPY_MOVE(uint, y, yi, x, xi);
    else if (ints[0] == 8)
        COPY_MOVE(ulong, y, yi, x, xi);
    else if (ints[0] == 2)
        COPY_MOVE(ushort, y, yi, x, xi);
    else
        COPY_MOVE(uchar, y, yi, x, xi);
}

/* `p`: ndim, dims[6], strides[6]; x's strides, which are not there, are not needed. */
static inline void copy_fill(__global uchar *y, ulong bits, long itemsize, __constant long *p, long i) {
    long at = 0, rest = i;
    for (int d = 6; d > 6 - p[0]; d--) {
        at += rest % p[d] * p[d + 6];
        rest /= p[d];
    }
    if (itemsize == 4)
        ((__global uint *)y)[at] = (uint)bits;
    else if (itemsize == 8)
        ((__global ulong *)y)[at] = bits;
    else if (itemsize == 2)
        ((__global ushort *)y)[at] = (ushort)bits;
    else
        y[at] = (uchar)bits;
}

// ptr: y   ints: itemsize, ndim, dims[6], strides[6]   items: elements
__kernel void zero(OUT_T(uchar, y), INTS, ITEMS) {
    USE_OUT_T(uchar, y);
    if ((long)get_global_id(0) < items)
        copy_fill(y, 0, ints[0], ints + 1, get_global_id(0));
}

// ptr: y   ints: itemsize, bits, ndim, dims[6], strides[6]   items: elements
__kernel void fill(OUT_T(uchar, y), INTS, ITEMS) {
    USE_OUT_T(uchar, y);
    if ((long)get_global_id(0) < items)
        copy_fill(y, (ulong)ints[1], ints[0], ints + 2, get_global_id(0));
}

// ptr: y (nChw16c), x (NCHW)   ints: itemsize, channels, plane, plain_step, blocked_step   items: blocks of
// channels
//! grid reorder_blocked: items * plane * 16, local 64
__kernel void reorder_blocked(OUT_T(uchar, y), IN_T(uchar, x), INT(itemsize), INT(channels), INT(plane),
                              INT(plain_step), INT(blocked_step), ITEMS) {
    USE_OUT_T(uchar, y);
    USE_IN_T(uchar, x);
    const long i = get_global_id(0), block = i / (plane * 16), blocks = channels / 16;
    if (block >= items)
        return;
    const long at = i % (plane * 16), inside = block % blocks * plane * 16, n = block / blocks;
    const long yi = n * blocked_step + inside + at, xi = n * plain_step + inside + at % 16 * plane + at / 16;
    if (itemsize == 4)
        COPY_MOVE(uint, y, yi, x, xi);
    else
        COPY_MOVE(ulong, y, yi, x, xi);
}

// ptr: y (NCHW), x (nChw16c)   ints and items: as reorder_blocked
//! grid reorder_plain: items * plane * 16, local 64
__kernel void reorder_plain(OUT_T(uchar, y), IN_T(uchar, x), INT(itemsize), INT(channels), INT(plane),
                            INT(plain_step), INT(blocked_step), ITEMS) {
    USE_OUT_T(uchar, y);
    USE_IN_T(uchar, x);
    const long i = get_global_id(0), block = i / (plane * 16), blocks = channels / 16;
    if (block >= items)
        return;
    const long at = i % (plane * 16), inside = block % blocks * plane * 16, n = block / blocks;
    const long yi = n * plain_step + inside + at,
               xi = n * blocked_step + inside + at % plane * 16 + at / plane;
    if (itemsize == 4)
        COPY_MOVE(uint, y, yi, x, xi);
    else
        COPY_MOVE(ulong, y, yi, x, xi);
}
