//! dtypes: f32 f64
/* Fused updates of the optimizers MXNet composes of array operators: AdaGrad, AdaDelta, Adamax, Nadam,
 * DCASGD. Outputs may be the inputs of the same index, never overlap otherwise. Factors such as 1 - beta come
 * from the caller, in double precision. */
#include "cysym.h"

#if CS_DT_f32
#define SQRT sqrtf
#else
#define SQRT sqrt
#endif

/* Cut to [-bound, bound]; NaN stays. A negative bound is none: it has been made infinite. */
static inline real adaptive_clip(real g, real bound) {
    g = g > bound ? bound : g;
    return g < -bound ? -bound : g;
}

static inline real adaptive_bound(double clip) { return clip >= 0 ? K(clip) : K(INFINITY); }

/* ptr: out, history, weight, grad, history   floats: lr, wd, rescale, clip, epsilon   items: elements */
CS_KERNEL(adagrad_update) {
    const real *weight = c->ptr[2], *grad = c->ptr[3], *old = c->ptr[4];
    real *out = c->ptr[0], *history = c->ptr[1];
    const real lr = K(c->floats[0]), wd = K(c->floats[1]), rescale = K(c->floats[2]);
    const real bound = adaptive_bound(c->floats[3]), epsilon = K(c->floats[4]);
#pragma GCC ivdep
    for (int64_t i = begin; i < end; i++) {
        const real g = adaptive_clip(rescale * grad[i], bound), sum = old[i] + g * g;
        out[i] = weight[i] - lr * (g / SQRT(sum + epsilon) + wd * weight[i]);
        history[i] = sum;
    }
}

/* ptr: out, acc_g, acc_delta, weight, grad, acc_g, acc_delta
 * floats: wd, rescale, clip, rho, 1 - rho, epsilon   items: elements */
CS_KERNEL(adadelta_update) {
    const real *weight = c->ptr[3], *grad = c->ptr[4], *old_g = c->ptr[5], *old_delta = c->ptr[6];
    real *out = c->ptr[0], *acc_g = c->ptr[1], *acc_delta = c->ptr[2];
    const real wd = K(c->floats[0]), rescale = K(c->floats[1]), bound = adaptive_bound(c->floats[2]);
    const real rho = K(c->floats[3]), other = K(c->floats[4]), epsilon = K(c->floats[5]);
#pragma GCC ivdep
    for (int64_t i = begin; i < end; i++) {
        const real g = adaptive_clip(rescale * grad[i], bound), sum = rho * old_g[i] + other * g * g;
        const real delta = SQRT(old_delta[i] + epsilon) / SQRT(sum + epsilon) * g;
        out[i] = weight[i] - (delta + wd * weight[i]);
        acc_g[i] = sum;
        acc_delta[i] = rho * old_delta[i] + other * delta * delta;
    }
}

/* ptr: out, mean, top, weight, grad, mean, top
 * floats: lr, wd, rescale, clip, beta1, 1 - beta1, beta2   items: elements */
CS_KERNEL(adamax_update) {
    const real *weight = c->ptr[3], *grad = c->ptr[4], *old_mean = c->ptr[5], *old_top = c->ptr[6];
    real *out = c->ptr[0], *mean = c->ptr[1], *top = c->ptr[2];
    const real lr = K(c->floats[0]), wd = K(c->floats[1]), rescale = K(c->floats[2]);
    const real bound = adaptive_bound(c->floats[3]);
    const real beta1 = K(c->floats[4]), other1 = K(c->floats[5]), beta2 = K(c->floats[6]);
#pragma GCC ivdep
    for (int64_t i = begin; i < end; i++) {
        const real g = adaptive_clip(rescale * grad[i] + wd * weight[i], bound), size = g < 0 ? -g : g;
        const real m = beta1 * old_mean[i] + other1 * g, faded = beta2 * old_top[i];
        const real u = faded > size || faded != faded ? faded : size;
        /* u is 0 where no gradient was ever other than 0, and m, too: 0 / 0 would spoil the weight */
        out[i] = u == 0 ? weight[i] : weight[i] - lr * m / u;
        mean[i] = m;
        top[i] = u;
    }
}

/* ptr: out, mean, var, weight, grad, mean, var
 * floats: lr, wd, rescale, clip, beta1, 1 - beta1, beta2, 1 - beta2, epsilon, share of g, share of mean,
 * 1 - beta2^t   items: elements */
CS_KERNEL(nadam_update) {
    const real *weight = c->ptr[3], *grad = c->ptr[4], *old_mean = c->ptr[5], *old_var = c->ptr[6];
    real *out = c->ptr[0], *mean = c->ptr[1], *var = c->ptr[2];
    const real lr = K(c->floats[0]), wd = K(c->floats[1]), rescale = K(c->floats[2]);
    const real bound = adaptive_bound(c->floats[3]), epsilon = K(c->floats[8]);
    const real beta1 = K(c->floats[4]), other1 = K(c->floats[5]);
    const real beta2 = K(c->floats[6]), other2 = K(c->floats[7]);
    const real share_g = K(c->floats[9]), share_mean = K(c->floats[10]), missing = K(c->floats[11]);
#pragma GCC ivdep
    for (int64_t i = begin; i < end; i++) {
        const real g = adaptive_clip(rescale * grad[i] + wd * weight[i], bound);
        const real m = beta1 * old_mean[i] + other1 * g, v = beta2 * old_var[i] + other2 * g * g;
        out[i] = weight[i] - lr * (share_g * g + share_mean * m) / (SQRT(v / missing) + epsilon);
        mean[i] = m;
        var[i] = v;
    }
}

/* ptr: out, previous, weight, grad, previous   floats: lr, wd, rescale, clip, lamda   items: elements */
CS_KERNEL(dcasgd_update) {
    const real *weight = c->ptr[2], *grad = c->ptr[3], *old = c->ptr[4];
    real *out = c->ptr[0], *previous = c->ptr[1];
    const real lr = K(c->floats[0]), wd = K(c->floats[1]), rescale = K(c->floats[2]);
    const real bound = adaptive_bound(c->floats[3]), lamda = K(c->floats[4]);
#pragma GCC ivdep
    for (int64_t i = begin; i < end; i++) {
        const real w = weight[i], g = adaptive_clip(rescale * grad[i], bound);
        out[i] = w - lr * (g + wd * w + lamda * g * g * (w - old[i]));
        previous[i] = w;
    }
}

/* ptr: out, mom, previous, weight, grad, mom, previous
 * floats: lr, wd, rescale, clip, lamda, momentum   items: elements */
CS_KERNEL(dcasgd_mom_update) {
    const real *weight = c->ptr[3], *grad = c->ptr[4], *old_mom = c->ptr[5], *old = c->ptr[6];
    real *out = c->ptr[0], *mom = c->ptr[1], *previous = c->ptr[2];
    const real lr = K(c->floats[0]), wd = K(c->floats[1]), rescale = K(c->floats[2]);
    const real bound = adaptive_bound(c->floats[3]), lamda = K(c->floats[4]), momentum = K(c->floats[5]);
#pragma GCC ivdep
    for (int64_t i = begin; i < end; i++) {
        const real w = weight[i], g = adaptive_clip(rescale * grad[i], bound);
        const real m = momentum * old_mom[i] - lr * (g + wd * w + lamda * g * g * (w - old[i]));
        out[i] = w + m;
        mom[i] = m;
        previous[i] = w;
    }
}
