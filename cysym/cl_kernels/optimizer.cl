//! dtypes: f32 f64
/* Optimizer updates: one pass over weight, gradient and states. */

/* Cut to [-bound, bound], not at all when it is negative; NaN stays. */
static inline real optimizer_clip(real g, real bound) {
    return bound < 0 ? g : g > bound ? bound : g < -bound ? -bound : g;
}

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
