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

static inline real optimizer_sign(real x) { return x > 0 ? K(1) : x < 0 ? K(-1) : x; }

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

/* `ahead`: the momentum decays the new weight instead of the old one.
 * ptr: out, mom, weight, grad, mom   ints: ahead   floats: lr, wd, rescale, clip, momentum   items: elements
 */
CS_KERNEL(nag_mom_update) {
    const real *weight = c->ptr[2], *grad = c->ptr[3], *old = c->ptr[4];
    real *out = c->ptr[0], *mom = c->ptr[1];
    const real lr = K(c->floats[0]), wd = K(c->floats[1]), rescale = K(c->floats[2]);
    const real bound = optimizer_bound(c->floats[3]), momentum = K(c->floats[4]);
    const real decay = lr * wd;
    const int64_t ahead = c->ints[0];
#pragma GCC ivdep
    for (int64_t i = begin; i < end; i++) {
        const real step = lr * (optimizer_clip(rescale * grad[i], bound) + wd * weight[i]);
        const real m = momentum * old[i] - step, move = momentum * m - step;
        out[i] = weight[i] + move;
        mom[i] = ahead ? m - decay * move : m;
    }
}

/* ptr: out, weight, grad   floats: lr, wd, rescale, clip   items: elements */
CS_KERNEL(signsgd_update) {
    const real *weight = c->ptr[1], *grad = c->ptr[2];
    real *out = c->ptr[0];
    const real lr = K(c->floats[0]), keep = K(1 - c->floats[0] * c->floats[1]);
#pragma GCC ivdep
    for (int64_t i = begin; i < end; i++)
        out[i] = keep * weight[i] - lr * optimizer_sign(grad[i]);
}

/* ptr: out, mom, weight, grad, mom   floats: lr, wd, rescale, clip, momentum, wd_lh   items: elements */
CS_KERNEL(signum_update) {
    const real *weight = c->ptr[2], *grad = c->ptr[3], *old = c->ptr[4];
    real *out = c->ptr[0], *mom = c->ptr[1];
    const real lr = K(c->floats[0]), wd = K(c->floats[1]), rescale = K(c->floats[2]);
    const real bound = optimizer_bound(c->floats[3]), momentum = K(c->floats[4]), other = 1 - momentum;
    const real keep = K(1 - c->floats[0] * c->floats[5]);
#pragma GCC ivdep
    for (int64_t i = begin; i < end; i++) {
        const real g = optimizer_clip(rescale * grad[i], bound) + wd * weight[i];
        const real m = momentum * old[i] - other * g;
        out[i] = keep * weight[i] + lr * optimizer_sign(m);
        mom[i] = m;
    }
}

/* ptr: out, z, n, weight, grad, z, n   floats: lr, wd, rescale, clip, lamda1, beta   items: elements */
CS_KERNEL(ftrl_update) {
    const real *weight = c->ptr[3], *grad = c->ptr[4], *old_z = c->ptr[5], *old_n = c->ptr[6];
    real *out = c->ptr[0], *z = c->ptr[1], *n = c->ptr[2];
    const real lr = K(c->floats[0]), wd = K(c->floats[1]), rescale = K(c->floats[2]);
    const real bound = optimizer_bound(c->floats[3]), lamda1 = K(c->floats[4]), beta = K(c->floats[5]);
#pragma GCC ivdep
    for (int64_t i = begin; i < end; i++) {
        const real g = optimizer_clip(rescale * grad[i], bound), sum = old_n[i] + g * g, root = SQRT(sum);
        const real zi = old_z[i] + g - (root - SQRT(old_n[i])) * weight[i] / lr;
        const real step = (optimizer_sign(zi) * lamda1 - zi) / ((beta + root) / lr + wd);
        out[i] = (zi < 0 ? -zi : zi) > lamda1 ? step : 0;
        z[i] = zi;
        n[i] = sum;
    }
}

/* ptr: out, n, weight, grad, n   floats: lr, wd, rescale, clip, gamma1, epsilon, clip_weights
 * items: elements */
CS_KERNEL(rmsprop_update) {
    const real *weight = c->ptr[2], *grad = c->ptr[3], *old = c->ptr[4];
    real *out = c->ptr[0], *n = c->ptr[1];
    const real lr = K(c->floats[0]), wd = K(c->floats[1]), rescale = K(c->floats[2]);
    const real bound = optimizer_bound(c->floats[3]), gamma = K(c->floats[4]), other = 1 - gamma;
    const real epsilon = K(c->floats[5]), limit = optimizer_bound(c->floats[6]);
#pragma GCC ivdep
    for (int64_t i = begin; i < end; i++) {
        const real g = optimizer_clip(rescale * grad[i] + wd * weight[i], bound);
        const real ni = gamma * old[i] + other * g * g;
        out[i] = optimizer_clip(weight[i] - lr * g / SQRT(ni + epsilon), limit);
        n[i] = ni;
    }
}

/* ptr: out, n, g, delta, weight, grad, n, g, delta
 * floats: lr, wd, rescale, clip, gamma1, gamma2, epsilon, clip_weights   items: elements */
CS_KERNEL(rmspropalex_update) {
    const real *weight = c->ptr[4], *grad = c->ptr[5], *old_n = c->ptr[6], *old_g = c->ptr[7];
    const real *old_delta = c->ptr[8];
    real *out = c->ptr[0], *n = c->ptr[1], *mean = c->ptr[2], *delta = c->ptr[3];
    const real lr = K(c->floats[0]), wd = K(c->floats[1]), rescale = K(c->floats[2]);
    const real bound = optimizer_bound(c->floats[3]), gamma1 = K(c->floats[4]), other = 1 - gamma1;
    const real gamma2 = K(c->floats[5]), epsilon = K(c->floats[6]), limit = optimizer_bound(c->floats[7]);
#pragma GCC ivdep
    for (int64_t i = begin; i < end; i++) {
        const real g = optimizer_clip(rescale * grad[i] + wd * weight[i], bound);
        const real ni = gamma1 * old_n[i] + other * g * g, gi = gamma1 * old_g[i] + other * g;
        const real d = gamma2 * old_delta[i] - lr * g / SQRT(ni - gi * gi + epsilon);
        out[i] = optimizer_clip(weight[i] + d, limit);
        n[i] = ni;
        mean[i] = gi;
        delta[i] = d;
    }
}

/* ptr: out, d, v, z, weight, grad, d, v, z
 * floats: lr, wd, rescale, clip, beta1, beta2, epsilon, t   items: elements */
CS_KERNEL(ftml_update) {
    const real *weight = c->ptr[4], *grad = c->ptr[5], *old_d = c->ptr[6], *old_v = c->ptr[7];
    const real *old_z = c->ptr[8];
    real *out = c->ptr[0], *d = c->ptr[1], *v = c->ptr[2], *z = c->ptr[3];
    const real wd = K(c->floats[1]), rescale = K(c->floats[2]), bound = optimizer_bound(c->floats[3]);
    const real beta1 = K(c->floats[4]), other1 = 1 - beta1, beta2 = K(c->floats[5]), other2 = 1 - beta2;
    const real epsilon = K(c->floats[6]);
    const real scale1 = K((1 - pow((double)beta1, c->floats[7])) / c->floats[0]);
    const real scale2 = K(1 - pow((double)beta2, c->floats[7]));
#pragma GCC ivdep
    for (int64_t i = begin; i < end; i++) {
        const real g = optimizer_clip(rescale * grad[i] + wd * weight[i], bound);
        const real vi = beta2 * old_v[i] + other2 * g * g, di = scale1 * (SQRT(vi / scale2) + epsilon);
        const real zi = beta1 * old_z[i] + other1 * g - (di - beta1 * old_d[i]) * weight[i];
        out[i] = -zi / di;
        d[i] = di;
        v[i] = vi;
        z[i] = zi;
    }
}

/* ptr: out, mean, var, weight, grad, mean, var   ints: bias_correction
 * floats: wd, rescale, clip, beta1, beta2, epsilon, t   items: elements */
CS_KERNEL(lamb_update_phase1) {
    const real *weight = c->ptr[3], *grad = c->ptr[4], *old_mean = c->ptr[5], *old_var = c->ptr[6];
    real *out = c->ptr[0], *mean = c->ptr[1], *var = c->ptr[2];
    const real wd = K(c->floats[0]), rescale = K(c->floats[1]), bound = optimizer_bound(c->floats[2]);
    const real beta1 = K(c->floats[3]), other1 = 1 - beta1, beta2 = K(c->floats[4]), other2 = 1 - beta2;
    const real epsilon = K(c->floats[5]);
    const real scale1 = c->ints[0] ? K(1 - pow((double)beta1, c->floats[6])) : K(1);
    const real scale2 = c->ints[0] ? K(1 - pow((double)beta2, c->floats[6])) : K(1);
#pragma GCC ivdep
    for (int64_t i = begin; i < end; i++) {
        const real g = optimizer_clip(rescale * grad[i], bound);
        const real m = beta1 * old_mean[i] + other1 * g, v = beta2 * old_var[i] + other2 * g * g;
        out[i] = m / scale1 / (SQRT(v / scale2) + epsilon) + wd * weight[i];
        mean[i] = m;
        var[i] = v;
    }
}

/* ptr: out, weight, g, r1, r2   floats: lr, lower, upper   items: elements */
CS_KERNEL(lamb_update_phase2) {
    const real *weight = c->ptr[1], *g = c->ptr[2];
    real *out = c->ptr[0], r1 = *(const real *)c->ptr[3];
    const real r2 = *(const real *)c->ptr[4], lower = K(c->floats[1]), upper = K(c->floats[2]);
    if (lower >= 0 && r1 < lower)
        r1 = lower;
    if (upper >= 0 && r1 > upper)
        r1 = upper;
    const real lr = K(c->floats[0]) * (r1 == 0 || r2 == 0 ? K(1) : r1 / r2);
#pragma GCC ivdep
    for (int64_t i = begin; i < end; i++)
        out[i] = weight[i] - lr * g[i];
}

/* ptr: out, mean, var, weight, grad, mean, var, rescale
 * floats: lr, wd, eta, clip, beta1, beta2, epsilon   items: elements */
CS_KERNEL(adamw_update) {
    const real *weight = c->ptr[3], *grad = c->ptr[4], *old_mean = c->ptr[5], *old_var = c->ptr[6];
    real *out = c->ptr[0], *mean = c->ptr[1], *var = c->ptr[2];
    const real lr = K(c->floats[0]), wd = K(c->floats[1]), eta = K(c->floats[2]);
    const real bound = optimizer_bound(c->floats[3]), epsilon = K(c->floats[6]);
    const real beta1 = K(c->floats[4]), other1 = 1 - beta1, beta2 = K(c->floats[5]), other2 = 1 - beta2;
    const real rescale = *(const real *)c->ptr[7];
    if (!isfinite(rescale) || rescale == 0) { /* a gradient overflowed under loss scaling: skip this step */
        for (int64_t i = begin; i < end; i++) {
            out[i] = weight[i];
            mean[i] = old_mean[i];
            var[i] = old_var[i];
        }
        return;
    }
#pragma GCC ivdep
    for (int64_t i = begin; i < end; i++) {
        const real g = optimizer_clip(rescale * grad[i], bound);
        const real m = beta1 * old_mean[i] + other1 * g, v = beta2 * old_var[i] + other2 * g * g;
        out[i] = weight[i] - eta * (lr * m / (SQRT(v) + epsilon) + wd * weight[i]);
        mean[i] = m;
        var[i] = v;
    }
}

/* ptr: out, weight, grad, lrs, wds   ints: which   floats: rescale, clip   items: elements */
CS_KERNEL(preloaded_sgd_update) {
    const real *weight = c->ptr[1], *grad = c->ptr[2];
    real *out = c->ptr[0];
    const real lr = ((const real *)c->ptr[3])[c->ints[0]], wd = ((const real *)c->ptr[4])[c->ints[0]];
    const real keep = 1 - lr * wd, rescale = K(c->floats[0]), bound = optimizer_bound(c->floats[1]);
#pragma GCC ivdep
    for (int64_t i = begin; i < end; i++)
        out[i] = keep * weight[i] - lr * optimizer_clip(rescale * grad[i], bound);
}

/* ptr: out, mom, weight, grad, mom, lrs, wds   ints: which   floats: rescale, clip, momentum
 * items: elements */
CS_KERNEL(preloaded_sgd_mom_update) {
    const real *weight = c->ptr[2], *grad = c->ptr[3], *old = c->ptr[4];
    real *out = c->ptr[0], *mom = c->ptr[1];
    const real lr = ((const real *)c->ptr[5])[c->ints[0]], wd = ((const real *)c->ptr[6])[c->ints[0]];
    const real decay = lr * wd, rescale = K(c->floats[0]), bound = optimizer_bound(c->floats[1]);
    const real momentum = K(c->floats[2]);
#pragma GCC ivdep
    for (int64_t i = begin; i < end; i++) {
        const real g = optimizer_clip(rescale * grad[i], bound);
        const real m = momentum * old[i] - decay * weight[i] - lr * g;
        out[i] = weight[i] + m;
        mom[i] = m;
    }
}

/* Layer-wise rates (LARS). ptr: out, lrs, weights_sum_sq, grads_sum_sq, wds   floats: eta, epsilon, rescale
 * items: elements */
CS_KERNEL(multi_lars) {
    const real *lrs = c->ptr[1], *w2 = c->ptr[2], *g2 = c->ptr[3], *wds = c->ptr[4];
    real *out = c->ptr[0];
    const real eta = K(c->floats[0]), epsilon = K(c->floats[1]), rescale = K(c->floats[2]);
    for (int64_t i = begin; i < end; i++) {
        const real w = SQRT(w2[i]), g = SQRT(g2[i]) * rescale;
        out[i] = w > 0 && g > 0 ? lrs[i] * eta * w / (g + wds[i] * w + epsilon) : lrs[i];
    }
}
