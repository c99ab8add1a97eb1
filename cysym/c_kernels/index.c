//! dtypes: any
/* Lookups by index or condition; values are moved as bit patterns of 1, 2, 4 or 8 bytes. */
#include "cysym.h"

/* An index brought into [0, n): wrapped around, or moved to the nearest end. */
static inline int64_t index_inside(int64_t i, int64_t n, int64_t wraps) {
    if (wraps)
        return (i % n + n) % n;
    return i < 0 ? 0 : i >= n ? n - 1 : i;
}

/* ptr: out, condition (bytes), x, y   ints: itemsize, inner (elements a condition decides)   items: elements
 */
CS_KERNEL(where) {
    const int64_t size = c->ints[0], inner = c->ints[1];
    const uint8_t *condition = c->ptr[1];
    for (int64_t i = begin; i < end; i++)
        cs_move((char *)c->ptr[0] + i * size, (const char *)c->ptr[condition[i / inner] ? 2 : 3] + i * size,
                size);
}

/* ptr: gradient, condition (bytes), ograd   ints: itemsize, inner, of_true   items: elements */
CS_KERNEL(where_grad) {
    const int64_t size = c->ints[0], inner = c->ints[1];
    const uint8_t *condition = c->ptr[1];
    const int64_t zero = 0;
    for (int64_t i = begin; i < end; i++) {
        int is_taken = (condition[i / inner] != 0) == c->ints[2];
        cs_move((char *)c->ptr[0] + i * size,
                is_taken ? (const char *)c->ptr[2] + i * size : (const char *)&zero, size);
    }
}

/* ptr: y, indices (int64)   ints: itemsize, depth, bits of on, bits of off   items: elements of y */
CS_KERNEL(one_hot) {
    const int64_t size = c->ints[0], depth = c->ints[1], *index = c->ptr[1];
    for (int64_t i = begin; i < end; i++)
        cs_move((char *)c->ptr[0] + i * size,
                (const char *)(c->ints + (index[i / depth] == i % depth ? 2 : 3)), size);
}

/* Single elements of one type, at indices that stand side by side. */
#define INDEX_TAKE(type)                                                                                     \
    for (int64_t k = 0; k < many; k++)                                                                       \
    memcpy(y + k * (int64_t)sizeof(type), x + index_inside(at[k], n, wraps) * (int64_t)sizeof(type),         \
           sizeof(type))

/* ptr: y, a, indices (int64)   ints: itemsize, n, inner, count (of indices), wraps   items: elements of y
 * a is (outer, n, inner), y (outer, count, inner) */
CS_KERNEL(take) {
    const int64_t size = c->ints[0], n = c->ints[1], inner = c->ints[2], count = c->ints[3],
                  wraps = c->ints[4], *index = c->ptr[2];
    if (inner == 1) {
        for (int64_t i = begin, many; i < end; i += many) {
            const int64_t *at = index + i % count;
            const char *x = (const char *)c->ptr[1] + i / count * n * size;
            char *y = (char *)c->ptr[0] + i * size;
            many = cs_min(count - i % count, end - i);
            switch (size) {
            case 1:
                INDEX_TAKE(uint8_t);
                break;
            case 2:
                INDEX_TAKE(uint16_t);
                break;
            case 4:
                INDEX_TAKE(uint32_t);
                break;
            default:
                INDEX_TAKE(uint64_t);
            }
        }
        return;
    }
    int64_t at = begin % inner, slice = begin / inner % count, outer = begin / inner / count;
    for (int64_t i = begin, run; i < end; i += run) {
        const int64_t k = index_inside(index[slice], n, wraps);
        const char *x = (const char *)c->ptr[1] + ((outer * n + k) * inner + at) * size;
        run = cs_min(inner - at, end - i);
        memcpy((char *)c->ptr[0] + i * size, x, (size_t)(run * size));
        at = 0;
        if (++slice == count) {
            slice = 0;
            outer++;
        }
    }
}

/* ptr: y, data, index (int64)   ints: itemsize, n, inner, wraps   items: elements of y; data is (outer, n,
 * inner) */
CS_KERNEL(pick) {
    const int64_t size = c->ints[0], n = c->ints[1], inner = c->ints[2], *index = c->ptr[2];
    for (int64_t i = begin; i < end; i++) {
        int64_t k = index_inside(index[i], n, c->ints[3]);
        const char *x = (const char *)c->ptr[1] + ((i / inner * n + k) * inner + i % inner) * size;
        cs_move((char *)c->ptr[0] + i * size, x, size);
    }
}

/* ptr: gx (zeros), gx again, ograd, index (int64)   ints: itemsize, n, inner, wraps   items: elements of
 * ograd */
CS_KERNEL(pick_grad) {
    const int64_t size = c->ints[0], n = c->ints[1], inner = c->ints[2], *index = c->ptr[3];
    for (int64_t i = begin; i < end; i++) {
        int64_t k = index_inside(index[i], n, c->ints[3]);
        char *x = (char *)c->ptr[0] + ((i / inner * n + k) * inner + i % inner) * size;
        cs_move(x, (const char *)c->ptr[2] + i * size, size);
    }
}
