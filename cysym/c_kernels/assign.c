//! dtypes: any
/* Writes through arrays of indices; elements are moved as bit patterns of 1, 2, 4 or 8 bytes. */
#include "cysym.h"

enum { DIMS = 8 };

/* ptr: data, data, at (int64), value   ints: itemsize, value step (0: one element for all), start, which
 * dimension `at` indexes, dims[8], strides[8] in data   items: elements of the part. Places in `at` differ or
 * are -1 (left out), so that the order of writes does not matter. */
CS_KERNEL(scatter) {
    const int64_t size = c->ints[0], step = c->ints[1], start = c->ints[2], indexed = c->ints[3];
    const int64_t *dim = c->ints + 4, *stride = dim + DIMS, *at = c->ptr[2];
    for (int64_t i = begin; i < end; i++) {
        int64_t rest = i, to = start, place = 0;
        for (int d = DIMS - 1; d >= 0; d--) {
            int64_t k = rest % dim[d];
            rest /= dim[d];
            if (d == indexed)
                place = at[k];
            else
                to += k * stride[d];
        }
        if (place < 0)
            continue;
        cs_move((char *)c->ptr[0] + (to + place) * size, (const char *)c->ptr[3] + i * step * size, size);
    }
}
