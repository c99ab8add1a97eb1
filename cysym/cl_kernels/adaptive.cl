//! dtypes: f32 f64
/* Fused updates of the optimizers MXNet composes of array operators: one pass over all arrays. */

/* Cut to [-bound, bound], not at all when it is negative; NaN stays. */
static inline real adaptive_clip(real g, real bound) {
    return bound < 0 ? g : g > bound ? bound : g < -bound ? -bound : g;
}

// ptr: out, history, weight, grad, history   floats: lr, wd, rescale, clip, epsilon   items: elements
__kernel void adagrad_update(OUT(out), OUT(history), IN(weight), IN(grad), IN(old), FLOAT(lr), FLOAT(wd),
                             FLOAT(rescale), FLOAT(clip), FLOAT(epsilon), ITEMS) {
    USE_OUT(out);
    USE_OUT(history);
    USE_IN(weight);
    USE_IN(grad);
    USE_IN(old);
    const long i = get_global_id(0);
    if (i >= items)
        return;
    const real g = adaptive_clip(rescale * grad[i], clip), sum = old[i] + g * g;
    out[i] = weight[i] - lr * (g / SQRT(sum + epsilon) + wd * weight[i]);
    history[i] = sum;
}

// ptr: out, acc_g, acc_delta, weight, grad, acc_g, acc_delta
// floats: wd, rescale, clip, rho, 1 - rho, epsilon   items: elements
__kernel void adadelta_update(OUT(out), OUT(acc_g), OUT(acc_delta), IN(weight), IN(grad), IN(old_g),
                              IN(old_delta), FLOAT(wd), FLOAT(rescale), FLOAT(clip), FLOAT(rho), FLOAT(other),
                              FLOAT(epsilon), ITEMS) {
    USE_OUT(out);
    USE_OUT(acc_g);
    USE_OUT(acc_delta);
    USE_IN(weight);
    USE_IN(grad);
    USE_IN(old_g);
    USE_IN(old_delta);
    const long i = get_global_id(0);
    if (i >= items)
        return;
    const real g = adaptive_clip(rescale * grad[i], clip), sum = rho * old_g[i] + other * g * g;
    const real delta = SQRT(old_delta[i] + epsilon) / SQRT(sum + epsilon) * g;
    out[i] = weight[i] - (delta + wd * weight[i]);
    acc_g[i] = sum;
    acc_delta[i] = rho * old_delta[i] + other * delta * delta;
}

// ptr: out, mean, top, weight, grad, mean, top
// floats: lr, wd, rescale, clip, beta1, 1 - beta1, beta2   items: elements
__kernel void adamax_update(OUT(out), OUT(mean), OUT(top), IN(weight), IN(grad), IN(old_mean), IN(old_top),
                            FLOAT(lr), FLOAT(wd), FLOAT(rescale), FLOAT(clip), FLOAT(beta1), FLOAT(other1),
                            FLOAT(beta2), ITEMS) {
    USE_OUT(out);
    USE_OUT(mean);
    USE_OUT(top);
    USE_IN(weight);
    USE_IN(grad);
    USE_IN(old_mean);
    USE_IN(old_top);
    const long i = get_global_id(0);
    if (i >= items)
        return;
    const real g = adaptive_clip(rescale * grad[i] + wd * weight[i], clip), size = g < 0 ? -g : g;
    const real m = beta1 * old_mean[i] + other1 * g, faded = beta2 * old_top[i];
    const real u = faded > size || faded != faded ? faded : size;
    // u is 0 where no gradient was ever other than 0, and m, too: 0 / 0 would spoil the weight
    out[i] = u == 0 ? weight[i] : weight[i] - lr * m / u;
    mean[i] = m;
    top[i] = u;
}

// ptr: out, mean, var, weight, grad, mean, var
// floats: lr, wd, rescale, clip, beta1, 1 - beta1, beta2, 1 - beta2, epsilon, share of g, share of mean,
// 1 - beta2^t   items: elements
__kernel void nadam_update(OUT(out), OUT(mean), OUT(var), IN(weight), IN(grad), IN(old_mean), IN(old_var),
                           FLOAT(lr), FLOAT(wd), FLOAT(rescale), FLOAT(clip), FLOAT(beta1), FLOAT(other1),
                           FLOAT(beta2), FLOAT(other2), FLOAT(epsilon), FLOAT(share_g), FLOAT(share_mean),
                           FLOAT(missing), ITEMS) {
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
    const real g = adaptive_clip(rescale * grad[i] + wd * weight[i], clip);
    const real m = beta1 * old_mean[i] + other1 * g, v = beta2 * old_var[i] + other2 * g * g;
    out[i] = weight[i] - lr * (share_g * g + share_mean * m) / (SQRT(v / missing) + epsilon);
    mean[i] = m;
    var[i] = v;
}

// ptr: out, previous, weight, grad, previous   floats: lr, wd, rescale, clip, lamda   items: elements
__kernel void dcasgd_update(OUT(out), OUT(previous), IN(weight), IN(grad), IN(old), FLOAT(lr), FLOAT(wd),
                            FLOAT(rescale), FLOAT(clip), FLOAT(lamda), ITEMS) {
    USE_OUT(out);
    USE_OUT(previous);
    USE_IN(weight);
    USE_IN(grad);
    USE_IN(old);
    const long i = get_global_id(0);
    if (i >= items)
        return;
    const real w = weight[i], g = adaptive_clip(rescale * grad[i], clip);
    out[i] = w - lr * (g + wd * w + lamda * g * g * (w - old[i]));
    previous[i] = w;
}

// ptr: out, mom, previous, weight, grad, mom, previous
// floats: lr, wd, rescale, clip, lamda, momentum   items: elements
__kernel void dcasgd_mom_update(OUT(out), OUT(mom), OUT(previous), IN(weight), IN(grad), IN(old_mom), IN(old),
                                FLOAT(lr), FLOAT(wd), FLOAT(rescale), FLOAT(clip), FLOAT(lamda),
                                FLOAT(momentum), ITEMS) {
    USE_OUT(out);
    USE_OUT(mom);
    USE_OUT(previous);
    USE_IN(weight);
    USE_IN(grad);
    USE_IN(old_mom);
    USE_IN(old);
    const long i = get_global_id(0);
    if (i >= items)
        return;
    const real w = weight[i], g = adaptive_clip(rescale * grad[i], clip);
    const real m = momentum * old_mom[i] - lr * (g + wd * w + lamda * g * g * (w - old[i]));
    out[i] = w + m;
    mom[i] = m;
    previous[i] = w;
}
