//! dtypes: any
/* Tuples of indices and places in row-major order, all int64. Sums wrap around: an index may be any number.
 */
#include "cysym.h"

/* ptr: y (count), x (m, count)   ints: count, m, dims[m]   items: count */
CS_KERNEL(ravel) {
    const int64_t count = c->ints[0], m = c->ints[1], *dims = c->ints + 2, *x = c->ptr[1];
    for (int64_t i = begin; i < end; i++) {
        uint64_t sum = 0;
        for (int64_t k = 0; k < m; k++)
            sum = sum * (uint64_t)dims[k] + (uint64_t)x[k * count + i];
        ((int64_t *)c->ptr[0])[i] = (int64_t)sum;
    }
}

/* ptr: y (m, count), x (count)   ints: count, m, dims[m]   items: count; what is left over goes to the front
 */
CS_KERNEL(unravel) {
    const int64_t count = c->ints[0], m = c->ints[1], *dims = c->ints + 2;
    int64_t *y = c->ptr[0];
    for (int64_t i = begin; i < end; i++) {
        int64_t rest = ((const int64_t *)c->ptr[1])[i];
        for (int64_t k = m - 1; k > 0; k--) {
            y[k * count + i] = rest % dims[k];
            rest /= dims[k];
        }
        y[i] = rest;
    }
}
