//! dtypes: f32 f64
/* Optimizer updates: one pass over weight, gradient and states. */

/* Cut to [-bound, bound], not at all when it is negative; NaN stays. */
static inline real optimizer_clip(real g, real bound) {
    return bound < 0 ? g : g > bound ? bound : g < -bound ? -bound : g;
}

static inline real optimizer_sign(real x) { return x > 0 ? K(1) : x < 0 ? K(-1) : x; }

// ptr: out, weight, grad   floats: lr, wd, rescale, clip   items: elements
__kernel void sgd_update(OUT(out), IN(weight), IN(grad), FLOAT(lr), FLOAT(wd), FLOAT(rescale), FLOAT(clip),
                         ITEMS) {
    USE_OUT(out);
    USE_IN(weight);
    USE_IN(grad);
    const long i = get_global_id(0);
    if (i < items)
        out[i] = (1 - lr * wd) * weight[i] - lr * optimizer_clip(rescale * grad[i], clip);
}

// ptr: out, mom, weight, grad, mom   floats: lr, wd, rescale, clip, momentum   items: elements
__kernel void sgd_mom_update(OUT(out), OUT(mom), IN(weight), IN(grad), IN(old), FLOAT(lr), FLOAT(wd),
                             FLOAT(rescale), FLOAT(clip), FLOAT(momentum), ITEMS) {
    USE_OUT(out);
    USE_OUT(mom);
    USE_IN(weight);
    USE_IN(grad);
    USE_IN(old);
    const long i = get_global_id(0);
    if (i >= items)
        return;
    const real g = optimizer_clip(rescale * grad[i], clip);
    const real m = momentum * old[i] - lr * wd * weight[i] - lr * g;
    out[i] = weight[i] + m;
    mom[i] = m;
}

// ptr: out, mean, var, weight, grad, mean, var   floats: lr, wd, rescale, clip, beta1, beta2, epsilon
// items: elements
__kernel void adam_update(OUT(out), OUT(mean), OUT(var), IN(weight), IN(grad), IN(old_mean), IN(old_var),
                          FLOAT(lr), FLOAT(wd), FLOAT(rescale), FLOAT(clip), FLOAT(beta1), FLOAT(beta2),
                          FLOAT(epsilon), ITEMS) {
    USE_OUT(out);
    USE_OUT(mean);
    USE_OUT(var);
    USE_IN(weight);
    USE_IN(grad);
    USE_IN(old_mean);
    USE_IN(old_var);
    const long i = get_global_id(0);
    if (i >= items)
        return;
    const real g = optimizer_clip(rescale * grad[i] + wd * weight[i], clip);
    const real m = beta1 * old_mean[i] + (1 - beta1) * g;
    const real v = beta2 * old_var[i] + (1 - beta2) * g * g;
    out[i] = weight[i] - lr * m / (SQRT(v) + epsilon);
    mean[i] = m;
    var[i] = v;
}

/* What the average of t updates lacks: 1 - beta ** t, without cancellation. */
static inline real optimizer_missing(real beta, real t) { return -expm1(t * log(beta)); }

// `ahead`: the momentum decays the new weight instead of the old one.
// ptr: out, mom, weight, grad, old   ints: ahead   floats: lr, wd, rescale, clip, momentum   items: elements
__kernel void nag_mom_update(OUT(out), OUT(mom), IN(weight), IN(grad), IN(old), INT(ahead), FLOAT(lr),
                             FLOAT(wd), FLOAT(rescale), FLOAT(clip), FLOAT(momentum), ITEMS) {
    USE_OUT(out);
    USE_OUT(mom);
    USE_IN(weight);
    USE_IN(grad);
    USE_IN(old);
    const long i = get_global_id(0);
    if (i >= items)
        return;
    const real step = lr * (optimizer_clip(rescale * grad[i], clip) + wd * weight[i]);
    const real m = momentum * old[i] - step, move = momentum * m - step;
    out[i] = weight[i] + move;
    mom[i] = ahead ? m - lr * wd * move : m;
}

// ptr: out, weight, grad   floats: lr, wd, rescale, clip   items: elements
__kernel void signsgd_update(OUT(out), IN(weight), IN(grad), FLOAT(lr), FLOAT(wd), FLOAT(rescale),
                             FLOAT(clip), ITEMS) {
    USE_OUT(out);
    USE_IN(weight);
    USE_IN(grad);
    const long i = get_global_id(0);
    if (i >= items)
        return;
    out[i] = (1 - lr * wd) * weight[i] - lr * optimizer_sign(grad[i]);
}

// ptr: out, mom, weight, grad, old   floats: lr, wd, rescale, clip, momentum, wd_lh   items: elements
__kernel void signum_update(OUT(out), OUT(mom), IN(weight), IN(grad), IN(old), FLOAT(lr), FLOAT(wd),
                            FLOAT(rescale), FLOAT(clip), FLOAT(momentum), FLOAT(wd_lh), ITEMS) {
    USE_OUT(out);
    USE_OUT(mom);
    USE_IN(weight);
    USE_IN(grad);
    USE_IN(old);
    const long i = get_global_id(0);
    if (i >= items)
        return;
    const real g = optimizer_clip(rescale * grad[i], clip) + wd * weight[i];
    const real m = momentum * old[i] - (1 - momentum) * g;
    out[i] = (1 - lr * wd_lh) * weight[i] + lr * optimizer_sign(m);
    mom[i] = m;
}

// ptr: out, z, n, weight, grad, old_z, old_n   floats: lr, wd, rescale, clip, lamda1, beta   items: elements
__kernel void ftrl_update(OUT(out), OUT(z), OUT(n), IN(weight), IN(grad), IN(old_z), IN(old_n), FLOAT(lr),
                          FLOAT(wd), FLOAT(rescale), FLOAT(clip), FLOAT(lamda1), FLOAT(beta), ITEMS) {
    USE_OUT(out);
    USE_OUT(z);
    USE_OUT(n);
    USE_IN(weight);
    USE_IN(grad);
    USE_IN(old_z);
    USE_IN(old_n);
    const long i = get_global_id(0);
    if (i >= items)
        return;
    const real g = optimizer_clip(rescale * grad[i], clip), sum = old_n[i] + g * g, root = SQRT(sum);
    const real zi = old_z[i] + g - (root - SQRT(old_n[i])) * weight[i] / lr;
    const real step = (optimizer_sign(zi) * lamda1 - zi) / ((beta + root) / lr + wd);
    out[i] = (zi < 0 ? -zi : zi) > lamda1 ? step : K(0);
    z[i] = zi;
    n[i] = sum;
}

// ptr: out, n, weight, grad, old   floats: lr, wd, rescale, clip, gamma1, epsilon, clip_weights   items:
// elements
__kernel void rmsprop_update(OUT(out), OUT(n), IN(weight), IN(grad), IN(old), FLOAT(lr), FLOAT(wd),
                             FLOAT(rescale), FLOAT(clip), FLOAT(gamma1), FLOAT(epsilon), FLOAT(clip_weights),
                             ITEMS) {
    USE_OUT(out);
    USE_OUT(n);
    USE_IN(weight);
    USE_IN(grad);
    USE_IN(old);
    const long i = get_global_id(0);
    if (i >= items)
        return;
    const real g = optimizer_clip(rescale * grad[i] + wd * weight[i], clip);
    const real ni = gamma1 * old[i] + (1 - gamma1) * g * g;
    out[i] = optimizer_clip(weight[i] - lr * g / SQRT(ni + epsilon), clip_weights);
    n[i] = ni;
}

// ptr: out, n, mean, delta, weight, grad, old_n, old_g, old_delta   floats: lr, wd, rescale, clip, gamma1,
// gamma2, epsilon, clip_weights   items: elements
__kernel void rmspropalex_update(OUT(out), OUT(n), OUT(mean), OUT(delta), IN(weight), IN(grad), IN(old_n),
                                 IN(old_g), IN(old_delta), FLOAT(lr), FLOAT(wd), FLOAT(rescale), FLOAT(clip),
                                 FLOAT(gamma1), FLOAT(gamma2), FLOAT(epsilon), FLOAT(clip_weights), ITEMS) {
    USE_OUT(out);
    USE_OUT(n);
    USE_OUT(mean);
    USE_OUT(delta);
    USE_IN(weight);
    USE_IN(grad);
    USE_IN(old_n);
    USE_IN(old_g);
    USE_IN(old_delta);
    const long i = get_global_id(0);
    if (i >= items)
        return;
    const real g = optimizer_clip(rescale * grad[i] + wd * weight[i], clip);
    const real ni = gamma1 * old_n[i] + (1 - gamma1) * g * g, gi = gamma1 * old_g[i] + (1 - gamma1) * g;
    const real d = gamma2 * old_delta[i] - lr * g / SQRT(ni - gi * gi + epsilon);
    out[i] = optimizer_clip(weight[i] + d, clip_weights);
    n[i] = ni;
    mean[i] = gi;
    delta[i] = d;
}

// ptr: out, d, v, z, weight, grad, old_d, old_v, old_z   floats: lr, wd, rescale, clip, beta1, beta2,
// epsilon, t   items: elements
__kernel void ftml_update(OUT(out), OUT(d), OUT(v), OUT(z), IN(weight), IN(grad), IN(old_d), IN(old_v),
                          IN(old_z), FLOAT(lr), FLOAT(wd), FLOAT(rescale), FLOAT(clip), FLOAT(beta1),
                          FLOAT(beta2), FLOAT(epsilon), FLOAT(t), ITEMS) {
    USE_OUT(out);
    USE_OUT(d);
    USE_OUT(v);
    USE_OUT(z);
    USE_IN(weight);
    USE_IN(grad);
    USE_IN(old_d);
    USE_IN(old_v);
    USE_IN(old_z);
    const long i = get_global_id(0);
    if (i >= items)
        return;
    const real g = optimizer_clip(rescale * grad[i] + wd * weight[i], clip);
    const real vi = beta2 * old_v[i] + (1 - beta2) * g * g;
    const real di = optimizer_missing(beta1, t) / lr * (SQRT(vi / optimizer_missing(beta2, t)) + epsilon);
    const real zi = beta1 * old_z[i] + (1 - beta1) * g - (di - beta1 * old_d[i]) * weight[i];
    out[i] = -zi / di;
    d[i] = di;
    v[i] = vi;
    z[i] = zi;
}

// ptr: out, mean, var, weight, grad, old_mean, old_var   ints: bias_correction   floats: wd, rescale, clip,
// beta1, beta2, epsilon, t   items: elements
__kernel void lamb_update_phase1(OUT(out), OUT(mean), OUT(var), IN(weight), IN(grad), IN(old_mean),
                                 IN(old_var), INT(bias_correction), FLOAT(wd), FLOAT(rescale), FLOAT(clip),
                                 FLOAT(beta1), FLOAT(beta2), FLOAT(epsilon), FLOAT(t), ITEMS) {
    USE_OUT(out);
    USE_OUT(mean);
    USE_OUT(var);
    USE_IN(weight);
    USE_IN(grad);
    USE_IN(old_mean);
    USE_IN(old_var);
    const long i = get_global_id(0);
    if (i >= items)
        return;
    const real g = optimizer_clip(rescale * grad[i], clip);
    const real m = beta1 * old_mean[i] + (1 - beta1) * g, v = beta2 * old_var[i] + (1 - beta2) * g * g;
    const real scale1 = bias_correction ? optimizer_missing(beta1, t) : K(1);
    const real scale2 = bias_correction ? optimizer_missing(beta2, t) : K(1);
    out[i] = m / scale1 / (SQRT(v / scale2) + epsilon) + wd * weight[i];
    mean[i] = m;
    var[i] = v;
}

// ptr: out, weight, g, r1, r2   floats: lr, lower, upper   items: elements
__kernel void lamb_update_phase2(OUT(out), IN(weight), IN(g), IN(r1), IN(r2), FLOAT(lr), FLOAT(lower),
                                 FLOAT(upper), ITEMS) {
    USE_OUT(out);
    USE_IN(weight);
    USE_IN(g);
    USE_IN(r1);
    USE_IN(r2);
    const long i = get_global_id(0);
    if (i >= items)
        return;
    real top = r1[0];
    if (lower >= 0 && top < lower)
        top = lower;
    if (upper >= 0 && top > upper)
        top = upper;
    out[i] = weight[i] - lr * (top == 0 || r2[0] == 0 ? K(1) : top / r2[0]) * g[i];
}

// ptr: out, mean, var, weight, grad, old_mean, old_var, rescale   floats: lr, wd, eta, clip, beta1, beta2,
// epsilon   items: elements
__kernel void adamw_update(OUT(out), OUT(mean), OUT(var), IN(weight), IN(grad), IN(old_mean), IN(old_var),
                           IN(rescale), FLOAT(lr), FLOAT(wd), FLOAT(eta), FLOAT(clip), FLOAT(beta1),
                           FLOAT(beta2), FLOAT(epsilon), ITEMS) {
    USE_OUT(out);
    USE_OUT(mean);
    USE_OUT(var);
    USE_IN(weight);
    USE_IN(grad);
    USE_IN(old_mean);
    USE_IN(old_var);
    USE_IN(rescale);
    const long i = get_global_id(0);
    if (i >= items)
        return;
    const real scale = rescale[0];
    const bool skip = !isfinite(scale) || scale == 0; // a gradient overflowed under loss scaling
    const real g = optimizer_clip(scale * grad[i], clip);
    const real m = skip ? old_mean[i] : beta1 * old_mean[i] + (1 - beta1) * g;
    const real v = skip ? old_var[i] : beta2 * old_var[i] + (1 - beta2) * g * g;
    out[i] = skip ? weight[i] : weight[i] - eta * (lr * m / (SQRT(v) + epsilon) + wd * weight[i]);
    mean[i] = m;
    var[i] = v;
}

// ptr: out, weight, grad, lrs, wds   ints: which   floats: rescale, clip   items: elements
__kernel void preloaded_sgd_update(OUT(out), IN(weight), IN(grad), IN(lrs), IN(wds), INT(which),
                                   FLOAT(rescale), FLOAT(clip), ITEMS) {
    USE_OUT(out);
    USE_IN(weight);
    USE_IN(grad);
    USE_IN(lrs);
    USE_IN(wds);
    const long i = get_global_id(0);
    if (i >= items)
        return;
    const real lr = lrs[which];
    out[i] = (1 - lr * wds[which]) * weight[i] - lr * optimizer_clip(rescale * grad[i], clip);
}

// ptr: out, mom, weight, grad, old, lrs, wds   ints: which   floats: rescale, clip, momentum   items:
// elements
__kernel void preloaded_sgd_mom_update(OUT(out), OUT(mom), IN(weight), IN(grad), IN(old), IN(lrs), IN(wds),
                                       INT(which), FLOAT(rescale), FLOAT(clip), FLOAT(momentum), ITEMS) {
    USE_OUT(out);
    USE_OUT(mom);
    USE_IN(weight);
    USE_IN(grad);
    USE_IN(old);
    USE_IN(lrs);
    USE_IN(wds);
    const long i = get_global_id(0);
    if (i >= items)
        return;
    const real lr = lrs[which], g = optimizer_clip(rescale * grad[i], clip);
    const real m = momentum * old[i] - lr * wds[which] * weight[i] - lr * g;
    out[i] = weight[i] + m;
    mom[i] = m;
}

// ptr: out, lrs, w2, g2, wds   floats: eta, epsilon, rescale   items: elements
__kernel void multi_lars(OUT(out), IN(lrs), IN(w2), IN(g2), IN(wds), FLOAT(eta), FLOAT(epsilon),
                         FLOAT(rescale), ITEMS) {
    USE_OUT(out);
    USE_IN(lrs);
    USE_IN(w2);
    USE_IN(g2);
    USE_IN(wds);
    const long i = get_global_id(0);
    if (i >= items)
        return;
    const real w = SQRT(w2[i]), g = SQRT(g2[i]) * rescale;
    out[i] = w > 0 && g > 0 ? lrs[i] * eta * w / (g + wds[i] * w + epsilon) : lrs[i];
}
