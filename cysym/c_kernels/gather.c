//! dtypes: any
/* Places named by tuples of indices, and writing to them; values are moved as bit patterns. */
#include "cysym.h"

enum { CLIP, WRAP, FROM_END, STRICT };

/* ptr: flat (int64), flag (int32), flag again (zero), indices (int64: m, count)   ints: count, m, mode,
 * dims[m] items: count (of columns); the flag becomes 1 where an index may not be brought inside */
CS_KERNEL(flat_index) {
    const int64_t count = c->ints[0], m = c->ints[1], mode = c->ints[2], *dims = c->ints + 3;
    int is_wrong = 0;
    for (int64_t i = begin; i < end; i++) {
        int64_t flat = 0;
        for (int64_t k = 0; k < m; k++) {
            const int64_t n = dims[k];
            int64_t at = ((const int64_t *)c->ptr[3])[k * count + i];
            if (mode == WRAP)
                at = (at % n + n) % n;
            else if (mode == CLIP)
                at = at < 0 ? 0 : at >= n ? n - 1 : at;
            else {
                at += mode == FROM_END && at < 0 ? n : 0;
                if (at < 0 || at >= n)
                    is_wrong = 1, at = 0;
            }
            flat = flat * n + at;
        }
        ((int64_t *)c->ptr[0])[i] = flat;
    }
    if (is_wrong) /* by several threads perhaps, but all of them write the same */
        __atomic_store_n((int32_t *)c->ptr[1], 1, __ATOMIC_RELAXED);
}

/* ptr: winner (int32: places, all -1), winner again, flat (int64)   ints: count   items: 1
 * of the columns that name one place the last wins it */
CS_KERNEL(scatter_winner) {
    const int64_t *flat = c->ptr[2];
    if (begin < end)
        for (int64_t i = 0; i < c->ints[0]; i++)
            ((int32_t *)c->ptr[0])[flat[i]] = (int32_t)i;
}

/* ptr: y, y again, x, flat (int64), winner (int32)   ints: itemsize, inner   items: elements of x */
CS_KERNEL(scatter_put) {
    const int64_t size = c->ints[0], inner = c->ints[1], *flat = c->ptr[3];
    const int32_t *winner = c->ptr[4];
    for (int64_t i = begin, run; i < end; i += run) {
        const int64_t slice = i / inner, at = i % inner, place = flat[slice];
        run = cs_min(inner - at, end - i);
        if (winner[place] == slice)
            memcpy((char *)c->ptr[0] + (place * inner + at) * size, (const char *)c->ptr[2] + i * size,
                   (size_t)(run * size));
    }
}
