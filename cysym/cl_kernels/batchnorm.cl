//! dtypes: f32 f64
/* Batch normalisation: a work-group a part and channel for the sums, a work-item an element for the rest.
 *
 * See c_kernels/batchnorm.c for the formulas. Without doubles, means are merged as distances from the first
 * part's. */

#define BN_GROUP 64

static inline real bn_group_sum(real v, __local real *box) {
    const int me = get_local_id(0);
    barrier(CLK_LOCAL_MEM_FENCE);
    box[me] = v;
    for (int half_ = BN_GROUP / 2; half_ > 0; half_ /= 2) {
        barrier(CLK_LOCAL_MEM_FENCE);
        if (me < half_)
            box[me] += box[me + half_];
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    return box[0];
}

//! grid bn_stats: items * 64, local 64
// ptr: stats, x   ints: outer, channels, inner, rows, step of x   items: parts * channels
__kernel void bn_stats(OUT(stats), IN(x), INT(outer), INT(channels), INT(inner), INT(rows), INT(x_step),
                       ITEMS) {
    USE_OUT(stats);
    USE_IN(x);
    __local real box[BN_GROUP];
    const long item = get_group_id(0), me = get_local_id(0);
    const long row = item / channels * rows, n = min(rows, outer - row) * inner;
    x += row * x_step + item % channels * inner;
    real sum = 0, left = 0, square = 0;
    for (long i = me; i < n; i += BN_GROUP)
        sum += x[i / inner * x_step + i % inner];
    const real mean = bn_group_sum(sum, box) / K(n);
    for (long i = me; i < n; i += BN_GROUP) {
        const real d = x[i / inner * x_step + i % inner] - mean;
        left += d;
        square += d * d;
    }
    left = bn_group_sum(left, box);
    square = bn_group_sum(square, box);
    if (me == 0) {
        stats[2 * item] = mean + left / K(n);
        stats[2 * item + 1] = square - left * left / K(n);
    }
}

// ptr: mean, scale, stats   ints: parts, channels, size of a part, count   floats: eps   items: channels
__kernel void bn_merge_stats(OUT(mean), OUT(scale), IN(stats), INT(parts), INT(channels), INT(size),
                             INT(count), FLOAT(eps), ITEMS) {
    USE_OUT(mean);
    USE_OUT(scale);
    USE_IN(stats);
    const long i = get_global_id(0);
    if (i >= items)
        return;
    const real first = stats[2 * i];
    real shift = 0, m2 = 0;
    for (long p = 0; p < parts; p++)
        shift += (stats[2 * (p * channels + i)] - first) * (K(min(size, count - p * size)) / K(count));
    for (long p = 0; p < parts; p++) {
        const real d = (stats[2 * (p * channels + i)] - first) - shift;
        m2 += stats[2 * (p * channels + i) + 1] + K(min(size, count - p * size)) * d * d;
    }
    mean[i] = first + shift;
    scale[i] = 1 / SQRT(m2 / K(count) + eps);
}

// ptr: mean, scale, moving_mean, moving_var   ints: gaps of the states   floats: eps   items: channels
__kernel void bn_moving(OUT(mean), OUT(scale), IN(moving_mean), IN(moving_var), INT(mean_gap), INT(var_gap),
                        FLOAT(eps), ITEMS) {
    USE_OUT(mean);
    USE_OUT(scale);
    USE_IN(moving_mean);
    USE_IN(moving_var);
    const long i = get_global_id(0);
    if (i >= items)
        return;
    mean[i] = moving_mean[i * mean_gap];
    scale[i] = 1 / SQRT(moving_var[i * var_gap] + eps);
}

// ptr: gamma   ints: gap   items: channels
__kernel void bn_ones(OUT(gamma), INT(gap), ITEMS) {
    USE_OUT(gamma);
    const long i = get_global_id(0);
    if (i < items)
        gamma[i * gap] = 1;
}

//! grid bn_apply: items * inner, local 64
// ptr: y, x, mean, scale, gamma, beta   ints: channels, inner, is_fixed, steps of y, x   items: rows *
// channels
__kernel void bn_apply(OUT(y), IN(x), IN(mean), IN(scale), IN(gamma), IN(beta), INT(channels), INT(inner),
                       INT(is_fixed), INT(y_step), INT(x_step), ITEMS) {
    USE_OUT(y);
    USE_IN(x);
    USE_IN(mean);
    USE_IN(scale);
    USE_IN(gamma);
    USE_IN(beta);
    const long at = get_global_id(0);
    if (at >= items * inner)
        return;
    const long row = at / (channels * inner), i = at % (channels * inner), ch = i / inner;
    const real s = is_fixed ? scale[ch] : scale[ch] * gamma[ch];
    y[row * y_step + i] = (x[row * x_step + i] - mean[ch]) * s + beta[ch];
}

//! grid bn_grad_sums: items * 64, local 64
// ptr: sums, dy, x, mean   ints: outer, channels, inner, rows, steps of dy, x   items: parts * channels
__kernel void bn_grad_sums(OUT(sums), IN(dy), IN(x), IN(mean), INT(outer), INT(channels), INT(inner),
                           INT(rows), INT(dy_step), INT(x_step), ITEMS) {
    USE_OUT(sums);
    USE_IN(dy);
    USE_IN(x);
    USE_IN(mean);
    __local real box[BN_GROUP];
    const long item = get_group_id(0), me = get_local_id(0), ch = item % channels;
    const long row = item / channels * rows, n = min(rows, outer - row) * inner;
    const real m = mean[ch];
    real a = 0, b = 0;
    for (long i = me; i < n; i += BN_GROUP) {
        const long r = row + i / inner, at = ch * inner + i % inner;
        const real g = dy[r * dy_step + at];
        a += g;
        b += g * (x[r * x_step + at] - m);
    }
    a = bn_group_sum(a, box);
    b = bn_group_sum(b, box);
    if (me == 0) {
        sums[2 * item] = a;
        sums[2 * item + 1] = b;
    }
}

// ptr: dgamma, dbeta, factors, sums, gamma, scale   ints: parts, channels, count, is_fixed   items: channels
__kernel void bn_grad_merge(OUT(dgamma), OUT(dbeta), OUT(factors), IN(sums), IN(gamma), IN(scale), INT(parts),
                            INT(channels), INT(count), INT(is_fixed), ITEMS) {
    USE_OUT(dgamma);
    USE_OUT(dbeta);
    USE_OUT(factors);
    USE_IN(sums);
    USE_IN(gamma);
    USE_IN(scale);
    const long i = get_global_id(0);
    if (i >= items)
        return;
    const real r = scale[i];
    real a = 0, b = 0;
    for (long p = 0; p < parts; p++) {
        a += sums[2 * (p * channels + i)];
        b += sums[2 * (p * channels + i) + 1];
    }
    dgamma[i] = is_fixed ? K(0) : r * b;
    dbeta[i] = a;
    factors[3 * i] = is_fixed ? r : r * gamma[i];
    factors[3 * i + 1] = a / K(count);
    factors[3 * i + 2] = r * r * b / K(count);
}

//! grid bn_grad_data: items * inner, local 64
// ptr: dx, dy, x, mean, factors   ints: channels, inner, is_batch, steps of dx, dy, x   items: rows *
// channels
__kernel void bn_grad_data(OUT(dx), IN(dy), IN(x), IN(mean), IN(factors), INT(channels), INT(inner),
                           INT(is_batch), INT(dx_step), INT(dy_step), INT(x_step), ITEMS) {
    USE_OUT(dx);
    USE_IN(dy);
    USE_IN(x);
    USE_IN(mean);
    USE_IN(factors);
    const long at = get_global_id(0);
    if (at >= items * inner)
        return;
    const long row = at / (channels * inner), i = at % (channels * inner), ch = i / inner;
    const real g = dy[row * dy_step + i], a = factors[3 * ch];
    if (is_batch)
        dx[row * dx_step + i] =
            a * (g - factors[3 * ch + 1] - (x[row * x_step + i] - mean[ch]) * factors[3 * ch + 2]);
    else
        dx[row * dx_step + i] = a * g;
}

// ptr: moving_mean, moving_var, mean, scale, moving_mean, moving_var   ints: gaps of the states
// floats: momentum, eps   items: channels
__kernel void bn_move(OUT(moving_mean), OUT(moving_var), IN(mean), IN(scale), IN(old_mean), IN(old_var),
                      INT(mean_gap), INT(var_gap), FLOAT(momentum), FLOAT(eps), ITEMS) {
    USE_OUT(moving_mean);
    USE_OUT(moving_var);
    USE_IN(mean);
    USE_IN(scale);
    USE_IN(old_mean);
    USE_IN(old_var);
    const long i = get_global_id(0);
    if (i >= items)
        return;
    const real r = scale[i], var = 1 / (r * r) - eps;
    moving_mean[i * mean_gap] = old_mean[i * mean_gap] * momentum + mean[i] * (1 - momentum);
    moving_var[i * var_gap] = old_var[i * var_gap] * momentum + (var < 0 ? K(0) : var) * (1 - momentum);
}
