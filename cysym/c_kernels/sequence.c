//! dtypes: any
/* Sequences of different lengths in one array: rows are moved as bytes.
 *
 * The array is (dim0, dim1, inner), time is axis 0 or 1, the batch the other one. Lengths are brought between
 * 0 (or 1) and the number of steps. */
#include "cysym.h"

enum { SIZE, DIM0, DIM1, INNER, AXIS, HAS_LENGTHS, BITS };

static inline int64_t sequence_length(const cs_call *c, int64_t sample, int64_t least) {
    const int64_t steps = c->ints[c->ints[AXIS] ? DIM1 : DIM0];
    return c->ints[HAS_LENGTHS] ? cs_max(least, cs_min(((const int64_t *)c->ptr[2])[sample], steps)) : steps;
}

/* Row of (dim0, dim1) at a time of a sample. */
static inline int64_t sequence_row(const cs_call *c, int64_t time, int64_t sample) {
    return c->ints[AXIS] ? sample * c->ints[DIM1] + time : time * c->ints[DIM1] + sample;
}

#define SEQUENCE_PLACE(row)                                                                                  \
    const int64_t time = c->ints[AXIS] ? (row) % c->ints[DIM1] : (row) / c->ints[DIM1],                      \
                  sample = c->ints[AXIS] ? (row) / c->ints[DIM1] : (row) % c->ints[DIM1]

/* ptr: y, x, lengths (read if has_lengths)   ints: itemsize, dim0, dim1, inner, axis, has_lengths, bits
 * items: rows y[time] = x[time] inside the sequence, the element of these bits beyond */
CS_KERNEL(sequence_mask) {
    const int64_t size = c->ints[SIZE], inner = c->ints[INNER];
    for (int64_t row = begin; row < end; row++) {
        SEQUENCE_PLACE(row);
        char *y = (char *)c->ptr[0] + row * inner * size;
        if (time < sequence_length(c, sample, 0))
            memcpy(y, (const char *)c->ptr[1] + row * inner * size, (size_t)(inner * size));
        else
            for (int64_t i = 0; i < inner; i++)
                cs_move(y + i * size, (const char *)(c->ints + BITS), size);
    }
}

/* ptr, ints as above without bits   items: rows
 * y[time] = x[length - 1 - time] inside the sequence, x[time] beyond */
CS_KERNEL(sequence_reverse) {
    const int64_t bytes = c->ints[INNER] * c->ints[SIZE];
    for (int64_t row = begin; row < end; row++) {
        SEQUENCE_PLACE(row);
        const int64_t length = sequence_length(c, sample, 0);
        const int64_t from = sequence_row(c, time < length ? length - 1 - time : time, sample);
        memcpy((char *)c->ptr[0] + row * bytes, (const char *)c->ptr[1] + from * bytes, (size_t)bytes);
    }
}

/* ptr, ints as above; y (batch, inner)   items: samples
 * y = x[length - 1] */
CS_KERNEL(sequence_last) {
    const int64_t bytes = c->ints[INNER] * c->ints[SIZE];
    for (int64_t sample = begin; sample < end; sample++) {
        const int64_t from = sequence_row(c, sequence_length(c, sample, 1) - 1, sample);
        memcpy((char *)c->ptr[0] + sample * bytes, (const char *)c->ptr[1] + from * bytes, (size_t)bytes);
    }
}

/* ptr: dx, dy (batch, inner), lengths; ints as above   items: rows of dx
 * dx[length - 1] = dy, zeros elsewhere */
CS_KERNEL(sequence_last_grad) {
    const int64_t bytes = c->ints[INNER] * c->ints[SIZE];
    for (int64_t row = begin; row < end; row++) {
        SEQUENCE_PLACE(row);
        char *dx = (char *)c->ptr[0] + row * bytes;
        if (time == sequence_length(c, sample, 1) - 1)
            memcpy(dx, (const char *)c->ptr[1] + sample * bytes, (size_t)bytes);
        else
            memset(dx, 0, (size_t)bytes);
    }
}
