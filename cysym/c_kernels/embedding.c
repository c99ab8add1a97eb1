//! dtypes: f32 f64
/* Rows of a table by index, and the gradient of the table. */
#include "cysym.h"

static inline int64_t embedding_clip(int64_t i, int64_t rows) { return cs_max(0, cs_min(i, rows - 1)); }

/* ptr: y, index (int64), weight   ints: rows, dim   items: indices */
CS_KERNEL(embedding) {
    const int64_t rows = c->ints[0], dim = c->ints[1], *index = c->ptr[1];
    const real *weight = c->ptr[2];
    real *y = c->ptr[0];
    for (int64_t i = begin; i < end; i++)
        memcpy(y + i * dim, weight + embedding_clip(index[i], rows) * dim, (size_t)dim * sizeof(real));
}

/* ptr: dw, dy, index (int64)   ints: count, rows, dim, block   items: blocks of rows */
CS_KERNEL(embedding_grad) {
    const int64_t count = c->ints[0], rows = c->ints[1], dim = c->ints[2], block = c->ints[3],
                  *index = c->ptr[2];
    const real *dy = c->ptr[1];
    real *dw = c->ptr[0];
    for (int64_t item = begin; item < end; item++) {
        const int64_t low = item * block, high = cs_min(low + block, rows);
        memset(dw + low * dim, 0, (size_t)((high - low) * dim) * sizeof(real));
        for (int64_t i = 0; i < count; i++) {
            const int64_t row = embedding_clip(index[i], rows);
            if (row < low || row >= high)
                continue;
            real *to = dw + row * dim;
            const real *from = dy + i * dim;
            for (int64_t j = 0; j < dim; j++)
                to[j] += from[j];
        }
    }
}
