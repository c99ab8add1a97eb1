//! dtypes: f32 f64 i32 i64
/* Gradients of take, gather_nd and Embedding: slices summed up at the places they were taken from, always in
 * the order of the indices. */
#include "cysym.h"

CS_WRAPS static inline real grad_sum(real a, real b) { return a + b; }

/* ptr: ga, ograd, flat (int64, inside)   ints: n, inner, count (of indices)   items: columns, outer * inner
 * ga is (outer, n, inner), ograd (outer, count, inner); an item is one column, so no two meet */
CS_KERNEL(take_grad) {
    const int64_t n = c->ints[0], inner = c->ints[1], count = c->ints[2], *flat = c->ptr[2];
    for (int64_t i = begin, run; i < end;
         i += run) { /* columns side by side share the walk over the indices */
        int64_t at = i % inner, outer = i / inner;
        run = cs_min(cs_min(inner - at, end - i), 64);
        real *y = (real *)c->ptr[0] + outer * n * inner + at;
        const real *x = (const real *)c->ptr[1] + outer * count * inner + at;
        for (int64_t k = 0; k < n; k++)
            memset(y + k * inner, 0, (size_t)run * sizeof(real));
        for (int64_t k = 0; k < count; k++)
            for (int64_t j = 0; j < run; j++)
                y[flat[k] * inner + j] = grad_sum(y[flat[k] * inner + j], x[k * inner + j]);
    }
}

/* ptr: ga (zeros), ga again, ograd, flat (int64, inside), order (int32: sorts flat stably)
 * ints: n, inner, count   items: outer * count * inner; the first of equal indices sums for all of them */
CS_KERNEL(take_grad_sorted) {
    const int64_t n = c->ints[0], inner = c->ints[1], count = c->ints[2], *flat = c->ptr[3];
    const int32_t *order = c->ptr[4];
    for (int64_t i = begin; i < end; i++) {
        const int64_t at = i % inner, first = i / inner % count, outer = i / inner / count;
        const int64_t place = flat[order[first]];
        if (first && flat[order[first - 1]] == place)
            continue;
        const real *x = (const real *)c->ptr[2] + outer * count * inner + at;
        real sum = 0;
        for (int64_t k = first; k < count && flat[order[k]] == place; k++)
            sum = grad_sum(sum, x[order[k] * inner]);
        ((real *)c->ptr[0])[(outer * n + place) * inner + at] = sum;
    }
}
