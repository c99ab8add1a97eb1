//! dtypes: f32 f64 u8 i8 i32 i64
/* Counting elements between bounds. */
#include "cysym.h"

/* ptr: edges   ints: the bits of each   items: edges */
CS_KERNEL(histogram_edges) {
    for (int64_t i = begin; i < end; i++)
        memcpy((real *)c->ptr[0] + i, c->ints + i, sizeof(real)); /* the low bytes, which come first */
}

/* ptr: counts (int32, zeros), counts again, x, edges   ints: count, n (bins)   items: 1 */
CS_KERNEL(histogram) {
    const int64_t count = c->ints[0], n = c->ints[1];
    const real *x = c->ptr[2], *edges = c->ptr[3];
    int32_t *found = c->ptr[0];
    for (int64_t i = 0; begin < end && i < count; i++) {
        int64_t low = 0, high = n; /* the last bin that begins at or below x */
        if (!(x[i] >= edges[0] && x[i] <= edges[n]))
            continue;
        while (high - low > 1) {
            const int64_t middle = low + (high - low) / 2;
            if (edges[middle] <= x[i])
                low = middle;
            else
                high = middle;
        }
        found[low]++;
    }
}
