//! dtypes: f32 f64
/* Regression heads: the logistic function, and the gradient all heads share. */
#include "vmath.h"

/* ptr: y, x   items: elements */
CS_KERNEL(regression_logistic) {
    const real *x = c->ptr[1];
    real *y = c->ptr[0];
    for (int64_t i = begin; i < end; i++)
        y[i] = 1 / (1 + EXP(-x[i]));
}

/* ptr: dx, y, label   ints: is_absolute   floats: scale   items: elements */
CS_KERNEL(regression_grad) {
    const real *y = c->ptr[1], *label = c->ptr[2], scale = K(c->floats[0]);
    real *dx = c->ptr[0];
    if (c->ints[0]) {
        for (int64_t i = begin; i < end; i++) {
            const real d = y[i] - label[i];
            dx[i] = (d > 0 ? K(1) : d <= 0 ? K(-1) : d) * scale; /* the last is NaN */
        }
        return;
    }
    for (int64_t i = begin; i < end; i++)
        dx[i] = (y[i] - label[i]) * scale;
}
