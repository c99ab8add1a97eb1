//! dtypes: f32 f64
/* Optimizer updates: one pass over weight, gradient and states. Outputs may be the inputs of the same index,
 * never overlap otherwise: hence ivdep, without which the alias checks are too many to vectorise. */
#include "cysym.h"

#if CS_DT_f32
#define SQRT sqrtf
#else
#define SQRT sqrt
#endif

/* Cut to [-bound, bound]; NaN stays. A negative bound is none: it has been made infinite. */
static inline real optimizer_clip(real g, real bound) {
    g = g > bound ? bound : g;
    return g < -bound ? -bound : g;
}

static inline real optimizer_bound(double clip) { return clip >= 0 ? K(clip) : K(INFINITY); }

/* ptr: out, weight, grad   floats: lr, wd, rescale, clip   items: elements */
CS_KERNEL(sgd_update) {
    const real *weight = c->ptr[1], *grad = c->ptr[2];
    real *out = c->ptr[0];
    const real lr = K(c->floats[0]), keep = K(1 - c->floats[0] * c->floats[1]), rescale = K(c->floats[2]);
    const real bound = optimizer_bound(c->floats[3]);
#pragma GCC ivdep
    for (int64_t i = begin; i < end; i++)
        out[i] = keep * weight[i] - lr * optimizer_clip(rescale * grad[i], bound);
}

/* ptr: out, mom, weight, grad, mom   floats: lr, wd, rescale, clip, momentum   items: elements */
CS_KERNEL(sgd_mom_update) {
    const real *weight = c->ptr[2], *grad = c->ptr[3], *old = c->ptr[4];
    real *out = c->ptr[0], *mom = c->ptr[1];
    const real lr = K(c->floats[0]), decay = K(c->floats[0] * c->floats[1]), rescale = K(c->floats[2]);
    const real bound = optimizer_bound(c->floats[3]), momentum = K(c->floats[4]);
#pragma GCC ivdep
    for (int64_t i = begin; i < end; i++) {
        const real g = optimizer_clip(rescale * grad[i], bound);
        const real m = momentum * old[i] - decay * weight[i] - lr * g;
        out[i] = weight[i] + m;
        mom[i] = m;
    }
}

/* ptr: out, mean, var, weight, grad, mean, var   floats: lr, wd, rescale, clip, beta1, beta2, epsilon
 * items: elements */
CS_KERNEL(adam_update) {
    const real *weight = c->ptr[3], *grad = c->ptr[4], *old_mean = c->ptr[5], *old_var = c->ptr[6];
    real *out = c->ptr[0], *mean = c->ptr[1], *var = c->ptr[2];
    const real lr = K(c->floats[0]), wd = K(c->floats[1]), rescale = K(c->floats[2]);
    const real bound = optimizer_bound(c->floats[3]), epsilon = K(c->floats[6]);
    /* in float32, 1 - 0.999 is 1.3e-5 off; MXNet's results have it in them, and so have OpenCL's */
    const real beta1 = K(c->floats[4]), other1 = 1 - beta1, beta2 = K(c->floats[5]), other2 = 1 - beta2;
#pragma GCC ivdep
    for (int64_t i = begin; i < end; i++) {
        const real g = optimizer_clip(rescale * grad[i] + wd * weight[i], bound);
        const real m = beta1 * old_mean[i] + other1 * g;
        const real v = beta2 * old_var[i] + other2 * g * g;
        out[i] = weight[i] - lr * m / (SQRT(v) + epsilon);
        mean[i] = m;
        var[i] = v;
    }
}
