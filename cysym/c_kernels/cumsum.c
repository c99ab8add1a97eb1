//! dtypes: f32 f64 u8 i8 i32 i64
/* Running sums. Data is (outer, n, inner); an item is a block of neighbouring columns. */
#include "cysym.h"

enum { BLOCK = 64 };

#if CS_DT_f32 || CS_DT_f64
typedef double cumsum_sum; /* long rows keep their digits */
#else
typedef uint64_t cumsum_sum; /* wraps as the type does */
#endif

/* ptr: y, x   ints: n, inner, reverse   items: outer * blocks of columns */
CS_KERNEL(cumsum) {
    const int64_t n = c->ints[0], inner = c->ints[1], blocks = cs_div_up(inner, BLOCK);
    const int64_t first = c->ints[2] ? (n - 1) * inner : 0, step = c->ints[2] ? -inner : inner;
    for (int64_t item = begin; item < end; item++) {
        const int64_t at = item / blocks * n * inner + item % blocks * BLOCK + first;
        const int64_t k = cs_min(BLOCK, inner - item % blocks * BLOCK);
        const real *x = (const real *)c->ptr[1] + at;
        real *y = (real *)c->ptr[0] + at;
        cumsum_sum sum[BLOCK] = {0};
        for (int64_t i = 0; i < n; i++)
            for (int64_t j = 0; j < k; j++) {
                sum[j] += (cumsum_sum)x[i * step + j];
                y[i * step + j] = (real)sum[j];
            }
    }
}
