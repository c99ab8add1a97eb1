//! dtypes: any
/* The library's own data movement: copies between any strides, fills, and reordering to and from channel
 * blocks.
 *
 * Elements are moved as bit patterns of their size, so no element type is looked at. Dimensions come padded
 * to six, ones in front, the first operand's strides falling (see `_strided_ints` in passes/lower.py): the
 * last dimension is the row, and a transposition has its two dimensions side by side at the end. */
#include "cysym.h"

#define COPY_INLINE static inline __attribute__((always_inline))

enum { DIMS = 6, ROW = DIMS - 1 };

/* Where a walk over the elements stands: coordinates, and element offsets into both operands. */
typedef struct {
    int64_t at[DIMS], y, x;
} copy_walk;

static inline copy_walk copy_start(const int64_t *dim, const int64_t *ys, const int64_t *xs, int64_t item) {
    copy_walk w = {{0}, 0, 0};
    for (int i = ROW; i >= 0 && item; i--) {
        w.at[i] = item % dim[i];
        item /= dim[i];
        w.y += w.at[i] * ys[i];
        w.x += w.at[i] * xs[i];
    }
    return w;
}

/* Move on by `n` along dimension `i`, carrying over into those before it. */
static inline void copy_step(copy_walk *w, const int64_t *dim, const int64_t *ys, const int64_t *xs, int i,
                             int64_t n) {
    w->at[i] += n;
    w->y += n * ys[i];
    w->x += n * xs[i];
    while (i > 0 && w->at[i] == dim[i]) {
        w->y += ys[i - 1] - dim[i] * ys[i];
        w->x += xs[i - 1] - dim[i] * xs[i];
        w->at[i] = 0;
        w->at[--i]++;
    }
}

typedef uint32_t copy_quad __attribute__((vector_size(16), aligned(4), may_alias));

/* y[r][c] = x[c][r] for 4 x 4 words, in registers; strides in bytes. */
COPY_INLINE void copy_transpose4(char *y, int64_t ldy, const char *x, int64_t ldx) {
    copy_quad a = *(const copy_quad *)x, b = *(const copy_quad *)(x + ldx);
    copy_quad c = *(const copy_quad *)(x + 2 * ldx), d = *(const copy_quad *)(x + 3 * ldx);
    const copy_quad low = {0, 4, 1, 5}, high = {2, 6, 3, 7}, first = {0, 1, 4, 5}, second = {2, 3, 6, 7};
    copy_quad ab0 = __builtin_shuffle(a, b, low), ab1 = __builtin_shuffle(a, b, high);
    copy_quad cd0 = __builtin_shuffle(c, d, low), cd1 = __builtin_shuffle(c, d, high);
    *(copy_quad *)y = __builtin_shuffle(ab0, cd0, first);
    *(copy_quad *)(y + ldy) = __builtin_shuffle(ab0, cd0, second);
    *(copy_quad *)(y + 2 * ldy) = __builtin_shuffle(ab1, cd1, first);
    *(copy_quad *)(y + 3 * ldy) = __builtin_shuffle(ab1, cd1, second);
}

/* y[r][c] = x[c][r] with unit steps along y's columns and x's rows; `size` is a constant wherever this is
 * inlined. Blocks of 16 rows: a cache line of 4-byte elements of x is read once. */
COPY_INLINE void copy_transpose(char *y, int64_t ldy, const char *x, int64_t ldx, int64_t rows, int64_t cols,
                                int size) {
    for (int64_t r0 = 0; r0 < rows; r0 += 16) {
        int64_t r1 = cs_min(r0 + 16, rows), c = 0;
        if (size == 4 && r1 - r0 == 16)
            for (; c + 4 <= cols; c += 4)
                for (int64_t r = r0; r < r1; r += 4)
                    copy_transpose4(y + (r * ldy + c) * 4, ldy * 4, x + (c * ldx + r) * 4, ldx * 4);
        for (; c < cols; c++)
            for (int64_t r = r0; r < r1; r++)
                memcpy(y + (r * ldy + c) * size, x + (c * ldx + r) * size, size);
    }
}

COPY_INLINE void copy_row(char *y, int64_t ys, const char *x, int64_t xs, int64_t n, int size) {
    if (ys == 1 && xs == 1 && n * size >= 64) {
        memcpy(y, x, (size_t)(n * size));
    } else if (ys == 1 && xs == 0) {
        uint64_t v = 0;
        memcpy(&v, x, size);
        for (int64_t i = 0; i < n; i++)
            memcpy(y + i * size, &v, size);
    } else {
        for (int64_t i = 0; i < n; i++)
            memcpy(y + i * ys * size, x + i * xs * size, size);
    }
}

COPY_INLINE void copy_sized(char *y, const char *x, const int64_t *dim, int64_t begin, int64_t end,
                            int size) {
    const int64_t *ys = dim + DIMS, *xs = ys + DIMS, cols = dim[ROW];
    int is_transposed = ys[ROW] == 1 && xs[ROW - 1] == 1 && xs[ROW] != 1 && xs[ROW] != 0;
    copy_walk w = copy_start(dim, ys, xs, begin);
    for (int64_t left = end - begin, n; left > 0; left -= n) {
        int64_t rows = is_transposed && !w.at[ROW] ? cs_min(dim[ROW - 1] - w.at[ROW - 1], left / cols) : 0;
        if (rows > 1) {
            n = rows * cols;
            copy_transpose(y + w.y * size, ys[ROW - 1], x + w.x * size, xs[ROW], rows, cols, size);
            copy_step(&w, dim, ys, xs, ROW - 1, rows);
        } else {
            n = cs_min(cols - w.at[ROW], left);
            copy_row(y + w.y * size, ys[ROW], x + w.x * size, xs[ROW], n, size);
            copy_step(&w, dim, ys, xs, ROW, n);
        }
    }
}

/* `dim` points at 6 dimensions, then 6 strides of y, then 6 of x. */
static void copy_any(char *y, const char *x, int64_t itemsize, const int64_t *dim, int64_t begin,
                     int64_t end) {
    switch (itemsize) {
    case 1:
        copy_sized(y, x, dim, begin, end, 1);
        break;
    case 2:
        copy_sized(y, x, dim, begin, end, 2);
        break;
    case 4:
        copy_sized(y, x, dim, begin, end, 4);
        break;
    default:
        copy_sized(y, x, dim, begin, end, 8);
    }
}

/* ptr: y, x   ints: itemsize, ndim, dims[6], y strides[6], x strides[6]   items: elements */
CS_KERNEL(copy) {
    int64_t itemsize = c->ints[0], ndim = c->ints[1];
    const int64_t *dim = c->ints + 2, *ys = dim + DIMS, *xs = ys + DIMS;
    char *y = c->ptr[0];
    const char *x = c->ptr[1];
    if (y == x && !memcmp(ys, xs, sizeof(int64_t) * DIMS))
        return; /* in-place: the planner put both at one address */
    if (ndim == 1 && ys[ROW] == 1 && xs[ROW] == 1)
        memcpy(y + begin * itemsize, x + begin * itemsize, (size_t)((end - begin) * itemsize));
    else
        copy_any(y, x, itemsize, dim, begin, end);
}

/* Every element becomes the low bytes of `bits`, read through strides of zero. `p`: ndim, dims[6],
 * strides[6]. */
static void copy_fill(char *y, uint64_t bits, int64_t itemsize, const int64_t *p, int64_t begin,
                      int64_t end) {
    int64_t dim[3 * DIMS] = {0};
    memcpy(dim, p + 1, sizeof(int64_t) * 2 * DIMS);
    if (bits == 0 && p[0] == 1 && dim[DIMS + ROW] == 1)
        memset(y + begin * itemsize, 0, (size_t)((end - begin) * itemsize));
    else
        copy_any(y, (const char *)&bits, itemsize, dim, begin, end); /* all our machines are little-endian */
}

/* ptr: y   ints: itemsize, ndim, dims[6], strides[6]   items: elements */
CS_KERNEL(zero) { copy_fill(c->ptr[0], 0, c->ints[0], c->ints + 1, begin, end); }

/* ptr: y   ints: itemsize, bits, ndim, dims[6], strides[6]   items: elements */
CS_KERNEL(fill) { copy_fill(c->ptr[0], (uint64_t)c->ints[1], c->ints[0], c->ints + 2, begin, end); }

enum { ITEMSIZE, CHANNELS, PLANE, PLAIN_STEP, BLOCKED_STEP, BLOCK = 16 };

/* ptr: y (nChw16c), x (NCHW)   ints: itemsize, channels, plane, plain_step, blocked_step   items: blocks of
 * channels `plane` is height times width, the steps lead from sample to sample. */
CS_KERNEL(reorder_blocked) {
    const int64_t *p = c->ints, blocks = p[CHANNELS] / BLOCK, plane = p[PLANE], size = p[ITEMSIZE];
    for (int64_t i = begin; i < end; i++) {
        char *y = (char *)c->ptr[0] + (i / blocks * p[BLOCKED_STEP] + i % blocks * plane * BLOCK) * size;
        const char *x =
            (const char *)c->ptr[1] + (i / blocks * p[PLAIN_STEP] + i % blocks * plane * BLOCK) * size;
        if (size == 4)
            copy_transpose(y, BLOCK, x, plane, plane, BLOCK, 4);
        else
            copy_transpose(y, BLOCK, x, plane, plane, BLOCK, 8);
    }
}

/* ptr: y (NCHW), x (nChw16c)   ints and items: as reorder_blocked */
CS_KERNEL(reorder_plain) {
    const int64_t *p = c->ints, blocks = p[CHANNELS] / BLOCK, plane = p[PLANE], size = p[ITEMSIZE];
    for (int64_t i = begin; i < end; i++) {
        char *y = (char *)c->ptr[0] + (i / blocks * p[PLAIN_STEP] + i % blocks * plane * BLOCK) * size;
        const char *x =
            (const char *)c->ptr[1] + (i / blocks * p[BLOCKED_STEP] + i % blocks * plane * BLOCK) * size;
        if (size == 4)
            copy_transpose(y, plane, x, BLOCK, BLOCK, plane, 4);
        else
            copy_transpose(y, plane, x, BLOCK, BLOCK, plane, 8);
    }
}
