//! dtypes: f32 f64
/* Applies dropout's mask. The mask itself is drawn in random.c. */
#include "cysym.h"

/* ptr: y, x, mask   ints: rank, dims..., mask strides...   items: elements */
CS_KERNEL(dropout_times) {
    const int64_t rank = c->ints[0], *dims = c->ints + 1, *strides = dims + rank;
    const real *x = c->ptr[1], *mask = c->ptr[2];
    real *y = c->ptr[0];
    if (rank == 1) {
        const int64_t step = strides[0];
        if (step == 1)
            for (int64_t i = begin; i < end; i++)
                y[i] = x[i] * mask[i];
        else
            for (int64_t i = begin; i < end; i++)
                y[i] = x[i] * mask[i * step];
        return;
    }
    for (int64_t i = begin; i < end; i++) {
        int64_t rest = i, at = 0;
        for (int64_t d = rank - 1; d >= 0; d--) {
            at += rest % dims[d] * strides[d];
            rest /= dims[d];
        }
        y[i] = x[i] * mask[at];
    }
}

/* ptr: y   items: elements */
CS_KERNEL(dropout_ones) {
    real *y = c->ptr[0];
    for (int64_t i = begin; i < end; i++)
        y[i] = 1;
}
