//! dtypes: f32 f64
/* Gradients of loss heads that are one number for all elements. */
#include "cysym.h"

/* ptr: y   floats: value   items: elements */
CS_KERNEL(makeloss_fill) {
    real *y = c->ptr[0];
    const real value = K(c->floats[0]);
    for (int64_t i = begin; i < end; i++)
        y[i] = value;
}

/* ptr: norm, x   ints: size   floats: thresh   items: 1 */
CS_KERNEL(makeloss_count) {
    const real *x = c->ptr[1], thresh = K(c->floats[0]);
    for (int64_t item = begin; item < end; item++) {
        int64_t count = 0;
        for (int64_t i = 0; i < c->ints[0]; i++)
            count += x[i] > thresh;
        ((real *)c->ptr[0])[item] = K(cs_max(count, 1));
    }
}

/* ptr: y, norm   floats: value   items: elements */
CS_KERNEL(makeloss_share) {
    real *y = c->ptr[0];
    const real value = K(c->floats[0]) / *(const real *)c->ptr[1];
    for (int64_t i = begin; i < end; i++)
        y[i] = value;
}
