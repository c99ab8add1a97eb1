//! dtypes: f32 f64
/* The running mean of activations, and the slope of the Kullback-Leibler penalty at it. */
#include "cysym.h"

/* ptr: moving_avg, slope, mean, moving_avg   ints: gap of moving_avg   floats: target, penalty, momentum
 * items: units */
CS_KERNEL(klsparse_move) {
    const double target = c->floats[0], penalty = c->floats[1], momentum = c->floats[2];
    const real *mean = c->ptr[2];
    for (int64_t i = begin; i < end; i++) {
        real *average = (real *)c->ptr[0] + i * c->ints[0];
        const double a = momentum * *average + (1 - momentum) * mean[i];
        *average = K(a);
        ((real *)c->ptr[1])[i] = K(penalty * ((1 - target) / (1 - a) - target / a));
    }
}
