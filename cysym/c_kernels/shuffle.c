//! dtypes: any
/* Rows moved in a given order, as bytes. The order itself is drawn by the shuffle_* kernels of random.c. */
#include "cysym.h"

/* y[i] = x[order[i]]; back: y[order[i]] = x[i]. An order is a permutation, so every row is written once.
 * ptr: y, x, order (int64)   ints: bytes of a row, back   items: rows */
CS_KERNEL(shuffle_rows) {
    const size_t bytes = (size_t)c->ints[0];
    const int64_t *order = c->ptr[2];
    for (int64_t i = begin; i < end && bytes; i++) {
        const int64_t to = c->ints[1] ? order[i] : i, from = c->ints[1] ? i : order[i];
        memcpy((char *)c->ptr[0] + (size_t)to * bytes, (const char *)c->ptr[1] + (size_t)from * bytes, bytes);
    }
}
