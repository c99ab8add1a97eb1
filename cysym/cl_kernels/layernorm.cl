//! dtypes: f32 f64
/* Layer, group and instance normalisation of dense rows, a work-group a row; see c_kernels/layernorm.c.
 *
 * Kernels with barriers have an exact grid and no early return. */

#define LAYERNORM_GROUP 128

static inline real layernorm_group_sum(real v, __local real *box) {
    const int me = get_local_id(0);
    barrier(CLK_LOCAL_MEM_FENCE);
    box[me] = v;
    for (int half_ = LAYERNORM_GROUP / 2; half_ > 0; half_ /= 2) {
        barrier(CLK_LOCAL_MEM_FENCE);
        if (me < half_)
            box[me] += box[me + half_];
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    return box[0];
}

//! grid layernorm: items * 128, local 128
// ptr: y, mean, std, x, gamma, beta   ints: n, groups   floats: eps   items: rows
__kernel void layernorm(OUT(y), OUT(mean), OUT(std), IN(x), IN(gamma), IN(beta), INT(n), INT(groups),
                        FLOAT(eps), ITEMS) {
    USE_OUT(y);
    USE_OUT(mean);
    USE_OUT(std);
    USE_IN(x);
    USE_IN(gamma);
    USE_IN(beta);
    __local real box[LAYERNORM_GROUP];
    const long row = get_group_id(0), me = get_local_id(0);
    real sum = 0, left = 0, square = 0;
    for (long i = me; i < n; i += LAYERNORM_GROUP)
        sum += x[row * n + i];
    const real near_ = layernorm_group_sum(sum, box) / K(n);
    for (long i = me; i < n; i += LAYERNORM_GROUP) {
        const real d = x[row * n + i] - near_;
        left += d;
        square += d * d;
    }
    left = layernorm_group_sum(left, box) / K(n);
    square = layernorm_group_sum(square, box) / K(n);
    const real m = near_ + left, s = SQRT(square - left * left + eps), r = 1 / s;
    if (me == 0) {
        mean[row] = m;
        std[row] = s;
    }
    for (long i = me; i < n; i += LAYERNORM_GROUP) {
        const long at = groups ? row % groups : i;
        y[row * n + i] = (x[row * n + i] - m) * r * gamma[at] + beta[at];
    }
}

//! grid layernorm_grad: items * 128, local 128
// ptr: dx, sums, dy, x, gamma, mean, std   ints: rows, n, height   items: parts of `height` rows
__kernel void layernorm_grad(OUT(dx), OUT(sums), IN(dy), IN(x), IN(gamma), IN(mean), IN(std), INT(rows),
                             INT(n), INT(height), ITEMS) {
    USE_OUT(dx);
    USE_OUT(sums);
    USE_IN(dy);
    USE_IN(x);
    USE_IN(gamma);
    USE_IN(mean);
    USE_IN(std);
    __local real box[LAYERNORM_GROUP];
    const long part = get_group_id(0), me = get_local_id(0), stop = min(rows, (part + 1) * height);
    __global real *dgamma = sums + part * 2 * n, *dbeta = dgamma + n;
    for (long i = me; i < n; i += LAYERNORM_GROUP)
        dgamma[i] = dbeta[i] = 0;
    for (long row = part * height; row < stop; row++) {
        const real m = mean[row], r = 1 / std[row];
        real a = 0, b = 0;
        for (long i = me; i < n; i += LAYERNORM_GROUP) {
            const real g = dy[row * n + i], h = (x[row * n + i] - m) * r, w = g * gamma[i];
            dgamma[i] += g * h;
            dbeta[i] += g;
            a += w;
            b += w * h;
        }
        a = layernorm_group_sum(a, box) / K(n);
        b = layernorm_group_sum(b, box) / K(n);
        for (long i = me; i < n; i += LAYERNORM_GROUP)
            dx[row * n + i] = (dy[row * n + i] * gamma[i] - a - (x[row * n + i] - m) * r * b) * r;
    }
}

//! grid layernorm_group_grad: items * 128, local 128
// ptr: dx, sums, dy, x, gamma, mean, std   ints: n, groups   items: rows (batch * groups)
__kernel void layernorm_group_grad(OUT(dx), OUT(sums), IN(dy), IN(x), IN(gamma), IN(mean), IN(std), INT(n),
                                   INT(groups), ITEMS) {
    USE_OUT(dx);
    USE_OUT(sums);
    USE_IN(dy);
    USE_IN(x);
    USE_IN(gamma);
    USE_IN(mean);
    USE_IN(std);
    __local real box[LAYERNORM_GROUP];
    const long row = get_group_id(0), me = get_local_id(0);
    const real m = mean[row], r = 1 / std[row];
    real a = 0, b = 0;
    for (long i = me; i < n; i += LAYERNORM_GROUP) {
        const real g = dy[row * n + i];
        a += g;
        b += g * ((x[row * n + i] - m) * r);
    }
    a = layernorm_group_sum(a, box);
    b = layernorm_group_sum(b, box);
    if (me == 0) {
        sums[row / groups * 2 * groups + row % groups] = b;
        sums[row / groups * 2 * groups + groups + row % groups] = a;
    }
    a /= K(n);
    b = b / K(n) * r;
    for (long i = me; i < n; i += LAYERNORM_GROUP)
        dx[row * n + i] = (dy[row * n + i] - a - (x[row * n + i] - m) * b) * (gamma[row % groups] * r);
}

// ptr: dgamma, dbeta, sums   ints: parts, n   items: n
__kernel void layernorm_merge(OUT(dgamma), OUT(dbeta), IN(sums), INT(parts), INT(n), ITEMS) {
    USE_OUT(dgamma);
    USE_OUT(dbeta);
    USE_IN(sums);
    const long i = get_global_id(0);
    if (i >= items)
        return;
    real a = 0, b = 0;
    for (long p = 0; p < parts; p++) {
        a += sums[2 * p * n + i];
        b += sums[(2 * p + 1) * n + i];
    }
    dgamma[i] = a;
    dbeta[i] = b;
}
