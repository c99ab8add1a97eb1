//! dtypes: f32 f64
/* The gradient of a table whose rows were looked up. */
#include "cysym.h"

static inline int64_t embedding_clip(int64_t i, int64_t rows) { return cs_max(0, cs_min(i, rows - 1)); }

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
