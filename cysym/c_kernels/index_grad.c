//! dtypes: f32 f64 i32 i64
/* The gradient of take. An item is one column of the table: rows are added to it in the order of the indices,
 * so no two items meet and the sum does not depend on who computes it. */
#include "cysym.h"

/* ptr: ga, ograd, indices (int64)   ints: n, inner, count (of indices), wraps   items: outer * inner
 * ga is (outer, n, inner), ograd (outer, count, inner) */
CS_KERNEL(take_grad) {
    const int64_t n = c->ints[0], inner = c->ints[1], count = c->ints[2], *index = c->ptr[2];
    for (int64_t i = begin, run; i < end;
         i += run) { /* columns side by side share the walk over the indices */
        int64_t at = i % inner, outer = i / inner;
        run = cs_min(cs_min(inner - at, end - i), 64);
        real *y = (real *)c->ptr[0] + outer * n * inner + at;
        const real *x = (const real *)c->ptr[1] + outer * count * inner + at;
        for (int64_t k = 0; k < n; k++)
            memset(y + k * inner, 0, (size_t)run * sizeof(real));
        for (int64_t k = 0; k < count; k++) {
            int64_t row = index[k];
            row = c->ints[3] ? (row % n + n) % n : cs_max(cs_min(row, n - 1), 0);
            for (int64_t j = 0; j < run; j++)
                y[row * inner + j] += x[k * inner + j];
        }
    }
}
